"""Lookup: fields of an org's records beside the rows of a frame, by a key that both have.

It is a left join whose right side stays in the org: the frame's distinct keys are asked for, and what comes back is
laid beside every row that has the key. `sfdata.frames.keys` says which keys are one to the org. Rows, their order and
their index stay; new columns are typed by describe, also where no key is found. Whatever describe can tell to be wrong
is refused before anything is sent.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal, Protocol, TypeVar, cast, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from sfdata.errors import BindError, ConfigurationError, InvalidField, SeveralRecords, UnreadableAnswer
from sfdata.frames.columns import ResultColumns, UnknownName, result_columns
from sfdata.frames.dtypes import DtypeBackend, check_backend, to_pandas
from sfdata.frames.keys import ID_TYPES, Comparison, comparison, record_id
from sfdata.metadata import FieldDescribe, ObjectDescribe
from sfdata.soql.nodes import Bind, FieldPath, Membership, Query, SelectField, Source
from sfdata.transfer.engine import Engine
from sfdata.transfer.soql_query import Soql

Many = Literal["error", "first", "all"]
Positions = npt.NDArray[np.int64]
T = TypeVar("T")

MERGE_STATES = ("left_only", "right_only", "both")
"""pandas' words for where the row of a join comes from."""
SHOWN = 3
"""So many offenders does a message name."""

_PATH = re.compile(r"[A-Za-z]\w*(\.[A-Za-z]\w*)*", re.ASCII)


class Reader(Protocol):
    """What a lookup needs of an `sfdata.Org`."""

    def soql(self, text: str, params: Mapping[str, Any], *, all_rows: bool, engine: Engine) -> Soql: ...
    def describe(self, name: str) -> ObjectDescribe: ...


