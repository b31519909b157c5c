"""What a check foretells, beside what the real local org answers to the same rows when nothing holds them back."""

from __future__ import annotations

import csv
import datetime as dt
import io
import itertools
import time
from decimal import Decimal

import httpx
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sfdata
from sfdata.errors import PushRefused, RowsWillFail
from sfdata.frames.encode import encode
from sfdata.localorg import LocalOrg

SCHEMA = """
[Account.fields]
Key__c    = { type = "text", external_id = true, unique = true, length = 20 }
Exact__c  = { type = "text", external_id = true, unique = true, case_sensitive = true, length = 20 }
Text__c   = { type = "text", length = 10 }
Need__c   = { type = "text", length = 10, required = true }
Area__c   = { type = "textarea" }
Mail__c   = { type = "email" }
Tel__c    = { type = "phone" }
Web__c    = { type = "url" }
Check__c  = { type = "checkbox" }
Whole__c  = { type = "number", precision = 6, scale = 0 }
Number__c = { type = "number", precision = 8, scale = 3 }
Amount__c = { type = "currency", precision = 15, scale = 2 }
Share__c  = { type = "percent", precision = 5, scale = 2 }
Day__c    = { type = "date" }
At__c     = { type = "datetime" }
Clock__c  = { type = "time" }
Pick__c   = { type = "picklist", values = ["Red", "Green"], restricted = true }
Open__c   = { type = "picklist", values = ["Red", "Green"] }
Tags__c   = { type = "multipicklist", values = ["One", "Two", "Three"], restricted = true }
Parent__c = { type = "lookup", to = "Account", children = "Parts" }
"""
NO_ACCOUNT, NO_CONTACT, NOTHING = "001000000000001AAA", "003000000000001AAA", "zzz000000000001AAA"


@pytest.fixture(scope="module")
def local_org(tmp_path_factory):
    schema = tmp_path_factory.mktemp("org") / "schema.toml"
    schema.write_text(SCHEMA)
    with LocalOrg(sample_data=False, schema=schema) as running:
        yield running


@pytest.fixture(scope="module")
def org(local_org):
    with sfdata.connect(instance_url=local_org.instance_url, access_token=local_org.access_token) as connected:
        yield connected


@pytest.fixture(scope="module")
def oracle(local_org, org):
    """What the org answers to each row of a frame: a set of codes, empty where it was written."""
    headers = {"Authorization": f"Bearer {local_org.access_token}"}
    url = f"{local_org.instance_url}/services/data/v66.0/jobs/ingest"
    with httpx.Client(headers=headers, trust_env=False) as client:

        def answers(frame, operation="insert", key=None, **options):
            numbered = frame.assign(Description=[f"row {n}" for n in range(len(frame))])
            settled = {"object": "Account", "operation": operation}
            settled |= {"externalIdFieldName": key} if key else {}
            ((_, content),) = encode(numbered, "Account", org.describe, operation, key=key, **options)
            job = f"{url}/{client.post(url, json=settled).json()['id']}"
            client.put(f"{job}/batches", content=content, headers={"Content-Type": "text/csv"})
            client.patch(job, json={"state": "UploadComplete"})
            while (told := client.get(job).json())["state"] not in ("JobComplete", "Failed"):
                time.sleep(0.002)
            assert told["state"] == "JobComplete", told["errorMessage"]
            failed = csv.DictReader(io.StringIO(client.get(f"{job}/failedResults").text, newline=""))
            codes = [set() for _ in range(len(frame))]
            for row in failed:
                told_codes = {part.partition(":")[0] for part in row["sf__Error"].split(" --") if part}
                told_codes |= {part.partition(":")[0] for part in row["sf__Error"].split("--") if ":" in part}
                codes[int(row["Description"].removeprefix("row "))] |= told_codes
            return codes

        yield answers


def foretold(checked, rows, severities=("certain",)):
    """The codes a check has for each row, with those of whole columns."""
    chosen = checked[checked["severity"].isin(severities)]
    everywhere = set(chosen.loc[chosen["row"].isna(), "code"].dropna())
    return [everywhere | set(chosen.loc[(chosen["row"] == n).fillna(False), "code"].dropna()) for n in range(rows)]


# --- each rule, held against the org ---------------------------------------------------------------------------------

