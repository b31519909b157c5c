"""Any tree prints to a text that reads back as the same tree, and any text is a query or a SoqlSyntaxError."""

from __future__ import annotations

import datetime as dt
import string
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sfdata.errors import SoqlSyntaxError
from sfdata.soql import parse
from sfdata.soql.expressions import COMPARISONS, COUNTED_RELATIVE_DATES, MAX_COUNT, RELATIVE_DATES, RESERVED
from sfdata.soql.nodes import (
    And,
    Bind,
    BooleanLiteral,
    Comparison,
    CurrencyLiteral,
    DataCategory,
    DateLiteral,
    DateTimeLiteral,
    FieldPath,
    FunctionCall,
    GroupBy,
    Membership,
    MultiPicklistTest,
    Not,
    NullLiteral,
    NumberLiteral,
    Option,
    Or,
    OrderItem,
    Query,
    RelativeDate,
    SelectField,
    Source,
    StringLiteral,
    Subquery,
    SubqueryMembership,
    TimeLiteral,
    TypeOf,
    TypeOfBranch,
)
from sfdata.soql.parser import ACCESS_MODES, AFTER_SOURCE, CATEGORY_OPERATORS, PURPOSES, UPDATES

# --- any tree --------------------------------------------------------------------------------------------------------

KEYWORDS = (
    RESERVED | AFTER_SOURCE | {"AS", "ASC", "BY", "CUBE", "DESC", "NULLS", "ROLLUP", "TYPEOF", "WHEN", "ELSE", "END"}
)
WORDS = st.text(string.ascii_letters + string.digits + "_", min_size=1, max_size=12)
NAMES = WORDS.filter(lambda word: word[0].isalpha() and word.upper() not in KEYWORDS)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map(tuple)
FIELDS = st.builds(FieldPath, PATHS)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30, places=None)
OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: dt.timezone(dt.timedelta(minutes=minutes)))
INSTANTS = st.datetimes(dt.datetime(2, 1, 1), dt.datetime(9998, 12, 31), timezones=OFFSETS)
COUNTS = st.integers(0, MAX_COUNT)
BINDS = st.builds(Bind, PATHS.map(".".join))
RELATIVE = st.builds(RelativeDate, st.sampled_from(sorted(COUNTED_RELATIVE_DATES)), COUNTS)
LITERALS = st.one_of(
    st.builds(StringLiteral, TEXTS),
    st.builds(NumberLiteral, DECIMALS),
    st.builds(DateLiteral, st.dates()),
    st.builds(DateTimeLiteral, INSTANTS),
    st.builds(TimeLiteral, st.times()),
    RELATIVE,
    BINDS,
    st.builds(CurrencyLiteral, st.text(string.ascii_uppercase, min_size=3, max_size=3), DECIMALS),
    st.builds(BooleanLiteral, st.booleans()),
    st.just(NullLiteral()),
    st.builds(RelativeDate, st.sampled_from(sorted(RELATIVE_DATES))),
)
FUNCTION_NAMES = NAMES.filter(lambda name: name.upper() != "DISTANCE")
FUNCTIONS = st.builds(FunctionCall, FUNCTION_NAMES, st.tuples(FIELDS))
PLACES = st.builds(FunctionCall, st.just("GEOLOCATION"), st.tuples(LITERALS, LITERALS))
EXPRESSIONS: st.SearchStrategy[Any] = st.one_of(
    FIELDS,
    st.builds(FunctionCall, FUNCTION_NAMES, st.tuples(FIELDS | FUNCTIONS)),
    st.builds(FunctionCall, st.just("DISTANCE"), st.tuples(FIELDS, PLACES, LITERALS)),
)
ALIASES = st.none() | NAMES
OPTIONS = st.lists(st.builds(Option, NAMES, LITERALS), max_size=3).map(tuple)
OPERATORS = st.sampled_from([mark for mark in COMPARISONS if mark != "<>"] + ["LIKE"])
SOURCES = st.builds(Source, PATHS, ALIASES)
SEVERAL = st.lists(EXPRESSIONS, min_size=1, max_size=2).map(tuple)
CATEGORIES = st.builds(
    DataCategory, NAMES, st.sampled_from(CATEGORY_OPERATORS), st.lists(NAMES, min_size=1, max_size=2).map(tuple)
)
ORDERS = st.builds(OrderItem, EXPRESSIONS, st.booleans(), st.sampled_from([None, "FIRST", "LAST"]))
CLAUSES: dict[str, st.SearchStrategy[Any]] = {
    "joins": st.lists(SOURCES, max_size=2).map(tuple),
    "scope": NAMES,
    "access": st.sampled_from(ACCESS_MODES),
    "data_categories": st.lists(CATEGORIES, max_size=2).map(tuple),
    "filter": st.builds(Comparison, st.builds(FieldPath, st.tuples(NAMES)), st.just("="), LITERALS),
    "visibility": OPTIONS,
    "group_by": st.builds(GroupBy, SEVERAL, st.sampled_from([None, "ROLLUP", "CUBE"])),
    "having": st.builds(Comparison, EXPRESSIONS, OPERATORS, LITERALS),
    "order_by": st.lists(ORDERS, max_size=2).map(tuple),
    "limit": COUNTS | BINDS,
    "offset": COUNTS | BINDS,
    "purpose": st.sampled_from(PURPOSES),
    "update": st.lists(st.sampled_from(UPDATES), max_size=2).map(tuple),
    "options": OPTIONS,
    "all_rows": st.booleans(),
}


