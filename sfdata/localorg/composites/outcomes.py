"""What became of single rows in a request with many: one form for collections and trees."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sfdata.localorg.answers import ApiError
from sfdata.localorg.records.validation import RecordError, RecordRefused

ROLLED_BACK = RecordError(
    "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "Record rolled back because not all records were valid and the request was using AllOrNone header",
)


def succeeded(record_id: str, **more: Any) -> dict[str, Any]:
    """The result of a row that was written."""
    return {"id": record_id, "success": True, "errors": [], **more}


def refused(errors: Iterable[RecordError]) -> dict[str, Any]:
    """The result of a row that was not."""
    return {"success": False, "errors": error_list(errors)}


def error_list(errors: Iterable[RecordError]) -> list[dict[str, Any]]:
    """Errors of a row; unlike those of a request, they always name ``fields``."""
    return [{"statusCode": e.code, "message": e.message, "fields": list(e.fields or ())} for e in errors]


def too_many(most: int) -> ApiError:
    """The refusal of a request with more rows than a call may have."""
    message = f"record limit reached. cannot submit more than {most} records into this call"
    return ApiError(400, "EXCEEDED_ID_LIMIT", message)


def none_given() -> RecordRefused:
    """The refusal of a request without rows."""
    return RecordRefused([RecordError("REQUIRED_FIELD_MISSING", "At least 1 record is required", None)])
