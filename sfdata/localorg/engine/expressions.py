"""Functions of fields: dates, labels, formats, distances. (Aggregates live in `aggregates`.)

https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql_select_date_functions.htm
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from sfdata.localorg.engine import refusals
from sfdata.localorg.engine.resolve import Operand, Scope
from sfdata.localorg.engine.sql import Sql, compose, join, value
from sfdata.localorg.engine.viewer import Viewer
from sfdata.localorg.schema import Field
from sfdata.soql.nodes import AGGREGATES, Expression, FieldPath, FunctionCall, Literal, NumberLiteral, StringLiteral

# Of a stored date or datetime, both of which start YYYY-MM-DD.
DATE_PARTS: Mapping[str, str] = {
    "CALENDAR_YEAR": "CAST(substr({0}, 1, 4) AS INTEGER)",
    "CALENDAR_QUARTER": "(CAST(substr({0}, 6, 2) AS INTEGER) + 2) / 3",
    "CALENDAR_MONTH": "CAST(substr({0}, 6, 2) AS INTEGER)",
    "DAY_IN_MONTH": "CAST(substr({0}, 9, 2) AS INTEGER)",
    "DAY_IN_WEEK": "CAST(strftime('%w', substr({0}, 1, 10)) AS INTEGER) + 1",
    "DAY_IN_YEAR": "CAST(strftime('%j', substr({0}, 1, 10)) AS INTEGER)",
    "HOUR_IN_DAY": "CAST(substr({0}, 12, 2) AS INTEGER)",
    "WEEK_IN_MONTH": "(CAST(substr({0}, 9, 2) AS INTEGER) + 6) / 7",
    "WEEK_IN_YEAR": "(CAST(strftime('%j', substr({0}, 1, 10)) AS INTEGER) + 6) / 7",
    "DAY_ONLY": "substr({0}, 1, 10)",
    "FISCAL_MONTH": "(CAST(substr({0}, 6, 2) AS INTEGER) + {1}) % 12 + 1",
    "FISCAL_QUARTER": "(CAST(substr({0}, 6, 2) AS INTEGER) + {1}) % 12 / 3 + 1",
    "FISCAL_YEAR": "CAST(substr({0}, 1, 4) AS INTEGER) + (CAST(substr({0}, 6, 2) AS INTEGER) >= {2}) + {3}",
}
DATETIME_ONLY = frozenset({"HOUR_IN_DAY", "DAY_ONLY"})
FORMATTERS = frozenset({"TOLABEL", "FORMAT", "CONVERTCURRENCY"})
UNITS = frozenset({"mi", "km"})


@dataclass(frozen=True, slots=True)
class Expressions:
    """Turns expressions into operands, for one scope and one viewer."""

    scope: Scope
    viewer: Viewer

    def operand(self, expression: Expression) -> Operand:
        """The value of a field path or of a function of one.

        Raises:
            ApiError: for names that do not exist and functions that do not apply.
        """
        if isinstance(expression, FieldPath):
            return self.scope.operand(expression)
        name = expression.name.upper()
        if name in DATE_PARTS:
            return self._date_part(expression, name)
        reader = _FUNCTIONS.get(name)
        if reader is None:
            what = "Aggregate function" if name in AGGREGATES else "Function"
            raise self.refusal(f"{what} '{expression.name}' is not allowed here", expression)
        return reader(self, expression)

    def refusal(self, message: str, expression: Expression) -> Exception:
        return refusals.malformed(message, self.scope.text, expression.pos)

    def argument(self, call: FunctionCall) -> Operand:
        """The operand of a function of exactly one expression."""
        if len(call.args) != 1 or not isinstance(call.args[0], FieldPath | FunctionCall):
            raise self.refusal(f"Function '{call.name}' takes one field", call)
        return replace(self.operand(call.args[0]), pos=call.pos)

    # --- dates -------------------------------------------------------------------------------------------------------

    def _date_part(self, call: FunctionCall, name: str) -> Operand:
        argument = self.argument(call)
        allowed = ("datetime",) if name in DATETIME_ONLY else ("date", "datetime")
        if argument.type not in allowed:
            raise self.refusal(f"field '{argument.name}' does not support function {call.name}", call)
        sql = self._of_date(DATE_PARTS[name], argument.sql)
        return Operand(sql, "date" if name == "DAY_ONLY" else "int", str(call), None, call.pos)

    def _of_date(self, template: str, date: Sql) -> Sql:
        start = self.viewer.fiscal_start
        # A fiscal year that starts in January is the calendar year; no month is beyond the 13th.
        later = start if start > 1 else 13
        text = template.format(date.text, 12 - start, later, -1 if start > 1 and self._named_by_start else 0)
        return Sql(text, date.params * template.count("{0}"))

    @property
    def _named_by_start(self) -> bool:
        return self.viewer.fiscal_named_by_start

    def _convert_timezone(self, call: FunctionCall) -> Operand:
        argument = self.argument(call)
        if argument.type != "datetime":
            raise self.refusal(f"field '{argument.name}' does not support function {call.name}", call)
        return replace(argument, sql=compose("local_time({}, {})", argument.sql, value(self.viewer.zone.key)))

    # --- labels and formats ------------------------------------------------------------------------------------------

    def _to_label(self, call: FunctionCall) -> Operand:
        argument = self.argument(call)
        if argument.field is None or not argument.field.picklist:
            return replace(argument, ignores_case=True)
        return replace(argument, sql=label(argument.sql, argument.field), type="string", field=None, ignores_case=True)

    def _format(self, call: FunctionCall) -> Operand:
        argument = self.argument(call)
        parts = (argument.sql, value(argument.type), value(argument.scale), value(self.viewer.zone.key))
        sql = compose("localized({}, {}, {}, {})", *parts)
        return replace(argument, sql=sql, type="string", field=None)

    def _convert_currency(self, call: FunctionCall) -> Operand:
        argument = self.argument(call)
        if argument.type != "currency":
            raise self.refusal(f"convertCurrency function can only be used with currency field: {argument.name}", call)
        return argument

    # --- places ------------------------------------------------------------------------------------------------------

    def _distance(self, call: FunctionCall) -> Operand:
        place, target, unit = call.args if len(call.args) == 3 else (None, None, None)
        if not isinstance(place, FieldPath) or target is None:
            raise self.refusal("DISTANCE function takes a location field, a location and a unit", call)
        if not isinstance(unit, StringLiteral) or unit.value.lower() not in UNITS:
            raise self.refusal("DISTANCE unit must be 'mi' or 'km'", call)
        here = self._coordinates(place, call)
        there = self._target(target, call)
        sql = compose("distance({}, {}, {})", here, there, value(unit.value.lower()))
        return Operand(sql, "double", str(call), None, call.pos)

    def _coordinates(self, path: FieldPath, call: FunctionCall) -> Sql:
        relationships, name = self.scope.split(path)
        entity = self.scope.entity(relationships, path.pos)
        table = entity.tables[0]
        compound = table.sobject.field(name)
        if compound is None:
            raise refusals.unknown_field(name, entity.name, self.scope.text, path.pos)
        parts = coordinate_fields(table.sobject.fields, compound)
        if parts is None:
            raise self.refusal(f"field '{compound.name}' is not a location field", call)
        return join(", ", [table.column(part.name) for part in parts])

    def _target(self, target: Expression | Literal, call: FunctionCall) -> Sql:
        numbers = target.args if isinstance(target, FunctionCall) and target.name.upper() == "GEOLOCATION" else ()
        degrees = [float(n.value) for n in numbers if isinstance(n, NumberLiteral)]
        if len(degrees) != 2 or abs(degrees[0]) > 90 or abs(degrees[1]) > 180:
            raise self.refusal("GEOLOCATION takes a latitude from -90 to 90 and a longitude from -180 to 180", call)
        return join(", ", map(value, degrees))


def coordinate_fields(fields: tuple[Field, ...], compound: Field) -> tuple[Field, Field] | None:
    """The latitude and the longitude that belong to a compound address or location."""
    parts = [f for f in fields if f.compound == compound.name]
    latitude = next((f for f in parts if "latitude" in f.name.casefold()), None)
    longitude = next((f for f in parts if "longitude" in f.name.casefold()), None)
    return (latitude, longitude) if latitude and longitude else None


def label(sql: Sql, picklist: Field) -> Sql:
    """The label of a picklist value; a value outside the picklist is its own label."""
    different = [entry for entry in picklist.picklist if entry.label != entry.value]
    if not different:
        return sql
    branches = [compose("WHEN {} THEN {}", value(entry.value), value(entry.label)) for entry in different]
    return compose("CASE {} {} ELSE {} END", sql, join(" ", branches), sql)


_FUNCTIONS: Mapping[str, Callable[[Expressions, FunctionCall], Operand]] = {
    "CONVERTTIMEZONE": Expressions._convert_timezone,
    "TOLABEL": Expressions._to_label,
    "FORMAT": Expressions._format,
    "CONVERTCURRENCY": Expressions._convert_currency,
    "DISTANCE": Expressions._distance,
}
