"""SOQL against a small org made by hand: the files in ``cases`` say what each query must answer.

A case is a line ``query => answer``. An answer is a JSON list of rows; a row is the list of its values in SELECT order,
or the value itself where only one is selected; records inside a row are objects without their ``attributes``.
``# n`` is the count of SELECT COUNT(). ``! CODE text`` is a refusal whose message ends with the text.
``{A1}`` stands for an Id, ``{A1:15}`` for its 15-character form.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sfdata.localorg.answers import ApiError
from sfdata.localorg.engine import QueryEngine
from sfdata.localorg.ids import make_id
from sfdata.localorg.schema import Field, PicklistValue, Schema, SObject
from sfdata.localorg.store import Store

CASES = Path(__file__).parent / "cases"
NOW = dt.datetime(2024, 5, 15, 20, 0, tzinfo=dt.UTC)

IDS = {
    name: make_id(prefix, number)
    for number, (name, prefix) in enumerate(
        [
            *((n, "005") for n in ("Ann", "Ben")),
            ("Help", "00G"),
            ("Org", "00D"),
            *((f"A{n}", "001") for n in range(1, 7)),
            *((f"C{n}", "003") for n in range(1, 5)),
            *((f"O{n}", "006") for n in range(1, 6)),
            *((f"K{n}", "500") for n in range(1, 3)),
            *((f"T{n}", "00T") for n in range(1, 4)),
            ("L1", "06A"),
        ]
    )
}


def field(name: str, kind: str = "string", **more: Any) -> Field:
    return Field(name, kind, name, custom=name.endswith("__c"), **more)


def reference(name: str, relationship: str, *targets: str, child: str | None = None) -> Field:
    return field(name, "reference", reference_to=targets, relationship_name=relationship, child_relationship=child)


def picklist(name: str, *values: str, **labels: str) -> Field:
    return field(name, "picklist", picklist=tuple(PicklistValue(v, labels.get(v, v)) for v in values))


def sobject(name: str, prefix: str, *fields: Field, **more: Any) -> SObject:
    return SObject(name, name, f"{name}s", prefix, (field("Id", "id"), *fields), **more)


SCHEMA = Schema(
    [
        sobject(
            "User", "005", field("Name"), field("Alias"), field("IsActive", "boolean"), field("TimeZoneSidKey"),
            field("LocaleSidKey"),
        ),
        sobject("Group", "00G", field("Name"), picklist("Type", "Queue", "Regular")),
        sobject(
            "Organization", "00D", field("Name"), field("DefaultLocaleSidKey"), field("TimeZoneSidKey"),
            field("FiscalYearStartMonth", "int"),
        ),
        sobject(
            "Account", "001", field("Name"), picklist("Industry", "Energy", "Banking"),
            picklist("Rating", "Hot", "Warm", "Cold", Hot="Very hot"), field("NumberOfEmployees", "int"),
            field("AnnualRevenue", "currency", scale=2), field("BillingCity", compound="BillingAddress"),
            field("BillingCountry", compound="BillingAddress"), field("BillingAddress", "address"),
            reference("OwnerId", "Owner", "User"), reference("ParentId", "Parent", "Account", child="ChildAccounts"),
            field("CreatedDate", "datetime", groupable=False),
            field("Description", "textarea", filterable=False, sortable=False, groupable=False, aggregatable=False),
            field("Segments__c", "multipicklist"), field("Place__Latitude__s", "double", compound="Place__c"),
            field("Place__Longitude__s", "double", compound="Place__c"), field("Place__c", "location"),
            field("File__c", "base64"), field("IsDeleted", "boolean"),
        ),
        sobject(
            "Contact", "003", field("FirstName"), field("LastName"), field("Name"),
            reference("AccountId", "Account", "Account", child="Contacts"),
            reference("ReportsToId", "ReportsTo", "Contact"), field("Email", "email"), field("Birthdate", "date"),
            field("DoNotCall", "boolean"), field("Code__c", case_sensitive=True),
        ),
        sobject(
            "Opportunity", "006", field("Name"), reference("AccountId", "Account", "Account", child="Opportunities"),
            field("Amount", "currency", scale=2), picklist("StageName", "Open", "Won", "Lost"),
            field("CloseDate", "date"), field("IsClosed", "boolean"), reference("OwnerId", "Owner", "User"),
        ),
        sobject(
            "Case", "500", field("CaseNumber", name_field=True), field("Subject"),
            reference("OwnerId", "Owner", "Group", "User"),
            reference("AccountId", "Account", "Account", child="Cases"),
        ),
        sobject(
            "Task", "00T", field("Subject"), reference("WhoId", "Who", "Contact", "Lead", child="Tasks"),
            reference("WhatId", "What", "Account", "Case", child="Tasks"), field("At__c", "time"),
        ),
        sobject("ContentDocumentLink", "06A", reference("LinkedEntityId", "LinkedEntity", "Account", "Contact")),
        sobject("Setup__c", "a00", queryable=False),
    ]
)  # fmt: skip

ROWS: dict[str, tuple[str, list[tuple[Any, ...]]]] = {
    "User": (
        "Id Name Alias IsActive TimeZoneSidKey LocaleSidKey",
        [("Ann", "Ann", "ann", 1, "America/New_York", "en_US"), ("Ben", "Ben", "ben", 0, "Europe/Paris", "fr_FR")],
    ),
    "Group": ("Id Name Type", [("Help", "Help", "Queue")]),
    "Organization": (
        "Id Name DefaultLocaleSidKey TimeZoneSidKey FiscalYearStartMonth", [("Org", "Org", "en_US", "UTC", 4)]
    ),
    "Account": (
        "Id Name Industry Rating NumberOfEmployees AnnualRevenue BillingCity BillingCountry OwnerId ParentId "
        "CreatedDate Segments__c Place__Latitude__s Place__Longitude__s IsDeleted",
        [
            ("A1", "Acme", "Energy", "Hot", 100, 1000.5, "Berlin", "DE", "Ann", None,
             "2024-05-15T02:00:00.000+0000", "A;B", 0.0, 0.0, 0),
            ("A2", "Bolt", "Banking", None, 50, 0.1, None, None, "Ben", "A1",
             "2024-05-15T12:00:00.000+0000", "B", 0.0, 1.0, 0),
            ("A3", "école", None, "Cold", None, None, "Paris", "FR", "Ann", "A1",
             "2024-05-12T12:00:00.000+0000", None, None, None, 0),
            ("A4", "ÉCOLE", "Energy", "Warm", 7, 0.2, None, None, "Ann", "A2",
             "2024-05-11T12:00:00.000+0000", "A;C", None, None, 0),
            ("A5", "100%_ok", "Other", None, 100, -3.0, None, None, "Ben", None,
             "2023-12-31T23:30:00.000+0000", "C", None, None, 0),
            ("A6", "Gone", "Energy", "Hot", 1, 1.0, None, None, "Ann", None,
             "2024-05-15T12:00:00.000+0000", "A", None, None, 1),
        ],
    ),
    "Contact": (
        "Id FirstName LastName Name AccountId ReportsToId Email Birthdate DoNotCall Code__c",
        [
            ("C1", "Ada", "Lace", "Ada Lace", "A1", None, "ada@x.example", "1990-05-15", 0, "aB1"),
            ("C2", "Bob", "Bell", "Bob Bell", "A1", "C1", None, None, 1, "ab1"),
            ("C3", "Cy", "Kern", "Cy Kern", "A2", "C2", "CY@x.example", "2000-01-31", 0, None),
            ("C4", "Dee", "O'Neil", "Dee O'Neil", None, "C3", None, "1980-12-01", 0, "Z"),
        ],
    ),
    "Opportunity": (
        "Id Name AccountId Amount StageName CloseDate IsClosed OwnerId",
        [
            ("O1", "Big", "A1", 100.0, "Open", "2024-05-15", 0, "Ann"),
            ("O2", "Mid", "A1", 50.25, "Won", "2024-04-30", 1, "Ben"),
            ("O3", "Low", "A2", 0.1, "Won", "2024-02-10", 1, "Ann"),
            ("O4", "Nil", None, None, "Open", "2025-01-02", 0, "Ann"),
            ("O5", "Dup", "A2", 50.25, "Lost", "2023-05-16", 1, "Ann"),
        ],
    ),
    "Case": (
        "Id CaseNumber Subject OwnerId AccountId",
        [("K1", "001", "pump", "Help", "A1"), ("K2", "002", "Pipe", "Ann", None)],
    ),
    "ContentDocumentLink": ("Id LinkedEntityId", [("L1", "A1")]),
    "Task": (
        "Id Subject WhoId WhatId At__c",
        [
            ("T1", "call", "C1", "A1", "09:30:00.000Z"),
            ("T2", "mail", None, "K1", "14:00:00.000Z"),
            ("T3", "idle", None, None, None),
        ],
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def engine() -> Iterator[QueryEngine]:
    store = Store(SCHEMA)
    for name, (columns, rows) in ROWS.items():
        kind = SCHEMA.object(name)
        assert kind is not None
        names = columns.split()
        id_columns = {n for n in names if n.endswith("Id")}
        loaded = [[IDS.get(v, v) if n in id_columns else v for n, v in zip(names, row, strict=True)] for row in rows]
        store.bulk_load(kind, names, loaded)
    account = SCHEMA.object("Account")
    assert account is not None
    store.update(account, IDS["A1"], {"Description": "long text", "File__c": b"content"})
    yield QueryEngine(store, clock=lambda: NOW)
    store.close()


def cases() -> Iterator[Any]:
    for path in sorted(CASES.glob("*.soql")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if line and not line.startswith("#"):
                query, _, answer = line.partition(" => ")
                yield pytest.param(with_ids(query), with_ids(answer), id=f"{path.stem}:{number}")


def with_ids(text: str) -> str:
    return re.sub(r"\{(\w+)(:15)?\}", lambda m: IDS[m[1]][: 15 if m[2] else 18] if m[1] in IDS else m[0], text)


def plain(value: Any) -> Any:
    """An answer without attributes."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items() if key != "attributes"}
    return [plain(inner) for inner in value] if isinstance(value, list) else value


