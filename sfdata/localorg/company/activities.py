"""Activities: tasks and events about contacts and leads (Who) and about what concerns them (What)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from sfdata.localorg.company.accounts import Accounts
from sfdata.localorg.company.blocks import Block
from sfdata.localorg.company.campaigns import Campaigns
from sfdata.localorg.company.contacts import Contacts
from sfdata.localorg.company.draws import Dice, deck
from sfdata.localorg.company.leads import Leads
from sfdata.localorg.company.sales import Opportunities
from sfdata.localorg.company.service import Cases
from sfdata.localorg.company.tables import Columns, audit
from sfdata.localorg.company.texts import EVENT_PLACES, EVENT_SUBJECTS, TASK_NOTES, TASK_SUBJECTS
from sfdata.localorg.company.timeline import later
from sfdata.localorg.objects.stages import CLOSED_TASK_STATUSES, HIGH_TASK_PRIORITIES

KINDS: Final = deck({"Opportunity": 84, "Account": 40, "Case": 44, "Contact": 34, "Lead": 36, "Campaign": 6, None: 12})
"""What an activity is about; besides it, a contact who belongs to it, where there is one."""
WHO_SHARE: Final = 0.7
PEOPLE: Final = frozenset({"Contact", "Lead"})

STATUSES: Final = deck(
    {"Completed": 200, "Not Started": 30, "In Progress": 14, "Waiting on someone else": 8, "Deferred": 4}
)
PRIORITIES: Final = deck({"Normal": 190, "High": 46, "Low": 20})
DUE: Final = deck({None: 40} | dict.fromkeys(range(60), 4))
CALL_SECONDS: Final = deck({None: 6, 30: 20, 95: 60, 240: 80, 610: 50, 1800: 38, 5400: 2})
CALL_TYPES: Final = deck({"Outbound": 170, "Inbound": 76, "Internal": 10})
SUBTYPES: Final = {"Call": "Call", "Email": "Email"}

AHEAD_SHARE: Final = 0.15
DAYS_AHEAD: Final = deck(dict.fromkeys(range(45), 1))
STARTS: Final = deck({8 * 60 + 30 * n: 1 for n in range(20)})
"""When meetings start, in minutes after midnight (UTC)."""
DURATIONS: Final = deck({30: 80, 60: 110, 90: 30, 15: 20, 240: 16})
EVENT_TYPES: Final = deck({"Meeting": 120, "Call": 60, "Email": 10, "Other": 20, None: 46})
SHOWN_AS: Final = deck({"Busy": 200, "Free": 36, "OutOfOffice": 20})
WHOLE_DAY_SHARE: Final = 0.06


class Span(NamedTuple):
    """From when to when an event lasts, and how long, in minutes; start and end count from midnight (UTC)."""

    start: int
    end: int
    length: int


WHOLE_DAY: Final = Span(0, 0, 1_440)
"""An event of one whole day starts and ends at the same midnight."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Records of one object that activities can be about; ``accounts`` has the position of each one's account."""

    ids: Sequence[str]
    made: Sequence[str]
    days: Sequence[int]
    accounts: Sequence[int | None]
    live: Sequence[int]


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom and what an activity concerns; ``day`` and ``since`` tell when the newer of the two was made."""

    who: str | None = None
    what: str | None = None
    account: int | None = None
    day: int = -400
    since: str = ""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """All that a block's activities can be about."""

    accounts: Accounts
    contacts: Contacts
    pools: Mapping[str, Pool]

    def subjects(self, count: int, dice: Dice) -> list[Subject]:
        """Something for each of ``count`` activities to be about."""
        chances = zip(dice.draw(KINDS, count), dice.fractions(count), dice.fractions(count), strict=True)
        return [self._subject(kind, what, who) for kind, what, who in chances]

    def _subject(self, kind: str | None, chance: float, who_chance: float) -> Subject:
        pool = self.pools[kind] if kind else None
        if pool is None or not pool.live:
            return Subject()
        position = pool.live[int(chance * len(pool.live))]
        account, day, since = pool.accounts[position], pool.days[position], pool.made[position]
        if kind in PEOPLE:
            return Subject(pool.ids[position], None, account, day, since)
        team = self.contacts.at[account] if account is not None else ()
        if not team or who_chance >= WHO_SHARE:
            return Subject(None, pool.ids[position], account, day, since)
        person = team[int(who_chance / WHO_SHARE * len(team))]
        people = self.pools["Contact"]
        since = max(since, people.made[person])
        return Subject(people.ids[person], pool.ids[position], account, max(day, people.days[person]), since)


