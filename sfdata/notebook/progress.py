"""The line that says how far a read or a push has come: shown after a moment, gone at the end; what is said after."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import copy_context
from typing import TYPE_CHECKING, Protocol
from uuid import uuid4

from sfdata.notebook.display import plain, tell
from sfdata.resilience.hooks import EngineChosen, Event, Hooks, JobState, RetryScheduled, RowsRead, UnitMoved

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

FIRST_SHOWN_SECONDS = 0.7
BETWEEN_UPDATES_SECONDS = 0.25
BETWEEN_LOG_LINES_SECONDS = 10.0
FEWEST_SECONDS = 3.0
"""A push must have gone on for this long before the time left is worth telling."""
SENT = ("uploaded", "closing", "running", "terminal", "sending")
"""The phases of a part of a push whose data the org has, and that is not done."""


class Surface(Protocol):
    """Where the line is drawn."""

    def show(self, line: str) -> None:
        """Draw ``line`` in place of the last one."""

    def clear(self) -> None:
        """Take the line away; it has been shown."""


class Progress:
    """A progress line for what happens inside a ``with`` block, fed by the events of one org.

    Events only change what is known; one thread draws, so that a request without an answer is seen to be waited for.
    """

    def __init__(self, hooks: Hooks, surface: Surface) -> None:
        self._hooks = hooks
        self._surface = surface
        self._ended = threading.Event()
        self._last: RowsRead | JobState | Pushed | None = None
        self._wait: tuple[float, RetryScheduled] | None = None

    def __enter__(self) -> Progress:
        self._started = time.monotonic()
        self._unsubscribe = self._hooks.subscribe(self._note)
        # A kernel knows by the context which cell the line belongs to.
        self._thread = threading.Thread(
            target=copy_context().run, args=(self._draw,), name="sfdata progress", daemon=True
        )
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._ended.set()
        self._unsubscribe()
        self._thread.join()

    @property
    def line(self) -> str:
        """What there is to say now."""
        now = time.monotonic()
        if self._wait is not None and now < self._wait[0]:
            until, retry = self._wait
            reason = plain(retry.reason, 60)
            return f"{reason}: attempt {retry.attempt + 1} in {until - now:.0f} s"
        seconds = f"{now - self._started:.0f} s"
        match self._last:
            case RowsRead(rows, total):
                return f"{rows:,} of {total:,} rows, {seconds}"
            case JobState(job, state, rows):
                found = "" if rows is None else f", {rows:,} rows so far"
                return f"bulk job {plain(job, 18)}: {plain(state, 40)}{found}, {seconds}"
            case Pushed() as pushed:
                return f"{pushed}, {seconds}{pushed.left(now - self._started)}"
        return f"waiting for the org, {seconds}"

    def _note(self, event: Event) -> None:
        if isinstance(self._last, Pushed) and isinstance(event, UnitMoved | JobState):
            self._last.note(event)
        elif isinstance(event, UnitMoved):
            self._last = Pushed()
            self._last.note(event)
        elif isinstance(event, RowsRead | JobState):
            self._last = event
        elif isinstance(event, RetryScheduled):
            self._wait = (time.monotonic() + event.wait_seconds, event)

    def _draw(self) -> None:
        pause, shown = FIRST_SHOWN_SECONDS, ""
        while not self._ended.wait(pause):
            line = self.line
            if line != shown:
                self._surface.show(line)
            pause, shown = BETWEEN_UPDATES_SECONDS, line
        if shown:
            self._surface.clear()


class Pushed:
    """How far a push has come, by what its units and their jobs tell: ``300 of 900 rows, 1 of 3 parts done``."""

    def __init__(self) -> None:
        self._units: dict[int, UnitMoved] = {}
        self._jobs: dict[str, JobState] = {}
        self._before = 0  # rows that had come to their end when it was taken up again

    def note(self, event: UnitMoved | JobState) -> None:
        if isinstance(event, JobState):
            self._jobs[event.job] = event
            return
        if event.unit not in self._units and event.phase == "accounted":
            self._before += event.rows
        self._units[event.unit] = event

    def __str__(self) -> str:
        units = self._known
        done, sent = ([unit for unit in units if unit.phase in phases] for phases in (("accounted",), SENT))
        sending = f", {len(sent)} with the org{self._states(sent)}" if sent else ""
        return f"{self._rows:,} of {self._total:,} rows, {len(done)} of {len(units)} parts done{sending}"

    def _states(self, units: Iterable[UnitMoved]) -> str:
        """What the org last said of their jobs: ``(2 InProgress, 1 UploadComplete)``."""
        told = Counter(plain(self._jobs[unit.job].state, 40) for unit in units if unit.job in self._jobs)
        return f" ({', '.join(f'{count} {state}' for state, count in sorted(told.items()))})" if told else ""

    def left(self, seconds: float) -> str:
        """The rows of a second, and the time left if they go on as they did in the ``seconds`` so far."""
        now = self._rows - self._before
        if not now or seconds < FEWEST_SECONDS:
            return ""
        rate = now / seconds
        return f", {rate:,.0f} rows/s, about {(self._total - self._rows) / rate:.0f} s left"

    @property
    def _rows(self) -> int:
        """Rows that have come to their end, those of jobs at work included."""
        at_work = (unit for unit in self._known if unit.phase != "accounted")
        ended = sum(unit.rows for unit in self._known if unit.phase == "accounted")
        processed = ((unit.rows, self._jobs[unit.job].rows or 0) for unit in at_work if unit.job in self._jobs)
        return ended + sum(map(min, processed))

    @property
    def _total(self) -> int:
        return sum(unit.rows for unit in self._known)

    @property
    def _known(self) -> tuple[UnitMoved, ...]:
        return tuple(self._units.values())  # at one go, since units move meanwhile


class TerminalLine:
    """The last line of a terminal, on standard error."""

    def show(self, line: str) -> None:
        widest = shutil.get_terminal_size().columns - 1
        sys.stderr.write(f"\r\x1b[2K{line[:widest]}")
        sys.stderr.flush()

    def clear(self) -> None:
        sys.stderr.write("\r\x1b[2K")
        sys.stderr.flush()


class LogLine:
    """Lines of a log, on standard error: few of them, one below the other."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._shown_at = -BETWEEN_LOG_LINES_SECONDS

    def show(self, line: str) -> None:
        if self._clock() - self._shown_at >= BETWEEN_LOG_LINES_SECONDS:
            self._shown_at = self._clock()
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()

    def clear(self) -> None:
        """A log keeps what it was told."""


