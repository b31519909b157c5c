"""Snapshots: everything comes back, and what is no snapshot is refused."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path
from threading import Event, Thread

import httpx
import pytest

from sfdata.errors import ConfigurationError
from sfdata.localorg import LocalOrg
from sfdata.localorg.__main__ import main

SCHEMA = '[Invoice__c]\nlabel = "Invoice"\n[Invoice__c.fields]\nAmount__c = { type = "currency" }\n'


def dump(org: LocalOrg) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, as the database has them."""
    connection = org.instance.store.connection
    names = [name for (name,) in connection.execute("SELECT name FROM main.sqlite_schema WHERE type = 'table'")]
    return {name: connection.execute(f'SELECT * FROM main."{name}"').fetchall() for name in sorted(names)}


def new_account(org: LocalOrg, name: str) -> str:
    instance = org.instance
    return instance.records.create(instance.object("Account"), {"Name": name}, org.user_id)


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("restored_into", [False, True])
def test_everything_comes_back(tmp_path: Path, kept: bool, restored_into: bool) -> None:
    """From memory or a directory, into memory or a directory: the same rows, the recycle bin too, and new Ids."""
    path = tmp_path / "org.snapshot"
    with LocalOrg(scale=0.01, data=tmp_path / "one" if kept else None) as org:
        doomed = new_account(org, "doomed")
        org.instance.records.delete(org.instance.object("Account"), doomed, org.user_id)
        last = new_account(org, "last")
        org.snapshot(path)
        before = dump(org)
        new_account(org, "after the snapshot")
    with LocalOrg(snapshot=path, data=tmp_path / "two" if restored_into else None) as org:
        assert dump(org) == before
        assert new_account(org, "next") > last
        assert (org.org_id, org.username) == (before["Organization"][0][1], "admin@northwind-tools.example")


def test_a_restored_directory_goes_on_by_itself(tmp_path: Path) -> None:
    """Started again without the snapshot it has what was written since; with it, it is refused."""
    path, data = tmp_path / "s", tmp_path / "data"
    with LocalOrg(sample_data=False) as org:
        org.snapshot(path)
    with LocalOrg(snapshot=path, data=data) as org:
        record = new_account(org, "kept")
    with LocalOrg(data=data, sample_data=False) as org:
        assert org.instance.store.get(org.instance.object("Account"), record)
    with pytest.raises(ConfigurationError, match="has records already"):
        LocalOrg(snapshot=path, data=data).start()


def test_a_snapshot_is_one_private_file(tmp_path: Path) -> None:
    """One file that only this user can read, whole in itself, in place of an older one."""
    path = tmp_path / "s"
    path.write_text("older")
    with LocalOrg(sample_data=False, data=tmp_path / "data") as org:
        org.snapshot(str(path))
        assert {file.name for file in tmp_path.iterdir()} == {"s", "data"}
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        org.snapshot(path)
    with LocalOrg(snapshot=path, sample_data=False) as org:
        assert org.instance.storage.rows()["User"] == 1
    assert {file.name for file in tmp_path.iterdir()} == {"s", "data"}


def test_a_snapshot_adds_no_sample_company(tmp_path: Path) -> None:
    """An empty org stays empty although sample data are the rule."""
    with LocalOrg(sample_data=False) as org:
        org.snapshot(tmp_path / "s")
    with LocalOrg(snapshot=tmp_path / "s") as org:
        assert org.instance.storage.rows()["Account"] == 0


def test_a_snapshot_is_of_one_moment(tmp_path: Path) -> None:
    """Taken while others write, it has whole transactions only."""
    with LocalOrg(sample_data=False) as org:
        instance, stop = org.instance, Event()

        def write() -> None:
            while not stop.is_set():
                with instance.store.transaction():
                    new_account(org, "left")
                    new_account(org, "right")

        writer = Thread(target=write)
        writer.start()
        try:
            for number in range(5):
                org.snapshot(tmp_path / str(number))
        finally:
            stop.set()
            writer.join()
    for number in range(5):
        with LocalOrg(snapshot=tmp_path / str(number)) as org:
            names = [row[0] for row in org.instance.store.connection.execute('SELECT "Name" FROM "Account"')]
            assert names.count("left") == names.count("right")


