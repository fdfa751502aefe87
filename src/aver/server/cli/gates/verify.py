"""``aver gate verify`` and ``aver gate key``: whether a statement was signed by whom one thinks, and what it says."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aver.core.errors import InvalidInput, VerificationFailed
from aver.server.cli.gates.given import read_bytes
from aver.server.cli.options import AsJson, TenantName
from aver.server.cli.output import print_json, printable
from aver.server.cli.session import Session

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

__all__ = ["key", "verify"]


def verify(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What aver gate --attest wrote.")],
    key: Annotated[Path | None, typer.Option("--key", metavar="FILE", help="The signer's public key (PEM).")] = None,
    tenant: Annotated[
        str | None,
        typer.Option("--tenant", "-t", metavar="TENANT", help="The signer is this tenant of this installation."),
    ] = None,
    release: Annotated[
        str | None,
        typer.Option(metavar="DIGEST", help="It has to be about this release: at least 6 characters of the digest."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Verify a gate's signed statement, and say what it attests; exit code 4 when the signature, or the release, is another."""
    from aver.evals.gates.attesting import attested
    from aver.evidence.dsse import opened, public_key

    if (key is None) == (tenant is None):
        raise InvalidInput("It is not said who should have signed it", "Give one of --key FILE and --tenant TENANT.")
    signer: Ed25519PublicKey
    if key is not None:
        signer = public_key(read_bytes(key, "key"))
    else:
        with Session.of(context).application() as application:
            signer = application.tenant(tenant or "").store.signing_key().public_key()
    found = attested(opened(read_bytes(file, "statement"), signer))
    if release is not None and not any(
        len(release) >= 6 and digest.startswith(release.lower()) for digest in found.subjects.values()
    ):
        subjects = ", ".join(found.subjects.values())
        raise VerificationFailed(f"The statement is not about the release {release[:64]!r}", f"It is about {subjects}.")
    if as_json:
        print_json(found)
        return
    about = ", ".join(f"{printable(name)} {digest}" for name, digest in found.subjects.items())
    sys.stdout.write(f"{found.outcome}: {about}\n")
    for outcome, names in (("pass", found.passed), ("inconclusive", found.undecided), ("fail", found.failed)):
        sys.stdout.writelines(f"  {outcome}: {printable(name)}\n" for name in names)


def key(context: typer.Context, tenant: TenantName, as_json: AsJson = False) -> None:
    """Print the public half of the key that signs a tenant's statements, as PEM: for whoever verifies them."""
    from aver.evidence.dsse import public_pem
    from aver.evidence.signing import fingerprint

    with Session.of(context).application() as application:
        public = application.tenant(tenant).store.signing_key().public_key()
    if as_json:
        print_json({"public_key": public_pem(public), "fingerprint": fingerprint(public)})
    else:
        sys.stdout.write(public_pem(public))
