"""The session: signing, renewing, repeating, breaking, and every way it says no. All in virtual time."""

from __future__ import annotations

import json
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs

import httpx
import pytest

import sfdata
from sfdata.auth import AccessToken, ClientCredentials, RefreshToken
from sfdata.config import OrgConfig
from sfdata.errors import (
    AccessDenied,
    AuthenticationError,
    CircuitOpen,
    ConnectionFailed,
    LoginRefused,
    MalformedQuery,
    NotFound,
    RequestLimitExceeded,
    RequestTimeout,
    ServerUnavailable,
    SessionExpired,
    UnreadableAnswer,
    UnsupportedApiVersion,
)
from sfdata.resilience.hooks import CallDone, Hooks, RequestDone, RetryScheduled, TokenRenewed
from sfdata.resilience.retry import Operation

MY_DOMAIN = "https://acme.my.salesforce.com"
CREDENTIALS = ClientCredentials(client_id="key", client_secret="s", login_url=MY_DOMAIN)
LIMITS = "/services/data/v67.0/limits"


class Org:
    """A stub org: issues numbered tokens, takes only the newest, and plays a script of answers before that."""

    def __init__(self, json_answer):
        self.json_answer = json_answer
        self.script = []
        self.seen = []
        self.logins = 0
        self.accept_all = False
        self.instance_url = MY_DOMAIN
        self.lock = threading.Lock()

    def __call__(self, request):
        with self.lock:
            self.seen.append(request)
            if request.url.path == "/services/oauth2/token":
                self.logins += 1
                return self.json_answer({"access_token": f"00D!{self.logins}", "instance_url": self.instance_url})
            if self.script:
                answer = self.script.pop(0)
                if isinstance(answer, BaseException):
                    raise answer
                return answer
            if not self.accept_all and request.headers["authorization"] != f"Bearer 00D!{self.logins}":
                return expired(self.json_answer)
        return self.json_answer({"ok": True}, **{"sforce-limit-info": "api-usage=18/5000"})

    @property
    def calls(self):
        return [request for request in self.seen if "oauth2" not in request.url.path]


def expired(json_answer):
    return json_answer([{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}], 401)


@pytest.fixture
def org(json_answer):
    return Org(json_answer)


# --- signing ---------------------------------------------------------------------------------------------------------


def test_nothing_is_sent_before_the_first_request(session_on, org):
    """Making a session costs no request; the first one logs in."""
    session = session_on(org, CREDENTIALS)
    assert org.seen == []
    assert session.get(LIMITS).json() == {"ok": True}
    assert [request.url.path for request in org.seen] == ["/services/oauth2/token", LIMITS]


def test_a_request_says_who_we_are_and_what_we_take(session_on, org):
    """Each request carries the bearer token, our name and version, and asks for JSON in gzip."""
    session_on(org, CREDENTIALS).get(LIMITS, params={"q": "a b&c"}, headers={"X-More": "1"})
    sent = org.calls[0]
    assert sent.headers["authorization"] == "Bearer 00D!1"
    assert sent.headers["user-agent"] == f"sfdata/{sfdata.__version__}"
    assert sent.headers["accept"] == "application/json"
    assert sent.headers["accept-encoding"] == "gzip"
    assert sent.headers["x-more"] == "1"
    assert parse_qs(sent.url.query.decode()) == {"q": ["a b&c"]}


def test_a_body_is_posted_as_json(session_on, org):
    """POST sends JSON and says so."""
    session_on(org, CREDENTIALS).post("/services/data/v67.0/composite", content={"ä": 1}, operation=Operation.READ)
    assert json.loads(org.calls[0].content) == {"ä": 1}
    assert org.calls[0].headers["content-type"] == "application/json"


def test_the_login_is_posted_without_a_token(session_on, org):
    """The token request goes to the login host, unsigned, as a form."""
    session_on(org, ClientCredentials(client_id="key", client_secret="s", login_url="https://x.my.salesforce.com")).get(
        LIMITS
    )
    login = org.seen[0]
    assert login.url.host == "x.my.salesforce.com"
    assert "authorization" not in login.headers
    assert parse_qs(login.content.decode())["grant_type"] == ["client_credentials"]


