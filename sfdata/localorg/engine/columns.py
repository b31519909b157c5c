"""What ``query?columns=true`` says of a query's columns instead of running it.

The sf command line lays its tables out by this answer. It is not documented; the keys are those clients read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sfdata.localorg.engine.aggregates import Column, GroupPlan
from sfdata.localorg.engine.layout import Children, Choice, Record, Slot
from sfdata.localorg.engine.select import RowPlan
from sfdata.localorg.schema import NUMBER_TYPES, TEXT_TYPES, Field, SObject

APEX_TYPES: Mapping[str, str] = {
    "id": "Id",
    "reference": "Id",
    "boolean": "Boolean",
    "int": "Integer",
    "long": "Long",
    "double": "Double",
    "currency": "Double",
    "percent": "Double",
    "date": "Date",
    "datetime": "Datetime",
    "time": "Time",
    "base64": "Blob",
    "address": "Address",
    "location": "Location",
}


def row_columns(plan: RowPlan) -> dict[str, Any]:
    """The columns of a query for records."""
    columns = _members(plan.record)
    return _answer(plan.scope.sobject, columns, id_selected="Id" in plan.record.slots)


def group_columns(plan: GroupPlan, sobject: SObject, *, group_by: bool) -> dict[str, Any]:
    """The columns of a query for groups: functions are aggregates, shown with their names in lower case."""
    columns = [_group_column(column) for column in plan.columns]
    return _answer(sobject, columns, group_by=group_by)


def count_columns(sobject: SObject) -> dict[str, Any]:
    """The columns of ``SELECT COUNT() FROM …``: none."""
    return _answer(sobject, [])


def _answer(
    sobject: SObject, columns: list[dict[str, Any]], *, group_by: bool = False, id_selected: bool = False
) -> dict[str, Any]:
    return {
        "columnMetadata": columns,
        "entityName": sobject.name,
        "groupBy": group_by,
        "idSelected": id_selected,
        "keyPrefix": sobject.key_prefix,
    }


def _group_column(column: Column) -> dict[str, Any]:
    if column.field is not None:
        return _column(column.key, column.field, display=column.expression)
    function, parenthesis, arguments = column.expression.partition("(")
    shown = f"{function.lower()}{parenthesis}{arguments}" if parenthesis else function
    return {**_column(column.key, aggregate=True, display=shown), "numberType": column.type in NUMBER_TYPES}


def _members(record: Record) -> list[dict[str, Any]]:
    sobject = None if record.entity.polymorphic else record.entity.tables[0].sobject
    return [_member(key, slot, sobject) for key, slot in record.slots.items()]


def _member(key: str, slot: Slot, sobject: SObject | None) -> dict[str, Any]:
    match slot:
        case Children(_, plan):
            return _column(key, aggregate=True, members=_members(plan.record))
        case Record():
            return _column(key, members=_members(slot), foreign_key=_foreign_key(sobject, key))
        case Choice(_, branches, otherwise):
            chosen = [*branches.values(), *([otherwise] if otherwise else [])]
            members = {member["columnName"]: member for record in chosen for member in _members(record)}
            return _column(key, members=list(members.values()), foreign_key=_foreign_key(sobject, key))
        case _:
            return _column(key, sobject.field(key) if sobject else None)


def _foreign_key(sobject: SObject | None, relationship: str) -> str | None:
    reference = sobject.parent(relationship) if sobject else None
    return reference.name if reference else None


def _column(
    key: str,
    f: Field | None = None,
    *,
    aggregate: bool = False,
    display: str | None = None,
    members: list[dict[str, Any]] | None = None,
    foreign_key: str | None = None,
) -> dict[str, Any]:
    kind = f.type if f else ""
    return {
        "aggregate": aggregate,
        "apexType": APEX_TYPES.get(kind, "String") if f else None,
        "booleanType": kind == "boolean",
        "columnName": key,
        "custom": f.custom if f else False,
        "displayName": display or key,
        "foreignKeyName": foreign_key,
        "insertable": f.createable if f else False,
        "joinColumns": members or [],
        "numberType": kind in NUMBER_TYPES,
        "textType": kind in TEXT_TYPES,
        "updatable": f.updateable if f else False,
    }
