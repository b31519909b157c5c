"""Page layouts: the sections of a record's page, its related lists and its picklists, one layout for each object.

The vendor's page: https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_sobject_layouts.htm
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

from sfdata.localorg.describe import picklist_values, record_type_infos
from sfdata.localorg.ids import make_id
from sfdata.localorg.layouts.items import EMPTY, Item, JSONObject, buttons, item_json, items
from sfdata.localorg.schema import ChildRelationship, Schema, SObject

LAYOUT_PREFIX, SECTION_PREFIX = "00h", "01B"
MOST_SECTIONS = 4
AUDIT = ("CreatedById", "LastModifiedById")
ROWS_OF_RELATED_LIST = 5
MOST_COLUMNS = 4


def describe_layouts(
    schema: Schema, sobject: SObject, base: str, record_types: Sequence[Mapping[str, Any]]
) -> JSONObject:
    """The answer of ``GET sobjects/X/describe/layouts``: the layout, and who gets it by record type."""
    layout = describe_layout(schema, sobject)
    picklists = [
        {"picklistName": field.name, "picklistValues": picklist_values(field)}
        for field in sobject.fields
        if field.type in ("picklist", "multipicklist")
    ]
    mappings = [
        dict(sorted({**info, "layoutId": layout["id"], "picklistsForRecordType": picklists}.items()))
        for info in record_type_infos(sobject, base, record_types)
    ]
    choice = sum(bool(row["IsActive"]) for row in record_types) > 1
    return {"layouts": [layout], "recordTypeMappings": mappings, "recordTypeSelectorRequired": [choice]}


def describe_layout(schema: Schema, sobject: SObject) -> JSONObject:
    """The answer of ``GET sobjects/X/describe/layouts/RECORDTYPE``: the layout alone."""
    number = next(n for n, known in enumerate(schema) if known is sobject)
    layout_id = make_id(LAYOUT_PREFIX, number)
    edited = _sections(sobject, number)
    audit = [Item(field.label.removesuffix(" ID"), (field,), field) for field in map(sobject.field, AUDIT) if field]
    detailed = [*edited, *_section("System Information", audit, number, len(edited), columns=2)]
    return {
        "buttonLayoutSection": {"detailButtons": buttons(sobject)},
        "detailLayoutSections": detailed,
        "editLayoutSections": edited,
        "feedView": None,
        "highlightsPanelLayoutSection": None,
        "id": layout_id,
        "multirowEditLayoutSections": [],
        "offlineLinks": [],
        "quickActionList": {"quickActionListItems": []},
        "relatedContent": None,
        "relatedLists": _related_lists(schema, sobject),
        "saveOptions": [],
    }


def _sections(sobject: SObject, number: int) -> list[JSONObject]:
    """What is typed in: the object's own section, then addresses, then long texts."""
    parts: dict[str, list[Item]] = {f"{sobject.label} Information": [], "Address Information": [], "Description": []}
    own, addresses, long_texts = parts.values()
    for item in items(sobject):
        (addresses if item.is_address else long_texts if item.is_long else own).append(item)
    sections: list[JSONObject] = []
    for heading, held in parts.items():
        columns = 1 if held is long_texts else 2
        sections += _section(heading, held, number, len(sections), columns=columns)
    return sections


def _section(heading: str, held: Sequence[Item], number: int, place: int, *, columns: int) -> list[JSONObject]:
    """The section of these items; none without items."""
    if not held:
        return []
    order = count(1)
    cells = [item_json(item, order) for item in held]
    cells += [EMPTY] * (-len(cells) % columns)
    rows = [{"layoutItems": cells[n : n + columns], "numItems": columns} for n in range(0, len(cells), columns)]
    section = {
        "collapsed": False,
        "columns": columns,
        "heading": heading,
        "layoutRows": rows,
        "layoutSectionId": make_id(SECTION_PREFIX, number * MOST_SECTIONS + place),
        "parentLayoutId": make_id(LAYOUT_PREFIX, number),
        "rows": len(rows),
        "tabOrder": "LeftToRight",
        "useCollapsibleSection": place > 0,
        "useHeading": True,
    }
    return [section]


def _related_lists(schema: Schema, sobject: SObject) -> list[JSONObject]:
    """The lists of child records below a record, of the objects that have pages themselves."""
    related = sorted((child.name or "", child) for child in schema.children(sobject.name) if child.name)
    lists = [_related_list(schema, name, child) for name, child in related]
    return [found for found in lists if found is not None]


def _related_list(schema: Schema, name: str, child: ChildRelationship) -> JSONObject | None:
    kind = schema.object(child.object)
    if kind is None or not (kind.layoutable and kind.mru_enabled):
        return None
    shown = [item.whole for item in items(kind) if not item.whole.reference_to and not item.is_address]
    return {
        "accessLevelRequiredForCreate": None,
        "buttons": [],
        "columns": [
            {
                "field": f"{kind.name}.{field.name}",
                "fieldApiName": field.name,
                "format": field.type if field.type in ("date", "datetime") else None,
                "label": field.label,
                "lookupId": "Id" if field.name_field else None,
                "name": field.name,
            }
            for field in shown[:MOST_COLUMNS]
        ],
        "custom": kind.custom,
        "field": child.field,
        "label": kind.label_plural,
        "limitRows": ROWS_OF_RELATED_LIST,
        "name": name,
        "sobject": kind.name,
        "sort": [],
    }
