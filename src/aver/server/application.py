"""The composition root: the one place that knows every package and puts them together."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar, overload

from aver.core.clock import Clock, SystemClock
from aver.core.errors import AverError, NotFound, SettingsError, Unavailable
from aver.core.principal import ADMIN, Principal, check_role, user_reader
from aver.core.settings import Settings
from aver.evidence import Draft, Folder, Ledger, Outbox, Step
from aver.server.gateways import declared, document_access, environment, grant_store, learning_router, price_book
from aver.server.ordering import (
    ASSISTANT,
    EXTRACTIVE,
    QUERIES,
    RERANK,
    SEARCH,
    SOURCES,
    reranker,
    reranker_name,
    rewriter_name,
)
from aver.store import ApiKey, Store, Switches, TenantStore

if TYPE_CHECKING:
    from aver.agents import Assistant, Release
    from aver.agents.acting import Approvals, Journal, Turns
    from aver.agents.conversations import Conversations
    from aver.agents.reranking import MakeCall
    from aver.gateway import Embedder, Gateway, Provider
    from aver.gateway.budgets.grants import GrantStore
    from aver.gateway.budgets.service import TenantBudgets
    from aver.gateway.cache.service import TenantCache
    from aver.gateway.calls import Call, CallRecord
    from aver.gateway.config.types import GatewayConfig
    from aver.gateway.prices.book import PriceBook
    from aver.guard.vault import Vault
    from aver.knowledge import Knowledge
    from aver.knowledge.index import Index
    from aver.knowledge.reranking import Reranker
    from aver.knowledge.scope import Scope
    from aver.knowledge.sources import Sources
    from aver.knowledge.types import DocumentText, Hit
    from aver.server.agents import Agents
    from aver.server.bundle import Bundle
    from aver.server.guards import Guards
    from aver.server.runner import Runner

__all__ = ["Application", "TenantServices"]

T = TypeVar("T")


class _once(cached_property[T]):  # noqa: N801 - used as a decorator
    """A part made when it is first asked for, by one thread while the others wait: two models would take twice the memory."""

    def __init__(self, make: Callable[[Any], T]) -> None:
        super().__init__(make)
        self._making = threading.RLock()

    @overload
    def __get__(self, instance: None, owner: type[Any] | None = None) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type[Any] | None = None) -> T: ...
    def __get__(self, instance: object | None, owner: type[Any] | None = None) -> Self | T:
        with self._making:
            return super().__get__(instance, owner)


class TenantServices:
    """What one tenant has. Each part is made when it is first used: reading evidence loads no index and no model."""

    def __init__(self, application: Application, store: TenantStore) -> None:
        self._application = application
        self.store = store
        self.ledger = Ledger(store, application.clock)

    @_once
    def outbox(self) -> Outbox:
        """Steps that need not wait for the disk."""
        return Outbox(self.store, self.ledger, self._application.folder)

    def record_call(self, call: Call, record: CallRecord) -> None:
        """Keep the evidence of a call that is part of no turn."""
        turn = call.turn or record.id
        self.outbox.put([Draft(turn, "called", call.principal.subject, record.facts(), record.body())])

    def give_feedback(self, call: str, score: float, principal: Principal) -> None:
        """What a principal says of a call of their own, chained or still on its way to the chain. Blocking; raises as
        :func:`~aver.gateway.feedback.give_feedback` does."""
        from aver.gateway.feedback import give_feedback

        try:
            give_feedback(self.store, self.ledger, call, score, user=principal.user)
        except NotFound:
            self.outbox.settle()
            give_feedback(self.store, self.ledger, call, score, user=principal.user)

    @_once
    def grants(self) -> GrantStore:
        """Where this tenant's budgets are shared among processes."""
        return grant_store(self, self._application.settings.redis_url)

    @_once
    def budgets(self) -> TenantBudgets:
        from aver.gateway.budgets.service import TenantBudgets

        return TenantBudgets(self.grants, self._application.declared, self._application.clock)

    @_once
    def cache(self) -> TenantCache:
        """Answers given before."""
        from aver.gateway.cache.service import TenantCache

        application = self._application
        access = document_access(application.tenant)
        return TenantCache(self.store, lambda: application.embedder, access, application.clock)

    @_once
    def knowledge(self) -> Knowledge:
        from aver.knowledge import Knowledge

        application = self._application
        settings, others = application.settings, application.other_embedders
        return Knowledge(
            self.store,
            self.ledger,
            application.embedder,
            application.clock,
            parser=settings.parser,
            index=self._index(),
            others=others,
            keep_originals=settings.keep_originals,
            halt=partial(application.switches.check, self.store.tenant.id, feature=SOURCES),
        )

    def search(self, principal: Principal, query: str, limit: int, scope: Scope | None = None) -> list[Hit]:
        """The best passages for somebody who asks for passages alone. Blocking; raises :class:`~aver.core.errors.Stopped` where that is
        switched off, and as :meth:`~aver.knowledge.Knowledge.search`."""
        from aver.knowledge.scope import EVERYTHING

        self._application.switches.check(self.store.tenant.id, feature=SEARCH)
        return self.knowledge.search(principal, query, limit, scope or EVERYTHING)

    def _index(self) -> Index | None:
        """As the settings choose; ``None`` for LanceDB, which is built in."""
        if self._application.settings.index_engine == "lancedb":
            return None
        from aver.knowledge.adapters.pgvector import PgvectorIndex

        return PgvectorIndex(self.store)

    @_once
    def sources(self) -> Sources:
        """Where its documents come from."""
        from aver.knowledge.sources import Sources

        application = self._application
        limit = application.settings.max_file_mb * 2**20
        return Sources(self.store, self.ledger, self.knowledge, application.clock, application.secret, limit)

    @_once
    def journal(self) -> Journal:
        """Where its acting turns stand."""
        from aver.agents.acting import Journal

        return Journal(self.store, self.ledger, self._application.clock)

    @_once
    def conversations(self) -> Conversations:
        """What its agents' turns are part of."""
        from aver.agents.conversations import Conversations

        return Conversations(self.store, self.ledger, _Reading(self))

    @_once
    def vault(self) -> Vault:
        """What checks cut out of them."""
        from aver.guard.vault import Vault, anyone_of_the_tenant

        return Vault(self.store, self._application.clock, anyone_of_the_tenant)

    @_once
    def approvals(self) -> Approvals:
        """What of them waits for a person."""
        from aver.agents.acting import Approvals

        return Approvals(self.journal)

    @_once
    def turns(self) -> Turns:
        """What its agents do, and did."""
        from aver.agents.acting import Turns

        return Turns(self.journal)

    @_once
    def assistant(self) -> Assistant:
        from aver.agents import Assistant

        return Assistant(
            self.store,
            self.ledger,
            self.knowledge,
            self._application.gateway,
            self._application.clock,
            self._application.release,
            self._application.embedder,
            self._application.reranker,
            partial(self._application.guards.of, self.store.tenant.name),
            self._application.switches.halt,
        )

    def evidence(self, principal: Principal, turn: str) -> tuple[Step, ...]:
        """The steps of one of the principal's own turns, an agent's or the assistant's, as they may be read now; :class:`NotFound` for any
        other."""
        try:
            return self.turns.evidence(principal, turn)
        except NotFound:
            return self.assistant.evidence(principal, turn)

    def close(self) -> None:
        if "knowledge" in self.__dict__:
            self.knowledge.close()
        if "grants" in self.__dict__:
            self.grants.close()

    async def aclose(self) -> None:
        """Give back what this process holds of budgets."""
        if "budgets" in self.__dict__:
            await self.budgets.close()

    def principal(self, user: str, groups: Iterable[str] = ()) -> Principal:
        """A user of this tenant, whose groups the caller vouches for."""
        return Principal(self.store.tenant.id, user, frozenset(groups))


