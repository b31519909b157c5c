"""One seed file as a table: its header, and its rows as the JSON values that a request would hold.

CSV is UTF-8 with a header line, commas and double quotes. Parquet values keep their types. What a value must be is
said by the field it is for, never guessed from the values.
"""

from __future__ import annotations

import base64
import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

from sfdata.errors import ConfigurationError
from sfdata.localorg.schema import NUMBER_TYPES, TEXT_TYPES, Field

CSV, PARQUET = ".csv", ".parquet"
SUFFIXES = (CSV, PARQUET)
BATCH_ROWS = 1000
PANDAS_INDEX = "__index_level_"
"""What begins the names of columns that pandas adds for itself."""

BOOLEANS: Mapping[str, bool] = {
    **dict.fromkeys(("true", "yes", "1"), True),
    **dict.fromkeys(("false", "no", "0"), False),
}
NULL = "#N/A"


@dataclass(frozen=True, slots=True)
class SeedRow:
    """One row: where it is in its file, in words, and its values in the order of the header."""

    place: str
    values: Sequence[Any]


@dataclass(frozen=True, slots=True)
class SeedTable:
    """A file that exists."""

    path: Path

    def wrong(self, problem: str, place: str = "", column: str = "") -> ConfigurationError:
        """The mistake as the person who wrote the file is told of it."""
        where = ", ".join(part for part in (self.path.name, place, f"column {column}" if column else "") if part)
        return ConfigurationError(f"{where}: {problem}")

    def header(self) -> list[str]:
        """The names of the columns.

        Raises:
            ConfigurationError: the file cannot be read, has no header, or has a name twice or an empty one.
        """
        names = self._csv_header() if self.path.suffix.lower() == CSV else self._parquet_header()
        if not names:
            raise self.wrong("the file has no columns")
        for number, name in enumerate(names, 1):
            if not name:
                raise self.wrong(f"column {number} has no name")
            if name.casefold() in {other.casefold() for other in names[: number - 1]}:
                raise self.wrong("there are two columns of this name", column=name)
        return names

    def rows(self) -> Iterator[SeedRow]:
        """The rows, one after the other; the file is never in memory as a whole."""
        return self._csv_rows() if self.path.suffix.lower() == CSV else self._parquet_rows()

    # --- CSV ---------------------------------------------------------------------------------------------------------

    def _csv_header(self) -> list[str]:
        return [name.strip() for name in next(self._csv_lines())[1]]

    def _csv_rows(self) -> Iterator[SeedRow]:
        lines = self._csv_lines()
        _, header = next(lines)
        for number, (line, cells) in enumerate(((line, cells) for line, cells in lines if cells), 1):
            place = f"row {number} (line {line})"
            if len(cells) != len(header):
                raise self.wrong(f"{len(cells)} values under {len(header)} columns", place)
            yield SeedRow(place, cells)

    def _csv_lines(self) -> Iterator[tuple[int, list[str]]]:
        """The header and the lines after it, each with the number of the line it begins on."""
        begins = 1
        try:
            with self.path.open(encoding="utf-8-sig", newline="") as file:
                reader = csv.reader(file, strict=True)
                yield begins, next(reader, [])
                begins = reader.line_num + 1
                for cells in reader:
                    yield begins, cells
                    begins = reader.line_num + 1
        except csv.Error as problem:
            raise self.wrong(str(problem), f"line {begins}") from None
        except UnicodeDecodeError:
            raise self.wrong("the file is not in UTF-8") from None
        except OSError as problem:
            raise self.wrong(f"the file cannot be read: {problem.strerror}") from None

    # --- Parquet -----------------------------------------------------------------------------------------------------

    def _parquet_header(self) -> list[str]:
        with self._parquet() as file:
            return [name for name in file.schema_arrow.names if not name.startswith(PANDAS_INDEX)]

    def _parquet_rows(self) -> Iterator[SeedRow]:
        # On use: most orgs never read Parquet, and their start is not to wait for it.
        import pyarrow as pa

        names, number = self._parquet_header(), 0
        with self._parquet() as file:
            try:
                for batch in file.iter_batches(BATCH_ROWS, columns=names):
                    columns = [_whole_microseconds(pa, batch.column(name)).to_pylist() for name in names]
                    for values in zip(*columns, strict=True):
                        number += 1
                        yield SeedRow(f"row {number}", values)
            except (OSError, ValueError) as problem:
                raise self.wrong(f"the file is damaged: {problem}", f"after row {number}") from None

    def _parquet(self) -> Any:
        import pyarrow.parquet as pq

        try:
            return pq.ParquetFile(self.path)
        except (OSError, ValueError) as problem:
            raise self.wrong(f"the file is not Parquet: {problem}") from None


def _whole_microseconds(pa: Any, column: Any) -> Any:
    """Times that Python can hold: no field keeps nanoseconds."""
    if not pa.types.is_timestamp(column.type) or column.type.unit != "ns":
        return column
    return column.cast(pa.timestamp("us", column.type.tz), safe=False)


def json_value(field: Field, value: Any) -> Any:
    """``value`` as the JSON of a request would have it; what does not fit the field is left to the field's own checks.

    None where there is no value: nothing, ``#N/A``, not a number.
    """
    if isinstance(value, str):
        return _from_text(field, value)
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, bool | None):
        return value
    if isinstance(value, int | float | Decimal):
        return _from_number(field, value)
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).isoformat(timespec="milliseconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, time):
        return value.isoformat(timespec="milliseconds")
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _from_text(field: Field, text: str) -> Any:
    if text in ("", NULL):
        return None
    if field.type == "boolean":
        return BOOLEANS.get(text.strip().lower(), text)
    if field.type in NUMBER_TYPES:
        # Tables that had gaps come with whole numbers written as 3.0.
        return text.strip().removesuffix(".0") if field.type in ("int", "long") else text.strip()
    if field.type == "datetime":
        return text.strip().replace(" ", "T", 1)
    return text


def _from_number(field: Field, number: float | Decimal) -> Any:
    whole = int(number) if number == int(number) else None
    if field.type in TEXT_TYPES:
        return str(number) if isinstance(number, int) else number
    if field.type in ("int", "long") and whole is not None:
        return whole
    return str(number) if isinstance(number, Decimal) else number
