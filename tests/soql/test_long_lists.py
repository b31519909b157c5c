"""Lists of literals as long as a column: read right, and in a time that grows with their length only."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sfdata.errors import BindError, SoqlSyntaxError
from sfdata.soql import bind, parse
from sfdata.soql.nodes import Membership, StringLiteral

SOME_ID = "SELECT Id FROM Account WHERE Id IN :ids"
IDS = [f"001Lo0{n:09}AAA" for n in range(100_000)]
ITEMS = st.sampled_from(["'a'", "''", "'it\\'s'", "'b, c'", "5", "null", "'ü'", "'('"])
GAPS = st.sampled_from(["", " ", "\n", "\t ", "/* , */", "// x\n"])


@given(st.lists(st.tuples(GAPS, ITEMS, GAPS), min_size=1, max_size=12))
@example([("", "'a'", ""), ("", "'b'", ""), ("", "'it\\'s'", "")])
def test_items_keep_their_values_and_places(items):
    """Whatever stands side by side in a list, each literal is what it would be alone, and knows where it stands."""
    text = "SELECT Id FROM Account WHERE Name IN ("
    places = []
    for before, item, behind in items:
        places.append(len(text) + len(before))
        text += f"{before}{item}{behind},"
    where = parse(text[:-1] + ")").where
    assert isinstance(where, Membership)
    alone = [parse(f"SELECT Id FROM Account WHERE Name = {item}").where.right for _, item, _ in items]
    assert list(where.values) == alone
    assert [value.pos for value in where.values] == places


@pytest.mark.parametrize(
    ("text", "found", "column"),
    [
        ("SELECT Id FROM Account WHERE Name IN ('a', 'b', )", ")", 49),
        ("SELECT Id FROM Account WHERE Name IN ('a', 'b'", "<EOF>", 47),
        ("SELECT Id FROM Account WHERE Name IN ('a', 'b', ", "<EOF>", 48),
        ("SELECT Id FROM Account WHERE Name IN ('a', 'b' 'c')", "'c'", 48),
        ("SELECT Id FROM Account WHERE Name IN ('a', 'b\\q', 'c')", "\\q", 46),
    ],
)
def test_a_broken_list_is_refused_where_it_breaks(text, found, column):
    """A list that breaks behind many good items is refused at the very place."""
    with pytest.raises(SoqlSyntaxError) as caught:
        parse(text)
    assert (caught.value.found, caught.value.column) == (found, column)


@pytest.mark.parametrize(
    ("kind", "count"),
    [(list, 100_000), (tuple, 2000), (pd.Series, 2000), (pd.Index, 2000), (np.array, 2000), (dict.fromkeys, 2000)],
)
def test_all_keys_are_bound(kind, count):
    """Every key of a column arrives in the query, in order, whatever holds it, a hundred thousand too."""
    values = kind(IDS[:count])
    where = parse(bind(SOME_ID, {"ids": values.keys() if kind == dict.fromkeys else values})).where
    assert [value.value for value in where.values] == IDS[:count]


def test_binding_takes_time_by_length_only():
    """Ten times the keys take about ten times the time, not a hundred times."""

    def seconds(count: int) -> float:
        tries = []
        for _ in range(2):
            begin = time.thread_time()
            parse(bind(SOME_ID, {"ids": IDS[:count]}))
            tries.append(time.thread_time() - begin)
        return min(tries)

    assert seconds(50_000) < 40 * seconds(5_000)


def test_missing_keys_are_named_and_none_is_null():
    """NaN among the keys is an error with the way out; None is null, which IN compares with too."""
    with pytest.raises(BindError, match="missing value") as caught:
        bind(SOME_ID, {"ids": pd.Series([*IDS[:3], None], dtype="str")})
    assert ".dropna()" in caught.value.hint
    where = parse(bind(SOME_ID, {"ids": [None, "x"]})).where
    assert str(where) == "Id IN (null, 'x')"
    assert where.values[1] == StringLiteral("x")
