"""Frames held against an org's describe before they are pushed: for the eye (`Checking.frame`), for a push (`refuse`).

What is checked stands in `sfdata.frames.check`. It takes the describes of the object and of parents named by a key, and
the list of objects for the beginnings of their Ids; all of them are kept, so a second check asks the org for nothing.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sfdata.api.describe import DescribeCache
from sfdata.errors import PushRefused, RowsWillFail
from sfdata.frames.check import check, check_frame
from sfdata.frames.write_columns import NullPolicy, Operation
from sfdata.transfer.planning import PushRequest

_SHOWN = 3
_HINT = 'df.sf.check(…) lists every problem as a frame; check="warn" pushes all the same.'


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
        """Do with what is certain to fail as ``request.check`` says.

        Raises:
            PushRefused: something is, and it is to be refused.

        Warns:
            RowsWillFail: something is, and is to be told.
        """
        if not request.check:
            return
        findings = check(
            frame,
            request.object_name,
            self.describe.object,
            request.operation,
            key=request.key,
            nulls=request.nulls,
            part_rows=request.part_rows,
            prefixes=self._prefixes(),
        )
        certain = [finding.problem for finding in findings if finding.severity == "certain"]
        if certain and request.check == "refuse":
            raise PushRefused(certain, hint=_HINT)
        if certain:
            more = [f"and {len(certain) - _SHOWN} more problems"] if len(certain) > _SHOWN else []
            told = "\n".join([*map(str, certain[:_SHOWN]), *more])
            warnings.warn(f"rows are certain to fail:\n{told}", RowsWillFail, stacklevel=2)

    def _prefixes(self) -> Mapping[str, str]:
        objects = self.describe.global_()["sobjects"]
        return {one["name"]: one["keyPrefix"] for one in objects if one.get("keyPrefix")}
