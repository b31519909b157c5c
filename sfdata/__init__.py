"""Salesforce data in a notebook: SOQL in a cell, a correct, typed, flat and complete DataFrame out.

    >>> import sfdata
    >>> org = sfdata.connect("local")
    >>> org.query("SELECT Id, Name, Owner.Name FROM Account LIMIT 3")  # doctest: +SKIP

In a notebook: ``%load_ext sfdata``, then ``%%soql``. What is named here is public; anything deeper may move.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from sfdata import errors as errors
    from sfdata import soql as soql
    from sfdata.accessor import lookup, push_result, resume
    from sfdata.auth.flows import AccessToken, ClientCredentials, JwtBearer, RefreshToken
    from sfdata.auth.remembered import forget
    from sfdata.errors import SalesforceError
    from sfdata.frames.batch import children
    from sfdata.frames.python_values import CLEAR
    from sfdata.logs import log_to
    from sfdata.org import Org, connect
    from sfdata.reader import read_soql
    from sfdata.soql import escape_like
    from sfdata.transfer.pushes import pushes
    from sfdata.transfer.soql_query import Soql

__version__ = "0.1.0"

__all__ = [
    "CLEAR",
    "AccessToken",
    "ClientCredentials",
    "JwtBearer",
    "Org",
    "RefreshToken",
    "SalesforceError",
    "Soql",
    "children",
    "connect",
    "escape_like",
    "forget",
    "log_to",
    "lookup",
    "push_result",
    "pushes",
    "read_soql",
    "resume",
]

# Loaded on first use, so that %load_ext costs next to nothing.
_HOMES = {
    "CLEAR": "sfdata.frames.python_values",
    "AccessToken": "sfdata.auth.flows",
    "ClientCredentials": "sfdata.auth.flows",
    "JwtBearer": "sfdata.auth.flows",
    "Org": "sfdata.org",
    "RefreshToken": "sfdata.auth.flows",
    "SalesforceError": "sfdata.errors",
    "Soql": "sfdata.transfer.soql_query",
    "children": "sfdata.frames.batch",
    "connect": "sfdata.org",
    "errors": "sfdata.errors",
    "escape_like": "sfdata.soql",
    "forget": "sfdata.auth.remembered",
    "log_to": "sfdata.logs",
    "lookup": "sfdata.accessor",
    "push_result": "sfdata.accessor",
    "pushes": "sfdata.transfer.pushes",
    "read_soql": "sfdata.reader",
    "resume": "sfdata.accessor",
    "soql": "sfdata.soql",
}


if not TYPE_CHECKING:  # type checkers take the names from the imports above, and so know a misspelt one

    def __getattr__(name: str) -> Any:
        home = _HOMES.get(name)
        if home is None:
            raise AttributeError(f"module 'sfdata' has no attribute {name!r}")
        module = import_module(home)
        if home in ("sfdata.org", "sfdata.accessor"):  # whoever connects can say df.sf
            import_module("sfdata.accessor").register()
        value = module if home == f"sfdata.{name}" else getattr(module, name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    """What is public, for Tab; and what every module has."""
    return sorted({*_HOMES, *(name for name in globals() if name.startswith("__"))})


def load_ipython_extension(shell: InteractiveShell) -> None:
    """``%load_ext sfdata``: registers ``%%soql``, ``%soql`` and ``%sf``. Connects to nothing."""
    from sfdata.notebook import load

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """``%unload_ext sfdata``: takes the magics out again."""
    from sfdata.notebook import unload

    unload(shell)
