from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from sfdata.frames.batch import Batch, Linked, Provenance, concat


def batch_of(counts):
    """Parents 0, 1, 2, … with ``counts[n]`` children each, labelled by parent and number."""
    labels = [f"{parent}/{number}" for parent, count in enumerate(counts) for number in range(count)]
    parents = np.repeat(np.arange(len(counts)), counts)
    rows = Batch(pa.table({"label": pa.array(labels, pa.string())}))
    return Batch(pa.table({"n": pa.array(range(len(counts)), pa.int64())}), {"Kids": Linked(parents, rows)})


def kids_of(batch):
    """Per parent row, the labels of its children."""
    labels = batch.children["Kids"].batch.table["label"].to_pylist()
    found = [[] for _ in range(len(batch))]
    for parent, label in zip(batch.children["Kids"].parents.tolist(), labels, strict=True):
        found[parent].append(label)
    return list(zip(batch.table["n"].to_pylist(), found, strict=True))


@given(st.lists(st.integers(0, 3), min_size=1, max_size=12), st.data())
def test_cutting_and_joining_keep_children_with_their_parents(counts, data):
    """A batch cut anywhere and joined again is the same batch; each piece holds exactly its own parents' children."""
    whole = batch_of(counts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(counts)), max_size=4)))
    edges = [0, *cuts, len(counts)]
    pieces = [whole.slice(low, high) for low, high in pairwise(edges)]
    expected = kids_of(whole)
    for piece, (low, high) in zip(pieces, pairwise(edges), strict=True):
        assert kids_of(piece) == expected[low:high]
    assert kids_of(concat(pieces)) == expected


def test_origins_with_child_rows_are_their_own():
    """pandas keeps attrs where they are equal: two origins are, unless one of them holds child rows."""
    about, kids = {"object": "Account"}, {"Kids": batch_of([1])}
    childless, twin, parent = (Provenance(about, below, None) for below in ({}, {}, kids))
    assert (childless == twin, childless != twin) == (True, False)
    same = parent
    assert (parent == same, parent != same) == (True, False)
    for one, other in [(parent, childless), (childless, parent), (parent, Provenance(about, kids, None))]:
        assert (one == other, one != other) == (False, True)
    assert childless == about
