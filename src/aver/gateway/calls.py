"""One call through the gateway, and the record of how it was answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from aver.core.errors import AverError
from aver.core.ids import new_id
from aver.core.labels import Label
from aver.core.principal import Principal
from aver.evidence.facts import clear_name
from aver.gateway.types import ChatRequest, Family, Finish, Usage

__all__ = ["Attempt", "Call", "CallRecord", "Candidate", "Halt", "Labels", "Operation", "Role", "Sink", "outcome_of"]

Operation = Literal["chat", "embeddings", "rerank"]
Role = Literal["first", "retry", "fallback", "hedge", "continuation", "escalation", "shadow", "last_resort"]
CacheVerdict = Literal["off", "miss", "exact", "semantic", "shadowed", "refused", "coalesced"]
"""``shadowed``: a semantic hit was found, answered afresh and compared. ``refused``: found, but not for this principal to read.
``coalesced``: answered by a call that was made for others too; see :attr:`CallRecord.shared`."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that might have answered: its place is its rank. ``skipped`` says why it was not considered: ``breaker``, ``capability``,
    ``context``, ``region``, ``price``, and ``classification`` or ``residency`` where the model may not be given what is in the call."""

    model: str
    score: float = 0.0
    propensity: float = 1.0
    """How likely it was to be ranked first, for estimates of what another policy would have done."""
    skipped: str = ""


@dataclass(slots=True)
class Attempt:
    """One request to one provider. Times are milliseconds since the call began; ``outcome`` is ``ok`` or the slug of an error."""

    model: str
    provider: str
    began_ms: float
    first_ms: float = 0.0
    ended_ms: float = 0.0
    outcome: str = ""
    finish: Finish | None = None
    usage: Usage | None = None
    nano_usd: int = 0
    """What it is charged, in 10⁻⁹ US dollars; a reply that was cut off or lost a race is charged for what it had used."""
    role: Role = "first"
    doubt: str = ""
    """The usage as the provider reported it, where that cannot be right."""
    checked: bool = False
    """The answer was looked at before it was kept; the outcome is ``failed:CHECK`` when it did not pass."""


@dataclass(slots=True)
class CallRecord:
    """Everything that decided a call, filled in while it is answered and handed over whole at its end."""

    id: str
    """``call_…``"""
    operation: Operation
    asked: str
    """The name the caller used."""
    route: str = ""
    strategy: str = ""
    config: str = ""
    """The configuration's digest."""
    prices: str = ""
    """The price book's version."""
    draw: float = 0.0
    """The random number between 0 and 1 that the router was given; with it and the scores the decision can be made again."""
    inputs: dict[str, Any] = field(default_factory=dict)
    """What the router knew about each model at that moment: latency, breaker, price, features of the request."""
    candidates: list[Candidate] = field(default_factory=list)
    attempts: list[Attempt] = field(default_factory=list)
    cache: CacheVerdict = "off"
    budgets: list[dict[str, Any]] = field(default_factory=list)
    """Each budget that applied: its name, what was left, reserved and settled."""
    dropped: list[str] = field(default_factory=list)
    """Fields of the request that the answering provider has no place for."""
    usage: Usage = field(default_factory=lambda: Usage(cost_usd=None))
    nano_usd: int = 0
    unpriced: bool = False
    """Some of the cost was counted at the highest known price because the model has none."""
    finish: Finish | None = None
    error: str = ""
    """The slug of the error the caller got, or ``cancelled`` when the caller left."""
    first_ms: float = 0.0
    ms: float = 0.0
    streamed: bool = False
    feature: str = ""
    """The label the call was made under, as in :attr:`Call.feature`."""
    user: str = ""
    """Who asked. Stands in the body alone, which is under this person's key."""
    key: str = ""
    """The id of the API key it was made with, as in :attr:`Call.key`."""
    release: str = ""
    """The digest of the release that it went by, as in :attr:`Call.release`."""
    assigned: Mapping[str, Any] = field(default_factory=dict)
    """Facts of the arm that it was given, as in :attr:`Call.assigned`."""
    traceparent: str = ""
    """The trace that the caller is in, as in :attr:`Call.traceparent`."""
    label: dict[str, Any] = field(default_factory=dict)
    """How confidential what is in it is, and where it may go, where anything is declared of that, and what makes it so (``raised_by``)."""
    shared: str = ""
    """``share_…`` where one call was made for several callers at once, the same on record with each of them. One of these records has
    the attempts and the cost; the others are ``coalesced``."""

    @property
    def withheld(self) -> bool:
        """Whether there was nobody to ask, because of what may not be given what is in it."""
        skipped = {each.skipped for each in self.candidates}
        return "" not in skipped and not skipped.isdisjoint(("classification", "residency"))

    def facts(self) -> dict[str, Any]:
        """For a step of evidence, in clear: who answered, how much of what, at what cost."""
        last = self.attempts[-1] if self.attempts else None
        usage = self.usage
        return {
            "call": self.id,
            "operation": self.operation,
            # A name that nobody declared can be anything, a key or a person: it stands in the body alone.
            "asked": clear_name(self.asked) if self.error != "not-found" else None,
            "route": clear_name(self.route),
            "feature": clear_name(self.feature),
            "key": clear_name(self.key),
            "strategy": self.strategy or None,
            "model": clear_name(last.model) if last else None,
            "provider": clear_name(last.provider) if last else None,
            "attempts": len(self.attempts),
            "cache": self.cache,
            "shared": self.shared or None,
            "level": self.label.get("level"),
            **(_labelled(self.label) if self.label else {}),
            "release": self.release[:16] or None,
            **self.assigned,
            **({"traceparent": self.traceparent} if self.traceparent else {}),
            "config": self.config[:16] or None,
            "prices": self.prices[:16] or None,
            "input_tokens": usage.input_tokens,
            "cached_tokens": usage.cached_tokens,
            "cache_write_tokens": usage.cache_write_tokens + usage.cache_write_long_tokens,
            "output_tokens": usage.output_tokens,
            "reasoning_tokens": usage.reasoning_tokens,
            "estimated": usage.estimated,
            "nano_usd": self.nano_usd,
            "unpriced": self.unpriced,
            "finish": self.finish,
            "error": self.error or None,
            "streamed": self.streamed,
            "first_ms": round(self.first_ms, 1),
            "ms": round(self.ms, 1),
        }

    def body(self) -> bytes:
        """For a step of evidence, encrypted: all of it as JSON, so that the decision can be made again."""
        return orjson.dumps(self)


