"""Collections in a real org: a result for each row, in its place or not at all, and never a row twice."""

from __future__ import annotations

import pytest

from sfdata.api import sobject_collections as collections
from sfdata.errors import ConfigurationError, OutcomeUnknown, UnreadableAnswer


@pytest.fixture
def names(oracle, tag):
    """The names of the accounts that begin with the tag, in order."""
    return lambda: [row["Name"] for row in oracle(f"SELECT Name FROM Account WHERE Name LIKE '{tag}%' ORDER BY Name")]


@pytest.fixture
def ids(live, tag, wire):
    made = [row.id for row in collections.create(live, "Account", [{"Name": f"{tag} {n}"} for n in range(3)])]
    wire.sent.clear()
    return made


@pytest.mark.catalogue("K1")
def test_one_bad_row_of_two_hundred_is_told_in_its_place(live, tag, names):
    """199 rows are written and the one that is refused stands where it was given, with its code."""
    rows = [{"Name": f"{tag} {n:03}"} if n != 77 else {"Description": "nameless"} for n in range(200)]
    results = collections.create(live, "Account", rows)
    assert [n for n, result in enumerate(results) if result.outcome != "done"] == [77]
    assert (results[77].outcome, results[77].errors[0].code) == ("failed", "REQUIRED_FIELD_MISSING")
    assert (len(names()), len({result.id for result in results})) == (199, 200)


@pytest.mark.catalogue("K3")
def test_all_or_none_rolls_the_good_ones_back(live, tag, names):
    """With one bad row none is written, and the others are told to be rolled back, not to have failed."""
    results = collections.create(live, "Account", [{"Name": tag}, {}, {"Name": tag}], all_or_none=True)
    assert [result.outcome for result in results] == ["rolled_back", "failed", "rolled_back"]
    assert names() == []


@pytest.mark.catalogue("C1")
@pytest.mark.parametrize("fault", ["lose answer", "cut answer", 503])
def test_a_lost_answer_leaves_no_row_twice(live, wire, tag, names, fault):
    """A create is sent once; the error has every row that was sent."""
    rows = [{"Name": f"{tag} {n}"} for n in range(3)]
    wire.faults = [fault]
    with pytest.raises(OutcomeUnknown) as caught:
        collections.create(live, "Account", rows)
    assert (len(names()), len(wire.sent), caught.value.sent) == (3, 1, tuple(rows))


ODD = {
    "one less": lambda told: told[1:],
    "one more": lambda told: [*told, told[0]],
    "none": lambda told: [],
    "no list": lambda told: {"results": told},
    "no word": lambda told: [{}, *told[1:]],
    "no id": lambda told: [{"success": True, "errors": []}, *told[1:]],
}


@pytest.mark.catalogue("K2")
@pytest.mark.parametrize("fault", ODD.values(), ids=ODD)
def test_an_answer_that_does_not_fit_is_never_aligned(live, wire, tag, names, fault):
    """A list that cannot be told row by row is no result: the rows are written, but whose is whose is unknown."""
    wire.faults = [fault]
    with pytest.raises(OutcomeUnknown):
        collections.create(live, "Account", [{"Name": f"{tag} {n}"} for n in range(3)])
    assert (len(names()), len(wire.sent)) == (3, 1)


@pytest.mark.catalogue("K2")
def test_results_in_another_order_are_noticed(live, wire, ids):
    """An update's results name their records, so a list in another order is not taken for the rows'."""
    wire.faults = [lambda told: told[::-1]]
    with pytest.raises(OutcomeUnknown, match="place"):
        collections.update(live, "Account", [{"Id": one, "Description": "x"} for one in ids])


def test_updates_are_repeated_unless_once(live, wire, ids, tag, names):
    """The same values twice are the same values."""
    rows = [{"Id": one, "Name": f"{tag} new {n}"} for n, one in enumerate(ids)]
    wire.faults = ["lose answer"]
    assert [result.id for result in collections.update(live, "Account", rows)] == ids
    assert (names(), len(wire.sent)) == ([f"{tag} new {n}" for n in range(3)], 2)
    wire.faults = ["lose answer"]
    with pytest.raises(OutcomeUnknown):
        collections.update(live, "Account", rows, once=True)
    assert len(wire.sent) == 3


