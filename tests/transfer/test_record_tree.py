"""Nested dicts through ``sobject(…).create_tree``: Python's values, names checked, Ids in the same shape."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

import pytest

import sfdata
from sfdata.errors import ConfigurationError, PushRefused, ResponseError
from sfdata.localorg import LocalOrg


@pytest.fixture(scope="module")
def org():
    with (
        LocalOrg(sample_data=False) as local,
        sfdata.connect(instance_url=local.instance_url, access_token=local.access_token) as connected,
    ):
        yield connected


@pytest.fixture
def tag():
    return uuid.uuid4().hex[:12]


def test_ids_come_back_nested_as_the_records_are(org, tag):
    """Every child is below its own parent, with the values that were given; names in any case."""
    deals = [{"Name": "big", "StageName": "Prospecting", "CloseDate": dt.date(2026, 1, 31), "Amount": Decimal("9.90")}]
    told = org.sobject("account").create_tree(
        [
            {"name": tag, "contacts": [{"LastName": "a"}, {"LastName": "b"}], "Opportunities": deals},
            {"Name": f"{tag}2", "Contacts": []},
        ]
    )
    first, second = told
    assert [list(one) for one in told] == [["Id", "Contacts", "Opportunities"], ["Id", "Contacts"]]
    assert second["Contacts"] == []
    contacts = org.query(
        "SELECT Id, LastName FROM Contact WHERE AccountId = :id ORDER BY LastName", {"id": first["Id"]}
    )
    assert contacts["Id"].tolist() == [one["Id"] for one in first["Contacts"]]
    deal = org.query("SELECT Id, Amount, CloseDate FROM Opportunity WHERE AccountId = :id", {"id": first["Id"]})
    assert deal.iloc[0].tolist() == [first["Opportunities"][0]["Id"], 9.9, dt.date(2026, 1, 31)]


def test_a_refused_record_is_told_with_its_place_and_none_is_created(org, tag):
    """The error is of the class of its code, and says where in the dicts the record stands."""
    with pytest.raises(ResponseError, match=r"\[1\]\.Contacts\[0\]: Required fields are missing") as caught:
        org.sobject("Account").create_tree([{"Name": tag}, {"Name": tag, "Contacts": [{"FirstName": "x"}]}])
    assert caught.value.error_code == "REQUIRED_FIELD_MISSING"
    assert org.query("SELECT Id FROM Account WHERE Name = :tag", {"tag": tag}).empty


def test_what_cannot_be_written_is_refused_with_all_places(org):
    """Unknown names and values of the wrong type are told together; what is no list of dicts is named."""
    with pytest.raises(PushRefused) as caught:
        org.sobject("Account").create_tree([{"Nane": "x"}, {"Name": "y", "Contacts": [{"Birthdate": "soon"}]}])
    assert [problem.column for problem in caught.value.problems] == ["[0].Nane", "[1].Contacts[0].Birthdate"]
    for wrong in ({"LastName": "x"}, "x", ["x"]):
        with pytest.raises(ConfigurationError, match="Contacts"):
            org.sobject("Account").create_tree([{"Name": "x", "Contacts": wrong}])
    with pytest.raises(ConfigurationError, match="201 records"):
        org.sobject("Account").create_tree([{"Name": "x"}] * 201)
    assert org.sobject("Account").create_tree([]) == []
