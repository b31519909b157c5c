"""The orgs a notebook is connected to, and which of them is the current one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeGuard
from urllib.parse import urlsplit

from sfdata import accessor, current_org
from sfdata.errors import ConfigurationError, MissingCredentials
from sfdata.notebook.display import show_interrupted, tell

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from sfdata.org import Org
    from sfdata.resilience.hooks import Hooks


class Session:
    """Connections by name. ``current`` is the one a query without ``--org`` goes to."""

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell
        self.orgs: dict[str, Org] = {}
        self.current: Org | None = None
        self._unfollow = current_org.follow(lambda: self.current)
        self._unwatch = current_org.watch(self._progress)

    def connect(self, name: str | None = None, *, remember: bool = False) -> Org:
        """Open a connection, announce it and make it the current one.

        ``"local"`` is the embedded org, another name a profile, None what the environment says. ``remember`` keeps its
        login on this machine.

        Raises:
            MissingCredentials: nothing says who logs in.
            ConfigurationError: no such profile, or a setting of it is wrong.
        """
        self.current = self._open(name, remember=remember)
        return self.current

    def org(self, name: str | None, namespace: Mapping[str, Any]) -> Org:
        """The org a query goes to: a variable of that name that holds one, a connection, or without a name the current.

        The first query without any connection opens the one the environment describes.
        """
        if name is None:
            return self.current or self._first(namespace)
        variable = namespace.get(name)
        if _is_org(variable):
            return variable
        if name in self.orgs:
            return self.orgs[name]
        org = self._open(name)
        self.current = self.current or org
        return org

    def use(self, name: str, namespace: Mapping[str, Any]) -> Org:
        """Make the org of that name (a variable, a connection, or one that is opened now) the current one."""
        self.current = self.org(name, namespace)
        return self.current

    def disconnect(self, name: str | None = None) -> str:
        """Close the connection of that name, or the current one, and return its name.

        Raises:
            ConfigurationError: there is no such connection.
        """
        closed = self.current if name is None else self.orgs.get(name)
        if closed is None:
            what = "no org is connected" if name is None else f"no org is connected by the name {name!r}"
            raise ConfigurationError(what, hint="%sf orgs lists the connections.")
        names = [known for known, org in self.orgs.items() if org is closed]
        for known in names:
            del self.orgs[known]
        if names:  # else it came from a variable, and is its owner's to close
            closed.close()
        if self.current is closed:
            self.current = None
        return names[0] if names else closed.name

    def close(self) -> None:
        """Close every connection opened here."""
        for org in self.orgs.values():
            org.close()
        self.orgs.clear()
        self.current = None
        self._unfollow()
        self._unwatch()

    @contextmanager
    def _progress(self, hooks: Hooks) -> Iterator[None]:
        from sfdata.notebook.progress import progress  # not needed to load the extension

        with progress(hooks, self.shell):
            try:
                yield
            except KeyboardInterrupt as interrupt:
                show_interrupted(interrupt)
                raise

    def _open(self, name: str | None, *, remember: bool = False) -> Org:
        from sfdata.org import connect
        from sfdata.resilience.hooks import Hooks

        accessor.register()
        with self._progress(Hooks()):
            org = connect(name, remember=remember)
            try:
                described = description(org)
            except BaseException:
                org.close()
                raise
        tell(f"Connected to {described}")
        # A connection of that name that was open already is left to whoever holds it in a variable.
        self.orgs[name or org.name] = org
        return org

    def _first(self, namespace: Mapping[str, Any]) -> Org:
        try:
            return self.connect()
        except MissingCredentials as missing:
            variables = [name for name, value in namespace.items() if _is_org(value) and not name.startswith("_")]
            steps = ["%sf connect local opens an org with sample data, %sf connect NAME the org of a profile."]
            steps += [f"%sf use {name} takes the org in your variable {name}." for name in variables[:1]]
            raise MissingCredentials(f"no org is connected, and {missing.message}", hint=" ".join(steps)) from None


def description(org: Org) -> str:
    """The org in one line: name, host, API version, where its credentials came from. Logs in where nothing did yet."""
    host = urlsplit(org.instance_url).hostname or org.instance_url
    place = "" if org.name.startswith(host) else f" at {host}"
    return f"{org.name}{place}, API {org.api_version} ({org.source})"


def _is_org(value: object) -> TypeGuard[Org]:
    from sfdata.org import Org

    return isinstance(value, Org)
