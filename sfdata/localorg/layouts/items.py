"""The items of a layout: which fields a person sees, under which label, the parts of a compound field as one.

The keys are those of the describe resources for layouts:
https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_calls_describelayout_describelayoutresult.htm
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

from sfdata.localorg.describe import describe_field
from sfdata.localorg.schema import Field, SObject

JSONObject = dict[str, Any]

NAME_PARTS = ("Salutation", "FirstName", "LastName")
ADDRESS_PARTS = ("Street", "City", "State", "PostalCode", "Country")
LONG_TEXT = 255
EMPTY: JSONObject = {
    "editableForNew": False,
    "editableForUpdate": False,
    "label": "",
    "layoutComponents": [],
    "placeholder": True,
    "required": False,
}
"""What stands where a row has no second item."""

NOTHING = ("behavior", "content", "contentSource", "encoding", "height", "url", "width", "windowPosition")
NOT_SO = ("custom", "menubar", "overridden", "resizeable", "scrollbars", "showsLocation", "showsStatus", "toolbar")
UNUSED_BUTTON_KEYS: JSONObject = {
    **dict.fromkeys(NOTHING), **dict.fromkeys(NOT_SO, False), "colors": [], "icons": [],
}  # fmt: skip
"""Keys of a button for what only buttons of one's own have."""

BUTTONS: tuple[tuple[str, Callable[[SObject], bool]], ...] = (
    ("Edit", lambda sobject: sobject.updateable),
    ("Delete", lambda sobject: sobject.deletable),
    ("Clone", lambda sobject: sobject.createable),
)
"""The buttons above a record, each where the object can do what it says."""


@dataclass(frozen=True, slots=True)
class Item:
    """A field as a person sees it, with the ``fields`` that hold its value: one, or the parts of a compound field."""

    label: str
    fields: tuple[Field, ...]
    whole: Field

    @property
    def is_address(self) -> bool:
        return self.whole.type == "address"

    @property
    def is_long(self) -> bool:
        return self.whole.type == "textarea" and self.whole.length > LONG_TEXT


def items(sobject: SObject) -> list[Item]:
    """Everything of a record that a person may fill or that the org works out for people: the name, then the others."""
    found = [item for field in sobject.fields if (item := _item(sobject, field)) is not None]
    return sorted(found, key=lambda item: not item.whole.name_field)


def item_json(item: Item, tab_order: Iterator[int] | None = None) -> JSONObject:
    """An item in the form of a layout; ``tab_order`` numbers its components."""
    numbers = tab_order or count(1)
    return {
        "editableForNew": any(field.createable for field in item.fields),
        "editableForUpdate": any(field.updateable for field in item.fields),
        "label": item.label,
        "layoutComponents": [_component(field, next(numbers)) for field in item.fields],
        "placeholder": False,
        "required": any(field.required for field in item.fields),
    }


def buttons(sobject: SObject) -> list[JSONObject]:
    """The buttons above a record."""
    return [
        dict(sorted({**UNUSED_BUTTON_KEYS, "label": name, "name": name}.items()))
        for name, possible in BUTTONS
        if possible(sobject)
    ]


def _item(sobject: SObject, field: Field) -> Item | None:
    """A field as an item; None for a part of another one, and for what people do not see."""
    if field.compound not in (None, field.name):
        return None
    parts = [part for part in sobject.fields if part.compound == field.name and part is not field]
    held = _as_read(field, parts) if parts else [field]
    filled = tuple(part for part in held if _is_filled(part))
    if not (filled or field.name_field or field.calculated):
        return None
    return Item(_label(field), filled or (field,), field)


def _as_read(whole: Field, parts: list[Field]) -> list[Field]:
    """The parts of a compound field in the order people read them, without those that nobody reads."""
    endings = {"address": ADDRESS_PARTS, "string": NAME_PARTS}.get(whole.type)
    if endings is None:
        return parts
    return [part for ending in endings for part in parts if part.name.endswith(ending)]


def _is_filled(field: Field) -> bool:
    """Whether a person gives the value, or a custom field tells people something."""
    written = field.createable or field.updateable or (field.custom and field.auto_number is not None)
    return written and field.type not in ("id", "base64")


def _label(field: Field) -> str:
    """A lookup shows the record, not its Id."""
    return field.label.removesuffix(" ID") if field.reference_to else field.label


def _component(field: Field, number: int) -> JSONObject:
    lines = 2 if field.type == "textarea" else 1
    return {
        "details": describe_field(field),
        "displayLines": lines,
        "tabOrder": number,
        "type": "Field",
        "value": field.name,
    }
