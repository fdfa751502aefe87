"""``aver release sign-off``, ``gate``, ``sign``, ``verify`` and ``key``: what people, gates and keys say of a release."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast, get_args

import typer

from aver.core.errors import InvalidInput, NotFound, VerificationFailed
from aver.server.cli.options import AsJson
from aver.server.cli.output import print_json, printable
from aver.server.cli.releases.words import By, Out, Reason, Reference, opened, told, user, written

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

__all__ = ["gate", "key", "sign", "sign_off", "verify"]

PublicKeys = Annotated[
    list[Path],
    typer.Option("--key", metavar="FILE", help="A public Ed25519 key in PEM that has to have signed it; repeat it."),
]


def sign_off(
    context: typer.Context,
    reference: Reference,
    role: Annotated[str, typer.Option("--role", metavar="ROLE", help="In which role.")],
    by: By = None,
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="What was looked at; it is kept.")] = "",
    as_json: AsJson = False,
) -> None:
    """Say, in a role that the release asks for, that it may be promoted."""
    with opened(context) as (_, releases):
        release = releases.get(reference)
        given = releases.sign_off(release, role, by=user(by), note=note)
    if as_json:
        print_json({"digest": release.digest, "sign_off": given})
    else:
        sys.stdout.write(f"{told(release.digest)} is signed off as {printable(role)} by {printable(given.by)}\n")


def withdraw(
    context: typer.Context,
    reference: Reference,
    role: Annotated[str, typer.Option("--role", metavar="ROLE", help="In which role it was said.")],
    signer: Annotated[str, typer.Option("--of", metavar="NAME", help="Who said it.")],
    reason: Reason,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Have a sign-off count no more, as that of somebody who has lost the role. What was promoted with it stays in force."""
    with opened(context) as (_, releases):
        release = releases.get(reference)
        releases.withdraw(release, role, signer, by=user(by), reason=reason)
    if as_json:
        print_json({"digest": release.digest, "role": role, "of": signer, "withdrawn": True})
    else:
        sys.stdout.write(
            f"{told(release.digest)} is no longer signed off as {printable(role)} by {printable(signer)}\n"
        )


def gate(
    context: typer.Context,
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help='What a gate said: {"digest": ..., "outcome": ..., "attestation": ...}.'),
    ],
    by: By = None,
    keys: PublicKeys = [],  # noqa: B006 - Typer copies it
    as_json: AsJson = False,
) -> None:
    """Take what a gate said of a release, elsewhere or before, into the registry; the last word counts. An attestation has to be about the release,
    and with --key signed."""
    from aver.releases import GateRecord
    from aver.releases.signing import check_subject, signed_release
    from aver.releases.types import GateOutcome

    said = _json(file)
    digest, outcome, attestation = said.get("digest"), said.get("outcome"), said.get("attestation")
    if not isinstance(digest, str) or outcome not in get_args(GateOutcome):
        raise InvalidInput(f"{str(file)!r} is no outcome of a gate", 'Give {"digest": ..., "outcome": "pass"}.')
    if attestation is not None:
        check_subject(attestation, digest)
    for each in _public(keys):
        if attestation is None or not signed_release(attestation, digest, each):
            raise VerificationFailed("The outcome is not signed by this key", "Get it from whoever ran the gate.")
    with opened(context) as (application, releases):
        record = GateRecord(digest, cast(GateOutcome, outcome), application.clock.now(), user(by), attestation)
        releases.record_gate(record)
    if as_json:
        print_json({"digest": digest, "outcome": outcome})
    else:
        sys.stdout.write(f"{told(digest)}: the gate says {outcome}\n")


