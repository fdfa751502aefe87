"""A tenant without its hidden documents, beside the one with them: a user must not be able to tell which one is asked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from tests.isolation.faces import Caller, CommandLine, Face, Library, Reply
from tests.isolation.installation import Installation
from tests.isolation.traces import traced
from tests.isolation.world import SUBJECTS, Content, TenantTruth, User

Act = Callable[[Face, Caller], Reply | None]

_MAY_DIFFER = (
    (re.compile(r"(?m)^content-length: .*$"), ""),
    (re.compile(r"(?s)<nav\b.*?</nav>"), ""),  # the user's own conversations
    (re.compile(r"\b((?:msg_)?(?!doc_)[a-z]+)_[0-9a-z]{26}(?=_\d+\b|\b)"), r"\1"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z?"), "TIME"),
    (re.compile(r'"(?:latency_ms|ms|first_ms|created|created_at)": ?[\d.]+'), "TOOK"),
    (re.compile(r"\b\d+\.\d\d s\b"), "TOOK"),
    # Its number tells how often a document changed, which the one made now did not.
    (re.compile(r'"version": ?\d+|\b[Vv]ersion[ =]\d+| v\d+ '), "VERSION"),
    (re.compile(r"(doc_[a-z2-7]{26})(\.| +)\d+\b"), r"\1\2VERSION"),
)


class Interference(AssertionError):
    """What a user got depends on documents that the user may not see."""


def make_twin(installation: Installation, truth: TenantTruth, user: User) -> tuple[TenantTruth, Caller]:
    """A tenant that holds what ``user`` may read now and nothing else."""
    twin = TenantTruth(installation.fresh_name("twin"))
    for held in truth.visible(user):
        twin.offered[held.path] = held.versions[held.version]
        twin.readers[held.path] = held.readers
    installation.create(twin)
    installation.ingest(twin)
    return twin, installation.caller(User(twin.name, user.name, user.groups))


def acts(truth: TenantTruth, user: User) -> Iterator[tuple[str, Act]]:
    """What to do in both. The rare words include those of hidden documents: a user may have heard of them."""
    yield "documents", lambda face, caller: face.documents(caller)
    yield "sources", lambda face, caller: face.sources(caller)
    known: list[Content] = [held.versions[held.version] for held in truth.held.values()]
    queries = [f"{subject} allowance limit" for subject in SUBJECTS] + [content.rare for content in known]
    for query in queries:
        yield f"search {query}", lambda face, caller, query=query: face.search(caller, query)
    for subject in {content.subject for content in known}:
        question = f"How many days is the {subject} allowance?"
        yield f"ask {question}", lambda face, caller, question=question: face.ask(caller, question)
    for content in known[:2]:
        question = f"Which desk knows about {content.rare}?"
        yield f"ask {question}", lambda face, caller, question=question: face.ask(caller, question)


def compare(installation: Installation, truth: TenantTruth, caller: Caller, face: Face) -> None:
    """Raises :class:`Interference` where the two answer differently, or take different steps to the same answer."""
    twin, other = make_twin(installation, truth, caller.user)
    library = next(each for each in installation.faces if isinstance(each, Library))
    for each in (caller, other):
        library.ask(each, "Hello?")  # the first question of a user makes their data key
    for name, act in acts(truth, caller.user):
        with traced() as here:
            real = act(library, caller)
        with traced() as there:
            ideal = act(library, other)
        _same(f"{name}, {library.name}", _normal(real, truth), _normal(ideal, twin))
        _same(f"the steps of {name}", here, there)
    if face is not library:
        # A command opens an application of its own, which takes longer than all else it does.
        most = 3 if isinstance(face, CommandLine) else None
        for name, act in list(acts(truth, caller.user))[:most]:
            _same(f"{name}, {face.name}", _normal(act(face, caller), truth), _normal(act(face, other), twin))


def _normal(reply: Reply | None, truth: TenantTruth) -> object:
    if reply is None:
        return None
    text = reply.text.replace(truth.name, "TENANT")
    for pattern, instead in _MAY_DIFFER:
        text = pattern.sub(instead, text)
    return reply.status, text


def _same(what: str, real: object, ideal: object) -> None:
    if real != ideal:
        raise Interference(f"{what} is not the same without hidden documents:\n{real}\n\n{ideal}")
