"""Answers of a real org that are cut, wrongly framed or slow: whole, or a typed error in bounded time; never short."""

from __future__ import annotations

import json
import time

import pytest
from rig import shim as network

import sfdata
from sfdata.errors import RequestTimeout, TransportError

SHAPES = {
    "gzip under its length": {"coding": "gzip", "framing": "length"},
    "gzip in chunks": {"coding": "gzip", "framing": "chunked"},
    "gzip to the end of the connection": {"coding": "gzip", "framing": "close"},
    "two gzip members": {"coding": "gzip", "framing": "length", "members": 2},
    "deflate": {"coding": "deflate", "framing": "length"},
    "plain to the end of the connection": {"coding": "identity", "framing": "close"},
    "plain in chunks": {"coding": "identity", "framing": "chunked"},
}
SMALL = "SELECT Id, Name FROM Organization"
QUICK = 0.2
"""Seconds that an answer may be silent."""


@pytest.mark.catalogue("N1")
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("step", [41, pytest.param(1, marks=pytest.mark.slow)])
def test_a_body_that_is_cut_is_never_an_answer(faulty, shape, step):
    """At each place of a small answer, in seven shapes that each say they are whole: it is asked for again."""
    org = faulty.connect()
    expected = org.query(SMALL, engine="rest")["Name"].tolist()
    size = len(json.dumps(faulty.rows(SMALL))) + 200  # more than the answer has: the last cuts take nothing away
    for at in range(1, size, step):
        faulty.fault("cut", "query", nth=1, args={"at": at, **shape})
        assert org.query(SMALL, engine="rest")["Name"].tolist() == expected, at
        faulty.settle()
    for at in (0, -1):
        faulty.fault("cut", "query", args={"at": at, **shape})
        with pytest.raises(TransportError):
            faulty.connect().query(SMALL, engine="rest")
        faulty.settle()


@pytest.mark.catalogue("N2")
@pytest.mark.parametrize("by", [-1000, -1, 1])
def test_a_length_that_is_wrong_is_never_believed(faulty, by):
    """Bytes too many or too few by the header: the answer is asked for again, of a page and of a job's file."""
    org = faulty.connect()
    soql = "SELECT Id, Name FROM Account WHERE Site = 'there' ORDER BY Id"
    expected = org.query(soql, engine="rest")
    for engine, operation in (("rest", "query_more"), ("bulk", "query_results")):
        faulty.fault("length", operation, nth=1, args={"by": by})
        assert org.query(soql, engine=engine)["Name"].tolist() == expected["Name"].tolist()
        faulty.settle()
    faulty.fault("length", "query", args={"by": by})
    with pytest.raises(TransportError):
        faulty.connect().query(soql, engine="rest")


@pytest.mark.catalogue("N3")
@pytest.mark.parametrize("point", ["before-answer", "mid-answer"])
def test_an_answer_that_never_comes_is_waited_for_so_long(faulty, point):
    """Once, it is asked for again; for ever, it is RequestTimeout after four times the silence that is allowed."""
    org = faulty.connect(timeout_seconds=QUICK)
    faulty.fault("stall", "limits", nth=1, point=point, args={"seconds": 30})
    org.limits()
    faulty.settle()
    faulty.fault("stall", "limits", point=point, args={"seconds": 30})
    started = time.monotonic()
    with pytest.raises(RequestTimeout):
        org.limits()
    assert time.monotonic() - started < 4 * QUICK + 3


@pytest.mark.catalogue("N3")
@pytest.mark.parametrize("to", ["client", "server"])
def test_a_network_that_swallows_bytes_is_waited_for_so_long(faulty, shim, to):
    """Neither a request that does not arrive nor an answer that does not hangs a caller."""
    org = faulty.connect_through(shim, timeout_seconds=QUICK)
    shim.add(network.timeout, to=to, bytes=20)
    started = time.monotonic()
    with pytest.raises(RequestTimeout):
        org.limits()
    assert time.monotonic() - started < 4 * QUICK + 3
    shim.clear()
    assert isinstance(org, sfdata.Org)
    assert org.limits() is not None


@pytest.mark.catalogue("N3")
def test_a_slow_network_is_no_fault(faulty, shim):
    """Answers in small pieces, late and slow, are answers; so is an end that comes late."""
    shim.add(network.latency, seconds=0.01)
    shim.add(network.slicer, size=100)
    shim.add(network.bandwidth, bytes_per_second=2e5)
    shim.add(network.slow_close, seconds=0.1)
    org = faulty.connect_through(shim, timeout_seconds=5)
    assert len(org.query("SELECT Name FROM Account WHERE Site = 'there'", engine="rest")) == 60
