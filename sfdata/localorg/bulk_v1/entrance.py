"""What a request to Bulk API 1.0 has of its own: the header of its session, and the form of its refusals.

https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/asynch_api_reference_errors.htm
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from sfdata.localorg.answers import ApiError
from sfdata.localorg.bulk_v1.documents import JSON, XML, asked_form, error
from sfdata.localorg.bulk_v1.jobs import ClassicJob
from sfdata.localorg.routing import Answer, Request

PATH = re.compile(r"/services/async(?:/.*)?", re.IGNORECASE | re.DOTALL)
OF_BATCHES = re.compile(r"/services/async/[^/]+/job/(?P<id>[^/]+)/batch(?:/.*)?", re.IGNORECASE | re.DOTALL)
SESSION = "x-sfdc-session"

CODES: Mapping[str, str] = {
    "API_ERROR": "ClientInputError",
    "FEATURENOTENABLED": "FeatureNotEnabled",
    "INVALIDENTITY": "InvalidEntity",
    "INVALIDJOB": "InvalidJob",
    "INVALIDJOBSTATE": "InvalidJobState",
    "INVALID_AUTH_HEADER": "InvalidSessionId",
    "INVALID_SESSION_ID": "InvalidSessionId",
    "METHOD_NOT_ALLOWED": "InvalidUrl",
    "NOT_FOUND": "InvalidUrl",
    "NOT_IMPLEMENTED": "FeatureNotEnabled",
    "REQUEST_LIMIT_EXCEEDED": "ExceededQuota",
    "UNKNOWN_EXCEPTION": "Unknown",
    "UNSUPPORTED_API_VERSION": "InvalidVersion",
}
"""How Bulk API 1.0 calls what the other APIs call otherwise."""

KEPT_STATUSES = frozenset({405, 415, 500, 501})
"""Every other refusal has status 400."""


def is_here(path: str) -> bool:
    """Whether a path is one of Bulk API 1.0."""
    return PATH.fullmatch(path) is not None


def with_session(path: str, headers: Mapping[str, str]) -> Mapping[str, str]:
    """The headers of a request, the session's where the other APIs have it."""
    token = headers.get(SESSION)
    return {**headers, "authorization": f"Bearer {token}"} if token and is_here(path) else headers


def refused(request: Request, refusal: ApiError) -> Answer:
    """A refusal in the form of the answer that was asked for."""
    code = CODES.get(refusal.error_code, refusal.error_code)
    message = "Invalid session id" if code == "InvalidSessionId" else refusal.message.removeprefix(f"{code} : ")
    status = refusal.status if refusal.status in KEPT_STATUSES else 400
    return error(status, code, message, _form(request))


def _form(request: Request) -> str:
    """Of a job's batches its own form, of all else that of the request."""
    of_batches = OF_BATCHES.fullmatch(request.path)
    job = request.org.bulk.jobs.get(of_batches["id"]) if of_batches else None
    return told_in(job) if isinstance(job, ClassicJob) else asked_form(request) or XML


def told_in(job: ClassicJob) -> str:
    """The form in which a job's batches are told of."""
    return JSON if job.settings.content_type == JSON else XML
