"""Describe answers: the keys clients read, and what the schema makes of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from rig.standard_records import SCHEMA, standard

from sfdata.localorg.describe import basic_info, describe_global, describe_object
from sfdata.localorg.objects import fields
from sfdata.localorg.schema import Schema, SObject

BASE = "/services/data/v66.0"

#: The keys of a field's describe, as recorded from an org.
FIELD_KEYS = {
    "aggregatable", "aiPredictionField", "autoNumber", "byteLength", "calculated", "calculatedFormula",
    "cascadeDelete", "caseSensitive", "compoundFieldName", "controllerName", "createable", "custom",
    "defaultValue", "defaultValueFormula", "defaultedOnCreate", "dependentPicklist", "deprecatedAndHidden",
    "digits", "displayLocationInDecimal", "encrypted", "externalId", "extraTypeInfo", "filterable",
    "filteredLookupInfo", "formulaTreatNullNumberAsZero", "groupable", "highScaleNumber", "htmlFormatted",
    "idLookup", "inlineHelpText", "label", "length", "mask", "maskType", "name", "nameField", "namePointing",
    "nillable", "permissionable", "picklistValues", "polymorphicForeignKey", "precision", "queryByDistance",
    "referenceTargetField", "referenceTo", "relationshipName", "relationshipOrder", "restrictedDelete",
    "restrictedPicklist", "scale", "searchPrefilterable", "soapType", "sortable", "type", "unique",
    "updateable", "writeRequiresMasterRead",
}  # fmt: skip
#: The keys of an entry of the list of objects.
ENTRY_KEYS = {
    "activateable", "associateEntityType", "associateParentEntity", "createable", "custom", "customSetting",
    "deepCloneable", "deletable", "deprecatedAndHidden", "feedEnabled", "hasSubtypes", "isInterface",
    "isSubtype", "keyPrefix", "label", "labelPlural", "layoutable", "mergeable", "mruEnabled", "name",
    "queryable", "replicateable", "retrieveable", "searchable", "triggerable", "undeletable", "updateable",
    "urls",
}  # fmt: skip
#: What an object's own describe has besides.
OBJECT_KEYS = {
    "actionOverrides", "childRelationships", "compactLayoutable", "defaultImplementation", "extendedBy",
    "extendsInterfaces", "fields", "implementedBy", "implementsInterfaces", "listviewable", "lookupLayoutable",
    "namedLayoutInfos", "networkScopeFieldName", "recordTypeInfos", "searchLayoutable", "sobjectDescribeOption",
    "supportedScopes",
}  # fmt: skip


def described(name: str, **options: Any) -> dict[str, Any]:
    return describe_object(SCHEMA, standard(name), BASE, **options)


def described_field(path: str) -> dict[str, Any]:
    name, _, field_name = path.partition(".")
    return next(field for field in described(name)["fields"] if field["name"] == field_name)


def test_global_lists_every_object_by_name() -> None:
    """The list of objects has an entry for each, sorted, with the keys and limits clients read."""
    answer = describe_global(SCHEMA, BASE)
    assert (answer["encoding"], answer["maxBatchSize"]) == ("UTF-8", 200)
    names = [entry["name"] for entry in answer["sobjects"]]
    assert names == sorted(sobject.name for sobject in SCHEMA)
    assert all(set(entry) == ENTRY_KEYS for entry in answer["sobjects"])


@pytest.mark.parametrize("sobject", list(SCHEMA), ids=lambda sobject: sobject.name)
def test_every_object_describes_with_the_recorded_keys(sobject: SObject) -> None:
    """Every describe has the keys a real one has, a field per declared field, and is JSON."""
    answer = describe_object(SCHEMA, sobject, BASE)
    assert set(answer) == ENTRY_KEYS | OBJECT_KEYS
    assert [field["name"] for field in answer["fields"]] == [field.name for field in sobject.fields]
    assert len(FIELD_KEYS) == 57
    assert all(set(field) == FIELD_KEYS for field in answer["fields"])
    assert json.loads(json.dumps(answer)) == answer


def test_urls_are_templates_of_the_version() -> None:
    """The URLs of an object lead into the version that was asked, with {ID} where a row's Id belongs."""
    urls = described("Account", instance_url="https://x.example")["urls"]
    assert urls["sobject"] == "/services/data/v66.0/sobjects/Account"
    assert urls["describe"] == "/services/data/v66.0/sobjects/Account/describe"
    assert urls["rowTemplate"] == "/services/data/v66.0/sobjects/Account/{ID}"
    assert urls["uiDetailTemplate"] == "https://x.example/{ID}"
    assert urls["uiNewRecord"] == "https://x.example/001/e"
    assert set(described("CaseComment")["urls"]) == {"sobject", "describe", "rowTemplate"}


