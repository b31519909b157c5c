"""What describe says that a field takes, over whole columns of cells: which of them an org will refuse, and why.

`RULES` lists the rules for each Salesforce type. A rule looks at cells as they are sent (see `sfdata.frames.cells`),
with Arrow's kernels; Python looks at single values only where few are different, or few in doubt.

Codes: https://developer.salesforce.com/docs/atlas.en-us.api.meta/api/sforce_api_calls_concepts_core_data_objects.htm
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sfdata.frames.cells import TEXT
from sfdata.frames.dtypes import INTEGER, kind_of
from sfdata.metadata import FieldDescribe

Severity = Literal["certain", "likely"]

SPACE = "".join(map(chr, range(0x21)))
"""What an org takes off both ends of a text."""
MOST_DIGITS = 18
"""Of a number whose describe tells no precision."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """Cells that a rule objects to.

    Attributes:
        where: an array of booleans; null is no.
        reason: in words, ``{}`` for the value.
        code: what the org would answer; None where it says nothing.
    """

    where: pa.Array
    reason: str
    code: str | None = None
    severity: Severity = "certain"
    hint: str | None = None


KeyPrefixes = Mapping[str, str]
"""The first three characters of Ids by the name of their object."""
Rule = Callable[[FieldDescribe, pa.Array, KeyPrefixes], Iterator[Wrong]]


def wrong_cells(field: FieldDescribe, cells: pa.Array, prefixes: KeyPrefixes) -> Iterator[Wrong]:
    """What the rules for the field's type object to in its cells; missing ones are null and right."""
    for rule in RULES.get(field.type, (_too_long,) if kind_of(field.type).name == "text" else ()):
        yield from rule(field, cells, prefixes)


def trimmed(texts: pa.Array) -> pa.Array:
    """Texts as an org keeps them: without white space at their ends."""
    return pc.utf8_trim(texts, SPACE)


def _texts(cells: pa.Array) -> pa.Array:
    return cells if cells.type == TEXT else pc.cast(cells, TEXT)


def _where(texts: pa.Array, doubtful: pa.Array, refused: Callable[[str], bool]) -> pa.Array:
    """Which of the ``doubtful`` texts are refused; each different one is asked about once."""
    if not pc.any(doubtful).as_py():
        return doubtful
    texts = _texts(texts)
    asked = texts.filter(doubtful).unique()
    guilty = [text for text in asked.to_pylist() if refused(text)]
    return pc.and_(doubtful, pc.is_in(texts, pa.array(guilty, TEXT)))


# --- texts -----------------------------------------------------------------------------------------------------------


def _too_long(field: FieldDescribe, cells: pa.Array, _: KeyPrefixes) -> Iterator[Wrong]:
    if not field.length:
        return
    texts = _texts(cells)
    long = pc.greater(pc.utf8_length(texts), field.length)
    if pc.any(long).as_py():
        long = pc.and_(long, pc.greater(pc.utf8_length(trimmed(texts)), field.length))
        hint = f".str.slice(0, {field.length}) would cut it."
        reason = f"{{}} is longer than {field.length:,} characters"
        yield Wrong(long, reason, "STRING_TOO_LONG", hint=hint)


_WORD = r"[\p{L}\p{Nd}_!#$%&'*+/=?^`{|}~-]+"
_HOST = r"[\p{L}\p{Nd}](?:[\p{L}\p{Nd}_-]*[\p{L}\p{Nd}])?"
_EMAIL = rf"^{_WORD}(?:\.{_WORD})*@(?:{_HOST}\.)+{_HOST}$"
_NO_EMAIL = r"^[^@]*$|^@|@$|@.*@|[\x00-\x20]"


def _email(field: FieldDescribe, cells: pa.Array, _: KeyPrefixes) -> Iterator[Wrong]:
    texts = trimmed(_texts(cells))
    right = pc.or_(pc.match_substring_regex(texts, _EMAIL), _over(field, texts))
    doubtful = pc.and_(pc.invert(right), pc.not_equal(texts, ""))
    if not pc.any(doubtful).as_py():
        return
    certain = pc.and_(doubtful, pc.match_substring_regex(texts, _NO_EMAIL))
    yield Wrong(certain, "{} is no email address", "INVALID_EMAIL_ADDRESS")
    likely = pc.and_not(doubtful, certain)
    yield Wrong(likely, "{} is an unusual email address", "INVALID_EMAIL_ADDRESS", "likely")


def _over(field: FieldDescribe, texts: pa.Array) -> pa.Array:
    """Texts that are too long, which is all an org says of them."""
    return pc.greater(pc.utf8_length(texts), field.length or np.iinfo(np.int32).max)


# --- picklists -------------------------------------------------------------------------------------------------------


def _choice(field: FieldDescribe, cells: pa.Array, _: KeyPrefixes) -> Iterator[Wrong]:
    if not field.restricted:
        return
    texts, known = _texts(cells), {choice.casefold() for choice in field.choices}
    unknown = pc.invert(pc.is_in(texts, pa.array(field.choices, TEXT), skip_nulls=True))
    doubtful = pc.and_(pc.and_(unknown, texts.is_valid()), pc.invert(pc.fill_null(_over(field, trimmed(texts)), False)))

    def refused(text: str) -> bool:
        kept = text.strip(SPACE)
        return bool(kept) and kept.casefold() not in known

    yield _not_allowed(field, _where(texts, doubtful, refused))


