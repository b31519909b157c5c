"""Introspection, revocation, the identity document, userinfo, discovery, and SOAP login."""

from __future__ import annotations

import time
from urllib.parse import parse_qs
from xml.etree import ElementTree

import httpx
import pytest
from rig.local_rest import Rest

from sfdata.localorg import LocalOrg

INTROSPECT, REVOKE, USERINFO = (f"/services/oauth2/{name}" for name in ("introspect", "revoke", "userinfo"))

pytestmark = pytest.mark.local_org(session_seconds=5000)


def app(org: LocalOrg) -> dict[str, str]:
    return {"client_id": org.client_id, "client_secret": org.client_secret}


def new_token(org: LocalOrg, stranger: Rest, **form: str) -> str:
    grant = {"grant_type": "client_credentials"} | form
    return str(stranger.post("/services/oauth2/token", data=grant | app(org)).json()["access_token"])


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


# --- introspection ---------------------------------------------------------------------------------------------------


def test_introspection_tells_a_sessions_end(org: LocalOrg, stranger: Rest) -> None:
    """Active, whose, and an ``exp`` one session length ahead; asking does not extend it."""
    token = new_token(org, stranger)
    answer = stranger.post(INTROSPECT, data={"token": token, "token_type_hint": "access_token", **app(org)}).json()
    assert answer["active"] is True
    assert answer["username"] == org.username
    assert answer["client_id"] == org.client_id
    assert answer["sub"] == f"{org.instance_url}/id/{org.org_id}/{org.user_id}"
    assert answer["token_type"] == "access_token"
    assert abs(answer["exp"] - time.time() - 5000) < 10
    assert answer["exp"] - answer["iat"] == 5000
    assert answer["nbf"] == answer["iat"]


def test_introspection_of_dead_and_refresh_tokens(org: LocalOrg, stranger: Rest) -> None:
    """An unknown token is inactive and nothing else; the refresh token is known as one."""
    dead = stranger.post(INTROSPECT, data={"token": "00Dx!nope"}, auth=(org.client_id, org.client_secret))
    assert dead.json() == {"active": False}
    refresh = stranger.post(INTROSPECT, data={"token": org.credentials.refresh_token, **app(org)}).json()
    assert (refresh["active"], refresh["token_type"]) == (True, "refresh_token")


def test_introspection_is_for_the_app(org: LocalOrg, stranger: Rest) -> None:
    """Without the app's secret nobody learns whether a token is alive."""
    reply = stranger.post(INTROSPECT, data={"token": org.access_token, "client_id": org.client_id})
    assert reply.status_code == 400
    assert reply.json()["error"] == "invalid_client"


# --- revocation ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_revoked_token_is_refused(org: LocalOrg, stranger: Rest, method: str) -> None:
    """200 with an empty body, and from then on 401 INVALID_SESSION_ID."""
    token = new_token(org, stranger)
    assert stranger.get("/services/data/v60.0", headers=bearer(token)).status_code == 200
    fields = {"params": {"token": token}} if method == "GET" else {"data": {"token": token}}
    reply = stranger.request(method, REVOKE, **fields)  # type: ignore[arg-type]
    assert (reply.status_code, reply.content) == (200, b"")
    refusal = stranger.get("/services/data/v60.0", headers=bearer(token))
    assert refusal.status_code == 401
    assert refusal.json() == [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]


@pytest.mark.parametrize("fields", [{"token": "unknown"}, {}])
def test_revoking_nothing_is_an_error(stranger: Rest, fields: dict[str, str]) -> None:
    """400, in the query-string form that jsforce parses."""
    reply = stranger.post(REVOKE, data=fields)
    assert reply.status_code == 400
    assert parse_qs(reply.text)["error"] == ["unsupported_token_type"]


def test_revoking_the_refresh_token_ends_its_sessions() -> None:
    """The refresh token stops working, and so do access tokens it gave; other sessions go on."""
    with LocalOrg(sample_data=False) as org, Rest(org) as stranger:
        refresh = {"grant_type": "refresh_token", "refresh_token": org.credentials.refresh_token}
        refreshed, other = new_token(org, stranger, **refresh), new_token(org, stranger)
        assert stranger.post(REVOKE, data={"token": org.credentials.refresh_token}).status_code == 200
        assert stranger.get("/services/data/v60.0", headers=bearer(refreshed)).status_code == 401
        assert stranger.get("/services/data/v60.0", headers=bearer(other)).status_code == 200
        again = stranger.post("/services/oauth2/token", data=refresh | app(org))
        assert again.json() == {"error": "invalid_grant", "error_description": "expired access/refresh token"}


