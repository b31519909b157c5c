"""Frames pushed by sObject Collections: told like those that go through jobs, whatever is lost on the way.

What is really in the org is asked over a connection of its own, which knows nothing of pushes.
"""

from __future__ import annotations

import datetime as dt
import json
import signal
import subprocess
import sys
import threading
import uuid
from collections import Counter
from contextlib import closing
from decimal import Decimal
from functools import partial

import httpx
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import sfdata
from sfdata.api.describe import DescribeCache
from sfdata.auth.flows import AccessToken
from sfdata.config import OrgConfig
from sfdata.errors import (
    BudgetExceeded,
    ConfigurationError,
    OutcomeUnknown,
    PushRefused,
    ResponseError,
    SalesforceError,
)
from sfdata.localorg import LocalOrg
from sfdata.resilience.breaker import CircuitBreaker
from sfdata.resilience.budget import Budget
from sfdata.resilience.hooks import EngineChosen, Hooks, UnitMoved
from sfdata.resilience.patience import Patience
from sfdata.resilience.retry import RetryPolicy
from sfdata.state import state_folder
from sfdata.transfer.journal import CALL_PHASES, Journal
from sfdata.transfer.planning import PushRequest
from sfdata.transfer.pushes import Pushes
from sfdata.transport.http_session import HttpSession
from sfdata.transport.wire import LiveWire

SCHEMA = """
[Account.fields]
Code__c = { type = "text", length = 40, external_id = true }
Ratio__c = { type = "number", precision = 18, scale = 6 }
Seen__c = { type = "datetime" }
Opens__c = { type = "time" }
Signed__c = { type = "date" }
Vip__c = { type = "checkbox" }
Colours__c = { type = "multipicklist", values = ["Red", "Blue"] }
"""
ROWS = 4


class Killed(BaseException):
    """The process ends here."""


class Faulty(httpx.BaseTransport):
    """The network, but for ``faults``: what becomes of the next calls of collections, one after another.

    ``"lose answer"`` and ``"kill"`` are done by the org first; an answer stands in place of the org's; a function makes
    it from the org's JSON; None lets it pass.
    """

    def __init__(self):
        self.wire = LiveWire()
        self.faults = []
        self.sent = []

    def handle_request(self, request):
        if "/composite/sobjects" not in request.url.path:
            return self.wire.handle_request(request)
        self.sent.append(request)
        fault = self.faults.pop(0) if self.faults else None
        if fault == "lose request":
            raise httpx.ConnectError("lost on the way")
        if isinstance(fault, httpx.Response):
            return fault
        answer = self.wire.handle_request(request)
        if fault is None:
            return answer
        content = answer.read()
        answer.close()
        if fault == "kill":
            raise Killed
        if callable(fault):
            return httpx.Response(answer.status_code, json=fault(json.loads(content)))
        raise httpx.ReadError("lost on the way back")

    def close(self):
        self.wire.close()


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    schema = tmp_path_factory.mktemp("schema") / "schema.toml"
    schema.write_text(SCHEMA)
    with LocalOrg(sample_data=False, schema=schema) as running:
        yield running


@pytest.fixture(autouse=True)
def machine(monkeypatch, tmp_path):
    """A machine without pushes, that asks jobs soon how they are."""
    monkeypatch.setenv("SFDATA_HOME", str(tmp_path))
    monkeypatch.setattr("sfdata.transfer.push.Patience", partial(Patience, first_seconds=0.005, longest_seconds=0.05))


@pytest.fixture
def org(local):
    with sfdata.connect(instance_url=local.instance_url, access_token=local.access_token) as connected:
        yield connected


@pytest.fixture
def wire():
    return Faulty()


@pytest.fixture
def pushes(local, wire):
    """The pushes of a connection by way of a wire that loses things; all faults must come to pass."""
    flow = AccessToken(access_token=local.access_token, instance_url=local.instance_url)
    retry = RetryPolicy(sleep=lambda seconds: None)
    options = {"wire": wire, "retry": retry, "breaker": CircuitBreaker(threshold=10**6)}
    with HttpSession(OrgConfig(local.instance_url), flow, **options) as session:
        made = Pushes(session, DescribeCache(session), Hooks(), lambda push_id, codes: made.retry(push_id, codes))
        yield made
    assert wire.faults == []


