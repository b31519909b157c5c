"""Plans for queries whose rows are records: what to select, from which rows, in which order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sfdata.localorg.engine import refusals
from sfdata.localorg.engine.clauses import Clauses, Statement, clauses
from sfdata.localorg.engine.expressions import DATE_PARTS, FORMATTERS, Expressions, coordinate_fields
from sfdata.localorg.engine.layout import Blob, Children, Choice, Compound, Record, Slot, Value
from sfdata.localorg.engine.resolve import Entity, Operand, Scope, Table, open_scope, queryable
from sfdata.localorg.engine.sql import NULL, Sql, all_of, compose, join, value
from sfdata.localorg.schema import Field, SObject
from sfdata.soql.nodes import FieldPath, FunctionCall, Query, SelectField, Subquery, TypeOf

MAX_SUBQUERIES = 20
MAX_LEVELS = 5
MAX_FIELDS_ROWS = 200
# A page of rows with two or more long texts is shorter.
WIDE_PAGE = 200
LONG_TEXT = 255

_ADDRESS = "city country countryCode geocodeAccuracy latitude longitude postalCode state stateCode street"
ADDRESS_PARTS = tuple(_ADDRESS.split())
OPTIONAL_ADDRESS_PARTS = frozenset({"countryCode", "stateCode"})
FIELD_GROUPS = frozenset({"ALL", "STANDARD", "CUSTOM"})


@dataclass(frozen=True)
class RowPlan:
    """A query for records: the object it answers with, and the clauses that choose its rows.

    ``link`` is the column that holds the parent's Id, where the plan is a child subquery. ``page_size`` is set where
    the rows are too wide for a whole page.
    """

    record: Record
    clauses: Clauses
    link: Sql | None = None
    page_size: int | None = None

    @property
    def scope(self) -> Scope:
        return self.clauses.scope

    def rows(self, columns: Iterable[Sql], limit: int) -> Sql:
        """The first rows, at most ``limit``."""
        return compose("SELECT {} {}", join(", ", columns), self.clauses.tail(limit))

    def numbers(self, parent_id: str | None = None) -> Sql:
        """The numbers of all rows, in order; of one parent's children where its Id is given."""
        chosen = self.clauses
        if parent_id is not None and self.link is not None:
            chosen = replace(chosen, where=all_of([compose("{} = {}", self.link, value(parent_id)), chosen.where]))
        return compose("SELECT {} {}", self.scope.row, chosen.tail())

    def numbered(self, columns: Iterable[Sql], table: str, after: int, upto: int) -> Sql:
        """The rows whose numbers stand in ``table`` at a position above ``after``, up to ``upto``."""
        return compose(
            "SELECT {} FROM {} s {} WHERE s.position > {} AND s.position <= {} ORDER BY s.position",
            join(", ", columns),
            table,
            self._joined_by_number,
            value(after),
            value(upto),
        )

    def family(self, columns: Iterable[Sql], parent_ids: str, most: int) -> Sql:
        """The children of many parents (a JSON list of Ids): parent, how many it has, and the columns of each child.

        LIMIT and OFFSET count for each parent; of no parent come more than ``most``.
        """
        link, chosen = self.link or NULL, self.clauses
        ranked = compose(
            "SELECT {} AS row, {} AS parent, row_number() OVER (PARTITION BY {} ORDER BY {}) AS position, "
            "count(*) OVER (PARTITION BY {}) AS total "
            "FROM {} WHERE {} IN (SELECT value FROM json_each({})) AND ({})",
            *(self.scope.row, link, link, chosen.order, link),
            *(self.scope.tables, link, value(parent_ids), chosen.where),
        )
        last = chosen.offset + min(n for n in (most, chosen.limit) if n is not None)
        return compose(
            "WITH s AS ({}) SELECT s.parent, s.total, {} FROM s {} "
            "WHERE s.position > {} AND s.position <= {} ORDER BY s.position",
            ranked,
            join(", ", columns),
            self._joined_by_number,
            value(chosen.offset),
            value(last),
        )

    @property
    def _joined_by_number(self) -> Sql:
        joined = compose("JOIN {} ON {} = s.row", self.scope.source, self.scope.row)
        return join(" ", [joined, *self.scope.joins])


def plan_rows(statement: Statement, query: Query) -> RowPlan:
    """The plan of a query for records.

    Raises:
        ApiError: for whatever Salesforce refuses in it.
    """
    sobject = queryable(statement.schema, query.source.name, query.text, query.source.pos)
    scope = open_scope(statement.schema, sobject, query, statement.aliases)
    return _plan(statement, scope, query, level=1)


