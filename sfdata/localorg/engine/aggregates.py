"""Plans for queries whose rows are groups: aggregate functions, GROUP BY, ROLLUP, CUBE, HAVING.

SQLite knows no grouping sets, so each is a SELECT of its own and all are joined by UNION ALL; a field that a set leaves
out is null there. Plain GROUP BY is the case of one set.
https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_groupby.htm
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations

from sfdata.localorg.engine import refusals
from sfdata.localorg.engine.clauses import Statement, check_context, limits, where_clause
from sfdata.localorg.engine.expressions import DATE_PARTS, FORMATTERS, Expressions
from sfdata.localorg.engine.filters import Conditions
from sfdata.localorg.engine.functions import text_key
from sfdata.localorg.engine.literals import Literals
from sfdata.localorg.engine.ordering import Term, order_terms, sort_key
from sfdata.localorg.engine.resolve import Operand, Scope, open_scope, queryable
from sfdata.localorg.engine.sql import NULL, TRUE, Sql, compose, join, value
from sfdata.localorg.schema import COMPOUND_TYPES, NUMBER_TYPES, Field
from sfdata.soql.nodes import (
    AGGREGATES,
    Expression,
    FieldPath,
    FunctionCall,
    Query,
    SelectField,
    SelectItem,
    SubqueryMembership,
)

MAX_ROLLED_UP = 3

SQL_OF: Mapping[str, str] = {
    "COUNT": "count({})",
    "COUNT_DISTINCT": "count(DISTINCT {})",
    "SUM": "sum({})",
    "MIN": "min({})",
    "MAX": "max({})",
}
NUMBERS_ONLY = frozenset({"SUM", "AVG"})
NEVER_AGGREGATED = (
    frozenset({"boolean", "multipicklist", "base64", "anyType", "encryptedstring", "time"}) | COMPOUND_TYPES
)

Grouping = frozenset[int]
"""A grouping set: which of the GROUP BY items make the groups."""


@dataclass(frozen=True)
class Column:
    """A member of the answer's records: its key, the expression as written, its type, its field where it is one."""

    key: str
    expression: str
    type: str
    field: Field | None


@dataclass(frozen=True)
class GroupPlan:
    """A query for groups: the members of each record and the SQL that yields them, without a limit of its own."""

    columns: tuple[Column, ...]
    sql: Sql
    limit: int | None
    offset: int

    def rows(self, most: int) -> Sql:
        """The groups, at most ``most``."""
        limit = most if self.limit is None else min(most, self.limit)
        return compose("{} LIMIT {} OFFSET {}", self.sql, value(limit), value(self.offset))


def is_grouped(query: Query) -> bool:
    """Whether a query's rows are groups."""
    return query.group_by is not None or any(
        isinstance(item, SelectField) and _aggregates(item.expression) for item in query.select
    )


def plan_count(statement: Statement, query: Query) -> Sql:
    """The SQL of ``SELECT COUNT() FROM …``: one number."""
    scope = _open(statement, query)
    check_context(query)
    if query.order_by:
        raise _overall("ORDER BY")
    where = where_clause(statement, scope, query)
    limit, offset = limits(query)
    chosen = compose("SELECT 1 FROM {} WHERE {}", scope.tables, where)
    if limit is not None or offset:
        chosen = compose("{} LIMIT {} OFFSET {}", chosen, value(-1 if limit is None else limit), value(offset))
    return compose("SELECT count(*) FROM ({})", chosen)


def plan_groups(statement: Statement, query: Query) -> GroupPlan:
    """The plan of a query for groups.

    Raises:
        ApiError: for whatever Salesforce refuses in it.
    """
    scope = _open(statement, query)
    check_context(query)
    _check_overall(query)
    keys = _group_keys(statement, scope, query)
    where = where_clause(statement, scope, query)
    selects: list[Sql] = []
    for grouping in grouping_sets(query, len(keys)):
        grouped = GroupedExpressions(scope, statement.viewer, keys, grouping)
        terms = [*order_terms(query, grouped.operand, statement.viewer), *grouped.default_order()]
        selected = [grouped.selected(item) for item in query.select]
        having = TRUE if query.having is None else _having(statement, grouped).sql(query.having)
        groups = _groups(grouped, having) if query.group_by else Sql("")
        selects.append(compose("{} WHERE {} {}", _select(scope, selected, terms), where, groups))
    columns = tuple(_columns(query, selected))
    names = join(", ", [Sql(f"c{n}") for n in range(len(columns))])
    order = join(", ", [Sql(f"k{n} {term.direction}") for n, term in enumerate(terms)])
    sql = compose("SELECT {} FROM ({}){}", names, join(" UNION ALL ", selects), _ordered(order))
    return GroupPlan(columns, sql, *limits(query))


