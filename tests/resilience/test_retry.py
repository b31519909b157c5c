"""The loop that obeys the retry table, in virtual time; the table itself is in `test_retry_matrix`."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfdata.resilience.retry import (
    Failure,
    Operation,
    Retries,
    RetryPolicy,
    RetryQuota,
    Verdict,
    retry_after,
    status_failure,
)


class Time:
    """A clock that sleeping moves."""

    def __init__(self):
        self.now = 0.0
        self.slept = []

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds

    def clock(self):
        return self.now


class Broken(Exception):
    def __init__(self, verdict):
        self.verdict = verdict


def judge(outcome):
    """Failures are `Broken` exceptions, or answers that are verdicts themselves."""
    if isinstance(outcome, Broken):
        return outcome.verdict
    return outcome if isinstance(outcome, Verdict) else None


def run(outcomes, operation=Operation.READ, *, time=None, each_takes=0.0, told=None, left=None, **bounds):
    """Run a script of outcomes (exceptions are raised) under a policy; returns the attempts made and the outcome."""
    time = time or Time()
    policy = RetryPolicy(sleep=time.sleep, clock=time.clock, uniform=lambda low, high: high, **bounds)
    script = iter(outcomes)
    made = []

    def attempt(seconds):
        if left is not None:
            left.append(seconds)
        made.append(next(script))
        time.now += each_takes
        if isinstance(made[-1], BaseException):
            raise made[-1]
        return made[-1]

    def notice(*event):
        if told is not None:
            told.append(event)

    try:
        result = Retries(policy, operation, judge, notice).call(attempt)
    except BaseException as problem:  # the outcome under test
        result = problem
    return len(made), result


def broken(failure, **more):
    return Broken(Verdict(failure, "broken", **more))


# --- statuses ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (200, None),
        (204, None),
        (304, None),
        (302, None),
        (400, Failure.REFUSED),
        (401, Failure.REFUSED),
        (403, Failure.REFUSED),
        (404, Failure.REFUSED),
        (408, Failure.AMBIGUOUS),
        (420, Failure.REFUSED_BEFORE_WORK),
        (429, Failure.REFUSED_BEFORE_WORK),
        (500, Failure.AMBIGUOUS),
        (501, Failure.REFUSED),
        (502, Failure.AMBIGUOUS),
        (503, Failure.AMBIGUOUS),
        (504, Failure.AMBIGUOUS),
    ],
)
def test_a_status_has_one_class(status, failure):
    """Refusals are final, throttles come before work, and a 5xx leaves it open what was done."""
    assert status_failure(status) is failure


# --- the bounds ------------------------------------------------------------------------------------------------------


def test_a_failure_is_repeated_until_it_succeeds():
    """Two failures and a success are three attempts and the success."""
    outcomes = [broken(Failure.NOT_SENT), Verdict(Failure.AMBIGUOUS, "status 503"), "page"]
    assert run(outcomes) == (3, "page")


def test_four_attempts_are_all():
    """The fourth failure is the outcome: its exception, or its answer."""
    failures = [broken(Failure.AMBIGUOUS) for _ in range(9)]
    attempts, problem = run(failures)
    assert attempts == 4
    assert problem is failures[3]
    answers = [Verdict(Failure.AMBIGUOUS, str(n)) for n in range(9)]
    assert run(answers) == (4, answers[3])


def test_a_refusal_is_not_repeated():
    """What the org will refuse again is asked once."""
    refused = Verdict(Failure.REFUSED, "status 400")
    assert run([refused, "never"]) == (1, refused)


def test_doubt_about_a_refresh_token_is_repeated_once():
    """The ONCE of the table is one repeat, however many attempts are left."""
    doubts = [broken(Failure.AMBIGUOUS), broken(Failure.TRUNCATED), "never"]
    attempts, problem = run(doubts, Operation.REFRESH)
    assert attempts == 2
    assert problem is doubts[1]


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit, ValueError])
def test_what_is_no_failure_of_the_org_passes_straight_through(interrupt):
    """Ctrl-C and programming errors are never repeated."""
    problem = interrupt()
    assert run([problem, "never"]) == (1, problem)


def test_the_wait_doubles_up_to_a_cap_with_full_jitter():
    """The longest wait before repeat n is a quarter second times 2^n, never above twenty; the shortest is none."""
    highest = RetryPolicy(uniform=lambda low, high: high)
    lowest = RetryPolicy(uniform=lambda low, high: low)
    assert [highest.wait_seconds(n) for n in (0, 1, 2, 6, 7, 60)] == [0.25, 0.5, 1.0, 16.0, 20.0, 20.0]
    assert [lowest.wait_seconds(n) for n in range(8)] == [0.0] * 8


@pytest.mark.catalogue("S35")
def test_the_total_time_is_bounded():
    """No repeat is made that would begin after the deadline."""
    time = Time()
    attempts, _ = run([broken(Failure.AMBIGUOUS) for _ in range(9)], time=time, each_takes=59.9)
    assert attempts == 2


@pytest.mark.catalogue("S35")
def test_the_orgs_wish_to_wait_is_honoured_up_to_a_cap():
    """Retry-After lengthens the wait; an absurd one is shortened instead of obeyed."""
    time = Time()
    asked = [broken(Failure.REFUSED_BEFORE_WORK, retry_after=7.0), broken(Failure.AMBIGUOUS, retry_after=1e12), "page"]
    assert run(asked, time=time) == (3, "page")
    assert time.slept == [7.0, 60.0]


def test_each_wait_is_told_beforehand():
    """The notice says which attempt failed, how long the wait is, and why."""
    told = []
    run([broken(Failure.NOT_SENT), broken(Failure.NOT_SENT), "page"], told=told)
    assert told == [(1, 0.25, "broken"), (2, 0.5, "broken")]


# --- Retry-After -----------------------------------------------------------------------------------------------------

EPOCH = 1_800_000_000.0


@pytest.mark.catalogue("S35")
@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("5", 5.0),
        ("0.5", 0.5),
        ("-1", 0.0),
        ("1e12", 1e12),
        (" 7 ", 7.0),
        ("1e999", float("inf")),
        ("inf", None),
        ("1_0", None),
        ("١٢", None),
        ("0x10", None),
        ("5, 7", None),
        (formatdate(EPOCH + 90, usegmt=True), 90.0),
        (formatdate(EPOCH + 90), 90.0),
        ("Fri, 15 Jan 2027 09:01:30 +0100", 90.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("nan", None),
        ("soon", None),
        ("Mon, 99 Xyz 2026 00:00:00 GMT", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_read_in_both_forms(header, seconds):
    """A number of seconds or a date is read, the past is now, and garbage says nothing."""
    assert retry_after(header, EPOCH) == seconds


@pytest.mark.catalogue("S35")
def test_a_date_without_a_zone_is_universal_time(monkeypatch):
    """Wherever the machine is."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert retry_after(formatdate(EPOCH + 90), EPOCH) == 90.0
    finally:
        monkeypatch.undo()
        time.tzset()


