"""How many rows there are, and what they take of the org's storage as Salesforce counts it.

The vendor's page: https://help.salesforce.com/s/articleView?id=sf.overview_storage.htm
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sfdata.localorg.allowances import DATA_STORAGE, FILE_STORAGE
from sfdata.localorg.records.validation import refusal
from sfdata.localorg.schema import SObject
from sfdata.localorg.store import Store
from sfdata.localorg.tables import quoted

KILOBYTES_A_ROW = 2
KILOBYTES: Mapping[str, int] = {
    **dict.fromkeys(
        (
            "Account", "AccountContactRole", "Asset", "Case", "CaseComment", "CaseContactRole", "Contact", "Contract",
            "Event", "Individual", "Lead", "Note", "Opportunity", "OpportunityContactRole", "OpportunityLineItem",
            "Order", "OrderItem", "Pricebook2", "PricebookEntry", "Product2", "Solution", "Task",
        ),
        KILOBYTES_A_ROW,
    ),
    "Campaign": 8,
    "CampaignMember": 1,
}  # fmt: skip
"""Standard objects whose rows take data storage; setup and files take none, custom objects as much as most."""

FILE_SIZES: Mapping[str, str] = {
    "ContentVersion": "ContentSize",
    "Attachment": "BodyLength",
    "Document": "BodyLength",
}
"""Objects that hold files, and the field that says how long each is."""


class Storage:
    """Row counts of one store; counted anew only after it changed.

    ``maxima`` are the megabytes there may be, by the names of the allowances; what is not named is not limited.
    """

    def __init__(self, store: Store, maxima: Mapping[str, int]) -> None:
        self._store = store
        self._maxima = {name: maxima[name] for name in (DATA_STORAGE, FILE_STORAGE) if name in maxima}
        self._changes = -1
        self._rows: Mapping[str, int] = {}
        self._file_bytes = 0

    def rows(self) -> Mapping[str, int]:
        """How many rows each queryable object has, the recycle bin left out."""
        self._refresh()
        return MappingProxyType(self._rows)

    @property
    def used(self) -> Mapping[str, int]:
        """The megabytes in use, by the names of the allowances."""
        kilobytes = sum(count * self._kilobytes(name) for name, count in self.rows().items())
        return {DATA_STORAGE: kilobytes // 1024, FILE_STORAGE: self._file_bytes // 1024**2}

    def check(self, sobject: SObject) -> None:
        """Do nothing while there is room for another row.

        Raises:
            RecordRefused: STORAGE_LIMIT_EXCEEDED.
        """
        if not self._maxima:
            return
        name = FILE_STORAGE if sobject.name in FILE_SIZES else DATA_STORAGE
        takes_room = name == FILE_STORAGE or self._kilobytes(sobject.name)
        if takes_room and name in self._maxima and self.used[name] >= self._maxima[name]:
            raise refusal("STORAGE_LIMIT_EXCEEDED", "storage limit exceeded")

    def _kilobytes(self, name: str) -> int:
        sobject = self._store.schema.object(name)
        return KILOBYTES.get(name, KILOBYTES_A_ROW if sobject is not None and sobject.custom else 0)

    def _refresh(self) -> None:
        with self._store.lock:
            changes = self._store.connection.total_changes
            if changes != self._changes:
                self._rows = {o.name: self._store.count(o) for o in self._store.schema if o.queryable}
                self._file_bytes = sum(self._sum(name, field) for name, field in FILE_SIZES.items())
                self._changes = changes

    def _sum(self, name: str, field: str) -> int:
        statement = f"SELECT coalesce(sum({quoted(field)}), 0) FROM {quoted(name)}"  # noqa: S608 - schema names only
        (total,) = self._store.connection.execute(statement).fetchone()
        return int(total)
