"""The option line of ``%%soql`` and ``%soql``, read and checked. Nothing in it is evaluated, and no secret is taken."""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from IPython.core.error import UsageError
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring

from sfdata.errors import ConfigurationError

if TYPE_CHECKING:
    from sfdata.frames.dtypes import DtypeBackend
    from sfdata.transfer.engine import Engine

Magic = TypeVar("Magic", bound=Callable[..., Any])

ARGUMENTS: Sequence[tuple[tuple[str, ...], Mapping[str, Any]]] = (
    (("name",), {"nargs": "?", "help": "Variable for the result; without it, the frame is shown and is in _."}),
    (("-o", "--org"), {"help": "A connection, a profile, 'local', or a variable that holds an Org."}),
    (("-p", "--params"), {"help": "Variable with a dict of values; they come before the notebook's variables."}),
    (("--engine",), {"choices": ("auto", "rest", "bulk"), "default": "auto", "help": "REST pages, or a Bulk job."}),
    (("--parallel",), {"type": int, "metavar": "N", "default": 1, "help": "REST pages under way at a time."}),
    (("--max-rows",), {"type": int, "metavar": "N", "help": "Keep the first N rows, and say how many there are."}),
    (("--max-memory",), {"metavar": "SIZE", "help": "Keep the first rows that fit: 500MB, 2GiB."}),
    (("--dtype-backend",), {"choices": ("numpy_nullable", "pyarrow"), "help": "Types of the columns, as in pandas."}),
    (("--index",), {"metavar": "COLUMN", "help": "Column to make the index."}),
    (("--all-rows",), {"action": "store_true", "help": "Include deleted and archived rows."}),
    (("--quiet", "--no-display"), {"action": "store_true", "help": "Show neither the frame nor a line about it."}),
    (("--progress",), {"action": "store_true", "help": "Show how far the read is, even where nobody seems to watch."}),
    (
        ("--dry-run",),
        {"action": "store_true", "help": "Read no rows; show the query as it would be sent, and its cost."},
    ),
    (("--traceback",), {"action": "store_true", "help": "Show an error with its whole traceback."}),
)

_QUERY = re.compile(r"(?:^|(?<=\s))SELECT\b", re.IGNORECASE)

_SECRETS = re.compile(
    r"00D\w{12,15}!\S+"  # a session id
    r"|eyJ[\w-]{10,}\.[\w-]+\.[\w-]*"  # a JSON web token
    r"|5Aep861\S{20,}"  # a refresh token
    r"|-----BEGIN"
    r"|(?:access|refresh|security)?_?-?(?:token|secret|password|passphrase|private[_-]key)\s*[=:]\s*\S"
    r"|--[\w-]{0,40}(?:token|secret|password|passphrase)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of one query, by the names they have on the command line."""

    name: str | None
    org: str | None
    params: str | None
    engine: Engine
    parallel: int
    max_rows: int | None
    max_memory: str | None
    dtype_backend: DtypeBackend | None
    index: str | None
    all_rows: bool
    quiet: bool
    progress: bool
    dry_run: bool
    traceback: bool

    def __post_init__(self) -> None:
        if self.name is not None and (not self.name.isidentifier() or keyword.iskeyword(self.name)):
            raise ConfigurationError(
                f"{self.name!r} cannot be the name of a variable",
                hint="The name for the result comes first, the query on the lines below: %%soql accounts",
            )
        for option, number in (("--max-rows", self.max_rows), ("--parallel", self.parallel)):
            if number is not None and number < 1:
                raise ConfigurationError(f"{option} must be at least 1, not {number}")

    @classmethod
    def parse(cls, magic: object, line: str) -> Options:
        """The options in ``line`` of a magic that `takes_options`.

        Raises:
            ConfigurationError: an unknown option, a value of the wrong form, or a line that holds a secret.
        """
        refuse_secrets(line)
        try:
            found = vars(parse_argstring(magic, line))  # type: ignore[no-untyped-call]
        except (UsageError, ValueError) as problem:  # ValueError: a quotation mark without its partner
            raise ConfigurationError(
                str(problem), hint="%%soql? shows the options; the query goes on the lines below them."
            ) from None
        return cls(**found)

    def values(self, namespace: Mapping[str, Any]) -> Mapping[str, Any]:
        """The mapping that ``--params`` names, or an empty one.

        Raises:
            ConfigurationError: there is no such variable, or it is no mapping.
        """
        if self.params is None:
            return {}
        values = namespace.get(self.params)
        if not isinstance(values, Mapping):
            problem = "is no mapping of names to values" if self.params in namespace else "is not defined"
            raise ConfigurationError(f"--params {self.params}: {self.params} {problem}")
        return values


def takes_options(magic: Magic) -> Magic:
    """Declare `ARGUMENTS` on a magic; its documentation then lists them."""
    for flags, settings in reversed(ARGUMENTS):
        magic = argument(*flags, **settings)(magic)  # type: ignore[no-untyped-call]
    declared: Magic = magic_arguments()(magic)  # type: ignore[no-untyped-call]
    return declared


def split_line(line: str) -> tuple[str, str]:
    """The options and the query of a line magic: the query starts at the first word SELECT and is left as it is.

    >>> split_line("top --max-rows 5 SELECT Name FROM Account WHERE Name = 'O\\\\'Neil  x'")
    ('top --max-rows 5 ', "SELECT Name FROM Account WHERE Name = 'O\\\\'Neil  x'")
    """
    start = _QUERY.search(line)
    return (line[: start.start()], line[start.start() :]) if start else ("", line)


def refuse_secrets(line: str) -> None:
    """Stop at a line with a token, a key or a password in it: notebooks and histories keep what is typed.

    Raises:
        ConfigurationError: without the secret.
    """
    if _SECRETS.search(line):
        raise ConfigurationError(
            "magics take no secrets, and this line looks as if it held one; nothing was sent",
            hint="Put it into SF_… variables or a profile. This notebook and its history keep the line:"
            " delete it there, and if the secret is real, revoke it.",
        )
