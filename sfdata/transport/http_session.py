"""One org over HTTP: what every API module sends its requests through.

bearer auth → retry → circuit breaker → limits → budget → wire
"""

from __future__ import annotations

import re
import threading
from collections.abc import Collection, Mapping
from dataclasses import replace
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

import httpx
import msgspec

import sfdata
from sfdata.auth.exchange import TokenAnswer, TokenRequest
from sfdata.auth.flows import Flow
from sfdata.auth.tokens import Login, TokenManager
from sfdata.config import OrgConfig
from sfdata.errors import (
    ConnectionFailed,
    NotFound,
    OutcomeUnknown,
    RequestLimitExceeded,
    SalesforceError,
    TransportError,
    UnreadableAnswer,
)
from sfdata.resilience.breaker import CircuitBreaker
from sfdata.resilience.budget import Budget
from sfdata.resilience.hooks import CallDone, Hooks, Outcome, TokenRenewed, WriteDone
from sfdata.resilience.limits import LimitsTracker
from sfdata.resilience.retry import IN_DOUBT, WRITES, Operation, RetryPolicy
from sfdata.resilience.runtime import Runtime
from sfdata.secret import StaysHere
from sfdata.transport.faults import AttemptFailed, answer_error, answer_failure, unsupported_version
from sfdata.transport.layers import BearerLayer, BreakerLayer, BudgetLayer, LimitsLayer, RetryLayer, Send, WireLayer
from sfdata.transport.messages import Call, Request, Response, Sink, Watch
from sfdata.transport.wire import LiveWire

VERSIONS_PATH = "/services/data"
_CHANGES = WRITES | {Operation.INGEST_CLOSE}
"""What hooks hear of as writes."""
_ENCODER = msgspec.json.Encoder(decimal_format="number")
"""JSON with every digit of a Decimal."""