@pytest.mark.parametrize(
    ("path", "soap_type", "length", "byte_length"),
    [
        ("Account.Id", "tns:ID", 18, 18),
        ("Account.OwnerId", "tns:ID", 18, 18),
        ("Account.Name", "xsd:string", 255, 765),
        ("Contact.Email", "xsd:string", 80, 240),
        ("Contact.Description", "xsd:string", 32000, 96000),
        ("Account.Segments__c", "xsd:string", 4099, 4099),
        ("Account.IsDeleted", "xsd:boolean", 0, 0),
        ("Account.NumberOfEmployees", "xsd:int", 0, 0),
        ("Opportunity.Amount", "xsd:double", 0, 0),
        ("Opportunity.CloseDate", "xsd:date", 0, 0),
        ("Opportunity.CreatedDate", "xsd:dateTime", 0, 0),
        ("Account.Opening_Time__c", "xsd:time", 0, 0),
        ("ContentVersion.VersionData", "xsd:base64Binary", 0, 0),
        ("Account.BillingAddress", "urn:address", 0, 0),
        ("Account.Site_Location__c", "urn:location", 0, 0),
    ],
)
def test_soap_type_and_lengths_follow_the_type(path: str, soap_type: str, length: int, byte_length: int) -> None:
    """Text counts three bytes a character, ids 18, and everything else none."""
    field = described_field(path)
    assert (field["soapType"], field["length"], field["byteLength"]) == (soap_type, length, byte_length)


def test_child_relationships_are_listed_by_child() -> None:
    """A parent lists who points at it, also under relationships that SOQL cannot walk."""
    children = described("Contact")["childRelationships"]
    keys = [(child["childSObject"], child["field"]) for child in children]
    assert keys == sorted(keys)
    cases = next(child for child in children if child["childSObject"] == "Case")
    assert cases == {
        "cascadeDelete": False,
        "childSObject": "Case",
        "deprecatedAndHidden": False,
        "field": "ContactId",
        "junctionIdListNames": [],
        "junctionReferenceTo": [],
        "relationshipName": "Cases",
        "restrictedDelete": True,
    }
    assert ("Contact", "ReportsToId") in keys


def test_picklist_values_have_their_labels_and_default() -> None:
    """A picklist lists API values with labels and says which one new rows get."""
    status = described_field("Case.Status")
    assert status["defaultValue"] == "New"
    assert [value["value"] for value in status["picklistValues"] if value["defaultValue"]] == ["New"]
    busy = described_field("Event.ShowAs")["picklistValues"][1]
    assert busy == {
        "active": True,
        "defaultValue": False,
        "label": "Out of Office",
        "validFor": None,
        "value": "OutOfOffice",
    }


def test_record_types_come_before_the_master() -> None:
    """The org's record types are offered, and the master is the default of new rows."""
    rows = [
        {"Id": "012Lo0000000001AAA", "Name": "Partner Account", "DeveloperName": "Partner", "IsActive": 1},
        {"Id": "012Lo0000000002AAA", "Name": "Old", "DeveloperName": "Old", "IsActive": 0},
    ]
    infos = described("Account", record_types=rows)["recordTypeInfos"]
    assert [(info["developerName"], info["active"], info["master"]) for info in infos] == [
        ("Partner", True, False),
        ("Old", False, False),
        ("Master", True, True),
    ]
    assert [info["defaultRecordTypeMapping"] for info in infos] == [False, False, True]
    assert infos[-1]["recordTypeId"] == "012000000000000AAA"
    assert infos[0]["urls"]["layout"] == f"{BASE}/sobjects/Account/describe/layouts/012Lo0000000001AAA"


def test_what_has_no_page_of_its_own_has_no_record_types() -> None:
    """An opportunity's contact roles have no record types, not even the master."""
    assert described("OpportunityContactRole")["recordTypeInfos"] == []


@pytest.mark.parametrize(
    ("path", "filterable"),
    [
        ("Contact.AccountId", True),
        ("Event.WhatId", True),
        ("Lead.ConvertedAccountId", True),
        ("Contact.OwnerId", False),
        ("Contact.MasterRecordId", False),
        ("Account.RecordTypeId", False),
        ("Opportunity.ContactId", False),
    ],
)
def test_search_prefilters_by_lookups(path: str, filterable: bool) -> None:
    """A search can be narrowed by a lookup that may be empty and that SOQL can walk, as recorded from orgs."""
    assert described_field(path)["searchPrefilterable"] is filterable


