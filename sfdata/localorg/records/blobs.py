"""Uploads as multipart messages: one part holds a record's fields as JSON, the other the bytes of its blob field.

The vendor's page:
https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/dome_sobject_insert_update_blob.htm
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sfdata.localorg.records.multipart import Part, invalid, is_multipart, parts
from sfdata.localorg.routing import Request
from sfdata.localorg.schema import SObject

READABLE = "application/json"


def unpacked(request: Request, sobject: SObject) -> tuple[Request, Mapping[str, bytes]]:
    """The request with only its JSON as the body, and the bytes by field; any other request as it is, and no bytes.

    Raises:
        ApiError: INVALID_MULTIPART_REQUEST for a message that is not made of just those two parts.
    """
    content_type = request.headers.get("content-type", "")
    if not is_multipart(content_type):
        return request, {}
    found_parts = parts(content_type, request.body)
    readable = [part for part in found_parts if part.content_type == READABLE]
    binary = [part for part in found_parts if part.content_type != READABLE]
    for kind, found in (("non-binary", readable), ("binary", binary)):
        if len(found) > 1:
            raise invalid(f"Cannot include more than one {kind} part")
        if not found:
            raise invalid(f"Multipart message must include a {kind} part")
    headers = {**request.headers, "content-type": READABLE}
    return replace(request, body=readable[0].content, headers=headers), _by_field(sobject, binary[0])


def _by_field(sobject: SObject, part: Part) -> Mapping[str, bytes]:
    field = sobject.field(part.name)
    if field is None or field.type != "base64":
        raise invalid(f"The binary part is named {part.name}, which is no binary field of {sobject.name}")
    return {field.name: part.content}
