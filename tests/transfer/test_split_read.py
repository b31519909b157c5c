"""Queries too long for one statement, against a local org that takes no longer ones than Salesforce."""

from __future__ import annotations

import threading
from contextlib import closing

import polars
import pyarrow as pa
import pytest

import sfdata
from sfdata.errors import BudgetExceeded, ConnectionFailed, MalformedQuery, QueryTooLong
from sfdata.frames.batch import Batch, children
from sfdata.localorg import LocalOrg
from sfdata.localorg.engine import reading
from sfdata.resilience.budget import Budget
from sfdata.resilience.hooks import Hooks, RequestDone, RowsRead
from sfdata.soql import parse
from sfdata.transfer.split_read import SplitRead

STAMP = "2024-01-01T00:00:00.000+0000"
ROWS = 2500
NAMES = [f"{n:04} {'x' * 240}" for n in range(1000)]
"""A thousand of them make three statements."""
BY_NAME = "SELECT Id, Name FROM Account WHERE Name IN :names"


@pytest.fixture(scope="module")
def local():
    """2,500 accounts, a tenth of them deleted: the first thousand bear the names, the next are their children."""
    with LocalOrg(sample_data=False) as running:
        store, account = running.instance.store, running.instance.object("Account")
        columns = ["Id", "Name", "NumberOfEmployees", "ParentId", "IsDeleted", "OwnerId"]
        columns += ["CreatedDate", "LastModifiedDate", "SystemModstamp"]
        running.ids = store.new_ids(account, ROWS)
        names = [*NAMES, *(f"other {n}" for n in range(len(NAMES), ROWS))]
        parents = [*[None] * 1000, *running.ids[:1000], *running.ids[:500]]
        facts = zip(running.ids, names, range(ROWS), parents, strict=True)
        rows = [(*fact, int(n % 10 == 9), running.user_id, *[STAMP] * 3) for n, fact in enumerate(facts)]
        store.bulk_load(account, columns, rows)
        yield running


@pytest.fixture
def org(local):
    """A connection; its ``requests`` are the answered requests for rows, ``rows`` the events about them."""
    events = []
    with sfdata.connect(instance_url=local.instance_url, access_token=local.access_token, hooks=[events.append]) as org:
        org.events = events
        yield org


def requests(org):
    """The paths asked for rows, in order."""
    done = [event.path for event in org.events if isinstance(event, RequestDone)]
    return [path.partition("v67.0/")[2].partition("/0")[0] for path in done if "describe" not in path]


@pytest.mark.catalogue("Q8")
@pytest.mark.parametrize("count", [1, 20_000])
def test_any_number_of_keys_gives_each_record_once(local, org, count):
    """From one Id to 20,000, in any order and repeated, every record that is there comes once, and no other."""
    live = [one for n, one in enumerate(local.ids) if n % 10 != 9]
    unknown = [f"001Lo0zzz{n:06}AAA" for n in range(count - min(count, len(local.ids)))]
    keys = [*unknown, *local.ids[::-1], *local.ids[:100], *(one[:15] for one in local.ids[:50])][-count:]
    frame = org.query("SELECT Id FROM Account WHERE Id IN :keys", {"keys": keys})
    asked = {one[:15] for one in keys}
    assert sorted(frame["Id"]) == sorted(one for one in live if one[:15] in asked)


@pytest.mark.catalogue("Q8")
def test_statements_are_as_few_as_fit_and_none_is_too_long(local, org):
    """The statements are within the limit, and together they are exactly the requests that are made."""
    query = org.soql(BY_NAME, {"names": NAMES})
    assert [len(one) <= 100_000 for one in query.statements] == [True] * 3
    assert query.to_pandas()["Name"].tolist() == [name for n, name in enumerate(NAMES) if n % 10 != 9]
    assert requests(org) == ["composite"] * 3
    short = org.soql(" SELECT  Id FROM Account ")
    assert short.statements == [short.text]


