"""The pushes of a connection: begun, taken up again by their Id, sent again in part; and the list of all of them.

They are journalled below `state_folder`, so any process of the same user on the same machine can go on with them.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
import sqlite3
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args
from urllib.parse import urlsplit

import pandas as pd

from sfdata.api.describe import DescribeCache
from sfdata.errors import ConfigurationError, PushError, PushUnderWay, SalesforceError, StillRunning
from sfdata.resilience.hooks import EngineChosen, Hooks, PushMoved, UnitMoved
from sfdata.state import locked, state_folder
from sfdata.transfer.before_image import FILE as BEFORE
from sfdata.transfer.before_image import BeforeImage, before_image
from sfdata.transfer.checking import Checking
from sfdata.transfer.collections_push import CollectionsPush
from sfdata.transfer.current_values import OrgReader
from sfdata.transfer.draft import Draft
from sfdata.transfer.journal import Journal, PushRecord, State, Unit
from sfdata.transfer.planning import Planner, PushRequest, as_table, new_push_id, row_count
from sfdata.transfer.push import Push
from sfdata.transfer.push_engine import engine_of
from sfdata.transfer.push_result import PushResult, Retry, Undo
from sfdata.transfer.push_rows import push_rows
from sfdata.transfer.sync_hashes import skipping, syncing
from sfdata.transfer.undo import Undoing, Undone, Whose
from sfdata.transfer.unit_files import disk_faults, load_index
from sfdata.transport.http_session import HttpSession

ORPHANED_SECONDS = 86_400
"""Age of data that no journalled push has: a process ended while it planned one."""
KEPT = dt.timedelta(days=30)
"""How long a push that has come to a good end is known, and its data are kept."""


class Pushes:
    """The pushes of one connection.

    Args:
        retry: what a result's ``retry_failed`` calls with the Id and the codes.
        undo: what a result's ``undo`` calls with the Id and whose values stand.
    """

    def __init__(
        self, session: HttpSession, describe: DescribeCache, hooks: Hooks, retry: Retry, undo: Undo | None = None
    ) -> None:
        self._session = session
        self._describe = describe
        self._hooks = hooks
        self._retry = retry
        self._undo = undo

    def push(self, frame: Any, request: PushRequest, draft: Draft | None = None) -> PushResult:
        """Write a frame's rows to the org; see `sfdata.Org.push`. They may be a part of what ``draft`` tells of."""
        source = frame if isinstance(frame, pd.DataFrame) else as_table(frame)
        source, sifted = Checking(self._describe).admitted(source, request)
        source, draft = self._drafted(source, request, draft or sifted)
        push_id = new_push_id(self._session.runtime)
        with closing(_journal()) as journal:
            _sweep(journal)
            planner = self._planner(journal, push_id)
            with driving(journal.folder(push_id)):
                planner.plan(push_id, source, request, draft)
                if request.engine == "auto":
                    self._hooks(EngineChosen(*request.chosen_engine(row_count(source))))
                index = frame.index if isinstance(frame, pd.DataFrame) else None
                return self._run(journal, push_id, index if draft.index is None else draft.index)

    def _drafted(self, source: Any, request: PushRequest, draft: Draft) -> tuple[Any, Draft]:
        """The rows that have to be sent, and what is kept and told beside them."""
        if request.unchanged == "skip":
            source, draft = skipping(self._reader, source, request)
        if request.keep_before and request.operation != "insert" and row_count(source):
            image = before_image(self._reader, source, request, draft.positions)
            draft = replace(draft, files={**draft.files, BEFORE: image.content})
        return source, draft

    def resume(self, push_id: str, wait: float | None = None) -> PushResult:
        """Take a push to its end, from where it was left; one that is at its end sends nothing. See `sfdata.resume`."""
        return self._go_on(push_id, None, wait)

    def retry(self, push_id: str, codes: Collection[str]) -> PushResult:
        """Take a push to its end with new units of those rows that may be sent again."""
        return self._go_on(push_id, codes)

    def undo(self, push_id: str, on_conflict: Whose) -> Undone:
        """Bring back what was there before a push; see `PushResult.undo`."""
        with closing(_journal()) as journal:
            push = self._own(journal, push_id)
            if push.state in ("planned", "running"):
                hint = f'sfdata.resume("{push.id}") takes it to its end.'
                raise ConfigurationError(f"{push.id} has not come to its end, and cannot be undone", hint=hint)
            begun = [one for one in journal.pushes() if one.about.get("undoes") == push.id]
            for one in begun:
                if one.state in ("planned", "running"):
                    self.resume(one.id)
            folder = journal.folder(push.id)
            rows, index = push_rows(folder, journal.units(push.id), push.rows), load_index(folder)
            image = BeforeImage.load(folder)
        index = pd.RangeIndex(push.rows) if index is None else index
        return Undoing(self._reader, push, rows, index, image, self.push, on_conflict).undo()

    def _own(self, journal: Journal, push_id: str) -> PushRecord:
        """The push of that Id, which goes to the org that this connection leads to."""
        push, here = journal.push(push_id), self._session.instance_url
        if urlsplit(push.org).netloc != urlsplit(here).netloc:
            hint = "Give the connection that it was begun with: sfdata.resume(id, org)."
            raise ConfigurationError(f"{push.id} goes to {push.org}, and this connection to {here}", hint=hint)
        return push

    @property
    def _reader(self) -> OrgReader:
        return OrgReader(self._session, self._describe, self._hooks)

    def _go_on(self, push_id: str, codes: Collection[str] | None, wait: float | None = None) -> PushResult:
        with closing(_journal()) as journal:
            push = self._own(journal, push_id)
            planner = self._planner(journal, push.id)
            with driving(journal.folder(push.id)):
                for unit in journal.units(push.id):
                    planner.announce(unit)
                result = self._run(journal, push.id, wait=wait)
                if codes is not None and planner.plan_again(push, codes):
                    result = self._run(journal, push.id)
                return result

    def _run(
        self, journal: Journal, push_id: str, index: pd.Index | None = None, wait: float | None = None
    ) -> PushResult:
        """What a push comes to when all of its units are at their end; an error before that tells how it stood."""
        push = journal.push(push_id)
        kind = CollectionsPush if engine_of(push.about) == "collections" else Push
        told = (push.id, push.object, push.operation, push.key, push.rows)
        self._hooks(PushMoved(*told, "begun"))
        try:
            with syncing(journal, push):
                driver = kind(self._session, journal, self._hooks, push)
                if wait is not None:
                    driver.wait_at_most(wait)
                driver.run()
            result = PushResult(journal, push_id, self._retry, index, self._undo)
        except BaseException as problem:
            if isinstance(problem, PushError | StillRunning | KeyboardInterrupt):
                with suppress(OSError, SalesforceError):  # what went wrong first is what is told
                    vars(problem)["result"] = PushResult(journal, push_id, self._retry, index, self._undo)
            self._hooks(PushMoved(*told, "stopped", None, _jobs(journal, push_id), type(problem).__name__))
            raise
        self._hooks(PushMoved(*told, journal.push(push_id).state, result.counts, _jobs(journal, push_id)))
        return result

    def _planner(self, journal: Journal, push_id: str) -> Planner:
        def announce(unit: Unit) -> None:
            self._hooks(UnitMoved(push_id, unit.number, unit.rows, unit.phase, unit.job))

        session = self._session
        return Planner(journal, self._describe.object, session.instance_url, announce, session.runtime)


