"""Results beyond what other clients have stopped at come whole."""

from __future__ import annotations

import pytest

PAGE = 2_000


@pytest.mark.catalogue("Q2")
@pytest.mark.parametrize("rows", [10_001, 50_001])
def test_a_result_has_no_end_of_our_own(org, soql, page, rows):
    """Ten thousand rows and one, fifty thousand and one: each record once, in order, and nothing is cut off."""
    for start in range(0, rows, PAGE):
        stop = min(start + PAGE, rows)
        org.pages[f"01g-{start}" if start else "q"] = [page(start, stop, rows, f"01g-{stop}" if stop < rows else None)]
    frame = soql("SELECT Id, Name FROM Account").to_pandas()
    assert frame["Id"].tolist() == [f"{number:018}" for number in range(rows)]
    assert frame["Name"].iloc[-1] == f"n{rows - 1}"
    assert not frame.attrs["sfdata"].get("truncated")
    assert len(org.asked) == len(org.pages)
