"""Laws of binding, for any value: it fills exactly one literal, and the literal means the value."""

from __future__ import annotations

import datetime as dt
import math
import re
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sfdata.soql import bind, escape_like
from sfdata.soql.lexer import Kind, Token, tokenize

TEMPLATE = "SELECT Id FROM A WHERE b = 'O\\'B :v' AND a = :v ORDER BY Name LIMIT 5"
LISTS = "SELECT Id FROM A WHERE a IN :v OR b = ':v'"
PATTERNS = "SELECT Id FROM A WHERE a LIKE :v AND b = 'x'"

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
TRICKY = st.text("'\\\"%_:nu0041 \n/*-", max_size=25)
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: dt.timezone(dt.timedelta(minutes=minutes)))
INSTANTS = st.datetimes(dt.datetime(1700, 1, 2), dt.datetime(4000, 12, 30), timezones=ZONES)
DATES = st.dates(dt.date(1700, 1, 1), dt.date(4000, 12, 31))
DECIMALS = st.decimals(-(10**60), 10**60, allow_nan=False)

# The escapes of the manual, read by other means than the package's own.
ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\"}


def unescaped(body: str) -> str:
    def read(found: re.Match[str]) -> str:
        return chr(int(found[1][1:], 16)) if found[1][0] == "u" else ESCAPES[found[1]]

    return re.sub(r"\\(u[0-9a-f]{4}|.)", read, body, flags=re.DOTALL)


def decoded(token: Token) -> Any:
    """The value of a literal's token, by the documented formats."""
    text = token.text
    if token.kind is Kind.STRING:
        return unescaped(text[1:-1])
    if token.kind is Kind.NUMBER:
        return Decimal(text)
    if token.kind is Kind.DATE:
        return dt.date.fromisoformat(text)
    if token.kind is Kind.DATETIME:
        return dt.datetime.fromisoformat(text)
    if token.kind is Kind.TIME:
        return dt.time.fromisoformat(text.removesuffix("Z"))
    return {"TRUE": True, "FALSE": False, "null": None}[text]


def filled(template: str, value: Any) -> list[Token]:
    """The tokens that stand where ``:v`` stood; all the others must be the template's own."""
    before = list(tokenize(template))
    after = list(tokenize(bind(template, {"v": value})))
    place = next(index for index, token in enumerate(before) if token.kind is Kind.BIND)
    rest = len(before) - place - 1
    alike = before[:place] + before[place + 1 :]
    kept = after[:place] + after[len(after) - rest :]
    assert [(token.kind, token.text) for token in kept] == [(token.kind, token.text) for token in alike]
    return after[place : len(after) - rest]


def only(template: str, value: Any) -> Any:
    (token,) = filled(template, value)
    return decoded(token)


@pytest.mark.catalogue("S18")
@given(TEXTS | TRICKY)
@example("x\\' OR Name != null OR Name = '")
@example("'; --")
@example("\\")
@settings(max_examples=500)
def test_any_text_is_one_literal_of_that_text(value: str) -> None:
    """No text leaves its quotes or changes on its way."""
    assert only(TEMPLATE, value) == value


@pytest.mark.catalogue("S18")
@given(st.integers(-(10**50), 10**50) | DECIMALS)
@settings(max_examples=250)
def test_any_exact_number_is_one_literal_of_that_number(value: int | Decimal) -> None:
    """Integers and decimals are written exactly, in digits."""
    (token,) = filled(TEMPLATE, value)
    assert re.fullmatch(r"-?\d+(\.\d+)?", token.text)
    assert decoded(token) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
@settings(max_examples=250)
def test_any_float_is_one_literal_that_reads_as_that_float(value: float) -> None:
    """A float is written in digits from which the same float is read."""
    (token,) = filled(TEMPLATE, value)
    assert re.fullmatch(r"-?\d+(\.\d+)?", token.text)
    assert float(token.text) == value
    assert math.copysign(1, float(token.text)) == math.copysign(1, value)


