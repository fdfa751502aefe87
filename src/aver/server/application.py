"""The composition root: the one place that knows every package and puts them together."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from aver import __version__
from aver.core.clock import Clock, SteadyClock, SystemClock
from aver.core.errors import AverError, Unavailable
from aver.core.principal import ROLES, check_role, user_reader
from aver.core.settings import Settings
from aver.evidence import Folder, Ledger, Step
from aver.evidence.telemetry import Telemetry
from aver.governance.places import check_place
from aver.server.gateways import environment
from aver.server.once import once
from aver.server.ordering import ASSISTANT
from aver.server.tenancy import TenantServices
from aver.store import ApiKey, Store, Switches, TenantStore

if TYPE_CHECKING:
    from aver.agents import Release
    from aver.agents.reranking import MakeCall
    from aver.core.labels import Label
    from aver.gateway import Embedder, Gateway
    from aver.gateway.budgets.service import TenantBudgets
    from aver.gateway.cache.service import TenantCache
    from aver.gateway.calling.counts import CallCounts
    from aver.gateway.calls import Call
    from aver.gateway.config.types import GatewayConfig
    from aver.gateway.prices.book import PriceBook
    from aver.identity import Directory, Sessions, SigningIn
    from aver.identity.api_keys import ApiKeys
    from aver.knowledge.reranking import Reranker
    from aver.server.agents import Agents
    from aver.server.bundle import Bundle
    from aver.server.drills.staged import Staging
    from aver.server.guards import Guards
    from aver.server.health import Health
    from aver.server.runner import Runner
    from aver.server.serving import Serving
    from aver.server.servings import Servings

__all__ = ["Application", "TenantServices"]

T = TypeVar("T")


class Application:
    """One installation, open. ``embedder`` and ``clock`` are the built-in ones unless the caller brings its own;
    ``other_embedders`` read indexes that were made with them before, until these are migrated. ``generated`` says for what the traffic of this process is
    generated, where it is.

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
        generated: str = "",
    ) -> None:
        self.settings = settings
        self.other_embedders = tuple(other_embedders)
        self.clock: Clock = clock or SteadyClock(SystemClock())
        self.store = Store(settings.data, settings.database_url, self.clock)
        self.folder = Folder()
        self.telemetry = Telemetry(settings.telemetry, self.clock, __version__, settings.environment)
        self._given_embedder = embedder
        self.marks = {"generated": generated} if generated else {}
        """Facts of every step that this process puts on record: that it was generated, and for what."""
        self.alone = False
        """Whether only the gateway is served: nothing of the assistant is loaded."""
        self._revocations: list[Callable[[], None]] = []
        self._services: dict[str, TenantServices] = {}
        self._lock = threading.RLock()
        self._unready: AverError | None = Unavailable("The model is still being loaded", "Try again in a second.")

    @once
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

    @once
    def servings(self) -> Servings:
        """The releases at work, and who gets which."""
        from aver.server.servings import Servings

        return Servings(self)

    @property
    def serving(self) -> Serving:
        """The release in force, or the bundle as it is: for what is no one's turn. Blocking."""
        return self.servings.stable()

    @property
    def bundle(self) -> Callable[[], Bundle]:
        """What is declared and in force; called, another object after a reload."""
        return self.serving.bundle

    def declared(self) -> GatewayConfig:
        """The configuration of the gateway in force; another object after it was changed."""
        return self.serving.declared()

    @property
    def gateway(self) -> Gateway:
        """Every declared model."""
        return self.serving.gateway

    @property
    def guards(self) -> Guards:
        """What checks the texts of each tenant's turns."""
        return self.serving.guards

    @property
    def agents(self) -> Agents:
        """What acts, by name."""
        return self.serving.agents

    @property
    def prices(self) -> PriceBook:
        return self.serving.prices

    @property
    def release(self) -> Release:
        """What decides how the assistant behaves."""
        return self.serving.release

    @property
    def model(self) -> str:
        """What answers for the assistant."""
        return self.release.model

    @property
    def reranker(self) -> Callable[[MakeCall], Reranker] | None:
        """What orders passages a second time, if anything is declared for it."""
        return self.serving.reranker

    def mistakes(self) -> Sequence[AverError]:
        """What in the bundle's files is wrong, so that what they said before stays in force, and which releases cannot be opened. Blocking."""
        return self.servings.mistakes()

    @once
    def runner(self) -> Runner:
        """What goes on with the agents' turns where Aver is served."""
        from aver.server.runner import Runner

        return Runner(self)

    @once
    def health(self) -> Health:
        """What is looked at beside evidence, while Aver is served."""
        from aver.server.health import Health

        return Health(self)

    @once
    def staging(self) -> Staging:
        """What a drill in place has this process do wrong."""
        from aver.server.drills.staged import Staging

        return Staging(self.settings.data)

    @once
    def switches(self) -> Switches:
        """What is stopped, here and on every replica."""
        return Switches(self.store.switches)

    @once
    def counts(self) -> CallCounts:
        """What calls came to, of whichever release."""
        from aver.gateway.calling.counts import CallCounts

        return CallCounts()

    def budgets(self, tenant: str) -> TenantBudgets | None:
        """Those of the tenant with this id, where any are in force, be it only for a while."""
        held = self.switches.tighter(tenant, "limit")
        return self._services[tenant].budgets if held or self.servings.limits().budgets else None

    def cache(self, tenant: str) -> TenantCache:
        """What the tenant with this id was answered before."""
        return self._services[tenant].cache

    def tenant_name(self, tenant: str) -> str:
        """What the tenant with this id is called; nothing unless it has been entered."""
        services = self._services.get(tenant)
        return services.store.tenant.name if services is not None else ""

    def secret(self, reference: str) -> str:
        """What ``env:NAME``, ``file:PATH`` or another reference names. Blocking; raises where it cannot be had."""
        from aver.gateway.credentials import Secrets

        return asyncio.run(Secrets(environment(self.settings), self.clock).get(reference))

    async def services(self, tenant: str) -> TenantServices:
        """As :meth:`tenant`, without blocking the event loop when it is opened for the first time."""
        found = self._services.get(tenant)
        return found if found is not None else await asyncio.to_thread(self.tenant, tenant)

    def on_revoked(self, forget: Callable[[], None]) -> None:
        """Call ``forget`` whenever this process revokes API keys."""
        self._revocations.append(forget)

    @once
    def directory(self) -> Directory:
        """The people of every tenant."""
        from aver.identity import Directory

        return Directory(self.store, self.clock, self._records, self._revoked, self.known_roles)

    @once
    def api_keys(self) -> ApiKeys:
        from aver.identity.api_keys import ApiKeys

        return ApiKeys(self.store, self.clock, self._records, self._revoked, self.known_roles)

    @once
    def sessions(self) -> Sessions:
        """Who is signed in to the console."""
        from aver.identity import Sessions

        return Sessions(self.store, self.clock)

    @once
    def signing_in(self) -> SigningIn:
        """Through identity providers."""
        from aver.identity import SigningIn

        return SigningIn(self.directory, self.sessions, self.secret, self.clock)

    def _records(self, tenant: str) -> tuple[TenantStore, Ledger]:
        services = self.tenant(tenant)
        return services.store, services.ledger

    def revoke_key(self, tenant: str, key: str, by: str = "") -> None:
        """End an API key at once; :class:`~aver.core.errors.NotFound` when the tenant has none such."""
        self.api_keys.revoke(tenant, key, by)

    def _revoked(self) -> None:
        for forget in self._revocations:
            forget()

    def tenant(self, name: str) -> TenantServices:
        """A tenant's services, by its name or id; :class:`~aver.core.errors.NotFound` when there is none."""
        with self._lock:
            if name not in self._services:
                store = self.store.tenant(name)
                services = self._services.get(store.tenant.id) or TenantServices(self, store)
                check_place(store, self.settings.region)
                # By id only: a name may come to mean another tenant, an id never.
                self._services[store.tenant.id] = services
                return services
            return self._services[name]

    def create_key(
        self, tenant: str, user: str, groups: Iterable[str] = (), roles: Iterable[str] = ()
    ) -> tuple[ApiKey, str]:
        """A new API key and its secret, with a step of evidence that it was made; :class:`~aver.core.errors.InvalidInput` for a role that
        there is not."""
        return self.api_keys.create(tenant, user, groups, roles)

    def known_roles(self, roles: Iterable[str]) -> list[str]:
        """``roles``, where Aver knows each, or the bundle asks somebody to have it."""
        given = list(roles)
        known = set(ROLES)
        if not known.issuperset(given):
            known |= self.bundle().roles
        return [check_role(each, known) for each in given]

    def erase(self, tenant: str, user: str) -> Step:
        """Forget a person and revoke their API keys, then destroy the key of their content; :class:`~aver.core.errors.NotFound` when there is
        none, and :class:`~aver.governance.holds.Held`, with nothing done, where a legal hold keeps it."""
        services = self.tenant(tenant)
        services.governance.holds.check_user(user)
        person = self.directory.find(services.store.tenant.id, user)
        if person is not None:
            with self.directory.change(person.tenant, "erasure") as change:
                change.remove(person)
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

    async def label(self, call: Call) -> Label:
        """How confidential what is in a call is, by what its tenant declares of the documents in it."""
        declared = (await self.services(call.principal.tenant)).declared
        known = declared.known()
        if known is not None and not (known.classification and call.documents):
            return known.label
        return await asyncio.to_thread(declared.label, {each.rpartition("@")[0] for each in call.documents})

    def warm(self) -> None:
        """Load the model now, then the index's library, so that the first question does not wait for them."""
        try:
            self.embedder.embed(["ready"])
        except AverError as error:
            self._unready = error
            raise
        self._unready = None
        self.serving.guards.warm()
        self.serving.gateway.warm()
        if self.settings.index_engine == "lancedb":
            from aver.knowledge.adapters import lancedb_library

            lancedb_library.load()

    def check_ready(self) -> None:
        """Raises the reason unless the storage answers and the model is loaded."""
        self.check_storage()
        if self._unready is not None:
            raise self._unready
        if self.settings.environment:
            self.servings.stable()

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
        if "servings" in self.__dict__:
            await self.servings.close()
        for services in set(self._services.values()):
            await services.aclose()

    def close(self) -> None:
        self.folder.close()
        self.telemetry.close()
        with self._lock:
            for services in self._services.values():
                services.close()
            self.store.close()
