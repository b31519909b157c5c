"""An outside client's first bulk API on the local org, over TLS: simple-salesforce, unchanged."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from rig import simple_salesforce_session
from simple_salesforce import Salesforce
from simple_salesforce.bulk import SFBulkHandler
from simple_salesforce.exceptions import SalesforceGeneralError, SalesforceMalformedRequest

from sfdata.localorg import LocalOrg

ROWS = 230

pytestmark = pytest.mark.local_org(tls=True)

http, sf = simple_salesforce_session.http, simple_salesforce_session.sf


@pytest.fixture(scope="module", autouse=True)
def short_pauses() -> Iterator[None]:
    """The library waits five seconds between two looks at a batch; all else is its own."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("simple_salesforce.bulk.sleep", lambda seconds: time.sleep(0.02))
        yield


@pytest.fixture(scope="module")
def bulk(sf: Salesforce) -> SFBulkHandler:
    return sf.bulk


@pytest.fixture(scope="module")
def accounts(bulk: SFBulkHandler) -> list[str]:
    """The Ids that the client was told, in the order of the records, which went out in three batches."""
    records = [{"Name": f"Müller {n}", "Ext__c": f"SS1-{n}", "NumberOfEmployees": n} for n in range(ROWS)]
    told = bulk.Account.insert(records, batch_size=100)
    assert all(result["success"] and result["created"] and result["errors"] == [] for result in told)
    return [result["id"] for result in told]


def test_insert_tells_ids_in_the_order_of_the_records(sf: Salesforce, accounts: list[str]) -> None:
    """The n-th result is the n-th record's, as REST has it."""
    found = sf.query_all("SELECT Id, Ext__c FROM Account WHERE Ext__c LIKE 'SS1-%'")["records"]
    ids = {record["Ext__c"]: record["Id"] for record in found}
    assert accounts == [ids[f"SS1-{n}"] for n in range(ROWS)]


@pytest.mark.parametrize("lazy", [False, True])
def test_query_gives_every_record(bulk: SFBulkHandler, accounts: list[str], lazy: bool) -> None:
    """A list, or lists as they come; numbers are numbers."""
    soql = "SELECT Id, NumberOfEmployees FROM Account WHERE Ext__c LIKE 'SS1-%'"
    found: Any = bulk.Account.query(soql, lazy_operation=lazy)
    records = [record for part in found for record in part] if lazy else found
    assert {record["Id"]: record["NumberOfEmployees"] for record in records} == {
        key: n for n, key in enumerate(accounts)
    }


def test_update_upsert_and_their_failures(sf: Salesforce, bulk: SFBulkHandler, accounts: list[str]) -> None:
    """Each record has its own result; Serial mode is taken; details of the request stand beside the results."""
    told = bulk.Account.update([{"Id": accounts[0], "Site": "S"}, {"Id": accounts[1], "Name": ""}], use_serial=True)
    assert [result["success"] for result in told] == [True, False]
    assert told[1]["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    assert sf.Account.get(accounts[0])["Site"] == "S"
    records = [{"Ext__c": "SS1-2", "Name": "known"}, {"Ext__c": "SS1-new", "Name": "new"}]
    detailed: Any = bulk.Account.upsert(records, "Ext__c", include_detailed_results=True)
    assert [(result["created"], result["Ext__c"]) for result in detailed] == [(False, "SS1-2"), (True, "SS1-new")]


def test_delete_and_hard_delete(bulk: SFBulkHandler, sf: Salesforce) -> None:
    """query_all still finds what was deleted, and not what was hard-deleted."""
    made: Any = bulk.Account.insert([{"Name": "doomed", "Site": "grave"}] * 2)
    (soft, hard) = ({"Id": result["id"]} for result in made)
    assert bulk.Account.delete([soft])[0]["success"]
    assert bulk.Account.hard_delete([hard])[0]["success"]
    soql = "SELECT Id, IsDeleted FROM Account WHERE Site = 'grave'"
    assert bulk.Account.query(soql) == []
    (left,) = bulk.Account.query_all(soql)
    assert (left["Id"], left["IsDeleted"]) == (soft["Id"], True)


def test_batches_of_a_size_the_client_finds(bulk: SFBulkHandler) -> None:
    """The dml door, with sizes by the limits of the API."""
    told: Any = bulk.submit_dml(
        "Lead", "insert", [{"LastName": f"L{n}", "Company": "C"} for n in range(5)], batch_size="auto"
    )
    assert [result["success"] for result in told] == [True] * 5


def test_a_query_that_cannot_be_run_raises_with_the_batchs_message(bulk: SFBulkHandler) -> None:
    """The client's own exception, with the state's message in it."""
    with pytest.raises(SalesforceGeneralError) as raised:
        bulk.Account.query("SELECT Nope FROM Account")
    assert "No such column 'Nope' on entity 'Account'" in str(raised.value)


def test_values_of_the_wrong_type_stop_the_whole_batch(sf: Salesforce, bulk: SFBulkHandler) -> None:
    """As its users found: not a failed record but a failed batch, whose results cannot be read."""
    records = [{"LastName": "good"}, {"LastName": "bad", "Birthdate": "31/12/1999"}]
    with pytest.raises(SalesforceMalformedRequest) as raised:
        bulk.Contact.insert(records)
    assert raised.value.content == {"exceptionCode": "InvalidBatch", "exceptionMessage": "Records not processed"}
    assert sf.query("SELECT Id FROM Contact WHERE LastName = 'good'")["totalSize"] == 0


def test_a_session_that_is_none(org: LocalOrg, sf: Salesforce) -> None:
    """The error its users know."""
    other = Salesforce(instance_url=org.instance_url, session_id="wrong", session=sf.session)
    with pytest.raises(SalesforceMalformedRequest) as raised:
        other.bulk.Account.query("SELECT Id FROM Account")
    assert raised.value.content == {"exceptionCode": "InvalidSessionId", "exceptionMessage": "Invalid session id"}
