"""An outside client on the local org, over TLS: simple-salesforce, unchanged."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from rig import simple_salesforce_session
from simple_salesforce import Salesforce, SFType, format_external_id, format_soql
from simple_salesforce.exceptions import (
    SalesforceAuthenticationFailed,
    SalesforceExpiredSession,
    SalesforceGeneralError,
    SalesforceMalformedRequest,
    SalesforceMoreThanOneRecord,
    SalesforceRefusedRequest,
    SalesforceResourceNotFound,
)
from zeep.exceptions import Fault

from sfdata.localorg import LocalOrg

CONTACTS = 7

pytestmark = pytest.mark.local_org(tls=True, page_size=3)

http, sf = simple_salesforce_session.http, simple_salesforce_session.sf


@pytest.fixture(scope="module")
def account(sf: Salesforce) -> str:
    """An account with contacts: ids are as the org gave them."""
    created = sf.Account.create({"Name": "Müller & Söhne", "NumberOfEmployees": 12, "Ext__c": "A-1"})
    assert created["success"] is True
    for n in range(CONTACTS):
        sf.Contact.create({"LastName": f"Person {n}", "AccountId": created["id"]})
    return str(created["id"])


def test_a_query_gives_records(sf: Salesforce, account: str) -> None:
    """Rows with attributes and parent rows, as the library hands them on."""
    (row,) = sf.query("SELECT Id, Name, Owner.Username FROM Account WHERE Name = 'Müller & Söhne'")["records"]
    assert (row["Id"], row["Name"]) == (account, "Müller & Söhne")
    assert row["attributes"]["type"] == "Account"
    assert row["Owner"]["Username"].startswith("admin@")


def test_query_more_follows_pages(sf: Salesforce, account: str) -> None:
    """By URL and by identifier, and all at once: every row in order, none twice."""
    soql = "SELECT LastName FROM Contact ORDER BY LastName"
    first = sf.query(soql)
    assert (first["totalSize"], first["done"], len(first["records"])) == (CONTACTS, False, 3)
    by_url = sf.query_more(first["nextRecordsUrl"], identifier_is_url=True)
    by_id = sf.query_more(first["nextRecordsUrl"].rpartition("/")[2])
    assert by_url["records"] == by_id["records"]
    everything = [f"Person {n}" for n in range(CONTACTS)]
    assert [row["LastName"] for row in sf.query_all(soql)["records"]] == everything
    assert [row["LastName"] for row in sf.query_all_iter(soql)] == everything


def test_describe_and_metadata(sf: Salesforce) -> None:
    """Describe global, an object's describe and its basic information."""
    assert "Account" in {entry["name"] for entry in sf.describe()["sobjects"]}
    fields = {field["name"]: field for field in sf.Account.describe()["fields"]}
    assert (fields["Ext__c"]["externalId"], fields["NumberOfEmployees"]["type"]) == (True, "int")
    assert sf.Account.metadata()["objectDescribe"]["keyPrefix"] == "001"


def test_a_row_from_create_to_delete(sf: Salesforce) -> None:
    """Create, get, update, get by external id, upsert both ways, delete: with the status codes the library returns."""
    created = sf.Account.create({"Name": "One", "Ext__c": "SS-1"})
    assert sf.Account.get(created["id"])["Name"] == "One"
    assert sf.Account.update(created["id"], {"Name": "Two"}) == 204
    assert sf.Account.get_by_custom_id("Ext__c", "SS-1")["Name"] == "Two"
    assert sf.Account.upsert("Ext__c/SS-1", {"Name": "Three"}) == 200
    assert sf.Account.upsert("Ext__c/SS-2", {"Name": "Four"}) == 201
    assert sf.Account.get(created["id"])["Name"] == "Three"
    assert sf.Account.delete(created["id"]) == 204
    with pytest.raises(SalesforceResourceNotFound):
        sf.Account.get(created["id"])
    deleted = sf.query("SELECT Id FROM Account WHERE Ext__c = 'SS-1'", include_deleted=True)
    assert [row["Id"] for row in deleted["records"]] == [created["id"]]


