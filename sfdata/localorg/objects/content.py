"""Files and notes on records: files with their versions and links, and the older notes, attachments and documents."""

from __future__ import annotations

from sfdata.localorg.objects.activities import WHAT, WHO
from sfdata.localorg.objects.fields import (
    Attributes,
    blob,
    checkbox,
    datetime,
    integer,
    is_deleted,
    last_viewed,
    long_text,
    name_text,
    owner,
    picklist,
    read_only,
    record_id,
    reference,
    sobject,
    system_fields,
    system_modstamp,
    text,
    textarea,
    url,
)

NOTED = tuple(sorted({*WHO, *WHAT}))
ATTACHED = tuple(sorted({*NOTED, "Event", "Task"}))
LINKED = (*ATTACHED, "User")
ORIGINS = {"C": "Content", "H": "Chatter"}
SHARING = {"A": "Allowed", "R": "Restricted"}
FILE: Attributes = {"derived": "file"}

CONTENT_DOCUMENT = sobject(
    "ContentDocument", "Content Document", "ContentDocuments", "069",
    record_id("ContentDocument ID"),
    system_fields(),
    read_only(checkbox("IsArchived", "Is Archived")),
    read_only(reference("ArchivedById", "User ID", "User")),
    read_only(datetime("ArchivedDate", "Archived Date")),
    is_deleted(),
    owner("Group", "User"),
    text("Title", "Title", nillable=False, name_field=True),
    read_only(picklist("PublishStatus", "Publish Status", {"P": "Public", "R": "Personal Library", "U": "Upload "
              "Interrupted"}, restricted=True, length=40, nillable=False, defaulted_on_create=True)),
    read_only(reference("LatestPublishedVersionId", "Latest Published Version ID", "ContentVersion")),
    textarea("Description", "Description", 1000, groupable=False),
    read_only(integer("ContentSize", "Size")),
    read_only(text("FileType", "File Type", 20)),
    read_only(text("FileExtension", "File Extension", 40)),
    picklist("SharingOption", "Prevent others from sharing and unsharing", SHARING, restricted=True, length=40),
    read_only(datetime("ContentModifiedDate", "Content Modified Date")),
    last_viewed(),
    createable=False, feed_enabled=True,
)  # fmt: skip

CONTENT_VERSION = sobject(
    "ContentVersion", "Content Version", "Content Versions", "068",
    record_id("ContentVersion ID"),
    reference("ContentDocumentId", "ContentDocument ID", "ContentDocument", children="ContentVersions",
              nillable=False, updateable=False, defaulted_on_create=True, cascade_delete=True, **FILE),
    read_only(checkbox("IsLatest", "Is Latest", **FILE)),
    url("ContentUrl", "Content URL", 1333, groupable=False),
    read_only(text("VersionNumber", "Version Number", 20, **FILE)),
    text("Title", "Title", nillable=False, name_field=True, defaulted_on_create=True, **FILE),
    textarea("Description", "Description", 1000, groupable=False),
    textarea("ReasonForChange", "Reason For Change", 1000, groupable=False),
    picklist("SharingOption", "Prevent others from sharing and unsharing", SHARING, default="A", restricted=True,
             length=40, nillable=False),
    text("PathOnClient", "Path On Client", 500, updateable=False, groupable=False),
    read_only(integer("RatingCount", "Rating Count")),
    is_deleted(),
    read_only(datetime("ContentModifiedDate", "Content Modified Date", **FILE)),
    read_only(reference("ContentModifiedById", "User ID", "User", **FILE)),
    read_only(integer("PositiveRatingCount", "Positive Rating Count")),
    read_only(integer("NegativeRatingCount", "Negative Rating Count")),
    read_only(integer("FeaturedContentBoost", "Featured Content Boost")),
    owner(),
    system_fields(),
    text("TagCsv", "Tags", 2000, filterable=False, sortable=False, groupable=False, aggregatable=False),
    read_only(text("FileType", "File Type", 20, nillable=False, defaulted_on_create=True, **FILE)),
    picklist("PublishStatus", "Publish Status", {"P": "Public", "R": "Personal Library", "U": "Upload Interrupted"},
             default="P", restricted=True, length=40, nillable=False, createable=False, updateable=False),
    blob("VersionData", "Version Data"),
    read_only(integer("ContentSize", "Size", **FILE)),
    read_only(text("FileExtension", "File Extension", 40, **FILE)),
    reference("FirstPublishLocationId", "First Publish Location ID", *LINKED, updateable=False,
              name_pointing=False),
    picklist("Origin", "Content Origin", ORIGINS, default="C", restricted=True, length=40, nillable=False,
             updateable=False),
    picklist("ContentLocation", "Content Location", {"S": "Salesforce", "E": "External", "L": "Social Customer "
             "Service"}, default="S", restricted=True, length=40, nillable=False, updateable=False),
    read_only(text("Checksum", "Checksum", 50, **FILE)),
    read_only(checkbox("IsMajorVersion", "Major Version", default=True)),
    read_only(checkbox("IsAssetEnabled", "Asset File Enabled")),
    read_only(url("VersionDataUrl", "Version Data URL", filterable=False, sortable=False, groupable=False)),
    deletable=False, feed_enabled=True,
)  # fmt: skip

