"""Labelled sets on the Evals page: what the bundle in force declares, and what its files hold now. Blocking reads of files, each gone through once for as long as it stays
as it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from aver.core.errors import AverError
from aver.evals.datasets.coverage import Covered, cover
from aver.evals.declaration import Evals, Suite
from aver.evals.types import Case
from aver.server.console.evals_runs import RunRow
from aver.server.evaluating import dataset_of

__all__ = ["SetView", "sets"]

_LARGEST = 32 * 2**20
"""Bytes of a set's files that are gone through for a page."""


@dataclass(frozen=True, slots=True)
class SetView:
    """A labelled set that the bundle declares; ``problem`` is what keeps it from being read."""

    name: str
    files: tuple[str, ...]
    target: str
    version: str
    cases: int
    drafts: int
    synthetic: int
    production: int
    unanswerable: int
    tags: tuple[tuple[str, int], ...]
    versions: int
    last: RunRow | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class _Read:
    """What a set's files came to, as they were changed last. ``flowing`` are its cases that cover a flow, without their words."""

    version: str
    cases: int
    drafts: int
    origins: Mapping[str, int]
    unanswerable: int
    tags: tuple[tuple[str, int], ...]
    flowing: tuple[Case, ...] = field(default=())


def sets(
    folder: Path | None, declared: Evals, rows: Sequence[RunRow]
) -> tuple[tuple[SetView, ...], tuple[Covered, ...]]:
    """The sets that the bundle in ``folder`` declares, with how many cases cover each flow; ``rows`` are the last runs, newest first."""
    if folder is None:
        return (), ()
    found, flowing = [], {}
    for name, suite in declared.suites.items():
        files, problem, read = tuple(folder / each for each in suite.cases), "", None
        try:
            states = tuple((path.stat().st_mtime_ns, path.stat().st_size) for path in files)
            if sum(size for _, size in states) > _LARGEST:
                problem = "Its files are too large for a page: aver dataset check."
            else:
                read = _read(name, files, states, suite.target)
                flowing[name] = read.flowing
        except OSError as error:
            problem = f"{error.strerror}: {', '.join(suite.cases)}"
        except AverError as error:
            problem = f"{error.cause}. {error.next_step}"
        mine = [each for each in rows if each.suite == name]
        versions = len({each.version for each in mine})
        last = mine[0] if mine else None
        if read is None:
            found.append(SetView(name, suite.cases, suite.target, "", 0, 0, 0, 0, 0, (), versions, last, problem))
            continue
        of = read.origins
        counts = (read.cases, read.drafts, of.get("synthetic", 0), of.get("production", 0), read.unanswerable)
        version = read.version[:12]
        found.append(SetView(name, suite.cases, suite.target, version, *counts, read.tags, versions, last))
    return tuple(found), tuple(cover(declared.flows, flowing))


@lru_cache(64)
def _read(name: str, files: tuple[Path, ...], _states: tuple[tuple[int, int], ...], target: str) -> _Read:
    """Goes through the cases once for as long as their files stay as they are."""
    opened = dataset_of(Suite(name, tuple(map(str, files)), target), Path("/"))
    origins, tags, unanswerable, flowing = Counter[str](), Counter[str](), 0, []
    for case in opened:
        origins[case.origin] += 1
        tags.update(case.tags)
        unanswerable += case.unanswerable
        if case.flow:
            flowing.append(Case(case.id, "", flow=case.flow, status=case.status, origin=case.origin))
    common = tuple(tags.most_common(12))
    return _Read(opened.digest, len(opened), opened.drafts, origins, unanswerable, common, tuple(flowing))
