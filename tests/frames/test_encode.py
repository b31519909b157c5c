"""Values of every dtype become the cells they should be, or are refused with their place."""

from __future__ import annotations

import csv
import datetime as dt
import io
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import sfdata
from sfdata.errors import ConfigurationError, PushRefused
from sfdata.frames.encode import encode
from sfdata.metadata import ObjectDescribe

FIELDS = {
    "Id": "id",
    "Text__c": "string",
    "Long__c": "textarea",
    "Pick__c": "picklist",
    "Tags__c": "multipicklist",
    "Int__c": "int",
    "Double__c": "double",
    "Amount__c": "currency",
    "Check__c": "boolean",
    "Day__c": "date",
    "At__c": "datetime",
    "Clock__c": "time",
    "Parent__c": "reference",
    "Body__c": "base64",
    "Odd__c": "hologram",
}
DEAL = ObjectDescribe(
    {
        "name": "Deal__c",
        "fields": [
            {"name": name, "label": name, "type": kind, "externalId": name == "Text__c"}
            for name, kind in FIELDS.items()
        ],
    }
)
NEW_YORK = ZoneInfo("America/New_York")
KATHMANDU = ZoneInfo("Asia/Kathmandu")
SHORT, WHOLE = "001Lo0000000b9C", "001Lo0000000b9CIAQ"


def uploaded(frame, operation="insert", **options):
    """What is sent, header and records, read by the standard library; ``None`` is a cell without quotes or text."""
    ((_, content),) = encode(frame, "Deal__c", lambda name: DEAL, operation, **options)
    return list(csv.reader(io.StringIO(content.decode(), newline=""), strict=True))


def cells(values, field, operation="insert", **options):
    """The cells of one column; a second one keeps blank cells from being blank lines."""
    frame = pd.DataFrame({field: values})
    other = "Int__c" if field != "Int__c" else "Double__c"
    frame[other] = range(len(frame))
    header, *records = uploaded(frame, operation, **options)
    assert header == [field, other]
    return [record[0] for record in records]


def refused(values, field, operation="insert", **options):
    """The problems of one column, as (position, reason)."""
    with pytest.raises(PushRefused) as caught:
        cells(values, field, operation, **options)
    assert {problem.column for problem in caught.value.problems} == {field}
    return [(problem.position, problem.reason) for problem in caught.value.problems]


# --- values that fit -------------------------------------------------------------------------------------------------

UTC_STAMPS = pd.DatetimeIndex(["2024-01-01T00:00:00", None, "1969-12-31T23:59:59.999"], tz="UTC")
DATES = [dt.date(2024, 2, 29), None, dt.date(1700, 1, 1)]


