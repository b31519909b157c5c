"""An org's first records, from a folder of files named by object: ``Account.csv``, ``Invoice__c.parquet``.

A column is a field's name (``Name``), or the key of a parent: ``Account.Ext__c``, and ``User:Owner.Username`` where
several objects can be the parent. Ids (``Id``, ``AccountId``) and audit fields (``CreatedDate`` …) are kept as they
are, so that an export can be loaded again. Rows may point at rows of any file, their own among them. Each row passes
the checks of a create request; the first mistake ends the loading, and nothing of it stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from sfdata.errors import ConfigurationError
from sfdata.localorg.ids import normalize
from sfdata.localorg.instance import Instance
from sfdata.localorg.records.foresight import Prospect
from sfdata.localorg.records.references import References
from sfdata.localorg.records.validation import RecordRefused, Unreadable, stored_form
from sfdata.localorg.schema import Field, Schema, SObject
from sfdata.localorg.schemafile.table import nearest
from sfdata.localorg.seed_table import SUFFIXES, SeedRow, SeedTable, json_value

SETTING = "seed_files"
ROWS_TOGETHER = 1_000
KEPT = ("Id", "CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById", "SystemModstamp")
"""What a row may bring along although a request may not set it."""


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """One column: the field it fills; ``key`` of ``parent`` where its values name a row of that object."""

    name: str
    field: Field
    parents: tuple[str, ...] = ()
    key: str | None = None

    @property
    def kept(self) -> bool:
        return self.field.name in KEPT

    def nested(self, value: Any) -> Mapping[str, Any]:
        """A parent's key as a request names it."""
        assert self.key is not None
        return {"attributes": {"type": self.parents[0]}, self.key: value}


@dataclass(frozen=True, slots=True)
class SeedFile:
    """A file, the object its rows are of, and its columns."""

    table: SeedTable
    sobject: SObject
    columns: tuple[Column, ...]

    def needs(self, loaded: frozenset[str], coming: frozenset[str]) -> Iterator[Column]:
        """The columns that point at rows of files still to come, this one among them."""
        for column in self.columns:
            if (coming - loaded) & set(column.parents):
                yield column


def load(org: Instance, directory: Path) -> Mapping[str, int]:
    """Load the files of a directory, unless this store has them already, and tell how many rows each object got.

    Raises:
        ConfigurationError: a mistake in a file, by name, row and column; nothing is loaded then.
    """
    known = org.store.setting(SETTING)
    if known is not None:
        return msgspec.json.decode(known, type=dict[str, int])
    files = [_seed_file(org.schema, path) for path in _paths(directory)]
    _refuse_twice(files)
    loader = _Loader(org)
    with org.store.transaction():
        for file, later in _in_order(files):
            loader.load(file, later)
        loader.join()
        org.store.set_setting(SETTING, msgspec.json.encode(loader.loaded).decode())
    return loader.loaded


# --- the files and their columns -------------------------------------------------------------------------------------


def _paths(directory: Path) -> list[Path]:
    if not directory.is_dir():
        raise ConfigurationError(f"There is no directory {directory}.")
    paths = sorted(path for path in directory.iterdir() if path.suffix.lower() in SUFFIXES)
    if not paths:
        raise ConfigurationError(f"The directory {directory} has no file that ends in {' or '.join(SUFFIXES)}.")
    return paths


def _seed_file(schema: Schema, path: Path) -> SeedFile:
    table = SeedTable(path)
    sobject = schema.object(path.stem)
    if sobject is None:
        raise table.wrong(f"the org has no object {path.stem!r}{nearest(path.stem, (o.name for o in schema))}")
    if not sobject.createable:
        raise table.wrong(f"rows of {sobject.name} cannot be created")
    columns = tuple(_column(schema, sobject, table, name) for name in table.header())
    for number, column in enumerate(columns):
        if any(other.field is column.field for other in columns[:number]):
            raise table.wrong(f"another column fills {column.field.name} already", column=column.name)
    return SeedFile(table, sobject, columns)


def _column(schema: Schema, sobject: SObject, table: SeedTable, name: str) -> Column:
    if "." in name:
        return _parent_column(schema, sobject, table, name)
    field = sobject.field(name)
    if field is None:
        problem = f"{sobject.name} has no such field{nearest(name, (f.name for f in sobject.fields))}"
        raise table.wrong(problem, column=name)
    if not field.createable and field.name not in KEPT:
        raise table.wrong("the org fills this field itself; leave the column out", column=name)
    return Column(name, field, field.reference_to)


def _parent_column(schema: Schema, sobject: SObject, table: SeedTable, name: str) -> Column:
    path, _, key = name.rpartition(".")
    wanted, _, relationship = path.rpartition(":")
    field = sobject.parent(relationship)
    if field is None or not field.createable:
        raise table.wrong(f"{sobject.name} has no relationship {relationship!r} to set", column=name)
    parents = [p for p in map(schema.object, field.reference_to) if p and wanted.casefold() in ("", p.name.casefold())]
    for parent in parents:
        found = parent.field(key)
        if found and found.is_key:
            return Column(name, field, (parent.name,), found.name)
    whose = " or ".join(parent.name for parent in parents) or wanted
    raise table.wrong(f"{key} is no external id or other key of {whose}", column=name)


def _refuse_twice(files: Iterable[SeedFile]) -> None:
    seen: dict[str, SeedFile] = {}
    for file in files:
        other = seen.setdefault(file.sobject.name, file)
        if other is not file:
            raise file.table.wrong(f"{other.table.path.name} has the rows of {file.sobject.name} already")


