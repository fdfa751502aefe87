"""A labelled question, what an answer to it must hold, and what came of asking it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol

from aver.core.canonical import canonical_json, sha256_hex

__all__ = [
    "COMPROMISED",
    "USED",
    "Called",
    "Case",
    "CaseStatus",
    "Cited",
    "Dataset",
    "Gold",
    "Message",
    "Origin",
    "Quote",
    "Response",
    "Result",
    "RunHeader",
    "Scorer",
    "Span",
    "Target",
    "Values",
]

Origin = Literal["person", "synthetic", "production", "attack"]
"""Where a case comes from. Synthetic ones never decide a gate alone."""
Values = Mapping[str, tuple[float, float]]
"""By measure, what one case adds to the sum above and to the sum below; a mean's is ``(value, 1)``, a rate's over parts ``(right, parts)``."""

USED = ("cost_usd", "input_tokens", "output_tokens", "latency_ms", "first_ms")
"""What every response is measured by that says it, whoever judges."""
CaseStatus = Literal["draft", "confirmed"]
"""Whether a person has looked at it."""


@dataclass(frozen=True, slots=True)
class Quote:
    """A passage of a document, named as in :attr:`Case.documents`, by its words."""

    document: str
    quote: str


@dataclass(frozen=True, slots=True)
class Case:
    """A question with what is known of its answer. Without ``documents``, ``answers`` and ``passages`` it is ``unanswerable``: nothing
    that the person may read answers it."""

    id: str
    question: str
    place: str = ""
    """``FILE:LINE``."""
    user: str = ""
    """Who asks; empty for whoever the run says."""
    groups: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    """Those that answer it, by path, ``SOURCE/PATH``, title, uri or id."""
    answers: tuple[str, ...] = ()
    """Strings that an answer quotes, any of them, as they stand in the documents."""
    passages: tuple[Quote, ...] = ()
    unanswerable: bool = False
    tags: tuple[str, ...] = ()
    """The slices it belongs to."""
    status: CaseStatus = "confirmed"
    history: tuple[Message, ...] = ()
    """What was said before the question."""
    variables: Mapping[str, Any] = field(default_factory=dict)
    """Named inputs, JSON, for functions, templates and endpoints."""
    expected: Any = None
    """A reference, JSON: what a scorer holds the response against. For a rubric, a good answer."""
    calls: tuple[Called, ...] | None = None
    """The calls of tools that do the task, in order; ``()`` for none at all."""
    state: Any = None
    """What is to be true afterwards, JSON, as the target tells its end state."""
    refuse: bool = False
    """Whether it is to be refused, for what it asks rather than for want of documents."""
    split: str = ""
    """``train``, ``test`` or another part that is kept apart; empty for all."""
    cluster: str = ""
    """Cases with the same one depend on each other: they come from one document, or one conversation."""
    flow: str = ""
    """The critical flow of the bundle that it covers."""
    origin: Origin = "person"
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Anything else, JSON: provenance of a synthetic case, the categories of an attack."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """A labelled set, in memory. ``digest`` is SHA-256 of the file, hexadecimal."""

    name: str
    digest: str
    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class Message:
    """One of the messages before the question."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Called:
    """A call of a tool: expected of a response, or made. ``decision`` is what policy said of one that was wanted."""

    tool: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    decision: Literal["allow", "deny", "ask"] = "allow"
    done: bool = True


@dataclass(frozen=True, slots=True)
class Cited:
    """``text[start:end]`` of a version of a document: what was looked at, or what a sentence points to. ``text`` is what stands there."""

    document: str
    start: int
    end: int
    text: str = ""
    version: int = 0
    title: str = ""


@dataclass(frozen=True, slots=True)
class Response:
    """What a target gave for one case: the same shape whatever it was, so that any scorer reads any target. What a target cannot tell is left
    empty, or ``None`` where empty would say something."""

    text: str = ""
    value: Any = None
    """The output of a target that gives no text, JSON."""
    abstained: bool = False
    """It said that it has nothing to answer from."""
    refused: bool = False
    """A check, policy or the model declined to do it."""
    ranking: tuple[Cited, ...] | None = None
    """Passages in the order they were found."""
    looked: tuple[Cited, ...] | None = None
    """Passages that the answer was made from."""
    citations: tuple[Cited, ...] | None = None
    supported: tuple[bool, ...] | None = None
    """By sentence, whether its citations support it, as the turn verified."""
    calls: tuple[Called, ...] | None = None
    state: Any = None
    verdicts: tuple[Mapping[str, Any], ...] = ()
    """What guardrails said, as the evidence has it: each with ``check``, ``verdict`` and ``place``."""
    mode: str = ""
    confidence: float | None = None
    """Log odds that what was looked at answers the question."""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    latency_ms: float | None = None
    first_ms: float | None = None
    """Until the first piece was shown."""
    turn: str = ""
    release: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    """Anything else, JSON."""


