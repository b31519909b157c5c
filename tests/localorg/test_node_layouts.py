"""What ``layouts``, ``compactLayouts``, ``tabs`` and ``theme`` of jsforce and others read: pages made of the schema."""

from __future__ import annotations

from typing import Any

import pytest
from rig.local_rest import BASE, Rest

from sfdata.localorg import LocalOrg

MASTER = "012000000000000AAA"
SCHEMA = """
[Site__c]
label = "Site"
name_field = { label = "Site Number", auto_number = "S-{000}" }

[Site__c.fields]
Account__c = { type = "lookup", to = "Account", children = "Sites" }
Story__c   = { type = "longtext", label = "Story" }
Kind__c    = { type = "picklist", values = ["Office", "Store"], required = true, label = "Kind" }
"""

pytestmark = pytest.mark.local_org(schema=SCHEMA)


def get(web: Rest, path: str) -> Any:
    reply = web.get(f"{BASE}/{path}")
    assert reply.status_code == 200, reply.text
    return reply.json()


def shown(layout: dict[str, Any]) -> dict[str, list[list[str]]]:
    """The fields of each section of a page, item by item."""
    return {
        section["heading"]: [
            [component["value"] for component in item["layoutComponents"]]
            for row in section["layoutRows"]
            for item in row["layoutItems"]
        ]
        for section in layout["detailLayoutSections"]
    }


def test_a_page_shows_what_people_fill_and_who_did(web: Rest) -> None:
    """Every field once, long texts below in one column, an empty place where a row has no second field."""
    (layout,) = get(web, "sobjects/Site__c/describe/layouts")["layouts"]
    assert shown(layout) == {
        "Site Information": [["Name"], ["OwnerId"], ["Account__c"], ["Kind__c"]],
        "Description": [["Story__c"]],
        "System Information": [["CreatedById"], ["LastModifiedById"]],
    }
    own, story, _ = layout["detailLayoutSections"]
    assert (own["columns"], own["rows"], story["columns"], story["rows"]) == (2, 2, 1, 1)
    assert [section["heading"] for section in layout["editLayoutSections"]] == ["Site Information", "Description"]
    assert {section["parentLayoutId"] for section in layout["detailLayoutSections"]} == {layout["id"]}
    (kind,) = (item for item in own["layoutRows"][1]["layoutItems"] if item["label"] == "Kind")
    assert (kind["required"], kind["editableForNew"], kind["editableForUpdate"]) == (True, True, True)
    (number,) = (item for item in own["layoutRows"][0]["layoutItems"] if item["label"] == "Site Number")
    assert (number["required"], number["editableForNew"], number["editableForUpdate"]) == (False, False, False)


def test_the_parts_of_a_compound_field_are_one_item(web: Rest) -> None:
    """A person's name and an address stand as people read them, under one label."""
    (layout,) = get(web, "sobjects/Contact/describe/layouts")["layouts"]
    sections = shown(layout)
    assert sections["Contact Information"][0] == ["Salutation", "FirstName", "LastName"]
    lines = [f"Mailing{line}" for line in ("Street", "City", "State", "PostalCode", "Country")]
    assert lines in sections["Address Information"]
    everything = [name for section in sections.values() for item in section for name in item]
    assert len(everything) == len(set(everything))
    assert not {"Id", "IsDeleted", "SystemModstamp", "MailingLatitude"} & set(everything)


def test_a_component_brings_the_describe_of_its_field(web: Rest) -> None:
    """``details`` is what the object's describe says of the field."""
    (layout,) = get(web, "sobjects/Site__c/describe/layouts")["layouts"]
    described = {field["name"]: field for field in get(web, "sobjects/Site__c/describe")["fields"]}
    components = [
        component
        for section in layout["detailLayoutSections"]
        for row in section["layoutRows"]
        for item in row["layoutItems"]
        for component in item["layoutComponents"]
    ]
    assert len(components) == 7
    assert all(component["details"] == described[component["value"]] for component in components)


def test_record_types_lead_to_their_layout(web: Rest) -> None:
    """The master is mapped to the layout with the picklists' values; its address gives the layout alone."""
    answer = get(web, "sobjects/Site__c/describe/layouts")
    (mapping,) = answer["recordTypeMappings"]
    assert answer["recordTypeSelectorRequired"] == [False]
    assert (mapping["recordTypeId"], mapping["layoutId"]) == (MASTER, answer["layouts"][0]["id"])
    (picklist,) = mapping["picklistsForRecordType"]
    assert picklist["picklistName"] == "Kind__c"
    assert [value["value"] for value in picklist["picklistValues"]] == ["Office", "Store"]
    alone = web.get(mapping["urls"]["layout"])
    assert alone.json() == answer["layouts"][0]
    assert web.get(f"{BASE}/sobjects/Site__c/describe/layouts/012000000000001AAA").status_code == 404


