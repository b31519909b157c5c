"""Records that are written as a set: the same rows and the same errors as if each had been written alone."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from typing import Any

import pytest

from sfdata.localorg.bulk.dialect import Dialect
from sfdata.localorg.bulk.settings import JobSettings
from sfdata.localorg.bulk.writes import Write
from sfdata.localorg.company import seed_base, seed_company
from sfdata.localorg.ids import make_id
from sfdata.localorg.ledger import Ledger
from sfdata.localorg.objects import build_schema
from sfdata.localorg.records.crud import Records
from sfdata.localorg.records.foresight import Prospect
from sfdata.localorg.records.validation import RecordError, RecordRefused
from sfdata.localorg.schema import Field, Schema, SObject
from sfdata.localorg.store import Store
from sfdata.localorg.tables import quoted

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
DAY = date(2026, 11, 21)
RULES = """
[Account.validation_rules.No_Tests]
error_condition_formula = 'BEGINS(Name, "Test")'
error_message = "No tests."

[Contact.validation_rules.Not_In_Energy]
error_condition_formula = 'ISPICKVAL(Account.Industry, "Energy")'
error_message = "Not below energy."

[Case.validation_rules.Has_Subject]
error_condition_formula = "ISBLANK(Subject)"
error_message = "A case has a subject."

[ContentVersion.validation_rules.No_Drafts]
error_condition_formula = 'BEGINS(Title, "draft")'
error_message = "No drafts."

[Lead.duplicate_rules.Known_People]
alert_text = "Known already."
[Lead.duplicate_rules.Known_People.matching_rules.Same_Mail]
fields = ["Email"]

[ContentVersion.duplicate_rules.Known_Files]
alert_text = "Uploaded already."
[ContentVersion.duplicate_rules.Known_Files.matching_rules.Same_Title]
fields = ["Title"]

