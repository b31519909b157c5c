"""Record Ids: the 15 characters a person sees, the 18 an API answers, and new ones.

An Id is a key prefix of 3 characters that tells the object, a pod of 3, and a counter in base 62. The first 15
characters differ by case; 3 more carry the case of the others, so that an 18-character Id survives software that
folds case. See https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/field_types.htm
"""

from __future__ import annotations

import re
import secrets
import string
from functools import lru_cache

POD = "Lo0"
DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
CHECK_ALPHABET = string.ascii_uppercase + "012345"
COUNTER_LENGTH = 9

_PAIRS = tuple((a + b, a.isupper() | b.isupper() << 1) for a in DIGITS for b in DIGITS)
"""Two digits of the counter for each number below 62^2, with bits that tell which of them are capitals."""

_CAPITALS = dict(_PAIRS)

_ID = re.compile(r"[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?", re.ASCII)


def id18(id15: str) -> str:
    """The 18-character form of a 15-character Id."""
    return f"{id15}{_check(id15[:5])}{_check(id15[5:10])}{_check(id15[10:15])}"


def id15(id18: str) -> str:
    """The case-sensitive 15 characters of an Id of either length."""
    return id18[:15]


def normalize(text: str) -> str | None:
    """The 18-character form of an Id of either length, or None where ``text`` is no Id.

    Case lost on the way is restored from the checksum of an 18-character Id; a checksum that cannot belong to the
    other characters makes it no Id.
    """
    if not _ID.fullmatch(text):
        return None
    if len(text) == 15:
        return id18(text)
    if id18(text[:15]) == text:
        return text
    bits = [CHECK_ALPHABET.find(c) for c in text[15:].upper()]
    if min(bits) < 0:
        return None
    restored = "".join(c.upper() if bits[n // 5] >> n % 5 & 1 else c.lower() for n, c in enumerate(text[:15]))
    whole = id18(restored)
    return whole if whole[15:] == text[15:].upper() else None


def make_id(prefix: str, number: int) -> str:
    """The 18-character Id of record ``number`` (from 0) of the object with this key prefix.

    Ids of one prefix sort by number. Raises ValueError beyond what the counter's nine characters hold.
    """
    if not 0 <= number < len(DIGITS) ** COUNTER_LENGTH:
        raise ValueError(f"A record Id counts from 0 to 62^{COUNTER_LENGTH} - 1, not to {number}")
    high, low = divmod(number, len(DIGITS) ** 5)
    head, head_checks = _head(prefix, high)
    first, rest = divmod(low, len(DIGITS) ** 3)
    second, last = divmod(rest, len(DIGITS))
    (one, capitals_one), (two, capitals_two), (_, capital) = _PAIRS[first], _PAIRS[second], _PAIRS[last]
    check = CHECK_ALPHABET[capitals_one | capitals_two << 2 | (capital & 2) << 3]
    return f"{head}{one}{two}{DIGITS[last]}{head_checks}{check}"


def random_id(prefix: str) -> str:
    """An Id that nobody can guess, for what is no record: jobs, batches, query cursors."""
    return make_id(prefix, secrets.randbelow(len(DIGITS) ** COUNTER_LENGTH))


@lru_cache(maxsize=512)
def _head(prefix: str, high: int) -> tuple[str, str]:
    """The first ten characters of an Id, which 62^5 records of an object share, and their part of the checksum."""
    one, two = divmod(high, len(DIGITS) ** 2)
    head = f"{prefix}{POD}{_PAIRS[one][0]}{_PAIRS[two][0]}"
    return head, _check(head[:5]) + _check(head[5:])


def _check(group: str) -> str:
    return CHECK_ALPHABET[_CAPITALS[group[:2]] | _CAPITALS[group[2:4]] << 2 | group[4].isupper() << 4]
