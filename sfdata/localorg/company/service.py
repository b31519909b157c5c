"""Service: the assets customers own, the cases they open, and what is said about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any, Final

from sfdata.localorg.company.accounts import Accounts
from sfdata.localorg.company.blocks import Block
from sfdata.localorg.company.catalogue import Listed
from sfdata.localorg.company.contacts import CONCENTRATION, Contacts
from sfdata.localorg.company.draws import Dice, deck, grouped
from sfdata.localorg.company.people import PEOPLE
from sfdata.localorg.company.tables import audit
from sfdata.localorg.company.texts import ASSET_NOTES, CASE_COMMENTS, CASE_NOTES, CASE_SUBJECTS
from sfdata.localorg.company.timeline import ARRIVALS, later
from sfdata.localorg.objects.stages import CLOSED_CASE_STATUSES

ASSET_STATUSES: Final = deck({"Installed": 120, "Purchased": 40, "Shipped": 30, "Registered": 40, "Obsolete": 26})
ASSET_QUANTITIES: Final = deck({1.0: 190, 2.0: 30, 5.0: 20, 20.0: 10, None: 6})
WARRANTY_DAYS: Final = 730
LIFETIMES: Final = deck({None: 150, 365: 30, 1095: 50, 1400: 26})

CASE_STATUSES: Final = deck({"Closed": 190, "New": 26, "Working": 30, "Escalated": 10})
CASE_TYPES: Final = deck(
    {"Mechanical": 60, "Electrical": 50, "Electronic": 40, "Structural": 20, "Other": 40, None: 46}
)
REASONS: Final = deck(
    {
        "Installation": 30, "Equipment Complexity": 20, "Performance": 44, "Breakdown": 60, "Equipment Design": 10,
        "Feedback": 20, "Other": 24, None: 48,
    }
)  # fmt: skip
ORIGINS: Final = deck({"Phone": 90, "Email": 100, "Web": 60, None: 6})
PRIORITIES: Final = deck({"Medium": 150, "High": 56, "Low": 50})
ANSWERS: Final = deck({None: 150, "No": 70, "Yes": 36})
GENERATORS: Final = deck({None: 160, "GC1020": 24, "GC1060": 20, "GC3040": 20, "GC5020": 16, "GC5060": 16})
COPIED: Final = {
    "ContactId": "Id", "ContactPhone": "Phone", "ContactMobile": "MobilePhone", "ContactEmail": "Email",
    "ContactFax": "Fax",
}  # fmt: skip
"""What a case shows of its contact."""
STRANGERS: Final = 0.06
"""Cases from people nobody knows yet."""
FIRST_CASE: Final = 1_000


@dataclass(frozen=True, slots=True)
class Assets:
    """A block's assets; ``of`` lists the positions of each account's."""

    columns: dict[str, Any]
    of: Sequence[Sequence[int]]


@dataclass(frozen=True, slots=True)
class Cases:
    """A block's cases with their comments; ``accounts`` has the position of each one's account, ``days`` its first."""

    columns: dict[str, Any]
    comments: dict[str, Any]
    accounts: Sequence[int | None]
    days: Sequence[int]
    live: Sequence[int]


def contacts_at(holders: Sequence[int | None], contacts: Contacts, dice: Dice) -> list[int | None]:
    """Somebody at each of the accounts, mostly the same few; None where the account has no contact."""
    teams = [() if account is None else contacts.at[account] for account in holders]
    chances = zip(teams, dice.fractions(len(teams)), strict=True)
    return [team[int(chance * chance * len(team))] if team else None for team, chance in chances]


def grow_assets(block: Block, accounts: Accounts, contacts: Contacts) -> Assets:
    """Make a block's assets: products from the price list, now and then a competitor's."""
    dice = block.dice("Asset")
    count = block.counts["Asset"]
    holders = dice.owners(accounts.ranking, count, CONCENTRATION)
    people = contacts_at(holders, contacts, dice)
    days = later([accounts.days[account] for account in holders], dice)
    owners = [accounts.owners[account] for account in holders]
    columns = {
        "Id": block.ids("Asset"),
        "AccountId": [accounts.ids[account] for account in holders],
        "ContactId": [None if person is None else contacts.columns["Id"][person] for person in people],
        "OwnerId": owners,
        "Ext__c": block.external_keys("Asset", "AST", dice),
        **_equipment(block, count, dice),
        **_lifetime(block, days, dice),
        **audit(block.timeline, dice, days, owners, not_before=[accounts.made[account] for account in holders]),
    }
    return Assets(columns, grouped(holders, range(count), len(accounts.ids)))


def _equipment(block: Block, count: int, dice: Dice) -> dict[str, Any]:
    """What an asset is; a competitor's product is not in the catalogue."""
    products: list[Listed] = dice.pick(next(iter(block.catalogue.books.values())), count)
    foreign = dice.flags(0.08, count)
    owned = [None if is_foreign else listed for is_foreign, listed in zip(foreign, products, strict=True)]
    serials = (f"{int(chance * 10**10):010}" for chance in dice.fractions(count))
    return {
        "Name": [listed.product.name for listed in products],
        "Product2Id": [listed and listed.product_id for listed in owned],
        "ProductCode": [listed and listed.product.code for listed in owned],
        "Price": [listed and listed.price for listed in owned],
        "IsCompetitorProduct": foreign,
        "SerialNumber": dice.some(serials, 0.9),
        "Quantity": dice.draw(ASSET_QUANTITIES, count),
        "Status": dice.draw(ASSET_STATUSES, count),
        "Description": dice.draw(ASSET_NOTES, count),
        "AssetLevel": repeat(1),
    }


