"""sObject Collections as a client meets them: results in order, limits, all or none, reading by Ids."""

from __future__ import annotations

from typing import Any

import pytest
from rig.local_rest import BASE, Caller

from sfdata.localorg import LocalOrg

COLLECTIONS = f"{BASE}/composite/sobjects"
NOWHERE = "001Lo0000000099IAA"
ROLLED_BACK = {
    "success": False,
    "errors": [
        {
            "statusCode": "ALL_OR_NONE_OPERATION_ROLLED_BACK",
            "message": "Record rolled back because not all records were valid "
            "and the request was using AllOrNone header",
            "fields": [],
        }
    ],
}


class Client(Caller):
    """What tests of collections ask for."""

    def write(self, method: str, target: str, *records: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
        """The results of a collection that is well-formed."""
        status, results = self.ask(method, target, {"records": records, **options})
        assert status == 200, results
        return list(results)

    def names(self, where: str) -> list[str]:
        """The names of the accounts for which ``where`` holds, sorted."""
        soql = f"SELECT Name FROM Account WHERE {where} ORDER BY Name"
        _, page = self.ask("GET", f"{BASE}/query?q={soql}")
        return [row["Name"] for row in page["records"]]


@pytest.fixture
def client(undone: LocalOrg) -> Client:
    return Client(undone)


def account(name: str, **fields: Any) -> dict[str, Any]:
    return {"attributes": {"type": "Account"}, "Name": name, **fields}


def contact(**fields: Any) -> dict[str, Any]:
    return {"attributes": {"type": "Contact"}, **fields}


def failed(code: str, message: str, *fields: str) -> dict[str, Any]:
    return {"success": False, "errors": [{"statusCode": code, "message": message, "fields": list(fields)}]}


NO_LAST_NAME = failed("REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]", "LastName")


# --- create ----------------------------------------------------------------------------------------------------------


def test_create_answers_each_record_in_order(client: Client) -> None:
    """Rows of several types, each with its own result; those that are refused have no Id and stop no other."""
    first, refused, last = client.write("POST", COLLECTIONS, account("A"), contact(FirstName="Ann"), account("B"))
    assert refused == NO_LAST_NAME
    assert [first["id"][:3], last["id"][:3]] == ["001", "001"]
    assert first == {"id": first["id"], "success": True, "errors": []}
    assert client.names("Id != null") == ["A", "B"]


def test_create_all_or_none(client: Client) -> None:
    """One refusal undoes every row; the others say that they were rolled back, the guilty one says why."""
    results = client.write("POST", COLLECTIONS, account("A"), contact(FirstName="Ann"), account("B"), allOrNone=True)
    assert results == [ROLLED_BACK, NO_LAST_NAME, ROLLED_BACK]
    assert client.names("Id != null") == []


def test_all_or_none_keeps_what_all_accept(client: Client) -> None:
    """Where nothing is refused, allOrNone changes nothing; it may also be written as text."""
    results = client.write("POST", COLLECTIONS, account("A"), account("B"), allOrNone="true")
    assert [result["success"] for result in results] == [True, True]
    assert client.names("Id != null") == ["A", "B"]


def test_create_refuses_ids(client: Client) -> None:
    """A record with an Id is refused on its own; a null Id is none."""
    refused, created = client.write("POST", COLLECTIONS, account("A", Id=NOWHERE), account("B", id=None))
    assert refused == failed("INVALID_FIELD_FOR_INSERT_UPDATE", "cannot specify Id in an insert call", "Id")
    assert created["success"] is True


def test_errors_of_a_row_always_name_fields(client: Client) -> None:
    """An unknown column is an error of its row, with an empty list of fields."""
    (refused,) = client.write("POST", COLLECTIONS, account("A", Nope="x"))
    assert refused == failed("INVALID_FIELD", "No such column 'Nope' on sobject of type Account")


def test_200_records_are_taken_and_201_are_not(client: Client) -> None:
    """EXCEEDED_ID_LIMIT in Salesforce's words, and no row is written."""
    assert len(client.write("POST", COLLECTIONS, *[account(f"A{n}") for n in range(200)])) == 200
    status, errors = client.ask("POST", COLLECTIONS, {"records": [account(f"B{n}") for n in range(201)]})
    message = "record limit reached. cannot submit more than 200 records into this call"
    assert (status, errors) == (400, [{"message": message, "errorCode": "EXCEEDED_ID_LIMIT"}])
    assert client.names("Name LIKE 'B%'") == []


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_types_may_alternate_ten_times(client: Client, method: str) -> None:
    """Ten runs of one type each are served, eleven are refused as a whole."""
    runs = [account("A"), account("A"), contact(LastName="C")]
    ten = [record for n in range(5) for record in runs]
    assert len(client.write(method, COLLECTIONS, *ten)) == 15
    status, errors = client.ask(method, COLLECTIONS, {"records": [*ten, account("A")]})
    assert (status, errors[0]["errorCode"]) == (400, "EXCEEDED_MAX_TYPES_LIMIT")


# --- update and upsert -----------------------------------------------------------------------------------------------


def test_update(client: Client) -> None:
    """By Id in any case; a missing Id, an Id of another type and a deleted row are errors of their record."""
    made = client.write("POST", COLLECTIONS, account("A"), account("B"), account("gone"))
    one, two, gone = (result["id"] for result in made)
    client.ask("DELETE", f"{BASE}/sobjects/Account/{gone}")
    results = client.write(
        "PATCH", COLLECTIONS,
        account("A2", id=one), account("B2", Id=two[:15]), account("C"), contact(Id=one, LastName="x"),
        account("D", Id=gone), account("E", Id=NOWHERE),
    )  # fmt: skip
    assert results == [
        {"id": one, "success": True, "errors": []},
        {"id": two, "success": True, "errors": []},
        failed("MISSING_ARGUMENT", "Id not specified in an update call"),
        failed("MALFORMED_ID", f"Contact ID: id value of incorrect type: {one}", "Id"),
        failed("ENTITY_IS_DELETED", "entity is deleted"),
        failed("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"),
    ]
    assert client.names("Id != null") == ["A2", "B2"]


def test_update_all_or_none(client: Client) -> None:
    """Changes that were made before the refusal are taken back."""
    (made,) = client.write("POST", COLLECTIONS, account("A"))
    results = client.write("PATCH", COLLECTIONS, account("A2", Id=made["id"]), account("B"), allOrNone=True)
    assert results[0] == ROLLED_BACK
    assert client.names("Id != null") == ["A"]


def test_upsert_by_external_id(client: Client) -> None:
    """Each result says whether its row is new; a record without the key is refused alone."""
    client.write("POST", COLLECTIONS, account("A", Ext__c="1"))
    updated, created, keyless = client.write(
        "PATCH", f"{COLLECTIONS}/account/ext__c", account("A2", Ext__c="1"), account("B", EXT__C="2"), account("C")
    )
    assert (updated["success"], updated["created"]) == (True, False)
    assert (created["success"], created["created"]) == (True, True)
    assert keyless == failed("MISSING_ARGUMENT", "Ext__c not specified")
    assert client.names("Ext__c IN ('1', '2')") == ["A2", "B"]


def test_an_external_id_that_is_given_twice_is_nobodys(client: Client) -> None:
    """Records of one upsert that share an external id, also but for case, are all refused; the others are written."""
    same, other, again = client.write(
        "PATCH", f"{COLLECTIONS}/Account/Ext__c", *(account("A", Ext__c=key) for key in ("twice", "once", "TWICE"))
    )
    assert other["created"] is True
    assert same == failed("DUPLICATE_VALUE", "Duplicate external id specified: twice", "Ext__c")
    assert again == failed("DUPLICATE_VALUE", "Duplicate external id specified: TWICE", "Ext__c")
    assert client.names("Ext__c IN ('twice', 'once')") == ["A"]


def test_upsert_by_id(client: Client) -> None:
    """A null Id creates, an Id updates, an Id of no row is refused."""
    (made,) = client.write("POST", COLLECTIONS, account("A"))
    records = account("A2", Id=made["id"]), account("B", Id=None), account("C", Id=NOWHERE)
    results = client.write("PATCH", f"{COLLECTIONS}/Account/Id", *records)
    assert results[0] == {"id": made["id"], "success": True, "errors": [], "created": False}
    assert results[1]["created"] is True
    assert results[2] == failed("NOT_FOUND", "The requested resource does not exist")


def test_upsert_wants_one_type_and_a_key(client: Client) -> None:
    """Records of another type than the path's, unknown objects and fields that are no keys stop the request."""
    kinds = {
        f"{COLLECTIONS}/Account/Ext__c": (400, "INVALID_TYPE"),
        f"{COLLECTIONS}/Account/Phone": (404, "NOT_FOUND"),
        f"{COLLECTIONS}/Nope/Ext__c": (404, "NOT_FOUND"),
    }
    for target, expected in kinds.items():
        status, errors = client.ask("PATCH", target, {"records": [contact(LastName="x")]})
        assert (status, errors[0]["errorCode"]) == expected


# --- delete ----------------------------------------------------------------------------------------------------------


def test_delete(client: Client) -> None:
    """Rows of several types by 15 or 18 characters; each Id has its own result."""
    one, two = client.write("POST", COLLECTIONS, account("A"), contact(LastName="C"))
    ids = ",".join([one["id"], two["id"][:15], one["id"], "nonsense", NOWHERE, "zzzLo0000000001AAA"])
    assert client.ask("DELETE", f"{COLLECTIONS}?ids={ids}") == (
        200,
        [
            {"id": one["id"], "success": True, "errors": []},
            {"id": two["id"], "success": True, "errors": []},
            failed("ENTITY_IS_DELETED", "entity is deleted"),
            failed("MALFORMED_ID", "malformed id nonsense"),
            failed("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"),
            failed("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"),
        ],
    )


def test_delete_all_or_none(client: Client) -> None:
    """One Id that cannot be deleted keeps all rows."""
    (made,) = client.write("POST", COLLECTIONS, account("A"))
    status, results = client.ask("DELETE", f"{COLLECTIONS}?ids={made['id']},{NOWHERE}&allOrNone=true")
    assert (status, results[0]) == (200, ROLLED_BACK)
    assert client.names("Id != null") == ["A"]


def test_delete_takes_200_ids(client: Client) -> None:
    """One more is too many, and none is too few."""
    status, errors = client.ask("DELETE", f"{COLLECTIONS}?ids={','.join([NOWHERE] * 201)}")
    assert (status, errors[0]["errorCode"]) == (400, "EXCEEDED_ID_LIMIT")
    status, errors = client.ask("DELETE", COLLECTIONS)
    assert (status, errors[0]["errorCode"]) == (400, "MISSING_ARGUMENT")


# --- read ------------------------------------------------------------------------------------------------------------


def test_read_gives_a_row_or_null_for_each_id(client: Client) -> None:
    """In the order of the Ids; null for what is deleted, of another type, unknown or no Id; by GET and by POST."""
    made = client.write("POST", COLLECTIONS, account("A"), account("gone"), contact(LastName="C"))
    one, gone, other = (result["id"] for result in made)
    client.ask("DELETE", f"{BASE}/sobjects/Account/{gone}")
    ids = [NOWHERE, one, gone, other, "nonsense", one[:15]]
    row = {"attributes": {"type": "Account", "url": f"{BASE}/sobjects/Account/{one}"}, "Id": one, "Name": "A"}
    expected = (200, [None, row, None, None, None, row])
    assert client.ask("GET", f"{COLLECTIONS}/Account?ids={','.join(ids)}&fields=id,name") == expected
    assert client.ask("POST", f"{COLLECTIONS}/account", {"ids": ids, "fields": ["id", "name"]}) == expected


def test_read_takes_2000_ids_in_a_body(client: Client) -> None:
    """As many rows as Ids; one more is refused."""
    status, rows = client.ask("POST", f"{COLLECTIONS}/Account", {"ids": [NOWHERE] * 2000, "fields": ["Id"]})
    assert (status, rows) == (200, [None] * 2000)
    status, errors = client.ask("POST", f"{COLLECTIONS}/Account", {"ids": [NOWHERE] * 2001, "fields": ["Id"]})
    assert (status, errors[0]["errorCode"]) == (400, "EXCEEDED_ID_LIMIT")


def test_read_refuses_unknown_names(client: Client) -> None:
    """A field that does not exist is 400, an object 404, a missing parameter 400."""
    cases = {
        f"Account?ids={NOWHERE}&fields=Nope": (400, "INVALID_FIELD"),
        f"Nope?ids={NOWHERE}&fields=Id": (404, "NOT_FOUND"),
        f"Account?ids={NOWHERE}": (400, "MISSING_ARGUMENT"),
        "Account?fields=Id": (400, "MISSING_ARGUMENT"),
    }
    for target, expected in cases.items():
        status, errors = client.ask("GET", f"{COLLECTIONS}/{target}")
        assert (status, errors[0]["errorCode"]) == expected


# --- malformed requests ----------------------------------------------------------------------------------------------


def test_unreadable_values_stop_the_whole_request(client: Client) -> None:
    """A value that no parser can read is refused with its place, and rows before it are not written."""
    body = (
        b'{"records":[\n{"attributes":{"type":"Account"},"Name":"A"},\n{"attributes":{"type":"Account"},"sicdesc":[]}]}'
    )
    status, errors = client.ask("POST", COLLECTIONS, body)
    assert (status, errors) == (
        400,
        [
            {
                "message": "Cannot deserialize instance of string from START_ARRAY value [ "
                "or request may be missing a required field at [line:3, column:44]",
                "errorCode": "JSON_PARSER_ERROR",
            }
        ],
    )
    assert client.names("Id != null") == []


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (b"", "JSON_PARSER_ERROR", "The HTTP entity body is required, but this request has no entity body."),
        (b"[]", "JSON_PARSER_ERROR", "Cannot deserialize instance of map from START_ARRAY value [ or request may be "
         "missing a required field at [line:1, column:1]"),
        (b"{}", "REQUIRED_FIELD_MISSING", "At least 1 record is required"),
        (b'{"records":[]}', "REQUIRED_FIELD_MISSING", "At least 1 record is required"),
        (b'{"records":\n {}}', "JSON_PARSER_ERROR", "Cannot deserialize instance of list from START_OBJECT value { "
         "or request may be missing a required field at [line:2, column:2]"),
        (b'{"allOrNone":7,"records":[]}', "JSON_PARSER_ERROR", "Cannot deserialize instance of boolean from "
         "VALUE_NUMBER_INT value 7 or request may be missing a required field at [line:1, column:14]"),
        (b'{"records":[],"name":1}', "JSON_PARSER_ERROR", 'Unrecognized field "name" at [line:1, column:22]'),
        (b'{"records":[{"Name":"A"}]}', "JSON_PARSER_ERROR", "'attributes.type' is a required field."),
        (b'{"records":[{"attributes":{"type":"Nope"}}]}', "INVALID_TYPE", "sObject type 'Nope' is not supported."),
    ],
)  # fmt: skip
def test_malformed_bodies(client: Client, body: bytes, code: str, message: str) -> None:
    """400 for the request as a whole, saying what and where."""
    assert client.ask("POST", COLLECTIONS, body) == (400, [{"message": message, "errorCode": code}])


def test_other_media_types_are_refused(client: Client) -> None:
    """415, as for single rows."""
    status, errors = client.ask("POST", COLLECTIONS, b"a,b", **{"content-type": "text/csv"})
    assert (status, errors[0]["errorCode"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


def test_older_versions_do_not_know_collections(client: Client) -> None:
    """Version 41 knows none, 42 all but upserts, 46 those as well."""
    body = {"records": [account("A", Ext__c="1")]}
    statuses = {
        (version, path): client.ask(method, f"/services/data/v{version}.0/composite/sobjects{path}", body)[0]
        for version in (41, 42, 46)
        for method, path in (("POST", ""), ("PATCH", "/Account/Ext__c"))
    }
    assert [version for (version, path), status in statuses.items() if status == 404 and not path] == [41]
    assert [version for (version, path), status in statuses.items() if status == 404 and path] == [41, 42]
