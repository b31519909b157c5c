"""SOSL text to a tree. What an object of RETURNING asks for is a SOQL query over the rows that were found.

https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_sosl_syntax.htm
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sfdata.errors import SoqlSyntaxError
from sfdata.localorg.answers import ApiError
from sfdata.localorg.engine import refusals
from sfdata.localorg.sosl.terms import Term, malformed, mismatched, parse_terms
from sfdata.soql.lexer import Kind
from sfdata.soql.nodes import (
    BooleanLiteral,
    Comparison,
    Condition,
    FieldPath,
    NullLiteral,
    NumberLiteral,
    Query,
    SelectField,
    Source,
    StringLiteral,
    SubqueryMembership,
)
from sfdata.soql.parser import UPDATES, QueryParser

GROUPS = ("ALL", "NAME", "EMAIL", "PHONE", "SIDEBAR")
MOST_RECORDS = 2000
PRODUCT = "PRODUCT2"
REFUSED: Mapping[str, str] = {
    "DATA": "WITH DATA CATEGORY is not supported: the org has no articles",
    "DIVISION": "WITH DIVISION is not supported: the org has no divisions",
    "NETWORK": "WITH NETWORK is not supported: the org has no networks",
}
"""The first word of a WITH clause: why it is refused."""

NO_TERM = "No search term found. The search term must be enclosed in braces."

_FIND = re.compile(r"\s*FIND\s*\{", re.IGNORECASE)
_UP_TO_BRACE = re.compile(r"(?:[^\\}]|\\.)*+\}", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for (None: nothing can be found), in which fields, and what is answered of each object.

    Without ``returning`` the Ids of all objects are. ``labels`` and ``highlight`` are asked for by WITH clauses.
    """

    term: Term | None
    group: str = "ALL"
    returning: tuple[Query, ...] = ()
    limit: int = MOST_RECORDS
    labels: bool = False
    highlight: bool = False

    def priced_in(self, price_book: str) -> Search:
        """This search, with only those products that have a price in a price book."""
        within = Comparison(FieldPath(("Pricebook2Id",)), "=", StringLiteral(price_book))
        entries = Query((SelectField(FieldPath(("Product2Id",))),), Source(("PricebookEntry",)), where=within)
        priced = SubqueryMembership(FieldPath(("Id",)), entries)
        products = (narrowed(q, priced) if q.source.name.upper() == PRODUCT else q for q in self.returning)
        return replace(self, returning=tuple(products))


def narrowed(query: Query, condition: Condition) -> Query:
    """A query with a further condition, which has no place in its text."""
    return replace(query.narrowed(condition), text=query.text)


def parse_search(text: str) -> Search:
    """The tree of a SOSL statement.

    Raises:
        ApiError: MALFORMED_SEARCH or INVALID_SEARCH, with the place where there is one.
    """
    opening = _FIND.match(text)
    if opening is None:
        raise ApiError(400, "MALFORMED_SEARCH", NO_TERM)
    closing = _UP_TO_BRACE.match(text, opening.end())
    if closing is None:
        raise mismatched(text, len(text), "<EOF>")
    term = parse_terms(text, opening.end(), closing.end() - 1)
    # What is left has the grammar of SOQL, and its places stay where they are.
    clauses = re.sub(r"[^\n]", " ", text[: closing.end()]) + text[closing.end() :]
    try:
        return _SearchParser(clauses, text).search(term)
    except SoqlSyntaxError as error:
        unexpected = error.message.startswith("unexpected")
        message = f"Malformed search token: {error.found}" if unexpected else error.message
        raise malformed(text, error.offset, message) from None


