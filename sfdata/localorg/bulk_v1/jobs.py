"""Jobs of Bulk API 1.0 and their batches: states, counters, and what is told of them.

    job     Open → Closed                                  Aborted from either
    batch   Queued → InProgress → Completed | Failed       NotProcessed: its job was aborted first, or it was split

https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/asynch_api_reference_jobinfo.htm
https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/asynch_api_reference_batchinfo.htm
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import RLock
from typing import Any, ClassVar

from sfdata.localorg.answers import ApiError
from sfdata.localorg.bulk.jobs import ABORTED, CLASSIC, JOB_COMPLETE, OPEN, UPLOAD_COMPLETE, AnyJob, job_answer
from sfdata.localorg.bulk.settings import JobSettings
from sfdata.localorg.bulk.work import FAILED, States, Work
from sfdata.localorg.bulk_v1.chunking import Chunking
from sfdata.localorg.ids import id15, normalize, random_id

CLOSED = "Closed"
QUEUED, RUNNING, COMPLETED, NOT_PROCESSED = "Queued", "InProgress", "Completed", "NotProcessed"
BATCH_PREFIX, RESULT_PREFIX = "751", "752"


@dataclass(eq=False, kw_only=True)
class Batch(Work):
    """One batch of a job. ``data`` is the request as it came."""

    STATES: ClassVar[States] = States(QUEUED, RUNNING, COMPLETED)

    job: ClassicJob
    result_id: str = field(init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.result_id = id15(random_id(RESULT_PREFIX))

    @property
    def result(self) -> Path:
        """Where the result is, once the batch is completed."""
        return self.folder / "result"

    def skip(self) -> None:
        """Never process the batch, unless that has begun."""
        with self.lock:
            if self.state == QUEUED:
                self._become(NOT_PROCESSED)

    def stop(self) -> None:
        """End the batch, also in the middle."""
        with self.lock:
            if self.state in (QUEUED, RUNNING):
                self._become(NOT_PROCESSED)

    def info(self) -> dict[str, Any]:
        """What is told of the batch, in the order of the XML."""
        with self.lock:
            return {
                "id": self.id,
                "jobId": self.job.id,
                "state": self.state,
                "stateMessage": self.error,
                "createdDate": self.created,
                "systemModstamp": self.changed,
                "numberRecordsProcessed": self.processed,
                "numberRecordsFailed": self.failed,
                "totalProcessingTime": round(self.total_ms),
                "apiActiveProcessingTime": round(self.active_ms),
                "apexProcessingTime": 0,
            }


@dataclass(eq=False, kw_only=True)
class ClassicJob:
    """One job, the ``number``-th of its org. ``chunking`` says how its queries are to be split."""

    type: ClassVar[str] = CLASSIC

    number: int
    id: str
    settings: JobSettings
    version: str
    created_by: str
    clock: Callable[[], datetime]
    folder: Path
    chunking: Chunking | None = None
    state: str = OPEN
    created: datetime = field(init=False)
    batches: list[Batch] = field(default_factory=list)
    lock: RLock = field(default_factory=RLock)
    _changed: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.created = self._changed = self.clock()

    # --- batches -----------------------------------------------------------------------------------------------------

    def add(self, data: bytes) -> Batch:
        """A further batch, to be worked on."""
        batch_id = random_id(BATCH_PREFIX)
        folder = self.folder / batch_id
        folder.mkdir(mode=0o700)
        batch = Batch(
            id=batch_id, settings=self.settings, created_by=self.created_by, clock=self.clock, folder=folder,
            state=QUEUED, job=self,
        )  # fmt: skip
        batch.data.write_bytes(data)
        with self.lock:
            self.batches.append(batch)
            if self.state == ABORTED:
                batch.skip()
        return batch

    def batch(self, batch_id: str) -> Batch | None:
        """The batch of this Id (of 15 or 18 characters)."""
        wanted = normalize(batch_id)
        return next((batch for batch in list(self.batches) if batch.id == wanted), None)

    # --- states ------------------------------------------------------------------------------------------------------

    def check_open(self) -> None:
        """Do nothing while batches can be added.

        Raises:
            ApiError: InvalidJobState.
        """
        if self.state != OPEN:
            raise ApiError(400, "InvalidJobState", f"Adding a batch to already {self.state} Job not allowed")

    def close(self) -> None:
        """Take no more batches."""
        with self.lock:
            if self.state != OPEN:
                raise ApiError(400, "InvalidJobState", f"Closing already {self.state} Job not allowed")
            self._become(CLOSED)

    def abort(self) -> None:
        """Process no more batches; one that is under way is finished, and what was written stays."""
        with self.lock:
            if self.state == ABORTED:
                raise ApiError(400, "InvalidJobState", "Aborting already Aborted Job not allowed")
            self._become(ABORTED)
            for batch in self.batches:
                batch.skip()

    def stop(self) -> None:
        """End the job and its batches, also in the middle."""
        with self.lock:
            if self.state == OPEN:
                self._become(ABORTED)
            for batch in self.batches:
                batch.stop()

    def _become(self, state: str) -> None:
        self.state, self._changed = state, self.clock()

    # --- answers -----------------------------------------------------------------------------------------------------

    @property
    def changed(self) -> datetime:
        return max([self._changed, *(batch.changed for batch in list(self.batches))])

    @property
    def processed(self) -> int:
        return sum(batch.processed for batch in list(self.batches))

    @property
    def failed(self) -> int:
        return sum(batch.failed for batch in list(self.batches))

    @property
    def is_chunked(self) -> bool:
        return self.chunking is not None

    def listed_answer(self) -> dict[str, Any]:
        """The job as an entry of the list of jobs, which Bulk API 2.0 has."""
        return {**job_answer(self), "jobType": self.type}


def job_info(job: AnyJob) -> dict[str, Any]:
    """What is told of a job, in the order of the XML; also of one of Bulk API 2.0, which has one batch."""
    works: list[Any] = list(job.batches) if isinstance(job, ClassicJob) else [job]
    states = [STATE_OF_BATCH.get(work.state, work.state) for work in works]
    settings = job.settings
    return {
        "id": job.id,
        "operation": settings.operation,
        "object": settings.object.name,
        "createdById": job.created_by,
        "createdDate": job.created,
        "systemModstamp": job.changed,
        "state": job.state,
        "externalIdFieldName": settings.external_id_field,
        "concurrencyMode": settings.concurrency_mode,
        "contentType": settings.content_type,
        "numberBatchesQueued": states.count(QUEUED),
        "numberBatchesInProgress": states.count(RUNNING),
        "numberBatchesCompleted": states.count(COMPLETED),
        "numberBatchesFailed": states.count(FAILED),
        "numberBatchesTotal": len(works),
        "numberRecordsProcessed": job.processed,
        "numberRetries": 0,
        "apiVersion": float(job.version),
        "assignmentRuleId": settings.assignment_rule_id,
        "numberRecordsFailed": job.failed,
        "totalProcessingTime": sum(round(work.total_ms) for work in works),
        "apiActiveProcessingTime": sum(round(work.active_ms) for work in works),
        "apexProcessingTime": 0,
    }


STATE_OF_BATCH = {UPLOAD_COMPLETE: QUEUED, JOB_COMPLETE: COMPLETED}
"""How a state of Bulk API 2.0 counts among those of batches."""