def grouping_sets(query: Query, count: int) -> list[Grouping]:
    """The grouping sets of a query with ``count`` GROUP BY items, the finest first."""
    mode = query.group_by.mode if query.group_by else None
    if mode is None:
        return [frozenset(range(count))]
    if count > MAX_ROLLED_UP:
        raise refusals.refuse("MALFORMED_QUERY", f"GROUP BY {mode} supports at most {MAX_ROLLED_UP} fields")
    if mode == "ROLLUP":
        return [frozenset(range(size)) for size in range(count, -1, -1)]
    return [frozenset(chosen) for size in range(count, -1, -1) for chosen in combinations(range(count), size)]


@dataclass(frozen=True, slots=True)
class GroupedExpressions(Expressions):
    """Expressions of groups: aggregates, and what the query groups by. ``keys`` are the GROUP BY items."""

    keys: tuple[Operand, ...]
    grouping: Grouping

    def operand(self, expression: Expression) -> Operand:
        """The value of an expression for a group.

        Raises:
            ApiError: for a field that is neither grouped nor aggregated.
        """
        name = expression.name.upper() if isinstance(expression, FunctionCall) else ""
        if isinstance(expression, FunctionCall):
            if name in AGGREGATES:
                return self._aggregate(expression, name)
            if name == "GROUPING":
                return self._grouping(expression)
            if name in FORMATTERS:
                return Expressions.operand(self, expression)
            if name == "FIELDS":
                raise refusals.not_grouped(str(expression), self.scope.text, expression.pos)
        plain = self.ungrouped.operand(expression)
        position = self._position(plain, expression)
        if position not in self.grouping:
            return replace(plain, sql=NULL)
        # Texts that differ in case are one group; the first of them by code point stands for it.
        return replace(plain, sql=compose("min({} COLLATE BINARY)", plain.sql)) if plain.ignores_case else plain

    @property
    def ungrouped(self) -> Expressions:
        """The same expressions, of single rows."""
        return Expressions(self.scope, self.viewer)

    def selected(self, item: SelectItem) -> Operand:
        """The value of an item of the select list."""
        if isinstance(item, SelectField):
            return self.operand(item.expression)
        raise refusals.refuse("MALFORMED_QUERY", "Aggregate queries select only fields and functions")

    def group_by(self) -> Iterator[Sql]:
        """The SQL keys of this grouping set."""
        for position in sorted(self.grouping):
            key = self.keys[position]
            yield text_key(key.sql) if key.ignores_case else key.sql

    def default_order(self) -> Iterator[Term]:
        """Groups by their keys, nulls first, each subtotal behind what it adds up."""
        for position, key in enumerate(self.keys):
            inside = position in self.grouping
            yield Term(Sql("0" if inside else "1"), "ASC")
            shown = compose("min({})", text_key(key.sql, "upper_key")) if key.ignores_case else key.sql
            yield Term(shown if inside else NULL, "ASC NULLS FIRST")

    def _position(self, plain: Operand, expression: Expression) -> int:
        """Which key an expression is; part of a date may also be one of a date that is grouped as a whole."""
        alike = {plain.sql}
        if isinstance(expression, FunctionCall) and expression.name.upper() in DATE_PARTS:
            argument = self.ungrouped.argument(expression)
            alike |= {argument.sql} if argument.type == "date" else set()
        for position, key in enumerate(self.keys):
            if key.sql in alike:
                return position
        raise refusals.not_grouped(str(expression), self.scope.text, expression.pos)

    def _grouping(self, call: FunctionCall) -> Operand:
        if len(call.args) != 1 or not isinstance(call.args[0], FieldPath | FunctionCall):
            raise self.refusal("GROUPING takes one field", call)
        position = self._position(self.ungrouped.operand(call.args[0]), call.args[0])
        return Operand(Sql("0" if position in self.grouping else "1"), "int", str(call), None, call.pos)

    def _aggregate(self, call: FunctionCall, name: str) -> Operand:
        if not call.args and name == "COUNT":
            raise self.refusal("COUNT() must stand alone in the select list; use COUNT(Id)", call)
        argument = self.ungrouped.argument(call)
        if any(key.sql == argument.sql for key in self.keys):
            message = f"Grouped field should not be aggregated: {argument.name}"
            raise refusals.malformed(message, self.scope.text, call.args[0].pos)
        field = argument.field
        unfit = argument.type in NEVER_AGGREGATED or (field is not None and not field.aggregatable)
        if unfit or (name in NUMBERS_ONLY and argument.type not in NUMBER_TYPES):
            raise self.refusal(f"field {argument.name} does not support aggregate operator {name}", call)
        if name in ("COUNT", "COUNT_DISTINCT"):
            distinct = name == "COUNT_DISTINCT" and argument.ignores_case
            counted = text_key(argument.sql) if distinct else argument.sql
            return Operand(compose(SQL_OF[name], counted), "int", str(call), None, call.pos)
        if name in NUMBERS_ONLY:
            return self._sum(argument, call, name)
        return replace(argument, sql=compose(SQL_OF[name], argument.sql), name=str(call), field=None)

    def _sum(self, argument: Operand, call: FunctionCall, name: str) -> Operand:
        total = compose(SQL_OF["SUM"], argument.sql)
        if argument.type not in ("int", "long"):
            total = compose("exact({}, {})", total, value(argument.scale))
        if name == "SUM":
            return Operand(total, argument.type, str(call), None, call.pos, scale=argument.scale)
        mean = compose("{} / CAST(count({}) AS REAL)", total, argument.sql)
        return Operand(mean, "double", str(call), None, call.pos, scale=argument.scale)


