"""What the engine answers besides records: plans, columns, and the values its SQL functions give."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfdata.localorg.answers import ApiError
from sfdata.localorg.engine import QueryEngine, functions
from sfdata.localorg.engine.functions import text_key
from sfdata.localorg.engine.sql import value
from sfdata.localorg.ids import make_id
from sfdata.localorg.schema import Field, Schema, SObject
from sfdata.localorg.store import Store
from sfdata.localorg.tables import fold

ACCOUNTS, CONTACTS = 10, 40


@pytest.fixture(scope="module")
def engine() -> Iterator[QueryEngine]:
    id_field, name = Field("Id", "id", "Id"), Field("Name", "string", "Name", name_field=True)
    link = Field(
        "AccountId", "reference", "Account", reference_to=("Account",), relationship_name="Account",
        child_relationship="Contacts",
    )  # fmt: skip
    active, code = Field("Active__c", "boolean", "Active", custom=True), Field("Code__c", "string", "C", unique=True)
    account = SObject("Account", "Account", "Accounts", "001", (id_field, name, Field("Size__c", "int", "Size")))
    contact = SObject("Contact", "Contact", "Contacts", "003", (id_field, name, link, active, code))
    store = Store(Schema([account, contact]))
    store.bulk_load(account, ["Id", "Name"], [[make_id("001", n), f"A{n}"] for n in range(ACCOUNTS)])
    rows = [[make_id("003", n), f"C{n}", make_id("001", n % ACCOUNTS), f"code{n}"] for n in range(CONTACTS)]
    store.bulk_load(contact, ["Id", "Name", "AccountId", "Code__c"], rows)
    yield QueryEngine(store, clock=lambda: dt.datetime(2024, 5, 15, tzinfo=dt.UTC))
    store.close()


def columns(engine: QueryEngine, soql: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = engine.column_metadata(soql)["columnMetadata"]
    return listed


@pytest.mark.parametrize("condition", ["Name = {}", "Name LIKE {}", "Name IN ('a', {})", "NOT Name != {}"])
def test_texts_in_conditions_have_a_limit(engine: QueryEngine, condition: str) -> None:
    """A text of 4,000 characters can be compared with, a longer one is refused; an escape counts as one character."""
    soql = f"SELECT Id FROM Contact WHERE {condition}"
    longest = "x" * 3999 + r"\'"
    engine.query(soql.format(f"'{longest}'"), base="", user_id="")
    with pytest.raises(ApiError, match="4,000 characters at most, not 4,001") as refused:
        engine.query(soql.format(f"'{longest}x'"), base="", user_id="")
    assert refused.value.error_code == "MALFORMED_QUERY"


# --- explain ---------------------------------------------------------------------------------------------------------


def test_a_selective_index_is_cheaper_than_a_scan(engine: QueryEngine) -> None:
    """4 of 40 rows by an indexed reference: the index leads, with the rows counted; the scan is the alternative."""
    soql = f"SELECT Id FROM Contact WHERE AccountId = '{make_id('001', 3)}' AND Active__c = FALSE"
    answer = engine.explain(soql, user_id="")
    assert answer["sourceQuery"] == soql
    index, scan = answer["plans"]
    assert (index["leadingOperationType"], index["fields"], index["cardinality"]) == ("Index", ["AccountId"], 4)
    assert (scan["leadingOperationType"], scan["fields"], scan["sobjectCardinality"]) == ("TableScan", [], CONTACTS)
    assert index["relativeCost"] < 1 <= scan["relativeCost"]
    assert [note["fields"] for note in scan["notes"]] == [["Active__c"]]


def test_an_index_that_leaves_too_much_comes_behind_the_scan(engine: QueryEngine) -> None:
    """All 40 rows match, so the scan is the first plan."""
    answer = engine.explain("SELECT Id FROM Contact WHERE Name LIKE 'C%'", user_id="")
    assert [plan["leadingOperationType"] for plan in answer["plans"]] == ["TableScan", "Index"]


@pytest.mark.parametrize(
    "condition", ["", " WHERE Name = 'x' OR Code__c = 'y'", " WHERE Account.Name = 'A1'", " WHERE Code__c != 'x'"]
)
def test_without_a_usable_filter_there_is_only_the_scan(engine: QueryEngine, condition: str) -> None:
    """OR, other objects' fields and negations help no index."""
    (plan,) = engine.explain(f"SELECT Id FROM Contact{condition}", user_id="")["plans"]
    assert plan["leadingOperationType"] == "TableScan"


