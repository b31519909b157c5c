"""Authorization codes: given to a browser's callback, good for one exchange within a quarter of an hour.

The vendor's page: https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_web_server_flow.htm
"""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from sfdata.localorg.login.credentials import digest_of, random_text, same

LIFETIME_SECONDS = 900.0
MOST_CODES = 1000
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}=?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Authorization:
    """What a user is asked to approve, and what the code of the approval stands for.

    ``response_type`` is what the app wants to find at its callback: a ``code``, or the ``token`` itself.
    """

    client_id: str
    redirect_uri: str
    scope: str
    response_type: str = "code"
    state: str | None = None
    challenge: str | None = None
    nonce: str | None = None

    def is_proved_by(self, verifier: str | None) -> bool:
        """Whether the client that has the code is the one that asked for it (PKCE with S256).

        A verifier without a challenge proves nothing, and neither does a challenge without a verifier. It may be longer
        than the standard has it: the sf CLI's is.
        """
        if self.challenge is None or verifier is None:
            return self.challenge is None and verifier is None
        digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode()
        return same(digest.rstrip("="), self.challenge.rstrip("="))


@dataclass(frozen=True, slots=True)
class Approved:
    """An authorization that a user approved, until when its code can be exchanged, and whether it was."""

    authorization: Authorization
    user_id: str
    expires_at: float
    used: bool = False


class AuthorizationCodes:
    """The codes of one org that were given out lately; kept as digests."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = Lock()
        self._codes: dict[bytes, Approved] = {}

    def issue(self, authorization: Authorization, user_id: str) -> str:
        """A new code."""
        # Salesforce's end in padding that a query string must escape; so do these, for clients that forget to undo it.
        code = f"aPrx{random_text(76)}=="
        with self._lock:
            self._codes[digest_of(code)] = Approved(authorization, user_id, self._clock() + LIFETIME_SECONDS)
            while len(self._codes) > MOST_CODES:
                del self._codes[next(iter(self._codes))]
        return code

    def redeem(self, code: str) -> Approved | None:
        """What ``code`` stands for, None where it was never given out. Comes back ``used`` where it is too late.

        Whoever asks first has used it up, also where the exchange then fails.
        """
        digest = digest_of(code)
        with self._lock:
            approved = self._codes.get(digest)
            if approved is None:
                return None
            spent = Approved(approved.authorization, approved.user_id, approved.expires_at, used=True)
            self._codes[digest] = spent
        return spent if approved.expires_at <= self._clock() else approved
