"""The latest requests, for people to look at: method, path, status and time, and nothing that could be a secret."""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import unquote

MOST_ENTRIES = 50
LONGEST_PATH = 160
TOKEN = re.compile(r"(00D\w{12,15})![.\w]+", re.ASCII)
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Entry:
    """One request and its answer."""

    at: datetime
    method: str
    path: str
    status: int
    milliseconds: float


class RequestLog:
    """The latest requests of one org, newest first."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=MOST_ENTRIES)

    def add(self, method: str, path: str, status: int, seconds: float) -> None:
        """Note a request. ``path`` comes without its query string, where tokens and data are."""
        self._entries.appendleft(Entry(datetime.now(UTC), method, shown(path), status, seconds * 1000))

    def latest(self) -> list[Entry]:
        """The requests, newest first."""
        return list(self._entries)


def shown(path: str) -> str:
    """A path as a person may see it: decoded, on one line, without an access token, not too long."""
    text = TOKEN.sub(r"\1!…", UNPRINTABLE.sub("�", unquote(path)))
    return text if len(text) <= LONGEST_PATH else f"{text[:LONGEST_PATH]}…"
