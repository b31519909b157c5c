"""Pushes that leave out what must fail: every row is told, and what was left out is pushed once it is repaired."""

from __future__ import annotations

import pandas as pd
import polars as pl
import pytest
from rig import plan_org

import sfdata
from sfdata.errors import ConfigurationError, PushRefused, RowsRepeated

local, machine, org, other = plan_org.local, plan_org.machine, plan_org.org, plan_org.other


@pytest.fixture
def frame(request):
    tag = request.node.name
    columns = {
        "Key__c": [f"{tag}-0", f"{tag}-1", f"{tag}-2", f"{tag}-2", None, f"{tag}-5"],
        "Name": ["A", "B", "C", "D", "E", "F" * 256],
        "NumberOfEmployees": ["10", "ten", "12", "13", "14", "15"],
    }
    return pd.DataFrame(columns, index=pd.Index([7, 7, 8, 9, 9, 9]))


@pytest.mark.parametrize("verb", ["upsert", "bulk_upsert"])
def test_rows_that_must_fail_are_left_out_and_told(org, other, frame, verb):
    """Only sound rows are sent; the others have their reason on the frame's index, there and after resuming."""
    result = getattr(frame.sf, verb)("Account", "Key__c", check="skip")
    assert result.frame.index.tolist() == [7, 7, 8, 9, 9, 9]
    assert result.frame["sf__Outcome"].tolist() == ["succeeded", *["not_sent"] * 5]
    assert [key for _, key in other.written()] == [result.ids.iloc[0]]
    assert result.frame["sf__ErrorCode"].fillna("").tolist() == [
        "",
        "",
        "DUPLICATE_VALUE",
        "DUPLICATE_VALUE",
        "",
        "STRING_TOO_LONG",
    ]
    assert result.frame["sf__Error"].fillna("").tolist() == [
        "",
        "NumberOfEmployees: is no whole number",
        "Key__c: stands in the frame more than once",
        "Key__c: stands in the frame more than once",
        "Key__c: is missing, and tells which record is meant",
        "Name: is longer than 255 characters",
    ]
    again = sfdata.resume(result.id, org)
    pd.testing.assert_frame_equal(again.frame, result.frame)
    assert "1 × NumberOfEmployees: is no whole number" in repr(again)
    assert "2 × DUPLICATE_VALUE: Key__c: stands in the frame more than once" in repr(again)


def test_what_was_left_out_is_pushed_once_it_is_repaired(org, other, frame):
    """The rows that did not succeed, by position, are a frame that can be repaired and pushed."""
    result = frame.sf.upsert("Account", "Key__c", check="skip")
    rest = frame[(result.frame["sf__Outcome"] != "succeeded").to_numpy()]
    other.written()
    repaired = rest.assign(Key__c=[f"{frame['Key__c'].iloc[0]}-{n}" for n in range(5)], Name="ok", NumberOfEmployees=1)
    repaired.sf.upsert("Account", "Key__c").raise_for_errors()
    assert len(other.written()) == 5


def test_a_polars_frame_is_told_by_position(org):
    """What has no index is told by position."""
    frame = pl.DataFrame({"Name": ["A", "B"], "NumberOfEmployees": ["1", "one"]})
    result = org.push(frame, "Account", "insert", check="skip")
    assert result.frame["sf__Outcome"].tolist() == ["succeeded", "not_sent"]


@pytest.mark.parametrize(
    ("frame", "how", "kind", "message"),
    [
        ({"Name": ["A", "B"], "Nme": ["x", "y"]}, {}, PushRefused, "Nme: Account has no field of this name"),
        ({"Name": ["A" * 256]}, {}, PushRefused, "is longer than 255 characters"),
        ({"Name": ["A"]}, {"all_or_none": True}, ConfigurationError, "all_or_none=True writes every row or none"),
    ],
)
def test_what_is_wrong_with_all_rows_is_refused(org, other, frame, how, kind, message):
    """Columns that are no fields, a frame without a sound row, and what contradicts leaving rows out."""
    other.written()
    with pytest.raises(kind, match=message):
        pd.DataFrame(frame).sf.insert("Account", check="skip", **how)
    assert other.written() == []


@pytest.mark.parametrize(
    ("frame", "hint"),
    [
        ({"Name": ["A" * 256, "B"]}, 'check="skip" pushes the other rows, check="warn" these too.'),
        ({"Name": ["A", "B"], "NumberOfEmployees": ["1", "x"]}, 'check="skip" pushes the other rows.'),
        ({"Name": ["A"], "CreatedDate": [pd.Timestamp("2024-01-01", tz="UTC")]}, "df.drop(columns=['CreatedDate'])"),
        ({"Nme": ["A"]}, "df.sf.check(…) lists every problem as a frame."),
    ],
)
def test_a_refusal_tells_only_what_would_help(org, frame, hint):
    """Which way is open depends on whether rows are wrong or columns, and whether the org could be asked at all."""
    with pytest.raises(PushRefused) as caught:
        pd.DataFrame(frame).sf.insert("Account")
    assert hint in caught.value.hint


def test_a_key_that_is_the_index_is_found_there(org):
    """Frames that were read with index_col have no column of the key; the hint says what makes one."""
    with pytest.raises(PushRefused, match="the key column Id is missing") as caught:
        pd.DataFrame({"Name": ["A"]}, index=pd.Index(["001000000000001AAA"], name="Id")).sf.update("Account")
    assert "df.reset_index()" in caught.value.hint


@pytest.mark.parametrize("check", ["refuse", "skip"])
def test_rows_that_write_one_record_are_told(org, other, check):
    """An org takes them all, and whichever comes last stays; who deletes twice loses nothing."""
    record = other.create(Name="one")
    twice = pd.DataFrame({"Id": [record, record], "Phone": ["1", "2"]})
    with pytest.warns(RowsRepeated, match=r'2 rows write .*drop_duplicates\("Id"\)') as told:
        twice.sf.update("Account", check=check).raise_for_errors()
    assert told[0].filename == __file__
    assert twice[["Id"]].sf.delete("Account").counts["succeeded"] == 1


def test_what_cannot_be_sent_is_refused_where_others_are_only_warned_of(org):
    """check="warn" lets the org decide, which it cannot of a value that has no form in the field."""
    with pytest.raises(PushRefused, match="'x' is no whole number") as caught:
        pd.DataFrame({"Name": ["A", "B"], "NumberOfEmployees": ["1", "x"]}).sf.insert("Account", check="warn")
    assert 'check="skip"' in caught.value.hint
