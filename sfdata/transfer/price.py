"""What a query will cost, before it is run: rows, API calls by either engine, their part of the org's day, the plan.

How many calls REST needs follows from the rows and from how many of them a page holds. What a job needs is a guess: how
long it runs, and how its results are cut, is the org's affair.
"""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate, takewhile
from typing import Any, Literal

import pandas as pd

from sfdata.api.limits import limits
from sfdata.errors import (
    InvalidField,
    InvalidType,
    MalformedQuery,
    ResponseError,
    SalesforceError,
    ServerUnavailable,
)
from sfdata.frames.columns import UnknownName
from sfdata.metadata import ObjectDescribe
from sfdata.plain_text import plain
from sfdata.resilience.limits import ApiUsage
from sfdata.resilience.patience import Patience
from sfdata.soql.nodes import Subquery
from sfdata.transfer.bulk_read import FEWEST_CALLS
from sfdata.transfer.engine import PAGES_BY_REST, TOO_SLOW, Reading
from sfdata.transfer.rest_read import PAGE_ROWS
from sfdata.transfer.statements import Statements
from sfdata.transport.http_session import HttpSession

WIDE_PAGE_ROWS = 200
"""Rows of a page where they hold two or more long texts."""
LONG_TEXT = 255
"""Characters up to which a text area is no long one."""

JOB_SECONDS, JOB_ROWS_A_SECOND = 5.0, 10_000
"""How long a job is taken to run: so many seconds, and one more for so many rows."""
JOB_PAGE_ROWS = 50_000
PAGES_LISTED = 5
"""Addresses of pages of results in an answer."""

Accuracy = Literal["exactly", "about", "at least"]


@dataclass(frozen=True, slots=True)
class EnginePrice:
    """What one engine would need.

    Attributes:
        engine: ``"rest"`` or ``"bulk"``.
        calls: API calls; None where the engine cannot serve the query.
        accuracy: how ``calls`` is meant, where there are any.
        remark: what the calls are for, or why there are none.
    """

    engine: Literal["rest", "bulk"]
    calls: int | None
    accuracy: Accuracy | None
    remark: str

    @property
    def amount(self) -> str:
        """The calls in words."""
        if self.calls is None:
            return "cannot serve this"
        return f"{'' if self.accuracy == 'exactly' else f'{self.accuracy} '}{_counted(self.calls, 'API call')}"

    def __str__(self) -> str:
        return f"{self.engine}  {self.amount}: {self.remark}"


@dataclass(frozen=True, slots=True)
class Plan:
    """How the org would find the rows: the first of the plans that ``explain`` tells.

    A relative cost above 1 means that no index is selective enough.
    https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_query_explain.htm
    """

    operation: str
    object: str
    relative_cost: float | None
    cardinality: int | None

    def __str__(self) -> str:
        return f"{plain(self.operation)} on {plain(self.object)}, relative cost {self.relative_cost}"