def plan_children(statement: Statement, outer: Scope, query: Query, level: int) -> tuple[str, RowPlan]:
    """The name of the child relationship a subquery reads, and its plan."""
    *own, name = query.source.path
    known = not own or (len(own) == 1 and outer.names.get(own[0].casefold()) == ())
    relationship = statement.schema.child(outer.sobject.name, name) if known else None
    child = statement.schema.object(relationship.object) if relationship else None
    if relationship is None or relationship.name is None or child is None:
        wrong = name if known else query.source.name
        raise refusals.unknown_relationship(wrong, query.text, query.source.pos, "FROM part of query call")
    if query.is_aggregate:
        raise refusals.malformed("only root queries support aggregate expressions", query.text, query.pos)
    if level > MAX_LEVELS:
        message = f"SOQL relationship queries support at most {MAX_LEVELS} levels of parent-to-child relationships"
        raise refusals.malformed(message, query.text, query.pos)
    scope = open_scope(statement.schema, child, query, statement.aliases, name)
    plan = _plan(statement, scope, query, level, linked=True)
    return relationship.name, replace(plan, link=scope.table.column(relationship.field))


def _plan(statement: Statement, scope: Scope, query: Query, level: int, linked: bool = False) -> RowPlan:
    selection = Selection(statement, scope, query, level)
    for item in query.select:
        selection.add(item)
    record = selection.record
    wide = sum(_is_long_text(scope.sobject, key) for key in record.slots) > 1
    return RowPlan(record, clauses(statement, scope, query, linked), page_size=WIDE_PAGE if wide else None)


