"""The layers between a request and the wire. Each takes a request, asks the next layer, and does one thing.

`sfdata.transport.http_session` puts them together; only the innermost knows httpx.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import httpx

from sfdata.auth.exchange import Token
from sfdata.auth.tokens import TokenManager
from sfdata.config import OrgConfig
from sfdata.resilience import limits
from sfdata.resilience.breaker import CircuitBreaker
from sfdata.resilience.hooks import Hook, RequestDone, RetryScheduled
from sfdata.resilience.limits import LimitsTracker
from sfdata.resilience.retry import Failure, RetryPolicy, Verdict
from sfdata.transport.faults import AttemptFailed, answer_verdict, wire_fault
from sfdata.transport.messages import BodyCut, BodyUnreadable, Request, Response, whole_body

Send = Callable[[Request], Response]


class BearerLayer:
    """Signs each request for the token's own org, and once more with a new token when the org refuses the first."""

    def __init__(self, tokens: TokenManager, send: Send) -> None:
        self._tokens = tokens
        self._send = send

    def __call__(self, request: Request) -> Response:
        token = self._tokens.current()
        response = self._send(_signed(request, token))
        if response.status == 401:
            response = self._send(_signed(request, self._tokens.renewed(token)))
        return response


def _signed(request: Request, token: Token) -> Request:
    headers = {**request.headers, "Authorization": f"Bearer {token.access.reveal()}"}
    return replace(request, origin=token.instance_url, headers=headers)


class RetryLayer:
    """Repeats what the table of `sfdata.resilience.retry` allows."""

    def __init__(self, policy: RetryPolicy, hooks: Hook, send: Send) -> None:
        self._policy = policy
        self._hooks = hooks
        self._send = send

    def __call__(self, request: Request) -> Response:
        def notice(attempt: int, wait_seconds: float, reason: str) -> None:
            self._hooks(RetryScheduled(request.method, request.path, attempt, wait_seconds, reason))

        return self._policy.call(request.operation, lambda: self._send(request), _verdict, notice)


def _verdict(outcome: Response | BaseException) -> Verdict | None:
    if isinstance(outcome, AttemptFailed):
        return outcome.verdict
    return answer_verdict(outcome) if isinstance(outcome, Response) else None


class BreakerLayer:
    """Keeps requests from an origin that has failed too often in a row."""

    _REFUSALS = (Failure.REFUSED, Failure.REFUSED_BEFORE_WORK)

    def __init__(self, breaker: CircuitBreaker, send: Send) -> None:
        self._breaker = breaker
        self._send = send

    def __call__(self, request: Request) -> Response:
        self._breaker.admit(request.origin)
        try:
            response = self._send(request)
        except AttemptFailed:
            self._breaker.failed(request.origin)
            raise
        except BaseException:
            self._breaker.abandoned(request.origin)
            raise
        verdict = answer_verdict(response)
        if verdict is None or verdict.failure in self._REFUSALS:
            self._breaker.succeeded(request.origin)
        else:
            self._breaker.failed(request.origin)
        return response


class LimitsLayer:
    """Takes note of the API calls used, which the org tells with each answer."""

    def __init__(self, tracker: LimitsTracker, send: Send) -> None:
        self._tracker = tracker
        self._send = send

    def __call__(self, request: Request) -> Response:
        response = self._send(request)
        self._tracker.observe(response.headers.get(limits.HEADER.lower()))
        return response


class WireLayer:
    """One attempt: a request out, a whole and decompressed answer back, or `AttemptFailed`.

    Args:
        wire: the seam: live, recorded, replayed or a stub.
        config: for the time-outs.
        whole_seconds: longest time for one answer to arrive completely, however steadily it trickles.
    """

    def __init__(
        self,
        wire: httpx.BaseTransport,
        config: OrgConfig,
        hooks: Hook,
        whole_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wire = wire
        self._hooks = hooks
        self._whole_seconds = whole_seconds
        self._clock = clock
        self._timeouts = dict.fromkeys(("read", "write"), config.timeout_seconds)
        self._timeouts |= dict.fromkeys(("connect", "pool"), config.connect_timeout_seconds)

    def __call__(self, request: Request) -> Response:
        started = self._clock()
        answer: httpx.Response | None = None
        try:
            answer = self._wire.handle_request(self._message(request))
            response = self._read(answer, started)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, BodyCut, BodyUnreadable) as problem:
            fault = wire_fault(problem, request, answering=answer is not None)
        else:
            seconds = self._clock() - started
            self._hooks(RequestDone(request.method, request.path, response.status, seconds))
            return response
        # Outside the handler, so that httpx's exception, which holds the token, is not kept as its context.
        raise fault

    def _message(self, request: Request) -> httpx.Request:
        return httpx.Request(
            request.method,
            f"{request.origin}{request.target}",
            headers=dict(request.headers),
            content=request.body,
            extensions={"timeout": self._timeouts},
        )

    def _read(self, answer: httpx.Response, started: float) -> Response:
        chunks: list[bytes] = []
        assert isinstance(answer.stream, httpx.SyncByteStream)
        try:
            for chunk in answer.stream:
                chunks.append(chunk)
                if self._clock() - started > self._whole_seconds:
                    raise httpx.ReadTimeout("the answer trickles")
        finally:
            answer.close()
        headers = dict(answer.headers)
        return Response(answer.status_code, headers, whole_body(b"".join(chunks), answer.status_code, headers))
