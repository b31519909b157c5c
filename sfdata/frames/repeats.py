"""Whether a record comes twice in a read. Then a page was repeated and another one lost, whatever the counts say.

A record is known by its Id, mixed into 64 bits. While they are few, all are remembered, and one that comes twice is
certain to be found. Of more than ``remember`` those with the smallest keys are: a sample chosen by the Ids alone, so
that a record is in it both times or neither. Where it holds one record in k, n rows come twice unnoticed with a
probability of (1 - 1/k)ⁿ. A page that begins with the record another one began with is found in any case, and at once.

Ids: https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/field_types.htm
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sfdata.errors import IncompleteResult

Keys = npt.NDArray[np.uint64]

NO_RECORD = "000000000000000AAA"
"""The Id of rows that are no records of their own, such as entity definitions."""

_WORDS = np.dtype({"names": ["head", "middle", "tail"], "formats": ["<u8"] * 3, "offsets": [0, 8, 10], "itemsize": 18})
_FACTORS = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93))
_HALF = np.uint64(32)
_NONE = np.empty(0, np.uint64)


class Repeats:
    """Watches the pages of one read.

    Args:
        column: the column of the records' own Ids; None where there is none, and nothing can be said.
        remember: records to remember at most, 8 bytes each; None remembers all.
    """

    def __init__(self, column: str | None, remember: int | None = None) -> None:
        self._column = column
        self._remember = remember
        self._rows = 0
        self._firsts: set[int] = set()
        self._known = _NONE
        self._fresh: list[Keys] = []
        self._fresh_count = 0

    def add(self, table: pa.Table) -> None:
        """See the rows of a page.

        Raises:
            IncompleteResult: it begins as an earlier page did, or a record is found to have come twice.
        """
        keys = _keys(table[self._column]) if self._column is not None else _NONE
        if not len(keys):
            return
        first = int(keys[0])
        if first in self._firsts:
            message = f"behind {self._rows} rows, a page begins with the record that an earlier one began with"
            raise IncompleteResult(message, received=self._rows)
        self._firsts.add(first)
        self._rows += len(keys)
        if self._remember is not None and len(self._known) == self._remember:
            keys = keys[keys <= self._known[-1]]
        self._fresh.append(keys)
        self._fresh_count += len(keys)
        if self._remember is not None and self._fresh_count > self._remember // 2:
            self._compare()

    def finish(self) -> None:
        """All pages have been seen.

        Raises:
            IncompleteResult: a record came twice.
        """
        self._compare()

    def _compare(self) -> None:
        keys = np.concatenate([self._known, *self._fresh])
        self._fresh, self._fresh_count = [], 0
        keys.sort()
        twice = int(np.count_nonzero(keys[1:] == keys[:-1]))
        if twice:
            message = f"{self._rows} rows arrived, and at least {twice} of them are records that had come before"
            raise IncompleteResult(message, expected=self._rows, received=self._rows - twice)
        self._known = keys if self._remember is None else keys[: self._remember].copy()


def _keys(ids: pa.ChunkedArray) -> Keys:
    """A number for each Id that names a record."""
    return np.concatenate([_NONE, *map(_keys_of, ids.chunks)])


def _keys_of(ids: pa.StringArray) -> Keys:
    if len(ids) and not ids.null_count and ids.type == pa.string():
        _, offsets, data = ids.buffers()
        places = np.frombuffer(offsets, np.int32)[ids.offset : ids.offset + len(ids) + 1]
        if (np.diff(places) == _WORDS.itemsize).all():
            keys = _packed(np.frombuffer(data, np.uint8)[places[0] : places[-1]])
            return np.extract(keys != _NO_RECORD_KEY, keys)
    return _keys_of_any(ids.to_pylist())


def _keys_of_any(ids: Sequence[str | None]) -> Keys:
    """The same for Ids that are not of 18 characters, as no org should send them."""
    hashes = [hash(one) for one in ids if one is not None and one != NO_RECORD]
    return _mixed(np.array(hashes, np.int64).view(np.uint64))


def _packed(ids: npt.NDArray[np.uint8]) -> Keys:
    """A key for each Id of 18 characters; they stand one behind the other."""
    words = ids.view(_WORDS)
    keys: Keys = words["head"] * _FACTORS[0] + words["middle"] * _FACTORS[1] + words["tail"]
    return _mixed(keys)


def _mixed(keys: Keys) -> Keys:
    """The keys spread evenly over all numbers; different ones stay different."""
    keys = (keys ^ (keys >> _HALF)) * _FACTORS[1]
    return keys ^ (keys >> _HALF)


_NO_RECORD_KEY = _packed(np.frombuffer(NO_RECORD.encode(), np.uint8))[0]
