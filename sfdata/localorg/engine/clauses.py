"""The clauses every query has: FROM, WHERE, ORDER BY, LIMIT and what may stand around them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sfdata.localorg.engine import refusals
from sfdata.localorg.engine.expressions import Expressions
from sfdata.localorg.engine.filters import Conditions
from sfdata.localorg.engine.literals import Literals
from sfdata.localorg.engine.ordering import order_terms, sort_key
from sfdata.localorg.engine.resolve import Aliases, Scope
from sfdata.localorg.engine.semijoin import SemiJoins, check_places
from sfdata.localorg.engine.sql import FALSE, TRUE, Sql, all_of, compose, join, value
from sfdata.localorg.engine.viewer import Viewer
from sfdata.localorg.schema import Schema
from sfdata.localorg.tables import NO_LIMIT, alive_condition
from sfdata.soql.nodes import And, Bind, Comparison, Condition, FieldPath, Membership, Query, SubqueryMembership

MAX_OFFSET = 2000

# What USING SCOPE leaves: all rows, the user's own, those of one kind of owner, or none in an org without territories,
# teams and delegates.
EVERYTHING, MINE, NOTHING = "everything", "mine", "nothing"
KINDS_OF_OWNER = frozenset({"Group", "User"})
SCOPES: Mapping[str, str] = {
    "everything": EVERYTHING,
    "scopingrule": EVERYTHING,
    "mine": MINE,
    "mine_and_my_groups": MINE,
    "queue_owned": "Group",
    "user_owned": "User",
    "mru": NOTHING,
    "team": NOTHING,
    "delegated": NOTHING,
    "my_territory": NOTHING,
    "my_team_territory": NOTHING,
    "allprivate": NOTHING,
}

# Objects that data categories classify, besides article types (…kav).
CATEGORIZED = frozenset({"knowledgearticleversion", "question"})

# Objects that are only readable by the records they link.
FILTER_REQUIRED: Mapping[str, tuple[frozenset[str], str]] = {
    "ContentDocumentLink": (
        frozenset({"id", "contentdocumentid", "linkedentityid"}),
        "Implementation restriction: ContentDocumentLink requires a filter by a single Id on ContentDocumentId or "
        "LinkedEntityId using the equals operator or multiple Id's using the IN operator.",
    ),
}


@dataclass(frozen=True)
class Statement:
    """What is the same for a query and everything inside it."""

    schema: Schema
    viewer: Viewer
    include_deleted: bool = False
    aliases: Aliases = field(default_factory=Aliases)


@dataclass(frozen=True)
class Clauses:
    """Which rows, in which order. ``order`` ends with the row number, so it is total."""

    scope: Scope
    where: Sql
    order: Sql
    limit: int | None
    offset: int

    def tail(self, limit: int | None = None) -> Sql:
        """FROM and all that follows; never more than ``limit`` rows."""
        limits = [n for n in (limit, self.limit) if n is not None]
        return compose(
            "FROM {} WHERE {} ORDER BY {} LIMIT {} OFFSET {}",
            self.scope.tables,
            self.where,
            self.order,
            value(min(limits, default=NO_LIMIT)),
            value(self.offset),
        )


def clauses(statement: Statement, scope: Scope, query: Query, linked: bool = False) -> Clauses:
    """The clauses of a query for records; ``linked`` where it reads the children of records.

    Raises:
        ApiError: for whatever Salesforce refuses in them.
    """
    expressions = Expressions(scope, statement.viewer)
    check_context(query)
    where = where_clause(statement, scope, query, linked)
    terms = order_terms(query, expressions.operand, statement.viewer)
    order = join(", ", [*(term.sql for term in terms), scope.row])
    limit, offset = limits(query)
    return Clauses(scope, where, order, limit, offset)


def check_context(query: Query) -> None:
    """Refuse clauses that do not go with the object, and those of Apex."""
    name = query.source.path[-1]
    if query.all_rows:
        raise refusals.refuse("MALFORMED_QUERY", "ALL ROWS not allowed in this context")
    if query.purpose == "UPDATE":
        raise refusals.refuse("MALFORMED_QUERY", "FOR UPDATE not allowed in this context")
    if query.data_categories and not (name.casefold().endswith("kav") or name.casefold() in CATEGORIZED):
        message = f"WITH DATA CATEGORY is not supported for entity type {name}"
        raise refusals.malformed(message, query.text, query.source.pos)
    if query.filter is not None:
        raise refusals.malformed(f"WITH is not supported for entity type {name}", query.text, query.source.pos)


def limits(query: Query) -> tuple[int | None, int]:
    """LIMIT and OFFSET."""
    for bound in (query.limit, query.offset):
        if isinstance(bound, Bind):
            raise refusals.bind_variable(query.text, bound.pos)
    limit = query.limit if isinstance(query.limit, int) else None
    offset = query.offset if isinstance(query.offset, int) else 0
    if offset > MAX_OFFSET:
        message = f"Maximum SOQL offset allowed for apiName {query.source.path[-1]} is {MAX_OFFSET}"
        raise refusals.refuse("NUMBER_OUTSIDE_VALID_RANGE", message)
    return None if limit is None else min(limit, 2**31 - 1), offset


def where_clause(statement: Statement, scope: Scope, query: Query, linked: bool = False) -> Sql:
    """WHERE, with the rows left out that are deleted or outside USING SCOPE."""
    found = [TRUE if statement.include_deleted else Sql(alive_condition(scope.sobject, scope.table.alias))]
    found.append(_using_scope(statement, scope, query))
    if query.where is not None:
        check_places(query.where, query.text)
        found.append(conditions(statement, scope).sql(query.where))
    required, message = FILTER_REQUIRED.get(scope.sobject.name, (frozenset(), ""))
    if required and not linked and required.isdisjoint(_pinned(query.where)):
        raise refusals.refuse("MALFORMED_QUERY", message)
    return all_of(found)


def conditions(statement: Statement, scope: Scope) -> Conditions:
    """The compiler of conditions on the rows of a scope."""
    expressions = Expressions(scope, statement.viewer)
    literals = Literals(statement.viewer, scope.text)
    semi_joins = SemiJoins(statement.schema, scope, lambda inner, query: where_clause(statement, inner, query))
    return Conditions(expressions.operand, literals, semi_joins.sql, sort_key(statement.viewer))


def _using_scope(statement: Statement, scope: Scope, query: Query) -> Sql:
    if query.scope is None:
        return TRUE
    kind = SCOPES.get(query.scope.casefold())
    if kind is None:
        raise refusals.refuse("MALFORMED_QUERY", f"Invalid scope: {query.scope}")
    if kind == EVERYTHING:
        return TRUE
    if kind == NOTHING:
        return FALSE
    owner = scope.sobject.field("OwnerId")
    if owner is None or (kind in KINDS_OF_OWNER and kind not in owner.reference_to):
        raise refusals.refuse("MALFORMED_QUERY", f"Scope {query.scope} is not supported for {scope.sobject.name}")
    owned = scope.table.column(owner.name)
    if kind not in KINDS_OF_OWNER:
        return compose("{} IS {}", owned, value(statement.viewer.user_id))
    owners = statement.schema.object(kind)
    return compose("substr({}, 1, 3) IS {}", owned, value(owners.key_prefix if owners else None))


def _pinned(condition: Condition | None) -> Iterator[str]:
    """The fields a condition compares for equality, whatever else it says."""
    if isinstance(condition, And):
        for item in condition.items:
            yield from _pinned(item)
    elif isinstance(condition, Comparison | Membership | SubqueryMembership):
        equal = condition.operator == "=" if isinstance(condition, Comparison) else not condition.negated
        if equal and isinstance(condition.left, FieldPath):
            yield condition.left.parts[-1].casefold()
