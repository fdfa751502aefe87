"""``aver redteam run``: try attacks, and measure how many work."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aver.core.errors import AverError, Conflict, InvalidInput
from aver.server.cli.options import AsJson, Groups, TenantName
from aver.server.cli.output import print_json
from aver.server.cli.progress import progress, spinner
from aver.server.cli.redteam.telling import told
from aver.server.cli.session import Session

if TYPE_CHECKING:
    from aver.evals.redteam.campaign import Campaign
    from aver.evals.redteam.figures import Figures
    from aver.evals.redteam.types import Attack
    from aver.evals.types import Result, RunHeader, Target
    from aver.knowledge.types import DocumentText
    from aver.server.application import Application, TenantServices

__all__ = ["run"]

_FAILED, _INCONCLUSIVE = 10, 11
_FOLDER = "redteam"
_MOST_COPIED = 500
_LONGEST_NAME = 100


class _Unmet(AverError):
    """More attacks worked than may, or too few were tried to tell; what was found travels with it."""

    slug, status = "condition-not-met", 409

    def __init__(self, cause: str, next_step: str, code: int, document: dict[str, Any]) -> None:
        super().__init__(cause, next_step)
        self.exit_code = code
        self._document = document

    def problem(self) -> dict[str, object]:
        return {**super().problem(), **self._document}


@dataclass(frozen=True)
class _Plan:
    suites: Sequence[str]
    target: str
    model: str
    credential: str
    compromised: bool
    groups: Sequence[str]
    mutators: Sequence[str]
    attempts: int
    seed: int
    budget_usd: float | None
    at_once: int
    seconds: float
    copy_as: str
    out: Path | None
    resume: bool

    @property
    def outside(self) -> bool:
        """Whether it is nothing of Aver's own that is attacked."""
        return self.target.partition(":")[0] in ("endpoint", "function")


