"""From a request to its answer: version, session, allowance, route, handler, error form.

Everything here is independent of sockets, so each rule can be tried with a function call.
"""

from __future__ import annotations

import re
import secrets
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from io import BytesIO
from typing import IO
from urllib.parse import parse_qsl

import msgspec

from sfdata.localorg import ledger, rest, status_page, tooling, unbuilt, xml_forms
from sfdata.localorg.answers import ApiError
from sfdata.localorg.bulk import resources as bulk
from sfdata.localorg.bulk_v1 import entrance
from sfdata.localorg.bulk_v1 import resources as bulk_v1
from sfdata.localorg.composites import routes as composites
from sfdata.localorg.faults import resource as faults
from sfdata.localorg.faults.plane import early as precede
from sfdata.localorg.faults.plane import suffered
from sfdata.localorg.instance import Instance
from sfdata.localorg.layouts import routes as layouts
from sfdata.localorg.login import authorize, frontdoor, id_token, identity, oauth, passwords, soap
from sfdata.localorg.login.sessions import Session, bearer_token
from sfdata.localorg.records import duplicate_rules, locks, rows
from sfdata.localorg.routing import JSON, Answer, Early, Refused, Request, Route, json_answer, match
from sfdata.localorg.sosl import routes as sosl
from sfdata.localorg.versions import DEPRECATED, is_served, refuse_unserved

ROUTES: tuple[Route, ...] = (
    *status_page.ROUTES,
    *locks.ROUTES,
    *faults.ROUTES,
    *ledger.ROUTES,
    *oauth.ROUTES,
    *authorize.ROUTES,
    *frontdoor.ROUTES,
    *id_token.ROUTES,
    *identity.ROUTES,
    *soap.ROUTES,
    *passwords.ROUTES,
    *rest.ROUTES,
    *layouts.ROUTES,
    *rows.ROUTES,
    *composites.ROUTES,
    *sosl.ROUTES,
    *tooling.ROUTES,
    *bulk.ROUTES,
    *bulk_v1.ROUTES,
)
"""Everything the local org serves; the first route that fits is taken."""

FILE_ROUTES = tuple(route for route in ROUTES if route.takes_file)

MOST_PARAMETERS = 1000
ORIGIN = re.compile(r"^(?:https?://[^/?]*)?(?:/+(?=/))?", re.IGNORECASE)
"""What may stand in front of a path: an origin, and more slashes than one, which clients make of theirs."""

TUNNELLED = re.compile(r"(?:^|&)_HttpMethod=(GET|PUT|PATCH|DELETE)(?:&|$)", re.IGNORECASE)
VERSIONED = re.compile(r"/services/(?:data/v|async/)([^/]+)(?:/.*)?", re.IGNORECASE | re.DOTALL)


def answer(
    org: Instance,
    method: str,
    target: str,
    headers: Mapping[str, str],
    body: bytes | IO[bytes] = b"",
    routes: Sequence[Route] = ROUTES,
) -> Answer:
    """The answer to a request. ``target`` is path and query string, ``headers`` has lower-case names.

    The body is an open file where `takes_file` says so.
    """
    started = time.perf_counter()
    path, _, query = ORIGIN.sub("", target).partition("?")
    path, wants_xml = xml_forms.asked(method, path, headers)
    headers = entrance.with_session(path, headers)
    request = _with_body(Request(method, path, org, headers=headers), body)

    def respond() -> Answer:
        given = _finished(_answered(request, query, routes), org, path, headers)
        return xml_forms.in_xml(given, path) if wants_xml else given

    origin = ledger.ORIGIN.set(org.request_ids.origin(headers.get("authorization")))
    try:
        met = org.faults.met(method, ORIGIN.sub("", target), early=False)
        given = suffered(met, replace(request, query_string=query), respond) if met else respond()
    finally:
        ledger.ORIGIN.reset(origin)
    if path != status_page.PATH:
        org.request_log.add(method, path, given.status, time.perf_counter() - started)
    return given


def early(org: Instance, method: str, target: str, length: int) -> Early | None:
    """The answer to a request whose body of ``length`` bytes is not to be received; None where no fault is."""
    met = org.faults.met(method, ORIGIN.sub("", target), early=True)
    return precede(met, length) if met else None


def takes_file(method: str, target: str) -> bool:
    """Whether a request of this kind wants its body as a file."""
    path, _, query = ORIGIN.sub("", target).partition("?")
    meant = _meant(method, query)
    return any(route.method == meant and route.regex.fullmatch(path) for route in FILE_ROUTES)


