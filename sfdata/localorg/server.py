"""HTTP on a loopback socket: framing, size limits, compression, who may ask. What is answered is decided elsewhere.

HTTP/1.1 with keep-alive, a thread per connection, each answer in one write. A browser that was led here by another
site is refused by its ``Host`` (DNS rebinding) or ``Origin``.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
import sys
import tempfile
import time
import traceback
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from threading import Thread, current_thread
from typing import IO, Any
from urllib.parse import urlsplit

from sfdata.localorg.answers import ApiError
from sfdata.localorg.routing import PIECE_BYTES, Answer, Early, FileBody, Message, json_answer

MOST_HEAD_BYTES = 16_384
MOST_BODY_BYTES = 150 * 1024 * 1024
COMPRESS_FROM_BYTES = 1024
IDLE_SECONDS = 120.0
PARTING_SECONDS = 5.0
POLL_SECONDS = 0.05
HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9A-Za-z.-]+))(?::[0-9]*)?")
OWN_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
BODILESS = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})
COMMON_HEADERS = {"Cache-Control": "no-cache,must-revalidate,max-age=0,no-store,private", "Vary": "Accept-Encoding"}

Application = Callable[[str, str, Mapping[str, str], Any], Answer]
"""From method, target, headers (lower-case names) and body to the answer. The body is bytes, or an open file."""

TakesFile = Callable[[str, str], bool]
"""Whether requests of this method and target want their body as a file."""

Precedes = Callable[[str, str, int], Early | None]
"""From method, target and length of the body to an answer that does not wait for all of it; None as a rule."""


class BadMessage(Exception):
    """A request that cannot be read; the connection ends with the answer."""

    def __init__(self, status: int, reason: str = "") -> None:
        super().__init__(reason)
        self.status = status


class Server(ThreadingTCPServer):
    """Listens on a loopback address and hands requests to ``application``."""

    allow_reuse_address = os.name == "posix"
    request_queue_size = 128
    application: Application
    takes_file: TakesFile
    precedes: Precedes

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._tls = tls
        self._connections: dict[Thread, socket.socket] = {}
        self._loop: Thread | None = None
        super().__init__((host, port), Connection)

    @property
    def url(self) -> str:
        """The address clients are given, without a trailing slash."""
        host, port = self.socket.getsockname()[:2]
        return f"{'https' if self._tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"

    def start(
        self,
        application: Application,
        takes_file: TakesFile = lambda method, target: False,
        precedes: Precedes = lambda method, target, length: None,
    ) -> None:
        """Begin to answer, in threads of its own."""
        self.application = application
        self.takes_file = takes_file
        self.precedes = precedes
        self._loop = Thread(target=self.serve_forever, args=(POLL_SECONDS,), name="local org", daemon=True)
        self._loop.start()

    def stop(self) -> None:
        """Stop listening, let answers under way go out, end every connection and thread."""
        if self._loop is not None:
            self.shutdown()
            self._loop.join()
        self.server_close()
        deadline = time.monotonic() + PARTING_SECONDS
        for how in (socket.SHUT_RD, socket.SHUT_RDWR):
            for thread, connection in list(self._connections.items()):
                _shut(connection, how)
                thread.join(max(0.1, deadline - time.monotonic()))

    def process_request(self, request: Any, client_address: Any) -> None:
        thread = Thread(target=self.process_request_thread, args=(request, client_address), daemon=True)
        self._connections[thread] = request
        thread.start()

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        connection = request
        try:
            connection.settimeout(IDLE_SECONDS)
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
                self._connections[current_thread()] = connection
                connection.do_handshake()
            self.finish_request(connection, client_address)
        except OSError:
            pass  # the client went away, or its first words were no TLS
        except Exception:  # noqa: BLE001 - a thread's last line of defence: report, and close the connection
            sys.stderr.write(f"local org: a connection failed\n{traceback.format_exc()}")
        finally:
            self.shutdown_request(connection)
            del self._connections[current_thread()]


class Connection(BaseHTTPRequestHandler):
    """One client's connection: reads requests, writes answers."""

    server: Server
    protocol_version = "HTTP/1.1"
    # Two small packets and a delayed acknowledgement would cost 40 ms an answer.
    disable_nagle_algorithm = True

    def answer(self) -> None:
        """Read one request, have it answered, write the answer."""
        try:
            self._check_head()
            refusal = _foreign(self.headers.get("Host"), self.headers.get("Origin"), self.server.url)
            if refusal is not None:
                self.close_connection = True
                self._write(json_answer(refusal.body(), refusal.status))
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            early = self.server.precedes(self.command, self.path, self._announced())
            if early is not None:
                self._answer_early(early)
                return
            with self._body() as body:
                self._write(self.server.application(self.command, self.path, headers, body))
        except BadMessage as problem:
            self.send_error(problem.status, str(problem))

    def _answer_early(self, early: Early) -> None:
        """Read some of the body, answer, and end the connection: the rest of it would be in the way."""
        self.close_connection = True
        left = early.body_bytes
        while left > 0 and (piece := self.rfile.read(min(left, PIECE_BYTES))):
            left -= len(piece)
        self._write(early.answer)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer  # noqa: N815 - the base's names

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What Salesforce's edge says of a message it does not even read: a line of HTML, and good-bye."""
        reason = message or HTTPStatus(code).phrase
        self.close_connection = True
        page = f"<h1>Bad Message {code}</h1><pre>reason: {HTTPStatus(code).phrase}</pre>".encode()
        if not hasattr(self, "headers"):
            self.headers = self.MessageClass()
        self._write(Answer(code, page, "text/html;charset=UTF-8"), reason)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Requests are not logged: their targets and headers hold tokens and data."""

    def _check_head(self) -> None:
        target = len(self.path)
        if target > MOST_HEAD_BYTES:
            raise BadMessage(HTTPStatus.REQUEST_URI_TOO_LONG)
        if target + sum(len(name) + len(value) + 4 for name, value in self.headers.items()) > MOST_HEAD_BYTES:
            raise BadMessage(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    # --- the body ----------------------------------------------------------------------------------------------------

    @contextmanager
    def _body(self) -> Iterator[bytes | IO[bytes]]:
        """The body as bytes, or in a file that lasts as long as the request."""
        encoding = (self.headers.get("Content-Encoding") or "identity").strip().lower()
        pieces = _decoded(self._pieces(), encoding)
        if not self.server.takes_file(self.command, self.path):
            yield b"".join(pieces)
            return
        with tempfile.TemporaryFile() as file:
            file.writelines(pieces)
            file.seek(0)
            yield file

    def _announced(self) -> int:
        """How long the body is to be, as far as the head tells."""
        lengths = set(self.headers.get_all("Content-Length", ()))
        return _length(lengths)

    def _pieces(self) -> Iterator[bytes]:
        coding = self.headers.get("Transfer-Encoding")
        lengths = set(self.headers.get_all("Content-Length", ()))
        if coding is None:
            return self._exactly(_length(lengths))
        if coding.strip().lower() != "chunked" or lengths:
            raise BadMessage(HTTPStatus.BAD_REQUEST)
        return self._chunks()

    def _exactly(self, length: int) -> Iterator[bytes]:
        while length:
            piece = self.rfile.read(min(length, PIECE_BYTES))
            if not piece:
                raise ConnectionError("the client went away in mid-request")
            length -= len(piece)
            yield piece

    def _chunks(self) -> Iterator[bytes]:
        total = 0
        while True:
            line = self.rfile.readline(1024)
            size_text = line.split(b";")[0].strip()
            if not re.fullmatch(rb"[0-9A-Fa-f]{1,8}", size_text):
                raise BadMessage(HTTPStatus.BAD_REQUEST)
            size = int(size_text, 16)
            total += size
            if total > MOST_BODY_BYTES:
                raise BadMessage(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            if size == 0:
                break
            yield from self._exactly(size)
            if self.rfile.readline(3) != b"\r\n":
                raise BadMessage(HTTPStatus.BAD_REQUEST)
        while self.rfile.readline(MOST_HEAD_BYTES) not in (b"\r\n", b"\n", b""):
            pass  # trailers mean nothing here

    # --- the answer --------------------------------------------------------------------------------------------------

    def _write(self, answer: Answer, reason: str | None = None) -> None:
        headers = {"Date": formatdate(usegmt=True), **COMMON_HEADERS, **answer.headers}
        pieces: Iterable[bytes] = ()
        if answer.status not in BODILESS:
            if answer.body or answer.file is not None:
                headers["Content-Type"] = answer.content_type
            pieces = self._sent(answer, headers)
        if self.close_connection:
            headers["Connection"] = "close"
        first_line = f"{self.protocol_version} {answer.status} {HTTPStatus(answer.status).phrase}"
        if self.command == "HEAD":
            pieces = ()
        if answer.delivery is not None:
            self.close_connection = True
            answer.delivery(Message(first_line, headers, b"".join(pieces)), self.connection)
            return
        head = Message(first_line, headers, b"").head
        for piece in pieces:
            self.wfile.write(head + piece)
            head = b""
        if head:
            self.wfile.write(head)

    def _sent(self, answer: Answer, headers: dict[str, str]) -> Iterable[bytes]:
        """The body as it is sent, in pieces; adds the headers that say how."""
        body: bytes | FileBody = answer.body if answer.file is None else answer.file
        packs = len(body) > COMPRESS_FROM_BYTES and _accepts_gzip(self.headers.get("Accept-Encoding"))
        packs &= self.request_version != "HTTP/1.0"
        if packs:
            headers["Content-Encoding"] = "gzip"
            if "ETag" in headers:
                headers["ETag"] = f'{headers["ETag"][:-1]}--gzip"'
        if isinstance(body, FileBody):
            if packs:
                # How long it will be is not known when it begins.
                headers["Transfer-Encoding"] = "chunked"
                return _chunked(_gzip(body.pieces()))
            headers["Content-Length"] = str(len(body))
            return body.pieces()
        body = b"".join(_gzip([body])) if packs else body
        headers["Content-Length"] = str(len(body))
        return [body]


def _foreign(host: str | None, origin: str | None, own_url: str) -> ApiError | None:
    """The refusal of a request that was addressed to another name, or sent by another site's page."""
    form = HOST.fullmatch(host or "")
    if form is None or (form[1] or form[2]).lower() not in OWN_NAMES:
        return ApiError(403, "FORBIDDEN", "This local org answers only to localhost, 127.0.0.1 and [::1].")
    if origin is None:
        return None
    own = urlsplit(own_url)
    if origin not in {f"{own.scheme}://{f'[{n}]' if ':' in n else n}:{own.port}" for n in OWN_NAMES}:
        return ApiError(403, "FORBIDDEN", "This local org does not answer the pages of other sites.")
    return None


