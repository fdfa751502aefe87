"""Aver with one of its protections taken out: what the property has to notice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import select

from aver.agents import conversations
from aver.agents.conversations import Conversations
from aver.core.errors import NotFound
from aver.knowledge import catalog, search, visibility
from aver.knowledge.adapters import lancedb
from aver.knowledge.service import Knowledge
from aver.knowledge.store import acls, documents
from aver.store import Store
from tests.isolation.scenarios import FOLLOWED, STORY, Scenario

Mutation = Callable[[pytest.MonkeyPatch], None]


def _every_acl(_principal):
    return select(acls.c.id.label("acl"))


def no_filter(patch: pytest.MonkeyPatch) -> None:
    """Everyone is a reader of everything in the tenant."""
    patch.setattr(visibility, "visible_acls", _every_acl)


def no_check_of_past_answers(patch: pytest.MonkeyPatch) -> None:
    """What could be read once can be read for ever."""
    patch.setattr(Knowledge, "readable", lambda self, principal, pairs: frozenset(pairs))


def no_check_of_reminders(patch: pytest.MonkeyPatch) -> None:
    """What an earlier answer of the conversation rested on is not held against the turns that were reminded of it."""
    content = conversations._content

    def forgetful(steps):
        return content(
            replace(step, body={**step.body, "remembered": ()}) if step.kind == "retrieved" and step.body else step
            for step in steps
        )

    patch.setattr(conversations, "_content", forgetful)


def no_owner(patch: pytest.MonkeyPatch) -> None:
    """Conversations belong to nobody."""
    patch.setattr(Conversations, "_owner", lambda self, principal: "anybody")


def no_tenant_in_authentication(patch: pytest.MonkeyPatch) -> None:
    """A key opens a tenant that is not its own."""
    authenticate = Store.authenticate

    def anywhere(store, secret):
        principal = authenticate(store, secret)
        others = [tenant.id for tenant in store.tenants() if tenant.id != principal.tenant]
        return replace(principal, tenant=others[-1]) if others else principal

    patch.setattr(Store, "authenticate", anywhere)


def no_revocation(patch: pytest.MonkeyPatch) -> None:
    """Revoked keys go on."""
    patch.setattr(Store, "revoke_key", lambda self, tenant, key: None)


def statistics_of_everything(patch: pytest.MonkeyPatch) -> None:
    """Scores are computed with the statistics of hidden passages too."""
    collect = search.collection_statistics
    patch.setattr(search, "collection_statistics", lambda tx, visible, terms: collect(tx, _every_acl(None), terms))


def existence_first(patch: pytest.MonkeyPatch) -> None:
    """A document that exists costs one query more than one that does not; the answer is the same."""
    visible_document = catalog.visible_document

    def looked_up(tx, principal, document):
        if tx.execute(select(documents.c.id).where(documents.c.id == document)).first() is None:
            raise NotFound("There is no such document, or it is not yours", "List yours: aver documents list")
        return visible_document(tx, principal, document)

    patch.setattr(catalog, "visible_document", looked_up)


def another_word_for_forbidden(patch: pytest.MonkeyPatch) -> None:
    """Forbidden is told from absent."""
    visible_document = catalog.visible_document

    def told(tx, principal, document):
        if tx.execute(select(documents.c.id).where(documents.c.id == document)).first() is None:
            raise NotFound("There is no such document", "List yours: aver documents list")
        return visible_document(tx, principal, document)

    patch.setattr(catalog, "visible_document", told)


def no_filter_of_candidates(patch: pytest.MonkeyPatch) -> None:
    """The index proposes hidden passages too."""
    patch.setattr(lancedb, "_predicate", lambda *_: "true")


def no_check_of_candidates(patch: pytest.MonkeyPatch) -> None:
    """What the index proposes is shown as it is."""
    check = search.current_versions

    def unchecked(tx, principal, ids):
        with pytest.MonkeyPatch.context() as meanwhile:
            no_filter(meanwhile)
            return check(tx, principal, ids)

    patch.setattr(search, "current_versions", unchecked)


def no_layer_of_search(patch: pytest.MonkeyPatch) -> None:
    """Neither of the two."""
    no_filter_of_candidates(patch)
    no_check_of_candidates(patch)


NOTICED: tuple[tuple[Mutation, Scenario, str], ...] = (
    (no_filter, STORY, "sees|in place of"),
    (no_filter_of_candidates, STORY, "the steps of search"),
    (no_layer_of_search, STORY, "search.* sees"),
    (no_check_of_past_answers, STORY, "(conversation|evidence).* sees"),
    (no_check_of_reminders, FOLLOWED, "evidence.* sees"),
    (no_owner, STORY, "sees|is answered"),
    (no_tenant_in_authentication, STORY, "in place of|sees"),
    (no_revocation, STORY, "revoked key"),
    (statistics_of_everything, STORY, "search .* is not the same"),
    (existence_first, STORY, "takes the steps"),
    (another_word_for_forbidden, STORY, "is answered"),
)
"""What is said, of which story, when each is taken out. ``no_check_of_candidates`` alone shows only what changes while it is
searched."""
