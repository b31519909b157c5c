"""Names of a frame's columns become headers an ingest job takes, or are refused before anything else is."""

from __future__ import annotations

import pytest

from sfdata.errors import ConfigurationError, PushRefused
from sfdata.frames.write_columns import write_columns
from sfdata.metadata import ObjectDescribe

ID = {"name": "Id", "type": "id", "idLookup": True}
OBJECTS = {
    "Case": [
        ID,
        {"name": "Subject", "type": "string"},
        {"name": "Ext__c", "type": "string", "externalId": True, "idLookup": True},
        {"name": "Score__c", "type": "double", "label": "How Urgent"},
        {"name": "Address", "type": "address"},
        {"name": "City", "type": "string"},
        {"name": "Place__c", "type": "location"},
        {"name": "Place__Latitude__s", "type": "double"},
        {"name": "OwnerId", "type": "reference", "relationshipName": "Owner", "referenceTo": ["Group", "User"]},
        {"name": "AccountId", "type": "reference", "relationshipName": "Account", "referenceTo": ["Account"]},
        {"name": "Root__c", "type": "reference", "relationshipName": "Root__r", "referenceTo": ["Account"]},
    ],
    "Account": [
        ID,
        {"name": "Name", "type": "string"},
        {"name": "Number__c", "type": "double", "externalId": True},
        {"name": "Phone", "type": "phone"},
    ],
    "User": [ID, {"name": "Username", "type": "string", "idLookup": True}],
}


def describe(name):
    fields = [{"label": field["name"], **field} for field in OBJECTS[name]]
    return ObjectDescribe({"name": name, "fields": fields})


def columns(names, operation="insert", key=None, nulls="leave"):
    return write_columns(names, "Case", describe, operation, key, nulls)


@pytest.mark.parametrize(
    ("name", "header", "field", "kind"),
    [
        ("Subject", "Subject", "Subject", "string"),
        ("SUBJECT", "Subject", "Subject", "string"),
        ("ownerid", "OwnerId", "OwnerId", "reference"),
        ("account.number__C", "Account.Number__c", "AccountId", "double"),
        ("Root__r.Id", "Root__r.Id", "Root__c", "id"),
        ("user:owner.username", "User:Owner.Username", "OwnerId", "string"),
        ("Account:Account.Number__c", "Account:Account.Number__c", "AccountId", "double"),
    ],
)
def test_a_header_is_spelt_as_describe_spells_it(name, header, field, kind):
    """Whatever the case in the frame; the values of a reference by key are of the key's type."""
    (column,) = columns([name])
    assert (column.name, column.header, column.field.name, column.type) == (name, header, field, kind)


@pytest.mark.catalogue("B19")
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Subjcet", "Case has no field of this name; did you mean Subject?"),
        ("Qwertz", "Case has no field of this name"),
        ("Address.city", "Address.city is read in one field with others; it is written as City"),
        (
            "Place__c.latitude",
            "Place__c.latitude is read in one field with others; it is written as Place__Lat",
        ),
        ("Place__c.height", "Place__c.height is read in one field with others"),
        ("how urgent ", "Case has no field of this name; it is the label of Score__c"),
        ("Address", "Address is several fields in one; write each of its parts"),
        ("Acount.Number__c", "Case has no parent Acount; did you mean Account?"),
        ("Account.Phone", "Phone is no key of Account, which is found by Id, Number__c"),
        ("Account.Nope", "Account has no field Nope, which is found by Id, Number__c"),
        ("Account.Parent.Number__c", "Case has no parent Account.Parent"),
        ("Owner.Username", "Owner may be of several objects; write Group:Owner or User:Owner"),
        ("Lead:Owner.Email", "Owner is no Lead, but Group or User"),
        ("", "Case has no field of this name"),
    ],
)
def test_a_name_that_is_no_field_is_refused(name, reason):
    """With the nearest name, or the names that would do."""
    with pytest.raises(PushRefused) as caught:
        columns(["Subject", name])
    ((problem),) = caught.value.problems
    assert problem.column == name
    assert problem.reason.startswith(reason)


