"""SOQL text to tokens with positions, and the cursor a parser walks over them.

Keywords are not reserved here: SOQL lets most of them be field names, so the parser decides by place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import islice

from sfdata.errors import SoqlSyntaxError
from sfdata.soql.advice import BACKSLASH, advice, in_short


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
    UNKNOWN = "unknown character"
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


# Only plain white space: an org refuses a no-break space, and so the query is refused here, with the reason.
_SKIPPED = re.compile(r"(?:[ \t\r\n\f\v]+|//[^\n]*|/\*.*?\*/)+", re.DOTALL)
_TOKEN = re.compile(
    r"""
      (?P<DATETIME> \d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:[Zz]|[+-]\d{2}:?\d{2})? )
    | (?P<DATE>     \d{4}-\d{2}-\d{2} )
    | (?P<TIME>     \d{2}:\d{2}:\d{2}(?:\.\d+)?[Zz]? )
    | (?P<NUMBER>   (?:[+-][ \t\r\n]*)?(?:\d+(?:\.\d+)?|\.\d+) )
    | (?P<STRING>   '[^'\\\r\n]*(?:\\.[^'\\\r\n]*)*' )
    | (?P<RELATIVE> [A-Za-z]\w*\s*:\s*\d+ )
    | (?P<CURRENCY> [A-Za-z]{3}[+-]?\d+(?:\.\d+)?(?![\w.]) )
    | (?P<NAME>     [A-Za-z]\w* )
    | (?P<BIND>     :\s*[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)* )
    | (?P<PUNCTUATION> [(),.] | <= | >= | != | <> | = | < | > )
    | (?P<UNKNOWN>  (?:'|/\*).* | . )
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_KINDS = {kind.name: kind for kind in Kind}


def tokenize(text: str, pos: int = 0) -> Iterator[Token]:
    """The tokens of ``text`` from ``pos`` on, comments and white space left out.

    They end with one of kind END behind the last of them. Where no token starts there is one of kind UNKNOWN: a
    character, or a text or a comment that is never closed.
    """
    end = pos
    while True:
        if skipped := _SKIPPED.match(text, pos):
            pos = skipped.end()
        found = _TOKEN.match(text, pos)
        if found is None:
            yield Token(Kind.END, "", end)
            return
        yield Token(_KINDS[found.lastgroup or ""], found.group(), pos)
        pos = end = found.end()


def first_comment(text: str) -> int | None:
    """Where a comment starts, or what would be one if it were closed; None without."""
    if "//" not in text and "/*" not in text:
        return None
    end = 0
    for token in tokenize(text):
        slash = text.find("/", end, token.pos + 1 if token.text else None)
        if slash >= 0:
            return slash
        end = token.end
    return None


_PLAIN_TEXT = re.compile(r"\s*'([^'\\\r\n]*)'\s*,", re.ASCII)  # the commonest item of the longest lists
_ESCAPE = re.compile(r"\\(?:[uU](?P<code>[0-9a-fA-F]{4})|(?P<mark>.))", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "'": "'", '"': '"'}


def unquote(token: Token, text: str, escaped: str = "\\") -> tuple[str, str]:
    """The value of a quoted text, and the same with ``\\%``, ``\\_`` and ``\\\\`` left escaped, for LIKE.

    ``escaped`` are the marks that a backslash may stand before and stay: only a pattern knows ``%`` and ``_``.

    Raises:
        SoqlSyntaxError: at a backslash that starts no known escape, or where half of a character was escaped.
    """

    def read(escape: re.Match[str]) -> str:
        if code := escape["code"]:
            char = chr(int(code, 16))
            return "\\\\" if char == "\\" else char
        mark = escape["mark"]
        if mark in escaped:
            return escape.group()
        if mark.lower() in _ESCAPED:
            return _ESCAPED[mark.lower()]
        message = f"Illegal character sequence '\\{mark}' in string literal {token.text}"
        offset = token.pos + 1 + escape.start()
        raise SoqlSyntaxError(message, text=text, offset=offset, found=f"\\{mark}", hint=BACKSLASH)

    body = token.text[1:-1]
    try:
        like = _ESCAPE.sub(read, body).encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        message = "half of a surrogate pair, which is no character"
        raise SoqlSyntaxError(message, text=text, offset=token.pos, found=token.text) from None
    return re.sub(r"\\(.)", r"\1", like), like


READ_AHEAD = 32
"""Tokens read at a time, and so the furthest that `Tokens.peek` can see."""


class Tokens:
    """A cursor over the tokens of one query that remembers what it was asked for in vain.

    What was looked for at the furthest place is what an error says was expected there.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._expected: dict[str, None] = {}
        self._start(0)

    def _start(self, pos: int) -> None:
        self._source = tokenize(self.text, pos)
        self._tokens = [next(self._source)]
        self._index = 0

    @property
    def current(self) -> Token:
        return self._tokens[self._index]

    def peek(self, ahead: int = 1) -> Token:
        place = self._index + ahead
        if place >= len(self._tokens):
            self._tokens.extend(islice(self._source, READ_AHEAD))
        return self._tokens[min(place, len(self._tokens) - 1)]

    def advance(self) -> Token:
        token = self.current
        if self.peek() is not token:
            self._index += 1
        self._expected.clear()
        return token

    def plain_texts(self) -> list[tuple[str, int]]:
        """Step over the texts without escapes that stand here with a comma behind: their values and places.

        A list of a hundred thousand is read in a tenth of a second this way.
        """
        texts, pos = [], self.current.pos
        while found := _PLAIN_TEXT.match(self.text, pos):
            texts.append((found[1], found.start(1) - 1))
            pos = found.end()
        if texts:
            self._start(pos)
            self._expected.clear()
        return texts

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

    def unexpected(self, *expected: str, hint: str | None = None) -> SoqlSyntaxError:
        """The error for the current token; unless ``expected`` is given, it names all that was tried here."""
        token = self.current
        message = f"unexpected token: '{token.text}'" if token.text else "unexpected end of query"
        wanted = expected or tuple(self._expected)
        if token.kind is Kind.UNKNOWN and token.text[0] == "'":
            message, wanted = "a text is never closed", ("a closing '",)
        elif token.kind is Kind.UNKNOWN and token.text.startswith("/*"):
            message, wanted = "a comment is never closed", ("a closing */",)
        return SoqlSyntaxError(
            message,
            text=self.text,
            offset=token.pos,
            expected=in_short(wanted),
            found=token.text or "<EOF>",
            hint=hint or advice(self.text, token.pos, wanted),
        )