@pytest.fixture
def there(local):
    """The records of a query that are really in the org, as tuples."""
    headers = {"Authorization": f"Bearer {local.access_token}"}
    base = f"{local.instance_url}/services/data/v66.0/"
    with httpx.Client(base_url=base, headers=headers, trust_env=False) as admin:

        def records(soql):
            found = admin.get("query", params={"q": soql}).raise_for_status().json()["records"]
            return [tuple(value for name, value in record.items() if name != "attributes") for record in found]

        yield records


@pytest.fixture
def tag():
    return uuid.uuid4().hex[:12]


def accounts(tag, rows, **columns):
    return pd.DataFrame({"Name": [f"{tag} {n:03}" for n in range(rows)], **columns})


def by_calls(operation, key=None, **more):
    return PushRequest("Account", operation, key, engine="collections", **more)


# --- what is told ----------------------------------------------------------------------------------------------------


def test_every_row_is_told_on_the_frames_own_index(org, there, tag):
    """An insert of several calls tells each row's own Id, whatever the labels; no job is made."""
    frame = accounts(tag, 450).set_axis(pd.Index([n % 7 for n in range(450)], name="region"))
    result = frame.sf.insert("Account")
    told = result.frame
    pd.testing.assert_index_equal(told.index, frame.index)
    ids = {name: key for key, name in there(f"SELECT Id, Name FROM Account WHERE Name LIKE '{tag}%'")}
    assert told["sf__Id"].tolist() == [ids[name] for name in frame["Name"]]
    assert told["sf__Created"].all()
    assert set(told["sf__Outcome"]) == {"succeeded"}
    assert [str(dtype) for dtype in told.dtypes] == ["str", "boolean", "category", "str", "str"]
    assert result.jobs["rows"].tolist() == [200, 200, 50]
    assert result.jobs["job"].isna().all()
    assert sfdata.pushes()["state"].tolist() == ["finished"]


def test_upsert_update_and_delete(org, there, tag):
    """Each verb does what its name says, by the external id or the Id, and tells what was created."""
    frame = accounts(tag, 4, Ext__c=[f"{tag}{n}" for n in range(4)])
    first = frame.head(2).sf.upsert("Account", "ext__c")
    both = frame.sf.upsert("Account", "Ext__c", part_rows=3)
    assert both.frame["sf__Created"].tolist() == [False, False, True, True]
    assert both.ids.tolist()[:2] == first.ids.tolist()
    changed = pd.DataFrame({"Id": both.ids.str[:15], "Phone": ["1", None, "3", None], "Site": "x"})
    assert changed.sf.update("Account").counts["succeeded"] == 4
    changed.assign(Phone=None, Site=None).sf.update("Account", nulls={"Phone": "clear"}).raise_for_errors()
    soql = f"SELECT Phone, Site FROM Account WHERE Ext__c LIKE '{tag}%'"
    assert there(soql) == [(None, "x")] * 4
    assert changed.head(1).sf.delete("Account").ids.tolist() == both.ids.tolist()[:1]
    assert changed["Id"].tail(3).sf.delete("Account").operation == "delete"
    assert there(soql) == []


@pytest.mark.parametrize("make", [pl.DataFrame, pa.table])
def test_other_frames_are_pushed_by_the_org(org, there, tag, make):
    """Polars frames and Arrow tables are told by position."""
    result = org.push(make({"Name": [f"{tag} {n}" for n in range(3)]}), "Account", "insert")
    assert result.ids.tolist() == [
        key for (key,) in there(f"SELECT Id FROM Account WHERE Name LIKE '{tag}%' ORDER BY Name")
    ]
    assert result.frame.index.tolist() == [0, 1, 2]


