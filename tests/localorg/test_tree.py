"""sObject Tree as a client meets it: nested rows, the order of results, all or nothing."""

from __future__ import annotations

from typing import Any

import pytest
from rig.local_rest import BASE, Caller

from sfdata.localorg import LocalOrg


class Client(Caller):
    """What tests of trees ask for."""

    def plant(self, *records: Any) -> tuple[int, Any]:
        return self.ask("POST", f"{BASE}/composite/tree/Account", {"records": records})

    def rows(self, soql: str) -> list[dict[str, Any]]:
        status, page = self.ask("GET", f"{BASE}/query?q={soql}")
        assert status == 200, page
        return list(page["records"])


@pytest.fixture
def client(undone: LocalOrg) -> Client:
    return Client(undone)


def node(reference_id: str, kind: str = "Account", **fields: Any) -> dict[str, Any]:
    named = {"Name": reference_id} if kind == "Account" else {"LastName": reference_id}
    return {"attributes": {"type": kind, "referenceId": reference_id}, **named, **fields}


def below(*records: Any) -> dict[str, Any]:
    return {"records": list(records)}


def refused(*errors: tuple[str, str, str, list[str]]) -> tuple[int, Any]:
    results = [
        {"referenceId": reference_id, "errors": [{"statusCode": code, "message": message, "fields": fields}]}
        for reference_id, code, message, fields in errors
    ]
    return 400, {"hasErrors": True, "results": results}


def test_children_hang_below_their_parents(client: Client) -> None:
    """Results come level by level and say which record became which row; relationships are found in any case."""
    status, answer = client.plant(
        node("a1", Contacts=below(node("c1", "Contact"), node("c2", "Contact"))),
        node("a2", ChildAccounts=below(node("a3", contacts=below(node("c3", "contact")))), phone="1"),
    )
    assert (status, answer["hasErrors"]) == (201, False)
    assert [result["referenceId"] for result in answer["results"]] == ["a1", "a2", "c1", "c2", "a3", "c3"]
    ids = {result["referenceId"]: result["id"] for result in answer["results"]}
    contacts = client.rows("SELECT Id, LastName, AccountId FROM Contact ORDER BY LastName")
    assert [(row["Id"], row["AccountId"]) for row in contacts] == [
        (ids["c1"], ids["a1"]), (ids["c2"], ids["a1"]), (ids["c3"], ids["a3"])
    ]  # fmt: skip
    parents = client.rows("SELECT Name, ParentId, Phone FROM Account ORDER BY Name")
    assert [(row["ParentId"], row["Phone"]) for row in parents] == [(None, None), (None, "1"), (ids["a2"], None)]


def test_rows_of_a_type_are_created_together_on_each_level(client: Client) -> None:
    """Of two kinds of children, all of the first come before those of the second."""
    mixed = {"Contacts": below(node("c", "Contact")), "ChildAccounts": below(node("child"))}
    status, answer = client.plant(
        node("a", **mixed), node("b", ChildAccounts=below(node("d")), Contacts=below(node("e", "Contact")))
    )
    assert status == 201
    assert [result["referenceId"] for result in answer["results"]] == ["a", "b", "c", "e", "child", "d"]


def test_one_refusal_undoes_the_request(client: Client) -> None:
    """Only the records that were refused are named, and no row is left."""
    missing = {"attributes": {"type": "Contact", "referenceId": "bad"}, "FirstName": "x"}
    other = {"attributes": {"type": "Contact", "referenceId": "worse"}, "LastName": "x", "Email": "nope"}
    answer = client.plant(node("a", Contacts=below(node("good", "Contact"), missing, other)), node("b"))
    assert answer == refused(
        ("bad", "REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]", ["LastName"]),
        ("worse", "INVALID_EMAIL_ADDRESS", "Email: invalid email address: nope", ["Email"]),
    )
    assert client.rows("SELECT Id FROM Account") == []
    assert client.rows("SELECT Id FROM Contact") == []


def test_parents_by_external_id_are_no_children(client: Client) -> None:
    """An object that names a parent stays a reference of its record."""
    client.ask("POST", f"{BASE}/sobjects/Account", {"Name": "old", "Ext__c": "1"})
    status, _ = client.plant(node("new", Parent={"Ext__c": "1"}))
    assert status == 201
    assert client.rows("SELECT Parent.Name FROM Account WHERE Name = 'new'")[0]["Parent"]["Name"] == "old"