@dataclass(frozen=True, slots=True)
class Lookup:
    """What is looked up, and where; the arguments are those of `sfdata.lookup`."""

    org: Reader
    object_name: str
    fields: str | Sequence[str]
    key: str | None = None
    prefix: str = ""
    many: Many = "error"
    indicator: bool | str = False
    all_rows: bool = False
    engine: Engine = "auto"

    def into(self, frame: T, on: Hashable, dtype_backend: DtypeBackend | None = None) -> T:
        """``frame`` (of pandas, Polars or Arrow) with the fields added: a new frame of the same kind."""
        kind: Any = type(frame)
        if isinstance(frame, pd.DataFrame):
            return cast("T", self._into_pandas(frame, on, dtype_backend))
        if dtype_backend is not None:
            raise ConfigurationError("dtype_backend is for frames of pandas; this one has types of its own")
        if isinstance(frame, pa.Table):
            return cast("T", self._into_arrow(frame, on))
        if kind.__module__.startswith("polars.") and kind.__name__ == "DataFrame":
            return cast("T", self._into_polars(frame, on))
        given = f"{kind.__module__}.{kind.__qualname__}"
        raise ConfigurationError(f"a lookup takes a DataFrame of pandas or Polars or an Arrow table, not {given}")

    def of(self, keys: pd.Series[Any], dtype_backend: DtypeBackend | None = None) -> pd.DataFrame:
        """The fields alone, on the index of ``keys``."""
        check_backend(dtype_backend)
        rows, added = self._join(keys, keys.name, ())
        frame = to_pandas(added, dtype_backend)
        frame.index = keys.index.take(rows)
        return frame

    def columns(self, keys: pd.Series[Any]) -> pa.Table:
        """The fields alone, in Arrow's types: a row for each key, null where no record has it."""
        return self._join(keys, keys.name, ())[1]

    def _into_pandas(self, frame: pd.DataFrame, on: Hashable, dtype_backend: DtypeBackend | None) -> pd.DataFrame:
        check_backend(dtype_backend)
        rows, added = self._join(_keys(frame, on), on, frame.columns.get_level_values(0))
        left = frame if len(rows) == len(frame) else frame.take(rows)
        right = to_pandas(added, dtype_backend)
        right.index = left.index
        if frame.columns.nlevels > 1:
            below = [""] * (frame.columns.nlevels - 1)
            right.columns = pd.MultiIndex.from_tuples([(name, *below) for name in right.columns])
        joined = pd.concat([left, right], axis=1)
        joined.attrs = dict(frame.attrs)
        return joined

    def _into_arrow(self, table: pa.Table, on: Hashable) -> pa.Table:
        _one_of(table.column_names, on)
        keys = pd.Series(table[on].to_pylist(), dtype=object)
        rows, added = self._join(keys, on, table.column_names)
        left = table if len(rows) == table.num_rows else table.take(pa.array(rows))
        for name in added.column_names:
            left = left.append_column(name, added[name])
        return left

    def _into_polars(self, frame: Any, on: Hashable) -> Any:
        _one_of(frame.columns, on)
        rows, added = self._join(pd.Series(frame[on].to_list(), dtype=object), on, frame.columns)
        left = frame if len(rows) == len(frame) else frame[rows]
        return left.hstack(type(frame)(added))

    def _join(self, keys: pd.Series[Any], on: Hashable, taken: Iterable[Any]) -> tuple[Positions, pa.Table]:
        """The rows of the result, each by its position in ``keys``, and the columns that come beside them."""
        if self.many not in get_args(Many):
            raise ConfigurationError(f"many {self.many!r} is none of {', '.join(map(repr, get_args(Many)))}")
        codes, values = _distinct(keys)
        question = self._question(on, values)
        names = [f"{self.prefix}{name}" for name in question.wanted]
        states = ["_merge"] if self.indicator is True else [self.indicator] if self.indicator else []
        self._refuse_collisions([*names, *states], [*taken], on)
        asked = question.asked(values)
        matches = question.matches(self._records(question, asked), asked)
        if self.many == "error":
            matches.refuse_several(values, question)
        rows, positions = matches.beside(codes, first=self.many == "first")
        missing = positions < 0
        added = matches.records.select(question.wanted).rename_columns(names)
        added = added.take(pa.array(positions, mask=missing))
        for name in states:
            found = np.where(missing, MERGE_STATES.index("left_only"), MERGE_STATES.index("both"))
            added = added.append_column(name, pa.DictionaryArray.from_arrays(found.astype(np.int8), list(MERGE_STATES)))
        return rows, added

    # --- the question ------------------------------------------------------------------------------------------------

    def _question(self, on: Hashable, values: Sequence[Any]) -> _Question:
        """What is to be asked of the org, checked against its describe."""
        fields = [self.fields] if isinstance(self.fields, str) else list(self.fields)
        for field in fields:
            if not (isinstance(field, str) and _PATH.fullmatch(field)):
                raise ConfigurationError(f"{field!r} is no field; those are named like Name and Owner.Name")
        if not fields or len({field.casefold() for field in fields}) < len(fields):
            raise ConfigurationError(f"fields must name at least one field, and each once: {fields}")
        base = self.org.describe(self.object_name)
        key = _key(base, self.key, on, values)
        compared = comparison(key)
        if compared is None or not key.filterable:
            raise InvalidField(f"field '{key.name}' can not be filtered in a query call", error_code="INVALID_FIELD")
        wanted = self._columns(base, fields)
        known = {column.path for column in wanted.columns}
        added = [name for name in dict.fromkeys((key.name, "Id")) if (name,) not in known]
        return _Question([*fields, *added], self._columns(base, [*fields, *added]), wanted.names, key, compared)

    def _columns(self, base: ObjectDescribe, fields: Sequence[str]) -> ResultColumns:
        try:
            return result_columns(_query(base.name, fields), self.org.describe)
        except UnknownName as unknown:
            raise _no_field(unknown.object_name, unknown.name, unknown.candidates) from None

    def _refuse_collisions(self, new: list[str], taken: list[Any], on: Hashable) -> None:
        twice = [name for name in dict.fromkeys(new) if (new + taken).count(name) > 1]
        if twice:
            parent = str(on).removesuffix("Id") if on != "Id" else ""
            hint = f'prefix="{parent or self.object_name}." sets the new columns apart.'
            raise ConfigurationError(f"there would be two columns named {', '.join(twice)}", hint=hint)

    def _records(self, question: _Question, asked: Sequence[Hashable | None]) -> pa.Table:
        """The records that have one of the keys. Without a key there are none, and nothing is sent."""
        keys = [key for key in asked if key is not None]
        if not keys:
            return pa.table({column.name: pa.array([], column.kind.arrow) for column in question.columns.columns})
        query = _query(question.columns.object_name, question.fields, question.key)
        return self.org.soql(str(query), {"keys": keys}, all_rows=self.all_rows, engine=self.engine).to_arrow()