class CellLine:
    """A line in the output of a notebook's cell; emptied at the end, so that a saved notebook shows nothing of it."""

    def __init__(self, publish: Callable[..., None]) -> None:
        self._publish = publish
        self._transient = {"display_id": uuid4().hex}
        self._shown = False

    def show(self, line: str) -> None:
        self._publish({"text/plain": line}, transient=self._transient, update=self._shown)
        self._shown = True

    def clear(self) -> None:
        self._publish({}, transient=self._transient, update=True)


def progress(hooks: Hooks, shell: InteractiveShell, *, always: bool = False) -> AbstractContextManager[object]:
    """A progress line where somebody watches, in a notebook's cell or a terminal, or ``always``; else nothing."""
    request_behind = getattr(shell, "get_parent", None)  # which only a kernel's shell has
    if request_behind is None:
        terminal = sys.stderr.isatty()
        surface: Surface = TerminalLine() if terminal else LogLine()
        return Progress(hooks, surface) if terminal or always else nullcontext()
    # nbconvert, nbclient, nbval and papermill let a cell ask no questions; there the line would only make one run's
    # outputs differ from another's.
    watched = always or request_behind().get("content", {}).get("allow_stdin", False)
    return Progress(hooks, CellLine(shell.display_pub.publish)) if watched else nullcontext()


@contextmanager
def telling_the_engine(hooks: Hooks) -> Iterator[None]:
    """One line for each change of the engine inside, when no progress line is in its way any more."""
    chosen: list[EngineChosen] = []
    unsubscribe = hooks.subscribe(lambda event: chosen.append(event) if isinstance(event, EngineChosen) else None)
    try:
        yield
    finally:
        unsubscribe()
        for event in chosen:
            tell(f"{'a Bulk job' if event.engine == 'bulk' else 'REST'} took over: {event.reason}")
