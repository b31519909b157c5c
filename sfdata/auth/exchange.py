"""What passes between us and a token endpoint: the request, the answer, and the token it holds."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from sfdata.secret import Secret, in_clear


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A form to be posted to the token endpoint at ``origin``.

    ``repeatable`` is false where a lost answer may have used the grant up (a refresh token that rotates).
    """

    origin: str
    path: str
    form: Mapping[str, str | Secret] = field(repr=False)
    repeatable: bool = True

    def encoded(self) -> bytes:
        """The body, with its secrets in clear: for the wire and nothing else."""
        return urlencode({name: in_clear(value) for name, value in self.form.items()}).encode()

    def secrets(self) -> tuple[Secret, ...]:
        """The secrets in the form."""
        return tuple(value for value in self.form.values() if isinstance(value, Secret))


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """What the token endpoint answered.

    ``date`` is its own clock (epoch seconds), if it told; ``sent`` are the secrets it was sent, which a message must
    not repeat should the answer do so.
    """

    status: int
    body: bytes = field(repr=False)
    date: float | None = None
    sent: tuple[Secret, ...] = ()


@dataclass(frozen=True, slots=True)
class Token:
    """An access token, and what is known of it.

    Attributes:
        access: the token.
        instance_url: the only address it may be sent to.
        identity_url: ``https://login.salesforce.com/id/ORG/USER``; names the org and the user.
        refresh: a new refresh token, where the grant rotates them.
        lifetime: seconds it is good for, where it says so itself (tokens in JWT form).
        found: whether another process fetched it, so that it may have ended since.
    """

    access: Secret
    instance_url: str
    identity_url: str | None = None
    refresh: Secret | None = None
    lifetime: float | None = None
    found: bool = field(default=False, compare=False)

    @property
    def org_id(self) -> str | None:
        """The org's Id, 18 characters from the identity URL or 15 from the token itself."""
        return self._identity(1) or self._org_in_token()

    @property
    def user_id(self) -> str | None:
        """The user's Id, if the login told it."""
        return self._identity(2)

    def _identity(self, group: int) -> str | None:
        found = re.search(r"/id/(00D\w{12,15})/(005\w{12,15})$", self.identity_url or "")
        return found[group] if found else None

    def _org_in_token(self) -> str | None:
        found = re.match(r"(00D\w{12,15})!", self.access.reveal())
        return found[1] if found else None


def lifetime_in(access: Secret) -> float | None:
    """The seconds between ``iat`` and ``exp`` of a token in JWT form; None for the usual opaque one."""
    claims = _claims(access)
    begin, end = claims.get("iat", claims.get("nbf")), claims.get("exp")
    if isinstance(begin, int | float) and isinstance(end, int | float) and end > begin:
        return float(end - begin)
    return None


def _claims(access: Secret) -> dict[str, Any]:
    payload = access.reveal().split(".")[1] if access.reveal().count(".") == 2 else ""
    try:
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}
