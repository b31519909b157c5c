"""Search by SOSL and by parameters: what is found, in which fields, how much of it, and what is refused."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from rig.local_rest import BASE, Rest

from sfdata.localorg import LocalOrg

ROWS: dict[str, list[dict[str, Any]]] = {
    "Account": [
        {"Name": "Acme", "Phone": "(415) 555-1234", "Website": "https://acme.example", "Description": "Makes anvils"},
        {"Name": "Acme Söhne GmbH", "BillingCity": "München", "Industry": "Energy"},
        {"Name": "Globex", "Description": "A customer of Acme since 1990", "Industry": "Energy"},
        {"Name": "Initech", "Site": "Anvil yard"},
    ],
    "Contact": [
        {"FirstName": "John", "LastName": "Smith", "Email": "john.smith@acme.example", "Phone": "+1 212 555 0100"},
        {"FirstName": "Joan", "LastName": "Smythe", "Email": "joan@globex.example"},
        {"FirstName": "Johan", "LastName": "Ångström", "Title": "Smith"},
        {"FirstName": "Marie-Pier", "LastName": "O'Brien"},
    ],
    "Lead": [{"LastName": "Anvil", "Company": "Acme"}, {"LastName": "高橋", "Company": "東京都電機"}],
    "Product2": [{"Name": "Anvil", "Description": "Heavy"}],
    "Case": [{"Subject": "Anvil broken", "Description": "It fell"}],
}


@pytest.fixture(scope="module", autouse=True)
def rows(web: Rest) -> None:
    for name, fields in ROWS.items():
        for row in fields:
            web.created(name, **row)


def sosl(web: Rest, text: str, version: str = "66.0") -> httpx.Response:
    return web.get(f"/services/data/v{version}/search", params={"q": text})


def found(web: Rest, text: str) -> list[Any]:
    """What a statement finds, as values of the one field it asks for."""
    reply = sosl(web, text)
    assert reply.status_code == 200, reply.text
    return [next(value for key, value in record.items() if key != "attributes") for record in records(reply)]


def records(reply: httpx.Response) -> list[dict[str, Any]]:
    return list(reply.json()["searchRecords"])


# --- what is found ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("term", "names"),
    [
        ("john", ["John Smith"]),
        ("SMITH", ["John Smith", "Johan Ångström"]),
        ("john smith", ["John Smith"]),
        ("smith john", ["John Smith"]),
        ('"smith john"', []),
        ("jo?n", ["John Smith", "Joan Smythe"]),
        ("jo*n", ["John Smith", "Joan Smythe", "Johan Ångström"]),
        ("smyt* OR angstrom", ["Joan Smythe", "Johan Ångström"]),
        ("smith AND NOT john", ["Johan Ångström"]),
        ("smit", []),
        (r"Marie\-Pier", ["Marie-Pier O'Brien"]),
        (r"O\'Brien", ["Marie-Pier O'Brien"]),
        ("john.smith@acme.example", ["John Smith"]),
        ("2125550100", ["John Smith"]),
        ("5550100", ["John Smith"]),
        ("0100", ["John Smith"]),
        ("acme.example", ["John Smith"]),
    ],
)
def test_contacts_are_found_by_words(web: Rest, term: str, names: list[str]) -> None:
    """Whole words without regard to case and accents, phrases, wildcards, operators, digits of phone numbers."""
    assert sorted(found(web, f"FIND {{{term}}} RETURNING Contact(Name)")) == sorted(names)


@pytest.mark.parametrize(
    ("group", "names"),
    [
        ("ALL", ["Acme", "Acme Söhne GmbH", "Globex"]),
        ("NAME", ["Acme", "Acme Söhne GmbH"]),
        ("SIDEBAR", ["Acme", "Acme Söhne GmbH"]),
        ("EMAIL", []),
        ("PHONE", []),
    ],
)
def test_in_chooses_the_fields(web: Rest, group: str, names: list[str]) -> None:
    """NAME means the name and what belongs to it, EMAIL and PHONE fields of those types, SIDEBAR no long texts."""
    assert sorted(found(web, f"FIND {{acme}} IN {group} FIELDS RETURNING Account(Name)")) == names


def test_groups_have_fields_of_their_own(web: Rest) -> None:
    """An account's site and website are names too; a product is searched whole whatever IN says."""
    assert found(web, "FIND {anvil} in name fields RETURNING Account(Name)") == ["Initech"]
    assert found(web, "FIND {acme.example} IN NAME FIELDS RETURNING Account(Name)") == ["Acme"]
    assert found(web, "FIND {4155551234} IN PHONE FIELDS RETURNING Account(Name)") == ["Acme"]
    assert found(web, "FIND {joan} IN EMAIL FIELDS RETURNING Contact(Name)") == ["Joan Smythe"]
    assert found(web, "FIND {heavy} IN NAME FIELDS RETURNING Product2(Name)") == ["Anvil"]


