"""A session that the org ends while a result is read, at each of its pages."""

from __future__ import annotations

import httpx
import pytest
from rig.in_process import URL, InProcessOrg

from sfdata.api.describe import DescribeCache
from sfdata.auth.flows import ClientCredentials
from sfdata.config import OrgConfig
from sfdata.resilience.hooks import Hooks
from sfdata.transfer.soql_query import Soql
from sfdata.transport.http_session import HttpSession

ROWS, PAGE = 11, 3
NAMES = [f"n{number:02}" for number in range(ROWS)]


@pytest.fixture(scope="module")
def org():
    with InProcessOrg() as running:
        running.instance.engine.page_size = PAGE
        for name in NAMES:
            running.ask("POST", "sobjects/Account", json={"Name": name})
        yield running


class Ending(httpx.BaseTransport):
    """The way to the org, which ends the session before it looks at the page number ``at``, from 1."""

    def __init__(self, org, at):
        self.org, self.way, self.at = org, org.wire(), at
        self.pages, self.logins = 0, 0

    def handle_request(self, request):
        self.logins += request.url.path.endswith("/token")
        if "/query" in request.url.path:
            self.pages += 1
            if self.pages == self.at:
                self.org.instance.sessions.revoke(request.headers["authorization"].split()[1])
        return self.way.handle_request(request)


@pytest.mark.catalogue("A1")
@pytest.mark.parametrize("at", [1, 2, 3, 4, None])
def test_a_session_that_ends_at_any_page_costs_one_login_and_that_page(org, at):
    """Every row once and in order; the page that was refused is asked for again, and no other."""
    known, wire = org.instance.credentials, Ending(org, at)
    flow = ClientCredentials(client_id=known.client_id, client_secret=known.client_secret, login_url=URL)
    with HttpSession(OrgConfig(URL), flow, wire=wire) as session:
        query = "SELECT Name FROM Account ORDER BY Name"
        batches = Soql(session, DescribeCache(session), Hooks(), query).to_reader()
        assert batches.read_all()["Name"].to_pylist() == NAMES
    assert wire.logins == (1 if at is None else 2)
    assert wire.pages == -(-ROWS // PAGE) + (at is not None)
