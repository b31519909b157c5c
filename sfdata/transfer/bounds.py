"""How much of a result is wanted: so many rows at most, or so much memory."""

from __future__ import annotations

import operator
import re
import sys
import warnings
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import Any

from sfdata.errors import ConfigurationError, ResultTruncated
from sfdata.frames.batch import Batch

UNITS = {
    "": 1,
    "B": 1,
    **{f"{prefix}B": 1000**n for n, prefix in enumerate("KMGT", 1)},
    **{f"{prefix}IB": 1024**n for n, prefix in enumerate("KMGT", 1)},
}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*")


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds of one read, as the caller gave them.

    Attributes:
        max_rows: rows at most; None for all.
        max_memory: bytes of Arrow data at most, child rows included: a number, or text such as ``"500 MB"`` (10⁶) or
            ``"1 GiB"`` (2³⁰).

    Raises:
        ConfigurationError: a bound is no positive size.
    """

    max_rows: int | None = None
    max_memory: int | str | None = None

    def __post_init__(self) -> None:
        if self.max_rows is not None and _whole_number("max_rows", self.max_rows) < 1:
            raise ConfigurationError(f"max_rows must be at least 1, not {self.max_rows}")
        if self.max_bytes is not None and self.max_bytes < 1:
            raise ConfigurationError(f"max_memory must be at least 1 byte, not {self.max_memory}")

    @property
    def max_bytes(self) -> int | None:
        """``max_memory`` as a number."""
        return None if self.max_memory is None else byte_count("max_memory", self.max_memory)


class BoundedRows:
    """The rows of one read up to its bounds; to be iterated over once.

    ``count`` makes a total of what came with the rows, where a bound left some of them out.

    Attributes:
        rows: rows given so far.
        truncated: for a frame's ``attrs``, after the last one: the bound that left rows out; None where none did.
    """

    def __init__(self, batches: Iterable[tuple[Batch, int]], bounds: Bounds, count: Callable[[int], int] = int) -> None:
        self._batches = batches
        self._bounds = bounds
        self._count = count
        self.rows = 0
        self.truncated: dict[str, Any] | None = None

    def __iter__(self) -> Generator[Batch, None, None]:
        """The batches; what they come from is closed at the end, whatever ends it."""
        max_rows, room = self._bounds.max_rows or sys.maxsize, self._bounds.max_bytes
        try:
            for batch, total in self._batches:
                kept = batch.slice(0, max_rows - self.rows) if len(batch) > max_rows - self.rows else batch
                if room is not None:
                    kept = _fitting(kept, room)
                    room -= kept.nbytes
                self.rows += len(kept)
                yield kept
                left_out = len(batch) - len(kept)
                if left_out or self.rows == max_rows < total:
                    total = max(self._count(total), self.rows + left_out)
                    if total > self.rows:
                        bound = "max_rows" if self.rows == max_rows else "max_memory"
                        self.truncated = {"rows": self.rows, "total": total, "bound": bound}
                        return
        finally:
            if isinstance(self._batches, Generator):
                self._batches.close()

    def warn(self) -> None:
        """Say so where rows were left out, once, at the line that asked for them."""
        if self.truncated is None:
            return
        bound = self.truncated["bound"]
        message = (
            f"the first {self.truncated['rows']:,} of {self.truncated['total']:,} rows are all that was read"
            f" ({bound}={getattr(self._bounds, bound)!r})"
        )
        warnings.warn(ResultTruncated(message), stacklevel=calls_up_to_the_user())


def byte_count(name: str, size: int | str) -> int:
    """A size in bytes, as a number or as text with a unit.

    >>> byte_count("max_memory", "1.5 GB"), byte_count("max_memory", "64 KiB")
    (1500000000, 65536)

    Raises:
        ConfigurationError: ``size`` is neither.
    """
    if not isinstance(size, str):
        return _whole_number(name, size)
    found = _SIZE.fullmatch(size)
    unit = UNITS.get(found[2].upper()) if found else None
    if found is None or unit is None:
        raise ConfigurationError(f"{name}: {size!r} is no size", hint='Such as 500_000_000, "500 MB" or "1 GiB".')
    return int(float(found[1]) * unit)


def _whole_number(name: str, value: object) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise ConfigurationError(f"{name} must be a whole number, not {value!r}")
    return operator.index(value)


def _fitting(batch: Batch, room: int) -> Batch:
    """The first rows of ``batch`` that take ``room`` bytes at most."""
    if batch.nbytes <= room:
        return batch
    fit, over = 0, len(batch)
    while over - fit > 1:
        middle = (fit + over) // 2
        fit, over = (middle, over) if batch.slice(0, middle).nbytes <= room else (fit, middle)
    return batch.slice(0, fit)


def calls_up_to_the_user() -> int:
    """The ``stacklevel`` by which a warning points at the first caller outside this package."""
    package = __name__.partition(".")[0]
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == package:
        frame, level = frame.f_back, level + 1
    return level