@dataclass(frozen=True, slots=True)
class Cost:
    """The price of a query, as `Soql.cost` finds it out.

    Attributes:
        rows: how many there are to read now; None where only reading them can tell (groups, several statements).
        rows_estimated: ``rows`` is the planner's estimate, since counting them takes the org too long.
        engines: what REST and Bulk would need.
        engine: the one that would be taken.
        usage: the org's API calls of the last 24 hours, and how many it has; None where it does not tell.
        plan: how the org would find the rows; None where it does not tell.
        budget_remaining: calls that this connection may still make; None without a bound.
        asked: calls that finding out took. The describes among them are kept, and not needed again.
    """

    rows: int | None
    rows_estimated: bool
    engines: tuple[EnginePrice, EnginePrice]
    engine: Literal["rest", "bulk"]
    usage: ApiUsage | None
    plan: Plan | None
    budget_remaining: int | None
    asked: int

    @property
    def calls(self) -> int | None:
        """API calls by the engine that would be taken; None where that cannot serve the query."""
        return next(price.calls for price in self.engines if price.engine == self.engine)

    @property
    def share(self) -> float | None:
        """Their part of the calls the org has for a day, 0.01 for a hundredth; None where it does not tell."""
        return self._share(self.calls)

    @property
    def affordable(self) -> bool:
        """Whether neither the org's day nor this connection's budget is known to have fewer calls left."""
        return not list(self._obstacles())

    def to_frame(self) -> pd.DataFrame:
        """One row per engine: ``calls``, ``accuracy``, ``share`` of the org's day, ``chosen`` and ``remark``."""
        rows = [(p.calls, p.accuracy, self._share(p.calls), p.engine == self.engine, p.remark) for p in self.engines]
        frame = pd.DataFrame(rows, columns=["calls", "accuracy", "share", "chosen", "remark"])
        frame.index = pd.Index([price.engine for price in self.engines], name="engine", dtype="str")
        kinds = {"calls": "Int64", "accuracy": "str", "share": "float64", "chosen": "boolean", "remark": "str"}
        return frame.astype(kinds)

    @property
    def lines(self) -> list[str]:
        """The whole in a few lines of text; an arrow marks the engine that would be taken."""
        prices = [f"{'→' if price.engine == self.engine else ' '} {price}" for price in self.engines]
        return [self._rows_line, *prices, *self._notes()]

    def __repr__(self) -> str:
        return "\n".join(self.lines)

    def _repr_html_(self) -> str:
        rows = [(price.engine, price.amount, price.remark) for price in self.engines]
        cells = ["".join(f"<td style='text-align:left'>{html.escape(text)}</td>" for text in row) for row in rows]
        chosen = [price.engine == self.engine for price in self.engines]
        marked = [f"<tr><td>{'→' if one else ''}</td>{row}</tr>" for one, row in zip(chosen, cells, strict=True)]
        notes = "<br>".join(map(html.escape, self._notes()))
        return f"<div>{html.escape(self._rows_line)}<table>{''.join(marked)}</table>{notes}</div>"

    @property
    def _rows_line(self) -> str:
        if self.rows is None:
            return "rows: only reading tells"
        return f"{'about ' if self.rows_estimated else ''}{_counted(self.rows, 'row')}"

    def _notes(self) -> Iterator[str]:
        if self.usage is not None and self.share is not None:
            share = "less than 0.01%" if self.share < 0.0001 else f"{self.share:.2%}"
            yield f"{share} of the org's {self.usage.allowed:,} API calls a day; {self.usage.remaining:,} are left"
        yield from self._obstacles()
        if self.plan is not None:
            yield f"plan: {self.plan}"
        yield f"found out with {_counted(self.asked, 'API call')}"

    def _obstacles(self) -> Iterator[str]:
        """What is in the way of running the query now."""
        calls = self.calls or 0
        if self.usage is not None and calls > self.usage.remaining:
            yield f"more than the org has left: {self.usage.remaining:,}"
        app = self.usage.app if self.usage is not None else None
        if app is not None and calls > app.allowed - app.used:
            yield f"more than the connected app {plain(app.app_name)} has left: {max(app.allowed - app.used, 0):,}"
        if self.budget_remaining is not None and calls > self.budget_remaining:
            yield f"more than this connection's budget has left: {self.budget_remaining:,}"

    def _share(self, calls: int | None) -> float | None:
        return None if calls is None or self.usage is None or not self.usage.allowed else calls / self.usage.allowed


def price(
    session: HttpSession,
    describe: Callable[[str], ObjectDescribe],
    statements: Statements,
    reading: Reading,
    *,
    max_rows: int | None,
    used_before: int,
) -> Cost:
    """What reading ``statements`` would cost, up to ``max_rows`` where that is given.

    Finding out takes a COUNT(), an explain, the limits where no answer has told the org's usage yet, and the describes
    that reading takes anyway; ``used_before`` are the calls the connection had made before.

    Raises:
        ResponseError: the org refuses the query.
    """
    unservable = reading.unservable  # which needs the describes
    plan = _plan(statements)
    rows, estimated = _rows(statements, plan)
    wanted = rows if rows is None or max_rows is None else min(rows, max_rows)
    rest = _by_rest(statements, _page_rows(reading, describe), wanted, estimated)
    bulk = EnginePrice("bulk", None, None, unservable) if unservable else _by_bulk(len(statements.texts), wanted)
    engine = reading.engine
    if engine == "auto":
        large = max_rows is None and wanted is not None and rest.calls is not None and rest.calls > PAGES_BY_REST
        engine = "bulk" if large and not unservable else "rest"
    usage, asked = _usage(session), session.budget.used - used_before
    return Cost(wanted, estimated, (rest, bulk), engine, usage, plan, session.budget.remaining, asked)