@pytest.mark.catalogue("T7")
@pytest.mark.parametrize(
    ("values", "field", "expected"),
    [
        # text
        (["a", None, ""], "Text__c", ["a", "", ""]),
        (["007", "NA", "null", "nan", "None"], "Text__c", ["007", "NA", "null", "nan", "None"]),
        (pd.array(["a", None], dtype=pd.StringDtype("python")), "Text__c", ["a", ""]),
        (pd.array(["a", None], dtype=pd.ArrowDtype(pa.string())), "Text__c", ["a", ""]),
        (pd.Categorical(["x", None, "y", "x"], categories=["unused", "y", "x"]), "Pick__c", ["x", "", "y", "x"]),
        (pd.Categorical(pd.Series(["x", "y"], dtype=object)), "Pick__c", ["x", "y"]),
        (pd.Categorical([3, None, 4]), "Int__c", ["3", "", "4"]),
        ([12345678901234567890, 1], "Text__c", ["12345678901234567890", "1"]),
        ([17052.0, np.nan], "Text__c", ["17052", ""]),
        ([15551234567.0, 4.9e12, 2.0**53, 1e-7], "Text__c", ["15551234567", "4900000000000", str(2**53), "0.0000001"]),
        (np.array([16777216, 0.1], dtype="float32"), "Text__c", ["16777216", "0.1"]),
        ([True, False], "Text__c", ["true", "false"]),
        (DATES, "Text__c", ["2024-02-29", "", "1700-01-01"]),
        ([Decimal("1.50"), Decimal("NaN")], "Text__c", ["1.50", ""]),
        (["{}"], "Odd__c", ["{}"]),
        # whole numbers
        (np.array([1, -2], dtype="int8"), "Int__c", ["1", "-2"]),
        (pd.array([2**53 + 1, None], dtype="Int64"), "Int__c", ["9007199254740993", ""]),
        (np.array([2**64 - 1], dtype="uint64"), "Double__c", ["18446744073709551615"]),
        ([17052.0, np.nan, -3.0], "Int__c", ["17052", "", "-3"]),
        (np.array([16777216], dtype="float32"), "Int__c", ["16777216"]),
        (pd.array([5.0, None], dtype="Float64"), "Int__c", ["5", ""]),
        ([Decimal("12.00"), None, Decimal("-7")], "Int__c", ["12", "", "-7"]),
        (["17", "-3", "", None], "Int__c", ["17", "-3", "", ""]),
        (pd.Series([5, None, 2**60 + 1], dtype=object), "Int__c", ["5", "", "1152921504606846977"]),
        (pd.Series([np.int8(5), 6.0, Decimal(7)], dtype=object), "Int__c", ["5", "6", "7"]),
        # numbers
        ([0.1, 1 / 3, 15.0, 1e15, np.nan], "Double__c", ["0.1", "0.3333333333333333", "15", "1e+15", ""]),
        (np.array([0.1], dtype="float32"), "Amount__c", ["0.1"]),
        (np.array([0.5], dtype="float16"), "Amount__c", ["0.5"]),
        (pd.array([0.1, np.nan, None], dtype=pd.ArrowDtype(pa.float64())), "Double__c", ["0.1", "", ""]),
        ([Decimal("12345678901234567.89"), None], "Amount__c", ["12345678901234567.89", ""]),
        (pd.array([Decimal("1.50"), None], dtype=pd.ArrowDtype(pa.decimal128(9, 3))), "Amount__c", ["1.500", ""]),
        (pd.array([Decimal("1E-9")], dtype=pd.ArrowDtype(pa.decimal128(12, 10))), "Double__c", ["0.0000000010"]),
        ([Decimal("1E+3"), Decimal("1E-7")], "Double__c", ["1000", "0.0000001"]),
        (pd.Series([1, 2.5, Decimal("3.10"), None], dtype=object), "Double__c", ["1", "2.5", "3.10", ""]),
        (["1.5", "-.5", "2.", "1E6", "+3"], "Double__c", ["1.5", "-.5", "2.", "1E6", "+3"]),
        # booleans
        (np.array([True, False]), "Check__c", ["true", "false"]),
        (pd.array([True, None], dtype="boolean"), "Check__c", ["true", ""]),
        (pd.Series([True, None, np.False_], dtype=object), "Check__c", ["true", "", "false"]),
        ([1.0, np.nan, 0.0, -0.0], "Check__c", ["true", "", "false", "false"]),
        ([1, 0], "Check__c", ["true", "false"]),
        (["TRUE", "no", "1", "", "Yes"], "Check__c", ["true", "false", "true", "", "true"]),
        (["Y", "n", "on", "OFF"], "Check__c", ["true", "false", "true", "false"]),
        # dates
        (DATES, "Day__c", ["2024-02-29", "", "1700-01-01"]),
        (pd.array(DATES, dtype=pd.ArrowDtype(pa.date32())), "Day__c", ["2024-02-29", "", "1700-01-01"]),
        (pd.array(DATES, dtype=pd.ArrowDtype(pa.date64())), "Day__c", ["2024-02-29", "", "1700-01-01"]),
        (pd.to_datetime(["2024-02-29", None, "1969-12-31"]), "Day__c", ["2024-02-29", "", "1969-12-31"]),
        (
            pd.Series([dt.datetime(2024, 2, 29), dt.date(2024, 3, 1)], dtype=object),
            "Day__c",
            ["2024-02-29", "2024-03-01"],
        ),
        (["2024-02-29", "", "4000-12-31"], "Day__c", ["2024-02-29", "", "4000-12-31"]),
        # datetimes
        (UTC_STAMPS, "At__c", ["2024-01-01T00:00:00.000Z", "", "1969-12-31T23:59:59.999Z"]),
        (UTC_STAMPS.as_unit("s"), "At__c", ["2024-01-01T00:00:00.000Z", "", "1969-12-31T23:59:59.000Z"]),
        (UTC_STAMPS.as_unit("ns"), "At__c", ["2024-01-01T00:00:00.000Z", "", "1969-12-31T23:59:59.999Z"]),
        (UTC_STAMPS.tz_convert(NEW_YORK), "At__c", ["2024-01-01T00:00:00.000Z", "", "1969-12-31T23:59:59.999Z"]),
        (
            pd.DatetimeIndex(["2024-11-03 05:30:00.1239", "2024-11-03 06:30:00"], tz="UTC").tz_convert(NEW_YORK),
            "At__c",
            ["2024-11-03T05:30:00.123Z", "2024-11-03T06:30:00.000Z"],
        ),
        (
            pd.Series(
                [dt.datetime(2024, 7, 1, 0, 30, tzinfo=KATHMANDU), dt.datetime(2024, 7, 1, tzinfo=dt.UTC)], dtype=object
            ),
            "At__c",
            ["2024-06-30T18:45:00.000Z", "2024-07-01T00:00:00.000Z"],
        ),
        (pd.DatetimeIndex(["1969-12-31T23:59:59.9996"], tz="UTC"), "At__c", ["1969-12-31T23:59:59.999Z"]),
        (
            pd.DatetimeIndex(["1700-01-01", "2262-04-11T23:47:16"], tz="UTC"),
            "At__c",
            ["1700-01-01T00:00:00.000Z", "2262-04-11T23:47:16.000Z"],
        ),
        (
            ["2024-01-31T09:30:00+0100", "2024-01-31T09:30:00.5Z"],
            "At__c",
            ["2024-01-31T09:30:00+0100", "2024-01-31T09:30:00.5Z"],
        ),
        # times
        ([dt.time(9, 30), None, dt.time(23, 59, 59, 999_999)], "Clock__c", ["09:30:00.000Z", "", "23:59:59.999Z"]),
        (pd.array([dt.time(9, 30)], dtype=pd.ArrowDtype(pa.time32("s"))), "Clock__c", ["09:30:00.000Z"]),
        (pd.array([dt.time(9, 30)], dtype=pd.ArrowDtype(pa.time64("ns"))), "Clock__c", ["09:30:00.000Z"]),
        (["09:30:00", "09:30:00.000Z"], "Clock__c", ["09:30:00", "09:30:00.000Z"]),
        # several values
        ([["Red", "Blue"], [], None, ("Green",)], "Tags__c", ["Red;Blue", "", "", "Green"]),
        ([{"b", "a"}, frozenset({"c"}), np.array(["x", "y"])], "Tags__c", ["a;b", "c", "x;y"]),
        (["Red;Blue", None, ["Red"]], "Tags__c", ["Red;Blue", "", "Red"]),
        (pd.array([["a", "b"], None], dtype=pd.ArrowDtype(pa.list_(pa.string()))), "Tags__c", ["a;b", ""]),
        # Ids and bytes
        ([SHORT, WHOLE, None, ""], "Parent__c", [WHOLE, WHOLE, "", ""]),
        ([WHOLE, WHOLE.upper(), WHOLE.lower()], "Parent__c", [WHOLE] * 3),
        ([b"\x00\xff", None, bytearray(b"a")], "Body__c", ["AP8=", "", "YQ=="]),
    ],
)
def test_values_become_the_cells_of_their_field(values, field, expected):
    """Each dtype, in a field that takes it, is written as the API spells the field's type, and exactly."""
    assert cells(values, field) == expected