def test_unknown_relationships_are_unknown_columns(client: Client) -> None:
    """INVALID_FIELD for the record that has it."""
    message = "No such column 'Nope' on sobject of type Account"
    assert client.plant(node("a", Nope=below(node("b")))) == refused(("a", "INVALID_FIELD", message, []))


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([node("x"), node("x"), node("y")],
         refused(*[("x", "INVALID_INPUT", "Duplicate ReferenceId provided in the request.", [])] * 2)),
        ([{"attributes": {"referenceId": "x"}, "Name": "x"}],
         refused(("x", "INVALID_INPUT", "Include an entity type for each record in the request.", []))),
        ([node("x", "Contact")],
         refused(("x", "INVALID_INPUT", "Invalid entity type provided in the request: Contact", []))),
        ([node("x", Contacts=below(node("y", "Nope")))],
         refused(("y", "INVALID_INPUT", "Invalid entity type provided in the request: Nope", []))),
        ([node("x y")],
         refused(("x y", "INVALID_INPUT", "Provided referenceId ('x y') must start with a letter or a number, and it "
                  "can contain only letters, numbers and underscores ('_').", []))),
        ([{"attributes": {"type": "Account"}, "Name": "x"}],
         (400, [{"message": "Include a reference ID for each record in the request.", "errorCode": "INVALID_INPUT"}])),
        ([{"Name": "x"}],
         (400, [{"message": "Include a reference ID for each record in the request.", "errorCode": "INVALID_INPUT"}])),
        ([], (400, [{"message": "At least 1 record is required", "errorCode": "REQUIRED_FIELD_MISSING"}])),
        ([7], (400, [{"message": "Cannot deserialize instance of map from VALUE_NUMBER_INT value 7 or request may be "
                      "missing a required field at [line:1, column:14]", "errorCode": "JSON_PARSER_ERROR"}])),
        ([node("x", NumberOfEmployees="many")],
         (400, [{"message": "Cannot deserialize instance of int from VALUE_STRING value many or request may be "
                 "missing a required field at [line:1, column:104]", "errorCode": "JSON_PARSER_ERROR"}])),
    ],
)  # fmt: skip
def test_records_that_cannot_be_told_apart_or_read(client: Client, records: list[Any], expected: Any) -> None:
    """Each in its recorded words, and nothing is created."""
    assert client.plant(*records) == expected
    assert client.rows("SELECT Id FROM Account") == []


def deep(levels: int) -> dict[str, Any]:
    made = node(f"r{levels}")
    for level in range(levels - 1, 0, -1):
        made = node(f"r{level}", ChildAccounts=below(made))
    return made


def test_limits(client: Client) -> None:
    """200 records and five levels are taken; one more of either is refused, and no row is created."""
    assert client.plant(*[node(f"a{n}", Contacts=below(node(f"c{n}", "Contact"))) for n in range(100)])[0] == 201
    many = client.plant(*[node(f"a{n}") for n in range(200)], node("b", Contacts=below(node("c", "Contact"))))
    assert (many[0], many[1][0]["errorCode"]) == (400, "EXCEEDED_ID_LIMIT")
    assert client.plant(deep(5))[0] == 201
    status, errors = client.plant(deep(6))
    assert (status, errors[0]["errorCode"]) == (400, "INVALID_INPUT")
    assert len(client.rows("SELECT Id FROM Account")) == 105


def test_at_most_five_types(client: Client) -> None:
    """An account with four kinds of children is planted, one with five is not."""
    kinds = {
        "Contacts": node("c", "Contact"),
        "Cases": {"attributes": {"type": "Case", "referenceId": "k"}, "Subject": "s"},
        "Opportunities": {"attributes": {"type": "Opportunity", "referenceId": "o"}, "Name": "o",
                          "StageName": "Prospecting", "CloseDate": "2026-12-31"},
        "Tasks": {"attributes": {"type": "Task", "referenceId": "t"}, "Subject": "s"},
        "Events": {"attributes": {"type": "Event", "referenceId": "e"}, "Subject": "s", "DurationInMinutes": 5,
                   "ActivityDateTime": "2026-12-31T00:00:00Z"},
    }  # fmt: skip
    children = {name: below(record) for name, record in kinds.items()}
    status, errors = client.plant(node("a", **children))
    assert (status, errors[0]["errorCode"]) == (400, "INVALID_INPUT")
    del children["Events"]
    status, answer = client.plant(node("a", **children))
    assert (status, len(answer.get("results", []))) == (201, 5)


def test_the_path_names_the_roots_object(client: Client) -> None:
    """404 for one that does not exist."""
    status, errors = client.ask("POST", f"{BASE}/composite/tree/Nope", {"records": [node("a")]})
    assert (status, errors[0]["errorCode"]) == (404, "NOT_FOUND")