@st.composite
def conditions(draw: st.DrawFn, depth: int = 2) -> Any:
    """A condition of at most ``depth`` levels of AND, OR, NOT and subqueries."""
    kind = draw(st.sampled_from(["compare", "in", "includes"] + (["and", "or", "not", "subquery"] if depth else [])))
    if kind in ("and", "or"):
        items = draw(st.lists(conditions(depth - 1), min_size=2, max_size=3).map(tuple))
        return And(items) if kind == "and" else Or(items)
    if kind == "not":
        return Not(draw(conditions(depth - 1)))
    left = draw(EXPRESSIONS)
    if kind == "compare":
        return Comparison(left, draw(OPERATORS), draw(LITERALS))
    negated = draw(st.booleans())
    if kind == "subquery":
        return SubqueryMembership(left, draw(semi_joins(depth - 1)), negated)
    values = draw(st.lists(LITERALS, min_size=1, max_size=3).map(tuple))
    return Membership(left, values, negated) if kind == "in" else MultiPicklistTest(left, values, negated)


@st.composite
def semi_joins(draw: st.DrawFn, depth: int) -> Query:
    """A SELECT of one field, with the clauses that filter."""
    select = (SelectField(draw(EXPRESSIONS)),)
    where = draw(st.none() | conditions(depth))
    return Query(select, draw(SOURCES), scope=draw(st.none() | NAMES), where=where, access=draw(CLAUSES["access"]))


@st.composite
def entries(draw: st.DrawFn, depth: int) -> Any:
    """An entry of a select list."""
    kind = draw(st.sampled_from(["field", "field", "typeof"] + (["subquery"] if depth else [])))
    if kind == "subquery":
        return Subquery(draw(queries(depth - 1)))
    if kind == "field":
        return SelectField(draw(EXPRESSIONS), draw(ALIASES))
    fields = st.lists(FIELDS, min_size=1, max_size=2).map(tuple)
    branches = st.lists(st.builds(TypeOfBranch, NAMES, fields), min_size=1, max_size=2).map(tuple)
    return TypeOf(draw(FIELDS), draw(branches), draw(st.none() | fields))


@st.composite
def queries(draw: st.DrawFn, depth: int = 2) -> Query:
    """A query with up to four of the optional clauses, and ``depth`` levels of subqueries at most."""
    clauses = draw(st.sets(st.sampled_from(sorted(CLAUSES)), max_size=4))
    if "group_by" not in clauses:
        clauses -= {"having"}
    given_clauses = {name: draw(CLAUSES[name]) for name in sorted(clauses)}
    if draw(st.booleans()):
        given_clauses["where"] = draw(conditions(depth))
    select = draw(st.lists(entries(depth), min_size=1, max_size=3).map(tuple))
    return Query(select=select, source=draw(SOURCES), **given_clauses)


@given(queries())
@settings(max_examples=200, deadline=None)
def test_a_built_tree_reads_back_equal(tree: Query) -> None:
    """What can be built can be printed, and its text means the same tree."""
    assert parse(str(tree)) == tree


