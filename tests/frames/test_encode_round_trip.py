"""What was written is what is read: frame to CSV to a real org over a socket, and back by a query, equal."""

from __future__ import annotations

import csv
import datetime as dt
import io
import itertools
import time
from decimal import Decimal
from functools import partial, partialmethod

import httpx
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sfdata
from sfdata.frames.encode import encode
from sfdata.localorg import LocalOrg
from sfdata.resilience.patience import Patience
from sfdata.transfer.bulk_read import BulkRead

SCHEMA = """
[Account.fields]
Key__c    = { type = "text", external_id = true, unique = true }
Text__c   = { type = "text" }
Long__c   = { type = "longtext" }
Area__c   = { type = "textarea" }
Mail__c   = { type = "email" }
Tel__c    = { type = "phone" }
Web__c    = { type = "url" }
Check__c  = { type = "checkbox" }
Whole__c  = { type = "number", precision = 15, scale = 0 }
Number__c = { type = "number", precision = 15, scale = 5 }
Amount__c = { type = "currency", precision = 15, scale = 2 }
Share__c  = { type = "percent", precision = 8, scale = 3 }
Day__c    = { type = "date" }
At__c     = { type = "datetime" }
Clock__c  = { type = "time" }
Pick__c   = { type = "picklist", values = ["Red", "Green, light", 'Blue "navy"'], restricted = true }
Tags__c   = { type = "multipicklist", values = ["One", "Two", "Three"], restricted = true }
Parent__c = { type = "lookup", to = "Account", children = "Parts" }
Place__c  = { type = "location" }
"""
TAGS = ["One", "Two", "Three"]


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
def push(local_org, org):
    """Sends a frame as ingest jobs, one for each part, past everything of the client but its encoding."""
    headers = {"Authorization": f"Bearer {local_org.access_token}"}
    url = f"{local_org.instance_url}/services/data/v66.0/jobs/ingest"
    with httpx.Client(headers=headers, trust_env=False) as client:

        def send(frame, object_name, operation="insert", key=None, **options):
            settled = {"object": object_name, "operation": operation}
            settled |= {"externalIdFieldName": key} if key else {}
            for part, content in encode(frame, object_name, org.describe, operation, key=key, **options):
                job = f"{url}/{client.post(url, json=settled).json()['id']}"
                client.put(f"{job}/batches", content=content, headers={"Content-Type": "text/csv"})
                client.patch(job, json={"state": "UploadComplete"})
                while (told := client.get(job).json())["state"] not in ("JobComplete", "Failed"):
                    time.sleep(0.002)
                assert told["state"] == "JobComplete", told["errorMessage"]
                assert client.get(f"{job}/failedResults").text.count("\n") == 1, client.get(f"{job}/failedResults").text
                assert told["numberRecordsProcessed"] == part.rows

        yield send


# --- every type ------------------------------------------------------------------------------------------------------

TRIMMED = "".join(map(chr, range(0x21)))  # off the ends of a text, by the org
runs = itertools.count()


def texts(size):
    """Any text that an org keeps as it is."""
    kept = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=size)
    odd = st.sampled_from(
        ["NA", "null", "007", "1e5", 'a"b', "a,b", "a\r\nb", "a\rb\nc", "\u2028", "🦜", "=1+1", "#N/A!"]
    )
    return (kept.map(lambda text: text.strip(TRIMMED)) | odd).filter(lambda text: text and text != "#N/A")


def numbers(digits, scale):
    bound = 10 ** (digits - scale)
    return st.decimals(-bound + 1, bound - 1, places=scale).map(float)


instants = st.datetimes(dt.datetime(1700, 1, 2), dt.datetime(3999, 12, 30)).map(lambda at: at.replace(microsecond=0))

