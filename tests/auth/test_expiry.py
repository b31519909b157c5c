"""Tokens that end, and orgs that move, in the middle of a read: every row comes once, at the cost of one renewal."""

from __future__ import annotations

import itertools
import json

import httpx
import pandas as pd
import pytest

from sfdata.api.describe import DescribeCache
from sfdata.auth import ClientCredentials
from sfdata.config import OrgConfig
from sfdata.errors import AuthenticationError
from sfdata.localorg import LocalOrg
from sfdata.resilience.hooks import Hooks, TokenRenewed
from sfdata.transfer.soql_query import Soql
from sfdata.transport.http_session import HttpSession
from sfdata.transport.wire import LiveWire

ROWS = 30
QUERY = "SELECT Id, Name FROM Account ORDER BY Name"


@pytest.fixture(scope="module")
def local_org():
    with LocalOrg(sample_data=False, page_size=6) as org:
        frame = pd.DataFrame({"Name": [f"Account {n:02}" for n in range(ROWS)]})
        import sfdata

        with sfdata.connect(instance_url=org.instance_url, access_token=org.access_token) as own:
            own.push(frame, "Account", "insert")
        yield org


class EndingWire(httpx.BaseTransport):
    """Ends every session of the login before the ``at``-th API request; told as 401, or as 400 as Bulk does it."""

    def __init__(self, org, at, status):
        self.org, self.at, self.status = org, at, status
        self.live, self.requests, self.asked = LiveWire(), itertools.count(1), 0

    def handle_request(self, request):
        if request.url.path.startswith("/services/data"):
            self.asked = number = next(self.requests)
            if number == self.at:
                token = request.headers["authorization"].removeprefix("Bearer ")
                assert self.org.instance.sessions.revoke(token)
                if self.status == 400:
                    body = [{"exceptionCode": "InvalidSessionId", "exceptionMessage": "Invalid session id"}]
                    return httpx.Response(400, json=body)
        return self.live.handle_request(request)

    def close(self):
        self.live.close()


@pytest.fixture
def reading(local_org, monkeypatch):
    """Read the query by an engine, the session ending before one of its requests: rows, requests, renewals."""
    monkeypatch.setattr("sfdata.transfer.bulk_read.POLL_SECONDS", 0.01, raising=False)
    flow = ClientCredentials(
        client_id=local_org.client_id, client_secret=local_org.client_secret, login_url=local_org.login_url
    )

    def read(engine, at, status=401):
        events, wire = [], EndingWire(local_org, at, status)
        hooks = Hooks(events.append)
        with HttpSession(OrgConfig(local_org.instance_url), flow, wire=wire, hooks=hooks) as session:
            frame = Soql(session, DescribeCache(session), hooks, QUERY, None, engine=engine).to_pandas()
        return frame["Name"].tolist(), wire.asked, sum(isinstance(event, TokenRenewed) for event in events)

    return read


@pytest.mark.catalogue("A1")
def test_a_token_that_ends_before_any_page_costs_one_renewal(reading):
    """Before whichever request the session ends, the rows are the same, each once, with one renewal."""
    expected, requests, _ = reading("rest", at=0)
    assert expected == [f"Account {n:02}" for n in range(ROWS)]
    assert requests >= ROWS // 6
    for at in range(1, requests + 1):
        names, asked, renewals = reading("rest", at)
        assert (names, renewals) == (expected, 2)
        assert requests < asked <= requests + 2  # a page is asked for while another one is


@pytest.mark.catalogue("A2")
@pytest.mark.parametrize("status", [401, 400])
def test_a_token_that_ends_during_a_job_costs_one_renewal(reading, status, tmp_path, monkeypatch):
    """While a Bulk job is made, asked after and read, a session that ends (told as 401 or as 400) costs no row."""
    monkeypatch.setenv("SFDATA_HOME", str(tmp_path))
    expected = [f"Account {n:02}" for n in range(ROWS)]
    for at in itertools.count(1):
        names, asked, renewals = reading("bulk", at, status)
        assert names == expected
        if asked < at:  # how often the job is asked after is up to the machine
            break
        assert renewals == 2
    assert at > 5


