"""Which org a verb goes to when nobody says: the notebook's current one, else the latest that is open."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import TYPE_CHECKING, TypeVar
from weakref import finalize

from sfdata.errors import ConfigurationError

if TYPE_CHECKING:
    from sfdata.org import Org
    from sfdata.resilience.hooks import Hooks

T = TypeVar("T")
CurrentOrg = Callable[[], "Org | None"]
Watcher = Callable[["Hooks"], AbstractContextManager[object]]

_followed: list[CurrentOrg] = []
_watching: list[Watcher] = []


def follow(current: CurrentOrg) -> Callable[[], None]:
    """Send verbs without ``org=`` where ``current`` says; the function that is returned ends it."""
    _followed.append(current)
    return lambda: _followed.remove(current)


def watch(watcher: Watcher) -> Callable[[], None]:
    """Have ``watcher`` show how far long verbs have come; the function that is returned ends it."""
    _watching.append(watcher)
    return lambda: _watching.remove(watcher)


def watched(org: Org) -> AbstractContextManager[object]:
    return _watching[-1](org.hooks) if _watching else nullcontext()


@contextmanager
def which_org(org: Org | str | None) -> Iterator[Org]:
    """The org a verb goes to, as `lookup` says. A connection made here is closed behind the block.

    Raises:
        ConfigurationError: the connection is closed, or several are open and lead to different orgs.
    """
    from sfdata.org import connect

    found = _known(org)
    if found is None:
        with connect(org if isinstance(org, str) else None) as own:
            yield own
    elif found.closed:
        raise ConfigurationError(f"the connection to {found.name} is closed", hint="Make a new one: sfdata.connect(…).")
    else:
        yield found


def lasting(org: Org | str | None, work: Callable[[Org], T]) -> T:
    """What ``work`` makes with the org a verb goes to. A connection made here is closed when that is gone."""
    with ExitStack() as ours:
        made = work(ours.enter_context(which_org(org)))
        finalize(made, ours.pop_all().close)
    return made


def _known(org: Org | str | None) -> Org | None:
    """The connection meant, if there is one already."""
    from sfdata.org import open_orgs

    if org is not None and not isinstance(org, str):
        return org
    is_open = open_orgs()
    if org is not None:
        return next((one for one in reversed(is_open) if one.name == org), None)
    for current in reversed(_followed):
        if (one := current()) is not None:
            return one
    names = sorted({one.name for one in is_open})
    if len(names) > 1:
        hint = "Say which: org=…; in a notebook, %sf use NAME makes one the current org."
        raise ConfigurationError(f"connections to several orgs are open: {', '.join(names)}", hint=hint)
    return is_open[-1] if is_open else None
