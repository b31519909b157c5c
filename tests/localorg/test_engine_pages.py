"""Cursors: results longer than a page, of queries and of child relationships."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import pytest
from rig.standard_records import Clock

from sfdata.localorg.answers import ApiError
from sfdata.localorg.engine import QueryEngine
from sfdata.localorg.ids import make_id
from sfdata.localorg.schema import Field, Schema, SObject
from sfdata.localorg.store import Store

PARENTS, CHILDREN, PAGE = 7, 25, 4
BASE = "/services/data/v66.0"
LONG = {"length": 32_000, "filterable": False}


def parent_id(number: int) -> str:
    return make_id("a00", number)


def child_id(number: int) -> str:
    return make_id("a01", number)


@pytest.fixture
def clock() -> Clock:
    return Clock(dt.datetime(2024, 5, 15, tzinfo=dt.UTC))


@pytest.fixture
def engine(clock: Clock) -> Iterator[QueryEngine]:
    id_field, number = Field("Id", "id", "Id"), Field("Number__c", "int", "Number")
    link = Field(
        "Parent__c", "reference", "Parent", reference_to=("Parent__c",), relationship_name="Parent__r",
        child_relationship="Children__r",
    )  # fmt: skip
    deleted = Field("IsDeleted", "boolean", "Deleted")
    texts = [Field(name, "textarea", name, **LONG) for name in ("Long__c", "Longer__c")]
    parent = SObject("Parent__c", "Parent", "Parents", "a00", (id_field, number))
    child = SObject("Child__c", "Child", "Children", "a01", (id_field, number, link, deleted, *texts))
    store = Store(Schema([parent, child]))
    store.bulk_load(parent, ["Id", "Number__c"], [[parent_id(n), n] for n in range(PARENTS)])
    # Child n belongs to parent n % 3, so that parents 3 to 6 have none.
    rows = [[child_id(n), n, parent_id(n % 3)] for n in range(CHILDREN)]
    store.bulk_load(child, ["Id", "Number__c", "Parent__c"], rows)
    yield QueryEngine(store, clock=clock, page_size=PAGE)
    store.close()


def first(engine: QueryEngine, soql: str, **options: Any) -> dict[str, Any]:
    page: dict[str, Any] = json.loads(engine.query(soql, base=BASE, user_id="", **options))
    return page


def more(engine: QueryEngine, url: str) -> dict[str, Any]:
    page: dict[str, Any] = json.loads(engine.more(url.removeprefix(f"{BASE}/query/"), base=BASE))
    return page


def numbers(page: dict[str, Any]) -> list[int]:
    return [record["Number__c"] for record in page["records"]]


def everything(engine: QueryEngine, page: dict[str, Any]) -> list[int]:
    found = numbers(page)
    while not page["done"]:
        page = more(engine, page["nextRecordsUrl"])
        found += numbers(page)
    return found


ALL = "SELECT Number__c FROM Child__c ORDER BY Number__c DESC"


def test_a_result_of_exactly_one_page_is_done(engine: QueryEngine) -> None:
    """No cursor and no ``nextRecordsUrl`` where everything fits."""
    page = first(engine, f"{ALL} LIMIT {PAGE}")
    assert list(page) == ["totalSize", "done", "records"]
    assert (page["totalSize"], page["done"], len(page["records"])) == (PAGE, True, PAGE)


def test_pages_join_to_the_whole_in_order(engine: QueryEngine) -> None:
    """Every row once, in order, with the full count on every page and the URL before the records."""
    page = first(engine, ALL)
    assert list(page) == ["totalSize", "done", "nextRecordsUrl", "records"]
    assert page["nextRecordsUrl"].startswith(f"{BASE}/query/01g")
    assert page["nextRecordsUrl"].endswith(f"-{PAGE}")
    assert len(page["nextRecordsUrl"].rsplit("/", 1)[1]) == 18 + len(f"-{PAGE}")
    assert page["totalSize"] == more(engine, page["nextRecordsUrl"])["totalSize"] == CHILDREN
    assert everything(engine, page) == list(range(CHILDREN - 1, -1, -1))


def test_a_page_can_be_fetched_again_and_out_of_order(engine: QueryEngine) -> None:
    """The same URL answers the same page; any position may be asked for."""
    url = first(engine, ALL)["nextRecordsUrl"]
    last, again = url.replace(f"-{PAGE}", "-24"), more(engine, url)
    assert numbers(more(engine, last)) == [0]
    assert more(engine, last)["done"]
    assert more(engine, url) == again


def test_limit_and_offset_hold_across_pages(engine: QueryEngine) -> None:
    """The cursor holds what LIMIT and OFFSET leave, and counts it."""
    page = first(engine, f"{ALL} LIMIT 9 OFFSET 2")
    assert page["totalSize"] == 9
    assert everything(engine, page) == list(range(22, 13, -1))


def test_a_cursor_shows_rows_as_they_are_now(engine: QueryEngine) -> None:
    """Which rows is settled at the first page; their values are read with each page."""
    url = first(engine, ALL)["nextRecordsUrl"]
    child = engine.store.schema.object("Child__c")
    assert child is not None
    engine.store.update(child, child_id(20), {"Number__c": 99})
    engine.store.insert(child, {"Id": child_id(500), "Number__c": 500})
    assert numbers(more(engine, url)) == [99, 19, 18, 17] == numbers(more(engine, url))


def test_a_batch_size_makes_shorter_pages(engine: QueryEngine) -> None:
    """``batch_size`` cuts all pages of the cursor; it cannot make them longer than the engine's."""
    page = first(engine, ALL, batch_size=2)
    assert (len(page["records"]), len(more(engine, page["nextRecordsUrl"])["records"])) == (2, 2)
    assert len(first(engine, ALL, batch_size=2000)["records"]) == PAGE


