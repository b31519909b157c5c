"""What a worker does for a query: refuse what Bulk cannot query, then write the rows as CSV, some thousands at a time.

The rows are fixed when the work starts (by their numbers, in a scratch table), so that other requests are answered in
between. Values become text in SQL, which was measured to be several times quicker than doing it here.

https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/queries.htm
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal

from sfdata.localorg.answers import ApiError
from sfdata.localorg.bulk.results import RowFile
from sfdata.localorg.bulk.settings import unsupported_entity
from sfdata.localorg.bulk.work import Work
from sfdata.localorg.engine.clauses import Statement
from sfdata.localorg.engine.expressions import FORMATTERS, Expressions
from sfdata.localorg.engine.query import QueryEngine
from sfdata.localorg.engine.reading import parsed
from sfdata.localorg.engine.resolve import Operand, Scope
from sfdata.localorg.engine.select import RowPlan, plan_rows
from sfdata.localorg.engine.sql import Sql, compose
from sfdata.localorg.engine.viewer import viewer
from sfdata.localorg.schema import COMPOUND_TYPES, Schema, SObject
from sfdata.localorg.store import Store
from sfdata.soql.nodes import AGGREGATES, Expression, FieldPath, FunctionCall, Query, SelectField, Subquery, TypeOf

ROWS_AT_ONCE = 5_000
COLUMNS_AS_ASKED_SINCE = 50.0
"""Older API versions put the columns into alphabetical order."""

# SQLite writes 15 digits, and very large and small numbers with an exponent.
NUMBER = (
    "CASE WHEN {0} IS NULL THEN '' "
    "WHEN {0} = 0 OR (abs({0}) BETWEEN 1e-3 AND 1e14 AND CAST(CAST({0} AS TEXT) AS REAL) = {0}) "
    "THEN CAST({0} AS TEXT) "
    "ELSE plain_number({0}) END"
)
PLAIN = "coalesce({0}, '')"
TEXTS: Mapping[str, str] = {
    "boolean": "CASE {0} WHEN 1 THEN 'true' WHEN 0 THEN 'false' ELSE '' END",
    "currency": NUMBER,
    "date": PLAIN,
    "datetime": "coalesce(substr({0}, 1, 23) || 'Z', '')",
    "double": NUMBER,
    "id": PLAIN,
    "int": "coalesce(CAST({0} AS TEXT), '')",
    "long": "coalesce(CAST({0} AS TEXT), '')",
    "percent": NUMBER,
    "reference": PLAIN,
    "time": PLAIN,
}
"""How SQLite writes a value of each type; of every other type, with its quotes doubled."""

QUOTED_TEXT = "coalesce(replace({0}, '\"', '\"\"'), '')"


@dataclass(frozen=True, slots=True)
class OutputColumn:
    """A column of the result: its name in the header, and the text of its values, quotes doubled."""

    name: str
    text: Sql


@dataclass(frozen=True)
class BulkQuery:
    """A query that Bulk can run."""

    sobject: SObject
    plan: RowPlan
    columns: tuple[OutputColumn, ...]


# --- what can be queried ---------------------------------------------------------------------------------------------


def bulk_query(engine: QueryEngine, soql: str, user_id: str, *, include_deleted: bool, version: float) -> BulkQuery:
    """The query of a job of Bulk API 2.0, in an API ``version``.

    Raises:
        ApiError: 400 for SOQL that is wrong, and for what only other APIs can query.
    """
    try:
        statement = bulk_statement(engine, user_id, include_deleted=include_deleted)
        query = csv_query(statement, readable(statement.schema, soql), api="Bulk V2 Query")
    except ApiError as refused:
        code = refused.error_code if refused.error_code == "INVALIDENTITY" else "API_ERROR"
        raise ApiError(refused.status, code, refused.message) from None
    if version >= COLUMNS_AS_ASKED_SINCE:
        return query
    return replace(query, columns=tuple(sorted(query.columns, key=lambda column: column.name)))


def bulk_statement(engine: QueryEngine, user_id: str, *, include_deleted: bool) -> Statement:
    """Who asks, and of what."""
    with engine.store.lock:
        asking = viewer(engine.store, user_id, engine.clock())
    return Statement(engine.store.schema, asking, include_deleted)


def readable(schema: Schema, soql: str) -> Query:
    """The tree of a query that Bulk can run, in one form of results or another.

    Raises:
        ApiError: for wrong SOQL, and FUNCTIONALITY_NOT_ENABLED for what the API reference lists as unsupported.
    """
    query = parsed(soql)
    sobject = schema.object(query.source.name)
    if sobject is not None and not sobject.queryable:
        raise unsupported_entity(sobject.name)
    if query.is_count:
        raise _unsupported("COUNT not supported in Bulk Query")
    if query.group_by is not None:
        raise _unsupported("Group By not supported in Bulk Query")
    if query.offset is not None:
        raise _unsupported("Offset not supported in Bulk Query")
    for item in query.select:
        match item:
            case SelectField(FunctionCall(name)) if name.upper() in AGGREGATES:
                raise _unsupported("Aggregate functions not supported in Bulk Query")
    return query


def csv_query(statement: Statement, query: Query, *, api: str) -> BulkQuery:
    """A query whose rows fit into CSV. ``api`` is how refusals call what runs it.

    Raises:
        ApiError: FEATURENOTENABLED for what would not fit.
    """
    for item in query.select:
        match item:
            case Subquery():
                raise _unfit(f"Aggregate Relationships not supported in {api} with CSV content type")
            case TypeOf():
                raise _unfit("TypeOf expressions not supported in Bulk Query")
    plan = plan_rows(statement, query)
    columns = tuple(_columns(plan.scope, Expressions(plan.scope, statement.viewer), query, api))
    return BulkQuery(plan.scope.sobject, plan, columns)


def blob_field(where: str) -> ApiError:
    """The refusal of the content of a file."""
    return _unfit(f"Blob field not supported in {where}")


def compound_data() -> ApiError:
    """The refusal of addresses and locations as a whole."""
    return _unsupported("Selecting compound data not supported in Bulk Query")


def _unsupported(message: str) -> ApiError:
    return ApiError(400, "FUNCTIONALITY_NOT_ENABLED", message)


def _unfit(message: str) -> ApiError:
    return ApiError(400, "FEATURENOTENABLED", message)


# --- columns ---------------------------------------------------------------------------------------------------------


def _columns(scope: Scope, expressions: Expressions, query: Query, api: str) -> Iterator[OutputColumn]:
    """The columns in the order of the select list."""
    unnamed = 0
    for item in query.select:
        assert isinstance(item, SelectField), "subqueries and TYPEOF are refused before"
        expression = item.expression
        if isinstance(expression, FunctionCall) and expression.name.upper() == "FIELDS":
            yield from _field_group(scope, expression)
            continue
        operand = expressions.operand(expression)
        _refuse_type(operand, api)
        if item.alias:
            name = item.alias
        elif isinstance(expression, FunctionCall) and expression.name.upper() not in FORMATTERS:
            name = f"expr{unnamed}"
            unnamed += 1
        else:
            name = _dotted_name(scope, expression, operand)
        yield OutputColumn(name, _text(operand))


def _field_group(scope: Scope, call: FunctionCall) -> Iterator[OutputColumn]:
    """The fields that FIELDS() stands for, as far as CSV can hold them."""
    group = str(call.args[0]).upper()
    for field in scope.sobject.fields:
        if field.stored and field.type != "base64" and (group == "ALL" or field.custom == (group == "CUSTOM")):
            operand = scope.operand(FieldPath((field.name,), call.pos))
            yield OutputColumn(operand.name, _text(operand))


def _refuse_type(operand: Operand, api: str) -> None:
    kind = operand.field.type if operand.field else operand.type
    if kind in COMPOUND_TYPES:
        raise compound_data()
    if kind == "base64":
        raise blob_field(f"{api} with CSV content type")


def _dotted_name(scope: Scope, expression: Expression, operand: Operand) -> str:
    """``Owner.Name``, spelled as the schema does."""
    path: Expression | object = expression
    while isinstance(path, FunctionCall):
        path = path.args[0]
    assert isinstance(path, FieldPath)
    relationships, _ = scope.split(path)
    names = [
        scope.relationship_name(scope.entity(relationships[:depth], path.pos), relationship, path.pos)
        for depth, relationship in enumerate(relationships)
    ]
    return ".".join([*names, operand.name])


def _text(operand: Operand) -> Sql:
    template = TEXTS.get(operand.type, QUOTED_TEXT)
    return compose(template.replace("{0}", "{}"), *[operand.sql] * template.count("{0}"))


def plain_number(value: float) -> str:
    """A number to its last digit and without an exponent."""
    text = format(Decimal(repr(value)), "f")
    return text if "." in text else f"{text}.0"


# --- the run ---------------------------------------------------------------------------------------------------------


def run_extract(work: Work, query: BulkQuery, store: Store) -> None:
    """Write the rows of a query to the work's folder."""
    dialect, rows = work.settings.dialect, RowFile(work.folder)
    with fixed_rows(work, query.plan, store) as (table, total):
        work.suffer()
        rows.append([dialect.line(column.name for column in query.columns).encode()])
        for start in range(0, total, ROWS_AT_ONCE):
            # The store first, then the work: in the order in which a request may take both.
            with store.lock, work.step():
                found = _values(query, store, table, start)
                rows.append(dialect.quoted(values).encode() for values in found)
                work.processed += len(found)
            work.suffer()


@contextmanager
def fixed_rows(work: Work, plan: RowPlan, store: Store) -> Iterator[tuple[str, int]]:
    """The scratch table with the numbers of the rows, and how many there are."""
    table = f'temp."rows_{work.id}"'
    try:
        yield table, _fix_rows(work, plan, store, table)
    finally:
        with store.lock:
            store.connection.execute(f"DROP TABLE IF EXISTS {table}")


def _fix_rows(work: Work, plan: RowPlan, store: Store, table: str) -> int:
    with store.lock, work.step():
        connection = store.connection
        connection.create_function("plain_number", 1, plain_number, deterministic=True)
        connection.execute(f"CREATE TABLE {table} (position INTEGER PRIMARY KEY, row INTEGER NOT NULL)")
        numbers = plan.numbers()
        return connection.execute(f"INSERT INTO {table} (row) {numbers.text}", numbers.params).rowcount


def _values(query: BulkQuery, store: Store, table: str, start: int) -> Sequence[Sequence[str]]:
    statement = query.plan.numbered((column.text for column in query.columns), table, start, start + ROWS_AT_ONCE)
    return store.connection.execute(statement.text, statement.params).fetchall()
