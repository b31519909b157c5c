from __future__ import annotations

import subprocess
import sys

import pytest

import sfdata

PUBLIC = {
    "CLEAR",
    "AccessToken",
    "ClientCredentials",
    "JwtBearer",
    "Org",
    "RefreshToken",
    "SalesforceError",
    "Soql",
    "children",
    "connect",
    "escape_like",
    "forget",
    "log_to",
    "lookup",
    "push_result",
    "pushes",
    "read_soql",
    "resume",
}


def test_the_public_names_are_this_list():
    """What sfdata promises is a list that changes on purpose only."""
    assert set(sfdata.__all__) == PUBLIC
    assert len(PUBLIC) <= 20
    assert all(getattr(sfdata, name) is not None for name in PUBLIC)
    assert {name for name in dir(sfdata) if not name.startswith("_")} == PUBLIC | {"errors", "soql"}


def test_an_unknown_name_is_an_attribute_error():
    """A misspelt public name fails as on any module, naming it."""
    with pytest.raises(AttributeError, match="read_sqol"):
        _ = sfdata.read_sqol


def loaded_after(statement: str) -> set[str]:
    """The top-level modules a fresh interpreter has after ``statement``."""
    code = f"import sys\n{statement}\nprint(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


HEAVY = {"pandas", "pyarrow", "httpx", "cryptography", "jwt", "msgspec", "tenacity", "IPython", "sqlite3"}


def test_importing_sfdata_costs_next_to_nothing():
    """import sfdata loads none of its dependencies."""
    assert not loaded_after("import sfdata") & HEAVY


def test_the_client_never_loads_the_local_org():
    """Connecting to and reading from a local org leaves its code out of our process: it is known by its address."""
    statement = (
        "import sfdata\n"
        "with sfdata.connect('local') as org:\n"
        "    assert len(org.query('SELECT Id FROM Account LIMIT 3')) == 3\n"
        "assert not [name for name in sys.modules if name.startswith('sfdata.localorg')]"
    )
    assert "jwt" not in loaded_after(statement)