@pytest.mark.catalogue("S9")
def test_the_token_travels_to_its_own_org_only(session_on, org):
    """However a path is disguised, no request with a token leaves for another host."""
    session = session_on(org, CREDENTIALS)
    for path in ("https://evil.example/services/x", "//evil.example/services/x", "/services/../x", "@evil.example"):
        with pytest.raises(UnreadableAnswer):
            session.get(path)
    assert org.seen == []


@pytest.mark.catalogue("A6")
def test_requests_follow_the_instance_of_the_newest_token(session_on, org):
    """After a migration the renewed token brings a new address, and the repeated request goes there."""
    session = session_on(org, CREDENTIALS)
    session.get(LIMITS)
    org.script = [expired(org.json_answer)]
    org.instance_url = "https://acme2.my.salesforce.com"
    session.get(LIMITS)
    assert [request.url.host for request in org.calls] == [
        "acme.my.salesforce.com",
        "acme.my.salesforce.com",
        "acme2.my.salesforce.com",
    ]
    assert session.instance_url == "https://acme2.my.salesforce.com"


@pytest.mark.catalogue("A6", "S10")
def test_a_poisoned_instance_never_sees_the_token(session_on, org):
    """A token answer that names a foreign host ends the login; nothing is sent there."""
    org.instance_url = "https://evil.example"
    with pytest.raises(AuthenticationError):
        session_on(org, CREDENTIALS).get(LIMITS)
    assert {request.url.host for request in org.seen} == {"acme.my.salesforce.com"}


# --- an expired session ----------------------------------------------------------------------------------------------


def test_an_expired_session_is_renewed_once_and_the_request_repeated(session_on, org):
    """A 401 leads to one login and one repeat, with the new token."""
    session = session_on(org, CREDENTIALS)
    session.get(LIMITS)
    org.script = [expired(org.json_answer)]
    assert session.get(LIMITS).json() == {"ok": True}
    assert org.logins == 2
    assert org.calls[-1].headers["authorization"] == "Bearer 00D!2"


@pytest.mark.catalogue("A5")
def test_a_session_that_stays_invalid_ends_after_one_login(session_on, org):
    """An org that refuses fresh tokens is asked to log in once more, and no oftener."""
    session = session_on(org, CREDENTIALS)
    org.script = [expired(org.json_answer) for _ in range(9)]
    with pytest.raises(SessionExpired) as refusal:
        session.get(LIMITS)
    assert org.logins == 2
    assert len(org.calls) == 2
    assert refusal.value.error_code == "INVALID_SESSION_ID"


def test_threads_that_meet_an_expired_session_share_one_login(session_on, org):
    """Eight threads refused together make one token request, and all succeed."""
    session = session_on(org, CREDENTIALS)
    session.get(LIMITS)
    org.logins += 1  # the token in use is now an old one
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: session.get(LIMITS).status, range(8)))
    assert answers == [200] * 8
    assert sum(request.url.path == "/services/oauth2/token" for request in org.seen) == 2


@pytest.mark.catalogue("A5")
def test_a_given_token_that_expired_asks_for_another(session_on, org):
    """Without means to log in, a 401 is SessionExpired at once."""
    session = session_on(org, AccessToken(access_token="00D!old", instance_url=MY_DOMAIN))
    with pytest.raises(SessionExpired, match="no means to get another"):
        session.get(LIMITS)
    assert len(org.seen) == 1


@pytest.mark.catalogue("A5")
def test_a_refused_login_is_final(session_on, org, json_answer):
    """A wrong secret is asked once, and never counts against the breaker."""
    refused = {"error": "invalid_client", "error_description": "invalid client credentials"}
    asked = []

    def handler(request):
        asked.append(request)
        return json_answer(refused, 400)

    session = session_on(handler, CREDENTIALS)
    for _ in range(7):
        with pytest.raises(LoginRefused):
            session.get(LIMITS)
    assert len(asked) == 7


