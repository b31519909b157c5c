"""sObject Tree in a real org: records with their children, created together or not at all, and never twice."""

from __future__ import annotations

import httpx
import pytest

from sfdata.api.sobject_tree import TreeRecord, create
from sfdata.errors import ConfigurationError, OutcomeUnknown, ResponseError


@pytest.fixture
def count(oracle, tag):
    return lambda: len(oracle(f"SELECT Id FROM Account WHERE Name LIKE '{tag}%'"))


def account(name, reference="acc", **children):
    return TreeRecord("Account", reference, {"Name": name} if name else {}, children)


def contact(name, reference, **children):
    return TreeRecord("Contact", reference, {"LastName": name} if name else {}, children)


def test_children_hang_below_their_parents(live, tag, oracle):
    """Each record is told by its reference id, parents before children, under the Id that the org has."""
    case = TreeRecord("Case", "cas", {"Subject": tag})
    results = create(live, [account(tag, Contacts=[contact(f"{tag}a", "a", Cases=[case]), contact(f"{tag}b", "b")])])
    assert [(one.reference_id, one.outcome) for one in results] == [(n, "done") for n in ("acc", "a", "cas", "b")]
    ids = {one.reference_id: one.id for one in results}
    rows = oracle(f"SELECT Id, AccountId FROM Contact WHERE LastName LIKE '{tag}%' ORDER BY LastName")
    assert rows == [{"Id": ids["a"], "AccountId": ids["acc"]}, {"Id": ids["b"], "AccountId": ids["acc"]}]
    assert oracle(f"SELECT Id, ContactId FROM Case WHERE Subject = '{tag}'") == [
        {"Id": ids["cas"], "ContactId": ids["a"]}
    ]


@pytest.mark.catalogue("K3")
def test_one_refused_record_rolls_all_others_back(live, tag, count):
    """None is created; the refused one has its reason, the others are rolled back."""
    results = create(live, [account(tag, Contacts=[contact(None, "a")]), account(tag, "other")])
    assert [one.outcome for one in results] == ["rolled_back", "failed", "rolled_back"]
    assert results[1].errors[0].code == "REQUIRED_FIELD_MISSING"
    assert count() == 0


@pytest.mark.parametrize("fault", ["lose answer", "cut answer", 500])
def test_a_lost_answer_leaves_no_record_twice(live, wire, tag, count, fault):
    """A tree is sent once; the error has its records."""
    sent = account(tag)
    wire.faults = [fault]
    with pytest.raises(OutcomeUnknown) as caught:
        create(live, [sent])
    assert (count(), len(wire.sent), caught.value.sent) == (1, 1, (sent,))


ODD = {
    "one less": lambda told: {**told, "results": told["results"][1:]},
    "another's": lambda told: {**told, "results": [{**told["results"][0], "referenceId": "x"}, told["results"][1]]},
    "twice": lambda told: {**told, "results": [told["results"][0]] * 2},
    "no Id": lambda told: {**told, "results": [{"referenceId": "acc"}, told["results"][1]]},
    "no word": lambda told: {"results": told["results"]},
    "no object": lambda told: told["results"],
}


@pytest.mark.catalogue("K2")
@pytest.mark.parametrize("fault", ODD.values(), ids=ODD)
def test_an_answer_that_does_not_fit_is_unknown(live, wire, tag, count, fault):
    """Results for other records than those sent tell nothing of a write that has happened."""
    wire.faults = [fault]
    with pytest.raises(OutcomeUnknown):
        create(live, [account(tag), account(tag, "b")])
    assert (count(), len(wire.sent)) == (2, 1)


def test_a_refusal_of_the_whole_call_raises(live, wire):
    """An org that says nothing of records has refused the call."""
    wire.faults = [httpx.Response(400, json=[{"errorCode": "JSON_PARSER_ERROR", "message": "no"}])]
    with pytest.raises(ResponseError, match="JSON_PARSER_ERROR"):
        create(live, [account("x")])


def deep(levels):
    return account("x", f"r{levels}", **({"ChildAccounts": [deep(levels - 1)]} if levels > 1 else {}))


REFUSED = {
    "201 records": [account("x", f"r{n}") for n in range(201)],
    "6 levels": [deep(6)],
    "6 objects": [account("x", X=[TreeRecord(f"X{n}__c", f"r{n}", {}) for n in range(5)])],
    "several objects": [account("x"), contact("y", "b")],
    "there twice": [account("x"), account("y")],
    "letters": [account("x", "_a")],
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_the_org_would_refuse_is_not_sent(session, org, reason):
    """The error names what is wrong, and nothing is sent."""
    with pytest.raises(ConfigurationError, match=reason):
        create(session, REFUSED[reason])
    assert org.seen == []


def test_bounds_are_not_tighter_than_the_orgs(live, tag, count):
    """200 records in five levels are taken; none are no call."""
    roots = [account(f"{tag}{n}", f"n{n}") for n in range(195)]
    assert {one.outcome for one in create(live, [*roots, deep(5)])} == {"done"}
    assert count() == 195
    assert create(live, []) == []
