"""``:name`` in a query, replaced by a literal of the value's own type.

Values go in by the syntax tree, never by text search, so a ``:name`` inside a quoted text or a comment is left alone
and no value can leave its literal. Names, ORDER BY and field lists never come from values.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sfdata.errors import BindError
from sfdata.soql.lexer import Kind, Token, tokenize
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
LONGEST_NUMBER = 400  # digits on either side of the point; a float needs 324 at most
_NOT_STORED = re.compile("[\0\ud800-\udfff]")

_Render = Callable[[str, Any], str]


def bind(text: str, params: Mapping[str, Any] | None = None) -> str:
    """``text`` with every ``:name`` replaced by a literal, and comments (which orgs refuse) left out.

    ``:frame.column`` reads a column of a DataFrame, or a key of a mapping. A list, Series, Index, array or set stands
    for a list of literals behind IN, NOT IN, INCLUDES and EXCLUDES; duplicates are sent once, in their first place (a
    set, which has no order, is sorted).

    Raises:
        SoqlSyntaxError: the query does not parse.
        BindError: a name has no value, or its value has no SOQL literal.
    """
    values = params or {}
    written = {b.pos: (render(b.name, value_of(b, values)), render is _listed) for b, render in _places(parse(text))}
    return _filled(text, written)


def names(text: str) -> tuple[str, ...]:
    """The names bound in ``text``, in order, each once: what a caller must provide (``owners`` for ``:owners.Id``)."""
    binds = sorted((b for b, _ in _places(parse(text))), key=lambda b: b.pos)
    return tuple(dict.fromkeys(b.name.partition(".")[0] for b in binds))


def escape_like(text: str) -> str:
    """``text`` with ``%``, ``_`` and ``\\`` escaped, to stand for themselves in a LIKE pattern.

    >>> escape_like("100%") + "%"
    '100\\\\%%'
    """
    return re.sub(r"([\\%_])", r"\\\1", text)


def value_of(bind: Bind, values: Mapping[str, Any]) -> Any:
    """The value a bind names. A dot reads a column or a key, never an attribute."""
    name, *keys = bind.name.split(".")
    if name not in values:
        raise BindError(f":{name} has no value", hint=f"Define {name}, or pass params={{'{name}': …}}.")
    value = values[name]
    for key in keys:
        if key not in _keys(value):
            raise BindError(f":{bind.name}: {name} has no column or key {key!r}")
        value = value[key]
    return value


def _keys(value: Any) -> Any:
    """The names of a mapping's keys, or of the columns of a frame or a table of any library."""
    return value.keys() if hasattr(value, "keys") else getattr(value, "column_names", getattr(value, "columns", ()))


# --- where binds may stand --------------------------------------------------------------------------------------------


def _places(query: Query) -> Iterator[tuple[Bind, _Render]]:
    """Every bind of the query with the function that renders its value there, in no particular order."""
    for item in query.select:
        if isinstance(item, Subquery):
            yield from _places(item.query)
        elif isinstance(item, SelectField):
            yield from _in_arguments(item.expression)
    for condition in (query.where, query.filter, query.having):
        if condition is not None:
            yield from _in_condition(condition)
    for option in (*query.visibility, *query.options):
        yield from _in_arguments(option.value)
    for order in query.order_by:
        yield from _in_arguments(order.expression)
    for count in (query.limit, query.offset):
        if isinstance(count, Bind):
            yield count, _count


def _in_condition(condition: Condition) -> Iterator[tuple[Bind, _Render]]:
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
    else:
        binds = [value for value in condition.values if isinstance(value, Bind)]
        alone = len(condition.values) == 1
        yield from ((b, _listed if alone else _scalar) for b in binds)


def _in_arguments(expression: Expression | Literal) -> Iterator[tuple[Bind, _Render]]:
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
    written = literal(name, value)
    if not isinstance(written, StringLiteral):
        raise BindError(f":{name} behind LIKE must be text, not {_kind(value)}")
    return str(replace(written, like=re.sub(r"\\([\\%_]?)", _escaped, written.value)))


def _escaped(backslash: re.Match[str]) -> str:
    """An escape of LIKE as it is, and a backslash that begins none as itself."""
    return backslash.group() if backslash[1] else r"\\"


def _listed(name: str, value: Any) -> str:
    items = _items(value)
    written = [str(literal(name, item)) for item in ([value] if items is None else items)]
    if not written:
        raise BindError(f":{name} is empty, and SOQL has no empty list", hint=f"Test len({name}) before you query.")
    return ", ".join(sorted(set(written)) if isinstance(value, set | frozenset) else dict.fromkeys(written))


def _count(name: str, value: Any) -> str:
    written = literal(name, value)
    if isinstance(written, NumberLiteral) and written.value >= 0 and written.value == int(written.value):
        return str(int(written.value))
    raise BindError(f":{name} counts rows, so it must be a whole number from 0 on")


_RENDERERS: Mapping[str, _Render] = {"=": _scalar, "!=": _scalar, "LIKE": _pattern}


