"""Rollouts, experiments and flags of an installation, put together: its registry, its tenants' evidence, what its releases declare."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from aver.core.errors import Conflict, InvalidInput
from aver.core.yaml import YamlValue
from aver.evidence import Ledger
from aver.gateway.config.read import open_bundle
from aver.gateway.config.shapes import keyed
from aver.releases.flags.declaration import read_flags
from aver.releases.flags.service import SWITCH, Flags
from aver.releases.flags.types import FlagsConfig
from aver.releases.online.correlation import Correlation
from aver.releases.online.escapes import Gated
from aver.releases.online.history import History, calibration
from aver.releases.rollout.assignment import Who
from aver.releases.rollout.controller import RolloutController
from aver.releases.rollout.declaration import read_plan
from aver.releases.rollout.desk import RegistryDesk
from aver.releases.rollout.experiments import Experiment, read_experiments
from aver.releases.rollout.machine import Word, begin, promote, say
from aver.releases.rollout.reading import EvidenceTraffic
from aver.releases.rollout.state import Rollout
from aver.server.releasing import registry
from aver.store import TenantStore

if TYPE_CHECKING:
    from aver.server.application import Application

__all__ = [
    "controller",
    "desk",
    "experiments_of",
    "flags_config",
    "flags_of",
    "held_against",
    "promote_rollout",
    "say_of_rollout",
    "start_experiment",
    "start_rollout",
]

T = TypeVar("T")


def books(application: Application) -> dict[str, tuple[TenantStore, Ledger]]:
    """Every tenant's store and ledger, by its id."""
    found = {}
    for tenant in application.store.tenants():
        services = application.tenant(tenant.id)
        found[tenant.id] = (services.store, services.ledger)
    return found


def desk(application: Application) -> RegistryDesk:
    return RegistryDesk(registry(application), application.store, lambda: books(application), application.clock)


def controller(application: Application) -> RolloutController:
    """Its ``step`` is what the served application does every few seconds."""
    traffic = EvidenceTraffic(lambda: {tenant: ledger for tenant, (_, ledger) in books(application).items()})
    return RolloutController(desk(application), traffic, application.clock)


def start_rollout(application: Application, environment: str, release: str, *, by: str) -> Rollout:
    """Begin to roll a release out, by the plan that it brings itself. Raises :class:`~aver.core.errors.InvalidInput` where it brings none, and as
    :meth:`~aver.releases.rollout.desk.RegistryDesk.start`."""
    releases, rollouts = registry(application), desk(application)
    candidate = releases.get(release)
    plan = _section(releases.open_folder(candidate.digest), "rollout", read_plan)
    if plan is None:
        raise InvalidInput(
            f"Release {candidate.digest[:12]} does not say how it is rolled out", "Add a section rollout: to aver.yaml."
        )
    control = releases.environment(environment).digest
    rollout = begin(plan, environment, control, {"candidate": candidate.digest}, application.clock.now(), by=by)
    return rollouts.start(rollout).rollout


def start_experiment(application: Application, environment: str, bundle: Path, name: str, *, by: str) -> Rollout:
    """Begin an experiment that the bundle declares. Raises :class:`~aver.core.errors.InvalidInput` where it declares none of this name."""
    releases, rollouts = registry(application), desk(application)
    known = experiments_of(bundle)
    if name not in known:
        raise InvalidInput(f"There is no experiment {name[:60]!r}", f"Declared are: {', '.join(known) or 'none'}.")
    one = known[name]
    variants = {arm: releases.get(each.release.removeprefix("tag:")).digest for arm, each in one.variants.items()}
    control = releases.environment(environment).digest
    now = application.clock.now()
    rollout = begin(one.plan(), environment, control, variants, now, by=by, kind="experiment", weights=one.weights())
    return rollouts.start(rollout).rollout


def say_of_rollout(application: Application, environment: str, word: Word, *, by: str, reason: str) -> Rollout:
    """Pause, resume or abort what is under way in an environment. Raises as :func:`~aver.releases.rollout.machine.say`."""
    return _change(application, environment, lambda each, now: say(each, word, now, by=by, reason=reason))


def promote_rollout(application: Application, environment: str, *, by: str, reason: str, variant: str = "") -> Rollout:
    """End what is under way by giving everybody the candidate, whatever the figures say. Raises :class:`~aver.core.errors.Conflict` where the release lacks
    what a promotion asks for, and as :func:`~aver.releases.rollout.machine.promote`."""
    rollouts = desk(application)
    rollout = rollouts.one(environment).rollout
    chosen = next((each for each in rollout.variants if each.name == variant), rollout.variants[0])
    if lacking := rollouts.lacking(environment, chosen.digest):
        raise Conflict(f"It may not be promoted: {', '.join(lacking)}", "See: aver release lacking.")
    return _change(
        application, environment, lambda each, now: promote(each, now, by=by, reason=reason, variant=variant)
    )


def _change(application: Application, environment: str, act: Callable[[Rollout, datetime], Rollout]) -> Rollout:
    """With a step of the controller, so that it is on record, and an end is carried out, when this is done."""
    now = application.clock.now()
    rollout = desk(application).change(environment, lambda each: act(each, now))
    controller(application).step()
    return rollout


def experiments_of(bundle: Path) -> Mapping[str, Experiment]:
    return _section(bundle, "experiments", read_experiments) or {}


def flags_config(bundle: Path) -> FlagsConfig:
    return _section(bundle, "flags", read_flags) or FlagsConfig()


def flags_of(application: Application, config: FlagsConfig) -> Flags:
    """Flags as declared, less what switches stop."""

    def killed(name: str, who: Who) -> bool:
        named = {"feature": f"{SWITCH}{name}"}
        return any(each.kind == "feature" and each.holds(who.tenant, named) for each in application.store.switches())

    return Flags(lambda: config.declared, killed)


def held_against(application: Application, tenant: str) -> tuple[History, list[Correlation]]:
    """What one tenant's evidence says of releases before and after they met traffic, and that of all of what gates said of them: releases are the
    installation's, and a gate is on record with one tenant. A gate that is in no evidence, the registry may know."""
    ledger, history = application.tenant(tenant).ledger, History()
    for _, each in books(application).values():
        history.take(each.of_kind("gated"))
    releases = registry(application)
    for release in releases.all():
        if release.digest not in history.gates:
            said = releases.gates(release)
            history.gates[release.digest] = [Gated("", each.at, each.outcome) for each in said]
    history.take(ledger.of_kind("evaluated"))
    history.take(ledger.of_kind("staged"))
    return history, calibration(history)


def _section(bundle: Path, name: str, read: Callable[[YamlValue], T]) -> T | None:
    root, _ = open_bundle(bundle)
    sections = {} if root.is_null else {key.text(): value for key, value in keyed(root)}
    return read(sections[name]) if name in sections and not sections[name].is_null else None
