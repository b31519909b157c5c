"""A page of Bulk results as Arrow columns: the values that the JSON of the same rows gives, or an error."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfdata.errors import UnreadableAnswer
from sfdata.frames import csv_columns
from sfdata.frames.columns import result_columns
from sfdata.frames.csv_columns import CsvColumns
from sfdata.frames.decode import PageDecoder
from sfdata.soql import parse
from sfdata.transport.bodies import BodyCut

SOQL = """SELECT Id, Name, Industry, NumberOfEmployees, AnnualRevenue, Active__c, Founded__c, Opens__c, CreatedDate,
    Anything__c, Owner.Name FROM Account"""
HEADER = '"Id","Name","Industry","NumberOfEmployees","AnnualRevenue","Active__c","Founded__c","Opens__c","CreatedDate",\
"Anything__c","Owner.Name"'
NASTY = ["null", "NULL", "None", "NA", "#N/A", "NaN", "nan", "inf", "true", "00123", "1e5", "1,5", "-", " ", "\t", "'",
    '"', '""', '"\n"', ',"', "a\nb", "a\r\nb", "\r", "\n", "\r\n", "x\u2028y\u2029z\x85w\x0b\x0c", "\x00", "a\x00b",
    "ä漢😀", "\ufeff", "\\", '\\"', "٣", "12345678901234567890", "2024-01-01", "x" * 3_000]  # fmt: skip


def columns(describe, soql=SOQL):
    return result_columns(parse(soql), describe)


def read(describe, text, soql=SOQL, sizes=(1 << 20,)):
    """The rows of a page that arrives in chunks of these sizes, one after the other and from the beginning again."""
    body = text if isinstance(text, bytes) else text.encode()
    return pa.concat_tables([CsvColumns(columns(describe, soql)).empty, *pieces(describe, body, soql, sizes)])


def pieces(describe, body, soql, sizes):
    chunks, at, turn = [], 0, 0
    while at < len(body):
        chunks.append(body[at : at + sizes[turn % len(sizes)]])
        at, turn = at + len(chunks[-1]), turn + 1
    return list(CsvColumns(columns(describe, soql)).tables(chunks))


def one(describe, cell, field="Name", quoted=True):
    """The one value of a page with one column."""
    text = '"' + cell.replace('"', '""') + '"' if quoted else cell
    return read(describe, f'"{field}"\n{text}\n', f"SELECT {field} FROM Account")[0].to_pylist()


# --- the same as JSON ------------------------------------------------------------------------------------------------

texts = st.one_of(st.sampled_from(NASTY), st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12))
moments = st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(4000, 1, 1)).map(
    lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000)
)
numbers = st.floats(allow_nan=False, allow_infinity=False)
records = st.fixed_dictionaries(
    {
        "Id": st.none() | st.integers(0, 10**15 - 1).map(lambda n: f"001{n:015}"),
        "Name": st.none() | texts,
        "Industry": st.none() | texts,
        "NumberOfEmployees": st.none() | st.integers(-(2**63), 2**63 - 1),
        "AnnualRevenue": st.none() | numbers,
        "Active__c": st.none() | st.booleans(),
        "Founded__c": st.none() | st.dates(dt.date(1700, 1, 1), dt.date(4000, 1, 1)).map(str),
        "Opens__c": st.none() | st.times().map(lambda t: t.isoformat("milliseconds") + "Z"),
        "CreatedDate": st.none() | moments.map(lambda m: m.isoformat("T", "milliseconds")),
        "Anything__c": st.none() | texts | st.integers(-(10**9), 10**9) | st.booleans(),
        "Owner": st.none() | st.fixed_dictionaries({"Name": st.none() | texts}),
    }
)


def as_json(rows):
    written = [
        {**row, "CreatedDate": row["CreatedDate"] and f"{row['CreatedDate']}+0000"}  # as REST writes it
        for row in rows
    ]
    return json.dumps({"totalSize": len(rows), "done": True, "records": written}).encode()


def as_csv(rows, zone="Z", number=repr, whole="{}"):
    """The rows as Bulk writes them: every value in quotes, null as nothing."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(next(csv.reader([HEADER])))
    for row in rows:
        told = {
            **row,
            "Owner.Name": row["Owner"] and row["Owner"]["Name"],
            "CreatedDate": row["CreatedDate"] and row["CreatedDate"] + zone,
            "AnnualRevenue": None if row["AnnualRevenue"] is None else number(row["AnnualRevenue"]),
            "NumberOfEmployees": None if row["NumberOfEmployees"] is None else whole.format(row["NumberOfEmployees"]),
        }
        values = [told[name] for name in next(csv.reader([HEADER]))]
        writer.writerow([json.dumps(v) if isinstance(v, bool) else "" if v is None else str(v) for v in values])
    return out.getvalue()


