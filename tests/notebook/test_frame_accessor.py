"""``df.sf`` in a notebook goes where the notebook's queries go."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

import sfdata
from sfdata import current_org
from sfdata.current_org import which_org
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


def test_an_interrupted_verb_is_one_line_that_says_how_to_go_on(
    notebook: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a push leaves behind is named where its traceback would have been."""

    def push(*frame: Any, **how: Any) -> None:
        interrupt = KeyboardInterrupt()
        interrupt.add_note('sfdata.resume("push-1") goes on from here.')
        raise interrupt

    notebook.run("%sf connect local")
    notebook.orgs["local"].push = push
    notebook["frame"] = pd.DataFrame({"Name": ["x"]})
    capsys.readouterr()
    assert type(notebook.run("frame.sf.insert('Account')").error_in_exec) is KeyboardInterrupt
    assert capsys.readouterr().out.strip() == 'interrupted; sfdata.resume("push-1") goes on from here.'


def test_an_unloaded_notebook_is_followed_no_more(notebook: Any) -> None:
    """The extension takes its current org along; what is said in the environment is what is left."""
    notebook.run("%sf connect local")
    followed = len(current_org._followed)
    sfdata.unload_ipython_extension(notebook.shell)
    with which_org(None) as org:
        assert org is notebook.orgs[None]
    assert len(current_org._followed) == followed - 1


def test_a_cell_that_connects_has_the_accessor(notebook: Any) -> None:
    """The frame a cell reads can be used in that very cell."""
    cell = ["import pandas", "del pandas.DataFrame.sf", "%sf connect local", "known = hasattr(pandas.DataFrame, 'sf')"]
    assert notebook.run("\n".join(cell)).success
    assert notebook["known"]
