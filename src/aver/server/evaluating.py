"""Evaluation, put together: what a suite asks, opened for a tenant; the run; and its step of evidence."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from aver import __version__
from aver.core import canonical_json, new_id, sha256_hex
from aver.core.clock import rfc3339
from aver.core.errors import Conflict
from aver.evals.datasets.reading import Opened, open_dataset
from aver.evals.gates.types import Condition
from aver.evals.judges.baseline import Baseline
from aver.evals.labels import Golds, Labels
from aver.evals.report import Report
from aver.evals.running.bounds import Bounds
from aver.evals.running.file import Run, RunWriter, read_run
from aver.evals.running.responses import Responses
from aver.evals.running.selftest import SelfTest, self_test
from aver.evals.running.service import Ended, Runner
from aver.evals.running.stopping import Stopping, shuffled
from aver.evals.scorers.kinds import Means, named_gold
from aver.evals.scorers.registry import scorers_of
from aver.evals.targets.asking import Asker
from aver.evals.targets.null import Oracle
from aver.evals.targets.recorded import RecordedFile, RecordedTurns
from aver.evals.types import RunHeader, Scorer, Target
from aver.evidence.facts import clear_name
from aver.guard.declared import GUARDRAILS
from aver.server.judging import judges_of
from aver.server.outside import endpoint_of, opened_endpoint, opened_function

if TYPE_CHECKING:
    from aver.core import Principal
    from aver.evals.declaration import Evals, Suite
    from aver.evals.running.tally import Tally
    from aver.server.application import Application, TenantServices

__all__ = ["Plan", "checked", "dataset_of", "embeds", "evaluated", "record"]

_IN_KNOWLEDGE = ("assistant", "search", "turns")
"""Targets that answer from the tenant's documents, so that labels are looked up there."""
_FACT = re.compile(r"[a-z][a-z0-9_.]{0,59}")
_MOST_FACTS = 100


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked of whom, and where it is written. ``folder`` is what files of the suite are named from."""

    suite: Suite
    dataset: Opened
    evals: Evals
    folder: Path
    out: Path
    bounds: Bounds = field(default_factory=Bounds)
    resume: bool = False
    release: str = ""
    """The digest of the frozen release that is asked; empty for the bundle as its directory is."""
    stop_early: tuple[Condition, ...] = ()
    """What is left early once it is certain; :func:`~aver.evals.running.stopping.watchable`."""
    baseline: Path | None = None
    """A run that pairwise judges hold responses against, in place of the cases' references."""


def embeds(suite: Suite) -> bool:
    """Whether what it asks looks at documents by their meaning, so that the embedding model has to be there before anything is asked."""
    return suite.target.partition(":")[0] in (*_IN_KNOWLEDGE, "agent")


def dataset_of(suite: Suite, folder: Path) -> Opened:
    """The cases of all its files as one set. Raises as :func:`~aver.evals.datasets.reading.open_dataset`."""
    files = [folder / name for name in suite.cases]
    return open_dataset(suite.name, files, needs_label=suite.target in _IN_KNOWLEDGE)


async def evaluated(
    application: Application,
    services: TenantServices,
    plan: Plan,
    watch: Callable[[Tally], None] | None = None,
) -> Ended:
    """Run a suite, or go on with its run; what came of it is in ``plan.out``.

    Raises what labels, targets and scorers raise before anything is asked, and :class:`~aver.core.errors.Conflict` for a run that was made otherwise.
    """
    dataset = plan.dataset
    order = shuffled(dataset, plan.bounds.seed, plan.bounds.repeats) if plan.stop_early else []
    async with _opened(application, services, plan) as (target, scorers, release, baseline):
        header = RunHeader(
            suite=plan.suite.name,
            dataset=dataset.name,
            dataset_digest=dataset.digest,
            cases=len(dataset),
            target=target.name,
            target_digest=target.digest,
            release=plan.release if release and plan.release else release,
            scorers={each.name: each.digest for each in scorers},
            seed=plan.bounds.seed,
            repeats=plan.bounds.repeats,
            started=rfc3339(application.clock.now()),
            software=__version__,
            stop_early=tuple(each.text for each in plan.stop_early),
            baseline=baseline,
        )
        with _files(plan, header) as (writer, responses, earlier):
            begun = earlier.header if earlier is not None else header
            runner = Runner(
                target,
                scorers,
                writer,
                responses,
                plan.bounds,
                application.clock,
                run=f"{begun.suite} {begun.started} {begun.dataset_digest}",
                enough=Stopping(plan.stop_early, order) if plan.stop_early else lambda _: "",
                watch=watch,
            )
            return await runner.run(order or dataset, len(dataset), earlier.results() if earlier is not None else ())


async def checked(application: Application, services: TenantServices, plan: Plan) -> SelfTest:
    """What doing nothing and the labels themselves reach in a suite; nobody is asked. Raises as :func:`evaluated` before anything is asked."""
    async with _judged(application, services, plan) as (scorers, means):
        return await self_test(plan.dataset, scorers, Oracle(means.gold))


def record(run: Run, report: Report, services: TenantServices) -> str:
    """Append the step ``evaluated``; its turn. The figures stand in clear (``ndcg.10`` for ndcg@10), with their intervals in the
    body; neither holds a question."""
    header, turn = run.header, new_id("evaluation")
    named = {name.replace("@", ".").replace("-", "_").lower(): each for name, each in report.overall.items()}
    figures = {name: round(each.value, 6) for name, each in named.items() if _FACT.fullmatch(name)}
    facts = {
        "run": header.digest,
        "dataset": header.dataset_digest,
        "release": header.release or None,
        "feature": clear_name(header.feature),
        "complete": run.complete,
        "stopped_early": bool(run.early),
        "questions": report.cases,
        "unanswerable": report.unanswerable,
        "failed": sum(report.failed.values()),
        **dict(list(figures.items())[:_MOST_FACTS]),
    }
    body = {
        "suite": header.suite,
        "dataset": header.dataset,
        "target": header.target,
        "stopped_early": run.early or None,
        "overall": {name: asdict(each) for name, each in report.overall.items()},
        "slices": {tag: {name: asdict(each) for name, each in some.items()} for tag, some in report.slices.items()},
    }
    with services.store.begin() as tx:
        services.ledger.append(tx, turn=turn, kind="evaluated", subject=None, facts=facts, body=body)
    return turn


