"""ORDER BY to SQL.

Nulls come first unless the query says otherwise, whatever the direction. Picklists sort as they are defined, other text
by the running user's locale.
https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_orderby.htm
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sfdata.localorg.engine import refusals
from sfdata.localorg.engine.functions import text_key
from sfdata.localorg.engine.resolve import Operand
from sfdata.localorg.engine.sql import Sql, compose, join, value
from sfdata.localorg.engine.viewer import Viewer
from sfdata.localorg.schema import COMPOUND_TYPES, Field
from sfdata.soql.nodes import Expression, OrderItem, Query

MAX_ITEMS = 32


def sort_key(viewer: Viewer) -> str:
    """The SQL function whose value orders texts for this user."""
    return "upper_key" if viewer.sorts_like_english else "reader_key"


@dataclass(frozen=True, slots=True)
class Term:
    """One key of an order, and its direction with the place of nulls."""

    key: Sql
    direction: str

    @property
    def sql(self) -> Sql:
        return compose(f"{{}} {self.direction}", self.key)


def order_terms(query: Query, operand: Callable[[Expression], Operand], viewer: Viewer) -> list[Term]:
    """The terms of ORDER BY, most significant first; none without the clause.

    Raises:
        ApiError: for more than 32 items, or a field that cannot be sorted.
    """
    if len(query.order_by) > MAX_ITEMS:
        raise refusals.refuse("MALFORMED_QUERY", f"Maximum number of order by fields exceeded: {MAX_ITEMS}")
    return [term for item in query.order_by for term in _terms(item, operand(item.expression), query.text, viewer)]


def _terms(item: OrderItem, operand: Operand, text: str, viewer: Viewer) -> Iterator[Term]:
    field = operand.field
    if operand.type in COMPOUND_TYPES or (field is not None and not field.sortable):
        raise refusals.unfit(operand.name, "sorted", text, operand.pos)
    direction = f"{'DESC' if item.descending else 'ASC'} NULLS {item.nulls or 'FIRST'}"
    if operand.type == "picklist" and field is not None and field.picklist:
        yield Term(_rank(operand.sql, field), direction)
    key = text_key(operand.sql, sort_key(viewer)) if operand.ignores_case else operand.sql
    yield Term(key, direction)


def _rank(sql: Sql, picklist: Field) -> Sql:
    """The position of a value among those defined; others come behind."""
    branches = [compose("WHEN {} THEN {}", value(v.value), value(n)) for n, v in enumerate(picklist.picklist)]
    rank = compose("CASE {} {} ELSE {} END", sql, join(" ", branches), value(len(branches)))
    return compose("CASE WHEN {} IS NOT NULL THEN {} END", sql, rank)
