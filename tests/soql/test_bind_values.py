"""Values in queries: what is written for each kind of value, and what is refused."""

from __future__ import annotations

import datetime as dt
import enum
import uuid
from collections import deque
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from sfdata.errors import BindError
from sfdata.soql import bind

BERLIN = ZoneInfo("Europe/Berlin")


class Stage(enum.StrEnum):
    WON = "Closed Won"


class OldStage(str, enum.Enum):  # noqa: UP042
    WON = "Closed Won"

    def __str__(self) -> str:
        return "OldStage.WON"


class Level(enum.IntEnum):
    HIGH = 3


class Colour(enum.Enum):
    RED = "red"


def written(value: Any, template: str = "SELECT Id FROM A WHERE x = :v") -> str:
    """What stands in place of ``:v``."""
    head, tail = template.split(":v")
    text = bind(template, {"v": value})
    assert text.startswith(head)
    assert text.endswith(tail)
    return text[len(head) : len(text) - len(tail)]


def listed(value: Any) -> str:
    return written(value, "SELECT Id FROM A WHERE x IN :v")


def refusal(value: Any, template: str = "SELECT Id FROM A WHERE x = :v") -> str:
    with pytest.raises(BindError) as caught:
        bind(template, {"v": value})
    return str(caught.value)


# --- single values ---------------------------------------------------------------------------------------------------


@pytest.mark.catalogue("S18")
@pytest.mark.parametrize(
    ("value", "literal"),
    [
        ("Acme", "'Acme'"),
        ("", "''"),
        ("O'Brien", r"'O\'Brien'"),
        ("back\\slash", r"'back\\slash'"),
        ("x\\' OR Name != null OR Name = '", r"'x\\\' OR Name != null OR Name = \''"),
        ("\\", r"'\\'"),
        ("line\nfeed\r\t\b\f", r"'line\nfeed\r\t\b\f'"),
        ("\x01\x1f", r"'\u0001\u001f'"),
        ("100% a_b", "'100% a_b'"),
        ("Zürich 東京 😀 \u2028\u0085\ufeff", "'Zürich 東京 😀 \u2028\u0085\ufeff'"),
        (":name // /* */ ;", "':name // /* */ ;'"),
        ("null", "'null'"),
        ("2024-01-31", "'2024-01-31'"),
        (np.str_("Acme"), "'Acme'"),
        (pa.scalar("Acme"), "'Acme'"),
        (Stage.WON, "'Closed Won'"),
        (OldStage.WON, "'Closed Won'"),
    ],
)
def test_text_stays_in_its_quotes(value: Any, literal: str) -> None:
    """Text is quoted, backslashes before quotes, and control characters are written as escapes."""
    assert written(value) == literal


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        (True, "TRUE"),
        (False, "FALSE"),
        (np.True_, "TRUE"),
        (pa.scalar(False), "FALSE"),
        (0, "0"),
        (-5, "-5"),
        (10**40, f"1{'0' * 40}"),
        (Level.HIGH, "3"),
        (np.int64(5), "5"),
        (np.uint8(200), "200"),
        (np.array(5), "5"),
        (pa.scalar(5, pa.int32()), "5"),
        (1.5, "1.5"),
        (0.1, "0.1"),
        (1e22, "10000000000000000000000"),
        (1e-7, "0.0000001"),
        (-0.0, "-0.0"),
        (5e-324, f"0.{'0' * 323}5"),
        (np.float64(1e-7), "0.0000001"),
        (np.float32(0.1), "0.1"),
        (np.longdouble("0.1"), "0.1"),
        (pa.scalar(2.5), "2.5"),
        (Decimal("5.50"), "5.50"),
        (Decimal("1E+3"), "1000"),
        (Decimal("-1.5E-5"), "-0.000015"),
        (None, "null"),
        (pa.scalar(None), "null"),
    ],
)
def test_numbers_booleans_and_null(value: Any, literal: str) -> None:
    """A number is written out in full, without exponent; a boolean is no number; None is null."""
    assert written(value) == literal
    assert written(value, "SELECT Id FROM A WHERE x != :v") == literal


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        (dt.date(2024, 1, 31), "2024-01-31"),
        (dt.date(1700, 1, 1), "1700-01-01"),
        (dt.date(4000, 12, 31), "4000-12-31"),
        (np.datetime64("2024-01-31"), "2024-01-31"),
        (pa.scalar(dt.date(2024, 1, 31)), "2024-01-31"),
        (dt.datetime(2024, 1, 31, 10, 0, tzinfo=dt.UTC), "2024-01-31T10:00:00Z"),
        (dt.datetime(2024, 1, 31, 10, 0, tzinfo=BERLIN), "2024-01-31T09:00:00Z"),
        (dt.datetime(2024, 7, 31, 0, 30, tzinfo=BERLIN), "2024-07-30T22:30:00Z"),
        (dt.datetime(2024, 10, 27, 2, 30, tzinfo=BERLIN), "2024-10-27T00:30:00Z"),
        (dt.datetime(2024, 10, 27, 2, 30, tzinfo=BERLIN, fold=1), "2024-10-27T01:30:00Z"),
        (dt.datetime(2024, 1, 31, 10, 0, 0, 123_000, tzinfo=dt.UTC), "2024-01-31T10:00:00.123Z"),
        (dt.datetime(2024, 1, 31, 10, 0, 0, 123_456, tzinfo=dt.UTC), "2024-01-31T10:00:00.123456Z"),
        (pd.Timestamp("2024-01-31 10:00", tz="Europe/Berlin"), "2024-01-31T09:00:00Z"),
        (pd.Timestamp("2024-01-31 10:00:00.123456+00:00"), "2024-01-31T10:00:00.123456Z"),
        (pd.Timestamp("2024-10-27 01:30", tz="UTC").tz_convert("Europe/Berlin"), "2024-10-27T01:30:00Z"),
        (pa.scalar(pd.Timestamp("2024-01-31 10:00", tz="UTC")), "2024-01-31T10:00:00Z"),
        (dt.time(9, 30), "09:30:00.000Z"),
        (dt.time(9, 30, 0, 5_000), "09:30:00.005Z"),
        (dt.time(9, 30, 0, 5), "09:30:00.000005Z"),
        (dt.time(9, 30, tzinfo=dt.UTC), "09:30:00.000Z"),
    ],
)
def test_dates_and_times(value: Any, literal: str) -> None:
    """A date stays a date, an instant goes in UTC without losing a decimal, a time of day has no zone."""
    assert written(value) == literal