@given(LITERALS)
@example(NumberLiteral(Decimal("1E+30")))
@example(NumberLiteral(Decimal("-0.00")))
@example(DateTimeLiteral(dt.datetime(999, 1, 1, tzinfo=dt.UTC)))
@example(StringLiteral("\x00\x1f\x7f\u2028\\'"))
@settings(max_examples=300)
def test_a_built_literal_reads_back_equal(literal: Any) -> None:
    """Every literal prints without loss."""
    tree = parse(f"SELECT Id FROM A WHERE x = {literal}")
    assert isinstance(tree.where, Comparison)
    assert tree.where.right == literal


# --- any text --------------------------------------------------------------------------------------------------------

FRAGMENTS = st.sampled_from(
    """
    SELECT FROM WHERE AND OR NOT IN LIKE INCLUDES EXCLUDES GROUP ORDER BY ROLLUP HAVING LIMIT OFFSET WITH USING SCOPE
    DATA CATEGORY AT ABOVE TYPEOF WHEN THEN ELSE END FOR VIEW UPDATE TRACKING ALL ROWS SET OPTIONS AS ASC DESC NULLS
    FIRST NULL TRUE TODAY LAST_N_DAYS:3 USER_MODE Id Name a.b c COUNT f( ( ) , . = != <> < <= > >= == ! * ; : :x :x.y
    'a' 'b\\'c' '\\q' ' " 1 -2.5 1e9999 usd5 USD5.5 2024-01-31 2024-13-01 2024-01-31T10:00:00Z 2024-01-31T10:00:00
    10:00:00 99:00:00 // /* */ /*x*/ 99999999999 é \u200b \\ 😀
    """.split()  # noqa: SIM905
)
IDENTITY = (Path(__file__).parent / "cases" / "identity.soql").read_text("utf-8").split("\n")
QUERIES = st.sampled_from([line for line in IDENTITY if line and not line.startswith("#")])


def check(text: str) -> None:
    """``text`` is a query that prints and reads back, or an error that names a place in it."""
    try:
        tree = parse(text)
    except SoqlSyntaxError as caught:
        error = caught
    else:
        assert parse(str(tree)) == tree
        assert tree.text == text
        return
    assert 0 <= error.offset <= len(text)
    assert text[error.offset :].startswith(error.found) or error.found == "<EOF>"
    assert error.excerpt in str(error)


@given(st.text(max_size=100) | st.text(max_size=100).map("SELECT Id FROM A WHERE ".__add__))
@settings(max_examples=300)
def test_any_text_is_a_query_or_a_syntax_error(text: str) -> None:
    """No text leads to another exception."""
    check(text)


@given(st.lists(FRAGMENTS, max_size=25).map(" ".join), st.booleans())
@settings(max_examples=600)
def test_any_row_of_words_is_a_query_or_a_syntax_error(text: str, begun: bool) -> None:
    """Words of the language in any order lead to no other exception, and what parses prints faithfully."""
    check(f"SELECT Id FROM A WHERE {text}" if begun else text)


@given(QUERIES, st.data())
@settings(max_examples=600)
def test_any_damaged_query_is_a_query_or_a_syntax_error(query: str, data: st.DataObject) -> None:
    """A query with a piece cut out and another put in leads to no other exception."""
    start = data.draw(st.integers(0, len(query)))
    end = data.draw(st.integers(start, min(len(query), start + 12)))
    check(query[:start] + data.draw(FRAGMENTS | st.just("")) + query[end:])


@pytest.mark.parametrize(
    ("select", "added"),
    [
        ("Name", ", Id, Code__c"),
        ("id, Owner.Id, a.CODE__C", ""),
        ("A.Name, Parent.Code__c, toLabel(Id)", ", Id, Code__c"),
        ("FIELDS(ALL)", ""),
        ("fields(standard)", ", Code__c"),
        ("FIELDS(CUSTOM), Name", ", Id"),
    ],
)
def test_fields_are_added_where_they_are_not_selected(select: str, added: str) -> None:
    """A field is there under any case and own prefix, or by FIELDS(); a parent's is another one."""
    query = parse(f"SELECT {select} FROM A a WHERE Id = null")
    assert str(query.selecting("Id", "Code__c")) == f"SELECT {select}{added} FROM A a WHERE Id = null"
