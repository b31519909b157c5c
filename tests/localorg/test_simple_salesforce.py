"""An outside client on the local org, over TLS: simple-salesforce, unchanged."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from simple_salesforce import Salesforce, SalesforceLogin
from simple_salesforce.exceptions import (
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
    SalesforceRefusedRequest,
    SalesforceResourceNotFound,
)

from sfdata.localorg import LocalOrg

CONTACTS = 7


@pytest.fixture(scope="module")
def org() -> Iterator[LocalOrg]:
    with LocalOrg(tls=True, sample_data=False, page_size=3) as running:
        yield running


@pytest.fixture(scope="module")
def http(org: LocalOrg) -> Iterator[requests.Session]:
    """The session a user of the library would make: it trusts the org's own authority and nothing else."""
    with requests.Session() as session:
        session.verify = str(org.ca_file)
        session.trust_env = False
        yield session


@pytest.fixture(scope="module")
def sf(org: LocalOrg, http: requests.Session) -> Salesforce:
    return Salesforce(instance_url=org.instance_url, session_id=org.access_token, session=http)


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


class LoginHost(requests.adapters.HTTPAdapter):
    """Leads the login host of the library to the local org, as a name server would."""

    def __init__(self, org: LocalOrg) -> None:
        super().__init__()
        self.org = org

    def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        request.url = request.url.replace("https://login.salesforce.com", self.org.instance_url)
        return super().send(request, *args, **kwargs)


@pytest.fixture
def at_login(org: LocalOrg) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.verify = str(org.ca_file)
        session.trust_env = False
        session.mount("https://login.salesforce.com", LoginHost(org))
        yield session


def test_its_logins_work(org: LocalOrg, at_login: requests.Session, http: requests.Session) -> None:
    """User name and password by SOAP and by OAuth, and the JWT flow, with the assertion the library makes."""
    name, password = {"username": org.username}, {"password": org.credentials.password}
    consumer = {"consumer_key": org.client_id}
    logins = [
        {**name, **password, "security_token": ""},
        {**name, **password, **consumer, "consumer_secret": org.client_secret},
        {**name, **consumer, "privatekey_file": str(org.private_key_file)},
    ]
    for login in logins:
        session_id, instance = SalesforceLogin(session=at_login, **login)
        assert org.instance_url.endswith(instance)
        found = Salesforce(instance_url=org.instance_url, session_id=session_id, session=http).query(
            "SELECT Id FROM User"
        )
        assert found["records"][0]["Id"] == org.user_id
