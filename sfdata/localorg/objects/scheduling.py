"""When the org works and what it does by itself: business hours, scheduled jobs, Apex jobs, who is told of failures."""

from __future__ import annotations

from sfdata.localorg.objects.fields import (
    Attributes,
    checkbox,
    created,
    datetime,
    email,
    integer,
    is_deleted,
    last_viewed,
    name_text,
    owner,
    picklist,
    record_id,
    reference,
    sobject,
    system_fields,
    text,
    time,
)
from sfdata.localorg.objects.picklists import TIME_ZONES

FIXED: Attributes = {"restricted": True, "length": 40}
DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
CRON_STATES = (
    "WAITING",
    "ACQUIRED",
    "EXECUTING",
    "COMPLETE",
    "ERROR",
    "DELETED",
    "PAUSED",
    "BLOCKED",
    "PAUSED_BLOCKED",
)
JOB_STATES = ("Queued", "Processing", "Aborted", "Completed", "Failed", "Preparing", "Holding")
CRON_JOB_TYPES = {
    "1": "Data Export", "3": "Dashboard Refresh", "4": "Reporting Snapshot", "6": "Scheduled Flow",
    "7": "Scheduled Apex", "8": "Report Run", "9": "Batch Job", "A": "Reporting Notification",
}  # fmt: skip
APEX_JOB_TYPES = {
    "Future": "Future", "ScheduledApex": "Scheduled Apex", "BatchApex": "Batch Apex",
    "BatchApexWorker": "Batch Apex Worker", "TestRequest": "Test Request", "TestWorker": "Test Worker",
    "ApexToken": "Apex Token", "Queueable": "Queueable",
}  # fmt: skip
SETUP: Attributes = {"searchable": False, "layoutable": False, "triggerable": False, "undeletable": False}
BY_THE_ORG: Attributes = {"createable": False, "updateable": False, "deletable": False, "replicateable": False}

BUSINESS_HOURS = sobject(
    "BusinessHours", "Business Hours", "Business Hours", "01m",
    record_id("Business Hours ID"),
    name_text("Business Hours Name", 80),
    checkbox("IsActive", "Active"),
    checkbox("IsDefault", "Default Business Hours"),
    *(time(f"{day}{end}Time", f"{day} {end}") for day in DAYS for end in ("Start", "End")),
    picklist("TimeZoneSidKey", "Time Zone", TIME_ZONES, nillable=False, **FIXED),
    system_fields(),
    last_viewed(),
    deletable=False, **SETUP,
)  # fmt: skip

CRON_JOB_DETAIL = sobject(
    "CronJobDetail", "Cron Job", "Cron Jobs", "08a",
    record_id("Cron Job ID"),
    name_text("Name"),
    picklist("JobType", "Job Type", CRON_JOB_TYPES, nillable=False, **FIXED),
    **SETUP, **BY_THE_ORG,
)  # fmt: skip

CRON_TRIGGER = sobject(
    "CronTrigger", "Scheduled Jobs", "Scheduled Jobs", "08e",
    record_id("Scheduled Job ID"),
    reference("CronJobDetailId", "Job Name ID", "CronJobDetail"),
    datetime("NextFireTime", "Next Run Time"),
    datetime("PreviousFireTime", "Previous Run Time"),
    picklist("State", "State", CRON_STATES, **FIXED),
    datetime("StartTime", "Start Time"),
    datetime("EndTime", "End Time"),
    text("CronExpression", "Cron Expression"),
    picklist("TimeZoneSidKey", "Time Zone", TIME_ZONES, nillable=False, **FIXED),
    owner(),
    reference("LastModifiedById", "Last Modified By ID", "User", nillable=False, defaulted_on_create=True),
    created(),
    integer("TimesTriggered", "Job Fired Count"),
    **SETUP, **BY_THE_ORG,
)  # fmt: skip

ASYNC_APEX_JOB = sobject(
    "AsyncApexJob", "Apex Job", "Apex Jobs", "707",
    record_id("Job ID"),
    created(),
    picklist("JobType", "Job Type", APEX_JOB_TYPES, nillable=False, **FIXED),
    text("ApexClassId", "Class ID", 18),
    picklist("Status", "Status", JOB_STATES, nillable=False, **FIXED),
    integer("JobItemsProcessed", "Batches Processed", nillable=False),
    integer("TotalJobItems", "Total Batches"),
    integer("NumberOfErrors", "Failures"),
    datetime("CompletedDate", "Completion Date"),
    text("MethodName", "Apex Method"),
    text("ExtendedStatus", "Status Detail"),
    reference("ParentJobId", "Apex Job ID", "AsyncApexJob"),
    text("LastProcessed", "Last Batch ID Processed", 15),
    integer("LastProcessedOffset", "Last Batch Offset Processed"),
    reference("CronTriggerId", "Scheduled Job ID", "CronTrigger"),
    **SETUP, **BY_THE_ORG,
)  # fmt: skip

APEX_EMAIL_NOTIFICATION = sobject(
    "ApexEmailNotification", "Apex Email Notification", "Apex Email Notifications", "7tE",
    record_id("Apex Email Notification ID"),
    is_deleted(),
    system_fields(),
    reference("UserId", "User ID", "User", unique=True),
    email("Email", "Email", 255, unique=True),
    **SETUP,
)  # fmt: skip

OBJECTS = (BUSINESS_HOURS, CRON_JOB_DETAIL, CRON_TRIGGER, ASYNC_APEX_JOB, APEX_EMAIL_NOTIFICATION)
