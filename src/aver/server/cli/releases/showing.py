"""``aver release list``, ``show``, ``bom`` and ``provenance``."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import asdict
from typing import Any

import typer

from aver.server.cli.bundle import BundleOption
from aver.server.cli.options import AsJson
from aver.server.cli.output import console, print_json, printable, table
from aver.server.cli.releases.words import Out, Reference, opened, summary, told, where, written

__all__ = ["bom", "list_", "provenance", "show"]


def list_(context: typer.Context, as_json: AsJson = False) -> None:
    """List the releases, newest first, and the environments that they are in force in."""
    with opened(context) as (_, releases):
        found, pins = releases.all(), releases.pins()
    if as_json:
        print_json({"releases": [summary(each, pins) for each in found], "environments": list(pins.values())})
        return
    rows = [
        (
            told(each.digest),
            " ".join(each.tags),
            " ".join(where(each, pins)),
            f"{each.created:%Y-%m-%d %H:%M}",
            each.created_by,
            each.provenance.note,
        )
        for each in found
    ]
    table(("release", "tags", "in force in", "created", "by", "note"), rows)


def show(context: typer.Context, reference: Reference, bundle: BundleOption = None, as_json: AsJson = False) -> None:
    """Show what a release is made of, what was said of it, and with --bundle how that directory differs from it."""
    from aver.releases.roles import role_of

    with opened(context) as (application, releases):
        release, pins = releases.get(reference), releases.pins()
        sign_offs, gates = releases.sign_offs(release), releases.gates(release)
        signatures = list(releases.signatures(release))
        differing = None
        if bundle is not None:
            folder = bundle.parent if bundle.is_file() else bundle
            differing = releases.differing(release, folder, [application.settings.data])
    manifest = release.manifest
    roles = {each.path: role_of(each.path, manifest.declared) for each in manifest.files}
    if as_json:
        document: dict[str, Any] = {
            **summary(release, pins),
            "manifest": manifest.plain(),
            "roles": roles,
            "provenance": asdict(release.provenance),
            "sign_offs": sign_offs,
            "gates": gates,
            "signatures": signatures,
            "differing": differing,
        }
        print_json(document)
        return
    counts = Counter(roles.values())
    said = {
        "release": release.digest,
        "tags": " ".join(release.tags),
        "in force in": " ".join(where(release, pins)),
        "created": f"{release.created:%Y-%m-%d %H:%M} by {release.created_by}",
        "note": release.provenance.note,
        "commit": release.provenance.commit + (" and changes" if release.provenance.dirty else ""),
        "assistant": manifest.assistant.get("model", ""),
        "models": ", ".join(str(each.get("id", name)) for name, each in manifest.declared.get("models", {}).items()),
        "tools": ", ".join(manifest.tools),
        "files": ", ".join(f"{count} {role}" for role, count in sorted(counts.items())),
        "signed off": ", ".join(f"{each.role} by {each.by}" for each in sign_offs),
        "gate": gates[-1].outcome if gates else "",
        "signed by": ", ".join(map(told, signatures)),
        "software": f"Aver {manifest.software}",
    }
    if differing is not None:
        said["the bundle"] = f"differs in {', '.join(differing)}" if differing else "is as it was frozen"
    out = console()
    for name, text in said.items():
        if text:
            out.print(f"{name:<12} {printable(text)}", markup=False, soft_wrap=True)


def bom(context: typer.Context, reference: Reference, out: Out = None, as_json: AsJson = False) -> None:
    """Write a release's bill of materials: CycloneDX 1.6, with models, datasets, prompts, tools, services and Python packages."""
    from aver.releases.bom import bill_of_materials

    with opened(context) as (_, releases):
        document = bill_of_materials(releases.get(reference))
    _given(document, out, as_json=as_json)


def provenance(context: typer.Context, reference: Reference, out: Out = None, as_json: AsJson = False) -> None:
    """Write how a release came to be: who froze what, when, from which commit, with which software. An in-toto statement of SLSA provenance."""
    from aver.releases.signing import provenance_statement

    with opened(context) as (_, releases):
        document = provenance_statement(releases.get(reference))
    _given(document, out, as_json=as_json)


def _given(document: dict[str, Any], out: Out, *, as_json: bool) -> None:
    from aver.server.wire import to_json

    if out is None:
        print_json(document)
        return
    written(out, to_json(document, indent=True) + b"\n")
    if as_json:
        print_json({"file": str(out)})
    else:
        sys.stdout.write(f"written to {printable(str(out))}\n")
