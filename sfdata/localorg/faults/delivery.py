"""Ways to send an answer badly: in part, slowly, wrongly framed; and ways to end a connection.

Each function makes a `Delivery` of `sfdata.localorg.routing`: it gets the answer as it would have gone out, and the
socket. Whatever waits here stops waiting when the client goes or the org stops.
"""

from __future__ import annotations

import gzip
import math
import os
import select
import socket
import struct
import time
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress

from sfdata.localorg.routing import Delivery, Message

End = Callable[[socket.socket], None]
Part = Callable[[Message], bytes]

CODINGS: Mapping[str, Callable[[bytes], bytes]] = {
    "gzip": lambda body: gzip.compress(body, mtime=0),
    "deflate": zlib.compress,
    "identity": lambda body: body,
}
FRAMINGS = ("length", "chunked", "close")


# --- how much is sent ------------------------------------------------------------------------------------------------


def nothing(message: Message) -> bytes:
    """Not a byte."""
    return b""


def whole(message: Message) -> bytes:
    """All of it."""
    return message.head + message.body


def up_to(at: int | None) -> Part:
    """The head, and the body up to byte ``at``: from its end where negative, half of it for None."""
    return lambda message: message.head + message.body[: place(at, len(message.body))]


def place(at: int | None, size: int) -> int:
    """A place in ``size`` bytes: from the end where negative, in the middle for None."""
    if at is None:
        return size // 2
    return max(0, size + at) if at < 0 else min(at, size)


# --- how it ends -----------------------------------------------------------------------------------------------------


def reset(connection: socket.socket) -> None:
    """End the connection by RST: whoever reads or writes there gets an error at once."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    # Not close(), which waits for the files that were made of the socket; nor shutdown(), which would send a FIN.
    os.close(connection.detach())


def fin(connection: socket.socket) -> None:
    """End the connection in order, as if the answer had been all there is."""


def stall(seconds: float) -> End:
    """Send nothing more for so long, then end in order."""

    def end(connection: socket.socket) -> None:
        wait(connection, seconds)

    return end


def wait(connection: socket.socket, seconds: float) -> bool:
    """Wait, unless the other side ends the connection or ours is shut; whether it was in vain."""
    deadline = time.monotonic() + seconds
    with suppress(OSError, ValueError):  # shut under our feet
        readable, _, _ = select.select([connection], [], [], max(0.0, deadline - time.monotonic()))
        return not readable
    return False


# --- deliveries ------------------------------------------------------------------------------------------------------


def broken(part: Part, end: End) -> Delivery:
    """Part of the answer, and an end."""

    def deliver(message: Message, connection: socket.socket) -> None:
        if sent := part(message):
            connection.sendall(sent)
        end(connection)

    return deliver


def trickled(size: int, seconds: float) -> Delivery:
    """All of it, ``size`` bytes every so many seconds."""

    def deliver(message: Message, connection: socket.socket) -> None:
        sent = _framed(message, message.body, {"Connection": "close"})
        for start in range(0, len(sent), size):
            connection.sendall(sent[start : start + size])
            if seconds and not wait(connection, seconds):
                return

    return deliver


def miscounted(by: int) -> Delivery:
    """All of it, under a Content-Length so much too large."""

    def deliver(message: Message, connection: socket.socket) -> None:
        length = max(0, len(message.body) + by)
        connection.sendall(_framed(message, message.body, {"Content-Length": str(length), "Connection": "close"}))

    return deliver


def cut(at: int | None, framing: str, coding: str | None, members: int) -> Delivery:
    """The body up to byte ``at`` as if that were all of it: nothing in the framing tells that there was more.

    Args:
        coding: how the body is packed before it is cut; None for as it is.
        members: in how many gzip members.
    """

    def deliver(message: Message, connection: socket.socket) -> None:
        body, headers = message.body, {"Connection": "close"}
        if coding is not None:
            plain = gzip.decompress(body) if message.headers.get("Content-Encoding") == "gzip" else body
            size = max(1, math.ceil(len(plain) / members))
            body = b"".join(CODINGS[coding](plain[start : start + size]) for start in range(0, len(plain), size))
            headers["Content-Encoding"] = coding
        body = body[: place(at, len(body))]
        if framing == "length":
            headers["Content-Length"] = str(len(body))
        elif framing == "chunked":
            headers["Transfer-Encoding"] = "chunked"
            body = (b"%X\r\n%b\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
        connection.sendall(_framed(message, body, headers, without=("Content-Length", "Content-Encoding")))

    return deliver


def _framed(message: Message, body: bytes, headers: Mapping[str, str], without: tuple[str, ...] = ()) -> bytes:
    kept = {name: value for name, value in message.headers.items() if name not in without}
    if headers.get("Content-Encoding", message.headers.get("Content-Encoding")) not in (None, "identity"):
        kept["Content-Encoding"] = headers.get("Content-Encoding") or message.headers["Content-Encoding"]
    framing = {name: value for name, value in headers.items() if name != "Content-Encoding"}
    return Message(message.first_line, {**kept, **framing}, body).head + body