def _open(statement: Statement, query: Query) -> Scope:
    sobject = queryable(statement.schema, query.source.name, query.text, query.source.pos)
    return open_scope(statement.schema, sobject, query, statement.aliases)


def _check_overall(query: Query) -> None:
    """Refuse what makes no sense for the one row of a query without GROUP BY."""
    if query.group_by is not None:
        return
    for word, used in (
        ("LIMIT", query.limit is not None),
        ("OFFSET", query.offset is not None),
        ("ORDER BY", query.order_by),
    ):
        if used:
            raise _overall(word)


def _overall(word: str) -> Exception:
    message = f"Non-grouped query that uses overall aggregate functions cannot also use {word}"
    return refusals.refuse("MALFORMED_QUERY", message)


def _group_keys(statement: Statement, scope: Scope, query: Query) -> tuple[Operand, ...]:
    expressions = Expressions(scope, statement.viewer)
    keys = []
    for item in query.group_by.items if query.group_by else ():
        if isinstance(item, FunctionCall) and item.name.upper() not in DATE_PARTS:
            raise expressions.refusal(f"Function '{item.name}' is not allowed in GROUP BY", item)
        key = expressions.operand(item)
        if key.type in COMPOUND_TYPES or (key.field is not None and not key.field.groupable):
            raise refusals.unfit(key.name, "grouped", query.text, item.pos)
        keys.append(key)
    return tuple(keys)


def _having(statement: Statement, grouped: GroupedExpressions) -> Conditions:
    def refuse_semi_join(condition: SubqueryMembership) -> Sql:
        raise refusals.malformed("Semi join sub-selects are not allowed in HAVING", grouped.scope.text, condition.pos)

    literals = Literals(statement.viewer, grouped.scope.text)
    return Conditions(grouped.operand, literals, refuse_semi_join, sort_key(statement.viewer))


def _select(scope: Scope, selected: Iterable[Operand], terms: Iterable[Term]) -> Sql:
    """SELECT and FROM of one grouping set: the members as c0, c1, …, the order keys as k0, k1, …"""
    members = [compose(f"{{}} AS c{n}", operand.sql) for n, operand in enumerate(selected)]
    keys = [compose(f"{{}} AS k{n}", term.key) for n, term in enumerate(terms)]
    return compose("SELECT {} FROM {}", join(", ", [*members, *keys]), scope.tables)


def _groups(grouped: GroupedExpressions, having: Sql) -> Sql:
    """GROUP BY and HAVING of one grouping set. Grouped by a constant, all rows are one group, and no rows none."""
    return compose("GROUP BY {} HAVING {}", join(", ", list(grouped.group_by()) or [NULL]), having)


def _columns(query: Query, selected: Iterable[Operand]) -> Iterator[Column]:
    taken: set[str] = set()
    unnamed = 0
    for item, operand in zip(query.select, selected, strict=True):
        assert isinstance(item, SelectField)
        key = item.alias or operand.name
        if item.alias is None and _is_unnamed(item.expression):
            key = f"expr{unnamed}"
            unnamed += 1
        if key.casefold() in taken:
            raise refusals.malformed(f"duplicate alias: {key}", query.text, item.pos)
        taken.add(key.casefold())
        yield Column(key, str(item.expression), operand.type, operand.field)


def _ordered(order: Sql) -> Sql:
    return compose(" ORDER BY {}", order) if order.text else order


def _is_unnamed(expression: Expression) -> bool:
    """Whether an expression without an alias is answered as expr0, expr1, …"""
    if not isinstance(expression, FunctionCall):
        return False
    return expression.name.upper() not in FORMATTERS or _aggregates(expression)


def _aggregates(expression: Expression) -> bool:
    if not isinstance(expression, FunctionCall):
        return False
    name = expression.name.upper()
    inner = any(isinstance(argument, FunctionCall) and _aggregates(argument) for argument in expression.args)
    return inner or name == "GROUPING" or name in AGGREGATES
