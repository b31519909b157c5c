"""The live wire: TLS, proxies, and the rule that traffic of this machine stays on it."""

from __future__ import annotations

import os
import ssl
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from urllib.request import getproxies, proxy_bypass
from weakref import WeakSet

import httpcore
import httpx

from sfdata.config import is_loopback
from sfdata.errors import ConfigurationError
from sfdata.transport.sockets import Sockets

CONNECTIONS = 100
IDLE_CONNECTIONS = 20
IDLE_SECONDS = 5.0


class LiveWire(httpx.BaseTransport):
    """Connections to hosts, in one pool per route, made when first needed; no redirect is followed, no cookie kept.

    Requests to this machine never go through a proxy; others use the one in the environment or the system's settings.
    ``ca_file`` replaces the usual roots. Certificates are always checked, by TLS 1.2 or later.

    A process that was forked from this one makes connections of its own.
    """

    def __init__(self, ca_file: str | None = None) -> None:
        self._ca_file = ca_file
        self._proxies: dict[str, str | None] = {}
        self._pools: dict[tuple[str, str | None], httpcore.ConnectionPool] = {}
        self._lock = threading.Lock()
        self._closed = False
        _LIVE.add(self)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.SyncByteStream)
        url = request.url
        asked = httpcore.Request(
            request.method,
            httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        pool = self._pool(url.scheme, url.host)
        with _httpx_names():
            answer = pool.handle_request(asked)
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer), extensions=answer.extensions)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            pools, self._pools = self._pools, {}
        for pool in pools.values():
            pool.close()

    def forked(self) -> None:
        """In a new process: leave the connections to the one they belong to."""
        _OTHERS.append(self._pools)  # not closed, for the lock of a pool may be held by a thread that is not here
        self._pools = {}
        self._lock = threading.Lock()

    def _pool(self, scheme: str, host: str) -> httpcore.ConnectionPool:
        with self._lock:
            if self._closed:  # a thread that was at work when the connection was closed
                raise httpx.LocalProtocolError("the connection is closed")
            if host not in self._proxies:
                self._proxies[host] = proxy_for(scheme, host)
            route = (scheme, self._proxies[host])
            if route not in self._pools:
                self._pools[route] = self._open(*route)
            return self._pools[route]

    def _open(self, scheme: str, proxy: str | None) -> httpcore.ConnectionPool:
        # Reading the roots takes longer than a request; plain http, which only this machine speaks, needs none.
        encrypted = scheme == "https" or (proxy or "").startswith("https:")
        context = tls_context(self._ca_file) if encrypted else None
        return httpcore.ConnectionPool(
            ssl_context=context,
            proxy=None if proxy is None else _proxy(proxy, context),
            max_connections=CONNECTIONS,
            max_keepalive_connections=IDLE_CONNECTIONS,
            keepalive_expiry=IDLE_SECONDS,
            network_backend=Sockets(),
        )


_LIVE: WeakSet[LiveWire] = WeakSet()
_OTHERS: list[object] = []
"""Connections of the process this one was forked from, kept so that nobody closes them."""


def _after_fork() -> None:
    for wire in _LIVE:
        wire.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class _Body(httpx.SyncByteStream):
    """The bytes of an answer's body, as they come."""

    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        assert isinstance(self._answer.stream, Iterable)
        with _httpx_names():
            yield from self._answer.stream

    def close(self) -> None:
        self._answer.close()


@contextmanager
def _httpx_names() -> Iterator[None]:
    """Raise what httpcore raises as httpx's exception of the same name."""
    try:
        yield
    except tuple(_EXCEPTIONS) as problem:
        raise _EXCEPTIONS[type(problem)](str(problem)) from problem


_EXCEPTIONS: Mapping[type[Exception], type[httpx.TransportError]] = {
    httpcore.ConnectTimeout: httpx.ConnectTimeout,
    httpcore.ReadTimeout: httpx.ReadTimeout,
    httpcore.WriteTimeout: httpx.WriteTimeout,
    httpcore.PoolTimeout: httpx.PoolTimeout,
    httpcore.ConnectError: httpx.ConnectError,
    httpcore.ReadError: httpx.ReadError,
    httpcore.WriteError: httpx.WriteError,
    httpcore.ProxyError: httpx.ProxyError,
    httpcore.UnsupportedProtocol: httpx.UnsupportedProtocol,
    httpcore.LocalProtocolError: httpx.LocalProtocolError,
    httpcore.RemoteProtocolError: httpx.RemoteProtocolError,
}


def proxy_for(scheme: str, host: str) -> str | None:
    """The proxy that leads to ``host``, by the environment or the system; None for a direct way."""
    if is_loopback(host) or proxy_bypass(host):
        return None
    proxies = getproxies()
    proxy = proxies.get(scheme) or proxies.get("all")
    return proxy if proxy is None or "://" in proxy else f"http://{proxy}"


def _proxy(address: str, context: ssl.SSLContext | None) -> httpcore.Proxy:
    with suppress(ValueError, httpx.InvalidURL):
        known = httpx.Proxy(address)
        encrypted = context if known.url.scheme == "https" else None
        if not known.url.scheme.startswith("socks") or find_spec("socksio"):  # which httpcore needs for it
            return httpcore.Proxy(str(known.url), auth=known.auth, ssl_context=encrypted)
    # Neither the exception nor the address is shown: a proxy's address may hold a password.
    raise ConfigurationError("the proxy named by the environment (HTTPS_PROXY, ALL_PROXY) cannot be used")


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """A context for TLS 1.2 or later that trusts the usual roots (or those of ``SSL_CERT_FILE``), or ``ca_file``'s."""
    try:
        if ca_file is None:
            context = httpx.create_ssl_context()
        else:
            context = ssl.create_default_context(cafile=Path(ca_file).expanduser())
    except (OSError, ssl.SSLError) as problem:
        reason = "no certificate in PEM form" if isinstance(problem, ssl.SSLError) else problem.strerror
        fault = ConfigurationError(f"the certificate file {ca_file} cannot be used: {reason} (SF_CA_FILE)")
    else:
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context
    raise fault
