"""Formula text to a tree: tokens, nodes, and a parser that climbs precedences.

The grammar is that of Salesforce's engine, with its one surprise: ``^`` binds less than ``*`` and ``/``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

LONGEST_FORMULA = 3_900
DEEPEST = 150
"""Levels of a tree, so that no formula outgrows the interpreter's stack."""

TOKEN = re.compile(
    r"""
      (?P<SPACE>    (?: [ \t\f\r\n] | /\*.*?\*/ )+ )
    | (?P<NUMBER>   \d+ (?: \.\d+ )? )
    | (?P<TEXT>     "(?: [^"\\\r\n] | \\[nrt"'\\] )*" | '(?: [^'\\\r\n] | \\[nrt"'\\] )*' )
    | (?P<NAME>     [a-z$] [\w$:.\#]* )
    | (?P<OPERATOR> && | \|\| | <> | != | == | <= | >= | [-+*^&=<>!(),] | /(?!\*) )
    """,
    re.VERBOSE | re.DOTALL | re.ASCII | re.IGNORECASE,
)
ESCAPE = re.compile(r"\\(.)")
ESCAPED: Mapping[str, str] = {"n": "\n", "r": "\r", "t": "\t"}

PRECEDENCE: Mapping[str, int] = {
    "||": 1,
    "&&": 2,
    **dict.fromkeys(("=", "==", "<>", "!="), 3),
    **dict.fromkeys(("<", "<=", ">", ">="), 4),
    **dict.fromkeys(("+", "-", "&"), 5),
    "^": 6,
    **dict.fromkeys(("*", "/"), 7),
}
"""Operators between two values; all of them group from the left."""

CALLED: Mapping[str, str] = {"&&": "AND", "||": "OR", "==": "=", "!=": "<>"}
"""Operators that are another way to write a function or an operator."""

PREFIXES: Mapping[str, str] = {"!": "NOT", "NOT": "NOT", "-": "unary -", "+": "unary +"}
"""Operators in front of a value, as the calls are named that they make."""

CHAINED = frozenset({"AND", "OR"})
KEYWORDS: Mapping[str, bool | None] = {"TRUE": True, "FALSE": False, "NULL": None}


class InvalidFormula(Exception):
    """A formula that does not parse, names what does not exist, or puts types together that do not fit."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(f"{message} (at character {position + 1})")


@dataclass(frozen=True, slots=True)
class Literal:
    """A text, number, boolean or null."""

    value: str | Decimal | bool | None
    position: int


@dataclass(frozen=True, slots=True)
class Reference:
    """A field by its path: ``Amount``, ``Account.Owner.Name``, ``$User.Email``."""

    path: str
    position: int


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments, or an operator with its operands; the name is in capitals."""

    name: str
    arguments: tuple[Node, ...]
    position: int


Node = Literal | Reference | Call


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str
    position: int


def parse(text: str) -> Node:
    """The tree of a formula.

    Raises:
        InvalidFormula: it is empty, too long, nested too deeply, or does not parse.
    """
    if len(text) > LONGEST_FORMULA:
        raise InvalidFormula(f"Formula is too long ({len(text):,} characters). Maximum is {LONGEST_FORMULA:,}.", 0)
    parser = Parser(list(_tokens(text)))
    tree = parser.expression()
    parser.expect_end()
    return tree


def _tokens(text: str) -> Iterator[Token]:
    position = 0
    while position < len(text):
        found = TOKEN.match(text, position)
        if found is None:
            raise InvalidFormula(_no_token(text[position:]), position)
        if found.lastgroup != "SPACE":
            yield Token(str(found.lastgroup), found.group(), position)
        position = found.end()
    yield Token("END", "", position)


def _no_token(rest: str) -> str:
    if rest.startswith(("'", '"')):
        return "Syntax error. A text is never closed, or has a backslash that is not doubled."
    return "Syntax error. A comment is never closed." if rest.startswith("/*") else f"Syntax error. Found '{rest[0]}'"


class Parser:
    """Walks the tokens of one formula."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._index = 0
        self._depth = 0

    @property
    def _current(self) -> Token:
        return self._tokens[self._index]

    def _advance(self) -> Token:
        token = self._current
        self._index += 1
        return token

    def expression(self, least: int = 1) -> Node:
        """Operands joined by operators of at least this precedence."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise InvalidFormula("Formula is nested too deeply.", self._current.position)
        left = self._unary()
        while PRECEDENCE.get(self._current.text, 0) >= least:
            operator = self._advance()
            right = self.expression(PRECEDENCE[operator.text] + 1)
            left = _joined(operator, left, right)
        self._depth -= 1
        return left

    def expect_end(self) -> None:
        """Refuse what stands behind a complete formula."""
        if self._current.kind != "END":
            raise self._unexpected("Extra" if self._current.text in ")," else "Found")

    def _unary(self) -> Node:
        token = self._current
        name = PREFIXES.get(token.text.upper())
        if name is None:
            return self._primary()
        self._advance()
        self._depth += 1
        if self._depth > DEEPEST:
            raise InvalidFormula("Formula is nested too deeply.", token.position)
        operand = self._unary()
        self._depth -= 1
        return Call(name, (operand,), token.position)

    def _primary(self) -> Node:
        token = self._current
        if token.kind == "NUMBER":
            return Literal(Decimal(self._advance().text), token.position)
        if token.kind == "TEXT":
            return Literal(_unquoted(self._advance().text), token.position)
        if token.kind == "NAME":
            return self._named(self._advance())
        if token.text != "(":
            raise self._unexpected("Found")
        self._advance()
        inner = self.expression()
        self._close()
        return inner

    def _named(self, name: Token) -> Node:
        if name.text.upper() in KEYWORDS:
            return Literal(KEYWORDS[name.text.upper()], name.position)
        if self._current.text != "(":
            return Reference(name.text, name.position)
        self._advance()
        arguments: list[Node] = []
        if self._current.text != ")":
            arguments.append(self.expression())
            while self._current.text == ",":
                self._advance()
                arguments.append(self.expression())
        self._close()
        return Call(name.text.upper(), tuple(arguments), name.position)

    def _close(self) -> None:
        if self._current.text != ")":
            raise InvalidFormula("Syntax error. Missing ')'", self._current.position)
        self._advance()

    def _unexpected(self, what: str) -> InvalidFormula:
        token = self._current
        found = f"{what} '{token.text}'" if token.kind != "END" else "The formula ends too early"
        return InvalidFormula(f"Syntax error. {found}", token.position)


def _joined(operator: Token, left: Node, right: Node) -> Call:
    """The call of an operator; a chain of ``&&`` or ``||`` is one call with many arguments."""
    name = CALLED.get(operator.text, operator.text)
    if name in CHAINED and isinstance(left, Call) and left.name == name:
        return Call(name, (*left.arguments, right), left.position)
    return Call(name, (left, right), operator.position)


def _unquoted(text: str) -> str:
    return ESCAPE.sub(lambda escape: ESCAPED.get(escape[1].lower(), escape[1]), text[1:-1])
