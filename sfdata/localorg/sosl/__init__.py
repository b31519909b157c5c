"""Search: SOSL statements and parameters to records.

text → `statement` (clauses) and `terms` (what is looked for) → `index` (rows that hold it) → `records` → JSON
"""
