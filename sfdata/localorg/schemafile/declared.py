"""An org's schema with what its schema file declares: new objects, more fields on standard ones, rules."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sfdata.errors import ConfigurationError
from sfdata.localorg.ids import DIGITS
from sfdata.localorg.objects import fields as make
from sfdata.localorg.schema import Field, Schema, SObject
from sfdata.localorg.schemafile.fields import CUSTOM_NAME, custom_fields, number_pattern
from sfdata.localorg.schemafile.rules import with_rules
from sfdata.localorg.schemafile.table import Table

MOST_MASTERS = 2

OPEN_TO_ALL: Mapping[str, str] = {
    "attachment": "ParentId",
    "contentdocumentlink": "LinkedEntityId",
    "contentversion": "FirstPublishLocationId",
    "event": "WhatId",
    "note": "ParentId",
    "task": "WhatId",
}
"""Standard object (folded) and its field that refers to records of any custom object too."""

EXTENSION_KEYS = ("fields", "validation_rules", "duplicate_rules")
OBJECT_KEYS = ("label", "plural_label", "name_field", *EXTENSION_KEYS)
NAME_KEYS = ("label", "auto_number", "length")


def extend(schema: Schema, path: Path) -> Schema:
    """The schema with the objects and fields that the file declares; ``schema`` itself stays as it is.

    Raises ConfigurationError where the file cannot be read or declares what an org would not accept.
    """
    root = Table(path.name, (), _load(path))
    objects = {sobject.name.casefold(): sobject for sobject in schema}
    standard = len(objects)
    for name, table in root.tables():
        known = objects.get(name.casefold())
        if known and known.custom:
            raise table.wrong("the file declares this object twice")
        if not known:
            objects[name.casefold()] = _custom_object(name, table, _key_prefix(len(objects) - standard))
    declared = [sobject.name for sobject in list(objects.values())[standard:]]
    for key, field in OPEN_TO_ALL.items():
        objects[key] = _opened(objects[key], field, declared)
    names = {key: sobject.name for key, sobject in objects.items() if sobject.queryable}
    for name, table in root.tables():
        objects[name.casefold()] = _with_fields(objects[name.casefold()], table, names)
    extended = Schema(objects.values())
    _refuse_ambiguous_children(extended, root)
    for name, table in root.tables():
        objects[name.casefold()] = with_rules(extended, objects[name.casefold()], table)
    return Schema(objects.values())


def _load(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as problem:
        raise ConfigurationError(f"{path.name}: the schema file cannot be read: {problem.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path.name}: the schema file is not UTF-8") from None
    except tomllib.TOMLDecodeError as problem:
        raise ConfigurationError(f"{path.name}: not valid TOML: {problem}") from None


# --- objects ---------------------------------------------------------------------------------------------------------


def _custom_object(name: str, table: Table, key_prefix: str) -> SObject:
    if not CUSTOM_NAME.fullmatch(name):
        raise table.wrong("no standard object of this org, and a custom one is named in letters and digits with __c")
    table.allow(OBJECT_KEYS)
    label = table.text("label", name.removesuffix("__c").replace("_", " "))
    return make.sobject(
        name,
        label,
        table.text("plural_label", f"{label}s"),
        key_prefix,
        make.record_id("Record ID"),
        make.owner("Group", "User"),
        make.is_deleted(),
        _name_field(label, table.table("name_field")),
        make.system_fields(),
        make.last_viewed(),
        custom=True,
    )


def _opened(sobject: SObject, name: str, objects: Iterable[str]) -> SObject:
    """The object whose reference of that name leads to these objects besides."""
    fields = (
        replace(field, reference_to=tuple(sorted({*field.reference_to, *objects}))) if field.name == name else field
        for field in sobject.fields
    )
    return replace(sobject, fields=tuple(fields))


def _name_field(label: str, table: Table) -> Field:
    table.allow(NAME_KEYS)
    if "auto_number" not in table.values:
        length = table.whole("length", 80, 1, 80)
        name = make.name_text(table.text("label", f"{label} Name"), length, id_lookup=True)
        return replace(name, nillable=True, defaulted_on_create=True)
    if "length" in table.values:
        raise table.wrong("an auto number has no length")
    pattern = number_pattern(table, "auto_number")
    return make.auto_number("Name", table.text("label", f"{label} Number"), pattern, name_field=True)


def _with_fields(sobject: SObject, table: Table, names: Mapping[str, str]) -> SObject:
    """The object with its table's fields; ``names`` leads from the folded name of each object to its own."""
    if not sobject.custom:
        table.allow(EXTENSION_KEYS)
    fields = {field.name.casefold(): field for field in sobject.fields}
    for name, declared in table.table("fields").tables():
        for field in custom_fields(sobject, name, declared, names):
            if field.name.casefold() in fields:
                raise declared.wrong(f"{sobject.name} has a field of that name already")
            fields[field.name.casefold()] = field
    masters = [field.name for field in fields.values() if field.relationship_order is not None]
    if len(masters) > MOST_MASTERS:
        raise table.wrong(f"an object has {MOST_MASTERS} masters at most, not {len(masters)}")
    if masters:
        # Rows with a master belong to the master's owner.
        fields.pop("ownerid", None)
    for order, name in enumerate(masters):
        fields[name.casefold()] = replace(fields[name.casefold()], relationship_order=order)
    return replace(sobject, fields=tuple(fields.values()))


def _refuse_ambiguous_children(schema: Schema, root: Table) -> None:
    """Two relationships of one name under one parent would hide each other."""
    for parent in schema:
        seen: dict[str, str] = {}
        for child in schema.children(parent.name):
            if child.name is None:
                continue
            known = seen.setdefault(child.name.casefold(), f"{child.object}.{child.field}")
            if known != f"{child.object}.{child.field}":
                raise root.wrong(
                    f"{child.object}.{child.field}: {parent.name} knows the rows of {known} as {child.name}; "
                    "give another name with children = …"
                )


def _key_prefix(number: int) -> str:
    first, second = divmod(number, len(DIGITS))
    return f"a{DIGITS[first]}{DIGITS[second]}"
