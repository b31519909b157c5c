"""SOQL text to a syntax tree, by recursive descent over the clauses.

https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select.htm
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from sfdata.soql.advice import CLAUSES
from sfdata.soql.expressions import NAMES, RESERVED, ExpressionParser
from sfdata.soql.lexer import Kind
from sfdata.soql.nodes import (
    Bind,
    Comparison,
    DataCategory,
    Expression,
    FieldPath,
    FunctionCall,
    GroupBy,
    Option,
    OrderItem,
    Query,
    SelectField,
    SelectItem,
    Source,
    Subquery,
    TypeOf,
    TypeOfBranch,
)

ACCESS_MODES = ("SECURITY_ENFORCED", "USER_MODE", "SYSTEM_MODE")
CATEGORY_OPERATORS = ("ABOVE_OR_BELOW", "ABOVE", "BELOW", "AT")
PURPOSES = ("VIEW", "REFERENCE", "UPDATE")
UPDATES = ("TRACKING", "VIEWSTAT")
LONGEST_REMEMBERED = 20_000
"""Characters of a query whose tree is kept for when the same text comes again, as it does with every run of a cell."""

# An alias of FROM is only taken for one where a clause, SQL's next table or the end comes next, so that a misspelt
# keyword is reported as itself and not as the word behind it.
JOINS = ("INNER", "LEFT", "RIGHT", "FULL", "CROSS", "OUTER", "JOIN")
AFTER_SOURCE = frozenset([*(words.partition(" ")[0] for words in CLAUSES), *JOINS])


def parse(text: str) -> Query:
    """The syntax tree of a SOQL query.

    Raises:
        sfdata.errors.SoqlSyntaxError: with line, column, what was found and what was expected.
    """
    return _remembered(text) if len(text) <= LONGEST_REMEMBERED else _parsed(text)


def _parsed(text: str) -> Query:
    return QueryParser(text).whole()


_remembered = lru_cache(maxsize=64)(_parsed)


class QueryParser(ExpressionParser):
    """Parses a whole query; one method a clause, in the order the clauses must stand."""

    def whole(self) -> Query:
        """A query, and nothing behind it."""
        query = self.query()
        if self.tokens.current.kind is not Kind.END:
            raise self.tokens.unexpected()
        return query

    def query(self) -> Query:
        """A SELECT."""
        pos = self.tokens.current.pos
        self.tokens.expect_keyword("SELECT")
        query = self._filtered(self._select(), pos)
        if self.tokens.accept_keyword("GROUP", "BY"):
            group_by = self._group_by()
            having = self.condition() if self.tokens.accept_keyword("HAVING") else None
            query = replace(query, group_by=group_by, having=having)
        query = replace(
            query,
            order_by=self._order_by() if self.tokens.accept_keyword("ORDER", "BY") else (),
            limit=self._count() if self.tokens.accept_keyword("LIMIT") else None,
            offset=self._count() if self.tokens.accept_keyword("OFFSET") else None,
        )
        return self._ending(query)

    def semi_join(self) -> Query:
        """A SELECT of one field that only filters, as it stands behind IN."""
        pos = self.tokens.current.pos
        self.tokens.expect_keyword("SELECT")
        return self._filtered((SelectField(self.expression()),), pos)

    def _filtered(self, select: tuple[SelectItem, ...], pos: int) -> Query:
        """The clauses from FROM to WITH."""
        self.tokens.expect_keyword("FROM")
        source, *joins = self._sources()
        scope = self.name("a scope").text if self.tokens.accept_keyword("USING", "SCOPE") else None
        where = self.condition() if self.tokens.accept_keyword("WHERE") else None
        return self._with(Query(select, source, tuple(joins), scope, where, text=self.tokens.text, pos=pos))

    # --- SELECT ------------------------------------------------------------------------------------------------------

    def _select(self) -> tuple[SelectItem, ...]:
        token = self.tokens.current
        if token.upper == "COUNT" and self.tokens.peek().text == "(" and self.tokens.peek(2).text == ")":
            for _ in "COUNT", "(", ")":
                self.tokens.advance()
            return (SelectField(FunctionCall(token.text, (), token.pos)),)  # counts rows, and nothing stands beside it
        items = [self._select_item()]
        while self.tokens.accept(","):
            items.append(self._select_item())
        return tuple(items)

    def _select_item(self) -> SelectItem:
        token = self.tokens.current
        if self.tokens.at("("):
            return Subquery(self.in_parentheses(self.query), token.pos)
        if self.tokens.at_keyword("TYPEOF") and self.tokens.peek().kind in NAMES:
            return self._typeof()
        return SelectField(self.expression(), self._alias(frozenset({"FROM"})))

    def _alias(self, followers: frozenset[str]) -> str | None:
        token, following = self.tokens.current, self.tokens.peek()
        ends_here = following.kind is Kind.END or following.text in (",", ")") or following.upper in followers
        if token.kind not in NAMES or token.upper in RESERVED | followers or not ends_here:
            return None
        return self.name().text

    def _typeof(self) -> TypeOf:
        pos = self.tokens.current.pos
        self.tokens.expect_keyword("TYPEOF")
        relationship = self.path("a relationship name")
        branches = []
        while self.tokens.accept_keyword("WHEN"):
            name = self.name("an object name").text
            self.tokens.expect_keyword("THEN")
            branches.append(TypeOfBranch(name, self._paths()))
        if not branches:
            raise self.tokens.unexpected("WHEN")
        otherwise = self._paths() if self.tokens.accept_keyword("ELSE") else None
        self.tokens.expect_keyword("END")
        return TypeOf(relationship, tuple(branches), otherwise, pos)

    def _paths(self) -> tuple[FieldPath, ...]:
        paths = [self.path()]
        while self.tokens.accept(","):
            paths.append(self.path())
        return tuple(paths)

    # --- FROM, WITH --------------------------------------------------------------------------------------------------

    def _sources(self) -> list[Source]:
        sources = [self._source()]
        while self.tokens.accept(","):
            sources.append(self._source())
        return sources

    def _source(self) -> Source:
        path = self.path("an object name")
        if self.tokens.current.upper == "AS":
            self.tokens.advance()
            return Source(path.parts, self.name("an alias").text, path.pos)
        return Source(path.parts, self._alias(AFTER_SOURCE), path.pos)

    def _with(self, query: Query) -> Query:
        """``query`` with what its WITH clauses say; those that filter come first."""
        while self.tokens.accept_keyword("WITH"):
            plain = query.access is None and not query.visibility
            if plain and query.filter is None and self.tokens.peek().text == "=":
                query = replace(query, filter=self._key())
            elif plain and not query.data_categories and self.tokens.accept_keyword("DATA", "CATEGORY"):
                query = replace(query, data_categories=self._categories())
            elif not query.visibility and self.tokens.current.upper == "RECORDVISIBILITYCONTEXT":
                self.tokens.advance()
                query = replace(query, visibility=self._options())
            elif query.access is None:
                query = replace(query, access=self._one_of(ACCESS_MODES))
            else:
                raise self.tokens.unexpected()
        return query

    def _key(self) -> Comparison:
        field = self.path()
        self.tokens.expect("=")
        return Comparison(field, "=", self.literal(), field.pos)

    def _options(self) -> tuple[Option, ...]:
        self.tokens.expect("(")
        options = [self._option()]
        while self.tokens.accept(","):
            options.append(self._option())
        self.tokens.expect(")")
        return tuple(options)

    def _option(self) -> Option:
        name = self.name("an option")
        self.tokens.expect("=")
        return Option(name.text, self.literal(), name.pos)

    def _categories(self) -> tuple[DataCategory, ...]:
        categories = [self._category()]
        while self.tokens.accept_keyword("AND"):
            categories.append(self._category())
        return tuple(categories)

    def _category(self) -> DataCategory:
        group = self.name("a data category group").text
        operator = self._one_of(CATEGORY_OPERATORS)
        if not self.tokens.accept("("):
            return DataCategory(group, operator, (self.name("a data category").text,))
        names = [self.name("a data category").text]
        while self.tokens.accept(","):
            names.append(self.name("a data category").text)
        self.tokens.expect(")")
        return DataCategory(group, operator, tuple(names))

    def _one_of(self, words: tuple[str, ...]) -> str:
        for word in words:
            if self.tokens.accept_keyword(word):
                return word
        raise self.tokens.unexpected()

    # --- GROUP BY, ORDER BY, LIMIT -----------------------------------------------------------------------------------

    def _group_by(self) -> GroupBy:
        for mode in ("ROLLUP", "CUBE"):
            if self.tokens.accept_keyword(mode):
                self.tokens.expect("(")
                items = self._expressions()
                self.tokens.expect(")")
                return GroupBy(items, mode)
        return GroupBy(self._expressions())

    def _expressions(self) -> tuple[Expression, ...]:
        items = [self.expression()]
        while self.tokens.accept(","):
            items.append(self.expression())
        return tuple(items)

    def _order_by(self) -> tuple[OrderItem, ...]:
        items = [self._order_item()]
        while self.tokens.accept(","):
            items.append(self._order_item())
        return tuple(items)

    def _order_item(self) -> OrderItem:
        expression = self.expression()
        descending = self.tokens.accept_keyword("DESC")
        if not descending:
            self.tokens.accept_keyword("ASC")
        nulls = self._one_of(("FIRST", "LAST")) if self.tokens.accept_keyword("NULLS") else None
        return OrderItem(expression, descending, nulls)

    def _count(self) -> int | Bind:
        token = self.tokens.current
        if token.kind is Kind.BIND:
            return Bind(self.tokens.advance().text[1:].strip(), token.pos, token.end)
        if token.kind is not Kind.NUMBER or not token.text.isdigit():
            raise self.tokens.unexpected("a whole number")
        return self.whole_number(self.tokens.advance().text, token)

    # --- what comes last ---------------------------------------------------------------------------------------------

    def _ending(self, query: Query) -> Query:
        """``query`` with FOR, UPDATE, SET OPTIONS and ALL ROWS."""
        return replace(
            query,
            purpose=self._one_of(PURPOSES) if self.tokens.accept_keyword("FOR") else None,
            update=self._words(UPDATES) if self.tokens.accept_keyword("UPDATE") else (),
            options=self._options() if self.tokens.accept_keyword("SET", "OPTIONS") else (),
            all_rows=self.tokens.accept_keyword("ALL", "ROWS"),
        )

    def _words(self, words: tuple[str, ...]) -> tuple[str, ...]:
        """Some of ``words``, joined by commas."""
        found = [self._one_of(words)]
        while self.tokens.accept(","):
            found.append(self._one_of(words))
        return tuple(found)
