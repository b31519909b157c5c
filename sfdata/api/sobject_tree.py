"""sObject Tree: records with their children and theirs, created in one call, all of them or none.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_sobject_tree.htm
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sfdata.api.outcomes import Outcome, RowError, json_object, outcome_of, writing
from sfdata.errors import ConfigurationError, UnreadableAnswer
from sfdata.resilience.retry import Operation
from sfdata.transport.http_session import HttpSession
from sfdata.transport.messages import Response

MOST_RECORDS = 200
MOST_TYPES = 5
MOST_LEVELS = 5
REFUSED = 400

_REFERENCE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class TreeRecord:
    """A record to be created, and those below it.

    Attributes:
        reference_id: letters, digits and underscores; what the results call it by.
        fields: JSON values by field, without the reference to the parent.
        children: by the name of the relationship (``Contacts``).
    """

    object_name: str
    reference_id: str
    fields: Mapping[str, Any]
    children: Mapping[str, Sequence[TreeRecord]] = field(default_factory=dict)

    def walk(self, level: int = 1) -> Iterator[tuple[TreeRecord, int]]:
        """The record and all below it, each before its children, with their levels."""
        yield self, level
        for records in self.children.values():
            for one in records:
                yield from one.walk(level + 1)


@dataclass(frozen=True, slots=True)
class TreeResult:
    """What became of a record: ``done`` with its ``id``; ``failed``; or ``rolled_back`` since another failed."""

    reference_id: str
    id: str | None
    outcome: Outcome
    errors: tuple[RowError, ...] = ()


def create(session: HttpSession, records: Sequence[TreeRecord]) -> list[TreeResult]:
    """Create the records, which are all of one object, and those below them; results for all, each before its children.

    Not sent again after a lost answer.

    Raises:
        ConfigurationError: more than a call may have, or reference ids that are none; nothing was sent.
        OutcomeUnknown: no usable answer tells what was done; its ``sent`` has the records.
        ResponseError: the org refused the whole call.
    """
    if not records:
        return []
    _check(records)
    path = f"{session.data_path}/composite/tree/{records[0].object_name}"
    content = {"records": [_wire_form(one) for one in records]}
    with writing(records):
        answer = session.post(path, content=content, operation=Operation.CREATE, statuses=(REFUSED,))
        if answer.status == REFUSED and not _tells_records(answer):
            raise session.error(path, answer.status, answer.content)
        return _results([one for record in records for one, _ in record.walk()], json_object(answer))


# --- requests --------------------------------------------------------------------------------------------------------


def _check(records: Sequence[TreeRecord]) -> None:
    walked = [found for record in records for found in record.walk()]
    if len({record.object_name for record in records}) > 1:
        raise ConfigurationError("the records at the top are of several objects; a call begins with those of one")
    counted = (
        (len(walked), MOST_RECORDS, "records"),
        (len({record.object_name for record, _ in walked}), MOST_TYPES, "objects"),
        (max(level for _, level in walked), MOST_LEVELS, "levels"),
    )
    for count, most, what in counted:
        if count > most:
            raise ConfigurationError(f"{count:,} {what}, where one call may have {most}")
    known: set[str] = set()
    for record, _ in walked:
        if not _REFERENCE_ID.fullmatch(record.reference_id):
            wanted = "letters, digits and underscores that begin with no underscore"
            raise ConfigurationError(f"the reference id {record.reference_id!r} is not {wanted}")
        if record.reference_id in known:
            raise ConfigurationError(f"the reference id {record.reference_id!r} is there twice")
        known.add(record.reference_id)


def _wire_form(record: TreeRecord) -> dict[str, Any]:
    attributes = {"type": record.object_name, "referenceId": record.reference_id}
    children = {name: {"records": list(map(_wire_form, below))} for name, below in record.children.items() if below}
    return {"attributes": attributes, **record.fields, **children}


# --- answers ---------------------------------------------------------------------------------------------------------


def _tells_records(answer: Response) -> bool:
    """Whether a refusal names records; else it is of the call as a whole."""
    try:
        return isinstance(json.loads(answer.content), Mapping)
    except ValueError:
        return False


def _results(sent: Sequence[TreeRecord], answer: Mapping[str, Any]) -> list[TreeResult]:
    """A result for each record.

    Raises:
        UnreadableAnswer: the answer does not fit what was sent.
    """
    refused, listed = answer.get("hasErrors"), answer.get("results")
    told = [(one.get("referenceId"), one) for one in listed or () if isinstance(one, Mapping)]
    by_reference, known = dict(told), {record.reference_id for record in sent}
    fits = by_reference.keys() <= known if refused else by_reference.keys() == known
    if not isinstance(refused, bool) or not told or not fits or len(by_reference) != len(listed or ()):
        raise UnreadableAnswer("the results are for other records than those sent")
    if refused:
        return [_refused(record, by_reference.get(record.reference_id)) for record in sent]
    return [_created(record, by_reference[record.reference_id]) for record in sent]


def _created(record: TreeRecord, told: Mapping[str, Any]) -> TreeResult:
    if not isinstance(record_id := told.get("id"), str):
        raise UnreadableAnswer("the answer does not name a record that was created")
    return TreeResult(record.reference_id, record_id, "done")


def _refused(record: TreeRecord, told: Mapping[str, Any] | None) -> TreeResult:
    if told is None:
        return TreeResult(record.reference_id, None, "rolled_back")
    errors = tuple(map(RowError.from_json, told.get("errors") or ())) or (RowError("", "the org does not say why"),)
    return TreeResult(record.reference_id, None, outcome_of(errors), errors)