@pytest.mark.parametrize(
    "value", [float("nan"), np.float32("nan"), np.nan, pd.NA, pd.NaT, np.datetime64("NaT"), Decimal("NaN")]
)
def test_missing_values_are_refused_with_the_way_out(value: Any) -> None:
    """A missing value is not null by itself: whoever binds says what it means."""
    for message in (refusal(value), refusal([value], "SELECT Id FROM A WHERE x IN :v")):
        assert message.startswith(":v holds a missing value")
        assert ".dropna()" in message


@pytest.mark.catalogue("S18")
@pytest.mark.parametrize(
    ("value", "words"),
    [
        (float("inf"), "no SOQL number"),
        (-np.inf, "no SOQL number"),
        (Decimal("-Infinity"), "no SOQL number"),
        (Decimal("1E+999999"), "more than 400 digits"),
        (Decimal("1E-999999"), "more than 400 digits"),
        (10**401, "more than 400 digits"),
        (dt.datetime(2024, 1, 31, 10, 0), "without a time zone"),
        (pd.Timestamp("2024-01-31 10:00"), "without a time zone"),
        (np.datetime64("2024-01-31T10:00"), "without a time zone"),
        (np.datetime64("2024-01-31T10:00", "ns"), "without a time zone"),
        (pd.Timestamp("2024-01-31 10:00:00.123456789Z"), "finer than a microsecond"),
        (dt.date(1699, 12, 31), "outside what Salesforce stores"),
        (dt.date(4001, 1, 1), "outside what Salesforce stores"),
        (dt.datetime.max.replace(tzinfo=dt.UTC), "outside what Salesforce stores"),
        (dt.datetime.min.replace(tzinfo=BERLIN), "outside what Salesforce stores"),
        (dt.datetime(4000, 12, 31, 23, tzinfo=dt.timezone(dt.timedelta(hours=-2))), "outside what Salesforce stores"),
        (dt.time(9, 30, tzinfo=dt.timezone(dt.timedelta(hours=1))), "knows no time zones"),
        ("nul\0", "NUL or half a surrogate pair"),
        ("\ud800", "NUL or half a surrogate pair"),
        (b"Acme", "is a bytes, which has no SOQL literal"),
        (bytearray(b"Acme"), "is a bytearray"),
        (memoryview(b"Acme"), "is a memoryview"),
        (np.bytes_(b"Acme"), "is a bytes"),
        (object(), "is an object, which has no SOQL literal"),
        ({"Id": "x"}, "is a dict, which has no SOQL literal"),
        (pd.DataFrame({"Id": ["x"]}), "Choose a column or a key of it: :v.Id"),
        (np.array([["x"]]), "is a ndarray"),
        (np.complex64(1), "is a complex"),
        (dt.timedelta(days=1), "is a timedelta"),
        (pd.Timedelta(days=1), "is a Timedelta"),
        (np.timedelta64(1, "D"), "is a timedelta"),
        (np.timedelta64(1, "ns"), "is a timedelta"),
        (uuid.UUID(int=0), "is an UUID"),
        (Colour.RED, "is a Colour"),
        ((x for x in "ab"), "is a generator"),
        (["a"], "is a list; a list goes behind IN"),
        (("a",), "is a tuple; a list goes behind IN"),
        ({"a"}, "is a set; a list goes behind IN"),
        (pd.Series(["a"]), "is a Series; a list goes behind IN"),
    ],
)
def test_what_has_no_literal_is_refused_by_name(value: Any, words: str) -> None:
    """The message names the bind and says what is wrong with its value."""
    message = refusal(value)
    assert message.startswith(":v ")
    assert words in message


