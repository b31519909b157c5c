"""Which queries `since` can follow: those whose every change shows in the SystemModstamp of a row of theirs.

The rest is refused, by name and with the reason, since a copy kept up to date by it would silently be wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from sfdata.errors import NotIncremental
from sfdata.metadata import ObjectDescribe
from sfdata.soql.nodes import (
    And,
    Comparison,
    Condition,
    Expression,
    FieldPath,
    FunctionCall,
    Literal,
    Not,
    Or,
    Query,
    RelativeDate,
    Subquery,
    SubqueryMembership,
)

CLAUSES: Sequence[tuple[str, Callable[[Query], object], str]] = (
    ("groups", lambda q: q.is_aggregate or q.having, "a group bears no stamp. Read the rows and group the copy"),
    ("LIMIT", lambda q: q.limit is not None, "which rows it leaves out changes as others come and go"),
    ("OFFSET", lambda q: q.offset is not None, "which rows it leaves out changes as others come and go"),
    (
        "child rows",
        lambda q: any(isinstance(item, Subquery) for item in q.select),
        "a parent is not touched when they change. Query them by themselves",
    ),
    ("USING SCOPE", lambda q: q.scope, "what it covers changes without a row being touched"),
    (
        "WITH",
        lambda q: q.data_categories or q.filter or q.visibility,
        "what it covers changes without a row being touched",
    ),
)
FILTER_THE_COPY = "Leave that condition out, and filter the copy instead."


def refuse_untracked(query: Query) -> None:
    """Refuse what the text of a query shows already.

    Raises:
        NotIncremental: a clause or a condition whose effect no stamp tells.
    """
    for name, present, reason in CLAUSES:
        if present(query):
            raise NotIncremental(f"since() cannot follow a query with {name}: {reason}.")
    own = {query.source.name.casefold(), (query.source.alias or query.source.name).casefold()}
    for term in _terms(query.where):
        if isinstance(term, Query):
            reason = "what a subquery finds changes without the row being touched"
        elif isinstance(term, RelativeDate):
            reason = f"{term} moves on without the row being touched"
        elif isinstance(term, FieldPath) and len(term.parts) > 1 and not _own(term, own):
            reason = f"{term} is of another record, which changes without the row being touched"
        else:
            continue
        raise NotIncremental(f"since() cannot follow a filter like this: {reason}.", hint=FILTER_THE_COPY)


def refuse_untold(query: Query, described: ObjectDescribe) -> None:
    """Refuse what the object's describe shows.

    Raises:
        NotIncremental: the object keeps no account of its changes, or a formula decides which rows there are.
    """
    if described.field("SystemModstamp") is None or not described.get("replicateable"):
        message = f"since() cannot follow {described.name}: the org keeps no account of what changes and goes there."
        raise NotIncremental(message, hint="Read it as a whole each time.")
    formulas = {f["name"].casefold(): f["name"] for f in described["fields"] if f.get("calculatedFormula")}
    for term in _terms(query.where):
        if isinstance(term, FieldPath) and (formula := formulas.get(term.parts[-1].casefold())):
            message = f"since() cannot follow a filter on {formula}: a formula changes without the row being touched."
            raise NotIncremental(message, hint=FILTER_THE_COPY)


def _own(path: FieldPath, names: set[str]) -> bool:
    return len(path.parts) == 2 and path.parts[0].casefold() in names


def _terms(condition: Condition | None) -> Iterator[Expression | Literal | Query]:
    """Whatever a condition compares: fields, values, subqueries."""
    if condition is None:
        return
    if isinstance(condition, And | Or):
        for item in condition.items:
            yield from _terms(item)
    elif isinstance(condition, Not):
        yield from _terms(condition.item)
    else:
        yield from _operands(condition.left)
        if isinstance(condition, SubqueryMembership):
            yield condition.query
        else:
            yield from (condition.right,) if isinstance(condition, Comparison) else condition.values


def _operands(expression: Expression | Literal) -> Iterator[Expression | Literal]:
    if isinstance(expression, FunctionCall):
        for argument in expression.args:
            yield from _operands(argument)
    else:
        yield expression
