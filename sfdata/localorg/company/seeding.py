"""Growing the company into a store: the staff and the catalogue first, then block after block.

Each block is one transaction that also notes how far the company has grown. A store whose seeding was cut short is
completed the next time, with what it was begun with; one that is complete is left as it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import islice
from math import inf
from typing import Final

import msgspec

from sfdata.localorg.company.accounts import grow_accounts
from sfdata.localorg.company.activities import grow_events, grow_tasks, surroundings, trace
from sfdata.localorg.company.base import seed_base
from sfdata.localorg.company.blocks import Block, block_counts, number_of_blocks
from sfdata.localorg.company.campaigns import grow_campaigns
from sfdata.localorg.company.catalogue import Catalogue, stock
from sfdata.localorg.company.contacts import grow_contacts
from sfdata.localorg.company.contracts import grow_contracts
from sfdata.localorg.company.files import grow_files
from sfdata.localorg.company.leads import grow_leads
from sfdata.localorg.company.sales import grow_opportunities
from sfdata.localorg.company.service import grow_assets, grow_cases
from sfdata.localorg.company.staff import Staff, hire
from sfdata.localorg.company.tables import Columns, load
from sfdata.localorg.company.timeline import Timeline, first_moment
from sfdata.localorg.store import Store

DEFAULT_SEED: Final = 20240229
PLAN: Final = "sample_company"
PROGRESS: Final = "sample_company_progress"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a company was begun with."""

    scale: float
    seed: int
    as_of: date
    staff: Staff
    catalogue: Catalogue


@dataclass(frozen=True, slots=True)
class Progress:
    """How many blocks of a company are in the store, and how many rows of each object those are."""

    blocks: int
    rows: dict[str, int]


def seed_company(
    store: Store, *, scale: float = 1.0, seed: int = DEFAULT_SEED, as_of: date | None = None
) -> dict[str, int]:
    """Fill a store with the sample company and return how many rows each object has got.

    ``scale`` 1 is 3,000 accounts, 9,000 contacts, 6,000 opportunities and what belongs to them; everything but staff
    and catalogue grows with it. The same ``seed``, ``scale`` and ``as_of`` (today if not given) give the same rows in a
    new store; ``as_of`` shifts dates and changes nothing else. Loads the org's own records too where they are missing.

    Raises:
        ValueError: ``scale`` is not above 0.
    """
    plan = _plan(store, scale, seed, as_of or datetime.now(UTC).date())
    known = store.setting(PROGRESS)
    progress = msgspec.json.decode(known, type=Progress) if known else Progress(0, {})
    if progress.blocks < number_of_blocks(plan.scale):
        with store.unindexed():
            for block in islice(_blocks(store, plan), progress.blocks, None):
                progress = _load_block(block, progress)
    return progress.rows


def _blocks(store: Store, plan: Plan) -> Iterator[Block]:
    """The blocks a planned company has; each still to be grown."""
    timeline = Timeline(plan.as_of)
    first: Counter[str] = Counter()
    for number, counts in enumerate(block_counts(plan.scale)):
        yield Block(store, timeline, plan.staff, plan.catalogue, plan.seed, number, counts, first.copy())
        first.update(counts)


def _plan(store: Store, scale: float, seed: int, as_of: date) -> Plan:
    """The plan the store's company was begun with, or else a new one, with staff and catalogue loaded."""
    known = store.setting(PLAN)
    if known is not None:
        return msgspec.json.decode(known, type=Plan)
    if not 0 < scale < inf:
        raise ValueError(f"scale must be a number greater than 0, not {scale}")
    base = seed_base(store, as_of=as_of)
    moment = first_moment(as_of)
    with store.transaction():
        staff = hire(store, base.user_id, base.profiles, moment)
        catalogue = stock(store, base.standard_pricebook_id, base.user_id, moment)
        plan = Plan(scale, seed, as_of, staff, catalogue)
        store.set_setting(PLAN, msgspec.json.encode(plan).decode())
    return plan


def _load_block(block: Block, progress: Progress) -> Progress:
    rows = Counter(progress.rows)
    with block.store.transaction():
        for name, columns in _grow(block):
            rows[name] += load(block.store, name, columns)
        progress = Progress(block.number + 1, dict(rows))
        block.store.set_setting(PROGRESS, msgspec.json.encode(progress).decode())
    return progress


def _grow(block: Block) -> Iterator[tuple[str, Columns]]:
    """The rows of a block, object by object; each object's are made from those of others before it."""
    campaign_ids = block.ids("Campaign")
    accounts = grow_accounts(block)
    contacts = grow_contacts(block, accounts)
    opportunities = grow_opportunities(block, accounts, contacts, campaign_ids)
    leads = grow_leads(block, accounts, contacts, opportunities)
    campaigns = grow_campaigns(block, campaign_ids, accounts, contacts, leads, opportunities)
    assets = grow_assets(block, accounts, contacts)
    cases = grow_cases(block, accounts, contacts, assets)
    around = surroundings(accounts, contacts, leads, opportunities, cases, campaigns)
    tasks, events = grow_tasks(block, around), grow_events(block, around)
    traces = trace(tasks, events, block.timeline.days[0])
    yield "Account", traces.on(accounts.columns)
    yield "Contact", traces.on(contacts.columns)
    yield "Lead", traces.on(leads.columns)
    yield "Campaign", traces.on(campaigns.columns)
    yield "Opportunity", traces.open_on(opportunities.columns)
    yield "OpportunityLineItem", opportunities.lines
    yield "OpportunityContactRole", opportunities.roles
    yield "CampaignMember", campaigns.members
    yield "Contract", grow_contracts(block, accounts, contacts)
    yield "Asset", assets.columns
    yield "Case", cases.columns
    yield "CaseComment", cases.comments
    yield "Task", tasks
    yield "Event", events
    yield from grow_files(block, opportunities).items()
