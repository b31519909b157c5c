"""What will go wrong with a frame that is pushed, predicted from describe before anything is sent: one row per problem.

    names ─ write_columns ─→ columns ─ describe ─→ not writeable, required but missing
    values ─ encode ─→ cells ─ field_rules ─→ too long, not allowed, too large …
    keys of all rows ─→ missing, the same twice

A problem is ``certain`` where the org will refuse the row (``code`` is what it will answer), or where sfdata itself
does, as the value has no faithful form in its field (no code). It is ``likely`` where only the org can know.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, get_args

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sfdata.error_texts import HINTS
from sfdata.errors import Problem, PushRefused
from sfdata.frames.cells import CLEARED, REPAIRS, TEXT, form_of
from sfdata.frames.columns import Describe
from sfdata.frames.encode import Places, RowSlice, shown, type_problems
from sfdata.frames.field_rules import KeyPrefixes, Severity, Wrong, trimmed, wrong_cells
from sfdata.frames.input_frame import InputFrame, input_frame
from sfdata.frames.record_parts import LARGEST_PART
from sfdata.frames.write_columns import NEEDS_ID, ONLY_ID, NullPolicy, Operation, WriteColumn, found_columns
from sfdata.metadata import FieldDescribe, ObjectDescribe

MOST_ALIKE = 100
"""Problems listed of one kind in one column; how many more there are is told in one line."""
MOST_LISTED = 5_000
TRANSACTION_ROWS = 200
"""Rows of a job that an org writes together; among these it sees a key that stands there twice.
https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/how_requests_are_processed.htm"""
CLOSED_FIELD, REPEATED = "INVALID_FIELD_FOR_INSERT_UPDATE", "DUPLICATE_VALUE"
_SLICE_ROWS = 16_384
_BATCH_ROWS = 10_000
_LONGEST_NUMBER = 40

COLUMNS: Mapping[str, str] = {
    "row": "Int64",
    "label": "object",
    "column": "str",
    "severity": "category",
    "code": "str",
    "problem": "str",
    "value": "str",
    "rows": "Int64",
    "hint": "str",
}
_SEVERITIES = pd.CategoricalDtype(list(get_args(Severity)))


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a check. ``row`` is None where several are meant, ``rows`` of them; ``{}`` stands for the value.

    ``in_rows`` says that it lies in single rows, and that all would be well without them.
    """

    reason: str
    severity: Severity = "certain"
    column: str | None = None
    code: str | None = None
    hint: str | None = None
    row: int | None = None
    label: Hashable = None
    value: str | None = None
    rows: int = 1
    in_rows: bool = False

    @property
    def problem(self) -> Problem:
        """The finding as an error tells it."""
        reason = self.words if self.value is None else self.reason.replace("{}", self.value)
        return Problem(f"{reason} ({self.code})" if self.code else reason, self.column, self.row, self.label)

    @property
    def words(self) -> str:
        """What is wrong, without the value."""
        return self.reason.removeprefix("{}").removeprefix(":").strip().replace("{}", "…")


Told = Callable[[Finding, Places], None]
"""Told of a kind of problem, and the positions of the rows that have it."""


def check(
    frame: Any,
    object_name: str,
    describe: Describe,
    operation: Operation,
    *,
    key: str | None = None,
    nulls: NullPolicy = "leave",
    part_rows: int | None = None,
    prefixes: KeyPrefixes | None = None,
    tell: Told | None = None,
) -> list[Finding]:
    """Every problem that can be foreseen, in the order of the rows; those of whole columns come first.

    Args:
        prefixes: of Ids by object, as far as they are known; None checks no references.
        tell: told of every single row that is certain to fail, also of those beyond what is listed.

    Raises:
        ConfigurationError: arguments that contradict each other; no frame.
    """
    try:
        source = input_frame(frame)
    except PushRefused as refused:
        return [_of_frame(problem, 0) for problem in refused.problems]
    columns, problems = found_columns(source.names, object_name, describe, operation, key, nulls)
    of_types = {column.name: list(type_problems(column, source)) for column in columns}
    findings = _Findings(source, tell)
    of_columns = [*problems, *(one for some in of_types.values() for one in some)]
    findings.listed += [_of_frame(problem, source.rows, source.levels) for problem in of_columns]
    sound = [column for column in columns if not of_types[column.name]]
    base = describe(object_name)
    findings.listed += _closed_object(base, operation, source.rows)
    findings.listed += _not_given(base, columns, operation, source.rows)
    _Values(findings, base, operation, base.field(key) if key else None, sound, prefixes or {}, part_rows).check()
    return findings.all()


