"""A real IPython shell with the extension loaded, and an org whose answers a test decides."""

from __future__ import annotations

import atexit
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import pytest
from IPython.core.interactiveshell import ExecutionResult, InteractiveShell
from traitlets.config import Config

import sfdata.org
from sfdata.config import ENVIRONMENT
from sfdata.errors import MissingCredentials
from sfdata.metadata import ObjectDescribe
from sfdata.org import Org
from sfdata.resilience.hooks import Hooks
from sfdata.resilience.limits import ApiUsage
from sfdata.soql import bind
from sfdata.transfer.price import Cost, EnginePrice, Plan

ACCOUNTS = pd.DataFrame({"Name": ["Acme", "Globex", "Initech"], "Employees": [10, 20, 30]})


class FakeSoql:
    """A query that notes how it was read and returns what its org is told to return."""

    def __init__(self, org: FakeOrg, text: str) -> None:
        self.text = text
        self.org = org

    def to_pandas(self, *, max_rows: int | None = None, **options: Any) -> pd.DataFrame:
        self.org.asked.append((self.text, {"max_rows": max_rows, **options}))
        frame = self.org.answer()
        if max_rows is not None and len(frame) > max_rows:
            total, frame = len(frame), frame.head(max_rows)
            frame.attrs["sfdata"] = {"truncated": {"rows": max_rows, "total": total, "bound": "max_rows"}}
        return frame

    def cost(self, *, max_rows: int | None = None) -> Cost:
        rows = min(len(self.org.answer()), max_rows or 3)
        engines = EnginePrice("rest", 1, "exactly", "one page"), EnginePrice("bulk", 11, "about", "a job")
        plan = Plan("TableScan", "Account", 2.5, rows)
        return Cost(rows, False, engines, "rest", ApiUsage(100, 1_000, 0.0), plan, None, 3)


class FakeOrg(Org):
    """An org without a wire."""

    def __init__(self, name: str = "local", source: str = "a test") -> None:
        self.hooks = Hooks()
        self.source = source
        self.answer: Callable[[], pd.DataFrame] = lambda: ACCOUNTS.copy()
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.options: list[dict[str, Any]] = []
        self.closed = False
        self.name = name

    def soql(self, text: str, params: Mapping[str, Any] | None = None, **options: Any) -> Any:
        self.options.append(options)
        return FakeSoql(self, bind(text, params))

    @property
    def instance_url(self) -> str:
        return f"https://{self.name}.example.com"

    @property
    def api_version(self) -> str:
        return "67.0"

    def describe(self, name: str | None = None) -> Any:
        if name is None:
            return pd.DataFrame({"name": ["Account", "Contact"]})
        fields = [{"name": "Id", "type": "id"}, {"name": "Name", "type": "string"}]
        return ObjectDescribe({"name": name, "fields": fields})

    def limits(self) -> pd.DataFrame:
        return pd.DataFrame({"max": [15_000], "remaining": [14_999]}, index=["DailyApiRequests"])

    def query_jobs(self) -> pd.DataFrame:
        return pd.DataFrame({"id": ["750A"], "state": ["InProgress"]})

    def close(self) -> None:
        self.closed = True


@dataclass
class Notebook:
    """A shell to type into, and the orgs it can connect to."""

    shell: InteractiveShell
    orgs: dict[str | None, FakeOrg] = field(default_factory=dict)
    opened: list[str | None] = field(default_factory=list)
    remembered: list[str | None] = field(default_factory=list)

    def connect(self, name: str | None = None, *, remember: bool = False) -> FakeOrg:
        self.opened.append(name)
        self.remembered += [name] if remember else []
        if name not in self.orgs:
            raise MissingCredentials("nothing says who is logging in")
        return self.orgs[name]

    def run(self, cell: str) -> ExecutionResult:
        return self.shell.run_cell(cell, store_history=True)

    def __getitem__(self, name: str) -> Any:
        return self.shell.user_ns[name]

    def __setitem__(self, name: str, value: object) -> None:
        self.shell.user_ns[name] = value

    def __contains__(self, name: str) -> bool:
        return name in self.shell.user_ns


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    """A fresh shell, with no history file and no colour."""
    InteractiveShell.clear_instance()
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    shell = InteractiveShell.instance(config=config)
    yield shell
    sfdata.unload_ipython_extension(shell)
    shell.atexit_operations()
    atexit.unregister(shell.atexit_operations)
    InteractiveShell.clear_instance()


@pytest.fixture
def notebook(shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> Notebook:
    """The extension loaded, nothing connected; ``connect`` knows ``local``, ``prod`` and the environment's org."""
    sfdata.load_ipython_extension(shell)
    orgs = {"local": FakeOrg("local"), "prod": FakeOrg("prod"), None: FakeOrg("acme", source=ENVIRONMENT)}
    notebook = Notebook(shell, dict(orgs))
    monkeypatch.setattr(sfdata.org, "connect", notebook.connect)
    return notebook


@pytest.fixture
def org(notebook: Notebook) -> FakeOrg:
    """The org that a query without ``--org`` goes to."""
    return notebook.orgs[None]
