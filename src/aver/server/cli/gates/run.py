"""``aver gate run``: judge runs by what is required of them; exit code 0, 10 or 11."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aver.core.errors import InvalidInput, VerificationFailed
from aver.server.cli.bundle import BundleOption
from aver.server.cli.frozen import ReleaseOption
from aver.server.cli.gates.given import CasesOption, read_bytes, sets_of, written
from aver.server.cli.options import AsJson
from aver.server.cli.output import console, print_json, printable, table
from aver.server.cli.progress import spinner
from aver.server.cli.session import Session

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from aver.evals.gates.types import Condition, Verdict
    from aver.server.gating import Material

__all__ = ["GateFailed", "GateUndecided", "run"]

_NAMED = 10
"""Cases named on a terminal."""


class GateFailed(VerificationFailed):
    """What is required does not hold; the whole verdict travels with it."""

    slug, exit_code = "gate-failed", 10

    def __init__(self, cause: str, next_step: str, document: Mapping[str, Any]) -> None:
        super().__init__(cause, next_step)
        self._document = document

    def problem(self) -> dict[str, object]:
        return {**super().problem(), **self._document}


class GateUndecided(GateFailed):
    """Nothing is broken for certain, and not everything holds for certain."""

    slug, exit_code = "gate-inconclusive", 11


def run(
    context: typer.Context,
    suites: Annotated[
        list[str] | None,
        typer.Argument(metavar="SUITE", help="Suites of the bundle; all that the gate names, if left out."),
    ] = None,
    runs: Annotated[
        list[Path],
        typer.Option("--run", metavar="FILE", help="Judge this run in place of asking now; repeat it for more suites."),
    ] = [],  # noqa: B006 - Typer copies it
    baseline: Annotated[
        list[str],
        typer.Option(
            "--baseline",
            metavar="FILE|RELEASE",
            help="A run to hold it against, or the release whose newest run that is; repeat it.",
        ),
    ] = [],  # noqa: B006
    require: Annotated[
        list[str],
        typer.Option(
            "--require",
            metavar="CONDITION",
            help="One more condition: 'right_of_answered[hr]>=0.8', 'groundedness>=baseline-0.03', 'cost_usd<=1.1x'; repeat it.",
        ),
    ] = [],  # noqa: B006
    cases: CasesOption = [],  # noqa: B006
    directory: BundleOption = None,
    release: ReleaseOption = None,
    tenant: Annotated[
        str | None,
        typer.Option(
            "--tenant", "-t", metavar="TENANT", help="In whose evidence the verdict is kept, and who is asked."
        ),
    ] = None,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write JUnit XML.")] = None,
    markdown: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a summary for a pull request.")] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the report, one page that needs nothing else.")
    ] = None,
    attest: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the verdict as a signed in-toto statement.")
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(
            "--key", metavar="FILE", help="Sign with this private key (PEM, Ed25519); else with the tenant's own."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Judge runs by what the bundle requires: exit code 0 for pass, 10 for fail, 11 for inconclusive.

    Each condition is judged by its 95 % interval: it passes when all of the interval keeps to the bound, and fails when none of it does. A
    run that is not whole, drafts that nobody confirmed, a set of synthetic cases alone and a judge that is not calibrated never pass.
    """
    from aver.evals.gates.judging import judge
    from aver.server.cli.gates.material import material_of

    if attest is not None and key is None and tenant is None:
        raise InvalidInput("It is not said who signs the attestation", "Give --tenant TENANT or --key FILE.")
    material, conditions = material_of(
        context, suites or [], runs, baseline, require, sets_of(cases), directory, tenant, release, quiet=as_json
    )
    with spinner("judging", quiet=as_json):
        verdict = judge(conditions, material.trials)
    statement = _attested(context, verdict, material, conditions, tenant, key) if attest is not None else None
    if attest is not None and statement is not None:
        written(attest, statement)
    turn = _recorded(context, verdict, material, conditions, tenant, statement)
    _told_registry(context, _document(verdict, material, statement, turn))
    with spinner("writing", quiet=as_json):
        _write(verdict, material, junit, markdown, html)
    document = _document(verdict, material, statement, turn)
    if not as_json:
        _print(verdict, material)
    if verdict.outcome != "pass":
        raise _unmet(verdict, document, _next(conditions, material))
    if as_json:
        print_json(document)


def _attested(
    context: typer.Context,
    verdict: Verdict,
    material: Material,
    conditions: Sequence[Condition],
    tenant: str | None,
    key: Path | None,
) -> bytes:
    from aver.evals.gates.attesting import attestation
    from aver.evidence.dsse import sealed
    from aver.server.gating import digest_of

    runs = [*material.runs.values(), *material.baselines.values()]
    headers = {run.path: run.header for run in material.runs.values()}
    said = attestation(verdict, conditions, headers, {run.path: digest_of(run.path) for run in runs})
    return json.dumps(sealed(said, _signer(context, tenant, key)), indent=1).encode() + b"\n"


