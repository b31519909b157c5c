"""The token manager: one login however many ask, renewal in time, and no endless trying."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs

import jwt
import pytest

from sfdata.auth import AccessToken, ClientCredentials, JwtBearer, RefreshToken, TokenAnswer, TokenManager
from sfdata.errors import (
    AuthenticationError,
    ClockSkew,
    ConnectionFailed,
    LoginRefused,
    LoginRequired,
    NotRemembered,
    SessionExpired,
)

MY_DOMAIN = "https://acme.my.salesforce.com"
CREDENTIALS = ClientCredentials(client_id="key", client_secret="s", login_url=MY_DOMAIN)


class Clock:
    """Seconds that pass only when told to."""

    def __init__(self, seconds=0.0):
        self.seconds = seconds

    def __call__(self):
        return self.seconds


class LoginHost:
    """Answers each token request with the next number as token, and keeps what was asked."""

    def __init__(self, **more):
        self.asked = []
        self.more = more
        self.fault = None
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, request):
        self.asked.append(parse_qs(request.encoded().decode()))
        assert self.gate.wait(10)
        if self.fault is not None:
            raise self.fault
        content = {"access_token": f"00D!{len(self.asked)}", "instance_url": MY_DOMAIN, **self.more}
        return TokenAnswer(200, json.dumps(content).encode())


def test_the_first_use_logs_in_and_the_next_does_not():
    """A token is fetched when first needed and then kept."""
    host, told = LoginHost(), []
    tokens = TokenManager(CREDENTIALS, host, announce=lambda *event: told.append(event))
    assert not host.asked
    assert tokens.current().access.reveal() == "00D!1"
    assert tokens.current() is tokens.current()
    assert len(host.asked) == 1
    assert told == [("client credentials", "first use")]


def test_many_threads_make_one_login():
    """Threads that ask while a login is under way wait for it and share its token."""
    gate = threading.Barrier(8)
    release = threading.Event()
    host = LoginHost()

    def slow(request):
        release.wait(5)
        return host(request)

    tokens = TokenManager(CREDENTIALS, slow)

    def ask():
        gate.wait(5)
        return tokens.current().access.reveal()

    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(ask) for _ in range(8)]
        release.set()
        assert {one.result(5) for one in waiting} == {"00D!1"}
    assert len(host.asked) == 1


def test_a_refused_token_is_renewed_once_for_all():
    """Whoever was refused the old token gets the new one; only the first of them fetches it."""
    host = LoginHost()
    tokens = TokenManager(CREDENTIALS, host)
    old = tokens.current()
    with ThreadPoolExecutor(8) as pool:
        renewed = set(pool.map(lambda _: tokens.renewed(old).access.reveal(), range(8)))
    assert renewed == {"00D!2"}
    assert len(host.asked) == 2


def test_a_refused_new_token_is_fetched_anew():
    """A refusal of the current token, not of an old one, leads to another login."""
    host = LoginHost()
    tokens = TokenManager(CREDENTIALS, host)
    assert tokens.renewed(tokens.current()).access.reveal() == "00D!2"
    assert tokens.renewed(tokens.current()).access.reveal() == "00D!3"


def landed(tokens):
    """Wait until no renewal is under way."""
    tokens.close()
    return tokens


def test_an_ageing_token_is_renewed_while_requests_go_on_with_it():
    """After ninety minutes of an unknown lifetime one renewal begins; until it is there, nobody waits for it."""
    host, clock, told = LoginHost(), Clock(), []
    tokens = TokenManager(CREDENTIALS, host, clock=clock, announce=lambda *event: told.append(event))
    tokens.current()
    clock.seconds = 89 * 60
    tokens.current()
    assert len(host.asked) == 1
    clock.seconds = 90 * 60
    host.gate.clear()
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: tokens.current().access.reveal(), range(64))) == {"00D!1"}
    host.gate.set()
    assert landed(tokens).current().access.reveal() == "00D!2"
    assert len(host.asked) == 2
    assert told[-1] == ("client credentials", "expiring")


def test_who_is_refused_while_a_renewal_is_under_way_waits_for_that_one():
    """A refusal in the middle of a renewal begins no second one."""
    host, clock = LoginHost(), Clock()
    tokens = TokenManager(CREDENTIALS, host, clock=clock)
    old = tokens.current()
    clock.seconds = 90 * 60
    host.gate.clear()
    tokens.current()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(tokens.renewed, old)
        host.gate.set()
        assert waiting.result(5).access.reveal() == "00D!2"
    assert len(host.asked) == 2


def test_an_expired_token_is_not_handed_out():
    """Where a token says when it ends, nobody gets it after its end: all wait for the next one."""
    host, clock = LoginHost(), Clock()
    host.more["access_token"] = first = jwt.encode({"iat": 0, "exp": 600}, "k" * 32, algorithm="HS256")
    tokens = TokenManager(CREDENTIALS, host, clock=clock)
    assert tokens.current().access.reveal() == first
    host.more["access_token"] = second = jwt.encode({"iat": 600, "exp": 1200}, "k" * 32, algorithm="HS256")
    clock.seconds = 600
    assert tokens.current().access.reveal() == second


@pytest.mark.parametrize(("lifetime", "renewed_after"), [(600, 540), (60, 30)])
def test_a_known_lifetime_is_kept_to(lifetime, renewed_after):
    """A token that says when it expires is renewed a minute before, or half way through a very short life."""
    host, clock = LoginHost(), Clock()
    host.more["access_token"] = jwt.encode({"iat": 0, "exp": lifetime}, "k" * 32, algorithm="HS256")
    tokens = TokenManager(CREDENTIALS, host, clock=clock)
    tokens.current()
    clock.seconds = renewed_after - 1
    tokens.current()
    assert len(host.asked) == 1
    clock.seconds = renewed_after
    tokens.current()
    landed(tokens)
    assert len(host.asked) == 2


def test_a_login_host_out_of_reach_does_not_stop_a_token_that_works():
    """When renewal ahead of time fails, the old token goes on being used and is tried again a minute later."""
    host, clock = LoginHost(), Clock()
    tokens = TokenManager(CREDENTIALS, host, clock=clock)
    tokens.current()
    host.fault = ConnectionFailed("down")
    clock.seconds = 91 * 60
    for _ in range(3):
        assert tokens.current().access.reveal() == "00D!1"
        landed(tokens)
    assert len(host.asked) == 2
    host.fault = None
    clock.seconds += 60
    tokens.current()
    assert landed(tokens).current().access.reveal() == "00D!3"


@pytest.mark.catalogue("A5")
def test_a_refused_renewal_is_not_tried_again_unasked():
    """A token that still works is used to its end, though the login behind it is gone; then one try tells why."""
    host, clock = LoginHost(), Clock()
    tokens = TokenManager(CREDENTIALS, host, clock=clock)
    token = tokens.current()
    host.fault = LoginRefused("inactive user")
    for hours in range(2, 12):
        clock.seconds = hours * 3600
        assert tokens.current() is token
        landed(tokens)
    assert len(host.asked) == 2
    with pytest.raises(LoginRefused, match="inactive"):
        tokens.renewed(token)
    assert len(host.asked) == 3


def test_a_failed_login_is_not_remembered():
    """After a failure the next use tries again."""
    host = LoginHost()
    host.fault = ConnectionFailed("down")
    tokens = TokenManager(CREDENTIALS, host)
    with pytest.raises(ConnectionFailed):
        tokens.current()
    host.fault = None
    assert tokens.current().access.reveal() == "00D!2"


def test_a_given_token_is_used_without_a_login_and_cannot_be_renewed():
    """An access token given by the user needs no request; refused, it ends with advice and no loop."""
    host, clock = LoginHost(), Clock()
    tokens = TokenManager(AccessToken(access_token="00D!given", instance_url=MY_DOMAIN), host, clock=clock)
    clock.seconds = 1e6
    token = tokens.current()
    assert token.access.reveal() == "00D!given"
    with pytest.raises(SessionExpired) as refusal:
        tokens.renewed(token)
    assert "new access token" in refusal.value.hint
    assert not host.asked


def test_a_rotated_refresh_token_replaces_the_old_one_and_a_warning_says_so():
    """The next renewal posts the refresh token that the last answer brought; that the given one is spent is told."""
    host = LoginHost(refresh_token="second")
    tokens = TokenManager(RefreshToken(client_id="k", refresh_token="first"), host)
    with pytest.warns(NotRemembered, match="remember=True"):
        tokens.current()
    tokens.renewed(tokens.renewed(tokens.current()))
    assert [form["refresh_token"] for form in host.asked] == [["first"], ["second"], ["second"]]


@pytest.mark.catalogue("A5", "S17")
def test_a_refresh_token_that_is_gone_asks_for_a_login():
    """A refused refresh token is LoginRequired with the next step; a refused user stays what it is."""
    host = LoginHost()
    tokens = TokenManager(RefreshToken(client_id="k", refresh_token="r"), lambda request: host.answer)
    host.answer = refusal("invalid_grant", "expired access/refresh token")
    with pytest.raises(LoginRequired, match="log in again") as refused:
        tokens.current()
    assert refused.value.error_code == "invalid_grant"
    host.answer = refusal("invalid_grant", "inactive user")
    with pytest.raises(LoginRefused, match="frozen") as refused:
        tokens.current()
    assert type(refused.value) is LoginRefused


def refusal(error, description):
    return TokenAnswer(400, json.dumps({"error": error, "error_description": description}).encode())


@pytest.mark.catalogue("A6", "S10")
def test_the_instance_follows_the_answer():
    """After a migration the new token's instance is where requests go; one outside Salesforce is refused."""
    host = LoginHost()
    tokens = TokenManager(CREDENTIALS, host, instance_url=MY_DOMAIN)
    old = tokens.current()
    host.more["instance_url"] = "https://acme2.my.salesforce.com"
    assert tokens.renewed(old).instance_url == "https://acme2.my.salesforce.com"
    host.more["instance_url"] = "https://evil.example"
    with pytest.raises(AuthenticationError):
        tokens.renewed(tokens.current())


