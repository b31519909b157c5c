"""The web-server flow: what the page shows, what the browser is sent back with, what the code is good for."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree

import httpx
import jwt
import pytest
from rig.local_rest import Rest

from sfdata.errors import ConfigurationError
from sfdata.localorg import LocalOrg
from sfdata.localorg.login.authorization_codes import Authorization, AuthorizationCodes
from sfdata.localorg.login.connected_apps import ConnectedApp, normal_scope
from sfdata.localorg.login.refresh_tokens import RefreshTokens
from sfdata.localorg.login.tickets import Tickets

AUTHORIZE, TOKEN = "/services/oauth2/authorize", "/services/oauth2/token"
CALLBACK = "http://localhost:1717/OauthRedirect"
REGISTERED = "https://app.example/callback?tenant=7"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
"""The example of RFC 7636, appendix B."""

QUERY = "/services/data/v66.0/query?q=SELECT+Id+FROM+Organization"

pytestmark = pytest.mark.local_org(sample_data=True, scale=0.01, redirect_uris=[REGISTERED, "acmeapp://done"])


class Form(HTMLParser):
    """The form of a page, as a browser reads it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.options: dict[str, str] = {}
        self.action = self.method = ""
        self.text = ""
        self._option = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action, self.method = given["action"], given["method"]
        if tag == "input":
            self.fields[given["name"]] = given["value"]
        if tag == "option":
            self._option = given["value"]
            if "selected" in given:
                self.fields["user"] = given["value"]

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._option:
            self.options[self._option] = data
            self._option = ""


def asked(org: LocalOrg, **changes: str | None) -> dict[str, str]:
    """A good request of the org's own app but for ``changes``; None leaves a parameter out."""
    good = {"response_type": "code", "client_id": org.client_id, "redirect_uri": CALLBACK, "state": "a b&c=é"}
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def answered(stranger: Rest, request: dict[str, str], **fields: str) -> httpx.Response:
    """The answer to the page's form, allowed unless ``fields`` say otherwise."""
    page = stranger.get(AUTHORIZE, params=request)
    assert page.status_code == 200, page.text
    return stranger.post(AUTHORIZE, data={**Form(page.text).fields, "decision": "approve", **fields})


def callback(reply: httpx.Response) -> dict[str, str]:
    """What the browser takes to the app."""
    assert reply.status_code == 302, reply.text
    return {name: value for name, (value,) in parse_qs(urlsplit(reply.headers["location"]).query).items()}


def code(stranger: Rest, request: dict[str, str], **fields: str) -> str:
    return callback(answered(stranger, request, **fields))["code"]


def exchange(org: LocalOrg, stranger: Rest, **changes: str | None) -> httpx.Response:
    good = {
        "grant_type": "authorization_code",
        "client_id": org.client_id,
        "client_secret": org.client_secret,
        "redirect_uri": CALLBACK,
    }
    form = {name: value for name, value in {**good, **changes}.items() if value is not None}
    return stranger.post(TOKEN, data=form)


def error(reply: httpx.Response) -> tuple[str, str]:
    assert reply.status_code == 400
    assert reply.headers["cache-control"] == "no-store"
    body = reply.json()
    return body["error"], body["error_description"]


# --- the page --------------------------------------------------------------------------------------------------------


def test_the_page_says_who_asks_for_what(org: LocalOrg, stranger: Rest) -> None:
    """App, organization, scopes in words, where the answer goes; all users are offered, the administrator is chosen."""
    page = stranger.get(AUTHORIZE, params=asked(org, scope="api refresh_token", client_id="PlatformCLI"))
    form = Form(page.text)
    for text in (
        "Salesforce CLI",
        "Northwind Tools",
        "Manage user data via APIs",
        "Perform requests at any time",
        CALLBACK,
    ):
        assert text in form.text
    assert "Manage user data via web browsers" not in form.text
    assert (form.method, form.action) == ("post", AUTHORIZE)
    assert form.fields["user"] == org.user_id
    active = stranger.get(
        "/services/data/v66.0/query",
        params={"q": "SELECT Id FROM User WHERE IsActive = TRUE"},
        headers={"Authorization": f"Bearer {org.access_token}"},
    ).json()["records"]
    assert set(form.options) == {row["Id"] for row in active}
    assert len(form.options) > 3


