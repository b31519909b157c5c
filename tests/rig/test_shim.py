"""The relay does to bytes what it was asked to, on the connections it was asked for, and leaves nothing behind."""

from __future__ import annotations

import errno
import socket
import threading
import time
from contextlib import closing
from functools import partial

import pytest
from rig import shim as network
from rig.shim import Shim, wait_until

TEXT = bytes(range(256)) * 40


class Echo:
    """Sends back what it gets, until the other side has no more."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    @staticmethod
    def _serve(connection):
        with closing(connection):
            try:
                while piece := connection.recv(65536):
                    connection.sendall(piece)
            except OSError:
                pass

    def stop(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join(5)
        self.listener.close()


@pytest.fixture(scope="module")
def echo():
    server = Echo()
    yield server
    server.stop()


@pytest.fixture
def relay(echo):
    with Shim(echo.url) as running:
        yield running


def exchange(relay, text=TEXT, seconds=5.0):
    """What comes back of a text, and how the connection ends: "fin", "reset" or "silence"."""
    address = ("127.0.0.1", int(relay.url.rpartition(":")[2]))
    received = b""
    try:
        with closing(socket.create_connection(address, timeout=seconds)) as connection:
            connection.sendall(text)
            connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(65536):
                received += piece
    except ConnectionError:
        return received, "reset"
    except TimeoutError:
        return received, "silence"
    except OSError as problem:
        if problem.errno != errno.ENOTCONN:  # a reset that came before anything was read
            raise
        return received, "reset"
    return received, "fin"


def test_without_toxics_bytes_flow_as_they_are(relay):
    """Both ways, on any number of connections."""
    assert [exchange(relay) for _ in range(3)] == [(TEXT, "fin")] * 3
    assert relay.connections == 3


@pytest.mark.parametrize(
    ("effect", "received", "end"),
    [
        (partial(network.limit_data, bytes=100), TEXT[:100], "fin"),
        (partial(network.limit_data, bytes=0), b"", "fin"),
        (partial(network.limit_data, bytes=10**6), TEXT, "fin"),
        (partial(network.reset, bytes=100), TEXT[:100], "reset"),
        (partial(network.reset, bytes=10**6), TEXT, "reset"),
        (partial(network.timeout, bytes=100), TEXT[:100], "silence"),
        (partial(network.timeout, bytes=100, seconds=0.01), TEXT[:100], "fin"),
        (partial(network.slicer, size=100), TEXT, "fin"),
    ],
)
def test_an_effect_is_had_on_the_way_to_the_client(relay, effect, received, end):
    """So many bytes arrive, and the connection ends in that way."""
    relay.add(effect)
    assert exchange(relay, seconds=0.3 if end == "silence" else 5) == (received, end)


def test_an_effect_is_had_on_the_way_to_the_server(relay):
    """What the server did not get it cannot send back."""
    relay.add(network.limit_data, to="server", bytes=33)
    assert exchange(relay) == (TEXT[:33], "fin")
    relay.clear()
    relay.add(network.reset, to="server", bytes=33)
    assert exchange(relay)[1] == "reset"


@pytest.mark.parametrize(
    ("effect", "least", "most"),
    [
        (partial(network.latency, seconds=0.1), 0.1, 2),
        (partial(network.bandwidth, bytes_per_second=len(TEXT) * 10), 0.1, 2),
        (partial(network.slicer, size=len(TEXT) // 10, seconds=0.01), 0.1, 2),
        (partial(network.slow_close, seconds=0.1), 0.1, 2),
    ],
)
def test_time_is_taken(relay, effect, least, most):
    """Everything arrives, no sooner than the effect allows."""
    relay.add(effect)
    started = time.monotonic()
    assert exchange(relay) == (TEXT, "fin")
    assert least <= time.monotonic() - started < most


def test_one_connection_may_suffer_alone(relay):
    """The second one; those before and after it do not."""
    relay.add(network.reset, connection=2, bytes=5)
    assert [exchange(relay)[1] for _ in range(3)] == ["fin", "reset", "fin"]


def test_down_turns_everybody_away(relay):
    """And up again lets them in."""
    relay.down = True
    assert exchange(relay)[1] == "reset"
    relay.clear()
    assert exchange(relay) == (TEXT, "fin")


def test_closing_ends_what_hangs(echo):
    """No thread and no socket of a connection that waits for ever stays behind."""
    before = threading.active_count()
    relay = Shim(echo.url)
    relay.add(network.timeout)
    waiting = threading.Thread(target=exchange, args=(relay,))
    waiting.start()
    assert wait_until(lambda: relay.connections == 1)
    relay.close()
    waiting.join(5)
    assert wait_until(lambda: threading.active_count() <= before)
