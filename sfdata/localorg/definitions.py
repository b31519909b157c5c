"""The org's objects and fields as rows that can be queried: EntityDefinition, FieldDefinition and their kin.

They stand in a small store of their own, filled from the schema when they are asked for the first time. Their Ids are
their durable Ids (``Account``, ``Account.Name``): a real org's Id of a definition is always the same and names nothing.
https://developer.salesforce.com/docs/atlas.en-us.api_tooling.meta/api_tooling/tooling_api_objects_entitydefinition.htm
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from itertools import count
from threading import Lock
from typing import Any

from sfdata.localorg.engine import QueryEngine
from sfdata.localorg.engine.reading import parsed
from sfdata.localorg.ids import id15, make_id
from sfdata.localorg.objects.tooling import DEFINITIONS, OBJECTS, SHARED
from sfdata.localorg.schema import COMPOUND_TYPES, NUMBER_TYPES, Field, Schema, SObject, ValidationRule
from sfdata.localorg.store import Store
from sfdata.localorg.tables import indexed

DATA_TYPES: Mapping[str, str] = {
    "address": "Address",
    "base64": "File",
    "boolean": "Checkbox",
    "combobox": "Picklist",
    "currency": "Currency({precision}, {scale})",
    "date": "Date",
    "datetime": "Date/Time",
    "double": "Number({precision}, {scale})",
    "email": "Email",
    "encryptedstring": "Text (Encrypted)({length})",
    "id": "Lookup()",
    "int": "Number({digits}, 0)",
    "location": "Geolocation",
    "long": "Number({digits}, 0)",
    "multipicklist": "Picklist (Multi-Select)",
    "percent": "Percent({precision}, {scale})",
    "phone": "Phone",
    "picklist": "Picklist",
    "string": "Text({length})",
    "textarea": "Text Area({length})",
    "time": "Time",
    "url": "URL({length})",
}
"""A field's type as people read it in Setup."""

LONG_TEXT = 255

_NAMES = frozenset(sobject.name.casefold() for sobject in DEFINITIONS)
_FROM_DEFINITION = re.compile(rf"\bFROM\s+({'|'.join(_NAMES)})\b", re.IGNORECASE)

Row = dict[str, Any]


class Definitions:
    """The definitions of one schema.

    ``schema`` is that of the Tooling API, ``data_schema`` that of the data API: the org's objects, and the definitions
    that can be queried as they can.
    """

    def __init__(self, described: Schema, clock: Callable[[], datetime]) -> None:
        self.schema = Schema([*OBJECTS, *(sobject for sobject in described if sobject.name in SHARED)])
        self.data_schema = Schema([*described, *DEFINITIONS])
        self._clock = clock
        self._lock = Lock()
        self._engine: QueryEngine | None = None

    @property
    def engine(self) -> QueryEngine:
        """Answers queries for definitions."""
        with self._lock:
            if self._engine is None:
                self._engine = QueryEngine(_filled(Store(self.schema), self.data_schema), clock=self._clock)
            return self._engine

    @property
    def store(self) -> Store:
        return self.engine.store

    def close(self) -> None:
        """Close the store, if there is one."""
        with self._lock:
            if self._engine is not None:
                self._engine.store.close()


def asks_for_definitions(soql: str) -> bool:
    """Whether a query reads one of the definitions that the data API knows too.

    Raises:
        ApiError: it looks so and does not parse.
    """
    return _FROM_DEFINITION.search(soql) is not None and parsed(soql).source.name.casefold() in _NAMES


def data_type(field: Field) -> str:
    """What kind of field this is, in the words of Setup: ``Text(80)``, ``Lookup(User)``."""
    if field.auto_number:
        return "Auto Number"
    if field.type == "reference":
        kind = "Lookup" if field.relationship_order is None else "Master-Detail"
        return f"{kind}({','.join(field.reference_to)})"
    if field.name == "Name" and field.extra_type_info == "personname":
        return "Name"
    if field.type == "textarea" and field.length > LONG_TEXT:
        return f"Long Text Area({field.length})"
    form = DATA_TYPES.get(field.type, field.type)
    return form.format(length=field.length, precision=field.precision, scale=field.scale, digits=field.digits)


def _filled(store: Store, described: Schema) -> Store:
    with store.transaction():
        for name, row in _rows(described):
            sobject = store.schema.object(name)
            assert sobject is not None, name
            store.insert(sobject, row)
    return store


