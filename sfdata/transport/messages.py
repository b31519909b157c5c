"""What travels between the layers: a request and an answer."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from sfdata.errors import UnreadableAnswer
from sfdata.resilience.retry import Operation
from sfdata.secret import Secret

_TARGET = re.compile(r"/services/(?:[A-Za-z0-9_.~:,;=+!$'()*/-]|%[0-9A-Fa-f]{2})*(?:\?[!-\"$-\[\]-~]*)?")
_DISGUISED = re.compile(r"//|(?:^|/)\.\.?(?:/|$)|%2e|%2f|%5c|%0|%1|%7f", re.IGNORECASE)
_NAME = re.compile(r"[\w.:/+=-]{1,80}", re.ASCII)

ORG_REQUEST_ID = ("x-sfdc-request-id", "x-request-id")
"""Headers of an answer that name it in the org's own logs."""

Watch = Callable[[bytes], None]
"""Sees the decoded bytes of a usable answer while they arrive, from the beginning again with each attempt."""


class Sink(Protocol):
    """Where the body of a usable answer goes instead of into memory, in the coding it was sent in."""

    def restart(self, headers: Mapping[str, str]) -> None:
        """An attempt's answer begins; forget what an earlier attempt brought."""

    def write(self, raw: bytes, /) -> object:
        """Take the next bytes."""


@dataclass(slots=True)
class Call:
    """A request with all its attempts, and what they came to; ``sent`` and ``received`` are bytes of bodies."""

    id: str
    attempts: int = 0
    sent: int = 0
    received: int = 0
    status: int | None = None
    org_request_id: str | None = None
    quota_exhausted: bool = False

    def attempt(self, body: bytes | None) -> None:
        """One more goes out."""
        self.attempts += 1
        self.sent += len(body or b"")

    def answered(self, status: int, headers: Mapping[str, str]) -> None:
        """It got an answer."""
        self.status = status
        told = (headers.get(name, "") for name in ORG_REQUEST_ID)
        self.org_request_id = next((one for one in told if _NAME.fullmatch(one)), None)


@dataclass(frozen=True, slots=True)
class Request:
    """One request. ``target`` is a path under ``/services/`` with its query string.

    ``origin`` stays empty until the signer fills it in together with the token, so that a token cannot travel to any
    other address than its own.
    """

    method: str
    target: str
    operation: Operation
    headers: Mapping[str, str | Secret] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    origin: str = ""
    watch: Watch | None = field(default=None, repr=False)
    sink: Sink | None = field(default=None, repr=False)
    statuses: frozenset[int] = frozenset()
    """Statuses from 300 on that the caller wants as an answer, not as an error."""
    seconds: float = math.inf
    """How long this attempt may take."""
    call: Call = field(default_factory=lambda: Call(""), repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.body, bytes | None):
            raise TypeError("the body of a request is bytes, since it may have to be sent once more")
        if not _TARGET.fullmatch(self.target) or _DISGUISED.search(self.path):
            raise UnreadableAnswer("an address was not followed: it is no path under /services/ of this org")

    @property
    def path(self) -> str:
        """The target without its query string: what may stand in a message."""
        return self.target.partition("?")[0]

    def __str__(self) -> str:
        return f"{self.method} {self.origin}{self.path}"


@dataclass(frozen=True, slots=True)
class Response:
    """One answer, whole and decompressed; ``headers`` has lower-case keys. A body that went to a sink is not in it.

    ``in_doubt``: an attempt before it got no usable answer, and may have done what was asked.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)
    in_doubt: bool = False

    @property
    def media_type(self) -> str:
        """``application/json``, without parameters; empty when not told."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def json(self) -> Any:
        """The body as plain values.

        Raises:
            UnreadableAnswer: it is not JSON.
        """
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            fault = UnreadableAnswer(f"the answer (status {self.status}) is not JSON", status=self.status)
        raise fault
