"""``sfdata lab``: JupyterLab on a copy of the quickstart notebook, whose first cell starts a local org."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from sfdata.errors import ConfigurationError

NOTEBOOK = "quickstart.ipynb"


def lab(folder: str, *, browser: bool = True) -> int:
    """Copy the notebook into ``folder`` (a copy that is there is kept), open it, and stay until JupyterLab ends.

    Raises:
        ConfigurationError: JupyterLab is not installed, or the folder cannot be written.
    """
    if importlib.util.find_spec("jupyterlab") is None:
        raise ConfigurationError(
            "JupyterLab is not installed", hint=f"{sys.executable} -m pip install 'sfdata[lab]' brings it."
        )
    notebook = Path(folder) / NOTEBOOK
    try:
        notebook.parent.mkdir(parents=True, exist_ok=True)
        if not notebook.exists():
            shutil.copyfile(_packaged(), notebook)
    except OSError as problem:
        raise ConfigurationError(f"the notebook cannot be put into {folder}: {problem.strerror}") from None
    print(f"opening {notebook} in JupyterLab; Ctrl-C ends it", flush=True)  # noqa: T201 - a command's progress
    server = subprocess.Popen(_command(notebook, browser=browser))  # noqa: S603 - our own interpreter and notebook
    try:
        return server.wait()
    except KeyboardInterrupt:
        # The terminal's Ctrl-C reached JupyterLab too, which asks for a second one; this is it.
        server.send_signal(signal.SIGTERM)
        server.wait()
        return 0


def _command(notebook: Path, *, browser: bool) -> list[str]:
    flags = [] if browser else ["--no-browser"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        flags.append("--allow-root")  # in a container there may be nobody else; JupyterLab would refuse to start
    return [sys.executable, "-m", "jupyterlab", str(notebook), *flags]


def _packaged() -> Path:
    """The notebook inside the installed package, or in the checkout this package is run from."""
    package = Path(__file__).parent
    return next(
        path for path in (package / "notebooks" / NOTEBOOK, package.parent / "notebooks" / NOTEBOOK) if path.exists()
    )
