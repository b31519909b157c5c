from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

import sfdata
from sfdata.errors import (
    AuthenticationError,
    BindError,
    BudgetExceeded,
    ConfigurationError,
    ConnectionFailed,
    InsecureUrl,
    InvalidField,
    InvalidType,
    LoginRefused,
    MissingCredentials,
    SessionExpired,
    SoqlSyntaxError,
    UnsupportedApiVersion,
)
from sfdata.localorg import LocalOrg
from sfdata.org import Org

PROD = "https://acme.my.salesforce.com"
THREE = "SELECT Id, Name FROM Account LIMIT 3"


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch, tmp_path):
    """No setting of the machine the tests run on reaches them."""
    for name in [name for name in os.environ if name.startswith(("SF_", "SFDATA_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SFDATA_HOME", str(tmp_path))


@pytest.fixture(scope="module")
def local_org():
    with LocalOrg(scale=0.02) as org:
        yield org


# --- each way to say who logs in -------------------------------------------------------------------------------------


def test_local_needs_nothing_and_is_shared():
    """connect("local") works on a bare machine; the second one reaches the same records."""
    with sfdata.connect("local") as first, sfdata.connect("local") as second:
        assert first.instance_url == second.instance_url
        assert first.query(THREE).equals(second.query(THREE))


def test_local_can_be_the_default(monkeypatch):
    """SFDATA_ORG=local makes connect() without arguments the local org."""
    monkeypatch.setenv("SFDATA_ORG", "local")
    with sfdata.connect() as org:
        assert org.name == "local"


def flows(org):
    return {
        "JWT bearer": sfdata.JwtBearer(
            client_id=org.client_id, username=org.username, private_key=org.private_key_file, login_url=org.login_url
        ),
        "client credentials": sfdata.ClientCredentials(
            client_id=org.client_id, client_secret=org.client_secret, login_url=org.login_url
        ),
        "access token": sfdata.AccessToken(access_token=org.access_token, instance_url=org.instance_url),
    }


@pytest.mark.parametrize("name", ["JWT bearer", "client credentials", "access token"])
def test_every_flow_logs_in(local_org, name):
    """Each flow object leads to the same records."""
    with sfdata.connect(flow=flows(local_org)[name]) as org:
        assert len(org.query(THREE)) == 3


ENVIRONMENTS = {
    "access token": {"SF_ACCESS_TOKEN": "access_token", "SF_INSTANCE_URL": "instance_url"},
    "private key": {
        "SF_CLIENT_ID": "client_id",
        "SF_USERNAME": "username",
        "SF_PRIVATE_KEY": "private_key_file",
        "SF_LOGIN_URL": "login_url",
    },
    "client secret": {
        "SF_CLIENT_ID": "client_id",
        "SF_CLIENT_SECRET": "client_secret",
        "SF_INSTANCE_URL": "instance_url",
    },
}


@pytest.mark.parametrize("variables", ENVIRONMENTS.values(), ids=ENVIRONMENTS)
def test_the_environment_logs_in(local_org, monkeypatch, variables):
    """The SF_ variables alone are enough, whichever flow they describe."""
    for variable, attribute in variables.items():
        monkeypatch.setenv(variable, str(getattr(local_org, attribute)))
    with sfdata.connect() as org:
        assert len(org.query(THREE)) == 3
        assert "environment" in repr(org)


def test_a_profile_logs_in(local_org, tmp_path):
    """A table of profiles.toml is a connection by its name; arguments override it."""
    profile = tmp_path / "profiles.toml"
    profile.write_text(
        f'[dev]\ninstance_url = "{local_org.instance_url}"\nclient_id = "{local_org.client_id}"\n'
        f'client_secret = "{local_org.client_secret}"\n'
    )
    profile.chmod(0o600)
    with sfdata.connect("dev", api_version="60.0") as org:
        assert (org.name, org.api_version, len(org.query(THREE))) == ("dev", "60.0", 3)


def test_every_way_to_connect_takes_a_budget(local_org, monkeypatch):
    """However the login is said, budget= bounds the calls; without it there is no bound."""
    token = {"instance_url": local_org.instance_url, "access_token": local_org.access_token}
    for name, value in token.items():
        monkeypatch.setenv(f"SF_{name.upper()}", value)
    for way in ({"target": "local"}, token, {"flow": flows(local_org)["access token"]}, {}):
        with sfdata.connect(**way, budget=1) as org:
            org.limits()
            with pytest.raises(BudgetExceeded):
                org.limits()
            assert (org.budget.used, org.budget.remaining) == (1, 0)
        with sfdata.connect(**way) as org:
            assert org.budget.allowed is None


# --- what the org itself tells ---------------------------------------------------------------------------------------


def test_limits_and_describes_are_frames(local_org):
    """limits(), describe() and describe("X") answer as typed tables."""
    with sfdata.connect(flow=flows(local_org)["access token"]) as org:
        limits = org.limits()
        assert 0 <= limits.loc["DailyApiRequests", "used"] <= 1
        assert limits.dtypes.astype(str).to_dict() == {"max": "Int64", "remaining": "Int64", "used": "Float64"}
        objects = org.describe().set_index("name")
        assert objects.loc["Account", "keyPrefix"] == "001"
        assert objects.dtypes.astype(str).to_dict() == {
            **dict.fromkeys(("label", "keyPrefix"), "str"),
            **dict.fromkeys(("custom", "queryable", "createable", "updateable", "deletable"), "boolean"),
        }
        fields = org.describe("account").frame.set_index("name")
        assert fields.loc["OwnerId", "reference_to"] == "User"
        assert [str(fields[c].dtype) for c in ("label", "length", "unique")] == ["str", "Int64", "boolean"]
        assert org.describe("Account")["keyPrefix"] == "001"


def test_query_jobs_are_a_frame(local_org):
    """The Bulk query jobs are listed with their states, the latest first; without any, the columns are the same."""
    with sfdata.connect(flow=flows(local_org)["access token"]) as org:
        before = org.query_jobs()
        for name in ("Account", "Contact"):
            org.query(f"SELECT Id FROM {name}", engine="bulk")
        jobs = org.query_jobs()
    assert set(jobs["object"][: len(jobs) - len(before)]) == {"Account", "Contact"}
    assert set(jobs["state"]) == {"JobComplete"}
    assert jobs["created"].is_monotonic_decreasing
    assert before.dtypes.astype(str).to_dict() == jobs.dtypes.astype(str).to_dict()
    assert str(jobs["created"].dtype) == "datetime64[ms, UTC]"


def test_read_soql_follows_pandas_readers(local_org):
    """read_soql takes params, chunksize, index_col and dtype_backend as pandas' readers do."""
    with sfdata.connect(flow=flows(local_org)["access token"]) as org:
        whole = sfdata.read_soql("SELECT Id, Name FROM Contact ORDER BY Id", org, index_col="Id")
        chunks = list(sfdata.read_soql("SELECT Id, Name FROM Contact ORDER BY Id", org, chunksize=50, index_col="Id"))
        assert pd.concat(chunks).equals(whole)
        some = sfdata.read_soql("SELECT Id FROM Contact WHERE Id IN :ids", org, params={"ids": whole.index[:7]})
        assert set(some["Id"]) == set(whole.index[:7])


class Closings:
    """Counts the connections that `sfdata.connect` made and that were closed again."""

    def __init__(self, monkeypatch):
        self.made, self.closed = 0, 0
        make, close = Org.__init__, Org.close

        def noted_make(org, *args, **options):
            self.made += 1
            make(org, *args, **options)

        def noted_close(org):
            self.closed += 1
            close(org)

        monkeypatch.setattr(Org, "__init__", noted_make)
        monkeypatch.setattr(Org, "close", noted_close)


def test_read_soql_closes_the_connection_it_makes(local_org, monkeypatch):
    """Without an Org, read_soql connects as connect() would, for one read, and leaves no socket open behind it."""
    for variable, attribute in ENVIRONMENTS["access token"].items():
        monkeypatch.setenv(variable, str(getattr(local_org, attribute)))
    connections = Closings(monkeypatch)
    assert len(sfdata.read_soql(THREE)) == 3
    assert (connections.made, connections.closed) == (1, 1)
    with pytest.raises(SoqlSyntaxError):
        sfdata.read_soql("SELECT", chunksize=2)
    assert (connections.made, connections.closed) == (2, 2)
    chunks = sfdata.read_soql(THREE, chunksize=2)
    assert len(next(chunks)) == 2
    assert (connections.made, connections.closed) == (3, 2)
    assert [len(chunk) for chunk in chunks] == [1]
    assert (connections.made, connections.closed) == (3, 3)


def test_read_soql_takes_a_name_for_an_org():
    """read_soql(…, "local") reads from the org connect("local") would give; a wrong name is refused as there."""
    with sfdata.connect("local") as org:
        assert sfdata.read_soql(THREE, "local").equals(org.query(THREE))
    with pytest.raises(ConfigurationError, match="'nowhere'"):
        sfdata.read_soql(THREE, "nowhere")


def test_read_soql_tells_the_order_of_its_arguments():
    """Who gives the org first is told that the query comes first, and not that a query is no profile."""
    with sfdata.connect("local") as org, pytest.raises(ConfigurationError, match="query comes first"):
        sfdata.read_soql(org, THREE)


# --- bad input -------------------------------------------------------------------------------------------------------


def closed_port():
    with LocalOrg(sample_data=False) as org:
        return org.instance_url


BAD_ARGUMENTS = {
    "nothing at all": ({}, MissingCredentials, "connect"),
    "a token without an address": ({"access_token": "00D!x"}, ConfigurationError, "instance_url"),
    "http to another machine": (
        {"access_token": "00D!x", "instance_url": "http://acme.my.salesforce.com"},
        InsecureUrl,
        "https",
    ),
    "a version that is none": (
        {"access_token": "00D!x", "instance_url": PROD, "api_version": "latest"},
        ConfigurationError,
        "67.0",
    ),
    "a profile that is none": ({"target": "nowhere"}, ConfigurationError, "profiles.toml"),
    "local, misspelt": ({"target": "locl"}, ConfigurationError, "Did you mean local"),
    "local at another address": ({"target": "local", "instance_url": PROD}, ConfigurationError, "instance_url"),
    "a version as a number": (
        {"access_token": "00D!x", "instance_url": PROD, "api_version": 67},
        ConfigurationError,
        "like 67.0",
    ),
    "a budget that is none": ({"target": "local", "budget": -1}, ConfigurationError, "number of API calls"),
    "two logins": (
        {"access_token": "00D!x", "flow": sfdata.AccessToken(access_token="00D!x", instance_url=PROD)},
        ConfigurationError,
        "not both",
    ),
}


@pytest.mark.parametrize(("arguments", "kind", "says"), BAD_ARGUMENTS.values(), ids=BAD_ARGUMENTS)
def test_bad_settings_are_refused_before_anything_is_sent(arguments, kind, says):
    """A missing, malformed or contradictory setting is one typed error that names it and holds no secret."""
    with pytest.raises(kind, match=says) as caught:
        sfdata.connect(**arguments)
    assert "00D!x" not in str(caught.value)


def test_an_unreadable_key_is_refused_by_name():
    """A private key that is neither PEM text nor a file is named, and not repeated."""
    with pytest.raises(ConfigurationError, match="private_key") as caught:
        sfdata.JwtBearer(client_id="c", username="u", private_key="/no/such/key-canary.pem")
    assert "canary" not in str(caught.value)


def test_a_closed_local_org_says_so(local_org):
    """Nobody listening is ConnectionFailed with the question whether the local org still runs."""
    with (
        sfdata.connect(access_token="00D!x", instance_url=closed_port()) as org,
        pytest.raises(ConnectionFailed) as caught,
    ):
        org.query(THREE)
    assert "local org" in caught.value.hint


@pytest.mark.parametrize(
    ("soql", "params", "kind"),
    [
        ("SELECT Id FROM Acount", None, InvalidType),
        ("SELECT Nmae FROM Account", None, InvalidField),
        ("SELECT Id FRM Account", None, SoqlSyntaxError),
        ("SELECT Id FROM Account WHERE Name = :missing", None, BindError),
        ("SELECT Id FROM Account WHERE Name = :odd", {"odd": object()}, BindError),
    ],
)
def test_bad_queries_are_typed_and_hinted(local_org, soql, params, kind):
    """Whatever is wrong with a query, its class says what, and its text the next step."""
    with sfdata.connect(flow=flows(local_org)["access token"]) as org, pytest.raises(kind) as caught:
        org.query(soql, params)
    if kind in (InvalidType, InvalidField):
        assert "Did you mean" in caught.value.hint
        assert "^" in caught.value.message


def test_a_version_the_org_does_not_serve_names_the_newest(local_org):
    """A pinned version that is not served is told apart from a missing record."""
    with (
        sfdata.connect(flow=flows(local_org)["access token"], api_version="99.0") as org,
        pytest.raises(UnsupportedApiVersion, match=r"99\.0"),
    ):
        org.query(THREE)


def test_refused_logins_are_typed(local_org):
    """A wrong secret, a wrong audience and a dead token are AuthenticationErrors without the secret in them."""
    wrong = {
        "secret": sfdata.ClientCredentials(
            client_id=local_org.client_id, client_secret="s3cr3t-canary", login_url=local_org.login_url
        ),
        "audience": sfdata.JwtBearer(
            client_id=local_org.client_id,
            username=local_org.username,
            private_key=local_org.private_key_file,
            login_url=local_org.login_url,
            audience="https://other.my.salesforce.com",
        ),
    }
    for flow in wrong.values():
        with sfdata.connect(flow=flow) as org, pytest.raises(LoginRefused) as caught:
            org.query(THREE)
        assert caught.value.error_code
        assert "s3cr3t-canary" not in str(caught.value)
    with (
        sfdata.connect(access_token="00D000000000000!s3cr3t-canary", instance_url=local_org.instance_url) as org,
        pytest.raises(SessionExpired) as expired,
    ):
        org.query(THREE)
    assert isinstance(expired.value, AuthenticationError)
    assert "s3cr3t-canary" not in str(expired.value)


# --- the child process -----------------------------------------------------------------------------------------------

PARENT = """
import sys, time, sfdata
org = sfdata.connect("local")
print(org.instance_url, flush=True)
time.sleep(60)
"""


def listening(url):
    with sfdata.connect(access_token="00D!x", instance_url=url) as org:
        try:
            org.limits()
        except ConnectionFailed:
            return False
        except AuthenticationError:
            return True
    raise AssertionError("a made-up token was accepted")


@pytest.mark.catalogue("S31")
@pytest.mark.skipif(os.name != "posix", reason="sends SIGKILL")
def test_the_local_org_dies_with_its_parent():
    """However the parent ends, even by kill -9, the local org it started ends too."""
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        url = parent.stdout.readline().strip()
        assert listening(url)
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while listening(url) and time.monotonic() < deadline:
        pass
    assert not listening(url)
