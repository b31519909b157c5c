"""The declared standard objects: consistent with each other and with facts known of Salesforce."""

from __future__ import annotations

import pytest
from rig.standard_records import SCHEMA, standard

from sfdata.localorg.derivation.rules import RULES
from sfdata.localorg.objects import build_schema, stages
from sfdata.localorg.schema import Field

#: Key prefixes as Salesforce's documentation lists them.
KEY_PREFIXES = {
    "Account": "001", "Contact": "003", "User": "005", "Opportunity": "006", "Organization": "00D", "UserRole": "00E",
    "Group": "00G", "OpportunityContactRole": "00K", "Attachment": "00P", "Lead": "00Q", "Task": "00T",
    "Event": "00U", "Profile": "00e", "OpportunityLineItem": "00k", "CampaignMember": "00v", "RecordType": "012",
    "Pricebook2": "01s", "Product2": "01t", "PricebookEntry": "01u", "ContentVersion": "068",
    "ContentDocument": "069", "PermissionSet": "0PS", "Case": "500", "Campaign": "701", "Contract": "800",
    "Order": "801", "OrderItem": "802", "Note": "002", "Asset": "02i", "CaseComment": "00a", "Document": "015",
}  # fmt: skip

#: Object.Field, type, length, precision, scale, nillable, createable, updateable: from the object reference.
FACTS = [
    ("Account.Name", "string", 255, 0, 0, False, True, True),
    ("Account.AnnualRevenue", "currency", 0, 18, 0, True, True, True),
    ("Account.NumberOfEmployees", "int", 0, 0, 0, True, True, True),
    ("Account.Description", "textarea", 32000, 0, 0, True, True, True),
    ("Account.NumberofLocations__c", "double", 0, 3, 0, True, True, True),
    ("Contact.Name", "string", 121, 0, 0, False, False, False),
    ("Contact.LastName", "string", 80, 0, 0, False, True, True),
    ("Contact.Email", "email", 80, 0, 0, True, True, True),
    ("Contact.MailingLatitude", "double", 0, 18, 15, True, True, True),
    ("Lead.Company", "string", 255, 0, 0, False, True, True),
    ("Opportunity.Amount", "currency", 0, 18, 2, True, True, True),
    ("Opportunity.Probability", "percent", 0, 3, 0, True, True, True),
    ("Opportunity.ExpectedRevenue", "currency", 0, 18, 2, True, False, False),
    ("Opportunity.CloseDate", "date", 0, 0, 0, False, True, True),
    ("Opportunity.ContactId", "reference", 18, 0, 0, True, True, False),
    ("Case.CaseNumber", "string", 30, 0, 0, False, False, False),
    ("Case.ClosedDate", "datetime", 0, 0, 0, True, False, False),
    ("Task.Subject", "combobox", 255, 0, 0, True, True, True),
    ("User.Username", "string", 80, 0, 0, False, True, True),
    ("Organization.IsSandbox", "boolean", 0, 0, 0, False, False, False),
    ("ContentVersion.VersionData", "base64", 0, 0, 0, True, True, True),
]

#: Child relationship names as SOQL walks them: parent, name, child, field.
CHILDREN = [
    ("Account", "Contacts", "Contact", "AccountId"),
    ("Account", "Opportunities", "Opportunity", "AccountId"),
    ("Account", "Cases", "Case", "AccountId"),
    ("Account", "ChildAccounts", "Account", "ParentId"),
    ("Account", "Assets", "Asset", "AccountId"),
    ("Account", "Contracts", "Contract", "AccountId"),
    ("Account", "Tasks", "Task", "WhatId"),
    ("Account", "Events", "Event", "WhatId"),
    ("Account", "Notes", "Note", "ParentId"),
    ("Account", "Attachments", "Attachment", "ParentId"),
    ("Contact", "Cases", "Case", "ContactId"),
    ("Contact", "Tasks", "Task", "WhoId"),
    ("Contact", "OpportunityContactRoles", "OpportunityContactRole", "ContactId"),
    ("Contact", "CampaignMembers", "CampaignMember", "ContactId"),
    ("Opportunity", "OpportunityLineItems", "OpportunityLineItem", "OpportunityId"),
    ("Opportunity", "OpportunityContactRoles", "OpportunityContactRole", "OpportunityId"),
    ("Product2", "PricebookEntries", "PricebookEntry", "Product2Id"),
    ("Campaign", "CampaignMembers", "CampaignMember", "CampaignId"),
    ("Campaign", "ChildCampaigns", "Campaign", "ParentId"),
    ("Case", "CaseComments", "CaseComment", "ParentId"),
    ("ContentDocument", "ContentVersions", "ContentVersion", "ContentDocumentId"),
    ("Profile", "Users", "User", "ProfileId"),
]


