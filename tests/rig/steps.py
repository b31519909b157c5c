"""Fails every step of something in turn: each request, each answer, each write to the disk, each transaction.

    tally = fail_every_step(begin, finish, tmp_path)

A step is where something leaves the process: a request, its answer, a file that is opened, written, synced, renamed or
removed, a transaction of SQLite that begins or commits. ``begin(home)`` is run with its first step failed, then with
its second, until it has no such step; each time in a home of its own. Steps fail in three ways:

- ``fault``: with the error this step has in life (no connection, a lost answer, a full disk);
- ``interrupt``: Ctrl-C is pressed;
- ``kill``: the process, a child made for it, gets signal 9.

After each, ``finish(home, ended)`` does what a user would do then, in this process, and holds the outcome against what
should be. ``ended`` is the exception that came out of ``begin``, ``"killed"``, or None where it came to its end.

``begin`` is a function of a module, or a `functools.partial` of one with values that JSON can hold: a child imports it.
"""

from __future__ import annotations

import _thread
import errno
import importlib.util
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Self
from unittest import mock

import httpx

from sfdata.transport.wire import LiveWire

KINDS = ("fault", "interrupt", "kill")
MOST_STEPS = 5_000
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT

Begin = Callable[..., object]
Finish = Callable[[Path, "BaseException | str | None"], object]


@dataclass
class Tally:
    """What was tried: ``points`` of each kind, the ``steps`` met, and the longest time until control was back."""

    points: Counter[str] = field(default_factory=Counter)
    steps: Counter[str] = field(default_factory=Counter)
    slowest_interrupt: float = 0.0

    def __str__(self) -> str:
        points = ", ".join(f"{number} × {kind}" for kind, number in self.points.items())
        return f"{points}; slowest interrupt {self.slowest_interrupt:.2f} s; steps {dict(self.steps)}"


def fail_every_step(
    begin: Begin,
    finish: Finish,
    home: Path,
    kinds: Collection[str] = KINDS,
    every: int = 1,
    children: Children | None = None,
) -> Tally:
    """Fail the steps of ``begin`` one after the other, or only each ``every``-th, in each of these ways.

    ``children`` are needed for ``kill``; whoever fails several things shares them.
    """
    tally = Tally()
    for kind in kinds:
        with warnings.catch_warnings():
            if kind == "interrupt":  # it may come between a file's opening and the block that would close it
                warnings.filterwarnings("ignore", "unclosed file", ResourceWarning)
            _fail_each(begin, finish, home, kind, every, children, tally)
    return tally


def _fail_each(
    begin: Begin, finish: Finish, home: Path, kind: str, every: int, children: Children | None, tally: Tally
) -> None:
    """Fail each ``every``-th step in one way, until there is no such step."""
    for number in range(1, MOST_STEPS, every):
        place = home / f"{kind}-{number:04}"
        if kind == "kill":
            assert children is not None, "only a child can be killed"
            ended = children.run(begin, place, number)
        else:
            ended = _failed_here(begin, place, number, kind, tally)
        with _at(place):
            finish(place, None if ended is _UNTOUCHED else ended)
        if ended is _UNTOUCHED:
            return
        tally.points[kind] += 1


_UNTOUCHED: Any = object()
"""It came to its end before the step was met."""


def _failed_here(begin: Begin, place: Path, number: int, kind: str, tally: Tally) -> Any:
    """How ``begin`` ends with its ``number``-th step failed."""
    steps, ended = Steps(number, kind), None
    with _at(place), steps:
        try:
            begin(home=str(place))
            steps.settle()
        except (Exception, KeyboardInterrupt) as problem:
            ended = problem
    if kind == "interrupt" and steps.failed_at:
        tally.slowest_interrupt = max(tally.slowest_interrupt, time.monotonic() - steps.failed_at)
    if not steps.failed_at:
        tally.steps = steps.met
        return _UNTOUCHED
    return ended


@contextmanager
def _at(home: Path) -> Iterator[None]:
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with mock.patch.dict(os.environ, SFDATA_HOME=str(home)):
        yield


# --- steps -----------------------------------------------------------------------------------------------------------


