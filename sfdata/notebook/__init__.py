"""The notebook surface: ``%%soql``, ``%soql``, ``%sf``, short errors and a progress line.

It parses, calls and shows; everything it does can be done without it. Only IPython and the standard library are loaded
before the first connection.
"""

from __future__ import annotations

import sys

from IPython.core.interactiveshell import InteractiveShell

from sfdata import accessor
from sfdata.notebook.commands import SfMagics
from sfdata.notebook.display import ErrorDisplay
from sfdata.notebook.magic import SoqlMagics
from sfdata.notebook.session import Session

__all__ = ["load", "unload"]


def load(shell: InteractiveShell) -> None:
    """Register the magics and the short form of sfdata's errors. A second call changes nothing, and keeps the orgs."""
    if SoqlMagics.__name__ in shell.magics_manager.registry:
        return
    session = Session(shell)
    errors = ErrorDisplay(shell)
    sf = SfMagics(shell, session, errors)
    shell.register_magics(SoqlMagics(shell, session, errors), sf)
    sf.completions.install()
    errors.install()
    _offer_accessor()
    shell.events.register("pre_run_cell", _offer_accessor)


def unload(shell: InteractiveShell) -> None:
    """Take the magics out, close the orgs they opened, and show errors at full length again."""
    registry = shell.magics_manager.registry
    soql, sf = registry.pop(SoqlMagics.__name__, None), registry.pop(SfMagics.__name__, None)
    if not (isinstance(soql, SoqlMagics) and isinstance(sf, SfMagics)):
        return
    for kind, name in (("cell", "soql"), ("line", "soql"), ("line", "sf")):
        shell.magics_manager.magics[kind].pop(name, None)
    shell.events.unregister("pre_run_cell", _offer_accessor)
    sf.completions.uninstall()
    soql.errors.uninstall()
    soql.session.close()


def _offer_accessor(*_: object) -> None:
    """``df.sf``, as soon as there can be a ``df``: pandas is left for the notebook to load."""
    if "pandas" in sys.modules:
        accessor.register()
