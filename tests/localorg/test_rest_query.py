"""The query resources: parameters, paging and headers. What SOQL means is the engine's own matter."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from rig.local_rest import BASE, Rest

from sfdata.localorg import LocalOrg

ROWS = 450


@pytest.fixture(scope="module")
def org() -> Iterator[LocalOrg]:
    with LocalOrg(sample_data=False) as running:
        store, account = running.instance.store, running.instance.object("Account")
        stamp = "2024-01-01T00:00:00.000+0000"
        columns = ["Id", "Name", "IsDeleted", "OwnerId", "CreatedDate", "LastModifiedDate", "SystemModstamp"]
        ids = store.new_ids(account, ROWS)
        rows = [
            (record_id, f"Account {n:03}", 0 if n else 1, running.user_id, stamp, stamp, stamp)
            for n, record_id in enumerate(ids)
        ]
        store.bulk_load(account, columns, rows)
        yield running


ALL = "SELECT Id, Name FROM Account ORDER BY Name"


def names(page: httpx.Response) -> list[str]:
    return [record["Name"] for record in page.json()["records"]]


@pytest.mark.parametrize("path", ["query", "query/", "Query", "QUERY/"])
def test_a_query_answers_under_any_spelling(web: Rest, path: str) -> None:
    """With and without a trailing slash, in any case."""
    page = web.get(f"{BASE}/{path}", params={"q": ALL}).json()
    assert (page["totalSize"], page["done"], len(page["records"])) == (ROWS - 1, True, ROWS - 1)
    assert "nextRecordsUrl" not in page


def test_query_all_adds_deleted_rows(web: Rest) -> None:
    """``queryAll`` sees the row in the recycle bin, ``query`` does not."""
    soql = "SELECT Name FROM Account WHERE Name < 'Account 003' ORDER BY Name"
    assert names(web.get(f"{BASE}/query", params={"q": soql})) == ["Account 001", "Account 002"]
    assert names(web.get(f"{BASE}/queryAll/", params={"q": soql})) == ["Account 000", "Account 001", "Account 002"]


@pytest.mark.parametrize("resource", ["query", "queryAll"])
def test_pages_follow_until_done(web: Rest, resource: str) -> None:
    """batchSize cuts pages; following ``nextRecordsUrl`` gives every row once, in order, with one total throughout."""
    page = web.get(f"{BASE}/{resource}", params={"q": ALL}, headers={"Sforce-Query-Options": "batchSize=200"})
    total = page.json()["totalSize"]
    assert total == ROWS - (resource == "query")
    seen = names(page)
    assert len(seen) == 200
    while not page.json()["done"]:
        locator = page.json()["nextRecordsUrl"]
        assert locator.startswith(f"{BASE}/query/01g")
        assert locator.endswith(f"-{len(seen)}")
        page = web.get(locator.replace("/query/", f"/{resource}/"))
        assert page.json()["totalSize"] == total
        seen += names(page)
    assert "nextRecordsUrl" not in page.json()
    assert seen == [f"Account {n:03}" for n in range(ROWS - total, ROWS)]


@pytest.mark.parametrize(
    ("options", "length"),
    [
        ("batchSize=300", 300),
        ("batchsize = 300", 300),
        ("x=1, batchSize=300", 300),
        ("batchSize=1", 200),
        ("batchSize=99999", ROWS - 1),
        ("batchSize=many", ROWS - 1),
        ("", ROWS - 1),
    ],
)
def test_the_batch_size_is_a_hint(web: Rest, options: str, length: int) -> None:
    """Brought into 200 to 2000; nonsense is as good as nothing."""
    page = web.get(f"{BASE}/query", params={"q": ALL}, headers={"Sforce-Query-Options": options})
    assert len(names(page)) == length


def test_a_smaller_page_size_of_the_org_cuts_pages() -> None:
    """``page_size`` makes short pages without thousands of rows."""
    with LocalOrg(sample_data=False, page_size=2) as org, Rest(org, org.access_token) as web:
        for n in range(5):
            assert web.post(f"{BASE}/sobjects/Account", json={"Name": f"A{n}"}).status_code == 201
        page = web.get(f"{BASE}/query", params={"q": ALL})
        assert names(page) == ["A0", "A1"]
        assert names(web.get(page.json()["nextRecordsUrl"])) == ["A2", "A3"]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "A query string has to be specified"),
        ({"q": ""}, "SOQL statements cannot be empty or null"),
        ({"q": "  "}, "SOQL statements cannot be empty or null"),
        ({"explain": ""}, "SOQL statements cannot be empty or null"),
    ],
)
def test_a_query_without_text_is_refused(web: Rest, params: dict[str, str], message: str) -> None:
    """400 MALFORMED_QUERY, which tells a query that is missing from one that is empty."""
    reply = web.get(f"{BASE}/query", params=params)
    assert (reply.status_code, reply.json()) == (400, [{"message": message, "errorCode": "MALFORMED_QUERY"}])


@pytest.mark.parametrize(
    ("soql", "code"),
    [
        ("SELECT Id FRM Account", "MALFORMED_QUERY"),
        ("SELECT Nope FROM Account", "INVALID_FIELD"),
        ("SELECT Id FROM ScratchOrgInfo limit 1", "INVALID_TYPE"),
    ],
)
def test_refused_queries_are_400(web: Rest, soql: str, code: str) -> None:
    """The engine's refusals arrive as Salesforce's list of errors, counted as calls."""
    reply = web.get(f"{BASE}/query", params={"q": soql})
    assert (reply.status_code, [error["errorCode"] for error in reply.json()]) == (400, [code])
    assert "Sforce-Limit-Info" in reply.headers


@pytest.mark.parametrize("locator", ["01g000000000001AAA-2000", "nonsense", "01g000000000001AAA"])
def test_unknown_locators_are_refused(web: Rest, locator: str) -> None:
    """400 INVALID_QUERY_LOCATOR."""
    reply = web.get(f"{BASE}/query/{locator}")
    assert (reply.status_code, reply.json()[0]["errorCode"]) == (400, "INVALID_QUERY_LOCATOR")


def test_explain_answers_plans(web: Rest) -> None:
    """The plan instead of the rows."""
    answer = web.get(f"{BASE}/query", params={"explain": ALL}).json()
    assert answer["plans"][0]["sobjectType"] == "Account"
    keys = {
        "cardinality",
        "fields",
        "leadingOperationType",
        "notes",
        "relativeCost",
        "sobjectCardinality",
        "sobjectType",
    }
    assert keys <= set(answer["plans"][0])


def test_columns_answers_what_the_cli_needs(web: Rest) -> None:
    """Column metadata instead of rows, for ``columns=true`` in any case."""
    for value in ("true", "TRUE"):
        answer = web.get(f"{BASE}/query", params={"q": "SELECT Id, Owner.Name FROM Account", "columns": value}).json()
        assert answer["entityName"] == "Account"
        assert answer["columnMetadata"][0]["columnName"] == "Id"
        assert all(isinstance(column["joinColumns"], list) for column in answer["columnMetadata"])


def test_the_record_urls_are_of_the_version_asked(web: Rest) -> None:
    """attributes.url and nextRecordsUrl stay in the caller's version."""
    page = web.get(
        "/services/data/v50.0/query", params={"q": ALL}, headers={"Sforce-Query-Options": "batchSize=200"}
    ).json()
    assert page["nextRecordsUrl"].startswith("/services/data/v50.0/query/")
    assert page["records"][0]["attributes"]["url"].startswith("/services/data/v50.0/sobjects/Account/001")


