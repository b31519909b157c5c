"""A value that must never be seen: tokens, keys, passwords.

It is a type and not a string, so that printing, logging, formatting, pickling and JSON cannot reveal it by accident.

What Python allows of wiping is done: a secret's own bytes are overwritten when nobody holds it any more. The texts that
`Secret.reveal` makes, and what libraries copy on the way to the wire, cannot be; they stay until their memory is used
again.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from functools import partial
from hmac import compare_digest
from typing import NoReturn
from urllib.parse import quote, quote_plus

MASK = "********"
SHORTEST_IN_BASE64 = 6
"""Characters; fewer would be found in any text."""


class StaysHere:
    """What holds a login or a secret, and so must not leave this process: pickling and copying it are refused."""

    __slots__ = ()

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(
            f"{type(self).__name__} cannot be pickled or copied: what it holds must not leave this process;"
            " have each process connect by itself, and hand over texts and frames"
        )


class Secret(StaysHere):
    """A text that shows itself only when asked: ``secret.reveal()``.

    Two secrets compare in constant time. Printing gives a mask; pickling, copying and JSON are refused.
    """

    __slots__ = ("__bytes",)

    def __init__(self, value: str) -> None:
        self.__bytes = bytearray(value, "utf-8", "surrogatepass")

    @classmethod
    def of(cls, value: str | Secret) -> Secret:
        """``value`` itself if it is a secret already, else wrapped."""
        return value if isinstance(value, Secret) else cls(value)

    def reveal(self) -> str:
        """The text. For the one place that sends it, which does not give it a name."""
        return self.__bytes.decode("utf-8", "surrogatepass")

    def masked_in(self, text: str) -> str:
        """``text`` with every occurrence of this secret masked, also where it is part of a form, a URL or base64."""
        for written in _FORMS:
            if form := self and written(self.reveal()):
                text = text.replace(form, MASK)
        return text

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return compare_digest(self.__bytes, other.__bytes)

    def __hash__(self) -> int:
        return hash(bytes(self.__bytes))

    def __bool__(self) -> bool:
        return bool(self.__bytes)

    def __del__(self) -> None:
        if hasattr(self, "_Secret__bytes"):
            self.__bytes[:] = bytes(len(self.__bytes))  # in place, not a new array beside the old one


def _as_in_forms(text: str) -> str:
    return quote_plus(text, errors="replace")


def _as_in_paths(text: str) -> str:
    return quote(text, safe="", errors="replace")


def _in_base64(text: str, before: int, altchars: bytes) -> str:
    """What stands for ``text`` in the base64 of a longer one, ``before`` bytes behind a multiple of three."""
    value = text.encode("utf-8", "surrogatepass")
    written = b64encode(bytes(before) + value, altchars).decode()
    whole = written[(before * 8 + 5) // 6 : (before + len(value)) * 8 // 6]
    return whole if len(whole) >= SHORTEST_IN_BASE64 else ""


_FORMS: tuple[Callable[[str], str], ...] = (
    str,
    _as_in_forms,
    _as_in_paths,
    *(partial(_in_base64, before=before, altchars=altchars) for before in range(3) for altchars in (b"+/", b"-_")),
)


def in_clear(value: str | Secret) -> str:
    """The text of either. For what is about to be sent."""
    return value.reveal() if isinstance(value, Secret) else value
