"""What must not stand in a log, and a filter that takes it out before any handler or formatter sees it.

Three things are taken out: secrets, by their value where a connection holds them and by their look where none does;
headers, but for those known to be harmless; and the values in SOQL, which are people's data (Ids stay).

The filter is put on sfdata's logger, and on those of the libraries below it as soon as there is a connection.
"""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakMethod

from sfdata.secret import MASK
from sfdata.soql.lexer import Kind, tokenize

LIBRARIES = ("httpx", *(f"httpcore.{part}" for part in ("connection", "http11", "http2", "proxy", "socks")))
"""Loggers below us that write what goes over the wire."""

HARMLESS_HEADERS = frozenset(
    {
        *("accept", "accept-encoding", "accept-ranges", "age", "cache-control", "connection", "content-encoding"),
        *("content-language", "content-length", "content-type", "date", "etag", "expires", "if-match"),
        *("if-modified-since", "if-none-match", "if-unmodified-since", "keep-alive", "last-modified", "pragma"),
        *("retry-after", "server", "sforce-limit-info", "sforce-locator", "sforce-numberofrecords"),
        *("strict-transport-security", "transfer-encoding", "user-agent", "vary", "warning", "x-request-id"),
        "x-sfdc-request-id",
    }
)
"""All others are masked: which of them hold secrets, nobody can list."""

_NAMED = r"\w*(?:token|secret|passphrase|password|passwd|assertion|private_key|code_verifier|authorization|cookie)"
SHAPES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.DOTALL), replacement)
    for pattern, replacement in (
        (r"-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|\Z)", MASK),
        (r"(?i)\b(bearer|basic|oauth)((?:\s|%20|\+)+)[\w.!%~+/=-]{12,}", rf"\1\2{MASK}"),
        (r"\b00D\w{12,15}(?:!|%21)[\w.%+/=-]+", MASK),  # a session id
        (r"\b5Aep861[\w.%!+/=-]{20,}", MASK),  # a refresh token
        (r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*", MASK),  # a JSON web token
        (rf"(?i)\b({_NAMED}|sid)(\\?[\"']?\s*[=:]\s*b?\\?[\"']?)([^\s\"'&,;)}}\]]+)", rf"\1\2{MASK}"),
        (r"(?<=://)[^/\s@:]+:[^/\s@]+(?=@)", MASK),
        (r"(?<=[?&]q=)[^&\s\"']+", MASK),  # a query in an address
    )
)
"""What secrets look like, with what to write in their place."""

_SECRET_NAME = re.compile(rf"{_NAMED}|sid", re.IGNORECASE)
_HEADER = re.compile(r"\(b'([\w-]+)', b(?:'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\")\)")
_HEADERS = re.compile(r"Headers\(([\[{].*?[\]}])\)", re.DOTALL)
_HEADER_PAIR = re.compile(r"'([\w-]+)'(: |, )'((?:[^'\\]|\\.)*)'")
_SOQL = re.compile(r"\b(?:SELECT|WHERE|ERROR at Row)\b", re.IGNORECASE)
_QUOTED = re.compile(r"(?i)(?<=[=<>(,])(\s*)'(?:[^'\\\n]|\\.)*'|(?<=\bLIKE)(\s+)'(?:[^'\\\n]|\\.)*'")
_KEY_IN_PATH = re.compile(r"(/sobjects/\w+/(?!describe\b)\w*[A-Za-z_]\w*/)[^/?\s]+")
_KEPT_NUMBERS = frozenset({"LIMIT", "OFFSET"})
_VALUES = frozenset({Kind.STRING, Kind.NUMBER, Kind.CURRENCY, Kind.DATE, Kind.DATETIME, Kind.TIME, Kind.UNKNOWN})

Masked = Callable[[str], str]
_known: list[WeakMethod[Masked]] = []


# --- texts -----------------------------------------------------------------------------------------------------------


