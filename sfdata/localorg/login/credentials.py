"""The secrets of one start: made anew each time, compared in constant time, never printed.

The connected app (client id, secret, the key that JWT assertions are signed with), a refresh token, the administrator's
password and security token; and what a test must show to disturb the org or to ask what it has written.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import string
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sfdata.localorg.certificate import write_private

PRIVATE_KEY_FILE = "private_key.pem"
LETTERS = string.ascii_letters + string.digits


def random_text(length: int) -> str:
    """``length`` random letters and digits, just under six bits each."""
    return "".join(secrets.choice(LETTERS) for _ in range(length))


def digest_of(secret: str) -> bytes:
    """What is kept of a secret that only has to be known again."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).digest()


def same(given: str, expected: str) -> bool:
    """Whether two secrets are equal, in a time that does not tell where they differ."""
    return hmac.compare_digest(given.encode(errors="surrogatepass"), expected.encode())


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client must know to log in. The forms are Salesforce's: ``3MVG9…`` keys, ``5Aep8…`` refresh tokens."""

    client_id: str
    private_key_file: Path
    public_key: rsa.RSAPublicKey = field(repr=False)
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)
    password: str = field(repr=False)
    security_token: str = field(repr=False)
    fault_token: str = field(repr=False)

    @classmethod
    def create(cls, directory: Path) -> Credentials:
        """New secrets; the private key for JWT assertions goes into a file in ``directory``."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return cls(
            client_id=f"3MVG9{random_text(80)}",
            private_key_file=write_private(directory / PRIVATE_KEY_FILE, pem),
            public_key=key.public_key(),
            client_secret=secrets.token_hex(32).upper(),
            refresh_token=f"5Aep861{random_text(60)}",
            password=random_text(24),
            security_token=random_text(24),
            fault_token=secrets.token_hex(32),
        )
