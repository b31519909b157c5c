from __future__ import annotations

import httpx
import pandas as pd
import pyarrow as pa
import pytest

from sfdata.errors import ConfigurationError, IncompleteResult, InvalidField, InvalidType, UnreadableAnswer
from sfdata.frames.batch import children
from sfdata.resilience.hooks import RowsRead
from sfdata.transfer.page_stream import AHEAD

ACCOUNTS = "SELECT Id, Name FROM Account"


def refusal(code, message="no"):
    return httpx.Response(400, json=[{"errorCode": code, "message": message}])


def test_every_page_is_read(org, soql, page):
    """The result is the pages in order, and the org is asked exactly once for each."""
    org.pages = {"q": [page(0, 2, 5, "c-2")], "c-2": [page(2, 4, 5, "c-4")], "c-4": [page(4, 5, 5)]}
    frame = soql(ACCOUNTS).to_pandas()
    assert frame["Name"].tolist() == ["n0", "n1", "n2", "n3", "n4"]
    assert org.asked == [ACCOUNTS, "c-2", "c-4"]
    assert [e for e in org.events if isinstance(e, RowsRead)] == [
        RowsRead(2, 5, False),
        RowsRead(4, 5, False),
        RowsRead(5, 5, True),
    ]


def test_deleted_rows_come_from_another_resource(org, soql, page):
    """all_rows asks queryAll, for rows and for their count; without it, query."""
    org.pages = {"q": [page(0, 1, 1)]}
    for all_rows in (True, False):
        soql(ACCOUNTS, all_rows=all_rows).to_pandas()
        soql(ACCOUNTS, all_rows=all_rows).count()
    assert org.resources == ["queryAll", "queryAll", "query", "query"]


def test_an_empty_result_has_its_columns(org, soql, page):
    """No rows: one typed, empty frame; as chunks, one empty chunk."""
    org.pages = {"q": [page(0, 0, 0)]}
    assert soql(ACCOUNTS).to_pandas().dtypes.astype(str).to_dict() == {"Id": "str", "Name": "str"}
    assert [len(chunk) for chunk in soql(ACCOUNTS).chunks(3)] == [0]


BROKEN = {
    "fewer rows than announced": lambda page: {"q": [page(0, 2, 3)]},
    "more rows than announced": lambda page: {"q": [page(0, 2, 1)]},
    "unfinished without a next page": lambda page: {"q": [{**page(0, 2, 4), "done": False}]},
    "a page that names itself": lambda page: {"q": [page(0, 2, 9, "c-2")], "c-2": [page(2, 4, 9, "c-2")]},
    "an empty unfinished page": lambda page: {"q": [page(0, 2, 9, "c-2")], "c-2": [page(2, 2, 9, "c-4")]},
    "a page repeated in place of another": lambda page: {"q": [page(0, 2, 4, "c-2")], "c-2": [page(0, 2, 4)]},
}


@pytest.mark.catalogue("Q3", "Q9")
@pytest.mark.parametrize("script", BROKEN.values(), ids=BROKEN.keys())
def test_a_result_that_is_not_whole_raises(org, soql, page, script):
    """A short, long, looping or repeated answer is IncompleteResult, never a smaller frame."""
    org.pages = script(page)
    with pytest.raises(IncompleteResult):
        soql(ACCOUNTS).to_pandas()


def test_records_may_share_everything_but_their_id(org, soql, page):
    """Only an Id that comes twice means a repeated page; equal names, and parents' Ids, are data."""
    org.objects["Contact"]["fields"].append(
        {
            "name": "AccountId",
            "label": "A",
            "type": "reference",
            "relationshipName": "Account",
            "referenceTo": ["Account"],
        }
    )
    rows = [{"Id": f"003{n}", "Name": "Ann", "Account": {"Id": "001A"}} for n in range(3)]
    org.pages = {"q": [page(0, 3, 3, None, rows)]}
    assert len(soql("SELECT Id, Name, Account.Id FROM Contact").to_pandas()) == 3


