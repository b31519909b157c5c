"""Content codings: bodies that come packed, and answers that go out packed. gzip and deflate, as Salesforce has them.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/intro_rest_compression.htm
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator, Mapping

from sfdata.localorg.answers import ApiError
from sfdata.localorg.routing import PIECE_BYTES

REFUSED_WEIGHT = re.compile(r"\s*q\s*=\s*0(\.0*)?\s*")
ZLIB, GZIP, ANY = zlib.MAX_WBITS, zlib.MAX_WBITS | 16, zlib.MAX_WBITS | 32

READ = frozenset({"gzip", "x-gzip", "deflate"})
WRITTEN: Mapping[str, int] = {"gzip": GZIP, "deflate": ZLIB}
"""Coding of an answer, the better one first, and the frame that zlib gives it."""


class Unreadable(Exception):
    """A body that is not what its coding says."""


class TooLong(Exception):
    """A body that is longer unpacked than is served."""


def unpacked(pieces: Iterable[bytes], coding: str, most_bytes: int) -> Iterator[bytes]:
    """The body as it was before it was packed.

    Raises:
        ApiError: 415 for a coding that is not served.
        Unreadable, TooLong: while it is read.
    """
    if coding == "identity":
        return iter(pieces)
    if coding not in READ:
        raise ApiError(415, "UNSUPPORTED_MEDIA_TYPE", f"Content-Encoding '{coding}' is not supported by this resource")
    return _within(_unpacked(pieces), most_bytes)


def _unpacked(pieces: Iterable[bytes]) -> Iterator[bytes]:
    unpack = zlib.decompressobj(ANY)
    for piece in pieces:
        rest = piece
        while rest:
            if unpack.eof:  # gzip may go on with another member
                unpack = zlib.decompressobj(GZIP)
            try:
                yield unpack.decompress(rest, PIECE_BYTES)
            except zlib.error:
                raise Unreadable from None
            rest = unpack.unconsumed_tail or unpack.unused_data
    yield unpack.flush()
    if not unpack.eof:
        raise Unreadable


def _within(pieces: Iterable[bytes], most_bytes: int) -> Iterator[bytes]:
    total = 0
    for piece in pieces:
        total += len(piece)
        if total > most_bytes:
            raise TooLong
        yield piece


def accepted(header: str) -> str | None:
    """The coding for an answer, of those that ``Accept-Encoding`` names; None for none."""
    weights = dict(_offers(header))
    return next((coding for coding in WRITTEN if weights.get(coding, weights.get("*", False))), None)


def _offers(header: str) -> Iterator[tuple[str, bool]]:
    for offer in header.lower().split(","):
        coding, _, weight = offer.partition(";")
        yield coding.strip(), not REFUSED_WEIGHT.fullmatch(weight)


def packed(pieces: Iterable[bytes], coding: str) -> Iterator[bytes]:
    """A body in a coding that was `accepted`."""
    pack = zlib.compressobj(1, zlib.DEFLATED, WRITTEN[coding])
    for piece in pieces:
        yield pack.compress(piece)
    yield pack.flush()
