"""The REST resources of single rows, as a client meets them: paths, statuses, headers, bodies."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from sfdata.localorg.answers import ApiError
from sfdata.localorg.engine import QueryEngine
from sfdata.localorg.objects import standard_schema
from sfdata.localorg.records.crud import Records
from sfdata.localorg.records.rows import ROUTES
from sfdata.localorg.routing import Answer, Request, json_answer, match
from sfdata.localorg.store import Store

if TYPE_CHECKING:
    from sfdata.localorg.instance import Instance

ANN = "005Lo0000000001IAA"
SCHEMA = standard_schema()
SOBJECTS = "/services/data/v66.0/sobjects"
NOT_FOUND = [{"message": "The requested resource does not exist", "errorCode": "NOT_FOUND"}]


class Org:
    """An org without a server: what the handlers use of an instance, and calls as a client makes them."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 9, tzinfo=UTC)
        self.store = Store(SCHEMA)
        user = SCHEMA.object("User")
        assert user is not None
        self.store.insert(
            user, {"Id": ANN, "Username": "ann@x.example", "LastName": "Ann", "Name": "Ann", "IsActive": 1}
        )
        records, engine = Records(self.store, self.clock), QueryEngine(self.store, clock=self.clock)
        parts = {"store": self.store, "schema": SCHEMA, "records": records, "engine": engine, "user_id": ANN}
        self._instance = cast("Instance", SimpleNamespace(**parts))

    def clock(self) -> datetime:
        return self.now

    def call(
        self, method: str, path: str, body: Any = None, *, headers: Mapping[str, str] | None = None, **query: str
    ) -> Answer:
        """Send a request below ``sobjects/``; a refusal comes back as the answer the server makes of it."""
        text = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        whole = path if path.startswith("/") else f"{SOBJECTS}/{path}"
        try:
            route, args = match(ROUTES, method, whole)
            given = {"content-type": "application/json; charset=UTF-8", **(headers or {})}
            return route.handler(Request(method, whole, self._instance, query, given, text, args))
        except ApiError as refusal:
            return json_answer(refusal.body(), refusal.status)

    def create(self, name: str, **body: Any) -> str:
        answer = self.call("POST", name, body)
        assert answer.status == 201, answer.body
        return str(json.loads(answer.body)["id"])

    def read(self, path: str, **query: str) -> Any:
        answer = self.call("GET", path, **query)
        assert answer.status == 200, answer.body
        return json.loads(answer.body)


@pytest.fixture
def org() -> Iterator[Org]:
    made = Org()
    yield made
    made.store.close()


def errors(answer: Answer) -> tuple[int, Any]:
    return answer.status, json.loads(answer.body)


# --- create, read, update, delete ------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["Account", "Account/", "account", "Account/Id", "Account/id/"])
def test_create(org: Org, path: str) -> None:
    """A new row answers 201, where it is, and its Id; the object is told without regard to case."""
    answer = org.call("POST", path, {"Name": "Acme"})
    body = json.loads(answer.body)
    assert (answer.status, body) == (201, {"id": body["id"], "success": True, "errors": []})
    assert answer.headers["Location"] == f"{SOBJECTS}/Account/{body['id']}"
    assert org.read(f"Account/{body['id']}")["Name"] == "Acme"


def test_a_rows_whole_life(org: Org) -> None:
    """Create, read with 15 characters, update, delete, and then it is gone."""
    record_id = org.create("Account", Name="Acme")
    assert org.read(f"Account/{record_id[:15]}", fields="Name,Phone") == {
        "attributes": {"type": "Account", "url": f"{SOBJECTS}/Account/{record_id}"},
        "Name": "Acme",
        "Phone": None,
        "Id": record_id,
    }
    updated = org.call("PATCH", f"Account/{record_id}", {"Phone": "1"})
    assert (updated.status, updated.body) == (204, b"")
    assert org.read(f"ACCOUNT/{record_id}")["Phone"] == "1"
    deleted = org.call("DELETE", f"Account/{record_id}")
    assert (deleted.status, deleted.body) == (204, b"")
    gone = [{"message": "entity is deleted", "errorCode": "ENTITY_IS_DELETED", "fields": []}]
    for method, body in (("GET", None), ("PATCH", {"Name": "B"}), ("DELETE", None)):
        assert errors(org.call(method, f"Account/{record_id}", body)) == (404, gone)


