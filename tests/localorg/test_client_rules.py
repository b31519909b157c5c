"""What clients that nobody here wrote insist on: each rule was found by leaving one thing out until one of them broke.

The clients are named where a rule is theirs: the sf CLI, jsforce, simple-salesforce, django-salesforce, CumulusCI, the
Airbyte source and the Singer tap.
"""

from __future__ import annotations

import re
import time
from typing import Any
from urllib.parse import quote

import httpx
import jwt
import pytest
from rig.local_rest import BASE, Rest

from sfdata.localorg import LocalOrg

CONTACTS = 7
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SF_TOKEN = re.compile(r"(00D\w{12,15})![.\w]*")
SF_VERSION = re.compile(r"[1-9]\d\.0")

pytestmark = pytest.mark.local_org(page_size=3)


@pytest.fixture(scope="module")
def account(web: Rest) -> str:
    """An account with contacts."""
    created = web.post(f"{BASE}/sobjects/Account", json={"Name": "Acme", "Ext__c": "A-1", "NumberOfEmployees": "12"})
    assert created.status_code == 201, created.text
    for n in range(CONTACTS):
        web.post(f"{BASE}/sobjects/Contact", json={"LastName": f"Person {n}", "AccountId": created.json()["id"]})
    return str(created.json()["id"])


def ask(web: Rest, soql: str, **parameters: str) -> Any:
    reply = web.get(f"{BASE}/query", params={"q": soql, **parameters})
    assert reply.status_code == 200, reply.text
    return reply.json()


# --- finding out where one is ----------------------------------------------------------------------------------------


def test_the_last_version_listed_is_the_newest_in_the_form_sf_reads(stranger: Rest) -> None:
    """A JSON array to anyone; sf takes the last element's version, which has the form NN.0, and its url."""
    versions = stranger.get("/services/data").json()
    numbers = [float(entry["version"]) for entry in versions]
    assert numbers == sorted(numbers)
    assert all(SF_VERSION.fullmatch(entry["version"]) for entry in versions)
    assert versions[-1]["url"] == f"/services/data/v{versions[-1]['version']}"


@pytest.mark.parametrize("version", ["50.0", "51.0", "59.0", "61.0", "62.0", "66.0", "68.0"])
def test_every_version_a_client_pins_is_served(web: Rest, version: str) -> None:
    """jsforce 50, sf 51, simple-salesforce 59, the tap 61, Airbyte and CumulusCI 62, django-salesforce 66, sf 68."""
    reply = web.get(f"/services/data/v{version}/query", params={"q": "SELECT Id FROM User"})
    assert reply.json()["records"][0]["attributes"]["url"].startswith(f"/services/data/v{version}/sobjects/User/005")


def test_the_version_root_names_the_identity_url(web: Rest, org: LocalOrg) -> None:
    """jsforce follows ``identity``, an absolute URL, with its token in the query string."""
    identity = web.get(f"{BASE}/").json()["identity"]
    assert identity == f"{org.instance_url}/id/{org.org_id}/{org.user_id}"
    with httpx.Client(trust_env=False) as plain:
        document = plain.get(identity, params={"oauth_token": org.access_token, "format": "json"}).json()
    assert (document["user_id"], document["organization_id"]) == (org.user_id, org.org_id)
    assert document["username"] == org.username
    assert {"rest", "query", "sobjects", "metadata", "enterprise", "partner"} <= document["urls"].keys()


def test_userinfo_tells_user_and_organization(web: Rest, org: LocalOrg) -> None:
    """sf and CumulusCI read both Ids from it; sf then looks the user's name up by version 51.0."""
    info = web.get("/services/oauth2/userinfo").json()
    assert (info["user_id"], info["organization_id"]) == (org.user_id, org.org_id)
    assert info["preferred_username"] == org.username
    user = web.get(f"/services/data/v51.0/sobjects/User/{org.user_id}").json()
    assert user["Username"] == org.username


def test_the_organization_says_what_kind_it_is(web: Rest, org: LocalOrg) -> None:
    """sf asks by query and CumulusCI by Id for the fields that tell a sandbox and a scratch org."""
    names = ["Name", "InstanceName", "IsSandbox", "TrialExpirationDate", "NamespacePrefix", "OrganizationType"]
    (row,) = ask(web, f"SELECT {', '.join(names)} FROM Organization")["records"]
    read = web.get(f"{BASE}/sobjects/Organization/{org.org_id}").json()
    for name in names:
        assert read[name] == row[name], name
    assert (row["IsSandbox"], row["OrganizationType"]) == (False, "Developer Edition")
    assert row["Name"]
    assert row["InstanceName"]