LONG = "x" * 11
ONE_WRONG = {
    "Text__c": ([LONG, "🦜" * 11], "STRING_TOO_LONG", ["x" * 10, f"  {'x' * 10}\n", "🦜" * 10]),
    "Need__c": ([None, " \t", LONG], None, ["x"]),
    "Mail__c": (["nobody", "@x.org", "a b@x.org"], "INVALID_EMAIL_ADDRESS", ["a@x.org", "o'neil+x@exämple.org"]),
    "Pick__c": (["Blue", "Red;Green"], "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", ["Red", "gREEN", " Red "]),
    "Open__c": (["x" * 256], "STRING_TOO_LONG", ["Blue"]),
    "Tags__c": (["One;Four", "Four"], "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", ["One;Two", "two; ONE;"]),
    "Whole__c": ([10**6, -(10**6), 10**17], "NUMBER_OUTSIDE_VALID_RANGE", [999_999, -999_999, 0]),
    "Number__c": ([1e5, -1e5, 1e300], "NUMBER_OUTSIDE_VALID_RANGE", [99_999.999, -99_999.999, 0.1 + 0.2]),
    "Share__c": (["1000", "+1e3", "-01000.0"], "NUMBER_OUTSIDE_VALID_RANGE", ["999.99", "1e2", "-0009", ".5"]),
    "Amount__c": ([Decimal(10**13)], "NUMBER_OUTSIDE_VALID_RANGE", [Decimal("9999999999999.99")]),
    "NumberOfEmployees": ([10**8, -(10**8)], "NUMBER_OUTSIDE_VALID_RANGE", [99_999_999]),
    "Parent__c": ([NO_CONTACT], "FIELD_INTEGRITY_EXCEPTION", []),
    "Exact__c": (["x" * 21], "STRING_TOO_LONG", ["a", "A"]),
}


@pytest.mark.parametrize("name", ONE_WRONG)
def test_what_is_certain_the_org_refuses_with_that_code(org, oracle, name):
    """Wrong values of a field are foretold with the code that the org answers, and right ones pass both."""
    wrong, code, right = ONE_WRONG[name]
    right = [*right, *([] if name == "Need__c" else [None])]
    frame = pd.DataFrame({"Name": "n", "Need__c": "x"}, index=range(len(wrong + right)))
    frame[name] = pd.Series(wrong + right, dtype=object)
    told = foretold(org.check(frame, "Account"), len(frame))
    assert told == oracle(frame)
    assert all(told[: len(wrong)])
    assert not any(told[len(wrong) :])
    assert code is None or told[: len(wrong)] == [{code}] * len(wrong)


@pytest.mark.parametrize(
    ("operation", "columns"),
    [
        ("insert", {"Name": ["n"]}),
        ("insert", {"Need__c": ["x"], "Name": [None]}),
        ("insert", {"Name": ["n"], "Need__c": ["x"], "CreatedDate": [pd.Timestamp("2024-01-01", tz="UTC")]}),
    ],
)
def test_what_lies_in_the_columns_the_org_refuses_in_each_row(org, oracle, operation, columns):
    """A required field that is not there, and one that nobody may write, are told once and refused in every row."""
    frame = pd.DataFrame(columns)
    checked = org.check(frame, "Account", operation)
    assert foretold(checked, 1) == oracle(frame, operation) != [set()]
    assert len(checked) == 1


def test_emptied_fields_are_refused_where_they_are_required(org, oracle):
    """An update that clears a required field fails; the same cell left alone does not."""
    made = org.push(pd.DataFrame({"Name": ["a", "b", "c"], "Need__c": "x"}), "Account", "insert", check=False).ids
    frame = pd.DataFrame({"Id": made, "Need__c": [None, "y", sfdata.CLEAR], "Name": ["a", sfdata.CLEAR, "c"]})
    for nulls in ("leave", {"Need__c": "clear"}):
        told = foretold(org.check(frame, "Account", "update", nulls=nulls), 3)
        assert told == oracle(frame, "update", nulls=nulls)
        assert [bool(codes) for codes in told] == [nulls != "leave", True, True]


def test_ids_of_other_objects_are_refused(org, oracle):
    """An Id whose first three characters are another object's says no record of this one."""
    frame = pd.DataFrame({"Id": [NO_CONTACT, NOTHING], "Name": "n"})
    told = foretold(org.check(frame, "Account", "update"), 2)
    assert told == oracle(frame, "update") == [{"MALFORMED_ID"}] * 2


@pytest.mark.catalogue("B17")
@pytest.mark.parametrize(
    ("key", "values", "certain"),
    [
        ("Key__c", ["t1", "T1 ", "t2", "t3", "t3"], [0, 1, 3, 4]),
        ("Exact__c", ["e1", "E1", "e2", "e3", "e3"], [3, 4]),
        ("Key__c", ["b1", " \t"], [1]),
    ],
)
def test_keys_that_are_there_twice_or_not_at_all(org, oracle, key, values, certain):
    """An upsert meets its twins in one transaction, as case-sensitive as describe says; a blank key names nothing."""
    frame = pd.DataFrame({key: values, "Name": "n", "Need__c": "x"})
    told = foretold(org.check(frame, "Account", "upsert", key=key), len(frame))
    assert told == oracle(frame, "upsert", key)
    assert [n for n, codes in enumerate(told) if codes] == certain


