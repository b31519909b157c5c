"""The full-text index of each object's text, email, phone and url fields, kept by SQLite's FTS5.

An index is built when its object is searched for the first time, so loading costs nothing. From then on triggers note
the rows that change, and the next search takes them up; rows in the recycle bin are left out. Everything is temporary:
it ends with the connection, never reaches the org's own file, and is undone with the transaction it belongs to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sfdata.localorg.engine.sql import Sql, compose, value
from sfdata.localorg.schema import Field, SObject
from sfdata.localorg.sosl.matching import full_text_query
from sfdata.localorg.sosl.statement import MOST_RECORDS
from sfdata.localorg.sosl.terms import Term
from sfdata.localorg.store import Store
from sfdata.localorg.tables import ROW, alive_condition, quoted

INDEXED_TYPES = frozenset({"string", "textarea", "email", "phone", "url", "combobox"})
MORE_NAMES: Mapping[str, frozenset[str]] = {
    "Account": frozenset({"Website", "Site"}),
    "Asset": frozenset({"SerialNumber"}),
    "Case": frozenset({"SuppliedName", "SuppliedCompany", "Subject"}),
    "Contact": frozenset({"AssistantName"}),
    "Event": frozenset({"Subject"}),
    "Lead": frozenset({"Company"}),
    "Note": frozenset({"Title"}),
    "Task": frozenset({"Subject"}),
    "User": frozenset({"CommunityNickname"}),
}
"""Object: the fields that NAME FIELDS means besides the object's name field.

https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_sosl_in.htm
"""

UNGROUPED = frozenset({"ContentDocument", "ContentVersion", "Document", "Product2", "Solution"})
"""Objects whose fields are all searched, whatever IN says, and which are searched only where RETURNING names them."""

PUNCTUATION = " ()-./+"
NAME_WEIGHT, OTHER_WEIGHT = 10, 1


@dataclass(frozen=True, slots=True)
class SearchIndex:
    """Finds rows of the store's objects. Callers hold the store's lock."""

    store: Store

    def found(self, sobject: SObject, term: Term, group: str) -> Sql | None:
        """SQL for the rows that hold ``term`` in a field of ``group``: ``row`` and ``score``, the lowest the best.

        No more than 2,000. None where no row can hold it.
        """
        fields = indexed_fields(sobject)
        names = _Names(sobject)
        columns = [n for n, f in enumerate(fields) if in_group(sobject, f, group)]
        if not columns:
            return None
        self._refresh(sobject)
        query = full_text_query(term, lambda pattern: self._words_like(names, pattern))
        if query is None:
            return None
        weights = ", ".join(str(NAME_WEIGHT if _is_name(sobject, f) else OTHER_WEIGHT) for f in fields)
        restricted = f"{{{' '.join(f'c{n}' for n in columns)}}} : ({query})"
        statement = (
            f"SELECT rowid AS row, bm25({names.index}, {weights}) AS score FROM temp.{names.index} "  # noqa: S608
            f"WHERE {names.index} MATCH {{}} ORDER BY score, row LIMIT {MOST_RECORDS}"
        )
        return compose(statement, value(restricted))

    def _words_like(self, names: _Names, pattern: str) -> list[str]:
        """The indexed words that a pattern with wildcards matches."""
        start = re.split(r"[*?]", pattern)[0]
        statement = f"SELECT term FROM temp.{names.words} WHERE term >= ? AND term < ? AND term GLOB ?"  # noqa: S608
        found = self.store.connection.execute(statement, (start, f"{start}\U0010ffff", pattern))
        return [word for (word,) in found]

    def _refresh(self, sobject: SObject) -> None:
        """Build the index, or take up the rows that changed since the last search."""
        names = _Names(sobject)
        execute = self.store.connection.execute
        with self.store.transaction():
            if not execute("SELECT 1 FROM sqlite_temp_master WHERE name = ?", (names.plain_index,)).fetchone():
                for statement in _definitions(sobject, names):
                    execute(statement)
                execute(_fill(sobject, names))
            elif execute(f"SELECT 1 FROM temp.{names.changed} LIMIT 1").fetchone():  # noqa: S608
                changed = f"(SELECT row FROM temp.{names.changed})"  # noqa: S608
                execute(f"DELETE FROM temp.{names.index} WHERE rowid IN {changed}")  # noqa: S608
                execute(f"{_fill(sobject, names)} AND {ROW} IN {changed}")
                execute(f"DELETE FROM temp.{names.changed}")  # noqa: S608


def indexed_fields(sobject: SObject) -> list[Field]:
    """The fields whose text can be found."""
    return [f for f in sobject.fields if f.type in INDEXED_TYPES]


def in_group(sobject: SObject, field: Field, group: str) -> bool:
    """Whether ``IN group FIELDS`` means this field."""
    if group == "ALL" or sobject.name in UNGROUPED:
        return True
    if group == "SIDEBAR":
        return field.type != "textarea"
    return _is_name(sobject, field) if group == "NAME" else field.type == group.lower()


def _is_name(sobject: SObject, field: Field) -> bool:
    part_of_name = field.compound == "Name"
    return field.name_field or part_of_name or field.name in MORE_NAMES.get(sobject.name, frozenset())


class _Names:
    """What the tables of an object's index are called, quoted as SQL wants them."""

    def __init__(self, sobject: SObject) -> None:
        self.plain_index = f"{sobject.name}.index"
        self.index = quoted(self.plain_index)
        self.words = quoted(f"{sobject.name}.words")
        self.changed = quoted(f"{sobject.name}.changed")

    def trigger(self, event: str) -> str:
        return quoted(f"{self.plain_index}.{event}")