def _signer(context: typer.Context, tenant: str | None, key: Path | None) -> Ed25519PrivateKey:
    from aver.evidence.dsse import private_key

    if key is not None:
        return private_key(read_bytes(key, "key"))
    assert tenant is not None, "whoever attests has said who signs"
    with Session.of(context).application() as application:
        return application.tenant(tenant).store.signing_key()


def _recorded(
    context: typer.Context,
    verdict: Verdict,
    material: Material,
    conditions: Sequence[Condition],
    tenant: str | None,
    statement: bytes | None,
) -> str | None:
    """The turn of the step, where a tenant is named."""
    from aver.core.canonical import sha256_hex
    from aver.evals.gates.recording import record

    if tenant is None:
        return None
    digest = sha256_hex(statement) if statement is not None else ""
    with Session.of(context).application() as application:
        services = application.tenant(tenant)
        return record(verdict, material.trials, conditions, services.store, services.ledger, digest)


def _told_registry(context: typer.Context, document: Mapping[str, Any]) -> None:
    """Let the registry know, where the runs are of one of its releases: what may be promoted depends on it."""
    from aver.core.errors import NotFound
    from aver.releases import GateRecord
    from aver.server.cli.releases.words import user
    from aver.server.releasing import registry

    if not document["digest"]:
        return
    with Session.of(context).application() as application:
        said = document["digest"], document["outcome"], application.clock.now(), user(None), document["attestation"]
        with suppress(NotFound):  # of the bundle as its directory is
            registry(application).record_gate(GateRecord(*said))


def _write(verdict: Verdict, material: Material, junit: Path | None, markdown: Path | None, html: Path | None) -> None:
    from aver.evals.rendering.junit import junit as as_junit
    from aver.evals.rendering.markdown import gate_markdown
    from aver.evals.rendering.page import gate_page

    if junit is None and markdown is None and html is None:
        return
    whole = junit is not None or html is not None  # those that show every case
    cases = material.cases(None if whole else {name for each in verdict.judged for name in each.cases})
    if junit is not None:
        written(junit, as_junit(verdict, material.trials, cases))
    if markdown is not None:
        written(markdown, gate_markdown(verdict, material.trials, cases))
    if html is not None:
        written(html, gate_page(verdict, material.trials, material.runs, material.baselines, cases))


def _document(verdict: Verdict, material: Material, statement: bytes | None, turn: str | None) -> dict[str, Any]:
    """``digest`` is the release's, where the runs are of one: with ``outcome`` and ``attestation`` it is what a registry of releases takes."""
    releases = {run.header.release for run in material.runs.values()} - {""}
    return {
        "outcome": verdict.outcome,
        "digest": releases.pop() if len(releases) == 1 else None,
        "attestation": None if statement is None else json.loads(statement),
        "evidence": turn,
        "judged": verdict.judged,
        "objections": verdict.objections,
    }


def _next(conditions: Sequence[Condition], material: Material) -> str:
    """What to do where nothing could be decided."""
    if any(each.compares for each in conditions) and any(each.baseline is None for each in material.trials):
        return "Give what it is held against, a run's file or a release: --baseline FILE|RELEASE."
    return "Ask more cases, or mend what keeps the run from deciding."


def _unmet(verdict: Verdict, document: Mapping[str, Any], undecided: str) -> GateFailed:
    from aver.evals.gates.saying import listed
    from aver.evals.gates.telling import tell_judged

    cause = "; ".join(f"{each.condition} {_became(each.outcome)}: {tell_judged(each)}" for each in verdict.unmet[:3])
    if len(verdict.unmet) > 3:
        cause += f"; and {len(verdict.unmet) - 3} more"
    if verdict.outcome == "fail":
        names = list(dict.fromkeys(name for each in verdict.unmet if each.outcome == "fail" for name in each.cases))
        look = f"Look at the cases {listed(names)}." if names else "Look at its errors."
        return GateFailed(cause, look, document)
    return GateUndecided(cause, undecided, document)


def _became(outcome: str) -> str:
    return "fails" if outcome == "fail" else "is inconclusive"


def _print(verdict: Verdict, material: Material) -> None:
    from aver.evals.gates.telling import tell_judged, told_verdict

    out = console()
    out.print(told_verdict(verdict), style="bold", markup=False)
    table(
        ("", "condition", "slice", "found"),
        [
            (each.outcome, each.condition, "" if each.slice in ("", "*") else each.slice, tell_judged(each))
            for each in verdict.judged
        ],
    )
    for suite, reasons in verdict.objections.items():
        for reason in reasons:
            out.print(f"{printable(suite)} cannot pass: {printable(reason)}", markup=False)
    cases = material.cases({name for each in verdict.unmet for name in each.cases[:_NAMED]})
    for each in verdict.unmet:
        if each.cases:
            where = f" [{each.slice}]" if each.slice and "[*]" in each.condition else ""
            out.print(f"cases against {printable(each.condition + where)}:", markup=False)
            for name in each.cases[:_NAMED]:
                question = cases[name].question if name in cases else ""
                out.print(f"  {printable(name)}  {printable(' '.join(question.split()))[:100]}", markup=False)
            if len(each.cases) > _NAMED:
                out.print(f"  and {len(each.cases) - _NAMED} more (--json has them all)", markup=False)
