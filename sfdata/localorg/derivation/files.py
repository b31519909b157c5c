"""Files: what the bytes of a version or attachment tell, and the document that holds all versions of a file."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import md5
from pathlib import PureWindowsPath
from typing import Any

from sfdata.localorg.derivation.draft import Draft, object_named, row_of
from sfdata.localorg.records.validation import datetime_text
from sfdata.localorg.store import Store

FILE_TYPES = {
    "csv": "CSV", "doc": "WORD", "docx": "WORD_X", "gif": "GIF", "htm": "HTML", "html": "HTML", "jpeg": "JPG",
    "jpg": "JPG", "json": "JSON", "md": "UNKNOWN", "mp3": "MP3", "mp4": "MP4", "pdf": "PDF", "png": "PNG",
    "ppt": "POWER_POINT", "pptx": "POWER_POINT_X", "rtf": "RTF", "svg": "SVG", "txt": "TEXT", "xls": "EXCEL",
    "xlsx": "EXCEL_X", "xml": "XML", "zip": "ZIP",
}  # fmt: skip
"""File extension: Salesforce's word for the type of file."""

FROM_LATEST = {
    "Title": "Title",
    "Description": "Description",
    "ContentSize": "ContentSize",
    "FileType": "FileType",
    "FileExtension": "FileExtension",
    "ContentModifiedDate": "ContentModifiedDate",
}
"""Field of a document: field of its latest version."""


def file_facts(draft: Draft) -> None:
    """Size, type and checksum follow from the bytes and the name of a file; a new version is the latest one."""
    row = draft.row
    if "Body" in row:
        row["BodyLength"] = len(row["Body"] or b"")
        return
    content, path = row["VersionData"] or b"", PureWindowsPath(row["PathOnClient"] or "")
    row["ContentSize"], row["Checksum"] = len(content), md5(content, usedforsecurity=False).hexdigest()
    row["FileExtension"] = path.suffix[1:] or None
    row["FileType"] = FILE_TYPES.get(path.suffix[1:].lower(), "UNKNOWN")
    row["Title"] = row["Title"] or path.stem or "Untitled"
    row["ContentModifiedDate"], row["ContentModifiedById"] = datetime_text(draft.now), row["LastModifiedById"]
    if draft.before is None:
        _add_version(draft)


def _add_version(draft: Draft) -> None:
    row = draft.row
    row["IsLatest"], row["VersionNumber"] = 1, "1"
    if row["ContentDocumentId"] is None:
        row["ContentDocumentId"] = _new_document(draft)
        return
    document = draft.parent("ContentDocumentId")
    earlier = row_of(draft.store, document["LatestPublishedVersionId"]) if document else None
    if earlier is not None:
        draft.store.update(draft.sobject, earlier["Id"], {"IsLatest": 0})
        row["VersionNumber"] = str(int(earlier["VersionNumber"]) + 1)


def _new_document(draft: Draft) -> str:
    """The document around a first version, linked to its owner and to where the version says it is published."""
    row, store = draft.row, draft.store
    document, link = object_named(store, "ContentDocument"), object_named(store, "ContentDocumentLink")
    document_id = store.new_id(document)
    stamps = {name: row[name] for name in ("CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById")}
    facts = {"OwnerId": row["OwnerId"], "PublishStatus": "P", "Title": row["Title"]}
    store.insert(document, {"Id": document_id, **facts, **stamps, "SystemModstamp": row["SystemModstamp"]})
    for linked, share in ((row["OwnerId"], "I"), (row["FirstPublishLocationId"], "V")):
        if linked is not None:
            link_id = store.new_id(link)
            shared = {"ShareType": share, "Visibility": "AllUsers", "SystemModstamp": row["SystemModstamp"]}
            keys = {"Id": link_id, "LinkedEntityId": linked, "ContentDocumentId": document_id}
            store.insert(link, keys | shared)
    return document_id


def keep_document(store: Store, version: Mapping[str, Any] | None) -> None:
    """Bring a document in step with its latest version."""
    if version is None or not version["IsLatest"]:
        return
    facts = {name: version[source] for name, source in FROM_LATEST.items()}
    facts |= {"LatestPublishedVersionId": version["Id"], "SystemModstamp": version["SystemModstamp"]}
    store.update(object_named(store, "ContentDocument"), version["ContentDocumentId"], facts)