def _definitions(sobject: SObject, names: _Names) -> Iterator[str]:
    fields = indexed_fields(sobject)
    columns = ", ".join(f"c{n}" for n in range(len(fields)))
    yield (f"CREATE VIRTUAL TABLE temp.{names.index} USING fts5({columns}, tokenize = 'unicode61 remove_diacritics 2')")
    yield f"CREATE VIRTUAL TABLE temp.{names.words} USING fts5vocab(temp, {names.index}, row)"
    yield f"CREATE TABLE temp.{names.changed} (row INTEGER PRIMARY KEY)"
    watched = [f.name for f in (*fields, sobject.field("IsDeleted")) if f is not None]
    of_fields = ", ".join(map(quoted, watched))
    for event, what, version in (
        ("insert", "INSERT", "new"),
        ("update", f"UPDATE OF {of_fields}", "new"),
        ("delete", "DELETE", "old"),
    ):
        yield (
            f"CREATE TEMP TRIGGER {names.trigger(event)} AFTER {what} ON main.{quoted(sobject.name)} "  # noqa: S608
            f"BEGIN INSERT OR IGNORE INTO {names.changed} VALUES ({version}.{ROW}); END"
        )


def _fill(sobject: SObject, names: _Names) -> str:
    fields = indexed_fields(sobject)
    columns = ", ".join(f"c{n}" for n in range(len(fields)))
    texts = ", ".join(_text(f) for f in fields)
    return (
        f"INSERT INTO temp.{names.index} (rowid, {columns}) "  # noqa: S608
        f"SELECT {ROW}, {texts} FROM main.{quoted(sobject.name)} WHERE {alive_condition(sobject)}"
    )


def _text(field: Field) -> str:
    """The text to index: a phone number is found by its groups of digits, by all, the last ten or the last seven."""
    column = quoted(field.name)
    if field.type != "phone":
        return column
    digits = column
    for mark in PUNCTUATION:
        digits = f"replace({digits}, '{mark}', '')"
    return f"{column} || ' ' || {digits} || ' ' || substr({digits}, -10) || ' ' || substr({digits}, -7)"
