"""A local org from start to stop: what it hands out, what it keeps, what it leaves behind."""

from __future__ import annotations

import argparse
import gc
import http.client
import os
import socket
import ssl
import stat
import tempfile
import threading
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from sfdata.errors import ConfigurationError
from sfdata.localorg import LocalOrg
from sfdata.localorg.__main__ import add_arguments
from sfdata.localorg.login.credentials import Credentials
from sfdata.localorg.options import Options

KEYS = [
    "instance_url",
    "login_url",
    "access_token",
    "org_id",
    "user_id",
    "username",
    "client_id",
    "client_secret",
    "private_key_file",
    "ca_file",
    "fault_token",
]


@pytest.fixture(autouse=True)
def private_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Whatever the org puts into the temporary folder is seen here."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def ask(org: LocalOrg, path: str, method: str = "GET", json: Any = None) -> httpx.Response:
    verify = ssl.create_default_context(cafile=str(org.ca_file)) if org.ca_file else False
    headers = {"Authorization": f"Bearer {org.access_token}"}
    with httpx.Client(base_url=org.instance_url, verify=verify, trust_env=False, headers=headers) as web:
        return web.request(method, path, json=json)


@pytest.mark.parametrize("tls", [False, True])
def test_info_is_eleven_texts_that_work(tls: bool) -> None:
    """Eleven keys, all text but a missing ca_file; the address serves the token."""
    with LocalOrg(sample_data=False, tls=tls) as org:
        info = org.info()
        assert list(info) == KEYS
        assert all(isinstance(info[key], str) for key in KEYS if key != "ca_file")
        assert (info["ca_file"] is not None) == tls
        assert info["instance_url"] == info["login_url"]
        assert str(info["instance_url"]).startswith("https://127.0.0.1:" if tls else "http://127.0.0.1:")
        assert len(str(info["org_id"])) == len(str(info["user_id"])) == 18
        assert str(info["access_token"]).startswith(f"{org.org_id[:15]}!")
        assert ask(org, "/services/data/v66.0").status_code == 200


def test_stopping_leaves_nothing(tmp_path: Path) -> None:
    """No thread, no listening socket, no file, no unclosed resource; a second stop does nothing."""
    threads = set(threading.enumerate())
    org = LocalOrg(sample_data=False, tls=True)
    org.start()
    port = urlsplit(org.instance_url).port
    assert ask(org, "/services/data/v66.0").status_code == 200
    assert list(tmp_path.iterdir())
    org.stop()
    org.stop()
    assert set(threading.enumerate()) == threads
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port or 0), timeout=5)
    gc.collect()  # an unclosed socket or database would warn here, and warnings are errors


def test_it_stops_while_clients_keep_connections_open() -> None:
    """Idle keep-alive connections do not hold up the stop."""
    org = LocalOrg(sample_data=False).start()
    connection = http.client.HTTPConnection(urlsplit(org.instance_url).netloc)
    connection.request("GET", "/services/data")
    connection.getresponse().read()
    started = time.perf_counter()
    org.stop()
    connection.close()
    assert time.perf_counter() - started < 2


def test_a_query_under_way_is_answered_before_the_store_closes(capfd: pytest.CaptureFixture[str]) -> None:
    """Stopping waits for the answer: the client gets its rows, not an error of a closed database."""
    org = LocalOrg(sample_data=False).start()
    entered = threading.Event()
    engine = org.instance.engine
    query = engine.query

    def slow(*args: Any, **options: Any) -> bytes:
        entered.set()
        time.sleep(0.4)
        return query(*args, **options)

    org.instance.engine.query = slow  # type: ignore[method-assign]
    replies: list[httpx.Response] = []
    client = threading.Thread(
        target=lambda: replies.append(ask(org, "/services/data/v66.0/query?q=SELECT Id FROM Organization"))
    )
    client.start()
    entered.wait(10)
    org.stop()
    client.join()
    assert replies[0].json()["totalSize"] == 1
    assert capfd.readouterr().err == ""


def test_it_can_start_again_with_new_secrets() -> None:
    """Every secret is new at each start, and the old ones are worth nothing."""
    org = LocalOrg(sample_data=False)
    secrets = []
    for _ in range(2):
        with org:
            given = org.credentials
            secrets.append(
                {org.access_token, given.client_id, given.client_secret, given.refresh_token, given.password}
                | {org.private_key_file.read_text()}
            )
    assert len(secrets[0]) == 6
    assert secrets[0].isdisjoint(secrets[1])