def test_the_id_that_tells_records_apart_is_not_in_the_result(org):
    """Columns are those that were selected, with Id among them or not, and with it no statement is too long."""
    assert org.query(BY_NAME.replace("Id, ", ""), {"names": NAMES}).columns.tolist() == ["Name"]
    numbers = range(1_000_000, 1_013_000)
    query = org.soql("SELECT Name FROM Account WHERE NumberOfEmployees IN :numbers", {"numbers": numbers})
    assert [len(one) <= 100_000 for one in query.statements] == [True, True]


def test_count_and_plan_are_those_of_all_statements(org):
    """count() adds up, up to a LIMIT; COUNT() as a query too; explain() shows the first statement's plan."""
    query = org.soql(BY_NAME, {"names": NAMES})
    assert query.count() == 900
    assert org.soql(f"{BY_NAME} LIMIT 500", {"names": NAMES}).count() == 500
    counted = org.query("SELECT COUNT() FROM Account WHERE Name IN :names", {"names": NAMES})
    assert counted.to_dict("list") == {"COUNT()": [900]}
    assert query.explain()["plans"][0]["sobjectType"] == "Account"


def test_limit_and_max_rows_end_the_reading(org):
    """A LIMIT over all statements is kept, and no statement is sent once it or max_rows is reached."""
    assert len(org.query(f"{BY_NAME} LIMIT 350", {"names": NAMES})) == 350
    assert requests(org) == ["composite"]
    assert len(org.query(f"{BY_NAME} LIMIT 600", {"names": NAMES})) == 600
    assert len(org.query(f"{BY_NAME} LIMIT 5000", {"names": NAMES})) == 900
    org.events.clear()
    with pytest.warns(sfdata.errors.ResultTruncated, match="first 10 of 900 rows"):
        frame = org.query(BY_NAME, {"names": NAMES}, max_rows=10)
    assert frame.attrs["sfdata"]["truncated"] == {"rows": 10, "total": 900, "bound": "max_rows"}
    assert requests(org) == ["composite"] * 4  # one statement's rows, and the count of each


def test_as_many_rows_as_wanted_are_not_truncated(org):
    """max_rows that is exactly how many there are leaves nothing out, and warns of nothing."""
    names = [*NAMES[:300], *(f"{name}?" for name in NAMES)]
    frame = org.query(BY_NAME, {"names": names}, max_rows=270)
    assert (len(frame), "truncated" in frame.attrs["sfdata"]) == (270, False)


def test_an_order_by_id_is_kept(local, org):
    """ORDER BY Id over keys in any order gives the records in the order of their Ids, either way."""
    keys = [*local.ids[1000:], *(f"001Lo0zzz{n:06}AAA" for n in range(2500)), *local.ids[:1000]]
    expected = [one for n, one in enumerate(local.ids) if n % 10 != 9]
    query = "SELECT Id FROM Account WHERE Id IN :keys ORDER BY Id"
    assert org.query(query, {"keys": keys})["Id"].tolist() == expected
    assert org.query(f"{query} DESC", {"keys": keys})["Id"].tolist() == expected[::-1]


def test_groups_by_the_field_of_the_list_are_whole(org):
    """A group lies in one statement, so that its aggregates are those over all of its records."""
    frame = org.query(
        "SELECT Name, COUNT(Id) n, SUM(NumberOfEmployees) s FROM Account WHERE Name IN :names GROUP BY Name",
        {"names": [*NAMES, *(name.upper() for name in NAMES[:10])]},
    )
    assert sorted(zip(frame["Name"], frame["n"], frame["s"], strict=True)) == [
        (name, 1, n) for n, name in enumerate(NAMES) if n % 10 != 9
    ]


