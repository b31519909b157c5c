"""Holds every locked package to the licences that sfdata can be used beside, by what the packages say of themselves.

.venv/bin/python .ci/licences.py
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from email.message import Message
from importlib.metadata import PackageNotFoundError, metadata
from typing import cast

from locked import Pin, pins

ALLOWED = frozenset(
    {"0BSD", "Apache-2.0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MIT-0", "MPL-2.0",
     "PSF-2.0", "Unlicense", "Zlib"}
)  # fmt: skip
"""SPDX identifiers; BSD is what packages of before SPDX say without telling which."""

CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
}
TEXTS = {"Apache 2.0": "Apache-2.0"}
"""What packages write where neither an expression nor a classifier says it."""


def licences(told: Message) -> list[str]:
    """The SPDX identifiers that a package stands under; where it leaves a choice, all of them."""
    if expression := told.get("License-Expression"):
        return [word for word in re.split(r"[\s()]+", expression) if word not in ("", "AND", "OR", "WITH")]
    prefix = "License :: OSI Approved :: "
    classified = [line.removeprefix(prefix) for line in told.get_all("Classifier", []) if line.startswith(prefix)]
    if classified:
        return [CLASSIFIERS.get(name, name) for name in classified]
    text = (told.get("License") or "").strip().partition("\n")[0]
    return [TEXTS.get(text, text or "nothing said")]


def refused(locked: Iterable[Pin]) -> Iterator[str]:
    """Packages under a licence nobody allowed, and those for this system that cannot be looked at."""
    for pin in locked:
        try:
            others = sorted(set(licences(cast("Message", metadata(pin.name)))) - ALLOWED)
        except PackageNotFoundError:
            if pin.here:
                yield f"{pin.name}: not installed"
            else:
                print(f"licences: {pin.name} is for other systems, and was not looked at")
        else:
            if others:
                yield f"{pin.name}: {', '.join(others)}"


def main() -> int:
    """Look, tell, and give the status."""
    locked = pins()
    wrong = list(refused(locked))
    print(*(f"licences: {line}" for line in wrong), sep="\n", end="\n" if wrong else "")
    print(f"licences: {len(locked)} packages, {len(wrong)} to look at")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