# --- a wrong clock ---------------------------------------------------------------------------------------------------


class StrictHost:
    """Refuses an assertion that has expired by its own clock, as Salesforce does."""

    def __init__(self, clock):
        self.clock = clock
        self.asked = 0

    def __call__(self, request):
        self.asked += 1
        assertion = parse_qs(request.encoded().decode())["assertion"][0]
        expiry = jwt.decode(assertion, options={"verify_signature": False})["exp"]
        if expiry < self.clock:
            body = {"error": "invalid_grant", "error_description": "expired authorization code"}
            return TokenAnswer(400, json.dumps(body).encode(), date=self.clock)
        body = {"access_token": f"00D!ok{self.asked}", "instance_url": MY_DOMAIN}
        return TokenAnswer(200, json.dumps(body).encode(), date=self.clock)


@pytest.mark.catalogue("A4")
@pytest.mark.catalogue("A4")
def test_a_slow_local_clock_is_corrected_by_the_servers(pem):
    """Ten minutes behind, the first assertion is expired; the second is dated by the server and accepted."""
    host = StrictHost(clock=1_800_000_600.0)
    flow = JwtBearer(client_id="k", username="u", private_key=pem)
    tokens = TokenManager(flow, host, now=lambda: 1_800_000_000.0)
    assert tokens.current().access.reveal() == "00D!ok2"
    assert host.asked == 2


