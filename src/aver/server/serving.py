"""One release at work: what it declares, and the gateway, guards, agents and assistant that it makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from aver import __version__
from aver.core.errors import AverError, ProviderDenied, SettingsError
from aver.server.gateways import environment, learning_router, price_book
from aver.server.once import once
from aver.server.ordering import EXTRACTIVE, QUERIES, RERANK, reranker, reranker_name, rewriter_name

if TYPE_CHECKING:
    from aver.agents import Pin, Release, Released
    from aver.agents.parts import Question
    from aver.agents.reranking import MakeCall
    from aver.core.principal import Principal
    from aver.gateway import Gateway, Provider
    from aver.gateway.calls import Call
    from aver.gateway.config.types import GatewayConfig
    from aver.gateway.prices.book import PriceBook
    from aver.knowledge.reranking import Reranker
    from aver.releases.flags.service import Flags
    from aver.releases.flags.types import Flag
    from aver.server.agents import Agents
    from aver.server.application import Application
    from aver.server.bundle import Bundle
    from aver.server.guards import Guards

__all__ = ["Serving"]


class Serving:
    """One release, open. Each part is made when it is first used, and used within one event loop at a time.

    What may be shared with other releases at work is the application's: the embedder, tenants with their documents, caches (whose entries
    are by release) and budgets, kill switches, and the counts of calls. What a release must not do to another is its own: its models'
    connections, breakers, latencies and queues, so that an arm that fails or is slow says nothing about the other, and closing it cuts
    nobody off. A provider that is down is found out once an arm.
    """

    def __init__(
        self,
        application: Application,
        bundle: Callable[[], Bundle],
        folder: Path | None,
        digest: str = "",
        assistant: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """``bundle`` gives what is declared and in force, ``folder`` is where its other files are. With the ``digest`` of a frozen release
        neither ever changes; ``assistant`` are the fields of its :class:`~aver.agents.Release` as they were frozen."""
        self._application = application
        self.bundle = bundle
        self.folder = folder
        self.digest = digest
        self._assistant = assistant
        self._release: tuple[Bundle, Release] | None = None
        self.turns = 0
        """How many turns and calls it is lent to."""

    def declared(self) -> GatewayConfig:
        """The configuration of the gateway in force; another object after it was changed."""
        return self.bundle().gateway

    @once
    def guards(self) -> Guards:
        """What checks the texts of each tenant's turns."""
        from aver.gateway.credentials import Secrets
        from aver.server.guards import Guards

        application = self._application
        secrets = Secrets(environment(application.settings), application.clock)

        def tightened(tenant: str) -> frozenset[str]:
            held = application.switches.tighter(application.tenant(tenant).store.tenant.id, "guardrail")
            return frozenset(each.name for each in held)

        return Guards(lambda: self.bundle().guardrails, lambda: application.embedder, secrets, tightened)

    @once
    def agents(self) -> Agents:
        """What acts, by name."""
        from aver.server.agents import Agents

        return Agents(self._application, self)

    @once
    def flags(self) -> Flags:
        """What is switched for whom."""
        from aver.releases.flags.service import SWITCH, Flags

        switches = self._application.switches

        def declared() -> Mapping[str, Flag]:
            config = self.bundle().flags
            return config.declared if config is not None else {}

        return Flags(declared, lambda name, who: switches.holds(who.tenant, feature=f"{SWITCH}{name}"))

    async def flagged(self, pin: Pin, principal: Principal, conversation: str) -> Pin:
        """The pin of a turn, with the flags that decide for it as they are at this moment. Raises what keeps it unknown which are killed."""
        from aver.releases.rollout.assignment import Who

        if not self.flags:
            return pin
        await self._application.switches.refresh()
        who = Who.of(principal, conversation, self._application.tenant_name(principal.tenant))
        return replace(pin, flags=self.flags.facts(who))

    @once
    def prices(self) -> PriceBook:
        return price_book(self.folder, self._application.clock)

    @once
    def gateway(self) -> Gateway:
        """Every declared model. The extractive one is the last resort, unless the gateway is served alone."""
        from aver.gateway.credentials import Secrets, signer
        from aver.gateway.service import Gateway
        from aver.server.drills.staged import StagingTransport

        application = self._application
        secrets = Secrets(environment(application.settings), application.clock)

        def embedder() -> Any:
            return application.embedder

        return Gateway(
            self.declared,
            router=learning_router(self.folder, embedder),
            signers=lambda provider: signer(provider, secrets.environment, secrets=secrets),
            prices=self.prices if self.folder else None,
            budgets=application.budgets,
            caches=application.cache,
            embedder=embedder,
            halt=self._halt,
            last_resort=None if application.alone else self._last_resort(),
            now=application.clock.monotonic,
            counts=application.counts,
            labels=application.label,
            transport=StagingTransport(application.staging),
        )

    def _last_resort(self) -> Provider:
        from aver.gateway.adapters.extractive import Extractive

        return Extractive(self._application.embedder)

    async def _halt(self, call: Call, model: str) -> None:
        declared = self.declared().models.get(model)
        provider = declared.provider if declared is not None else ""
        await self._application.switches.halt(
            call.principal.tenant, feature=call.feature, model=model, provider=provider
        )

    def _model(self, bundle: Bundle) -> str:
        """What answers for the assistant: what its declaration says, else the route that bears the feature's name, else the first that is
        declared, else the extractive model."""
        config, chosen = bundle.gateway, bundle.assistant.model
        if chosen:
            return _extractive() if chosen == EXTRACTIVE else chosen
        declared = [name for name in (*config.routes, *config.models) if name not in (RERANK, QUERIES)]
        names = [*declared, _extractive()]
        feature = self._application.feature
        return feature if feature in names else names[0]

    @property
    def release(self) -> Release:
        """What decides how the assistant behaves, under one digest; another after a reload."""
        bundle, made = self.bundle(), self._release
        if made is None or made[0] is not bundle:
            made = self._release = bundle, self._made(bundle)
        return made[1]

    def _made(self, bundle: Bundle) -> Release:
        """From what is declared and set; of a frozen release, as it was when it was frozen. Raises :class:`SettingsError` for one that was
        made with another embedder: passages are found by one alone."""
        from aver.agents import Release
        from aver.agents.support import Thresholds

        application, frozen = self._application, dict(self._assistant)
        embedder, settings = application.embedder.name, application.settings
        if not frozen:
            return Release(
                model=self._model(bundle),
                embedder=embedder,
                reranker=reranker_name(settings, bundle.gateway),
                rewriter=rewriter_name(bundle.gateway),
                longest_question=settings.max_question_chars,
                **bundle.assistant.settings(),
            )
        if frozen["embedder"] != embedder:
            cause = f"The release searches by {frozen['embedder']}, and {embedder} is installed"
            raise SettingsError(cause, "Freeze it again with this embedder.")
        return Release(**{**frozen, "thresholds": Thresholds(**frozen["thresholds"]), "software": __version__})

    @once
    def reranker(self) -> Callable[[MakeCall], Reranker] | None:
        """What orders passages a second time, if anything is declared for it."""
        return reranker(self._application.settings, self.declared(), lambda: self.gateway)

    def released(self, tenant: str, pin: Pin, watch: Callable[[Question], None] | None = None) -> Released:
        """What it brings to a turn of the assistant for the tenant of this name; ``watch`` is told of the turn, if anybody is."""
        from aver.agents import Released

        return Released(self.release, self.gateway, self.reranker, partial(self.guards.of, tenant), pin, watch)

    def prepare(self) -> None:
        """Make and read everything that a turn may need. Blocking; raises an :class:`AverError` that says what cannot be had."""
        config = self.declared()
        _ = self.gateway.names()
        self.gateway.warm()
        if self.bundle().agents:
            _ = self.agents
        if not self._application.alone:
            self.guards.warm()
            _ = self.release, self.reranker
        for provider in config.providers.values():
            if provider.credential:
                self._require(provider.name, provider.credential)

    def _require(self, provider: str, credential: str) -> None:
        """Raise :class:`SettingsError` for a secret that there is not. One that cannot be had now may be had when it is needed."""
        try:
            self._application.secret(credential)
        except ProviderDenied as error:
            raise SettingsError(
                f"The credential of the provider {provider} is missing: {error.cause}", error.next_step
            ) from None
        except SettingsError:
            raise
        except AverError:
            pass

    def mistakes(self) -> list[SettingsError]:
        """What in the bundle's files is wrong, so that what they said before stays in force. Blocking."""
        from aver.gateway.config.source import BundleSource

        found = [self.bundle.problem] if isinstance(self.bundle, BundleSource) else []
        if not self.digest and self.bundle().agents:
            found.append(self.agents.mistake())
        return [each for each in found if each is not None]

    async def close(self) -> None:
        """Close the connections that this event loop opened. What is used again afterwards opens new ones."""
        for name in ("gateway", "guards", "agents"):
            if name in self.__dict__:
                await getattr(self, name).close()


def _extractive() -> str:
    from aver.gateway.adapters.extractive import Extractive

    return Extractive.name
