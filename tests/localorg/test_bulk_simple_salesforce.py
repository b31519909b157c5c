"""An outside client's bulk2 on the local org, over TLS: simple-salesforce, unchanged."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rig import simple_salesforce_session
from simple_salesforce import Salesforce
from simple_salesforce.bulk2 import SFBulk2Handler
from simple_salesforce.exceptions import (
    SalesforceBulkV2ExtractError,
    SalesforceMalformedRequest,
    SalesforceOperationError,
)

ROWS = 230

pytestmark = pytest.mark.local_org(tls=True)

http, sf = simple_salesforce_session.http, simple_salesforce_session.sf


@pytest.fixture(scope="module", autouse=True)
def short_pauses() -> Iterator[None]:
    """The library waits five seconds before it first asks for the state of a query; all else is its own."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("simple_salesforce.bulk2.sleep", lambda seconds: time.sleep(min(seconds, 0.02)))
        yield


@pytest.fixture(scope="module")
def bulk2(sf: Salesforce) -> SFBulk2Handler:
    return sf.bulk2


@pytest.fixture(scope="module")
def accounts(bulk2: SFBulk2Handler) -> dict[str, str]:
    """Accounts by external id: the Ids that the client was told."""
    records = [{"Name": f"Müller {n}, Söhne", "Ext__c": f"SS-{n}"} for n in range(ROWS)]
    (result,) = bulk2.Account.insert(records=records, wait=0.01)
    assert (result["numberRecordsProcessed"], result["numberRecordsFailed"]) == (ROWS, 0)
    return {row["Ext__c"]: row["sf__Id"] for row in rows(bulk2.Account.get_successful_records(result["job_id"]))}


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_insert_tells_the_ids(sf: Salesforce, accounts: dict[str, str]) -> None:
    """The Ids of the results are those the org answers by REST."""
    found = sf.query_all("SELECT Id, Ext__c, Name FROM Account WHERE Ext__c LIKE 'SS-%'")["records"]
    assert {row["Ext__c"]: row["Id"] for row in found} == accounts
    assert sf.Account.get(accounts["SS-7"])["Name"] == "Müller 7, Söhne"


def test_upsert_and_its_failures(bulk2: SFBulk2Handler, accounts: dict[str, str]) -> None:
    """Created, updated and failed rows, each in its file; no row in two of them."""
    records = [
        {"Ext__c": "SS-1", "Name": "Renamed"},
        {"Ext__c": "SS-new", "Name": "New"},
        {"Ext__c": "SS-x", "Name": ""},
    ]
    (result,) = bulk2.Account.upsert(records=records, external_id_field="Ext__c", wait=0.01)
    told = bulk2.Account.get_all_ingest_records(result["job_id"])
    assert {(row["Ext__c"], row["sf__Created"]) for row in told["successfulRecords"]} == {
        ("SS-1", "false"),
        ("SS-new", "true"),
    }
    (failed,) = told["failedRecords"]
    assert failed["sf__Error"] == "REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --"
    assert told["unprocessedRecords"] == []


def test_query_walks_the_pages(bulk2: SFBulk2Handler, accounts: dict[str, str]) -> None:
    """Every row once, whatever the page size; the text is UTF-8."""
    soql = "SELECT Id, Ext__c, Name FROM Account WHERE Ext__c LIKE 'SS-%' AND Name LIKE 'Müller%'"
    whole = list(bulk2.Account.query(soql, max_records=1000))
    pages = list(bulk2.Account.query(soql, max_records=50))
    assert (len(whole), len(pages)) == (1, 5)
    found = {row["Ext__c"]: row["Id"] for page in pages for row in rows(page)}
    assert found == {key: value for key, value in accounts.items() if key != "SS-1"}


def test_download_writes_the_pages_to_files(bulk2: SFBulk2Handler, accounts: dict[str, str], tmp_path: Path) -> None:
    """The files hold what was queried, and the client's counts are right."""
    soql = "SELECT Id FROM Account WHERE Ext__c LIKE 'SS-%'"
    results = bulk2.Account.download(soql, path=str(tmp_path), max_records=100)
    files = [Path(result["file"]) for result in results]
    assert [result["number_of_records"] for result in results] == [100, 100, 31]
    assert {row["Id"] for file in files for row in rows(file.read_text())} >= set(accounts.values())


def test_update_and_delete_by_id(sf: Salesforce, bulk2: SFBulk2Handler) -> None:
    """What was updated is changed, what was deleted is gone."""
    ids = [sf.Account.create({"Name": f"Brief {n}"})["id"] for n in range(3)]
    (updated,) = bulk2.Account.update(records=[{"Id": key, "Site": "Here"} for key in ids], wait=0.01)
    assert updated["numberRecordsFailed"] == 0
    assert {sf.Account.get(key)["Site"] for key in ids} == {"Here"}
    (deleted,) = bulk2.Account.delete(records=[{"Id": key} for key in ids], wait=0.01)
    assert deleted["numberRecordsProcessed"] == 3
    assert sf.query("SELECT Id FROM Account WHERE Site = 'Here'")["totalSize"] == 0


def test_files_of_any_dialect_are_sent(bulk2: SFBulk2Handler, tmp_path: Path) -> None:
    """A tab-separated file, uploaded from disk."""
    file = tmp_path / "contacts.tsv"
    file.write_text("LastName\tDepartment\nOne\tFiles\nTwo\tFiles\n", encoding="utf-8")
    (result,) = bulk2.Contact.insert(str(file), column_delimiter="TAB", wait=0.01)
    assert (result["numberRecordsProcessed"], result["numberRecordsFailed"]) == (2, 0)


def test_a_failed_job_raises_with_the_orgs_words(bulk2: SFBulk2Handler) -> None:
    """The client's own exception, with the job's error message."""
    with pytest.raises(SalesforceOperationError, match="Field name not found : Nope") as raised:
        bulk2.Account.insert(records=[{"Nope": "x"}], wait=0.01)
    assert "InvalidBatch" in str(raised.value)


def test_a_query_that_bulk_refuses_raises(bulk2: SFBulk2Handler) -> None:
    """400 on creation arrives as the client's error for it."""
    with pytest.raises((SalesforceMalformedRequest, SalesforceBulkV2ExtractError)) as raised:
        list(bulk2.Account.query("SELECT BillingAddress FROM Account"))
    content: Any = getattr(raised.value, "content", [])
    assert content[0]["message"] == "Selecting compound data not supported in Bulk Query"


def test_definitions_are_extracted_too(sf: Salesforce, bulk2: SFBulk2Handler) -> None:
    """Objects as rows are read through jobs of both Bulk APIs as they are by REST."""
    soql = "SELECT QualifiedApiName, KeyPrefix FROM EntityDefinition WHERE QualifiedApiName LIKE 'Acc%'"
    wanted = {("Account", "001"), ("AccountContactRole", "02Z")}
    (page,) = bulk2.EntityDefinition.query(soql)
    assert {(row["QualifiedApiName"], row["KeyPrefix"]) for row in rows(page)} == wanted
    found = sf.bulk.EntityDefinition.query(soql)
    assert {(row["QualifiedApiName"], row["KeyPrefix"]) for row in found} == wanted
