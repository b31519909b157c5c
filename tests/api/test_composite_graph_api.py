"""Composite graphs in a real org: each done as a whole or not at all, and no write twice."""

from __future__ import annotations

import pytest

from sfdata.api.composite import Subrequest
from sfdata.api.composite_graph import Graph, graph
from sfdata.errors import ConfigurationError, OutcomeUnknown, ResponseError


def post(name, body, sobject="Account"):
    return Subrequest("POST", f"sobjects/{sobject}", name, body)


@pytest.fixture
def count(oracle, tag):
    return lambda: len(oracle(f"SELECT Id FROM Account WHERE Name LIKE '{tag}%'"))


def test_requests_of_a_graph_use_the_answers_before_them(live, tag, oracle):
    """A contact is put below the account of its graph; results are in the order of graphs and requests."""
    contact = post("con", {"LastName": tag, "AccountId": "@{acc.id}"}, "Contact")
    first, second = graph(
        live, [Graph("1", [post("acc", {"Name": tag}), contact]), Graph("2", [post("x", {"Name": tag})])]
    )
    assert (first.done, second.done, first.graph_id) == (True, True, "1")
    assert [one.reference_id for one in first.results] == ["acc", "con"]
    rows = oracle(f"SELECT Id, AccountId FROM Contact WHERE LastName = '{tag}'")
    assert rows == [{"Id": first.results[1].id, "AccountId": first.results[0].id}]


@pytest.mark.catalogue("K3")
def test_a_graph_with_a_failure_is_undone_and_the_others_are_not(live, tag, count):
    """What failed for its own reason is told apart from what was rolled back with it."""
    bad = Graph("bad", [post("a", {"Name": tag}), post("b", {}), post("c", {"Name": tag})])
    undone, done = graph(live, [bad, Graph("good", [post("a", {"Name": tag})])])
    assert [one.outcome for one in undone.results] == ["rolled_back", "failed", "rolled_back"]
    assert undone.results[1].errors[0].code == "REQUIRED_FIELD_MISSING"
    assert (undone.done, done.done, count()) == (False, True, 1)


@pytest.mark.catalogue("K3")
def test_graphs_that_nobody_tried_are_not_executed(live, tag, count):
    """Behind fourteen that failed an org tries no further one: those have neither failed nor been rolled back."""
    graphs = [*(Graph(f"bad{n}", [post("a", {})]) for n in range(14)), Graph("last", [post("a", {"Name": tag})])]
    results = graph(live, graphs)
    assert [one.results[0].outcome for one in results] == ["failed"] * 14 + ["not_executed"]
    assert count() == 0


@pytest.mark.parametrize("fault", ["lose answer", "cut answer", 500])
def test_a_call_that_creates_is_sent_once(live, wire, tag, count, fault):
    """After a lost answer the record is there once, and the error has the graphs."""
    sent = Graph("g", [post("a", {"Name": tag})])
    wire.faults = [fault]
    with pytest.raises(OutcomeUnknown) as caught:
        graph(live, [sent])
    assert (count(), len(wire.sent), caught.value.sent) == (1, 1, (sent,))


def test_a_call_that_only_gives_records_new_values_is_repeated(live, wire, tag, oracle):
    """New values by Id are the same twice."""
    ((made,),) = (one.results for one in graph(live, [Graph("g", [post("a", {"Name": tag})])]))
    wire.faults, wire.sent = ["lose answer"], []
    (told,) = graph(live, [Graph("g", [Subrequest("PATCH", f"sobjects/Account/{made.id}", "a", {"Site": "x"})])])
    assert (told.done, len(wire.sent)) == (True, 2)
    assert oracle(f"SELECT Site FROM Account WHERE Name = '{tag}'") == [{"Site": "x"}]


ODD = {
    "one less": lambda told: {"graphs": told["graphs"][1:]},
    "twice": lambda told: {"graphs": [told["graphs"][0]] * 2},
    "another's": lambda told: {"graphs": [{**told["graphs"][0], "graphId": "x"}, told["graphs"][1]]},
    "contradiction": lambda told: {"graphs": [{**told["graphs"][0], "isSuccessful": False}, told["graphs"][1]]},
    "no list": lambda told: {},
}


@pytest.mark.catalogue("K2")
@pytest.mark.parametrize("fault", ODD.values(), ids=ODD)
def test_an_answer_that_does_not_fit_is_unknown(live, wire, tag, count, fault):
    """Answers to other graphs than those sent tell nothing of a write that has happened."""
    wire.faults = [fault]
    with pytest.raises(OutcomeUnknown):
        graph(live, [Graph("1", [post("a", {"Name": tag})]), Graph("2", [post("a", {"Name": tag})])])
    assert (count(), len(wire.sent)) == (2, 1)


def chain(length):
    return [post("a0", {}), *(post(f"a{n}", {"ParentId": f"@{{a{n - 1}.id}}"}) for n in range(1, length))]


def kinds(count):
    return Graph("g", [post(f"a{n}", {}, f"X{n}__c") for n in range(count)])


REFUSED = {
    "76 graphs": [Graph(f"g{n}", [post("a", {})]) for n in range(76)],
    "501 requests": [Graph("g", [post(f"a{n}", {}) for n in range(501)])],
    "16 requests in a chain": [Graph("g", chain(16))],
    "16 kinds": [kinds(16)],
    "there twice": [Graph("g", [post("a", {})]), Graph("g", [post("a", {})])],
    "a letter or a digit": [Graph("a.b", [post("a", {})])],
    "has no requests": [Graph("g", [])],
    "refers to 'b'": [Graph("g", [post("a", {"ParentId": "@{b.id}"}), post("b", {})])],
    "refers to 'x'": [Graph("1", [post("x", {})]), Graph("2", [post("a", {"ParentId": "@{x.id}"})])],
    "takes records alone": [Graph("g", [Subrequest("GET", "query?q=SELECT+Id+FROM+User", "a")])],
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_the_org_would_refuse_is_not_sent(session, org, reason):
    """The error names what is wrong, and nothing is sent."""
    with pytest.raises(ConfigurationError, match=reason):
        graph(session, REFUSED[reason])
    assert org.seen == []


def test_bounds_are_not_tighter_than_the_orgs(live, tag):
    """75 graphs with 500 requests in all, one of them a chain of 15, are taken; no graph is no call."""
    graphs = [Graph(f"g{n}", [post(f"a{m}", {"Name": tag}) for m in range(6)]) for n in range(74)]
    fields = [{"Name": tag, "ParentId": f"@{{a{n - 1}.id}}"} if n else {"Name": tag} for n in range(15)]
    last = [post(f"a{n}", body) for n, body in enumerate(fields)] + [post(f"b{n}", {"Name": tag}) for n in range(41)]
    assert all(one.done for one in graph(live, [*graphs, Graph("last", last)]))
    assert graph(live, []) == []


def test_a_refusal_of_the_whole_call_raises(live, wire):
    """What an org does not accept at all is an error, not a list of results."""
    wire.faults = [403]
    with pytest.raises(ResponseError):
        graph(live, [Graph("g", [post("a", {})])])
