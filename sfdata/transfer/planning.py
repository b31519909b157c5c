"""From a frame to a push that is journalled: all of its data on disk, in units that each fit a job, before any job is.

    frame ─ rows of one parent together ─→ encode ─ by bytes and part_rows ─→ units: data and positions ─→ journal

A push that is sent again in part is planned here too: its new units hold records of the old ones, byte by byte.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sfdata.api.bulk_ingest import IngestOperation
from sfdata.errors import ConfigurationError, PushRefused, PushStopped
from sfdata.frames.columns import Describe
from sfdata.frames.encode import writable_rows
from sfdata.frames.json_records import CALL_ROWS
from sfdata.frames.write_columns import NullPolicy
from sfdata.metadata import FieldDescribe, ObjectDescribe
from sfdata.resilience.runtime import Runtime
from sfdata.state import save
from sfdata.transfer.account import cells
from sfdata.transfer.draft import Draft
from sfdata.transfer.journal import Journal, PushRecord, Unit
from sfdata.transfer.push_engine import FORMS, Engine, PushEngine, UnitForm, chosen, engine_of
from sfdata.transfer.push_rows import NO_UNIT, push_rows
from sfdata.transfer.unit_files import (
    Positions,
    disk_faults,
    save_index,
    save_outcomes,
    save_positions,
    unit_data,
    unit_file,
)

Check = Literal["refuse", "skip", "warn", False]
Unchanged = Literal["send", "skip"]
Announce = Callable[[Unit], None]
"""Told of each unit when it is on disk."""

BATCH_ROWS = 10_000
"""Rows of a job that an org works on together; several such batches are worked on side by side.
https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/asynch_api_planning_guidelines.htm"""
TRANSACTION_ROWS = 200
"""Rows that an org writes in one transaction, whose locks they share."""
PASSING_CODES = frozenset(
    {"UNABLE_TO_LOCK_ROW", "SERVER_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED", "REQUEST_RUNNING_TOO_LONG", "QUERY_TIMEOUT"}
)
"""Codes of rows that failed for the moment's reasons: the same rows may well succeed when they are sent again."""
_ONE_CALL = f"all_or_none=True takes one call, and the frame does not fit into one: {CALL_ROWS} rows, and 6 MB as JSON"
_OWNERS = frozenset({"User", "Group"})
"""Saving a record locks the records it refers to, but not its owner."""


@dataclass(frozen=True, slots=True)
class PushRequest:
    """What is to be done with a frame; the fields are the arguments of `sfdata.Org.push`.

    Raises:
        ConfigurationError: they contradict each other.
    """

    object_name: str
    operation: IngestOperation
    key: str | None = None
    check: Check = "refuse"
    nulls: NullPolicy = "leave"
    part_rows: int | None = None
    engine: PushEngine = "bulk"
    all_or_none: bool = False
    keep_before: bool = False
    unchanged: Unchanged = "send"

    def __post_init__(self) -> None:
        if self.check not in ("refuse", "skip", "warn") and self.check is not False:
            raise ConfigurationError(f"check is 'refuse', 'skip', 'warn' or False, not {self.check!r}")
        if self.check == "skip" and self.unchanged == "skip":
            raise ConfigurationError("check='skip' and unchanged='skip' each choose the rows that are sent: give one")
        if self.check == "skip" and self.all_or_none:
            raise ConfigurationError("all_or_none=True writes every row or none, and check='skip' leaves some out")
        if self.unchanged not in ("send", "skip"):
            raise ConfigurationError(f"unchanged is 'send' or 'skip', not {self.unchanged!r}")
        if self.unchanged == "skip" and self.operation not in ("update", "upsert"):
            raise ConfigurationError(f"unchanged='skip' is for updates and upserts, not for {self.operation}")
        if self.unchanged == "skip" and self.all_or_none:
            raise ConfigurationError("all_or_none=True writes every row or none, and unchanged='skip' leaves some out")
        self.chosen_engine(0)

    def chosen_engine(self, rows: int) -> tuple[Engine, str]:
        """The engine for so many rows, and why."""
        return chosen(self.engine, self.operation, rows, all_or_none=self.all_or_none)


def new_push_id(runtime: Runtime) -> str:
    """An Id that no push has, and no job: ``push-3f9a1c20b7e4``."""
    return f"push-{runtime.name()}"