def _in_order(files: Sequence[SeedFile]) -> Iterator[tuple[SeedFile, Sequence[Column]]]:
    """The files, parents before children where that is possible, each with the columns to be filled afterwards."""
    coming = frozenset(file.sobject.name for file in files)
    loaded: frozenset[str] = frozenset()
    waiting = list(files)
    while waiting:
        # The fewest columns put off; one that no row may lack only where there is no other way.
        needs = [(file, tuple(file.needs(loaded, coming))) for file in waiting]
        file, later = min(needs, key=lambda need: (sum(not c.field.nillable for c in need[1]), _others(need)))
        yield file, later
        loaded |= {file.sobject.name}
        waiting.remove(file)


def _others(need: tuple[SeedFile, Sequence[Column]]) -> int:
    file, columns = need
    return sum(set(column.parents) != {file.sobject.name} for column in columns)


# --- the rows --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Later:
    """A value whose parent may not be there yet."""

    file: SeedFile
    place: str
    record_id: str
    column: Column
    value: Any


def _given(file: SeedFile, row: SeedRow) -> dict[Column, Any]:
    """The values of a row that are not empty."""
    values = {c: json_value(c.field, v) for c, v in zip(file.columns, row.values, strict=True)}
    return {column: value for column, value in values.items() if value is not None}


def _body(values: Mapping[Column, Any]) -> dict[str, Any]:
    """A row as a create request would have it, without what is kept."""
    return {
        str(c.field.relationship_name) if c.key else c.field.name: c.nested(value) if c.key else value
        for c, value in values.items()
        if not c.kept
    }


class _Loader:
    """Puts rows into the org, and what points at later rows afterwards."""

    def __init__(self, org: Instance) -> None:
        self.loaded: dict[str, int] = {}
        self._records, self._store, self._user_id = org.records, org.store, org.user_id
        self._references = References(org.store)
        self._later: list[Later] = []

    def load(self, file: SeedFile, later: Sequence[Column]) -> None:
        """Add the rows of one file, without the columns that come ``later``."""
        count, rows = 0, file.table.rows()
        while chosen := list(islice(rows, ROWS_TOGETHER)):
            given = [_given(file, row) for row in chosen]
            now = [{column: value for column, value in values.items() if column not in later} for values in given]
            ids = [value for values in given for column, value in values.items() if column.field.type == "id"]
            with self._records.together(Prospect(file.sobject, [_body(values) for values in now], values=ids)):
                for row, values, all_values in zip(chosen, now, given, strict=True):
                    record_id = self._create(file, row, values)
                    self._later += [
                        Later(file, row.place, record_id, c, v) for c, v in all_values.items() if c in later
                    ]
            count += len(chosen)
        self.loaded[file.sobject.name] = count

    def join(self) -> None:
        """Fill what had to wait for all rows to be there."""
        for item in self._later:
            try:
                wanted = self._reference(item.file.sobject, item.column, item.value)
            except RecordRefused as refused:
                raise item.file.table.wrong(refused.message, item.place, item.column.name) from None
            self._store.update(item.file.sobject, item.record_id, {item.column.field.name: wanted})

    def _create(self, file: SeedFile, row: SeedRow, values: Mapping[Column, Any]) -> str:
        kept = {c.field.name: self._kept(file, row, c, value) for c, value in values.items() if c.kept}
        try:
            return self._records.create(file.sobject, _body(values), self._user_id, kept=kept)
        except RecordRefused as refused:
            raise file.table.wrong(refused.message, row.place, self._blamed(file, values, refused)) from None

    def _kept(self, file: SeedFile, row: SeedRow, column: Column, value: Any) -> Any:
        """A value that is stored as it is given; checked here, since no request can have it."""
        try:
            if column.field.type == "reference":
                return self._reference(file.sobject, column, value)
            stored = stored_form(column.field, value)
        except RecordRefused as refused:
            raise file.table.wrong(refused.message, row.place, column.name) from None
        if column.field.type == "id":
            prefix = file.sobject.key_prefix
            if normalize(value) is None or stored[:3] != prefix:
                problem = f"{value!r} is no Id of {file.sobject.name}: those begin with {prefix}"
                raise file.table.wrong(problem, row.place, column.name)
            if self._store.get(file.sobject, stored) is not None:
                raise file.table.wrong(f"there is a row {value} already", row.place, column.name)
        return stored

    def _reference(self, sobject: SObject, column: Column, value: Any) -> str | None:
        if column.key is not None:
            return self._references.by_external_id(column.field, column.nested(value))
        stored: str | None = stored_form(column.field, value)
        problems = self._references.problems(sobject, {column.field.name: stored})
        if problems:
            raise RecordRefused(problems)
        return stored

    def _blamed(self, file: SeedFile, values: Mapping[Column, Any], refused: RecordRefused) -> str:
        """The column that a refusal is about, as far as it can be told."""
        named = {refused.field_name} if isinstance(refused, Unreadable) else set(refused.errors[0].fields or ())
        for column in file.columns:
            if column.field.name in named or (column.field.unique and column.field.name in refused.message.split()):
                return column.name
        for column, value in values.items():
            if column.field.type == "reference" and not column.kept:
                try:
                    self._reference(file.sobject, column, value)
                except RecordRefused:
                    return column.name
        return ""
