"""What the company sells: products, the standard price book, and a second price book for Europe."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from typing import Any, Final

from sfdata.localorg.company.tables import fixed_audit, load, new_ids, row
from sfdata.localorg.store import Store

#: Product family → kinds of product with the price of the middle model in US dollars.
FAMILIES: Final = {
    "Power Tools": {
        "Cordless Drill": 189.0, "Impact Driver": 219.0, "Angle Grinder": 129.5, "Rotary Hammer": 449.0,
        "Table Saw": 899.0, "Benchtop Mill": 2490.0,
    },
    "Hand Tools": {
        "Torque Wrench": 159.9, "Socket Set, 94 pcs.": 119.0, 'Pipe Wrench 14"': 38.75, "Mallet": 17.25,
        "Chisel Set": 64.0,
    },
    "Measuring": {"Laser Level": 329.0, "Digital Caliper": 54.9, "Micrometer 0–25 mm": 88.0, "Thermal Camera": 1290.0},
    "Accessories": {
        "Battery Pack 18 V / 5 Ah": 99.0, "Drill Bits, HSS-Co": 24.4, "Cut-off Discs (25×)": 31.2,
        "Safety Goggles": 9.95, "Tool Trolley": 399.0, "Ölkännchen": 7.8,
    },
    "Service": {"Calibration": 85.0, "Maintenance Contract": 1200.0, "On-site Training": 1850.0},
}  # fmt: skip
#: Models of every kind: the suffix of name and code, and what it costs relative to the middle one.
MODELS: Final = (("Basic", "B", 0.62), ("Classic", "C", 0.85), ("", "M", 1.0), ("Pro", "P", 1.48), ("Élite", "E", 2.35))
EUROPE_FACTOR: Final = 0.93


@dataclass(frozen=True, slots=True)
class Product:
    name: str
    code: str
    family: str
    price: float
    active: bool
    description: str | None


@dataclass(frozen=True, slots=True)
class Listed:
    """A product as a price book lists it."""

    entry_id: str
    product_id: str
    product: Product
    price: float


@dataclass(frozen=True)
class Catalogue:
    """The price books by Id, the standard one first, each with the products it lists."""

    books: dict[str, tuple[Listed, ...]]

    @cached_property
    def offered(self) -> dict[str, tuple[Listed, ...]]:
        """The price books without the products that are sold no more."""
        return {
            book: tuple(listed for listed in entries if listed.product.active) for book, entries in self.books.items()
        }


def products() -> list[Product]:
    """All 120 products, the same in every org."""
    kinds = [(family, kind, price) for family, entries in FAMILIES.items() for kind, price in entries.items()]
    return [
        Product(
            name=f"{kind} {model}".strip(),
            code=f"{family[0]}{number:02}-{letter}",
            family=family,
            price=round(price * factor, 2),
            active=not (letter == "B" and number % 6 == 0),
            description=None if letter == "C" else f"{kind}, model {letter}.\nFor daily use, {family.lower()} range.",
        )
        for number, (family, kind, price) in enumerate(kinds, 1)
        for model, letter, factor in MODELS
    ]


def stock(store: Store, standard_book: str, admin: str, moment: str) -> Catalogue:
    """Load the products, the European price book, and an entry for every product in both books."""
    offered = products()
    ids = new_ids(store, "Product2", len(offered))
    load(store, "Product2", _product_columns(offered, ids) | fixed_audit(admin, moment))
    (europe,) = new_ids(store, "Pricebook2", 1)
    book = row(Id=europe, Name="Europe", IsActive=1, IsStandard=0, Description="Net prices, delivered duty paid")
    load(store, "Pricebook2", book | fixed_audit(admin, moment))
    prices = {standard_book: 1.0, europe: EUROPE_FACTOR}
    books = {book_id: _list(store, offered, ids, factor) for book_id, factor in prices.items()}
    for book_id, listed in books.items():
        load(store, "PricebookEntry", _entry_columns(book_id, listed) | fixed_audit(admin, moment))
    return Catalogue(books)


def _product_columns(offered: Sequence[Product], ids: Sequence[str]) -> dict[str, Iterable[Any]]:
    serials = range(1, len(offered) + 1)
    return {
        "Id": ids,
        "Name": [product.name for product in offered],
        "ProductCode": [product.code for product in offered],
        "StockKeepingUnit": [f"{serial:08}" for serial in serials],
        "Description": [product.description for product in offered],
        "Family": [product.family for product in offered],
        "IsActive": [int(product.active) for product in offered],
        "QuantityUnitOfMeasure": repeat("Each"),
        "ExternalId": [product.code.lower() for product in offered],
        "Ext__c": [f"PRD-{serial:06}" for serial in serials],
    }


def _list(store: Store, offered: Sequence[Product], ids: Sequence[str], factor: float) -> tuple[Listed, ...]:
    entries = zip(new_ids(store, "PricebookEntry", len(offered)), ids, offered, strict=True)
    return tuple(Listed(entry, id_, product, round(product.price * factor, 2)) for entry, id_, product in entries)


def _entry_columns(book_id: str, listed: Sequence[Listed]) -> dict[str, Iterable[Any]]:
    return {
        "Id": [entry.entry_id for entry in listed],
        "Name": [entry.product.name for entry in listed],
        "ProductCode": [entry.product.code for entry in listed],
        "Pricebook2Id": repeat(book_id),
        "Product2Id": [entry.product_id for entry in listed],
        "UnitPrice": [entry.price for entry in listed],
        "IsActive": [int(entry.product.active) for entry in listed],
        "UseStandardPrice": repeat(0),
    }