def test_every_scope_that_a_describe_lists_is_served(web: Rest) -> None:
    """``USING SCOPE`` takes each of an object's supported scopes."""
    for name in ("Account", "Case", "CaseComment", "Contact", "Event", "Lead", "Opportunity", "Task"):
        for scope in web.get(f"{BASE}/sobjects/{name}/describe").json()["supportedScopes"]:
            reply = web.get(f"{BASE}/query", params={"q": f"SELECT Id FROM {name} USING SCOPE {scope['name']}"})
            assert reply.status_code == 200, reply.text


def test_scopes_by_kind_of_owner(web: Rest) -> None:
    """A queue's records are in the one scope, a user's in the other; objects that no queue owns have neither."""
    queue = web.post(f"{BASE}/sobjects/Group", json={"Name": "Desk", "Type": "Queue"}).json()["id"]
    web.post(f"{BASE}/sobjects/QueueSobject", json={"QueueId": queue, "SobjectType": "Case"})
    for subject, owner in (("ours", None), ("theirs", queue)):
        web.post(f"{BASE}/sobjects/Case", json={"Subject": subject} | ({"OwnerId": owner} if owner else {}))
    for scope, subjects in (("queue_owned", ["theirs"]), ("user_owned", ["ours"])):
        page = web.get(f"{BASE}/query", params={"q": f"SELECT Subject FROM Case USING SCOPE {scope}"})
        assert [record["Subject"] for record in page.json()["records"]] == subjects
    refused = web.get(f"{BASE}/query", params={"q": "SELECT Id FROM Account USING SCOPE queue_owned"})
    assert (refused.status_code, refused.json()[0]["errorCode"]) == (400, "MALFORMED_QUERY")