@pytest.mark.catalogue("B19")
@pytest.mark.parametrize(
    ("names", "operation", "key", "problems"),
    [
        (["Subject", "subject"], "insert", None, [("subject", "writes Subject, which Subject writes already")]),
        (
            ["AccountId", "Account.Id"],
            "insert",
            None,
            [("Account.Id", "writes AccountId, which AccountId writes already")],
        ),
        (["Subject"], "update", None, [(None, "the key column Id is missing: an update says by it")]),
        (["Subject"], "delete", None, [(None, "the key column Id is missing: a delete says by it")]),
        (["Id", "Subject"], "insert", None, [("Id", "an insert takes no Ids of records")]),
        (["Id", "Ext__c"], "upsert", "Ext__c", [("Id", "an upsert takes no Ids of records")]),
        (["Subject"], "upsert", "Ext__c", [(None, "the key column Ext__c is missing")]),
        (
            ["Subject"],
            "upsert",
            "Subject",
            [(None, "Subject cannot be the key: records of Case are found by Id, Ext__c")],
        ),
        (["Subject"], "upsert", "Exd__c", [(None, "Case has no field Exd__c; did you mean Ext__c?")]),
        (["Nope", "Subject"], "update", None, [("Nope", "Case has no field"), (None, "the key column Id is missing")]),
    ],
)
def test_columns_that_do_not_suit_the_operation_are_refused(names, operation, key, problems):
    """All of them together."""
    with pytest.raises(PushRefused) as caught:
        columns(names, operation, key)
    assert [problem.column for problem in caught.value.problems] == [column for column, _ in problems]
    for problem, (_, reason) in zip(caught.value.problems, problems, strict=True):
        assert problem.reason.startswith(reason)


@pytest.mark.parametrize("operation", ["delete", "hardDelete"])
def test_a_delete_sends_ids_alone(operation):
    """The other columns of a frame that was read are passed over, even those that are no fields."""
    (column,) = columns(["Subject", "Nope", "id"], operation)
    assert (column.position, column.header, column.missing) == (2, "Id", "refuse")


@pytest.mark.parametrize(
    ("operation", "key", "nulls", "missing"),
    [
        ("insert", None, "clear", ["leave", "leave"]),
        ("update", None, "leave", ["refuse", "leave", "leave"]),
        ("update", None, "clear", ["refuse", "clear", "clear"]),
        ("update", None, {"Subject": "clear", "Id": "clear"}, ["refuse", "clear", "leave"]),
        ("upsert", "Id", "clear", ["leave", "clear", "clear"]),
        ("upsert", "ext__C", "clear", ["clear", "refuse"]),
    ],
)
def test_what_a_missing_value_means_is_settled_for_each_column(operation, key, nulls, missing):
    """Keys must be there, unless an upsert by Id creates; all else is left or cleared as the caller says."""
    names = ["Subject", "Ext__c"] if operation == "insert" or key == "ext__C" else ["Id", "Subject", "Ext__c"]
    assert [column.missing for column in columns(names, operation, key, nulls)] == missing


@pytest.mark.parametrize(
    ("operation", "key", "nulls", "match"),
    [
        ("merge", None, "leave", "operation 'merge' is none of insert, update, upsert, delete, hardDelete"),
        ("upsert", None, "leave", "an upsert goes by a key"),
        ("insert", "Ext__c", "leave", "an insert goes by no key"),
        ("delete", "Ext__c", "leave", "a delete goes by no key"),
        ("update", None, "wipe", "nulls is 'leave' or 'clear'"),
        ("update", None, {"Subject": None}, "nulls is 'leave' or 'clear'"),
        ("update", None, {"Subjekt": "clear"}, "nulls names no column of the frame: 'Subjekt'; did you mean Subject?"),
    ],
)
def test_a_call_that_contradicts_itself_is_refused(operation, key, nulls, match):
    """Before describe is asked for anything."""
    with pytest.raises(ConfigurationError) as caught:
        write_columns(["Id", "Subject"], "Case", None, operation, key, nulls)
    assert match in str(caught.value)


def test_an_upload_has_no_more_columns_than_it_may():
    """5,000 fields, and 32,000 characters of header."""
    names = [f"Field_{n:04}__c" for n in range(5_001)]
    OBJECTS["Wide"] = [{"name": name, "type": "string"} for name in names]
    with pytest.raises(PushRefused) as caught:
        write_columns(names, "Wide", describe, "insert")
    counts = [problem.reason.split(",")[0] for problem in caught.value.problems]
    assert counts == ["5001 columns", "a header of 70014 characters"]
    assert len(write_columns(names[:2_285], "Wide", describe, "insert")) == 2_285  # 14 characters each, 31,990