def surroundings(
    accounts: Accounts, contacts: Contacts, leads: Leads, opportunities: Opportunities, cases: Cases,
    campaigns: Campaigns,
) -> Surroundings:  # fmt: skip
    """What activities can be about, from the parts of a block."""
    nowhere: Sequence[None] = [None] * max(len(leads.days), len(campaigns.days))
    companies = range(len(accounts.ids))
    pools = {
        "Account": Pool(accounts.ids, accounts.made, accounts.days, companies, accounts.ranking),
        "Contact": _pool(contacts.columns, contacts.days, contacts.accounts, contacts.live),
        "Lead": _pool(leads.columns, leads.days, nowhere, leads.live),
        "Opportunity": _pool(opportunities.columns, opportunities.days, opportunities.accounts, opportunities.live),
        "Case": _pool(cases.columns, cases.days, cases.accounts, cases.live),
        "Campaign": _pool(campaigns.columns, campaigns.days, nowhere, range(len(campaigns.days))),
    }
    return Surroundings(accounts, contacts, pools)


def _pool(columns: Columns, days: Sequence[int], accounts: Sequence[int | None], live: Sequence[int]) -> Pool:
    ids, made = columns["Id"], columns["CreatedDate"]
    return Pool(tuple(ids), tuple(made), days, accounts, live)


def grow_tasks(block: Block, around: Surroundings) -> dict[str, Any]:
    """Make a block's tasks: completed ones were due before the day the data is as of, most others are due after."""
    dice = block.dice("Task")
    count = block.counts["Task"]
    subjects = around.subjects(count, dice)
    statuses = dice.draw(STATUSES, count)
    closed = [status in CLOSED_TASK_STATUSES for status in statuses]
    days = later([subject.day for subject in subjects], dice)
    finished = later(days, dice, haste=6.0)
    owners = dice.draw(block.staff.sellers, count)
    since = [subject.since for subject in subjects]
    history = audit(block.timeline, dice, days, owners, not_before=since, changed=finished)
    ends = zip(closed, finished, dice.draw(DUE, count), strict=True)
    moments = zip(closed, history["LastModifiedDate"], strict=True)
    priorities = dice.draw(PRIORITIES, count)
    return {
        "Id": block.ids("Task"),
        "IsDeleted": block.recycled("Task", dice),
        **_concerns(around, subjects),
        "OwnerId": owners,
        "Status": statuses,
        "Priority": priorities,
        "IsClosed": [int(done) for done in closed],
        "IsHighPriority": [int(priority in HIGH_TASK_PRIORITIES) for priority in priorities],
        "ActivityDate": block.timeline.texts(past if done else due for done, past, due in ends),
        "CompletedDateTime": [moment if done else None for done, moment in moments],
        "Description": dice.draw(TASK_NOTES, count),
        "Ext__c": block.external_keys("Task", "TSK", dice),
        **_calls(dice.draw(TASK_SUBJECTS, count), closed, dice),
        **history,
    }


def _concerns(around: Surroundings, subjects: Sequence[Subject]) -> dict[str, list[str | None]]:
    accounts = around.accounts.ids
    return {
        "WhoId": [subject.who for subject in subjects],
        "WhatId": [subject.what for subject in subjects],
        "AccountId": [None if subject.account is None else accounts[subject.account] for subject in subjects],
    }


def _calls(titles: Sequence[str | None], closed: Sequence[bool], dice: Dice) -> dict[str, list[Any]]:
    """The kind of task, and for calls that were made how long they took."""
    kinds = [SUBTYPES.get(title.split(":")[0], "Task") if title else "Task" for title in titles]
    called = [kind == "Call" and done for kind, done in zip(kinds, closed, strict=True)]
    seconds = zip(called, dice.draw(CALL_SECONDS, len(titles)), strict=True)
    types = zip(called, dice.draw(CALL_TYPES, len(titles)), strict=True)
    return {
        "Subject": list(titles),
        "TaskSubtype": kinds,
        "Type": [None if kind == "Task" else kind for kind in kinds],
        "CallDurationInSeconds": [length if made else None for made, length in seconds],
        "CallType": [kind if made else None for made, kind in types],
    }


