"""The OAuth endpoints: token, introspect, revoke. Who gets a token is decided by `grants`.

The vendor's page: https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_endpoints.htm
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode

from sfdata.localorg.grants import GRANTS, NO_STORE, TOKEN_PATH, Form, Refusal, check_client, required
from sfdata.localorg.identity import identity_url
from sfdata.localorg.instance import Instance
from sfdata.localorg.routing import Answer, Request, Route, json_answer
from sfdata.localorg.sessions import Session

MOST_FIELDS = 100
FORM = "application/x-www-form-urlencoded;charset=UTF-8"
SCOPE = "api id web"
SCOPES = {"refresh_token": "refresh_token api id web"}


def token(request: Request) -> Answer:
    """``POST /services/oauth2/token``: an access token for whoever the grant lets in."""
    org, form = request.org, _form(request)
    grant = required(form, "grant_type")
    if grant not in GRANTS:
        raise Refusal("unsupported_grant_type", "grant type not supported")
    user = GRANTS[grant](org, form)
    return json_answer(_token_body(org, user["Id"], grant), headers=NO_STORE)


def token_by_get(request: Request) -> Answer:
    """Salesforce's own words for the wrong method."""
    raise Refusal("invalid_request", "must use HTTP POST")


def introspect(request: Request) -> Answer:
    """``POST /services/oauth2/introspect`` (RFC 7662), for the app itself."""
    org, form = request.org, _form(request)
    check_client(org, form)
    given = required(form, "token")
    session = org.sessions.find(given, extend=False)
    if session is not None:
        return json_answer(_introspection(org, session), headers=NO_STORE)
    if org.is_refresh_token(given):
        return json_answer(_refresh_introspection(org), headers=NO_STORE)
    return json_answer({"active": False}, headers=NO_STORE)


def revoke(request: Request) -> Answer:
    """``/services/oauth2/revoke``: end a session, or the refresh token with every session that came from it."""
    org, given = request.org, _form(request).get("token", "")
    if org.sessions.revoke(given) or org.revoke_refresh_token(given):
        return Answer(200, headers=NO_STORE)
    # Clients read this one as a query string.
    body = urlencode({"error": "unsupported_token_type", "error_description": "this token type is not supported"})
    return Answer(400, body.encode(), FORM, NO_STORE)


def _token_body(org: Instance, user_id: str, grant: str) -> dict[str, Any]:
    scope = SCOPES.get(grant, SCOPE)
    access_token, session = org.sessions.issue(user_id, grant, scope)
    identity = identity_url(org, user_id)
    issued_at = str(int(session.issued_at * 1000))
    digest = hmac.digest(org.credentials.client_secret.encode(), f"{identity}{issued_at}".encode(), sha256)
    return {
        "access_token": access_token,
        "signature": base64.b64encode(digest).decode(),
        "scope": scope,
        "instance_url": org.instance_url,
        "id": identity,
        "token_type": "Bearer",
        "issued_at": issued_at,
    }


def _introspection(org: Instance, session: Session) -> dict[str, Any]:
    user = org.user(session.user_id) or {}
    return {
        "active": True,
        "scope": session.scope,
        "client_id": org.credentials.client_id,
        "username": user.get("Username"),
        "sub": identity_url(org, session.user_id),
        "token_type": "access_token",
        "exp": int(session.expires_at),
        "iat": int(session.issued_at),
        "nbf": int(session.issued_at),
    }


def _refresh_introspection(org: Instance) -> dict[str, Any]:
    user = org.user(org.user_id) or {}
    return {
        "active": True,
        "scope": SCOPES["refresh_token"],
        "client_id": org.credentials.client_id,
        "username": user.get("Username"),
        "sub": identity_url(org, org.user_id),
        "token_type": "refresh_token",
        "iat": int(org.started_at.timestamp()),
        "nbf": int(org.started_at.timestamp()),
    }


def _form(request: Request) -> Form:
    """The parameters of query string, form body and Basic authorization; the later ones win."""
    try:
        fields = parse_qsl(request.body.decode(errors="replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise Refusal("invalid_request", "too many parameters") from None
    return {**request.query, **dict(fields), **_basic(request.headers.get("authorization", ""))}


def _basic(authorization: str) -> dict[str, str]:
    scheme, _, value = authorization.strip().partition(" ")
    if scheme.lower() != "basic":
        return {}
    try:
        client_id, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise Refusal("invalid_client", "invalid client credentials") from None
    return {"client_id": unquote(client_id), "client_secret": unquote(secret)}


def _public(method: str, name: str, handler: Callable[[Request], Answer], what: str) -> Route:
    return Route(method, f"/services/oauth2/{name}", handler, what, public=True)


ROUTES: tuple[Route, ...] = (
    Route("POST", TOKEN_PATH, token, "OAuth token", public=True),
    Route("GET", TOKEN_PATH, token_by_get, "OAuth token", public=True),
    _public("POST", "introspect", introspect, "OAuth token introspection"),
    _public("POST", "revoke", revoke, "OAuth revocation"),
    _public("GET", "revoke", revoke, "OAuth revocation"),
)
