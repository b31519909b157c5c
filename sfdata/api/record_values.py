"""Values of single records, between Python and JSON, by the types that describe tells. Names are checked on the way.

| Salesforce type           | written from                               | read as                             |
|---------------------------|--------------------------------------------|-------------------------------------|
| double, currency, percent | int, float, Decimal: every digit           | Decimal                             |
| int, long                 | int                                        | int                                 |
| boolean                   | bool                                       | bool                                |
| datetime                  | datetime with a time zone, to milliseconds | datetime in UTC                     |
| date                      | date                                       | date                                |
| time                      | time                                       | time                                |
| multipicklist             | text, or a list, tuple or set of texts     | text, its values joined by ``;``    |
| base64                    | bytes                                      | the address of the content, as text |
| all else                  | text                                       | as it comes                         |

None clears a field. ``Account.Ext__c`` names a parent by one of its keys, in place of ``AccountId``. Names are
looked up without regard to case, as Salesforce does.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/intro_valid_date_formats.htm
"""

from __future__ import annotations

import base64
import datetime as dt
import math
import numbers
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, Literal

from sfdata.errors import InvalidField, Problem, PushRefused, UnreadableAnswer
from sfdata.metadata import FieldDescribe, ObjectDescribe

Access = Literal["createable", "updateable", "upsertable"]


def to_wire(fields: Mapping[str, Any], describe: ObjectDescribe, access: Access) -> dict[str, Any]:
    """``fields`` as JSON values under the fields' own names.

    Raises:
        PushRefused: names that are no fields or cannot be written, and values without a faithful form in theirs: all
            of them in ``problems``.
    """
    written: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, value in fields.items():
        try:
            field, placed = _placed(name, value, describe, access)
            if field.relationship_name in written or field.name in written:
                raise ValueError(f"writes {field.name}, which is written already")  # noqa: TRY301
            written |= placed
        except (ValueError, TypeError, LookupError) as problem:
            problems.append(Problem(str(problem.args[0]), name))
    if problems:
        raise PushRefused(problems)
    return written


def _placed(name: str, value: Any, describe: ObjectDescribe, access: Access) -> tuple[FieldDescribe, dict[str, Any]]:
    """The field that ``name`` writes, and what goes into the JSON; errors of Python tell what is wrong."""
    relationship, dot, key = name.partition(".")
    field = describe.parent(relationship) if dot else describe.field(name)
    if field is None:
        raise LookupError(f"{describe.name} has no field of this name{_nearest(name, describe)}")
    allowed = field.createable or field.updateable if access == "upsertable" else getattr(field, access)
    if not allowed:
        raise LookupError(f"{field.name} is not {access} by this user")
    if not dot:
        return field, {field.name: wire_value(value, field)}
    assert field.relationship_name is not None
    if not isinstance(value, str | int | Decimal) or isinstance(value, bool):
        raise TypeError(f"{value!r} is no key of a parent; to clear it, set {field.name} to None")
    return field, {field.relationship_name: {key: value}}


def wire_value(value: Any, field: FieldDescribe) -> Any:
    """``value`` as JSON for a field.

    Raises:
        ValueError, TypeError: it has no faithful form there; in words that need not repeat the field.
    """
    if value is None:
        return None
    if type(value).__name__ in ("NAType", "NaTType") or (isinstance(value, float) and math.isnan(value)):
        raise ValueError(f"{value!r} is a missing value: None clears a field, and one that is left out stays")
    writer: Callable[[Any], Any] = _WRITERS.get(field.type, _text)
    return writer(value)


def field_names(names: Iterable[str], describe: ObjectDescribe) -> list[str]:
    """The fields' own names.

    Raises:
        InvalidField: one is none; the hint is the nearest that is.
    """
    return [_known(name, describe).name for name in names]


def _known(name: str, describe: ObjectDescribe) -> FieldDescribe:
    field = describe.field(name)
    if field is None:
        near = _nearest(name, describe).removeprefix("; did you mean ").removesuffix("?")
        hint = f"Did you mean {near}?" if near else None
        raise InvalidField(f"{describe.name} has no field {name}", error_code="INVALID_FIELD", hint=hint)
    return field


def from_wire(fields: Mapping[str, Any], describe: ObjectDescribe) -> dict[str, Any]:
    """What an org sent, in Python's types.

    Raises:
        UnreadableAnswer: a value is not of its field's type.
    """
    return {name: _read(name, value, describe) for name, value in fields.items()}