def test_a_refresh_token_is_not_spent_more_than_twice(session_on):
    """A login by refresh token whose answer is lost is repeated once; a lost credential login as often as allowed."""
    asked = []

    def handler(request):
        asked.append(request)
        raise httpx.ReadError("reset")

    with pytest.raises(ConnectionFailed):
        session_on(handler, RefreshToken(client_id="k", refresh_token="r")).get(LIMITS)
    assert len(asked) == 2
    asked.clear()
    with pytest.raises(ConnectionFailed):
        session_on(handler, CREDENTIALS).get(LIMITS)
    assert len(asked) == 4


# --- repeating -------------------------------------------------------------------------------------------------------


@pytest.mark.catalogue("Q7")
@pytest.mark.parametrize(
    "fault",
    [
        httpx.ConnectError("refused"),
        httpx.ConnectTimeout("slow"),
        httpx.ReadTimeout("slow"),
        httpx.ReadError("reset"),
        httpx.RemoteProtocolError("Server disconnected without sending a response."),
        httpx.Response(503, content=b"<html>", headers={"content-type": "text/html"}),
        httpx.Response(200, content=b"<html>", headers={"content-type": "text/html"}),
        httpx.Response(200, content=b'{"cut":', headers={"content-type": "application/json"}),
        httpx.Response(429, headers={"retry-after": "3"}),
        httpx.Response(500, content=b'[{"errorCode":"UNKNOWN_EXCEPTION","message":"1234-5"}]'),
    ],
)
def test_a_read_survives_what_passes(session_on, org, fault):
    """Every fault that can pass is waited out; the caller sees the answer only."""
    org.script = [fault]
    session = session_on(org, AccessToken(access_token="00D!0", instance_url=MY_DOMAIN))
    assert session.get(LIMITS).json() == {"ok": True}
    assert len(org.calls) == 2


@pytest.mark.catalogue("L1")
@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "MALFORMED_QUERY", MalformedQuery),
        (403, "REQUEST_LIMIT_EXCEEDED", RequestLimitExceeded),
        (403, "API_DISABLED_FOR_ORG", AccessDenied),
        (404, "ENTITY_IS_DELETED", NotFound),
    ],
)
def test_a_refusal_is_asked_once(session_on, org, json_answer, virtual, status, code, kind):
    """What will not change by asking again is not asked again, the spent daily limit least of all."""
    org.accept_all = True
    session = session_on(org, AccessToken(access_token="00D!0", instance_url=MY_DOMAIN))
    org.script = [json_answer([{"message": "m", "errorCode": code}], status) for _ in range(9)]
    with pytest.raises(kind):
        session.get("/services/apexrest/x")
    assert len(org.calls) == 1
    assert virtual.slept == []


@pytest.mark.parametrize(
    ("fault", "kind", "said"),
    [
        (lambda: httpx.ConnectError("[Errno 111] Connection refused"), ConnectionFailed, "Connection refused"),
        (lambda: httpx.ConnectTimeout("x"), RequestTimeout, "no connection"),
        (lambda: httpx.ReadTimeout("x"), RequestTimeout, "SF_TIMEOUT_SECONDS"),
        (lambda: httpx.ReadError("x"), ConnectionFailed, "connection broke"),
        (lambda: httpx.ProxyError("407 Proxy Authentication Required"), ConnectionFailed, "407"),
        (lambda: httpx.Response(503, content=b""), ServerUnavailable, "503"),
        (lambda: httpx.Response(200, text="<p>", headers={"content-type": "text/html"}), UnreadableAnswer, "page"),
        (
            lambda: httpx.Response(200, content=b"{", headers={"content-type": "application/json"}),
            UnreadableAnswer,
            "broke off",
        ),
        (
            lambda: httpx.Response(200, stream=httpx.ByteStream(b"x"), headers={"content-encoding": "br"}),
            UnreadableAnswer,
            "not asked for",
        ),
    ],
)
def test_what_does_not_pass_is_named_after_four_attempts(session_on, org, fault, kind, said):
    """A lasting fault ends as the exception of its kind, after the fourth attempt."""
    org.script = [fault() for _ in range(9)]
    session = session_on(org, AccessToken(access_token="00D!0", instance_url=MY_DOMAIN))
    with pytest.raises(kind) as failure:
        session.get(LIMITS)
    assert said in str(failure.value)
    assert len(org.calls) == 4
    assert failure.value.__cause__ is None
    assert failure.value.__context__ is None


