"""A formula, read once against a schema and evaluated for many records."""

from __future__ import annotations

import decimal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from sfdata.localorg.formulas import arithmetic, conversions, fields, logic
from sfdata.localorg.formulas.forms import Compiled, Evaluate, Form, Parts, check_count, check_kind
from sfdata.localorg.formulas.functions import FUNCTIONS, Function
from sfdata.localorg.formulas.kinds import FIELD_KINDS, TEXTS, FieldKind, Kind
from sfdata.localorg.formulas.record import Record, Row
from sfdata.localorg.formulas.syntax import DEEPEST, Call, InvalidFormula, Literal, Node, Reference, parse
from sfdata.localorg.schema import Field, Schema, SObject

FORMS: Mapping[str, Form] = {**logic.FORMS, **arithmetic.FORMS, **conversions.FORMS, **fields.FORMS}
MOST_REPEATED = 255

ARITHMETIC = decimal.Context(prec=40, Emax=400, Emin=-400, rounding=decimal.ROUND_HALF_UP)
"""Enough for every stored number; a power that outgrows it is an error, not a wait."""

GLOBALS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "$User": ("User", ()),
    "$Profile": ("User", ("Profile",)),
    "$UserRole": ("User", ("UserRole",)),
    "$Organization": ("Organization", ()),
}
"""Records that every formula can name: the object where their path begins, and the path."""

ALIASES: Mapping[str, str] = {"queue": "Group"}
"""Objects that formulas call otherwise than the API (``Owner:Queue.Name``)."""


class FormulaFailed(Exception):
    """A formula that has no value for this record: a division by zero, a text that is no date …"""


@dataclass(frozen=True, slots=True)
class Formula:
    """The text of a formula, and how to evaluate it."""

    text: str
    value: Evaluate

    def holds(self, record: Record) -> bool:
        """Whether the condition is true for this record; null is not.

        Raises:
            FormulaFailed: it cannot be evaluated.
        """
        try:
            with decimal.localcontext(ARITHMETIC):
                return bool(self.value(record))
        except decimal.DecimalException:
            raise FormulaFailed("a number is out of range") from None
        except (ArithmeticError, ValueError) as problem:
            raise FormulaFailed(str(problem)) from None


def condition(text: str, schema: Schema, sobject: SObject) -> Formula:
    """The formula of a condition about records of ``sobject``.

    Raises:
        InvalidFormula: it does not parse, names an unknown function or field, its types do not fit, or it is no
            condition.
    """
    compiled = _Compiler(schema, sobject).part(parse(text))
    if compiled.kind not in (Kind.BOOLEAN, Kind.NULL):
        message = f"Formula result is data type ({compiled.kind.value}), incompatible with expected data type (Boolean)"
        raise InvalidFormula(message, 0)
    return Formula(text, compiled.value)


