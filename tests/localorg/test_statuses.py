"""Stages and statuses as records: which there are, what they mean, and that each is found by its Id."""

from __future__ import annotations

import pytest
from rig.local_rest import BASE, Rest

KINDS = {
    "OpportunityStage": "Opportunity.StageName",
    "CaseStatus": "Case.Status",
    "TaskStatus": "Task.Status",
    "TaskPriority": "Task.Priority",
    "LeadStatus": "Lead.Status",
    "ContractStatus": "Contract.Status",
    "OrderStatus": "Order.Status",
}


@pytest.mark.parametrize(("name", "path"), KINDS.items())
def test_every_value_of_a_status_field_is_a_record(web: Rest, name: str, path: str) -> None:
    """The records have the picklist's values in its order, each with an Id of its own that leads to it."""
    owner, _, field = path.partition(".")
    described = web.get(f"{BASE}/sobjects/{owner}/describe").json()["fields"]
    values = next(f["picklistValues"] for f in described if f["name"] == field)
    found = web.records(f"SELECT Id, MasterLabel, ApiName FROM {name} ORDER BY SortOrder")
    assert [record["ApiName"] for record in found] == [value["value"] for value in values]
    for record in found:
        read = web.get(f"{BASE}/sobjects/{name}/{record['Id']}").json()
        assert (read["ApiName"], read["attributes"]["type"]) == (record["ApiName"], name)


def test_the_ids_of_all_statuses_differ(web: Rest) -> None:
    """Objects of setup share a prefix, but no two of their records share an Id."""
    ids = [record["Id"] for name in KINDS for record in web.records(f"SELECT Id FROM {name}")]
    assert {record_id[:3] for record_id in ids} == {"01J"}
    assert len(set(ids)) == len(ids)


def test_a_stage_tells_what_it_implies(web: Rest) -> None:
    """A stage has what an opportunity in it gets: closed, won, its forecast category and probability."""
    (won,) = web.records(
        "SELECT IsActive, IsClosed, IsWon, ForecastCategoryName, DefaultProbability FROM OpportunityStage "
        "WHERE MasterLabel = 'Closed Won'",
    )
    assert won == {
        "IsActive": True,
        "IsClosed": True,
        "IsWon": True,
        "ForecastCategoryName": "Closed",
        "DefaultProbability": 100.0,
    }
    assert web.records("SELECT ApiName FROM CaseStatus WHERE IsClosed = true") == [{"ApiName": "Closed"}]
    assert web.records("SELECT ApiName FROM TaskPriority WHERE IsDefault = true") == [{"ApiName": "Normal"}]
    assert web.records("SELECT StatusCode FROM ContractStatus WHERE ApiName = 'In Approval Process'") == [
        {"StatusCode": "InApproval"}
    ]


def test_statuses_are_set_up_not_written(web: Rest) -> None:
    """No API writes records of setup."""
    reply = web.post(f"{BASE}/sobjects/CaseStatus", json={"MasterLabel": "x", "ApiName": "x"})
    assert (reply.status_code, reply.json()[0]["errorCode"]) == (400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY")