def by_json(describe, rows):
    decoder = PageDecoder(columns(describe))
    return decoder.batch(decoder.parse(as_json(rows)).records).table


@pytest.mark.catalogue("T1", "D4", "D6")
@settings(max_examples=60)
@given(st.lists(records, max_size=8), st.lists(st.integers(1, 40), min_size=1, max_size=5), st.integers(1, 200))
def test_rows_are_the_same_by_csv_as_by_json(describe, rows, sizes, block):
    """Every type, null, and every text there is, in whatever chunks the page arrives and blocks it is parsed in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_columns, "BLOCK_BYTES", block)
        table = read(describe, as_csv(rows), sizes=sizes)
    assert table.schema.equals(by_json(describe, rows).schema)
    assert table.to_pylist() == by_json(describe, rows).to_pylist()


@settings(max_examples=60)
@given(st.lists(records, min_size=1, max_size=5))
def test_an_org_may_write_the_same_values_otherwise(describe, rows):
    """Datetimes with +0000, whole numbers with a fraction of nothing, numbers in exponents: the values are the same."""
    text = as_csv(rows, zone="+0000", number="{:.17E}".format, whole="{}.0")
    assert read(describe, text).to_pylist() == by_json(describe, rows).to_pylist()


@pytest.mark.catalogue("T1", "D6")
@pytest.mark.parametrize("text", NASTY)
def test_text_stays_text(describe, text):
    """No text is taken for null, a number, a word of some language, or the end of a row."""
    assert one(describe, text) == [text]


def test_empty_is_null_in_every_column(describe):
    """An empty cell, quoted or not, is null of the column's type."""
    empty = ",".join(['""'] * 11)
    bare = "," * 10
    table = read(describe, f"{HEADER}\n{empty}\n{bare}\n")
    assert [set(column.to_pylist()) for column in table.columns] == [{None}] * 11
    assert table.schema.equals(CsvColumns(columns(describe)).empty.schema)


@pytest.mark.catalogue("T2")
@pytest.mark.parametrize("line", ["", '""'])
def test_an_empty_line_of_one_column_is_a_row(describe, line):
    """A result of one column in which nothing stands has as many rows as lines."""
    table = read(describe, f'"Name"\n{line}\na\n{line}\n', "SELECT Name FROM Account")
    assert table["Name"].to_pylist() == [None, "a", None]


# --- the block's edge ------------------------------------------------------------------------------------------------


def test_a_cr_at_the_end_of_a_chunk_does_not_eat_the_lf_behind_it(describe):
    """Text with CRLF is the same wherever the page is cut; Arrow's own cutting loses the LF between two blocks."""
    text = "".join(f'"line {number}\r\n\r\nend"\n' for number in range(50))
    expected = [f"line {number}\r\n\r\nend" for number in range(50)]
    for size in range(1, 60):
        assert read(describe, f'"Name"\n{text}', "SELECT Name FROM Account", (size,))["Name"].to_pylist() == expected


def test_large_pages_come_in_order_and_in_pieces(describe):
    """Blocks are parsed side by side, and come as they stand in the page."""
    rng = random.Random(3)
    rows = [(f"{number:018}", rng.choice(NASTY)) for number in range(40_000)]
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([("Id", "Name"), *rows])
    parts = pieces(describe, out.getvalue().encode(), "SELECT Id, Name FROM Account", (1 << 18,))
    table = pa.concat_tables(parts)
    assert len(parts) > 3
    assert list(zip(*table.to_pydict().values(), strict=True)) == rows


@pytest.mark.catalogue("T4")
def test_a_long_cell_is_one_value(describe):
    """A text longer than blocks, with line ends all through it."""
    text = 'say "no"\n,' * 400_000
    assert one(describe, text) == [text]


def test_memory_does_not_grow_with_the_page(describe):
    """What waits to be taken is a few blocks, however long the page is and however slowly it is taken."""
    row = b'"' + b"x" * 1000 + b'"\n'
    asked = []

    def chunks():
        yield b'"Name"\n'
        for number in range(200):
            asked.append(number)
            yield row * 600  # a block each

    reading = CsvColumns(columns(describe, "SELECT Name FROM Account")).tables(chunks())
    assert next(reading).num_rows
    assert len(asked) <= pa.cpu_count() + 4
    reading.close()


