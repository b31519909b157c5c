"""An org's own rules of what may be saved, as the schema file declares them: conditions under which a save is refused.

The vendor's page: https://help.salesforce.com/s/articleView?id=sf.fields_about_field_validation.htm
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sfdata.localorg.formulas import Formula, FormulaFailed, Record, condition
from sfdata.localorg.records.validation import RecordError
from sfdata.localorg.schema import SObject, ValidationRule
from sfdata.localorg.store import Store


class ValidationRules:
    """The active rules of one store's schema.

    Raises:
        InvalidFormula: a condition is not in order.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._rules: dict[str, tuple[tuple[ValidationRule, Formula], ...]] = {
            sobject.name: tuple(
                (rule, condition(rule.error_condition_formula, store.schema, sobject))
                for rule in sobject.validation_rules
                if rule.active
            )
            for sobject in store.schema
        }

    def problems(
        self, sobject: SObject, row: Mapping[str, Any], before: Mapping[str, Any] | None, user_id: str, now: datetime
    ) -> list[RecordError]:
        """What the rules have against saving ``row``, which has every stored field; one error for each rule."""
        rules = self._rules[sobject.name]
        if not rules:
            return []
        # Rules see a new record before it has its Id.
        seen = row if before is not None else {**row, "Id": None}
        return list(_errors(rules, Record(self._store, seen, before, user_id, now)))


def _errors(rules: tuple[tuple[ValidationRule, Formula], ...], record: Record) -> Iterator[RecordError]:
    for rule, formula in rules:
        fields = (rule.error_display_field,) if rule.error_display_field else ()
        try:
            if formula.holds(record):
                yield RecordError("FIELD_CUSTOM_VALIDATION_EXCEPTION", rule.error_message, fields)
        except FormulaFailed as failed:
            problem = f"The formula of the validation rule {rule.name} cannot be evaluated: {failed}"
            yield RecordError("FIELD_INTEGRITY_EXCEPTION", problem, fields)
