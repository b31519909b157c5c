"""`Soql`: a query in the hand, not yet sent."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property, partial
from typing import Any
from urllib.parse import urlsplit

from sfdata.api.describe import DescribeCache
from sfdata.errors import ConfigurationError, NotIncremental
from sfdata.frames.batch import Batch
from sfdata.frames.columns import ResultColumns
from sfdata.resilience.hooks import Hooks
from sfdata.soql import bind, parse
from sfdata.soql.nodes import Query
from sfdata.transfer.all_fields import as_query, spelt_out
from sfdata.transfer.bookmark import Bookmark
from sfdata.transfer.bounds import Bounds
from sfdata.transfer.changes import OVERLAP, Changes
from sfdata.transfer.engine import Engine, Reading
from sfdata.transfer.price import Cost, price
from sfdata.transfer.results import Results
from sfdata.transfer.statements import Statements
from sfdata.transport.http_session import HttpSession

LONGEST_KEPT, LONGEST_SHOWN = 10_000, 1_000
"""Characters of a query that stand for it in a frame's ``attrs``, and on a screen."""


class Soql(Results):
    """A query that has not been sent: parsed, its binds filled in.

    Make one with `Org.soql`. Every method that returns rows returns all of them or raises `IncompleteResult`; it raises
    a `ResponseError` (`InvalidField`, `InvalidType`, `MalformedQuery` …) when the org refuses the query.

    A query of any length will do: one that is too long for a statement, or selects too much for one, is read in several
    (`statements`).
    """

    def __init__(
        self,
        session: HttpSession,
        describe: DescribeCache,
        hooks: Hooks,
        text: str,
        params: Mapping[str, Any] | None = None,
        *,
        all_rows: bool = False,
        engine: Engine = "auto",
        parallel: int = 1,
    ) -> None:
        if parallel < 1:
            raise ConfigurationError(f"parallel must be at least 1, not {parallel}")
        written = bind(as_query(text), params)
        query = parse(written)
        if query.all_rows:  # a clause of Apex; over REST another resource says the same
            query = replace(query, all_rows=False)
            written, all_rows = str(query), True
        self._session, self._describe, self._hooks = session, describe, hooks
        self._alike = partial(Soql, session, describe, hooks, engine=engine, parallel=parallel)
        self._given = query, written
        self._begun: dt.datetime | None = None  # the latest reading
        self._given_reading = Reading(session, describe, hooks, query, written, all_rows, engine, parallel)

    @cached_property
    def query(self) -> Query:
        """The syntax tree. All fields of an object are spelt out in it, for which the org is asked to describe it."""
        return spelt_out(self._given[0], self._describe.object, bulk=self._given_reading.engine == "bulk")

    @property
    def text(self) -> str:
        """The query as it will be sent, all fields of an object spelt out as soon as they are known."""
        query, written = self._given
        known = self.__dict__.get("query", query)
        return written if known is query else str(known)

    @cached_property
    def _reading(self) -> Reading:
        return self._given_reading if self.query is self._given[0] else self._given_reading.of(self.query, self._hooks)

    @cached_property
    def _statements(self) -> Statements:
        return Statements(self._session, self._describe, self._hooks, self.query, self.text, self._reading)

    @property
    def statements(self) -> list[str]:
        """The statements the query takes: itself, or several where it is longer than the 100,000 characters of one.

        Raises:
            QueryTooLong: several could not bring the same rows.
        """
        return self._statements.texts

    def count(self) -> int:
        """How many rows the query has, for one COUNT() call; a grouped query has to be run to be counted."""
        if self.query.is_aggregate and not self.query.is_count:
            return len(self._whole()[0])
        return self._statements.count()

    def explain(self) -> dict[str, Any]:
        """The org's plans for the query (the first of its `statements`), as it answers them; nothing is read.

        https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_query_explain.htm
        """
        return self._statements.explain()

    def cost(self, *, max_rows: int | None = None) -> Cost:
        """What reading the query now would cost: rows, API calls by either engine, their share of the org's day, plan.

        Shown as it is, or taken apart: ``cost.rows``, ``cost.calls``, ``cost.engine``, ``cost.share``,
        ``cost.to_frame()``. Finding out takes at most three calls beside the describes, which reading needs, too.

        Args:
            max_rows: the bound that reading is to have.
        """
        used, bounds = self._session.budget.used, Bounds(max_rows)
        return price(
            self._session,
            self._describe.object,
            self._statements,
            self._reading,
            max_rows=bounds.max_rows,
            used_before=used,
        )

    def since(self, bookmark: Bookmark | str | None, *, overlap: dt.timedelta = OVERLAP) -> Changes:
        """What is new, changed or gone in the query's result since an earlier reading; nothing is sent yet.

            changes = org.soql("SELECT Id, Name FROM Account").since(bookmark)    # None: everything
            copy = changes.apply(copy)                                            # or the rows by themselves:
            for frame in changes.chunks(50_000): …                                #   new and changed ones,
            changes.deleted                                                       #   then what to drop
            bookmark = str(changes.bookmark)                                      # to go on from, once those are safe

        A row is new or changed when its SystemModstamp is. What no stamp tells is not told: that a parent or a formula
        shows another value, or that a row has come to be shared with this user.

        Args:
            bookmark: where an earlier reading of this very query ended; None reads everything.
            overlap: how long before its position to look again, for transactions that commit later than they stamp.

        Raises:
            NotIncremental: the query has clauses or conditions whose result changes without a row being stamped.
            BookmarkError: the bookmark is garbled, or (when read) of another org or query.
            BookmarkExpired: (when read) it is so old, or so much was purged, that deletions may be missed: about 15
                days. Begin again with None.
        """
        if self._reading.all_rows:
            raise NotIncremental("since() tells deleted rows by itself: leave out all_rows= and ALL ROWS")
        return Changes(self, self._session, self._describe, bookmark, overlap)

    def alike(self, query: Query, *, all_rows: bool = False) -> Soql:
        """Another query of the same org, read the same way."""
        return self._alike(str(query), all_rows=all_rows)

    def _batches(self, max_rows: int | None = None, *, whole: bool = False) -> Iterator[tuple[Batch, int]]:
        self._begun = self._session.runtime.moment()
        return self._statements.batches(max_rows, whole=whole)

    def _total(self, announced: int) -> int:
        return self._statements.total(announced)

    def _columns(self) -> ResultColumns:
        return self._reading.rest.columns

    def _id_column(self) -> str | None:
        # Groups are no records: CUBE gives several without an Id, and any column may go by that name.
        columns = () if self.query.is_aggregate else self._columns().columns
        return next((column.name for column in columns if column.path == ("Id",)), None)

    def _about(self) -> dict[str, Any]:
        return {
            "object": self.query.source.name,
            "query": _shortened(self.text, LONGEST_KEPT),
            "org": urlsplit(self._session.instance_url).hostname,
            "api_version": self._session.api_version,
            "engine": self._statements.latest.used,
            "read_at": (self._begun or self._session.runtime.moment()).isoformat(timespec="seconds"),
        }

    def __repr__(self) -> str:
        return f"Soql({_shortened(self.text, LONGEST_SHOWN)!r})"


def _shortened(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[:longest]}… ({len(text):,} characters)"
