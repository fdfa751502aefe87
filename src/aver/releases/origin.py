"""Where a bundle comes from, as far as this machine can tell: its commit, and what Aver runs with."""

from __future__ import annotations

import platform
import re
import subprocess
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit, urlunsplit

from aver import __version__
from aver.releases.types import Provenance

__all__ = ["origin_of", "packages"]

_PATIENCE = 30.0
"""Seconds for one question to git."""
_NAME = re.compile(r"[A-Za-z0-9._-]+")


def origin_of(bundle: Path, note: str = "") -> Provenance:
    """Of the bundle in this folder. Outside of git, or without git, its commit is not known."""
    commit = _git(bundle, "rev-parse", "HEAD")
    branch = _git(bundle, "symbolic-ref", "--short", "-q", "HEAD") if commit else ""
    remote = _git(bundle, "remote", "get-url", "origin") if commit else ""
    changed = _git(bundle, "status", "--porcelain", "--", ".") if commit else None
    return Provenance(
        builder=f"aver-{__version__} python-{platform.python_version()} {platform.system().lower()}-{platform.machine()}",
        commit=commit or "",
        branch=branch or "",
        repository=_without_credentials(remote or ""),
        dirty=None if changed is None else bool(changed),
        packages=dict(packages()),
        note=note,
    )


@cache
def packages(root: str = "aver") -> Mapping[str, str]:
    """By name, the versions of a distribution's dependencies that are installed, its own extras' included, and of theirs."""
    found: dict[str, str] = {}
    pending, seen = [root], set[str]()
    while pending:
        name = pending.pop().lower().replace("_", "-")
        if name in seen:
            continue
        seen.add(name)
        try:
            said = distribution(name).metadata  # read once: it is parsed anew each time
        except PackageNotFoundError:  # of another platform, or of an extra that nobody wanted
            continue
        found[name] = said["Version"]
        needed = [each for each in said.get_all("Requires-Dist") or () if name == root or "extra ==" not in each]
        pending += [match[0] for each in needed if (match := _NAME.match(each))]
    found.pop(root, None)
    return MappingProxyType(dict(sorted(found.items())))


def _git(folder: Path, *words: str) -> str | None:
    """What git says; ``None`` where it fails. Nothing that the repository configures is run for it."""
    command = ["git", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", *words]
    try:
        said = subprocess.run(command, cwd=folder, capture_output=True, timeout=_PATIENCE, check=False)  # noqa: S603 - no words but ours
    except (OSError, subprocess.SubprocessError):
        return None
    return said.stdout.decode("utf-8", "replace").strip() if said.returncode == 0 else None


def _without_credentials(remote: str) -> str:
    """The address of a remote, without the user and the password that some write into it."""
    if "://" not in remote:
        return remote  # HOST:PATH, whose user is no secret, or a folder
    try:
        parts = urlsplit(remote)
        host = parts.hostname or ""
        return urlunsplit((parts.scheme, f"{host}:{parts.port}" if parts.port else host, parts.path, "", ""))
    except ValueError:
        return ""
