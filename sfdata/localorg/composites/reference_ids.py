"""References to earlier answers of the same series: ``@{refAccount.id}``, ``@{refQuery.records[0].Account.Name}``.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_composite_subrequest_result.htm
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

import msgspec

from sfdata.localorg.answers import ApiError
from sfdata.localorg.composites.forms import parser_error

STRICT_SINCE = 52.0
"""From this API version on, reference ids are checked before anything runs, and a null may be referred to."""

REFERENCE_ID = re.compile(r"[0-9A-Za-z]\w*", re.ASCII)
REFERENCE = re.compile(r"@\{([^{}\"\\]*)\}")
IN_JSON = re.compile(r'(?<!\\)"@\{(?P<whole>[^{}"\\]*)\}"|@\{(?P<part>[^{}"\\]*)\}')
"""A reference in JSON text: a whole string, which takes the type of what it refers to, or a part of one."""

STEP = re.compile(r"\.([^.\[\]]+)|\[([0-9]{1,6})\]")
PATH = re.compile(rf"(?:{STEP.pattern})+")
RULE = "must start with a letter or a number, and it can contain only letters, numbers and underscores ('_')."


def check(reference_ids: Iterable[str], version: str) -> None:
    """Refuse reference ids that do not follow the rules, or that stand twice.

    Raises:
        ApiError: JSON_PARSER_ERROR for the whole request.
    """
    seen: set[str] = set()
    for reference_id in reference_ids:
        if float(version) >= STRICT_SINCE and not REFERENCE_ID.fullmatch(reference_id):
            raise parser_error(f"Provided referenceId ('{reference_id}') {RULE}")
        if reference_id in seen:
            raise parser_error(f"Duplicate referenceId found: {reference_id}")
        seen.add(reference_id)


def referred_to(texts: Iterable[str]) -> set[str]:
    """The reference ids that ``texts`` refer to."""
    return {_root(name) for text in texts for name in REFERENCE.findall(text)}


class References:
    """What the subrequests of a series have answered so far. ``version`` is that of the series' own request."""

    def __init__(self, version: str) -> None:
        self._nulls = float(version) >= STRICT_SINCE
        self._bodies: dict[str, msgspec.Raw] = {}
        self._values: dict[str, Any] = {}

    def add(self, reference_id: str, body: msgspec.Raw) -> None:
        """Let later subrequests refer to the ``body`` of a success."""
        self._bodies[reference_id] = body

    def in_url(self, url: str) -> str:
        """``url`` with its references replaced: a leading one is a URL itself, others are values inside it."""
        return REFERENCE.sub(lambda found: self._url_text(found[1], leading=found.start() == 0), url)

    def in_json(self, text: str) -> str:
        """JSON ``text`` with the references in its strings replaced."""

        def replaced(found: re.Match[str]) -> str:
            if found["whole"] is not None:
                return json.dumps(self._value(found["whole"]))
            return json.dumps(_text(self._value(found["part"])))[1:-1]

        return IN_JSON.sub(replaced, text)

    def _url_text(self, name: str, *, leading: bool) -> str:
        text = _text(self._value(name))
        return text if leading else quote(text, safe="")

    def _value(self, name: str) -> Any:
        """The value that ``refAccount.id`` names.

        Raises:
            ApiError: PROCESSING_HALTED where there is none, or no single value.
        """
        root = _root(name)
        path = name[len(root) :]
        if not PATH.fullmatch(path):
            raise _no_value(name)
        value = self._body(root)
        for key, index in STEP.findall(path):
            if isinstance(value, dict) and key in value:
                value = value[key]
            elif isinstance(value, list) and index and int(index) < len(value):
                value = value[int(index)]
            else:
                raise _no_value(name)
        if isinstance(value, dict | list) or (value is None and not self._nulls):
            raise _no_value(name)
        return value

    def _body(self, reference_id: str) -> Any:
        if reference_id not in self._values:
            raw = self._bodies.get(reference_id)
            self._values[reference_id] = {} if raw is None else msgspec.json.decode(raw)
        return self._values[reference_id]


def _root(name: str) -> str:
    return re.split(r"[.\[]", name, maxsplit=1)[0]


def _text(value: Any) -> str:
    """A single value as a part of a text."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def _no_value(name: str) -> ApiError:
    message = (
        f"Invalid reference specified. No value for {name} found in {_root(name)}. "
        f"Provided referenceId ('{name}') {RULE}"
    )
    return ApiError(400, "PROCESSING_HALTED", message)