def test_the_page_can_neither_be_framed_nor_load_anything(org: LocalOrg, stranger: Rest) -> None:
    """Its policy forbids everything but its own style and the form; the style is the one whose hash is allowed."""
    page = stranger.get(AUTHORIZE, params=asked(org))
    policy = dict(part.strip().split(" ", 1) for part in page.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["form-action"] == "'self' http:"
    style = re.search(r"<style>(.*?)</style>", page.text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert policy["style-src"] == f"'sha256-{digest}'"
    assert page.headers["cache-control"] == "no-store"
    assert "<script" not in page.text
    assert not re.search(r"(src|href|url\()\s*=?\s*[\"']?(https?:)?//", page.text)


@pytest.mark.catalogue("S25")
def test_every_value_on_the_page_is_escaped(org: LocalOrg, stranger: Rest) -> None:
    """Names of users and callback addresses are text, whatever is in them."""
    records, user = org.instance.records, org.instance.object("User")
    evil = "<img src=x onerror=alert(1)>'\"&"
    records.update(user, org.user_id, {"LastName": evil}, org.user_id)
    try:
        uri = "http://localhost:1717/<script>alert(1)</script>"
        page = stranger.get(AUTHORIZE, params=asked(org, redirect_uri=uri))
        assert "<img" not in page.text
        assert "<script" not in page.text
        assert evil in Form(page.text).text
    finally:
        records.update(user, org.user_id, {"LastName": "Northwind"}, org.user_id)


def test_a_login_hint_chooses_the_user(org: LocalOrg, stranger: Rest) -> None:
    """A user name that is known and active is chosen; any other leaves the administrator."""
    users = Form(stranger.get(AUTHORIZE, params=asked(org)).text).options
    other, text = next((uid, text) for uid, text in users.items() if uid != org.user_id)
    username = text.split(" · ")[1]
    for hint, chosen in ((username.upper(), other), ("nobody@example.com", org.user_id), ("", org.user_id)):
        page = stranger.get(AUTHORIZE, params=asked(org, login_hint=hint, prompt="login"))
        assert Form(page.text).fields["user"] == chosen


# --- back to the app -------------------------------------------------------------------------------------------------


def test_approval_goes_back_with_code_and_state(org: LocalOrg, stranger: Rest) -> None:
    """To the very address asked for, its own query kept, the state as it came."""
    reply = answered(stranger, asked(org))
    assert reply.headers["location"].startswith(f"{CALLBACK}?code=")
    assert callback(reply)["state"] == "a b&c=é"
    assert set(callback(reply)) == {"code", "state"}
    registered = answered(stranger, asked(org, redirect_uri=REGISTERED, state=None))
    assert registered.headers["location"].startswith(f"{REGISTERED}&code=")
    assert set(callback(registered)) == {"tenant", "code"}
    assert (
        answered(stranger, asked(org, redirect_uri="acmeapp://done"))
        .headers["location"]
        .startswith("acmeapp://done?code=")
    )


def test_a_denial_goes_back_as_an_error(org: LocalOrg, stranger: Rest) -> None:
    """access_denied in Salesforce's words, and the state; a form without a decision is a denial."""
    for decision in ("deny", "", "APPROVE"):
        told = callback(answered(stranger, asked(org), decision=decision))
        assert told == {
            "error": "access_denied",
            "error_description": "end-user denied authorization",
            "state": "a b&c=é",
        }


@pytest.mark.parametrize(
    ("changes", "wrong", "description"),
    [
        ({"response_type": "code token"}, "unsupported_response_type", "response type not supported"),
        ({"response_type": "id_token"}, "unsupported_response_type", "response type not supported"),
        ({"response_type": None}, "invalid_request", "missing required parameter: response_type"),
        ({"scope": "api everything"}, "invalid_scope", "the requested scope is invalid, unknown, or malformed"),
        ({"prompt": "none"}, "immediate_unsuccessful", "immediate unsuccessful"),
        ({"immediate": "true"}, "immediate_unsuccessful", "immediate unsuccessful"),
        (
            {"code_challenge": VERIFIER, "code_challenge_method": "plain"},
            "invalid_request",
            "code challenge method not supported: use S256",
        ),
        ({"code_challenge": "short"}, "invalid_request", "invalid code challenge"),
    ],
)
def test_other_mistakes_are_told_to_the_app(
    org: LocalOrg, stranger: Rest, changes: dict[str, str | None], wrong: str, description: str
) -> None:
    """Once the callback is trusted, it is told what is wrong, with the state."""
    told = callback(stranger.get(AUTHORIZE, params=asked(org, **changes)))
    assert told == {"error": wrong, "error_description": description, "state": "a b&c=é"}


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"client_id": "3MVG9nobody"}, "invalid_client_id"),
        ({"client_id": None}, "invalid_client_id"),
        ({"redirect_uri": None}, "redirect_uri_missing"),
        ({"redirect_uri": "https://evil.example/"}, "redirect_uri_mismatch"),
        ({"redirect_uri": "https://app.example/callback"}, "redirect_uri_mismatch"),
        ({"redirect_uri": f"{REGISTERED}/"}, "redirect_uri_mismatch"),
        ({"redirect_uri": "http://localhost@evil.example/"}, "redirect_uri_mismatch"),
        ({"redirect_uri": "http://localhost.evil.example/"}, "redirect_uri_mismatch"),
        ({"redirect_uri": "http://localhost:1717\\@evil.example/"}, "redirect_uri_mismatch"),
        ({"redirect_uri": "http://localhost:1717/\r\nSet-Cookie: a=b"}, "redirect_uri_mismatch"),
        ({"redirect_uri": "http://localhost:1717/cb#part"}, "redirect_uri_mismatch"),
        ({"redirect_uri": "javascript:alert(1)//http://localhost"}, "redirect_uri_mismatch"),
        ({"redirect_uri": REGISTERED, "client_id": "PlatformCLI"}, "redirect_uri_mismatch"),
    ],
)
def test_a_callback_that_is_not_trusted_is_told_nothing(
    org: LocalOrg, stranger: Rest, changes: dict[str, str | None], wrong: str
) -> None:
    """The person sees the error; nothing goes to the address."""
    reply = stranger.get(AUTHORIZE, params=asked(org, **changes))
    assert reply.status_code == 400
    assert "location" not in reply.headers
    assert f"error={wrong}&" in Form(reply.text).text


