"""Batches of Bulk API 1.0 that write: three forms of data, results in the order of the rows, and what fails a batch."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import json
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest

from sfdata.localorg import LocalOrg

SPACE = "http://www.force.com/2009/06/asyncapi/dataload"
NIL = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"'

_numbers = itertools.count()


@pytest.fixture
def tag() -> str:
    """A text that no other test has in its rows."""
    return f"b1-{next(_numbers)}"


def xml(*records: str) -> str:
    inner = "".join(f"<sObject>{record}</sObject>" for record in records)
    return f'<?xml version="1.0" encoding="UTF-8"?><sObjects xmlns="{SPACE}">{inner}</sObjects>'


def rows(reply: httpx.Response) -> list[tuple[str, ...]]:
    """Results in CSV without their header."""
    assert reply.headers["Content-Type"] == "text/csv"
    header, *found = csv.reader(io.StringIO(reply.text))
    assert header == ["Id", "Success", "Created", "Error"]
    return [tuple(row) for row in found]


def results(reply: httpx.Response) -> Iterator[dict[str, Any]]:
    """Results in XML, errors as their texts."""
    assert reply.headers["Content-Type"] == "application/xml"
    for result in ElementTree.fromstring(reply.content).iter(f"{{{SPACE}}}result"):
        parts = {part.tag.removeprefix(f"{{{SPACE}}}"): part for part in result}
        yield {name: part.text if not len(part) else [inner.text for inner in part] for name, part in parts.items()}


def names(bulk: Any, tag: str) -> dict[str, str]:
    """Ids by the external ids that begin with a tag, from REST."""
    return {r["Ext__c"]: r["Id"] for r in bulk.records(f"SELECT Id, Ext__c FROM Account WHERE Ext__c LIKE '{tag}.%'")}


# --- the three forms -------------------------------------------------------------------------------------------------


def test_results_in_csv_are_in_the_order_of_the_rows(classic: Any, bulk: Any, tag: str) -> None:
    """A line for each row, its Id or its error, whatever the number of transactions; lines may end either way."""
    data = "Name,Ext__c\r\n" + "".join(f"{'x' if n % 7 else ''},{tag}.{n}\r\n" for n in range(450))
    told = rows(classic.result(data))
    stored = names(bulk, tag)
    refused = ("", "false", "false", "REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --")
    assert told == [(stored[f"{tag}.{n}"], "true", "true", "") if n % 7 else refused for n in range(450)]


def test_results_in_json(classic: Any, bulk: Any, tag: str) -> None:
    """An object for each record: success, created, id, and errors with statusCode and extendedErrorDetails."""
    data = json.dumps([{"Name": "x", "Ext__c": f"{tag}.1"}, {"ext__c": f"{tag}.2"}, {"Name": "z", "Nope__c": 1}])
    reply = classic.result(data, form="JSON")
    assert reply.headers["Content-Type"] == "application/json"
    missing = {
        "message": "Required fields are missing: [Name]",
        "fields": ["Name"],
        "statusCode": "REQUIRED_FIELD_MISSING",
        "extendedErrorDetails": None,
    }
    unknown = {
        "message": "Unexpected JsonMappingException: No such column 'Nope__c' on sobject of type Account",
        "fields": [],
        "statusCode": "INVALID_FIELD",
        "extendedErrorDetails": None,
    }
    assert reply.json() == [
        {"success": True, "created": True, "id": names(bulk, tag)[f"{tag}.1"], "errors": []},
        {"success": False, "created": False, "id": None, "errors": [missing]},
        {"success": False, "created": False, "id": None, "errors": [unknown]},
    ]


def test_results_in_xml(classic: Any, bulk: Any, tag: str) -> None:
    """An element for each record; names of fields in any case, as the documentation's own sample has them."""
    told = results(classic.result(xml(f"<name>x &amp; y</name><ext__c>{tag}.1</ext__c>", "<Name></Name>"), form="XML"))
    stored = names(bulk, tag)
    assert list(told) == [
        {"id": stored[f"{tag}.1"], "success": "true", "created": "true"},
        {
            "errors": ["Name", "Required fields are missing: [Name]", "REQUIRED_FIELD_MISSING"],
            "success": "false",
            "created": "false",
        },
    ]
    assert bulk.records(f"SELECT Name FROM Account WHERE Ext__c = '{tag}.1'") == [{"Name": "x & y"}]