def run(
    context: typer.Context,
    tenant: TenantName,
    suites: Annotated[
        list[str] | None, typer.Argument(metavar="SUITE", help="By name or file; all that fit the target, if left out.")
    ] = None,
    target: Annotated[
        str,
        typer.Option(
            metavar="TARGET",
            help="assistant, agent:NAME, model:NAME or endpoint:NAME, as the bundle declares it; endpoint:URL, "
            "function:FILE.py:NAME or function:MODULE:NAME.",
        ),
    ] = "assistant",
    model: Annotated[str, typer.Option(metavar="NAME", help="Of endpoint:URL: the model to ask for there.")] = "",
    credential: Annotated[
        str,
        typer.Option(metavar="REF", help="Of endpoint:URL: where its key is, such as env:NAME; never the key itself."),
    ] = "",
    compromised: Annotated[
        bool, typer.Option("--compromised", help="Put a model that does all an attacker wants in the model's place.")
    ] = False,
    mutators: Annotated[
        list[str], typer.Option("--mutators", "-m", metavar="NAME", help="Disguises, by name or kind; all, or none.")
    ] = ["all"],  # noqa: B006 - Typer copies it
    attempts: Annotated[int, typer.Option(min=1, max=1000, help="How often each attack is tried until it works.")] = 3,
    budget_usd: Annotated[
        float | None, typer.Option("--budget-usd", min=0, metavar="USD", help="What the models may cost in all.")
    ] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="The same seed tries the same.")] = 0,
    group: Groups = [],  # noqa: B006 - Typer copies it
    copy_documents_of: Annotated[
        str, typer.Option(metavar="USER", help="Put copies of what USER may read among the pages that are asked about.")
    ] = "",
    at_once: Annotated[int, typer.Option(min=1, max=64, help="Attempts under way at a time.")] = 4,
    seconds: Annotated[float, typer.Option(min=0.001, metavar="S", help="That one response may take.")] = 300.0,
    at_most: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, metavar="SHARE", help="How many attacks may work; exit code 10 for more, 11 if unsure."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where the run goes; a new file in the data directory by default."),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with the run in --out FILE, which was cut off: nothing is paid twice."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Attack the assistant, an agent or a model, in an installation made for the purpose and gone afterwards; or an endpoint or a function, where it is.

    The bundle's guardrails, policies, agents and models hold there, in a tenant of the same name; tools are simulated, and nothing of the tenant is read or
    changed. An endpoint or a function is asked as it is, and whatever it does is done. Each attack is told to have worked by rule, without a judge.
    """
    if resume and out is None:
        raise InvalidInput("It is not said which run to go on with", "Name its file: --out FILE --resume")
    words, copied = suites or (), copy_documents_of
    plan = _Plan(
        words,
        target,
        model,
        credential,
        compromised,
        group,
        mutators,
        attempts,
        seed,
        budget_usd,
        at_once,
        seconds,
        copied,
        out,
        resume,
    )
    with Session.of(context).application() as application:
        services = application.tenant(tenant)
        if not plan.outside and not application.has_built_model:
            with spinner("building the model, this once", quiet=as_json):
                application.warm()
        header, found, path, left = asyncio.run(_tried(application, services, plan, quiet=as_json))
        from aver.evals.redteam.recording import record

        record(header, found, services.store, services.ledger)
    document = {"run": str(path), "header": header, "left_out": left, **_plain(found)}
    if not as_json:
        told(header, found, path, left)
    if at_most is not None:
        _judge(found, at_most, document)
    if as_json:
        print_json(document)


def _plain(found: Figures) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(found)


async def _tried(
    application: Application, services: TenantServices, plan: _Plan, *, quiet: bool
) -> tuple[RunHeader, Figures, Path, list[str]]:
    from aver.evals.redteam.agency import agency_attacks
    from aver.evals.redteam.campaign import Campaign
    from aver.evals.redteam.figures import figures
    from aver.evals.redteam.mutators import chosen_mutators
    from aver.evals.redteam.recording import header_of
    from aver.evals.redteam.targets.agent import AgentTarget
    from aver.evals.redteam.targets.offering import offered_by, playable

    mutators = chosen_mutators(plan.mutators)
    attacks, whole = _attacks(application, [each for each in plan.suites if each != "agency"], plan.suites)
    async with _target(application, services, plan) as target:
        left: list[str] = []
        if isinstance(target, AgentTarget) and whole:
            made, unmade = agency_attacks(target.tools)
            attacks += made
            left += [f"agency/{each}" for each in unmade]
        played, unplayed = playable(attacks, offered_by(target))
        left += [each.id for each in unplayed]
        if not played:
            raise InvalidInput(
                "None of these attacks can be tried on this target", "Choose others: aver redteam suites"
            )
        campaign = Campaign(
            target,
            played,
            mutators,
            attempts=plan.attempts,
            seed=plan.seed,
            budget_usd=plan.budget_usd,
            at_once=plan.at_once,
            seconds=plan.seconds,
        )
        header = header_of(campaign, application.clock, "" if plan.outside else target.digest)
        path = plan.out or _place(application, header)
        results = await _written(application, campaign, header, path, resume=plan.resume, quiet=quiet)
        return header, figures(results), path, left


@asynccontextmanager
async def _target(application: Application, services: TenantServices, plan: _Plan) -> AsyncIterator[Target]:
    """What is attacked: on ground of its own, or, if it is nothing of Aver's own, where it is."""
    from aver.evals.redteam.targets.outside import OutsideTarget
    from aver.server.outside import endpoint_of, opened_endpoint, opened_function
    from aver.server.redteam import arena

    kind, _, name = plan.target.partition(":")
    if (plan.model or plan.credential) and kind != "endpoint":
        raise InvalidInput(f"--model and --credential say nothing of {plan.target[:80]!r}", "Leave them out.")
    if plan.outside and (plan.compromised or plan.groups or plan.copy_as):
        raise InvalidInput(
            "An endpoint or a function is attacked as it is",
            "Leave out --compromised, --group and --copy-documents-of.",
        )
    bundle = application.bundle()
    if kind == "endpoint":
        declared = bundle.evals.endpoints if bundle.evals else {}
        async with opened_endpoint(application, endpoint_of(name, declared, plan.model, plan.credential)) as endpoint:
            yield OutsideTarget(endpoint)
    elif kind == "function":
        async with opened_function(name, _folder(name, bundle.folder)) as function:
            yield OutsideTarget(function)
    else:
        with arena(application, services.store.tenant.name, _copied(services, plan)) as ground:
            try:
                async with ground.target(plan.target, compromised=plan.compromised, groups=plan.groups) as target:
                    yield target
            finally:
                await ground.application.aclose()


