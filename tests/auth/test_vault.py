"""The vault: what was sealed opens unchanged or not at all, and its key lies in a keyring we trust or nowhere."""

from __future__ import annotations

import base64
import json
import pickle

import keyring.core
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from keyring.backend import KeyringBackend
from keyring.backends import chainer, fail, null

from sfdata.auth.vault import KEYRINGS, NoKeyring, Vault, drop_key, find_vault, make_vault
from sfdata.errors import VaultRefused
from sfdata.secret import Secret

KEY = bytes(range(32))
CANARY = "canary-in-the-vault"


@pytest.fixture
def vault():
    return Vault(Secret(base64.b64encode(KEY).decode()))


@pytest.mark.catalogue("S14")
def test_a_seal_is_aes_gcm_with_the_nonce_before_it(vault):
    """What is sealed is 12 bytes of nonce and AES-256-GCM of the text, bound to what it is about."""
    sealed = vault.seal(Secret(CANARY), b"about")
    assert AESGCM(KEY).decrypt(sealed[:12], sealed[12:], b"about") == CANARY.encode()
    assert CANARY.encode() not in sealed
    assert vault.open(sealed, b"about").reveal() == CANARY


@pytest.mark.catalogue("S14")
def test_a_seal_with_any_bit_changed_does_not_open(vault):
    """Each bit of nonce, text and tag, each cut, another key and another subject: refused, without the text."""
    sealed = vault.seal(Secret(CANARY), b"about")
    flipped = [
        sealed[:place] + bytes([sealed[place] ^ 1 << bit]) + sealed[place + 1 :]
        for place in range(len(sealed))
        for bit in range(8)
    ]
    other = Vault(Secret(base64.b64encode(bytes(32)).decode()))
    attempts = [(vault, one, b"about") for one in (*flipped, *(sealed[:n] for n in range(len(sealed))), sealed + b"x")]
    for opener, content, about in [
        *attempts,
        (vault, sealed, b"abouT"),
        (vault, sealed, b""),
        (other, sealed, b"about"),
    ]:
        with pytest.raises(VaultRefused, match="not as it was written") as refusal:
            opener.open(content, about)
        assert CANARY not in str(refusal.value)
        assert refusal.value.__context__ is None


@pytest.mark.catalogue("S14")
@pytest.mark.parametrize("writes", [20_000, pytest.param(1_000_000, marks=pytest.mark.slow)])
def test_no_nonce_is_used_twice(vault, writes):
    """However often the same text is sealed, its nonce is new."""
    secret = Secret("x")
    assert len({vault.seal(secret, b"")[:12] for _ in range(writes)}) == writes


def test_a_vault_stays_where_it_is(vault):
    """Neither pickling nor printing a vault gives its key away."""
    with pytest.raises(TypeError, match="Vault cannot be pickled"):
        pickle.dumps(vault)
    assert base64.b64encode(KEY).decode() not in repr(vars(vault))


# --- the keyring -----------------------------------------------------------------------------------------------------


def test_a_key_is_made_once_and_kept_by_the_keyring(system_keyring):
    """A key is 256 random bits; who looks for it later finds it, until it is dropped."""
    assert find_vault("here") is None
    sealed = make_vault("here").seal(Secret(CANARY), b"")
    ((service, name), key) = next(iter(system_keyring.passwords.items()))
    assert (service, name, len(base64.b64decode(key))) == ("sfdata", "here", 32)
    assert find_vault("here").open(sealed, b"").reveal() == CANARY
    drop_key("here")
    assert find_vault("here") is None
    make_vault("here")
    with pytest.raises(VaultRefused):
        find_vault("here").open(sealed, b"")


class PlainFile(KeyringBackend):
    """What is offered where there is nothing better: it would write the password into a file."""

    priority = 5

    def get_password(self, service, username):
        pytest.fail("was asked for a password")

    set_password = get_password


class Chain(chainer.ChainerBackend):
    backends = ()


@pytest.mark.catalogue("S14")
@pytest.mark.parametrize(
    ("backend", "reason"),
    [(fail.Keyring(), "no keyring"), (null.Keyring(), "null.Keyring"), (PlainFile(), "PlainFile"), (Chain(), "Chain")],
)
def test_a_keyring_that_is_not_known_to_encrypt_keeps_no_key(monkeypatch, backend, reason):
    """None, one that forgets, one that writes plain text, a chain of such: refused by name, and never asked."""
    monkeypatch.setattr(keyring.core, "_keyring_backend", backend)
    monkeypatch.setattr(Chain, "backends", (PlainFile(), null.Keyring()))
    for attempt in (find_vault, make_vault, drop_key):
        with pytest.raises(NoKeyring, match=reason):
            attempt("here")


@pytest.mark.catalogue("S14")
def test_of_a_chain_only_the_trusted_keyring_is_used(monkeypatch, system_keyring):
    """Where several keyrings are chained, the key goes into the first that is trusted, and into no other."""
    monkeypatch.setattr(Chain, "backends", (PlainFile(), system_keyring))
    monkeypatch.setattr(keyring.core, "_keyring_backend", Chain())
    make_vault("here")
    assert len(system_keyring.passwords) == 1


def test_a_keyring_that_stays_locked_is_told(system_keyring):
    """A keyring whose owner does not unlock it is a reason in words."""
    system_keyring.locked = True
    with pytest.raises(NoKeyring, match="KeyringLocked"):
        find_vault("here")


def test_the_trusted_keyrings_exist():
    """Each name on the list is a keyring of the package, misspelt in no letter."""
    assert all(issubclass(keyring.core._load_keyring_class(name), KeyringBackend) for name in KEYRINGS)


def test_a_text_that_is_no_json_is_sealed_as_it_is(vault):
    """Any text comes back as it was, also with characters beyond ASCII."""
    text = json.dumps({"a": "ä€𝄞"}, ensure_ascii=False)
    assert vault.open(vault.seal(Secret(text), b""), b"").reveal() == text
