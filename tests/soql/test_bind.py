"""Values in queries: what is written for each kind of value, and what is refused."""

from __future__ import annotations

import datetime as dt
import doctest
import enum
import importlib
import uuid
from collections import deque
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from sfdata.errors import BindError, SoqlSyntaxError
from sfdata.soql import bind, escape_like
from sfdata.soql.bind import names

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


class ColumnsOnly:
    """A frame of a library that names its columns by ``columns`` alone, as Polars does."""

    columns = ("Id",)

    def __getitem__(self, column: str) -> list[str]:
        return {"Id": ["a", "b"]}[column]


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


# --- places ----------------------------------------------------------------------------------------------------------


def test_binds_stand_wherever_a_value_may() -> None:
    """Conditions, child queries, semi-joins, HAVING, arguments, WITH, ORDER BY, LIMIT and OFFSET take binds."""
    template = (
        "SELECT Name, DISTANCE(L__c, GEOLOCATION(:lat, :lon), :unit) d, (SELECT Id FROM Contacts WHERE Email = :mail "
        "LIMIT :few) FROM A WHERE Id IN (SELECT AId FROM B WHERE x > :x AND (NOT y LIKE :y)) AND (a = :a OR b IN :b) "
        "WITH UserId = :user GROUP BY Name HAVING COUNT(Id) > :least ORDER BY DISTANCE(L__c, GEOLOCATION(:lat, :lon), "
        "'mi') LIMIT :n OFFSET :m SET OPTIONS (dataspace = :space)"
    )
    values = {
        "lat": 37.775, "lon": Decimal("-122.418"), "unit": "km", "mail": "a@b.c", "few": 5, "x": dt.date(2024, 1, 31),
        "y": "A%", "a": None, "b": ["p", "q"], "user": "005x", "least": 1, "n": 10, "m": 0, "space": "default",
    }  # fmt: skip
    assert bind(template, values) == (
        "SELECT Name, DISTANCE(L__c, GEOLOCATION(37.775, -122.418), 'km') d, (SELECT Id FROM Contacts WHERE "
        "Email = 'a@b.c' LIMIT 5) FROM A WHERE Id IN (SELECT AId FROM B WHERE x > 2024-01-31 AND (NOT y LIKE 'A%')) "
        "AND (a = null OR b IN ('p', 'q')) WITH UserId = '005x' GROUP BY Name HAVING COUNT(Id) > 1 ORDER BY "
        "DISTANCE(L__c, GEOLOCATION(37.775, -122.418), 'mi') LIMIT 10 OFFSET 0 SET OPTIONS (dataspace = 'default')"
    )
    assert names(template) == tuple(values)


def test_what_looks_like_a_bind_in_quotes_or_comments_is_left_alone() -> None:
    """Only a bind of the grammar is replaced: quoted texts keep theirs, and comments go altogether."""
    template = "SELECT Id FROM A WHERE x = ':v' AND y = ':v \\' :v' AND z = :v /* :v :gone */ // :v ':gone'"
    assert bind(template, {"v": 1}) == "SELECT Id FROM A WHERE x = ':v' AND y = ':v \\' :v' AND z = 1"
    assert names(template) == ("v",)


def test_a_value_is_not_searched_for_binds() -> None:
    """A value that looks like a bind, or holds a quote, stays a value."""
    text = bind("SELECT Id FROM A WHERE x = :a AND y = :b", {"a": ":b", "b": "' :a"})
    assert text == r"SELECT Id FROM A WHERE x = ':b' AND y = '\' :a'"


def test_comments_become_blanks_and_the_rest_stays_as_written() -> None:
    """Orgs refuse comments; line ends, tabs and blanks between words are kept."""
    template = "/* all */\nSELECT Id/**/,Name // two\n\tFROM  A\r\n"
    assert bind(template) == "SELECT Id ,Name FROM  A"
    assert bind("SELECT  Id\n\tFROM A\r\nWHERE x='//'") == "SELECT  Id\n\tFROM A\r\nWHERE x='//'"


def test_a_word_before_a_bind_keeps_its_distance() -> None:
    """``LIMIT:n`` does not become ``LIMIT5``."""
    text = bind("SELECT Id FROM A WHERE x=:v AND y LIKE:v LIMIT:n OFFSET:n", {"v": "z", "n": 5})
    assert text == "SELECT Id FROM A WHERE x='z' AND y LIKE 'z' LIMIT 5 OFFSET 5"


@pytest.mark.parametrize("operator", ["<", "<=", ">", ">="])
def test_null_compares_by_equality_only(operator: str) -> None:
    """None goes with = and != (and in lists); an order needs a value."""
    assert "only = and != compare with null" in refusal(None, f"SELECT Id FROM A WHERE x {operator} :v")


@pytest.mark.parametrize("clause", ["LIMIT", "OFFSET"])
def test_counts_are_whole_numbers(clause: str) -> None:
    """LIMIT and OFFSET take a whole number from 0 on, of any library."""
    template = f"SELECT Id FROM A {clause} :v"
    for value in (5, np.int64(5), 5.0, Decimal(5), pa.scalar(5)):
        assert written(value, template) == "5"
    assert written(0, template) == "0"
    for value in (-1, 2.5, True, "5", None, dt.date(2024, 1, 31)):
        assert refusal(value, template) == ":v counts rows, so it must be a whole number from 0 on"
    with pytest.raises(BindError, match="list"):
        bind(template, {"v": [5]})


