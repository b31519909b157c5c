"""The query resource: pages of results as the org sends them, and its plans.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_query.htm
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec

from sfdata.errors import UnreadableAnswer
from sfdata.resilience.retry import Operation
from sfdata.transport.http_session import HttpSession
from sfdata.transport.messages import Watch

LONGEST_TARGET = 12_000
"""Bytes of path and query string that go by GET. The org allows 16,384 with the headers, and a token can be long."""


def first_page(session: HttpSession, soql: str, *, all_rows: bool = False, watch: Watch | None = None) -> bytes:
    """The first page of a query's result, as JSON. ``all_rows`` includes deleted and archived rows.

    ``watch`` sees the bytes while they arrive. A query too long for an address goes in a body instead; it costs one API
    call either way.

    Raises:
        ResponseError: the org refused the query, e.g. `MalformedQuery`, `InvalidField`.
    """
    resource = "queryAll" if all_rows else "query"
    return _ask(session, f"{session.data_path}/{resource}", {"q": soql}, watch)


def next_page(session: HttpSession, url: str, *, watch: Watch | None = None) -> bytes:
    """The page behind a ``nextRecordsUrl``, as JSON. Only a path of the org itself is followed.

    ``watch`` sees the bytes while they arrive.

    Raises:
        InvalidQueryLocator: the cursor is older than two days, or unknown.
    """
    return session.get(url, operation=Operation.NEXT_PAGE, watch=watch).content


def explain(session: HttpSession, soql: str) -> dict[str, Any]:
    """The org's plans for a query, the one it would take first: ``{"plans": [...], "sourceQuery": ...}``.

    https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_query_explain.htm
    """
    try:
        plans = msgspec.json.decode(_ask(session, f"{session.data_path}/query", {"explain": soql}))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        plans = None
    if not isinstance(plans, dict) or not isinstance(plans.get("plans"), list):
        raise UnreadableAnswer("the answer holds no query plans")
    return plans


def _ask(session: HttpSession, path: str, params: Mapping[str, str], watch: Watch | None = None) -> bytes:
    target = f"{path}?{urlencode(params)}"
    if len(target) > LONGEST_TARGET:
        return _ask_by_body(session, target, watch)
    return session.get(target, operation=Operation.FIRST_PAGE, watch=watch).content


class _SubAnswer(msgspec.Struct):
    body: msgspec.Raw
    httpStatusCode: int  # noqa: N815 - Salesforce's word


class _Composite(msgspec.Struct):
    compositeResponse: tuple[_SubAnswer]  # noqa: N815 - Salesforce's word


def _ask_by_body(session: HttpSession, target: str, watch: Watch | None) -> bytes:
    """The same GET, as the only part of a composite request.

    https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_composite.htm
    """
    part = {"method": "GET", "url": target, "referenceId": "query"}
    path, content = f"{session.data_path}/composite", {"compositeRequest": [part]}
    answer = session.post(path, content=content, operation=Operation.FIRST_PAGE, watch=watch)
    try:
        inner = msgspec.json.decode(answer.content, type=_Composite).compositeResponse[0]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        inner = None
    if inner is None:
        raise UnreadableAnswer("the answer to a composite request is not of its form")
    if inner.httpStatusCode >= 300:
        raise session.error(f"{session.data_path}/query", inner.httpStatusCode, bytes(inner.body))
    return bytes(inner.body)
