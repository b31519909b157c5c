"""What the Tooling API shows: the definitions of objects and fields, and what developers put into an org.

The definitions are read from the schema (see `definitions`). Of the others an org without code and packages has none;
they are declared so that clients which ask for them at login get the empty answer of such an org.
https://developer.salesforce.com/docs/atlas.en-us.api_tooling.meta/api_tooling/reference_objects_list.htm
"""

from __future__ import annotations

from sfdata.localorg.objects.fields import (
    Attributes,
    checkbox,
    datetime,
    integer,
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

READ_ONLY: Attributes = {
    "createable": False, "updateable": False, "deletable": False, "undeletable": False, "layoutable": False,
    "replicateable": False, "searchable": False, "triggerable": False, "mru_enabled": False,
}  # fmt: skip


def _read_only(name: str, label: str, key_prefix: str | None, *fields: Field | tuple[Field, ...]) -> SObject:
    return sobject(name, label, f"{label}s", key_prefix, record_id(f"{label} ID"), *fields, **READ_ONLY)


def _durable(name: str, label: str, to: str, children: str) -> Field:
    """A reference to a definition, which has a durable Id of its own form."""
    return text(name, label, reference_to=(to,), relationship_name=name.removesuffix("Id"), child_relationship=children)


def _labels() -> tuple[Field, ...]:
    return (
        text("DurableId", "Durable ID"),
        text("QualifiedApiName", "Qualified API Name", 70),
        text("DeveloperName", "Developer Name", 80),
        text("NamespacePrefix", "Namespace Prefix", 15),
        text("MasterLabel", "Master Label", 80),
        text("Label", "Label", 80),
    )


def _shape() -> tuple[Field, ...]:
    """What both fields and their particles tell about values."""
    return (
        text("DataType", "Data Type"),
        text("ValueTypeId", "Value Type ID"),
        text("ExtraTypeInfo", "Extra Type Info"),
        integer("Length", "Length"),
        integer("Precision", "Precision"),
        integer("Scale", "Scale"),
        text("RelationshipName", "Relationship Name"),
        *(
            checkbox(f"Is{what}", what)
            for what in ("ApiFilterable", "ApiGroupable", "ApiSortable", "Calculated", "Compound", "HtmlFormatted")
        ),
        *(checkbox(f"Is{what}", what) for what in ("Indexed", "NameField", "Nillable", "PolymorphicForeignKey")),
    )


ENTITY_DEFINITION = _read_only(
    "EntityDefinition", "Entity Definition", "4ie",
    *_labels(),
    text("PluralLabel", "Plural Label", 80),
    text("KeyPrefix", "Key Prefix", 3),
    text("PublisherId", "Publisher ID"),
    text("InternalSharingModel", "Internal Sharing Model", 40),
    text("ExternalSharingModel", "External Sharing Model", 40),
    *(
        checkbox(f"Is{what}", what)
        for what in ("ApexTriggerable", "CompactLayoutable", "CustomSetting", "Customizable", "DeprecatedAndHidden",
                     "EverCreatable", "EverDeletable", "EverUpdatable", "FeedEnabled", "IdEnabled", "Layoutable",
                     "Queryable", "Replicateable", "Retrieveable", "SearchLayoutable", "Searchable", "Triggerable",
                     "WorkflowEnabled")
    ),
    datetime("LastModifiedDate", "Last Modified Date"),
)  # fmt: skip

FIELD_DEFINITION = _read_only(
    "FieldDefinition", "Field Definition", None,
    *_labels(),
    _durable("EntityDefinitionId", "Entity Definition ID", "EntityDefinition", "Fields"),
    *_shape(),
    text("Description", "Description", 1000),
    datetime("LastModifiedDate", "Last Modified Date"),
)  # fmt: skip

ENTITY_PARTICLE = _read_only(
    "EntityParticle", "Entity Particle", None,
    *_labels(),
    _durable("EntityDefinitionId", "Entity Definition ID", "EntityDefinition", "Particles"),
    _durable("FieldDefinitionId", "Field Definition ID", "FieldDefinition", "Particles"),
    *_shape(),
    integer("Digits", "Digits"),
    *(
        checkbox(f"Is{what}", what)
        for what in ("AutonumberField", "CaseSensitive", "Component", "Createable", "DefaultedOnCreate", "IdLookup",
                     "NamePointing", "Unique", "Updatable")
    ),
)  # fmt: skip

PICKLIST_VALUE_INFO = _read_only(
    "PicklistValueInfo", "Picklist Value Info", "4pv",
    text("DurableId", "Durable ID"),
    _durable("EntityParticleId", "Entity Particle ID", "EntityParticle", "PicklistValues"),
    text("Value", "Value"),
    text("Label", "Label"),
    checkbox("IsActive", "Active"),
    checkbox("IsDefaultValue", "Default Value"),
)  # fmt: skip

CUSTOM_OBJECT = _read_only(
    "CustomObject", "Custom Object", "01I",
    text("DeveloperName", "Developer Name", 80),
    text("NamespacePrefix", "Namespace Prefix", 15),
    text("Description", "Description", 1000),
    system_fields(),
)  # fmt: skip

CUSTOM_FIELD = _read_only(
    "CustomField", "Custom Field", "00N",
    text("DeveloperName", "Developer Name", 80),
    text("NamespacePrefix", "Namespace Prefix", 15),
    text("TableEnumOrId", "Table Enum or ID", 40),
    _durable("EntityDefinitionId", "Entity Definition ID", "EntityDefinition", "CustomFields"),
    text("RelationshipLabel", "Relationship Label", 80),
    text("Description", "Description", 1000),
    text("InlineHelpText", "Inline Help Text", 510),
    system_fields(),
)  # fmt: skip

# --- code, packages and logs -----------------------------------------------------------------------------------------


def _code() -> tuple[Field, ...]:
    return (
        text("NamespacePrefix", "Namespace Prefix", 15),
        name_text("Name"),
        number("ApiVersion", "Api Version", 18, 1),
        picklist("Status", "Status", ("Inactive", "Active", "Deleted"), length=40),
        checkbox("IsValid", "Is Valid"),
        number("BodyCrc", "Body CRC"),
        long_text("Body", "Body", 1_000_000),
        integer("LengthWithoutComments", "Size Without Comments"),
        text("ManageableState", "Manageable State", 40),
        *system_fields(),
    )


APEX_CLASS = _read_only("ApexClass", "Apex Class", "01p", *_code())
APEX_TRIGGER = _read_only(
    "ApexTrigger", "Apex Trigger", "01q",
    *_code(),
    text("TableEnumOrId", "Custom Object Definition ID or Entity Enumeration", 40),
    _durable("EntityDefinitionId", "Entity Definition ID", "EntityDefinition", "ApexTriggers"),
)  # fmt: skip
APEX_LOG = _read_only(
    "ApexLog", "Apex Debug Log", "07L",
    reference("LogUserId", "Log User ID", "User"),
    integer("LogLength", "Log Size"),
    text("Request", "Request Type"),
    text("Operation", "Operation"),
    text("Application", "Application"),
    text("Status", "Status"),
    integer("DurationMilliseconds", "Duration (ms)"),
    datetime("StartTime", "Start Time"),
    text("Location", "Location"),
    system_fields(),
)  # fmt: skip
DEBUG_LEVEL = _read_only(
    "DebugLevel", "Debug Level", "7dl",
    text("DeveloperName", "Developer Name", 80),
    text("MasterLabel", "Master Label", 80),
    *(text(name, name, 40) for name in ("ApexCode", "ApexProfiling", "Callout", "Database", "System", "Validation",
                                        "Visualforce", "Workflow")),
    system_fields(),
)  # fmt: skip
TRACE_FLAG = _read_only(
    "TraceFlag", "Trace Flag", "7tf",
    text("TracedEntityId", "Traced Entity ID", 18),
    reference("DebugLevelId", "Debug Level ID", "DebugLevel"),
    text("LogType", "Log Type", 40),
    datetime("StartDate", "Start Date"),
    datetime("ExpirationDate", "Expiration Date"),
    system_fields(),
)  # fmt: skip
CODE = ("ApexClass", "ApexTrigger")
APEX_TEST_QUEUE_ITEM = _read_only(
    "ApexTestQueueItem", "Apex Test Queue Item", "709",
    reference("ApexClassId", "Class ID", "ApexClass"),
    text("Status", "Status", 40),
    text("ExtendedStatus", "Extended Status", 1000),
    text("ParentJobId", "Apex Job ID", 18),
    text("TestRunResultId", "Test Run Result ID", 18),
    system_fields(),
)  # fmt: skip
APEX_TEST_RESULT = _read_only(
    "ApexTestResult", "Apex Test Result", "07M",
    datetime("TestTimestamp", "Time Started"),
    text("Outcome", "Outcome", 40),
    reference("ApexClassId", "Class ID", "ApexClass"),
    text("MethodName", "Method Name"),
    text("Message", "Message", 4000),
    text("StackTrace", "Stack Trace", 4000),
    text("AsyncApexJobId", "Apex Job ID", 18),
    reference("QueueItemId", "Queue Item ID", "ApexTestQueueItem"),
    reference("ApexLogId", "Apex Log ID", "ApexLog"),
    integer("RunTime", "Run Time"),
    system_fields(),
)  # fmt: skip
APEX_TEST_RESULT_LIMITS = _read_only(
    "ApexTestResultLimits", "Apex Test Result Limit", "05n",
    reference("ApexTestResultId", "Apex Test Result ID", "ApexTestResult", children="ApexTestResults"),
    *(integer(name, name) for name in ("Soql", "QueryRows", "Sosl", "Dml", "DmlRows", "Cpu", "Callouts", "Email")),
    *(integer(name, name) for name in ("AsyncCalls", "MobilePush")),
    text("LimitContext", "Limit Context"),
    text("LimitExceptions", "Limit Exceptions"),
    system_fields(),
)  # fmt: skip
APEX_CODE_COVERAGE_AGGREGATE = _read_only(
    "ApexCodeCoverageAggregate", "Apex Code Coverage Aggregate", "715",
    reference("ApexClassOrTriggerId", "Apex Class or Trigger ID", *CODE),
    integer("NumLinesCovered", "Lines Covered"),
    integer("NumLinesUncovered", "Lines Not Covered"),
    system_fields(),
)  # fmt: skip
APEX_ORG_WIDE_COVERAGE = _read_only(
    "ApexOrgWideCoverage", "Apex Org Wide Coverage", "716",
    integer("PercentCovered", "Percent Covered"),
    system_fields(),
)  # fmt: skip
SOURCE_MEMBER = _read_only(
    "SourceMember", "Source Member", "0MZ",
    text("MemberName", "Member Name"),
    text("MemberType", "Member Type"),
    text("MemberIdOrName", "Member ID or Name"),
    integer("RevisionCounter", "Revision Counter"),
    integer("RevisionNum", "Revision Number"),
    checkbox("IsNameObsolete", "Is Name Obsolete"),
    checkbox("IsNewMember", "Is New Member"),
    system_fields(),
)  # fmt: skip
SUBSCRIBER_PACKAGE = _read_only(
    "SubscriberPackage", "Subscriber Package", "033",
    name_text("Name"),
    text("NamespacePrefix", "Namespace Prefix", 15),
    text("Description", "Description", 1000),
    checkbox("IsPackageValid", "Is Package Valid"),
)  # fmt: skip
SUBSCRIBER_PACKAGE_VERSION = _read_only(
    "SubscriberPackageVersion", "Subscriber Package Version", "04t",
    name_text("Name"),
    reference("SubscriberPackageId", "Subscriber Package ID", "SubscriberPackage"),
    *(integer(f"{part}Version", f"{part} Version") for part in ("Major", "Minor", "Patch")),
    integer("BuildNumber", "Build Number"),
    text("ReleaseState", "Release State", 40),
    checkbox("IsBeta", "Is Beta"),
    checkbox("IsManaged", "Is Managed"),
    checkbox("IsDeprecated", "Is Deprecated"),
)  # fmt: skip
INSTALLED_SUBSCRIBER_PACKAGE = _read_only(
    "InstalledSubscriberPackage", "Installed Subscriber Package", "0A3",
    reference("SubscriberPackageId", "Subscriber Package ID", "SubscriberPackage"),
    reference("SubscriberPackageVersionId", "Subscriber Package Version ID", "SubscriberPackageVersion"),
    integer("MinPackageVersionId", "Min Package Version ID"),
)  # fmt: skip
VALIDATION_RULE = _read_only(
    "ValidationRule", "Validation Rule", "03d",
    text("ValidationName", "Rule Name", 80),
    checkbox("Active", "Active"),
    text("Description", "Description"),
    text("ErrorMessage", "Error Message"),
    text("ErrorDisplayField", "Error Display Field"),
    text("NamespacePrefix", "Namespace Prefix", 15),
    _durable("EntityDefinitionId", "Entity Definition ID", "EntityDefinition", "ValidationRules"),
    system_fields(),
)  # fmt: skip

DEFINITIONS = (
    ENTITY_DEFINITION, FIELD_DEFINITION, ENTITY_PARTICLE, PICKLIST_VALUE_INFO,
)  # fmt: skip
"""Objects that the data API can query as well."""

OBJECTS = (
    *DEFINITIONS, CUSTOM_OBJECT, CUSTOM_FIELD, APEX_CLASS, APEX_TRIGGER, APEX_LOG, DEBUG_LEVEL, TRACE_FLAG,
    APEX_TEST_QUEUE_ITEM, APEX_TEST_RESULT, APEX_TEST_RESULT_LIMITS, APEX_CODE_COVERAGE_AGGREGATE,
    APEX_ORG_WIDE_COVERAGE, SOURCE_MEMBER, SUBSCRIBER_PACKAGE, SUBSCRIBER_PACKAGE_VERSION,
    INSTALLED_SUBSCRIBER_PACKAGE, VALIDATION_RULE,
)  # fmt: skip
