"""Signed statements that other programs can check: in-toto statements in DSSE envelopes, under Ed25519 or ECDSA keys.

Sources: https://github.com/secure-systems-lab/dsse/blob/master/protocol.md and https://github.com/in-toto/attestation/tree/main/spec/v1.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from aver.core import canonical_json
from aver.core.errors import InvalidInput, NotFound
from aver.evidence.signing import fingerprint

__all__ = [
    "IN_TOTO",
    "PrivateKey",
    "PublicKey",
    "key_id",
    "opened",
    "public_pem",
    "read_private_key",
    "read_public_key",
    "signed_statement",
    "statement",
    "verified",
]

IN_TOTO = "application/vnd.in-toto+json"
_STATEMENT = "https://in-toto.io/Statement/v1"

PrivateKey: TypeAlias = Ed25519PrivateKey | EllipticCurvePrivateKey
PublicKey: TypeAlias = Ed25519PublicKey | EllipticCurvePublicKey


def statement(subjects: Sequence[tuple[str, str]], predicate_type: str, predicate: Mapping[str, Any]) -> dict[str, Any]:
    """An in-toto statement about things by their names and SHA-256 digests, hexadecimal."""
    return {
        "_type": _STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": digest}} for name, digest in subjects],
        "predicateType": predicate_type,
        "predicate": dict(predicate),
    }


def signed_statement(said: Mapping[str, Any], key: PrivateKey) -> dict[str, Any]:
    """The DSSE envelope around a statement, as canonical JSON."""
    payload = canonical_json(dict(said))
    message = _pae(IN_TOTO, payload)
    signature = key.sign(message) if isinstance(key, Ed25519PrivateKey) else key.sign(message, ECDSA(SHA256()))
    return {
        "payloadType": IN_TOTO,
        "payload": b64encode(payload).decode(),
        "signatures": [{"keyid": key_id(key.public_key()), "sig": b64encode(signature).decode()}],
    }


def opened(envelope: Mapping[str, Any]) -> dict[str, Any]:
    """The statement in an envelope, whoever signed it. Raises :class:`~aver.core.errors.InvalidInput` for what is no such envelope."""
    try:
        payload = b64decode(envelope["payload"], validate=True)
        said = json.loads(payload)
        if envelope["payloadType"] == IN_TOTO and isinstance(said, dict) and said["_type"] == _STATEMENT:
            return said
    except (KeyError, TypeError, ValueError, RecursionError):
        pass
    raise InvalidInput("This is no in-toto statement in a DSSE envelope", "Give the file that was signed.")


def verified(envelope: Mapping[str, Any], key: PublicKey) -> bool:
    """Whether one of the envelope's signatures is of the holder of ``key``."""
    try:
        message = _pae(envelope["payloadType"], b64decode(envelope["payload"], validate=True))
        signatures = [b64decode(each["sig"], validate=True) for each in envelope["signatures"]]
    except (KeyError, TypeError, ValueError, AttributeError):
        return False
    return any(_holds(key, signature, message) for signature in signatures)


def _holds(key: PublicKey, signature: bytes, message: bytes) -> bool:
    try:
        if isinstance(key, Ed25519PublicKey):
            key.verify(signature, message)
        else:
            key.verify(signature, message, ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def _pae(kind: str, payload: bytes) -> bytes:
    """Pre-authentication encoding: what is signed."""
    name = kind.encode()
    return b"DSSEv1 %d %b %d %b" % (len(name), name, len(payload), payload)


def key_id(key: PublicKey) -> str:
    """SHA-256, hexadecimal: of the raw key for Ed25519, as checkpoints of evidence are known by; else of its DER form."""
    if isinstance(key, Ed25519PublicKey):
        return fingerprint(key)
    return sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def public_pem(key: PublicKey) -> str:
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def read_private_key(file: Path) -> PrivateKey:
    """A key in PEM without a password: Ed25519, or ECDSA over P-256. Raises :class:`~aver.core.errors.NotFound` and
    :class:`~aver.core.errors.InvalidInput`."""
    try:
        key = load_pem_private_key(_read(file), None)
    except (ValueError, TypeError):  # no PEM, or one with a password
        key = None
    if isinstance(key, Ed25519PrivateKey) or (
        isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1)
    ):
        return key
    raise InvalidInput(
        f"{str(file)!r} is no private key of Ed25519 or P-256 in PEM", "Make one: openssl genpkey -algorithm ed25519"
    )


def read_public_key(file: Path) -> PublicKey:
    """As :func:`read_private_key`, the public half."""
    try:
        key = load_pem_public_key(_read(file))
    except ValueError:
        key = None
    if isinstance(key, Ed25519PublicKey) or (
        isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1)
    ):
        return key
    raise InvalidInput(f"{str(file)!r} is no public key of Ed25519 or P-256 in PEM", "Give the signer's public key.")


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise NotFound(f"{str(file)!r} cannot be read: {error.strerror}", "Check the path.") from None
