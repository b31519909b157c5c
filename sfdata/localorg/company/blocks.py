"""The company in blocks of a thousand accounts: each is grown whole, with all that belongs to it, and then forgotten.

Rows point at rows of their own block, at the staff or at the catalogue. So references hold, sums agree, and the memory
in use does not depend on how many blocks there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sfdata.localorg.company.catalogue import Catalogue
from sfdata.localorg.company.draws import Dice, shares
from sfdata.localorg.company.staff import Staff
from sfdata.localorg.company.tables import new_ids
from sfdata.localorg.company.timeline import Timeline
from sfdata.localorg.store import Store

ROWS_AT_SCALE_1: Final = {
    "Account": 3_000, "Contact": 9_000, "Opportunity": 6_000, "OpportunityLineItem": 12_000,
    "OpportunityContactRole": 4_500, "Contract": 800, "Asset": 1_500, "Case": 5_000, "CaseComment": 2_500,
    "Lead": 2_500, "Campaign": 40, "CampaignMember": 6_000, "Task": 8_000, "Event": 3_000, "ContentDocument": 12,
}  # fmt: skip
ACCOUNTS_PER_BLOCK: Final = 1_000
RECYCLED: Final = 100
"""One row in this many of the objects people delete is in the recycle bin."""


@dataclass(frozen=True)
class Block:
    """One block: its share of each object's rows, and what the rows are made from.

    ``counts`` says how many rows of an object it has, ``first`` how many the blocks before it have.
    """

    store: Store
    timeline: Timeline
    staff: Staff
    catalogue: Catalogue
    seed: int
    number: int
    counts: dict[str, int]
    first: Counter[str]

    def dice(self, name: str) -> Dice:
        """Chance for one object of this block."""
        return Dice(self.seed, self.number, name)

    def ids(self, name: str, count: int | None = None) -> list[str]:
        """New record Ids for this block's rows of an object."""
        return new_ids(self.store, name, self.counts[name] if count is None else count)

    def serials(self, name: str) -> range:
        """The numbers of this block's rows among all the company's rows of an object, from 1."""
        start = self.first[name] + 1
        return range(start, start + self.counts[name])

    def external_keys(self, name: str, prefix: str, dice: Dice) -> list[str | None]:
        """``Ext__c``: the key by which another system knows a row, where it does."""
        return dice.some((f"{prefix}-{serial:06}" for serial in self.serials(name)), 0.97)

    def recycled(self, name: str, dice: Dice) -> list[int]:
        """``IsDeleted``: which rows are in the recycle bin."""
        count = self.counts[name]
        deleted = set(dice.shuffled(count)[: count // RECYCLED])
        return [int(position in deleted) for position in range(count)]


def number_of_blocks(scale: float) -> int:
    """How many blocks a company of that scale has."""
    return -(-_totals(scale)["Account"] // ACCOUNTS_PER_BLOCK)


def block_counts(scale: float) -> Iterator[dict[str, int]]:
    """How many rows of each object the blocks of a company of that scale have, one block after the other."""
    parts = number_of_blocks(scale)
    for part in range(parts):
        yield {name: shares(total, part, parts) for name, total in _totals(scale).items()}


def _totals(scale: float) -> dict[str, int]:
    return {name: max(1, round(rows * scale)) for name, rows in ROWS_AT_SCALE_1.items()}
