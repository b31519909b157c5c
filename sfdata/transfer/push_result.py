"""What became of a push: a row for each row of the frame, on the frame's own index, and the sum of it.

https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/get_job_successful_results.htm
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sfdata.errors import ConfigurationError, PushFailed
from sfdata.frames.dtypes import to_pandas
from sfdata.plain_text import plain
from sfdata.transfer.account import OUTCOMES
from sfdata.transfer.before_image import BeforeImage
from sfdata.transfer.draft import SAME
from sfdata.transfer.journal import Journal
from sfdata.transfer.planning import PASSING_CODES
from sfdata.transfer.push_rows import NO_UNIT, push_rows
from sfdata.transfer.unit_files import load_index, unit_file

if TYPE_CHECKING:
    from sfdata.transfer.undo import Undone, Whose

Retry = Callable[[str, Collection[str]], "PushResult"]
Undo = Callable[[str, "Whose"], "Undone"]

COLUMNS: Mapping[str, str] = {
    "id": "sf__Id",
    "created": "sf__Created",
    "outcome": "sf__Outcome",
    "code": "sf__ErrorCode",
    "error": "sf__Error",
}
"""The columns of `PushResult.frame`; the first two and the last are Salesforce's own names."""
SHOWN_ERRORS = 5
SHOWN_JOBS = 5
_KEEP = "df.sf.diff(…).apply() and bulk_update(…, keep_before=True) keep what they write over."


