"""Sales: opportunities with their products and contacts; the amounts are the sums of the lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sfdata.localorg.company.accounts import Accounts
from sfdata.localorg.company.blocks import Block
from sfdata.localorg.company.catalogue import Listed
from sfdata.localorg.company.contacts import CONCENTRATION, Contacts
from sfdata.localorg.company.customers import SOURCES
from sfdata.localorg.company.draws import Dice, deck, lognormal
from sfdata.localorg.company.tables import audit
from sfdata.localorg.company.texts import COMPETITORS, NEXT_STEPS, OPPORTUNITY_NAMES, OPPORTUNITY_NOTES
from sfdata.localorg.company.timeline import later
from sfdata.localorg.objects.stages import STAGES, Stage

CLOSED_STAGES: Final = deck({stage: 46 if stage.is_won else 54 for stage in STAGES if stage.is_closed})
OPEN_STAGES: Final = deck({stage: 10 - rank for rank, stage in enumerate(s for s in STAGES if not s.is_closed)})
SALE_LENGTHS: Final = tuple(1 + int(540 * (n / 256) ** 2) for n in range(256))
"""A deck of the days from a deal's record to its end."""
CLOSE_AHEAD: Final = deck({day: 1 if day % 30 > 8 else 3 for day in range(240)})
BARE_AMOUNTS: Final = lognormal(median=14_000.0, spread=1.3)
"""Amounts, in US dollars, of opportunities without products."""