def rows_of(records: list[dict[str, Any]]) -> list[Any]:
    rows = [list(plain(record).values()) for record in records]
    return [row[0] if len(row) == 1 else row for row in rows]


@pytest.mark.parametrize(("query", "answer"), list(cases()))
def test_a_query_answers_as_worked_out_by_hand(engine: QueryEngine, query: str, answer: str) -> None:
    """Every case in the files: rows and values in order, or the refusal's code and words."""
    if answer.startswith("! "):
        code, _, ending = answer[2:].partition(" ")
        with pytest.raises(ApiError) as refused:
            engine.query(query, base="/base", user_id=IDS["Ann"])
        assert (refused.value.status, refused.value.error_code) == (400, code)
        assert refused.value.message.endswith(ending)
        return
    found = json.loads(engine.query(query, base="/base", user_id=IDS["Ann"]))
    assert found["done"]
    if answer.startswith("# "):
        assert (found["totalSize"], found["records"]) == (int(answer[2:]), [])
        return
    expected = json.loads(answer)
    assert json.dumps(rows_of(found["records"]), ensure_ascii=False) == json.dumps(expected, ensure_ascii=False)
    assert found["totalSize"] == len(expected)


def test_deleted_rows_are_seen_by_query_all_only(engine: QueryEngine) -> None:
    """``include_deleted`` adds the row in the recycle bin, also to counts."""
    soql = "SELECT Name FROM Account WHERE Industry = 'Energy' ORDER BY Name"
    assert rows_of(json.loads(engine.query(soql, base="", user_id=IDS["Ann"]))["records"]) == ["Acme", "ÉCOLE"]
    everything = json.loads(engine.query(soql, base="", user_id=IDS["Ann"], include_deleted=True))
    assert rows_of(everything["records"]) == ["Acme", "Gone", "ÉCOLE"]
    count = json.loads(engine.query("SELECT COUNT() FROM Account", base="", user_id="", include_deleted=True))
    assert count["totalSize"] == 6


