"""The usage header, whatever its form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfdata.resilience.hooks import Hooks, RowsRead
from sfdata.resilience.limits import ApiUsage, AppUsage, LimitsTracker, parse_limit_info
from sfdata.resilience.runtime import Runtime


@pytest.mark.catalogue("L2")
@pytest.mark.parametrize(
    ("header", "usage"),
    [
        ("api-usage=18/5000", ApiUsage(18, 5000, 7.0)),
        (
            "api-usage=25/5000; per-app-api-usage=17/250(appName=sample)",
            ApiUsage(25, 5000, 7.0, AppUsage(17, 250, "sample")),
        ),
        (
            "per-app-api-usage=17/250(appName=my app);api-usage=25/5000",
            ApiUsage(25, 5000, 7.0, AppUsage(17, 250, "my app")),
        ),
        ("api-usage = 18 / 5000", ApiUsage(18, 5000, 7.0)),
        ("per-app-api-usage=17/250(appName=sample)", None),
        ("api-usage=18", None),
        ("api-usage=-1/5000", None),
        ("nonsense", None),
        ("", None),
    ],
)
def test_the_documented_forms_are_read(header, usage):
    """The plain and the per-app form give their numbers; anything else gives nothing."""
    assert parse_limit_info(header, 7.0) == usage


@pytest.mark.catalogue("L2")
def tell(tracker, header, **more):
    """A call and its answer."""
    tracker.admit()
    tracker.answered(header, **more)


@pytest.mark.catalogue("L2")
def test_the_last_value_is_kept_when_none_comes():
    """An answer without the header, or with a garbled one, leaves the last reading and its time, and marks it stale."""
    times = iter([100.0, 300.0])
    tracker = LimitsTracker(Runtime(now=lambda: next(times)))
    assert (tracker.last, tracker.left, tracker.stale) == (None, None, False)
    tell(tracker, "api-usage=18/5000")
    assert (tracker.last, tracker.stale) == (ApiUsage(18, 5000, 100.0), False)
    tell(tracker, None)
    tracker.admit()
    tracker.lost()
    assert (tracker.last, tracker.stale) == (ApiUsage(18, 5000, 100.0), True)
    tell(tracker, "api-usage=19/5000")
    assert (tracker.last, tracker.stale) == (ApiUsage(19, 5000, 300.0), False)


def test_what_remains_is_never_negative():
    """An org may let its limit be exceeded; the remainder is then nothing."""
    assert ApiUsage(18, 5000, 0.0).remaining == 4982
    assert ApiUsage(5100, 5000, 0.0).remaining == 0


@pytest.mark.catalogue("L2")
@pytest.mark.catalogue("L2")
@pytest.mark.filterwarnings("ignore::sfdata.errors.LimitNear")
@given(st.text(alphabet="api-usge=/0189;()per N\x00٣", max_size=60) | st.text(max_size=60))
def test_no_header_breaks_anything(header):
    """Whatever a proxy makes of the header, reading it raises nothing."""
    tracker = LimitsTracker()
    tell(tracker, header)
    assert tracker.stale is (tracker.last is None)
    assert tracker.left is None or tracker.left >= 0


def test_hooks_tell_each_subscriber_until_it_leaves():
    """Subscribers are told in order; one that has left hears nothing more."""
    heard = []
    hooks = Hooks(lambda event: heard.append(("first", event)))
    leave = hooks.subscribe(lambda event: heard.append(("second", event)))
    event = RowsRead(1, 2, False)
    hooks(event)
    leave()
    hooks(event)
    assert heard == [("first", event), ("second", event), ("first", event)]
