"""The resources of Bulk API 2.0: ingest jobs, query jobs, their data and their results.

https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/bulk_api_2_0_ingest.htm
https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/query_bulk_api_2_0.htm
"""

from __future__ import annotations

import re
import shutil
from base64 import b64decode, b64encode
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from io import BytesIO
from typing import IO, Any
from urllib.parse import urlencode

from sfdata.localorg.answers import ApiError
from sfdata.localorg.bulk.extract import bulk_query
from sfdata.localorg.bulk.jobs import CLASSIC, INGEST, JOB_COMPLETE, OPEN, QUERY, TERMINAL, AnyJob, Job
from sfdata.localorg.bulk.results import FAILED, SUCCESSFUL, RowFile, result_body, unprocessed_body
from sfdata.localorg.bulk.settings import (
    JobSettings,
    asked_dialect,
    asked_query_operation,
    check_permission,
    ingest_settings,
    invalid_value,
    job_body,
)
from sfdata.localorg.ids import id15
from sfdata.localorg.records.multipart import invalid, is_multipart, parts
from sfdata.localorg.routing import Answer, FileBody, Handler, Request, Route, json_answer

CSV = "text/csv;charset=UTF-8"
CSV_TYPES = frozenset({"", "text/csv"})
JOB_TYPES = {name.lower(): name for name in (INGEST, QUERY, CLASSIC, "BigObjectIngest")}

# 150 MB when encoded as base64, which is how Salesforce counts.
MOST_DATA_BYTES = 112_500_000
MOST_MULTIPART_CHARACTERS = 100_000
JOBS_PER_PAGE = 1_000
ROWS_PER_PAGE = 50_000
BYTES_PER_PAGE = 64 * 1024 * 1024
PAGES_IN_PARALLEL = 5
INGEST_SINCE, QUERY_SINCE, PARALLEL_SINCE = 41, 47, 58


def root(request: Request) -> Answer:
    """``GET jobs``: where ingest and query jobs are."""
    return json_answer({name: f"{request.base}/jobs/{name}" for name in ("ingest", "query")})


# --- ingest jobs -----------------------------------------------------------------------------------------------------


def create_ingest(request: Request) -> Answer:
    """``POST jobs/ingest``: a job that waits for its data, or one that comes with them, in two parts."""
    content_type = request.headers.get("content-type", "")
    if not is_multipart(content_type):
        return json_answer(_new_ingest(request).created_answer())
    named = {part.name: part.content for part in parts(content_type, request.body)}
    if named.keys() != {"job", "content"}:
        raise invalid("The multipart message must have the two parts job and content")
    if len(named["content"].decode(errors="replace")) > MOST_MULTIPART_CHARACTERS:
        raise invalid(f"The part content is longer than {MOST_MULTIPART_CHARACTERS} characters")
    job = _new_ingest(replace(request, body=named["job"], headers={}))
    _store_data(job, BytesIO(named["content"]))
    return _closed(request, job, Job.created_answer)


def _new_ingest(request: Request) -> Job:
    settings = ingest_settings(job_body(request), request.org.schema)
    check_permission(settings, partial(request.org.permits, request.user_id))
    return request.org.bulk.create_ingest(settings, request.version, request.user_id)


def upload(request: Request) -> Answer:
    """``PUT jobs/ingest/ID/batches``: the data, once and as a whole."""
    job = _job(request, INGEST)
    _refuse_other_than_csv(request)
    _store_data(job, request.file or BytesIO(request.body))
    return Answer(201)


def _store_data(job: Job, data: IO[bytes]) -> None:
    with job.lock:
        if job.state != OPEN or job.uploaded:
            raise _refused_data(job)
        with job.data.open("wb") as file:
            shutil.copyfileobj(data, file, 1024 * 1024)
        if job.data.stat().st_size > MOST_DATA_BYTES:
            job.data.unlink()
            message = "Request content is larger than 150 MB when encoded as base64"
            raise ApiError(413, "REQUEST_ENTITY_TOO_LARGE", message)
        job.uploaded = True


def _refused_data(job: Job) -> ApiError:
    if job.state != OPEN:
        return ApiError(400, "INVALIDJOBSTATE", f"Uploading data to a job in state {job.state} is not allowed")
    message = (
        f"Found multiple contents for job: <{id15(job.id)}>, please 'Close' / 'Abort' / 'Delete' the current Job then "
        "create a new Job and make sure you only do 'PUT' once on a given Job."
    )
    return ApiError(400, "BULK_API_ERROR", message)


def change_ingest(request: Request) -> Answer:
    """``PATCH jobs/ingest/ID``: close the job for data and have it processed, or abort it."""
    job = _job(request, INGEST)
    if _asked_state(request, ("UploadComplete", "Aborted")) == "Aborted":
        job.abort()
        return json_answer(job.changed_answer())
    return _closed(request, job, Job.changed_answer)


