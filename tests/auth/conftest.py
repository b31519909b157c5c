"""Keys to log in with."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)


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
