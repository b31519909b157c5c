"""What a field accepts: from a value in a request's JSON to the form the store keeps, or the refusal Salesforce gives.

Two kinds of refusal. JSON of the wrong type stops the whole request (`Unreadable`, JSON_PARSER_ERROR). A value that is
readable but not allowed is an error of its record, and a record may have several (`RecordRefused`).

Formats: https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/field_types.htm
"""

from __future__ import annotations

import binascii
import math
import re
from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import ROUND_DOWN, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from sfdata.localorg.answers import ApiError
from sfdata.localorg.ids import normalize
from sfdata.localorg.schema import Field

FIRST_YEAR, LAST_YEAR = 1700, 4000
MOST_DIGITS = 18
SPACE = "".join(map(chr, range(0x21)))
"""What is trimmed off text: the control characters and the space, but no other white space."""

PLAIN_NUMBER = re.compile(r"[+-]?(\d{1,15})(?:\.(\d*))?", re.ASCII)
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
INTEGER = re.compile(r"[+-]?\d{1,40}", re.ASCII)
DATE = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:(?P<time>T\d{2}:\d{2}:\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:?\d{2})?)?", re.ASCII
)
DATETIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}(?::?\d{2})?)?", re.ASCII)
TIME = re.compile(r"\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?Z?", re.ASCII)
EMAIL = re.compile(
    r"[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*@(?:[^\W_](?:[\w-]*[^\W_])?\.)+[^\W_](?:[\w-]*[^\W_])?"
)

Reader = Callable[[Field, Any], Any]


@dataclass(frozen=True, slots=True)
class RecordError:
    """One reason why a record was refused. ``fields`` is None where Salesforce's answer has no such key.

    ``more`` are keys that only errors of this kind have.
    """

    code: str
    message: str
    fields: tuple[str, ...] | None = ()
    more: Mapping[str, Any] = field(default_factory=dict)

    def body(self, code_key: str = "errorCode") -> dict[str, Any]:
        """The error as JSON; Collections call the code ``statusCode``."""
        error: dict[str, Any] = {"message": self.message, code_key: self.code}
        if self.fields is not None:
            error["fields"] = list(self.fields)
        return {**error, **self.more}


class RecordRefused(ApiError):
    """A record was not accepted, for one reason or more."""

    def __init__(self, errors: Sequence[RecordError], status: int = 400) -> None:
        first = errors[0]
        super().__init__(status, first.code, first.message, first.fields)
        self.errors = tuple(errors)

    def body(self) -> list[dict[str, Any]]:
        """The answer's JSON: every error in turn."""
        return [error.body() for error in self.errors]


class Unreadable(RecordRefused):
    """JSON of a type that the field ``field_name`` cannot be read from."""

    def __init__(self, field: Field, value: Any) -> None:
        token, text = json_token(value)
        message = (
            f"Cannot deserialize instance of {field.type} from {token} value {printable(text)} "
            "or request may be missing a required field"
        )
        super().__init__([RecordError("JSON_PARSER_ERROR", message, None)])
        self.field_name = field.name


def refusal(code: str, message: str, fields: Iterable[str] | None = (), status: int = 400) -> RecordRefused:
    """A refusal for one reason."""
    return RecordRefused([RecordError(code, message, None if fields is None else tuple(fields))], status)


def printable(text: str) -> str:
    """``text`` with what cannot be sent as UTF-8 replaced."""
    return text.encode("utf-8", "replace").decode()


def stored_form(field: Field, value: Any) -> Any:
    """``value`` as the store keeps it.

    References are only brought to 18 characters; whether they lead anywhere is for the caller to ask.

    Raises:
        Unreadable: the JSON is of the wrong type, or text that is no date, number …
        RecordRefused: too long, out of range, not among the values allowed …
    """
    if value is None:
        if field.type == "boolean":
            raise _field_refusal(field, "INVALID_TYPE_ON_FIELD_IN_RECORD", "value not of required type: ")
        return None
    return reader_of(field)(field, value)


