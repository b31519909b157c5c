"""An object's records as a notebook handles them, in a real org: typed, checked, and no update of others lost."""

from __future__ import annotations

import datetime as dt
import time
import uuid
from decimal import Decimal

import httpx
import pandas as pd
import pytest

import sfdata
from sfdata.api.composite import Subrequest
from sfdata.errors import ConfigurationError, Conflict, InvalidField, InvalidType, NotFound, PushRefused, ResponseError
from sfdata.localorg import LocalOrg
from sfdata.resilience.hooks import RequestDone

SECOND = dt.timedelta(seconds=1)


@pytest.fixture(scope="module")
def server():
    with LocalOrg(sample_data=False) as running:
        yield running


@pytest.fixture
def requests():
    return []


@pytest.fixture
def org(server, requests):
    def note(event):
        if isinstance(event, RequestDone) and "describe" not in event.path and "oauth" not in event.path:
            requests.append(event.method)

    with sfdata.connect(instance_url=server.instance_url, access_token=server.access_token, hooks=[note]) as opened:
        yield opened


@pytest.fixture
def accounts(org):
    return org.sobject("account")


@pytest.fixture
def tag():
    return uuid.uuid4().hex[:12]


@pytest.fixture
def other(server):
    """Somebody else, who changes a record behind our back."""
    headers = {"Authorization": f"Bearer {server.access_token}"}
    with httpx.Client(base_url=f"{server.instance_url}/services/data/v66.0", headers=headers, trust_env=False) as http:

        def change(record_id, **fields):
            assert http.patch(f"/sobjects/Account/{record_id}", json=fields).status_code == 204

        yield change


# --- values and names ------------------------------------------------------------------------------------------------


def test_values_come_back_as_they_were_given(org, tag):
    """Text, numbers, dates, times and truth are of the same types and values after a way through the org."""
    opportunity = {
        "Name": "007",
        "StageName": "Prospecting",
        "Amount": Decimal("1234567.89"),
        "CloseDate": dt.date(2026, 12, 31),
        "IsPrivate": True,
    }
    deals = org.sobject("Opportunity")
    read = deals.get(deals.create(opportunity), [*opportunity, "CreatedDate"])
    assert {name: read[name] for name in opportunity} == opportunity
    assert {name: type(read[name]) for name in opportunity} == {n: type(v) for n, v in opportunity.items()}
    assert abs(read["CreatedDate"] - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=5)
    starts = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.timezone(dt.timedelta(hours=-7)))
    events = org.sobject("Event")
    event = events.create({"Subject": tag, "ActivityDateTime": starts, "DurationInMinutes": 30})
    assert events.get(event, ["ActivityDateTime"])["ActivityDateTime"] == starts


def test_none_clears(accounts, tag):
    """A field that is set to None is empty afterwards, and all others are as they were."""
    record_id = accounts.create({"Name": tag, "Description": "x", "NumberOfEmployees": 5})
    accounts.update(record_id, {"Description": None})
    read = accounts.get(record_id, ["Name", "Description", "NumberOfEmployees"])
    assert (read["Name"], read["Description"], read["NumberOfEmployees"]) == (tag, None, 5)


