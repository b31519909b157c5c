"""Flows: what they post, what they read, and how they refuse. No request is sent anywhere here."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from urllib.parse import parse_qs

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfdata.auth import AccessToken, ClientCredentials, JwtBearer, RefreshToken, TokenAnswer, flow_from_settings
from sfdata.auth.flows import jwt_audience
from sfdata.config import LOGIN_URL, settings_from_env
from sfdata.errors import (
    AuthenticationError,
    ConfigurationError,
    LoginRefused,
    MissingCredentials,
    SalesforceError,
    ServerUnavailable,
    UnreadableAnswer,
)

MY_DOMAIN = "https://acme.my.salesforce.com"
NOW = 1_800_000_000.25
CREDENTIALS = ClientCredentials(client_id="key", client_secret="s3cret-canary", login_url=MY_DOMAIN)
REFRESH = RefreshToken(client_id="key", refresh_token="r3fresh-canary")
TOKEN_JSON = {
    "access_token": "00DAA000000000A!AQ4Axx",
    "instance_url": MY_DOMAIN,
    "id": "https://login.salesforce.com/id/00DAA000000000A2AQ/005AA0000000001YAA",
    "token_type": "Bearer",
    "issued_at": "1794300000000",
    "signature": "c2ln",
    "scope": "api",
}


def answer(content, status=200):
    return TokenAnswer(status, json.dumps(content).encode())


# --- what is posted --------------------------------------------------------------------------------------------------


@pytest.mark.catalogue("S16")
def test_a_jwt_says_who_for_whom_to_whom_and_until_when(pem, rsa_key):
    """The assertion is signed RS256 with iss, sub, aud and an exp of three minutes at most."""
    flow = JwtBearer(client_id="key", username="ann@acme.example", private_key=pem)
    request = flow.token_request(NOW)
    form = parse_qs(request.encoded().decode())
    assert (request.origin, request.path) == (LOGIN_URL, "/services/oauth2/token")
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    assert set(form) == {"grant_type", "assertion"}
    claims = jwt.decode(
        form["assertion"][0],
        rsa_key.public_key(),
        algorithms=["RS256"],
        audience="https://login.salesforce.com",
        options={"verify_exp": False},
    )
    assert claims == {"iss": "key", "sub": "ann@acme.example", "aud": LOGIN_URL, "exp": 1_800_000_180}


def test_client_credentials_and_refresh_tokens_are_plain_forms():
    """The other grants post exactly what the vendor's pages list."""
    assert parse_qs(CREDENTIALS.token_request(NOW).encoded().decode()) == {
        "grant_type": ["client_credentials"],
        "client_id": ["key"],
        "client_secret": ["s3cret-canary"],
    }
    assert parse_qs(REFRESH.token_request(NOW).encoded().decode()) == {
        "grant_type": ["refresh_token"],
        "client_id": ["key"],
        "refresh_token": ["r3fresh-canary"],
    }
    with_secret = RefreshToken(client_id="key", refresh_token="r", client_secret="s&=")
    assert parse_qs(with_secret.token_request(NOW).encoded().decode())["client_secret"] == ["s&="]


def test_only_a_refresh_token_may_be_used_up_by_a_lost_answer(pem):
    """The grants that mint a token from a lasting secret are repeatable; a refresh token is not."""
    assert CREDENTIALS.token_request(NOW).repeatable
    assert JwtBearer(client_id="k", username="u", private_key=pem).token_request(NOW).repeatable
    assert not REFRESH.token_request(NOW).repeatable