@pytest.mark.catalogue("K1")
def test_one_bad_row_of_two_hundred_fails_alone(org, there, tag):
    """199 rows are written, and the refused one stands on its own label with code and message."""
    frame = accounts(tag, 200).set_axis([f"r{n}" for n in range(200)])
    frame.loc["r77", "Name"] = None
    result = frame.sf.insert("Account", check=False)
    assert result.failed.index.tolist() == ["r77"]
    assert result.failed["sf__ErrorCode"].item() == "REQUIRED_FIELD_MISSING"
    assert "Name" in result.failed["sf__Error"].item()
    assert len(there(f"SELECT Id FROM Account WHERE Name LIKE '{tag}%'")) == 199


@pytest.mark.catalogue("K3")
def test_all_or_none_writes_none_and_tells_what_was_rolled_back(org, there, tag):
    """Rows that another took with it are unprocessed, not failed; sent again is the whole or nothing."""
    frame = accounts(tag, 3)
    frame.loc[1, "Name"] = None
    result = frame.sf.insert("Account", check=False, all_or_none=True)
    assert result.frame["sf__Outcome"].tolist() == ["unprocessed", "failed", "unprocessed"]
    assert result.errors["code"].tolist() == ["REQUIRED_FIELD_MISSING"]
    assert result.retry_failed().counts == result.counts
    assert len(result.retry_failed().jobs) == 1, "nothing was sent again: the bad row is still bad"
    assert result.retry_failed(codes=["REQUIRED_FIELD_MISSING"]).jobs["rows"].tolist() == [3, 3]
    assert there(f"SELECT Id FROM Account WHERE Name LIKE '{tag}%'") == []


def test_all_or_none_that_met_a_lock_is_written_as_a_whole(org, local, there, tag):
    """Rolled back for a passing reason, all of it is sent again, and all of it is there."""
    (held,) = accounts(tag, 1).sf.insert("Account").ids
    local.locks.hold([held], times=1)
    frame = pd.DataFrame({"LastName": [f"{tag} {n}" for n in range(3)], "AccountId": [None, held, None]})
    first = frame.sf.insert("Contact", all_or_none=True)
    assert first.counts | {"failed": 1, "unprocessed": 2} == first.counts
    assert first.retry_failed().counts["succeeded"] == 3
    assert len(there(f"SELECT Id FROM Contact WHERE LastName LIKE '{tag}%'")) == 3


@pytest.mark.catalogue("B18")
def test_rows_that_met_a_lock_are_written_by_the_next_try(org, local, there, tag):
    """retry_failed sends the locked rows of several calls and no others, each once, told on their own places."""
    held, free = accounts(tag, 2).sf.insert("Account").ids
    frame = pd.DataFrame({"LastName": [f'{tag} "{n}\n' for n in range(8)], "AccountId": [held, free] * 4})
    local.locks.hold([held], times=3)
    first = frame.sf.insert("Contact", part_rows=3)
    assert first.counts | {"succeeded": 5, "failed": 3} == first.counts
    second = first.retry_failed()
    assert second.counts["succeeded"] == 8
    ids = dict(there(f"SELECT LastName, Id FROM Contact WHERE LastName LIKE '{tag}%'"))
    assert second.ids.tolist() == [ids[f'{tag} "{n}'] for n in range(8)]
    assert len(ids) == 8


# --- which engine ----------------------------------------------------------------------------------------------------


def test_few_rows_go_by_calls_and_many_through_a_job(org, monkeypatch, tag):
    """The bound decides, the choice is told with its reason, and an engine that is named is not questioned."""
    monkeypatch.setattr("sfdata.transfer.push_engine.MOST_BY_CALLS", 3)
    chosen = []
    org.hooks.subscribe(lambda event: chosen.append(event) if isinstance(event, EngineChosen) else None)
    for rows, engine in ((3, "auto"), (4, "auto"), (4, "collections"), (1, "bulk")):
        jobs = accounts(tag, rows).sf.insert("Account", engine=engine).jobs["job"].notna()
        assert jobs.tolist() == [(rows, engine) in ((4, "auto"), (1, "bulk"))]
    assert [(event.engine, event.reason) for event in chosen] == [
        ("collections", "3 rows are 1 call"),
        ("bulk", "4 rows are a job rather than 1 call"),
    ]


