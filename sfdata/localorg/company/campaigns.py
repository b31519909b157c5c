"""Campaigns, who took part in them, and what they brought."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sfdata.localorg.company.accounts import Accounts
from sfdata.localorg.company.blocks import Block
from sfdata.localorg.company.contacts import Contacts
from sfdata.localorg.company.draws import Dice, deck, lognormal
from sfdata.localorg.company.leads import Leads
from sfdata.localorg.company.sales import Opportunities
from sfdata.localorg.company.tables import audit
from sfdata.localorg.company.texts import CAMPAIGN_NAMES, CAMPAIGN_NOTES
from sfdata.localorg.company.timeline import ARRIVALS

TYPES: Final = deck(
    {
        "Email": 60, "Webinar": 50, "Trade Show": 40, "Direct Mail": 30, "Conference": 26, "Banner Ads": 16,
        "Referral Program": 10, "Telemarketing": 10, "Other": 14,
    }
)  # fmt: skip
LENGTHS: Final = deck({0: 30, 2: 60, 14: 60, 30: 70, 90: 36})
RESPONSES: Final = deck({None: 90, 2.5: 60, 5.0: 60, 12.75: 30, 40.0: 16})
BUDGETS: Final = lognormal(median=9_000.0, spread=0.9)
RESPONSE_SHARE: Final = 0.28
LEAD_TIME: Final = 20
"""Days from a campaign's record to its start."""

COPIED: Final = (
    "Salutation", "Name", "FirstName", "LastName", "Title", "Email", "Phone", "Fax", "MobilePhone", "Description",
    "DoNotCall", "HasOptedOutOfEmail", "HasOptedOutOfFax", "LeadSource",
)  # fmt: skip
"""What a member shows of its lead or contact."""
ADDRESS_PARTS: Final = ("Street", "City", "State", "PostalCode", "Country")


@dataclass(frozen=True, slots=True)
class People:
    """Those a campaign may invite: leads or contacts, with what members copy from them."""

    kind: str
    columns: Mapping[str, list[Any]]
    companies: Sequence[str | None]
    days: Sequence[int]
    address: str


@dataclass(frozen=True, slots=True)
class Invitation:
    """``campaign`` invites number ``person`` of ``people``."""

    campaign: int
    people: People
    person: int

    def shows(self, name: str) -> Any:
        """A field of the lead or contact."""
        return self.people.columns[name][self.person]


@dataclass(frozen=True, slots=True)
class Campaigns:
    """A block's campaigns and their members, as columns; ``days`` tells when each campaign was made."""

    columns: dict[str, Any]
    members: dict[str, Any]
    days: Sequence[int]


def grow_campaigns(
    block: Block, ids: Sequence[str], accounts: Accounts, contacts: Contacts, leads: Leads, opportunities: Opportunities
) -> Campaigns:
    """Make a block's campaigns, whose totals count their members and the opportunities they are credited with."""
    dice = block.dice("Campaign")
    days = dice.pick(ARRIVALS, len(ids))
    owners = dice.draw(block.staff.sellers, len(ids))
    history = audit(block.timeline, dice, days, owners)
    invited = _invitations(block, len(ids), accounts, contacts, leads)
    members = _members(block, ids, days, history, invited)
    columns = {
        "Id": ids,
        "OwnerId": owners,
        **_plan(block, ids, days, dice),
        **_totals(len(ids), invited, members["HasResponded"], leads),
        **_credit(ids, opportunities),
        **history,
    }
    return Campaigns(columns, members, days)


def _plan(block: Block, ids: Sequence[str], days: Sequence[int], dice: Dice) -> dict[str, Any]:
    """What a campaign is, when it runs and what it costs."""
    count = len(ids)
    starts = [day + LEAD_TIME for day in days]
    ends = [start + length for start, length in zip(starts, dice.draw(LENGTHS, count), strict=True)]
    runs = zip(starts, ends, strict=True)
    statuses = ["Planned" if start > 0 else "In Progress" if end >= 0 else "Completed" for start, end in runs]
    budgets = dice.draw(BUDGETS, count)
    return {
        "Name": [f"{CAMPAIGN_NAMES[n % len(CAMPAIGN_NAMES)]} {n:03}" for n in block.serials("Campaign")],
        "ParentId": [ids[0] if n % 5 == 4 else None for n in range(count)],
        "Type": dice.draw(TYPES, count),
        "Status": statuses,
        "IsActive": [int(status == "In Progress") for status in statuses],
        "StartDate": block.timeline.texts(starts),
        "EndDate": block.timeline.texts(ends),
        "BudgetedCost": [round(budget, -2) for budget in budgets],
        "ActualCost": dice.some((float(round(budget * 1.08)) for budget in budgets), 0.7),
        "ExpectedRevenue": [round(budget * 9, -3) for budget in budgets],
        "ExpectedResponse": dice.draw(RESPONSES, count),
        "NumberSent": dice.some((float(int(budget / 7)) for budget in budgets), 0.8),
        "Description": dice.draw(CAMPAIGN_NOTES, count),
        "Ext__c": block.external_keys("Campaign", "CMP", dice),
    }


