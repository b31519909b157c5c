"""Rows with their linked child rows: cut, joined, and handed out as a DataFrame.

A child subquery's rows are a second table. Each knows its parent row's position here, so cutting a batch cuts its
children with it; in a DataFrame the link is the child's own reference field (``AccountId``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from sfdata.frames.dtypes import DtypeBackend, to_pandas


@dataclass(frozen=True)
class Linked:
    """Child rows; ``parents`` holds the position of each one's parent row, ascending."""

    parents: npt.NDArray[np.int64]
    batch: Batch


@dataclass(frozen=True)
class Batch:
    """Some rows of a result, and per child relationship the rows that belong to them."""

    table: pa.Table
    children: Mapping[str, Linked] = field(default_factory=dict)

    def __len__(self) -> int:
        rows: int = self.table.num_rows
        return rows

    @property
    def nbytes(self) -> int:
        """Bytes of Arrow data, child rows included."""
        below: int = sum(linked.batch.nbytes for linked in self.children.values())
        return int(self.table.nbytes) + below

    def slice(self, start: int, stop: int) -> Batch:
        """The rows from ``start`` up to ``stop``, with their children."""
        children = {}
        for name, linked in self.children.items():
            low, high = np.searchsorted(linked.parents, [start, stop])
            children[name] = Linked(linked.parents[low:high] - start, linked.batch.slice(int(low), int(high)))
        return Batch(self.table.slice(start, max(0, stop - start)), children)

    def take(self, rows: npt.NDArray[np.int64]) -> Batch:
        """The rows at these positions, in this order, with their children."""
        children = {}
        for name, linked in self.children.items():
            first, behind = (np.searchsorted(linked.parents, rows, side) for side in ("left", "right"))
            spans = [np.arange(start, stop) for start, stop in zip(first, behind, strict=True)]
            below = np.concatenate([np.empty(0, np.int64), *spans])
            children[name] = Linked(np.repeat(np.arange(len(rows)), behind - first), linked.batch.take(below))
        return Batch(self.table.take(pa.array(rows)), children)

    def packed(self) -> Batch:
        """The same in one piece of memory per column, as large as it needs to be."""
        children = {name: Linked(linked.parents, linked.batch.packed()) for name, linked in self.children.items()}
        # Arrow's own allocator keeps what is freed for later; the system's gives it back, column by column.
        return Batch(self.table.combine_chunks(memory_pool=pa.system_memory_pool()), children)

    def to_frame(
        self, about: Mapping[str, Any], dtype_backend: DtypeBackend | None = None, *, consume: bool = False
    ) -> pd.DataFrame:
        """A DataFrame whose ``attrs["sfdata"]`` says ``about`` and keeps the child rows for `children`.

        With ``consume`` the table's columns are given up one by one as they are converted; it is of no use afterwards.
        """
        frame = to_pandas(self.table, dtype_backend, consume=consume)
        below = {name: linked.batch for name, linked in self.children.items()}
        frame.attrs["sfdata"] = Provenance(about, below, dtype_backend)
        return frame


def concat(batches: Sequence[Batch]) -> Batch:
    """The batches one after the other; there must be at least one."""
    if len(batches) == 1:
        return batches[0]
    offsets = np.cumsum([0, *map(len, batches[:-1])])
    children = {}
    for name in batches[0].children:
        linked = [batch.children[name] for batch in batches]
        parents = np.concatenate([one.parents + offset for one, offset in zip(linked, offsets, strict=True)])
        children[name] = Linked(parents, concat([one.batch for one in linked]))
    return Batch(pa.concat_tables([batch.table for batch in batches]), children)


class Provenance(dict[str, Any]):
    """Where a frame came from: a small JSON dictionary, so that writing the frame to Parquet works.

    pandas copies ``attrs`` deeply at every operation; this is copied by reference, child rows and all. It also asks
    whether they are equal before it lets joined frames keep them: two that hold child rows are not, since the joined
    frame would then have the children of the first part only.
    """

    def __init__(
        self, about: Mapping[str, Any], children: Mapping[str, Batch], dtype_backend: DtypeBackend | None
    ) -> None:
        super().__init__(about)
        self.children = children
        self.dtype_backend = dtype_backend

    def __deepcopy__(self, memo: dict[int, Any]) -> Provenance:
        return self

    def __eq__(self, other: object) -> bool:
        childless = not self.children and not getattr(other, "children", None)
        return self is other or (childless and super().__eq__(other))

    def __ne__(self, other: object) -> bool:
        return not self == other


def children(frame: pd.DataFrame, relationship: str) -> pd.DataFrame:
    """The rows of a child subquery, as a second frame linked to ``frame``.

    Its first column, unless the subquery selects it elsewhere, is the child's reference to its parent (``AccountId``
    for ``Contacts`` of an Account), so ``frame.merge(children(frame, "Contacts"), left_on="Id", right_on="AccountId")``
    joins the two. It holds every child row the query returned, also after ``frame`` has been filtered; to chunks joined
    by ``pd.concat`` belongs ``pd.concat(children(chunk, "Contacts") for chunk in chunks)``. Subqueries of subqueries
    nest the same way.

    Raises:
        KeyError: ``frame`` is not the result of a query with that subquery.
    """
    provenance = frame.attrs.get("sfdata")
    known = provenance.children if isinstance(provenance, Provenance) else {}
    for name, batch in known.items():
        if name.casefold() == relationship.casefold():
            assert isinstance(provenance, Provenance)
            return batch.to_frame(provenance, provenance.dtype_backend)
    has = f"it has {', '.join(known)}" if known else "it has none"
    raise KeyError(f"no child rows named {relationship!r} came with this frame ({has})")