def test_upserts_are_repeated_by_unique_keys_of_every_row_alone(live, wire, tag, oracle):
    """A row without a key would be created twice, so one is enough to have the call sent once."""
    keyed = [{"Ext__c": f"{tag}{n}", "Name": tag} for n in range(2)]
    wire.faults = ["lose answer"]
    results = collections.upsert(live, "Account", "Ext__c", keyed, unique=True)
    assert ([result.created for result in results], len(wire.sent)) == ([None, None], 2)
    for rows, key, unique in ([*keyed, {"Name": tag}], "Ext__c", True), ([{"Code__c": tag}], "Code__c", False):
        wire.faults = ["lose answer"]
        with pytest.raises(OutcomeUnknown):
            collections.upsert(live, "Account", key, rows, unique=unique)
    assert (len(wire.sent), len(oracle(f"SELECT Id FROM Account WHERE Ext__c LIKE '{tag}%'"))) == (4, 2)


def test_upserts_tell_who_was_created(live, tag):
    """Of a key that is there and one that is not, the second is created."""
    collections.upsert(live, "Account", "Ext__c", [{"Ext__c": tag, "Name": tag}], unique=True)
    rows = [{"Ext__c": tag, "Name": tag}, {"Ext__c": f"{tag}2", "Name": tag}]
    assert [row.created for row in collections.upsert(live, "Account", "Ext__c", rows, unique=True)] == [False, True]


@pytest.mark.catalogue("C2")
@pytest.mark.parametrize("all_or_none", [False, True])
def test_gone_is_done_after_doubt_alone(live, wire, ids, names, all_or_none):
    """Records that a lost call deleted are done when it is repeated; deleting them again is an error for each."""
    wire.faults = ["lose answer"]
    results = collections.delete(live, ids, all_or_none=all_or_none)
    assert ([(r.id, r.outcome) for r in results], names()) == ([(one, "done") for one in ids], [])
    again = collections.delete(live, ids, all_or_none=all_or_none)
    assert {result.errors[0].code for result in again} == {"ENTITY_IS_DELETED"}


def test_what_others_deleted_does_not_hide_a_rollback(live, wire, ids, names):
    """All or none: a lost call that was rolled back, since one record was gone before, is not taken for done."""
    collections.delete(live, ids[:1])
    wire.faults = ["lose answer"]
    results = collections.delete(live, ids, all_or_none=True)
    assert [result.outcome for result in results] == ["failed", "rolled_back", "rolled_back"]
    assert len(names()) == 2


def test_records_are_retrieved_in_order(live, ids, tag):
    """A row for each Id in its place, None for one that is not there."""
    collections.delete(live, ids[1:2])
    rows = collections.retrieve(live, "Account", [ids[2], ids[1], ids[0]], ["Name"])
    assert rows == [{"Id": ids[2], "Name": f"{tag} 2"}, None, {"Id": ids[0], "Name": f"{tag} 0"}]


@pytest.mark.parametrize("fault", [lambda told: told[1:], lambda told: told[::-1]], ids=["short", "reversed"])
def test_a_retrieval_that_does_not_fit_is_unreadable(live, wire, ids, fault):
    """Rows are never handed out under another's Id."""
    wire.faults = [fault]
    with pytest.raises(UnreadableAnswer):
        collections.retrieve(live, "Account", ids, ["Name"])


def test_bounds_are_kept_before_anything_is_sent(live, wire):
    """More rows than a call may have, and updates of nobody in particular, are refused here; none are no call."""
    with pytest.raises(ConfigurationError, match="201"):
        collections.create(live, "Account", [{"Name": "x"}] * 201)
    with pytest.raises(ConfigurationError, match="Id"):
        collections.update(live, "Account", [{"Name": "x"}])
    assert collections.create(live, "Account", []) == collections.delete(live, []) == []
    assert wire.sent == []
