"""A row on its way into the store, as the rules see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sfdata.localorg.schema import SObject
from sfdata.localorg.store import Store


@dataclass(frozen=True, slots=True)
class Draft:
    """``row`` has every stored field and is the rules' to change; ``before`` is the row as it was, None for a new one.

    ``given`` names the fields of the request. References are checked already: each leads to a row that exists.
    """

    store: Store
    sobject: SObject
    row: dict[str, Any]
    before: Mapping[str, Any] | None
    given: frozenset[str]
    now: datetime

    def changed(self, *names: str) -> bool:
        """Whether the row is new or one of these fields differs from what it was."""
        return self.before is None or any(self.row[name] != self.before[name] for name in names)

    def parent(self, reference: str) -> Mapping[str, Any] | None:
        """The row that the field ``reference`` leads to; None where it is null."""
        return row_of(self.store, self.row[reference])


def row_of(store: Store, record_id: str | None) -> Mapping[str, Any] | None:
    """The row of this Id, whichever object it belongs to."""
    sobject = store.schema.by_prefix(record_id) if record_id else None
    return store.get(sobject, record_id) if sobject and record_id else None


def object_named(store: Store, name: str) -> SObject:
    """The object of that name, which the schema must have."""
    sobject = store.schema.object(name)
    if sobject is None:
        raise LookupError(f"The schema has no object {name}")
    return sobject
