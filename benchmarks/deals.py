"""What is read in every benchmark: records of one object, as the JSON pages and the CSV pages of an org that has them.

A limited pool of different records is repeated for as long as rows are wanted, each time with other Ids: a million rows
are there in seconds, no two pages are the same, and no row is shorter or simpler than a row of its own would be.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

POOL_ROWS = 50_000
REST_PAGE_ROWS = 2_000
BULK_PAGE_ROWS = 250_000
VERSION = "67.0"
DATA = f"/services/data/v{VERSION}"
QUERY_LOCATOR = "01g000000000001AAA"
JOB_ID = "750000000000001AAA"
JOB = f"{DATA}/jobs/query/{JOB_ID}"

TYPES = """Id id, Name string, Street__c textarea, City__c string, Stage__c picklist, Amount__c currency,
Share__c percent, Score__c double, Employees__c int, Visits__c int, Active__c boolean, Closed__c date,
CreatedDate datetime, SystemModstamp datetime, OwnerId reference"""
FIELDS: dict[str, str] = dict(pair.split() for pair in TYPES.split(","))
REST_COLUMNS = (*(name for name in FIELDS if name != "OwnerId"), "Owner.Name")
BULK_COLUMNS = tuple(name for name in REST_COLUMNS if name not in ("Share__c", "Score__c", "City__c"))
REST_SOQL = f"SELECT {', '.join(REST_COLUMNS)} FROM Deal__c"
BULK_SOQL = f"SELECT {', '.join(BULK_COLUMNS)} FROM Deal__c"

NAMES = """Albion Borealis Cascade Delphi Ember Fairway Granite Harbour Ivory Juniper Kestrel Lantern Meridian Northgate
Orchard Pinnacle Quarry Redwood Summit Thornton Umbra Vanguard Willow Yarrow Zephyr Anchor Beacon Compass Drummond
Eastern Foundry Gateway"""
WORDS = NAMES.split()
ODD_WORDS = ("Löffler & Söhne", "Ünal “Tools”", "田中製作所", "Société Générale d'Écrous", "Żabka", "Ольга")
FORMS = ("Ltd", "GmbH", "Inc.", "S.A.", "LLC", "B.V.", "AG", "Oy")
CITIES = (
    None,
    "Łódź",
    "São Paulo",
    "Berlin",
    "Portland",
    "Osaka",
    "Leeds",
    "Austin",
    "Utrecht",
    "Brno",
    "Perth",
    "Lyon",
)

_TURN = "@@@@@@@@"
"""Stands in each Id of the pool for how often the pool has been gone through."""


def record(number: int, chance: random.Random, odd_share: float) -> dict[str, Any]:
    """One row as REST writes it: nulls, a parent that may be missing, and in ``odd_share`` of the rows text that has
    quotes, line ends and other scripts."""
    odd = chance.random() < odd_share
    name, city, street = (chance.choice(words) for words in (ODD_WORDS if odd else WORDS, CITIES, WORDS))
    place = f"{chance.randint(1, 9_999)} {street} Road"
    user = chance.randrange(400)
    owner = {"attributes": {"type": "User", "url": f"{DATA}/sobjects/User/005{user:015}"}}
    key = f"a01{_TURN}{number:07}"
    return {
        "attributes": {"type": "Deal__c", "url": f"{DATA}/sobjects/Deal__c/{key}"},
        "Id": key,
        "Name": f"{name} {chance.choice(WORDS)} {chance.choice(FORMS)} {number}",
        "Street__c": f'"The Old House"\r\n{place}' if odd else place if number % 3 else None,
        "City__c": city,
        "Stage__c": chance.choice(("Prospecting", "Closed Won", "Closed Lost")),
        "Amount__c": round(chance.uniform(0, 1e6), 2),
        "Share__c": round(chance.uniform(0, 100), 2),
        "Score__c": chance.random(),
        "Employees__c": chance.randint(1, 90_000),
        "Visits__c": chance.choice((None, chance.randint(0, 500))),
        "Active__c": chance.random() < 0.5,
        "Closed__c": _date(chance),
        "CreatedDate": _date(chance) + _clock(chance),
        "SystemModstamp": _date(chance) + _clock(chance),
        "Owner": {**owner, "Name": f"{WORDS[user % 32]} {CITIES[1 + user % 11]}"} if number % 10 else None,
    }


def _date(chance: random.Random) -> str:
    return f"{chance.randint(2019, 2026)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"


def _clock(chance: random.Random) -> str:
    return f"T{chance.randint(0, 23):02}:{chance.randint(0, 59):02}:{chance.randint(0, 59):02}.000+0000"


def describes() -> Iterator[tuple[str, bytes]]:
    """The describes of the object and of its parent, each beside its path."""
    parent = {"relationshipName": "Owner", "referenceTo": ["User"]}
    for name, types in {"Deal__c": FIELDS, "User": {"Name": "string"}}.items():
        fields = [{"name": n, "type": kind, **(parent if n == "OwnerId" else {})} for n, kind in types.items()]
        yield f"{DATA}/sobjects/{name}/describe", json.dumps({"name": name, "fields": fields}).encode()


def rest_page(rows: int) -> Callable[[int], tuple[str, bytes]]:
    """A function that makes the page at an offset of ``rows`` rows, beside its path; half of the rows are odd."""
    chance = random.Random(5)
    made = (record(number, chance, 0.5) for number in range(min(rows, POOL_ROWS)))
    pool = [json.dumps(one, ensure_ascii=False, separators=(",", ":")) for one in made]

    def page(start: int) -> tuple[str, bytes]:
        stop = min(start + REST_PAGE_ROWS, rows)
        following = f'"nextRecordsUrl":"{DATA}/query/{QUERY_LOCATOR}-{stop}",' if stop < rows else ""
        head = f'{{"totalSize":{rows},"done":{json.dumps(stop == rows)},{following}"records":['
        path = f"{DATA}/query/{QUERY_LOCATOR}-{start}" if start else f"{DATA}/query"
        return path, f"{head}{_stretch(pool, start, stop, ',')}]}}".encode()

    return page


def bulk_page(rows: int) -> Callable[[int], bytes]:
    """A function that makes the CSV page at an offset of ``rows`` rows; every value is quoted, one row in 20 is odd."""
    chance = random.Random(6)
    pool = [_csv_line(record(number, chance, 0.05)) for number in range(min(rows, POOL_ROWS))]
    header = ",".join(f'"{column}"' for column in BULK_COLUMNS) + "\n"

    def page(start: int) -> bytes:
        return (header + _stretch(pool, start, min(start + BULK_PAGE_ROWS, rows), "")).encode()

    return page


def bulk_job(rows: int, state: str) -> bytes:
    """A query job as an org tells of it."""
    told = {
        "id": JOB_ID,
        "operation": "query",
        "object": "Deal__c",
        "createdDate": "2026-11-02T08:00:00.000+0000",
        "systemModstamp": "2026-11-02T08:00:01.000+0000",
        "state": state,
        "concurrencyMode": "Parallel",
        "contentType": "CSV",
        "apiVersion": float(VERSION),
        "lineEnding": "LF",
        "columnDelimiter": "COMMA",
    }
    ended = {"jobType": "V2Query", "numberRecordsProcessed": rows, "retries": 0, "totalProcessingTime": 1000}
    return json.dumps(told | (ended if state == "JobComplete" else {})).encode()


def _csv_line(row: dict[str, Any]) -> str:
    stamps = {column: row[column].replace("+0000", "Z") for column in ("CreatedDate", "SystemModstamp")}
    values = row | stamps | {"Owner.Name": (row["Owner"] or {}).get("Name")}
    return ",".join(_quoted(values[column]) for column in BULK_COLUMNS) + "\n"


def _quoted(value: Any) -> str:
    text = json.dumps(value) if isinstance(value, bool) else str("" if value is None else value)
    return '"' + text.replace('"', '""') + '"'


def _stretch(pool: list[str], start: int, stop: int, separator: str) -> str:
    """The rows from ``start`` up to ``stop``, the pool being gone through as often as it takes."""
    parts = []
    while start < stop:
        turn, first = divmod(start, len(pool))
        last = min(len(pool), first + stop - start)
        parts.append(separator.join(pool[first:last]).replace(_TURN, f"{turn:08}"))
        start += last - first
    return separator.join(parts)