@pytest.mark.parametrize(
    "uri", ["http://127.0.0.1:40123/cb", "http://[::1]:8080/", "https://localhost/x?y=1", CALLBACK]
)
def test_addresses_of_this_machine_need_no_registration(uri: str) -> None:
    """Any loopback address on any port, for any app."""
    assert ConnectedApp("id", "name", "secret", frozenset()).may_redirect_to(uri)


@pytest.mark.parametrize("uri", ["no address", "https://app.example/#part", "https://app.example/\n", "//app.example"])
def test_registered_addresses_must_be_addresses(uri: str) -> None:
    """A setting that could not be redirected to is refused at once."""
    with pytest.raises(ConfigurationError, match="redirect_uris"):
        LocalOrg(redirect_uris=[uri])


# --- the form belongs to its page ------------------------------------------------------------------------------------


def test_a_form_works_once_and_only_with_its_token(org: LocalOrg, stranger: Rest) -> None:
    """Without the page's token, with another or the same again, nothing is approved."""
    fields = Form(stranger.get(AUTHORIZE, params=asked(org)).text).fields | {"decision": "approve"}
    for token in (None, "", "guess"):
        forged = {name: value for name, value in fields.items() if name != "csrf_token"}
        reply = stranger.post(AUTHORIZE, data=forged | ({"csrf_token": token} if token is not None else {}))
        assert (reply.status_code, "location" in reply.headers) == (403, False)
    assert stranger.post(AUTHORIZE, data=fields).status_code == 302
    assert stranger.post(AUTHORIZE, data=fields).status_code == 403


def test_another_site_cannot_send_the_form(org: LocalOrg, stranger: Rest) -> None:
    """Even with a good token: its Origin gives it away."""
    fields = Form(stranger.get(AUTHORIZE, params=asked(org)).text).fields | {"decision": "approve"}
    for origin in ("https://evil.example", "null"):
        assert stranger.post(AUTHORIZE, data=fields, headers={"Origin": origin}).status_code == 403
    assert stranger.post(AUTHORIZE, data=fields, headers={"Origin": org.instance_url}).status_code == 302


def test_only_active_users_can_be_chosen(org: LocalOrg, stranger: Rest) -> None:
    """An Id that the page did not offer gets no code."""
    reply = answered(stranger, asked(org), user="005000000000001AAA")
    assert (reply.status_code, "location" in reply.headers) == (400, False)