def _labelled(label: Mapping[str, Any]) -> dict[str, Any]:
    regions = {} if label["regions"] is None else {"regions": label["regions"]}
    return {**regions, "raised_by": list(map(clear_name, label["raised_by"]))}


def outcome_of(error: BaseException | None) -> str:
    """The slug of ``error``; ``cancelled`` where it says that the caller left, and nothing for none."""
    if error is None:
        return ""
    if isinstance(error, AverError):
        return error.slug
    return "internal-error" if isinstance(error, Exception) else "cancelled"


Sink = Callable[["Call", CallRecord], None]
"""Takes the record of a call that ended, before its last bytes are sent. What it has taken is not lost."""


Halt = Callable[["Call", str], Awaitable[None]]
"""Raises :class:`~aver.core.errors.Stopped` where a switch stops a call, or the model or route of that name for it. Awaited before anybody is
asked, before each attempt, and for each piece of a reply."""


Labels = Callable[["Call"], Awaitable[Label]]
"""How confidential what is in a call is, and where it may go."""


@dataclass(slots=True)
class Call:
    """What a caller wants of the gateway. ``body`` is the request as it came through a door of ``family``; Aver's own callers give
    ``chat`` instead."""

    principal: Principal
    model: str
    """A model, or a route."""
    sink: Sink
    chat_of: Callable[[], ChatRequest]
    """The request in Aver's terms, made when it is first needed: within one family it never is."""
    operation: Operation = "chat"
    stream: bool = False
    family: Family = "builtin"
    body: Mapping[str, Any] | None = None
    size: int = 0
    """Bytes of the request's text: no tokenizer makes more tokens of it."""
    asked_usage: bool = True
    """Whether the caller wants the usage within the stream."""
    key: str = ""
    """The id of the API key, for budgets."""
    feature: str = ""
    turn: str = ""
    """The turn it is part of, if any."""
    release: str = ""
    """The digest of the release that it goes by, if any: answers of one release are never given by another."""
    assigned: Mapping[str, Any] = field(default_factory=dict)
    """Of a call that is part of no turn, the arm of the rollout under way, as facts."""
    traceparent: str = ""
    """Of a call that is part of no turn, the trace that the caller is in, as :func:`~aver.core.traceparent.read_traceparent` gives it."""
    config: str = ""
    """The digest of the configuration in force, set by the gateway before it asks a cache."""
    no_store: bool = False
    """The caller wants the answer kept nowhere but in evidence (``Cache-Control: no-store``)."""
    labels: Mapping[str, Label] = field(default_factory=dict)
    """How confidential what else is in the request is, and where it may go, by where it came from: the call of a tool, memory, the caller."""
    documents: frozenset[str] = frozenset()
    """Ids of the documents whose passages are in the request: whoever is given a cached answer must be able to read them all."""
    id: str = ""
    """``call_…``, where the caller was told already; else the record's own."""
    _chat: ChatRequest | None = None

    @property
    def chat(self) -> ChatRequest:
        """Raises :class:`~aver.core.errors.InvalidInput` when the body is not its family's."""
        if self._chat is None:
            self._chat = self.chat_of()
        return self._chat

    def begin_record(self, prices: str, *, draw: float, streamed: bool) -> CallRecord:
        """A record of it with what is known before anybody is asked."""
        return CallRecord(
            self.id or new_id("call"),
            self.operation,
            self.model,
            config=self.config,
            prices=prices,
            draw=draw,
            streamed=streamed,
            feature=self.feature,
            user=self.principal.user,
            key=self.key,
            release=self.release,
            assigned={**self.assigned, "bytes": self.size} if self.assigned else {},
            traceparent=self.traceparent,
        )
