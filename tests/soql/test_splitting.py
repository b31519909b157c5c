"""What too long a query becomes: several that fit, with exactly its rows. Judged by an evaluator written here."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfdata.errors import QueryTooLong
from sfdata.soql import bind, parse
from sfdata.soql.nodes import And, Comparison, Membership, Not, NullLiteral, Or
from sfdata.soql.splitting import LONGEST, parts

# --- an org of one table ---------------------------------------------------------------------------------------------

CHECKS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def id18(id15):
    groups = (id15[:5], id15[5:10], id15[10:])
    return id15 + "".join(CHECKS[sum(2**n for n, char in enumerate(group) if char.isupper())] for group in groups)


IDS = [f"001Lo000000{a}{b}AA" for a in "0aA" for b in "1bB"]
NAMES = ["acme", "Acme", "ACME", "beta", "Beta", "ß", "SS", "it's", "x" * 30, "", "a;b", "b;a"]
FIELDS = {
    "Id": st.sampled_from(
        [*IDS, *map(id18, IDS), *(id18(one).upper() for one in IDS), *(id18(i).lower() for i in IDS)]
    ),
    "Name": st.sampled_from(NAMES),
    "Size": st.sampled_from([1, Decimal("1.0"), 2, Decimal("2.50"), -3, 100_000, None]),
    "Born": st.sampled_from([dt.date(2024, 1, day) for day in range(1, 9)]) | st.none(),
    "Seen": st.sampled_from(
        [dt.datetime(2024, 1, 1, h, tzinfo=dt.timezone(dt.timedelta(hours=z))) for h in range(3) for z in range(3)]
    ),
}


def stored(field, value):
    """What equal values of a field have in common: here, as in an org, case of text is ignored."""
    if field == "Id":
        return id18(value)[:15]
    return str(value).casefold() or None if field == "Name" and value is not None else value


def told(field, value):
    """What a literal of a query stands for, beside `stored`."""
    if value is None or value == "":
        return None
    if field != "Id":
        return value.casefold() if isinstance(value, str) else value
    if len(value) == 15:
        return value
    return next(one for one in IDS if id18(one).upper() == value.upper())


def meets(row, condition):
    match condition:
        case And(items):
            return all(meets(row, item) for item in items)
        case Or(items):
            return any(meets(row, item) for item in items)
        case Not(item):
            return not meets(row, item)
        case Membership(left, values, negated):
            field = left.name
            wanted = {told(field, getattr(value, "value", None)) for value in values}
            return (stored(field, row[field]) in wanted) is not negated
        case Comparison(left, "=", right):
            return stored(left.name, row[left.name]) == told(left.name, getattr(right, "value", None))
        case None:
            return True
    raise AssertionError(condition)


def answer(query, table):
    """The numbers of the rows, in the org's order: by number where none is asked for."""
    found = [n for n, row in enumerate(table) if meets(row, query.where)]
    for order in reversed(query.order_by):
        field = order.expression.name
        keys = {n: stored(field, table[n][field]) for n in found}
        nulls = [n for n in found if keys[n] is None]
        others = sorted((n for n in found if keys[n] is not None), key=keys.__getitem__, reverse=order.descending)
        found = others + nulls if order.nulls == "LAST" else nulls + others
    return found


TABLE = st.lists(
    st.fixed_dictionaries({**FIELDS, "Id": st.sampled_from(IDS)}), min_size=1, max_size=25, unique_by=lambda r: r["Id"]
)
LISTS = st.sampled_from(list(FIELDS)).flatmap(
    lambda field: st.tuples(st.just(field), st.lists(FIELDS[field], min_size=6, max_size=40))
)
OTHERS = st.sampled_from(
    [
        "",
        " AND Size = 1",
        " AND (Name = 'acme' OR Size = 2)",
        " AND (NOT Name IN ('beta'))",
        " AND (Size = 1 AND Name = 'b')",
    ]
)

# --- laws ------------------------------------------------------------------------------------------------------------


@pytest.mark.catalogue("Q8")
@given(TABLE, LISTS, LISTS, OTHERS, st.integers(130, 420), st.booleans())
def test_the_parts_have_the_rows_of_the_whole(table, first, second, other, longest, both):
    """Every row of a query is a row of exactly one of its parts, and each part is a query that fits."""
    text = f"SELECT Id FROM T WHERE {first[0]} IN :a{other}" + (f" AND {second[0]} IN :b" if both else "")
    query = parse(bind(text, {"a": first[1], "b": second[1]}))
    try:
        found = parts(query, longest)
    except QueryTooLong:
        assert longest < min(len(str(query)), 350)
        return
    assert all(len(str(part)) <= longest and parse(str(part)) == part for part in found)
    assert sorted(n for part in found for n in answer(part, table)) == answer(query, table)