TYPES: Final = deck(
    {
        "New Customer": 96, "Existing Customer - Upgrade": 80, "Existing Customer - Replacement": 40,
        "Existing Customer - Downgrade": 6, None: 34,
    }
)  # fmt: skip
PUSHES: Final = deck({0: 180, 1: 50, 2: 20, 5: 6})
DELIVERIES: Final = deck({"Completed": 150, "In progress": 60, "Yet to begin": 46})
DISCOUNTS: Final = deck({None: 190, 5.0: 24, 7.5: 10, 10.0: 20, 12.25: 6, 33.33: 1, 0.0: 5})
QUANTITIES: Final = deck({1.0: 60, 2.0: 40, 4.0: 26, 5.0: 30, 10.0: 40, 12.0: 16, 25.0: 18, 50.0: 12, 2.5: 4, 500.0: 3})
EUROPE: Final = frozenset(
    {
        "Germany", "United Kingdom", "France", "Poland", "Italy", "Spain", "Netherlands", "Sweden", "Czech Republic",
        "Greece",
    }
)  # fmt: skip
"""Countries served from the European price book."""
ROLES: Final = deck(
    {
        "Decision Maker": 60, "Business User": 40, "Economic Buyer": 24, "Evaluator": 26, "Influencer": 24,
        "Technical Buyer": 30, "Executive Sponsor": 10, "Other": 8, None: 34,
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Opportunities:
    """A block's opportunities with their lines and contact roles, each as columns.

    ``accounts`` has the position of each one's account, ``days`` when it was made; ``live`` lists the positions of
    those outside the recycle bin.
    """

    columns: dict[str, list[Any]]
    lines: dict[str, Any]
    roles: dict[str, Any]
    accounts: Sequence[int]
    days: Sequence[int]
    live: Sequence[int]


@dataclass(frozen=True, slots=True)
class Deals:
    """What is decided about opportunities before anything else: whose they are, how far, and when."""

    ids: Sequence[str]
    deleted: Sequence[int]
    live: Sequence[int]
    accounts: Sequence[int]
    stages: Sequence[Stage]
    days: Sequence[int]
    closes: Sequence[int]
    books: Sequence[str]
    names: Sequence[str]


def grow_opportunities(
    block: Block, accounts: Accounts, contacts: Contacts, campaign_ids: Sequence[str]
) -> Opportunities:
    """Make a block's opportunities: those that end before the day the data is as of are closed, others close later."""
    dice = block.dice("Opportunity")
    deals = _deals(block, accounts, dice)
    owners = [accounts.owners[account] for account in deals.accounts]
    changed = [max(day, min(close, -1)) for day, close in zip(deals.days, deals.closes, strict=True)]
    made = [accounts.made[account] for account in deals.accounts]
    history = audit(block.timeline, dice, deals.days, owners, not_before=made, changed=changed)
    lines = _lines(block, deals, history)
    roles, primary = _contact_roles(block, deals, contacts, history)
    columns: dict[str, list[Any]] = {
        "Id": list(deals.ids),
        "IsDeleted": list(deals.deleted),
        "AccountId": [accounts.ids[account] for account in deals.accounts],
        "Name": list(deals.names),
        "ContactId": primary,
        "CampaignId": dice.some(dice.pick(campaign_ids, len(owners)), 0.3),
        "OwnerId": owners,
        "LastStageChangeDate": history["LastModifiedDate"],
        **_stage_columns(block, deals),
        **_money(deals, lines, dice),
        **_texts(block, deals, dice),
        **history,
    }
    return Opportunities(columns, lines, roles, deals.accounts, deals.days, deals.live)


def _deals(block: Block, accounts: Accounts, dice: Dice) -> Deals:
    count = block.counts["Opportunity"]
    deleted = block.recycled("Opportunity", dice)
    live = [position for position in range(count) if not deleted[position]]
    owners = dice.owners(accounts.ranking, count, CONCENTRATION)
    days = later([accounts.days[account] for account in owners], dice, haste=2.2)
    ends = [day + length for day, length in zip(days, dice.draw(SALE_LENGTHS, count), strict=True)]
    prospects = zip(ends, dice.draw(CLOSED_STAGES, count), dice.draw(OPEN_STAGES, count), strict=True)
    stages = [closed if end < 0 else pending for end, closed, pending in prospects]
    hopes = zip(ends, dice.draw(CLOSE_AHEAD, count), strict=True)
    closes = [end if end < 0 else hope for end, hope in hopes]
    standard, europe = block.catalogue.books
    books = [europe if accounts.cities[account].country in EUROPE else standard for account in owners]
    titles = zip(owners, dice.draw(OPPORTUNITY_NAMES, count), strict=True)
    names = [f"{accounts.names[account][:95]} - {title}" for account, title in titles]
    return Deals(block.ids("Opportunity"), deleted, live, owners, stages, days, closes, books, names)


def _stage_columns(block: Block, deals: Deals) -> dict[str, list[Any]]:
    """What follows from the stage and the close date."""
    dates = [block.timeline.dates[close] for close in deals.closes]
    quarters = [(day.month + 2) // 3 for day in dates]
    new, renewal = (block.staff.record_types[name] for name in ("New Business", "Renewal"))
    return {
        "StageName": [stage.name for stage in deals.stages],
        "Probability": [float(stage.probability) for stage in deals.stages],
        "IsClosed": [int(stage.is_closed) for stage in deals.stages],
        "IsWon": [int(stage.is_won) for stage in deals.stages],
        "ForecastCategory": [stage.forecast_category for stage in deals.stages],
        "ForecastCategoryName": [stage.forecast_category_name for stage in deals.stages],
        "CloseDate": block.timeline.texts(deals.closes),
        "FiscalYear": [day.year for day in dates],
        "FiscalQuarter": quarters,
        "Fiscal": [f"{day.year} {quarter}" for day, quarter in zip(dates, quarters, strict=True)],
        "RecordTypeId": [renewal if name.endswith("agreement") else new for name in deals.names],
    }


def _money(deals: Deals, lines: dict[str, Any], dice: Dice) -> dict[str, list[Any]]:
    """Amounts and quantities: the sums of the lines where there are any."""
    count = len(deals.ids)
    totals: dict[str, float] = {}
    quantities: dict[str, float] = {}
    sold = zip(lines["OpportunityId"], lines["TotalPrice"], lines["Quantity"], strict=True)
    for opportunity, total, quantity in sold:
        totals[opportunity] = totals.get(opportunity, 0.0) + total
        quantities[opportunity] = quantities.get(opportunity, 0.0) + quantity
    bare = dice.some((round(a, 2) for a in dice.draw(BARE_AMOUNTS, count)), 0.85)
    amounts = [round(totals[i], 2) if i in totals else amount for i, amount in zip(deals.ids, bare, strict=True)]
    expected = zip(amounts, deals.stages, strict=True)
    return {
        "Amount": amounts,
        "ExpectedRevenue": [None if a is None else round(a * s.probability / 100, 2) for a, s in expected],
        "TotalOpportunityQuantity": [quantities.get(i) for i in deals.ids],
        "HasOpportunityLineItem": [int(i in totals) for i in deals.ids],
        "Pricebook2Id": [book if i in totals else None for i, book in zip(deals.ids, deals.books, strict=True)],
    }


def _texts(block: Block, deals: Deals, dice: Dice) -> dict[str, list[Any]]:
    count = len(deals.ids)
    won = [stage.is_won for stage in deals.stages]
    deliveries = zip(won, dice.draw(DELIVERIES, count), strict=True)
    orders = zip(won, dice.fractions(count), strict=True)
    steps = zip(deals.stages, dice.draw(NEXT_STEPS, count), strict=True)
    numbers = [f"{int(fraction * 10**8):08}" if is_won else None for is_won, fraction in orders]
    return {
        "Type": dice.draw(TYPES, count),
        "LeadSource": dice.draw(SOURCES, count),
        "NextStep": [None if stage.is_closed else step for stage, step in steps],
        "Description": dice.draw(OPPORTUNITY_NOTES, count),
        "MainCompetitors__c": dice.draw(COMPETITORS, count),
        "Discount__c": dice.draw(DISCOUNTS, count),
        "OrderNumber__c": numbers,
        "TrackingNumber__c": dice.some((number and f"{number[::-1]}0000" for number in numbers), 0.6),
        "DeliveryInstallationStatus__c": [delivery if is_won else None for is_won, delivery in deliveries],
        "IsPrivate": dice.flags(0.01, count),
        "PushCount": dice.draw(PUSHES, count),
        "Ext__c": block.external_keys("Opportunity", "OPP", dice),
    }


def _lines(block: Block, deals: Deals, history: dict[str, list[Any]]) -> dict[str, Any]:
    """Opportunity lines: some opportunities have none, a few have dozens."""
    dice = block.dice("OpportunityLineItem")
    count = block.counts["OpportunityLineItem"]
    ranking = [deals.live[rank] for rank in dice.shuffled(len(deals.live))]
    sold_in = sorted(dice.owners(ranking, count, 0.35))
    entries = _choose(block, [deals.books[deal] for deal in sold_in], dice)
    quantities = dice.draw(QUANTITIES, count)
    reductions = dice.draw((1.0,) * 200 + (0.95,) * 36 + (0.9,) * 20, count)
    prices = [round(e.price * reduction, 2) for e, reduction in zip(entries, reductions, strict=True)]
    discounts = dice.draw(DISCOUNTS, count)
    sold = zip(prices, quantities, discounts, strict=True)
    totals = [round(price * (quantity * (1 - (off or 0.0) / 100)), 2) for price, quantity, off in sold]
    named = zip(sold_in, entries, strict=True)
    return {
        "Id": block.ids("OpportunityLineItem"),
        "OpportunityId": [deals.ids[deal] for deal in sold_in],
        "SortOrder": _ranks(sold_in),
        "PricebookEntryId": [entry.entry_id for entry in entries],
        "Product2Id": [entry.product_id for entry in entries],
        "ProductCode": [entry.product.code for entry in entries],
        "Name": [f"{deals.names[deal]} {entry.product.name}" for deal, entry in named],
        "Quantity": quantities,
        "UnitPrice": prices,
        "ListPrice": [entry.price for entry in entries],
        "Discount": discounts,
        "Subtotal": [round(price * quantity, 2) for price, quantity in zip(prices, quantities, strict=True)],
        "TotalPrice": totals,
        "ServiceDate": dice.some(block.timeline.texts(deals.closes[deal] + 14 for deal in sold_in), 0.3),
        "Description": dice.draw((None,) * 230 + ("Net price, incl. case",) * 20 + ('Color: "signal red"',) * 6, count),
        **{name: [values[deal] for deal in sold_in] for name, values in history.items()},
    }


def _choose(block: Block, books: Sequence[str], dice: Dice) -> list[Listed]:
    """A product from the price book of each line; some sell far better than others."""
    offers = [block.catalogue.offered[book] for book in books]
    return [offer[int(f * f * len(offer))] for offer, f in zip(offers, dice.fractions(len(books)), strict=True)]


def _ranks(owners: Sequence[int]) -> list[int]:
    """The place of each thing among those of its owner, from 1; ``owners`` is sorted."""
    ranks: list[int] = []
    previous = -1
    for owner in owners:
        ranks.append(ranks[-1] + 1 if owner == previous else 1)
        previous = owner
    return ranks


def _contact_roles(
    block: Block, deals: Deals, contacts: Contacts, history: dict[str, list[Any]]
) -> tuple[dict[str, Any], list[str | None]]:
    """Who of the account's people takes part in a sale, and for each opportunity its primary contact."""
    dice = block.dice("OpportunityContactRole")
    pairs = _participants(block, deals, contacts, dice)
    people = contacts.columns
    primary: list[str | None] = [None] * len(deals.ids)
    for deal, person, rank in pairs:
        if rank == 0:
            primary[deal] = people["Id"][person]
    days = [max(deals.days[deal], contacts.days[person]) for deal, person, _ in pairs]
    made = [max(history["CreatedDate"][deal], people["CreatedDate"][person]) for deal, person, _ in pairs]
    users = [history["CreatedById"][deal] for deal, _, _ in pairs]
    roles = {
        "Id": block.ids("OpportunityContactRole", len(pairs)),
        "OpportunityId": [deals.ids[deal] for deal, _, _ in pairs],
        "ContactId": [people["Id"][person] for _, person, _ in pairs],
        "Role": dice.draw(ROLES, len(pairs)),
        "IsPrimary": [int(rank == 0) for _, _, rank in pairs],
        **audit(block.timeline, dice, days, users, not_before=made),
    }
    return roles, primary


def _participants(block: Block, deals: Deals, contacts: Contacts, dice: Dice) -> list[tuple[int, int, int]]:
    """Opportunity, contact and the contact's rank in it; each contact at most once, three at most, in order."""
    teams = {deal: contacts.at[deals.accounts[deal]] for deal in deals.live}
    willing = [deal for deal in deals.live if teams[deal] and dice.random() < 0.55]
    starts = dict(zip(willing, dice.randbytes(len(willing)), strict=True))
    ranked = [
        (deal, teams[deal][(starts[deal] + rank) % len(teams[deal])], rank)
        for rank in range(3)
        for deal in willing
        if rank < len(teams[deal])
    ]
    return sorted(ranked[: block.counts["OpportunityContactRole"]])