def test_children_come_with_their_parents(local, org):
    """Child subqueries are read in every statement, and linked to the rows of the whole."""
    frame = org.query(
        "SELECT Id, Name, (SELECT Id, ParentId FROM ChildAccounts) FROM Account WHERE Name IN :n", {"n": NAMES}
    )
    below = children(frame, "ChildAccounts")
    place = {one: n for n, one in enumerate(local.ids)}
    live = [n for n in range(1000, ROWS) if n % 10 != 9]
    assert sorted(zip(below["ParentId"], below["Id"], strict=True)) == sorted(
        (local.ids[n % 1000 if n < 2000 else n - 2000], local.ids[n]) for n in live
    )
    assert [place[one] for one in frame["Id"]] == [n for n in range(1000) if n % 10 != 9]


def test_deleted_rows_are_among_them_where_asked_for(org):
    """all_rows holds for every statement, and for their counts."""
    query = org.soql(BY_NAME, {"names": NAMES}, all_rows=True)
    assert (query.count(), len(query.to_pandas())) == (1000, 1000)


def test_every_form_of_the_result_has_all_rows(org):
    """Chunks, Arrow and streams hold the rows of all statements; what is not taken is not asked for."""
    query = org.soql(BY_NAME, {"names": NAMES})
    assert [len(chunk) for chunk in query.chunks(400)] == [400, 400, 100]
    assert query.to_arrow().num_rows == polars.DataFrame(query).height == 900
    assert next(query.chunks(1))["Name"].tolist() == NAMES[:1]


def test_a_bulk_job_for_each_statement(org):
    """engine="bulk" reads every statement through a job of its own, with the same rows."""
    frame = org.query(f"{BY_NAME} ORDER BY Name", {"names": NAMES[:200]})
    with pytest.raises(QueryTooLong, match="ORDER BY"):
        org.query(f"{BY_NAME} ORDER BY Name", {"names": NAMES}, engine="bulk")
    whole = org.query(BY_NAME, {"names": NAMES}, engine="bulk")
    assert sorted(whole["Name"])[:180] == frame["Name"].tolist()
    assert (len(whole), whole.attrs["sfdata"]["engine"]) == (900, "bulk")
    jobs = [
        e for e in org.events if isinstance(e, RequestDone) and e.method == "POST" and e.path.endswith("/jobs/query")
    ]
    assert len(jobs) == 3


def test_progress_is_told_of_the_whole(org):
    """Rows are counted over all statements, and done is said once, at the end."""
    org.query(BY_NAME, {"names": NAMES})
    told = [event for event in org.events if isinstance(event, RowsRead)]
    assert [event.rows for event in told] == sorted(event.rows for event in told)
    assert [event for event in told if event.done] == [RowsRead(900, 900, True)] == told[-1:]


@pytest.mark.parametrize(
    "condition",
    [
        "Name NOT IN :names",
        "Id = null OR Name IN :names",
        "Name IN :names ORDER BY Name",
        "Name IN :names LIMIT 5 OFFSET 9",
    ],
)
def test_what_cannot_be_split_is_refused_before_anything_is_sent(org, condition):
    """A query that one statement does not hold and several cannot serve is an error of our own; no request is made."""
    for read in (lambda query: query.to_pandas(), lambda query: query.statements, lambda query: next(query.chunks(9))):
        with pytest.raises(QueryTooLong):
            read(org.soql(f"SELECT Id FROM Account WHERE {condition}", {"names": NAMES}))
    assert org.events == []


def test_a_budget_covers_all_statements_or_none_is_sent(org):
    """A budget that is too small for the statements refuses before the first of them."""
    org.describe("Account")
    org.budget.allowed = org.budget.used + 2
    with pytest.raises(BudgetExceeded, match="3 statements"):
        org.query(BY_NAME, {"names": NAMES})
    assert requests(org) == []


def test_an_org_that_wants_shorter_statements_gets_them(org, monkeypatch):
    """Where the org finds a statement too much, shorter ones bring the same rows; its refusal stands if they do not."""
    monkeypatch.setattr(reading, "LONGEST_STATEMENT", 20_000)
    names = NAMES[:200]
    assert org.query(BY_NAME, {"names": names})["Name"].tolist() == [n for i, n in enumerate(names) if i % 10 != 9]
    assert org.soql(BY_NAME, {"names": names}).count() == 180
    monkeypatch.setattr(reading, "LONGEST_STATEMENT", 50)
    with pytest.raises(MalformedQuery, match="can not be longer than 50"):
        org.query(BY_NAME, {"names": names})