NO_SUCH_KEY = "Provided external ID field does not exist or is not accessible: {}"


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "Nope/001Lo0000000099IAA", NOT_FOUND),
        ("POST", "Nope", NOT_FOUND),
        ("GET", "Account/001Lo0000000099IAA", NOT_FOUND),
        ("PATCH", "Account/001Lo0000000099IAA", NOT_FOUND),
        ("GET", "Contact/001Lo0000000099IAA", NOT_FOUND),
        ("GET", "Name/005Lo0000000001IAA", NOT_FOUND),
        ("GET", "Account/rid", [{"message": NO_SUCH_KEY.format("rid"), "errorCode": "NOT_FOUND"}]),
        ("DELETE", "Account/rid", [{"message": NO_SUCH_KEY.format("rid"), "errorCode": "NOT_FOUND"}]),
        ("GET", "Account/Namez/1", [{"message": NO_SUCH_KEY.format("Namez"), "errorCode": "NOT_FOUND"}]),
        ("PATCH", "Account/Namez/1", [{"message": NO_SUCH_KEY.format("Namez"), "errorCode": "NOT_FOUND"}]),
        ("GET", "Account/Ext__c/unknown", NOT_FOUND),
        ("DELETE", "Account/Ext__c/unknown", NOT_FOUND),
        ("DELETE", "Account/001Lo0000000099IAA",
         [{"message": "invalid cross reference id", "errorCode": "INVALID_CROSS_REFERENCE_KEY", "fields": []}]),
    ],
)  # fmt: skip
def test_not_found(org: Org, method: str, path: str, expected: Any) -> None:
    """Unknown objects, rows, keys and values are 404, each in its recorded words."""
    assert errors(org.call(method, path, {"Name": "A"})) == (404, expected)


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_rows_of_another_object_are_not_written(org: Org, method: str) -> None:
    """To write, an Id must be of the object named; to read, such a row is just not there."""
    account = org.create("Account", Name="Acme")
    message = f"Contact ID: id value of incorrect type: {account}"
    expected = [{"message": message, "errorCode": "MALFORMED_ID", "fields": ["Id"]}]
    assert errors(org.call(method, f"Contact/{account}", {"LastName": "A"})) == (400, expected)
    assert errors(org.call("GET", f"Contact/{account}")) == (404, NOT_FOUND)
    assert org.read(f"Account/{account}")["Name"] == "Acme"


UNREADABLE = "Cannot deserialize instance of {} or request may be missing a required field at {}"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "The HTTP entity body is required, but this request has no entity body."),
        (b"[]", "Can not deserialize SObject out of START_ARRAY token at [line:1, column:1]"),
        (
            b'{\n "A\\u0062c" : [{"Birthdate": 1}],\n "birthdate" : 5 }',
            "No such column 'Abc' on sobject of type Contact",
        ),
        (
            b'{"LastName":"L","Birthdate":"soon"}',
            UNREADABLE.format("date from VALUE_STRING value soon", "[line:1, column:29]"),
        ),
        (
            b'{\n  "Title" : "a, \\"Birthdate\\": {",\n  "birthdate" :\n\t5 }',
            UNREADABLE.format("date from VALUE_NUMBER_INT value 5", "[line:4, column:2]"),
        ),
        (
            b'{"LastName":"L","Account":{"Ext__c":5}}',
            UNREADABLE.format("string from VALUE_NUMBER_INT value 5", "[line:1, column:1]"),
        ),
        (
            '{"Title":5}'.encode("utf-16"),
            UNREADABLE.format("string from VALUE_NUMBER_INT value 5", "[line:1, column:10]"),
        ),
        (
            b'{"LastName":NaN}',
            UNREADABLE.format("string from VALUE_NUMBER_FLOAT value nan", "[line:1, column:13]"),
        ),
    ],
)
def test_bodies_that_cannot_be_read(org: Org, body: bytes, message: str) -> None:
    """A body that is no row's JSON is 400, and what cannot be read in it is told with its place."""
    status, (error,) = errors(org.call("POST", "Contact", body))
    assert (status, error["message"]) == (400, message)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ('{"Name":"A"', "Unexpected end-of-input: expected close marker for OBJECT at [line:1, column:12]"),
        ('{"Name":["A"', "Unexpected end-of-input: expected close marker for ARRAY at [line:1, column:13]"),
        ('{"Name":"A', "Unexpected end-of-input: in VALUE_STRING at [line:1, column:11]"),
        ("{Name:1}", "Unexpected character ('N' (code 78)): was expecting double-quote to start field name"),
        ('{"Name" 1}', "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value"),
        ('{"a":1 "b":2}', "Unexpected character ('\"' (code 34)): was expecting comma to separate OBJECT entries"),
        (
            '{"Name":x}',
            "Unexpected character ('x' (code 120)): expected a valid value (number, String, array, object, ",
        ),
    ],
)
def test_what_is_no_json_is_told_in_the_parsers_words(org: Org, body: str, problem: str) -> None:
    """A body that is not even JSON is refused with what should have stood where."""
    status, (error,) = errors(org.call("POST", "Account", body.encode()))
    assert (status, error["errorCode"]) == (400, "JSON_PARSER_ERROR")
    assert error["message"].startswith(problem)
    assert re.search(r" at \[line:1, column:\d+\]$", error["message"])


