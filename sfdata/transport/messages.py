"""What travels between the layers: a request, an answer, and the proof that an answer's body is whole.

httpx does not notice a compressed body that breaks off (status 200, short data), so bodies are taken raw and
decompressed here, where a missing end is an error.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sfdata.errors import UnreadableAnswer
from sfdata.resilience.retry import Operation

MAX_DECODED_BYTES = 1 << 30
"""A body that unpacks to more is refused: no page of an org comes near."""
MAX_GZIP_MEMBERS = 100

_TARGET = re.compile(r"/services/(?:[A-Za-z0-9_.~:,;=+!$'()*/-]|%[0-9A-Fa-f]{2})*(?:\?[!-\"$-\[\]-~]*)?")
_DISGUISED = re.compile(r"//|(?:^|/)\.\.?(?:/|$)|%2e|%2f|%5c|%0|%1|%7f", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Request:
    """One request. ``target`` is a path under ``/services/`` with its query string.

    ``origin`` stays empty until the signer fills it in together with the token, so that a token cannot travel to any
    other address than its own.
    """

    method: str
    target: str
    operation: Operation
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    origin: str = ""

    def __post_init__(self) -> None:
        if not _TARGET.fullmatch(self.target) or _DISGUISED.search(self.path):
            raise UnreadableAnswer("an address was not followed: it is no path under /services/ of this org")

    @property
    def path(self) -> str:
        """The target without its query string: what may stand in a message."""
        return self.target.partition("?")[0]

    def __str__(self) -> str:
        return f"{self.method} {self.origin}{self.path}"


@dataclass(frozen=True, slots=True)
class Response:
    """One answer, whole and decompressed; ``headers`` has lower-case keys."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)

    @property
    def media_type(self) -> str:
        """``application/json``, without parameters; empty when not told."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def json(self) -> Any:
        """The body as plain values.

        Raises:
            UnreadableAnswer: it is not JSON.
        """
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            fault = UnreadableAnswer(f"the answer (status {self.status}) is not JSON", status=self.status)
        raise fault


class BodyCut(Exception):
    """The body breaks off before its end."""


class BodyUnreadable(Exception):
    """The body is complete and cannot be decoded; the text says why."""


def whole_body(raw: bytes, status: int, headers: Mapping[str, str]) -> bytes:
    """The decoded body of an answer whose bytes on the wire are ``raw``.

    Raises:
        BodyCut: it is not whole.
        BodyUnreadable: its coding is unknown, damaged or unpacks to something enormous.
    """
    if status in (204, 304) or (not raw and headers.get("content-length") == "0"):
        return b""
    coding = headers.get("content-encoding", "").strip().lower()
    if coding in ("gzip", "x-gzip"):
        return gunzip(raw)
    if coding not in ("", "identity"):
        raise BodyUnreadable("compressed in a way that was not asked for")
    if headers.get("content-type", "").lower().startswith("application/json"):
        _check_json_ends(raw)
    return raw


def gunzip(raw: bytes) -> bytes:
    """The content of one or more gzip members, each with its end mark and checksum."""
    parts: list[bytes] = []
    room = MAX_DECODED_BYTES
    for _ in range(MAX_GZIP_MEMBERS):
        member = zlib.decompressobj(wbits=31)
        try:
            part = member.decompress(raw, room + 1)
        except zlib.error:
            raise BodyUnreadable("damaged in its compression") from None
        room -= len(part)
        if room < 0:
            break
        if not member.eof:
            raise BodyCut
        parts.append(part)
        raw = member.unused_data
        if not raw:
            return b"".join(parts)
    raise BodyUnreadable("larger than any answer should be")


def _check_json_ends(raw: bytes) -> None:
    """An uncompressed body under close-delimited framing has no other sign of its end than its last bracket."""
    text = raw.strip()
    closing = {b"{": b"}", b"[": b"]"}.get(text[:1])
    if closing is not None and not text.endswith(closing):
        raise BodyCut
