"""The private key that signs JWT assertions: by one algorithm, held as a key rather than as text, and never shown.

https://help.salesforce.com/s/articleView?id=xcloud.remoteaccess_oauth_jwt_flow.htm
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from sfdata.config import pem_text
from sfdata.errors import ConfigurationError
from sfdata.secret import MASK, Secret, StaysHere

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

ALGORITHM = "RS256"
"""The only one Salesforce takes, and the only one that is used, whatever a key could do."""


class SigningKey(StaysHere):
    """An RSA private key, parsed when it first signs. From then on its PEM text and pass phrase are gone.

    Args:
        pem: the key as PEM text, encrypted or not.
        passphrase: of an encrypted key.
    """

    __slots__ = ("_key", "_passphrase", "_pem", "digest")

    def __init__(self, pem: Secret, passphrase: Secret | None = None) -> None:
        self.digest = sha256(pem.reveal().encode()).hexdigest()
        """What tells this key from others, and does not tell what it is."""
        self._pem: Secret | None = pem
        self._passphrase = passphrase
        self._key: RSAPrivateKey | None = None

    @classmethod
    def of(cls, given: str | Secret | SigningKey, passphrase: str | Secret | None) -> SigningKey:
        """The key in ``given``: PEM text, the path of a PEM file, or a key as it is."""
        if isinstance(given, SigningKey):
            return given
        return cls(pem_text(Secret.of(given), "private_key"), None if passphrase is None else Secret.of(passphrase))

    def sign(self, claims: Mapping[str, Any]) -> Secret:
        """``claims`` as a signed JWT.

        Raises:
            ConfigurationError: the key cannot be used; the message says why and never shows it.
        """
        import jwt

        if self._key is None:
            assert self._pem is not None
            self._key = _rsa_key(self._pem, self._passphrase)
            self._pem = self._passphrase = None
        return Secret(jwt.encode(dict(claims), self._key, algorithm=ALGORITHM))

    def __repr__(self) -> str:
        return f"SigningKey({MASK})"


def _rsa_key(pem: Secret, passphrase: Secret | None) -> RSAPrivateKey:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    encrypted = "ENCRYPTED" in pem.reveal()
    if encrypted and not passphrase:
        raise ConfigurationError("the private key is encrypted and needs a passphrase (SF_PRIVATE_KEY_PASSPHRASE)")
    try:
        key = load_pem_private_key(
            pem.reveal().encode(), passphrase.reveal().encode() if encrypted and passphrase else None
        )
    except Exception:  # noqa: BLE001 - cryptography raises several types, whose texts may quote the key
        key = None
    if isinstance(key, RSAPrivateKey):
        return key
    raise ConfigurationError(_fault(pem, encrypted=encrypted, parsed=key is not None))


def _fault(pem: Secret, *, encrypted: bool, parsed: bool) -> str:
    if any(mark in pem.reveal() for mark in ("PUBLIC KEY", "BEGIN CERTIFICATE")):
        return "the private key setting holds a public key or a certificate; the login needs the private key"
    if parsed:
        return "the private key is not an RSA key; Salesforce accepts RS256 only"
    if encrypted:
        return "the private key cannot be decrypted: the passphrase is wrong, or the file is damaged"
    return "the private key is not an RSA private key in PEM form (-----BEGIN PRIVATE KEY-----)"
