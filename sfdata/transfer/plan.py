"""A plan: what a push of a frame would do to an org, row by row and field by field, before it is done.

    frame ─ diff ─→ Plan: create, change, same, conflict, gone ─ resolve ─→ apply ─ read again ─→ a push of what differs

A plan writes nothing until it is applied, once. What has been changed in the org between is not overwritten but told.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from html import escape
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sfdata.errors import ConfigurationError, UnresolvedConflicts
from sfdata.frames.stored import Mask
from sfdata.plain_text import plain
from sfdata.transfer.before_image import FILE, BeforeImage
from sfdata.transfer.current_values import OrgReader, Wanted, current, paths_of
from sfdata.transfer.diff import Diff, FieldDiff
from sfdata.transfer.draft import Draft, left_out, written_column
from sfdata.transfer.planning import PushRequest, rows_at
from sfdata.transfer.push_result import PushResult, counts_table
from sfdata.transfer.undo import Send, Whose

Positions = npt.NDArray[np.int64]

KINDS = ("create", "change", "same", "conflict", "gone")
"""What becomes of a row; each is one of them."""
CREATE, CHANGE, SAME, CONFLICT, GONE = range(len(KINDS))
_LINE = {"Id": "str", "field": "str"}
CHANGE_TYPES = {**_LINE, "before": object, "after": object}
CONFLICT_TYPES = {**_LINE, "base": object, "theirs": object, "ours": object, "changed": "datetime64[ms, UTC]"}
SHOWN = 8
"""Lines of changes, and of conflicts, that are shown."""
_LONGEST_VALUE = 50


class Plan:
    """What would be done with the rows of a frame. Make one with `sfdata.Org.diff`.

    Attributes:
        excluded: the frame's columns that are not written, and why: ``{"CreatedDate": "cannot be written"}``.
        watching: entered while it is applied, by whoever shows how far that has come.
    """

    def __init__(self, org: OrgReader, diff: Diff, send: Send) -> None:
        self._org = org
        self._diff = diff
        self._send = send
        self._changed = [field.changed.copy() for field in diff.fields]
        self._asked = [field.verdict.asked.copy() for field in diff.fields]
        self._applied = False
        self.watching: Callable[[], AbstractContextManager[object]] = nullcontext
        self.excluded: Mapping[str, str] = dict(diff.excluded)

    # --- what would be done ------------------------------------------------------------------------------------------

    @property
    def counts(self) -> dict[str, int]:
        """Rows of each kind: create, change, same, conflict, gone."""
        return dict(zip(KINDS, np.bincount(self._kinds, minlength=len(KINDS)).tolist(), strict=True))

    @property
    def create(self) -> pd.DataFrame:
        """The rows of the frame that no record has the key of, with the columns that are written, on its index."""
        return self._rows(CREATE)

    @property
    def same(self) -> pd.DataFrame:
        """The rows of the frame that change nothing, as the org has their values or is to keep its own."""
        return self._rows(SAME)

    @property
    def gone(self) -> pd.DataFrame:
        """The rows of the frame whose Id no record has (any more); they are not sent."""
        return self._rows(GONE)

    @property
    def change(self) -> pd.DataFrame:
        """The changes field by field: a line for each, in the order of the rows, under the label of its row.

        ``Id`` of the record and ``field`` (str), what it holds ``before`` and ``after`` (object: text, float, int,
        bool, date, datetime in UTC, time; None for nothing).
        """
        return self._fields(CHANGE, self._changed, self._two_sides, CHANGE_TYPES)

    @property
    def conflict(self) -> pd.DataFrame:
        """The fields of which nobody has decided whose value is to stand, listed as in `change`.

        ``Id``, ``field``, what it held at first (``base``, where that was given), ``theirs``, ``ours``, and when the
        record was last ``changed`` (datetime64[ms, UTC]).
        """
        return self._fields(CONFLICT, self._asked, self._three_sides, CONFLICT_TYPES)

    def resolve(
        self, take: Whose, *, ids: Collection[str] | None = None, fields: Collection[str] | None = None
    ) -> Plan:
        """Decide conflicts: of all records or those with these Ids, in all fields or these. Returns the plan itself.

        >>> plan.resolve("theirs", fields=["Phone"]).resolve("ours").apply()  # doctest: +SKIP

        Raises:
            ConfigurationError: the plan was applied already; neither ``"ours"`` nor ``"theirs"``.
        """
        self._refuse_applied()
        if take not in get_args(Whose):
            raise ConfigurationError(f"{take!r} is neither 'ours' nor 'theirs'")
        meant = np.ones(len(self._diff), bool)
        if ids is not None:
            meant = self._diff.records.ids.to_pandas().isin(list(ids)).to_numpy()
        folded = None if fields is None else {name.casefold() for name in fields}
        for field, asked, changed in zip(self._diff.fields, self._asked, self._changed, strict=True):
            if folded is None or field.want.column.header.casefold() in folded:
                decided = asked & meant
                asked &= ~decided
                if take == "theirs":
                    changed &= ~decided
        self.__dict__.pop("_kinds", None)
        return self

    @cached_property
    def _kinds(self) -> npt.NDArray[np.int8]:
        kinds = np.full(len(self._diff), SAME, np.int8)
        for masks, kind in ((self._changed, CHANGE), (self._asked, CONFLICT)):
            for mask in masks:
                kinds[mask] = kind
        kinds[~self._diff.records.found] = GONE if self._diff.operation == "update" else CREATE
        return kinds

    def _rows(self, kind: int) -> pd.DataFrame:
        places = np.flatnonzero(self._kinds == kind)
        rows = rows_at(self._diff.source, places)
        return rows if isinstance(rows, pd.DataFrame) else rows.to_pandas().set_axis(pd.Index(places))

    @property
    def _index(self) -> pd.Index:
        source = self._diff.source
        return source.index if isinstance(source, pd.DataFrame) else pd.RangeIndex(len(self._diff))

    # --- field by field ----------------------------------------------------------------------------------------------

    def _fields(
        self,
        kind: int,
        masks: Sequence[Mask],
        sides: Callable[[FieldDiff], Mapping[str, pa.Array]],
        types: Mapping[str, Any],
    ) -> pd.DataFrame:
        """A line for each field of the rows of a kind where its mask is set, in the order of the rows."""
        found = [np.zeros(0, np.int64)]
        columns: dict[str, list[Any]] = {name: [] for name in types}
        for field, mask in zip(self._diff.fields, masks, strict=True):
            found.append(np.flatnonzero(mask & (self._kinds == kind)))
            taken = pa.array(found[-1])
            columns["Id"] += self._diff.records.ids.take(taken).to_pylist()
            columns["field"] += [field.want.column.header] * len(taken)
            for name, values in sides(field).items():
                columns[name] += values.take(taken).to_pylist()
        places = np.concatenate(found)
        order = np.argsort(places, kind="stable")
        frame = pd.DataFrame({name: pd.Series(values, dtype=types[name]) for name, values in columns.items()})
        return frame.iloc[order].set_axis(self._index.take(places[order]))

    def _two_sides(self, field: FieldDiff) -> Mapping[str, pa.Array]:
        return {"before": field.before, "after": field.want.values}

    def _three_sides(self, field: FieldDiff) -> Mapping[str, pa.Array]:
        unknown = pa.nulls(len(self._diff))
        base, stamps = field.verdict.base, self._diff.records.stamps
        return {
            "base": unknown if base is None else base,
            "theirs": field.before,
            "ours": field.want.values,
            "changed": unknown if stamps is None else stamps,
        }

    # --- done --------------------------------------------------------------------------------------------------------

    def apply(self, *, part_rows: int | None = None) -> PushResult:
        """Create and change what the plan says, nothing else, and tell of every row of the frame what became of it.

        Just before, the records are read again. A row whose record was changed, made or deleted since the plan was
        made is not sent: its outcome is ``not_sent``, and ``sf__Error`` says why. (What changes between that reading
        and the org's own work on the row is not noticed: ingest knows no conditions.) Rows with nothing to write are
        ``same``. What the org had is kept with the push, so that `PushResult.undo` brings it back.

        Args:
            part_rows: rows that a job may have.

        Raises:
            UnresolvedConflicts: somebody has to decide first; nothing was sent.
            ConfigurationError: the plan was applied before; nothing was sent.
            SalesforceError: the push could not go on; the hint says how to resume it.
        """
        self._refuse_applied()
        if self.counts["conflict"]:
            raise UnresolvedConflicts(self.counts["conflict"])
        meant = np.flatnonzero((self._kinds == CREATE) | (self._kinds == CHANGE))
        moved = self._moved(meant)
        rows = meant[moved.is_null().to_numpy(zero_copy_only=False)]
        key, *wants = [want.take(rows) for want in self._sent()]
        fields = [want.column.field.name for want in wants]
        image = BeforeImage.of(rows, self._diff.records.take(rows), fields, wants)
        frame = pd.DataFrame({want.column.header: written_column(want.cells, want.cleared) for want in (key, *wants)})
        operation, name = self._diff.operation, self._diff.described.name
        push_key = key.column.header if operation == "upsert" else None
        request = PushRequest(name, operation, push_key, check=False, part_rows=part_rows, engine="auto")
        draft = Draft(rows, self._left_out(meant, moved), self._index, {FILE: image.content})
        self._applied = True
        try:
            with self.watching():
                result = self._send(frame, request, draft)
        except ConfigurationError:  # nothing was sent
            self._applied = False
            raise
        result.keeps = self
        return result

    def _sent(self) -> list[Wanted]:
        """The columns as they are sent, the key's first: every cell of a new record, of others what is to change."""
        create, change = self._kinds == CREATE, self._kinds == CHANGE
        sent = [self._diff.key]
        for field, changed in zip(self._diff.fields, self._changed, strict=True):
            cells = (create & field.want.column.field.createable) | (change & changed)
            sent.append(field.want.only(cells))
        return sent

    def _moved(self, rows: Positions) -> pa.Array:
        """Why rows can no longer be sent as planned, in words; null where their records are what they were."""
        diff, was = self._diff, self._diff.records.take(rows)
        paths = paths_of([field.want.column for field in diff.fields])
        keys = diff.key.values.take(pa.array(rows))
        now = current(self._org, diff.described, diff.key.field, keys, paths)
        told = np.full(len(rows), None, object)
        for path in paths:
            told[_differ(was.values[path], now.values[path])] = f"{path} was changed after the plan was made"
        if was.stamps is not None and now.stamps is not None:
            told[_differ(was.stamps, now.stamps)] = "the record was changed after the plan was made"
        told[_differ(was.ids, now.ids)] = "another record has the key since the plan was made"
        told[was.found & ~now.found] = "the record was deleted after the plan was made"
        told[~was.found & now.found] = "a record with this key was made after the plan was made"
        return pa.array(told, pa.string())

    def _left_out(self, meant: Positions, moved: pa.Array) -> pa.Table:
        """What is told of the rows that are not sent."""
        errors = np.full(len(self._diff), None, object)
        errors[self._kinds == GONE] = "no record has this Id"
        errors[meant] = moved.to_numpy(zero_copy_only=False)
        return left_out(self._diff.records.ids, self._kinds == SAME, pa.array(errors, pa.string()))

    def _refuse_applied(self) -> None:
        if self._applied:
            hint = "sfdata.pushes() lists what was pushed; make a new plan for what is to come."
            raise ConfigurationError("this plan has been applied already", hint=hint)

    # --- shown -------------------------------------------------------------------------------------------------------

    @property
    def _title(self) -> str:
        diff, rows = self._diff, len(self._diff)
        by = f" by {diff.key.column.header}" if diff.operation == "upsert" else ""
        done = ", applied" if self._applied else ""
        return f"plan: {diff.operation} {diff.described.name}{by}, {rows:,} {'row' if rows == 1 else 'rows'}{done}"

    @property
    def _count_line(self) -> str:
        return ", ".join(f"{count:,} {kind}" for kind, count in self.counts.items() if count)

    @property
    def _excluded_line(self) -> str:
        return "not written: " + ", ".join(f"{plain(name)} ({why})" for name, why in self.excluded.items())

    def __len__(self) -> int:
        """Rows of the frame."""
        return len(self._diff)

    def __repr__(self) -> str:
        lines = [self._title, *filter(None, [self._count_line])]
        for frame, (old, new) in ((self.change, ("before", "after")), (self.conflict, ("theirs", "ours"))):
            sign = "→" if new == "after" else "or"
            for label, line in zip(frame.index[:SHOWN], frame.head(SHOWN).to_dict("records"), strict=True):
                lines.append(f"{label}  {line['field']}: {_value(line[old])} {sign} {_value(line[new])}")
            lines += [f"and {len(frame) - SHOWN:,} more"] if len(frame) > SHOWN else []
        lines += [self._excluded_line] if self.excluded else []
        return "\n    ".join(lines)

    def _repr_html_(self) -> str:
        parts = [f"<p><b>{escape(self._title)}</b></p>{counts_table(self.counts)}"]
        for name, frame in (("changes", self.change), ("conflicts", self.conflict)):
            if len(frame):
                shown = frame.head(SHOWN).map(lambda value: value if isinstance(value, str) else _value(value))
                more = f", the first {SHOWN} of {len(frame):,}" if len(frame) > SHOWN else ""
                parts.append(f"<p>{name}{more}</p>{shown.to_html(max_rows=None)}")
        parts += [f"<p>{escape(self._excluded_line)}</p>"] if self.excluded else []
        return f"<div>{''.join(parts)}</div>"


def _differ(was: pa.Array, now: pa.Array) -> Mask:
    """Where two columns of one type hold different values, or only one of them any."""
    differ = pc.fill_null(pc.not_equal(was, now), False)
    found: Mask = pc.or_(differ, pc.not_equal(was.is_valid(), now.is_valid())).to_numpy(zero_copy_only=False)
    return found


def _value(value: object) -> str:
    """A value in a line that is not too long."""
    if value is None or value is pd.NaT:
        return "nothing"
    text = plain(repr(value) if isinstance(value, str) else value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"
