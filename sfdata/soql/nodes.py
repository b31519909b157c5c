"""The syntax tree of a SOQL query: what was written, nothing inferred.

Names keep the spelling of the query. ``pos`` is an offset into the query text, for messages that point.
The language: https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select.htm
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

# Literals are nodes too: whoever walks a tree takes all of its classes from here.
from sfdata.soql.literals import Bind as Bind
from sfdata.soql.literals import BooleanLiteral as BooleanLiteral
from sfdata.soql.literals import CurrencyLiteral as CurrencyLiteral
from sfdata.soql.literals import DateLiteral as DateLiteral
from sfdata.soql.literals import DateTimeLiteral as DateTimeLiteral
from sfdata.soql.literals import Literal as Literal
from sfdata.soql.literals import NullLiteral as NullLiteral
from sfdata.soql.literals import NumberLiteral as NumberLiteral
from sfdata.soql.literals import RelativeDate as RelativeDate
from sfdata.soql.literals import StringLiteral as StringLiteral
from sfdata.soql.literals import TimeLiteral as TimeLiteral

# --- expressions -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FieldPath:
    """``Name``, ``Owner.Name``, ``a.Owner.Name``: dotted names, outermost first."""

    parts: tuple[str, ...]
    pos: int = field(default=0, compare=False)

    @property
    def name(self) -> str:
        return ".".join(self.parts)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """``COUNT()``, ``toLabel(Status)``, ``FIELDS(ALL)``, ``DISTANCE(Loc__c, GEOLOCATION(1, 2), 'mi')``."""

    name: str
    args: tuple[Expression | Literal, ...] = ()
    pos: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"{self.name}({_listed(self.args)})"


Expression = FieldPath | FunctionCall

# --- the select list -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SelectField:
    """A field or a function in the select list, with its alias where one is given."""

    expression: Expression
    alias: str | None = None

    @property
    def pos(self) -> int:
        return self.expression.pos

    def __str__(self) -> str:
        return f"{self.expression} {self.alias}" if self.alias else str(self.expression)


@dataclass(frozen=True, slots=True)
class TypeOfBranch:
    """``WHEN Account THEN Phone, Name``."""

    object: str
    fields: tuple[FieldPath, ...]

    def __str__(self) -> str:
        return f"WHEN {self.object} THEN {_listed(self.fields)}"


@dataclass(frozen=True, slots=True)
class TypeOf:
    """``TYPEOF What WHEN Account THEN Phone ELSE Name END``; ``otherwise`` is None without ELSE."""

    relationship: FieldPath
    branches: tuple[TypeOfBranch, ...]
    otherwise: tuple[FieldPath, ...] | None = None
    pos: int = field(default=0, compare=False)

    def __str__(self) -> str:
        branches = " ".join(map(str, self.branches))
        otherwise = f" ELSE {_listed(self.otherwise)}" if self.otherwise is not None else ""
        return f"TYPEOF {self.relationship} {branches}{otherwise} END"


@dataclass(frozen=True, slots=True)
class Subquery:
    """``(SELECT … FROM Contacts)`` in the select list; its query's ``source`` names a child relationship."""

    query: Query
    pos: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"({self.query})"


SelectItem = SelectField | TypeOf | Subquery

# --- conditions ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Comparison:
    """``Amount >= 10``. ``operator`` is one of ``= != < <= > >= LIKE`` (``<>`` is read as ``!=``)."""

    left: Expression
    operator: str
    right: Literal
    pos: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"{self.left} {self.operator} {self.right}"


@dataclass(frozen=True, slots=True)
class Membership:
    """``Industry [NOT] IN ('a', 'b')`` or ``IN :list``; a bind stands alone in ``values``."""

    left: Expression
    values: tuple[Literal, ...]
    negated: bool = False
    pos: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"{self.left} {'NOT IN' if self.negated else 'IN'} {_value_list(self.values)}"


