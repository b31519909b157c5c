"""References of a record: given by Id or by a parent's external id, and never left dangling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from rig.standard_records import standard

from sfdata.localorg.records.crud import Records
from sfdata.localorg.records.validation import RecordRefused
from sfdata.localorg.schema import SObject

ANN, GONE = "005Lo0000000001IAA", "005Lo0000000002IAA"


ACCOUNT, CONTACT, TASK, RECORD_TYPE = map(standard, ("Account", "Contact", "Task", "RecordType"))


@pytest.fixture
def records(records: Records) -> Records:
    for user_id, active in ((ANN, 1), (GONE, 0)):
        records.store.insert(standard("User"), {"Id": user_id, "Username": f"{user_id}@x.example", "IsActive": active})
    return records


def refused(records: Records, of: SObject, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    with pytest.raises(RecordRefused) as refusal:
        records.create(of, body, ANN)
    return refusal.value.body()


def test_ids_of_15_characters(records: Records) -> None:
    """A reference may be given with 15 characters and is kept with 18."""
    account = records.create(ACCOUNT, {"Name": "A"}, ANN)
    contact = records.create(CONTACT, {"LastName": "L", "AccountId": account[:15]}, ANN)
    assert records.get(CONTACT, contact)["AccountId"] == account


BAD_REFERENCES = [
    ("abc", "MALFORMED_ID", "Account ID: id value of incorrect type: abc", ["AccountId"]),
    (ANN, "FIELD_INTEGRITY_EXCEPTION", f"Account ID: id value of incorrect type: {ANN}", ["AccountId"]),
    ("zzz000000000001AAA", "FIELD_INTEGRITY_EXCEPTION", "Account ID: id value of incorrect type: zzz000000000001AAA",
     ["AccountId"]),
    ("001Lo0000000099IAA", "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", []),
]  # fmt: skip


@pytest.mark.parametrize(("given", "code", "message", "fields"), BAD_REFERENCES)
def test_references_that_lead_nowhere(records: Records, given: str, code: str, message: str, fields: list[str]) -> None:
    """A reference is refused that is no Id, leads to another object, or to no row."""
    expected = [{"message": message, "errorCode": code, "fields": fields}]
    assert refused(records, CONTACT, {"LastName": "L", "AccountId": given}) == expected


def test_references_to_deleted_rows(records: Records) -> None:
    """A row in the recycle bin can be no parent."""
    account = records.create(ACCOUNT, {"Name": "A"}, ANN)
    records.delete(ACCOUNT, account, ANN)
    expected = [{"message": "entity is deleted", "errorCode": "ENTITY_IS_DELETED", "fields": []}]
    assert refused(records, CONTACT, {"LastName": "L", "AccountId": account}) == expected


def test_owners_are_active(records: Records) -> None:
    """An inactive user owns nothing new, but what the user owns already can be changed."""
    (error,) = refused(records, ACCOUNT, {"Name": "A", "OwnerId": GONE})
    message = f"operation performed with inactive user [{GONE[:15]}] as owner of account"
    assert error == {"message": message, "errorCode": "INACTIVE_OWNER_OR_USER", "fields": []}
    account = records.create(ACCOUNT, {"Name": "A"}, ANN)
    records.store.update(ACCOUNT, account, {"OwnerId": GONE})
    records.update(ACCOUNT, account, {"Name": "B", "OwnerId": GONE}, ANN)
    assert records.get(ACCOUNT, account)["Name"] == "B"


def test_record_types_of_the_object(records: Records) -> None:
    """A record type belongs to one object; the master record type stands for none."""
    (own, other) = records.store.new_ids(RECORD_TYPE, 2)
    records.store.insert(RECORD_TYPE, {"Id": own, "SobjectType": "Account", "Name": "Key"})
    records.store.insert(RECORD_TYPE, {"Id": other, "SobjectType": "Case", "Name": "Bug"})
    kept = records.create(ACCOUNT, {"Name": "A", "RecordTypeId": own}, ANN)
    assert records.get(ACCOUNT, kept)["RecordTypeId"] == own
    master = records.create(ACCOUNT, {"Name": "A", "RecordTypeId": "012000000000000AAA"}, ANN)
    assert records.get(ACCOUNT, master)["RecordTypeId"] is None
    (error,) = refused(records, ACCOUNT, {"Name": "A", "RecordTypeId": other})
    assert error["message"] == f"Record Type ID: this ID value isn't valid for the user: {other}"
    assert (error["errorCode"], error["fields"]) == ("INVALID_CROSS_REFERENCE_KEY", ["RecordTypeId"])


# --- by external id --------------------------------------------------------------------------------------------------


def test_parent_by_external_id(records: Records) -> None:
    """A parent may be named by its external id under the relationship's name; null takes the parent away."""
    account = records.create(ACCOUNT, {"Name": "A", "Ext__c": "A1"}, ANN)
    contact = records.create(CONTACT, {"LastName": "L", "account": {"ext__c": "a1"}}, ANN)
    assert records.get(CONTACT, contact)["AccountId"] == account
    records.update(CONTACT, contact, {"Account": None}, ANN)
    assert records.get(CONTACT, contact)["AccountId"] is None
    nested = {"attributes": {"type": "Account"}, "Id": account}
    records.update(CONTACT, contact, {"Account": nested}, ANN)
    assert records.get(CONTACT, contact)["AccountId"] == account


