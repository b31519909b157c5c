"""`Bookmark`: how far the changes of a query have been read. Plain text that a program keeps between its runs.

It names the org and the query it belongs to and holds no value of any record: of what was handed over lately it keeps
fingerprints, so that the next reading, which overlaps, does not hand it over again.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sfdata.errors import BookmarkError

VERSION = 1
FINGERPRINT_BYTES = 9
"""So that among a million rows none is taken for another's: 72 bits, twelve characters of base64."""


@dataclass(frozen=True, slots=True)
class Bookmark:
    """A place in the changes of one query of one org. ``str()`` of it is JSON, which `Bookmark.parse` reads back.

    Attributes:
        org_id: the org's 18-character Id.
        object: the object queried.
        query: a fingerprint of the query's text.
        position: until when, by the org's clock, all changes have been handed over.
        seen: fingerprints of what was handed over from shortly before ``position``.
        seen_until: the latest SystemModstamp among those.
    """

    org_id: str
    object: str
    query: str
    position: dt.datetime
    seen: frozenset[bytes] = field(default=frozenset(), repr=False)
    seen_until: dt.datetime | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, text: str) -> Bookmark:
        """The bookmark that ``text`` was made from.

        Raises:
            BookmarkError: it is no bookmark, was altered, or comes from a newer sfdata.
        """
        try:
            told = json.loads(text)
            version, check = told["sfdata_bookmark"], told.pop("check")
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise BookmarkError("this is no bookmark of since()", hint=AFRESH) from None
        if version != VERSION:
            raise BookmarkError(
                f"this bookmark is of form {version}, which another version of sfdata made", hint=AFRESH
            )
        if check != _check(told):
            raise BookmarkError("this bookmark is not as it was made", hint=AFRESH)
        seen = b64decode(told["seen"])
        return cls(
            told["org"],
            told["object"],
            told["query"],
            dt.datetime.fromisoformat(told["position"]),
            frozenset(seen[at : at + FINGERPRINT_BYTES] for at in range(0, len(seen), FINGERPRINT_BYTES)),
            dt.datetime.fromisoformat(told["seen_until"]) if told["seen_until"] else None,
        )

    def __str__(self) -> str:
        told = {
            "sfdata_bookmark": VERSION,
            "org": self.org_id,
            "object": self.object,
            "query": self.query,
            "position": self.position.isoformat(),
            "seen": b64encode(b"".join(sorted(self.seen))).decode(),
            "seen_until": self.seen_until and self.seen_until.isoformat(),
        }
        return json.dumps({**told, "check": _check(told)})

    def refuse_other(self, org_id: str, object_name: str, query: str) -> None:
        """Refuse to be used where this bookmark does not belong.

        Raises:
            BookmarkError: another org, or another query.
        """
        if self.org_id != org_id:
            raise BookmarkError(f"this bookmark is from the org {self.org_id}, and this is {org_id}", hint=AFRESH)
        if (self.object.casefold(), self.query) != (object_name.casefold(), query):
            raise BookmarkError(f"this bookmark was made by another query, on {self.object}", hint=AFRESH)


AFRESH = "since(None) reads everything and gives a bookmark to go on from."


def fingerprint(value: object) -> bytes:
    """A few bytes that another ``value`` (of plain values, lists of them, dates and times) practically never has."""
    return hashlib.sha256(json.dumps(value, default=str).encode()).digest()[:FINGERPRINT_BYTES]


def _check(told: Mapping[str, Any]) -> str:
    return fingerprint(sorted(told.items())).hex()
