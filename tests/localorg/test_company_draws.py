"""Chance by columns: decks keep proportions, portions add up, and the same key draws the same."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfdata.localorg.company.draws import Dice, deck, grouped, lognormal, shares

weights = st.dictionaries(st.integers(), st.floats(0.01, 1000), min_size=1, max_size=200)


@given(weights)
def test_a_deck_has_every_card_and_a_byte_for_each(given_weights: dict[int, float]) -> None:
    """Any byte draws a card, and there is no value that none draws."""
    cards = deck(given_weights)
    assert len(cards) == 256
    assert set(cards) == set(given_weights)


@given(weights)
def test_heavier_values_have_no_fewer_cards(given_weights: dict[int, float]) -> None:
    """A value with more weight is not on fewer cards; equal ones may differ by the card that does not divide."""
    copies = Counter(deck(given_weights))
    by_weight: dict[float, list[int]] = {}
    for value, weight in given_weights.items():
        by_weight.setdefault(weight, []).append(copies[value])
    for light, heavy in pairwise(sorted(by_weight)):
        assert max(by_weight[light]) <= min(by_weight[heavy])


def test_a_deck_keeps_proportions() -> None:
    """Three to one is 191 or 192 cards to 64 or 65."""
    assert Counter(deck({"often": 3, "seldom": 1}))["often"] in (191, 192)


@given(st.integers(0, 10**9), st.integers(1, 1000))
def test_portions_make_the_whole(total: int, parts: int) -> None:
    """The portions of a total add up to it and differ by one at most."""
    portions = [shares(total, part, parts) for part in range(parts)]
    assert sum(portions) == total
    assert max(portions) - min(portions) <= 1


@given(st.lists(st.none() | st.integers(0, 9), max_size=50))
def test_groups_list_each_position_once(owners: list[int | None]) -> None:
    """Whoever has an owner is in that owner's group and in no other, in order."""
    groups = grouped(owners, range(len(owners)), 10)
    for owner, group in enumerate(groups):
        assert group == [position for position, found in enumerate(owners) if found == owner]


def test_the_same_key_draws_the_same() -> None:
    """Dice thrown under one key repeat themselves; under another they do not."""
    cards = tuple(range(256))
    assert Dice(1, 2, "Account").draw(cards, 50) == Dice(1, 2, "Account").draw(cards, 50)
    assert Dice(1, 2, "Account").draw(cards, 50) != Dice(1, 2, "Contact").draw(cards, 50)


def test_the_first_owners_get_most() -> None:
    """By Zipf's law with exponent one the first owner gets twice what the second gets, and ten times the tenth."""
    drawn = Counter(Dice("zipf").owners(range(100), 50_000, 1.0))
    assert drawn[0] / drawn[1] == pytest.approx(2, rel=0.1)
    assert drawn[0] / drawn[9] == pytest.approx(10, rel=0.15)


def test_lognormal_amounts_lie_about_their_median() -> None:
    """Half of the amounts lie below the median, and the largest far above it."""
    amounts = lognormal(median=100.0, spread=1.0)
    assert sum(amount < 100 for amount in amounts) == 128
    assert max(amounts) > 10 * 100
    assert list(amounts) == sorted(amounts)
