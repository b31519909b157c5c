"""When records were last changed, asked again: what a careful writer compares before it writes."""

from __future__ import annotations

from typing import Any

import pandas as pd

from sfdata.transfer.engine import Engine
from sfdata.transfer.lookup import Lookup, Reader


def current_versions(org: Reader, object_name: str, ids: pd.Series[Any], *, engine: Engine = "auto") -> pd.DataFrame:
    """``Id`` and ``SystemModstamp`` of these records as they are now, on the index of ``ids``.

    Ids may have 15 or 18 characters. Both columns are missing where the org has the record no longer, or does not show
    it to this user. A frame read earlier knows its own stamps if the query selected ``SystemModstamp``; a row whose
    stamp differs has been changed in between. Two limits: the org stamps to the second, so a second change within one
    second shows no more than the first; and a record may change between this read and a write, which only a
    conditional request (``If-Unmodified-Since``, for single records) rules out.

    https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/system_fields.htm

    Returns:
        ``Id`` is ``str``, ``SystemModstamp`` is ``datetime64[ms, UTC]``.

    Raises:
        InvalidField: the object has no ``SystemModstamp``.
        BindError: a value is no Id.
    """
    return Lookup(org, object_name, ("Id", "SystemModstamp"), key="Id", engine=engine).of(ids)