ORDERS = ["", " DESC", " NULLS LAST", " DESC NULLS LAST", ", Name", " DESC, Id"]


@given(TABLE, LISTS.filter(lambda one: one[0] != "Name"), st.sampled_from(ORDERS), st.integers(190, 420), st.data())
def test_an_order_by_the_field_of_the_list_is_kept(table, values, order, longest, data):
    """Parts of a query ordered by the field of its lists give, one after the other, its rows in its order."""
    field, first = values
    second = data.draw(st.permutations(first)) if longest > 250 else first[:2]
    text = f"SELECT Id FROM T WHERE {field} IN :a AND {field} IN :b ORDER BY {field}{order}"
    query = parse(bind(text, {"a": first, "b": second}))
    assert [n for part in parts(query, longest) for n in answer(part, table)] == answer(query, table)


@given(
    st.lists(st.text("abc'\\", min_size=1, max_size=9), min_size=30, max_size=60, unique=True), st.integers(150, 300)
)
def test_parts_are_as_long_as_they_may_be(names, longest):
    """No value of a part would have fitted into the part before it."""
    found = parts(parse(bind("SELECT Id FROM T WHERE Name IN :names", {"names": names})), longest)
    for part, following in pairwise(found):
        assert len(str(part)) + len(f", {following.where.values[0]}") > longest


def test_a_query_that_fits_is_left_alone():
    """Up to the limit, nothing is changed, not even a value that repeats."""
    query = parse("SELECT Id FROM T WHERE Name IN ('a', 'a') ORDER BY Name LIMIT 3 OFFSET 2")
    assert parts(query, len(str(query))) == [query]
    with pytest.raises(QueryTooLong):
        parts(query, len(str(query)) - 1)


def test_repeated_values_are_written_once():
    """Values that every field takes for the same are sent once: equal texts, numbers, instants, but not two cases."""
    text = (
        "SELECT Id FROM T WHERE Name IN ('a', 'a', 'A') AND Size IN (1, 1.0, 2)"
        " AND Seen IN (2024-01-01T10:00:00Z, 2024-01-01T11:00:00+01:00)"
    )
    (part,) = parts(parse(text), len(text) - 10)
    assert str(part) == (
        "SELECT Id FROM T WHERE Name IN ('a', 'A') AND Size IN (1, 2) AND Seen IN (2024-01-01T10:00:00Z)"
    )


def test_values_one_record_could_equal_stay_together():
    """Any case of a text, both forms of an Id, a text with blanks around, and any order of choices: one part each."""
    alike = [
        ["acme", "ACME", " Acme"],
        ["001Lo0000000001", "001Lo0000000001AAA"],
        ["red;blue", "blue;red"],
        ["Straße", "STRASSE"],
        ["", None],
    ]
    values = [value for n in range(3) for one in alike for value in one[n : n + 1]]
    query = parse(bind("SELECT Id FROM T WHERE Name IN :values", {"values": values}))
    found = parts(query, len("SELECT Id FROM T WHERE Name IN ()") + 40)
    assert len(found) > 2
    written = [{getattr(value, "value", None) for value in part.where.values} for part in found]
    for one in alike:
        assert sum(bool(values & set(one)) for values in written) == 1


