"""Validation rules as the schema file declares them."""

from __future__ import annotations

import re
from dataclasses import replace

from sfdata.localorg.formulas import InvalidFormula, condition
from sfdata.localorg.schema import Schema, SObject, ValidationRule
from sfdata.localorg.schemafile.table import Table, nearest

LONGEST_MESSAGE = 255
LONGEST_RULE_NAME = 40
RULE_NAME = re.compile(r"(?!.*__)[A-Za-z][A-Za-z0-9_]*(?<!_)")
RULE_KEYS = ("error_condition_formula", "error_message", "error_display_field", "active", "description")


def with_rules(schema: Schema, sobject: SObject, declared: Table) -> SObject:
    """The object with the rules declared for it, each of which is in order; ``schema`` has all objects and fields."""
    rules = {name.casefold(): _rule(schema, sobject, name, table) for name, table in declared.tables()}
    if len(rules) < len(declared.values):
        raise declared.wrong("two rules are called the same but for case")
    return replace(sobject, validation_rules=tuple(rules.values()))


def _rule(schema: Schema, sobject: SObject, name: str, table: Table) -> ValidationRule:
    if not RULE_NAME.fullmatch(name) or len(name) > LONGEST_RULE_NAME:
        raise table.wrong(f"a rule is named in up to {LONGEST_RULE_NAME} letters, digits and single underscores")
    table.allow(RULE_KEYS)
    message, shown_at = table.text("error_message"), table.optional_text("error_display_field")
    if len(message) > LONGEST_MESSAGE:
        raise table.wrong(f"error_message must have {LONGEST_MESSAGE} characters at most, not {len(message)}")
    field = sobject.field(shown_at) if shown_at else None
    if shown_at and field is None:
        near = nearest(shown_at, [f.name for f in sobject.fields])
        raise table.wrong(f"error_display_field names no field of {sobject.name}: {shown_at!r}{near}")
    formula = table.text("error_condition_formula")
    try:
        condition(formula, schema, sobject)
    except InvalidFormula as problem:
        raise table.wrong(f"error_condition_formula: {problem}") from None
    return ValidationRule(
        name,
        formula,
        message,
        field.name if field else None,
        active=table.flag("active", default=True),
        description=table.optional_text("description"),
    )
