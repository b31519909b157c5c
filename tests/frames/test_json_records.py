"""JSON records of sObject Collections: each value in its type, made of the same cells as the CSV of a job."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal

import pandas as pd
import pytest

from sfdata.errors import PushRefused
from sfdata.frames.encode import writable_rows
from sfdata.frames.json_records import json_lines
from sfdata.frames.python_values import CLEAR
from sfdata.metadata import ObjectDescribe


def field(name, kind="string", **about):
    return {"name": name, "label": name, "type": kind, "createable": True, "updateable": True, **about}


FIELDS = {
    "Deal__c": [
        field("Id", "id"),
        field("Name"),
        field("Count__c", "int"),
        field("Amount", "currency"),
        field("Won", "boolean"),
        field("Closed", "date"),
        field("Seen", "datetime"),
        field("Opens", "time"),
        field("Marks", "multipicklist"),
        field("Photo", "base64"),
        field("AccountId", "reference", referenceTo=["Account"], relationshipName="Account"),
        field("OwnerId", "reference", referenceTo=["Group", "User"], relationshipName="Owner"),
    ],
    "Account": [field("Id", "id"), field("Number__c", "double", externalId=True, idLookup=True)],
    "User": [field("Id", "id"), field("Username", idLookup=True)],
    "Group": [field("Id", "id")],
}


def describe(name):
    return ObjectDescribe({"name": name, "fields": FIELDS[name]})


def lines(frame, operation="update", nulls="leave"):
    rows = writable_rows(frame, "Deal__c", describe, operation, None, nulls)
    return json_lines(rows)(0, len(frame)).to_pybytes().decode().splitlines()


def record(operation="insert", nulls="leave", **values):
    """The one record of a frame, numbers as they are written."""
    (line,) = lines(
        pd.DataFrame({name: pd.Series([value], dtype=object) for name, value in values.items()}), operation, nulls
    )
    return json.loads(line, parse_float=lambda text: f"<{text}>", parse_int=lambda text: f"<{text}>")


NUMBERS = {
    "int": (7, "<7>"),
    "whole float": (7.0, "<7>"),
    "text": ("7", "<7>"),
    "plus": ("+7", "<7>"),
    "zeros in front": ("-007", "<-7>"),
    "beyond 64 bits": (10**30, f"<{10**30}>"),
}


@pytest.mark.parametrize("case", NUMBERS)
def test_whole_numbers_are_numbers(case):
    """However they were given, as JSON spells them."""
    value, expected = NUMBERS[case]
    assert record(Count__c=value) == {"Count__c": expected}


AMOUNTS = {
    "float": (0.1, "<0.1>"),
    "decimal": (Decimal("1234567890123456.78"), "<1234567890123456.78>"),
    "trailing zero": (Decimal("9.90"), "<9.90>"),
    "no digit in front": (".5", "<0.5>"),
    "no digit behind": ("5.", "<5>"),
    "exponent": ("1e3", "<1E+3>"),
}


@pytest.mark.parametrize("case", AMOUNTS)
def test_numbers_keep_every_digit(case):
    """A Decimal is not rounded on its way, and what JSON could not read is written so that it can."""
    value, expected = AMOUNTS[case]
    assert record(Amount=value) == {"Amount": expected}


VALUES = {
    "Won": ("yes", True),
    "Name": (5, "5"),
    "Closed": (dt.date(2024, 2, 29), "2024-02-29"),
    "Seen": (dt.datetime(2024, 1, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=2))), "2023-12-31T23:00:00.000Z"),
    "Opens": (dt.time(9, 30), "09:30:00.000Z"),
    "Marks": (["Red", "Blue"], "Red;Blue"),
    "Photo": (b"\x00\xff", "AP8="),
    "AccountId": ("001000000000001", "001000000000001AAA"),
}


@pytest.mark.parametrize("name", VALUES)
def test_values_have_the_type_of_their_field(name):
    """A text field gets text and a checkbox true or false, whatever stood in the frame."""
    value, expected = VALUES[name]
    assert record(**{name: value}) == {name: expected}


def test_a_parent_is_an_object_of_its_key():
    """By its relationship, the key in its own type, and with the object where there are several."""
    told = record(**{"account.number__c": 12, "User:Owner.Username": "ann@acme.com"})
    owner = {"attributes": {"type": "User"}, "Username": "ann@acme.com"}
    assert told == {"Account": {"Number__c": "<12>"}, "Owner": owner}


def test_missing_is_left_out_and_cleared_is_null():
    """Under the policy for each column; a parent by its key is cleared through the reference itself."""
    frame = pd.DataFrame(
        {
            "Id": ["a00000000000001", "a00000000000002"],
            "Name": [None, CLEAR],
            "Amount": [None, 1.5],
            "Account.Number__c": [CLEAR, None],
            "Closed": [pd.NaT, dt.date(2024, 1, 1)],
        }
    )
    first, second = map(json.loads, lines(frame, nulls={"Amount": "clear"}))
    assert first == {"Id": "a00000000000001AAA", "Amount": None, "AccountId": None}
    assert second == {"Id": "a00000000000002AAA", "Name": None, "Amount": 1.5, "Closed": "2024-01-01"}


def test_a_record_is_one_line_whatever_its_texts():
    """Line ends, quotes and control characters come back from the line of their row."""
    texts = ['a"b\\', "c\r\nd", "e\u2028f\x85g", "\x01😀", "{}\t"]
    rows = writable_rows(pd.DataFrame({"Name": texts}), "Deal__c", describe, "insert", None, "leave")
    content = json_lines(rows)(0, len(texts)).to_pybytes()
    assert [json.loads(line)["Name"] for line in content.split(b"\n")[:-1]] == texts


def test_what_csv_refuses_is_refused_alike():
    """Values without a faithful form are told by row and column."""
    with pytest.raises(PushRefused, match="row 1: 'x' is no whole number"):
        lines(pd.DataFrame({"Count__c": ["1", "x"]}), "insert")
