"""What a worker does for a batch that is a query: split it, or write its rows in the form of the job.

https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/asynch_api_using_bulk_query.htm
"""

from __future__ import annotations

from collections.abc import Mapping

from sfdata.localorg.answers import ApiError
from sfdata.localorg.bulk.extract import bulk_statement, csv_query, fixed_rows, readable, run_extract
from sfdata.localorg.bulk.results import RowFile
from sfdata.localorg.bulk_v1.documents import CSV
from sfdata.localorg.bulk_v1.jobs import Batch
from sfdata.localorg.bulk_v1.records import BETWEEN, HEADS, TAILS, encoded, told_plan
from sfdata.localorg.engine.clauses import Statement
from sfdata.localorg.engine.layout import Layout
from sfdata.localorg.engine.query import QueryEngine
from sfdata.localorg.engine.select import plan_rows
from sfdata.localorg.schema import Schema
from sfdata.soql.nodes import FunctionCall, Query, SelectField

API = "Bulk Query"
RECORDS_AT_ONCE = 1_000
NO_RECORDS = b"Records not found for this query"
"""The whole of a result in CSV, where there is no row."""

STATE_CODES: Mapping[str, str] = {
    "ExceededQuota": "ExceededQuota",
    "FEATURENOTENABLED": "FeatureNotEnabled",
    "INVALIDENTITY": "InvalidEntity",
}
"""Refusals that are told for themselves, not as a fault of the query."""


def asked_query(batch: Batch, schema: Schema, soql: str) -> Query:
    """The query that a batch is.

    Raises:
        ApiError: for wrong SOQL, for what only other APIs can query, and for another object than the job's.
    """
    query = readable(schema, soql)
    asked, meant = schema.object(query.source.name), batch.settings.object
    if asked is not None and asked is not meant:
        message = (
            f"The root entity of the requested query ({asked.name}) does not match the entity of the requested "
            f"Bulk API Job ({meant.name})."
        )
        raise ApiError(400, "INVALID_TYPE_FOR_OPERATION", message)
    return query


def run_query(batch: Batch, engine: QueryEngine, query: Query) -> None:
    """Write the rows of a batch's query.

    Raises:
        ApiError: for a query that cannot be run.
    """
    deleted = batch.settings.operation == "queryAll"
    statement = bulk_statement(engine, batch.created_by, include_deleted=deleted)
    if batch.settings.content_type == CSV:
        run_extract(batch, csv_query(statement, query, api=API), engine.store)
        if batch.processed:
            RowFile(batch.folder).path.replace(batch.result)
        else:
            batch.result.write_bytes(NO_RECORDS)
    else:
        _run_records(batch, engine, statement, query)


def _run_records(batch: Batch, engine: QueryEngine, statement: Statement, query: Query) -> None:
    form, store = batch.settings.content_type, engine.store
    plan = told_plan(plan_rows(statement, query), form, dropping=_has_field_group(query))
    base = f"/services/data/v{batch.job.version}"
    pages, between = engine.pages(base), b""
    with batch.result.open("wb") as file, fixed_rows(batch, plan, store) as (table, total):
        file.write(HEADS[form])
        for start in range(0, total, RECORDS_AT_ONCE):
            # The store first, then the batch: in the order in which a request may take both.
            with store.lock, batch.step():
                layout = Layout(plan.record, base)
                wanted = plan.numbered(layout.columns, table, start, start + RECORDS_AT_ONCE)
                rows = store.connection.execute(wanted.text, wanted.params).fetchall()
                for record in pages.records(layout, rows):
                    file.write(between + encoded(record, form))
                    between = BETWEEN[form]
                batch.processed += len(rows)
        file.write(TAILS[form])


def _has_field_group(query: Query) -> bool:
    """Whether the fields are named by FIELDS(), which stands for those that can be given."""
    named = (item.expression for item in query.select if isinstance(item, SelectField))
    return any(isinstance(call, FunctionCall) and call.name.upper() == "FIELDS" for call in named)


def state_message(refused: ApiError) -> str:
    """A refused query as the state of its batch tells it."""
    if refused.error_code in STATE_CODES:
        return f"{STATE_CODES[refused.error_code]} : {refused.message}"
    return f"InvalidBatch : Failed to process query: {refused.error_code}: {refused.message}"
