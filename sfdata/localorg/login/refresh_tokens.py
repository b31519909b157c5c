"""Refresh tokens: what lets an app come back for new access tokens, until the user or a sixth approval ends it.

The vendor's page: https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_refresh_token_flow.htm
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import count
from threading import Lock

from sfdata.localorg.login.credentials import digest_of, random_text

MOST_PER_USER_AND_APP = 5
MOST_SPENT = 10_000


@dataclass(frozen=True, slots=True)
class Approval:
    """What a user lets an app do at any time; ``number`` tells approvals apart."""

    number: int
    user_id: str
    client_id: str
    scope: str
    issued_at: float


class RefreshTokens:
    """The refresh tokens of one org, kept as digests."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._numbers = count(1)
        self._approvals: dict[bytes, Approval] = {}
        self._spent: dict[bytes, int] = {}

    def issue(self, user_id: str, client_id: str, scope: str, token: str | None = None) -> tuple[str, Approval]:
        """A new token (or the one given) with its approval. The sixth of a user and an app ends the oldest one."""
        token = token or new_refresh_token()
        with self._lock:
            approval = Approval(next(self._numbers), user_id, client_id, scope, time.time())
            alike = [key for key, a in self._approvals.items() if (a.user_id, a.client_id) == (user_id, client_id)]
            for oldest in alike[: max(0, len(alike) + 1 - MOST_PER_USER_AND_APP)]:
                del self._approvals[oldest]
            self._approvals[digest_of(token)] = approval
        return token, approval

    def find(self, token: str) -> Approval | None:
        """What ``token`` stands for; None where it is unknown, revoked or rotated away."""
        with self._lock:
            return self._approvals.get(digest_of(token))

    def rotate(self, token: str) -> str | None:
        """A token in place of ``token``, which is spent from now on; None where it is not alive."""
        fresh, digest = new_refresh_token(), digest_of(token)
        with self._lock:
            approval = self._approvals.pop(digest, None)
            if approval is None:
                return None
            self._approvals[digest_of(fresh)] = approval
            self._spent[digest] = approval.number
            if len(self._spent) > MOST_SPENT:
                del self._spent[next(iter(self._spent))]
        return fresh

    def revoke_user(self, user_id: str) -> list[int]:
        """End all approvals of a user and return their numbers."""
        with self._lock:
            ended = {key: approval for key, approval in self._approvals.items() if approval.user_id == user_id}
            for key in ended:
                del self._approvals[key]
        return [approval.number for approval in ended.values()]

    def revoke(self, token: str) -> int | None:
        """End the approval ``token`` stands for and return its number; None where there is none.

        A token that was rotated away ends the approval of the one that took its place: somebody has a copy.
        """
        digest = digest_of(token)
        with self._lock:
            approval = self._approvals.pop(digest, None)
            if approval is not None:
                return approval.number
            number = self._spent.get(digest)
            for key in [key for key, other in self._approvals.items() if other.number == number]:
                del self._approvals[key]
            return number


def new_refresh_token() -> str:
    """A token of Salesforce's form."""
    return f"5Aep861{random_text(60)}"
