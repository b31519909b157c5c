"""Access tokens: issued, found, extended by use, expired, revoked.

A token is kept only as its SHA-256, which is also what it is looked up by, so neither memory nor timing gives it away.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Lock

from sfdata.localorg.login.credentials import digest_of, random_text

MOST_SESSIONS = 10_000
SCHEMES = ("bearer", "oauth")


@dataclass(frozen=True, slots=True)
class Session:
    """Who is logged in, how (the grant type), and until when; times in seconds since 1970.

    ``client_id`` is the connected app it came through, ``approval`` the number of the approval it ends with; None
    where there is no such thing.
    """

    user_id: str
    grant: str
    scope: str
    issued_at: float
    expires_at: float
    client_id: str | None = None
    approval: int | None = None


class Sessions:
    """The sessions of one org. They end after ``seconds`` without a call."""

    def __init__(self, organization_id: str, seconds: float, clock: Callable[[], float] = time.time) -> None:
        self._prefix = organization_id[:15]
        self._seconds = seconds
        self._clock = clock
        self._lock = Lock()
        self._sessions: dict[bytes, Session] = {}

    def issue(
        self, user_id: str, grant: str, scope: str, *, client_id: str | None = None, approval: int | None = None
    ) -> tuple[str, Session]:
        """A new session and its token: the organization's 15 characters, ``!``, and 96 random ones."""
        token = f"{self._prefix}!AQ{random_text(94)}"
        now = self._clock()
        session = Session(user_id, grant, scope, now, now + self._seconds, client_id, approval)
        with self._lock:
            if len(self._sessions) >= MOST_SESSIONS:
                self._make_room(now)
            self._sessions[digest_of(token)] = session
        return token, session

    def find(self, token: str, *, extend: bool = True) -> Session | None:
        """The session of ``token`` unless it has ended; its time starts anew unless ``extend`` is false."""
        digest, now = digest_of(token), self._clock()
        with self._lock:
            session = self._sessions.get(digest)
            if session is None:
                return None
            if session.expires_at <= now:
                del self._sessions[digest]
                return None
            if extend:
                session = self._sessions[digest] = replace(session, expires_at=now + self._seconds)
            return session

    def revoke(self, token: str) -> bool:
        """End the session of ``token``; false where there is none."""
        with self._lock:
            return self._sessions.pop(digest_of(token), None) is not None

    def revoke_approval(self, number: int) -> None:
        """End every session that came from this approval."""
        with self._lock:
            self._sessions = {key: session for key, session in self._sessions.items() if session.approval != number}

    def _make_room(self, now: float) -> None:
        alive = {key: session for key, session in self._sessions.items() if session.expires_at > now}
        for oldest in list(alive)[: max(0, len(alive) - MOST_SESSIONS // 2)]:
            del alive[oldest]
        self._sessions = alive


def bearer_token(authorization: str | None) -> str | None:
    """The token of an ``Authorization`` header (``Bearer`` or ``OAuth``), or None where there is none."""
    scheme, _, token = (authorization or "").strip().partition(" ")
    return token.strip() or None if scheme.lower() in SCHEMES else None