@pytest.mark.catalogue("A4")
@pytest.mark.parametrize("date", [None, 1_800_000_001.0])
def test_a_refusal_with_a_right_clock_is_final(pem, date):
    """Without a difference of clocks to explain it, a refused login is not tried again."""
    asked = []

    def host(request):
        asked.append(request)
        return TokenAnswer(400, b'{"error":"invalid_grant","error_description":"inactive user"}', date=date)

    tokens = TokenManager(JwtBearer(client_id="k", username="u", private_key=pem), host, now=lambda: 1_800_000_000.0)
    with pytest.raises(LoginRefused, match="inactive user"):
        tokens.current()
    assert len(asked) == 1


@pytest.mark.catalogue("A4")
@pytest.mark.parametrize(("ours", "seconds"), [(1_800_000_000.0, 9_999.0), (1_800_020_000.0, -10_001.0)])
def test_a_clock_that_no_time_helps_is_told(pem, ours, seconds):
    """If the assertion by the host's time is refused as expired as well, the error tells by how much we differ."""
    asked = []

    def host(request):
        asked.append(request)
        body = b'{"error":"invalid_grant","error_description":"expired authorization code"}'
        return TokenAnswer(400, body, date=1_800_009_999.0)

    tokens = TokenManager(JwtBearer(client_id="k", username="u", private_key=pem), host, now=lambda: ours)
    with pytest.raises(ClockSkew, match="clock") as refused:
        tokens.current()
    assert refused.value.seconds == seconds
    assert ("behind" if seconds > 0 else "ahead") in refused.value.message
    assert len(asked) == 2


@pytest.mark.catalogue("A4")
def test_a_known_difference_of_clocks_is_reckoned_with(pem):
    """What the first answer told of the host's clock dates the next assertion from the start."""
    host = StrictHost(clock=1_800_000_600.0)
    flow = JwtBearer(client_id="k", username="u", private_key=pem)
    tokens = TokenManager(flow, host, now=lambda: 1_800_000_000.0)
    tokens.renewed(tokens.current())
    assert host.asked == 3
