"""Records that an org has only once for two of their values: members, prices, links, assignments."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from sfdata.localorg import LocalOrg

BASE = "/services/data/v66.0"


@pytest.fixture(scope="module")
def org() -> Iterator[LocalOrg]:
    with LocalOrg(sample_data=False) as running:
        yield running


@pytest.fixture(scope="module")
def web(org: LocalOrg) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {org.access_token}"}
    with httpx.Client(base_url=org.instance_url, headers=headers, trust_env=False) as client:
        yield client


def made(web: httpx.Client, name: str, **values: Any) -> str:
    reply = web.post(f"{BASE}/sobjects/{name}", json=values)
    assert reply.status_code == 201, reply.text
    return str(reply.json()["id"])


def refused(web: httpx.Client, name: str, **values: Any) -> tuple[str, str]:
    reply = web.post(f"{BASE}/sobjects/{name}", json=values)
    assert reply.status_code == 400, reply.text
    (error,) = reply.json()
    return error["errorCode"], error["message"]


def first(web: httpx.Client, soql: str) -> dict[str, Any]:
    record: dict[str, Any] = web.get(f"{BASE}/query", params={"q": soql}).json()["records"][0]
    return record


def test_nobody_is_a_member_twice(web: httpx.Client) -> None:
    """A contact or lead is a member of a campaign once, and of another one too; a deleted member may come again."""
    fair, show = (made(web, "Campaign", Name=name) for name in ("Fair", "Show"))
    contact = made(web, "Contact", LastName="Ng")
    lead = made(web, "Lead", LastName="Kim", Company="K")
    member = made(web, "CampaignMember", CampaignId=fair, ContactId=contact)
    made(web, "CampaignMember", CampaignId=fair, LeadId=lead)
    made(web, "CampaignMember", CampaignId=show, ContactId=contact)
    again = ("DUPLICATE_VALUE", "Already a campaign member.")
    assert refused(web, "CampaignMember", CampaignId=fair, ContactId=contact) == again
    assert refused(web, "CampaignMember", CampaignId=fair, LeadId=lead) == again
    assert web.patch(f"{BASE}/sobjects/CampaignMember/{member}", json={"Status": "Responded"}).status_code == 204
    assert web.delete(f"{BASE}/sobjects/CampaignMember/{member}").status_code == 204
    made(web, "CampaignMember", CampaignId=fair, ContactId=contact)


def test_a_product_has_one_price_in_a_book_and_first_a_standard_one(web: httpx.Client) -> None:
    """Another price book may have a price only of a product that the standard one has, and each has one."""
    standard = first(web, "SELECT Id FROM Pricebook2 WHERE IsStandard = true")["Id"]
    retail = made(web, "Pricebook2", Name="Retail", IsActive=True)
    drill = made(web, "Product2", Name="Drill")
    price: dict[str, Any] = {"Product2Id": drill, "UnitPrice": 5, "IsActive": True}
    unpriced = ("STANDARD_PRICE_NOT_DEFINED", "No standard price defined for this product")
    twice = ("DUPLICATE_VALUE", "This price definition already exists in this price book")
    assert refused(web, "PricebookEntry", Pricebook2Id=retail, **price) == unpriced
    made(web, "PricebookEntry", Pricebook2Id=standard, **price)
    made(web, "PricebookEntry", Pricebook2Id=retail, **price)
    assert refused(web, "PricebookEntry", Pricebook2Id=retail, **price) == twice
    assert refused(web, "PricebookEntry", Pricebook2Id=standard, **price) == twice


def test_a_file_is_linked_once_to_a_record(web: httpx.Client) -> None:
    """A second link of a file to the same record is refused; the message names nobody, as in Salesforce."""
    content = base64.b64encode(b"hello").decode()
    version = made(web, "ContentVersion", Title="Note", PathOnClient="note.txt", VersionData=content)
    document = first(web, f"SELECT ContentDocumentId FROM ContentVersion WHERE Id = '{version}'")["ContentDocumentId"]
    account, other = (made(web, "Account", Name=name) for name in ("A", "B"))
    made(web, "ContentDocumentLink", ContentDocumentId=document, LinkedEntityId=account)
    made(web, "ContentDocumentLink", ContentDocumentId=document, LinkedEntityId=other)
    assert refused(web, "ContentDocumentLink", ContentDocumentId=document, LinkedEntityId=account) == (
        "DUPLICATE_VALUE",
        "duplicate value found: <unknown> duplicates value on record with id: <unknown>",
    )


def test_a_permission_set_is_assigned_once(org: LocalOrg, web: httpx.Client) -> None:
    """Who has a permission set cannot be given it again."""
    permission_set = made(web, "PermissionSet", Name="Extra", Label="Extra")
    assigned = {"AssigneeId": org.user_id, "PermissionSetId": permission_set}
    made(web, "PermissionSetAssignment", **assigned)
    code, message = refused(web, "PermissionSetAssignment", **assigned)
    assert code == "DUPLICATE_VALUE"
    assert message == f"Duplicate PermissionSetAssignment. Assignee: {org.user_id}; Permission Set: {permission_set}"


def test_a_username_is_taken_once(web: httpx.Client) -> None:
    """Usernames have a code of their own, whatever the case of letters."""
    taken = first(web, "SELECT Username, ProfileId FROM User")
    settings = {
        "TimeZoneSidKey": "GMT",
        "LocaleSidKey": "en_US",
        "EmailEncodingKey": "UTF-8",
        "LanguageLocaleKey": "en_US",
    }
    person = {"LastName": "Ng", "Email": "ng@example.com", "Alias": "ng", "ProfileId": taken["ProfileId"], **settings}
    made(web, "User", Username="ng@example.com", **person)
    code, message = refused(web, "User", Username=taken["Username"].upper(), **person)
    assert (code, message.partition(".")[0]) == ("DUPLICATE_USERNAME", "Duplicate Username")
