"""Salesforce's formula language, as far as validation rules need it: text to tree to a function of a record.

    syntax        tokens, nodes, parser
    kinds         the types of values, and how stored fields become values
    record        what a formula is evaluated for: a row, the row it was, its parents, the user
    functions     functions that know only their arguments, as a table
    forms         operators, and functions that know more: the record, a field, the types of their arguments
    java_regex    patterns as REGEX() takes them
    formula       names resolved and types checked once, evaluated many times

What null does follows Salesforce's own engine (https://github.com/salesforce/formula-engine): a null text is the empty
text, other nulls make what they touch null, and a condition that is null does not hold.
https://help.salesforce.com/s/articleView?id=sf.customize_functions.htm
"""

from __future__ import annotations

from sfdata.localorg.formulas.formula import Formula, FormulaFailed, condition
from sfdata.localorg.formulas.record import Record
from sfdata.localorg.formulas.syntax import InvalidFormula

__all__ = ["Formula", "FormulaFailed", "InvalidFormula", "Record", "condition"]
