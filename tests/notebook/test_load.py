"""Loading the extension: light, silent, and as often as one likes."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

HEAVY = (
    "pandas",
    "numpy",
    "pyarrow",
    "httpx",
    "msgspec",
    "cryptography",
    "jwt",
    "tenacity",
    "ipywidgets",
    "sfdata.org",
)

LOAD = f"""
import json, sys
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

shell = InteractiveShell.instance(config=Config(HistoryManager={{"enabled": False}}))
before = set(sys.modules)
shell.run_line_magic("load_ext", "sfdata")
shell.run_line_magic("load_ext", "sfdata")
shell.run_line_magic("sf", "help")
heavy = [name for name in {HEAVY!r} if name in sys.modules]
print(json.dumps({{"heavy": heavy, "loaded": len(set(sys.modules) - before)}}))
"""


def test_loading_is_light() -> None:
    """In a fresh interpreter, ``%load_ext sfdata`` imports IPython, the standard library and itself, nothing else."""
    done = subprocess.run([sys.executable, "-c", LOAD], capture_output=True, text=True, check=True, timeout=60)
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["heavy"] == []
    assert 0 < found["loaded"] < 60


def test_loading_connects_to_nothing(notebook: Any) -> None:
    """The extension opens no connection before it is asked to."""
    assert notebook.opened == []


def test_loading_twice_keeps_the_connections(notebook: Any) -> None:
    """A second ``load`` of a loaded extension keeps orgs and current org."""
    import sfdata

    notebook.run("%sf connect local")
    sfdata.load_ipython_extension(notebook.shell)
    assert notebook.run("%sf org").result is notebook.orgs["local"]


def test_reload_starts_afresh(notebook: Any) -> None:
    """``%reload_ext`` closes the orgs and registers the magics anew."""
    notebook.run("%sf connect local")
    notebook.shell.extension_manager.loaded.add("sfdata")
    notebook.run("%reload_ext sfdata")
    assert notebook.orgs["local"].closed
    assert notebook.run("%%soql accounts\nSELECT Id FROM Account").success