class HttpSession(StaysHere):
    """A logged-in connection to one org. Threads may share it; nothing is sent before the first request.

    Args:
        config: where the org is, the API version, time-outs.
        flow: who is logging in, or a login that others share.
        wire: where requests go instead of the network: a recording, a replay, a stub.
        retry, breaker, budget, limits, hooks: the policies, where the usual ones will not do.
        runtime: time, waiting and chance, also of the policies that are not given.

    Every request raises a `sfdata.errors.SalesforceError` unless it has a usable answer. The answer's body is whole.
    """

    def __init__(
        self,
        config: OrgConfig,
        flow: Flow | Login,
        *,
        wire: httpx.BaseTransport | None = None,
        retry: RetryPolicy | None = None,
        breaker: CircuitBreaker | None = None,
        budget: Budget | None = None,
        limits: LimitsTracker | None = None,
        hooks: Hooks | None = None,
        runtime: Runtime | None = None,
    ) -> None:
        self.config = config
        self.runtime = runtime = runtime or Runtime()
        self.hooks = hooks or Hooks()
        self.budget = budget or Budget()
        self.limits = self.budget.limits = limits or LimitsTracker(runtime, announce=self.hooks)
        self.tokens = TokenManager(
            flow,
            self._fetch_token,
            instance_url=config.instance_url,
            clock=runtime.clock,
            now=runtime.now,
            announce=lambda name, reason: self.hooks(TokenRenewed(name, reason)),
        )
        self._wire = wire or LiveWire(config.ca_file)
        retry = retry or RetryPolicy(sleep=runtime.sleep, clock=runtime.clock, uniform=runtime.chance.uniform)
        self._signed, self._unsigned = self._stack(retry, breaker or CircuitBreaker(clock=runtime.clock))
        self._versions_lock = threading.Lock()
        self._versions: list[str] | None = None
        self._closed = False

    def _stack(self, retry: RetryPolicy, breaker: CircuitBreaker) -> tuple[Send, Send]:
        """The layers, from the wire outwards: for API calls, and for logins, which are signed and counted by nobody."""
        wire = WireLayer(self._wire, self.config, self.hooks, self.runtime.clock)
        counted = LimitsLayer(self.limits, self.runtime.sleep, BudgetLayer(self.budget, wire))
        # Whoever allows a single silence of more than the usual deadline allows it for the whole, too.
        retry = replace(retry, deadline_seconds=max(retry.deadline_seconds, self.config.timeout_seconds))

        def repeated(send: Send) -> Send:
            return RetryLayer(retry, self.hooks, BreakerLayer(breaker, send), self.runtime.now)

        return BearerLayer(self.tokens, repeated(counted)), repeated(wire)

    # --- requests ----------------------------------------------------------------------------------------------------

    @property
    def api_version(self) -> str:
        return self.config.api_version

    @property
    def data_path(self) -> str:
        """``/services/data/v67.0``, which the paths of most resources begin with."""
        return f"{VERSIONS_PATH}/v{self.config.api_version}"

    @property
    def instance_url(self) -> str:
        """The org's address; logs in if that is not known yet."""
        return self.tokens.current().instance_url

    def get(
        self,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        operation: Operation = Operation.READ,
        watch: Watch | None = None,
        sink: Sink | None = None,
        statuses: Collection[int] = (),
    ) -> Response:
        """GET a path of the org (``/services/…``), status 200, or 304 where ``headers`` ask for it.

        Args:
            watch: sees the decoded bytes of the answer while they arrive, as the answer then holds them too.
            sink: takes the body in place of the answer, as it was sent: compressed or not, which the headers tell.
            statuses: from 300 on, which are answers too and not errors.

        Raises:
            UnreadableAnswer: the path leads elsewhere, or the answer is not what was asked for.
            ResponseError: the org answered with an error.
            AuthenticationError, TransportError: no login, no connection, no answer.
        """
        target = f"{path}?{urlencode(params)}" if params else path
        sent, wanted = self._headers(headers), frozenset(statuses)
        return self._answer(Request("GET", target, operation, sent, watch=watch, sink=sink, statuses=wanted))

    def post(
        self,
        path: str,
        *,
        content: Any,
        operation: Operation,
        headers: Mapping[str, str] | None = None,
        watch: Watch | None = None,
        statuses: Collection[int] = (),
    ) -> Response:
        """POST ``content`` as JSON; raises as `get` does. ``operation`` decides whether it may be repeated."""
        return self._answer(self._json_request("POST", path, content, operation, headers, watch, statuses))

    def put(self, path: str, *, content: bytes, operation: Operation, content_type: str = "text/csv") -> Response:
        """PUT ``content`` as it is; raises as `get` does. ``operation`` decides whether it may be repeated."""
        return self._answer(Request("PUT", path, operation, self._headers({"Content-Type": content_type}), content))

    def patch(
        self,
        path: str,
        *,
        content: Any,
        operation: Operation,
        headers: Mapping[str, str] | None = None,
        statuses: Collection[int] = (),
    ) -> Response:
        """PATCH ``content`` as JSON; raises as `get` does. ``operation`` decides whether it may be repeated."""
        return self._answer(self._json_request("PATCH", path, content, operation, headers, statuses=statuses))

    def delete(
        self,
        path: str,
        *,
        operation: Operation,
        params: Mapping[str, str] | None = None,
        statuses: Collection[int] = (),
    ) -> Response:
        """DELETE; raises as `get` does. ``operation`` decides whether it may be repeated."""
        target = f"{path}?{urlencode(params)}" if params else path
        return self._answer(Request("DELETE", target, operation, self._headers(), statuses=frozenset(statuses)))

    def error(self, path: str, status: int, body: bytes) -> SalesforceError:
        """The exception for an error that came inside another answer, as composite requests bring them."""
        answer = Response(status, {"content-type": "application/json"}, body)
        return answer_error(Request("GET", path, Operation.READ), answer, self.tokens.masked)

    def close(self) -> None:
        """Close the connections. A closed session sends nothing more."""
        self.tokens.close()
        self._closed = True
        self._wire.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"HttpSession({self.config.instance_url or self.config.login_url}, v{self.config.api_version})"

    # --- how ---------------------------------------------------------------------------------------------------------

    def _headers(self, headers: Mapping[str, str] | None = None) -> dict[str, str]:
        return {
            "User-Agent": f"sfdata/{sfdata.__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            **(headers or {}),
        }

    def _json_request(
        self,
        method: str,
        path: str,
        content: Any,
        operation: Operation,
        headers: Mapping[str, str] | None = None,
        watch: Watch | None = None,
        statuses: Collection[int] = (),
    ) -> Request:
        sent = self._headers({"Content-Type": "application/json", **(headers or {})})
        body = _ENCODER.encode(content)
        return Request(method, path, operation, sent, body, watch=watch, statuses=frozenset(statuses))

    def _answer(self, request: Request) -> Response:
        request = replace(request, call=self._call())
        try:
            response = self._usable(request)
        except BaseException as problem:
            _note_attempts(problem, request.call)
            if isinstance(problem, RequestLimitExceeded):
                self.limits.explain(problem)
            if request.operation in _CHANGES:
                self.hooks(_written(request, problem))
            raise
        if request.operation in _CHANGES:
            self.hooks(_written(request, response))
        return response

    def _usable(self, request: Request) -> Response:
        """The answer, if it is one that the caller can use."""
        response = self._send(self._signed, request)
        unchanged = response.status == 304 and "If-Modified-Since" in request.headers
        failure = answer_failure(response)
        if unchanged or response.status in request.statuses or (response.status < 300 and failure is None):
            return response
        error = answer_error(request, response, self.tokens.masked)
        if request.operation in WRITES and failure in IN_DOUBT:
            raise OutcomeUnknown(error.message, error_code=error.error_code, status=response.status)
        if isinstance(error, NotFound):
            error = self._version_error(request) or error
        raise error

    def _send(self, send: Send, request: Request) -> Response:
        if self._closed:
            raise ConnectionFailed("this connection is closed", hint="Make a new one: sfdata.connect(…).")
        if not request.call.id:
            request = replace(request, call=self._call())
        began, failure = self.runtime.clock(), ""
        try:
            return send(request)
        except AttemptFailed as problem:
            fault, failure = problem.error, type(problem.error).__name__
            _note_attempts(fault, request.call)
        except BaseException as problem:
            failure = type(problem).__name__
            raise
        finally:
            self._tell(request, self.runtime.clock() - began, failure)
        raise fault

    def _call(self) -> Call:
        return Call(self.runtime.name())

    def _tell(self, request: Request, seconds: float, failure: str) -> None:
        call, method, path = request.call, request.method, request.path
        counts = (call.status, seconds, call.attempts, call.sent, call.received)
        self.hooks(CallDone(call.id, method, path, *counts, call.org_request_id, failure or None))

    def _fetch_token(self, asked: TokenRequest) -> TokenAnswer:
        operation = Operation.TOKEN if asked.repeatable else Operation.REFRESH
        headers = self._headers({"Content-Type": "application/x-www-form-urlencoded"})
        response = self._send(
            self._unsigned, Request("POST", asked.path, operation, headers, asked.encoded(), asked.origin)
        )
        date = _epoch_seconds(response.headers.get("date"))
        return TokenAnswer(response.status, response.content, date, asked.secrets())

    def _version_error(self, request: Request) -> SalesforceError | None:
        """An error that says so if the path was not found because its API version is not served."""
        asked = re.match(rf"{VERSIONS_PATH}/v([0-9.]+)(?:/|$)", request.path)
        served = self._served_versions() if asked else []
        if not asked or not served or asked[1] in served:
            return None
        return unsupported_version(asked[1], served)

    def _served_versions(self) -> list[str]:
        """The versions the org lists publicly, oldest first; asked once. Empty when it does not tell."""
        with self._versions_lock:
            if self._versions is None:
                request = Request("GET", VERSIONS_PATH, Operation.READ, self._headers(), origin=self.instance_url)
                try:
                    answer = self._send(self._unsigned, request)
                    self._versions = [str(one["version"]) for one in answer.json()] if answer.status == 200 else []
                except (SalesforceError, TypeError, KeyError):
                    self._versions = []
            return self._versions


