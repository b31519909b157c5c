"""The token endpoint: each grant, each refusal, and the assertions that real clients send."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from rig.local_rest import Rest

from sfdata.localorg import LocalOrg

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN = "/services/oauth2/token"


@pytest.fixture(scope="module")
def ask(stranger: Rest) -> Callable[..., httpx.Response]:
    """Send a form to the token endpoint."""

    def send(**form: str) -> httpx.Response:
        return stranger.post(TOKEN, data=form)

    return send


def app(org: LocalOrg) -> dict[str, str]:
    return {"client_id": org.client_id, "client_secret": org.client_secret}


def assertion(org: LocalOrg, *, key: Any = None, algorithm: str = "RS256", **changes: Any) -> str:
    """A signed assertion with good claims but for ``changes``; a claim of None is left out."""
    claims = {
        "iss": org.client_id,
        "sub": org.username,
        "aud": "https://login.salesforce.com",
        "exp": int(time.time()) + 180,
        **changes,
    }
    body = json.dumps({name: value for name, value in claims.items() if value is not None}).encode()
    # Below the library's own checks of claims: clients send what they send.
    return jwt.PyJWS().encode(body, key or org.private_key_file.read_bytes(), algorithm=algorithm)


def refused(reply: httpx.Response, error: str, description: str) -> bool:
    assert reply.status_code == 400
    assert reply.headers["content-type"] == "application/json;charset=UTF-8"
    assert reply.headers["cache-control"] == "no-store"
    assert reply.json() == {"error": error, "error_description": description}
    return True


def works(org: LocalOrg, token: str) -> bool:
    reply = httpx.get(
        f"{org.instance_url}/services/data/v60.0/", headers={"Authorization": f"Bearer {token}"}, trust_env=False
    )
    return reply.status_code == 200


def test_a_token_answer_has_salesforces_fields(org: LocalOrg, ask: Callable[..., httpx.Response]) -> None:
    """All seven fields in their documented forms, no ``expires_in``, not to be stored, signed with the secret."""
    reply = ask(grant_type=JWT_BEARER, assertion=assertion(org))
    answer = reply.json()
    assert set(answer) == {"access_token", "signature", "scope", "instance_url", "id", "token_type", "issued_at"}
    assert reply.headers["cache-control"] == "no-store"
    assert answer["instance_url"] == org.instance_url
    assert answer["id"] == f"{org.instance_url}/id/{org.org_id}/{org.user_id}"
    assert answer["token_type"] == "Bearer"
    assert re.fullmatch(r"\d{13}", answer["issued_at"])
    assert abs(int(answer["issued_at"]) / 1000 - time.time()) < 10
    signed = hmac.new(org.client_secret.encode(), (answer["id"] + answer["issued_at"]).encode(), hashlib.sha256)
    assert base64.b64decode(answer["signature"]) == signed.digest()
    assert "api" in answer["scope"].split()
    assert works(org, answer["access_token"])


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("simple-salesforce: exp as a text of seconds", {"exp": lambda now: str(int(now) + 180)}),
        ("sf CLI: exp in milliseconds", {"exp": lambda now: int(now * 1000) + 180_000}),
        ("fractional seconds", {"exp": lambda now: now + 60.5}),
        ("far in the future", {"exp": lambda now: int(now) + 10**8}),
        ("a clock that is a little behind", {"exp": lambda now: int(now) - 30}),
        ("test host", {"aud": "https://test.salesforce.com"}),
        ("trailing slash", {"aud": "https://login.salesforce.com/"}),
        ("list of audiences", {"aud": ["https://login.salesforce.com"]}),
        ("upper-case user name", {"sub": lambda org: org.username.upper()}),
        ("jti, used once", {"jti": "only-once"}),
        ("unknown claims", {"scope": "api", "nbf": 99_999_999_999, "iat": "yesterday"}),
    ],
)
def test_assertions_of_real_clients_are_taken(
    org: LocalOrg, ask: Callable[..., httpx.Response], name: str, changes: dict[str, Any]
) -> None:
    """Signature, issuer, subject and a sane expiry decide; forms that real servers take are taken."""
    resolved = {
        claim: (value(org) if claim == "sub" else value(time.time())) if callable(value) else value
        for claim, value in changes.items()
    }
    reply = ask(grant_type=JWT_BEARER, assertion=assertion(org, **resolved))
    assert reply.status_code == 200, (name, reply.text)


@pytest.mark.parametrize("tail", ["", "/", TOKEN])
def test_the_orgs_own_address_is_an_audience(org: LocalOrg, ask: Callable[..., httpx.Response], tail: str) -> None:
    """With or without a slash, or the token endpoint itself, under any loopback name."""
    for base in (org.instance_url, org.instance_url.replace("127.0.0.1", "localhost")):
        assert ask(grant_type=JWT_BEARER, assertion=assertion(org, aud=base + tail)).status_code == 200


def test_a_header_without_type_is_taken(org: LocalOrg, ask: Callable[..., httpx.Response]) -> None:
    """``typ`` is optional in the assertion's header."""
    claims = {"iss": org.client_id, "sub": org.username, "aud": org.instance_url, "exp": int(time.time()) + 60}
    token = jwt.encode(claims, org.private_key_file.read_bytes(), algorithm="RS256", headers={"typ": None})
    assert "typ" not in jwt.get_unverified_header(token)
    assert ask(grant_type=JWT_BEARER, assertion=token).status_code == 200


