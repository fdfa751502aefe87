"""The ground that attacks are tried on: an installation of its own in a temporary folder, under the same bundle, that is gone afterwards.

Nothing of a tenant is attacked or changed: what it declares (its guardrails, its agents, its policies, its models) holds in a tenant of the same name
there, and its documents are copied where that is asked for.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from aver.core.errors import InvalidInput, NotFound
from aver.core.principal import Principal
from aver.core.yaml import nearest
from aver.evals.redteam.background import BACKGROUND
from aver.evals.redteam.targets.agent import AgentTarget
from aver.evals.redteam.targets.assistant import AssistantTarget, Ground
from aver.evals.redteam.targets.model import ModelTarget
from aver.gateway.config.types import GatewayConfig
from aver.knowledge import AccessList, Page, SourceItem

if TYPE_CHECKING:
    from aver.agents import Assistant
    from aver.gateway.types import Provider
    from aver.knowledge.types import DocumentText
    from aver.server.application import Application, TenantServices

__all__ = ["Arena", "arena"]

_OTHER = "red-team-other"
_MOST_COPIED = 2_000


@dataclass(frozen=True)
class Arena:
    """``application`` is the one made for the purpose; ``own`` the tenant that is attacked in, ``other`` the one beside it."""

    application: Application
    own: TenantServices
    other: TenantServices

    @asynccontextmanager
    async def target(
        self, name: str, *, compromised: bool = False, groups: Sequence[str] = ()
    ) -> AsyncIterator[AssistantTarget | AgentTarget | ModelTarget]:
        """What ``assistant``, ``agent:NAME`` or ``model:NAME`` is there; whoever asks it is in ``groups``.

        Raises :class:`~aver.core.errors.InvalidInput` for a name of another kind, and :class:`~aver.core.errors.NotFound` for an agent or a
        model that the bundle does not declare.
        """
        kind, _, rest = name.partition(":")
        if kind == "assistant" and not rest:
            own, other = self._ground(self.own), self._ground(self.other)
            digest = self.application.release.digest
            yield AssistantTarget(own, other, digest, compromised=compromised, groups=frozenset(groups))
        elif kind == "agent" and rest:
            async with self._agent(rest, groups, compromised=compromised) as agent:
                yield agent
        elif kind == "model" and rest:
            yield self._model(rest, compromised=compromised)
        else:
            raise InvalidInput(
                f"{name[:80]!r} is no target",
                "Name assistant, agent:NAME, model:NAME, endpoint:URL or function:FILE.py:NAME.",
            )

    @asynccontextmanager
    async def _agent(self, name: str, groups: Sequence[str], *, compromised: bool) -> AsyncIterator[AgentTarget]:
        agents = self.application.bundle().agents
        if name not in agents:
            raise NotFound(
                f"The bundle declares no agent {name[:60]!r}", nearest(name, agents) if agents else "Add one."
            )
        config = agents[name]
        if config.tenants is not None and self.own.store.tenant.name not in config.tenants:
            raise NotFound(f"The agent {name!r} does not serve this tenant", "Name one that does.")
        async with self.application.agents.acting(self.own, name) as acting:
            members = frozenset(groups) or config.groups or frozenset()
            tenant = self.own.store.tenant.id
            tools = acting.parts.tools(Principal(tenant, "red-team", members))
            digest = config.agent.digest(tools)
            yield AgentTarget(acting.parts, tools, tenant, digest, compromised=compromised, groups=members)

    def _model(self, name: str, *, compromised: bool) -> ModelTarget:
        config = self.application.declared()
        known = {**config.models, **config.routes}
        if name not in known:
            raise NotFound(
                f"There is no model or route {name[:60]!r}", nearest(name, known) if known else "Declare one."
            )
        principal = Principal(self.own.store.tenant.id, "red-team")
        return ModelTarget(self.application.gateway, name, principal, compromised=compromised)

    def _ground(self, services: TenantServices) -> Ground:
        def make(instructions: str, model: Provider | None) -> Assistant:
            return self._assistant(services, instructions, model)

        return Ground(services.store.tenant.id, services.knowledge, make)

    def _assistant(self, services: TenantServices, instructions: str, model: Provider | None) -> Assistant:
        """As it is served, but for its instructions and what answers for it."""
        from aver.agents import Assistant, Released
        from aver.agents.parts import always
        from aver.gateway.service import Gateway

        application = self.application
        serving = application.serving
        release, gateway, reranker = serving.release, serving.gateway, serving.reranker
        if instructions:
            release = replace(release, instructions=f"{release.instructions}\n\n{instructions}")
        if model is not None:
            gateway, reranker = Gateway(GatewayConfig, builtin=[model]), None
            release = replace(release, model=model.name, reranker="", rewriter="")
        released = Released(release, gateway, reranker, partial(serving.guards.of, services.store.tenant.name))
        return Assistant(
            services.store,
            services.ledger,
            services.knowledge,
            application.clock,
            application.embedder,
            always(released),
        )


@contextmanager
def arena(application: Application, tenant: str, copied: Sequence[DocumentText] = ()) -> Iterator[Arena]:
    """An installation under ``application``'s bundle and settings, with a tenant called ``tenant`` whose pages everyone of it may read: those of
    :data:`~aver.evals.redteam.background.BACKGROUND`, and ``copied``. It is gone when the block ends."""
    from aver.server.application import Application

    with tempfile.TemporaryDirectory(prefix="aver-red-team-") as folder:
        settings = replace(
            application.settings,
            data=Path(folder),
            database_url=None,
            redis_url=None,
            index_engine="lancedb",
            environment="",
        )
        scratch = Application(settings, embedder=application.embedder, clock=application.clock)
        try:
            for name in (tenant, _OTHER):
                scratch.store.create_tenant(name)
            found = Arena(scratch, scratch.tenant(tenant), scratch.tenant(_OTHER))
            texts = dict(BACKGROUND) | {f"copied/{each.document}.txt": each.text for each in copied[:_MOST_COPIED]}
            found.own.knowledge.ingest(_Texts(texts), AccessList.everyone())
            yield found
        finally:
            scratch.close()


class _Texts:
    """A :class:`~aver.knowledge.types.Source` of texts by path."""

    name = "red-team-background"

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts

    def pages(self, cursor: str) -> Iterator[Page]:
        del cursor
        yield Page(tuple(SourceItem(path, f"redteam:{path}", len(text)) for path, text in self._texts.items()))

    def fetch(self, item: SourceItem) -> bytes:
        return self._texts[item.path].encode("utf-8", "replace")
