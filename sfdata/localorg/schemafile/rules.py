"""Validation rules and duplicate rules as the schema file declares them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TypeGuard

from sfdata.localorg.formulas import InvalidFormula, condition
from sfdata.localorg.schema import DuplicateRule, MatchingRule, Schema, SObject, ValidationRule
from sfdata.localorg.schemafile.table import Table, nearest

LONGEST_MESSAGE = 255
LONGEST_RULE_NAME = 40
RULE_NAME = re.compile(r"(?!.*__)[A-Za-z][A-Za-z0-9_]*(?<!_)")
ACTIONS = {"alert": True, "block": False}
"""What a duplicate rule does, and whether a client that insists may save all the same."""
USUAL_ALERT = "Use one of these records?"

DUPLICATE_RULE_KEYS = ("action", "alert_text", "matching_rules")
MATCHING_RULE_KEYS = ("object", "fields")
RULE_KEYS = ("error_condition_formula", "error_message", "error_display_field", "active", "description")


def with_rules(schema: Schema, sobject: SObject, declared: Table) -> SObject:
    """The object with the rules declared for it, each of which is in order; ``schema`` has all objects and fields."""
    return replace(
        sobject,
        validation_rules=tuple(
            _validation_rule(schema, sobject, name, table) for name, table in _named(declared.table("validation_rules"))
        ),
        duplicate_rules=tuple(
            _duplicate_rule(schema, sobject, name, table) for name, table in _named(declared.table("duplicate_rules"))
        ),
    )


def _named(declared: Table) -> Iterator[tuple[str, Table]]:
    """The rules of a table, whose names differ in more than case."""
    names: set[str] = set()
    for name, table in declared.tables():
        if not RULE_NAME.fullmatch(name) or len(name) > LONGEST_RULE_NAME:
            raise table.wrong(f"a rule is named in up to {LONGEST_RULE_NAME} letters, digits and single underscores")
        if name.casefold() in names:
            raise declared.wrong("two rules are called the same but for case")
        names.add(name.casefold())
        yield name, table


def _message(table: Table, key: str, default: str | None = None) -> str:
    message = table.text(key, default)
    if len(message) > LONGEST_MESSAGE:
        raise table.wrong(f"{key} must have {LONGEST_MESSAGE} characters at most, not {len(message)}")
    return message


def _field_name(sobject: SObject, name: str, key: str, table: Table) -> str:
    """The name of a field as it is spelled; ``key`` is where the file names it."""
    field = sobject.field(name)
    if field is None:
        near = nearest(name, [f.name for f in sobject.fields])
        raise table.wrong(f"{key} names no field of {sobject.name}: {name!r}{near}")
    return field.name


def _validation_rule(schema: Schema, sobject: SObject, name: str, table: Table) -> ValidationRule:
    table.allow(RULE_KEYS)
    message, shown_at = _message(table, "error_message"), table.optional_text("error_display_field")
    formula = table.text("error_condition_formula")
    try:
        condition(formula, schema, sobject)
    except InvalidFormula as problem:
        raise table.wrong(f"error_condition_formula: {problem}") from None
    return ValidationRule(
        name,
        formula,
        message,
        _field_name(sobject, shown_at, "error_display_field", table) if shown_at else None,
        active=table.flag("active", default=True),
        description=table.optional_text("description"),
    )


def _duplicate_rule(schema: Schema, sobject: SObject, name: str, table: Table) -> DuplicateRule:
    table.allow(DUPLICATE_RULE_KEYS)
    action = table.text("action", "alert")
    if action not in ACTIONS:
        raise table.wrong(f"action must be alert or block, not {action!r}")
    declared = table.table("matching_rules")
    matching = tuple(_matching_rule(schema, sobject, own, rule) for own, rule in _named(declared))
    if not matching:
        raise declared.wrong("a duplicate rule needs a matching rule, which says what is a duplicate")
    return DuplicateRule(name, matching, _message(table, "alert_text", USUAL_ALERT), allows_save=ACTIONS[action])


def _matching_rule(schema: Schema, sobject: SObject, name: str, table: Table) -> MatchingRule:
    table.allow(MATCHING_RULE_KEYS)
    wanted = table.text("object", sobject.name)
    other = schema.object(wanted)
    if other is None:
        raise table.wrong(f"object names no object of this org: {wanted!r}{nearest(wanted, [o.name for o in schema])}")
    given = table.values.get("fields")
    pairs = given if isinstance(given, Mapping) else {field: field for field in given} if _texts(given) else {}
    if not pairs or not _texts(list(pairs.values())):
        raise table.wrong("fields must list fields, or lead from each field to one of the other object")
    fields = tuple((_matched(sobject, own, table), _matched(other, theirs, table)) for own, theirs in pairs.items())
    return MatchingRule(name, other.name, fields)


def _matched(sobject: SObject, name: str, table: Table) -> str:
    """The name of a field whose values can be compared."""
    known = _field_name(sobject, name, "fields", table)
    field = sobject.field(known)
    if field is None or not (field.stored and field.filterable):
        raise table.wrong(f"values of {sobject.name}.{known} cannot be compared")
    return known


def _texts(values: object) -> TypeGuard[list[str]]:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)