def grow_events(block: Block, around: Surroundings) -> dict[str, Any]:
    """Make a block's events: some last whole days, some are still to come."""
    dice = block.dice("Event")
    count = block.counts["Event"]
    subjects = around.subjects(count, dice)
    days = later([subject.day for subject in subjects], dice)
    owners = dice.draw(block.staff.sellers, count)
    past, future = later(days, dice, haste=5.0), dice.draw(DAYS_AHEAD, count)
    planned = zip(dice.flags(AHEAD_SHARE, count), past, future, strict=True)
    held = [ahead if is_planned else before for is_planned, before, ahead in planned]
    return {
        "Id": block.ids("Event"),
        "IsDeleted": block.recycled("Event", dice),
        **_concerns(around, subjects),
        "OwnerId": owners,
        "Subject": dice.draw(EVENT_SUBJECTS, count),
        "Location": dice.draw(EVENT_PLACES, count),
        "Type": dice.draw(EVENT_TYPES, count),
        "ShowAs": dice.draw(SHOWN_AS, count),
        "Description": dice.draw(TASK_NOTES, count),
        "IsPrivate": dice.flags(0.03, count),
        "GroupEventType": ["0"] * count,
        "Ext__c": block.external_keys("Event", "EVT", dice),
        **_span(block, held, dice),
        **audit(block.timeline, dice, days, owners, not_before=[subject.since for subject in subjects]),
    }


def _span(block: Block, held: Sequence[int], dice: Dice) -> dict[str, list[Any]]:
    """From when until when events last."""
    dates = block.timeline.texts(held)
    count = len(held)
    drawn = zip(dice.flags(WHOLE_DAY_SHARE, count), dice.draw(STARTS, count), dice.draw(DURATIONS, count), strict=True)
    spans = [WHOLE_DAY if whole else Span(start, start + length, length) for whole, start, length in drawn]
    begins = [f"{day}{_clock(span.start)}" for day, span in zip(dates, spans, strict=True)]
    return {
        "IsAllDayEvent": [int(span is WHOLE_DAY) for span in spans],
        "StartDateTime": begins,
        "EndDateTime": [f"{day}{_clock(span.end)}" for day, span in zip(dates, spans, strict=True)],
        "ActivityDateTime": begins,
        "ActivityDate": dates,
        "EndDate": dates,
        "DurationInMinutes": [span.length for span in spans],
    }


@dataclass(frozen=True, slots=True)
class Traces:
    """What activities leave on the records they are about: the day of the last one, and whether one is still open."""

    latest: Mapping[str, str]
    pending: frozenset[str]

    def on(self, columns: Columns) -> Columns:
        """The columns with the last activity of each row."""
        return {**columns, "LastActivityDate": [self.latest.get(id_) for id_ in columns["Id"]]}

    def open_on(self, columns: Columns) -> Columns:
        """The columns with the last activity of each row, and whether it has an open one."""
        return {**self.on(columns), "HasOpenActivity": [int(id_ in self.pending) for id_ in columns["Id"]]}


def trace(tasks: Columns, events: Columns, today: str) -> Traces:
    """The traces of tasks and events; a task is past once it is closed, an event once its day is."""
    latest: dict[str, str] = {}
    pending: set[str] = set()
    done = (*tasks["IsClosed"], *(day < today for day in events["ActivityDate"]))
    days, deleted = (*tasks["ActivityDate"], *events["ActivityDate"]), (*tasks["IsDeleted"], *events["IsDeleted"])
    targets = zip(*((*tasks[name], *events[name]) for name in ("WhoId", "WhatId", "AccountId")), strict=True)
    for records, day, is_done, is_deleted in zip(targets, days, done, deleted, strict=True):
        for record in filter(None, () if is_deleted else records):
            if is_done:
                latest[record] = max(day, latest.get(record, day))
            else:
                pending.add(record)
    return Traces(latest, frozenset(pending))


def _clock(minutes: int) -> str:
    return f"T{minutes // 60:02}:{minutes % 60:02}:00.000+0000"
