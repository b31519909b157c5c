"""``df.sf``: when pandas knows it, and which org it goes to."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from contextlib import contextmanager

import pandas as pd
import pytest

import sfdata
import sfdata.accessor
from sfdata.accessor import register
from sfdata.current_org import follow, watch, which_org
from sfdata.errors import ConfigurationError, MissingCredentials
from sfdata.localorg import LocalOrg
from sfdata.org import open_orgs
from sfdata.state import state_folder

PROD, TEST = "https://prod.my.salesforce.com", "https://test.my.salesforce.com"


@pytest.fixture(autouse=True)
def nothing_open(monkeypatch, tmp_path):
    """No setting of the machine reaches the tests, and no connection of another test is in the way."""
    for name in [name for name in os.environ if name.startswith(("SF_", "SFDATA_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SFDATA_HOME", str(tmp_path))
    monkeypatch.setattr("sfdata.org._CONNECTIONS", type(sfdata.org._CONNECTIONS)())


def connected(url=PROD):
    return sfdata.connect(instance_url=url, access_token="00D!x")


def chosen(org=None):
    with which_org(org) as found:
        return found


# --- pandas -----------------------------------------------------------------------------------------------------------


def run(code):
    """What a fresh interpreter prints; a warning ends it."""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_pandas_knows_sf_with_the_first_connection():
    """Importing sfdata tells pandas nothing, and need not load it; what makes connections does."""
    told = run(
        "import sfdata, sys\n"
        "print('pandas' in sys.modules)\n"
        "import pandas as pd\n"
        "print(hasattr(pd.DataFrame, 'sf'))\n"
        "sfdata.connect\n"
        "print(hasattr(pd.DataFrame, 'sf'), hasattr(pd.Series, 'sf'))\n"
    )
    assert told == ["False", "False", "True", "True"]


SHELL = """
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config
shell = InteractiveShell.instance(config=Config(HistoryManager={"enabled": False}))
def run(cell):
    shell.run_cell(cell).raise_error()
"""


@pytest.mark.parametrize(
    "cells", [("%load_ext sfdata", "import pandas as pd"), ("import pandas as pd", "%load_ext sfdata")]
)
def test_a_notebook_knows_sf_once_it_has_frames(cells):
    """Whichever is loaded first, the cell behind it has df.sf; no connection is needed."""
    lines = "".join(f"run({cell!r})\n" for cell in (*cells, "print(pd.DataFrame.sf.__name__)"))
    assert run(SHELL + lines) == ["FrameAccessor"]


def test_loading_again_does_not_warn():
    """Neither the extension loaded anew nor the module reloaded replaces an accessor with a warning."""
    cells = ["import pandas as pd", "%load_ext sfdata", "%reload_ext sfdata"]
    lines = "".join(f"run({cell!r})\n" for cell in cells)
    assert run(SHELL + lines + "print('fine')") == ["fine"]
    register()
    known = vars(pd.DataFrame)["sf"]
    register()
    assert vars(pd.DataFrame)["sf"] is known
    told = run(
        "import importlib, sfdata\n"
        "import pandas as pd\n"
        "sfdata.connect\n"
        "sfdata.accessor.register()\n"
        "before = pd.DataFrame.sf\n"
        "importlib.reload(sfdata.accessor).register()\n"
        "print(pd.DataFrame.sf is sfdata.accessor.FrameAccessor is not before)\n"
    )
    assert told == ["True"]


def test_another_librarys_sf_is_not_replaced_in_silence(monkeypatch):
    """pandas' own warning says that somebody else had the name."""
    monkeypatch.setattr(pd.DataFrame, "sf", "somebody's", raising=False)
    with pytest.warns(UserWarning, match="sf"):
        register()


# --- which org --------------------------------------------------------------------------------------------------------


def test_an_org_that_is_given_is_the_one():
    """org= decides, whatever else is open."""
    with connected(PROD) as prod, connected(TEST):
        assert chosen(prod) is prod
        assert chosen("prod.my.salesforce.com") is prod


def test_the_notebooks_current_org_comes_next():
    """What the notebook follows wins over what is open; when it ends, it is asked no more."""
    with connected(PROD) as prod, connected(TEST) as test:
        stop = follow(lambda: prod)
        assert chosen() is prod
        assert chosen(test) is test
        stop()
        with pytest.raises(ConfigurationError):
            chosen()


def test_the_latest_open_connection_will_do():
    """Of several to one org the latest; closed and forgotten ones do not count."""
    with connected() as first, connected() as second:
        assert chosen() is second
        second.close()
        assert chosen() is first
        connected(TEST)
        gc.collect()
        assert chosen() is first
        assert open_orgs() == [first]


def test_connections_to_different_orgs_leave_it_open():
    """Nobody's records are looked up in an org by accident: both are named, and how to choose."""
    with connected(PROD), connected(TEST), pytest.raises(ConfigurationError, match=r"prod\.my.*, test\.my") as caught:
        chosen()
    assert "org=" in (caught.value.hint or "")


