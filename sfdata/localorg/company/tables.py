"""Rows as columns: what every object's rows carry, the parts of an address, and the way into the store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any

from sfdata.localorg.company.draws import Dice
from sfdata.localorg.company.places import City
from sfdata.localorg.company.timeline import Timeline, later
from sfdata.localorg.schema import Field, SObject
from sfdata.localorg.store import Store

Columns = Mapping[str, Iterable[Any]]
"""The values of each field, all of one length; a constant may be endless, ``Id`` never is."""


def load(store: Store, name: str, columns: Columns) -> int:
    """Put rows into the store and return how many.

    Fields that are not given are null, booleans false, unless the schema has another default for them.
    """
    sobject = store.schema.object(name)
    if sobject is None:
        raise LookupError(f"The schema has no object {name}")
    complete = {**_defaults(sobject, columns), **columns}
    return store.bulk_load(sobject, tuple(complete), zip(*complete.values(), strict=False))


def row(**values: Any) -> dict[str, Iterable[Any]]:
    """One row as columns."""
    return {name: (value,) for name, value in values.items()}


def new_ids(store: Store, name: str, count: int) -> list[str]:
    """``count`` new record Ids of the object called ``name``."""
    sobject = store.schema.object(name)
    if sobject is None:
        raise LookupError(f"The schema has no object {name}")
    return store.new_ids(sobject, count)


def _defaults(sobject: SObject, columns: Columns) -> dict[str, Iterable[Any]]:
    return {f.name: repeat(f.default_value) for f in sobject.fields if f.name not in columns and _has_default(f)}


def _has_default(f: Field) -> bool:
    return f.stored and not f.nillable and f.default_value is not None and f.default_value is not False


def fixed_audit(user_id: str, moment: str) -> dict[str, Iterable[Any]]:
    """The system fields of rows that one user made at one moment and nobody changed since."""
    return {
        "CreatedDate": repeat(moment), "CreatedById": repeat(user_id),
        "LastModifiedDate": repeat(moment), "LastModifiedById": repeat(user_id), "SystemModstamp": repeat(moment),
    }  # fmt: skip


def audit(
    timeline: Timeline, dice: Dice, days: Sequence[int], users: Sequence[str], *,
    not_before: Sequence[str] | None = None, changed: Sequence[int] | None = None,
) -> dict[str, list[Any]]:  # fmt: skip
    """The system fields of rows made on ``days`` by ``users`` and changed later, or else on the days ``changed``.

    ``not_before`` holds the moments at which what the rows belong to was made.
    """
    created = timeline.moments(days, dice)
    if not_before is not None:
        created = list(map(max, created, not_before))
    modified = timeline.moments(changed if changed is not None else later(days, dice, haste=1.5), dice)
    modified = list(map(max, modified, created))
    return {
        "CreatedDate": created, "CreatedById": list(users),
        "LastModifiedDate": modified, "LastModifiedById": list(users), "SystemModstamp": modified,
    }  # fmt: skip


def address(prefix: str, cities: Sequence[City | None], streets: Sequence[str | None]) -> dict[str, list[Any]]:
    """The parts of addresses in some cities; all of them null where there is no city."""
    return {
        f"{prefix}Street": [street if city else None for city, street in zip(cities, streets, strict=True)],
        f"{prefix}City": [city and city.name for city in cities],
        f"{prefix}State": [city and city.state for city in cities],
        f"{prefix}PostalCode": [city and city.postal_code for city in cities],
        f"{prefix}Country": [city and city.country for city in cities],
        f"{prefix}Latitude": [city and city.latitude for city in cities],
        f"{prefix}Longitude": [city and city.longitude for city in cities],
        f"{prefix}GeocodeAccuracy": [city and "City" for city in cities],
    }
