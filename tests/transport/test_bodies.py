"""Bodies that prove they are whole."""

from __future__ import annotations

import gzip
import json
import random
import zlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfdata.transport import bodies
from sfdata.transport.bodies import BodyCut, BodyReader, BodyUnreadable, whole_body

PAGE = json.dumps({"totalSize": 2, "done": True, "records": [{"Id": "001", "Name": "Käse"}, {"Id": "002"}]}).encode()
ZIPPED = {"content-encoding": "gzip"}


def unzipped(packed):
    return whole_body(packed, 200, ZIPPED)


@pytest.mark.catalogue("N1")
def test_every_cut_of_a_compressed_body_is_noticed():
    """A gzip body cut at any byte, including its trailer, is not whole."""
    packed = gzip.compress(PAGE)
    headers = {"content-encoding": "gzip", "content-type": "application/json"}
    assert whole_body(packed, 200, headers) == PAGE
    for end in range(len(packed)):
        with pytest.raises(BodyCut):
            whole_body(packed[:end], 200, headers)


@pytest.mark.catalogue("N1")
def test_every_cut_of_four_kilobytes_is_noticed():
    """However long the body, and however far its content has come: at every byte but the last, it is not whole."""
    content = random.Random(1).randbytes(4_096)
    packed = gzip.compress(content)
    assert unzipped(packed) == content
    for end in range(len(packed)):
        with pytest.raises(BodyCut):
            unzipped(packed[:end])


@pytest.mark.catalogue("N1")
def test_every_cut_of_a_second_member_is_noticed():
    """A body of two gzip members is read to the end of both, or not at all."""
    first, second = gzip.compress(PAGE[:50]), gzip.compress(PAGE[50:])
    assert unzipped(first + second) == PAGE
    for end in range(1, len(second)):
        with pytest.raises(BodyCut):
            unzipped(first + second[:end])


@pytest.mark.catalogue("N2")
def test_every_cut_of_a_plain_json_body_is_noticed():
    """Without length and compression, the last bracket is the sign of the end."""
    headers = {"content-type": "application/json;charset=UTF-8"}
    assert whole_body(b" " + PAGE + b"\n", 200, headers).strip() == PAGE
    for end in range(1, len(PAGE)):
        if PAGE[:end].endswith(b"}"):
            continue  # the one place where a cut cannot be seen here; the JSON parser sees it
        with pytest.raises(BodyCut):
            whole_body(PAGE[:end], 200, headers)


@pytest.mark.catalogue("N1")
@pytest.mark.parametrize("place", [4, 12, 30, -6, -1])
def test_damage_is_unreadable_or_cut_but_never_content(place):
    """A flipped bit anywhere that matters is found by the header, the stream or the checksum."""
    packed = bytearray(gzip.compress(PAGE, mtime=0))
    packed[place] ^= 0x55
    try:
        assert unzipped(bytes(packed)) == PAGE, "only the time stamp may be changed without notice"
        assert place == 4
    except (BodyUnreadable, BodyCut):
        assert place != 4


@pytest.mark.catalogue("N1")
def test_what_follows_the_last_member_is_unreadable():
    """Bytes after the end of a gzip body are no part of an answer."""
    with pytest.raises(BodyUnreadable):
        unzipped(gzip.compress(PAGE) + b"garbage")


@pytest.mark.catalogue("S30")
def test_a_decompression_bomb_is_refused(monkeypatch):
    """A body that unpacks beyond the cap is not unpacked; nor is one of endless members."""
    monkeypatch.setattr(bodies, "MAX_DECODED_BYTES", 1000)
    assert len(unzipped(gzip.compress(b"0" * 1000))) == 1000
    with pytest.raises(BodyUnreadable, match="larger"):
        unzipped(gzip.compress(b"0" * 1001))
    with pytest.raises(BodyUnreadable, match="larger"):
        unzipped(gzip.compress(b"") * 1000)


@pytest.mark.parametrize("coding", ["deflate", "br", "gzip, gzip"])
def test_a_coding_that_was_not_asked_for_is_unreadable(coding):
    """Only gzip is asked for, so only gzip and plain are read."""
    with pytest.raises(BodyUnreadable):
        whole_body(zlib.compress(PAGE), 200, {"content-encoding": coding})


@pytest.mark.parametrize(
    ("status", "headers"),
    [(204, {"content-encoding": "gzip"}), (304, {}), (200, {"content-length": "0", "content-encoding": "gzip"})],
)
def test_an_answer_without_a_body_is_whole(status, headers):
    """Statuses without a body, and an announced length of nothing, need no end mark."""
    assert whole_body(b"", status, headers) == b""


@given(st.lists(st.integers(0, 400), max_size=12), st.booleans())
def test_where_the_chunks_begin_and_end_makes_no_difference(cuts, zipped):
    """A body decodes to the same bytes in whatever pieces it arrives, two members included."""
    sent = gzip.compress(PAGE[:40]) + gzip.compress(PAGE[40:]) if zipped else PAGE
    places = sorted({0, len(sent), *(cut % len(sent) for cut in cuts)})
    reader = BodyReader(ZIPPED if zipped else {})
    assert b"".join(reader.feed(sent[a:b]) for a, b in pairwise(places)) == PAGE
    reader.finish()


def test_the_head_of_a_body_is_read_before_its_end_is_there():
    """The first bytes of a compressed answer are known when a part of it has arrived."""
    packed = gzip.compress(PAGE + b" " * 100_000 + b"x" * 1000)
    assert BodyReader(ZIPPED).feed(packed[: len(packed) // 2]).startswith(PAGE[:20])
