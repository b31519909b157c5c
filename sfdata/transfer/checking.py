"""Frames held against an org's describe before they are pushed: to be shown, refused, or sifted row by row.

What is checked stands in `sfdata.frames.check`. It takes the describes of the object and of parents named by a key, and
the list of objects for the beginnings of their Ids; all of them are kept, so a second check asks the org for nothing.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from sfdata.api.describe import DescribeCache
from sfdata.errors import PushRefused, RowsRepeated, RowsWillFail
from sfdata.frames.check import CLOSED_FIELD, REPEATED, Finding, Told, check, check_frame
from sfdata.frames.write_columns import NullPolicy, Operation
from sfdata.transfer.bounds import calls_up_to_the_user
from sfdata.transfer.draft import Draft, Positions, left_out
from sfdata.transfer.planning import Check, PushRequest, row_count, rows_at

_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Checking:
    """The checks of one connection."""

    describe: DescribeCache

    def frame(
        self, frame: Any, object_name: str, operation: Operation, key: str | None, nulls: NullPolicy
    ) -> pd.DataFrame:
        """Every problem that can be foreseen; see `sfdata.Org.check`."""
        findings = check(
            frame, object_name, self.describe.object, operation, key=key, nulls=nulls, prefixes=self._prefixes()
        )
        return check_frame(findings)

    def refuse(self, frame: Any, request: PushRequest) -> None:
        """Refuse a frame of which something is certain to fail.

        Raises:
            PushRefused: something is.
        """
        _refuse(self._findings(frame, request), "refuse")

    def admitted(self, source: Any, request: PushRequest) -> tuple[Any, Draft]:
        """The rows of a frame, or table, that ``request.check`` lets be sent, and what is told of the others.

        Raises:
            PushRefused: something is certain to fail, and it is to be refused, or has no form in which it could be
                sent. Where such rows are left out: it lies in whole columns, or in every row.

        Warns:
            RowsWillFail: rows are certain to fail, and are to be sent all the same.
            RowsRepeated: several rows write one record.
        """
        if not request.check:
            return source, Draft()
        draft = Draft()
        if request.check == "skip":
            source, draft, findings = self._sifted(source, request)
        else:
            findings = self._findings(source, request)
        _refuse(findings, request.check)
        if request.unchanged == "send":  # else they are refused
            _warn_of_repeated(findings, request)
        return source, draft

    def _sifted(self, source: Any, request: PushRequest) -> tuple[Any, Draft, list[Finding]]:
        """The rows that are not certain to fail by themselves, what is told of the others, and what is left to say."""
        wrong, sent, rest = dict[int, Finding](), np.arange(row_count(source)), source
        while True:  # where rows are left out, others come to stand together
            found: dict[int, Finding] = {}

            def tell(kind: Finding, rows: Positions, found: dict[int, Finding] = found) -> None:
                found.update((row, kind) for row in rows.tolist() if row not in found)

            findings = self._findings(rest, request, tell)
            if not found or len(found) == len(sent):
                return rest, _told(source, sent, wrong) if wrong else Draft(), findings
            wrong.update((int(sent[row]), kind) for row, kind in found.items())
            sent = np.delete(sent, list(found))
            rest = rows_at(source, sent)

    def _findings(self, frame: Any, request: PushRequest, tell: Told | None = None) -> list[Finding]:
        return check(
            frame,
            request.object_name,
            self.describe.object,
            request.operation,
            key=request.key,
            nulls=request.nulls,
            part_rows=request.part_rows,
            prefixes=self._prefixes(),
            tell=tell,
        )

    def _prefixes(self) -> Mapping[str, str]:
        objects = self.describe.global_()["sobjects"]
        return {one["name"]: one["keyPrefix"] for one in objects if one.get("keyPrefix")}


def _refuse(findings: Sequence[Finding], how: Check) -> None:
    certain = [finding for finding in findings if finding.severity == "certain"]
    sendable = all(finding.code for finding in certain)
    if certain and (how != "warn" or not sendable):
        raise PushRefused([finding.problem for finding in certain], hint=_next_step(certain, sendable))
    if certain:
        more = [f"and {len(certain) - _SHOWN} more problems"] if len(certain) > _SHOWN else []
        told = "\n".join([*(str(finding.problem) for finding in certain[:_SHOWN]), *more])
        warnings.warn(f"rows are certain to fail:\n{told}", RowsWillFail, stacklevel=calls_up_to_the_user())


def _warn_of_repeated(findings: Sequence[Finding], request: PushRequest) -> None:
    """Rows that write the same records, of which the org keeps whatever comes last."""
    repeated = [one for one in findings if one.severity == "likely" and one.code == REPEATED and one.hint]
    if repeated and request.operation in ("update", "upsert"):  # of a key: only that has the hint
        rows = sum(finding.rows for finding in repeated)
        told = f"{rows:,} rows write records that others of them write, too; which of these comes last, nobody knows"
        warnings.warn(f"{told}: {repeated[0].hint}", RowsRepeated, stacklevel=calls_up_to_the_user())


def _next_step(certain: Sequence[Finding], sendable: bool) -> str:
    steps = ["df.sf.check(…) lists every problem as a frame"]
    steps += [finding.hint.rstrip(".") for finding in certain if finding.hint and finding.column is None][:1]
    closed = [finding.column for finding in certain if finding.code == CLOSED_FIELD]
    if closed:
        steps.append(f"df.drop(columns={closed!r}) leaves out what cannot be written, and df.sf.diff(…) does so itself")
    if all(finding.in_rows for finding in certain):
        steps.append('check="skip" pushes the other rows' + (', check="warn" these too' if sendable else ""))
    return f"{'; '.join(steps)}."


def _told(source: Any, sent: Positions, wrong: Mapping[int, Finding]) -> Draft:
    """What is told of the rows that are ``wrong``, and that only some of the frame are ``sent``."""
    rows, text = row_count(source), pa.string()
    codes, errors = np.full(rows, None, object), np.full(rows, None, object)
    for row, kind in wrong.items():
        codes[row], errors[row] = kind.code, f"{kind.column}: {kind.words}" if kind.column else kind.words
    outcomes = left_out(pa.nulls(rows, text), np.zeros(rows, bool), pa.array(errors, text), pa.array(codes, text))
    return Draft(sent, outcomes, source.index if isinstance(source, pd.DataFrame) else pd.RangeIndex(rows))