def test_search_and_tooling(sf: Salesforce, account: str) -> None:
    """Quick search, a SOSL statement and a query by the Tooling API; a bad term is the library's own exception."""
    assert account in {record["Id"] for record in sf.quick_search("sohne")["searchRecords"]}
    found = sf.search("FIND {Person AND NOT 3} IN NAME FIELDS RETURNING Contact(LastName ORDER BY LastName LIMIT 2)")
    assert [record["LastName"] for record in found["searchRecords"]] == ["Person 0", "Person 1"]
    with pytest.raises(SalesforceMalformedRequest, match="MALFORMED_SEARCH"):
        sf.quick_search("Marie-Pier")
    page = sf.toolingexecute("query/?q=SELECT+Id+FROM+ApexClass")
    assert (page["size"], page["records"]) == (0, [])


def test_limits_and_api_usage(sf: Salesforce) -> None:
    """The limits resource, and the usage the library reads from the header of every answer."""
    limits = sf.limits()
    used = limits["DailyApiRequests"]["Max"] - limits["DailyApiRequests"]["Remaining"]
    assert sf.api_usage["api-usage"].used == used
    assert sf.api_usage["api-usage"].total == 15_000


def test_its_exceptions_have_their_causes(sf: Salesforce, org: LocalOrg, http: requests.Session) -> None:
    """400, 401, 403 and 404 arrive as the library's own classes, with Salesforce's list of errors inside."""
    with pytest.raises(SalesforceMalformedRequest) as malformed:
        sf.query("SELECT Nope FROM Account")
    assert malformed.value.content[0]["errorCode"] == "INVALID_FIELD"
    with pytest.raises(SalesforceResourceNotFound):
        sf.Nothing__c.describe()
    stranger = Salesforce(instance_url=org.instance_url, session_id="00Dx!nope", session=http)
    with pytest.raises(SalesforceExpiredSession) as expired:
        stranger.query("SELECT Id FROM Account")
    assert expired.value.content[0]["errorCode"] == "INVALID_SESSION_ID"
    with pytest.raises(SalesforceRefusedRequest):
        stranger.restful("../../../id/00D/005")


def test_it_trusts_only_the_orgs_authority(org: LocalOrg) -> None:
    """Without ca_file the connection fails: the certificate is checked for real."""
    with requests.Session() as session:
        session.trust_env = False
        stranger = Salesforce(instance_url=org.instance_url, session_id=org.access_token, session=session)
        with pytest.raises(requests.exceptions.SSLError):
            stranger.limits()


# --- logins ----------------------------------------------------------------------------------------------------------


class LoginHost(requests.adapters.HTTPAdapter):
    """Leads Salesforce's own hosts to the local org, as a name server would."""

    HOSTS = ("login", "test", "acme.my")

    def __init__(self, org: LocalOrg) -> None:
        super().__init__()
        self.org = org

    def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        request.url = self.org.instance_url + request.url.partition(".salesforce.com")[2]
        return super().send(request, *args, **kwargs)


@pytest.fixture(scope="module")
def at_login(org: LocalOrg) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.verify = str(org.ca_file)
        session.trust_env = False
        for host in LoginHost.HOSTS:
            session.mount(f"https://{host}.salesforce.com", LoginHost(org))
        yield session


def secrets(org: LocalOrg) -> dict[str, str]:
    """What logins are made of, under the library's names of it."""
    return {
        "username": org.username,
        "password": org.credentials.password,
        "security_token": org.credentials.security_token,
        "organizationId": org.org_id[:15],
        "consumer_key": org.client_id,
        "consumer_secret": org.client_secret,
        "privatekey_file": str(org.private_key_file),
        "privatekey": org.private_key_file.read_text(),
        "session_id": org.access_token,
        "instance": urlsplit(org.instance_url).netloc,
        "instance_url": org.instance_url,
    }


LOGINS: dict[str, tuple[str, dict[str, str]]] = {
    "password and token": ("username password security_token", {}),
    "password from a trusted network": ("username password", {"security_token": ""}),
    "password within an organization": ("username password organizationId", {}),
    "password at a sandbox": ("username password security_token", {"domain": "test"}),
    "password at a My Domain, old version": (
        "username password security_token",
        {"domain": "acme.my", "version": "31.0"},
    ),
    "password by OAuth": ("username password consumer_key consumer_secret", {}),
    "client credentials": ("consumer_key consumer_secret", {"domain": "acme.my"}),
    "JWT, key in a file": ("username consumer_key privatekey_file", {}),
    "JWT, key as text, at a My Domain": ("username consumer_key privatekey", {"instance_url": "acme.my"}),
    "session and host": ("session_id instance", {}),
    "session and address": ("session_id instance_url", {}),
}
"""Login: the secrets it takes, and settings besides."""


