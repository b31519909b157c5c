"""The store of one login: whole, encrypted, bound to its login, its owner's alone, and for one renewal at a time."""

from __future__ import annotations

import base64
import json
import os
import stat
import threading
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sfdata import state
from sfdata.auth import RefreshToken, Token, token_store
from sfdata.auth.token_store import Kept, TokenStore
from sfdata.auth.tokens import Link, Login
from sfdata.auth.vault import Vault
from sfdata.errors import AuthenticationError, RequestTimeout, VaultRefused
from sfdata.secret import Secret

KEY = bytes(range(32))
DIGEST = "ab" * 32
TOKEN = Token(
    access=Secret("00DAA000000000A!access-canary"),
    instance_url="https://acme.my.salesforce.com",
    identity_url="https://login.salesforce.com/id/00DAA000000000A2AQ/005AA0000000001YAA",
    lifetime=7200.0,
)
KEPT = Kept(TOKEN, Secret("refresh-canary"), 1_800_000_000.5, -600.0)

posix = pytest.mark.skipif(os.name != "posix", reason="modes and owners are looked at on POSIX")


def vault(key=KEY):
    return Vault(Secret(base64.b64encode(key).decode()))


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "logins"
    made.mkdir(mode=0o700)
    return made


@pytest.fixture
def store(folder):
    return TokenStore(folder / "one.login", DIGEST, vault(), name="prod", begin=True)


def reader(store, digest=DIGEST, key=KEY):
    """What another process has of the same file."""
    return TokenStore(store._file, digest, vault(key), name="prod", begin=False)


def test_what_is_kept_comes_back(store):
    """Another process reads every value as it was, and no token stands in the file as text."""
    assert store.load() is None
    store.save(KEPT)
    assert reader(store).load() == KEPT
    assert b"canary" not in store._file.read_bytes()


@pytest.mark.catalogue("S14")
def test_the_file_is_the_form_that_is_documented(store):
    """A line of JSON in clear, then nonce and AES-GCM of the two tokens, bound to the login and to that line."""
    store.save(KEPT)
    head, _, sealed = store._file.read_bytes().partition(b"\n")
    assert json.loads(head) == {
        "schema": 1,
        "name": "prod",
        "org": "00DAA000000000A2AQ",
        "user": "005AA0000000001YAA",
        "instance_url": "https://acme.my.salesforce.com",
        "identity_url": "https://login.salesforce.com/id/00DAA000000000A2AQ/005AA0000000001YAA",
        "lifetime": 7200.0,
        "fetched_at": 1_800_000_000.5,
        "skew": -600.0,
    }
    tokens = AESGCM(KEY).decrypt(sealed[:12], sealed[12:], DIGEST.encode() + b"\n" + head)
    assert json.loads(tokens) == ["00DAA000000000A!access-canary", "refresh-canary"]


@pytest.mark.catalogue("S14", "F2")
def test_a_file_with_any_byte_changed_or_missing_is_refused(store):
    """Whatever byte of the file is another, and wherever it is cut: VaultRefused, with a step and without a secret."""
    store.save(KEPT)
    whole = store._file.read_bytes()
    changed = [whole[:n] + bytes([whole[n] ^ 0x20]) + whole[n + 1 :] for n in range(len(whole))]
    for content in (*changed, *(whole[:n] for n in range(len(whole))), whole + b"\n"):
        store._file.write_bytes(content)
        with pytest.raises(VaultRefused, match="forget") as refusal:
            reader(store).load()
        assert "canary" not in str(refusal.value)


@pytest.mark.catalogue("S14")
@pytest.mark.parametrize("name", ["org", "user", "schema", "name", "instance_url"])
def test_a_file_said_to_be_of_another_org_or_user_is_refused(store, name):
    """What stands in clear is vouched for: with another org, user or schema in it the file does not open."""
    store.save(KEPT)
    head, _, sealed = store._file.read_bytes().partition(b"\n")
    other = json.dumps(json.loads(head) | {name: "other"}).encode()
    store._file.write_bytes(other + b"\n" + sealed)
    with pytest.raises(VaultRefused):
        reader(store).load()


@pytest.mark.catalogue("S14")
def test_a_file_in_another_logins_place_or_of_another_key_is_refused(store):
    """A whole file, copied from one login to another, does not open there; nor does it with another key."""
    store.save(KEPT)
    for stranger in (reader(store, digest="cd" * 32), reader(store, key=bytes(32))):
        with pytest.raises(VaultRefused):
            stranger.load()


def test_a_file_of_another_version_is_refused(store, monkeypatch):
    """What a later sfdata has written, by a schema that this one does not know, is left alone."""
    with monkeypatch.context() as later:
        later.setattr(token_store, "SCHEMA", 2)
        store.save(KEPT)
    with pytest.raises(VaultRefused, match="another version"):
        reader(store).load()


# --- its owner's alone -----------------------------------------------------------------------------------------------


@posix
@pytest.mark.catalogue("S15")
def test_whatever_the_umask_nobody_else_can_read(store):
    """Each file has mode 0600, also where new files would be open to all."""
    before = os.umask(0)
    try:
        with store.held():
            store.reserve()
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in store._file.parent.iterdir()}
            store.save(KEPT)
    finally:
        os.umask(before)
    modes |= {file.name: stat.S_IMODE(file.stat().st_mode) for file in store._file.parent.iterdir()}
    assert modes == {"one.lock": 0o600, "one.room": 0o600, "one.login": 0o600}


