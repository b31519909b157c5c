"""The before-image of a push: what the org had in the records it writes, kept on disk before anything is sent.

It is one Parquet file in the push's folder, readable by its owner only, with a row for each row that is sent:

| column        | what                                                                                              |
|---------------|---------------------------------------------------------------------------------------------------|
| row           | its position in the frame                                                                         |
| Id            | of the record; null where the org had none                                                        |
| before.Phone  | what the field held, typed by describe                                                            |
| sent.Phone    | the cell that is sent, as text: null where the field is left alone, ``#N/A`` where it is emptied  |

A parent named by a key (``sent.Account.Ext__c``) was before what its reference says (``before.AccountId``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from sfdata.errors import PushRefused
from sfdata.frames.cells import TEXT
from sfdata.frames.dtypes import COMPOUNDS
from sfdata.frames.encode import writable_rows
from sfdata.frames.write_columns import ONLY_ID, WriteColumn, found_columns
from sfdata.metadata import ObjectDescribe
from sfdata.transfer.current_values import Current, OrgReader, Wanted, current, paths_of, refuse_repeated, wanted
from sfdata.transfer.planning import PushRequest

FILE = "before.parquet"
_BEFORE, _SENT = "before.", "sent."

Positions = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class BeforeImage:
    """The rows of the file as a table."""

    table: pa.Table

    @classmethod
    def of(cls, rows: Positions, records: Current, fields: Iterable[str], wants: Iterable[Wanted]) -> BeforeImage:
        """The image of rows that are about to be sent.

        Args:
            rows: their positions in the frame.
            records: a record, or none, for each of them.
            fields: of the records, what is kept.
            wants: what is written, for each of them.
        """
        columns: dict[str, Any] = {"row": pa.array(rows, pa.int64()), "Id": records.ids}
        columns |= {_BEFORE + name: records.values[name] for name in dict.fromkeys(fields)}
        columns |= {_SENT + want.column.header: want.cells for want in wants}
        return cls(pa.table(columns))

    @classmethod
    def load(cls, folder: Path) -> BeforeImage | None:
        """The image in a push's folder; None where none was kept."""
        path = folder / FILE
        return cls(pq.read_table(pa.BufferReader(path.read_bytes()))) if path.exists() else None

    @property
    def content(self) -> pa.Buffer:
        """The file."""
        stream = pa.BufferOutputStream()
        pq.write_table(self.table, stream, compression="zstd")
        return stream.getvalue()

    @property
    def rows(self) -> Positions:
        """The positions of its rows in the frame."""
        found: Positions = self.table["row"].to_numpy()
        return found

    @property
    def ids(self) -> pa.Array:
        """The records' Ids."""
        return self.table["Id"].combine_chunks()

    @property
    def before(self) -> Mapping[str, pa.Array]:
        """What was there, by field."""
        return self._columns(_BEFORE)

    def wants(self, describe: ObjectDescribe, org: OrgReader) -> list[Wanted]:
        """What was sent, by the columns that describe makes of their headers today.

        Raises:
            PushRefused: a field is not there any more, or hidden from this user.
        """
        sent = self._columns(_SENT)
        columns, problems = found_columns(list(sent), describe.name, org.describe, "insert")
        if problems:
            raise PushRefused(problems)
        return [Wanted(column, sent[column.name].cast(TEXT)) for column in columns]

    def _columns(self, prefix: str) -> dict[str, pa.Array]:
        names = [name for name in self.table.column_names if name.startswith(prefix)]
        return {name.removeprefix(prefix): self.table[name].combine_chunks() for name in names}


def before_image(org: OrgReader, frame: Any, request: PushRequest, positions: Positions | None) -> BeforeImage:
    """What the org has now in the records that ``frame`` is about to write; of deleted ones, in all of their fields.

    Raises:
        PushRefused: two rows mean one record, or values cannot be written.
        SeveralRecords: a key has more than one record.
    """
    described = org.describe(request.object_name)
    rows = writable_rows(frame, described.name, org.describe, request.operation, request.key, request.nulls)
    wants = wanted(rows)
    by_id = request.key is None
    field = described.field("Id" if by_id else str(request.key))
    key = next(one for one in wants if one.column.key is None and one.column.field is field)
    refuse_repeated(rows, key)
    if request.operation in ONLY_ID:
        columns = _all_columns(described)
        wants = []
    else:
        wants = [one for one in wants if one is not key and one.field.type != "base64"]
        columns = [one.column for one in wants]
    records = current(org, described, key.field, key.values, paths_of(columns))
    places = np.arange(len(records.ids)) if positions is None else positions
    return BeforeImage.of(places, records, [one.field.name for one in columns], wants)


def _all_columns(described: ObjectDescribe) -> list[WriteColumn]:
    """Every field whose values a query tells one by one."""
    kept = [one for one in described.fields if one.type not in COMPOUNDS and one.type not in ("base64", "id")]
    return [WriteColumn(place, one.name, one.name, one) for place, one in enumerate(kept)]