@pytest.mark.parametrize("login", LOGINS)
def test_every_login_works(org: LocalOrg, at_login: requests.Session, login: str) -> None:
    """Whatever the library can log in with leads to a session of the administrator."""
    names, settings = LOGINS[login]
    given: dict[str, Any] = {name: secrets(org)[name] for name in names.split()} | settings
    sf = Salesforce(session=at_login, **given)
    assert sf.oauth2("userinfo")["user_id"] == org.user_id
    assert sf.is_sandbox() is False


@pytest.mark.parametrize(
    ("login", "wrong", "code"),
    [
        ("password and token", {"security_token": "abc"}, "INVALID_LOGIN"),
        ("password within an organization", {"organizationId": "00Dxx0000000001"}, "INVALID_LOGIN"),
        ("password and token", {"version": "65.0"}, "UNSUPPORTED_API_VERSION"),
        ("password by OAuth", {"password": "abc"}, "invalid_grant"),
        ("password by OAuth", {"consumer_secret": "abc"}, "invalid_client"),
        ("client credentials", {"consumer_key": "abc"}, "invalid_client_id"),
        ("JWT, key in a file", {"consumer_key": "abc"}, "invalid_client_id"),
    ],
)
def test_a_refused_login_says_why(
    org: LocalOrg, at_login: requests.Session, login: str, wrong: dict[str, str], code: str
) -> None:
    """The library's own exception bears the code that Salesforce gives."""
    names, settings = LOGINS[login]
    given: dict[str, Any] = {name: secrets(org)[name] for name in names.split()} | settings | wrong
    with pytest.raises(SalesforceAuthenticationFailed) as raised:
        Salesforce(session=at_login, **given)
    assert raised.value.code == code


def test_an_ended_session_is_renewed(org: LocalOrg, at_login: requests.Session) -> None:
    """The library logs in again when the org says that the session is over, and goes on."""
    given: Any = {name: secrets(org)[name] for name in ("username", "password", "security_token")}
    sf = Salesforce(session=at_login, **given)
    ended = sf.session_id
    assert sf.oauth2("revoke", params={"token": ended}) is None
    assert sf.query("SELECT Id FROM User ORDER BY CreatedDate")["records"][0]["Id"] == org.user_id
    assert sf.session_id != ended


# --- the rest of its methods -----------------------------------------------------------------------------------------


def test_keys_with_any_characters(sf: Salesforce) -> None:
    """A key that the library escapes for a path finds its row; several rows for one are its own exception."""
    key = "a b/c+d?é&%"
    result = sf.Account.upsert(format_external_id("Ext__c", key), {"Name": "Keyed"}, raw_response=True).json()
    assert (result["created"], sf.Account.get(result["id"])["Ext__c"]) == (True, key)
    assert sf.Account.upsert(format_external_id("Ext__c", key), {"Name": "Again"}) == 200
    twins = [sf.Contact.create({"LastName": "Twin", "Email": "twin@x.example"})["id"] for _ in range(2)]
    with pytest.raises(SalesforceMoreThanOneRecord) as raised:
        sf.Contact.get_by_custom_id("Email", "twin@x.example")
    assert {url.rpartition("/")[2] for url in raised.value.content} == set(twins)


def test_what_was_changed_and_deleted(sf: Salesforce) -> None:
    """Ids of both kinds within a time, which the library gives with its zone."""
    kept, gone = (sf.Lead.create({"LastName": name, "Company": "X"})["id"] for name in ("Kept", "Gone"))
    assert sf.Lead.delete(gone, raw_response=True).status_code == 204
    window = datetime.now(UTC) - timedelta(hours=1), datetime.now(UTC) + timedelta(minutes=2)
    assert sf.Lead.updated(*window)["ids"] == [kept]
    assert [row["id"] for row in sf.Lead.deleted(*window)["deletedRecords"]] == [gone]