# --- the code --------------------------------------------------------------------------------------------------------


def test_a_code_gives_the_chosen_users_session(org: LocalOrg, stranger: Rest) -> None:
    """Access and refresh token of the user who approved, in the scope approved, and both work."""
    user = next(uid for uid in Form(stranger.get(AUTHORIZE, params=asked(org)).text).options if uid != org.user_id)
    given = code(stranger, asked(org, scope="web api refresh_token"), user=user)
    answer = exchange(org, stranger, code=given).json()
    assert set(answer) == {
        "access_token", "refresh_token", "signature", "scope", "instance_url", "id", "token_type", "issued_at",
    }  # fmt: skip
    assert answer["id"].endswith(f"/{user}")
    assert answer["scope"] == "refresh_token api web"
    assert stranger.get(QUERY, headers={"Authorization": f"Bearer {answer['access_token']}"}).status_code == 200
    refreshed = stranger.post(
        TOKEN,
        data={"grant_type": "refresh_token", "refresh_token": answer["refresh_token"], "client_id": org.client_id},
    ).json()
    assert (refreshed["id"], refreshed["scope"]) == (answer["id"], answer["scope"])
    assert "refresh_token" not in refreshed


def test_the_salesforce_cli_logs_in_as_it_does(org: LocalOrg, stranger: Rest) -> None:
    """No secret, no challenge method, a verifier of 128 random bytes: PlatformCLI gets its tokens and renews them."""
    verifier = base64.urlsafe_b64encode(bytes(range(128))).decode().rstrip("=")
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    request = {
        "client_id": "PlatformCLI", "response_type": "code", "redirect_uri": CALLBACK, "state": "x",
        "scope": "refresh_token api web", "prompt": "login", "code_challenge": challenge,
    }  # fmt: skip
    form = {"client_id": "PlatformCLI", "redirect_uri": CALLBACK, "code_verifier": verifier}
    answer = stranger.post(
        TOKEN, data={"grant_type": "authorization_code", "code": code(stranger, request), **form}
    ).json()
    assert answer["scope"] == "refresh_token api web"
    renewal = {"grant_type": "refresh_token", "refresh_token": answer["refresh_token"], "client_id": "PlatformCLI"}
    renewed = stranger.post(TOKEN, data=renewal).json()
    reply = stranger.get(QUERY, headers={"Authorization": f"Bearer {renewed['access_token']}"})
    assert reply.status_code == 200
    assert org.instance.app_name(org.instance.sessions.find(renewed["access_token"])) == "Salesforce CLI"


def fragment(reply: httpx.Response) -> dict[str, str]:
    """What a page at the callback finds in its address, behind the mark that no server sees."""
    assert reply.status_code == 302
    address, _, told = reply.headers["Location"].partition("#")
    assert "access_token" not in address
    return {name: value for name, (value,) in parse_qs(told).items()}


def test_the_user_agent_flow_brings_the_token_itself(org: LocalOrg, stranger: Rest) -> None:
    """``response_type=token``: the token answer and the state, behind a ``#``; a page in a browser gets no more."""
    answer = fragment(answered(stranger, asked(org, response_type="token", scope="api refresh_token")))
    assert set(answer) == {
        "access_token", "signature", "scope", "instance_url", "id", "token_type", "issued_at", "state",
    }  # fmt: skip
    assert (answer["state"], answer["scope"]) == ("a b&c=é", "refresh_token api")
    assert stranger.get(QUERY, headers={"Authorization": f"Bearer {answer['access_token']}"}).status_code == 200


def test_an_app_with_an_address_of_its_own_may_come_back(org: LocalOrg, stranger: Rest) -> None:
    """In the user-agent flow, too, an app that is no web page gets a refresh token for the scope that says so."""
    given = asked(org, response_type="token", redirect_uri="acmeapp://done")
    answer = fragment(answered(stranger, given))
    renewal = {"grant_type": "refresh_token", "refresh_token": answer["refresh_token"], "client_id": org.client_id}
    assert stranger.post(TOKEN, data=renewal).status_code == 200
    assert "refresh_token" not in fragment(answered(stranger, {**given, "scope": "api"}))


