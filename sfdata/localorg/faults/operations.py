"""What the requests that faults are meant for are called: a name for each resource and method clients use.

The patterns are those of the route table, below ``/services/data/vXX.X`` where they do not begin with a slash.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase

from sfdata.localorg.routing import path_regex

DATA = "/services/data/v{version}"
OTHER = "other"
"""The name of every request that has none of its own."""

PATTERNS: Mapping[str, tuple[str, ...]] = {
    "token": ("POST /services/oauth2/token",),
    "introspect": ("POST /services/oauth2/introspect",),
    "revoke": ("POST /services/oauth2/revoke", "GET /services/oauth2/revoke"),
    "userinfo": ("GET /services/oauth2/userinfo", "POST /services/oauth2/userinfo"),
    "versions": ("GET /services/data",),
    "describe_global": ("GET sobjects",),
    "describe": ("GET sobjects/{name}/describe",),
    "limits": ("GET limits",),
    "record_count": ("GET limits/recordCount",),
    "query": ("GET query", "GET queryAll"),
    "query_more": ("GET query/{locator}", "GET queryAll/{locator}"),
    "search": ("GET search", "GET parameterizedSearch", "POST parameterizedSearch"),
    "updated": ("GET sobjects/{name}/updated",),
    "deleted": ("GET sobjects/{name}/deleted",),
    "create": ("POST sobjects/{name}",),
    "get": ("GET sobjects/{name}/{key}", "GET sobjects/{name}/{key}/{value}"),
    "update": ("PATCH sobjects/{name}/{key}",),
    "upsert": ("PATCH sobjects/{name}/{key}/{value}",),
    "delete": ("DELETE sobjects/{name}/{key}", "DELETE sobjects/{name}/{key}/{value}"),
    "collections_create": ("POST composite/sobjects",),
    "collections_update": ("PATCH composite/sobjects",),
    "collections_upsert": ("PATCH composite/sobjects/{name}/{key}",),
    "collections_delete": ("DELETE composite/sobjects",),
    "collections_get": ("GET composite/sobjects/{name}", "POST composite/sobjects/{name}"),
    "composite": ("POST composite",),
    "composite_batch": ("POST composite/batch",),
    "composite_graph": ("POST composite/graph",),
    "composite_tree": ("POST composite/tree/{name}",),
    "ingest_create": ("POST jobs/ingest",),
    "ingest_list": ("GET jobs/ingest",),
    "ingest_info": ("GET jobs/ingest/{id}",),
    "ingest_close": ("PATCH jobs/ingest/{id}",),
    "ingest_delete": ("DELETE jobs/ingest/{id}",),
    "ingest_upload": ("PUT jobs/ingest/{id}/batches",),
    "ingest_successful": ("GET jobs/ingest/{id}/successfulResults",),
    "ingest_failed": ("GET jobs/ingest/{id}/failedResults",),
    "ingest_unprocessed": ("GET jobs/ingest/{id}/unprocessedrecords",),
    "query_job_create": ("POST jobs/query",),
    "query_job_list": ("GET jobs/query",),
    "query_job_info": ("GET jobs/query/{id}",),
    "query_job_abort": ("PATCH jobs/query/{id}",),
    "query_job_delete": ("DELETE jobs/query/{id}",),
    "query_results": ("GET jobs/query/{id}/results",),
    "query_pages": ("GET jobs/query/{id}/resultPages",),
}
"""An abort of an ingest job is an ``ingest_close``, too: the two differ in their bodies only."""


def _compiled(text: str) -> tuple[str, re.Pattern[str]]:
    method, _, pattern = text.partition(" ")
    return method, path_regex(pattern if pattern.startswith("/") else f"{DATA}/{pattern}")


_COMPILED = tuple((name, *_compiled(text)) for name, texts in PATTERNS.items() for text in texts)


def operation(method: str, path: str) -> str:
    """The name of a request; ``other`` where it has none."""
    return next((name for name, verb, regex in _COMPILED if verb == method and regex.fullmatch(path)), OTHER)


def is_known(pattern: str) -> bool:
    """Whether ``pattern``, in which ``*`` stands for any letters, fits at least one name."""
    return any(fnmatchcase(name, pattern) for name in (*PATTERNS, OTHER))