MANY = ", ".join(f"'00{n:013}'" for n in range(60))
REFUSED = {
    f"SELECT Id FROM T WHERE Name NOT IN ({MANY})": "has no list",
    f"SELECT Id FROM T WHERE Name IN ({MANY}) OR Size = 1": "has no list",
    f"SELECT Id FROM T WHERE (NOT Name IN ({MANY}))": "has no list",
    f"SELECT Id FROM T WHERE Id IN (SELECT TId FROM C WHERE Name IN ({MANY}))": "has no list",
    f"SELECT Id, (SELECT Id FROM Cs WHERE Name IN ({MANY})) FROM T": "has no list",
    f"SELECT Id FROM T WHERE Born IN ({', '.join(f'LAST_N_DAYS:{n}' for n in range(60))})": "has no list",
    f"SELECT Id FROM T WHERE Name IN ({MANY}) LIMIT 5 OFFSET 5": "OFFSET",
    f"SELECT Id FROM T WHERE Name IN ({MANY}) ORDER BY Name": "ORDER BY",
    f"SELECT Id FROM T WHERE Name IN ({MANY}) ORDER BY Size": "ORDER BY",
    f"SELECT Id FROM T WHERE Id IN ('a', {MANY}) ORDER BY Id": "ORDER BY",
    f"SELECT MAX(Size) FROM T WHERE Name IN ({MANY})": "aggregates",
    f"SELECT Size, COUNT(Id) FROM T WHERE Name IN ({MANY}) GROUP BY Size": "aggregates",
    f"SELECT Name, COUNT(Id) FROM T WHERE Name IN ({MANY}) GROUP BY ROLLUP(Name)": "aggregates",
    f"SELECT {', '.join(f'Field{n}__c' for n in range(50))} FROM T WHERE Name IN ({MANY})": "without its lists",
    f"SELECT Id FROM T WHERE Name = '{'x' * 700}' AND Name IN ('a')": "without its lists",
}


@pytest.mark.catalogue("Q8")
@pytest.mark.parametrize(("text", "reason"), REFUSED.items(), ids=range(len(REFUSED)))
def test_what_cannot_be_split_is_refused_with_the_reason(text, reason):
    """Where several queries could not bring the same rows, the error says why, and what to do instead."""
    with pytest.raises(QueryTooLong, match=reason) as caught:
        parts(parse(text), 400)
    assert caught.value.hint
    assert "at most 400" in str(caught.value)


SPLIT = [
    f"SELECT COUNT() FROM T WHERE Name IN ({MANY})",
    f"SELECT Name, COUNT(Id) FROM T t WHERE t.Name IN ({MANY}) GROUP BY NAME, Size",
    f"SELECT Id, (SELECT Id FROM Cs) FROM T t WHERE (Size = 1 AND (Born = null AND t.Name IN ({MANY}))) LIMIT 7",
    f"SELECT Id FROM T WHERE Id IN ({MANY}) AND Name IN ('a', 'b') ORDER BY T.Id, Size LIMIT 9 FOR VIEW",
]


@pytest.mark.parametrize("text", SPLIT)
def test_what_can_be_split_keeps_all_else(text):
    """Every part is the whole query but for the values of its list, which together are the whole list's, each once."""
    query = parse(text)
    long = max(_tests(query.where), key=lambda test: len(str(test)))
    others = [test for test in _tests(query.where) if test is not long]
    dealt = []
    for part in parts(query, 400):
        assert replace(part, where=None) == replace(query, where=None)
        (share,) = [test for test in _tests(part.where) if str(getattr(test, "left", "")) == str(long.left)]
        assert [test for test in _tests(part.where) if test is not share] == others
        dealt += share.values
    assert tuple(dealt) == long.values


def _tests(where):
    return [one for item in where.items for one in _tests(item)] if isinstance(where, And) else [where]


def test_groups_fit_on_their_only_page():
    """A grouped query never holds more values than the 2,000 groups its result can have."""
    values = ", ".join(map(str, range(5000)))
    found = parts(parse(f"SELECT Size, COUNT(Id) FROM T WHERE Size IN ({values}) GROUP BY Size"), 20_000)
    assert [len(part.where.values) for part in found] == [2000, 2000, 1000]


def test_ids_make_as_few_queries_as_fit():
    """20,000 Ids take 22 characters each, so five queries of 100,000 characters hold them, and four do not."""
    ids = [f"001Lo0{n:09}AAA" for n in range(20_000)]
    found = parts(parse(bind("SELECT Id, Name FROM Account WHERE Id IN :ids", {"ids": ids})))
    assert len(found) == 5
    assert max(len(str(part)) for part in found) <= LONGEST
    assert [value.value for part in found for value in part.where.values] == ids


def test_null_goes_first_or_last_as_the_order_says():
    """The part with null comes where the order puts nulls: first by default, whichever way the rest goes."""
    values = ", ".join(["null", *map(str, range(40))])
    for order, first, last in [("", None, 39), (" DESC", None, 0), (" NULLS LAST", 0, None)]:
        found = parts(parse(f"SELECT Id FROM T WHERE Size IN ({values}) ORDER BY Size{order}"), 100)
        ends = [found[0].where.values[0], found[-1].where.values[-1]]
        assert [None if isinstance(end, NullLiteral) else end.value for end in ends] == [first, last]
