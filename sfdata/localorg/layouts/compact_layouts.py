"""Compact layouts: the few fields that stand for a record where there is little room.

The vendor's page:
https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_sobject_compactlayouts.htm
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sfdata.localorg.describe import record_type_infos
from sfdata.localorg.layouts.items import JSONObject, buttons, item_json, items
from sfdata.localorg.schema import SObject

MOST_FIELDS = 5
SYSTEM, SYSTEM_LABEL = "SYSTEM", "System Default"


def describe_compact_layouts(sobject: SObject, base: str, record_types: Iterable[Mapping[str, Any]]) -> JSONObject:
    """The answer of ``GET sobjects/X/describe/compactLayouts``: the system's own, for every record type."""
    path = f"{base}/sobjects/{sobject.name}/describe/compactLayouts"
    return {
        "compactLayouts": [describe_compact_layout(sobject)],
        "defaultCompactLayoutId": None,
        "recordTypeCompactLayoutMappings": [
            {
                "available": info["available"],
                "compactLayoutId": None,
                "compactLayoutName": SYSTEM,
                "recordTypeId": info["recordTypeId"],
                "recordTypeName": info["name"],
                "urls": {"compactLayout": f"{path}/{info['recordTypeId']}"},
            }
            for info in record_type_infos(sobject, base, record_types)
        ],
        "urls": {"primary": f"{path}/primary"},
    }


def describe_compact_layout(sobject: SObject) -> JSONObject:
    """The answer of ``GET sobjects/X/describe/compactLayouts/primary``: the name, and what comes first beside it."""
    plain = [item for item in items(sobject) if not item.is_address and not item.is_long]
    return {
        "actions": buttons(sobject),
        "fieldItems": [item_json(item) for item in plain[:MOST_FIELDS]],
        "id": None,
        "imageItems": [],
        "label": SYSTEM_LABEL,
        "name": SYSTEM,
        "objectType": sobject.name,
    }
