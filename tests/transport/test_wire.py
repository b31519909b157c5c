"""Real sockets: cut answers, stale connections, stalls, TLS, and proxies."""

from __future__ import annotations

import datetime as dt
import gzip
import ipaddress
import json
import os
import signal
import ssl
import threading

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sfdata.auth import AccessToken
from sfdata.config import OrgConfig
from sfdata.errors import ConfigurationError, ConnectionFailed, RequestTimeout, UnreadableAnswer
from sfdata.resilience.retry import RetryPolicy
from sfdata.resilience.runtime import Runtime
from sfdata.transport.wire import LiveWire, proxy_for

PATH = "/services/data/v67.0/limits"
BODY = json.dumps({"records": [{"Id": f"{n:018d}"} for n in range(50)]}).encode()
PACKED = gzip.compress(BODY)
GOOD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(BODY), BODY)


def framed(body, *headers, length=None):
    lines = [b"HTTP/1.1 200 OK", b"Content-Type: application/json", *headers]
    if length is not None:
        lines.append(b"Content-Length: %d" % length)
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def chunked(body):
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


GZIP, CHUNKED = b"Content-Encoding: gzip", b"Transfer-Encoding: chunked"
HALF = PACKED[: len(PACKED) // 2]
CUT_ANSWERS = {
    "gzip cut under a matching length": framed(HALF, GZIP, length=len(HALF)),
    "gzip cut at its trailer": framed(PACKED[:-8], GZIP, length=len(PACKED) - 8),
    "gzip cut under close framing": framed(HALF, GZIP),
    "gzip cut under complete chunks": framed(chunked(HALF), GZIP, CHUNKED),
    "second member cut": framed(PACKED + HALF, GZIP, length=len(PACKED + HALF)),
    "plain cut under close framing": framed(BODY[:100]),
    "plain shorter than announced": framed(BODY[:100], length=len(BODY)),
    "chunks without an end": framed(b"%x\r\n%s\r\n" % (len(BODY), BODY), CHUNKED),
    "headers cut": GOOD[:30],
    "no answer at all": b"",
}


@pytest.mark.catalogue("N1", "N2")
@pytest.mark.parametrize("cut", CUT_ANSWERS.values(), ids=CUT_ANSWERS)
def test_a_cut_answer_is_fetched_again(raw_server, raw_session, cut):
    """An answer that breaks off anywhere is never short data: the read is repeated and whole."""
    raw_server.answer(cut)
    raw_server.answer(GOOD)
    assert raw_session.get(PATH).content == BODY
    assert len(raw_server.requests) == 2


@pytest.mark.catalogue("N1", "N2")
@pytest.mark.parametrize("cut", CUT_ANSWERS.values(), ids=CUT_ANSWERS)
def test_an_answer_that_is_always_cut_is_an_error(raw_server, raw_session, virtual, cut):
    """If every attempt breaks off, the outcome is an exception and no content."""
    for _ in range(4):
        raw_server.answer(cut)
    with pytest.raises((UnreadableAnswer, ConnectionFailed)) as failure:
        raw_session.get(PATH)
    assert "/services/data/v67.0/limits" in str(failure.value)
    assert len(virtual.slept) == 3


@pytest.mark.catalogue("N2")
@pytest.mark.parametrize("every", [131, pytest.param(1, marks=pytest.mark.slow)])
def test_an_answer_cut_at_any_byte_is_not_short_data(raw_server, raw_session, every):
    """Four kilobytes under their announced length, cut within status, headers or content: the read is repeated."""
    body = json.dumps({"records": [{"Id": f"{n:018d}"} for n in range(145)]}).encode()
    whole = framed(body, length=len(body))
    assert len(whole) > 4_096
    for cut in range(0, len(whole), every):
        raw_server.answer(whole[:cut])
        raw_server.answer(whole)
        assert raw_session.get(PATH).content == body
    assert len(raw_server.requests) == 2 * len(range(0, len(whole), every))


@pytest.mark.catalogue("N1")
@pytest.mark.parametrize(
    "whole",
    [
        framed(PACKED, GZIP, length=len(PACKED)),
        framed(PACKED, GZIP),
        framed(chunked(PACKED), GZIP, CHUNKED),
        framed(gzip.compress(BODY[:99]) + gzip.compress(BODY[99:]), GZIP),
        framed(BODY),
    ],
)
def test_every_whole_form_is_read(raw_server, raw_session, whole):
    """Length, chunks, close framing, one gzip member or two: a whole answer is read at once."""
    raw_server.answer(whole)
    assert raw_session.get(PATH).content == BODY


def test_connections_are_kept(raw_server, raw_session):
    """Requests follow each other on one connection."""
    for _ in range(5):
        raw_server.answer(GOOD, keep=True)
    for _ in range(5):
        raw_session.get(PATH)
    assert raw_server.connections == 1


@pytest.mark.catalogue("C5")
def test_a_kept_connection_that_died_is_replaced(raw_server, raw_session):
    """A server that closes between requests costs nothing but a new connection."""
    for _ in range(3):
        raw_server.answer(GOOD)
        assert raw_session.get(PATH).content == BODY
    assert raw_server.connections == 3


@pytest.mark.catalogue("N3")
def test_silence_ends_in_a_timeout(session_on, raw_server):
    """An org that takes the request and says nothing is given up after the time allowed."""
    url = f"http://127.0.0.1:{raw_server.port}"
    flow = AccessToken(access_token="00D!x", instance_url=url)
    session = session_on(flow=flow, config=OrgConfig(url, timeout_seconds=0.05), retry=RetryPolicy(attempts=2))
    raw_server.answer(None)
    raw_server.answer(GOOD[:80], None)
    with pytest.raises(RequestTimeout):
        session.get(PATH)
    assert len(raw_server.requests) == 2


@pytest.mark.catalogue("N3")
def test_a_trickle_ends_in_a_timeout(session_on, json_answer):
    """An answer that keeps coming but never ends is given up when the whole is overdue."""

    class Ticking:
        now = 0.0

        def __call__(self):
            return self.now

    clock = Ticking()

    class Trickle(httpx.SyncByteStream):
        def __iter__(self):
            for _ in range(10_000):
                clock.now += 29.0
                yield b" "

    session = session_on(
        lambda request: httpx.Response(200, stream=Trickle()),
        runtime=Runtime(clock=clock),
        retry=RetryPolicy(attempts=1, clock=clock, deadline_seconds=100.0),
    )
    with pytest.raises(RequestTimeout):
        session.get(PATH)
    assert clock.now == 29.0 * 4


def test_nobody_listening_is_said_plainly(session_on, raw_server_class):
    """A closed port of this machine is ConnectionFailed with the likely reason."""
    server = raw_server_class()
    server.stop()
    url = f"http://127.0.0.1:{server.port}"
    session = session_on(flow=AccessToken(access_token="00D!x", instance_url=url), config=OrgConfig(url))
    with pytest.raises(ConnectionFailed, match="local org still running"):
        session.get(PATH)


@pytest.mark.catalogue("P1")
@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX")
def test_ctrl_c_in_the_middle_of_an_answer_leaves_the_session_usable(raw_server, raw_session):
    """An interrupt while waiting for data comes through at once; the next request is answered."""
    raw_server.answer(GOOD[:90], None)
    raw_server.answer(GOOD)
    interrupt = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
    interrupt.start()
    with pytest.raises(KeyboardInterrupt):
        raw_session.get(PATH)
    interrupt.join()
    assert raw_session.get(PATH).content == BODY
    assert len(raw_server.requests) == 2


# --- TLS -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A self-signed certificate for 127.0.0.1, as a PEM file of certificate and key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    file.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return str(file)


@pytest.fixture
def tls_server(raw_server_class, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = raw_server_class(tls=context)
    yield server
    server.stop()


@pytest.mark.catalogue("S13")
def test_a_certificate_named_by_the_user_is_trusted(session_on, tls_server, certificate):
    """With ca_file the certificates in it are the ones that count."""
    url = f"https://127.0.0.1:{tls_server.port}"
    tls_server.answer(GOOD)
    flow = AccessToken(access_token="00D!x", instance_url=url)
    assert session_on(flow=flow, config=OrgConfig(url, ca_file=certificate)).get(PATH).content == BODY


@pytest.mark.catalogue("N5", "S13")
def test_a_certificate_nobody_vouches_for_is_refused_at_once(session_on, tls_server, virtual):
    """Without ca_file a self-signed certificate ends the request, unrepeated and before any request byte."""
    url = f"https://127.0.0.1:{tls_server.port}"
    flow = AccessToken(access_token="00D!x", instance_url=url)
    with pytest.raises(ConnectionFailed, match="not trusted") as failure:
        session_on(flow=flow, config=OrgConfig(url)).get(PATH)
    assert "SF_CA_FILE" in failure.value.hint
    assert tls_server.requests == []
    assert virtual.slept == []


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_certificate_file_that_cannot_be_used_is_named(session_on, tmp_path, content):
    """A missing or foreign ca_file is a ConfigurationError that names the setting."""
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    url = "https://127.0.0.1:9"
    session = session_on(
        flow=AccessToken(access_token="00D!x", instance_url=url), config=OrgConfig(url, ca_file=str(file))
    )
    with pytest.raises(ConfigurationError, match="SF_CA_FILE"):
        session.get(PATH)


# --- proxies ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def proxy_env(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


@pytest.mark.catalogue("N4", "S12")
def test_this_machine_is_never_reached_through_a_proxy(proxy_env, session_on, raw_server_class, raw_server):
    """With a proxy in the environment, loopback traffic goes straight; the proxy's log stays empty."""
    proxy = raw_server_class()
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        proxy_env.setenv(name, f"http://127.0.0.1:{proxy.port}")
    url = f"http://localhost:{raw_server.port}"
    raw_server.answer(GOOD)
    session = session_on(flow=AccessToken(access_token="00D!x", instance_url=url), config=OrgConfig(url))
    assert session.get(PATH).content == BODY
    proxy.stop()
    assert proxy.connections == 0


@pytest.mark.catalogue("N4")
def test_other_hosts_are_reached_through_the_proxy_of_the_environment(proxy_env, session_on, raw_server):
    """A remote org is asked for by CONNECT, which carries its name and no token; a refusal is typed."""
    proxy_env.setenv("https_proxy", f"http://user:canary@127.0.0.1:{raw_server.port}")
    for _ in range(4):
        raw_server.answer(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
    with pytest.raises(ConnectionFailed, match="407") as failure:
        session_on().get(PATH)
    assert "canary" not in str(failure.value)
    assert raw_server.requests[0].startswith(b"CONNECT acme.my.salesforce.com:443 ")
    assert not any(b"00DAA" in request for request in raw_server.requests)


@pytest.mark.parametrize(
    ("settings", "host", "proxy"),
    [
        ({}, "acme.my.salesforce.com", None),
        ({"https_proxy": "http://p:1"}, "acme.my.salesforce.com", "http://p:1"),
        ({"all_proxy": "http://p:1"}, "acme.my.salesforce.com", "http://p:1"),
        ({"https_proxy": "p:1"}, "acme.my.salesforce.com", "http://p:1"),
        ({"https_proxy": "http://p:1", "no_proxy": ".salesforce.com"}, "acme.my.salesforce.com", None),
        ({"https_proxy": "http://p:1"}, "127.0.0.1", None),
        ({"https_proxy": "http://p:1"}, "localhost", None),
        ({"https_proxy": "http://p:1"}, "::1", None),
    ],
)
def test_the_environment_decides_on_proxies(proxy_env, settings, host, proxy):
    """HTTPS_PROXY, ALL_PROXY and NO_PROXY mean what they mean elsewhere, except on this machine."""
    for name, value in settings.items():
        proxy_env.setenv(name, value)
    assert proxy_for("https", host) == proxy


def test_a_proxy_that_cannot_be_used_is_a_configuration_error(proxy_env):
    """A proxy of an unknown kind is refused without showing its address, which may hold a password."""
    proxy_env.setenv("https_proxy", "gopher://user:canary@p:1")
    wire = LiveWire()
    with pytest.raises(ConfigurationError) as refusal:
        wire.handle_request(httpx.Request("GET", "https://acme.my.salesforce.com/services/data"))
    assert "canary" not in str(refusal.value)
    assert refusal.value.__context__ is None
