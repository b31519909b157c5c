"""The price of a query: what is told before, beside what reading takes then."""

from __future__ import annotations

import httpx
import pytest

import sfdata
from sfdata.errors import ConfigurationError, InvalidField, InvalidType, MalformedQuery, ResponseError
from sfdata.localorg import LocalOrg
from sfdata.resilience.hooks import RequestDone
from sfdata.resilience.limits import ApiUsage, AppUsage
from sfdata.transfer.price import Cost, EnginePrice, Plan

ACCOUNTS = "SELECT Id, Name FROM Account"
PLAN = {"leadingOperationType": "Index", "sobjectType": "Account", "relativeCost": 0.25, "cardinality": 7_000}


@pytest.fixture(scope="module")
def local_org():
    with LocalOrg(scale=0.5) as org:
        yield org


@pytest.fixture
def org_with_calls(local_org):
    """A new connection, and the addresses of the requests it makes."""
    calls = []
    note = lambda event: calls.append(event.path) if isinstance(event, RequestDone) else None  # noqa: E731
    with sfdata.connect(instance_url=local_org.instance_url, access_token=local_org.access_token, hooks=[note]) as made:
        yield made, calls


# --- beside what it takes ---------------------------------------------------------------------------------------------

PRICED = {
    "several pages": "SELECT Id, LastName FROM Contact",
    "parents": "SELECT Id, Owner.Name, Account.Owner.Name FROM Contact WHERE LastName > 'M'",
    "all fields": "Account",
    "wide rows": "SELECT Subject, Description, Comments FROM Case",
    "one long text": "SELECT Subject, Description FROM Case",
    "no row": "SELECT Id FROM Contact WHERE LastName = 'Nobody at all'",
    "a limit": "SELECT Id FROM Contact LIMIT 2001",
    "an offset": "SELECT Id FROM Contact OFFSET 1999",
    "a number": "SELECT COUNT() FROM Contact",
    "one group": "SELECT MAX(CreatedDate) FROM Contact",
    "groups": "SELECT Industry, COUNT(Id) FROM Account GROUP BY Industry",
}


@pytest.mark.parametrize("text", PRICED.values(), ids=PRICED.keys())
def test_a_price_is_what_reading_takes(org_with_calls, text):
    """The calls that are told are those that reading makes then, and the rows those it brings."""
    org, calls = org_with_calls
    query = org.soql(text, engine="rest")
    cost = query.cost()
    calls.clear()
    frame = query.to_pandas()
    assert cost.calls == len(calls)
    assert cost.rows in (len(frame), None)
    assert (cost.rows is None) == ("GROUP BY" in text)


def test_long_texts_of_parents_make_rows_wide_too(org_with_calls):
    """Two long texts in a row are two, whoever's they are; that pages are shorter then is about right at best."""
    org, _ = org_with_calls
    narrow, wide = (
        org.soql(f"SELECT {fields} FROM Contact").cost().engines[0]
        for fields in ("Description, Account.BillingStreet", "Description, Account.Description")
    )
    assert (narrow.calls, narrow.accuracy) == (3, "exactly")
    assert (wide.calls, wide.accuracy) == (23, "about")  # 4,455 rows


def test_finding_out_takes_three_calls_and_says_so(org_with_calls):
    """A describe, a plan and a count; the describe is kept, so that asking again takes two."""
    org, calls = org_with_calls
    query = org.soql("SELECT Id FROM Contact")
    assert query.cost().asked == len(calls) == 3
    assert query.cost().asked == len(calls) - 3 == 2


def test_describing_all_fields_belongs_to_what_finding_out_took(org_with_calls):
    """Calls for spelling out the query count among those of its price."""
    org, calls = org_with_calls
    assert org.soql("Account").cost().asked == len(calls) == 3


def test_a_bound_makes_it_cheaper(org_with_calls):
    """With max_rows the price is that of the pages up to there."""
    org, calls = org_with_calls
    query = org.soql("SELECT Id FROM Contact")
    cost = query.cost(max_rows=2001)
    assert (cost.rows, cost.calls, cost.engine) == (2001, 2, "rest")
    calls.clear()
    with pytest.warns(UserWarning, match="the first 2,001"):
        query.to_pandas(max_rows=2001)
    assert len(calls) == 2
    with pytest.raises(ConfigurationError):
        query.cost(max_rows=0)


def test_the_org_tells_its_day(org_with_calls):
    """The share is that of the calls an org of this edition has for 24 hours."""
    org, _ = org_with_calls
    cost = org.soql("SELECT Id FROM Contact").cost()
    assert cost.usage.allowed == 15_000
    assert cost.share == pytest.approx(cost.calls / 15_000)
    assert cost.plan.operation == "TableScan"


def test_child_rows_make_it_a_lower_bound(org_with_calls):
    """Nobody knows how many pages of child rows there will be."""
    org, calls = org_with_calls
    query = org.soql("SELECT Id, (SELECT Id FROM Contacts) FROM Account")
    rest = query.cost().engines[0]
    calls.clear()
    query.to_pandas()
    assert rest.accuracy == "at least"
    assert rest.calls <= len(calls)


