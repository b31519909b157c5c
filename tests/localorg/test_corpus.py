"""SOQL as people write it, over a small CRM: ``corpus/*.soql`` says what each query must answer about ``corpus/rows``.

A case is a line ``query ⇒ answer``. The answer was worked out by hand, or is worked out here by pandas over the same
rows, which knows nothing of the engine:

    ["Acme", "Dup Inc"]            rows; one of several fields is the list of its values, as are parents and children
    # 5                            the count of SELECT COUNT()
    ! INVALID_FIELD on entity X    a refusal: its code, and what its message ends with
    pandas: account.Name           what `frames` makes of the expression, numbers compared as numbers

Without an ORDER BY the rows come in any order. ``{A01}`` is the Id of that row, ``{A01:15}`` its short form; Ids in
answers are named the same way. A query that ends with ``ALL ROWS``, which REST does not take, is one for ``queryAll``.
A line ``@ U1 2024-03-01T04:30:00Z fiscal 1`` says who asks from there on, when, and
in which month fiscal years start (``named by start`` for those called after the year they start in).
"""

from __future__ import annotations

import csv
import datetime as dt
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sfdata.localorg.answers import ApiError
from sfdata.localorg.engine import QueryEngine
from sfdata.localorg.ids import make_id
from sfdata.localorg.objects import standard_schema
from sfdata.localorg.schema import NUMBER_TYPES, SObject
from sfdata.localorg.store import Store

CORPUS = Path(__file__).parent / "corpus"
SETTING = re.compile(r"@ (?P<user>\w+) (?P<now>\S+) fiscal (?P<month>\d+)(?P<by_start> named by start)?")
ORGANIZATION = "ORG"


@dataclass(frozen=True, slots=True)
class Setting:
    """Who asks, when, and how the org counts fiscal years."""

    user: str
    now: dt.datetime
    fiscal_month: int
    named_by_start: bool

    @classmethod
    def read(cls, line: str) -> Setting:
        parts = SETTING.fullmatch(line)
        assert parts is not None, line
        return cls(parts["user"], dt.datetime.fromisoformat(parts["now"]), int(parts["month"]), bool(parts["by_start"]))


@dataclass(frozen=True, slots=True)
class Case:
    query: str
    answer: str
    setting: Setting

    @property
    def ordered(self) -> bool:
        """Whether the outermost query says in which order rows come."""
        outermost, inner = re.sub(r"'(\\.|[^'\\])*'", "", self.query), ""
        while inner != outermost:
            inner, outermost = outermost, re.sub(r"\([^()]*\)", "", outermost)
        return "ORDER BY" in outermost.upper()


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of one object as its file has them, Ids by their short names."""

    sobject: SObject
    columns: list[str]
    values: list[list[Any]]

    @classmethod
    def read(cls, path: Path) -> Rows:
        sobject = standard_schema().object(path.stem)
        assert sobject is not None, path.stem
        with path.open(encoding="utf-8", newline="") as file:
            columns, *lines = csv.reader(file)
        kinds = [found.type for name in columns if (found := sobject.field(name))]
        return cls(sobject, columns, [[value_of(*cell) for cell in zip(kinds, line, strict=True)] for line in lines])

    def frame(self) -> pd.DataFrame:
        """Numbers are numpy's, so that null is NaN: unequal to all, and neither above nor below anything."""
        found = pd.DataFrame(self.values, columns=self.columns)
        for name in self.columns:
            kind = self.sobject.field(name)
            if kind is not None and kind.type != "boolean":
                found[name] = found[name].astype("float64" if kind.type in NUMBER_TYPES else "str")
        return found


def value_of(kind: str, text: str) -> Any:
    if kind == "boolean":
        return text == "true"
    if text and kind in NUMBER_TYPES:
        return int(text) if kind in ("int", "long") else float(text)
    return text or None


