"""Answers made to be misread: text that looks like something else, JSON that is none, pages cut at any byte."""

from __future__ import annotations

import csv
import io
import json

import pytest

from sfdata.errors import UnreadableAnswer
from sfdata.frames.columns import result_columns
from sfdata.frames.csv_columns import CsvColumns
from sfdata.frames.decode import count_only
from sfdata.soql import parse
from sfdata.transport.bodies import BodyCut, check_end
from sfdata.transport.messages import Response

LOOKALIKES = [
    "NA", "N/A", "#N/A", "n/a", "null", "NULL", "Null", "nil", "None", "none", "NaN", "nan", "-nan", "NaT", "<NA>",
    "#NULL!", "undefined", "true", "True", "TRUE", "false", "yes", "no", "on", "off", "y", "t", "0", "1", "00123",
    "007", "+7", "-0", "1.0", "1e5", "1E400", ".5", "5.", "1,5", "1.234,56", "1_000", "0x1F", "0b1", "1j",
    "12345678901234567890", "9" * 5_000, "inf", "-Infinity", "٣", "½", "2026-01-02", "01/02/2026",
    "2026-01-02T03:04:05Z", "20260102", "12:30", "Mar 1", "=1+1", "@SUM(A1)", "-1", "{}", "[]", "{\"a\":1}", "'", '"',
    '""', '"null"', "\\", "\\n", "\\u0041", ",", ";", "\t", " ", " x ", "\n", "\r", "\r\n", "a\nb", "\x00", "a\x00b",
    "\x1a", "\x0b\x0c", "\x85", "\u2028", "\u2029", "\ufeff", "\ufeffx", "\u202eabc", "e\u0301",
    "\U0001f469\u200d\U0001f4bb", "<b>x</b>", "&amp;", "${x}", "%s", "../..", "001000000000001AAA",
]  # fmt: skip
QUERY = "SELECT Id, Name, Industry FROM Account"


def json_page(texts):
    rows = [{"Id": f"{n:018}", "Name": text, "Industry": text} for n, text in enumerate(texts)]
    return json.dumps({"totalSize": len(rows), "done": True, "records": rows}).encode()


def csv_page(texts):
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([("Id", "Name", "Industry"), *((f"{n:018}", text, text) for n, text in enumerate(texts))])
    return out.getvalue().encode()


@pytest.mark.catalogue("T1", "T6")
@pytest.mark.parametrize("way", ["JSON by structs", "JSON by columns", "CSV"])
def test_text_that_looks_like_something_else_is_text(decoder, describe, way):
    """Whatever a text looks like, alone or among others, every reader gives it back as it is, as text."""
    for texts in [LOOKALIKES, *([text] for text in LOOKALIKES)]:
        if way == "CSV":
            (table,) = CsvColumns(result_columns(parse(QUERY), describe)).tables([csv_page(texts)])
        else:
            decode = decoder(QUERY)
            page = (decode.parse if way == "JSON by structs" else decode.read)(json_page(texts))
            table = decode.batch(page.records).table
        assert table["Name"].to_pylist() == texts
        assert table["Industry"].to_pylist() == texts
        assert str(table["Name"].type) == "string"


# --- JSON that is none -----------------------------------------------------------------------------------------------

DEEP = "[" * 100_000 + "]" * 100_000
NO_RECORDS = {
    "NaN": '{"AnnualRevenue":NaN}',
    "Infinity": '{"AnnualRevenue":-Infinity}',
    "beyond a double": '{"AnnualRevenue":1e400}',
    "five thousand digits": f'{{"AnnualRevenue":{"9" * 5_000}}}',
    "five thousand digits of an integer": f'{{"NumberOfEmployees":{"9" * 5_000}}}',
    "an integer beyond a double": '{"NumberOfEmployees":1e400}',
    "leading zero": '{"NumberOfEmployees":007}',
    "plus sign": '{"NumberOfEmployees":+7}',
    "hexadecimal": '{"NumberOfEmployees":0x7}',
    "control character": '{"Name":"a\x01b"}',
    "comma at the end": '{"Name":"a",}',
    "other quotes": "{'Name':'a'}",
    "comment": '{"Name":"a"/* so it is */}',
    "deep where nobody looks": f'{{"attributes":{DEEP},"Name":"a"}}',
    "deep where a text belongs": f'{{"Name":{DEEP}}}',
    "deep and never closed": f'{{"attributes":{DEEP[:100_000]},"Name":"a"}}',
}


@pytest.mark.catalogue("T5")
@pytest.mark.parametrize("record", NO_RECORDS.values(), ids=NO_RECORDS)
def test_what_is_no_json_is_a_typed_error(decoder, record):
    """What Python's reader, or Arrow's, would take or break at is refused by both ways to read a page."""
    field = next(name for name in ("AnnualRevenue", "NumberOfEmployees", "Name") if name in record)
    decode = decoder(f"SELECT {field} FROM Account")
    body = f'{{"totalSize":1,"done":true,"records":[{record}]}}'.encode()
    for way in (decode.parse, decode.read):
        with pytest.raises(UnreadableAnswer):
            decode.batch(way(body).records)


@pytest.mark.catalogue("T5")
def test_numbers_at_their_bounds_are_read():
    """What is refused for its size or depth is refused for that alone: the largest there are pass."""
    deep = b"[" * 500 + b"]" * 500
    assert Response(200, {}, deep).json() == json.loads(deep)
    assert count_only(b'{"totalSize":9007199254740993,"x":' + deep + b"}") == 9007199254740993


@pytest.mark.catalogue("T5")
@pytest.mark.parametrize("read", [count_only, lambda body: Response(200, {}, body).json()], ids=["count", "answer"])
def test_depth_is_a_typed_error_wherever_json_is_read(read):
    """A hundred thousand brackets exhaust no stack."""
    with pytest.raises(UnreadableAnswer):
        read(DEEP.encode())


# --- cut at any byte -------------------------------------------------------------------------------------------------

LONG = [f"{text} {n:030}" for n, text in enumerate(LOOKALIKES[:40])]
SIZE = 4_096


@pytest.mark.catalogue("N2")
def test_a_json_page_of_four_kilobytes_cut_anywhere_is_no_page(decoder):
    """At every byte: the end of the body, or the reader, tells that something is missing."""
    body = json_page(LONG)
    assert len(body) >= SIZE
    decode, headers = decoder(QUERY), {"content-type": "application/json"}
    unseen = 0
    for cut in range(len(body)):
        try:
            check_end(body[:cut], headers)
        except BodyCut:
            continue
        unseen += 1
        for way in (decode.parse, decode.read):
            with pytest.raises(UnreadableAnswer):
                way(body[:cut])
    assert unseen == 1 + len(LONG), "nothing at all, and the end of each record"


@pytest.mark.catalogue("T3", "N2")
def test_a_csv_page_of_four_kilobytes_cut_anywhere_is_whole_rows_or_an_error(describe):
    """At every byte: only where a row ends are there rows, and then those before it; the count does the rest."""
    body = csv_page(LONG)[:SIZE]
    ends = {len(csv_page(LONG[:count])): count for count in range(len(LONG) + 1)}
    ends |= {end - 1: count for end, count in ends.items()}  # a last line may lack its end
    columns = result_columns(parse(QUERY), describe)
    for cut in range(1, len(body)):
        try:
            names = [name for table in CsvColumns(columns).tables([body[:cut]]) for name in table["Name"].to_pylist()]
        except (BodyCut, UnreadableAnswer):
            assert cut not in ends
        else:
            assert names == LONG[: ends[cut]]