@pytest.mark.parametrize("content_type", ["text/plain", "text/xml", "application/x-www-form-urlencoded"])
def test_content_types(org: Org, content_type: str) -> None:
    """A body of another type than JSON and XML is 415."""
    answer = org.call("POST", "Account", {"Name": "A"}, headers={"content-type": content_type})
    message = f"MediaType of '{content_type}' is not supported by this resource"
    assert errors(answer) == (415, [{"message": message, "errorCode": "UNSUPPORTED_MEDIA_TYPE"}])


def test_refusals_list_every_error(org: Org) -> None:
    """The answer to a refused row lists its errors with code, message and fields."""
    status, listed = errors(org.call("POST", "Contact", {"LastName": "L", "Email": "x", "FirstName": "F" * 41}))
    assert status == 400
    assert [(error["errorCode"], error["fields"]) for error in listed] == [
        ("INVALID_EMAIL_ADDRESS", ["Email"]),
        ("STRING_TOO_LONG", ["FirstName"]),
    ]


def test_methods(org: Org) -> None:
    """A verb that a resource does not have is 405 and says which ones it has."""
    status, (error,) = errors(org.call("POST", f"Account/{org.create('Account', Name='A')}", {"Name": "B"}))
    assert (status, error["errorCode"]) == (405, "METHOD_NOT_ALLOWED")
    assert org.call("PUT", "Account/001Lo0000000001IAA", {}).status == 405


# --- conditions ------------------------------------------------------------------------------------------------------

EARLIER, MODIFIED = "Sat, 21 Nov 2026 08:59:59 GMT", "Sat, 21 Nov 2026 09:00:00 GMT"


def test_reads_that_are_not_repeated(org: Org) -> None:
    """A client that has the row already, by date or by ETag, gets 304 without a body."""
    record_id = org.create("Account", Name="A")
    first = org.call("GET", f"Account/{record_id}")
    tag = first.headers["ETag"]
    assert first.headers["Last-Modified"] == MODIFIED
    for header, value, status in (
        ("if-modified-since", MODIFIED, 304),
        ("if-modified-since", EARLIER, 200),
        ("if-modified-since", "yesterday", 200),
        ("if-none-match", f'"other", {tag}', 304),
        ("if-none-match", f'{tag[:-1]}--gzip"', 304),
        ("if-none-match", '"other"', 200),
    ):
        answer = org.call("GET", f"Account/{record_id}", headers={header: value})
        assert (answer.status, bool(answer.body)) == (status, status == 200), (header, value)
    org.call("PATCH", f"Account/{record_id}", {"Name": "B"})
    assert org.call("GET", f"Account/{record_id}", headers={"if-none-match": tag}).status == 200


def test_writes_on_condition(org: Org) -> None:
    """A write whose condition fails is 412 without a body and changes nothing."""
    record_id = org.create("Account", Name="A")
    tag = org.call("GET", f"Account/{record_id}").headers["ETag"]
    for headers in ({"if-unmodified-since": EARLIER}, {"if-match": '"other"'}):
        answer = org.call("PATCH", f"Account/{record_id}", {"Name": "B"}, headers=headers)
        assert (answer.status, answer.body) == (412, b"")
        assert org.read(f"Account/{record_id}")["Name"] == "A"
    assert org.call("PATCH", f"Account/{record_id}", {"Name": "B"}, headers={"if-match": tag}).status == 204
    later = {"if-unmodified-since": MODIFIED}
    assert org.call("PATCH", f"Account/{record_id}", {"Name": "C"}, headers=later).status == 204


