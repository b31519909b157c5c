"""What a requirements file pins: each package with its version, where it is for, and the digests of its files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from packaging.markers import Marker
from packaging.utils import canonicalize_name

FOLDER = Path(__file__).parents[1] / "requirements"
DEV = FOLDER / "dev.txt"
"""All that the tests and checks install; what sfdata itself needs is a part of it."""


class Pin(NamedTuple):
    """A package of a lock; ``marker`` tells on which systems it is installed, None on all."""

    name: str
    version: str
    marker: Marker | None
    digests: tuple[str, ...]

    @property
    def here(self) -> bool:
        """Whether it is installed on this system."""
        return self.marker is None or self.marker.evaluate()


def pins(path: Path = DEV) -> list[Pin]:
    """The packages of a requirements file.

    Raises:
        ValueError: a line is no pin: the file would install what nobody looked at.
    """
    text = re.sub(r"^ *#.*\n", "", path.read_text("utf-8"), flags=re.MULTILINE).replace("\\\n", " ")
    found = []
    for line in filter(None, map(str.strip, text.splitlines())):
        match = re.fullmatch(r"([\w.-]+)==([\w.!+]+)(?: ; ([^-]\S.*?))?((?: +--hash=sha256:[0-9a-f]{64})+)", line)
        if match is None:
            raise ValueError(f"{path.name}: not a version with its digests: {line[:80]}")
        name, version, marker, digests = match.groups()
        found.append(Pin(canonicalize_name(name), version, Marker(marker) if marker else None, tuple(digests.split())))
    return found
