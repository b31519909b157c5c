"""What people do about a customer: tasks and events, each about somebody (Who) and something (What)."""

from __future__ import annotations

from dataclasses import replace

from sfdata.localorg.objects.fields import (
    Attributes,
    checkbox,
    date,
    datetime,
    external_key,
    integer,
    is_deleted,
    long_text,
    name_text,
    owner,
    picklist,
    read_only,
    record_id,
    record_type,
    reference,
    sobject,
    system_fields,
    text,
)
from sfdata.localorg.objects.picklists import (
    CALL_TYPES,
    EVENT_SUBJECTS,
    MONTHS,
    RECURRENCE_INSTANCES,
    RECURRENCE_TYPES,
    TASK_SUBJECTS,
    TASK_SUBTYPES,
    TIME_ZONES,
)
from sfdata.localorg.objects.stages import TASK_PRIORITIES, TASK_STATUSES
from sfdata.localorg.schema import Field

WHO = ("Contact", "Lead")
WHAT = ("Account", "Asset", "Campaign", "Case", "Contract", "Opportunity", "Order", "Product2", "Solution")

CLOSED: Attributes = {"derived": "status_closed"}
#: What every user sees of an activity, whatever the field-level security.
SEEN: Attributes = {"permissionable": False}
END: Attributes = {"derived": "event_end"} | SEEN
RELATED: Attributes = {"derived": "activity_account"}


def recurrence(activity: str, start: Field) -> tuple[Field, ...]:
    """How an activity repeats, from ``start`` on; its first row knows the others as ``RecurringTasks``, for a Task."""
    series: Attributes = {"children": f"Recurring{activity}s", "relationship_name": None}
    fixed: Attributes = {"restricted": True, "length": 40} | SEEN
    return (
        read_only(reference("RecurrenceActivityId", "Recurrence Activity ID", activity, **series)),
        checkbox("IsRecurrence", f"Create Recurring Series of {activity}s", updateable=False),
        start,
        date("RecurrenceEndDateOnly", "Recurrence End", **SEEN),
        picklist("RecurrenceTimeZoneSidKey", "Recurrence Time Zone", TIME_ZONES, **fixed),
        picklist("RecurrenceType", "Recurrence Type", RECURRENCE_TYPES, **fixed),
        integer("RecurrenceInterval", "Recurrence Interval", digits=9, **SEEN),
        integer("RecurrenceDayOfWeekMask", "Recurrence Day of Week Mask", digits=9, **SEEN),
        integer("RecurrenceDayOfMonth", "Recurrence Day of Month", digits=9, **SEEN),
        picklist("RecurrenceInstance", "Recurrence Instance", RECURRENCE_INSTANCES, **fixed),
        picklist("RecurrenceMonthOfYear", "Recurrence Month of Year", MONTHS, **fixed),
    )


TASK = sobject(
    "Task", "Task", "Tasks", "00T",
    record_id("Activity ID"),
    record_type(),
    reference("WhoId", "Name ID", *WHO, children="Tasks", cascade_delete=True),
    reference("WhatId", "Related To ID", *WHAT, children="Tasks", cascade_delete=True),
    picklist("Subject", "Subject", TASK_SUBJECTS, type_="combobox", name_field=True),
    date("ActivityDate", "Due Date Only"),
    picklist("Status", "Status", TASK_STATUSES, default="Not Started", nillable=False),
    picklist("Priority", "Priority", TASK_PRIORITIES, default="Normal", nillable=False),
    read_only(checkbox("IsHighPriority", "High Priority", **CLOSED)),
    replace(owner("Group", "User"), label="Assigned To ID"),
    long_text("Description", "Description"),
    picklist("Type", "Type", ("Call", "Email", "Meeting", "Other")),
    is_deleted(),
    read_only(reference("AccountId", "Account ID", "Account", **RELATED)),
    read_only(checkbox("IsClosed", "Closed", **CLOSED)),
    system_fields(),
    read_only(checkbox("IsArchived", "Archived")),
    integer("CallDurationInSeconds", "Call Duration"),
    picklist("CallType", "Call Type", CALL_TYPES, length=40),
    text("CallDisposition", "Call Result"),
    text("CallObject", "Call Object Identifier"),
    datetime("ReminderDateTime", "Reminder Date/Time", **SEEN),
    checkbox("IsReminderSet", "Reminder Set", **SEEN),
    recurrence("Task", date("RecurrenceStartDateOnly", "Recurrence Start", **SEEN)),
    picklist("RecurrenceRegeneratedType", "Repeat This Task",
             {"RecurrenceRegenerateAfterDueDate": "After due date",
              "RecurrenceRegenerateAfterToday": "After date completed",
              "RecurrenceRegenerated": "(Task Closed)"}, restricted=True, length=40),
    picklist("TaskSubtype", "Task Subtype", TASK_SUBTYPES, default="Task", restricted=True, length=40,
             updateable=False),
    read_only(datetime("CompletedDateTime", "Completed Date/Time", **CLOSED)),
    external_key(),
)  # fmt: skip

