"""Conditions of any shape against an evaluator that knows no SQL: SOQL's two-valued logic."""

from __future__ import annotations

import datetime as dt
import json
import operator
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sfdata.localorg.engine import QueryEngine
from sfdata.localorg.ids import make_id
from sfdata.localorg.schema import Field, Schema, SObject
from sfdata.localorg.store import Store

Row = dict[str, Any]
Case = tuple[str, Callable[[Row], bool]]

NAMES = [None, "a", "A", "ab", "Äb", "äB", "b%", "b_", "z'z", "a\\b"]
NUMBERS = [None, -1.0, 0.0, 0.5, 2.0]
ROWS: list[Row] = [
    {"Name": name, "Number__c": number, "Flag__c": (n + m) % 2 == 0}
    for n, name in enumerate(NAMES)
    for m, number in enumerate(NUMBERS)
]
ORDERS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def folded(text: str | None) -> str | None:
    return None if text is None else text.lower()


def quote(text: str) -> str:
    return "'" + re.sub(r"([\\'])", r"\\\1", text) + "'"


def literal(value: Any) -> str:
    if value is None:
        return "null"
    return quote(value) if isinstance(value, str) else format(value, "f")


def matches(text: str | None, pattern: str) -> bool:
    if text is None:
        return False
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    wild = {"%": ".*", "_": "."}
    regex = "".join(wild.get(part) or re.escape(part[-1]) for part in parts)
    return re.fullmatch(regex, text.lower(), re.DOTALL) is not None


texts = st.sampled_from(NAMES)
numbers = st.sampled_from(NUMBERS)
patterns = st.text("aÄb%_", max_size=4)


@st.composite
def comparisons(draw: st.DrawFn) -> Case:
    """One comparison, and what it means."""
    kind = draw(st.sampled_from(["text", "number", "order", "in", "not in", "like", "flag"]))
    if kind == "text":
        value, negated = draw(texts), draw(st.booleans())
        word = "!=" if negated else "="
        return f"Name {word} {literal(value)}", lambda row: (folded(row["Name"]) == folded(value)) != negated
    if kind == "number":
        value, negated = draw(numbers), draw(st.booleans())
        word = "<>" if negated else "="
        return f"Number__c {word} {literal(value)}", lambda row: (row["Number__c"] == value) != negated
    if kind == "order":
        word, bound = draw(st.sampled_from(sorted(ORDERS))), draw(numbers.filter(lambda n: n is not None))
        return (
            f"Number__c {word} {literal(bound)}",
            lambda row: row["Number__c"] is not None and ORDERS[word](row["Number__c"], bound),
        )
    if kind == "like":
        pattern = draw(patterns)
        return f"Name LIKE {quote(pattern)}", lambda row: matches(row["Name"], pattern.lower())
    if kind == "flag":
        wanted = draw(st.booleans())
        return f"Flag__c = {wanted}", lambda row: row["Flag__c"] == wanted
    values = draw(st.lists(texts, min_size=1, max_size=4))
    folds, listed = {folded(v) for v in values}, ", ".join(map(literal, values))
    return f"Name {kind.upper()} ({listed})", lambda row: (folded(row["Name"]) in folds) == (kind == "in")


def combined(inner: st.SearchStrategy[Case]) -> st.SearchStrategy[Case]:
    def joined(parts: list[Case], word: str) -> Case:
        choose = all if word == "AND" else any
        text = f" {word} ".join(f"({text})" for text, _ in parts)
        return text, lambda row: choose(holds(row) for _, holds in parts)

    negations = inner.map(lambda part: (f"NOT ({part[0]})", lambda row: not part[1](row)))
    groups = st.builds(joined, st.lists(inner, min_size=2, max_size=3), st.sampled_from(["AND", "OR"]))
    return negations | groups


conditions = st.recursive(comparisons(), combined, max_leaves=8)


@pytest.fixture(scope="module")
def engine() -> Iterator[QueryEngine]:
    fields = [Field("Id", "id", "Id"), Field("Name", "string", "Name"), Field("Number__c", "double", "Number")]
    thing = SObject("Thing__c", "Thing", "Things", "a00", (*fields, Field("Flag__c", "boolean", "Flag")))
    store = Store(Schema([thing]))
    rows = [[make_id("a00", n), *row.values()] for n, row in enumerate(ROWS)]
    store.bulk_load(thing, ["Id", "Name", "Number__c", "Flag__c"], rows)
    yield QueryEngine(store, clock=lambda: dt.datetime(2024, 5, 15, tzinfo=dt.UTC))
    store.close()


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(condition=conditions)
def test_a_condition_chooses_the_rows_it_holds_for(engine: QueryEngine, condition: Case) -> None:
    """Whatever is nested in whatever, with nulls everywhere: the engine finds the rows the evaluator finds."""
    text, holds = condition
    page = json.loads(engine.query(f"SELECT Id FROM Thing__c WHERE {text}", base="", user_id=""))
    found = [record["Id"] for record in page["records"]]
    assert found == [make_id("a00", n) for n, row in enumerate(ROWS) if holds(row)]


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(condition=conditions)
def test_a_condition_and_its_negation_share_out_the_rows(engine: QueryEngine, condition: Case) -> None:
    """Every row is found by a condition or by its NOT, and by one of them only: there is no third truth."""
    text, _ = condition

    def count(where: str) -> int:
        page = json.loads(engine.query(f"SELECT COUNT() FROM Thing__c WHERE {where}", base="", user_id=""))
        return int(page["totalSize"])

    assert count(text) + count(f"NOT ({text})") == len(ROWS)
    assert count(f"({text}) AND (NOT ({text}))") == 0