def test_a_job_is_priced_or_refused_as_it_would_be(org_with_calls):
    """A query for which a job is asked has the job's price, or the reason why there can be none."""
    org, calls = org_with_calls
    query = org.soql("SELECT Id FROM Contact", engine="bulk")
    cost = query.cost()
    assert cost.engine == "bulk"
    calls.clear()
    query.to_pandas()
    assert cost.calls >= len(calls)
    cost = org.soql("SELECT Id FROM Contact OFFSET 5", engine="bulk").cost()
    assert (cost.calls, cost.share, cost.engine) == (None, None, "bulk")
    assert "OFFSET" in cost.engines[1].remark


def test_a_list_that_takes_several_statements_is_not_counted(org_with_calls):
    """Counting would take as many calls as there are statements; their number is the least that reading takes."""
    org, calls = org_with_calls
    query = org.soql("SELECT Id FROM Contact WHERE Id IN :ids", {"ids": [f"003{n:012}" for n in range(12_000)]})
    statements = len(query.statements)
    cost = query.cost()
    assert statements > 2
    assert (cost.rows, cost.calls, cost.engines[0].accuracy, cost.engine) == (None, statements, "at least", "rest")
    assert cost.asked <= 3
    calls.clear()
    query.to_pandas()
    assert len(calls) >= cost.calls


# --- what an org may answer -------------------------------------------------------------------------------------------


def answered(total=4_001, usage="api-usage=600/1000", plans=(PLAN,)):
    """A script: so many rows, the plans, and the usage in the headers."""
    headers = {"Sforce-Limit-Info": usage} if usage else {}
    counted = httpx.Response(200, headers=headers, json={"totalSize": total, "done": True, "records": []})
    return {"q": [counted], "query": [{"plans": list(plans), "sourceQuery": ACCOUNTS}]}


def refusal(code, status=400):
    return httpx.Response(status, json=[{"errorCode": code, "message": "no"}])


def test_auto_takes_a_job_where_it_would_read_by_one(org, soql):
    """At a hundred pages REST reads, one row more is for a job; max_rows keeps it with REST, an OFFSET too."""
    org.pages = answered(200_000)
    assert soql(ACCOUNTS).cost().engine == "rest"
    org.pages = answered(200_001)
    assert soql(ACCOUNTS).cost().engine == "bulk"
    assert soql(ACCOUNTS, engine="rest").cost().engine == "rest"
    assert soql(ACCOUNTS).cost(max_rows=200_001).engine == "rest"
    assert soql(f"{ACCOUNTS} OFFSET 1").cost().engine == "rest"


@pytest.mark.parametrize(
    ("rows", "calls"), [(0, 1 + 10 + 1 + 1), (50_001, 1 + 13 + 1 + 2), (1_000_000, 1 + 23 + 4 + 20)]
)
def test_a_job_is_made_looked_at_and_fetched(org, soql, rows, calls):
    """Creation, the waits of 0.2 s and a quarter more each time up to 30 s, the list of pages, pages of 50,000 rows.

    Of no rows it is taken to run for 5 seconds, which nine waits cover, of 50,001 for 10 (twelve), and of a million for
    105 (twenty-two).
    """
    org.pages = answered(rows)
    assert soql(ACCOUNTS, engine="bulk").cost().calls == calls


def test_the_share_follows_the_header(org, soql):
    """The usage is what the last answer told, and no call is made for it."""
    org.pages = answered()
    cost = soql(ACCOUNTS).cost()
    assert (cost.calls, cost.share, cost.usage.remaining, cost.asked) == (3, 0.003, 400, 3)
    assert org.asked == ["query", "SELECT COUNT() FROM Account"]


def test_without_the_header_the_limits_tell(org, soql):
    """A proxy that takes the header away costs one call more."""
    org.pages = {**answered(usage=None), "limits": [{"DailyApiRequests": {"Max": 1000, "Remaining": 250}}]}
    cost = soql(ACCOUNTS).cost()
    assert (cost.share, cost.usage.used, cost.usage.remaining) == (0.003, 750, 250)
    assert org.asked[-1] == "limits"


@pytest.mark.parametrize("answer", [refusal("INSUFFICIENT_ACCESS", 403), {}, {"DailyApiRequests": {"Max": 0}}])
def test_an_org_that_does_not_tell_its_usage_leaves_the_share_unknown(org, soql, answer):
    """Without a permission to see the limits there is a price in calls all the same."""
    org.pages = {**answered(usage=None), "limits": [answer]}
    cost = soql(ACCOUNTS).cost()
    assert (cost.calls, cost.share, cost.usage, cost.affordable) == (3, None, None, True)
    assert "day" not in repr(cost)


@pytest.mark.parametrize("answer", [refusal("FUNCTIONALITY_NOT_ENABLED"), refusal("X", 404), {"plans": []}])
def test_a_price_needs_no_plan(org, soql, answer):
    """Not every object has a plan; the rest is told without it."""
    org.pages = {**answered(), "query": [answer]}
    cost = soql(ACCOUNTS).cost()
    assert (cost.calls, cost.plan) == (3, None)
    assert "plan" not in repr(cost)


