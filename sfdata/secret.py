"""A value that must never be seen: tokens, keys, passwords.

It is a type and not a string, so that printing, logging, formatting, pickling and JSON cannot reveal it by accident.
"""

from __future__ import annotations

from hmac import compare_digest
from typing import NoReturn
from urllib.parse import quote, quote_plus

MASK = "********"


class Secret:
    """A text that shows itself only when asked: ``secret.reveal()``.

    Two secrets compare in constant time. Printing gives a mask; pickling, copying and JSON are refused.
    """

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    @classmethod
    def of(cls, value: str | Secret) -> Secret:
        """``value`` itself if it is a secret already, else wrapped."""
        return value if isinstance(value, Secret) else cls(value)

    def reveal(self) -> str:
        """The text. For the one place that sends it."""
        return self.__value

    def masked_in(self, text: str) -> str:
        """``text`` with every occurrence of this secret masked, also where it is written as part of a form or URL."""
        escaped = (quote_plus(self.__value, errors="replace"), quote(self.__value, safe="", errors="replace"))
        for form in (self.__value, *escaped):
            text = text.replace(form, MASK) if form else text
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
        return compare_digest(*(one.__value.encode(errors="surrogatepass") for one in (self, other)))

    def __hash__(self) -> int:
        return hash(self.__value)

    def __bool__(self) -> bool:
        return bool(self.__value)

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret cannot be pickled or copied")
