"""Accounts: who the customers are, how they belong to each other, and what later rows need to know about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from sfdata.localorg.company import customers
from sfdata.localorg.company.blocks import Block
from sfdata.localorg.company.customers import CURIOUS_NAMES, NAME_PATTERNS, Industry
from sfdata.localorg.company.draws import Dice, deck
from sfdata.localorg.company.people import PEOPLE, ascii_text
from sfdata.localorg.company.places import CITIES, City, phones, streets
from sfdata.localorg.company.tables import Columns, address, audit
from sfdata.localorg.company.texts import ACCOUNT_NOTES
from sfdata.localorg.company.timeline import ARRIVALS

CONTRACT_ENDS: Final = deck(dict.fromkeys(range(-400, 500, 9), 1) | {None: 150})
PARTNER_TYPES: Final = frozenset({"Channel Partner / Reseller", "Installation Partner", "Technology Partner"})

ACCOUNTS_PER_CURIOUS_NAME: Final = 40
#: Of a hundred accounts in order of importance: groups, their divisions, and the divisions' sites.
GROUPS, DIVISIONS, SITES = 2, 8, 18


@dataclass(frozen=True, slots=True)
class Accounts:
    """A block's accounts. ``days`` and ``made`` say when each was created, as a day and as the stored moment.

    ``ranking`` lists the positions of live accounts, the most important first.
    """

    ids: Sequence[str]
    names: Sequence[str]
    cities: Sequence[City]
    streets: Sequence[str]
    phones: Sequence[str]
    domains: Sequence[str]
    owners: Sequence[str]
    days: Sequence[int]
    made: Sequence[str]
    ranking: Sequence[int]
    columns: Columns


def grow_accounts(block: Block) -> Accounts:
    """Make a block's accounts."""
    dice = block.dice("Account")
    count = block.counts["Account"]
    ids = block.ids("Account")
    deleted = block.recycled("Account", dice)
    ranking = [position for position in dice.shuffled(count) if not deleted[position]]
    cities = dice.draw(CITIES, count)
    parents = _parents(ranking, dice)
    names = _names(cities, parents, dice)
    addresses = streets(cities, dice)
    numbers = phones(cities, dice)
    domains = [_domain(name, serial) for name, serial in zip(names, block.serials("Account"), strict=True)]
    owners = dice.draw(block.staff.sellers, count)
    days = dice.pick(ARRIVALS, count)
    history = audit(block.timeline, dice, days, owners)
    columns: Columns = {
        "Id": ids,
        "IsDeleted": deleted,
        "Name": names,
        "ParentId": [ids[parents[position]] if position in parents else None for position in range(count)],
        "Phone": dice.some(numbers, 0.93),
        "OwnerId": owners,
        **address("Billing", dice.some(cities, 0.96), addresses),
        **_shipping(cities, addresses, dice),
        **_identity(block, names, domains, numbers, dice),
        **_business(count, dice),
        **_classification(block, count, dice),
        **_relationship(block, cities, dice),
        **history,
    }
    return Accounts(
        ids, names, cities, addresses, numbers, domains, owners, days, history["CreatedDate"], ranking, columns
    )


