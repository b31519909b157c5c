"""Records of a query as JSON and as XML: those of REST, but for times, and for what no bulk query gives.

    JSON   times in milliseconds since 1970     "CreatedDate": 1546659665000
    XML    the partner form of SOAP             <records xsi:type="sObject"><type>Account</type><Id>001…</Id> …

https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/asynch_api_using_bulk_query.htm
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from sfdata.localorg.bulk.extract import blob_field, compound_data
from sfdata.localorg.bulk_v1.documents import JSON, NAMESPACE, XML
from sfdata.localorg.engine.layout import Blob, Children, Choice, Compound, Record, Slot, Value
from sfdata.localorg.engine.select import RowPlan
from sfdata.localorg.engine.sql import compose
from sfdata.localorg.xml_forms import DECLARATION, INSTANCE, xml_text

TIMES: Mapping[str, str] = {
    JSON: "CAST(strftime('%s', substr({}, 1, 19)) AS INTEGER) * 1000",
    XML: "substr({}, 1, 23) || 'Z'",
}
"""How SQLite writes a datetime in each form."""

HEADS: Mapping[str, bytes] = {
    JSON: b"[",
    XML: f'{DECLARATION}<queryResult xmlns="{NAMESPACE}" xmlns:xsi="{INSTANCE}">'.encode(),
}
BETWEEN: Mapping[str, bytes] = {JSON: b",", XML: b""}
TAILS: Mapping[str, bytes] = {JSON: b"]", XML: b"</queryResult>"}

_encoder = msgspec.json.Encoder()


def told_plan(plan: RowPlan, form: str, *, dropping: bool) -> RowPlan:
    """A plan whose records have times as this form has them.

    Addresses, locations and files are left out, or refused unless ``dropping``.

    Raises:
        ApiError: what must be left out is named.
    """
    return replace(plan, record=_told_record(plan.record, form, dropping))


def _told_record(record: Record, form: str, dropping: bool) -> Record:
    slots = {name: _told_slot(slot, form, dropping) for name, slot in record.slots.items()}
    return replace(record, slots={name: slot for name, slot in slots.items() if slot is not None})


def _told_slot(slot: Slot, form: str, dropping: bool) -> Slot | None:
    match slot:
        case Value(sql, "datetime"):
            return Value(compose(TIMES[form], sql))
        case Record():
            return _told_record(slot, form, dropping)
        case Children(parent, plan):
            return Children(parent, told_plan(plan, form, dropping=dropping))
        case Choice(entity, branches, otherwise):
            told = {name: _told_record(branch, form, dropping) for name, branch in branches.items()}
            return Choice(entity, told, _told_record(otherwise, form, dropping) if otherwise else None)
        case Compound() | Blob() if dropping:
            return None
        case Compound():
            raise compound_data()
        case Blob():
            raise blob_field("Bulk Query")
    return slot


def encoded(record: object, form: str) -> bytes:
    """A record of the engine in a form."""
    if form == JSON:
        return _encoder.encode(record)
    return _sobject("records", msgspec.to_builtins(record)).encode(errors="replace")


def _sobject(name: str, record: Mapping[str, Any]) -> str:
    inner = "".join(_member(key, value) for key, value in record.items() if key != "attributes")
    # The Id stands in front in any case, and again where it is selected.
    head = f"<type>{record['attributes']['type']}</type>{_member('Id', record.get('Id'))}"
    return f'<{name} xsi:type="sObject">{head}{inner}</{name}>'


def _member(name: str, value: Any) -> str:
    if value is None:
        return f'<{name} xsi:nil="true"/>'
    if not isinstance(value, Mapping):
        return f"<{name}>{xml_text(value)}</{name}>"
    if "totalSize" not in value:
        return _sobject(name, value)
    children = "".join(_sobject("records", child) for child in value["records"])
    locator = _member("queryLocator", value.get("nextRecordsUrl", "").rpartition("/")[2] or None)
    done, size = _member("done", value["done"]), _member("size", value["totalSize"])
    return f'<{name} xsi:type="QueryResult">{done}{locator}{children}{size}</{name}>'
