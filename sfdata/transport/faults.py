"""From trouble on the wire, or an answer that is an error, to one of sfdata's exceptions; and its class for the retry.

Messages name the method, host and path, never a query string, a header or a body: those may hold a token.
"""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx

from sfdata.config import is_local
from sfdata.error_codes import response_error
from sfdata.errors import (
    ConnectionFailed,
    RequestTimeout,
    SalesforceError,
    SessionExpired,
    TransportError,
    UnreadableAnswer,
    UnsupportedApiVersion,
)
from sfdata.resilience.retry import Failure, Verdict, retry_after, status_failure
from sfdata.transport.bodies import BodyCut, BodyUnreadable
from sfdata.transport.messages import Request, Response

LONGEST_MESSAGE = 2000

Mask = Callable[[str], str]
"""Hides the connection's secrets in a text that came from outside."""


class AttemptFailed(Exception):
    """One attempt brought no answer: ``error`` is what to raise if it was the last, ``verdict`` what the retry asks."""

    def __init__(self, error: TransportError, verdict: Verdict) -> None:
        super().__init__(verdict.reason)
        self.error = error
        self.verdict = verdict


# --- no answer -------------------------------------------------------------------------------------------------------


def wire_fault(problem: Exception, request: Request, *, answering: bool) -> AttemptFailed:
    """What ``problem``, met while sending ``request``, means. ``answering``: the answer had begun to arrive."""
    if isinstance(problem, httpx.ConnectError | httpx.ProxyError | httpx.ConnectTimeout | httpx.PoolTimeout):
        return _no_connection(problem, request)
    if isinstance(problem, BodyUnreadable):
        error: TransportError = UnreadableAnswer(f"{request}: the answer is {problem}")
        return AttemptFailed(error, Verdict(Failure.POISON, f"answer {problem}"))
    sent = Failure.TRUNCATED if answering else Failure.AMBIGUOUS
    if isinstance(problem, httpx.TimeoutException):
        error = RequestTimeout(f"{request}: no complete answer in the time allowed", hint="SF_TIMEOUT_SECONDS sets it.")
        return AttemptFailed(error, Verdict(sent, "timed out", timed_out=True))
    if isinstance(problem, BodyCut) or answering:
        error = UnreadableAnswer(f"{request}: the answer broke off before its end")
        return AttemptFailed(error, Verdict(Failure.TRUNCATED, "answer cut short"))
    if isinstance(problem, httpx.LocalProtocolError | httpx.UnsupportedProtocol | httpx.InvalidURL):
        error = ConnectionFailed(f"{request}: the request cannot be sent as it stands")
        return AttemptFailed(error, Verdict(Failure.REFUSED, "request not valid"))
    error = ConnectionFailed(f"{request}: the connection broke before an answer arrived", hint=_local_hint(request))
    return AttemptFailed(error, Verdict(sent, "connection lost"))


def _no_connection(problem: Exception, request: Request) -> AttemptFailed:
    host = urlsplit(request.origin).netloc
    if isinstance(problem, httpx.TimeoutException):
        error: TransportError = RequestTimeout(f"{request}: no connection to {host} in the time allowed")
        return AttemptFailed(error, Verdict(Failure.NOT_SENT, "no connection in time", timed_out=True))
    if isinstance(problem, httpx.ProxyError):
        error = ConnectionFailed(
            f"{request}: the proxy did not connect us ({_clean(str(problem))})",
            hint="The proxy comes from HTTPS_PROXY or the system's settings; NO_PROXY lists exceptions.",
        )
        return AttemptFailed(error, Verdict(Failure.NOT_SENT, "proxy refused"))
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in _causes(problem)):
        error = ConnectionFailed(
            f"{request}: {host} shows a certificate that is not trusted",
            hint="SF_CA_FILE names a PEM file of the certificates to trust. There is no switch to trust everything.",
        )
        return AttemptFailed(error, Verdict(Failure.REFUSED, "certificate not trusted"))
    error = ConnectionFailed(f"{request}: no connection to {host} ({_clean(str(problem))})", hint=_local_hint(request))
    return AttemptFailed(error, Verdict(Failure.NOT_SENT, "no connection"))


def _causes(problem: BaseException | None) -> Iterator[BaseException]:
    while problem is not None:
        yield problem
        problem = problem.__cause__ or problem.__context__


def _local_hint(request: Request) -> str | None:
    return "Is the local org still running?" if is_local(request.origin) else None


# --- an answer that is an error --------------------------------------------------------------------------------------


# An org that has no calls left says so with 403; one that is asked too much at a time uses the same code.
_LIMIT = re.compile(rb'"(?:errorCode|exceptionCode)"\s*:\s*"REQUEST_LIMIT_EXCEEDED"')
_AT_A_TIME = re.compile(rb'"(?:message|exceptionMessage)"\s*:\s*"Concurrent')


