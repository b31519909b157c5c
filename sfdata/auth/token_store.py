"""What is known of a login between two renewals: in memory only, or in an encrypted file that processes share.

A refresh token that rotates is good once. So whoever renews holds the lock, looks first at what others have left, and
writes the new one down before anybody uses what came with it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sfdata.auth.exchange import Token
from sfdata.auth.vault import Vault
from sfdata.errors import RequestTimeout, SalesforceError, VaultRefused
from sfdata.secret import Secret
from sfdata.state import HeldElsewhere, private_fault, save, take

SCHEMA = 1
LARGEST_FILE = 1 << 18
ROOM_BYTES = 1 << 14
PATIENCE_SECONDS = 150.0
"""How long to wait for another process that renews: somewhat longer than a login may take with all its repeats."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A login as it stands.

    Attributes:
        token: the newest access token.
        refresh: the newest refresh token, where the login goes by one.
        fetched_at: when the token came, in epoch seconds by the login host's clock.
        skew: how far this computer's clock was behind it, in seconds.
    """

    token: Token
    refresh: Secret | None
    fetched_at: float
    skew: float = 0.0


class Store(Protocol):
    """Where a login is kept."""

    def held(self) -> AbstractContextManager[None]:
        """Keep other processes from renewing this login."""

    def load(self) -> Kept | None:
        """The login as the last one to renew it left it; None where nothing is kept."""

    def reserve(self) -> None:
        """Make sure that `save` will find room."""

    def save(self, kept: Kept) -> None:
        """Keep it, durably."""


class MemoryOnly:
    """Nothing outlives the process, and nothing is shared with another."""

    def held(self) -> AbstractContextManager[None]:
        return nullcontext()

    def load(self) -> Kept | None:
        return None

    def reserve(self) -> None: ...

    def save(self, kept: Kept) -> None: ...


class TokenStore:
    """One login in an encrypted file, readable by its owner only. Each process has an object of its own on it.

    Args:
        file: where; the lock lies beside it.
        digest: of the login (`sfdata.auth.flows.Grant.digest`): a file put in another login's place does not open.
        vault: seals and opens it.
        name: what the user calls the login, if anything.
        begin: write the file if there is none. Otherwise a missing one was taken away, and is not written again.
    """

    def __init__(self, file: Path, digest: str, vault: Vault, *, name: str | None, begin: bool) -> None:
        self._file = file
        self._digest = digest
        self._vault = vault
        self._name = name
        self._wanted = begin
        self._seen = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes from renewing this login.

        Raises:
            RequestTimeout: another process has been renewing for so long that it can hardly be at work.
            VaultRefused: the lock cannot be opened, or is a link.
        """
        try:
            lock = take(self._file.with_suffix(".lock"), PATIENCE_SECONDS)
        except HeldElsewhere as problem:
            fault: SalesforceError = RequestTimeout(f"another process does not end renewing the login: {problem}")
        except OSError as problem:
            fault = VaultRefused(f"the login kept in {self._file} cannot be renewed: {problem.strerror}")
        else:
            with lock:
                yield
            return
        raise fault

    def load(self) -> Kept | None:
        """The login as the last one to renew it left it; None where the file was taken away, or never was.

        Raises:
            VaultRefused: the file is not its owner's alone, is a link, or is not as it was written.
        """
        sealed = read_private(self._file)
        if sealed is None:
            self._wanted = self._wanted and not self._seen
            return None
        head, _, body = sealed.partition(b"\n")
        tokens, about = self._vault.open(body, self._about(head)), read_head(sealed)
        if about.get("schema") != SCHEMA:
            hint = "Use that version, or sfdata.forget() and log in again."
            raise VaultRefused(f"the login kept in {self._file} was written by another version of sfdata", hint=hint)
        kept = _kept(about, tokens)
        self._wanted = self._seen = True
        return kept

    def reserve(self) -> None:
        """Take the room that a file needs on the disk, before a refresh token is used that is good once.

        Raises:
            VaultRefused: there is none, or the folder cannot be written.
        """
        try:
            save(self._room, bytes(ROOM_BYTES))
        except OSError as problem:
            fault = VaultRefused(f"the login cannot be kept: {problem.strerror}", hint="Nothing was sent, or is lost.")
        else:
            return
        raise fault

    def save(self, kept: Kept) -> None:
        """Keep it, durably, unless it was taken away on purpose.

        Raises:
            OSError: the disk does not take it.
        """
        self._room.unlink(missing_ok=True)
        if self._wanted:
            head = json.dumps(_head(kept, self._name)).encode()
            save(self._file, head + b"\n" + self._vault.seal(_tokens(kept), self._about(head)))
            self._seen = True

    @property
    def _room(self) -> Path:
        return self._file.with_suffix(".room")

    def _about(self, head: bytes) -> bytes:
        """What the encryption vouches for beside the content: which login it is, of which org and user."""
        return self._digest.encode() + b"\n" + head


# --- the file --------------------------------------------------------------------------------------------------------


def _head(kept: Kept, name: str | None) -> dict[str, Any]:
    """What stands in clear on the first line: all but the tokens."""
    token = kept.token
    return {
        "schema": SCHEMA,
        "name": name,
        "org": token.org_id,
        "user": token.user_id,
        "instance_url": token.instance_url,
        "identity_url": token.identity_url,
        "lifetime": token.lifetime,
        "fetched_at": kept.fetched_at,
        "skew": kept.skew,
    }


def read_head(content: bytes) -> Mapping[str, Any]:
    """The first line of a login's file; an empty one where it is none. Only the seal vouches for it."""
    try:
        found = json.loads(content.partition(b"\n")[0])
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _tokens(kept: Kept) -> Secret:
    return Secret(json.dumps([kept.token.access.reveal(), kept.refresh and kept.refresh.reveal()]))


def _kept(head: Mapping[str, Any], tokens: Secret) -> Kept:
    access, refresh = (one and Secret(one) for one in json.loads(tokens.reveal()))
    about = {name: head[name] for name in ("instance_url", "identity_url", "lifetime")}
    return Kept(Token(access=access, **about, found=True), refresh, head["fetched_at"], head["skew"])


def read_private(file: Path) -> bytes | None:
    """The content of a file that only this user can reach; None where there is none.

    Raises:
        VaultRefused: others can reach it or its folder, it belongs to another user, or it is a link.
    """
    try:
        reason = private_fault(file.parent.lstat()) or private_fault(file.lstat())
        if reason is None:
            # What was looked at is what is read: a link that has come into its place meanwhile is not followed.
            with os.fdopen(os.open(file, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb") as opened:
                reason = private_fault(os.fstat(opened.fileno()))
                if reason is None:
                    return opened.read(LARGEST_FILE)
    except FileNotFoundError:
        return None
    except OSError as problem:
        reason = f"cannot be read: {problem.strerror}"
    raise VaultRefused(
        f"the login kept in {file} is not used: the file or its folder {reason}",
        hint="Only you may reach it (chmod 700 for the folder, 600 for the file). sfdata.forget() takes it away.",
    )
