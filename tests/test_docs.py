from __future__ import annotations

import re
from pathlib import Path

import pytest

import sfdata
from sfdata.config import SETTINGS
from sfdata.frames import dtypes

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("block", PYTHON, ids=[block.splitlines()[0] for block in PYTHON])
def test_readme_code_runs(block, monkeypatch, tmp_path):
    """Every Python block of the README runs as it stands; what it keeps on disk goes into a folder of the test's."""
    monkeypatch.setenv("SFDATA_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    try:
        exec(compile(block, "README.md", "exec"), names)
    finally:
        for value in names.values():
            if isinstance(value, sfdata.Org):
                value.close()


def test_readme_shows_a_real_price(capsys):
    """What the README prints of a query's cost is what its code prints, save the calls that others have made."""
    section = README.split("## What will it cost?")[1]
    code, shown = re.findall(r"```python\n(.*?)```\n```\n(.*?)```", section, re.DOTALL)[0]
    names: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), names)
    names["org"].close()
    left = re.compile(r"[\d,]+ are left")
    assert left.sub("", capsys.readouterr().out) == left.sub("", shown)


def test_readme_shows_a_real_push(capsys, monkeypatch, tmp_path):
    """What the README prints of a push is what its code prints, save the Ids, which are new each time."""
    monkeypatch.setenv("SFDATA_HOME", str(tmp_path))
    code, shown = re.findall(r"```python\n(.*?)```\n```\n(.*?)```", README.split("## Writing")[1], re.DOTALL)[0]
    names: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), names)
    names["org"].close()
    ids = re.compile(r"push-\w{12}|750\w{15}")
    assert ids.sub("", capsys.readouterr().out) == ids.sub("", shown)


def test_readme_shows_a_real_plan(capsys, monkeypatch, tmp_path):
    """What the README prints of a plan is what its code prints, and its undoing does what the comment says."""
    monkeypatch.setenv("SFDATA_HOME", str(tmp_path))
    section = README.split("## Plan a change, and undo it")[1]
    code, shown = re.findall(r"```python\n(.*?)```\n```\n(.*?)```", section, re.DOTALL)[0]
    names: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), names)
    names["org"].close()
    assert capsys.readouterr().out == shown
    assert names["undone"].counts == {"restored": 2, "deleted": 1}


def test_readme_lists_every_setting():
    """The README's table of variables is the list the code reads, no more and no less."""
    assert set(re.findall(r"`(SF_\w+)`(?=[^|]*\|)", README.split("## Logging in")[1])) >= {
        f"SF_{name.upper()}" for name in SETTINGS
    }
    assert set(re.findall(r"`(SF_[A-Z_]+)`", README)) <= {f"SF_{name.upper()}" for name in SETTINGS}


def test_readme_dtypes_are_the_codes():
    """The README's table of dtypes says what to_pandas gives."""
    table = dict(re.findall(r"^\| (\w+)[^|]* \| `([^`]+)` \|", README, re.MULTILINE))
    for name, kind in {"int": dtypes.INTEGER, "double": dtypes.NUMBER, "boolean": dtypes.BOOLEAN, "date": dtypes.DATE,
                       "datetime": dtypes.DATETIME, "time": dtypes.TIME, "text": dtypes.TEXT}.items():  # fmt: skip
        import pyarrow as pa

        frame = dtypes.to_pandas(pa.table({"x": pa.array([None], kind.arrow)}))
        assert table[name] == str(frame["x"].dtype)


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"])
def test_links_lead_somewhere(page):
    """Every file a page links to or shows exists."""
    goals = re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / page).read_text(encoding="utf-8"))
    assert [goal for goal in goals if not (ROOT / goal).exists()] == []


def test_contributing_knows_the_modules_it_names():
    """Every module CONTRIBUTING sends a reader to exists."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    package = Path(sfdata.__file__).parent
    for name in re.findall(r"`((?:\w+/)+\w+)(?:\.py)?`", text):
        assert any(path.exists() for base in (package, ROOT) for path in (base / name, base / f"{name}.py")), name


def test_no_module_outgrows_its_limit():
    """A module is read in one sitting: none has more than 450 lines."""
    sizes = {path: path.read_text(encoding="utf-8").count("\n") for path in (ROOT / "sfdata").rglob("*.py")}
    assert {str(path): lines for path, lines in sizes.items() if lines > 450} == {}
