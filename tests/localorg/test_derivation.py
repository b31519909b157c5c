"""Fields the org fills itself: what names, stages, prices, times and files imply."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from rig.standard_records import Clock, standard

from sfdata.localorg.derivation import Derivation
from sfdata.localorg.records.crud import Records
from sfdata.localorg.records.validation import RecordRefused
from sfdata.localorg.schema import Field, Schema, SObject
from sfdata.localorg.store import Store

ANN = "005Lo0000000001IAA"


def create(records: Records, name: str, **body: Any) -> str:
    return records.create(standard(name), body, ANN)


def update(records: Records, name: str, record_id: str, **body: Any) -> None:
    records.update(standard(name), record_id, body, ANN)


def values(records: Records, name: str, record_id: str, *fields: str) -> list[Any]:
    row = records.get(standard(name), record_id)
    return [row[field] for field in fields]


def test_rules_that_do_not_exist() -> None:
    """A schema that names an unknown rule is refused when the org starts, not when a row is written."""
    odd = SObject(
        "Odd__c", "Odd", "Odds", "a00", (Field("Id", "id", "Id"), Field("X__c", "string", "X", derived="nope"))
    )
    store = Store(Schema([odd]))
    with pytest.raises(ValueError, match=r"Odd__c .* nope"):
        Derivation(store)
    store.close()


# --- people ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        ({"LastName": "Müller"}, "Müller"),
        ({"LastName": "O'Neil", "FirstName": "Ann"}, "Ann O'Neil"),
        ({"LastName": "Li", "FirstName": "Bo", "Salutation": "Dr."}, "Bo Li"),
    ],
)
def test_names_of_people(records: Records, parts: dict[str, str], name: str) -> None:
    """A person's name is first and last name, without the salutation, and follows its parts."""
    contact = create(records, "Contact", **parts)
    assert values(records, "Contact", contact, "Name") == [name]
    update(records, "Contact", contact, FirstName="Zoë")
    assert values(records, "Contact", contact, "Name") == [f"Zoë {parts['LastName']}"]


def test_cases_show_their_contact(records: Records) -> None:
    """A case takes its contact's account, shows how to reach the contact, and keeps up with changes."""
    account = create(records, "Account", Name="A")
    contact = create(records, "Contact", LastName="L", AccountId=account, Email="a@b.example", Phone="1")
    case = create(records, "Case", ContactId=contact)
    shown = ("AccountId", "ContactEmail", "ContactPhone", "ContactFax")
    assert values(records, "Case", case, *shown) == [account, "a@b.example", "1", None]
    update(records, "Contact", contact, Email=None, Fax="2")
    assert values(records, "Case", case, *shown) == [account, None, "1", "2"]
    update(records, "Case", case, ContactId=None)
    assert values(records, "Case", case, *shown) == [account, None, None, None]
    alone = create(records, "Case", ContactId=contact, AccountId=None)
    assert values(records, "Case", alone, "AccountId") == [None]


def test_members_show_their_person(records: Records) -> None:
    """A campaign member shows the lead or contact it stands for, and whether it responded."""
    campaign = create(records, "Campaign", Name="C")
    account = create(records, "Account", Name="Acme")
    contact = create(records, "Contact", LastName="L", AccountId=account, MailingCity="Łódź", DoNotCall=True)
    lead = create(records, "Lead", LastName="M", Company="Firm", City="Ulm")
    first = create(records, "CampaignMember", CampaignId=campaign, ContactId=contact, Status="Responded")
    second = create(records, "CampaignMember", CampaignId=campaign, LeadId=lead)
    shown = ("Name", "Type", "CompanyOrAccount", "City", "DoNotCall", "HasResponded", "FirstRespondedDate")
    assert values(records, "CampaignMember", first, *shown) == ["L", "Contact", "Acme", "Łódź", 1, 1, "2026-11-21"]
    assert values(records, "CampaignMember", second, *shown) == ["M", "Lead", "Firm", "Ulm", 0, 0, None]
    update(records, "Lead", lead, City="Bonn")
    assert values(records, "CampaignMember", second, "City") == ["Bonn"]


