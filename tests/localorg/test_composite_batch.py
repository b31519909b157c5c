"""Composite batch as a client meets it: independent requests, halting, what each costs; and bodies of any shape."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rig.local_rest import BASE, Caller

from sfdata.localorg import LocalOrg

HALTED = {
    "statusCode": 412,
    "result": [{"errorCode": "BATCH_PROCESSING_HALTED", "message": "Batch processing halted per request"}],
}


class Client(Caller):
    """What tests of batches ask for."""

    def batch(self, *parts: dict[str, Any], **options: Any) -> tuple[bool, list[dict[str, Any]]]:
        """Whether a well-formed batch has errors, and the results in order."""
        status, answer = self.ask("POST", f"{BASE}/composite/batch", {"batchRequests": parts, **options})
        assert status == 200, answer
        return answer["hasErrors"], answer["results"]


@pytest.fixture
def client(undone: LocalOrg) -> Client:
    return Client(undone)


def part(method: str, url: str, rich_input: Any = None) -> dict[str, Any]:
    made = {"method": method, "url": url}
    return made if rich_input is None else {**made, "richInput": rich_input}


def test_every_method_of_every_resource(client: Client) -> None:
    """Each answers as it does alone; nothing is null; a change is seen by what comes after it."""
    _, made = client.ask("POST", f"{BASE}/sobjects/Account", {"Name": "A", "Ext__c": "1"})
    row = f"v66.0/sobjects/account/{made['id']}"
    has_errors, results = client.batch(
        part("PATCH", row, {"Name": "B"}),
        part("GET", f"{row}?fields=Name"),
        part("POST", "v66.0/sobjects/Contact", {"LastName": "C"}),
        part("GET", "v66.0/query?q=SELECT+LastName+FROM+Contact"),
        part("PATCH", "v66.0/sobjects/Account/Ext__c/1", {"Name": "D"}),
        part("DELETE", row),
        part("GET", "v66.0/limits/recordCount?sObjects=Account"),
    )
    assert has_errors is False
    assert [result["statusCode"] for result in results] == [204, 200, 201, 200, 200, 204, 200]
    assert (results[0]["result"], results[1]["result"]["Name"]) == (None, "B")
    assert results[3]["result"]["records"][0]["LastName"] == "C"
    assert results[6]["result"] == {"sObjects": [{"count": 0, "name": "Account"}]}


@pytest.mark.parametrize("prefix", ["v66.0/", "/v66.0/", "services/data/v66.0/", "/services/data/v66.0/"])
def test_addresses_may_be_written_in_four_ways(client: Client, prefix: str) -> None:
    """From the version on, or whole, with or without the first slash; methods in any case."""
    has_errors, results = client.batch(part("Get", f"{prefix}limits/recordCount?sObjects=User"))
    assert (has_errors, results[0]["statusCode"]) == (False, 200)


def test_failures_stop_nothing_unless_asked(client: Client) -> None:
    """With haltOnError what follows is 412 and not tried; what went before stays."""
    parts = [
        part("POST", "v66.0/sobjects/Account", {"Name": "A"}),
        part("POST", "v66.0/sobjects/Account", {}),
        part("POST", "v66.0/sobjects/Account", {"Name": "B"}),
    ]
    has_errors, results = client.batch(*parts)
    assert (has_errors, [result["statusCode"] for result in results]) == (True, [201, 400, 201])
    assert results[1]["result"][0]["errorCode"] == "REQUIRED_FIELD_MISSING"
    has_errors, results = client.batch(*parts, part("GET", "v66.0/limits"), haltOnError=True)
    assert (has_errors, [result["statusCode"] for result in results[:2]]) == (True, [201, 400])
    assert results[2:] == [HALTED, HALTED]
    assert client.ask("GET", f"{BASE}/query?q=SELECT+count()+FROM+Account")[1]["totalSize"] == 3


def test_each_part_is_an_api_call(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three parts cost three calls, and a call that is not left is refused as a part."""
    usage = client.org.instance.usage
    before = usage.used
    client.batch(*[part("GET", "v66.0/limits")] * 3)
    assert usage.used == before + 3
    monkeypatch.setattr(usage, "limit", before + 3 + 2)
    _, results = client.batch(*[part("GET", "v66.0/limits")] * 3)
    assert [result["statusCode"] for result in results] == [200, 200, 403]
    assert results[2]["result"] == [{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}]


