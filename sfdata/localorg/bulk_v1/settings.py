"""What a client asks of a new job of Bulk API 1.0, checked.

https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/asynch_api_jobs_create.htm
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sfdata.localorg.answers import ApiError
from sfdata.localorg.bulk.dialect import Dialect
from sfdata.localorg.bulk.settings import (
    INGEST_OPERATIONS,
    QUERY_OPERATIONS,
    JobSettings,
    asked_object,
    invalid_job,
    settings_to_write,
    unsupported_entity,
)
from sfdata.localorg.bulk_v1.documents import CSV, JSON, XML
from sfdata.localorg.schema import Schema, SObject

CONTENT_TYPES = frozenset({CSV, JSON, XML})
BINARY = frozenset({"ZIP_CSV", "ZIP_JSON", "ZIP_XML"})
CONCURRENCY_MODES = ("Parallel", "Serial")
"""In the order of their numbers, by which JSON may name them too."""

ANY_FORM = Dialect(any_ending=True)


def classic_settings(asked: Mapping[str, Any], schema: Schema) -> JobSettings:
    """The settings of a job.

    Raises:
        ApiError: 400 with what is wrong first; 501 for binary attachments.
    """
    nested = next((name for name, value in asked.items() if isinstance(value, Mapping | list)), None)
    if nested is not None:
        raise invalid_job(f"Invalid value for {nested}: {asked[nested]}")
    operation = asked.get("operation")
    form, mode = _content_type(asked.get("contentType")), _concurrency_mode(asked.get("concurrencyMode"))
    if operation in INGEST_OPERATIONS:
        made = settings_to_write(_filled(asked), str(operation), ANY_FORM, schema)
    elif operation in QUERY_OPERATIONS:
        made = JobSettings(str(operation), _queryable(asked_object(asked, schema)), ANY_FORM)
    else:
        raise invalid_job(f"Invalid value for operation: {'' if operation is None else operation}")
    return replace(made, content_type=form, concurrency_mode=mode)


def _filled(asked: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without what is empty, as an element of XML may be."""
    return {key: value for key, value in asked.items() if value != ""}


def _queryable(sobject: SObject) -> SObject:
    if not sobject.queryable:
        raise unsupported_entity(sobject.name)
    return sobject


def _content_type(given: Any) -> str:
    if given in BINARY:
        raise ApiError(501, "FeatureNotEnabled", f"The local org does not serve binary attachments ({given}) yet.")
    form = XML if given in (None, "") else given
    if form not in CONTENT_TYPES:
        raise invalid_job(f"Invalid value for contentType: {given}")
    return str(form)


def _concurrency_mode(given: Any) -> str:
    if given in (None, ""):
        return CONCURRENCY_MODES[0]
    if isinstance(given, int) and given in range(len(CONCURRENCY_MODES)):
        return CONCURRENCY_MODES[given]
    if given not in CONCURRENCY_MODES:
        raise invalid_job(f"Invalid value for concurrencyMode: {given}")
    return str(given)