def test_a_parent_is_named_by_its_key(org, accounts, tag):
    """A contact is put below the account of that external id."""
    account = accounts.create({"Name": tag, "Ext__c": tag})
    contacts = org.sobject("Contact")
    contact = contacts.create({"LastName": tag, "Account.Ext__c": tag})
    assert contacts.get(contact, ["AccountId"])["AccountId"] == account


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda a: a.create({"Nmae": "x"}), PushRefused, "did you mean Name"),
        (lambda a: a.update("001AA0000000000", {"SystemModstamp": None}), PushRefused, "not updateable"),
        (lambda a: a.create({"Name": "x", "AnnualRevenue": "5"}), PushRefused, "no number"),
        (lambda a: a.get("001AA0000000000", ["Nmae"]), InvalidField, "Did you mean Name"),
        (lambda a: a.get("001AA0000000000", "Name"), ConfigurationError, "list of names"),
        (lambda a: a.upsert("Name", {"Name": "x"}), ConfigurationError, "no external id.*Ext__c"),
        (lambda a: a.upsert("Ext__c", {"Name": "x"}), ConfigurationError, "no value for the key"),
        (lambda a: a.upsert("Ext__c", {"Ext__c": 5}), ConfigurationError, "no text"),
        (lambda a: a.delete("x"), ConfigurationError, "no Id"),
        (lambda a: a.update_with_version_check("x", {}, dt.datetime(2026, 1, 1)), ConfigurationError, "time zone"),
        (lambda a: a.update_with_retry("x", dict, attempts=0), ConfigurationError, "at least 1"),
    ],
)
def test_what_is_wrong_here_is_not_sent(accounts, requests, call, error, said):
    """Names, values and Ids are checked by describe, with the next step, before anything is sent."""
    with pytest.raises(error, match=f"(?s){said}"):
        call(accounts)
    assert requests == []


def test_an_object_that_is_none_has_its_nearest(org):
    """The name of an object is checked, too, at its first use."""
    with pytest.raises(InvalidType, match="Did you mean Account"):
        org.sobject("Acount").get("001AA0000000000")


@pytest.mark.parametrize("shape", ["{}", "{}.com", "a/b {}", "{}?x=1&y", "ä'\"{}"])
def test_any_value_of_a_key_upserts(accounts, shape, tag):
    """Values that no address holds go another way: the first creates, the second updates the same record."""
    key = shape.format(tag)
    first = accounts.upsert("ext__c", {"EXT__C": key, "Name": "one"})
    second = accounts.upsert("Ext__c", {"Ext__c": key, "Name": "two"})
    assert (first.created, second.created, first.id) == (True, False, second.id)
    read = accounts.get(first.id, ["Name", "Ext__c"])
    assert (read["Name"], read["Ext__c"]) == ("two", key)


def test_a_refused_upsert_raises_either_way(accounts, tag):
    """The org's refusal of the row has its code, whichever way it went."""
    for key in (tag, f"{tag}.com"):
        with pytest.raises(ResponseError) as caught:
            accounts.upsert("Ext__c", {"Ext__c": key})
        assert caught.value.error_code == "REQUIRED_FIELD_MISSING"


def test_changes_are_listed(accounts, tag):
    """A record that was created is among the updated, one that was deleted among the deleted."""
    kept, gone = accounts.create({"Name": tag}), accounts.create({"Name": tag})
    accounts.delete(gone)
    start = dt.datetime.now(dt.UTC) - dt.timedelta(minutes=5)
    end = start + dt.timedelta(minutes=10)
    assert kept in accounts.updated(start, end).ids
    assert gone in accounts.deleted(start, end).records


def test_the_connection_sends_composites(org, tag):
    """A composite by way of the connection: an account and its contact in one call."""
    account = Subrequest("POST", "sobjects/Account", "acc", {"Name": tag})
    contact = Subrequest("POST", "sobjects/Contact", "con", {"LastName": tag, "AccountId": "@{acc.id}"})
    made = org.composite([account, contact], all_or_none=True)
    assert org.sobject("Contact").get(made[1].id, ["AccountId"])["AccountId"] == made[0].id


# --- no lost updates -------------------------------------------------------------------------------------------------


@pytest.fixture
def account(accounts, tag):
    return accounts.create({"Name": tag, "NumberOfEmployees": 0})


@pytest.mark.catalogue("C3")
def test_an_update_of_an_old_version_is_a_conflict(accounts, account, other, tag):
    """The stamp that was read is checked against the org's: what somebody changed meanwhile is not written over."""
    stamp = accounts.get(account)["SystemModstamp"]
    accounts.update_with_version_check(account, {"Description": "ours"}, stamp)  # waits for the second to be over
    other(account, Description="theirs")
    with pytest.raises(Conflict):
        accounts.update_with_version_check(account, {"Description": "ours again"}, stamp)
    assert accounts.get(account, ["Description"])["Description"] == "theirs"


