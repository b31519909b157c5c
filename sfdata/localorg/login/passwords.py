"""Passwords of users: kept as digests, checked with or without a security token, set and reset by the administrator.

The vendor's page: https://developer.salesforce.com/docs/platform/api-rest/guide/dome-sobject-user-password.html
"""

from __future__ import annotations

import hmac
from threading import Lock
from typing import TYPE_CHECKING

from sfdata.localorg.answers import ApiError, not_found
from sfdata.localorg.ids import normalize
from sfdata.localorg.login.credentials import digest_of, random_text
from sfdata.localorg.routing import Answer, Request, Route, json_answer

if TYPE_CHECKING:
    from sfdata.localorg.instance import Instance

SHORTEST = 8
RESET_LENGTH = 12


class Passwords:
    """Who has which password. The org's network counts as trusted, so that a security token may be left out."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._accepted: dict[str, tuple[bytes, ...]] = {}

    def set(self, user_id: str, password: str, security_token: str = "") -> None:
        """From now on only ``password``, alone or followed by the security token, lets this user in."""
        with self._lock:
            self._accepted[user_id] = (digest_of(password), digest_of(password + security_token))

    def fits(self, user_id: str, given: str) -> bool:
        """Whether ``given`` lets this user in; nobody gets in who has no password yet."""
        with self._lock:
            accepted = self._accepted.get(user_id, ())
        digest = digest_of(given)
        return any(hmac.compare_digest(digest, each) for each in accepted)


def change(org: Instance, user_id: str, password: str) -> None:
    """Give a user a password; refresh tokens of before end with the old one.

    Raises:
        ApiError: INVALID_NEW_PASSWORD for one that the org's policy (Salesforce's usual one) does not allow.
    """
    if len(password) < SHORTEST:
        message = f"Your password must be at least {SHORTEST} characters long."
        raise ApiError(400, "INVALID_NEW_PASSWORD", message)
    if password.isdigit() or not any(map(str.isdigit, password)):
        raise ApiError(400, "INVALID_NEW_PASSWORD", "Your password must have a mix of letters and numbers.")
    org.passwords.set(user_id, password)
    for approval in org.refresh_tokens.revoke_user(user_id):
        org.sessions.revoke_approval(approval)


def reset(org: Instance, user_id: str) -> str:
    """Give a user a new random password, and return it."""
    password = f"{random_text(RESET_LENGTH)}1"
    change(org, user_id, password)
    return password


def expiration(request: Request) -> Answer:
    """``GET sobjects/User/ID/password``: no password of this org expires."""
    _owner(request)
    return json_answer({"isExpired": False})


def set_password(request: Request) -> Answer:
    """``POST sobjects/User/ID/password``: the ``NewPassword`` of the body."""
    user_id, body = _owner(request), request.json
    password = body.get("NewPassword") if isinstance(body, dict) else None
    if not isinstance(password, str):
        raise ApiError(400, "MISSING_ARGUMENT", "The NewPassword is missing.")
    change(request.org, user_id, password)
    return Answer(204)


def reset_password(request: Request) -> Answer:
    """``DELETE sobjects/User/ID/password``: a new random one, which the answer tells."""
    return json_answer({"NewPassword": reset(request.org, _owner(request))})


def _owner(request: Request) -> str:
    user = request.org.user(normalize(request.args["id"]) or "")
    if user is None:
        raise not_found()
    return str(user["Id"])


PASSWORD = "/services/data/v{version}/sobjects/User/{id}/password"  # noqa: S105 - a path

ROUTES: tuple[Route, ...] = (
    Route("GET", PASSWORD, expiration, "Whether a user's password has expired"),
    Route("POST", PASSWORD, set_password, "Set a user's password"),
    Route("DELETE", PASSWORD, reset_password, "Reset a user's password"),
)
