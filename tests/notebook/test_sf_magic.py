"""``%sf``: connecting, switching and asking, in a real shell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sfdata.auth import Token
from sfdata.auth.token_store import Kept, TokenStore
from sfdata.auth.vault import Vault
from sfdata.errors import ConfigurationError, InvalidType
from sfdata.secret import Secret


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_connect_announces_the_org(notebook: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """``%sf connect NAME`` says in one line which org, at which host, by whose credentials."""
    assert notebook.run("%sf connect local").result is None
    assert lines(capsys) == ["Connected to local at local.example.com, API 67.0 (a test)"]


def test_connect_asks_again(notebook: Any) -> None:
    """Connecting is done anew each time, so that a corrected profile takes effect; a query by name reuses."""
    notebook.run("%sf connect prod")
    notebook.run("%sf connect prod")
    notebook.run("%%soql --org prod\nSELECT Id FROM Account")
    assert notebook.opened == ["prod", "prod"]


def test_use_switches_between_orgs(notebook: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """``%sf use`` makes a known connection, a new one or a variable's org the current one; ``%sf orgs`` marks it."""
    notebook.run("%sf connect local")
    notebook.run("%sf use prod")
    capsys.readouterr()
    notebook.run("%sf orgs")
    assert [line[:7] for line in lines(capsys)] == ["  local", "* prod "]
    notebook.run("%sf use local")
    assert notebook.opened == ["local", "prod"]
    notebook["mine"] = mine = type(notebook.orgs["prod"])("mine")
    notebook.run("%sf use mine")
    assert notebook.run("%sf org").result is mine


