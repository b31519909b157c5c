"""What a client asks of a new job: the body of the create call, checked as Salesforce checks it.

https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/create_job.htm
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sfdata.localorg.answers import ApiError
from sfdata.localorg.bulk.dialect import DELIMITERS, LINE_ENDINGS, Dialect
from sfdata.localorg.ids import normalize
from sfdata.localorg.records.body_places import place
from sfdata.localorg.records.validation import printable
from sfdata.localorg.routing import Request
from sfdata.localorg.schema import Schema, SObject

INGEST_OPERATIONS = frozenset({"insert", "update", "upsert", "delete", "hardDelete"})
QUERY_OPERATIONS = frozenset({"query", "queryAll"})
CONTENT_TYPES = frozenset({"CSV"})
ASSIGNMENT_RULE = "01Q"
CONCURRENCY_MODES = frozenset({"Parallel", "Serial"})

JOB_PROPERTIES = frozenset(
    {
        "apexProcessingTime",
        "apiActiveProcessingTime",
        "apiVersion",
        "assignmentRuleId",
        "columnDelimiter",
        "concurrencyMode",
        "contentType",
        "contentUrl",
        "createdById",
        "createdDate",
        "errorMessage",
        "externalIdFieldName",
        "id",
        "isPkChunkingSupported",
        "jobType",
        "lineEnding",
        "numberRecordsFailed",
        "numberRecordsProcessed",
        "object",
        "operation",
        "query",
        "retries",
        "state",
        "systemModstamp",
        "totalProcessingTime",
    }
)
"""Every property of a job; in a create call those that are not the client's to set have no effect."""


@dataclass(frozen=True, slots=True)
class JobSettings:
    """What was asked of a job of either Bulk API. ``external_id_field`` stays as it was written."""

    operation: str
    object: SObject
    dialect: Dialect
    external_id_field: str | None = None
    assignment_rule_id: str | None = None
    content_type: str = "CSV"
    concurrency_mode: str = "Parallel"


def ingest_settings(asked: Mapping[str, Any], schema: Schema) -> JobSettings:
    """The settings of a job that writes.

    Raises:
        ApiError: 400 with what is wrong first.
    """
    operation = _choice(asked, "operation", INGEST_OPERATIONS)
    dialect = asked_dialect(asked)
    return settings_to_write(asked, operation, dialect, schema)


def settings_to_write(asked: Mapping[str, Any], operation: str, dialect: Dialect, schema: Schema) -> JobSettings:
    """What both Bulk APIs check alike: the object, the key of an upsert, the assignment rule.

    Raises:
        ApiError: 400 with what is wrong first.
    """
    sobject = asked_object(asked, schema)
    if not (sobject.createable or sobject.updateable or sobject.deletable):
        raise unsupported_entity(sobject.name)
    external_id = _external_id(asked.get("externalIdFieldName"), sobject) if operation == "upsert" else None
    return JobSettings(operation, sobject, dialect, external_id, _assignment_rule(asked.get("assignmentRuleId")))


def asked_object(asked: Mapping[str, Any], schema: Schema) -> SObject:
    """The object that a job is for."""
    name = asked.get("object")
    sobject = schema.object(name) if isinstance(name, str) else None
    if sobject is None:
        raise invalid_job(f"Unable to find object: {name if name is not None else ''}")
    return sobject


def check_permission(settings: JobSettings, permits: Callable[[str], bool]) -> None:
    """Do nothing, unless the job deletes for good: ``permits`` tells whether its user has a permission.

    Raises:
        ApiError: FEATURENOTENABLED.
    """
    if settings.operation == "hardDelete" and not permits("BulkApiHardDelete"):
        message = (
            "hardDelete operation requires special user profile permission, please contact your system administrator"
        )
        raise ApiError(400, "FEATURENOTENABLED", message)


def job_body(request: Request) -> Mapping[str, Any]:
    """The JSON object of a request, if it has no other keys than a job has properties."""
    body = request.json
    if not isinstance(body, Mapping):
        where = place(request.body, [])
        raise ApiError(400, "JSON_PARSER_ERROR", f"Cannot deserialize instance of JobInfo at {where}")
    unknown = next((key for key in body if key not in JOB_PROPERTIES), None)
    if unknown is not None:
        where = place(request.body, [unknown])
        raise ApiError(400, "JSON_PARSER_ERROR", f'Unrecognized field "{printable(unknown)}" at {where}')
    return body


def asked_dialect(asked: Mapping[str, Any]) -> Dialect:
    """The form of the CSV; commas and LF where nothing is said."""
    _choice(asked, "contentType", CONTENT_TYPES, "CSV")
    _choice(asked, "concurrencyMode", CONCURRENCY_MODES, "Parallel")
    return Dialect(
        _choice(asked, "columnDelimiter", DELIMITERS, "COMMA"), _choice(asked, "lineEnding", LINE_ENDINGS, "LF")
    )


def asked_query_operation(asked: Mapping[str, Any]) -> str:
    """``query`` or ``queryAll``."""
    return _choice(asked, "operation", QUERY_OPERATIONS)


def unsupported_entity(name: str) -> ApiError:
    """The refusal of an object that the Bulk API leaves out."""
    return ApiError(400, "INVALIDENTITY", f"Entity '{name}' is not supported by the Bulk API.")


def invalid_value(name: str, value: object) -> ApiError:
    """The refusal of a value that a property cannot have."""
    return ApiError(400, "API_ERROR", f"Invalid value: '{value}' supplied for property: '{name}'")


def _choice(asked: Mapping[str, Any], name: str, values: Collection[str], default: str | None = None) -> str:
    value = asked.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, str) or value not in values:
        raise invalid_value(name, "" if value is None else value)
    return value


def _external_id(name: Any, sobject: SObject) -> str:
    if name is None:
        problem = f"External ID was blank for {sobject.name}. An External ID must be specified for upsert."
        raise invalid_job(problem)
    field = sobject.field(name) if isinstance(name, str) else None
    if field is None or not field.is_key:
        problem = f"Field name provided, {name} does not match an External ID, Salesforce Id, or indexed field for "
        raise invalid_job(problem + sobject.name)
    return str(name)


def _assignment_rule(rule_id: Any) -> str | None:
    if rule_id is None:
        return None
    known = normalize(rule_id) if isinstance(rule_id, str) else None
    if known is None or not known.startswith(ASSIGNMENT_RULE):
        raise invalid_job(f"Invalid assignment rule id: {rule_id}")
    return known


def invalid_job(problem: str) -> ApiError:
    """The refusal of a job that cannot be."""
    return ApiError(400, "INVALIDJOB", f"InvalidJob : {problem}")
