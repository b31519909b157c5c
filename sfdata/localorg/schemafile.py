"""Custom objects and fields of a local org and its validation rules, declared in a TOML file.

    [Invoice__c]                                  # a new object; key prefixes a00, a01 … in the file's order
    label = "Invoice"                             # and plural_label, where an s does not make it
    name_field = { label = "Invoice Number", auto_number = "INV-{0000}" }

    [Invoice__c.fields]
    Amount__c  = { type = "currency", precision = 16, scale = 2, required = true }
    Account__c = { type = "master-detail", to = "Account", children = "Invoices" }
    Status__c  = { type = "picklist", values = ["Open", "Paid"], default = "Open", restricted = true }

    [Account.fields]                              # more fields on a standard object
    Region__c  = { type = "text", length = 40, external_id = true, unique = true }

    [Opportunity.validation_rules.Won_Has_Amount]  # a save is refused while the formula is true
    error_condition_formula = 'AND(ISPICKVAL(StageName, "Closed Won"), ISBLANK(Amount))'
    error_message = "A deal that is won has an amount."
    error_display_field = "Amount"                 # left out: at the top of the page

`FIELD_TYPES` lists the types and the keys each understands besides ``type`` and ``label``. A lookup or master-detail
``Account__c`` is walked as ``Account__r``, and from the parent as ``Invoices__r``. A rule may also have ``description``
and ``active = false``; its formula is Salesforce's own (see `formulas`), so rules can be pasted. Every mistake is one
`ConfigurationError` that names file, object and field or rule. A durable org keeps its key prefixes only if new objects
are added at the end of the file.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from sfdata.errors import ConfigurationError
from sfdata.localorg.formulas import InvalidFormula, condition
from sfdata.localorg.ids import DIGITS
from sfdata.localorg.objects import fields as make
from sfdata.localorg.schema import NUMBER_TYPES, Field, Schema, SObject, ValidationRule

CUSTOM_NAME = re.compile(r"(?!.*__.*__c)[A-Za-z][A-Za-z0-9_]{0,39}(?<!_)__c")
RELATIONSHIP_NAME = re.compile(r"(?!.*__)[A-Za-z][A-Za-z0-9_]{0,39}(?<!_)")
AUTO_NUMBER = re.compile(r"[^{}]*\{0+\}[^{}]*")

MOST_DIGITS = 18
MOST_MASTERS = 2
LONGEST_VALUE = 255

LONGEST_RULE_NAME = 40
RULE_NAME = re.compile(r"(?!.*__)[A-Za-z][A-Za-z0-9_]*(?<!_)")

OPEN_TO_ALL: Mapping[str, str] = {
    "attachment": "ParentId",
    "contentdocumentlink": "LinkedEntityId",
    "contentversion": "FirstPublishLocationId",
    "event": "WhatId",
    "note": "ParentId",
    "task": "WhatId",
}
"""Standard object (folded) and its field that refers to records of any custom object too."""

EXTENSION_KEYS = ("fields", "validation_rules")
OBJECT_KEYS = ("label", "plural_label", "name_field", *EXTENSION_KEYS)
RULE_KEYS = ("error_condition_formula", "error_message", "error_display_field", "active", "description")
NAME_KEYS = ("label", "auto_number", "length")


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the file, read key by key; ``path`` leads to it."""

    file: str
    path: tuple[str, ...]
    values: Mapping[str, Any]

    def wrong(self, problem: str) -> ConfigurationError:
        return ConfigurationError(": ".join(part for part in (self.file, ".".join(self.path), problem) if part))

    def allow(self, keys: Iterable[str]) -> None:
        """Refuse any other key, and say which one it could have meant."""
        known = tuple(keys)
        for key in self.values:
            if key not in known:
                raise self.wrong(f"unknown key {key!r}{_nearest(key, known)}")

    def text(self, key: str, default: str | None = None) -> str:
        value = self.values.get(key, default)
        if not isinstance(value, str) or not value.strip():
            raise self.wrong(f"{key} must be a text and not empty")
        return value

    def optional_text(self, key: str) -> str | None:
        return self.text(key) if key in self.values else None

    def flag(self, key: str, default: bool = False) -> bool:
        value = self.values.get(key, default)
        if not isinstance(value, bool):
            raise self.wrong(f"{key} must be true or false")
        return value

    def whole(self, key: str, default: int, lowest: int, highest: int) -> int:
        value = self.values.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
            raise self.wrong(f"{key} must be a whole number from {lowest} to {highest}")
        return value

    def table(self, key: str) -> Table:
        """The table under ``key``; an empty one where there is none."""
        value = self.values.get(key, {})
        if not isinstance(value, Mapping):
            raise self.wrong(f"{key} must be a table")
        return Table(self.file, (*self.path, key), value)

    def tables(self) -> Iterator[tuple[str, Table]]:
        """Every key with the table under it."""
        for key in self.values:
            yield key, self.table(key)


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
        objects[name.casefold()] = _with_rules(extended, objects[name.casefold()], table.table("validation_rules"))
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
    pattern = _number_pattern(table, "auto_number")
    return make.auto_number("Name", table.text("label", f"{label} Number"), pattern, name_field=True)