def test_a_denial_of_a_token_comes_where_the_token_would(org: LocalOrg, stranger: Rest) -> None:
    """The app looks for errors behind the ``#``, those of its own request among them."""
    denied = fragment(answered(stranger, asked(org, response_type="token"), decision="deny"))
    assert (denied["error"], denied["state"]) == ("access_denied", "a b&c=é")
    wrong = fragment(stranger.get(AUTHORIZE, params=asked(org, response_type="token", scope="nope")))
    assert wrong["error"] == "invalid_scope"


def test_a_code_without_offline_scope_has_no_refresh_token(org: LocalOrg, stranger: Rest) -> None:
    """Only those who asked for it; without any scope it is among the app's own."""
    assert "refresh_token" not in exchange(org, stranger, code=code(stranger, asked(org, scope="api"))).json()
    assert "refresh_token" in exchange(org, stranger, code=code(stranger, asked(org))).json()
    assert (
        "refresh_token" in exchange(org, stranger, code=code(stranger, asked(org, scope="api offline_access"))).json()
    )


def test_a_code_works_once(org: LocalOrg, stranger: Rest) -> None:
    """Used codes are expired, unknown ones invalid; another app's is not known."""
    given = code(stranger, asked(org))
    assert exchange(org, stranger, code=given).status_code == 200
    assert error(exchange(org, stranger, code=given)) == ("invalid_grant", "expired authorization code")
    assert error(exchange(org, stranger, code="aPrxunknown==")) == ("invalid_grant", "invalid authorization code")
    foreign = code(stranger, asked(org, client_id="PlatformCLI", code_challenge=CHALLENGE))
    reply = exchange(org, stranger, code=foreign, code_verifier=VERIFIER)
    assert error(reply) == ("invalid_grant", "invalid authorization code")


@pytest.mark.parametrize(
    ("challenge", "verifier", "works"),
    [
        (CHALLENGE, VERIFIER, True),
        (None, None, True),
        (CHALLENGE, None, False),
        (CHALLENGE, VERIFIER[:-1] + "x", False),
        (CHALLENGE, CHALLENGE, False),
        (CHALLENGE, "", False),
        (None, VERIFIER, False),
    ],
)
def test_a_challenge_must_be_met(
    org: LocalOrg, stranger: Rest, challenge: str | None, verifier: str | None, works: bool
) -> None:
    """A challenge and its verifier, or neither."""
    given = code(stranger, asked(org, code_challenge=challenge, code_challenge_method="S256"))
    reply = exchange(org, stranger, code=given, code_verifier=verifier)
    if works:
        assert reply.status_code == 200
    else:
        assert error(reply) == ("invalid_grant", "invalid code verifier")


def test_the_exchange_names_the_same_callback(org: LocalOrg, stranger: Rest) -> None:
    """Another address, also a trusted one, is a mismatch; none at all is missing."""
    reply = exchange(org, stranger, code=code(stranger, asked(org)), redirect_uri="http://localhost:1718/OauthRedirect")
    assert error(reply) == ("redirect_uri_mismatch", "redirect_uri must match configuration")
    reply = exchange(org, stranger, code=code(stranger, asked(org)), redirect_uri=None)
    assert error(reply) == ("invalid_request", "missing required parameter: redirect_uri")


def test_without_proof_key_the_secret_is_needed(org: LocalOrg, stranger: Rest) -> None:
    """A code that was overheard is worth nothing by itself."""
    given = code(stranger, asked(org))
    for secret in (None, "", "wrong"):
        reply = exchange(org, stranger, code=given, client_secret=secret)
        assert error(reply) == ("invalid_client", "invalid client credentials")
    guessed = exchange(org, stranger, code=given, client_secret=None, code_verifier=VERIFIER)
    assert error(guessed) == ("invalid_grant", "invalid code verifier")


def test_codes_expire() -> None:
    """After a quarter of an hour they are as good as used."""
    now = [0.0]
    codes = AuthorizationCodes(lambda: now[0])
    early, late = (codes.issue(Authorization("app", CALLBACK, "api"), "005") for _ in range(2))
    now[0] = 899.0
    approved = codes.redeem(early)
    assert approved is not None
    assert not approved.used
    now[0] = 900.0
    approved = codes.redeem(late)
    assert approved is not None
    assert approved.used


def test_open_pages_expire() -> None:
    """A page left open for longer than it lasts approves nothing any more."""
    now = [0.0]
    pages: Tickets[str] = Tickets(900.0, lambda: now[0])
    early, late = pages.issue("one"), pages.issue("two")
    now[0] = 899.0
    assert pages.redeem(early) == "one"
    now[0] = 900.0
    assert pages.redeem(late) is None


