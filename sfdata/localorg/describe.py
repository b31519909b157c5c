"""The describe answers of the local org, rendered from its schema.

The keys and their values follow the describe resources of the REST API:
https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_sobject_describe.htm
``base`` is the path of an API version everywhere, ``/services/data/v66.0``. Keys stand in alphabetical order, as a real
org's do. Nothing is kept between calls: rendering an object takes about a millisecond.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sfdata.localorg.schema import (
    COMPOUND_TYPES,
    MASTER_RECORD_TYPE,
    TEXT_TYPES,
    ChildRelationship,
    Field,
    Schema,
    SObject,
)

JSONObject = dict[str, Any]

MAX_BATCH_SIZE = 200
BYTES_PER_CHARACTER = 3

SOAP_TYPES: Mapping[str, str] = {
    "id": "tns:ID",
    "reference": "tns:ID",
    "boolean": "xsd:boolean",
    "int": "xsd:int",
    "long": "xsd:long",
    "double": "xsd:double",
    "currency": "xsd:double",
    "percent": "xsd:double",
    "date": "xsd:date",
    "datetime": "xsd:dateTime",
    "time": "xsd:time",
    "base64": "xsd:base64Binary",
    "address": "urn:address",
    "location": "urn:location",
}
"""The type of a value in SOAP; every type of text is ``xsd:string``."""

UNUSED_FIELD_KEYS: JSONObject = {
    "aiPredictionField": False,
    "calculatedFormula": None,
    "controllerName": None,
    "defaultValueFormula": None,
    "dependentPicklist": False,
    "deprecatedAndHidden": False,
    "displayLocationInDecimal": False,
    "encrypted": False,
    "filteredLookupInfo": None,
    "formulaTreatNullNumberAsZero": False,
    "highScaleNumber": False,
    "inlineHelpText": None,
    "mask": None,
    "maskType": None,
    "referenceTargetField": None,
    "writeRequiresMasterRead": False,
}
"""Keys of a field for what no field of this org has: formulas, encryption, dependent picklists, lookup filters."""

UNUSED_ENTRY_KEYS: JSONObject = {
    "activateable": False,
    "associateEntityType": None,
    "associateParentEntity": None,
    "customSetting": False,
    "deprecatedAndHidden": False,
    "hasSubtypes": False,
    "isInterface": False,
    "isSubtype": False,
}
UNUSED_OBJECT_KEYS: JSONObject = {
    "actionOverrides": [],
    "defaultImplementation": None,
    "extendedBy": None,
    "extendsInterfaces": None,
    "implementedBy": None,
    "implementsInterfaces": None,
    "listviewable": None,
    "lookupLayoutable": None,
    "namedLayoutInfos": [],
    "networkScopeFieldName": None,
    "sobjectDescribeOption": "FULL",
}

UNTOLD_LOOKUPS = frozenset({"MasterRecordId"})
"""Lookups that the parent's childRelationships pass over."""
INTERNAL_LOOKUPS = frozenset({"MasterRecordId", "RecordTypeId"})
TEAM_OBJECTS = frozenset({"Account", "Contact", "Event", "Lead", "Opportunity", "Task"})
DELEGATED_OBJECTS = frozenset({"Event", "Task"})
SCOPING_RULE_OBJECTS = frozenset({"Account", "Case", "Contact", "Event", "Lead", "Opportunity", "Task"})
UNLISTED = frozenset({"Event", "Task", "User"})
"""Objects that are used like others and yet have no list views."""
MORE_URLS: Mapping[str, Mapping[str, str]] = {
    "Case": {"caseArticleSuggestions": "suggestedArticles", "caseRowArticleSuggestions": "{ID}/suggestedArticles"},
    "User": {"namedLayouts": "describe/namedLayouts/{LayoutName}", "passwordUtilities": "{ID}/password"},
}
"""Resources that only one object has, below its path."""


def describe_global(schema: Schema, base: str) -> JSONObject:
    """The answer of ``GET sobjects``: an entry per object, by name."""
    entries = [_entry(sobject, base) for sobject in sorted(schema, key=lambda sobject: sobject.name)]
    return {"encoding": "UTF-8", "maxBatchSize": MAX_BATCH_SIZE, "sobjects": entries}


def basic_info(schema: Schema, sobject: SObject, base: str, recent: Iterable[Mapping[str, Any]] = ()) -> JSONObject:
    """The answer of ``GET sobjects/X``: the object's entry, and the rows viewed last in the form they are given.

    Raises LookupError for an object of another org.
    """
    if schema.object(sobject.name) is not sobject:
        raise LookupError(f"{sobject.name} is no object of this org")
    return {"objectDescribe": _entry(sobject, base), "recentItems": list(recent)}


