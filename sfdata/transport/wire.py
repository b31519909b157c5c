"""The live wire: TLS, proxies, and the rule that traffic of this machine stays on it."""

from __future__ import annotations

import ssl
import threading
from pathlib import Path
from urllib.request import getproxies, proxy_bypass

import httpx

from sfdata.config import is_loopback
from sfdata.errors import ConfigurationError


class LiveWire(httpx.BaseTransport):
    """httpx's transport, one pool per route, made when first needed.

    Requests to this machine never go through a proxy; others use the one in the environment or the system's settings.
    ``ca_file`` replaces the usual roots. Certificates are always checked.
    """

    def __init__(self, ca_file: str | None = None) -> None:
        self._ca_file = ca_file
        self._lock = threading.Lock()
        self._proxies: dict[str, str | None] = {}
        self._pools: dict[tuple[str, str | None], httpx.HTTPTransport] = {}
        self._closed = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._pool(request.url.scheme, request.url.host).handle_request(request)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            pools, self._pools = self._pools, {}
        for pool in pools.values():
            pool.close()

    def _pool(self, scheme: str, host: str) -> httpx.HTTPTransport:
        with self._lock:
            if self._closed:  # a thread that was at work when the connection was closed
                raise httpx.LocalProtocolError("the connection is closed")
            if host not in self._proxies:
                self._proxies[host] = proxy_for(scheme, host)
            route = (scheme, self._proxies[host])
            if route not in self._pools:
                self._pools[route] = self._open(*route)
            return self._pools[route]

    def _open(self, scheme: str, proxy: str | None) -> httpx.HTTPTransport:
        # Reading the roots takes longer than a request; plain http, which only this machine speaks, needs none.
        context = tls_context(self._ca_file) if scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            return httpx.HTTPTransport(verify=context, proxy=proxy)
        except (ValueError, ImportError, httpx.InvalidURL):
            # Neither the exception nor the address is shown: a proxy's address may hold a password.
            fault = ConfigurationError("the proxy named by the environment (HTTPS_PROXY, ALL_PROXY) cannot be used")
        raise fault


def proxy_for(scheme: str, host: str) -> str | None:
    """The proxy that leads to ``host``, by the environment or the system; None for a direct way."""
    if is_loopback(host) or proxy_bypass(host):
        return None
    proxies = getproxies()
    proxy = proxies.get(scheme) or proxies.get("all")
    return proxy if proxy is None or "://" in proxy else f"http://{proxy}"


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """A context that trusts the usual roots (or those of ``SSL_CERT_FILE``), or what ``ca_file`` holds instead."""
    if ca_file is None:
        return httpx.create_ssl_context()
    try:
        return ssl.create_default_context(cafile=Path(ca_file).expanduser())
    except (OSError, ssl.SSLError) as problem:
        reason = "no certificate in PEM form" if isinstance(problem, ssl.SSLError) else problem.strerror
        fault = ConfigurationError(f"the certificate file {ca_file} cannot be used: {reason} (SF_CA_FILE)")
    raise fault
