"""``df.sf``: what sfdata does with a frame in hand, as an accessor of DataFrames and Series.

A verb is a few lines: it finds the org and hands over to `sfdata.transfer`. `register` tells pandas of the accessor; it
is called when a connection is first made, or by ``%load_ext sfdata``, and loads nothing that is not loaded already.

https://pandas.pydata.org/docs/development/extending.html#registering-custom-accessors
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from sfdata.current_org import lasting, watched, which_org
from sfdata.push_verbs import FramePushes, SeriesPushes

if TYPE_CHECKING:
    import pandas as pd

    from sfdata.frames.dtypes import DtypeBackend
    from sfdata.frames.write_columns import NullPolicy, Operation
    from sfdata.org import Org
    from sfdata.transfer.conflicts import OnConflict, Since
    from sfdata.transfer.engine import Engine
    from sfdata.transfer.lookup import Many
    from sfdata.transfer.plan import Plan
    from sfdata.transfer.push_result import PushResult
    from sfdata.transfer.resume import ResumedRead

T = TypeVar("T")


class FrameAccessor(FramePushes):
    """``df.sf``. Every verb takes ``org=``; `sfdata.lookup` says which org it is without."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame

    def lookup(
        self,
        object_name: str,
        on: Hashable,
        fields: str | Sequence[str],
        *,
        key: str | None = None,
        prefix: str = "",
        many: Many = "error",
        indicator: bool | str = False,
        all_rows: bool = False,
        engine: Engine = "auto",
        dtype_backend: DtypeBackend | None = None,
        org: Org | str | None = None,
    ) -> pd.DataFrame:
        """This frame with fields of the records whose ``key`` is in its column ``on``: see `sfdata.lookup`.

        >>> accounts.sf.lookup("User", on="OwnerId", fields=["Name", "Email"], prefix="Owner.")  # doctest: +SKIP
        """
        return lookup(
            self._frame,
            object_name,
            on,
            fields,
            key=key,
            prefix=prefix,
            many=many,
            indicator=indicator,
            all_rows=all_rows,
            engine=engine,
            dtype_backend=dtype_backend,
            org=org,
        )

    def check(
        self,
        object_name: str,
        operation: Operation = "insert",
        key: str | None = None,
        *,
        nulls: NullPolicy = "leave",
        org: Org | str | None = None,
    ) -> pd.DataFrame:
        """What would go wrong if this frame were pushed, a row for each problem: see `sfdata.Org.check`.

        >>> df.sf.check("Account", "upsert", "Ext__c").groupby(["column", "code"])["rows"].sum()  # doctest: +SKIP
        """
        with which_org(org) as found:
            return found.check(self._frame, object_name, operation, key=key, nulls=nulls)

    def diff(
        self,
        object_name: str,
        key: str,
        *,
        since: Since | None = None,
        on_conflict: OnConflict = "ask",
        base: pd.DataFrame | None = None,
        edited: str | None = None,
        nulls: NullPolicy = "leave",
        org: Org | str | None = None,
    ) -> Plan:
        """What a push of this frame would do, row by row and field by field; nothing is written: see `sfdata.Org.diff`.

        >>> plan = df.sf.diff("Account", key="Ext__c")  # doctest: +SKIP
        >>> plan.change  # doctest: +SKIP
        >>> plan.apply().raise_for_errors()  # doctest: +SKIP
        """
        how: dict[str, Any] = {"since": since, "on_conflict": on_conflict, "base": base, "edited": edited}

        def plan(found: Org) -> Plan:
            with watched(found):
                made = found.diff(self._frame, object_name, key, nulls=nulls, **how)
            made.watching = lambda: watched(found)
            return made

        return lasting(org, plan)


class SeriesAccessor(SeriesPushes):
    """``series.sf``, for a Series of keys."""

    def __init__(self, series: pd.Series[Any]) -> None:
        self._series = series

    def lookup(
        self,
        object_name: str,
        fields: str | Sequence[str],
        *,
        key: str | None = None,
        prefix: str = "",
        many: Many = "error",
        indicator: bool | str = False,
        all_rows: bool = False,
        engine: Engine = "auto",
        dtype_backend: DtypeBackend | None = None,
        org: Org | str | None = None,
    ) -> pd.DataFrame:
        """Fields of the records with these keys, as a frame on the index of this Series: see `sfdata.lookup`.

        >>> accounts["OwnerId"].sf.lookup("User", fields="Name")["Name"]  # doctest: +SKIP
        """
        from sfdata.transfer.lookup import Lookup

        with which_org(org) as found:
            wanted = Lookup(found, object_name, fields, key, prefix, many, indicator, all_rows, engine)
            return wanted.of(self._series, dtype_backend)


