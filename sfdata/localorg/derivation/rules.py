"""Which rule fills which field, and which rows follow when another one changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from sfdata.localorg.derivation.activities import activity_account, event_end, status_closed
from sfdata.localorg.derivation.draft import Draft
from sfdata.localorg.derivation.files import file_facts, keep_document
from sfdata.localorg.derivation.numbering import next_number
from sfdata.localorg.derivation.people import case_contact, member_copy, person_name
from sfdata.localorg.derivation.sales import contract_end, line_total, product_copy, stage_fields, sum_up_lines
from sfdata.localorg.schema import SObject
from sfdata.localorg.store import Store
from sfdata.localorg.tables import Row

Rule = Callable[[Draft], None]

RULES: Mapping[str, Rule] = {
    "person_name": person_name,
    "case_contact": case_contact,
    "member_copy": member_copy,
    "stage": stage_fields,
    "line_total": line_total,
    "product_copy": product_copy,
    "contract_end": contract_end,
    "status_closed": status_closed,
    "activity_account": activity_account,
    "event_end": event_end,
    "file": file_facts,
}
"""The rules by the names the schema gives them."""

FOLLOWERS: Mapping[str, tuple[tuple[str, str, Rule], ...]] = {
    "Contact": (("Case", "ContactId", case_contact), ("CampaignMember", "ContactId", member_copy)),
    "Lead": (("CampaignMember", "LeadId", member_copy),),
    "Product2": (("PricebookEntry", "Product2Id", product_copy), ("Asset", "Product2Id", product_copy)),
}
"""Object: the rows that show something of it, found by their reference, and the rule that shows it."""


class Derivation:
    """The rules of one store's schema.

    Raises:
        ValueError: the schema names a rule that does not exist.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rules = {sobject.name: _rules_of(sobject) for sobject in store.schema}
        self._numbered = {s.name: tuple(f for f in s.fields if f.auto_number) for s in store.schema}

    def fills(self, sobject: SObject) -> bool:
        """Whether a change of a row of this object may fill other fields."""
        return bool(self._rules[sobject.name])

    def fill(
        self, sobject: SObject, row: Row, before: Mapping[str, Any] | None, given: Iterable[str], now: datetime
    ) -> None:
        """Fill the fields of a row that is about to be stored; see `Draft`."""
        if before is None:
            for field in self._numbered[sobject.name]:
                if row[field.name] is None:
                    row[field.name] = next_number(self._store, sobject, field)
        if rules := self._rules[sobject.name]:
            draft = Draft(self._store, sobject, row, before, frozenset(given), now)
            for rule in rules:
                rule(draft)

    def follow(
        self, sobject: SObject, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, now: datetime
    ) -> None:
        """Bring other rows in step after a row came (``before`` is None), changed, or went (``after`` is None)."""
        if sobject.name == "OpportunityLineItem":
            sum_up_lines(self._store, before, after, now)
        elif sobject.name == "ContentVersion":
            keep_document(self._store, after)
        if before is not None and after is not None:
            for name, reference, rule in FOLLOWERS.get(sobject.name, ()):
                self._refresh(name, reference, after["Id"], rule, now)

    def _refresh(self, name: str, reference: str, record_id: str, rule: Rule, now: datetime) -> None:
        follower = self._store.schema.object(name)
        if follower is None:
            return
        for before in self._store.find(follower, reference, record_id):
            row = dict(before)
            rule(Draft(self._store, follower, row, before, frozenset(), now))
            changes = {field: value for field, value in row.items() if value != before[field]}
            self._store.update(follower, before["Id"], changes)


def _rules_of(sobject: SObject) -> tuple[Rule, ...]:
    named = dict.fromkeys(f.derived for f in sobject.fields if f.derived)
    unknown = ", ".join(name for name in named if name not in RULES)
    if unknown:
        raise ValueError(f"{sobject.name} has fields derived by rules that do not exist: {unknown}")
    return tuple(RULES[name] for name in named)
