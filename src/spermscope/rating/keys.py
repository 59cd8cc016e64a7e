"""A study's Ed25519 key: ``keys/signing.pem``, made with the study, readable by its owner alone, in no export."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

FOLDER = "keys"
FILE = "signing.pem"


class SigningKey:
    """Signs under one key; ``public`` is its other half in hex."""

    def __init__(self, key: Ed25519PrivateKey | None = None) -> None:
        self._key = key or Ed25519PrivateKey.generate()
        self.public = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()

    def sign(self, message: str) -> str:
        """The signature, 128 hex digits."""
        return self._key.sign(message.encode()).hex()

    def pem(self) -> bytes:
        """The key itself, unencrypted."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def save(self, folder: Path) -> None:
        """Write it into a new ``keys`` folder of a study."""
        (folder / FOLDER).mkdir(mode=0o700)
        handle = os.open(folder / FOLDER / FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(self.pem())


def read_key(folder: Path) -> SigningKey:
    """The key of the study in ``folder``.

    Raises
    ------
    ValueError
        When there is none, or it is no Ed25519 key.
    """
    path = folder / FOLDER / FILE
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise ValueError(f"{path}: expected the study's signing key, found none") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{path}: expected an Ed25519 key, found another")
    return SigningKey(key)


def signed_by(public: str, message: str, signature: str) -> bool:
    """Whether the signature is that key's, of that message."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(bytes.fromhex(signature), message.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


def head_message(study_id: str, seq: int, chain: str) -> str:
    """What is signed for the chain as far as row ``seq``."""
    return f"spermscope rating {study_id} {seq} {chain}"
