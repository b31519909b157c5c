"""Values as an org keeps them: what a cell will be when it is read again, and whether that is another value.

| type                   | a cell and what is read are one value where …                                            |
|------------------------|------------------------------------------------------------------------------------------|
| text                   | they are equal without white space at their ends, however lines end; empty is null       |
| picklist               | the same; a restricted one knows its values in any case                                  |
| multi-select picklist  | they hold the same values, in any order                                                  |
| int, long              | the numbers are equal                                                                    |
| double, currency, …    | the numbers are equal, also once what is sent has been cut or rounded to the scale       |
| datetime               | they lie in the same second, which is all that is kept                                   |
| id, reference          | they name one record, with 15 or 18 characters; by a key, they are equal as keys         |

https://developer.salesforce.com/docs/atlas.en-us.object_reference.meta/object_reference/field_types.htm
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sfdata.frames.dtypes import BOOLEAN, DATE, DATETIME, INTEGER, NUMBER, TIME, Kind, kind_of
from sfdata.frames.field_rules import SPACE, trimmed
from sfdata.metadata import FieldDescribe

Mask = npt.NDArray[np.bool_]


def stored(field: FieldDescribe, values: pa.Array) -> pa.Array:
    """Cells on their way into ``field``, or what was read of it, in the type in which the field is read.

    Numbers keep all their decimals, since orgs do not agree on what becomes of those beyond the scale.
    """
    keep = _BY_TYPE.get(field.type) or _BY_KIND.get(kind_of(field.type), _text)
    return keep(field, values)


def unlike(field: FieldDescribe, ours: pa.Array, theirs: pa.Array, *, as_key: bool = False) -> Mask:
    """Where ``ours``, once written, would be another value than ``theirs``; both as `stored` gives them.

    Args:
        as_key: they name a parent by a unique field of it, of which the org may not mind the case.
    """
    ours, theirs = _comparable(field, ours, as_key), _comparable(field, theirs, as_key)
    there, differ = ours.is_valid(), pc.not_equal(ours, theirs)
    found = _mask(pc.fill_null(differ, False)) | _mask(pc.not_equal(there, theirs.is_valid()))
    if kind_of(field.type) is NUMBER and found.any():
        found[_same_at_scale(field.scale, ours, theirs, found)] = False
    return found


def _comparable(field: FieldDescribe, values: pa.Array, as_key: bool) -> pa.Array:
    if values.type != pa.string():
        return values
    if pc.any(pc.match_substring(values, "\r")).as_py():
        values = pc.replace_substring(pc.replace_substring(values, "\r\n", "\n"), "\r", "\n")
    return pc.utf8_lower(values) if as_key and not field.case_sensitive else values


def _same_at_scale(scale: int, ours: pa.Array, theirs: pa.Array, differing: Mask) -> npt.NDArray[np.int64]:
    """The places of different numbers of which the org made one from the other, cutting or rounding it."""
    sent, read = (pc.fill_null(side, np.nan).to_numpy(zero_copy_only=False) for side in (ours, theirs))
    with np.errstate(over="ignore", invalid="ignore"):
        near = differing & (np.abs(sent - read) <= 1.01 * 10.0**-scale)
    step = Decimal(1).scaleb(-scale)
    return np.array([n for n in np.flatnonzero(near) if read[n] in _at_scale(sent[n], step)], np.int64)


def _at_scale(number: float, step: Decimal) -> list[float]:
    exact = Decimal(repr(float(number)))
    if exact.adjusted() - step.adjusted() > 27:  # so large that it has no such decimals
        return [float(number)]
    return [float(exact.quantize(step, rounding)) for rounding in (ROUND_DOWN, ROUND_HALF_UP)]


def _mask(flags: pa.Array) -> Mask:
    found: Mask = flags.to_numpy(zero_copy_only=False)
    return found.copy()


# --- by type ---------------------------------------------------------------------------------------------------------


def _text(field: FieldDescribe, values: pa.Array) -> pa.Array:
    texts = trimmed(pc.cast(values, pa.string()))
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)


def _choice(field: FieldDescribe, values: pa.Array) -> pa.Array:
    texts = _text(field, values)
    return _each(texts, _named(field), pa.string()) if field.restricted else texts


def _choices(field: FieldDescribe, values: pa.Array) -> pa.Array:
    """The values in the order of their definition, each once; those that are not defined follow in their own."""
    named, places = _named(field), {choice: place for place, choice in enumerate(field.choices)}

    def kept(text: str) -> str | None:
        chosen = dict.fromkeys(named(part) for one in text.split(";") if (part := one.strip(SPACE)))
        return ";".join(sorted(chosen, key=lambda one: (places.get(one, len(places)), one))) or None

    return _each(_text(field, values), kept, pa.string())


def _named(field: FieldDescribe) -> Callable[[str], str]:
    """The active value that a text stands for: the same but for case, where there is one."""
    known = {choice.casefold(): choice for choice in reversed(field.choices)}
    exact = frozenset(field.choices)
    return lambda text: text if text in exact else known.get(text.casefold(), text)


def _integer(field: FieldDescribe, values: pa.Array) -> pa.Array:
    if pa.types.is_large_string(values.type) or pa.types.is_string(values.type):
        return _each(values, int, pa.int64())
    return pc.cast(values, pa.int64())


def _number(field: FieldDescribe, values: pa.Array) -> pa.Array:
    if pa.types.is_float32(values.type):
        values = pc.cast(values, pa.string())  # as short as it is sent
    if pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
        return pc.cast(values, pa.float64(), safe=False)
    return _each(pc.cast(values, pa.string()), float, pa.float64())


def _boolean(field: FieldDescribe, values: pa.Array) -> pa.Array:
    return values if pa.types.is_boolean(values.type) else pc.equal(values, pa.scalar("true", values.type))


def _date(field: FieldDescribe, values: pa.Array) -> pa.Array:
    return values if pa.types.is_date32(values.type) else pc.cast(pc.cast(values, pa.string()), pa.date32())


def _datetime(field: FieldDescribe, values: pa.Array) -> pa.Array:
    if not pa.types.is_timestamp(values.type):
        values = pc.cast(pc.cast(values, pa.string()), DATETIME.arrow)
    return pc.cast(pc.floor_temporal(pc.cast(values, DATETIME.arrow), unit="second"), DATETIME.arrow)


def _time(field: FieldDescribe, values: pa.Array) -> pa.Array:
    return values if pa.types.is_time(values.type) else TIME.build(pc.cast(values, pa.string()), TIME.arrow)


def _each(texts: pa.Array, convert: Callable[[str], Any], arrow: pa.DataType) -> pa.Array:
    """Each text converted, the different ones once; null where it cannot be, as the org will say."""

    def converted(text: str) -> Any:
        try:
            return pa.scalar(convert(text), arrow).as_py()
        except (ValueError, OverflowError, pa.ArrowException):
            return None

    coded = texts.dictionary_encode()
    return pa.array([converted(text) for text in coded.dictionary.to_pylist()], arrow).take(coded.indices)


Keep = Callable[[FieldDescribe, pa.Array], pa.Array]

_BY_TYPE: Mapping[str, Keep] = {"picklist": _choice, "multipicklist": _choices}
_BY_KIND: Mapping[Kind, Keep] = {
    INTEGER: _integer,
    NUMBER: _number,
    BOOLEAN: _boolean,
    DATE: _date,
    DATETIME: _datetime,
    TIME: _time,
}
