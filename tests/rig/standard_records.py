"""Records of the standard objects without an org around them: the schema, and a clock that stands still."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sfdata.localorg.objects import standard_schema
from sfdata.localorg.schema import SObject

SCHEMA = standard_schema()


def standard(name: str) -> SObject:
    """A standard object that must be there."""
    found = SCHEMA.object(name)
    assert found is not None, name
    return found


@dataclass
class Clock:
    """A clock that stands still until it is told to go on."""

    now: datetime = datetime(2026, 11, 21, 9, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now
