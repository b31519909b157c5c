"""Contracts: the frame agreements with customers, their terms and who signed them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sfdata.localorg.company.accounts import Accounts
from sfdata.localorg.company.blocks import Block
from sfdata.localorg.company.contacts import Contacts
from sfdata.localorg.company.draws import Dice, deck
from sfdata.localorg.company.tables import address, audit
from sfdata.localorg.company.texts import CONTRACT_NOTES
from sfdata.localorg.company.timeline import later
from sfdata.localorg.objects.stages import CONTRACT_STATUS_CODES

STATUSES: Final = deck({"Activated": 180, "Draft": 50, "In Approval Process": 26})
TERMS: Final = deck({12: 120, 24: 60, 36: 50, 6: 26})
NOTICES: Final = deck({None: 100, "15": 20, "30": 80, "60": 30, "90": 26})
SPREAD: Final = 0.6
"""How unevenly contracts fall on accounts: the exponent of Zipf's law."""


def grow_contracts(block: Block, accounts: Accounts, contacts: Contacts) -> dict[str, Any]:
    """Make a block's contracts: signed ones run from a day after their record, drafts have no dates."""
    dice = block.dice("Contract")
    count = block.counts["Contract"]
    holders = dice.owners(accounts.ranking, count, SPREAD)
    days = later([accounts.days[account] for account in holders], dice)
    owners = [accounts.owners[account] for account in holders]
    history = audit(block.timeline, dice, days, owners, not_before=[accounts.made[account] for account in holders])
    statuses = dice.draw(STATUSES, count)
    signed = [status == "Activated" for status in statuses]
    cities = [accounts.cities[account] for account in holders]
    return {
        "Id": block.ids("Contract"),
        "AccountId": [accounts.ids[account] for account in holders],
        "ContractNumber": [f"{number:08}" for number in block.serials("Contract")],
        "Status": statuses,
        "StatusCode": [CONTRACT_STATUS_CODES[status] for status in statuses],
        "OwnerId": owners,
        "OwnerExpirationNotice": dice.draw(NOTICES, count),
        "Description": dice.draw(CONTRACT_NOTES, count),
        "Ext__c": block.external_keys("Contract", "CTR", dice),
        **_term(block, days, signed, dice),
        **_signatures(block, holders, contacts, signed, history, dice),
        **address("Billing", cities, [accounts.streets[account] for account in holders]),
        **history,
    }


def _term(block: Block, days: Sequence[int], signed: Sequence[bool], dice: Dice) -> dict[str, list[Any]]:
    terms = dice.draw(TERMS, len(days))
    starts = [day + 14 if ready else None for day, ready in zip(days, signed, strict=True)]
    spans = zip(starts, terms, strict=True)
    return {
        "StartDate": block.timeline.texts(starts),
        "ContractTerm": terms,
        "EndDate": [None if start is None else block.timeline.after_months(start, term) for start, term in spans],
    }


def _signatures(
    block: Block, holders: Sequence[int], contacts: Contacts, signed: Sequence[bool], history: dict[str, list[Any]],
    dice: Dice,
) -> dict[str, list[Any]]:  # fmt: skip
    """Signed contracts were signed by the account's leading contact and by somebody here, on the day of activation."""
    people = contacts.columns
    teams = [contacts.at[account] for account in holders]
    leaders = [team[0] if team and ready else None for team, ready in zip(teams, signed, strict=True)]
    moments = [moment if ready else None for moment, ready in zip(history["LastModifiedDate"], signed, strict=True)]
    dates = [moment and moment[:10] for moment in moments]
    return {
        "CustomerSignedId": [None if p is None else people["Id"][p] for p in leaders],
        "CustomerSignedTitle": [None if p is None else (people["Title"][p] or "")[:40] or None for p in leaders],
        "CustomerSignedDate": [None if p is None else date for p, date in zip(leaders, dates, strict=True)],
        "CompanySignedId": [block.staff.users[1] if date else None for date in dates],
        "CompanySignedDate": dates,
        "ActivatedById": [block.staff.admin if date else None for date in dates],
        "ActivatedDate": moments,
    }