def test_the_grant_type_may_come_unencoded(org: LocalOrg, stranger: Rest) -> None:
    """Colons as they are or percent-encoded, in the body or in the query string."""
    signed = assertion(org)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    for grant in (JWT_BEARER, quote(JWT_BEARER, safe="")):
        form = f"grant_type={grant}&assertion={signed}"
        assert stranger.post(TOKEN, content=form, headers=headers).status_code == 200
        assert stranger.post(f"{TOKEN}?{form}", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("changes", "error", "description"),
    [
        ({"iss": "3MVG9somebodyelse"}, "invalid_client_id", "client identifier invalid"),
        ({"iss": None}, "invalid_client_id", "client identifier invalid"),
        ({"sub": "nobody@northwind-tools.example"}, "invalid_grant", "user hasn't approved this consumer"),
        ({"sub": None}, "invalid_grant", "user hasn't approved this consumer"),
        ({"aud": "https://evil.example"}, "invalid_grant", "Audience validation failed"),
        ({"aud": None}, "invalid_grant", "Audience validation failed"),
        ({"exp": 1_000_000_000}, "invalid_grant", "expired authorization code"),
        ({"exp": "1000000000"}, "invalid_grant", "expired authorization code"),
        ({"exp": 1_000_000_000_000}, "invalid_grant", "expired authorization code"),
        ({"exp": None}, "invalid_grant", "invalid assertion"),
        ({"exp": "soon"}, "invalid_grant", "invalid assertion"),
        ({"exp": "inf"}, "invalid_grant", "invalid assertion"),
        ({"exp": True}, "invalid_grant", "invalid assertion"),
        ({"exp": [1]}, "invalid_grant", "invalid assertion"),
    ],
)
def test_bad_claims_are_refused(
    org: LocalOrg, ask: Callable[..., httpx.Response], changes: dict[str, Any], error: str, description: str
) -> None:
    """Each wrong claim has Salesforce's error words."""
    assert refused(ask(grant_type=JWT_BEARER, assertion=assertion(org, **changes)), error, description)


def test_an_expiry_just_past_the_tolerance_is_refused(org: LocalOrg, ask: Callable[..., httpx.Response]) -> None:
    """A minute of clock skew is forgiven, more is not."""
    reply = ask(grant_type=JWT_BEARER, assertion=assertion(org, exp=time.time() - 62))
    assert refused(reply, "invalid_grant", "expired authorization code")


