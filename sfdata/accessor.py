"""``df.sf``: what sfdata does with a frame in hand, as an accessor of DataFrames and Series.

A verb is a few lines: it finds the org and hands over to `sfdata.transfer`. `register` tells pandas of the accessor; it
is called when a connection is first made, or by ``%load_ext sfdata``, and loads nothing that is not loaded already.

https://pandas.pydata.org/docs/development/extending.html#registering-custom-accessors
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from sfdata.errors import ConfigurationError

if TYPE_CHECKING:
    import pandas as pd

    from sfdata.frames.dtypes import DtypeBackend
    from sfdata.org import Org
    from sfdata.transfer.engine import Engine
    from sfdata.transfer.lookup import Many

T = TypeVar("T")
CurrentOrg = Callable[[], "Org | None"]

_followed: list[CurrentOrg] = []


class FrameAccessor:
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


class SeriesAccessor:
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


# --- which org --------------------------------------------------------------------------------------------------------


def follow(current: CurrentOrg) -> Callable[[], None]:
    """Send verbs without ``org=`` where ``current`` says; the function that is returned ends it."""
    _followed.append(current)
    return lambda: _followed.remove(current)


@contextmanager
def which_org(org: Org | str | None) -> Iterator[Org]:
    """The org a verb goes to, as `lookup` says. A connection made here is closed behind the block.

    Raises:
        ConfigurationError: the connection is closed, or several are open and lead to different orgs.
    """
    from sfdata.org import connect

    found = _known(org)
    if found is None:
        with connect(org if isinstance(org, str) else None) as own:
            yield own
    elif found.closed:
        raise ConfigurationError(f"the connection to {found.name} is closed", hint="Make a new one: sfdata.connect(…).")
    else:
        yield found


def _known(org: Org | str | None) -> Org | None:
    """The connection meant, if there is one already."""
    from sfdata.org import open_orgs

    if org is not None and not isinstance(org, str):
        return org
    is_open = open_orgs()
    if org is not None:
        return next((one for one in reversed(is_open) if one.name == org), None)
    for current in reversed(_followed):
        if (one := current()) is not None:
            return one
    names = sorted({one.name for one in is_open})
    if len(names) > 1:
        hint = "Say which: org=…; in a notebook, %sf use NAME makes one the current org."
        raise ConfigurationError(f"connections to several orgs are open: {', '.join(names)}", hint=hint)
    return is_open[-1] if is_open else None


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