@pytest.mark.parametrize(
    "soql", ["SELECT Nope FROM Contact", "SELECT Id FRM Contact", "SELECT Name, COUNT(Id) FROM Contact"]
)
def test_a_query_that_is_refused_has_neither_plan_nor_columns(engine: QueryEngine, soql: str) -> None:
    """Asking about a wrong query is refused like the query."""
    for ask in (lambda: engine.explain(soql, user_id=""), lambda: engine.column_metadata(soql)):
        with pytest.raises(ApiError):
            ask()


# --- columns ---------------------------------------------------------------------------------------------------------


def test_columns_are_named_and_typed(engine: QueryEngine) -> None:
    """One entry for each selected field, in order, under the name the answer uses, with the keys sf reads."""
    answer = engine.column_metadata("select id, NAME, active__c from contact")
    assert {key: answer[key] for key in ("entityName", "groupBy", "idSelected", "keyPrefix")} == {
        "entityName": "Contact", "groupBy": False, "idSelected": True, "keyPrefix": "003",
    }  # fmt: skip
    listed = answer["columnMetadata"]
    assert [column["columnName"] for column in listed] == ["Id", "Name", "Active__c"]
    assert [column["booleanType"] for column in listed] == [False, False, True]
    assert [column["custom"] for column in listed] == [False, False, True]
    assert all(column["joinColumns"] == [] and not column["aggregate"] for column in listed)
    assert set(listed[0]) == {
        "aggregate", "apexType", "booleanType", "columnName", "custom", "displayName", "foreignKeyName", "insertable",
        "joinColumns", "numberType", "textType", "updatable",
    }  # fmt: skip


def test_parents_and_children_are_join_columns(engine: QueryEngine) -> None:
    """A parent's fields stand under the relationship; a subquery's too, and it is an aggregate."""
    (parent,) = columns(engine, "SELECT Account.Name FROM Contact")
    assert (parent["columnName"], parent["aggregate"], parent["foreignKeyName"]) == ("Account", False, "AccountId")
    assert [column["columnName"] for column in parent["joinColumns"]] == ["Name"]
    _, children = columns(engine, "SELECT Id, (SELECT Id, Name FROM Contacts) FROM Account")
    assert (children["columnName"], children["aggregate"]) == ("Contacts", True)
    assert [column["columnName"] for column in children["joinColumns"]] == ["Id", "Name"]


def test_columns_of_groups_are_aggregates_but_for_the_grouped(engine: QueryEngine) -> None:
    """A function is shown in lower case, its field as it was written, and answered under its alias or number."""
    soql = "SELECT Account.Name, Active__c a, COUNT(Id) total, MAX(Name) FROM Contact GROUP BY Account.Name, Active__c"
    shown = [(c["columnName"], c["displayName"], c["aggregate"]) for c in columns(engine, soql)]
    assert shown == [
        ("Name", "Account.Name", False),
        ("a", "Active__c", False),
        ("total", "count(Id)", True),
        ("expr0", "max(Name)", True),
    ]
    assert [column["numberType"] for column in columns(engine, soql)] == [False, False, True, False]
    assert engine.column_metadata(soql)["groupBy"] is True


def test_a_count_has_no_columns(engine: QueryEngine) -> None:
    """SELECT COUNT() answers a number only."""
    assert columns(engine, "SELECT COUNT() FROM Contact") == []


# --- limits ----------------------------------------------------------------------------------------------------------


def test_relationships_are_counted() -> None:
    """20 subqueries and 55 parents are answered, one more of either is refused, and so is what SQLite cannot join."""
    id_field, name = Field("Id", "id", "Id"), Field("Name", "string", "Name")
    hub = SObject("Hub__c", "Hub", "Hubs", "a00", (id_field, name))
    spokes = []
    for n in range(70):
        link = Field("Hub__c", "reference", "Hub", reference_to=("Hub__c",), child_relationship=f"Spokes{n}__r")
        spokes.append(SObject(f"Spoke{n}__c", "Spoke", "Spokes", f"b{n:02}", (id_field, link)))
    parents = tuple(
        Field(f"P{n}__c", "reference", "P", reference_to=("Hub__c",), relationship_name=f"P{n}__r") for n in range(56)
    )
    any_of_70 = Field(
        "Any__c", "reference", "Any", reference_to=tuple(s.name for s in spokes), relationship_name="Any__r"
    )
    rim = SObject("Rim__c", "Rim", "Rims", "a01", (id_field, *parents, any_of_70))
    store = Store(Schema([hub, *spokes, rim]))
    engine = QueryEngine(store, clock=lambda: dt.datetime(2024, 5, 15, tzinfo=dt.UTC))

    def ask(pieces: list[str], source: str) -> bytes:
        return engine.query(f"SELECT {', '.join(pieces)} FROM {source}", base="", user_id="")

    subqueries = [f"(SELECT Id FROM Spokes{n}__r)" for n in range(21)]
    paths = [f"P{n}__r.Name" for n in range(56)]
    assert ask(subqueries[:20], "Hub__c") == ask(paths[:55], "Rim__c")
    for pieces, source, code in (
        (subqueries, "Hub__c", "MALFORMED_QUERY"),
        (paths, "Rim__c", "MALFORMED_QUERY"),
        (["Any__r.Name"], "Rim__c", "QUERY_TOO_COMPLICATED"),
    ):
        with pytest.raises(ApiError) as refused:
            ask(pieces, source)
        assert refused.value.error_code == code
    store.close()