def _with_fields(sobject: SObject, table: Table, names: Mapping[str, str]) -> SObject:
    """The object with its table's fields; ``names`` leads from the folded name of each object to its own."""
    if not sobject.custom:
        table.allow(EXTENSION_KEYS)
    fields = {field.name.casefold(): field for field in sobject.fields}
    for name, declared in table.table("fields").tables():
        for field in _custom_fields(sobject, name, declared, names):
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


# --- validation rules ------------------------------------------------------------------------------------------------


def _with_rules(schema: Schema, sobject: SObject, declared: Table) -> SObject:
    """The object with the rules declared for it, each of which is in order; ``schema`` has all objects and fields."""
    rules = {name.casefold(): _rule(schema, sobject, name, table) for name, table in declared.tables()}
    if len(rules) < len(declared.values):
        raise declared.wrong("two rules are called the same but for case")
    return replace(sobject, validation_rules=tuple(rules.values()))


def _rule(schema: Schema, sobject: SObject, name: str, table: Table) -> ValidationRule:
    if not RULE_NAME.fullmatch(name) or len(name) > LONGEST_RULE_NAME:
        raise table.wrong(f"a rule is named in up to {LONGEST_RULE_NAME} letters, digits and single underscores")
    table.allow(RULE_KEYS)
    message, shown_at = table.text("error_message"), table.optional_text("error_display_field")
    if len(message) > LONGEST_VALUE:
        raise table.wrong(f"error_message must have {LONGEST_VALUE} characters at most, not {len(message)}")
    field = sobject.field(shown_at) if shown_at else None
    if shown_at and field is None:
        near = _nearest(shown_at, [f.name for f in sobject.fields])
        raise table.wrong(f"error_display_field names no field of {sobject.name}: {shown_at!r}{near}")
    formula = table.text("error_condition_formula")
    try:
        condition(formula, schema, sobject)
    except InvalidFormula as problem:
        raise table.wrong(f"error_condition_formula: {problem}") from None
    return ValidationRule(
        name,
        formula,
        message,
        field.name if field else None,
        active=table.flag("active", default=True),
        description=table.optional_text("description"),
    )


# --- fields ----------------------------------------------------------------------------------------------------------


def _custom_fields(sobject: SObject, name: str, table: Table, names: Mapping[str, str]) -> tuple[Field, ...]:
    """The field of that table; several for a location, whose parts are fields too."""
    if not CUSTOM_NAME.fullmatch(name):
        raise table.wrong("a custom field is named in letters, digits and single underscores, and ends in __c")
    kind = table.text("type", "")
    if kind not in FIELD_TYPES:
        raise table.wrong(f"unknown type {kind!r}{_nearest(kind, FIELD_TYPES)}")
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
        raise table.wrong(f"to names no object of this org: {wanted!r}{_nearest(wanted, names.values())}")
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
    return make.auto_number(name, label, _number_pattern(table, "format"))


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


def _number_pattern(table: Table, key: str) -> str:
    pattern = table.text(key)
    if not AUTO_NUMBER.fullmatch(pattern):
        raise table.wrong(f"{key} must hold one place for the number, as in INV-{{0000}}")
    return pattern


def _nearest(word: str, known: Iterable[str]) -> str:
    near = get_close_matches(word, list(known), 1)
    return f"; did you mean {near[0]!r}?" if near else ""


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