class _SearchParser(QueryParser):
    """Parses the clauses behind FIND, in the order they must stand; ``text`` is the statement as it was written."""

    def __init__(self, clauses: str, text: str) -> None:
        super().__init__(clauses)
        self._text = text

    def search(self, term: Term | None) -> Search:
        search = Search(term)
        if self.tokens.accept_keyword("IN"):
            search = replace(search, group=self._one_of(GROUPS))
            self.tokens.expect_keyword("FIELDS")
        if self.tokens.accept_keyword("RETURNING"):
            search = replace(search, returning=self._objects())
        search = self._with_clauses(search)
        if self.tokens.accept_keyword("LIMIT"):
            search = replace(search, limit=self._rows("maximum limit of search results is"))
        if self.tokens.accept_keyword("UPDATE"):
            self._words(UPDATES)
        if self.tokens.current.kind is not Kind.END:
            raise self.tokens.unexpected()
        return search

    # --- RETURNING ---------------------------------------------------------------------------------------------------

    def _objects(self) -> tuple[Query, ...]:
        objects = [self._object()]
        while self.tokens.accept(","):
            objects.append(self._object())
        return tuple(objects)

    def _object(self) -> Query:
        name = self.name("an object name")
        source = Source((name.text,), None, name.pos)
        query = Query((SelectField(FieldPath(("Id",), name.pos)),), source, text=self._text, pos=name.pos)
        if not self.tokens.accept("("):
            return query
        query = replace(query, select=self._select())
        viewed = self._recently_viewed() if self.tokens.accept_keyword("USING") else None
        query = replace(
            query,
            where=self.condition() if self.tokens.accept_keyword("WHERE") else None,
            order_by=self._order_by() if self.tokens.accept_keyword("ORDER", "BY") else (),
            limit=self._rows("Maximum entity limit is") if self.tokens.accept_keyword("LIMIT") else None,
            offset=self._rows("SOSL offset should be between 0 and") if self.tokens.accept_keyword("OFFSET") else None,
        )
        self.tokens.expect(")")
        return query if viewed is None else narrowed(query, viewed)

    def _recently_viewed(self) -> Condition:
        """``ListView=Recent``, the one list view of the org: the records somebody looked at."""
        self.tokens.expect_keyword("LISTVIEW")
        self.tokens.expect("=")
        if self.name("a list view").upper != "RECENT":
            raise refusals.refuse("MALFORMED_SEARCH", "Invalid using expr")
        return Comparison(FieldPath(("LastViewedDate",)), "!=", NullLiteral())

    def _rows(self, bound: str) -> int:
        """A number of rows, at most 2,000; ``bound`` begins the sentence that says so."""
        count = self._count()
        if not isinstance(count, int):
            raise self.tokens.unexpected("a whole number")
        if count > MOST_RECORDS:
            raise refusals.refuse("MALFORMED_SEARCH", f"{bound} {MOST_RECORDS}")
        return count

    # --- WITH --------------------------------------------------------------------------------------------------------

    def _with_clauses(self, search: Search) -> Search:
        while self.tokens.accept_keyword("WITH"):
            word = self.name("a WITH clause").upper
            if word == "HIGHLIGHT":
                search = replace(search, highlight=True)
            elif word == "METADATA":
                search = replace(search, labels=self._setting(StringLiteral) == "LABELS")
            elif word == "SPELL_CORRECTION":
                self._setting(BooleanLiteral)
            elif word == "SNIPPET":
                self._snippet()
            elif word == "PRICEBOOKID":
                search = search.priced_in(str(self._setting(StringLiteral)))
            else:
                raise refusals.refuse("MALFORMED_SEARCH", REFUSED.get(word, f"Malformed search token: {word}"))
        return search

    def _setting(self, kind: type[StringLiteral] | type[BooleanLiteral]) -> str | bool:
        self.tokens.expect("=")
        literal = self.literal()
        if not isinstance(literal, kind):
            raise self.tokens.unexpected()
        return literal.value

    def _snippet(self) -> None:
        """``(target_length=120)``, which only articles, cases and feeds would heed."""
        if self.tokens.accept("("):
            self.name("target_length")
            self.tokens.expect("=")
            if not isinstance(self.literal(), NumberLiteral):
                raise self.tokens.unexpected()
            self.tokens.expect(")")
