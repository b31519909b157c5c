"""From a SELECT list and describe to the columns of its result: names, wire paths and types, known before any row.

Column names are the query's own words: ``Owner.Name``, ``COUNT(Id)``, or the alias. A prefix that only repeats the
object or its alias (``c.Name FROM Contact c``) is left out. A compound field becomes its parts,
``BillingAddress.city`` and so on. A name selected twice is one column.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

from sfdata.frames.dtypes import ANYTHING, BOOLEAN, COMPOUNDS, INTEGER, NUMBER, TEXT, Kind, kind_of
from sfdata.metadata import FieldDescribe, ObjectDescribe
from sfdata.soql.nodes import AGGREGATES, FieldPath, FunctionCall, Query, SelectField, Subquery, TypeOf

Describe = Callable[[str], ObjectDescribe]

# The fields every parent of a polymorphic relationship answers for.
# https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_name.htm
NAME_FIELDS = {
    name.casefold(): (name, BOOLEAN if name == "IsActive" else TEXT)
    for name in [
        "Id",
        "Name",
        "FirstName",
        "LastName",
        "Type",
        "Alias",
        "Email",
        "Phone",
        "Title",
        "Username",
        "IsActive",
        "ProfileId",
        "UserRoleId",
        "RecordTypeId",
        "NameOrAlias",
    ]
}
FORMATTERS = frozenset({"TOLABEL", "FORMAT", "CONVERTCURRENCY"})
"""Functions whose result goes by the name of their field."""
COUNTS = frozenset({"COUNT", "COUNT_DISTINCT", "GROUPING"})
DATE_PARTS = frozenset(
    [
        "CALENDAR_MONTH",
        "CALENDAR_QUARTER",
        "CALENDAR_YEAR",
        "DAY_IN_MONTH",
        "DAY_IN_WEEK",
        "DAY_IN_YEAR",
        "FISCAL_MONTH",
        "FISCAL_QUARTER",
        "FISCAL_YEAR",
        "HOUR_IN_DAY",
        "WEEK_IN_MONTH",
        "WEEK_IN_YEAR",
    ]
)


class UnknownName(LookupError):
    """Describe knows no such field or relationship; the org's own answer is the authority on it."""

    def __init__(self, object_name: str, name: str, candidates: Iterable[str]) -> None:
        super().__init__(f"{object_name} has no {name}")
        self.object_name = object_name
        self.name = name
        self.candidates = tuple(candidates)


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its ``name`` in the frame, and ``path``, the keys that lead to its value in a record.

    ``optional`` columns may be absent from a record (a TYPEOF branch not taken, a part of a compound field).
    ``elsewhere`` is a second place where the value may be.
    """

    name: str
    path: tuple[str, ...]
    kind: Kind
    optional: bool = False
    elsewhere: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Children:
    """A child subquery: ``key`` is its key in a record, ``link`` the child's field that holds the parent's Id."""

    key: str
    link: str
    columns: ResultColumns


@dataclass(frozen=True, slots=True)
class ResultColumns:
    """What a query returns: its columns in SELECT order, and its child subqueries."""

    object_name: str
    columns: tuple[Column, ...]
    children: tuple[Children, ...] = field(default=())

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]


def result_columns(query: Query, describe: Describe) -> ResultColumns:
    """The columns of ``query``'s result.

    Raises:
        UnknownName: a field or relationship that describe does not list.
    """
    return _Select(query, describe(query.source.path[-1]), describe).columns()


class _Select:
    """Walks one SELECT list with its object's describe at hand."""

    def __init__(self, query: Query, base: ObjectDescribe, describe: Describe) -> None:
        self.query = query
        self.base = base
        self.describe = describe
        self.prefixes = {word.casefold() for word in (base.name, query.source.path[-1], query.source.alias) if word}
        self.joined = {join.alias.casefold(): join.path for join in query.joins if join.alias}
        self.unnamed = 0

    def columns(self) -> ResultColumns:
        columns: dict[str, Column] = {}
        children = []
        for item in self.query.select:
            if isinstance(item, Subquery):
                children.append(self._children(item.query))
                continue
            found = self._typeof(item) if isinstance(item, TypeOf) else self._field(item)
            for column in found:
                known = columns.setdefault(column.name, column)
                if known.kind is not column.kind:  # branches of TYPEOF share a name, and not always a type
                    columns[column.name] = replace(known, kind=ANYTHING)
        return ResultColumns(self.base.name, tuple(columns.values()), tuple(children))

    # --- the kinds of items ------------------------------------------------------------------------------------------

    def _field(self, item: SelectField) -> Iterator[Column]:
        if isinstance(item.expression, FunctionCall):
            yield from self._function(item.expression, item.alias)
        elif self.query.is_aggregate:
            path, found = self._resolve(item.expression)
            yield Column(item.alias or self._written(item.expression), (item.alias or path[-1],), kind_of(found.type))
        else:
            path, found = self._resolve(item.expression)
            yield from _expand(item.alias or self._written(item.expression), path, found)

    def _function(self, call: FunctionCall, alias: str | None) -> Iterator[Column]:
        name = call.name.upper()
        if name == "FIELDS":
            yield from self._all_fields(str(call.args[0]).upper())
            return
        inner = _first_path(call)
        path, found = self._resolve(inner) if inner else ((), None)
        kind = _function_kind(name, found)
        if name not in FORMATTERS or not path or _aggregates(call):
            yield Column(alias or str(call), (alias or self._next_unnamed(),), kind)
        elif alias and len(path) > 1:
            # No page of the vendor says whether an alias for a parent's field stands in the record or in the parent.
            yield Column(alias, (alias,), kind, optional=True, elsewhere=(*path[:-1], alias))
        else:
            name_only = alias or path[-1]
            yield Column(alias or str(call), (name_only,) if self.query.is_aggregate else (*path[:-1], name_only), kind)

    def _all_fields(self, which: str) -> Iterator[Column]:
        for found in self.base.fields:
            if which == "ALL" or found.custom == (which == "CUSTOM"):
                for column in _expand(found.name, (found.name,), found):
                    yield Column(column.name, column.path, column.kind, optional=True)

    def _typeof(self, item: TypeOf) -> Iterator[Column]:
        parts = self._own_parts(item.relationship)
        path, found = self._relationship(self.base, parts)
        written = ".".join(parts)
        branches: list[tuple[ObjectDescribe | None, tuple[FieldPath, ...]]] = [
            (self.describe(branch.object), branch.fields) for branch in item.branches
        ]
        branches.append((None, item.otherwise or ()))
        named_type = False
        for parent, fields in branches:
            for each in fields:
                sub_path, sub = self._walk(parent, each.parts) if parent else self._walk_any(found, each.parts)
                named_type |= each.name.casefold() == "type"
                for column in _expand(f"{written}.{each.name}", (*path, *sub_path), sub):
                    yield Column(column.name, column.path, column.kind, optional=True)
        if not named_type:
            yield Column(f"{written}.Type", (*path, "attributes", "type"), TEXT, optional=True)

    def _children(self, query: Query) -> Children:
        relationship = query.source.path[-1]
        child = self.base.child(relationship)
        if child is None:
            raise UnknownName(
                self.base.name, relationship, (c["relationshipName"] or "" for c in self._relationships())
            )
        columns = _Select(query, self.describe(child.object), self.describe).columns()
        return Children(child.relationship, child.field, columns)

    def _relationships(self) -> Iterable[dict[str, str]]:
        children: Iterable[dict[str, str]] = self.base.get("childRelationships") or ()
        return children

    # --- names to paths ----------------------------------------------------------------------------------------------

    def _own_parts(self, path: FieldPath) -> tuple[str, ...]:
        """The parts of ``path`` behind a prefix that only names the object itself, join aliases spelt out."""
        parts = path.parts
        if len(parts) > 1 and parts[0].casefold() in self.joined:
            return self._own_parts(FieldPath((*self.joined[parts[0].casefold()], *parts[1:])))
        if len(parts) > 1 and parts[0].casefold() in self.prefixes and self.base.parent(parts[0]) is None:
            return parts[1:]
        return parts

    def _written(self, path: FieldPath) -> str:
        return ".".join(self._own_parts(path))

    def _resolve(self, path: FieldPath) -> tuple[tuple[str, ...], FieldDescribe]:
        return self._walk(self.base, self._own_parts(path))

    def _walk(self, start: ObjectDescribe, parts: tuple[str, ...]) -> tuple[tuple[str, ...], FieldDescribe]:
        if len(parts) == 1:
            found = start.field(parts[0])
            if found is None:
                raise UnknownName(start.name, parts[0], (f.name for f in start.fields))
            return (found.name,), found
        path, reference = self._relationship(start, parts[:1])
        if len(reference.reference_to) == 1:
            rest, found = self._walk(self.describe(reference.reference_to[0]), parts[1:])
        else:
            rest, found = self._walk_any(reference, parts[1:])
        return (*path, *rest), found

    def _walk_any(self, reference: FieldDescribe, parts: tuple[str, ...]) -> tuple[tuple[str, ...], FieldDescribe]:
        """Behind a polymorphic reference: the Name fields, else the first possible parent that knows the way."""
        known = NAME_FIELDS.get(parts[0].casefold()) if len(parts) == 1 else None
        if known:
            name, kind = known
            return (name,), FieldDescribe(name, name, "boolean" if kind is BOOLEAN else "string")
        problem: UnknownName | None = None
        for name in reference.reference_to:
            try:
                return self._walk(self.describe(name), parts)
            except UnknownName as unknown:
                problem = problem or unknown
        raise problem or UnknownName(reference.name, parts[0], ())

    def _relationship(self, start: ObjectDescribe, parts: tuple[str, ...]) -> tuple[tuple[str, ...], FieldDescribe]:
        reference = start.parent(parts[0])
        if reference is None:
            names = (f.relationship_name for f in start.fields if f.relationship_name)
            raise UnknownName(start.name, parts[0], names)
        name = reference.relationship_name or parts[0]
        if len(parts) == 1:
            return (name,), reference
        rest, found = self._relationship(self.describe(reference.reference_to[0]), parts[1:])
        return (name, *rest), found

    def _next_unnamed(self) -> str:
        self.unnamed += 1
        return f"expr{self.unnamed - 1}"


def _expand(name: str, path: tuple[str, ...], found: FieldDescribe) -> Iterator[Column]:
    parts = COMPOUNDS.get(found.type)
    if parts is None:
        yield Column(name, path, kind_of(found.type))
        return
    for part, kind in parts.items():
        yield Column(f"{name}.{part}", (*path, part), kind, optional=True)


def _first_path(call: FunctionCall) -> FieldPath | None:
    for argument in call.args:
        if isinstance(argument, FieldPath):
            return argument
        if isinstance(argument, FunctionCall) and (found := _first_path(argument)):
            return found
    return None


def _aggregates(call: FunctionCall) -> bool:
    """Whether ``call`` is an aggregate function, or one applied to such."""
    inner = any(isinstance(argument, FunctionCall) and _aggregates(argument) for argument in call.args)
    return inner or call.name.upper() in AGGREGATES


def _function_kind(name: str, argument: FieldDescribe | None) -> Kind:
    if name in COUNTS or name in DATE_PARTS:
        return INTEGER
    if name in ("AVG", "DISTANCE"):
        return NUMBER
    if name in ("FORMAT", "TOLABEL"):
        return TEXT
    if name == "DAY_ONLY":
        return kind_of("date")
    return kind_of(argument.type) if argument else ANYTHING
