"""HTTP on the socket: what is read, what is refused unread, how answers go out."""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

from sfdata.localorg.certificate import server_context
from sfdata.localorg.routing import Answer, json_answer
from sfdata.localorg.server import Server

LONG = b"0123456789abcdef" * 200
ETAG = '"abc"'


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes


def echo(method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
    if target == "/long":
        return Answer(body=LONG, headers={"ETag": ETAG})
    if target == "/nothing":
        return Answer(204, b"ignored")
    if target == "/same":
        return Answer(304, headers={"ETag": ETAG})
    if target == "/slow":
        time.sleep(0.3)
    return json_answer({"method": method, "target": target, "body": body.decode("latin-1"), "size": len(body)})


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    running = Server("127.0.0.1", 0)
    running.start(echo)
    yield running
    running.stop()


def connect(server: Server) -> socket.socket:
    return socket.create_connection(server.socket.getsockname()[:2], timeout=10)


def read_reply(connection: socket.socket, *, bodiless: bool = False) -> Reply:
    """One answer, read by the rules of HTTP and nothing of ours."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        if not byte:
            raise ConnectionError(f"closed after {head!r}")
        head += byte
    first, *lines = head.decode("latin-1").split("\r\n")[:-2]
    headers = dict(line.split(": ", 1) for line in lines)
    wanted = 0 if bodiless else int(headers.get("Content-Length", "0"))
    body = b""
    while len(body) < wanted:
        body += connection.recv(wanted - len(body))
    return Reply(int(first.split()[1]), headers, body)


def exchange(server: Server, request: bytes, *, bodiless: bool = False) -> Reply:
    with connect(server) as connection:
        connection.sendall(request)
        return read_reply(connection, bodiless=bodiless)


def get(target: str, *headers: str, method: str = "GET", host: str = "127.0.0.1") -> bytes:
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def post(body: bytes, *headers: str) -> bytes:
    return get("/echo", *headers, method="POST") + body


def is_closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_one_connection_serves_many_requests(server: Server) -> None:
    """Keep-alive: requests sent back to back on one connection are answered in their order."""
    with connect(server) as connection:
        connection.sendall(get("/a") + get("/b") + get("/c"))
        targets = [json.loads(read_reply(connection).body)["target"] for _ in range(3)]
    assert targets == ["/a", "/b", "/c"]


def test_a_small_exchange_takes_no_nagle_pause(server: Server) -> None:
    """A small POST on a kept connection answers far below the 40 ms that a delayed acknowledgement would cost."""
    seconds = []
    with connect(server) as connection:
        for _ in range(30):
            started = time.perf_counter()
            connection.sendall(post(b"{}", "Content-Length: 2"))
            read_reply(connection)
            seconds.append(time.perf_counter() - started)
    assert sorted(seconds)[15] < 0.02


def test_head_has_the_length_of_get_and_no_body(server: Server) -> None:
    """HEAD announces what GET would send and sends none of it."""
    expected = exchange(server, get("/long")).headers["Content-Length"]
    with connect(server) as connection:
        connection.sendall(get("/long", method="HEAD") + get("/after"))
        assert read_reply(connection, bodiless=True).headers["Content-Length"] == expected == str(len(LONG))
        assert json.loads(read_reply(connection).body)["target"] == "/after"


@pytest.mark.parametrize(("target", "status"), [("/nothing", 204), ("/same", 304)])
def test_answers_without_content_carry_none(server: Server, target: str, status: int) -> None:
    """204 and 304 have neither body nor content headers, and the connection stays usable."""
    with connect(server) as connection:
        connection.sendall(get(target) + get("/after"))
        reply = read_reply(connection, bodiless=True)
        assert reply.status == status
        assert not {"Content-Length", "Content-Type", "Content-Encoding"} & set(reply.headers)
        assert read_reply(connection).status == 200


@pytest.mark.parametrize("accepted", ["gzip", "deflate, gzip;q=0.5", "*", "GZIP"])
def test_a_long_answer_is_compressed_for_who_accepts_it(server: Server, accepted: str) -> None:
    """gzip when accepted, with the ETag of the gzip variant."""
    reply = exchange(server, get("/long", f"Accept-Encoding: {accepted}"))
    assert reply.headers["Content-Encoding"] == "gzip"
    assert reply.headers["ETag"] == '"abc--gzip"'
    assert len(reply.body) < len(LONG)
    assert gzip.decompress(reply.body) == LONG


@pytest.mark.parametrize("accepted", ["deflate", "gzip;q=0, deflate;q=1", "*, gzip;q=0"])
def test_deflate_is_what_else_may_be_accepted(server: Server, accepted: str) -> None:
    """Who takes deflate but no gzip gets deflate, in zlib's frame, with an ETag of its own."""
    reply = exchange(server, get("/long", f"Accept-Encoding: {accepted}"))
    assert (reply.headers["Content-Encoding"], reply.headers["ETag"]) == ("deflate", '"abc--deflate"')
    assert zlib.decompress(reply.body) == LONG


@pytest.mark.parametrize("accepted", ["", "gzip;q=0", "gzip; q=0.000", "br, identity", "*;q=0"])
def test_nobody_gets_gzip_unasked(server: Server, accepted: str) -> None:
    """No gzip where it was not accepted or was refused by weight."""
    reply = exchange(server, get("/long", f"Accept-Encoding: {accepted}"))
    assert "Content-Encoding" not in reply.headers
    assert reply.body == LONG
    assert reply.headers["ETag"] == ETAG


def test_a_short_answer_is_not_compressed(server: Server) -> None:
    """Below a kilobyte compression is not worth it."""
    assert "Content-Encoding" not in exchange(server, get("/a", "Accept-Encoding: gzip")).headers


def test_every_answer_says_how_to_cache_and_when(server: Server) -> None:
    """Cache-Control, Vary, Date and Content-Type as Salesforce sends them."""
    headers = exchange(server, get("/a")).headers
    assert headers["Cache-Control"] == "no-cache,must-revalidate,max-age=0,no-store,private"
    assert headers["Vary"] == "Accept-Encoding"
    assert headers["Content-Type"] == "application/json;charset=UTF-8"
    assert headers["Date"].endswith(" GMT")
    assert not [name for name in headers if name.lower().startswith("access-control-")]


def test_a_chunked_body_arrives_whole(server: Server) -> None:
    """Chunks, their extensions and trailers are taken apart; the next request is found behind them."""
    body = b"3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nTrailer: 1\r\n\r\n"
    with connect(server) as connection:
        connection.sendall(post(body, "Transfer-Encoding: chunked") + get("/after"))
        assert json.loads(read_reply(connection).body)["body"] == "abc0123456789"
        assert json.loads(read_reply(connection).body)["target"] == "/after"


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(LONG, mtime=0)),
        ("gzip", gzip.compress(LONG[:7], mtime=0) + gzip.compress(LONG[7:], mtime=0)),
        ("deflate", zlib.compress(LONG)),
        ("identity", LONG),
    ],
    ids=["gzip", "members", "deflate", "identity"],
)
def test_a_compressed_body_is_unpacked(server: Server, coding: str, body: bytes) -> None:
    """Content-Encoding of a request is undone before anyone sees the body."""
    reply = exchange(server, post(body, f"Content-Encoding: {coding}", f"Content-Length: {len(body)}"))
    assert json.loads(reply.body)["body"] == LONG.decode()


