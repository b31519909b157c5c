"""The files of a push's units: their data, where their rows stand in the frame, and what became of them."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa


def unit_file(folder: Path, number: int, kind: str = "csv") -> Path:
    """A file of a unit: its ``csv`` as it is sent, the ``positions`` of its rows in the frame, their ``outcomes``."""
    return folder / f"unit-{number:05}.{kind}"


def save(path: Path, content: bytes | pa.Buffer) -> None:
    """Write a file so that it is there as a whole or not at all, readable by its owner only."""
    partial = path.with_name(f"{path.name}.part")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def save_outcomes(folder: Path, number: int, outcomes: pa.Table) -> None:
    """Keep what became of a unit's rows."""
    stream = pa.BufferOutputStream()
    with pa.ipc.new_file(stream, outcomes.schema) as writer:
        writer.write_table(outcomes)
    save(unit_file(folder, number, "outcomes"), stream.getvalue())


def load_outcomes(folder: Path, number: int) -> pa.Table | None:
    """What became of a unit's rows; None where that is not known yet."""
    path = unit_file(folder, number, "outcomes")
    return pa.ipc.open_file(pa.BufferReader(path.read_bytes())).read_all() if path.exists() else None
