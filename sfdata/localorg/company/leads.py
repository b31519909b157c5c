"""Leads: who asked, what is known about them, and what the converted ones have become."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sfdata.localorg.company import customers
from sfdata.localorg.company.accounts import Accounts, company_names
from sfdata.localorg.company.blocks import Block
from sfdata.localorg.company.contacts import Contacts
from sfdata.localorg.company.draws import Dice, deck, grouped
from sfdata.localorg.company.people import TITLES, ascii_text, meet, person_columns
from sfdata.localorg.company.places import CITIES, phones, streets
from sfdata.localorg.company.sales import Opportunities
from sfdata.localorg.company.tables import address, audit
from sfdata.localorg.company.texts import LEAD_NOTES
from sfdata.localorg.company.timeline import ARRIVALS, FIRST_DAY

CONVERTED: Final = "Closed - Converted"
STATUSES: Final = deck(
    {"Open - Not Contacted": 80, "Working - Contacted": 84, CONVERTED: 46, "Closed - Not Converted": 46}
)
INTERESTS: Final = deck({"GC1000 series": 40, "GC3000 series": 30, "GC5000 series": 20, None: 166})
GENERATORS: Final = deck({None: 200, "GC1060": 20, "GC3040, GC3060": 16, "unknown": 20})
YES_NO: Final = deck({"Yes": 60, "No": 90, None: 106})
CONVERSION: Final = ("ConvertedDate", "ConvertedAccountId", "ConvertedContactId", "ConvertedOpportunityId")
IDENTITY: Final = ("FirstName", "LastName", "Salutation", "Name", "Title", "Email", "Phone", "MobilePhone")
"""What a lead and the contact it has become share."""


@dataclass(frozen=True, slots=True)
class Leads:
    """A block's leads; ``live`` has the positions of those not in the recycle bin, ``days`` when each was created."""

    columns: dict[str, list[Any]]
    days: Sequence[int]
    live: Sequence[int]


def grow_leads(block: Block, accounts: Accounts, contacts: Contacts, opportunities: Opportunities) -> Leads:
    """Make a block's leads; a converted one has become a contact of the block."""
    dice = block.dice("Lead")
    count = block.counts["Lead"]
    deleted = block.recycled("Lead", dice)
    statuses = dice.draw(STATUSES, count)
    became = _conversions(statuses, deleted, contacts, dice)
    days = _lead_days(count, became, contacts, dice)
    owners = dice.draw(block.staff.lead_owners, count)
    columns: dict[str, list[Any]] = {
        "Id": block.ids("Lead"),
        "IsDeleted": deleted,
        "OwnerId": owners,
        **_enquirers(block, count, dice),
        **_qualification(block, count, dice),
        "Status": statuses,
        **audit(block.timeline, dice, days, block.staff.people_for(owners)),
    }
    _convert(columns, became, accounts, contacts, opportunities, dice)
    return Leads(columns, days, [position for position in range(count) if not deleted[position]])


def _conversions(statuses: list[str], deleted: Sequence[int], contacts: Contacts, dice: Dice) -> dict[int, int]:
    """Which contact each converted lead became; where contacts run out, the lead was not converted after all."""
    employed = [position for position in contacts.live if contacts.accounts[position] is not None]
    candidates = iter([employed[rank] for rank in dice.shuffled(len(employed))])
    became: dict[int, int] = {}
    for lead, status in enumerate(statuses):
        contact = next(candidates, None) if status == CONVERTED and not deleted[lead] else None
        if contact is not None:
            became[lead] = contact
        elif status == CONVERTED:
            statuses[lead] = "Closed - Not Converted"
    return became


def _lead_days(count: int, became: dict[int, int], contacts: Contacts, dice: Dice) -> list[int]:
    """Leads appear like accounts; one that was converted appeared at most two months before its contact."""
    days = dice.pick(ARRIVALS, count)
    for lead, contact in became.items():
        days[lead] = max(FIRST_DAY, contacts.days[contact] - int(60 * dice.random()))
    return days


def _enquirers(block: Block, count: int, dice: Dice) -> dict[str, list[Any]]:
    """Somebody from somewhere who asked."""
    cities = dice.draw(CITIES, count)
    people = meet(cities, dice)
    numbers = phones(cities, dice)
    companies = company_names(cities, dice)
    sites = [ascii_text(name).lower().replace(" ", "-") or "shop" for name in companies]
    hosts = zip(people, block.serials("Lead"), strict=True)
    return {
        **person_columns(people, dice),
        "Company": companies,
        "Email": dice.some((f"{person.mailbox}@enquiry-{serial % 977}.example" for person, serial in hosts), 0.92),
        "Phone": dice.some(numbers, 0.7),
        "MobilePhone": dice.some(numbers, 0.2),
        "Fax": dice.some(numbers, 0.04),
        "Website": dice.some((f"https://{site}.example" for site in sites), 0.3),
        **address("", dice.some(cities, 0.75), streets(cities, dice)),
    }


def _qualification(block: Block, count: int, dice: Dice) -> dict[str, list[Any]]:
    return {
        "Title": dice.draw(TITLES, count),
        "LeadSource": dice.draw(customers.SOURCES, count),
        "Industry": [industry.name for industry in dice.draw(customers.INDUSTRIES, count)],
        "Rating": dice.draw(customers.RATINGS, count),
        "AnnualRevenue": dice.some((round(revenue, -2) for revenue in dice.draw(customers.REVENUES, count)), 0.4),
        "NumberOfEmployees": dice.some((1 + int(4000 * f**6) for f in dice.fractions(count)), 0.6),
        "Description": dice.draw(LEAD_NOTES, count),
        "HasOptedOutOfEmail": dice.flags(0.05, count),
        "HasOptedOutOfFax": dice.flags(0.02, count),
        "DoNotCall": dice.flags(0.03, count),
        "IsUnreadByOwner": dice.flags(0.3, count),
        "SICCode__c": [industry.sic for industry in dice.draw(customers.INDUSTRIES, count)],
        "ProductInterest__c": dice.draw(INTERESTS, count),
        "Primary__c": dice.draw(YES_NO, count),
        "CurrentGenerators__c": dice.draw(GENERATORS, count),
        "NumberofLocations__c": dice.draw(customers.LOCATION_COUNTS, count),
        "Ext__c": block.external_keys("Lead", "LEA", dice),
    }


def _convert(
    columns: dict[str, list[Any]], became: dict[int, int], accounts: Accounts, contacts: Contacts,
    opportunities: Opportunities, dice: Dice,
) -> None:  # fmt: skip
    """Let converted leads show who they became: the contact's name and company, and where they went."""
    count = len(columns["Id"])
    sales = grouped(opportunities.accounts, opportunities.live, len(accounts.ids))
    gone: dict[str, list[Any]] = {name: [None] * count for name in CONVERSION}
    for lead, contact in became.items():
        account = contacts.accounts[contact]
        assert account is not None
        for name in IDENTITY:
            columns[name][lead] = contacts.columns[name][contact]
        columns["Company"][lead] = accounts.names[account]
        deals = sales[account]
        deal = opportunities.columns["Id"][deals[int(dice.random() * len(deals))]] if deals else None
        day = max(contacts.columns["CreatedDate"][contact][:10], columns["CreatedDate"][lead][:10])
        into = (day, accounts.ids[account], contacts.columns["Id"][contact], deal)
        for name, value in zip(CONVERSION, into, strict=True):
            gone[name][lead] = value
        columns["IsUnreadByOwner"][lead] = 0
    columns["IsConverted"] = [int(lead in became) for lead in range(count)]
    columns |= gone