def declared_field(path: str) -> Field:
    name, _, field_name = path.partition(".")
    found = standard(name).field(field_name)
    assert found is not None, path
    return found


@pytest.mark.parametrize(("name", "prefix"), KEY_PREFIXES.items())
def test_key_prefix(name: str, prefix: str) -> None:
    """An object's Ids begin as they do in every org."""
    assert standard(name).key_prefix == prefix
    assert SCHEMA.by_prefix(f"{prefix}000000000000AAA") is standard(name)


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact[0])
def test_field_fact(fact: tuple[str, str, int, int, int, bool, bool, bool]) -> None:
    """A field has the type, size and rights that the object reference gives it."""
    field = declared_field(fact[0])
    sizes = (field.type, field.length, field.precision, field.scale)
    assert (fact[0], *sizes, field.nillable, field.createable, field.updateable) == fact


@pytest.mark.parametrize(("parent", "relationship", "child", "field"), CHILDREN)
def test_child_relationship(parent: str, relationship: str, child: str, field: str) -> None:
    """A subquery finds the children under the name Salesforce gives them."""
    found = SCHEMA.child(parent, relationship)
    assert found is not None
    assert (found.object, found.field) == (child, field)


def test_names_are_unique() -> None:
    """No two fields of an object, and no two child relationships of a parent, answer to one name."""
    for sobject in SCHEMA:
        fields = [f.name.casefold() for f in sobject.fields]
        assert len(fields) == len(set(fields)), sobject.name
        children = [c.name.casefold() for c in SCHEMA.children(sobject.name) if c.name]
        assert len(children) == len(set(children)), sobject.name


def test_references_lead_to_declared_objects() -> None:
    """Every lookup leads to an object of this org, and several targets make it polymorphic by name."""
    for sobject in SCHEMA:
        for field in sobject.fields:
            assert (field.type == "reference") == bool(field.reference_to), f"{sobject.name}.{field.name}"
            assert all(SCHEMA.object(parent) for parent in field.reference_to), f"{sobject.name}.{field.name}"


def test_every_object_has_an_id_and_at_most_one_name() -> None:
    """An object leads with its Id and is named by one field at most."""
    for sobject in SCHEMA:
        assert (sobject.fields[0].name, sobject.fields[0].type) == ("Id", "id")
        assert sum(f.name_field for f in sobject.fields) <= 1, sobject.name


def test_compound_fields_have_their_parts() -> None:
    """Each address is assembled from eight parts, each location from two, and nothing is part of a field unknown."""
    for sobject in SCHEMA:
        parts: dict[str, int] = {}
        for field in sobject.fields:
            if field.compound:
                assert sobject.field(field.compound), f"{sobject.name}.{field.name}"
                parts[field.compound] = parts.get(field.compound, 0) + 1
        for field in sobject.fields:
            if not field.stored:
                assert parts[field.name] == {"address": 8, "location": 2}[field.type]


def test_every_type_exists_somewhere() -> None:
    """An org without custom objects still has every type of field that a query can meet."""
    assert {f.type for sobject in SCHEMA for f in sobject.fields} >= {
        "id", "reference", "string", "email", "phone", "url", "picklist", "multipicklist", "combobox", "textarea",
        "boolean", "int", "double", "currency", "percent", "date", "datetime", "time", "base64", "address", "location",
    }  # fmt: skip


def test_soql_rules_follow_the_type() -> None:
    """Long text cannot be filtered, money not grouped, and several values not sorted."""
    assert not declared_field("Account.Description").filterable
    assert not declared_field("Opportunity.Amount").groupable
    assert declared_field("Opportunity.Amount").sortable
    assert not declared_field("Account.Segments__c").sortable
    assert declared_field("Account.BillingStreet").groupable
    assert not declared_field("Contact.CreatedDate").groupable
    assert declared_field("Opportunity.CloseDate").groupable
    assert not declared_field("Task.Subject").groupable
    assert not declared_field("Opportunity.HasOpenActivity").filterable


