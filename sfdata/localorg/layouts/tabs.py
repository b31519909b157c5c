"""Tabs, and the theme: which objects a person finds in the app, and the pictures that stand for them.

The pages and pictures that the addresses lead to are those of an app, which this org has not.
https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_tabs.htm
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sfdata.localorg.describe import UNLISTED
from sfdata.localorg.layouts.items import JSONObject
from sfdata.localorg.schema import SObject

THEME = "theme4"
SIZES = (60, 120)
WITHOUT_TAB = UNLISTED | {"ContentVersion", "OrderItem"}
"""What people open, but from elsewhere: on the page of another record, in a calendar, in Setup."""


def describe_tabs(schema: Iterable[SObject], instance_url: str) -> list[JSONObject]:
    """The answer of ``GET tabs``: a tab for each object that people look through."""
    return [
        {
            "colors": [],
            "custom": sobject.custom,
            "iconUrl": _icon(sobject, instance_url, SIZES[-1]),
            "icons": _icons(sobject, instance_url),
            "label": sobject.label_plural,
            "miniIconUrl": _icon(sobject, instance_url, SIZES[0]),
            "name": sobject.name if sobject.custom else f"standard-{sobject.name}",
            "sobjectName": sobject.name,
            "url": f"{instance_url}/{sobject.key_prefix}/o",
        }
        for sobject in _listed(schema)
    ]


def describe_theme(schema: Iterable[SObject], instance_url: str) -> JSONObject:
    """The answer of ``GET theme``: the pictures of the objects that have tabs."""
    return {
        "themeItems": [
            {"colors": [], "icons": _icons(sobject, instance_url), "name": sobject.name} for sobject in _listed(schema)
        ]
    }


def _listed(schema: Iterable[SObject]) -> Iterator[SObject]:
    return (o for o in schema if o.layoutable and o.mru_enabled and o.name not in WITHOUT_TAB)


def _icons(sobject: SObject, instance_url: str) -> list[JSONObject]:
    return [
        {
            "contentType": "image/png",
            "height": size,
            "theme": THEME,
            "url": _icon(sobject, instance_url, size),
            "width": size,
        }
        for size in SIZES
    ]


def _icon(sobject: SObject, instance_url: str, size: int) -> str:
    family, name = ("custom", "custom1") if sobject.custom else ("standard", sobject.name.lower())
    return f"{instance_url}/img/icon/t4v35/{family}/{name}_{size}.png"