# --- opportunities ---------------------------------------------------------------------------------------------------

STAGE = ("IsClosed", "IsWon", "Probability", "ForecastCategory", "ForecastCategoryName", "ExpectedRevenue")


@pytest.mark.parametrize(
    ("stage", "implied"),
    [
        ("Prospecting", [0, 0, 10.0, "Pipeline", "Pipeline", 25.05]),
        ("Closed Won", [1, 1, 100.0, "Closed", "Closed", 250.5]),
        ("Closed Lost", [1, 0, 0.0, "Omitted", "Omitted", 0.0]),
        ("Invented", [0, 0, 0.0, "Pipeline", "Pipeline", 0.0]),
    ],
)
def test_stages(records: Records, stage: str, implied: list[Any]) -> None:
    """The stage closes and wins a deal and gives probability, forecast category and expected revenue."""
    deal = create(records, "Opportunity", Name="D", StageName=stage, CloseDate="2026-03-31", Amount=250.5)
    assert values(records, "Opportunity", deal, *STAGE) == implied


def test_a_given_probability_stands(records: Records, clock: Clock) -> None:
    """What the request gives wins over the stage, until the stage changes without it."""
    body = {"Name": "D", "StageName": "Prospecting", "CloseDate": "2026-03-31", "Amount": 100}
    deal = create(records, "Opportunity", **body, Probability=35, ForecastCategoryName="Best Case")
    assert values(records, "Opportunity", deal, *STAGE) == [0, 0, 35.0, "BestCase", "Best Case", 35.0]
    update(records, "Opportunity", deal, Amount=200)
    assert values(records, "Opportunity", deal, "Probability", "ExpectedRevenue") == [35.0, 70.0]
    clock.now += timedelta(minutes=1)
    update(records, "Opportunity", deal, StageName="Needs Analysis")
    assert values(records, "Opportunity", deal, *STAGE) == [0, 0, 20.0, "Pipeline", "Pipeline", 40.0]
    assert values(records, "Opportunity", deal, "LastStageChangeDate") == ["2026-11-21T09:01:00.000+0000"]


@pytest.mark.parametrize(
    ("closing", "fiscal"), [("2026-01-01", [2026, 1, "2026 1"]), ("2024-06-30", [2024, 2, "2024 2"]),
                            ("2025-12-31", [2025, 4, "2025 4"])],
)  # fmt: skip
def test_fiscal_periods(records: Records, closing: str, fiscal: list[Any]) -> None:
    """The fiscal year is the calendar year; the period follows the close date."""
    deal = create(records, "Opportunity", Name="D", StageName="Prospecting", CloseDate=closing)
    assert values(records, "Opportunity", deal, "FiscalYear", "FiscalQuarter", "Fiscal") == fiscal
    assert values(records, "Opportunity", deal, "ExpectedRevenue") == [None]


# --- products --------------------------------------------------------------------------------------------------------


@pytest.fixture
def entry(records: Records) -> str:
    """An active entry, 50.00, for a drill in a price book."""
    product = create(records, "Product2", Name="Drill", ProductCode="D-1", IsActive=True)
    pricebook = create(records, "Pricebook2", Name="Retail", IsActive=True)
    return create(records, "PricebookEntry", Pricebook2Id=pricebook, Product2Id=product, UnitPrice=50, IsActive=True)


@pytest.fixture
def deal(records: Records) -> str:
    body = {"Name": "Deal", "StageName": "Prospecting", "CloseDate": "2026-03-31", "Amount": 1}
    return create(records, "Opportunity", **body)


