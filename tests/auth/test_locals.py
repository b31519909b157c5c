"""What an error with local variables shows of our frames: no secret as text, whatever stops us, and wherever."""

from __future__ import annotations

import traceback
from pathlib import Path

import httpx
import pytest

import sfdata
from sfdata.auth import AccessToken, ClientCredentials, JwtBearer, RefreshToken
from sfdata.config import OrgConfig, settings_from_env, settings_from_profile
from sfdata.transport.http_session import HttpSession

MY_DOMAIN = "https://acme.my.salesforce.com"
TOKEN, SECRET, REFRESH = "canary-token-4711", "canary-secret-4711", "canary-refresh-4711"
PACKAGE = str(Path(sfdata.__file__).parent)
SIGNER = {"_message", "handle_request"}
"""Where a request is written for the wire, in clear; what lies below is not ours."""


def seen(problem):
    """The local variables of our own frames, as an error with locals would show them."""
    texts = []
    while problem is not None:
        frames = [
            (frame, line)
            for frame, line in traceback.walk_tb(problem.__traceback__)
            if frame.f_code.co_filename.startswith(PACKAGE) and frame.f_code.co_name not in SIGNER
        ]
        texts += traceback.StackSummary.extract(iter(frames), capture_locals=True).format()
        problem = problem.__context__
    return "\n".join(texts)


@pytest.fixture
def flows(pem):
    return [
        AccessToken(access_token=f"00D!{TOKEN}", instance_url=MY_DOMAIN),
        ClientCredentials(client_id="key", client_secret=SECRET, login_url=MY_DOMAIN),
        RefreshToken(client_id="key", refresh_token=REFRESH, client_secret=SECRET),
        JwtBearer(client_id="key", username="u", private_key=pem),
    ]


@pytest.mark.catalogue("S3")
@pytest.mark.parametrize("place", ["login", "request"])
def test_an_interrupt_on_the_wire_shows_no_token(flows, place, pem):
    """Ctrl-C while a login or a request is on its way: between the caller and the wire all secrets are veiled."""
    shown = []
    for flow in flows:

        def handler(request):
            if "oauth2" in request.url.path and place == "request":
                body = {"access_token": f"00D!{TOKEN}", "instance_url": MY_DOMAIN, "refresh_token": REFRESH}
                return httpx.Response(200, json=body)
            raise KeyboardInterrupt

        with HttpSession(OrgConfig(MY_DOMAIN), flow, wire=httpx.MockTransport(handler)) as session:
            with pytest.raises(KeyboardInterrupt) as interrupt:
                session.get("/services/data/v67.0/limits")
            shown.append(seen(interrupt.value))
    text = "\n".join(shown)
    assert "BearerLayer" in text, "no frame was looked at"
    assert [one for one in (TOKEN, SECRET, REFRESH, *pem.splitlines()[1:-1]) if one in text] == []


@pytest.mark.catalogue("S3")
def test_an_interrupt_of_the_signer_shows_no_token(flows, monkeypatch):
    """Ctrl-C in the moment a request is signed: even there the token is veiled."""

    def interrupted(*arguments, **values):
        raise KeyboardInterrupt

    monkeypatch.setattr("sfdata.transport.layers.replace", interrupted)
    session = HttpSession(OrgConfig(MY_DOMAIN), flows[0], wire=httpx.MockTransport(interrupted))
    with session, pytest.raises(KeyboardInterrupt) as interrupt:
        session.get("/services/data/v67.0/limits")
    assert "_signed" in seen(interrupt.value)
    assert TOKEN not in seen(interrupt.value)


@pytest.mark.catalogue("S3")
@pytest.mark.parametrize("setting", ["CLIENT_SECRET", "REFRESH_TOKEN", "ACCESS_TOKEN", "PRIVATE_KEY", "INSTANCE_URL"])
def test_a_wrong_setting_shows_no_other(setting, monkeypatch):
    """Reading the environment fails at one variable: no frame shows that one, or any of the others."""
    for name in ("CLIENT_SECRET", "REFRESH_TOKEN", "ACCESS_TOKEN", "PRIVATE_KEY"):
        monkeypatch.setenv(f"SF_{name}", f"canary-{name}")
    monkeypatch.setenv(f"SF_{setting}", f"canary-{setting}\x07wrong")
    with pytest.raises(sfdata.SalesforceError) as refused:
        settings_from_env()
    text = seen(refused.value)
    assert "settings_from_env" in text
    secrets = [f"canary-{name}" for name in ("CLIENT_SECRET", "REFRESH_TOKEN", "ACCESS_TOKEN", "PRIVATE_KEY")]
    assert [one for one in secrets if one in text] == []


@pytest.mark.catalogue("S3")
@pytest.mark.parametrize("wrong", ['client_secret = "a\nb"', "timeout_seconds = -1", "unknown = 1"])
def test_a_wrong_profile_shows_none_of_its_secrets(wrong, tmp_path):
    """A profile file with a mistake in it, or one that is no TOML: no frame of ours shows what else it holds."""
    file = tmp_path / "profiles.toml"
    file.write_text(f'[prod]\nrefresh_token = "{REFRESH}"\n{wrong}\n')
    file.chmod(0o600)
    with pytest.raises(sfdata.SalesforceError) as refused:
        settings_from_profile("prod", file)
    text = seen(refused.value)
    assert "settings_from_profile" in text
    assert REFRESH not in text


@pytest.mark.catalogue("S3", "S16")
def test_a_key_that_cannot_sign_is_in_no_frame(pem, encrypted_pem):
    """A wrong pass phrase, a cut key: the frames that found it out show neither the key nor the pass phrase."""
    cut = "\n".join(pem.splitlines()[:10])
    for key, word in ((encrypted_pem, SECRET), (cut, None)):
        flow = JwtBearer(client_id="k", username="u", private_key=key, passphrase=word)
        with pytest.raises(sfdata.SalesforceError) as refused:
            flow.assertion(1_800_000_000)
        text = seen(refused.value)
        assert "_rsa_key" in text
        assert [line for line in (*key.splitlines()[5:9], SECRET) if line in text] == []


@pytest.mark.catalogue("S16")
def test_the_text_of_a_key_is_gone_once_it_signs(pem):
    """After the first signature neither PEM nor pass phrase is held; before it both are, as secrets."""
    flow = JwtBearer(client_id="k", username="u", private_key=pem, passphrase="needless")
    first = flow.assertion(1_800_000_000)
    assert flow.assertion(1_800_000_000) == first
    assert (flow.private_key._pem, flow.private_key._passphrase, flow.passphrase) == (None, None, None)