def test_an_assertion_id_works_once(org: LocalOrg, ask: Callable[..., httpx.Response]) -> None:
    """A ``jti`` that was used is refused, in the same assertion or another; none at all may repeat."""
    first, second = assertion(org, jti="abc"), assertion(org, jti="abc", exp=time.time() + 170)
    assert ask(grant_type=JWT_BEARER, assertion=first).status_code == 200
    assert refused(ask(grant_type=JWT_BEARER, assertion=first), "invalid_grant", "invalid assertion")
    assert refused(ask(grant_type=JWT_BEARER, assertion=second), "invalid_grant", "invalid assertion")
    plain = assertion(org)
    assert [ask(grant_type=JWT_BEARER, assertion=plain).status_code for _ in range(2)] == [200, 200]


def test_another_key_does_not_sign(org: LocalOrg, ask: Callable[..., httpx.Response]) -> None:
    """The signature is checked against the app's own key."""
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    reply = ask(grant_type=JWT_BEARER, assertion=assertion(org, key=other))
    assert refused(reply, "invalid_grant", "Invalid JWT Signature.")


def test_a_changed_payload_breaks_the_signature(org: LocalOrg, ask: Callable[..., httpx.Response]) -> None:
    """Claims cannot be exchanged under a valid signature."""
    header, _, signature = assertion(org).split(".")
    _, payload, _ = assertion(org, jti="changed").split(".")
    reply = ask(grant_type=JWT_BEARER, assertion=f"{header}.{payload}.{signature}")
    assert refused(reply, "invalid_grant", "Invalid JWT Signature.")


def test_other_algorithms_are_refused(org: LocalOrg, ask: Callable[..., httpx.Response]) -> None:
    """Only RS256: no other hash, no shared secret that everybody knows, and not ``none``."""
    _, payload, _ = assertion(org).split(".")
    header = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
    shared = assertion(org, key=org.client_id, algorithm="HS256")
    for forged in (assertion(org, algorithm="RS512"), shared, f"{header}.{payload}."):
        assert refused(ask(grant_type=JWT_BEARER, assertion=forged), "invalid_grant", "invalid assertion")


@pytest.mark.parametrize("text", ["nonsense", "a.b.c", "...", "é.é.é", "e30.W10.AAAA"])
def test_garbage_is_an_invalid_assertion(ask: Callable[..., httpx.Response], text: str) -> None:
    """What is no assertion is called so, and nothing breaks."""
    assert refused(ask(grant_type=JWT_BEARER, assertion=text), "invalid_grant", "invalid assertion")


def test_client_credentials_in_body_or_header(
    org: LocalOrg, ask: Callable[..., httpx.Response], stranger: Rest
) -> None:
    """The app logs in as its run-as user, by form fields or HTTP Basic, and gets no refresh token."""
    by_form = ask(grant_type="client_credentials", **app(org))
    by_header = stranger.post(TOKEN, data={"grant_type": "client_credentials"}, auth=(org.client_id, org.client_secret))
    for reply in (by_form, by_header):
        assert works(org, reply.json()["access_token"])
        assert reply.json()["id"].endswith(f"/{org.user_id}")
        assert "refresh_token" not in reply.json()


def test_a_refresh_token_gives_new_access_tokens(org: LocalOrg, ask: Callable[..., httpx.Response]) -> None:
    """Again and again, without rotation; the app waives the secret but refuses a wrong one."""
    form = {"grant_type": "refresh_token", "refresh_token": org.credentials.refresh_token}
    first, second = ask(**form, **app(org)).json(), ask(**form, client_id=org.client_id).json()
    assert first["access_token"] != second["access_token"]
    assert "refresh_token" not in first
    assert "refresh_token" in first["scope"].split()
    assert works(org, second["access_token"])
    wrong = ask(**form, client_id=org.client_id, client_secret="wrong")
    assert refused(wrong, "invalid_client", "invalid client credentials")
    unknown = ask(**{**form, "refresh_token": "5Aep861unknown"}, **app(org))
    assert refused(unknown, "invalid_grant", "expired access/refresh token")