def check_frame(findings: Sequence[Finding]) -> pd.DataFrame:
    """Findings as a frame.

    Returns:
        ``row`` (Int64, the position; missing where several rows are meant), ``label`` (object, of the frame's index),
        ``column``, ``severity`` (category: certain, likely), ``code``, ``problem``, ``value`` (str, an excerpt),
        ``rows`` (Int64, how many are meant), ``hint``.
    """
    lines = [
        (f.row, f.label, f.column, f.severity, f.code, f.words, f.value, f.rows, f.hint or HINTS.get(f.code or ""))
        for f in findings
    ]
    data = {
        name: pd.Series([line[n] for line in lines], dtype=_SEVERITIES if name == "severity" else dtype)
        for n, (name, dtype) in enumerate(COLUMNS.items())
    }
    return pd.DataFrame(data)


def _of_frame(problem: Problem, rows: int, levels: Sequence[str] = ()) -> Finding:
    hidden = problem.column is None and any(f" {level} is missing" in problem.reason for level in levels)
    hint = "df.reset_index() makes a column of the index." if hidden else None
    return Finding(problem.reason, column=problem.column, rows=rows, hint=hint)


# --- what is wrong with all rows -------------------------------------------------------------------------------------

_RIGHTS: Mapping[str, tuple[str, ...]] = {
    "insert": ("createable",),
    "update": ("updateable",),
    "upsert": ("createable", "updateable"),
    "delete": ("deletable",),
    "hardDelete": ("deletable",),
}
"""What describe must say of the object, one of them at least, and of a field that is written."""


def _closed_object(base: ObjectDescribe, operation: Operation, rows: int) -> Iterator[Finding]:
    if not any(base.get(right, True) for right in _RIGHTS[operation]):
        code = "INVALID_TYPE_FOR_OPERATION" if operation in ONLY_ID else "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"
        wanted = " nor ".join(_RIGHTS[operation])
        yield Finding(f"{base.name} is not {wanted} for this user", code=code, rows=rows)


def _not_given(
    base: ObjectDescribe, columns: Sequence[WriteColumn], operation: Operation, rows: int
) -> Iterator[Finding]:
    """Required fields that have no column; an upsert needs them for new records only."""
    if operation not in ("insert", "upsert"):
        return
    given = {column.field.name for column in columns}
    for one in base.fields:
        if one.required and one.name not in given:
            severity: Severity = "certain" if operation == "insert" else "likely"
            reason = f"{one.name} is required of new records, and no column gives it"
            yield Finding(reason, severity, one.name, "REQUIRED_FIELD_MISSING", rows=rows)


def _closed_field(column: WriteColumn, operation: Operation, key: FieldDescribe | None) -> Severity | None:
    """Whether values of this column are refused, as nobody, or this user, may write the field."""
    if column.field.type == "id":
        return None
    rights = [getattr(column.field, right) for right in _RIGHTS[operation]]
    if all(rights):
        return None
    if column.field is key:
        return None if rights[0] else "likely"
    return "likely" if any(rights) else "certain"


# --- what is wrong with values ---------------------------------------------------------------------------------------


@dataclass
class _Findings:
    """Findings so far: each kind is listed up to a bound, and counted beyond."""

    source: InputFrame
    tell: Told | None
    listed: list[Finding] = field(default_factory=list)
    counts: dict[Finding, int] = field(default_factory=dict)
    rows: list[Finding] = field(default_factory=list)

    def add(self, kind: Finding, positions: Places, values: pa.Array | None) -> None:
        """Rows with a problem; ``kind`` is the finding without its row."""
        kind = replace(kind, in_rows=True)
        if self.tell and kind.severity == "certain":
            self.tell(kind, positions)
        seen = self.count(kind, len(positions))
        room = max(0, min(MOST_ALIKE - seen, MOST_LISTED - len(self.rows)))
        for n, position in enumerate(positions[:room].tolist()):
            value = None if values is None or "{}" not in kind.reason else shown(values[n])
            self.rows.append(replace(kind, row=position, label=self.source.label(position), value=value))

    def count(self, kind: Finding, rows: int) -> int:
        """Rows of a problem that lies in their column; how many there were before."""
        seen = self.counts.get(kind, 0)
        self.counts[kind] = seen + rows
        return seen

    def all(self) -> list[Finding]:
        """What lies in columns, the rows in order, and for each kind how many more rows there are."""
        listed = Counter(replace(one, row=None, label=None, value=None) for one in self.rows)
        columns = [replace(kind, rows=count) for kind, count in self.counts.items() if not listed[kind]]
        rest = [
            replace(kind, reason=f"and {count - listed[kind]:,} more rows: {kind.words}", rows=count - listed[kind])
            for kind, count in self.counts.items()
            if 0 < listed[kind] < count
        ]
        return [*self.listed, *columns, *sorted(self.rows, key=lambda one: one.row or 0), *rest]