@pytest.mark.catalogue("B12", "T6")
def test_text_keeps_every_character():
    """Quotes, separators, line ends of every kind, blanks at the ends and other planes arrive as they were."""
    texts = [
        '"',
        '""',
        ",",
        "a\nb",
        "a\rb",
        "a\r\nb",
        " both ",
        "\u2028\u0085\x0b\x0c",
        "🦜",
        "\ufeff",
        "#N/A ",
        "é\u0301",
        "\t",
    ]
    assert cells(texts, "Text__c") == texts


@pytest.mark.catalogue("B13")
def test_a_file_has_the_form_that_jobs_announce():
    """UTF-8 without a byte order mark, commas, LF at every end, names as describe spells them."""
    frame = pd.DataFrame({"text__C": ["é", None], "INT__c": [1, 2]})
    ((part, content),) = encode(frame, "Deal__c", lambda name: DEAL, "insert")
    assert content == 'Text__c,Int__c\n"é",1\n,2\n'.encode()
    assert (part.start, part.stop, part.size) == (0, 2, len(content))


@pytest.mark.catalogue("T2")
def test_a_missing_value_in_a_single_column_is_no_blank_line():
    """Parsers pass over blank lines, and the row would be lost."""
    ((_, content),) = encode(pd.DataFrame({"Int__c": [1.0, np.nan]}), "Deal__c", lambda name: DEAL, "insert")
    assert content == b'Int__c\n"1"\n""\n'