def test_twins_in_different_transactions_are_only_likely(org):
    """Rows that an org does not write together may both be written, one over the other: told, and not refused."""
    keys = [f"far {n}" for n in range(201)]
    frame = pd.DataFrame({"Key__c": [*keys[:200], keys[0]], "Name": "n", "Need__c": "x"})
    checked = org.check(frame, "Account", "upsert", key="Key__c")
    assert list(zip(checked["row"], checked["severity"], strict=True)) == [(0, "likely"), (200, "likely")]


# --- any frame -------------------------------------------------------------------------------------------------------

runs = itertools.count()
words = st.sampled_from(
    ["", " ", "a", "A", "Red", "red", "Blue", "One;Two", "One;Six", "a@b.co", "a@b", "x" * 10, LONG]
)
COLUMNS = {
    "Name": words,
    "Need__c": st.sampled_from(["x", "x", "x", "", LONG]),
    "Key__c": words,
    "Exact__c": words,
    "Text__c": words | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12),
    "Area__c": st.sampled_from(["a", "x" * 255, "x" * 256]),
    "Mail__c": words,
    "Tel__c": st.sampled_from(["1", "2" * 40, "3" * 41]),
    "Web__c": st.sampled_from(["x", "y" * 256]),
    "Check__c": st.booleans(),
    "Whole__c": st.integers(-(10**6) - 1, 10**6 + 1) | st.just(10**6),
    "Number__c": st.floats(-1e5 - 1, 1e5 + 1).map(lambda x: round(x, 3)),
    "Amount__c": st.decimals(-(10**13) - 1, 10**13 + 1, places=2),
    "Share__c": st.sampled_from(["1", "999.99", "1000", "1e3", "-999"]),
    "Day__c": st.dates(dt.date(1700, 1, 1), dt.date(4000, 12, 31)),
    "At__c": st.datetimes(dt.datetime(1700, 1, 2), dt.datetime(3999, 12, 30), timezones=st.just(dt.UTC)),
    "Clock__c": st.times(),
    "Pick__c": words,
    "Open__c": words,
    "Tags__c": words | st.lists(st.sampled_from(["One", "Two", "Six"]), max_size=3),
    "Parent__c": st.sampled_from([NO_CONTACT, None]),
}
rows = st.lists(st.fixed_dictionaries({name: st.none() | one for name, one in COLUMNS.items()}), min_size=1, max_size=4)
some = st.sets(st.sampled_from(sorted(COLUMNS)), max_size=5).map(
    lambda names: ["Name", "Need__c", *(names - {"Name", "Need__c"})]
)


@settings(max_examples=120)
@given(rows, some, st.sampled_from(["insert", "upsert"]))
def test_a_check_and_the_org_agree_on_any_frame(org, oracle, records, names, operation):
    """Rows without a problem are written, rows with a certain one are not, and only for reasons that were told."""
    key = "Key__c" if operation == "upsert" else None
    frame = pd.DataFrame(
        {name: pd.Series([r[name] for r in records], dtype=object) for name in [*names, *[key] * bool(key)]}
    )
    frame = frame.loc[:, ~frame.columns.duplicated()]
    run = next(runs)
    for unique in {"Key__c", "Exact__c"} & set(frame):
        frame[unique] = [None if value is None else f"{value}{run}" for value in frame[unique]]
    checked = org.check(frame, "Account", operation, key=key)
    certain = foretold(checked, len(frame))
    if (checked["code"].isna() & (checked["severity"] == "certain")).any():
        with pytest.raises(PushRefused):
            list(encode(frame, "Account", org.describe, operation, key=key))
        return
    possible = foretold(checked, len(frame), ("certain", "likely"))
    for sure, maybe, answered in zip(certain, possible, oracle(frame, operation, key), strict=True):
        assert bool(answered) >= bool(sure)
        assert answered <= maybe


# --- the frame and the push ------------------------------------------------------------------------------------------


def test_each_problem_is_a_row_with_its_place(org):
    """Position and label, column, code, an excerpt of the value and the next step; what has no code is never sent."""
    frame = pd.DataFrame(
        {"Name": ["a", "b"], "Need__c": "x", "Pick__c": ["Red", "Blue"], "Whole__c": ["1", "one"]}, ["i", "j"]
    )
    checked = org.check(frame, "Account")
    told = [
        tuple(row) for row in checked[["row", "label", "column", "severity", "value", "rows"]].itertuples(index=False)
    ]
    assert told == [(1, "j", "Whole__c", "certain", "'one'", 1), (1, "j", "Pick__c", "certain", "'Blue'", 1)]
    assert checked["code"].isna().tolist() == [True, False]
    assert checked.loc[1, "hint"] == "It takes Red, Green."
    assert checked.dtypes.astype(str).to_dict() == org.check(frame[:1], "Account").dtypes.astype(str).to_dict()
    assert org.check(frame[:1], "Account").empty


