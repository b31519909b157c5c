"""Bulk API 2.0 query jobs: made, watched, and their results fetched page by page as CSV.

https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/query_bulk_api_2_0.htm
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from sfdata.errors import ServerUnavailable, TransportError, UnreadableAnswer
from sfdata.resilience.retry import Operation
from sfdata.transport.http_session import VERSIONS_PATH, HttpSession
from sfdata.transport.messages import Response, Sink

LAST = "null"
"""The locator of the last page, in so many letters."""


@dataclass(frozen=True, slots=True)
class QueryJob:
    """A query job as the org tells of it.

    Attributes:
        rows: the number of rows, so far or, once the job is complete, in all; None where the org does not say.
        error: why a job in state ``Failed`` did.
    """

    id: str
    state: str
    object: str
    operation: str
    rows: int | None = None
    error: str | None = None
    created: str | None = None

    @property
    def ended(self) -> bool:
        """Whether no more rows will come."""
        return self.state in ("JobComplete", "Failed", "Aborted")

    @classmethod
    def from_json(cls, answer: Any) -> QueryJob:
        """The job in an answer.

        Raises:
            UnreadableAnswer: it holds none.
        """
        if not isinstance(answer, Mapping) or not all(isinstance(answer.get(key), str) for key in ("id", "state")):
            raise UnreadableAnswer("the answer is no query job")
        rows = answer.get("numberRecordsProcessed")
        name, operation = (str(answer.get(key) or "") for key in ("object", "operation"))
        error, created = answer.get("errorMessage"), answer.get("createdDate")
        return cls(
            answer["id"], answer["state"], name, operation, rows if isinstance(rows, int) else None, error, created
        )


@dataclass(frozen=True, slots=True)
class ResultPage:
    """What the headers of a page of results tell.

    Attributes:
        rows: the number of its rows; None where a proxy took the header away.
        locator: where the next page is, ``"null"`` behind the last; None where the header is missing.
        headers: all of them, the coding of the body among them.
    """

    rows: int | None
    locator: str | None
    headers: Mapping[str, str]


def create(session: HttpSession, soql: str, *, all_rows: bool = False) -> QueryJob:
    """A job that runs ``soql``; ``all_rows`` includes deleted and archived rows.

    Should its answer be lost, a further job is made: the first costs a job of the day, and nothing else.

    Raises:
        ResponseError: the query is wrong, Bulk cannot serve it, or a limit is reached.
    """
    asked = {"operation": "queryAll" if all_rows else "query", "query": soql, "contentType": "CSV"}
    asked |= {"columnDelimiter": "COMMA", "lineEnding": "LF"}
    return _job(session.post(_path(session), content=asked, operation=Operation.BULK_QUERY))


def info(session: HttpSession, job_id: str, *, version: str | None = None) -> QueryJob:
    """The job as it is now. ``version`` is the API version it was made with, where that is not the session's.

    Raises:
        NotFound: there is no such job, or it was deleted.
    """
    return _job(session.get(f"{_path(session, version)}/{job_id}"))


def result_url(session: HttpSession, job_id: str, locator: str | None = None, *, version: str | None = None) -> str:
    """Where a page of a complete job's results is; without ``locator``, the first."""
    path = f"{_path(session, version)}/{job_id}/results"
    return f"{path}?{urlencode({'locator': locator})}" if locator else path


def results(session: HttpSession, url: str, sink: Sink) -> ResultPage:
    """The page of results at ``url`` into ``sink``: CSV with a header, compressed as the headers say.

    Any page may be fetched again. Only a path of the org itself is followed.

    Raises:
        NotFound: the job, or its results after seven days, are gone.
        ResponseError: among others, the results are of a job made with another API version.
    """
    headers = {"Accept": "text/csv"}
    answer = session.get(url, headers=headers, operation=Operation.BULK_RESULT, sink=sink).headers
    rows = answer.get("sforce-numberofrecords", "")
    return ResultPage(int(rows) if rows.isdecimal() else None, answer.get("sforce-locator"), answer)


def result_urls(session: HttpSession, job_id: str, *, version: str | None = None) -> Iterator[str]:
    """The addresses of all pages, in order, to be fetched side by side; asked for a few at a time.

    https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/query_get_job_result_pages.htm

    Raises:
        NotFound: the org does not list pages (API before 58).
    """
    url: str | None = f"{_path(session, version)}/{job_id}/resultPages"
    seen = set[str]()
    while url:
        seen.add(url)
        answer = session.get(url).json()
        pages = answer.get("resultPages") if isinstance(answer, Mapping) else None
        if not isinstance(pages, list) or not all(isinstance(p, Mapping) and p.get("resultUrl") for p in pages):
            raise UnreadableAnswer("the answer is no list of result pages")
        yield from (_rooted(page["resultUrl"]) for page in pages)
        following = None if answer.get("done", True) else answer.get("nextRecordsUrl")
        url = _rooted(following) if following else None
        if url in seen or (url and not pages):
            raise UnreadableAnswer("the list of result pages leads nowhere")


def abort(session: HttpSession, job_id: str, *, version: str | None = None) -> QueryJob:
    """Stop a job that has not ended; the job as it is then.

    Raises:
        TransportError, ServerUnavailable: no answer, and the job has not ended.
        ResponseError: it had ended before.
    """
    path, content = f"{_path(session, version)}/{job_id}", {"state": "Aborted"}
    try:
        return _job(session.patch(path, content=content, operation=Operation.BULK_END))
    except (TransportError, ServerUnavailable):
        job = info(session, job_id, version=version)  # the answer may have been lost, and nothing else
        if not job.ended:
            raise
        return job


def delete(session: HttpSession, job_id: str) -> None:
    """Delete an ended job and its results."""
    session.delete(f"{_path(session)}/{job_id}", operation=Operation.BULK_END)


def jobs(session: HttpSession) -> Iterator[QueryJob]:
    """All query jobs of the last seven days that this user may see."""
    url: str | None = f"{_path(session)}?{urlencode({'jobType': 'V2Query'})}"
    while url:
        page = session.get(url).json()
        if not isinstance(page, Mapping) or not isinstance(page.get("records"), list):
            raise UnreadableAnswer("the answer is no list of jobs")
        yield from map(QueryJob.from_json, page["records"])
        url = None if page.get("done", True) else page.get("nextRecordsUrl")


def _path(session: HttpSession, version: str | None = None) -> str:
    data_path = session.data_path if version is None else f"{VERSIONS_PATH}/v{version}"
    return f"{data_path}/jobs/query"


def _rooted(url: str) -> str:
    """An address from the root: the org has been seen to leave out the first slash."""
    return url if url.startswith("/") else f"/{url}"


def _job(answer: Response) -> QueryJob:
    return QueryJob.from_json(answer.json())
