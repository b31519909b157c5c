"""The inner part of the grammar: names, functions, literals and conditions.

https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_conditionexpression.htm
"""

from __future__ import annotations

import datetime as dt
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import TypeVar

from sfdata.errors import SoqlSyntaxError
from sfdata.soql.advice import MIXED, NOT_ALONE
from sfdata.soql.lexer import Kind, Token, Tokens, unquote
from sfdata.soql.nodes import (
    And,
    Bind,
    BooleanLiteral,
    Comparison,
    Condition,
    CurrencyLiteral,
    DateLiteral,
    DateTimeLiteral,
    Expression,
    FieldPath,
    FunctionCall,
    Literal,
    Membership,
    MultiPicklistTest,
    Not,
    NullLiteral,
    NumberLiteral,
    Or,
    Query,
    RelativeDate,
    StringLiteral,
    SubqueryMembership,
    TimeLiteral,
)

_FISCAL = ("QUARTER", "YEAR")
_PERIODS = ("WEEK", "MONTH", *_FISCAL, *(f"FISCAL_{period}" for period in _FISCAL))
RELATIVE_DATES = frozenset(
    {"TODAY", "YESTERDAY", "TOMORROW", "LAST_90_DAYS", "NEXT_90_DAYS"}
    | {f"{which}_{period}" for which in ("LAST", "THIS", "NEXT") for period in _PERIODS}
)
COUNTED_RELATIVE_DATES = frozenset(
    {f"{which}_N_{period}S" for which in ("LAST", "NEXT") for period in ("DAY", *_PERIODS)}
    | {f"N_{period}S_AGO" for period in ("DAY", *_PERIODS)}
)
COMPARISONS = ("=", "!=", "<>", "<=", ">=", "<", ">")
# Keywords that can be no name, unless a dot follows.
_RESERVED = (
    "AND AS ASC BIND BY CUBE DESC ELSE EXCLUDES FALSE FIRST FOR FROM HAVING HIERARCHICAL IN INCLUDES LAST LIKE LIMIT "
    "LOOKUP NOT NULL NULLS OR ROLLUP SELECT TRUE UPDATE USING WHERE WITH"
)
RESERVED = frozenset(_RESERVED.split())
NAMES = (Kind.NAME, Kind.CURRENCY)  # ``abc1`` has the form of an amount, and is a name where a name is wanted
MAX_DEPTH = 100  # of parentheses and NOT, one within the other
SUBQUERY_DEPTH = 5  # what a subquery adds to that: it takes the stack of so many parentheses to read and to print
MAX_COUNT = 2**31 - 1  # of LIMIT, OFFSET and LAST_N_DAYS:n
TO_THE_MINUTE = len("2024-01-31T10:00")

_T = TypeVar("_T")