def test_expect_continue_is_answered_before_the_body(server: Server) -> None:
    """A client that asks first is told to go on, without waiting for its body."""
    with connect(server) as connection:
        connection.sendall(get("/echo", "Expect: 100-continue", "Content-Length: 3", method="POST"))
        assert read_reply(connection, bodiless=True).status == 100
        connection.sendall(b"abc")
        assert json.loads(read_reply(connection).body)["size"] == 3


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (get("/" + "a" * 16_384), 414),
        (get("/" + "a" * 70_000), 414),
        (get("/a", *(f"X-{n}: {'b' * 1000}" for n in range(17))), 431),
        (get("/a", f"X-Big: {'b' * 70_000}"), 431),
        (post(b"", "Content-Length: -1"), 400),
        (post(b"", "Content-Length: 1", "Content-Length: 2"), 400),
        (post(b"", f"Content-Length: {10**12}"), 413),
        (post(b"zz\r\n", "Transfer-Encoding: chunked"), 400),
        (post(b"3\r\nabcd\r\n", "Transfer-Encoding: chunked"), 400),
        (post(b"FFFFFFFF\r\n", "Transfer-Encoding: chunked"), 413),
        (post(b"0\r\n\r\n", "Transfer-Encoding: chunked", "Content-Length: 1"), 400),
        (post(b"abc", "Content-Encoding: gzip", "Content-Length: 3"), 400),
        (
            post(gzip.compress(LONG)[:-9], "Content-Encoding: gzip", f"Content-Length: {len(gzip.compress(LONG)) - 9}"),
            400,
        ),
        (post(gzip.compress(b"a") + b"junk", "Content-Encoding: gzip", "Content-Length: 25"), 400),
        (post(b"abc", "Content-Length : 3"), 400),
        (post(b"abc", "Content-Length: 3", "Content-Length: 3,3"), 400),
        (post(b"0\r\n\r\n", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), 400),
        (post(b"0\r\n\r\n", "Transfer-Encoding: gzip, chunked"), 400),
        (post(b"1\na\n0\n\n", "Transfer-Encoding: chunked"), 400),
        (post(b"0\r\n" + b"X: y\r\n" * 10_000, "Transfer-Encoding: chunked"), 431),
        (get("/a", "X: a", " b"), 400),
        (get("/a", "X: a\rY: b"), 400),
        (get("/a", "X: a\0b"), 400),
        (get("/a", ": b"), 400),
        (get("/a", "no colon"), 400),
        (get("/a", "Host: 127.0.0.1"), 400),
        (get("/a b"), 400),
        (b"GET /a\r\n", 400),
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\n\r\n", 505),
        (get("/a", method="BREW"), 501),
    ],
)
def test_unreadable_messages_end_the_connection(server: Server, request_bytes: bytes, status: int) -> None:
    """What cannot be read gets a line of HTML with its status, and the connection ends."""
    with connect(server) as connection:
        connection.sendall(request_bytes)
        reply = read_reply(connection)
        assert (reply.status, reply.headers["Connection"]) == (status, "close")
        assert reply.body.startswith(f"<h1>Bad Message {status}</h1>".encode())
        assert is_closed(connection)