REFUSED = {
    "none of 'auto'": {"engine": "rest"},
    "for collections": {"engine": "bulk", "all_or_none": True},
    "fit into one": {"all_or_none": True, "part_rows": 2},
    "part_rows": {"part_rows": 0},
}


@pytest.mark.parametrize("reason", REFUSED)
def test_arguments_that_contradict_each_other_are_refused(pushes, wire, tag, reason):
    """The error names what does not go together; nothing is sent and nothing journalled."""
    with pytest.raises(ConfigurationError, match=reason):
        pushes.push(accounts(tag, 3), PushRequest("Account", "insert", **{"engine": "auto"} | REFUSED[reason]))
    assert wire.sent == []
    assert sfdata.pushes().empty


def test_records_are_deleted_for_good_by_jobs_alone(org):
    """Collections know no such thing; left open, the engine is the one that does."""
    frame = pd.DataFrame({"Id": ["001000000000001AAA"]})
    with pytest.raises(ConfigurationError, match="for good"):
        org.push(frame, "Account", "hardDelete", engine="collections")
    with pytest.raises(ConfigurationError, match="by itself"):
        org.push(frame, "Account", "hardDelete", all_or_none=True)
    assert org.push(frame, "Account", "hardDelete").jobs["job"].notna().all()


def test_a_frame_that_needs_two_calls_cannot_be_all_or_none(org, tag):
    """201 rows, or fewer that are too long for a call, are refused with the bound; nothing is left of them."""
    for frame in (accounts(tag, 201), accounts(tag, 199, Description=["x" * 32_000] * 199)):
        with pytest.raises(ConfigurationError, match="200 rows, and 6 MB"):
            frame.sf.insert("Account", all_or_none=True)
    assert not list(state_folder("pushes").glob("push-*"))
    assert len(accounts(tag, 200).sf.insert("Account", all_or_none=True)) == 200


def test_no_call_has_more_bytes_than_the_org_takes(pushes, wire, there, tag):
    """Rows of any length are laid into bodies of up to 6 MB, counted as they are sent, escapes included."""
    texts = ['"' * 30_000, "ä漢😀" * 8_000, "\\" * 30_000] * 67
    result = pushes.push(accounts(tag, 201, Description=texts), by_calls("insert", check=False))
    sizes = [len(request.read()) for request in wire.sent]
    assert max(sizes) <= 6_000_000
    assert sum(sizes) > 6_000_000
    assert result.counts["succeeded"] == 201
    kept = dict(there(f"SELECT Name, Description FROM Account WHERE Name LIKE '{tag}%'"))
    assert [kept[f"{tag} {n:03}"] for n in range(201)] == texts


def test_calls_are_under_way_side_by_side_within_a_bound(pushes, wire, tag):
    """Three at a time, no more: a push of few calls takes no more of the org than its share."""
    barrier, most, lock, inside = threading.Barrier(3, timeout=10), [0], threading.Lock(), [0]
    send = wire.wire.handle_request

    def handle(request):
        if "/composite/" not in request.url.path:
            return send(request)
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        barrier.wait()
        try:
            return send(request)
        finally:
            with lock:
                inside[0] -= 1

    wire.wire.handle_request = handle
    assert pushes.push(accounts(tag, 6), by_calls("insert", part_rows=1)).counts["succeeded"] == 6
    assert most[0] == 3


def test_a_budget_that_does_not_suffice_is_told_before_the_first_call(local, tag, there):
    """A push of three calls with two left is not begun; with more room it is resumed."""
    budget = Budget()
    flow = AccessToken(access_token=local.access_token, instance_url=local.instance_url)
    with HttpSession(OrgConfig(local.instance_url), flow, budget=budget) as session:
        pushes = Pushes(session, DescribeCache(session), Hooks(), lambda push_id, codes: None)
        pushes._describe.object("Account")
        budget.allowed = budget.used + 2
        with pytest.raises(BudgetExceeded, match="3 API calls"):
            pushes.push(accounts(tag, 3), by_calls("insert", part_rows=1, check=False))
        assert there(f"SELECT Id FROM Account WHERE Name LIKE '{tag}%'") == []
        budget.allowed = None
        (push,) = sfdata.pushes()["id"]
        assert pushes.resume(push).counts["succeeded"] == 3


