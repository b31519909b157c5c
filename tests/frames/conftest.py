"""A small org in describe terms, for tests that need no server."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sfdata.frames.columns import result_columns
from sfdata.frames.decode import PageDecoder
from sfdata.metadata import ObjectDescribe
from sfdata.soql import parse

FIELDS = {
    "Account": {
        "Id": "id",
        "Name": "string",
        "Industry": "picklist",
        "NumberOfEmployees": "int",
        "AnnualRevenue": "currency",
        "Active__c": "boolean",
        "Founded__c": "date",
        "Opens__c": "time",
        "CreatedDate": "datetime",
        "BillingAddress": "address",
        "Site__c": "location",
        "Tags__c": "multipicklist",
        "Anything__c": "anyType",
        "OwnerId": ("Owner", ["User"]),
        "ParentId": ("Parent", ["Account"]),
    },
    "Contact": {
        "Id": "id",
        "Name": "string",
        "FirstName": "string",
        "AccountId": ("Account", ["Account"]),
        "OwnerId": ("Owner", ["User"]),
    },
    "Case": {
        "Id": "id",
        "Subject": "string",
        "ContactId": ("Contact", ["Contact"]),
        "OwnerId": ("Owner", ["Group", "User"]),
    },
    "Task": {
        "Id": "id",
        "Subject": "string",
        "WhatId": ("What", ["Account", "Opportunity"]),
        "WhoId": ("Who", ["Contact"]),
        "AnnualRevenue": "picklist",
        "Strange__c": "hologram",
    },
    "Opportunity": {"Id": "id", "Amount": "currency", "CloseDate": "date", "StageName": "picklist"},
    "User": {"Id": "id", "Name": "string", "IsActive": "boolean", "ManagerId": ("Manager", ["User"])},
    "Group": {"Id": "id", "Name": "string"},
}
CHILDREN = {
    "Account": [("Contacts", "Contact", "AccountId"), ("ChildAccounts", "Account", "ParentId")],
    "Contact": [("Cases", "Case", "ContactId")],
}


def _field(name: str, kind: object) -> dict[str, object]:
    relationship, parents = kind if isinstance(kind, tuple) else (None, [])
    return {
        "name": name,
        "label": name,
        "type": "reference" if relationship else kind,
        "custom": name.endswith("__c"),
        "relationshipName": relationship,
        "referenceTo": parents,
    }


@pytest.fixture(scope="session")
def describe() -> Callable[[str], ObjectDescribe]:
    """Describe of the objects above, as the API layer would answer it."""
    objects = {
        name.casefold(): ObjectDescribe(
            {
                "name": name,
                "fields": [_field(field, kind) for field, kind in fields.items()],
                "childRelationships": [
                    {"relationshipName": relationship, "childSObject": child, "field": field}
                    for relationship, child, field in CHILDREN.get(name, [])
                ],
            }
        )
        for name, fields in FIELDS.items()
    }
    return lambda name: objects[name.casefold()]


@pytest.fixture(scope="session")
def decoder(describe) -> Callable[[str], PageDecoder]:
    """The page decoder of a query."""
    return lambda soql: PageDecoder(result_columns(parse(soql), describe))
