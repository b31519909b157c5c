"""Settings every test runs under."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import settings
from rig import canary
from rig.faulty_org import faulty, session_org, shim  # noqa: F401 - fixtures for every test

# The same examples on each run: CI judges the change, not the dice. --hypothesis-profile=explore looks for new ones and
# prints the seed of what it finds. No deadline: a busy machine is no failure.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None, print_blob=True, max_examples=1000)
settings.load_profile("repeatable")


def pytest_configure(config: pytest.Config) -> None:
    """Watch over the run, that no secret turns up anywhere."""
    canary.watch(config)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse to run where a mark names a row the catalogue does not have: a typing error would prove nothing."""
    catalogue = tomllib.loads((Path(__file__).parent / "catalogue.toml").read_text(encoding="utf-8"))
    known = {number for family in catalogue["rows"].values() for number in family}
    for item in items:
        for mark in item.iter_markers("catalogue"):
            if not mark.args or mark.kwargs or not set(mark.args) <= known:
                raise pytest.UsageError(f"{item.nodeid}: {mark} names no row of tests/catalogue.toml")