def test_an_unknown_coding_is_refused_by_its_name(server: Server) -> None:
    """A body in a coding that is not served gets 415 in Salesforce's form, and the connection ends."""
    with connect(server) as connection:
        connection.sendall(post(b"abc", "Content-Encoding: br", "Content-Length: 3"))
        reply = read_reply(connection)
        assert (reply.status, json.loads(reply.body)[0]["errorCode"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
        assert is_closed(connection)


def test_who_asks_first_is_told_of_a_refusal_first(server: Server) -> None:
    """A client that waits for leave to send is not told to go on with a body that would be refused."""
    with connect(server) as connection:
        connection.sendall(get("/echo", "Expect: 100-continue", f"Content-Length: {10**12}", method="POST"))
        assert read_reply(connection).status == 413


def test_a_refusal_reaches_a_client_that_is_still_sending(server: Server) -> None:
    """The answer to a body that is too long can be read after all of it was sent."""
    with connect(server) as connection:
        connection.sendall(get("/echo", f"Content-Length: {10**12}", method="POST"))
        for _ in range(40):
            connection.sendall(bytes(100_000))
        assert read_reply(connection).status == 413


def test_an_empty_line_before_a_request_means_nothing(server: Server) -> None:
    """Some clients end a body with a line break more than they announced."""
    with connect(server) as connection:
        connection.sendall(post(b"abc", "Content-Length: 3") + b"\r\n" + get("/after"))
        assert json.loads(read_reply(connection).body)["body"] == "abc"
        assert json.loads(read_reply(connection).body)["target"] == "/after"


def test_http_1_0_keeps_a_connection_only_if_asked(server: Server) -> None:
    """An older client gets its answer and the end of the connection, unless it says keep-alive."""
    with connect(server) as connection:
        connection.sendall(b"GET /a HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n")
        assert read_reply(connection).status == 200
        connection.sendall(b"GET /long HTTP/1.0\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n")
        assert read_reply(connection).body == LONG
        assert is_closed(connection)


def test_many_half_requests_hold_nobody_up(server: Server) -> None:
    """While a hundred clients have not finished their heads, the next one is answered."""
    half = [connect(server) for _ in range(100)]
    for connection in half:
        connection.sendall(b"GET /a HTTP/1.1\r\nHost: lo")
    assert exchange(server, get("/a")).status == 200
    for connection in half:
        connection.close()


def test_a_uri_just_within_the_limit_is_served(server: Server) -> None:
    """16,384 bytes of URI and headers together are accepted; one more is not."""
    headers = "Host127.0.0.1"  # names and values; each header costs four bytes more
    target = "/" + "a" * (16_384 - len(headers) - 4 - 1)
    assert exchange(server, get(target)).status == 200
    assert exchange(server, get(target + "a")).status == 431


@pytest.mark.catalogue("S30")
def test_a_decompression_bomb_is_refused(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A compressed body is unpacked up to the limit of a plain one, not further."""
    monkeypatch.setattr("sfdata.localorg.server.MOST_BODY_BYTES", 10_000)
    body = gzip.compress(bytes(1_000_000))
    assert exchange(server, post(body, "Content-Encoding: gzip", f"Content-Length: {len(body)}")).status == 413


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST:80", "localhost:9", "[::1]", "[::1]:443"])
def test_loopback_names_are_served(server: Server, host: str) -> None:
    """Any name of this machine's loopback, with or without a port."""
    assert exchange(server, get("/a", host=host)).status == 200


@pytest.mark.catalogue("S31")
@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "login.salesforce.com",
        "",
        "[",
        "[::1",
        "::1",
        "localhost:x",
        "127.0.0.1@evil",
        "a b",
    ],
)
def test_a_foreign_host_is_refused(server: Server, host: str) -> None:
    """DNS rebinding leads a browser here under another name, and that name is not served."""
    reply = exchange(server, get("/a", host=host))
    assert reply.status == 403
    assert json.loads(reply.body)[0]["errorCode"] == "FORBIDDEN"


@pytest.mark.parametrize(("target", "status"), [("http://localhost/a", 200), ("HTTP://evil.example/a", 403)])
def test_an_absolute_target_says_whom_it_is_for(server: Server, target: str, status: int) -> None:
    """A target with a host of its own counts, whatever Host says."""
    assert exchange(server, get(target)).status == status


def test_a_request_without_host_is_refused(server: Server) -> None:
    """HTTP/1.1 requires a Host, and so does the check on it."""
    assert exchange(server, b"GET /a HTTP/1.1\r\n\r\n").status == 403


@pytest.mark.catalogue("S31")
@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost", "http://localhost:1", "file://"]
)
def test_a_foreign_origin_is_refused(server: Server, origin: str) -> None:
    """Pages of other sites, other ports of this machine among them, get no answer."""
    assert exchange(server, get("/a", f"Origin: {origin}")).status == 403


