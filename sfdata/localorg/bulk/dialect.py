"""CSV as the Bulk API reads and writes it: strict about quotes and line endings, six delimiters, two line endings.

The rules: https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/datafiles_prepare_csv.htm
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import IO

DELIMITERS: Mapping[str, str] = {
    "BACKQUOTE": "`",
    "CARET": "^",
    "COMMA": ",",
    "PIPE": "|",
    "SEMICOLON": ";",
    "TAB": "\t",
}
LINE_ENDINGS: Mapping[str, str] = {"LF": "\n", "CRLF": "\r\n"}

MOST_FIELD_CHARACTERS = 131_072
MOST_RECORD_CHARACTERS = 400_000
MOST_HEADER_CHARACTERS = 32_000
MOST_FIELDS = 5_000
# A line of a record within the limits is never longer, however many of its characters are quotes or take four bytes.
MOST_LINE_BYTES = 8 * MOST_RECORD_CHARACTERS + 4 * MOST_FIELDS

# What the standard library's parser says of bad data: what Salesforce says.
PARSER_WORDS: Mapping[str, str] = {
    "expected after": "Not expecting more text after end quote",
    "unexpected end of data": "EOF reached before closing an opened quote",
    "field larger": f"Field size exceeds the limit of {MOST_FIELD_CHARACTERS} characters",
}


class DataRefused(Exception):
    """Uploaded data that cannot be processed at all; the message is what the failed job tells."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """The form of a job's CSV, in the names the API uses. ``any_ending`` takes uploaded lines as they come."""

    column_delimiter: str = "COMMA"
    line_ending: str = "LF"
    any_ending: bool = False

    @property
    def delimiter(self) -> str:
        return DELIMITERS[self.column_delimiter]

    @property
    def terminator(self) -> str:
        return LINE_ENDINGS[self.line_ending]

    def line(self, values: Iterable[str]) -> str:
        """A row with every value quoted, and its end."""
        listed = [*values]
        if '"' in "".join(listed):
            listed = [value.replace('"', '""') for value in listed]
        return self.quoted(listed)

    def quoted(self, values: Iterable[str]) -> str:
        """The same of values whose quotes are doubled already."""
        between = f'"{self.delimiter}"'
        return f'"{between.join(values)}"{self.terminator}'


class CsvReader:
    """Reads the header and then the records of a file, and knows how far it came.

    Attributes:
        header: the names of the columns; none where the file is empty.
        header_line: the header as it was uploaded, with its line ending.
        position: where in the file the record read last ends.

    Raises (on construction and while iterating):
        DataRefused: the data break the rules.
    """

    def __init__(self, file: IO[bytes], dialect: Dialect) -> None:
        self.position = 0
        self._file = file
        self._dialect = dialect
        self._terminator = dialect.terminator
        self._lines: list[str] = []
        self._rows = csv.reader(self._read_lines(), delimiter=dialect.delimiter, strict=True)
        self._well_quoted = _well_quoted(dialect.delimiter)
        self.header = self._next() or []
        self.header_line = "".join(self._lines)
        if len(self.header_line) > MOST_HEADER_CHARACTERS:
            raise DataRefused(f"InvalidBatch : Header row exceeds the limit of {MOST_HEADER_CHARACTERS} characters")
        if len(self.header) > MOST_FIELDS:
            problem = f"Exceeded number of columns. Number of columns should be less than or equal to {MOST_FIELDS}"
            raise _malformed(problem)

    def __iter__(self) -> Iterator[list[str]]:
        """The records: a value for every column of the header, empty where the row is shorter."""
        width = len(self.header)
        while (values := self._next()) is not None:
            if len(values) > width:
                raise _malformed(f"A record has {len(values)} values where the header has {width} columns")
            if len(values) < width:
                values += [""] * (width - len(values))
            yield values

    def _next(self) -> list[str] | None:
        """The next row that is not blank, or None at the end."""
        while True:
            self._lines.clear()
            try:
                values = next(self._rows)
            except StopIteration:
                return None
            except csv.Error as problem:
                raise self._refused(str(problem)) from None
            self._check(values)
            if values:
                return values

    def _read_lines(self) -> Iterator[str]:
        while line := self._file.readline(MOST_LINE_BYTES):
            self.position += len(line)
            try:
                text = line.decode()
            except UnicodeDecodeError:
                raise DataRefused("ClientInputError : Data is not valid UTF-8") from None
            self._lines.append(text)
            yield text

    def _check(self, values: list[str]) -> None:
        last = self._lines[-1]
        if len(self._lines) == 1 and self._is_plain(last):
            return
        if not (self._dialect.any_ending or self._well_ended(last)):
            raise self._wrong_line_ending()
        if '"' in last or len(self._lines) > 1:
            text = last if len(self._lines) == 1 else "".join(self._lines)
            if not self._well_quoted.fullmatch(text):
                raise _malformed("Found unescaped quote. A value with quote should be within a quote")
        if sum(map(len, self._lines)) > MOST_RECORD_CHARACTERS:
            self._check_size(values)

    def _well_ended(self, line: str) -> bool:
        ended = line.endswith(self._dialect.terminator) or not line.endswith(("\n", "\r"))
        return ended and not (self._dialect.line_ending == "LF" and line.endswith("\r\n"))

    def _is_plain(self, line: str) -> bool:
        """Whether there is nothing about a line that could be wrong: most are like that."""
        return (
            line.endswith(self._terminator)
            and not (self._terminator == "\n" and line.endswith("\r\n"))
            and '"' not in line
            and len(line) <= MOST_RECORD_CHARACTERS
        )

    def _check_size(self, values: list[str]) -> None:
        size = sum(map(len, values))
        if size > MOST_RECORD_CHARACTERS:
            limit = f"Max length for one record should be less than or equal to {MOST_RECORD_CHARACTERS}"
            raise _malformed(f"Exceeded max length for one record: {size}. {limit}")

    def _refused(self, problem: str) -> DataRefused:
        if "new-line character" in problem:
            return self._wrong_line_ending()
        words = next((said for known, said in PARSER_WORDS.items() if known in problem), problem)
        return _malformed(words)

    def _wrong_line_ending(self) -> DataRefused:
        setting = self._dialect.line_ending
        return DataRefused(
            f"ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is {setting}"
        )


def _malformed(problem: str) -> DataRefused:
    return DataRefused(f"InvalidBatch : Failed to parse CSV. {problem}")


def _well_quoted(delimiter: str) -> re.Pattern[str]:
    """A row in which a quote stands only around a value or, doubled, inside one."""
    mark = re.escape(delimiter)
    value = rf'(?:"[^"]*+(?:""[^"]*+)*+"|[^"{mark}\r\n]*+)'
    return re.compile(rf"{value}(?:{mark}{value})*+\r?\n?")