def sign(
    context: typer.Context,
    reference: Reference,
    private: Annotated[
        Path | None,
        typer.Option("--key", metavar="FILE", help="A private Ed25519 key in PEM; the installation's, by default."),
    ] = None,
    models: Annotated[
        Path | None,
        typer.Option(
            "--models", metavar="DIR", help="Sign models that are files too: OpenSSF's model.sig, a folder each."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Sign a release's provenance: a DSSE envelope around an in-toto statement, kept with the release."""
    from aver.evidence.signing import fingerprint
    from aver.releases.roles import models_of
    from aver.releases.signing import model_signature, sign_release

    with opened(context) as (application, releases):
        release = releases.get(reference)
        signer = _private(private) if private is not None else _own(application)
        name = fingerprint(signer.public_key())
        envelope = sign_release(release, signer)
        releases.add_signature(release, name, envelope)
    signed = []
    for folder, files in models_of(release.manifest).items() if models is not None else ():
        assert models is not None
        target = models / folder / "model.sig"
        target.parent.mkdir(parents=True, exist_ok=True)
        title = "bundle" if folder == "." else Path(folder).name
        written(target, json.dumps(model_signature(title, files, signer), indent=2).encode() + b"\n")
        signed.append(str(target))
    if as_json:
        print_json({"digest": release.digest, "key": name, "envelope": envelope, "models": signed})
    else:
        also = "".join(f"\nmodel signature {printable(each)}" for each in signed)
        sys.stdout.write(f"{told(release.digest)} is signed by {name}{also}\n")


def verify(
    context: typer.Context,
    reference: Reference,
    keys: PublicKeys = [],  # noqa: B006 - Typer copies it
    as_json: AsJson = False,
) -> None:
    """Check a release: every file by its bytes, the manifest by its digest, each signature by its key. Exit code 4 where something does not add up,
    or a --key has not signed it."""
    from aver.evidence.signing import fingerprint
    from aver.releases.signing import signed_release

    with opened(context) as (application, releases):
        release = releases.get(reference)
        damaged = releases.damaged(release)
        envelopes = releases.signatures(release)
        known = {fingerprint(each): each for each in (_own(application).public_key(), *_public(keys))}
    if damaged:
        raise VerificationFailed(
            f"{len(damaged)} of the release's files are gone or changed, the first {damaged[0]!r}",
            "Restore the data directory's releases from a backup, or import the release again.",
        )
    signatures = {
        name: "unknown key"
        if name not in known
        else "signed"
        if signed_release(envelope, release.digest, known[name])
        else "bad"
        for name, envelope in envelopes.items()
    }
    if bad := [name for name, word in signatures.items() if word == "bad"]:
        raise VerificationFailed(f"The signature of the key {told(bad[0])} does not hold", "Have it signed again.")
    for each in _public(keys):
        if signatures.get(fingerprint(each)) != "signed":
            raise VerificationFailed(
                f"The key {told(fingerprint(each))} has not signed the release", "Have its holder sign it."
            )
    if as_json:
        print_json(
            {"digest": release.digest, "ok": True, "files": len(release.manifest.files), "signatures": signatures}
        )
        return
    said = "".join(f"\n{told(name)}: {word}" for name, word in signatures.items()) or "\nnobody has signed it"
    sys.stdout.write(f"{told(release.digest)}: {len(release.manifest.files)} files as they were frozen{said}\n")


def key(context: typer.Context, out: Out = None, as_json: AsJson = False) -> None:
    """Show the public key with which this installation signs releases."""
    from aver.evidence.dsse import public_pem
    from aver.evidence.signing import fingerprint

    with opened(context) as (application, _):
        public = _own(application).public_key()
    pem = public_pem(public)
    if out is not None:
        written(out, pem.encode())
    if as_json:
        print_json({"fingerprint": fingerprint(public), "public_key": pem})
    else:
        sys.stdout.write(f"{fingerprint(public)}\n" if out else f"{pem}{fingerprint(public)}\n")


def _own(application: Any) -> Ed25519PrivateKey:
    from aver.releases.signing import own_key
    from aver.server.releasing import releases_folder

    return own_key(releases_folder(application))


def _private(file: Path) -> Ed25519PrivateKey:
    from aver.evidence.dsse import private_key

    return private_key(_bytes(file))


def _public(files: list[Path]) -> list[Ed25519PublicKey]:
    from aver.evidence.dsse import public_key

    return [public_key(_bytes(file)) for file in files]


def _json(file: Path) -> Mapping[str, Any]:
    try:
        said = json.loads(_bytes(file))
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, Mapping):
        raise InvalidInput(f"{str(file)!r} holds no JSON object", "Give the file that the gate wrote.")
    return said


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise NotFound(f"{str(file)!r} cannot be read: {error.strerror}", "Check the path.") from None