def test_the_own_origin_is_served(server: Server) -> None:
    """A page that came from this very server may ask it."""
    port = server.socket.getsockname()[1]
    for name in ("127.0.0.1", "localhost", "[::1]"):
        assert exchange(server, get("/a", f"Origin: http://{name}:{port}")).status == 200


def test_stop_lets_an_answer_under_way_go_out() -> None:
    """Stopping ends idle connections at once and busy ones after their answer."""
    entered = threading.Event()

    def slow(*request: object) -> Answer:
        entered.set()
        time.sleep(0.3)
        return json_answer("done")

    threads = set(threading.enumerate())
    server = Server("127.0.0.1", 0)
    server.start(slow)
    with connect(server) as busy, connect(server) as idle:
        busy.sendall(get("/"))
        assert entered.wait(10)
        server.stop()
        assert read_reply(busy).status == 200
        assert is_closed(busy)
        assert is_closed(idle)
    assert set(threading.enumerate()) <= threads


def test_a_vanished_client_leaves_no_trace(server: Server, capfd: pytest.CaptureFixture[str]) -> None:
    """A client that goes away in mid-request costs nothing and prints nothing."""
    with connect(server) as connection:
        connection.sendall(post(b"abc", "Content-Length: 1000"))
    with connect(server) as connection:
        connection.sendall(get("/slow"))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    time.sleep(0.4)
    assert exchange(server, get("/a")).status == 200
    assert capfd.readouterr() == ("", "")