NULLS = {
    "CSV": "Ext__c,Name,Site,Phone\n{tag},new,#N/A,\n",
    "JSON": '[{{"Ext__c": "{tag}", "Name": "new", "Site": null}}]',
    "XML": xml(f"<Ext__c>{{tag}}</Ext__c><Name>new</Name><Site {NIL}/><Phone/>"),
}


@pytest.mark.parametrize("form", NULLS)
def test_null_empties_and_what_is_missing_stays(classic: Any, bulk: Any, tag: str, form: str) -> None:
    """#N/A, null and xsi:nil empty a field; an empty cell, a missing key and an empty element leave it alone."""
    classic.result(f"Name,Ext__c,Site,Phone\nold,{tag},here,123\n")
    classic.result(NULLS[form].format(tag=tag), "upsert", form=form, externalIdFieldName="Ext__c")
    found = bulk.records(f"SELECT Name, Site, Phone FROM Account WHERE Ext__c = '{tag}'")
    assert found == [{"Name": "new", "Site": None, "Phone": "123"}]


PARENTS = {
    "CSV": "LastName,Account.Ext__c,Owner.Username\nkid,{tag},{user}\n",
    "JSON": '[{{"LastName": "kid", "Account": {{"Ext__c": "{tag}"}}, "Owner": {{"Username": "{user}"}}}}]',
    "XML": xml(
        "<LastName>kid</LastName><Account><sObject><Ext__c>{tag}</Ext__c></sObject></Account>"
        "<Owner><sObject><Username>{user}</Username></sObject></Owner>"
    ),
}


@pytest.mark.parametrize("form", PARENTS)
def test_parents_are_named_by_their_keys(classic: Any, bulk: Any, org: LocalOrg, tag: str, form: str) -> None:
    """Columns with a dot in CSV, nested objects in JSON, nested sObjects in XML."""
    classic.result(f"Name,Ext__c\nparent,{tag}\n")
    reply = classic.result(PARENTS[form].format(tag=tag, user=org.username), object="Contact", form=form)
    assert "INVALID" not in reply.text
    found = bulk.records(f"SELECT LastName, OwnerId FROM Contact WHERE Account.Ext__c = '{tag}'")
    assert found == [{"LastName": "kid", "OwnerId": org.user_id}]


POLYMORPHIC = {
    "CSV": "Subject,Account:What.Ext__c\ncall,{tag}\n",
    "JSON": '[{{"Subject": "call", "What": {{"attributes": {{"type": "Account"}}, "Ext__c": "{tag}"}}}}]',
    "XML": xml("<Subject>call</Subject><What><sObject><type>Account</type><Ext__c>{tag}</Ext__c></sObject></What>"),
}


@pytest.mark.parametrize("form", POLYMORPHIC)
def test_a_parent_of_several_types_is_named_with_its_type(classic: Any, bulk: Any, tag: str, form: str) -> None:
    """As the documentation asks for it in each form."""
    classic.result(f"Name,Ext__c\nparent,{tag}\n")
    classic.result(POLYMORPHIC[form].format(tag=tag), object="Task", form=form)
    (parent,) = bulk.records(f"SELECT Id FROM Account WHERE Ext__c = '{tag}'")
    assert bulk.records(f"SELECT Subject FROM Task WHERE WhatId = '{parent['Id']}'") == [{"Subject": "call"}]


