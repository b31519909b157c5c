"""Semi-joins and anti-joins: ``Id [NOT] IN (SELECT AccountId FROM Contact …)``, with the limits Salesforce sets them.

https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_comparisonoperators.htm
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sfdata.localorg.engine import refusals
from sfdata.localorg.engine.filters import negation
from sfdata.localorg.engine.literals import ID_TYPES
from sfdata.localorg.engine.resolve import Operand, Scope, open_scope, queryable
from sfdata.localorg.engine.sql import Sql, compose
from sfdata.localorg.schema import Schema
from sfdata.soql.nodes import And, Condition, FieldPath, Not, Or, Query, SelectField, SubqueryMembership

MAX_SEMI_JOINS = 2
NOT_INNER = frozenset({"ActivityHistory", "Attachment", "Event", "EventAttendee", "Note", "OpenActivity", "Task"})

Where = Callable[[Scope, Query], Sql]


@dataclass(frozen=True, slots=True)
class SemiJoins:
    """Compiles the sub-selects in conditions on the rows of ``outer``; ``where`` compiles their own WHERE."""

    schema: Schema
    outer: Scope
    where: Where

    def sql(self, condition: SubqueryMembership) -> Sql:
        """SQL for a semi-join. Nulls that the sub-select yields are nobody's match, also for NOT IN."""
        left = self._left(condition)
        query = condition.query
        self._check(query)
        sobject = queryable(self.schema, query.source.name, query.text, query.source.pos)
        self._check_object(sobject.name, query)
        inner = open_scope(self.schema, sobject, query, self.outer.aliases)
        selected = self._selected(inner, query)
        if not self._targets(left, self.outer) & self._targets(selected, inner):
            message = (
                f"The selected field '{selected.name}' in the subquery and the left operand field in the where "
                f"expression in the outer query '{left.name}' should point to the same object type"
            )
            raise refusals.malformed(message, query.text, condition.pos)
        where = self.where(inner, query)
        found = compose(
            "{} IN (SELECT {} FROM {} WHERE {} IS NOT NULL AND ({}))",
            left.sql,
            selected.sql,
            inner.tables,
            selected.sql,
            where,
        )
        return negation(found) if condition.negated else found

    def _left(self, condition: SubqueryMembership) -> Operand:
        left, text = condition.left, self.outer.text
        if not isinstance(left, FieldPath):
            raise refusals.malformed("The left operand of a semi join must be an ID field", text, condition.pos)
        relationships, _ = self.outer.split(left)
        if relationships:
            message = f"The left operand '{left}' cannot have more than one level of relationships"
            raise refusals.malformed(message, text, left.pos)
        operand = self.outer.operand(left)
        if operand.type not in ID_TYPES:
            message = (
                "The left operand field in the where expression for outer query should be an id field, "
                f"cannot use: '{operand.name}'"
            )
            raise refusals.malformed(message, text, left.pos)
        return operand

    def _selected(self, inner: Scope, query: Query) -> Operand:
        (item,) = query.select
        if not isinstance(item, SelectField) or not isinstance(item.expression, FieldPath):
            message = f"semi join sub selects can only query id fields, cannot use: '{item}'"
            raise refusals.malformed(message, query.text, item.pos)
        relationships, _ = inner.split(item.expression)
        if relationships:
            message = f"The inner select field '{item.expression}' cannot have more than one level of relationships"
            raise refusals.malformed(message, query.text, item.pos)
        operand = inner.operand(item.expression)
        if operand.type not in ID_TYPES:
            message = f"semi join sub selects can only query id fields, cannot use: '{operand.name}'"
            raise refusals.malformed(message, query.text, item.pos)
        return operand

    def _check(self, query: Query) -> None:
        if query.where is not None and any(isinstance(c, SubqueryMembership) for c, _ in _walk(query.where)):
            raise refusals.malformed("Nesting of semi join sub-selects is not supported", query.text, query.pos)

    def _check_object(self, name: str, query: Query) -> None:
        if name in NOT_INNER:
            message = f"Entity '{name}' is not supported for semi join inner selects"
            raise refusals.malformed(message, query.text, query.source.pos)
        if name == self.outer.sobject.name:
            message = "The inner and outer selects should not be on the same object type"
            raise refusals.malformed(message, query.text, query.source.pos)

    def _targets(self, operand: Operand, scope: Scope) -> frozenset[str]:
        if operand.field is not None and operand.field.reference_to:
            return frozenset(operand.field.reference_to)
        return frozenset({scope.sobject.name})


def check_places(condition: Condition, text: str) -> None:
    """Refuse more than two semi-joins, and any that does not stand at the top level of the condition."""
    found = [(c, path) for c, path in _walk(condition) if isinstance(c, SubqueryMembership)]
    if len(found) > MAX_SEMI_JOINS:
        message = f"Maximum {MAX_SEMI_JOINS} semi join sub-selects are allowed"
        raise refusals.refuse_at("EXCEEDED_MAX_SEMIJOIN_SUBSELECTS", message, text, found[MAX_SEMI_JOINS][0].pos)
    for semi_join, path in found:
        if Or in path:
            message = "Semi join sub-selects are not allowed with the 'OR' operator"
            raise refusals.malformed(message, text, semi_join.pos)
        if path not in ((), (And,)):
            message = (
                "Semi join sub-selects are only allowed at the top level WHERE expressions and not in nested WHERE "
                "expressions"
            )
            raise refusals.malformed(message, text, semi_join.pos)


def _walk(condition: Condition, path: tuple[type, ...] = ()) -> Iterator[tuple[Condition, tuple[type, ...]]]:
    """Every condition inside, with the kinds of those around it."""
    yield condition, path
    children = condition.items if isinstance(condition, And | Or) else ()
    if isinstance(condition, Not):
        children = (condition.item,)
    for child in children:
        yield from _walk(child, (*path, type(condition)))
