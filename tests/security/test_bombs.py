"""Answers that unpack to far more than they are: refused early, on each way that bytes come in."""

from __future__ import annotations

import gzip
import resource
import time
import zlib

import pytest

from sfdata.errors import UnreadableAnswer
from sfdata.frames.columns import result_columns
from sfdata.frames.csv_columns import CsvColumns
from sfdata.metadata import ObjectDescribe
from sfdata.soql import parse
from sfdata.transport.bodies import BodyReader, BodyUnreadable

GZIP = {"content-encoding": "gzip"}
TEN_GIGABYTES = 10 << 30
ACCOUNT = ObjectDescribe({"name": "Account", "fields": [{"name": n, "type": "string"} for n in ("Code", "Name")]})


def zipped(fill, size, piece=1 << 24):
    """``size`` bytes of ``fill``, packed, a piece at a time."""
    packer, block = zlib.compressobj(1, zlib.DEFLATED, 31), fill * piece
    for _ in range(0, size, piece):
        yield packer.compress(block)
    yield packer.flush()


@pytest.mark.catalogue("S30")
def test_ten_gigabytes_of_zeros_are_refused_before_they_are_there():
    """Of ten megabytes that unpack to ten gigabytes, less than one suffices to say no."""
    body, fed, unpacked = BodyReader(GZIP), 0, 0

    def take():
        nonlocal fed, unpacked
        for raw in zipped(b"0", TEN_GIGABYTES):
            fed += len(raw)
            unpacked += len(body.feed(raw))

    with pytest.raises(BodyUnreadable, match="larger"):
        take()
    assert fed < 1 << 20
    assert unpacked <= 1 << 27


@pytest.mark.catalogue("S30")
def test_a_large_page_that_is_no_bomb_is_read():
    """A page above the size from which the ratio counts, packed as well as JSON is, comes through whole."""
    row = b'{"attributes":{"type":"Account","url":"/services/data/v67.0/sobjects/Account/%018d"},"Name":null},'
    page = b"".join(row % n for n in range(700_000))
    packed = gzip.compress(page, 1)
    body = BodyReader(GZIP)
    assert sum(len(body.feed(packed[at : at + 65536])) for at in range(0, len(packed), 65536)) == len(page) > 1 << 26
    body.finish()


@pytest.mark.parametrize("fill", [b"0", b'"', b",", b"\0"])
@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.catalogue("S30")
def test_a_row_without_an_end_is_refused(fill, whole):
    """A page of a job's results is taken piece by piece; one endless row of it is given up, in bounded memory."""
    columns = CsvColumns(result_columns(parse("SELECT Code, Name FROM Account"), lambda name: ACCOUNT))
    given = 0

    def chunks():
        nonlocal given
        yield b'"Code","Name"\n'
        for _ in range(TEN_GIGABYTES >> 20):
            given += 1 << 20
            yield fill * (1 << 20)

    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UnreadableAnswer, match="larger than any record"):
        list(columns.tables(chunks(), whole=whole))
    assert given < 1 << 27
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400 << 10
    assert time.monotonic() - began < 20
