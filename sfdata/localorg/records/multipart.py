"""Multipart messages (``multipart/form-data``) taken apart, byte for byte."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, message_from_string
from email.message import Message

from sfdata.localorg.answers import ApiError

MULTIPART = "multipart/form-data"
MOST_HEADER_BYTES = 16_384
LINE_ENDS = (b"\r\n", b"\n")


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a multipart message; one without a content type is binary."""

    name: str
    content_type: str
    content: bytes


def is_multipart(content_type: str) -> bool:
    """Whether a body of this content type is a multipart message."""
    return _header(content_type).get_content_type() == MULTIPART


def parts(content_type: str, body: bytes) -> list[Part]:
    """The parts of a body between its delimiters, which are lines of their own; the last one ends with ``--``.

    Raises:
        ApiError: INVALID_MULTIPART_REQUEST for a message without boundary or end, or a part without headers.
    """
    boundary = _header(content_type).get_boundary()
    if not boundary:
        raise invalid("The multipart message has no boundary")
    return list(_between(body, b"--" + boundary.encode("latin-1", "replace")))


def _header(content_type: str) -> Message:
    return message_from_string(f"Content-Type: {content_type}")


def _between(body: bytes, delimiter: bytes) -> Iterator[Part]:
    start = _next_delimiter(body, delimiter, 0)
    while start >= 0:
        start += len(delimiter)
        if body.startswith(b"--", start):
            return
        end = _next_delimiter(body, delimiter, start)
        if end < 0:
            break
        yield _part(body, start, end)
        start = end
    raise invalid("The multipart message has no end")


def _next_delimiter(body: bytes, delimiter: bytes, start: int) -> int:
    """Where the next line that is a delimiter begins; -1 where there is none."""
    found = body.find(delimiter, start)
    while found >= 0:
        behind = found + len(delimiter)
        if body[found - 1 : found] in (b"", b"\n") and body.startswith((b"--", *LINE_ENDS), behind):
            return found
        found = body.find(delimiter, behind)
    return -1


def _part(body: bytes, start: int, end: int) -> Part:
    """The part between the end of its delimiter and the next one: headers, an empty line, content, a line end."""
    line_end = next(mark for mark in LINE_ENDS if body.startswith(mark, start))
    border = body.find(line_end * 2, start, min(end, start + MOST_HEADER_BYTES))
    if border < 0:
        raise invalid("A part of the multipart message has no end of its headers")
    head = message_from_bytes(body[start + len(line_end) : border])
    kind = head.get_content_type() if "Content-Type" in head else ""
    content = body[border + 2 * len(line_end) : end - len(line_end)]
    return Part(str(head.get_param("name", "", "Content-Disposition")), kind, content)


def invalid(message: str) -> ApiError:
    """The refusal of a message for what it is made of."""
    return ApiError(400, "INVALID_MULTIPART_REQUEST", message)
