"""What the org says about connecting is true: the lines are taken as they are printed, and used."""

from __future__ import annotations

import os
import re
import shlex

import pytest
import simple_salesforce

import sfdata
from sfdata.localorg import LocalOrg
from sfdata.localorg.__main__ import _welcome
from sfdata.localorg.welcome import TOKEN, instructions


def environment(line: str, token: str) -> dict[str, str]:
    """The variables that an ``export`` line sets."""
    command, *assignments = shlex.split(line.replace(TOKEN, token))
    assert command == "export"
    return dict(assignment.split("=", 1) for assignment in assignments)


def test_simple_salesforce_connects_as_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lines for simple-salesforce reach the org."""
    with LocalOrg(sample_data=False, tls=True) as org:
        setting, call = instructions(org.info())["simple-salesforce"].splitlines()
        for name, value in environment(setting, org.access_token).items():
            monkeypatch.setenv(name, value)
        sf = eval(call.replace(TOKEN, org.access_token), {"Salesforce": simple_salesforce.Salesforce})
        with sf.session:
            assert sf.query("SELECT Id FROM Organization")["totalSize"] == 1


@pytest.mark.parametrize("tls", [False, True])
def test_sfdata_connects_as_told(tls: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line for sfdata sets all it needs, with TLS and without."""
    for name in [name for name in os.environ if name.startswith("SF")]:
        monkeypatch.delenv(name)
    with LocalOrg(sample_data=False, tls=tls) as org:
        for name, value in environment(instructions(org.info())["sfdata"], org.access_token).items():
            monkeypatch.setenv(name, value)
        with sfdata.connect() as connected:
            assert connected.query("SELECT Id FROM Organization")["Id"].tolist() == [org.org_id]


def test_the_sf_cli_is_given_files_and_ids_that_exist() -> None:
    """The login command has the org's own address, user, key file and client id, and trusts its certificate."""
    with LocalOrg(sample_data=False, tls=True) as org:
        text = instructions(org.info())["sf CLI"]
        assert f"export NODE_EXTRA_CA_CERTS={org.ca_file}" in text.splitlines()
        command = shlex.split(text[text.index("sf org login jwt") :].replace("\\\n", " "))
        given = dict(zip(command[4::2], command[5::2], strict=True))
        assert given == {
            "--instance-url": org.instance_url,
            "--username": org.username,
            "--jwt-key-file": str(org.private_key_file),
            "--client-id": org.client_id,
        }
        assert f"sf org login web --instance-url {org.instance_url}" in text.splitlines()


@pytest.mark.parametrize("tls", [False, True])
def test_the_terminal_shows_no_secret(tls: bool) -> None:
    """Every client, the status page and where the secrets are, but none of them; nothing is left to fill in."""
    with LocalOrg(sample_data=False, tls=tls) as org:
        text = _welcome(org)
        secrets = [org.access_token, org.client_secret, org.credentials.refresh_token, org.credentials.password]
        assert [secret for secret in secrets if secret in text] == []
        for word in ("sfdata", "simple-salesforce", "jsforce", "sf CLI", f"{org.instance_url}/\n", "secrets.json"):
            assert word in text
        assert not re.search(r"(?<![({])\{\w+\}", text)
