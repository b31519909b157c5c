"""Rows written as Parquet while they arrive: a file or a dataset, whole or not there at all.

Everything is written below a hidden directory beside the goal and renamed when the read is proved complete; after an
error, or Ctrl-C, nothing is left of it. Memory does not grow with the rows: what waits is at most a row group, or
`WAITING_BYTES`.

Rows of child subqueries are written beside, at any depth, under the names of their relationships:
``accounts.parquet``, ``accounts.Contacts.parquet``, ``accounts.Contacts.Cases.parquet``; of a dataset, ``accounts/``,
``accounts.Contacts/`` and so on.

Each file tells where its rows come from, as JSON under ``sfdata`` in its metadata, and gives pandas the dtypes and
``attrs`` of `Results.to_pandas`. https://parquet.apache.org/docs/file-format/metadata/
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sfdata.errors import ConfigurationError
from sfdata.frames.batch import Batch
from sfdata.frames.columns import ResultColumns
from sfdata.frames.dtypes import to_pandas

if TYPE_CHECKING:
    import pyarrow.parquet as pq

COMPRESSIONS = ("zstd", "snappy", "gzip", "brotli", "lz4")
ROW_GROUP_ROWS = 32_768
WAITING_BYTES = 32_000_000
"""Arrow data of one table that may wait to be written."""
OPEN_FILES = 128
MOST_PARTITIONS = 10_000
"""More directories than that are a mistake: a column of too many values."""
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
LONGEST_QUERY = 10_000
"""Characters of a query that go into each file's metadata."""
SAMPLE_ROWS = 4_096
SUFFIX = ".parquet"
LONGEST_NAME = 255


@dataclass(frozen=True, slots=True)
class ParquetWritten:
    """What was written; it stands for its path, so that ``pandas.read_parquet`` takes it.

    Attributes:
        path: the file, or the dataset's directory.
        rows: rows in it.
        files: its files.
        children: the same of each child subquery, by relationship.
        truncated: as in a frame's ``attrs``, where a bound left rows out.
    """

    path: Path
    rows: int
    files: tuple[Path, ...]
    children: Mapping[str, ParquetWritten]
    truncated: Mapping[str, Any] | None = None

    def __fspath__(self) -> str:
        return str(self.path)


