"""Id tokens: who logged in, signed so that anybody can check it with the org's public key.

The vendor's page: https://help.salesforce.com/s/articleView?id=sf.remoteaccess_using_openid.htm
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Mapping
from functools import cached_property
from threading import Lock
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from sfdata.localorg.login.credentials import random_text
from sfdata.localorg.routing import Answer, Request, Route, json_answer

ALGORITHM = "RS256"
KEYS_PATH = "/id/keys"
LIFETIME_SECONDS = 120

CLAIMS: Mapping[str, Mapping[str, str]] = {
    "profile": {
        "name": "Name",
        "given_name": "FirstName",
        "family_name": "LastName",
        "nickname": "CommunityNickname",
        "preferred_username": "Username",
        "zoneinfo": "TimeZoneSidKey",
        "locale": "LocaleSidKey",
    },
    "email": {"email": "Email"},
    "phone": {"phone_number": "MobilePhone"},
}
"""Scope: the claims it adds, and the fields of the user they come from."""


class SigningKey:
    """The key pair that signs id tokens. Made when first used: most orgs never sign one."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.key_id = random_text(16)

    def sign(self, claims: Mapping[str, Any]) -> str:
        """``claims`` as a signed JSON Web Token."""
        return jwt.encode(dict(claims), self._private, algorithm=ALGORITHM, headers={"kid": self.key_id})

    def public(self) -> dict[str, Any]:
        """The public half as a JSON Web Key."""
        key: dict[str, Any] = RSAAlgorithm.to_jwk(self._private.public_key(), as_dict=True)
        return {"kty": "RSA", "use": "sig", "alg": ALGORITHM, "kid": self.key_id, "n": key["n"], "e": key["e"]}

    @property
    def _private(self) -> rsa.RSAPrivateKey:
        with self._lock:
            return self._made

    @cached_property
    def _made(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def id_claims(
    user: Mapping[str, Any], scope: str, *, issuer: str, subject: str, client_id: str, access_token: str,
    nonce: str | None,
) -> dict[str, Any]:  # fmt: skip
    """What an id token says of ``user``: for whom, by whom, until when, and what ``scope`` lets the app know."""
    half = hashlib.sha256(access_token.encode()).digest()[:16]
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": issuer,
        "sub": subject,
        "aud": client_id,
        "iat": now,
        "exp": now + LIFETIME_SECONDS,
        "at_hash": base64.urlsafe_b64encode(half).rstrip(b"=").decode(),
        "nonce": nonce,
    }
    for name in scope.split():
        claims |= {claim: user.get(field) for claim, field in CLAIMS.get(name, {}).items()}
    return {claim: value for claim, value in claims.items() if value is not None}


def keys(request: Request) -> Answer:
    """``GET /id/keys``: the public key that checks id tokens."""
    return json_answer({"keys": [request.org.signing_key.public()]})


ROUTES: tuple[Route, ...] = (Route("GET", KEYS_PATH, keys, "OpenID public keys", public=True),)
