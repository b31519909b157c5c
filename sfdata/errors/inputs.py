"""What is wrong with what the caller gave: nothing was sent. And warnings of what the caller asked for."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import NamedTuple

from sfdata.error_texts import caret_excerpt, either
from sfdata.errors.root import SalesforceError


class ConfigurationError(SalesforceError, ValueError):
    """A setting is missing, malformed or contradicts another one."""


class MissingCredentials(ConfigurationError):
    """Nothing given says who is logging in."""


class InsecureUrl(ConfigurationError):
    """A token would travel over plain http to another machine."""


class VaultRefused(ConfigurationError):
    """What is kept of a login on this machine cannot be opened, is not as it was written, or not its owner's alone."""


class Problem(NamedTuple):
    """One reason why a frame cannot be pushed.

    Attributes:
        reason: what is wrong, in words that need not repeat the place.
        column: the frame's column; None where the frame or a whole row is meant.
        position: the row, counted from 0; None where all rows are meant.
        label: the row's label in the index of a DataFrame.
    """

    reason: str
    column: str | None = None
    position: int | None = None
    label: Hashable = None

    def __str__(self) -> str:
        column = [] if self.column is None else [self.column]
        named = "" if self.label is None or self.label == self.position else f" ({self.label!r})"
        row = [] if self.position is None else [f"row {self.position}{named}"]
        place = ", ".join(column + row)
        return f"{place}: {self.reason}" if place else self.reason


class PushRefused(ConfigurationError):
    """A frame has no faithful form that the org would accept; nothing was sent.

    Attributes:
        problems: every `Problem` found, up to a number that nobody reads.
    """

    SHOWN = 5

    def __init__(self, problems: Iterable[Problem], *, hint: str | None = None) -> None:
        self.problems = tuple(problems)
        more = len(self.problems) - self.SHOWN
        lines = [str(problem) for problem in self.problems[: self.SHOWN]]
        lines += [f"and {more} more, in .problems"] if more > 0 else []
        super().__init__("\n".join(lines), hint=hint)


class UnresolvedConflicts(ConfigurationError):
    """A plan holds conflicts that nobody has decided; nothing was sent. ``rows`` is how many rows have some."""

    def __init__(self, rows: int) -> None:
        told = "1 row holds a conflict" if rows == 1 else f"{rows:,} rows hold conflicts"
        hint = 'plan.conflict lists them; plan.resolve("ours"), or "theirs", decides all, or some by ids= and fields=.'
        super().__init__(f"{told} with changes made in the org", hint=hint)
        self.rows = rows


class SoqlError(SalesforceError, ValueError):
    """The query text is wrong; nothing was sent."""


class SoqlSyntaxError(SoqlError):
    """The query does not parse.

    Attributes:
        text: the query.
        offset: where, in characters from its beginning.
        line, column: the same, both counted from 1.
        expected: what would have been accepted there, in words.
        found: what stands there instead.
    """

    def __init__(
        self,
        message: str,
        *,
        text: str,
        offset: int,
        expected: Iterable[str] = (),
        found: str = "",
        hint: str | None = None,
    ) -> None:
        super().__init__(message, error_code="MALFORMED_QUERY", hint=hint)
        self.text = text
        self.offset = offset
        self.line = text.count("\n", 0, offset) + 1
        self.column = offset - (text.rfind("\n", 0, offset) + 1) + 1
        self.expected = tuple(expected)
        self.found = found

    @property
    def excerpt(self) -> str:
        """The line in question, with a caret under the place."""
        return caret_excerpt(self.text, self.line, self.column)

    def __str__(self) -> str:
        wanted = f"; expected {either(self.expected)}" if self.expected else ""
        hint = f"\nHint: {self.hint}" if self.hint else ""
        return f"{self.message} at line {self.line}, column {self.column}{wanted}\n{self.excerpt}{hint}"


class BindError(SoqlError):
    """A ``:name`` in the query has no value, or one that cannot be written as a SOQL literal."""


class QueryTooLong(SoqlError):
    """The query has more characters than a statement may have, and several statements cannot bring the same rows."""


class NotServable(SoqlError):
    """The engine asked for cannot answer such a query; nothing was sent."""


class NotIncremental(SoqlError):
    """``since()`` cannot tell what changes in this query's result; it has to be read as a whole."""


class BookmarkError(SalesforceError, ValueError):
    """A bookmark is garbled, belongs to another org or query, or is asked for before the rows were handed over."""


class BookmarkExpired(BookmarkError):
    """Since this bookmark, rows may have been deleted of which the org keeps no trace; everything must be read anew."""


class BudgetExceeded(SalesforceError):
    """The connection's own bound on API calls does not allow for what was to be sent; it was not sent.

    Attributes:
        needed: API calls that it takes; ``repeated`` more that have been made already, and are to be made again.
        used: calls this connection has made.
        allowed: calls it may make in all.
    """

    def __init__(self, what: str, needed: int, used: int, allowed: int, *, repeated: int = 0) -> None:
        calls = "1 API call" if needed == 1 else f"{needed:,} API calls"
        left = f"{max(allowed - used, 0):,} of its {allowed:,} left"
        room = used + repeated + needed - allowed
        super().__init__(
            f"{what} would take {calls}, and this connection has {left}: not sent",
            hint=f"org.budget.allowed += {room} makes room; query.cost() tells beforehand what a query takes.",
        )
        self.needed = needed
        self.used = used
        self.allowed = allowed
        self.repeated = repeated


class NotRemembered(UserWarning):
    """A login is known to this process only, though it should have been kept, or has to be."""


class NotEnoughLeft(SalesforceError):
    """An org's limit has less left than what was to be sent would take, or only what is reserved; it was not sent.

    Attributes:
        limit: its name, such as ``DailyApiRequests``.
        needed: what it takes.
        left: what may be spent, the reserve not included.
        reserve: what was to be left to others.
    """

    def __init__(self, what: str, needed: int, left: int, reserve: int, limit: str) -> None:
        beside = f" beside the {reserve:,} it reserves" if reserve else ""
        super().__init__(
            f"{what} would take {needed:,} of {limit}, and this connection may spend {left:,}{beside}: not sent",
            hint="org.limits() shows what the org has left. Limits of a day roll on from hour to hour.",
        )
        self.limit = limit
        self.needed = needed
        self.left = left
        self.reserve = reserve


class LimitNear(UserWarning):
    """A limit of the org is nearly used up: ``used`` of the ``allowed`` of its ``limit``."""

    def __init__(self, limit: str, used: int, allowed: int) -> None:
        super().__init__(f"{used * 100 // allowed}% of the org's {limit} are used: {used:,} of {allowed:,}")
        self.limit = limit
        self.used = used
        self.allowed = allowed


class ResultTruncated(UserWarning):
    """A result holds its first rows only, since ``max_rows`` or ``max_memory`` said so."""


class RowsRepeated(UserWarning):
    """Several rows of an update or upsert write one record, and which of them the org takes last is not certain."""


class RowsWillFail(UserWarning):
    """Rows are certain to fail, and ``check="warn"`` pushes them all the same."""