# --- refresh tokens --------------------------------------------------------------------------------------------------


def test_the_sixth_approval_ends_the_oldest() -> None:
    """Five refresh tokens for a user and an app; those of other users and apps are not counted."""
    tokens = RefreshTokens()
    others = [tokens.issue("005B", "app", "api")[0], tokens.issue("005A", "other", "api")[0]]
    own = [tokens.issue("005A", "app", "api")[0] for _ in range(6)]
    assert [tokens.find(token) is not None for token in own] == [False, True, True, True, True, True]
    assert all(tokens.find(token) for token in others)


def test_revoking_a_refresh_token_ends_its_sessions(org: LocalOrg, stranger: Rest) -> None:
    """The token, the session of the code and the renewed ones; those of another approval stay."""
    one, two = (exchange(org, stranger, code=code(stranger, asked(org))).json() for _ in range(2))
    renewal = {"grant_type": "refresh_token", "refresh_token": one["refresh_token"], "client_id": org.client_id}
    renewed = stranger.post(TOKEN, data=renewal).json()
    assert stranger.post("/services/oauth2/revoke", data={"token": one["refresh_token"]}).status_code == 200
    sessions = [
        stranger.get(QUERY, headers={"Authorization": f"Bearer {t['access_token']}"}) for t in (one, renewed, two)
    ]
    assert [reply.status_code for reply in sessions] == [401, 401, 200]
    assert error(stranger.post(TOKEN, data=renewal)) == ("invalid_grant", "expired access/refresh token")


def test_a_refresh_token_is_its_apps_own(org: LocalOrg, stranger: Rest) -> None:
    """Another app cannot use it."""
    answer = exchange(org, stranger, code=code(stranger, asked(org))).json()
    form = {"grant_type": "refresh_token", "refresh_token": answer["refresh_token"], "client_id": "PlatformCLI"}
    assert error(stranger.post(TOKEN, data=form)) == ("invalid_grant", "expired access/refresh token")


def test_rotation_gives_a_new_token_each_time() -> None:
    """The old one is spent; whoever comes with it again ends what followed, tokens and sessions."""
    with (
        LocalOrg(sample_data=False, rotate_refresh_tokens=True) as org,
        Rest(org) as stranger,
    ):

        def renew(token: str) -> httpx.Response:
            return stranger.post(
                TOKEN, data={"grant_type": "refresh_token", "refresh_token": token, "client_id": org.client_id}
            )

        first = org.credentials.refresh_token
        second = renew(first).json()
        third = renew(second["refresh_token"]).json()
        assert len({first, second["refresh_token"], third["refresh_token"]}) == 3
        bearer = {"Authorization": f"Bearer {third['access_token']}"}
        assert stranger.get(QUERY, headers=bearer).status_code == 200
        assert error(renew(first)) == ("invalid_grant", "expired access/refresh token")
        assert error(renew(third["refresh_token"])) == ("invalid_grant", "expired access/refresh token")
        assert stranger.get(QUERY, headers=bearer).status_code == 401


# --- id tokens and answers in other forms ----------------------------------------------------------------------------


def test_an_id_token_verifies_with_the_published_key(org: LocalOrg, stranger: Rest) -> None:
    """RS256 by the key of the discovery document; the claims say who, for whom and for which request."""
    request = asked(org, scope="openid profile email api", nonce="n-0S6_WzA2Mj")
    answer = exchange(org, stranger, code=code(stranger, request)).json()
    discovery = stranger.get("/.well-known/openid-configuration").json()
    header = jwt.get_unverified_header(answer["id_token"])
    keys = {key["kid"]: key for key in stranger.get(discovery["jwks_uri"]).json()["keys"]}
    assert not {"d", "p", "q"} & keys[header["kid"]].keys()
    key = jwt.PyJWK(keys[header["kid"]])
    claims: dict[str, Any] = jwt.decode(
        answer["id_token"], key, algorithms=["RS256"], audience=org.client_id, issuer=discovery["issuer"]
    )
    half = hashlib.sha256(answer["access_token"].encode()).digest()[:16]
    assert claims["at_hash"] == base64.urlsafe_b64encode(half).decode().rstrip("=")
    assert (claims["sub"], claims["nonce"]) == (answer["id"], "n-0S6_WzA2Mj")
    assert (claims["preferred_username"], claims["email"]) == (org.username, org.username)
    plain = exchange(org, stranger, code=code(stranger, asked(org, scope="openid"))).json()
    bare = jwt.decode(plain["id_token"], key, algorithms=["RS256"], audience=org.client_id)
    assert not {"name", "email", "nonce"} & bare.keys()
    assert "id_token" not in exchange(org, stranger, code=code(stranger, asked(org, scope="api"))).json()


