"""`Soql`: a query in the hand, not yet sent."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from sfdata.api.describe import DescribeCache
from sfdata.api.query import explain, first_page
from sfdata.errors import ConfigurationError
from sfdata.frames.batch import Batch
from sfdata.frames.columns import ResultColumns
from sfdata.frames.decode import count_only
from sfdata.resilience.hooks import Hooks
from sfdata.soql import bind, parse
from sfdata.soql.nodes import FunctionCall, SelectField
from sfdata.transfer.engine import Engine, Reading
from sfdata.transfer.results import Results
from sfdata.transport.http_session import HttpSession


class Soql(Results):
    """A query that has not been sent: parsed, its binds filled in.

    Make one with `Org.soql`. Every method that returns rows returns all of them or raises `IncompleteResult`; it raises
    a `ResponseError` (`InvalidField`, `InvalidType`, `MalformedQuery` …) when the org refuses the query.

    Attributes:
        text: the query as it will be sent.
        query: its syntax tree.
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
        self.text = bind(text, params)
        self.query = parse(self.text)
        if self.query.all_rows:  # a clause of Apex; over REST another resource says the same
            self.query = replace(self.query, all_rows=False)
            self.text = str(self.query)
            all_rows = True
        self._session = session
        self._reading = Reading(session, describe, hooks, self.query, self.text, all_rows, engine, parallel)

    def count(self) -> int:
        """How many rows the query has, for one COUNT() call; a grouped query has to be run to be counted."""
        if self.query.is_aggregate and not self.query.is_count:
            return len(self._whole()[0])
        counted = replace(self.query, select=(SelectField(FunctionCall("COUNT")),), order_by=(), purpose=(), update=())
        ask = partial(first_page, self._session, str(counted), all_rows=self._reading.all_rows)
        return count_only(self._reading.rest.advised(ask))

    def explain(self) -> dict[str, Any]:
        """The org's plans for the query, as it answers them; nothing is read.

        https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_query_explain.htm
        """
        return self._reading.rest.advised(partial(explain, self._session, self.text))

    def _batches(self, max_rows: int | None = None) -> Iterator[tuple[Batch, int]]:
        return self._reading.batches(max_rows)

    def _columns(self) -> ResultColumns:
        return self._reading.rest.columns

    def _prove(self, whole: Batch) -> None:
        self._reading.rest.refuse_repeats(whole.table)

    def _about(self) -> dict[str, Any]:
        return {
            "object": self.query.source.name,
            "org": urlsplit(self._session.instance_url).hostname,
            "api_version": self._session.api_version,
            "engine": self._reading.used,
            "read_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        }

    def __repr__(self) -> str:
        return f"Soql({self.text!r})"