def test_a_stopped_org_says_so() -> None:
    """Asking for an address before the start, or starting twice, is an error of its own."""
    org = LocalOrg(sample_data=False)
    with pytest.raises(RuntimeError, match="not running"):
        org.instance_url  # noqa: B018
    with org, pytest.raises(RuntimeError, match="running already"):
        org.start()


def test_secrets_are_private_and_unprinted(tmp_path: Path) -> None:
    """Key files are readable by this user only, in a folder of the same kind; no repr shows a secret."""
    with LocalOrg(sample_data=False, tls=True) as org:
        (folder,) = tmp_path.iterdir()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}
        shown = repr(org) + repr(org.credentials) + repr(org.instance.sessions)
        for secret in (org.access_token, org.client_secret, org.credentials.password, org.credentials.refresh_token):
            assert secret not in shown


def test_a_failed_start_leaves_nothing(tmp_path: Path) -> None:
    """A taken port or a bad schema file: the error names it, and no thread, socket or file is left."""
    schema = tmp_path / "schema.toml"
    schema.write_text("[Account.fields]\nBroken__c = { type = 'nonsense' }\n")
    threads = set(threading.enumerate())
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(ConfigurationError, match="cannot be used"):
        LocalOrg(port=taken.getsockname()[1], sample_data=False).start()
    with pytest.raises(ConfigurationError, match="Broken__c"):
        LocalOrg(schema=schema, sample_data=False).start()
    assert set(threading.enumerate()) == threads
    assert list(tmp_path.iterdir()) == [schema]


@pytest.mark.catalogue("S31")
def test_only_loopback_answers() -> None:
    """The port is closed on every other address of this machine."""
    with LocalOrg(sample_data=False) as org:
        port = urlsplit(org.instance_url).port or 0
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.2", port), timeout=2)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect(("192.0.2.1", 9))
                outside = probe.getsockname()[0]
            except OSError:
                pytest.skip("this machine has no address but loopback")
        if outside.startswith("127."):
            pytest.skip("this machine has no address but loopback")
        with pytest.raises(OSError):
            socket.create_connection((outside, port), timeout=2)


def test_it_can_listen_on_ipv6_loopback() -> None:
    """::1 works as well where the machine has it, and the address is written in brackets."""
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            pass
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    with LocalOrg(host="::1", sample_data=False) as org:
        assert org.instance_url.startswith("http://[::1]:")
        assert ask(org, "/services/data/v66.0").status_code == 200


@pytest.mark.parametrize(
    "options",
    [
        {"host": "0.0.0.0"},
        {"host": "localhost.example"},
        {"port": 70_000},
        {"port": -1},
        {"scale": 0},
        {"scale": float("nan")},
        {"scale": float("inf")},
        {"session_seconds": 0},
        {"page_size": 0},
        {"page_size": 2001},
        {"limits": {"DailyApiRequests": -1}},
        {"limits": {"DailyApiRequest": 5}},
        {"as_of": "someday"},
    ],
)
def test_impossible_settings_are_refused(options: dict[str, Any]) -> None:
    """Each by name, when the org is described, not when it starts."""
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        LocalOrg(**options)


def test_settings_take_texts_for_paths_and_days() -> None:
    """As they come from a command line or a notebook."""
    options = Options(data="somewhere", schema="schema.toml", as_of="2024-02-29")  # type: ignore[arg-type]
    assert (options.data, options.schema, options.as_of) == (Path("somewhere"), Path("schema.toml"), date(2024, 2, 29))


