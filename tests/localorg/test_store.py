"""The store: rows in and out, all-or-nothing, Ids, and what survives a restart."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfdata.localorg.ids import make_id
from sfdata.localorg.schema import Field, Schema, SObject
from sfdata.localorg.store import Store


def thing(*more: Field) -> SObject:
    fields = (
        Field("Id", "id", "Id"),
        Field("Name", "string", "Name"),
        Field("Code__c", "string", "Code", case_sensitive=True),
        Field("Active__c", "boolean", "Active"),
        Field("Number__c", "double", "Number"),
        Field("IsDeleted", "boolean", "Deleted"),
        Field("Place__c", "location", "Place"),
    )
    return SObject("Thing__c", "Thing", "Things", "a00", (*fields, *more))


THING = thing()
PLAIN = SObject("Plain__c", "Plain", "Plains", "a01", (Field("Id", "id", "Id"),))


@pytest.fixture
def store() -> Iterator[Store]:
    made = Store(Schema([THING, PLAIN]))
    yield made
    made.close()


def add(store: Store, **values: Any) -> str:
    record_id = store.new_id(THING)
    store.insert(THING, {"Id": record_id, **values})
    return record_id


def test_a_row_comes_back_with_every_stored_field(store: Store) -> None:
    """What was not given is null, booleans are false; compound fields are not stored."""
    record_id = add(store, Name="one", Number__c=1.5)
    assert store.get(THING, record_id) == {
        "Id": record_id,
        "Name": "one",
        "Code__c": None,
        "Active__c": 0,
        "Number__c": 1.5,
        "IsDeleted": 0,
    }
    assert store.get(THING, make_id("a00", 999)) is None


@given(
    name=st.none() | st.text(st.characters(exclude_categories=["Cs"])), number=st.none() | st.floats(allow_nan=False)
)
def test_values_come_back_as_they_went_in(name: str | None, number: float | None) -> None:
    """Any text and any number."""
    store = Store(Schema([THING]))
    record_id = add(store, Name=name, Number__c=number)
    row = store.get(THING, record_id)
    store.close()
    assert row is not None
    assert (row["Name"], row["Number__c"]) == (name, number)


def test_booleans_are_never_null(store: Store) -> None:
    """None is stored as false, by insert and by update."""
    record_id = add(store, Active__c=None)
    assert store.find(THING, "Active__c", 0)[0]["Id"] == record_id
    store.update(THING, record_id, {"Active__c": 1})
    store.update(THING, record_id, {"Active__c": None})
    row = store.get(THING, record_id)
    assert row is not None
    assert row["Active__c"] == 0


def test_find_ignores_case_except_where_the_field_respects_it(store: Store) -> None:
    """Text is found in any case; a case-sensitive field and null are found exactly."""
    record_id = add(store, Name="Acme", Code__c="aB")
    assert [row["Id"] for row in store.find(THING, "Name", "ACME")] == [record_id]
    assert store.find(THING, "Code__c", "AB") == []
    assert len(store.find(THING, "Code__c", "aB")) == 1
    assert len(store.find(THING, "Number__c", None)) == 1


@pytest.mark.parametrize(
    ("stored", "asked"),
    [
        ("Müller-7", "MÜLLER-7"),
        ("ÉCOLE ä", "école Ä"),
        ("Иванов", "иВАНов"),
        ("александрович александрович", "АлександровиЧ АЛЕКСАНдрович"),
    ],
)
def test_find_ignores_the_case_of_every_letter(store: Store, stored: str, asked: str) -> None:
    """Letters beyond ASCII are found in either case, too, in short texts and in long ones; others are not."""
    record_id = add(store, Name=stored, Code__c=stored)
    add(store, Name=f"{stored}ö")
    assert [row["Id"] for row in store.find(THING, "Name", asked)] == [record_id]
    assert store.find(THING, "Name", f"{asked}é") == []
    assert store.find(THING, "Code__c", asked) == []


def test_find_leaves_the_recycle_bin_out(store: Store) -> None:
    """Deleted rows are not found and not counted, but get sees them."""
    record_id = add(store, Name="x")
    store.update(THING, record_id, {"IsDeleted": 1})
    assert store.find(THING, "Name", "x") == []
    assert store.get(THING, record_id) is not None
    assert store.count(THING) == 0


def test_rows_alike_have_every_value(store: Store) -> None:
    """Each field has its own value, null among them, compared as the field compares; deleted rows are left out."""
    alike = [add(store, Name=name, Code__c="aB", Number__c=None) for name in ("Größe", "GRÖSSE", "GRÖßE")]
    add(store, Name="Größe", Code__c="AB")
    add(store, Name="Größe", Code__c="aB", Number__c=1.0)
    store.update(THING, add(store, Name="Größe", Code__c="aB"), {"IsDeleted": 1})
    wanted = [("Name", "gRÖßE"), ("Code__c", "aB"), ("Number__c", None)]
    with store.batch():
        alike.append(add(store, Name="größe", Code__c="aB"))
        found = [row["Id"] for row in store.find_alike(THING, wanted)]
    assert found == [alike[0], alike[2], alike[3]]


def test_find_stops_at_its_limit(store: Store) -> None:
    """The oldest rows come first."""
    ids = [add(store, Name="same") for _ in range(5)]
    assert [row["Id"] for row in store.find(THING, "Name", "same", limit=2)] == ids[:2]


def test_update_changes_only_what_is_given(store: Store) -> None:
    """The other fields and the other rows stay; nothing given changes nothing."""
    first, second = add(store, Name="a", Code__c="c"), add(store, Name="b")
    store.update(THING, first, {"Name": None})
    store.update(THING, second, {})
    rows = store.get(THING, first), store.get(THING, second)
    assert [(row["Name"], row["Code__c"]) for row in rows if row] == [(None, "c"), ("b", None)]


def test_remove_deletes_for_good_and_its_number_is_not_used_again(store: Store) -> None:
    """The row is gone, and a new row does not take its place in an open cursor."""
    record_id = add(store, Name="x")
    (before,) = store.connection.execute('SELECT max(_row) FROM "Thing__c"').fetchone()
    store.remove(THING, record_id)
    assert store.get(THING, record_id) is None
    add(store, Name="y")
    (behind,) = store.connection.execute('SELECT max(_row) FROM "Thing__c"').fetchone()
    assert behind > before


def test_an_id_exists_once(store: Store) -> None:
    """A second row with the same Id is refused by the database."""
    record_id = add(store)
    with pytest.raises(sqlite3.IntegrityError):
        store.insert(THING, {"Id": record_id})


# --- transactions ----------------------------------------------------------------------------------------------------


def test_an_exception_undoes_the_whole_transaction(store: Store) -> None:
    """Rows, Ids and settings written inside are as if they had never been."""
    with suppress(LookupError), store.transaction():
        add(store, Name="x")
        store.set_setting("key", "value")
        raise LookupError
    assert store.count(THING) == 0
    assert store.setting("key") is None
    assert store.new_id(THING) == make_id("a00", 1)


def test_an_inner_transaction_is_undone_alone(store: Store) -> None:
    """The outer one goes on and keeps its rows."""
    with store.transaction():
        add(store, Name="kept")
        with suppress(LookupError), store.transaction():
            add(store, Name="lost")
            raise LookupError
        add(store, Name="kept too")
    assert store.connection.execute('SELECT "Name" FROM "Thing__c"').fetchall() == [("kept",), ("kept too",)]


def test_an_outer_exception_undoes_finished_inner_transactions(store: Store) -> None:
    """All or nothing is decided by the outermost."""
    with suppress(LookupError), store.transaction():
        with store.transaction():
            add(store, Name="x")
        raise LookupError
    assert store.count(THING) == 0


def test_threads_take_turns(store: Store) -> None:
    """Ids given to many threads at once are all different, and every row arrives."""

    def work() -> None:
        for _ in range(50):
            with store.transaction():
                add(store, Name="x")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.count(THING) == 200


# --- Ids and loading -------------------------------------------------------------------------------------------------


def test_ids_count_up_for_each_object(store: Store) -> None:
    """Each key prefix has its own sequence; an Id is never given twice."""
    assert store.new_ids(THING, 3) == [make_id("a00", n) for n in (1, 2, 3)]
    assert store.new_id(PLAIN) == make_id("a01", 1)
    assert store.new_id(THING) == make_id("a00", 4)


def test_loaded_ids_are_not_given_again(store: Store) -> None:
    """After a load, new Ids continue behind the highest one loaded, in whatever order it came."""
    rows = [[make_id("a00", n), f"name {n}"] for n in (7, 12_345, 3)]
    assert store.bulk_load(THING, ["Id", "Name"], iter(rows)) == 3
    assert store.new_id(THING) == make_id("a00", 12_346)
    store.bulk_load(THING, ["Id"], [[make_id("a00", 20)]])
    assert store.new_id(THING) == make_id("a00", 12_347)


def test_a_load_is_all_or_nothing(store: Store) -> None:
    """A row that cannot be stored takes back the ones before it, also those of earlier batches."""
    rows = [[make_id("a00", n)] for n in range(1, 6_000)]
    with pytest.raises(sqlite3.IntegrityError):
        store.bulk_load(THING, ["Id"], [*rows, rows[0]])
    assert store.count(THING) == 0


def test_loading_nothing_is_nothing(store: Store) -> None:
    """No rows, no change to the sequence."""
    assert store.bulk_load(THING, ["Id"], []) == 0
    assert store.new_id(THING) == make_id("a00", 1)


def test_an_object_without_key_prefix_has_no_ids(store: Store) -> None:
    """Asking for one is a mistake of the caller."""
    with pytest.raises(ValueError, match="no key prefix"):
        store.new_id(SObject("Name", "Name", "Names", None, ()))


# --- files -----------------------------------------------------------------------------------------------------------


def test_a_file_keeps_rows_ids_and_settings(tmp_path: Path) -> None:
    """Closed and opened again, everything is there and Ids go on where they stopped."""
    store = Store(Schema([THING]), tmp_path / "org")
    record_id = add(store, Name="kept")
    store.set_setting("key", "one")
    store.set_setting("key", "two")
    store.close()
    store = Store(Schema([THING]), tmp_path / "org")
    row = store.get(THING, record_id)
    assert row is not None
    assert (row["Name"], store.setting("key")) == ("kept", "two")
    assert store.new_id(THING) == make_id("a00", 2)
    store.close()


def test_a_grown_schema_grows_the_tables(tmp_path: Path) -> None:
    """New fields are null in old rows (booleans false), new objects are empty, old values stay."""
    store = Store(Schema([THING]), tmp_path)
    record_id = add(store, Name="old")
    store.close()
    grown = thing(Field("Extra__c", "string", "Extra", unique=True), Field("Flag__c", "boolean", "Flag"))
    store = Store(Schema([grown, PLAIN]), tmp_path)
    row = store.get(grown, record_id)
    assert row is not None
    assert (row["Name"], row["Extra__c"], row["Flag__c"]) == ("old", None, 0)
    assert store.count(PLAIN) == 0
    store.close()


def test_a_killed_process_loses_nothing_it_finished(tmp_path: Path) -> None:
    """A process that dies in the middle of a transaction leaves the finished ones, and only them."""
    script = (
        "import os, sys, pathlib\n"
        "from sfdata.localorg.schema import Field, Schema, SObject\n"
        "from sfdata.localorg.store import Store\n"
        "fields = (Field('Id', 'id', 'Id'), Field('Name', 'string', 'Name'))\n"
        "thing = SObject('Thing__c', 'Thing', 'Things', 'a00', fields)\n"
        "store = Store(Schema([thing]), pathlib.Path(sys.argv[1]))\n"
        "store.insert(thing, {'Id': store.new_id(thing), 'Name': 'finished'})\n"
        "with store.transaction():\n"
        "    store.insert(thing, {'Id': store.new_id(thing), 'Name': 'unfinished'})\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    source = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": source}
    died = subprocess.run([sys.executable, "-c", script, str(tmp_path)], env=environment, check=False)
    assert died.returncode != 0
    store = Store(Schema([THING]), tmp_path)
    assert store.connection.execute('SELECT "Name" FROM "Thing__c"').fetchall() == [("finished",)]
    store.close()