# --- headers ---------------------------------------------------------------------------------------------------------


def test_columns_are_found_by_their_names(describe):
    """Another order and another case in the header change nothing; the result stands as selected."""
    text = '"OWNER.NAME","name","ID"\n"o","n","i"\n'
    table = read(describe, text, "SELECT Id, Name, Owner.Name FROM Account")
    assert table.to_pylist() == [{"Id": "i", "Name": "n", "Owner.Name": "o"}]
    assert table.column_names == ["Id", "Name", "Owner.Name"]


def test_names_in_the_result_are_the_query_s_own(describe):
    """The header is spelt as the schema is, the column as the query writes it."""
    assert read(describe, '"Name","Owner.Name"\n"a","b"\n', "SELECT NAME, owner.name FROM Account").to_pydict() == {
        "NAME": ["a"],
        "owner.name": ["b"],
    }


WRONG_HEADERS = {
    "one is missing": '"Id"\n"1"\n',
    "one is new": '"Id","Name","Industry"\n"1","2","3"\n',
    "one is another": '"Id","Industry"\n"1","2"\n',
    "one comes twice": '"Id","Id"\n"1","2"\n',
    "there is none": '"1","2"\n"1","2"\n',
    "the delimiter is another": '"Id";"Name"\n"1";"2"\n',
    "it is a page": "<html><body>Maintenance</body></html>\n",
    "it is JSON": '[{"errorCode":"X"}]\n',
}


@pytest.mark.parametrize("text", WRONG_HEADERS.values(), ids=WRONG_HEADERS.keys())
def test_a_header_that_does_not_fit_is_refused(describe, text):
    """A page with other columns than the query's is no page of it, and the error says which it has."""
    with pytest.raises(UnreadableAnswer, match="has the columns"):
        read(describe, text, "SELECT Id, Name FROM Account")


def test_every_page_has_the_header_of_the_first(describe):
    """A schema that changes between two pages is found out, even where all columns are still there."""
    reader = CsvColumns(columns(describe, "SELECT Id, Name FROM Account"))
    assert [t.num_rows for t in reader.tables([b'"Id","Name"\n"1","2"\n'])] == [1]
    with pytest.raises(UnreadableAnswer, match="has the columns Name, Id"):
        list(reader.tables([b'"Name","Id"\n"1","2"\n']))


def test_a_byte_order_mark_is_no_name(describe):
    """It may stand before the header."""
    assert read(describe, '\ufeff"Name"\n"a"\n', "SELECT Name FROM Account")["Name"].to_pylist() == ["a"]


def test_lines_may_end_as_on_windows(describe):
    """CRLF between rows, asked for or not, is no part of a value."""
    assert read(describe, '"Name"\r\n"a"\r\n"b"\r\n', "SELECT Name FROM Account")["Name"].to_pylist() == ["a", "b"]


def test_a_header_alone_is_a_page_without_rows(describe):
    """With or without its line end."""
    for text in ('"Name"\n', '"Name"'):
        assert read(describe, text, "SELECT Name FROM Account").num_rows == 0


# --- what is wrong ---------------------------------------------------------------------------------------------------

WRONG_VALUES = [
    ("NumberOfEmployees", "5.5"), ("NumberOfEmployees", "many"), ("NumberOfEmployees", "9223372036854775808"),
    ("NumberOfEmployees", "1e400"), ("NumberOfEmployees", "NaN"), ("NumberOfEmployees", "Infinity"),
    ("AnnualRevenue", "1,5"), ("AnnualRevenue", "NaN"), ("AnnualRevenue", "inf"), ("AnnualRevenue", "-Infinity"),
    ("AnnualRevenue", "1e400"), ("AnnualRevenue", "12 EUR"),
    ("Active__c", "yes"), ("Active__c", "1"), ("Active__c", "0"), ("Active__c", "t"),
    ("Founded__c", "2024-02-30"), ("Founded__c", "01/02/2024"), ("Founded__c", "today"), ("Founded__c", "20240101"),
    ("CreatedDate", "2024-01-01"), ("CreatedDate", "2024-01-01T00:00:00.000"), ("CreatedDate", "2024-13-01T00:00:00Z"),
    ("Opens__c", "25:00:00.000Z"), ("Opens__c", "noon"),
]  # fmt: skip
BY_ARROW = {"NaN": "nan", "-Infinity": "-inf", "1e400": "inf"}
"""What Arrow reads as a number before it is found to be none, it also spells."""


