"""Random queries over random tables, against an evaluator that works row by row and knows neither SQL nor the engine.

Two objects: firms, each perhaps with a boss firm, and people, each perhaps with a firm. A query is drawn together with
what it means: its text beside a function of plain rows.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import reduce
from itertools import groupby
from operator import ge, gt, le, lt
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sfdata.localorg.engine import QueryEngine
from sfdata.localorg.ids import make_id
from sfdata.localorg.schema import Field, Schema, SObject
from sfdata.localorg.store import Store

Row = dict[str, Any]
Holds = Callable[[Row], bool]
Condition = tuple[str, Holds]

TODAY = dt.date(2024, 2, 29)
LETTERS = "aAÄäé'%_"
ORDERED: dict[str, Callable[[Any, Any], bool]] = {"<": lt, "<=": le, ">": gt, ">=": ge}

FIRM = {"Name": "string", "Size__c": "double", "Since__c": "date", "Boss__c": "reference"}
PERSON = {
    "Name": "string", "Age__c": "int", "Born__c": "date", "Seen__c": "datetime", "Active__c": "boolean",
    "Firm__c": "reference",
}  # fmt: skip
FIRM_PATHS = {**FIRM, "Boss__r.Name": "string", "Boss__r.Size__c": "double"}
PERSON_PATHS = {
    **PERSON, "Firm__r.Name": "string", "Firm__r.Size__c": "double", "Firm__r.Since__c": "date",
    "Firm__r.Boss__r.Name": "string",
}  # fmt: skip


def reference(name: str, children: str) -> Field:
    return Field(
        name,
        "reference",
        name,
        reference_to=("Firm__c",),
        relationship_name=f"{name[:-1]}r",
        child_relationship=children,
    )


def sobject(name: str, prefix: str, types: dict[str, str], lookup: Field) -> SObject:
    plain = [Field(n, kind, n) for n, kind in types.items() if kind != "reference"]
    return SObject(name, name, f"{name}s", prefix, (Field("Id", "id", "Id"), *plain, lookup), custom=True)


SCHEMA = Schema(
    [
        sobject("Firm__c", "a00", FIRM, reference("Boss__c", "Branches__r")),
        sobject("Person__c", "a01", PERSON, reference("Firm__c", "People__r")),
    ]
)

# --- tables ----------------------------------------------------------------------------------------------------------

# Few values, near each other: rows often share one, differ in case only, or meet the bound of a condition.
NOON = dt.datetime(2024, 2, 29, 12)
POOLS: dict[str, list[Any]] = {
    "string": [None, *LETTERS, "aa", "aA", "Aä", "aÄ", "É%", "é'"],
    "double": [None, *(n / 2 for n in range(-4, 5))],
    "int": [None, *range(-3, 4)],
    "date": [None, *(TODAY + dt.timedelta(n) for n in (-800, -400, -61, -30, *range(-15, 16), 31, 92, 366))],
    "datetime": [
        None,
        *(NOON + dt.timedelta(hours=n) for n in (-9000, -300, -36, -13, -1, 0, 1, 11, 12, 36, 400, 9000)),
    ],
    "boolean": [True, False],
    "reference": [None, *(make_id("a00", n) for n in range(5))],
}
VALUES = {kind: st.sampled_from(pool) for kind, pool in POOLS.items()}
BOUNDS = {kind: st.sampled_from([value for value in pool if value is not None]) for kind, pool in POOLS.items()}


@dataclass(frozen=True)
class Tables:
    """The rows of both objects. Rows hold their parents' rows under the relationship's name."""

    firms: list[Row]
    people: list[Row]


def tables_of(seed: int) -> Tables:
    """Up to six firms and twelve people; lookups lead to firms that are there, or nowhere."""
    random = Random(seed)

    def rows(prefix: str, types: dict[str, str], most: int) -> list[Row]:
        ids = [make_id(prefix, n) for n in range(random.randint(0, most))]
        return [{"Id": own, **{name: random.choice(POOLS[kind]) for name, kind in types.items()}} for own in ids]

    firms, people = rows("a00", FIRM, 6), rows("a01", PERSON, 12)
    known = {firm["Id"]: firm for firm in firms}
    for row, lookup in [*((f, "Boss__c") for f in firms), *((p, "Firm__c") for p in people)]:
        parent = known.get(row[lookup])
        row[lookup] = parent["Id"] if parent else None
        row[f"{lookup[:-1]}r"] = parent
    return Tables(firms, people)


# By a seed, since values drawn one by one are mostly alike.
tables = st.integers(1, 10**6).map(tables_of)


def wire(value: Any) -> Any:
    """A value as the REST API writes it."""
    if isinstance(value, dt.datetime):
        return f"{value:%Y-%m-%dT%H:%M:%S}.000+0000"
    return value.isoformat() if isinstance(value, dt.date) else value


def ask(data: Tables, soql: str) -> dict[str, Any]:
    """The engine's answer on these tables."""
    with closing(Store(SCHEMA)) as store:
        for name, types, rows in (("Firm__c", FIRM, data.firms), ("Person__c", PERSON, data.people)):
            columns = ["Id", *types]
            store.bulk_load(SCHEMA.object(name), columns, [[wire(row[c]) for c in columns] for row in rows])
        engine = QueryEngine(store, clock=lambda: dt.datetime.combine(TODAY, dt.time(9), dt.UTC))
        answer: dict[str, Any] = json.loads(engine.query(soql, base="/base", user_id=""))
        return answer


