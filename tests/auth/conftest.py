"""Keys to log in with, and a keyring to keep logins by."""

from __future__ import annotations

from weakref import WeakValueDictionary

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

from sfdata.auth import remembered, vault


@pytest.fixture(scope="session")
def rsa_key():
    """One RSA key for the whole run; making one takes longer than using it."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="session")
def pem(rsa_key):
    """The key as PEM text."""
    return rsa_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.fixture(scope="session")
def old_pem(rsa_key):
    """The key in OpenSSL's older form."""
    return rsa_key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()).decode()


@pytest.fixture(scope="session", params=[PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL])
def encrypted_pem(request, rsa_key):
    """The key encrypted with the passphrase ``opensesame``, in both forms OpenSSL writes."""
    return rsa_key.private_bytes(Encoding.PEM, request.param, BestAvailableEncryption(b"opensesame")).decode()


@pytest.fixture(scope="session")
def public_pem(rsa_key):
    """The public half, which is what people upload by mistake."""
    return rsa_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.fixture(scope="session")
def elliptic_pem():
    """A private key that is not RSA."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


# --- remembered logins -----------------------------------------------------------------------------------------------


class TrustedKeyring(KeyringBackend):
    """A keyring that keeps passwords in a dictionary, and may be locked."""

    priority = 0.1  # never chosen by itself

    def __init__(self):
        super().__init__()
        self.passwords = {}
        self.locked = False

    def get_password(self, service, username):
        if self.locked:
            raise KeyringLocked("locked")
        return self.passwords.get((service, username))

    def set_password(self, service, username, password):
        self.get_password(service, username)
        self.passwords[service, username] = password

    def delete_password(self, service, username):
        self.get_password(service, username)
        del self.passwords[service, username]


@pytest.fixture
def home(monkeypatch, tmp_path):
    """A folder of its own for what sfdata keeps."""
    monkeypatch.setenv("SFDATA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def system_keyring(monkeypatch):
    """The system's keyring, as the package keyring hands it out, and one that is trusted."""
    backend = TrustedKeyring()
    monkeypatch.setattr("keyring.core._keyring_backend", backend)
    monkeypatch.setattr(vault, "KEYRINGS", (*vault.KEYRINGS, f"{TrustedKeyring.__module__}.TrustedKeyring"))
    return backend


@pytest.fixture(autouse=True)
def no_login_of_another_test(monkeypatch):
    """Each test begins like a process: no login is known."""
    monkeypatch.setattr(remembered, "_logins", WeakValueDictionary())
    monkeypatch.setattr(remembered, "_lasting", {})