def test_polymorphic_parent_by_external_id(records: Records) -> None:
    """Where several objects can be the parent, ``attributes.type`` tells which one's key is meant."""
    account = records.create(ACCOUNT, {"Name": "A", "Ext__c": "K"}, ANN)
    case = records.create(standard("Case"), {"Ext__c": "K"}, ANN)
    found = []
    for kind in ("Account", "Case"):
        task = records.create(TASK, {"What": {"attributes": {"type": kind}, "Ext__c": "K"}}, ANN)
        found.append(records.get(TASK, task)["WhatId"])
    assert found == [account, case]


REFUSED_KEYS = [
    ({"Ext__c": "Z9"}, "INVALID_FIELD", "Foreign key external ID: Z9 not found for field Ext__c in entity Account"),
    ({"Ext__c": None}, "INVALID_FIELD", "Foreign key external ID: None not found for field Ext__c in entity Account"),
    ({"Nope": "1"}, "INVALID_FIELD", "No such column 'Nope' on sobject of type Account"),
    ({"Phone": "1"}, "INVALID_FIELD", "Field name provided, Phone is not an External ID or indexed field for Account"),
    ({"attributes": {"type": "Case"}, "Ext__c": "A1"}, "INVALID_FIELD",
     "No such column 'Ext__c' on sobject of type Case"),
    ({}, "INVALID_FIELD", "The relationship Account must name its parent by one external id field."),
    ("A1", "JSON_PARSER_ERROR", "Cannot deserialize instance of reference from VALUE_STRING value A1 or request may be "
     "missing a required field"),
]  # fmt: skip


@pytest.mark.parametrize(("nested", "code", "message"), REFUSED_KEYS)
def test_external_ids_that_name_no_parent(records: Records, nested: object, code: str, message: str) -> None:
    """A nested reference is refused unless one key field names one parent of the right object."""
    records.create(ACCOUNT, {"Name": "A", "Ext__c": "A1"}, ANN)
    (error,) = refused(records, CONTACT, {"LastName": "L", "Account": nested})
    assert (error["errorCode"], error["message"]) == (code, message)


def test_one_way_to_name_a_parent(records: Records) -> None:
    """A parent given both by Id and by external id is refused."""
    account = records.create(ACCOUNT, {"Name": "A", "Ext__c": "A1"}, ANN)
    (error,) = refused(records, CONTACT, {"LastName": "L", "AccountId": account, "Account": {"Ext__c": "A1"}})
    message = "Cannot specify both an external ID reference Account and a salesforce id, AccountId"
    assert (error["errorCode"], error["message"]) == ("INVALID_FIELD", message)


def test_external_id_of_several_parents(records: Records) -> None:
    """A lookup key that is not unique names no single parent."""
    for name in "LM":
        records.create(CONTACT, {"LastName": name, "Email": "a@b.example"}, ANN)
    (error,) = refused(records, CONTACT, {"LastName": "N", "ReportsTo": {"Email": "a@b.example"}})
    assert error["errorCode"] == "DUPLICATE_EXTERNAL_ID"