def _meant(method: str, query: str) -> str:
    """The method that a request means: ``POST …?_HttpMethod=PATCH`` is for clients that can send no other."""
    named = TUNNELLED.search(query) if method == "POST" else None
    return named[1].upper() if named else method


def _with_body(request: Request, body: bytes | IO[bytes]) -> Request:
    return replace(request, body=body) if isinstance(body, bytes) else replace(request, file=body)


def _answered(request: Request, query: str, routes: Sequence[Route]) -> Answer:
    """What the route's handler answers, or the refusal in its wire form."""
    try:
        serve = _admitted if request.session is None else _serve
        method = _meant(request.method, query)
        return serve(replace(request, method=method, query=_parameters(query), query_string=query), routes)
    except ApiError as refusal:
        return _refused(request, refusal)
    except Refused as refusal:
        return refusal.answer
    except Exception:  # noqa: BLE001 - whatever went wrong in here, the client gets Salesforce's form of it
        return _unexpected(request)


def _admitted(request: Request, routes: Sequence[Route]) -> Answer:
    """The answer to a request from outside: as late as the org is to be, and not with too many others at a time."""
    org = request.org
    with org.usage.under_way() if VERSIONED.fullmatch(request.path) else nullcontext():
        org.options.latency.wait()
        return _serve(request, routes)


def _serve(request: Request, routes: Sequence[Route]) -> Answer:
    versioned = VERSIONED.fullmatch(request.path)
    if versioned:
        refuse_unserved(versioned[1])
    try:
        unbuilt.refuse_of_objects(request.path)
        route, args = match(routes, request.method, request.path)
    except ApiError:
        if versioned:
            _session(request)
        unbuilt.refuse(request.path)
        raise
    if route.public:
        return route.handler(replace(request, args=args))
    session = _session(request)
    if request.session is None:
        request.org.usage.count(request.org.app_name(session))
    request = replace(request, args=args, session=session)
    with duplicate_rules.heeded(request):
        return route.handler(replace(request, within=partial(_within, request, routes)))


def _within(
    outer: Request, routes: Sequence[Route], method: str, target: str, headers: Mapping[str, str], body: bytes
) -> Answer:
    """The answer to a request inside ``outer``: of the same session, and no API call of its own."""
    path, _, query = target.partition("?")
    inner = Request(method, path, outer.org, headers=headers, body=body, session=outer.session, file=BytesIO(body))
    return _answered(inner, query, routes)


def _session(request: Request) -> Session:
    if request.session is not None:
        return request.session
    token = bearer_token(request.headers.get("authorization"))
    if token is None:
        raise ApiError(401, "INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE")
    session = request.org.sessions.find(token)
    if session is None:
        raise ApiError(401, "INVALID_SESSION_ID", "Session expired or invalid")
    return session


def _parameters(query: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(query, keep_blank_values=True, max_num_fields=MOST_PARAMETERS))
    except ValueError:
        raise ApiError(400, "ILLEGAL_QUERY_PARAMETER_VALUE", "Too many parameters in the query string") from None


def _finished(given: Answer, org: Instance, path: str, headers: Mapping[str, str]) -> Answer:
    """With the headers that depend on the path, and indented where the client asked for it."""
    added = {ledger.REQUEST_HEADER: ledger.ORIGIN.get().request}
    versioned = None if entrance.is_here(path) else VERSIONED.fullmatch(path)
    if versioned and given.status != 401:
        session = org.sessions.find(bearer_token(headers.get("authorization")) or "", extend=False)
        added["Sforce-Limit-Info"] = org.usage.header(org.app_name(session))
    if versioned and given.status == 401:
        added["WWW-Authenticate"] = "Token"
    if versioned and is_served(versioned[1]) and float(versioned[1]) <= DEPRECATED:
        added["Warning"] = '299 - "This API version is deprecated and will be removed by Summer \'28."'
    body = given.body
    if body and given.content_type == JSON and headers.get("x-prettyprint") == "1":
        body = msgspec.json.format(body, indent=2)
    return replace(given, body=body, headers={**added, **given.headers})


def _refused(request: Request, refusal: ApiError) -> Answer:
    if entrance.is_here(request.path):
        return entrance.refused(request, refusal)
    return json_answer(refusal.body(), refusal.status)


def _unexpected(request: Request) -> Answer:
    error_id = f"{secrets.randbelow(10**10)}-{secrets.randbelow(10**6)} (-{secrets.randbelow(10**10)})"
    sys.stderr.write(f"local org: error {error_id} in {request.method} {request.path}\n{traceback.format_exc()}")
    message = f"An unexpected error occurred. Please include this ErrorId if you contact support: {error_id}"
    return _refused(request, ApiError(500, "UNKNOWN_EXCEPTION", message))
