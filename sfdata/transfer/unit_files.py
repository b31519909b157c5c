"""The files of a push: of each unit its data, where their rows stand in the frame and what became of them; the index.

All are in the push's folder, whole or not there, and readable by their owner only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from sfdata.errors import PushStopped
from sfdata.state import save
from sfdata.transfer.journal import Unit

Positions = npt.NDArray[np.int64]


def unit_file(folder: Path, number: int, kind: str = "csv") -> Path:
    """A file of a unit: its records (``csv``, ``jsonl``), the ``positions`` of its rows in the frame, ``outcomes``."""
    return folder / f"unit-{number:05}.{kind}"


@contextmanager
def disk_faults(what: str, hint: str | None = None) -> Iterator[None]:
    """Tells what the disk refuses of ``what`` as `PushStopped`."""
    try:
        yield
    except OSError as problem:
        raise PushStopped(f"{what} cannot be kept on disk: {problem.strerror or problem}", hint=hint) from None


def unit_data(folder: Path, unit: Unit, kind: str = "csv") -> bytes:
    """A unit's data as they were planned.

    Raises:
        PushStopped: those on disk are others, or cannot be read.
    """
    try:
        content = unit_file(folder, unit.number, kind).read_bytes()
    except OSError as problem:
        raise PushStopped(f"the data of unit {unit.number} cannot be read: {problem.strerror or problem}") from None
    if hashlib.sha256(content).hexdigest() != unit.digest:
        raise PushStopped(f"the data of unit {unit.number} on disk are not those that were planned")
    return content


def save_positions(folder: Path, number: int, positions: Positions) -> None:
    """Keep where a unit's rows, in the order sent, stand in the frame."""
    save(unit_file(folder, number, "positions"), positions.astype("<i8").tobytes())


def load_positions(folder: Path, number: int) -> Positions:
    """Where a unit's rows stand in the frame, counted from 0."""
    return np.frombuffer(unit_file(folder, number, "positions").read_bytes(), "<i8").astype(np.int64)


def save_outcomes(folder: Path, number: int, outcomes: pa.Table) -> None:
    """Keep what became of a unit's rows."""
    save(unit_file(folder, number, "outcomes"), _written(outcomes))


def load_outcomes(folder: Path, number: int) -> pa.Table | None:
    """What became of a unit's rows; None where that is not known yet."""
    path = unit_file(folder, number, "outcomes")
    return _read(path) if path.exists() else None


def save_index(folder: Path, index: pd.Index) -> None:
    """Keep the index of the frame, if Arrow can hold its labels so that they come back as they are."""
    about = {"names": list(index.names), "object": index.dtype == object and index.nlevels == 1}
    try:
        bare = pd.DataFrame(
            {"row": True}, index=index.set_names([None] * index.nlevels)
        )  # no columns: no rows to Arrow
        table = pa.Table.from_pandas(bare)
        table = table.replace_schema_metadata({**table.schema.metadata, b"index": json.dumps(about)})
        back = _index(table)
    except (pa.ArrowException, TypeError, ValueError):
        return
    if type(back) is type(index) and back.equals(index) and back.names == index.names and back.dtype == index.dtype:
        save(folder / "index.arrow", _written(table))


def load_index(folder: Path) -> pd.Index | None:
    """The index of the frame; None where it could not be kept."""
    path = folder / "index.arrow"
    return _index(_read(path)) if path.exists() else None


def _index(table: pa.Table) -> pd.Index:
    about = json.loads(table.schema.metadata[b"index"])
    index: pd.Index = table.to_pandas().index.set_names(about["names"])
    return index.astype(object) if about["object"] else index


def _written(table: pa.Table) -> pa.Buffer:
    stream = pa.BufferOutputStream()
    with pa.ipc.new_file(stream, table.schema) as writer:
        writer.write_table(table)
    return stream.getvalue()


def _read(path: Path) -> pa.Table:
    return pa.ipc.open_file(pa.BufferReader(path.read_bytes())).read_all()