def at(row: Row | None, path: str) -> Any:
    """The value a path leads to; null where a parent on the way is missing."""
    return reduce(lambda record, step: None if record is None else record[step], path.split("."), row)


# --- conditions ------------------------------------------------------------------------------------------------------


def folded(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def sortable(value: Any) -> Any:
    """Text in the order of English readers' orgs: by code point, small letters as capitals."""
    return value.upper() if isinstance(value, str) else value


def literal(value: Any) -> str:
    if isinstance(value, str):
        return "'" + value.replace("'", "\\'") + "'"
    if isinstance(value, dt.datetime):
        # The same instant, as a clock two hours ahead shows it.
        return f"{value + dt.timedelta(hours=2):%Y-%m-%dT%H:%M:%S}+02:00"
    return "null" if value is None else str(wire(value)).lower()


def week(day: dt.date) -> int:
    """The number of a week that begins on Sunday: 0001-01-07, day 7 of the calendar, was one."""
    return day.toordinal() // 7


def month(day: dt.date) -> int:
    return day.year * 12 + day.month - 1


PERIODS: dict[str, Callable[[dt.date], int]] = {
    "DAY": dt.date.toordinal,
    "WEEK": week,
    "MONTH": month,
    "QUARTER": lambda day: month(day) // 3,
    "YEAR": lambda day: day.year,
}


@st.composite
def relative(draw: st.DrawFn, path: str) -> Condition:
    """A relative date: whole periods, counted from the current one."""
    unit, n = draw(st.sampled_from(sorted(PERIODS))), draw(st.integers(1, 5))
    spans = {
        f"LAST_N_{unit}S:{n}": (-n, 0 if unit == "DAY" else -1),
        f"NEXT_N_{unit}S:{n}": (1, n),
        f"N_{unit}S_AGO:{n}": (-n, -n),
        **({} if unit == "DAY" else {f"THIS_{unit}": (0, 0), f"LAST_{unit}": (-1, -1), f"NEXT_{unit}": (1, 1)}),
        **({"TODAY": (0, 0), "YESTERDAY": (-1, -1), "TOMORROW": (1, 1)} if unit == "DAY" else {}),
    }
    name = draw(st.sampled_from(sorted(spans)))
    first, last = spans[name]
    word = draw(st.sampled_from(["=", "!=", *ORDERED]))

    def holds(row: Row) -> bool:
        value = at(row, path)
        if value is None:
            return word == "!="
        day = value.date() if isinstance(value, dt.datetime) else value
        distance = PERIODS[unit](day) - PERIODS[unit](TODAY)
        tests = {
            "=": first <= distance <= last, "!=": not first <= distance <= last,
            "<": distance < first, "<=": distance <= last, ">": distance > last, ">=": distance >= first,
        }  # fmt: skip
        return tests[word]

    return f"{path} {word} {name}", holds


@st.composite
def like(draw: st.DrawFn, path: str) -> Condition:
    """A pattern of letters, wildcards and escaped wildcards, and the regular expression it stands for."""
    wild = {"%": ".*", "_": ".", r"\%": "%", r"\_": "_", r"\'": "'"}
    pieces = draw(st.lists(st.sampled_from([*wild, *"aAÄäé"]), max_size=3))
    pattern = re.compile("".join(wild.get(p) or re.escape(p) for p in pieces).lower(), re.DOTALL)

    def holds(row: Row) -> bool:
        value = at(row, path)
        return value is not None and pattern.fullmatch(value.lower()) is not None

    return f"{path} LIKE '{''.join(pieces)}'", holds


@st.composite
def comparison(draw: st.DrawFn, path: str, kind: str) -> Condition:
    """``=``, ``!=``, an order or a list, with values of the field's type and with null."""
    values = VALUES[kind]
    form = draw(st.sampled_from(["equal", "in"] if kind in ("boolean", "reference") else ["equal", "order", "in"]))
    negated = draw(st.booleans())
    if form == "in":
        listed = draw(st.lists(values, min_size=1, max_size=3))
        chosen = {folded(value) for value in listed}
        text = f"{path} {'NOT IN' if negated else 'IN'} ({', '.join(map(literal, listed))})"
        return text, lambda row: (folded(at(row, path)) in chosen) != negated
    if form == "equal":
        value = draw(values)
        text = f"{path} {draw(st.sampled_from(['!=', '<>'])) if negated else '='} {literal(value)}"
        return text, lambda row: (folded(at(row, path)) == folded(value)) != negated
    word, bound = draw(st.sampled_from(sorted(ORDERED))), draw(BOUNDS[kind])

    def holds(row: Row) -> bool:
        value = at(row, path)
        return value is not None and ORDERED[word](sortable(value), sortable(bound))

    return f"{path} {word} {literal(bound)}", holds


def leaves(paths: dict[str, str]) -> st.SearchStrategy[Condition]:
    """One test of one field: a comparison, a pattern or a relative date."""
    compared = [comparison(path, kind) for path, kind in paths.items()]
    likened = [like(path) for path, kind in paths.items() if kind == "string"]
    dated = [relative(path) for path, kind in paths.items() if kind in ("date", "datetime")]
    return st.one_of(st.one_of(compared), st.one_of(likened), st.one_of(dated))


def conditions(paths: dict[str, str]) -> st.SearchStrategy[Condition]:
    """Tests under any nesting of AND, OR and NOT."""

    def combined(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
        def joined(parts: list[Condition], word: str) -> Condition:
            choose = all if word == "AND" else any
            return f" {word} ".join(f"({text})" for text, _ in parts), lambda row: choose(h(row) for _, h in parts)

        negated = inner.map(lambda part: (f"(NOT ({part[0]}))", lambda row: not part[1](row)))
        return negated | st.builds(joined, st.lists(inner, min_size=2, max_size=3), st.sampled_from(["AND", "OR"]))

    return st.recursive(leaves(paths), combined, max_leaves=6)


def anything(row: Row) -> bool:
    return True


def wheres(paths: dict[str, str]) -> st.SearchStrategy[Condition]:
    """A WHERE clause, or none."""
    clauses = conditions(paths).map(lambda part: (f" WHERE {part[0]}", part[1]))
    return st.one_of(clauses, clauses, clauses, st.just(("", anything)))


# --- order and pages -------------------------------------------------------------------------------------------------

Arranged = tuple[str, Callable[[list[Row]], list[Row]]]


@st.composite
def arrangements(draw: st.DrawFn, paths: dict[str, str], *, paged: bool = True) -> Arranged:
    """ORDER BY some fields and then Id, so that the order is complete; LIMIT; OFFSET."""
    terms = [
        (path, draw(st.booleans()), draw(st.sampled_from(["", " NULLS FIRST", " NULLS LAST"])))
        for path in draw(st.lists(st.sampled_from(sorted(paths)), max_size=2, unique=True))
    ]
    limit = draw(st.none() | st.integers(1, 6))
    offset = draw(st.none() | st.integers(0, 4)) if paged else None
    written = [f"{path} {'DESC' if down else 'ASC'}{nulls}" for path, down, nulls in terms]
    text = f" ORDER BY {', '.join([*written, 'Id'])}"
    text += "" if limit is None else f" LIMIT {limit}"
    text += "" if offset is None else f" OFFSET {offset}"

    def arrange(rows: list[Row]) -> list[Row]:
        rows = sorted(rows, key=lambda row: row["Id"])
        # The last term first: each sort, reversed or not, leaves equal rows as the later terms put them.
        for path, down, nulls in reversed(terms):
            known = [row for row in rows if at(row, path) is not None]
            known.sort(key=lambda row: sortable(at(row, path)), reverse=down)
            unknown = [row for row in rows if at(row, path) is None]
            rows = known + unknown if nulls == " NULLS LAST" else unknown + known
        return rows[offset or 0 :][: len(rows) if limit is None else limit]

    return text, arrange


def shown(record: Row | None, paths: list[str]) -> list[Any]:
    return [at(record, path) for path in paths]


def expected(rows: list[Row], paths: list[str]) -> list[list[Any]]:
    return [[wire(value) for value in shown(row, paths)] for row in rows]


# --- the laws --------------------------------------------------------------------------------------------------------


@settings(max_examples=300, deadline=None)
@given(
    data=tables,
    where=wheres(PERSON_PATHS),
    arranged=arrangements(PERSON_PATHS),
    selected=st.lists(st.sampled_from(sorted(PERSON_PATHS)), min_size=1, max_size=4, unique=True),
)
def test_rows_are_chosen_ordered_and_cut_as_the_query_says(
    data: Tables, where: Condition, arranged: Arranged, selected: list[str]
) -> None:
    """WHERE, ORDER BY, LIMIT and OFFSET over fields and parents: the same rows in the same order, every value."""
    answer = ask(data, f"SELECT {', '.join(selected)} FROM Person__c{where[0]}{arranged[0]}")
    rows = arranged[1]([person for person in data.people if where[1](person)])
    assert [shown(record, selected) for record in answer["records"]] == expected(rows, selected)
    assert answer["totalSize"] == len(rows)


@settings(max_examples=80, deadline=None)
@given(data=tables, inner=wheres(PERSON_PATHS), outer=conditions(FIRM_PATHS), negated=st.booleans())
def test_semi_joins_choose_parents_by_children(data: Tables, inner: Condition, outer: Condition, negated: bool) -> None:
    """Id IN (SELECT Firm__c …), joined with any other condition; no null on either side is ever a match."""
    word = "NOT IN" if negated else "IN"
    sub_select = f"SELECT Firm__c FROM Person__c{inner[0]}"
    answer = ask(data, f"SELECT Id FROM Firm__c WHERE Id {word} ({sub_select}) AND ({outer[0]}) ORDER BY Id")
    chosen = {person["Firm__c"] for person in data.people if inner[1](person)}
    rows = [firm for firm in data.firms if (firm["Id"] in chosen) != negated and outer[1](firm)]
    assert [record["Id"] for record in answer["records"]] == [row["Id"] for row in rows]


@settings(max_examples=60, deadline=None)
@given(data=tables, inner=wheres(FIRM_PATHS), negated=st.booleans())
def test_semi_joins_choose_children_by_parents(data: Tables, inner: Condition, negated: bool) -> None:
    """Firm__c IN (SELECT Id …): who has no firm is in no list, and so in every NOT IN."""
    word = "NOT IN" if negated else "IN"
    answer = ask(data, f"SELECT Id FROM Person__c WHERE Firm__c {word} (SELECT Id FROM Firm__c{inner[0]}) ORDER BY Id")
    chosen = {firm["Id"] for firm in data.firms if inner[1](firm)}
    rows = [person for person in data.people if (person["Firm__c"] in chosen) != negated]
    assert [record["Id"] for record in answer["records"]] == [row["Id"] for row in rows]


@settings(max_examples=60, deadline=None)
@given(data=tables, where=wheres(PERSON_PATHS), arranged=arrangements(PERSON_PATHS, paged=False))
def test_child_rows_come_with_their_parents(data: Tables, where: Condition, arranged: Arranged) -> None:
    """A subquery chooses, orders and limits the children of each parent; a parent without any has null."""
    answer = ask(data, f"SELECT Id, (SELECT Id FROM People__r{where[0]}{arranged[0]}) FROM Firm__c ORDER BY Id")
    found = [record["People__r"] for record in answer["records"]]
    for children, firm in zip(found, data.firms, strict=True):
        rows = arranged[1]([p for p in data.people if p["Firm__c"] == firm["Id"] and where[1](p)])
        assert (children and [record["Id"] for record in children["records"]]) == ([r["Id"] for r in rows] or None)


# --- groups ----------------------------------------------------------------------------------------------------------

AGGREGATES: dict[str, Callable[[list[Any]], Any]] = {
    "COUNT(Id)": len,
    "COUNT(Age__c)": len,
    "COUNT_DISTINCT(Name)": lambda values: len({value.lower() for value in values}),
    "COUNT_DISTINCT(Firm__r.Size__c)": lambda values: len(set(values)),
    "SUM(Age__c)": lambda values: sum(values) if values else None,
    "SUM(Firm__r.Size__c)": lambda values: sum(values) if values else None,
    "AVG(Age__c)": lambda values: sum(values) / len(values) if values else None,
    "MIN(Born__c)": lambda values: min(values, default=None),
    "MAX(Seen__c)": lambda values: max(values, default=None),
    "MAX(Firm__r.Size__c)": lambda values: max(values, default=None),
}


def aggregate(call: str, rows: list[Row]) -> Any:
    path = call[call.index("(") + 1 : -1]
    return wire(AGGREGATES[call]([value for value in (at(row, path) for row in rows) if value is not None]))


def grouped(rows: list[Row], path: str) -> Iterator[tuple[Any, list[Row]]]:
    """The rows by value, nulls together; texts that differ in case are one group, named by the first code point."""
    ranked = sorted(rows, key=lambda row: (at(row, path) is not None, folded(at(row, path)) or 0))
    for _, members in groupby(ranked, key=lambda row: folded(at(row, path))):
        group = list(members)
        yield min((at(row, path) for row in group), default=None) if at(group[0], path) else at(group[0], path), group


@settings(max_examples=200, deadline=None)
@given(
    data=tables,
    where=wheres(PERSON_PATHS),
    key=st.sampled_from(["Name", "Age__c", "Born__c", "Active__c", "Firm__c", "Firm__r.Name", "Firm__r.Since__c"]),
    calls=st.lists(st.sampled_from(sorted(AGGREGATES)), min_size=1, max_size=3, unique=True),
    least=st.none() | st.integers(1, 3),
)
def test_groups_and_their_aggregates(
    data: Tables, where: Condition, key: str, calls: list[str], least: int | None
) -> None:
    """GROUP BY a field or a parent's, HAVING a count: one record for each group, with every aggregate of its rows."""
    calls = [call for call in calls if key not in call] or ["COUNT(Id)"]  # what is grouped cannot be aggregated
    having = "" if least is None else f" HAVING COUNT(Id) >= {least}"
    answer = ask(data, f"SELECT {key} k, {', '.join(calls)} FROM Person__c{where[0]} GROUP BY {key}{having}")
    rows = [person for person in data.people if where[1](person)]
    wanted = {
        wire(value): [aggregate(call, group) for call in calls]
        for value, group in grouped(rows, key)
        if least is None or len(group) >= least
    }
    assert len(answer["records"]) == len(wanted)
    assert {r["k"]: [r[f"expr{n}"] for n in range(len(calls))] for r in answer["records"]} == wanted


@settings(max_examples=60, deadline=None)
@given(
    data=tables,
    where=wheres(PERSON_PATHS),
    calls=st.lists(st.sampled_from(sorted(AGGREGATES)), min_size=1, max_size=3, unique=True),
)
def test_aggregates_of_all_rows(data: Tables, where: Condition, calls: list[str]) -> None:
    """Without GROUP BY all rows are one group, also none; COUNT() is how many there are."""
    rows = [person for person in data.people if where[1](person)]
    (record,) = ask(data, f"SELECT {', '.join(calls)} FROM Person__c{where[0]}")["records"]
    assert [record[f"expr{n}"] for n in range(len(calls))] == [aggregate(call, rows) for call in calls]
    counted = ask(data, f"SELECT COUNT() FROM Person__c{where[0]}")
    assert (counted["totalSize"], counted["records"]) == (len(rows), [])
