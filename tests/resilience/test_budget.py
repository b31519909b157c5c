"""The budget of a connection: what counts, what is refused, and that no thread gets past it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfdata.auth.flows import ClientCredentials
from sfdata.config import OrgConfig
from sfdata.errors import BudgetExceeded, ConfigurationError, ServerUnavailable, TransportError
from sfdata.resilience.breaker import CircuitBreaker
from sfdata.resilience.budget import Budget
from sfdata.resilience.retry import RetryPolicy
from sfdata.transport.http_session import HttpSession

MY_DOMAIN = "https://acme.my.salesforce.com"
LIMITS = "/services/data/v67.0/limits"


@given(st.integers(0, 30), st.integers(0, 60))
def test_as_many_calls_as_allowed_are_spent_and_no_more(allowed: int, tries: int) -> None:
    """Of any number of calls the first ``allowed`` pass; those refused do not count."""
    budget, passed = Budget(allowed), 0
    for _ in range(tries):
        try:
            budget.spend()
        except BudgetExceeded:
            continue
        passed += 1
    assert passed == budget.used == min(allowed, tries)
    assert budget.remaining == allowed - passed


def test_without_a_bound_calls_are_counted_only() -> None:
    """None allows everything, and ``used`` still tells how much that was."""
    budget = Budget()
    for _ in range(1000):
        budget.spend()
    budget.require(10**9, "all of it")
    assert (budget.used, budget.allowed, budget.remaining) == (1000, None, None)
    assert repr(budget) == "Budget(1,000 API calls used)"


def test_a_requirement_is_refused_by_what_is_left_and_costs_nothing() -> None:
    """``require`` looks ahead: exactly what is left passes, one more is refused, and neither counts."""
    budget = Budget(10)
    for _ in range(4):
        budget.spend()
    budget.require(6, "the other pages")
    with pytest.raises(BudgetExceeded) as refused:
        budget.require(7, "the other pages")
    assert (refused.value.needed, refused.value.used, refused.value.allowed) == (7, 4, 10)
    assert "the other pages would take 7 API calls, and this connection has 6 of its 10 left" in str(refused.value)
    assert "org.budget.allowed += 1 " in str(refused.value)
    with pytest.raises(BudgetExceeded, match=r"allowed \+= 4 "):
        budget.require(7, "the other pages", repeated=3)
    assert budget.used == 4


def test_a_budget_is_raised_and_lowered_by_assignment() -> None:
    """The next step that the error names works; a bound below what was used leaves nothing."""
    budget = Budget(1)
    budget.spend()
    with pytest.raises(BudgetExceeded):
        budget.spend()
    budget.allowed = 2
    budget.spend()
    budget.allowed = 0
    assert budget.remaining == 0
    with pytest.raises(BudgetExceeded, match=r"0 of its 0 left(.|\n)*allowed \+= 3 "):
        budget.spend()
    budget.allowed += 3
    budget.spend()
    budget.allowed = None
    budget.spend()
    assert budget.used == 4


@pytest.mark.parametrize("wrong", [-1, 2.5, "500", True])
def test_a_budget_is_a_number_of_calls(wrong: object) -> None:
    """What is no whole number of calls is refused, on making a budget and on changing it."""
    with pytest.raises(ConfigurationError, match="number of API calls"):
        Budget(wrong)  # type: ignore[arg-type]
    budget = Budget(5)
    with pytest.raises(ConfigurationError):
        budget.allowed = wrong  # type: ignore[assignment]
    assert budget.allowed == 5


def test_no_thread_gets_past_the_bound() -> None:
    """Threads that spend at once spend exactly the budget."""
    budget, start = Budget(500), threading.Barrier(8)

    def spend() -> int:
        start.wait(5)
        passed = 0
        for _ in range(100):
            try:
                budget.spend()
            except BudgetExceeded:
                continue
            passed += 1
        return passed

    with ThreadPoolExecutor(8) as pool:
        passed = sum(one.result() for one in [pool.submit(spend) for _ in range(8)])
    assert passed == budget.used == 500


# --- on the wire -----------------------------------------------------------------------------------------------------


class Wire:
    """An org that logs everybody in and then plays a script of statuses; 200 when it is at its end."""

    def __init__(self) -> None:
        self.script: list[int] = []
        self.logins = 0
        self.calls = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/services/oauth2/token":
            self.logins += 1
            return httpx.Response(200, json={"access_token": f"00D!{self.logins}", "instance_url": MY_DOMAIN})
        self.calls += 1
        status = self.script.pop(0) if self.script else 200
        if status == 401:
            return httpx.Response(401, json=[{"errorCode": "INVALID_SESSION_ID", "message": "expired"}])
        return httpx.Response(status, json={"ok": True} if status == 200 else [])


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def session_with(wire: Wire) -> Iterator[Callable[[int], HttpSession]]:
    opened: list[HttpSession] = []

    def make(allowed: int) -> HttpSession:
        flow = ClientCredentials(client_id="key", client_secret="s", login_url=MY_DOMAIN)
        retry = RetryPolicy(sleep=lambda seconds: None)
        made = HttpSession(
            OrgConfig(MY_DOMAIN), flow, wire=httpx.MockTransport(wire), retry=retry, budget=Budget(allowed)
        )
        opened.append(made)
        return made

    yield make
    for session in opened:
        session.close()


def test_the_call_beyond_the_bound_is_not_sent(wire: Wire, session_with: Callable[[int], HttpSession]) -> None:
    """Exactly the allowed number of requests reaches the org; the next one raises without a byte on the wire."""
    session = session_with(3)
    for _ in range(3):
        session.get(LIMITS)
    for _ in range(2):
        with pytest.raises(BudgetExceeded):
            session.get(LIMITS)
    assert wire.calls == 3
    session.budget.allowed = 4
    session.get(LIMITS)
    assert wire.calls == 4


def test_logins_cost_nothing(wire: Wire, session_with: Callable[[int], HttpSession]) -> None:
    """A first login, and a new one for a session that was refused, leave the budget as it is."""
    session = session_with(0)
    assert session.instance_url == MY_DOMAIN
    assert (wire.logins, session.budget.used) == (1, 0)
    session.budget.allowed = 2
    wire.script = [401]
    session.get(LIMITS)
    assert (wire.logins, wire.calls, session.budget.used) == (2, 2, 2)


def test_repeats_count(wire: Wire, session_with: Callable[[int], HttpSession]) -> None:
    """Each attempt is a call: a request that is repeated twice has used three."""
    session = session_with(3)
    wire.script = [503, 503, 200]
    session.get(LIMITS)
    assert (wire.calls, session.budget.remaining) == (3, 0)


def test_a_repeat_beyond_the_bound_is_not_sent(wire: Wire, session_with: Callable[[int], HttpSession]) -> None:
    """An org in trouble does not make a connection spend more than it may."""
    session = session_with(2)
    wire.script = [503] * 9
    with pytest.raises(BudgetExceeded):
        session.get(LIMITS)
    assert wire.calls == 2


def test_a_refusal_of_ours_is_no_failure_of_the_org(wire: Wire, session_with: Callable[[int], HttpSession]) -> None:
    """However often the budget refuses, the circuit stays closed; nobody takes the refusal for a broken connection."""
    session = session_with(0)
    for _ in range(CircuitBreaker()._threshold + 1):
        with pytest.raises(BudgetExceeded) as refused:
            session.get(LIMITS)
        assert not isinstance(refused.value, TransportError | ServerUnavailable)
    session.budget.allowed = 1
    assert session.get(LIMITS).json() == {"ok": True}