# --- both engines tell the same --------------------------------------------------------------------------------------

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=20).map(lambda text: f"x{text}x")
VALUES = {
    "Description": TEXTS | st.just(sfdata.CLEAR),
    "NumberOfEmployees": st.integers(-(10**7), 10**7),
    "Ratio__c": st.decimals(-(10**11), 10**11, places=6),
    "AnnualRevenue": st.floats(-1e9, 1e9).map(lambda value: round(value, 2)),
    "Seen__c": st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1)).map(
        lambda moment: moment.replace(microsecond=0, tzinfo=dt.UTC)
    ),
    "Signed__c": st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1)),
    "Opens__c": st.times().map(lambda time: time.replace(microsecond=time.microsecond // 1000 * 1000)),
    "Vip__c": st.booleans(),
    "Colours__c": st.lists(st.sampled_from(["Red", "Blue"]), min_size=1, unique=True),
    "Parent.Ext__c": st.sampled_from(["parent-1", "parent-none"]),
}
KEPT = [*list(VALUES)[:-1], "ParentId", "Site"]


@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(*(st.none() | one for one in VALUES.values())), min_size=20, max_size=20))
def test_a_frame_is_the_same_by_either_engine(org, there, rows):
    """Whatever its types, records and what is told of rows are equal; only messages are in other words."""
    tag = uuid.uuid4().hex[:12]
    columns = {
        name: pd.Series(values, dtype=object) for name, values in zip(VALUES, zip(*rows, strict=True), strict=True)
    }
    pd.DataFrame({"Name": ["p"], "Ext__c": ["parent-1"]}).sf.upsert("Account", "Ext__c").raise_for_errors()
    nulls = {"Phone": "clear", "Description": "clear", "Ratio__c": "clear", "Parent.Ext__c": "clear"}
    told, kept = [], []
    for engine in ("collections", "bulk"):
        frame = accounts(f"{tag}{engine}", 20, **columns)
        frame["Ext__c"], frame["Phone"] = frame["Name"].str[-20:], None
        before = frame.loc[::2, ["Name", "Ext__c"]].assign(Description="old", Site="old", Phone="old", Ratio__c=1)
        org.push(before, "Account", "insert").raise_for_errors()
        result = org.push(frame, "Account", "upsert", key="Ext__c", engine=engine, nulls=nulls, check=False)
        told.append(result.frame.drop(columns=["sf__Id", "sf__Error"]))
        kept.append(
            there(f"SELECT {', '.join(KEPT)}, Phone FROM Account WHERE Name LIKE '{tag}{engine}%' ORDER BY Name")
        )
    pd.testing.assert_frame_equal(*told)
    assert len(kept[0]) >= 10
    assert kept[0] == kept[1]


def test_values_arrive_as_they_were(org, there, tag):
    """Every digit of a Decimal, instants, days, times and marks: read back from the org, worked out by hand."""
    frame = pd.DataFrame(
        {
            "Name": [tag],
            "Ratio__c": [Decimal("123456789012.123456")],
            "NumberOfEmployees": [7.0],
            "Seen__c": [pd.Timestamp("2024-03-01T01:00:00+02:00")],
            "Signed__c": [dt.date(2024, 2, 29)],
            "Opens__c": [dt.time(9, 30)],
            "Vip__c": ["yes"],
            "Colours__c": [["Red", "Blue"]],
            "AccountNumber": ["007"],
        }
    )
    frame.sf.insert("Account").raise_for_errors()
    fields = "Ratio__c, NumberOfEmployees, Seen__c, Signed__c, Opens__c, Vip__c, Colours__c, AccountNumber"
    assert there(f"SELECT {fields} FROM Account WHERE Name = '{tag}'") == [
        (
            123456789012.123456,
            7,
            "2024-02-29T23:00:00.000+0000",
            "2024-02-29",
            "09:30:00.000Z",
            True,
            "Red;Blue",
            "007",
        )
    ]


