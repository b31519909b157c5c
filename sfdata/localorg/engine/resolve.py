"""Names to tables: what FROM, parent paths and polymorphic parents mean against the schema.

A `Scope` is one FROM clause. It hands out `Operand` values (SQL, type, field) for field paths and remembers the LEFT
JOINs they need. A parent that may be of several objects (``Who``, ``What``, an owner that is a user or a queue) is one
`Entity` over several tables; its fields are those of Salesforce's ``Name`` object.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sfdata.localorg.engine import refusals
from sfdata.localorg.engine.sql import NULL, Sql, compose, join, value
from sfdata.localorg.schema import Field, Schema, SObject
from sfdata.localorg.tables import ROW, ignores_case, quoted
from sfdata.soql.nodes import FieldPath, Query

MAX_DEPTH = 5
MAX_RELATIONSHIPS = 55
# SQLite joins 64 tables at most; a polymorphic parent needs one for each object it may be of.
MAX_JOINS = 60

NAME_ENTITY = "Name"
# The fields every polymorphic parent has; they are null for objects that lack them.
_NAME_FIELDS = (
    "Id Name Type FirstName LastName MiddleName Suffix Title Email Phone Alias Username IsActive ProfileId UserRoleId "
    "RecordTypeId LastViewedDate LastReferencedDate"
)
NAME_FIELDS = {name.casefold(): name for name in _NAME_FIELDS.split()}


@dataclass(frozen=True, slots=True)
class Operand:
    """A value of a row: its SQL, its Salesforce type, and the field behind it where there is one.

    ``scale`` is the number of its decimal places: a sum has those of the field it adds up.
    """

    sql: Sql
    type: str
    name: str
    field: Field | None = None
    pos: int = 0
    ignores_case: bool = False
    scale: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """An object under its alias in the SQL."""

    sobject: SObject
    alias: str

    def column(self, name: str) -> Sql:
        return Sql(f"{self.alias}.{quoted(name)}")


@dataclass(frozen=True, slots=True)
class Entity:
    """The row a path leads to: of one object, or of one of several."""

    tables: tuple[Table, ...]
    polymorphic: bool = False

    @property
    def name(self) -> str:
        return NAME_ENTITY if self.polymorphic else self.tables[0].sobject.name

    @property
    def id(self) -> Sql:
        return _first_of([table.column("Id") for table in self.tables])

    @property
    def prefixes(self) -> dict[str, str]:
        """Key prefix → object name, for the objects this row may be of."""
        return {t.sobject.key_prefix: t.sobject.name for t in self.tables if t.sobject.key_prefix}


@dataclass
class Aliases:
    """Gives out table aliases that are unique within one statement."""

    used: int = 0

    def next(self) -> str:
        self.used += 1
        return f"t{self.used - 1}"


@dataclass
class Scope:
    """One FROM clause.

    ``names`` are the words that may start a path, with the relationships they stand for: none for the object itself and
    its alias, ``("Account",)`` for an alias of its account. ``text`` is the query, for messages.
    """

    schema: Schema
    root: Entity
    text: str
    aliases: Aliases
    names: dict[str, tuple[str, ...]] = field(default_factory=dict)
    joins: list[Sql] = field(default_factory=list)
    parents: dict[tuple[str, ...], Entity] = field(default_factory=dict)

    @property
    def sobject(self) -> SObject:
        return self.root.tables[0].sobject

    @property
    def table(self) -> Table:
        return self.root.tables[0]

    @property
    def source(self) -> Sql:
        """``"Contact" t0``."""
        return Sql(f"{quoted(self.sobject.name)} {self.table.alias}")

    @property
    def row(self) -> Sql:
        return Sql(f"{self.table.alias}.{ROW}")

    @property
    def tables(self) -> Sql:
        """The FROM clause with every join asked for so far."""
        return join(" ", [self.source, *self.joins])

    # --- paths -------------------------------------------------------------------------------------------------------

    def split(self, path: FieldPath) -> tuple[tuple[str, ...], str]:
        """A path as relationship names and the field's name, without what only names the object itself."""
        first, *rest = path.parts
        start = self.names.get(first.casefold()) if rest else None
        if start is None:
            return path.parts[:-1], path.parts[-1]
        return (*start, *rest[:-1]), rest[-1]

    def operand(self, path: FieldPath) -> Operand:
        """The value a path names."""
        relationships, name = self.split(path)
        entity = self.entity(relationships, path.pos)
        return self.entity_field(entity, name, path)

    def entity(self, relationships: Sequence[str], pos: int) -> Entity:
        """The row at the end of these relationships, joined in."""
        self.check_depth(relationships, pos)
        entity = self.root
        for depth, relationship in enumerate(relationships, 1):
            entity = self.parent(entity, relationship, relationships[:depth], pos)
        return entity

    def check_depth(self, relationships: Sequence[str], pos: int) -> None:
        """Refuse a path that is too long."""
        if len(relationships) > MAX_DEPTH:
            message = f"SOQL relationship queries support at most {MAX_DEPTH} levels of child-to-parent relationships"
            raise refusals.malformed(message, self.text, pos)

    def parent(self, entity: Entity, relationship: str, place: Sequence[str], pos: int) -> Entity:
        """The parent of a row; ``place`` is its path from the root, under which it is joined only once."""
        key = tuple(name.casefold() for name in place)
        if key not in self.parents:
            self.parents[key] = self._join_parent(entity, relationship, pos)
            if len(self.parents) > MAX_RELATIONSHIPS:
                message = f"Maximum number of child-to-parent relationships exceeded: {MAX_RELATIONSHIPS}"
                raise refusals.malformed(message, self.text, pos)
        return self.parents[key]

    def relationship_name(self, entity: Entity, relationship: str, pos: int) -> str:
        """The name of a row's parent relationship in the schema's spelling."""
        for table in entity.tables:
            reference = table.sobject.parent(relationship)
            if reference is not None and reference.relationship_name:
                return reference.relationship_name
        raise refusals.unknown_relationship(relationship, self.text, pos)

    def _join_parent(self, entity: Entity, relationship: str, pos: int) -> Entity:
        references = [(table, table.sobject.parent(relationship)) for table in entity.tables]
        keys = [(table, f) for table, f in references if f is not None]
        if entity.polymorphic:
            keys = [(table, f) for table, f in keys if f.name.casefold() in NAME_FIELDS]
        targets = {t.name: t for _, f in keys for t in map(self.schema.object, f.reference_to) if t is not None}
        if not targets:
            raise refusals.unknown_relationship(relationship, self.text, pos)
        key = _first_of([table.column(f.name) for table, f in keys])
        several = any(len(f.reference_to) > 1 for _, f in keys)
        tables = tuple(self._join(target, key) for target in targets.values())
        return Entity(tables, several)

    def _join(self, target: SObject, key: Sql) -> Table:
        if len(self.joins) == MAX_JOINS:
            message = "Query is either selecting too many fields or the filter conditions are too complicated."
            raise refusals.refuse("QUERY_TOO_COMPLICATED", message)
        table = Table(target, self.aliases.next())
        self.joins.append(
            compose(f"LEFT JOIN {quoted(target.name)} {table.alias} ON {{}} = {{}}", table.column("Id"), key)
        )
        return table

    # --- fields ------------------------------------------------------------------------------------------------------

    def entity_field(self, entity: Entity, name: str, path: FieldPath) -> Operand:
        """The value of one field of a row."""
        if entity.polymorphic:
            return self._name_field(entity, name, path)
        table = entity.tables[0]
        found = table.sobject.field(name)
        if found is None:
            raise refusals.unknown_field(name, entity.name, self.text, path.pos)
        sql = table.column(found.name) if found.stored else NULL
        return Operand(sql, found.type, found.name, found, path.pos, ignores_case(found), found.scale)

    def _name_field(self, entity: Entity, name: str, path: FieldPath) -> Operand:
        canonical = NAME_FIELDS.get(name.casefold())
        if canonical is None:
            raise refusals.unknown_field(name, NAME_ENTITY, self.text, path.pos)
        if canonical == "Type":
            return Operand(_type_of(entity), "string", "Type", None, path.pos, ignores_case=True)
        if canonical == "Id":
            return Operand(entity.id, "id", "Id", None, path.pos)
        found = [(table, f) for table in entity.tables for f in [named_like(table.sobject, canonical)] if f is not None]
        if not found:
            return Operand(NULL, "string", canonical, None, path.pos, ignores_case=True)
        first = found[0][1]
        sql = _first_of([table.column(f.name) for table, f in found])
        kind = "string" if canonical == "Name" else first.type
        return Operand(sql, kind, canonical, None, path.pos, ignores_case(first))


