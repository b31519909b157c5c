"""A job of Bulk API 2.0: the states it goes through and what each call answers of it; and the list of all jobs.

    Open → UploadComplete → InProgress → JobComplete | Failed        Aborted from any of the first three

A query job begins at UploadComplete. The list has the jobs of Bulk API 1.0 too.

https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/get_job_info.htm
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar, Protocol, TypeVar

from sfdata.localorg.answers import ApiError, not_found
from sfdata.localorg.bulk.settings import JobSettings
from sfdata.localorg.bulk.work import FAILED, States, Work
from sfdata.localorg.ids import normalize, random_id
from sfdata.localorg.records.validation import datetime_text
from sfdata.localorg.schema import SObject

KEY_PREFIX = "750"
INGEST, QUERY, CLASSIC = "V2Ingest", "V2Query", "Classic"

OPEN = "Open"
UPLOAD_COMPLETE = "UploadComplete"
IN_PROGRESS = "InProgress"
JOB_COMPLETE = "JobComplete"
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
KEPT = timedelta(days=7)
TELLS_PK_CHUNKING = 60.0
PK_CHUNKED = frozenset(
    {
        "Account", "Asset", "Campaign", "CampaignMember", "Case", "CaseComment", "Contact", "Contract",
        "ContentVersion", "Event", "Lead", "Opportunity", "OpportunityContactRole", "OpportunityHistory",
        "OpportunityLineItem", "Order", "OrderItem", "Pricebook2", "PricebookEntry", "Product2", "Task", "User",
    }
)  # fmt: skip


class AnyJob(Protocol):
    """A job of either Bulk API, as the list of jobs has it."""

    @property
    def number(self) -> int: ...
    @property
    def id(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def settings(self) -> JobSettings: ...
    @property
    def version(self) -> str: ...
    @property
    def created_by(self) -> str: ...
    @property
    def created(self) -> datetime: ...
    @property
    def changed(self) -> datetime: ...
    @property
    def folder(self) -> Path: ...
    @property
    def state(self) -> str: ...
    @property
    def processed(self) -> int: ...
    @property
    def failed(self) -> int: ...
    @property
    def is_chunked(self) -> bool: ...

    def listed_answer(self) -> dict[str, Any]:
        """The job as an entry of the list of jobs."""

    def stop(self) -> None:
        """Abort the job, unless it has ended."""


AnyJobType = TypeVar("AnyJobType", bound=AnyJob)


@dataclass(eq=False, kw_only=True)
class Job(Work):
    """One job, the ``number``-th of its org."""

    STATES: ClassVar[States] = States(UPLOAD_COMPLETE, IN_PROGRESS, JOB_COMPLETE)

    number: int
    type: str
    version: str
    uploaded: bool = False
    is_chunked: bool = False

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

    def stop(self) -> None:
        """Abort the job, unless it has ended."""
        with self.lock:
            if self.state not in TERMINAL:
                self.abort()

    def _too_late(self, verb: str) -> ApiError:
        return ApiError(400, "INVALIDJOBSTATE", f"{verb} already {ALREADY[self.state]} Job not allowed")

    # --- answers -----------------------------------------------------------------------------------------------------

    def changed_answer(self) -> dict[str, Any]:
        """What closing and aborting answer: the job without its dialect."""
        return job_answer(self)

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
                answer["isPkChunkingSupported"] = self.type == QUERY and is_pk_chunked(self.settings.object)
            if self.error is not None:
                answer["errorMessage"] = self.error
            return answer

    def _content(self) -> dict[str, Any]:
        content: dict[str, Any] = {}
        if self.type == INGEST and self.state == OPEN:
            content["contentUrl"] = f"services/data/v{self.version}/jobs/ingest/{self.id}/batches"
        dialect = self.settings.dialect
        return {**content, "lineEnding": dialect.line_ending, "columnDelimiter": dialect.column_delimiter}


def job_answer(job: AnyJob) -> dict[str, Any]:
    """What is told of a job of either API wherever it is told of."""
    settings = job.settings
    answer: dict[str, Any] = {
        "id": job.id,
        "operation": settings.operation,
        "object": settings.object.name,
        "createdById": job.created_by,
        "createdDate": datetime_text(job.created),
        "systemModstamp": datetime_text(job.changed),
        "state": job.state,
        "externalIdFieldName": settings.external_id_field,
        "assignmentRuleId": settings.assignment_rule_id,
        "concurrencyMode": settings.concurrency_mode,
        "contentType": settings.content_type,
        "apiVersion": float(job.version),
    }
    return {key: value for key, value in answer.items() if value is not None}


def is_pk_chunked(sobject: SObject) -> bool:
    """Whether queries for the object can be split by ranges of Ids."""
    return sobject.custom or sobject.name in PK_CHUNKED


class Jobs:
    """Every job of an org, each with a folder of its own inside the one that ``folder`` answers.

    A job of which nothing was heard for a week is forgotten, its files with it.
    """

    def __init__(self, clock: Callable[[], datetime], folder: Callable[[], Path]) -> None:
        self._clock = clock
        self._folder = folder
        self._lock = Lock()
        self._jobs: dict[str, AnyJob] = {}
        self._number = 0

    def create(self, job_type: str, settings: JobSettings, version: str, user_id: str, state: str = OPEN) -> Job:
        """A new job of Bulk API 2.0."""

        def made(number: int, job_id: str, folder: Path) -> Job:
            return Job(
                number=number, id=job_id, type=job_type, settings=settings, version=version, created_by=user_id,
                clock=self._clock, folder=folder, state=state,
            )  # fmt: skip

        return self.add(made)

    def add(self, make: Callable[[int, str, Path], AnyJobType]) -> AnyJobType:
        """The job that is made of its number, its Id and its folder."""
        job_id = random_id(KEY_PREFIX)
        folder = self._folder() / job_id
        folder.mkdir(mode=0o700)
        with self._lock:
            self._number += 1
            job = make(self._number, job_id, folder)
            self._jobs[job_id] = job
        return job

    def get(self, job_id: str) -> AnyJob | None:
        """The job of this Id (of 15 or 18 characters), whatever its type."""
        with self._lock:
            self._forget_old()
            return self._jobs.get(normalize(job_id) or "")

    def find(self, job_type: str, job_id: str) -> Job:
        """The job of Bulk API 2.0 of this type and Id.

        Raises:
            ApiError: 404 where there is none.
        """
        job = self.get(job_id)
        if not isinstance(job, Job) or job.type != job_type:
            raise not_found()
        return job

    def listed(self, *job_types: str) -> list[AnyJob]:
        """The jobs of these types, or all of them, oldest first."""
        with self._lock:
            self._forget_old()
            jobs = list(self._jobs.values())
        return [job for job in jobs if not job_types or job.type in job_types]

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

    def stop(self) -> None:
        """Abort every job that has not ended."""
        for job in self.listed():
            job.stop()

    def _forget_old(self) -> None:
        oldest = self._clock() - KEPT
        for job in [*takewhile(lambda job: job.created < oldest, self._jobs.values())]:
            if job.changed < oldest:
                job.stop()
                del self._jobs[job.id]
                shutil.rmtree(job.folder, ignore_errors=True)