def test_a_parent_of_several_kinds_is_named_with_its_kind(org, local, there, tag):
    """``User:Owner.Username`` finds the owner; clearing a parent's column empties the reference."""
    ((user, name),) = there("SELECT Id, Username FROM User WHERE Id = '" + local.instance.user_id + "'")
    parent = accounts(tag, 1, Ext__c=[tag]).sf.insert("Account").ids[0]
    frame = pd.DataFrame({"Name": [f"{tag}x"], "User:Owner.Username": [name], "Parent.Ext__c": [tag]})
    made = frame.sf.insert("Account", check=False)
    made.raise_for_errors()
    soql = f"SELECT OwnerId, ParentId FROM Account WHERE Name = '{tag}x'"
    assert there(soql) == [(user, parent)]
    pd.DataFrame({"Id": made.ids, "Parent.Ext__c": [sfdata.CLEAR]}).sf.update("Account").raise_for_errors()
    assert there(soql) == [(user, None)]


# --- lost, cut off, killed -------------------------------------------------------------------------------------------

REPEATED = ("update", "upsert", "delete")


@pytest.fixture
def made(pushes, tag):
    """Pushes four accounts, or changes, upserts or deletes four that are there."""
    ids = {}

    def push(operation, **more):
        frame = accounts(tag, ROWS, Ext__c=[f"{tag}{n}" for n in range(ROWS)])
        if operation != "insert":
            ids["Id"] = ids.get("Id", pushes.push(frame, by_calls("insert")).ids)
            frame = frame.assign(Site="new")
        if operation in ("update", "delete"):
            frame = frame.drop(columns="Ext__c").assign(Id=ids["Id"])
        return lambda: pushes.push(frame, by_calls(operation, "Ext__c" if operation == "upsert" else None, **more))

    return push


def proved(there, tag, result, operation):
    """Rows told to have succeeded are as they should be, each record there once; how often there is which outcome."""
    found = there(f"SELECT Name, Id, Site FROM Account WHERE Name LIKE '{tag}%'")
    by_name = {name: (record_id, site) for name, record_id, site in found}
    assert len(found) == len(by_name) == (0 if operation == "delete" else ROWS)
    for n, row in enumerate(result.frame.itertuples()):
        if row.sf__Outcome == "succeeded" and operation != "delete":
            assert by_name[f"{tag} {n:03}"] == (row.sf__Id, None if operation == "insert" else "new")
    return Counter(result.frame["sf__Outcome"])


@pytest.mark.catalogue("C1", "C2")
@pytest.mark.parametrize("operation", ["insert", *REPEATED])
def test_after_a_lost_answer_only_what_is_once_if_done_twice_is_sent_again(made, wire, there, tag, operation):
    """Inserts end unaccounted, in the org once; all else is done, and gone counts as deleted only after doubt."""
    push = made(operation)
    wire.sent.clear()
    wire.faults = ["lose answer"]
    result = push()
    once = operation == "insert"
    assert proved(there, tag, result, operation) == {"unaccounted" if once else "succeeded": ROWS}
    assert len(wire.sent) == (1 if once else 2)
    if once:
        assert result.retry_failed(codes=["ANY"]).counts["unaccounted"] == ROWS
        assert sfdata.pushes()["state"].tolist() == ["needs_attention"]


ODD = {
    "one less": lambda told: told[1:],
    "one more": lambda told: [*told, told[0]],
    "no list": lambda told: {"results": told},
    "no word": lambda told: [{}, *told[1:]],
}


@pytest.mark.catalogue("K2")
@pytest.mark.parametrize(("operation", "fault"), [*(("insert", odd) for odd in ODD), ("upsert", "one less")])
def test_an_answer_that_does_not_fit_is_never_aligned(made, wire, there, tag, operation, fault):
    """Rows of a call with another number of results are unaccounted, all of them; the other calls go on."""
    push = made(operation, part_rows=2)
    wire.faults = [ODD[fault]]
    result = push()
    assert proved(there, tag, result, operation) == {"unaccounted": 2, "succeeded": 2}
    assert sum(result.jobs["problem"].notna()) == 1
    assert sfdata.pushes()["state"].tolist()[-1] == "needs_attention"


