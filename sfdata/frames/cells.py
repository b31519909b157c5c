"""The type table read the other way: values of a column to the cells of an upload, refusing what fits no cell.

`FORMS` says which families of values a field takes and how they are written. Nothing is guessed: a datetime needs a
time zone, a whole number no fraction, and texts in a field of another type must be spelt as the API spells them.

    datetime   2024-01-01T00:00:00.000Z, in UTC      boolean        true, false
    date       2024-01-01                            multipicklist  Red;Blue
    time       09:30:00.000Z                         id, reference  18 characters
    double     as short as it can be and exact       text           quoted, with any character but NUL

Formats: https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/datafiles_date_format.htm
"""

from __future__ import annotations

import datetime as dt
from base64 import b64encode
from collections.abc import Callable, Mapping
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sfdata.frames.dtypes import ANYTHING, kind_of
from sfdata.frames.instants import instant_texts
from sfdata.frames.record_ids import long_ids

CLEARED = "#N/A"
MOST_CHARACTERS = 131_072
"""In a field. https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/asynch_api_concepts_limits.htm"""

TEXT = pa.large_string()

Refuse = Callable[[pa.Array, str], None]
"""Told where (an array of booleans) and why values fit no cell; ``{}`` in the reason stands for the value."""
Encoder = Callable[[pa.Array, Refuse], pa.Array]
"""Values to cells of one Arrow type, null for what is missing. Once it refuses values, it may return anything."""


def form_of(field_type: str) -> str:
    """The row of `FORMS` for a Salesforce type."""
    kind = kind_of(field_type)
    return _OWN_FORMS.get(field_type, "text" if kind is ANYTHING else kind.name)


_OWN_FORMS = {"id": "id", "reference": "id", "multipicklist": "multipicklist", "base64": "base64"}


# --- texts -----------------------------------------------------------------------------------------------------------


def _texts(values: pa.Array) -> pa.Array:
    """Texts; an empty one is a missing value, as it is in an org."""
    empty = pc.equal(values, "")
    return pc.if_else(empty, pa.scalar(None, values.type), values) if pc.any(empty).as_py() else values


def _text(values: pa.Array, refuse: Refuse) -> pa.Array:
    texts = _texts(values)
    refuse(pc.equal(texts, CLEARED), "is the text #N/A, which clears a field; sfdata.CLEAR says so on purpose")
    if b"\0" in _data(texts):
        refuse(pc.match_substring(texts, "\0"), "holds a NUL character, which no field does")
    if (pc.max(pc.binary_length(texts)).as_py() or 0) > MOST_CHARACTERS:
        refuse(pc.greater(pc.utf8_length(texts), MOST_CHARACTERS), f"has more than {MOST_CHARACTERS} characters")
    return texts


def _data(texts: pa.Array) -> bytes:
    """The bytes of all texts, one behind the other."""
    _, offsets, data = texts.buffers()
    if data is None:
        return b""
    places = np.frombuffer(offsets, np.int64)[texts.offset : texts.offset + len(texts) + 1]
    content: bytes = data.slice(int(places[0]), int(places[-1] - places[0])).to_pybytes()
    return content


def _joined(values: pa.Array, refuse: Refuse) -> pa.Array:
    """Lists of values of a multi-select picklist."""
    items = values.flatten()
    wrong = pc.or_kleene(pc.fill_null(pc.equal(items, ""), True), pc.match_substring(items, ";"))
    if pc.any(wrong).as_py():
        rows = np.unique(pc.list_parent_indices(values).filter(wrong).to_numpy())
        refuse(pa.array(np.isin(np.arange(len(values)), rows)), "{} holds a value that is empty or has a semicolon")
    return _text(pc.binary_join(values, pa.scalar(";", TEXT)), refuse)


def _ids(values: pa.Array, refuse: Refuse) -> pa.Array:
    texts = _texts(values)
    ids, wrong = long_ids(texts)
    refuse(wrong, "{} is no Id of a record")
    return pc.if_else(wrong, texts, ids)  # refused, but not missing


def _base64(values: pa.Array, refuse: Refuse) -> pa.Array:
    return pa.array([None if one is None else b64encode(one).decode() for one in values.to_pylist()], TEXT)


def _spelt(pattern: str, wanted: str, valid: Callable[[str], object] | None = None) -> Encoder:
    """Texts that are spelt as the API spells values of the type, and go out as they are."""

    def encode(values: pa.Array, refuse: Refuse) -> pa.Array:
        texts = _texts(values)
        right = pc.match_substring_regex(texts, f"^(?:{pattern})$")
        if valid is not None:
            right = pc.and_(right, _each(texts, valid))
        refuse(pc.invert(right), f"{{}} is no {wanted}")
        return texts

    return encode


