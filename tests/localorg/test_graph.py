"""Composite graph as a client meets it: graphs that are all or nothing, each for itself, within their limits."""

from __future__ import annotations

from typing import Any

import pytest
from rig.local_rest import BASE, Caller

from sfdata.localorg import LocalOrg

ROLLED_BACK = "The transaction was rolled back since another operation in the same transaction failed."


class Client(Caller):
    """What tests of graphs ask for."""

    def send(self, *graphs: dict[str, Any]) -> tuple[int, Any]:
        return self.ask("POST", f"{BASE}/composite/graph", {"graphs": graphs})

    def answers(self, *graphs: dict[str, Any]) -> list[tuple[bool, list[dict[str, Any]]]]:
        """Success and outcomes of each graph of a well-formed request, in order."""
        status, answer = self.send(*graphs)
        assert status == 200, answer
        assert [made["graphId"] for made in answer["graphs"]] == [graph["graphId"] for graph in graphs]
        return [(made["isSuccessful"], made["graphResponse"]["compositeResponse"]) for made in answer["graphs"]]


@pytest.fixture
def client(undone: LocalOrg) -> Client:
    return Client(undone)


def graph(graph_id: str, *nodes: dict[str, Any]) -> dict[str, Any]:
    return {"graphId": graph_id, "compositeRequest": list(nodes)}


def node(reference_id: str, method: str, path: str, body: Any = None) -> dict[str, Any]:
    made = {"referenceId": reference_id, "method": method, "url": f"{BASE}/sobjects/{path}"}
    return made if body is None else {**made, "body": body}


def account(reference_id: str, **fields: Any) -> dict[str, Any]:
    return node(reference_id, "POST", "Account", {"Name": reference_id, **fields})


NAMELESS = node("bad", "POST", "Account", {})


def test_graphs_succeed_or_fail_on_their_own(client: Client) -> None:
    """In the graph that fails the culprit has its own error and the others the rollback; the other graph stands."""
    contact = node("c", "POST", "Contact", {"LastName": "c", "AccountId": "@{a.id}"})
    (good, made), (failed, halted) = client.answers(
        graph("1", account("a"), contact), graph("2", account("a"), NAMELESS, account("b"))
    )
    assert (good, [outcome["httpStatusCode"] for outcome in made]) == (True, [201, 201])
    assert made[0]["httpHeaders"] == {"Location": f"{BASE}/sobjects/Account/{made[0]['body']['id']}"}
    assert (failed, [outcome["httpStatusCode"] for outcome in halted]) == (False, [400, 400, 400])
    errors = [outcome["body"][0] for outcome in halted]
    assert errors[0] == errors[2] == {"errorCode": "PROCESSING_HALTED", "message": ROLLED_BACK}
    assert errors[1]["errorCode"] == "REQUIRED_FIELD_MISSING"
    assert (client.count("Account"), client.count("Contact")) == (1, 1)


def test_every_way_to_a_row_works(client: Client) -> None:
    """Create, read, update, upsert and delete, by Id and by external id."""
    ((good, outcomes),) = client.answers(
        graph(
            "1",
            account("a", Ext__c="1"),
            node("get", "GET", "Account/@{a.id}"),
            node("change", "PATCH", "Account/@{get.Id}", {"Name": "b"}),
            node("upsert", "PATCH", "Account/Ext__c/2", {"Name": "c"}),
            node("find", "GET", "Account/Ext__c/2"),
            node("gone", "DELETE", "Account/@{find.Id}/"),
        )
    )
    assert (good, [outcome["httpStatusCode"] for outcome in outcomes]) == (True, [201, 200, 204, 201, 200, 204])
    assert client.count("Account") == 1


def test_a_graph_does_not_see_the_references_of_another(client: Client) -> None:
    """The reference leads nowhere, and its graph fails."""
    (one, _), (two, outcomes) = client.answers(
        graph("1", account("a")), graph("2", node("b", "GET", "Account/@{a.id}"))
    )
    assert (one, two) == (True, False)
    assert outcomes[0]["body"][0]["message"].startswith("Invalid reference specified. No value for a.id found in a.")


def test_after_14_failures_the_rest_is_not_tried(client: Client) -> None:
    """The 14 have their errors; graphs after them are halted, those before stand."""
    failing = [graph(f"f{n}", NAMELESS) for n in range(14)]
    answers = client.answers(graph("first", account("a")), *failing, graph("last", account("b")))
    assert [good for good, _ in answers] == [True, *[False] * 15]
    codes = [outcomes[0]["body"][0]["errorCode"] for good, outcomes in answers if not good]
    assert codes == [*["REQUIRED_FIELD_MISSING"] * 14, "PROCESSING_HALTED"]
    assert client.count("Account") == 1
    assert [good for good, _ in client.answers(*failing[:13], graph("last", account("b")))][-1] is True


