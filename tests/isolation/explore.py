"""Live through a scenario, and after every step hold what users see against what the oracle says they may."""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.isolation.faces import Caller, CommandLine, Console, Door, Face, Library, Reply
from tests.isolation.installation import Installation
from tests.isolation.scenarios import USERS, Ask, Compare, Delete, Ingest, Look, Put, Regroup, Restrict, Scenario
from tests.isolation.traces import traced
from tests.isolation.twins import compare
from tests.isolation.world import SECRET, SUBJECTS, Content, Held, TenantTruth, User, secrets, word

_SECRET = re.compile(SECRET)
_SAID = re.compile(SECRET.replace("zqu", "zu"))
_DOCUMENT = re.compile(r"\bdoc_[a-z2-7]{26}\b")
_EVENT = re.compile(r"\b(?:turn|conversation)_[0-9a-z]{26}\b")
_ABSENT = {"doc": "doc_" + "a" * 26, "turn": "turn_" + "0" * 26, "conversation": "conversation_" + "0" * 26}
_MOST = 2
"""Ids of a kind that a look through a slow face tries."""


class Leak(AssertionError):
    """A user saw something of what they may not see."""


@dataclass
class Memory:
    """What a user did: their turns (conversation, turn), and the ids of documents they could ever read."""

    past: list[tuple[str, str]] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)