def test_a_query_that_the_org_refuses_has_no_price(org, soql):
    """The org's refusal is raised, with the nearest name that exists where one is wrong."""
    org.pages = {**answered(), "query": [refusal("INVALID_FIELD")]}
    with pytest.raises(InvalidField, match="Did you mean Name"):
        soql("SELECT Nmae FROM Account").cost()
    org.pages["query"] = [refusal("MALFORMED_QUERY")]
    with pytest.raises(MalformedQuery):
        soql(ACCOUNTS).cost()
    org.pages["query"] = [refusal("INVALID_TYPE")]
    with pytest.raises(InvalidType):
        soql("SELECT Id FROM Acount").cost()


def test_rows_that_take_too_long_to_count_are_estimated(org, soql):
    """Where COUNT() times out, the planner's own estimate stands in, and is called one."""
    org.pages = {**answered(), "q": [refusal("QUERY_TIMEOUT")], "limits": [{}]}
    cost = soql(ACCOUNTS).cost()
    assert (cost.rows, cost.rows_estimated, cost.calls, cost.engines[0].accuracy) == (7_000, True, 4, "about")
    assert repr(cost).startswith("about 7,000 rows\n")
    org.pages["query"] = [refusal("FUNCTIONALITY_NOT_ENABLED")]
    cost = soql(ACCOUNTS).cost()
    assert (cost.rows, cost.calls, cost.engines[0].accuracy) == (None, 1, "at least")
    org.pages["q"] = [refusal("SOMETHING_ELSE")]
    with pytest.raises(ResponseError):
        soql(ACCOUNTS).cost()


@pytest.mark.filterwarnings("ignore::sfdata.errors.LimitNear")
def test_what_is_in_the_way_is_said(org, soql):
    """More calls than the org, the connected app or this connection has left are named, each by its number."""
    org.pages = answered(usage="api-usage=998/1000; per-app-api-usage=249/250(appName=sample)")
    org.budget.allowed = 5
    cost = soql(ACCOUNTS).cost()
    assert not cost.affordable
    assert [line for line in cost.lines if line.startswith("more")] == [
        "more than the org has left: 2",
        "more than the connected app sample has left: 1",
        "more than this connection's budget has left: 2",
    ]
    org.pages, org.budget.allowed = answered(usage="api-usage=997/1000"), 9
    cost = soql(ACCOUNTS).cost()  # three calls, and three are left everywhere
    assert cost.budget_remaining == 4
    assert cost.affordable


# --- how it is shown --------------------------------------------------------------------------------------------------

COST = Cost(
    1_200_000,
    False,
    (
        EnginePrice("rest", 600, "exactly", "pages of up to 2,000 rows"),
        EnginePrice("bulk", 45, "about", "a job, 16 looks at its state, 24 pages of results"),
    ),
    "bulk",
    ApiUsage(1_500, 100_000, 0.0, AppUsage(1, 1_000, "sample")),
    Plan("TableScan", "Task<b>", 1.5, 1_000_000),
    None,
    3,
)


def test_a_price_reads_well():
    """A few lines say it all, an arrow at the engine that would be taken."""
    assert repr(COST).splitlines() == [
        "1,200,000 rows",
        "  rest  600 API calls: pages of up to 2,000 rows",
        "→ bulk  about 45 API calls: a job, 16 looks at its state, 24 pages of results",
        "0.04% of the org's 100,000 API calls a day; 98,500 are left",
        "plan: TableScan on Task<b>, relative cost 1.5",
        "found out with 3 API calls",
    ]


@pytest.mark.catalogue("S25")
def test_a_price_in_a_notebook_is_markup_of_ours_alone():
    """What an org says cannot become markup."""
    shown = COST._repr_html_()
    assert "Task&lt;b&gt;" in shown
    assert "<b>" not in shown
    for line in ("1,200,000 rows", "about 45 API calls", "98,500 are left", "found out with 3 API calls"):
        assert line in shown
    assert shown.index("→") > shown.index("rest")


def test_a_price_as_a_frame():
    """One typed row per engine, missing where the engine cannot serve the query."""
    unservable = EnginePrice("bulk", None, None, "it has OFFSET")
    frame = Cost(1, False, (COST.engines[0], unservable), "rest", COST.usage, None, None, 3).to_frame()
    assert frame.index.tolist() == ["rest", "bulk"]
    assert frame["calls"].tolist()[0] == 600
    assert frame["calls"].isna().tolist() == frame["share"].isna().tolist() == [False, True]
    assert frame["share"].iloc[0] == 0.006
    assert frame["chosen"].tolist() == [True, False]
    assert frame.dtypes.astype(str).to_dict() == {
        "calls": "Int64", "accuracy": "str", "share": "float64", "chosen": "boolean", "remark": "str",
    }  # fmt: skip
