"""A bookmark is text that a program keeps: it comes back as it was, or not at all."""

from __future__ import annotations

import datetime as dt
import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfdata.errors import BookmarkError
from sfdata.transfer.bookmark import FINGERPRINT_BYTES, Bookmark, fingerprint

moments = st.datetimes(dt.datetime(2000, 1, 1), dt.datetime(2100, 1, 1), timezones=st.just(dt.UTC))
bookmarks = st.builds(
    Bookmark,
    org_id=st.from_regex(r"00D[0-9A-Za-z]{15}", fullmatch=True),
    object=st.from_regex(r"[A-Z][a-z]{1,8}__c", fullmatch=True),
    query=st.from_regex(r"[0-9a-f]{18}", fullmatch=True),
    position=moments,
    seen=st.frozensets(st.binary(min_size=FINGERPRINT_BYTES, max_size=FINGERPRINT_BYTES), max_size=5),
    seen_until=st.none() | moments,
)
ONE = Bookmark("00DAA000000000AMAQ", "Account", "ab" * 9, dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC))


@given(bookmarks)
def test_a_bookmark_comes_back_from_its_text(mark):
    """What str() writes is one line of JSON, and parse() reads the same bookmark from it."""
    text = str(mark)
    assert Bookmark.parse(text) == mark
    assert "\n" not in text
    assert json.loads(text)["org"] == mark.org_id


@given(bookmarks, st.data())
def test_a_bookmark_that_was_altered_is_refused(mark, data):
    """Any other value in any place is noticed."""
    told = json.loads(str(mark))
    name = data.draw(st.sampled_from(sorted(told)))
    told[name] = data.draw(st.text(max_size=5).filter(lambda text: text != told[name]))
    with pytest.raises(BookmarkError):
        Bookmark.parse(json.dumps(told))


@given(bookmarks, st.data())
def test_a_bookmark_that_was_cut_is_refused(mark, data):
    """Half a file is no bookmark."""
    text = str(mark)
    with pytest.raises(BookmarkError):
        Bookmark.parse(text[: data.draw(st.integers(0, len(text) - 1))])


@pytest.mark.parametrize("text", ["", "null", "[]", "None", "5", '"x"', "{}", '{"sfdata_bookmark": 1}', "[" * 100_000])
def test_other_text_is_no_bookmark(text):
    """Whatever else a file may hold is refused with the way out."""
    with pytest.raises(BookmarkError, match=r"(?s)no bookmark.*since\(None\)"):
        Bookmark.parse(text)


def test_a_bookmark_of_another_form_is_refused():
    """A later version's bookmark is not guessed at."""
    told = json.loads(str(ONE)) | {"sfdata_bookmark": 2}
    with pytest.raises(BookmarkError, match="form 2"):
        Bookmark.parse(json.dumps(told))


def test_a_bookmark_is_good_for_its_own_query_only():
    """Org, object and query must be those it was made for; the case of the object's name does not matter."""
    ONE.refuse_other("00DAA000000000AMAQ", "account", "ab" * 9)
    for other in (("00DBB000000000BMAQ", "Account", "ab" * 9), ("00DAA000000000AMAQ", "Contact", "ab" * 9),
                  ("00DAA000000000AMAQ", "Account", "cd" * 9)):  # fmt: skip
        with pytest.raises(BookmarkError, match="this bookmark"):
            ONE.refuse_other(*other)


def test_a_bookmark_shows_no_fingerprints():
    """repr() is for people; the text for files is str()."""
    assert "seen" not in repr(ONE)
    assert "Account" in repr(ONE)


def test_fingerprints_tell_values_apart():
    """Different rows have different fingerprints, equal ones the same, in this run and in the next."""
    rows = [[], [None], [""], ["a"], ["a", "b"], ["ab"], [1], [1.5], [True], [dt.datetime(2026, 1, 1, tzinfo=dt.UTC)]]
    assert len({fingerprint(row) for row in rows}) == len(rows)
    written = b'["\\u00c4", 1, null, "2026-01-01"]'
    assert fingerprint(["Ä", 1, None, dt.date(2026, 1, 1)]) == hashlib.sha256(written).digest()[:9]
