"""The grants of the token endpoint: who is allowed in, or the OAuth error that says why not.

The vendor's page: https://help.salesforce.com/s/articleView?id=sf.remoteaccess_oauth_flows.htm
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

from jwt import InvalidSignatureError, PyJWS, PyJWTError

from sfdata.localorg import wall_clock
from sfdata.localorg.login.connected_apps import OFFLINE, ConnectedApp
from sfdata.localorg.login.credentials import same
from sfdata.localorg.login.refresh_tokens import Approval
from sfdata.localorg.routing import Refused, json_answer

if TYPE_CHECKING:
    from sfdata.localorg.instance import Instance
    from sfdata.localorg.login.authorization_codes import Authorization

Form = Mapping[str, str]
User = Mapping[str, Any]
"""A row of the User object."""

NO_STORE = {"Cache-Control": "no-store"}
CLOCK_SKEW_SECONDS = 60
MILLISECONDS_FROM = 1e11
LOGIN_HOSTS = ("https://login.salesforce.com", "https://test.salesforce.com")
TOKEN_PATH = "/services/oauth2/token"  # noqa: S105 - a path
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SCOPE = "api id web"
"""What a flow without an approval page lets an app do."""

MOST_ASSERTIONS = 10_000


@dataclass(frozen=True, slots=True)
class Granted:
    """Whom a grant lets in, through which app, with what scope.

    ``approval`` is what the session ends with; ``refresh_token`` one to hand out; ``nonce`` the client's own, to be
    put into an id token.
    """

    user: User
    app: ConnectedApp
    scope: str = SCOPE
    approval: Approval | None = None
    refresh_token: str | None = None
    nonce: str | None = None


class Refusal(Refused):
    """An OAuth error: ``error`` and ``error_description``, with status 400."""

    def __init__(self, error: str, description: str) -> None:
        self.body = {"error": error, "error_description": description}
        super().__init__(json_answer(self.body, 400, NO_STORE))


class UsedAssertions:
    """The ``jti`` of assertions seen, so that none is used twice. Remembers the latest ten thousand."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._seen: dict[str, None] = {}

    def first_use(self, jti: str) -> bool:
        """Whether ``jti`` is new; from now on it is not."""
        with self._lock:
            if jti in self._seen:
                return False
            self._seen[jti] = None
            if len(self._seen) > MOST_ASSERTIONS:
                del self._seen[next(iter(self._seen))]
            return True


def required(form: Form, name: str) -> str:
    """The parameter ``name``, or the refusal of a form without it."""
    value = form.get(name)
    if not value:
        raise Refusal("invalid_request", f"missing required parameter: {name}")
    return value


def check_client(org: Instance, form: Form, *, secret_required: bool = True) -> ConnectedApp:
    """The connected app that asks; refused where there is none, or where it does not know its secret."""
    app = org.apps.get(required(form, "client_id"))
    if app is None:
        raise Refusal("invalid_client_id", "client identifier invalid")
    secret = form.get("client_secret")
    if (secret or secret_required) and not same(secret or "", app.secret):
        raise Refusal("invalid_client", "invalid client credentials")
    return app


def client_credentials(org: Instance, form: Form) -> Granted:
    """The app acts as its run-as user, the administrator."""
    return Granted(app=check_client(org, form), user=active(org.user(org.user_id)))


def authorization_code(org: Instance, form: Form) -> Granted:
    """The user who approved the app in a browser. A secret is needed unless PKCE proves who asked for the code."""
    app = check_client(org, form, secret_required=not form.get("code_verifier"))
    approved = org.authorization_codes.redeem(required(form, "code"))
    if approved is None or approved.authorization.client_id != app.client_id:
        raise Refusal("invalid_grant", "invalid authorization code")
    if approved.used:
        raise Refusal("invalid_grant", "expired authorization code")
    asked = approved.authorization
    if required(form, "redirect_uri") != asked.redirect_uri:
        raise Refusal("redirect_uri_mismatch", "redirect_uri must match configuration")
    if not asked.is_proved_by(form.get("code_verifier") or None):
        raise Refusal("invalid_grant", "invalid code verifier")
    return approved_by(org, approved.user_id, asked, offline=OFFLINE in asked.scope.split())


def approved_by(org: Instance, user_id: str, asked: Authorization, *, offline: bool) -> Granted:
    """What a user approved in a browser; with a refresh token if the app may come back when the user is ``offline``."""
    user, app = active(org.user(user_id)), org.apps[asked.client_id]
    if not offline:
        return Granted(user, app, asked.scope, nonce=asked.nonce)
    token, approval = org.refresh_tokens.issue(user_id, app.client_id, asked.scope)
    return Granted(user, app, asked.scope, approval, token, asked.nonce)


