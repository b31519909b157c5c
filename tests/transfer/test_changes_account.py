"""What `since` makes of an org's account of itself: deletions that only it knows, limits of its memory, odd clocks."""

from __future__ import annotations

import datetime as dt
from urllib.parse import parse_qs

import httpx
import pandas as pd
import pytest

from sfdata.api.describe import DescribeCache
from sfdata.auth.flows import AccessToken
from sfdata.config import OrgConfig
from sfdata.errors import BookmarkExpired, IncompleteResult, NotIncremental, ResponseError
from sfdata.resilience.hooks import Hooks
from sfdata.transfer.soql_query import Soql
from sfdata.transport.http_session import HttpSession

URL, DATA = "https://acme.my.salesforce.com", "/services/data/v67.0"
NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
MINUTE, DAY = dt.timedelta(minutes=1), dt.timedelta(days=1)
FIELDS = {"Id": "id", "Name": "string", "Age__c": "double", "SystemModstamp": "datetime", "IsDeleted": "boolean"}


def wire(moment):
    return f"{moment:%Y-%m-%dT%H:%M:%S}.000+0000"


class Org:
    """An org as a script: what it says of accounts, and what it was asked, in order."""

    def __init__(self):
        self.fields = dict(FIELDS)
        self.replicateable = True
        self.now = NOON
        self.rows, self.binned = [], []
        self.log, self.forgotten, self.covered = {}, None, None
        self.refusal = None
        self.asked = []

    def add(self, number, stamp, name="n", where=None):
        row = {"Id": f"001{number:012}AAA", "Name": name, "Age__c": 1.0, "SystemModstamp": wire(stamp)}
        (self.rows if where is None else where).append(row | {"IsDeleted": where is self.binned})
        return row["Id"]

    def handle(self, request):
        path, params = request.url.path.removeprefix(DATA), parse_qs(request.url.query.decode())
        if path.endswith("/describe"):
            return self.answer(self.described())
        if path.endswith("/deleted/"):
            self.asked.append(("deleted", params["start"][0], params["end"][0]))
            return self.refusal or self.answer(self.deletions(params["end"][0]))
        soql = params["q"][0]
        self.asked.append((path.strip("/"), soql))
        if "Organization" in soql:
            return self.answer({"totalSize": 1, "done": True, "records": [{"Id": "00DAA000000000AMAQ"}]})
        names = soql.removeprefix("SELECT ").partition(" FROM")[0].split(", ")
        rows = [{name: row[name] for name in names} for row in (self.binned if path == "/queryAll" else self.rows)]
        return self.answer({"totalSize": len(rows), "done": True, "records": rows})

    def described(self):
        fields = [
            {"name": n, "label": n, "type": t, "custom": n.endswith("__c"), "calculatedFormula": n[:3] == "Age" or None}
            for n, t in self.fields.items()
        ]
        return {"name": "Account", "fields": fields, "replicateable": self.replicateable}

    def deletions(self, end):
        return {
            "deletedRecords": [{"id": each, "deletedDate": wire(when)} for each, when in self.log.items()],
            "earliestDateAvailable": self.forgotten and wire(self.forgotten),
            "latestDateCovered": wire(self.covered) if self.covered else end,
        }

    def answer(self, value):
        date = f"{self.now:%a, %d %b %Y %H:%M:%S} GMT"
        return httpx.Response(200, json=value, headers={"Date": date})


@pytest.fixture
def org():
    return Org()


@pytest.fixture
def soql(org):
    flow = AccessToken(access_token="00D!x", instance_url=URL)
    with HttpSession(OrgConfig(instance_url=URL), flow, wire=httpx.MockTransport(org.handle)) as session:
        yield lambda text: Soql(session, DescribeCache(session), Hooks(), text)


@pytest.fixture
def read(soql):
    def read(bookmark, text="SELECT Id, Name FROM Account"):
        changes = soql(text).since(bookmark)
        changes.to_pandas()
        return changes

    return read


def test_the_steps_go_in_this_order(org, read):
    """Clock and account, then what is gone, then rows: so nothing that happens in between is missed."""
    org.add(1, NOON - DAY)
    mark = read(None).bookmark
    assert org.asked == [
        ("query", "SELECT Id FROM Organization"),
        ("deleted", "2026-03-01T11:50:00+00:00", "2026-03-01T12:00:00+00:00"),
        ("query", "SELECT Id, Name, SystemModstamp FROM Account"),
    ]
    org.asked, org.now = [], NOON + 90 * MINUTE
    read(mark)
    recent = "SystemModstamp >= 2026-03-01T11:50:00Z"
    assert org.asked == [
        ("query", "SELECT Id FROM Organization"),
        ("deleted", "2026-03-01T11:50:00+00:00", "2026-03-01T13:30:00+00:00"),
        ("queryAll", f"SELECT Id, SystemModstamp, IsDeleted FROM Account WHERE {recent} AND IsDeleted = TRUE"),
        ("query", f"SELECT Id, Name, SystemModstamp FROM Account WHERE {recent}"),
    ]


def test_with_a_filter_all_touched_records_are_asked_for(org, read):
    """Those that the filter leaves out now may have been in the copy."""
    soql = "SELECT Id FROM Account WHERE Name = 'a' OR Name = 'b'"
    mark = read(None, soql).bookmark
    org.asked = []
    read(mark, soql)
    assert [soql for resource, soql, *_ in org.asked if resource != "deleted"][1:] == [
        "SELECT Id, SystemModstamp, IsDeleted FROM Account WHERE SystemModstamp >= 2026-03-01T11:50:00Z",
        "SELECT Id, SystemModstamp FROM Account "
        "WHERE (Name = 'a' OR Name = 'b') AND SystemModstamp >= 2026-03-01T11:50:00Z",
    ]