def test_the_running_user_decides_what_today_and_a_week_are(engine: QueryEngine) -> None:
    """In Paris it is 22:00, Acme was made today, and weeks start on Monday: the Sunday before is last week."""

    def names(condition: str) -> list[Any]:
        soql = f"SELECT Name FROM Account WHERE CreatedDate = {condition}"
        return rows_of(json.loads(engine.query(soql, base="", user_id=IDS["Ben"]))["records"])

    assert names("TODAY") == ["Acme", "Bolt"]
    assert names("THIS_WEEK") == ["Acme", "Bolt"]
    assert names("LAST_WEEK") == ["école", "ÉCOLE"]


def test_locales_other_than_english_compare_as_their_readers_expect(engine: QueryEngine) -> None:
    """For a French user É lies between D and F; for an American it lies behind Z."""
    soql = "SELECT Name FROM Account WHERE Name > 'd' AND Name < 'f' ORDER BY Name"
    french = json.loads(engine.query(soql, base="", user_id=IDS["Ben"]))
    english = json.loads(engine.query(soql, base="", user_id=IDS["Ann"]))
    assert (rows_of(french["records"]), rows_of(english["records"])) == (["école", "ÉCOLE"], [])


def test_records_say_what_and_where_they_are(engine: QueryEngine) -> None:
    """``attributes`` come first, with the object and the URL of the row; groups have no URL."""
    soql = "SELECT Name, Owner.Name, (SELECT Name FROM Contacts) FROM Account WHERE Name = 'Bolt'"
    (record,) = json.loads(engine.query(soql, base="/services/data/v66.0", user_id=IDS["Ann"]))["records"]
    start = "/services/data/v66.0/sobjects"
    assert list(record) == ["attributes", "Name", "Owner", "Contacts"]
    assert record["attributes"] == {"type": "Account", "url": f"{start}/Account/{IDS['A2']}"}
    assert record["Owner"]["attributes"] == {"type": "User", "url": f"{start}/User/{IDS['Ben']}"}
    child = record["Contacts"]["records"][0]
    assert child["attributes"] == {"type": "Contact", "url": f"{start}/Contact/{IDS['C3']}"}
    (group,) = json.loads(engine.query("SELECT COUNT(Id) FROM Account", base="", user_id=""))["records"]
    assert group["attributes"] == {"type": "AggregateResult"}