def reader_of(field: Field) -> Reader:
    """What `stored_form` does with values of this field that are not null."""
    return READERS.get(field.type, _text)


def _field_refusal(field: Field, code: str, problem: str) -> RecordRefused:
    return refusal(code, f"{field.label}: {problem}", [field.name])


def json_token(value: Any) -> tuple[str, str]:
    """The kind and text of a JSON value, in the words of the parser that Salesforce's messages come from."""
    if isinstance(value, str):
        return "VALUE_STRING", value
    if isinstance(value, bool):
        return ("VALUE_TRUE", "true") if value else ("VALUE_FALSE", "false")
    if isinstance(value, int):
        return "VALUE_NUMBER_INT", f"{Decimal(value):f}"
    if isinstance(value, float):
        return "VALUE_NUMBER_FLOAT", str(value)
    return ("START_OBJECT", "{") if isinstance(value, Mapping) else ("START_ARRAY", "[")


# --- text ------------------------------------------------------------------------------------------------------------


def _text(field: Field, value: Any) -> str | None:
    text = _clean(field, value)
    if field.length and len(text) > field.length:
        raise _field_refusal(field, "STRING_TOO_LONG", f"data value too large: {text} (max length={field.length})")
    return text or None


def _clean(field: Field, value: Any) -> str:
    if not isinstance(value, str) or "\0" in value or not (value.isascii() or printable(value) == value):
        raise Unreadable(field, value)
    return value.strip(SPACE)


def _email(field: Field, value: Any) -> str | None:
    text = _text(field, value)
    if text is not None and not EMAIL.fullmatch(text):
        raise _field_refusal(field, "INVALID_EMAIL_ADDRESS", f"invalid email address: {text}")
    return text


def _picklist(field: Field, value: Any) -> str | None:
    text = _text(field, value)
    if text is None or not field.restricted_picklist:
        return text
    known = _defined(field, text)
    if known is None:
        raise _bad_picklist(field, text)
    return known


def _multipicklist(field: Field, value: Any) -> str | None:
    """The values in the order of their definition, each once; those that are not defined follow in their own order."""
    chosen = [part.strip(SPACE) for part in _clean(field, value).split(";")]
    given = dict.fromkeys(_defined(field, part) or part for part in chosen if part)
    defined = [v.value for v in field.picklist if v.value in given]
    unknown = [part for part in given if part not in defined]
    if unknown and field.restricted_picklist:
        raise _bad_picklist(field, unknown[0])
    return _text(field, ";".join(defined + unknown))


def _defined(field: Field, text: str) -> str | None:
    """The active value that ``text`` stands for: the same, or the same but for case."""
    active = [v.value for v in field.picklist if v.active]
    if text in active:
        return text
    folded = text.casefold()
    return next((value for value in active if value.casefold() == folded), None)