def test_words_without_spaces_are_found_inside(web: Rest) -> None:
    """Where a script puts no spaces between words, a part of the text is enough."""
    assert found(web, "FIND {東京} RETURNING Lead(Name)") == ["高橋"]
    assert found(web, "FIND {京都電 高橋} RETURNING Lead(Name)") == ["高橋"]
    assert found(web, "FIND {大阪} RETURNING Lead(Name)") == []


def test_names_come_before_mentions(web: Rest) -> None:
    """Without ORDER BY, rows that bear the name stand before rows that mention it."""
    assert found(web, "FIND {acme} RETURNING Account(Name)")[-1] == "Globex"


def test_without_returning_ids_of_all_objects_come(web: Rest) -> None:
    """Only Ids, and none of products, files and documents, which must be asked for."""
    reply = sosl(web, "FIND {anvil*}")
    assert {record["attributes"]["type"] for record in records(reply)} == {"Account", "Lead", "Case"}
    for record in records(reply):
        assert set(record) == {"attributes", "Id"}
        assert record["attributes"]["url"] == f"{BASE}/sobjects/{record['attributes']['type']}/{record['Id']}"
    assert found(web, "FIND {anvil} RETURNING Product2(Name), Case(Subject)") == ["Anvil", "Anvil broken"]


def test_returning_is_a_query_over_what_was_found(web: Rest) -> None:
    """Fields, also of parents, WHERE, ORDER BY, LIMIT and OFFSET; objects in the order of the statement."""
    ask = "FIND {{acme}} RETURNING Account({})"
    assert found(web, ask.format("Name WHERE Industry = 'Energy' ORDER BY Name DESC")) == ["Globex", "Acme Söhne GmbH"]
    assert found(web, ask.format("Name ORDER BY Name LIMIT 1 OFFSET 1")) == ["Acme Söhne GmbH"]
    assert found(web, ask.format("Name LIMIT 0")) == []
    (record,) = records(sosl(web, "FIND {globex} RETURNING Account(name, Owner.Alias, BillingAddress)"))
    assert set(record) == {"attributes", "Name", "Owner", "BillingAddress"}
    reply = sosl(web, "FIND {acme} RETURNING Lead, Account(Id), Contact")
    types = [record["attributes"]["type"] for record in records(reply)]
    assert types == ["Lead", "Account", "Account", "Account", "Contact"]


def test_limit_is_of_the_whole(web: Rest) -> None:
    """LIMIT behind RETURNING bounds all objects together and shares evenly."""
    reply = sosl(web, "FIND {acme} RETURNING Account, Lead, Contact LIMIT 3")
    assert [record["attributes"]["type"] for record in records(reply)] == ["Account", "Lead", "Contact"]


def test_old_versions_get_a_list(web: Rest) -> None:
    """Up to version 36.0 the answer is a bare array."""
    assert sosl(web, "FIND {globex} RETURNING Account(Name)", "36.0").json()[0]["Name"] == "Globex"
    assert list(sosl(web, "FIND {globex} RETURNING Account(Name)", "37.0").json()) == ["searchRecords"]


def test_with_clauses_that_mean_something(web: Rest) -> None:
    """Labels of the fields asked for; marks around the words that were found, in a member of their own."""
    reply = sosl(web, "FIND {globex} RETURNING Account(Id, Name) WITH METADATA='LABELS'")
    labels = [{"name": "Id", "label": "Account ID"}, {"name": "Name", "label": "Account Name"}]
    assert reply.json()["metadata"] == {"entityMetadata": [{"entityName": "Account", "fieldMetadata": labels}]}
    (marked,) = records(sosl(web, "FIND {sohne OR gmb*} RETURNING Account(Name, Phone) WITH HIGHLIGHT"))
    assert marked["highlight.Name"] == "Acme <mark>Söhne</mark> GmbH"
    assert "highlight.Phone" not in marked
    (plain,) = records(sosl(web, "FIND {broken} RETURNING Case(Subject) WITH HIGHLIGHT"))
    assert "highlight.Subject" not in plain


