"""What a worker does for an ingest job: check the data as a whole, then write the records, 200 to a transaction.

The data are read twice, so that a fault in their form fails the job before any record is written.

https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/how_requests_are_processed.htm
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from sfdata.localorg.bulk.columns import resolve_columns
from sfdata.localorg.bulk.dialect import CsvReader, DataRefused
from sfdata.localorg.bulk.jobs import Job
from sfdata.localorg.bulk.results import ResultWriter
from sfdata.localorg.bulk.work import Stopped
from sfdata.localorg.bulk.writes import Row, Write
from sfdata.localorg.limits import DailyUse
from sfdata.localorg.records.crud import Records

BATCH = 10_000
CHUNK = 200


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
        write = Write(self.records, settings, self.job.created_by, columns)
        with self.job.data.open("rb") as file, ResultWriter(self.job) as results:
            reader = CsvReader(file, settings.dialect)
            self.job.suffer()
            suffered = self.job.disturbance
            for number, chunk in enumerate(chunks(islice(reader, suffered.rows if suffered else None))):
                if number % (BATCH // CHUNK) == 0 and not self.batches.add():
                    raise DataRefused("ExceededQuota : ApiBatchItems Limit exceeded.")
                # The store first, then the job: in the order in which a request may take both.
                with self.records.store.transaction(), self.job.step():
                    outcomes = write.chunk(chunk)
                    results.add(outcomes)
                    self.job.unprocessed_from = reader.position
                    self.job.count(outcomes)
                self.job.suffer()

    def _check(self, reader: CsvReader) -> None:
        count = 0
        for count, _ in enumerate(reader, 1):
            if count % BATCH == 0 and not self.job.under_way:
                raise Stopped
        if not count:
            raise DataRefused("InvalidBatch : Records not found")


def chunks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """The rows of each transaction."""
    left = iter(rows)
    while chunk := list(islice(left, CHUNK)):
        yield chunk