[Account.fields.Code__c]
type = "text"
length = 40
unique = true
"""

Row = dict[str, Any]


class Alone(Records):
    """Writes a set one by one: what sets are held against."""

    @contextmanager
    def together(self, *prospects: Prospect) -> Iterator[None]:
        with self.store.transaction():
            yield


class Plain:
    """Rows that say what they mean."""

    def __init__(self, sobject: SObject, key: str | None) -> None:
        self.key_field: Field | None = sobject.field(key) if key else None

    def record_id(self, row: Row) -> str:
        return str(row.get("Id", ""))

    def key_value(self, row: Row) -> Any:
        return row.get(self.key_field.name, "") if self.key_field else ""

    def body(self, row: Row) -> Row:
        own = {"Id", self.key_field.name if self.key_field else ""}
        return {name: value for name, value in row.items() if name not in own}

    def errors(self, refused: RecordRefused, row: Row) -> Sequence[RecordError]:
        return refused.errors


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Schema:
    path = tmp_path_factory.mktemp("schema") / "org.toml"
    path.write_text(RULES, "utf-8")
    return build_schema(path)


@pytest.fixture(scope="module")
def company(schema: Schema) -> Iterator[Store]:
    """A small company to write into; nobody changes it."""
    with closing(Store(schema)) as store:
        seed_base(store, as_of=DAY)
        seed_company(store, scale=0.01, seed=1, as_of=DAY)
        yield store


class World:
    """A copy of the company, and what happened to it."""

    def __init__(self, company: Store, kind: type[Records]) -> None:
        self.store = Store(company.schema, filled=company.connection.backup)
        self.records = kind(self.store, lambda: NOW)
        self.ledger = Ledger(self.store)

    def write(self, operation: str, sobject: SObject, key: str | None, rows: Sequence[Row]) -> list[Any]:
        """What became of the rows of one set."""
        settings = JobSettings(operation, sobject, Dialect(), key)
        write = Write(self.records, settings, self.user, Plain(sobject, key))
        return [(told.record_id, told.created, told.errors) for told in write.chunk(rows)]

    @property
    def user(self) -> str:
        return self.ids("User")[0]

    def ids(self, name: str) -> list[str]:
        """The Ids of all rows of an object, the recycle bin included."""
        return [one for (one,) in self.store.connection.execute(f"SELECT Id FROM {quoted(name)} ORDER BY _row")]

    def state(self) -> Mapping[str, Any]:
        """Every row of every table, and what the ledger tells."""
        told = [(effect.object, effect.id, effect.effect) for effect in self.ledger.effects()]
        execute = self.store.connection.execute
        tables = [name for (name,) in execute("SELECT name FROM main.sqlite_master WHERE type = 'table'")]
        return {name: sorted(execute(f"SELECT * FROM {quoted(name)}"), key=repr) for name in tables} | {"ledger": told}


class Chance:
    """Draws sets of rows, good ones and bad ones, from what there is and what there is not."""

    def __init__(self, seed: int, world: World) -> None:
        self.random = random.Random(seed)
        self.world = world
        self.bodies = {
            "Account": self.account, "Contact": self.contact, "Case": self.case, "Opportunity": self.deal,
            "Lead": self.lead, "ContentVersion": self.file, "OpportunityLineItem": self.line,
        }  # fmt: skip

    def set(self) -> tuple[str, SObject, str | None, list[Row]]:
        """An operation, its object, its key, and rows."""
        name = self.random.choice([*self.bodies, "Account", "Contact"])
        sobject = self.world.store.schema.object(name)
        assert sobject is not None
        has_key = sobject.field("Ext__c") is not None
        operations = ["insert", "insert", "update", "delete", "hardDelete", *["upsert"] * 3 * has_key]
        operation = self.random.choice(operations)
        rows = [self.row(operation, name) for _ in range(self.random.randrange(1, 25))]
        return operation, sobject, "Ext__c" if operation == "upsert" else None, rows

    def row(self, operation: str, name: str) -> Row:
        if operation in ("delete", "hardDelete"):
            return {"Id": self.id_of(name)}
        body = self.some(self.bodies[name](), full=operation == "insert")
        if operation == "upsert":
            return {**body, "Ext__c": self.key()}
        return {**body, "Id": self.id_of(name)} if operation == "update" else body

    def some(self, body: Row, *, full: bool) -> Row:
        """Most of the members, and now and then one that nobody may give."""
        share = 0.95 if full else 0.4
        chosen = {key: value for key, value in body.items() if self.random.random() < share}
        if self.random.random() < 0.06:
            chosen[self.random.choice(["Nope", "IsDeleted", "CreatedDate", "id", "attributes"])] = "x"
        return chosen

    def id_of(self, *names: str) -> Any:
        """An Id, of 15 or 18 characters, as a rule of such an object, perhaps of a deleted row."""
        name = self.random.choice([*names] * 12 + ["User", "Account"])
        ids = self.world.ids(name) or ["001Lo000000zzzzAAA"]
        # The next one is that of a row which the set itself may add.
        following = make_id(ids[-1][:3], len(ids) + self.random.randrange(1, 4))
        chosen = self.random.choice([*ids[:6], *ids[-6:], following])
        return self.random.choice([chosen] * 12 + [chosen[:15], "001Lo000000zzzzIAA", "nothing"])

    def key(self) -> str:
        number = self.random.randrange(30)
        return str(self.of(f"K-{number}", f"k-{number}", f"K-{number}", f"É-{number}", f"é-{number}"))

    def of(self, *good: Any, bad: Sequence[Any] = ()) -> Any:
        """A good value as a rule."""
        return self.random.choice(bad if bad and self.random.random() < 0.06 else good)

    def account(self) -> Row:
        parent = self.of({"ParentId": self.id_of("Account")}, {"Parent": {"Ext__c": self.key()}}, {})
        return {
            "Name": self.of("Anvil", "Bolt", bad=("Test it", "x" * 300, None, " ", 7)),
            self.of("Ext__c", "ext__C"): self.of(self.key(), self.key(), None, bad=("z" * 300,)),
            "Code__c": self.of(self.key(), None),
            "Industry": self.of("Energy", "Banking", None),
            "NumberOfEmployees": self.of(5, "6", bad=("many", 10**12)),
            "AnnualRevenue": self.of("12.9", 1e3, None, bad=("1e400",)),
            "CleanStatus": self.of("Matched", "matched", bad=("Nonsense",)),
            "OwnerId": self.of(self.world.user, None, bad=(self.id_of("User"),)),
            **parent,
        }

    def contact(self) -> Row:
        parent = self.of({"AccountId": self.id_of("Account")}, {"Account": {"Ext__c": self.key()}}, {}, {})
        return {
            "LastName": self.of("Ada", "Bo", bad=("", None)),
            "Email": self.of("a@example.com", bad=("nowhere",)),
            "Birthdate": self.of("1990-02-28", None, bad=("1990-02-30",)),
            "ReportsToId": self.of(None, self.id_of("Contact")),
            **parent,
        }

    def case(self) -> Row:
        return {
            "Subject": self.of("Broken", "Lost", None),
            "Status": self.of("New", "Closed", None),
            "ContactId": self.of(None, self.id_of("Contact")),
        }

    def deal(self) -> Row:
        return {
            "Name": self.of("Deal", "Deal 2"),
            "StageName": self.of("Prospecting", "Closed Won", "Unheard of"),
            "CloseDate": self.of("2026-12-01", bad=("soon",)),
            "Amount": self.of(12.345, "7", None),
            "AccountId": self.of(None, self.id_of("Account")),
        }

    def line(self) -> Row:
        return {
            "OpportunityId": self.id_of("Opportunity"),
            "PricebookEntryId": self.id_of("PricebookEntry"),
            "Quantity": self.of(1, 2.5),
            "UnitPrice": self.of(10, None),
        }

    def lead(self) -> Row:
        mails = [f"l{number}@x.org" for number in range(99)]
        return {"LastName": "Ada", "Company": self.of("Anvil", bad=(None,)), "Email": self.of(*mails)}

    def file(self) -> Row:
        return {
            "PathOnClient": self.of(*(f"{number}.txt" for number in range(50)), bad=(None, "draft.txt")),
            "VersionData": self.of("aGVsbG8=", bad=("!",)),
            "ContentDocumentId": self.of(None, None, self.id_of("ContentDocument")),
        }


def compare(company: Store, seed: int, sets: int) -> int:
    """Write the same sets into two worlds, as sets and one by one; the answer is how many rows were written."""
    alone, together = World(company, Alone), World(company, Records)
    written = 0
    with closing(alone.store), closing(together.store):
        chance = Chance(seed, alone)
        for number in range(sets):
            drawn = chance.set()
            expected = alone.write(*drawn)
            assert together.write(*drawn) == expected, (seed, number, drawn)
            written += sum(not errors for _, _, errors in expected)
        before, after = alone.state(), together.state()
        assert after.keys() == before.keys()
        for name, rows in before.items():
            assert after[name] == rows, (seed, name)
    return written


@pytest.mark.parametrize("seed", range(3))
def test_a_set_is_written_as_its_rows_would_be_alone(company: Store, seed: int) -> None:
    """Random sets, good and bad rows among each other: equal results, equal tables, equal effects in equal order."""
    assert compare(company, seed, 40) > 100


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 160))
def test_many_sets_are_written_as_their_rows_would_be_alone(company: Store, seed: int) -> None:
    """The same for many more."""
    compare(company, seed, 60)
