"""A search term as a query of SQLite's full-text index.

https://www.sqlite.org/fts5.html#full_text_query_syntax
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import islice, product

from sfdata.localorg.sosl.terms import And, AndNot, Or, Phrase, Term

MOST_SPELLINGS = 1000
"""A wildcard in the middle of a word stands for no more words of the index."""

UNSPACED = re.compile("[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
"""Letters of scripts whose words are not told apart by spaces: the index has runs of them, so parts are looked for."""

WordsLike = Callable[[str], list[str]]
"""The words of the index that a pattern matches."""


def full_text_query(term: Term, words_like: WordsLike) -> str | None:
    """The query for a term; None where nothing in the index can match it."""
    match term:
        case Phrase(words):
            return _phrase(words, words_like)
        case And(items):
            parts = [full_text_query(item, words_like) for item in items]
            return None if None in parts else _joined("AND", [part for part in parts if part])
        case Or(items):
            return _joined("OR", [part for item in items if (part := full_text_query(item, words_like))])
        case AndNot(wanted, unwanted):
            kept, left_out = full_text_query(wanted, words_like), full_text_query(unwanted, words_like)
            return f"({kept}) NOT ({left_out})" if kept and left_out else kept


def _joined(operator: str, parts: list[str]) -> str | None:
    if len(parts) < 2:
        return parts[0] if parts else None
    return f" {operator} ".join(f"({part})" for part in parts)


def _phrase(words: tuple[str, ...], words_like: WordsLike) -> str | None:
    """The words in a row. The index itself knows one wildcard, at the very end; others are spelled out."""
    *before, last = (f"*{word}*" if UNSPACED.search(word) else word for word in words)
    stem = last.rstrip("*")
    if not any(mark in word for word in (*before, stem) for mark in "*?"):
        return f'"{" ".join((*before, stem))}"{"" if stem == last else " *"}'
    spellings = [words_like(word) if "*" in word or "?" in word else [word] for word in (*before, last)]
    return _joined("OR", [f'"{" ".join(chosen)}"' for chosen in islice(product(*spellings), MOST_SPELLINGS)])
