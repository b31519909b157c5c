"""Which API a query is read through: REST pages or a Bulk job, or the one first and then the other."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from functools import cached_property
from typing import Literal, get_args

from sfdata.api.describe import DescribeCache
from sfdata.errors import BulkJobFailed, ConfigurationError, InvalidType, NotServable, ResponseError, ServerUnavailable
from sfdata.frames.batch import Batch
from sfdata.frames.columns import UnknownName
from sfdata.resilience.hooks import EngineChosen, Hooks
from sfdata.soql import Query
from sfdata.transfer.bulk_read import BulkRead, servable
from sfdata.transfer.rest_read import RestRead
from sfdata.transport.http_session import HttpSession

Engine = Literal["auto", "rest", "bulk"]

PAGES_BY_REST = 100
"""So many calls are no more trouble than a job; a result of more pages is one."""
TOO_SLOW = frozenset({"QUERY_TIMEOUT", "REQUEST_RUNNING_TOO_LONG"})
"""What REST says of a query that a job may still have the time for."""


class Reading:
    """One query, and the choice of how it is read.

    Attributes:
        used: the engine of the latest reading, ``"rest"`` or ``"bulk"``.
    """

    def __init__(
        self,
        session: HttpSession,
        describe: DescribeCache,
        hooks: Hooks,
        query: Query,
        text: str,
        all_rows: bool,
        engine: Engine,
        parallel: int,
    ) -> None:
        if engine not in get_args(Engine):
            raise ConfigurationError(f"engine {engine!r} is none of {', '.join(map(repr, get_args(Engine)))}")
        self.all_rows = all_rows
        self.engine = engine
        self.used: Literal["rest", "bulk"] = "rest"
        self._hooks = hooks
        self._parts = (session, describe, hooks, query, text, all_rows)
        self._parallel = parallel

    def of(self, query: Query, hooks: Hooks, engine: Engine | None = None) -> Reading:
        """Another query, which is read the same way."""
        session, describe, *_, all_rows = self._parts
        return Reading(session, describe, hooks, query, str(query), all_rows, engine or self.engine, self._parallel)

    @cached_property
    def rest(self) -> RestRead:
        """The query through REST."""
        return RestRead(*self._parts, self._parallel)

    @cached_property
    def bulk(self) -> BulkRead:
        """The query through a Bulk API 2.0 job."""
        return BulkRead(*self._parts)

    @property
    def unservable(self) -> str | None:
        """Why a Bulk job cannot answer the query; None if it can."""
        try:
            return servable(self.rest.query, self.rest.columns)
        except (UnknownName, InvalidType) as unknown:
            return str(unknown)  # REST's own refusal says more

    def batches(self, max_rows: int | None = None, *, whole: bool = False) -> Generator[tuple[Batch, int], None, None]:
        """The rows as they arrive, beside the org's count of all; ``whole`` where they are collected in memory anyway.

        Raises:
            NotServable: a Bulk job is asked for, and cannot answer such a query; nothing was sent.
            SalesforceError: what the engine's reading raises.
        """
        if self.engine == "bulk":
            if reason := self.unservable:
                raise NotServable(f"a Bulk query cannot serve this: {reason}", hint='engine="rest" can.')
            return self._by_bulk(max_rows, whole)
        return self._by_rest(max_rows) if self.engine == "rest" else self._by_either(max_rows, whole)

    def _by_rest(self, max_rows: int | None) -> Generator[tuple[Batch, int], None, None]:
        self.used = "rest"
        yield from self.rest.batches(max_rows)

    def _by_bulk(self, max_rows: int | None, whole: bool) -> Generator[tuple[Batch, int], None, None]:
        self.used = "bulk"
        yield from self.bulk.batches(max_rows, whole=whole)

    def _by_either(self, max_rows: int | None, whole: bool) -> Generator[tuple[Batch, int], None, None]:
        """REST to begin with: the first page tells how much there is."""
        self.used = "rest"
        pages = self.rest.batches(max_rows, early_up_to=PAGES_BY_REST)
        with closing(pages):
            try:
                first, total = next(pages)
            except ServerUnavailable as slow:
                if slow.error_code not in TOO_SLOW or self.unservable:
                    raise
                yield from self._moved_to_bulk(f"REST says {slow.error_code}", max_rows, whole)
                return
            large = max_rows is None and total > len(first) * PAGES_BY_REST
            if large and len(first) and not self.unservable:
                try:
                    yield from self._moved_to_bulk(
                        f"{total:,} rows are more than {PAGES_BY_REST} pages hold", None, whole
                    )
                except _BulkRefused as refused:
                    self.used = "rest"
                    self._hooks(EngineChosen("rest", f"Bulk refuses the query: {refused}"))
                else:
                    return
            yield first, total
            yield from pages

    def _moved_to_bulk(
        self, reason: str, max_rows: int | None, whole: bool
    ) -> Generator[tuple[Batch, int], None, None]:
        """The rows through a job.

        Raises:
            _BulkRefused: there will be no rows, and none has been handed out.
        """
        self._hooks(EngineChosen("bulk", reason))
        batches = self._by_bulk(max_rows, whole)
        try:
            first = next(batches)
        except (ResponseError, BulkJobFailed) as refusal:
            problem = refusal
        else:
            yield first
            yield from batches
            return
        raise _BulkRefused(problem.message) from problem


class _BulkRefused(Exception):
    """A job that was tried for a query that REST serves, too."""