def test_rows_with_two_long_texts_come_in_shorter_pages(engine: QueryEngine) -> None:
    """Two or more long texts: 200 rows a page, however long pages may be."""
    child = engine.store.schema.object("Child__c")
    assert child is not None
    engine.store.bulk_load(child, ["Id"], [[child_id(n)] for n in range(1000, 1300)])
    wide = QueryEngine(engine.store, clock=engine.clock)
    assert len(first(wide, "SELECT Long__c, Longer__c FROM Child__c")["records"]) == 200
    assert len(first(wide, "SELECT Long__c FROM Child__c")["records"]) == 300 + CHILDREN


@pytest.mark.parametrize("locator", ["", "nonsense", "01g000000000000AAA", "01gLo0000000001IAA-4", "01g-1"])
def test_a_locator_that_was_never_given_out_is_refused(engine: QueryEngine, locator: str) -> None:
    """400 INVALID_QUERY_LOCATOR, also while other cursors are open."""
    first(engine, ALL)
    with pytest.raises(ApiError) as refused:
        engine.more(locator, base=BASE)
    assert (refused.value.status, refused.value.error_code) == (400, "INVALID_QUERY_LOCATOR")
    assert refused.value.message == "invalid query locator"


def test_a_position_outside_the_result_is_refused(engine: QueryEngine) -> None:
    """A page that starts behind the last row does not exist."""
    url = first(engine, ALL)["nextRecordsUrl"]
    with pytest.raises(ApiError, match="invalid query locator"):
        more(engine, url.replace(f"-{PAGE}", f"-{CHILDREN}"))


def test_a_cursor_expires_after_two_days(engine: QueryEngine, clock: Clock) -> None:
    """Good for 48 hours, refused from then on; the younger one lives on."""
    url = first(engine, ALL)["nextRecordsUrl"]
    clock.now += dt.timedelta(hours=24)
    younger = first(engine, ALL)["nextRecordsUrl"]
    clock.now += dt.timedelta(hours=23, minutes=59)
    assert numbers(more(engine, url))
    clock.now += dt.timedelta(minutes=1)
    with pytest.raises(ApiError) as refused:
        more(engine, url)
    assert refused.value.error_code == "INVALID_QUERY_LOCATOR"
    assert numbers(more(engine, younger))


def test_expired_cursors_leave_no_tables(engine: QueryEngine, clock: Clock) -> None:
    """Their scratch tables go, so that an org can answer for ever."""
    first(engine, ALL)
    clock.now += dt.timedelta(days=3)
    first(engine, ALL)
    tables = engine.store.connection.execute("SELECT count(*) FROM temp.sqlite_master WHERE type = 'table'").fetchone()
    assert tables == (1,)


def test_every_parent_pages_its_own_children(engine: QueryEngine) -> None:
    """A family longer than a page has its own count and cursor, apart from the parents' cursor."""
    soql = "SELECT Number__c, (SELECT Number__c FROM Children__r ORDER BY Number__c) FROM Parent__c ORDER BY Number__c"
    page = first(engine, soql)
    assert (page["totalSize"], page["done"]) == (PARENTS, False)
    families = [record["Children__r"] for record in page["records"]]
    assert families[3] is None
    assert [family["totalSize"] for family in families[:3]] == [9, 8, 8]
    for start, family in enumerate(families[:3]):
        assert len(family["records"]) == PAGE
        assert everything(engine, family) == list(range(start, CHILDREN, 3))
    rest = more(engine, page["nextRecordsUrl"])
    assert (numbers(rest), rest["done"]) == ([4, 5, 6], True)
    assert [record["Children__r"] for record in rest["records"]] == [None, None, None]


def test_the_limit_of_a_subquery_counts_for_each_parent(engine: QueryEngine) -> None:
    """LIMIT 5 leaves five children of each parent, of which the page holds four; OFFSET skips some of each."""
    soql = "SELECT Number__c, (SELECT Number__c FROM Children__r ORDER BY Number__c LIMIT 5 OFFSET 1) FROM Parent__c"
    families = [record["Children__r"] for record in first(engine, soql)["records"]]
    assert [family["totalSize"] for family in families[:3]] == [5, 5, 5]
    assert everything(engine, families[0]) == [3, 6, 9, 12, 15]
    small = soql.replace("LIMIT 5 OFFSET 1", "LIMIT 2")
    families = [record["Children__r"] for record in first(engine, small)["records"]]
    assert [(f["totalSize"], f["done"], len(f["records"])) for f in families[:3]] == [(2, True, 2)] * 3


def test_groups_do_not_page(engine: QueryEngine) -> None:
    """More groups than a page holds are refused, as Salesforce has no cursor for them; LIMIT helps."""
    soql = "SELECT Number__c, COUNT(Id) FROM Child__c GROUP BY Number__c"
    with pytest.raises(ApiError, match=r"Aggregate query does not support queryMore\(\)") as refused:
        first(engine, soql)
    assert refused.value.error_code == "EXCEEDED_ID_LIMIT"
    assert first(engine, f"{soql} LIMIT {PAGE}")["totalSize"] == PAGE


def test_counts_are_of_the_whole_result(engine: QueryEngine) -> None:
    """SELECT COUNT() answers a number and no records, however many rows there are."""
    assert first(engine, "SELECT COUNT() FROM Child__c") == {"totalSize": CHILDREN, "done": True, "records": []}
