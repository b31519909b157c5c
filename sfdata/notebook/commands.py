"""``%sf``: the connections of a notebook, and what an org says of itself."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_magic, magics_class, no_var_expand

from sfdata.errors import ConfigurationError
from sfdata.notebook.completion import Completions
from sfdata.notebook.display import ErrorDisplay, show_interrupted, tell
from sfdata.notebook.options import refuse_secrets
from sfdata.notebook.session import Session, description

if TYPE_CHECKING:
    import pandas as pd

    from sfdata.org import Org

REMEMBER = "--remember"


@magics_class
class SfMagics(Magics):
    """The ``%sf`` magic of one shell. A command is a method; its parameters are the command's arguments."""

    def __init__(self, shell: InteractiveShell, session: Session, errors: ErrorDisplay) -> None:
        super().__init__(shell)
        self.user_shell = shell
        self.session = session
        self.errors = errors
        self.commands: Mapping[str, Callable[..., Any]] = {
            "connect": self.connect,
            "orgs": self.orgs,
            "use": self.use,
            "org": self.org,
            "describe": self.describe,
            "limits": self.limits,
            "jobs": self.jobs,
            "disconnect": self.disconnect,
            "forget": self.forget,
            "traceback": self.traceback,
            "help": self.help,
        }
        self.completions = Completions(shell, session, self.commands)

    @no_var_expand
    @line_magic
    def sf(self, line: str) -> Any:
        """The connections of this notebook, and what an org says of itself.

        %sf connect [NAME] [--remember]
                                connect to 'local' (an org with sample data), a profile, or what the environment says;
                                --remember keeps the login on this machine, encrypted, for the next time
        %sf orgs                list the connections; * marks the current one
        %sf use NAME            make a connection, a profile or a variable that holds an Org the current one
        %sf org                 the current Org, for Python: org = %sf org
        %sf describe [OBJECT]   the fields of an object, or all objects, as a DataFrame
        %sf limits              what is left of the org's limits, as a DataFrame
        %sf jobs                the Bulk query jobs of the last days and their states, as a DataFrame
        %sf disconnect [NAME]   close a connection
        %sf forget [NAME]       take a remembered login off this machine, or all of them
        %sf traceback [on|off]  show the last error in full, or every one from now on
        %sf help                this text; %%soql? says how to query
        """
        refuse_secrets(line)
        name, *arguments = line.split() or ["help"]
        command = self.commands.get(name)
        if command is None:
            from difflib import get_close_matches

            near = get_close_matches(name.lower(), self.commands, n=1)
            hint = f"Did you mean %sf {near[0]}?" if near else "%sf help lists the commands."
            raise ConfigurationError(f"%sf has no command {name!r}", hint=hint)
        try:
            inspect.signature(command).bind(*arguments)
        except TypeError as problem:
            raise ConfigurationError(f"%sf {name}: {problem}", hint="%sf help lists the commands.") from None
        try:
            return command(*arguments)
        except KeyboardInterrupt as interrupt:
            show_interrupted(interrupt)
            raise

    def connect(self, *arguments: str) -> None:
        names = [one for one in arguments if one != REMEMBER]
        if len(names) > 1 or any(name.startswith("-") for name in names):
            raise ConfigurationError(f"%sf connect takes one name, and {REMEMBER}", hint="%sf help lists the commands.")
        self.session.connect(*names, remember=REMEMBER in arguments)

    def orgs(self) -> None:
        if not self.session.orgs:
            tell("No org is connected. %sf connect local opens an org with sample data.")
        for org in self.session.orgs.values():
            tell(f"{'*' if org is self.session.current else ' '} {description(org)}")

    def use(self, name: str) -> None:
        tell(f"Queries go to {description(self.session.use(name, self.user_shell.user_ns))}")

    def org(self) -> Org:
        return self.session.org(None, self.user_shell.user_ns)

    def describe(self, name: str | None = None) -> pd.DataFrame:
        org = self.org()
        return org.describe() if name is None else org.describe(name).frame

    def limits(self) -> pd.DataFrame:
        return self.org().limits()

    def jobs(self) -> pd.DataFrame:
        return self.org().query_jobs()

    def disconnect(self, name: str | None = None) -> None:
        tell(f"Disconnected from {self.session.disconnect(name)}")

    def forget(self, name: str | None = None) -> None:
        from sfdata.auth.remembered import forget

        for gone in forget(name) or ["nothing: no such login is remembered"]:
            tell(f"Forgot {gone}")

    def traceback(self, switch: str | None = None) -> None:
        if switch is None:
            last = self.errors.last
            sys.stdout.write("\n".join(self.errors.traceback(last)) + "\n" if last else "There was no error yet.\n")
        elif switch in ("on", "off"):
            self.errors.full = switch == "on"
        else:
            raise ConfigurationError(f"%sf traceback takes on or off, not {switch!r}")

    def help(self) -> None:
        sys.stdout.write(f"{inspect.getdoc(SfMagics.sf)}\n")
