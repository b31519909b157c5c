"""How many rows there are, and what they take of the org's storage as Salesforce counts it.

The vendor's page: https://help.salesforce.com/s/articleView?id=sf.overview_storage.htm
"""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from types import MappingProxyType

from sfdata.localorg.allowances import DATA_STORAGE, FILE_STORAGE
from sfdata.localorg.records.validation import refusal
from sfdata.localorg.schema import SObject
from sfdata.localorg.store import Store
from sfdata.localorg.tables import quoted

KILOBYTES_A_ROW = 2
KILOBYTES: Mapping[str, int] = {
    "Campaign": 8,
    "CampaignMember": 1,
    "ContentDocument": 0,
    "ContentVersion": 0,
    "ContentDocumentLink": 0,
    "Attachment": 0,
    "Document": 0,
    "Folder": 0,
    "Organization": 0,
    "User": 0,
    "UserLicense": 0,
    "UserRole": 0,
    "Profile": 0,
    "PermissionSet": 0,
    "PermissionSetAssignment": 0,
    "Group": 0,
    "GroupMember": 0,
    "QueueSobject": 0,
    "RecordType": 0,
    "BusinessHours": 0,
    "BusinessProcess": 0,
    "CronJobDetail": 0,
    "CronTrigger": 0,
    "AsyncApexJob": 0,
}
"""Objects whose rows count otherwise; setup and files take no data storage."""

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
        self._lock = Lock()
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
        kilobytes = sum(count * KILOBYTES.get(name, KILOBYTES_A_ROW) for name, count in self.rows().items())
        return {DATA_STORAGE: kilobytes // 1024, FILE_STORAGE: self._file_bytes // 1024**2}

    def check(self, sobject: SObject) -> None:
        """Do nothing while there is room for another row.

        Raises:
            RecordRefused: STORAGE_LIMIT_EXCEEDED.
        """
        name = FILE_STORAGE if sobject.name in FILE_SIZES else DATA_STORAGE
        takes_room = name == FILE_STORAGE or KILOBYTES.get(sobject.name, KILOBYTES_A_ROW)
        if takes_room and name in self._maxima and self.used[name] >= self._maxima[name]:
            raise refusal("STORAGE_LIMIT_EXCEEDED", "storage limit exceeded")

    def _refresh(self) -> None:
        with self._lock:
            changes = self._store.connection.total_changes
            if changes != self._changes:
                self._rows = {o.name: self._store.count(o) for o in self._store.schema if o.queryable}
                self._file_bytes = sum(self._sum(name, field) for name, field in FILE_SIZES.items())
                self._changes = changes

    def _sum(self, name: str, field: str) -> int:
        statement = f"SELECT coalesce(sum({quoted(field)}), 0) FROM {quoted(name)}"  # noqa: S608 - schema names only
        with self._store.lock:
            (total,) = self._store.connection.execute(statement).fetchone()
        return int(total)