def answer_failure(response: Response) -> Failure | None:
    """The class of an answer; None for one to be used as it is."""
    if response.status < 300:
        return Failure.POISON if response.media_type == "text/html" else None
    if 400 <= response.status < 500 and _LIMIT.search(response.content):
        return Failure.REFUSED_BEFORE_WORK if _AT_A_TIME.search(response.content) else Failure.EXHAUSTED
    return status_failure(response.status)


def answer_verdict(response: Response, now: float) -> Verdict | None:
    """Why an answer is a failure, and when the org wants to be asked again; ``now`` is epoch seconds."""
    failure = answer_failure(response)
    if failure is None:
        return None
    reason = "a page instead of data" if failure is Failure.POISON else f"status {response.status}"
    return Verdict(failure, reason, retry_after=retry_after(response.headers.get("retry-after"), now))


def answer_error(request: Request, response: Response, mask: Mask) -> SalesforceError:
    """The exception for an answer that is no success. ``mask`` is for what the answer repeats of us."""
    status = response.status
    if status < 400:
        return _not_data(request, response, mask)
    errors = [_cleaned(error, mask) for error in _errors(response)]
    if status == 401:
        first = errors[0] if errors else {}
        return SessionExpired(
            first.get("message") or "the org does not accept the session",
            error_code=first.get("errorCode"),
            status=status,
            hint="A fresh login did not help: check the user's API access and the app's session policies.",
        )
    if errors:
        return response_error(status, errors)
    error = response_error(status, [{"message": f"{request}: {_unexplained(response, mask)}"}])
    if status in (414, 431):
        error.hint = "The query is longer than an address may be."
    return error


def unsupported_version(version: str, served: list[str]) -> UnsupportedApiVersion:
    """The exception for a pinned version that is not among those the org serves."""
    return UnsupportedApiVersion(
        f"the org does not serve API version {version}; it serves {served[0]} to {served[-1]}",
        error_code="UNSUPPORTED_API_VERSION",
        status=404,
        hint=f"Set SF_API_VERSION (or api_version) to {served[-1]} or an older one.",
    )


def _not_data(request: Request, response: Response, mask: Mask) -> UnreadableAnswer:
    if 300 <= response.status < 400:
        goal = urlsplit(response.headers.get("location", "")).hostname
        where = f" to {_clean(goal, mask)}" if goal else ""
        return UnreadableAnswer(
            f"{request}: the org redirects{where} (status {response.status}), which is not followed",
            status=response.status,
            hint="Is the instance URL the org's My Domain address?",
        )
    return UnreadableAnswer(f"{request}: {_unexplained(response, mask)}", status=response.status)


def _errors(response: Response) -> list[dict[str, Any]]:
    """The errors an answer lists: Salesforce's list, one object of it, or an OAuth error; else none."""
    try:
        content = json.loads(response.content)
    except (ValueError, RecursionError):
        return []
    if isinstance(content, dict) and isinstance(content.get("error"), str):
        content = {"errorCode": content["error"], "message": content.get("error_description")}
    listed = content if isinstance(content, list) else [content]
    return [error for error in listed if isinstance(error, dict) and {"message", "errorCode"} & error.keys()]


def _cleaned(error: dict[str, Any], mask: Mask) -> dict[str, Any]:
    fields = error.get("fields")
    return {
        "message": _clean(str(error.get("message") or ""), mask),
        "errorCode": _clean(str(error["errorCode"]), mask) if error.get("errorCode") else None,
        "fields": [_clean(str(name), mask) for name in fields] if isinstance(fields, list) else [],
    }


def _unexplained(response: Response, mask: Mask) -> str:
    """What an answer without an error list says: a page's title, or a short plain text."""
    text = response.content[:4096].decode("utf-8", errors="replace")
    if response.media_type == "text/html" or text.lstrip()[:1] == "<":
        title = re.search(r"<title[^>]*>([^<]{1,200})", text, re.IGNORECASE)
        said = f" titled {_clean(title[1], mask).strip()!r}" if title else ""
        return f"a page{said} came instead of data (status {response.status})"
    said = f": {_clean(text, mask)[:200]}" if response.media_type == "text/plain" and text.strip() else ""
    return f"status {response.status} without an explanation{said}"


def _clean(text: str, mask: Mask = str) -> str:
    """``text`` without secrets and without what a terminal would obey, cut to a bearable length."""
    kept = "".join(char for char in mask(text) if char in "\n\t" or char.isprintable())
    return kept if len(kept) <= LONGEST_MESSAGE else f"{kept[:LONGEST_MESSAGE]}…"
