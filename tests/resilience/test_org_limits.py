"""What a connection does about the limits of its org: on a scripted wire in virtual time, and on a real local org."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

import sfdata
from sfdata.api import sobjects
from sfdata.api.describe import DescribeCache
from sfdata.auth.flows import AccessToken
from sfdata.config import OrgConfig
from sfdata.errors import (
    BudgetExceeded,
    ConfigurationError,
    LimitNear,
    NotEnoughLeft,
    RequestLimitExceeded,
)
from sfdata.localorg import LocalOrg
from sfdata.resilience.budget import Budget
from sfdata.resilience.hooks import Hooks, JobState, LimitNeared
from sfdata.resilience.limits import LimitsTracker, Reserve
from sfdata.resilience.runtime import Runtime
from sfdata.transfer.limits import OrgLimits
from sfdata.transfer.soql_query import Soql
from sfdata.transport.http_session import HttpSession
from sfdata.transport.wire import LiveWire

ORG = "https://acme.my.salesforce.com"
DATA = "/services/data/v67.0"
SPENT = [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}]
pytestmark = pytest.mark.filterwarnings("ignore::sfdata.errors.LimitNear")
AT_A_TIME = [{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "ConcurrentPerOrgLongTxn Limit exceeded."}]


class Counting:
    """An org that counts its calls and tells in each answer how many there were; ``header`` replaces what it tells."""

    def __init__(self, used=0, allowed=5_000):
        self.used = used
        self.allowed = allowed
        self.header = None
        self.refuses = None
        self.meanwhile = lambda: None
        self.calls = []
        self.others = {"DataStorageMB": (100, 40), "DailyBulkV2QueryJobs": (10_000, 10_000)}

    def __call__(self, request):
        self.calls.append(request.url.path)
        self.meanwhile()
        if self.refuses is not None:
            return httpx.Response(403, json=self.refuses, headers=self._headers())
        self.used += 1
        if request.url.path != f"{DATA}/limits":
            return httpx.Response(200, json={"id": "001AA0000000001AAA", "success": True}, headers=self._headers())
        limits = {name: {"Max": most, "Remaining": left} for name, (most, left) in self.others.items()}
        limits["DailyApiRequests"] = {"Max": self.allowed, "Remaining": self.allowed - self.used}
        return httpx.Response(200, json=limits, headers=self._headers())

    def _headers(self):
        told = f"api-usage={self.used}/{self.allowed}" if self.header is None else self.header
        return {"Sforce-Limit-Info": told} if told else {}


@pytest.fixture
def org():
    return Counting()


@pytest.fixture
def events():
    return []


@pytest.fixture
def connected(org, events):
    """Makes sessions with the org; they are closed after the test."""
    opened = []

    def make(budget=None, **bounds):
        runtime, hooks = Runtime.seeded(1), Hooks(events.append)
        limits = LimitsTracker(runtime, announce=hooks, **bounds)
        flow = AccessToken(access_token="00D!x", instance_url=ORG)
        wire = httpx.MockTransport(org)
        policies = {"budget": budget, "limits": limits, "hooks": hooks, "runtime": runtime}
        opened.append(HttpSession(OrgConfig(ORG), flow, wire=wire, **policies))
        return opened[-1]

    yield make
    for session in opened:
        session.close()


# --- the day is spent ------------------------------------------------------------------------------------------------


@pytest.mark.catalogue("L1")
def test_a_spent_day_is_asked_of_once_and_then_left_alone(org, connected):
    """One refusal, and no further call is sent, whatever it is; the error names the calls and when to look again."""
    org.used, org.refuses = 5_000, SPENT
    session = connected()
    with pytest.raises(RequestLimitExceeded) as first:
        session.get(f"{DATA}/sobjects")
    assert (first.value.status, first.value.attempts, len(org.calls)) == (403, 1, 1)
    for _ in range(20):
        with pytest.raises(RequestLimitExceeded, match="not sent") as further:
            session.get(f"{DATA}/sobjects")
        with pytest.raises(RequestLimitExceeded):
            sobjects.create(session, "Account", {"Name": "x"})
    assert len(org.calls) == 1
    for refused in (first.value, further.value):
        assert (refused.used, refused.allowed, refused.error_code) == (5_000, 5_000, "REQUEST_LIMIT_EXCEEDED")
        assert refused.seconds == 900
        assert "15 min" in refused.hint


@pytest.mark.catalogue("L1")
@pytest.mark.parametrize("told", ["by the header", "by the limits"])
def test_the_limits_stay_askable_and_open_the_org_again(org, connected, told):
    """A question for the limits is always sent; when it shows room, calls are sent again."""
    org.used, org.refuses = 5_000, SPENT
    session = connected()
    with pytest.raises(RequestLimitExceeded):
        session.get(f"{DATA}/sobjects")
    org.refuses = None
    OrgLimits(session)()
    with pytest.raises(RequestLimitExceeded):
        session.get(f"{DATA}/sobjects")
    assert org.calls == [f"{DATA}/sobjects", f"{DATA}/limits"]
    org.used, org.header = 4_000, "" if told == "by the limits" else None
    OrgLimits(session)()
    session.get(f"{DATA}/sobjects")
    assert len(org.calls) == 4


@pytest.mark.catalogue("L1")
def test_after_a_while_one_call_looks_again(org, connected):
    """One call is sent, and none beside it; a refusal closes the org for as long again, and room opens it."""
    org.used, org.refuses = 5_000, SPENT
    session = connected()

    def sent():
        try:
            session.get(f"{DATA}/sobjects")
        except RequestLimitExceeded:
            return False
        return True

    sent()
    session.runtime.sleep(899)
    assert not sent()
    session.runtime.sleep(1)
    others = []
    org.meanwhile = lambda: others.append(sent())
    assert not sent()
    assert (others, len(org.calls)) == ([False], 2)
    session.runtime.sleep(899)
    assert not sent()
    session.runtime.sleep(1)
    org.refuses, org.used, org.meanwhile = None, 4_900, lambda: None
    assert [sent(), sent()] == [True, True]


def test_too_many_at_a_time_is_no_spent_day(org, connected):
    """The same code for calls under way is a throttle: it is waited for, and nothing is closed."""
    org.refuses = AT_A_TIME
    session = connected()
    with pytest.raises(RequestLimitExceeded) as refused:
        session.get(f"{DATA}/sobjects")
    assert (len(org.calls), refused.value.seconds) == (4, None)
    assert "at a time" in refused.value.hint
    org.refuses = None
    session.get(f"{DATA}/sobjects")


@pytest.mark.catalogue("L1")
def test_a_bulk_read_keeps_its_handle(tmp_path, monkeypatch):
    """Where the org's calls are spent while a job is waited for, the error says how to go on with it."""
    monkeypatch.setenv("SFDATA_HOME", str(tmp_path))
    live, states = LiveWire(), []

    def spent_once_a_job_is_made(request):
        if states:
            return httpx.Response(403, json=SPENT, headers={"Sforce-Limit-Info": "api-usage=7/7"})
        return live.handle_request(request)

    with LocalOrg(sample_data=False) as running:
        flow = AccessToken(access_token=running.access_token, instance_url=running.instance_url)
        wire, hooks = httpx.MockTransport(spent_once_a_job_is_made), Hooks(states.append)
        with HttpSession(OrgConfig(running.instance_url), flow, wire=wire) as session:
            query = Soql(session, DescribeCache(session), hooks, "SELECT Id FROM Account", engine="bulk")
            hooks.subscribe(lambda event: isinstance(event, JobState) or states.clear())
            with pytest.raises(RequestLimitExceeded) as refused:
                query.to_pandas()
    live.close()
    [job] = list((tmp_path / "reads").iterdir())
    assert f'sfdata.resume("{job.name}") goes on' in refused.value.hint
    assert (refused.value.used, refused.value.allowed) == (7, 7)