@dataclass(frozen=True, slots=True)
class Result:
    """One case, asked once and scored. An ``error`` is the slug of why there is no response, or no score: it is neither right nor wrong, and
    counted apart. What is needed to measure and to compare, and no more; the response stands beside it where it is kept."""

    case: str
    repeat: int
    values: Values
    tags: tuple[str, ...] = ()
    cluster: str = ""
    error: str = ""
    said: str = ""
    """The cause of the error, one line."""
    notes: Mapping[str, str] = field(default_factory=dict)
    """By scorer, why it scored so, in a sentence."""
    response: Response | None = None


COMPROMISED = " (compromised)"
"""How the name of a target ends whose model was taken over."""


@dataclass(frozen=True, slots=True)
class RunHeader:
    """What a run asked of what; the first line of its file, which its results follow."""

    suite: str
    dataset: str
    dataset_digest: str
    cases: int
    target: str
    target_digest: str
    release: str
    """The digest of the release that responds; empty where there is none."""
    scorers: Mapping[str, str]
    """Digests by name."""
    seed: int
    repeats: int
    started: str
    """RFC 3339."""
    software: str
    stop_early: tuple[str, ...] = ()
    """Conditions that the run was left for as soon as they were certain, if they were; none where every case was to be asked."""
    baseline: str = ""
    """The digest of the run that pairwise judges held it against; empty where that were the cases' references."""

    @property
    def feature(self) -> str:
        """What was asked, by the name that turns have for it; empty where it is no feature, or several."""
        kind, _, name = self.target.removesuffix(COMPROMISED).partition(":")
        return name if kind == "agent" else "assistant" if kind in ("assistant", "search") else ""

    @property
    def digest(self) -> str:
        """SHA-256 of all of it, hexadecimal: the run's name, wherever its file lies."""
        return sha256_hex(canonical_json(asdict(self)))


class Target(Protocol):
    """What is evaluated: the assistant, an agent, a model, an endpoint, a function, recorded turns."""

    @property
    def name(self) -> str: ...

    @property
    def digest(self) -> str:
        """Of everything that decides what it responds, for a cache; empty where that is not known, and nothing of it is kept."""
        ...

    async def respond(self, case: Case, *, seed: int = 0) -> Response:
        """Ask it. Raises :class:`~aver.core.errors.AverError` for what kept it from responding."""
        ...


class Scorer(Protocol):
    """How a response is judged. Raises :class:`~aver.core.errors.AverError` where it cannot; that is an error of the case, never a score."""

    @property
    def name(self) -> str: ...

    @property
    def digest(self) -> str:
        """Of everything that decides a score: name, settings, rubric, judge."""
        ...

    async def score(self, case: Case, response: Response) -> tuple[Values, str]:
        """What it measures, and why in a sentence or nothing. Empty where the case has no label that this scorer reads."""
        ...


@dataclass(frozen=True, slots=True)
class Span:
    """``text[start:end]`` of a document's current version."""

    document: str
    start: int
    end: int

    def meets(self, document: str, start: int, end: int) -> bool:
        """Whether they have at least half of the shorter of the two in common."""
        common = min(self.end, end) - max(self.start, start)
        return self.document == document and 2 * common >= min(self.end - self.start, end - start)


@dataclass(frozen=True, slots=True)
class Gold:
    """What a case's labels come to for the person who asks. ``passages`` are the (document, start) of all passages that meet one of
    ``spans``; ``anywhere`` are strings that count in whatever document they stand."""

    documents: frozenset[str] = frozenset()
    spans: tuple[Span, ...] = ()
    passages: frozenset[tuple[str, int]] = frozenset()
    anywhere: tuple[str, ...] = ()