def test_custom_objects_need_their_schema(tmp_path: Path) -> None:
    """Rows that the schema would hide are told of; with the schema file they are back."""
    schema, path = tmp_path / "schema.toml", tmp_path / "s"
    schema.write_text(SCHEMA)
    with LocalOrg(sample_data=False, schema=schema) as org:
        invoice = org.instance.object("Invoice__c")
        org.instance.records.create(invoice, {"Amount__c": 1.5}, org.user_id)
        org.snapshot(path)
    with pytest.raises(ConfigurationError, match=r"has Invoice__c, which this org does not know.*\n.*schema file"):
        LocalOrg(snapshot=path).start()
    with LocalOrg(snapshot=path, schema=schema) as org:
        assert org.instance.storage.rows()["Invoice__c"] == 1
    schema.write_text(SCHEMA.replace("Amount__c", "Total__c"))
    with pytest.raises(ConfigurationError, match=r"has Invoice__c\.Amount__c"):
        LocalOrg(snapshot=path, schema=schema).start()


def test_other_files_are_no_snapshots(tmp_path: Path) -> None:
    """A missing file, a text, another database, half a snapshot: each is named, and no directory is begun."""
    with LocalOrg(sample_data=False) as org:
        org.snapshot(tmp_path / "good")
    whole = (tmp_path / "good").read_bytes()
    (tmp_path / "text").write_text("hello " * 100)
    (tmp_path / "half").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "empty").write_bytes(b"")
    connection = sqlite3.connect(tmp_path / "database")
    connection.execute("CREATE TABLE t (a)")
    connection.close()
    for name, words in {
        "missing": "There is no snapshot",
        "text": "cannot be read",
        "half": "damaged|cannot be read",
        "empty": "is no snapshot",
        "database": "is no snapshot",
    }.items():
        with pytest.raises(ConfigurationError, match=words) as refused:
            LocalOrg(snapshot=tmp_path / name, data=tmp_path / "data").start()
        assert name in str(refused.value)
        assert not (tmp_path / "data" / "org.sqlite").exists()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """No directory, no snapshot, and nothing left behind."""
    with (
        LocalOrg(sample_data=False) as org,
        pytest.raises(ConfigurationError, match=r"snapshot .*nowhere.* cannot be written"),
    ):
        org.snapshot(tmp_path / "nowhere" / "s")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="signals as other systems have them")
def test_the_command_saves_and_starts_again(tmp_path: Path) -> None:
    """``--save-snapshot`` writes when a signal ends the process, ``--snapshot`` starts from it.

    A place where nothing can be written is told at the start.
    """
    (tmp_path / "seed").mkdir()
    (tmp_path / "seed" / "Account.csv").write_text("Name\nAcme\n")
    for source in (["--seed-from", "seed", "--latency", "5:2"], ["--snapshot", "s"]):
        command = [sys.executable, "-m", "sfdata.localorg", "--json", "--save-snapshot", "s", *source]
        with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            info = json.loads(process.stdout.readline())
            headers = {"Authorization": f"Bearer {info['access_token']}"}
            url = f"{info['instance_url']}/services/data/v66.0/query?q=SELECT+Name+FROM+Account"
            rows = httpx.get(url, headers=headers, trust_env=False).json()["records"]
            process.terminate()
            assert process.wait(30) == 0
        assert [row["Name"] for row in rows] == ["Acme"]
    for nowhere in (tmp_path / "nowhere" / "s", tmp_path):
        assert main(["--save-snapshot", str(nowhere), "--empty"]) == 2
