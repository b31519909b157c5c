"""Conditions: what holds, what is equal, what is blank, and what to take then.

A condition that is null does not hold, and neither does its negation. Comparisons with null are null, but for texts:
there null and the empty text are the same.
https://help.salesforce.com/s/articleView?id=sf.customize_functions_i_z.htm
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from sfdata.localorg.formulas.forms import (
    PICKLISTS,
    Compiled,
    Form,
    Parts,
    check_count,
    check_kind,
    common_kind,
    literal_text,
    wrong_kind,
)
from sfdata.localorg.formulas.kinds import TEXTS, Kind
from sfdata.localorg.formulas.record import Record
from sfdata.localorg.formulas.syntax import Call

MOST_CASES = 127
ORDERED = (Kind.NUMBER, Kind.DATE, Kind.DATETIME, Kind.TIME)
CHOOSABLE = (Kind.TEXT, *ORDERED)

COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def all_hold(call: Call, parts: Parts) -> Compiled:
    _check_conditions(call, parts)
    return Compiled(Kind.BOOLEAN, lambda record: all(part.value(record) for part in parts))


def any_holds(call: Call, parts: Parts) -> Compiled:
    _check_conditions(call, parts)
    return Compiled(Kind.BOOLEAN, lambda record: any(part.value(record) for part in parts))


def _check_conditions(call: Call, parts: Parts) -> None:
    check_count(call, 1, len(parts) or 1)
    for index in range(len(parts)):
        check_kind(call, parts, index, Kind.BOOLEAN)


def negation(call: Call, parts: Parts) -> Compiled:
    check_kind(call, parts, 0, Kind.BOOLEAN)

    def value(record: Record) -> bool | None:
        holds = parts[0].value(record)
        return None if holds is None else not holds

    return Compiled(Kind.BOOLEAN, value)


def conditional(call: Call, parts: Parts) -> Compiled:
    """``IF(condition, one, other)``; only the one that is wanted is evaluated."""
    check_count(call, 3)
    check_kind(call, parts, 0, Kind.BOOLEAN)
    condition, one, other = parts
    kind = common_kind(call, parts, (1, 2))
    return Compiled(kind, lambda record: (one if condition.value(record) else other).value(record))


def case(call: Call, parts: Parts) -> Compiled:
    """``CASE(value, value 1, result 1, value 2, result 2, …, result otherwise)``."""
    check_count(call, 4, 2 * MOST_CASES)
    last = len(parts) - 1
    check_count(call, last + last % 2)
    whens, results = range(1, last, 2), [*range(2, last, 2), last]
    if parts[0].kind in PICKLISTS:
        for index in whens:
            literal_text(call, index)
    else:
        common_kind(call, parts, (0, *whens))
    kind = common_kind(call, parts, results)
    for index, part in enumerate(parts):
        if part.kind is Kind.BOOLEAN:
            raise wrong_kind(call, index, part.kind, *CHOOSABLE)
    as_text = parts[0].kind in TEXTS

    def value(record: Record) -> Any:
        found = parts[0].value(record)
        chosen = (index + 1 for index in whens if _same(found, parts[index].value(record), as_text))
        return parts[next(chosen, last)].value(record)

    return Compiled(kind, value)


def equality(call: Call, parts: Parts) -> Compiled:
    """``=`` and ``<>``; texts must agree in case, too."""
    as_text = common_kind(call, parts, (0, 1)) is Kind.TEXT
    one, other = parts
    wanted = call.name == "="

    def value(record: Record) -> bool | None:
        same = _same(one.value(record), other.value(record), as_text)
        return None if same is None else same is wanted

    return Compiled(Kind.BOOLEAN, value)


def _same(one: Any, other: Any, as_text: bool) -> bool | None:
    if as_text:
        return bool((one or "") == (other or ""))
    return None if one is None or other is None else bool(one == other)


def comparison(call: Call, parts: Parts) -> Compiled:
    """``<``, ``<=``, ``>`` and ``>=``, between numbers or between dates, but not between texts."""
    for index in (0, 1):
        check_kind(call, parts, index, *ORDERED)
    common_kind(call, parts, (0, 1))
    one, other = parts
    compare = COMPARISONS[call.name]

    def value(record: Record) -> bool | None:
        first, second = one.value(record), other.value(record)
        return None if first is None or second is None else compare(first, second)

    return Compiled(Kind.BOOLEAN, value)


# --- blanks ----------------------------------------------------------------------------------------------------------


def is_blank(call: Call, parts: Parts) -> Compiled:
    check_count(call, 1)
    _refuse_boolean(call, parts)
    return Compiled(Kind.BOOLEAN, lambda record: parts[0].value(record) in (None, ""))


def is_null(call: Call, parts: Parts) -> Compiled:
    """As ISBLANK, but a text is never null: at most it is empty."""
    check_count(call, 1)
    _refuse_boolean(call, parts)
    if parts[0].kind is Kind.TEXT:
        return Compiled(Kind.BOOLEAN, lambda record: False)
    return is_blank(call, parts)


def blank_value(call: Call, parts: Parts) -> Compiled:
    """``BLANKVALUE(value, instead)``."""
    check_count(call, 2)
    _refuse_boolean(call, parts)
    kind = common_kind(call, parts, (0, 1))
    given, instead = parts

    def value(record: Record) -> Any:
        found = given.value(record)
        return instead.value(record) if found in (None, "") else found

    return Compiled(kind, value)


def null_value(call: Call, parts: Parts) -> Compiled:
    """As BLANKVALUE, but an empty text stays as it is."""
    replaced = blank_value(call, parts)
    return parts[0] if replaced.kind is Kind.TEXT else replaced


def _refuse_boolean(call: Call, parts: Parts) -> None:
    if parts[0].kind is Kind.BOOLEAN:
        raise wrong_kind(call, 0, Kind.BOOLEAN, *CHOOSABLE)


FORMS: Mapping[str, Form] = {
    "AND": all_hold,
    "OR": any_holds,
    "NOT": negation,
    "IF": conditional,
    "CASE": case,
    "=": equality,
    "<>": equality,
    **dict.fromkeys(COMPARISONS, comparison),
    "ISBLANK": is_blank,
    "ISNULL": is_null,
    "BLANKVALUE": blank_value,
    "NULLVALUE": null_value,
}
