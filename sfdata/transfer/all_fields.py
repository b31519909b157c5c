"""All fields of an object: a bare name, or FIELDS() where the org would refuse it, spelt out from describe.

An org answers ``FIELDS(ALL)`` and ``FIELDS(CUSTOM)`` for 200 rows at most, and a Bulk job not at all. An explicit list
has no such limit. It holds what rows can hold, in the org's order: no file contents, and no compound field whose parts
are fields of their own (``BillingAddress`` beside ``BillingStreet``, ``BillingCity`` …), nor any of those for a job.

https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_fields.htm
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from sfdata.errors import InvalidField
from sfdata.metadata import ObjectDescribe
from sfdata.soql.expressions import RESERVED
from sfdata.soql.nodes import FunctionCall, Query, SelectField, SelectItem

MOST_ROWS = 200
"""LIMIT up to which the org itself spells out FIELDS()."""
NOT_IN_ROWS = frozenset({"base64", "complexvalue"})
"""Types of which a query of many rows returns nothing."""
COMPOUNDS = frozenset({"address", "location"})

_BARE_NAME = re.compile(r"\s*([A-Za-z]\w*)\s*", re.ASCII)


def as_query(text: str) -> str:
    """``text``, or the query for all fields where it is nothing but the name of an object.

    >>> as_query("Account")
    'SELECT FIELDS(ALL) FROM Account'
    """
    found = _BARE_NAME.fullmatch(text)
    if found is None or found[1].upper() in RESERVED:
        return text
    return f"SELECT FIELDS(ALL) FROM {found[1]}"  # noqa: S608 - a name, and nothing else


def spelt_out(query: Query, describe: Callable[[str], ObjectDescribe], *, bulk: bool = False) -> Query:
    """``query`` with the fields by name for which FIELDS() stands, where the org (or a ``bulk`` job) would refuse it.

    Subqueries are left as they are. Describe is asked only where it is needed.

    Raises:
        InvalidType: there is no such object.
        InvalidField: it has no such fields.
    """
    served = not bulk and isinstance(query.limit, int) and query.limit <= MOST_ROWS
    groups = [] if served else [group for item in query.select if (group := _group(item))]
    if not groups:
        return query
    described = describe(query.source.path[-1])
    named = replace(query, select=tuple(item for item in query.select if not _group(item)))
    more = named.selecting(*_names(described, groups, bulk)).select[len(named.select) :]
    if not more and not named.select:
        raise InvalidField(f"{described.name} has no custom fields that can be read", error_code="INVALID_FIELD")
    place = next(place for place, item in enumerate(query.select) if _group(item))
    return replace(named, select=(*named.select[:place], *more, *named.select[place:]), text="")


def _group(item: SelectItem) -> str | None:
    """``ALL`` or ``CUSTOM`` where the item is FIELDS() of it; an org knows no limit for ``STANDARD``."""
    call = item.expression if isinstance(item, SelectField) else None
    if not isinstance(call, FunctionCall) or call.name.upper() != "FIELDS" or len(call.args) != 1:
        return None
    group = str(call.args[0]).upper()
    return group if group in ("ALL", "CUSTOM") else None


def _names(described: ObjectDescribe, groups: Sequence[str], bulk: bool) -> Iterator[str]:
    """The fields of these groups, in the org's order."""
    entries = described["fields"]
    in_parts = {entry.get("compoundFieldName") for entry in entries}
    for entry in entries:
        name, kind = entry["name"], entry["type"]
        refused = kind in NOT_IN_ROWS or (kind in COMPOUNDS and bulk)
        duplicate = kind in COMPOUNDS and name in in_parts
        if refused or duplicate or entry.get("deprecatedAndHidden"):
            continue
        if "ALL" in groups or entry.get("custom"):
            yield name