def _note_attempts(problem: BaseException, call: Call) -> None:
    """Tell in an error how often its request was tried, unless it is about another one: the login's."""
    if isinstance(problem, SalesforceError) and not problem.attempts:
        problem.attempts, problem.quota_exhausted = call.attempts, call.quota_exhausted


def _written(request: Request, outcome: Response | BaseException) -> WriteDone:
    """What became of a write, by its answer or by what was raised in its place."""
    call = request.call
    about = (call.id, request.operation.name.lower(), request.method, request.path)
    query = request.target.partition("?")[2]
    if isinstance(outcome, Response):
        done = outcome.status < 300 or (outcome.status == 404 and outcome.in_doubt and request.method == "DELETE")
        told: Outcome = "done" if done else "refused"
        return WriteDone(*about, told, outcome.status, request.body, outcome.content, call.org_request_id, query=query)
    known = _known(request, outcome)
    code = outcome.error_code if isinstance(outcome, SalesforceError) else None
    kind = type(outcome).__name__
    return WriteDone(*about, known, call.status, request.body, b"", call.org_request_id, kind, code, query)


def _known(request: Request, problem: BaseException) -> Outcome:
    """What is known of a write that raised. `RetryLayer` has told those of `WRITES` that may have been done."""
    if request.call.attempts == 0:
        return "not sent"
    if isinstance(problem, OutcomeUnknown | UnreadableAnswer) or not isinstance(problem, SalesforceError):
        return "unknown"
    if isinstance(problem, TransportError):
        return "not sent" if request.operation in WRITES else "unknown"
    return "refused" if (problem.status or 0) < 500 else "unknown"


def _epoch_seconds(date: str | None) -> float | None:
    """An HTTP date in epoch seconds; None when missing or garbled."""
    try:
        return parsedate_to_datetime(date).timestamp() if date else None
    except (ValueError, OverflowError):
        return None