def _read(name: str, value: Any, describe: ObjectDescribe) -> Any:
    field = describe.field(name)
    reader = _READERS.get(field.type) if field else None
    if value is None or reader is None:
        return value
    try:
        return reader(value)
    except (ValueError, TypeError, ArithmeticError):
        raise UnreadableAnswer(f"the answer holds {value!r} in {name}, which is no {field and field.type}") from None


def _nearest(name: str, describe: ObjectDescribe) -> str:
    folded = {field.name.casefold(): field.name for field in describe.fields}
    near = get_close_matches(name.casefold(), folded, 1)
    return f"; did you mean {folded[near[0]]}?" if near else ""


# --- to the wire -----------------------------------------------------------------------------------------------------


def _is_integer(value: Any) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def _number(value: Any) -> int | float | Decimal:
    if _is_integer(value):
        return int(value)
    if isinstance(value, Decimal) and value.is_finite():
        return value
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    raise ValueError(f"{value!r} is no number")


def _integer(value: Any) -> int:
    whole = (isinstance(value, float) and value.is_integer()) or (
        isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value()
    )
    if not whole and not _is_integer(value):
        raise ValueError(f"{value!r} is no whole number")
    return int(value)


def _boolean(value: Any) -> bool:
    if isinstance(value, bool) or type(value).__name__ in ("bool", "bool_"):  # NumPy's is no bool
        return bool(value)
    raise ValueError(f"{value!r} is neither True nor False")


def _datetime(value: Any) -> str:
    if not isinstance(value, dt.datetime) or value != value:  # a missing time is unlike itself
        raise ValueError(f"{value!r} is no date and time")
    if value.tzinfo is None:
        raise ValueError(f"{value} has no time zone")
    if value.microsecond % 1000 or getattr(value, "nanosecond", 0):
        raise ValueError(f"{value} is finer than a millisecond")
    return value.astimezone(dt.UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def _date(value: Any) -> str:
    if not isinstance(value, dt.date) or isinstance(value, dt.datetime):
        raise TypeError(f"{value!r} is no date; datetime.date.fromisoformat(…), or a Timestamp's .date(), is one")
    return value.isoformat()


def _time(value: Any) -> str:
    if not isinstance(value, dt.time) or value.tzinfo is not None or value.microsecond % 1000:
        raise ValueError(f"{value!r} is no time of day in milliseconds")
    return value.isoformat("milliseconds") + "Z"


def _choices(value: Any) -> str:
    if isinstance(value, list | tuple | set | frozenset):
        chosen = [_text(one) for one in (sorted(value) if isinstance(value, set | frozenset) else value)]
        if any(";" in one for one in chosen):
            raise ValueError(f"{value!r} has a semicolon within a value")
        return ";".join(chosen)
    return _text(value)


def _bytes(value: Any) -> str:
    if not isinstance(value, bytes | bytearray | memoryview):
        raise TypeError(f"{type(value).__name__} is not bytes")
    return base64.b64encode(value).decode()


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text; str(…) makes it one")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("text with half of a surrogate pair") from None
    if "\0" in value:
        raise ValueError("text with a NUL character")
    return str(value)


_WRITERS: Mapping[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("double", "currency", "percent"), _number),
    **dict.fromkeys(("int", "long"), _integer),
    "boolean": _boolean,
    "datetime": _datetime,
    "date": _date,
    "time": _time,
    "multipicklist": _choices,
    "base64": _bytes,
}

# --- from the wire ---------------------------------------------------------------------------------------------------


def _read_boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _read_integer(value: Any) -> int:
    return _integer(value) if not isinstance(value, str) else int(value)


def _read_datetime(value: Any) -> dt.datetime:
    moment = dt.datetime.fromisoformat(value)
    return moment.replace(tzinfo=moment.tzinfo or dt.UTC).astimezone(dt.UTC)


_READERS: Mapping[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("double", "currency", "percent"), Decimal),
    **dict.fromkeys(("int", "long"), _read_integer),
    "boolean": _read_boolean,
    "datetime": _read_datetime,
    "date": dt.date.fromisoformat,
    "time": lambda value: dt.time.fromisoformat(value).replace(tzinfo=None),
}
