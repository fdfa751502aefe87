"""Kill switches as people throw and lift them: at work in the store, and on record with every tenant that they hold for."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from aver.core.errors import AverError, NotFound
from aver.core.ids import new_id
from aver.evidence import Draft
from aver.gateway.budgets.limits import limit_of
from aver.guard.declared import PROFILE
from aver.server.ordering import EXTRACTIVE, FEATURES
from aver.store import Switch, SwitchKind

if TYPE_CHECKING:
    from aver.server.application import Application

__all__ = ["find_switch", "is_known", "lift_switch", "switches_of", "throw_switch"]


def throw_switch(
    application: Application,
    kind: SwitchKind,
    name: str = "",
    tenant: str = "",
    *,
    reason: str,
    by: str = "",
    value: str = "",
) -> Switch:
    """Stop something, as :meth:`~aver.store.Store.throw_switch`; ``by`` is the user who does it. It is stopped before anything is recorded:
    where evidence cannot be written, that is no reason to go on. Raises as that method does, and what kept it from being recorded."""
    if kind == "limit":
        limit_of(name, value)
    switch = application.store.throw_switch(kind, _own(kind, name), tenant, reason=reason, value=value)
    _record(application, switch, by, lifted=False)
    return switch


def lift_switch(application: Application, switch: Switch, *, by: str = "") -> None:
    """Let go on what ``switch`` stopped, once that is on record. Raises :class:`NotFound` when it is lifted already."""
    if switch not in application.store.switches():
        raise NotFound("There is no such switch", "See what is stopped: aver switch list")
    _record(application, switch, by, lifted=True)
    application.store.lift_switch(switch.id)


def find_switch(application: Application, kind: SwitchKind, name: str = "", tenant: str = "") -> Switch:
    """The switch that stops just this, ``tenant`` by name or id; :class:`NotFound` when there is none."""
    owner = application.store.tenant(tenant).tenant.id if tenant else ""
    wanted = (kind, _own(kind, name), owner)
    for switch in application.store.switches():
        if (switch.kind, switch.name, switch.tenant) == wanted:
            return switch
    raise NotFound("Nothing like this is stopped", "See what is stopped: aver switch list")


def is_known(application: Application, switch: Switch) -> bool:
    """Whether something has the name of what is stopped, as far as the bundle says: a feature may also be a caller's own label, and tools
    have their names from elsewhere."""
    bundle = application.bundle()
    models = {*bundle.gateway.models, *bundle.gateway.routes, _own("model", EXTRACTIVE)}
    flags = bundle.flags.declared if bundle.flags else ()
    profiles = (f"{PROFILE}{each}" for each in bundle.guardrails.profiles)
    names: dict[str, Collection[str]] = {
        "feature": {*FEATURES, *bundle.agents, *(f"flag.{each}" for each in flags)},
        "model": models,
        "provider": bundle.gateway.providers,
        "guardrail": {*bundle.guardrails.names(), *profiles},
    }
    return switch.kind not in names or switch.name in names[switch.kind]


def switches_of(application: Application, tenant: str) -> list[Switch]:
    """What is stopped for the tenant with this id, by itself or with all others."""
    return [switch for switch in application.store.switches() if switch.tenant in ("", tenant)]


def _own(kind: SwitchKind, name: str) -> str:
    """The name under which calls know what a bundle calls ``extractive``; any other as it is."""
    if (kind, name) != ("model", EXTRACTIVE):
        return name
    from aver.gateway.adapters.extractive import Extractive

    return Extractive.name


def _record(application: Application, switch: Switch, by: str, *, lifted: bool) -> None:
    tenants: Sequence[str] = [switch.tenant]
    if not switch.tenant:
        tenants = [tenant.id for tenant in application.store.tenants()]
    facts = {"switch": switch.id, "kind": switch.kind, "lifted": lifted}
    body = {"name": switch.name, "reason": switch.reason, "by": by}
    failed: AverError | None = None
    for tenant in tenants:
        try:
            services = application.tenant(tenant)
            with services.store.begin() as tx:
                services.ledger.append_all(tx, [Draft(new_id("switching"), "switched", None, facts, body)])
        except AverError as error:  # the others are told all the same
            failed = failed or error
    if failed is not None:
        failed.add_note(f"The switch is {'not lifted' if lifted else 'thrown'}; a tenant's evidence does not say so.")
        raise failed