class Selection:
    """Collects the select list of one query into a record."""

    def __init__(self, statement: Statement, scope: Scope, query: Query, level: int) -> None:
        self.statement = statement
        self.scope = scope
        self.query = query
        self.level = level
        self.expressions = Expressions(scope, statement.viewer)
        self.record = Record(scope.root)
        self._subqueries = 0
        self._unnamed = 0

    def add(self, item: SelectField | TypeOf | Subquery) -> None:
        """Take up one item of the select list."""
        match item:
            case Subquery(query):
                self._add_children(query)
            case TypeOf():
                self._add_choice(item)
            case SelectField(FieldPath() as path, alias):
                if alias is not None:
                    raise self._malformed("only aggregate expressions use field aliasing", path.pos)
                relationships, name = self.scope.split(path)
                self._add_field(self._parent(self.record, (), relationships, path.pos), name, path)
            case SelectField(FunctionCall() as call, alias):
                self._add_function(call, alias)

    def _malformed(self, message: str, pos: int) -> Exception:
        return refusals.malformed(message, self.query.text, pos)

    # --- fields ------------------------------------------------------------------------------------------------------

    def _parent(self, record: Record, place: tuple[str, ...], relationships: Sequence[str], pos: int) -> Record:
        """The record at the end of these relationships from ``record``, each made where it is first mentioned.

        ``place`` is the path of ``record`` from the query's own.
        """
        self.scope.check_depth((*place, *relationships), pos)
        for relationship in relationships:
            place = (*place, relationship)
            name = self.scope.relationship_name(record.entity, relationship, pos)
            parent = record.slots.get(name)
            if not isinstance(parent, Record):
                parent = Record(self.scope.parent(record.entity, relationship, place, pos))
                _put(record, name, parent)
            record = parent
        return record

    def _add_field(self, record: Record, name: str, path: FieldPath) -> None:
        operand = self.scope.entity_field(record.entity, name, path)
        _put(record, operand.name, slot(record.entity, operand))

    def _add_function(self, call: FunctionCall, alias: str | None) -> None:
        name = call.name.upper()
        if name == "FIELDS":
            self._add_field_group(call)
        elif name in FORMATTERS:
            operand = self.expressions.operand(call)
            made = Value(operand.sql)
            if alias is not None:
                _put(self.record, alias, made)
            else:
                relationships, _ = self.scope.split(_innermost(call))
                _put(self._parent(self.record, (), relationships, call.pos), operand.name, made)
        elif name in DATE_PARTS:
            raise refusals.not_grouped(self.expressions.operand(call).name, self.query.text, call.pos)
        else:
            _put(self.record, alias or self._next_name(), Value(self.expressions.operand(call).sql))

    def _next_name(self) -> str:
        self._unnamed += 1
        return f"expr{self._unnamed - 1}"

    def _add_field_group(self, call: FunctionCall) -> None:
        group = str(call.args[0]).upper() if len(call.args) == 1 else ""
        if group not in FIELD_GROUPS:
            raise self._malformed(f"Invalid FIELDS function argument: {group or 'none'}", call.pos)
        limit = self.query.limit
        if group != "STANDARD" and (not isinstance(limit, int) or limit > MAX_FIELDS_ROWS):
            message = f"The SOQL FIELDS function must have a LIMIT of at most {MAX_FIELDS_ROWS}"
            raise refusals.refuse("MALFORMED_QUERY", message)
        for f in self.scope.sobject.fields:
            if group == "ALL" or f.custom == (group == "CUSTOM"):
                self._add_field(self.record, f.name, FieldPath((f.name,), call.pos))

    # --- children and polymorphic parents ----------------------------------------------------------------------------

    def _add_children(self, query: Query) -> None:
        self._subqueries += 1
        if self._subqueries > MAX_SUBQUERIES:
            raise self._malformed(f"Maximum number of subqueries exceeded: {MAX_SUBQUERIES}", query.pos)
        name, plan = plan_children(self.statement, self.scope, query, self.level + 1)
        _put(self.record, name, Children(self.scope.root, plan))

    def _add_choice(self, choice: TypeOf) -> None:
        place, _ = self.scope.split(FieldPath((*choice.relationship.parts, "Id"), choice.pos))
        entity = self.scope.entity(place, choice.pos)
        if not entity.polymorphic:
            message = f"TYPEOF can only be used with a polymorphic relationship: {choice.relationship}"
            raise self._malformed(message, choice.pos)
        tables = {table.sobject.name.casefold(): table for table in entity.tables}
        branches: dict[str, Record] = {}
        for branch in choice.branches:
            table = tables.get(branch.object.casefold())
            if table is None:
                raise refusals.unknown_object(branch.object, self.query.text, choice.pos)
            chosen = Record(Entity((table,)))
            self._add_paths(chosen, (*place, f"#{table.alias}"), branch.fields)
            branches[table.sobject.name] = chosen
        otherwise = None
        if choice.otherwise is not None:
            otherwise = Record(entity, concrete=True)
            self._add_paths(otherwise, place, choice.otherwise)
        outer = self._parent(self.record, (), place[:-1], choice.pos)
        _put(
            outer,
            self.scope.relationship_name(outer.entity, place[-1], choice.pos),
            Choice(entity, branches, otherwise),
        )

    def _add_paths(self, record: Record, place: tuple[str, ...], paths: Sequence[FieldPath]) -> None:
        for path in paths:
            *relationships, name = path.parts
            self._add_field(self._parent(record, place, relationships, path.pos), name, path)


def slot(entity: Entity, operand: Operand) -> Slot:
    """How a field is answered."""
    f = operand.field
    if f is None:
        return Value(operand.sql, operand.type)
    table = entity.tables[0]
    if f.type == "base64":
        return Blob(operand.sql, table.sobject.name, f.name)
    if f.type == "address":
        return Compound(_address(table, f))
    if f.type == "location":
        parts = coordinate_fields(table.sobject.fields, f) or ()
        return Compound({key: table.column(p.name) for key, p in zip(("latitude", "longitude"), parts, strict=False)})
    return Value(operand.sql, operand.type)


def _address(table: Table, compound: Field) -> dict[str, Sql]:
    fields = [f for f in table.sobject.fields if f.compound == compound.name]
    parts: dict[str, Sql] = {}
    for key in ADDRESS_PARTS:
        part = next((f for f in fields if f.name.casefold().endswith(key.casefold())), None)
        if part is not None:
            parts[key] = table.column(part.name)
        elif key not in OPTIONAL_ADDRESS_PARTS:
            parts[key] = NULL
    return parts


def _innermost(call: FunctionCall) -> FieldPath:
    argument = call.args[0]
    if isinstance(argument, FunctionCall):
        return _innermost(argument)
    assert isinstance(argument, FieldPath)
    return argument


def _put(record: Record, key: str, made: Slot) -> None:
    if key in record.slots:
        raise refusals.duplicate_field(key)
    record.slots[key] = made


def _is_long_text(sobject: SObject, name: str) -> bool:
    f = sobject.field(name)
    return f is not None and f.type == "textarea" and f.length > LONG_TEXT
