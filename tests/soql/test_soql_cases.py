"""The grammar by cases, one a line: what is printed again as the same tree, and what is refused where and how."""

from __future__ import annotations

from pathlib import Path

import pytest

from sfdata.errors import SoqlSyntaxError
from sfdata.soql import parse
from sfdata.soql.advice import RULES
from sfdata.soql.nodes import Comparison

CASES = Path(__file__).parent / "cases"
PLACE, LINE_END, TAB = "‸", "⏎", "→"


def lines(name: str) -> list[str]:
    """The lines of a file of cases. Only a line feed ends one: texts hold other line separators."""
    return [line for line in (CASES / name).read_text("utf-8").split("\n") if line and not line.startswith("#")]


def pairs(name: str) -> list[tuple[str, ...]]:
    return [tuple(line.split(" ⇒ ")) for line in lines(name)]


def refusals() -> list[tuple[str, tuple[str, ...]]]:
    """The marked query and the pieces of its message, from every two lines of errors.txt."""
    found = lines("errors.txt")
    assert all(line.startswith("    ") for line in found[1::2])
    return [(query, tuple(wanted.strip().split(" ¦ "))) for query, wanted in zip(found[::2], found[1::2], strict=True)]


def refused(text: str) -> SoqlSyntaxError:
    with pytest.raises(SoqlSyntaxError) as caught:
        parse(text)
    return caught.value


@pytest.mark.parametrize("query", lines("identity.soql"))
def test_a_printed_query_reads_back_as_the_same_tree(query: str) -> None:
    """Printing keeps every part of a query, and what is printed once is printed alike for ever."""
    tree = parse(query)
    assert parse(str(tree)) == tree
    assert str(parse(str(tree))) == str(tree)


@pytest.mark.parametrize(("query", "canonical"), pairs("canonical.txt"))
def test_a_query_has_one_canonical_text(query: str, canonical: str) -> None:
    """Spelling that means nothing, such as case, spaces and comments, is gone from the printed text."""
    assert str(parse(query)) == canonical
    assert str(parse(canonical)) == canonical


@pytest.mark.parametrize(("marked", "wanted"), refusals())
def test_a_malformed_query_is_refused_at_the_wrong_word(marked: str, wanted: tuple[str, ...]) -> None:
    """The error stands at the word that is wrong, says what was expected there, and knows the common mistakes."""
    text = marked.replace(LINE_END, "\n").replace(TAB, "\t")
    offset = text.index(PLACE)
    error = refused(text.replace(PLACE, ""))
    before = text[:offset].split("\n")
    assert (error.offset, error.line, error.column) == (offset, len(before), len(before[-1]) + 1)
    missing = [piece for piece in wanted if piece not in str(error)]
    assert not missing, f"{missing} not in:\n{error}"


def test_every_advice_is_needed() -> None:
    """Each rule of the table speaks in at least one of the cases, so none is dead or hidden behind another."""
    given = {refused(m.replace(LINE_END, "\n").replace(PLACE, "")).hint for m, _ in refusals()}
    filled = {"{word}": ["LAST_N_DAYS", "N_DAYS_AGO", "ORDER", "Acme"], "{code}": ["U+00A0"]}
    for rule in RULES:
        slot = next((slot for slot in filled if slot in rule.hint), None)
        hints = {rule.hint.replace(slot, word) for word in filled[slot]} if slot else {rule.hint}
        assert hints & given, rule


def test_what_was_expected_is_told_in_few_words() -> None:
    """No message lists more than five alternatives."""
    for marked, _ in refusals():
        assert len(refused(marked.replace(LINE_END, "\n").replace(PLACE, "")).expected) <= 5


def test_there_are_enough_cases() -> None:
    """The files of cases cover the language, each case once."""
    for name, least in (("identity.soql", 250), ("canonical.txt", 40)):
        assert len(set(lines(name))) == len(lines(name)) >= least
    queries = [query for query, _ in refusals()]
    assert len(set(queries)) == len(queries) >= 150


@pytest.mark.parametrize(
    ("select", "counts", "groups"),
    [
        ("Id", False, False),
        ("COUNT()", True, True),
        ("count( )", True, True),
        ("COUNT(Id)", False, True),
        ("Name, MAX(Amount) m", False, True),
        ("toLabel(Name)", False, False),
        ("Count", False, False),
        ("(SELECT COUNT() FROM Contacts)", False, False),
        ("TYPEOF What WHEN Account THEN Name END", False, False),
    ],
)
def test_a_query_knows_what_its_rows_are(select: str, counts: bool, groups: bool) -> None:
    """COUNT() alone answers a number, an aggregate or GROUP BY answers groups, and all else answers records."""
    query = parse(f"SELECT {select} FROM Account")
    assert (query.is_count, query.is_aggregate) == (counts, groups)
    assert parse("SELECT Name FROM Account GROUP BY Name").is_aggregate


def test_nodes_know_where_they_stand() -> None:
    """Every node that an error can be about points at its first character."""
    text = (
        "SELECT Id, COUNT(Name) n, (SELECT Id FROM Contacts), TYPEOF What WHEN A THEN B END FROM Account a WHERE x = 1"
    )
    tree = parse(text)
    starts = [text[item.pos :].split(" ")[0] for item in tree.select]
    assert starts == ["Id,", "COUNT(Name)", "(SELECT", "TYPEOF"]
    assert text[tree.source.pos :].startswith("Account a")
    assert isinstance(tree.where, Comparison)
    assert text[tree.where.pos :] == "x = 1"
    assert text[tree.where.right.pos :] == "1"