def _folder(function: str, bundle: Path | None) -> Path:
    """From where its file is named: from here if it is here, else from the bundle."""
    return Path() if bundle is None or Path(function.rpartition(":")[0]).is_file() else bundle


async def _written(
    application: Application, campaign: Campaign, header: RunHeader, path: Path, *, resume: bool, quiet: bool
) -> list[Result]:
    from aver.core import rfc3339
    from aver.evals.running.file import RunWriter, read_run

    found: list[Result] = []
    if resume:
        _require_same(path, read_run(path).header, header)
    writer = RunWriter.resume(path) if resume else RunWriter.begin(path, header)
    try:
        found += read_run(path).results() if resume else ()
        with progress("attacking", quiet=quiet) as watch:
            async for result in campaign.run(watch, list(found)):
                writer.add(result)
                found.append(result)
        writer.end(rfc3339(application.clock.now()))
    finally:
        writer.close()
    return found


def _require_same(path: Path, was: RunHeader, now: RunHeader) -> None:
    for name in ("suite", "dataset_digest", "target", "target_digest", "scorers", "seed"):
        if getattr(was, name) != getattr(now, name):
            what = name.replace("_", " ")
            raise Conflict(f"{str(path)!r} is a run of another {what}", "Begin a new one: leave out --resume.")


def _attacks(application: Application, named: Sequence[str], given: Sequence[str]) -> tuple[list[Attack], bool]:
    """Those of the suites, and whether those made of an agent's tools are wanted too. Suites of the bundle are in its folder ``redteam``."""
    from aver.evals.redteam.reading import chosen

    folder = application.bundle().folder
    folders = [folder / _FOLDER] if folder is not None else []
    whole = not given or "agency" in given
    return (chosen(named, folders) if named or not given else []), whole


def _copied(services: TenantServices, plan: _Plan) -> list[DocumentText]:
    if not plan.copy_as:
        return []
    principal = services.principal(plan.copy_as, plan.groups)
    documents = services.knowledge.documents(principal)[:_MOST_COPIED]
    return [services.knowledge.document(principal, each.id) for each in documents]


def _place(application: Application, header: RunHeader) -> Path:
    folder = application.settings.data / _FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    stamp = header.started.replace(":", "").replace("-", "").partition(".")[0].rstrip("Z")
    name = re.sub(r"[^\w.]+", "-", header.target).strip("-")[:_LONGEST_NAME]
    free = (folder / f"{stamp}-{name}{more}.run.jsonl" for more in ("", *(f"-{number}" for number in range(2, 100))))
    return next(each for each in free if not each.exists())


def _judge(found: Figures, at_most: float, document: dict[str, Any]) -> None:
    from aver.evals.redteam.figures import judged

    outcome = judged(found, at_most)
    if outcome == "fail":
        cause = f"{len(found.worked)} of {found.attacks} attacks worked, more than {at_most:.1%}"
        raise _Unmet(cause, f"See what mends it: aver redteam playbook {document['run']}", _FAILED, document)
    if outcome == "inconclusive":
        cause = f"{len(found.worked)} of {found.attacks} attacks worked, which are too few to tell whether more than {at_most:.1%} would"
        raise _Unmet(cause, "Try more of them: leave out SUITE, or add suites of your own.", _INCONCLUSIVE, document)
