"""SOQL text to a tree, read as orgs read it: without comments, and with errors in a parser's words.

The grammar is that of `sfdata.soql`, which is kinder to people: it takes comments and says what was meant.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from sfdata.errors import SoqlSyntaxError
from sfdata.localorg.answers import ApiError
from sfdata.localorg.engine import refusals
from sfdata.soql.expressions import NAMES, RESERVED, TO_THE_MINUTE
from sfdata.soql.lexer import Kind, first_comment
from sfdata.soql.nodes import Query
from sfdata.soql.parser import AFTER_SOURCE, LONGEST_REMEMBERED, QueryParser

LONGEST_STATEMENT = 100_000
"""Characters: https://help.salesforce.com/s/articleView?id=000386440&type=1"""

CLAUSES: Mapping[str, str] = {"GROUP": "BY", "ORDER": "BY", "ALL": "ROWS", "SET": "OPTIONS"}
"""Words that could be an alias, and what follows where they are a clause."""

QUOTE = "'"
NO_TOKENS = frozenset('"`#$@;[]{}!&|%^?')
"""Characters that are not even a token to SOQL."""

UNCLOSED = "a text is never closed"
UNFINISHED = frozenset({"a time zone", "the seconds"})
"""What is missing where a date and time breaks off."""

PARENTHESES: Mapping[str, str] = {"'('": "left", "')'": "right"}

_LINE_END = re.compile(r"[\r\n]")
_NAME = re.compile(r"(?!(?:LAST|NEXT)_N_|N_)[A-Za-z]\w*", re.ASCII | re.IGNORECASE)
_NO_SUCH_DAY = re.compile(r"no such (date)?\D*: (\S+) ")


def parsed(soql: str) -> Query:
    """The tree of a query.

    Raises:
        ApiError: MALFORMED_QUERY, for a text that is empty, too long, or no query.
    """
    if not soql.strip():
        raise refusals.refuse("MALFORMED_QUERY", "SOQL statements cannot be empty or null")
    if len(soql) > LONGEST_STATEMENT:
        message = f"SOQL statements can not be longer than {LONGEST_STATEMENT} characters."
        raise refusals.refuse("MALFORMED_QUERY", message)
    comment = first_comment(soql)
    read = soql if comment is None else soql[: comment + 1]  # a comment starts with a token that fits nowhere
    try:
        return _remembered(read) if len(read) <= LONGEST_REMEMBERED else _read(read)
    except SoqlSyntaxError as error:
        raise _refused(error, soql) from None


def _read(soql: str) -> Query:
    return _OrgParser(soql).whole()


_remembered = lru_cache(maxsize=64)(_read)


class _OrgParser(QueryParser):
    """Takes every word behind an object for its alias that can be one, so stops at the word behind a misspelt WHERE."""

    def _alias(self, followers: frozenset[str]) -> str | None:
        if followers is not AFTER_SOURCE:
            return super()._alias(followers)
        token, following = self.tokens.current, self.tokens.peek()
        counts = token.upper == "OFFSET" and following.kind in (Kind.NUMBER, Kind.BIND)
        if token.kind not in NAMES or token.upper in RESERVED or CLAUSES.get(token.upper) == following.upper or counts:
            return None
        return self.name().text


# --- refusals --------------------------------------------------------------------------------------------------------


def _refused(error: SoqlSyntaxError, text: str) -> ApiError:
    """The refusal of ``text``, of which reading ended with ``error``.

    Other than for all else, the column counts from 0, the caret stands before it, and at the very start there is no
    place at all.
    """
    place, message = _place_and_words(error)
    column = place - (text.rfind("\n", 0, place) + 1)
    return refusals.malformed(message, text, place - 1) if column else refusals.refuse("MALFORMED_QUERY", message)


def _place_and_words(error: SoqlSyntaxError) -> tuple[int, str]:
    found, place = error.found, error.offset
    if nonsense := _NO_SUCH_DAY.match(error.message):
        return place, f"Invalid {'date' if nonsense[1] else 'dateTime'}: {nonsense[2]}"
    if not error.message.startswith(("unexpected", UNCLOSED)):
        return place, error.message
    if found in NO_TOKENS or not found.isascii():
        return place, _at_character(error, place, "no viable alternative at")
    if error.message == UNCLOSED:
        place += len(_LINE_END.split(found, maxsplit=1)[0])
        return place, f"{_at_character(error, place, 'mismatched')} expecting {QUOTE * 3}"
    if UNFINISHED.intersection(error.expected):
        place += TO_THE_MINUTE if "the seconds" in error.expected else len(found)
        return place, _at_character(error, place, "no viable alternative at")
    if found.startswith(":") or ("a value" in error.expected and _NAME.fullmatch(found)):
        return place, refusals.BINDS
    shown = found[0] if found[0] in "+-" else found
    for mark, name in PARENTHESES.items():
        if mark in error.expected:
            return place, f"expecting a {name} parentheses, found '{shown}'"
    return place, f"unexpected token: '{shown.strip(QUOTE)}'"


def _at_character(error: SoqlSyntaxError, place: int, problem: str) -> str:
    """The words of the lexer, which tells the place itself once more."""
    row, start = error.text.count("\n", 0, place) + 1, error.text.rfind("\n", 0, place) + 1
    return f"line {row}:{place - start} {problem} character '{error.text[place : place + 1] or '<EOF>'}'"
