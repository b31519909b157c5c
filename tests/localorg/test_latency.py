"""Latency: how long the org takes, and what it is not told as."""

from __future__ import annotations

import time

import httpx
import pytest
from rig.local_rest import BASE, Rest

from sfdata.errors import ConfigurationError
from sfdata.localorg import LocalOrg
from sfdata.localorg.latency import Latency


@pytest.mark.parametrize(
    ("given", "milliseconds", "jitter"),
    [("0", 0, 0), ("200", 200, 0), ("200:50", 200, 50), (" 1.5:0.5 ", 1.5, 0.5), (80, 80, 0), (2.5, 2.5, 0)],
)
def test_a_latency_is_milliseconds_with_or_without_jitter(given: object, milliseconds: float, jitter: float) -> None:
    """As text ``MS[:JITTER]`` or as a number."""
    assert Latency.parse(given) == Latency(milliseconds, jitter)


@pytest.mark.parametrize("given", ["", "fast", "-1", "10:20", "60001", "1:2:3", "10:", "1e3", "nan", None])
def test_anything_else_is_refused(given: object) -> None:
    """Not a number, negative, over a minute, more jitter than time: the message shows the form."""
    with pytest.raises(ConfigurationError, match=r"latency must be milliseconds .* 200:50"):
        LocalOrg(latency=given)


def test_jitter_goes_both_ways() -> None:
    """The shortest wait is less by the jitter, the longest more, and no wait is outside."""
    latency = Latency(200, 50)
    assert latency.seconds(lambda low, high: low) == pytest.approx(0.15)
    assert latency.seconds(lambda low, high: high) == pytest.approx(0.25)
    drawn = [latency.seconds() for _ in range(500)]
    assert 0.15 <= min(drawn) < 0.17
    assert 0.23 < max(drawn) <= 0.25


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", BASE, 200),
        ("GET", f"{BASE}/nothing", 404),
        ("GET", "/services/data", 200),
        ("POST", "/services/oauth2/token", 400),
    ],
)
def test_every_answer_is_late_once(method: str, path: str, status: int) -> None:
    """Data, refusals and logins wait; a composite request waits as a whole, not for each part."""
    with LocalOrg(sample_data=False, latency="150") as org, Rest(org, org.access_token) as web:
        started = time.perf_counter()
        assert web.request(method, path).status_code == status
        assert 0.15 <= time.perf_counter() - started < 0.6
        batch = {"batchRequests": [{"method": "GET", "url": "v66.0/limits"}] * 10}
        started = time.perf_counter()
        assert web.post(f"{BASE}/composite/batch", json=batch).json()["hasErrors"] is False
        assert 0.15 <= time.perf_counter() - started < 1.2


def test_without_latency_nothing_waits() -> None:
    """The rule: an answer is there at once."""
    with LocalOrg(sample_data=False) as org, Rest(org, org.access_token) as web:
        assert min(_seconds(web) for _ in range(5)) < 0.1


def _seconds(web: httpx.Client) -> float:
    started = time.perf_counter()
    assert web.get(BASE).status_code == 200
    return time.perf_counter() - started
