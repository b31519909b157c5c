"""Numbers the org gives: ``INV-{0000}`` counts INV-0001, INV-0002, … and never gives one twice."""

from __future__ import annotations

import re

from sfdata.localorg.schema import Field, SObject
from sfdata.localorg.store import Store
from sfdata.localorg.tables import quoted

PATTERN = re.compile(r"(?P<head>.*)\{(?P<digits>0+)\}(?P<tail>.*)")


def next_number(store: Store, sobject: SObject, field: Field) -> str:
    """The next value of an auto-number field; the count is kept in the store.

    Raises ValueError for a display format without ``{0}``.
    """
    shape = PATTERN.fullmatch(field.auto_number or "")
    if shape is None:
        raise ValueError(f"{sobject.name}.{field.name} has no {{0}} in its display format {field.auto_number!r}")
    key = f"auto_number:{sobject.name}.{field.name}"
    last = store.setting(key)
    number = 1 + (int(last) if last is not None else _highest(store, sobject, field, shape))
    store.set_setting(key, str(number))
    return f"{shape['head']}{number:0{len(shape['digits'])}d}{shape['tail']}"


def _highest(store: Store, sobject: SObject, field: Field, shape: re.Match[str]) -> int:
    """The highest number among rows that were loaded with theirs."""
    column = quoted(field.name)
    statement = (
        f"SELECT {column} FROM {quoted(sobject.name)} WHERE {column} LIKE ? "  # noqa: S608 - schema names only
        f"ORDER BY length({column}) DESC, {column} DESC LIMIT 1"
    )
    with store.lock:
        row = store.connection.execute(statement, (f"{shape['head']}%{shape['tail']}",)).fetchone()
    inner = row[0][len(shape["head"]) : len(row[0]) - len(shape["tail"])] if row else ""
    return int(inner) if inner.isdecimal() else 0
