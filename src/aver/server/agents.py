"""Agents as they are served: what the bundle declares of each, with the tenant's journal, guard and vault, the tools and the policies."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aver.agents.acting import Acting, Agent, AgentConfig, Parts
from aver.agents.pin import UNPINNED, Pin
from aver.core.errors import NotFound, SettingsError
from aver.core.principal import Principal
from aver.gateway.credentials import Secrets
from aver.policy import Action, Decision, LivePolicies
from aver.server.gateways import environment
from aver.server.toolboxes import Toolboxes

if TYPE_CHECKING:
    from aver.server.application import Application
    from aver.server.serving import Serving
    from aver.server.tenancy import TenantServices

__all__ = ["Agents"]

_log = logging.getLogger("aver.agents")


class Agents:
    """One release's. Used within one event loop at a time, like the gateway."""

    def __init__(self, application: Application, serving: Serving) -> None:
        """Raises :class:`SettingsError` for policies that cannot be read at first: there is none to keep in force."""
        self._application = application
        self._serving = serving
        self._bundle = serving.bundle
        self.policies = LivePolicies(self._bundle().policies)
        self._told: SettingsError | None = None
        self.toolboxes = Toolboxes(
            self._bundle, Secrets(environment(application.settings), application.clock), application.clock
        )

    def offered(self, services: TenantServices, principal: Principal) -> Sequence[AgentConfig]:
        """Those that ``principal`` may use."""
        tenant = services.store.tenant.name
        return [each for each in self._bundle().agents.values() if each.serves(principal, tenant)]

    def find(self, services: TenantServices, principal: Principal, name: str) -> AgentConfig:
        """The agent called ``name``; :class:`NotFound` when there is none, or none for ``principal``."""
        for each in self.offered(services, principal):
            if each.name == name:
                return each
        raise NotFound(f"There is no agent {name!r:.80}, or it is not yours", "aver agents list names those you have.")

    @asynccontextmanager
    async def acting(self, services: TenantServices, name: str, pin: Pin = UNPINNED) -> AsyncIterator[Acting]:
        """The agent called ``name`` at work for this tenant. One that is declared no more only takes back what it did and ends. Turns that
        are begun are under ``pin``."""
        config = self._bundle().agents.get(name)
        async with self.toolboxes.lent() as toolbox:
            chosen = [
                tool
                for tool in toolbox.tools.values()
                if config is None or config.tools is None or tool.name in config.tools
            ]
            tenant = services.store.tenant.name

            def identify(principal: Principal) -> Principal:
                today = self._application.directory.today(principal)
                if config is None or not config.serves(today, tenant):
                    raise NotFound(f"The agent {name!r} is not there any more, or not for its asker", "Ask another.")
                return today

            yield Acting(
                Parts(
                    services.journal,
                    services.conversations,
                    config.agent if config else Agent("", name),
                    self._serving.gateway,
                    lambda _: chosen,
                    self._decide,
                    self._application.switches,
                    self._serving.guards.of(tenant),
                    services.vault,
                    identify,
                    pin,
                    lambda: services.declared.now().label,
                    self._application.settings.region,
                )
            )

    async def close(self) -> None:
        """Close the connections to tools, within the event loop that opened them."""
        await self.toolboxes.close()

    def mistake(self) -> SettingsError | None:
        """What is wrong with the policies as their files are now, which keeps those before it in force; the log is told once."""
        self.policies.refresh()
        error = self.policies.error
        if error is not self._told:
            self._told = error
            if error is not None:
                said = {"error": error.slug, "cause": error.cause}
                _log.error("the policies have a mistake; those before it stay in force", extra=said)
        return error

    def _decide(self, action: Action) -> Decision:
        if not self._serving.digest:  # a frozen release keeps the policies that it was opened with
            self.mistake()
        return self.policies.current.decide(action)
