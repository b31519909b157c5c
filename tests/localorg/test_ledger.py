"""The ledger: every effect on a row that lasts, once, by the request that had it; and none that does not last."""

from __future__ import annotations

import hashlib
import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from rig.local_rest import BASE, Rest

from sfdata.localorg import LocalOrg
from sfdata.localorg.ledger import Effect

LEDGER = "/localorg/ledger"
REQUEST_ID = "X-SFDC-Request-Id"


class Book:
    """What has been added to the ledger since the last look."""

    def __init__(self, org: LocalOrg) -> None:
        self._org = org
        self._last = len(org.ledger.effects())

    def new(self) -> list[Effect]:
        found = self._org.ledger.effects(self._last)
        self._last += len(found)
        return found

    def told(self) -> list[tuple[str, str]]:
        return [(effect.id, effect.effect) for effect in self.new()]


@pytest.fixture
def book(org: LocalOrg) -> Book:
    return Book(org)


def test_each_write_is_told_with_the_request_that_had_it(web: Rest, book: Book, org: LocalOrg) -> None:
    """Created, updated, deleted: object, Id, the Id of the request as its answer bears it, a fingerprint, the time."""
    started = datetime.now(UTC)
    reply = web.post(f"{BASE}/sobjects/Account", json={"Name": "A"})
    record = reply.json()["id"]
    replies = [reply, web.patch(f"{BASE}/sobjects/Account/{record}", json={"Name": "B"})]
    replies.append(web.delete(f"{BASE}/sobjects/Account/{record}"))
    effects = book.new()
    assert [(effect.object, effect.id) for effect in effects] == [("Account", record)] * 3
    assert [effect.effect for effect in effects] == ["created", "updated", "deleted"]
    assert [effect.request for effect in effects] == [reply.headers[REQUEST_ID] for reply in replies]
    assert len({effect.request for effect in effects}) == 3
    fingerprint = hashlib.sha256(org.access_token.encode()).hexdigest()[:12]
    assert {effect.session for effect in effects} == {fingerprint}
    times = [datetime.fromisoformat(effect.at) for effect in effects]
    assert started.replace(microsecond=0) <= times[0] <= times[1] <= times[2] <= datetime.now(UTC)


def test_what_does_not_last_is_not_told(web: Rest, book: Book) -> None:
    """A refused record, and the good ones of a call that is all or none, have left nothing and are not in the book."""
    assert web.post(f"{BASE}/sobjects/Account", json={}).status_code == 400
    records = [{"attributes": {"type": "Account"}, **fields} for fields in ({"Name": "good"}, {})]
    reply = web.post(f"{BASE}/composite/sobjects", json={"allOrNone": True, "records": records})
    assert [outcome["success"] for outcome in reply.json()] == [False, False]
    assert book.told() == []
    reply = web.post(f"{BASE}/composite/sobjects", json={"allOrNone": False, "records": records})
    assert book.told() == [(reply.json()[0]["id"], "created")]


def test_what_goes_along_is_told_too(web: Rest, book: Book) -> None:
    """Deleting an account deletes its contacts by the same request; reads and failures have no effect."""
    account = web.created("Account", Name="parent")
    contact = web.created("Contact", LastName="child", AccountId=account)
    web.get(f"{BASE}/sobjects/Account/{account}")
    web.patch(f"{BASE}/sobjects/Account/{account}", json={"Nonsense": 1})
    book.new()
    reply = web.delete(f"{BASE}/sobjects/Account/{account}")
    effects = book.new()
    assert sorted((effect.id, effect.effect) for effect in effects) == [(account, "deleted"), (contact, "deleted")]
    assert {effect.request for effect in effects} == {reply.headers[REQUEST_ID]}


def test_rows_of_a_job_belong_to_the_request_that_closed_it(web: Rest, bulk: Any, book: Book) -> None:
    """However long afterwards they are written, and by which thread; each row once, and no refused one."""
    job = bulk.create()
    bulk.call("PUT", f"ingest/{job['id']}/batches", content='Name\na\n""\nb\n', headers={"Content-Type": "text/csv"})
    closed = bulk.call("PATCH", f"ingest/{job['id']}", json={"state": "UploadComplete"})
    web.get(f"{BASE}/limits")
    job = bulk.wait("ingest", job["id"])
    effects = book.new()
    ids = {row["sf__Id"] for row in bulk.rows(job, "successfulResults")}
    assert {effect.id for effect in effects} == ids
    assert [effect.effect for effect in effects] == ["created", "created"]
    assert {effect.request for effect in effects} == {closed.headers[REQUEST_ID]}
    bulk.ingest("Id\n" + "\n".join(ids) + "\n", operation="hardDelete")
    assert sorted(book.told()) == sorted((record, effect) for record in ids for effect in ("deleted", "purged"))


def test_requests_at_the_same_time_are_not_mixed_up(web: Rest, book: Book) -> None:
    """Four threads write; each record stands beside the request that was answered with its Id."""
    told: dict[str, str] = {}

    def write() -> None:
        for n in range(10):
            reply = web.post(f"{BASE}/sobjects/Account", json={"Name": f"t{n}"})
            told[reply.json()["id"]] = reply.headers[REQUEST_ID]

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {effect.id: effect.request for effect in book.new()} == told
    assert len(set(told.values())) == 40


def test_it_is_read_from_where_one_left_off(web: Rest, tester: Rest) -> None:
    """``since`` is a sequence number; what is told is what is behind it, and the number to ask from next."""
    last = tester.get(LEDGER).json()["last"]
    ids = [web.created("Account", Name=f"s{n}") for n in range(3)]
    answer = tester.get(LEDGER, params={"since": last}).json()
    assert [effect["id"] for effect in answer["effects"]] == ids
    assert [effect["sequence"] for effect in answer["effects"]] == [last + 1, last + 2, last + 3]
    assert answer["done"]
    assert answer["last"] == last + 3
    assert tester.get(LEDGER, params={"since": answer["last"]}).json() == {
        "effects": [],
        "last": last + 3,
        "done": True,
    }
    for wrong in ("x", "-1", "1.5", ""):
        assert tester.get(LEDGER, params={"since": wrong}).status_code == 400


@pytest.mark.catalogue("S31")
def test_only_the_fault_token_opens_it(web: Rest) -> None:
    """A session does not."""
    assert web.get(LEDGER).status_code == 401


def test_it_begins_with_the_first_look() -> None:
    """Nobody pays for a book that nobody reads: without a look there are no triggers; what came before is not told."""
    with LocalOrg(sample_data=False) as own:
        connection = own.instance.store.connection
        with Rest(own, own.access_token) as web:
            web.created("Account", Name="before")
            assert connection.execute("SELECT count(*) FROM sqlite_temp_master WHERE type = 'trigger'").fetchone() == (
                0,
            )
            assert own.ledger.effects() == []
            after = web.created("Account", Name="after")
        assert [(effect.id, effect.effect) for effect in own.ledger.effects()] == [(after, "created")]


def test_undeleting_is_told(org: LocalOrg, book: Book, web: Rest) -> None:
    """A row that leaves the recycle bin is undeleted, and not merely changed."""
    record = web.created("Account", Name="back")
    web.delete(f"{BASE}/sobjects/Account/{record}")
    account = org.instance.object("Account")
    org.instance.store.update(account, record, {"IsDeleted": 0})
    assert book.told() == [(record, "created"), (record, "deleted"), (record, "undeleted")]