# --- an org that moves -----------------------------------------------------------------------------------------------

OLD, NEW, EVIL = "https://acme.my.salesforce.com", "https://acme2.my.salesforce.com", "https://acme.evil.example"
DESCRIBED = {
    "name": "Account",
    "fields": [{"name": f, "label": f, "type": t, "custom": False} for f, t in (("Id", "id"), ("Name", "string"))],
    "childRelationships": [],
}


class MovingOrg:
    """An org of six rows in pages of two that moves to ``goal`` after its first page; cursors stay behind."""

    def __init__(self, goal):
        self.goal, self.moved, self.seen, self.logins = goal, False, [], []

    def __call__(self, request):
        origin, path = f"{request.url.scheme}://{request.url.host}", request.url.path
        self.seen.append(origin)
        if path.endswith("/token"):
            self.logins.append(origin)
            at = self.goal if self.moved else OLD
            return httpx.Response(200, json={"access_token": f"00D!{len(self.logins)}", "instance_url": at})
        if origin != (self.goal if self.moved else OLD):
            return httpx.Response(401, json=[{"errorCode": "INVALID_SESSION_ID", "message": "moved"}])
        if path.endswith("/describe"):
            return httpx.Response(200, json=DESCRIBED)
        if path.endswith("/sobjects"):
            return httpx.Response(200, json={"sobjects": [{"name": "Account"}]})
        if "q" in request.url.params:
            return self.page(origin, 0)
        cursor, _, begin = path.rpartition("/")[2].rpartition("-")
        if not origin.endswith(f"{cursor}.my.salesforce.com"):
            message = [{"errorCode": "INVALID_QUERY_LOCATOR", "message": "unknown"}]
            return httpx.Response(400, json=message)
        return self.page(origin, int(begin))

    def page(self, origin, begin):
        ids = [f"001{n:015}" for n in range(begin, begin + 2)]
        url = "/services/data/v67.0/sobjects/Account"
        records = [{"attributes": {"type": "Account", "url": f"{url}/{id_}"}, "Id": id_, "Name": id_} for id_ in ids]
        more = {}
        if begin < 4:
            cursor = f"{httpx.URL(origin).host.partition('.')[0]}-{begin + 2}"
            more = {"nextRecordsUrl": f"/services/data/v67.0/query/{cursor}"}
        if origin == OLD:
            self.moved = True
        return httpx.Response(200, content=json.dumps({"totalSize": 6, "done": not more, "records": records, **more}))


def read_while_moving(goal):
    org, hooks = MovingOrg(goal), Hooks()
    flow = ClientCredentials(client_id="key", client_secret="s", login_url=OLD)
    with HttpSession(OrgConfig(OLD), flow, wire=httpx.MockTransport(org), hooks=hooks) as session:
        query = Soql(session, DescribeCache(session), hooks, "SELECT Id, Name FROM Account ORDER BY Name", None)
        try:
            return org, query.to_pandas()
        except AuthenticationError as problem:
            return org, problem


@pytest.mark.catalogue("A6", "S10")
def test_an_org_that_moves_is_followed_and_its_cursors_begin_anew():
    """A renewal that names another address of Salesforce is followed, and the read is whole; logins stay put."""
    org, frame = read_while_moving(NEW)
    assert frame["Id"].tolist() == [f"001{n:015}" for n in range(6)]
    assert org.logins == [OLD, OLD]
    assert NEW in org.seen


@pytest.mark.catalogue("A6", "S10")
def test_a_renewal_that_leads_elsewhere_is_refused():
    """A renewal that names a foreign host ends the read; that host is never asked anything."""
    org, problem = read_while_moving(EVIL)
    assert isinstance(problem, AuthenticationError)
    assert "evil.example" in problem.message
    assert EVIL not in org.seen
