"""Conditional requests: reading what changed, and writing only what did not.

The vendor's page:
https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/intro_rest_conditional_requests.htm
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from sfdata.localorg.answers import ApiError
from sfdata.localorg.routing import Answer, Request

READING = frozenset({"GET", "HEAD"})
TAG = re.compile(r'(?:W/)?"([^"]*?)(?:--(?:gzip|deflate))?"|(\*)')
"""A tag without the mark that the server puts on those of packed answers."""


def unmet(request: Request, state: Mapping[str, str]) -> Answer | None:
    """The answer to a request whose conditions do not fit; None where they do.

    ``state`` has the resource's headers that tell its states apart, ``ETag`` and ``Last-Modified``. A condition on one
    that the resource does not have is ignored, and so is a condition without meaning when reading.

    Raises:
        ApiError: 400 for a condition without meaning when writing.
    """
    reads = request.method in READING
    etag, changed = state.get("ETag"), _date(state, "Last-Modified", lenient=True)
    wanted, known = _tags(request, "if-match"), _tags(request, "if-none-match")
    until = _date(request.headers, "if-unmodified-since", lenient=reads)
    since = _date(request.headers, "if-modified-since", lenient=True)
    if wanted and etag:
        if not _among(etag, wanted):
            return Answer(412)
    elif until and changed and changed > until:
        return Answer(412)
    if known and etag:
        unwanted = _among(etag, known)
    else:
        unwanted = reads and since is not None and changed is not None and changed <= since
    if not unwanted:
        return None
    return Answer(304, headers=state) if reads else Answer(412)


def _among(etag: str, tags: set[str]) -> bool:
    return etag in tags or "*" in tags


def _tags(request: Request, header: str) -> set[str]:
    """The tags of a header, without the marks of packed answers."""
    text = request.headers.get(header, "")
    found = {"*" if tag[2] else f'"{tag[1]}"' for tag in TAG.finditer(text)}
    if text and not found and request.method not in READING:
        raise _invalid(header, text)
    return found


def _date(headers: Mapping[str, str], name: str, *, lenient: bool) -> datetime | None:
    text = headers.get(name)
    if text is None:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        if lenient:
            return None
        raise _invalid(name, text) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _invalid(name: str, text: str) -> ApiError:
    return ApiError(400, "INVALID_HEADER", f"The value of {name.title()} is invalid: {text}")
