"""Whatever is kept, granted, revoked and erased, in whatever order: no answer reaches whom it may not reach."""

from __future__ import annotations

import asyncio
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from aver.core import Principal
from aver.core.errors import NotFound
from aver.evidence import Ledger
from aver.gateway.cache.service import TenantCache
from aver.gateway.calls import Call
from aver.gateway.config.types import CachePolicy
from aver.gateway.types import ChatRequest, Completion, Message, Text
from aver.store import Store
from aver.testing.clock import FixedClock
from aver.testing.embedder import HashEmbedder

USERS = st.sampled_from(["ada", "ben", "cyd"])
DOCUMENTS = st.sampled_from(["d1", "d2", "d3"])
QUESTIONS = st.sampled_from(
    ["How do I fix a bike?", "How can I fix the bike?", "How do I not fix a bike?", "Who fixes it?"]
)
ASKS_THE_SAME = {"How can I fix the bike?": "How do I fix a bike?"}


class Place(NamedTuple):
    """Where answers may meet."""

    route: str
    release: str
    system: str
    shared: bool


PLAIN = Place("r", "1", "", shared=True)
PLACES = st.sampled_from(
    [
        PLAIN,
        PLAIN,
        *(
            PLAIN._replace(**{name: other})
            for name, other in {"route": "s", "release": "2", "system": "x", "shared": False}.items()
        ),
    ]
)


class Kept(NamedTuple):
    place: Place
    user: str
    question: str
    documents: frozenset[str]
    at: datetime


class Near(HashEmbedder):
    """Every question near every other: the form alone must keep them apart."""

    def embed(self, texts):
        vectors = super().embed(texts)
        vectors[:] = 0
        vectors[:, 0] = 1
        return vectors


class Promises(RuleBasedStateMachine):
    @initialize()
    def begin(self):
        self.folder = tempfile.TemporaryDirectory()
        self.opened = Store(Path(self.folder.name))
        self.opened.create_tenant("acme")
        self.store = self.opened.tenant("acme")
        self.clock = FixedClock()
        self.may: set[tuple[str, str]] = set()
        self.kept: dict[str, Kept] = {}
        self.gone: set[str] = set()
        self.caches = [TenantCache(self.store, Near, self.reads, self.clock, draw=lambda: 0.5) for _ in range(2)]

    def teardown(self):
        self.opened.close()
        self.folder.cleanup()

    def reads(self, principal, documents):
        return all((principal.user, document) in self.may for document in documents)

    def call(self, user, place, question, documents=frozenset()):
        chat = ChatRequest((Message("system", place.system), Message("user", question)))
        principal = Principal(self.store.tenant.id, user)
        return Call(principal, "m", lambda *_: None, lambda: chat, release=place.release, documents=documents)

    def policy(self, place):
        return CachePolicy(60.0, 60.0, wrong=1.0, shadow=0.0, shared=place.shared)

    @rule(user=USERS, document=DOCUMENTS, allowed=st.booleans())
    def access(self, user, document, allowed):
        (self.may.add if allowed else self.may.discard)((user, document))

    @rule(user=USERS, place=PLACES, question=QUESTIONS, documents=st.frozensets(DOCUMENTS, max_size=2))
    def keep(self, user, place, question, documents):
        name = f"answer {len(self.kept)}"
        self.kept[name] = Kept(place, user, question, documents, self.clock.now())
        call = self.call(user, place, question, documents)
        completion = Completion((Text(name),), "stop")
        asyncio.run(self.caches[len(self.kept) % 2].keep(call, place.route, self.policy(place), completion))

    @rule(user=USERS)
    def erase(self, user):
        try:
            Ledger(self.store, self.clock).erase(f"user:{user}")
        except NotFound:
            assert not any(kept.user == user and name not in self.gone for name, kept in self.kept.items())
        self.gone |= {name for name, kept in self.kept.items() if kept.user == user}

    @rule(seconds=st.sampled_from([1, 45]))
    def wait(self, seconds):
        self.clock.advance(seconds)

    @rule(user=USERS, place=PLACES, question=QUESTIONS, which=st.integers(0, 1))
    def find(self, user, place, question, which):
        call = self.call(user, place, question)
        found = asyncio.run(self.caches[which].find(call, place.route, self.policy(place)))
        if found.completion is None:
            assert found.verdict in {"miss", "refused"}
            return
        kept = self.kept[found.completion.text]
        assert found.completion.text not in self.gone
        assert self.clock.now() - kept.at < timedelta(seconds=60)
        assert kept.place == place
        assert place.shared or kept.user == user
        assert all((user, document) in self.may for document in kept.documents)
        assert ASKS_THE_SAME.get(kept.question, kept.question) == ASKS_THE_SAME.get(question, question)
        assert (found.verdict == "exact") == (kept.question == question)

    @precondition(lambda self: self.kept)
    @rule(user=USERS, which=st.integers(0, 1), number=st.integers(0, 99))
    def find_what_was_kept(self, user, which, number):
        kept = list(self.kept.values())[-1 - number % len(self.kept)]
        self.find(user, kept.place, kept.question, which)

    @rule(user=USERS, place=PLACES, question=QUESTIONS)
    def asked_again(self, user, place, question):
        """What holds no document is always there for who asked it."""
        self.keep(user, place, question, frozenset())
        call = self.call(user, place, question)
        found = asyncio.run(self.caches[0].find(call, place.route, self.policy(place)))
        assert found.verdict == "exact"


Promises.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestPromises = Promises.TestCase