COLUMNS = {
    "Name": (texts(80), "str"),
    "Text__c": (texts(255), "str"),
    "Long__c": (texts(1_000), "str"),
    "Area__c": (texts(255), "str"),
    "Mail__c": (st.sampled_from(["a@example.com", "o'neil+x@exämple.org"]), "str"),
    "Tel__c": (texts(40), "str"),
    "Web__c": (texts(255), "str"),
    "Pick__c": (st.sampled_from(["Red", "Green, light", 'Blue "navy"']), "str"),
    "Tags__c": (
        st.sets(st.sampled_from(TAGS), min_size=1).map(lambda some: ";".join(sorted(some, key=TAGS.index))),
        "str",
    ),
    "NumberOfEmployees": (st.integers(-99_999_999, 99_999_999), "Int64"),
    "Whole__c": (st.integers(-(10**15) + 1, 10**15 - 1).map(float), "float64"),
    "Number__c": (numbers(15, 5), "float64"),
    "Amount__c": (numbers(15, 2), "float64"),
    "Share__c": (numbers(8, 3), "float64"),
    "Place__Latitude__s": (numbers(8, 6), "float64"),
    "Day__c": (st.dates(dt.date(1700, 1, 1), dt.date(4000, 12, 31)), pd.ArrowDtype(pa.date32())),
    "At__c": (instants, "datetime64[ms]"),
    "Clock__c": (
        st.times().map(lambda at: at.replace(microsecond=at.microsecond // 1000 * 1000)),
        pd.ArrowDtype(pa.time32("ms")),
    ),
}
MUST_HAVE = {"Name"}
rows = st.lists(
    st.fixed_dictionaries(
        {name: values if name in MUST_HAVE else st.none() | values for name, (values, _) in COLUMNS.items()}
    ),
    min_size=1,
    max_size=6,
)


def typed(records):
    """A frame with the dtypes in which queries answer."""
    columns = {name: pd.Series([r[name] for r in records], dtype=dtype) for name, (_, dtype) in COLUMNS.items()}
    columns["At__c"] = columns["At__c"].dt.tz_localize("UTC")
    return pd.DataFrame(columns)


FORMS = {
    "as queries answer": lambda frame: frame,
    "objects": lambda frame: frame.astype(object),
    "pyarrow": lambda frame: frame.convert_dtypes(dtype_backend="pyarrow"),
    "an Arrow table": lambda frame: pa.Table.from_pandas(frame, preserve_index=False),
    "another time zone": lambda frame: frame.assign(At__c=frame["At__c"].dt.tz_convert("Asia/Kolkata")),
    "categories": lambda frame: frame.astype({"Pick__c": "category", "Tags__c": "category", "Text__c": "category"}),
    "lists": lambda frame: frame.assign(Tags__c=[None if pd.isna(t) else t.split(";")[::-1] for t in frame["Tags__c"]]),
    "decimals": lambda frame: frame.assign(
        Amount__c=[None if pd.isna(n) else Decimal(str(n)) for n in frame["Amount__c"]]
    ),
    "floats": lambda frame: frame.assign(NumberOfEmployees=frame["NumberOfEmployees"].astype("float64")),
}


@pytest.mark.catalogue("B12", "T7")
@settings(max_examples=30)
@given(records=rows, checks=st.lists(st.booleans(), min_size=6, max_size=6), form=st.sampled_from(sorted(FORMS)))
def test_a_frame_that_was_inserted_is_read_as_it_was(push, org, records, checks, form):
    """Every field type with any value it keeps, from frames of every make: the same values and dtypes, nothing left."""
    run = f"run-{next(runs):06}"
    keys = [f"{run}-{n}" for n in range(len(records))]
    frame = typed(records).assign(
        Key__c=pd.Series(keys, dtype="str"), Check__c=pd.Series(checks[: len(records)], dtype="boolean")
    )
    push(FORMS[form](frame), "Account", part_rows=4)
    read = org.query(f"SELECT {', '.join(frame.columns)} FROM Account WHERE Key__c LIKE '{run}-%' ORDER BY Key__c")
    pd.testing.assert_frame_equal(read, frame)
    assert org.diff(FORMS[form](frame), "Account", "Key__c", nulls="clear").counts["same"] == len(frame)


@pytest.fixture(scope="module")
def hurried(tmp_path_factory):
    """A machine without pushes or reads, that asks jobs soon how they are."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("SFDATA_HOME", str(tmp_path_factory.mktemp("home")))
        quick = partial(Patience, first_seconds=0.002, longest_seconds=0.02)
        patched.setattr("sfdata.transfer.push.Patience", quick)
        patched.setattr(BulkRead, "__init__", partialmethod(BulkRead.__init__, patience=quick()))
        yield


@pytest.mark.catalogue("B10", "B12")
@settings(max_examples=8)
@given(records=rows, again=st.booleans())
def test_a_frame_that_was_pushed_is_read_back_by_either_api(org, hurried, records, again):
    """By a journalled push, inserted or changed by its keys: each row's own Id, and by REST and Bulk its values."""
    run = f"push-{next(runs):06}"
    frame = typed(records).assign(Key__c=pd.Series([f"{run}-{n}" for n in range(len(records))], dtype="str"))
    if again:
        org.push(frame[["Key__c", "Name"]].head(3), "Account", "insert", engine="bulk").raise_for_errors()
    result = org.push(frame, "Account", "upsert" if again else "insert", key="Key__c" if again else None, engine="bulk")
    result.raise_for_errors()
    soql = f"SELECT Id, {', '.join(frame.columns)} FROM Account WHERE Key__c LIKE '{run}-%'"
    for engine in ("rest", "bulk"):
        read = org.query(soql, engine=engine).sort_values("Key__c", ignore_index=True)
        pd.testing.assert_frame_equal(read.drop(columns="Id"), frame)
        assert read["Id"].tolist() == result.ids.tolist()


@pytest.mark.catalogue("B12")
@given(records=st.lists(st.lists(st.none() | texts(20), min_size=2, max_size=2), min_size=1, max_size=8))
def test_the_standard_library_reads_what_was_written(org, records):
    """A second parser, strict about quotes, finds every record and each cell as it was; missing ones empty."""
    frame = pd.DataFrame(records, columns=["Name", "Text__c"])
    ((_, content),) = encode(frame, "Account", org.describe, "insert")
    read = list(csv.reader(io.StringIO(content.decode(), newline=""), strict=True))
    assert read == [["Name", "Text__c"], *[[cell or "" for cell in record] for record in records]]


@given(values=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_a_float_is_exact_and_no_longer_than_it_must_be(org, values):
    """Read again it is the same double, and Python knows no shorter spelling."""
    ((_, content),) = encode(pd.DataFrame({"Number__c": values, "Name": "x"}), "Account", org.describe, "insert")
    cells = [line.split(b",")[0] for line in content.splitlines()[1:]]
    assert [float(cell) for cell in cells] == values
    digits = [len(Decimal(cell.decode()).normalize().as_tuple().digits) for cell in cells]
    assert digits == [len(Decimal(repr(value)).normalize().as_tuple().digits) for value in values]


# --- operations ------------------------------------------------------------------------------------------------------


def test_records_are_updated_cleared_and_deleted(push, org):
    """What is missing is left, what is cleared is empty, and of a frame that was read only the Ids delete."""
    frame = pd.DataFrame({"Name": ["a", "b", "c"], "Key__c": ["u-1", "u-2", "u-3"], "Text__c": "old", "Amount__c": 5.0})
    push(frame, "Account")
    soql = "SELECT Id, Name, Text__c, Amount__c FROM Account WHERE Key__c LIKE 'u-%' ORDER BY Key__c"
    ids = org.query(soql)["Id"]
    changes = pd.DataFrame({"id": ids.str[:15], "text__c": ["new", None, sfdata.CLEAR], "AMOUNT__C": [None, 6.5, None]})
    push(changes, "Account", "update")
    assert org.query(soql)[["Text__c", "Amount__c"]].astype(object).where(
        lambda f: f.notna(), None
    ).values.tolist() == [
        ["new", 5.0],
        ["old", 6.5],
        [None, 5.0],
    ]
    push(changes, "Account", "update", nulls={"AMOUNT__C": "clear"})
    assert org.query(soql)["Amount__c"].isna().tolist() == [True, False, True]
    push(org.query(soql).iloc[:2], "Account", "delete")
    assert org.query(soql)["Name"].tolist() == ["c"]


def test_records_are_upserted_by_their_key(push, org):
    """Those that are there are changed, the others created; a missing value leaves what is there."""
    push(pd.DataFrame({"Name": ["a"], "Key__c": ["k-1"], "Text__c": ["kept"]}), "Account")
    frame = pd.DataFrame({"key__c": ["K-1", "k-2"], "Name": ["A", "b"], "Text__c": [None, None]})
    push(frame, "Account", "upsert", key="Key__c")
    read = org.query("SELECT Name, Text__c FROM Account WHERE Key__c LIKE 'k-%' ORDER BY Key__c")
    assert read["Name"].tolist() == ["A", "b"]
    assert read["Text__c"].tolist()[0] == "kept"


def test_parents_are_found_by_their_keys(push, org, local_org):
    """A lookup of one object by its external id, a polymorphic one with the object's name, and both by Id."""
    push(pd.DataFrame({"Name": ["Parent"], "Key__c": ["p-1"]}), "Account")
    parent = org.query("SELECT Id FROM Account WHERE Key__c = 'p-1'")["Id"][0]
    push(pd.DataFrame({"Name": ["x", "y"], "Key__c": ["p-2", "p-3"], "parent__r.key__c": ["p-1", None]}), "Account")
    push(pd.DataFrame({"Name": ["z"], "Key__c": ["p-4"], "Parent__c": [parent[:15]]}), "Account")
    read = org.query("SELECT Parent__c FROM Account WHERE Key__c IN ('p-2', 'p-3', 'p-4') ORDER BY Key__c")
    assert read["Parent__c"].fillna("none").tolist() == [parent, "none", parent]
    push(pd.DataFrame({"Subject": ["by name"], "User:Owner.Username": [local_org.username]}), "Case")
    assert org.query("SELECT Owner.Username FROM Case")["Owner.Username"].tolist() == [local_org.username]


@pytest.mark.catalogue("T2")
def test_a_missing_value_alone_in_its_row_is_a_row(push, org):
    """One column, some values missing: the org counts every row (the fixture compares), and reads no blank line."""
    push(pd.DataFrame({"Subject": ["s", None, "t"]}), "Case")
    assert org.query("SELECT Subject FROM Case WHERE Subject IN ('s', 't')")["Subject"].tolist() == ["s", "t"]


@pytest.mark.catalogue("B12", "T4")
def test_what_separates_nothing_and_everything_is_kept(push, org):
    """A million characters of quotes and line ends in one job."""
    text = ('"' * 99 + "\n,\r") * 300
    push(
        pd.DataFrame(
            {"Name": [f"n{n}" for n in range(30)], "Key__c": [f"q-{n:02}" for n in range(30)], "Long__c": f"x{text}x"}
        ),
        "Account",
    )
    read = org.query("SELECT Long__c FROM Account WHERE Key__c LIKE 'q-%'")["Long__c"]
    assert set(read) == {f"x{text}x"}
    assert len(read) == 30