def test_values_are_quoted_by_the_library(sf: Salesforce) -> None:
    """Its literals of every type are read as the values they stand for."""
    name = 'O\'Brien \\ "x"\n100%_'
    created = sf.Account.create({"Name": name, "NumberOfEmployees": 7, "AnnualRevenue": 2, "Active__c": "Yes"})
    soql = format_soql(
        "SELECT Id FROM Account WHERE Name = {} AND NumberOfEmployees IN {} AND AnnualRevenue > {} AND Site = {}"
        " AND CreatedDate > {} AND SLAExpirationDate__c < {date} AND IsDeleted = {no}",
        name, [7, 8], 1.25, None, datetime.now(UTC) - timedelta(days=1), date=date(2099, 1, 1), no=False,
    )  # fmt: skip
    assert sf.query(soql)["totalSize"] == 0
    sf.Account.update(created["id"], {"SLAExpirationDate__c": "2026-01-31"})
    assert [row["Id"] for row in sf.query(soql)["records"]] == [created["id"]]
    like = format_soql("SELECT Id FROM Account WHERE Name LIKE '%{:like}'", "100%_")
    assert [row["Id"] for row in sf.query(like)["records"]] == [created["id"]]


def test_files_go_and_come_as_bytes(sf: Salesforce, tmp_path: Path) -> None:
    """Attachments and file versions by base64, read back as they are."""
    file = tmp_path / "note.txt"
    file.write_bytes(b"\x00first\xff")
    account = sf.Account.create({"Name": "With files"})["id"]
    attached = sf.Attachment.create({"Name": "note", "ParentId": account, "Body": b64encode(b"draft").decode()})["id"]
    assert sf.Attachment.update_base64(attached, str(file)) == 204
    assert sf.Attachment.get_base64(attached) == b"\x00first\xff"
    version = sf.ContentVersion.create({"PathOnClient": "a.txt", "VersionData": b64encode(b"whole").decode()})["id"]
    assert sf.ContentVersion.get_base64(version, "VersionData") == b"whole"
    with pytest.raises(SalesforceMalformedRequest, match="FolderId, Name"):
        sf.Document.upload_base64(str(file))


def test_any_resource_by_its_path(sf: Salesforce, org: LocalOrg, http: requests.Session) -> None:
    """Paths below the version with parameters, bodies and headers; an object apart from the connection."""
    (created,) = sf.restful("composite/sobjects", method="POST", json={"records": [
        {"attributes": {"type": "Account"}, "Name": "By path"}]})  # fmt: skip
    deleted = sf.restful("composite/sobjects", {"ids": created["id"], "allOrNone": True}, "DELETE")
    assert deleted == [{"id": created["id"], "success": True, "errors": []}]
    assert sf.query_all("SELECT Id FROM Account WHERE Name = 'By path'", include_deleted=True)["totalSize"] == 1
    apart = SFType("Account", org.access_token, sf.sf_instance, session=http)
    assert apart.create({"Name": "Apart"}, headers={"Sforce-Auto-Assign": "FALSE"})["success"] is True


def test_a_password_is_set(sf: Salesforce) -> None:
    """By the library's own call; what the org's policy forbids is an error with its code."""
    user = sf.User.create({
        "Username": "ann@passwords.example", "LastName": "Ann", "Email": "ann@passwords.example", "Alias": "ann",
        "TimeZoneSidKey": "GMT", "LocaleSidKey": "en_US", "EmailEncodingKey": "UTF-8", "LanguageLocaleKey": "en_US",
        "ProfileId": sf.query("SELECT Id FROM Profile LIMIT 1")["records"][0]["Id"],
    })["id"]  # fmt: skip
    with pytest.raises(SalesforceMalformedRequest, match="INVALID_NEW_PASSWORD"):
        sf.set_password(user, "short")
    assert sf.set_password(user, "Winter2027") is None


def test_what_is_not_built_says_so(sf: Salesforce, org: LocalOrg, monkeypatch: pytest.MonkeyPatch) -> None:
    """Apex and the Metadata API: errors of the library, or of the SOAP client that it brings, name what is missing."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(org.ca_file))
    with pytest.raises(SalesforceGeneralError, match="Apex REST"):
        sf.apexecute("Any/Path", method="POST", data={})
    with pytest.raises(SalesforceGeneralError, match="Anonymous Apex"):
        sf.toolingexecute("executeAnonymous/?anonymousBody=x")
    with pytest.raises(Fault, match="Metadata API"):
        sf.mdapi.describe_metadata()