class _Reading:
    """A tenant's knowledge, opened once somebody reads in it: what has no documents needs no embedder."""

    def __init__(self, services: TenantServices) -> None:
        self._services = services

    def document(self, principal: Principal, document: str, version: int | None = None) -> DocumentText:
        return self._services.knowledge.document(principal, document, version)

    def readable(self, principal: Principal, pairs: Sequence[tuple[str, int]]) -> frozenset[tuple[str, int]]:
        return self._services.knowledge.readable(principal, pairs) if pairs else frozenset()


class Application:
    """One installation, open. ``embedder`` and ``clock`` are the built-in ones unless the caller brings its own;
    ``other_embedders`` read indexes that were made with them before, until these are migrated.

    Thread-safe. Models, indexes and tenants are opened when first used and kept until :meth:`close`.
    """

    feature = ASSISTANT

    def __init__(
        self,
        settings: Settings,
        *,
        embedder: Embedder | None = None,
        clock: Clock | None = None,
        other_embedders: Sequence[Embedder] = (),
    ) -> None:
        self.settings = settings
        self.other_embedders = tuple(other_embedders)
        self.clock: Clock = clock or SystemClock()
        self.store = Store(settings.data, settings.database_url, self.clock)
        self.folder = Folder()
        self._given_embedder = embedder
        self.alone = False
        """Whether only the gateway is served: nothing of the assistant is loaded."""
        self._revocations: list[Callable[[], None]] = []
        self._services: dict[str, TenantServices] = {}
        self._lock = threading.RLock()
        self._unready: AverError | None = Unavailable("The model is still being loaded", "Try again in a second.")

    @_once
    def embedder(self) -> Embedder:
        if self._given_embedder is not None:
            return self._given_embedder
        from aver.gateway.adapters.minilm import MiniLM

        return MiniLM(self._models)

    @property
    def _models(self) -> Path:
        return self.settings.data / "models"

    @property
    def has_built_model(self) -> bool:
        """Whether the built-in model was built here before; the first time takes seconds."""
        return self._models.is_dir()

    @_once
    def bundle(self) -> Callable[[], Bundle]:
        """What the bundle declares and is in force; another object after a reload."""
        return declared(self.settings, self.clock)

    def mistakes(self) -> Sequence[SettingsError]:
        """What in the bundle's files is wrong, so that what they said before stays in force. Blocking."""
        from aver.gateway.config.source import BundleSource

        source = self.bundle
        found = [source.problem] if isinstance(source, BundleSource) else []
        if source().agents:
            found.append(self.agents.mistake())
        return [each for each in found if each is not None]

    def declared(self) -> GatewayConfig:
        """The configuration of the gateway in force; another object after it was changed."""
        return self.bundle().gateway

    @_once
    def guards(self) -> Guards:
        """What checks the texts of each tenant's turns."""
        from aver.gateway.credentials import Secrets
        from aver.server.guards import Guards

        secrets = Secrets(environment(self.settings), self.clock)
        return Guards(lambda: self.bundle().guardrails, lambda: self.embedder, secrets)

    @_once
    def agents(self) -> Agents:
        """What acts, by name."""
        from aver.server.agents import Agents

        return Agents(self)

    @_once
    def runner(self) -> Runner:
        """What goes on with the agents' turns where Aver is served."""
        from aver.server.runner import Runner

        return Runner(self)

    @_once
    def prices(self) -> PriceBook:
        return price_book(self.settings.bundle, self.clock)

    @_once
    def gateway(self) -> Gateway:
        """Every declared model. The extractive one is the last resort, unless the gateway is served alone."""
        from aver.gateway.credentials import Secrets, signer
        from aver.gateway.service import Gateway

        secrets = Secrets(environment(self.settings), self.clock)
        return Gateway(
            self.declared,
            router=learning_router(self.settings, lambda: self.embedder),
            signers=lambda provider: signer(provider, secrets.environment, secrets=secrets),
            prices=self.prices if self.settings.bundle else None,
            budgets=lambda tenant: self._services[tenant].budgets if self.declared().budgets else None,
            caches=lambda tenant: self._services[tenant].cache,
            embedder=lambda: self.embedder,
            halt=self._halt,
            last_resort=None if self.alone else self._extractive(),
            now=self.clock.monotonic,
        )

    @_once
    def switches(self) -> Switches:
        """What is stopped, here and on every replica."""
        return Switches(self.store.switches)

    async def _halt(self, call: Call, model: str) -> None:
        await self.switches.halt(call.principal.tenant, feature=call.feature, model=model)

    def secret(self, reference: str) -> str:
        """What ``env:NAME``, ``file:PATH`` or another reference names. Blocking; raises where it cannot be had."""
        from aver.gateway.credentials import Secrets

        return asyncio.run(Secrets(environment(self.settings), self.clock).get(reference))

    def _extractive(self) -> Provider:
        from aver.gateway.adapters.extractive import Extractive

        return Extractive(self.embedder)

    @property
    def model(self) -> str:
        """What answers for the assistant: what its declaration says, else the route that bears the feature's name, else the first that is
        declared, else the extractive model."""
        config, chosen = self.declared(), self.bundle().model
        if chosen:
            return self._extractive_name if chosen == EXTRACTIVE else chosen
        declared = [name for name in (*config.routes, *config.models) if name not in (RERANK, QUERIES)]
        names = [*declared, self._extractive_name]
        return self.feature if self.feature in names else names[0]

    @_once
    def _extractive_name(self) -> str:
        from aver.gateway.adapters.extractive import Extractive

        return Extractive.name

    @_once
    def release(self) -> Release:
        """What decides how the assistant behaves, under one digest."""
        from aver.agents import Release

        return Release(
            model=self.model,
            embedder=self.embedder.name,
            reranker=reranker_name(self.settings, self.declared()),
            rewriter=rewriter_name(self.declared()),
            longest_question=self.settings.max_question_chars,
        )

    @_once
    def reranker(self) -> Callable[[MakeCall], Reranker] | None:
        """What orders passages a second time, if anything is declared for it."""
        return reranker(self.settings, self.declared(), lambda: self.gateway)

    async def services(self, tenant: str) -> TenantServices:
        """As :meth:`tenant`, without blocking the event loop when it is opened for the first time."""
        found = self._services.get(tenant)
        return found if found is not None else await asyncio.to_thread(self.tenant, tenant)

    def on_revoked(self, forget: Callable[[], None]) -> None:
        """Call ``forget`` whenever this process revokes API keys."""
        self._revocations.append(forget)

    def revoke_key(self, tenant: str, key: str) -> None:
        """End an API key at once; :class:`~aver.core.errors.NotFound` when the tenant has none such."""
        self.store.revoke_key(tenant, key)
        self._revoked()

    def _revoked(self) -> None:
        for forget in self._revocations:
            forget()

    def tenant(self, name: str) -> TenantServices:
        """A tenant's services, by its name or id; :class:`~aver.core.errors.NotFound` when there is none."""
        with self._lock:
            if name not in self._services:
                store = self.store.tenant(name)
                services = self._services.get(store.tenant.id) or TenantServices(self, store)
                # By id only: a name may come to mean another tenant, an id never.
                self._services[store.tenant.id] = services
                return services
            return self._services[name]

    def create_key(
        self, tenant: str, user: str, groups: Iterable[str] = (), roles: Iterable[str] = ()
    ) -> tuple[ApiKey, str]:
        """A new API key and its secret, with a step of evidence that it was made; :class:`~aver.core.errors.InvalidInput` for a role that
        there is not."""
        services = self.tenant(tenant)
        key, secret = self.store.create_key(tenant, user, groups, self._known_roles(roles))
        try:
            with services.store.begin() as tx:
                services.ledger.append(
                    tx,
                    turn=key.id,
                    kind="key_created",
                    subject=user_reader(user),
                    facts={"key": key.id, "groups": len(key.groups), "roles": len(key.roles)},
                    body={"user": user, "groups": sorted(key.groups), "roles": sorted(key.roles)},
                )
        except BaseException:
            # A key that nothing records must not work.
            self.store.revoke_key(tenant, key.id)
            raise
        return key, secret

    def _known_roles(self, roles: Iterable[str]) -> list[str]:
        """Those that Aver knows, and those that an agent's second person has."""
        given = list(roles)
        known = {ADMIN}
        if not known.issuperset(given):
            known |= {each.agent.four_eyes.role for each in self.bundle().agents.values()}
        return [check_role(each, known) for each in given]

    def erase(self, tenant: str, user: str) -> Step:
        """Revoke a user's API keys, then destroy the key of their content; :class:`~aver.core.errors.NotFound` when there is none."""
        services = self.tenant(tenant)
        self.store.revoke_user_keys(tenant, user)
        self._revoked()
        services.grants.forget(user_reader(user))
        services.outbox.settle()  # what is still on its way to the chain would be there under a new key
        return services.ledger.erase(user_reader(user))

    def cases_of(self, tenant: str, user: str) -> list[str]:
        """The ids of the labelled cases that were made of a user's turns, also once the user was erased."""
        from aver.evals.labelling.queue import Queue

        services = self.tenant(tenant)
        return Queue(services.store, services.ledger).of(user)

    def warm(self) -> None:
        """Load the model now, then the index's library, so that the first question does not wait for them."""
        try:
            self.embedder.embed(["ready"])
        except AverError as error:
            self._unready = error
            raise
        self._unready = None
        self.guards.warm()
        if self.settings.index_engine == "lancedb":
            from aver.knowledge.adapters import lancedb_library

            lancedb_library.load()

    def check_ready(self) -> None:
        """Raises the reason unless the storage answers and the model is loaded."""
        self.check_storage()
        if self._unready is not None:
            raise self._unready

    def check_storage(self) -> None:
        """Raises the reason unless the storage answers."""
        self.store.tenants()

    async def finishing(self, work: Awaitable[T]) -> T:
        """The result of ``work``, with the gateway's connections closed in the same event loop."""
        try:
            return await work
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """Close the connections to model providers, within the event loop that opened them."""
        if "gateway" in self.__dict__:
            await self.gateway.close()
        if "guards" in self.__dict__:
            await self.guards.close()
        if "agents" in self.__dict__:
            await self.agents.close()
        for services in set(self._services.values()):
            await services.aclose()

    def close(self) -> None:
        self.folder.close()
        with self._lock:
            for services in self._services.values():
                services.close()
            self.store.close()
