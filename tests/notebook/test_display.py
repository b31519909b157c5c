"""Errors as a short block, and text that cannot harm a terminal."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sfdata
from sfdata.error_codes import response_error
from sfdata.errors import ConnectionFailed, InvalidField, LoginRefused, SalesforceError
from sfdata.notebook.display import LONGEST_TEXT, error_block, plain

REFUSAL = "\nSELECT Nmae FROM Account\n       ^\nERROR at Row:1:Column:8\nNo such column 'Nmae' on entity 'Account'."


def test_the_orgs_place_comes_after_its_sentence() -> None:
    """The sentence leads, the org's excerpt with the caret stands below it unmoved, then the hint."""
    error = response_error(400, [{"errorCode": "INVALID_FIELD", "message": REFUSAL}])
    error.hint = "Did you mean Name?"
    assert error_block(error).split("\n") == [
        "InvalidField (INVALID_FIELD): No such column 'Nmae' on entity 'Account'.",
        "    SELECT Nmae FROM Account",
        "           ^",
        "Hint: Did you mean Name?",
    ]


def test_an_excerpt_that_begins_with_blanks_keeps_its_caret_in_place() -> None:
    """The caret stays under the word it points to, also where the org's excerpt begins with a blank."""
    message = "\n FROM Acount LIMIT 1\n      ^\nERROR at Row:1:Column:16\nsObject type 'Acount' is not supported."
    block = error_block(response_error(400, [{"errorCode": "INVALID_TYPE", "message": message}])).split("\n")
    assert block[1].index("Acount") == block[2].index("^")


def test_a_syntax_error_shows_the_line_of_the_cell(notebook: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the query does not parse, the line that is wrong is shown with a caret under the place."""
    notebook.run("%sf connect local")
    capsys.readouterr()
    notebook.run("%%soql accounts\nSELECT Name\nFROM Account\nWHER Name = 'x'\nLIMIT 5")
    block = capsys.readouterr().out.rstrip("\n").split("\n")
    assert block[0].startswith("SoqlSyntaxError: ")
    assert "line 3" in block[0]
    place = block.index("    WHER Name = 'x'")
    assert block[place + 1].strip() == "^"
    assert len(block) <= 4
    notebook.run("%%soql accounts\nSELECT * FROM Account")
    assert capsys.readouterr().out.count("Hint: ") == 1


def test_errors_of_plain_python_are_short_too(notebook: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """With the extension loaded, an error raised by Python code in a cell is shown the same way."""
    notebook["error"] = ConnectionFailed("nobody listens at acme.example.com", hint="Is the address right?")
    result = notebook.run("raise error")
    assert result.error_in_exec is notebook["error"]
    assert capsys.readouterr().out.strip().split("\n") == [
        "ConnectionFailed: nobody listens at acme.example.com",
        "Hint: Is the address right?",
    ]


def test_other_errors_are_left_to_ipython(notebook: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """An exception that is not sfdata's keeps its traceback."""
    notebook.run("1 / 0")
    out = capsys.readouterr().out
    assert "Traceback (most recent call last)" in out
    assert "ZeroDivisionError" in out


def test_one_error_in_full(notebook: Any, org: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """``--traceback`` shows this query's error with its traceback, and no later one's."""

    def refuse() -> None:
        raise InvalidField("no such column", error_code="INVALID_FIELD")

    org.answer = refuse
    notebook.run("%%soql --traceback\nSELECT Nmae FROM Account")
    assert "def refuse" in capsys.readouterr().out
    notebook.run("%%soql\nSELECT Nmae FROM Account")
    assert "def refuse" not in capsys.readouterr().out


@pytest.mark.catalogue("S26")
@pytest.mark.parametrize("switch", ["off", "on"])
def test_an_orgs_text_cannot_steer_the_terminal(notebook: Any, capsys: pytest.CaptureFixture[str], switch: str) -> None:
    """Escape sequences in an org's message reach neither the short nor the full form, nor the error's own text."""
    notebook["error"] = error = LoginRefused("a\x1b]0;owned\x07b\x1b[2Jc\x9b1md\u202ee\x08", error_code="invalid_grant")
    notebook.run(f"%sf traceback {switch}")
    notebook.run("raise error")
    shown = capsys.readouterr().out
    assert "abcde" in shown
    for text in (shown, str(error)):
        assert not set(text) & {"\x1b", "\x07", "\x08", "\x9b", "\u202e"}


@pytest.mark.catalogue("S33")
def test_an_orgs_text_is_bounded(notebook: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A page of HTML in place of an error does not fill the notebook."""
    notebook["error"] = SalesforceError("<html>" * 100_000)
    notebook.run("raise error")
    assert len(capsys.readouterr().out) < LONGEST_TEXT + 100


@pytest.mark.catalogue("S26")
@given(st.text())
def test_plain_text_holds_no_control_character(text: str) -> None:
    """Whatever comes in, only line ends and tabs remain of the control characters."""
    assert not [char for char in plain(text) if (ord(char) < 32 and char not in "\n\t") or 0x7F <= ord(char) < 0xA0]


@given(st.text(st.characters(exclude_categories=["Cc", "Cf"]), max_size=LONGEST_TEXT))
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    """Text without control characters is not touched, in any script."""
    assert plain(text) == text


def test_unloading_gives_the_display_back(notebook: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """After ``%unload_ext`` the magics are gone, the orgs closed, and errors have their traceback again."""
    notebook.run("%sf connect local")
    notebook.shell.extension_manager.loaded.add("sfdata")
    notebook.run("%unload_ext sfdata")
    assert notebook.orgs["local"].closed
    assert notebook.shell.find_line_magic("sf") is None
    assert notebook.shell.find_cell_magic("soql") is None
    notebook["error"] = SalesforceError("x")
    capsys.readouterr()
    notebook.run("raise error")
    assert "Traceback" in capsys.readouterr().out
    sfdata.unload_ipython_extension(notebook.shell)
