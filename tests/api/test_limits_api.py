"""The limits resource."""

from __future__ import annotations

import pytest

from sfdata.api.limits import Limit, limits
from sfdata.errors import UnreadableAnswer

PATH = "/services/data/v67.0/limits"


def test_every_limit_is_read_with_the_shares_of_apps(session, org):
    """Max and Remaining by name; the maps some entries nest, one per app, come along."""
    org.resources[PATH] = {
        "DailyApiRequests": {
            "Max": 15000,
            "Remaining": 14998,
            "Ant Migration Tool": {"Max": 0, "Remaining": 0},
            "My App": {"Max": 100, "Remaining": 40},
        },
        "DataStorageMB": {"Max": 5, "Remaining": 5},
    }
    assert limits(session) == {
        "DailyApiRequests": Limit(15000, 14998, {"Ant Migration Tool": Limit(0, 0), "My App": Limit(100, 40)}),
        "DataStorageMB": Limit(5, 5),
    }


def test_an_entry_of_another_form_is_left_out(session, org):
    """New kinds of entries do not break the ones we know."""
    org.resources[PATH] = {"A": {"Max": 1, "Remaining": 1}, "B": 5, "C": {"Max": None, "Remaining": 1}, "D": {"Max": 1}}
    assert limits(session) == {"A": Limit(1, 1)}


@pytest.mark.parametrize("answer", [b"[]", b"5", b"nonsense"])
def test_an_answer_without_limits_is_unreadable(session, org, answer):
    """Anything but a map of limits is an error."""
    org.resources[PATH] = answer
    with pytest.raises(UnreadableAnswer):
        limits(session)
