"""Writes CATALOGUE.md: for every row of the fault and security catalogue, the tests that prove it, or why none does.

    python tests/catalogue.py

The rows stand in catalogue.toml; which test proves which is read from the marks in the tests' source.
"""

from __future__ import annotations

import ast
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

TESTS = Path(__file__).parent
PAGE = TESTS / "CATALOGUE.md"

HEAD = """# The fault and security catalogue

Everything that sfdata must survive, and the tests that prove that it does: each fails when its guard is taken away.
Written by `python tests/catalogue.py` from [catalogue.toml](catalogue.toml) and the marks of the tests.

"""


@dataclass(frozen=True, slots=True)
class Proof:
    """A test that proves a row; ``slow`` ones run when asked for with ``-m slow``."""

    path: str
    name: str
    slow: bool


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The list.

    Attributes:
        rows: family → number → what happens and what must come of it.
        waiting: number → the surface that is not built yet.
        to_do: number → why a row of a surface that is there has no test.
        partly: number → what the tests of a covered row leave out.
    """

    rows: Mapping[str, Mapping[str, str]]
    waiting: Mapping[str, str]
    to_do: Mapping[str, str]
    partly: Mapping[str, str]


def load(text: str) -> Catalogue:
    """The list as catalogue.toml has it."""
    told = tomllib.loads(text)
    waiting = {number: entry["surface"] for entry in told["waiting"] for number in entry["rows"]}
    return Catalogue(told["rows"], waiting, told["to_do"], told["partly"])


def proofs(tests: Path) -> dict[str, list[Proof]]:
    """Row → the tests marked with it, from the source of all tests below a folder."""
    found: dict[str, list[Proof]] = defaultdict(list)
    for path in sorted(tests.rglob("test_*.py")):
        text = path.read_text("utf-8")
        if "mark.catalogue(" in text:
            for name, numbers, slow in _marked(ast.parse(text)):
                for number in numbers:
                    found[number].append(Proof(path.relative_to(tests).as_posix(), name, slow))
    return found


def _marked(tree: ast.AST, outer: tuple[ast.expr, ...] = ()) -> Iterator[tuple[str, list[str], bool]]:
    """Each test function of a module or class: its name, the rows it is marked with, whether it is slow."""
    body: list[ast.stmt] = getattr(tree, "body", [])
    for node in body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "pytestmark" for t in node.targets):
            outer = (*outer, node.value)
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from _marked(node, (*outer, *node.decorator_list))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            marks = [part for mark in (*outer, *node.decorator_list) for part in ast.walk(mark)]
            calls = [part for part in marks if isinstance(part, ast.Call) and _is_mark(part.func, "catalogue")]
            numbers = [str(ast.literal_eval(argument)) for call in calls for argument in call.args]
            yield node.name, list(dict.fromkeys(numbers)), any(_is_mark(part, "slow") for part in marks)


def _is_mark(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == name and ast.unparse(node.value) == "pytest.mark"


def faults(catalogue: Catalogue, proved: Mapping[str, list[Proof]]) -> list[str]:
    """What is wrong with the list: rows without a word, and words that the tests have outrun."""
    rows = [number for family in catalogue.rows.values() for number in family]
    wrong = [
        f"{number}: no test, and no reason" for number in rows if not proved.get(number) and not _why(catalogue, number)
    ]
    for number in {**catalogue.waiting, **catalogue.to_do}:
        wrong += [f"{number}: has a test and a reason why it has none"] if proved.get(number) else []
    wrong += [f"{number}: partly proved, and no test" for number in catalogue.partly if not proved.get(number)]
    told = [*catalogue.waiting, *catalogue.to_do, *catalogue.partly, *proved]
    return wrong + [f"{number}: no row" for number in told if number not in rows]


def _why(catalogue: Catalogue, number: str) -> str | None:
    if number in catalogue.waiting:
        return f"waits: {catalogue.waiting[number]} not built yet"
    return f"**to do**: {catalogue.to_do[number]}" if number in catalogue.to_do else None


def page(catalogue: Catalogue, proved: Mapping[str, list[Proof]]) -> str:
    """CATALOGUE.md."""
    rows = [number for family in catalogue.rows.values() for number in family]
    covered = sum(bool(proved.get(number)) for number in rows)
    waiting = sum(number in catalogue.waiting for number in rows)
    tests = {(proof.path, proof.name) for found in proved.values() for proof in found}
    parts = [
        HEAD,
        f"{len(rows)} rows: {covered} covered ({len(catalogue.partly)} of them in part) by {len(tests)} tests, ",
    ]
    parts += [f"{len(rows) - covered - waiting} to do, {waiting} of surfaces that are not built yet.\n"]
    for family, lines in catalogue.rows.items():
        parts.append(
            f"\n## {family}\n\n| | what happens, and what must come of it | | proved by |\n|---|---|---|---|\n"
        )
        parts += [
            f"| {number} | {line} | {' | '.join(_status(catalogue, number, proved))} |\n"
            for number, line in lines.items()
        ]
    return "".join(parts)


def _status(catalogue: Catalogue, number: str, proved: Mapping[str, list[Proof]]) -> tuple[str, str]:
    """Whether a row is covered, and by what or why not."""
    if not (found := proved.get(number)):
        return "not covered", _why(catalogue, number) or "**to do**"
    links = [f"[{proof.name}]({proof.path}){' (slow)' if proof.slow else ''}" for proof in found]
    if number in catalogue.partly:
        return "in part", f"{', '.join(links)}; **to do**: {catalogue.partly[number]}"
    return "covered", ", ".join(links)


def main() -> None:
    """Write the page, and tell what is wrong with the list."""
    catalogue, proved = load((TESTS / "catalogue.toml").read_text("utf-8")), proofs(TESTS)
    PAGE.write_text(page(catalogue, proved), "utf-8")
    for fault in faults(catalogue, proved):
        print(fault)


if __name__ == "__main__":
    main()
