"""What stands before a gate: runs from files, the cases they asked, the baseline of each."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aver.core.canonical import sha256_hex
from aver.core.errors import AverError, InvalidInput, NotFound
from aver.evals.datasets.reading import Opened
from aver.evals.declaration import Evals, Suite
from aver.evals.gates.admitting import incomparable, objections
from aver.evals.gates.judging import Trial
from aver.evals.gates.sheet import sheet_of
from aver.evals.redteam.types import SUITE as REDTEAM
from aver.evals.running.file import SUFFIX, Run, read_run
from aver.evals.scorers.registry import JUDGE
from aver.evals.types import Case

__all__ = ["Material", "compares", "digest_of", "find_baseline", "gathered"]


@dataclass(frozen=True, slots=True)
class Material:
    """What is judged, and what reports are made from. ``runs`` and ``baselines`` are by suite, ``sets`` those that they asked."""

    trials: tuple[Trial, ...]
    runs: Mapping[str, Run]
    baselines: Mapping[str, Run]
    sets: Sequence[Opened] = ()

    def cases(self, named: Collection[str] | None = None) -> dict[str, Case]:
        """By id, read from the sets now: those that are ``named``, or all of them."""
        found = (case for each in self.sets for case in each)
        return {case.id: case for case in found if named is None or case.id in named}


def gathered(
    runs: Sequence[Run],
    baselines: Sequence[Run],
    datasets: Iterable[Opened],
    standing: Callable[[str, str], str] = lambda _name, _digest: "",
) -> Material:
    """``datasets`` are those that the runs may have asked, found by their digests, else by their names; ``standing`` says of a scorer, by
    its name and its digest, why it may not decide.

    Raises :class:`~aver.core.errors.InvalidInput` for two runs of one suite, and for a baseline of a suite that has no run.
    """
    by_suite, before = _by_suite(runs, "run"), _by_suite(baselines, "baseline")
    for suite in before:
        if suite not in by_suite:
            raise InvalidInput(
                f"The baseline {before[suite].path} is of the suite {suite!r}, which has no run here",
                f"Give a run of it; there is one of {', '.join(by_suite) or 'none'}.",
            )
    datasets = list(datasets)
    trials: list[Trial] = []
    sets: list[Opened] = []
    for suite, run in by_suite.items():
        dataset = _dataset(run, datasets)
        sheet = sheet_of(run)
        known: Iterable[Case] | None = dataset
        if dataset is None and run.header.dataset == REDTEAM:
            # Attacks are told by rule whether they worked: nobody has to have labelled them.
            known = (Case(name, "", origin="attack") for name in sheet.rows)
        if dataset is not None and dataset not in sets:
            sets.append(dataset)
        old = sheet_of(before[suite]) if suite in before else None
        trials.append(
            Trial(
                suite,
                sheet,
                old,
                objections(sheet, known, "" if dataset is None else dataset.digest),
                {name: why for name, each in run.header.scorers.items() if (why := standing(name, each))},
                () if old is None else incomparable(sheet, old),
            )
        )
    return Material(tuple(trials), by_suite, before, sets)


def find_baseline(named: str, folders: Iterable[Path], suites: Iterable[str]) -> list[Run]:
    """The run in the file of this name; or the newest whole run of each suite, in these folders, of the release whose digest begins so.

    Raises :class:`~aver.core.errors.NotFound` where there is neither.
    """
    if Path(named).is_file():
        return [read_run(Path(named))]
    folders = [folder for folder in folders if folder.is_dir()]
    found: dict[str, Run] = {}
    for path in sorted(path for folder in folders for path in folder.glob(f"*{SUFFIX}")):
        try:
            run = read_run(path)
        except AverError:  # what a killed process left there is nobody's baseline
            continue
        header = run.header
        if run.complete and len(named) >= 6 and header.release.startswith(named) and header.suite in set(suites):
            newest = found.get(header.suite)
            if newest is None or newest.header.started < header.started:
                found[header.suite] = run
    if not found:
        raise NotFound(
            f"{named[:80]!r} is neither a run's file nor the digest of a release that has a run here",
            f"Give the file, or at least 6 characters of the digest; runs are looked for in "
            f"{', '.join(map(str, folders)) or 'no folder'}.",
        )
    return list(found.values())


def compares(suite: Suite, evals: Evals) -> bool:
    """Whether any of its scorers is a judge that says which of two responses is better."""
    judges = (evals.judges.get(each.settings) for each in suite.scorers if each.kind == JUDGE.name)
    return any(each is not None and each.pairwise for each in judges)


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    return sha256_hex(path.read_bytes())


def _by_suite(runs: Iterable[Run], what: str) -> dict[str, Run]:
    found: dict[str, Run] = {}
    for run in runs:
        suite = run.header.suite
        if suite in found:
            raise InvalidInput(
                f"There are two {what}s of the suite {suite!r}: {found[suite].path} and {run.path}", "Give one."
            )
        found[suite] = run
    return found


def _dataset(run: Run, datasets: Sequence[Opened]) -> Opened | None:
    """The set with the run's digest, else the one of its name, else the only one there is."""
    same = [each for each in datasets if each.digest == run.header.dataset_digest]
    named = [each for each in datasets if each.name == run.header.dataset]
    found = [*same, *named, *(datasets if len(datasets) == 1 else ())]
    return found[0] if found else None
