"""The sample company's rows obey the schema and each other: references, picklists, lengths, derived fields, times."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import Any

import pytest

from sfdata.localorg.company import seed_company
from sfdata.localorg.derivation import Derivation
from sfdata.localorg.objects import standard_schema
from sfdata.localorg.schema import Field, SObject
from sfdata.localorg.store import Store

AS_OF = date(2024, 6, 30)
SCALE = 0.36
"""Two blocks, the second not like the first."""

Row = dict[str, Any]
Rows = dict[str, list[Row]]


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    store = Store(standard_schema())
    seed_company(store, scale=SCALE, as_of=AS_OF)
    yield store
    store.close()


@pytest.fixture(scope="module")
def rows(store: Store) -> Rows:
    """Every row of every object, by object."""
    found = {}
    for sobject in store.schema:
        if sobject.key_prefix:
            cursor = store.connection.execute(f'SELECT * FROM "{sobject.name}" ORDER BY _row')
            names = [column[0] for column in cursor.description]
            found[sobject.name] = [dict(zip(names, values, strict=True)) for values in cursor]
    return found


@pytest.fixture(scope="module")
def by_id(rows: Rows) -> dict[str, Row]:
    return {row["Id"]: row for found in rows.values() for row in found}


def filled(store: Store, rows: Rows, *types: str) -> Iterator[tuple[SObject, Field, list[Any]]]:
    """The stored fields of these types with their values that are not null."""
    for sobject in store.schema:
        for field in sobject.fields:
            if field.stored and (not types or field.type in types):
                values = [row[field.name] for row in rows.get(sobject.name, []) if row[field.name] is not None]
                if values:
                    yield sobject, field, values


def test_ids_are_the_objects_own_and_unique(store: Store, rows: Rows) -> None:
    """An Id has 18 characters, begins with its object's prefix, and belongs to one row."""
    for sobject, field, values in filled(store, rows, "id"):
        assert {(value[:3], len(value)) for value in values} == {(sobject.key_prefix, 18)}, (sobject.name, field.name)
        assert len(set(values)) == len(values) == len(rows[sobject.name])


def test_references_lead_to_a_row_of_a_right_object(store: Store, rows: Rows, by_id: dict[str, Row]) -> None:
    """What a reference field holds is the Id of an existing row of one of the objects it may point at."""
    checked = set()
    for sobject, field, values in filled(store, rows, "reference"):
        prefixes = {target.key_prefix for name in field.reference_to if (target := store.schema.object(name))}
        assert {value[:3] for value in values} <= prefixes, (sobject.name, field.name)
        assert all(value in by_id for value in values), (sobject.name, field.name)
        checked.add(f"{sobject.name}.{field.name}")
    assert {
        "Account.ParentId", "Contact.ReportsToId", "Opportunity.CampaignId", "OpportunityLineItem.PricebookEntryId",
        "Case.AssetId", "Case.ParentId", "Lead.ConvertedOpportunityId", "Task.WhoId", "Task.WhatId", "Event.WhatId",
        "CampaignMember.LeadId", "CampaignMember.ContactId", "Contract.CustomerSignedId", "Asset.Product2Id",
        "ContentVersion.ContentDocumentId", "User.ManagerId", "UserRole.ParentRoleId",
    } <= checked  # fmt: skip


def test_nothing_points_into_the_recycle_bin(store: Store, rows: Rows, by_id: dict[str, Row]) -> None:
    """Some rows of most objects are soft-deleted, and no other row refers to them."""
    deleted = {id_ for id_, row in by_id.items() if row.get("IsDeleted")}
    per_object = Counter(id_[:3] for id_ in deleted)
    assert set(per_object) == {"001", "003", "006", "00Q", "500", "00T", "00U"}
    assert 0.005 < per_object["001"] / len(rows["Account"]) < 0.02
    for sobject, field, values in filled(store, rows, "reference"):
        assert deleted.isdisjoint(values), (sobject.name, field.name)


def test_picklist_values_are_declared(store: Store, rows: Rows) -> None:
    """Every picklist value, single or one of several, is one that describe lists."""
    for sobject, field, values in filled(store, rows, "picklist", "multipicklist"):
        declared = {choice.value for choice in field.picklist}
        used = {part for value in values for part in value.split(";")}
        assert not declared or used <= declared, (sobject.name, field.name, used - declared)