def _bad_picklist(field: Field, text: str) -> RecordRefused:
    problem = f"bad value for restricted picklist field: {text}"
    return _field_refusal(field, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", problem)


# --- numbers and booleans --------------------------------------------------------------------------------------------


def _double(field: Field, value: Any) -> float:
    """Decimals beyond the scale are cut, as documented; too many digits before the point are refused."""
    digits = (field.precision or MOST_DIGITS) - field.scale
    plain = PLAIN_NUMBER.fullmatch(value) if isinstance(value, str) else None
    if plain is not None and len(plain[1]) <= digits:
        return float(f"{value[: plain.end(1)]}.{(plain[2] or '')[: field.scale]}") + 0.0
    number = _decimal(field, value)
    if number and number.adjusted() >= digits:
        raise _out_of_range(field, value)
    if number.adjusted() < -field.scale:
        return 0.0
    return float(number.quantize(Decimal(1).scaleb(-field.scale), ROUND_DOWN)) + 0.0


def _decimal(field: Field, value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise Unreadable(field, value)
    if isinstance(value, float) and not math.isfinite(value):
        raise Unreadable(field, value)
    if isinstance(value, str) and not NUMBER.fullmatch(value):
        raise Unreadable(field, value)
    try:
        return Decimal(value if isinstance(value, int) else str(value))
    except InvalidOperation:
        raise _out_of_range(field, value) from None


def _integer(field: Field, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise Unreadable(field, value)
    if isinstance(value, str) and not INTEGER.fullmatch(value):
        raise Unreadable(field, value)
    number = int(value)
    largest = 10**field.digits - 1 if field.digits else 2 ** (63 if field.type == "long" else 31) - 1
    if abs(number) > largest:
        raise _out_of_range(field, value)
    return number


def _out_of_range(field: Field, value: Any) -> RecordRefused:
    text = json_token(value)[1]
    return _field_refusal(field, "NUMBER_OUTSIDE_VALID_RANGE", f"value outside of valid range on numeric field: {text}")


def _boolean(field: Field, value: Any) -> int:
    if isinstance(value, bool):
        return int(value)
    if value in ("true", "false"):
        return int(value == "true")
    raise Unreadable(field, value)


# --- dates and times -------------------------------------------------------------------------------------------------


def _date(field: Field, value: Any) -> str:
    found = DATE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise Unreadable(field, value)
    try:
        day = _moment(value).date() if found["time"] else date.fromisoformat(value[:10])
    except (ValueError, OverflowError):
        raise Unreadable(field, value) from None
    _check_year(field, day)
    return day.isoformat()


def _datetime(field: Field, value: Any) -> str:
    if not isinstance(value, str) or not DATETIME.fullmatch(value):
        raise Unreadable(field, value)
    try:
        moment = _moment(value)
    except (ValueError, OverflowError):
        raise Unreadable(field, value) from None
    _check_year(field, moment)
    return datetime_text(moment)


def _time(field: Field, value: Any) -> str:
    if not isinstance(value, str) or not TIME.fullmatch(value):
        raise Unreadable(field, value)
    try:
        moment = time.fromisoformat(value.removesuffix("Z"))
    except ValueError:
        raise Unreadable(field, value) from None
    return f"{moment.isoformat('milliseconds')}Z"


def _moment(text: str) -> datetime:
    """The UTC time of an ISO 8601 text; without a zone it is UTC."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _check_year(field: Field, moment: date) -> None:
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise _field_refusal(field, "NUMBER_OUTSIDE_VALID_RANGE", f"invalid date: {moment:%a %b %d %H:%M:%S GMT %Y}")


@lru_cache(maxsize=256)
def datetime_text(moment: datetime) -> str:
    """An aware datetime as the store keeps it and the wire shows it: UTC, whole seconds."""
    return f"{moment.astimezone(UTC).isoformat()[:19]}.000+0000"


# --- ids and bytes ---------------------------------------------------------------------------------------------------


def _record_id(field: Field, value: Any) -> str | None:
    text = _clean(field, value)
    if not text:
        return None
    record_id = normalize(text)
    if record_id is None:
        raise _field_refusal(field, "MALFORMED_ID", f"id value of incorrect type: {text}")
    return record_id


def _base64(field: Field, value: Any) -> bytes:
    """The bytes that JSON spells in base64, or those of a multipart message, which no JSON can contain.

    An empty text is an empty file, which is more than none.
    """
    if isinstance(value, bytes):
        return value
    try:
        return b64decode("".join(_clean(field, value).split()), validate=True)
    except (ValueError, binascii.Error):
        raise Unreadable(field, value) from None


READERS: Mapping[str, Reader] = {
    "email": _email,
    "picklist": _picklist,
    "multipicklist": _multipicklist,
    "double": _double,
    "currency": _double,
    "percent": _double,
    "int": _integer,
    "long": _integer,
    "boolean": _boolean,
    "date": _date,
    "datetime": _datetime,
    "time": _time,
    "id": _record_id,
    "reference": _record_id,
    "base64": _base64,
}
"""How to read each type; every other type is text."""
