"""The values of stage and status fields as records: in which order they stand and what each of them means.

Reference: https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_casestatus.htm
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from sfdata.localorg.objects.fields import (
    Attributes,
    checkbox,
    created,
    integer,
    last_modified,
    percent,
    picklist,
    read_only,
    record_id,
    sobject,
    text,
)
from sfdata.localorg.objects.stages import (
    CASE_STATUSES,
    CLOSED_CASE_STATUSES,
    CLOSED_TASK_STATUSES,
    CONTRACT_STATUS_CODES,
    FORECAST_CATEGORIES,
    HIGH_TASK_PRIORITIES,
    LEAD_STATUSES,
    ORDER_STATUS_CODES,
    STAGES,
    TASK_PRIORITIES,
    TASK_STATUSES,
)
from sfdata.localorg.schema import Field, SObject

#: All objects of this kind share it.
KEY_PREFIX = "01J"
SETUP: Attributes = {
    "createable": False, "updateable": False, "deletable": False, "undeletable": False, "searchable": False,
    "layoutable": False, "mru_enabled": False, "triggerable": False,
}  # fmt: skip
CONVERTED = frozenset({"Closed - Converted"})


def _values(name: str, label: str, *meaning: Field) -> SObject:
    """An object whose records are the values of a picklist."""
    own = (
        text("MasterLabel", "Master Label", name_field=True),
        text("ApiName", "API Name", nillable=False),
        integer("SortOrder", "Sort Order"),
        *meaning,
    )
    audit = (*reversed(created()), *reversed(last_modified()[:2]), *last_modified()[2:])
    fields = (record_id(f"{label} ID"), *map(read_only, own), *audit)
    return sobject(name, label, label, KEY_PREFIX, fields, **SETUP)


def _statuses(name: str, label: str, meaning: Field) -> SObject:
    return _values(name, label, checkbox("IsDefault", "Default"), meaning)


OPPORTUNITY_STAGE = _values(
    "OpportunityStage", "Opportunity Stage",
    checkbox("IsActive", "Active"),
    checkbox("IsClosed", "Closed"),
    checkbox("IsWon", "Won"),
    picklist("ForecastCategory", "Forecast Category", FORECAST_CATEGORIES, restricted=True, length=40, nillable=False),
    picklist("ForecastCategoryName", "Forecast Category Name", FORECAST_CATEGORIES.values(), nillable=False),
    percent("DefaultProbability", "Probability (%)"),
    text("Description", "Description"),
)  # fmt: skip
CASE_STATUS = _statuses("CaseStatus", "Case Status Value", checkbox("IsClosed", "Closed"))
TASK_STATUS = _statuses("TaskStatus", "Task Status Value", checkbox("IsClosed", "Closed"))
TASK_PRIORITY = _statuses("TaskPriority", "Task Priority Value", checkbox("IsHighPriority", "High Priority"))
LEAD_STATUS = _statuses("LeadStatus", "Lead Status Value", checkbox("IsConverted", "Converted"))
CONTRACT_STATUS = _statuses(
    "ContractStatus", "Contract Status Value",
    picklist("StatusCode", "Status Category", CONTRACT_STATUS_CODES.values(), length=40),
)  # fmt: skip
ORDER_STATUS = _statuses(
    "OrderStatus", "Order Status Value", picklist("StatusCode", "Status Category", ORDER_STATUS_CODES, length=40)
)

OBJECTS = (OPPORTUNITY_STAGE, CASE_STATUS, TASK_STATUS, TASK_PRIORITY, LEAD_STATUS, CONTRACT_STATUS, ORDER_STATUS)


def _records(
    names: Iterable[str], default: str, key: str, meaning: Mapping[str, str] | Collection[str]
) -> tuple[Attributes, ...]:
    """The records of these values; ``meaning`` has what ``key`` is for each, or those for which it is true."""
    return tuple(
        {
            "MasterLabel": name,
            "ApiName": name,
            "SortOrder": order,
            "IsDefault": int(name == default),
            key: meaning[name] if isinstance(meaning, Mapping) else int(name in meaning),
        }
        for order, name in enumerate(names, 1)
    )


#: The records of each object, as every org has them from its first day.
RECORDS: Mapping[str, tuple[Attributes, ...]] = {
    "OpportunityStage": tuple(
        {
            "MasterLabel": stage.name,
            "ApiName": stage.name,
            "SortOrder": order,
            "IsActive": 1,
            "IsClosed": int(stage.is_closed),
            "IsWon": int(stage.is_won),
            "ForecastCategory": stage.forecast_category,
            "ForecastCategoryName": stage.forecast_category_name,
            "DefaultProbability": float(stage.probability),
        }
        for order, stage in enumerate(STAGES, 1)
    ),
    "CaseStatus": _records(CASE_STATUSES, "New", "IsClosed", CLOSED_CASE_STATUSES),
    "TaskStatus": _records(TASK_STATUSES, "Not Started", "IsClosed", CLOSED_TASK_STATUSES),
    "TaskPriority": _records(TASK_PRIORITIES, "Normal", "IsHighPriority", HIGH_TASK_PRIORITIES),
    "LeadStatus": _records(LEAD_STATUSES, "Open - Not Contacted", "IsConverted", CONVERTED),
    "ContractStatus": _records(CONTRACT_STATUS_CODES, "Draft", "StatusCode", CONTRACT_STATUS_CODES),
    "OrderStatus": _records(ORDER_STATUS_CODES, "Draft", "StatusCode", ORDER_STATUS_CODES),
}