def test_any_arrow_table_can_be_written():
    """Polars and its like come by the Arrow stream, with views, dictionaries and large lists."""
    table = pa.table(
        {
            "Text__c": pa.array(["a", None], pa.string_view()),
            "Pick__c": pa.DictionaryArray.from_arrays([0, 1], pa.array(["x", "y"], pa.string_view())),
            "Tags__c": pa.array([["a", "b"], None], pa.large_list(pa.string_view())),
            "Double__c": pa.array([float("nan"), 0.5]),
            "Day__c": pa.nulls(2),
        }
    )

    class Stream:
        def __arrow_c_stream__(self, requested_schema=None):
            return table.__arrow_c_stream__(requested_schema)

    expected = [["a", "x", "a;b", "", ""], ["", "y", "", "0.5", ""]]
    for given in (table, Stream(), table.to_batches()[0]):
        assert uploaded(given)[1:] == expected
    assert uploaded(table.slice(1))[1:] == expected[1:]


# --- missing values --------------------------------------------------------------------------------------------------

MISSING = [
    ([None, np.nan, pd.NA, pd.NaT, "", "x"], "Text__c", "x"),
    (pd.array([None] * 5 + ["x"], dtype="str"), "Text__c", "x"),
    ([np.nan] * 5 + [1.5], "Double__c", "1.5"),
    (pd.array([None] * 5 + [7], dtype="Int64"), "Int__c", "7"),
    (pd.DatetimeIndex([None] * 5 + ["2024-01-01"], tz="UTC"), "At__c", "2024-01-01T00:00:00.000Z"),
    ([None] * 5 + [dt.date(2024, 1, 1)], "Day__c", "2024-01-01"),
    ([None] * 5 + [["a"]], "Tags__c", "a"),
    (pd.Categorical([None] * 5 + ["x"]), "Pick__c", "x"),
]