def lookup(
    frame: T,
    object_name: str,
    on: Hashable,
    fields: str | Sequence[str],
    *,
    key: str | None = None,
    prefix: str = "",
    many: Many = "error",
    indicator: bool | str = False,
    all_rows: bool = False,
    engine: Engine = "auto",
    dtype_backend: DtypeBackend | None = None,
    org: Org | str | None = None,
) -> T:
    """``frame`` with fields of an org's records added: a left join with the org in the place of the right frame.

    Rows keep their order and their index; where several rows have one key, it is asked for once. Keys are compared as
    the org compares: Ids of 15 and 18 characters are the same, texts without regard to case unless the field is case
    sensitive, and what is missing in the frame matches nothing. All is checked by describe before a query is sent;
    without any key none is.

    Args:
        frame: a DataFrame of pandas or Polars, or an Arrow table; it is left as it is.
        object_name: whose records, such as ``"Account"``.
        on: the column of ``frame`` that holds the keys; for pandas also a level of the index.
        fields: fields to add, also of parents (``"Owner.Name"``), in this order.
        key: the object's field that ``on`` holds values of. Left out, it is ``Id`` where the values are Ids of the
            object, else the field of the same name.
        prefix: what the names of the new columns begin with.
        many: where several records have one key, ``"error"`` refuses, ``"first"`` takes the one with the lowest Id and
            ``"all"`` repeats the row for each of them, in the order of their Ids.
        indicator: add a column ``_merge`` (or of the name given) that is ``"both"`` where a record was found and
            ``"left_only"`` where none was, as in pandas' ``merge``.
        all_rows: find deleted and archived records too.
        engine: ``"auto"``, ``"rest"`` or ``"bulk"``, see `Org.soql`.
        dtype_backend: of the new columns, for pandas; see `read_soql`.
        org: a connection, the name of one that is open, or what `connect` takes, for this one call. Left out, it is the
            notebook's current org, else the latest open connection of this process, else what the environment says.
            Where connections to different orgs are open, one has to be named.

    Returns:
        A frame of the same kind. New columns have the dtypes of `read_soql`, missing where no record was found.

    Raises:
        ConfigurationError: no such column, one of that name exists already, or it is not clear which org is meant.
        InvalidType, InvalidField: no such object or field (the hint names the nearest), or one that cannot be filtered.
        BindError: values that are none of the key's type.
        SeveralRecords: several records have one key.
        IncompleteResult: not every record arrived.
    """
    from sfdata.transfer.lookup import Lookup

    with which_org(org) as found:
        wanted = Lookup(found, object_name, fields, key, prefix, many, indicator, all_rows, engine)
        return wanted.into(frame, on, dtype_backend)


def resume(
    id: str,  # noqa: A002 - its name everywhere else
    org: Org | str | None = None,
    *,
    wait: float | None = None,
) -> PushResult | ResumedRead:
    """Go on with a push or a read that was stopped, cut off or killed, in this process or another.

    Args:
        id: of a push (``push-…``, listed by `sfdata.pushes`; its beginning suffices), or of a read's query job
            (``750…``).
        org: a connection to the org it belongs to; left out, it is found as `lookup` says.
        wait: seconds after which a push whose jobs are still at work is left to the org; 0 asks once how they are.

    Returns:
        For a push, which is taken to its end, its `PushResult`: every row is written once, whatever has been done
        before. For a read a `ResumedRead`, which has every form that a query has (``.to_pandas()``).

    Raises:
        ConfigurationError: nothing of that Id is known here, or it belongs to another org.
        PushUnderWay: somebody else takes the push further right now.
        StillRunning: the org is still at work after ``wait`` seconds; ``result`` tells how the push stands.
        SalesforceError: the push could not go on.
    """

    def go_on(found: Org) -> PushResult | ResumedRead:
        with watched(found):
            return found.resume(id, wait=wait)

    return lasting(org, go_on)


def push_result(id: str) -> PushResult:  # noqa: A002 - its name everywhere else
    """How a push stands, by what is known on this machine: nothing is sent, and nobody is kept from taking it further.

    Rows of jobs that are on their way are ``unaccounted``, rows that have not left are ``not_sent``.

    Args:
        id: of a push, as `sfdata.pushes` lists it; its beginning suffices.

    Raises:
        ConfigurationError: no push of that Id is known here.
    """
    from sfdata.transfer.pushes import push_result as known

    def resumed(push_id: str) -> PushResult:
        result = resume(push_id)
        assert not hasattr(result, "to_pandas"), "a push is no read"
        return result

    return known(
        id,
        lambda push_id, codes: resumed(push_id).retry_failed(codes),
        lambda push_id, on_conflict: resumed(push_id).undo(on_conflict=on_conflict),
    )


# --- pandas -----------------------------------------------------------------------------------------------------------


def register() -> None:
    """Let pandas know ``sf``. A second call changes nothing."""
    import pandas as pd
    from pandas.api.extensions import register_dataframe_accessor, register_series_accessor

    _register(pd.DataFrame, FrameAccessor, register_dataframe_accessor)
    _register(pd.Series, SeriesAccessor, register_series_accessor)


def _register(kind: Any, accessor: type, registered_as: Callable[[str], Callable[[type], object]]) -> None:
    known = getattr(kind, "sf", None)
    if known is accessor:
        return
    if getattr(known, "__module__", None) == __name__:
        del kind.sf  # of this module before it was reloaded; pandas warns of any other
    registered_as("sf")(accessor)
