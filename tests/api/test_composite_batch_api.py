"""Composite batches in a real org: an answer for each request in its place, and no write twice."""

from __future__ import annotations

import pytest

from sfdata.api.composite_batch import BatchRequest, batch
from sfdata.errors import BudgetExceeded, ConfigurationError, OutcomeUnknown

LIMITS = BatchRequest("GET", "limits")


@pytest.fixture
def create(tag):
    return BatchRequest("POST", "sobjects/Account", {"Name": tag})


@pytest.fixture
def count(oracle, tag):
    return lambda: len(oracle(f"SELECT Id FROM Account WHERE Name LIKE '{tag}%'"))


NAMELESS = BatchRequest("POST", "sobjects/Account", {})


def test_every_request_has_its_own_answer(live, create, count):
    """What fails leaves the others done, each told in its place; addresses may be short or whole."""
    whole = BatchRequest("GET", f"{live.data_path}/limits")
    results = batch(live, [create, NAMELESS, LIMITS, whole])
    assert [(one.outcome, one.status) for one in results] == [
        ("done", 201),
        ("failed", 400),
        ("done", 200),
        ("done", 200),
    ]
    assert results[1].errors[0].code == "REQUIRED_FIELD_MISSING"
    assert results[2].body.keys() == results[3].body.keys() > {"DailyApiRequests"}
    assert count() == 1


@pytest.mark.catalogue("K3")
def test_what_comes_behind_a_failure_is_not_executed(live, create, count):
    """Halted on the first error, the rest has neither failed nor been done; what came before stays."""
    results = batch(live, [create, NAMELESS, create], halt_on_error=True)
    assert [one.outcome for one in results] == ["done", "failed", "not_executed"]
    assert count() == 1


@pytest.mark.parametrize("fault", ["lose answer", "cut answer", 500])
def test_a_call_that_creates_is_sent_once(live, wire, create, count, fault):
    """After a lost answer the record is there once, and the error has the requests."""
    wire.faults = [fault]
    with pytest.raises(OutcomeUnknown) as caught:
        batch(live, [create, LIMITS])
    assert (count(), len(wire.sent), caught.value.sent) == (1, 1, (create, LIMITS))


def test_reads_are_repeated(live, wire):
    """They have no effect."""
    wire.faults = ["lose answer"]
    assert [one.outcome for one in batch(live, [LIMITS, LIMITS])] == ["done", "done"]
    assert len(wire.sent) == 2


ODD = {
    "one less": lambda told: {"results": told["results"][1:]},
    "one more": lambda told: {"results": [*told["results"], told["results"][0]]},
    "no list": lambda told: {},
    "no status": lambda told: {"results": [{}, told["results"][1]]},
}


@pytest.mark.catalogue("K2")
@pytest.mark.parametrize("fault", ODD.values(), ids=ODD)
def test_an_answer_that_does_not_fit_is_never_aligned(live, wire, create, count, fault):
    """Results in other number than the requests are nobody's: the writes are done, and which is which is unknown."""
    wire.faults = [fault]
    with pytest.raises(OutcomeUnknown):
        batch(live, [create, create])
    assert (count(), len(wire.sent)) == (2, 1)


REFUSED = {
    "26 requests": [LIMITS] * 26,
    "none of GET": [BatchRequest("HEAD", "limits")],
    "alone": [BatchRequest("GET", "/services/apexrest/x")],
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_a_batch_does_not_take_is_not_sent(session, org, reason):
    """The error names what is wrong, and nothing is sent."""
    with pytest.raises(ConfigurationError, match=reason):
        batch(session, REFUSED[reason])
    assert org.seen == []


def test_each_request_counts_as_a_call(live, wire):
    """25 are taken and counted, as the org does; a budget with fewer left refuses, and none are no call."""
    used = live.budget.used
    assert len(batch(live, [LIMITS] * 25)) == 25
    assert live.budget.used - used == 25
    live.budget.allowed = live.budget.used + 2
    wire.sent.clear()
    with pytest.raises(BudgetExceeded):
        batch(live, [LIMITS] * 3)
    assert wire.sent == []
    assert batch(live, []) == []