def test_a_value_that_is_spelt_otherwise_comes_with_what_reads_it(org):
    """Days, numbers and truths of other programs: the next step names what pandas reads them with."""
    frame = pd.DataFrame({"Name": ["n"], "Day__c": ["31.01.2024"], "Number__c": ["1,5"], "Check__c": ["ja"]})
    hints = frame.sf.check("Account", org=org).set_index("column")["hint"]
    assert 'pd.to_datetime(…, format="%d/%m/%Y"' in hints["Day__c"]
    assert 'decimal=","' in hints["Number__c"]
    assert ".map({" in hints["Check__c"]


@pytest.mark.parametrize(
    ("frame", "problem"),
    [
        (pd.DataFrame(index=[1, 2]), "the frame is empty: it has no columns"),
        (pd.DataFrame({"Name": ["n"], "Need__c": "x", "Txt__c": "x"}), "did you mean Text__c?"),
        (pd.DataFrame({"Name": ["n"], "Need__c": "x", "Parent__c": 7}), "Ids are texts"),
        (pd.DataFrame([["n", "n", "x"]], columns=["Name", "Name", "Need__c"]), "stands in the frame twice"),
    ],
)
def test_frames_that_are_wrong_as_a_whole_are_told_in_the_same_way(org, frame, problem):
    """What a push would refuse at once is a row of the check, without a position."""
    checked = org.check(frame, "Account")
    assert checked["row"].isna().all()
    assert checked["problem"].str.contains(problem, regex=False).sum() == 1


def test_of_many_alike_a_hundred_are_listed_and_the_rest_counted(org):
    """The rows of a kind add up to all that have the problem."""
    checked = org.check(pd.DataFrame({"Name": "n", "Need__c": [LONG] * 40_000}), "Account")
    assert (len(checked), checked["rows"].sum()) == (101, 40_000)
    assert checked["problem"].iloc[-1] == "and 39,900 more rows: is longer than 10 characters"


@pytest.mark.parametrize("value", [1.25, "1.25", Decimal("1.25")])
def test_decimals_that_the_org_cuts_are_told_and_written(org, oracle, value):
    """Describe's scale is what is kept; more of it is no reason to refuse."""
    frame = pd.DataFrame({"Name": ["n"], "Need__c": "x", "Whole__c": [value]})
    assert org.check(frame, "Account")["severity"].tolist() == ["likely"]
    assert oracle(frame) == [set()]


@pytest.mark.catalogue("B17", "B19")
def test_a_push_refuses_what_is_certain_before_any_job_exists(org, local_org):
    """By default nothing is sent; "warn" says so and pushes, and False asks nothing."""
    frame = pd.DataFrame({"Name": ["a", "b"], "Need__c": ["x", LONG]}, index=["i", "j"])
    before = _jobs(local_org)
    with pytest.raises(PushRefused, match=r"Need__c, row 1 \('j'\): 'x+' is longer than 10 characters \(STRING_TOO_LO"):
        frame.sf.bulk_insert("Account", org=org)
    assert _jobs(local_org) == before
    with pytest.warns(RowsWillFail, match="row 1"):
        warned = frame.sf.bulk_insert("Account", org=org, check="warn")
    unchecked = frame.sf.bulk_insert("Account", org=org, check=False)
    for result in (warned, unchecked):
        assert result.frame["sf__Outcome"].astype(str).tolist() == ["succeeded", "failed"]
    assert _jobs(local_org) == before + 2


def _jobs(local_org):
    url = f"{local_org.instance_url}/services/data/v66.0/jobs/ingest"
    return len(httpx.get(url, headers={"Authorization": f"Bearer {local_org.access_token}"}).json()["records"])


def test_arrow_tables_are_checked_alike(org):
    """Other frames have no labels."""
    checked = org.check(pa.table({"Name": ["n"], "Need__c": [LONG]}), "Account")
    assert checked[["row", "code"]].values.tolist() == [[0, "STRING_TOO_LONG"]]
    assert checked["label"].tolist() == [None]


def test_large_frames_are_checked_whole(org):
    """A problem in the last of many slices is found at its own place, and so are twins far apart."""
    count = 40_000
    frame = pd.DataFrame({"Name": "n", "Need__c": "x", "Key__c": [f"k{n}" for n in np.arange(count)]})
    frame.loc[count - 1, ["Need__c", "Key__c"]] = [LONG, "K0"]
    checked = org.check(frame, "Account")
    places = [tuple(row) for row in checked[["row", "column"]].itertuples(index=False)]
    assert places == [(0, "Key__c"), (count - 1, "Need__c"), (count - 1, "Key__c")]