@given(st.text(max_size=40))
def test_no_retry_after_breaks_anything(header):
    """Whatever a server writes there, it is None or a number that is not negative."""
    wanted = retry_after(header, EPOCH)
    assert wanted is None or wanted >= 0


# --- the quota -------------------------------------------------------------------------------------------------------


def test_an_empty_quota_ends_repeating():
    """A connection that has spent its repeats makes single attempts."""
    quota = RetryQuota()
    spent = 0
    while quota.take(RetryQuota.COST):
        spent += RetryQuota.COST
    assert spent == 500
    assert run([broken(Failure.AMBIGUOUS), "never"], quota=quota)[0] == 1


def test_a_timeout_costs_double_and_a_late_success_pays_back():
    """Ten for a time-out, five for the rest; the success returns what its repeats cost, a plain one returns one."""
    quota = RetryQuota()
    run([broken(Failure.AMBIGUOUS, timed_out=True), broken(Failure.AMBIGUOUS), broken(Failure.AMBIGUOUS)], quota=quota)
    assert quota.left == 500 - 10 - 5 - 5
    run(["page"], quota=quota)
    assert quota.left == 481
    run([broken(Failure.AMBIGUOUS), "page"], quota=quota)
    assert quota.left == 481
    run([Verdict(Failure.REFUSED, "status 400")], quota=quota)
    assert quota.left == 481


def test_the_quota_never_exceeds_its_capacity():
    """Successes do not save up repeats without end."""
    quota = RetryQuota()
    run(["page"], quota=quota)
    assert quota.left == RetryQuota.CAPACITY


@pytest.mark.catalogue("L3")
def test_an_outage_is_not_multiplied_by_many_threads():
    """In a full outage, fifty threads together make little more requests than they would without repeats."""
    quota = RetryQuota()

    def calls(_):
        return sum(run([broken(Failure.AMBIGUOUS) for _ in range(9)], quota=quota)[0] for _ in range(20))

    with ThreadPoolExecutor(50) as pool:
        total = sum(pool.map(calls, range(50)))
    assert total == 50 * 20 + 500 // RetryQuota.COST
