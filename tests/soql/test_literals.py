"""The value of every form of literal, computed by hand."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from sfdata.soql import parse
from sfdata.soql.expressions import COUNTED_RELATIVE_DATES, RELATIVE_DATES
from sfdata.soql.nodes import (
    Bind,
    BooleanLiteral,
    Comparison,
    CurrencyLiteral,
    DateLiteral,
    DateTimeLiteral,
    Literal,
    NullLiteral,
    NumberLiteral,
    RelativeDate,
    StringLiteral,
    TimeLiteral,
)


def literal(text: str, operator: str = "=") -> Literal:
    where = parse(f"SELECT Id FROM A WHERE x {operator} {text}").where
    assert isinstance(where, Comparison)
    return where.right


def utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", "5"),
        ("+5", "5"),
        ("-5", "-5"),
        ("0", "0"),
        ("007", "7"),
        ("- 5", "-5"),
        (".5", "0.5"),
        ("-.5", "-0.5"),
        ("5.50", "5.5"),
        ("12345678901234567890.123456789", "12345678901234567890.123456789"),
        (f"1{'0' * 999}", f"1{'0' * 999}"),
    ],
)
def test_numbers_are_exact(text: str, value: str) -> None:
    """A number is the decimal that is written, in whichever form, and never a float near it."""
    assert literal(text) == NumberLiteral(Decimal(value))


@pytest.mark.parametrize(
    ("text", "code", "value"),
    [("USD5000", "USD", "5000"), ("eur5000.01", "EUR", "5000.01"), ("Jpy-3", "JPY", "-3"), ("gbp+0.5", "GBP", "0.5")],
)
def test_amounts_carry_their_currency(text: str, code: str, value: str) -> None:
    """Three letters and a number are an amount in that currency, whatever the case of the letters."""
    assert literal(text) == CurrencyLiteral(code, Decimal(value))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2024-01-31T10:20:30Z", utc(2024, 1, 31, 10, 20, 30)),
        ("2024-01-31t10:20:30z", utc(2024, 1, 31, 10, 20, 30)),
        ("2024-01-31T10:20:30+01:00", utc(2024, 1, 31, 9, 20, 30)),
        ("2024-01-31T10:20:30+0100", utc(2024, 1, 31, 9, 20, 30)),
        ("2024-01-31T20:20:30-05:30", utc(2024, 2, 1, 1, 50, 30)),
        ("2024-01-31T10:20:30.5Z", utc(2024, 1, 31, 10, 20, 30, 500_000)),
        ("2024-01-31T10:20:30.123Z", utc(2024, 1, 31, 10, 20, 30, 123_000)),
        ("2024-01-31T10:20:30.123456Z", utc(2024, 1, 31, 10, 20, 30, 123_456)),
        ("2024-01-31T10:20:30.1234569Z", utc(2024, 1, 31, 10, 20, 30, 123_456)),
        (f"2024-01-31T10:20:30.{'0' * 32}+00:00", utc(2024, 1, 31, 10, 20, 30)),
        ("1700-01-01T00:00:00Z", utc(1700, 1, 1)),
        ("4000-12-31T23:59:59Z", utc(4000, 12, 31, 23, 59, 59)),
    ],
)
def test_dates_with_times_are_instants(text: str, value: dt.datetime) -> None:
    """A date and time is one instant, with any offset and any number of decimals, of which six count."""
    assert literal(text) == DateTimeLiteral(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("09:30:00Z", dt.time(9, 30)),
        ("09:30:00.000z", dt.time(9, 30)),
        ("23:59:59.9Z", dt.time(23, 59, 59, 900_000)),
        ("00:00:00.0000019Z", dt.time(0, 0, 0, 1)),
    ],
)
def test_times_of_day(text: str, value: dt.time) -> None:
    """A time of day has no date and no zone, but a Z."""
    assert literal(text) == TimeLiteral(value)


def test_dates_and_words() -> None:
    """Dates, TRUE, FALSE, null and binds are read in any case and spacing."""
    assert literal("2024-02-29") == DateLiteral(dt.date(2024, 2, 29))
    assert [literal(word) for word in ("true", "FALSE")] == [BooleanLiteral(True), BooleanLiteral(False)]
    assert [literal(word) for word in ("null", "NULL", "Null")] == [NullLiteral()] * 3
    assert literal(":name") == literal(": name") == Bind("name")
    assert literal(":owners.Id") == Bind("owners.Id")


def test_a_bind_knows_where_it_stands() -> None:
    """``pos`` and ``end`` enclose the colon and the name in the text of the query."""
    text = "SELECT Id FROM A WHERE x = : owners.Id AND y = 1 LIMIT :n"
    tree = parse(text)
    (first, _) = tree.where.items  # type: ignore[union-attr]
    assert text[first.right.pos : first.right.end] == ": owners.Id"  # type: ignore[union-attr]
    assert isinstance(tree.limit, Bind)
    assert text[tree.limit.pos : tree.limit.end] == ":n"


def test_relative_dates_are_those_of_the_manual() -> None:
    """The names are Salesforce's: 3 days, 2 of ninety days, 3 × 6 periods, and 3 forms × 7 units with a number."""
    assert len(RELATIVE_DATES) == 5 + 3 * 6
    assert len(COUNTED_RELATIVE_DATES) == 3 * 7
    for name in RELATIVE_DATES:
        assert literal(name.lower()) == RelativeDate(name)
    for name in COUNTED_RELATIVE_DATES:
        assert literal(f"{name.lower()} : 12") == RelativeDate(name, 12)


@pytest.mark.parametrize(
    ("text", "value", "like"),
    [
        ("''", "", ""),
        ("'Acme'", "Acme", "Acme"),
        (r"'O\'Brien'", "O'Brien", "O'Brien"),
        (r"'\"'", '"', '"'),
        ("'\"'", '"', '"'),
        (r"'\n\r\t\b\f'", "\n\r\t\b\f", "\n\r\t\b\f"),
        (r"'\N\R\T\B\F'", "\n\r\t\b\f", "\n\r\t\b\f"),
        (r"'\\'", "\\", r"\\"),
        (r"'\\\\n'", r"\\n", r"\\\\n"),
        (r"'\u00e9\U00C9'", "éÉ", "éÉ"),
        (r"'\u005c%'", r"\%", r"\\%"),
        (r"'\ud83d\ude00'", "😀", "😀"),
        ("'😀'", "😀", "😀"),
        (r"'100\%'", "100%", r"100\%"),
        (r"'a\_b'", "a_b", r"a\_b"),
        (r"'%_'", "%_", "%_"),
        (r"'\\%'", r"\%", r"\\%"),
        (r"'\\\%'", r"\%", r"\\\%"),
    ],
)
def test_texts_and_patterns(text: str, value: str, like: str) -> None:
    """A text has a value, without escapes, and a pattern, in which escaped wildcards stay apart from bare ones."""
    found = literal(text, "LIKE")
    assert isinstance(found, StringLiteral)
    assert (found.value, found.like) == (value, like)


def test_a_pattern_is_part_of_what_a_text_means() -> None:
    """Two texts of one value but different patterns are different literals, and are printed differently."""
    escaped, bare = literal(r"'100\%'", "LIKE"), literal("'100%'", "LIKE")
    assert escaped != bare
    assert (str(escaped), str(bare)) == (r"'100\%'", "'100%'")
    assert StringLiteral("100%") == bare
    assert StringLiteral("back\\slash").like == r"back\\slash"