@pytest.mark.catalogue("B15")
@pytest.mark.parametrize(("values", "field", "last"), MISSING)
@pytest.mark.parametrize(
    ("operation", "nulls", "cell"),
    [
        ("update", "leave", ""),
        ("update", "clear", "#N/A"),
        ("update", {}, ""),
        ("update", "by column", "#N/A"),
        ("insert", "clear", ""),
        ("insert", "by column", ""),
    ],
)
def test_missing_values_mean_what_the_policy_says(values, field, last, operation, nulls, cell):
    """Left alone unless the caller clears them; a new record has nothing to clear."""
    frame = pd.DataFrame({field: values, "Id": WHOLE})
    if operation == "insert":
        frame = frame.rename(columns={"Id": "Parent__c"})
    policy = {field: "clear"} if nulls == "by column" else nulls
    _, *records = uploaded(frame, operation, nulls=policy)
    assert [record[0] for record in records] == [cell] * 5 + [last]


@pytest.mark.catalogue("B15")
@pytest.mark.parametrize(
    ("values", "field"),
    [
        ([sfdata.CLEAR, None, "a"], "Text__c"),
        ([sfdata.CLEAR, None, 5], "Int__c"),
        ([sfdata.CLEAR, None, dt.date(2024, 1, 1)], "Day__c"),
    ],
)
def test_one_cell_is_cleared_where_it_says_so(values, field):
    """sfdata.CLEAR empties its field and leaves its neighbours; to an insert it is a missing value like others."""
    frame = pd.DataFrame({field: pd.Series(values, dtype=object), "Id": WHOLE})
    assert [record[0] for record in uploaded(frame, "update")][1:3] == ["#N/A", ""]
    assert cells(pd.Series(values, dtype=object), field)[:2] == ["", ""]


def test_clear_is_one_object_wherever_it_goes():
    """Copies and pickles of a frame hold the same sentinel."""
    import copy
    import pickle

    assert copy.deepcopy(sfdata.CLEAR) is sfdata.CLEAR
    assert pickle.loads(pickle.dumps(sfdata.CLEAR)) is sfdata.CLEAR
    assert repr(sfdata.CLEAR) == "sfdata.CLEAR"


def test_a_checkbox_cannot_be_cleared():
    """It is true or false: to clear it is refused, and what is missing leaves it alone."""
    frame = pd.DataFrame({"Id": WHOLE, "Check__c": pd.Series([True, None, sfdata.CLEAR], dtype=object)})
    for nulls, expected in (("leave", [2]), ("clear", [2, 1])):
        with pytest.raises(PushRefused, match="cannot be cleared") as caught:
            encode(frame, "Deal__c", lambda name: DEAL, "update", nulls=nulls).plan()
        assert [problem.position for problem in caught.value.problems] == expected


@pytest.mark.catalogue("B17")
@pytest.mark.parametrize("missing", [None, "", np.nan, sfdata.CLEAR])
@pytest.mark.parametrize(("operation", "key", "field"), [("update", None, "Id"), ("upsert", "Text__c", "Text__c")])
def test_a_key_is_never_missing(missing, operation, key, field):
    """Without it nobody knows which record is meant."""
    values = pd.Series([WHOLE if field == "Id" else "k", missing], dtype=object)
    ((position, reason),) = refused(values, field, operation, key=key)
    assert (position, reason) == (1, "is missing, and tells which record is meant")


def test_an_upsert_by_id_creates_where_the_id_is_missing():
    """There a missing Id is a new record."""
    frame = pd.DataFrame({"Id": [WHOLE, None], "Int__c": [1, 2]})
    assert uploaded(frame, "upsert", key="Id", nulls="clear") == [["Id", "Int__c"], [WHOLE, "1"], ["", "2"]]


# --- values that fit no cell -----------------------------------------------------------------------------------------

NO_NUMBER = "is no number that a field holds"


