"""The layers between a request and the wire. Each takes a request, asks the next layer, and does one thing.

`sfdata.transport.http_session` puts them together; only the innermost knows httpx.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import httpx

from sfdata.auth.exchange import Token
from sfdata.auth.tokens import TokenManager
from sfdata.config import OrgConfig
from sfdata.errors import BudgetExceeded, CircuitOpen, OutcomeUnknown, SalesforceError
from sfdata.resilience import limits
from sfdata.resilience.breaker import CircuitBreaker
from sfdata.resilience.budget import Budget
from sfdata.resilience.hooks import Hook, RequestDone, RetryScheduled
from sfdata.resilience.limits import LimitsTracker
from sfdata.resilience.retry import IN_DOUBT, WRITES, Failure, Retries, RetryPolicy, Verdict
from sfdata.secret import Secret, in_clear
from sfdata.transport.bodies import BodyCut, BodyReader, BodyUnreadable, check_end, expects_body
from sfdata.transport.faults import AttemptFailed, answer_failure, answer_verdict, wire_fault
from sfdata.transport.messages import Request, Response, Watch

Send = Callable[[Request], Response]


# Bulk jobs have been seen to report it with another status than 401.
_SESSION_REFUSED = re.compile(rb'"(?:errorCode|exceptionCode)"\s*:\s*"(?:INVALID_SESSION_ID|InvalidSessionId)"')


class BearerLayer:
    """Signs each request for the token's own org, and once more with a new token when the org refuses the first.

    A token that another process has left may be refused as well; what is fetched then is the last.
    """

    MOST_RENEWALS = 3

    def __init__(self, tokens: TokenManager, send: Send) -> None:
        self._tokens = tokens
        self._send = send

    def __call__(self, request: Request) -> Response:
        token = self._tokens.current()
        response = self._send(_signed(request, token))
        for _ in range(self.MOST_RENEWALS):
            if not _session_refused(response):
                break
            token = self._tokens.renewed(token)
            again = self._send(_signed(request, token))
            response = replace(again, in_doubt=again.in_doubt or response.in_doubt)
            if not token.found:
                break
        return response


def _session_refused(response: Response) -> bool:
    known = response.status in (400, 403) and _SESSION_REFUSED.search(response.content) is not None
    return known or response.status == 401


def _signed(request: Request, token: Token) -> Request:
    headers = {**request.headers, "Authorization": Secret(f"Bearer {token.access.reveal()}")}
    return replace(request, origin=token.instance_url, headers=headers)


class RetryLayer:
    """Repeats what the table of `sfdata.resilience.retry` allows, and tells a write that may have been done."""

    def __init__(self, policy: RetryPolicy, hooks: Hook, send: Send, now: Callable[[], float] = time.time) -> None:
        self._policy = policy
        self._hooks = hooks
        self._send = send
        self._now = now

    def __call__(self, request: Request) -> Response:
        doubts: list[bool] = []
        try:
            response = self._repeat(request, doubts)
        except (AttemptFailed, SalesforceError) as problem:
            if request.operation not in WRITES or not any(doubts):
                raise
            cause = problem.error if isinstance(problem, AttemptFailed) else problem
            fault = OutcomeUnknown(cause.message, status=cause.status)
        else:
            return replace(response, in_doubt=True) if any(doubts[:-1]) else response
        raise fault

    def _repeat(self, request: Request, doubts: list[bool]) -> Response:
        """The last attempt's outcome; ``doubts`` gets, for each attempt, whether it may have been done."""

        def notice(attempt: int, wait_seconds: float, reason: str) -> None:
            self._hooks(RetryScheduled(request.method, request.path, attempt, wait_seconds, reason))

        failed: list[AttemptFailed] = []

        def attempt(seconds: float) -> Response:
            try:
                response = self._send(replace(request, seconds=seconds))
            except AttemptFailed as problem:
                failed.append(problem)
                doubts.append(problem.verdict.failure in IN_DOUBT)
                raise
            doubts.append(answer_failure(response) in IN_DOUBT)
            return response

        retries: Retries[Response] = Retries(self._policy, request.operation, self._verdict, notice)
        try:
            return retries.call(attempt)
        except CircuitOpen:
            if failed:  # opened under our repeats: what they met says more
                raise failed[-1] from None
            raise
        finally:
            request.call.quota_exhausted = retries.quota_exhausted

    def _verdict(self, outcome: Response | BaseException) -> Verdict | None:
        if isinstance(outcome, AttemptFailed):
            return outcome.verdict
        return answer_verdict(outcome, self._now()) if isinstance(outcome, Response) else None


