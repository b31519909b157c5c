"""What django-salesforce asks of an org besides queries and rows, tried by plain HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from rig.local_rest import bare

from sfdata.localorg import LocalOrg

SCHEMA = """
[Trip__c]
[Trip__c.fields]
Guide__c = { type = "lookup", to = "Contact" }
"""

pytestmark = pytest.mark.local_org(schema=SCHEMA)


class Django(httpx.Client):
    """The REST API as django-salesforce speaks it: a slash at the end, a token called OAuth."""

    def __init__(self, org: LocalOrg) -> None:
        headers = {"Authorization": f"OAuth {org.access_token}"}
        super().__init__(base_url=f"{org.instance_url}/services/data/v66.0", headers=headers, trust_env=False)

    def create(self, sobject: str, **fields: Any) -> str:
        reply = self.post(f"/sobjects/{sobject}/", json=fields)
        assert reply.status_code == 201, reply.text
        record_id: str = reply.json()["id"]
        return record_id

    def rows(self, soql: str) -> list[dict[str, Any]]:
        reply = self.get("/query/", params={"q": soql})
        assert reply.status_code == 200, reply.text
        return [bare(row) for row in reply.json()["records"]]


@pytest.fixture(scope="module")
def django(org: LocalOrg) -> Iterator[Django]:
    with Django(org) as client:
        yield client


def test_files_and_activities_belong_to_custom_objects(django: Django) -> None:
    """An attachment, a note and a task of a custom object's record are found by it, also through a semi-join."""
    guide = django.create("Contact", LastName="Guide")
    trip, other = django.create("Trip__c", Name="North", Guide__c=guide), django.create("Trip__c", Name="South")
    for parent in (trip, other):
        django.create("Attachment", Name=f"Map of {parent}", ParentId=parent, Body="")
        django.create("Note", Title="Remember", ParentId=parent)
        django.create("Task", Subject="Call", WhatId=parent)
    semi_join = "IN (SELECT Id FROM Trip__c WHERE Guide__r.LastName = 'Guide')"
    assert django.rows(f"SELECT Name, BodyLength FROM Attachment WHERE ParentId {semi_join}") == [
        {"Name": f"Map of {trip}", "BodyLength": 0}
    ]
    assert (
        django.rows("SELECT Parent.Name FROM Note WHERE Parent.Type = 'Trip__c' ORDER BY Parent.Name")[0]["Parent"][
            "Name"
        ]
        == "North"
    )
    (row,) = django.rows(f"SELECT (SELECT Subject FROM Tasks) FROM Trip__c WHERE Id = '{trip}'")
    assert [task["Subject"] for task in row["Tasks"]["records"]] == ["Call"]
    described = django.get("/sobjects/Trip__c/describe").json()
    assert {"Attachments", "Notes", "Tasks", "Events", "ContentDocumentLinks"} <= {
        child["relationshipName"] for child in described["childRelationships"]
    }


def test_business_hours_are_times_of_day(django: Django) -> None:
    """Every org has default hours; a time is read as it is written, and the day's end is one, too."""
    (hours,) = django.rows("SELECT Id, IsDefault, MondayStartTime FROM BusinessHours")
    assert (hours["IsDefault"], hours["MondayStartTime"]) == (True, "00:00:00.000Z")
    change = {"MondayStartTime": "23:59:00.000Z"}
    assert django.patch(f"/sobjects/BusinessHours/{hours['Id']}", json=change).status_code == 204
    assert django.rows("SELECT MondayStartTime FROM BusinessHours") == [change]


def test_a_reference_may_be_unique(django: Django) -> None:
    """Each user is told once of failing Apex: a second row for the same one is a duplicate."""
    (user,) = django.rows("SELECT Id FROM User")
    django.create("ApexEmailNotification", UserId=user["Id"])
    reply = django.post("/sobjects/ApexEmailNotification/", json={"UserId": user["Id"]})
    assert (reply.status_code, reply.json()[0]["errorCode"]) == (400, "DUPLICATE_VALUE")
    assert django.rows("SELECT UserId FROM ApexEmailNotification WHERE User.Username LIKE 'admin@%'") == [
        {"UserId": user["Id"]}
    ]


@pytest.mark.parametrize("sobject", ["CronTrigger", "CronJobDetail", "AsyncApexJob"])
def test_jobs_of_the_org_are_there_to_be_asked_for(django: Django, sobject: str) -> None:
    """An org without Apex has none, and nobody creates one by hand."""
    assert django.rows(f"SELECT Id FROM {sobject}") == []
    reply = django.post(f"/sobjects/{sobject}/", json={})
    assert reply.json()[0]["errorCode"] == "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"
