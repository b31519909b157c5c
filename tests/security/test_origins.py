"""A token goes to its own org and nowhere else: whatever an answer, a proxy or the environment points to."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import socket
import ssl
import threading

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

import sfdata
from sfdata.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectionFailed,
    IncompleteResult,
    SalesforceError,
    UnreadableAnswer,
)
from sfdata.resilience.retry import Operation
from sfdata.resilience.runtime import Runtime
from sfdata.transport.messages import Request
from sfdata.transport.wire import tls_context

TOKEN = "00DAA000000000A!canary.7f3a9"
NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)
AT_ONCE = Runtime(sleep=lambda seconds: None)
VERSION = {"tls 1.1": ssl.TLSVersion.TLSv1_1, "tls 1.0": ssl.TLSVersion.TLSv1}


class Listener:
    """Takes connections, keeps what they say, answers each request by its path from ``pages``."""

    def __init__(self, tls=None):
        self.heard = b""
        self.connections = 0
        self.pages = {}
        self._tls = tls
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            connection.settimeout(5)
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            request = b""
            while b"\r\n\r\n" not in request:
                if not (chunk := connection.recv(65536)):
                    break
                request += chunk
                self.heard += chunk
            path = request.split(b" ")[1].decode().partition("?")[0] if request else ""
            answer = self.pages.get(path)
            if answer is not None:
                connection.sendall(answer if isinstance(answer, bytes) else framed(answer))
        except OSError:
            pass
        finally:
            connection.close()

    def close(self):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)


def framed(content):
    body = json.dumps(content).encode()
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: "
    return f"{head}{len(body)}\r\n\r\n".encode() + body


@pytest.fixture
def listener():
    """Makes listeners, which are closed after the test."""
    made = []

    def make(tls=None):
        made.append(Listener(tls))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def evil(listener):
    """A host that must hear nothing at all."""
    one = listener()
    yield one
    assert (one.connections, one.heard) == (0, b"")


@pytest.fixture
def org(listener):
    """A listener that stands for the org, and a connection to it."""
    server = listener()
    url = f"http://127.0.0.1:{server.port}"
    server.pages["/services/data/v67.0/sobjects/Account/describe"] = {
        "name": "Account",
        "fields": [{"name": "Id", "type": "id"}],
    }
    with sfdata.connect(access_token=TOKEN, instance_url=url, timeout_seconds=2) as connection:
        connection.server = server
        yield connection


# --- links in answers ------------------------------------------------------------------------------------------------

LINKS = {
    "absolute": "http://127.0.0.1:{port}/services/data/v67.0/query/x-1",
    "absolute by another name": "http://localhost:{port}/services/data/v67.0/query/x-1",
    "without a scheme": "//127.0.0.1:{port}/services/data/v67.0/query/x-1",
    "backslash": "/\\127.0.0.1:{port}/services/x",
    "user information": "@127.0.0.1:{port}/services/x",
    "user information behind a path": "/services@127.0.0.1:{port}/x",
    "a port": ":{port}/services/x",
    "way up": "/services/data/../../x",
    "way up, encoded": "/services/%2e%2e/%2e%2e/x",
    "way up, half encoded": "/services/.%2E/x",
    "slash, encoded": "/services/data%2f..%2fx",
    "line end": "/services/data/v67.0/query/x\r\nHost: 127.0.0.1:{port}\r\n\r\nGET /services/x",
    "line end, encoded": "/services/data/v67.0/query/x%0d%0aHost:%20127.0.0.1:{port}",
    "null": "/services/data/v67.0/query/x\0",
    "not below services": "/secur/frontdoor.jsp?sid=x",
    "fragment": "/services/data/v67.0/query/x#http://127.0.0.1:{port}",
    "twice": "/services//127.0.0.1:{port}/x",
    "full-width": "／／127.0.0.1:{port}/services/x",
}


@pytest.mark.parametrize("link", LINKS.values(), ids=LINKS)
@pytest.mark.parametrize("place", ["query", "job pages", "jobs"])
@pytest.mark.catalogue("S9")
def test_a_link_that_leads_elsewhere_is_not_followed(org, evil, place, link):
    """A next page, a page of a job's results, a page of a list of jobs: refused, and no host hears a byte."""
    link = link.format(port=evil.port)
    pages, data = org.server.pages, "/services/data/v67.0"
    if place == "query":
        pages[f"{data}/query"] = {"totalSize": 2, "done": False, "nextRecordsUrl": link, "records": [{"Id": "1"}]}
        read = lambda: org.query("SELECT Id FROM Account", engine="rest")  # noqa: E731
    elif place == "jobs":
        pages[f"{data}/jobs/query"] = {"done": False, "records": [], "nextRecordsUrl": link}
        read = org.query_jobs
    else:
        job = {"id": "750AA0000000001AAA", "state": "JobComplete", "numberRecordsProcessed": 1}
        pages |= {f"{data}/jobs/query": job, f"{data}/jobs/query/{job['id']}": job}
        pages[f"{data}/jobs/query/{job['id']}/resultPages"] = {"resultPages": [{"resultUrl": link}], "done": True}
        read = lambda: org.query("SELECT Id FROM Account", engine="bulk")  # noqa: E731
    with pytest.raises((UnreadableAnswer, IncompleteResult)) as refusal:
        read()
    assert str(evil.port) not in str(refusal.value)
    assert f"Host: 127.0.0.1:{evil.port}".encode() not in org.server.heard