@pytest.mark.parametrize("operation", ["upsert", "delete"])
def test_what_stays_unanswered_is_raised_and_finished_when_it_is_resumed(made, pushes, wire, there, tag, operation):
    """The error says how to go on; the same call again leaves every row as it should be, and told so."""
    push = made(operation)
    wire.faults = ["lose answer"] * 3
    with pytest.raises(OutcomeUnknown) as caught:
        push()
    push_id = sfdata.pushes()["id"].iloc[-1]
    assert push_id in caught.value.hint
    result = pushes.resume(push_id)
    assert proved(there, tag, result, operation) == {"succeeded": ROWS}
    assert result.frame["sf__Created"].isna().all() == (operation == "upsert"), "who created it nobody knows"


REFUSAL = httpx.Response(403, json=[{"errorCode": "API_CURRENTLY_DISABLED", "message": "not now"}])


@pytest.mark.parametrize("operation", ["insert", "delete"])
@pytest.mark.parametrize("faults", [["lose request"] * 3, [REFUSAL]], ids=["never arrived", "refused"])
def test_what_surely_was_not_done_is_sent_when_the_push_is_resumed(made, pushes, wire, there, tag, operation, faults):
    """Requests that never arrived, or that the org refused as a whole, leave no row in doubt."""
    push = made(operation)
    wire.faults = list(faults)
    with pytest.raises(SalesforceError):
        push()
    result = pushes.resume(sfdata.pushes()["id"].iloc[-1])
    assert proved(there, tag, result, operation) == {"succeeded": ROWS}


def test_a_refusal_of_the_call_stops_the_calls_behind_it(made, wire, tag):
    """What the org refuses as a whole it would refuse again: the rest has not left."""
    refusal = httpx.Response(400, json=[{"errorCode": "INVALID_TYPE", "message": "no"}])
    wire.faults = [refusal] * 3
    push = made("insert", part_rows=1)
    with pytest.raises(ResponseError):
        push()
    assert len(wire.sent) <= 4
    wire.faults.clear()


class DyingJournal(Journal):
    """A journal whose process ends before or after the n-th note is on disk."""

    dies_at = before = None

    def advance(self, unit, phase, **told):
        cls = type(self)
        cls.dies_at -= 1
        if cls.dies_at == 0 and cls.before:
            raise Killed
        moved = super().advance(unit, phase, **told)
        if cls.dies_at == 0:
            raise Killed
        return moved


@pytest.mark.catalogue("P4")
@pytest.mark.parametrize("operation", ["insert", "delete"])
@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("point", range(1, len(CALL_PHASES)))
def test_killed_at_any_note_nothing_is_lost_doubled_or_told_wrong(
    made, pushes, there, tag, monkeypatch, operation, before, point
):
    """The next process finishes; only an insert that was noted, and whose answer is not on disk, nobody knows of."""
    push = made(operation)
    dying = type("Dying", (DyingJournal,), {"dies_at": point, "before": before})
    with monkeypatch.context() as killed:
        killed.setattr("sfdata.transfer.pushes.Journal", dying)
        with pytest.raises(Killed):
            push()
    result = pushes.resume(sfdata.pushes()["id"].iloc[-1])
    if (operation, point, before) == ("insert", 1, False):  # noted, and killed before the call
        assert result.counts["unaccounted"] == ROWS
        assert there(f"SELECT Id FROM Account WHERE Name LIKE '{tag}%'") == []
    else:
        assert proved(there, tag, result, operation) == {"succeeded": ROWS}


@pytest.mark.parametrize("operation", ["insert", "delete"])
def test_killed_with_the_answer_unread_the_next_process_knows_what_to_do(made, pushes, wire, there, tag, operation):
    """The org has done it, and nobody read so: an insert is unaccounted, all else is sent again and done."""
    push = made(operation)
    wire.faults = ["kill"]
    with pytest.raises(Killed):
        push()
    result = pushes.resume(sfdata.pushes()["id"].iloc[-1])
    outcomes = proved(there, tag, result, operation)
    assert outcomes == {"unaccounted" if operation == "insert" else "succeeded": ROWS}


