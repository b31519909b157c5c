"""What bounds the repeats of a session, whatever an org asks for and whatever the machine's clocks do."""

from __future__ import annotations

import threading
from email.utils import formatdate

import httpx
import pytest

from sfdata.auth.flows import ClientCredentials
from sfdata.config import OrgConfig
from sfdata.errors import (
    CircuitOpen,
    ConnectionFailed,
    OutcomeUnknown,
    RequestTimeout,
    SalesforceError,
    ServerUnavailable,
)
from sfdata.resilience.breaker import CircuitBreaker
from sfdata.resilience.retry import Operation, RetryPolicy, RetryQuota
from sfdata.resilience.runtime import Runtime
from sfdata.transport.http_session import HttpSession

ORG = "https://acme.my.salesforce.com"
PATH = "/services/data/v67.0/anything"
EPOCH = 1_800_000_000.0


class Machine:
    """Two clocks: waiting moves both, and each can be moved alone."""

    def __init__(self):
        self.monotonic = 0.0
        self.wall = EPOCH
        self.slept = []

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.pass_(seconds)

    def pass_(self, seconds):
        self.monotonic += seconds
        self.wall += seconds

    @property
    def runtime(self):
        return Runtime(lambda: self.monotonic, lambda: self.wall, self.sleep)


class Wire:
    """Logs in whoever asks, and plays a script to everything else: a status, an exception, or what a function gives."""

    def __init__(self, *script):
        self.script = list(script)
        self.logins = 0
        self.logged_in_again = threading.Event()
        self.requests = []

    def __call__(self, request):
        if request.url.path == "/services/oauth2/token":
            self.logins += 1
            if self.logins > 1:
                self.logged_in_again.set()
            return httpx.Response(200, json={"access_token": f"00DAA000000000A!{self.logins}", "instance_url": ORG})
        self.requests.append(request)
        step = self.script.pop(0) if self.script else 200
        step = step(request) if callable(step) else step
        if isinstance(step, Exception):
            raise step
        if isinstance(step, httpx.Response):
            return step
        code = "INVALID_SESSION_ID" if step == 401 else "SERVER_UNAVAILABLE"
        return httpx.Response(step, json={} if step == 200 else [{"errorCode": code, "message": "no"}])


@pytest.fixture
def machine():
    return Machine()


@pytest.fixture
def session_on(machine):
    opened = []

    def make(wire, config=None, **policies):
        flow = ClientCredentials(client_id="key", client_secret="s", login_url=ORG)
        wire = httpx.MockTransport(wire)
        opened.append(HttpSession(config or OrgConfig(ORG), flow, wire=wire, runtime=machine.runtime, **policies))
        return opened[-1]

    yield make
    for session in opened:
        session.close()


# --- what an org asks for --------------------------------------------------------------------------------------------


@pytest.mark.catalogue("S35")
@pytest.mark.parametrize(
    ("header", "longest"),
    [
        ("-1", 20.0),
        ("1e12", 60.0),
        ("99999999999999999999", 60.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 20.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 60.0),
        ("nan", 20.0),
        ("inf", 20.0),
        ("١٢", 20.0),
        ("12, 13", 20.0),
        ("", 20.0),
    ],
)
def test_an_absurd_wish_to_wait_stops_nobody(machine, session_on, header, longest):
    """Whatever Retry-After says, no wait is longer than a minute, and all of it no longer than two."""
    busy = httpx.Response(503, headers=[(b"Retry-After", header.encode())], json=[])
    wire = Wire(*[lambda request: busy] * 9)
    with pytest.raises(ServerUnavailable):
        session_on(wire).get(PATH)
    assert machine.slept
    assert max(machine.slept) <= longest
    assert machine.monotonic <= 120


@pytest.mark.parametrize("form", ["7", formatdate(EPOCH + 7, usegmt=True)])
def test_a_wish_to_wait_is_honoured_in_both_forms(machine, session_on, form):
    """Seconds, and a date by the machine's clock."""
    wire = Wire(lambda request: httpx.Response(429, headers={"Retry-After": form}, json=[]))
    session_on(wire).get(PATH)
    assert machine.slept == [pytest.approx(7.0)]


# --- time ------------------------------------------------------------------------------------------------------------


def test_a_request_with_its_repeats_ends_in_two_minutes(machine, session_on):
    """Attempts are given what is left, and none begins when nothing is."""

    def silent(request):
        machine.pass_(min(request.extensions["timeout"].values()))
        return httpx.ReadTimeout("silent")

    wire = Wire(*[silent] * 9)
    session = session_on(wire, OrgConfig(ORG, timeout_seconds=50, connect_timeout_seconds=50))
    with pytest.raises(RequestTimeout) as failure:
        session.get(PATH)
    given = [request.extensions["timeout"]["read"] for request in wire.requests]
    assert given[:2] == [50, 50]
    assert len(given) == failure.value.attempts == 3
    assert given[2] == pytest.approx(120 - 100 - sum(machine.slept))
    assert machine.monotonic == pytest.approx(120)


def test_no_wait_is_begun_that_would_end_too_late(machine, session_on):
    """Where the org wants to be asked again after the deadline, it is not, and nobody waits."""

    def busy(request):
        machine.pass_(70)
        return httpx.Response(503, headers={"Retry-After": "55"}, json=[])

    wire = Wire(busy)
    with pytest.raises(ServerUnavailable):
        session_on(wire, OrgConfig(ORG, timeout_seconds=100)).get(PATH)
    assert (len(wire.requests), machine.slept) == (1, [])