@dataclass(frozen=True, slots=True)
class ParquetGoal:
    """Where to write, and how: the arguments of `Results.to_parquet`.

    Raises:
        ConfigurationError: one of them is wrong, or contradicts another.
    """

    path: Path
    partition_by: Sequence[str] = ()
    compression: str | None = "zstd"
    row_group_size: int = ROW_GROUP_ROWS
    overwrite: bool = False

    @classmethod
    def at(cls, path: str | os.PathLike[str], partition_by: str | Sequence[str] | None, **options: Any) -> ParquetGoal:
        """The goal at a path, which may be relative or begin with ``~``."""
        if "://" in os.fspath(path):
            hint = "pyarrow.dataset.write_dataset takes to_reader() and a filesystem."
            raise ConfigurationError(f"{os.fspath(path)!r} is no path on this machine", hint=hint)
        columns = [partition_by] if isinstance(partition_by, str) else list(dict.fromkeys(partition_by or ()))
        return cls(Path(path).expanduser().resolve(), columns, **options)

    def __post_init__(self) -> None:
        if self.compression is not None and self.compression not in COMPRESSIONS:
            raise ConfigurationError(f"compression {self.compression!r} is none of {', '.join(COMPRESSIONS)}, or None")
        if self.row_group_size < 1:
            raise ConfigurationError(f"row_group_size must be at least 1, not {self.row_group_size}")
        if self.partition_by and self.is_file:
            hint = f"A path that does not end in {SUFFIX} is one."
            raise ConfigurationError("partitions need a directory", hint=hint)
        if not self.path.parent.is_dir():
            raise ConfigurationError(f"there is no directory {self.path.parent}", hint="Make it first.")

    @property
    def is_file(self) -> bool:
        return self.path.suffix.lower() == SUFFIX

    def beside(self, relationship: str) -> ParquetGoal:
        """Where the rows of a child subquery go."""
        suffix = self.path.suffix if self.is_file else ""
        path = self.path.with_name(f"{self.path.name.removesuffix(suffix)}.{relationship}{suffix}")
        return ParquetGoal(path, (), self.compression, self.row_group_size, self.overwrite)

    def refuse_columns(self, columns: ResultColumns) -> None:
        """Refuse partitions that leave nothing for the files, and goals that are taken.

        Raises:
            ConfigurationError: so it is.
        """
        if self.partition_by and not set(columns.names) - set(self.partition_by):
            raise ConfigurationError("partition_by names every column: nothing is left for the files")
        self.refuse_taken()
        for child in columns.children:
            self.beside(child.key).refuse_columns(child.columns)

    def refuse_taken(self) -> None:
        """Refuse to write over what is there, unless asked to; and over what is no Parquet, even then.

        Raises:
            ConfigurationError: the path is taken.
        """
        path = self.path
        if not os.path.lexists(path) or (not self.is_file and _is_empty_directory(path)):
            return
        if self.is_file and path.is_dir():
            raise ConfigurationError(f"{path} is a directory")
        if not self.overwrite:
            raise ConfigurationError(f"{path} exists", hint="overwrite=True replaces it once all rows have arrived.")
        if not self.is_file and not _is_dataset(path):
            raise ConfigurationError(f"{path} is no Parquet dataset, and is not replaced by one")

    def write(self, batches: Iterable[Batch], about: Callable[[], Mapping[str, Any]]) -> ParquetWritten:
        """Write the rows, and when all have come, put them where they belong.

        Args:
            batches: at least one.
            about: where they come from, asked when they have come.

        Raises:
            ConfigurationError: the goal is taken by now, or there are too many partitions.
            OSError: the disk is full, or the like.
        """
        staging = Path(tempfile.mkdtemp(prefix=f".{self.path.name}.", suffix=".partial", dir=self.path.parent))
        writer = _TableWriter(self, staging, about)
        try:
            for batch in batches:
                writer.add(batch)
            tables = list(writer.tables())
            for table in tables:
                table.finish()
            for table in tables:
                table.goal.refuse_taken()
            for table in tables:  # those below first: where a table stands, all that is linked to it does
                table.publish()
            return writer.written(about().get("truncated"))
        finally:
            for table in writer.tables():
                table.abandon()
            shutil.rmtree(staging, ignore_errors=True)