def open_scope(schema: Schema, sobject: SObject, query: Query, aliases: Aliases, *own_names: str) -> Scope:
    """The scope of a query over ``sobject``; ``own_names`` are words, besides its alias and name, that mean it."""
    root = Entity((Table(sobject, aliases.next()),))
    own = [name for name in (sobject.name, *own_names) if sobject.parent(name) is None]
    names: dict[str, tuple[str, ...]] = {name.casefold(): () for name in own}
    if query.source.alias:
        names[query.source.alias.casefold()] = ()
    scope = Scope(schema, root, query.text, aliases, names)
    for source in query.joins:
        if len(source.path) < 2 or source.path[0].casefold() not in names:
            message = (
                "A driving SObject type has already been set, all other entity types in the FROM clause must be "
                f"relationships to the initial object.  The driving object is {sobject.name}."
            )
            raise refusals.malformed(message, query.text, source.pos)
        path = (*names[source.path[0].casefold()], *source.path[1:])
        scope.entity(path, source.pos)
        names[(source.alias or source.path[-1]).casefold()] = path
    return scope


def queryable(schema: Schema, name: str, text: str, pos: int) -> SObject:
    """The object of this name, if it can be queried."""
    found = schema.object(name)
    if found is None:
        raise refusals.unknown_object(name, text, pos)
    if not found.queryable:
        raise refusals.refuse("INVALID_TYPE_FOR_OPERATION", f"entity type {found.name} does not support query")
    return found


def named_like(sobject: SObject, name: str) -> Field | None:
    """A field by name, where ``Name`` stands for whatever field names the object's records (``CaseNumber``)."""
    found = sobject.field(name)
    if found is None and name == "Name":
        found = next((f for f in sobject.fields if f.name_field), None)
    return found


def _first_of(columns: Sequence[Sql]) -> Sql:
    return columns[0] if len(columns) == 1 else compose("coalesce({})", join(", ", columns))


def _type_of(entity: Entity) -> Sql:
    """The object's name by the Id's key prefix; a group that is a queue says so."""
    return compose("CASE {} END", join(" ", _type_branches(entity)))


def _type_branches(entity: Entity) -> Iterator[Sql]:
    for table in entity.tables:
        found = table.column("Id")
        kind = table.sobject.field("Type")
        if table.sobject.name == "Group" and kind is not None:
            yield compose("WHEN {} IS NOT NULL THEN {}", found, table.column(kind.name))
        else:
            yield compose("WHEN {} IS NOT NULL THEN {}", found, value(table.sobject.name))