def _jobs(journal: Journal, push_id: str) -> tuple[str, ...]:
    return tuple(job for unit in journal.units(push_id) for job in (*unit.abandoned, unit.job) if job)


@contextmanager
def driving(folder: Path) -> Iterator[None]:
    """Hold the push whose folder this is: one at a time takes it further. The hold ends with the process.

    Raises:
        PushUnderWay: somebody else holds it: another process, or another thread of this one.
        PushStopped: the disk does not take the file that is held.
    """
    with disk_faults("the lock of the push"):
        held = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(held, "wb") as file:
        if not locked(file):
            raise PushUnderWay(folder.name)
        yield


def pushes() -> pd.DataFrame:
    """The pushes of this user on this machine, the oldest first; `sfdata.resume` goes on with one by its ``id``.

    Pushes that have come to a good end are known for 30 days, all others as long as their journal.

    Returns:
        ``id``, ``object``, ``operation`` (str), ``state`` (category: planned, running, needs_attention, finished),
        ``rows`` (Int64), ``started`` (datetime64[ms, UTC]). A push is running until it has come to its end, be somebody
        at it or not; it needs attention where nobody knows of some rows, or some were never processed.
    """
    with closing(_journal()) as journal:
        values = [[getattr(push, name) for name in _COLUMNS] for push in journal.pushes()]
    frame = pd.DataFrame(values, columns=list(_COLUMNS))
    frame["started"] = pd.to_datetime(frame["started"], utc=True, format="ISO8601")
    return frame.astype(_COLUMNS)


def jobs_on_their_way() -> frozenset[str]:
    """The jobs of pushes on this machine that have not come to their end."""
    with closing(_journal()) as journal:
        units = [unit for push in journal.pushes() for unit in journal.units(push.id)]
    return frozenset(unit.job for unit in units if unit.job is not None and unit.phase != "accounted")


def push_result(push_id: str, retry: Retry, undo: Undo | None = None) -> PushResult:
    """How a push stands, by what is on disk; nothing is asked of the org. See `sfdata.push_result`."""
    with closing(_journal()) as journal:
        return PushResult(journal, journal.push(push_id).id, retry, undo=undo)


_COLUMNS: Mapping[str, Any] = {
    "id": "str",
    "object": "str",
    "operation": "str",
    "state": pd.CategoricalDtype(list(get_args(State))),
    "rows": "Int64",
    "started": "datetime64[ms, UTC]",
}


def _journal() -> Journal:
    try:
        return Journal(state_folder("pushes"))
    except (OSError, sqlite3.Error) as problem:
        raise ConfigurationError(
            f"the journal of pushes cannot be opened: {problem}", hint="SFDATA_HOME names the folder it lives in."
        ) from None


def _sweep(journal: Journal) -> None:
    """Take away what is of no use any more: pushes that ended well long ago, and data that were never journalled."""
    known, now = journal.pushes(), dt.datetime.now(dt.UTC)
    for push in known:
        if push.state == "finished" and now - dt.datetime.fromisoformat(push.started) > KEPT:
            folder = journal.folder(push.id)
            with suppress(PushUnderWay, OSError), driving(folder):
                journal.forget(push.id)
                shutil.rmtree(folder)
    ids = {push.id for push in known}
    for folder in state_folder("pushes").glob("push-*"):
        with suppress(OSError):
            if folder.name not in ids and time.time() - folder.stat().st_mtime > ORPHANED_SECONDS:
                shutil.rmtree(folder)