def test_a_record_purged_already_is_told(org, read):
    """Deleted and out of the recycle bin between two readings: the account still knows of it."""
    purged = org.add(1, NOON - DAY)
    mark = read(None).bookmark
    org.rows, org.log = [], {purged: NOON + MINUTE}
    org.now += 5 * MINUTE
    changes = read(mark)
    assert changes.deleted.values.tolist() == [[purged, True]]
    assert len(read(changes.bookmark).deleted) == 0


def test_the_account_does_not_outdo_the_rows(org, read):
    """Who was deleted and is a row again is a row, whatever the account still says of the past."""
    back = org.add(1, NOON - DAY)
    mark = read(None).bookmark
    org.log, org.rows = {back: NOON + MINUTE}, []
    org.add(1, NOON + 2 * MINUTE)
    assert len(read(mark).deleted) == 0


def test_deletions_from_before_the_overlap_are_old(org, read):
    """The account ignores seconds and so begins early; a record restored since then is not to be dropped for it."""
    org.now = NOON + dt.timedelta(seconds=40)
    org.covered = org.now
    restored = org.add(1, NOON - 10 * MINUTE + dt.timedelta(seconds=30))
    mark = read(None).bookmark
    org.log, org.rows = {restored: NOON - 10 * MINUTE + dt.timedelta(seconds=20)}, []
    assert len(read(mark).deleted) == 0


@pytest.mark.parametrize(("forgotten", "expired"), [(-DAY, False), (-MINUTE, False), (0 * MINUTE, True), (DAY, True)])
def test_deletions_forgotten_since_the_bookmark_are_an_error(org, read, forgotten, expired):
    """Where records younger than the bookmark were purged, nobody can tell which: rather no list than a short one."""
    mark = read(None).bookmark
    org.now += 2 * DAY
    org.forgotten = NOON + forgotten
    if not expired:
        assert len(read(mark).deleted) == 0
        return
    with pytest.raises(BookmarkExpired, match="since 2026-03-0"):
        read(mark)
    assert [resource for resource, *_ in org.asked][-2:] == ["query", "deleted"]


def test_an_account_refused_at_the_beginning_is_no_matter_of_bookmarks(org, read):
    """Without a bookmark there is none that could be too old: the org's own refusal is raised."""
    org.refusal = httpx.Response(400, json=[{"errorCode": "INVALID_REPLICATION_DATE", "message": "too long ago"}])
    with pytest.raises(ResponseError, match="too long ago") as caught:
        read(None)
    assert not isinstance(caught.value, BookmarkExpired)


def test_the_position_is_never_later_than_the_account(org, read):
    """A Date header from elsewhere (a proxy in the wrong time) does not carry the bookmark past what is covered."""
    org.now, org.covered = NOON + 3 * DAY, NOON
    assert read(None).bookmark.position == NOON


def test_the_position_never_goes_back(org, read):
    """An account that covers less than the last one did takes nothing back; a clock behind asks for a window yet."""
    mark = read(None).bookmark
    org.now, org.asked = NOON - DAY, []
    changes = read(mark)
    assert changes.bookmark.position == NOON
    assert org.asked[1] == ("deleted", "2026-03-01T11:50:00+00:00", "2026-03-01T11:51:00+00:00")


def test_a_record_that_comes_twice_is_an_incomplete_result(org, soql):
    """Also where Ids are not selected, a repeated page is found, and there is no bookmark."""
    org.add(1, NOON - DAY)
    org.add(1, NOON - DAY)
    changes = soql("SELECT Name FROM Account").since(None)
    with pytest.raises(IncompleteResult):
        changes.to_pandas()
    with pytest.raises(IncompleteResult):
        list(changes.chunks(10))


def test_a_row_without_a_stamp_is_told_each_time(org, read, soql):
    """No org should send one; if one does, the row is told once too often and not once too little."""
    org.add(1, NOON)
    org.rows[0]["SystemModstamp"] = None
    mark = read(None).bookmark
    assert len(soql("SELECT Id, Name FROM Account").since(mark).to_pandas()) == 1


def test_an_object_without_a_recycle_bin_is_not_asked_for_it(org, read):
    """Users are never deleted and have no IsDeleted: the account alone speaks, and with a filter those touched."""
    del org.fields["IsDeleted"]
    changes = read(read(None).bookmark)
    assert [resource for resource, *_ in org.asked].count("queryAll") == 0
    assert len(changes.deleted) == 0
    soql = "SELECT Id FROM Account WHERE Name = 'a'"
    mark = read(None, soql).bookmark
    left = org.add(1, NOON, where=org.binned)
    assert read(mark, soql).deleted.values.tolist() == [[left, False]]
    assert (
        "queryAll",
        "SELECT Id, SystemModstamp FROM Account WHERE SystemModstamp >= 2026-03-01T11:50:00Z",
    ) in org.asked


@pytest.mark.parametrize("lacks", ["SystemModstamp", "replication"])
def test_an_object_that_keeps_no_account_is_refused_before_anything_is_asked(org, read, lacks):
    """No stamps, or no replication: its describe says so, and no query is sent."""
    org.replicateable = lacks != "replication"
    org.fields.pop(lacks, None)
    with pytest.raises(NotIncremental, match="keeps no account"):
        read(None)
    assert org.asked == []


def test_a_filter_on_a_formula_is_refused(org, read):
    """A formula's value changes with the day and other records; selecting it is allowed, filtering by it is not."""
    with pytest.raises(NotIncremental, match="Age__c"):
        read(None, "SELECT Id FROM Account WHERE Name = 'x' OR age__C > 5")
    assert org.asked == []
    org.add(1, NOON)
    assert isinstance(read(None, "SELECT Id, Age__c FROM Account").deleted, pd.DataFrame)
