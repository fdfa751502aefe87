"""``aver pack``: evidence of a period for an auditor, and what verifies it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from aver.core.errors import InvalidInput, NotFound, VerificationFailed
from aver.server.cli.controls import Frameworks, names_of
from aver.server.cli.options import AsJson, Since, TenantName, Until
from aver.server.cli.output import print_json, printable
from aver.server.cli.progress import progress
from aver.server.cli.session import Session

__all__ = ["app"]

app = typer.Typer(help="Evidence packs: what an auditor takes away and verifies alone.")


@app.command()
def make(
    context: typer.Context,
    tenant: TenantName,
    out: Annotated[Path, typer.Option(metavar="FILE.zip", help="Where to write; an existing file is not overwritten.")],
    frameworks: Frameworks = "",
    since: Since = "",
    until: Until = "",
    with_content: Annotated[
        bool, typer.Option("--with-content", help="Also what was asked and answered, for whoever has the pack.")
    ] = False,
    by: Annotated[str, typer.Option("--user", metavar="NAME", help="Who makes it.")] = "",
    as_json: AsJson = False,
) -> None:
    """Put together the sealed steps of a period, without their content unless that is asked for, with all that vouches for them and what controls come to.

    The last 90 days, if no period is given. Example: aver pack make --tenant acme --since 30d --out acme.zip
    """
    import getpass

    from aver.governance.controls.reading import find, plain_frameworks
    from aver.server.governing import period_of

    found = plain_frameworks(find(names_of(frameworks)))
    with Session.of(context).application() as application:
        if out.exists():
            raise InvalidInput(f"{str(out)!r} exists already", "Choose another name, or remove it.")
        begin, end = period_of(since, until, application.clock.now())
        with progress("packing", quiet=as_json) as watch:
            made = application.tenant(tenant).packs.make(
                out,
                since=begin,
                until=end,
                frameworks=found,
                by=by or getpass.getuser(),
                with_content=with_content,
                progress=(lambda done, total: watch(done, total, "")) if watch else lambda _done, _total: None,
            )
    if as_json:
        print_json(made)
        return
    sys.stdout.write(f"wrote {printable(str(out))}: {made.last - made.first + 1:,} steps, {made.bytes:,} bytes\n")
    told = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in made.outcomes.items())
    sys.stdout.write(f"  controls: {told}\n  signed by {made.fingerprint}\n")


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE.zip")],
    key: Annotated[
        str, typer.Option(metavar="FINGERPRINT", help="The tenant's key, got another way than the pack.")
    ] = "",
    tsa_certificate: Annotated[
        Path | None,
        typer.Option(
            "--tsa-certificate",
            metavar="FILE",
            help="The certificate of the timestamp authority or above it, got another way than the pack.",
        ),
    ] = None,
    thorough: Annotated[
        bool, typer.Option("--thorough", help="Check each signature and each content; a few hundred a second.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Verify a pack, as aver-verify.py does. Exit code 4 when it does not hold.

    Example: aver pack verify acme.zip --key FINGERPRINT --tsa-certificate tsa.pem
    """
    from aver.governance.proof.terms import Bad
    from aver.governance.proof.timestamp import certificates_in
    from aver.governance.proof.verifier import verify as verify_file

    try:
        authorities = certificates_in(tsa_certificate.read_bytes()) if tsa_certificate else ()
    except OSError as error:
        raise NotFound(f"{tsa_certificate} cannot be read: {error.strerror}", "Check the path.") from None
    except (Bad, ValueError):
        raise InvalidInput(f"There is no certificate in {tsa_certificate}", "Give one in PEM or DER.") from None
    try:
        report = verify_file(file, fingerprint=key, authorities=authorities, thorough=thorough)
    except OSError as error:
        raise NotFound(f"{file} cannot be read: {error.strerror}", "Check the path.") from None
    except Bad as bad:
        raise VerificationFailed(f"The pack does not hold: {bad}", "Get it again from whoever made it.") from None
    if as_json:
        print_json({"ok": True, **report._asdict()})
        return
    sys.stdout.write(f"holds: {report.last - report.first + 1:,} steps, signed by {report.fingerprint}\n")
    sys.stdout.writelines(f"  note: {printable(note)}\n" for note in report.notes)


@app.command()
def verifier(
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where to write.")] = Path("aver-verify.py"),
    as_json: AsJson = False,
) -> None:
    """Write the program that verifies packs: one file, which needs Python alone."""
    from aver.governance.proof.joined import joined

    if out.exists():
        raise InvalidInput(f"{str(out)!r} exists already", "Choose another name, or remove it.")
    try:
        out.write_text(joined(), "utf-8")
    except OSError as error:
        raise InvalidInput(f"{out} cannot be written: {error.strerror}", "Choose another place.") from None
    if as_json:
        print_json({"file": out, "bytes": out.stat().st_size})
    else:
        sys.stdout.write(f"wrote {printable(str(out))}\n")