def _closed(request: Request, job: Job, told: Callable[[Job], Mapping[str, Any]]) -> Answer:
    """Close a job and have it processed; the answer is from before that begins."""
    job.close()
    answer = json_answer(told(job))
    request.org.bulk.process(job)
    return answer


def rows_of(kind: str, request: Request) -> Answer:
    """``GET jobs/ingest/ID/successfulResults`` and ``failedResults``."""
    return _csv(result_body(_ended(request), kind))


def unprocessed(request: Request) -> Answer:
    """``GET jobs/ingest/ID/unprocessedrecords``."""
    return _csv(unprocessed_body(_ended(request)))


def _ended(request: Request) -> Job:
    job = _job(request, INGEST)
    if job.state not in TERMINAL:
        raise _not_ready(job)
    return job


# --- query jobs ------------------------------------------------------------------------------------------------------


def create_query(request: Request) -> Answer:
    """``POST jobs/query``: run a query."""
    asked = job_body(request)
    operation = asked_query_operation(asked)
    dialect = asked_dialect(asked)
    given = asked.get("query")
    soql = given if isinstance(given, str) else ""
    org, user_id = request.org, request.user_id
    engine = org.engine_for(soql)
    query = bulk_query(
        engine,
        soql,
        user_id,
        include_deleted=operation == "queryAll",
        version=float(request.version),
    )
    job = org.bulk.create_query(JobSettings(operation, query.sobject, dialect), request.version, user_id)
    answer = json_answer(job.created_answer())
    org.bulk.extract(job, query, engine.store)
    return answer


def change_query(request: Request) -> Answer:
    """``PATCH jobs/query/ID``: abort the job."""
    job = _job(request, QUERY)
    _asked_state(request, ("Aborted",))
    job.abort()
    return json_answer(job.changed_answer())


def query_results(request: Request) -> Answer:
    """``GET jobs/query/ID/results``: a page of rows. Any page can be asked for, as often as need be."""
    job = _complete_query(request)
    rows = RowFile(job.folder)
    first = _first_row(request, job)
    count, place = rows.page(first, _max_records(request), job.processed, BYTES_PER_PAGE)
    following = first + count
    headers = {
        "Sforce-Locator": _locator(following) if following < job.processed else "null",
        "Sforce-NumberOfRecords": str(count),
    }
    return _csv(FileBody(rows.header, rows.path, place.start, place.stop), headers)


def result_pages(request: Request) -> Answer:
    """``GET jobs/query/ID/resultPages``: where the next few pages are, to be fetched at the same time."""
    job = _complete_query(request)
    rows = RowFile(job.folder)
    first, path = _first_row(request, job), f"{request.base}/jobs/query/{job.id}"
    pages: list[dict[str, str]] = []
    while len(pages) < PAGES_IN_PARALLEL and (first < job.processed or not pages):
        pages.append({"resultUrl": f"{path}/results?locator={_locator(first)}"})
        first += rows.page(first, ROWS_PER_PAGE, job.processed, BYTES_PER_PAGE)[0]
    answer: dict[str, Any] = {"resultPages": pages}
    if first < job.processed:
        answer["nextRecordsUrl"] = f"{path}/resultPages?locator={_locator(first)}"
    return json_answer({**answer, "done": first >= job.processed})


def _complete_query(request: Request) -> Job:
    job = _job(request, QUERY)
    if float(job.version) != float(request.version):
        message = f"The job was created with API version {job.version}; its results can be read with no other version"
        raise ApiError(409, "API_ERROR", message)
    if job.state != JOB_COMPLETE:
        raise _not_ready(job)
    return job


def _first_row(request: Request, job: Job) -> int:
    """The number of the row that a locator leads to."""
    first = _position(request.query.get("locator"))
    if first >= max(1, job.processed):
        raise _invalid_locator()
    return first


def _max_records(request: Request) -> int:
    text = request.query.get("maxRecords")
    if not text:
        return ROWS_PER_PAGE
    if not re.fullmatch(r"\d{1,12}", text, re.ASCII) or int(text) < 1:
        raise ApiError(400, "ILLEGAL_QUERY_PARAMETER_VALUE", "maxRecords must be a whole number above 0")
    return int(text)


# --- jobs of both types ----------------------------------------------------------------------------------------------


def info(job_type: str, request: Request) -> Answer:
    """``GET jobs/ingest/ID`` and ``jobs/query/ID``."""
    return json_answer(_job(request, job_type).info_answer())


def delete(job_type: str, request: Request) -> Answer:
    """``DELETE jobs/ingest/ID`` and ``jobs/query/ID``."""
    request.org.bulk.jobs.remove(_job(request, job_type))
    return Answer(204)


