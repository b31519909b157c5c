"""Rows held by somebody else: UNABLE_TO_LOCK_ROW where a write touches them, as often as a test wants it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from rig.local_rest import BASE, Rest

from sfdata.localorg import LocalOrg

LOCKS = "/localorg/locks"
CODE = "UNABLE_TO_LOCK_ROW"


@pytest.fixture
def account(org: LocalOrg, web: Rest) -> Iterator[str]:
    """An account, and no lock before or after."""
    yield web.created("Account", Name="Acme")
    org.locks.release()


def message(*ids: str) -> str:
    return f"unable to obtain exclusive access to this record or {len(ids)} records: {','.join(ids)}"


def test_a_held_row_cannot_be_written(web: Rest, account: str) -> None:
    """Update, upsert and delete of the row are refused, with status 400 and its Id, until it is released."""
    path = f"{BASE}/sobjects/Account/{account}"
    held = web.post(LOCKS, json={"ids": [account[:15]]})
    assert (held.status_code, held.json()) == (200, {"locks": [{"id": account, "times": None}]})
    for method in ("PATCH", "DELETE", "PATCH"):
        reply = web.request(method, path, json={"Name": "New"} if method == "PATCH" else None)
        assert (reply.status_code, reply.json()) == (
            400,
            [{"message": message(account), "errorCode": CODE, "fields": []}],
        )
    assert web.get(path).json()["Name"] == "Acme"
    assert web.delete(LOCKS, params={"ids": account}).status_code == 204
    assert web.get(LOCKS).json() == {"locks": []}
    assert web.patch(path, json={"Name": "New"}).status_code == 204


def test_nor_can_its_children(web: Rest, account: str) -> None:
    """Rows that refer to it, or are to, or did, are refused as well; others are not."""
    contact, free = (
        web.created("Contact", LastName="A", AccountId=account),
        web.created("Contact", LastName="B"),
    )
    web.post(LOCKS, json={"ids": [account]})
    for method, path, body in (
        ("POST", "Contact", {"LastName": "C", "AccountId": account}),
        ("PATCH", f"Contact/{contact}", {"FirstName": "Al"}),
        ("PATCH", f"Contact/{contact}", {"AccountId": None}),
        ("PATCH", f"Contact/{free}", {"AccountId": account}),
        ("DELETE", f"Contact/{contact}", None),
    ):
        (error,) = web.request(method, f"{BASE}/sobjects/{path}", json=body).json()
        assert (error["errorCode"], error["message"]) == (CODE, message(account)), (method, path)
    assert web.patch(f"{BASE}/sobjects/Contact/{free}", json={"FirstName": "Bo"}).status_code == 204


def test_who_made_a_row_is_not_touched_by_it(org: LocalOrg, web: Rest, account: str) -> None:
    """A held user holds the rows it owns, but not all that it created or changed."""
    org.locks.hold([org.user_id])
    assert web.created("Product2", Name="Wheel")
    (error,) = web.patch(f"{BASE}/sobjects/Account/{account}", json={"Name": "New"}).json()
    assert error["message"] == message(org.user_id)


def test_a_cascade_meets_the_locks_of_what_goes_along(web: Rest, account: str) -> None:
    """A delete that takes a held row along is refused as a whole."""
    contact = web.created("Contact", LastName="A", AccountId=account)
    web.post(LOCKS, json={"ids": [contact]})
    (error,) = web.delete(f"{BASE}/sobjects/Account/{account}").json()
    assert error["message"] == message(contact)
    assert web.get(f"{BASE}/sobjects/Account/{account}").status_code == 200


def test_it_ends_by_itself(web: Rest, account: str) -> None:
    """With ``times`` that many rows are refused, and the next one is written."""
    web.post(LOCKS, json={"ids": [account], "times": 2})
    statuses = [web.patch(f"{BASE}/sobjects/Account/{account}", json={"Name": "N"}).status_code for _ in range(4)]
    assert statuses == [400, 400, 204, 204]
    assert web.get(LOCKS).json() == {"locks": []}


def test_each_row_of_a_collection_counts(web: Rest, account: str) -> None:
    """In a collection every row has its own error, and rows beyond ``times`` are written."""
    web.post(LOCKS, json={"ids": [account], "times": 2})
    row = {"attributes": {"type": "Contact"}, "LastName": "L", "AccountId": account}
    rows = [row, {**row, "AccountId": None}, row, row]
    results = web.post(f"{BASE}/composite/sobjects", json={"records": rows}).json()
    assert [result["success"] for result in results] == [False, True, False, True]
    assert results[0]["errors"] == [{"statusCode": CODE, "message": message(account), "fields": []}]


def test_a_refused_write_leaves_locks_to_others(web: Rest, account: str) -> None:
    """A row that is wrong is refused for that, and uses up no lock."""
    web.post(LOCKS, json={"ids": [account], "times": 1})
    (error,) = web.patch(f"{BASE}/sobjects/Account/{account}", json={"Nme": "x"}).json()
    assert error["errorCode"] == "INVALID_FIELD"
    assert web.get(LOCKS).json() == {"locks": [{"id": account, "times": 1}]}


def test_bulk(org: LocalOrg, account: str, bulk: Any) -> None:
    """In a bulk job the rows that touch a held parent fail, with no field; sent again they succeed."""
    data = f"LastName,AccountId\nOne,{account}\nTwo,\n"
    org.locks.hold([account], times=1)
    job = bulk.ingest(data, object="Contact")
    (failed,) = bulk.rows(job, "failedResults")
    assert (failed["LastName"], failed["sf__Error"]) == ("One", f"{CODE}:{message(account)}:--")
    assert bulk.ingest(data, object="Contact")["numberRecordsFailed"] == 0


def test_two_held_rows_are_both_named(org: LocalOrg, web: Rest, account: str) -> None:
    """A write that touches several held rows names them all, and counts for each."""
    contact = web.created("Contact", LastName="A", AccountId=account)
    org.locks.hold([account, contact], times=2)
    (error,) = web.patch(f"{BASE}/sobjects/Contact/{contact}", json={"FirstName": "Al"}).json()
    assert error["message"] == message(account, contact)
    assert org.locks.held() == {account: 1, contact: 1}


def test_the_resource_is_no_api(org: LocalOrg, account: str) -> None:
    """Holding rows needs no session, and is no API call."""
    used = org.instance.usage.used
    with Rest(org) as stranger:
        assert stranger.post(LOCKS, json={"ids": [account]}).status_code == 200
        assert stranger.get(LOCKS).json() == {"locks": [{"id": account, "times": None}]}
        assert stranger.delete(LOCKS).status_code == 204
        assert (
            stranger.post(LOCKS, json={"ids": [account]}, headers={"Origin": "https://evil.example"}).status_code == 403
        )
    assert org.instance.usage.used == used
    assert org.locks.held() == {}


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("[]", "ids, a list of record Ids"),
        ("{}", "ids, a list of record Ids"),
        ('{"ids": []}', "ids, a list of record Ids"),
        ('{"ids": [1]}', "ids, a list of record Ids"),
        ('{"ids": ["001Lo0000000001IAA"], "time": 1}', "perhaps times"),
        ('{"ids": ["001Lo0000000001IAA"], "times": "1"}', "times must be a whole number, not '1'"),
        ('{"ids": ["001Lo0000000001IAA"], "times": true}', "times must be a whole number, not True"),
        ('{"ids": ["001Lo0000000001IAA"], "times": 0}', "times must be 1 or more, not 0"),
        ('{"ids": ["001"]}', "'001' is no record Id"),
        ("{", "Unexpected end-of-input"),
    ],
)
def test_bad_requests(org: LocalOrg, web: Rest, body: str, complaint: str) -> None:
    """What cannot be held is refused with the reason, and nothing is."""
    reply = web.post(LOCKS, content=body, headers={"Content-Type": "application/json"})
    assert reply.status_code == 400
    assert complaint in reply.json()[0]["message"]
    assert org.locks.held() == {}
    assert web.delete(LOCKS, params={"ids": "x"}).json()[0]["message"] == "'x' is no record Id"