@given(st.text("/\\.:@%2eE5cC0dDaA#?x \r\n\t&=évil", max_size=30), st.sampled_from(["", "/services/", "/services"]))
@settings(max_examples=200)
@pytest.mark.catalogue("S9")
def test_no_link_makes_an_address_of_another_host(tail, head):
    """Whatever a link is made of: it is refused, or it is a path of this org, as any reader of addresses says."""
    from urllib.parse import unquote, urljoin, urlsplit

    try:
        request = Request("GET", head + tail, Operation.READ, origin="https://acme.my.salesforce.com")
    except UnreadableAnswer:
        return
    address = urljoin(request.origin, request.target)
    assert urlsplit(address).netloc == urlsplit(request.origin + request.target).netloc == "acme.my.salesforce.com"
    assert urlsplit(address).path.startswith("/services/")
    assert ".." not in unquote(request.path).split("/")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.catalogue("S8")
def test_a_redirect_carries_nothing_anywhere(org, evil, status, scheme):
    """Of reads, writes and logins: the other host hears nothing, the error names it and not the whole address."""
    location = f"{scheme}://127.0.0.1:{evil.port}/services/data/v67.0/limits?sid=canary"
    moved = f"HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()
    org.server.pages |= {"/services/data/v67.0/limits": moved, "/services/oauth2/token": moved}
    login = sfdata.ClientCredentials(client_id="a", client_secret="canary", login_url=org.instance_url)
    with sfdata.connect(flow=login) as other:
        for attempt in (lambda: org.limits(), lambda: other.limits()):
            with pytest.raises(SalesforceError) as refusal:
                attempt()
            assert "canary" not in str(refusal.value)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.catalogue("S10", "S11")
def test_a_login_cannot_send_the_token_elsewhere(listener, evil, scheme):
    """An instance address in the login's answer that is no host of the org, or plain http: the token stays here."""
    server = listener()
    url = f"http://127.0.0.1:{server.port}"
    for elsewhere in (f"{scheme}://evil.example:{evil.port}", f"{scheme}://salesforce.com.evil.example"):
        server.pages["/services/oauth2/token"] = {"access_token": TOKEN, "instance_url": elsewhere}
        flow = sfdata.ClientCredentials(client_id="a", client_secret=f"b{elsewhere}", login_url=url)
        with sfdata.connect(flow=flow) as org, pytest.raises((AuthenticationError, ConfigurationError)):
            org.limits()
    assert b"Bearer" not in server.heard


# --- TLS -------------------------------------------------------------------------------------------------------------