@dataclass(frozen=True, slots=True)
class _Question:
    """The fields to select, the ``wanted`` columns among theirs, and the key they are asked by."""

    fields: Sequence[str]
    columns: ResultColumns
    wanted: list[str]
    key: FieldDescribe
    compared: Comparison

    def asked(self, values: Sequence[Any]) -> list[Hashable | None]:
        """Each value as the org is asked for it, None where no record can have it."""
        asked: list[Hashable | None] = []
        wrong = []
        for value in values:
            try:
                asked.append(self.compared.asked(value))
            except ValueError:
                wrong.append(value)
        if wrong:
            name = f"{self.columns.object_name}.{self.key.name}"
            message = f"{name} is compared with {self.compared.wanted}, but the keys hold {_shown(map(repr, wrong))}"
            raise BindError(message, hint="Convert the column, make missing what is no key, or choose another key=.")
        return asked

    def matches(self, records: pa.Table, asked: Sequence[Hashable | None]) -> _Matches:
        """Which records have which key.

        Raises:
            UnreadableAnswer: a record was not asked for, so nobody can say beside which rows it belongs.
        """
        folded = self.compared.folded
        numbers: dict[Hashable, int] = {}
        keys = [-1 if key is None else numbers.setdefault(folded(key), len(numbers)) for key in asked]
        answered = []
        for key in records[self._column(self.key.name)].to_pylist():
            number = None if key is None else numbers.get(folded(key))
            if number is None:
                raise UnreadableAnswer(f"a record was answered whose {self.key.name}, {key!r}, was not asked for")
            answered.append(number)
        ids = np.array(records[self._column("Id")].to_pylist(), dtype=str)
        found = np.array(answered, dtype=np.int64)
        counts = np.bincount(found, minlength=len(numbers) + 1)
        return _Matches(records, ids, np.lexsort((ids, found)), np.array(keys, dtype=np.int64), counts)

    def _column(self, field: str) -> str:
        return next(column.name for column in self.columns.columns if column.path == (field,))


@dataclass(frozen=True, slots=True)
class _Matches:
    """Records by key: ``order`` sorts them by the number of their key and then by Id, ``counts`` says how many have it.

    ``keys`` holds each distinct value's key, -1 for none; the last of ``counts`` is the 0 which that leads to.
    """

    records: pa.Table
    ids: npt.NDArray[np.str_]
    order: Positions
    keys: Positions
    counts: Positions

    def refuse_several(self, values: Sequence[Any], question: _Question) -> None:
        """Hold that each of the values has one record at most.

        Raises:
            SeveralRecords: one has more.
        """
        starts = np.cumsum(self.counts) - self.counts
        several = {
            value: tuple(self.ids[self.order[starts[key] : starts[key] + self.counts[key]]].tolist())
            for value, key in zip(values, self.keys, strict=True)
            if self.counts[key] > 1
        }
        if several:
            named = _shown(f"{value!r} ({_shown(ids)})" for value, ids in several.items())
            message = f"{question.columns.object_name}.{question.key.name} has several records for one key: {named}"
            raise SeveralRecords(message, several)

    def beside(self, codes: Positions, *, first: bool) -> tuple[Positions, Positions]:
        """A left join: rows by their position in ``codes``, and beside each the position of its record, or -1."""
        keys = np.append(self.keys, -1)[codes]
        counts = np.minimum(self.counts, 1) if first else self.counts
        times = np.maximum(counts[keys], 1)
        rows = np.repeat(np.arange(len(codes)), times)
        nth = np.arange(len(rows)) - np.repeat(np.cumsum(times) - times, times)
        at = (np.cumsum(self.counts) - self.counts)[keys[rows]] + nth
        matched = counts[keys[rows]] > 0
        positions = np.full(len(rows), -1, dtype=np.int64)
        positions[matched] = self.order[at[matched]]
        return rows, positions


