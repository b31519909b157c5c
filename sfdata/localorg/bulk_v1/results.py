"""What became of each row of a batch, in the order of the batch: a file in the form of the job.

https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/asynch_api_batches_get_results.htm
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import IO, Any

from sfdata.localorg.bulk.dialect import Dialect
from sfdata.localorg.bulk.writes import Outcome
from sfdata.localorg.bulk_v1.documents import CSV, JSON, NAMESPACE, XML
from sfdata.localorg.records.validation import RecordError
from sfdata.localorg.xml_forms import DECLARATION, xml_text

COLUMNS = ("Id", "Success", "Created", "Error")
TELLS_IDS_OF_FAILED = 57.0
"""Since this version the results have the Ids of records that could not be changed."""


@dataclass(frozen=True, slots=True)
class Told:
    """An outcome as results tell it."""

    id: str
    success: bool
    created: bool
    outcome: Outcome[Any]


@dataclass(frozen=True, slots=True)
class Form:
    """A form of results: what stands before, between and behind those of the rows."""

    head: str
    between: str
    tail: str
    row: Callable[[Told], str]


class ResultWriter:
    """Writes the outcomes of a batch, one after the other."""

    def __init__(self, file: IO[bytes], content_type: str, version: str) -> None:
        self._file = file
        self._form = FORMS[content_type]
        self._tells_ids = float(version) >= TELLS_IDS_OF_FAILED
        self._between = ""
        self._write(self._form.head)

    def add(self, outcomes: Iterable[Outcome[Any]]) -> None:
        """Add what became of further rows."""
        for outcome in outcomes:
            success = not outcome.errors
            told_id = outcome.record_id if success or self._tells_ids else ""
            self._write(self._between + self._form.row(Told(told_id, success, outcome.created, outcome)))
            self._between = self._form.between

    def end(self) -> None:
        """Write what stands behind the last one."""
        self._write(self._form.tail)

    def _write(self, text: str) -> None:
        self._file.write(text.encode(errors="replace"))


def _csv(told: Told) -> str:
    return Dialect().line([told.id, xml_text(told.success), xml_text(told.created), told.outcome.error])


def _json(told: Told) -> str:
    errors = [
        {
            "message": error.message,
            "fields": list(error.fields or ()),
            "statusCode": error.code,
            "extendedErrorDetails": None,
        }
        for error in told.outcome.errors
    ]
    values = {"success": told.success, "created": told.created, "id": told.id or None, "errors": errors}
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def _xml(told: Told) -> str:
    errors = "".join(map(_xml_error, told.outcome.errors))
    known = f"<id>{told.id}</id>" if told.id else ""
    flags = f"<success>{xml_text(told.success)}</success><created>{xml_text(told.created)}</created>"
    return f"<result>{errors}{known}{flags}</result>"


def _xml_error(error: RecordError) -> str:
    fields = "".join(f"<fields>{xml_text(name)}</fields>" for name in error.fields or ())
    said = f"<message>{xml_text(error.message)}</message><statusCode>{xml_text(error.code)}</statusCode>"
    return f"<errors>{fields}{said}</errors>"


FORMS: Mapping[str, Form] = {
    CSV: Form(Dialect().line(COLUMNS), "", "", _csv),
    JSON: Form("[", ",", "]", _json),
    XML: Form(f'{DECLARATION}<results xmlns="{NAMESPACE}">', "", "</results>", _xml),
}
