"""What actions act upon, as the installation has it (``aver.server.mitigating``). Everything is one tenant's, but for environments, which are all tenants'."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from aver.store import SwitchKind

__all__ = ["Declared", "Environments", "InForce", "Indexed", "Keys", "Ports", "Switchboard"]


class Switchboard(Protocol):
    """Switches of the tenant: they take effect in every process within a second, and each is on record."""

    def find(self, kind: SwitchKind, name: str) -> str:
        """The id of the switch that holds for this tenant or for all; empty where there is none."""
        ...

    def throw(self, kind: SwitchKind, name: str, value: str, *, reason: str, by: str) -> str:
        """Stop it, or hold it tighter; the id of the switch."""
        ...

    def lift(self, switch: str, *, by: str) -> None:
        """Let it go on. Raises :class:`~aver.core.errors.NotFound` where it was let go on by then."""
        ...


class Declared(Protocol):
    """What there is, by the bundle in force and the tenant's tables."""

    def names(self, among: str) -> Collection[str] | None:
        """Of ``provider``, ``model`` (and routes), ``route``, ``check``, ``profile``, ``source``, ``feature``, ``tool`` or ``key``; ``None`` where others may be
        right as well."""
        ...

    def provider_of(self, model: str) -> str:
        """The provider of a model; empty where it has none."""
        ...

    def left_without(self, kind: str, name: str) -> Sequence[str]:
        """The routes, and the models called by their own names, that nobody answers once this ``provider`` or ``model`` is shut out."""
        ...


@dataclass(frozen=True, slots=True)
class InForce:
    """An environment: its release, the one before, and the rollout that is under way, by their digests and its id; empty for none."""

    release: str
    previous: str
    rollout: str


class Environments(Protocol):
    def standard(self) -> str:
        """The environment that this installation serves; empty where it serves a directory."""
        ...

    def state(self, environment: str) -> InForce:
        """Raises :class:`~aver.core.errors.NotFound` where no release was ever in force."""
        ...

    def roll_back(self, environment: str, to: str | None, *, reason: str, by: str) -> InForce: ...

    def promote(self, environment: str, release: str, *, reason: str, by: str) -> InForce:
        """Raises :class:`~aver.core.errors.Conflict` for what the release lacks."""
        ...

    def stop_rollout(self, environment: str, *, reason: str, by: str) -> None: ...


class Indexed(Protocol):
    """The tenant's index. Both take as long as they take; what is found meanwhile is as before."""

    def repair(self) -> str: ...
    def rebuild(self) -> str: ...


class Keys(Protocol):
    def revoke(self, key: str, *, by: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Ports:
    """All of them, of one tenant."""

    tenant: str
    switches: Switchboard
    declared: Declared
    environments: Environments
    index: Indexed
    keys: Keys
