"""What one tenant has: its evidence, documents, budgets, conversations, agents' turns, and its assistant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from aver.core.errors import NotFound
from aver.core.ids import new_id
from aver.core.principal import Principal
from aver.evidence import Draft, Ledger, Outbox, Step
from aver.server.gateways import document_access, grant_store
from aver.server.once import once
from aver.server.ordering import SEARCH, SOURCES
from aver.store import TenantStore

if TYPE_CHECKING:
    from aver.agents import Assistant
    from aver.agents.acting import Approvals, Journal, Turns
    from aver.agents.conversations import Conversations
    from aver.gateway.budgets.grants import GrantStore
    from aver.gateway.budgets.service import TenantBudgets
    from aver.gateway.cache.service import TenantCache
    from aver.gateway.calls import Call, CallRecord
    from aver.gateway.feedback import Said
    from aver.governance.anchors.service import Anchors
    from aver.governance.controls.kept import Kept
    from aver.governance.declared import Declared
    from aver.governance.packs.service import Packs
    from aver.governance.packs.shelf import Shelf
    from aver.governance.service import Governance
    from aver.guard.vault import Vault
    from aver.knowledge import Knowledge
    from aver.knowledge.index import Index
    from aver.knowledge.scope import Scope
    from aver.knowledge.sources import Sources
    from aver.knowledge.types import DocumentText, Hit
    from aver.ops.feedback.desk import TriageDesk
    from aver.ops.scorecard.service import Scorecards
    from aver.ops.scorecard.survey import Survey
    from aver.ops.service import Operations
    from aver.server.application import Application

__all__ = ["TenantServices"]


class TenantServices:
    """What one tenant has. Each part is made when it is first used: reading evidence loads no index and no model."""

    def __init__(self, application: Application, store: TenantStore) -> None:
        self._application = application
        self.store = store
        self.ledger = Ledger(store, application.clock, application.telemetry.watch, application.marks)

    @once
    def outbox(self) -> Outbox:
        """Steps that need not wait for the disk."""
        return Outbox(self.store, self.ledger, self._application.folder)

    def record_call(self, call: Call, record: CallRecord) -> None:
        """Keep the evidence of a call that is part of no turn."""
        turn = call.turn or record.id
        facts = {**self._application.marks, **record.facts()}
        self.outbox.put([Draft(turn, "called", call.principal.subject, facts, record.body())])

    def give_feedback(self, call: str, said: Said, principal: Principal) -> None:
        """What a principal says of a call of their own, chained or still on its way to the chain. Blocking; raises as
        :func:`~aver.gateway.feedback.give_feedback` does."""
        from aver.gateway.feedback import give_feedback

        try:
            give_feedback(self.store, self.ledger, call, said, user=principal.user)
        except NotFound:
            self.outbox.settle()
            give_feedback(self.store, self.ledger, call, said, user=principal.user)

    def take_back_feedback(self, call: str, principal: Principal) -> None:
        """What a principal said of a call or turn of their own counts no more. Blocking; raises as :func:`~aver.gateway.feedback.take_back`
        does."""
        from aver.gateway.feedback import take_back

        self.outbox.settle()
        take_back(self.store, self.ledger, call, user=principal.user)

    @once
    def grants(self) -> GrantStore:
        """Where this tenant's budgets are shared among processes."""
        return grant_store(self, self._application.settings.redis_url)

    @once
    def budgets(self) -> TenantBudgets:
        from aver.gateway.budgets.limits import limited
        from aver.gateway.budgets.service import TenantBudgets

        application, tenant = self._application, self.store.tenant.id

        def held() -> list[tuple[str, str]]:
            return [(each.name, each.value) for each in application.switches.tighter(tenant, "limit")]

        return TenantBudgets(self.grants, limited(application.servings.limits, held), application.clock)

    @once
    def cache(self) -> TenantCache:
        """Answers given before."""
        from aver.gateway.cache.service import TenantCache

        application = self._application
        access = document_access(application.tenant)
        return TenantCache(self.store, lambda: application.embedder, access, application.clock)

    @once
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
            keep=self.governance.holds.check_documents,
            halt=self._halt_sources,
        )

    def _halt_sources(self, source: str) -> None:
        """Nothing is taken in where that is stopped, nor while there is no room."""
        self._application.switches.check(self.store.tenant.id, feature=SOURCES, source=source)
        self._application.health.require_room(self.store.tenant.id)

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

    @once
    def sources(self) -> Sources:
        """Where its documents come from."""
        from aver.knowledge.sources import Sources

        application = self._application
        limit = application.settings.max_file_mb * 2**20
        check = partial(application.staging.check_source, self.store.tenant.id)
        return Sources(self.store, self.ledger, self.knowledge, application.clock, application.secret, limit, check)

    @once
    def journal(self) -> Journal:
        """Where its acting turns stand."""
        from aver.agents.acting import Journal

        return Journal(self.store, self.ledger, self._application.clock)

    @once
    def conversations(self) -> Conversations:
        """What its agents' turns are part of."""
        from aver.agents.conversations import Conversations

        return Conversations(self.store, self.ledger, _Reading(self))

    @once
    def vault(self) -> Vault:
        """What checks cut out of them."""
        from aver.guard.vault import Vault, anyone_of_the_tenant

        return Vault(self.store, self._application.clock, anyone_of_the_tenant)

    @once
    def approvals(self) -> Approvals:
        """What of them waits for a person."""
        from aver.agents.acting import Approvals

        return Approvals(self.journal)

    @once
    def turns(self) -> Turns:
        """What its agents do, and did."""
        from aver.agents.acting import Turns

        return Turns(self.journal)

    @once
    def assistant(self) -> Assistant:
        from aver.agents import Assistant

        application = self._application
        lend = partial(application.servings.released, self.store.tenant.name)
        return Assistant(
            self.store,
            self.ledger,
            self.knowledge,
            application.clock,
            application.embedder,
            lend,
            application.switches.halt,
            self._caution,
        )

    def _caution(self, documents: Sequence[str]) -> Sequence[str]:
        """That what is cited may have changed at its source since, where that is not followed as it should be."""
        late = self._application.health.late(self.store.tenant.id)
        if not late or not late & set(self.knowledge.sources_of(documents).values()):
            return ()
        return ("A source of this answer has not been read for longer than it should be: it may have changed since.",)

    @once
    def operations(self) -> Operations:
        """Its objectives, alerts and incidents."""
        from aver.server.operating import operations_of

        return operations_of(self._application, self)

    @once
    def generated(self) -> str:
        """For what the first traffic of this tenant was generated, where it was; empty for a tenant that people use."""
        from aver.evidence.clear import clear_steps

        return next(
            (str(each.facts["generated"]) for each in clear_steps(self.store, 0, 50) if "generated" in each.facts), ""
        )

    @once
    def triage(self) -> TriageDesk:
        """The turns that wait for somebody to decide what becomes of them."""
        from aver.ops.feedback.desk import TriageDesk

        application = self._application
        incidents = lambda: self.operations.incidents  # noqa: E731 - made when an incident is, as operations need the bundle
        return TriageDesk(self.store, self.ledger, application.clock, incidents, lambda: application.embedder)

    @once
    def anchors(self) -> Anchors:
        """Its chain told outside."""
        from aver.server.governing import anchors_of

        return anchors_of(self._application, self)

    @once
    def packs(self) -> Packs:
        """Its evidence put together for auditors."""
        from aver.server.governing import packs_of

        return packs_of(self._application, self)

    @once
    def controls(self) -> Kept:
        """What controls came to when somebody looked last."""
        from aver.governance.controls.kept import Kept

        return Kept(self.store.directory / "packs" / "controls.json")

    @once
    def shelf(self) -> Shelf:
        """Packs that were made here."""
        from aver.governance.packs.shelf import Shelf

        return Shelf(self.store.directory / "packs", self.packs)

    @once
    def governance(self) -> Governance:
        """What it declares to keep and for how long, what is held, who read what."""
        from aver.governance.service import Governance

        application = self._application
        region, clock = application.settings.region, application.clock
        return Governance(self.store, self.ledger, clock, self.declared, region, lambda: self.knowledge)

    @once
    def declared(self) -> Declared:
        """What it declares of that, as it is now."""
        from aver.governance.declared import Declared

        return Declared(self.store, self._application.clock, self._places)

    def _places(self, documents: Iterable[str]) -> list[tuple[str, str]]:
        return self.governance.documents.places(documents)

    def read_by(
        self,
        principal: Principal,
        what: str,
        surface: str,
        documents: Sequence[tuple[str, int]] = (),
        about: str = "",
    ) -> None:
        """Keep in evidence that somebody read something outside of a turn: a moment later, so that what was read need not wait for it. Raises
        what keeps it from being kept: then nothing may be shown."""
        from aver.governance.reading import accessed

        self.outbox.put([accessed(new_id("access"), principal.user, what, surface, documents, about)])

    def require_agreement(self, principal: Principal) -> None:
        """Raises :class:`~aver.governance.acknowledging.MustAcknowledge` where somebody has not agreed to the tenant's rules of use, and may
        not ask before they have. Service accounts agree to nothing. Blocking."""
        if self.declared.now().terms is None:
            return
        person = self._application.directory.find(principal.tenant, principal.user)
        if person is None or person.kind != "service":
            self.governance.use.check(principal)

    @once
    def scorecards(self) -> Scorecards:
        """The figures that it is steered by."""
        from aver.server.scoring import scorecards_of

        return scorecards_of(self._application, self)

    @once
    def survey(self) -> Survey:
        """What its people say of it all."""
        from aver.ops.scorecard.survey import Survey

        return Survey(self.store, self.ledger, self._application.clock)

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
