"""A record that comes twice is noticed, wherever it comes again, and nothing else is."""

from __future__ import annotations

import random

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfdata.errors import IncompleteResult
from sfdata.frames.repeats import NO_RECORD, Repeats


def ids(*numbers):
    """Ids as an org numbers its records."""
    return [f"0015g00000{number:05d}AAA" for number in numbers]


def watch(pages, remember=None):
    """What an unsuspecting read of ``pages`` would bring."""
    repeats = Repeats("Id", remember)
    for page in pages:
        repeats.add(pa.table({"Id": pa.array(page, pa.string())}))
    repeats.finish()


@pytest.mark.catalogue("Q9")
@given(st.lists(st.lists(st.integers(0, 60), max_size=6), max_size=8), st.sampled_from([None, 1000]))
def test_a_read_passes_if_and_only_if_no_record_comes_twice(pages, remember):
    """Whatever the pages are: IncompleteResult where a number stands twice in them, and only there."""
    numbers = [number for page in pages for number in page]
    if len(set(numbers)) == len(numbers):
        watch([ids(*page) for page in pages], remember)
    else:
        with pytest.raises(IncompleteResult):
            watch([ids(*page) for page in pages], remember)


@given(st.lists(st.text("ab", max_size=3), max_size=6))
def test_ids_of_any_length_are_told_apart(odd):
    """What no org sends is held to the same rule, beside Ids of the usual length."""
    pages = [ids(1, 2), odd]
    if len(set(odd)) == len(odd):
        watch(pages)
    else:
        with pytest.raises(IncompleteResult):
            watch(pages)


def test_every_character_counts():
    """Two Ids that differ in any one of their 18 characters are two records; in none, one."""
    one = "0015g00000aBcDeAAQ"
    others = [one[:n] + "z" + one[n + 1 :] for n in range(18)]
    watch([[one, *others]])
    with pytest.raises(IncompleteResult):
        watch([[one], [*others, one]])


def test_a_page_cut_out_of_a_larger_table_is_read_where_it_stands():
    """Rows in the middle of a table are the page, and not those around them."""
    whole = pa.table({"Id": pa.array(ids(*range(10)), pa.string())})
    repeats = Repeats("Id")
    for start in (6, 2, 0):
        repeats.add(whole.slice(start, 2))
    repeats.finish()
    repeats.add(whole.slice(7, 1))
    with pytest.raises(IncompleteResult):
        repeats.finish()


def test_rows_that_are_no_records_may_be_alike():
    """The Id of no record, and none at all, stand for nothing that could come twice."""
    watch([[NO_RECORD, NO_RECORD, *ids(1)], [None, None, NO_RECORD], [NO_RECORD]])
    with pytest.raises(IncompleteResult):
        watch([[NO_RECORD, *ids(1)], [NO_RECORD, *ids(2, 1)]])


def test_without_a_column_of_ids_nothing_is_said():
    """Where nobody knows which rows are the same record, none is refused."""
    repeats = Repeats(None)
    for _ in range(2):
        repeats.add(pa.table({"Id": ["001"]}))
    repeats.finish()


def test_a_repeated_page_is_noticed_at_once():
    """The page that begins like an earlier one is refused when it comes, before another follows."""
    repeats = Repeats("Id")
    pages = [pa.table({"Id": ids(*range(start, start + 5))}) for start in (0, 5, 10)]
    for page in pages:
        repeats.add(page)
    with pytest.raises(IncompleteResult, match="behind 15 rows"):
        repeats.add(pages[1])


def test_little_is_remembered_of_many():
    """However many rows come, no more keys are kept than asked for, and those that are kept are kept for good."""
    repeats, order = Repeats("Id", 100), list(range(20_000))
    random.Random(1).shuffle(order)
    for start in range(0, len(order), 50):
        repeats.add(pa.table({"Id": ids(*order[start : start + 50])}))
        assert len(repeats._known) <= 100
        assert repeats._fresh_count <= 100
    repeats.finish()


@pytest.mark.parametrize("shift", [1, 7, 25])
def test_a_shifted_page_is_noticed_beyond_what_is_remembered(shift):
    """Pages overlap after many: of 20,000 rows one in ten is remembered, and of the 2,000 that come twice some are."""
    remember, rows = 2_000, 20_000
    pages = [ids(*range(start, start + 50)) for start in range(0, rows, 50)]
    again = [ids(*range(start, start + 50)) for start in range(10_000 + shift, 12_000 + shift, 50)]
    watch(pages, remember)
    with pytest.raises(IncompleteResult):
        watch([*pages, *again], remember)


@pytest.mark.parametrize("remember", [1, 5])
def test_as_many_are_known_again_as_are_remembered(remember):
    """Of 50 records, any of which comes again, as many are noticed as are to be remembered, or some that are fresh."""
    pages = [ids(start, start + 1) for start in range(0, 50, 2)]

    def noticed(number):
        try:
            watch([*pages, ids(99, number)], remember)
        except IncompleteResult:
            return True
        return False

    assert remember <= sum(noticed(number) for number in range(50)) <= 2 * remember
