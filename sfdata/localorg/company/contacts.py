"""Contacts: the people at the accounts, who reports to whom, and how they are reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sfdata.localorg.company.accounts import Accounts
from sfdata.localorg.company.blocks import Block
from sfdata.localorg.company.customers import SOURCES
from sfdata.localorg.company.draws import Dice, deck, grouped
from sfdata.localorg.company.people import DEPARTMENTS, LANGUAGES, TITLES, Person, meet, person_columns
from sfdata.localorg.company.places import CITIES, City, phones, streets
from sfdata.localorg.company.tables import address, audit
from sfdata.localorg.company.texts import CONTACT_NOTES
from sfdata.localorg.company.timeline import later

LEVELS: Final = deck({"Primary": 60, "Secondary": 80, "Tertiary": 30, None: 86})
BOUNCES: Final = deck({None: 252, "550 5.1.1 mailbox unavailable": 3, '552 "over quota", try later': 1})
PRIVATE_SHARE: Final = 0.03
"""Contacts that belong to no account."""
CONCENTRATION: Final = 0.9
"""How much the largest accounts have: the exponent of Zipf's law."""


@dataclass(frozen=True, slots=True)
class Contacts:
    """A block's contacts. ``accounts`` has the position of each one's account, ``days`` the day it was created.

    ``at`` lists, for each account, the positions of its live contacts, the one who leads first.
    """

    columns: dict[str, list[Any]]
    accounts: Sequence[int | None]
    days: Sequence[int]
    at: Sequence[Sequence[int]]
    live: Sequence[int]


def grow_contacts(block: Block, accounts: Accounts) -> Contacts:
    """Make a block's contacts: a few accounts have very many, a third have none."""
    dice = block.dice("Contact")
    count = block.counts["Contact"]
    ids = block.ids("Contact")
    deleted = block.recycled("Contact", dice)
    live = [position for position in range(count) if not deleted[position]]
    employers = dice.some(dice.owners(accounts.ranking, count, CONCENTRATION), 1 - PRIVATE_SHARE)
    at = grouped(employers, live, len(accounts.ids))
    homes = dice.draw(CITIES, count)
    cities = [home if a is None else accounts.cities[a] for home, a in zip(homes, employers, strict=True)]
    people = meet(cities, dice)
    sellers = dice.draw(block.staff.sellers, count)
    owners = [seller if a is None else accounts.owners[a] for seller, a in zip(sellers, employers, strict=True)]
    days = later([-1500 if a is None else accounts.days[a] for a in employers], dice, haste=1.6)
    not_before = ["" if a is None else accounts.made[a] for a in employers]
    history = audit(block.timeline, dice, days, owners, not_before=not_before)
    reach = _reach(accounts, employers, cities, people, dice)
    bounces = zip(reach["EmailBouncedReason"], history["LastModifiedDate"], strict=True)
    columns: dict[str, list[Any]] = {
        "Id": ids,
        "IsDeleted": deleted,
        "AccountId": [None if a is None else accounts.ids[a] for a in employers],
        "ReportsToId": _superiors(ids, at, dice),
        "OwnerId": owners,
        **person_columns(people, dice),
        **reach,
        "EmailBouncedDate": [moment if reason else None for reason, moment in bounces],
        **_mailing(accounts, employers, cities, dice),
        **_about(block, count, dice),
        **history,
    }
    return Contacts(columns, employers, days, at, live)


def _superiors(ids: Sequence[str], at: Sequence[Sequence[int]], dice: Dice) -> list[str | None]:
    """In each account the first contact leads; of the others a third report to that one or to one before them."""
    superiors: list[str | None] = [None] * len(ids)
    for team in at:
        for rank, (member, byte) in enumerate(zip(team, dice.randbytes(len(team)), strict=True)):
            if rank and byte < 90:
                superiors[member] = ids[team[0 if byte < 60 else byte % rank]]
    return superiors


def _reach(
    accounts: Accounts, employers: Sequence[int | None], cities: Sequence[City], people: Sequence[Person], dice: Dice
) -> dict[str, list[Any]]:
    """Numbers and addresses at which somebody is reached."""
    count = len(people)
    domains = ["mail.example" if a is None else accounts.domains[a] for a in employers]
    emails = [
        f"{person.mailbox}@{domain}" if byte > 4 else f"{person.mailbox.title()}+sales@{domain.upper()}"
        for person, domain, byte in zip(people, domains, dice.randbytes(count), strict=True)
    ]
    direct = phones(cities, dice)
    shared = zip(direct, employers, dice.flags(0.4, count), strict=True)
    known = dice.some(emails, 0.9)
    bounced = [reason if email else None for reason, email in zip(dice.draw(BOUNCES, count), known, strict=True)]
    return {
        "Email": known,
        "Phone": dice.some((own if a is None or not main else accounts.phones[a] for own, a, main in shared), 0.86),
        "MobilePhone": dice.some(phones(cities, dice), 0.45),
        "HomePhone": dice.some(direct, 0.06),
        "Fax": dice.some(direct, 0.12),
        "AssistantName": dice.some((person.last for person in reversed(people)), 0.05),
        "EmailBouncedReason": bounced,
        "IsEmailBounced": [int(reason is not None) for reason in bounced],
        "HasOptedOutOfEmail": dice.flags(0.07, count),
        "HasOptedOutOfFax": dice.flags(0.02, count),
        "DoNotCall": dice.flags(0.03, count),
    }


def _mailing(
    accounts: Accounts, employers: Sequence[int | None], cities: Sequence[City], dice: Dice
) -> dict[str, list[Any]]:
    """Mail goes to the account's address; of some people the private address is known too."""
    offices = [c.streets[0] if a is None else accounts.streets[a] for c, a in zip(cities, employers, strict=True)]
    return {
        **address("Mailing", dice.some(cities, 0.82), offices),
        **address("Other", dice.some(cities, 0.05), streets(cities, dice)),
    }


def _about(block: Block, count: int, dice: Dice) -> dict[str, list[Any]]:
    return {
        "Title": dice.draw(TITLES, count),
        "Department": dice.draw(DEPARTMENTS, count),
        "LeadSource": dice.draw(SOURCES, count),
        "Birthdate": dice.some(dice.draw(block.timeline.birthdays, count), 0.18),
        "Description": dice.draw(CONTACT_NOTES, count),
        "Level__c": dice.draw(LEVELS, count),
        "Languages__c": dice.draw(LANGUAGES, count),
        "CleanStatus": dice.draw(("Pending",) * 200 + (None,) * 56, count),
        "Ext__c": block.external_keys("Contact", "CON", dice),
    }
