"""Which API a query is read through: REST pages or a Bulk job, or the one first and then the other."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Literal, get_args

from sfdata.api.describe import DescribeCache
from sfdata.errors import ConfigurationError
from sfdata.frames.batch import Batch
from sfdata.resilience.hooks import Hooks
from sfdata.soql import Query
from sfdata.transfer.rest_read import RestRead
from sfdata.transport.http_session import HttpSession

Engine = Literal["auto", "rest", "bulk"]


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
        self._parts = (session, describe, hooks, query, text, all_rows)
        self._parallel = parallel

    @cached_property
    def rest(self) -> RestRead:
        """The query through REST."""
        return RestRead(*self._parts, self._parallel)

    def batches(self, max_rows: int | None = None) -> Iterator[tuple[Batch, int]]:
        """The rows as they arrive, beside the org's count of all."""
        return self.rest.batches(max_rows)
