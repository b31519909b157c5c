"""A query too long for one statement, as several that together have its rows.

What makes a query too long is a list: ``Id IN :ids`` with a column of Ids. Where that list is a condition every row
must meet, its values are dealt out to several queries. A value goes wherever those go that the same record could equal
(``'acme'`` with ``'Acme'``, an Id of 15 characters with the one of 18), so no record meets two of the queries.

The limit: https://developer.salesforce.com/docs/atlas.en-us.salesforce_app_limits_cheatsheet.meta/salesforce_app_limits_cheatsheet/salesforce_app_limits_platform_soslsoql.htm
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from operator import itemgetter
from typing import Any, NamedTuple

from sfdata.errors import QueryTooLong
from sfdata.soql.nodes import (
    And,
    BooleanLiteral,
    Condition,
    DateLiteral,
    DateTimeLiteral,
    Expression,
    FieldPath,
    Literal,
    Membership,
    NullLiteral,
    NumberLiteral,
    OrderItem,
    Query,
    StringLiteral,
    TimeLiteral,
)

LONGEST = 100_000
"""Characters of a statement."""

MOST_GROUPS = 2000
"""Values in a query with GROUP BY: its result has one page and no second."""

# Literals that stand for one value. A relative date is a range, and an amount in a currency is converted.
_ONE_VALUE = (
    StringLiteral,
    NumberLiteral,
    BooleanLiteral,
    NullLiteral,
    DateLiteral,
    DateTimeLiteral,
    TimeLiteral,
)
_IN_ORDER = (NumberLiteral, DateLiteral, DateTimeLiteral, TimeLiteral)
_ID = re.compile(r"[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?", re.ASCII)
_CHECK_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


class _Obstacle(NamedTuple):
    """Why a query cannot be split, and what to do instead."""

    reason: str
    hint: str


_NO_LIST = _Obstacle(
    "has no list that could be dealt out to several: one behind IN that every row must be in (not below OR or NOT, not "
    "behind NOT IN, not in a subquery)",
    "Leave the condition out and filter the DataFrame, or write it as IN, joined to the others by AND.",
)
_TOO_LONG_OTHERWISE = _Obstacle("is so long without its lists, too", "Select fewer fields, or write fewer conditions.")
_OFFSET = _Obstacle("has an OFFSET, which several cannot share", "Leave out OFFSET, and cut the DataFrame.")
_AGGREGATE = _Obstacle(
    "aggregates over rows of several",
    "GROUP BY the field of the list, which keeps each group in one statement; or read the rows and use .groupby().",
)
_ORDER = _Obstacle(
    "has an ORDER BY over the rows of several",
    "Leave out ORDER BY, and sort the DataFrame. An order that begins with the field of the list itself is kept where "
    "that is Id, or holds numbers or dates.",
)


def parts(query: Query, longest: int = LONGEST) -> list[Query]:
    """Queries of at most ``longest`` characters, whose rows, one query's after the other's, are those of ``query``.

    A query that fits comes back as it is. In others values that repeat are left out; those that differ in case alone
    stay, since some fields tell case apart. LIMIT stays in each: take rows until it is reached. Results of ``COUNT()``
    add up.

    Raises:
        QueryTooLong: it cannot be done without losing rows or their order.
    """
    characters = len(str(query))
    if characters <= longest:
        return [query]
    lists, obstacle = _lists(query)
    shares = None
    if obstacle is None:
        room = longest - characters + sum(one.characters for one in lists)
        shares = _shares(lists, room, MOST_GROUPS if query.group_by else longest)
        obstacle = _TOO_LONG_OTHERWISE
    if shares is None:
        message = f"the query has {characters:,} characters, a statement at most {longest:,}; it {obstacle.reason}"
        raise QueryTooLong(message, hint=obstacle.hint)
    return list(_written(query, lists, shares))


def _written(query: Query, lists: Sequence[_List], shares: Sequence[Sequence[_Values]]) -> Iterator[Query]:
    """``query`` with every combination of the shares of its lists, those of the first list in their order."""
    conditions = list(_conditions(query.where))
    for combination in product(*shares):
        for one, values in zip(lists, combination, strict=True):
            conditions[one.place] = replace(one.test, values=values)
        where = And(tuple(conditions)) if len(conditions) > 1 else conditions[0]
        yield replace(query, where=where, text="")


# --- lists that can be dealt out -------------------------------------------------------------------------------------

_Values = tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class _List:
    """A list that every row must be in.

    ``place`` is that of its ``test`` among the conditions, ``field`` what is compared. ``groups`` are the values, those
    together that one record could equal; all as they were written take so many ``characters``.
    """

    place: int
    test: Membership
    field: str
    groups: Sequence[_Values]
    characters: int


def _lists(query: Query) -> tuple[list[_List], _Obstacle | None]:
    """The lists to deal out, or why there are none."""
    lists = [
        _List(place, test, _field(test.left, query), _grouped(test.values, _likeness), _characters(test.values))
        for place, test in enumerate(_conditions(query.where))
        if isinstance(test, Membership) and not test.negated and all(isinstance(v, _ONE_VALUE) for v in test.values)
    ]
    if not lists:
        return [], _NO_LIST
    if query.offset is not None:
        return [], _OFFSET
    if query.is_count:
        return lists, None
    if query.is_aggregate:
        groups = query.group_by.items if query.group_by is not None and query.group_by.mode is None else ()
        separate = {_field(item, query) for item in groups}
        lists = [one for one in lists if one.field in separate]
        if not lists:
            return [], _AGGREGATE
    if query.order_by:
        lists = [ordered for one in lists if (ordered := _in_order(one, query.order_by[0], query))]
    return lists, None if lists else _ORDER


def _conditions(where: Condition | None) -> Iterator[Condition]:
    """The conditions that every row must meet."""
    if isinstance(where, And):
        for item in where.items:
            yield from _conditions(item)
    elif where is not None:
        yield where


def _field(expression: Expression, query: Query) -> str:
    """What ``expression`` names, in a form that can be compared."""
    if not isinstance(expression, FieldPath):
        return str(expression).casefold()
    first, *rest = (part.casefold() for part in expression.parts)
    own = {name.casefold() for name in (query.source.name, query.source.alias) if name}
    return ".".join(rest if rest and first in own else (first, *rest))


# --- which values stay together --------------------------------------------------------------------------------------


def _grouped(values: Iterable[Literal], key: Callable[[Literal], Hashable]) -> list[_Values]:
    """``values``, each once, in groups of equal ``key``."""
    groups: dict[Hashable, list[Literal]] = {}
    for value in dict.fromkeys(values):  # literals are equal where their values are: 1 and 1.0, 10:00Z and 11:00+01:00
        groups.setdefault(key(value), []).append(value)
    return [tuple(group) for group in groups.values()]


def _likeness(value: Literal) -> Hashable:
    """The same for any two literals that one record could equal, whatever the type of the field."""
    if not isinstance(value, StringLiteral):
        return None if isinstance(value, NullLiteral) else getattr(value, "value", value)
    text = value.value.strip()
    if not text.isascii():
        decomposed = unicodedata.normalize("NFKD", text.casefold())
        text = "".join(char for char in decomposed if not unicodedata.combining(char)).strip()
    text = text.casefold()
    if ";" in text:  # a multi-select picklist, whose choices have no order
        text = ";".join(sorted(text.split(";")))
    return (text[:15] if _ID.fullmatch(text) else text) or None  # an empty text is null


# --- an order that several queries can keep --------------------------------------------------------------------------


def _in_order(one: _List, order: OrderItem, query: Query) -> _List | None:
    """``one`` with its groups in the order of the rows, None where that is not known."""
    if _field(order.expression, query) != one.field:
        return None
    by_id = one.field.rpartition(".")[2] == "id"
    groups = _grouped(one.test.values, _id15) if by_id else one.groups
    nulls = [group for group in groups if isinstance(group[0], NullLiteral)]
    ranked = [(_rank(group[0], by_id), group) for group in groups if not isinstance(group[0], NullLiteral)]
    if len({type(rank) for rank, _ in ranked}) > 1 or any(rank is None for rank, _ in ranked):
        return None
    ranked.sort(key=itemgetter(0), reverse=order.descending)
    others = [group for _, group in ranked]
    return replace(one, groups=[*others, *nulls] if order.nulls == "LAST" else [*nulls, *others])


def _rank(value: Literal, by_id: bool) -> Any:
    """What an org sorts this value by; None for text, whose order is the language's."""
    if by_id:
        key = _id15(value)
        return key if isinstance(key, str) else None
    return value.value if isinstance(value, _IN_ORDER) else None


