"""Pages asked for ahead of time: what is asked, when, and what is believed of the answers."""

from __future__ import annotations

import json
import re
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfdata.errors import IncompleteResult, InvalidQueryLocator, ServerUnavailable
from sfdata.frames.decode import Page
from sfdata.transfer.page_stream import AHEAD, PageStream

ROOT = "/services/data/v67.0/query/01gAA000000001AYAQ"


class Org:
    """Serves the rows 0 … total-1 in pages of ``size``; ``faults`` maps an address to what happens there once."""

    def __init__(self, total, size, faults=None):
        self.total, self.size, self.faults = total, size, dict(faults or {})
        self.asked = []
        self.under_way = self.most_under_way = 0
        self.head_gates = {}
        self.lock = threading.Lock()

    def body(self, url):
        start = int(url.rsplit("-", 1)[1]) if url else 0
        stop = min(start + self.size, self.total)
        page = {"totalSize": self.total, "done": stop >= self.total}
        if stop < self.total:
            page["nextRecordsUrl"] = f"{ROOT}-{stop}"
        return page | {"records": list(range(start, stop))}

    def fetch(self, url, watch):
        """As a session would: the body in two pieces, the head first."""
        with self.lock:
            self.asked.append(url)
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
            fault = self.faults.pop(url, None)
        try:
            body = fault() if fault else self.body(url)
            raw = json.dumps(body).encode()
            cut = raw.index(b'"records"') + 4
            watch(raw[:cut])
            gate = self.head_gates.get(url)
            assert gate is None or gate.wait(5)
            watch(raw[cut:])
            return Page(body["totalSize"], body["done"], body.get("nextRecordsUrl"), body["records"])
        finally:
            with self.lock:
                self.under_way -= 1


def rows(org, **options):
    with PageStream(org.fetch, **options) as stream:
        return [row for page in stream for row in page.records]


def failing(error):
    def fail():
        raise error

    return fail


@given(st.integers(0, 40), st.integers(1, 7), st.booleans(), st.integers(1, 5))
def test_every_page_comes_once_and_in_order(total, size, ahead, parallel):
    """Whatever is asked ahead, the rows are those of a walk from page to page, and no page is asked for twice."""
    org = Org(total, size)
    assert rows(org, ahead=ahead, parallel=parallel) == list(range(total))
    assert sorted(org.asked, key=str) == sorted({*org.asked}, key=str)


def test_the_next_page_is_asked_for_while_this_one_arrives():
    """The head of a page is enough to ask for the page behind it."""
    org = Org(40, 10)
    second_asked = threading.Event()
    org.faults = {f"{ROOT}-10": lambda: second_asked.set() or org.body(f"{ROOT}-10")}
    org.head_gates = {None: second_asked}  # the first page's second half comes only then
    assert rows(org) == list(range(40))


def test_without_ahead_a_page_is_asked_for_when_it_is_wanted():
    """Taking a page asks for none behind it."""
    org = Org(40, 10)
    with PageStream(org.fetch, ahead=False) as stream:
        next(iter(stream))
        assert org.asked == [None]


def test_only_a_few_pages_are_asked_for_ahead():
    """A consumer that takes one page has caused a bounded number of requests."""
    org = Org(1000, 1)
    with PageStream(org.fetch) as stream:
        next(iter(stream))
        settled(org)
        assert len(org.asked) <= 2 + AHEAD


@pytest.mark.parametrize("parallel", [1, 4])
def test_the_second_page_can_be_held_back(parallel):
    """Whoever may decide against the other pages is told the rows first, and not charged for pages nobody takes."""
    org, told = Org(1000, 10), []
    with PageStream(org.fetch, parallel=parallel, hold_back=lambda *rows: told.append(rows) or True) as stream:
        pages = iter(stream)
        first = next(pages)
        settled(org)
        assert stream.held_back
        assert org.asked == [None]
        assert {*told} == {(1000, 10)}
        rest = [row for page in pages for row in page.records]
        assert not stream.held_back
    assert [*first.records, *rest] == list(range(1000))


def test_what_is_not_held_back_goes_on_early():
    """Asked and answered in the negative, the stream is as fast as without the question."""
    org = Org(1000, 10)
    with PageStream(org.fetch, hold_back=lambda total, rows: False) as stream:
        next(iter(stream))
        settled(org)
        assert not stream.held_back
        assert len(org.asked) > 1


def test_where_an_address_tells_no_rows_the_first_page_does():
    """The question is put with what is known: first the total alone, then with the page in hand."""
    org, told = Org(20, 10), []
    whole = org.body
    org.body = lambda at: {**whole(f"{ROOT}-10" if at else at), **({} if at else {"nextRecordsUrl": "/opaque"})}
    with PageStream(org.fetch, hold_back=lambda *rows: told.append(rows) or True) as stream:
        assert len([*stream]) == 2
    assert told == [(20, None), (20, 10)]


@pytest.mark.catalogue("Q1")
@pytest.mark.parametrize("parallel", [1, 4])
def test_a_page_that_failed_early_is_asked_for_again_in_its_turn(parallel):
    """An early request that fails is repeated once its turn has come, and nothing is asked early after that."""
    org = Org(60, 10, {f"{ROOT}-20": failing(ServerUnavailable("busy"))})
    assert rows(org, parallel=parallel) == list(range(60))
    again = len(org.asked) - 1 - org.asked[::-1].index(f"{ROOT}-20")
    assert org.asked.count(f"{ROOT}-20") == 2
    assert org.asked[again:] == [f"{ROOT}-{n}" for n in (20, 30, 40, 50)]


