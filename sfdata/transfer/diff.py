"""A frame held against what an org has now: which rows it has not, which fields would change, and what is disputed.

    frame ─ without what cannot be written ─ check ─→ cells ─ current_values ─→ side by side ─ conflicts ─→ Diff

Nothing is written. Values are compared as the org will keep them, see `sfdata.frames.stored`; a missing cell is no
change unless ``nulls`` says that it clears.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa

from sfdata.frames.columns import UnknownName, result_columns
from sfdata.frames.dtypes import COMPOUNDS
from sfdata.frames.encode import writable_rows
from sfdata.frames.stored import Mask
from sfdata.frames.write_columns import NullPolicy, Operation, found_columns
from sfdata.metadata import FieldDescribe, ObjectDescribe
from sfdata.soql.nodes import FieldPath, Query, SelectField, Source
from sfdata.transfer.checking import Checking
from sfdata.transfer.conflicts import Dispute, Verdict, names_of, verdicts
from sfdata.transfer.current_values import (
    Current,
    OrgReader,
    Wanted,
    changes,
    current,
    part_of,
    paths_of,
    refuse_repeated,
    wanted,
)
from sfdata.transfer.planning import PushRequest, as_table


@dataclass(frozen=True, slots=True)
class FieldDiff:
    """One column beside what the org has.

    Attributes:
        want: what would be written.
        before: what the org has, in the type in which the field is read.
        changed: rows whose record would get another value; disputed ones are among them, left ones are not.
        verdict: whose value stands.
    """

    want: Wanted
    before: pa.Array
    changed: Mask
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Diff:
    """Rows beside records; arrays and masks have a place for each row of the frame.

    Attributes:
        source: the frame, or table, with the columns that can be written.
        operation: what a push of it is: ``upsert`` by the key, or ``update`` where that is the Id.
        key: the column that says which record is meant.
        records: what the org has.
        fields: the other columns.
        excluded: the columns that are not written, and why.
    """

    source: Any
    described: ObjectDescribe
    operation: Operation
    key: Wanted
    records: Current
    fields: tuple[FieldDiff, ...]
    excluded: Mapping[str, str]

    def __len__(self) -> int:
        """Rows of the frame."""
        return len(self.records.ids)


def diff(
    org: OrgReader, frame: Any, object_name: str, key: str, nulls: NullPolicy = "leave", dispute: Dispute | None = None
) -> Diff:
    """Hold a frame against an org; the arguments are those of `sfdata.Org.diff`.

    Raises:
        PushRefused: rows that cannot be written, are certain to fail, or mean one record.
        ConfigurationError: arguments that contradict each other; no frame.
    """
    dispute = dispute or Dispute()
    source = frame if isinstance(frame, pd.DataFrame) else as_table(frame)
    described = org.describe(object_name)
    operation: Operation = "update" if key.casefold() == "id" else "upsert"
    push_key = None if operation == "update" else key
    excluded = dict(_Exclusion(org, described, operation, dispute.edited).of(names_of(source)))
    kept = part_of(source, [name for name in names_of(source) if name not in excluded]) if excluded else source
    if isinstance(nulls, Mapping):
        nulls = {name: policy for name, policy in nulls.items() if name not in excluded}
    Checking(org.describes).refuse(kept, PushRequest(described.name, operation, push_key, nulls=nulls))
    rows = writable_rows(kept, described.name, org.describe, operation, push_key, nulls)
    wants = wanted(rows)
    by = next(one for one in wants if one.column.key is None and one.column.field is described.field(key))
    refuse_repeated(rows, by)
    others = [one for one in wants if one is not by]
    records = current(org, described, by.field, by.values, paths_of([one.column for one in others]))
    differing = [(one, changes(one, records) & one.column.field.updateable) for one in others]
    told = verdicts(org, source, described, by, records, differing, dispute)
    fields = tuple(
        FieldDiff(want, records.values[want.path], changed & ~verdict.left, verdict)
        for (want, changed), verdict in zip(differing, told, strict=True)
    )
    excluded |= {
        one.column.name: "cannot be changed where there is a record"
        for one in others
        if not one.column.field.updateable
    }
    return Diff(kept, described, operation, by, records, fields, excluded)


# --- what is not written ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Exclusion:
    """Columns that a frame has because it was read, and that nobody can write."""

    org: OrgReader
    described: ObjectDescribe
    operation: Operation
    edited: str | None

    def of(self, names: Sequence[Any]) -> Iterator[tuple[str, str]]:
        """Each such column with the reason; what is no field at all is not among them, and will be refused."""
        fields = {field.name for name in names if isinstance(name, str) and (field := self.described.field(name))}
        for name in names:
            if isinstance(name, str) and (reason := self._reason(name, fields)):
                yield name, reason

    def _reason(self, name: str, fields: set[str]) -> str | None:
        if name == self.edited:
            return "tells when the row was changed"
        field = self.described.field(name)
        return self._of_parent(name, fields) if field is None else self._of_field(field)

    def _of_field(self, field: FieldDescribe) -> str | None:
        if field.type == "id":
            return None if self.operation == "update" else "the key says which record is meant"
        if field.type in COMPOUNDS:
            return "is several fields in one"
        if field.type == "base64":
            return "holds a file, which is not compared"
        if not (field.updateable or (field.createable and self.operation == "upsert")):
            return "cannot be written"
        return None

    def _of_parent(self, name: str, fields: set[str]) -> str | None:
        path, _, _ = name.partition(".")
        field = self.described.field(path)
        if field is not None and field.type in COMPOUNDS:
            return f"is a part of {field.name}"
        reference = self.described.parent(path.rpartition(":")[2])
        if reference is None:
            return None
        if reference.name in fields:
            return f"{reference.name} says which record is meant"
        _, problems = found_columns([name], self.described.name, self.org.describe, "insert")
        return "is a field of another record" if problems and self._is_readable(name) else None

    def _is_readable(self, name: str) -> bool:
        select = (SelectField(FieldPath(tuple(name.split(".")))),)
        try:
            result_columns(Query(select, Source((self.described.name,))), self.org.describe)
        except UnknownName:
            return False
        return True