def refresh_token(org: Instance, form: Form) -> Granted:
    """A new access token for whoever approved the app. It waives the secret; a wrong one is refused."""
    app = check_client(org, form, secret_required=False)
    given = required(form, "refresh_token")
    approval = org.refresh_tokens.find(given)
    if approval is None:
        # One that was rotated away has a thief or a careless owner: neither keeps what followed.
        org.revoke_refresh_token(given)
    if approval is None or approval.client_id != app.client_id:
        raise Refusal("invalid_grant", "expired access/refresh token")
    user = active(org.user(approval.user_id))
    fresh = org.refresh_tokens.rotate(given) if org.options.rotate_refresh_tokens else None
    return Granted(user, app, approval.scope, approval, fresh)


def password(org: Instance, form: Form) -> Granted:
    """User name and password, with or without the security token behind it."""
    app = check_client(org, form)
    user, given = org.user_named(required(form, "username")), required(form, "password")
    if user is None or not org.passwords.fits(user["Id"], given):
        raise Refusal("invalid_grant", "authentication failure")
    return Granted(active(user), app)


def jwt_bearer(org: Instance, form: Form) -> Granted:
    """The subject of an assertion that the app's private key signed. Every user has approved the app."""
    claims = _verified(org, required(form, "assertion"))
    if not _audiences(claims) & _own_audiences(org.instance_url):
        raise Refusal("invalid_grant", "Audience validation failed")
    expiry = _seconds(claims.get("exp"))
    if expiry is None:
        raise Refusal("invalid_grant", "invalid assertion")
    if expiry < wall_clock.seconds() - CLOCK_SKEW_SECONDS:
        raise Refusal("invalid_grant", "expired authorization code")
    jti = claims.get("jti")
    if jti is not None and not org.used_assertions.first_use(str(jti)):
        raise Refusal("invalid_grant", "invalid assertion")
    user = org.user_named(str(claims.get("sub") or claims.get("prn") or ""))
    if user is None:
        raise Refusal("invalid_grant", "user hasn't approved this consumer")
    return Granted(active(user), org.apps[org.credentials.client_id])


GRANTS: Mapping[str, Callable[[Instance, Form], Granted]] = {
    JWT_BEARER: jwt_bearer,
    "authorization_code": authorization_code,
    "client_credentials": client_credentials,
    "refresh_token": refresh_token,
    "password": password,
}


def active(user: User | None) -> User:
    """``user``, unless missing or inactive."""
    if user is None or not user.get("IsActive"):
        raise Refusal("invalid_grant", "inactive user")
    return user


def _verified(org: Instance, assertion: str) -> Mapping[str, Any]:
    """The claims of an assertion whose issuer is the app and whose signature is its key's."""
    jws = PyJWS(algorithms=["RS256"])
    try:
        unchecked = _claims(jws.decode_complete(assertion, options={"verify_signature": False})["payload"])
        if not same(str(unchecked.get("iss")), org.credentials.client_id):
            raise Refusal("invalid_client_id", "client identifier invalid")
        return _claims(jws.decode(assertion, org.credentials.public_key, algorithms=["RS256"]))
    except InvalidSignatureError:
        raise Refusal("invalid_grant", "Invalid JWT Signature.") from None
    except PyJWTError:
        raise Refusal("invalid_grant", "invalid assertion") from None


def _claims(payload: bytes) -> Mapping[str, Any]:
    try:
        claims = json.loads(payload)
    except (ValueError, RecursionError):
        claims = None
    if not isinstance(claims, dict):
        raise Refusal("invalid_grant", "invalid assertion")
    return claims


def _audiences(claims: Mapping[str, Any]) -> set[str]:
    given = claims.get("aud")
    return {
        str(audience).rstrip("/").removesuffix(TOKEN_PATH)
        for audience in (given if isinstance(given, list) else [given])
    }


def _own_audiences(instance_url: str) -> set[str]:
    # The same server under its other loopback names.
    scheme, _, authority = instance_url.partition("://")
    port = authority.rpartition(":")[2]
    return {instance_url, *LOGIN_HOSTS, *(f"{scheme}://{name}:{port}" for name in ("localhost", "127.0.0.1", "[::1]"))}


def _seconds(expiry: Any) -> float | None:
    """``exp`` in seconds: clients send numbers or digits in a text, seconds or milliseconds, and the org takes all."""
    if isinstance(expiry, bool) or not isinstance(expiry, int | float | str):
        return None
    try:
        seconds = float(expiry)
    except (ValueError, OverflowError):
        return None
    if not math.isfinite(seconds):
        return None
    return seconds / 1000 if seconds >= MILLISECONDS_FROM else seconds
