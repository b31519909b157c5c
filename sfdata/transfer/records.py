"""One object's records, one at a time, as a notebook handles them: Python's values, names checked, no lost updates.

Changes by others are noticed by ``SystemModstamp`` and by conditional requests, and both are as fine as a second: two
changes within one second look like one. What is read here to be compared is therefore read when its second is over, by
the org's own clock; from then on every further change bears a later second, and is noticed.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sfdata.api import sobject_collections, sobjects
from sfdata.api.describe import DescribeCache
from sfdata.api.outcomes import RowError
from sfdata.api.record_values import field_names, from_wire, to_wire, wire_value
from sfdata.api.replication import Deleted, Updated, get_deleted, get_updated
from sfdata.api.sobjects import NO_CONDITION, Condition, Record, Upserted
from sfdata.error_codes import response_error
from sfdata.errors import ConfigurationError, Conflict
from sfdata.metadata import FieldDescribe, ObjectDescribe
from sfdata.transfer.record_tree import create_tree
from sfdata.transport.http_session import HttpSession

STAMP = "SystemModstamp"
SECOND = dt.timedelta(seconds=1)

Fields = Mapping[str, Any]
Change = Callable[[dict[str, Any]], Fields]


class SObject:
    """Records of one object. Each method is one API call, but for those that say otherwise and the first describe.

    Values are as in `sfdata.api.record_values`: Decimal, datetime in UTC, date, time, bool. A write whose answer is
    lost raises `sfdata.errors.OutcomeUnknown` and is not repeated where that could do it twice.
    """

    def __init__(
        self,
        session: HttpSession,
        describes: DescribeCache,
        name: str,
        *,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        self.name = name
        self._session = session
        self._describes = describes
        self._sleep = sleep or session.runtime.sleep

    @property
    def describe(self) -> ObjectDescribe:
        """What the org says of the object.

        Raises:
            InvalidType: there is no such object; the hint names the nearest one.
        """
        return self._describes.object(self.name)

    def __repr__(self) -> str:
        return f"SObject({self.name!r})"

    # --- single records ----------------------------------------------------------------------------------------------

    def create(self, fields: Fields) -> str:
        """Create a record; its Id.

        Raises:
            PushRefused: names or values that cannot be written; nothing was sent.
            OutcomeUnknown: whether it was created nobody knows; it is not sent again.
            ResponseError: the org refused it.
        """
        describe = self.describe
        return sobjects.create(self._session, describe.name, to_wire(fields, describe, "createable"))

    def create_tree(self, records: Sequence[Fields]) -> list[dict[str, Any]]:
        """Create records with their children and theirs in one call, all of them or none.

        Args:
            records: up to 200 in all, of up to five objects, in up to five levels. A child relationship (``Contacts``)
                holds a list of records; every other name is a field.

        Returns:
            The Ids, nested as the records are.

        Raises:
            PushRefused: names or values that cannot be written; nothing was sent.
            ConfigurationError: more than a call may have.
            OutcomeUnknown: whether they were created nobody knows; nothing is sent again.
            ResponseError: the org refused records; its message says which. None was created.

        >>> org.sobject("Account").create_tree([{"Name": "Acme", "Contacts": [{"LastName": "Ito"}]}])  # doctest: +SKIP
        [{'Id': '001…', 'Contacts': [{'Id': '003…'}]}]
        """
        return create_tree(self._session, self._describes, self.name, records)

    def get(self, record_id: str, fields: Iterable[str] | None = None) -> dict[str, Any]:
        """A record's values by field: of these ``fields``, or of all that the user can see.

        Raises:
            InvalidField: a name is no field; the hint is the nearest. Nothing was sent.
            NotFound: there is no such record, or it was deleted.
        """
        describe = self.describe
        if isinstance(fields, str):
            raise ConfigurationError("fields= is a list of names, not one text")
        named = None if fields is None else field_names(fields, describe)
        found = sobjects.get(self._session, describe.name, record_id, named)
        assert found is not None  # unconditional
        return from_wire(found.fields, describe)

    def content(self, record_id: str, field: str | None = None) -> bytes:
        """The file that a record holds: of ``ContentVersion``, ``Attachment``, ``Document`` and their like.

        Args:
            field: which of its files, where the object has several.

        Raises:
            ConfigurationError: the object has no such file.
            NotFound: there is no such record, or it was deleted.

        >>> Path("a.pdf").write_bytes(org.sobject("ContentVersion").content("068…"))  # doctest: +SKIP
        """
        describe = self.describe
        files = [one.name for one in describe.fields if one.type == "base64"]
        named = files if field is None else [one for one in files if one.casefold() == field.casefold()]
        if len(named) != 1:
            held = f"its files are {', '.join(files)}: name one" if files else "it has none"
            raise ConfigurationError(f"it is not clear which file of {describe.name} is meant; {held}")
        return sobjects.content(self._session, describe.name, record_id, named[0])

    def update(
        self, record_id: str, fields: Fields, *, if_unmodified_since: dt.datetime | None = None, once: bool = False
    ) -> None:
        """Give fields of a record new values; None clears.

        Args:
            if_unmodified_since: write only if nobody has changed the record after that second.
            once: do not repeat after a lost answer, which would run triggers twice, but raise `OutcomeUnknown`.

        Raises:
            PushRefused: names or values that cannot be written; nothing was sent.
            Conflict: it was changed since; nothing was written.
            NotFound, ResponseError, OutcomeUnknown: it was not updated, or nobody knows.
        """
        condition = Condition(if_unmodified_since=if_unmodified_since) if if_unmodified_since else NO_CONDITION
        self._update(record_id, fields, condition, once=once)

    def upsert(self, key: str, fields: Fields, *, update_only: bool = False) -> Upserted:
        """Update the record with the value that ``fields`` have for ``key``, an external id; or create it.

        Args:
            update_only: create nothing.

        Raises:
            PushRefused: names or values that cannot be written, or no value for the key; nothing was sent.
            SeveralRecords: several records have the key; its ``records`` lists their Ids. Nothing was written.
            NotFound: no record has it, and ``update_only``.
            OutcomeUnknown, ResponseError: it was not upserted, or nobody knows.
        """
        describe = self.describe
        field = _key(key, describe)
        given = {name: value for name, value in fields.items() if name.casefold() != field.name.casefold()}
        value = next((value for name, value in fields.items() if name not in given), None)
        if value is None or value == "":
            raise ConfigurationError(f"fields have no value for the key {field.name}")
        try:
            written = wire_value(value, field)
        except (ValueError, TypeError) as problem:
            raise ConfigurationError(f"{field.name}: {problem}") from None
        body, text = to_wire(given, describe, "upsertable"), str(written)
        if sobjects.fits_path(text) or update_only:
            return sobjects.upsert(
                self._session, describe.name, field.name, text, body, unique=field.unique, update_only=update_only
            )
        return self._upsert_by_collection(describe.name, field, {field.name: written, **body})

    def delete(self, record_id: str) -> None:
        """Delete a record.

        Raises:
            NotFound: there is none, or it was deleted before.
            OutcomeUnknown, ResponseError: it was not deleted, or nobody knows.
        """
        sobjects.delete(self._session, self.describe.name, record_id)

    # --- changes -----------------------------------------------------------------------------------------------------

    def updated(self, start: dt.datetime, end: dt.datetime) -> Updated:
        """Ids of the records created or changed in a stretch of the last 30 days, by the minute."""
        return get_updated(self._session, self.describe.name, start, end)

    def deleted(self, start: dt.datetime, end: dt.datetime) -> Deleted:
        """The records deleted in a stretch of the last 15 days, by the minute, each with its time."""
        return get_deleted(self._session, self.describe.name, start, end)

    # --- no lost updates ---------------------------------------------------------------------------------------------

    def update_with_version_check(self, record_id: str, fields: Fields, expected: dt.datetime) -> None:
        """Update a record if its ``SystemModstamp`` is still ``expected``, as it was when you read it.

        Reads the record, compares, and writes on the condition that nobody changed it after that: two calls. A change
        in the very second of ``expected``, but after you read it, is not noticed: stamps have no fractions.

        Raises:
            Conflict: it was changed; nothing was written.
            PushRefused, NotFound, ResponseError, OutcomeUnknown: as for `update`.
        """
        if expected.tzinfo is None:
            raise ConfigurationError("the expected SystemModstamp has no time zone")
        record, values = self._settled(record_id)
        stamp = values[STAMP]
        if stamp != expected:
            raise Conflict(
                f"{self.name} {record_id} was changed at {stamp:%Y-%m-%d %H:%M:%S} UTC, after it was read",
                hint="Read it again and decide; update_with_retry does both.",
            )
        self._update(record_id, fields, _unchanged(record, stamp))

    def update_with_retry(self, record_id: str, change: Change, *, attempts: int = 5) -> dict[str, Any]:
        """Read a record, let ``change`` make new values from it, and write them if nobody else wrote in between.

        Otherwise it is read again and ``change`` is asked again, ``attempts`` times in all. ``change`` gets all fields
        and returns those to write; none means that nothing has to be done.

        Returns:
            What was written.

        Raises:
            Conflict: somebody else was faster each time; nothing was written.
            PushRefused, NotFound, ResponseError, OutcomeUnknown: as for `update`.

        >>> org.sobject("Account").update_with_retry(
        ...     account_id, lambda now: {"NumberOfEmployees": now["NumberOfEmployees"] + 1}
        ... )  # doctest: +SKIP
        """
        if attempts < 1:
            raise ConfigurationError("attempts= is at least 1")
        for left in reversed(range(attempts)):
            record, values = self._settled(record_id)
            written = dict(change(dict(values)))
            if not written:
                return written
            try:
                self._update(record_id, written, _unchanged(record, values[STAMP]))
            except Conflict:
                if not left:
                    raise
            else:
                return written
        raise AssertionError("unreachable")

    def _settled(self, record_id: str) -> tuple[Record, dict[str, Any]]:
        """The record, read when the second of its last change was over by the org's clock."""
        describe = self.describe
        if describe.field(STAMP) is None:
            raise ConfigurationError(f"{self.name} has no {STAMP}, so changes by others cannot be noticed")
        while True:
            record = sobjects.get(self._session, describe.name, record_id)
            assert record is not None  # unconditional
            values = from_wire(record.fields, describe)
            stamp: dt.datetime = values[STAMP]
            if record.read_at is None or record.read_at >= stamp.replace(microsecond=0) + SECOND:
                return record, values
            self._sleep(min((stamp.replace(microsecond=0) + SECOND - record.read_at).total_seconds(), 1.0))

    # --- how ---------------------------------------------------------------------------------------------------------

    def _update(self, record_id: str, fields: Fields, condition: Condition, *, once: bool = False) -> None:
        describe = self.describe
        written = to_wire(fields, describe, "updateable")
        sobjects.update(self._session, describe.name, record_id, written, condition, once=once)

    def _upsert_by_collection(self, object_name: str, field: FieldDescribe, row: Fields) -> Upserted:
        """For values that cannot stand in an address."""
        rows = sobject_collections.upsert(self._session, object_name, field.name, [row], unique=field.unique)
        result = rows[0]
        if result.errors:
            raise response_error(400, map(_error_json, result.errors))
        return Upserted(result.id, result.created)


def _unchanged(record: Record, stamp: dt.datetime) -> Condition:
    return Condition(if_match=record.etag, if_unmodified_since=stamp)


def _key(name: str, describe: ObjectDescribe) -> FieldDescribe:
    key = field_names([name], describe)[0]
    field = describe.field(key)
    assert field is not None
    if not field.external_id and not field.id_lookup:
        keys = ", ".join(one.name for one in describe.fields if one.external_id) or "none"
        raise ConfigurationError(f"{key} is no external id of {describe.name}; these are: {keys}")
    return field


def _error_json(error: RowError) -> dict[str, Any]:
    return {"errorCode": error.code, "message": error.message, "fields": error.fields}
