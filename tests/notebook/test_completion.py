"""Tab in the magics offers what may stand there, in a real shell's own completer."""

from __future__ import annotations

import threading
from typing import Any

import pandas as pd
import pytest
from IPython.core.completer import provisionalcompleter

import sfdata
from sfdata.errors import InvalidType
from sfdata.metadata import ObjectDescribe

FIELDS = {
    "Account": [
        {"name": "Name", "type": "string"},
        {"name": "NumberOfEmployees", "type": "int"},
        {"name": "OwnerId", "type": "reference", "relationshipName": "Owner", "referenceTo": ["User"]},
    ],
    "Contact": [{"name": "LastName", "type": "string"}],
    "User": [{"name": "Email", "type": "email"}, {"name": "Name", "type": "string"}],
}
CHILDREN = [{"relationshipName": "Contacts", "childSObject": "Contact", "field": "AccountId"}]

OFFERED = {
    "%sf con|": ["connect"],
    "%sf traceback |": ["off", "on"],
    "%sf use lo|": ["local"],
    "%sf describe acc|": ["Account"],
    "%%soql --max|": ["--max-memory", "--max-rows"],
    "%%soql found --engine |": ["auto", "bulk", "rest"],
    "%soql --dry|": ["--dry-run"],
    "%%soql\nSELECT Id, N| FROM Account": ["Name", "NumberOfEmployees"],
    "%%soql found\nSELECT Id FROM Account\nWHERE own|": ["Owner.", "OwnerId"],
    "%%soql\nSELECT Owner.E| FROM Account": ["Owner.Email"],
    "found = %soql SELECT Id FROM Con|": ["Contact"],
    "%%soql\nSELECT Id, (SELECT Id FROM C|) FROM Account": ["Contacts"],
    "%%soql\nSELECT Id, (SELECT L| FROM Contacts) FROM Account": ["LastName"],
    "%%soql\nSELECT Id, (SELECT Id FROM Contacts), Num| FROM Account": ["NumberOfEmployees"],
    "%%soql\nSELECT Id FROM User WHERE Id IN (SELECT Own| FROM Account)": ["Owner.", "OwnerId"],
    "%%soql\nSELECT Id FROM Account WHERE Id IN (SELECT Id FROM C|": ["Contact"],
}


@pytest.fixture
def asked(notebook: Any) -> list[str | None]:
    """A connection to an org of three objects; what it was asked to describe."""
    asked: list[str | None] = []

    def describe(name: str | None = None) -> Any:
        asked.append(name)
        if name is None:
            return pd.DataFrame({"name": list(FIELDS)})
        if name not in FIELDS:
            raise InvalidType("no such object")
        return ObjectDescribe({"name": name, "fields": FIELDS[name], "childRelationships": CHILDREN})

    notebook.run("%sf connect local")
    notebook.orgs["local"].describe = describe
    return asked


def tab(notebook: Any, text: str) -> list[str]:
    """What Tab makes of ``text`` where it has a bar: the word there, as it would be afterwards."""
    place = text.index("|")
    typed = text.replace("|", "")
    with provisionalcompleter():
        found = list(notebook.shell.Completer.completions(typed, place))
    begin = max(typed[:place].rfind(mark) for mark in " \n(") + 1
    return [f"{typed[begin : one.start]}{one.text}" for one in found]


def test_tab_offers_what_may_stand_there(notebook: Any, asked: list[str | None]) -> None:
    """Commands, options, objects, and fields of the object that the query at the cursor is about."""
    assert {text: sorted(tab(notebook, text)) for text in OFFERED} == OFFERED


def test_what_an_org_has_is_asked_for_once(notebook: Any, asked: list[str | None]) -> None:
    """A describe is kept as long as its connection; one that failed is asked for again."""
    for _ in range(2):
        assert tab(notebook, "%%soql\nSELECT Na| FROM Account") == ["Name"]
        assert "Name" not in tab(notebook, "%%soql\nSELECT Na| FROM Acount")
    assert asked == ["Account", "Acount", "Acount"]


def test_tab_waits_for_no_slow_org(notebook: Any, asked: list[str | None], monkeypatch: pytest.MonkeyPatch) -> None:
    """What has not come in time is there the next time."""
    monkeypatch.setattr("sfdata.notebook.completion.PATIENCE_SECONDS", 0.01)
    org, answers = notebook.orgs["local"], threading.Event()
    described = org.describe
    org.describe = lambda name=None: (answers.wait(10), described(name))[1]
    assert tab(notebook, "%sf describe Us|") == []
    answers.set()
    monkeypatch.setattr("sfdata.notebook.completion.PATIENCE_SECONDS", 10)
    assert tab(notebook, "%sf describe Us|") == ["User"]


def test_nothing_is_connected_for_tab(notebook: Any) -> None:
    """Without a connection there are commands and options, and no objects."""
    assert tab(notebook, "%sf describe Acc|") == []
    assert tab(notebook, "%sf lim|") == ["limits"]


def test_other_cells_are_left_alone(notebook: Any, asked: list[str | None]) -> None:
    """Python is completed as ever, and the magics no more once the extension is unloaded."""
    notebook["number"] = 5
    assert "number.bit_length" in tab(notebook, "number.bit_l|")
    sfdata.unload_ipython_extension(notebook.shell)
    assert "limits" not in tab(notebook, "%sf lim|")
    assert asked == []
