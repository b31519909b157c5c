"""Where a value stands in a request's body, for the refusals that say so: ``[line:1, column:129]``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sfdata.localorg.answers import ApiError
from sfdata.localorg.records.validation import Unreadable
from sfdata.localorg.routing import Request

Path = Sequence[str | int]
"""The way to a value inside a JSON body: keys of objects and indexes of lists."""


@contextmanager
def placed(request: Request, path: Path = ()) -> Iterator[None]:
    """Inside, a value that cannot be read is refused with its place; ``path`` leads to its record in the body."""
    try:
        yield
    except Unreadable as unreadable:
        message = f"{unreadable.message} at {place(request.body, [*path, unreadable.field_name])}"
        raise ApiError(unreadable.status, unreadable.error_code, message) from None


def place(body: bytes, path: Path) -> str:
    """Line and column of the value that ``path`` leads to, or of the last on the way that is there.

    ``body`` is well-formed JSON; keys are compared without regard to case.
    """
    text = body.decode(json.detect_encoding(body), "replace")
    start = _next(text, 0)
    for step in path:
        found = next((position for name, position in _parts(text, start) if name == _folded(step)), None)
        if found is None:
            break
        start = found
    line = text.count("\n", 0, start) + 1
    return f"[line:{line}, column:{start - text.rfind(chr(10), 0, start)}]"


def _parts(text: str, start: int) -> Iterator[tuple[str | int, int]]:
    """The keys or indexes of the object or list at ``start``, and where the value of each begins."""
    decoder = json.JSONDecoder()
    position, index = start, 0
    if text[start] not in "{[":
        return
    keyed = text[start] == "{"
    while text[position] in "{[,":
        position = _next(text, position + 1)
        if text[position] in "}]":
            return
        name: str | int = index
        if keyed:
            key, position = decoder.raw_decode(text, position)
            name, position = _folded(key), _next(text, _next(text, position) + 1)
        yield name, position
        position, index = _next(text, decoder.raw_decode(text, position)[1]), index + 1


def _folded(step: str | int) -> str | int:
    return step.casefold() if isinstance(step, str) else step


def _next(text: str, position: int) -> int:
    """Where the white space from ``position`` on ends."""
    while text[position].isspace():
        position += 1
    return position