def test_a_polymorphic_parent_is_a_name_unless_typeof_asks(engine: QueryEngine) -> None:
    """``What.Name`` reads the Name object, at the URL of the real row; TYPEOF reads the row's own object."""
    soql = "SELECT What.Name, TYPEOF Who WHEN Contact THEN Name END FROM Task WHERE Subject = 'call'"
    (record,) = json.loads(engine.query(soql, base="", user_id=IDS["Ann"]))["records"]
    assert record["What"]["attributes"] == {"type": "Name", "url": f"/sobjects/Account/{IDS['A1']}"}
    assert record["Who"]["attributes"] == {"type": "Contact", "url": f"/sobjects/Contact/{IDS['C1']}"}


def test_a_refusal_points_at_the_place(engine: QueryEngine) -> None:
    """The excerpt, the caret under the name, and the row and column, counted from 1."""
    with pytest.raises(ApiError) as refused:
        engine.query("SELECT Id,\n  Name,\n  Nope\nFROM Account", base="", user_id="")
    lines = refused.value.message.split("\n")
    assert lines[:4] == ["", "  Nope", "  ^", "ERROR at Row:3:Column:3"]


@pytest.mark.parametrize(
    ("soql", "column", "message"),
    [
        ("SELECT Id, FROM Account", 11, "unexpected token: 'FROM'"),
        ("SELECT Id FROM Account WHERE", 28, "unexpected token: '<EOF>'"),
        ("SELECT Id FROM Account WHERE Name = City", 36, "Bind variables only allowed in Apex code"),
        ("SELECT Id FROM Account WHERE Name = :City", 36, "Bind variables only allowed in Apex code"),
        ("SELECT Id FROM Account LIMIT :n", 29, "Bind variables only allowed in Apex code"),
        ("SELECT Id FROM Account WHERE Name = 'a' AND NOT Name = 'b'", 44, "unexpected token: 'NOT'"),
        ("SELECT Id FROM Account WHERE NOT Name = 'a' AND Name = 'b'", 44, "unexpected token: 'AND'"),
        ("SELECT Id FROM Account WHERE (Name = 'a' AND Id = null OR Id = null)", 55,
         "expecting a right parentheses, found 'OR'"),
        ("SELECT Id FROM Account WHERE (Name = 'a'", 40, "expecting a right parentheses, found '<EOF>'"),
        ("SELECT Id FROM Account WHERE Segments__c INCLUDES 5", 50, "expecting a left parentheses, found '5'"),
        ("SELECT Id FROM Account WHERE Name = 'a", 38, "line 1:38 mismatched character '<EOF>' expecting '''"),
        ("SELECT Id FROM Account;", 22, "line 1:22 no viable alternative at character ';'"),
        ("SELECT Id FROM Account WHERE Name LIKE %a", 39, "line 1:39 no viable alternative at character '%'"),
        ("SELECT Id FROM Account WHERE CreatedDate > 2024-01-31T10:20:30 01:00", 62,
         "line 1:62 no viable alternative at character ' '"),
        ("SELECT Id FROM Account WHERE CreatedDate > 2024-01-31T10:20Z", 59,
         "line 1:59 no viable alternative at character 'Z'"),
        ("SELECT Id FROM Account WHER Name = 'a'", 28, "unexpected token: 'Name'"),
        ("SELECT Id FROM Account OFSET 5", 29, "unexpected token: '5'"),
        ("SELECT Id FROM Opportunity WHERE CloseDate = 2024-02-30", 45, "Invalid date: 2024-02-30"),
        ("SELECT Id /* all */ FROM Account", 10, "unexpected token: '/'"),
        ("SELECT Id FROM Account // all", 23, "unexpected token: '/'"),
    ],
)  # fmt: skip
def test_what_does_not_parse_counts_from_zero(engine: QueryEngine, soql: str, column: int, message: str) -> None:
    """The column of a syntax error counts from 0, and the caret stands one before it, as the org's parser has them."""
    with pytest.raises(ApiError) as refused:
        engine.query(soql, base="", user_id="")
    _, excerpt, caret, place, reason = refused.value.message.split("\n")
    assert (refused.value.error_code, place, reason) == ("MALFORMED_QUERY", f"ERROR at Row:1:Column:{column}", message)
    assert soql.index(excerpt) + caret.index("^") == column - 1


