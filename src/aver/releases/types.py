"""A release, the environments that point to one, and what people and gates have said of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

from aver.core import canonical_json, sha256_hex

__all__ = [
    "FORMAT",
    "Described",
    "Environment",
    "Event",
    "EventKind",
    "FrozenFile",
    "GateOutcome",
    "GateRecord",
    "Manifest",
    "Move",
    "MoveKind",
    "Provenance",
    "Record",
    "Release",
    "SignOff",
    "under_way",
]

FORMAT = "aver-release-1"
GateOutcome = Literal["pass", "fail", "inconclusive"]
MoveKind = Literal["promoted", "rolled_back"]
EventKind = Literal[
    "release_created", "release_signed_off", "release_sign_off_withdrawn", "release_promoted", "release_rolled_back"
]


@dataclass(frozen=True, slots=True, order=True)
class FrozenFile:
    """A file of the bundle: where it lies in it, with ``/`` between folders, and SHA-256 of its bytes, hexadecimal."""

    path: str
    sha256: str
    size: int
    executable: bool = False


@dataclass(frozen=True)
class Manifest:
    """Everything that decides how a release behaves. Whoever has the manifest and the files' bytes has the release."""

    files: tuple[FrozenFile, ...]
    """By path, in the order of code points."""
    declared: Mapping[str, Any]
    """By section, what ``aver.yaml`` declares, as plain values without what is as by default."""
    assistant: Mapping[str, Any]
    """The fields of :class:`aver.agents.Release`; empty where no assistant was asked for."""
    tools: Mapping[str, Any]
    """By the name that a model calls it, what it is told of each tool: ``origin``, ``description``, ``parameters``, ``returns``."""
    software: str
    """The version of Aver."""

    def plain(self) -> dict[str, Any]:
        """As JSON; an executable file says so, any other says nothing of it."""
        files = [
            {"path": each.path, "sha256": each.sha256, "size": each.size}
            | ({"executable": True} if each.executable else {})
            for each in self.files
        ]
        return {
            "format": FORMAT,
            "files": files,
            "declared": dict(self.declared),
            "assistant": dict(self.assistant),
            "tools": dict(self.tools),
            "software": self.software,
        }

    @cached_property
    def canonical(self) -> bytes:
        """Its one byte string: :func:`~aver.core.canonical_json`."""
        return canonical_json(self.plain())

    @cached_property
    def digest(self) -> str:
        """SHA-256 of :attr:`canonical`, hexadecimal: the release's name everywhere."""
        return sha256_hex(self.canonical)

    @cached_property
    def paths(self) -> Mapping[str, FrozenFile]:
        return {each.path: each for each in self.files}


@dataclass(frozen=True, slots=True)
class Described:
    """What a bundle comes to once it is opened, beside what its files say: the fields of the assistant's settings, and the tools as
    :attr:`Manifest.tools` has them."""

    assistant: Mapping[str, Any] = field(default_factory=dict)
    tools: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Provenance:
    """How a release came to be; no part of its digest, since the same bundle is the same release whoever freezes it."""

    builder: str = ""
    """The program and the machine's platform."""
    commit: str = ""
    """Of the git repository that the bundle is in, where it is in one."""
    branch: str = ""
    repository: str = ""
    """The address of its remote, without credentials."""
    dirty: bool | None = None
    """Whether files of the bundle differed from that commit; ``None`` outside of git."""
    indexes: Mapping[str, str] = field(default_factory=dict)
    """By tenant's id, the version its index had."""
    packages: Mapping[str, str] = field(default_factory=dict)
    """By name, the version of each Python distribution that Aver ran with."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Release:
    """A release in the registry."""

    manifest: Manifest
    created: datetime
    created_by: str
    provenance: Provenance = field(default_factory=Provenance)
    tags: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        return self.manifest.digest


@dataclass(frozen=True, slots=True)
class Environment:
    """Where a release meets users. ``rollout`` is what :mod:`aver.releases.rollout` keeps while another release is being let in."""

    name: str
    digest: str
    """Of the release in force; empty before the first."""
    previous: str = ""
    """What a rollback goes back to; empty where there is nothing."""
    changed: datetime | None = None
    rollout: Mapping[str, Any] | None = None
    revision: int = 0
    """Counts every change. Whoever writes says which one they have read."""


@dataclass(frozen=True, slots=True)
class Move:
    """An environment was pointed to another release, and has ``revision`` since. ``lacked`` is what a promotion by force went without."""

    environment: str
    revision: int
    kind: MoveKind
    digest: str
    before: str
    by: str
    reason: str
    at: datetime
    lacked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SignOff:
    """A person in a role says that a release may be promoted."""

    role: str
    by: str
    at: datetime
    note: str = ""


@dataclass(frozen=True, slots=True)
class GateRecord:
    """What a gate said of a release. ``attestation`` is a DSSE envelope around an in-toto statement, where there is one."""

    digest: str
    outcome: GateOutcome
    at: datetime
    by: str = ""
    attestation: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """Something that the evidence of tenants is to tell of releases."""

    kind: EventKind
    digest: str
    by: str
    environment: str = ""
    before: str = ""
    """The digest that was in force."""
    reason: str = ""
    role: str = ""
    lacked: tuple[str, ...] = ()
    rollout: str = ""
    """The id of the one that this ended, if any was under way."""


def under_way(rollout: Mapping[str, Any] | None) -> bool:
    """Whether the state of a rollout is of one that goes on: what has ended may be kept for a while, for those who are held out of it."""
    return rollout is not None and rollout.get("status", "running") in ("running", "paused")


Record = Callable[[Event], None]
"""Puts an event on record; raises what keeps it from being so."""
