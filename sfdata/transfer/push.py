"""A push under way: each unit of rows through its own ingest job, by the phases of `sfdata.transfer.journal`.

Creating a job and giving it its data change nothing in the org; closing it does. So every step but that one may be done
again, and after a lost answer to that one the job itself tells whether it was closed. A job whose upload ended in doubt
is left alone, since a second upload would spoil it, and its rows travel in a new one.

Stopping here (a deadline, Ctrl-C, the end of the process) stops nothing in the org: the push is resumed by its Id.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress

import pyarrow as pa
import pyarrow.compute as pc

from sfdata.api import bulk_ingest
from sfdata.api.bulk_ingest import IngestJob, ResultFile
from sfdata.errors import (
    AuthenticationError,
    BudgetExceeded,
    NotFound,
    PushStopped,
    ResponseError,
    SalesforceError,
    ServerUnavailable,
    StillRunning,
    TransportError,
    UnreadableAnswer,
)
from sfdata.resilience.hooks import Hooks, JobState, UnitMoved
from sfdata.resilience.patience import Patience
from sfdata.stop import LOOK_SECONDS, Stop, Stopped
from sfdata.transfer.account import Account, ResultFiles, account, unaccounted
from sfdata.transfer.journal import Journal, Phase, PushRecord, Unit
from sfdata.transfer.push_rows import push_rows
from sfdata.transfer.unit_files import disk_faults, save_outcomes, unit_data
from sfdata.transport.bodies import BodyCut, BodyUnreadable, whole_body
from sfdata.transport.http_session import HttpSession

UNITS_AT_ONCE = 3
MOST_JOBS = 5
"""Jobs made for one unit, one after the other, before its uploads are given up."""
MOST_CLOSES = 5
"""Times a job that is still open is closed, with a pause before each further time."""
FETCHES = 3
"""Times the results are fetched before counts that disagree are believed."""
GRACE_SECONDS = 0.5
"""What requests under way are given to end when the push is stopped, before they are cut off."""
PARTING_SECONDS = 0.4
"""What threads are given to end then."""
_IN_DOUBT = (TransportError, ServerUnavailable)
"""Whether it was done nobody knows, or it can be asked again."""
_FOR_ALL = (AuthenticationError, BudgetExceeded, ResponseError)
"""What one unit is refused by, every other will be; but for what is in doubt."""
_STOPPED = "the push was stopped here; the org goes on with what it has"


class Push:
    """Takes the units of a journalled push as far as they go.

    Args:
        session: a connection to the push's own org.
        push: the push, its data in the journal's folder for it.
    """

    def __init__(
        self,
        session: HttpSession,
        journal: Journal,
        hooks: Hooks,
        push: PushRecord,
        patience: Patience | None = None,
    ) -> None:
        self._session = session
        self._journal = journal
        self._hooks = hooks
        self._push = push
        self._patience = patience or Patience()
        self._folder = journal.folder(push.id)
        self._runtime = session.runtime
        self._stopped = threading.Event()  # no further step is begun
        self._cut_off = Stop()  # those under way end
        self._uploading = threading.Lock()  # one part in memory at a time
        self._deadline = math.inf
        self.wait_at_most(self._patience.deadline_seconds)
        self._steps: Mapping[Phase, Callable[[Unit], Unit]] = {
            "planned": self._send,
            "job_known": self._leave,
            "uploaded": self._close,
            "closing": self._learn,
            "running": self._watch,
            "terminal": self._account,
        }

    def wait_at_most(self, seconds: float | None) -> None:
        """Leave jobs to the org that are still at work after so many seconds from now; None waits for ever."""
        self._deadline = math.inf if seconds is None else self._runtime.clock() + seconds

    def run(self) -> None:
        """Take every unit to its end, a few at a time; one that cannot go on does not hold the others.

        Raises:
            StillRunning: the deadline passed; the org goes on, and `resume` looks again.
            SalesforceError: a unit could not go on; what the others came to is journalled.
        """
        units = [unit for unit in self._journal.units(self._push.id) if unit.phase != "accounted"]
        self._journal.set_state(self._push.id, "running")
        try:
            problems = self._drive_all(units)
        except KeyboardInterrupt as interrupt:
            interrupt.add_note(self._resume_hint)
            raise
        if problems:
            first = next((p for p in problems if not isinstance(p, StillRunning)), problems[0])
            first.hint = f"{first.hint} {self._resume_hint}" if first.hint else self._resume_hint
            raise first
        self._journal.set_state(self._push.id, "needs_attention" if self._needs_attention() else "finished")

    @property
    def _resume_hint(self) -> str:
        return f'sfdata.resume("{self._push.id}") goes on from here.'

    def _needs_attention(self) -> bool:
        """Whether rows are left of which nobody knows, or which were not written, or a job contradicted itself."""
        units = self._journal.units(self._push.id)
        outcomes = push_rows(self._folder, units, self._push.rows)["outcome"].cast("string")
        open_ones = pc.is_in(outcomes, pa.array(["unprocessed", "unaccounted"]))
        return pc.any(open_ones).as_py() or any(unit.problem and unit.job_state != "Failed" for unit in units)

    def _drive_all(self, units: list[Unit]) -> list[SalesforceError]:
        waiting, problems = list(units), list[SalesforceError]()
        pool = ThreadPoolExecutor(UNITS_AT_ONCE, thread_name_prefix="sfdata push")
        under_way: set[Future[Unit]] = set()
        try:
            while waiting or under_way:
                while waiting and len(under_way) < UNITS_AT_ONCE:
                    under_way.add(pool.submit(self._cut_off.heeding(self._drive), waiting.pop(0)))
                # In turns: some libraries (Polars) have Ctrl-C wait for a lock that is waited for without end.
                done, under_way = wait(under_way, LOOK_SECONDS, FIRST_COMPLETED)
                for unit in done:
                    problem = unit.exception()
                    if isinstance(problem, SalesforceError):
                        problems.append(problem)
                    elif problem is not None:
                        raise problem
                if any(isinstance(p, _FOR_ALL) and not isinstance(p, _IN_DOUBT) for p in problems):
                    waiting.clear()
        finally:
            self._stopped.set()
            wait(under_way, GRACE_SECONDS)
            self._cut_off.set()
            wait(under_way, PARTING_SECONDS)
            pool.shutdown(wait=False, cancel_futures=True)
        return problems

    def _drive(self, unit: Unit) -> Unit:
        """One unit to its end."""
        while unit.phase != "accounted":
            if self._stopped.is_set():
                raise PushStopped(_STOPPED)
            try:
                unit = self._steps[unit.phase](unit)
            except Stopped:
                raise PushStopped(_STOPPED) from None
            self._hooks(UnitMoved(self._push.id, unit.number, unit.rows, unit.phase, unit.job))
        return unit

    # --- before the commit -------------------------------------------------------------------------------------------

    def _send(self, unit: Unit) -> Unit:
        """planned → uploaded, by a new job."""
        push = self._push
        key = push.key if push.operation == "upsert" else None
        job = bulk_ingest.create(self._session, push.object, push.operation, external_id=key)
        unit = self._journal.advance(unit, "job_known", job=job.id)
        try:
            with self._uploading:
                bulk_ingest.upload(self._session, job.id, unit_data(self._folder, unit))
        except _IN_DOUBT:
            if len(unit.abandoned) + 1 >= MOST_JOBS:
                raise
            return self._leave(unit)
        except ResponseError:
            self._leave(unit)
            raise
        return self._journal.advance(unit, "uploaded")

    def _leave(self, unit: Unit) -> Unit:
        """job_known → planned: whether that job has the data nobody knows, so nobody closes it."""
        assert unit.job is not None
        with suppress(SalesforceError):
            bulk_ingest.abort(self._session, unit.job)
        return self._journal.advance(unit, "planned", job=None, abandoned=(*unit.abandoned, unit.job))

    # --- the commit --------------------------------------------------------------------------------------------------

    def _close(self, unit: Unit) -> Unit:
        """uploaded → running, or closing where that is not known."""
        for number, pause in enumerate(self._patience.pauses(), 1):
            unit = self._journal.advance(unit, "closing")
            assert unit.job is not None
            try:
                bulk_ingest.close(self._session, unit.job)
            except (TransportError, ResponseError) as refusal:
                unit = self._learn(unit)  # it may have been closed all the same, or by somebody else
                if unit.phase == "running":
                    return unit
                if number == MOST_CLOSES or not isinstance(refusal, _IN_DOUBT):
                    raise
                self._pause(pause)
            else:
                break
        return self._journal.advance(unit, "running")

    def _learn(self, unit: Unit) -> Unit:
        """closing → running, or uploaded where the job is still open."""
        assert unit.job is not None
        try:
            job = bulk_ingest.info(self._session, unit.job)
        except NotFound:
            return self._journal.advance(unit, "running")
        return self._journal.advance(unit, "uploaded" if job.state == "Open" else "running")

    # --- after the commit --------------------------------------------------------------------------------------------

    def _watch(self, unit: Unit) -> Unit:
        """running → terminal."""
        assert unit.job is not None
        unanswered = 0
        for pause in self._patience.pauses():
            self._pause(pause)
            try:
                job = bulk_ingest.info(self._session, unit.job)
            except NotFound:
                return self._gone(unit)
            except _IN_DOUBT:  # the job does not need us
                unanswered += 1
                if unanswered == self._patience.unanswered:
                    raise
                continue
            unanswered = 0
            self._hooks(JobState(job.id, job.state, job.processed))
            if job.ended:
                told = {"job_state": job.state, "processed": job.processed, "failed": job.failed}
                return self._journal.advance(unit, "terminal", **told, problem=job.error)
            if self._runtime.clock() >= self._deadline:
                raise StillRunning(self._push.id)
        raise AssertionError("unreachable")

    def _account(self, unit: Unit) -> Unit:
        """terminal → accounted."""
        assert unit.job is not None
        assert unit.job_state is not None
        push = self._push
        job = IngestJob(unit.job, unit.job_state, push.object, push.operation, unit.processed, unit.failed)
        key = "Id" if push.operation in ("update", "delete", "hardDelete") else push.key
        sent = unit_data(self._folder, unit)
        for last in (*[False] * (FETCHES - 1), True):
            try:
                found = account(sent, self._results(unit.job), job, key)
            except NotFound:
                return self._gone(unit)
            except UnreadableAnswer:
                if last:
                    raise
                continue
            if found.problem is None:
                break
        return self._accounted(unit, found)

    def _gone(self, unit: Unit) -> Unit:
        problem = "the job or its results are gone: nobody can tell what became of its rows"
        return self._accounted(unit, Account(unaccounted(unit.rows), problem))

    def _accounted(self, unit: Unit, found: Account) -> Unit:
        with disk_faults("what became of the rows"):
            save_outcomes(self._folder, unit.number, found.outcomes)
        return self._journal.advance(unit, "accounted", problem=found.problem or unit.problem)

    def _results(self, job_id: str) -> ResultFiles:
        return ResultFiles(*(self._result(job_id, file) for file in _FILES))

    def _result(self, job_id: str, file: ResultFile) -> bytes:
        memory = _Memory()
        bulk_ingest.results(self._session, job_id, file, memory)
        try:
            return whole_body(bytes(memory.raw), 200, memory.headers)
        except BodyCut:
            problem = "breaks off before its end"
        except BodyUnreadable as damage:
            problem = f"is {damage}"
        raise UnreadableAnswer(f"the file {file} of job {job_id} {problem}")

    def _pause(self, seconds: float) -> None:
        left = max(0.0, self._deadline - self._runtime.clock())
        if self._runtime.wait(self._stopped, min(seconds, left)):
            raise PushStopped(_STOPPED)


_FILES: tuple[ResultFile, ...] = ("successfulResults", "failedResults", "unprocessedrecords")


class _Memory:
    """A sink for files of results, which are about as large as what was sent."""

    def __init__(self) -> None:
        self.headers: Mapping[str, str] = {}
        self.raw = bytearray()

    def restart(self, headers: Mapping[str, str]) -> None:
        self.headers = headers
        self.raw = bytearray()

    def write(self, raw: bytes, /) -> None:
        self.raw += raw
