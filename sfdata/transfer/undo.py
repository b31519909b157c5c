"""Undoing a push: old values brought back and created records deleted, by pushes of their own, and told row by row.

| what a row did   | undone by                     | left alone where …                                              |
|------------------|-------------------------------|-----------------------------------------------------------------|
| changed a record | an update with the old values | a field holds neither what was sent nor what was there before   |
| created a record | a delete                      | it has been changed since it was created                        |
| deleted a record | nothing: no API does          | always; the before-image has its values                         |

The records are read again first, so undoing goes by what the org has now: undone twice, there is nothing left to do.
As with any delete, the children of a record go along.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from html import escape
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sfdata.errors import ConfigurationError, PushError
from sfdata.frames.stored import Mask, stored, unlike
from sfdata.frames.write_columns import ONLY_ID
from sfdata.plain_text import plain
from sfdata.transfer.before_image import BeforeImage
from sfdata.transfer.current_values import Current, OrgReader, Wanted, current, paths_of
from sfdata.transfer.draft import Draft, old_column
from sfdata.transfer.journal import PushRecord
from sfdata.transfer.planning import PushRequest
from sfdata.transfer.push_result import PushResult

Whose = Literal["theirs", "ours"]
Send = Callable[[Any, PushRequest, Draft], PushResult]
Positions = npt.NDArray[np.int64]

OUTCOMES = ("restored", "deleted", "same", "conflict", "impossible", "failed", "unprocessed", "unaccounted", "not_sent")
"""What undoing came to for a row: done, nothing to do, left alone, or as a push tells it."""
_DONE = ("restored", "deleted", "same")
_AUDIT = ("CreatedDate", "LastModifiedDate")


class Undone:
    """What undoing a push came to.

    Attributes:
        id: the push that was undone.
        frame: a row for each row of that push, on its index: ``sf__Id`` (str), ``sf__Undone`` (category: one of
            `OUTCOMES`) and, where a row was left as it is, why (``sf__Error``, str).
        pushes: the pushes that did it, at most an update and a delete.
    """

    def __init__(self, id: str, frame: pd.DataFrame, pushes: tuple[PushResult, ...]) -> None:  # noqa: A002
        self.id = id
        self.frame = frame
        self.pushes = pushes

    @property
    def counts(self) -> dict[str, int]:
        """Rows of each outcome that there is."""
        counted = self.frame["sf__Undone"].value_counts(sort=False)
        return {str(word): int(rows) for word, rows in counted.items() if rows}

    @property
    def left(self) -> pd.DataFrame:
        """The rows of `frame` that could not be undone, or not yet."""
        return self.frame[~self.frame["sf__Undone"].isin(_DONE).to_numpy()]

    def raise_for_errors(self) -> None:
        """Do nothing if everything is as it was before.

        Raises:
            PushError: not every row could be undone.
        """
        if len(self.left):
            told = ", ".join(f"{rows:,} {word}" for word, rows in self.counts.items())
            raise PushError(f"not every row of {self.id} was undone: {told}", hint=".left has the rows, and why.")

    def __repr__(self) -> str:
        return "\n    ".join([f"undo of {self.id}", *self._lines])

    def _repr_html_(self) -> str:
        lines = "".join(f"<p>{escape(line)}</p>" for line in self._lines)
        return f"<div><p><b>undo of {escape(self.id)}</b></p>{lines}</div>"

    @property
    def _lines(self) -> list[str]:
        counts = ", ".join(f"{rows:,} {word}" for word, rows in self.counts.items())
        reasons = self.frame["sf__Error"].value_counts().head(5)
        lines = [counts, *(f"{rows:,} × {plain(reason)}" for reason, rows in reasons.items())]
        return lines + [f"by {one.id}: {one.operation}" for one in self.pushes]


@dataclass
class Undoing:
    """One push on its way back.

    Attributes:
        push: what was pushed.
        rows: what became of its rows, as `push_rows` tells it.
        index: of the frame.
        image: what was there before, if it was kept.
        send: pushes rows.
    """

    org: OrgReader
    push: PushRecord
    rows: pa.Table
    index: pd.Index
    image: BeforeImage | None
    send: Send
    on_conflict: Whose = "theirs"
    pushes: list[PushResult] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.on_conflict not in get_args(Whose):
            raise ConfigurationError(f"on_conflict is 'theirs' or 'ours', not {self.on_conflict!r}")
        if self.push.operation in ("update", "upsert") and self.image is None:
            hint = "Only a plan, and a push with keep_before=True, keep what they write over."
            raise ConfigurationError(f"nothing was kept with {self.push.id} of what was there before", hint=hint)
        self._told = np.full(self.push.rows, "same", object)
        self._errors = np.full(self.push.rows, None, object)
        self._ids = np.array(self.rows["id"].to_pylist(), object)

    def undo(self) -> Undone:
        """Undo what can be undone."""
        outcome = np.array(self.rows["outcome"].to_pylist(), object)
        written = np.isin(outcome, ("succeeded", "unaccounted"))
        known = outcome == "succeeded"
        created = pc.fill_null(self.rows["created"], False).to_numpy() & known
        if self.push.operation in ONLY_ID:
            self._tell(written, "impossible", "a deleted record cannot be brought back through the API")
        elif self.push.operation == "insert":
            self._tell(written & ~known, "impossible", "nobody knows whether the record was created")
            self._delete(np.flatnonzero(known))
        else:
            self._restore(written & ~created)
            self._delete(np.flatnonzero(created))
        told = pd.Categorical(self._told, categories=list(OUTCOMES))
        columns = {"sf__Id": pd.Series(self._ids, dtype="str"), "sf__Undone": told}
        frame = pd.DataFrame({**columns, "sf__Error": pd.Series(self._errors, dtype="str")})
        return Undone(self.push.id, frame.set_axis(self.index), tuple(self.pushes))

    # --- changed records ---------------------------------------------------------------------------------------------

    def _restore(self, written: Mask) -> None:
        """Give records their old values back."""
        assert self.image is not None
        described = self.org.describe(self.push.object)
        places, ids = self.image.rows, self.image.ids
        chosen = written[places] & ids.is_valid().to_numpy(zero_copy_only=False)
        imaged = np.zeros(self.push.rows, bool)
        imaged[places[chosen]] = True
        self._tell(written & ~imaged, "impossible", "it is not known what was there before")
        at = np.flatnonzero(chosen)
        if not len(at):
            return
        places, ids = places[at], ids.take(pa.array(at))
        self._ids[places] = ids.to_pylist()
        wants = [want.take(at) for want in self.image.wants(described, self.org)]
        by_id = described.field("Id")
        assert by_id is not None
        now = current(self.org, described, by_id, ids, paths_of([want.column for want in wants]))
        self._tell_at(places[~now.found], "impossible", "the record has been deleted since")
        before = {name: values.take(pa.array(at)) for name, values in self.image.before.items()}
        columns = [_back(want, before[want.column.field.name], now) for want in wants]
        theirs = np.logical_or.reduce([one.theirs for one in columns]) if columns else np.zeros(len(at), bool)
        if self.on_conflict == "theirs":
            self._tell_at(places[theirs], "conflict", "a field holds neither what was sent nor what was there before")
            columns = [one.without(theirs) for one in columns]
        todo = np.logical_or.reduce([one.todo for one in columns]) if columns else theirs
        rows = np.flatnonzero(todo)
        if len(rows):
            frame = pd.DataFrame({"Id": ids.take(pa.array(rows)).to_pandas()})
            for one in columns:
                if one.todo[rows].any():
                    frame[one.want.column.field.name] = one.column(rows)
            self._push(frame, "update", places[rows], "restored", keep_before=True)

    # --- created records ---------------------------------------------------------------------------------------------

    def _delete(self, places: Positions) -> None:
        """Delete created records that are as they were created."""
        if not len(places):
            return
        described = self.org.describe(self.push.object)
        by_id = described.field("Id")
        assert by_id is not None
        audit = [name for name in _AUDIT if described.field(name)]
        now = current(self.org, described, by_id, pa.array(self._ids[places], pa.string()), audit)
        keep = ~now.found  # gone already
        if len(audit) == len(_AUDIT) and self.on_conflict == "theirs":
            made, changed = (now.values[name] for name in _AUDIT)
            touched = pc.fill_null(pc.greater(changed, made), False).to_numpy(zero_copy_only=False)
            self._tell_at(places[touched], "conflict", "the record was changed since it was created")
            keep |= touched
        places = places[~keep]
        if len(places):
            self._push(pd.DataFrame({"Id": pd.Series(self._ids[places], dtype="str")}), "delete", places, "deleted")

    # --- both --------------------------------------------------------------------------------------------------------

    def _push(
        self, frame: pd.DataFrame, operation: Literal["update", "delete"], places: Positions, done: str, **how: Any
    ) -> None:
        request = PushRequest(self.push.object, operation, check=False, engine="auto", **how)
        draft = Draft(about={"undoes": self.push.id})
        result = self.send(frame.set_axis(self.index.take(places)), request, draft)
        self.pushes.append(result)
        told = result.frame
        words = told["sf__Outcome"].astype("str").replace("succeeded", done)
        self._told[places] = words.to_numpy()
        self._errors[places] = told["sf__Error"].to_numpy(object)

    def _tell(self, where: Mask, word: str, reason: str) -> None:
        self._tell_at(np.flatnonzero(where), word, reason)

    def _tell_at(self, places: Positions, word: str, reason: str) -> None:
        self._told[places], self._errors[places] = word, reason


@dataclass(frozen=True, slots=True)
class _Back:
    """One column on its way back: what was there ``before``, where it is ``todo``, and where others were at it."""

    want: Wanted
    before: pa.Array
    todo: Mask
    theirs: Mask

    def without(self, rows: Mask) -> _Back:
        return _Back(self.want, self.before, self.todo & ~rows, self.theirs)

    def column(self, rows: Positions) -> pd.Series[Any]:
        """The old values of some rows; `CLEAR` where there were none."""
        return old_column(self.before.take(pa.array(rows)), self.todo[rows])


def _back(want: Wanted, before: pa.Array, now: Current) -> _Back:
    """Which rows of a column are to get their old value back."""
    own, read = want.column.field, now.values[want.column.field.name]
    moved = unlike(own, stored(own, before), stored(own, read)) & want.given & now.found
    by_key = want.column.key is not None
    ours = ~unlike(want.field, want.values, want.kept(now.values[want.path]), as_key=by_key)
    return _Back(want, before, moved, moved & ~ours)
