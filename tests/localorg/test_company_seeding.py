"""Seeding: the same numbers give the same rows, dates shift with the day, size follows scale, memory does not."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from sfdata.localorg.company import BaseRecords, blocks, seed_base, seed_company, seeding
from sfdata.localorg.company.blocks import ROWS_AT_SCALE_1
from sfdata.localorg.objects import standard_schema
from sfdata.localorg.schema import SObject
from sfdata.localorg.store import Store

Contents = dict[str, list[tuple[Any, ...]]]
AS_OF = date(2024, 6, 30)
CALENDAR = {"Contract.EndDate", "Opportunity.Fiscal", "Opportunity.FiscalYear", "Opportunity.FiscalQuarter"}
"""What depends on months and years, not on days alone."""


def contents(store: Store) -> Contents:
    """Every stored value of every object, by ``Object.Field``."""
    found = {}
    for sobject in store.schema:
        if sobject.key_prefix:
            for field in sobject.fields:
                if field.stored:
                    query = f'SELECT "{field.name}" FROM "{sobject.name}" ORDER BY _row'
                    found[f"{sobject.name}.{field.name}"] = store.connection.execute(query).fetchall()
    return found


@pytest.fixture(scope="module")
def plain() -> Contents:
    """The contents of a company that others are held against."""
    return company()


def company(**options: Any) -> Contents:
    """The contents of a new store with a small company."""
    store = Store(standard_schema())
    seed_company(store, **{"scale": 0.02, "as_of": AS_OF} | options)
    found = contents(store)
    store.close()
    return found


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A company has a block for every hundred accounts."""
    monkeypatch.setattr(blocks, "ACCOUNTS_PER_BLOCK", 100)


def test_the_same_numbers_give_the_same_rows(plain: Contents) -> None:
    """Two stores seeded alike hold the same values in every field."""
    assert company() == plain


def test_another_seed_gives_other_rows(plain: Contents) -> None:
    """The seed decides who the customers are, not how many."""
    other = company(seed=7)
    assert plain["Account.Name"] != other["Account.Name"]
    assert {source: len(values) for source, values in plain.items()} == {
        source: len(values) for source, values in other.items()
    }


def test_dates_shift_with_the_day_and_nothing_else_does(plain: Contents) -> None:
    """As of a hundred days later every date is a hundred days later and every other value the same."""
    schema = standard_schema()
    now = company(as_of=AS_OF + timedelta(days=100))
    for source in plain.keys() - CALENDAR:
        name, field_name = source.split(".")
        sobject = schema.object(name)
        field = sobject and sobject.field(field_name)
        assert field is not None
        expected = [shifted(value, 100) if field.type in ("date", "datetime") else value for (value,) in plain[source]]
        assert [value for (value,) in now[source]] == expected, source


def shifted(text: str | None, days: int) -> str | None:
    """A stored date or datetime some days later."""
    return text and (date.fromisoformat(text[:10]) + timedelta(days=days)).isoformat() + text[10:]


def test_counts_follow_scale(small_blocks: None) -> None:
    """Rows per object are proportional to scale, and what is reported is what the store holds."""
    for scale in (0.1, 0.3):
        store = Store(standard_schema())
        loaded = seed_company(store, scale=scale, as_of=AS_OF)
        for name, rows in loaded.items():
            assert store.connection.execute(f'SELECT count(*) FROM "{name}"').fetchone() == (rows,)
        for name, rows in ROWS_AT_SCALE_1.items():
            assert loaded[name] == pytest.approx(rows * scale, rel=0.15, abs=2), name
        assert loaded["Account"] == 3000 * scale
        store.close()


def test_a_company_may_be_tiny() -> None:
    """At any scale above zero there is at least one account, contact, opportunity, case and lead."""
    store = Store(standard_schema())
    loaded = seed_company(store, scale=1e-6, as_of=AS_OF)
    assert all(loaded[name] == 1 for name in ("Account", "Contact", "Opportunity", "Case", "Lead"))
    store.close()


@pytest.mark.parametrize("scale", [0, -1, float("nan"), float("inf")])
def test_a_company_cannot_be_nothing(scale: float) -> None:
    """A scale that is not above zero is refused before anything is loaded."""
    store = Store(standard_schema())
    with pytest.raises(ValueError, match="scale"):
        seed_company(store, scale=scale)
    assert store.setting(seeding.PLAN) is None
    store.close()