def _rows(described: Schema) -> Iterator[tuple[str, Row]]:
    """Every definition, with the name of the object it is a row of."""
    field_ids = (make_id("00N", number) for number in count(1))
    rule_ids = (make_id("03d", number) for number in count(1))
    for number, sobject in enumerate(described, 1):
        object_id = make_id("01I", number)
        entity = id15(object_id) if sobject.custom else sobject.name
        yield "EntityDefinition", _entity(sobject, entity)
        if sobject.custom:
            yield "CustomObject", {"Id": object_id, "DeveloperName": _developer_name(sobject.name)}
        custom = {field.name: next(field_ids) for field in sobject.fields if field.custom}
        durable = {f.name: f"{entity}.{id15(custom[f.name]) if f.custom else f.name}" for f in sobject.fields}
        for field in sobject.fields:
            yield from _field_rows(field, entity, durable)
        for name, field_id in custom.items():
            row = {"Id": field_id, "DeveloperName": _developer_name(name), "TableEnumOrId": entity}
            yield "CustomField", {**row, "EntityDefinitionId": entity}
        for rule in sobject.validation_rules:
            yield "ValidationRule", {"Id": next(rule_ids), **_rule(rule), "EntityDefinitionId": entity}


def _field_rows(field: Field, entity: str, durable: Mapping[str, str]) -> Iterator[tuple[str, Row]]:
    """A field, unless it is a part of another one; its particle; the values of a picklist."""
    own = durable[field.name]
    shape = _shape(field, entity, own)
    if field.compound in (None, field.name):
        yield "FieldDefinition", {**shape, "DataType": data_type(field)}
    yield "EntityParticle", {**shape, **_particle(field), "FieldDefinitionId": durable[field.compound or field.name]}
    for number, value in enumerate(field.picklist):
        facts = {"Value": value.value, "Label": value.label, "IsActive": value.active, "IsDefaultValue": value.default}
        key = f"{own}.{number}"
        yield "PicklistValueInfo", {"Id": key, "DurableId": key, "EntityParticleId": own, **facts}


def _named(name: str, label: str, durable: str) -> Row:
    names = {"QualifiedApiName": name, "DeveloperName": _developer_name(name)}
    return {"Id": durable, "DurableId": durable, **names, "MasterLabel": label, "Label": label}


def _developer_name(name: str) -> str:
    return name.removesuffix("__c").removesuffix("__s")


def _entity(sobject: SObject, durable: str) -> Row:
    row: Row = {
        **_named(sobject.name, sobject.label, durable),
        "PluralLabel": sobject.label_plural,
        "KeyPrefix": sobject.key_prefix,
        "PublisherId": "<local>" if sobject.custom else "System",
        "InternalSharingModel": "ReadWrite",
        "ExternalSharingModel": "Private",
        "IsIdEnabled": True,
    }
    for names, flag in (
        ("ApexTriggerable Triggerable", sobject.triggerable),
        ("CompactLayoutable Layoutable SearchLayoutable WorkflowEnabled", sobject.layoutable),
        ("Customizable", sobject.custom or sobject.layoutable),
        ("EverCreatable", sobject.createable),
        ("EverUpdatable", sobject.updateable),
        ("EverDeletable", sobject.deletable),
        ("FeedEnabled", sobject.feed_enabled),
        ("Queryable", sobject.queryable),
        ("Replicateable", sobject.replicateable),
        ("Retrieveable", sobject.retrieveable),
        ("Searchable", sobject.searchable),
    ):
        row |= {f"Is{name}": flag for name in names.split()}
    return row


def _shape(field: Field, entity: str, durable: str) -> Row:
    numeric = field.type in NUMBER_TYPES
    return {
        **_named(field.name, field.label, durable),
        "EntityDefinitionId": entity,
        "DataType": field.type,
        "ValueTypeId": field.type,
        "ExtraTypeInfo": field.extra_type_info,
        "Length": field.length,
        "Precision": field.precision if numeric else 0,
        "Scale": field.scale if numeric else 0,
        "RelationshipName": field.relationship_name,
        "IsApiFilterable": field.filterable,
        "IsApiGroupable": field.groupable,
        "IsApiSortable": field.sortable,
        "IsCalculated": field.calculated,
        "IsCompound": field.type in COMPOUND_TYPES,
        "IsHtmlFormatted": field.html_formatted,
        "IsIndexed": indexed(field),
        "IsNameField": field.name_field,
        "IsNillable": field.nillable,
        "IsPolymorphicForeignKey": len(field.reference_to) > 1,
    }


def _rule(rule: ValidationRule) -> Row:
    return {
        "ValidationName": rule.name,
        "Active": rule.active,
        "Description": rule.description,
        "ErrorMessage": rule.error_message,
        "ErrorDisplayField": rule.error_display_field,
    }


def _particle(field: Field) -> Row:
    return {
        "Digits": field.digits,
        "IsAutonumberField": field.auto_number is not None,
        "IsCaseSensitive": field.case_sensitive,
        "IsComponent": field.compound not in (None, field.name),
        "IsCreateable": field.createable,
        "IsDefaultedOnCreate": field.defaulted_on_create,
        "IsIdLookup": field.id_lookup,
        "IsNamePointing": field.name_pointing,
        "IsUnique": field.unique,
        "IsUpdatable": field.updateable,
    }