class _Compiler:
    """Resolves names and checks types, from the leaves of a tree up."""

    def __init__(self, schema: Schema, sobject: SObject) -> None:
        self._schema = schema
        self._sobject = sobject
        self._depth = 0

    def part(self, node: Node) -> Compiled:
        """The compiled form of a node and all below it."""
        if isinstance(node, Literal):
            return _literal(node)
        if isinstance(node, Reference):
            return self._field(node)
        self._depth += 1
        if self._depth > DEEPEST:
            raise InvalidFormula("Formula is nested too deeply.", node.position)
        parts = [self.part(argument) for argument in node.arguments]
        self._depth -= 1
        if node.name in FORMS:
            return FORMS[node.name](node, parts)
        if node.name in FUNCTIONS:
            return _called(FUNCTIONS[node.name], node, parts)
        near = _nearest(node.name, [*FORMS, *FUNCTIONS])
        raise InvalidFormula(f"Unknown function {node.name}. Check spelling.{near}", node.position)

    def _field(self, reference: Reference) -> Compiled:
        first, *rest = reference.path.split(".")
        if first.startswith("$"):
            return self._global(reference, first, rest)
        walk, kind = self._walk(reference, self._sobject, [first, *rest])

        def value(record: Record) -> Any:
            return kind.value(walk(record, record.row))

        def prior(record: Record) -> Any:
            return None if record.before is None else kind.value(walk(record, record.before))

        return Compiled(kind.kind, value, None if rest else prior)

    def _global(self, reference: Reference, name: str, path: Sequence[str]) -> Compiled:
        known = next((known for known in GLOBALS if known.casefold() == name.casefold()), None)
        if known is None or not path:
            message = f"Global variable {reference.path} does not exist. There are fields of {', '.join(GLOBALS)}"
            raise InvalidFormula(message, reference.position)
        object_name, way = GLOBALS[known]
        sobject = self._object(object_name)
        walk, kind = self._walk(reference, sobject, [*way, *path])

        def value(record: Record) -> Any:
            start = record.row_of(record.user_id) if sobject.name == "User" else record.store.first(sobject)
            return kind.value(walk(record, start))

        return Compiled(kind.kind, value)

    def _object(self, name: str) -> SObject:
        found = self._schema.object(name)
        if found is None:
            raise LookupError(f"The schema has no object {name}")
        return found

    def _walk(
        self, reference: Reference, sobject: SObject, path: Sequence[str]
    ) -> tuple[Callable[[Record, Row | None], Any], FieldKind]:
        """How to come from a row to the stored value at the end of a path, and of what kind that is."""
        steps: list[tuple[Field, SObject]] = []
        for name in path[:-1]:
            steps.append(self._parent(reference, sobject, name))
            sobject = steps[-1][1]
        field = sobject.field(path[-1])
        if field is None:
            near = _nearest(path[-1], [f.name for f in sobject.fields])
            raise InvalidFormula(f"Field {reference.path} does not exist. Check spelling.{near}", reference.position)
        kind = FIELD_KINDS.get(field.type)
        if kind is None:
            raise InvalidFormula(f"Field {reference.path} may not be used in this type of formula", reference.position)

        def walk(record: Record, row: Row | None) -> Any:
            for step, parent in steps:
                record_id = row[step.name] if row else None
                row = record.row_of(record_id) if record_id and record_id[:3] == parent.key_prefix else None
            return row[field.name] if row else None

        return walk, kind

    def _parent(self, reference: Reference, sobject: SObject, name: str) -> tuple[Field, SObject]:
        """The reference field behind a step of a path, and the object it leads to: ``Account``, ``Owner:User``."""
        relationship, _, wanted = name.partition(":")
        field = sobject.parent(relationship)
        if field is None:
            raise InvalidFormula(f"Field {reference.path} does not exist. Check spelling.", reference.position)
        targets = {target.casefold(): target for target in field.reference_to}
        if not wanted and len(targets) == 1:
            return field, self._object(field.reference_to[0])
        target = targets.get(ALIASES.get(wanted.casefold(), wanted).casefold())
        if target is None:
            forms = " or ".join(f"{relationship}:{target}" for target in field.reference_to)
            message = f"Field {reference.path} may be of several objects, or of another one: write {forms}"
            raise InvalidFormula(message, reference.position)
        return field, self._object(target)


def _literal(node: Literal) -> Compiled:
    if node.value is None:
        kind = Kind.NULL
    elif isinstance(node.value, bool):
        kind = Kind.BOOLEAN
    else:
        kind = Kind.TEXT if isinstance(node.value, str) else Kind.NUMBER
    return Compiled(kind, lambda record: node.value)


def _called(function: Function, call: Call, parts: Parts) -> Compiled:
    """A function of plain values; where one that is no text is null, so is the result."""
    most = MOST_REPEATED if function.repeats else len(function.takes)
    check_count(call, len(function.takes) - function.optional, most)
    takes = (*function.takes, *function.takes[-1:] * (len(parts) - len(function.takes)))[: len(parts)]
    for index, kind in enumerate(takes):
        check_kind(call, parts, index, kind)
    texts = [kind in TEXTS for kind in takes]

    def value(record: Record) -> Any:
        values: list[Any] = []
        for part, is_text in zip(parts, texts, strict=True):
            found = part.value(record)
            if found is None and not is_text:
                return None
            values.append("" if found is None else found)
        return function.run(*values)

    return Compiled(function.gives, value)


def _nearest(word: str, known: Sequence[str]) -> str:
    near = get_close_matches(word, known, 1)
    return f" Did you mean {near[0]}?" if near else ""
