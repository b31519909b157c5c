"""Bodies of answers: decompressed while they arrive, and proved to be whole.

httpx does not notice a compressed body that breaks off (status 200, short data), so bodies are taken raw and
decompressed here, where a missing end is an error.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from types import ModuleType
from typing import Any

inflater: ModuleType
try:
    from isal import isal_zlib

    inflater = isal_zlib  # three times as fast as zlib at what much of a read's time goes into
except ImportError:  # a processor it is not built for
    inflater = zlib

MAX_DECODED_BYTES = 1 << 30
"""A body that unpacks to more is refused: no page of an org comes near."""
MOST_RATIO = 150
RATIO_FROM_BYTES = 1 << 26
"""From so many on, a body that unpacks to more than `MOST_RATIO` times its length is no page but a bomb."""
MAX_GZIP_MEMBERS = 100


class BodyCut(Exception):
    """The body breaks off before its end."""


class BodyUnreadable(Exception):
    """The body is complete and cannot be decoded; the text says why."""


class BodyReader:
    """Decodes the body of one answer while it arrives.

    Args:
        headers: the answer's, with lower-case keys.
        room: how many bytes the body may unpack to. Who gives a room of their own, because they take the bytes piece
            by piece, may be given any ratio, too.
    """

    def __init__(self, headers: Mapping[str, str], room: int | None = None) -> None:
        self._room = MAX_DECODED_BYTES if room is None else room
        self._ratio = MOST_RATIO if room is None else None
        self._received = self._unpacked = 0
        self._members = 0
        self._member: Any = None
        coding = headers.get("content-encoding", "").strip().lower()
        self._zipped = coding in ("gzip", "x-gzip")
        self._known = self._zipped or coding in ("", "identity")

    def feed(self, raw: bytes) -> bytes:
        """What the next bytes decode to.

        Raises:
            BodyUnreadable: the coding is unknown or damaged, or the body unpacks to something enormous.
        """
        if not self._known:
            raise BodyUnreadable("compressed in a way that was not asked for")
        if not self._zipped:
            self._take(len(raw))
            return raw
        self._received += len(raw)
        parts: list[bytes] = []
        while raw:
            if self._member is None or self._member.eof:
                self._begin_member(raw)
            try:
                part = self._member.decompress(raw, self._room + 1)
            except inflater.error:
                raise BodyUnreadable("damaged in its compression") from None
            self._take(len(part))
            parts.append(part)
            raw = self._member.unused_data if self._member.eof else b""
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def finish(self) -> None:
        """The body has ended.

        Raises:
            BodyCut: its compression has not.
        """
        if self._zipped and not (self._member is not None and self._member.eof):
            raise BodyCut

    def _begin_member(self, raw: bytes) -> None:
        if raw[:1] != b"\x1f":
            raise BodyUnreadable("damaged in its compression")
        self._members += 1
        if self._members > MAX_GZIP_MEMBERS:
            raise BodyUnreadable("larger than any answer should be")
        self._member = inflater.decompressobj(wbits=31)

    def _take(self, size: int) -> None:
        self._room -= size
        self._unpacked += size
        bomb = self._ratio and self._unpacked > max(RATIO_FROM_BYTES, self._ratio * self._received)
        if self._room < 0 or (self._zipped and bomb):
            raise BodyUnreadable("larger than any answer should be")


def whole_body(raw: bytes, status: int, headers: Mapping[str, str]) -> bytes:
    """The decoded body of an answer whose bytes on the wire are ``raw``.

    Raises:
        BodyCut: it is not whole.
        BodyUnreadable: its coding is unknown, damaged or unpacks to something enormous.
    """
    if not expects_body(status, headers) and not raw:
        return b""
    body = BodyReader(headers)
    content = body.feed(raw)
    body.finish()
    check_end(content, headers)
    return content


def expects_body(status: int, headers: Mapping[str, str]) -> bool:
    """Whether an answer of this kind has a body at all."""
    return status not in (204, 304) and headers.get("content-length") != "0"


def check_end(content: bytes, headers: Mapping[str, str]) -> None:
    """Hold uncompressed JSON to its last bracket: under close-delimited framing there is no other sign of its end.

    Raises:
        BodyCut: it is missing.
    """
    compressed = headers.get("content-encoding", "").strip().lower() not in ("", "identity")
    if compressed or not headers.get("content-type", "").lower().startswith("application/json"):
        return
    closing = {b"{": b"}", b"[": b"]"}.get(content.lstrip()[:1])
    if closing is not None and content.rstrip()[-1:] != closing:
        raise BodyCut