@dataclass(slots=True)
class Crm:
    """The engine over the rows of the corpus, at the time and for the user that a case asks for."""

    tables: list[Rows]
    ids: dict[str, str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    now: dt.datetime = dt.datetime.max
    store: Store = field(default_factory=lambda: Store(standard_schema()))
    engine: QueryEngine = field(init=False)

    def __post_init__(self) -> None:
        for table in self.tables:
            for number, row in enumerate(table.values, 1):
                self.ids[row[0]] = make_id(table.sobject.key_prefix or "", number)
        self.names = {record_id: name for name, record_id in self.ids.items()}
        for table in self.tables:
            references = {f.name for f in table.sobject.fields if f.type in ("id", "reference")}
            stored = [
                [self.ids.get(v, v) if c in references else v for c, v in zip(table.columns, row, strict=True)]
                for row in table.values
            ]
            self.store.bulk_load(table.sobject, table.columns, stored)
        self.engine = QueryEngine(self.store, clock=lambda: self.now)

    def ask(self, case: Case) -> dict[str, Any]:
        organization = standard_schema().object("Organization")
        assert organization is not None
        fiscal = {
            "FiscalYearStartMonth": case.setting.fiscal_month,
            "UsesStartDateAsFiscalYearName": case.setting.named_by_start,
        }
        self.store.update(organization, self.ids[ORGANIZATION], fiscal)
        self.now = case.setting.now
        query = re.sub(r"\{(\w+?)(:15)?\}", lambda m: self.ids[m[1]][: 15 if m[2] else 18], case.query)
        asked, user = query.removesuffix(" ALL ROWS"), self.ids[case.setting.user]
        found = self.engine.query(asked, base="", user_id=user, include_deleted=asked != query)
        answer: dict[str, Any] = json.loads(found)
        return answer

    def compact(self, value: Any) -> Any:
        """A record as the list of its values, a single value by itself; Ids by name."""
        if isinstance(value, dict):
            if "records" in value:
                return [self.compact(record) for record in value["records"]]
            values = [self.compact(inner) for key, inner in value.items() if key != "attributes"]
            return values[0] if len(values) == 1 else values
        return self.names.get(value, value) if isinstance(value, str) else value


def frames(tables: list[Rows]) -> dict[str, Any]:
    """What pandas expressions see: a frame for each object (``account``), without deleted rows (``deleted.account``).

    ``of(keys, frame, column)`` looks parents up; ``rows(series …)`` puts columns of several frames side by side.
    """
    everything = {table.sobject.name.lower(): table.frame() for table in tables}
    whole = {name: frame.assign(IsDeleted=frame.get("IsDeleted", False)) for name, frame in everything.items()}
    alive = {name: frame[~frame.IsDeleted].reset_index(drop=True) for name, frame in whole.items()}
    deleted = SimpleNamespace(**{name: frame[frame.IsDeleted] for name, frame in whole.items()})

    def of(keys: pd.Series[Any], frame: pd.DataFrame, column: str) -> Any:
        return keys.map(frame.set_index("Id")[column])

    def rows(*columns: Any) -> list[list[Any]]:
        return [list(values) for values in zip(*columns, strict=True)]

    return {**alive, "deleted": deleted, "of": of, "rows": rows, "listed": listed, "pd": pd}


def listed(found: Any) -> Any:
    """What a pandas expression found, as rows."""
    if isinstance(found, pd.DataFrame):
        return found.to_numpy(dtype=object).tolist()
    return found.tolist() if isinstance(found, pd.Series | np.ndarray | pd.Index) else found


def loose(value: Any) -> Any:
    """A value without the difference between 1 and 1.0, or between NaN and null."""
    if isinstance(value, list | tuple):
        return [loose(inner) for inner in value]
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if isinstance(value, int | float | np.number):
        return None if np.isnan(value) else round(float(value), 6)
    return value


def corpus() -> Iterator[Any]:
    for path in sorted(CORPUS.glob("*.soql")):
        setting: Setting | None = None
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if line.startswith("@"):
                setting = Setting.read(line)
            elif line and not line.startswith("#"):
                query, arrow, answer = line.partition(" ⇒ ")
                assert arrow, f"{path.stem}:{number} has no answer"
                assert setting is not None, f"{path.stem}:{number} comes before the first @"
                yield pytest.param(Case(query, answer, setting), id=f"{path.stem}:{number}")


@pytest.fixture(scope="module")
def tables() -> list[Rows]:
    return [Rows.read(path) for path in sorted((CORPUS / "rows").glob("*.csv"))]


@pytest.fixture(scope="module")
def crm(tables: list[Rows]) -> Iterator[Crm]:
    opened = Crm(tables)
    yield opened
    opened.store.close()


@pytest.fixture(scope="module")
def namespace(tables: list[Rows]) -> Mapping[str, Any]:
    return frames(tables)


@pytest.mark.parametrize("case", list(corpus()))
def test_a_question_about_the_crm_is_answered(crm: Crm, namespace: Mapping[str, Any], case: Case) -> None:
    """Rows, counts and refusals are those that a reader of the rows, or pandas, comes to."""
    if case.answer.startswith("! "):
        code, _, ending = case.answer[2:].partition(" ")
        with pytest.raises(ApiError) as refused:
            crm.ask(case)
        assert (refused.value.status, refused.value.error_code) == (400, code), refused.value.message
        assert refused.value.message.endswith(ending)
        return
    found = crm.ask(case)
    answered: Any = crm.compact(found)
    if case.answer.startswith("# "):
        assert (found["totalSize"], answered) == (int(case.answer[2:]), [])
        return
    if case.answer.startswith("pandas: "):
        worked_out = eval(case.answer.removeprefix("pandas: "), dict(namespace))
        expected, answered = loose(listed(worked_out)), loose(answered)
    else:
        expected = json.loads(case.answer)
    assert found["totalSize"] == len(expected)
    written = [[json.dumps(row, ensure_ascii=False) for row in rows] for rows in (answered, expected)]
    assert written[0] == written[1] if case.ordered else sorted(written[0]) == sorted(written[1])
