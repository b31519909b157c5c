"""``query?explain=``: the ways to run a query, cheapest first, with numbers counted in the data.

A filter on an indexed field is worth an index while it leaves few enough rows; beyond that a scan is cheaper, and its
relative cost is above 1.
https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_query_explain.htm
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sfdata.localorg.engine.clauses import Statement, conditions, where_clause
from sfdata.localorg.engine.resolve import Operand, Scope, open_scope, queryable
from sfdata.localorg.engine.sql import Sql, compose
from sfdata.localorg.store import Store
from sfdata.localorg.tables import indexed
from sfdata.soql.nodes import And, Comparison, Condition, FieldPath, Membership, Query

INDEXED_OPERATORS = frozenset({"=", "<", "<=", ">", ">=", "LIKE"})
DATES_WITH_INDEX = frozenset({"CreatedDate", "LastModifiedDate", "SystemModstamp"})
# An index pays while it leaves at most this share of the rows: of a standard field, of a custom one.
SELECTIVE = {False: 0.3, True: 0.1}
SCAN_COST = 1.0


def explain(store: Store, statement: Statement, query: Query) -> dict[str, Any]:
    """The plans of a query that has been found valid."""
    sobject = queryable(statement.schema, query.source.name, query.text, query.source.pos)
    scope = open_scope(statement.schema, sobject, query, statement.aliases)
    where = where_clause(statement, scope, query)
    total = store.count(sobject)
    filters = list(_filters(scope, query.where))
    unindexed = [operand.name for _, operand in filters if not _has_index(operand)]
    plans = [_index_plan(store, statement, scope, c, operand, total) for c, operand in filters if _has_index(operand)]
    notes = [_note(sobject.name, name) for name in unindexed]
    plans.append(_plan(sobject.name, "TableScan", [], _count(store, scope, where), total, SCAN_COST, notes))
    plans.sort(key=lambda plan: plan["relativeCost"])
    return {"plans": plans, "sourceQuery": query.text}


def _index_plan(
    store: Store, statement: Statement, scope: Scope, condition: Condition, operand: Operand, total: int
) -> dict[str, Any]:
    matched = _count(store, scope, conditions(statement, scope).sql(condition))
    threshold = max(1.0, total * SELECTIVE[operand.field.custom if operand.field else False])
    cost = round(matched / threshold, 3)
    return _plan(scope.sobject.name, "Index", [operand.name], matched, total, cost, [])


def _plan(
    name: str,
    operation: str,
    fields: list[str],
    cardinality: int,
    total: int,
    cost: float,
    notes: list[dict[str, Any]],
) -> dict[str, Any]:
    return {
        "cardinality": cardinality,
        "fields": fields,
        "leadingOperationType": operation,
        "notes": notes,
        "relativeCost": cost,
        "sobjectCardinality": total,
        "sobjectType": name,
    }


def _note(name: str, field_name: str) -> dict[str, Any]:
    description = "Not considered for filter because unindexed"
    return {"description": description, "fields": [field_name], "tableEnumOrId": name}


def _filters(scope: Scope, condition: Condition | None) -> Iterator[tuple[Condition, Operand]]:
    """The conditions that hold for every row of the result and look at one field of the object itself."""
    if isinstance(condition, And):
        for item in condition.items:
            yield from _filters(scope, item)
    elif isinstance(condition, Comparison | Membership) and isinstance(condition.left, FieldPath):
        relationships, _ = scope.split(condition.left)
        operator = condition.operator if isinstance(condition, Comparison) else "="
        negated = isinstance(condition, Membership) and condition.negated
        if not relationships and operator in INDEXED_OPERATORS and not negated:
            yield condition, scope.operand(condition.left)


def _has_index(operand: Operand) -> bool:
    f = operand.field
    return f is not None and (indexed(f) or f.name_field or f.name in DATES_WITH_INDEX)


def _count(store: Store, scope: Scope, where: Sql) -> int:
    statement = compose("SELECT count(*) FROM {} WHERE {}", scope.tables, where)
    (number,) = store.connection.execute(statement.text, statement.params).fetchone()
    return int(number)
