"""A stored row as the JSON of a REST answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sfdata.localorg.schema import Field, SObject

ADDRESS_KEYS = ("city", "country", "geocodeAccuracy", "latitude", "longitude", "postalCode", "state", "street")


def record_json(sobject: SObject, row: Mapping[str, Any], fields: Iterable[Field], base: str) -> dict[str, Any]:
    """``row`` with its ``attributes`` and the given fields; ``base`` is the path of the API version."""
    url = record_url(sobject, row["Id"], base)
    answer: dict[str, Any] = {"attributes": {"type": sobject.name, "url": url}}
    for field in fields:
        answer[field.name] = _value(sobject, row, field, url)
    return answer


def record_url(sobject: SObject, record_id: str, base: str) -> str:
    """The path of a row's resource."""
    return f"{base}/sobjects/{sobject.name}/{record_id}"


def _value(sobject: SObject, row: Mapping[str, Any], field: Field, url: str) -> Any:
    if field.type == "address":
        return _compound(row, field.name.removesuffix("Address"), ADDRESS_KEYS)
    if field.type == "location":
        return _compound(row, field.name.removesuffix("c"), ("latitude", "longitude"), suffix="__s")
    value = row[field.name]
    if value is None:
        return None
    if field.type == "boolean":
        return bool(value)
    return f"{url}/{field.name}" if field.type == "base64" else value


def _compound(row: Mapping[str, Any], prefix: str, keys: Iterable[str], suffix: str = "") -> dict[str, Any] | None:
    """The parts of a compound field under their keys; null where every part is."""
    parts = {key: row.get(f"{prefix}{key[0].upper()}{key[1:]}{suffix}") for key in keys}
    return parts if any(value is not None for value in parts.values()) else None