def test_a_silence_longer_than_the_deadline_can_be_allowed(machine, session_on):
    """Who sets a time-out of ten minutes is given ten minutes."""

    def slow(request):
        machine.pass_(request.extensions["timeout"]["read"] - 1)
        return 200

    wire = Wire(slow)
    session_on(wire, OrgConfig(ORG, timeout_seconds=600)).get(PATH)
    assert machine.monotonic == 599


def test_uploads_and_results_may_take_their_time(machine, session_on):
    """The large files of Bulk jobs are not held to the two minutes of other requests."""

    def slow(request):
        machine.pass_(200)
        return httpx.ConnectError("no")

    wire = Wire(slow)
    session_on(wire).put(PATH, content=b"Id", operation=Operation.INGEST_UPLOAD)
    assert len(wire.requests) == 2


# --- the quota -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", [Operation.READ, Operation.UPDATE])
def test_a_spent_quota_is_told_in_the_error(session_on, operation):
    """The connection's requests share the repeats, and the error says that there were none left for this one."""
    quota = RetryQuota()
    while quota.take(RetryQuota.COST):
        pass
    session = session_on(Wire(*[503] * 9), retry=RetryPolicy(quota=quota))
    with pytest.raises((ServerUnavailable, OutcomeUnknown)) as failure:
        session.post(PATH, content={}, operation=operation)
    assert (failure.value.quota_exhausted, failure.value.attempts) == (True, 1)
    assert "Tried once; this connection has used up its repeats for now." in str(failure.value)


def test_an_error_tells_how_often_it_was_tried(session_on):
    """Where the quota was not the reason, only the attempts are told."""
    with pytest.raises(ServerUnavailable) as failure:
        session_on(Wire(*[503] * 9)).get(PATH)
    assert (failure.value.quota_exhausted, failure.value.attempts) == (False, 4)
    assert "Tried 4 times.\n" in f"{failure.value}\n"
    assert "repeats" not in str(failure.value)


# --- the breaker -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 501])
def test_refusals_open_no_circuit(session_on, status):
    """An org that says no is there: however often it does, it is asked again."""
    wire = Wire(*[status] * 60)
    session = session_on(wire)
    for _ in range(6):
        with pytest.raises(SalesforceError) as refused:
            session.get(PATH)
        assert refused.value.status == status
    assert len(wire.requests) >= 6


def test_what_is_wrong_on_this_side_opens_no_circuit(session_on):
    """A request that cannot be sent as it stands tells nothing of the org."""
    wire = Wire(*[httpx.LocalProtocolError("bad")] * 9)
    session = session_on(wire, breaker=CircuitBreaker(threshold=2))
    for _ in range(9):
        with pytest.raises(ConnectionFailed, match="cannot be sent"):
            session.get(PATH)
    session.get(PATH)


def test_one_thread_probes_for_all(machine, session_on):
    """When a circuit has been open long enough, one of many requests reaches the org, and the others do not wait."""
    inside, go_on = threading.Event(), threading.Event()

    def probed(request):
        inside.set()
        go_on.wait(10)
        return 200

    wire = Wire(*[503] * 5, probed)
    session = session_on(wire, retry=RetryPolicy(attempts=1))
    for _ in range(5):
        with pytest.raises(ServerUnavailable):
            session.get(PATH)
    machine.pass_(30)
    probe = threading.Thread(target=session.get, args=(PATH,))
    probe.start()
    assert inside.wait(10)
    for _ in range(20):
        with pytest.raises(CircuitOpen):
            session.get(PATH)
    assert len(wire.requests) == 6
    go_on.set()
    probe.join(10)
    session.get(PATH)
    assert len(wire.requests) == 7


# --- clocks that jump ------------------------------------------------------------------------------------------------

HOURS = 3 * 3600


@pytest.mark.catalogue("P5")
def test_a_wall_clock_that_jumps_is_not_noticed(machine, session_on):
    """Three hours ahead, six back: no login, no wait, no attempt more; a date to wait for is capped."""
    wire = Wire()
    session = session_on(wire)
    for jump in (0, HOURS, -2 * HOURS, HOURS):
        machine.wall += jump
        session.get(PATH)
    assert (wire.logins, len(wire.requests), machine.slept) == (1, 4, [])
    date = formatdate(machine.wall + 5, usegmt=True)
    machine.wall -= HOURS
    wire.script = [lambda request: httpx.Response(503, headers={"Retry-After": date}, json=[])]
    session.get(PATH)
    assert machine.slept == [60.0]


@pytest.mark.catalogue("P5")
@pytest.mark.parametrize("counted", [True, False], ids=["the sleep is counted", "the clock stood still"])
def test_after_a_sleep_of_hours_one_login_goes_on(machine, session_on, counted):
    """The token is old, or has expired: it is renewed unasked, or when the org refuses it, and only once."""
    wire = Wire()
    session = session_on(wire)
    session.get(PATH)
    machine.wall += HOURS
    if counted:
        machine.monotonic += HOURS
    else:
        wire.script = [401]
    session.get(PATH)
    session.get(PATH)
    assert wire.logged_in_again.wait(10)  # nobody waits for one that comes early
    session.get(PATH)
    assert (wire.logins, machine.slept) == (2, [])
    assert len(wire.requests) == (4 if counted else 5)


@pytest.mark.catalogue("P5")
def test_a_wait_begun_before_a_jump_is_as_long_as_it_was(machine):
    """A circuit stays open for its thirty seconds, whatever the wall clock says."""
    breaker = CircuitBreaker(clock=machine.runtime.clock)
    for _ in range(5):
        breaker.failed(breaker.admit(ORG))
    machine.wall += HOURS
    with pytest.raises(CircuitOpen) as refused:
        breaker.admit(ORG)
    assert "in 30 s" in refused.value.hint
    machine.wall -= 2 * HOURS
    machine.monotonic += 30
    assert breaker.admit(ORG).probe
