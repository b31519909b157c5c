"""The token of a login: the one place that fetches, keeps and renews it.

Salesforce does not say how long a token lives; two idle hours are the usual policy, and use extends it. So a token is
renewed a little before that age while requests go on with it, or when the org refuses it, whichever comes first.

However many threads and connections ask, one flight is under way at a time. It flies in a thread of its own: whoever
waits for it may be interrupted, but a refresh token that is good once is not lost half way.
"""

from __future__ import annotations

import os
import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from weakref import WeakSet

from sfdata.auth.exchange import Token, TokenAnswer, TokenRequest
from sfdata.auth.flows import AccessToken, Flow, Grant, JwtBearer, RefreshToken
from sfdata.auth.token_store import Kept, MemoryOnly, Store
from sfdata.config import answered_instance_url
from sfdata.errors import (
    ClockSkew,
    LoginRefused,
    LoginRequired,
    NotRemembered,
    SalesforceError,
    ServerUnavailable,
    SessionExpired,
    TransportError,
)
from sfdata.secret import Secret, StaysHere
from sfdata.stop import LOOK_SECONDS, Stop, Stopped, look

ASSUMED_LIFETIME = 90 * 60.0
"""Seconds after which a token of unknown lifetime is renewed unasked."""
EXPIRY_MARGIN = 60.0
"""Seconds before a known expiry at which a token is renewed."""
RENEWAL_PAUSE = 60.0
"""Seconds without another unasked renewal after one failed."""
CLOCK_TOLERANCE = 60.0
"""Seconds the local clock may be off before logins go by the server's clock."""
LANDING_SECONDS = 10.0
"""How long a connection that is closed waits for a flight that uses it."""
FOREVER = float("inf")

Fetch = Callable[[TokenRequest], TokenAnswer]
Announce = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Link:
    """How a connection reaches the login host.

    Attributes:
        fetch: posts a `TokenRequest`; repeats, time-outs and the breaker are its business.
        announce: told the flow's name and the reason of each fetch.
    """

    fetch: Fetch
    announce: Announce


_counting = threading.Lock()


class Flight(threading.Thread):
    """One renewal on its way. As a ``daemon`` it can be made again, and so ends when nobody waits for it any more."""

    def __init__(self, work: Callable[[], Token], link: Link, *, daemon: bool) -> None:
        super().__init__(name="sfdata-login", daemon=daemon)
        self.link = link
        self._work = work
        self._stop_sign = Stop()
        self._waiting = 0
        self._token: Token | None = None
        self._problem: BaseException | None = None

    def run(self) -> None:
        try:
            with self._stop_sign.heeded():
                self._token = self._work()
        except BaseException as problem:  # noqa: BLE001 - raised where it is waited for
            self._problem = problem

    def give_up(self) -> None:
        """Have it end, if it can be made again."""
        if self.daemon:
            self._stop_sign.set()

    def land(self) -> None:
        """Wait for the end, whatever it is, in pieces that leave a main thread open to Ctrl-C.

        Raises:
            Stopped: nobody waits for this thread any more.
        """
        while self.is_alive():
            look()
            self.join(LOOK_SECONDS)

    def token(self) -> Token:
        """Wait for the outcome: a token, or what prevented it.

        Raises:
            Stopped: nobody waits for this thread any more, or it was given up with the connection it belongs to.
        """
        with _counting:
            self._waiting += 1
        try:
            self.land()
        finally:
            with _counting:
                self._waiting -= 1
                if not self._waiting:
                    self.give_up()
        if self._problem is not None:
            raise self._problem
        assert self._token is not None
        return self._token