@dataclass(frozen=True, slots=True)
class SubqueryMembership:
    """``Id [NOT] IN (SELECT AccountId FROM Contact)``: a semi-join or an anti-join."""

    left: Expression
    query: Query
    negated: bool = False
    pos: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"{self.left} {'NOT IN' if self.negated else 'IN'} ({self.query})"


@dataclass(frozen=True, slots=True)
class MultiPicklistTest:
    """``Colors__c INCLUDES ('red;blue', 'green')``; ``negated`` for EXCLUDES."""

    left: Expression
    values: tuple[Literal, ...]
    negated: bool = False
    pos: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"{self.left} {'EXCLUDES' if self.negated else 'INCLUDES'} {_value_list(self.values)}"


@dataclass(frozen=True, slots=True)
class And:
    items: tuple[Condition, ...]

    def __str__(self) -> str:
        return " AND ".join(f"({item})" if isinstance(item, And | Or) else str(item) for item in self.items)


@dataclass(frozen=True, slots=True)
class Or:
    items: tuple[Condition, ...]

    def __str__(self) -> str:
        return " OR ".join(f"({item})" if isinstance(item, And | Or) else str(item) for item in self.items)


@dataclass(frozen=True, slots=True)
class Not:
    item: Condition

    def __str__(self) -> str:
        return f"(NOT {f'({self.item})' if isinstance(self.item, And | Or) else self.item})"


Condition = Comparison | Membership | SubqueryMembership | MultiPicklistTest | And | Or | Not

# --- the query -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Source:
    """An entry of FROM: an object (``Account``), or a path from an earlier alias (``c.Account``), with its alias."""

    path: tuple[str, ...]
    alias: str | None = None
    pos: int = field(default=0, compare=False)

    @property
    def name(self) -> str:
        return ".".join(self.path)

    def __str__(self) -> str:
        return f"{self.name} {self.alias}" if self.alias else self.name


@dataclass(frozen=True, slots=True)
class DataCategory:
    """``Geography__c ABOVE_OR_BELOW usa__c``; several of them are joined by AND."""

    group: str
    operator: str
    categories: tuple[str, ...]

    def __str__(self) -> str:
        names = self.categories[0] if len(self.categories) == 1 else f"({', '.join(self.categories)})"
        return f"{self.group} {self.operator} {names}"


@dataclass(frozen=True, slots=True)
class Option:
    """``supportsDomains = TRUE``: a setting of WITH RecordVisibilityContext or of SET OPTIONS."""

    name: str
    value: Literal
    pos: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"{self.name} = {self.value}"


@dataclass(frozen=True, slots=True)
class GroupBy:
    """``GROUP BY a, b``; ``mode`` is ``ROLLUP``, ``CUBE`` or None."""

    items: tuple[Expression, ...]
    mode: str | None = None

    def __str__(self) -> str:
        items = _listed(self.items)
        return f"{self.mode}({items})" if self.mode else items


@dataclass(frozen=True, slots=True)
class OrderItem:
    """``Name DESC NULLS LAST``; ``nulls`` is ``FIRST``, ``LAST`` or None (then FIRST)."""

    expression: Expression
    descending: bool = False
    nulls: str | None = None

    def __str__(self) -> str:
        return f"{self.expression}{' DESC' if self.descending else ''}{f' NULLS {self.nulls}' if self.nulls else ''}"