@pytest.mark.parametrize(
    ("form", "headers", "read"),
    [
        ({}, {}, json.loads),
        ({"format": "json"}, {"Accept": "application/xml"}, json.loads),
        ({"format": "urlencoded"}, {}, lambda text: {k: v for k, (v,) in parse_qs(text).items()}),
        (
            {},
            {"Accept": "application/x-www-form-urlencoded"},
            lambda text: {k: v for k, (v,) in parse_qs(text).items()},
        ),
        ({"format": "xml"}, {}, lambda text: {e.tag: e.text for e in ElementTree.fromstring(text)}),
        ({}, {"Accept": "application/xml"}, lambda text: {e.tag: e.text for e in ElementTree.fromstring(text)}),
        ({}, {"Accept": "text/html, */*"}, json.loads),
    ],
)
def test_tokens_come_in_the_form_asked_for(
    org: LocalOrg,
    stranger: Rest,
    form: dict[str, str],
    headers: dict[str, str],
    read: Callable[[str], dict[str, str]],
) -> None:
    """JSON, urlencoded or XML, for tokens and for refusals."""
    asks = {"grant_type": "client_credentials", "client_id": org.client_id, **form}
    good = stranger.post(TOKEN, data={**asks, "client_secret": org.client_secret}, headers=headers)
    assert (good.status_code, read(good.text)["instance_url"]) == (200, org.instance_url)
    bad = stranger.post(TOKEN, data={**asks, "client_secret": "wrong"}, headers=headers)
    assert (bad.status_code, read(bad.text)["error"]) == (400, "invalid_client")


def test_the_device_flow_is_not_enabled(org: LocalOrg, stranger: Rest) -> None:
    """The words that clients have got since it was blocked."""
    for client_id in (org.client_id, "PlatformCLI"):
        reply = stranger.post(TOKEN, data={"response_type": "device_code", "client_id": client_id, "scope": "api"})
        assert error(reply) == ("invalid_grant", "device flow is not enabled for the app")


def test_scopes_have_one_order_and_no_repetition() -> None:
    """However they are asked for; an unknown one makes them none."""
    assert normal_scope("web api  refresh_token api") == "refresh_token api web"
    assert normal_scope("offline_access") == "refresh_token"
    assert normal_scope("") == "refresh_token api id web"
    assert normal_scope("api API") is None


# --- the front door --------------------------------------------------------------------------------------------------


def test_a_front_door_address_opens_once(org: LocalOrg, stranger: Rest) -> None:
    """By POST, GET, header or parameter; the address leads to the status page, and a second time nowhere."""
    path, token = "/services/oauth2/singleaccess", org.access_token
    replies = [
        stranger.post(path, headers={"Authorization": f"Bearer {token}"}, data={"redirect_uri": "lightning/page/home"}),
        stranger.get(path, headers={"Authorization": f"Bearer {token}"}),
        stranger.post(path, params={"access_token": token}),
    ]
    for reply in replies:
        address = reply.json()["frontdoor_uri"]
        assert address.startswith(f"{org.instance_url}/secur/frontdoor.jsp?otp=")
        assert token not in address
        opened = stranger.get(address)
        assert (opened.status_code, opened.headers["location"]) == (302, "/")
        assert stranger.get(address).status_code == 403


def test_a_front_door_needs_a_session_of_the_right_scope(org: LocalOrg, stranger: Rest) -> None:
    """Bad_OAuth_Token and Invalid_Scope, in plain words."""
    path = "/services/oauth2/singleaccess"
    narrow = exchange(org, stranger, code=code(stranger, asked(org, scope="api"))).json()["access_token"]
    for token, word in (("nonsense", "Bad_OAuth_Token"), (narrow, "Invalid_Scope")):
        reply = stranger.post(path, headers={"Authorization": f"Bearer {token}"})
        assert (reply.status_code, reply.text) == (403, word)
    assert stranger.post(path).status_code == 403
