"""What travels between the layers: a request and an answer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from sfdata.errors import UnreadableAnswer
from sfdata.resilience.retry import Operation

_TARGET = re.compile(r"/services/(?:[A-Za-z0-9_.~:,;=+!$'()*/-]|%[0-9A-Fa-f]{2})*(?:\?[!-\"$-\[\]-~]*)?")
_DISGUISED = re.compile(r"//|(?:^|/)\.\.?(?:/|$)|%2e|%2f|%5c|%0|%1|%7f", re.IGNORECASE)


Watch = Callable[[bytes], None]
"""Sees the decoded bytes of a usable answer while they arrive, from the beginning again with each attempt."""


class Sink(Protocol):
    """Where the body of a usable answer goes instead of into memory, in the coding it was sent in."""

    def restart(self, headers: Mapping[str, str]) -> None:
        """An attempt's answer begins; forget what an earlier attempt brought."""

    def write(self, raw: bytes, /) -> object:
        """Take the next bytes."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request. ``target`` is a path under ``/services/`` with its query string.

    ``origin`` stays empty until the signer fills it in together with the token, so that a token cannot travel to any
    other address than its own.
    """

    method: str
    target: str
    operation: Operation
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)
    origin: str = ""
    watch: Watch | None = field(default=None, repr=False)
    sink: Sink | None = field(default=None, repr=False)
    statuses: frozenset[int] = frozenset()
    """Statuses from 300 on that the caller wants as an answer, not as an error."""

    def __post_init__(self) -> None:
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