def _lifetime(block: Block, days: Sequence[int], dice: Dice) -> dict[str, list[Any]]:
    """Bought when recorded, installed two weeks later at most; the warranty lasts two years."""
    texts = block.timeline.texts
    installed = [day + int(14 * chance) for day, chance in zip(days, dice.fractions(len(days)), strict=True)]
    lifetimes = zip(days, dice.draw(LIFETIMES, len(days)), strict=True)
    used = [None if lifetime is None else day + lifetime for day, lifetime in lifetimes]
    return {
        "PurchaseDate": dice.some(texts(days), 0.92),
        "InstallDate": dice.some(texts(day if day < 0 else None for day in installed), 0.8),
        "UsageEndDate": texts(used),
        "Under_Warranty__c": ["Yes" if day + WARRANTY_DAYS >= 0 else "No" for day in days],
    }


def grow_cases(block: Block, accounts: Accounts, contacts: Contacts, assets: Assets) -> Cases:
    """Make a block's cases: three in four are closed, most of them within days."""
    dice = block.dice("Case")
    count = block.counts["Case"]
    deleted = block.recycled("Case", dice)
    holders = dice.some(dice.owners(accounts.ranking, count, CONCENTRATION), 1 - STRANGERS)
    people = contacts_at(holders, contacts, dice)
    arrivals = zip(holders, dice.pick(ARRIVALS, count), strict=True)
    days = later([day if account is None else accounts.days[account] for account, day in arrivals], dice, haste=0.9)
    statuses = dice.draw(CASE_STATUSES, count)
    closed = [status in CLOSED_CASE_STATUSES for status in statuses]
    solved = [min(-1, day + int(30 * chance**3)) for day, chance in zip(days, dice.fractions(count), strict=True)]
    ends = [end if done else last for done, end, last in zip(closed, solved, later(days, dice), strict=True)]
    owners = dice.draw(block.staff.agents, count)
    made = ["" if account is None else accounts.made[account] for account in holders]
    history = audit(block.timeline, dice, days, block.staff.people_for(owners), not_before=made, changed=ends)
    moments = zip(closed, history["LastModifiedDate"], strict=True)
    ids = block.ids("Case")
    columns = {
        "Id": ids,
        "IsDeleted": deleted,
        "CaseNumber": [f"{FIRST_CASE + number:08}" for number in block.serials("Case")],
        "AccountId": [None if account is None else accounts.ids[account] for account in holders],
        "AssetId": _assets(holders, assets, dice),
        "ParentId": _parents(ids, deleted, dice),
        "OwnerId": owners,
        "Status": statuses,
        "IsClosed": [int(done) for done in closed],
        "ClosedDate": [moment if done else None for done, moment in moments],
        "IsEscalated": [int(status == "Escalated") for status in statuses],
        **_caller(contacts, holders, people, dice),
        **_complaint(block, count, dice),
        **history,
    }
    live = [position for position in range(count) if not deleted[position]]
    return Cases(columns, _comments(block, columns, live), holders, days, live)


