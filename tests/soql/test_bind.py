"""Binds in queries: where they may stand, what their names mean, and what a pattern keeps."""

from __future__ import annotations

import datetime as dt
import doctest
import importlib
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from sfdata.errors import BindError, SoqlSyntaxError
from sfdata.soql import bind, escape_like
from sfdata.soql.bind import names


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


def refusal(value: Any, template: str = "SELECT Id FROM A WHERE x = :v") -> str:
    with pytest.raises(BindError) as caught:
        bind(template, {"v": value})
    return str(caught.value)


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


def test_select_lists_without_values_are_passed_over() -> None:
    """TYPEOF and plain fields hold no values; what follows them is bound all the same."""
    template = "SELECT TYPEOF What WHEN Account THEN Name END, Subject FROM Task WHERE x = :v"
    assert bind(template, {"v": 1}) == template.replace(":v", "1")


@pytest.mark.catalogue("S21")
def test_what_looks_like_a_bind_in_quotes_or_comments_is_left_alone() -> None:
    """Only a bind of the grammar is replaced: quoted texts keep theirs, and comments go altogether."""
    template = "SELECT Id FROM A WHERE x = ':v' AND y = ':v \\' :v' AND z = :v /* :v :gone */ // :v ':gone'"
    assert bind(template, {"v": 1}) == "SELECT Id FROM A WHERE x = ':v' AND y = ':v \\' :v' AND z = 1"
    assert names(template) == ("v",)


@pytest.mark.catalogue("S21")
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


@pytest.mark.catalogue("S20")
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


@pytest.mark.catalogue("S23")
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
