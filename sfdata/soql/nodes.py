"""The syntax tree of a SOQL query: what was written, nothing inferred.

Names keep the spelling of the query. ``pos`` is an offset into the query text, for messages that point.
The language: https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select.htm
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

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
        return f"{self.name}({', '.join(map(str, self.args))})"


Expression = FieldPath | FunctionCall

# --- literals --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StringLiteral:
    """A quoted text. ``value`` is unescaped; ``like`` keeps ``\\%``, ``\\_`` and ``\\\\`` as LIKE needs them."""

    value: str
    like: str = field(default="", compare=False)
    pos: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return quote(self.value)


@dataclass(frozen=True, slots=True)
class NumberLiteral:
    value: Decimal
    pos: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return format(self.value, "f")


@dataclass(frozen=True, slots=True)
class CurrencyLiteral:
    """``USD5000``: an amount in a named currency."""

    code: str
    value: Decimal
    pos: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"{self.code}{self.value:f}"


@dataclass(frozen=True, slots=True)
class BooleanLiteral:
    value: bool
    pos: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return "TRUE" if self.value else "FALSE"


@dataclass(frozen=True, slots=True)
class NullLiteral:
    pos: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return "null"


@dataclass(frozen=True, slots=True)
class DateLiteral:
    value: dt.date
    pos: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return self.value.isoformat()


@dataclass(frozen=True, slots=True)
class DateTimeLiteral:
    """An instant; ``value`` carries its offset."""

    value: dt.datetime
    pos: int = field(default=0, compare=False)

    def __str__(self) -> str:
        utc = self.value.astimezone(dt.UTC)
        return (
            f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"
            if utc.microsecond
            else f"{utc:%Y-%m-%dT%H:%M:%SZ}"
        )


@dataclass(frozen=True, slots=True)
class TimeLiteral:
    """``09:30:00.000Z``: a time of day, as time fields hold it."""

    value: dt.time
    pos: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"{self.value:%H:%M:%S}.{self.value.microsecond // 1000:03d}Z"


@dataclass(frozen=True, slots=True)
class RelativeDate:
    """``TODAY``, ``THIS_FISCAL_YEAR``, ``LAST_N_DAYS:30``; ``name`` is in upper case."""

    name: str
    count: int | None = None
    pos: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return self.name if self.count is None else f"{self.name}:{self.count}"


@dataclass(frozen=True, slots=True)
class Bind:
    """``:name``, to be replaced by a literal before the query is sent. ``end`` is the offset behind it."""

    name: str
    pos: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f":{self.name}"


Literal = (
    StringLiteral
    | NumberLiteral
    | CurrencyLiteral
    | BooleanLiteral
    | NullLiteral
    | DateLiteral
    | DateTimeLiteral
    | TimeLiteral
    | RelativeDate
    | Bind
)

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
        return f"WHEN {self.object} THEN {', '.join(map(str, self.fields))}"


@dataclass(frozen=True, slots=True)
class TypeOf:
    """``TYPEOF What WHEN Account THEN Phone ELSE Name END``; ``otherwise`` is None without ELSE."""

    relationship: FieldPath
    branches: tuple[TypeOfBranch, ...]
    otherwise: tuple[FieldPath, ...] | None = None
    pos: int = field(default=0, compare=False)

    def __str__(self) -> str:
        branches = " ".join(map(str, self.branches))
        otherwise = f" ELSE {', '.join(map(str, self.otherwise))}" if self.otherwise is not None else ""
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
class GroupBy:
    """``GROUP BY a, b``; ``mode`` is ``ROLLUP``, ``CUBE`` or None."""

    items: tuple[Expression, ...]
    mode: str | None = None

    def __str__(self) -> str:
        items = ", ".join(map(str, self.items))
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
    """A whole SELECT, also as a subquery. ``text`` is the source it was read from (empty for built trees)."""

    select: tuple[SelectItem, ...]
    source: Source
    joins: tuple[Source, ...] = ()
    scope: str | None = None
    where: Condition | None = None
    access: str | None = None
    data_categories: tuple[DataCategory, ...] = ()
    group_by: GroupBy | None = None
    having: Condition | None = None
    order_by: tuple[OrderItem, ...] = ()
    limit: int | Bind | None = None
    offset: int | Bind | None = None
    purpose: tuple[str, ...] = ()
    update: tuple[str, ...] = ()
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

    def __str__(self) -> str:
        return " ".join(self._clauses())

    def _clauses(self) -> Iterator[str]:
        yield f"SELECT {', '.join(map(str, self.select))}"
        yield f"FROM {', '.join(map(str, (self.source, *self.joins)))}"
        if self.scope:
            yield f"USING SCOPE {self.scope}"
        if self.where is not None:
            yield f"WHERE {self.where}"
        if self.access:
            yield f"WITH {self.access}"
        if self.data_categories:
            yield f"WITH DATA CATEGORY {' AND '.join(map(str, self.data_categories))}"
        if self.group_by:
            yield f"GROUP BY {self.group_by}"
        if self.having is not None:
            yield f"HAVING {self.having}"
        if self.order_by:
            yield f"ORDER BY {', '.join(map(str, self.order_by))}"
        if self.limit is not None:
            yield f"LIMIT {self.limit}"
        if self.offset is not None:
            yield f"OFFSET {self.offset}"
        yield from (f"FOR {purpose}" for purpose in self.purpose)
        yield from (f"UPDATE {update}" for update in self.update)
        if self.all_rows:
            yield "ALL ROWS"


AGGREGATES = frozenset({"COUNT", "COUNT_DISTINCT", "SUM", "AVG", "MIN", "MAX"})

_ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}


def quote(text: str) -> str:
    """``text`` as a SOQL string literal. Backslashes are escaped first, so no text can leave the quotes."""
    return "'" + "".join(_ESCAPES.get(c) or (c if c >= " " else f"\\u{ord(c):04x}") for c in text) + "'"


def _value_list(values: tuple[Literal, ...]) -> str:
    if len(values) == 1 and isinstance(values[0], Bind):
        return str(values[0])
    return f"({', '.join(map(str, values))})"