# --- lists -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "literals"),
    [
        (["b", "a"], "('b', 'a')"),
        (("b", "a"), "('b', 'a')"),
        (deque(["b", "a"]), "('b', 'a')"),
        ({"b": 1, "a": 2}.keys(), "('b', 'a')"),
        ({1: "b", 2: "a"}.values(), "('b', 'a')"),
        ({"b", "a", "c"}, "('a', 'b', 'c')"),
        (frozenset("ba"), "('a', 'b')"),
        (range(3), "(0, 1, 2)"),
        ([1, 2.5, Decimal("3.10"), True, None, "x"], "(1, 2.5, 3.10, TRUE, null, 'x')"),
        (["a", "b", "a", "A", "b"], "('a', 'b', 'A')"),
        ([1, 1.0, Decimal("1.0"), True], "(1, 1.0, TRUE)"),
        (["a"], "('a')"),
        ("a", "('a')"),
        (5, "(5)"),
        (None, "(null)"),
        (pd.Series(["b", "a"]), "('b', 'a')"),
        (pd.Series(["b", "a"], dtype=object), "('b', 'a')"),
        (pd.Series(["b", "a"], dtype="category"), "('b', 'a')"),
        (pd.Series(["b", "a"], dtype="string[pyarrow]"), "('b', 'a')"),
        (pd.Series([2, 1], dtype="Int64"), "(2, 1)"),
        (pd.Series([2, 1], dtype="int64[pyarrow]"), "(2, 1)"),
        (pd.Series([True, False], dtype="boolean"), "(TRUE, FALSE)"),
        (pd.Series([2.0, 1.5]), "(2.0, 1.5)"),
        (pd.Series([dt.date(2024, 1, 31)]), "(2024-01-31)"),
        (pd.Series(pd.to_datetime(["2024-01-31 10:00"]).tz_localize("Europe/Berlin")), "(2024-01-31T09:00:00Z)"),
        (pd.Index(["b", "a"]), "('b', 'a')"),
        (pd.date_range("2024-01-31", periods=2, tz="UTC"), "(2024-01-31T00:00:00Z, 2024-02-01T00:00:00Z)"),
        (pd.array([2, 1], dtype="Int8"), "(2, 1)"),
        (pd.Categorical(["b", "a", "b"]), "('b', 'a')"),
        (np.array(["b", "a"]), "('b', 'a')"),
        (np.array(["b", 1], dtype=object), "('b', 1)"),
        (np.array([0.1], dtype="float32"), "(0.1)"),
        (np.array(["2024-01-31"], dtype="datetime64[D]"), "(2024-01-31)"),
        (np.array([True]), "(TRUE)"),
        (pa.array(["b", None]), "('b', null)"),
        (pa.chunked_array([["b"], ["a"]]), "('b', 'a')"),
        (pa.array([dt.date(2024, 1, 31)]), "(2024-01-31)"),
    ],
)
def test_lists_of_any_library(value: Any, literals: str) -> None:
    """A list keeps its order and sends each literal once; a set, which has no order, is sorted."""
    assert listed(value) == literals


