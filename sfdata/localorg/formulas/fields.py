"""Functions of a field: which picklist value it has, what it was before, and whether the record is new.

https://help.salesforce.com/s/articleView?id=sf.customize_functions_i_z.htm
"""

from __future__ import annotations

from collections.abc import Mapping

from sfdata.localorg.formulas.forms import (
    Compiled,
    Evaluate,
    Form,
    Parts,
    check_count,
    check_kind,
    literal_text,
)
from sfdata.localorg.formulas.kinds import Kind
from sfdata.localorg.formulas.record import Record
from sfdata.localorg.formulas.syntax import Call, InvalidFormula


def is_picklist_value(call: Call, parts: Parts) -> Compiled:
    """``ISPICKVAL(field, "value")``; the empty text asks whether none is chosen."""
    check_count(call, 2)
    if parts[0].kind is not Kind.PICKLIST:
        raise InvalidFormula(f"The first parameter of '{call.name}()' must be a picklist field", call.position)
    wanted = literal_text(call, 1)
    return Compiled(Kind.BOOLEAN, lambda record: (parts[0].value(record) or "") == wanted)


def includes(call: Call, parts: Parts) -> Compiled:
    """``INCLUDES(field, "value")``: whether it is among the values of a multi-select picklist."""
    check_count(call, 2)
    if parts[0].kind is not Kind.MULTIPICKLIST:
        message = f"The first parameter of '{call.name}()' must be a multi-select picklist field"
        raise InvalidFormula(message, call.position)
    check_kind(call, parts, 1, Kind.TEXT)
    chosen, value = parts
    return Compiled(Kind.BOOLEAN, lambda record: value.value(record) in (chosen.value(record) or "").split(";"))


def is_changed(call: Call, parts: Parts) -> Compiled:
    """Whether the save changes a field; never in a new record."""
    now, before = parts[0].value, _prior(call, parts)
    return Compiled(Kind.BOOLEAN, lambda record: record.before is not None and now(record) != before(record))


def prior_value(call: Call, parts: Parts) -> Compiled:
    """The value of a field before the save; null in a new record."""
    return Compiled(parts[0].kind, _prior(call, parts))


def _prior(call: Call, parts: Parts) -> Evaluate:
    check_count(call, 1)
    prior = parts[0].prior
    if prior is None:
        message = f"'{call.name}()' must be given a field of the record itself, and nothing else"
        raise InvalidFormula(message, call.position)
    return prior


def is_new(call: Call, parts: Parts) -> Compiled:
    check_count(call, 0)
    return Compiled(Kind.BOOLEAN, lambda record: record.before is None)


def is_clone(call: Call, parts: Parts) -> Compiled:
    """Records are cloned by pages only, never by an API."""
    check_count(call, 0)
    return Compiled(Kind.BOOLEAN, _never)


def _never(record: Record) -> bool:
    return False


FORMS: Mapping[str, Form] = {
    "ISPICKVAL": is_picklist_value,
    "INCLUDES": includes,
    "ISCHANGED": is_changed,
    "PRIORVALUE": prior_value,
    "ISNEW": is_new,
    "ISCLONE": is_clone,
}
