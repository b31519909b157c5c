"""Salesforce's refusals of a query, word for word.

Most name the place: an excerpt of the query, a caret under the place, the row and the column, then the reason. A
refusal is an `ApiError` with status 400.
"""

from __future__ import annotations

import re

from sfdata.errors import SoqlSyntaxError
from sfdata.localorg.answers import ApiError
from sfdata.soql.expressions import TO_THE_MINUTE

WINDOW = 30
"""How much of the query is shown on either side of the place, widened to whole words."""

QUOTE = "'"
NO_TOKENS = frozenset('"`#$@;[]{}!&|%^?')
"""Characters that are not even a token to SOQL."""

UNCLOSED = "a text is never closed"
BINDS = "Bind variables only allowed in Apex code"
UNFINISHED = frozenset({"a time zone", "the seconds"})
"""What is missing where a date and time breaks off."""

PARENTHESES = {"'('": "left", "')'": "right"}

_LINE_END = re.compile(r"[\r\n]")
_NAME = re.compile(r"(?!(?:LAST|NEXT)_N_|N_)[A-Za-z]\w*", re.ASCII | re.IGNORECASE)

_REFER = "Please reference your WSDL or the describe call for the appropriate names."


def refuse(code: str, message: str) -> ApiError:
    """A refusal that names no place."""
    return ApiError(400, code, message)


def refuse_at(code: str, message: str, text: str, pos: int) -> ApiError:
    """A refusal with the place in the query."""
    row = text.count("\n", 0, pos) + 1
    line_start = text.rfind("\n", 0, pos) + 1
    line = text[line_start:].split("\n", 1)[0].rstrip("\r")
    column = pos - line_start
    start = max(0, column - WINDOW)
    while start and line[start - 1] not in " ,":
        start -= 1
    end = re.compile(r"[ ,]|$").search(line, min(len(line), column + WINDOW))
    excerpt = line[start : end.start() if end else len(line)]
    place = f"ERROR at Row:{row}:Column:{column + 1}"
    return ApiError(400, code, f"\n{excerpt}\n{' ' * (column - start)}^\n{place}\n{message}")


def malformed(message: str, text: str, pos: int) -> ApiError:
    """A query that is well formed but asks for something SOQL does not allow."""
    return refuse_at("MALFORMED_QUERY", message, text, pos)


def syntax_error(error: SoqlSyntaxError, text: str) -> ApiError:
    """A query that does not parse, at least not up to the place where reading ended.

    Other than for all else, the column counts from 0, the caret stands before it, and at the very start there is no
    place at all.
    """
    place, message = _syntax_message(error)
    column = place - (text.rfind("\n", 0, place) + 1)
    return malformed(message, text, place - 1) if column else refuse("MALFORMED_QUERY", message)


def _syntax_message(error: SoqlSyntaxError) -> tuple[int, str]:
    """Where the org's parser stops, and its words."""
    found, place = error.found, error.offset
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
        return place, BINDS
    shown = found[0] if found[0] in "+-" else found
    for mark, name in PARENTHESES.items():
        if mark in error.expected:
            return place, f"expecting a {name} parentheses, found '{shown}'"
    return place, f"unexpected token: '{shown.strip(QUOTE)}'"


def _at_character(error: SoqlSyntaxError, place: int, problem: str) -> str:
    """The words of the lexer, which tells the place itself once more."""
    row, start = error.text.count("\n", 0, place) + 1, error.text.rfind("\n", 0, place) + 1
    return f"line {row}:{place - start} {problem} character '{error.text[place : place + 1] or '<EOF>'}'"


def bind_variable(text: str, pos: int) -> ApiError:
    return malformed(BINDS, text, pos - 1)


def empty_query() -> ApiError:
    return refuse("MALFORMED_QUERY", "SOQL statements cannot be empty or null")


def too_long(longest: int) -> ApiError:
    return refuse("MALFORMED_QUERY", f"SOQL statements can not be longer than {longest} characters.")


def unknown_object(name: str, text: str, pos: int) -> ApiError:
    hint = "If you are attempting to use a custom object, be sure to append the '__c' after the entity name."
    return refuse_at("INVALID_TYPE", f"sObject type '{name}' is not supported. {hint} {_REFER}", text, pos)


def unknown_field(name: str, entity: str, text: str, pos: int) -> ApiError:
    hint = "If you are attempting to use a custom field, be sure to append the '__c' after the custom field name."
    return refuse_at("INVALID_FIELD", f"No such column '{name}' on entity '{entity}'. {hint} {_REFER}", text, pos)


def unknown_relationship(name: str, text: str, pos: int, where: str = "field path") -> ApiError:
    hint = (
        "If you are attempting to use a custom relationship, be sure to append the '__r' after the custom relationship "
        "name."
    )
    code = "INVALID_FIELD" if where == "field path" else "INVALID_TYPE"
    return refuse_at(code, f"Didn't understand relationship '{name}' in {where}. {hint} {_REFER}", text, pos)


def unfit(field: str, verb: str, text: str, pos: int) -> ApiError:
    """A field that cannot be filtered, sorted or grouped (``verb``)."""
    code = "INVALID_FIELD" if verb == "filtered" else "MALFORMED_QUERY"
    return refuse_at(code, f"field '{field}' can not be {verb} in a query call", text, pos)


def wrong_type(field: str, kind: str, text: str, pos: int) -> ApiError:
    """A literal that does not fit the field it is compared with."""
    quotes = "should be enclosed in quotes" if kind in ("string", "ID") else "should not be enclosed in quotes"
    message = f"value of filter criterion for field '{field}' must be of type {kind} and {quotes}"
    return refuse_at("INVALID_FIELD", message, text, pos)


def wrong_operator(kind: str, text: str, pos: int) -> ApiError:
    """An operator that the type of the field does not know."""
    return refuse_at("INVALID_QUERY_FILTER_OPERATOR", f"invalid operator on {kind} field", text, pos)


def without_order(text: str, pos: int) -> ApiError:
    """Null is equal or not, but neither more nor less than anything."""
    return refuse_at("INVALID_QUERY_FILTER_OPERATOR", "invalid operator", text, pos)


def invalid_id(value: str, text: str, pos: int) -> ApiError:
    return refuse_at("INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {value}", text, pos)


def not_grouped(name: str, text: str, pos: int) -> ApiError:
    return malformed(f"Field must be grouped or aggregated: {name}", text, pos)


def duplicate_field(name: str) -> ApiError:
    return refuse("INVALID_FIELD", f"duplicate field selected: {name}")


def invalid_locator() -> ApiError:
    return refuse("INVALID_QUERY_LOCATOR", "invalid query locator")
