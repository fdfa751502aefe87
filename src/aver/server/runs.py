"""Runs of labelled sets that were kept as files: beside the releases that they asked, or in the bundle. A file says of no tenant whose it is, so one is opened for
those alone whose evidence names it."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from aver.core.errors import AverError

if TYPE_CHECKING:
    from aver.evals.running.file import Run
    from aver.server.application import Application

__all__ = ["RUNS", "kept_run", "kept_runs", "runs_folders"]

RUNS = Path("evals") / "runs"
"""Where runs are kept, in a bundle and among the installation's data."""
_LOOKED_AT = 400
"""The newest files of a folder that are looked at."""


def runs_folders(application: Application) -> list[Path]:
    """Where runs of suites are kept: of releases among the installation's data, since nothing is written into their files, and in the bundle that is followed."""
    folder = application.bundle().folder
    found = [application.settings.data / RUNS]
    return found if folder is None else [*found, folder / RUNS]


def kept_runs(application: Application) -> dict[str, Path]:
    """Files of runs by the digests of their headers, which steps ``evaluated`` name. What is no run is passed over."""
    from aver.evals.running.file import SUFFIX

    found: dict[str, Path] = {}
    for folder in runs_folders(application):
        names = sorted(folder.glob(f"*{SUFFIX}"), key=lambda path: path.name, reverse=True)[:_LOOKED_AT]
        for path in names:
            try:
                digest = _digest(path, path.stat().st_mtime_ns)
            except OSError:  # removed a moment ago
                continue
            if digest:
                found.setdefault(digest, path)
    return found


def kept_run(application: Application, digest: str) -> Run | None:
    """The run whose header has a digest, where its file is kept and can be read."""
    from aver.evals.running.file import read_run

    path = kept_runs(application).get(digest) if digest else None
    try:
        return read_run(path) if path is not None else None
    except AverError:
        return None


@lru_cache(2 * _LOOKED_AT)
def _digest(path: Path, _changed: int) -> str:
    """That of the header in a file, as it was changed last; empty for what is no run."""
    from aver.evals.running.file import read_run

    try:
        return read_run(path).header.digest
    except AverError:
        return ""
