"""What a formula is evaluated for: a row about to be stored, the row it was, its parents, and who saves it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sfdata.localorg.engine.viewer import Viewer, viewer
from sfdata.localorg.store import Store

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Record:
    """``row`` has every stored field; ``before`` is the row as it was, None for a new one."""

    store: Store
    row: Row
    before: Row | None
    user_id: str
    now: dt.datetime

    @cached_property
    def viewer(self) -> Viewer:
        """The settings of the user who saves."""
        return viewer(self.store, self.user_id, self.now)

    @property
    def today(self) -> dt.date:
        """The day it is for the user."""
        return self.day_of(self.now)

    def day_of(self, moment: dt.datetime) -> dt.date:
        """The day of a moment for the user."""
        return moment.astimezone(self.viewer.zone).date()

    def row_of(self, record_id: str | None) -> Row | None:
        """The row of an Id, whichever object it belongs to; None for none."""
        if record_id is None:
            return None
        if record_id not in self._rows:
            sobject = self.store.schema.by_prefix(record_id)
            self._rows[record_id] = self.store.get(sobject, record_id) if sobject else None
        return self._rows[record_id]

    @cached_property
    def _rows(self) -> dict[str, Row | None]:
        return {}