def certificate(folder, *, names=("127.0.0.1",), begins=NOW - DAY, ends=NOW + DAY, signed_by=None, authority=True):
    """A certificate and its key as a PEM file; by itself, or by the authority in another such file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"test {len(list(folder.iterdir()))}")])
    issuer, signer = name, key
    if signed_by is not None:
        pem = signed_by.read_bytes()
        issuer = x509.load_pem_x509_certificate(pem).subject
        signer = serialization.load_pem_private_key(pem, None)
    alternatives = [
        x509.DNSName(one) if one.endswith("e") else x509.IPAddress(ipaddress.ip_address(one)) for one in names
    ]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .sign(signer, hashes.SHA256())
    )
    file = folder / f"{len(list(folder.iterdir()))}.pem"
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return file


@pytest.fixture
def serving(listener):
    """A server with that certificate, and a connection that trusts ``ca_file``."""
    opened = []

    def serve(pem, ca_file, **limits):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        for name, value in limits.items():
            setattr(context, name, value)
        server = listener(context)
        server.pages["/services/data/v67.0/limits"] = {"DailyApiRequests": {"Max": 5, "Remaining": 4}}
        url = f"https://127.0.0.1:{server.port}"
        org = sfdata.connect(access_token=TOKEN, instance_url=url, ca_file=ca_file, timeout_seconds=2, runtime=AT_ONCE)
        opened.append(org)
        return server, org

    yield serve
    for org in opened:
        org.close()


BAD = {
    "a wrong name": {"names": ("evil.example",)},
    "a name that only begins alike": {"names": ("127.0.0.1.evil.example",)},
    "expired": {"begins": NOW - 9 * DAY, "ends": NOW - DAY},
    "not valid yet": {"begins": NOW + DAY, "ends": NOW + 9 * DAY},
    "of another authority": {"other": True},
    "self-signed": {"own": True},
}


@pytest.mark.parametrize("how", [None, *BAD])
@pytest.mark.catalogue("N5", "S13")
def test_a_certificate_that_is_not_right_ends_it_before_a_byte_is_sent(tmp_path, serving, how):
    """Of a matrix of certificates only the right one is spoken to; the others hear neither token nor request."""
    authority, other = certificate(tmp_path), certificate(tmp_path)
    wrong = dict(BAD.get(how, {}))
    signer = None if wrong.pop("own", False) else other if wrong.pop("other", False) else authority
    server, org = serving(certificate(tmp_path, signed_by=signer, authority=False, **wrong), authority)
    if how is None:
        assert org.limits().loc["DailyApiRequests", "max"] == 5
        assert TOKEN.encode() in server.heard
        return
    with pytest.raises(ConnectionFailed, match="not trusted") as refusal:
        org.limits()
    assert "SF_CA_FILE" in refusal.value.hint
    assert server.heard == b""


def lax(make):
    """What makes contexts on a system whose policy allows what is broken."""

    def made(**options):
        context = make(**options)
        context.minimum_version = ssl.TLSVersion.TLSv1
        return context

    return made


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("version", VERSION)
@pytest.mark.catalogue("N5", "S13")
def test_nothing_older_than_tls_1_2_is_spoken(monkeypatch, tmp_path, serving, version):
    """A server that offers only what is broken is not spoken to, with whatever roots."""
    for module, name in ((httpx, "create_ssl_context"), (ssl, "create_default_context")):
        monkeypatch.setattr(module, name, lax(getattr(module, name)))
    for ca_file in (None, certificate(tmp_path)):
        assert tls_context(ca_file).minimum_version == ssl.TLSVersion.TLSv1_2
        assert tls_context(ca_file).check_hostname
        assert tls_context(ca_file).verify_mode == ssl.CERT_REQUIRED
    pem = certificate(tmp_path)
    server, org = serving(pem, pem, maximum_version=VERSION[version], minimum_version=VERSION[version])
    with pytest.raises(ConnectionFailed):
        org.limits()
    assert server.heard == b""


@pytest.mark.catalogue("N5", "S13")
def test_there_is_no_switch_that_trusts_everything():
    """No setting, argument or option of the public interface turns verification off."""
    import inspect

    from sfdata.config import SETTINGS
    from sfdata.notebook.options import ARGUMENTS

    names = {
        *SETTINGS,
        *inspect.signature(sfdata.connect).parameters,
        *(flag for flags, _ in ARGUMENTS for flag in flags),
    }
    assert [name for name in names if "verify" in name or "insecure" in name or "trust" in name] == []


# --- proxies ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"])
@pytest.mark.catalogue("N4", "S12")
def test_an_org_on_this_machine_is_never_reached_through_a_proxy(org, evil, monkeypatch, name):
    """Whatever the environment says, login, reads and writes of the local org leave the proxy's log empty."""
    monkeypatch.setenv(name, f"http://127.0.0.1:{evil.port}")
    monkeypatch.setenv(name.lower(), f"http://127.0.0.1:{evil.port}")
    org.server.pages["/services/data/v67.0/limits"] = {"DailyApiRequests": {"Max": 5, "Remaining": 4}}
    assert org.limits().loc["DailyApiRequests", "max"] == 5


@pytest.mark.catalogue("S12")
def test_a_netrc_is_not_read(org, monkeypatch, tmp_path):
    """What a netrc file says of the host is not sent."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login canaryuser password canaryword\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    org.server.pages["/services/data/v67.0/limits"] = {"DailyApiRequests": {"Max": 5, "Remaining": 4}}
    org.limits()
    assert b"Basic" not in org.server.heard
    assert f"Bearer {TOKEN}".encode() in org.server.heard
