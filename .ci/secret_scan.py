"""Looks for secrets in every file here, and in every version of every file that git remembers.

What is found is told by its place and kind, and never shown. Tests need texts that look like secrets: the files that
may hold them are named in secrets_allowed.toml, each with the kinds it holds. An entry that nothing needs fails, too.

    python .ci/secret_scan.py
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
ALLOWED = Path(__file__).with_name("secrets_allowed.toml")

KINDS: Mapping[str, re.Pattern[bytes]] = {
    "session": re.compile(rb"00D[A-Za-z0-9]{12}(?:[A-Za-z0-9]{3})?![A-Za-z0-9._]{20,}"),
    "refresh token": re.compile(rb"5Aep[A-Za-z0-9._]{40,}"),
    "jwt": re.compile(rb"eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}"),
    "private key": re.compile(rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----(?:\s|\\n|\"|')+[A-Za-z0-9+/=]{40,}"),
    "address with password": re.compile(rb"[a-z]+://[^\s/:@\"'{}<>]+:[^\s/:@\"'{}<>]{3,}@[a-z0-9]"),
    "cloud key": re.compile(rb"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    "forge token": re.compile(rb"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_\w{60,}|glpat-[\w-]{20,})\b"),
}


class Find(NamedTuple):
    """Something that looks like a secret: ``where`` is the path, with the object's name where it is of the past."""

    path: str
    kind: str
    where: str


def finds(path: str, content: bytes, where: str | None = None) -> Iterator[Find]:
    """What there is in ``content`` that looks like a secret."""
    for kind, pattern in KINDS.items():
        for match in pattern.finditer(content):
            line = content.count(b"\n", 0, match.start()) + 1
            yield Find(path, kind, f"{where or path}:{line}")


def tree(root: Path) -> Iterator[Find]:
    """In the files as they stand, whether committed or not; what git ignores is left out."""
    names = _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard").decode().split("\0")
    for name in filter(None, names):
        path = root / name
        if path.is_file() and not path.is_symlink():
            yield from finds(name, path.read_bytes())


def history(root: Path) -> Iterator[Find]:
    """In all that any branch or tag leads to: versions of files, and messages."""
    listed = [line.partition(b" ") for line in _git(root, "rev-list", "--objects", "--all").splitlines()]
    paths = {name.decode(): path.decode(errors="replace") for name, _, path in listed}
    for name, kind, content in _objects(root, list(paths)):
        if kind in ("blob", "commit", "tag"):
            path = paths[name] if kind == "blob" else f"({kind})"
            yield from finds(path, content, f"{path}@{name[:12]}")


def _objects(root: Path, names: list[str]) -> Iterator[tuple[str, str, bytes]]:
    output = _git(root, "cat-file", "--batch", given="\n".join(names).encode())
    place = 0
    while place < len(output):
        end = output.index(b"\n", place)
        name, kind, size = output[place:end].decode().split()
        yield name, kind, output[end + 1 : end + 1 + int(size)]
        place = end + 2 + int(size)


def judged(found: list[Find], allowed: Mapping[str, list[str]]) -> list[str]:
    """What is wrong: finds that nobody allowed, and permissions that nothing needs."""
    unknown = [find for find in found if find.kind not in allowed.get(find.path, ())]
    idle = {(path, kind) for path, kinds in allowed.items() for kind in kinds} - {(f.path, f.kind) for f in found}
    return [f"{find.where}: looks like a secret ({find.kind})" for find in unknown] + [
        f"{ALLOWED.name}: {path} holds no {kind}" for path, kind in sorted(idle)
    ]


def _git(root: Path, *arguments: str, given: bytes | None = None) -> bytes:
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, input=given, capture_output=True, check=True).stdout  # noqa: S603 - our own words


def main() -> int:
    """Scan, tell, and give the status."""
    found = [*tree(ROOT), *history(ROOT)]
    if _git(ROOT, "rev-parse", "--is-shallow-repository").strip() == b"true":
        print("secrets: this clone is shallow: ITS HISTORY WAS NOT SCANNED to its beginning")
    wrong = judged(found, tomllib.loads(ALLOWED.read_text("utf-8")))
    print(*(f"secrets: {line}" for line in wrong), sep="\n", end="\n" if wrong else "")
    print(f"secrets: {len(wrong)} to look at; {len(found)} texts that look like one, in tree and history")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