def _query(object_name: str, fields: Sequence[str], key: FieldDescribe | None = None) -> Query:
    """The fields of all records, or of those whose ``key`` is among ``:keys``."""
    select = tuple(SelectField(FieldPath(tuple(field.split(".")))) for field in fields)
    where = Membership(FieldPath((key.name,)), (Bind("keys"),)) if key else None
    return Query(select, Source((object_name,)), where=where)


# --- the keys ---------------------------------------------------------------------------------------------------------


def _key(base: ObjectDescribe, name: str | None, on: Hashable, values: Sequence[Any]) -> FieldDescribe:
    """The field of ``base`` that the values are keys of: the one named, or what `sfdata.lookup` says of ``key``."""
    if name is not None:
        field = base.field(name)
        if field is None:
            raise _no_field(base.name, name, (field.name for field in base.fields))
        return field
    same = base.field(on) if isinstance(on, str) else None
    if same is not None and (same.type not in ID_TYPES or not values):
        return same
    ids = [record_id(value.strip()) if isinstance(value, str) else None for value in values]
    own = [one is not None and one.startswith(base.get("keyPrefix") or "") for one in ids]
    the_id = base.field("Id")
    if the_id is not None and (all(own) or (same is None and all(ids) and any(own))):
        return the_id
    if same is not None:
        return same
    near = get_close_matches(str(on), [field.name for field in base.fields], n=1)
    raise ConfigurationError(
        f"the keys are no Ids of {base.name}, and it has no field {on!r}",
        hint=f"key= names the field that holds them{f': {near[0]}?' if near else '.'}",
    )


def _keys(frame: pd.DataFrame, on: Hashable) -> pd.Series[Any]:
    """The values of the column, or the index level, called ``on``."""
    columns = frame.columns.tolist()
    _one_of([*columns, *(name for name in frame.index.names if name is not None)], on)
    if on in columns:
        return frame[on]
    return frame.index.get_level_values(list(frame.index.names).index(on)).to_series()


def _one_of(columns: Sequence[Any], on: Hashable) -> None:
    found = columns.count(on)
    if found > 1:
        raise ConfigurationError(f"on {on!r} is ambiguous: {found} columns or index levels are called that")
    if not found:
        near = get_close_matches(str(on), [str(name) for name in columns], n=1)
        hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(map(str, columns))}."
        raise ConfigurationError(f"the frame has no column {on!r}", hint=hint)


def _distinct(keys: pd.Series[Any]) -> tuple[Positions, list[Any]]:
    """The distinct values, and for each row the position of its own among them, -1 where it is missing."""
    try:
        codes, values = pd.factorize(keys)
    except (TypeError, pa.ArrowNotImplementedError):
        raise BindError("a key is a single value, and these hold others, such as lists") from None
    return codes.astype(np.int64), values.tolist()


def _no_field(object_name: str, name: str, candidates: Iterable[str]) -> InvalidField:
    known = {candidate.casefold(): candidate for candidate in candidates}
    near = get_close_matches(name.casefold(), known, n=1)
    hint = f"Did you mean {known[near[0]]}?" if near else None
    return InvalidField(f"No such column '{name}' on entity '{object_name}'.", error_code="INVALID_FIELD", hint=hint)


def _shown(names: Iterable[str]) -> str:
    """The first few, and how many more there are."""
    listed = list(names)
    more = f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else ""
    return ", ".join(listed[:SHOWN]) + more