def test_a_page_that_fails_twice_raises():
    """A page that cannot be had is an error, never a shorter result."""
    org = Org(60, 10)
    fetch = org.fetch

    def expired(url, watch):
        if url == f"{ROOT}-20":
            raise InvalidQueryLocator("expired", error_code="INVALID_QUERY_LOCATOR")
        return fetch(url, watch)

    org.fetch = expired
    with pytest.raises(InvalidQueryLocator):
        rows(org)


# --- by offset -------------------------------------------------------------------------------------------------------


def test_parallel_pages_are_under_way_together():
    """With ``parallel`` that many pages are asked for at once, and no more."""
    org = Org(200, 10)
    started = threading.Barrier(4)
    org.faults = {
        f"{ROOT}-{n}": lambda n=n: (started.wait(5) and None) or org.body(f"{ROOT}-{n}") for n in (10, 20, 30, 40)
    }
    assert rows(org, parallel=4) == list(range(200))
    assert org.most_under_way <= 5, "the first page may still be on its way out"


BROKEN = {
    "refuses": lambda org, url: failing(InvalidQueryLocator("no", error_code="INVALID_QUERY_LOCATOR")),
    "begins again": lambda org, url: lambda: org.body(None),
    "sends a shorter page": lambda org, url: lambda: shorter(org.body(url)),
    "sends the page behind": lambda org, url: lambda: org.body(f"{ROOT}-40"),
    "ends early": lambda org, url: lambda: org.body(url) | {"done": True},
}


def shorter(body):
    rows_left = body["records"][:4]
    return body | {"records": rows_left, "nextRecordsUrl": f"{ROOT}-{rows_left[0] + 4}"}


@pytest.mark.parametrize("fault", BROKEN.values(), ids=BROKEN.keys())
@pytest.mark.parametrize("offset", [10, 30, 90])
def test_a_server_that_does_not_count_by_offset_is_asked_in_turn(fault, offset):
    """What does not follow the page before it is asked for again, page by page; no row is lost or doubled."""
    org = Org(100, 10)
    url = f"{ROOT}-{offset}"
    org.faults = {url: fault(org, url)}
    assert rows(org, parallel=4) == list(range(100))


@pytest.mark.parametrize("url", ["/services/data/v67.0/query/opaque", "/services/data/v67.0/query/abc-def"])
def test_an_address_without_an_offset_is_followed_as_it_is(url):
    """Nothing is made up where there is nothing to count."""
    org = Org(20, 10)
    whole = org.body
    org.body = lambda at: {**whole(f"{ROOT}-10" if at == url else at), **({} if at == url else {"nextRecordsUrl": url})}
    assert rows(org, parallel=4) == list(range(20))
    assert org.asked == [None, url]


# --- addresses -------------------------------------------------------------------------------------------------------


@pytest.mark.catalogue("Q9")
@pytest.mark.parametrize("ahead", [True, False])
@pytest.mark.parametrize(
    "broken",
    [{"nextRecordsUrl": None}, {"nextRecordsUrl": f"{ROOT}-10"}, {"records": []}],
    ids=["leads nowhere", "leads back", "is empty"],
)
def test_an_unfinished_page_must_lead_on(broken, ahead):
    """A walk that cannot reach its end is IncompleteResult, with what was read so far."""
    org = Org(40, 10)
    url = f"{ROOT}-20"
    org.faults = {url: lambda: org.body(url) | broken}
    with pytest.raises(IncompleteResult) as caught:
        rows(org, ahead=ahead)
    assert caught.value.expected == 40


def test_an_address_inside_a_record_is_not_taken_for_the_next_page():
    """Only the page's own head is read early: text and child pages further down name addresses, too."""
    decoy = {"Name": f'"nextRecordsUrl":"{ROOT}-30"', "Contacts": {"nextRecordsUrl": f"{ROOT}-30"}}
    org = Org(40, 10)
    whole = org.body
    org.body = lambda url: {**whole(url), "records": [{"n": n, **decoy} for n in whole(url)["records"]]}
    assert [row["n"] for row in rows(org)] == list(range(40))
    assert sorted(map(str, org.asked)) == sorted(["None", *(f"{ROOT}-{n}" for n in (10, 20, 30))])


@pytest.mark.parametrize("size", [1, 3, 7, 10_000])
def test_the_head_may_arrive_in_any_pieces(size):
    """However a page is cut into chunks, its address is found, and found once."""
    org = Org(30, 10)
    plain = org.fetch

    def piecewise(url, watch):
        def pieces(chunk):
            for start in range(0, len(chunk), size):
                watch(chunk[start : start + size])

        return plain(url, pieces)

    org.fetch = piecewise
    assert rows(org) == list(range(30))
    assert len(org.asked) == 3


# --- the end ---------------------------------------------------------------------------------------------------------


def test_closing_stops_what_is_under_way():
    """After close no page is asked for, and a page that still arrives is given up at its next chunk."""
    org = Org(1000, 10)
    ended = threading.Event()
    fetch = org.fetch

    def endless(url, watch):
        if url is None:
            return fetch(url, watch)
        try:
            while True:
                watch(b" ")
                time.sleep(0.001)
        finally:
            ended.set()

    with PageStream(endless) as stream:
        next(iter(stream))
    assert ended.wait(5)
    names = re.compile("sfdata page")
    deadline = time.monotonic() + 5
    while any(names.match(thread.name) for thread in threading.enumerate()) and time.monotonic() < deadline:
        time.sleep(0.001)
    assert not [thread.name for thread in threading.enumerate() if names.match(thread.name)]


def settled(org):
    """Wait until nothing has been asked for, and nothing been under way, for a moment."""
    quiet, before = 0, -1
    while quiet < 20:
        time.sleep(0.002)
        quiet = quiet + 1 if len(org.asked) == before and not org.under_way else 0
        before = len(org.asked)
