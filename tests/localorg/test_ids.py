"""Record Ids: the checksum, the case it restores, and the Ids of new records."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfdata.localorg.ids import id15, id18, make_id, normalize

ALPHANUMERIC = string.digits + string.ascii_letters
ids15 = st.text(ALPHANUMERIC, min_size=15, max_size=15)

#: Worked out by hand from the rule: bit n of a group of five is set where its character n is a capital letter.
CHECKED = [
    ("012000000000000", "012000000000000AAA"),
    ("001D000000IRFma", "001D000000IRFmaIAH"),
    ("00DABCDEFGHIJKL", "00DABCDEFGHIJKL255"),
    ("005ZZzzzzzzzzzZ", "005ZZzzzzzzzzzZYAQ"),
]


@pytest.mark.parametrize(("short", "long"), CHECKED)
def test_checksum_follows_the_capitals(short: str, long: str) -> None:
    """The three extra characters number the capitals of each group of five."""
    assert id18(short) == long
    assert id15(long) == short


@given(ids15)
def test_both_lengths_normalize_to_the_same_id(short: str) -> None:
    """A 15-character Id and its 18-character form are one Id."""
    assert normalize(short) == normalize(id18(short)) == id18(short)


@given(ids15, st.sampled_from([str.lower, str.upper, str.swapcase]))
def test_lost_case_is_restored(short: str, fold: object) -> None:
    """An 18-character Id survives software that changes its case."""
    assert callable(fold)
    assert normalize(fold(id18(short))) == id18(short)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "001",
        "001D000000IRFm",
        "001D000000IRFmaI",
        "001D000000IRFmaIAHX",
        "001D000000IRFm-",
        "001D000000IRFmé",
        "001D000000IRFma\n",
        "001D000000IRFmaIA6",  # 6 is no character of a checksum
        "012000000000000AAB",  # says that a digit is a capital
    ],
)
def test_what_is_no_id_normalizes_to_none(text: str) -> None:
    """Wrong lengths, foreign characters and impossible checksums make no Id."""
    assert normalize(text) is None


def test_new_ids_are_counted_in_base_62() -> None:
    """The counter runs 0-9, A-Z, a-z and then carries."""
    assert [make_id("001", n)[6:15] for n in (0, 9, 10, 35, 36, 61, 62, 62 * 62)] == [
        "000000000",
        "000000009",
        "00000000A",
        "00000000Z",
        "00000000a",
        "00000000z",
        "000000010",
        "000000100",
    ]


@given(st.integers(0, 62**9 - 2))
def test_new_ids_are_whole_and_sorted_by_number(number: int) -> None:
    """A new Id has its prefix and a true checksum, and sorts before the next."""
    this, following = make_id("a0Z", number), make_id("a0Z", number + 1)
    assert this.startswith("a0Z")
    assert this == id18(this[:15])
    assert this < following


@pytest.mark.parametrize("number", [-1, 62**9])
def test_the_counter_has_bounds(number: int) -> None:
    """A number that nine base-62 digits cannot hold is refused, not wrapped round."""
    with pytest.raises(ValueError, match="counts from 0"):
        make_id("001", number)
