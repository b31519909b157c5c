"""Encryption for what is kept on disk: AES-256-GCM, with a key that only the operating system's keyring keeps.

Where there is no keyring that we trust, nothing is kept: a key beside what it locks would protect from nobody.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sfdata.errors import VaultRefused
from sfdata.secret import Secret, StaysHere

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

KEYRINGS = (
    "keyring.backends.macOS.Keyring",
    "keyring.backends.Windows.WinVaultKeyring",
    "keyring.backends.SecretService.Keyring",
    "keyring.backends.libsecret.Keyring",
    "keyring.backends.kwallet.DBusKeyring",
)
"""Back ends of the package keyring that encrypt, and let nobody in but the user who is logged in. Others may not."""

SERVICE = "sfdata"
KEY_BYTES = 32
NONCE_BYTES = 12
"""96 random bits for each write; one key may encrypt four thousand million times before two of them may be alike."""


class NoKeyring(Exception):
    """There is no keyring to keep a key in, for the reason in the text."""


class Vault(StaysHere):
    """Seals and opens, by one key of 32 bytes."""

    def __init__(self, key: Secret) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._cipher = AESGCM(base64.b64decode(key.reveal()))

    def seal(self, content: Secret, about: bytes) -> bytes:
        """``content`` encrypted, to be opened with the same ``about`` only. Twice the same is never twice alike."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, content.reveal().encode(), about)

    def open(self, sealed: bytes, about: bytes) -> Secret:
        """What was sealed.

        Raises:
            VaultRefused: a bit of it, or of ``about``, is not as it was, or the key is another.
        """
        from cryptography.exceptions import InvalidTag

        try:
            return Secret(self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], about).decode())
        except (InvalidTag, ValueError):
            fault = VaultRefused(
                "what is kept of this login is not as it was written, or was written with another key",
                hint="sfdata.forget() takes it away; then connect(…, remember=True) begins anew.",
            )
        raise fault


def find_vault(key_name: str) -> Vault | None:
    """The vault whose key the system's keyring keeps under ``key_name``; None where it keeps no such key.

    Raises:
        NoKeyring: there is no keyring we trust, or it does not let us in.
    """
    keyring = _trusted_keyring()
    key = _asked(lambda: keyring.get_password(SERVICE, key_name))
    return None if key is None else Vault(key)


def make_vault(key_name: str) -> Vault:
    """A vault with a new key, which the keyring keeps; raises as `find_vault` does."""
    keyring, key = _trusted_keyring(), Secret(base64.b64encode(os.urandom(KEY_BYTES)).decode())
    _asked(lambda: keyring.set_password(SERVICE, key_name, key.reveal()))
    kept = find_vault(key_name)
    if kept is None:
        raise NoKeyring("the keyring of this system did not keep the key")
    return kept


def drop_key(key_name: str) -> None:
    """Take the key out of the keyring, so that nobody can open what it sealed; raises as `find_vault` does."""
    keyring = _trusted_keyring()
    _asked(lambda: keyring.delete_password(SERVICE, key_name))


def _asked(question: Callable[[], str | None]) -> Secret | None:
    """The keyring's answer, wrapped at once."""
    from keyring.errors import KeyringError

    try:
        answer = question()
        return None if answer is None else Secret(answer)
    except (KeyringError, OSError, RuntimeError) as problem:
        reason = type(problem).__name__
    raise NoKeyring(f"the keyring of this system did not let us in ({reason})")


def _trusted_keyring() -> KeyringBackend:
    try:
        from keyring import get_keyring
    except ImportError:
        raise NoKeyring("the package keyring is not installed: pip install 'sfdata[keyring]'") from None
    found = get_keyring()
    chain: Sequence[KeyringBackend] = getattr(found, "backends", [found])
    for one in chain:  # may be several, and the first that we trust will do
        if f"{type(one).__module__}.{type(one).__qualname__}" in KEYRINGS:
            return one
    name = f"{type(found).__module__}.{type(found).__qualname__}"
    if name == "keyring.backends.fail.Keyring":
        raise NoKeyring("this system has no keyring")
    raise NoKeyring(f"the keyring that is set up here, {name}, is not one that is known to encrypt for you alone")
