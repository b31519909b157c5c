"""Pages read straight to columns, held against the strict reading by structs."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfdata.errors import UnreadableAnswer
from sfdata.frames.json_columns import flat

SOQL = (
    "SELECT Id, Name, Industry, NumberOfEmployees, AnnualRevenue, Active__c, Founded__c, Opens__c, CreatedDate,"
    " Owner.Name, Parent.Owner.Name, Site__c FROM Account"
)
RECORD = {
    "attributes": {"type": "Account", "url": "/services/data/v67.0/sobjects/Account/001AA000000001AYAQ"},
    "Id": "001AA000000001AYAQ",
    "Name": 'Käse "und"\r\n\u2028 \U0001f9c0',
    "Industry": "007",
    "NumberOfEmployees": 9007199254740993,
    "AnnualRevenue": 1e-7,
    "Active__c": True,
    "Founded__c": "1998-02-28",
    "Opens__c": "09:30:00.500Z",
    "CreatedDate": "2022-03-17T16:21:26.000+0000",
    "Owner": {"attributes": {"type": "User", "url": "x"}, "Name": "Ann"},
    "Parent": {"attributes": {"type": "Account", "url": "x"}, "Owner": None},
    "Site__c": {"latitude": 52.5, "longitude": 13.4},
}


def page(records, **more):
    return {
        "totalSize": 9,
        "done": False,
        "nextRecordsUrl": "/services/data/v67.0/query/01g-5",
        "records": records,
    } | more


def by_columns(decoder, body):
    """The page as columns; fails where the quick way was not taken."""
    read = decoder.read(body)
    assert isinstance(read.records, pa.Table)
    return read


def same(decoder, body):
    """Whether both ways agree on the page, or on its refusal; the quick page, where it was one."""
    try:
        strict = decoder.parse(body)
        strict_table = decoder.batch(strict.records).table
    except UnreadableAnswer:
        with pytest.raises(UnreadableAnswer):
            decoder.batch(decoder.read(body).records)
        return
    quick = decoder.read(body)
    assert (quick.total_size, quick.done, quick.next_url) == (strict.total_size, strict.done, strict.next_url)
    assert decoder.batch(quick.records).table.equals(strict_table)


@pytest.mark.parametrize(
    "layout",
    [{"separators": (",", ":")}, {}, {"ensure_ascii": False}, {"separators": (",", ":"), "ensure_ascii": False}],
)
def test_a_flat_page_becomes_columns(decoder, layout):
    """However the JSON is written, columns hold what structs hold, types, nulls and parents included."""
    nothing = dict.fromkeys(RECORD) | {"attributes": RECORD["attributes"]}
    body = json.dumps(page([RECORD, nothing, RECORD]), **layout).encode()
    same(decoder(SOQL), body)
    if "separators" in layout:
        read = by_columns(decoder(SOQL), body)
        assert read.records["NumberOfEmployees"].to_pylist() == [9007199254740993, None, 9007199254740993]
        assert read.records["Parent.Owner.Name"].to_pylist() == [None] * 3
        assert (read.total_size, read.done, read.next_url) == (9, False, "/services/data/v67.0/query/01g-5")


TEXTS = ["2022-03-17T16:21:26.000+0000", "2022-03-17T16:21:26Z", "2022-03-17", "09:30:00.000Z", "25:00:00.000Z", "1E7"]
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=5),
    st.sampled_from([*TEXTS, [], {"Name": 1, "Owner": None}]),
)


@given(st.sampled_from([name for name in RECORD if name != "attributes"]), VALUES)
def test_any_value_anywhere_is_read_alike_or_refused_alike(decoder, name, value):
    """Whatever stands in a field, the quick way gives the strict way's value or the strict way's error."""
    body = json.dumps(page([RECORD | {name: value}, RECORD]), separators=(",", ":")).encode()
    same(decoder(SOQL), body)


@given(st.data())
def test_a_page_cut_or_damaged_anywhere_is_read_alike(decoder, data):
    """Bytes missing or changed are no columns that structs would not be."""
    body = bytearray(json.dumps(page([RECORD]), separators=(",", ":"), ensure_ascii=False).encode())
    place = data.draw(st.integers(0, len(body) - 1))
    if data.draw(st.booleans()):
        body[place] = data.draw(st.integers(0, 255))
    else:
        del body[place:]
    if b'"attributes"' not in body:
        return  # a key of what is skipped
    same(decoder(SOQL), bytes(body))


@pytest.mark.parametrize("name", [name for name in RECORD if name not in ("attributes", "Site__c")])
def test_a_page_without_a_field_is_refused(decoder, name):
    """A field that the page has lost is not read as null."""
    lacking = {key: value for key, value in RECORD.items() if key != name}
    with pytest.raises(UnreadableAnswer):
        decoder(SOQL).read(json.dumps(page([lacking, lacking]), separators=(",", ":")).encode())


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{}", b"<html>", b'{"totalSize":1,"done":true}', b'{"totalSize":1,"done":true,"records":null}',
        b'{"totalSize":1,"done":true,"records":[null]}', b'{"totalSize":1,"done":true,"records":[5]}',
        b'{"totalSize":0,"done":true,"records":[]}{"totalSize":0,"done":true,"records":[]}',
        b'{"totalSize":null,"done":true,"records":[]}', b'{"totalSize":0,"records":[]}',
    ],
)  # fmt: skip
def test_what_is_no_page_is_refused(decoder, body):
    """An answer of another form raises, as it does for the first page."""
    with pytest.raises(UnreadableAnswer):
        decoder(SOQL).read(body)


def test_an_empty_page_has_its_columns(decoder):
    """A page without records is a table without rows, typed all the same."""
    decode = decoder(SOQL)
    read = by_columns(decode, b'{"totalSize":0,"done":true,"records":[]}')
    assert read.records.schema.equals(decode.empty().table.schema)


def test_a_long_first_record_is_seen_whole(decoder):
    """The first record may be longer than most."""
    body = json.dumps(page([RECORD | {"Name": "ä" * 100_000}]), separators=(",", ":"), ensure_ascii=False).encode()
    assert by_columns(decoder(SOQL), body).records["Name"].to_pylist() == ["ä" * 100_000]


@pytest.mark.parametrize(
    "soql",
    [
        "SELECT Id, (SELECT Id FROM Contacts) FROM Account",
        "SELECT Id, Anything__c FROM Account",
        "SELECT Id, FORMAT(Owner.Name) n FROM Account",
    ],
)
def test_what_is_not_flat_is_left_to_structs(decoder, soql):
    """Child rows, values of any type and values in two places are not read this way."""
    assert not flat(decoder(soql).columns)


def test_half_a_surrogate_pair_sends_the_page_the_other_way(decoder):
    """What Arrow's reader does not take is read by structs, as a single page is."""
    body = json.dumps(page([RECORD | {"Name": "cut \ud83d"}])).encode()
    decode = decoder(SOQL)
    assert decode.batch(decode.read(body).records).table["Name"].to_pylist() == ["cut \ufffd"]


def test_threads_share_a_decoder(decoder):
    """Pages decoded side by side are the pages decoded in turn."""
    decode = decoder(SOQL)
    bodies = [
        json.dumps(page([RECORD | {"NumberOfEmployees": n}] * 50), separators=(",", ":")).encode() for n in range(40)
    ]
    with ThreadPoolExecutor(4) as pool:
        read = list(pool.map(decode.read, bodies))
    assert [r.records["NumberOfEmployees"].to_pylist() for r in read] == [[n] * 50 for n in range(40)]
