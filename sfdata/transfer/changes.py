"""`Changes`: what is new, changed or gone in a query's result since a bookmark.

A reading asks, in this order, what time it is in the org and what was deleted there (``getDeleted``); which records
were touched and are gone from the result (``queryAll``); and then for the rows themselves. Whatever happens in between
is told by a later step or by the next reading. The new position is the org's own word for until when its account is
complete, taken before any row was read: neither this machine's clock nor a row's stamp moves it.

Each reading begins an overlap before its bookmark's position, since a transaction may commit a while after the stamp
it leaves. What comes twice that way is told by its content, not by its stamp alone: stamps have seconds, and a row can
change twice in one.

https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/data_replication.htm
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sfdata.api.describe import DescribeCache
from sfdata.api.replication import SHORTEST, Deleted, get_deleted, org_clock
from sfdata.errors import (
    BookmarkError,
    BookmarkExpired,
    ConfigurationError,
    InvalidType,
    NotIncremental,
    ResponseError,
)
from sfdata.frames.batch import Batch, Provenance
from sfdata.frames.columns import Column, ResultColumns, UnknownName
from sfdata.frames.dtypes import BOOLEAN, DATETIME, TEXT, DtypeBackend, Kind, to_pandas
from sfdata.frames.repeats import Repeats
from sfdata.metadata import ObjectDescribe
from sfdata.soql.nodes import (
    BooleanLiteral,
    Comparison,
    DateTimeLiteral,
    FieldPath,
    Query,
    SelectField,
    Source,
)
from sfdata.transfer.bookmark import AFRESH, Bookmark, fingerprint
from sfdata.transfer.results import REMEMBERED, Results
from sfdata.transfer.tracking import refuse_untold, refuse_untracked
from sfdata.transport.http_session import HttpSession

if TYPE_CHECKING:
    from sfdata.transfer.soql_query import Soql

OVERLAP = dt.timedelta(minutes=10)
"""Longer than a transaction may take: Apex has ten minutes at most."""
MOST_SEEN = 10_000
"""Fingerprints a bookmark keeps. Where more changed within the overlap it keeps none, and they come again."""

ID, STAMP, DELETED = FieldPath(("Id",)), FieldPath(("SystemModstamp",)), FieldPath(("IsDeleted",))
GONE = pa.schema({"Id": TEXT.arrow, "SystemModstamp": DATETIME.arrow, "IsDeleted": BOOLEAN.arrow})


class Changes(Results):
    """What is new, changed or gone in a query's result since a bookmark. Make one with `Soql.since`.

    As a result (`to_pandas`, `chunks`, `to_arrow` …) it is the rows that are new or changed, each once and as it is
    now. `deleted` and `bookmark` follow when those have been handed over, all of them.
    """

    def __init__(
        self,
        source: Soql,
        session: HttpSession,
        describe: DescribeCache,
        bookmark: Bookmark | str | None,
        overlap: dt.timedelta,
    ) -> None:
        if overlap < SHORTEST:
            raise ConfigurationError(f"overlap must be at least a minute, not {overlap}: the org ignores seconds")
        refuse_untracked(source.query)
        self._source = source
        self._session = session
        self._describe = describe
        self._begun_at = Bookmark.parse(bookmark) if isinstance(bookmark, str) else bookmark
        self._overlap = overlap
        self._text = fingerprint(str(source.query)).hex()
        self._latest = source
        self._reading: _Reading | None = None
        self._finished: tuple[Bookmark, pa.Table] | None = None

    @property
    def bookmark(self) -> Bookmark:
        """Where the next reading begins; ``str()`` of it can be kept anywhere, and `Soql.since` takes that too.

        There is one when the rows have been handed over: when `to_pandas` has returned, when the loop over `chunks`
        has ended. Keep it when you have kept the rows.

        Raises:
            BookmarkError: they have not, or not all of them. The bookmark this reading began at still holds.
        """
        return self._told()[0]

    @property
    def deleted(self) -> pd.DataFrame:
        """What to drop from a copy: the ``Id`` of each record that is in the query's result no more.

        ``IsDeleted`` tells those that were deleted from those that changed so that WHERE leaves them out; some of the
        latter may never have been in it. Drop them when the changed rows have been taken in.

        Raises:
            BookmarkError: not all rows have been handed over yet.
        """
        return to_pandas(self._told()[1])

    def apply(self, copy: pd.DataFrame | None, *, dtype_backend: DtypeBackend | None = None) -> pd.DataFrame:
        """Read, and return ``copy`` as it should be now: changed rows replaced, gone ones dropped, new ones at the end.

        Args:
            copy: the query's rows as of the bookmark, with its columns, with ``Id`` as a column or as the index.
                Without a bookmark everything is read, and the copy may be None.
            dtype_backend: as in `to_pandas`; left out, what the copy was read with.

        Raises:
            ConfigurationError: the copy has not the query's columns.
        """
        self._check_copy(copy)
        provenance = None if copy is None else copy.attrs.get("sfdata")
        if dtype_backend is None and isinstance(provenance, Provenance):
            dtype_backend = provenance.dtype_backend
        frame = self.to_pandas(dtype_backend=dtype_backend)
        told, self._finished = self._told(), None  # there is a bookmark again when the copy is whole
        key = self._key()
        keyed = copy is not None and copy.index.name == key
        if copy is not None and self._begun_at is not None:
            kept = copy.reset_index() if keyed else copy
            touched = {*frame[key], *told[1]["Id"].to_pylist()}
            merged = pd.concat([kept.loc[~kept[key].isin(touched), frame.columns], frame], ignore_index=True)
            merged.attrs = frame.attrs
            frame = merged
        self._finished = told
        return frame.set_index(key) if keyed else frame

    def _check_copy(self, copy: pd.DataFrame | None) -> None:
        """Refuse, before anything is read, a copy that the changes would not fit."""
        try:
            names, key = self._columns().names, self._key()
        except (UnknownName, InvalidType):
            return  # the org's own error says more
        if self._begun_at is None:
            return
        held = [] if copy is None else [*copy.columns, *([key] if copy.index.name == key else [])]
        if sorted(held) != sorted(names):
            raise ConfigurationError(f"the copy must have the columns of the query, and no others: {', '.join(names)}")

    def _key(self) -> str:
        key = next((column.name for column in self._columns().columns if column.path == ID.parts), None)
        if key is None:
            raise ConfigurationError("a copy is kept by Id: select it", hint="SELECT Id, … FROM …")
        return key

    # --- as a result -------------------------------------------------------------------------------------------------

    def _batches(self, max_rows: int | None = None, *, whole: bool = False) -> Iterator[tuple[Batch, int]]:
        # What was handed over before is left out, so that bounds are not the query's, but those of who takes the rest.
        self._finished, self._reading = None, None
        reading = self._begin()
        self._latest = reading.rows
        for batch, total in reading.rows._batches(whole=whole):
            yield Batch(reading.take(batch.table).select(self._columns().names)), total
        reading.finish()
        self._reading = reading

    def _handed_over(self) -> None:
        self._finished = None if self._reading is None else self._reading.outcome

    def _columns(self) -> ResultColumns:
        return self._source._columns()

    def _id_column(self) -> str | None:
        return None  # each reading looks for repeats itself, since it has the Ids whether they are selected or not

    def _about(self) -> dict[str, Any]:
        since = self._begun_at and self._begun_at.position.isoformat(timespec="seconds")
        return {**self._latest._about(), "since": since}

    def _told(self) -> tuple[Bookmark, pa.Table]:
        if self._finished is None:
            hint = "Take the rows first, to the end: to_pandas(), or a whole loop over chunks(…)."
            raise BookmarkError("not all changes have been handed over; the bookmark they began at holds", hint=hint)
        return self._finished

    def __repr__(self) -> str:
        since = f"since {self._begun_at.position:%Y-%m-%d %H:%M} UTC" if self._begun_at else "from the beginning"
        return f"Changes({self._source!r}, {since})"

    # --- a reading ---------------------------------------------------------------------------------------------------

    def _begin(self) -> _Reading:
        """Everything that comes before the rows."""
        query = self._source.query
        described = self._describe.object(query.source.path[-1])
        refuse_untold(query, described)
        clock, before = org_clock(self._session), self._begun_at
        if before is not None:
            before.refuse_other(clock.org_id, described.name, self._text)
        start = ((before.position if before else clock.now) - self._overlap).replace(microsecond=0)
        account = self._account(described.name, start, clock.now)
        rows = query.selecting(ID.name, STAMP.name)
        if before is None:
            gone, position = GONE.empty_table(), account.covered_until
        else:
            recent = Comparison(STAMP, ">=", DateTimeLiteral(start))
            rows, position = rows.narrowed(recent), max(before.position, account.covered_until)
            gone = self._gone(described, recent, start, account)
        bookmark = Bookmark(clock.org_id, described.name, self._text, position)
        return _Reading(self._source.alike(rows), before, bookmark, position - self._overlap, gone)

    def _account(self, object_name: str, start: dt.datetime, now: dt.datetime) -> Deleted:
        """The org's account of what was deleted, which must reach back to where this reading begins."""
        try:
            account = get_deleted(self._session, object_name, start, max(now, start + SHORTEST))
        except ResponseError as refused:
            if self._begun_at is None or refused.error_code != "INVALID_REPLICATION_DATE":
                raise
            reason = refused.message
        else:
            if self._begun_at is None or account.kept_since is None or account.kept_since < self._begun_at.position:
                return replace(account, covered_until=min(account.covered_until, now))
            reason = f"the org knows of deletions since {account.kept_since} only"
        message = f"what was deleted since this bookmark cannot be told any more: {reason}"
        raise BookmarkExpired(message, error_code="INVALID_REPLICATION_DATE", hint=AFRESH)

    def _gone(self, described: ObjectDescribe, recent: Comparison, start: dt.datetime, account: Deleted) -> pa.Table:
        """What may be in the result no more: deleted records and, where there is a filter, all that were touched."""
        query = self._source.query
        flagged = described.field("IsDeleted") is not None
        found = GONE.empty_table()
        if flagged or query.where is not None:
            fields = (ID, STAMP, DELETED) if flagged else (ID, STAMP)
            touched = Query(tuple(map(SelectField, fields)), Source(query.source.path), where=recent)
            if query.where is None:
                touched = touched.narrowed(Comparison(DELETED, "=", BooleanLiteral(True)))
            found = self._source.alike(touched, all_rows=True).to_arrow()
            if not flagged:
                found = found.append_column(GONE.field("IsDeleted"), pa.repeat(False, len(found)))
        known = set(found["Id"].to_pylist())
        purged = {each: when for each, when in account.records.items() if when >= start and each not in known}
        more = [pa.array(purged.keys(), GONE.types[0]), pa.array(purged.values(), GONE.types[1]), [True] * len(purged)]
        return pa.concat_tables([found, pa.table(more, GONE)])


