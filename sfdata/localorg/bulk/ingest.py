"""What a worker does for an ingest job: check the data as a whole, then write the records, 200 to a transaction.

A row that is refused does not hold up its neighbours. The data are read twice, so that a fault in their form fails the
job before any record is written.

https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/how_requests_are_processed.htm
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sfdata.localorg.bulk.columns import NULL, Column, Columns, resolve_columns
from sfdata.localorg.bulk.dialect import CsvReader, DataRefused
from sfdata.localorg.bulk.jobs import Job
from sfdata.localorg.bulk.results import Outcome, ResultWriter
from sfdata.localorg.bulk.work import Disturbance, Stopped
from sfdata.localorg.ids import normalize
from sfdata.localorg.limits import DailyUse
from sfdata.localorg.records.crud import Records
from sfdata.localorg.records.deletion import plan_deletion
from sfdata.localorg.records.validation import RecordError, RecordRefused, refusal, stored_form
from sfdata.localorg.schema import Field
from sfdata.localorg.store import fold, ignores_case

BATCH = 10_000
CHUNK = 200

Row = Sequence[str]


def run_ingest(job: Job, records: Records, batches: DailyUse) -> None:
    """Process a job to its end. ``batches`` counts the batches of the day."""
    job.begin()
    try:
        Ingest(job, records, batches).run()
    except DataRefused as refused:
        job.fail(str(refused))
    else:
        job.complete()


@dataclass(frozen=True)
class Ingest:
    """One run of one job."""

    job: Job
    records: Records
    batches: DailyUse

    def run(self) -> None:
        """Check, then write.

        Raises:
            DataRefused: the data are not in order, or the day's batches are spent.
            Stopped: the job was aborted.
        """
        settings = self.job.settings
        with self.job.data.open("rb") as file:
            reader = CsvReader(file, settings.dialect)
            columns = resolve_columns(reader.header, settings, self.records.schema)
            self.job.unprocessed_from = reader.position
            self._check(reader)
        write = Write(self.records, self.job, columns)
        with self.job.data.open("rb") as file, ResultWriter(self.job) as results:
            reader = CsvReader(file, settings.dialect)
            self.job.suffer()
            for number, chunk in enumerate(_chunks(reader, self.job.disturbance)):
                if number % (BATCH // CHUNK) == 0 and not self.batches.add():
                    raise DataRefused("ExceededQuota : ApiBatchItems Limit exceeded.")
                # The store first, then the job: in the order in which a request may take both.
                with self.records.store.transaction(), self.job.step():
                    outcomes = write.chunk(chunk)
                    results.add(outcomes)
                    self.job.unprocessed_from = reader.position
                    self.job.processed += len(outcomes)
                    self.job.failed += sum(outcome.error is not None for outcome in outcomes)
                self.job.suffer()

    def _check(self, reader: CsvReader) -> None:
        count = 0
        for count, _ in enumerate(reader, 1):
            if count % BATCH == 0 and not self.job.under_way:
                raise Stopped
        if not count:
            raise DataRefused("InvalidBatch : Records not found")


def _chunks(reader: CsvReader, suffered: Disturbance | None) -> Iterator[list[list[str]]]:
    """The rows, or as many of them as the job is to come to."""
    rows = islice(reader, suffered.rows if suffered else None)
    while chunk := list(islice(rows, CHUNK)):
        yield chunk


class Write:
    """Writes the rows of a job, each for itself."""

    def __init__(self, records: Records, job: Job, columns: Columns) -> None:
        self._records = records
        self._sobject = job.settings.object
        self._user_id = job.created_by
        self._columns = columns
        self._row = OPERATIONS[job.settings.operation]

    def chunk(self, rows: Sequence[Row]) -> list[Outcome]:
        """Write the rows of one transaction."""
        repeated = self._repeated(rows)
        return [self._outcome(row, repeated) for row in rows]

    def _outcome(self, row: Row, repeated: Mapping[Any, int]) -> Outcome:
        try:
            if repeated:
                self._refuse_repeated(row, repeated)
            record_id, created = self._row(self, row)
        except RecordRefused as refused:
            return Outcome(row, self._columns.record_id(row), error=self._columns.errors(refused, row))
        return Outcome(row, record_id, created)

    # --- operations --------------------------------------------------------------------------------------------------

    def _insert(self, row: Row) -> tuple[str, bool]:
        if self._columns.record_id(row):
            message = "cannot specify Id in an insert call"
            raise refusal("INVALID_FIELD_FOR_INSERT_UPDATE", message, ["Id"])
        return self._records.create(self._sobject, self._columns.body(row), self._user_id), True

    def _update(self, row: Row) -> tuple[str, bool]:
        record_id = self._required_id(row, "an update")
        return self._records.update(self._sobject, record_id, self._columns.body(row), self._user_id), False

    def _upsert(self, row: Row) -> tuple[str, bool]:
        key = self._key()
        value = row[key.index] if row[key.index] != NULL else ""
        body = self._columns.body(row)
        if key.field.type != "id":
            result = self._records.upsert(self._sobject, key.field.name, value, body, self._user_id)
            return result.id, result.created
        if value:
            return self._records.update(self._sobject, value, body, self._user_id), False
        return self._records.create(self._sobject, body, self._user_id), True

    def _delete(self, row: Row) -> tuple[str, bool]:
        record_id = self._required_id(row, "a delete")
        self._records.delete(self._sobject, record_id, self._user_id)
        return normalize(record_id) or record_id, False

    def _hard_delete(self, row: Row) -> tuple[str, bool]:
        record_id = self._required_id(row, "a delete")
        store = self._records.store
        with store.transaction():
            found = self._records.get(self._sobject, record_id, missing="INVALID_CROSS_REFERENCE_KEY")
            plan = plan_deletion(store, self._sobject, found)
            self._records.delete(self._sobject, record_id, self._user_id)
            for owner, doomed in plan.doomed.values():
                store.remove(owner, doomed["Id"])
        return str(found["Id"]), False

    def _required_id(self, row: Row, call: str) -> str:
        record_id = self._columns.record_id(row)
        if not record_id:
            raise refusal("MISSING_ARGUMENT", f"Id not specified in {call} call")
        return record_id

    # --- external ids that stand in a chunk more than once -----------------------------------------------------------

    def _repeated(self, rows: Sequence[Row]) -> Mapping[Any, int]:
        """The keys that more than one row of an upsert has: none of these rows is written."""
        if self._columns.key is None:
            return {}
        counts = Counter(self._key_value(row) for row in rows)
        return {value: count for value, count in counts.items() if value is not None and count > 1}

    def _refuse_repeated(self, row: Row, repeated: Mapping[Any, int]) -> None:
        if self._key_value(row) in repeated:
            key = self._key()
            message = f"Duplicate external id specified: {row[key.index]}"
            raise RecordRefused([RecordError("DUPLICATE_VALUE", message, (key.field.name,))])

    def _key_value(self, row: Row) -> Any:
        key = self._key()
        return comparable(key.field, row[key.index])

    def _key(self) -> Column:
        key = self._columns.key
        assert key is not None, "an upsert has a key column"
        return key


def comparable(field: Field, cell: str) -> Any:
    """A cell as its field compares values; None where it is empty or cannot be read."""
    try:
        value = stored_form(field, cell)
    except RecordRefused:
        return None
    return fold(value) if isinstance(value, str) and ignores_case(field) else value


OPERATIONS: Mapping[str, Callable[[Write, Row], tuple[str, bool]]] = {
    "insert": Write._insert,
    "update": Write._update,
    "upsert": Write._upsert,
    "delete": Write._delete,
    "hardDelete": Write._hard_delete,
}
"""What each operation does with a row; the answer is the record's Id and whether it is new."""