def test_products_are_those_of_a_price_book(web: Rest) -> None:
    """WITH PricebookId, and the parameter of that name, leave out products without a price in the book."""
    book = web.post(f"{BASE}/sobjects/Pricebook2", json={"Name": "Export", "IsActive": True}).json()["id"]
    for name, priced in (("Crowbar", True), ("Crowbar, bent", False)):
        product = web.post(f"{BASE}/sobjects/Product2", json={"Name": name}).json()["id"]
        standard = web.get(f"{BASE}/query", params={"q": "SELECT Id FROM Pricebook2 WHERE IsStandard = true"}).json()
        for listed in [row["Id"] for row in standard["records"]] + [book] * priced:
            entry = {"Product2Id": product, "Pricebook2Id": listed, "UnitPrice": 7, "IsActive": True}
            assert web.post(f"{BASE}/sobjects/PricebookEntry", json=entry).status_code == 201
    ask = "FIND {crowbar} RETURNING Product2(Name WHERE Name LIKE 'Crow%')"
    assert len(found(web, ask)) == 2
    assert found(web, f"{ask} WITH PricebookId = '{book}'") == ["Crowbar"]
    objects = [{"name": "Product2", "fields": ["Name"]}]
    reply = by_post(web, {"q": "crowbar", "sobjects": objects, "pricebookId": book})
    assert [record["Name"] for record in records(reply)] == ["Crowbar"]


def test_recent_is_a_list_view(web: Rest) -> None:
    """USING ListView=Recent answers with records somebody looked at, before any other condition."""
    ask = "FIND {acme} RETURNING Account(Name USING ListView=Recent WHERE Name != 'Globex')"
    assert found(web, ask) == []
    web.get(f"{BASE}/query", params={"q": "SELECT Id FROM Account WHERE Name IN ('Acme', 'Globex') FOR VIEW"})
    assert found(web, ask) == ["Acme"]


def test_with_clauses_that_change_nothing(web: Rest) -> None:
    """Spelling, snippets and tracking are accepted."""
    ask = "FIND {globex} RETURNING Account(Name) WITH SNIPPET (target_length=120) WITH SPELL_CORRECTION = false"
    assert found(web, f"{ask} LIMIT 5 UPDATE TRACKING, VIEWSTAT") == ["Globex"]


# --- changes ---------------------------------------------------------------------------------------------------------


def test_the_index_follows_every_change(web: Rest) -> None:
    """A row is found as it is now: after create, update, delete, and a transaction that was undone."""
    ask = "FIND {zyzzyva} RETURNING Account(Name)"
    assert found(web, ask) == []
    record_id = web.post(f"{BASE}/sobjects/Account", json={"Name": "Zyzzyva"}).json()["id"]
    assert found(web, ask) == ["Zyzzyva"]
    web.patch(f"{BASE}/sobjects/Account/{record_id}", json={"Name": "Weevil"})
    assert found(web, ask) == []
    assert found(web, "FIND {weevil} RETURNING Account(Name)") == ["Weevil"]

    undone = {
        "allOrNone": True,
        "compositeRequest": [
            {
                "method": "PATCH",
                "url": f"{BASE}/sobjects/Account/{record_id}",
                "referenceId": "change",
                "body": {"Name": "Zyzzyva"},
            },
            {"method": "GET", "url": f"{BASE}/search?q=FIND+%7Bzyzzyva%7D+RETURNING+Account", "referenceId": "look"},
            {"method": "POST", "url": f"{BASE}/sobjects/Contact", "referenceId": "fail", "body": {}},
        ],
    }
    answers = web.post(f"{BASE}/composite", json=undone).json()["compositeResponse"]
    assert answers[2]["httpStatusCode"] == 400
    assert found(web, ask) == []
    assert found(web, "FIND {weevil} RETURNING Account(Name)") == ["Weevil"]

    web.delete(f"{BASE}/sobjects/Account/{record_id}")
    assert found(web, "FIND {weevil} RETURNING Account(Name)") == []


