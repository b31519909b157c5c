"""Answers made wrong in their content: rows shuffled, left out or doubled, counts that are off, malformed text.

Pure functions from an answer to an answer. Rows are the lines of CSV behind its header, the ``records`` of a JSON page,
the elements of a JSON list.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from sfdata.localorg.routing import Answer, json_answer

COUNT_HEADER = "Sforce-NumberOfRecords"
LOCATOR_HEADER = "Sforce-Locator"
COUNTS = ("totalSize", "numberRecordsProcessed")
"""Where a JSON answer counts rows."""

Rows = list[Any]


class Unfit(ValueError):
    """An answer that the fault cannot be done to: it has no rows, or no count."""


def with_rows(given: Answer, change: Callable[[Rows], Rows]) -> Answer:
    """The answer with other rows, and everything else as it was.

    Raises:
        Unfit: it has none.
    """
    if given.content_type.startswith("text/csv"):
        header, *rows = csv_lines(given.body) or [b""]
        return replace(given, body=b"".join([header, *change(rows)]))
    value = _json(given)
    if isinstance(value, list):
        return _with_json(given, change(value))
    if not isinstance(value.get("records"), list):
        raise Unfit("the answer has no rows")
    return _with_json(given, {**value, "records": change(value["records"])})


def csv_lines(body: bytes) -> list[bytes]:
    """The records of a CSV, each with its line end; a line end within quotes ends none."""
    return list(_csv_lines(body))


def _csv_lines(body: bytes) -> Iterator[bytes]:
    record = b""
    for line in body.splitlines(keepends=True):
        record += line
        if record.count(b'"') % 2 == 0:
            yield record
            record = b""
    if record:
        yield record


def shuffled(given: Answer, draw: random.Random) -> Answer:
    """The rows in another order, if there is one."""

    def change(rows: Rows) -> Rows:
        order = list(range(len(rows)))
        while len(rows) > 1 and order == sorted(order):
            draw.shuffle(order)
        return [rows[n] for n in order]

    return with_rows(given, change)


def without(given: Answer, rows: int, draw: random.Random) -> Answer:
    """So many rows fewer."""

    def change(there: Rows) -> Rows:
        gone = set(draw.sample(range(len(there)), min(rows, len(there))))
        return [row for n, row in enumerate(there) if n not in gone]

    return with_rows(given, change)


def doubled(given: Answer, rows: int, draw: random.Random) -> Answer:
    """So many rows more, at the end: some that are there already."""
    return with_rows(given, lambda there: there + draw.choices(there, k=rows) if there else there)


def with_rows_of(given: Answer, before: Answer) -> Answer:
    """The rows of the page before, under this page's own counts and way on."""
    kept: Rows = []
    with_rows(before, lambda rows: kept.extend(rows) or rows)  # type: ignore[func-returns-value]
    return with_rows(given, lambda rows: kept)


def leading_to(given: Answer, target: str) -> Answer:
    """A page whose way on is ``target``, its own address."""
    if given.content_type.startswith("text/csv"):
        _, found, locator = target.partition("locator=")
        here = locator.partition("&")[0] if found else "MA"
        return with_header(given, LOCATOR_HEADER, here)
    return _with_json(given, {**_page(given), "done": False, "nextRecordsUrl": target})


def miscounted(given: Answer, by: int, field: str | None) -> Answer:
    """With a count of rows that is off by ``by``: that of ``field``, or the one there is.

    Raises:
        Unfit: there is none.
    """
    if given.content_type.startswith("text/csv"):
        count = given.headers.get(COUNT_HEADER)
        if count is None:
            raise Unfit(f"the answer has no {COUNT_HEADER}")
        return with_header(given, COUNT_HEADER, str(int(count) + by))
    page = _page(given)
    name = field or next((name for name in COUNTS if name in page), None)
    if name is None or not isinstance(page.get(name), int):
        raise Unfit(f"the answer does not count {field or 'rows'}")
    return _with_json(given, {**page, name: page[name] + by})


def malformed(given: Answer, at: int, text: str) -> Answer:
    """With ``text`` in the middle of the body, where it does not belong."""
    return replace(given, body=given.body[:at] + text.encode() + given.body[at:])


def with_header(given: Answer, name: str, value: str | None) -> Answer:
    """With this header, spelled so; without it for None."""
    if name.lower() == "content-type" and value is not None:
        return replace(given, content_type=value)
    headers: Mapping[str, str] = {n: v for n, v in given.headers.items() if n.lower() != name.lower()}
    return replace(given, headers=headers if value is None else {**headers, name: value})


def _page(given: Answer) -> dict[str, Any]:
    value = _json(given)
    if not isinstance(value, dict):
        raise Unfit("the answer is no JSON object")
    return value


def _json(given: Answer) -> Any:
    try:
        return json.loads(given.body)
    except ValueError:
        raise Unfit("the answer is no JSON") from None


def _with_json(given: Answer, value: Any) -> Answer:
    return replace(given, body=json_answer(value).body)