# --- by external id --------------------------------------------------------------------------------------------------


def test_upsert(org: Org) -> None:
    """An upsert answers 201 when it creates and 200 when it updates; the value of the key is decoded."""
    path = "Account/Ext__c/a%2Fb%20%C3%BC.com"
    made = org.call("PATCH", path, {"Name": "A"})
    body = json.loads(made.body)
    assert (made.status, body) == (201, {"id": body["id"], "success": True, "errors": [], "created": True})
    again = org.call("PATCH", path, {"Name": "B"})
    assert (again.status, json.loads(again.body)) == (200, {**body, "created": False})
    read = org.read(path, fields="Name,Ext__c")
    assert (read["Name"], read["Ext__c"], read["Id"]) == ("B", "a/b ü.com", body["id"])
    assert org.call("DELETE", path).status == 204
    assert errors(org.call("GET", path)) == (404, NOT_FOUND)


def test_upsert_before_version_46(org: Org) -> None:
    """Older versions do not tell ``created``, and answer an update with 204."""
    path = "/services/data/v45.0/sobjects/Account/Ext__c/K"
    made = org.call("PATCH", path, {"Name": "A"})
    assert (made.status, set(json.loads(made.body))) == (201, {"id", "success", "errors"})
    again = org.call("PATCH", path, {"Name": "B"})
    assert (again.status, again.body) == (204, b"")


def test_upsert_that_may_only_update(org: Org) -> None:
    """With ``updateOnly=true`` an unknown key is 404 and no row is made."""
    assert errors(org.call("PATCH", "Account/Ext__c/K", {"Name": "A"}, updateOnly="true")) == (404, NOT_FOUND)


def test_several_rows_of_one_key(org: Org) -> None:
    """A key that several rows have answers 300 and their paths, whatever was to be done."""
    ids = [org.create("Contact", LastName=name, Email="a@b.example") for name in "LM"]
    paths = [f"{SOBJECTS}/Contact/{record_id}" for record_id in ids]
    for method, body in (("GET", None), ("PATCH", {"LastName": "N"}), ("DELETE", None)):
        assert errors(org.call(method, "Contact/Email/A@b.example", body)) == (300, paths)
    assert [org.read(f"Contact/{record_id}")["LastName"] for record_id in ids] == ["L", "M"]


# --- what a row leads to ---------------------------------------------------------------------------------------------


def test_parents(org: Org) -> None:
    """A parent relationship answers the parent's row, 204 where there is none."""
    account = org.create("Account", Name="Acme")
    contact = org.create("Contact", LastName="L", AccountId=account)
    parent = org.read(f"Contact/{contact}/account", fields="Name")
    assert parent == {
        "attributes": {"type": "Account", "url": f"{SOBJECTS}/Account/{account}"}, "Name": "Acme", "Id": account,
    }  # fmt: skip
    assert org.read(f"Contact/{contact}/Owner")["Username"] == "ann@x.example"
    empty = org.call("GET", f"Contact/{contact}/ReportsTo")
    assert (empty.status, empty.body) == (204, b"")
    assert errors(org.call("GET", f"Contact/{contact}/Nobody")) == (404, NOT_FOUND)


def test_polymorphic_parents(org: Org) -> None:
    """A relationship to several objects answers the row of whichever it is."""
    account, lead = org.create("Account", Name="A"), org.create("Lead", LastName="L", Company="C")
    task = org.create("Task", WhatId=account, WhoId=lead)
    kinds = [org.read(f"Task/{task}/{name}")["attributes"]["type"] for name in ("What", "Who")]
    assert kinds == ["Account", "Lead"]


def test_children(org: Org) -> None:
    """A child relationship answers the children of this row as a query does, with the fields asked for."""
    account, other = org.create("Account", Name="A"), org.create("Account", Name="B")
    contact = org.create("Contact", LastName="L", AccountId=account)
    org.create("Contact", LastName="M", AccountId=other)
    answer = org.read(f"Account/{account}/contacts", fields="LastName,Email")
    shown = {"LastName": "L", "Email": None, "Id": contact}
    row = {"attributes": {"type": "Contact", "url": f"{SOBJECTS}/Contact/{contact}"}, **shown}
    assert answer == {"totalSize": 1, "done": True, "records": [row]}
    assert org.read(f"Account/{account}/Contacts")["records"][0]["OwnerId"] == ANN
    assert org.read(f"Account/{account}/Opportunities")["totalSize"] == 0
    status, (error,) = errors(org.call("GET", f"Account/{account}/Contacts", fields="Id FROM User --"))
    assert (status, error["errorCode"]) == (400, "INVALID_FIELD")