class _TableWriter:
    """Writes one table, and those linked to it, below ``staging``."""

    def __init__(self, goal: ParquetGoal, staging: Path, about: Callable[[], Mapping[str, Any]]) -> None:
        self.goal = goal
        self._staging = staging
        self._about = about
        self._staged = staging / goal.path.name
        self._children: dict[str, _TableWriter] = {}
        self._waiting = _Waiting()
        self._open: dict[str, _File] = {}
        self._partitions: set[str] = set()
        self._files: list[Path] = []
        self._rows = 0
        if not goal.is_file:
            self._staged.mkdir()

    def tables(self) -> Iterator[_TableWriter]:
        """The writers of the tables linked to this one, at any depth, and then this."""
        for child in self._children.values():
            yield from child.tables()
        yield self

    def add(self, batch: Batch) -> None:
        self._rows += len(batch)
        self._waiting.add(batch.table)
        if self._waiting.rows >= self.goal.row_group_size or self._waiting.nbytes >= WAITING_BYTES:
            self._distribute()
        for name, linked in batch.children.items():
            if name not in self._children:
                self._children[name] = _TableWriter(self.goal.beside(name), self._staging, self._about)
            self._children[name].add(linked.batch)

    def finish(self) -> None:
        """Close the files; there is at least one, with all columns."""
        if self._waiting.rows:
            self._distribute()
        if not self._files:
            self._file("").add(self._waiting.take())
        for file in self._open.values():
            file.close(self._about())
        self._open.clear()

    def publish(self) -> None:
        """Rename what was written."""
        final = self.goal.path
        replaced = self._staging / f"replaced {final.name}"
        if final.is_dir():  # which nothing can be renamed to
            final.rename(replaced)
        try:
            self._staged.replace(final)
        except BaseException:
            if replaced.exists():
                replaced.rename(final)
            raise

    def written(self, truncated: Mapping[str, Any] | None = None) -> ParquetWritten:
        path = self.goal.path
        files = tuple(path / file.relative_to(self._staged) for file in self._files)
        children = {name: child.written() for name, child in self._children.items()}
        return ParquetWritten(path, self._rows, files, children, truncated)

    def abandon(self) -> None:
        for file in self._open.values():
            file.abandon()

    def _distribute(self) -> None:
        """Hand what waits to the files it belongs in."""
        table = self._waiting.take()
        if not self.goal.partition_by:
            self._file("").add(table)
            return
        for directory, rows in _partitioned(table, self.goal.partition_by):
            self._file(directory).add(rows)
        while sum(file.waiting.nbytes for file in self._open.values()) > WAITING_BYTES:
            max(self._open.values(), key=lambda file: file.waiting.nbytes).flush()

    def _file(self, directory: str) -> _File:
        """The file that rows of a partition go to now; the one longest unused is closed when too many are open."""
        file = self._open.pop(directory, None)
        if file is None:
            if len(self._open) == OPEN_FILES:
                self._open.pop(next(iter(self._open))).close(self._about())
            file = _File(self._new_path(directory), self.goal)
        self._open[directory] = file
        return file

    def _new_path(self, directory: str) -> Path:
        self._partitions.add(directory)
        if len(self._partitions) > MOST_PARTITIONS:
            columns = ", ".join(self.goal.partition_by)
            raise ConfigurationError(
                f"more than {MOST_PARTITIONS:,} partitions by {columns}", hint="Choose a column of few values."
            )
        if self.goal.is_file:
            path = self._staged
        else:
            # Numbered through, since names that differ by case alone are one directory on some systems.
            path = self._staged / directory / f"part-{len(self._files)}{SUFFIX}"
            path.parent.mkdir(parents=True, exist_ok=True)
        self._files.append(path)
        return path


class _Waiting:
    """Tables that wait to be written together."""

    def __init__(self) -> None:
        self._tables: list[pa.Table] = []
        self.rows = 0
        self.nbytes = 0

    def add(self, table: pa.Table) -> None:
        if not self.rows:
            self._tables.clear()  # an empty one, which told the columns
        self._tables.append(table)
        self.rows += table.num_rows
        self.nbytes += table.nbytes

    def take(self) -> pa.Table:
        """All of them as one; something must have been added before."""
        table = pa.concat_tables(self._tables)
        self._tables, self.rows, self.nbytes = [table.schema.empty_table()], 0, 0
        return table