def test_scopes_follow_ownership() -> None:
    """Rows with an owner can be mine, rows that a queue may own can be the queue's."""

    def names(name: str) -> list[str]:
        return [scope["name"] for scope in described(name)["supportedScopes"]]

    assert names("CaseComment") == ["everything"]
    assert names("Contact") == ["everything", "mine", "scopingRule", "team"]
    assert names("Lead") == ["everything", "mine", "queue_owned", "scopingRule", "team", "user_owned"]
    assert names("Case") == ["everything", "mine", "queue_owned", "scopingRule", "user_owned"]


@pytest.mark.parametrize(
    ("path", "hidden"),
    [
        ("Opportunity.Amount", True),
        ("Opportunity.ExpectedRevenue", True),
        ("Opportunity.StageName", False),
        ("Opportunity.ForecastCategoryName", False),
        ("Case.Status", False),
        ("Case.ClosedDate", True),
        ("Contact.EmailBouncedDate", False),
        ("Event.StartDateTime", False),
        ("Event.Location", True),
        ("Task.ReminderDateTime", False),
    ],
)
def test_field_level_security_can_hide_what_an_org_can_do_without(path: str, hidden: bool) -> None:
    """What a row is made of, and times and reminders of activities, are seen by all; other fields may be hidden."""
    assert described_field(path)["permissionable"] is hidden


def test_keys_are_in_alphabetical_order() -> None:
    """Properties of objects and of fields are listed from A to Z."""
    answer = described("Contact")
    assert all(list(part) == sorted(part) for part in (answer, *answer["fields"], *answer["childRelationships"]))
    assert all(list(entry) == sorted(entry) for entry in describe_global(SCHEMA, BASE)["sobjects"])


@pytest.mark.parametrize(
    ("name", "listed"), [("Account", True), ("Event", False), ("User", False), ("OpportunityContactRole", False)]
)
def test_what_has_a_tab_has_list_views(name: str, listed: bool) -> None:
    """List views and approval layouts are there for objects that people list on pages of their own."""
    assert {"listviews", "approvalLayouts"} <= described(name)["urls"].keys() or not listed
    assert ("listviews" in described(name)["urls"]) is listed


def test_merged_rows_are_no_relationship_of_their_winner() -> None:
    """MasterRecordId leads to what a row was merged into, which does not list it among its children."""
    assert all(child["field"] != "MasterRecordId" for child in described("Account")["childRelationships"])


def test_basic_info_has_the_entry_and_the_rows_given() -> None:
    """The short answer is the entry of the list, with the rows viewed last as they were handed in."""
    row = {"attributes": {"type": "Account", "url": f"{BASE}/sobjects/Account/001"}, "Id": "001", "Name": "Acme"}
    answer = basic_info(SCHEMA, standard("Account"), BASE, [row])
    entry = next(e for e in describe_global(SCHEMA, BASE)["sobjects"] if e["name"] == "Account")
    assert answer == {"objectDescribe": entry, "recentItems": [row]}


def test_basic_info_refuses_an_object_of_another_org() -> None:
    """An object that the schema does not have is not described by it."""
    stranger = fields.sobject("Stranger__c", "Stranger", "Strangers", "a00", fields.record_id("Record ID"))
    with pytest.raises(LookupError, match="Stranger__c"):
        basic_info(SCHEMA, stranger, BASE)


def test_an_answer_is_the_callers_own() -> None:
    """Changing one answer does not change the next."""
    described("Account")["urls"].clear()
    described("Account")["fields"][0]["label"] = "changed"
    assert described("Account")["urls"]
    assert described("Account")["fields"][0]["label"] == "Account ID"


def test_cascades_of_custom_relationships_show_at_the_field() -> None:
    """A custom master-detail says at the field itself that rows go with their master."""
    parent = fields.sobject("P__c", "P", "Ps", "a00", fields.record_id("Record ID"))
    master = fields.reference("P__c", "P", "P__c", nillable=False, cascade_delete=True, relationship_order=0)
    child = fields.sobject("C__c", "C", "Cs", "a01", fields.record_id("Record ID"), master)
    field = describe_object(Schema([parent, child]), child, BASE)["fields"][1]
    assert (field["cascadeDelete"], field["relationshipOrder"], field["permissionable"]) == (True, 0, False)
    assert described_field("Contact.AccountId")["cascadeDelete"] is False