def test_versions_and_nesting(client: Client) -> None:
    """Parts of versions 34.0 up to the batch's own are served; other composites are not."""
    paths = ["v33.0/limits", "v34.0/limits", "v67.0/limits", "v66.0/composite/batch", "v66.0/composite"]
    _, results = client.batch(*[part("GET", path) for path in paths])
    assert [result["statusCode"] for result in results] == [400, 200, 400, 400, 400]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"batchRequests": [part("GET", "v66.0/limits")] * 26}, "LIMIT_EXCEEDED"),
        ({}, "JSON_PARSER_ERROR"),
        ({"batchRequests": [{"url": "v66.0/limits"}]}, "JSON_PARSER_ERROR"),
        ({"batchRequests": [part("LOOK", "v66.0/limits")]}, "JSON_PARSER_ERROR"),
        ({"batchRequests": [part("GET", "/services/apexrest/x")]}, "JSON_PARSER_ERROR"),
        ({"batchRequests": [{**part("GET", "v66.0/limits"), "body": {}}]}, "JSON_PARSER_ERROR"),
    ],
)
def test_malformed_requests(client: Client, body: Any, code: str) -> None:
    """400 for the whole request, before anything runs."""
    status, errors = client.ask("POST", f"{BASE}/composite/batch", body)
    assert (status, errors[0]["errorCode"]) == (400, code)


# --- bodies of any shape ---------------------------------------------------------------------------------------------

WORDS = st.sampled_from(
    ["records", "attributes", "type", "referenceId", "Account", "Contacts", "Id", "Name", "allOrNone", "a", "@{a.id}",
     "compositeRequest", "method", "GET", "POST", "url", f"{BASE}/sobjects/Account", "v66.0/limits", "body", "graphs",
     "graphId", "batchRequests", "richInput", "httpHeaders", "ids", "fields", "Ext__c", "\ud800", "@{", ""]
)  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=12,
)
RECORDS = st.lists(st.dictionaries(WORDS, VALUES, max_size=4), max_size=3)
RESOURCES = [
    ("POST", "composite"), ("POST", "composite/batch"), ("POST", "composite/graph"), ("POST", "composite/tree/Account"),
    ("POST", "composite/sobjects"), ("PATCH", "composite/sobjects"), ("POST", "composite/sobjects/Account"),
    ("PATCH", "composite/sobjects/Account/Ext__c"), ("PATCH", "composite/sobjects/Account/Id"),
]  # fmt: skip
SHAPES = ("records", "compositeRequest", "batchRequests", "graphs")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    resource=st.sampled_from(RESOURCES),
    body=VALUES | st.builds(lambda key, items: {key: items}, st.sampled_from(SHAPES), RECORDS),
)
def test_no_body_is_beyond_them(client: Client, resource: tuple[str, str], body: Any) -> None:
    """Whatever JSON is sent, the answer is a result or a refusal in Salesforce's form, never an internal error."""
    method, path = resource
    status, answer = client.ask(method, f"{BASE}/{path}", body)
    assert status in (200, 201, 400, 404)
    assert "UNKNOWN_EXCEPTION" not in json.dumps(answer)


@pytest.mark.parametrize("depth", [500, 900, 5000, 200_000])
def test_deeply_nested_bodies_are_refused(client: Client, depth: int) -> None:
    """Nesting beyond what the parser takes is 400, wherever it stands."""
    nested = "[" * depth + "]" * depth
    account, url = '"attributes":{"type":"Account","referenceId":"a"}', f"{BASE}/sobjects/Account"
    bodies = {
        "composite": f'{{"compositeRequest":[{{"method":"POST","url":"{url}","referenceId":"a","body":{nested}}}]}}',
        "composite/batch": f'{{"batchRequests":[{{"method":"POST","url":"{url}","richInput":{nested}}}]}}',
        "composite/sobjects": f'{{"records":[{{{account},"Name":{nested}}}]}}',
        "composite/tree/Account": f'{{"records":[{{{account},"Name":{nested}}}]}}',
    }
    for path, body in bodies.items():
        status, answer = client.ask("POST", f"{BASE}/{path}", body.encode())
        assert status in (200, 400)
        assert "UNKNOWN_EXCEPTION" not in json.dumps(answer)
