"""The root of everything sfdata raises."""

from __future__ import annotations

from typing import Any, ClassVar

from sfdata.error_texts import HINTS


class SalesforceError(Exception):
    """Anything that went wrong between a notebook and an org.

    Attributes:
        message: one sentence for the person who reads it.
        error_code: Salesforce's ``errorCode`` (or OAuth ``error``), where there is one.
        status: the HTTP status, where there was an answer.
        hint: the next step, where one is known.
        attempts: how often the request was tried that it is about.
        quota_exhausted: it was not tried again because the connection has spent what it may on repeats.
    """

    _stays_here: ClassVar[frozenset[str]] = frozenset()
    """Attributes that a copy, or another process, does without."""
    attempts: int = 0
    quota_exhausted: bool = False

    def __init__(
        self, message: str, *, error_code: str | None = None, status: int | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.error_code = error_code
        self.status = status
        self.hint = hint if hint is not None else HINTS.get(error_code or "")

    def __str__(self) -> str:
        head = f"{self.error_code}: {self.message}" if self.error_code else self.message
        if self.attempts > 1 or self.quota_exhausted:
            head += f"\nTried {'once' if self.attempts == 1 else f'{self.attempts} times'}"
            head += "; this connection has used up its repeats for now." if self.quota_exhausted else "."
        return f"{head}\nHint: {self.hint}" if self.hint else head

    def __reduce__(self) -> tuple[Any, ...]:
        # An exception is copied and pickled by calling its class with ``args``, which cannot carry keyword arguments.
        state = {name: value for name, value in self.__dict__.items() if name not in self._stays_here}
        return _restored, (type(self), self.args, state)


def _restored(kind: type[SalesforceError], args: tuple[Any, ...], state: dict[str, Any]) -> SalesforceError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error
