"""What a handler gets and gives: requests, answers, and the table that joins paths to handlers.

The route table is data, so that what the org supports can be listed as well as served.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import unquote

from sfdata.localorg.answers import ApiError, not_found
from sfdata.localorg.json_errors import unreadable

if TYPE_CHECKING:
    from sfdata.localorg.instance import Instance
    from sfdata.localorg.login.sessions import Session
    from sfdata.localorg.schema import SObject

JSON = "application/json;charset=UTF-8"
READABLE_TYPES = frozenset({"", "application/json"})
PIECE_BYTES = 256 * 1024
VERBS = ("HEAD", "GET", "POST", "PUT", "PATCH", "DELETE")
"""The order in which Salesforce names the methods that it allows."""

Within = Callable[[str, str, Mapping[str, str], bytes], "Answer"]


@dataclass(frozen=True)
class Request:
    """A request as a handler sees it. ``headers`` has lower-case keys; ``args`` the decoded parts of the path.

    ``query`` has the last value of each parameter, ``query_string`` all of them as they were sent.

    ``file`` is the body of a route that takes its body as a file; ``body`` is then empty. ``within`` answers a request
    inside this one: method, target, headers and body, for the same session and without an API call of its own.
    """

    method: str
    path: str
    org: Instance
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    args: Mapping[str, str] = field(default_factory=dict)
    session: Session | None = None
    file: IO[bytes] | None = None
    within: Within = lambda method, target, headers, body: Answer(404)
    query_string: str = ""

    @property
    def version(self) -> str:
        """The API version of the path (``66.0``)."""
        return self.args["version"]

    @property
    def base(self) -> str:
        """The path every resource of this version starts with."""
        return f"/services/data/v{self.version}"

    @property
    def user_id(self) -> str:
        """Who asks."""
        return self.session.user_id if self.session else self.org.user_id

    @property
    def sobject(self) -> SObject:
        """The object that the path names; 404 where there is none."""
        found = self.org.schema.object(self.args["name"])
        if found is None:
            raise not_found()
        return found

    @cached_property
    def json(self) -> Any:
        """The body as JSON; one that is malformed or of another media type is refused as Salesforce does."""
        given = self.headers.get("content-type", "")
        if given.partition(";")[0].strip().lower() not in READABLE_TYPES:
            raise ApiError(415, "UNSUPPORTED_MEDIA_TYPE", f"MediaType of '{given}' is not supported by this resource")
        if not self.body:
            raise ApiError(
                400, "JSON_PARSER_ERROR", "The HTTP entity body is required, but this request has no entity body."
            )
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as problem:
            raise ApiError(400, "JSON_PARSER_ERROR", unreadable(problem)) from None


@dataclass(frozen=True, slots=True)
class FileBody:
    """A body too large for memory: ``head``, then the bytes of a file from ``start`` up to ``stop``."""

    head: bytes
    path: Path
    start: int = 0
    stop: int = 0

    def __len__(self) -> int:
        return len(self.head) + self.stop - self.start

    def pieces(self) -> Iterator[bytes]:
        """The body in pieces of a handy size."""
        if self.head:
            yield self.head
        left = self.stop - self.start
        if left <= 0:
            return
        with self.path.open("rb") as file:
            file.seek(self.start)
            while left > 0:
                piece = file.read(min(left, PIECE_BYTES))
                if not piece:
                    raise OSError(f"{self.path.name} ended {left} bytes too early")
                left -= len(piece)
                yield piece


@dataclass(frozen=True, slots=True)
class Message:
    """An answer as it would go out: the first line, all headers, and the body as it is on the wire."""

    first_line: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def head(self) -> bytes:
        lines = [self.first_line, *(f"{name}: {value}" for name, value in self.headers.items())]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


Delivery = Callable[[Message, socket.socket], None]
"""Sends an answer in a way of its own; the connection ends with it."""


@dataclass(frozen=True)
class Answer:
    """An answer before compression: status, body, and headers besides the ones every answer carries.

    A body that is a file is sent in place of ``body``. An answer with a ``delivery`` is sent by that.
    """

    status: int = 200
    body: bytes = b""
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    file: FileBody | None = None
    delivery: Delivery | None = None


@dataclass(frozen=True, slots=True)
class Early:
    """An answer to a request of which only the head and ``body_bytes`` of its body are read."""

    answer: Answer
    body_bytes: int


def json_answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """``value`` as a JSON answer."""
    # A refusal may repeat what it refuses: half a surrogate pair, say, which has no bytes of its own.
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")
    return Answer(status, body, headers=headers or {})


class Refused(Exception):
    """A refusal in another form than Salesforce's list of errors; it brings its own answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"status {answer.status}")
        self.answer = answer


Handler = Callable[[Request], Answer]


@dataclass(frozen=True)
class Route:
    """``pattern`` is a path with ``{names}`` for its variable parts; ``public`` routes need no session.

    A route that ``takes_file`` gets its body as a file, however long it is. API versions before ``since`` do not know
    it.
    """

    method: str
    pattern: str
    handler: Handler
    what: str
    public: bool = False
    takes_file: bool = False
    since: float = 0.0

    @cached_property
    def regex(self) -> re.Pattern[str]:
        return path_regex(self.pattern)

    def found_in(self, path: str) -> Mapping[str, str] | None:
        """The variable parts of a path that this route serves, as they are written; None where it does not."""
        form = self.regex.fullmatch(path)
        if form is None or (self.since and float(form["version"]) < self.since):
            return None
        return form.groupdict()


def path_regex(pattern: str) -> re.Pattern[str]:
    """What fits a path with ``{names}`` for its variable parts, in any case of letters."""
    parts = re.split(r"\{(\w+)\}", pattern)
    source = "".join(f"(?P<{p}>[^/]+)" if n % 2 else re.escape(p) for n, p in enumerate(parts))
    return re.compile(rf"{source}/?", re.IGNORECASE)


def match(routes: Iterable[Route], method: str, raw_path: str) -> tuple[Route, dict[str, str]]:
    """The route for a path and its decoded arguments; 404 for an unknown path, 405 for a wrong method."""
    allowed: list[str] = []
    for route in routes:
        found = route.found_in(raw_path)
        if found is not None and (route.method == method or (route.method, method) == ("GET", "HEAD")):
            return route, {name: unquote(value) for name, value in found.items()}
        if found is not None:
            allowed.append(route.method)
    if allowed:
        verbs = ",".join(verb for verb in VERBS if verb in allowed or (verb == "HEAD" and "GET" in allowed))
        raise ApiError(405, "METHOD_NOT_ALLOWED", f"HTTP Method '{method}' not allowed. Allowed are {verbs}")
    raise not_found()
