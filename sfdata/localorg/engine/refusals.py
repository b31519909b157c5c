"""Salesforce's refusals of a query, word for word.

Most name the place: an excerpt of the query, a caret under the place, the row and the column, then the reason. A
refusal is an `ApiError` with status 400.
"""

from __future__ import annotations

import re

from sfdata.localorg.answers import ApiError

WINDOW = 30
"""How much of the query is shown on either side of the place, widened to whole words."""

BINDS = "Bind variables only allowed in Apex code"
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


def bind_variable(text: str, pos: int) -> ApiError:
    return malformed(BINDS, text, pos - 1)


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