def test_what_does_not_even_begin_has_no_place(engine: QueryEngine) -> None:
    """Before the very first character there is nothing to point at: the message stands alone."""
    with pytest.raises(ApiError, match=r"^unexpected token: 'invalid'$"):
        engine.query("invalid", base="", user_id="")


def test_a_literal_that_does_not_fit_is_told_at_its_field(engine: QueryEngine) -> None:
    """The caret stands under the field of the condition, not under the literal."""
    for soql, column, ending in (
        ("SELECT Id FROM Account WHERE NumberOfEmployees = '7'", 30, "should not be enclosed in quotes"),
        ("SELECT Id FROM Account WHERE Id != null AND OwnerId IN ('x')", 45, "invalid ID field: x"),
    ):
        with pytest.raises(ApiError) as refused:
            engine.query(soql, base="", user_id="")
        assert refused.value.message.split("\n")[3] == f"ERROR at Row:1:Column:{column}"
        assert refused.value.message.endswith(ending)


def test_a_long_line_is_cut_around_the_place(engine: QueryEngine) -> None:
    """The excerpt keeps whole words for about thirty characters on either side, and the caret stays below its word."""
    fields = ", ".join(["NumberOfEmployees", "BillingCity", "AnnualRevenue", "Nope", "Description", "CreatedDate"] * 2)
    soql = f"SELECT {fields} FROM Account"
    with pytest.raises(ApiError) as refused:
        engine.query(soql, base="", user_id="")
    _, excerpt, caret, place, *_ = refused.value.message.split("\n")
    assert place == f"ERROR at Row:1:Column:{soql.index('Nope') + 1}"
    assert excerpt[caret.index("^") :].startswith("Nope, Description, CreatedDate")
    assert "BillingCity, AnnualRevenue, " in excerpt[: caret.index("^")]
    assert len(excerpt) < 90


def test_at_most_32_fields_sort(engine: QueryEngine) -> None:
    """32 sort keys are answered, one more is refused."""
    keys = ", ".join(["Name"] * 32)
    assert json.loads(engine.query(f"SELECT Id FROM Account ORDER BY {keys}", base="", user_id=""))["totalSize"] == 5
    with pytest.raises(ApiError, match="Maximum number of order by fields exceeded: 32"):
        engine.query(f"SELECT Id FROM Account ORDER BY {keys}, Id", base="", user_id="")


def test_thousands_of_conditions_are_no_trouble(engine: QueryEngine) -> None:
    """A condition of 3,000 parts joined by OR, and a list of 5,000 values, are answered."""
    conditions = " OR ".join(["Name = 'nobody'"] * 2999 + ["Name = 'Bolt'"])
    listed = ", ".join([f"'n{n}'" for n in range(5000)] + ["'Acme'"])
    for soql, expected in (
        (f"SELECT Name FROM Account WHERE {conditions}", ["Bolt"]),
        (f"SELECT Name FROM Account WHERE Name IN ({listed})", ["Acme"]),
    ):
        assert rows_of(json.loads(engine.query(soql, base="", user_id=IDS["Ann"]))["records"]) == expected
