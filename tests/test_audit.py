"""The trail of writes: a line for each, without values, whatever becomes of it."""

from __future__ import annotations

import json
import os
import stat

import pandas as pd
import pytest

import sfdata
from sfdata.api.composite import Subrequest
from sfdata.audit import AuditTrail
from sfdata.errors import AuditFailed, ConfigurationError, OutcomeUnknown, PushStopped, ResponseError
from sfdata.resilience.hooks import WriteDone

VALUE = "canary value"


@pytest.fixture
def trail(tmp_path):
    """The file, as entries; ``only()`` takes the one there is and leaves the file empty."""

    class Trail:
        path = tmp_path / "writes.jsonl"

        def entries(self):
            return [json.loads(line) for line in self.path.read_text().splitlines()]

        def only(self):
            (entry,) = self.entries()
            self.path.write_text("")
            return entry

    return Trail()


@pytest.fixture
def org(faulty, trail):
    return faulty.connect(audit=trail.path)


@pytest.fixture
def accounts(org):
    return org.sobject("Account")


# --- single records --------------------------------------------------------------------------------------------------


def test_a_record_written_is_a_line_that_says_who_where_what_and_which_call(faulty, org, accounts, trail):
    """Object, Id, outcome, user and org by their Ids, our name of the call and the org's, which its own books bear."""
    record = accounts.create({"Name": VALUE})
    entry = trail.only()
    assert {name: entry[name] for name in ("operation", "object", "ids", "outcome", "records", "status")} == {
        "operation": "create",
        "object": "Account",
        "ids": [record],
        "outcome": "done",
        "records": 1,
        "status": 201,
    }
    assert entry["org"] == faulty.url.partition("://")[2]
    assert entry["user"] == faulty.local.instance.user_id
    assert entry["org_id"].startswith("00D")
    assert entry["login"] == "client credentials"
    assert entry["process"] == os.getpid()
    assert entry["request_id"]
    assert entry["correlation_id"] in {effect.request for effect in faulty.local.ledger.effects()}
    assert pd.Timestamp(entry["time"]).tz is not None


def test_every_way_to_write_a_record_is_told(accounts, trail):
    """Create, update, upsert and delete; reads are not."""
    record = accounts.create({"Name": VALUE, "Ext__c": "canary key"})
    accounts.get(record)
    accounts.update(record, {"Name": VALUE})
    accounts.upsert("Ext__c", {"Ext__c": "canary key", "Name": VALUE})
    accounts.upsert("Ext__c", {"Ext__c": "canary/../key", "Name": VALUE})
    accounts.delete(record)
    entries = trail.entries()
    assert [one["operation"] for one in entries] == ["create", "update", "upsert", "upsert", "delete"]
    assert [one.get("key") for one in entries] == [None, None, "Ext__c", "Ext__c", None]
    assert {one["object"] for one in entries} == {"Account"}
    assert [one["ids"] for one in entries if one["operation"] != "upsert"] == [[record]] * 3
    assert entries[3]["counts"] == {"done": 1}


def test_no_value_is_in_the_trail(accounts, org, trail):
    """Neither values of fields nor of external ids, however they are written."""
    test_every_way_to_write_a_record_is_told(accounts, trail)
    request = Subrequest("PATCH", "sobjects/Account/Ext__c/canary2", "a", {"Name": VALUE})
    org.composite([request])
    org.push(pd.DataFrame({"Name": [VALUE], "Ext__c": ["canary3"]}), "Account", "upsert", key="Ext__c")
    assert "canary" not in trail.path.read_text()


def test_a_refusal_is_told_with_the_orgs_code(accounts, trail):
    """A write that the org refuses stands there as refused."""
    with pytest.raises(ResponseError):
        accounts.delete("001000000000009AAA")
    entry = trail.only()
    assert (entry["outcome"], entry["status"]) == ("refused", 404)
    assert entry["error_code"] in ("NOT_FOUND", "ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY")


@pytest.mark.parametrize(
    ("kind", "rule", "outcome"),
    [
        ("reset", {"point": "before-answer"}, "unknown"),
        ("html", {"point": "before-commit"}, "unknown"),
        ("malformed", {}, "unknown"),
    ],
)
def test_a_write_in_doubt_is_told_as_such(faulty, org, accounts, trail, kind, rule, outcome):
    """A lost or useless answer leaves the outcome unknown, and the line says that."""
    org.describe("Account")
    faulty.fault(kind, "create", **rule)
    with pytest.raises(OutcomeUnknown):
        accounts.create({"Name": VALUE})
    assert trail.only()["outcome"] == outcome


