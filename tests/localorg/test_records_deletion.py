"""Deleting a record: the recycle bin, children that go along or forbid it, lookups that are emptied."""

from __future__ import annotations

from datetime import timedelta

import pytest
from rig.standard_records import Clock, standard

from sfdata.localorg.records.crud import Records
from sfdata.localorg.records.validation import RecordRefused
from sfdata.localorg.schema import SObject

ANN, BEN = "005Lo0000000001IAA", "005Lo0000000002IAA"


ACCOUNT, CONTACT, CASE, TASK = map(standard, ("Account", "Contact", "Case", "Task"))


def is_deleted(records: Records, of: SObject, record_id: str) -> bool:
    row = records.store.get(of, record_id)
    assert row is not None
    return bool(row["IsDeleted"])


def test_deleted_rows_stay_in_the_recycle_bin(records: Records, clock: Clock) -> None:
    """A deleted row is kept and marked, with the time and user of its deletion."""
    account = records.create(ACCOUNT, {"Name": "A"}, ANN)
    clock.now += timedelta(hours=1)
    records.delete(ACCOUNT, account[:15], BEN)
    row = records.store.get(ACCOUNT, account)
    assert row is not None
    assert (row["IsDeleted"], row["SystemModstamp"], row["LastModifiedById"]) == (
        1,
        "2026-11-21T10:00:00.000+0000",
        BEN,
    )


@pytest.mark.parametrize(("twice", "code"), [(True, "ENTITY_IS_DELETED"), (False, "INVALID_CROSS_REFERENCE_KEY")])
def test_nothing_to_delete(records: Records, *, twice: bool, code: str) -> None:
    """Deleting twice and deleting what never was are both 404, under their own codes."""
    account = records.create(ACCOUNT, {"Name": "A"}, ANN)
    records.delete(ACCOUNT, account, ANN)
    with pytest.raises(RecordRefused) as refused:
        records.delete(ACCOUNT, account if twice else "001Lo0000000099IAA", ANN)
    assert (refused.value.status, refused.value.error_code, refused.value.fields) == (404, code, [])


def test_children_go_along(records: Records) -> None:
    """Contacts go with their account, and what hangs on a contact goes too; other rows stay."""
    account = records.create(ACCOUNT, {"Name": "A"}, ANN)
    contact = records.create(CONTACT, {"LastName": "L", "AccountId": account}, ANN)
    campaign = records.create(standard("Campaign"), {"Name": "C"}, ANN)
    member = records.create(standard("CampaignMember"), {"CampaignId": campaign, "ContactId": contact}, ANN)
    alone = records.create(CONTACT, {"LastName": "M"}, ANN)
    records.delete(ACCOUNT, account, ANN)
    assert is_deleted(records, CONTACT, contact)
    assert is_deleted(records, standard("CampaignMember"), member)
    assert not is_deleted(records, standard("Campaign"), campaign)
    assert not is_deleted(records, CONTACT, alone)


def test_lookups_are_emptied(records: Records, clock: Clock) -> None:
    """A plain lookup to a deleted row becomes null; the row that held it was not modified by anyone."""
    boss = records.create(CONTACT, {"LastName": "L"}, ANN)
    clerk = records.create(CONTACT, {"LastName": "M", "ReportsToId": boss}, ANN)
    parent = records.create(ACCOUNT, {"Name": "A"}, ANN)
    child = records.create(ACCOUNT, {"Name": "B", "ParentId": parent}, ANN)
    clock.now += timedelta(hours=1)
    records.delete(CONTACT, boss, BEN)
    records.delete(ACCOUNT, parent, BEN)
    assert records.get(CONTACT, clerk)["ReportsToId"] is None
    row = records.get(ACCOUNT, child)
    assert row["ParentId"] is None
    assert (row["LastModifiedDate"], row["LastModifiedById"]) == ("2026-11-21T09:00:00.000+0000", ANN)
    assert row["SystemModstamp"] == "2026-11-21T10:00:00.000+0000"


