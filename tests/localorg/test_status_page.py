"""The status page: true, readable without a script, and without a secret."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from html.parser import HTMLParser

import httpx
import pytest
from rig.local_rest import BASE, Rest

from sfdata.localorg import LocalOrg
from sfdata.localorg.request_log import MOST_ENTRIES, RequestLog, shown
from sfdata.localorg.status_page import _duration


class Tables(HTMLParser):
    """The tables of a page: for each, its rows of cell texts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self.facts: dict[str, str] = {}
        self._tag = self._fact = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tag = tag
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._tag = "td" if tag == "code" else ""

    def handle_data(self, data: str) -> None:
        if self._tag in ("td", "th", "code") and self.tables:
            self.tables[-1][-1][-1] += data
        elif self._tag == "dt":
            self._fact = data
        elif self._tag == "dd":
            self.facts[self._fact] = data


@pytest.fixture
def org() -> Iterator[LocalOrg]:
    with LocalOrg(scale=0.01) as running:
        yield running


@pytest.fixture
def web(org: LocalOrg) -> Iterator[Rest]:
    with Rest(org, org.access_token) as client:
        yield client


def page(org: LocalOrg) -> Tables:
    """The page as somebody without a session gets it."""
    reply = httpx.get(f"{org.instance_url}/", trust_env=False)
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "text/html;charset=UTF-8"
    return Tables(reply.text)


def test_objects_are_listed_with_their_rows(org: LocalOrg, web: Rest) -> None:
    """The numbers are those of COUNT() queries, and follow each write."""

    def count(name: str) -> int:
        return int(web.get(f"{BASE}/query", params={"q": f"SELECT COUNT() FROM {name}"}).json()["totalSize"])

    listed = {name: int(rows.replace(",", "")) for _, name, rows in page(org).tables[0][1:]}
    assert len(listed) > 10
    # Salesforce refuses to count the links of files without a filter.
    assert {**listed, "ContentDocumentLink": 0} == {
        name: count(name) if name != "ContentDocumentLink" else 0 for name in listed
    }
    record = web.post(f"{BASE}/sobjects/Account", json={"Name": "New"}).json()["id"]
    assert {name: rows for _, name, rows in page(org).tables[0]}["Account"] == str(listed["Account"] + 1)
    web.delete(f"{BASE}/sobjects/Account/{record}")
    assert {name: rows for _, name, rows in page(org).tables[0]}["Account"] == str(listed["Account"])


def test_requests_are_listed_newest_first(org: LocalOrg, web: Rest) -> None:
    """Method, path without its query, status, time; the page itself is not among them."""
    web.get(f"{BASE}/query", params={"q": "SELECT Id FROM Account WHERE Name = 'secret plan'"})
    web.post(f"{BASE}/sobjects/Nothing__c", json={})
    page(org)
    head, newest, older = page(org).tables[-1][:3]
    assert head == ["Time", "Method", "Path", "Status", "ms"]
    assert newest[1:4] == ["POST", f"{BASE}/sobjects/Nothing__c", "404"]
    assert older[1:4] == ["GET", f"{BASE}/query", "200"]
    assert re.fullmatch(r"\d\d:\d\d:\d\d", older[0])
    assert 0 < float(older[4]) < 5000


def test_jobs_are_listed_once_there_are_some(org: LocalOrg, web: Rest) -> None:
    """Operation, object, state and counts of Bulk jobs."""
    assert len(page(org).tables) == 2
    job = {"operation": "insert", "object": "Account", "lineEnding": "LF"}
    assert web.post(f"{BASE}/jobs/ingest", json=job).status_code == 200
    tables = page(org).tables
    assert len(tables) == 3
    assert tables[1][1][1:] == ["insert", "Account", "Open", "0", "0"]


def test_it_tells_what_the_org_is(org: LocalOrg, web: Rest) -> None:
    """Whose it is, how many calls are spent, where records are kept."""
    web.get(BASE)
    facts = page(org).facts
    assert facts["User"] == org.username
    assert facts["API calls in 24 h"] == "1 of 15,000"
    assert facts["Kept in"] == "memory"
    assert re.fullmatch(r"\d+ s", facts["Uptime"])