def test_groups_are_no_records(org, soql, page):
    """Rows of an aggregate may share what stands under the name Id: CUBE's subtotals have none, an alias may be any."""
    rows = [{"Id": "001A", "n": 1}, {"Id": None, "n": 2}, {"Id": None, "n": 3}, {"Id": "001A", "n": 4}]
    org.pages = {"q": [page(0, 4, 4, None, rows)]}
    for grouping in (
        "Id, COUNT(Name) n FROM Account GROUP BY CUBE(Id, Name)",
        "Name Id, COUNT(Id) n FROM Account GROUP BY Name",
    ):
        assert soql(f"SELECT {grouping}").to_pandas()["n"].tolist() == [1, 2, 3, 4]


@pytest.mark.catalogue("Q4")
def test_child_pages_are_read_to_the_end(org, soql, page):
    """A parent whose children go on elsewhere gets all of them, in order, on the right parent."""
    first = page(0, 2, 5, "k-2", [{"Name": "a"}, {"Name": "b"}])
    rows = [
        {"attributes": {"type": "Account", "url": "/x/001A"}, "Name": "A", "Contacts": first},
        {
            "attributes": {"type": "Account", "url": "/x/001B"},
            "Name": "B",
            "Contacts": page(0, 1, 1, None, [{"Name": "z"}]),
        },
    ]
    org.pages = {
        "q": [page(0, 2, 2, None, rows)],
        "k-2": [page(2, 4, 5, "k-4", [{"Name": "c"}, {"Name": "d"}])],
        "k-4": [page(4, 5, 5, None, [{"Name": "e"}])],
    }
    contacts = children(soql("SELECT Name, (SELECT Name FROM Contacts) FROM Account").to_pandas(), "Contacts")
    assert contacts.values.tolist() == [["001A", n] for n in "abcde"] + [["001B", "z"]]


@pytest.mark.catalogue("Q4")
def test_children_of_children_on_later_pages_are_read_too(org, soql, page):
    """A grandchild page below a row that came with a later child page is followed like any other."""
    org.objects["Contact"]["childRelationships"] = [
        {"relationshipName": "Reports", "childSObject": "Contact", "field": "ReportsToId"}
    ]

    def contact(name, reports):
        attributes = {"type": "Contact", "url": f"/x/003{name}"}
        return {"attributes": attributes, "Name": name, "Reports": reports}

    account = {"type": "Account", "url": "/x/001A"}
    first = page(0, 1, 2, "k-1", [contact("a", None)])
    org.pages = {
        "q": [page(0, 1, 1, None, [{"attributes": account, "Name": "A", "Contacts": first}])],
        "k-1": [page(1, 2, 2, None, [contact("b", page(0, 1, 2, "g-1", [{"Name": "x"}]))])],
        "g-1": [page(1, 2, 2, None, [{"Name": "y"}])],
    }
    frame = soql("SELECT Name, (SELECT Name, (SELECT Name FROM Reports) FROM Contacts) FROM Account").to_pandas()
    reports = children(children(frame, "Contacts"), "Reports")
    assert reports.values.tolist() == [["003b", "x"], ["003b", "y"]]


@pytest.mark.catalogue("Q4")
def test_missing_child_rows_raise(org, soql, page):
    """Children are complete or the read fails, as for the rows themselves."""
    rows = [{"attributes": None, "Name": "A", "Contacts": page(0, 1, 2, None, [{"Name": "a"}])}]
    org.pages = {"q": [page(0, 1, 1, None, rows)]}
    with pytest.raises(IncompleteResult, match="child rows"):
        soql("SELECT Name, (SELECT Name FROM Contacts) FROM Account").to_pandas()


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 100])
def test_chunks_have_the_size_asked_for(org, soql, page, size):
    """Chunks of n rows are n rows each, whatever the pages are, and together they are the result."""
    org.pages = {"q": [page(0, 3, 7, "c-3")], "c-3": [page(3, 5, 7, "c-5")], "c-5": [page(5, 7, 7)]}
    chunks = list(soql(ACCOUNTS).chunks(size))
    whole, rest = divmod(7, size)
    assert [len(chunk) for chunk in chunks] == [size] * whole + [rest] * bool(rest)
    assert pd.concat(chunks)["Name"].tolist() == [f"n{n}" for n in range(7)]
    assert pd.concat(chunks).index.tolist() == list(range(7))