def test_the_command_line_says_what_the_org_is_to_be() -> None:
    """Allowances may be named one by one; what is no allowance is told with the form that is wanted."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    given = ["--limit", "DailyApiRequests=5", "--limit", "DataStorageMB=1", "--session-seconds", "9.5", "--sandbox"]
    chosen = vars(parser.parse_args(given))
    options = Options(**{name: chosen[name] for name in Options.names() if name in chosen})
    assert dict(options.limits) == {"DailyApiRequests": 5, "DataStorageMB": 1}
    assert (options.session_seconds, options.sandbox) == (9.5, True)
    for text in ("DailyApiRequests", "DailyApiRequests=many", "DailyApiRequests=-1"):
        with pytest.raises(SystemExit):
            parser.parse_args(["--limit", text])


def test_an_org_says_whether_it_is_a_sandbox(tmp_path: Path) -> None:
    """As it was started this time, whatever it was before."""
    soql = "SELECT IsSandbox FROM Organization"
    for sandbox in (False, True, False):
        with LocalOrg(sample_data=False, data=tmp_path / "data", sandbox=sandbox) as org:
            (row,) = ask(org, f"/services/data/v66.0/query?q={soql}").json()["records"]
        assert row["IsSandbox"] is sandbox


# --- a data directory ------------------------------------------------------------------------------------------------


def test_records_outlive_the_process_secrets_do_not(tmp_path: Path) -> None:
    """With a data directory the rows, the organization and the users are there again; the old token is not."""
    data = tmp_path / "data"
    with LocalOrg(data=data, sample_data=False) as org:
        ids = (org.org_id, org.user_id)
        token = org.access_token
        created = ask(org, "/services/data/v66.0/sobjects/Account", "POST", {"Name": "Kept"}).json()["id"]
    with LocalOrg(data=data, sample_data=False) as org:
        assert (org.org_id, org.user_id) == ids
        assert ask(org, f"/services/data/v66.0/sobjects/Account/{created}").json()["Name"] == "Kept"
        assert org.instance.sessions.find(token) is None
        assert org.access_token != token
    assert not [file for file in data.rglob("*") if file.suffix in (".pem", ".key")]


def test_a_data_directory_serves_one_org_at_a_time(tmp_path: Path) -> None:
    """A second org on the same directory is refused while the first runs, and welcome after."""
    data = tmp_path / "data"
    taken = pytest.raises(ConfigurationError, match="in use by another local org")
    with LocalOrg(data=data, sample_data=False), taken:
        LocalOrg(data=data, sample_data=False).start()
    with LocalOrg(data=data, sample_data=False):
        pass


def test_the_sample_company_is_loaded_once(tmp_path: Path) -> None:
    """A second start on the same directory finds the company there and adds nothing."""
    lines: list[str] = []
    counts = []
    for _ in range(2):
        org = LocalOrg(data=tmp_path / "data", scale=0.05, as_of="2024-06-30").start(lines.append)
        counts.append(org.instance.store.count(org.instance.object("Account")))
        org.stop()
    assert counts[0] == counts[1] > 100
    assert lines[:2] == lines[2:]


def test_an_interrupted_start_leaves_the_directory_usable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped in the middle of loading, the org releases port, files and directory; the next start completes it."""

    def interrupted(*args: Any, **options: Any) -> dict[str, int]:
        raise KeyboardInterrupt

    data = tmp_path / "data"
    with monkeypatch.context() as patch:
        patch.setattr("sfdata.localorg.instance.seed_company", interrupted)
        org = LocalOrg(data=data, scale=0.05)
        with pytest.raises(KeyboardInterrupt):
            org.start()
    assert not [file for file in data.rglob("*") if file.suffix in (".pem", ".key")]
    with org:
        assert org.instance.store.count(org.instance.object("Account")) > 100


@pytest.mark.skipif(os.name != "posix", reason="a file in the place of a directory is told differently elsewhere")
def test_a_file_is_no_data_directory(tmp_path: Path) -> None:
    """What cannot be a directory, or holds something else, is refused by name."""
    file = tmp_path / "file"
    file.write_text("x")
    with pytest.raises(ConfigurationError, match=r"file cannot be made: File exists\."):
        LocalOrg(data=file).start()
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "org.sqlite").write_bytes(b"this is no database" * 100)
    with pytest.raises(ConfigurationError, match="folder"):
        LocalOrg(data=folder).start()


# --- the day of the org ----------------------------------------------------------------------------------------------


def test_the_org_lives_on_its_day() -> None:
    """With ``as_of`` new rows are stamped with that day, and TODAY is that day; without it, the real one."""
    for as_of, expected in ((date(2024, 2, 29), "2024-02-29"), (None, datetime.now(UTC).date().isoformat())):
        with LocalOrg(sample_data=False, as_of=as_of) as org:
            created = ask(org, "/services/data/v66.0/sobjects/Account", "POST", {"Name": "Stamped"}).json()["id"]
            row = ask(org, f"/services/data/v66.0/sobjects/Account/{created}").json()
            soql = "SELECT COUNT() FROM Account WHERE CreatedDate = TODAY"
            assert ask(org, f"/services/data/v66.0/query?q={soql}").json()["totalSize"] == 1
        stamped = date.fromisoformat(row["CreatedDate"][:10])
        assert timedelta(0) <= stamped - date.fromisoformat(expected) <= timedelta(days=1)  # it may be midnight


@pytest.mark.catalogue("S31")
def test_credentials_are_long_enough_to_guess_never(tmp_path: Path) -> None:
    """Each secret holds at least 128 bits, the key 2048."""
    credentials = Credentials.create(tmp_path)
    assert credentials.public_key.key_size == 2048
    assert len(credentials.client_secret) * 4 >= 256
    assert (len(credentials.refresh_token) - 8) * 5.9 >= 256
    assert len(credentials.password) * 5.9 >= 128
