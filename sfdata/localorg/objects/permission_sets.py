"""What users may do besides their profiles: permission sets, groups of them, their licences, and who holds which."""

from __future__ import annotations

from sfdata.localorg.objects.fields import (
    Attributes,
    checkbox,
    date,
    integer,
    is_deleted,
    picklist,
    read_only,
    record_id,
    reference,
    sobject,
    system_fields,
    system_modstamp,
    text,
)
from sfdata.localorg.objects.users import FIXED, PERMISSIONS, SETUP, switches

CLOSED: Attributes = {"searchable": False, "layoutable": False}

PERMISSION_SET = sobject(
    "PermissionSet", "Permission Set", "Permission Sets", "0PS",
    record_id("PermissionSet ID"),
    text("Name", "Permission Set Name", 80, nillable=False, name_field=True),
    text("Label", "Permission Set Label", 80, nillable=False),
    reference("LicenseId", "License ID", "PermissionSetLicense", "UserLicense", updateable=False),
    read_only(reference("ProfileId", "Profile ID", "Profile")),
    read_only(checkbox("IsOwnedByProfile", "Is Owned By Profile")),
    read_only(checkbox("IsCustom", "Custom", default=True)),
    switches("Permissions", PERMISSIONS.items()),
    text("Description", "Description"),
    system_fields(),
    text("NamespacePrefix", "Namespace Prefix", 15, createable=False, updateable=False),
    checkbox("HasActivationRequired", "Has Activation Required", updateable=False),
    read_only(reference("PermissionSetGroupId", "Permission Set Group ID", "PermissionSetGroup")),
    picklist("Type", "Type", ("Regular", "Standard", "Profile", "Group", "Session"), default="Regular",
             createable=False, updateable=False, **FIXED),
    **CLOSED, **SETUP,
)  # fmt: skip

PERMISSION_SET_ASSIGNMENT = sobject(
    "PermissionSetAssignment", "Permission Set Assignment", "Permission Set Assignments", "0Pa",
    record_id("PermissionSetAssignment ID"),
    reference("PermissionSetId", "PermissionSet ID", "PermissionSet", children="Assignments", updateable=False,
              cascade_delete=True),
    reference("PermissionSetGroupId", "Permission Set Group ID", "PermissionSetGroup", children="Assignments",
              updateable=False, cascade_delete=True),
    reference("AssigneeId", "Assignee ID", "User", children="PermissionSetAssignments", nillable=False,
              updateable=False),
    system_modstamp(),
    date("ExpirationDate", "Expiration Date"),
    read_only(checkbox("IsActive", "Active", default=True)),
    updateable=False, **CLOSED, **SETUP,
)  # fmt: skip

PERMISSION_SET_GROUP = sobject(
    "PermissionSetGroup", "Permission Set Group", "Permission Set Groups", "0PG",
    record_id("Permission Set Group ID"),
    is_deleted(),
    text("DeveloperName", "API Name", 80, nillable=False, name_field=True),
    text("Language", "Master Language", 40),
    text("MasterLabel", "Label", 80, nillable=False),
    text("NamespacePrefix", "Namespace Prefix", 15, createable=False, updateable=False),
    system_fields(),
    text("Description", "Description"),
    picklist("Status", "Status", ("Updated", "Outdated", "Updating", "Failed"), default="Updated", **FIXED),
    checkbox("HasActivationRequired", "Session Activation Required"),
    **CLOSED, **SETUP,
)  # fmt: skip

PERMISSION_SET_GROUP_COMPONENT = sobject(
    "PermissionSetGroupComponent", "Permission Set Group Component", "Permission Set Group Components", "0PY",
    record_id("Permission Set Group Component ID"),
    is_deleted(),
    system_fields(),
    reference("PermissionSetGroupId", "Permission Set Group ID", "PermissionSetGroup",
              children="PermissionSetGroupComponents", nillable=False, updateable=False, cascade_delete=True),
    reference("PermissionSetId", "PermissionSet ID", "PermissionSet", children="PermissionSetGroupComponents",
              nillable=False, updateable=False, cascade_delete=True),
    updateable=False, **CLOSED, **SETUP,
)  # fmt: skip

PERMISSION_SET_LICENSE = sobject(
    "PermissionSetLicense", "Permission Set License", "Permission Set Licenses", "0PL",
    record_id("PermissionSetLicense ID"),
    is_deleted(),
    text("DeveloperName", "License Definition Name", 80, nillable=False, name_field=True),
    text("Language", "Master Language", 40),
    text("MasterLabel", "Permission Set License Label", 80, nillable=False),
    system_fields(),
    text("PermissionSetLicenseKey", "License Key", 40, nillable=False),
    integer("TotalLicenses", "Total Licenses", nillable=False),
    picklist("Status", "Status", ("Active", "Disabled"), nillable=False, **FIXED),
    date("ExpirationDate", "Expiration Date"),
    integer("UsedLicenses", "Used Licenses", nillable=False),
    createable=False, updateable=False, deletable=False, **CLOSED, **SETUP,
)  # fmt: skip

PERMISSION_SET_LICENSE_ASSIGN = sobject(
    "PermissionSetLicenseAssign", "Permission Set License Assignment", "Permission Set License Assignments", "2LA",
    record_id("PermissionSetLicenseAssign ID"),
    is_deleted(),
    system_fields(),
    reference("PermissionSetLicenseId", "PermissionSetLicense ID", "PermissionSetLicense",
              children="PermissionSetLicenseAssignments", nillable=False, updateable=False),
    reference("AssigneeId", "Assignee ID", "User", children="PermissionSetLicenseAssignments", nillable=False,
              updateable=False),
    updateable=False, **CLOSED, **SETUP,
)  # fmt: skip

OBJECTS = (
    PERMISSION_SET, PERMISSION_SET_ASSIGNMENT, PERMISSION_SET_GROUP, PERMISSION_SET_GROUP_COMPONENT,
    PERMISSION_SET_LICENSE, PERMISSION_SET_LICENSE_ASSIGN,
)  # fmt: skip
