"""Records that an org has only once for two of their values: members, prices, links, assignments."""

from __future__ import annotations

import base64
from typing import Any

from rig.local_rest import BASE, Rest

from sfdata.localorg import LocalOrg


def refused(web: Rest, name: str, **values: Any) -> tuple[str, str]:
    reply = web.post(f"{BASE}/sobjects/{name}", json=values)
    assert reply.status_code == 400, reply.text
    (error,) = reply.json()
    return error["errorCode"], error["message"]


def test_nobody_is_a_member_twice(web: Rest) -> None:
    """A contact or lead is a member of a campaign once, and of another one too; a deleted member may come again."""
    fair, show = (web.created("Campaign", Name=name) for name in ("Fair", "Show"))
    contact = web.created("Contact", LastName="Ng")
    lead = web.created("Lead", LastName="Kim", Company="K")
    member = web.created("CampaignMember", CampaignId=fair, ContactId=contact)
    web.created("CampaignMember", CampaignId=fair, LeadId=lead)
    web.created("CampaignMember", CampaignId=show, ContactId=contact)
    again = ("DUPLICATE_VALUE", "Already a campaign member.")
    assert refused(web, "CampaignMember", CampaignId=fair, ContactId=contact) == again
    assert refused(web, "CampaignMember", CampaignId=fair, LeadId=lead) == again
    assert web.patch(f"{BASE}/sobjects/CampaignMember/{member}", json={"Status": "Responded"}).status_code == 204
    assert web.delete(f"{BASE}/sobjects/CampaignMember/{member}").status_code == 204
    web.created("CampaignMember", CampaignId=fair, ContactId=contact)


def test_a_product_has_one_price_in_a_book_and_first_a_standard_one(web: Rest) -> None:
    """Another price book may have a price only of a product that the standard one has, and each has one."""
    standard = web.records("SELECT Id FROM Pricebook2 WHERE IsStandard = true")[0]["Id"]
    retail = web.created("Pricebook2", Name="Retail", IsActive=True)
    drill = web.created("Product2", Name="Drill")
    price: dict[str, Any] = {"Product2Id": drill, "UnitPrice": 5, "IsActive": True}
    unpriced = ("STANDARD_PRICE_NOT_DEFINED", "No standard price defined for this product")
    twice = ("DUPLICATE_VALUE", "This price definition already exists in this price book")
    assert refused(web, "PricebookEntry", Pricebook2Id=retail, **price) == unpriced
    web.created("PricebookEntry", Pricebook2Id=standard, **price)
    web.created("PricebookEntry", Pricebook2Id=retail, **price)
    assert refused(web, "PricebookEntry", Pricebook2Id=retail, **price) == twice
    assert refused(web, "PricebookEntry", Pricebook2Id=standard, **price) == twice


def test_a_file_is_linked_once_to_a_record(web: Rest) -> None:
    """A second link of a file to the same record is refused; the message names nobody, as in Salesforce."""
    content = base64.b64encode(b"hello").decode()
    version = web.created("ContentVersion", Title="Note", PathOnClient="note.txt", VersionData=content)
    (row,) = web.records(f"SELECT ContentDocumentId FROM ContentVersion WHERE Id = '{version}'")
    document = row["ContentDocumentId"]
    account, other = (web.created("Account", Name=name) for name in ("A", "B"))
    web.created("ContentDocumentLink", ContentDocumentId=document, LinkedEntityId=account)
    web.created("ContentDocumentLink", ContentDocumentId=document, LinkedEntityId=other)
    assert refused(web, "ContentDocumentLink", ContentDocumentId=document, LinkedEntityId=account) == (
        "DUPLICATE_VALUE",
        "duplicate value found: <unknown> duplicates value on record with id: <unknown>",
    )


def test_a_permission_set_is_assigned_once(org: LocalOrg, web: Rest) -> None:
    """Who has a permission set cannot be given it again."""
    permission_set = web.created("PermissionSet", Name="Extra", Label="Extra")
    assigned = {"AssigneeId": org.user_id, "PermissionSetId": permission_set}
    web.created("PermissionSetAssignment", **assigned)
    code, message = refused(web, "PermissionSetAssignment", **assigned)
    assert code == "DUPLICATE_VALUE"
    assert message == f"Duplicate PermissionSetAssignment. Assignee: {org.user_id}; Permission Set: {permission_set}"


def test_a_username_is_taken_once(web: Rest) -> None:
    """Usernames have a code of their own, whatever the case of letters."""
    (taken,) = web.records("SELECT Username, ProfileId FROM User")
    settings = {
        "TimeZoneSidKey": "GMT",
        "LocaleSidKey": "en_US",
        "EmailEncodingKey": "UTF-8",
        "LanguageLocaleKey": "en_US",
    }
    person = {"LastName": "Ng", "Email": "ng@example.com", "Alias": "ng", "ProfileId": taken["ProfileId"], **settings}
    web.created("User", Username="ng@example.com", **person)
    code, message = refused(web, "User", Username=taken["Username"].upper(), **person)
    assert (code, message.partition(".")[0]) == ("DUPLICATE_USERNAME", "Duplicate Username")
