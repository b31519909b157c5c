"""The end of work that nobody waits for any more: Ctrl-C, a closed stream, a deadline.

Python cannot interrupt a thread. So a thread at work for somebody does it under a `Stop`; its waits, and the wire below
it, look there several times a second, and end with `Stopped`. Without one, nothing looks anywhere: a main thread is
interrupted by its signals.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future

LOOK_SECONDS = 0.1
"""How long a wait may last before the thread looks whether it is still wanted."""

T = TypeVar("T")


class Stopped(Exception):
    """Nobody waits for this any more."""


class Stop:
    """A sign for the threads of one piece of work. One made by a thread that has a stop of its own heeds that, too."""

    def __init__(self) -> None:
        self._above = _stop.get()
        self._event = threading.Event()

    def set(self) -> None:
        """Have the work end."""
        self._event.set()

    @property
    def is_set(self) -> bool:
        return self._event.is_set() or (self._above is not None and self._above.is_set)

    def wait(self, seconds: float) -> bool:
        """Wait that long, or until it is set; whether it is."""
        end = time.monotonic() + seconds
        while not self.is_set and (left := end - time.monotonic()) > 0:
            self._event.wait(min(left, LOOK_SECONDS))
        return self.is_set

    @contextmanager
    def heeded(self) -> Iterator[None]:
        """What runs inside, on this thread, ends when this is set."""
        token = _stop.set(self)
        try:
            yield
        finally:
            _stop.reset(token)

    def heeding(self, work: Callable[..., T]) -> Callable[..., T]:
        """``work``, to be run by another thread under this stop."""

        def run(*arguments: object) -> T:
            with self.heeded():
                return work(*arguments)

        return run


_stop: ContextVar[Stop | None] = ContextVar("sfdata stop", default=None)


def stop_at_hand() -> Stop | None:
    """The stop this thread works under."""
    return _stop.get()


def look() -> None:
    """Go on only if somebody still waits.

    Raises:
        Stopped: nobody does.
    """
    stop = _stop.get()
    if stop is not None and stop.is_set:
        raise Stopped


def sleep(seconds: float) -> None:
    """`time.sleep`, which a stop ends.

    Raises:
        Stopped: it did.
    """
    stop = _stop.get()
    if stop is None:
        time.sleep(seconds)
    elif stop.wait(seconds):
        raise Stopped


def awaited(future: Future[T]) -> T:
    """What ``future`` brings, waited for in short pieces: a library that takes signals over (Polars does when it is
    imported) leaves a main thread that waits without an end deaf to Ctrl-C."""
    while True:
        try:
            return future.result(LOOK_SECONDS)
        except TimeoutError:
            if future.done():
                return future.result()