def test_tls_passes_strict_verification(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The certificate satisfies OpenSSL's strict checks for each loopback name, and only with the own authority."""
    context, ca_file = server_context(tmp_path_factory.mktemp("tls"))
    server = Server("127.0.0.1", 0, context)
    server.start(echo)
    try:
        trusting = ssl.create_default_context(cafile=str(ca_file))
        trusting.verify_flags |= ssl.VERIFY_X509_STRICT
        for name in ("localhost", "127.0.0.1", "::1"):
            with trusting.wrap_socket(connect(server), server_hostname=name) as connection:
                connection.sendall(get("/long"))
                assert read_reply(connection).body == LONG
        with pytest.raises(ssl.SSLCertVerificationError), connect(server) as plain:
            trusting.wrap_socket(plain, server_hostname="evil.example")
        with pytest.raises(ssl.SSLCertVerificationError), connect(server) as plain:
            ssl.create_default_context().wrap_socket(plain, server_hostname="localhost")
    finally:
        server.stop()


def test_plain_http_to_a_tls_port_is_dropped(
    tmp_path_factory: pytest.TempPathFactory, capfd: pytest.CaptureFixture[str]
) -> None:
    """First words that are no TLS end the connection without noise."""
    context, _ = server_context(tmp_path_factory.mktemp("tls"))
    server = Server("127.0.0.1", 0, context)
    server.start(echo)
    try:
        with connect(server) as connection:
            connection.sendall(get("/a"))
            assert is_closed(connection)
    finally:
        server.stop()
    assert capfd.readouterr().err == ""


def test_it_stops_though_a_client_never_speaks(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A connection that never begins its TLS handshake does not hold up the stop, nor outlive it."""
    context, _ = server_context(tmp_path_factory.mktemp("tls"))
    server = Server("127.0.0.1", 0, context)
    threads = set(threading.enumerate())
    server.start(echo)
    with connect(server) as silent:
        time.sleep(0.2)
        started = time.perf_counter()
        server.stop()
        assert time.perf_counter() - started < 2
        silent.recv(100)  # at most an alert, and then
        assert is_closed(silent)
    assert set(threading.enumerate()) <= threads


def test_key_files_are_private(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whatever the umask, only this user reads what the certificate module writes."""
    directory = tmp_path_factory.mktemp("tls")
    server_context(directory)
    assert {path.stat().st_mode & 0o777 for path in directory.iterdir()} == {0o600}
    assert len(list(directory.iterdir())) == 3
