"""Patterns as REGEX() takes them, which are Java's, in the form Python's ``re`` wants.

The two agree on nearly everything. A flag such as ``(?i)`` may stand anywhere in Java and holds up to the end of its
group; ``\\d``, ``\\w`` and ``\\s`` mean ASCII.
https://docs.oracle.com/javase/8/docs/api/java/util/regex/Pattern.html
"""

from __future__ import annotations

import re
import warnings

PART = re.compile(r"\\.|\[(?:\\.|[^\]\\])(?:\\.|[^\]\\])*\]|\(\?[imsx]+\)|.", re.DOTALL)
"""An escape, a class, a flag, or any other character."""


def java_pattern(pattern: str) -> re.Pattern[str]:
    """The pattern, to be matched with the whole of a text.

    Raises:
        ValueError: it is wrong, or uses what only Java has.
    """
    try:
        with warnings.catch_warnings():
            # "Possible nested set" and the like: Python would take a class for something else than Java.
            warnings.simplefilter("error", FutureWarning)
            return re.compile(_with_scoped_flags(pattern), re.ASCII)
    except (re.error, FutureWarning, OverflowError, RecursionError) as problem:
        raise ValueError(f"the pattern cannot be used: {problem}") from None


def _with_scoped_flags(pattern: str) -> str:
    """The pattern with each ``(?i)`` made a group around what it holds for."""
    opened: list[list[str]] = [[]]
    parts: list[str] = []
    for part in PART.findall(pattern):
        if part.startswith("(?") and len(part) > 2:
            opened[-1].append(f"{part[:-1]}:")
            parts.append(opened[-1][-1])
        elif part == "(":
            opened.append([])
            parts.append(part)
        elif part == ")" and len(opened) > 1:
            parts.append(")" * len(opened.pop()) + part)
        elif part == "|":
            parts.append(")" * len(opened[-1]) + part + "".join(opened[-1]))
        else:
            parts.append(part)
    return "".join(parts) + ")" * len(opened[0])