def _id15(value: Literal) -> Hashable:
    """The 15 characters of a record's Id, whose case the last three of 18 tell where a program has folded it."""
    if not isinstance(value, StringLiteral) or not _ID.fullmatch(value.value):
        return value
    text, checks = value.value[:15], value.value[15:].upper()
    if not checks or not (text.isupper() or text.islower()):
        return text
    capitals = [_CHECK_ALPHABET.find(check) for check in checks]
    return "".join(char.upper() if capitals[n // 5] >> n % 5 & 1 else char.lower() for n, char in enumerate(text))


# --- how many fit ----------------------------------------------------------------------------------------------------


def _shares(lists: Sequence[_List], room: int, most: int) -> list[list[_Values]] | None:
    """The groups of each list in as few shares as fit: ``room`` for one share of each, and ``most`` values a share.

    Short lists stay whole, and long ones divide the room evenly. None where it is not enough.
    """
    shares: dict[int, list[_Values]] = {}
    for done, one in enumerate(sorted(lists, key=lambda one: one.characters)):
        shares[one.place] = _dealt(one.groups, room // (len(lists) - done), most)
        longest = max(_characters(share) for share in shares[one.place])
        if longest > room // (len(lists) - done):
            return None
        room -= longest
    return [shares[one.place] for one in lists]


def _dealt(groups: Iterable[_Values], room: int, most: int) -> list[_Values]:
    shares: list[list[Literal]] = []
    used = room
    for group in groups:
        length = _characters(group)
        if used + len(", ") + length > room or len(shares[-1]) + len(group) > most:
            shares.append([])
            used = -len(", ")
        shares[-1] += group
        used += len(", ") + length
    return [tuple(share) for share in shares]


def _characters(values: Sequence[Literal]) -> int:
    return sum(len(str(value)) for value in values) + len(", ") * (len(values) - 1)
