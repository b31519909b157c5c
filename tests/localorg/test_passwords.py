"""Passwords of users: which let in, who changes them, and what ends with the old one."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree

import httpx
import pytest
from rig.local_rest import Rest

from sfdata.localorg import LocalOrg

ENVELOPE = """<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:u="urn:partner.soap.sforce.com">
<e:Header><u:SessionHeader><u:sessionId>{session}</u:sessionId></u:SessionHeader>
<u:LoginScopeHeader><u:organizationId>{organization}</u:organizationId></u:LoginScopeHeader></e:Header>
<e:Body><u:{operation}>{arguments}</u:{operation}></e:Body></e:Envelope>"""


class Web(Rest):
    """Plain HTTP to an org, with the calls that these tests make."""

    def __init__(self, org: LocalOrg) -> None:
        super().__init__(org, org.access_token)
        self.org = org

    def password(self, method: str, user_id: str, **options: object) -> httpx.Response:
        return self.request(method, f"/services/data/v66.0/sobjects/User/{user_id}/password", **options)  # type: ignore[arg-type]

    def oauth(self, grant: str, **form: str) -> httpx.Response:
        app = {"client_id": self.org.client_id, "client_secret": self.org.client_secret}
        return self.post("/services/oauth2/token", data={"grant_type": grant, **app, **form})

    def soap(self, operation: str, *, organization: str | None = None, **arguments: str) -> dict[str, str]:
        """The texts of the answer by element, whatever their depth."""
        body = ENVELOPE.format(
            session=self.org.access_token,
            organization=organization or self.org.org_id,
            operation=operation,
            arguments="".join(f"<u:{name}>{value}</u:{name}>" for name, value in arguments.items()),
        )
        reply = self.post("/services/Soap/u/64.0", content=body.encode())
        return {part.tag.rpartition("}")[2]: part.text or "" for part in ElementTree.fromstring(reply.content).iter()}


@pytest.fixture
def web() -> Iterator[Web]:
    with LocalOrg(sample_data=False) as org, Web(org) as client:
        yield client


@pytest.fixture
def ann(web: Web) -> tuple[str, str]:
    """Id and user name of somebody who has no password yet."""
    profile = web.get("/services/data/v66.0/query?q=SELECT+Id+FROM+Profile+LIMIT+1").json()["records"][0]["Id"]
    fields = {
        "Username": "ann@passwords.example", "LastName": "Ann", "Email": "ann@passwords.example", "Alias": "ann",
        "TimeZoneSidKey": "Europe/Berlin", "LocaleSidKey": "en_US", "EmailEncodingKey": "UTF-8",
        "LanguageLocaleKey": "en_US", "ProfileId": profile,
    }  # fmt: skip
    reply = web.post("/services/data/v66.0/sobjects/User", json=fields)
    assert reply.status_code == 201, reply.text
    return reply.json()["id"], fields["Username"]


def test_a_security_token_may_follow_the_password(web: Web) -> None:
    """By SOAP and by OAuth the password lets in alone and with the token behind it, with anything else it does not."""
    org, secrets = web.org, web.org.credentials
    for given, right in (("", True), (secrets.security_token, True), ("abc", False)):
        password = secrets.password + given
        assert ("sessionId" in web.soap("login", username=org.username, password=password)) is right
        assert (web.oauth("password", username=org.username, password=password).status_code == 200) is right


def test_a_login_stays_within_its_organization(web: Web) -> None:
    """The header may name the organization with 15 or 18 characters; in another one the user is not known."""
    org = web.org
    login = {"username": org.username, "password": org.credentials.password}
    for organization in (org.org_id, org.org_id[:15]):
        assert web.soap("login", organization=organization, **login)["userId"] == org.user_id
    assert web.soap("login", organization="00Dxx0000000001", **login)["exceptionCode"] == "INVALID_LOGIN"


def test_a_password_is_set_and_lets_in(web: Web, ann: tuple[str, str]) -> None:
    """204 and nothing else; nobody logs in before, the user does with it, and with the next one only with that."""
    user_id, username = ann
    assert web.oauth("password", username=username, password="").status_code == 400
    for password in ("Winter2027", "Summer2028"):
        reply = web.password("POST", user_id, json={"NewPassword": password})
        assert (reply.status_code, reply.content) == (204, b"")
        assert web.soap("login", username=username, password=password)["userId"] == user_id
    assert web.oauth("password", username=username, password="Winter2027").status_code == 400
    assert web.password("GET", user_id[:15]).json() == {"isExpired": False}


def test_a_password_is_reset_to_a_new_one(web: Web, ann: tuple[str, str]) -> None:
    """The answer tells the password that lets in from now on."""
    user_id, username = ann
    told = web.password("DELETE", user_id).json()
    assert set(told) == {"NewPassword"}
    assert web.oauth("password", username=username, password=told["NewPassword"]).status_code == 200


def test_weak_passwords_are_refused(web: Web, ann: tuple[str, str]) -> None:
    """Eight characters at least, letters and digits among them; a body without one and a user nobody knows, too."""
    for password in ("short1", "onlyletters", "1234567890"):
        reply = web.password("POST", ann[0], json={"NewPassword": password})
        assert (reply.status_code, reply.json()[0]["errorCode"]) == (400, "INVALID_NEW_PASSWORD")
    assert web.password("POST", ann[0], json={}).status_code == 400
    assert web.password("DELETE", "005xx0000000001").status_code == 404


def test_refresh_tokens_end_with_the_password(web: Web) -> None:
    """Whoever changes a password ends what apps may do with the old one's approval."""
    token = web.org.credentials.refresh_token
    fresh = web.oauth("refresh_token", refresh_token=token).json()["access_token"]
    assert web.password("POST", web.org.user_id, json={"NewPassword": "Winter2027"}).status_code == 204
    assert web.oauth("refresh_token", refresh_token=token).json()["error"] == "invalid_grant"
    assert web.get("/services/data/v66.0", headers={"Authorization": f"Bearer {fresh}"}).status_code == 401


