"""Pushes of nothing: a frame without rows, and columns without values, as an hourly job has them on a quiet hour."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pytest
from rig import plan_org

import sfdata
from sfdata.errors import PushRefused

local, machine, org, other = plan_org.local, plan_org.machine, plan_org.org, plan_org.other

QUIET = pd.DataFrame({"Id": [], "Phone": []})


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"engine": "bulk"},
        {"all_or_none": True},
        {"keep_before": True},
        {"unchanged": "skip"},
        {"check": "skip"},
        {"check": False},
    ],
)
def test_a_frame_without_rows_is_pushed_without_a_write(org, other, how):
    """The result is as empty as the frame, can be taken up again, and nothing was written or made for it."""
    before = org.query_jobs().shape, org.orphaned_jobs().shape
    result = QUIET.sf.update("Account", org=org, **how)
    assert (len(result.frame), sum(result.counts.values())) == (0, 0)
    result.raise_for_errors()
    assert len(sfdata.resume(result.id, org).frame) == 0
    assert other.written() == []
    assert (org.query_jobs().shape, org.orphaned_jobs().shape) == before
    assert repr(result) == f"{result.id}: update Account, 0 rows"
    assert "0 rows" in result._repr_html_()


def test_a_plan_of_no_rows_changes_nothing(org, other):
    """It is shown and applied like any other."""
    plan = QUIET.sf.diff("Account", "Id", org=org)
    assert repr(plan) == "plan: update Account, 0 rows"
    assert "0 rows" in plan._repr_html_()
    assert len(plan.apply().frame) == 0
    assert other.written() == []


def test_columns_are_checked_even_so(org):
    """A misspelt column is told on the quiet hour, and not on the busy one."""
    with pytest.raises(PushRefused, match="did you mean Phone"):
        QUIET.rename(columns={"Phone": "Fone"}).sf.update("Account", org=org)


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"Name": ["Quiet"], "ParentId": [float("nan")], "Rating": [float("nan")]}),
        pa.table(
            {"Name": ["Quiet"], "ParentId": pa.array([None], pa.float64()), "Rating": pa.array([None], pa.int64())}
        ),
    ],
    ids=["pandas", "Arrow"],
)
def test_a_column_without_values_has_no_type_that_could_be_wrong(org, frame):
    """pandas makes floats of what it has never seen a value of, be it an Id or a date."""
    created = org.push(frame, "Account", "insert").ids[0]
    row = org.query("SELECT Name, ParentId, Rating FROM Account WHERE Id = :created", params={"created": created})
    assert row.iloc[0].isna().tolist() == [False, True, True]
