"""A batch of the store: whoever writes through it sees and leaves behind what he would have without it."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, suppress
from typing import Any

import pytest

from sfdata.localorg.batch import Batch
from sfdata.localorg.ids import make_id
from sfdata.localorg.schema import Field, Schema, SObject
from sfdata.localorg.store import Store, Undo

FIELDS = (
    Field("Id", "id", "Id"),
    Field("Name", "string", "Name"),
    Field("Parent__c", "reference", "Parent", reference_to=("Thing__c",)),
    Field("Size__c", "double", "Size"),
    Field("IsDeleted", "boolean", "Deleted"),
    Field("SystemModstamp", "datetime", "Stamp"),
)
THING = SObject("Thing__c", "Thing", "Things", "a00", FIELDS)
PLAIN = SObject("Plain__c", "Plain", "Plains", "a01", (Field("Id", "id", "Id"), Field("Name", "string", "Name")))
NAMES = ("one", "One", "Ünder", "ünder", None)


class Program:
    """Random reads and writes, some of them in transactions that are undone; the same for the same seed."""

    def __init__(self, seed: int, store: Store, batch: Batch | None) -> None:
        self.random = random.Random(seed)
        self.store = store
        self.batch = batch
        self.told: list[Any] = []

    def run(self, steps: int, depth: int = 0) -> None:
        moves = [self.add, self.change, self.change, self.remove, self.look, self.note, *[self.search, self.ahead] * 2]
        for _ in range(steps):
            if depth < 3 and self.random.random() < 0.2:
                with suppress(Undo), self.store.transaction():
                    self.run(self.random.randrange(1, 6), depth + 1)
                    if self.random.random() < 0.5:
                        raise Undo
            else:
                self.random.choice(moves)()

    def thing(self) -> SObject:
        return self.random.choice((THING, THING, THING, PLAIN))

    def some_id(self, sobject: SObject) -> str:
        return make_id(str(sobject.key_prefix), self.random.randrange(1, 9))

    def values(self, sobject: SObject) -> dict[str, Any]:
        drawn = {
            "Name": self.random.choice(NAMES),
            "Parent__c": self.random.choice((None, self.some_id(THING))),
            "Size__c": self.random.choice((1.0, 2.5)),
            "IsDeleted": self.random.choice((0, 0, 1)),
            "SystemModstamp": "2026-01-01T00:00:00.000+0000",
        }
        chosen = self.random.sample(sorted(drawn), self.random.randrange(1, 5))
        return {name: drawn[name] for name in chosen if sobject.field(name)}

    def add(self) -> None:
        sobject = self.thing()
        self.store.insert(sobject, {"Id": self.store.new_id(sobject), **self.values(sobject)})

    def change(self) -> None:
        sobject = self.thing()
        self.store.update(sobject, self.some_id(sobject), self.values(sobject))

    def remove(self) -> None:
        sobject = self.thing()
        if self.random.random() < 0.3:
            self.store.remove(sobject, self.some_id(sobject))

    def look(self) -> None:
        sobject = self.thing()
        record_id = self.some_id(sobject)
        seen = self.store.glimpse(sobject, record_id)
        self.told.append((self.store.get(sobject, record_id), seen is None or seen["Name"]))

    def search(self) -> None:
        sobject, name, value = self.place()
        limit = self.random.choice((1, 2, 200))
        ids = self.store.find_ids(sobject, name, value, limit=limit)
        self.told.append((self.store.find(sobject, name, value, limit=limit), list(ids)))
        if self.random.random() < 0.2:
            self.told.append(self.store.count(sobject))

    def note(self) -> None:
        key = self.random.choice("ab")
        self.told.append(self.store.setting(key))
        self.store.set_setting(key, f"{self.store.setting(key)}+")

    def ahead(self) -> None:
        """Read ahead, which means nothing without a batch."""
        sobject, name, value = self.place()
        kind = self.random.randrange(3)
        field = sobject.field(name)
        if self.batch is None or field is None:
            return
        if kind == 0:
            self.batch.read_ahead(sobject, field, {value} - {None})
        elif kind == 1 and field.type != "id":
            self.batch.read_ids_ahead(sobject, field, {value} - {None})
        elif field.type == "id":
            self.batch.glimpse_ahead(sobject, ["Name"], [value])

    def place(self) -> tuple[SObject, str, Any]:
        sobject = self.thing()
        name = self.random.choice([name for name in ("Id", "Name", "Name", "Parent__c") if sobject.field(name)])
        values: Callable[[], Any] = {
            "Id": lambda: self.some_id(sobject),
            "Name": lambda: self.random.choice(NAMES),
            "Parent__c": lambda: self.some_id(THING),
        }[name]
        return sobject, name, values()


def outcome(seed: int, *, batched: bool, undone: bool) -> tuple[list[Any], list[Any]]:
    """What a program was told, and the tables that it left."""
    with closing(Store(Schema([THING, PLAIN]))) as store:
        for name in NAMES:
            store.insert(THING, {"Id": store.new_id(THING), "Name": name})
        around: AbstractContextManager[Any] = store.batch() if batched else store.transaction()
        with suppress(Undo), around as opened:
            program = Program(seed, store, opened if batched else None)
            program.run(40)
            if undone:
                raise Undo
        tables = ("Thing__c", "Plain__c", "_settings", "_sequences", "_deletions")
        return program.told, [store.connection.execute(f'SELECT * FROM "{name}"').fetchall() for name in tables]


@pytest.mark.parametrize("seeds", [range(start, start + 50) for start in range(0, 150, 50)])
def test_a_batch_cannot_be_told_from_a_transaction(seeds: range) -> None:
    """Random programs are told the same and leave the same tables, also where a part or all of it is undone."""
    for seed in seeds:
        undone = seed % 7 == 0
        assert outcome(seed, batched=True, undone=undone) == outcome(seed, batched=False, undone=undone), seed


def test_a_batch_asks_once_for_all_and_writes_at_the_end() -> None:
    """Rows that were read ahead and rows that were added are known without another statement."""
    with closing(Store(Schema([THING]))) as store:
        name = THING.field("Name")
        assert name is not None
        statements: list[str] = []
        with store.batch() as batch:
            batch.read_ahead(THING, name, [f"n{number}" for number in range(100)])
            store.connection.set_trace_callback(statements.append)
            for number in range(100):
                assert store.find(THING, "Name", f"N{number}") == []
                with store.transaction():
                    store.insert(THING, {"Id": make_id("a00", number), "Name": f"n{number}"})
                assert len(store.find_ids(THING, "Name", f"n{number}")) == 1
            assert statements == []
        store.connection.set_trace_callback(None)
        assert store.count(THING) == 100
