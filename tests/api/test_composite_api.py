"""Composites in a real org: each request's own outcome, found by its reference id, and no write twice."""

from __future__ import annotations

import httpx
import pytest

from sfdata.api.composite import Subrequest, composite, operation_of
from sfdata.errors import ConfigurationError, OutcomeUnknown, ResponseError
from sfdata.resilience.retry import Operation

WITHOUT_A_NAME = Subrequest("POST", "sobjects/Contact", "bad", {})


@pytest.fixture
def account(tag):
    return Subrequest("POST", "sobjects/Account", "acc", {"Name": tag})


@pytest.fixture
def count(oracle, tag):
    return lambda: len(oracle(f"SELECT Id FROM Account WHERE Name LIKE '{tag}%'"))


def test_a_request_uses_the_answers_of_those_before_it(live, account, tag, oracle):
    """A contact is put below the account that the same call creates, and both can be read in it."""
    contact = {"LastName": tag, "AccountId": "@{acc.id}"}
    read = Subrequest("GET", "/sobjects/Contact/@{con.id}?fields=AccountId", "read")
    acc, con, seen = composite(live, [account, Subrequest("POST", "sobjects/Contact", "con", contact), read])
    assert [one.outcome for one in (acc, con, seen)] == ["done"] * 3
    assert (seen.status, seen.body["AccountId"]) == (200, acc.id)
    assert oracle(f"SELECT Id, AccountId FROM Contact WHERE LastName = '{tag}'") == [
        {"Id": con.id, "AccountId": acc.id}
    ]


@pytest.mark.catalogue("K3")
def test_what_depends_on_a_failure_is_not_executed(live, account, count):
    """Without all or none, the good stay done; what refers to the failed one has not failed itself."""
    depending = Subrequest("PATCH", "sobjects/Contact/@{bad.id}", "then", {"LastName": "x"})
    results = composite(live, [account, WITHOUT_A_NAME, depending])
    assert [one.outcome for one in results] == ["done", "failed", "not_executed"]
    assert (results[1].errors[0].code, results[2].errors[0].code) == ("REQUIRED_FIELD_MISSING", "PROCESSING_HALTED")
    assert count() == 1


@pytest.mark.catalogue("K3")
def test_all_or_none_rolls_back(live, account, count):
    """With all or none, one failure undoes the others, which are told to be rolled back."""
    results = composite(live, [account, WITHOUT_A_NAME], all_or_none=True)
    assert [one.outcome for one in results] == ["rolled_back", "failed"]
    assert count() == 0


def test_a_collection_with_a_refused_row_is_not_done(live, tag):
    """A status of 200 does not hide a row that was refused."""
    records = [{"attributes": {"type": "Account"}, "Name": tag}, {"attributes": {"type": "Account"}}]
    (told,) = composite(live, [Subrequest("POST", "composite/sobjects", "rows", {"records": records})])
    assert (told.status, told.outcome, told.errors[0].code) == (200, "failed", "REQUIRED_FIELD_MISSING")


@pytest.mark.catalogue("C1")
@pytest.mark.parametrize("fault", ["lose answer", "cut answer", 500])
def test_a_call_that_creates_is_sent_once(live, wire, account, count, fault):
    """After a lost answer the record is there once, and the error has the requests."""
    wire.faults = [fault]
    with pytest.raises(OutcomeUnknown) as caught:
        composite(live, [account])
    assert (count(), len(wire.sent), caught.value.sent) == (1, 1, (account,))


def test_a_call_that_only_updates_or_reads_is_repeated(live, wire, account, tag, oracle):
    """New values by Id are the same twice, and so are reads."""
    (made,) = composite(live, [account])
    path = f"sobjects/Account/{made.id}"
    for requests in (
        [Subrequest("PATCH", path, "a", {"Description": "x"}), Subrequest("GET", path, "b")],
        [Subrequest("GET", path, "b")],
    ):
        wire.faults, wire.sent = ["lose answer"], []
        assert {one.outcome for one in composite(live, requests)} == {"done"}
        assert len(wire.sent) == 2
    assert oracle(f"SELECT Description FROM Account WHERE Name = '{tag}'") == [{"Description": "x"}]