# --- statements that a test answers ----------------------------------------------------------------------------------


class Answer:
    """A statement's rows in batches of one, or what is raised behind them."""

    def __init__(self, ids, problem=None, waits_for=None):
        self.ids, self.problem, self.waits_for = ids, problem, waits_for
        self.closed = threading.Event()
        self.taken = 0

    def batches(self, max_rows=None, *, whole=False):
        try:
            for one in self.ids or [None]:
                self.taken += 1
                rows = [] if one is None else [one]
                yield (
                    Batch(pa.table({"Id": pa.array(rows, pa.string()), "n": pa.array([self.taken] * len(rows))})),
                    len(self.ids),
                )
            if self.problem:
                raise self.problem
        finally:
            self.closed.set()


def split(answers, **options):
    queries = [parse(f"SELECT Id FROM T{n}") for n in range(len(answers))]
    by_query = dict(zip(map(str, queries), answers, strict=True))
    return SplitRead(queries, lambda query: by_query[str(query)], Hooks(), Budget(), "Id", **options)


def rows(read, **options):
    return [(i, total) for batch, total in read.batches(**options) for i in batch.table["Id"].to_pylist()]


def test_a_record_found_twice_is_handed_out_once():
    """What a record's change lets two statements find is one row: that of the first; rows that are no records stay."""
    no_record = "000000000000000AAA"
    answers = [Answer(["a", "b", no_record]), Answer([no_record, "b", "c"]), Answer(["c", "a", "d"])]
    assert [one for one, _ in rows(split(answers))] == ["a", "b", no_record, no_record, "c", "d"]


def test_the_total_is_right_when_all_is_read():
    """While statements are left the total is more than what is known; at the end it is how many there are."""
    totals = [total for _, total in rows(split([Answer(["a", "b"]), Answer([]), Answer(["b", "c"])]))]
    assert totals[:2] == [4, 4]
    assert totals[-1] == 3


def test_a_statement_that_fails_ends_the_reading_and_the_others():
    """An error comes where its rows would have come, and what was begun behind it is given up."""
    answers = [Answer(["a"]), Answer(["b"], ConnectionFailed("gone")), Answer(["c", "d"]), Answer(["e"])]
    read = split(answers).batches()
    assert [next(read)[0].table["Id"].to_pylist() for _ in range(2)] == [["a"], ["b"]]
    with pytest.raises(ConnectionFailed):
        next(read)
    assert answers[2].taken <= 1
    assert not answers[2].taken or answers[2].closed.wait(5)


def test_closing_gives_up_what_is_under_way():
    """Who stops taking rows stops the statement that is being read and those begun ahead."""
    answers = [Answer(["a", "b"]), Answer(["c", "d"]), Answer(["e", "f"]), Answer(["g"])]
    with closing(split(answers).batches()) as read:
        next(read)
    assert answers[0].closed.wait(5)
    assert answers[0].taken == 1
    assert all(one.taken <= 1 for one in answers[1:3])
    assert all(one.closed.wait(5) for one in answers[1:3] if one.taken)
    assert answers[3].taken == 0


def test_nothing_is_begun_ahead_of_a_bound():
    """With a bound, a statement is begun when the one before has not brought enough."""
    answers = [Answer(["a", "b"]), Answer(["c", "d"]), Answer(["e"])]
    assert [one for one, _ in rows(split(answers), max_rows=3)] == ["a", "b", "c"]
    assert [one.taken for one in answers] == [2, 1, 0]
    answers = [Answer(["a", "b"]), Answer(["c", "d"])]
    assert [one for one, _ in rows(split(answers, limit=2))] == ["a", "b"]
    assert answers[1].taken == 0
