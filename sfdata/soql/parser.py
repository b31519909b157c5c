"""SOQL text to a syntax tree, by recursive descent over the clauses.

https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select.htm
"""

from __future__ import annotations

from sfdata.soql.expressions import ExpressionParser
from sfdata.soql.lexer import Kind
from sfdata.soql.nodes import (
    Bind,
    DataCategory,
    Expression,
    FieldPath,
    GroupBy,
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

# What may follow an entry of FROM. An alias is only taken for one where such a word (or the end) comes next, so that a
# misspelt keyword is reported as itself and not as the word behind it.
CLAUSES = frozenset(["USING", "WHERE", "WITH", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "FOR", "UPDATE", "ALL"])


def parse(text: str) -> Query:
    """The syntax tree of a SOQL query.

    Raises:
        sfdata.errors.SoqlSyntaxError: with line, column, what was found and what was expected.
    """
    parser = QueryParser(text)
    query = parser.query()
    if parser.tokens.current.kind is not Kind.END:
        raise parser.tokens.unexpected()
    return query


class QueryParser(ExpressionParser):
    """Parses a whole query; one method a clause, in the order the clauses must stand."""

    def query(self) -> Query:
        pos = self.tokens.current.pos
        self.tokens.expect_keyword("SELECT")
        select = self._select()
        self.tokens.expect_keyword("FROM")
        source, *joins = self._sources()
        scope = self.name("a scope").text if self.tokens.accept_keyword("USING", "SCOPE") else None
        where = self.condition() if self.tokens.accept_keyword("WHERE") else None
        access, categories = self._with()
        group_by = self._group_by() if self.tokens.accept_keyword("GROUP", "BY") else None
        return Query(
            select=select,
            source=source,
            joins=tuple(joins),
            scope=scope,
            where=where,
            access=access,
            data_categories=categories,
            group_by=group_by,
            having=self.condition() if self.tokens.accept_keyword("HAVING") else None,
            order_by=self._order_by() if self.tokens.accept_keyword("ORDER", "BY") else (),
            limit=self._count() if self.tokens.accept_keyword("LIMIT") else None,
            offset=self._count() if self.tokens.accept_keyword("OFFSET") else None,
            purpose=self._purposes(),
            update=self._updates(),
            all_rows=self.tokens.accept_keyword("ALL", "ROWS"),
            text=self.tokens.text,
            pos=pos,
        )

    # --- SELECT ------------------------------------------------------------------------------------------------------

    def _select(self) -> tuple[SelectItem, ...]:
        items = [self._select_item()]
        while self.tokens.accept(","):
            items.append(self._select_item())
        return tuple(items)

    def _select_item(self) -> SelectItem:
        token = self.tokens.current
        if self.tokens.at("("):
            return Subquery(self.subquery(), token.pos)
        if self.tokens.at_keyword("TYPEOF") and self.tokens.peek().kind is Kind.NAME:
            return self._typeof()
        return SelectField(self.expression(), self._alias(frozenset({"FROM"})))

    def _alias(self, followers: frozenset[str]) -> str | None:
        token, following = self.tokens.current, self.tokens.peek()
        ends_here = following.kind is Kind.END or following.text in (",", ")") or following.upper in followers
        if token.kind not in (Kind.NAME, Kind.CURRENCY) or token.upper in followers or not ends_here:
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
            raise self.tokens.unexpected()
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
        self.tokens.accept_keyword("AS")
        return Source(path.parts, self._alias(CLAUSES), path.pos)

    def _with(self) -> tuple[str | None, tuple[DataCategory, ...]]:
        access: str | None = None
        categories: list[DataCategory] = []
        while self.tokens.accept_keyword("WITH"):
            if self.tokens.accept_keyword("DATA", "CATEGORY"):
                categories.append(self._category())
                while self.tokens.accept_keyword("AND"):
                    categories.append(self._category())
            else:
                access = self._one_of(ACCESS_MODES)
        return access, tuple(categories)

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
            if self.tokens.current.upper == mode and self.tokens.peek().text == "(":
                self.tokens.advance()
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
        return int(self.tokens.advance().text)

    # --- FOR, UPDATE -------------------------------------------------------------------------------------------------

    def _purposes(self) -> tuple[str, ...]:
        found = []
        while self.tokens.accept_keyword("FOR"):
            found.append(self._one_of(PURPOSES))
            self.tokens.accept(",")
        return tuple(found)

    def _updates(self) -> tuple[str, ...]:
        found: list[str] = []
        while self.tokens.accept_keyword("UPDATE") or (found and self.tokens.accept(",")):
            found.append(self._one_of(UPDATES))
        return tuple(found)
