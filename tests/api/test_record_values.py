"""Python's values and JSON's, by the field's type: nothing is rounded, guessed or cut on the way."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from sfdata.api.record_values import field_names, from_wire, to_wire, wire_value
from sfdata.errors import InvalidField, PushRefused, UnreadableAnswer
from sfdata.metadata import FieldDescribe, ObjectDescribe

EAST = dt.timezone(dt.timedelta(hours=5, minutes=30))

WRITTEN = [
    ("currency", Decimal("12345678901234.56"), Decimal("12345678901234.56")),
    ("double", 5, 5),
    ("double", np.float64(0.5), 0.5),
    ("int", np.int64(7), 7),
    ("int", 7.0, 7),
    ("int", Decimal("7.0"), 7),
    ("boolean", np.True_, True),
    ("boolean", False, False),
    ("datetime", dt.datetime(2026, 11, 21, 14, 0, 1, 234000, EAST), "2026-11-21T08:30:01.234Z"),
    ("datetime", pd.Timestamp("2026-11-21T14:00:01Z"), "2026-11-21T14:00:01.000Z"),
    ("date", dt.date(2026, 1, 2), "2026-01-02"),
    ("time", dt.time(7, 8, 9, 10_000), "07:08:09.010Z"),
    ("multipicklist", ["b", "a"], "b;a"),
    ("multipicklist", {"b", "a"}, "a;b"),
    ("multipicklist", "a;b", "a;b"),
    ("base64", b"\x00\xff", "AP8="),
    ("string", "ä\u2028", "ä\u2028"),
    ("string", "", ""),
    ("date", None, None),
]


@pytest.mark.parametrize(("kind", "value", "wire"), WRITTEN)
def test_values_have_their_form_on_the_wire(kind, value, wire):
    """UTC in milliseconds, whole numbers without a point, every digit of a Decimal, None to clear."""
    written = wire_value(value, FieldDescribe("F", "F", kind))
    assert (written, type(written)) == (wire, type(wire))


REFUSED = [
    ("currency", float("nan")),
    ("currency", Decimal("Infinity")),
    ("currency", "5"),
    ("currency", True),
    ("int", 1.5),
    ("int", Decimal("Infinity")),
    ("int", True),
    ("int", float("inf")),
    ("boolean", 1),
    ("boolean", "true"),
    ("datetime", dt.datetime(2026, 1, 1)),
    ("datetime", dt.datetime(2026, 1, 1, 0, 0, 0, 1, EAST)),
    ("datetime", pd.Timestamp("2026-01-01T00:00:00.000000001Z")),
    ("datetime", pd.NaT),
    ("datetime", dt.date(2026, 1, 1)),
    ("date", dt.datetime(2026, 1, 1, tzinfo=EAST)),
    ("date", "2026-01-01"),
    ("date", pd.NaT),
    ("time", dt.time(1, tzinfo=EAST)),
    ("multipicklist", ["a;b"]),
    ("multipicklist", [1]),
    ("base64", "text"),
    ("string", 5),
    ("string", pd.NA),
    ("string", "\ud800"),
    ("string", "a\0b"),
]


@pytest.mark.parametrize(("kind", "value"), REFUSED)
def test_values_without_a_faithful_form_are_refused(kind, value):
    """What would be rounded, guessed or taken for something else is not written."""
    with pytest.raises((ValueError, TypeError)):
        wire_value(value, FieldDescribe("F", "F", kind))


READ = [
    ("currency", Decimal("0.10"), Decimal("0.10")),
    ("double", 3, Decimal(3)),
    ("int", Decimal("5.0"), 5),
    ("boolean", True, True),
    ("datetime", "2026-11-21T14:00:01.234+0530", dt.datetime(2026, 11, 21, 8, 30, 1, 234000, dt.UTC)),
    ("date", "2026-01-02", dt.date(2026, 1, 2)),
    ("time", "07:08:09.010Z", dt.time(7, 8, 9, 10_000)),
    ("string", "007", "007"),
    ("address", {"city": "x"}, {"city": "x"}),
    ("date", None, None),
]


@pytest.mark.parametrize(("kind", "wire", "value"), READ)
def test_values_are_read_in_their_types(kind, wire, value):
    """By describe and never by looks: digits in a text stay text."""
    (read,) = from_wire({"F": wire}, account(FieldDescribe("F", "F", kind))).values()
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize(("kind", "wire"), [("date", "soon"), ("int", "x"), ("double", "x"), ("boolean", "true")])
def test_a_value_of_another_type_is_unreadable(kind, wire):
    """An org that sends something else is an error, not a value."""
    with pytest.raises(UnreadableAnswer, match="F"):
        from_wire({"F": wire}, account(FieldDescribe("F", "F", kind)))


def account(*fields):
    keys = {"createable": "createable", "updateable": "updateable", "relationship_name": "relationshipName"}
    return ObjectDescribe(
        {
            "name": "Account",
            "fields": [
                {"name": f.name, "label": f.label, "type": f.type} | {j: getattr(f, a) for a, j in keys.items()}
                for f in fields
            ],
        }
    )


ACCOUNT = account(
    FieldDescribe("Name", "Name", "string", createable=True, updateable=True),
    FieldDescribe("Code__c", "Code", "string", createable=True),
    FieldDescribe("CreatedDate", "Created", "datetime"),
    FieldDescribe("ParentId", "Parent", "reference", createable=True, updateable=True, relationship_name="Parent"),
)


def test_names_are_those_of_describe():
    """Any case is understood; a parent's key stands in place of the reference."""
    assert to_wire({"NAME": "x", "parent.Ext__c": "k"}, ACCOUNT, "createable") == {
        "Name": "x",
        "Parent": {"Ext__c": "k"},
    }


def test_everything_wrong_is_told_at_once():
    """Every name and value that cannot be written has its problem; the nearest name is the hint."""
    given = {"Nmae": "x", "Name": 5, "CreatedDate": None, "Code__c": "x", "Prent.Ext__c": "k", "Parent.Ext__c": None}
    with pytest.raises(PushRefused) as caught:
        to_wire(given, ACCOUNT, "updateable")
    found = {problem.column: problem.reason for problem in caught.value.problems}
    assert found.keys() == given.keys()
    assert "did you mean Name?" in found["Nmae"]
    assert found["Code__c"] == "Code__c is not updateable by this user"


@pytest.mark.parametrize("twice", [{"Name": "x", "name": "y"}, {"ParentId": None, "Parent.Ext__c": "k"}])
def test_a_field_is_written_once(twice):
    """Two names of one field, or a reference and its parent's key, contradict each other."""
    with pytest.raises(PushRefused, match="written already"):
        to_wire(twice, ACCOUNT, "createable")


def test_fields_to_read_are_checked():
    """A name that is no field has the nearest as its hint."""
    assert field_names(["name"], ACCOUNT) == ["Name"]
    with pytest.raises(InvalidField) as caught:
        field_names(["Nam"], ACCOUNT)
    assert caught.value.hint == "Did you mean Name?"
