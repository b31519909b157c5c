"""Which records an org has only once for a combination of values: a member of a campaign, a price in a price book.

Reference: https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_pricebookentry.htm
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sfdata.localorg.records.validation import RecordError
from sfdata.localorg.schema import SObject
from sfdata.localorg.store import Store

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Combination:
    """No two rows have the same values in ``fields``, unless the first is empty, of which each value has few rows."""

    fields: tuple[str, ...]
    message: str
    code: str = "DUPLICATE_VALUE"


A_MEMBER = "Already a campaign member."
A_PRICE = "This price definition already exists in this price book"
A_LINK = "duplicate value found: <unknown> duplicates value on record with id: <unknown>"
A_USERNAME = (
    "Duplicate Username.<br>The username already exists in this or another Salesforce organization. Usernames must be "
    "unique across all Salesforce organizations. To resolve, use a different username (it doesn't need to match the "
    "user's email address)."
)
AN_ASSIGNMENT = "Duplicate PermissionSetAssignment. Assignee: {AssigneeId}; Permission Set: {PermissionSetId}"

COMBINATIONS: Mapping[str, tuple[Combination, ...]] = {
    "CampaignMember": (
        Combination(("LeadId", "CampaignId"), A_MEMBER),
        Combination(("ContactId", "CampaignId"), A_MEMBER),
    ),
    "ContentDocumentLink": (Combination(("ContentDocumentId", "LinkedEntityId"), A_LINK),),
    "PermissionSetAssignment": (Combination(("AssigneeId", "PermissionSetId"), AN_ASSIGNMENT),),
    "PricebookEntry": (Combination(("Product2Id", "Pricebook2Id"), A_PRICE),),
    "User": (Combination(("Username",), A_USERNAME, "DUPLICATE_USERNAME"),),
}


def problems(store: Store, sobject: SObject, row: Row, before: Row | None) -> list[RecordError]:
    """What other rows have against ``row``, which is saved in place of ``before``."""
    found = [
        RecordError(combination.code, combination.message.format_map(row))
        for combination in COMBINATIONS.get(sobject.name, ())
        if _changed(combination, row, before) and _taken(store, sobject, combination, row)
    ]
    if not found and before is None and sobject.name == "PricebookEntry":
        found += _without_standard_price(store, sobject, row)
    return found


def _changed(combination: Combination, row: Row, before: Row | None) -> bool:
    return before is None or any(row[name] != before[name] for name in combination.fields)


def _taken(store: Store, sobject: SObject, combination: Combination, row: Row) -> bool:
    wanted = [(name, row[name]) for name in combination.fields]
    if wanted[0][1] is None:
        return False
    return any(other["Id"] != row["Id"] for other in store.find_alike(sobject, wanted))


def _without_standard_price(store: Store, sobject: SObject, row: Row) -> list[RecordError]:
    """A product has a price in the standard price book before it has one in another."""
    books = store.schema.object("Pricebook2")
    book = store.get(books, row["Pricebook2Id"]) if books else None
    if books is None or book is None or book["IsStandard"]:
        return []
    standard = {found["Id"] for found in store.find(books, "IsStandard", 1)}
    priced = {entry["Pricebook2Id"] for entry in store.find(sobject, "Product2Id", row["Product2Id"])}
    if not standard or standard & priced:
        return []
    return [RecordError("STANDARD_PRICE_NOT_DEFINED", "No standard price defined for this product")]