def masked(text: str) -> str:
    """``text`` without secrets, without headers that may hold one, and without quoted values of SOQL."""
    for method in tuple(_known):
        if (mask := method()) is not None:
            text = mask(text)
    text = _HEADER.sub(_header, text)
    text = _HEADERS.sub(lambda found: f"Headers({_HEADER_PAIR.sub(_header_pair, found[1])})", text)
    for pattern, replacement in SHAPES:
        text = pattern.sub(replacement, text)
    if _SOQL.search(text):
        text = _QUOTED.sub(lambda found: f"{found[1] or found[2] or ''}?", text)
    return text


def masked_statement(soql: str) -> str:
    """``soql`` with ``?`` for every value but Ids, and for what stands behind LIMIT and OFFSET.

    >>> masked_statement("SELECT Id FROM Contact WHERE LastName = 'Ngo' AND Amount > 5 LIMIT 10")
    'SELECT Id FROM Contact WHERE LastName = ? AND Amount > ? LIMIT 10'
    """
    parts, end, before = [], 0, ""
    for token in tokenize(soql):
        hidden = token.kind in _VALUES and before not in _KEPT_NUMBERS and not _is_id(token.text[1:-1])
        parts += [soql[end : token.pos], "?" if hidden else token.text]
        end, before = token.end, token.upper
    return "".join(parts)


def masked_path(path: str) -> str:
    """``path`` with ``?`` for the value of an external id in it; Ids stay.

    >>> masked_path("/services/data/v67.0/sobjects/Contact/Email/ngo@example.com")
    '/services/data/v67.0/sobjects/Contact/Email/?'
    """
    found = _KEY_IN_PATH.search(path)
    if found is None or _is_id(found[1].split("/")[3]):
        return path
    return _KEY_IN_PATH.sub(r"\1?", path, count=1)


def _is_id(text: str) -> bool:
    """Whether ``text`` is a record's Id, by its check digits; one of 15 characters by its mixture, which no name has.

    https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/field_types.htm#i1435616
    """
    if not re.fullmatch(r"[0-9A-Za-z]{15}(?:[A-Z0-5]{3})?", text):
        return False
    if len(text) == 15:
        return sum(char.isdigit() for char in text) >= 4 and any(char.isalpha() for char in text)
    capitals = [sum(char.isupper() << place for place, char in enumerate(text[at : at + 5])) for at in (0, 5, 10)]
    return text[15:] == "".join("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"[bits] for bits in capitals)


def _header(found: re.Match[str]) -> str:
    return found[0] if found[1].lower() in HARMLESS_HEADERS else f"(b'{found[1]}', b'{MASK}')"


def _header_pair(found: re.Match[str]) -> str:
    return found[0] if found[1].lower() in HARMLESS_HEADERS else f"'{found[1]}'{found[2]}'{MASK}'"


# --- records ---------------------------------------------------------------------------------------------------------


class Redaction(logging.Filter):
    """Lets every record pass, rewritten: its message, arguments, exception and extra attributes."""

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001 - arguments that do not fit the message, which logging reports in its own way
            message = str(record.msg)
        safe, arguments = masked(message), repr(record.args)
        if safe != message or masked(arguments) != arguments:
            record.msg, record.args = safe, ()
        if record.exc_info and record.exc_info[1] is not None:
            text = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
            if (shown := masked(text)) != text:
                record.exc_info, record.exc_text = None, shown
        for name in ("exc_text", "stack_info"):
            if text := getattr(record, name):
                setattr(record, name, masked(text))
        for name in vars(record).keys() - _STANDARD:
            setattr(record, name, _masked_value(name, getattr(record, name)))
        return True


_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
"""The attributes that every record has."""


def _masked_value(name: str, value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if _SECRET_NAME.fullmatch(name):
        return MASK
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, Mapping):
        return {key: _masked_value(str(key), one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_masked_value("", one) for one in value]
    shown = repr(value)
    return value if masked(shown) == shown else masked(shown)


_REDACTION = Redaction()


def redact(*loggers: str) -> None:
    """Put the filter on these loggers; a second time changes nothing."""
    for name in loggers:
        logging.getLogger(name).addFilter(_REDACTION)


def conceal(mask: Masked) -> None:
    """Have every text masked by ``mask`` too, a method, as long as its object lives."""
    _known[:] = [method for method in _known if method() is not None]
    _known.append(WeakMethod(mask))