# --- who am I --------------------------------------------------------------------------------------------------------


def test_userinfo_names_user_and_org(org: LocalOrg, stranger: Rest) -> None:
    """The claims that the sf CLI and OpenID clients read."""
    info = stranger.get(USERINFO, headers=bearer(org.access_token)).json()
    assert info["user_id"] == org.user_id
    assert info["organization_id"] == org.org_id
    assert info["preferred_username"] == org.username
    assert info["sub"].endswith(f"/id/{org.org_id}/{org.user_id}")
    assert "@" in info["email"]
    assert info["email_verified"] is True
    assert info["active"] is True
    assert info["utcOffset"] == 0
    assert info["user_type"] == "STANDARD"
    assert {"name", "family_name", "zoneinfo", "locale", "language", "photos", "urls", "updated_at"} <= set(info)


def test_the_identity_url_of_the_version_root_leads_to_the_user(org: LocalOrg, stranger: Rest) -> None:
    """jsforce goes from the version root to ``identity``, with the token as header or as parameter."""
    url = stranger.get("/services/data/v50.0/", headers=bearer(org.access_token)).json()["identity"]
    for reply in (
        stranger.get(url, headers=bearer(org.access_token), params={"format": "json"}),
        stranger.get(url, headers={"Authorization": f"OAuth {org.access_token}"}),
        stranger.get(url, params={"oauth_token": org.access_token}),
        stranger.get(url.replace(org.user_id, org.user_id[:15]), headers=bearer(org.access_token)),
    ):
        document = reply.json()
        assert document["id"] == url
        assert (document["user_id"], document["organization_id"]) == (org.user_id, org.org_id)
        assert document["username"] == org.username
        assert document["asserted_user"] is True
        assert document["urls"]["query"] == f"{org.instance_url}/services/data/v{{version}}/query/"


def test_a_version_fills_in_the_identity_urls(org: LocalOrg, stranger: Rest) -> None:
    """``version=latest`` and a number replace the placeholder."""
    url = f"/id/{org.org_id}/{org.user_id}"
    for version, number in (("latest", "68.0"), ("59.0", "59.0")):
        document = stranger.get(url, params={"version": version}, headers=bearer(org.access_token)).json()
        assert document["urls"]["rest"] == f"{org.instance_url}/services/data/v{number}/"
        assert document["urls"]["partner"].endswith(f"/services/Soap/u/{number}/{org.org_id[:15]}")


def test_identity_refuses_in_plain_words(org: LocalOrg, stranger: Rest) -> None:
    """403 or 404 with one word, in plain text, for each way of not being let in."""
    own = f"/id/{org.org_id}/{org.user_id}"
    good = bearer(org.access_token)
    for url, headers, status, word in (
        (own, {}, 403, "Missing_OAuth_Token"),
        (own, bearer("00Dx!nope"), 403, "Bad_OAuth_Token"),
        (USERINFO, {}, 403, "Missing_OAuth_Token"),
        (USERINFO, bearer("00Dx!nope"), 403, "Bad_OAuth_Token"),
        (f"/id/00D000000000001EAA/{org.user_id}", good, 403, "Wrong_Org"),
        (f"/id/{org.org_id}/005000000000001AAA", good, 404, "Bad_Id"),
        (f"/id/{org.org_id}/nonsense", good, 404, "Bad_Id"),
    ):
        reply = stranger.get(url, headers=headers)
        assert (reply.status_code, reply.text) == (status, word)
        assert reply.headers["content-type"].startswith("text/plain")


def test_discovery_lists_endpoints_that_are_there(org: LocalOrg, stranger: Rest) -> None:
    """Every endpoint of the discovery document is served: none of them answers 404."""
    document = stranger.get("/.well-known/openid-configuration").json()
    assert document["issuer"] == org.instance_url
    endpoints = {key: url for key, url in document.items() if key.endswith("_endpoint")}
    assert len(endpoints) == 5
    for url in endpoints.values():
        assert stranger.post(url).status_code in (400, 403)


# --- SOAP login ------------------------------------------------------------------------------------------------------

ENVELOPE = """<?xml version="1.0" encoding="utf-8" ?>
<env:Envelope xmlns:env="http://schemas.xmlsoap.org/soap/envelope/"
  xmlns:urn="urn:partner.soap.sforce.com">
  <env:Header><urn:CallOptions><urn:client>test</urn:client></urn:CallOptions></env:Header>
  <env:Body><n1:{operation} xmlns:n1="urn:partner.soap.sforce.com">
    <n1:username>{username}</n1:username><n1:password>{password}</n1:password>
  </n1:{operation}></env:Body></env:Envelope>"""