def _choices(field: FieldDescribe, cells: pa.Array, _: KeyPrefixes) -> Iterator[Wrong]:
    """Each value of a multi-select picklist; the text of them all is what has a length."""
    texts, known = _texts(cells), {choice.casefold(): choice for choice in field.choices}
    coded = texts.dictionary_encode()
    foreign, long = [], []
    for text in coded.dictionary.to_pylist():
        parts = [part for one in text.split(";") if (part := one.strip(SPACE))]
        chosen = dict.fromkeys(known.get(part.casefold(), part) for part in parts)
        foreign.append(field.restricted and any(part.casefold() not in known for part in parts))
        long.append(not foreign[-1] and 0 < field.length < len(";".join(chosen)))
    yield _not_allowed(field, pa.array(foreign, pa.bool_()).take(coded.indices))
    reason = f"{{}} is longer than {field.length:,} characters"
    yield Wrong(pa.array(long, pa.bool_()).take(coded.indices), reason, "STRING_TOO_LONG")


def _not_allowed(field: FieldDescribe, where: pa.Array) -> Wrong:
    shown = ", ".join(field.choices[:8]) + (", …" if len(field.choices) > 8 else "")
    reason = "{} is not in the restricted picklist"
    return Wrong(where, reason, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", hint=f"It takes {shown or 'no values'}.")


# --- numbers ---------------------------------------------------------------------------------------------------------


def _too_large(field: FieldDescribe, cells: pa.Array, _: KeyPrefixes) -> Iterator[Wrong]:
    bound, words = _bound(field)
    if cells.type == TEXT:
        plain = rf"^[+-]?0*[0-9]{{0,{len(str(bound)) - 2}}}(?:\.[0-9]*)?$"
        doubtful = pc.invert(pc.match_substring_regex(cells, plain))
    else:
        doubtful = pc.greater(pc.abs(pc.cast(cells, pa.float64(), safe=False)), bound * (1 - 1e-9))
    large = _where(cells, doubtful, lambda text: abs(Decimal(text)) >= bound)
    yield Wrong(large, f"{{}} is too large: the field takes {words}", "NUMBER_OUTSIDE_VALID_RANGE")


def _bound(field: FieldDescribe) -> tuple[int, str]:
    """The first number that is too large, and what is not, in words."""
    if kind_of(field.type) is INTEGER and not field.digits:
        bits = 63 if field.type == "long" else 31
        return 2**bits, f"whole numbers below {2**bits:,}"
    digits = field.digits if kind_of(field.type) is INTEGER else (field.precision or MOST_DIGITS) - field.scale
    return 10**digits, f"{digits} digits before the point"


def _cut(field: FieldDescribe, cells: pa.Array, _: KeyPrefixes) -> Iterator[Wrong]:
    """Decimals that an org cuts off without a word; those that only binary fractions have do not count."""
    if cells.type == TEXT:
        cut = pc.match_substring_regex(cells, rf"\.[0-9]{{{field.scale}}}[0-9]*[1-9]")
    elif pa.types.is_floating(cells.type):
        values = pc.fill_null(cells, 0).to_numpy(zero_copy_only=False).astype(np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            tolerance = np.maximum(np.abs(values) * (1e-6 if pa.types.is_float32(cells.type) else 1e-14), 10**-9)
            cut = pa.array(np.abs(values - np.round(values, field.scale)) > tolerance)
    else:
        return
    kept = f"{field.scale} decimals" if field.scale else "no decimals"
    yield Wrong(cut, f"{{}}: the field has {kept}; the rest is cut off", None, "likely")


# --- references ------------------------------------------------------------------------------------------------------


def _leads_elsewhere(field: FieldDescribe, cells: pa.Array, prefixes: KeyPrefixes) -> Iterator[Wrong]:
    """Ids of other objects; of an object that nobody may see nothing is known."""
    allowed = [prefixes[parent] for parent in field.reference_to if parent in prefixes]
    starts = pc.utf8_slice_codeunits(cells, 0, 3)
    wrong = pc.and_(pc.invert(pc.is_in(starts, pa.array(allowed, TEXT), skip_nulls=True)), cells.is_valid())
    if not pc.any(wrong).as_py():
        return
    known = pc.is_in(starts, pa.array(list(prefixes.values()), TEXT))
    wanted = " or ".join(field.reference_to[:4]) + (" or others" if len(field.reference_to) > 4 else "")
    all_known = len(allowed) == len(field.reference_to)
    certain = pc.and_(wrong, known) if all_known else pc.and_(wrong, False)
    code, reason = "FIELD_INTEGRITY_EXCEPTION", f"{{}} is no Id of {wanted or 'any object'}"
    yield Wrong(certain, reason, code)
    yield Wrong(pc.and_not(wrong, certain), reason, code, "likely")


# --- the table -------------------------------------------------------------------------------------------------------

RULES: Mapping[str, tuple[Rule, ...]] = {
    "email": (_too_long, _email),
    "picklist": (_too_long, _choice),
    "multipicklist": (_choices,),
    "id": (),
    "reference": (_leads_elsewhere,),
    "base64": (),
    **dict.fromkeys(("int", "long"), (_too_large,)),
    **dict.fromkeys(("double", "currency", "percent"), (_too_large, _cut)),
}
"""By Salesforce's type. Other types of text have a length alone, and the rest no rules but those of their form."""
