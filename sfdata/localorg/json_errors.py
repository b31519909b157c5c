"""What is wrong with a body that is no JSON, in the words of the parser that Salesforce's messages come from."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

EXPECTED: Mapping[str, str] = {
    "Expecting property name enclosed in double quotes": "was expecting double-quote to start field name",
    "Illegal trailing comma before end of object": "was expecting double-quote to start field name",
    "Expecting ':' delimiter": "was expecting a colon to separate field name and value",
    "Expecting ',' delimiter": "was expecting comma to separate {} entries",
    "Expecting value": "expected a valid value (number, String, array, object, 'true', 'false' or 'null')",
}
"""What should stand where Python's parser found a character that may not."""

IN_STRINGS = ("Invalid control character", "Invalid \\")
STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
OPENING = {"{": "OBJECT", "[": "ARRAY"}


def unreadable(problem: Exception) -> str:
    """The message for what Python's parser raised about a body."""
    if not isinstance(problem, json.JSONDecodeError):
        return "Unexpected character or end of input"
    text, position = problem.doc, problem.pos
    in_string = problem.msg.startswith("Unterminated string")
    if in_string or position >= len(text):
        where = "in VALUE_STRING" if in_string else f"expected close marker for {_around(text, position)}"
        return f"Unexpected end-of-input: {where} at {_place(text, len(text))}"
    return f"{_unexpected(problem.msg, text, position)} at {_place(text, position + 1)}"


def _unexpected(problem: str, text: str, position: int) -> str:
    character = f"({text[position]!r} (code {ord(text[position])}))"
    if problem.startswith(IN_STRINGS):
        return f"Illegal unquoted character {character}: has to be escaped using backslash"
    expected = EXPECTED.get(problem, EXPECTED["Expecting value"])
    return f"Unexpected character {character}: {expected.format(_around(text, position))}"


def _place(text: str, position: int) -> str:
    return f"[line:{text.count(chr(10), 0, position) + 1}, column:{position - text.rfind(chr(10), 0, position)}]"


def _around(text: str, position: int) -> str:
    """The kind of value that is still open at a place: OBJECT, ARRAY, or ROOT for none."""
    still_open: list[str] = []
    for character in STRING.sub("", text[:position]):
        if character in OPENING:
            still_open.append(OPENING[character])
        elif character in "}]" and still_open:
            still_open.pop()
    return still_open[-1] if still_open else "ROOT"
