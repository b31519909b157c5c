"""The OAuth endpoints: token, introspect, revoke. Who gets a token is decided by `grants`.

The vendor's page: https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_endpoints.htm
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode

from sfdata.localorg.instance import Instance
from sfdata.localorg.login.grants import GRANTS, NO_STORE, TOKEN_PATH, Form, Granted, Refusal, check_client, required
from sfdata.localorg.login.id_token import id_claims
from sfdata.localorg.login.identity import identity_url
from sfdata.localorg.login.refresh_tokens import Approval
from sfdata.localorg.login.sessions import Session
from sfdata.localorg.routing import Answer, Request, Route, json_answer
from sfdata.localorg.xml_forms import DECLARATION, xml_text

MOST_FIELDS = 100
FORM = "application/x-www-form-urlencoded;charset=UTF-8"
XML = "application/xml;charset=UTF-8"


def token(request: Request) -> Answer:
    """``POST /services/oauth2/token``: an access token for whoever the grant lets in.

    ``format`` (or ``Accept``) may ask for ``urlencoded`` or ``xml`` in place of JSON.
    """
    wanted, accepted = request.query.get("format"), request.headers.get("accept", "")
    try:
        form = form_of(request)
        wanted = form.get("format")
        body, status = token_body(request.org, *_granted(request.org, form)), 200
    except Refusal as refused:
        body, status = refused.body, 400
    return FORMATS[_format(wanted, accepted)](body, status)


def _granted(org: Instance, form: Form) -> tuple[str, Granted]:
    if form.get("response_type") == "device_code":
        # Blocked since September 2025 for apps that are not installed.
        check_client(org, form, secret_required=False)
        raise Refusal("invalid_grant", "device flow is not enabled for the app")
    grant = required(form, "grant_type")
    if grant not in GRANTS:
        raise Refusal("unsupported_grant_type", "grant type not supported")
    return grant, GRANTS[grant](org, form)


def token_by_get(request: Request) -> Answer:
    """Salesforce's own words for the wrong method."""
    raise Refusal("invalid_request", "must use HTTP POST")


def introspect(request: Request) -> Answer:
    """``POST /services/oauth2/introspect`` (RFC 7662), for the app itself."""
    org, form = request.org, form_of(request)
    check_client(org, form)
    given = required(form, "token")
    session, approval = org.sessions.find(given, extend=False), org.refresh_tokens.find(given)
    if session is not None:
        return json_answer(_introspection(org, session), headers=NO_STORE)
    if approval is not None:
        return json_answer(_refresh_introspection(org, approval), headers=NO_STORE)
    return json_answer({"active": False}, headers=NO_STORE)


def revoke(request: Request) -> Answer:
    """``/services/oauth2/revoke``: end a session, or the refresh token with every session that came from it."""
    org, given = request.org, form_of(request).get("token", "")
    if org.sessions.revoke(given) or org.revoke_refresh_token(given):
        return Answer(200, headers=NO_STORE)
    # Clients read this one as a query string.
    body = urlencode({"error": "unsupported_token_type", "error_description": "this token type is not supported"})
    return Answer(400, body.encode(), FORM, NO_STORE)


# --- the token answer ------------------------------------------------------------------------------------------------


def token_body(org: Instance, grant: str, granted: Granted) -> dict[str, str]:
    """A new session for whom ``grant`` lets in, and what the client is told of it."""
    user_id, client_id = granted.user["Id"], granted.app.client_id
    approval = granted.approval.number if granted.approval else None
    access_token, session = org.sessions.issue(user_id, grant, granted.scope, client_id=client_id, approval=approval)
    identity = identity_url(org, user_id)
    issued_at = str(int(session.issued_at * 1000))
    digest = hmac.digest(granted.app.secret.encode(), f"{identity}{issued_at}".encode(), sha256)
    body = {
        "access_token": access_token,
        "refresh_token": granted.refresh_token,
        "signature": base64.b64encode(digest).decode(),
        "scope": granted.scope,
        "id_token": _id_token(org, granted, access_token),
        "instance_url": org.instance_url,
        "id": identity,
        "token_type": "Bearer",
        "issued_at": issued_at,
    }
    return {name: value for name, value in body.items() if value is not None}


def _id_token(org: Instance, granted: Granted, access_token: str) -> str | None:
    if "openid" not in granted.scope.split():
        return None
    claims = id_claims(
        granted.user,
        granted.scope,
        issuer=org.instance_url,
        subject=identity_url(org, granted.user["Id"]),
        client_id=granted.app.client_id,
        access_token=access_token,
        nonce=granted.nonce,
    )
    return org.signing_key.sign(claims)


def _format(wanted: str | None, accepted: str) -> str:
    if wanted is not None and wanted in FORMATS:
        return wanted
    return next((name for media, name in MEDIA_TYPES.items() if media in accepted.lower()), "json")


def _urlencoded(body: Mapping[str, str], status: int) -> Answer:
    return Answer(status, urlencode(body).encode(), FORM, NO_STORE)


def _xml(body: Mapping[str, str], status: int) -> Answer:
    elements = "".join(f"<{name}>{xml_text(value)}</{name}>" for name, value in body.items())
    return Answer(status, f"{DECLARATION}<OAuth>{elements}</OAuth>".encode(), XML, NO_STORE)


FORMATS: Mapping[str, Callable[[Mapping[str, str], int], Answer]] = {
    "json": lambda body, status: json_answer(body, status, NO_STORE),
    "urlencoded": _urlencoded,
    "xml": _xml,
}
MEDIA_TYPES = {"application/json": "json", "application/x-www-form-urlencoded": "urlencoded", "application/xml": "xml"}
"""What ``Accept`` may name. Several of them: JSON comes first."""


# --- introspection ---------------------------------------------------------------------------------------------------


def _introspection(org: Instance, session: Session) -> dict[str, Any]:
    return {
        **_introspected(org, session.user_id, session.scope, session.client_id),
        "token_type": "access_token",
        "exp": int(session.expires_at),
        "iat": int(session.issued_at),
        "nbf": int(session.issued_at),
    }


def _refresh_introspection(org: Instance, approval: Approval) -> dict[str, Any]:
    return {
        **_introspected(org, approval.user_id, approval.scope, approval.client_id),
        "token_type": "refresh_token",
        "iat": int(approval.issued_at),
        "nbf": int(approval.issued_at),
    }


def _introspected(org: Instance, user_id: str, scope: str, client_id: str | None) -> dict[str, Any]:
    return {
        "active": True,
        "scope": scope,
        "client_id": client_id or org.credentials.client_id,
        "username": (org.user(user_id) or {}).get("Username"),
        "sub": identity_url(org, user_id),
    }


def form_of(request: Request) -> Form:
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
