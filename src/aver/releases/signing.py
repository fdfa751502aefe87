"""Who vouches for a release: provenance as a signed statement, and signatures over models that are files."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from base64 import b64decode
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from aver.core import canonical_json, rfc3339
from aver.core.errors import InvalidInput, Unavailable, VerificationFailed
from aver.evidence.dsse import opened, public_pem, sealed, statement
from aver.releases.types import Release
from aver.store.faults import translated
from aver.store.files import private_directory, sync_directory

__all__ = [
    "PROVENANCE",
    "check_subject",
    "model_signature",
    "own_key",
    "provenance_statement",
    "sign_release",
    "signed_release",
]

PROVENANCE = "https://slsa.dev/provenance/v1"
MANIFEST = "manifest.json"
"""What the digest of a release is of, as the subject of statements is called."""
_BUILD = "urn:aver:release:1"
_MODEL = "https://model_signing/signature/v1.0"
_SIGSTORE = "application/vnd.dev.sigstore.bundle.v0.3+json"
_SEED = 32


def own_key(folder: Path) -> Ed25519PrivateKey:
    """The key with which this installation signs releases, made when it is first used. Raises :class:`~aver.core.errors.Unavailable` for
    one that is damaged: another in its place would make every signature before it worthless."""
    file = folder / "signing.key"
    with translated():
        private_directory(folder)
        if not file.exists():
            handle, name = tempfile.mkstemp(dir=folder, prefix=".new-")
            with open(handle, "wb") as draft:  # noqa: PTH123 - a descriptor, not a path
                draft.write(secrets.token_bytes(_SEED))
                draft.flush()
                os.fsync(draft.fileno())
            with suppress(FileExistsError):  # another process made one at the same moment
                file.hardlink_to(name)
            Path(name).unlink()
            sync_directory(folder)
        seed = file.read_bytes()
    if len(seed) != _SEED:
        raise Unavailable(f"The key file {file} is damaged", "Restore it from a backup.")
    return Ed25519PrivateKey.from_private_bytes(seed)


def provenance_statement(release: Release) -> dict[str, Any]:
    """How the release came to be, as in-toto's statement of SLSA provenance (https://slsa.dev/spec/v1.0/provenance)."""
    made, manifest = release.provenance, release.manifest
    sources: list[dict[str, Any]] = []
    if made.commit:
        uri = f"git+{made.repository}" if made.repository else "git+file:."
        branch = f"@refs/heads/{made.branch}" if made.branch else ""
        sources.append({"uri": uri + branch, "digest": {"gitCommit": made.commit}})
    sources += [{"uri": f"pkg:pypi/{name}@{version}"} for name, version in sorted(made.packages.items())]
    parameters = {"createdBy": release.created_by, "note": made.note}
    inside = {"dirty": made.dirty, "software": manifest.software, "indexes": dict(made.indexes)}
    predicate = {
        "buildDefinition": {
            "buildType": _BUILD,
            "externalParameters": {name: value for name, value in parameters.items() if value},
            "internalParameters": {name: value for name, value in inside.items() if value not in (None, {})},
            "resolvedDependencies": sources,
        },
        "runDetails": {
            "builder": {"id": f"urn:aver:builder:{made.builder or 'unknown'}"},
            "metadata": {"invocationId": release.digest, "finishedOn": rfc3339(release.created)},
        },
    }
    return statement([(MANIFEST, release.digest)], PROVENANCE, predicate)


def sign_release(release: Release, key: Ed25519PrivateKey) -> dict[str, Any]:
    """The DSSE envelope of its provenance."""
    return sealed(provenance_statement(release), key)


def check_subject(envelope: Mapping[str, Any], digest: str) -> None:
    """Raises :class:`~aver.core.errors.InvalidInput` unless the envelope is around a statement about the release with this digest. Who signed
    it, if anybody, :func:`signed_release` tells."""
    try:
        said = json.loads(b64decode(envelope["payload"], validate=True))
        about = {each["digest"].get("sha256") for each in said["subject"]}
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        raise InvalidInput(
            "This is no in-toto statement in a DSSE envelope", "Give the file that was signed."
        ) from None
    if digest not in about:
        raise InvalidInput("The statement is about something else than this release", "Give the one that is about it.")


def signed_release(envelope: Mapping[str, Any], digest: str, key: Ed25519PublicKey) -> bool:
    """Whether the holder of ``key`` signed this envelope, and it is about the release with this digest."""
    try:
        check_subject(envelope, digest)
        opened(canonical_json(dict(envelope)), key)
    except (InvalidInput, VerificationFailed):
        return False
    return True


def model_signature(name: str, files: Mapping[str, str], key: Ed25519PrivateKey) -> dict[str, Any]:
    """A signature over a model's files, by path with their SHA-256, in the layout of OpenSSF's model signing: a Sigstore bundle around a
    statement that lists them (https://github.com/sigstore/model-transparency/blob/main/docs/model_signing_format.md)."""
    listed = sorted(files.items())
    root = sha256(b"".join(bytes.fromhex(digest) for _, digest in listed)).hexdigest()
    predicate = {
        "serialization": {
            "method": "files",
            "hash_type": "sha256",
            "allow_symlinks": False,
            "ignore_paths": ["model.sig"],
        },
        "resources": [{"name": path, "algorithm": "sha256", "digest": digest} for path, digest in listed],
    }
    envelope = sealed(statement([(name, root)], _MODEL, predicate), key)
    for signature in envelope["signatures"]:
        signature["keyid"] = ""  # the bundle says whose key it is
    pem = public_pem(key.public_key())
    return {
        "mediaType": _SIGSTORE,
        "verificationMaterial": {"publicKey": {"hint": sha256(pem.encode()).hexdigest()}, "tlogEntries": []},
        "dsseEnvelope": envelope,
    }
