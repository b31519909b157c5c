"""The org's account of what changed and what was deleted, and its clock."""

from __future__ import annotations

import datetime as dt
from urllib.parse import parse_qs

import httpx
import pytest

from sfdata.api.replication import Deleted, OrgClock, Updated, get_deleted, get_updated, org_clock
from sfdata.errors import InvalidType, ResponseError, UnreadableAnswer

DATA = "/services/data/v67.0"
UPDATED, DELETED = f"{DATA}/sobjects/Account/updated/", f"{DATA}/sobjects/Account/deleted/"
ORGANIZATION = {"totalSize": 1, "done": True, "records": [{"Id": "00DAA000000000AMAQ"}]}


def at(text):
    return dt.datetime.fromisoformat(f"2026-11-{text}+00:00")


def windows(org):
    """The windows asked for, as the org would read them."""
    return [
        tuple(parse_qs(request.url.query.decode())[name][0] for name in ("start", "end"))
        for request in org.seen
        if "start" in request.url.query.decode()
    ]


def test_the_org_says_who_it_is_and_what_time_it_has(session, org):
    """The Id is the organization's, the time that of the answer's Date header, whatever this machine thinks."""
    headers = {"Date": "Sat, 07 Mar 2015 10:11:12 GMT", "content-type": "application/json"}
    org.resources[f"{DATA}/query"] = httpx.Response(200, json=ORGANIZATION, headers=headers)
    assert org_clock(session) == OrgClock("00DAA000000000AMAQ", dt.datetime(2015, 3, 7, 10, 11, 12, tzinfo=dt.UTC))
    assert parse_qs(org.seen[0].url.query.decode()) == {"q": ["SELECT Id FROM Organization"]}


NO_CLOCK = {
    "no date": (ORGANIZATION, None),
    "a garbled date": (ORGANIZATION, "yesterday"),
    "no organization": ({**ORGANIZATION, "records": []}, "Sat, 07 Mar 2015 10:11:12 GMT"),
    "no records": ({}, "Sat, 07 Mar 2015 10:11:12 GMT"),
}


@pytest.mark.parametrize(("answer", "date"), NO_CLOCK.values(), ids=NO_CLOCK.keys())
def test_an_org_without_a_clock_is_unreadable(session, org, answer, date):
    """Who does not say who and when is refused: our own clock is no substitute."""
    headers = {"content-type": "application/json", **({"Date": date} if date else {})}
    org.resources[f"{DATA}/query"] = httpx.Response(200, json=answer, headers=headers)
    with pytest.raises(UnreadableAnswer):
        org_clock(session)


def test_updated_ids_come_with_the_time_they_cover(session, org):
    """The window goes out as the vendor writes it, without seconds, in UTC; Ids and times come back as values."""
    org.resources[UPDATED] = {"ids": ["001A", "001B"], "latestDateCovered": "2026-11-20T08:17:00.000+0000"}
    east = dt.timezone(dt.timedelta(hours=2))
    start = dt.datetime(2026, 11, 20, 9, 15, 59, 123, tzinfo=east)
    assert get_updated(session, "Account", start, at("20T09:00:01")) == Updated(("001A", "001B"), at("20T08:17"))
    assert windows(org) == [("2026-11-20T07:15:00+00:00", "2026-11-20T09:00:00+00:00")]
    assert b"%2B00%3A00" in org.seen[0].url.query


def test_deleted_records_come_with_their_times(session, org):
    """Each record with the time it was deleted, and how far back the org remembers."""
    org.resources[DELETED] = {
        "deletedRecords": [{"id": "001A", "deletedDate": "2026-11-20T07:22:07.000+0000"}],
        "earliestDateAvailable": "2026-11-05T15:57:00.000+0000",
        "latestDateCovered": "2026-11-20T08:20:00.000+0000",
    }
    found = get_deleted(session, "Account", at("20T07:00"), at("20T09:00"))
    assert found == Deleted({"001A": at("20T07:22:07")}, at("05T15:57"), at("20T08:20"))


def test_what_the_org_does_not_say_is_not_made_up(session, org):
    """Without dates in the answer, the window is covered to its end and nothing is known of what was forgotten."""
    org.resources[DELETED] = {"deletedRecords": []}
    assert get_deleted(session, "Account", at("20T07:00"), at("20T09:00")) == Deleted({}, None, at("20T09:00"))
    org.resources[UPDATED] = {"ids": []}
    assert get_updated(session, "Account", at("20T07:00"), at("20T09:00")) == Updated((), at("20T09:00"))