@pytest.mark.parametrize(("word", "value"), [("yes", True), ("1", True), ("TRUE", True), ("off", False), ("n", False)])
@pytest.mark.parametrize("form", ["CSV", "XML"])
def test_booleans_in_several_words(classic: Any, bulk: Any, tag: str, form: str, word: str, value: bool) -> None:
    """The words that the documentation lists."""
    data = {
        "CSV": f"LastName,DoNotCall\n{tag},{word}\n",
        "XML": xml(f"<LastName>{tag}</LastName><DoNotCall>{word}</DoNotCall>"),
    }
    classic.result(data[form], object="Contact", form=form)
    assert bulk.records(f"SELECT DoNotCall FROM Contact WHERE LastName = '{tag}'") == [{"DoNotCall": value}]


def test_gzip_is_taken_and_the_request_is_kept_as_it_came(classic: Any, tag: str) -> None:
    """The body may be packed; /request answers what was in it."""
    job = classic.create(form="JSON")
    data = json.dumps([{"Name": "ä", "Ext__c": tag}], ensure_ascii=False).encode()
    reply = classic.call("POST", f"job/{job}/batch", content=gzip.compress(data), headers={"Content-Encoding": "gzip"})
    batch = reply.json()
    assert (reply.status_code, batch["state"], batch["stateMessage"]) == (201, "Queued", None)
    assert reply.headers["Location"] == f"/services/async/66.0/job/{job}/batch/{batch['id']}"
    kept = classic.call("GET", f"job/{job}/batch/{batch['id']}/request")
    assert (kept.content, kept.headers["Content-Type"]) == (data, "application/json")


# --- operations ------------------------------------------------------------------------------------------------------


def ids(classic: Any, tag: str, count: int = 2) -> list[str]:
    data = "Name,Ext__c\n" + "".join(f"x,{tag}.{n}\n" for n in range(count))
    return [row[0] for row in rows(classic.result(data))]


def test_update_delete_and_hard_delete(classic: Any, bulk: Any, tag: str) -> None:
    """By Id; a deleted record waits in the recycle bin, a hard-deleted one is gone."""
    first, second = ids(classic, tag)
    assert rows(classic.result(f"Id,Site\n{first},s\n", "update")) == [(first, "true", "false", "")]
    assert rows(classic.result(f"Id\n{first}\n", "delete")) == [(first, "true", "false", "")]
    assert classic.result(json.dumps([{"Id": second}]), "hardDelete", form="JSON").json()[0]["success"]
    found = bulk.http.get("/queryAll", params={"q": f"SELECT Id FROM Account WHERE Ext__c LIKE '{tag}.%'"}).json()
    assert [record["Id"] for record in found["records"]] == [first]


def test_upsert_tells_what_it_created(classic: Any, bulk: Any, tag: str) -> None:
    """created is true for new records only; a key that stands twice in a chunk refuses both."""
    ids(classic, tag, 1)
    values = [f"{tag}.0", f"{tag}.new", f"{tag}.twice", f"{tag}.twice"]
    data = json.dumps([{"Name": "y", "Ext__c": value} for value in values])
    told = classic.result(data, "upsert", form="JSON", externalIdFieldName="Ext__c").json()
    assert [(result["success"], result["created"]) for result in told[:2]] == [(True, False), (True, True)]
    assert [result["errors"][0]["message"] for result in told[2:]] == [
        f"Duplicate external id specified: {tag}.twice"
    ] * 2


@pytest.mark.parametrize(("version", "known"), [("66.0", True), ("57.0", True), ("56.0", False)])
def test_newer_versions_tell_the_ids_of_records_that_could_not_be_changed(
    org: LocalOrg, classic: Any, tag: str, version: str, known: bool
) -> None:
    """From 57.0 on results of failed updates have Ids; users of older versions found them empty."""
    (record,) = ids(classic, tag, 1)
    client = type(classic)(org, version)
    ((told, *_),) = rows(client.result(f'Id,Name\n{record},"{"x" * 300}"\n', "update"))
    client.http.close()
    assert told == (record if known else "")