def test_soap_tells_the_user_and_changes_passwords(web: Web, ann: tuple[str, str]) -> None:
    """Who the session belongs to, the org's time, and the calls by which older clients set and reset passwords."""
    user_id, username = ann
    assert web.soap("getUserInfo")["userName"] == web.org.username
    assert web.soap("getServerTimestamp")["timestamp"].endswith("Z")
    assert "result" in web.soap("setPassword", userId=user_id, password="Winter2027")
    assert web.soap("login", username=username, password="Winter2027")["userId"] == user_id
    password = web.soap("resetPassword", userId=user_id)["password"]
    assert web.soap("login", username=username, password=password)["userId"] == user_id
    assert web.soap("setPassword", userId=user_id, password="x")["exceptionCode"] == "INVALID_NEW_PASSWORD"
    assert web.soap("resetPassword", userId=web.org.org_id)["exceptionCode"] == "INVALID_CROSS_REFERENCE_KEY"


def test_soap_leaves_out_what_xml_cannot_hold(web: Web) -> None:
    """A name with control characters makes no answer that a parser refuses."""
    changed = web.patch(f"/services/data/v66.0/sobjects/User/{web.org.user_id}", json={"LastName": "O\u0001 & Co"})
    assert changed.status_code == 204
    assert web.soap("getUserInfo")["userFullName"].endswith("O & Co")


def test_an_empty_answer_has_no_content_type(web: Web) -> None:
    """A revocation answers 200 with nothing, so that no client takes it for JSON."""
    token = web.oauth("client_credentials").json()["access_token"]
    reply = web.post("/services/oauth2/revoke", data={"token": token})
    assert (reply.status_code, reply.content, reply.headers.get("content-type")) == (200, b"", None)
