"""Waiting for what other threads bring."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import Future
from threading import Timer

import pytest

from sfdata.stop import LOOK_SECONDS, awaited


def test_what_a_future_brings_is_waited_for() -> None:
    """Its result comes through, however long it takes."""
    future: Future[int] = Future()
    Timer(2.5 * LOOK_SECONDS, future.set_result, [7]).start()
    assert awaited(future) == 7


@pytest.mark.parametrize("problem", [ValueError("no"), TimeoutError("its own")])
def test_what_a_future_raises_is_raised(problem: Exception) -> None:
    """Its error comes through, one of time too."""
    future: Future[int] = Future()
    future.set_exception(problem)
    with pytest.raises(type(problem), match=str(problem)):
        awaited(future)


DEAF = """
import os, signal, threading, time
import polars
from concurrent.futures import Future
from sfdata.stop import awaited

threading.Timer(0.3, os.kill, [os.getpid(), signal.SIGINT]).start()
began = time.monotonic()
try:
    awaited(Future())
except KeyboardInterrupt:
    print("interrupted" if time.monotonic() - began < 3 else "late")
"""


@pytest.mark.catalogue("P1")
def test_ctrl_c_ends_a_wait_beside_polars() -> None:
    """A wait for what never comes ends with Ctrl-C, also where Polars has taken the signals over."""
    done = subprocess.run([sys.executable, "-c", DEAF], capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout == "interrupted\n", done.stderr