def test_without_connections_orgs_says_how_to_get_one(notebook: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """``%sf orgs`` is never silent."""
    notebook.run("%sf orgs")
    assert "%sf connect local" in lines(capsys)[0]


def test_the_current_org_is_at_hand_for_python(notebook: Any) -> None:
    """``org = %sf org`` gives the connection to Python code."""
    notebook.run("%sf connect prod")
    notebook.run("org = %sf org")
    assert notebook["org"] is notebook.orgs["prod"]


def test_what_an_org_says_of_itself_is_a_frame(notebook: Any) -> None:
    """``%sf describe`` lists objects, ``%sf describe OBJECT`` its fields, ``%sf limits`` and ``%sf jobs`` those."""
    assert list(notebook.run("%sf describe").result["name"]) == ["Account", "Contact"]
    assert list(notebook.run("%sf describe Account").result["name"]) == ["Id", "Name"]
    assert notebook.run("%sf limits").result.loc["DailyApiRequests", "remaining"] == 14_999
    assert list(notebook.run("%sf jobs").result["id"]) == ["750A"]


def test_disconnect_closes_and_forgets(notebook: Any) -> None:
    """A disconnected org is closed and no longer the current one; the next query looks for another."""
    notebook.run("%sf connect local")
    assert notebook.run("%sf disconnect").success
    assert notebook.orgs["local"].closed
    notebook.run("%%soql\nSELECT Id FROM Account")
    assert notebook.opened == ["local", None]
    assert isinstance(notebook.run("%sf disconnect nowhere").error_in_exec, ConfigurationError)


def test_an_org_of_a_variable_is_not_ours_to_close(notebook: Any) -> None:
    """Disconnecting from an org that came from a variable only stops using it."""
    notebook["mine"] = mine = type(notebook.orgs["prod"])("mine")
    notebook.run("%sf use mine")
    assert notebook.run("%sf disconnect").success
    assert not mine.closed
    assert isinstance(notebook.run("%sf disconnect").error_in_exec, ConfigurationError)


def test_a_failed_login_is_no_connection(notebook: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """An org that refuses the login is neither announced nor kept, and the current org stays current."""

    class Refusing(type(notebook.orgs["prod"])):  # type: ignore[misc]
        @property
        def instance_url(self) -> str:
            raise ConfigurationError("no")

    notebook.run("%sf connect local")
    capsys.readouterr()
    notebook.orgs["prod"] = Refusing("prod")
    assert isinstance(notebook.run("%sf connect prod").error_in_exec, ConfigurationError)
    assert "Connected" not in capsys.readouterr().out
    assert notebook.orgs["prod"].closed
    assert notebook.run("%sf org").result is notebook.orgs["local"]


def test_a_login_is_remembered_where_that_is_said(notebook: Any) -> None:
    """``--remember`` before or behind the name keeps the login; without it none is kept."""
    for line in ("%sf connect prod", "%sf connect local --remember", "%sf connect --remember prod"):
        assert notebook.run(line).success
    assert notebook.opened == ["prod", "local", "prod"]
    assert notebook.remembered == ["local", "prod"]


def test_forget_takes_logins_off_this_machine(
    notebook: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """``%sf forget NAME`` removes that login's file, ``%sf forget`` all of them, and each is named."""
    monkeypatch.setenv("SFDATA_HOME", str(tmp_path))
    (tmp_path / "logins").mkdir(mode=0o700)
    key, token = Secret("A" * 43 + "="), Token(access=Secret("00D!x"), instance_url="https://acme.my.salesforce.com")
    for name in ("prod", "dev", "test"):
        file = tmp_path / "logins" / f"{name}.login"
        TokenStore(file, name, Vault(key), name=name, begin=True).save(Kept(token, None, 0.0))
    notebook.run("%sf forget prod")
    assert lines(capsys) == ["Forgot prod"]
    assert {file.name for file in (tmp_path / "logins").iterdir()} == {"dev.login", "test.login"}
    notebook.run("%sf forget")
    notebook.run("%sf forget prod")
    assert lines(capsys) == ["Forgot dev", "Forgot test", "Forgot nothing: no such login is remembered"]
    assert not list((tmp_path / "logins").iterdir())


def test_help_lists_every_command(notebook: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """``%sf``, ``%sf help`` and ``%sf?`` explain each command there is."""
    notebook.run("%sf")
    bare = capsys.readouterr().out
    notebook.run("%sf help")
    assert capsys.readouterr().out == bare
    commands = notebook.shell.magics_manager.registry["SfMagics"].commands
    for text in (bare, notebook.shell.object_inspect("%sf")["docstring"]):
        assert all(f"%sf {name}" in text for name in commands)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("%sf conect local", "Did you mean %sf connect?"),
        ("%sf Limits", "Did you mean %sf limits?"),
        ("%sf sing", "%sf help lists the commands."),
        ("%sf use", "%sf help lists the commands."),
        ("%sf connect a b", "%sf help lists the commands."),
        ("%sf connect prod --forever", "%sf help lists the commands."),
        ("%sf use a b", "%sf help lists the commands."),
        ("%sf limits 3", "%sf help lists the commands."),
        ("%sf traceback perhaps", "takes on or off"),
    ],
)
def test_mistakes_point_to_the_help(notebook: Any, line: str, says: str) -> None:
    """An unknown command, or the wrong arguments, is an error of the cell that says what would be right."""
    error = notebook.run(line).error_in_exec
    assert isinstance(error, ConfigurationError)
    assert says in str(error)


def test_an_interrupt_is_one_line(notebook: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """An interrupted command shows no traceback."""

    def interrupt(name: str | None = None) -> None:
        raise KeyboardInterrupt

    notebook.run("%sf connect local")
    notebook.orgs["local"].describe = interrupt
    capsys.readouterr()
    assert type(notebook.run("%sf describe").error_in_exec) is KeyboardInterrupt
    assert lines(capsys) == ["interrupted"]


def test_traceback_can_be_switched_on(notebook: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Errors are short, until ``%sf traceback on``; ``%sf traceback`` alone shows the last one in full."""

    def refuse(name: str | None = None) -> None:
        raise InvalidType("no such object", error_code="INVALID_TYPE")

    notebook.run("%sf connect local")
    notebook.orgs["local"].describe = refuse
    notebook.run("%sf traceback")
    assert "no error yet" in capsys.readouterr().out
    notebook.run("%sf describe Acount")
    assert "def refuse" not in capsys.readouterr().out
    notebook.run("%sf traceback")
    assert "def refuse" in capsys.readouterr().out
    notebook.run("%sf traceback on")
    notebook.run("%sf describe Acount")
    assert "def refuse" in capsys.readouterr().out
    notebook.run("%sf traceback off")
    notebook.run("%sf describe Acount")
    assert "def refuse" not in capsys.readouterr().out