@dataclass(frozen=True, slots=True)
class Query:
    """A whole SELECT, also as a subquery. ``text`` is the source it was read from (empty for built trees).

    WITH has four forms: ``access`` (``USER_MODE``), ``data_categories``, ``filter`` (``UserId = '005…'``) and
    ``visibility``, the options of RecordVisibilityContext. ``purpose`` is what FOR names, ``options`` are those of SET
    OPTIONS.
    """

    select: tuple[SelectItem, ...]
    source: Source
    joins: tuple[Source, ...] = ()
    scope: str | None = None
    where: Condition | None = None
    access: str | None = None
    data_categories: tuple[DataCategory, ...] = ()
    filter: Comparison | None = None
    visibility: tuple[Option, ...] = ()
    group_by: GroupBy | None = None
    having: Condition | None = None
    order_by: tuple[OrderItem, ...] = ()
    limit: int | Bind | None = None
    offset: int | Bind | None = None
    purpose: str | None = None
    update: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()
    all_rows: bool = False
    text: str = field(default="", compare=False, repr=False)
    pos: int = field(default=0, compare=False)

    @property
    def is_count(self) -> bool:
        """True for ``SELECT COUNT() FROM …``, whose answer is a number and no rows."""
        item = self.select[0]
        return (
            len(self.select) == 1
            and isinstance(item, SelectField)
            and isinstance(item.expression, FunctionCall)
            and item.expression.name.upper() == "COUNT"
            and not item.expression.args
        )

    @property
    def is_aggregate(self) -> bool:
        """True when rows are groups: GROUP BY, or an aggregate function in the select list."""
        return self.group_by is not None or any(
            isinstance(item, SelectField)
            and isinstance(item.expression, FunctionCall)
            and item.expression.name.upper() in AGGREGATES
            for item in self.select
        )

    def narrowed(self, condition: Condition) -> Query:
        """This query with a further condition on its rows."""
        known = self.where.items if isinstance(self.where, And) else (self.where,) if self.where else ()
        return replace(self, where=And((*known, condition)) if known else condition, text="")

    def selecting(self, *fields: str) -> Query:
        """This query with those of the object's own ``fields`` in its SELECT list that are not there."""
        own = {name.casefold() for name in (self.source.name, self.source.alias) if name}
        there, groups = set(), set()
        for item in self.select:
            expression = item.expression if isinstance(item, SelectField) else None
            if isinstance(expression, FunctionCall) and expression.name.upper() == "FIELDS":
                groups |= {str(group).upper() for group in expression.args}
            elif isinstance(expression, FieldPath) and own.issuperset(map(str.casefold, expression.parts[:-1])):
                there.add(expression.parts[-1].casefold())
        standard, custom = not groups & {"ALL", "STANDARD"}, not groups & {"ALL", "CUSTOM"}
        listed = (name for name in fields if (custom if "__" in name else standard))
        missing = [SelectField(FieldPath((name,))) for name in listed if name.casefold() not in there]
        return replace(self, select=(*self.select, *missing), text="") if missing else self

    def __str__(self) -> str:
        return " ".join(f"{keyword} {rest}" for keyword, rest in self._clauses() if rest not in (None, "", ()))

    def _clauses(self) -> Iterator[tuple[str, object]]:
        yield "SELECT", _listed(self.select)
        yield "FROM", _listed((self.source, *self.joins))
        yield "USING SCOPE", self.scope
        yield "WHERE", self.where
        yield "WITH DATA CATEGORY", " AND ".join(map(str, self.data_categories))
        yield "WITH", self.filter
        yield "WITH", self.access
        yield "WITH RecordVisibilityContext", self.visibility and f"({_listed(self.visibility)})"
        yield "GROUP BY", self.group_by
        yield "HAVING", self.having
        yield "ORDER BY", _listed(self.order_by)
        yield "LIMIT", self.limit
        yield "OFFSET", self.offset
        yield "FOR", self.purpose
        yield "UPDATE", _listed(self.update)
        yield "SET OPTIONS", self.options and f"({_listed(self.options)})"
        yield "ALL", "ROWS" if self.all_rows else None


AGGREGATES = frozenset({"COUNT", "COUNT_DISTINCT", "SUM", "AVG", "MIN", "MAX"})


def _value_list(values: tuple[Literal, ...]) -> str:
    alone = len(values) == 1 and isinstance(values[0], Bind)
    return _listed(values) if alone else f"({_listed(values)})"


def _listed(items: Iterable[object]) -> str:
    return ", ".join(map(str, items))