def test_a_request_that_cannot_be_sent_is_not_repeated(session_on, org):
    """A fault of our own making is final, and its text is not shown: it may quote a header."""
    org.script = [httpx.LocalProtocolError("Illegal header value b'canary'")]
    with pytest.raises(ConnectionFailed) as failure:
        session_on(org, AccessToken(access_token="00D!0", instance_url=MY_DOMAIN)).get(LIMITS)
    assert "canary" not in str(failure.value)
    assert len(org.calls) == 1


def test_the_org_may_ask_for_patience(session_on, org, virtual):
    """Retry-After is waited out."""
    org.script = [httpx.Response(503, headers={"retry-after": "7"})]
    session_on(org, AccessToken(access_token="00D!0", instance_url=MY_DOMAIN)).get(LIMITS)
    assert virtual.slept == [7.0]


def test_a_local_org_that_is_gone_is_suspected(session_on):
    """When this machine refuses the connection, the hint asks the likely question."""

    def refuse(request):
        raise httpx.ConnectError("[Errno 111] Connection refused")

    url = "http://127.0.0.1:9"
    session = session_on(refuse, AccessToken(access_token="00D!x", instance_url=url), OrgConfig(url))
    with pytest.raises(ConnectionFailed) as failure:
        session.get(LIMITS)
    assert failure.value.hint == "Is the local org still running?"


@pytest.mark.catalogue("L3")
def test_a_dead_org_is_left_alone(session_on, org):
    """After five failures in a row the next request is not sent, until the pause is over."""
    org.script = [httpx.ConnectError("down") for _ in range(8)]
    session = session_on(org, AccessToken(access_token="00D!0", instance_url=MY_DOMAIN))
    for calls in (4, 5):  # the second request's own failure opens the circuit, and is what it tells
        with pytest.raises(ConnectionFailed):
            session.get(LIMITS)
        assert len(org.calls) == calls
    with pytest.raises(CircuitOpen):
        session.get(LIMITS)
    assert len(org.calls) == 5


def test_refusals_do_not_open_the_circuit(session_on, org, json_answer):
    """An org that says no is alive, however often it says so."""
    session = session_on(org, AccessToken(access_token="00D!0", instance_url=MY_DOMAIN))
    org.script = [json_answer([{"message": "m", "errorCode": "INVALID_FIELD"}], 400) for _ in range(9)]
    for _ in range(9):
        with pytest.raises(Exception, match="INVALID_FIELD"):
            session.get(LIMITS)
    assert session.get(LIMITS).status == 200


@pytest.mark.catalogue("P1")
@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_passes_through_and_leaves_the_session_usable(session_on, org, interrupt):
    """Ctrl-C is not repeated, not counted as a failure, and the next request works."""
    session = session_on(org, AccessToken(access_token="00D!0", instance_url=MY_DOMAIN))
    for _ in range(6):
        org.script = [interrupt()]
        with pytest.raises(interrupt):
            session.get(LIMITS)
    assert session.get(LIMITS).status == 200


# --- answers ---------------------------------------------------------------------------------------------------------


@pytest.mark.catalogue("S8")
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(session_on, org, status):
    """A token is not carried to wherever an answer points."""
    org.script = [httpx.Response(status, headers={"location": "https://evil.example/services/data?sid=canary"})]
    with pytest.raises(UnreadableAnswer, match=r"evil\.example"):
        session_on(org, AccessToken(access_token="00D!0", instance_url=MY_DOMAIN)).get(LIMITS)
    assert len(org.seen) == 1


def test_not_modified_is_an_answer_only_to_who_asked(session_on, org):
    """304 is a success for a conditional request, and no data for any other."""
    session = session_on(org, AccessToken(access_token="00D!0", instance_url=MY_DOMAIN))
    org.script = [httpx.Response(304)]
    assert session.get(LIMITS, headers={"If-Modified-Since": "Thu, 01 Jan 2026 00:00:00 GMT"}).status == 304
    org.script = [httpx.Response(304)]
    with pytest.raises(UnreadableAnswer):
        session.get(LIMITS)


