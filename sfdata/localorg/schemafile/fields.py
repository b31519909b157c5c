"""Custom fields as the schema file declares them: `FIELD_TYPES` lists the types and the keys each understands."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from sfdata.localorg.objects import fields as make
from sfdata.localorg.schema import NUMBER_TYPES, Field, SObject
from sfdata.localorg.schemafile.table import Table, nearest

CUSTOM_NAME = re.compile(r"(?!.*__.*__c)[A-Za-z][A-Za-z0-9_]{0,39}(?<!_)__c")
RELATIONSHIP_NAME = re.compile(r"(?!.*__)[A-Za-z][A-Za-z0-9_]{0,39}(?<!_)")
AUTO_NUMBER = re.compile(r"[^{}]*\{0+\}[^{}]*")

MOST_DIGITS = 18
LONGEST_VALUE = 255


def custom_fields(sobject: SObject, name: str, table: Table, names: Mapping[str, str]) -> tuple[Field, ...]:
    """The field of that table; several for a location, whose parts are fields too."""
    if not CUSTOM_NAME.fullmatch(name):
        raise table.wrong("a custom field is named in letters, digits and single underscores, and ends in __c")
    kind = table.text("type", "")
    if kind not in FIELD_TYPES:
        raise table.wrong(f"unknown type {kind!r}{nearest(kind, FIELD_TYPES)}")
    table.allow(("type", "label", *FIELD_TYPES[kind].keys))
    label = table.text("label", name.removesuffix("__c").replace("_", " "))
    field = FIELD_TYPES[kind].build(name, label, table)
    if not isinstance(field, Field):
        return field
    if field.type == "reference":
        field = _related(sobject, field, table, names)
    return (_with_default(_constrained(field, table), table),)


def _constrained(field: Field, table: Table) -> Field:
    """The field as required, unique and known to other systems as its table says."""
    unique, external_id, case_sensitive = (table.flag(key) for key in KEY)
    if case_sensitive and not unique:
        raise table.wrong("case_sensitive tells unique values apart, so it needs unique = true")
    return replace(
        field,
        nillable=field.nillable and not table.flag("required"),
        unique=unique,
        external_id=external_id,
        case_sensitive=case_sensitive,
        id_lookup=unique or external_id,
    )


def _with_default(field: Field, table: Table) -> Field:
    if "default" not in table.values:
        return field
    value = table.values["default"]
    if field.type == "boolean":
        fits, wanted = isinstance(value, bool), "true or false"
    elif field.type in NUMBER_TYPES:
        fits, wanted = isinstance(value, int | float) and not isinstance(value, bool), "a number"
    elif field.picklist:
        fits, wanted = value in [choice.value for choice in field.picklist], "one of the values"
    else:
        fits, wanted = isinstance(value, str) and len(value) <= field.length, f"a text up to {field.length} characters"
    if not fits:
        raise table.wrong(f"default must be {wanted}")
    choices = tuple(replace(choice, default=choice.value == value) for choice in field.picklist)
    return replace(field, default_value=value, defaulted_on_create=True, picklist=choices)


def _related(sobject: SObject, field: Field, table: Table, names: Mapping[str, str]) -> Field:
    """A relationship under its parent's own name, known to the parent as ``children`` or as the object's plural."""
    wanted = table.text("to")
    if wanted.casefold() not in names:
        raise table.wrong(f"to names no object of this org: {wanted!r}{nearest(wanted, names.values())}")
    children = table.text("children", re.sub(r"\W+", "_", sobject.label_plural, flags=re.ASCII).strip("_"))
    children = children.removesuffix("__r")
    if not RELATIONSHIP_NAME.fullmatch(children):
        raise table.wrong(f"children is no name of a relationship: {children!r}")
    return replace(field, reference_to=(names[wanted.casefold()],), child_relationship=f"{children}__r")


def _text(name: str, label: str, table: Table) -> Field:
    return make.text(name, label, table.whole("length", LONGEST_VALUE, 1, LONGEST_VALUE))


def _long_text(name: str, label: str, table: Table) -> Field:
    return make.long_text(name, label, table.whole("length", 32_768, 256, 131_072))


def _auto_number(name: str, label: str, table: Table) -> Field:
    return make.auto_number(name, label, number_pattern(table, "format"))


def _number(constructor: Callable[..., Field], scale: int) -> Callable[[str, str, Table], Field]:
    def build(name: str, label: str, table: Table) -> Field:
        precision = table.whole("precision", MOST_DIGITS, 1, MOST_DIGITS)
        return constructor(name, label, precision, table.whole("scale", min(scale, precision), 0, precision))

    return build


def _picklist(constructor: Callable[..., Field]) -> Callable[[str, str, Table], Field]:
    def build(name: str, label: str, table: Table) -> Field:
        return constructor(name, label, _choices(table), restricted=table.flag("restricted"))

    return build


def _choices(table: Table) -> dict[str, str]:
    """The values of a picklist with their labels: from a list of values, or a table from value to label."""
    given = table.values.get("values")
    values = list(given) if isinstance(given, list | dict) else []
    labels = list(given.values()) if isinstance(given, dict) else values
    if not values or not all(isinstance(text, str) and 0 < len(text) <= LONGEST_VALUE for text in (*values, *labels)):
        raise table.wrong("values must be a list of texts, or a table of values with their labels")
    if len({value.casefold() for value in values}) < len(values) or any(";" in value for value in values):
        raise table.wrong("values must differ from each other and hold no semicolon")
    return dict(zip(values, labels, strict=True))


def _location(name: str, label: str, table: Table) -> tuple[Field, ...]:
    return make.location(name, label, table.whole("scale", 6, 0, 15))


def _lookup(name: str, label: str, table: Table) -> Field:
    return make.reference(name, label, restricted_delete=table.flag("required"))


def _master_detail(name: str, label: str, table: Table) -> Field:
    return make.reference(name, label, nillable=False, updateable=False, cascade_delete=True, relationship_order=0)


def number_pattern(table: Table, key: str) -> str:
    pattern = table.text(key)
    if not AUTO_NUMBER.fullmatch(pattern):
        raise table.wrong(f"{key} must hold one place for the number, as in INV-{{0000}}")
    return pattern


@dataclass(frozen=True, slots=True)
class FieldType:
    """How a type of the file becomes a field, and the keys it understands."""

    build: Callable[[str, str, Table], Field | tuple[Field, ...]]
    keys: tuple[str, ...] = ()


KEY = ("unique", "external_id", "case_sensitive")
NUMBER = ("precision", "scale", "required", "default")
CHOICE = ("values", "restricted", "required", "default")

FIELD_TYPES: Mapping[str, FieldType] = {
    "text": FieldType(_text, ("length", "required", "default", *KEY)),
    "textarea": FieldType(lambda name, label, _: make.textarea(name, label), ("required", "default")),
    "longtext": FieldType(_long_text, ("length",)),
    "email": FieldType(lambda name, label, _: make.email(name, label), ("required", "default", *KEY)),
    "phone": FieldType(lambda name, label, _: make.phone(name, label), ("required", "default")),
    "url": FieldType(lambda name, label, _: make.url(name, label), ("required", "default")),
    "checkbox": FieldType(lambda name, label, _: make.checkbox(name, label), ("default",)),
    "number": FieldType(_number(make.number, 0), (*NUMBER, "unique", "external_id")),
    "currency": FieldType(_number(make.currency, 2), NUMBER),
    "percent": FieldType(_number(make.percent, 2), NUMBER),
    "date": FieldType(lambda name, label, _: make.date(name, label), ("required",)),
    "datetime": FieldType(lambda name, label, _: make.datetime(name, label), ("required",)),
    "time": FieldType(lambda name, label, _: make.time(name, label), ("required",)),
    "picklist": FieldType(_picklist(make.picklist), CHOICE),
    "multipicklist": FieldType(_picklist(make.multipicklist), CHOICE),
    "location": FieldType(_location, ("scale",)),
    "lookup": FieldType(_lookup, ("to", "children", "required")),
    "master-detail": FieldType(_master_detail, ("to", "children")),
    "autonumber": FieldType(_auto_number, ("format", "external_id")),
}