def listing(job_type: str, request: Request) -> Answer:
    """``GET jobs/ingest`` and ``jobs/query``: jobs a thousand at a time, those of Bulk API 1.0 among them."""
    asked = request.query.get("jobType")
    if asked is not None and asked.lower() not in JOB_TYPES:
        raise invalid_value("jobType", asked)
    wanted = (job_type, CLASSIC) if asked is None else (JOB_TYPES[asked.lower()],)
    start = _position(request.query.get("queryLocator"))
    jobs = [job for job in request.org.bulk.jobs.listed(*wanted) if job.number >= start and _is_asked(request, job)]
    page, rest = jobs[:JOBS_PER_PAGE], jobs[JOBS_PER_PAGE:]
    answer: dict[str, Any] = {"done": not rest, "records": [job.listed_answer() for job in page]}
    if rest:
        query = urlencode({**request.query, "queryLocator": _locator(rest[0].number)})
        answer["nextRecordsUrl"] = f"{request.path.rstrip('/')}?{query}"
    return json_answer(answer)


def _is_asked(request: Request, job: AnyJob) -> bool:
    """Whether a job passes the filters of a list."""
    mode = request.query.get("concurrencyMode")
    chunked = request.query.get("isPkChunkingEnabled", "").lower() == "true"
    return (mode is None or job.settings.concurrency_mode.lower() == mode.lower()) and (job.is_chunked or not chunked)


# --- parts of requests and answers -----------------------------------------------------------------------------------


def _job(request: Request, job_type: str) -> Job:
    return request.org.bulk.jobs.find(job_type, request.args["id"])


def _refuse_other_than_csv(request: Request) -> None:
    given = request.headers.get("content-type", "")
    if given.partition(";")[0].strip().lower() not in CSV_TYPES:
        raise ApiError(415, "UNSUPPORTED_MEDIA_TYPE", f"MediaType of '{given}' is not supported by this resource")


def _asked_state(request: Request, accepted: Collection[str]) -> str:
    """The state that a client wants a job to be in."""
    state = job_body(request).get("state")
    if not isinstance(state, str) or state not in accepted:
        raise invalid_value("state", "" if state is None else state)
    return state


def _position(locator: str | None) -> int:
    """The number that a locator stands for."""
    if not locator:
        return 0
    try:
        decoded = b64decode(locator + "=" * (-len(locator) % 4), validate=True).decode("ascii")
    except ValueError:
        decoded = ""
    if not re.fullmatch(r"\d{1,12}", decoded):
        raise _invalid_locator()
    return int(decoded)


def _locator(position: int) -> str:
    return b64encode(str(position).encode()).decode().rstrip("=")


def _invalid_locator() -> ApiError:
    return ApiError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")


def _not_ready(job: Job) -> ApiError:
    return ApiError(400, "INVALIDJOBSTATE", f"The results of a job in state {job.state} cannot be read")


def _csv(body: FileBody, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(content_type=CSV, headers=headers or {}, file=body)


def _route(
    method: str, pattern: str, handler: Handler, what: str, *, takes_file: bool = False, since: float = 0.0
) -> Route:
    path = f"/services/data/v{{version}}/jobs{pattern}"
    first = QUERY_SINCE if pattern.startswith("/query") else INGEST_SINCE
    return Route(method, path, handler, what, takes_file=takes_file, since=since or first)


ROUTES: tuple[Route, ...] = (
    _route("GET", "", root, "Kinds of jobs"),
    _route("POST", "/ingest", create_ingest, "Create an ingest job"),
    _route("GET", "/ingest", partial(listing, INGEST), "Ingest jobs"),
    _route("GET", "/ingest/{id}", partial(info, INGEST), "An ingest job"),
    _route("PATCH", "/ingest/{id}", change_ingest, "Close or abort an ingest job"),
    _route("DELETE", "/ingest/{id}", partial(delete, INGEST), "Delete an ingest job"),
    _route("PUT", "/ingest/{id}/batches", upload, "Upload the data of a job", takes_file=True),
    _route("GET", "/ingest/{id}/successfulResults", partial(rows_of, SUCCESSFUL), "Rows that were written"),
    _route("GET", "/ingest/{id}/failedResults", partial(rows_of, FAILED), "Rows that were refused"),
    _route("GET", "/ingest/{id}/unprocessedrecords", unprocessed, "Rows that were not processed"),
    _route("POST", "/query", create_query, "Create a query job"),
    _route("GET", "/query", partial(listing, QUERY), "Query jobs"),
    _route("GET", "/query/{id}", partial(info, QUERY), "A query job"),
    _route("PATCH", "/query/{id}", change_query, "Abort a query job"),
    _route("DELETE", "/query/{id}", partial(delete, QUERY), "Delete a query job"),
    _route("GET", "/query/{id}/results", query_results, "A page of a query's rows"),
    _route("GET", "/query/{id}/resultPages", result_pages, "Pages to fetch at the same time", since=PARALLEL_SINCE),
)