def soap(stranger: Rest, version: str, username: str, password: str, operation: str = "login") -> httpx.Response:
    body = ENVELOPE.format(operation=operation, username=username, password=password)
    headers = {"Content-Type": "text/xml", "SOAPAction": operation}
    return stranger.post(f"/services/Soap/u/{version}", content=body.encode(), headers=headers)


def texts(reply: httpx.Response) -> dict[str, str]:
    elements = ElementTree.fromstring(reply.content).iter()
    return {element.tag.rpartition("}")[2]: element.text or "" for element in elements}


def test_soap_login_gives_a_session(org: LocalOrg, stranger: Rest) -> None:
    """Session Id, server URL with version and org, user and organization, as existing clients read them."""
    reply = soap(stranger, "59.0", org.username, org.credentials.password)
    found = texts(reply)
    assert reply.status_code == 200
    assert reply.headers["content-type"].startswith("text/xml")
    assert found["serverUrl"] == f"{org.instance_url}/services/Soap/u/59.0/{org.org_id[:15]}"
    assert (found["userId"], found["organizationId"]) == (org.user_id, org.org_id)
    assert found["passwordExpired"] == "false"
    assert found["sessionSecondsValid"] == "5000"
    assert stranger.get("/services/data/v59.0", headers=bearer(found["sessionId"])).status_code == 200


def test_soap_logout_ends_the_session_of_the_header(org: LocalOrg, stranger: Rest) -> None:
    """The session named in the header is over; later versions have logout() though no login()."""
    for version in ("59.0", "66.0"):
        token = new_token(org, stranger)
        body = (
            '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Header>'
            f'<SessionHeader xmlns="urn:partner.soap.sforce.com"><sessionId>{token}</sessionId></SessionHeader>'
            '</e:Header><e:Body><logout xmlns="urn:partner.soap.sforce.com"/></e:Body></e:Envelope>'
        )
        assert stranger.post(f"/services/Soap/u/{version}", content=body).status_code == 200
        assert stranger.get("/services/data/v59.0", headers=bearer(token)).status_code == 401


def test_other_soap_apis_are_not_found(org: LocalOrg, stranger: Rest) -> None:
    """What is not built of SOAP says so with its name, in a fault; what Salesforce has not either is not found."""
    assert stranger.post("/services/Soap/x/59.0", content=b"").status_code == 404
    for reply, name in (
        (stranger.post("/services/Soap/m/59.0", content=b""), "Metadata API"),
        (soap(stranger, "59.0", org.username, "", "convertLead"), "convertLead()"),
    ):
        assert reply.status_code == 501
        assert name in texts(reply)["exceptionMessage"]


@pytest.mark.parametrize(
    ("version", "password", "operation", "code"),
    [
        ("59.0", "wrong & <bad>", "login", "INVALID_LOGIN"),
        ("65.0", None, "login", "UNSUPPORTED_API_VERSION"),
        ("30.0", None, "login", "UNSUPPORTED_API_VERSION"),
        ("x", None, "login", "UNSUPPORTED_API_VERSION"),
        ("59.0", None, "logout", "INVALID_SESSION_ID"),
        ("69.0", None, "logout", "UNSUPPORTED_API_VERSION"),
    ],
)
def test_soap_faults(
    org: LocalOrg, stranger: Rest, version: str, password: str | None, operation: str, code: str
) -> None:
    """HTTP 500 with a fault that names the exception code, also for versions without login()."""
    given = (password or org.credentials.password).replace("&", "&amp;").replace("<", "&lt;")
    reply = soap(stranger, version, org.username, given, operation)
    assert reply.status_code == 500
    assert texts(reply)["exceptionCode"] == code
    assert texts(reply)["faultcode"] == code


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not xml",
        b"<a/>",
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body/></e:Envelope>',
        b'<?xml version="1.0" encoding="nonsense"?><a/>',
    ],
)
def test_what_is_no_envelope_is_a_fault(stranger: Rest, body: bytes) -> None:
    """Broken XML, entity tricks and empty bodies are refused in SOAP's form."""
    reply = stranger.post("/services/Soap/u/59.0", content=body)
    assert reply.status_code == 500
    assert texts(reply)["exceptionCode"] == "INVALID_SOAP_BODY"