def _assets(holders: Sequence[int | None], assets: Assets, dice: Dice) -> list[str | None]:
    """The asset a case is about: one of the account's, if it has any."""
    owned = [() if account is None else assets.of[account] for account in holders]
    ids = assets.columns["Id"]
    chances = zip(owned, dice.fractions(len(owned)), strict=True)
    return [ids[of[int(2 * chance * len(of))]] if of and chance < 0.5 else None for of, chance in chances]


def _parents(ids: Sequence[str], deleted: Sequence[int], dice: Dice) -> list[str | None]:
    """Now and then a case follows from the one before it."""
    follows = dice.flags(0.02, len(ids))
    return [ids[n - 1] if n and follows[n] and not deleted[n - 1] else None for n in range(len(ids))]


def _caller(
    contacts: Contacts, holders: Sequence[int | None], people: Sequence[int | None], dice: Dice
) -> dict[str, list[Any]]:
    """Who called: a contact with the numbers known of it, or what a stranger gave on the web form."""
    known = contacts.columns
    strangers = dice.pick(PEOPLE["en"], len(people))
    supplied = [s if account is None else None for s, account in zip(strangers, holders, strict=True)]
    return {
        **{name: [None if p is None else known[source][p] for p in people] for name, source in COPIED.items()},
        "SuppliedName": [s and f"{s.first} {s.last}" for s in supplied],
        "SuppliedEmail": [s and f"{s.mailbox}@web.example" for s in supplied],
        "SuppliedCompany": dice.some((s and f"{s.last} Repairs" for s in supplied), 0.5),
        "SuppliedPhone": dice.some((s and "(617) 555-0199" for s in supplied), 0.4),
    }


def _complaint(block: Block, count: int, dice: Dice) -> dict[str, list[Any]]:
    technical, billing = (block.staff.record_types[name] for name in ("Technical Support", "Billing"))
    subjects = dice.draw(CASE_SUBJECTS, count)
    return {
        "Subject": subjects,
        "Description": dice.draw(CASE_NOTES, count),
        "RecordTypeId": [billing if subject and "nvoice" in subject else technical for subject in subjects],
        "Type": dice.draw(CASE_TYPES, count),
        "Reason": dice.draw(REASONS, count),
        "Origin": dice.draw(ORIGINS, count),
        "Priority": dice.draw(PRIORITIES, count),
        "SLAViolation__c": dice.draw(ANSWERS, count),
        "PotentialLiability__c": dice.draw(ANSWERS, count),
        "Product__c": dice.draw(GENERATORS, count),
        "EngineeringReqNumber__c": dice.some((f"{int(chance * 10**6):06}" for chance in dice.fractions(count)), 0.1),
        "Ext__c": block.external_keys("Case", "CAS", dice),
    }


def _comments(block: Block, cases: dict[str, Any], live: Sequence[int]) -> dict[str, Any]:
    """Comments fall on cases at random and are as old as the case's last change."""
    dice = block.dice("CaseComment")
    count = block.counts["CaseComment"] if live else 0
    about = sorted(dice.pick(live, count))
    return {
        "Id": block.ids("CaseComment", count),
        "ParentId": [cases["Id"][case] for case in about],
        "IsPublished": dice.flags(0.4, count),
        "CommentBody": dice.draw(CASE_COMMENTS, count),
        "CreatedDate": [cases["LastModifiedDate"][case] for case in about],
        "CreatedById": [cases["CreatedById"][case] for case in about],
        "LastModifiedDate": [cases["LastModifiedDate"][case] for case in about],
        "LastModifiedById": [cases["CreatedById"][case] for case in about],
        "SystemModstamp": [cases["LastModifiedDate"][case] for case in about],
    }
