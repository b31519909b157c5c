"""The progress line: late, rare, and gone at the end."""

from __future__ import annotations

import io
import threading
import time
from itertools import pairwise
from typing import Any

import pytest

from sfdata.notebook import progress as progress_module
from sfdata.notebook.progress import CellLine, LogLine, Progress, Pushed, TerminalLine, progress
from sfdata.resilience.hooks import Hooks, JobState, RetryScheduled, RowsRead, UnitMoved


class Board:
    """A surface that notes what is drawn on it, and when."""

    def __init__(self) -> None:
        self.lines: list[tuple[float, str]] = []
        self.cleared = 0

    def show(self, line: str) -> None:
        self.lines.append((time.monotonic(), line))

    def clear(self) -> None:
        self.cleared += 1


@pytest.fixture
def board() -> Board:
    return Board()


def test_a_short_read_shows_nothing(board: Board) -> None:
    """What is over within a moment draws nothing, and so leaves nothing to clear."""
    hooks = Hooks()
    with Progress(hooks, board):
        hooks(RowsRead(10, 10, True))
    assert (board.lines, board.cleared) == ([], 0)


def test_a_long_read_shows_rows_and_goes_away(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long read shows rows so far of all rows, and takes the line away at its end."""
    monkeypatch.setattr(progress_module, "FIRST_SHOWN_SECONDS", 0.02)
    hooks = Hooks()
    with Progress(hooks, board):
        time.sleep(0.1)
        hooks(RowsRead(2000, 12_345, False))
        time.sleep(0.4)
    texts = [text for _, text in board.lines]
    assert texts[0].startswith("waiting for the org")
    assert texts[-1].startswith("2,000 of 12,345 rows")
    assert board.cleared == 1


def test_updates_are_rare(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many pages arrive, the line changes at most five times a second, first after the moment has passed."""
    monkeypatch.setattr(progress_module, "FIRST_SHOWN_SECONDS", 0.2)
    hooks = Hooks()
    started = time.monotonic()
    with Progress(hooks, board):
        for page in range(160):
            hooks(RowsRead(page, 160, False))
            time.sleep(0.005)
    times = [at - started for at, _ in board.lines]
    assert times
    assert times[0] >= 0.2
    assert all(later - earlier >= 0.2 for earlier, later in pairwise(times))


def test_a_wait_says_why_and_how_long(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the org is given time, the line names the reason and counts the seconds; its text is made harmless."""
    monkeypatch.setattr(progress_module, "FIRST_SHOWN_SECONDS", 0.02)
    hooks = Hooks()
    with Progress(hooks, board):
        hooks(RetryScheduled("GET", "/query", 1, 8.0, "503\x1b[2J busy"))
        time.sleep(0.1)
    assert board.lines[0][1] == "503 busy: attempt 2 in 8 s"


def test_a_job_shows_its_state_until_its_rows_arrive(board: Board) -> None:
    """While a Bulk job runs, the line names it, its state and the rows it has found; then it counts rows as ever."""
    hooks = Hooks()
    with Progress(hooks, board) as line:
        hooks(RowsRead(2_000, 120_000, False))  # the page by which the size was known
        hooks(JobState("750xx0000000001AAA", "UploadComplete", None))
        assert line.line == "bulk job 750xx0000000001AAA: UploadComplete, 0 s"
        hooks(JobState("750xx0000000001AAA", "In\x1b[2JProgress", 120_000))
        assert line.line == "bulk job 750xx0000000001AAA: InProgress, 120,000 rows so far, 0 s"
        hooks(RowsRead(50_000, 120_000, False))
        assert line.line == "50,000 of 120,000 rows, 0 s"


def test_an_interrupt_ends_the_line_and_its_thread(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    """However the block ends, the thread is gone, the line cleared and nobody listens to the org any more."""
    monkeypatch.setattr(progress_module, "FIRST_SHOWN_SECONDS", 0.02)
    hooks = Hooks()
    line = Progress(hooks, board)

    def interrupted() -> None:
        with line:
            time.sleep(0.1)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert board.cleared == 1
    assert "sfdata progress" not in [thread.name for thread in threading.enumerate()]
    shown = line.line
    hooks(RowsRead(5, 5, True))
    assert "rows" not in shown
    assert "rows" not in line.line


def test_a_terminal_line_is_overwritten(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a terminal the line is redrawn in place, no wider than the terminal, and erased at the end."""
    screen = io.StringIO()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("COLUMNS", "10")
    line = TerminalLine()
    line.show("a longer line than fits")
    line.clear()
    assert screen.getvalue() == "\r\x1b[2Ka longer \r\x1b[2K"


def test_a_cells_line_is_one_output_that_ends_empty() -> None:
    """In a kernel the line is one display, updated in place, of which a saved notebook shows nothing."""
    sent: list[tuple[dict[str, str], str, bool]] = []

    def publish(data: dict[str, str], *, transient: dict[str, str], update: bool) -> None:
        sent.append((data, transient["display_id"], update))

    line = CellLine(publish)
    line.show("1 of 2 rows")
    line.show("2 of 2 rows")
    line.clear()
    (one,) = {display_id for _, display_id, _ in sent}
    assert sent == [
        ({"text/plain": "1 of 2 rows"}, one, False),
        ({"text/plain": "2 of 2 rows"}, one, True),
        ({}, one, True),
    ]


def test_a_push_tells_rows_parts_and_the_time_left(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows at their end and rows that jobs have processed count; what was done before tells nothing of the speed."""
    monkeypatch.setattr(progress_module, "FEWEST_SECONDS", 0.0)
    hooks = Hooks()
    with Progress(hooks, board) as line:
        hooks(UnitMoved("push-1", 1, 500, "accounted", "750a"))
        for unit in (2, 3, 4):
            hooks(UnitMoved("push-1", unit, 300, "planned", None))
        assert line.line.startswith("500 of 1,400 rows, 1 of 4 parts done, 0 s")
        hooks(UnitMoved("push-1", 2, 300, "running", "750b"))
        hooks(UnitMoved("push-1", 3, 300, "accounted", "750c"))
        hooks(JobState("750b", "InProgress", 150))
        pushed = line._last
        assert line.line.startswith("950 of 1,400 rows, 2 of 4 parts done, 1 with the org (1 InProgress), ")
    assert isinstance(pushed, Pushed)
    assert pushed.left(9.0) == ", 50 rows/s, about 9 s left"  # 450 rows in 9 s, and 450 to go


def test_nothing_is_drawn_where_a_line_cannot_go_away(shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With standard error in a file or a pipe there is no progress line, only with a terminal behind it."""
    monkeypatch.setattr("sys.stderr", io.StringIO())
    assert not isinstance(progress(Hooks(), shell), Progress)
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stderr", terminal)
    assert isinstance(progress(Hooks(), shell), Progress)


def test_a_log_gets_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    """Where lines stay, one is written at once, and then one every ten seconds at most."""
    now = 100.0
    line = LogLine(lambda: now)
    for now, rows in ((100.0, 1), (100.25, 2), (109.9, 3), (110.0, 4), (110.25, 5)):  # noqa: B007
        line.show(f"{rows} rows")
    line.clear()
    assert capsys.readouterr().err == "1 rows\n4 rows\n"


def test_whoever_asks_gets_progress_everywhere(shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for, the line is there with a file behind standard error, and in a kernel that nobody watches."""
    monkeypatch.setattr("sys.stderr", io.StringIO())
    assert isinstance(progress(Hooks(), shell, always=True), Progress)
    parent = {"content": {"allow_stdin": False}}
    monkeypatch.setattr(type(shell), "get_parent", lambda self: parent, raising=False)
    assert isinstance(progress(Hooks(), shell, always=True), Progress)


@pytest.mark.parametrize("watched", [True, False])
def test_a_run_without_a_person_draws_nothing(shell: Any, monkeypatch: pytest.MonkeyPatch, watched: bool) -> None:
    """In a kernel the line is for somebody who could be asked a question: not for nbval, nbclient or nbconvert."""
    parent = {"content": {"allow_stdin": watched}}
    monkeypatch.setattr(type(shell), "get_parent", lambda self: parent, raising=False)
    assert isinstance(progress(Hooks(), shell), Progress) is watched
