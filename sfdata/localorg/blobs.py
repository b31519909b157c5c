"""Uploads as multipart messages: one part holds a record's fields as JSON, the other the bytes of its blob field.

The vendor's page:
https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/dome_sobject_insert_update_blob.htm
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from email import message_from_bytes, message_from_string

from sfdata.localorg.answers import ApiError
from sfdata.localorg.routing import Request
from sfdata.localorg.schema import SObject

MULTIPART = "multipart/form-data"
READABLE = "application/json"
MOST_HEADER_BYTES = 16_384
LINE_ENDS = (b"\r\n", b"\n")


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a multipart message; one without a content type is binary."""

    name: str
    content_type: str
    content: bytes


def unpacked(request: Request, sobject: SObject) -> tuple[Request, Mapping[str, bytes]]:
    """The request with only its JSON as the body, and the bytes by field; any other request as it is, and no bytes.

    Raises:
        ApiError: INVALID_MULTIPART_REQUEST for a message that is not made of just those two parts.
    """
    given = message_from_string(f"Content-Type: {request.headers.get('content-type', '')}")
    if given.get_content_type() != MULTIPART:
        return request, {}
    boundary = given.get_boundary()
    if not boundary:
        raise _invalid("The multipart message has no boundary")
    parts = list(_parts(request.body, b"--" + boundary.encode("latin-1", "replace")))
    readable = [part for part in parts if part.content_type == READABLE]
    binary = [part for part in parts if part.content_type != READABLE]
    for kind, found in (("non-binary", readable), ("binary", binary)):
        if len(found) > 1:
            raise _invalid(f"Cannot include more than one {kind} part")
        if not found:
            raise _invalid(f"Multipart message must include a {kind} part")
    headers = {**request.headers, "content-type": READABLE}
    return replace(request, body=readable[0].content, headers=headers), _by_field(sobject, binary[0])


def _by_field(sobject: SObject, part: Part) -> Mapping[str, bytes]:
    field = sobject.field(part.name)
    if field is None or field.type != "base64":
        raise _invalid(f"The binary part is named {part.name}, which is no binary field of {sobject.name}")
    return {field.name: part.content}


def _parts(body: bytes, delimiter: bytes) -> Iterator[Part]:
    """The parts between the delimiters, which are lines of their own; the last one ends with ``--``."""
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
    raise _invalid("The multipart message has no end")


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
        raise _invalid("A part of the multipart message has no end of its headers")
    head = message_from_bytes(body[start + len(line_end) : border])
    kind = head.get_content_type() if "Content-Type" in head else ""
    content = body[border + 2 * len(line_end) : end - len(line_end)]
    return Part(str(head.get_param("name", "", "Content-Disposition")), kind, content)


def _invalid(message: str) -> ApiError:
    return ApiError(400, "INVALID_MULTIPART_REQUEST", message)
