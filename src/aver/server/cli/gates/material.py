"""What ``aver gate`` judges: runs that were given, or suites that are asked now; and what is required of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from aver.core.errors import InvalidInput
from aver.core.yaml import nearest
from aver.server.cli.bundle import located
from aver.server.cli.frozen import frozen_folder, opened_for, runs_of
from aver.server.cli.gates.asking import asked, suites_of
from aver.server.cli.session import Session
from aver.server.runs import RUNS

if TYPE_CHECKING:
    from aver.evals.datasets.reading import Opened
    from aver.evals.declaration import Evals, Suite
    from aver.evals.gates.types import Condition
    from aver.evals.running.file import Run
    from aver.server.gating import Material

__all__ = ["material_of"]


def material_of(
    context: typer.Context,
    suites: Sequence[str],
    files: Sequence[Path],
    baselines: Sequence[str],
    require: Sequence[str],
    sets: Sequence[Opened],
    directory: Path | None,
    tenant: str | None,
    release: str | None = None,
    *,
    quiet: bool,
) -> tuple[Material, list[Condition]]:
    """The runs with their cases and baselines, and the conditions on them: the bundle's, then those that were typed. With a ``release`` the bundle is
    that, as it was frozen.

    Raises :class:`~aver.core.errors.InvalidInput` for a suite that nobody knows, and where there is nothing to judge.
    """
    from aver.evals.gates.declaration import parse_condition
    from aver.evals.gates.judging import check_required
    from aver.evals.running.file import read_run
    from aver.evals.scorers.registry import require_measured
    from aver.server.gating import find_baseline, gathered

    typed = [parse_condition(each) for each in require]
    if release is not None:
        directory, _ = frozen_folder(context, release)
    evals, folder = _declared(context, directory)
    runs = _chosen([read_run(file) for file in files], suites)
    names = [run.header.suite for run in runs] or list(suites) or _required([*evals.gate, *typed], evals)
    conditions = [each for each in evals.gate if each.suite in ("", *names)] + typed
    folders = list(dict.fromkeys([*_kept(context, folder), *(file.parent for file in files)]))
    before: list[Run] = [run for named in baselines for run in find_baseline(named, folders, names)]
    if not runs:
        chosen = suites_of(evals, names)
        check_required(conditions, names)  # before anything is asked, and paid for
        for each in conditions:
            for suite in chosen:
                if each.suite in ("", suite.name):
                    require_measured(each.measure, suite.scorers)
        runs = _asked(context, tenant, evals, chosen, conditions, folder, release, before, quiet=quiet)
    sets = [*sets, *_sets(evals, names, folder)]
    return gathered(runs, before, sets, _standing(context, directory, evals)), conditions


def _kept(context: typer.Context, folder: Path) -> list[Path]:
    """Where runs are: of the bundle as it is, and of releases."""
    with Session.of(context).application() as application:
        return [folder / RUNS, application.settings.data / RUNS]


def _declared(context: typer.Context, directory: Path | None) -> tuple[Evals, Path]:
    """What the bundle says of evaluation, and its folder; nothing, where no bundle is named and none is there."""
    from aver.evals.declaration import Evals
    from aver.server.bundle import read_whole

    file = located(context, directory)
    if directory is None and not file.exists():
        return Evals(), file.parent
    return read_whole(file).evals or Evals(), file.parent


def _standing(context: typer.Context, directory: Path | None, evals: Evals) -> Callable[[str, str], str]:
    """Why a scorer may not decide, by its name and its digest in a run: a judge that is not calibrated, or one that nobody here knows."""
    from aver.evals.judges.service import opened, standing_of
    from aver.evals.redteam.types import ATTACK_SUCCESS
    from aver.evals.scorers.registry import SCORERS
    from aver.gateway.config.types import GatewayConfig
    from aver.server.bundle import read_whole
    from aver.server.judging import unasked

    place = located(context, directory)
    judges, folder = evals.judges, place.parent
    models = unasked(read_whole(place).gateway if judges else GatewayConfig())
    scorers = [each for suite in evals.suites.values() for each in suite.scorers]
    functions = {str(each.settings).rpartition(":")[2] for each in scorers if each.kind == "function"}

    def why(name: str, digest: str) -> str:
        if name not in judges:
            known = name in SCORERS or name in functions or name == ATTACK_SUCCESS
            return "" if known else f"nobody here can tell what the scorer {name} is: judge the run in its bundle"
        standing = standing_of(judges[name], folder, models)
        if not standing.may_gate:
            return f"the judge {name} may not decide: {standing.reason}"
        changed = opened(judges[name], folder, models).digest != digest
        return f"the judge {name} has changed since the run" if changed else ""

    return why


def _chosen(runs: Sequence[Run], suites: Sequence[str]) -> list[Run]:
    """Those of the suites that are named; all, if none is."""
    if not runs or not suites:
        return list(runs)
    known = {run.header.suite: run for run in runs}
    for suite in suites:
        if suite not in known:
            raise InvalidInput(f"No run of the suite {suite[:80]!r} is given", nearest(suite, known))
    return [known[suite] for suite in dict.fromkeys(suites)]


def _required(conditions: Sequence[Condition], evals: Evals) -> list[str]:
    """The suites that something is required of: all of them, where a condition names none."""
    if not all(each.suite for each in conditions):
        return list(evals.suites)
    return list(dict.fromkeys(each.suite for each in conditions))


def _asked(
    context: typer.Context,
    tenant: str | None,
    evals: Evals,
    suites: Sequence[Suite],
    conditions: Sequence[Condition],
    folder: Path,
    release: str | None,
    baselines: Sequence[Run],
    *,
    quiet: bool,
) -> list[Run]:
    if not suites:
        raise InvalidInput(
            "There is nothing to judge", "Declare suites and a gate in aver.yaml under evals:, or give --run FILE."
        )
    if tenant is None:
        raise InvalidInput("It is not said of which tenant the suites ask", "Give --tenant TENANT, or --run FILE.")
    with opened_for(context, release, bundle=folder) as (application, digest):
        runs = runs_of(application, digest) or folder
        return asked(application, tenant, evals, suites, conditions, folder, runs, digest, baselines, quiet=quiet)


def _sets(evals: Evals, names: Sequence[str], folder: Path) -> list[Opened]:
    """The sets of the bundle's suites of these names, as they are now."""
    from aver.server.evaluating import dataset_of

    return [dataset_of(evals.suites[name], folder) for name in names if name in evals.suites]
