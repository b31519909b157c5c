"""Repeatable chance for whole columns: weighted decks drawn by random bytes, and shares of a few that have much.

A column costs a few hundredths of a microsecond a cell, so that an org's worth of rows is made while one connects.
Only `random.Random`'s bits and floats are used, which are the same in every Python.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from math import exp
from random import Random
from statistics import NormalDist
from typing import Final, TypeVar

T = TypeVar("T")

DECK_SIZE: Final = 256


def deck(weights: Mapping[T, float]) -> tuple[T, ...]:
    """256 cards, on which each value appears at least once and otherwise in proportion to its weight."""
    total, spare = sum(weights.values()), DECK_SIZE - len(weights)
    exact = {value: 1 + weight * spare / total for value, weight in weights.items()}
    copies = {value: int(share) for value, share in exact.items()}
    by_remainder = sorted(weights, key=lambda value: exact[value] - copies[value], reverse=True)
    for value in by_remainder[: DECK_SIZE - sum(copies.values())]:
        copies[value] += 1
    return tuple(value for value, number in copies.items() for _ in range(number))


def quantiles(values: Sequence[T], reached: Sequence[float], count: int) -> tuple[T, ...]:
    """``count`` of ``values`` at even steps of a distribution; ``reached`` is the sum of weights up to each value."""
    last, total = len(values) - 1, reached[-1]
    return tuple(values[min(bisect(reached, (n + 0.5) / count * total), last)] for n in range(count))


def lognormal(median: float, spread: float) -> tuple[float, ...]:
    """256 amounts of which few are very large; ``spread`` is the standard deviation of their logarithm.

    Rounded to four digits, so that no platform's last bit shows.
    """
    normal = NormalDist()
    return tuple(float(f"{median * exp(spread * normal.inv_cdf((n + 0.5) / 256)):.3e}") for n in range(256))


class Dice(Random):
    """A source of random columns; the same ``key`` always gives the same."""

    def __init__(self, *key: object) -> None:
        super().__init__("/".join(map(str, key)))

    def draw(self, cards: Sequence[T], count: int) -> list[T]:
        """``count`` cards of a deck of 256."""
        return list(map(cards.__getitem__, self.randbytes(count)))

    def pick(self, values: Sequence[T], count: int) -> list[T]:
        """``count`` of ``values``, however many those are, each as likely."""
        size, chance = len(values), self.random
        return [values[int(chance() * size)] for _ in range(count)]

    def fractions(self, count: int) -> list[float]:
        """``count`` numbers from 0 up to but not including 1."""
        chance = self.random
        return [chance() for _ in range(count)]

    def some(self, values: Iterable[T], share: float) -> list[T | None]:
        """About ``share`` of ``values``, and None in the place of the others."""
        given = list(values)
        limit = round(share * 256)
        return [value if byte < limit else None for value, byte in zip(given, self.randbytes(len(given)), strict=True)]

    def flags(self, share: float, count: int) -> list[int]:
        """Ones in about ``share`` of ``count`` places, zeros elsewhere."""
        limit = round(share * 256)
        return [int(byte < limit) for byte in self.randbytes(count)]

    def shuffled(self, count: int) -> list[int]:
        """The numbers below ``count``, in random order."""
        return sorted(range(count), key=self.fractions(count).__getitem__)

    def owners(self, ranking: Sequence[int], count: int, steepness: float) -> list[int]:
        """``count`` things given to owners: the first of ``ranking`` get most, many of the last get none (Zipf).

        The share of the owner at rank r falls as r to the power of ``-steepness``.
        """
        reached = list(accumulate((rank + 1) ** -steepness for rank in range(len(ranking))))
        total, last, chance = reached[-1], len(ranking) - 1, self.random
        return [ranking[min(bisect(reached, chance() * total), last)] for _ in range(count)]


def grouped(owners: Sequence[int | None], positions: Iterable[int], size: int) -> list[list[int]]:
    """For each of ``size`` owners, those of ``positions`` in ``owners`` that name it."""
    groups: list[list[int]] = [[] for _ in range(size)]
    for position in positions:
        owner = owners[position]
        if owner is not None:
            groups[owner].append(position)
    return groups


def shares(total: int, part: int, parts: int) -> int:
    """How many of ``total`` fall to number ``part`` of ``parts`` portions, which together make ``total``."""
    return total * (part + 1) // parts - total * part // parts
