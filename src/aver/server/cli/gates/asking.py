"""Asking the suites that a gate is about, where no run of them is given."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from aver.core.errors import InvalidInput
from aver.core.yaml import nearest
from aver.server.cli.progress import spinner

if TYPE_CHECKING:
    from aver.evals.declaration import Evals, Suite
    from aver.evals.gates.types import Condition
    from aver.evals.running.file import Run
    from aver.server.application import Application

__all__ = ["asked", "suites_of"]


def suites_of(evals: Evals, wanted: Sequence[str]) -> list[Suite]:
    """The suites of these names. Raises :class:`~aver.core.errors.InvalidInput` for one that is not declared."""
    from aver.evals.redteam.types import SUITE as REDTEAM

    for name in wanted:
        if name == REDTEAM and name not in evals.suites:
            raise InvalidInput(
                "The gate requires something of the red team, which is run by itself",
                "Run it and give every suite's run: aver redteam run --tenant TENANT --out FILE; aver gate --run FILE ...",
            )
        if name not in evals.suites:
            advice = nearest(name, evals.suites) if evals.suites else "Declare it in aver.yaml under evals: suites:."
            raise InvalidInput(f"{name[:80]!r} is no suite of the bundle", advice)
    return [evals.suites[name] for name in dict.fromkeys(wanted)]


def asked(
    application: Application,
    tenant: str,
    evals: Evals,
    suites: Sequence[Suite],
    conditions: Sequence[Condition],
    folder: Path,
    runs: Path,
    release: str = "",
    baselines: Sequence[Run] = (),
    *,
    quiet: bool,
) -> list[Run]:
    """Runs each suite for a tenant, its file in ``runs``, with its step of evidence. What was responded before is used where it holds. ``release`` is
    the digest of the frozen release that is asked, if it is one; ``folder`` is what files of suites are named from. A suite that may be left early is left
    once ``conditions`` are certain of it. Pairwise judges hold a suite's responses against its run among ``baselines``, if there is one.

    Raises what running raises.
    """
    from aver.evals.report import measured
    from aver.evals.running.bounds import Bounds
    from aver.evals.running.file import SUFFIX, read_run
    from aver.evals.running.stopping import watchable
    from aver.server.cli.evals.watching import foresee, watching
    from aver.server.evaluating import Plan, dataset_of, embeds, evaluated, record
    from aver.server.gating import compares

    services = application.tenant(tenant)
    if any(map(embeds, suites)) and not application.has_built_model:
        with spinner("building the model, this once", quiet=quiet):
            application.warm()
    runs.mkdir(parents=True, exist_ok=True)
    watched = {suite.name: watchable(conditions, suite.name) for suite in suites if suite.stop_early}
    found = []
    for suite in suites:
        path = runs / f"{suite.name}-{application.clock.now():%Y%m%dT%H%M%S%f}{SUFFIX}"
        before = next((run.path for run in baselines if run.header.suite == suite.name), None)
        dataset = dataset_of(suite, folder)
        plan = Plan(
            suite,
            dataset,
            evals,
            folder,
            path,
            Bounds(repeats=suite.repeats),
            release=release,
            stop_early=watched.get(suite.name, ()),
            baseline=before if compares(suite, evals) else None,
        )
        foresee(suite.name, dataset, evals, quiet=quiet)
        with watching(quiet=quiet) as watch:
            asyncio.run(application.finishing(evaluated(application, services, plan, watch)))
        run = read_run(path)
        record(run, measured(run), services)
        found.append(run)
    return found