def limited(times, most, answer):
    """An org that lists at most ``most`` of the things that happened at ``times``."""

    def handle(request):
        asked = parse_qs(request.url.query.decode())
        start, end = (dt.datetime.fromisoformat(asked[name][0]) for name in ("start", "end"))
        found = {name: when for name, when in times.items() if start <= when < end}
        if len(found) > most:
            return httpx.Response(400, json=[{"errorCode": "EXCEEDED_ID_LIMIT", "message": "too many"}])
        return httpx.Response(200, json=answer(found, end), headers={"content-type": "application/json"})

    return handle


def deleted_answer(found, end):
    records = [{"id": name, "deletedDate": when.isoformat()} for name, when in found.items()]
    return {"deletedRecords": records, "latestDateCovered": end.isoformat()}


def updated_answer(found, end):
    return {"ids": list(found), "latestDateCovered": end.isoformat()}


TIMES = {f"001{n}": at(f"20T07:{n:02}:30") for n in range(60)}


def test_a_window_with_too_many_ids_is_asked_for_in_parts(session, org):
    """However few Ids the org lists at once, every one is found, and the parts join without gap or overlap."""
    org.resources = {DELETED: limited(TIMES, 7, deleted_answer), UPDATED: limited(TIMES, 7, updated_answer)}
    found = get_deleted(session, "Account", at("20T07:00"), at("20T08:00"))
    assert found == Deleted(TIMES, None, at("20T08:00"))
    assert get_updated(session, "Account", at("20T07:00"), at("20T08:00")) == Updated(tuple(TIMES), at("20T08:00"))


def test_parts_end_where_the_org_stops_covering(session, org):
    """When an earlier part is not covered to its end, no later part is claimed to be."""

    def half_covered(found, end):
        return {**deleted_answer(found, end), "latestDateCovered": at("20T07:10").isoformat()}

    org.resources[DELETED] = limited(TIMES, 30, half_covered)
    found = get_deleted(session, "Account", at("20T07:00"), at("20T08:00"))
    assert found.covered_until == at("20T07:10")
    assert len(windows(org)) == 2


def test_a_single_minute_with_too_many_ids_is_refused(session, org):
    """What cannot be cut any further raises the org's own error."""
    org.resources[DELETED] = limited(dict.fromkeys("abc", at("20T07:00:05")), 2, deleted_answer)
    with pytest.raises(ResponseError) as caught:
        get_deleted(session, "Account", at("20T07:00"), at("20T07:08"))
    assert caught.value.error_code == "EXCEEDED_ID_LIMIT"


@pytest.mark.parametrize(
    ("code", "kind"), [("INVALID_REPLICATION_DATE", ResponseError), ("INVALID_TYPE_FOR_OPERATION", InvalidType)]
)
def test_refusals_keep_their_code(session, org, code, kind):
    """A window out of range, or an object that is not replicated, raises with Salesforce's code, asked once."""
    org.resources[DELETED] = httpx.Response(400, json=[{"errorCode": code, "message": "no"}])
    with pytest.raises(kind) as caught:
        get_deleted(session, "Account", at("20T07:00"), at("20T08:00"))
    assert (caught.value.error_code, len(org.seen)) == (code, 1)


@pytest.mark.parametrize("answer", [b"[]", b"{}", b"nonsense", b'{"deletedRecords": [{"id": 5}]}'])
def test_an_answer_of_another_form_is_unreadable(session, org, answer):
    """Anything but a list of records is an error, never an empty list."""
    org.resources[DELETED] = answer
    with pytest.raises(UnreadableAnswer):
        get_deleted(session, "Account", at("20T07:00"), at("20T08:00"))


def test_a_date_that_is_none_is_unreadable(session, org):
    """A time that does not parse is an error, not the end of the window."""
    org.resources[DELETED] = {"deletedRecords": [], "latestDateCovered": "soon"}
    with pytest.raises(UnreadableAnswer, match="soon"):
        get_deleted(session, "Account", at("20T07:00"), at("20T08:00"))
