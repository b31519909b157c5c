"""Random terms over random rows: what search finds is what a plain reading of the rows finds."""

from __future__ import annotations

import fnmatch
import unicodedata
from collections.abc import Callable, Iterator
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rig.local_rest import BASE, Rest

from sfdata.localorg import LocalOrg

WORDS = ("anna", "Annabel", "ann", "BOB", "bobby", "Müller", "muller", "Mueller", "x1", "straße", "O'Brien", "ça-va")
PATTERNS = ("ann*", "b?b", "m*er", "bob*", "a*l", "?ob", "x1*", "ül*", "z*")
SEPARATORS = (" ", ", ", "-", " / ", "\n")

Matches = Callable[[list[list[str]]], bool]
"""Whether a row matches, given the words of each of its fields."""


def words_of(text: str | None) -> list[str]:
    """The words of a text, without case and accents; written without a look at the org's code."""
    plain = "".join(c for c in unicodedata.normalize("NFD", (text or "").lower()) if not unicodedata.combining(c))
    return "".join(c if c.isalnum() else " " for c in plain).split()


def makes_row(random: Random) -> dict[str, str]:
    def text(most: int) -> str:
        return random.choice(SEPARATORS).join(random.choice(WORDS) for _ in range(random.randint(1, most)))

    return {"Name": text(2), "Description": text(6)}


RANDOM = Random(11)
ROWS = [makes_row(RANDOM) for _ in range(60)]


@pytest.fixture(scope="module")
def search() -> Iterator[Callable[[str], list[str]]]:
    with LocalOrg(sample_data=False) as org, Rest(org, org.access_token) as web:
        for number, row in enumerate(ROWS):
            web.created("Account", **row, AccountNumber=f"row{number:02}")

        def found(term: str) -> list[str]:
            sosl = f"FIND {{{term}}} RETURNING Account(AccountNumber ORDER BY AccountNumber)"
            reply = web.get(f"{BASE}/search", params={"q": sosl})
            assert reply.status_code == 200, reply.text
            return [record["AccountNumber"] for record in reply.json()["searchRecords"]]

        yield found


def escaped(word: str) -> str:
    return word.replace("'", "\\'").replace("-", "\\-")


def follow(words: list[str], patterns: list[str]) -> bool:
    """Whether the patterns match words that follow each other."""
    return any(
        all(fnmatch.fnmatchcase(word, pattern) for word, pattern in zip(words[start:], patterns, strict=False))
        for start in range(len(words) - len(patterns) + 1)
    )


def phrase(parts: list[str], quoted: bool) -> tuple[str, Matches]:
    patterns = [pattern for part in parts for pattern in (words_of(part) if part in WORDS else [strip(part)])]
    text = " ".join(map(escaped, parts))
    return (f'"{text}"' if quoted else text), lambda fields: any(follow(words, patterns) for words in fields)


def strip(pattern: str) -> str:
    """A pattern without accents and without wildcards at its beginning, which mean nothing there."""
    plain = unicodedata.normalize("NFD", pattern.lstrip("*?").lower())
    return "".join(c for c in plain if not unicodedata.combining(c))


LEAVES = st.one_of(
    st.sampled_from((*WORDS, *PATTERNS)).map(lambda part: phrase([part], quoted=False)),
    st.lists(st.sampled_from((*WORDS, *PATTERNS)), min_size=2, max_size=3).map(
        lambda parts: phrase(parts, quoted=True)
    ),
)


def joined(operator: str, left: tuple[str, Matches], right: tuple[str, Matches]) -> tuple[str, Matches]:
    text = f"({left[0]}) {operator} ({right[0]})"
    if operator.upper() == "OR":
        return text, lambda fields: left[1](fields) or right[1](fields)
    if operator == "AND NOT":
        return text, lambda fields: left[1](fields) and not right[1](fields)
    return text, lambda fields: left[1](fields) and right[1](fields)


TERMS = st.recursive(
    LEAVES,
    lambda inner: st.builds(joined, st.sampled_from(("AND", "", "OR", "AND NOT", "and", "or")).map(str), inner, inner),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(term=TERMS)
def test_search_finds_what_reading_finds(search: Callable[[str], list[str]], term: tuple[str, Matches]) -> None:
    """Words, phrases, wildcards and operators, nested at will."""
    text, matches = term
    expected = [
        f"row{number:02}"
        for number, row in enumerate(ROWS)
        if matches([words_of(row["Name"]), words_of(row["Description"]), [f"row{number:02}"]])
    ]
    assert search(text) == expected, text
