"""Unique secrets are planted in every place that takes one; then everything goes wrong, and nothing may show them."""

from __future__ import annotations

import base64
import gc
import json
import logging
import pprint
import traceback
from urllib.parse import quote

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from sfdata.auth import AccessToken, ClientCredentials, JwtBearer, RefreshToken
from sfdata.config import OrgConfig, settings_from_env
from sfdata.errors import SalesforceError

MY_DOMAIN = "https://acme.my.salesforce.com"
TOKEN, SECRET, REFRESH, WORD = (f"canary{n}x7f3a9" for n in range(4))


@pytest.fixture(scope="module")
def pem():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(WORD.encode())).decode()


@pytest.fixture
def planted(pem):
    """Every text that must never be seen, in the forms it could be seen in."""
    plain = [TOKEN, SECRET, REFRESH, WORD, *pem.splitlines()[1:-1]]
    encoded = [base64.b64encode(one.encode()).decode().rstrip("=") for one in (TOKEN, SECRET, REFRESH, WORD)]
    return [*plain, *encoded, *(quote(one, safe="") for one in plain)]


@pytest.fixture
def flows(pem):
    return [
        AccessToken(access_token=f"00D!{TOKEN}", instance_url=MY_DOMAIN),
        ClientCredentials(client_id="key", client_secret=SECRET, login_url=MY_DOMAIN),
        RefreshToken(client_id="key", refresh_token=REFRESH, client_secret=SECRET),
        JwtBearer(client_id="key", username="u@x.example", private_key=pem, passphrase=WORD),
    ]


def issue():
    return httpx.Response(
        200, json={"access_token": f"00D!{TOKEN}", "instance_url": MY_DOMAIN, "refresh_token": REFRESH}
    )


def echo(request):
    """The worst of servers: it repeats all it was sent, in its error message."""
    sent = f"{dict(request.headers)} {request.content.decode()}"
    return httpx.Response(500, json=[{"errorCode": "UNKNOWN_EXCEPTION", "message": sent}])


def page(request):
    title = f"<title>{request.headers.get('authorization')}</title>"
    return httpx.Response(200, text=title, headers={"content-type": "text/html"})


def plain(request):
    return httpx.Response(403, text=f"{request.headers.get('authorization')}", headers={"content-type": "text/plain"})


def oauth_echo(request):
    sent = f"{request.content.decode()} {request.headers.get('authorization')}"
    return httpx.Response(400, json={"error": f"invalid {sent}", "error_description": f"got {sent}"})


def raising(kind, text="trouble"):
    def handler(request):
        raise kind(text, request=request)

    return handler


def answering(status, **more):
    return lambda request: httpx.Response(status, **more)


FAULTS = {
    "echo": echo,
    "page": page,
    "plain": plain,
    "oauth echo": oauth_echo,
    "expired": answering(401, json=[{"errorCode": "INVALID_SESSION_ID", "message": "Session expired"}]),
    "not found": answering(404, json=[{"errorCode": "NOT_FOUND", "message": "gone"}]),
    "redirect": answering(302, headers={"location": f"https://evil.example/?sid={TOKEN}"}),
    "cut": answering(200, content=b"{", headers={"content-type": "application/json"}),
    "no json": answering(200, content=b"nonsense"),
    "refused": raising(httpx.ConnectError),
    "reset": raising(httpx.ReadError),
    "timeout": raising(httpx.ReadTimeout),
    "protocol": raising(httpx.LocalProtocolError, f"Illegal header value b'Bearer {TOKEN}'"),
    "proxy": raising(httpx.ProxyError),
    "odd": raising(httpx.UnsupportedProtocol),
}


def everything_about(problem):
    """All text an exception, its causes and its traceback can be made to show."""
    seen, texts = set(), []
    todo = [problem]
    while todo:
        one = todo.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        texts += [str(one), repr(one), repr(one.args), pprint.pformat(vars(one))]
        frames = [
            (frame, line)
            for frame, line in traceback.walk_tb(one.__traceback__)
            if frame.f_code.co_filename != __file__  # this test knows the secrets
        ]
        texts += traceback.StackSummary.extract(iter(frames), capture_locals=True).format()
        todo += [one.__cause__, one.__context__]
    return "\n".join(texts)


@pytest.mark.catalogue("S3", "S4")
@pytest.mark.parametrize("place", ["login", "request"])
@pytest.mark.parametrize("fault", FAULTS)
def test_no_error_shows_a_secret(fault, place, session_on, flows, planted, caplog):
    """Whatever fails, at login or later: neither error, causes, locals, log records nor session show a secret."""
    caplog.set_level(logging.DEBUG)
    failed = 0
    for flow in flows:

        def handler(request):
            at_login = request.url.path.startswith("/services/oauth2")
            return issue() if at_login and place == "request" else FAULTS[fault](request)

        session = session_on(handler, flow)
        try:
            session.get("/services/data/v67.0/query", params={"q": "SELECT Id FROM Account"}).json()
        except SalesforceError as problem:
            failed += 1
            shown = everything_about(problem) + repr(session) + pprint.pformat(vars(session))
            assert [secret for secret in planted if secret in shown] == []
    logged = "\n".join(f"{record.getMessage()} {record.args} {record.exc_text}" for record in caplog.records)
    assert [secret for secret in planted if secret in logged] == []
    assert failed == len(flows)


@pytest.mark.catalogue("S2")
def test_no_log_of_the_wire_shows_a_secret(session_on, raw_server, planted, caplog):
    """With all loggers at DEBUG, neither we nor the libraries below write a token or a form of secrets."""
    caplog.set_level(logging.DEBUG)
    url = f"http://127.0.0.1:{raw_server.port}"
    body = json.dumps({"access_token": f"00D!{TOKEN}", "instance_url": url}).encode()
    for answer in (body, b'{"ok": true}'):
        raw_server.answer(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(answer), answer), keep=True)
    flow = ClientCredentials(client_id="key", client_secret=SECRET, login_url=url)
    session_on(flow=flow, config=OrgConfig(url)).get("/services/data/v67.0/limits")
    assert SECRET.encode() in b"".join(raw_server.requests) or len(raw_server.requests) == 2
    logged = "\n".join(f"{record.getMessage()} {record.args!r}" for record in caplog.records)
    assert "receive_response_headers" in logged, "the libraries' loggers were not heard"
    assert [secret for secret in planted if secret in logged] == []


@pytest.mark.catalogue("S1")
def test_no_settings_show_a_secret(pem, planted):
    """The environment, once read, shows nothing of what it held."""
    settings = settings_from_env(
        {
            "SF_CLIENT_SECRET": SECRET,
            "SF_PRIVATE_KEY": pem,
            "SF_PRIVATE_KEY_PASSPHRASE": WORD,
            "SF_REFRESH_TOKEN": REFRESH,
            "SF_ACCESS_TOKEN": TOKEN,
        }
    )
    shown = repr(settings) + pprint.pformat(settings) + str(settings.org_config())
    assert [secret for secret in planted if secret in shown] == []


@pytest.mark.catalogue("S4")
def test_no_request_is_kept_after_an_error(session_on, flows):
    """An error holds no httpx object, which would hold the token in its headers."""
    for flow in flows[:2]:
        with pytest.raises(SalesforceError) as failure:
            session_on(lambda request: issue() if "oauth2" in request.url.path else page(request), flow).get(
                "/services/data/v67.0/limits"
            )
        held = gc.get_referents(failure.value, vars(failure.value))
        assert not any(isinstance(one, httpx.Request | httpx.Response) for one in held)
