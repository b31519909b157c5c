"""SOQL text to tokens with positions, and the cursor a parser walks over them.

Keywords are not reserved here: SOQL lets most of them be field names, so the parser decides by place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from sfdata.errors import SoqlSyntaxError


class Kind(Enum):
    NAME = "name"
    STRING = "text"
    NUMBER = "number"
    CURRENCY = "amount"
    DATE = "date"
    DATETIME = "date and time"
    TIME = "time"
    RELATIVE = "relative date"
    BIND = "bind"
    PUNCTUATION = "punctuation"
    END = "end of query"


@dataclass(frozen=True, slots=True)
class Token:
    kind: Kind
    text: str
    pos: int

    @property
    def end(self) -> int:
        return self.pos + len(self.text)

    @property
    def upper(self) -> str:
        return self.text.upper()


_SKIPPED = re.compile(r"(?:\s+|//[^\n]*|/\*.*?\*/)+", re.DOTALL)
_TOKEN = re.compile(
    r"""
      (?P<DATETIME> \d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:[Zz]|[+-]\d{2}:?\d{2})? )
    | (?P<DATE>     \d{4}-\d{2}-\d{2} )
    | (?P<TIME>     \d{2}:\d{2}:\d{2}(?:\.\d+)?[Zz]? )
    | (?P<NUMBER>   [+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)? )
    | (?P<STRING>   '(?:[^'\\]|\\.)*' )
    | (?P<RELATIVE> [A-Za-z]\w*\s*:\s*\d+ )
    | (?P<CURRENCY> [A-Za-z]{3}[+-]?\d+(?:\.\d+)?(?![\w.]) )
    | (?P<NAME>     [A-Za-z_]\w* )
    | (?P<BIND>     :\s*[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)* )
    | (?P<PUNCTUATION> [(),.] | <= | >= | != | <> | = | < | > )
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_KINDS = {kind.name: kind for kind in Kind}


def tokenize(text: str) -> Iterator[Token]:
    """The tokens of ``text``, comments and white space left out, ending with one of kind END.

    Raises:
        SoqlSyntaxError: at a character no token starts with, or a text whose quote is never closed.
    """
    pos = 0
    while True:
        if skipped := _SKIPPED.match(text, pos):
            pos = skipped.end()
        if pos == len(text):
            yield Token(Kind.END, "", pos)
            return
        found = _TOKEN.match(text, pos)
        if found is None:
            raise _unreadable(text, pos)
        yield Token(_KINDS[found.lastgroup or ""], found.group(), pos)
        pos = found.end()


def _unreadable(text: str, pos: int) -> SoqlSyntaxError:
    char = text[pos]
    if char == "'":
        return SoqlSyntaxError(
            "a text is never closed", text=text, offset=pos, expected=["a closing '"], found=text[pos:]
        )
    return SoqlSyntaxError(f"unexpected token: '{char}'", text=text, offset=pos, found=char)


_SIMPLE_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "'": "'", '"': '"', "\\": "\\"}


def unquote(token: Token, text: str) -> tuple[str, str]:
    """The value of a quoted text, and the same with ``\\%``, ``\\_`` and ``\\\\`` left escaped, for LIKE.

    Raises:
        SoqlSyntaxError: at a backslash that starts no known escape.
    """
    body = token.text[1:-1]
    if "\\" not in body:
        return body, body
    value: list[str] = []
    like: list[str] = []
    pos = 0
    while pos < len(body):
        char = body[pos]
        if char != "\\":
            value.append(char)
            like.append(char)
            pos += 1
            continue
        escape = body[pos + 1]
        length = 2
        if escape in "%_":
            value.append(escape)
            like.append(f"\\{escape}")
        elif escape in "uU" and re.fullmatch(r"[0-9a-fA-F]{4}", body[pos + 2 : pos + 6]):
            value.append(chr(int(body[pos + 2 : pos + 6], 16)))
            like.append(value[-1])
            length = 6
        elif escape.lower() in _SIMPLE_ESCAPES:
            value.append(_SIMPLE_ESCAPES[escape.lower()])
            like.append("\\\\" if escape == "\\" else value[-1])
        else:
            message = f"Illegal character sequence '\\{escape}' in string literal '{body}'"
            raise SoqlSyntaxError(message, text=text, offset=token.pos + 1 + pos, found=f"\\{escape}")
        pos += length
    return "".join(value), "".join(like)


class Tokens:
    """A cursor over the tokens of one query that remembers what it was asked for in vain.

    What was looked for at the furthest place is what an error says was expected there.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._tokens = list(tokenize(text))
        self._index = 0
        self._expected: dict[str, None] = {}

    @property
    def current(self) -> Token:
        return self._tokens[self._index]

    def peek(self, ahead: int = 1) -> Token:
        return self._tokens[min(self._index + ahead, len(self._tokens) - 1)]

    def advance(self) -> Token:
        token = self.current
        self._index = min(self._index + 1, len(self._tokens) - 1)
        self._expected.clear()
        return token

    def at_keyword(self, *words: str) -> bool:
        """Whether these words stand here, one after the other."""
        for ahead, word in enumerate(words):
            token = self.peek(ahead)
            if token.kind is not Kind.NAME or token.upper != word:
                self._expected[" ".join(words)] = None
                return False
        return True

    def accept_keyword(self, *words: str) -> bool:
        """Step over these words if they stand here."""
        if not self.at_keyword(*words):
            return False
        for _ in words:
            self.advance()
        return True

    def expect_keyword(self, *words: str) -> None:
        if not self.accept_keyword(*words):
            raise self.unexpected()

    def at(self, mark: str) -> bool:
        if self.current.kind is Kind.PUNCTUATION and self.current.text == mark:
            return True
        self._expected[f"'{mark}'"] = None
        return False

    def accept(self, mark: str) -> bool:
        if not self.at(mark):
            return False
        self.advance()
        return True

    def expect(self, mark: str) -> None:
        if not self.accept(mark):
            raise self.unexpected()

    def unexpected(self, *expected: str) -> SoqlSyntaxError:
        """The error for the current token, naming all that was tried here."""
        token = self.current
        found = token.text or "<EOF>"
        message = f"unexpected token: '{found}'" if token.text else "unexpected end of query"
        return SoqlSyntaxError(
            message, text=self.text, offset=token.pos, expected=[*expected, *self._expected], found=found
        )
