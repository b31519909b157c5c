"""The logins of this process, each known once, and those that this machine remembers beyond it.

A login that was remembered once goes on being remembered, by every process that logs in by the same credentials, until
it is forgotten: one that used the refresh token it was given, where another has been given a newer one, would have the
org end both.
"""

from __future__ import annotations

import os
import threading
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from sfdata.auth.flows import AccessToken, Flow
from sfdata.auth.token_store import TokenStore, read_head, read_private
from sfdata.auth.tokens import Login
from sfdata.auth.vault import NoKeyring, Vault, drop_key, find_vault, make_vault
from sfdata.errors import ConfigurationError, NotRemembered, VaultRefused
from sfdata.state import HeldElsewhere, private_fault, state_folder, state_path, take

FOLDER = "logins"
KEY_LOCK = "key.lock"
KEY_PATIENCE_SECONDS = 60.0
"""How long to wait for another process that makes a key, as it waits for somebody to unlock the keyring."""

_lock = threading.Lock()
_logins: WeakValueDictionary[str, Login] = WeakValueDictionary()
_lasting: dict[str, Login] = {}
"""Those whose refresh token the org may have replaced: nobody else may know the new one, so they end with us."""


def login_for(
    flow: Flow,
    instance_url: str | None = None,
    *,
    name: str | None = None,
    remember: bool = False,
    clock: Callable[[], float] = time.monotonic,
    now: Callable[[], float] = time.time,
) -> Login:
    """The login by ``flow``: the one other connections of this process have, or that this machine remembers.

    Args:
        instance_url: an address the user named, which a token answer may therefore name too.
        name: what the user calls the login, if anything.
        remember: keep it on this machine from now on.
        clock, now: see `Login`.

    Raises:
        ConfigurationError: an access token cannot be renewed, so there is nothing to remember.
        VaultRefused: the login is remembered, and there is no way to it.
    """
    if isinstance(flow, AccessToken):
        if remember:
            raise ConfigurationError(
                "an access token cannot be renewed, so there is nothing to remember",
                hint="remember=True is for logins by refresh token, private key or client secret.",
            )
        return Login(flow, instance_url=instance_url, clock=clock, now=now)
    digest = flow.digest()
    store = _store(digest, name, remember=remember)
    with _lock:
        login = _logins.get(digest)
        if login is None:
            login = _logins[digest] = Login(flow, clock=clock, now=now)
        if not flow.repeatable:
            _lasting[digest] = login
    login.vouch(instance_url)
    if store is not None:
        login.keep_in(store)
    return login


def forget(name: str | None = None) -> list[str]:
    """Take logins off this machine: those of that name, or all. Connections that are open have them in memory still.

    Args:
        name: a profile's name, or the org's host (``acme.my.salesforce.com``).

    Returns:
        What was taken away, by its name or host.
    """
    folder = state_path(FOLDER)
    known = {file: _names(file) for file in sorted(folder.glob("*.login"))}
    gone = [file for file, names in known.items() if name is None or name in names]
    for file in gone:
        lock = file.with_suffix(".lock")
        with suppress(HeldElsewhere), take(lock, KEY_PATIENCE_SECONDS):
            for part in (file, file.with_suffix(".room"), file.with_name(f"{file.name}.part"), lock):
                part.unlink(missing_ok=True)
    if gone and len(gone) == len(known):
        with suppress(NoKeyring):
            drop_key(str(folder))
    return [known[file][0] for file in gone]


def _names(file: Path) -> list[str]:
    """What a login may be called: the user's name for it and the org's host, or if need be its file."""
    try:
        head = read_head(read_private(file) or b"")
    except VaultRefused:
        head = {}
    host = urlsplit(str(head.get("instance_url") or "")).netloc
    return [str(name) for name in (head.get("name"), host) if name] or [file.stem]


def _store(digest: str, name: str | None, *, remember: bool) -> TokenStore | None:
    """Where the login is kept; None where it is not, or cannot be."""
    file = state_path(FOLDER, f"{digest[:32]}.login")
    known = os.path.lexists(file)
    if not (known or remember):
        return None
    try:
        vault = find_vault(str(file.parent))
        if not known:
            _make_folder(file.parent)
            vault = vault or _made_vault(file.parent)
        reason = "the keyring of this system has no key for it" if vault is None else ""
    except NoKeyring as problem:
        vault, reason = None, str(problem)
    except OSError as problem:
        vault, reason = None, f"{file.parent}: {problem.strerror}"
    if vault is not None:
        return TokenStore(file, digest, vault, name=name, begin=remember)
    named = f" {name}" if name else ""
    if known:
        raise VaultRefused(
            f"the login{named} is remembered, but cannot be opened: {reason}",
            hint="Unlock the keyring, or sfdata.forget() and log in again.",
        )
    warnings.warn(f"the login{named} is kept in memory only: {reason}", NotRemembered, stacklevel=4)
    return None


def _make_folder(folder: Path) -> None:
    state_folder(FOLDER)
    if fault := private_fault(folder.lstat()):
        raise VaultRefused(f"no login is kept in {folder}: it {fault}", hint=f"chmod 700 {folder}")


def _made_vault(folder: Path) -> Vault:
    """A vault with a new key, unless another process has just made one."""
    with take(folder / KEY_LOCK, KEY_PATIENCE_SECONDS):
        return find_vault(str(folder)) or make_vault(str(folder))