class Discarding(Store):
    """A store that counts rows and forgets them."""

    def bulk_load(self, sobject: SObject, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
        return sum(1 for _ in rows)


def peak(scale: float) -> int:
    """The most memory, in bytes, that seeding takes at once."""
    store = Discarding(standard_schema())
    tracemalloc.start()
    try:
        seed_company(store, scale=scale, as_of=AS_OF)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        store.close()


def test_memory_does_not_grow_with_scale(small_blocks: None) -> None:
    """Four times the rows take no more memory: each block is forgotten when the next is grown."""
    peak(0.01)  # what is made once, on first use
    one_block, four_blocks = peak(100 / 3000), peak(400 / 3000)
    assert four_blocks < 1.25 * one_block


def test_an_interrupted_seeding_is_completed(
    tmp_path: Path, small_blocks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seeding that was cut short goes on where it stopped, with its own numbers, and ends as if it never had."""
    whole = Store(standard_schema())
    rows = seed_company(whole, scale=0.06, as_of=AS_OF)
    expected = contents(whole)
    whole.close()

    store = Store(standard_schema(), tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(seeding, "grow_files", interrupted_at(2))
        with pytest.raises(KeyboardInterrupt):
            seed_company(store, scale=0.06, as_of=AS_OF)
    store.close()

    store = Store(standard_schema(), tmp_path)
    assert 0 < store.connection.execute("SELECT count(*) FROM Account").fetchone()[0] < 180
    assert seed_company(store, scale=9, seed=1, as_of=date(2020, 1, 1)) == rows
    assert contents(store) == expected
    assert seed_company(store) == rows
    assert contents(store) == expected
    store.close()


def interrupted_at(call: int) -> Any:
    """`grow_files`, but for the call at which somebody presses Ctrl-C."""
    original, calls = seeding.grow_files, 0

    def interrupted(*args: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            raise KeyboardInterrupt
        return original(*args)

    return interrupted


def test_indexes_are_there_afterwards() -> None:
    """Loading does without indexes, but leaves the store with all that a new one has."""
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'index' ORDER BY name"
    store = Store(standard_schema())
    before = store.connection.execute(query).fetchall()
    seed_company(store, scale=0.001, as_of=AS_OF)
    assert store.connection.execute(query).fetchall() == before
    store.close()


# --- the org's own records -------------------------------------------------------------------------------------------


def test_an_empty_org_has_its_own_records() -> None:
    """Base records are there without sample data, and lead to an active administrator and a Developer Edition."""
    store = Store(standard_schema())
    base = seed_base(store, as_of=AS_OF)
    user = row(store, "User", base.user_id)
    assert (user["Username"], user["Name"], user["Email"]) == (base.username, base.display_name, base.email)
    assert (user["IsActive"], user["TimeZoneSidKey"], user["LocaleSidKey"]) == (1, "GMT", "en_US")
    assert row(store, "Profile", user["ProfileId"])["Name"] == "System Administrator"
    organization = row(store, "Organization", base.organization_id)
    assert organization["OrganizationType"] == "Developer Edition"
    assert (organization["IsSandbox"], organization["TrialExpirationDate"]) == (0, None)
    assert organization["NamespacePrefix"] is None
    assert row(store, "Pricebook2", base.standard_pricebook_id)["IsStandard"] == 1
    assert store.connection.execute("SELECT count(*) FROM Account").fetchone() == (0,)
    store.close()


def row(store: Store, name: str, record_id: str) -> dict[str, Any]:
    sobject = store.schema.object(name)
    assert sobject is not None
    found = store.get(sobject, record_id)
    assert found is not None
    return found


def test_base_records_are_loaded_once(tmp_path: Path) -> None:
    """A directory opened again, or a store seeded again, tells the records it has and makes no others."""
    store = Store(standard_schema(), tmp_path)
    first = seed_base(store, username="root@tools.example", as_of=AS_OF)
    assert first.username == "root@tools.example"
    assert seed_base(store) == first
    store.close()
    store = Store(standard_schema(), tmp_path)
    assert seed_base(store, username="other@tools.example") == first
    seed_company(store, scale=0.001, as_of=AS_OF)
    for name, count in (("Organization", 1), ("Profile", 3), ("User", 12), ("UserRole", 3), ("Pricebook2", 2)):
        assert store.connection.execute(f'SELECT count(*) FROM "{name}"').fetchone() == (count,)
    store.close()


def test_an_org_may_have_a_given_id() -> None:
    """The organization's Id can be chosen; the other records do not depend on it."""
    store = Store(standard_schema())
    base = seed_base(store, org_id="00D000000000062EAA")
    assert isinstance(base, BaseRecords)
    assert base.organization_id == "00D000000000062EAA"
    assert row(store, "Organization", "00D000000000062EAA")["Name"] == "Northwind Tools"
    store.close()


def test_users_of_the_org_do_not_collide_with_the_company() -> None:
    """Rows made before the company keep their Ids; the company's get others."""
    store = Store(standard_schema())
    base = seed_base(store, as_of=AS_OF)
    account = store.schema.object("Account")
    assert account is not None
    own = store.new_id(account)
    store.insert(account, {"Id": own, "Name": "Mine", "OwnerId": base.user_id})
    seed_company(store, scale=0.01, as_of=AS_OF)
    assert row(store, "Account", own)["Name"] == "Mine"
    assert store.count(account) == 31
    store.close()