class ExpressionParser(ABC):
    """Parses what stands between the clause keywords. `parser.QueryParser` adds the clauses."""

    def __init__(self, text: str) -> None:
        self.tokens = Tokens(text)
        self._depth = 0

    @abstractmethod
    def semi_join(self) -> Query:
        """The SELECT behind IN."""

    @contextmanager
    def nested(self, depth: int = 1) -> Iterator[None]:
        """Bounds the depth of nesting, so that no query text can exhaust the stack."""
        self._depth += depth
        if self._depth > MAX_DEPTH:
            raise SoqlSyntaxError("nested too deeply", text=self.tokens.text, offset=self.tokens.current.pos)
        yield
        self._depth -= depth

    # --- names and functions -----------------------------------------------------------------------------------------

    def name(self, what: str = "a name") -> Token:
        """An identifier. A keyword that cannot be one means that it is missing here."""
        token, following = self.tokens.current, self.tokens.peek()
        if token.upper in RESERVED and following.text != ".":
            raise self.tokens.unexpected(what)
        if token.kind in NAMES and token.text.isidentifier():
            return self.tokens.advance()
        raise self.tokens.unexpected(what)

    def path(self, what: str = "a field name") -> FieldPath:
        """Names joined by dots, without a blank between them."""
        if self.tokens.current.upper in ("GROUP", "ORDER") and self.tokens.peek().upper == "BY":
            raise self.tokens.unexpected(what)
        first = last = self.name(what)
        parts = [first.text]
        while self.tokens.current.text == ".":
            dot = self.tokens.current
            if dot.pos != last.end or self.tokens.peek().pos != dot.end:
                raise self.tokens.unexpected("a name right at the dot")
            self.tokens.advance()
            last = self.tokens.current
            if last.kind not in NAMES:
                raise self.tokens.unexpected(what)
            parts.append(self.tokens.advance().text)
        return FieldPath(tuple(parts), first.pos)

    def expression(self, what: str = "a field name") -> Expression:
        """A field path, or a function of one, or of another function of one."""
        path = self.path(what)
        if len(path.parts) > 1 or self.tokens.current.text != "(":
            return path
        self.tokens.advance()
        args = self._place() if path.name.upper() == "DISTANCE" else (self._argument(),)
        self.tokens.expect(")")
        return FunctionCall(path.name, args, path.pos)

    def _argument(self) -> Expression:
        path = self.path()
        if len(path.parts) > 1 or self.tokens.current.text != "(":
            return path
        self.tokens.advance()
        inner = self.path()
        self.tokens.expect(")")
        return FunctionCall(path.name, (inner,), path.pos)

    def _place(self) -> tuple[Expression | Literal, ...]:
        """What DISTANCE is of: a field, a place and a unit."""
        field = self.path()
        self.tokens.expect(",")
        pos = self.tokens.current.pos
        self.tokens.expect_keyword("GEOLOCATION")
        self.tokens.expect("(")
        latitude = self.literal()
        self.tokens.expect(",")
        place = FunctionCall("GEOLOCATION", (latitude, self.literal()), pos)
        self.tokens.expect(")")
        self.tokens.expect(",")
        return field, place, self.literal()

    # --- literals ----------------------------------------------------------------------------------------------------

    def literal(self) -> Literal:
        token = self.tokens.current
        reader = _LITERALS.get(token.kind)
        value = reader(self, token) if reader else None
        if value is None:
            raise self.tokens.unexpected("a value")
        self.tokens.advance()
        return value

    def _string(self, token: Token) -> Literal:
        value, like = unquote(token, self.tokens.text)
        return StringLiteral(value, like, token.pos)

    def pattern(self) -> Literal:
        """The literal behind LIKE: a text may escape its wildcards."""
        token = self.tokens.current
        if token.kind is not Kind.STRING:
            return self.literal()
        value, like = unquote(token, self.tokens.text, "%_\\")
        self.tokens.advance()
        return StringLiteral(value, like, token.pos)

    def _number(self, token: Token) -> Literal:
        return NumberLiteral(Decimal("".join(token.text.split())), token.pos)

    def _currency(self, token: Token) -> Literal:
        return CurrencyLiteral(token.upper[:3], Decimal(token.text[3:]), token.pos)

    def _bind(self, token: Token) -> Literal:
        return Bind(token.text[1:].strip(), token.pos, token.end)

    def _word(self, token: Token) -> Literal | None:
        if token.upper in ("TRUE", "FALSE"):
            return BooleanLiteral(token.upper == "TRUE", token.pos)
        if token.upper == "NULL":
            return NullLiteral(token.pos)
        return RelativeDate(token.upper, None, token.pos) if token.upper in RELATIVE_DATES else None

    def _relative(self, token: Token) -> Literal | None:
        name, digits = re.split(r"\s*:\s*", token.upper)
        if name not in COUNTED_RELATIVE_DATES:
            return None
        return RelativeDate(name, self.whole_number(digits, token), token.pos)

    def _date(self, token: Token) -> Literal:
        return DateLiteral(self._real(dt.date.fromisoformat, token.text, token), token.pos)

    def _time(self, token: Token) -> Literal:
        if token.upper[-1] != "Z":
            raise self.tokens.unexpected("a Z behind the time", hint=f"Write {token.text}Z.")
        return TimeLiteral(self._real(dt.time.fromisoformat, _microseconds(token.text.rstrip("Zz")), token), token.pos)

    def _datetime(self, token: Token) -> Literal:
        if token.text[TO_THE_MINUTE:][:1] != ":":
            raise self.tokens.unexpected("the seconds", hint=f"Write {token.text[:TO_THE_MINUTE]}:00Z.")
        value = self._real(_instant, _microseconds(token.upper), token)
        if value.tzinfo is None:
            raise self.tokens.unexpected("a time zone", hint=f"Write {token.text}Z for UTC, or an offset like +01:00.")
        return DateTimeLiteral(value, token.pos)

    def _real(self, read: Callable[[str], _T], text: str, token: Token) -> _T:
        """``read(text)``, where a day or an hour that does not exist is a syntax error."""
        try:
            return read(text)
        except (ValueError, OverflowError) as problem:
            message = f"no such {token.kind.value}: {token.text} ({problem})"
            raise SoqlSyntaxError(message, text=self.tokens.text, offset=token.pos, found=token.text) from None

    def whole_number(self, digits: str, token: Token) -> int:
        """The number of rows or days that stands in ``token``."""
        if len(digits.lstrip("0")) > 10 or int(digits) > MAX_COUNT:
            raise self.too_large(token)
        return int(digits)

    def too_large(self, token: Token) -> SoqlSyntaxError:
        message = f"number too large: {token.text[:40]}"
        return SoqlSyntaxError(message, text=self.tokens.text, offset=token.pos, found=token.text)

    # --- conditions --------------------------------------------------------------------------------------------------

    def condition(self) -> Condition:
        """Conditions joined by AND, or by OR, or one behind NOT; what else meets them stands in parentheses."""
        if self.tokens.accept_keyword("NOT"):
            negated = Not(self._operand())
            if self.tokens.current.upper in ("AND", "OR"):
                raise self.tokens.unexpected(*self._closing(), hint=NOT_ALONE)
            return negated
        first = self._operand()
        for word, other, node in (("AND", "OR", And), ("OR", "AND", Or)):
            if self.tokens.at_keyword(word):
                items = [first]
                while self.tokens.accept_keyword(word):
                    items.append(self._operand())
                if self.tokens.current.upper == other:
                    raise self.tokens.unexpected(word, *self._closing(), hint=MIXED)
                return node(tuple(items))
        return first

    def _closing(self) -> tuple[str, ...]:
        """What would end the conditions here, in the words of `Tokens.at`."""
        return ("')'",) if self._depth else ()

    def _operand(self) -> Condition:
        if not self.tokens.accept("("):
            return self._test()
        with self.nested():
            inner = self.condition()
            self.tokens.expect(")")
            return inner

    def _test(self) -> Condition:
        left = self.expression()
        pos = left.pos
        for mark in COMPARISONS:
            if self.tokens.accept(mark):
                operator = f"{mark}=" if mark in ("<", ">") and self.tokens.accept("=") else mark
                return Comparison(left, "!=" if mark == "<>" else operator, self.literal(), pos)
        if self.tokens.accept_keyword("LIKE"):
            return Comparison(left, "LIKE", self.pattern(), pos)
        for word, negated in (("INCLUDES", False), ("EXCLUDES", True)):
            if self.tokens.accept_keyword(word):
                return MultiPicklistTest(left, self._values(), negated, pos)
        negated = self.tokens.accept_keyword("NOT")
        if not self.tokens.accept_keyword("IN"):
            raise self.tokens.unexpected("IN" if negated else "an operator such as =, LIKE or IN")
        if self.tokens.at("(") and self.tokens.peek().upper == "SELECT":
            return SubqueryMembership(left, self.in_parentheses(self.semi_join), negated, pos)
        return Membership(left, self._values(), negated, pos)

    def _values(self) -> tuple[Literal, ...]:
        if self.tokens.current.kind is Kind.BIND:
            return (self.literal(),)
        self.tokens.expect("(")
        values: list[Literal] = [StringLiteral(text, pos=pos) for text, pos in self.tokens.plain_texts()]
        values.append(self.literal())
        while self.tokens.accept(","):
            values.append(self.literal())
        self.tokens.expect(")")
        return tuple(values)

    def in_parentheses(self, query: Callable[[], Query]) -> Query:
        """A SELECT in parentheses, read by ``query``."""
        with self.nested(SUBQUERY_DEPTH):
            self.tokens.expect("(")
            found = query()
            self.tokens.expect(")")
            return found


def _instant(text: str) -> dt.datetime:
    value = dt.datetime.fromisoformat(text)
    if value.tzinfo is not None:
        value.astimezone(dt.UTC)  # fails where UTC has no such year
    return value


def _microseconds(text: str) -> str:
    """``text`` with its decimals of a second cut or filled up to the six that Python reads."""
    return re.sub(r"\.(\d{1,6})\d*", lambda found: f".{found[1]:0<6}", text)


_LITERALS: Mapping[Kind, Callable[[ExpressionParser, Token], Literal | None]] = {
    Kind.STRING: ExpressionParser._string,
    Kind.NUMBER: ExpressionParser._number,
    Kind.CURRENCY: ExpressionParser._currency,
    Kind.BIND: ExpressionParser._bind,
    Kind.NAME: ExpressionParser._word,
    Kind.RELATIVE: ExpressionParser._relative,
    Kind.DATE: ExpressionParser._date,
    Kind.TIME: ExpressionParser._time,
    Kind.DATETIME: ExpressionParser._datetime,
}