def test_chunks_are_fetched_as_they_are_consumed(org, soql, page):
    """Taking the first chunk asks for a few pages behind it, not for all."""
    org.pages = {"q": [page(0, 3, 60, "c-3")]}
    org.pages |= {f"c-{n}": [page(n, n + 3, 60, f"c-{n + 3}" if n < 57 else None)] for n in range(3, 60, 3)}
    chunks = soql(ACCOUNTS).chunks(3)
    next(chunks)
    chunks.close()
    assert len(org.asked) <= 2 + AHEAD


def test_a_count_is_one_number(org, soql, page):
    """COUNT() gives a frame of one number; count() asks for that number without reading rows."""
    org.pages = {"q": [page(0, 0, 12)]}
    assert soql("SELECT COUNT() FROM Account").to_pandas().to_dict("records") == [{"COUNT()": 12}]
    assert (
        soql("SELECT Id, (SELECT Id FROM Contacts) FROM Account WHERE Name = 'x' ORDER BY Name LIMIT 50").count() == 12
    )
    assert org.asked[-1] == "SELECT COUNT() FROM Account WHERE Name = 'x' LIMIT 50"


def test_groups_are_counted_by_asking_for_them(org, soql, page):
    """A grouped query has as many rows as groups, which only running it tells; COUNT() alone is its own number."""
    org.pages = {"q": [page(0, 3, 3, None, [{"Name": name} for name in "abc"])]}
    assert soql("SELECT Name FROM Account GROUP BY Name").count() == 3
    assert org.asked == ["SELECT Name FROM Account GROUP BY Name"]
    org.pages = {"q": [page(0, 0, 12)]}
    assert soql("SELECT COUNT() FROM Account").count() == 12


def test_a_handle_shows_the_query_it_would_send(soql):
    """Its repr is the text with the binds filled in."""
    handle = soql("SELECT Id FROM Account WHERE Name = :name", {"name": "O'Neil"})
    assert repr(handle) == f"Soql({handle.text!r})"
    assert r"'O\'Neil'" in handle.text


def test_arrow_consumers_read_the_query_itself(org, soql, page):
    """The handle is an Arrow stream: what takes one gets all rows, typed."""
    org.pages = {"q": [page(0, 2, 3, "c-2")], "c-2": [page(2, 3, 3)]}
    table = pa.table(soql(ACCOUNTS))
    assert table["Name"].to_pylist() == ["n0", "n1", "n2"]
    assert table.schema == soql(ACCOUNTS).to_arrow().schema


def test_all_rows_in_the_query_is_asked_of_the_resource_that_has_them(org, soql, page):
    """ALL ROWS, which REST does not take in a query, is sent as queryAll; so is all_rows=True."""
    org.pages = {"q": [page(0, 1, 1)]}
    soql(f"{ACCOUNTS} ALL ROWS").to_pandas()
    soql(ACCOUNTS, all_rows=True).to_pandas()
    assert org.asked == [ACCOUNTS, ACCOUNTS]
    assert org.resources == ["queryAll", "queryAll"]


def test_index_col_makes_the_index(org, soql, page):
    """index_col follows pandas: a name, or several."""
    org.pages = {"q": [page(0, 2, 2)]}
    assert soql(ACCOUNTS).to_pandas(index_col="Id").index.name == "Id"
    assert soql(ACCOUNTS).to_pandas(index_col=["Id", "Name"]).index.names == ["Id", "Name"]