class Steps:
    """Counts the steps of this process while it is entered, and fails one of them.

    Attributes:
        met: how often each kind of step was met.
        failed_at: monotonic seconds at which the step was failed; 0 where it was not met.
    """

    def __init__(self, number: int = 0, kind: str = "fault") -> None:
        self.met: Counter[str] = Counter()
        self.failed_at = 0.0
        self._number = number
        self._kind = kind
        self._lock = threading.Lock()
        self._patched = ExitStack()

    def __enter__(self) -> Self:
        self._handler = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background process ignores Ctrl-C
        for owner, name, watched in (
            (LiveWire, "handle_request", self._exchange),
            (os, "open", self._open),
            (os, "fdopen", self._fdopen),
            (os, "fsync", self._before("fsync", errno.EIO)),
            (os, "replace", self._before("rename", errno.EIO)),
            (os, "unlink", self._before("remove", errno.EIO)),
            (sqlite3, "connect", self._connect),
        ):
            real = getattr(owner, name)
            self._patched.enter_context(mock.patch.object(owner, name, _method(watched, real)))
        return self

    def __exit__(self, *exception: object) -> None:
        self._patched.close()
        signal.signal(signal.SIGINT, self._handler)

    def __call__(self, name: str, fault: Exception) -> None:
        """A step of that name: it fails with ``fault``, unless in another way or not at all."""
        with self._lock:
            self.met[name] += 1
            if self.met.total() != self._number:
                return
            self.failed_at = time.monotonic()
        if self._kind == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if self._kind == "fault":
            raise fault
        if threading.current_thread() is threading.main_thread():
            raise KeyboardInterrupt
        _thread.interrupt_main()

    def settle(self) -> None:
        """Let a Ctrl-C that was pressed in another thread arrive."""
        if self.failed_at and self._kind == "interrupt":
            time.sleep(0.01)

    # --- what is watched ---------------------------------------------------------------------------------------------

    def _before(self, name: str, number: int) -> Callable[..., Any]:
        def watched(real: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
            self(name, OSError(number, os.strerror(number)))
            return real(*arguments, **options)

        return watched

    def _exchange(self, real: Callable[..., Any], wire: Any, request: httpx.Request) -> httpx.Response:
        self("request", httpx.ConnectError("nobody answers", request=request))
        answer: httpx.Response = real(wire, request)
        try:
            self("answer", httpx.ReadError("the answer is lost", request=request))
        except BaseException:
            answer.close()
            raise
        return answer

    def _open(self, real: Callable[..., Any], path: Any, flags: int, *arguments: Any, **options: Any) -> Any:
        if flags & WRITING:
            self("open", OSError(errno.EACCES, os.strerror(errno.EACCES)))
        return real(path, flags, *arguments, **options)

    def _fdopen(self, real: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        return _File(real(*arguments, **options), self)

    def _connect(self, real: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        self("database", sqlite3.OperationalError("unable to open database file"))
        return real(*arguments, factory=partial(_Database, steps=self), **options)


def _method(watched: Callable[..., Any], real: Callable[..., Any]) -> Callable[..., Any]:
    """In the place of ``real``, be it a function or a method."""

    def call(*arguments: Any, **options: Any) -> Any:
        return watched(real, *arguments, **options)

    return call


class _File:
    """A file whose writes are steps: the first half of what is written stays when one fails."""

    def __init__(self, file: Any, steps: Steps) -> None:
        self._file = file
        self._steps = steps

    def write(self, content: Any) -> int:
        raw = memoryview(content).cast("B")
        self._file.write(raw[: len(raw) // 2])
        self._file.flush()
        self._steps("write", OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
        self._file.write(raw[len(raw) // 2 :])
        return len(raw)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class _Database(sqlite3.Connection):
    """A database whose transactions begin and commit in steps."""

    def __init__(self, *arguments: Any, steps: Steps, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._steps = steps

    def execute(self, statement: str, *arguments: Any) -> sqlite3.Cursor:
        word = statement.split()[0].upper()
        if word in ("BEGIN", "COMMIT"):
            self._steps(word.lower(), sqlite3.OperationalError("disk I/O error"))
        return super().execute(statement, *arguments)


# --- children --------------------------------------------------------------------------------------------------------


class Children:
    """Processes that can be killed: forks of one that has imported ``module``, which nothing else runs in."""

    def __init__(self, module: Path) -> None:
        path = os.pathsep.join(sys.path)
        command = [sys.executable, __file__, str(module)]
        self._lender = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path}
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        assert self._lender.stdin is not None
        self._lender.stdin.close()
        self._lender.wait()
        assert self._lender.stdout is not None
        self._lender.stdout.close()

    def run(self, begin: Begin, home: Path, number: int) -> Any:
        """``begin`` in a child whose ``number``-th step kills it: ``"killed"``, or that it came to its end."""
        function = begin.func if isinstance(begin, partial) else begin
        given = [begin.args, begin.keywords] if isinstance(begin, partial) else [(), {}]
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        assert self._lender.stdin is not None
        assert self._lender.stdout is not None
        self._lender.stdin.write(json.dumps([function.__name__, *given, str(home), number]) + "\n")
        self._lender.stdin.flush()
        code = json.loads(self._lender.stdout.readline())
        assert code in (0, -signal.SIGKILL), f"the child ended by itself, with {code}"
        return "killed" if code else _UNTOUCHED


def lend(module: Path) -> None:
    """Run orders from standard input, each in a fork, and tell how those ended."""
    spec = importlib.util.spec_from_file_location(module.stem, module)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    for line in sys.stdin:
        name, given, options, home, number = json.loads(line)
        child = os.fork()
        if not child:
            os.environ["SFDATA_HOME"] = home
            try:
                with Steps(number, "kill"):
                    getattr(loaded, name)(*given, **options, home=home)
            except BaseException:
                sys.excepthook(*sys.exc_info())
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(json.dumps(os.waitstatus_to_exitcode(status)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    lend(Path(sys.argv[1]))