def describe_object(
    schema: Schema,
    sobject: SObject,
    base: str,
    *,
    record_types: Iterable[Mapping[str, Any]] = (),
    instance_url: str = "",
) -> JSONObject:
    """The answer of ``GET sobjects/X/describe``.

    ``record_types`` are the object's rows of RecordType (Id, Name, DeveloperName, IsActive); ``instance_url`` leads the
    addresses of the pages in which a person would open a record.
    """
    answer = _entry(sobject, base) | UNUSED_OBJECT_KEYS
    answer["urls"] = answer["urls"] | _page_urls(sobject, instance_url)
    answer["compactLayoutable"] = sobject.layoutable
    answer["searchLayoutable"] = sobject.layoutable and sobject.searchable
    answer["fields"] = [describe_field(field) for field in sobject.fields]
    answer["childRelationships"] = _child_relationships(schema, sobject)
    answer["recordTypeInfos"] = record_type_infos(sobject, base, record_types)
    answer["supportedScopes"] = _supported_scopes(sobject)
    return _ordered(answer)


def _ordered(answer: JSONObject) -> JSONObject:
    return dict(sorted(answer.items()))


def _entry(sobject: SObject, base: str) -> JSONObject:
    """What the list of all objects says of one."""
    entry = {
        "createable": sobject.createable,
        "custom": sobject.custom,
        "deepCloneable": sobject.deep_cloneable,
        "deletable": sobject.deletable,
        "feedEnabled": sobject.feed_enabled,
        "keyPrefix": sobject.key_prefix,
        "label": sobject.label,
        "labelPlural": sobject.label_plural,
        "layoutable": sobject.layoutable,
        "mergeable": sobject.mergeable,
        "mruEnabled": sobject.mru_enabled,
        "name": sobject.name,
        "queryable": sobject.queryable,
        "replicateable": sobject.replicateable,
        "retrieveable": sobject.retrieveable,
        "searchable": sobject.searchable,
        "triggerable": sobject.triggerable,
        "undeletable": sobject.undeletable,
        "updateable": sobject.updateable,
        "urls": _urls(sobject, base),
    }
    return _ordered(UNUSED_ENTRY_KEYS | entry)


def _urls(sobject: SObject, base: str) -> dict[str, str]:
    path = f"{base}/sobjects/{sobject.name}"
    urls = {"sobject": path, "describe": f"{path}/describe", "rowTemplate": f"{path}/{{ID}}"}
    if sobject.layoutable:
        urls |= {
            "compactLayouts": f"{path}/describe/compactLayouts",
            "layouts": f"{path}/describe/layouts",
            "quickActions": f"{path}/quickActions",
        }
    if sobject.layoutable and sobject.mru_enabled and sobject.name not in UNLISTED:
        urls |= {"approvalLayouts": f"{path}/describe/approvalLayouts", "listviews": f"{path}/listviews"}
    return urls | {name: f"{path}/{below}" for name, below in MORE_URLS.get(sobject.name, {}).items()}


def _page_urls(sobject: SObject, instance_url: str) -> dict[str, str]:
    if not sobject.layoutable:
        return {}
    return {
        "uiDetailTemplate": f"{instance_url}/{{ID}}",
        "uiEditTemplate": f"{instance_url}/{{ID}}/e",
        "uiNewRecord": f"{instance_url}/{sobject.key_prefix}/e",
    }


def describe_field(field: Field) -> JSONObject:
    """One of the ``fields``."""
    properties = {
        "aggregatable": field.aggregatable,
        "autoNumber": field.auto_number is not None,
        "byteLength": _byte_length(field),
        "calculated": field.calculated,
        # Only custom relationships say here what the parent's childRelationships say of all.
        "cascadeDelete": field.custom and field.cascade_delete,
        "caseSensitive": field.case_sensitive,
        "compoundFieldName": field.compound,
        "createable": field.createable,
        "custom": field.custom,
        "defaultValue": field.default_value,
        "defaultedOnCreate": field.defaulted_on_create,
        "digits": field.digits,
        "externalId": field.external_id,
        "extraTypeInfo": field.extra_type_info,
        "filterable": field.filterable,
        "groupable": field.groupable,
        "htmlFormatted": field.html_formatted,
        "idLookup": field.id_lookup,
        "label": field.label,
        "length": field.length,
        "name": field.name,
        "nameField": field.name_field,
        "namePointing": field.name_pointing,
        "nillable": field.nillable,
        "permissionable": _permissionable(field),
        "picklistValues": picklist_values(field),
        "polymorphicForeignKey": len(field.reference_to) > 1,
        "precision": field.precision,
        "queryByDistance": field.type in COMPOUND_TYPES,
        "referenceTo": list(field.reference_to),
        "relationshipName": field.relationship_name,
        "relationshipOrder": field.relationship_order,
        "restrictedDelete": field.custom and field.restricted_delete,
        "restrictedPicklist": field.restricted_picklist,
        "scale": field.scale,
        "searchPrefilterable": _search_prefilterable(field),
        "soapType": SOAP_TYPES.get(field.type, "xsd:string"),
        "sortable": field.sortable,
        "type": field.type,
        "unique": field.unique,
        "updateable": field.updateable,
    }
    return _ordered(UNUSED_FIELD_KEYS | properties)