EVENT = sobject(
    "Event", "Event", "Events", "00U",
    record_id("Activity ID"),
    record_type(),
    reference("WhoId", "Name ID", *WHO, children="Events", cascade_delete=True),
    reference("WhatId", "Related To ID", *WHAT, children="Events", cascade_delete=True),
    picklist("Subject", "Subject", EVENT_SUBJECTS, type_="combobox", name_field=True),
    text("Location", "Location"),
    checkbox("IsAllDayEvent", "All-Day Event"),
    datetime("ActivityDateTime", "Due Date Time", **END),
    date("ActivityDate", "Due Date Only", aggregatable=False, **END),
    integer("DurationInMinutes", "Duration", **END),
    datetime("StartDateTime", "Start Date Time", **END),
    datetime("EndDateTime", "End Date Time", **END),
    read_only(date("EndDate", "End Date", **END)),
    long_text("Description", "Description"),
    read_only(reference("AccountId", "Account ID", "Account", **RELATED)),
    replace(owner("Calendar", "User"), label="Assigned To ID"),
    picklist("Type", "Type", ("Email", "Meeting", "Other", "Call")),
    checkbox("IsPrivate", "Private", **SEEN),
    picklist("ShowAs", "Show Time As", {"Busy": "Busy", "OutOfOffice": "Out of Office", "Free": "Free"},
             default="Busy", restricted=True, length=40, **SEEN),
    is_deleted(),
    read_only(checkbox("IsChild", "Is Child")),
    read_only(checkbox("IsGroupEvent", "Is Group Event")),
    read_only(picklist("GroupEventType", "Group Event Type",
              {"0": "Non-group Event", "1": "Group Event", "2": "Proposed Event", "3": "IsRecurrence2 Series Pattern"},
              default="0", restricted=True, length=40)),
    system_fields(),
    read_only(checkbox("IsArchived", "Archived")),
    recurrence("Event", datetime("RecurrenceStartDateTime", "Recurrence Start", **SEEN)),
    datetime("ReminderDateTime", "Reminder Date/Time", **SEEN),
    checkbox("IsReminderSet", "Reminder Set", **SEEN),
    picklist("EventSubtype", "Event Subtype", {"Event": "Event"}, restricted=True, length=40, updateable=False),
    read_only(checkbox("IsRecurrence2Exclusion", "Historical Event, Not Following Recurrence")),
    long_text("Recurrence2PatternText", "Recurrence Pattern", 512, updateable=False),
    read_only(picklist("Recurrence2PatternVersion", "Pattern Version",
              {"1": "RFC 5545 v4 RRULE", "2": "RFC 5545 v4_2 RRULE"}, restricted=True, length=40)),
    read_only(checkbox("IsRecurrence2", "Repeat")),
    read_only(checkbox("IsRecurrence2Exception", "Is Exception")),
    read_only(datetime("Recurrence2PatternStartDate", "Recurrence Pattern Start Date")),
    read_only(text("Recurrence2PatternTimeZone", "Recurrence Pattern Time Zone Reference")),
    external_key(),
)  # fmt: skip

CALENDAR = sobject(
    "Calendar", "Calendar", "Calendar", "023",
    record_id("Calendar ID"),
    name_text("Calendar Name", 80),
    reference("UserId", "User ID", "User", updateable=False),
    picklist("Type", "Calendar Type", {"User": "User Calendar", "Public": "Public Calendar", "Resource": "Resource "
             "Calendar"}, default="Public", restricted=True, length=40, nillable=False, updateable=False),
    checkbox("IsActive", "Active", default=True),
    system_fields(),
    searchable=False, layoutable=False, mru_enabled=False, undeletable=False, triggerable=False,
)  # fmt: skip

OBJECTS = (TASK, EVENT, CALENDAR)
