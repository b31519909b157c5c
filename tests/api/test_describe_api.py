"""The describe cache: asked once, checked when it ages, shared by threads."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from sfdata.api.describe import DescribeCache
from sfdata.errors import AccessDenied, InvalidType, NotFound, UnreadableAnswer

BASE = "/services/data/v67.0"
STAMP = "Tue, 03 Nov 2026 09:00:00 GMT"


class Clock:
    seconds = 0.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def describes(session, clock):
    return DescribeCache(session, clock)


def account(label="Account"):
    return {"name": "Account", "label": label, "fields": [{"name": "Id", "label": "Id", "type": "id"}]}


def stamped(answer):
    """Answers with a date, and with 304 to whoever knows that date."""

    def handler(request):
        if request.headers.get("if-modified-since") == STAMP:
            return httpx.Response(304, headers={"last-modified": STAMP})
        return httpx.Response(200, json=answer, headers={"last-modified": STAMP})

    return handler


def test_an_object_is_asked_for_once(describes, org):
    """The second look at an object, in any spelling, is answered from memory."""
    org.resources[f"{BASE}/sobjects/account/describe"] = account()
    first = describes.object("account")
    assert first.name == "Account"
    assert first.field("ID").type == "id"
    assert describes.object("Account") is first
    assert describes.object("ACCOUNT") is first
    assert len(org.seen) == 1


def test_an_old_describe_is_checked_and_kept_if_unchanged(describes, org, clock):
    """After five minutes the org is asked whether it changed; 304 means the one in hand is good for another five."""
    org.resources[f"{BASE}/sobjects/Account/describe"] = stamped(account())
    first = describes.object("Account")
    clock.seconds = 299.0
    describes.object("Account")
    assert len(org.seen) == 1
    clock.seconds = 300.0
    assert describes.object("Account") is first
    assert org.seen[1].headers["if-modified-since"] == STAMP
    clock.seconds = 599.0
    describes.object("Account")
    assert len(org.seen) == 2


def test_a_changed_describe_replaces_the_old_one(describes, org, clock):
    """A field added meanwhile is seen after the check; without a date the answer is simply fetched anew."""
    org.resources[f"{BASE}/sobjects/Account/describe"] = account("Old")
    assert describes.object("Account")["label"] == "Old"
    org.resources[f"{BASE}/sobjects/Account/describe"] = account("New")
    clock.seconds = 300.0
    assert describes.object("Account")["label"] == "New"
    assert "if-modified-since" not in org.seen[1].headers


def test_forgetting_asks_again(describes, org):
    """`forget` drops everything known."""
    org.resources[f"{BASE}/sobjects/Account/describe"] = stamped(account())
    describes.object("Account")
    describes.forget()
    describes.object("Account")
    assert len(org.seen) == 2
    assert "if-modified-since" not in org.seen[1].headers


def test_threads_share_one_request(describes, org):
    """Eight threads that want the same object make one request; another object does not wait for it."""
    other_done = threading.Event()

    def slow(request):
        assert other_done.wait(5)
        return httpx.Response(200, json=account())

    org.resources[f"{BASE}/sobjects/Account/describe"] = slow
    org.resources[f"{BASE}/sobjects/Lead/describe"] = {**account(), "name": "Lead"}
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(describes.object, "Account") for _ in range(8)]
        assert describes.object("Lead").name == "Lead"
        other_done.set()
        assert len({id(one.result(5)) for one in waiting}) == 1
    assert sum("Account" in request.url.path for request in org.seen) == 1


def test_a_failure_is_not_remembered(describes, org):
    """An object that could not be described is asked for again."""
    org.resources[f"{BASE}/sobjects/Account/describe"] = httpx.Response(403, json=[{"errorCode": "X", "message": "m"}])
    with pytest.raises(AccessDenied):
        describes.object("Account")
    org.resources[f"{BASE}/sobjects/Account/describe"] = account()
    assert describes.object("Account").name == "Account"


# --- names that do not exist -----------------------------------------------------------------------------------------


def test_an_unknown_object_is_answered_with_the_nearest_name(describes, org):
    """The org's 404 becomes InvalidType, and the hint names what was probably meant."""
    org.resources[f"{BASE}/sobjects"] = {"sobjects": [{"name": "Account"}, {"name": "Opportunity"}]}
    with pytest.raises(InvalidType) as refusal:
        describes.object("oportunity")
    assert refusal.value.error_code == "INVALID_TYPE"
    assert "oportunity" in refusal.value.message
    assert refusal.value.hint == "Did you mean Opportunity?"


def test_an_unknown_object_without_a_near_name_gets_general_advice(describes, org):
    """Where nothing is near, or the list cannot be had, the usual hint stands."""
    with pytest.raises(InvalidType, match="API names"):
        describes.object("Zzz")
    org.resources[f"{BASE}/sobjects"] = {"sobjects": [{"name": "Account"}]}
    with pytest.raises(InvalidType, match="API names"):
        describes.object("Zzz")


@pytest.mark.parametrize("name", ["", "a/b", "../x", "Account?x=1", "Acc ount", "Ä", "1x", "Account/describe#"])
def test_a_name_no_object_can_have_is_not_sent(describes, org, name):
    """A name that could change the path is refused here."""
    org.resources[f"{BASE}/sobjects"] = {"sobjects": []}
    with pytest.raises(InvalidType):
        describes.object(name)
    assert [request.url.path for request in org.seen] == [f"{BASE}/sobjects"]


def test_another_missing_thing_is_not_taken_for_a_missing_object(describes, org):
    """A 404 with a code of its own keeps its meaning."""
    org.resources[f"{BASE}/sobjects/Account/describe"] = httpx.Response(
        404, json=[{"errorCode": "ENTITY_IS_DELETED", "message": "m"}]
    )
    with pytest.raises(NotFound):
        describes.object("Account")


# --- the list of objects ---------------------------------------------------------------------------------------------


def test_the_list_of_objects_is_cached_like_an_object(describes, org, clock):
    """Describe global is asked once, then checked by its date."""
    org.resources[f"{BASE}/sobjects"] = stamped({"encoding": "UTF-8", "sobjects": [{"name": "Account"}]})
    assert describes.global_()["sobjects"] == [{"name": "Account"}]
    describes.global_()
    assert len(org.seen) == 1
    clock.seconds = 301.0
    assert describes.global_()["encoding"] == "UTF-8"
    assert org.seen[1].headers["if-modified-since"] == STAMP


@pytest.mark.parametrize("answer", [b"[]", b"{}", b'{"sobjects":5}', b'{"fields":[]}', b"5"])
def test_an_answer_that_is_no_describe_is_unreadable(describes, org, answer):
    """An answer of another form is an error and is not kept."""
    org.resources[f"{BASE}/sobjects"] = answer
    org.resources[f"{BASE}/sobjects/Account/describe"] = answer
    with pytest.raises(UnreadableAnswer):
        describes.global_()
    with pytest.raises(UnreadableAnswer):
        describes.object("Account")
