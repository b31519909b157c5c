"""``df.sf`` in a notebook goes where the notebook's queries go."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import sfdata
from sfdata.accessor import which_org
from sfdata.errors import ConfigurationError


def test_a_verb_goes_to_the_current_org(notebook: Any) -> None:
    """As ``%sf use`` says; a name means the connection of that name; a closed one is not asked."""
    notebook.run("%sf connect local")
    notebook.run("%sf connect prod")
    with which_org(None) as org:
        assert org is notebook.orgs["prod"]
    notebook.run("%sf use local")
    with which_org(None) as org:
        assert org is notebook.orgs["local"]
    notebook.orgs["local"].close()
    with pytest.raises(ConfigurationError, match="local is closed"), which_org(None):
        pass


def test_an_unloaded_notebook_is_followed_no_more(notebook: Any) -> None:
    """The extension takes its current org along; what is said in the environment is what is left."""
    notebook.run("%sf connect local")
    sfdata.unload_ipython_extension(notebook.shell)
    with which_org(None) as org:
        assert org is notebook.orgs[None]


def test_a_cell_that_connects_has_the_accessor(notebook: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The frame a cell reads can be used in that very cell."""
    monkeypatch.delattr(pd.DataFrame, "sf", raising=False)
    assert notebook.run("%sf connect local\nknown = hasattr(__import__('pandas').DataFrame, 'sf')").success
    assert notebook["known"]