def test_lines_agree_and_make_the_amount(records: Records, deal: str, entry: str) -> None:
    """A line takes product and price from its entry, and the deal's amount is the sum of its lines."""
    line = create(records, "OpportunityLineItem", OpportunityId=deal, PricebookEntryId=entry, Quantity=3)
    shown = ("Name", "ProductCode", "ListPrice", "UnitPrice", "Subtotal", "TotalPrice")
    assert values(records, "OpportunityLineItem", line, *shown) == ["Deal Drill", "D-1", 50.0, 50.0, 150.0, 150.0]
    other = create(
        records,
        "OpportunityLineItem",
        OpportunityId=deal,
        PricebookEntryId=entry,
        Quantity=2,
        UnitPrice=40,
        Discount=25,
    )
    assert values(records, "OpportunityLineItem", other, "Subtotal", "TotalPrice") == [80.0, 60.0]
    totals = ("Amount", "TotalOpportunityQuantity", "HasOpportunityLineItem", "ExpectedRevenue")
    assert values(records, "Opportunity", deal, *totals) == [210.0, 5.0, 1, 21.0]
    update(records, "OpportunityLineItem", other, Quantity=4)
    assert values(records, "Opportunity", deal, *totals) == [270.0, 7.0, 1, 27.0]
    update(records, "OpportunityLineItem", other, TotalPrice=30)
    assert values(records, "OpportunityLineItem", other, "UnitPrice", "Subtotal") == [10.0, 40.0]
    update(records, "Opportunity", deal, Amount=5, NextStep="call")
    assert values(records, "Opportunity", deal, "Amount", "NextStep") == [180.0, "call"]
    for item in (line, other):
        records.delete(standard("OpportunityLineItem"), item, ANN)
    assert values(records, "Opportunity", deal, *totals) == [0.0, 0.0, 0, 0.0]


def test_lines_by_product(records: Records, deal: str, entry: str) -> None:
    """A line may name its product instead of the entry; the deal takes on the entry's price book."""
    product, pricebook = values(records, "PricebookEntry", entry, "Product2Id", "Pricebook2Id")
    line = create(records, "OpportunityLineItem", OpportunityId=deal, Product2Id=product, Quantity=1)
    assert values(records, "OpportunityLineItem", line, "PricebookEntryId") == [entry]
    assert values(records, "Opportunity", deal, "Pricebook2Id") == [pricebook]


def test_lines_that_cannot_be_priced(records: Records, deal: str, entry: str) -> None:
    """A line needs an entry, an active one, and of the deal's own price book."""
    with pytest.raises(RecordRefused, match=r"Required fields are missing: \[PricebookEntryId\]"):
        create(records, "OpportunityLineItem", OpportunityId=deal, Quantity=1)
    product = create(records, "Product2", Name="Saw")
    with pytest.raises(RecordRefused) as unpriced:
        create(records, "OpportunityLineItem", OpportunityId=deal, Product2Id=product, Quantity=1)
    assert unpriced.value.error_code == "FIELD_INTEGRITY_EXCEPTION"
    update(records, "Opportunity", deal, Pricebook2Id=create(records, "Pricebook2", Name="Other"))
    with pytest.raises(RecordRefused, match="different pricebook"):
        create(records, "OpportunityLineItem", OpportunityId=deal, PricebookEntryId=entry, Quantity=1)


def test_copies_follow_the_product(records: Records, entry: str) -> None:
    """A price book entry is called like its product, also after the product was renamed."""
    (product,) = values(records, "PricebookEntry", entry, "Product2Id")
    assert values(records, "PricebookEntry", entry, "Name", "ProductCode") == ["Drill", "D-1"]
    update(records, "Product2", product, Name="Driller", ProductCode=None)
    assert values(records, "PricebookEntry", entry, "Name", "ProductCode") == ["Driller", None]


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [("2024-01-31", 1, "2024-02-28"), ("2026-03-01", 12, "2027-02-28"), ("2026-12-15", 1, "2027-01-14"),
     ("2026-12-15", None, None)],
)  # fmt: skip
def test_contracts_end(records: Records, start: str, months: int | None, end: str | None) -> None:
    """A contract ends the day before its term is over; its status code follows its status."""
    account = create(records, "Account", Name="A")
    contract = create(records, "Contract", AccountId=account, StartDate=start, ContractTerm=months)
    assert values(records, "Contract", contract, "EndDate", "StatusCode") == [end, "Draft"]
    update(records, "Contract", contract, Status="In Approval Process")
    assert values(records, "Contract", contract, "StatusCode") == ["InApproval"]
    with pytest.raises(RecordRefused, match="Contract Term: value outside of valid range on numeric field: 99999999"):
        update(records, "Contract", contract, ContractTerm=99_999_999)


