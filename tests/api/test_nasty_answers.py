"""Every call of every API, to an org that answers with anything: the call's own kind of value, or one of our errors."""

from __future__ import annotations

import datetime as dt
import json

import httpx
import pytest

from sfdata.api import (
    bulk_ingest,
    bulk_query,
    composite,
    limits,
    query,
    replication,
    sobject_collections,
    sobjects,
)
from sfdata.api.composite import Subrequest
from sfdata.api.describe import DescribeCache
from sfdata.errors import SalesforceError

ID, JOB = "001000000000001AAA", "750000000000001AAA"
SINCE, UNTIL = dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
CALLS = {
    "explain": lambda s: query.explain(s, "SELECT Id FROM Account"),
    "long query": lambda s: query.first_page(s, "SELECT Id FROM Account WHERE Name IN ('" + "x" * 20_000 + "')"),
    "describe": lambda s: DescribeCache(s).object("Account"),
    "list of objects": lambda s: DescribeCache(s).global_(),
    "limits": limits.limits,
    "updated": lambda s: replication.get_updated(s, "Account", SINCE, UNTIL),
    "deleted": lambda s: replication.get_deleted(s, "Account", SINCE, UNTIL),
    "clock": replication.org_clock,
    "get": lambda s: sobjects.get(s, "Account", ID),
    "create": lambda s: sobjects.create(s, "Account", {"Name": "a"}),
    "upsert": lambda s: sobjects.upsert(s, "Account", "Ext__c", "k", {"Name": "a"}, unique=True),
    "create many": lambda s: sobject_collections.create(s, "Account", [{"Name": "a"}]),
    "update many": lambda s: sobject_collections.update(s, "Account", [{"Id": ID, "Name": "a"}]),
    "delete many": lambda s: sobject_collections.delete(s, [ID]),
    "retrieve many": lambda s: sobject_collections.retrieve(s, "Account", [ID], ["Name"]),
    "composite": lambda s: composite.composite(s, [Subrequest("GET", "/limits", "a")]),
    "query job": lambda s: bulk_query.create(s, "SELECT Id FROM Account"),
    "state of a query job": lambda s: bulk_query.info(s, JOB),
    "pages of a query job": lambda s: list(bulk_query.result_urls(s, JOB)),
    "query jobs": lambda s: list(bulk_query.jobs(s)),
    "ingest job": lambda s: bulk_ingest.create(s, "Account", "insert"),
    "state of an ingest job": lambda s: bulk_ingest.info(s, JOB),
    "ingest jobs": lambda s: list(bulk_ingest.jobs(s)),
}
DEEP = "[" * 100_000 + "]" * 100_000
MEMBERS = [
    "id", "state", "records", "compositeResponse", "plans", "sobjects", "fields", "ids", "deletedRecords",
    "resultPages", "latestDateCovered", "DailyApiRequests", "done", "nextRecordsUrl", "name", "organization_id",
    "body", "results",
]  # fmt: skip
BODIES = {
    "deep": DEEP,
    "deep in a member": f'{{"x":{DEEP}}}',
    "deep in a list": f'[{{"x":{DEEP}}}]',
    "nothing": "",
    "null": "null",
    "a number": "1e400",
    "five thousand digits": "9" * 5_000,
    "text": '"Id"',
    "an empty list": "[]",
    "an empty object": "{}",
    "a list of lists": "[[[]]]",
    "a list of nulls": "[null,null]",
    "half a surrogate pair": '{"id":"\\ud800","records":["\\ud800"]}',
    "every member of another type": json.dumps({name: [{"id": 7, "success": "no", "errors": 7}] for name in MEMBERS}),
    "a page": "<html><title>Maintenance</title></html>",
    "no UTF-8": b"\xff\xfe{}",
}


@pytest.mark.catalogue("T5")
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_no_answer_breaks_a_call(session, org, call):
    """Whatever is answered, with a good status or a bad one, only an error of ours comes out."""
    for body in BODIES.values():
        for status in (200, 201, 300, 400):
            org.resources = Everywhere(status, body if isinstance(body, bytes) else body.encode())
            try:
                call(session)
            except SalesforceError:
                continue
    assert org.seen


class Everywhere(dict):
    """Any path has the same answer."""

    def __init__(self, status, content):
        self.answer = status, content

    def get(self, path):
        status, content = self.answer
        return httpx.Response(status, content=content, headers={"content-type": "application/json"})
