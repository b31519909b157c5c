"""What `Org` writes with: frames, single records, requests together. Every method delegates in a few lines."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import pandas as pd

from sfdata.api import bulk_ingest
from sfdata.api.bulk_ingest import IngestOperation
from sfdata.api.composite import Subrequest, SubResult
from sfdata.api.composite import composite as send_composite
from sfdata.api.composite_batch import BatchRequest, BatchResult
from sfdata.api.composite_batch import batch as send_batch
from sfdata.api.composite_graph import Graph, GraphResult
from sfdata.api.composite_graph import graph as send_graphs
from sfdata.api.describe import DescribeCache
from sfdata.errors import ConfigurationError
from sfdata.frames.write_columns import NullPolicy
from sfdata.resilience.hooks import Hooks
from sfdata.transfer.checking import Checking
from sfdata.transfer.conflicts import Dispute, OnConflict, Since
from sfdata.transfer.current_values import OrgReader
from sfdata.transfer.diff import diff
from sfdata.transfer.orphans import orphaned_jobs
from sfdata.transfer.plan import Plan
from sfdata.transfer.planning import Check, PushRequest, Unchanged
from sfdata.transfer.push_engine import PushEngine
from sfdata.transfer.push_result import PushResult
from sfdata.transfer.pushes import Pushes
from sfdata.transfer.records import SObject
from sfdata.transfer.resume import ResumedRead
from sfdata.transfer.undo import Undone, Whose
from sfdata.transport.http_session import HttpSession

JOB_PREFIX = "750"
"""What the Ids of jobs begin with; those of pushes are our own."""


class OrgWrites:
    """The part of an org that writes."""

    name: str
    closed: bool
    hooks: Hooks
    _session: HttpSession
    _describe: DescribeCache

    def push(
        self,
        frame: Any,
        object_name: str,
        operation: IngestOperation,
        *,
        key: str | None = None,
        check: Check = "refuse",
        nulls: NullPolicy = "leave",
        part_rows: int | None = None,
        engine: PushEngine = "auto",
        all_or_none: bool = False,
        keep_before: bool = False,
        unchanged: Unchanged = "send",
    ) -> PushResult:
        """Write a frame's rows, by sObject Collections or Bulk API 2.0, and wait until it is known what became of each.

        Everything is on disk before anything is sent, so that a push which is stopped, killed or cut off loses no row
        and doubles none: `resume` goes on with it, also in another process. Rows of one parent are sent together.

        Args:
            frame: a DataFrame of pandas or Polars, or anything that Arrow takes for a table. A column is a field
                (``Amount``), or a parent by one of its keys (``Account.Ext__c``).
            object_name: what the rows are, such as ``"Account"``.
            operation: ``"insert"``, ``"update"``, ``"upsert"``, ``"delete"`` or ``"hardDelete"``. All but insert and
                upsert go by the column ``Id``; deletes pass over all other columns.
            key: the external id, or ``Id``, that an upsert goes by.
            check: what happens with rows that are certain to fail: ``"refuse"`` pushes none at all, ``"skip"`` pushes
                the others and tells these as ``not_sent`` with the reason, ``"warn"`` pushes all the same, False does
                not look. Values without a faithful form in their field are never sent.
            nulls: what missing values mean: ``"leave"`` the field as it is or ``"clear"`` it, for all columns or by
                column; `sfdata.CLEAR` clears in its one cell.
            part_rows: rows that a call or a job may have; by default as many as it takes.
            engine: ``"collections"`` writes by calls of 200 rows, whose answers tell them at once, ``"bulk"`` through
                jobs; ``"auto"`` takes calls for up to 2,000 rows.
            all_or_none: if one row fails, write none. The rows must fit into one call of collections.
            keep_before: read first what is there, and keep it with the push for `PushResult.undo`.
            unchanged: ``"skip"`` leaves out rows that this machine has written before as they are, by hashes of what
                the org confirmed; they are told as ``same``. Changes by others are not seen; `diff` sees them.

        Raises:
            PushRefused: rows or columns that cannot be written; nothing was sent.
            ConfigurationError: arguments that contradict each other.
            SalesforceError: the push could not go on; the hint says how to resume it.
        """
        request = PushRequest(
            object_name, operation, key, check, nulls, part_rows, engine, all_or_none, keep_before, unchanged
        )
        return self._pushes().push(frame, request)

    def diff(
        self,
        frame: Any,
        object_name: str,
        key: str,
        *,
        since: Since | None = None,
        on_conflict: OnConflict = "ask",
        base: Any = None,
        edited: str | None = None,
        nulls: NullPolicy = "leave",
    ) -> Plan:
        """What a push of a frame would do: rows to create, to change field by field, or to leave. Nothing is written.

        Args:
            frame: see `push`; columns that nobody can write are left out (`Plan.excluded`).
            key: the external id that tells records apart, or ``"Id"``.
            since: what was changed in the org after this instant of its own time (or bookmark) and differs from the
                frame is a conflict. Left out, the frame's column ``SystemModstamp`` tells for each row, or ``attrs``
                when it was read.
            on_conflict: ``"ask"`` (see `Plan.resolve`), ``"ours"``, ``"theirs"``, ``"newest"`` or ``"merge"``, as told
                in `sfdata.transfer.conflicts`.
            base: for ``"merge"``: the frame as it was before anybody changed anything.
            edited: for ``"newest"``: the column that tells when each row was last changed on this side.
            nulls: see `push`.

        Raises:
            PushRefused: rows that cannot be written, are certain to fail, or mean one record; nothing was read.
            SeveralRecords: a key has more than one record.
            ConfigurationError: arguments that contradict each other.
        """
        dispute = Dispute(on_conflict, since, base, edited)
        org = OrgReader(self._session, self._describe, self.hooks)
        return Plan(org, diff(org, frame, object_name, key, nulls, dispute), self._pushes().push)

    def sobject(self, name: str) -> SObject:
        """The records of one object: to create, read, update, upsert and delete one at a time. Sends nothing."""
        return SObject(self._session, self._describe, name)

    def composite(self, requests: Sequence[Subrequest], *, all_or_none: bool = False) -> list[SubResult]:
        """Up to 25 requests in one call, each of which may use the answers of those before it (``@{ref.id}``).

        See `sfdata.api.composite.composite` for the errors; values are JSON's own.
        """
        return send_composite(self._session, requests, all_or_none=all_or_none)

    def composite_graph(self, graphs: Sequence[Graph]) -> list[GraphResult]:
        """Up to 500 requests for records in one call, in graphs that are each done as a whole or not at all.

        See `sfdata.api.composite_graph.graph` for the errors.
        """
        return send_graphs(self._session, graphs)

    def composite_batch(self, requests: Sequence[BatchRequest], *, halt_on_error: bool = False) -> list[BatchResult]:
        """Up to 25 requests in one call that know nothing of each other; each counts as a call of its own.

        See `sfdata.api.composite_batch.batch` for the errors.
        """
        return send_batch(self._session, requests, halt_on_error=halt_on_error)

    def check(
        self,
        frame: Any,
        object_name: str,
        operation: IngestOperation = "insert",
        *,
        key: str | None = None,
        nulls: NullPolicy = "leave",
    ) -> pd.DataFrame:
        """What would go wrong if a frame were pushed, as far as describe tells; nothing is written.

        Returns:
            See `sfdata.frames.check.check_frame`. What is ``certain``, `push` refuses.

        Raises:
            ConfigurationError: arguments that contradict each other; no frame.
        """
        return Checking(self._describe).frame(frame, object_name, operation, key, nulls)

    def resume(self, id: str, *, wait: float | None = None) -> PushResult | ResumedRead:  # noqa: A002 - as users know it
        """Go on with what was begun and left, here or in another process; see `sfdata.resume`."""
        if not id.startswith(JOB_PREFIX):
            return self._pushes().resume(id, wait)
        if wait is not None:
            raise ConfigurationError("wait= is for pushes: a read waits for its job when its rows are asked for")
        return ResumedRead(self._session, self._describe, self.hooks, id)

    def orphaned_jobs(self) -> pd.DataFrame:
        """Ingest jobs of this user that were made an hour ago or longer and never closed, the oldest first.

        The answer that told their Id was lost, or their upload was. They have written nothing and never will;
        `abort_job` ends one. Jobs of pushes that can still be resumed on this machine are left out; those of other
        programs and machines are not known from orphans.

        Returns:
            ``id``, ``object``, ``operation`` (str), ``created`` (datetime64[ms, UTC]).
        """
        return orphaned_jobs(self._session)

    def abort_job(self, id: str) -> None:  # noqa: A002 - as users know it
        """Stop an ingest job. What it has written stays written; an open one has written nothing.

        https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/close_job.htm

        Raises:
            NotFound: there is no such job.
            ResponseError: it has ended already.
        """
        bulk_ingest.abort(self._session, id)

    def _pushes(self) -> Pushes:
        return Pushes(self._session, self._describe, self.hooks, self._retry, self._undo)

    def _retry(self, push_id: str, codes: Collection[str]) -> PushResult:
        self._refuse_closed(f'sfdata.resume("{push_id}", org).retry_failed() does it by another connection.')
        return self._pushes().retry(push_id, codes)

    def _undo(self, push_id: str, on_conflict: Whose) -> Undone:
        self._refuse_closed(f'sfdata.resume("{push_id}", org).undo() does it by another connection.')
        return self._pushes().undo(push_id, on_conflict)

    def _refuse_closed(self, hint: str) -> None:
        if self.closed:
            raise ConfigurationError(f"the connection to {self.name} is closed", hint=hint)
