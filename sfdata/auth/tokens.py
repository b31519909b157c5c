"""The token of a connection: the one place that fetches, keeps and renews it.

Salesforce does not say how long a token lives; two idle hours are the usual policy, and use extends it. So a token is
renewed a little before that age, or when the org refuses it, whichever comes first.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

from sfdata.auth.exchange import Token, TokenAnswer, TokenRequest
from sfdata.auth.flows import AccessToken, Flow, Grant, JwtBearer, RefreshToken
from sfdata.errors import LoginRefused, SessionExpired, TransportError

ASSUMED_LIFETIME = 90 * 60.0
"""Seconds after which a token of unknown lifetime is renewed unasked."""
EXPIRY_MARGIN = 60.0
"""Seconds before a known expiry at which a token is renewed."""
RENEWAL_PAUSE = 60.0
"""Seconds without another unasked renewal after one failed."""
CLOCK_TOLERANCE = 60.0
"""Seconds the local clock may be off before a refused login is tried again by the server's clock."""

Fetch = Callable[[TokenRequest], TokenAnswer]
Announce = Callable[[str, str], None]


class TokenManager:
    """The token of one connection: fetched once however many threads ask, and renewed by one of them.

    Args:
        flow: who is logging in.
        fetch: posts a `TokenRequest`; repeats, time-outs and the breaker are its business.
        instance_url: an address the user named, which a token answer may therefore name too.
        clock: monotonic seconds, for ages.
        now: epoch seconds, for assertions.
        announce: told the flow's name and the reason of each fetch.
    """

    def __init__(
        self,
        flow: Flow,
        fetch: Fetch,
        *,
        instance_url: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        announce: Announce = lambda flow, reason: None,
    ) -> None:
        self._flow = flow
        self._fetch = fetch
        self._vouched = tuple(url for url in (flow.login_url, instance_url) if url)
        self._clock = clock
        self._now = now
        self._announce = announce
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._renew_at = float("inf")

    def current(self) -> Token:
        """A token to use now; logs in at first use and renews an ageing one.

        Raises:
            LoginRefused: the org does not accept the login.
            TransportError: the login host gave no usable answer.
        """
        token = self._token
        if token is not None and self._clock() < self._renew_at:
            return token
        with self._lock:
            if self._token is None:
                return self._login("first use")
            if self._clock() >= self._renew_at:
                self._renew_early()
            return self._token

    def renewed(self, refused: Token) -> Token:
        """A token other than ``refused``: the one another thread fetched meanwhile, else a new one.

        Raises:
            SessionExpired: this connection was given a token and cannot fetch another.
        """
        with self._lock:
            if self._token is not None and self._token.access != refused.access:
                return self._token
            if isinstance(self._flow, AccessToken):
                raise SessionExpired(
                    "the access token is expired or was revoked, and this connection has no means to get another",
                    error_code="INVALID_SESSION_ID",
                    hint="Give a new access token, or log in by a flow that renews itself, such as JWT bearer. "
                    "SF_ACCESS_TOKEN is used before other SF_ credentials as long as it is set.",
                )
            return self._login("refused")

    def masked(self, text: str) -> str:
        """``text`` from outside, without the token in it."""
        token = self._token
        return text if token is None else token.access.masked_in(text)

    def _renew_early(self) -> None:
        """Renew before the org refuses; a login host that cannot be reached just now is no reason to stop."""
        try:
            self._login("expiring")
        except TransportError:
            self._renew_at = self._clock() + RENEWAL_PAUSE

    def _login(self, reason: str) -> Token:
        flow = self._flow
        token = flow.token() if isinstance(flow, AccessToken) else self._exchange(flow)
        if isinstance(flow, RefreshToken) and token.refresh is not None:
            self._flow = replace(flow, refresh_token=token.refresh)
        self._renew_at = self._clock() + self._use_for(token)
        self._token = token
        self._announce(flow.name, reason)
        return token

    def _use_for(self, token: Token) -> float:
        if isinstance(self._flow, AccessToken):
            return float("inf")
        if token.lifetime is None:
            return ASSUMED_LIFETIME
        return max(token.lifetime - EXPIRY_MARGIN, token.lifetime / 2)

    def _exchange(self, flow: Grant) -> Token:
        answer = self._fetch(flow.token_request(self._now()))
        skew = 0.0 if answer.date is None else answer.date - self._now()
        try:
            return flow.read_answer(answer, self._vouched)
        except LoginRefused as problem:
            refusal = problem
        if not isinstance(flow, JwtBearer) or abs(skew) < CLOCK_TOLERANCE:
            raise refusal
        again = self._fetch(flow.token_request(self._now() + skew))
        return flow.read_answer(again, self._vouched)