def test_several_picks_are_in_the_order_of_the_picklist(rows: Rows, store: Store) -> None:
    """A multi-select value lists its parts in the order in which describe lists them."""
    account = store.schema.object("Account")
    assert account is not None
    segments = account.field("Segments__c")
    assert segments is not None
    order = [choice.value for choice in segments.picklist]
    several = {row["Segments__c"] for row in rows["Account"] if ";" in (row["Segments__c"] or "")}
    assert several
    for value in several:
        assert sorted(value.split(";"), key=order.index) == value.split(";")


def test_required_fields_are_filled(store: Store, rows: Rows) -> None:
    """A field that is not nillable is null in no row."""
    for sobject in store.schema:
        for field in sobject.fields:
            if field.stored and not field.nillable:
                missing = sum(row[field.name] is None for row in rows.get(sobject.name, []))
                assert not missing, (sobject.name, field.name, missing)


def test_texts_fit_and_are_never_empty(store: Store, rows: Rows) -> None:
    """Texts are not longer than describe says, not blank, and not padded, as the org would have stored them."""
    for sobject, field, values in filled(store, rows):
        if field.length and field.type not in ("id", "reference", "base64"):
            longest = max(values, key=len)
            assert len(longest) <= field.length, (sobject.name, field.name, longest)
            assert all(value and value.strip() == value for value in values), (sobject.name, field.name)


def test_numbers_fit_their_precision(store: Store, rows: Rows) -> None:
    """Numbers have no more digits before and after the point than the field allows."""
    for sobject, field, values in filled(store, rows, "double", "currency", "percent"):
        where = (sobject.name, field.name)
        assert all(isinstance(value, float) and abs(value) < 10 ** (field.precision - field.scale) for value in values)
        assert all(round(value, field.scale) == value for value in values), where
    for _, field, values in filled(store, rows, "int"):
        assert all(isinstance(value, int) and abs(value) < 10**field.digits for value in values if field.digits)


@pytest.mark.parametrize(
    ("type_", "form"),
    [(date, "%Y-%m-%d"), (datetime, "%Y-%m-%dT%H:%M:%S.000%z"), (time, "%H:%M:%S.000Z")],
)
def test_moments_have_the_stored_form(type_: type[date] | type[time], form: str, store: Store, rows: Rows) -> None:
    """Dates, datetimes and times are real ones, written in the one form the store keeps."""
    seen = 0
    for sobject, field, values in filled(store, rows, type_.__name__):
        for value in set(values):
            assert type_.fromisoformat(value).strftime(form) == value, (sobject.name, field.name, value)
            seen += 1
    assert seen > 4


def test_rows_are_made_then_changed_within_five_years(store: Store, rows: Rows) -> None:
    """CreatedDate ≤ LastModifiedDate ≤ SystemModstamp, all in the five years before the day the data is as of."""
    for name, found in rows.items():
        for row in found:
            if row.get("CreatedDate") and row.get("LastModifiedDate"):
                moments = [row["CreatedDate"], row["LastModifiedDate"], row["SystemModstamp"]]
                assert moments == sorted(moments), name
                assert moments[0][:10] >= "2019-07-02", name
                assert moments[2][:10] < "2024-06-30", name


BELONGING = [
    ("Contact", "AccountId"), ("Contact", "OwnerId"), ("Opportunity", "AccountId"), ("Case", "AccountId"),
    ("OpportunityLineItem", "OpportunityId"), ("OpportunityContactRole", "ContactId"), ("CaseComment", "ParentId"),
    ("CampaignMember", "CampaignId"), ("CampaignMember", "LeadId"), ("CampaignMember", "ContactId"),
    ("Asset", "AccountId"), ("Contract", "AccountId"), ("Task", "WhoId"), ("Task", "WhatId"), ("Event", "WhatId"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "reference"), BELONGING)
def test_nothing_is_older_than_what_it_belongs_to(name: str, reference: str, rows: Rows, by_id: dict[str, Row]) -> None:
    """A row was created no earlier than the row it belongs to."""
    pairs = [(row, by_id[row[reference]]) for row in rows[name] if row[reference]]
    assert pairs
    assert all(row["CreatedDate"] >= parent["CreatedDate"] for row, parent in pairs)


DERIVED = [
    "Contact", "Lead", "User", "Opportunity", "OpportunityLineItem", "PricebookEntry", "Contract", "Case", "Task",
    "Event", "Asset", "CampaignMember", "ContentVersion",
]  # fmt: skip