def test_the_index_leaves_no_trace(tmp_path: Any) -> None:
    """Nothing of it is in the org's folder, and the org opens again without it."""
    for _ in range(2):
        with LocalOrg(data=tmp_path, sample_data=False) as org:
            with Rest(org, org.access_token) as web:
                web.post(f"{BASE}/sobjects/Account", json={"Name": "Kept"})
                kept = found(web, "FIND {kept} RETURNING Account(Name)")
            tables = org.instance.store.connection.execute("SELECT name FROM main.sqlite_master").fetchall()
            assert not [name for (name,) in tables if "index" in name.lower().split(".")[1:]]
    assert kept == ["Kept", "Kept"]


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("FIND Acme", "MALFORMED_SEARCH", "No search term found. The search term must be enclosed in braces."),
        ("", "MALFORMED_SEARCH", "No search term found. The search term must be enclosed in braces."),
        ("SELECT Id FROM Account", "MALFORMED_SEARCH", "No search term found."),
        ("FIND 'Acme' RETURNING Account", "MALFORMED_SEARCH", "No search term found."),
        ("FIND {a}", "INVALID_SEARCH", "search term must be longer than one character: a"),
        ("FIND {acme", "MALFORMED_SEARCH", "mismatched character '<EOF>' expecting '}'"),
        ("FIND {acme} WHERE", "MALFORMED_SEARCH", "ERROR at Row:1:Column:12\nMalformed search token: WHERE"),
        ("FIND {acme} RETURNING", "MALFORMED_SEARCH", "Malformed search token: <EOF>"),
        ("FIND {acme} RETURNING Account(", "MALFORMED_SEARCH", "Malformed search token: <EOF>"),
        ("FIND {acme} RETURNING Account() LIMIT 1", "MALFORMED_SEARCH", "Malformed search token: )"),
        ("FIND {acme} RETURNING Account LIMIT -1", "MALFORMED_SEARCH", "Malformed search token: -1"),
        ("FIND {acme} LIMIT 2001", "MALFORMED_SEARCH", "maximum limit of search results is 2000"),
        ("FIND {acme} RETURNING Account(Id LIMIT 2001)", "MALFORMED_SEARCH", "Maximum entity limit is 2000"),
        ("FIND {acme} RETURNING Account(Id OFFSET 2001)", "MALFORMED_SEARCH", "offset should be between 0 and 2000"),
        ("FIND {acme} RETURNING Account(Id USING ListView=Mine)", "MALFORMED_SEARCH", "Invalid using expr"),
        ("FIND {acme} RETURNING Account WITH NETWORK = 'x'", "MALFORMED_SEARCH", "WITH NETWORK is not supported"),
        ("FIND {acme} RETURNING Account WITH NONSENSE", "MALFORMED_SEARCH", "Malformed search token: NONSENSE"),
        ("FIND {acme} RETURNING Nothing__c", "INVALID_TYPE", "sObject type 'Nothing__c' is not supported."),
        ("FIND {acme} RETURNING Account(Nme)", "INVALID_FIELD", "No such column 'Nme' on entity 'Account'."),
        ("FIND {acme} RETURNING Account(COUNT(Id))", "MALFORMED_SEARCH", "neither aggregates nor subqueries"),
        ("FIND {acme} RETURNING Account((SELECT Id FROM Contacts))", "MALFORMED_SEARCH", "neither aggregates nor"),
        ("FIND {acme} RETURNING Attachment", "INVALID_TYPE_FOR_OPERATION", "entity type Attachment does not support"),
        (
            "FIND {acme} RETURNING ContentDocumentLink",
            "INVALID_TYPE_FOR_OPERATION",
            "entity type ContentDocumentLink does not support search",
        ),
    ],
)
def test_statements_are_refused_in_salesforces_words(web: Rest, text: str, code: str, said: str) -> None:
    """400, the code and the message."""
    reply = sosl(web, text)
    (error,) = reply.json()
    assert (reply.status_code, error["errorCode"]) == (400, code)
    assert said in error["message"]


def test_places_are_those_of_the_statement(web: Rest) -> None:
    """As recorded of a real org: the whole line, the caret before the token, the column counted from 0."""
    (error,) = sosl(web, "FIND {name} IN ALL TYPE RETURNING Account(name)").json()
    assert error["message"] == (
        "\nFIND {name} IN ALL TYPE RETURNING Account(name)\n                  ^\nERROR at Row:1:Column:19\n"
        "Malformed search token: TYPE"
    )


# --- by parameters ---------------------------------------------------------------------------------------------------


def by_get(web: Rest, query: str) -> httpx.Response:
    return web.get(f"{BASE}/parameterizedSearch/?{query}")


def by_post(web: Rest, body: Any) -> httpx.Response:
    return web.post(f"{BASE}/parameterizedSearch", json=body)