# --- SQL functions ---------------------------------------------------------------------------------------------------

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@given(texts)
def test_sql_and_python_agree_on_text_keys(text: str) -> None:
    """The plain SQL for ASCII is only quicker: the key is that of the function."""
    store = Store(Schema([]))
    functions.register(store.connection)
    for name, key in (
        ("fold", fold),
        ("upper_key", functions.upper_key),
        ("reader_key", functions.reader_key),
    ):
        sql = text_key(value(text), name)
        (found,) = store.connection.execute(f"SELECT {sql.text}", sql.params).fetchone()
        assert found == key(text)
    store.close()


def test_readers_find_accents_behind_the_plain_letter() -> None:
    """résumé follows resume, and comes before resumes; French and German readers do not look behind z."""
    words = ["zebra", "résumé", "Resume", "resumes", "Öl", "ohne", "Übel", "umbau"]
    ordered = ["ohne", "Öl", "Resume", "résumé", "resumes", "Übel", "umbau", "zebra"]
    assert sorted(words, key=functions.reader_key) == ordered


@pytest.mark.parametrize(
    ("stored", "kind", "scale", "shown"),
    [
        (1234.5, "currency", 2, "$1,234.50"),
        (-1234.5, "currency", 0, "-$1,234"),
        (1234567.0, "double", 1, "1,234,567.0"),
        (12, "int", 0, "12"),
        (25.0, "percent", 0, "25%"),
        ("2024-02-09", "date", 0, "2/9/2024"),
        ("2024-02-09T17:05:00.000+0000", "datetime", 0, "2/9/2024, 12:05 PM"),
        ("2024-07-09T04:05:00.000+0000", "datetime", 0, "7/9/2024, 12:05 AM"),
        ("13:05:00.000Z", "time", 0, "1:05 PM"),
        ("text", "string", 0, "text"),
        (None, "currency", 2, None),
    ],
)
def test_values_are_shown_as_an_american_reads_them(stored: Any, kind: str, scale: int, shown: str | None) -> None:
    """FORMAT(): thousands, signs and units, month before day, twelve hours, on New York's clock."""
    assert functions.localized(stored, kind, scale, "America/New_York") == shown


@pytest.mark.parametrize(
    ("here", "there", "unit", "expected"),
    [
        ((0.0, 0.0), (0.0, 180.0), "km", 20_015.1),
        ((90.0, 0.0), (-90.0, 0.0), "mi", 12_436.8),
        ((52.52, 13.405), (48.8566, 2.3522), "km", 877.5),
        ((37.775, -122.418), (37.775, -122.418), "mi", 0.0),
    ],
)
def test_distances_are_those_of_the_globe(
    here: tuple[float, float], there: tuple[float, float], unit: str, expected: float
) -> None:
    """Half the equator, pole to pole, Berlin to Paris, and no way at all."""
    assert functions.distance(*here, *there, unit) == pytest.approx(expected, rel=1e-3)
    assert functions.distance(None, 0.0, *there, unit) is None


@given(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=50))
def test_sums_of_cents_are_exact(cents: list[int]) -> None:
    """Amounts with two decimals add up to the cent, however many there are."""
    total = functions.exact(sum(cent / 100 for cent in cents), 2)
    assert total == float(f"{sum(cents)}e-2")


def test_whole_numbers_stay_whole_in_json(engine: QueryEngine) -> None:
    """Integers have no decimal point, currencies and doubles have one."""
    body = engine.query("SELECT COUNT(Id), SUM(Size__c) FROM Account", base="", user_id="")
    assert b'"expr0":10,"expr1":null' in body
    assert json.loads(body)["totalSize"] == 1