@dataclass(frozen=True, slots=True)
class Planner:
    """Puts pushes to an org on disk and into the journal; it sends nothing.

    Attributes:
        org: the instance URL that pushes go to.
        runtime: whose time a push is begun at.
    """

    journal: Journal
    describe: Describe
    org: str
    announce: Announce
    runtime: Runtime = field(default_factory=Runtime)

    def plan(self, push_id: str, frame: Any, request: PushRequest, draft: Draft | None = None) -> PushRecord:
        """The push of a whole frame: of pandas, or anything that Arrow takes for a table.

        ``request`` may leave the engine open. Of what is pushed in part, ``draft`` says what the whole is.

        Raises:
            PushRefused: rows that cannot be written.
            ConfigurationError: arguments that contradict each other.
            PushStopped: the disk does not take the data.
        """
        source, draft = frame if isinstance(frame, pd.DataFrame) else as_table(frame), draft or Draft()
        engine, _ = request.chosen_engine(row_count(source))
        part_rows = FORMS[engine].part_rows(request.part_rows)
        with _whole(self.journal, push_id) as folder:
            described = self.describe(request.object_name)
            request = replace(request, part_rows=part_rows)
            columns, units = self._units(push_id, folder, source, request, FORMS[engine], draft.positions)
            rows = sum(unit.rows for unit in units)
            if draft.outcomes is not None:
                rows = len(draft.outcomes)
                save_outcomes(folder, NO_UNIT, draft.outcomes)
            for name, content in draft.files.items():
                save(folder / name, content)
            own = source.index if isinstance(source, pd.DataFrame) else pd.RangeIndex(rows)
            save_index(folder, own if draft.index is None else draft.index)
        key = described.field(request.key) if request.key else None  # as describe spells it, and so the header
        unique = key is not None and (key.unique or key.type == "id")
        calls = {"all_or_none": request.all_or_none, "unique_key": unique} if engine == "collections" else {}
        push = PushRecord(
            id=push_id,
            org=self.org,
            object=described.name,
            operation=request.operation,
            key=key.name if key else None,
            columns=columns,
            rows=rows,
            state="planned",
            started=self.runtime.moment().isoformat(timespec="milliseconds"),
            about={"part_rows": part_rows, "engine": engine, **calls, **draft.about},
        )
        try:
            self.journal.plan(push, units)
        except PushStopped:
            shutil.rmtree(folder, ignore_errors=True)  # nobody would come back for what is not journalled
            raise
        return push

    def _units(
        self, push_id: str, folder: Path, source: Any, request: PushRequest, form: UnitForm, whole: Positions | None
    ) -> tuple[tuple[str, ...], list[Unit]]:
        """The units of the rows, which stand in the whole frame at the positions ``whole``."""
        if whole is not None and not len(whole):
            return (), []
        described = self.describe(request.object_name)
        order, breaks = _together(source, described, request.part_rows)
        laid = source if order is None else rows_at(source, order)
        if whole is not None:
            order = whole if order is None else whole[order]
        units = []
        with _told_by_the_frame(order):
            rows = writable_rows(laid, described.name, self.describe, request.operation, request.key, request.nulls)
            if not rows.source.rows:
                return tuple(column.header for column in rows.columns), []
            for part, content in form.parts(rows, request.part_rows, breaks):
                if part.number and request.all_or_none:
                    raise ConfigurationError(_ONE_CALL)
                positions = np.arange(part.start, part.stop) if order is None else order[part.start : part.stop]
                units.append(Unit(push_id, part.number + 1, part.rows, part.digest))
                self._keep(folder, units[-1], content, positions, form)
                del content
        return tuple(column.header for column in rows.columns), units

    def plan_again(self, push: PushRecord, codes: Collection[str]) -> bool:
        """New units of the rows that were not processed, or failed with one of ``codes``; whether there are any.

        What was to be all or none is sent again as a whole, if nothing of it failed with another code. All units of the
        push must be at their end, or a row would be in two that are to be sent.

        Raises:
            PushStopped: the data on disk are not those that were sent, or the disk does not take them again.
        """
        folder, units = self.journal.folder(push.id), self.journal.units(push.id)
        assert all(unit.phase == "accounted" for unit in units)
        chosen = _to_send_again(push_rows(folder, units, push.rows), codes)
        if not len(chosen) or (push.about.get("all_or_none") and len(chosen) < push.rows):
            return False
        form, by_number = FORMS[engine_of(push.about)], {unit.number: unit for unit in units}
        part_rows, breaks = push.about["part_rows"], None
        if form.kind == "csv" and "UNABLE_TO_LOCK_ROW" in chosen["code"].to_pylist():
            chosen, breaks = self._apart(push, chosen, by_number)
            part_rows = _smaller(part_rows, max(by_number[number].rows for number in set(chosen["unit"].to_pylist())))
        records = _SentRecords(folder, by_number, chosen, form)
        parts = form.cut(records.header, len(chosen), records.data, part_rows, breaks)
        positions, again = chosen["position"].to_numpy(), list[Unit]()
        with _disk_faults():
            for part, content in parts:
                again.append(Unit(push.id, len(units) + part.number + 1, part.rows, part.digest))
                self._keep(folder, again[-1], content, positions[part.start : part.stop], form)
                del content
        self.journal.set_state(push.id, "planned")  # first, or it would look finished
        self.journal.add_units(again)
        return True

    def _apart(
        self, push: PushRecord, chosen: pa.Table, units: Mapping[int, Unit]
    ) -> tuple[pa.Table, Positions | None]:
        """The rows that are sent again laid by their parents, and where each of these begins.

        What met a lock goes in smaller units, so rows of one parent must not be strewn over them.
        """
        place = _parent_column(push.columns, self.describe(push.object))
        if place is None:
            return chosen, None
        folder, parents = self.journal.folder(push.id), []
        for number in pc.unique(chosen["unit"]).to_pylist():
            sent = cells(unit_data(folder, units[number]), "what was sent").column(place)
            parents.append(sent.take(chosen.filter(pc.equal(chosen["unit"], number))["record"]))
        codes = pa.chunked_array(parents, pa.string()).combine_chunks().dictionary_encode().indices.to_numpy()
        order = np.argsort(codes, kind="stable")
        return chosen.take(order), _beginnings(codes[order].astype(np.int64))

    def _keep(self, folder: Path, unit: Unit, content: bytes, positions: Positions, form: UnitForm) -> None:
        save(unit_file(folder, unit.number, form.kind), content)
        save_positions(folder, unit.number, positions)
        self.announce(unit)


