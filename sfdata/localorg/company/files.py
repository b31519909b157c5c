"""Files: a handful of documents, each with one version and a link to the opportunity it belongs to."""

from __future__ import annotations

import hashlib
from itertools import repeat
from typing import Final

from sfdata.localorg.company.blocks import Block
from sfdata.localorg.company.sales import Opportunities
from sfdata.localorg.company.tables import Columns

#: Title, file extension, and content; the number stands for the document's serial number.
TEMPLATES: Final = (
    ("Quote {0}", "txt", "Quote {0}\n\n20 × Cordless Drill Pro\nNet price as discussed.\n"),
    ("Price list {0}", "csv", 'Code,Name,Price\nP01-M,"Cordless Drill",189.00\nH03-M,"Pipe Wrench 14""",38.75\n'),
    ("Angebot Nr. {0} – Müller", "txt", "Sehr geehrte Damen und Herren,\n\nanbei unser Angebot Nr. {0}.\n"),
    ("Site plan {0}", "svg", '<svg xmlns="http://www.w3.org/2000/svg" width="8"><path d="M0 0h8v8z"/></svg>\n'),
)
FILE_TYPES: Final = {"txt": "TEXT", "csv": "CSV", "svg": "SVG"}


def grow_files(block: Block, opportunities: Opportunities) -> dict[str, Columns]:
    """Make a block's files: the columns of documents, versions and links, by object."""
    serials = block.serials("ContentDocument")
    count = min(len(serials), len(opportunities.live))
    documents = block.ids("ContentDocument", count)
    versions = block.ids("ContentVersion", count)
    deals = opportunities.live[:count]
    filled = [_fill(serial) for serial in serials[:count]]
    owners = [opportunities.columns["OwnerId"][deal] for deal in deals]
    moments = [opportunities.columns["LastModifiedDate"][deal] for deal in deals]
    described: Columns = {
        "Title": [title for title, _, _ in filled],
        "FileExtension": [extension for _, extension, _ in filled],
        "FileType": [FILE_TYPES[extension] for _, extension, _ in filled],
        "ContentSize": [len(content) for _, _, content in filled],
        "ContentModifiedDate": moments,
        "OwnerId": owners, "CreatedById": owners, "LastModifiedById": owners,
        "CreatedDate": moments, "LastModifiedDate": moments, "SystemModstamp": moments,
        "PublishStatus": repeat("P"), "SharingOption": repeat("A"),
    }  # fmt: skip
    version: Columns = {
        "Id": versions,
        "ContentDocumentId": documents,
        "VersionData": [content for _, _, content in filled],
        "Checksum": [hashlib.md5(content, usedforsecurity=False).hexdigest() for _, _, content in filled],
        "PathOnClient": [f"{title}.{extension}" for title, extension, _ in filled],
        "FirstPublishLocationId": [opportunities.columns["Id"][deal] for deal in deals],
        "ContentModifiedById": owners, "VersionNumber": repeat("1"), "IsLatest": repeat(1),
        "Origin": repeat("C"), "ContentLocation": repeat("S"),
    }  # fmt: skip
    links: Columns = {
        "Id": block.ids("ContentDocumentLink", count),
        "ContentDocumentId": documents,
        "LinkedEntityId": version["FirstPublishLocationId"],
        "ShareType": repeat("V"), "Visibility": repeat("AllUsers"), "SystemModstamp": moments,
    }  # fmt: skip
    return {
        "ContentDocument": {"Id": documents, "LatestPublishedVersionId": versions, **described},
        "ContentVersion": {**version, **described},
        "ContentDocumentLink": links,
    }


def _fill(serial: int) -> tuple[str, str, bytes]:
    title, extension, content = TEMPLATES[serial % len(TEMPLATES)]
    number = f"{serial:05}"
    return title.format(number), extension, content.replace("{0}", number).encode()