def test_what_was_never_sent_is_told_as_such(faulty, trail):
    """A write for which the budget has no call left changed nothing."""
    org = faulty.connect(audit=trail.path, budget=1)
    accounts = org.sobject("Account")
    with pytest.raises(sfdata.SalesforceError):
        [accounts.create({"Name": VALUE}) for _ in range(3)]
    assert trail.entries()[-1]["outcome"] == "not sent"


# --- many records in a call ------------------------------------------------------------------------------------------


def test_requests_of_a_composite_are_told_one_by_one(org, trail):
    """What each did, to which object and record; those that only read are left out."""
    requests = [
        Subrequest("POST", "sobjects/Account", "a", {"Name": VALUE}),
        Subrequest("GET", "sobjects/Account/@{a.id}", "b"),
        Subrequest("POST", "sobjects/Contact", "c", {"LastName": VALUE, "AccountId": "@{a.id}"}),
        Subrequest("DELETE", "sobjects/Account/001000000000009AAA", "d"),
    ]
    results = org.composite(requests)
    entry = trail.only()
    assert (entry["object"], entry["records"]) == ("Account, Contact", 3)
    assert entry["ids"] == [results[0].id, results[2].id]
    assert entry["counts"]["done"] == 2
    assert [one["method"] for one in entry["requests"]] == ["POST", "POST", "DELETE"]


def call(path, body, answer, method="POST", query=""):
    dumped = [None if one is None else json.dumps(one).encode() for one in (body, answer)]
    return WriteDone(
        "id", "create", method, f"/services/data/v67.0/{path}", "done", 200, dumped[0], dumped[1], query=query
    )


A, B = "001000000000001AAA", "001000000000002AAA"


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (
            call(
                "composite/sobjects",
                {"records": [{"attributes": {"type": "Account"}}, {"attributes": {"type": "Lead"}}]},
                [{"id": A, "success": True, "errors": []}, {"success": False, "errors": [{"statusCode": "BAD"}]}],
            ),
            {"object": "Account, Lead", "records": 2, "ids": [A], "counts": {"done": 1, "BAD": 1}, "outcome": "done"},
        ),
        (
            call("composite/sobjects", None, [{"id": A, "success": True}], "DELETE", f"ids={A}%2C{B}"),
            {"records": 2, "ids": [A], "counts": {"done": 1}, "outcome": "unknown"},
        ),
        (
            call(
                "composite/tree/Account",
                {"records": [{"attributes": {}, "Contacts": {"records": [{}, {}]}}]},
                {"hasErrors": False, "results": [{"referenceId": "a", "id": A}, {"referenceId": "b", "id": B}]},
            ),
            {"object": "Account", "records": 3, "ids": [A, B], "outcome": "done"},
        ),
        (
            call(
                "composite/graph",
                {
                    "graphs": [
                        {
                            "graphId": "1",
                            "compositeRequest": [
                                {"method": "POST", "url": "/services/data/v67.0/sobjects/Lead", "referenceId": "a"}
                            ],
                        }
                    ]
                },
                {
                    "graphs": [
                        {
                            "graphId": "1",
                            "graphResponse": {
                                "compositeResponse": [{"referenceId": "a", "httpStatusCode": 201, "body": {"id": A}}]
                            },
                        }
                    ]
                },
            ),
            {"object": "Lead", "records": 1, "ids": [A], "counts": {"done": 1}, "outcome": "done"},
        ),
        (
            call(
                "composite/batch",
                {"batchRequests": [{"method": "PATCH", "url": f"v67.0/sobjects/Account/{A}", "richInput": {}}]},
                {"results": [{"statusCode": 204, "result": None}]},
            ),
            {"object": "Account", "records": 1, "ids": [A], "counts": {"done": 1}, "outcome": "done"},
        ),
        (
            call(
                "jobs/ingest/750000000000001AAA",
                {"state": "UploadComplete"},
                {"object": "Lead", "operation": "insert"},
                "PATCH",
            ),
            {"object": "Lead", "job": "750000000000001AAA", "job_operation": "insert", "state": "UploadComplete"},
        ),
        (call("anything/new/1", {}, {}), {"resource": "POST /services/data/v67.0/anything/new/1", "outcome": "done"}),
    ],
    ids=["collection", "answer too short", "tree", "graph", "batch", "job", "a resource unknown to us"],
)
def test_each_kind_of_call_is_understood(trail, event, told):
    """Objects, Ids and outcomes are found in every form of call; a call of no known form is told by its path."""
    AuditTrail(trail.path, org="acme", login="jwt bearer", token=lambda: None)(event)
    entry = trail.only()
    assert {name: entry.get(name) for name in told} == told