DOOMED = """
import os, signal, sys
import pandas as pd, sfdata

def die(event):
    if "/composite/sobjects" in getattr(event, "path", ""):
        os.kill(os.getpid(), signal.SIGKILL)

url, token, tag = sys.argv[1:]
with sfdata.connect(instance_url=url, access_token=token, hooks=[die]) as org:
    pd.DataFrame({"Name": [f"{tag} {n:03}" for n in range(4)]}, index=list("abcd")).sf.insert("Account")
"""


@pytest.mark.catalogue("P4")
def test_another_process_finishes_what_signal_9_ended(local, org, there, tag):
    """Killed when the answer has come and nobody has noted it: told on the frame's own index, written once."""
    command = [sys.executable, "-c", DOOMED, local.instance_url, local.access_token, tag]
    assert subprocess.run(command, timeout=60).returncode == -signal.SIGKILL
    result = sfdata.resume(sfdata.pushes()["id"].item())
    assert result.unaccounted.index.tolist() == list("abcd")
    assert len(there(f"SELECT Id FROM Account WHERE Name LIKE '{tag}%'")) == 4


def test_an_upsert_by_a_key_that_is_not_unique_is_sent_once(pushes, wire, there, tag):
    """Two records may come to have the key, so after a lost answer nobody knows, and nothing is sent again."""
    frame = accounts(tag, 2, Code__c=[f"{tag}{n}" for n in range(2)])
    wire.faults = ["lose answer"]
    result = pushes.push(frame, by_calls("upsert", "Code__c"))
    assert result.counts["unaccounted"] == 2
    assert (len(wire.sent), len(there(f"SELECT Id FROM Account WHERE Name LIKE '{tag}%'"))) == (1, 2)


def test_each_step_of_a_call_is_announced(made, pushes):
    """Planned, about to be sent, told: in the order in which they are noted."""
    steps = []
    pushes._hooks.subscribe(lambda event: steps.append(event.phase) if isinstance(event, UnitMoved) else None)
    made("insert")()
    assert tuple(steps) == CALL_PHASES


def test_data_changed_on_disk_are_not_sent(made, pushes, wire, tag):
    """What is sent is what was planned, or nothing."""
    wire.faults = ["lose request"] * 3
    with pytest.raises(SalesforceError):
        made("insert")()
    (folder,) = state_folder("pushes").glob("push-*")
    path = folder / "unit-00001.jsonl"
    path.write_bytes(path.read_bytes().replace(b" 000", b" 999"))
    wire.sent.clear()
    with pytest.raises(SalesforceError, match="not those that were planned"):
        pushes.resume(folder.name)
    assert wire.sent == []


def test_what_is_refused_is_not_sent(pushes, wire, tag):
    """Values without a faithful form, unknown columns and rows that are certain to fail are told before any call."""
    for frame in (accounts(tag, 2, NumberOfEmployees=["x", "1"]), accounts(tag, 2, Nane="x"), accounts("x" * 300, 1)):
        with pytest.raises(PushRefused):
            pushes.push(frame, by_calls("insert"))
    assert wire.sent == []
    assert sfdata.pushes().empty


def test_pushes_by_calls_are_listed_and_forgotten_like_the_others(org, tag):
    """In the list beside those that went through jobs, and gone a month after a good end."""
    first = accounts(tag, 1).sf.insert("Account")
    second = accounts(tag, 1).sf.bulk_insert("Account")
    assert sfdata.pushes()["id"].tolist() == [first.id, second.id]
    with closing(Journal(state_folder("pushes"))) as journal, journal._transaction() as db:
        db.execute("UPDATE pushes SET started = '2026-01-01T00:00:00+00:00' WHERE id = ?", (first.id,))
    third = accounts(tag, 1).sf.insert("Account")
    assert sfdata.pushes()["id"].tolist() == [second.id, third.id]
