"""How batches come to be worked on: counted, queued for the workers of the org's Bulk APIs, and split if asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from sfdata.localorg.answers import ApiError
from sfdata.localorg.bulk.service import Bulk
from sfdata.localorg.bulk.settings import QUERY_OPERATIONS, JobSettings
from sfdata.localorg.bulk_v1.chunking import Chunking, chunks
from sfdata.localorg.bulk_v1.extract import asked_query, run_query, state_message
from sfdata.localorg.bulk_v1.ingest import run_batch
from sfdata.localorg.bulk_v1.jobs import Batch, ClassicJob
from sfdata.localorg.engine.query import QueryEngine
from sfdata.localorg.records.crud import Records
from sfdata.soql.nodes import Query


class ClassicBulk:
    """Bulk API 1.0 of one org. It has its jobs, threads and allowances in common with Bulk API 2.0.

    ``engine_for`` leads from a query to the engine that has what it reads.
    """

    def __init__(
        self, bulk: Bulk, records: Records, engine_for: Callable[[str], QueryEngine], clock: Callable[[], datetime]
    ) -> None:
        self._bulk = bulk
        self._clock = clock
        self._records = records
        self._engine_for = engine_for

    def create_job(self, settings: JobSettings, chunking: Chunking | None, version: str, user_id: str) -> ClassicJob:
        """A job that waits for batches."""
        return self._bulk.jobs.add(
            lambda number, job_id, folder: ClassicJob(
                number=number, id=job_id, settings=settings, version=version, created_by=user_id, clock=self._clock,
                folder=folder, chunking=chunking,
            )
        )  # fmt: skip

    def add_batch(self, job: ClassicJob, data: bytes) -> Batch:
        """A batch of an open job, that waits for its worker.

        Raises:
            ApiError: the job takes none, or the day's batches are spent.
        """
        with job.lock:
            job.check_open()
            if not self._bulk.count_batch():
                raise exceeded()
            return job.add(data)

    def process(self, batch: Batch) -> None:
        """Have a batch worked on."""
        if batch.settings.operation not in QUERY_OPERATIONS:
            self._bulk.submit_ingest(batch, partial(run_batch, batch, self._records))
        else:
            self._bulk.submit_query(batch, partial(self._query, batch, batch.job.chunking))

    def _query(self, batch: Batch, chunking: Chunking | None) -> None:
        batch.begin()
        try:
            soql = batch.data.read_bytes().decode(errors="replace")
            engine = self._engine_for(soql)
            query = asked_query(batch, engine.store.schema, soql)
            parts = chunks(query, chunking, engine.store) if chunking else []
            if parts:
                self._split(batch, parts)
            else:
                run_query(batch, engine, query)
                batch.complete()
        except ApiError as refused:
            batch.fail(state_message(refused))

    def _split(self, batch: Batch, parts: Sequence[Query]) -> None:
        """Put batches for ranges of Ids into the place of one."""
        for part in parts:
            if not self._bulk.count_batch():
                raise exceeded()
            chunk = batch.job.add(str(part).encode())
            self._bulk.submit_query(chunk, partial(self._query, chunk, None))
        batch.stop()


def exceeded() -> ApiError:
    """The refusal of one batch more than the day has."""
    return ApiError(400, "ExceededQuota", "ApiBatchItems Limit exceeded.")
