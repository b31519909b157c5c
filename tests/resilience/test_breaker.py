"""The circuit breaker, in virtual time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from sfdata.errors import CircuitOpen
from sfdata.resilience.breaker import CircuitBreaker

ORG = "https://acme.my.salesforce.com"


class Clock:
    seconds = 0.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def breaker(clock):
    return CircuitBreaker(clock=clock)


def fail(breaker, times=1, origin=ORG):
    for _ in range(times):
        breaker.failed(breaker.admit(origin))


def test_five_failures_in_a_row_open_the_circuit(breaker):
    """The sixth request is not made; the message names the org and says when it will be tried."""
    fail(breaker, 5)
    with pytest.raises(CircuitOpen) as refusal:
        breaker.admit(ORG)
    assert "acme.my.salesforce.com failed 5 times" in str(refusal.value)
    assert "in 30 s" in refusal.value.hint


def test_a_success_in_between_starts_the_count_anew(breaker):
    """Only an unbroken row of failures counts."""
    fail(breaker, 4)
    breaker.succeeded(breaker.admit(ORG))
    fail(breaker, 4)
    breaker.admit(ORG)


def test_origins_are_apart(breaker):
    """A login host that is down does not keep us from the instance."""
    fail(breaker, 5, "https://login.salesforce.com")
    breaker.admit(ORG)


@pytest.mark.catalogue("L3")
def test_after_the_pause_one_probe_passes(breaker, clock):
    """Of many threads, one asks; its success closes the circuit for all."""
    fail(breaker, 5)
    clock.seconds = 29.9
    with pytest.raises(CircuitOpen):
        breaker.admit(ORG)
    clock.seconds = 30.0

    def admitted(_):
        try:
            return breaker.admit(ORG)
        except CircuitOpen:
            return None

    with ThreadPoolExecutor(8) as pool:
        [probe] = filter(None, pool.map(admitted, range(32)))
    breaker.succeeded(probe)
    breaker.admit(ORG)
    breaker.admit(ORG)


def test_a_failed_probe_opens_it_again(breaker, clock):
    """If the probe fails, the pause begins anew."""
    fail(breaker, 5)
    clock.seconds = 30.0
    fail(breaker)
    clock.seconds = 59.0
    with pytest.raises(CircuitOpen):
        breaker.admit(ORG)
    clock.seconds = 60.0
    breaker.admit(ORG)


def test_an_interrupted_probe_leaves_the_place_to_another(breaker, clock):
    """Ctrl-C during the probe does not lock the org out for good."""
    fail(breaker, 5)
    clock.seconds = 30.0
    probe = breaker.admit(ORG)
    with pytest.raises(CircuitOpen, match="request under way"):
        breaker.admit(ORG)
    breaker.abandoned(probe)
    breaker.admit(ORG)


def test_what_was_under_way_when_it_opened_changes_nothing(breaker, clock):
    """Late failures do not lengthen the pause, and a request given up late does not let a second probe pass."""
    failing, given_up = breaker.admit(ORG), breaker.admit(ORG)
    fail(breaker, 5)
    clock.seconds = 29.0
    breaker.failed(failing)
    clock.seconds = 30.0
    breaker.admit(ORG)
    breaker.abandoned(given_up)
    with pytest.raises(CircuitOpen, match="5 times"):
        breaker.admit(ORG)


def test_a_late_success_closes_the_circuit(breaker):
    """An answer is proof of life, whenever its request was sent."""
    slow = breaker.admit(ORG)
    fail(breaker, 5)
    breaker.succeeded(slow)
    breaker.admit(ORG)
