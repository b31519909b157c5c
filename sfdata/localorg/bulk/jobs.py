"""A job: the states it goes through, its counters, and what each call answers of it; and the list of all jobs.

    Open → UploadComplete → InProgress → JobComplete | Failed        Aborted from any of the first three

A query job begins at UploadComplete. Whoever changes a job's state or writes for it holds its ``lock``, so that an
abort comes between two chunks and never inside one.

https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/get_job_info.htm
"""

from __future__ import annotations

import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import Lock, RLock
from typing import Any

from sfdata.localorg.answers import ApiError, not_found
from sfdata.localorg.bulk.settings import JobSettings
from sfdata.localorg.ids import COUNTER_LENGTH, DIGITS, make_id, normalize
from sfdata.localorg.records.validation import datetime_text

KEY_PREFIX = "750"
INGEST, QUERY = "V2Ingest", "V2Query"

OPEN = "Open"
UPLOAD_COMPLETE = "UploadComplete"
IN_PROGRESS = "InProgress"
JOB_COMPLETE = "JobComplete"
FAILED = "Failed"
ABORTED = "Aborted"
TERMINAL = frozenset({JOB_COMPLETE, FAILED, ABORTED})

# How a state is called when it is too late for something.
ALREADY: Mapping[str, str] = {
    UPLOAD_COMPLETE: "Closed",
    IN_PROGRESS: "Closed",
    JOB_COMPLETE: "Completed",
    FAILED: "Failed",
    ABORTED: "Aborted",
}
POLL_SECONDS = 0.01
TELLS_PK_CHUNKING = 60.0
PK_CHUNKED = frozenset(
    {
        "Account", "Asset", "Campaign", "CampaignMember", "Case", "CaseComment", "Contact", "Contract",
        "ContentVersion", "Event", "Lead", "Opportunity", "OpportunityContactRole", "OpportunityHistory",
        "OpportunityLineItem", "Order", "OrderItem", "Pricebook2", "PricebookEntry", "Product2", "Task", "User",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Disturbance:
    """What is to befall a job: it waits before its work, and ends in ``state`` after ``rows`` of its rows."""

    seconds: float = 0.0
    rows: int | None = None
    state: str = FAILED
    message: str | None = None


DISTURBANCE: ContextVar[Disturbance | None] = ContextVar("DISTURBANCE", default=None)
"""Befalls the job that is started while it is set."""


class Stopped(Exception):
    """The job is not in progress any more; its worker has nothing left to do."""


@dataclass(eq=False)
class Job:
    """One job, the ``number``-th of its org.

    ``folder`` holds its files; ``unprocessed_from`` is where in the uploaded data the rest begins.
    """

    number: int
    id: str
    type: str
    settings: JobSettings
    version: str
    created_by: str
    clock: Callable[[], datetime]
    folder: Path
    state: str = OPEN
    created: datetime = field(init=False)
    changed: datetime = field(init=False)
    processed: int = 0
    failed: int = 0
    active_ms: float = 0.0
    total_ms: float = 0.0
    error: str | None = None
    uploaded: bool = False
    unprocessed_from: int = 0
    removed: bool = False
    disturbance: Disturbance | None = None
    lock: RLock = field(default_factory=RLock)
    _started: float = 0.0

    def __post_init__(self) -> None:
        self.created = self.changed = self.clock()

    @property
    def data(self) -> Path:
        """Where the uploaded data are."""
        return self.folder / "data.csv"

    # --- states ------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Take no more data; the job waits for its worker."""
        with self.lock:
            if self.state != OPEN:
                raise self._too_late("Closing")
            self.data.touch()
            self._become(UPLOAD_COMPLETE)

    def abort(self) -> None:
        """End the job where it stands; what was written stays."""
        with self.lock:
            if self.state in TERMINAL:
                raise self._too_late("Aborting")
            self._become(ABORTED)

    def begin(self) -> None:
        """Start work; a job that was aborted or deleted in the meantime is `Stopped`."""
        with self.lock:
            if self.state != UPLOAD_COMPLETE or self.removed:
                raise Stopped
            self._started = time.monotonic()
            self._become(IN_PROGRESS)

    @contextmanager
    def step(self) -> Iterator[None]:
        """Inside, the job stays in progress: one chunk of work and its bookkeeping."""
        with self.lock:
            if self.state != IN_PROGRESS:
                raise Stopped
            started = time.monotonic()
            yield
            self.active_ms += (time.monotonic() - started) * 1000

    def suffer(self) -> None:
        """Wait, or end, where the job's disturbance says so; then it is `Stopped`."""
        suffered = self.disturbance
        if suffered is None:
            return
        if not self.processed:
            _wait_while(lambda: self.state == IN_PROGRESS, suffered.seconds)
        if suffered.rows is not None and self.processed >= suffered.rows:
            with self.lock:
                if self.state == IN_PROGRESS:
                    self.error = suffered.message if suffered.state == FAILED else None
                    self._become(suffered.state)
            raise Stopped

    def finish(self, state: str, error: str | None = None) -> None:
        """End the job, unless it was aborted."""
        with self.lock:
            if self.state == IN_PROGRESS:
                self.error = error
                self._become(state)

    def _become(self, state: str) -> None:
        if self._started:
            self.total_ms = (time.monotonic() - self._started) * 1000
        self.changed = self.clock()
        self.state = state

    def _too_late(self, verb: str) -> ApiError:
        return ApiError(400, "INVALIDJOBSTATE", f"{verb} already {ALREADY[self.state]} Job not allowed")

    # --- answers -----------------------------------------------------------------------------------------------------

    def changed_answer(self) -> dict[str, Any]:
        """What closing and aborting answer: the job without its dialect."""
        settings = self.settings
        answer: dict[str, Any] = {
            "id": self.id,
            "operation": settings.operation,
            "object": settings.object.name,
            "createdById": self.created_by,
            "createdDate": datetime_text(self.created),
            "systemModstamp": datetime_text(self.changed),
            "state": self.state,
            "externalIdFieldName": settings.external_id_field,
            "assignmentRuleId": settings.assignment_rule_id,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": float(self.version),
        }
        return {key: value for key, value in answer.items() if value is not None}

    def created_answer(self) -> dict[str, Any]:
        """What creating answers: no counters, no type."""
        return {**self.changed_answer(), **self._content()}

    def listed_answer(self) -> dict[str, Any]:
        """The job as an entry of the list of jobs."""
        return {**self.changed_answer(), "jobType": self.type, **self._content()}

    def info_answer(self) -> dict[str, Any]:
        """Everything about the job."""
        with self.lock:
            answer = self.listed_answer()
            if self.type == QUERY or self.state != OPEN:
                answer["numberRecordsProcessed"] = self.processed
            if self.type == INGEST and self.state != OPEN:
                answer["numberRecordsFailed"] = self.failed
            answer |= {"retries": 0, "totalProcessingTime": round(self.total_ms)}
            if self.type == INGEST:
                answer |= {"apiActiveProcessingTime": round(self.active_ms), "apexProcessingTime": 0}
            if float(self.version) >= TELLS_PK_CHUNKING:
                answer["isPkChunkingSupported"] = self.type == QUERY and self._is_pk_chunked()
            if self.error is not None:
                answer["errorMessage"] = self.error
            return answer

    def _content(self) -> dict[str, Any]:
        content: dict[str, Any] = {}
        if self.type == INGEST and self.state == OPEN:
            content["contentUrl"] = f"services/data/v{self.version}/jobs/ingest/{self.id}/batches"
        dialect = self.settings.dialect
        return {**content, "lineEnding": dialect.line_ending, "columnDelimiter": dialect.column_delimiter}

    def _is_pk_chunked(self) -> bool:
        sobject = self.settings.object
        return sobject.custom or sobject.name in PK_CHUNKED


def _wait_while(holds: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while holds() and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)


class Jobs:
    """Every job of an org, each with a folder of its own inside the one that ``folder`` answers."""

    def __init__(self, clock: Callable[[], datetime], folder: Callable[[], Path]) -> None:
        self._clock = clock
        self._folder = folder
        self._lock = Lock()
        self._jobs: dict[str, Job] = {}
        self._number = 0

    def create(self, job_type: str, settings: JobSettings, version: str, user_id: str, state: str = OPEN) -> Job:
        """A new job."""
        job_id = make_id(KEY_PREFIX, secrets.randbelow(len(DIGITS) ** COUNTER_LENGTH))
        folder = self._folder() / job_id
        folder.mkdir(mode=0o700)
        with self._lock:
            self._number += 1
            job = Job(self._number, job_id, job_type, settings, version, user_id, self._clock, folder, state)
            self._jobs[job_id] = job
        return job

    def find(self, job_type: str, job_id: str) -> Job:
        """The job of this type and Id (of 15 or 18 characters).

        Raises:
            ApiError: 404 where there is none.
        """
        with self._lock:
            job = self._jobs.get(normalize(job_id) or "")
        if job is None or job.type != job_type:
            raise not_found()
        return job

    def listed(self, job_type: str | None) -> list[Job]:
        """The jobs of one type, or all of them, oldest first."""
        with self._lock:
            jobs = list(self._jobs.values())
        return [job for job in jobs if job_type in (None, job.type)]

    def remove(self, job: Job) -> None:
        """Forget a job and its files.

        Raises:
            ApiError: the job has not ended; one that waits may be deleted only if it is to write.
        """
        with job.lock:
            if job.state not in TERMINAL and (job.type, job.state) != (INGEST, UPLOAD_COMPLETE):
                message = "Error encountered when deleting the job because the job is not terminated"
                raise ApiError(400, "API_ERROR", message)
            job.removed = True
        with self._lock:
            self._jobs.pop(job.id, None)
        shutil.rmtree(job.folder, ignore_errors=True)

    def abort_all(self) -> None:
        """Abort every job that has not ended."""
        for job in self.listed(None):
            with job.lock:
                if job.state not in TERMINAL:
                    job.abort()
