"""What people look at and leave lying about: HTML, terminals, notebooks, command lines, the environment."""

from __future__ import annotations

import gc
import os
import pprint
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import sfdata
from sfdata import local_process
from sfdata.local_process import local_org
from sfdata.metadata import ObjectDescribe
from sfdata.resilience.limits import ApiUsage
from sfdata.secret import Secret
from sfdata.transfer.price import Cost, EnginePrice, Plan
from sfdata.transfer.push_result import PushResult
from sfdata.transfer.undo import Undone

HOSTILE = "<img src=x onerror=alert(1)>\x1b]0;owned\x07\x1b[2J\x9b2J\u202e"


def described():
    fields = [{"name": HOSTILE, "label": HOSTILE, "type": HOSTILE, "length": 3}]
    return ObjectDescribe({"name": HOSTILE, "label": HOSTILE, "fields": fields})


def priced():
    engines = EnginePrice("rest", 1, "exactly", "one page"), EnginePrice("bulk", 11, "about", "a job")
    app = SimpleNamespace(app_name=HOSTILE, used=5, allowed=5)
    usage = SimpleNamespace(allowed=9, remaining=0, app=app)
    assert set(vars(usage)) <= set(dir(ApiUsage(1, 2, 0.0)))
    return Cost(5, False, engines, "rest", usage, Plan(HOSTILE, HOSTILE, 2.5, 5), None, 3)


def pushed():
    result = object.__new__(PushResult)
    result.id, result.object, result.operation, result.key = "push-1", "Account", "insert", None
    result.counts, result._org, result._units = {"failed": 1}, "https://acme.my.salesforce.com", []
    result.errors = pd.DataFrame({"code": [HOSTILE], "error": [HOSTILE], "rows": [1]})
    return result


def undone():
    frame = pd.DataFrame({"sf__Undone": ["failed"], "sf__Error": [HOSTILE]})
    return Undone("push-1", frame, ())


SHOWN = {"describe": described, "cost": priced, "push": pushed, "undo": undone}


class Elements(HTMLParser):
    """The elements and attributes of a page."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes = set(), set()
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attributes}


@pytest.mark.parametrize("show", SHOWN.values(), ids=SHOWN)
@pytest.mark.catalogue("S25")
def test_no_element_of_a_page_comes_from_the_org(show):
    """Names, labels, codes and messages with markup in them are text on the page, and nothing in it runs."""
    page = Elements(show()._repr_html_())
    assert not page.tags & {"img", "script", "style", "iframe", "link"} or page.tags <= {"style"}
    assert not [name for name in page.attributes if name.startswith("on")]


@pytest.mark.parametrize("show", SHOWN.values(), ids=SHOWN)
@pytest.mark.catalogue("S26", "S33")
def test_no_text_of_the_org_steers_a_terminal(show):
    """What is printed holds no escape sequence, no control character and no mark that turns the text around."""
    shown = repr(show())
    assert shown.replace("\n", "").replace("\t", "").isprintable()


@pytest.mark.catalogue("S25", "S26")
def test_every_class_that_shows_itself_as_html_is_tried_here():
    """A new one has to be tried, too."""
    shows = {type(show()) for show in SHOWN.values()}
    package = Path(sfdata.__file__).parent
    sources = [path.read_text("utf-8") for path in package.rglob("*.py") if "localorg" not in path.parts]
    assert sum(source.count("def _repr_html_") for source in sources) == len(shows) + 1  # and that of a plan


# --- notebooks, processes --------------------------------------------------------------------------------------------


def held():
    """The secrets that connections of this process hold now."""
    return {one.reveal() for one in gc.get_objects() if isinstance(one, Secret) and len(one.reveal()) >= 20}


@pytest.fixture
def shell():
    """A shell with the extension, verbose tracebacks and no history file."""
    InteractiveShell.clear_instance()
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.xmode = "Verbose"
    one = InteractiveShell.instance(config=config)
    sfdata.load_ipython_extension(one)
    yield one
    sfdata.unload_ipython_extension(one)
    InteractiveShell.clear_instance()


CELLS = [
    "%sf connect local",
    "%sf orgs",
    "org = %sf org",
    "org",
    "%%soql accounts\nSELECT Id, Name FROM Account LIMIT 2",
    "accounts",
    "accounts.attrs",
    "org.hooks, org.budget, org._session, vars(org)",
    "%soql SELECT Nmae FROM Account",
    "%sf traceback",
    "org._session.get('/services/nothing')",
    "raise ValueError(org)",
]


@pytest.mark.catalogue("S3", "S6")
def test_a_notebook_keeps_no_secret(shell, capsys):
    """Of a session with queries, reprs, errors and full tracebacks: no output, no input, no variable shows one."""
    for cell in CELLS:
        shell.run_cell(cell, store_history=True)
    secrets = held()
    assert len(secrets) >= 2, "the connection's own secrets were not found, so nothing is proved"
    told = capsys.readouterr()
    kept = pprint.pformat({name: shell.user_ns[name] for name in ("Out", "_ih", "In", "_", "__", "org", "accounts")})
    shown = f"{told.out}{told.err}{kept}"
    assert "127.0.0.1" in shown
    assert [one[:4] for one in secrets if one in shown] == []


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="command lines are read from /proc")
@pytest.mark.catalogue("S7")
def test_no_command_line_holds_a_secret():
    """Neither that of the local org, whose secrets travel by a pipe, nor the environment of whatever we start."""
    before = dict(os.environ)
    info = local_org()
    secrets = [info["client_secret"], *held()]
    assert dict(os.environ) == before
    process = Path(f"/proc/{local_process._running._process.pid}")
    shown = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
    assert b"localorg" in shown
    assert [one[:4] for one in secrets if one.encode() in shown] == []


@pytest.mark.catalogue("S7")
def test_settings_are_read_from_the_environment_and_never_written_to_it(monkeypatch):
    """Connecting leaves the environment, which every `!command` inherits, as it was."""
    info = local_org()
    for name, value in {"SF_LOGIN_URL": info["login_url"], "SF_CLIENT_ID": info["client_id"]}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SF_CLIENT_SECRET", info["client_secret"])
    before = dict(os.environ)
    with sfdata.connect() as org:
        org.limits()
    assert dict(os.environ) == before
