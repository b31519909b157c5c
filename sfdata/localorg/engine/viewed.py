"""FOR VIEW and FOR REFERENCE: the rows of a query count as seen by the user from then on.

https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_for_view.htm
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from sfdata.localorg.engine.select import RowPlan
from sfdata.localorg.engine.sql import compose, join, value
from sfdata.localorg.engine.viewer import stored_datetime
from sfdata.localorg.store import Store
from sfdata.localorg.tables import ROW, quoted

DATES: Mapping[str, frozenset[str]] = {
    "VIEW": frozenset({"LastViewedDate", "LastReferencedDate"}),
    "REFERENCE": frozenset({"LastReferencedDate"}),
}
"""Purpose of a query: the dates it moves."""


def note_viewed(store: Store, plan: RowPlan, purpose: str, now: dt.datetime) -> None:
    """Move the dates of all rows of a plan, as far as the object has such dates."""
    sobject, moved = plan.scope.sobject, DATES[purpose]
    moment = value(stored_datetime(now.replace(microsecond=0)))
    dates = [compose(f"{quoted(f.name)} = {{}}", moment) for f in sobject.fields if f.name in moved]
    if dates:
        where = f"UPDATE {quoted(sobject.name)} SET {{}} WHERE {ROW} IN ({{}})"  # noqa: S608 - schema names only
        update = compose(where, join(", ", dates), plan.numbers())
        store.connection.execute(update.text, update.params)
