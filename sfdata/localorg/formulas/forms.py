"""What compiled parts of a formula are, and how forms check theirs.

A form is an operator or function whose meaning hangs on more than the values of its arguments: on the record, on a
field and what it was before, on the types involved, on what need not be evaluated at all. It gets the call and its
arguments compiled, and answers the compiled call. `logic`, `arithmetic`, `conversions` and `fields` have the forms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sfdata.localorg.formulas.kinds import Kind
from sfdata.localorg.formulas.record import Record
from sfdata.localorg.formulas.syntax import Call, InvalidFormula, Literal

Evaluate = Callable[[Record], Any]

PICKLISTS = frozenset({Kind.PICKLIST, Kind.MULTIPICKLIST})


@dataclass(frozen=True, slots=True)
class Compiled:
    """A part of a formula: its kind, and its value for a record.

    For a field of the record itself ``prior`` is its value before the save, null for a new record.
    """

    kind: Kind
    value: Evaluate
    prior: Evaluate | None = None


Parts = Sequence[Compiled]
Form = Callable[[Call, Parts], Compiled]

NO_VALUE = Compiled(Kind.NULL, lambda record: None)


def check_count(call: Call, least: int, most: int | None = None) -> None:
    """Refuse a call with another number of arguments than ``least`` (up to ``most``)."""
    count = len(call.arguments)
    if not least <= count <= (least if most is None else most):
        wanted = least if most is None or count < least else most
        message = f"Incorrect number of parameters for function '{call.name}()'. Expected {wanted}, received {count}"
        raise InvalidFormula(message, call.position)


def check_kind(call: Call, parts: Parts, index: int, *wanted: Kind) -> None:
    """Refuse an argument that is neither of the ``wanted`` kinds nor null."""
    kind = parts[index].kind
    if kind not in (*wanted, Kind.NULL):
        raise wrong_kind(call, index, kind, *wanted)


def common_kind(call: Call, parts: Parts, indexes: Sequence[int]) -> Kind:
    """The kind that the arguments at these places share; null goes with every kind."""
    shared = Kind.NULL
    for index in indexes:
        kind = parts[index].kind
        if kind in PICKLISTS:
            raise wrong_kind(call, index, kind, Kind.TEXT)
        if shared is Kind.NULL:
            shared = kind
        elif kind not in (shared, Kind.NULL):
            raise wrong_kind(call, index, kind, shared)
    return shared


def literal_text(call: Call, index: int) -> str:
    """The text that must stand there, written out."""
    argument = call.arguments[index]
    if not isinstance(argument, Literal) or not isinstance(argument.value, str):
        raise InvalidFormula(f"Parameter {index + 1} of '{call.name}()' must be a text literal", argument.position)
    return argument.value


def wrong_kind(call: Call, index: int, received: Kind, *wanted: Kind) -> InvalidFormula:
    """The refusal of an argument. A picklist stands where people expect a text, so it gets words of its own."""
    argument = call.arguments[index]
    if received in PICKLISTS:
        message = (
            f"Field {getattr(argument, 'path', '')} is a {received.value.lower()} field. Picklist fields are only "
            "supported in certain functions: ISPICKVAL(), CASE(), TEXT(), INCLUDES(), ISBLANK() and the like."
        )
        return InvalidFormula(message, argument.position)
    what = f"function '{call.name}()'" if call.name.isalpha() else f"operator '{call.name}'"
    expected = ", ".join(kind.value for kind in wanted)
    message = f"Incorrect parameter type for {what}. Expected {expected}, received {received.value}"
    return InvalidFormula(message, argument.position)