CONTENT_DOCUMENT_LINK = sobject(
    "ContentDocumentLink", "Content Document Link", "ContentDocumentLinks", "06A",
    record_id("ContentDocumentLink ID"),
    reference("LinkedEntityId", "Linked Entity ID", *LINKED, children="ContentDocumentLinks", nillable=False,
              updateable=False, cascade_delete=True),
    reference("ContentDocumentId", "ContentDocument ID", "ContentDocument", children="ContentDocumentLinks",
              nillable=False, updateable=False, cascade_delete=True),
    is_deleted(),
    system_modstamp(),
    picklist("ShareType", "Share Type", {"V": "Viewer", "C": "Collaborator", "I": "Inferred"}, default="V",
             restricted=True, length=40),
    picklist("Visibility", "Visibility", ("AllUsers", "InternalUsers", "SharedUsers"), default="AllUsers",
             restricted=True, length=40),
    undeletable=False, layoutable=False, searchable=False, mru_enabled=False,
)  # fmt: skip

NOTE = sobject(
    "Note", "Note", "Notes", "002",
    record_id("Note Id"),
    is_deleted(),
    reference("ParentId", "Parent ID", *NOTED, children="Notes", nillable=False, updateable=False,
              cascade_delete=True),
    text("Title", "Title", 80, nillable=False, name_field=True),
    checkbox("IsPrivate", "Private"),
    long_text("Body", "Body"),
    owner(),
    system_fields(),
    layoutable=False, mru_enabled=False,
)  # fmt: skip

ATTACHMENT = sobject(
    "Attachment", "Attachment", "Attachments", "00P",
    record_id("Attachment ID"),
    is_deleted(),
    reference("ParentId", "Parent ID", *ATTACHED, children="Attachments", nillable=False, updateable=False,
              cascade_delete=True),
    name_text("File Name"),
    checkbox("IsPrivate", "Private"),
    text("ContentType", "Content Type", 120),
    read_only(integer("BodyLength", "Body Length", **FILE)),
    blob("Body", "Body", nillable=False),
    owner(),
    system_fields(),
    text("Description", "Description", 500, groupable=False),
    layoutable=False, mru_enabled=False, searchable=False,
)  # fmt: skip

FOLDER = sobject(
    "Folder", "Folder", "Folders", "00l",
    record_id("Folder ID"),
    name_text("Name", 40),
    text("DeveloperName", "Folder Unique Name", 80),
    picklist("AccessType", "Access Type", ("Shared", "Public", "Hidden", "PublicInternal"), restricted=True,
             length=40, nillable=False),
    checkbox("IsReadonly", "Read Only"),
    picklist("Type", "Type", ("Document", "Email", "Report", "Dashboard"), restricted=True, length=40,
             nillable=False),
    text("NamespacePrefix", "Namespace Prefix", 15, updateable=False),
    system_fields(),
    undeletable=False, layoutable=False, searchable=False, mru_enabled=False, triggerable=False, replicateable=False,
)  # fmt: skip

DOCUMENT = sobject(
    "Document", "Document", "Documents", "015",
    record_id("Document ID"),
    reference("FolderId", "Folder ID", "Folder", "User", nillable=False, name_pointing=False),
    is_deleted(),
    name_text("Document Name"),
    text("DeveloperName", "Document Unique Name", 80),
    text("NamespacePrefix", "Namespace Prefix", 15, updateable=False),
    text("ContentType", "MIME Type", 120),
    text("Type", "File Extension", 40),
    checkbox("IsPublic", "Externally Available"),
    read_only(integer("BodyLength", "Body Length", **FILE)),
    blob("Body", "Body"),
    url("Url", "Url", 1000, groupable=False),
    text("Description", "Description"),
    text("Keywords", "Keywords"),
    checkbox("IsInternalUseOnly", "Internal Use Only"),
    reference("AuthorId", "Author ID", "User", nillable=False, defaulted_on_create=True),
    system_fields(),
    last_viewed(),
    undeletable=False, triggerable=False,
)  # fmt: skip

OBJECTS = (
    CONTENT_DOCUMENT, CONTENT_VERSION, CONTENT_DOCUMENT_LINK, NOTE, ATTACHMENT, FOLDER, DOCUMENT,
)  # fmt: skip
