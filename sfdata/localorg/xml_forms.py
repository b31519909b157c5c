"""The REST API in XML: what clients get that ask for it, and records that they send in it.

A client asks by ``Accept: application/xml`` or by a path that ends in ``.xml``; ``.json`` names the usual form. See
https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_list.htm
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape, quoteattr

from sfdata.localorg.answers import ApiError
from sfdata.localorg.records.preconditions import READING
from sfdata.localorg.routing import JSON, Answer, Request
from sfdata.localorg.xml_reading import XmlRefused, local_name, read_xml

XML = "application/xml"
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>'
INSTANCE = "http://www.w3.org/2001/XMLSchema-instance"
NIL = f"{{{INSTANCE}}}nil"
UNPRINTABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

SUFFIX = re.compile(r"(/services/data(?:/.*)?)\.(xml|json)/?", re.IGNORECASE | re.DOTALL)
ROOTS: Mapping[re.Pattern[str], str] = {
    re.compile(rf"/services/data{below}/?", re.IGNORECASE): root
    for below, root in (
        ("", "Versions"),
        (r"/v[\d.]+", "urls"),
        (r"/v[\d.]+/sobjects", "DescribeGlobal"),
        (r"/v[\d.]+/(?:tooling/)?query(?:All)?(?:/[^/]+)?", "QueryResult"),
        (r"/v[\d.]+/limits", "LimitsSnapshot"),
    )
}
"""What the outermost element is called, by path; records and results tell theirs themselves."""
ITEMS = {"Versions": "Version", "Errors": "Error"}
"""What the elements are called where the whole answer is a list."""


# --- answers ---------------------------------------------------------------------------------------------------------


def asked(method: str, path: str, headers: Mapping[str, str]) -> tuple[str, bool]:
    """The path without the ending that names a form, and whether the answer is to be XML.

    Only what is read has such endings: the path of an upsert ends in an external id, which may look like one.
    """
    suffixed = SUFFIX.fullmatch(path)
    if suffixed and method in READING:
        return suffixed[1], suffixed[2].lower() == "xml"
    accepted = headers.get("accept", "").lower()
    return path, XML in accepted and "json" not in accepted


def in_xml(answer: Answer, path: str) -> Answer:
    """The answer in XML; as it is where it is no JSON, or of a resource that only speaks JSON."""
    if answer.content_type != JSON or not answer.body:
        return answer
    value = json.loads(answer.body)
    root = _root(value, path, answer.status)
    if root is None:
        return answer
    return replace(answer, body="".join([DECLARATION, *_document(root, value)]).encode(), content_type=XML)


def _root(value: Any, path: str, status: int) -> str | None:
    if isinstance(value, list) and status >= 400:
        return "Errors"
    if isinstance(value, dict):
        if "attributes" in value:
            return str(value["attributes"]["type"])
        if "success" in value:
            return "Result"
        described = value.get("objectDescribe", value)
        if "keyPrefix" in described:
            return str(described["name"])
    return next((root for pattern, root in ROOTS.items() if pattern.fullmatch(path)), None)


def _document(root: str, value: Any) -> Iterator[str]:
    if isinstance(value, list):
        value = {ITEMS[root]: value}
    attributes = dict(value.get("attributes", {}))
    if any(_nulls(value)):
        attributes["xmlns:xsi"] = INSTANCE
    yield from _element(root, {**value, "attributes": attributes})


def _nulls(value: Any) -> Iterator[bool]:
    """Whether each of the values inside is null."""
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _nulls(part)
    yield value is None


def _element(name: str, value: Any) -> Iterator[str]:
    """A value as an element, a list as one for each of its items; what describes a record becomes its attributes."""
    if isinstance(value, list):
        for item in value:
            yield from _element(name, item)
    elif isinstance(value, dict):
        attributes = "".join(f" {key}={quoteattr(str(text))}" for key, text in value.get("attributes", {}).items())
        yield f"<{name}{attributes}>"
        for key, part in value.items():
            if key != "attributes":
                yield from _element(key, part)
        yield f"</{name}>"
    elif value is None:
        yield f'<{name} xsi:nil="true"/>'
    else:
        yield f"<{name}>{xml_text(value)}</{name}>"


def xml_text(value: Any) -> str:
    """A value as the content of an element, without the characters that no XML can have."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.000Z"
    return escape(UNPRINTABLE.sub("", str(value)))


# --- records ---------------------------------------------------------------------------------------------------------


def as_json(request: Request) -> Request:
    """A request whose body is a record in XML, with the same record in JSON; any other request as it is.

    Raises:
        ApiError: XML_PARSER_ERROR for a body that is no XML.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != XML:
        return request
    try:
        fields = _members(read_xml(request.body))
    except XmlRefused as problem:
        raise ApiError(400, "XML_PARSER_ERROR", f"The body is no XML that can be read: {problem}") from None
    headers = {**request.headers, "content-type": "application/json"}
    return replace(request, body=json.dumps(fields).encode(), headers=headers)


def _members(element: Element) -> dict[str, Any]:
    return {local_name(child): _value(child) for child in element}


def _value(element: Element) -> Any:
    if element.get(NIL) == "true":
        return None
    return _members(element) if len(element) else element.text or ""
