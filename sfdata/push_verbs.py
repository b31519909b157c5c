"""The verbs of ``df.sf`` that write a frame to an org: each a line over `sfdata.Org.push`, which says what they do.

``insert``, ``update``, ``upsert`` and ``delete`` go by sObject Collections while rows are few, else through Bulk;
those that begin with ``bulk_`` always do the latter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sfdata.current_org import lasting, watched

if TYPE_CHECKING:
    import pandas as pd

    from sfdata.frames.write_columns import NullPolicy
    from sfdata.org import Org
    from sfdata.transfer.planning import Check, Unchanged
    from sfdata.transfer.push_engine import PushEngine
    from sfdata.transfer.push_result import PushResult


class FramePushes:
    """The verbs of a frame."""

    _frame: pd.DataFrame

    def insert(
        self,
        object_name: str,
        *,
        org: Org | str | None = None,
        check: Check = "refuse",
        nulls: NullPolicy = "leave",
        part_rows: int | None = None,
        engine: PushEngine = "auto",
        all_or_none: bool = False,
    ) -> PushResult:
        """Create a record for each row: see `sfdata.Org.push`.

        >>> df["Id"] = df.sf.insert("Account").ids  # doctest: +SKIP
        """
        how = {"check": check, "nulls": nulls, "part_rows": part_rows, "engine": engine, "all_or_none": all_or_none}
        return _push(self._frame, org, object_name, "insert", **how)

    def update(
        self,
        object_name: str,
        *,
        org: Org | str | None = None,
        check: Check = "refuse",
        nulls: NullPolicy = "leave",
        part_rows: int | None = None,
        engine: PushEngine = "auto",
        all_or_none: bool = False,
        keep_before: bool = False,
        unchanged: Unchanged = "send",
    ) -> PushResult:
        """Change the records that the column ``Id`` names: see `sfdata.Org.push`.

        >>> df.sf.update("Account", nulls={"Phone": "clear"}).raise_for_errors()  # doctest: +SKIP
        """
        how = {"check": check, "nulls": nulls, "part_rows": part_rows, "engine": engine, "all_or_none": all_or_none}
        sparing = {"keep_before": keep_before, "unchanged": unchanged}
        return _push(self._frame, org, object_name, "update", **how, **sparing)

    def upsert(
        self,
        object_name: str,
        key: str,
        *,
        org: Org | str | None = None,
        check: Check = "refuse",
        nulls: NullPolicy = "leave",
        part_rows: int | None = None,
        engine: PushEngine = "auto",
        all_or_none: bool = False,
        keep_before: bool = False,
        unchanged: Unchanged = "send",
    ) -> PushResult:
        """Change the records that ``key`` finds, and create those it does not: see `sfdata.Org.push`.

        >>> result = df.sf.upsert("Account", "Ext__c")  # doctest: +SKIP
        """
        how = {"check": check, "nulls": nulls, "part_rows": part_rows, "engine": engine, "all_or_none": all_or_none}
        sparing = {"keep_before": keep_before, "unchanged": unchanged}
        return _push(self._frame, org, object_name, "upsert", key=key, **how, **sparing)

    def delete(
        self,
        object_name: str,
        *,
        org: Org | str | None = None,
        check: Check = "refuse",
        part_rows: int | None = None,
        engine: PushEngine = "auto",
        all_or_none: bool = False,
        keep_before: bool = False,
    ) -> PushResult:
        """Put the records that the column ``Id`` names into the recycle bin: see `sfdata.Org.push`.

        >>> duplicates.sf.delete("Account", all_or_none=True)  # doctest: +SKIP
        """
        how = {"check": check, "part_rows": part_rows, "engine": engine, "all_or_none": all_or_none}
        how["keep_before"] = keep_before
        return _push(self._frame, org, object_name, "delete", **how)

    def bulk_insert(
        self,
        object_name: str,
        *,
        org: Org | str | None = None,
        check: Check = "refuse",
        nulls: NullPolicy = "leave",
        part_rows: int | None = None,
    ) -> PushResult:
        """`insert` through Bulk API 2.0, however few the rows."""
        return self.insert(object_name, org=org, check=check, nulls=nulls, part_rows=part_rows, engine="bulk")

    def bulk_update(
        self,
        object_name: str,
        *,
        org: Org | str | None = None,
        check: Check = "refuse",
        nulls: NullPolicy = "leave",
        part_rows: int | None = None,
        keep_before: bool = False,
        unchanged: Unchanged = "send",
    ) -> PushResult:
        """`update` through Bulk API 2.0, however few the rows."""
        how: dict[str, Any] = {"check": check, "nulls": nulls, "part_rows": part_rows, "keep_before": keep_before}
        return self.update(object_name, org=org, unchanged=unchanged, engine="bulk", **how)

    def bulk_upsert(
        self,
        object_name: str,
        key: str,
        *,
        org: Org | str | None = None,
        check: Check = "refuse",
        nulls: NullPolicy = "leave",
        part_rows: int | None = None,
        keep_before: bool = False,
        unchanged: Unchanged = "send",
    ) -> PushResult:
        """`upsert` through Bulk API 2.0, however few the rows."""
        how: dict[str, Any] = {"check": check, "nulls": nulls, "part_rows": part_rows, "keep_before": keep_before}
        return self.upsert(object_name, key, org=org, unchanged=unchanged, engine="bulk", **how)

    def bulk_delete(
        self,
        object_name: str,
        *,
        org: Org | str | None = None,
        check: Check = "refuse",
        part_rows: int | None = None,
        keep_before: bool = False,
    ) -> PushResult:
        """`delete` through Bulk API 2.0, however few the rows."""
        how: dict[str, Any] = {"check": check, "part_rows": part_rows, "keep_before": keep_before}
        return self.delete(object_name, org=org, engine="bulk", **how)

    def bulk_hard_delete(
        self,
        object_name: str,
        *,
        org: Org | str | None = None,
        check: Check = "refuse",
        part_rows: int | None = None,
        keep_before: bool = False,
    ) -> PushResult:
        """Delete the records that the column ``Id`` names for good: see `sfdata.Org.push`.

        The user needs the permission 'Bulk API Hard Delete'.

        >>> old.sf.bulk_hard_delete("Task")  # doctest: +SKIP
        """
        how = {"check": check, "part_rows": part_rows, "engine": "bulk", "keep_before": keep_before}
        return _push(self._frame, org, object_name, "hardDelete", **how)


class SeriesPushes:
    """The verbs of a Series of Ids."""

    _series: pd.Series[Any]

    def delete(
        self,
        object_name: str,
        *,
        org: Org | str | None = None,
        check: Check = "refuse",
        part_rows: int | None = None,
        engine: PushEngine = "auto",
        all_or_none: bool = False,
        keep_before: bool = False,
    ) -> PushResult:
        """Put the records with these Ids into the recycle bin: see `sfdata.Org.push`.

        >>> duplicates["Id"].sf.delete("Account")  # doctest: +SKIP
        """
        how = {"check": check, "part_rows": part_rows, "engine": engine, "all_or_none": all_or_none}
        how["keep_before"] = keep_before
        return _push(self._series.to_frame("Id"), org, object_name, "delete", **how)

    def bulk_delete(
        self,
        object_name: str,
        *,
        org: Org | str | None = None,
        check: Check = "refuse",
        part_rows: int | None = None,
        keep_before: bool = False,
    ) -> PushResult:
        """`delete` through Bulk API 2.0, however few the Ids."""
        how: dict[str, Any] = {"check": check, "part_rows": part_rows, "keep_before": keep_before}
        return self.delete(object_name, org=org, engine="bulk", **how)

    def bulk_hard_delete(
        self,
        object_name: str,
        *,
        org: Org | str | None = None,
        check: Check = "refuse",
        part_rows: int | None = None,
        keep_before: bool = False,
    ) -> PushResult:
        """Delete the records with these Ids for good: see `sfdata.Org.push`.

        >>> old["Id"].sf.bulk_hard_delete("Task")  # doctest: +SKIP
        """
        how = {"check": check, "part_rows": part_rows, "engine": "bulk", "keep_before": keep_before}
        return _push(self._series.to_frame("Id"), org, object_name, "hardDelete", **how)


def _push(frame: pd.DataFrame, org: Org | str | None, *what: Any, **how: Any) -> PushResult:
    """`Org.push` of a frame to the org that is meant."""

    def push(found: Org) -> PushResult:
        with watched(found):
            return found.push(frame, *what, **how)

    return lasting(org, push)