def _plan(statements: Statements) -> Plan | None:
    """The plan, where the org tells one. Only a refusal of the query itself is raised: reading would meet it, too."""
    try:
        plans = statements.explain()["plans"]
    except (MalformedQuery, InvalidField, InvalidType):
        raise
    except ResponseError:
        return None
    if not plans or not isinstance(plans[0], Mapping):
        return None
    return _read_plan(plans[0])


def _read_plan(told: Mapping[str, Any]) -> Plan:
    numbers = [told.get(key) for key in ("relativeCost", "cardinality")]
    cost, cardinality = (number if isinstance(number, int | float) else None for number in numbers)
    operation, name = str(told.get("leadingOperationType")), str(told.get("sobjectType"))
    return Plan(operation, name, cost, None if cardinality is None else int(cardinality))


def _rows(statements: Statements, plan: Plan | None) -> tuple[int | None, bool]:
    """The number of rows, and whether it is the planner's estimate."""
    query = statements.query
    if query.is_aggregate or query.is_count:
        return (None, False) if query.group_by else (1, False)
    if len(statements.texts) > 1:
        return None, False  # a COUNT() for each would cost about as much as reading them
    try:
        return statements.count(), False
    except ServerUnavailable as slow:
        if slow.error_code not in TOO_SLOW:
            raise
    return (None, False) if plan is None else (plan.cardinality, True)


def _by_rest(statements: Statements, page_rows: int, rows: int | None, estimated: bool) -> EnginePrice:
    texts, query = statements.texts, statements.query
    if query.is_aggregate or query.is_count:
        return EnginePrice("rest", len(texts), "exactly", "groups come on one page" if query.group_by else "one row")
    if len(texts) > 1 or rows is None:
        return EnginePrice("rest", len(texts), "at least", _counted(len(texts), "statement"))
    pages = max(1, math.ceil(rows / page_rows))
    remark = "one page" if pages == 1 else f"pages of up to {page_rows:,} rows"
    if any(isinstance(item, Subquery) for item in query.select):
        return EnginePrice("rest", pages, "at least", f"{remark}, and more where records have many child rows")
    if texts != [statements.text]:
        return EnginePrice("rest", pages, "at least", f"{remark}, and the other columns by Ids")
    return EnginePrice("rest", pages, "about" if estimated or page_rows < PAGE_ROWS else "exactly", remark)


def _by_bulk(statements: int, rows: int | None) -> EnginePrice:
    if statements > 1 or rows is None:
        return EnginePrice("bulk", FEWEST_CALLS * statements, "at least", _counted(statements, "job"))
    pages = max(1, math.ceil(rows / JOB_PAGE_ROWS))
    polls = _polls(JOB_SECONDS + rows / JOB_ROWS_A_SECOND, Patience())
    calls = 1 + polls + math.ceil(pages / PAGES_LISTED) + pages
    return EnginePrice(
        "bulk", calls, "about", f"a job, {polls} looks at its state, {_counted(pages, 'page')} of results"
    )


def _polls(seconds: float, patience: Patience) -> int:
    """How often a job that runs so long is asked for its state."""
    waited = accumulate(patience.pauses(), initial=0.0)
    return 1 + sum(1 for _ in takewhile(lambda so_far: so_far < seconds, waited))


def _page_rows(reading: Reading, describe: Callable[[str], ObjectDescribe]) -> int:
    """Rows of a page: fewer where they are wide.

    https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/headers_queryoptions.htm
    """
    with suppress(UnknownName, InvalidType):
        columns = reading.rest.columns
        base = describe(columns.object_name)
        long_texts = sum(_is_long_text(base, column.path, describe) for column in columns.columns)
        return WIDE_PAGE_ROWS if long_texts > 1 else PAGE_ROWS
    return PAGE_ROWS


def _is_long_text(described: ObjectDescribe, path: tuple[str, ...], describe: Callable[[str], ObjectDescribe]) -> bool:
    *parents, name = path
    for relationship in parents:
        reference = described.parent(relationship)
        if reference is None or len(reference.reference_to) != 1:
            return False
        described = describe(reference.reference_to[0])
    field = described.field(name)
    return field is not None and field.type == "textarea" and field.length > LONG_TEXT


def _usage(session: HttpSession) -> ApiUsage | None:
    """The org's API calls as an answer told them last; else as the limits do."""
    if session.limits.last is None:
        with suppress(SalesforceError):
            limits(session)
    return session.limits.last


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
