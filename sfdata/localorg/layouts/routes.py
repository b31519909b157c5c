"""The resources that tell what people see of an object."""

from __future__ import annotations

from sfdata.localorg.answers import ApiError, not_found
from sfdata.localorg.ids import normalize
from sfdata.localorg.layouts.compact_layouts import describe_compact_layout, describe_compact_layouts
from sfdata.localorg.layouts.page_layouts import describe_layout, describe_layouts
from sfdata.localorg.layouts.tabs import describe_tabs, describe_theme
from sfdata.localorg.rest import described, described_object, record_types
from sfdata.localorg.routing import Answer, Request, Route, json_answer
from sfdata.localorg.schema import MASTER_RECORD_TYPE, SObject

PRIMARY = "primary"


def layouts(request: Request) -> Answer:
    """``GET sobjects/X/describe/layouts``: the object's layout, and its record types."""
    found, schema = _with_pages(request), request.org.definitions.data_schema
    return described(request, describe_layouts(schema, found, request.base, record_types(request, found)))


def layout(request: Request) -> Answer:
    """``GET sobjects/X/describe/layouts/RECORDTYPE``: the layout that records of the type are shown in."""
    found = _of_record_type(request)
    return described(request, describe_layout(request.org.definitions.data_schema, found))


def compact_layouts(request: Request) -> Answer:
    """``GET sobjects/X/describe/compactLayouts``: the object's compact layout, and its record types."""
    found = _with_pages(request)
    return described(request, describe_compact_layouts(found, request.base, record_types(request, found)))


def compact_layout(request: Request) -> Answer:
    """``GET sobjects/X/describe/compactLayouts/RECORDTYPE``, or ``primary``: one compact layout."""
    found = _with_pages(request) if request.args["id"] == PRIMARY else _of_record_type(request)
    return described(request, describe_compact_layout(found))


def primary_compact_layouts(request: Request) -> Answer:
    """``GET compactLayouts?q=X,Y``: the compact layouts of several objects, by their names."""
    names = [name.strip() for name in request.query.get("q", "").split(",") if name.strip()]
    if not names:
        raise ApiError(400, "MISSING_ARGUMENT", "The q parameter must name one or more objects.")
    schema = request.org.definitions.data_schema
    found = [sobject for name in names if (sobject := schema.object(name)) is not None and sobject.layoutable]
    if len(found) < len(names):
        raise not_found()
    return described(request, {sobject.name: describe_compact_layout(sobject) for sobject in found})


def approval_layouts(request: Request) -> Answer:
    """``GET sobjects/X/describe/approvalLayouts``: none, as there are no approval processes."""
    _with_pages(request)
    return json_answer({"approvalLayouts": []})


def tabs(request: Request) -> Answer:
    """``GET tabs``: the tabs the user sees."""
    return json_answer(describe_tabs(request.org.schema, request.org.instance_url))


def theme(request: Request) -> Answer:
    """``GET theme``: the pictures of objects."""
    return json_answer(describe_theme(request.org.schema, request.org.instance_url))


def _with_pages(request: Request) -> SObject:
    """The object of the path, one whose records have pages."""
    found = described_object(request)
    if not found.layoutable:
        raise not_found()
    return found


def _of_record_type(request: Request) -> SObject:
    """The object of the path, one that has the record type of the path."""
    found, wanted = _with_pages(request), normalize(request.args["id"])
    if wanted != MASTER_RECORD_TYPE and wanted not in {row["Id"] for row in record_types(request, found)}:
        raise not_found()
    return found


BASE = "/services/data/v{version}"
OBJECT = f"{BASE}/sobjects/{{name}}/describe"


ROUTES: tuple[Route, ...] = (
    Route("GET", f"{BASE}/tabs", tabs, "Tabs"),
    Route("GET", f"{BASE}/theme", theme, "Theme"),
    Route("GET", f"{BASE}/compactLayouts", primary_compact_layouts, "Compact layouts of several objects"),
    Route("GET", f"{OBJECT}/layouts", layouts, "Page layouts"),
    Route("GET", f"{OBJECT}/layouts/{{id}}", layout, "Page layout of a record type"),
    Route("GET", f"{OBJECT}/compactLayouts", compact_layouts, "Compact layouts"),
    Route(
        "GET", f"{OBJECT}/compactLayouts/{{id}}", compact_layout, "Compact layout of a record type, or the primary one"
    ),
    Route("GET", f"{OBJECT}/approvalLayouts", approval_layouts, "Approval layouts"),
)