class Login(StaysHere):
    """Who is logged in, and with which token; connections may share it.

    Args:
        flow: who is logging in.
        instance_url: an address the user named, which a token answer may therefore name too.
        store: where it is kept beyond this process.
        clock: monotonic seconds, for ages.
        now: epoch seconds, for assertions and for what is kept.
    """

    def __init__(
        self,
        flow: Flow,
        *,
        instance_url: str | None = None,
        store: Store | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._flow = flow
        self._vouched: tuple[str, ...] = (flow.login_url,)
        self.vouch(instance_url)
        self._store = store or MemoryOnly()
        self._clock = clock
        self._now = now
        self._lock = threading.RLock()
        self._flight: Flight | None = None
        self._kept: Kept | None = None
        self._before: Kept | None = None
        self._warned = False
        self._renew_at = self._expires_at = FOREVER
        self._skew = 0.0
        self._rotated = False
        if isinstance(flow, AccessToken):
            self._kept = Kept(flow.token(), None, 0.0)
        _LOGINS.add(self)

    def current(self, link: Link) -> Token:
        """A token to use now. Waits for the first one, and where the one there is has surely expired.

        Raises:
            LoginRefused: the org does not accept the login.
            TransportError: the login host gave no usable answer.
        """
        with self._lock:
            kept, now = self._kept, self._clock()
            if kept is not None and now < min(self._renew_at, self._expires_at):
                return kept.token
            flight = self._depart(link, "first use" if kept is None else "expiring")
            if kept is not None and now < self._expires_at:
                return kept.token
        try:
            return flight.token()
        except Stopped:
            look()
            return self.current(link)  # given up by another connection, which is closed

    def renewed(self, refused: Token, link: Link) -> Token:
        """A token other than ``refused``: the one fetched meanwhile, or on its way, else a new one.

        Raises:
            SessionExpired: this connection was given a token and cannot fetch another.
        """
        with self._lock:
            if self._kept is not None and self._kept.token.access != refused.access:
                return self._kept.token
            if isinstance(self._flow, AccessToken):
                raise SessionExpired(
                    "the access token is expired or was revoked, and this connection has no means to get another",
                    error_code="INVALID_SESSION_ID",
                    hint="Give a new access token, or log in by a flow that renews itself, such as JWT bearer. "
                    "SF_ACCESS_TOKEN is used before other SF_ credentials as long as it is set.",
                )
            flight = self._depart(link, "refused")
        try:
            return flight.token()
        except Stopped:
            look()
            return self.renewed(refused, link)

    def masked(self, text: str) -> str:
        """``text`` from outside, without the tokens in it that requests still under way may have sent."""
        for kept in (self._before, self._kept):
            text = text if kept is None else kept.token.access.masked_in(text)
        return text

    @property
    def known(self) -> Token | None:
        """The token there is; None before the first."""
        return None if self._kept is None else self._kept.token

    def vouch(self, instance_url: str | None) -> None:
        """Take note of an address the user named."""
        if instance_url is not None and instance_url not in self._vouched:
            self._vouched = (*self._vouched, instance_url)

    def keep_in(self, store: Store) -> None:
        """Keep the login in ``store`` from now on, beginning with what is known already."""
        with self._lock:
            self._store, flight = store, self._flight
        if flight is not None:
            flight.land()
        if self._kept is not None:
            with store.held():
                if store.load() is None:
                    store.save(self._kept)

    def wait_for(self, link: Link) -> None:
        """Let a flight that uses ``link`` come to its end, for `LANDING_SECONDS` at most."""
        with self._lock:  # outside of which there is no flight that has not begun
            flight = self._flight
        if flight is not None and flight.link is link and flight is not threading.current_thread():
            flight.give_up()
            flight.join(LANDING_SECONDS)

    def forked(self) -> None:
        """In a new process: a lock may be held, and a flight be under way, by threads that are not here."""
        self._lock = threading.RLock()
        self._flight = None

    # --- a flight ----------------------------------------------------------------------------------------------------

    def _depart(self, link: Link, reason: str) -> Flight:
        """The flight that is under way, or a new one. Callers hold the lock."""
        if self._flight is not None:
            return self._flight
        assert isinstance(self._flow, Grant)
        # A login that can be made again may end with the process; one that cannot is waited for.
        flight = Flight(partial(self._renewal, link, reason), link, daemon=self._flow.repeatable)
        self._flight = flight
        try:
            flight.start()
        except RuntimeError:  # the interpreter is ending, and makes no more threads
            flight.run()
        except BaseException:  # Ctrl-C, maybe before there was a thread: nobody must wait for one that never comes
            if flight.ident is None:
                self._flight = None
            raise
        return flight

    def _renewal(self, link: Link, reason: str) -> Token:
        """What a flight does."""
        try:
            with self._store.held():
                left = self._load()
                try:
                    kept, fetched = self._found_or_fetched(left, link)
                except (LoginRequired, TransportError, ServerUnavailable):
                    # Another process may have renewed in spite of the lock, which not every disk knows.
                    newer = self._load()
                    if newer is None or newer == left:
                        raise
                    kept, fetched = self._found_or_fetched(newer, link)
        except SalesforceError as problem:
            self._postpone(problem)
            raise
        finally:
            self._flight = None
        if fetched:
            link.announce(self._flow.name, reason)
            self._warn_of_rotation()
        return kept.token

    def _load(self) -> Kept | None:
        """What the store holds; from now on its refresh token is ours."""
        kept = self._store.load()
        if kept is not None:
            self._skew = kept.skew
            if kept.refresh is not None and isinstance(self._flow, RefreshToken):
                self._flow = replace(self._flow, refresh_token=kept.refresh)
        return kept

    def _found_or_fetched(self, left: Kept | None, link: Link) -> tuple[Kept, bool]:
        """The login as another process left it, where its token is new to us and not too old; else a new one."""
        known = self._kept
        if left is not None and (known is None or left.token.access != known.token.access):
            age = max(self._server_time() - left.fetched_at, 0.0)
            if age < _use_for(left.token):
                answered_instance_url(left.token.instance_url, self._vouched)
                self._settle(left, age)
                return left, False
        kept = self._fetched(link)
        self._settle(kept, 0.0)
        return kept, True

    def _fetched(self, link: Link) -> Kept:
        """A new token, written down before anybody uses it."""
        flow = self._flow
        assert isinstance(flow, Grant)
        if not flow.repeatable:
            self._store.reserve()
        token = self._exchange(flow, link)
        refresh = None
        if isinstance(flow, RefreshToken):
            refresh = token.refresh or Secret.of(flow.refresh_token)
            self._rotated = self._rotated or refresh != flow.refresh_token
            self._flow = replace(flow, refresh_token=refresh)
        kept = Kept(replace(token, refresh=None), refresh, self._server_time(), self._skew)
        try:
            self._store.save(kept)
        except OSError:
            self._store = MemoryOnly()
        return kept

    def _exchange(self, flow: Grant, link: Link) -> Token:
        """The answer to a token request; to a second one by the server's clock, where ours may have made it fail."""
        known = self._skew
        answer = self._answer(flow, link)
        try:
            return flow.read_answer(answer, self._vouched)
        except LoginRefused as problem:
            refusal = problem
        if isinstance(flow, JwtBearer) and self._skew != known:
            answer = self._answer(flow, link)
            try:
                return flow.read_answer(answer, self._vouched)
            except LoginRefused as problem:
                refusal = problem
        if isinstance(flow, JwtBearer) and self._skew and "expired" in refusal.message:
            code, status = refusal.error_code, refusal.status
            refusal = ClockSkew(refusal.message, self._skew, error_code=code, status=status)
        raise refusal

    def _answer(self, flow: Grant, link: Link) -> TokenAnswer:
        answer = link.fetch(flow.token_request(self._server_time()))
        if answer.date is not None:
            skew = answer.date - self._now()
            self._skew = skew if abs(skew) >= CLOCK_TOLERANCE else 0.0
        return answer

    def _server_time(self) -> float:
        return self._now() + self._skew

    # --- its outcome -------------------------------------------------------------------------------------------------

    def _settle(self, kept: Kept, age: float) -> None:
        """From now on ``kept`` is the login; its token is ``age`` seconds old."""
        with self._lock:
            self._before, self._kept = self._kept, kept
            self._renew_at = self._clock() + _use_for(kept.token) - age
            self._expires_at = FOREVER if kept.token.lifetime is None else self._clock() + kept.token.lifetime - age

    def _postpone(self, problem: SalesforceError) -> None:
        """No unasked renewal for a while; after a refusal none at all, for another one would come."""
        passing = isinstance(problem, TransportError | ServerUnavailable)
        self._renew_at = self._clock() + (RENEWAL_PAUSE if passing else FOREVER)

    def _warn_of_rotation(self) -> None:
        """Say that the refresh token the user has is spent, where nobody but this process has the next one."""
        if self._rotated and isinstance(self._store, MemoryOnly) and not self._warned:
            self._warned = True
            warnings.warn(
                "the org has replaced the refresh token, and only this process knows the new one; the one you gave is "
                "spent. connect(…, remember=True) keeps the newest, encrypted, on this machine",
                NotRemembered,
                stacklevel=2,
            )


def _use_for(token: Token) -> float:
    """The seconds after which a token is renewed unasked."""
    if token.lifetime is None:
        return ASSUMED_LIFETIME
    return max(token.lifetime - EXPIRY_MARGIN, token.lifetime / 2)


class TokenManager(StaysHere):
    """The token of one connection, whose login others may share.

    Args:
        flow: who is logging in, or a login that exists.
        fetch, announce: see `Link`.
        instance_url, clock, now: see `Login`.
    """

    def __init__(
        self,
        flow: Flow | Login,
        fetch: Fetch,
        *,
        instance_url: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        announce: Announce = lambda flow, reason: None,
    ) -> None:
        if not isinstance(flow, Login):
            flow = Login(flow, instance_url=instance_url, clock=clock, now=now)
        self._login = flow
        self._link = Link(fetch, announce)

    def current(self) -> Token:
        """A token to use now; see `Login.current`."""
        return self._login.current(self._link)

    def renewed(self, refused: Token) -> Token:
        """A token other than ``refused``; see `Login.renewed`."""
        return self._login.renewed(refused, self._link)

    def masked(self, text: str) -> str:
        """``text`` from outside, without the connection's tokens in it."""
        return self._login.masked(text)

    @property
    def known(self) -> Token | None:
        """The token there is; None before the first."""
        return self._login.known

    def close(self) -> None:
        """Let a renewal that goes through this connection come to its end."""
        self._login.wait_for(self._link)


_LOGINS: WeakSet[Login] = WeakSet()


def _after_fork() -> None:
    for login in _LOGINS:
        login.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
