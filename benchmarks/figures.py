"""From the runs of a case to its figures, and to a table in Markdown that holds each against its goal.

A figure of one reader is the median of its runs. A ratio is the median of the rounds' ratios: what slows a whole round
down does not show in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from cases import MB, Case, Entry, Goal

Run = Mapping[str, Any]
"""What `readers.measure` tells, and ``calls``: how many requests the server got."""


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value >= 0.1 else f"{value * 1000:.1f} ms"


def _megabytes(value: float) -> str:
    return f"{value / MB:.0f} MB"


def _times(value: float) -> str:
    return f"{value:.3g}×"


@dataclass(frozen=True, slots=True)
class Figure:
    """A column of the table: what it is called and how its values are written."""

    title: str
    text: Callable[[float], str]


FIGURES: dict[str, Figure] = {
    "wall": Figure("wall", _seconds),
    "cpu": Figure("CPU", _seconds),
    "memory": Figure("memory over idle", _megabytes),
    "calls": Figure("calls", lambda value: f"{value:.3g}"),
    "faster": Figure("× faster", _times),
    "less_cpu": Figure("× less CPU", _times),
    "floor": Figure("× of floor", _times),
    "peer_memory": Figure("× of peer's memory", _times),
    "frame_memory": Figure("× of frame's size", _times),
    "growth": Figure("× time per row", _times),
}


@dataclass(frozen=True, slots=True)
class Results:
    """The runs of a case by entry, round by round; or by entry why there are none."""

    case: Case
    runs: Mapping[Entry, Sequence[Run]]
    skipped: Mapping[Entry, str]

    def figures(self, entry: Entry) -> dict[str, float]:
        """Every figure an entry has."""
        runs = self.runs[entry]
        told = {name: median(run[name] for run in runs) for name in ("wall", "cpu", "memory", "calls")}
        if self.case.served is None:
            del told["calls"]
        if peers := self._runs_of(self.case.peer, entry.share):
            told["faster"] = _ratio(peers, runs, "wall")
            told["less_cpu"] = _ratio(peers, runs, "cpu")
            told["peer_memory"] = _ratio(runs, peers, "memory")
        if floors := self._runs_of(self.case.floor, entry.share):
            told["floor"] = _ratio(runs, floors, "wall")
        if all(run.get("size") for run in runs):
            told["frame_memory"] = median(run["memory"] / run["size"] for run in runs)
        fewest = min((one for one in self.runs if one.reader == entry.reader), key=self.case.rows)
        if fewest is not entry:
            told["growth"] = _ratio(runs, self.runs[fewest], "wall") * self.case.rows(fewest) / self.case.rows(entry)
        return told

    def _runs_of(self, reader: str | None, share: float) -> Sequence[Run]:
        return next((runs for one, runs in self.runs.items() if (one.reader, one.share) == (reader, share)), ())

    def table(self) -> list[str]:
        """The case in Markdown."""
        figures = {entry: self.figures(entry) for entry in self.runs}
        shown = [name for name in FIGURES if any(name in told for told in figures.values())]
        titles = [FIGURES[name].title for name in shown]
        rows = [["reader", *titles]]
        for entry, told in figures.items():
            rows.append([self.case.label(entry), *(_cell(entry, name, told.get(name)) for name in shown)])
        lines = [f"| {' | '.join(row)} |" for row in rows]
        lines.insert(1, f"|---|{'--:|' * len(shown)}")
        return lines + [f"\n{self.case.label(entry)}: skipped, {why}" for entry, why in self.skipped.items()]

    def goals(self) -> list[str]:
        """Each goal of the case as a row: reader, figure, goal, what was measured, and whether that reaches it."""
        lines = []
        for entry in self.case.entries:
            told = self.figures(entry) if entry in self.runs else {}
            for goal in entry.goals:
                value = told.get(goal.figure)
                measured = "not measured" if value is None else FIGURES[goal.figure].text(value)
                what = f"{self.case.label(entry)} | {FIGURES[goal.figure].title} | {_bound(goal)}"
                lines.append(f"| {self.case.name} | {what} | {measured} | {_verdict(goal, value)} |")
        return lines


def _ratio(above: Sequence[Run], below: Sequence[Run], name: str) -> float:
    ratios: list[float] = [one[name] / max(other[name], 1e-9) for one, other in zip(above, below, strict=True)]
    return median(ratios)


def _cell(entry: Entry, name: str, value: float | None) -> str:
    if value is None:
        return ""
    text = FIGURES[name].text(value)
    bounds = [f" ({_bound(goal)}: {_verdict(goal, value)})" for goal in entry.goals if goal.figure == name]
    return text + "".join(bounds)


def _bound(goal: Goal) -> str:
    text = FIGURES[goal.figure].text
    least = [] if goal.least is None else [f"≥ {text(goal.least)}"]
    most = [] if goal.most is None else [f"≤ {text(goal.most)}"]
    return ", ".join(least + most)


def _verdict(goal: Goal, value: float | None) -> str:
    if value is None:
        return "–"
    return "reached" if goal.reached(value) else "**not reached**"