# --- the reserve -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("reserve", "sent"), [(500, 10), (0.1, 10), (4_990, 1)])
def test_a_reserve_is_left_to_others(org, connected, reserve, sent):
    """Calls are sent while more than the reserve is left, and then none; it was the org's first answer that told."""
    org.used = 4_490
    session = connected(reserve=Reserve(reserve))
    for _ in range(sent):
        session.get(f"{DATA}/sobjects")
    with pytest.raises(NotEnoughLeft) as refused:
        session.get(f"{DATA}/sobjects")
    assert (refused.value.left, refused.value.reserve) == (0, reserve if reserve > 1 else 500)
    assert len(org.calls) == sent
    OrgLimits(session)()  # which stays possible


def test_no_thread_gets_at_the_reserve(org, connected):
    """Threads that send at once stop at the reserve, though no answer has told of the calls under way."""
    org.used = 4_000
    session = connected(reserve=Reserve(900))
    session.get(f"{DATA}/sobjects")
    org.header = ""

    def send(_):
        try:
            session.get(f"{DATA}/sobjects")
        except NotEnoughLeft:
            return 0
        return 1

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(send, range(200))) == 99
    assert org.used == 4_100


def test_calls_that_were_not_sent_are_not_missed(org, connected):
    """What the connection's own budget refuses is not counted against the org's."""
    session = connected(reserve=Reserve(10), budget=Budget(1))
    session.get(f"{DATA}/sobjects")
    for _ in range(300):
        with pytest.raises(BudgetExceeded):
            session.get(f"{DATA}/sobjects")
    assert session.limits.left == 4_999 - 10