class BreakerLayer:
    """Keeps requests from an origin that has failed too often in a row."""

    _ANSWERS = (None, Failure.REFUSED, Failure.REFUSED_BEFORE_WORK, Failure.EXHAUSTED)

    def __init__(self, breaker: CircuitBreaker, send: Send) -> None:
        self._breaker = breaker
        self._send = send

    def __call__(self, request: Request) -> Response:
        admission = self._breaker.admit(request.origin)
        try:
            response = self._send(request)
        except BaseException as problem:
            if isinstance(problem, AttemptFailed) and problem.verdict.failure is not Failure.REFUSED:
                self._breaker.failed(admission)
            else:  # given up, or refused on this side of the wire
                self._breaker.abandoned(admission)
            raise
        if answer_failure(response) in self._ANSWERS:
            self._breaker.succeeded(admission)
        else:
            self._breaker.failed(admission)
        return response


class BudgetLayer:
    """Counts each attempt, and sends none that the connection's budget does not allow."""

    def __init__(self, budget: Budget, send: Send) -> None:
        self._budget = budget
        self._send = send

    def __call__(self, request: Request) -> Response:
        self._budget.spend()
        return self._send(request)


_LIMITS = re.compile(r"/services/data/v[0-9.]+/limits")


class LimitsLayer:
    """Sends nothing to an org that has no calls left, or only the reserve; takes note of what each answer tells."""

    def __init__(self, tracker: LimitsTracker, sleep: Callable[[float], None], send: Send) -> None:
        self._tracker = tracker
        self._sleep = sleep
        self._send = send

    def __call__(self, request: Request) -> Response:
        self._tracker.admit(asks_for_limits=_LIMITS.fullmatch(request.path) is not None)
        try:
            if pause := self._tracker.pause_seconds:
                self._sleep(pause)
            response = self._send(request)
        except BudgetExceeded:
            self._tracker.unsent()
            raise
        except BaseException:
            self._tracker.lost()
            raise
        exhausted = answer_failure(response) is Failure.EXHAUSTED
        self._tracker.answered(response.headers.get(limits.HEADER.lower()), exhausted=exhausted)
        return response


class WireLayer:
    """One attempt: a request out, a whole and decompressed answer back, or `AttemptFailed`.

    Args:
        wire: the seam: live, recorded, replayed or a stub.
        config: for the time-outs.

    A request's ``seconds`` bound each silence, and how long its answer may take, however steadily it trickles.
    """

    def __init__(
        self,
        wire: httpx.BaseTransport,
        config: OrgConfig,
        hooks: Hook,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wire = wire
        self._hooks = hooks
        self._clock = clock
        silent, connecting = config.timeout_seconds, config.connect_timeout_seconds
        self._timeouts = {"read": silent, "write": silent, "connect": connecting, "pool": connecting}

    def __call__(self, request: Request) -> Response:
        started = self._clock()
        answer: httpx.Response | None = None
        request.call.attempt(request.body)
        try:
            answer = self._wire.handle_request(self._message(request))
            response = self._read(request, answer)
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
            headers={name: in_clear(value) for name, value in request.headers.items()},
            content=request.body,
            extensions={"timeout": {step: min(most, request.seconds) for step, most in self._timeouts.items()}},
        )

    def _read(self, request: Request, answer: httpx.Response) -> Response:
        """The answer, its body whole and decoded, or handed to the request's sink as it came."""
        headers = dict(answer.headers)
        request.call.answered(answer.status_code, headers)
        head = Response(answer.status_code, headers, b"")
        usable = answer.status_code == 200 and answer_failure(head) is None
        try:
            if usable and request.sink is not None:
                request.sink.restart(headers)
                for chunk in self._chunks(request, answer):
                    request.sink.write(chunk)
                return head
            watch = request.watch if usable else None
            return replace(head, content=_decoded(head, self._chunks(request, answer), watch))
        finally:
            answer.close()

    def _chunks(self, request: Request, answer: httpx.Response) -> Iterator[bytes]:
        assert isinstance(answer.stream, httpx.SyncByteStream)
        started = self._clock()  # only now: a large request takes its own time to go out
        for chunk in answer.stream:
            request.call.received += len(chunk)
            yield chunk
            if self._clock() - started > request.seconds:
                raise httpx.ReadTimeout("the answer trickles")


def _decoded(head: Response, chunks: Iterable[bytes], watch: Watch | None) -> bytes:
    body, parts = BodyReader(head.headers), []
    for raw in chunks:
        parts.append(body.feed(raw))
        if watch is not None:
            watch(parts[-1])
    if parts or expects_body(head.status, head.headers):
        body.finish()
    content = b"".join(parts)
    check_end(content, head.headers)
    return content
