"""What stands between the braces of FIND: words, phrases and operators.

AND is meant where nothing stands between two words. Parentheses bind first, then AND and AND NOT, from right to left,
then OR. ``*`` and ``?`` are wildcards except at the beginning of a word.
https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_sosl_find.htm
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sfdata.localorg.answers import ApiError

MOST_CHARACTERS = 10_000
"""A longer search finds nothing."""

MOST_WITH_OPERATORS = 4_000
"""In a longer search the operators are left out, and any of the words will do."""

FEWEST_CHARACTERS = 2
MAX_DEPTH = 20
OPERATORS = frozenset({"AND", "OR", "NOT"})
RESERVED = "&|!{}[]^~:'+-"
"""Characters that must be escaped with a backslash, besides those that mean something here."""

_TOKEN = re.compile(
    rf"""
      (?P<phrase> "(?:[^"\\]|\\.)*" )
    | (?P<mark> [()] )
    | (?P<word> (?:[^\s"()\\{re.escape(RESERVED)}]|\\.)+ )
    | (?P<wrong> \S )
    """,
    re.VERBOSE | re.DOTALL,
)
_WORD = re.compile(r"(?:[^\W_]|[*?])+")


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that follow each other, folded (see `folded`), with their wildcards. Mostly it is one word."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class And:
    items: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Or:
    items: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class AndNot:
    """Holds ``wanted`` and not ``unwanted``."""

    wanted: Term
    unwanted: Term


Term = Phrase | And | Or | AndNot


def parse_terms(text: str, start: int = 0, stop: int | None = None, *, lenient: bool = False) -> Term | None:
    """What ``text[start:stop]`` looks for; None where it has no words or too many characters.

    ``lenient`` takes reserved characters for white space, where they need no escape.

    Raises:
        ApiError: INVALID_SEARCH for less than two characters, MALFORMED_SEARCH with the place for what has no meaning.
    """
    stop = len(text) if stop is None else stop
    if stop - start > MOST_CHARACTERS:
        return None
    pieces = list(_pieces(text, start, stop, lenient))
    if sum(len(word.strip("*?")) for piece in pieces for word in piece.words) < FEWEST_CHARACTERS:
        term = text[start:stop].strip()
        raise ApiError(400, "INVALID_SEARCH", f"search term must be longer than one character: {term}")
    if stop - start > MOST_WITH_OPERATORS:
        return _joined(Or, dict.fromkeys(piece.phrase for piece in pieces if not piece.operator))
    return _Parser(text, pieces, stop).term()


def folded(text: str) -> str:
    """A text such that two which differ only in case or in accents become equal."""
    decomposed = unicodedata.normalize("NFD", text.lower())
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if not unicodedata.combining(c)))


def malformed(text: str, pos: int, problem: str) -> ApiError:
    """The refusal of a statement, with the place. Other than for SOQL, the column is counted from 0."""
    start = text.rfind("\n", 0, pos) + 1
    line = text[start:].partition("\n")[0].rstrip("\r")
    row, column = text.count("\n", 0, pos) + 1, pos - start
    place = f"{' ' * (column - 1)}^\nERROR at Row:{row}:Column:{column}"
    return ApiError(400, "MALFORMED_SEARCH", f"\n{line}\n{place}\n{problem}")


def mismatched(text: str, pos: int, found: str) -> ApiError:
    """The refusal of a character that cannot stand there."""
    row, column = text.count("\n", 0, pos) + 1, pos - (text.rfind("\n", 0, pos) + 1)
    return malformed(text, pos, f"line {row}:{column} mismatched character '{found}' expecting '}}'")


@dataclass(frozen=True, slots=True)
class _Piece:
    """A word or phrase with what it could be besides: an operator, a parenthesis."""

    words: tuple[str, ...]
    pos: int
    operator: str = ""

    @property
    def phrase(self) -> Phrase | None:
        return Phrase(self.words) if self.words else None


def _pieces(text: str, start: int, stop: int, lenient: bool) -> Iterator[_Piece]:
    for found in _TOKEN.finditer(text, start, stop):
        here, part = found.start(), found[0]
        match found.lastgroup:
            case "word":
                yield _Piece(_words(part), here, part.upper() if part.upper() in OPERATORS else "")
            case "phrase":
                yield _Piece(_words(part[1:-1]), here)
            case "mark":
                yield _Piece((), here, part)
            case "wrong" if not lenient:
                where = stop if part == '"' else here  # a phrase that is never closed
                raise mismatched(text, where, text[where : where + 1] or "<EOF>")


def _words(text: str) -> tuple[str, ...]:
    """The words of a text. Punctuation, escaped or not, only divides them."""
    plain = re.sub(r"\\(.)", lambda escape: escape[1] if escape[1].isalnum() else " ", text, flags=re.DOTALL)
    found = (word.lstrip("*?") for word in _WORD.findall(folded(plain)))
    return tuple(word for word in found if word)


def _joined(node: type[And] | type[Or], terms: Iterable[Term | None]) -> Term | None:
    """The terms under one node, empty ones left out and nodes of the same kind merged."""
    items: list[Term] = []
    for term in terms:
        if isinstance(term, node):
            items += term.items
        elif term is not None:
            items.append(term)
    if len(items) < 2:
        return items[0] if items else None
    return node(tuple(items))


class _Parser:
    """Reads the pieces by recursive descent."""

    def __init__(self, text: str, pieces: list[_Piece], stop: int) -> None:
        self._text = text
        self._pieces = pieces
        self._stop = stop
        self._index = 0
        self._depth = 0

    def term(self) -> Term | None:
        found = self._alternatives()
        if self._index < len(self._pieces):
            raise mismatched(self._text, self._pos, ")")
        return found

    def _alternatives(self) -> Term | None:
        terms = [self._conjunction()]
        while self._accept("OR"):
            terms.append(self._conjunction())
        return _joined(Or, terms)

    def _conjunction(self) -> Term | None:
        operands, negated = [self._operand()], [False]
        while not (self._at_end() or self._at("OR")):
            negated.append(self._accept("AND") and self._accept("NOT"))
            operands.append(self._operand())
        result = operands.pop()
        while operands:
            left = operands.pop()
            if not negated.pop():
                result = _joined(And, (left, result))
            elif left is None or result is None:
                result = left
            else:
                self._enter()
                result = AndNot(left, result)
        return result

    def _operand(self) -> Term | None:
        piece = self._pieces[self._index]
        if piece.operator == ")":
            raise mismatched(self._text, piece.pos, ")")
        self._index += 1
        if piece.operator != "(":
            return piece.phrase
        self._enter()
        if self._at_end():
            raise mismatched(self._text, self._pos, ")")
        inner = self._alternatives()
        if self._index == len(self._pieces):
            raise mismatched(self._text, self._stop, "}")
        self._index += 1
        self._depth -= 1
        return inner

    def _at(self, operator: str) -> bool:
        """Whether this operator stands here, with something behind it; else the word is a word."""
        here, behind = self._pieces[self._index : self._index + 1], self._pieces[self._index + 1 : self._index + 2]
        return bool(here and here[0].operator == operator and behind and behind[0].operator != ")")

    def _accept(self, operator: str) -> bool:
        """Step over this operator if it stands here."""
        found = self._at(operator)
        self._index += found
        return found

    def _at_end(self) -> bool:
        return self._index >= len(self._pieces) or self._pieces[self._index].operator == ")"

    @property
    def _pos(self) -> int:
        return self._pieces[self._index].pos if self._index < len(self._pieces) else self._stop

    def _enter(self) -> None:
        """Bounds the depth of what is read; the index could not take it."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ApiError(400, "MALFORMED_SEARCH", "The search term is nested too deeply")