@dataclass
class _Reading:
    """One reading under way: its rows, what is gone unless it is among them, and what they leave for the next.

    ``keep_from`` is where the next reading will begin; it will meet again what is remembered from there on.
    """

    rows: Soql
    before: Bookmark | None
    bookmark: Bookmark
    keep_from: dt.datetime
    gone: pa.Table
    _seen: dict[bytes, dt.datetime] = field(default_factory=dict)
    _crowded: bool = False

    def __post_init__(self) -> None:
        self._places = pd.Index(self.gone["Id"].to_pandas())
        self._back = np.zeros(len(self.gone), bool)
        self._repeats: Repeats | None = None

    @cached_property
    def _names(self) -> tuple[str, str]:
        """The columns of Id and SystemModstamp; known when there are rows."""
        columns = self.rows._columns().columns
        return _named(columns, ID, TEXT), _named(columns, STAMP, DATETIME)

    def take(self, table: pa.Table) -> pa.Table:
        """The rows of a batch that have not been handed over as they are, in an earlier reading."""
        key, stamp = self._names
        self._repeats = self._repeats or Repeats(key, REMEMBERED)
        self._repeats.add(table)
        places = self._places.get_indexer(table[key].to_pandas())
        self._back[places[places >= 0]] = True
        return table.filter(self._new(table, table[stamp]))

    def finish(self) -> None:
        """All rows have been taken.

        Raises:
            IncompleteResult: a record came twice.
        """
        if self._repeats is not None:
            self._repeats.finish()

    @cached_property
    def outcome(self) -> tuple[Bookmark, pa.Table]:
        """The bookmark, and what is gone for good; for when all rows have been taken."""
        gone = self.gone.filter(pa.array(~self._back))
        told = gone.select(["Id", "IsDeleted"])
        told = told.filter(self._new(told, gone["SystemModstamp"]))
        until = max(self._seen.values(), default=None)
        return replace(self.bookmark, seen=frozenset(self._seen), seen_until=until), told

    def _new(self, table: pa.Table, stamps: pa.ChunkedArray) -> pa.Array:
        """Which rows of ``table`` were not handed over before; those that the next reading will meet are remembered."""
        new = np.ones(len(table), bool)
        met, until = (self.before.seen, self.before.seen_until) if self.before else (frozenset(), None)
        again = _where(pc.less_equal(stamps, until)) if until else ~new
        kept = ~new if self._crowded else _where(pc.greater_equal(stamps, self.keep_from))
        if len(self._seen) + np.count_nonzero(kept) > MOST_SEEN:
            self._crowded = True
            self._seen.clear()
            kept = ~new
        places = np.flatnonzero(again | kept)
        rows = zip(table.take(pa.array(places)).to_pylist(), stamps.take(pa.array(places)).to_pylist(), strict=True)
        for place, (row, stamp) in zip(places, rows, strict=True):
            mark = fingerprint(list(row.values()))
            new[place] = not (again[place] and mark in met)
            if kept[place]:
                self._seen[mark] = stamp
        return pa.array(new)


def _named(columns: Iterable[Column], path: FieldPath, kind: Kind) -> str:
    name = next((column.name for column in columns if column.path == path.parts and column.kind is kind), None)
    if name is None:
        raise NotIncremental(f"since() needs {path}, and the query selects something else by that name")
    return name


def _where(mask: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    """The mask as an array of numpy; what is unknown is false."""
    flags: npt.NDArray[np.bool_] = pc.fill_null(mask, False).to_numpy()
    return flags
