"""A network that misbehaves below HTTP: a TCP relay in this process, in front of any server of this machine.

`Shim` listens, connects each client to the server, and lets bytes flow through a chain of `Toxic`s, for every
connection or for the ``connection``-th alone, up to the server or down to the client. The words are Toxiproxy's:
latency, bandwidth, slow close, time-out, reset, slicer, limit-data; and ``down``.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Literal
from urllib.parse import urlsplit

Flow = Iterator[bytes]
Pause = Callable[[float], None]
PIECE_BYTES = 65_536
TICK_SECONDS = 0.01


class Reset(Exception):
    """Both sides of the connection end by RST."""


# --- what may happen to a flow ---------------------------------------------------------------------------------------


def latency(flow: Flow, pause: Pause, seconds: float) -> Flow:
    """Each piece comes later."""
    for piece in flow:
        pause(seconds)
        yield piece


def bandwidth(flow: Flow, pause: Pause, bytes_per_second: float) -> Flow:
    """No more than so many bytes a second."""
    size = max(1, int(bytes_per_second * TICK_SECONDS))
    for piece in flow:
        for start in range(0, len(piece), size):
            part = piece[start : start + size]
            pause(len(part) / bytes_per_second)
            yield part


def slicer(flow: Flow, pause: Pause, size: int, seconds: float = 0.0) -> Flow:
    """In pieces of ``size`` bytes, with a wait behind each."""
    for piece in flow:
        for start in range(0, len(piece), size):
            yield piece[start : start + size]
            pause(seconds)


def limit_data(flow: Flow, pause: Pause, bytes: int) -> Flow:
    """So many bytes, then the end of the connection."""
    left = bytes
    while left > 0:
        piece = next(flow, b"")
        if not piece:
            return
        yield piece[:left]
        left -= len(piece)


def reset(flow: Flow, pause: Pause, bytes: int = 0) -> Flow:
    """So many bytes, then RST; also where there are no more."""
    yield from limit_data(flow, pause, bytes)
    raise Reset


def timeout(flow: Flow, pause: Pause, bytes: int = 0, seconds: float = float("inf")) -> Flow:
    """So many bytes, then nothing for so long; then the end."""
    yield from limit_data(flow, pause, bytes)
    pause(seconds)


def slow_close(flow: Flow, pause: Pause, seconds: float) -> Flow:
    """Everything, and an end that comes late."""
    yield from flow
    pause(seconds)


@dataclass(frozen=True, slots=True)
class Toxic:
    """One thing that happens to the bytes of some connections."""

    apply: Callable[[Flow, Pause], Flow]
    to: Literal["client", "server"]
    connection: int | None


class Shim:
    """A relay to ``url``. Use it in a ``with`` block, or call `close`: no thread and no socket stays.

    Attributes:
        url: where it listens.
        connections: how many clients came.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname
        assert parts.port
        self._goal = (parts.hostname, parts.port)
        self._toxics: list[Toxic] = []
        self._numbers = count(1)
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._closing = threading.Event()
        self.connections = 0
        self.down = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"{parts.scheme}://127.0.0.1:{self._listener.getsockname()[1]}"
        self._begin(self._accept)

    def __enter__(self) -> Shim:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def add(
        self,
        effect: Callable[..., Flow],
        to: Literal["client", "server"] = "client",
        connection: int | None = None,
        **how,
    ) -> None:
        """Have an effect on what flows ``to`` the client or the server, on all connections made from now on or one."""
        self._toxics.append(Toxic(partial(effect, **how), to, connection))

    def clear(self) -> None:
        """Let bytes flow as they come, on connections made from now on."""
        self._toxics.clear()
        self.down = False

    def close(self) -> None:
        """End every connection and thread."""
        self._closing.set()
        # Shutting a listener does not wake who waits there everywhere; a visitor does.
        with suppress(OSError), socket.create_connection(self._listener.getsockname(), timeout=1):
            pass
        with self._lock:
            for end in self._open:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join(5)
            assert not thread.is_alive(), "the shim leaves a thread behind"
        self._listener.close()

    # --- connections -------------------------------------------------------------------------------------------------

    def _begin(self, work: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=work, args=args, name="shim", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            if self._closing.is_set():
                client.close()
                return
            if self.down:
                _reset(client)
                continue
            self.connections = number = next(self._numbers)
            server = socket.create_connection(self._goal)
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open |= {client, server}
            self._begin(self._relay, client, server, number)

    def _relay(self, client: socket.socket, server: socket.socket, number: int) -> None:
        """Both directions of one connection; its sockets are closed when both have ended."""
        broken = threading.Event()
        up = threading.Thread(
            target=self._pump, args=(client, server, "server", number, broken), name="shim", daemon=True
        )
        up.start()
        self._pump(server, client, "client", number, broken)
        up.join()
        with self._lock:
            self._open -= {client, server}
        for end in (client, server):
            (_reset if broken.is_set() else socket.socket.close)(end)

    def _pump(self, source: socket.socket, sink: socket.socket, to: str, number: int, broken: threading.Event) -> None:
        flow = _read(source)
        for toxic in self._toxics:
            if toxic.to == to and toxic.connection in (None, number):
                flow = toxic.apply(flow, self._pause)
        try:
            for piece in flow:
                sink.sendall(piece)
        except Reset:
            broken.set()
            _end(sink, socket.SHUT_RD)  # wakes the other direction
        except OSError:
            pass
        _end(source, socket.SHUT_RD)
        if not broken.is_set():
            _end(sink, socket.SHUT_WR)

    def _pause(self, seconds: float) -> None:
        self._closing.wait(min(seconds, threading.TIMEOUT_MAX))


def _read(source: socket.socket) -> Flow:
    with suppress(OSError):
        while piece := source.recv(PIECE_BYTES):
            yield piece


def _end(connection: socket.socket, how: int) -> None:
    with suppress(OSError):
        connection.shutdown(how)


def _reset(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def wait_until(holds: Callable[[], bool], seconds: float = 5.0) -> bool:
    """Whether ``holds`` becomes true within so many seconds."""
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(TICK_SECONDS)
    return holds()