@pytest.mark.catalogue("B15", "T6", "T7")
@pytest.mark.parametrize(
    ("values", "field", "expected"),
    [
        (["a", "#N/A"], "Text__c", {1: "is the text #N/A"}),
        (["a", "b\0c"], "Text__c", {1: "holds a NUL character"}),
        (
            pd.Series(["a", "\ud83e", "🦜"], dtype=object),
            "Text__c",
            {1: "text with half of a surrogate pair fits no string"},
        ),
        (["x" * 131_072, "x" * 131_073, "é" * 131_072], "Long__c", {1: "has more than 131072 characters"}),
        (
            [["a"], ["a;b"], ["a", ""], ["b", None]],
            "Tags__c",
            {1: "['a;b'] holds a value", 2: "['a', ''] holds", 3: "list of other"},
        ),
        (
            pd.array([["a"], ["b", None]], dtype=pd.ArrowDtype(pa.list_(pa.string()))),
            "Tags__c",
            {1: "['b', None] holds a value that is empty"},
        ),
        ([["#N/A"], ["a"]], "Tags__c", {0: "is the text #N/A"}),
        (
            [[1, 2], ["a"]],
            "Tags__c",
            {0: "list of other things than texts fits no multipicklist field: a multi-select"},
        ),
        ([[["a"]], ["\ud83e"], ["b"]], "Tags__c", {0: "list of other", 1: "text with half"}),
        ([1.0, 1.5, np.nan], "Int__c", {1: "1.5 is no whole number"}),
        ([1.0, 2.0**63, -np.inf], "Int__c", {1: "9.223372036854776e+18 is no", 2: "-inf is no whole number"}),
        (
            [Decimal("1.0"), Decimal("1.01"), Decimal("Infinity")],
            "Int__c",
            {1: "'1.01' is no whole", 2: "'Infinity' is no number"},
        ),
        (["1", "1.0", "١"], "Int__c", {1: "'1.0' is no whole number", 2: "'١' is no whole number"}),
        ([0.5, np.inf, -np.inf], "Double__c", {1: f"inf {NO_NUMBER}", 2: f"-inf {NO_NUMBER}"}),
        (
            [Decimal("1"), Decimal("NaN"), Decimal("-Infinity")],
            "Double__c",
            {2: f"'-Infinity' {NO_NUMBER}"},
        ),
        (
            ["1", "1,5", "12 EUR", "nan", " 1"],
            "Double__c",
            {1: "'1,5' is no number", 2: "'12 EUR'", 3: "'nan'", 4: "' 1'"},
        ),
        ([0, 2, 1], "Check__c", {1: "2 is neither true nor false"}),
        ([0.5, 1], "Check__c", {0: "0.5 is neither"}),
        (["true", "maybe", "2"], "Check__c", {1: "'maybe' is neither", 2: "'2' is neither"}),
        (
            pd.DatetimeIndex(["2024-01-01", "2024-01-01 00:00:01"]),
            "Day__c",
            {1: "2024-01-01 00:00:01.000000 has a time"},
        ),
        (
            [dt.date(1699, 12, 31), dt.date(1700, 1, 1), dt.date(4001, 1, 1)],
            "Day__c",
            {0: "1699-12-31 is not between", 2: "4001-01-01"},
        ),
        (
            ["2024-02-30", "2/29/2024", "1699-01-01", "2024-02-29T00:00:00Z"],
            "Day__c",
            {0: "'2024-02-30' is no date", 1: "'2/29", 2: "'1699", 3: "'2024"},
        ),
        (
            ["2024-01-31T09:30:00", "2024-01-31 09:30:00Z", "2024-13-01T00:00:00Z", "2024-01-01T24:00:00Z"],
            "At__c",
            dict.fromkeys(range(4), "'2024-"),
        ),
        (
            pd.Series(np.array(["2000-01-01", "5000-01-01"], "M8[s]")).dt.tz_localize("UTC"),
            "At__c",
            {1: "5000-01-01 00:00:00Z is not between"},
        ),
        (["09:30", "25:00:00", "9:30:00"], "Clock__c", {0: "'09:30' is no time", 1: "'25", 2: "'9:"}),
        (
            [SHORT, SHORT[:14], WHOLE[:17] + "5", "", "Ünrecorded Id, 18!"],
            "Parent__c",
            {1: "'001Lo0000000b9' is no Id", 2: "'001", 4: "'Ünr"},
        ),
        (pd.Series(["x", 1.5], dtype=object), "Double__c", {0: "'x' is no number"}),
        ([1.0, 2.0**53 + 2, np.nan, -1e17], "Text__c", {1: "9007199254740994.0 has more digits", 3: "-1e+17 has more"}),
        (np.array([2.0**25], dtype="float32"), "Text__c", {0: "33554432.0 has more digits than floats keep"}),
        (
            pd.Series([1, True, "2", {}], dtype=object),
            "Int__c",
            {1: "boolean fits no int field", 3: "dict fits no int field"},
        ),
        (
            pd.Series([dt.datetime(2024, 1, 1), dt.datetime(2024, 1, 1, tzinfo=dt.UTC)], dtype=object),
            "At__c",
            {0: "datetime without a time zone fits no datetime field: they could be any instant"},
        ),
        ([dt.time(9), dt.time(9, tzinfo=dt.UTC)], "Clock__c", {1: "time with a time zone fits no time field"}),
    ],
)
def test_values_that_fit_no_cell_are_refused_with_their_place(values, field, expected):
    """Every one of them, by column and row, and no other."""
    found = dict(refused(values, field))
    assert found.keys() == expected.keys()
    for position, reason in expected.items():
        assert found[position].startswith(reason)