# --- cases, tasks and events -----------------------------------------------------------------------------------------


def test_cases_and_tasks_close(records: Records, clock: Clock) -> None:
    """A closing status keeps the moment it was first set; reopening forgets it."""
    case = create(records, "Case")
    task = create(records, "Task", Priority="High", Status="Completed")
    assert values(records, "Task", task, "IsClosed", "IsHighPriority", "CompletedDateTime") == [
        1, 1, "2026-11-21T09:00:00.000+0000",
    ]  # fmt: skip
    assert values(records, "Case", case, "IsClosed", "ClosedDate") == [0, None]
    clock.now += timedelta(hours=1)
    update(records, "Case", case, Status="Closed")
    clock.now += timedelta(hours=1)
    update(records, "Case", case, Subject="still closed")
    assert values(records, "Case", case, "IsClosed", "ClosedDate") == [1, "2026-11-21T10:00:00.000+0000"]
    update(records, "Case", case, Status="Working")
    assert values(records, "Case", case, "IsClosed", "ClosedDate") == [0, None]


def test_activities_count_for_an_account(records: Records, deal: str) -> None:
    """An activity counts for the account it is about, else for the one its related record or person belongs to."""
    account, other = create(records, "Account", Name="A"), create(records, "Account", Name="B")
    update(records, "Opportunity", deal, AccountId=account)
    contact = create(records, "Contact", LastName="L", AccountId=other)
    lead = create(records, "Lead", LastName="L", Company="C")
    counted = [
        values(records, "Task", create(records, "Task", **body), "AccountId")[0]
        for body in ({"WhatId": account}, {"WhatId": deal, "WhoId": contact}, {"WhoId": contact}, {"WhoId": lead}, {})
    ]
    assert counted == [account, account, other, None, None]


EVENT = ("StartDateTime", "ActivityDateTime", "ActivityDate", "EndDateTime", "EndDate", "DurationInMinutes")
MORNING, NOON = "2026-03-01T09:30:00.000+0000", "2026-03-01T12:00:00.000+0000"
FIRST, THIRD = "2026-03-01T00:00:00.000+0000", "2026-03-03T00:00:00.000+0000"


@pytest.mark.parametrize(
    ("body", "filled"),
    [
        ({"StartDateTime": "2026-03-01T09:30:00Z", "EndDateTime": "2026-03-01T12:00:00Z"},
         [MORNING, MORNING, "2026-03-01", NOON, "2026-03-01", 150]),
        ({"ActivityDateTime": "2026-03-01T10:30:00+01:00", "DurationInMinutes": 150},
         [MORNING, MORNING, "2026-03-01", NOON, "2026-03-01", 150]),
        ({"IsAllDayEvent": True, "ActivityDate": "2026-03-01"},
         [FIRST, FIRST, "2026-03-01", FIRST, "2026-03-01", 1440]),
        ({"IsAllDayEvent": True, "ActivityDate": "2026-03-01", "DurationInMinutes": 4320},
         [FIRST, FIRST, "2026-03-01", THIRD, "2026-03-03", 4320]),
        ({"IsAllDayEvent": True, "StartDateTime": "2026-03-01T05:00:00Z", "EndDateTime": "2026-03-03T00:00:00Z"},
         [FIRST, FIRST, "2026-03-01", THIRD, "2026-03-03", 4320]),
    ],
)  # fmt: skip
def test_events_agree(records: Records, body: dict[str, Any], filled: list[Any]) -> None:
    """Start, end, day and duration of an event agree, whichever of them were given."""
    event = create(records, "Event", **body)
    assert values(records, "Event", event, *EVENT) == filled