def test_children_that_forbid_it(records: Records) -> None:
    """A contact with cases cannot be deleted; the refusal names them and nothing changes."""
    contact = records.create(CONTACT, {"Salutation": "Mr.", "FirstName": "Josh", "LastName": "Davis"}, ANN)
    records.create(CASE, {"ContactId": contact}, ANN)
    with pytest.raises(RecordRefused) as refused:
        records.delete(CONTACT, contact, ANN)
    message = (
        "Your attempt to delete Josh Davis could not be completed because it is associated with the following cases.: "
        "00000001\n"
    )
    assert refused.value.body() == [{"message": message, "errorCode": "DELETE_FAILED", "fields": []}]
    assert not is_deleted(records, CONTACT, contact)


def test_children_of_children_forbid_it_too(records: Records) -> None:
    """An account whose contact must stay for a case stays as well, with everything else below it."""
    account = records.create(ACCOUNT, {"Name": "A"}, ANN)
    contact = records.create(CONTACT, {"LastName": "L", "AccountId": account}, ANN)
    case = records.create(CASE, {"ContactId": contact}, ANN)
    with pytest.raises(RecordRefused) as refused:
        records.delete(ACCOUNT, account, ANN)
    assert refused.value.error_code == "DELETE_FAILED"
    assert not is_deleted(records, CONTACT, contact)
    records.delete(CASE, case, ANN)
    records.delete(ACCOUNT, account, ANN)
    assert is_deleted(records, CONTACT, contact)


def test_files_go_with_their_document(records: Records) -> None:
    """A document takes all versions of its file along."""
    document, version = standard("ContentDocument"), standard("ContentVersion")
    made = records.create(version, {"PathOnClient": "a.txt", "VersionData": "YQ=="}, ANN)
    owner = records.get(version, made)["ContentDocumentId"]
    for _ in range(3):
        records.create(version, {"PathOnClient": "a.txt", "VersionData": "YQ==", "ContentDocumentId": owner}, ANN)
    records.delete(document, owner, ANN)
    assert records.store.count(version) == 0


# --- what changed and what went --------------------------------------------------------------------------------------


def test_updated_and_deleted(records: Records, clock: Clock) -> None:
    """Rows appear where their last change lies from the start to before the end, seconds left out."""
    start = clock.now
    first = records.create(ACCOUNT, {"Name": "A"}, ANN)
    clock.now = start + timedelta(minutes=10)
    second = records.create(ACCOUNT, {"Name": "B"}, ANN)
    gone = records.create(ACCOUNT, {"Name": "C"}, ANN)
    records.delete(ACCOUNT, gone, ANN)
    clock.now = start + timedelta(minutes=30, seconds=7)
    end = start + timedelta(minutes=20, seconds=59)
    assert records.get_updated(ACCOUNT, start + timedelta(seconds=59), end) == {
        "ids": [first, second],
        "latestDateCovered": "2026-11-21T09:20:00.000+0000",
    }
    assert records.get_updated(ACCOUNT, start, start + timedelta(minutes=10))["ids"] == [first]
    assert records.get_deleted(ACCOUNT, start, start + timedelta(hours=2)) == {
        "deletedRecords": [{"id": gone, "deletedDate": "2026-11-21T09:10:00.000+0000"}],
        "earliestDateAvailable": "2026-11-06T09:30:00.000+0000",
        "latestDateCovered": "2026-11-21T09:30:00.000+0000",
    }


def test_replication_windows(records: Records, clock: Clock) -> None:
    """Less than a minute, backwards, or further back than the org remembers is refused."""
    now, minute, day = clock.now, timedelta(minutes=1), timedelta(days=1)
    for start, end in ((now, now + timedelta(seconds=59)), (now, now - minute), (now - 31 * day, now)):
        with pytest.raises(RecordRefused) as refused:
            records.get_updated(ACCOUNT, start, end)
        assert refused.value.error_code == "INVALID_REPLICATION_DATE"
    assert records.get_updated(ACCOUNT, now - 30 * day, now)["ids"] == []
    assert records.get_deleted(ACCOUNT, now - 15 * day, now)["deletedRecords"] == []
    with pytest.raises(RecordRefused, match="15 days"):
        records.get_deleted(ACCOUNT, now - 16 * day, now)


def test_objects_without_replication(records: Records, clock: Clock) -> None:
    """An object whose changes are not tracked has neither resource."""
    with pytest.raises(RecordRefused) as refused:
        records.get_updated(standard("Name"), clock.now - timedelta(hours=1), clock.now)
    assert refused.value.error_code == "INVALID_TYPE_FOR_OPERATION"
