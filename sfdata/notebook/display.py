"""How sfdata speaks in a notebook: errors as a short block, one-line messages, text that cannot harm a terminal."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from sfdata.errors import SalesforceError, SoqlSyntaxError

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

LONGEST_TEXT = 2000

_ESCAPE_SEQUENCES = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"  # set a title, a link, the clipboard …
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colour, move, erase …
    r"|\x1b[ -/]*[0-~]"
)
_CONTROL_CHARACTERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")

# The org's own form of a place: an excerpt of the query, a caret below it, and then what is wrong there.
_PLACED = re.compile(r"(?P<excerpt>[^\n]*\n *\^) *\nERROR at Row:\d+:Column:\d+\n(?P<message>.*)", re.DOTALL)


def tell(line: str) -> None:
    """Print one line of ours."""
    sys.stdout.write(f"{plain(line)}\n")


def warn(line: str) -> None:
    """Print one line that must not be missed."""
    sys.stderr.write(f"{plain(line)}\n")


def plain(text: str, longest: int = LONGEST_TEXT) -> str:
    """``text`` without terminal escape sequences and control characters, cut to ``longest`` characters.

    Line ends and tabs stay; marks that reverse the direction of text go.
    """
    cut = text[:longest] + "…" if len(text) > longest else text
    return _CONTROL_CHARACTERS.sub("", _ESCAPE_SEQUENCES.sub("", cut))


def error_block(error: SalesforceError) -> str:
    """The class, what is wrong, the place in the query where one is known, and the next step."""
    if isinstance(error, SoqlSyntaxError):
        message, excerpt, code = str(error).partition("\n")[0], error.excerpt, None
    else:
        placed = _PLACED.fullmatch(error.message)
        message, excerpt = (placed["message"], placed["excerpt"]) if placed else (error.message, "")
        code = error.error_code
    name = f"{type(error).__name__} ({code})" if code else type(error).__name__
    place = "".join(f"\n    {line}" for line in excerpt.split("\n")) if excerpt else ""
    hint = f"\nHint: {error.hint}" if error.hint else ""
    return plain(f"{name}: {message}{place}{hint}")


def show_interrupted(interrupt: KeyboardInterrupt, line: str = "interrupted") -> None:
    """Show an interrupt as one line, and behind it how to go on with what was under way."""
    shown = "; ".join([line, *map(str, getattr(interrupt, "__notes__", ()))])
    setattr(interrupt, "_render_traceback_", lambda: [shown])  # noqa: B010


class ErrorDisplay:
    """The form that errors take in one shell: a short block, or the full traceback where ``full`` is set.

    IPython asks an exception for ``_render_traceback_`` wherever it shows one; giving that method to `SalesforceError`
    leaves every other exception, and other extensions' handlers, alone. The output stays an error output.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell
        self.full = False
        self.last: BaseException | None = None

    def install(self) -> None:
        """Show every `SalesforceError` of the session this way, whoever raised it."""
        setattr(SalesforceError, "_render_traceback_", lambda error: self._lines(error))  # noqa: B010

    def uninstall(self) -> None:
        """Leave the display to IPython again."""
        if hasattr(SalesforceError, "_render_traceback_"):
            delattr(SalesforceError, "_render_traceback_")

    def in_full(self, error: SalesforceError) -> None:
        """Show this one error with its whole traceback."""
        setattr(error, "_render_traceback_", lambda: self.traceback(error))  # noqa: B010

    def traceback(self, error: BaseException) -> list[str]:
        """The whole traceback, in the shell's own style."""
        lines: list[str] = self.shell.InteractiveTB.structured_traceback(type(error), error, error.__traceback__)
        return lines

    def _lines(self, error: SalesforceError) -> list[str]:
        # A kernel sends str(error) beside these lines, and the shell's own traceback ends with it.
        error.message = plain(error.message)
        error.hint = plain(error.hint) if error.hint else error.hint
        self.last = error
        return self.traceback(error) if self.full else error_block(error).split("\n")
