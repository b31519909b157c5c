"""What to tell people who write SOQL as if it were SQL, Apex or a document: the commonest mistakes, and the way out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

CLAUSES = (
    "USING SCOPE", "WHERE", "WITH", "GROUP BY", "HAVING", "ORDER BY", "LIMIT", "OFFSET",
    "FOR", "UPDATE", "SET OPTIONS", "ALL ROWS",
)  # fmt: skip
"""What may follow FROM, in the order it must stand in."""

WINDOW = 80
"""How far before the place a rule can look, in characters."""

_A_VALUE = "a value"
_A_LATER_CLAUSE = "OFFSET|FOR|UPDATE|ALL ROWS"
_KEYWORD = r"(AND|OR|NOT|WHERE|WITH|GROUP|HAVING|ORDER|LIMIT|FROM|SELECT)\b"
NOT_ALONE = "NOT stands in parentheses with its condition: (NOT a = 1) AND b = 2."
_BIND = "A bind is a name or a column, :ids or :frame.Id; compute the value in Python first."


class Rule(NamedTuple):
    """A mistake, known by the text right before the place, the text there, and what was expected; then the advice."""

    before: str
    here: str
    expected: str
    hint: str


# The first rule that fits speaks. {word} is the word or the character found.
RULES: Sequence[Rule] = (
    Rule(r":\s*[\w.]+", r"[(\[]", "", _BIND),
    Rule(r":\s*new\s+", r"\w", "", _BIND),
    Rule("", r"\s*//", "", "Everything from // to the end of the line is a comment."),
    # characters that documents and other languages bring along
    Rule("", r"[\u2018-\u201f]", "", "That is a typographic quote; text stands between straight single ones: 'Acme'."),
    Rule("", r"[\u2010-\u2015\u2212]", "", "That is a typographic dash; type a plain -."),
    Rule("", r"[^\x00-\x7f](?<=\s)|[\u200b-\u200f\u2060\ufeff]", "", "An invisible character ({code}); type a blank."),
    Rule("", r'"', "", "Text stands in single quotes: 'Acme'."),
    Rule("", r"[`\[\]]", "", "Names and queries stand bare, without brackets or backticks."),
    Rule("", r";", "", "A query ends without a semicolon."),
    Rule("", r"--|\#", "", "A comment is written // to the end of the line, or /* … */."),
    Rule("", r"[{$@?]|%s\b|:", "", "A value from Python is written :name, and given by the notebook or params=."),
    Rule("", r"&&|\|\|", "", "Write AND and OR as words."),
    Rule("", r"!", "", "Unequal is written !=, and a condition is turned round by NOT."),
    # text
    Rule(r"'", r"['\w]", "", r"A quote inside a text is written \': 'O\'Brien'."),
    Rule("", r"'[^\n]*\n", "a closing '", r"A line end inside a text is written \n."),
    Rule("", r"'", "a closing '", r"A quote inside a text is written \': 'O\'Brien'."),
    # other statements
    Rule(r"\A\s*", r"(INSERT|UPDATE|UPSERT|DELETE|MERGE)\b", "SELECT", "A query only reads: SELECT … FROM …."),
    Rule(r"\A\s*", r"FIND\b", "SELECT", "That is a SOSL search; a query begins with SELECT."),
    # the select list
    Rule(r"COUNT\s*\(\s*", r"\*", "", "COUNT() counts rows, COUNT(Id) those where the field is filled."),
    Rule(r"(SELECT|,)\s*", r"\*", "", "SOQL has no *; name the fields, or write FIELDS(ALL)."),
    Rule(r"\.\s*", r"\*", "", "SOQL has no *; name the fields one by one."),
    Rule(r"TOP\s+", r"\d", "", "SOQL has no TOP; end the query with LIMIT 10."),
    Rule(r"DISTINCT\s+", r"\w", r"'\)'|','", "Write COUNT_DISTINCT(Name); for distinct rows, GROUP BY the fields."),
    Rule("", r"AS\b", "FROM", "An alias follows without AS: COUNT(Id) total."),
    Rule(r",\s*", r"FROM\b", "", "There is a comma too many before FROM."),
    Rule(r"\bEXISTS\s*\(\s*", r"SELECT\b", "", "SOQL has no EXISTS; write Id IN (SELECT AccountId FROM Contact)."),
    Rule(r"\w\s*\(\s*", r"SELECT\b", "", "A comma is missing before the subquery."),
    # conditions
    Rule("", r"IS(\s+NOT)?\s+NULL\b", "", "Write = null or != null."),
    Rule("", r"BETWEEN\b", "", "SOQL has no BETWEEN; write Amount >= 10 AND Amount <= 20."),
    Rule(r"\b(AND|OR)\s+", r"NOT\b", "", NOT_ALONE),
    Rule(r"NOT\s+", r"LIKE\b", "", "NOT stands before the field: (NOT Name LIKE 'A%')."),
    Rule(
        "",
        r"(ILIKE|CONTAINS|STARTS|ENDS|MATCHES|RLIKE|REGEXP)\b",
        "operator",
        "Write LIKE '%text%'; case is ignored.",
    ),
    Rule(r"=\s*", r"=", "", "Equality is written with one =."),
    Rule(r"=\s*", r"[<>]", "", "The order of the signs is <= and >=."),
    Rule(r"[=<>]\s*", r"\(", _A_VALUE, "A list or a subquery stands behind IN or NOT IN."),
    Rule(r"\b(IN|INCLUDES|EXCLUDES)\s*", r"['\w]", r"'\('", "A list stands in parentheses: ('a', 'b')."),
    Rule(r"\b(IN|INCLUDES|EXCLUDES)\s*\(\s*", r"\)", _A_VALUE, "A list needs at least one value."),
    Rule(r",\s*", r"\)", "", "There is a comma too many before the parenthesis."),
    # values
    Rule(r"\d{4}-\d\d-\d\d\s+", r"\d\d:", "", "A date and time is written 2024-01-31T10:00:00Z."),
    Rule(r"\d", r"[-/.]\d|/", "", "A date is written 2024-01-31."),
    Rule(r"[=<>]\s*-?\d+", r",\s*\d", "", "A number has no thousands separators: 1000.5."),
    Rule("", r"\w+\s*:\s*\d", _A_VALUE, "Relative dates are LAST_N_DAYS:30, NEXT_N_WEEKS:2, N_MONTHS_AGO:3 …"),
    Rule("", r"(LAST|NEXT)_N_\w+|N_\w+_AGO\b", _A_VALUE, "{word} takes a number: {word}:30."),
    Rule("", r"[A-Za-z]\w*\s*\(", _A_VALUE, "A function stands on the left of a comparison, a value on the right."),
    Rule(r"\d", r"e[-+]?\d", "", "A number is written without an exponent: 1000."),
    Rule("", r"%", _A_VALUE, "A pattern stands in single quotes: '%Acme%'."),
    Rule(
        "",
        rf"(?!{_KEYWORD})[A-Za-z]",
        _A_VALUE,
        "Text stands in single quotes: '{word}'; a field is not compared with a field.",
    ),
    Rule(
        "",
        r"[-+*/%^|&~]",
        "FROM|operator|AND",
        "SOQL does not compute; a formula field does, or pandas afterwards.",
    ),
    # clauses
    Rule(
        "",
        r"((INNER|LEFT|RIGHT|FULL|CROSS|OUTER)\s+)*JOIN\b",
        "",
        "SOQL has no JOIN; take parents by path (Account.Name) and children by subquery: (SELECT Id FROM Contacts).",
    ),
    Rule("", r"(GROUP|ORDER)\b(?!\s+BY\b)", "BY", "{word} is followed by BY."),
    Rule(r"\bLIMIT\s+\d+\s*", r",", "", "Write LIMIT 10 OFFSET 20."),
    Rule("", r"\)", _A_LATER_CLAUSE, "There is one ) too many."),
    Rule("", r"UNION\b", "", "SOQL has no UNION; run two queries and concatenate the DataFrames."),
    Rule(
        "",
        r"(WHERE|WITH|USING|GROUP|HAVING|ORDER|LIMIT)\b",
        _A_LATER_CLAUSE,
        f"The clauses stand in this order: FROM, {', '.join(CLAUSES[:8])}.",
    ),
)

BACKSLASH = r"A backslash is written \\; the escapes are \' \" \n \r \t \b \f \u00e9, and \% \_ behind LIKE."
MIXED = "AND and OR side by side need parentheses, which say what belongs together: (a OR b) AND c."

_COMPILED = [
    (
        re.compile(rf"(?:{rule.before})\Z", re.IGNORECASE),
        re.compile(rf"(?=(?P<word>\w+|.))(?:{rule.here})", re.IGNORECASE),
        re.compile(rule.expected),
        rule.hint,
    )
    for rule in RULES
]


def advice(text: str, pos: int, expected: Sequence[str]) -> str | None:
    """The hint for an error at ``pos`` of ``text``, where one of ``expected`` was looked for; None if none fits."""
    before = text[max(0, pos - WINDOW) : pos]
    wanted = " ".join(expected)
    for behind, here, expecting, hint in _COMPILED:
        found = here.match(text, pos)
        if found and expecting.search(wanted) and behind.search(before):
            return hint.format(word=found["word"], code=f"U+{ord(found['word'][0]):04X}")
    return None


def in_short(expected: Sequence[str]) -> tuple[str, ...]:
    """``expected``, with a row of clauses that may follow told by the commonest of them."""
    clauses = [words for words in expected if words in CLAUSES]
    if len(clauses) < 3:
        return tuple(expected)
    example = next((words for words in ("WHERE", "ORDER BY") if words in clauses), clauses[0])
    return (*(words for words in expected if words not in CLAUSES), f"a clause such as {example}")