# --- a frame ---------------------------------------------------------------------------------------------------------


def as_table(frame: Any) -> Any:
    """What can perhaps be read only once, as a table; what is no frame is left for `encode` to refuse."""
    try:
        return pa.table(frame)
    except (pa.ArrowException, TypeError, ValueError):
        return frame


def row_count(frame: Any) -> int:
    """The rows of a frame; 0 of what is none, for `encode` to refuse."""
    return len(frame) if isinstance(frame, pd.DataFrame | pa.Table) else 0


def _together(
    source: Any, described: ObjectDescribe, part_rows: int | None
) -> tuple[Positions | None, Positions | None]:
    """The positions of the rows as they are sent, rows of one parent together, and at which of them a parent begins.

    Batches that touch one parent at the same time hold each other up, and fail where it takes too long. Without
    positions the rows stay as they are.
    """
    names = list(source.columns if isinstance(source, pd.DataFrame) else getattr(source, "column_names", ()))
    place = _parent_column(names, described)
    if place is None or len(source) <= min(part_rows or BATCH_ROWS, BATCH_ROWS):
        return None, None
    parents = source.iloc[:, place] if isinstance(source, pd.DataFrame) else source.column(place).to_pandas()
    try:
        codes, _ = pd.factorize(parents)
    except TypeError:  # values that are none of a reference; encode says so
        return None, None
    order: Positions = np.argsort(codes, kind="stable")
    return (None if (np.diff(order) == 1).all() else order), _beginnings(codes[order])


def _beginnings(codes: npt.NDArray[np.int64]) -> Positions:
    """Where in sorted codes another one begins; each row without a parent (-1) is by itself."""
    return np.flatnonzero((np.diff(codes) != 0) | (codes[1:] < 0)) + 1