@dataclass
class _Values:
    """Looks at the values of a frame, slice by slice."""

    findings: _Findings
    base: ObjectDescribe
    operation: Operation
    key: FieldDescribe | None
    columns: Sequence[WriteColumn]
    prefixes: KeyPrefixes
    part_rows: int | None
    characters: int = 0
    kept: dict[str, list[pa.Array]] = field(default_factory=dict)

    def check(self) -> None:
        rows = self.findings.source.rows
        for start in range(0, rows, _SLICE_ROWS):
            self._slice(start, min(start + _SLICE_ROWS, rows))
        for column in self.columns:
            if column.name in self.kept:
                self._repeated(column, pa.chunked_array(self.kept[column.name]).combine_chunks())

    def _slice(self, start: int, stop: int) -> None:
        refused: dict[str | None, list[Places]] = {}

        def tell(column: WriteColumn | None, reason: str, positions: Places, values: pa.Array) -> None:
            name = column.name if column else None
            if len(positions):
                refused.setdefault(name, []).append(positions - start)
                spelling = column and reason.startswith(("{} is no ", "{} is neither "))
                hint = REPAIRS.get(form_of(column.type)) if column and spelling else None
                self.findings.add(Finding(reason, column=name, hint=hint), positions, values)

        rows = RowSlice(self.findings.source, start, stop, self.operation != "insert", tell)
        arrays = [rows.cells(column) for column in self.columns]
        if not refused:
            rows.check_length(arrays)
        for column, cells in zip(self.columns, arrays, strict=True):
            self.characters += 2 * cells.nbytes + _LONGEST_NUMBER * len(cells)
            sound = np.full(stop - start, True)
            for places in refused.get(column.name, ()):
                sound[places] = False
            self._column(column, cells, start, sound)

    def _column(self, column: WriteColumn, cells: pa.Array, start: int, sound: Any) -> None:
        """The cells of one column; those that are not ``sound`` have been refused already."""
        if not sound.all():
            cells = pc.if_else(pa.array(sound), cells, pa.scalar(None, cells.type))
        closed = _closed_field(column, self.operation, self.key)
        if closed and cells.null_count < len(cells):
            which = {"insert": "created", "update": "updated"}.get(self.operation, "created and updated")
            reason = f"{column.field.name} cannot be written where records are {which}"
            kind = Finding(reason, closed, column.name, CLOSED_FIELD)
            self.findings.count(kind, len(cells) - cells.null_count)
        cleared = pc.equal(cells, CLEARED) if cells.type == TEXT else pa.repeat(False, len(cells))
        values = pc.if_else(cleared, pa.scalar(None, cells.type), cells) if pc.any(cleared).as_py() else cells
        for wrong in (
            *wrong_cells(column.key or column.field, values, self.prefixes),
            *self._own_ids(column, values),
            *self._emptied(column, values, pc.fill_null(cleared, False), pa.array(sound)),
        ):
            self._add(column, values, start, wrong)
        if self._is_told_apart(column):
            self.kept.setdefault(column.name, []).append(_folded(column.field, values))

    def _own_ids(self, column: WriteColumn, ids: pa.Array) -> Iterator[Wrong]:
        """Ids of other objects, where they say which records are meant."""
        prefix = self.base.get("keyPrefix")
        if column.field.type == "id" and self.operation in NEEDS_ID and prefix:
            yield Wrong(pc.invert(pc.starts_with(ids, prefix)), f"{{}} is no Id of {self.base.name}", "MALFORMED_ID")

    def _add(self, column: WriteColumn, cells: pa.Array, start: int, wrong: Wrong) -> None:
        places = np.flatnonzero(pc.fill_null(wrong.where, False))
        if len(places):
            kind = Finding(wrong.reason, wrong.severity, column.name, wrong.code, wrong.hint)
            self.findings.add(kind, start + places, cells.take(pa.array(places[:MOST_ALIKE])))

    def _emptied(self, column: WriteColumn, values: pa.Array, cleared: pa.Array, sound: pa.Array) -> Iterator[Wrong]:
        """Cells that would leave a field empty that must not be; white space alone is no value."""
        blank = pa.repeat(False, len(values))
        if values.type == TEXT and pc.any(pc.less_equal(pc.utf8_length(values), 3)).as_py():
            blank = pc.fill_null(pc.equal(trimmed(values), ""), False)
        if column.missing == "refuse":
            yield Wrong(blank, "is blank, and tells which record is meant", "MISSING_ARGUMENT")
            return
        if column.field.type == "id" or column.field.nillable or column.field.type == "boolean":
            return
        emptied = pc.or_(blank, cleared)
        unsaid = pc.and_(values.is_null(), pc.and_(sound, pc.invert(cleared)))
        code = "INVALID_CROSS_REFERENCE_KEY" if column.field.name == "OwnerId" else "REQUIRED_FIELD_MISSING"
        required, reason = column.field.required, "is empty, and the field is required"
        if self.operation == "insert" and required:
            yield Wrong(pc.or_(unsaid, emptied), reason, code)
        elif self.operation == "upsert":
            yield Wrong(emptied, reason, code, "certain" if required else "likely")
            if required:
                yield Wrong(unsaid, "is empty, and the field is required of new records", code, "likely")
        elif self.operation == "update":
            yield Wrong(emptied, reason, code)

    # --- values that must not stand in a frame twice -----------------------------------------------------------------

    def _is_told_apart(self, column: WriteColumn) -> bool:
        is_key = column.field is self.key or (column.field.type == "id" and self.operation in NEEDS_ID)
        return column.key is None and (is_key or column.field.unique)

    def _repeated(self, column: WriteColumn, folded: pa.Array) -> None:
        coded = folded.dictionary_encode()
        codes = pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False)
        counts = np.bincount(codes[codes >= 0], minlength=1)
        if counts.max() < 2:
            return
        places = np.flatnonzero((codes >= 0) & (counts[np.maximum(codes, 0)] > 1))
        together = self._together(column, folded, codes, places)
        is_key = column.field is self.key or column.field.type == "id"
        reason = "{} stands in the frame more than once"
        hint = f'frame.drop_duplicates("{column.name}") keeps the first of each.' if is_key else None
        for chosen, severity in zip((together, ~together), get_args(Severity), strict=True):
            wrong = places[chosen]
            if len(wrong):
                kind = Finding(reason, severity, column.name, REPEATED, hint)
                self.findings.add(kind, wrong, folded.take(pa.array(wrong[:MOST_ALIKE])))

    def _together(self, column: WriteColumn, folded: pa.Array, codes: Places, places: Places) -> Any:
        """Which of the rows with repeated keys are sure to meet their twin in one transaction of an upsert."""
        rows, part = len(codes), self.part_rows or len(codes)
        one_part = self.characters <= LARGEST_PART and rows <= _BATCH_ROWS
        if column.field is not self.key or not one_part:
            return np.zeros(len(places), bool)
        transactions = places // part * (part // TRANSACTION_ROWS + 1) + places % part // TRANSACTION_ROWS
        pairs = transactions * (int(codes.max()) + 1) + codes[places]
        _, which, counts = np.unique(pairs, return_inverse=True, return_counts=True)
        met = counts[which] > 1
        if folded.type == TEXT:  # of other letters nobody is sure how an org compares their cases
            met &= pc.string_is_ascii(folded.take(pa.array(places))).to_numpy(zero_copy_only=False)
        return met


def _folded(described: FieldDescribe, values: pa.Array) -> pa.Array:
    """Values such that two are the same where the org calls them so."""
    if values.type != TEXT:
        return values
    texts = trimmed(values)
    texts = pc.if_else(pc.equal(texts, ""), pa.scalar(None, TEXT), texts)
    is_id = described.type in ("id", "reference")
    return texts if described.case_sensitive or is_id else pc.utf8_lower(texts)
