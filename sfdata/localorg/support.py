"""What the local org serves and what it refuses by name, as the README lists it.

    python -m sfdata.localorg.support README.md         # brings the list in the README up to date

The list is made of the route table and of the table of what is not built, so it cannot promise anything else.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from sfdata.localorg.gateway import ROUTES
from sfdata.localorg.routing import Route
from sfdata.localorg.unbuilt import BY_PATTERN, VERSION

BEGIN, END = "<!-- support -->\n", "<!-- /support -->\n"
REFUSED = "(refused)"
"""How routes that only refuse end."""


def section() -> str:
    """The list as Markdown, folded until a reader opens it."""
    lines = [
        "<details><summary>Every resource that is served, and what is refused by its name</summary>",
        "",
        "Paths without a leading slash stand below `/services/data/vXX.X/`.",
        "",
        "| Resource | Methods | |",
        "|---|---|---|",
        *_rows(route for route in ROUTES if not _refuses(route)),
        "",
        f"Refused by name (501): {', '.join(sorted(_missing(), key=str.casefold))}.",
        "",
        "</details>",
        "",
    ]
    return "\n".join(lines)


def updated(text: str) -> str:
    """A text with the list between its marks brought up to date.

    Raises:
        ValueError: it has no marks.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"The text has no section between {BEGIN.strip()} and {END.strip()}")
    return f"{before}{BEGIN}{section()}{END}{after}"


def _rows(routes: Iterable[Route]) -> Iterator[str]:
    """A row for each path, in the order of the table: its methods, and what they do."""
    by_path: dict[str, list[Route]] = {}
    for route in routes:
        by_path.setdefault(route.pattern, []).append(route)
    for pattern, same in by_path.items():
        path = pattern.removeprefix(f"{VERSION}/")
        whats = "; ".join(dict.fromkeys(route.what for route in same))
        yield f"| `{path}` | {', '.join(route.method for route in same)} | {whats} |"


def _missing() -> set[str]:
    return {*BY_PATTERN.values(), *(route.what.removesuffix(REFUSED).strip() for route in ROUTES if _refuses(route))}


def _refuses(route: Route) -> bool:
    return route.what.endswith(REFUSED)


def main(arguments: list[str]) -> None:
    """Bring the list in these files up to date."""
    for name in arguments:
        file = Path(name)
        file.write_text(updated(file.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
