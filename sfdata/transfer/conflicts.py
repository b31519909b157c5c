"""Conflicts: whose value stands where a record has been changed by others since the frame was made.

| ``on_conflict`` | a record that was changed since …                                                          |
|-----------------|--------------------------------------------------------------------------------------------|
| ``ask``         | is a conflict until it is resolved                                                         |
| ``ours``        | gets the frame's values                                                                    |
| ``theirs``      | keeps its own                                                                              |
| ``newest``      | gets the frame's values where ``edited`` says that the row is younger than the record      |
| ``merge``       | field by field, against ``base``: what one side alone has changed stands, what both have   |
|                 | changed to different values is a conflict                                                  |

Since when is said by ``since``, else by the frame itself: by its column ``SystemModstamp``, row by row, or by when it
was read (``attrs["sfdata"]``). Without any of them nothing counts as changed since. Stamps have whole seconds, so a
change within the very second of ``since`` is not noticed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sfdata.api.replication import org_clock
from sfdata.errors import ConfigurationError
from sfdata.frames.dtypes import DATETIME
from sfdata.frames.encode import writable_rows
from sfdata.frames.stored import Mask, unlike
from sfdata.frames.write_columns import Operation
from sfdata.metadata import ObjectDescribe
from sfdata.transfer.bookmark import Bookmark
from sfdata.transfer.current_values import (
    STAMPS,
    Current,
    OrgReader,
    Wanted,
    folded_keys,
    part_of,
    refuse_repeated,
    wanted,
)
from sfdata.transfer.planning import as_table

OnConflict = Literal["ask", "ours", "theirs", "newest", "merge"]
Since = dt.datetime | Bookmark

_CLOCK_TICK = dt.timedelta(seconds=1)
"""The org tells its time in whole seconds, so a smaller difference between the clocks is none."""
_ASK_OR_SAY = 'Give since= (a datetime in the org\'s time), or a frame with its column "SystemModstamp".'


@dataclass(frozen=True, slots=True)
class Dispute:
    """How a plan deals with conflicts; the fields are the arguments of `sfdata.Org.diff`."""

    on_conflict: OnConflict = "ask"
    since: Since | None = None
    base: Any = None
    edited: str | None = None

    def __post_init__(self) -> None:
        policy = self.on_conflict
        if policy not in get_args(OnConflict):
            raise ConfigurationError(f"on_conflict {policy!r} is none of {', '.join(get_args(OnConflict))}")
        if (policy == "merge") != (self.base is not None):
            raise ConfigurationError("base= is the frame that on_conflict='merge' goes by; give both, or neither")
        if (policy == "newest") != (self.edited is not None):
            raise ConfigurationError(
                "edited= names the column that on_conflict='newest' goes by: when each row was last changed on your "
                "side; give both, or neither"
            )
        if isinstance(self.since, dt.datetime) and self.since.tzinfo is None:
            raise ConfigurationError("since has no time zone, and could be any instant")
        if self.since is not None and not isinstance(self.since, dt.datetime | Bookmark):
            raise ConfigurationError(f"since is a datetime or a bookmark, not a {type(self.since).__name__}")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is decided of one column, a place for each row.

    Attributes:
        left: the record keeps its own value.
        asked: nobody has decided.
        base: what both sides began with, where that is known.
    """

    left: Mask
    asked: Mask
    base: pa.Array | None = None


def verdicts(
    org: OrgReader,
    source: Any,
    described: ObjectDescribe,
    key: Wanted,
    records: Current,
    differing: Sequence[tuple[Wanted, Mask]],
    dispute: Dispute,
) -> list[Verdict]:
    """Whose value stands where the frame's and the org's differ, for each of the ``differing`` columns.

    Raises:
        ConfigurationError: it cannot be told since when, or the columns that tell are not there.
    """
    if dispute.on_conflict == "merge":
        return _merged(org, described, key, records, differing, dispute.base)
    nowhere = np.zeros(len(records.ids), bool)
    left = asked = nowhere
    if any(changed.any() for _, changed in differing) and dispute.on_conflict != "ours":
        later = _changed_since(org, source, described, records, dispute)
        if dispute.on_conflict == "ask":
            asked = later
        elif dispute.on_conflict == "theirs":
            left = later
        else:
            edited = _instants(source, str(dispute.edited))
            asked = later & _mask(edited.is_null())
            left = later & ~asked & ~_mask(pc.greater(edited, _stamps(described, records)))
    return [Verdict(changed & left, changed & asked) for _, changed in differing]


# --- changed since ---------------------------------------------------------------------------------------------------