@pytest.mark.parametrize(
    ("login_url", "audience"),
    [
        ("https://login.salesforce.com", "https://login.salesforce.com"),
        ("https://test.salesforce.com", "https://test.salesforce.com"),
        ("https://acme.my.salesforce.com", "https://login.salesforce.com"),
        ("https://acme--dev.sandbox.my.salesforce.com", "https://test.salesforce.com"),
        ("https://power-fox.scratch.my.salesforce.com", "https://test.salesforce.com"),
        ("https://acme-dev-ed.develop.my.salesforce.com", "https://login.salesforce.com"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("https://sf-mock.internal", "https://sf-mock.internal"),
    ],
)
def test_the_audience_follows_the_login_host(login_url, audience):
    """Production, sandbox and foreign hosts each get the audience they check for."""
    assert jwt_audience(login_url) == audience


@pytest.mark.parametrize(
    ("login_url", "audience"),
    [
        ("https://site.example", "https://site.example/x"),
        ("https://acme.my.salesforce.com", "https://test.salesforce.com"),
        ("http://127.0.0.1:8080", "https://login.salesforce.com"),
    ],
)
def test_an_audience_that_is_given_wins(pem, rsa_key, login_url, audience):
    """SF_AUDIENCE overrides what follows from the login host."""
    flow = JwtBearer(client_id="k", username="u", private_key=pem, login_url=login_url, audience=audience)
    claims = jwt.decode(
        flow.assertion(NOW).reveal(),
        rsa_key.public_key(),
        algorithms=["RS256"],
        audience=audience,
        options={"verify_exp": False},
    )
    assert claims["aud"] == audience


@pytest.mark.catalogue("S16")
@pytest.mark.parametrize(
    ("login_url", "audience"),
    [
        ("https://evil.example", "https://login.salesforce.com"),
        ("https://login.salesforce.com", "https://evil.example"),
        ("https://login.salesforce.com", "http://login.salesforce.com"),
        ("https://login.salesforce.com", "login.salesforce.com"),
    ],
)
def test_an_assertion_goes_nowhere_but_to_its_audience(pem, login_url, audience):
    """No host gets an assertion that it could use at Salesforce, and none is made for a host that is not asked."""
    with pytest.raises(ConfigurationError, match=r"audience|assertion"):
        JwtBearer(client_id="k", username="u", private_key=pem, login_url=login_url, audience=audience)


# --- keys ------------------------------------------------------------------------------------------------------------


@pytest.mark.catalogue("S16")
def test_keys_of_every_usual_form_sign(pem, old_pem, encrypted_pem, tmp_path):
    """PKCS 8, PKCS 1, encrypted ones with their passphrase, one-line text and a file all give the same signature."""
    file = tmp_path / "server.key"
    file.write_text(pem)
    file.chmod(0o600)
    forms = [(pem, None), (old_pem, None), (encrypted_pem, "opensesame"), (pem.replace("\n", "\\n"), None)]
    forms += [(str(file), None), (file, None), (pem, "needless")]
    signed = {
        JwtBearer(client_id="k", username="u", private_key=key, passphrase=word).assertion(NOW).reveal()
        for key, word in forms
    }
    assert len(signed) == 1


def key_faults(pem, encrypted_pem, public_pem, elliptic_pem):
    lines = pem.splitlines()
    return {
        "no passphrase": (encrypted_pem, None, "passphrase"),
        "wrong passphrase": (encrypted_pem, "guess-canary", "passphrase is wrong"),
        "public key": (public_pem, None, "public key"),
        "not RSA": (elliptic_pem, None, "not an RSA key"),
        "cut": ("\n".join(lines[: len(lines) // 2]), None, "not an RSA private key in PEM form"),
        "garbage": ("-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----", None, "not an RSA private key"),
    }


@pytest.mark.catalogue("S16")
@pytest.mark.parametrize("fault", ["no passphrase", "wrong passphrase", "public key", "not RSA", "cut", "garbage"])
def test_a_key_that_cannot_sign_is_named_and_not_shown(fault, pem, encrypted_pem, public_pem, elliptic_pem):
    """Each fault of a key is a ConfigurationError of its own, without a line of the key, its passphrase or a cause."""
    key, word, said = key_faults(pem, encrypted_pem, public_pem, elliptic_pem)[fault]
    with pytest.raises(ConfigurationError) as refusal:
        JwtBearer(client_id="k", username="u", private_key=key, passphrase=word).assertion(NOW)
    assert said in str(refusal.value)
    assert refusal.value.__context__ is None
    body = [line for line in key.splitlines() if not line.startswith("-----") and line.strip()]
    assert not any(line in str(refusal.value) for line in [*body, "guess-canary"])


def test_a_key_file_that_is_not_there_is_refused_at_once():
    """An unreadable path is a ConfigurationError when the flow is made."""
    with pytest.raises(ConfigurationError, match="private_key"):
        JwtBearer(client_id="k", username="u", private_key="/no/such/server.key")


# --- what is read ----------------------------------------------------------------------------------------------------


def test_a_token_answer_becomes_a_token():
    """Token, instance and identity are read; org and user Ids come from the identity URL."""
    token = CREDENTIALS.read_answer(answer(TOKEN_JSON))
    assert token.access.reveal() == "00DAA000000000A!AQ4Axx"
    assert token.instance_url == MY_DOMAIN
    assert (token.org_id, token.user_id) == ("00DAA000000000A2AQ", "005AA0000000001YAA")
    assert token.refresh is None
    assert token.lifetime is None


def test_a_rotated_refresh_token_comes_along():
    """A new refresh token in the answer is kept, as a secret."""
    token = REFRESH.read_answer(answer({**TOKEN_JSON, "refresh_token": "next"}))
    assert token.refresh.reveal() == "next"


def test_a_token_in_jwt_form_tells_its_lifetime():
    """exp minus iat is the lifetime; anything else in the claims does no harm."""
    access = jwt.encode({"iat": 1000, "exp": 8200, "scp": "api"}, "k" * 32, algorithm="HS256")
    assert CREDENTIALS.read_answer(answer({**TOKEN_JSON, "access_token": access})).lifetime == 7200


@pytest.mark.parametrize("access", ["a.b.c", "a.!!!!.c", "a.bnVsbA.c", "a.e30.c", "00D!a.b.c.d"])
def test_an_opaque_token_has_no_known_lifetime(access):
    """A token that only looks like a JWT is taken as it is."""
    assert CREDENTIALS.read_answer(answer({**TOKEN_JSON, "access_token": access})).lifetime is None


@pytest.mark.parametrize(
    ("error", "description", "hint"),
    [
        ("invalid_grant", "user hasn't approved this consumer", "pre-authorise"),
        ("invalid_grant", "Audience validation failed", "https://test.salesforce.com"),
        ("invalid_grant", "expired authorization code", "clock"),
        ("invalid_grant", "expired access/refresh token", "log in again"),
        ("invalid_grant", "request not supported on this domain", "My Domain"),
        ("invalid_grant", "no client credentials user enabled", "Run As"),
        ("invalid_client_id", "client identifier invalid", "SF_CLIENT_ID"),
        ("invalid_client", "invalid client credentials", "SF_CLIENT_SECRET"),
        ("invalid_app_access", "user is not admin approved to access this app", "administrator"),
    ],
)
def test_a_refusal_keeps_the_orgs_words_and_adds_a_step(error, description, hint):
    """An OAuth error is a LoginRefused with its code, its description, and what to do next."""
    refused = answer({"error": error, "error_description": description}, 400)
    with pytest.raises(LoginRefused) as refusal:
        CREDENTIALS.read_answer(refused)
    assert (refusal.value.error_code, refusal.value.message, refusal.value.status) == (error, description, 400)
    assert hint in refusal.value.hint


@pytest.mark.catalogue("S33")
def test_a_refusal_that_echoes_a_secret_is_masked():
    """A server that repeats what it was sent, or sends terminal codes, gets neither into the message."""
    echo = {"error": "invalid_client", "error_description": "bad secret s3cret-canary \x1b]0;x\x07 " + "y" * 5000}
    with pytest.raises(LoginRefused) as refusal:
        CREDENTIALS.read_answer(replace(answer(echo, 400), sent=CREDENTIALS.token_request(NOW).secrets()))
    assert "s3cret-canary" not in str(refusal.value)
    assert "\x1b" not in str(refusal.value)
    assert len(str(refusal.value)) < 1000


@pytest.mark.parametrize(
    ("content", "status", "kind"),
    [
        (b"<html>maintenance</html>", 503, ServerUnavailable),
        (b"<html>not found</html>", 404, UnreadableAnswer),
        (b"", 200, UnreadableAnswer),
        (b"[1, 2]", 200, UnreadableAnswer),
        (b'{"access_token": "00DcanaryTOKEN"}', 200, UnreadableAnswer),
        (b'{"access_token": "00Dcanary TOKEN", "instance_url": "https://a.my.salesforce.com"}', 200, UnreadableAnswer),
        (b'{"access_token": 7, "instance_url": "https://a.my.salesforce.com"}', 200, UnreadableAnswer),
        (b'{"access_token": "00DcanaryTOKEN", "instance_url": "https://evil.example"}', 200, AuthenticationError),
        (b'{"access_token": "00DcanaryTOKEN", "instance_url": 5}', 200, UnreadableAnswer),
        (b'{"error": 5}', 400, UnreadableAnswer),
    ],
)
def test_an_answer_that_is_no_token_is_a_typed_error(content, status, kind):
    """Pages, half answers and poisoned ones are errors of their kind, and show nothing of a token."""
    with pytest.raises(kind) as refusal:
        CREDENTIALS.read_answer(TokenAnswer(status, content))
    assert "canary" not in str(refusal.value)


@given(st.integers(200, 599), st.binary(max_size=60) | st.sampled_from([b"{", b"null", b'{"error":"x"}', b"9" * 5000]))
def test_no_answer_leads_to_anything_but_a_token_or_a_salesforce_error(status, body):
    """Whatever the login host sends, the outcome is a Token or a SalesforceError."""
    try:
        CREDENTIALS.read_answer(TokenAnswer(status, body))
    except SalesforceError as refusal:
        assert refusal.message  # noqa: PT017 - either outcome is lawful


# --- given tokens ----------------------------------------------------------------------------------------------------


def test_a_given_token_knows_its_org_by_itself():
    """The org Id stands before the ``!`` of an opaque token; the user is not known."""
    token = AccessToken(access_token="00DAA000000000A!AQ4Axx", instance_url=MY_DOMAIN).token()
    assert token.org_id == "00DAA000000000A"
    assert token.user_id is None


@pytest.mark.parametrize("wrong", ["", "00Dcanary token", "00Dcanary\n", "[REDACTED] canary", "00Dcanarü"])
def test_a_token_with_characters_no_header_holds_is_refused(wrong):
    """A token cut or pasted wrongly is a mistake of its own, found before anything is sent."""
    with pytest.raises(ConfigurationError) as refusal:
        AccessToken(access_token=wrong, instance_url=MY_DOMAIN)
    assert "canary" not in str(refusal.value)


def test_a_token_the_cli_blacked_out_is_recognised():
    """Newer sf CLIs print a placeholder instead of the token; the hint is the command that prints the token."""
    with pytest.raises(ConfigurationError, match="show-access-token"):
        AccessToken(access_token="[REDACTED]", instance_url=MY_DOMAIN)


@pytest.mark.catalogue("S1", "S5")
def test_flows_show_no_secret_and_refuse_to_be_pickled(pem):
    """The repr of every flow is masked, and none can be stored by accident."""
    flows = [
        CREDENTIALS,
        RefreshToken(client_id="k", refresh_token="r3fresh-canary", client_secret="s3cret-canary"),
        JwtBearer(client_id="k", username="u", private_key=pem, passphrase="w0rd-canary"),
        AccessToken(access_token="t0ken-canary", instance_url=MY_DOMAIN),
    ]
    for flow in flows:
        assert "canary" not in repr(flow)
        assert "BEGIN" not in repr(flow)
        with pytest.raises(TypeError):
            pickle.dumps(flow)
    assert "canary" not in repr(CREDENTIALS.token_request(NOW))
    assert "canary" not in repr(CREDENTIALS.read_answer(answer({**TOKEN_JSON, "access_token": "00D!canary"})))


# --- which flow ------------------------------------------------------------------------------------------------------


@pytest.fixture
def everything(pem):
    return {
        "SF_INSTANCE_URL": MY_DOMAIN,
        "SF_ACCESS_TOKEN": "00D!x",
        "SF_CLIENT_ID": "key",
        "SF_CLIENT_SECRET": "s",
        "SF_USERNAME": "u",
        "SF_PRIVATE_KEY": pem,
        "SF_REFRESH_TOKEN": "r",
    }


def test_the_most_particular_credential_wins(everything):
    """Of complete sets: access token, then JWT, then refresh token, then client credentials."""
    chosen = []
    for variable in ("SF_ACCESS_TOKEN", "SF_PRIVATE_KEY", "SF_REFRESH_TOKEN", "SF_CLIENT_SECRET"):
        chosen.append(type(flow_from_settings(settings_from_env(everything))))
        del everything[variable]
    assert chosen == [AccessToken, JwtBearer, RefreshToken, ClientCredentials]


def test_an_incomplete_set_does_not_hide_a_complete_one(everything):
    """A token without its instance is passed over for a login that can succeed."""
    del everything["SF_INSTANCE_URL"]
    flow = flow_from_settings(settings_from_env(everything))
    assert isinstance(flow, JwtBearer)
    assert flow.login_url == LOGIN_URL


def test_what_is_missing_is_listed_flow_by_flow():
    """Each flow's gap is named exactly, with what is there already, and misspelt variables are pointed at."""
    settings = settings_from_env({"SF_CLIENT_ID": "key", "SF_USERNAME": "u", "SF_CLIENTSECRET": "s"})
    with pytest.raises(MissingCredentials) as refusal:
        flow_from_settings(settings)
    lines = str(refusal.value).splitlines()
    assert lines[0].startswith("the environment does not say who is logging in")
    assert "  JWT bearer: missing SF_PRIVATE_KEY (has SF_CLIENT_ID, SF_USERNAME)" in lines
    assert "  client credentials: missing SF_CLIENT_SECRET (has SF_CLIENT_ID)" in lines
    assert "  refresh token: missing SF_REFRESH_TOKEN (has SF_CLIENT_ID)" in lines
    assert "  access token: missing SF_ACCESS_TOKEN, SF_INSTANCE_URL" in lines
    assert "  found beside: SF_CLIENTSECRET (did you mean SF_CLIENT_SECRET?)" in lines