@posix
@pytest.mark.catalogue("S15")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o601])
def test_a_file_or_folder_others_can_reach_is_refused(store, mode):
    """One bit for group or world on the file, or on its folder, and the login is not used."""
    store.save(KEPT)
    store._file.chmod(mode)
    with pytest.raises(VaultRefused, match="other users"):
        reader(store).load()
    store._file.chmod(0o600)
    store._file.parent.chmod(mode | 0o700)
    with pytest.raises(VaultRefused, match="other users"):
        reader(store).load()


@posix
@pytest.mark.catalogue("S15")
def test_anothers_file_is_refused(store, monkeypatch):
    """A file that belongs to somebody else is not used, whatever is in it."""
    store.save(KEPT)
    ours = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: ours + 1)
    with pytest.raises(VaultRefused, match="another user"):
        reader(store).load()


@posix
@pytest.mark.catalogue("S15")
def test_links_are_followed_neither_for_reading_nor_for_writing(store, tmp_path):
    """A link in the place of the file, of what becomes the file, of the lock or of the folder leads nowhere."""
    store.save(KEPT)
    target = tmp_path / "target"
    store._file.rename(target)
    store._file.symlink_to(target)
    with pytest.raises(VaultRefused, match="is a link"):
        reader(store).load()
    untouched = target.read_bytes()
    for victim in (store._file, store._file.with_name("one.login.part")):
        victim.unlink(missing_ok=True)
        victim.symlink_to(target)
        store.save(KEPT)
        assert target.read_bytes() == untouched
        assert not store._file.is_symlink()
    store._file.with_suffix(".lock").symlink_to(target)
    with pytest.raises(VaultRefused, match="symbolic"), store.held():
        pytest.fail("the lock was taken")
    assert target.read_bytes() == untouched
    (tmp_path / "elsewhere").symlink_to(store._file.parent)
    with pytest.raises(VaultRefused, match="is a link"):
        TokenStore(tmp_path / "elsewhere" / "one.login", DIGEST, vault(), name="prod", begin=False).load()


# --- one writer ------------------------------------------------------------------------------------------------------


@pytest.mark.catalogue("F1")
@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
def test_a_disk_that_refuses_leaves_what_was_there(store, monkeypatch, step):
    """Whether writing, flushing or renaming fails: the old login is there, whole, and nothing beside it."""
    store.save(KEPT)

    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    targets = {"write": (state.os, "fdopen"), "fsync": (state.os, "fsync"), "replace": (state.Path, "replace")}
    monkeypatch.setattr(*targets[step], full)
    with pytest.raises(OSError, match="No space"):
        store.save(Kept(TOKEN, Secret("second"), 0.0))
    with pytest.raises(VaultRefused, match="No space"):
        store.reserve()
    monkeypatch.undo()
    assert reader(store).load() == KEPT
    assert [file.name for file in store._file.parent.iterdir()] == ["one.login"]


def test_a_login_taken_away_is_not_written_again(store):
    """Who has seen the file, and sees that it is gone, keeps nothing on this machine any more."""
    store.save(KEPT)
    other = reader(store)
    other.load()
    store._file.unlink()
    for one in (store, other, reader(store)):
        assert one.load() is None
        one.save(KEPT)
    assert not store._file.exists()


@pytest.mark.catalogue("F3")
def test_a_lock_is_held_by_one_at_a_time(store, monkeypatch):
    """Eight threads with a store each count to 80 under the lock and lose no step; a lock that never ends is told."""
    counted = [0]

    def count():
        mine = reader(store)
        for _ in range(10):
            with mine.held():
                seen = counted[0]
                threading.Event().wait(0.0001)
                counted[0] = seen + 1

    threads = [threading.Thread(target=count) for _ in range(8)]
    monkeypatch.setattr(state, "LOCK_PAUSE_SECONDS", 0.0005)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counted == [80]
    monkeypatch.setattr(token_store, "PATIENCE_SECONDS", 0.05)
    with store.held(), pytest.raises(RequestTimeout, match=f"process {os.getpid()} holds"), reader(store).held():
        pytest.fail("two held it")


def test_a_lock_taken_away_before_it_is_locked_is_none(store, monkeypatch):
    """Who opened a lock file that is gone by the time it is locked takes the one that others will find."""
    lock, locked = store._file.with_suffix(".lock"), state.locked

    def locked_too_late(file):
        monkeypatch.setattr(state, "locked", locked)
        lock.unlink()
        return locked(file)

    monkeypatch.setattr(state, "locked", locked_too_late)
    monkeypatch.setattr(token_store, "PATIENCE_SECONDS", 0.05)
    with store.held(), pytest.raises(RequestTimeout), reader(store).held():
        pytest.fail("two held it")


@pytest.mark.catalogue("A6", "S10")
def test_a_kept_token_is_sent_only_where_this_process_may_send_it(store):
    """A token that was kept for a host which only another process was told of is not used: the login says why."""
    store.save(Kept(replace(TOKEN, instance_url="https://sf.example"), Secret("kept-refresh-token"), 1_800_000_000.0))
    flow = RefreshToken(client_id="key", refresh_token="given")
    link = Link(lambda request: pytest.fail("asked the login host"), lambda flow, reason: None)
    now = {"clock": lambda: 0.0, "now": lambda: 1_800_000_060.0}
    with pytest.raises(AuthenticationError, match=r"sf\.example"):
        Login(flow, store=reader(store), **now).current(link)
    named = Login(flow, instance_url="https://sf.example", store=reader(store), **now)
    assert named.current(link).access == TOKEN.access
