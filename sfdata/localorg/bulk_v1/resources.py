"""The resources of Bulk API 1.0: jobs, their batches, and what became of these.

https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/asynch_api_reference.htm
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from sfdata.localorg.answers import ApiError
from sfdata.localorg.bulk.jobs import AnyJob
from sfdata.localorg.bulk.results import file_body
from sfdata.localorg.bulk.settings import QUERY_OPERATIONS, check_permission
from sfdata.localorg.bulk.work import FAILED
from sfdata.localorg.bulk_v1.chunking import HEADER, asked_chunking
from sfdata.localorg.bulk_v1.documents import (
    JSON,
    MEDIA_TYPES,
    XML,
    asked_form,
    asked_job,
    document,
    documents,
    result_list,
)
from sfdata.localorg.bulk_v1.entrance import told_in
from sfdata.localorg.bulk_v1.jobs import COMPLETED, NOT_PROCESSED, Batch, ClassicJob, job_info
from sfdata.localorg.bulk_v1.settings import classic_settings
from sfdata.localorg.routing import Answer, Handler, Request, Route

MOST_CHARACTERS = 10_000_000
BASE = "/services/async/{version}/job"


# --- jobs ------------------------------------------------------------------------------------------------------------


def create(request: Request) -> Answer:
    """``POST job``: a job that waits for batches."""
    org = request.org
    settings = classic_settings(asked_job(request), org.definitions.data_schema)
    check_permission(settings, partial(org.permits, request.user_id))
    header = request.headers.get(HEADER.lower()) if settings.operation in QUERY_OPERATIONS else None
    chunking = asked_chunking(header, settings.object, org.schema)
    job = org.classic_bulk.create_job(settings, chunking, request.version, request.user_id)
    return _told(request, job, 201, f"{request.path.rstrip('/')}/{job.id}")


def info(request: Request) -> Answer:
    """``GET job/ID``, also for jobs of Bulk API 2.0."""
    job = request.org.bulk.jobs.get(request.args["id"])
    if job is None:
        raise _no_job(request)
    return _told(request, job)


def change(request: Request) -> Answer:
    """``POST job/ID``: take no more batches, or process none any more."""
    job = _job(request)
    state = asked_job(request).get("state")
    if state == "Closed":
        job.close()
    elif state == "Aborted":
        job.abort()
    else:
        raise ApiError(400, "InvalidJobState", f"Invalid value for state: {'' if state is None else state}")
    return _told(request, job)


def _told(request: Request, job: AnyJob, status: int = 200, location: str | None = None) -> Answer:
    """A job in the form of the request; where it has none, in its own."""
    form = asked_form(request) or (JSON if job.settings.content_type == JSON else XML)
    values = job_info(job)
    return document("jobInfo", {**values, "fastPathEnabled": False} if form == JSON else values, form, status, location)


# --- batches ---------------------------------------------------------------------------------------------------------


def add(request: Request) -> Answer:
    """``POST job/ID/batch``: data, or a query."""
    job = _job_of_version(request)
    if not request.body.strip():
        raise ApiError(400, "ClientInputError", "Unable to find any data to create batch")
    if len(request.body) > MOST_CHARACTERS and len(request.body.decode(errors="replace")) > MOST_CHARACTERS:
        message = f"Failed to read request. Exceeded max size of {MOST_CHARACTERS} characters"
        raise ApiError(400, "ClientInputError", message)
    batch = request.org.classic_bulk.add_batch(job, request.body)
    answer = document("batchInfo", batch.info(), told_in(job), 201, f"{request.path.rstrip('/')}/{batch.id}")
    request.org.classic_bulk.process(batch)
    return answer


def listing(request: Request) -> Answer:
    """``GET job/ID/batch``: every batch of a job."""
    job = _job_of_version(request)
    return documents("batchInfoList", "batchInfo", [batch.info() for batch in list(job.batches)], told_in(job))


def batch_info(request: Request) -> Answer:
    """``GET job/ID/batch/ID``."""
    batch = _batch(request)
    return document("batchInfo", batch.info(), told_in(batch.job))


def batch_request(request: Request) -> Answer:
    """``GET job/ID/batch/ID/request``: the data as they came."""
    batch = _batch(request)
    return _file(batch, batch.data)


def batch_result(request: Request) -> Answer:
    """``GET job/ID/batch/ID/result``: what became of the rows, or the list of a query's results."""
    batch = _batch(request)
    if batch.settings.operation not in QUERY_OPERATIONS:
        return _result(batch)
    if batch.state not in (COMPLETED, FAILED, NOT_PROCESSED):
        raise _not_completed()
    return result_list([batch.result_id] if batch.state == COMPLETED else [], told_in(batch.job))


def query_result(request: Request) -> Answer:
    """``GET job/ID/batch/ID/result/ID``: the rows of a query."""
    batch = _batch(request)
    if request.args["result"][:15] != batch.result_id or batch.settings.operation not in QUERY_OPERATIONS:
        raise ApiError(400, "InvalidBatch", f"Unable to find result: {request.args['result']}")
    return _result(batch)


def _result(batch: Batch) -> Answer:
    if batch.state in (FAILED, NOT_PROCESSED):
        raise ApiError(400, "InvalidBatch", "Records not processed")
    if batch.state != COMPLETED:
        raise _not_completed()
    return _file(batch, batch.result)


def _file(batch: Batch, path: Path) -> Answer:
    """A file of a batch, which is in the form of its job."""
    return Answer(content_type=MEDIA_TYPES[batch.settings.content_type], file=file_body("", path))


def _not_completed() -> ApiError:
    return ApiError(400, "InvalidBatch", "Batch not completed")


# --- what a path names -----------------------------------------------------------------------------------------------


def _job(request: Request) -> ClassicJob:
    job = request.org.bulk.jobs.get(request.args["id"])
    if not isinstance(job, ClassicJob):
        raise _no_job(request)
    return job


def _job_of_version(request: Request) -> ClassicJob:
    """The job, if it was created with the version of the request, as everything about batches must be."""
    job = _job(request)
    if float(job.version) != float(request.version):
        message = f"API version {request.version} does not match {job.version}, the version of the job"
        raise ApiError(400, "InvalidVersion", message)
    return job


def _batch(request: Request) -> Batch:
    batch = _job_of_version(request).batch(request.args["batch"])
    if batch is None:
        raise ApiError(400, "InvalidBatch", f"Unable to find batch for id: {request.args['batch']}")
    return batch


def _no_job(request: Request) -> ApiError:
    return ApiError(400, "InvalidJob", f"Unable to find job for id: {request.args['id']}")


def _route(method: str, pattern: str, handler: Handler, what: str) -> Route:
    return Route(method, f"{BASE}{pattern}", handler, what)


ROUTES: tuple[Route, ...] = (
    _route("POST", "", create, "Create a job of Bulk API 1.0"),
    _route("GET", "/{id}", info, "A job of Bulk API 1.0"),
    _route("POST", "/{id}", change, "Close or abort it"),
    _route("POST", "/{id}/batch", add, "Add a batch"),
    _route("GET", "/{id}/batch", listing, "The batches of a job"),
    _route("GET", "/{id}/batch/{batch}", batch_info, "A batch"),
    _route("GET", "/{id}/batch/{batch}/request", batch_request, "The data of a batch"),
    _route("GET", "/{id}/batch/{batch}/result", batch_result, "What became of its rows, or the results of a query"),
    _route("GET", "/{id}/batch/{batch}/result/{result}", query_result, "The rows of a query"),
)