@pytest.mark.parametrize(
    "value",
    [[], (), set(), range(0), pd.Series([], dtype=object), pd.Index([]), np.array([]), pa.array([], pa.string())],
)
def test_an_empty_list_is_refused(value: Any) -> None:
    """SOQL has no empty list, and leaving the condition out would mean something else."""
    assert refusal(value, "SELECT Id FROM A WHERE x IN :v").startswith(":v is empty")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (pd.Series(["a", None]), "missing value"),
        (pd.Series([1, None], dtype="Int64"), "missing value"),
        (pd.Series(pd.to_datetime(["2024-01-31 10:00"])), "without a time zone"),
        (np.array(["2024-01-31"], dtype="datetime64[ns]"), "without a time zone"),
        ([["a"]], "is a list"),
        ([{"Id": 1}], "is a dict"),
        (b"ab", "is a bytes"),
        ({"a": 1}, "is a dict"),
        (pd.DataFrame({"a": [1]}), "is a DataFrame"),
        (pa.table({"a": [1]}), "is a Table"),
    ],
)
def test_lists_with_what_has_no_literal_are_refused(value: Any, words: str) -> None:
    """A list is as good as each of its items, and a table is no list."""
    assert words in refusal(value, "SELECT Id FROM A WHERE x IN :v")


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("x IN :v", "x IN (1, 2)"),
        ("x IN (:v)", "x IN (1, 2)"),
        ("x IN ( :v )", "x IN ( 1, 2 )"),
        ("x IN (/* ids */:v)", "x IN ( 1, 2)"),
        ("x IN:v", "x IN (1, 2)"),
        ("x NOT IN :v", "x NOT IN (1, 2)"),
        ("x INCLUDES :v", "x INCLUDES (1, 2)"),
        ("x EXCLUDES (:v)", "x EXCLUDES (1, 2)"),
        ("(x IN :v)", "(x IN (1, 2))"),
        ("(NOT x IN :v)", "(NOT x IN (1, 2))"),
    ],
)
def test_a_list_stands_in_one_pair_of_parentheses(template: str, text: str) -> None:
    """Parentheses around a bind are the list's own; without them they are added."""
    assert bind(f"SELECT Id FROM A WHERE {template}", {"v": [1, 2]}) == f"SELECT Id FROM A WHERE {text}"


def test_single_values_in_a_written_list() -> None:
    """Among other items of a list a bind is one value, and a list there is refused."""
    template = "SELECT Id FROM A WHERE x IN (:a, 'b', :c)"
    assert bind(template, {"a": 1, "c": None}) == "SELECT Id FROM A WHERE x IN (1, 'b', null)"
    with pytest.raises(BindError, match=":a is a list"):
        bind(template, {"a": [1], "c": 2})
