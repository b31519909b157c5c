"""A Salesforce-compatible org in a process, for demos, tests and trying things out. It listens on loopback only.

It is an independent witness of what the client does: it follows Salesforce's documented behaviour and shares with the
client only the SOQL grammar, plain definitions and the error names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sfdata.localorg.org import LocalOrg

__all__ = ["LocalOrg"]


def __getattr__(name: str) -> Any:
    # The parts of the local org import each other through this package; the whole is loaded only for who wants it.
    if name == "LocalOrg":
        from sfdata.localorg.org import LocalOrg

        return LocalOrg
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
