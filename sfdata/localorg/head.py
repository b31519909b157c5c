"""The head of a request, read strictly: what two readers could understand differently is refused, not guessed.

https://www.rfc-editor.org/rfc/rfc9112
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from io import BufferedIOBase

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
MOST_HEAD_BYTES = 16_384
"""URI and header fields together, each field with its colon, space and line end."""

MOST_LINE_BYTES = 65_536
MOST_EMPTY_LINES = 2
LENGTH = re.compile(r"\d{1,15}", re.ASCII)
TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - what RFC 9110 calls a token
REQUEST_LINE = re.compile(rf"({TOKEN}) ([^\x00-\x20\x7f]+) HTTP/(\d)\.(\d)")
FIELD = re.compile(rf"({TOKEN}):[ \t]*((?:[^\x00-\x08\x0a-\x1f\x7f]*[^\x00-\x20\x7f])?)[ \t]*")


class BadMessage(Exception):
    """A request that cannot be read; the connection ends with the answer."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(frozen=True, slots=True)
class Head:
    """What a request says of itself.

    ``fields`` are its header fields in their order, with lower-case names; ``headers`` has the last one of each name.
    """

    method: str
    target: str
    minor_version: int
    fields: Sequence[tuple[str, str]]
    headers: Mapping[str, str]

    def every(self, name: str) -> list[str]:
        """The values of all fields of that name."""
        return [value for field, value in self.fields if field == name]

    def mentions(self, name: str, word: str) -> bool:
        """Whether the list in a header has that word."""
        return any(word == part.strip() for value in self.every(name) for part in value.lower().split(","))

    @property
    def keeps_alive(self) -> bool:
        """Whether the connection is to serve more requests after this one."""
        if self.minor_version == 0:
            return self.mentions("connection", "keep-alive")
        return not self.mentions("connection", "close")

    @property
    def is_chunked(self) -> bool:
        """Whether the body comes in chunks; any other coding of the transfer is a `BadMessage`."""
        codings = self.every("transfer-encoding")
        if not codings:
            return False
        if [coding.lower() for coding in codings] != ["chunked"] or self.every("content-length"):
            raise BadMessage(HTTPStatus.BAD_REQUEST)
        return True

    def length(self, most: int) -> int:
        """How long the body is to be, as far as the head tells; more than ``most`` is a `BadMessage`."""
        given = set(self.every("content-length"))
        if not given:
            return 0
        text = given.pop()
        if given or not LENGTH.fullmatch(text):
            raise BadMessage(HTTPStatus.BAD_REQUEST)
        if int(text) > most:
            raise BadMessage(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return int(text)


def read_head(file: BufferedIOBase) -> Head | None:
    """The next head that comes; None where the client has gone.

    Raises:
        BadMessage: it breaks the rules, or is longer than is served.
    """
    line = file.readline(MOST_LINE_BYTES + 1)
    for _ in range(MOST_EMPTY_LINES):
        if line in (b"\r\n", b"\n"):  # some clients send one after a body
            line = file.readline(MOST_LINE_BYTES + 1)
    if not line:
        return None
    if len(line) > MOST_LINE_BYTES:
        raise BadMessage(HTTPStatus.REQUEST_URI_TOO_LONG)
    method, target, minor_version = _request_line(_text(line))
    if len(target) > MOST_HEAD_BYTES:
        raise BadMessage(HTTPStatus.REQUEST_URI_TOO_LONG)
    fields = _fields(file, MOST_HEAD_BYTES - len(target))
    if method not in METHODS:
        raise BadMessage(HTTPStatus.NOT_IMPLEMENTED)
    return Head(method, target, minor_version, fields, dict(fields))


def _request_line(line: str) -> tuple[str, str, int]:
    form = REQUEST_LINE.fullmatch(line)
    if form is None:
        raise BadMessage(HTTPStatus.BAD_REQUEST)
    method, target, major, minor = form.groups()
    if major != "1":
        raise BadMessage(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED)
    return method, target, int(minor)


def _fields(file: BufferedIOBase, most_bytes: int) -> list[tuple[str, str]]:
    """The lines up to an empty one; a field that goes on in a second line is refused, as the standard has it."""
    fields: list[tuple[str, str]] = []
    size = 0
    while (line := file.readline(MOST_LINE_BYTES + 1)) not in (b"\r\n", b"\n"):
        if not line:
            raise ConnectionError("the client went away in mid-request")
        form = FIELD.fullmatch(_text(line)) if len(line) <= MOST_LINE_BYTES else None
        size += len(line) if form is None else len(form[1]) + len(form[2]) + len(": \r\n")
        if size > most_bytes:
            raise BadMessage(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        if form is None:
            raise BadMessage(HTTPStatus.BAD_REQUEST)
        fields.append((form[1].lower(), form[2]))
    if sum(name == "host" for name, _ in fields) > 1:
        raise BadMessage(HTTPStatus.BAD_REQUEST)
    return fields


def _text(line: bytes) -> str:
    """A line without its end. Bytes beyond ASCII are taken one by one, and mean nothing."""
    return line.removesuffix(b"\n").removesuffix(b"\r").decode("latin-1")
