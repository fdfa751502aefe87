"""What ``aver gate`` judges: runs that were given, or suites that are asked now; and what the bundle requires of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from aver.core.errors import InvalidInput
from aver.core.yaml import nearest
from aver.server.cli.bundle import located

if TYPE_CHECKING:
    from aver.evals.gates.types import Condition
    from aver.evals.running.file import Run
    from aver.evals.types import Dataset
    from aver.server.gating import Material

__all__ = ["material_of"]


def material_of(
    context: typer.Context,
    suites: Sequence[str],
    files: Sequence[Path],
    baselines: Sequence[str],
    require: Sequence[str],
    sets: Sequence[Dataset],
    directory: Path | None,
) -> tuple[Material, list[Condition]]:
    """The runs with their cases and baselines, and the conditions on them: the bundle's, then those that were typed.

    Raises :class:`~aver.core.errors.InvalidInput` for a suite that nobody knows, and where there is nothing to judge.
    """
    from aver.evals.gates.declaration import parse_condition
    from aver.evals.running.file import read_run
    from aver.server.gating import find_baseline, gathered

    typed = [parse_condition(each) for each in require]
    declared = _declared(context, directory)
    runs = [read_run(file) for file in files]
    if suites:
        runs = _chosen(runs, suites)
    if not runs:
        raise InvalidInput(
            "There is no run to judge", "Make one: aver eval run SUITE --out FILE, then give --run FILE."
        )
    names = {run.header.suite for run in runs}
    conditions = [each for each in declared if each.suite in ("", *names)] + typed
    folders = [located(context, directory).parent / "evals" / "runs", *{file.parent for file in files}]
    before: list[Run] = [run for named in baselines for run in find_baseline(named, folders, names)]
    return gathered(runs, before, sets), conditions


def _chosen(runs: Sequence[Run], suites: Sequence[str]) -> list[Run]:
    known = {run.header.suite: run for run in runs}
    for suite in suites:
        if suite not in known:
            raise InvalidInput(
                f"There is no run of the suite {suite!r:.80}", nearest(suite, known) if known else "Give --run."
            )
    return [known[suite] for suite in dict.fromkeys(suites)]


def _declared(context: typer.Context, directory: Path | None) -> list[Condition]:
    """What the bundle requires; nothing where there is no bundle."""
    from aver.evals.gates.declaration import GATE
    from aver.gateway.config.read import open_bundle
    from aver.gateway.config.shapes import keyed

    file = located(context, directory)
    if directory is None and not file.exists():
        return []
    root, _ = open_bundle(file)
    sections = {} if root.is_null else {name.text(): value for name, value in keyed(root)}
    if "evals" not in sections or sections["evals"].is_null:
        return []
    inner = {name.text(): value for name, value in keyed(sections["evals"])}
    return list(GATE.read(inner["gate"])) if "gate" in inner else []