def test_it_holds_no_secret(org: LocalOrg, web: Rest) -> None:
    """Nothing that logs anybody in, wherever a client put it: in a path, a query, a form or a header."""
    secrets = [
        org.access_token,
        org.access_token.split("!")[1],
        org.client_id,
        org.client_secret,
        org.credentials.refresh_token,
        org.credentials.password,
        str(org.private_key_file),
    ]
    web.get(f"{BASE}/{org.access_token}")
    web.get(f"{BASE}/{org.access_token.replace('!', '%21')}")
    web.get("/services/oauth2/userinfo", params={"oauth_token": org.access_token})
    web.post("/services/oauth2/revoke", data={"token": "x", "password": org.credentials.password})
    web.post("/services/oauth2/token", params={"client_secret": org.client_secret})
    text = httpx.get(f"{org.instance_url}/", trust_env=False).text
    assert f"{org.org_id[:15]}!…" in text
    assert [secret for secret in secrets if secret in text] == []


@pytest.mark.catalogue("S25")
def test_what_clients_send_is_text(org: LocalOrg, web: Rest) -> None:
    """Markup in a path or a name is shown, not obeyed."""
    web.get(f"{BASE}/sobjects/<script>alert(1)</script>")
    web.get(f"{BASE}/sobjects/%3Cimg%20src=x%20onerror=alert(1)%3E")
    org.instance.store.update(org.instance.object("Organization"), org.org_id, {"Name": "<b>Acme</b> $name"})
    text = httpx.get(f"{org.instance_url}/", trust_env=False).text
    assert not re.search(r"<(script|img|b)\b", text)
    assert "&lt;b&gt;Acme&lt;/b&gt; $name" in text
    assert Tables(text).tables[-1][1][2] == f"{BASE}/sobjects/<img src=x onerror=alert(1)>"


def test_it_needs_no_script_and_nobody_elses_files(org: LocalOrg) -> None:
    """A meta refresh, a style for light and one for dark, no other resource, no form."""
    reply = httpx.get(f"{org.instance_url}/", trust_env=False)
    assert re.search(r'<meta http-equiv="refresh" content="\d+">', reply.text)
    assert "prefers-color-scheme: dark" in reply.text
    assert not re.search(r"<(script|link|img|iframe|form)\b|@import|url\(", reply.text)
    assert "default-src 'none'" in reply.headers["content-security-policy"]
    assert "form-action 'none'" in reply.headers["content-security-policy"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_it_is_read_only(org: LocalOrg, web: Rest, method: str) -> None:
    """Only GET and HEAD."""
    assert web.request(method, "/").status_code == 405
    assert web.head("/").status_code == 200


def test_it_is_for_this_machine_only(org: LocalOrg) -> None:
    """Another host name, and another site's page, get nothing."""
    for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
        assert httpx.get(f"{org.instance_url}/", headers=headers, trust_env=False).status_code == 403


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/a%20b", "/a b"),
        ("/a%0D%0Ab%1B[31m", "/a��b�[31m"),
        ("/x/00DLo0000000001!AQabc.def/y", "/x/00DLo0000000001!…/y"),
        ("/" + "a" * 500, "/" + "a" * 159 + "…"),
    ],
)
def test_paths_are_shown_on_one_line_and_in_short(path: str, text: str) -> None:
    """Decoded, without control characters, without a token's secret part, cut when long."""
    assert shown(path) == text


def test_the_log_is_bounded() -> None:
    """Only the latest requests are remembered."""
    log = RequestLog()
    for number in range(MOST_ENTRIES + 10):
        log.add("GET", f"/{number}", 200, 0.001)
    assert [entry.path for entry in log.latest()][:2] == [f"/{MOST_ENTRIES + 9}", f"/{MOST_ENTRIES + 8}"]
    assert len(log.latest()) == MOST_ENTRIES


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3_661, "1 h 1 min"), (86_400, "1 d"), (90_061, "1 d 1 h")],
)
def test_the_uptime_is_told_in_two_units(seconds: int, text: str) -> None:
    """The largest two that are not nothing."""
    assert _duration(timedelta(seconds=seconds)) == text