# --- pushes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["bulk", "collections"])
def test_a_push_is_told_when_it_begins_and_when_it_ends(org, trail, engine):
    """Its Id, object, operation and number of rows first; its jobs and the rows of each outcome at the end."""
    result = org.push(pd.DataFrame({"Name": ["a", "b", "c"]}), "Account", "insert", engine=engine)
    begun, *between, ended = trail.entries()
    assert (begun["outcome"], ended["outcome"]) == ("begun", "finished")
    assert begun["push"] == ended["push"] == result.id
    assert (ended["object"], ended["operation"], ended["records"], ended["counts"]) == (
        "Account",
        "insert",
        3,
        {"succeeded": 3},
    )
    if engine == "bulk":
        assert ended["jobs"] == result.jobs["job"].tolist() == [one["job"] for one in between]
    else:
        assert [len(one["ids"]) for one in between] == [3]


def test_a_push_that_is_stopped_is_told(faulty, org, trail):
    """It stands there as stopped, with the reason, and once more when it is resumed."""
    faulty.fault("status", "ingest_create", nth=1, args={"status": 400, "error_code": "INVALIDJOB", "message": "no"})
    with pytest.raises(sfdata.SalesforceError):
        org.push(pd.DataFrame({"Name": ["a"]}), "Account", "insert", engine="bulk")
    stopped = trail.entries()[-1]
    assert stopped["outcome"] == "stopped"
    assert stopped["error"] != PushStopped.__name__
    org.resume(stopped["push"])
    assert [one["outcome"] for one in trail.entries() if "push" in one] == ["begun", "stopped", "begun", "finished"]


# --- the file --------------------------------------------------------------------------------------------------------


@pytest.mark.catalogue("S15")
def test_the_trail_is_its_owners_alone_and_only_added_to(faulty, trail):
    """It is made with mode 0600; a second connection adds to what is there."""
    for _ in range(2):
        faulty.connect(audit=trail.path).sobject("Account").create({"Name": VALUE})
    assert stat.S_IMODE(trail.path.stat().st_mode) == 0o600
    assert len(trail.entries()) == 2


@pytest.mark.parametrize("wrong", ["open to others", "a link", "a folder", "nowhere"])
@pytest.mark.catalogue("S15")
def test_a_file_that_will_not_do_is_refused_before_anything_is_sent(faulty, trail, wrong):
    """Readable by others, a symbolic link, no file, or no place for one: the connection is not made."""
    if wrong == "open to others":
        trail.path.touch(mode=0o644)
        trail.path.chmod(0o644)
    elif wrong == "a link":
        (trail.path.parent / "other").touch(mode=0o600)
        trail.path.symlink_to(trail.path.parent / "other")
    elif wrong == "a folder":
        trail.path.mkdir()
    else:
        trail.path = trail.path / "deeper" / "writes.jsonl"
    with pytest.raises(ConfigurationError, match="audit trail"):
        faulty.connect(audit=trail.path)


@pytest.mark.parametrize("how", ["taken away", "full"])
@pytest.mark.catalogue("F1")
def test_a_write_that_cannot_be_written_down_is_an_error_that_tells_its_outcome(accounts, trail, monkeypatch, how):
    """The caller learns that the record is there, its Id, and that the trail is not whole."""
    assert accounts.describe.name == "Account"
    if how == "full":
        monkeypatch.setattr("sfdata.audit.os.write", lambda file, line: 3)
    else:
        trail.path.chmod(0o644)
    with pytest.raises(AuditFailed) as failure:
        accounts.create({"Name": VALUE})
    assert failure.value.entry["outcome"] == "done"
    assert [len(one) for one in failure.value.entry["ids"]] == [18]