@pytest.mark.parametrize(
    "bad",
    [
        {"referenceId": "x", "method": "GET", "url": f"{BASE}/limits"},
        {"referenceId": "x", "method": "GET", "url": f"{BASE}/query?q=SELECT+Id+FROM+User"},
        {"referenceId": "x", "method": "POST", "url": f"{BASE}/composite/sobjects", "body": {}},
        {"referenceId": "x", "method": "GET", "url": "/services/data/v49.0/sobjects/Account/001Lo0000000001IAA"},
        node("x", "GET", "Account"),
        node("x", "PUT", "Account/001Lo0000000001IAA", {}),
        node("x", "GET", "Account/a/b/c"),
        node("x", "GET", ""),
    ],
)
def test_only_rows_are_nodes(client: Client, bad: dict[str, Any]) -> None:
    """Other resources, other methods and API versions before 50 fail their graph and no other."""
    (one, _), (two, outcomes) = client.answers(graph("1", account("a")), graph("2", account("b"), bad))
    assert (one, two) == (True, False)
    assert outcomes[1]["body"][0]["errorCode"] == "INVALID_INPUT"
    assert client.count("Account") == 1


def chain(length: int) -> list[dict[str, Any]]:
    return [account("r1"), *[account(f"r{n}", ParentId=f"@{{r{n - 1}.id}}") for n in range(2, length + 1)]]


def kinds(count: int) -> list[dict[str, Any]]:
    """Nodes of so many kinds: by method, object and API version."""
    nodes = [account("a"), node("b", "GET", "account/@{a.id}"), node("c", "PATCH", "Account/@{a.id}", {"Phone": "1"})]
    for version in range(50, 50 + count - 3):
        url = f"/services/data/v{version}.0/sobjects/Account/@{{a.id}}"
        nodes.append({"referenceId": f"v{version}", "method": "GET", "url": url})
    return nodes


WITHIN = {
    "75 graphs": [graph(str(n), account("a")) for n in range(75)],
    "500 nodes": [graph(str(g), *[account(f"a{n}") for n in range(50)]) for g in range(10)],
    "15 deep": [graph("1", *chain(15))],
    "15 kinds": [graph("1", *kinds(15))],
}
BEYOND = {
    "number of graphs": (75, [graph(str(n), account("a")) for n in range(76)]),
    "number of nodes": (500, [graph("1", *[account(f"a{n}") for n in range(501)])]),
    "depth of a graph": (15, [graph("1", *chain(16))]),
    "number of different nodes": (15, [graph("1", *kinds(8)), graph("2", *kinds(16))]),
}


@pytest.mark.parametrize("name", WITHIN)
def test_the_largest_requests_pass(client: Client, name: str) -> None:
    """At each limit every graph succeeds."""
    assert {good for good, _ in client.answers(*WITHIN[name])} == {True}


@pytest.mark.parametrize("name", BEYOND)
def test_larger_requests_are_refused_whole(client: Client, name: str) -> None:
    """LIMIT_EXCEEDED before anything runs."""
    limit, graphs = BEYOND[name]
    message = f"Limit of {limit} reached for {name} in Graph Api"
    assert client.send(*graphs) == (400, [{"message": message, "errorCode": "LIMIT_EXCEEDED"}])
    assert client.count("Account") == 0


@pytest.mark.parametrize("graph_id", ["", "_a", "a.b", "a" * 40, ".", "-"])
def test_graph_ids_follow_their_rules(client: Client, graph_id: str) -> None:
    """They begin with a letter or number, have no period and fewer than 40 characters, and none stands twice."""
    for graphs in ([graph(graph_id, account("a"))], [graph("a", account("a")), graph("a", account("b"))]):
        status, errors = client.send(*graphs)
        assert (status, errors[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")
        assert errors[0]["message"].startswith(f"Provided graphId ('{graphs[-1]['graphId']}') must be unique")
    assert {good for good, _ in client.answers(graph("a" * 39, account("a")), graph("1 ü-b", account("a")))} == {True}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "'graphs' is a required field."),
        ({"graphs": [{"compositeRequest": []}]}, "'graphId' is a required field."),
        ({"graphs": [{"graphId": "1"}]}, "'compositeRequest' is a required field."),
        ({"graphs": [graph("1", {"method": "GET", "url": "/"})]}, "'referenceId' is a required field."),
    ],
)
def test_malformed_requests(client: Client, body: Any, message: str) -> None:
    """400 for the whole request."""
    assert client.ask("POST", f"{BASE}/composite/graph", body) == (
        400,
        [{"message": message, "errorCode": "JSON_PARSER_ERROR"}],
    )


def test_the_whole_is_one_api_call_since_version_50(client: Client) -> None:
    """Before that there are no graphs."""
    before = client.org.instance.usage.used
    client.answers(graph("1", account("a"), account("b")), graph("2", account("a")))
    assert client.org.instance.usage.used == before + 1
    assert client.ask("POST", "/services/data/v49.0/composite/graph", {"graphs": []})[0] == 404