@pytest.mark.parametrize("wrong", [-1, 1.0, -0.1, 2.5, True, "5%", float("nan")])
def test_a_reserve_is_calls_or_a_share(wrong):
    """What is neither is refused on connecting, before anything is sent."""
    with pytest.raises(ConfigurationError, match="reserve"):
        sfdata.connect(instance_url=ORG, access_token="00D!x", reserve=wrong)


def test_a_long_read_that_the_org_has_no_calls_for_is_not_begun(org, connected):
    """A requirement counts the org's calls as well as the budget's, and costs none."""
    session = connected(reserve=Reserve(4_000))
    session.budget.require(10**6, "all of it")  # nobody has told
    session.get(f"{DATA}/sobjects")
    session.budget.require(999, "the other pages")
    with pytest.raises(NotEnoughLeft, match=r"the other pages would take 1,000 .* may spend 999 beside the 4,000"):
        session.budget.require(1_000, "the other pages")
    assert [session.budget.allows(999), session.budget.allows(1_000)] == [True, False]


# --- warnings --------------------------------------------------------------------------------------------------------


def warned(session):
    """The warnings of one call."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        session.get(f"{DATA}/sobjects")
    return [str(one.message) for one in caught]


def test_each_share_is_told_once(org, connected, events):
    """At 80 and 95 percent, with the next call; then silence, until usage has fallen and comes back."""
    org.allowed, session = 1_000, connected()
    told = []
    for used in (780, 798, 799, 850, 930, 948, 949, 980, 940, 960, 700, 820):
        org.used = used
        told += [(used, text[:3]) for text in warned(session)]
    told += [(0, text[:3]) for text in warned(session)]
    assert told == [(850, "80%"), (980, "95%"), (0, "82%")]
    near = [(event.used, event.allowed) for event in events if isinstance(event, LimitNeared)]
    assert near == [(800, 1_000), (950, 1_000), (821, 1_000)]


def test_a_warning_that_is_an_error_loses_no_answer(org, connected):
    """Under ``-W error`` the answer that told is handed out; it is the next call that is not sent."""
    org.used = 4_500
    session = connected()
    assert sobjects.create(session, "Account", {"Name": "x"}) == "001AA0000000001AAA"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(LimitNear) as near:
            sobjects.create(session, "Account", {"Name": "y"})
    assert (near.value.limit, near.value.used, len(org.calls)) == ("DailyApiRequests", 4_501, 1)
    sobjects.create(session, "Account", {"Name": "y"})


def test_an_apps_own_share_counts_where_it_is_tighter(org, connected):
    """A connected app that the org limits apart is warned of, and held to, its own calls."""
    org.header = "api-usage=25/5000; per-app-api-usage=240/250(appName=sample)"
    session = connected(reserve=Reserve(5))
    warned(session)
    assert (session.limits.left, session.limits.reserve) == (5, 5)
    assert warned(session) == ["96% of the org's DailyApiRequests are used: 240 of 250"]


def test_other_limits_warn_when_they_are_read(org, connected, events):
    """Storage and jobs are told by the limits resource alone; what nothing here uses up is not warned of."""
    session = connected()
    org.others |= {"DataStorageMB": (100, 15), "MassEmail": (10, 0), "FileStorageMB": (0, 0)}
    OrgLimits(session)()
    assert [event.limit for event in events if isinstance(event, LimitNeared)] == ["DataStorageMB"]
    assert session.limits.known["MassEmail"].max == 10
    assert warned(session) == ["85% of the org's DataStorageMB are used: 85 of 100"]


# --- slowing down ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("used", "seconds"), [(3_000, 0.0), (3_999, 0.0), (4_499, 2.5), (4_999, 5.0)])
def test_who_wants_it_is_slowed_down_near_the_end(org, connected, used, seconds):
    """Nothing is waited for below four fifths, then longer the fewer calls are left: five seconds for the last."""
    org.used = used
    session = connected(throttle=True)
    session.get(f"{DATA}/sobjects")
    before = session.runtime.clock()
    session.get(f"{DATA}/sobjects")
    assert session.runtime.clock() - before == pytest.approx(seconds, abs=0.01)
    org.used = used
    eager = connected()
    eager.get(f"{DATA}/sobjects")
    eager.get(f"{DATA}/sobjects")
    assert eager.runtime.clock() == 0


# --- the question beforehand -----------------------------------------------------------------------------------------


def test_what_is_left_is_asked_for_only_when_it_is_not_known(org, connected):
    """The first question takes a call, the next minutes none; an old or a stale count is asked for anew."""
    limits = OrgLimits(session := connected(reserve=Reserve(1_000)))
    assert limits.left is None
    assert limits.check_available(3_000) == 5_000 - 1 - 1_000
    assert limits.check_available(3_999) == 3_999
    assert len(org.calls) == 1
    with pytest.raises(NotEnoughLeft):
        limits.check_available(4_000)
    session.runtime.sleep(301)
    limits.check_available()
    assert len(org.calls) == 2
    org.header = ""
    session.get(f"{DATA}/sobjects")
    assert limits.stale
    limits.check_available()
    assert len(org.calls) == 4
    assert repr(limits) == "OrgLimits(API calls of the last 24 hours: 4 of 5,000 used)"


def test_the_question_holds_to_the_budget_too(org, connected):
    """Whichever leaves less decides."""
    limits = OrgLimits(connected(budget=Budget(10)))
    assert limits.check_available(5) == 9
    with pytest.raises(BudgetExceeded):
        limits.check_available(10)


def test_other_limits_can_be_asked_about(org, connected):
    """Any limit of the table by its name; a name that is none is told the nearest."""
    limits = OrgLimits(connected())
    assert limits.check_available(40, "DataStorageMB") == 40
    with pytest.raises(NotEnoughLeft, match="41 of DataStorageMB, and this connection may spend 40:"):
        limits.check_available(41, "DataStorageMB")
    with pytest.raises(ConfigurationError, match="no limit named 'DataStorage'") as unknown:
        limits.check_available(1, "DataStorage")
    assert "DataStorageMB" in unknown.value.hint