class Explorer:
    def __init__(self, installation: Installation, scenario: Scenario, faces: Sequence[Face] | None = None) -> None:
        self._installation = installation
        self._scenario = scenario
        self._faces = faces or installation.faces
        self._watching = next((face for face in self._faces if isinstance(face, Library)), self._faces[0])
        self._truths = [TenantTruth(installation.fresh_name("tenant")) for _ in scenario.documents]
        self._callers: dict[tuple[int, int], Caller] = {}
        self._memories: dict[tuple[int, int], Memory] = defaultdict(Memory)
        self._revisions = 0
        self.answers: list[str] = []
        """Replies to questions that quote a document."""

    def run(self) -> None:
        """Raises :class:`Leak` or :class:`~tests.isolation.twins.Interference`."""
        for tenant, truth in enumerate(self._truths):
            self._installation.create(truth)
            for user, name in enumerate(USERS):
                groups = self._scenario.groups[tenant][user]
                self._callers[tenant, user] = self._installation.caller(User(truth.name, name, groups))
            self._ingest(Ingest(tenant, self._scenario.documents[tenant]))
        for step in self._scenario.steps:
            match step:
                case Ingest():
                    self._ingest(step)
                case Delete():
                    self._delete(step)
                case Regroup():
                    self._regroup(step)
                case Ask():
                    self._ask(step.tenant, step.user, self._face(step.face), SUBJECTS[step.subject], step.follow_up)
                case Look():
                    self._look(step.tenant, step.user, self._face(step.face))
                case Compare():
                    caller = self._callers[step.tenant, step.user]
                    compare(self._installation, self._truths[step.tenant], caller, self._face(step.face))
        for tenant, user in self._callers:
            self._look(tenant, user, self._face(tenant + user))

    def _face(self, number: int) -> Face:
        return self._faces[number % len(self._faces)]

    # What changes who may see what. Afterwards everyone looks at once.

    def _ingest(self, step: Ingest) -> None:
        truth = self._truths[step.tenant]
        for edit in step.edits:
            path = truth.path(edit.slot)
            if isinstance(edit, Put):
                self._revisions += 1
                truth.offered[path] = Content(truth.name, path, self._revisions, SUBJECTS[edit.subject])
                truth.readers[path] = edit.readers
            elif isinstance(edit, Restrict):
                truth.readers[path] = edit.readers
            else:
                truth.offered.pop(path, None)
        self._installation.ingest(truth)
        self._changed(step.tenant)

    def _delete(self, step: Delete) -> None:
        truth, caller = self._truths[step.tenant], self._callers[step.tenant, step.user]
        face, path = self._face(step.face), truth.path(step.slot)
        held = truth.held.get(path)
        wanted = held.id if held else _ABSENT["doc"]
        if held in truth.visible(caller.user):
            reply = face.delete(caller, wanted)
            if reply is not None:
                assert not reply.refused, f"{face.name}: {reply}"
                truth.delete(path)
        else:
            self._as_absent(caller, face, "delete", wanted, lambda id_: face.delete(caller, id_))
        self._changed(step.tenant)

    def _regroup(self, step: Regroup) -> None:
        before = self._callers[step.tenant, step.user]
        self._installation.application.store.revoke_key(before.user.tenant, before.key_id)
        for face in self._faces:
            if not isinstance(face, Library | CommandLine):
                self._ends(face, before)
        user = User(before.user.tenant, before.user.name, step.groups)
        self._callers[step.tenant, step.user] = self._installation.caller(user)
        self._changed(step.tenant)

    def _ends(self, face: Face, revoked: Caller) -> None:
        """A revoked key, and a session that it began, open as much as one that never was."""
        reply = face.ask(revoked, "How many days?")
        if isinstance(face, Door):  # it may remember for a moment a key that another process revoked
            until = time.monotonic() + 30
            while reply is not None and reply.status != 401 and time.monotonic() < until:
                time.sleep(0.05)
                reply = face.ask(revoked, "How many days?")
        if isinstance(face, Console):
            never = Caller(revoked.user, revoked.tenant_id, "", "aver_never", "aver_session=tenant.bm90")
        else:
            never = Caller(revoked.user, revoked.tenant_id, "", "aver_never")
        assert reply is not None
        if reply != face.ask(never, "How many days?") or reply.status not in (303, 401):
            raise Leak(f"{face.name}: a revoked key still opens something: {reply}")

    def _changed(self, tenant: int) -> None:
        truth = self._truths[tenant]
        for user in range(len(USERS)):
            caller = self._callers[tenant, user]
            self._memories[tenant, user].ids |= {held.id for held in truth.visible(caller.user)}
            self._look(tenant, user, self._watching)

    # What users do, and everything they can see.

    def _ask(self, tenant: int, user: int, face: Face, subject: str, follow_up: str) -> None:
        caller, memory = self._callers[tenant, user], self._memories[tenant, user]
        said = self._said(caller.user)
        before = memory.past[-1][0] if follow_up != "no" and memory.past else None
        question = f"How many days is the {subject} allowance, {said}?"
        if before:
            question = (
                f"And what is its limit, {said}?" if follow_up == "it" else f"What is the {subject} limit, {said}?"
            )
        reply = face.ask(caller, question, before)
        self._check(tenant, user, reply, f"ask {question!r}, {face.name}")
        if reply.status in (0, 200, 303):
            memory.past.append((before or reply.conversation, reply.turn))
            self.answers += [reply.text] * bool(_SECRET.search(reply.text))

    def _look(self, tenant: int, user: int, face: Face) -> None:
        truth, caller, memory = self._truths[tenant], self._callers[tenant, user], self._memories[tenant, user]
        whole = isinstance(face, Library)

        def see(what: str, reply: Reply | None) -> Reply | None:
            self._check(tenant, user, reply, f"{what}, {face.name}")
            return reply

        visible, hidden = truth.visible(caller.user), truth.hidden(caller.user)
        listed = see("documents", face.documents(caller))
        if listed and not (isinstance(face, CommandLine) and "{" not in listed.text):
            found = set(_DOCUMENT.findall(listed.text))
            if found != {held.id for held in visible}:
                raise Leak(f"documents, {face.name}: {found} in place of {visible}")
        see("sources", face.sources(caller))
        some = visible if whole else visible[:_MOST]
        for held in some:
            for version in (None, *held.versions):
                reply = see("document", face.document(caller, held.id, version))
                assert reply is None or held.versions[version or held.version].secret("first") in reply.text, reply
        for wanted in self._forbidden(tenant, hidden)[: None if whole else _MOST]:
            for version in (None, 1):
                self._as_absent(
                    caller, face, "document", wanted, lambda id_, version=version: face.document(caller, id_, version)
                )
        queries = {f"{held.versions[held.version].subject} allowance" for held in hidden or visible}
        queries |= {held.versions[held.version].rare for held in hidden[:1]}
        for query in sorted(queries)[: None if whole else _MOST]:
            see("search", face.search(caller, query))
        see("conversations", face.conversations(caller))
        for conversation, turn in memory.past if whole else memory.past[-_MOST:]:
            see("conversation", face.conversation(caller, conversation))
            see("evidence", face.evidence(caller, conversation, turn))
        own = memory.past[-1][0] if memory.past else _ABSENT["conversation"]
        for conversation, turn in self._foreign(tenant, user, last=1)[: None if whole else _MOST]:
            self._as_absent(caller, face, "conversation", conversation, lambda id_: face.conversation(caller, id_))
            self._as_absent(caller, face, "ask", conversation, lambda id_: face.ask(caller, "Which?", id_))
            self._as_absent(caller, face, "evidence", turn, lambda id_: face.evidence(caller, own, id_))
        if not whole:
            about = next((held.versions[held.version].subject for held in (*hidden, *visible)), SUBJECTS[0])
            self._ask(tenant, user, face, about, "no")

    def _forbidden(self, tenant: int, hidden: Sequence[Held]) -> list[str]:
        """Ids of documents that are hidden, deleted, or another tenant's."""
        here = {held.id for held in self._truths[tenant].held.values()}
        gone = [Held(path, frozenset(), {}).id for path in self._truths[tenant].numbers]
        elsewhere = [held.id for truth in self._truths for held in truth.held.values()]
        return [held.id for held in hidden] + [id_ for id_ in dict.fromkeys(gone + elsewhere) if id_ not in here]

    def _foreign(self, tenant: int, user: int, last: int = 0) -> list[tuple[str, str]]:
        """Turns of everyone else: all, or each one's ``last``."""
        return [turn for who, memory in self._memories.items() if who != (tenant, user) for turn in memory.past[-last:]]

    def _said(self, user: User) -> str:
        """A word that stands in every question of this user and in nobody else's."""
        return word("zu", user.tenant, user.name)

    # The verdicts.

    def _check(self, tenant: int, user: int, reply: Reply | None, what: str) -> None:
        if reply is None:
            return
        assert reply.status < 500, f"{what}: {reply}"
        truth, caller, memory = self._truths[tenant], self._callers[tenant, user], self._memories[tenant, user]
        text = reply.text.lower()
        shown = set(_SECRET.findall(text)) - secrets(truth.visible(caller.user))
        shown |= set(_SAID.findall(text)) - {self._said(caller.user)}
        shown |= set(_DOCUMENT.findall(text)) - memory.ids
        shown |= set(_EVENT.findall(text)) & {id_ for turn in self._foreign(tenant, user) for id_ in turn}
        if shown:
            raise Leak(f"{what}: {caller.user} sees {shown} in\n{reply.text}")

    def _as_absent(
        self, caller: Caller, face: Face, what: str, wanted: str, act: Callable[[str], Reply | None]
    ) -> None:
        """``wanted`` is answered as an id that never was, and no other steps are taken."""
        absent = _ABSENT[wanted.partition("_")[0]]
        with traced() as steps:
            reply = act(wanted)
        with traced() as expected:
            ideal = act(absent)
        if reply is None or ideal is None:
            return
        if not reply.refused or (reply.status, reply.text.replace(wanted, absent)) != (ideal.status, ideal.text):
            raise Leak(f"{what}, {face.name}: {wanted} is answered\n{reply}\nand one that never was\n{ideal}")
        if steps != expected:
            raise Leak(f"{what}, {face.name}: {wanted} takes the steps\n{steps}\nand one that never was\n{expected}")


def explore(installation: Installation, scenario: Scenario, faces: Sequence[Face] | None = None) -> Explorer:
    """Live through ``scenario``; raises where a user sees more than they may."""
    explorer = Explorer(installation, scenario, faces)
    explorer.run()
    return explorer