@pytest.mark.catalogue("C3")
@pytest.mark.parametrize("name", ["Account", "Contact"])
def test_a_change_between_read_and_write_is_noticed_and_tried_again(org, server, tag, name):
    """What somebody else adds while we think is not lost, in the very second of our read too, ETag or not."""
    objects = org.sobject(name)
    record_id = objects.create({"Name": tag} if name == "Account" else {"LastName": tag})
    headers = {"Authorization": f"Bearer {server.access_token}"}
    url = f"{server.instance_url}/services/data/v66.0/sobjects/{name}/{record_id}"
    seen = []

    def add_ours(now):
        seen.append(now["Description"])
        if len(seen) == 1:
            httpx.patch(url, json={"Description": "theirs"}, headers=headers, trust_env=False).raise_for_status()
        return {"Description": f"{now['Description']} and ours"}

    assert objects.update_with_retry(record_id, add_ours) == {"Description": "theirs and ours"}
    assert seen == [None, "theirs"]
    assert objects.get(record_id, ["Description"])["Description"] == "theirs and ours"


def test_trying_again_is_bounded(accounts, account, other):
    """Somebody who is faster each time wins, and the conflict is told after the attempts that were allowed."""
    tries = []

    def too_slow(now):
        tries.append(now)
        other(account, Description=str(len(tries)))
        return {"Description": "ours"}

    with pytest.raises(Conflict):
        accounts.update_with_retry(account, too_slow, attempts=2)
    assert len(tries) == 2
    assert accounts.get(account, ["Description"])["Description"] == "2"


def test_nothing_to_change_writes_nothing(accounts, account, requests):
    """A function that has nothing to change ends the matter."""
    requests.clear()
    assert accounts.update_with_retry(account, lambda now: {}) == {}
    assert set(requests) == {"GET"}


def test_a_record_is_compared_when_its_second_is_over(org, account):
    """Read in the second of its last change, a record is read again: a further change would bear the same stamp."""
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        time.sleep(seconds)

    objects = type(org.sobject("Account"))(org._session, org._describe, "Account", sleep=sleep)
    record, values = objects._settled(account)
    assert record.read_at >= values["SystemModstamp"] + SECOND
    assert all(0 < seconds <= 1 for seconds in slept)


@pytest.mark.parametrize("data", [bytes(range(256)) * 300, b'{"half": [', b"<p>text</p>"])
def test_a_file_comes_back_byte_by_byte(org, data):
    """Whatever its content looks like, also like an answer that was cut off, or a page."""
    versions = org.sobject("ContentVersion")
    made = versions.create({"Title": "f", "PathOnClient": "f.bin", "VersionData": data})
    assert versions.content(made) == versions.content(made, "versiondata") == data


def test_a_file_that_is_not_there_is_told(org, accounts):
    """An object without files, a field that holds none, and a record that is not there."""
    record = accounts.create({"Name": "A"})
    with pytest.raises(ConfigurationError, match="file of Account is meant; it has none"):
        accounts.content(record)
    with pytest.raises(ConfigurationError, match="its files are VersionData"):
        org.sobject("ContentVersion").content(record, "Title")
    with pytest.raises(NotFound):
        org.sobject("ContentVersion").content("068000000000001AAA")


@pytest.mark.parametrize(
    ("field", "value", "step"),
    [
        ("Phone", float("nan"), "None clears a field"),
        ("Phone", pd.NA, "None clears a field"),
        ("Phone", 5551234, r"str\(…\) makes it one"),
        ("SLAExpirationDate__c", "2024-01-31", "datetime.date.fromisoformat"),
    ],
)
def test_a_value_of_a_frame_that_is_refused_comes_with_the_next_step(accounts, field, value, step):
    """Rows of frames hold missing values and numbers where a record wants None and texts."""
    with pytest.raises(PushRefused, match=step):
        accounts.create({"Name": "A", field: value})
