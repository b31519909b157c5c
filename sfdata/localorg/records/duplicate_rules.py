"""Duplicate rules: a save is refused while records that a matching rule finds equal are there already.

A rule that alerts is passed over by a client that insists (``Sforce-Duplicate-Rule-Header: allowSave=true``), one that
blocks is not. A changed record is looked at only where a field of the matching rule has changed. Vendor's pages:
https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/headers_duplicaterules.htm
https://help.salesforce.com/s/articleView?id=sf.duplicate_rules_map_of_reference.htm
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from sfdata.localorg.records.representation import record_json
from sfdata.localorg.records.validation import RecordError
from sfdata.localorg.routing import Request
from sfdata.localorg.schema import DuplicateRule, Field, MatchingRule, SObject
from sfdata.localorg.store import Store

HEADER = "sforce-duplicate-rule-header"
OPTION = re.compile(r"(allowSave|includeRecordDetails)\s*=\s*true\b", re.IGNORECASE)
MATCH_ENGINE = "ExactMatchEngine"
SURE = 100.0

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the client of a save says about duplicates; ``base`` leads the addresses of the records it is told of."""

    base: str = ""
    options: frozenset[str] = frozenset()


NO_WISHES = Wishes()
WISHES: ContextVar[Wishes] = ContextVar("WISHES", default=NO_WISHES)


@contextmanager
def heeded(request: Request) -> Iterator[None]:
    """Inside, saves follow the request's header, or else that of the request around it."""
    given = request.headers.get(HEADER)
    around = WISHES.get().options
    options = around if given is None else frozenset(option.lower() for option in OPTION.findall(given))
    base = request.base if "version" in request.args else ""
    token = WISHES.set(Wishes(base, options))
    try:
        yield
    finally:
        WISHES.reset(token)


class DuplicateRules:
    """The rules of one store's schema."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def problems(self, sobject: SObject, row: Row, before: Row | None) -> list[RecordError]:
        """What the rules have against saving ``row``; one error for each rule that finds duplicates."""
        if not sobject.duplicate_rules:
            return []
        wishes = WISHES.get()
        found: list[RecordError] = []
        for rule in sobject.duplicate_rules:
            if rule.allows_save and "allowsave" in wishes.options:
                continue
            results = [
                self._match_result(sobject, matching, row, wishes)
                for matching in rule.matching_rules
                if before is None or any(row[own] != before[own] for own, _ in matching.fields)
            ]
            if any(result["size"] for result in results):
                found.append(_error(sobject, rule, results))
        return found

    def _match_result(self, sobject: SObject, rule: MatchingRule, row: Row, wishes: Wishes) -> dict[str, Any]:
        other = self._store.schema.object(rule.object)
        assert other is not None, "the schema file declares rules for objects that there are"
        fields = _told(other, rule) if "includerecorddetails" in wishes.options else _told(other)
        matches = [
            {
                "additionalInformation": [],
                "fieldDiffs": [],
                "matchConfidence": SURE,
                "record": record_json(other, equal, fields, wishes.base),
            }
            for equal in self._equals(other, rule, row)
        ]
        return {
            "entityType": other.name,
            "errors": [],
            "matchEngine": MATCH_ENGINE,
            "matchRecords": matches,
            "rule": rule.name,
            "size": len(matches),
            "success": True,
        }

    def _equals(self, other: SObject, rule: MatchingRule, row: Row) -> list[dict[str, Any]]:
        """The other rows with the same values in the rule's fields; an empty value is like no other."""
        wanted = [(theirs, row[own]) for own, theirs in rule.fields]
        if any(value is None for _, value in wanted):
            return []
        return [found for found in self._store.find_alike(other, wanted) if found["Id"] != row["Id"]]


def _error(sobject: SObject, rule: DuplicateRule, results: list[dict[str, Any]]) -> RecordError:
    told = {
        "allowSave": rule.allows_save,
        "duplicateRule": rule.name,
        "duplicateRuleEntityType": sobject.name,
        "errorMessage": rule.alert_text,
        "matchResults": results,
    }
    # The name is misspelled on the wire; clients read it so.
    return RecordError("DUPLICATES_DETECTED", rule.alert_text, None, {"duplicateResut": told})


def _told(sobject: SObject, rule: MatchingRule | None = None) -> list[Field]:
    """The fields of a match that the client is shown: its Id, and for details those by which it was found too."""
    names = ["Id", *(theirs for _, theirs in rule.fields)] if rule else ["Id"]
    return [_field(sobject, name) for name in names]


def _field(sobject: SObject, name: str) -> Field:
    found = sobject.field(name)
    assert found is not None, "the schema file declares rules by fields that there are"
    return found
