"""What can be done about incidents, put together: switches, environments, a tenant's index and keys, as actions act upon them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aver.core.errors import Forbidden, NotFound
from aver.core.principal import Principal
from aver.ops.mitigation.ports import InForce, Ports
from aver.ops.mitigation.types import Actor
from aver.releases.types import under_way
from aver.store import SwitchKind

if TYPE_CHECKING:
    from aver.gateway.config.types import GatewayConfig
    from aver.releases.registry import Registry
    from aver.server.application import Application
    from aver.server.bundle import Bundle
    from aver.server.tenancy import TenantServices

__all__ = ["declared_names", "left_without", "machine_actor", "person_actor", "ports_of"]


def ports_of(application: Application, services: TenantServices) -> Ports:
    """Those of one tenant."""
    return Ports(
        services.store.tenant.id,
        _Switchboard(application, services.store.tenant.id),
        _Declared(application, services),
        _Environments(application),
        _Index(services),
        _Keys(application, services.store.tenant.id),
    )


def machine_actor(services: TenantServices, name: str) -> Actor:
    """Whoever runs a command on the machine, under the name they give: nobody there is asked for a key."""
    return Actor(name, lambda: Principal(services.store.tenant.id, name, roles=frozenset({"admin"})))


def person_actor(application: Application, services: TenantServices, user: str) -> Actor:
    """A person or a service account of the tenant, as the directory knows them at each moment: what is taken from them counts for the next step."""

    def now() -> Principal:
        person = application.directory.find(services.store.tenant.id, user)
        if person is None or not person.active:
            raise Forbidden(f"{user[:60]!r} is nobody who may act here", "See: aver people list.")
        return person.principal

    return Actor(user, now)


def declared_names(bundle: Bundle, among: str) -> Collection[str] | None:
    """Of a kind of names that a bundle declares; ``None`` where others may be right as well, as of tools and features."""
    gateway, guardrails = bundle.gateway, bundle.guardrails
    known: dict[str, Collection[str]] = {
        "provider": gateway.providers,
        "model": {*gateway.models, *gateway.routes},
        "route": gateway.routes,
        "check": guardrails.names() | {name for places in guardrails.standard("").values() for name in places},
        "profile": guardrails.profiles,
    }
    return known.get(among)


@dataclass(frozen=True, slots=True)
class _Switchboard:
    application: Application
    tenant: str

    def find(self, kind: SwitchKind, name: str) -> str:
        for each in self.application.store.switches():
            if (each.kind, each.name) == (kind, name) and each.tenant in ("", self.tenant):
                return each.id
        return ""

    def throw(self, kind: SwitchKind, name: str, value: str, *, reason: str, by: str) -> str:
        from aver.server.switching import throw_switch

        return throw_switch(self.application, kind, name, self.tenant, reason=reason, by=by, value=value).id

    def lift(self, switch: str, *, by: str) -> None:
        from aver.server.switching import lift_switch

        for each in self.application.store.switches():
            if each.id == switch:
                return lift_switch(self.application, each, by=by)
        raise NotFound("There is no such switch", "See what is stopped: aver switch list")


@dataclass(frozen=True, slots=True)
class _Declared:
    application: Application
    services: TenantServices

    def names(self, among: str) -> Collection[str] | None:
        if among == "source":
            return () if self.application.alone else [each.name for each in self.services.sources.states()]
        if among == "key":
            return [each.id for each in self.application.store.keys(self.services.store.tenant.id)]
        if among == "feature":
            return None
        return declared_names(self.application.bundle(), among)

    def provider_of(self, model: str) -> str:
        found = self.application.declared().models.get(model)
        return found.provider if found is not None else ""

    def left_without(self, kind: str, name: str) -> Sequence[str]:
        return left_without(self.application.declared(), kind, name)


def left_without(config: GatewayConfig, kind: str, name: str) -> list[str]:
    """The routes of which every model is shut out with this ``provider`` or ``model``."""
    from aver.gateway.routing.tree import grow

    gone = {each for each, model in config.models.items() if (model.provider if kind == "provider" else each) == name}
    return [
        each
        for each, route in config.routes.items()
        if not route.last_resort and gone.issuperset({*grow(config, route).reach, *route.fallback.get("outage", ())})
    ]


@dataclass(frozen=True, slots=True)
class _Environments:
    application: Application

    @property
    def _registry(self) -> Registry:
        from aver.server.releasing import registry

        return registry(self.application)

    def standard(self) -> str:
        return self.application.settings.environment

    def state(self, environment: str) -> InForce:
        found = self._registry.environment(environment)
        if not found.digest:
            raise NotFound(f"No release was ever in force in {environment[:60]!r}", "See: aver release environments.")
        rollout = under_way(found.rollout)
        return InForce(found.digest, found.previous, str(found.rollout["id"]) if rollout and found.rollout else "")

    def roll_back(self, environment: str, to: str | None, *, reason: str, by: str) -> InForce:
        self._registry.rollback(environment, by, reason, to)
        return self.state(environment)

    def promote(self, environment: str, release: str, *, reason: str, by: str) -> InForce:
        self._registry.promote(environment, release, by, reason)
        return self.state(environment)

    def stop_rollout(self, environment: str, *, reason: str, by: str) -> None:
        from aver.releases.rollout.machine import say
        from aver.server.rolling import controller, desk

        now = self.application.clock.now()
        desk(self.application).change(environment, lambda each: say(each, "abort", now, by=by, reason=reason))
        controller(self.application).step()


@dataclass(frozen=True, slots=True)
class _Index:
    services: TenantServices

    def repair(self) -> str:
        done = self.services.knowledge.index.repair()
        if done.rebuilt:
            return f"the index could not be read, and was made anew: {done.documents:,} documents"
        return f"{done.documents:,} documents of the index were put right"

    def rebuild(self) -> str:
        done = self.services.knowledge.index.rebuild()
        return f"the index was made anew: {done.documents:,} documents in {done.seconds:.1f} s"


@dataclass(frozen=True, slots=True)
class _Keys:
    application: Application
    tenant: str

    def revoke(self, key: str, *, by: str) -> None:
        self.application.revoke_key(self.tenant, key, by)