def test_polymorphic_parents() -> None:
    """Who, What and a queue's Owner lead to any of several objects."""
    assert declared_field("Task.WhoId").reference_to == ("Contact", "Lead")
    assert {"Account", "Opportunity", "Case", "Campaign"} < set(declared_field("Event.WhatId").reference_to)
    for name in ("Case", "Lead", "Task"):
        assert declared_field(f"{name}.OwnerId").reference_to == ("Group", "User")
    assert declared_field("Event.OwnerId").reference_to == ("Calendar", "User")
    assert declared_field("Account.OwnerId").reference_to == ("User",)


@pytest.mark.parametrize("name", ["User", "Profile", "UserRole", "Group", "Organization", "RecordType"])
def test_setup_objects_have_no_recycle_bin(name: str) -> None:
    """What only administrators make has no IsDeleted."""
    assert standard(name).field("IsDeleted") is None


def test_external_keys() -> None:
    """The objects that other systems feed have Ext__c: unique without regard to case, and usable in an upsert."""
    common = ("Account", "Contact", "Lead", "Opportunity", "Case", "Product2", "Campaign", "Asset", "Contract")
    for name in (*common, "Task", "Event"):
        field = declared_field(f"{name}.Ext__c")
        assert (field.length, field.external_id, field.unique, field.id_lookup) == (80, True, True, True)
        assert not field.case_sensitive


def test_derived_fields_name_known_rules() -> None:
    """A field that the org fills names one of the rules that writes implement, and every rule fills something."""
    assert {f.derived for s in SCHEMA for f in s.fields if f.derived} == set(RULES)


def test_numbered_fields_are_the_orgs_alone() -> None:
    """Nobody writes an auto number."""
    numbered = {f"{s.name}.{f.name}": f for s in SCHEMA for f in s.fields if f.auto_number}
    assert {"Case.CaseNumber", "Contract.ContractNumber"} <= numbered.keys()
    assert not any(f.createable or f.updateable for f in numbered.values())


def test_picklist_defaults_are_values() -> None:
    """A picklist's default is one of its values, and the one marked so."""
    for sobject in SCHEMA:
        for field in sobject.fields:
            marked = [value.value for value in field.picklist if value.default]
            if field.picklist and field.default_value is not None:
                assert marked == [field.default_value], f"{sobject.name}.{field.name}"
            else:
                assert not marked, f"{sobject.name}.{field.name}"


def test_stages_are_the_values_of_stage_name() -> None:
    """Every stage an opportunity can be given says how likely it is and where it counts in the forecast."""
    values = [value.value for value in declared_field("Opportunity.StageName").picklist]
    assert values == [stage.name for stage in stages.STAGES]
    won, lost = stages.stage("closed WON"), stages.stage("Closed Lost")
    assert won is not None
    assert lost is not None
    assert (won.probability, won.is_closed, won.is_won, won.forecast_category_name) == (100, True, True, "Closed")
    assert (lost.probability, lost.is_closed, lost.is_won, lost.forecast_category_name) == (0, True, False, "Omitted")
    assert stages.stage("Nowhere") is None


def test_closing_statuses_are_values() -> None:
    """A status that closes a case or a task is one that it can have."""
    for path, closing in (("Case.Status", stages.CLOSED_CASE_STATUSES), ("Task.Status", stages.CLOSED_TASK_STATUSES)):
        assert closing
        assert closing <= {value.value for value in declared_field(path).picklist}


def test_the_name_entity_is_no_table() -> None:
    """Name only stands for whichever object a polymorphic lookup leads to."""
    assert not standard("Name").queryable
    assert {"Name", "Type", "FirstName", "Email", "Username"} < {f.name for f in standard("Name").fields}


def test_lookups_ignore_case() -> None:
    """Objects, fields and relationships are found however they are written."""
    account = SCHEMA.object("aCCOUNT")
    assert account is standard("Account")
    assert account.field("billingCITY") is declared_field("Account.BillingCity")
    assert account.parent("OWNER") is declared_field("Account.OwnerId")
    assert SCHEMA.child("ACCOUNT", "contacts") == SCHEMA.child("Account", "Contacts")


def test_a_schema_without_a_file_is_the_standard_one() -> None:
    """Nothing is added where nothing is declared."""
    assert build_schema() is SCHEMA
