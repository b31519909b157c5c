"""Bulk API 2.0 ingest jobs: made, given their data once, closed, watched, and their three files of results.

Nothing happens to any record before a job is closed; `close` is the step that commits. A job takes one upload: a second
one spoils it, so whoever does not know what became of the first makes a new job.

https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/bulk_api_2_0_ingest.htm
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlencode

from sfdata.errors import UnreadableAnswer
from sfdata.resilience.retry import Operation
from sfdata.transport.http_session import HttpSession
from sfdata.transport.messages import Response, Sink

IngestOperation = Literal["insert", "update", "upsert", "delete", "hardDelete"]
ResultFile = Literal["successfulResults", "failedResults", "unprocessedrecords"]
TERMINAL = frozenset({"JobComplete", "Failed", "Aborted"})


@dataclass(frozen=True, slots=True)
class IngestJob:
    """An ingest job as the org tells of it.

    Attributes:
        processed, failed: rows so far, where the org told them; ``processed`` includes those that failed.
        error: why a job in state ``Failed`` did.
    """

    id: str
    state: str
    object: str
    operation: str
    processed: int | None = None
    failed: int | None = None
    error: str | None = None
    created_by: str | None = None
    created: str | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more will become of any row."""
        return self.state in TERMINAL

    @classmethod
    def from_json(cls, answer: Any) -> IngestJob:
        """The job in an answer.

        Raises:
            UnreadableAnswer: it holds none.
        """
        if not isinstance(answer, Mapping) or not all(isinstance(answer.get(key), str) for key in ("id", "state")):
            raise UnreadableAnswer("the answer is no ingest job")
        counts = (answer.get(key) for key in ("numberRecordsProcessed", "numberRecordsFailed"))
        processed, failed = (count if isinstance(count, int) else None for count in counts)
        told = (answer.get(key) for key in ("object", "operation"))
        name, operation = (str(value or "") for value in told)
        error, by, created = (answer.get(key) for key in ("errorMessage", "createdById", "createdDate"))
        return cls(answer["id"], answer["state"], name, operation, processed, failed, error, by, created)


def create(
    session: HttpSession, object_name: str, operation: IngestOperation, *, external_id: str | None = None
) -> IngestJob:
    """A new job that waits for its data: CSV with commas and LF. ``external_id`` is the key field of an upsert.

    Should its answer be lost, a further job is made: the first stays open, and harmless.

    Raises:
        ResponseError: no such object or field, not allowed, or a limit is reached.
    """
    asked = {"object": object_name, "operation": operation, "contentType": "CSV", "lineEnding": "LF"}
    asked |= {"columnDelimiter": "COMMA"} | ({"externalIdFieldName": external_id} if external_id else {})
    return _job(session.post(_path(session), content=asked, operation=Operation.INGEST_CREATE))


def upload(session: HttpSession, job_id: str, content: bytes) -> None:
    """Give an open job its data, once.

    Raises:
        TransportError: whether the data arrived is not known, or they did not: abandon the job.
        ResponseError: the org refused them.
    """
    session.put(f"{_path(session)}/{job_id}/batches", content=content, operation=Operation.INGEST_UPLOAD)


def close(session: HttpSession, job_id: str) -> IngestJob:
    """Have the job's rows processed: the step that commits.

    Raises:
        TransportError: whether it was closed is not known: `info` tells.
        ResponseError: it is no longer open.
    """
    return _change(session, job_id, "UploadComplete", Operation.INGEST_CLOSE)


def abort(session: HttpSession, job_id: str) -> IngestJob:
    """Stop a job; what it has done stays done."""
    return _change(session, job_id, "Aborted", Operation.BULK_END)


def info(session: HttpSession, job_id: str) -> IngestJob:
    """The job as it is now.

    Raises:
        NotFound: there is no such job, or it was deleted.
    """
    return _job(session.get(f"{_path(session)}/{job_id}"))


def results(session: HttpSession, job_id: str, file: ResultFile, sink: Sink) -> Response:
    """One of the three files of an ended job into ``sink``: CSV in no order, compressed as the answer's headers say.

    https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/get_job_successful_results.htm

    Raises:
        NotFound: the job, or its results after seven days, are gone.
    """
    path = f"{_path(session)}/{job_id}/{file}"
    return session.get(path, headers={"Accept": "text/csv"}, operation=Operation.BULK_RESULT, sink=sink)


def delete(session: HttpSession, job_id: str) -> None:
    """Delete an ended job with its results: the evidence of what became of the rows."""
    session.delete(f"{_path(session)}/{job_id}", operation=Operation.BULK_END)


def jobs(session: HttpSession) -> Iterator[IngestJob]:
    """All ingest jobs of the last seven days that this user may see."""
    url: str | None = f"{_path(session)}?{urlencode({'jobType': 'V2Ingest'})}"
    while url:
        page = session.get(url).json()
        if not isinstance(page, Mapping) or not isinstance(page.get("records"), list):
            raise UnreadableAnswer("the answer is no list of jobs")
        yield from map(IngestJob.from_json, page["records"])
        url = None if page.get("done", True) else page.get("nextRecordsUrl")


def _path(session: HttpSession) -> str:
    return f"{session.data_path}/jobs/ingest"


def _change(session: HttpSession, job_id: str, state: str, operation: Operation) -> IngestJob:
    path, content = f"{_path(session)}/{job_id}", {"state": state}
    return _job(session.patch(path, content=content, operation=operation))


def _job(answer: Response) -> IngestJob:
    return IngestJob.from_json(answer.json())