def test_child_records_are_related_lists(web: Rest) -> None:
    """The lists below an account are its child relationships, custom ones too; a list's first column is the name."""
    (layout,) = get(web, "sobjects/Account/describe/layouts")["layouts"]
    lists = {found["name"]: found for found in layout["relatedLists"]}
    assert {"Contacts", "Opportunities", "Cases", "Sites__r"} <= set(lists)
    sites = lists["Sites__r"]
    assert (sites["sobject"], sites["field"], sites["custom"]) == ("Site__c", "Account__c", True)
    assert sites["columns"][0]["field"] == "Site__c.Name"


def test_a_compact_layout_begins_with_the_name(web: Rest) -> None:
    """The system's own layout, of the object and of each record type, and by several names at once."""
    answer = get(web, "sobjects/Site__c/describe/compactLayouts")
    (layout,) = answer["compactLayouts"]
    values = [component["value"] for item in layout["fieldItems"] for component in item["layoutComponents"]]
    assert values == ["Name", "OwnerId", "Account__c", "Kind__c"]
    assert (layout["name"], layout["objectType"], layout["id"]) == ("SYSTEM", "Site__c", None)
    (mapping,) = answer["recordTypeCompactLayoutMappings"]
    assert (mapping["recordTypeId"], mapping["compactLayoutName"]) == (MASTER, "SYSTEM")
    assert web.get(mapping["urls"]["compactLayout"]).json() == layout
    assert web.get(answer["urls"]["primary"]).json() == layout
    several = get(web, "compactLayouts?q=Site__c,Account")
    assert several["Site__c"] == layout
    assert several["Account"]["objectType"] == "Account"
    assert web.get(f"{BASE}/compactLayouts").json()[0]["errorCode"] == "MISSING_ARGUMENT"
    assert web.get(f"{BASE}/compactLayouts?q=Site__c,Nope").status_code == 404


def test_every_address_of_a_describe_about_layouts_leads_somewhere(web: Rest) -> None:
    """What ``urls`` of an object promises is served; objects without pages promise nothing and have nothing."""
    urls = get(web, "sobjects/Account/describe")["urls"]
    for key in ("layouts", "compactLayouts", "approvalLayouts"):
        assert web.get(urls[key]).status_code == 200, key
    assert web.get(urls["approvalLayouts"]).json() == {"approvalLayouts": []}
    assert "layouts" not in get(web, "sobjects/Profile/describe")["urls"]
    for below in ("layouts", "compactLayouts", "approvalLayouts"):
        assert web.get(f"{BASE}/sobjects/Profile/describe/{below}").status_code == 404


def test_tabs_and_theme_have_an_entry_for_each_object_people_open(web: Rest, org: LocalOrg) -> None:
    """Standard objects under ``standard-``, custom ones under their names; no lines of others, no setup."""
    tabs = {tab["sobjectName"]: tab for tab in get(web, "tabs")}
    assert {"Account", "Contact", "Contract", "Case", "Lead", "Opportunity", "Site__c"} <= set(tabs)
    assert not {"Profile", "OrderItem", "PricebookEntry", "ContentVersion", "User"} & set(tabs)
    account, site = tabs["Account"], tabs["Site__c"]
    assert (account["name"], account["label"], account["custom"]) == ("standard-Account", "Accounts", False)
    assert (site["name"], site["label"], site["custom"]) == ("Site__c", "Sites", True)
    assert account["url"] == f"{org.instance_url}/001/o"
    assert {item["name"] for item in get(web, "theme")["themeItems"]} == set(tabs)


def test_a_layout_is_not_sent_again_to_whom_it_is_known(web: Rest) -> None:
    """Layouts are conditional like describes: 304 while nothing has changed."""
    first = web.get(f"{BASE}/sobjects/Account/describe/layouts")
    again = web.get(
        f"{BASE}/sobjects/Account/describe/layouts", headers={"If-Modified-Since": first.headers["Last-Modified"]}
    )
    assert (again.status_code, again.content) == (304, b"")