# --- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "owners",
    [
        pd.DataFrame({"Id": ["a", "b"], "Name": ["x", "y"]}),
        pa.table({"Id": ["a", "b"]}),
        {"Id": ["a", "b"]},
        ColumnsOnly(),
    ],
)
def test_a_dot_reads_a_column_or_a_key(owners: Any) -> None:
    """``:owners.Id`` is a column of a frame or a table, or a key of a mapping."""
    assert bind("SELECT Id FROM A WHERE x IN :owners.Id", {"owners": owners}).endswith("IN ('a', 'b')")


def test_a_dot_reads_rows_and_nested_mappings() -> None:
    """A row is asked for its column, and a mapping within a mapping for its key."""
    row = pd.DataFrame({"Id": ["a", "b"]}).iloc[1]
    assert bind("SELECT Id FROM A WHERE x = :row.Id", {"row": row}).endswith("x = 'b'")
    assert bind("SELECT Id FROM A WHERE x = :cfg.a.b", {"cfg": {"a": {"b": 1}}}).endswith("x = 1")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("v.Nope", pd.DataFrame({"Id": ["a"]})),
        ("v.Id", {}),
        ("v.Id", "text"),
        ("v.Id", ["a"]),
        ("v.Id.x", {"Id": "a"}),
        ("v.__class__", "text"),
        ("v.shape", pd.DataFrame({"Id": ["a"]})),
        ("v.real", 5),
    ],
)
def test_a_dot_reads_no_attributes(name: str, value: Any) -> None:
    """What is no column or key is refused, whatever attributes the value has."""
    with pytest.raises(BindError, match="has no column or key"):
        bind(f"SELECT Id FROM A WHERE x = :{name}", {"v": value})


def test_a_name_without_a_value_is_refused() -> None:
    """The message says what to define; case counts, as in Python."""
    for params in (None, {}, {"V": 1}):
        with pytest.raises(BindError, match=":v has no value") as caught:
            bind("SELECT Id FROM A WHERE x = :v", params)
        assert caught.value.hint == "Define v, or pass params={'v': …}."


def test_a_value_that_is_not_asked_for_is_fine() -> None:
    """Unused names are not looked at: a notebook has many of them."""
    assert bind("SELECT Id FROM A", {"unused": object()}) == "SELECT Id FROM A"


def test_names_come_in_order_and_once() -> None:
    """``names`` tells what a caller must provide: the first part of each bind, in the order of the text."""
    text = "SELECT Id, (SELECT Id FROM C WHERE z = :z) FROM A WHERE x IN :owners.Id AND y = :b OFFSET :n"
    assert names(text) == ("z", "owners", "b", "n")
    assert names(text + " ALL ROWS") == names(text)
    assert names("SELECT Id FROM A WHERE a = :b AND b = :a AND c = :b.c") == ("b", "a")
    assert names("SELECT Id FROM A") == ()


def test_a_malformed_query_is_refused_before_any_value_is_read() -> None:
    """The text must be a query, whatever the values are."""
    with pytest.raises(SoqlSyntaxError):
        bind("SELECT Id FROM A WHERE x = :v ORDER Name", {"v": object()})


# --- LIKE ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        ("A%", "'A%'"),
        ("_b", "'_b'"),
        (r"100\%", r"'100\%'"),
        (r"a\_b%", r"'a\_b%'"),
        (r"C:\dir%", r"'C:\\dir%'"),
        (r"C:\\dir%", r"'C:\\dir%'"),
        ("\\", r"'\\'"),
        (r"\\\%", r"'\\\%'"),
        ("O'B%", r"'O\'B%'"),
        (r"\'", r"'\\\''"),
        (escape_like("100%"), r"'100\%'"),
        (escape_like("a_b\\") + "%", r"'a\_b\\%'"),
        (pa.scalar("A%"), "'A%'"),
        ("", "''"),
    ],
)
def test_patterns_keep_their_wildcards_and_escapes(value: Any, literal: str) -> None:
    r"""Behind LIKE, % and _ are wildcards, \% \_ and \\ are not, and a backslash before anything else is itself."""
    assert written(value, "SELECT Id FROM A WHERE x LIKE :v") == literal
    assert written(value, "SELECT Id FROM A WHERE (NOT x LIKE :v)") == literal


@pytest.mark.parametrize("value", [5, None, True, dt.date(2024, 1, 31)])
def test_patterns_are_text(value: Any) -> None:
    """Nothing but text is a pattern."""
    assert "behind LIKE must be text" in refusal(value, "SELECT Id FROM A WHERE x LIKE :v")


def test_a_list_is_no_pattern() -> None:
    """LIKE takes one pattern."""
    assert "is a list" in refusal(["a%"], "SELECT Id FROM A WHERE x LIKE :v")


def test_the_example_of_escape_like_holds() -> None:
    """The docstring's example is run."""
    results = doctest.testmod(importlib.import_module("sfdata.soql.bind"))
    assert (results.failed, results.attempted) == (0, 1)