ONCE = {
    "create": Subrequest("POST", "sobjects/Account", "a"),
    "upsert": Subrequest("PATCH", "sobjects/Account/Ext__c/1", "a"),
    "delete": Subrequest("DELETE", "sobjects/Account/001AA0000000000", "a"),
    "conditional": Subrequest("PATCH", "sobjects/Account/001AA0000000000", "a", headers={"If-Match": "*"}),
    "collection": Subrequest("PATCH", "composite/sobjects", "a"),
}


@pytest.mark.parametrize("one", ONCE.values(), ids=ONCE)
def test_one_request_that_may_not_be_done_twice_decides_for_all(live, one):
    """Beside a read, anything that is more than new values by an Id makes the whole call one that is sent once."""
    assert operation_of(live, [Subrequest("GET", "limits", "b"), one]) is Operation.CREATE


ODD = {
    "one less": lambda told: {"compositeResponse": told["compositeResponse"][1:]},
    "another's": lambda told: {"compositeResponse": [{**told["compositeResponse"][0], "referenceId": "x"}]},
    "no list": lambda told: {},
    "no status": lambda told: {"compositeResponse": [{"referenceId": "acc"}]},
}


@pytest.mark.catalogue("K2")
@pytest.mark.parametrize("fault", ODD.values(), ids=ODD)
def test_an_answer_that_does_not_fit_is_unknown(live, wire, account, count, fault):
    """Answers to other requests than those sent tell nothing of a write that has happened."""
    wire.faults = [fault]
    with pytest.raises(OutcomeUnknown):
        composite(live, [account])
    assert (count(), len(wire.sent)) == (1, 1)


def test_answers_are_found_by_their_reference_ids(live, wire, account):
    """An org that answers in another order is understood."""
    wire.faults = [lambda told: {"compositeResponse": told["compositeResponse"][::-1]}]
    results = composite(live, [account, Subrequest("GET", "limits", "lim")])
    assert [(one.reference_id, one.status) for one in results] == [("acc", 201), ("lim", 200)]


def get(name, path="limits", **more):
    return Subrequest("GET", path, name, **more)


REFUSED = {
    "26 requests": [get(f"r{n}") for n in range(26)],
    "6 queries": [get(f"q{n}", "query?q=SELECT+Id+FROM+Account") for n in range(6)],
    "there twice": [get("a"), get("a")],
    "letters": [get("a-b")],
    "refers to 'b'": [get("a", "sobjects/Account/@{b.id}"), get("b")],
    "refers to 'c'": [get("a", body={"x": [{"y": "@{c.id}"}]})],
    "authorization": [get("a", headers={"authorization": "x"})],
    "none of GET": [Subrequest("HEAD", "limits", "a")],
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_the_org_would_refuse_is_not_sent(session, org, reason):
    """The error names what is wrong, and nothing is sent."""
    with pytest.raises(ConfigurationError, match=reason):
        composite(session, REFUSED[reason])
    assert org.seen == []


def test_bounds_are_not_tighter_than_the_orgs(live):
    """25 requests of which 5 are queries are taken."""
    queries = [get(f"q{n}", "query?q=SELECT+Id+FROM+User+LIMIT+1") for n in range(5)]
    results = composite(live, queries + [get(f"r{n}") for n in range(20)])
    assert {one.outcome for one in results} == {"done"}


def test_a_refusal_of_the_whole_call_raises(session, org):
    """What the org does not accept as a composite at all is an error, not a list of results."""
    org.resources["/services/data/v67.0/composite"] = lambda request: httpx.Response(
        400, json=[{"errorCode": "JSON_PARSER_ERROR", "message": "no"}]
    )
    with pytest.raises(ResponseError, match="JSON_PARSER_ERROR"):
        composite(session, [Subrequest("POST", "sobjects/Account", "a", {})])