def _invitations(
    block: Block, campaigns: int, accounts: Accounts, contacts: Contacts, leads: Leads
) -> list[Invitation]:
    """Each campaign invites a run of all people, so that nobody is invited twice to the same."""
    dice = block.dice("CampaignMember")
    companies = [None if a is None else accounts.names[a] for a in contacts.accounts]
    known = (
        (People("Lead", leads.columns, leads.columns["Company"], leads.days, ""), leads.live),
        (People("Contact", contacts.columns, companies, contacts.days, "Mailing"), contacts.live),
    )
    everybody = [(people, person) for people, live in known for person in live]
    order = dice.shuffled(len(everybody))
    sizes = Counter(dice.owners(range(campaigns), block.counts["CampaignMember"] if campaigns else 0, 0.5))
    invited = []
    for campaign, size in sorted(sizes.items()):
        start = int(dice.random() * len(order))
        run = (order[(start + step) % len(order)] for step in range(min(size, len(order))))
        invited += [Invitation(campaign, *everybody[number]) for number in run]
    return invited


def _members(
    block: Block, ids: Sequence[str], days: Sequence[int], history: dict[str, list[Any]], invited: Sequence[Invitation]
) -> dict[str, Any]:
    dice = block.dice("CampaignMember/rows")
    joined = [max(days[i.campaign], i.people.days[i.person]) for i in invited]
    made = [max(history["CreatedDate"][i.campaign], i.shows("CreatedDate")) for i in invited]
    inviters = [history["CreatedById"][i.campaign] for i in invited]
    audited = audit(block.timeline, dice, joined, inviters, not_before=made)
    sources = [(i.people.columns, i.person) for i in invited]
    responded = dice.flags(RESPONSE_SHARE, len(invited))
    answers = zip(responded, audited["LastModifiedDate"], strict=True)
    return {
        "Id": block.ids("CampaignMember", len(invited)),
        "CampaignId": [ids[i.campaign] for i in invited],
        "LeadId": [i.shows("Id") if i.people.kind == "Lead" else None for i in invited],
        "ContactId": [i.shows("Id") if i.people.kind == "Contact" else None for i in invited],
        "LeadOrContactId": [i.shows("Id") for i in invited],
        "LeadOrContactOwnerId": [i.shows("OwnerId") for i in invited],
        "Type": [i.people.kind for i in invited],
        "CompanyOrAccount": [i.people.companies[i.person] for i in invited],
        "Status": ["Responded" if response else "Sent" for response in responded],
        "HasResponded": responded,
        "FirstRespondedDate": [moment[:10] if response else None for response, moment in answers],
        **{name: [columns[name][person] for columns, person in sources] for name in COPIED},
        **{part: [i.shows(i.people.address + part) for i in invited] for part in ADDRESS_PARTS},
        **audited,
    }


def _totals(
    campaigns: int, invited: Sequence[Invitation], responded: Sequence[int], leads: Leads
) -> dict[str, list[int]]:
    """How many members of each kind a campaign has, and how many of them answered."""
    converted = leads.columns["IsConverted"]
    asked = [i for i in invited if i.people.kind == "Lead"]
    counted = {
        "NumberOfLeads": Counter(i.campaign for i in asked),
        "NumberOfConvertedLeads": Counter(i.campaign for i in asked if converted[i.person]),
        "NumberOfContacts": Counter(i.campaign for i in invited if i.people.kind == "Contact"),
        "NumberOfResponses": Counter(i.campaign for i, response in zip(invited, responded, strict=True) if response),
    }
    return {name: [counter[campaign] for campaign in range(campaigns)] for name, counter in counted.items()}


def _credit(ids: Sequence[str], opportunities: Opportunities) -> dict[str, list[Any]]:
    """What the opportunities that came from a campaign add up to."""
    columns = opportunities.columns
    numbers, won = Counter[str](), Counter[str]()
    amounts, amounts_won = dict.fromkeys(ids, 0.0), dict.fromkeys(ids, 0.0)
    for position in opportunities.live:
        campaign, amount = columns["CampaignId"][position], columns["Amount"][position] or 0.0
        if campaign is not None:
            numbers[campaign] += 1
            amounts[campaign] += amount
            if columns["IsWon"][position]:
                won[campaign] += 1
                amounts_won[campaign] += amount
    return {
        "NumberOfOpportunities": [numbers[id_] for id_ in ids],
        "NumberOfWonOpportunities": [won[id_] for id_ in ids],
        "AmountAllOpportunities": [float(round(amounts[id_])) for id_ in ids],
        "AmountWonOpportunities": [float(round(amounts_won[id_])) for id_ in ids],
    }