def _each(texts: pa.Array, valid: Callable[[str], object]) -> pa.Array:
    """Whether each of the texts can be read; few are different."""
    coded = texts.dictionary_encode()
    return pa.array([_reads(valid, text) for text in coded.dictionary.to_pylist()], pa.bool_()).take(coded.indices)


def _reads(valid: Callable[[str], object], text: str) -> bool:
    try:
        valid(text)
    except ValueError:
        return False
    return True


# --- numbers and booleans --------------------------------------------------------------------------------------------


def _as_is(values: pa.Array, refuse: Refuse) -> pa.Array:
    return values


def _finite(values: pa.Array, refuse: Refuse) -> pa.Array:
    refuse(pc.invert(pc.is_finite(values)), "{} is no number that a field holds")
    return values


def _spelt_out(values: pa.Array, refuse: Refuse) -> pa.Array:
    """Numbers in a field of texts, such as phone numbers that missing ones have made floats: digits, no exponent."""
    _finite(values, refuse)
    largest = 2.0 ** (24 if pa.types.is_float32(values.type) else 53)
    inexact = pc.and_(pc.is_finite(values), pc.greater(pc.abs(values), largest))
    refuse(inexact, "{} has more digits than floats keep; read the column as text, with dtype=str")
    texts = pc.cast(values, TEXT)
    if not pc.any(pc.match_substring(texts, "e")).as_py():
        return texts
    spelt = [format(Decimal(one), "f") if one is not None and "e" in one else one for one in texts.to_pylist()]
    return pa.array(spelt, TEXT)


def _whole(values: pa.Array, refuse: Refuse) -> pa.Array:
    """Whole numbers in a column that missing ones, or arithmetic, have made one of floats."""
    try:
        return pc.cast(values, pa.int64())
    except pa.ArrowInvalid:
        whole = pc.and_(pc.equal(pc.floor(values), values), pc.less(pc.abs(values), 2.0**63))
        refuse(pc.invert(whole), "{} is no whole number")
        return values


def _decimals(values: pa.Array, refuse: Refuse) -> pa.Array:
    texts = values if values.type == TEXT else pc.cast(values, TEXT)
    if pc.any(pc.match_substring(texts, "E")).as_py():  # as Arrow spells those below a millionth
        texts = pa.array([None if one is None else format(one, "f") for one in values.to_pylist()], TEXT)
    refuse(pc.invert(pc.match_substring_regex(texts, r"^-?[0-9.]+$")), "{} is no number that a field holds")
    return texts


def _whole_decimals(values: pa.Array, refuse: Refuse) -> pa.Array:
    texts = _decimals(values, refuse)
    refuse(pc.match_substring_regex(texts, r"\.0*[1-9]"), "{} is no whole number")
    return pc.replace_substring_regex(texts, r"\.0*$", "")


def _named(words: Mapping[str, str], wanted: str) -> Encoder:
    """Values that stand for others."""
    known, meant = pa.array(words, TEXT), pa.array(words.values(), TEXT)

    def encode(values: pa.Array, refuse: Refuse) -> pa.Array:
        texts = _texts(values) if values.type == TEXT else pc.cast(values, TEXT)
        places = pc.index_in(pc.utf8_lower(texts), known)
        refuse(pc.and_(texts.is_valid(), places.is_null()), f"{{}} is {wanted}")
        return meant.take(places)

    return encode


# --- dates and times -------------------------------------------------------------------------------------------------


def _days(values: pa.Array, refuse: Refuse) -> pa.Array:
    _within_years(values, refuse)
    return values


def _within_years(days: pa.Array, refuse: Refuse) -> bool:
    bounds = pc.min_max(days)
    first, last = bounds["min"].value, bounds["max"].value
    if first is None or (first >= _FIRST.value and last <= _LAST.value):
        return True
    refuse(pc.or_(pc.less(days, _FIRST), pc.greater(days, _LAST)), "{} is not between the years 1700 and 4000")
    return False


def _midnights(values: pa.Array, refuse: Refuse) -> pa.Array:
    """Days kept as their first moment, as pandas does."""
    days = pc.cast(values, pa.date32(), safe=False)
    refuse(pc.not_equal(pc.cast(days, values.type, safe=False), values), "{} has a time of day, and the field has none")
    return _days(days, refuse)