def test_a_place_has_the_label_of_its_row():
    """Behind thousands of good rows, in an index of any kind, twice the same label."""
    frame = pd.DataFrame({"Int__c": [1.0] * 40_000, "Text__c": "x"}, index=["a", "b"] * 20_000)
    frame.iloc[[31, 39_999], 0] = 1.5
    frame.iloc[39_998, 1] = "\0"
    with pytest.raises(PushRefused) as caught:
        encode(frame, "Deal__c", lambda name: DEAL, "insert").plan()
    places = [(problem.column, problem.position, problem.label) for problem in caught.value.problems]
    assert places == [("Int__c", 31, "b"), ("Int__c", 39_999, "b"), ("Text__c", 39_998, "a")]


def test_so_many_problems_suffice():
    """Of a million wrong values nobody needs more than a thousand."""
    with pytest.raises(PushRefused) as caught:
        encode(pd.DataFrame({"Int__c": np.full(200_000, 0.5)}), "Deal__c", lambda name: DEAL, "insert").plan()
    assert len(caught.value.problems) == 1_000


def test_a_record_may_have_400_000_characters():
    """Values within their own limits add up; characters are counted, and not their bytes."""
    names = ["Text__c", "Long__c", "Pick__c", "Odd__c"]
    fits = dict.fromkeys(names, "é" * 100_000)
    ((_, content),) = encode(pd.DataFrame([fits]), "Deal__c", lambda name: DEAL, "insert")
    assert content.decode().count("é") == 400_000
    frame = pd.DataFrame([fits, {**fits, "Text__c": "é" * 100_001}])
    with pytest.raises(PushRefused, match="row 1: the row has 400001 characters"):
        encode(frame, "Deal__c", lambda name: DEAL, "insert").plan()


# --- frames that are refused as a whole ------------------------------------------------------------------------------


def at_once(frame, match=None, error=PushRefused):
    """The frame is refused before any row is looked at."""
    with pytest.raises(error, match=match) as caught:
        encode(frame, "Deal__c", lambda name: DEAL, "insert")
    return caught.value