def test_what_a_frame_cannot_be_given_is_refused_before_reading(org, soql):
    """A wrong index_col, dtype_backend, max_rows or chunk size costs no query, for a frame as for chunks."""
    for match, read in [
        (r"'Nmae' is not among .* Id, Name", lambda q: q.to_pandas(index_col="Nmae")),
        (r"'Nmae' is not among .* Id, Name", lambda q: q.chunks(5, index_col=["Id", "Nmae"])),
        ("'polars' is neither", lambda q: q.to_pandas(dtype_backend="polars")),
        ("'polars' is neither", lambda q: q.chunks(5, dtype_backend="polars")),
        ("max_rows", lambda q: q.to_pandas(max_rows=0)),
        ("at least one row", lambda q: q.chunks(0)),
    ]:
        with pytest.raises(ConfigurationError, match=match):
            read(soql(ACCOUNTS))
    assert org.asked == []


ASKS = {
    "to_pandas": lambda query: query.to_pandas(),
    "to_arrow": lambda query: query.to_arrow(),
    "chunks": lambda query: next(query.chunks(5)),
    "the Arrow stream": pa.table,
    "count": lambda query: query.count(),
    "explain": lambda query: query.explain(),
}


@pytest.mark.parametrize("ask", ASKS.values(), ids=ASKS.keys())
def test_however_one_asks_a_misspelt_name_comes_with_the_nearest(org, soql, ask):
    """Every form a query can be run in refuses a wrong object or field in the org's words, with the nearest as hint."""
    no_type = refusal("INVALID_TYPE", "sObject type 'Acount' is not supported.")
    org.pages = {"q": [no_type], "query": [no_type]}
    with pytest.raises(InvalidType, match="not supported") as caught:
        ask(soql("SELECT Id FROM Acount"))
    assert caught.value.hint == "Did you mean Account?"
    no_field = refusal("INVALID_FIELD", "No such column 'Nmae' on entity 'Account'.")
    org.pages = {"q": [no_field], "query": [no_field]}
    with pytest.raises(InvalidField, match="No such column") as caught:
        ask(soql("SELECT Nmae FROM Account"))
    assert caught.value.hint == "Did you mean Name?"


def test_a_refusal_is_asked_for_once(org, soql):
    """A query the org refuses is sent one time."""
    org.pages = {"q": [refusal("INVALID_TYPE", "no")]}
    for text in (ACCOUNTS, "SELECT Id FROM Acount"):
        with pytest.raises(InvalidType):
            soql(text).to_pandas()
    assert [asked for asked in org.asked if asked.startswith("SELECT")] == [ACCOUNTS, "SELECT Id FROM Acount"]


def test_a_field_added_since_the_last_describe_is_learnt(org, soql, page):
    """When the org accepts a name describe did not know, describe is asked again; if that does not help, it is said."""
    org.pages = {"q": [page(0, 1, 1)]}
    soql(ACCOUNTS).to_pandas()
    org.pages = {"q": [page(0, 1, 1, None, [{"Fresh__c": "x"}])]}
    with pytest.raises(UnreadableAnswer, match="does not describe"):
        soql("SELECT Fresh__c FROM Account").to_pandas()
    org.objects["Account"]["fields"].append({"name": "Fresh__c", "label": "Fresh", "type": "string"})
    assert soql("SELECT Fresh__c FROM Account").to_pandas()["Fresh__c"].tolist() == ["x"]


def test_attrs_tell_where_a_frame_came_from(org, soql, page):
    """Provenance is a small dictionary without anything secret."""
    org.pages = {"q": [page(0, 1, 1)]}
    about = soql(ACCOUNTS).to_pandas().attrs["sfdata"]
    assert {k: v for k, v in about.items() if k != "read_at"} == {
        "object": "Account",
        "query": ACCOUNTS,
        "org": "acme.my.salesforce.com",
        "api_version": "67.0",
        "engine": "rest",
    }