def literal(name: str, value: Any) -> Literal:
    """The literal for one value; ``name`` is for the message.

    Raises:
        BindError: there is no such literal, or writing it would lose something.
    """
    if value is None:
        return NullLiteral()
    if type(value).__name__ in ("NAType", "NaTType"):
        raise _missing(name, value)
    if hasattr(value, "as_py"):
        return literal(name, value.as_py())  # an Arrow scalar
    if getattr(value, "ndim", None) == 0 and hasattr(value, "dtype"):
        return _numpy(name, value)
    for kinds, write in _WRITERS:
        if isinstance(value, kinds):
            return write(name, value)
    if _items(value) is not None:
        raise BindError(f":{name} is {_kind(value)}; a list goes behind IN, NOT IN, INCLUDES or EXCLUDES")
    hint = f"Choose a column or a key of it: :{name}.Id." if hasattr(value, "keys") else None
    raise BindError(f":{name} is {_kind(value)}, which has no SOQL literal", hint=hint)


def _numpy(name: str, value: Any) -> Literal:
    if value.dtype.kind == "f":
        return _number(name, Decimal(str(value)))  # by its own digits: a 32-bit 0.1 is 0.1
    if str(value) == "NaT":
        raise _missing(name, value)
    if value.dtype.kind in "mM" and isinstance(value.item(), int):  # numpy's own way with nanoseconds
        value = value.astype(value.dtype.str[:3] + "[us]")
    return literal(name, value.item())


def _text(name: str, value: str) -> Literal:
    text = str.__str__(value)
    if _NOT_STORED.search(text):
        raise BindError(f":{name} holds a character that no org stores (NUL or half a surrogate pair)")
    return StringLiteral(text)


def _number(name: str, value: Decimal) -> Literal:
    if value.is_nan():
        raise _missing(name, value)
    if not value.is_finite():
        raise BindError(f":{name} is {value}, which is no SOQL number")
    if value.adjusted() >= LONGEST_NUMBER or int(value.as_tuple().exponent) < -LONGEST_NUMBER:
        raise BindError(f":{name} is a number of more than {LONGEST_NUMBER} digits")
    return NumberLiteral(value)


def _datetime(name: str, value: dt.datetime) -> Literal:
    if value.utcoffset() is None:
        hint = f"Say which: {name}.replace(tzinfo=datetime.UTC), or .tz_localize(…) for a Timestamp."
        raise BindError(f":{name} is a date and time without a time zone", hint=hint)
    if getattr(value, "nanosecond", 0):
        raise BindError(f":{name} is {value}, finer than a microsecond", hint='Round it: .floor("ms").')
    _in_range(name, value.date())
    utc = value.astimezone(dt.UTC)
    _in_range(name, utc.date())
    return DateTimeLiteral(dt.datetime.combine(utc.date(), utc.time(), dt.UTC))


def _date(name: str, value: dt.date) -> Literal:
    _in_range(name, value)
    return DateLiteral(value)


def _time(name: str, value: dt.time) -> Literal:
    if value.utcoffset():
        raise BindError(f":{name} is {value}, but a time field knows no time zones")
    return TimeLiteral(value.replace(tzinfo=None))


def _in_range(name: str, value: dt.date) -> None:
    if not EARLIEST <= value <= LATEST:
        raise BindError(f":{name} is {value}, outside what Salesforce stores ({EARLIEST} to {LATEST})")


_WRITERS: Sequence[tuple[type, Callable[[str, Any], Literal]]] = (
    (str, _text),
    (bool, lambda _, value: BooleanLiteral(bool(value))),
    (int, lambda name, value: _number(name, Decimal(int(value)))),
    (float, lambda name, value: _number(name, Decimal(repr(float(value))))),
    (Decimal, _number),
    (dt.datetime, _datetime),
    (dt.date, _date),
    (dt.time, _time),
)


def _items(value: Any) -> list[Any] | None:
    """The items of a list-like value, or None: sequences, sets and views, Series, Index, arrays of any library."""
    if isinstance(value, str | bytes | bytearray | memoryview | Mapping) or getattr(value, "ndim", 1) != 1:
        return None
    return list(value) if isinstance(value, Sized) and isinstance(value, Iterable) else None


def _missing(name: str, value: Any) -> BindError:
    hint = "Drop missing values first, with .dropna(); None stands for null."
    return BindError(f":{name} holds a missing value ({value})", hint=hint)


def _kind(value: Any) -> str:
    name = type(value).__name__
    return f"an {name}" if name[0] in "aeiouAEIOU" else f"a {name}"


# --- the text that is sent --------------------------------------------------------------------------------------------


def _filled(text: str, written: Mapping[int, tuple[str, bool]]) -> str:
    """``text`` with the binds at the offsets of ``written`` replaced, and every comment turned to a blank."""
    parts: list[str] = []
    previous = Token(Kind.END, "", 0)
    for token in tokenize(text):
        gap = text[previous.end : token.pos]
        filled, listed = written.get(token.pos, (token.text, False))
        if token.kind is Kind.BIND and not gap and previous.kind is Kind.NAME:
            gap = " "  # LIMIT:n
        if listed and previous.text != "(":
            filled = f"({filled})"
        parts += [gap if gap.isspace() or not gap else " ", filled]
        previous = token
    return "".join(parts).strip()