@pytest.mark.catalogue("T7")
@pytest.mark.parametrize(
    ("frame", "match"),
    [
        (pd.DataFrame(index=[1, 2]), "the frame is empty: it has no columns"),
        (pd.DataFrame([["a", "b"]], columns=["Text__c", "Text__c"]), "Text__c: stands in the frame twice"),
        (pa.table([["a"], ["b"]], names=["Text__c", "Text__c"]), "Text__c: stands in the frame twice"),
        (pd.DataFrame([["a"]], columns=[3]), "^3: is of type int, where fields are named by one text"),
        (pd.DataFrame([["a"]], columns=pd.MultiIndex.from_tuples([("a", "b")])), "has several levels of names"),
        (
            pd.DataFrame({"Int__c": pd.to_timedelta([1], unit="s")}),
            "Int__c: of dtype timedelta64.*, Timedelta fits no int",
        ),
        (pd.DataFrame({"Int__c": [np.timedelta64(1, "s")]}, dtype=object), "timedelta64 fits no int field"),
        (
            pd.DataFrame({"Day__c": pd.period_range("2024", periods=2, freq="M")}),
            "Day__c: of dtype period.*Period fits no",
        ),
        (pd.DataFrame({"At__c": pd.to_datetime(["2024-01-01"])}), r"could be any instant; \.dt\.tz_localize"),
        (
            pd.DataFrame({"At__c": [dt.date(2024, 1, 1)]}),
            "At__c: of dtype object, date fits no datetime field: a day is no",
        ),
        (pd.DataFrame({"Day__c": UTC_STAMPS}), r"their day depends on the time zone; \.dt\.date decides"),
        (pd.DataFrame({"Parent__c": [1, 2]}), "Ids are texts of 15 or 18 characters"),
        (pd.DataFrame({"Double__c": [True, False]}), "Double__c: of dtype bool, boolean fits no double field"),
        (pd.DataFrame({"Int__c": [1j]}), "complex fits no int field"),
        (pd.DataFrame({"Text__c": [{"a": 1}]}), "dict fits no string field"),
        (pd.DataFrame({"Text__c": [b"a"]}), "bytes fits no string field"),
        (pd.DataFrame({"Text__c": ["00123", 123.0]}), r'Text__c: holds float and text by turns; .*\.astype\("str"\)'),
        (pd.DataFrame({"Text__c": pd.Categorical(["a", 1])}), "holds integer and text by turns"),
    ],
)
def test_a_frame_that_cannot_be_written_is_refused_at_once(frame, match):
    """What lies in the frame as a whole is said before any row is looked at."""
    at_once(frame, match)


@pytest.mark.parametrize("frame", [[1, 2], pd.Series([1]), None, {"Text__c": "a"}, "Text__c"])
def test_what_is_no_frame_is_said_to_be_none(frame):
    """Lists, series and scalars have no columns."""
    error = at_once(frame, "a DataFrame or an Arrow table can be written, not a", ConfigurationError)
    assert not isinstance(error, PushRefused)


def test_a_frame_has_no_more_rows_than_a_day_takes():
    """The org would take 150 million of them."""
    values = pa.chunked_array([pa.nulls(1_000_000, pa.null())] * 151)
    at_once(pa.table({"Text__c": values}), "151000000 rows, and an org takes 150000000 a day")


def test_all_that_is_wrong_with_a_frame_is_said_together():
    """One problem for each column."""
    frame = pd.DataFrame({"At__c": pd.to_datetime(["2024-01-01"]), "Parent__c": [1]})
    assert [problem.column for problem in at_once(frame).problems] == ["At__c", "Parent__c"]


@pytest.mark.parametrize("days", [1, 400, 840_000])
def test_instants_are_spelt_as_python_spells_them(days):
    """Close together or spread over all years that an org knows, on both sides of 1970, to the millisecond."""
    chance = np.random.default_rng(days)
    first = np.datetime64("1700-01-01" if days > 400 else "1969-12-31", "ms")
    stamps = first + chance.integers(0, days * 86_400_000, 3_000)
    expected = [f"{stamp.isoformat(timespec='milliseconds')}Z" for stamp in stamps.tolist()]
    assert cells(pd.Series(stamps).dt.tz_localize("UTC"), "At__c") == expected
