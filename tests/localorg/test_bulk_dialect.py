"""CSV as the Bulk API reads it: what is well formed, and the words for what is not."""

from __future__ import annotations

import csv
import io
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfdata.localorg.bulk import dialect
from sfdata.localorg.bulk.dialect import DELIMITERS, LINE_ENDINGS, CsvReader, DataRefused, Dialect

UNESCAPED = "InvalidBatch : Failed to parse CSV. Found unescaped quote. A value with quote should be within a quote"
AFTER_QUOTE = "InvalidBatch : Failed to parse CSV. Not expecting more text after end quote"
UNCLOSED = "InvalidBatch : Failed to parse CSV. EOF reached before closing an opened quote"
NOT_LF = "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is LF"
NOT_CRLF = "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is CRLF"


TEXTS = st.text(st.characters(codec="utf-8"), max_size=9)


def read(data: str | bytes, form: Dialect = Dialect()) -> list[list[str]]:  # noqa: B008 - immutable
    reader = CsvReader(io.BytesIO(data if isinstance(data, bytes) else data.encode()), form)
    return [reader.header, *reader]


@pytest.mark.parametrize("delimiter", DELIMITERS)
@pytest.mark.parametrize("ending", LINE_ENDINGS)
def test_every_dialect_reads_what_another_writer_wrote(delimiter: str, ending: str) -> None:
    """Six delimiters and two line endings, written by the standard library with quotes only where needed."""
    rows = [["a", "b"], ["1", 'say "hi"'], ["x`^,|;\ty", "two\nlines"], ["", "müßig 漢 🎉"]]
    out = io.StringIO()
    csv.writer(out, delimiter=DELIMITERS[delimiter], lineterminator=LINE_ENDINGS[ending]).writerows(rows)
    assert read(out.getvalue(), Dialect(delimiter, ending)) == rows


@given(
    st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=5),
    st.sampled_from(sorted(DELIMITERS)),
    st.sampled_from(sorted(LINE_ENDINGS)),
)
def test_what_is_written_is_read_again(rows: list[tuple[str, str]], delimiter: str, ending: str) -> None:
    """Any text in any dialect comes back as it was, whatever quotes, delimiters and line ends it holds."""
    form = Dialect(delimiter, ending)
    text = form.line(["a", "b"]) + "".join(map(form.line, rows))
    assert read(text, form)[1:] == [list(row) for row in rows]


def test_spaces_belong_to_unquoted_values() -> None:
    """A value without quotes keeps the spaces around it."""
    assert read("a,b\n 1 , 2\n") == [["a", "b"], [" 1 ", " 2"]]


def test_blank_lines_and_a_missing_last_line_end_mean_nothing() -> None:
    """Blank lines are passed over, and the last record needs no line end."""
    assert read("a,b\n\n1,2\n\n3,4") == [["a", "b"], ["1", "2"], ["3", "4"]]


def test_short_records_have_empty_values() -> None:
    """Values missing at the end of a record are empty."""
    assert read("a,b,c\n1\n") == [["a", "b", "c"], ["1", "", ""]]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ('a,b\nsdf, "sfd"\n', UNESCAPED),
        ('a,b\nsay "hi",2\n', UNESCAPED),
        ('\ufeff"a","b"\n1,2\n', UNESCAPED),
        ('a,b\n"sfd" ,2\n', AFTER_QUOTE),
        ('a,b\n"say "hi"",2\n', AFTER_QUOTE),
        ('a,b\n1,"2', UNCLOSED),
        ('a,b\n1,"2\n3,4\n', UNCLOSED),
        ("a,b\r\n1,2\r\n", NOT_LF),
        ("a,b\n1,2\r\n", NOT_LF),
        ("a,b\r1,2\r", NOT_LF),
        ("a,b\n1,2,3\n", "InvalidBatch : Failed to parse CSV. A record has 3 values where the header has 2 columns"),
        (b"a,b\n\xff,2\n", "ClientInputError : Data is not valid UTF-8"),
    ],
)
def test_malformed_data_are_refused(data: str | bytes, problem: str) -> None:
    """Loose quotes, open quotes, other line ends, surplus values: each in Salesforce's words."""
    with pytest.raises(DataRefused) as refused:
        read(data)
    assert str(refused.value) == problem


def test_crlf_wants_crlf_but_takes_lf_inside_quotes() -> None:
    """A job set to CRLF refuses records that end with LF alone; inside quotes a line end is data."""
    form = Dialect(line_ending="CRLF")
    assert read('a,b\r\n"1\n2",3\r\n', form) == [["a", "b"], ["1\n2", "3"]]
    for data in ("a,b\n1,2\n", "a,b\r\n1,2\n"):
        with pytest.raises(DataRefused) as refused:
            read(data, form)
        assert str(refused.value) == NOT_CRLF


def test_a_byte_order_mark_becomes_part_of_the_first_name() -> None:
    """As the vendor's users found: the mark is not taken off."""
    assert read("\ufeffa,b\n1,2\n")[0] == ["\ufeffa", "b"]


def test_records_and_fields_have_limits() -> None:
    """131,072 characters a field and 400,000 a record pass; one more does not."""
    longest = "x" * dialect.MOST_FIELD_CHARACTERS
    assert read(f"a,b\n{longest},2\n")[1][0] == longest
    with pytest.raises(DataRefused, match="Field size exceeds the limit of 131072"):
        read(f"a,b\n{longest}x,2\n")
    full = ["x" * 100_000] * 4
    assert read(f"a,b,c,d\n{','.join(full)}\n")[1] == full
    with pytest.raises(DataRefused, match=r"Exceeded max length for one record: 400001\. Max length for one record"):
        read(f"a,b,c,d\n{','.join([*full[1:], full[0] + 'x'])}\n")


def test_headers_have_limits() -> None:
    """At most 5,000 columns and 32,000 characters."""
    assert len(read(",".join(["a"] * 5_000) + "\n")[0]) == 5_000
    with pytest.raises(DataRefused, match="less than or equal to 5000"):
        read(",".join(["a"] * 5_001) + "\n")
    with pytest.raises(DataRefused, match="Header row exceeds the limit of 32000"):
        read("a" * 32_001 + "\n")


def test_a_line_without_end_is_not_read_into_memory() -> None:
    """A file that is one endless line is refused after the longest line there may be."""

    class Endless(io.RawIOBase):
        given = 0

        def readline(self, size: int | None = -1, /) -> bytes:
            assert size is not None
            assert 0 < size <= 4 * 1024 * 1024
            self.given += size
            return b"x" * size

    file = Endless()
    with pytest.raises(DataRefused):
        CsvReader(file, Dialect())  # type: ignore[arg-type]
    assert file.given <= 8 * 1024 * 1024


def test_the_position_is_where_the_record_ends() -> None:
    """After each record the reader knows the byte behind it, also with line ends inside values."""
    rng = random.Random(7)
    texts = ["ä\n" * rng.randrange(4) for _ in range(50)]
    lines = [f'"{text}",{n}\n'.encode() for n, text in enumerate(texts)]
    data = b"a,b\n" + b"".join(lines)
    reader = CsvReader(io.BytesIO(data), Dialect())
    position = len(b"a,b\n")
    for line, _ in zip(lines, reader, strict=True):
        position += len(line)
        assert reader.position == position