def test_password_login(org: LocalOrg, ask: Callable[..., httpx.Response]) -> None:
    """User name and the generated password; anything else fails without saying which was wrong."""
    form = {"grant_type": "password", "username": org.username, "password": org.credentials.password, **app(org)}
    assert works(org, ask(**form).json()["access_token"])
    for wrong in ({"password": "guess"}, {"username": "nobody@example.com"}):
        assert refused(ask(**{**form, **wrong}), "invalid_grant", "authentication failure")


@pytest.mark.parametrize("grant", ["client_credentials", "password", "refresh_token"])
def test_unknown_clients_are_refused(org: LocalOrg, ask: Callable[..., httpx.Response], grant: str) -> None:
    """An unknown consumer key and a wrong or missing secret, for every grant that names the client."""
    rest = {
        "grant_type": grant,
        "username": org.username,
        "password": org.credentials.password,
        "refresh_token": org.credentials.refresh_token,
    }
    secret = {"client_secret": org.client_secret}
    assert refused(ask(**rest, **secret, client_id="3MVG9x"), "invalid_client_id", "client identifier invalid")
    wrong = ask(**rest, client_id=org.client_id, client_secret=org.client_secret[:-1])
    assert refused(wrong, "invalid_client", "invalid client credentials")
    if grant != "refresh_token":
        assert refused(ask(**rest, client_id=org.client_id), "invalid_client", "invalid client credentials")


@pytest.mark.parametrize(
    ("form", "missing"),
    [
        ({}, "grant_type"),
        ({"grant_type": ""}, "grant_type"),
        ({"grant_type": JWT_BEARER}, "assertion"),
        ({"grant_type": "client_credentials"}, "client_id"),
        ({"grant_type": "refresh_token", "client_id": "+"}, "refresh_token"),
        ({"grant_type": "password", "client_id": "+", "client_secret": "+"}, "username"),
    ],
)
def test_missing_parameters_are_named(
    org: LocalOrg, ask: Callable[..., httpx.Response], form: dict[str, str], missing: str
) -> None:
    """invalid_request, with the first parameter that is not there."""
    given = {name: app(org)[name] if value == "+" else value for name, value in form.items()}
    assert refused(ask(**given), "invalid_request", f"missing required parameter: {missing}")


@pytest.mark.parametrize("grant", ["device", "urn:ietf:params:oauth:grant-type:saml2-bearer", "x"])
def test_other_grants_are_unsupported(ask: Callable[..., httpx.Response], grant: str) -> None:
    """Grants that are not built, and grants that nobody knows."""
    assert refused(ask(grant_type=grant), "unsupported_grant_type", "grant type not supported")


def test_the_token_endpoint_wants_post(stranger: Rest) -> None:
    """GET is refused in OAuth's form."""
    assert refused(stranger.get(TOKEN), "invalid_request", "must use HTTP POST")


@pytest.mark.parametrize("header", ["Basic !!!", "Basic /w==", "Basic"])
def test_broken_basic_headers_are_refused(stranger: Rest, header: str) -> None:
    """A Basic header that is none never reaches a comparison."""
    reply = stranger.post(TOKEN, data={"grant_type": "client_credentials"}, headers={"Authorization": header})
    assert reply.status_code == 400
    assert reply.json()["error"] in ("invalid_client", "invalid_client_id", "invalid_request")


def test_a_form_of_thousands_of_fields_is_refused(stranger: Rest) -> None:
    """The form has a size."""
    body = "&".join(f"a{n}=1" for n in range(5000))
    assert refused(stranger.post(TOKEN, content=body), "invalid_request", "too many parameters")
