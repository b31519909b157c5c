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
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from email.utils import formatdate
from http import HTTPStatus
from io import BufferedIOBase
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread, current_thread
from typing import IO, Any
from urllib.parse import urlsplit

from sfdata.localorg.answers import ApiError
from sfdata.localorg.content_coding import TooLong, Unreadable, accepted, packed, unpacked
from sfdata.localorg.head import MOST_HEAD_BYTES, BadMessage, Head, read_head
from sfdata.localorg.routing import PIECE_BYTES, Answer, Early, FileBody, Message, json_answer

MOST_BODY_BYTES = 150 * 1024 * 1024
MOST_CHUNK_HEAD_BYTES = 1024
COMPRESS_FROM_BYTES = 1024
IDLE_SECONDS = 120.0
PARTING_SECONDS = 5.0
POLL_SECONDS = 0.05
CHUNK_HEAD = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r\n")
ABSOLUTE = re.compile(r"https?://([^/?]*)", re.IGNORECASE)
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


class Connection(StreamRequestHandler):
    """One client's connection: reads requests, writes answers."""

    server: Server
    # Two small packets and a delayed acknowledgement would cost 40 ms an answer.
    disable_nagle_algorithm = True
    _refused = False

    def handle(self) -> None:
        """Answer requests until one side has enough."""
        while self._answer_one():
            pass
        if self._refused:
            self._hear_out()

    def _hear_out(self) -> None:
        """Wait a moment for a client that is still sending: a connection closed on it would take its answer along."""
        deadline = time.monotonic() + PARTING_SECONDS
        _shut(self.connection, socket.SHUT_WR)
        self.connection.settimeout(PARTING_SECONDS)
        while self.rfile.read1(PIECE_BYTES) and time.monotonic() < deadline:
            pass

    def _answer_one(self) -> bool:
        """Read one request, have it answered, write the answer; false where it is to be the last."""
        reply = Reply(self.connection, self.wfile)
        try:
            head = read_head(self.rfile)
            if head is None:
                return False
            reply = Reply(self.connection, self.wfile, head)
            self._answer(head, reply)
        except BadMessage as problem:
            self._refused = True
            reply.write_bad_message(problem.status)
        except ApiError as refusal:
            self._refused = True
            reply.write_last(json_answer(refusal.body(), refusal.status))
        return reply.keeps_alive

    def _answer(self, head: Head, reply: Reply) -> None:
        _refuse_foreign(head, self.server.url)
        length = head.length(MOST_BODY_BYTES)
        early = self.server.precedes(head.method, head.target, length)
        if early is not None:
            self._read_some(early.body_bytes)
            # The rest of the body would be in the way of a next request.
            reply.write_last(early.answer)
            return
        with self._body(head) as body:
            reply.write(self.server.application(head.method, head.target, head.headers, body))

    def _read_some(self, length: int) -> None:
        left = length
        while left > 0 and (piece := self.rfile.read(min(left, PIECE_BYTES))):
            left -= len(piece)

    @contextmanager
    def _body(self, head: Head) -> Iterator[bytes | IO[bytes]]:
        """The body as bytes, or in a file that lasts as long as the request."""
        coding = head.headers.get("content-encoding", "identity").lower()
        pieces = unpacked(self._pieces(head), coding, MOST_BODY_BYTES)
        if head.mentions("expect", "100-continue") and head.minor_version:
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        with ExitStack() as opened:
            try:
                body: bytes | IO[bytes]
                if self.server.takes_file(head.method, head.target):
                    body = opened.enter_context(tempfile.TemporaryFile())
                    body.writelines(pieces)
                    body.seek(0)
                else:
                    body = b"".join(pieces)
            except Unreadable:
                raise BadMessage(HTTPStatus.BAD_REQUEST) from None
            except TooLong:
                raise BadMessage(HTTPStatus.REQUEST_ENTITY_TOO_LARGE) from None
            yield body

    def _pieces(self, head: Head) -> Iterator[bytes]:
        return self._chunks() if head.is_chunked else self._exactly(head.length(MOST_BODY_BYTES))

    def _exactly(self, length: int) -> Iterator[bytes]:
        while length:
            piece = self.rfile.read(min(length, PIECE_BYTES))
            if not piece:
                raise ConnectionError("the client went away in mid-request")
            length -= len(piece)
            yield piece

    def _chunks(self) -> Iterator[bytes]:
        total = 0
        while (size := self._chunk_size()) > 0:
            total += size
            if total > MOST_BODY_BYTES:
                raise BadMessage(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            yield from self._exactly(size)
            if self.rfile.readline(3) != b"\r\n":
                raise BadMessage(HTTPStatus.BAD_REQUEST)
        self._skip_trailers()

    def _chunk_size(self) -> int:
        form = CHUNK_HEAD.fullmatch(self.rfile.readline(MOST_CHUNK_HEAD_BYTES))
        if form is None:
            raise BadMessage(HTTPStatus.BAD_REQUEST)
        return int(form[1], 16)

    def _skip_trailers(self) -> None:
        """Read what follows the last chunk; it means nothing here."""
        left = MOST_HEAD_BYTES
        while (line := self.rfile.readline(left + 1)) not in (b"\r\n", b"\n", b""):
            left -= len(line)
            if left < 0:
                raise BadMessage(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)


class Reply:
    """The way back to one request's sender; ``head`` is missing where the request could not be read."""

    def __init__(self, connection: socket.socket, file: BufferedIOBase, head: Head | None = None) -> None:
        self._connection = connection
        self._file = file
        self._head = head
        self.keeps_alive = head is not None and head.keeps_alive

    def write_bad_message(self, status: int) -> None:
        """What Salesforce's edge says of a message it does not even read: a line of HTML, and good-bye."""
        page = f"<h1>Bad Message {status}</h1><pre>reason: {HTTPStatus(status).phrase}</pre>".encode()
        self.write_last(Answer(status, page, "text/html;charset=UTF-8"))

    def write_last(self, answer: Answer) -> None:
        """Write an answer and let the connection end with it."""
        self.keeps_alive = False
        self.write(answer)

    def write(self, answer: Answer) -> None:
        """Write an answer, packed if its receiver likes it."""
        headers = {"Date": formatdate(usegmt=True), **COMMON_HEADERS, **answer.headers}
        pieces: Iterable[bytes] = ()
        if answer.status not in BODILESS:
            if answer.body or answer.file is not None:
                headers["Content-Type"] = answer.content_type
            pieces = self._sent(answer, headers)
        if not self.keeps_alive:
            headers["Connection"] = "close"
        first_line = f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"
        if self._head is not None and self._head.method == "HEAD":
            pieces = ()
        if answer.delivery is not None:
            self.keeps_alive = False
            answer.delivery(Message(first_line, headers, b"".join(pieces)), self._connection)
            return
        head = Message(first_line, headers, b"").head
        for piece in pieces:
            self._file.write(head + piece)
            head = b""
        if head:
            self._file.write(head)

    def _sent(self, answer: Answer, headers: dict[str, str]) -> Iterable[bytes]:
        """The body as it is sent, in pieces; adds the headers that say how."""
        body: bytes | FileBody = answer.body if answer.file is None else answer.file
        coding = self._coding() if len(body) > COMPRESS_FROM_BYTES else None
        if coding is not None:
            headers["Content-Encoding"] = coding
            if "ETag" in headers:
                headers["ETag"] = f'{headers["ETag"][:-1]}--{coding}"'
        if isinstance(body, FileBody):
            if coding is not None:
                # How long it will be is not known when it begins.
                headers["Transfer-Encoding"] = "chunked"
                return _chunked(packed(body.pieces(), coding))
            headers["Content-Length"] = str(len(body))
            return body.pieces()
        if coding is not None:
            body = b"".join(packed([body], coding))
        headers["Content-Length"] = str(len(body))
        return [body]

    def _coding(self) -> str | None:
        if self._head is None or not self._head.minor_version:
            return None
        return accepted(self._head.headers.get("accept-encoding", ""))


def _refuse_foreign(head: Head, own_url: str) -> None:
    """Refuse a request that was addressed to another name, or sent by another site's page.

    Raises:
        ApiError: 403.
    """
    origin = head.headers.get("origin")
    absolute = ABSOLUTE.match(head.target)
    host = HOST.fullmatch(absolute[1] if absolute else head.headers.get("host", ""))
    if host is None or (host[1] or host[2]).lower() not in OWN_NAMES:
        raise ApiError(403, "FORBIDDEN", "This local org answers only to localhost, 127.0.0.1 and [::1].")
    if origin is None:
        return
    own = urlsplit(own_url)
    if origin not in {f"{own.scheme}://{f'[{n}]' if ':' in n else n}:{own.port}" for n in OWN_NAMES}:
        raise ApiError(403, "FORBIDDEN", "This local org does not answer the pages of other sites.")


def _chunked(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The pieces framed as chunks; an empty one would end the body."""
    for piece in filter(None, pieces):
        yield b"%X\r\n%b\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


def _shut(connection: socket.socket, how: int) -> None:
    # Past the TLS layer, whose own shutdown would garble an answer under way. It may be gone already.
    with suppress(OSError):
        socket.socket.shutdown(connection, how)