class _File:
    """One file, written row group by row group."""

    def __init__(self, path: Path, goal: ParquetGoal) -> None:
        self.waiting = _Waiting()
        self._path = path
        self._goal = goal
        self._writer: pq.ParquetWriter | None = None

    def add(self, table: pa.Table) -> None:
        self.waiting.add(table)
        size = self._goal.row_group_size
        if self.waiting.rows >= size:
            table = self.waiting.take()
            whole = table.num_rows - table.num_rows % size
            self._write(table.slice(0, whole))
            self.waiting.add(table.slice(whole))
        if self.waiting.nbytes >= WAITING_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what waits, as a row group of its own."""
        self._write(self.waiting.take())

    def close(self, about: Mapping[str, Any]) -> None:
        self.flush()
        assert self._writer is not None
        self._writer.add_key_value_metadata(_metadata(self._writer.schema, about))
        self._writer.close()

    def abandon(self) -> None:
        if self._writer is not None:
            with suppress(OSError, pa.ArrowException):
                self._writer.close()

    def _write(self, table: pa.Table) -> None:
        import pyarrow.parquet as pq

        if self._writer is None:
            self._writer = pq.ParquetWriter(
                self._path,
                table.schema,
                compression=self._goal.compression or "none",
                use_dictionary=_repeating(table),
                store_schema=False,  # Parquet's own types say it all, and the metadata of a schema is fixed too early
            )
        if table.num_rows:
            self._writer.write_table(table, self._goal.row_group_size)
            pa.default_memory_pool().release_unused()  # a third of what this takes would only be kept for later


def _repeating(table: pa.Table) -> list[str]:
    """The columns of few values. A dictionary of any other costs time, memory and room."""
    sample = table.slice(0, SAMPLE_ROWS)
    return [
        name
        for name in sample.column_names
        if pc.count_distinct(sample[name], mode="all").as_py() * 4 <= sample.num_rows
    ]


def _metadata(schema: pa.Schema, about: Mapping[str, Any]) -> Mapping[str, str]:
    """What a file tells beside its rows: their provenance, for anyone and in pandas' own place, and pandas' dtypes."""
    told = dict(about)
    if len(query := told.get("query", "")) > LONGEST_QUERY:
        told["query"] = f"{query[:LONGEST_QUERY]}…"
    attrs = json.dumps({"sfdata": told}, ensure_ascii=False)
    return {"sfdata": json.dumps(told, ensure_ascii=False), "PANDAS_ATTRS": attrs, **_pandas_metadata(schema)}


@lru_cache(maxsize=16)
def _pandas_metadata(schema: pa.Schema) -> Mapping[str, str]:
    described = pa.Schema.from_pandas(to_pandas(schema.empty_table()), preserve_index=False)
    return {name.decode(): value.decode() for name, value in described.metadata.items()}


def _partitioned(table: pa.Table, columns: Sequence[str]) -> Iterator[tuple[str, pa.Table]]:
    """The rows of each partition, in their order and without the columns its directory tells.

    https://arrow.apache.org/docs/python/parquet.html#reading-from-partitioned-datasets
    """
    levels = []
    for column in columns:
        values = table[column].combine_chunks().dictionary_encode(null_encoding="encode")
        names = [_directory(column, value) for value in pc.cast(values.dictionary, pa.string()).to_pylist()]
        levels.append(pa.array(names, pa.string()).take(values.indices))
    directories = pc.binary_join_element_wise(*levels, "/").dictionary_encode()
    partition_of = directories.indices.to_numpy()
    order = np.argsort(partition_of, kind="stable")
    stops = np.cumsum(np.bincount(partition_of, minlength=len(directories.dictionary)))
    rest = table.drop_columns(columns)
    start = 0
    for directory, stop in zip(directories.dictionary.to_pylist(), stops.tolist(), strict=True):
        yield directory, rest.take(pa.array(order[start:stop]))
        start = stop


def _directory(column: str, value: str | None) -> str:
    """The directory of one value in Hive's form. Whatever a file's name cannot hold is written as in an address."""
    name = f"{quote(column, safe='')}={NO_VALUE if value is None else quote(value, safe='')}"
    if len(name) > LONGEST_NAME:
        raise ConfigurationError(f"partition_by {column!r}: {value!r} is too long for the name of a directory")
    return name


def _is_empty_directory(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def _is_dataset(path: Path) -> bool:
    """Whether nothing is lost with ``path`` but Parquet files, and those that other writers put beside them."""
    files = (each for each in path.rglob("*") if not each.is_dir())
    return path.is_dir() and all(each.suffix.lower() == SUFFIX or each.name.startswith("_") for each in files)