def test_the_api_usage_is_noted(session_on, org):
    """Every answer's usage header updates the tracker."""
    session = session_on(org, CREDENTIALS)
    session.get(LIMITS)
    assert (session.limits.last.used, session.limits.last.allowed) == (18, 5000)


def test_events_tell_what_happened(session_on, org):
    """Subscribers hear of the login, each answered attempt, each wait and each call as a whole; no query strings."""
    events = []
    org.script = [httpx.Response(503)]
    org.accept_all = True
    session = session_on(org, CREDENTIALS, hooks=Hooks(events.append))
    session.get(LIMITS, params={"q": "canary"})
    login = [RequestDone, CallDone, TokenRenewed]
    assert [type(event) for event in events] == [*login, RequestDone, RetryScheduled, RequestDone, CallDone]
    assert events[2] == TokenRenewed("client credentials", "first use")
    assert events[4] == RetryScheduled("GET", LIMITS, 1, 0.25, "status 503")
    assert (events[5].status, events[5].path) == (200, LIMITS)
    assert (events[6].status, events[6].attempts, events[6].error) == (200, 2, None)
    assert "canary" not in repr(events)


# --- versions --------------------------------------------------------------------------------------------------------


def version_handler(json_answer, served, seen):
    def handler(request):
        seen.append(request)
        if request.url.path == "/services/data":
            return served
        return json_answer([{"errorCode": "NOT_FOUND", "message": "The requested resource does not exist"}], 404)

    return handler


def test_a_version_that_is_not_served_is_said_to_be_so(session_on, json_answer):
    """A 404 under a version the org does not list names the newest it does; the public list is asked once, unsigned."""
    served = json_answer([{"version": "31.0"}, {"version": "66.0"}])
    seen = []
    session = session_on(version_handler(json_answer, served, seen))
    for _ in range(2):
        with pytest.raises(UnsupportedApiVersion) as refusal:
            session.get(LIMITS)
    assert "67.0" in refusal.value.message
    assert "SF_API_VERSION" in refusal.value.hint
    assert "66.0" in refusal.value.hint
    asked = [request for request in seen if request.url.path == "/services/data"]
    assert len(asked) == 1
    assert "authorization" not in asked[0].headers


def test_a_retired_version_is_said_to_be_so(session_on, json_answer):
    """410 Gone under a version that is not listed means the same."""

    def handler(request):
        if request.url.path == "/services/data":
            return json_answer([{"version": "67.0"}])
        return json_answer([{"errorCode": "UNSUPPORTED", "message": "gone"}], 410)

    with pytest.raises(UnsupportedApiVersion):
        session_on(handler).get("/services/data/v30.0/limits")


@pytest.mark.parametrize(
    "served",
    [
        httpx.Response(200, content=b'[{"version":"67.0"}]'),
        httpx.Response(200, content=b"nonsense"),
        httpx.Response(200, content=b'{"version":1}'),
        httpx.Response(404),
        httpx.Response(200, content=b"[]"),
    ],
)
def test_a_resource_that_is_missing_stays_not_found(session_on, json_answer, served):
    """When the version is served, or the list cannot be had, the org's own 404 is the error."""
    with pytest.raises(NotFound) as refusal:
        session_on(version_handler(json_answer, served, [])).get(LIMITS)
    assert type(refusal.value) is NotFound
    assert refusal.value.error_code == "NOT_FOUND"


# --- its life --------------------------------------------------------------------------------------------------------


def test_a_closed_session_sends_nothing(session_on, org):
    """After `close` every request is refused here."""
    with session_on(org, CREDENTIALS) as session:
        session.get(LIMITS)
    sent = len(org.seen)
    with pytest.raises(ConnectionFailed, match="closed"):
        session.get(LIMITS)
    assert len(org.seen) == sent


@pytest.mark.catalogue("S5")
def test_a_session_shows_its_address_and_cannot_be_pickled(session_on, org):
    """In print a session is where and which version; it cannot be stored."""
    session = session_on(org, CREDENTIALS)
    assert repr(session) == f"HttpSession({MY_DOMAIN}, v67.0)"
    assert session.data_path == "/services/data/v67.0"
    with pytest.raises(TypeError):
        pickle.dumps(session)