@pytest.mark.parametrize("name", DERIVED)
def test_derived_fields_are_what_the_org_would_derive(name: str, store: Store, rows: Rows) -> None:
    """Had a row been written through the org, its derived fields would be the same."""
    derivation = Derivation(store)
    sobject = store.schema.object(name)
    assert sobject is not None
    step = max(1, len(rows[name]) // 150)
    for row in rows[name][::step]:
        table = {field.name: row[field.name] for field in sobject.fields if field.stored}
        copy = dict(table)
        before = dict(table) if name == "ContentVersion" else None
        given = frozenset({"AccountId"}) if name == "Case" else frozenset()
        derivation.fill(sobject, copy, before, given, datetime(2030, 1, 1, tzinfo=UTC))
        copy["ContentModifiedDate"] = row.get("ContentModifiedDate")  # the one field that tells when it was derived
        assert not {key: (row.get(key), value) for key, value in copy.items() if value != row.get(key)}


def test_an_amount_is_the_sum_of_the_lines(rows: Rows) -> None:
    """An opportunity with products has their total as amount and a price book; one without has no price book."""
    lines: dict[str, list[Row]] = defaultdict(list)
    for line in rows["OpportunityLineItem"]:
        lines[line["OpportunityId"]].append(line)
    for opportunity in rows["Opportunity"]:
        own = lines[opportunity["Id"]]
        assert bool(own) == bool(opportunity["HasOpportunityLineItem"]) == bool(opportunity["Pricebook2Id"])
        if own:
            assert opportunity["Amount"] == pytest.approx(sum(line["TotalPrice"] for line in own), abs=0.005)
            assert opportunity["TotalOpportunityQuantity"] == sum(line["Quantity"] for line in own)
            assert sorted(line["SortOrder"] for line in own) == list(range(1, len(own) + 1))


def test_lines_come_from_the_opportunitys_price_book(rows: Rows, by_id: dict[str, Row]) -> None:
    """A line's entry belongs to the price book of its opportunity and is active."""
    for line in rows["OpportunityLineItem"]:
        entry = by_id[line["PricebookEntryId"]]
        assert entry["Pricebook2Id"] == by_id[line["OpportunityId"]]["Pricebook2Id"]
        assert entry["IsActive"] == 1


def test_closed_deals_lie_behind_and_open_ones_ahead(rows: Rows) -> None:
    """Closed opportunities closed before the day the data is as of, after they were created; open ones close later."""
    for row in rows["Opportunity"]:
        if row["IsClosed"]:
            assert row["CreatedDate"][:10] <= row["CloseDate"] < "2024-06-30"
        else:
            assert row["CloseDate"] >= "2024-06-30"
    assert 0.6 < sum(row["IsClosed"] for row in rows["Opportunity"]) / len(rows["Opportunity"]) < 0.9


def test_closed_cases_tell_when(rows: Rows) -> None:
    """A closed case has the moment it was closed, not before it was opened; an open one has none."""
    for row in rows["Case"]:
        assert (row["ClosedDate"] is None) == (not row["IsClosed"])
        assert row["ClosedDate"] is None or row["CreatedDate"] <= row["ClosedDate"]


def test_people_of_a_record_work_for_its_account(rows: Rows, by_id: dict[str, Row]) -> None:
    """Contacts of opportunities, cases, contracts and activities are contacts of the account these belong to."""
    for role in rows["OpportunityContactRole"]:
        assert by_id[role["ContactId"]]["AccountId"] == by_id[role["OpportunityId"]]["AccountId"]
    for name, reference in (("Case", "ContactId"), ("Contract", "CustomerSignedId"), ("Contact", "ReportsToId")):
        pairs = [(row, by_id[row[reference]]) for row in rows[name] if row[reference]]
        assert pairs
        assert all(row["AccountId"] == person["AccountId"] for row, person in pairs)


def test_pairs_that_must_be_unique_are(rows: Rows) -> None:
    """Nobody is twice in a campaign or in the roles of an opportunity, which has one primary contact at most."""
    members = Counter((row["CampaignId"], row["LeadOrContactId"]) for row in rows["CampaignMember"])
    roles = Counter((row["OpportunityId"], row["ContactId"]) for row in rows["OpportunityContactRole"])
    primary = Counter(row["OpportunityId"] for row in rows["OpportunityContactRole"] if row["IsPrimary"])
    assert max(members.values()) == max(roles.values()) == max(primary.values()) == 1


def test_converted_leads_have_become_a_contact(rows: Rows, by_id: dict[str, Row]) -> None:
    """A converted lead has the status, a date, and the names of the contact and account it points at; others none."""
    converted = [row for row in rows["Lead"] if row["IsConverted"]]
    assert converted
    for row in converted:
        contact = by_id[row["ConvertedContactId"]]
        assert row["Status"] == "Closed - Converted"
        assert (row["Name"], row["Email"]) == (contact["Name"], contact["Email"])
        assert contact["AccountId"] == row["ConvertedAccountId"]
        assert row["Company"] == by_id[row["ConvertedAccountId"]]["Name"]
        assert row["CreatedDate"][:10] <= row["ConvertedDate"] < "2024-06-30"
        deal = row["ConvertedOpportunityId"]
        assert deal is None or by_id[deal]["AccountId"] == row["ConvertedAccountId"]
    others = [row for row in rows["Lead"] if not row["IsConverted"]]
    assert all(row["ConvertedContactId"] is None and row["Status"] != "Closed - Converted" for row in others)
    assert len({row["ConvertedContactId"] for row in converted}) == len(converted)


def test_campaign_totals_count_what_is_there(rows: Rows) -> None:
    """A campaign's numbers are those of its members and of the opportunities it is credited with."""
    members: dict[str, list[Row]] = defaultdict(list)
    deals: dict[str, list[Row]] = defaultdict(list)
    for row in rows["CampaignMember"]:
        members[row["CampaignId"]].append(row)
    for row in rows["Opportunity"]:
        if not row["IsDeleted"]:
            deals[row["CampaignId"]].append(row)
    for campaign in rows["Campaign"]:
        invited, brought = members[campaign["Id"]], deals[campaign["Id"]]
        assert campaign["NumberOfLeads"] == sum(row["Type"] == "Lead" for row in invited)
        assert campaign["NumberOfContacts"] == sum(row["Type"] == "Contact" for row in invited)
        assert campaign["NumberOfResponses"] == sum(row["HasResponded"] for row in invited)
        assert campaign["NumberOfWonOpportunities"] == sum(row["IsWon"] for row in brought)
        assert campaign["AmountAllOpportunities"] == round(sum(row["Amount"] or 0 for row in brought))


def test_last_activity_is_the_latest_that_is_over(rows: Rows) -> None:
    """LastActivityDate is the latest day of a closed task or past event about a record; open ones only show as such."""
    latest: dict[str, str] = {}
    pending = set()
    for row in rows["Task"] + rows["Event"]:
        over = row["IsClosed"] if "IsClosed" in row else row["ActivityDate"] < "2024-06-30"
        for record in {row["WhoId"], row["WhatId"], row["AccountId"]} - {None}:
            if row["IsDeleted"]:
                continue
            if over:
                latest[record] = max(row["ActivityDate"], latest.get(record, ""))
            else:
                pending.add(record)
    for name in ("Account", "Contact", "Lead", "Opportunity", "Campaign"):
        assert any(row["LastActivityDate"] for row in rows[name])
        assert all(row["LastActivityDate"] == latest.get(row["Id"]) for row in rows[name])
    assert all(row["HasOpenActivity"] == (row["Id"] in pending) for row in rows["Opportunity"])


def test_hierarchies_end(rows: Rows, by_id: dict[str, Row]) -> None:
    """Going up, accounts end after three levels and contacts at somebody who reports to nobody."""
    depths = Counter(len(_ancestors(row, "ParentId", by_id)) for row in rows["Account"])
    assert set(depths) == {0, 1, 2}
    assert depths[0] > depths[2] > depths[1] > 0
    heights = [len(_ancestors(row, "ReportsToId", by_id)) for row in rows["Contact"]]
    assert max(heights) < 50
    assert sum(height > 0 for height in heights) > len(heights) / 20


def _ancestors(row: Row, reference: str, by_id: dict[str, Row]) -> list[str]:
    above: list[str] = []
    while row[reference] is not None:
        row = by_id[row[reference]]
        assert row["Id"] not in above
        above.append(row["Id"])
    return above


def test_queues_own_what_they_serve(rows: Rows, by_id: dict[str, Row]) -> None:
    """Some cases and leads wait in a queue that is for their object, made and changed by a user all the same."""
    served = {(row["QueueId"], row["SobjectType"]) for row in rows["QueueSobject"]}
    for name in ("Case", "Lead"):
        queued = [row for row in rows[name] if row["OwnerId"].startswith("00G")]
        assert 0.02 < len(queued) / len(rows[name]) < 0.5
        assert all((row["OwnerId"], name) in served and row["CreatedById"].startswith("005") for row in queued)


def test_record_types_are_of_the_right_object(rows: Rows, by_id: dict[str, Row]) -> None:
    """Accounts, opportunities and cases use both of the record types that are for them."""
    for name in ("Account", "Opportunity", "Case"):
        used = {by_id[row["RecordTypeId"]]["Name"]: by_id[row["RecordTypeId"]]["SobjectType"] for row in rows[name]}
        assert len(used) == 2
        assert set(used.values()) == {name}