# --- what fails a batch ----------------------------------------------------------------------------------------------

MANY = 10_001


@pytest.mark.parametrize(
    ("form", "data", "message"),
    [
        ("CSV", "Name,Nope\nx,y\n", "InvalidBatch : Field name not found : Nope"),
        ("CSV", "Name\n", "InvalidBatch : Records not found for this batch"),
        ("CSV", 'Name\n"x\n', "InvalidBatch : Failed to parse CSV. EOF reached before closing an opened quote"),
        ("CSV", "Name\n" + "x\n" * MANY, "InvalidBatch : Exceeded number of records. A batch has at most 10000"),
        ("JSON", "[]", "InvalidBatch : Records not found for this batch"),
        ("JSON", '{"Name": "x"}', "InvalidBatch : Failed to parse JSON. A batch is an array of objects"),
        ("JSON", '[{"AnnualRevenue": NaN}]', "InvalidBatch : Failed to parse JSON. NaN is no JSON"),
        (
            "JSON",
            '[{"Name": "good"}, {"Name": "x", "NumberOfEmployees": "many"}]',
            "InvalidBatch : Cannot deserialize instance of int from VALUE_STRING value many or request may be missing "
            "a required field",
        ),
        ("XML", "<sObjects/>", "InvalidBatch : Records not found for this batch"),
        ("XML", "<records/>", "InvalidBatch : Failed to parse XML. A batch is an element sObjects of elements sObject"),
        (
            "XML",
            '<!DOCTYPE s [<!ENTITY e "x">]><sObjects><sObject><Name>&e;</Name></sObject></sObjects>',
            "InvalidBatch : Failed to parse XML. a document type is not allowed",
        ),
    ],
)
def test_data_that_cannot_be_processed_fail_the_batch_as_a_whole(
    classic: Any, bulk: Any, form: str, data: str, message: str
) -> None:
    """Failed with a message, nothing written, and no results: Records not processed."""
    before = bulk.http.get("/query", params={"q": "SELECT COUNT() FROM Account"}).json()["totalSize"]
    batch, path = classic.run(data, form=form)
    assert (batch["state"], batch["stateMessage"].replace("&lt;", "<")) == ("Failed", message)
    reply = classic.call("GET", f"{path}/result")
    assert (reply.status_code, "Records not processed" in reply.text, "InvalidBatch" in reply.text) == (400, True, True)
    assert bulk.http.get("/query", params={"q": "SELECT COUNT() FROM Account"}).json()["totalSize"] == before


@pytest.mark.parametrize(("form", "data"), [("CSV", "Id,Name\n001,x\n"), ("JSON", '[{"Id": "001", "Name": "x"}]')])
def test_a_delete_takes_nothing_but_ids(classic: Any, form: str, data: str) -> None:
    """A further column or key fails the batch."""
    batch, _ = classic.run(data, "delete", form=form)
    assert batch["stateMessage"] == "InvalidBatch : The 'delete' batch must contain only ids"


def test_a_batch_of_nothing_or_too_much_is_not_taken(classic: Any) -> None:
    """An empty body, and more than ten million characters."""
    job = classic.create()
    for body, message in (("\n", "Unable to find any data"), ("x" * 10_000_001, "Exceeded max size")):
        reply = classic.add(job, body)
        assert (reply.status_code, message in reply.text, "ClientInputError" in reply.text) == (400, True, True)
    assert classic.batches(job) == []


def test_a_result_is_not_there_before_the_batch_is_done(classic: Any, org: LocalOrg) -> None:
    """InvalidBatch while it waits or is under way."""
    job = classic.create(form="JSON")
    with org.instance.store.lock:
        batch = classic.add(job, '[{"Name": "x"}]').json()["id"]
        reply = classic.call("GET", f"job/{job}/batch/{batch}/result")
    assert (reply.status_code, reply.json()) == (
        400,
        {"exceptionCode": "InvalidBatch", "exceptionMessage": "Batch not completed"},
    )