def test_parameters_say_what_a_statement_says(web: Rest) -> None:
    """GET and POST, with fields for all objects or for one, conditions, order and limits."""
    expected = records(sosl(web, "FIND {acme} RETURNING Account(Id, Name ORDER BY Name), Lead(Id)"))
    given = by_get(web, "q=acme&sobject=Account&sobject=Lead&Account.fields=id,Name&Account.orderBy=Name")
    assert records(given) == expected
    objects = [{"name": "Account", "fields": ["Id", "Name"], "orderBy": "Name"}, {"name": "Lead"}]
    assert records(by_post(web, {"q": "acme", "sobjects": objects})) == expected
    assert records(by_get(web, "q=acme")) == records(sosl(web, "FIND {acme}"))

    name = [{"name": "Account", "where": "Industry = 'Energy'", "limit": 5}]
    reply = by_post(web, {"q": "Acme", "fields": ["Name"], "in": "NAME", "sobjects": name, "metadata": "LABELS"})
    assert [record["Name"] for record in records(reply)] == ["Acme Söhne GmbH"]
    assert reply.json()["metadata"]["entityMetadata"][0]["entityName"] == "Account"
    assert len(records(by_get(web, "q=acme&sobject=Account&defaultLimit=2"))) == 2
    assert len(records(by_get(web, "q=acme&sobject=Account,Lead&overallLimit=2&Account.limit=9"))) == 2
    assert [r["Name"] for r in records(by_get(web, "q=Marie-Pier&sobject=Contact&fields=Name"))] == [
        "Marie-Pier O'Brien"
    ]


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ({}, "MISSING_ARGUMENT", "q is required"),
        ([], "JSON_PARSER_ERROR", "one JSON object"),
        ({"q": 1}, "MISSING_ARGUMENT", "q is required"),
        ({"q": "acme", "in": "FEET"}, "ILLEGAL_QUERY_PARAMETER_VALUE", "in must be one of"),
        ({"q": "acme", "fields": ["Id"]}, "ILLEGAL_QUERY_PARAMETER_VALUE", "fields needs"),
        ({"q": "acme", "overallLimit": "many"}, "ILLEGAL_QUERY_PARAMETER_VALUE", "overallLimit must be a number"),
        ({"q": "acme", "sobjects": [{"name": "Account", "limit": -1}]}, "ILLEGAL_QUERY_PARAMETER_VALUE", "limit must"),
        ({"q": "acme", "division": "EU"}, "ILLEGAL_QUERY_PARAMETER_VALUE", "division is not supported"),
        ({"q": "acme", "nme": 1}, "JSON_PARSER_ERROR", 'Unrecognized field "nme" at [line:1, column:19]'),
        ({"q": "acme", "sobjects": "Account"}, "JSON_PARSER_ERROR", "sobjects must be a list of objects"),
        ({"q": "acme", "sobjects": [{"name": 1}]}, "JSON_PARSER_ERROR", "must be text"),
        ({"q": "acme", "sobjects": [{"name": "Account", "fields": [1]}]}, "JSON_PARSER_ERROR", "must be text"),
        ({"q": "acme", "sobjects": [{"name": "Account", "fields": {"a": 1}}]}, "JSON_PARSER_ERROR", "must be text"),
        ({"q": "acme", "sobjects": [{}]}, "MALFORMED_QUERY", "unexpected token"),
        ({"q": "acme", "sobjects": [{"name": "Account", "where": "("}]}, "MALFORMED_QUERY", "unexpected"),
        ({"q": "acme", "sobjects": [{"name": "Nothing"}]}, "INVALID_TYPE", "sObject type 'Nothing' is not supported"),
        ({"q": "a"}, "INVALID_SEARCH", "longer than one character"),
    ],
)
def test_parameters_are_checked(web: Rest, body: Any, code: str, said: str) -> None:
    """400 and what is wrong."""
    reply = by_post(web, body)
    (error,) = reply.json()
    assert (reply.status_code, error["errorCode"]) == (400, code)
    assert said in error["message"]


def test_scope_order_lists_searchable_objects(web: Rest) -> None:
    """Names with their describes, all of which say that they can be searched."""
    for entry in web.get(f"{BASE}/search/scopeOrder").json():
        assert entry["url"] == f"{BASE}/sobjects/{entry['type']}/describe"
        assert web.get(entry["url"]).json()["searchable"] is True