def _parents(ranking: Sequence[int], dice: Dice) -> dict[int, int]:
    """The accounts that belong to another: divisions to groups, then sites to divisions."""
    groups, divisions, sites = (-(-len(ranking) * share // 100) for share in (GROUPS, DIVISIONS, SITES))
    tiers = ranking[:groups], ranking[groups:divisions], ranking[divisions:sites]
    return {
        position: above
        for parents, children in pairwise(tiers)
        for position, above in zip(children, dice.pick(parents, len(children)), strict=True)
    }


def _names(cities: Sequence[City], parents: Mapping[int, int], dice: Dice) -> list[str]:
    """Names in the tongue of the city; a site or division is called like what it belongs to, and where it is."""
    names = company_names(cities, dice)
    for n, position in enumerate(dice.shuffled(len(names))[::ACCOUNTS_PER_CURIOUS_NAME]):
        names[position] = CURIOUS_NAMES[n % len(CURIOUS_NAMES)]
    for position, parent in parents.items():
        names[position] = f"{names[parent]} – {cities[position].name}"
    return names


def company_names(cities: Sequence[City], dice: Dice) -> list[str]:
    """What companies in some cities call themselves."""
    count = len(cities)
    chances = zip(cities, dice.randbytes(count), dice.randbytes(count), dice.randbytes(count), strict=True)
    return [_name(*chance) for chance in chances]


def _name(city: City, kind: int, one: int, other: int) -> str:
    patterns, people = NAME_PATTERNS[city.tongue], PEOPLE[city.tongue]
    last = people[(one * 256 + other) * 7 % len(people)].last
    second = people[other * 31 % len(people)].last
    pattern = patterns[kind % len(patterns)]
    return pattern.format(last=last, other=second, city=city.name, number=one * 256 + other)


def _domain(name: str, serial: int) -> str:
    words = ascii_text(name).lower().split()
    return f"{'-'.join(words[:2]) or 'customer'}-{serial}.example"


def _shipping(cities: Sequence[City], addresses: Sequence[str], dice: Dice) -> Columns:
    """Goods go to the billing address, to another city, or nobody has said."""
    elsewhere = dice.draw(CITIES, len(cities))
    choices = zip(cities, elsewhere, dice.randbytes(len(cities)), strict=True)
    chosen = [city if byte < 140 else other if byte < 165 else None for city, other, byte in choices]
    places = zip(chosen, cities, addresses, strict=True)
    return address("Shipping", chosen, [s if c is city else c.streets[0] if c else None for c, city, s in places])


def _identity(
    block: Block, names: Sequence[str], domains: Sequence[str], telephones: Sequence[str], dice: Dice
) -> Columns:
    count = len(names)
    odd = dice.draw(customers.ODD_ACCOUNT_NUMBERS, count)
    numbers = dice.some((f"{serial:06}" for serial in block.serials("Account")), 0.7)
    sites = zip(dice.draw(("https://www.", "http://", "www.", "https://") * 64, count), domains, strict=True)
    ownership = dice.draw(customers.OWNERSHIPS, count)
    tickers = [ascii_text(name).replace(" ", "").upper()[:4] or None for name in names]
    duns = dice.some((f"{int(chance * 10**9):09}" for chance in dice.fractions(count)), 0.4)
    return {
        "AccountNumber": [strange or number for strange, number in zip(odd, numbers, strict=True)],
        "Website": dice.some((prefix + domain for prefix, domain in sites), 0.8),
        "Fax": dice.some((f"{phone[:-4]}{int(phone[-4:]) + 100:04}" for phone in telephones), 0.3),
        "Ownership": ownership,
        "TickerSymbol": [t if o == "Public" else None for t, o in zip(tickers, ownership, strict=True)],
        "DunsNumber": duns,
        "Tradestyle": dice.some((name.split(",")[0].split(" – ")[0] for name in names), 0.08),
        "Site": dice.draw(customers.SITES, count),
        "Ext__c": block.external_keys("Account", "ACC", dice),
    }


def _business(count: int, dice: Dice) -> Columns:
    """Industry with its codes, size and age."""
    industries: list[Industry] = dice.draw(customers.INDUSTRIES, count)
    bases = zip(dice.draw(customers.REVENUES, count), dice.fractions(count), strict=True)
    revenues = [round(base * (0.7 + 0.6 * fraction), -2) for base, fraction in bases]
    heads = zip(revenues, dice.draw(customers.REVENUE_PER_HEAD, count), strict=True)
    coded = dice.flags(0.6, count)
    codes = [industry if known else customers.UNCODED for industry, known in zip(industries, coded, strict=True)]
    return {
        "Industry": [industry.name for industry in industries],
        "Sic": [industry.sic for industry in codes],
        "SicDesc": [industry.sic_description for industry in codes],
        "NaicsCode": [industry.naics for industry in codes],
        "NaicsDesc": [industry.naics_description for industry in codes],
        "AnnualRevenue": dice.some(revenues, 0.72),
        "NumberOfEmployees": dice.some((max(1, int(revenue / per_head)) for revenue, per_head in heads), 0.78),
        "YearStarted": dice.some((str(2018 - int(160 * f**3)) for f in dice.fractions(count)), 0.45),
    }


def _classification(block: Block, count: int, dice: Dice) -> Columns:
    types = dice.draw(customers.TYPES, count)
    customer, partner = (block.staff.record_types[name] for name in ("Customer", "Partner"))
    return {
        "Type": types,
        "RecordTypeId": [partner if type_ in PARTNER_TYPES else customer for type_ in types],
        "Rating": dice.draw(customers.RATINGS, count),
        "AccountSource": dice.draw(customers.SOURCES, count),
        "CleanStatus": dice.draw(("Pending",) * 200 + (None,) * 56, count),
        "CustomerPriority__c": dice.draw(customers.PRIORITIES, count),
        "Active__c": dice.draw(customers.ACTIVE, count),
        "UpsellOpportunity__c": dice.draw(customers.UPSELL, count),
        "Segments__c": dice.draw(customers.SEGMENTS, count),
        "Description": dice.draw(ACCOUNT_NOTES, count),
    }


def _relationship(block: Block, cities: Sequence[City], dice: Dice) -> dict[str, list[Any]]:
    """The service agreement, and where and when the customer can be reached."""
    count = len(cities)
    levels = dice.draw(customers.SERVICE_LEVELS, count)
    serials = (f"{int(chance * 10**6):04}" for chance in dice.fractions(count))
    ends = block.timeline.texts(dice.draw(CONTRACT_ENDS, count))
    located = dice.some(cities, 0.25)
    return {
        "SLA__c": levels,
        "SLASerialNumber__c": [serial if level else None for serial, level in zip(serials, levels, strict=True)],
        "SLAExpirationDate__c": [end if level else None for end, level in zip(ends, levels, strict=True)],
        "NumberofLocations__c": dice.draw(customers.LOCATION_COUNTS, count),
        "Opening_Time__c": dice.draw(customers.OPENING_TIMES, count),
        "Site_Location__Latitude__s": [city and round(city.latitude + 0.004, 6) for city in located],
        "Site_Location__Longitude__s": [city and round(city.longitude - 0.003, 6) for city in located],
    }
