"""``:name`` in a query, replaced by a literal of the value's own type.

Values go in by the syntax tree, never by text search, so a ``:name`` inside a quoted text or a comment is left alone
and no value can leave its literal. Names, ORDER BY and field lists never come from values.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from sfdata.errors import BindError
from sfdata.soql.lexer import tokenize
from sfdata.soql.nodes import (
    And,
    Bind,
    BooleanLiteral,
    Comparison,
    Condition,
    DateLiteral,
    DateTimeLiteral,
    Expression,
    FunctionCall,
    Literal,
    Membership,
    MultiPicklistTest,
    Not,
    NullLiteral,
    NumberLiteral,
    Or,
    Query,
    SelectField,
    StringLiteral,
    Subquery,
    SubqueryMembership,
    TimeLiteral,
)
from sfdata.soql.parser import parse

EARLIEST, LATEST = dt.date(1700, 1, 1), dt.date(4000, 12, 31)  # what the vendor's page on date formats allows


def bind(text: str, params: Mapping[str, Any] | None = None) -> str:
    """``text`` with every ``:name`` replaced by a literal, and comments (which orgs refuse) left out.

    ``:frame.column`` reads a column of a DataFrame, or a key of a mapping. A list, Series, Index or array stands for a
    list of literals behind IN, NOT IN, INCLUDES and EXCLUDES; duplicates are sent once.

    Raises:
        SoqlSyntaxError: the query does not parse.
        BindError: a name has no value, or its value has no SOQL literal.
    """
    values = params or {}
    spans = [(b.pos, b.end, render(b.name, value_of(b, values))) for b, render in _places(parse(text))]
    return _without_comments(text, spans)


def names(text: str) -> tuple[str, ...]:
    """The names bound in ``text``, in order, each once: what a caller must provide (``owners`` for ``:owners.Id``)."""
    return tuple(dict.fromkeys(b.name.partition(".")[0] for b, _ in _places(parse(text))))


def escape_like(text: str) -> str:
    """``text`` with ``%``, ``_`` and ``\\`` escaped, to stand for themselves in a LIKE pattern.

    >>> escape_like("100%") + "%"
    '100\\\\%%'
    """
    return re.sub(r"([\\%_])", r"\\\1", text)


def value_of(bind: Bind, values: Mapping[str, Any]) -> Any:
    """The value a bind names."""
    name, *keys = bind.name.split(".")
    if name not in values:
        raise BindError(f":{name} has no value", hint=f"Define {name}, or pass params={{'{name}': …}}.")
    value = values[name]
    for key in keys:
        if not hasattr(value, "keys") or key not in value:
            raise BindError(f":{bind.name}: {name} has no column or key {key!r}")
        value = value[key]
    return value


# --- where binds may stand --------------------------------------------------------------------------------------------


def _places(query: Query) -> Iterator[tuple[Bind, Any]]:
    """Every bind of the query with the function that renders its value there, in no particular order."""
    for item in query.select:
        if isinstance(item, Subquery):
            yield from _places(item.query)
        elif isinstance(item, SelectField):
            yield from _in_arguments(item.expression)
    for condition in (query.where, query.having):
        if condition is not None:
            yield from _in_condition(condition)
    for order in query.order_by:
        yield from _in_arguments(order.expression)
    for count in (query.limit, query.offset):
        if isinstance(count, Bind):
            yield count, _count


def _in_condition(condition: Condition) -> Iterator[tuple[Bind, Any]]:
    if isinstance(condition, And | Or):
        for item in condition.items:
            yield from _in_condition(item)
    elif isinstance(condition, Not):
        yield from _in_condition(condition.item)
    elif isinstance(condition, Comparison):
        yield from _in_arguments(condition.left)
        if isinstance(condition.right, Bind):
            yield condition.right, _RENDERERS.get(condition.operator, _ordered)
    elif isinstance(condition, SubqueryMembership):
        yield from _places(condition.query)
    elif isinstance(condition, Membership | MultiPicklistTest):
        binds = [value for value in condition.values if isinstance(value, Bind)]
        alone = len(condition.values) == 1
        yield from ((b, _listed if alone else _scalar) for b in binds)


def _in_arguments(expression: Expression | Literal) -> Iterator[tuple[Bind, Any]]:
    if isinstance(expression, Bind):
        yield expression, _ordered
    elif isinstance(expression, FunctionCall):
        for argument in expression.args:
            yield from _in_arguments(argument)


# --- how a value is written -------------------------------------------------------------------------------------------


def _scalar(name: str, value: Any) -> str:
    return str(literal(name, value))


def _ordered(name: str, value: Any) -> str:
    written = literal(name, value)
    if isinstance(written, NullLiteral):
        raise BindError(f":{name} is missing (None); only = and != compare with null")
    return str(written)


def _pattern(name: str, value: Any) -> str:
    """A LIKE pattern: ``%`` and ``_`` are wildcards, ``\\%``, ``\\_`` and ``\\\\`` stand for the bare character."""
    if not isinstance(value, str):
        raise BindError(f":{name} behind LIKE must be text, not {_kind(value)}")
    quoted = str(literal(name, re.sub(r"\\(?![\\%_])", r"\\\\", value)))
    return re.sub(r"\\\\(\\\\|[%_])", lambda found: "\\\\" if found[1] == "\\\\" else f"\\{found[1]}", quoted)


def _listed(name: str, value: Any) -> str:
    values = _as_list(value)
    if values is None:
        values = [value]
    if not values:
        raise BindError(f":{name} is empty, and SOQL has no empty list", hint=f"Test len({name}) before you query.")
    return f"({', '.join(dict.fromkeys(str(literal(name, item)) for item in values))})"


def _count(name: str, value: Any) -> str:
    written = literal(name, value)
    if isinstance(written, NumberLiteral) and written.value >= 0 and written.value == int(written.value):
        return str(int(written.value))
    raise BindError(f":{name} counts rows, so it must be a whole number, not {_kind(value)}")


_RENDERERS = {"=": _scalar, "!=": _scalar, "LIKE": _pattern}


def literal(name: str, value: Any) -> Literal:
    """The literal for one value; ``name`` is for the message.

    Raises:
        BindError: there is no such literal, or writing it would lose something.
    """
    if value is None:
        return NullLiteral()
    if type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, float) and math.isnan(value)):
        raise BindError(f":{name} holds a missing value ({value})", hint="Drop missing values first: .dropna().")
    if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):
        return literal(name, value.item())  # a numpy scalar
    for kinds, write in _WRITERS:
        if isinstance(value, kinds):
            return write(name, value)
    if _as_list(value) is not None:
        raise BindError(f":{name} is a list; a list goes behind IN, NOT IN, INCLUDES or EXCLUDES")
    raise BindError(f":{name} is {_kind(value)}, which has no SOQL literal")


def _text(name: str, value: str) -> Literal:
    text = str.__str__(value)
    if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise BindError(f":{name} holds a character that no org stores (NUL or half a surrogate pair)")
    return StringLiteral(text)


def _float(name: str, value: float) -> Literal:
    if not math.isfinite(value):
        raise BindError(f":{name} is {value}, which is no SOQL number")
    return NumberLiteral(Decimal(repr(float(value))))


def _decimal(name: str, value: Decimal) -> Literal:
    if not value.is_finite():
        raise BindError(f":{name} is {value}, which is no SOQL number")
    return NumberLiteral(value)


def _datetime(name: str, value: dt.datetime) -> Literal:
    if value.tzinfo is None:
        hint = f"Say which: {name}.replace(tzinfo=datetime.UTC), or .tz_localize(…) for a Timestamp."
        raise BindError(f":{name} is a date and time without a time zone", hint=hint)
    _in_range(name, value.date())
    return DateTimeLiteral(value)


def _date(name: str, value: dt.date) -> Literal:
    _in_range(name, value)
    return DateLiteral(value)


def _time(name: str, value: dt.time) -> Literal:
    return TimeLiteral(value)


def _in_range(name: str, value: dt.date) -> None:
    if not EARLIEST <= value <= LATEST:
        raise BindError(f":{name} is {value}, outside what Salesforce stores ({EARLIEST} to {LATEST})")


_WRITERS: Sequence[tuple[type, Callable[[str, Any], Literal]]] = (
    (str, _text),
    (bool, lambda _, value: BooleanLiteral(bool(value))),
    (int, lambda _, value: NumberLiteral(Decimal(int(value)))),
    (float, _float),
    (Decimal, _decimal),
    (dt.datetime, _datetime),
    (dt.date, _date),
    (dt.time, _time),
)


def _as_list(value: Any) -> list[Any] | None:
    """The items of a list-like value, or None: Python sequences and sets, Series, Index, arrays of any library."""
    if isinstance(value, str | bytes | Mapping) or getattr(value, "ndim", 1) != 1:
        return None
    if isinstance(value, list | tuple | set | frozenset | range):
        return list(value)
    for method in ("tolist", "to_pylist", "to_list"):
        if hasattr(value, method):
            return list(getattr(value, method)())
    return None


def _kind(value: Any) -> str:
    return f"a {type(value).__name__}"


# --- the text that is sent --------------------------------------------------------------------------------------------


def _without_comments(text: str, spans: Sequence[tuple[int, int, str]]) -> str:
    """``text`` with the spans replaced and everything between tokens that is a comment turned to a blank."""
    replacement = {start: literal for start, _, literal in spans}
    parts: list[str] = []
    end = 0
    for token in tokenize(text):
        between = text[end : token.pos]
        parts.append(between if between.isspace() or not between else " ")
        parts.append(replacement.get(token.pos, token.text))
        end = token.end
    return "".join(parts).strip()
