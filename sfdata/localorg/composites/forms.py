"""Bodies of a fixed form: which members they have, and the parser's refusal of any other.

Unlike rows, whose fields the schema knows, these are refused as a whole for one wrong member.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sfdata.localorg.answers import ApiError
from sfdata.localorg.records.body_places import place
from sfdata.localorg.records.validation import json_token, printable
from sfdata.localorg.routing import Request


@dataclass(frozen=True, slots=True)
class Member:
    """What a member of an object may be. ``kind`` None takes any JSON."""

    kind: str | None
    required: bool = False


Form = Mapping[str, Member]

KINDS: Mapping[str, type] = {"boolean": bool, "string": str, "list": list, "map": dict}
BOOLEANS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Part:
    """A value inside the body of ``request``, and the way to it."""

    request: Request
    value: Any
    path: tuple[str | int, ...] = ()

    def members(self, form: Form) -> dict[str, Any]:
        """The members of this object that are given and not null.

        Raises:
            ApiError: it is no object, has a member that is not in ``form`` or of another kind, or lacks one.
        """
        given = self.of_kind("map")
        unknown = next((name for name in given if name not in form), None)
        if unknown is not None:
            where = place(self.request.body, [*self.path, unknown])
            raise parser_error(f'Unrecognized field "{printable(unknown)}" at {where}')
        missing = next((name for name, member in form.items() if member.required and given.get(name) is None), None)
        if missing is not None:
            raise parser_error(f"'{missing}' is a required field.")
        return {
            name: self.at(name).of_kind(member.kind) for name, member in form.items() if given.get(name) is not None
        }

    def items(self) -> Iterator[Part]:
        """The parts of this list."""
        return map(self.at, range(len(self.of_kind("list"))))

    def at(self, step: str | int) -> Part:
        """The value of a key, or at an index."""
        return Part(self.request, self.value[step], (*self.path, step))

    def of_kind(self, kind: str | None) -> Any:
        """The value, which must be of this kind; a boolean may be written as text, and text comes back printable."""
        if kind == "boolean" and isinstance(self.value, str) and self.value in BOOLEANS:
            return BOOLEANS[self.value]
        if kind is None or isinstance(self.value, KINDS[kind]):
            return printable(self.value) if kind == "string" else self.value
        raise self.unreadable(kind)

    def unreadable(self, kind: str) -> ApiError:
        """The refusal of a value that is no ``kind``."""
        if self.value is None:
            return parser_error(f"A {kind} is required at {place(self.request.body, self.path)}")
        token, text = json_token(self.value)
        return parser_error(
            f"Cannot deserialize instance of {kind} from {token} value {printable(text)} "
            f"or request may be missing a required field at {place(self.request.body, self.path)}"
        )


def parser_error(message: str) -> ApiError:
    """The refusal of a whole body."""
    return ApiError(400, "JSON_PARSER_ERROR", message)