def test_what_the_org_is_not_is_refused_by_type(web: Rest) -> None:
    """No dev hub (sf asks for ScratchOrgInfo), one currency (CumulusCI describes CurrencyType): refused, not empty."""
    reply = web.get("/services/data/v51.0/query", params={"q": "SELECT Id FROM ScratchOrgInfo limit 1"})
    assert (reply.status_code, reply.json()[0]["errorCode"]) == (400, "INVALID_TYPE")
    reply = web.get(f"{BASE}/sobjects/CurrencyType/describe")
    assert (reply.status_code, reply.json()[0]["errorCode"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    "path",
    ["", "/sobjects", "/sobjects/Account", "/sobjects/account/describe", "/limits", "/query?q=SELECT+Id+FROM+User"],
)
def test_paths_end_with_a_slash_or_without(web: Rest, path: str) -> None:
    """simple-salesforce and django-salesforce write ``query/?q=``, the others ``query?q=``."""
    resource, mark, query = path.partition("?")
    plain, slashed = (web.get(f"{BASE}{resource}{end}{mark}{query}") for end in ("", "/"))
    assert plain.status_code == slashed.status_code == 200
    assert plain.json().keys() == slashed.json().keys()


# --- getting in ------------------------------------------------------------------------------------------------------


def assertion(org: LocalOrg, header: dict[str, Any], **claims: Any) -> str:
    given = {"iss": org.client_id, "sub": org.username, "aud": "https://login.salesforce.com", **claims}
    return jwt.encode(given, org.private_key_file.read_bytes(), "RS256", headers=header)


@pytest.mark.parametrize("client", ["sf", "simple-salesforce", "node"])
def test_assertions_of_every_client_are_accepted(stranger: Rest, org: LocalOrg, client: str) -> None:
    """sf: own URL with a slash, exp in ms; simple-salesforce: exp as text; Node: no typ, grant type not encoded."""
    soon = int(time.time()) + 180
    claims: dict[str, dict[str, Any]] = {
        "sf": {"aud": f"{org.instance_url}/", "exp": soon * 1000},
        "simple-salesforce": {"exp": str(soon)},
        "node": {"exp": soon},
    }
    signed = assertion(org, {"typ": None} if client == "node" else {}, **claims[client])
    grant = JWT_BEARER if client == "node" else quote(JWT_BEARER, safe="")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    reply = stranger.post("/services/oauth2/token", content=f"grant_type={grant}&assertion={signed}", headers=form)
    answer = reply.json()
    assert reply.status_code == 200, answer
    assert SF_TOKEN.fullmatch(answer["access_token"])
    assert answer["access_token"].startswith(org.org_id[:15])
    assert answer["instance_url"] == org.instance_url
    assert answer["id"].endswith(f"/id/{org.org_id}/{org.user_id}")
    assert answer["token_type"] == "Bearer"


@pytest.mark.parametrize("scheme", ["Bearer", "OAuth", "bearer"])
def test_tokens_come_under_either_scheme(stranger: Rest, org: LocalOrg, scheme: str) -> None:
    """django-salesforce writes ``OAuth``, all others ``Bearer``."""
    reply = stranger.get(f"{BASE}/limits", headers={"Authorization": f"{scheme} {org.access_token}"})
    assert reply.status_code == 200


def test_a_dead_session_is_told_so_that_clients_renew_it(stranger: Rest, org: LocalOrg) -> None:
    """All renew on 401 with INVALID_SESSION_ID in a JSON list, and the new token must work at once."""
    form = {"client_id": org.client_id, "client_secret": org.client_secret, "grant_type": "client_credentials"}
    old, new = (stranger.post("/services/oauth2/token", data=form).json()["access_token"] for _ in range(2))
    assert stranger.post("/services/oauth2/revoke", data={"token": old}).status_code == 200
    refused = stranger.get(f"{BASE}/limits", headers={"Authorization": f"Bearer {old}"})
    assert refused.status_code == 401
    assert refused.headers["Content-Type"].startswith("application/json")
    assert refused.json() == [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]
    assert stranger.get(f"{BASE}/limits", headers={"Authorization": f"Bearer {new}"}).status_code == 200


def test_soap_login_gives_what_two_clients_parse(stranger: Rest, org: LocalOrg) -> None:
    """simple-salesforce and jsforce read sessionId and serverUrl, jsforce userId and organizationId too."""
    body = (
        '<se:Envelope xmlns:se="http://schemas.xmlsoap.org/soap/envelope/"><se:Body>'
        '<login xmlns="urn:partner.soap.sforce.com">'
        f"<username>{org.username}</username><password>{org.credentials.password}</password></login></se:Body></se:Envelope>"
    )
    reply = stranger.post(
        "/services/Soap/u/50.0", content=body, headers={"Content-Type": "text/xml", "SOAPAction": '""'}
    )
    found = dict(re.findall(r"<(sessionId|serverUrl|userId|organizationId)>([^<]+)</", reply.text))
    assert found["serverUrl"] == f"{org.instance_url}/services/Soap/u/50.0/{org.org_id[:15]}"
    assert (found["userId"], found["organizationId"]) == (org.user_id, org.org_id)
    limits = stranger.get(f"{BASE}/limits", headers={"Authorization": f"Bearer {found['sessionId']}"})
    assert limits.status_code == 200


# --- reading ---------------------------------------------------------------------------------------------------------


def test_pages_lead_on_until_they_are_done(web: Rest, account: str) -> None:
    """done:false always brings a nextRecordsUrl of its own, or sf and jsforce never end; the last page brings none."""
    page = ask(web, f"SELECT Id FROM Contact WHERE AccountId = '{account}'")
    seen, rows = set(), page["records"]
    while not page["done"]:
        assert page["totalSize"] == CONTACTS
        assert page["nextRecordsUrl"] not in seen
        seen.add(page["nextRecordsUrl"])
        page = web.get(page["nextRecordsUrl"]).json()
        rows += page["records"]
    assert "nextRecordsUrl" not in page
    assert len({row["Id"] for row in rows}) == len(rows) == CONTACTS


def test_a_later_page_is_found_by_its_locator_alone(web: Rest, account: str) -> None:
    """simple-salesforce keeps the last part of the URL and asks for ``query/LOCATOR`` in its own version."""
    following = ask(web, "SELECT Id FROM Contact ORDER BY Id")["nextRecordsUrl"]
    locator = following.rpartition("/")[2]
    by_locator = web.get(f"/services/data/v59.0/query/{locator}").json()
    assert [row["Id"] for row in by_locator["records"]] == [r["Id"] for r in web.get(following).json()["records"]]


def test_columns_describe_a_query_for_the_tables_of_sf(web: Rest) -> None:
    """Fields, parents under their relationship, children and functions as aggregates: each with what sf reads."""
    soql = "SELECT Name, Owner.Profile.Name, (SELECT LastName FROM Contacts) FROM Account"
    name, owner, contacts = ask(web, soql, columns="true")["columnMetadata"]
    assert (name["columnName"], name["displayName"], name["aggregate"], name["joinColumns"]) == (
        "Name", "Name", False, [],
    )  # fmt: skip
    (profile,) = owner["joinColumns"]
    assert (owner["columnName"], owner["aggregate"], profile["columnName"]) == ("Owner", False, "Profile")
    assert [column["columnName"] for column in profile["joinColumns"]] == ["Name"]
    assert (contacts["columnName"], contacts["aggregate"]) == ("Contacts", True)
    assert [column["columnName"] for column in contacts["joinColumns"]] == ["LastName"]
    grouped = ask(web, "SELECT COUNT(Id), MAX(Name) m FROM Account GROUP BY Industry", columns="true")
    assert [(c["columnName"], c["displayName"], c["aggregate"]) for c in grouped["columnMetadata"]] == [
        ("expr0", "count(Id)", True),
        ("m", "max(Name)", True),
    ]


def test_names_are_answered_as_the_schema_writes_them(web: Rest, account: str) -> None:
    """sf finds cells by the names that ``columns`` gave, however the query wrote them."""
    soql = f"select id, owner.PROFILE.name, (select lastname from contacts) from account where id = '{account}'"
    (row,) = ask(web, soql)["records"]
    assert list(row) == ["attributes", "Id", "Owner", "Contacts"]
    assert row["Owner"]["Profile"]["Name"] == "System Administrator"
    assert set(row["Contacts"]["records"][0]) == {"attributes", "LastName"}


def test_the_usage_header_counts(stranger: Rest, org: LocalOrg) -> None:
    """``api-usage=USED/MAX`` and no more: django-salesforce splits it at its one ``=``, the tap matches the whole."""
    form = {"client_id": org.client_id, "client_secret": org.client_secret, "grant_type": "client_credentials"}
    through_app = stranger.post("/services/oauth2/token", data=form).json()["access_token"]
    used = []
    for token in (org.access_token, through_app):
        reply = stranger.get(f"{BASE}/limits", headers={"Authorization": f"Bearer {token}"})
        found = re.fullmatch(r"api-usage=(\d+)/(\d+)", reply.headers["Sforce-Limit-Info"])
        assert found
        used.append(int(found[1]))
    assert used[1] == used[0] + 1


def test_a_describe_has_what_loaders_choose_fields_by(web: Rest) -> None:
    """The keys that CumulusCI, Airbyte, the tap and django-salesforce's inspectdb read of objects and fields."""
    entry = next(o for o in web.get(f"{BASE}/sobjects").json()["sobjects"] if o["name"] == "Account")
    assert {"queryable", "createable", "deletable", "updateable", "label", "keyPrefix", "urls", "customSetting"} <= set(
        entry
    )
    described = web.get(f"{BASE}/sobjects/Account/describe").json()
    needed = {
        "name", "type", "label", "length", "precision", "scale", "digits", "nillable", "createable", "updateable",
        "defaultedOnCreate", "defaultValue", "calculated", "autoNumber", "custom", "externalId", "idLookup", "unique",
        "referenceTo", "relationshipName", "picklistValues", "compoundFieldName", "soapType", "permissionable",
    }  # fmt: skip
    assert all(needed <= set(field) for field in described["fields"])
    assert described["childRelationships"]
    assert described["recordTypeInfos"]


# --- writing ---------------------------------------------------------------------------------------------------------


def test_a_rows_life_has_the_statuses_clients_return(web: Rest) -> None:
    """201, 200, 204, 404 with JSON lists of errors: what simple-salesforce hands on and jsforce decides by."""
    rows = f"{BASE}/sobjects/Account"
    created = web.post(f"{rows}/", json={"Name": "One", "Ext__c": "R-1"})
    row_id = created.json()["id"]
    assert (created.status_code, created.json()) == (201, {"id": row_id, "success": True, "errors": []})
    assert created.headers["Location"] == f"{rows}/{row_id}"
    updated = web.patch(f"{rows}/{row_id}", json={"Name": "Two"})
    assert (updated.status_code, updated.content) == (204, b"")
    again = web.patch(f"{rows}/Ext__c/R-1", json={"Name": "Three"})
    assert (again.status_code, again.json()["created"]) == (200, False)
    fresh = web.patch(f"{rows}/Ext__c/R-2", json={"Name": "Four"})
    assert (fresh.status_code, fresh.json()["created"]) == (201, True)
    assert web.delete(f"{rows}/{row_id}").status_code == 204
    gone = web.get(f"{rows}/{row_id}")
    assert (gone.status_code, gone.json()[0]["errorCode"]) == (404, "ENTITY_IS_DELETED")


def test_several_matches_are_status_300_with_their_urls(web: Rest) -> None:
    """simple-salesforce raises MoreThanOneRecord, jsforce MULTIPLE_CHOICES; both by the status."""
    keys = [f for f in web.get(f"{BASE}/sobjects/Contact/describe").json()["fields"] if f["idLookup"]]
    assert "Email" in {field["name"] for field in keys}
    ids = []
    for name in ("Twin", "Other"):
        made = web.post(f"{BASE}/sobjects/Contact", json={"LastName": name, "Email": "twin@acme.example"})
        ids.append(made.json()["id"])
    reply = web.get(f"{BASE}/sobjects/Contact/Email/twin@acme.example")
    assert reply.status_code == 300
    assert reply.json() == [f"{BASE}/sobjects/Contact/{row_id}" for row_id in ids]


def test_arrays_go_through_collections(web: Rest) -> None:
    """jsforce, django-salesforce and CumulusCI: one answer per row in order, a failure with ``statusCode``."""
    url = f"{BASE}/composite/sobjects"
    rows = [{"attributes": {"type": "Account"}, "Name": name} for name in ("a", "")]
    good, bad = web.post(url, json={"records": rows}).json()
    assert good == {"id": good["id"], "success": True, "errors": []}
    assert (bad["success"], bad["errors"][0]["statusCode"]) == (False, "REQUIRED_FIELD_MISSING")
    (read,) = web.post(f"{url}/Account", json={"ids": [good["id"]], "fields": ["Id", "Name"]}).json()
    assert (read["Id"], read["Name"]) == (good["id"], "a")
    changed = [{"attributes": {"type": "Account"}, "id": good["id"], "NumberOfEmployees": "3"}]
    assert web.patch(url, json={"records": changed}).json() == [good]
    (deleted,) = web.delete(url, params={"ids": good["id"], "allOrNone": "true"}).json()
    assert deleted == good


# --- bulk jobs -------------------------------------------------------------------------------------------------------


def ended(web: Rest, kind: str, job_id: str) -> Any:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        job = web.get(f"{BASE}/jobs/{kind}/{job_id}").json()
        if job["state"] in ("JobComplete", "Failed", "Aborted"):
            return job
        time.sleep(0.01)
    raise TimeoutError(job["state"])


CREATED = {
    "id", "operation", "object", "createdById", "createdDate", "systemModstamp", "state", "concurrencyMode",
    "contentType", "apiVersion", "lineEnding", "columnDelimiter",
}  # fmt: skip


def test_every_page_of_a_bulk_query_says_whether_there_is_more(web: Rest, account: str) -> None:
    """Without ``Sforce-Locator: null`` at the end sf and jsforce never stop; simple-salesforce needs the count."""
    job = web.post(f"{BASE}/jobs/query", json={"operation": "query", "query": "SELECT Id, Name FROM Contact"}).json()
    assert job.keys() == CREATED
    assert (job["state"], job["object"], job["apiVersion"]) == ("UploadComplete", "Contact", 66.0)
    info = ended(web, "query", job["id"])
    assert {"jobType", "numberRecordsProcessed", "retries", "totalProcessingTime"} <= info.keys()
    locator, counts = "", []
    while locator != "null":
        parameters = {"maxRecords": "4", **({"locator": locator} if locator else {})}
        page = web.get(f"{BASE}/jobs/query/{job['id']}/results", params=parameters, headers={"Accept": "text/csv"})
        assert page.text.splitlines()[0] == '"Id","Name"'
        counts.append(int(page.headers["Sforce-NumberOfRecords"]))
        locator = page.headers["Sforce-Locator"]
        assert len(counts) < 20
    assert sum(counts) == info["numberRecordsProcessed"] >= CONTACTS


def test_an_upload_is_answered_201_and_its_files_are_always_there(web: Rest) -> None:
    """PUT answers exactly 201; jsforce and sf ask for unprocessedrecords, simple-salesforce unprocessedRecords."""
    created = web.post(f"{BASE}/jobs/ingest", json={"object": "Account", "operation": "insert", "lineEnding": "LF"})
    job = created.json()
    assert created.status_code == 200
    assert job.keys() == CREATED | {"contentUrl"}
    assert job["contentUrl"] == f"services/data/v66.0/jobs/ingest/{job['id']}/batches"
    url = f"{BASE}/jobs/ingest/{job['id']}"
    put = web.put(f"{url}/batches", content=b"Name\nBulk\n", headers={"Content-Type": "text/csv"})
    assert (put.status_code, put.content) == (201, b"")
    closed = web.patch(url, json={"state": "UploadComplete"})
    assert (closed.json()["state"], "jobType" in closed.json()) == ("UploadComplete", False)
    info = ended(web, "ingest", job["id"])
    assert (info["numberRecordsProcessed"], info["numberRecordsFailed"]) == (1, 0)
    assert {"apiActiveProcessingTime", "apexProcessingTime", "jobType", "retries"} <= info.keys()
    heads = {
        "successfulResults": '"sf__Id","sf__Created",Name', "failedResults": '"sf__Id","sf__Error",Name',
        "unprocessedrecords": "Name", "unprocessedRecords": "Name", "FailedResults": '"sf__Id","sf__Error",Name',
    }  # fmt: skip
    for name, head in heads.items():
        for end in ("", "/"):
            reply = web.get(f"{url}/{name}{end}")
            assert (reply.status_code, reply.text.splitlines()[0]) == (200, head), name
    assert web.delete(url).status_code == 204