@pytest.mark.catalogue("T1")
@pytest.mark.parametrize(("field", "value"), WRONG_VALUES)
def test_a_value_of_another_type_is_refused(describe, field, value):
    """Never a null, never a guess: the error names the column and the value."""
    with pytest.raises(UnreadableAnswer) as refused:
        one(describe, value, field)
    told = BY_ARROW.get(value, value) if field == "AnnualRevenue" else value
    assert str(refused.value).startswith(f"{field}: '{told}' is no ")


@pytest.mark.parametrize(
    ("value", "number"), [("5.0", 5), ("5.000", 5), ("1E7", 10_000_000), ("1.5e1", 15), ("-0.0", 0), ("+7", 7)]
)
def test_a_whole_number_may_be_written_otherwise(describe, value, number):
    """What is whole is whole, as in JSON, also beside one that is plain and beyond the digits of a double."""
    text = f'"NumberOfEmployees"\n"9007199254740993"\n"{value}"\n""\n'
    table = read(describe, text, "SELECT NumberOfEmployees FROM Account")
    assert table[0].to_pylist() == [9007199254740993, number, None]


@pytest.mark.catalogue("T3")
@pytest.mark.parametrize("row", ['"a"\n', '"a","b","c"\n', "a\n"])
def test_a_row_of_another_length_is_refused(describe, row):
    """Too few or too many cells are an error, wherever the row stands."""
    for text in (f'"Id","Name"\n{row}"x","y"\n', f'"Id","Name"\n"x","y"\n{row}'):
        with pytest.raises(UnreadableAnswer, match="Expected 2 columns"):
            read(describe, text, "SELECT Id, Name FROM Account")


def test_an_empty_line_among_several_columns_is_not_passed_over(describe):
    """It counts as a row, so that it cannot hide from the org's count."""
    assert read(describe, '"Id","Name"\n"1","2"\n\n"3","4"\n', "SELECT Id, Name FROM Account").num_rows == 3


@pytest.mark.catalogue("D5")
@pytest.mark.parametrize("body", [b"\xff", b"\xc3", b"\xed\xa0\x80", b"caf\xe9"])
def test_bytes_that_are_no_utf_8_are_refused(describe, body):
    """Latin-1, half a character or half a surrogate pair: nothing is replaced or dropped, and the column is named."""
    with pytest.raises(UnreadableAnswer, match=r"Name: .*UTF-?8"):
        read(describe, b'"Name"\n"' + body + b'"\n', "SELECT Name FROM Account")


def test_the_error_does_not_repeat_the_page(describe):
    """A row of any length is told in an excerpt."""
    with pytest.raises(UnreadableAnswer) as refused:
        read(describe, '"Id","Name"\n"' + "x" * 100_000 + '"\n', "SELECT Id, Name FROM Account")
    assert len(str(refused.value)) < 500


@pytest.mark.catalogue("T3")
@settings(max_examples=60)
@given(st.lists(records, min_size=1, max_size=3), st.data())
def test_a_page_cut_anywhere_is_whole_rows_or_an_error(describe, rows, data):
    """Whatever stands before the cut, no row is made of half of one, and the one cut is never taken for whole."""
    body = as_csv(rows).encode()
    cut = data.draw(st.integers(0, len(body) - 1))
    expected = read(describe, body).to_pylist()
    try:
        found = read(describe, body[:cut]).to_pylist()
    except (BodyCut, UnreadableAnswer):
        return
    ends = [len(as_csv(rows[:count]).encode()) for count in range(len(rows) + 1)]
    assert found == expected[: len(found)]
    assert cut in (ends[len(found)], ends[len(found)] - 1)


@pytest.mark.catalogue("T3")
def test_a_page_cut_in_a_row_breaks_off(describe):
    """So that it is fetched again: inside quotes, between cells, inside the header."""
    for text in ('"Id","Name"\n"1","2"\n"3","4', '"Id","Name"\n"1","2"\n"3",', '"Id","Name"\n"1","2"\n"3"', '"Id","Na'):
        with pytest.raises(BodyCut):
            read(describe, text, "SELECT Id, Name FROM Account")
