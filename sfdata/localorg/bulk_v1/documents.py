"""Documents of Bulk API 1.0, each as JSON and as XML: job and batch infos, errors, lists of results; and job requests.

They differ in more than their brackets: JSON has the keys in the order of the alphabet, null for what is not there and
``+0000`` behind times, XML has a fixed order, leaves out what is not there, and writes ``Z``.

https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/async_api_headers_content_type.htm
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sfdata.localorg.answers import ApiError
from sfdata.localorg.records.validation import datetime_text
from sfdata.localorg.routing import Answer, Request
from sfdata.localorg.xml_forms import DECLARATION, xml_text
from sfdata.localorg.xml_reading import XmlRefused, local_name, read_xml

CSV, JSON, XML = "CSV", "JSON", "XML"
MEDIA_TYPES: Mapping[str, str] = {CSV: "text/csv", JSON: "application/json", XML: "application/xml"}
NAMESPACE = "http://www.force.com/2009/06/asyncapi/dataload"
OPENING = f'\n   xmlns="{NAMESPACE}">'

Values = Mapping[str, Any]


# --- what is answered ------------------------------------------------------------------------------------------------


def document(root: str, values: Values, form: str, status: int = 200, location: str | None = None) -> Answer:
    """One job or batch."""
    text = _json(_jsonable(values)) if form == JSON else f"{DECLARATION}{_element(root, values, '', OPENING)}"
    headers = {} if location is None else {"Location": location}
    return Answer(status, text.encode(errors="replace"), _media_type(form), headers)


def documents(root: str, item: str, listed: Iterable[Values], form: str) -> Answer:
    """The batches of a job."""
    if form == JSON:
        text = _json({item: [_jsonable(values) for values in listed]})
    else:
        inner = "".join(f"{_element(item, values, ' ')}\n" for values in listed)
        text = f"{DECLARATION}<{root}{OPENING}\n{inner}</{root}>"
    return Answer(200, text.encode(errors="replace"), _media_type(form))


def result_list(result_ids: Sequence[str], form: str) -> Answer:
    """The results of a query."""
    if form == JSON:
        text = _json(list(result_ids))
    else:
        inner = "".join(f"<result>{result_id}</result>" for result_id in result_ids)
        text = f'<result-list xmlns="{NAMESPACE}">{inner}</result-list>'
    return Answer(200, text.encode(), _media_type(form))


def error(status: int, code: str, message: str, form: str) -> Answer:
    """A refusal."""
    values = {"exceptionCode": code, "exceptionMessage": message}
    if form == JSON:
        text = _json(values)
    else:
        inner = "".join(f"\n <{name}>{xml_text(value)}</{name}>" for name, value in values.items())
        text = f"{DECLARATION}<error{OPENING}{inner}\n</error>"
    return Answer(status, text.encode(errors="replace"), _media_type(form))


def _media_type(form: str) -> str:
    return MEDIA_TYPES[JSON if form == JSON else XML]


def _element(name: str, values: Values, indent: str, opening: str = ">") -> str:
    lines = (f"{indent} <{key}>{xml_text(value)}</{key}>" for key, value in values.items() if value is not None)
    return "\n".join([f"{indent}<{name}{opening}", *lines, f"{indent}</{name}>"])


def _jsonable(values: Values) -> dict[str, Any]:
    told = {key: datetime_text(value) if isinstance(value, datetime) else value for key, value in values.items()}
    return dict(sorted(told.items()))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


# --- what is asked ---------------------------------------------------------------------------------------------------


def asked_form(request: Request) -> str | None:
    """The form that a request says it has; None where it says nothing, or something else."""
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return {"application/json": JSON, "application/xml": XML, "text/xml": XML}.get(given)


def asked_job(request: Request) -> Values:
    """What a request says of a job, as JSON or, unless it is named so, as XML.

    Raises:
        ApiError: for a body that is neither.
    """
    if asked_form(request) != JSON:
        return _job_of_xml(request.body)
    try:
        asked = json.loads(request.body)
    except (ValueError, RecursionError):
        raise ApiError(400, "ClientInputError", "Unable to parse the JSON of the request") from None
    if not isinstance(asked, dict):
        raise ApiError(400, "ClientInputError", "The request has no job info")
    return asked


def _job_of_xml(body: bytes) -> Values:
    try:
        root = read_xml(body.strip())
    except XmlRefused as problem:
        raise ApiError(400, "InvalidXML", f"Unable to parse the XML of the request: {problem}") from None
    if local_name(root) != "jobInfo":
        raise ApiError(400, "InvalidXML", f"Found {local_name(root)} in place of jobInfo")
    return {local_name(part): (part.text or "").strip() for part in root}
