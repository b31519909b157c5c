"""When an org calls two keys equal."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfdata.frames.keys import comparison, record_id
from sfdata.metadata import FieldDescribe

UTC = dt.UTC
PARIS = dt.timezone(dt.timedelta(hours=2))


def field(kind, **more):
    return FieldDescribe("F", "F", kind, **more)


# --- Ids --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("001000000000001", "001000000000001AAA"),
        ("001000000000aBc", "001000000000aBcAAI"),  # of the last five, the fourth is a capital: the bit of 8
        ("001000000000aBcAAI", "001000000000aBcAAI"),
        ("001000000000ABCAAI", "001000000000aBcAAI"),  # the case that got lost on the way is told by the last three
        ("001000000000abcaai", "001000000000aBcAAI"),
        ("AAAAAzzzzzAzzzz", "AAAAAzzzzzAzzzz5AB"),  # all five, none, the first: 31, 0, 1
        ("001000000000aBcAAJ", None),  # J says that the first of the five is a capital, and it is a digit
        ("001000000000aBcAA9", None),
        ("00100000000000", None),
        ("0010000000000001", None),
        ("00100000000000é", None),
        ("001-00000000001", None),
        ("", None),
    ],
)
def test_an_id_has_one_whole_form(text, whole):
    """15 characters, 18, or 18 in the wrong case are one Id; what is none has no form."""
    assert record_id(text) == whole


@given(st.text("0123456789ABCXYZabcxyz", min_size=15, max_size=15))
def test_ids_that_differ_in_case_differ(text):
    """The whole form keeps the first 15 characters, and survives the loss of case."""
    whole = record_id(text)
    assert whole is not None
    assert whole[:15] == text
    assert record_id(whole.lower()) == record_id(whole.upper()) == record_id(whole) == whole


# --- equal and not ----------------------------------------------------------------------------------------------------

NOON = dt.datetime(2026, 1, 2, 12, tzinfo=UTC)
EQUAL = {
    "Ids in both forms": ("reference", {}, "001000000000aBc", " 001000000000aBcAAI "),
    "texts in any case": ("string", {}, "Müller", "mÜLLER  "),
    "picklist values in any case": ("picklist", {}, "Energy", "ENERGY"),
    "whole numbers and others": ("double", {}, 5, 5.0),
    "decimals and floats": ("currency", {}, Decimal("0.10"), 0.1),
    "numbers of NumPy": ("int", {}, np.int64(7), 7.0),
    "truths": ("boolean", {}, np.True_, True),
    "a day and its first instant": ("date", {}, pd.Timestamp("2026-01-02"), dt.date(2026, 1, 2)),
    "instants in other zones": ("datetime", {}, NOON.astimezone(PARIS), pd.Timestamp(NOON)),
    "instants of an hour that comes twice": (
        "datetime",
        {},
        dt.datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Paris")),
        dt.datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
    ),
    "times": ("time", {}, dt.time(9, 30), dt.time(9, 30, 0)),
}


@pytest.mark.parametrize(("kind", "more", "one", "other"), EQUAL.values(), ids=EQUAL.keys())
def test_equal_keys_fold_alike(kind, more, one, other):
    """What the org calls equal is folded to the same."""
    compared = comparison(field(kind, **more))
    assert compared.folded(compared.asked(one)) == compared.folded(compared.asked(other))


DIFFERENT = {
    "Ids in another case": ("id", {}, "001000000000aBc", "001000000000Abc"),
    "texts that differ in blanks at the beginning": ("string", {}, "a", " a"),
    "texts of a field that minds case": ("string", {"case_sensitive": True}, "a", "A"),
    "long s and s": ("string", {}, "ſ", "s"),
    "numbers": ("double", {}, 0.1, 0.2),
    "instants": ("datetime", {}, NOON, NOON + dt.timedelta(milliseconds=1)),
}


@pytest.mark.parametrize(("kind", "more", "one", "other"), DIFFERENT.values(), ids=DIFFERENT.keys())
def test_different_keys_fold_apart(kind, more, one, other):
    """What the org tells apart is folded apart."""
    compared = comparison(field(kind, **more))
    assert compared.folded(compared.asked(one)) != compared.folded(compared.asked(other))


NOBODY = {
    "an empty text, which is stored as null": ("string", ""),
    "blanks": ("string", "   "),
    "a text longer than the field": ("string", "x" * 41),
    "a NUL": ("string", "a\0"),
    "half a surrogate pair": ("string", "a\ud83d"),
    "no Id at all": ("id", " "),
    "NaN": ("double", math.nan),
    "infinity": ("double", math.inf),
    "a fraction in a field of whole numbers": ("int", 5.5),
    "an instant between two microseconds": ("datetime", pd.Timestamp("2026-01-02T12:00:00.000000001Z")),
}


@pytest.mark.parametrize(("kind", "value"), NOBODY.values(), ids=NOBODY.keys())
def test_what_no_record_can_have_is_not_asked_for(kind, value):
    """A value that cannot be stored in the field is no key, and no error."""
    assert comparison(field(kind, length=40)).asked(value) is None


REFUSED = {
    "a number for a text": ("string", 7),
    "bytes for a text": ("string", b"x"),
    "a text for a number": ("double", "7"),
    "a truth for a number": ("double", True),
    "a number for a truth": ("boolean", 1),
    "a number beyond what floats tell apart": ("double", 2**53 + 1),
    "a name for an Id": ("id", "Acme"),
    "an Id with wrong last characters": ("id", "001000000000001AAB"),
    "a number for an Id": ("id", 1),
    "a text for a date": ("date", "2026-01-02"),
    "noon for a date": ("date", dt.datetime(2026, 1, 2, 12)),
    "midnight somewhere for a date": ("date", dt.datetime(2026, 1, 2, tzinfo=PARIS)),
    "a date for an instant": ("datetime", dt.date(2026, 1, 2)),
    "an instant nowhere": ("datetime", dt.datetime(2026, 1, 2)),
    "a time in a zone": ("time", dt.time(9, tzinfo=UTC)),
    "a list": ("string", ["a"]),
}


@pytest.mark.parametrize(("kind", "value"), REFUSED.values(), ids=REFUSED.keys())
def test_a_value_of_another_type_is_refused(kind, value):
    """None is turned into what the field holds by guessing."""
    with pytest.raises(ValueError):
        comparison(field(kind)).asked(value)


@pytest.mark.parametrize("kind", ["address", "location", "anyType", "complexvalue"])
def test_some_types_have_no_keys(kind):
    """Values that are not compared at all."""
    assert comparison(field(kind)) is None