def test_blobs(org: Org) -> None:
    """The bytes of a file are read raw from its field's path; the row itself shows that path."""
    account = org.create("Account", Name="A")
    note = org.create("Attachment", ParentId=account, Name="n.txt", Body="aGVsbG8=", ContentType="text/plain")
    assert org.read(f"Attachment/{note}", fields="Body,BodyLength") == {
        "attributes": {"type": "Attachment", "url": f"{SOBJECTS}/Attachment/{note}"},
        "Body": f"{SOBJECTS}/Attachment/{note}/Body",
        "BodyLength": 5,
        "Id": note,
    }
    blob = org.call("GET", f"Attachment/{note}/body")
    assert (blob.body, blob.content_type) == (b"hello", "text/plain")
    version = org.create("ContentVersion", PathOnClient="a.bin", VersionData="AAE=")
    assert org.call("GET", f"ContentVersion/{version}/VersionData").body == b"\x00\x01"


# --- changes over time -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("slash", ["", "/"])
def test_updated_and_deleted(org: Org, slash: str) -> None:
    """The replication resources tell what changed and what went, in the recorded shapes."""
    kept, gone = org.create("Account", Name="A"), org.create("Account", Name="B")
    org.call("DELETE", f"Account/{gone}")
    org.now += timedelta(minutes=5)
    window = {"start": "2026-11-21T08:00:00+00:00", "end": "2026-11-21T12:00:00Z"}
    latest = "2026-11-21T09:05:00.000+0000"
    assert org.read(f"Account/updated{slash}", **window) == {"ids": [kept], "latestDateCovered": latest}
    assert org.read(f"Account/deleted{slash}", **window) == {
        "deletedRecords": [{"id": gone, "deletedDate": "2026-11-21T09:00:00.000+0000"}],
        "earliestDateAvailable": "2026-11-06T09:05:00.000+0000",
        "latestDateCovered": latest,
    }


def test_the_account_of_deletions_outlives_the_recycle_bin(org: Org) -> None:
    """A row that was purged is told among the deleted ones of its object, in the window of its deletion."""
    purged, other = org.create("Account", Name="A"), org.create("Contact", LastName="B")
    org.now += timedelta(minutes=5)
    for name, record_id in (("Account", purged), ("Contact", other)):
        org.call("DELETE", f"{name}/{record_id}")
        sobject = SCHEMA.object(name)
        assert sobject is not None
        org.store.remove(sobject, record_id)
    window = {"start": "2026-11-21T09:01:00Z", "end": "2026-11-21T12:00:00Z"}
    told = [{"id": purged, "deletedDate": "2026-11-21T09:05:00.000+0000"}]
    assert org.read("Account/deleted", **window)["deletedRecords"] == told
    assert org.read("Account/updated", **window)["ids"] == []
    assert org.read("Account/deleted", **window | {"start": "2026-11-21T09:06:00Z"})["deletedRecords"] == []


@pytest.mark.parametrize(
    ("window", "code"),
    [
        ({"start": "2026-11-21T08:00:00Z"}, "MISSING_ARGUMENT"),
        ({"start": "yesterday", "end": "2026-11-21T08:00:00Z"}, "ILLEGAL_QUERY_PARAMETER_VALUE"),
        ({"start": "2026-11-21T08:00:00 00:00", "end": "2026-11-21T08:00:00Z"}, "ILLEGAL_QUERY_PARAMETER_VALUE"),
        ({"start": "2026-11-21T08:00:00Z", "end": "2026-11-21T08:00:30Z"}, "INVALID_REPLICATION_DATE"),
        ({"start": "2026-01-01T08:00:00Z", "end": "2026-11-21T08:00:00Z"}, "INVALID_REPLICATION_DATE"),
    ],
)
def test_windows_that_make_no_sense(org: Org, window: dict[str, str], code: str) -> None:
    """A window needs both ends as dates with a time, in order, and not too far back."""
    status, (error,) = errors(org.call("GET", "Account/updated", **window))
    assert (status, error["errorCode"]) == (400, code)
