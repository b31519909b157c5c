"""Connections whose reads and writes end when nobody waits for them any more.

httpcore takes its sockets from a backend that can be replaced. This one's wait in short turns where the thread works
under a stop (`sfdata.stop`), and look at it in between. While bytes move, that costs nothing.

https://www.encode.io/httpcore/network-backends/
"""

from __future__ import annotations

import select
import ssl
import time
from collections.abc import Iterable
from typing import Any

import httpcore

from sfdata import stop

PIECE_BYTES = 1 << 16
"""What is written at a time: as much as goes out at once when a socket says that it takes more."""


class Sockets(httpcore.SyncBackend):
    """Makes connections."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        stop.look()
        return Connection(super().connect_tcp(host, port, timeout, local_address, socket_options))


class Connection(httpcore.NetworkStream):
    """One connection, plain or encrypted."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if stop.stop_at_hand() is None:
            return self._stream.read(max_bytes, timeout)
        for turn in _turns(timeout):
            try:
                return self._stream.read(max_bytes, turn)
            except httpcore.ReadTimeout:
                continue
        raise httpcore.ReadTimeout("the read took too long")

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        if stop.stop_at_hand() is None:
            self._stream.write(buffer, timeout)
            return
        for start in range(0, len(buffer), PIECE_BYTES):
            self._wait_for_room(timeout)
            self._stream.write(buffer[start : start + PIECE_BYTES], timeout)

    def _wait_for_room(self, timeout: float | None) -> None:
        socket = self._stream.get_extra_info("socket")
        if not any(_writable(socket, turn) for turn in _turns(timeout)):
            raise httpcore.WriteTimeout("the write took too long")

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return Connection(self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _turns(timeout: float | None) -> Iterable[float]:
    """The seconds of each turn of a wait, which ends when the time is over or nobody waits any more."""
    end = None if timeout is None else time.monotonic() + timeout
    while True:
        stop.look()
        left = stop.LOOK_SECONDS if end is None else end - time.monotonic()
        if left <= 0:
            return
        yield min(left, stop.LOOK_SECONDS)


def _writable(socket: Any, seconds: float) -> bool:
    if not hasattr(select, "poll"):  # Windows, where select has no bound on what it watches
        return bool(select.select([], [socket], [], seconds)[1])
    poll = select.poll()
    poll.register(socket, select.POLLOUT)
    return bool(poll.poll(seconds * 1000))