def _length(given: set[str]) -> int:
    if not given:
        return 0
    text = given.pop()
    if given or not re.fullmatch(r"\d{1,15}", text):
        raise BadMessage(HTTPStatus.BAD_REQUEST)
    if int(text) > MOST_BODY_BYTES:
        raise BadMessage(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    return int(text)


def _decoded(pieces: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    if encoding == "identity":
        yield from pieces
        return
    if encoding not in ("gzip", "deflate"):
        raise BadMessage(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    unpack = zlib.decompressobj(zlib.MAX_WBITS | 32)
    total = 0
    for piece in pieces:
        packed = piece
        while packed:
            try:
                plain = unpack.decompress(packed, PIECE_BYTES)
            except zlib.error:
                raise BadMessage(HTTPStatus.BAD_REQUEST) from None
            packed = unpack.unconsumed_tail
            total += len(plain)
            if total > MOST_BODY_BYTES:
                raise BadMessage(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            yield plain
    yield unpack.flush()
    if not unpack.eof:
        raise BadMessage(HTTPStatus.BAD_REQUEST)


def _accepts_gzip(accepted: str | None) -> bool:
    for offer in (accepted or "").lower().split(","):
        coding, _, weight = offer.partition(";")
        if coding.strip() in ("gzip", "*"):
            return not re.fullmatch(r"\s*q\s*=\s*0(\.0*)?\s*", weight)
    return False


def _gzip(pieces: Iterable[bytes]) -> Iterator[bytes]:
    pack = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    for piece in pieces:
        yield pack.compress(piece)
    yield pack.flush()


def _chunked(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces framed as chunks; an empty one would end the body."""
    for piece in filter(None, pieces):
        yield b"%X\r\n%b\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


def _shut(connection: socket.socket, how: int) -> None:
    # Past the TLS layer, whose own shutdown would garble an answer under way. It may be gone already.
    with suppress(OSError):
        socket.socket.shutdown(connection, how)