def test_a_closed_connection_is_told_so():
    """Before anything else goes wrong with it, be it given or the notebook's own."""
    org = connected()
    org.close()
    assert org.closed
    with pytest.raises(ConfigurationError, match="closed"):
        pd.DataFrame({"Id": ["001000000000001AAA"]}).sf.lookup("Account", on="Id", fields="Name", org=org)
    stop = follow(lambda: org)
    with pytest.raises(ConfigurationError, match="closed"):
        chosen()
    stop()


def test_the_environment_comes_last(monkeypatch):
    """Without any connection one is made for the call and closed behind it; without a login, that is what is said."""
    with pytest.raises(MissingCredentials):
        chosen()
    with pytest.raises(ConfigurationError, match="nobody"):
        chosen("nobody")
    monkeypatch.setenv("SF_INSTANCE_URL", PROD)
    monkeypatch.setenv("SF_ACCESS_TOKEN", "00D!x")
    with which_org(None) as made:
        assert (made.name, made.closed) == ("prod.my.salesforce.com", False)
    assert made.closed


# --- the verbs --------------------------------------------------------------------------------------------------------


def test_every_way_to_say_it_is_the_same(monkeypatch):
    """df.sf.lookup, Series.sf.lookup and sfdata.lookup take the same options and find the same records."""
    options = {"key": "Id", "prefix": "O.", "many": "first", "indicator": "found", "all_rows": True, "engine": "rest"}
    with LocalOrg(scale=0.02) as local:
        monkeypatch.setenv("SF_INSTANCE_URL", local.instance_url)
        monkeypatch.setenv("SF_ACCESS_TOKEN", local.access_token)
        accounts = sfdata.read_soql("SELECT Id, OwnerId FROM Account LIMIT 5")
        joined = accounts.sf.lookup("User", "OwnerId", ["Name", "IsActive"], dtype_backend="pyarrow", **options)
        assert joined["O.Name"].notna().all()
        assert (joined["found"] == "both").all()
        fields = accounts["OwnerId"].sf.lookup("User", ["Name", "IsActive"], dtype_backend="pyarrow", **options)
        pd.testing.assert_frame_equal(joined[["O.Name", "O.IsActive", "found"]], fields)
        same = sfdata.lookup(accounts, "User", "OwnerId", ["Name", "IsActive"], dtype_backend="pyarrow", **options)
        pd.testing.assert_frame_equal(joined, same)
    assert open_orgs() == []


@pytest.fixture
def local(monkeypatch):
    """An org without records that the environment leads to."""
    with LocalOrg(sample_data=False) as running:
        monkeypatch.setenv("SF_INSTANCE_URL", running.instance_url)
        monkeypatch.setenv("SF_ACCESS_TOKEN", running.access_token)
        yield running


NAMES = pd.DataFrame({"Name": ["A", None]}, index=["x", "y"])


def test_a_connection_made_for_a_push_lives_as_long_as_its_result(local):
    """What became of the rows can be sent again without another login; then the connection is closed."""
    result = NAMES.sf.bulk_insert("Account", check=False)
    (made,) = open_orgs()
    assert result.retry_failed().failed.index.tolist() == ["y"]
    del result
    gc.collect()
    assert made.closed
    assert open_orgs() == []


def test_a_push_that_cannot_be_made_leaves_no_connection(local):
    """The connection made for the call is closed when it fails."""
    with pytest.raises(ConfigurationError):
        NAMES.sf.bulk_update("Account")
    gc.collect()
    assert open_orgs() == []


def test_verbs_go_where_org_says(local):
    """A push and its resumption take the connection that is given, and leave it open."""
    with sfdata.connect() as org, connected(TEST):
        result = NAMES.sf.bulk_insert("Account", org=org, check=False)
        with pytest.raises(ConfigurationError, match="several orgs"):
            NAMES.sf.bulk_insert("Account", check=False)
        assert sfdata.resume(result.id, org).counts == result.counts
        assert not org.closed


def test_long_verbs_are_watched(local):
    """Whoever watches is asked to while a push or a resumption goes on, and told of each step."""
    seen = []

    @contextmanager
    def watcher(hooks):
        stop = hooks.subscribe(lambda event: seen.append(type(event).__name__))
        seen.append("begin")
        yield
        seen.append("end")
        stop()

    stop = watch(watcher)
    with sfdata.connect():
        result = NAMES.sf.bulk_insert("Account", check=False)
        assert (seen[0], seen[-1], seen.count("begin")) == ("begin", "end", 1)
        assert {"UnitMoved", "JobState"} <= set(seen)
        seen.clear()
        sfdata.resume(result.id)
        assert (seen[0], seen[-1]) == ("begin", "end")
        stop()
        seen.clear()
        NAMES.sf.bulk_insert("Account", check=False)
    assert seen == []


def test_a_read_is_resumed_by_its_job(local):
    """What a Bulk read had on disk is read by the job's Id, as a query is."""
    NAMES.assign(Name=["A", "B"]).sf.bulk_insert("Account").raise_for_errors()
    with sfdata.connect() as org:
        batches = org.soql("SELECT Name FROM Account", engine="bulk").chunks(1)
        next(batches)
        batches.close()
        (job,) = [folder.name for folder in (state_folder("reads")).iterdir()]
        assert sorted(sfdata.resume(job).to_pandas()["Name"]) == ["A", "B"]
