"""``%%soql`` and ``%soql`` in a real shell, against an org that notes what it is asked."""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import sfdata
from sfdata.errors import (
    BindError,
    ConfigurationError,
    InvalidField,
    MissingCredentials,
    ResultTruncated,
    SoqlSyntaxError,
)
from sfdata.frames.batch import Batch, Linked
from sfdata.resilience.hooks import EngineChosen, RowsRead

QUERY = "SELECT Name FROM Account"


def test_a_named_result_is_assigned_and_announced(notebook: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """With a name, the frame goes into that variable, and one line says how large it is."""
    result = notebook.run(f"%%soql accounts\n{QUERY}")
    assert result.success
    assert result.result is None
    assert list(notebook["accounts"]["Name"]) == ["Acme", "Globex", "Initech"]
    assert capsys.readouterr().out.splitlines()[-1] == "3 rows × 2 columns → accounts"


def test_child_rows_are_announced(notebook: Any, org: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Rows of a child subquery stand in no column, so a line says how many came and what gives them."""
    contacts = Linked(np.array([0, 0]), Batch(pa.table({"AccountId": ["001", "001"], "LastName": ["Ibsen", "Carter"]})))
    org.answer = lambda: Batch(pa.table({"Name": ["Acme"]}), {"Contacts": contacts}).to_frame({})
    notebook.run(f"%%soql found\n{QUERY}")
    told = capsys.readouterr().out.splitlines()[-1]
    assert told == '2 rows of Contacts → sfdata.children(found, "Contacts")'
    assert list(sfdata.children(notebook["found"], "Contacts")["LastName"]) == ["Ibsen", "Carter"]


def test_large_and_small_counts_read_well(notebook: Any, org: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Thousands are separated, and one of a kind is no plural."""
    org.answer = lambda: pd.DataFrame({"Id": range(1204)})
    notebook.run(f"%%soql many\n{QUERY}")
    org.answer = lambda: pd.DataFrame({"Id": [1], "Name": ["x"]})
    notebook.run(f"%%soql one\n{QUERY}")
    assert capsys.readouterr().out.splitlines()[1:] == ["1,204 rows × 1 column → many", "1 row × 2 columns → one"]


def test_without_a_name_the_frame_is_the_cells_result(notebook: Any, org: Any) -> None:
    """A result without a name is what the cell returns, so that ``_`` and ``Out`` hold it."""
    result = notebook.run(f"%%soql\n{QUERY}")
    assert list(result.result["Name"]) == ["Acme", "Globex", "Initech"]
    assert org.asked[0][0] == QUERY


def test_binds_come_from_the_notebook(notebook: Any, org: Any) -> None:
    """``:name`` is the notebook's variable, written as a literal of its type, a frame's column by its name."""
    notebook["owners"] = pd.DataFrame({"Id": ["005A", "005B"]})
    notebook["text"] = "O'Neil"
    notebook.run("%%soql\nSELECT Name FROM Account WHERE Name = :text AND OwnerId IN :owners.Id")
    assert org.asked[0][0] == "SELECT Name FROM Account WHERE Name = 'O\\'Neil' AND OwnerId IN ('005A', '005B')"


def test_params_come_before_the_notebook(notebook: Any, org: Any) -> None:
    """A name in ``--params`` hides the notebook's variable of that name; others are still found."""
    notebook["size"], notebook["kind"], notebook["values"] = 1, "Customer", {"size": 99}
    notebook.run("%%soql -p values\nSELECT Id FROM Account WHERE NumberOfEmployees > :size AND Type = :kind")
    assert org.asked[0][0] == "SELECT Id FROM Account WHERE NumberOfEmployees > 99 AND Type = 'Customer'"


@pytest.mark.parametrize("cell", ["%%soql --params missing\n", "%%soql --params number\n"])
def test_params_must_name_a_mapping(notebook: Any, org: Any, cell: str) -> None:
    """``--params`` takes the name of a variable that holds a mapping, and nothing else."""
    notebook["number"] = 7
    assert isinstance(notebook.run(cell + QUERY).error_in_exec, ConfigurationError)
    assert org.asked == []


@pytest.mark.catalogue("S23")
def test_nothing_on_the_option_line_is_expanded(notebook: Any, org: Any) -> None:
    """IPython's ``{…}`` and ``$…`` are not put into a query: only ``:name`` is, and that as a literal."""
    notebook["x"] = "' OR Name != '"
    notebook.run("%soql SELECT Id FROM Account WHERE Name = '{x}' OR Name = '$x'")
    assert org.asked[0][0] == "SELECT Id FROM Account WHERE Name = '{x}' OR Name = '$x'"


def test_a_line_keeps_the_querys_own_quoting(notebook: Any, org: Any) -> None:
    """Behind the options, the line form's query is left as it was typed: blanks, escapes and quotes."""
    notebook.run(r"frame = %soql --max-rows 2 SELECT Name FROM Account WHERE Name = 'O\'Neil  x'")
    assert org.asked[0][0] == r"SELECT Name FROM Account WHERE Name = 'O\'Neil  x'"
    assert list(notebook["frame"]["Name"]) == ["Acme", "Globex"]


def test_a_line_in_a_function_sees_its_variables(notebook: Any, org: Any) -> None:
    """In a function, ``%soql`` binds the function's own variables."""
    notebook.run(
        "def find(who):\n    return get_ipython().run_line_magic('soql', 'SELECT Id FROM User WHERE Id = :who')"
    )
    notebook.run("find('005X')")
    assert org.asked[0][0] == "SELECT Id FROM User WHERE Id = '005X'"


def test_options_reach_the_query(notebook: Any, org: Any) -> None:
    """Each option arrives where the Python API takes it."""
    notebook.run(
        "%%soql deals --dtype-backend pyarrow --index Name --max-rows 9 --max-memory 2GiB"
        f" --engine bulk --parallel 4 --all-rows\n{QUERY}"
    )
    read = {"dtype_backend": "pyarrow", "index_col": "Name", "max_rows": 9, "max_memory": "2GiB"}
    assert org.asked == [(QUERY, read)]
    assert org.options == [{"all_rows": True, "engine": "bulk", "parallel": 4}]


def test_without_options_the_query_decides(notebook: Any, org: Any) -> None:
    """What is not said is left as the Python API has it."""
    notebook.run(f"%%soql deals\n{QUERY}")
    assert set(org.asked[0][1].values()) == {None}
    assert org.options == [{"all_rows": False, "engine": "auto", "parallel": 1}]


def test_a_cut_result_says_so(notebook: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """When ``--max-rows`` leaves rows out, a line on standard error says how many there are."""
    notebook.run(f"%%soql few --max-rows 2\n{QUERY}")
    assert capsys.readouterr().err == "showing 2 of 3 rows (--max-rows 2)\n"
    notebook.run(f"%%soql all_of_them --max-rows 3\n{QUERY}")
    assert capsys.readouterr().err == ""


def test_a_result_cut_by_its_size_says_so_once(notebook: Any, org: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """``--max-memory`` is named where it was the bound; the warning that Python code would get is not shown beside."""

    def cut() -> pd.DataFrame:
        warnings.warn(ResultTruncated("the first 1 of 3 rows are all that was read"), stacklevel=1)
        frame = pd.DataFrame({"Name": ["Acme"]})
        frame.attrs["sfdata"] = {"truncated": {"rows": 1, "total": 3, "bound": "max_memory"}}
        return frame

    org.answer = cut
    notebook.run(f"%%soql few --max-memory 1kB\n{QUERY}")
    assert capsys.readouterr().err == "showing 1 of 3 rows (--max-memory 1kB)\n"


@pytest.mark.parametrize("ending", [None, InvalidField("no such column")])
def test_a_change_of_the_engine_is_told(
    notebook: Any, org: Any, capsys: pytest.CaptureFixture[str], ending: Exception | None
) -> None:
    """One line says that a job took over, or REST again, and why, also where the read fails then; but not quietly."""

    def switch() -> pd.DataFrame:
        org.hooks(EngineChosen("bulk", "900,000 rows are more than 100 pages hold"))
        org.hooks(EngineChosen("rest", "Bulk refuses the query: no \x1b[2J"))
        if ending is not None:
            raise ending
        return pd.DataFrame({"Name": ["Acme"]})

    org.answer = switch
    notebook.run("%sf connect")
    capsys.readouterr()
    notebook.run(f"%%soql few\n{QUERY}")
    assert capsys.readouterr().out.splitlines()[:2] == [
        "a Bulk job took over: 900,000 rows are more than 100 pages hold",
        "REST took over: Bulk refuses the query: no ",
    ]
    notebook.run(f"%%soql few --quiet\n{QUERY}")
    assert "took over" not in capsys.readouterr().out


def test_progress_can_be_asked_for(
    notebook: Any, org: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """``--progress`` tells a log how far the read is; without it, what nobody watches stays silent."""
    monkeypatch.setattr("sfdata.notebook.progress.FIRST_SHOWN_SECONDS", 0.02)

    def read() -> pd.DataFrame:
        org.hooks(RowsRead(2_000, 12_345, False))
        time.sleep(0.1)
        return pd.DataFrame({"Name": ["Acme"]})

    org.answer = read
    notebook.run(f"%%soql few\n{QUERY}")
    assert capsys.readouterr().err == ""
    notebook.run(f"%%soql few --progress\n{QUERY}")
    assert capsys.readouterr().err == "2,000 of 12,345 rows, 0 s\n"


def test_quiet_says_nothing(notebook: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """``--quiet`` assigns without a line, and shows no frame."""
    notebook.run("%sf connect local")
    capsys.readouterr()
    result = notebook.run(f"%%soql accounts --quiet\n{QUERY}")
    assert (result.result, *capsys.readouterr()) == (None, "", "")
    assert len(notebook["accounts"]) == 3
    assert notebook.run(f"%%soql --no-display\n{QUERY}").result is None


@pytest.mark.parametrize("body", [f"{QUERY};", f"    {QUERY}\n  ORDER BY Name ;\n", "SELECT Id FROM User\n;"])
def test_a_semicolon_hides_the_frame(notebook: Any, org: Any, capsys: pytest.CaptureFixture[str], body: str) -> None:
    """A semicolon at a cell's end hides the result, says so, and is not sent; odd indentation does no harm."""
    result = notebook.run(f"%%soql\n{body}")
    assert result.success
    assert result.result is None
    assert ";" not in org.asked[0][0]
    assert "3 rows × 2 columns, not shown because of the semicolon" in capsys.readouterr().out


def test_a_semicolon_on_a_line_does_not_lose_the_result(notebook: Any) -> None:
    """``x = %soql …;`` still assigns."""
    notebook.run(f"x = %soql {QUERY};")
    assert len(notebook["x"]) == 3


def test_a_dry_run_reads_no_rows(notebook: Any, org: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """``--dry-run`` shows the rendered query and what it would cost, and leaves the variable alone."""
    notebook["size"] = 5
    result = notebook.run("%%soql accounts --dry-run\nSELECT Id FROM Account WHERE NumberOfEmployees > :size")
    assert result.success
    assert org.asked == []
    assert "accounts" not in notebook
    assert capsys.readouterr().out.splitlines()[1:] == [
        "SELECT Id FROM Account WHERE NumberOfEmployees > 5",
        "3 rows",
        "→ rest  1 API call: one page",
        "  bulk  about 11 API calls: a job",
        "0.10% of the org's 1,000 API calls a day; 900 are left",
        "plan: TableScan on Account, relative cost 2.5",
        "found out with 3 API calls",
    ]
    notebook.run(f"%%soql --dry-run --max-rows 2\n{QUERY}")
    assert "2 rows" in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        ("%%soql\nSELECT FROM Account", SoqlSyntaxError),
        ("%soql SELCT Id FROM Account", SoqlSyntaxError),
        ("%%soql\nSELECT Id FROM Account WHERE Name = :nowhere", BindError),
        ("%%soql 2big\nSELECT Id FROM Account", ConfigurationError),
        ("%%soql class\nSELECT Id FROM Account", ConfigurationError),
        ("%%soql a.b\nSELECT Id FROM Account", ConfigurationError),
        ("%%soql --no-such-option\nSELECT Id FROM Account", ConfigurationError),
        ("%%soql --max-rows many\nSELECT Id FROM Account", ConfigurationError),
        ("%%soql --max-rows 0\nSELECT Id FROM Account", ConfigurationError),
        ("%%soql --parallel 0\nSELECT Id FROM Account", ConfigurationError),
        ("%%soql --engine soap\nSELECT Id FROM Account", ConfigurationError),
        ("%%soql --org 'prod\nSELECT Id FROM Account", ConfigurationError),
        ("%%soql SELECT Id\nFROM Account", ConfigurationError),
        ("%soql", ConfigurationError),
        ("%%soql\n;\n", ConfigurationError),
    ],
)
def test_mistakes_are_errors_of_the_cell(notebook: Any, org: Any, cell: str, problem: type[Exception]) -> None:
    """A mistake in the cell raises one of sfdata's own errors (never a silent UsageError) before anything is read."""
    assert type(notebook.run(cell).error_in_exec) is problem
    assert org.asked == []


def test_a_failed_query_leaves_the_variable_alone(notebook: Any, org: Any) -> None:
    """What a variable held before a failing query, it holds after it."""
    notebook["accounts"] = before = object()

    def refuse() -> pd.DataFrame:
        raise InvalidField("no such column", error_code="INVALID_FIELD", status=400)

    org.answer = refuse
    assert isinstance(notebook.run(f"%%soql accounts\n{QUERY}").error_in_exec, InvalidField)
    assert notebook["accounts"] is before


def test_an_interrupt_is_one_line_and_harmless(notebook: Any, org: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """After an interrupt the variable is as it was, one line says so, and the next query works."""

    def interrupt() -> pd.DataFrame:
        raise KeyboardInterrupt

    healthy, org.answer = org.answer, interrupt
    notebook.run("%sf connect")
    capsys.readouterr()
    result = notebook.run(f"%%soql accounts\n{QUERY}")
    assert type(result.error_in_exec) is KeyboardInterrupt
    assert capsys.readouterr().out.strip() == "interrupted: nothing was assigned"
    assert "accounts" not in notebook
    org.answer = healthy
    assert notebook.run(f"%%soql accounts\n{QUERY}").success


def test_help_shows_the_options_and_an_example(notebook: Any) -> None:
    """``%%soql?`` lists every option and a query to copy."""
    text = notebook.shell.object_inspect("%%soql")["docstring"]
    for word in ("--org", "--params", "--engine", "--max-rows", "--dry-run", "--index", "WHERE StageName IN :stages"):
        assert word in text


def test_org_takes_a_connection_a_profile_or_a_variable(notebook: Any) -> None:
    """``--org`` finds a variable that holds an Org first, then connects by name, once."""
    notebook["mine"] = mine = type(notebook.orgs["prod"])("mine")
    notebook["prod"] = "not an org"
    for name in ("mine", "prod", "prod"):
        assert notebook.run(f"%%soql --org {name}\n{QUERY}").success
    assert (len(mine.asked), len(notebook.orgs["prod"].asked)) == (1, 2)
    assert notebook.opened == ["prod"]


def test_org_does_not_change_the_current_org(notebook: Any) -> None:
    """A query that names its org leaves later ones where they went before."""
    notebook.run("%sf connect local")
    notebook.run(f"%%soql --org prod\n{QUERY}")
    notebook.run(f"%%soql\n{QUERY}")
    assert len(notebook.orgs["local"].asked) == 1


def test_without_a_connection_the_environment_decides(notebook: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """The first query connects by the environment, and one line says to which org."""
    notebook.run(f"%%soql a\n{QUERY}")
    notebook.run(f"%%soql b\n{QUERY}")
    assert notebook.opened == [None]
    first = capsys.readouterr().out.splitlines()[0]
    assert first == "Connected to acme at acme.example.com, API 67.0 (the environment)"


def test_no_connection_at_all_names_the_next_step(notebook: Any) -> None:
    """Where nothing says who logs in, the error names ``%sf connect local``, and an Org that lies at hand."""
    del notebook.orgs[None]
    notebook["my_org"] = notebook.orgs["prod"]
    error = notebook.run(f"%%soql\n{QUERY}").error_in_exec
    assert isinstance(error, MissingCredentials)
    assert "%sf connect local" in (error.hint or "")
    assert "%sf use my_org" in (error.hint or "")


@pytest.mark.catalogue("S6")
@pytest.mark.parametrize(
    "options",
    [
        "--org 00D5g000004xyzA!AQEAQ.abcdefghijklmnop",
        "--org eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiIzTVZHIn0.c2ln",
        "--token=abc",
        "--client-secret abc",
        "password=hunter2",
    ],
)
def test_a_secret_is_refused_and_not_repeated(notebook: Any, options: str) -> None:
    """A line that looks as if it held a secret is refused in words that do not repeat it."""
    for line in (f"%%soql {options}\n{QUERY}", f"%sf connect {options}"):
        error = notebook.run(line).error_in_exec
        assert isinstance(error, ConfigurationError)
        assert "history" in (error.hint or "")
        assert options.split("=")[-1].split()[-1] not in str(error)
    assert notebook.opened == []


def test_ordinary_text_is_no_secret(notebook: Any) -> None:
    """Ids and words like *token* in a query are nobody's secret."""
    notebook.run("x = %soql SELECT Id FROM Account WHERE Id = '00D5g000004xyzA' AND Token__c = 'a'")
    assert "x" in notebook