class PushResult:
    """How a push stood when this was made. `sfdata.resume` makes one anew, in any process.

    Attributes:
        id: what `sfdata.resume` knows it by.
        object, operation, key: what was done: ``Account``, ``upsert``, ``Ext__c``.
        counts: rows of each outcome, all five of them: succeeded, failed (the org said why; nothing was written),
            unprocessed (nothing was written), unaccounted (sent, and nothing is known: the row may be in the org),
            not_sent. Where rows may be left out as they have nothing to write, these are counted as ``same``.
    """

    def __init__(
        self, journal: Journal, push_id: str, retry: Retry, index: pd.Index | None = None, undo: Undo | None = None
    ) -> None:
        push = journal.push(push_id)
        folder = journal.folder(push.id)
        self.id = push.id
        self.object = push.object
        self.operation = push.operation
        self.key = push.key
        self._org = push.org
        self._units = journal.units(push.id)
        self._rows = push_rows(folder, self._units, push.rows)
        self._retry = retry
        self._undo = undo
        self._folder = folder
        self.keeps: object = None  # what must live as long, as the connection of a plan does
        self._index = load_index(folder) if index is None else index
        words = (*OUTCOMES, SAME) if unit_file(folder, NO_UNIT, "outcomes").exists() else OUTCOMES
        counted = self._rows["outcome"].value_counts().to_pylist()
        self.counts: dict[str, int] = dict.fromkeys(words, 0) | {one["values"]: one["counts"] for one in counted}

    # --- row by row --------------------------------------------------------------------------------------------------

    @cached_property
    def frame(self) -> pd.DataFrame:
        """A row for each row that was pushed, in the same order, on the same index, whatever its labels.

        ``sf__Id`` (str) is the record's Id where the org told it, ``sf__Created`` (boolean) whether it is new,
        ``sf__Outcome`` (category) one of `counts`, ``sf__ErrorCode`` and ``sf__Error`` (str) what the org said, or why
        the row was not sent.
        """
        frame = to_pandas(self._rows.select(list(COLUMNS)).rename_columns(list(COLUMNS.values())))
        frame["sf__Outcome"] = frame["sf__Outcome"].cat.set_categories(list(self.counts))
        if self._index is None:
            warnings.warn("the index of this push could not be kept on disk: rows are told by position", stacklevel=2)
        else:
            frame.index = self._index
        return frame

    @property
    def ids(self) -> pd.Series[str]:
        """The records' Ids, on the index of the frame: ``df["Id"] = result.ids``."""
        return self.frame["sf__Id"].rename("Id")

    @property
    def failed(self) -> pd.DataFrame:
        """The rows of `frame` that the org refused."""
        return self._with("failed")

    @property
    def unaccounted(self) -> pd.DataFrame:
        """The rows of `frame` that may be in the org or not. They are never sent again by themselves."""
        return self._with("unaccounted")

    def _with(self, outcome: str) -> pd.DataFrame:
        return self.frame[(self.frame["sf__Outcome"] == outcome).to_numpy()]

    # --- in sum ------------------------------------------------------------------------------------------------------

    @cached_property
    def errors(self) -> pd.DataFrame:
        """Why rows failed or were left out, the most frequent first: ``code``, ``error`` (the first such), ``rows``.

        Where there is no code, as nothing was sent, each reason stands by itself.
        """
        outcome, code, error = (self._rows[name] for name in ("outcome", "code", "error"))
        told = pc.or_(pc.equal(outcome, "failed"), pc.and_(pc.equal(outcome, "not_sent"), error.is_valid()))
        listed = pa.table({"kind": pc.coalesce(code, error), "code": pc.fill_null(code, ""), "error": error})
        grouped = listed.filter(told).group_by("kind", use_threads=False)
        counted = grouped.aggregate([("code", "first"), ("error", "first"), ("kind", "count")])
        named = counted.select(["code_first", "error_first", "kind_count"]).rename_columns(["code", "error", "rows"])
        return to_pandas(named.sort_by([("rows", "descending")]))

    @property
    def jobs(self) -> pd.DataFrame:
        """The ingest jobs, or calls, which have no Id and no counts: ``job``, ``state``, ``rows`` sent, ``processed``,
        ``failed``, and any ``problem``."""
        values = [(u.job, u.job_state or u.phase, u.rows, u.processed, u.failed, u.problem) for u in self._units]
        frame = pd.DataFrame(values, columns=["job", "state", "rows", "processed", "failed", "problem"])
        counts = dict.fromkeys(("rows", "processed", "failed"), "Int64")
        return frame.astype(dict.fromkeys(("job", "state", "problem"), "str") | counts)

    def retry_failed(self, codes: Collection[str] = PASSING_CODES) -> PushResult:
        """Send again the rows that surely were not written and may be now; the result of the push after that.

        These are the unprocessed rows, and those that failed with one of ``codes``: by default with one that passes,
        such as ``UNABLE_TO_LOCK_ROW``. Unaccounted rows are never sent again. Without such rows nothing is sent.

        Raises:
            PushUnderWay: somebody else takes the push further right now.
            SalesforceError: the push could not go on; `sfdata.resume` continues it.
        """
        return self._retry(self.id, codes)

    @property
    def before(self) -> pd.DataFrame:
        """What the org had in the records that were sent, before they were: ``Id`` and fields, on the frame's index.

        Of deleted records these are all fields, else those that were written.

        Raises:
            ConfigurationError: nothing was kept; a plan and ``keep_before=True`` keep it.
        """
        image = BeforeImage.load(self._folder)
        if image is None:
            raise ConfigurationError(f"nothing was kept with {self.id} of what was there before", hint=_KEEP)
        frame = to_pandas(pa.table({"Id": image.ids, **image.before}))
        index = pd.RangeIndex(len(self)) if self._index is None else self._index
        return frame.set_axis(index.take(image.rows))

    def undo(self, on_conflict: Whose = "theirs") -> Undone:
        """Bring back what was there before, by pushes of their own, and tell of each row what came of that.

        What was changed gets its old values and what was created is deleted; what was deleted stays so, since the API
        brings nothing back (Setup has a recycle bin). The old values are there where the push was made by a plan, or
        with ``keep_before=True``. Undoing again changes nothing, unless something was left.

        Args:
            on_conflict: what others have changed since is left alone (``"theirs"``) or undone with the rest
                (``"ours"``).

        Raises:
            ConfigurationError: the push has not come to its end, or nothing was kept; nothing was sent.
            SalesforceError: it could not go on; undo again.
        """
        if self._undo is None:
            raise ConfigurationError(f'this result knows no connection: sfdata.resume("{self.id}", org).undo() has one')
        return self._undo(self.id, on_conflict)

    def raise_for_errors(self) -> None:
        """Do nothing if every row succeeded, or had nothing to write.

        Raises:
            PushFailed: not every row did, with the counts and the most frequent errors.
        """
        if self.counts["succeeded"] + self.counts.get(SAME, 0) < len(self):
            raise PushFailed(self.id, self.counts, self._shown_errors())

    def __len__(self) -> int:
        """The number of rows."""
        return sum(self.counts.values())

    # --- shown -------------------------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        jobs, more = self._shown_jobs()
        counts = ", ".join(f"{count:,} {name}" for name, count in self.counts.items() if count)
        lines = [self._title, *filter(None, [counts])]
        lines += [f"{rows:,} × {': '.join(filter(None, why))}" for *why, rows in self._shown_errors()]
        lines += [f"jobs: {', '.join(jobs)}{more}"] if jobs else []
        return "\n    ".join(lines)

    def _repr_html_(self) -> str:
        jobs, more = self._shown_jobs()
        page = f"{self._org}/lightning/setup/AsyncApiJobStatus/page?address=%2F"
        links = [f'<a href="{escape(page + job)}" target="_blank">{escape(job)}</a>' for job in jobs]
        parts = [f"<p><b>{escape(self._title)}</b></p>{counts_table(self.counts)}"]
        if errors := self._shown_errors():
            rows = "".join(_ERROR.format(rows, escape(code), escape(error)) for code, error, rows in errors)
            parts.append(f"<table>{_ERROR_HEAD}{rows}</table>")
        parts += [f"<p>jobs: {', '.join(links)}{more}</p>"] if links else []
        return f"<div>{''.join(parts)}</div>"

    @property
    def _title(self) -> str:
        by = f" by {self.key}" if self.key else ""
        return f"{self.id}: {self.operation} {self.object}{by}, {len(self):,} {'row' if len(self) == 1 else 'rows'}"

    def _shown_errors(self) -> list[tuple[str, str, int]]:
        shown = self.errors.head(SHOWN_ERRORS)
        columns = (shown[name].tolist() for name in ("code", "error", "rows"))
        return [(plain(code), plain(error), rows) for code, error, rows in zip(*columns, strict=True)]

    def _shown_jobs(self) -> tuple[list[str], str]:
        jobs = [unit.job for unit in self._units if unit.job]
        return jobs[:SHOWN_JOBS], f" and {len(jobs) - SHOWN_JOBS} more" if len(jobs) > SHOWN_JOBS else ""


_ERROR_HEAD = (
    '<tr><th>rows</th><th style="text-align:left">code</th><th style="text-align:left">first message</th></tr>'
)
_ERROR = '<tr><td>{:,}</td><td style="text-align:left"><code>{}</code></td><td style="text-align:left">{}</td></tr>'


def counts_table(counts: Mapping[str, int]) -> str:
    """Counts as HTML, a column for each that is not zero."""
    counted = {name: count for name, count in counts.items() if count}
    heads = "".join(f"<th>{name}</th>" for name in counted)
    cells = "".join(f"<td>{count:,}</td>" for count in counted.values())
    return f"<table><tr>{heads}</tr><tr>{cells}</tr></table>" if counted else ""
