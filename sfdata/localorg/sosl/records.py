"""The records a search answers with: found by the index, chosen and laid out by the query engine, shared out by LIMIT.

https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_sosl_returning.htm
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from sfdata.localorg.answers import ApiError
from sfdata.localorg.engine import refusals
from sfdata.localorg.engine.clauses import Statement
from sfdata.localorg.engine.layout import Layout
from sfdata.localorg.engine.resolve import queryable
from sfdata.localorg.engine.select import RowPlan, plan_rows
from sfdata.localorg.engine.sql import Sql, compose, join, value
from sfdata.localorg.engine.viewer import viewer
from sfdata.localorg.schema import SObject
from sfdata.localorg.sosl.index import UNGROUPED, SearchIndex
from sfdata.localorg.sosl.statement import MOST_RECORDS, Search
from sfdata.localorg.sosl.terms import And, AndNot, Or, Phrase, Term, folded, malformed
from sfdata.localorg.store import Store
from sfdata.soql.nodes import FieldPath, Query, SelectField, Source

MOST_OF_ONE = 250
"""Rows of an object that neither filters nor sorts them, or that is not alone; fewer where there are many objects."""

HIGHLIGHTED = frozenset({"Account", "Campaign", "Contact", "Lead", "Opportunity", "Quote", "User"})
HIGHLIGHTED_TYPES = frozenset({"email", "string", "textarea"})
MOST_HIGHLIGHTED = 25

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Searcher:
    """Answers searches over a store, for one user at one moment. ``base`` starts every URL."""

    store: Store
    base: str
    user_id: str
    now: datetime

    def answer(self, search: Search) -> Record:
        """The body of the search resources: the records, and the labels of their fields where they are asked for.

        Raises:
            ApiError: for whatever Salesforce refuses in the statement.
        """
        queries = search.returning or tuple(self._ids_of_all())
        with self.store.lock:
            statement = Statement(self.store.schema, viewer(self.store, self.user_id, self.now))
            asked = [self._asked(statement, query) for query in queries]
            found = [self._records(search, query, plan, len(queries)) for query, plan in asked]
        shares = shared_out([len(records) for records in found], search.limit)
        chosen = [record for records, share in zip(found, shares, strict=True) for record in records[:share]]
        answer: Record = {"searchRecords": chosen}
        if search.labels:
            answer["metadata"] = {"entityMetadata": [_labels(plan) for _, plan in asked]}
        return answer

    def _ids_of_all(self) -> Iterator[Query]:
        for sobject in self.store.schema:
            if sobject.searchable and sobject.queryable and sobject.name not in UNGROUPED:
                yield Query((SelectField(FieldPath(("Id",))),), Source((sobject.name,)))

    def _asked(self, statement: Statement, query: Query) -> tuple[Query, RowPlan]:
        sobject = queryable(self.store.schema, query.source.name, query.text, query.source.pos)
        if not sobject.searchable:
            raise refusals.refuse("INVALID_TYPE_FOR_OPERATION", f"entity type {sobject.name} does not support search")
        if query.is_aggregate or not all(isinstance(item, SelectField) for item in query.select):
            message = "RETURNING takes fields, neither aggregates nor subqueries"
            raise malformed(query.text, query.pos, message)
        return query, plan_rows(statement, query)

    def _records(self, search: Search, query: Query, plan: RowPlan, objects: int) -> list[Record]:
        """The rows of one object, best first unless the query orders them."""
        sobject = plan.scope.sobject
        found = SearchIndex(self.store).found(sobject, search.term, search.group) if search.term else None
        if found is None:
            return []
        layout = Layout(plan.record, self.base)
        limit = min(search.limit, most_rows(query, objects))
        statement = _statement(query, plan, layout.columns, found, limit)
        try:
            rows = self.store.connection.execute(statement.text, statement.params).fetchall()
        except sqlite3.OperationalError as problem:
            if "fts5" not in str(problem):
                raise
            raise ApiError(400, "MALFORMED_SEARCH", "The search term is too complicated") from None
        records = [msgspec.to_builtins(layout.build(row)) for row in rows]
        if search.highlight and search.term and (sobject.custom or sobject.name in HIGHLIGHTED):
            words = frozenset(_plain_words(search.term))
            records[:MOST_HIGHLIGHTED] = [_highlighted(r, sobject, words) for r in records[:MOST_HIGHLIGHTED]]
        return records


def most_rows(query: Query, objects: int) -> int:
    """How many rows of an object are answered at most, where it stands among so many."""
    if isinstance(query.limit, int):
        return min(query.limit, MOST_RECORDS)
    if objects == 1 and (query.where is not None or query.order_by):
        return MOST_RECORDS
    return min(MOST_RECORDS // objects, MOST_OF_ONE)


def shared_out(counts: Sequence[int], limit: int) -> list[int]:
    """``limit`` rows shared evenly among objects that have so many; what one does not need goes to the others."""
    shares = [0] * len(counts)
    left = limit
    wanting = [n for n, count in enumerate(counts) if count]
    while left and wanting:
        each = max(1, left // len(wanting))
        for n in wanting:
            more = min(each, counts[n] - shares[n], left)
            shares[n] += more
            left -= more
        wanting = [n for n in wanting if shares[n] < counts[n]]
    return shares


def _statement(query: Query, plan: RowPlan, columns: Iterable[Sql], found: Sql, limit: int) -> Sql:
    chosen, row = plan.clauses, plan.scope.row
    order = chosen.order if query.order_by else Sql(f"found.score, {row}")
    return compose(
        "SELECT {} FROM {} JOIN ({}) found ON found.row = {} WHERE {} ORDER BY {} LIMIT {} OFFSET {}",
        join(", ", columns),
        plan.scope.tables,
        found,
        row,
        *(chosen.where, order, value(limit), value(chosen.offset)),
    )


def _labels(plan: RowPlan) -> Record:
    """What people call the fields of an object's answer."""
    sobject = plan.scope.sobject
    fields = [sobject.field(name) for name in plan.record.slots]
    labels = [{"name": f.name, "label": f.label} for f in fields if f is not None]
    return {"entityName": sobject.name, "fieldMetadata": labels}


def _plain_words(term: Term) -> Iterator[str]:
    """The words that are looked for without wildcards."""
    match term:
        case Phrase(words):
            yield from (word for word in words if not set(word) & set("*?"))
        case And(items) | Or(items):
            for item in items:
                yield from _plain_words(item)
        case AndNot(wanted):
            yield from _plain_words(wanted)


def _highlighted(record: Record, sobject: SObject, words: frozenset[str]) -> Record:
    """The record with a copy of each text in which the words are marked."""

    def marked(word: re.Match[str]) -> str:
        return f"<mark>{word[0]}</mark>" if folded(word[0]) in words else word[0]

    marks: Mapping[str, Any] = {
        f"highlight.{name}": re.sub(r"[^\W_]+", marked, text)
        for name, text in record.items()
        if isinstance(text, str) and _is_highlighted(sobject, name)
    }
    return {**record, **{name: text for name, text in marks.items() if "<mark>" in text}}


def _is_highlighted(sobject: SObject, name: str) -> bool:
    field = sobject.field(name)
    return field is not None and field.type in HIGHLIGHTED_TYPES
