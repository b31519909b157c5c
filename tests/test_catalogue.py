"""The fault and security catalogue is complete, and its page says what the marks say."""

from __future__ import annotations

from textwrap import dedent

from catalogue import PAGE, TESTS, Proof, faults, load, page, proofs

LIST = """
[rows.Auth]
A1 = "one"
A2 = "two"
[rows.Events]
E1 = "three"
A9 = "four"
[[waiting]]
surface = "events"
rows = ["E1"]
[to_do]
A9 = "needs a second machine"
[partly]
"""


def test_every_row_is_proved_or_says_why_not():
    """No row of the catalogue is without a test and a reason, and no reason outlives its row's first test."""
    assert faults(load((TESTS / "catalogue.toml").read_text("utf-8")), proofs(TESTS)) == []


def test_the_page_is_up_to_date():
    """CATALOGUE.md is what `python tests/catalogue.py` would write now."""
    expected = page(load((TESTS / "catalogue.toml").read_text("utf-8")), proofs(TESTS))
    assert PAGE.read_text("utf-8") == expected, "run: python tests/catalogue.py"


def test_marks_are_read_from_functions_classes_modules_and_parameters(tmp_path):
    """Wherever pytest takes a mark, the test below it is known to prove the row."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "test_a.py").write_text(
        dedent(
            """
            import pytest
            pytestmark = [pytest.mark.catalogue("A1")]
            @pytest.mark.slow
            @pytest.mark.catalogue("A2", "A1")
            def test_one(): pass
            class TestB:
                @pytest.mark.parametrize("x", [1, pytest.param(2, marks=pytest.mark.catalogue("E1"))])
                def test_two(self, x): pass
            def helper(): pass
            """
        )
    )
    (tmp_path / "test_b.py").write_text("def test_none(): pass\n")
    one, two = Proof("deep/test_a.py", "test_one", True), Proof("deep/test_a.py", "test_two", False)
    assert proofs(tmp_path) == {"A1": [one, two], "A2": [one], "E1": [two]}


def test_a_row_is_covered_waits_or_is_to_do():
    """The page has one line for each row, with its tests, or with the reason why there are none."""
    catalogue = load(LIST)
    proved = {"A1": [Proof("a/test_a.py", "test_one", False), Proof("a/test_a.py", "test_two", True)]}
    lines = page(catalogue, proved).splitlines()
    assert "4 rows: 1 covered (0 of them in part) by 2 tests, 2 to do, 1 of surfaces that are not built yet." in lines
    assert [line for line in lines if line.startswith(("| A", "| E"))] == [
        "| A1 | one | covered | [test_one](a/test_a.py), [test_two](a/test_a.py) (slow) |",
        "| A2 | two | not covered | **to do** |",
        "| E1 | three | not covered | waits: events not built yet |",
        "| A9 | four | not covered | **to do**: needs a second machine |",
    ]


def test_a_row_covered_in_part_says_what_is_left():
    """What the tests of a row leave out stands beside them."""
    catalogue = load(LIST + 'A1 = "other systems"\n')
    lines = page(catalogue, {"A1": [Proof("test_a.py", "test_one", False)]}).splitlines()
    assert "| A1 | one | in part | [test_one](test_a.py); **to do**: other systems |" in lines


def test_what_the_list_leaves_out_is_told():
    """Rows without a word, words that tests have outrun, and rows that do not exist."""
    catalogue, proof = load(LIST + 'A2 = "x"\n'), [Proof("test_a.py", "test_one", False)]
    assert faults(catalogue, {"A2": proof}) == ["A1: no test, and no reason"]
    assert faults(catalogue, {"A1": proof, "A2": proof, "E1": proof, "A9": proof}) == [
        "E1: has a test and a reason why it has none",
        "A9: has a test and a reason why it has none",
    ]
    assert faults(catalogue, {"A1": proof, "Z1": proof}) == [
        "A2: no test, and no reason",
        "A2: partly proved, and no test",
        "Z1: no row",
    ]
