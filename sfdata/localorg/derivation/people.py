"""Names of people, and what cases and campaign members show of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sfdata.localorg.derivation.draft import Draft, row_of
from sfdata.localorg.objects.stages import RESPONDED_MEMBER_STATUSES

CASE_COPIES = {
    "ContactPhone": "Phone",
    "ContactMobile": "MobilePhone",
    "ContactEmail": "Email",
    "ContactFax": "Fax",
}
"""Field of a case: field of its contact."""

MEMBER_COPIES = (
    "Salutation", "FirstName", "LastName", "Title", "Email", "Phone", "Fax", "MobilePhone", "Description", "DoNotCall",
    "HasOptedOutOfEmail", "HasOptedOutOfFax", "LeadSource",
)  # fmt: skip
NICKNAME_LENGTH = 40
ADDRESS_COPIES = ("Street", "City", "State", "PostalCode", "Country")


def person_name(draft: Draft) -> None:
    """Name is first and last name, without the salutation. A user without a nickname is called by the user name."""
    row = draft.row
    row["Name"] = " ".join(part for part in (row["FirstName"], row["LastName"]) if part) or None
    if draft.sobject.name == "User" and row["CommunityNickname"] is None:
        row["CommunityNickname"] = row["Username"][:NICKNAME_LENGTH]


def case_contact(draft: Draft) -> None:
    """A case shows how to reach its contact, and belongs to the contact's account unless told otherwise."""
    contact = draft.parent("ContactId") or {}
    if contact and draft.changed("ContactId") and "AccountId" not in draft.given:
        draft.row["AccountId"] = contact["AccountId"]
    for name, source in CASE_COPIES.items():
        draft.row[name] = contact.get(source)


def member_copy(draft: Draft) -> None:
    """A campaign member shows the lead or contact it stands for, and whether its status is a response."""
    row = draft.row
    responded = row["Status"] in RESPONDED_MEMBER_STATUSES
    row["HasResponded"] = int(responded)
    if responded and row["FirstRespondedDate"] is None:
        row["FirstRespondedDate"] = draft.now.date().isoformat()
    contact, lead = draft.parent("ContactId"), draft.parent("LeadId")
    person = contact or lead
    if person is None:
        return
    row["LeadOrContactId"], row["LeadOrContactOwnerId"] = person["Id"], person["OwnerId"]
    row["Name"], row["Type"] = person["Name"], "Contact" if contact else "Lead"
    row["CompanyOrAccount"] = _company(draft, person, is_contact=contact is not None)
    for name in MEMBER_COPIES:
        row[name] = person[name]
    for name in ADDRESS_COPIES:
        row[name] = person[f"Mailing{name}" if contact else name]


def _company(draft: Draft, person: Mapping[str, Any], *, is_contact: bool) -> Any:
    if not is_contact:
        return person["Company"]
    account = row_of(draft.store, person["AccountId"])
    return account["Name"] if account else None
