"""The scorecard put together: a tenant's evidence, what the bundle in force asks, and what stands beside it: people, documents, releases, and what features are
made of."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from aver.core.errors import AverError
from aver.ops.scorecard.declaration import ScorecardConfig
from aver.ops.scorecard.service import Scorecards
from aver.ops.scorecard.types import Component, Exposure, Kept, Shipped
from aver.ops.types import ObjectivesConfig
from aver.server.ordering import ASSISTANT

if TYPE_CHECKING:
    from aver.agents.acting.declaration import AgentConfig
    from aver.releases import Registry
    from aver.server.application import Application
    from aver.server.bundle import Bundle
    from aver.server.tenancy import TenantServices

__all__ = ["scorecards_of", "serving_environment"]

_SERVING = "production"
"""Where releases meet users, unless this process serves another environment."""


def scorecards_of(application: Application, services: TenantServices) -> Scorecards:
    """Those of one tenant."""
    return Scorecards(
        services.store,
        services.ledger,
        application.clock,
        lambda: getattr(_in_force(application), "scorecard", None) or ScorecardConfig(),
        lambda: getattr(_in_force(application), "objectives", None) or ObjectivesConfig(),
        partial(_kept, application, services, _Held()),
    )


def serving_environment(application: Application) -> str:
    return application.settings.environment or _SERVING


def _in_force(application: Application) -> Bundle | None:
    """What is declared, if that can be had: figures are looked at where nothing can be served, too."""
    try:
        return application.bundle()
    except AverError:
        return None


class _Held:
    """The features of releases by digest: they never change, and a manifest takes milliseconds to read."""

    def __init__(self) -> None:
        self._known: dict[str, frozenset[str]] = {}

    def of(self, releases: Registry, digest: str, tenant: str) -> frozenset[str]:
        if digest not in self._known:
            try:
                manifest = releases.get(digest).manifest
            except AverError:  # deleted meanwhile, or damaged: whoever serves it is told
                return frozenset()
            agents: Mapping[str, Any] = manifest.declared.get("agents") or {}
            found = {name for name, each in agents.items() if tenant in (each.get("tenants") or [tenant])}
            self._known[digest] = frozenset(found | ({ASSISTANT} if manifest.assistant else set()))
        return self._known[digest]


def _kept(application: Application, services: TenantServices, held: _Held) -> Kept:
    from aver.server.releasing import registry

    tenant, releases, bundle = services.store.tenant, registry(application), _in_force(application)
    passed = releases.passed()
    shipped = tuple(
        Shipped(digest, at, held.of(releases, digest, tenant.name), tuple(passed.get(digest, ())))
        for digest, at in releases.created().items()
    )
    declared = bundle.agents if bundle is not None else {}
    agents = {name: each for name, each in declared.items() if tenant.name in (each.tenants or (tenant.name,))}
    documents, sources = _documents(services)
    return Kept(
        people=application.directory.count(tenant.id),
        documents=documents,
        components=() if bundle is None else tuple(_components(bundle, agents, sources)),
        features=frozenset({*agents, *([] if application.alone or bundle is None else [ASSISTANT])}),
        releases=shipped,
        exposures=tuple(sorted(_exposures(releases, serving_environment(application)), key=lambda each: each.at)),
    )


def _documents(services: TenantServices) -> tuple[int, list[str]]:
    """How many there are, and the names of their sources."""
    from aver.knowledge.store import documents

    there = documents.c.acl.is_not(None)
    with services.store.read() as tx:
        count = tx.scalar(select(func.count()).select_from(documents).where(there)) or 0
        return count, list(tx.scalars(select(documents.c.source).where(there).distinct()))


def _exposures(releases: Registry, environment: str) -> Iterator[Exposure]:
    """When each release met users: as the one in force, and as a rollout's."""
    moves = releases.moves(environment)
    for move, after in pairwise([*moves, None]):
        if move is not None and move.kind == "promoted":
            back = after is not None and after.kind == "rolled_back"
            yield Exposure(move.digest, move.at, None if after is None else after.at, back)
    current = releases.environment(environment).rollout
    for rollout in (*releases.past_rollouts(environment), *([current] if current else [])):
        if rollout.get("kind", "rollout") != "rollout":
            continue
        ended = rollout.get("status") not in ("running", "paused")
        end = datetime.fromisoformat(rollout["changed"]) if ended else None
        for variant in rollout.get("variants", ()):
            back = rollout.get("status") == "rolled_back" or bool(variant.get("stopped"))
            yield Exposure(variant["digest"], datetime.fromisoformat(rollout["began"]), end, back, whole=False)


def _components(bundle: Bundle, agents: Mapping[str, AgentConfig], sources: Collection[str]) -> Iterator[Component]:
    used: dict[tuple[str, str], set[str]] = {}

    def use(kind: str, names: Collection[str], *features: str) -> None:
        for name in names:
            used.setdefault((kind, name), set()).update(features)

    declared = _tools(bundle)
    use("prompt", [bundle.assistant.prompt] if bundle.assistant.prompt else [], ASSISTANT)
    use("source", sources, ASSISTANT)
    for name, agent in agents.items():
        use("prompt", [agent.prompt] if agent.prompt else [], name)
        use("tool", declared if agent.tools is None else agent.tools, name)
        # Whatever an agent does is decided by all policies together.
        use("policy", [path.name for folder in bundle.policies for path in sorted(folder.glob("*.cedar"))], name)
    for suite in bundle.evals.suites.values() if bundle.evals else ():
        kind, _, name = suite.target.partition(":")
        feature = name if kind == "agent" else ASSISTANT
        if kind in ("agent", "assistant", "search") and feature in {ASSISTANT, *agents}:
            use("dataset", suite.cases, feature)
    for (kind, name), features in used.items():
        yield Component(kind, name, frozenset(features))


def _tools(bundle: Bundle) -> list[str]:
    """The names that are declared of tools; what an origin declares by none is known once it is opened."""
    if bundle.tools is None:
        return []
    origins = (bundle.tools.python, bundle.tools.code, bundle.tools.mcp, bundle.tools.openapi)
    return [f"{each.prefix}{tool}" for origin in origins for each in origin.values() for tool in each.tools]
