"""A push under way by sObject Collections: each unit of rows in one call, whose answer tells them row by row.

Unlike a job, a call can be asked nothing afterwards. That it is about to be sent is noted first; where a process finds
such a note and no answer, the call may have been done. What has the same effect twice as once (updates, deletes,
upserts by a unique key) is then sent again, and of all else nobody knows: its rows are unaccounted.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_sobjects_collections.htm
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa

from sfdata.api import sobject_collections
from sfdata.api.outcomes import Outcome
from sfdata.api.sobject_collections import RowResult
from sfdata.errors import OutcomeUnknown, SalesforceError
from sfdata.resilience.hooks import Hooks, UnitMoved
from sfdata.transfer.account import SCHEMA, Account, unaccounted
from sfdata.transfer.journal import Journal, PushRecord, Unit
from sfdata.transfer.push import Push
from sfdata.transfer.push_engine import FORMS
from sfdata.transfer.unit_files import load_outcomes, unit_data
from sfdata.transport.http_session import HttpSession

_BINS: Mapping[Outcome, str] = {
    "done": "succeeded",
    "failed": "failed",
    "rolled_back": "unprocessed",
    "not_executed": "unprocessed",
}
Row = Mapping[str, Any]


class CollectionsPush(Push):
    """Takes the units of a journalled push as far as they go, a few calls side by side."""

    def __init__(self, session: HttpSession, journal: Journal, hooks: Hooks, push: PushRecord) -> None:
        super().__init__(session, journal, hooks, push)
        self._steps = {"planned": self._begin, "sending": self._take_up}

    def run(self) -> None:
        """Take every unit to its end; raises as `Push.run` does.

        Raises:
            BudgetExceeded: the connection may not make the calls that are left; none was made.
        """
        left = [unit for unit in self._journal.units(self._push.id) if unit.phase != "accounted"]
        self._session.budget.require(len(left), "the push")
        super().run()

    # --- steps -------------------------------------------------------------------------------------------------------

    def _begin(self, unit: Unit) -> Unit:
        """planned → accounted."""
        rows = self._records(unit)
        unit = self._journal.advance(unit, "sending")
        self._hooks(UnitMoved(self._push.id, unit.number, unit.rows, unit.phase, None))
        return self._call(unit, rows, in_doubt=False)

    def _take_up(self, unit: Unit) -> Unit:
        """sending → accounted: the call may have been done, and its answer be on disk already."""
        if load_outcomes(self._folder, unit.number) is not None:
            return self._journal.advance(unit, "accounted")
        rows = self._records(unit)
        if self._repeatable(rows):
            return self._call(unit, rows, in_doubt=True)
        problem = "the answer to its call was lost: nobody can tell what became of its rows"
        return self._accounted(unit, Account(unaccounted(unit.rows), problem))

    def _call(self, unit: Unit, rows: Sequence[Row], *, in_doubt: bool) -> Unit:
        repeatable = self._repeatable(rows)
        try:
            results = self._written(rows, in_doubt)
        except OutcomeUnknown as unknown:
            if repeatable and not unknown.answered:
                unknown.hint = self._resume_hint
                raise
            return self._accounted(unit, Account(unaccounted(unit.rows), unknown.message))
        except SalesforceError:
            if not repeatable:  # what is sent once at most was not done, or it would be unknown
                self._journal.advance(unit, "planned")
            raise
        return self._accounted(unit, Account(self._outcomes(results)))

    # --- the call ----------------------------------------------------------------------------------------------------

    def _records(self, unit: Unit) -> list[Row]:
        """A unit's rows, every number with its digits."""
        lines = unit_data(self._folder, unit, FORMS["collections"].kind).splitlines()
        return [json.loads(line, parse_float=Decimal, parse_int=Decimal) for line in lines]

    def _repeatable(self, rows: Sequence[Row]) -> bool:
        """Whether the call has the same effect twice as once."""
        push = self._push
        if push.key is None:
            return push.operation != "insert"
        return sobject_collections.repeatable(push.key, rows, unique=push.about["unique_key"])

    def _written(self, rows: Sequence[Row], in_doubt: bool) -> list[RowResult]:
        session, push, together = self._session, self._push, self._push.about["all_or_none"]
        match push.operation:
            case "insert":
                return sobject_collections.create(session, push.object, rows, all_or_none=together)
            case "update":
                return sobject_collections.update(session, push.object, rows, all_or_none=together)
            case "delete":
                ids = [row["Id"] for row in rows]
                return sobject_collections.delete(session, ids, all_or_none=together, in_doubt=in_doubt)
        assert push.operation == "upsert"
        assert push.key is not None
        unique = push.about["unique_key"]
        return sobject_collections.upsert(
            session, push.object, push.key, rows, unique=unique, all_or_none=together, in_doubt=in_doubt
        )

    def _outcomes(self, results: Sequence[RowResult]) -> pa.Table:
        return pa.Table.from_pylist(list(map(self._outcome, results)), schema=SCHEMA)

    def _outcome(self, result: RowResult) -> dict[str, Any]:
        told = {"outcome": _BINS[result.outcome], "id": result.id}
        if result.errors:
            message = "; also ".join(error.message for error in result.errors)
            return told | {"code": result.errors[0].code or None, "error": message}
        operation = self._push.operation
        return told | {"created": result.created if operation == "upsert" else operation == "insert"}
