"""Describe: what objects and fields there are, kept for the life of a connection and checked again when it ages.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_sobject_describe.htm
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from sfdata.errors import InvalidType, NotFound, SalesforceError, UnreadableAnswer
from sfdata.metadata import ObjectDescribe
from sfdata.transport.http_session import HttpSession

TRUSTED_SECONDS = 300.0
"""How long a describe is used without asking whether it has changed."""

_NAME = re.compile(r"[A-Za-z]\w{0,254}", re.ASCII)


@dataclass(slots=True)
class _Entry:
    """One describe: its answer, when it was last known to be true, and the org's date of it."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    value: Any = None
    checked_at: float = 0.0
    last_modified: str | None = None


class DescribeCache:
    """The describes of one connection. Threads that ask for the same object share one request.

    Args:
        session: the connection.
        clock: monotonic seconds; the connection's by default.
    """

    def __init__(self, session: HttpSession, clock: Callable[[], float] | None = None) -> None:
        self._session = session
        self._clock = clock or session.runtime.clock
        self._lock = threading.Lock()
        self._entries: dict[str, _Entry] = {}

    def global_(self) -> Mapping[str, Any]:
        """Describe global: ``["sobjects"]`` lists every object this user can see.

        https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_describeGlobal.htm
        """
        answer: Mapping[str, Any] = self._get(f"{self._session.data_path}/sobjects", _global)
        return answer

    def object(self, name: str) -> ObjectDescribe:
        """The describe of one object, whose name is read without regard to case.

        Raises:
            InvalidType: no such object, or hidden from this user; the hint names the nearest one.
        """
        if not _NAME.fullmatch(name):
            raise self._unknown(name)
        try:
            describe: ObjectDescribe = self._get(f"{self._session.data_path}/sobjects/{name}/describe", _object)
        except (NotFound, InvalidType) as problem:
            if problem.error_code not in ("NOT_FOUND", "INVALID_TYPE"):
                raise
        else:
            return describe
        raise self._unknown(name)

    def forget(self) -> None:
        """Ask the org again for everything."""
        with self._lock:
            self._entries = {}

    def _get(self, path: str, read: Callable[[Any], Any]) -> Any:
        with self._lock:
            entry = self._entries.setdefault(path.casefold(), _Entry())
        with entry.lock:
            if entry.value is None or self._clock() - entry.checked_at >= TRUSTED_SECONDS:
                self._fetch(path, entry, read)
            return entry.value

    def _fetch(self, path: str, entry: _Entry, read: Callable[[Any], Any]) -> None:
        known = entry.value is not None and entry.last_modified is not None
        headers = {"If-Modified-Since": entry.last_modified or ""} if known else {}
        asked_at = self._clock()
        answer = self._session.get(path, headers=headers)
        if answer.status != 304:
            entry.value = read(answer.json())
            entry.last_modified = answer.headers.get("last-modified")
        entry.checked_at = asked_at

    def _unknown(self, name: str) -> InvalidType:
        near: list[str] = []
        try:
            names = {one["name"].casefold(): one["name"] for one in self.global_()["sobjects"]}
            near = get_close_matches(name.casefold(), names, n=1)
            hint = f"Did you mean {names[near[0]]}?" if near else None
        except SalesforceError:
            hint = None
        return InvalidType(f"sObject type '{name}' is not supported.", error_code="INVALID_TYPE", hint=hint)


def _global(answer: Any) -> Mapping[str, Any]:
    if not isinstance(answer, dict) or not isinstance(answer.get("sobjects"), list):
        raise UnreadableAnswer("the answer is no describe of an org")
    return MappingProxyType(answer)


def _object(answer: Any) -> ObjectDescribe:
    if not isinstance(answer, dict) or not isinstance(answer.get("fields"), list) or "name" not in answer:
        raise UnreadableAnswer("the answer is no describe of an object")
    return ObjectDescribe(answer)