def _instants(values: pa.Array, refuse: Refuse) -> pa.Array:
    """Instants in UTC, cut to milliseconds."""
    exact = pc.cast(values, pa.timestamp("ms", "UTC"), safe=False)
    if values.type.unit in ("us", "ns") and (pc.min(exact).value or 0) <= 0:
        exact = pc.cast(pc.floor_temporal(values, unit="millisecond"), exact.type, safe=False)  # not towards 1970
    if not _within_years(pc.cast(pc.cast(exact, pa.timestamp("ms")), pa.date32(), safe=False), refuse):
        return pa.nulls(len(values), TEXT)
    texts = instant_texts(pc.fill_null(pc.cast(exact, pa.int64()), 0).to_numpy())
    return pc.if_else(exact.is_valid(), texts, pa.scalar(None, TEXT)) if exact.null_count else texts


def _times(values: pa.Array, refuse: Refuse) -> pa.Array:
    texts = pc.cast(pc.cast(values, pa.time32("ms"), safe=False), TEXT)
    return pc.binary_join_element_wise(texts, pa.scalar("Z", TEXT), pa.scalar("", TEXT))


_FIRST, _LAST = pa.scalar(dt.date(1700, 1, 1)), pa.scalar(dt.date(4000, 12, 31))

# --- the table -------------------------------------------------------------------------------------------------------


def _day(text: str) -> None:
    year = dt.date.fromisoformat(text[:10]).year
    if not _FIRST.as_py().year <= year <= _LAST.as_py().year:
        raise ValueError(text)


_TRUE, _FALSE = ("true", "yes", "y", "on", "1"), ("false", "no", "n", "off", "0")
_NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,3})?"
_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_ZONE = "(?:Z|[+-][0-9]{2}:?[0-9]{2})"

FORMS: Mapping[str, Mapping[str, Encoder]] = {
    "text": {
        "text": _text,
        "boolean": _as_is,
        "integer": _as_is,
        "float": _spelt_out,
        "decimal": _decimals,
        "date": _days,
        "datetime": _instants,
        "time": _times,
    },
    "multipicklist": {"text": _text, "list": _joined},
    "id": {"text": _ids},
    "base64": {"text": _text, "bytes": _base64},
    "integer": {
        "text": _spelt("[+-]?[0-9]+", "whole number"),
        "integer": _as_is,
        "float": _whole,
        "decimal": _whole_decimals,
    },
    "number": {
        "text": _spelt(_NUMBER, "number"),
        "integer": _as_is,
        "float": _finite,
        "decimal": _decimals,
    },
    "boolean": {
        "text": _named({**dict.fromkeys(_TRUE, "true"), **dict.fromkeys(_FALSE, "false")}, "neither true nor false"),
        "boolean": _as_is,
        "integer": _named({"1": "true", "0": "false"}, "neither true nor false"),
        "float": _named({"1": "true", "0": "false", "-0": "false"}, "neither true nor false"),
    },
    "date": {
        "text": _spelt(_DATE, "date, as 2024-01-31", _day),
        "date": _days,
        "datetime without a time zone": _midnights,
    },
    "datetime": {
        "text": _spelt(f"{_DATE}T{_CLOCK}{_ZONE}", "date and time with a zone, as 2024-01-31T09:30:00Z", _day),
        "datetime": _instants,
    },
    "time": {"text": _spelt(f"{_CLOCK}Z?", "time, as 09:30:00.000Z"), "time": _times},
}
"""How each family of values is written in each kind of field; what is not here fits no cell."""

REPAIRS: Mapping[str, str] = {
    "date": 'pd.to_datetime(…, format="%d/%m/%Y", errors="coerce") reads other forms.',
    "datetime": 'pd.to_datetime(…, errors="coerce").dt.tz_localize("Europe/Paris") reads other forms.',
    "time": 'pd.to_datetime(…, format="%H:%M").dt.time reads other forms.',
    "number": 'pd.read_csv(…, thousands=".", decimal=",") reads other forms.',
    "integer": 'pd.to_numeric(…, errors="coerce").round() makes whole numbers.',
    "boolean": '.map({"Ja": True, "Nein": False}) translates.',
}
"""What brings texts and numbers into a form of which some values are not yet."""

ADVICE: Mapping[tuple[str, str], str] = {
    ("datetime", "datetime without a time zone"): 'they could be any instant; .dt.tz_localize("UTC") says which',
    ("datetime", "date"): "a day is no instant; pd.to_datetime(…, utc=True) makes it one",
    ("time", "Timedelta"): "a span is no time of day; (pd.Timestamp(0) + …).dt.time makes it one",
    ("date", "datetime"): "their day depends on the time zone; .dt.date decides it",
    ("id", "integer"): "Ids are texts of 15 or 18 characters",
    ("multipicklist", "list of other things than texts"): "a multi-select picklist takes lists of texts",
}
"""What to do where a family fits no cell of a form, and why."""
