"""The Bulk API of one org: its jobs, the threads that work on them, the day's allowances; opened and closed together.

Threads and folders come with the first job and go with the org.
"""

from __future__ import annotations

import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from contextvars import copy_context
from datetime import datetime
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from threading import Lock, Thread

from sfdata.localorg.allowances import BULK_BATCHES, BULK_QUERY_JOBS, BULK_QUERY_STORAGE
from sfdata.localorg.answers import ApiError
from sfdata.localorg.bulk.extract import BulkQuery, run_extract
from sfdata.localorg.bulk.ingest import run_ingest
from sfdata.localorg.bulk.jobs import INGEST, QUERY, UPLOAD_COMPLETE, Job, Jobs
from sfdata.localorg.bulk.results import RowFile
from sfdata.localorg.bulk.settings import JobSettings
from sfdata.localorg.bulk.work import DISTURBANCE, Stopped, Work
from sfdata.localorg.limits import DailyUse
from sfdata.localorg.records.crud import Records
from sfdata.localorg.store import Store

MEGABYTE = 1024 * 1024

Task = Callable[[], None]


class Bulk:
    """The jobs of an org, and what is needed to carry them out. ``directory`` is where files are kept meanwhile."""

    def __init__(
        self,
        records: Records,
        clock: Callable[[], datetime],
        maxima: Mapping[str, int],
        directory: Path | None = None,
    ) -> None:
        self.jobs = Jobs(clock, self._job_folder)
        self._records = records
        self._directory = directory
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._opening = Lock()
        self._ingest = Worker("bulk ingest")
        self._query = Worker("bulk query")
        self._batches = DailyUse(maxima[BULK_BATCHES])
        self._query_jobs = DailyUse(maxima[BULK_QUERY_JOBS])
        self._query_bytes = DailyUse(maxima[BULK_QUERY_STORAGE] * MEGABYTE)

    @property
    def used(self) -> Mapping[str, int]:
        """What jobs took of the day's allowances, by their names."""
        return {
            BULK_BATCHES: self._batches.used,
            BULK_QUERY_JOBS: self._query_jobs.used,
            BULK_QUERY_STORAGE: self._query_bytes.used // MEGABYTE,
        }

    def create_ingest(self, settings: JobSettings, version: str, user_id: str) -> Job:
        """A job that waits for data."""
        return self.jobs.create(INGEST, settings, version, user_id)

    def process(self, job: Job) -> None:
        """Have the data of a closed job processed."""
        job.disturbance = DISTURBANCE.get()
        self.submit_ingest(job, partial(run_ingest, job, self._records, self._batches))

    def create_query(self, settings: JobSettings, version: str, user_id: str) -> Job:
        """A job for a query.

        Raises:
            ApiError: LIMIT_EXCEEDED when the day's jobs are spent.
        """
        jobs, stored = self._query_jobs, self._query_bytes
        if stored.used >= stored.limit:
            message = f"Max bulk v2 query result size stored ({stored.limit // 1024}) kb per 24 hrs has been exceeded"
            raise ApiError(400, "LIMIT_EXCEEDED", message)
        if not jobs.add():
            message = f"Max bulk v2 query jobs ({jobs.limit}) per 24 hrs has been reached ({jobs.used})"
            raise ApiError(400, "LIMIT_EXCEEDED", message)
        return self.jobs.create(QUERY, settings, version, user_id, UPLOAD_COMPLETE)

    def extract(self, job: Job, query: BulkQuery, store: Store) -> None:
        """Have a job's query run over a store."""
        job.disturbance = DISTURBANCE.get()
        self.submit_query(job, partial(self._extract, job, query, store))

    def count_batch(self) -> bool:
        """Count a batch of Bulk API 1.0; false when the day's are spent."""
        return self._batches.add()

    def submit_ingest(self, work: Work, task: Task) -> None:
        """Have work done that writes."""
        self._ingest.submit(work, task)

    def submit_query(self, work: Work, task: Task) -> None:
        """Have work done that reads."""
        self._query.submit(work, task)

    def close(self) -> None:
        """Abort what is under way, end the threads, delete the files."""
        self.jobs.stop()
        self._ingest.stop()
        self._query.stop()
        if self._folder is not None:
            self._folder.cleanup()

    def _extract(self, job: Job, query: BulkQuery, store: Store) -> None:
        job.begin()
        run_extract(job, query, store)
        job.complete()
        self._query_bytes.add(RowFile(job.folder).size)

    def _job_folder(self) -> Path:
        with self._opening:
            if self._folder is None:
                self._folder = tempfile.TemporaryDirectory(prefix="bulk-jobs-", dir=self._directory)
            return Path(self._folder.name)


class Worker:
    """Does one piece of work after the other, in a thread of its own."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._queue: SimpleQueue[tuple[Work, Task] | None] = SimpleQueue()
        self._starting = Lock()
        self._thread: Thread | None = None

    def submit(self, work: Work, task: Task) -> None:
        """Queue the doing of work, in the context of the request that asks for it; the first starts the thread."""
        with self._starting:
            if self._thread is None:
                self._thread = Thread(target=self._run, name=self._name, daemon=True)
                self._thread.start()
        self._queue.put((work, partial(copy_context().run, task)))

    def stop(self) -> None:
        """End the thread after the work under way; what waits must be stopped before."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while (queued := self._queue.get()) is not None:
            work, task = queued
            try:
                task()
            except Stopped:
                pass
            except Exception:  # noqa: BLE001 - whatever went wrong, the work must end and the thread go on
                _fail(work)


def _fail(work: Work) -> None:
    with suppress(OSError, ValueError):  # nobody may be there to read it any more
        sys.stderr.write(f"local org: bulk job {work.id} failed\n{traceback.format_exc()}")
    work.fail("InternalServerError : An unexpected error occurred")