@pytest.mark.catalogue("S18")
@given(INSTANTS, st.booleans())
@settings(max_examples=250)
def test_any_instant_is_one_literal_of_that_instant(value: dt.datetime, pandas: bool) -> None:
    """An instant keeps its microseconds and loses its offset, whether from datetime or pandas."""
    (token,) = filled(TEMPLATE, pd.Timestamp(value) if pandas else value)
    assert token.text.endswith("Z")
    assert decoded(token) == value


@given(DATES | st.times())
@settings(max_examples=150)
def test_any_date_or_time_is_one_literal_of_it(value: dt.date | dt.time) -> None:
    """Dates are no instants, and times of day are exact."""
    assert only(TEMPLATE, value) == value


@given(st.none() | st.booleans())
@settings(max_examples=10)
def test_booleans_and_none_are_words(value: bool | None) -> None:
    """TRUE, FALSE and null are one word each."""
    assert only(TEMPLATE, value) is value


@pytest.mark.catalogue("S18")
@given(st.lists(TEXTS | TRICKY | DATES | INSTANTS | st.integers(), min_size=1, max_size=12), st.booleans())
@settings(max_examples=350)
def test_any_list_is_as_many_literals_as_it_has_values(values: list[Any], pandas: bool) -> None:
    """A list of n different values is n literals in their order, between commas, in one pair of parentheses."""
    tokens = filled(LISTS, pd.Series(values, dtype=object) if pandas else values)
    different = list(dict.fromkeys(values))
    assert [token.text for token in tokens if token.kind is Kind.PUNCTUATION] == [
        "(",
        *[","] * (len(different) - 1),
        ")",
    ]
    assert [decoded(token) for token in tokens if token.kind is not Kind.PUNCTUATION] == different


@pytest.mark.slow
@pytest.mark.catalogue("S18")
@given(TEXTS | TRICKY | DATES | INSTANTS | DECIMALS | st.integers() | st.booleans() | st.none())
@settings(max_examples=100_000)
def test_a_hundred_thousand_values_are_one_literal_each(value: Any) -> None:
    """The same for values of any kind, as often as it takes to meet the odd ones."""
    assert only(TEMPLATE, value) == value


# --- LIKE ------------------------------------------------------------------------------------------------------------


def pattern_of(token: Token) -> list[tuple[str, bool]]:
    """The characters of a LIKE pattern, each with whether it is a wildcard, read by the manual's table of escapes."""
    assert token.kind is Kind.STRING
    parts: list[tuple[str, bool]] = []
    for escape, bare in re.findall(r"\\(u[0-9a-f]{4}|.)|(.)", token.text[1:-1], re.DOTALL):
        if bare:
            parts.append((bare, bare in "%_"))
        elif escape in "%_":
            parts.append((escape, False))
        else:
            parts.append((unescaped("\\" + escape), False))
    return parts


@pytest.mark.catalogue("S19")
@given(TEXTS | TRICKY)
@settings(max_examples=250)
def test_an_escaped_pattern_matches_that_text_alone(value: str) -> None:
    """``escape_like`` leaves no wildcard: the pattern is the text, character by character."""
    (token,) = filled(PATTERNS, escape_like(value))
    assert pattern_of(token) == [(char, False) for char in value]


@pytest.mark.catalogue("S19")
@given(TEXTS | TRICKY, TEXTS | TRICKY)
@settings(max_examples=100)
def test_wildcards_around_an_escaped_text_stay_wildcards(start: str, end: str) -> None:
    """``escape_like(a) + '%' + escape_like(b)`` has exactly one wildcard, where it was put."""
    (token,) = filled(PATTERNS, f"{escape_like(start)}%{escape_like(end)}")
    assert pattern_of(token) == [(char, False) for char in start] + [("%", True)] + [(char, False) for char in end]


@given(st.text("ab%_'\n", max_size=25))
@settings(max_examples=100)
def test_a_pattern_without_backslashes_keeps_its_wildcards(value: str) -> None:
    """% and _ of a value behind LIKE are wildcards, and nothing else is."""
    (token,) = filled(PATTERNS, value)
    assert pattern_of(token) == [(char, char in "%_") for char in value]
