"""Text from outside that is shown to people: in one line, not too long, and without what a terminal would obey."""

from __future__ import annotations

LONGEST = 200


def plain(text: object) -> str:
    """``text`` in one line of at most `LONGEST` characters, without characters that steer terminals."""
    line = "".join(char if char.isprintable() else " " for char in str(text)[: LONGEST + 1])
    return line if len(line) <= LONGEST else f"{line[:LONGEST]}…"