@contextmanager
def _files(plan: Plan, header: RunHeader) -> Iterator[tuple[RunWriter, Responses, Run | None]]:
    """The run's file and its responses; with what the run has, if it goes on."""
    earlier = None
    if plan.resume:
        _require_same(plan.out, read_run(plan.out).header, header)
        writer = RunWriter.resume(plan.out)
        earlier = read_run(plan.out)
    else:
        writer = RunWriter.begin(plan.out, header)
    try:
        responses = Responses.beside(plan.out)
        try:
            yield writer, responses, earlier
        finally:
            responses.close()
    finally:
        writer.close()


def _require_same(path: Path, was: RunHeader, now: RunHeader) -> None:
    for name in (
        "suite",
        "dataset_digest",
        "target",
        "target_digest",
        "release",
        "scorers",
        "seed",
        "repeats",
        "stop_early",
        "baseline",
    ):
        if getattr(was, name) != getattr(now, name):
            raise Conflict(
                f"{str(path)!r} is a run of another {name.replace('_', ' ')}",
                "Begin a new run; what was responded before is used where it still holds.",
            )


@asynccontextmanager
async def _opened(
    application: Application, services: TenantServices, plan: Plan
) -> AsyncIterator[tuple[Target, list[Scorer], str, str]]:
    """The target, the scorers, the digest of the release that answers and that of the baseline, if any."""
    baseline = None if plan.baseline is None else await asyncio.to_thread(Baseline, plan.baseline)
    with contextlib.ExitStack() as stack:
        if baseline is not None:
            stack.callback(baseline.close)
        async with (
            _judged(application, services, plan, baseline) as (scorers, _),
            _target(application, services, plan) as (target, release),
        ):
            yield target, scorers, release, baseline.digest if baseline is not None else ""


@asynccontextmanager
async def _judged(
    application: Application, services: TenantServices, plan: Plan, baseline: Baseline | None = None
) -> AsyncIterator[tuple[list[Scorer], Means]]:
    who = Asker(services.principal(plan.suite.user, plan.suite.groups))
    judge = judges_of(application, services, who.default, plan.evals.judges, plan.folder, baseline)
    means = Means(plan.folder, named_gold, lambda: application.embedder, judge)
    if plan.suite.target.partition(":")[0] in _IN_KNOWLEDGE:
        golds = Golds(Labels(services.knowledge), who)
        await asyncio.to_thread(golds.check, plan.dataset)
        means.gold = golds
    scorers = scorers_of(plan.suite.scorers, means)
    try:
        await means.check()
        yield scorers, means
    finally:
        await means.close()


@asynccontextmanager
async def _target(application: Application, services: TenantServices, plan: Plan) -> AsyncIterator[tuple[Target, str]]:
    """The suite's target, with the digest of the release that answers, if any."""
    kind, _, name = plan.suite.target.partition(":")
    who = Asker(services.principal(plan.suite.user, plan.suite.groups))
    if kind == "function":
        async with opened_function(name, plan.folder, plan.suite.version) as function:
            yield function, ""
    elif kind == "endpoint":
        async with opened_endpoint(application, endpoint_of(name, plan.evals.endpoints)) as endpoint:
            yield endpoint, ""
    elif kind == "responses":
        yield RecordedFile(plan.folder / name), ""
    elif kind == "turns":

        def text_of(principal: Principal, document: str, version: int) -> str:
            return services.knowledge.document(principal, document, version).text

        yield RecordedTurns(services.evidence, text_of, who), ""
    else:
        yield _within(application, services, kind, name, who)


def _within(application: Application, services: TenantServices, kind: str, name: str, who: Asker) -> tuple[Target, str]:
    """A target of Aver's own."""
    from aver.evals.targets.agent import AgentTarget
    from aver.evals.targets.assistant import AssistantTarget, SearchTarget
    from aver.evals.targets.model import ModelTarget

    clock, release = application.clock, application.release.digest
    if kind == "search":
        return SearchTarget(services.knowledge, who, clock, services.knowledge.state()), release
    if kind == "assistant":
        services.ledger.marks["evaluation"] = True  # whoever a case has ask it, the turn is none of theirs
        decided = [release, services.knowledge.state(), _declared(application)]
        return (
            AssistantTarget(services.assistant, services.knowledge, application.embedder, who, clock, _digest(decided)),
            release,
        )
    if kind == "model":

        def config() -> str:
            return application.declared().digest

        return ModelTarget(name, application.gateway, who, services.record_call, clock, config), ""
    agent = application.agents.find(services, who.default, name)
    # What its tools do changes without anybody's saying so: nothing of it is used in another run.
    target = AgentTarget(
        name, lambda: application.agents.acting(services, name), services.evidence, who, "", agent.output
    )
    return target, ""


def _declared(application: Application) -> Mapping[str, object]:
    """What the bundle declares that decides answers beside the release."""
    bundle = application.bundle()
    return {"gateway": bundle.gateway.digest, "guardrails": GUARDRAILS.write(bundle.guardrails)}


def _digest(value: object) -> str:
    return sha256_hex(canonical_json(value))
