"""Conditions to SQL.

SOQL's logic has two values: a comparison with a null field is false, and NOT turns it true. SQL's has three, so NOT
first makes false of unknown (`negation`); AND and OR need nothing, as they never make true of unknown.
https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_comparisonoperators.htm
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sfdata.localorg.engine import refusals
from sfdata.localorg.engine.functions import text_key
from sfdata.localorg.engine.literals import ID_TYPES, TYPE_WORDS, Literals, Range
from sfdata.localorg.engine.resolve import Operand
from sfdata.localorg.engine.sql import FALSE, Sql, all_of, any_of, compose, places, value
from sfdata.localorg.schema import COMPOUND_TYPES
from sfdata.localorg.tables import fold
from sfdata.soql.nodes import (
    And,
    Comparison,
    Condition,
    Expression,
    FunctionCall,
    Membership,
    MultiPicklistTest,
    Not,
    NullLiteral,
    Or,
    StringLiteral,
    SubqueryMembership,
)

EQUALITY = frozenset({"=", "!="})
# Which operators a type knows, where it does not know all.
OPERATORS: Mapping[str, frozenset[str]] = {
    "boolean": EQUALITY | {"IN"},
    "multipicklist": EQUALITY | {"IN", "INCLUDES"},
}
# A distance is within a radius or beyond it.
DISTANCE_OPERATORS = frozenset({"<", ">"})
ORDER = EQUALITY | {"<", "<=", ">", ">=", "IN"}
TEXT_ORDER = ORDER | {"LIKE"}

# A range compared: with its start or its end.
RANGE_SIDES: Mapping[str, tuple[str, str]] = {
    "<": ("<", "start"),
    "<=": ("<", "end"),
    ">": (">=", "end"),
    ">=": (">=", "start"),
}

SemiJoin = Callable[[SubqueryMembership], Sql]


@dataclass(frozen=True, slots=True)
class Conditions:
    """Turns conditions into SQL. ``operand`` resolves their left sides, ``semi_join`` their sub-selects."""

    operand: Callable[[Expression], Operand]
    literals: Literals
    semi_join: SemiJoin
    sort_key: str

    def sql(self, condition: Condition) -> Sql:
        """SQL that is true for the rows the condition holds for, and false or null for all others.

        Raises:
            ApiError: where a field, an operator and a literal do not go together.
        """
        match condition:
            case And(items):
                return all_of(self.sql(item) for item in items)
            case Or(items):
                return any_of(self.sql(item) for item in items)
            case Not(item):
                return negation(self.sql(item))
            case Comparison(left, "LIKE"):
                return self._like(self._filterable(left, "LIKE"), condition)
            case Comparison(left, operator, right):
                operand = self._filterable(left, operator)
                if isinstance(right, NullLiteral) and operator not in EQUALITY:
                    raise refusals.without_order(self.literals.text, operand.pos)
                stored = self.literals.stored(operand, right)
                if stored is None and operator not in EQUALITY and isinstance(right, StringLiteral):
                    # An empty text equals null, and comes before every other text.
                    stored = ""
                return self._compare(operand, operator, stored)
            case Membership():
                return self._membership(condition)
            case MultiPicklistTest():
                return self._includes(condition)
            case SubqueryMembership():
                return self.semi_join(condition)

    def _filterable(self, left: Expression, operator: str) -> Operand:
        """The left side, if it can be filtered at all and by this operator."""
        operand = self.operand(left)
        field, text = operand.field, self.literals.text
        if operand.type in COMPOUND_TYPES:
            message = f"{operand.type.capitalize()} fields can only be filtered using Distance expressions"
            raise refusals.refuse_at("INVALID_FIELD", message, text, operand.pos)
        if field is not None and not field.filterable:
            raise refusals.unfit(operand.name, "filtered", text, operand.pos)
        if isinstance(left, FunctionCall) and left.name.upper() == "DISTANCE" and operator not in DISTANCE_OPERATORS:
            raise refusals.wrong_operator("distance", text, operand.pos)
        textual = TYPE_WORDS.get(operand.type) == "string"
        if operator not in OPERATORS.get(operand.type, TEXT_ORDER if textual else ORDER):
            kind = "id" if operand.type in ID_TYPES else operand.type
            raise refusals.wrong_operator(kind, text, operand.pos)
        return operand

    # --- comparisons -------------------------------------------------------------------------------------------------

    def _compare(self, operand: Operand, operator: str, right: Any) -> Sql:
        if isinstance(right, Range):
            return _compare_range(operand.sql, operator, right)
        if operator in EQUALITY:
            equal = _equals(operand, right)
            return equal if operator == "=" else negation(equal)
        if not operand.ignores_case:
            return compose(f"{{}} {operator} {{}}", operand.sql, value(right))
        keys = text_key(operand.sql, self.sort_key), text_key(value(right), self.sort_key)
        return compose(f"{{}} {operator} {{}}", *keys)

    def _like(self, operand: Operand, condition: Comparison) -> Sql:
        right = condition.right
        if not isinstance(right, StringLiteral):
            self.literals.stored(operand, right)
            return FALSE
        self.literals.check_length(right)
        pattern = right.like or right.value
        if not operand.ignores_case:
            return compose("{} GLOB {}", operand.sql, value(glob(pattern)))
        if pattern.isascii():
            return compose(r"{} LIKE {} ESCAPE '\'", operand.sql, value(pattern))
        return compose(r"fold({}) LIKE {} ESCAPE '\'", operand.sql, value(fold(pattern)))

    def _membership(self, condition: Membership) -> Sql:
        operand = self._filterable(condition.left, "IN")
        rights = [self.literals.stored(operand, literal) for literal in condition.values]
        plain = [r for r in rights if r is not None and not isinstance(r, Range)]
        tests = [_compare_range(operand.sql, "=", r) for r in rights if isinstance(r, Range)]
        if None in rights:
            tests.append(compose("{} IS NULL", operand.sql))
        if plain:
            tests.append(_one_of(operand, plain))
        found = any_of(tests)
        return negation(found) if condition.negated else found

    def _includes(self, condition: MultiPicklistTest) -> Sql:
        operand = self.operand(condition.left)
        if operand.type != "multipicklist":
            raise refusals.wrong_operator(operand.type, self.literals.text, operand.pos)
        operand = self._filterable(condition.left, "INCLUDES")
        found = any_of(self._has_all(operand, literal) for literal in condition.values)
        return negation(found) if condition.negated else found

    def _has_all(self, operand: Operand, literal: Any) -> Sql:
        """Whether all the values of ``'A;B'`` are chosen; null is nothing chosen."""
        wanted = self.literals.stored(operand, literal)
        if wanted is None:
            return compose("{} IS NULL", operand.sql)
        tests = []
        for one in filter(None, (part.strip() for part in wanted.split(";"))):
            pattern = f"%;{fold(escaped_like(one))};%"
            tests.append(compose(r"fold(';' || {} || ';') LIKE {} ESCAPE '\'", operand.sql, value(pattern)))
        return all_of(tests) if tests else FALSE


def negation(condition: Sql) -> Sql:
    """True where ``condition`` is false or null."""
    return compose("NOT coalesce(({}), 0)", condition)


def glob(like: str) -> str:
    """A LIKE pattern (``\\`` escapes) as a GLOB pattern, which respects case."""
    out: list[str] = []
    escaped = False
    for c in like:
        if c == "\\" and not escaped:
            escaped = True
            continue
        if escaped or c not in "%_":
            out.append(f"[{c}]" if c in "*?[" else c)
        else:
            out.append("*" if c == "%" else "?")
        escaped = False
    return "".join(out)


def escaped_like(text: str) -> str:
    """A text as a LIKE pattern that matches only itself."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _equals(operand: Operand, right: Any) -> Sql:
    if right is None:
        return compose("{} IS NULL", operand.sql)
    if not operand.ignores_case:
        return compose("{} IS {}", operand.sql, value(right))
    if right.isascii():
        return compose("{} COLLATE NOCASE IS {}", operand.sql, value(right))
    return compose("fold({}) IS {}", operand.sql, value(fold(right)))


def _one_of(operand: Operand, rights: list[Any]) -> Sql:
    if not operand.ignores_case:
        return compose("{} IN ({})", operand.sql, places(rights))
    beyond = [r for r in rights if not r.isascii()]
    tests = [compose("{} COLLATE NOCASE IN ({})", operand.sql, places(r for r in rights if r.isascii()))]
    if beyond:
        tests.append(compose("fold({}) IN ({})", operand.sql, places(map(fold, beyond))))
    return any_of(tests)


def _compare_range(left: Sql, operator: str, right: Range) -> Sql:
    if operator in EQUALITY:
        inside = compose("{} >= {} AND {} < {}", left, value(right.start), left, value(right.end))
        return inside if operator == "=" else negation(inside)
    compare, side = RANGE_SIDES[operator]
    return compose(f"{{}} {compare} {{}}", left, value(getattr(right, side)))
