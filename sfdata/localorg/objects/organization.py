"""The org itself: its one Organization row, its record types and the business processes they follow."""

from __future__ import annotations

from sfdata.localorg.objects.fields import (
    Attributes,
    address,
    checkbox,
    created,
    datetime,
    email,
    integer,
    last_modified,
    name_text,
    phone,
    picklist,
    read_only,
    record_id,
    reference,
    sobject,
    system_fields,
    system_modstamp,
    text,
    url,
)
from sfdata.localorg.objects.picklists import LANGUAGES, LOCALES, ORGANIZATION_TYPES, RECORD_ACCESS, TIME_ZONES

FIXED: Attributes = {"restricted": True, "length": 40}
NOT_FOR_USERS: Attributes = {
    "createable": False, "deletable": False, "undeletable": False, "searchable": False, "mru_enabled": False,
    "layoutable": False, "triggerable": False,
}  # fmt: skip

#: Organization.Default…Access: who sees records they do not own.
SHARING_DEFAULTS = (
    ("DefaultAccountAccess", "Default Account Access"),
    ("DefaultContactAccess", "Default Contact Access"),
    ("DefaultOpportunityAccess", "Default Opportunity Access"),
    ("DefaultLeadAccess", "Default Lead Access"),
    ("DefaultCaseAccess", "Default Case Access"),
)
CALENDAR_ACCESS = {
    "HideDetails": "Hide Details",
    "HideDetailsInsert": "Hide Details and Add Events",
    "ShowDetails": "Show Details",
    "ShowDetailsInsert": "Show Details and Add Events",
    "AllowEdits": "Full Access",
}

ORGANIZATION = sobject(
    "Organization", "Organization", "Organization", "00D",
    record_id("Organization ID"),
    name_text("Name", 80),
    text("Division", "Division", 80),
    address(),
    phone("Phone", "Phone"),
    phone("Fax", "Fax"),
    text("PrimaryContact", "Primary Contact", 80),
    picklist("DefaultLocaleSidKey", "Locale", LOCALES, nillable=False, **FIXED),
    picklist("TimeZoneSidKey", "Time Zone", TIME_ZONES, nillable=False, **FIXED),
    picklist("LanguageLocaleKey", "Language", LANGUAGES, nillable=False, **FIXED),
    checkbox("ReceivesInfoEmails", "Info Emails"),
    checkbox("ReceivesAdminInfoEmails", "Info Emails Admin"),
    checkbox("PreferencesRequireOpportunityProducts", "RequireOpportunityProducts"),
    checkbox("PreferencesTransactionSecurityPolicy", "TransactionSecurityPolicy"),
    checkbox("PreferencesTerminateOldestSession", "TerminateOldestSession"),
    checkbox("PreferencesConsentManagementEnabled", "ConsentManagementEnabled"),
    checkbox("PreferencesAutoSelectIndividualOnMerge", "AutoSelectIndividualOnMerge"),
    checkbox("PreferencesLightningLoginEnabled", "LightningLoginEnabled"),
    checkbox("PreferencesOnlyLLPermUserAllowed", "OnlyLLPermUserAllowed"),
    integer("FiscalYearStartMonth", "Fiscal Year Starts In"),
    checkbox("UsesStartDateAsFiscalYearName", "Fiscal Year Name by Start"),
    *(read_only(picklist(name, label, RECORD_ACCESS, **FIXED)) for name, label in SHARING_DEFAULTS),
    read_only(picklist("DefaultCalendarAccess", "Default Calendar Access", CALENDAR_ACCESS, **FIXED)),
    read_only(picklist("DefaultPricebookAccess", "Default Price Book Access",
              {"None": "No Access", "Read": "View Only", "ReadSelect": "Use"}, **FIXED)),
    read_only(picklist("DefaultCampaignAccess", "Default Campaign Access", RECORD_ACCESS, **FIXED)),
    url("DelegatedAuthenticationServiceUrl", "Delegated Authentication Gateway URL"),
    system_modstamp(),
    email("ComplianceBccEmail", "Compliance BCC Email"),
    picklist("UiSkin", "UI Skin", {"Theme1": "Theme1", "Theme2": "Theme2", "PortalDefault": "PortalDefault",
             "Webstore": "Webstore", "Theme3": "Theme3"}, **FIXED),
    read_only(text("SignupCountryIsoCode", "Signup Country", 2)),
    read_only(datetime("TrialExpirationDate", "Trial Expiration Date")),
    read_only(integer("NumKnowledgeService", "Knowledge Licenses")),
    read_only(picklist("OrganizationType", "Edition", ORGANIZATION_TYPES, **FIXED)),
    read_only(text("NamespacePrefix", "Namespace Prefix", 15)),
    read_only(text("InstanceName", "Instance Name", 5)),
    read_only(checkbox("IsSandbox", "Is Sandbox")),
    picklist("WebToCaseDefaultOrigin", "Web to Cases Default Origin", (), length=40),
    read_only(integer("MonthlyPageViewsUsed", "Monthly Page Views Used")),
    read_only(integer("MonthlyPageViewsEntitlement", "Monthly Page Views Allowed")),
    read_only(checkbox("IsReadOnly", "Is Read Only")),
    created(),
    last_modified()[:2],
    **NOT_FOR_USERS,
)  # fmt: skip

BUSINESS_PROCESS = sobject(
    "BusinessProcess", "Business Process", "Business Process", "019",
    record_id("Business Process ID"),
    name_text("Name", 80),
    read_only(text("NamespacePrefix", "Namespace Prefix", 15)),
    text("Description", "Description"),
    picklist("TableEnumOrId", "Entity Enumeration Or ID", ("Opportunity", "Case", "Lead", "Solution"), nillable=False,
             updateable=False, **FIXED),
    checkbox("IsActive", "Active"),
    system_fields(),
    **NOT_FOR_USERS,
)  # fmt: skip

RECORD_TYPE = sobject(
    "RecordType", "Record Type", "Record Types", "012",
    record_id("Record Type ID"),
    name_text("Name", 80),
    text("DeveloperName", "Record Type Name", 80, nillable=False),
    read_only(text("NamespacePrefix", "Namespace Prefix", 15)),
    text("Description", "Description"),
    reference("BusinessProcessId", "Business Process ID", "BusinessProcess"),
    picklist("SobjectType", "Object Type", (), nillable=False, updateable=False, length=40),
    checkbox("IsActive", "Active"),
    system_fields(),
    **NOT_FOR_USERS,
)  # fmt: skip

OBJECTS = (ORGANIZATION, BUSINESS_PROCESS, RECORD_TYPE)
