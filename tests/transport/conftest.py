"""Stub wires, a raw socket server that misbehaves on demand, and sessions in virtual time."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections import deque

import httpx
import pytest

from sfdata.auth import AccessToken
from sfdata.config import OrgConfig
from sfdata.resilience.breaker import CircuitBreaker
from sfdata.resilience.retry import RetryPolicy
from sfdata.resilience.runtime import Runtime
from sfdata.transport.http_session import HttpSession

MY_DOMAIN = "https://acme.my.salesforce.com"


class VirtualTime:
    """A clock that only sleeping moves."""

    def __init__(self):
        self.now = 0.0
        self.slept = []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def virtual():
    return VirtualTime()


@pytest.fixture
def session_on(virtual):
    """Make sessions on a handler, a wire or the network; they are closed after the test."""
    opened = []

    def make(wire=None, flow=None, config=None, **policies):
        if wire is not None and not isinstance(wire, httpx.BaseTransport):
            wire = httpx.MockTransport(wire)
        policies = {
            "retry": RetryPolicy(sleep=virtual.sleep, clock=virtual, uniform=lambda low, high: high),
            "breaker": CircuitBreaker(clock=virtual),
            "runtime": Runtime(clock=virtual, sleep=virtual.sleep),
            **policies,
        }
        flow = flow or AccessToken(access_token="00DAA000000000A!given", instance_url=MY_DOMAIN)
        session = HttpSession(config or OrgConfig(MY_DOMAIN), flow, wire=wire, **policies)
        opened.append(session)
        return session

    yield make
    for session in opened:
        session.close()


def json_answer(content, status=200, **headers):
    headers = {"content-type": "application/json;charset=UTF-8", **headers}
    return httpx.Response(status, headers=headers, content=json.dumps(content).encode())


@pytest.fixture(name="json_answer")
def json_answer_fixture():
    return json_answer


class RawServer:
    """Answers each request with the next bytes of a script; ``None`` means silence, a trailing FIN unless kept."""

    def __init__(self, tls=None):
        self.script = deque()
        self.requests = []
        self.connections = 0
        self._tls = tls
        self._open = []
        self._stopping = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def answer(self, *blocks, keep=False):
        """The next answer: blocks of bytes written one after another; then the connection ends, unless kept."""
        self.script.append((blocks, keep))

    def stop(self):
        self._stopping = True
        socket.create_connection(("127.0.0.1", self.port)).close()  # wakes the accepting thread
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)
        self._listener.close()
        assert not self._thread.is_alive()

    def _accept(self):
        workers = []
        while True:
            connection, _ = self._listener.accept()
            if self._stopping:
                connection.close()
                break
            self.connections += 1
            workers.append(threading.Thread(target=self._serve, args=(connection,), daemon=True))
            workers[-1].start()
        for worker in workers:
            worker.join(5)

    def _serve(self, connection):
        self._open.append(connection)
        try:
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            while request := self._read(connection):
                self.requests.append(request)
                if not self.script:
                    return
                blocks, keep = self.script.popleft()
                for block in blocks:
                    if block is None:
                        connection.recv(1)
                        return
                    connection.sendall(block)
                if not keep:
                    return
        except OSError:
            pass
        finally:
            connection.close()

    @staticmethod
    def _read(connection):
        request = b""
        while b"\r\n\r\n" not in request:
            chunk = connection.recv(65536)
            if not chunk:
                return b""
            request += chunk
        return request


@pytest.fixture
def raw_server():
    server = RawServer()
    yield server
    server.stop()


@pytest.fixture
def raw_session(session_on, raw_server):
    """A session that talks to the raw server over a real socket."""
    url = f"http://127.0.0.1:{raw_server.port}"
    flow = AccessToken(access_token="00DAA000000000A!given", instance_url=url)
    return session_on(flow=flow, config=OrgConfig(url, timeout_seconds=2.0))


@pytest.fixture
def raw_server_class():
    return RawServer
