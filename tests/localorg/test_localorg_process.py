"""``python -m sfdata.localorg`` as a process: what it prints, how it ends."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from sfdata.localorg import LocalOrg
from sfdata.localorg.__main__ import main

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals as other systems have them")

COMMAND = [sys.executable, "-m", "sfdata.localorg"]
SECONDS = 30


@contextmanager
def running(*args: str) -> Iterator[subprocess.Popen[str]]:
    """The process, ended and waited for whatever happens."""
    process = subprocess.Popen(
        [*COMMAND, *args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(SECONDS)
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=SECONDS)
    return process.returncode, out, err


def get(url: str, path: str, headers: dict[str, str] | None = None) -> int:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=SECONDS)
    try:
        connection.request("GET", path, headers=headers or {})
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


def refuses_connections(url: str) -> bool:
    parts = urlsplit(url)
    with socket.socket() as probe:
        return probe.connect_ex((parts.hostname or "", parts.port or 0)) != 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_json_is_one_line_and_a_signal_ends_it(number: signal.Signals) -> None:
    """One line with eleven keys when ready, then silence; a signal ends it with status 0 and takes its files along."""
    with running("--empty", "--json") as process:
        assert process.stdout is not None
        info = json.loads(process.stdout.readline())
        assert len(info) == 11
        headers = {"Authorization": f"Bearer {info['access_token']}"}
        assert get(info["instance_url"], "/services/data/v66.0", headers) == 200
        assert get(info["instance_url"], "/services/data", {"Host": "evil.example"}) == 403
        assert Path(info["private_key_file"]).exists()
        process.send_signal(number)
        assert ended(process) == (0, "", "")
        assert refuses_connections(info["instance_url"])
        assert not Path(info["private_key_file"]).parent.exists()


def test_it_ends_with_its_standard_input() -> None:
    """A parent that closes the pipe, or dies, takes the org with it."""
    with running("--empty", "--json", "--until-stdin-closes") as process:
        assert process.stdout is not None
        assert process.stdin is not None
        info = json.loads(process.stdout.readline())
        process.stdin.write("anything that comes is ignored\n")
        process.stdin.flush()
        time.sleep(0.3)
        assert process.poll() is None
        started = time.monotonic()
        process.stdin.close()
        assert process.wait(SECONDS) == 0
        assert time.monotonic() - started < 3
        assert refuses_connections(info["instance_url"])


@pytest.mark.catalogue("S31")
def test_it_ends_when_its_parent_is_killed() -> None:
    """Nothing outlives a parent that had no chance to say good-bye."""
    parent = (
        "import subprocess, sys, time\n"
        "command = [sys.executable, '-m', 'sfdata.localorg', '--empty', '--json', '--until-stdin-closes']\n"
        "child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)\n"
        "print(child.stdout.readline(), flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        info = json.loads(process.stdout.readline())
        assert not refuses_connections(info["instance_url"])
        process.kill()
        deadline = time.monotonic() + 10
        while not refuses_connections(info["instance_url"]) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert refuses_connections(info["instance_url"])


def test_without_standard_input_it_runs_on() -> None:
    """Unless asked to, it does not care for its standard input."""
    with running("--empty", "--json") as process:
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdout.readline()
        process.stdin.close()
        time.sleep(0.5)
        assert process.poll() is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_while_it_loads(number: signal.Signals, tmp_path: Path) -> None:
    """A big company takes a while to load; a signal in the middle ends the process in order, and undoes the half."""
    data = tmp_path / "data"
    with running("--scale", "200", "--json", "--data", str(data)) as process:
        assert process.stderr is not None
        assert "Loading the sample company (scale 200)" in process.stderr.readline()
        time.sleep(0.5)
        process.send_signal(number)
        assert ended(process) == (0, "", "")
    assert not [file for file in data.rglob("*") if file.suffix in (".pem", ".key")]
    with LocalOrg(sample_data=False, data=data) as org:
        assert not refuses_connections(org.instance_url)


def test_people_get_a_text_without_secrets() -> None:
    """Address, files and how to connect the common clients; secrets are in a private file, not on the screen."""
    with running("--empty", "--tls") as process:
        assert process.stdout is not None
        text = ""
        while "Ctrl-C" not in text:
            text += process.stdout.readline()
        secrets_file = Path(re.findall(r"secrets +(\S+)", text)[0])
        assert stat.S_IMODE(secrets_file.stat().st_mode) == 0o600
        secrets = json.loads(secrets_file.read_text())
        for key in ("access_token", "client_secret", "refresh_token", "password"):
            assert secrets[key]
            assert secrets[key] not in text
        for wanted in (secrets["instance_url"], secrets["ca_file"], "simple-salesforce", "jsforce", "sf org login jwt"):
            assert wanted in text
        process.terminate()
        assert process.wait(SECONDS) == 0
        assert not secrets_file.exists()


def test_the_scale_and_the_day_reach_the_company() -> None:
    """Progress goes to stderr; the rows are those of the scale and the day asked for."""
    with running("--scale", "0.05", "--as-of", "2024-06-30", "--json") as process:
        assert process.stdout is not None
        info = json.loads(process.stdout.readline())
        connection = http.client.HTTPConnection(urlsplit(info["instance_url"]).netloc, timeout=SECONDS)
        soql = "SELECT+MAX(CreatedDate)+newest,COUNT(Id)+many+FROM+Account"
        headers = {"Authorization": f"Bearer {info['access_token']}"}
        connection.request("GET", f"/services/data/v66.0/query?q={soql}", headers=headers)
        (row,) = json.loads(connection.getresponse().read())["records"]
        connection.close()
        assert row["newest"] <= "2024-07-01"
        assert row["newest"] > "2023-06-30"
        assert 100 <= row["many"] <= 200
        process.terminate()
        status, _, err = ended(process)
        assert status == 0
        assert err.splitlines()[0] == "Loading the sample company (scale 0.05) …"
        assert err.splitlines()[-1].endswith("records.")


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--port", "{taken}"], ["Port", "{taken}"]),
        (["--port", "70000"], ["port"]),
        (["--scale", "-1"], ["scale"]),
        (["--as-of", "someday"], ["as_of", "someday"]),
        (["--schema", "{folder}/none.toml"], ["none.toml"]),
        (["--schema", "{folder}/bad.toml"], ["bad.toml"]),
        (["--data", "{folder}/bad.toml"], ["bad.toml"]),
    ],
)
def test_what_cannot_start_says_why_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], args: list[str], words: list[str]
) -> None:
    """Status 2 and one line on stderr that names the cause; nothing on stdout, and the signals are as before."""
    (tmp_path / "bad.toml").write_text("this is = not [toml")
    before = signal.getsignal(signal.SIGTERM)
    with socket.create_server(("127.0.0.1", 0)) as server:
        names = {"taken": str(server.getsockname()[1]), "folder": str(tmp_path)}
        assert main(["--empty", "--json", *(arg.format(**names) for arg in args)]) == 2
    assert signal.getsignal(signal.SIGTERM) is before
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    for word in words:
        assert word.format(**names) in line


def test_the_status_reaches_the_shell() -> None:
    """The module ends with the status that `main` returns."""
    with running("--port", "70000") as process:
        status, out, err = ended(process)
    assert (status, out, err.count("\n")) == (2, "", 1)


def test_help_loads_no_org() -> None:
    """The options can be listed without loading what runs an org."""
    code = "import sys; from sfdata.localorg.__main__ import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
    check = "print([m for m in ('cryptography', 'jwt', 'sqlite3', 'sfdata.localorg.org') if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code + check], capture_output=True, text=True, timeout=SECONDS, check=True
    )
    assert "--until-stdin-closes" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"
