"""Tokens, their places, and the places that errors name."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sfdata.errors import SoqlSyntaxError
from sfdata.soql import parse
from sfdata.soql.lexer import Kind, tokenize
from sfdata.soql.nodes import Membership

SKIPPED = re.compile(r"(?:[ \t\r\n\f\v]|//[^\n]*|/\*(?:[^*]|\*(?!/))*\*/)*")


def kinds(text: str) -> list[tuple[str, str]]:
    return [(token.kind.name, token.text) for token in tokenize(text)][:-1]


def refused(text: str) -> SoqlSyntaxError:
    with pytest.raises(SoqlSyntaxError) as caught:
        parse(text)
    return caught.value


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Name", "NAME"),
        ("My_Field__c", "NAME"),
        ("USD5x", "NAME"),
        ("USDX5", "NAME"),
        ("'it\\'s'", "STRING"),
        ("''", "STRING"),
        ("'\\\\'", "STRING"),
        ("5", "NUMBER"),
        ("-5.50", "NUMBER"),
        ("- .5", "NUMBER"),
        ("USD5", "CURRENCY"),
        ("eur-5.25", "CURRENCY"),
        ("2024-01-31", "DATE"),
        ("2024-01-31T10:00:00Z", "DATETIME"),
        ("2024-01-31t10:00:00.5+0100", "DATETIME"),
        ("2024-01-31T10:00", "DATETIME"),
        ("10:00:00", "TIME"),
        ("10:00:00.123z", "TIME"),
        ("LAST_N_DAYS:30", "RELATIVE"),
        ("LAST_N_DAYS : 30", "RELATIVE"),
        (":name", "BIND"),
        (": owners.Id", "BIND"),
        ("<=", "PUNCTUATION"),
        ("<>", "PUNCTUATION"),
        ("(", "PUNCTUATION"),
        ("*", "UNKNOWN"),
        ("'open", "UNKNOWN"),
        ("'open\\'", "UNKNOWN"),
        ("/* open", "UNKNOWN"),
        ("_", "UNKNOWN"),
        ("'two\nlines'", "UNKNOWN"),
        ("\u00a0", "UNKNOWN"),
        ("é", "UNKNOWN"),
    ],
)
def test_each_kind_of_token_is_known_by_its_form(text: str, kind: str) -> None:
    """A text that is one token is read as one token, of the right kind."""
    assert kinds(text) == [(kind, text)]


def test_comments_and_white_space_stand_between_tokens_only() -> None:
    """Comment marks inside a text are text; outside they hide what they enclose."""
    text = "a/* b 'c' */'/* d */' // e 'f\n'//g'/**/h /***/ /* // */"
    assert kinds(text) == [("NAME", "a"), ("STRING", "'/* d */'"), ("STRING", "'//g'"), ("NAME", "h")]


def test_the_end_stands_behind_the_last_token() -> None:
    """What is missing is missing behind the last word, not after the blank lines and comments that follow it."""
    *_, end = tokenize("SELECT Id  \n // done\n\n")
    assert (end.kind, end.text, end.pos) == (Kind.END, "", 9)


@given(st.text(alphabet=st.sampled_from("ab_1.5-+:'\\\"/*<>=!(),; \t\r\n\u00a0é😀T:Z"), max_size=60))
@example("/**/")
@example("a/*b")
@settings(max_examples=300)
def test_tokens_and_gaps_are_the_text(text: str) -> None:
    """Tokens come in order, are what stands at their places, and only blanks and comments lie between them."""
    end = 0
    for token in tokenize(text):
        assert token.pos >= end
        assert text[token.pos : token.end] == token.text
        if token.kind is not Kind.END:
            gap = SKIPPED.match(text, end)
            assert gap is not None
            assert gap.end() == token.pos
        end = token.end
    rest = SKIPPED.match(text, end)
    assert rest is not None
    assert rest.end() == len(text)


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("SELECT Id FROM Account WHERE ?", 1, 30),
        ("SELECT Id\nFROM Account\nWHERE ?", 3, 7),
        ("SELECT Id\r\nFROM Account\r\nWHERE ?", 3, 7),
        ("\n\n\tSELECT\tId FROM\tAccount WHERE\t?", 3, 31),
        ("SELECT Id FROM Account WHERE Name = ''\n\nAND ?", 3, 5),
        ("SELECT Id FROM Account /*\n*/ WHERE ?", 2, 10),
        ("SELECT Id FROM Account WHERE Name = '😀é' AND ?", 1, 46),
        ("SELECT Id\nFROM Account WHERE\n\n", 2, 19),
        ("SELECT Id FROM Account\r\nWHERE Name =\r\n", 2, 13),
        ("", 1, 1),
        ("\n  \n", 1, 1),
    ],
)
def test_places_count_lines_and_characters_from_one(text: str, line: int, column: int) -> None:
    """A line ends at a line feed, a tab and an astral character are one column, and the end is behind the last word."""
    error = refused(text)
    assert (error.line, error.column) == (line, column)


def test_a_long_query_is_read_once() -> None:
    """A list of 25,000 values in 200,000 characters is as many tokens and values as were written."""
    count = 25_000
    values = ",".join(f"'{number:05}'" for number in range(count))
    text = f"SELECT Id FROM Account WHERE Id IN ({values})"
    where = parse(text).where
    assert isinstance(where, Membership)
    assert len(where.values) == count
    assert sum(1 for _ in tokenize(text)) == 8 + (2 * count - 1) + 2


@pytest.mark.parametrize(
    "piece",
    [
        "/*",
        "//",
        "'",
        "\\",
        "a:",
        "a ",
        "(",
        "-",
        "1e",
        "2024-",
        "/**/",
        "''",
        ":",
        "x.",
        "usd",
        "NOT ",
        "SELECT(",
        "f(",
    ],
)
def test_no_text_takes_more_than_one_reading(piece: str) -> None:
    """100,000 characters of what could make a scanner go back are refused at once, whatever they repeat."""
    text = "SELECT Id FROM A WHERE " + piece * (100_000 // len(piece))
    refused(text)


@pytest.mark.parametrize("text", ["a" + " " * 100_000 + "b", "/*" + "*" * 100_000, "a" * 100_000, "1" * 100_000])
def test_long_runs_are_single_steps(text: str) -> None:
    """A run of blanks, stars, letters or digits is one gap or one token."""
    assert sum(1 for _ in tokenize(text)) <= 3


@pytest.mark.parametrize(
    ("opening", "closing", "deep"),
    [("(", ")", 90), ("(NOT ", ")", 90), ("NOT (", ")", 90), ("Id IN (SELECT Id FROM A WHERE ", ")", 15)],
)
def test_nesting_is_bounded(opening: str, closing: str, deep: int) -> None:
    """Conditions nest deeper than people write them; nesting that would exhaust the stack is refused."""
    nested = "SELECT Id FROM A WHERE {}a = 1{}"
    tree = parse(nested.format(opening * deep, closing * deep))
    assert parse(str(tree)) == tree
    for depth in (101, 20_000):
        assert refused(nested.format(opening * depth, closing * depth)).message == "nested too deeply"


def test_nesting_of_subqueries_is_bounded() -> None:
    """Subqueries nest, and are refused where they would exhaust the stack."""
    subqueries = "SELECT Id FROM A"
    for _ in range(18):
        subqueries = f"SELECT ({subqueries}) FROM A"
    tree = parse(subqueries)
    assert parse(str(tree)) == tree
    assert refused("SELECT (" * 20_000).message == "nested too deeply"
