"""Conditional requests over the wire: who has it already, who must not write, who asks for nonsense."""

from __future__ import annotations

import pytest
from rig.local_rest import Rest

BASE = "/services/data/v66.0/sobjects"
PAST, FUTURE = "Sat, 01 Jan 2000 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"
BEYOND = "Sat, 01 Jan 99999999999 00:00:00 GMT"


@pytest.fixture
def account(web: Rest) -> str:
    return f"{BASE}/Account/{web.post(f'{BASE}/Account', json={'Name': 'A', 'Description': 'x' * 2000}).json()['id']}"


@pytest.fixture
def contact(web: Rest) -> str:
    return f"{BASE}/Contact/{web.post(f'{BASE}/Contact', json={'LastName': 'A'}).json()['id']}"


@pytest.mark.parametrize(
    ("conditions", "status"),
    [
        ({"If-Modified-Since": FUTURE}, 304),
        ({"If-Modified-Since": PAST}, 200),
        ({"If-Unmodified-Since": PAST}, 412),
        ({"If-Unmodified-Since": FUTURE}, 200),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": '"other"', "If-Modified-Since": FUTURE}, 200),
        ({"If-Match": '"other"'}, 412),
        ({"If-Match": "*"}, 200),
        ({"If-Match": "*", "If-Unmodified-Since": PAST}, 200),
        ({"If-Modified-Since": "soon"}, 200),
        ({"If-Unmodified-Since": "soon"}, 200),
        ({"If-Modified-Since": BEYOND}, 200),
        ({"If-Match": "unquoted"}, 200),
    ],
)
def test_reading_under_conditions(web: Rest, account: str, conditions: dict[str, str], status: int) -> None:
    """As HTTP has it: tags win over dates, what has no meaning is ignored; 304 and 412 have no body."""
    for path in (account, f"{BASE}/Account/describe", BASE):
        reply = web.get(path, headers=conditions)
        assert reply.status_code == status, path
        assert bool(reply.content) == (status == 200)
        assert web.head(path, headers=conditions).status_code == status


def test_a_compressed_answer_has_the_same_tag(web: Rest, account: str) -> None:
    """The tag of a compressed answer is marked, and both marked and unmarked mean the same state."""
    marked = web.get(account).headers["ETag"]
    plain = web.get(account, headers={"Accept-Encoding": "identity"}).headers["ETag"]
    deflated = web.get(account, headers={"Accept-Encoding": "deflate"}).headers["ETag"]
    assert (marked, deflated) == (f'{plain[:-1]}--gzip"', f'{plain[:-1]}--deflate"')
    for tag in (marked, plain, deflated, f'"other", W/{marked}'):
        assert web.get(account, headers={"If-None-Match": tag}).status_code == 304
        assert web.get(account, headers={"If-Match": tag}).status_code == 200


@pytest.mark.parametrize(
    ("conditions", "status"),
    [
        ({"If-Unmodified-Since": PAST}, 412),
        ({"If-Unmodified-Since": FUTURE}, 204),
        ({"If-Match": '"other"'}, 412),
        ({"If-None-Match": "*"}, 412),
        ({"If-None-Match": '"other"'}, 204),
        ({"If-Modified-Since": FUTURE}, 204),
        ({"If-Unmodified-Since": "soon"}, 400),
        ({"If-Unmodified-Since": BEYOND}, 400),
        ({"If-Match": "unquoted"}, 400),
        ({"If-None-Match": "unquoted"}, 400),
    ],
)
def test_writing_under_conditions(web: Rest, account: str, conditions: dict[str, str], status: int) -> None:
    """A condition that fails or has no meaning leaves the row as it is."""
    reply = web.patch(account, json={"Name": "B"}, headers=conditions)
    assert reply.status_code == status
    assert bool(reply.content) == (status == 400)
    assert web.get(account).json()["Name"] == ("B" if status == 204 else "A")


def test_upserts_heed_conditions_too(web: Rest) -> None:
    """They hold for the row that is there; a row to be created has no state yet."""
    path = f"{BASE}/Account/Ext__c/P-1"
    assert web.patch(path, json={"Name": "A"}, headers={"If-Unmodified-Since": PAST}).status_code == 201
    assert web.patch(path, json={"Name": "B"}, headers={"If-Unmodified-Since": PAST}).status_code == 412
    assert web.get(path).json()["Name"] == "A"


def test_tags_are_of_accounts_only(web: Rest, contact: str) -> None:
    """Other rows have a date and no tag, so conditions on tags are ignored."""
    reply = web.get(contact, headers={"If-Match": '"other"', "If-None-Match": "*"})
    assert reply.status_code == 200
    assert "ETag" not in reply.headers
    assert web.get(contact, headers={"If-Modified-Since": reply.headers["Last-Modified"]}).status_code == 304