def _changed_since(org: OrgReader, source: Any, described: ObjectDescribe, records: Current, dispute: Dispute) -> Mask:
    """The records that somebody has changed."""
    if dispute.since is not None:
        since = dispute.since.position if isinstance(dispute.since, Bookmark) else dispute.since
        return records.found & _mask(pc.greater(_stamps(described, records), _instant(since)))
    if dispute.on_conflict == "newest":
        return records.found
    stamp = next((name for name in STAMPS if described.field(name)), None)
    known = next((name for name in names_of(source) if stamp and name.casefold() == stamp.casefold()), None)
    if known is not None:
        return records.found & ~_mask(pc.equal(_instants(source, known), _stamps(described, records)))
    read = _read_at(org, source, described)
    if read is not None and stamp is not None:
        return records.found & _mask(pc.greater(_stamps(described, records), _instant(read)))
    if dispute.on_conflict == "theirs":
        raise ConfigurationError("on_conflict='theirs' has to know what was changed since when", hint=_ASK_OR_SAY)
    return np.zeros(len(records.ids), bool)


def _read_at(org: OrgReader, source: Any, described: ObjectDescribe) -> dt.datetime | None:
    """When the reading of the frame began, by the org's clock; None where it was not read from there."""
    about = getattr(source, "attrs", {}).get("sfdata")
    if not isinstance(about, Mapping) or "read_at" not in about or "job" in about:  # of a job: rows may be days old
        return None
    host = urlsplit(org.session.instance_url).hostname
    if str(about.get("object")).casefold() != described.name.casefold() or about.get("org") != host:
        return None
    ahead = org_clock(org.session).now - org.session.runtime.moment()
    if abs(ahead) < _CLOCK_TICK:
        ahead = dt.timedelta()
    return dt.datetime.fromisoformat(about["read_at"]) + ahead


def _stamps(described: ObjectDescribe, records: Current) -> pa.Array:
    if records.stamps is None:
        raise ConfigurationError(
            f"{described.name} does not tell when its records were changed", hint="Leave out since=."
        )
    return records.stamps


def _instant(when: dt.datetime) -> pa.Scalar:
    """Whole seconds, as stamps have."""
    return pa.scalar(when.astimezone(dt.UTC).replace(microsecond=0), DATETIME.arrow)


def _instants(source: Any, name: str) -> pa.Array:
    """A column of the frame as instants."""
    if name not in names_of(source):
        raise ConfigurationError(f"the frame has no column {name!r}")
    values = source[name] if isinstance(source, pd.DataFrame) else source[name].to_pandas()
    try:
        instants = pd.to_datetime(values, utc=True, format="ISO8601" if values.dtype in ("object", "str") else None)
        return pa.array(instants.astype("datetime64[ms, UTC]"), DATETIME.arrow)
    except (TypeError, ValueError, pa.ArrowException) as problem:
        raise ConfigurationError(f"the column {name!r} holds other things than dates with times: {problem}") from None


def names_of(source: Any) -> list[Any]:
    """The names of the columns of a frame or table."""
    return list(source.columns if isinstance(source, pd.DataFrame) else getattr(source, "column_names", ()))


# --- three ways ------------------------------------------------------------------------------------------------------


def _merged(
    org: OrgReader,
    described: ObjectDescribe,
    key: Wanted,
    records: Current,
    differing: Sequence[tuple[Wanted, Mask]],
    base: Any,
) -> list[Verdict]:
    columns = [key.column.name, *(want.column.name for want, _ in differing)]
    frame = base if isinstance(base, pd.DataFrame) else as_table(base)
    operation: Operation = "update" if key.field.type == "id" else "upsert"
    known = part_of(frame, [name for name in names_of(frame) if name in columns])
    push_key = None if operation == "update" else key.field.name
    rows = writable_rows(known, described.name, org.describe, operation, push_key, "leave")
    wants = {one.column.field.name: one for one in wanted(rows)}
    refuse_repeated(rows, wants[key.column.field.name])
    places = {folded: place for place, folded in enumerate(folded_keys(wants[key.column.field.name]))}
    found = np.array([places.get(folded, -1) for folded in folded_keys(key)], np.int64)
    taken = pa.array(found, mask=found < 0)
    return [
        _three_ways(want, changed, records, wants.get(want.column.field.name), taken) for want, changed in differing
    ]


def _three_ways(want: Wanted, changed: Mask, records: Current, base: Wanted | None, taken: pa.Array) -> Verdict:
    if base is None:
        return Verdict(np.zeros(len(changed), bool), changed)
    began = base.values.take(taken)
    by_key, ours, theirs = want.column.key is not None, want.values, want.kept(records.values[want.path])
    known = _mask(taken.is_valid())
    mine = unlike(want.field, ours, began, as_key=by_key) | ~known
    others = unlike(want.field, theirs, began, as_key=by_key) | ~known
    return Verdict(changed & ~mine, changed & mine & others, began)


def _mask(flags: pa.Array) -> Mask:
    found: Mask = pc.fill_null(flags, False).to_numpy(zero_copy_only=False)
    return found.copy()