def _byte_length(field: Field) -> int:
    if field.type in TEXT_TYPES and field.type != "multipicklist":
        return field.length * BYTES_PER_CHARACTER
    return field.length


def _permissionable(field: Field) -> bool:
    """Whether field-level security can hide it: not what every row needs to be a row at all."""
    if field.permissionable is not None:
        return field.permissionable
    if field.type in COMPOUND_TYPES:
        return True
    if not (field.createable and field.updateable) or field.compound == "Name" or field.name_field:
        return False
    if field.name in INTERNAL_LOOKUPS:
        return False
    return field.nillable or field.type == "boolean"


def _search_prefilterable(field: Field) -> bool:
    return (
        field.nillable and bool(field.reference_to and field.relationship_name) and field.name not in INTERNAL_LOOKUPS
    )


def picklist_values(field: Field) -> list[JSONObject]:
    """The values a picklist offers; of other fields none."""
    return [
        {
            "active": value.active,
            "defaultValue": value.default,
            "label": value.label,
            "validFor": None,
            "value": value.value,
        }
        for value in field.picklist
    ]


def _child_relationships(schema: Schema, sobject: SObject) -> list[JSONObject]:
    def by_child(child: ChildRelationship) -> tuple[str, str]:
        return child.object, child.field

    return [
        {
            "cascadeDelete": child.cascade_delete,
            "childSObject": child.object,
            "deprecatedAndHidden": False,
            "field": child.field,
            "junctionIdListNames": [],
            "junctionReferenceTo": [],
            "relationshipName": child.name,
            "restrictedDelete": child.restricted_delete,
        }
        for child in sorted(schema.children(sobject.name), key=by_child)
        if child.field not in UNTOLD_LOOKUPS
    ]


def record_type_infos(sobject: SObject, base: str, record_types: Iterable[Mapping[str, Any]]) -> list[JSONObject]:
    """The record types and, last, the master that rows without one have. It is the default for new rows.

    What people do not list on a page of its own, such as an opportunity's contact roles, has no record types at all.
    """
    if not sobject.mru_enabled:
        return []
    master = {"Id": MASTER_RECORD_TYPE, "Name": "Master", "DeveloperName": "Master", "IsActive": True}
    return [
        {
            "active": bool(row["IsActive"]),
            "available": bool(row["IsActive"]),
            "defaultRecordTypeMapping": row is master,
            "developerName": row["DeveloperName"],
            "master": row is master,
            "name": row["Name"],
            "recordTypeId": row["Id"],
            "urls": {"layout": f"{base}/sobjects/{sobject.name}/describe/layouts/{row['Id']}"},
        }
        for row in [*record_types, master]
    ]


def _supported_scopes(sobject: SObject) -> list[dict[str, str]]:
    """What ``USING SCOPE`` accepts, by name."""
    owner = sobject.field("OwnerId")
    plural = sobject.label_plural.lower()
    scopes = {"everything": f"All {plural}"}
    if sobject.custom or sobject.name in SCOPING_RULE_OBJECTS:
        scopes["scopingRule"] = "Filter by scope"
    if owner is not None:
        scopes["mine"] = f"My {plural}"
        if sobject.name in DELEGATED_OBJECTS:
            scopes["delegated"] = f"My delegated {plural}"
        if sobject.name in TEAM_OBJECTS:
            scopes["team"] = f"My team's {plural}"
        if "Group" in owner.reference_to:
            scopes["queue_owned"] = f"Queue owned {plural}"
            scopes["user_owned"] = f"User owned {plural}"
    return [{"label": scopes[name], "name": name} for name in sorted(scopes)]
