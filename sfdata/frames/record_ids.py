"""Record Ids of a column: those of 15 characters brought to 18, those of 18 held against their checksum.

https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/field_types.htm
"""

from __future__ import annotations

from string import ascii_letters, ascii_uppercase, digits

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sfdata.frames.keys import record_id

_SHORT, _LONG, _GROUP = 15, 18, 5

_CHECKS = np.frombuffer((ascii_uppercase + digits[:6]).encode(), np.uint8)
"""The character that stands for five bits: which of five characters are capitals, the first by the lowest."""
_CAPITAL = np.full(256, 64, np.uint8)
"""1 for capitals, 0 for what else an Id may hold, 64 for the rest of the world."""
_CAPITAL[np.frombuffer((digits + ascii_letters).encode(), np.uint8)] = 0
_CAPITAL[np.frombuffer(ascii_uppercase.encode(), np.uint8)] = 1


def long_ids(texts: pa.Array) -> tuple[pa.Array, pa.Array]:
    """The 18-character form of each Id, and where a text is none; what is missing stays missing.

    Args:
        texts: of type large_string.
    """
    if texts.null_count:
        present = texts.is_valid()
        ids, wrong = long_ids(texts.filter(present))
        places = pc.subtract(pc.cumulative_sum(present.cast(pa.int64())), 1)
        places = pc.if_else(present, places, pa.scalar(None, pa.int64()))
        return ids.take(places), wrong.take(places)
    if _right(texts):
        return texts, pa.array(np.zeros(len(texts), bool))
    found = [record_id(text) for text in texts.to_pylist()]
    return pa.array(found, texts.type), pa.array([one is None for one in found], pa.bool_())


def _right(texts: pa.Array) -> bool:
    """Whether all of them are whole Ids already, as most are."""
    _, offsets, data = texts.buffers()
    places = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    if data is None or (np.diff(places) != _LONG).any():
        return not len(texts)
    characters = np.frombuffer(data, np.uint8)[places[0] : places[-1]].reshape(-1, _LONG)
    return bool((_checks(characters[:, :_SHORT]) == characters[:, _SHORT:]).all())


def _checks(characters: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The three characters that belong to each fifteen; none of an Id's where the fifteen are not."""
    capitals = _CAPITAL[characters].reshape(-1, _SHORT // _GROUP, _GROUP)
    bits = capitals @ (1 << np.arange(_GROUP)).astype(np.uint16)
    return np.where(bits < len(_CHECKS), _CHECKS[bits % len(_CHECKS)], 0)
