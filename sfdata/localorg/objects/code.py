"""What developers put into an org: classes, triggers, pages, components, static resources, and logs.

An org without code has none of them; they are declared so that clients which list them get the answer of such an org.
https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/sforce_api_objects_apexclass.htm
"""

from __future__ import annotations

from sfdata.localorg.objects.fields import (
    Attributes,
    blob,
    checkbox,
    datetime,
    integer,
    last_modified,
    long_text,
    name_text,
    number,
    picklist,
    record_id,
    reference,
    sobject,
    system_fields,
    text,
)
from sfdata.localorg.schema import Field, SObject

FIXED: Attributes = {"restricted": True, "nillable": False, "length": 40}
READ_ONLY: Attributes = {
    "createable": False, "updateable": False, "deletable": False, "undeletable": False, "layoutable": False,
    "replicateable": False, "searchable": False, "triggerable": False, "mru_enabled": False,
}  # fmt: skip
"""An object that only reading is for: nothing here compiles what one would write."""

TRIGGER_EVENTS = ("BeforeInsert", "AfterInsert", "BeforeUpdate", "AfterUpdate", "BeforeDelete", "AfterDelete")
CONTROLLERS = {"0": "Not Specified", "1": "Standard", "2": "StandardSet", "3": "Custom"}


def read_only_object(name: str, label: str, key_prefix: str | None, *fields: Field | tuple[Field, ...]) -> SObject:
    """An object of this kind, its Id before the other fields."""
    return sobject(name, label, f"{label}s", key_prefix, record_id(f"{label} ID"), *fields, **READ_ONLY)


def class_fields(*before_version: Field) -> tuple[Field, ...]:
    """The fields of everything written in Apex; a trigger has some more in the middle."""
    return (
        text("NamespacePrefix", "Namespace Prefix", 15),
        name_text("Name"),
        *before_version,
        number("ApiVersion", "Api Version", 18, 1, nillable=False),
        picklist("Status", "Status", ("Inactive", "Active", "Deleted"), **FIXED),
        checkbox("IsValid", "Is Valid"),
        number("BodyCrc", "Body CRC"),
        long_text("Body", "Body", 1_000_000),
        integer("LengthWithoutComments", "Size Without Comments", nillable=False),
        *system_fields(),
    )


def trigger_fields() -> tuple[Field, ...]:
    """Those of a trigger: the object it belongs to and the events it runs at."""
    return class_fields(
        text("TableEnumOrId", "Custom Object Definition ID", 40),
        *(checkbox(f"Usage{event}", event) for event in TRIGGER_EVENTS),
        checkbox("UsageIsBulk", "IsBulk"),
        checkbox("UsageAfterUndelete", "AfterUndelete"),
    )


def _markup(*flags: Field) -> tuple[Field, ...]:
    """The fields of what is written in Visualforce."""
    return (
        text("NamespacePrefix", "Namespace Prefix", 15),
        name_text("Name", 80),
        number("ApiVersion", "Api Version", 18, 1, nillable=False),
        text("MasterLabel", "Label", 80, nillable=False),
        text("Description", "Description"),
        picklist("ControllerType", "Controller Type", CONTROLLERS, **FIXED),
        text("ControllerKey", "Controller Key"),
        *flags,
        long_text("Markup", "Markup", 1_048_576),
        *system_fields(),
    )


APEX_CLASS = read_only_object("ApexClass", "Apex Class", "01p", class_fields())
APEX_TRIGGER = read_only_object("ApexTrigger", "Apex Trigger", "01q", trigger_fields())
APEX_PAGE = read_only_object(
    "ApexPage", "Visualforce Page", "066",
    _markup(
        checkbox("IsAvailableInTouch", "Available in the Mobile App"),
        checkbox("IsConfirmationTokenRequired", "Require CSRF protection on GET requests"),
    ),
)  # fmt: skip
APEX_COMPONENT = read_only_object("ApexComponent", "Visualforce Component", "099", _markup())
APEX_LOG = read_only_object(
    "ApexLog", "Apex Debug Log", "07L",
    reference("LogUserId", "Log User ID", "User"),
    integer("LogLength", "Log Size", nillable=False),
    last_modified()[0],
    text("Request", "Request Type", nillable=False),
    text("Operation", "Operation", nillable=False),
    text("Application", "Application", nillable=False),
    text("Status", "Status", nillable=False),
    integer("DurationMilliseconds", "Duration (ms)", nillable=False),
    last_modified()[-1],
    datetime("StartTime", "Start Time", nillable=False),
    picklist("Location", "Location", ("Monitoring", "SystemLog", "Preserved"), **FIXED),
    text("RequestIdentifier", "Request Identifier", 36),
)  # fmt: skip
STATIC_RESOURCE = read_only_object(
    "StaticResource", "Static Resource", "081",
    text("NamespacePrefix", "Namespace Prefix", 15),
    name_text("Name"),
    text("ContentType", "MIME Type", 120, nillable=False),
    integer("BodyLength", "Size", nillable=False),
    blob("Body", "Body"),
    text("Description", "Description"),
    system_fields(),
    picklist("CacheControl", "Cache Control", ("Private", "Public"), **FIXED),
)  # fmt: skip

OBJECTS = (APEX_CLASS, APEX_TRIGGER, APEX_PAGE, APEX_COMPONENT, APEX_LOG, STATIC_RESOURCE)