def rows_at(source: Any, order: Positions) -> Any:
    """The rows of a frame, or table, at these positions, in this order."""
    if isinstance(source, pd.DataFrame):
        return source.take(order)
    views = {pa.string_view(): pa.large_string(), pa.binary_view(): pa.large_binary()}  # Arrow cannot take of these
    fields = [field.with_type(views.get(field.type, field.type)) for field in source.schema]
    return source.cast(pa.schema(fields)).take(pa.array(order))


def _parent_column(names: Sequence[Any], described: ObjectDescribe) -> int | None:
    """The column that tells the parent whose lock rows wait for: of a master-detail relationship, else the first."""
    masters = {field["name"] for field in described["fields"] if field.get("relationshipOrder") is not None}
    parents = {
        place: reference
        for place, name in enumerate(names)
        if (reference := _reference(str(name), described)) and not _OWNERS.issuperset(reference.reference_to)
    }
    return min(parents, key=lambda place: (parents[place].name not in masters, place), default=None)


def _reference(name: str, described: ObjectDescribe) -> FieldDescribe | None:
    """The reference that a column writes, by Id (``AccountId``) or by a key (``Account.Ext__c``)."""
    path, dot, _ = name.rpartition(".")
    field = described.parent(path.rpartition(":")[2]) if dot else described.field(name)
    return field if field and field.type == "reference" else None


@contextmanager
def _told_by_the_frame(order: Positions | None) -> Iterator[None]:
    """Tells problems by where their rows stand in the frame, not by where they would have been sent."""
    try:
        yield
    except PushRefused as refused:
        if order is None:
            raise
        found = [
            problem if problem.position is None else problem._replace(position=int(order[problem.position]))
            for problem in refused.problems
        ]
        raise PushRefused(sorted(found, key=lambda one: one.position or 0), hint=refused.hint) from None


@contextmanager
def _whole(journal: Journal, push_id: str) -> Iterator[Path]:
    """The folder of a push that is being planned; gone again unless everything is in it."""
    with _disk_faults():
        folder = journal.folder(push_id)
        try:
            yield folder
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise


def _disk_faults() -> AbstractContextManager[None]:
    return disk_faults("the rows", "Make room, or let SFDATA_HOME name a folder elsewhere; nothing was sent.")


# --- rows that are sent again ----------------------------------------------------------------------------------------


def _to_send_again(rows: pa.Table, codes: Collection[str]) -> pa.Table:
    """``unit``, ``record``, ``code`` and ``position`` of the rows that may be sent again, in the order of sending."""
    passing = pc.is_in(rows["code"], pa.array(sorted(codes), pa.string()))
    failed = pc.and_(pc.equal(rows["outcome"], "failed"), passing)
    chosen = pc.or_(pc.equal(rows["outcome"], "unprocessed"), failed)
    placed = rows.select(["unit", "record", "code"]).append_column("position", pa.array(np.arange(len(rows))))
    return placed.filter(chosen).sort_by([("unit", "ascending"), ("record", "ascending")])


def _smaller(part_rows: int | None, sent_rows: int) -> int:
    """Rows of a unit in which rows go that met a lock among ``sent_rows``: a tenth, but a transaction's at least."""
    return min(part_rows or sent_rows, max(TRANSACTION_ROWS, sent_rows // 10))


class _SentRecords:
    """Records as they were sent once, out of the files of their units."""

    def __init__(self, folder: Path, units: Mapping[int, Unit], chosen: pa.Table, form: UnitForm) -> None:
        self._folder = folder
        self._form = form
        self._units = units
        self._unit = chosen["unit"].to_numpy()
        self._record = chosen["record"].to_numpy()
        self._read = lru_cache(maxsize=2)(self._unit_records)
        content, ends = self._read(int(self._unit[0]))
        self.header = content[: ends[0]]

    def data(self, start: int, stop: int) -> pa.Buffer:
        """The chosen records from one up to another."""
        pieces = []
        for unit, record in zip(self._unit[start:stop].tolist(), self._record[start:stop].tolist(), strict=True):
            content, ends = self._read(unit)
            pieces.append(content[ends[record] : ends[record + 1]])
        return pa.py_buffer(b"".join(pieces))

    def _unit_records(self, number: int) -> tuple[bytes, npt.NDArray[np.int64]]:
        """A unit's data, and where in them the header and each record end."""
        content = unit_data(self._folder, self._units[number], self._form.kind)
        ends = self._form.ends(content)
        return content, ends if self._form.headed else np.r_[0, ends]
