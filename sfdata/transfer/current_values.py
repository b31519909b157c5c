"""What an org has now in the records that the rows of a frame mean: the values of the columns a push would write.

    rows to be written ─ cells ─→ key values ─ lookup ─→ Ids, stamps and values, a place for each row

A column that names a parent by a key (``Account.Ext__c``) is read twice: by that key, and by the reference itself,
which alone says what to go back to where the parent's key is empty.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sfdata.api.describe import DescribeCache
from sfdata.errors import Problem, PushRefused, SeveralRecords
from sfdata.frames.cells import CLEARED, TEXT
from sfdata.frames.encode import Rows
from sfdata.frames.keys import comparison
from sfdata.frames.stored import Mask, stored, unlike
from sfdata.frames.write_columns import WriteColumn
from sfdata.metadata import FieldDescribe, ObjectDescribe
from sfdata.resilience.hooks import Hooks
from sfdata.transfer.engine import Engine
from sfdata.transfer.lookup import Lookup, Reader
from sfdata.transfer.soql_query import Soql
from sfdata.transport.http_session import HttpSession

Positions = npt.NDArray[np.int64]

SLICE_ROWS = 65_536
STAMPS = ("SystemModstamp", "LastModifiedDate")
"""Which field tells when a record was last changed: the first that the object has."""


@dataclass(frozen=True, slots=True)
class OrgReader:
    """An org as a lookup needs it, of the parts of a connection."""

    session: HttpSession
    describes: DescribeCache
    hooks: Hooks

    def soql(
        self, text: str, params: Mapping[str, Any] | None = None, *, all_rows: bool = False, engine: Engine = "auto"
    ) -> Soql:
        return Soql(self.session, self.describes, self.hooks, text, params, all_rows=all_rows, engine=engine)

    def describe(self, name: str) -> ObjectDescribe:
        return self.describes.object(name)


# --- what a frame would write ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Wanted:
    """One column as it would be written: its ``cells`` as texts, null where the field is left alone."""

    column: WriteColumn
    cells: pa.Array

    @property
    def field(self) -> FieldDescribe:
        """The field that the values are of: for a parent named by a key, that key."""
        return self.column.key or self.column.field

    @cached_property
    def cleared(self) -> Mask:
        """Where the field is to be emptied."""
        flags: Mask = pc.fill_null(pc.equal(self.cells, CLEARED), False).to_numpy(zero_copy_only=False)
        return flags

    @cached_property
    def given(self) -> Mask:
        """Where the field is to be written, emptied too."""
        flags: Mask = self.cells.is_valid().to_numpy(zero_copy_only=False)
        return flags

    @cached_property
    def values(self) -> pa.Array:
        """What the field will hold, as it is read; null where it is left alone or emptied."""
        emptied = pa.array(self.cleared)
        return stored(self.field, pc.if_else(emptied, pa.scalar(None, TEXT), self.cells))

    def only(self, rows: Mask) -> Wanted:
        """The same, with all other rows left alone."""
        return Wanted(self.column, pc.if_else(pa.array(rows), self.cells, pa.scalar(None, TEXT)))

    def take(self, rows: Positions) -> Wanted:
        """Some of the rows."""
        return Wanted(self.column, self.cells.take(pa.array(rows)))

    def kept(self, read: pa.Array) -> pa.Array:
        """What was read of the field, so that it compares with `values`."""
        return stored(self.field, read)

    @property
    def path(self) -> str:
        """How a query selects it."""
        return self.column.header.rpartition(":")[2]


def wanted(rows: Rows) -> list[Wanted]:
    """What the rows of a frame would write, column by column.

    Raises:
        PushRefused: all that is wrong with their values.
    """
    count, pieces = rows.source.rows, list[list[pa.Array]]()
    for start in range(0, max(count, 1), SLICE_ROWS):
        pieces.append([pc.cast(cells, TEXT) for cells in rows.cells(start, min(start + SLICE_ROWS, count))])
    columns = zip(rows.columns, zip(*pieces, strict=True), strict=True)
    return [Wanted(column, pa.chunked_array(cells, TEXT).combine_chunks()) for column, cells in columns]


def refuse_repeated(rows: Rows, key: Wanted) -> None:
    """Hold that no two rows mean one record.

    Raises:
        PushRefused: two do, so nobody can say which of them is to be compared.
    """
    codes, _ = pd.factorize(np.array(folded_keys(key), dtype=object))
    counts = np.bincount(codes[codes >= 0], minlength=1)
    again = np.flatnonzero((codes >= 0) & (counts[codes] > 1))
    if len(again):
        reason = "stands in the frame more than once"
        hint = f'frame.drop_duplicates("{key.column.name}") keeps the first of each.'
        places = again[: PushRefused.SHOWN * 20].tolist()
        problems = [Problem(reason, key.column.name, place, rows.source.label(place)) for place in places]
        raise PushRefused(problems, hint=hint)


def folded_keys(key: Wanted) -> list[Hashable | None]:
    """The keys such that two are equal where the org calls them so; None where one is missing."""
    compared = comparison(key.field)
    assert compared is not None  # keys are texts, numbers or Ids
    return [None if one is None else compared.folded(one) for one in key.values.to_pylist()]


def part_of(source: Any, names: Sequence[Any]) -> Any:
    """The frame, or table, with some of its columns."""
    return source[list(names)] if isinstance(source, pd.DataFrame) else source.select(list(names))


# --- what the org has ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Current:
    """Records as they are, a place for each row: null, throughout, where the org has none.

    Attributes:
        ids: of the records.
        stamps: when each was last changed, to the second; None where the object does not tell.
        values: by the path they are selected by.
    """

    ids: pa.Array
    stamps: pa.Array | None
    values: Mapping[str, pa.Array]

    @property
    def found(self) -> Mask:
        """Where there is a record."""
        flags: Mask = self.ids.is_valid().to_numpy(zero_copy_only=False)
        return flags

    def take(self, rows: Positions) -> Current:
        """The records of some rows."""
        places = pa.array(rows)
        stamps = None if self.stamps is None else self.stamps.take(places)
        return Current(self.ids.take(places), stamps, {path: one.take(places) for path, one in self.values.items()})


def current(org: Reader, base: ObjectDescribe, key: FieldDescribe, keys: pa.Array, paths: Sequence[str]) -> Current:
    """The records whose ``key`` is among ``keys``, in their order; a missing key has none.

    Args:
        keys: as `stored` gives them.
        paths: what to select beside the Id and the stamp.

    Raises:
        SeveralRecords: a key has more than one record.
        InvalidField, IncompleteResult …: as of `sfdata.lookup`.
    """
    stamp = next((name for name in STAMPS if base.field(name)), None)
    fields = list(dict.fromkeys(["Id", *([stamp] if stamp else []), *paths]))
    lookup = Lookup(org, base.name, fields, key.name)
    try:
        table = lookup.columns(pd.Series(keys.to_pylist(), dtype=object, name=key.name)).combine_chunks()
    except SeveralRecords as several:
        hint = f"{key.name} does not tell records apart; go by their Id."
        raise SeveralRecords(several.message, several.records, hint=hint) from None
    columns = {name: column.combine_chunks() for name, column in zip(fields, table.columns, strict=True)}
    return Current(columns["Id"], columns[stamp] if stamp else None, columns)


def paths_of(columns: Sequence[WriteColumn]) -> list[str]:
    """What to select for these columns: the fields, and for parents named by a key that key too."""
    fields = [column.field.name for column in columns]
    return list(dict.fromkeys([*fields, *(Wanted(one, pa.nulls(0)).path for one in columns if one.key)]))


def changes(want: Wanted, records: Current) -> Mask:
    """Which rows would give an existing record's field another value."""
    ours, theirs = want.values, want.kept(records.values[want.path])
    differs = unlike(want.field, ours, theirs, as_key=want.column.key is not None)
    emptied = records.values[want.column.field.name].is_valid().to_numpy(zero_copy_only=False)
    empties = want.given & ~ours.is_valid().to_numpy(zero_copy_only=False)
    found: Mask = records.found & want.given & np.where(empties, emptied, differs)
    return found