def test_events_move(records: Records) -> None:
    """A new start keeps the duration, a new end changes it."""
    event = create(records, "Event", StartDateTime="2026-03-01T09:00:00Z", DurationInMinutes=60)
    update(records, "Event", event, StartDateTime="2026-03-02T09:00:00Z")
    assert values(records, "Event", event, "EndDateTime", "ActivityDate") == [
        "2026-03-02T10:00:00.000+0000",
        "2026-03-02",
    ]
    update(records, "Event", event, EndDateTime="2026-03-02T11:30:00Z")
    assert values(records, "Event", event, "DurationInMinutes") == [150]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"StartDateTime": "2026-03-01T09:00:00Z"}, "REQUIRED_FIELD_MISSING"),
        ({"DurationInMinutes": 5}, "REQUIRED_FIELD_MISSING"),
        ({"StartDateTime": "2026-03-01T09:00:00Z", "DurationInMinutes": -5}, "FIELD_INTEGRITY_EXCEPTION"),
    ],
)
def test_events_without_end(records: Records, body: dict[str, Any], code: str) -> None:
    """An event has a start and an end, and does not end before it starts."""
    with pytest.raises(RecordRefused) as refused:
        create(records, "Event", **body)
    assert refused.value.error_code == code


# --- files and numbers -----------------------------------------------------------------------------------------------


def test_files(records: Records) -> None:
    """A version tells of its bytes and name, and makes a document that its owner and its place see."""
    account = create(records, "Account", Name="A")
    body = {"PathOnClient": "C:\\plans\\Plan v1.PDF", "VersionData": "aGVsbG8=", "FirstPublishLocationId": account}
    first = create(records, "ContentVersion", **body)
    facts = ("Title", "FileExtension", "FileType", "ContentSize", "Checksum", "VersionNumber", "IsLatest")
    hello = "5d41402abc4b2a76b9719d911017c592"
    assert values(records, "ContentVersion", first, *facts) == ["Plan v1", "PDF", "PDF", 5, hello, "1", 1]
    (document,) = values(records, "ContentVersion", first, "ContentDocumentId")
    second = create(records, "ContentVersion", PathOnClient="b.txt", VersionData="", ContentDocumentId=document)
    assert values(records, "ContentVersion", second, *facts)[3:] == [0, "d41d8cd98f00b204e9800998ecf8427e", "2", 1]
    assert values(records, "ContentVersion", first, "IsLatest") == [0]
    shown = ("LatestPublishedVersionId", "Title", "FileType", "ContentSize", "OwnerId")
    assert values(records, "ContentDocument", document, *shown) == [second, "b", "TEXT", 0, ANN]
    links = records.store.find(standard("ContentDocumentLink"), "ContentDocumentId", document)
    assert [(link["LinkedEntityId"], link["ShareType"]) for link in links] == [(ANN, "I"), (account, "V")]


def test_numbers_the_org_gives(records: Records) -> None:
    """Auto-numbers count on from the highest one there is, also after a refused or deleted row."""
    records.store.insert(standard("Case"), {"Id": "500Lo0000000099IAA", "CaseNumber": "00001041"})
    first, second = create(records, "Case"), create(records, "Case")
    with pytest.raises(RecordRefused):
        create(records, "Case", SuppliedEmail="abc")
    records.delete(standard("Case"), second, ANN)
    third = create(records, "Case")
    numbers = [values(records, "Case", case, "CaseNumber")[0] for case in (first, third)]
    assert numbers == ["00001042", "00001044"]
