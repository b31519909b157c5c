"""The sample company looks like a real org's data: uneven, incomplete, worldwide, and full of traps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date
from statistics import mean, median
from typing import Any

import pytest

from sfdata.localorg.company import seed_company
from sfdata.localorg.company.places import CITIES_BY_COUNTRY
from sfdata.localorg.objects import standard_schema
from sfdata.localorg.store import Store


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    store = Store(standard_schema())
    seed_company(store, scale=0.5, as_of=date(2024, 6, 30))
    yield store
    store.close()


def column(store: Store, source: str) -> list[Any]:
    """The values of ``Object.Field`` in the order of the rows, nulls among them."""
    name, field = source.split(".")
    return [value for (value,) in store.connection.execute(f'SELECT "{field}" FROM "{name}" ORDER BY _row')]


@pytest.mark.parametrize("source", ["Contact.AccountId", "Opportunity.AccountId", "Case.AccountId"])
def test_few_accounts_have_much_and_many_have_nothing(source: str, store: Store) -> None:
    """The largest account has over twenty times the average, a tenth of the accounts holds half, some have none."""
    accounts = len(column(store, "Account.Id"))
    owned = Counter(value for value in column(store, source) if value)
    sizes = sorted(owned.values(), reverse=True)
    assert sizes[0] > 20 * sum(sizes) / accounts
    assert sum(sizes[: accounts // 10]) > sum(sizes) / 2
    assert (accounts - len(owned)) / accounts > 0.15


def test_few_users_own_most(store: Store) -> None:
    """The busiest user owns more than a quarter of the accounts, and everybody in sales owns some."""
    owned = Counter(column(store, "Account.OwnerId"))
    assert max(owned.values()) > sum(owned.values()) / 4
    assert len(owned) == 7


def test_amounts_are_skewed(store: Store) -> None:
    """A few deals are worth far more than the others: the mean is more than twice the median."""
    amounts = [amount for amount in column(store, "Opportunity.Amount") if amount is not None]
    assert mean(amounts) > 2 * median(amounts)
    assert min(amounts) > 0


def test_the_company_grows(store: Store) -> None:
    """Each full year brings more accounts than the one before, and each month of the last year brings some."""
    made = column(store, "Account.CreatedDate")
    years = Counter(text[:4] for text in made)
    assert years["2020"] < years["2021"] < years["2022"] < years["2023"]
    assert len({text[:7] for text in made if text >= "2023-07"}) == 12


@pytest.mark.parametrize(
    ("source", "least", "most"),
    [
        ("Account.Industry", 0.05, 0.3), ("Account.ParentId", 0.6, 0.95), ("Account.BillingPostalCode", 0.02, 0.12),
        ("Contact.Email", 0.05, 0.2), ("Contact.Birthdate", 0.7, 0.95), ("Contact.AccountId", 0.01, 0.1),
        ("Contact.FirstName", 0.005, 0.06), ("Opportunity.Amount", 0.005, 0.2), ("Case.ContactId", 0.02, 0.5),
        ("Account.Ext__c", 0.005, 0.08), ("Task.WhoId", 0.1, 0.6), ("Task.ActivityDate", 0.005, 0.2),
    ],
)  # fmt: skip
def test_some_values_are_missing(source: str, least: float, most: float, store: Store) -> None:
    """Fields that people fill are null in a plausible share of the rows."""
    values = column(store, source)
    assert least < sum(value is None for value in values) / len(values) < most


def test_addresses_are_of_one_place(store: Store) -> None:
    """City, state, postal code, country and coordinates belong together, in billing, shipping and mailing addresses."""
    places = {
        (city.name, city.state, city.postal_code, city.country, city.latitude, city.longitude)
        for cities in CITIES_BY_COUNTRY.values()
        for city in cities
    }
    for name, prefix in (("Account", "Billing"), ("Account", "Shipping"), ("Contact", "Mailing"), ("Lead", "")):
        parts = ("City", "State", "PostalCode", "Country", "Latitude", "Longitude")
        found = set(zip(*(column(store, f"{name}.{prefix}{part}") for part in parts), strict=True))
        assert len(found) > 60
        assert found - {(None,) * 6} <= places


def test_postal_codes_keep_their_zeros(store: Store) -> None:
    """Dresden is 01067 and Cambridge 02139: codes are text."""
    codes = set(zip(column(store, "Account.BillingCity"), column(store, "Account.BillingPostalCode"), strict=True))
    assert {("Dresden", "01067"), ("Cambridge", "02139"), ("Nice", "06000"), ("Darwin", "0800")} <= codes


def test_names_come_in_many_scripts(store: Store) -> None:
    """Names have accents, apostrophes and quotes, and are written in Japanese, Greek, Hebrew or Arabic too."""
    names = "\n".join(column(store, "Account.Name") + column(store, "Contact.Name"))
    for sample in ("Müller", "& Söhne", "O'Neil", '"Quick"', "Łódź", "株式会社", "Παπαδόπουλος", "כהן", "🔧"):
        assert sample in names
    assert any("\u0600" <= character <= "\u06ff" for character in names)


def test_text_that_looks_like_something_else(store: Store) -> None:
    """There are texts that careless readers turn into numbers, nulls, truths, formulas, or several lines or columns."""
    numbers, names = set(column(store, "Account.AccountNumber")), set(column(store, "Account.Name"))
    assert {"NA", "007", "1e5"} <= numbers
    assert any(number and number.startswith("000") for number in numbers)
    assert {"null", "TRUE", "=SUM(A1:A9) Ltd", "C:\\Tools\\GmbH", "100% Tools_and_More"} <= names
    notes = [note for note in column(store, "Account.Description") if note]
    for sign in ("\n", "\r\n", "\t", '"', ",", "、"):
        assert any(sign in note for note in notes)


def test_every_kind_of_who_and_what_occurs(store: Store) -> None:
    """Activities are about contacts and leads, accounts, opportunities, cases and campaigns, or about nothing."""
    for name in ("Task", "Event"):
        assert {value and value[:3] for value in column(store, f"{name}.WhoId")} == {None, "003", "00Q"}
        what = {value and value[:3] for value in column(store, f"{name}.WhatId")}
        assert what == {None, "001", "006", "500", "701"}


def test_a_lead_has_nothing_to_do_with_an_account(store: Store) -> None:
    """Salesforce refuses a What where the Who is a lead."""
    who, what = column(store, "Task.WhoId"), column(store, "Task.WhatId")
    assert not [1 for a, b in zip(who, what, strict=True) if a and a.startswith("00Q") and b]


def test_mail_goes_nowhere(store: Store) -> None:
    """Every e-mail address and web site is under .example, which nobody can own."""
    for source in (
        "Contact.Email",
        "Lead.Email",
        "User.Email",
        "Case.SuppliedEmail",
        "Account.Website",
        "Lead.Website",
    ):
        given = [value for value in column(store, source) if value]
        assert given
        assert all(value.lower().endswith(".example") for value in given)
        assert all(" " not in value and value.isascii() for value in given)
