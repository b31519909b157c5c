"""What the Tooling API shows: the definitions of objects and fields, and what developers put into an org.

The definitions are read from the schema (see `definitions`). Of the others an org without code and packages has none;
they are declared so that clients which ask for them at login get the empty answer of such an org.
https://developer.salesforce.com/docs/atlas.en-us.api_tooling.meta/api_tooling/reference_objects_list.htm
"""

from __future__ import annotations

from sfdata.localorg.objects.code import APEX_LOG, class_fields, read_only_object, trigger_fields
from sfdata.localorg.objects.fields import (
    checkbox,
    datetime,
    integer,
    name_text,
    reference,
    system_fields,
    text,
)
from sfdata.localorg.schema import Field


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


ENTITY_DEFINITION = read_only_object(
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

FIELD_DEFINITION = read_only_object(
    "FieldDefinition", "Field Definition", None,
    *_labels(),
    _durable("EntityDefinitionId", "Entity Definition ID", "EntityDefinition", "Fields"),
    *_shape(),
    text("Description", "Description", 1000),
    datetime("LastModifiedDate", "Last Modified Date"),
)  # fmt: skip

ENTITY_PARTICLE = read_only_object(
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

PICKLIST_VALUE_INFO = read_only_object(
    "PicklistValueInfo", "Picklist Value Info", "4pv",
    text("DurableId", "Durable ID"),
    _durable("EntityParticleId", "Entity Particle ID", "EntityParticle", "PicklistValues"),
    text("Value", "Value"),
    text("Label", "Label"),
    checkbox("IsActive", "Active"),
    checkbox("IsDefaultValue", "Default Value"),
)  # fmt: skip

CUSTOM_OBJECT = read_only_object(
    "CustomObject", "Custom Object", "01I",
    text("DeveloperName", "Developer Name", 80),
    text("NamespacePrefix", "Namespace Prefix", 15),
    text("Description", "Description", 1000),
    system_fields(),
)  # fmt: skip

CUSTOM_FIELD = read_only_object(
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


MANAGEABLE = text("ManageableState", "Manageable State", 40)
APEX_CLASS = read_only_object("ApexClass", "Apex Class", "01p", class_fields(), MANAGEABLE)
APEX_TRIGGER = read_only_object(
    "ApexTrigger", "Apex Trigger", "01q",
    trigger_fields(),
    MANAGEABLE,
    _durable("EntityDefinitionId", "Entity Definition ID", "EntityDefinition", "ApexTriggers"),
)  # fmt: skip
DEBUG_LEVEL = read_only_object(
    "DebugLevel", "Debug Level", "7dl",
    text("DeveloperName", "Developer Name", 80),
    text("MasterLabel", "Master Label", 80),
    *(text(name, name, 40) for name in ("ApexCode", "ApexProfiling", "Callout", "Database", "System", "Validation",
                                        "Visualforce", "Workflow")),
    system_fields(),
)  # fmt: skip
TRACE_FLAG = read_only_object(
    "TraceFlag", "Trace Flag", "7tf",
    text("TracedEntityId", "Traced Entity ID", 18),
    reference("DebugLevelId", "Debug Level ID", "DebugLevel"),
    text("LogType", "Log Type", 40),
    datetime("StartDate", "Start Date"),
    datetime("ExpirationDate", "Expiration Date"),
    system_fields(),
)  # fmt: skip
CODE = ("ApexClass", "ApexTrigger")
APEX_TEST_QUEUE_ITEM = read_only_object(
    "ApexTestQueueItem", "Apex Test Queue Item", "709",
    reference("ApexClassId", "Class ID", "ApexClass"),
    text("Status", "Status", 40),
    text("ExtendedStatus", "Extended Status", 1000),
    text("ParentJobId", "Apex Job ID", 18),
    text("TestRunResultId", "Test Run Result ID", 18),
    system_fields(),
)  # fmt: skip
APEX_TEST_RESULT = read_only_object(
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
APEX_TEST_RESULT_LIMITS = read_only_object(
    "ApexTestResultLimits", "Apex Test Result Limit", "05n",
    reference("ApexTestResultId", "Apex Test Result ID", "ApexTestResult", children="ApexTestResults"),
    *(integer(name, name) for name in ("Soql", "QueryRows", "Sosl", "Dml", "DmlRows", "Cpu", "Callouts", "Email")),
    *(integer(name, name) for name in ("AsyncCalls", "MobilePush")),
    text("LimitContext", "Limit Context"),
    text("LimitExceptions", "Limit Exceptions"),
    system_fields(),
)  # fmt: skip
APEX_CODE_COVERAGE_AGGREGATE = read_only_object(
    "ApexCodeCoverageAggregate", "Apex Code Coverage Aggregate", "715",
    reference("ApexClassOrTriggerId", "Apex Class or Trigger ID", *CODE),
    integer("NumLinesCovered", "Lines Covered"),
    integer("NumLinesUncovered", "Lines Not Covered"),
    system_fields(),
)  # fmt: skip
APEX_ORG_WIDE_COVERAGE = read_only_object(
    "ApexOrgWideCoverage", "Apex Org Wide Coverage", "716",
    integer("PercentCovered", "Percent Covered"),
    system_fields(),
)  # fmt: skip
SOURCE_MEMBER = read_only_object(
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
SUBSCRIBER_PACKAGE = read_only_object(
    "SubscriberPackage", "Subscriber Package", "033",
    name_text("Name"),
    text("NamespacePrefix", "Namespace Prefix", 15),
    text("Description", "Description", 1000),
    checkbox("IsPackageValid", "Is Package Valid"),
)  # fmt: skip
DESCRIBED = (
    ("Description", "Description"), ("PublisherName", "Publisher Name"), ("ReleaseNotesUrl", "Release Notes URL"),
    ("PostInstallUrl", "Post Install URL"), ("InstallValidationStatus", "Install Validation Status"),
    ("AppExchangePackageName", "AppExchange Package Name"), ("AppExchangePublisherName", "AppExchange Publisher Name"),
    ("AppExchangeDescription", "AppExchange Description"), ("AppExchangeLogoUrl", "AppExchange Logo URL"),
)  # fmt: skip
SUBSCRIBER_PACKAGE_VERSION = read_only_object(
    "SubscriberPackageVersion", "Subscriber Package Version", "04t",
    name_text("Name"),
    reference("SubscriberPackageId", "Subscriber Package ID", "SubscriberPackage"),
    *(integer(f"{part}Version", f"{part} Version") for part in ("Major", "Minor", "Patch")),
    integer("BuildNumber", "Build Number"),
    text("ReleaseState", "Release State", 40),
    *(checkbox(f"Is{what}", f"Is {what}") for what in ("Beta", "Managed", "Deprecated")),
    checkbox("IsPasswordProtected", "Is Password Protected"),
    checkbox("IsSecurityReviewed", "Is Security Reviewed"),
    *(text(name, label) for name, label in DESCRIBED),
    text("Package2ContainerOptions", "Package2 Container Options", 40),
)  # fmt: skip
INSTALLED_SUBSCRIBER_PACKAGE = read_only_object(
    "InstalledSubscriberPackage", "Installed Subscriber Package", "0A3",
    reference("SubscriberPackageId", "Subscriber Package ID", "SubscriberPackage"),
    reference("SubscriberPackageVersionId", "Subscriber Package Version ID", "SubscriberPackageVersion"),
    integer("MinPackageVersionId", "Min Package Version ID"),
)  # fmt: skip
VALIDATION_RULE = read_only_object(
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

SHARED = frozenset(
    {"ApexComponent", "ApexPage", "Group", "Organization", "PermissionSet", "Profile", "RecordType", "StaticResource"}
    | {"User", "UserRole"}
)
"""Objects of the data API that the Tooling API knows just as they are."""

OBJECTS = (
    *DEFINITIONS, CUSTOM_OBJECT, CUSTOM_FIELD, APEX_CLASS, APEX_TRIGGER, APEX_LOG, DEBUG_LEVEL, TRACE_FLAG,
    APEX_TEST_QUEUE_ITEM, APEX_TEST_RESULT, APEX_TEST_RESULT_LIMITS, APEX_CODE_COVERAGE_AGGREGATE,
    APEX_ORG_WIDE_COVERAGE, SOURCE_MEMBER, SUBSCRIBER_PACKAGE, SUBSCRIBER_PACKAGE_VERSION,
    INSTALLED_SUBSCRIBER_PACKAGE, VALIDATION_RULE,
)  # fmt: skip
