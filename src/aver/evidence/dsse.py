"""Signed statements that other programs verify: envelopes of DSSE with Ed25519.

The format is https://github.com/secure-systems-lab/dsse/blob/v1.0.2/protocol.md: what is signed is the pre-authentication encoding of
type and payload, so that no payload can be taken for one of another type.
"""

from __future__ import annotations

import binascii
import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from aver.core import canonical_json
from aver.core.errors import InvalidInput, VerificationFailed
from aver.evidence.signing import fingerprint

__all__ = [
    "IN_TOTO",
    "STATEMENT",
    "opened",
    "private_key",
    "public_key",
    "public_pem",
    "sealed",
    "statement",
    "unverified",
]

IN_TOTO = "application/vnd.in-toto+json"
"""The type of an in-toto statement (https://github.com/in-toto/attestation/blob/main/spec/v1/envelope.md)."""
STATEMENT = "https://in-toto.io/Statement/v1"


def statement(subjects: Iterable[tuple[str, str]], predicate_type: str, predicate: Mapping[str, Any]) -> dict[str, Any]:
    """An in-toto statement about things by name and SHA-256, hexadecimal
    (https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md)."""
    return {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": digest}} for name, digest in subjects],
        "predicateType": predicate_type,
        "predicate": dict(predicate),
    }


def sealed(payload: Any, key: Ed25519PrivateKey, kind: str = IN_TOTO) -> dict[str, Any]:
    """An envelope around ``payload``, any JSON. ``keyid`` is the key's fingerprint."""
    body = canonical_json(payload)
    signature = {"keyid": fingerprint(key.public_key()), "sig": b64encode(key.sign(_encoded(kind, body))).decode()}
    return {"payload": b64encode(body).decode(), "payloadType": kind, "signatures": [signature]}


def opened(envelope: bytes, key: Ed25519PublicKey, kind: str = IN_TOTO) -> dict[str, Any]:
    """The payload, an object, that the holder of ``key`` signed.

    Raises :class:`~aver.core.errors.InvalidInput` for what is no envelope of this ``kind``, and
    :class:`~aver.core.errors.VerificationFailed` where no signature is that key's.
    """
    other = InvalidInput("This is no signed statement", f"Expected is a DSSE envelope of the type {kind}.")
    try:
        written = json.loads(envelope)
        body = b64decode(written["payload"], validate=True)
        signatures = [b64decode(each["sig"], validate=True) for each in written["signatures"]]
        found = written["payloadType"]
    except (ValueError, TypeError, KeyError, binascii.Error, RecursionError):
        raise other from None
    if found != kind:
        raise other
    if not any(_signed(key, signature, _encoded(kind, body)) for signature in signatures):
        raise VerificationFailed(
            f"The statement is not signed by the key {fingerprint(key)[:16]}",
            "Get the public key from whoever made it, and the file again.",
        )
    # Nothing of the payload is looked at before somebody known stands behind it.
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        raise other from None
    if not isinstance(payload, dict):
        raise other
    return payload


def unverified(envelope: bytes) -> dict[str, Any]:
    """The payload, an object, whoever signed it: to find out who says that they did. Raises :class:`~aver.core.errors.InvalidInput`."""
    try:
        payload = json.loads(b64decode(json.loads(envelope)["payload"], validate=True))
    except (ValueError, TypeError, KeyError, binascii.Error, RecursionError):
        payload = None
    if not isinstance(payload, dict):
        raise InvalidInput("This is no signed statement", "Expected is a DSSE envelope.")
    return payload


def public_pem(key: Ed25519PublicKey) -> str:
    """As SubjectPublicKeyInfo, which every tool reads."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def public_key(pem: bytes) -> Ed25519PublicKey:
    """Of a PEM file. Raises :class:`~aver.core.errors.InvalidInput`."""
    try:
        key = load_pem_public_key(pem)
    except ValueError:
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise InvalidInput("This is no public Ed25519 key", "Give a PEM file that begins with BEGIN PUBLIC KEY.")
    return key


def private_key(pem: bytes) -> Ed25519PrivateKey:
    """Of a PEM file without a password. Raises :class:`~aver.core.errors.InvalidInput`."""
    try:
        key = load_pem_private_key(pem, None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise InvalidInput(
            "This is no private Ed25519 key", "Make one: openssl genpkey -algorithm ed25519 -out signing.pem"
        )
    return key


def _encoded(kind: str, body: bytes) -> bytes:
    """DSSE's PAE."""
    return b"DSSEv1 %d %s %d %s" % (len(kind.encode()), kind.encode(), len(body), body)


def _signed(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True
