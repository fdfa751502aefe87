"""What a bundle declares for the gateway: providers, models, routes, budgets. Read from its ``aver.yaml``; never changed afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from aver.core.settings import ModelTimeouts

if TYPE_CHECKING:
    from aver.gateway.prices.types import Rates

__all__ = [
    "Arm",
    "Breaker",
    "Budget",
    "CachePolicy",
    "Capability",
    "Cascade",
    "Check",
    "Coalesce",
    "CredentialScheme",
    "ErrorClass",
    "GatewayConfig",
    "Hedge",
    "Learned",
    "Model",
    "Period",
    "ProviderConfig",
    "ProviderKind",
    "Retries",
    "Route",
    "Scope",
    "Strategy",
    "Unit",
]

ProviderKind = Literal["openai", "azure", "responses", "anthropic", "gemini", "vertex", "bedrock", "cohere", "litellm"]
"""``openai`` is every server that speaks chat completions: OpenAI, vLLM, TGI, Ollama, Groq, Mistral."""
CredentialScheme = Literal["env", "file", "vault", "aws", "gcp", "azure"]
"""Where a secret is, before the colon of its reference."""
Strategy = Literal["priority", "weighted", "cheapest", "fastest", "cascade", "experiment", "learned"]
Capability = Literal["tools", "vision", "json", "reasoning", "files", "embeddings", "rerank"]
Check = Literal["nonempty", "complete", "json", "no_refusal", "confident", "cites"]
ErrorClass = Literal["context_window", "content_filter", "rate_limit", "outage"]
Coalesce = Literal["never", "deterministic", "always"]
Scope = Literal["tenant", "key", "user", "feature", "model", "route"]
Unit = Literal["requests", "tokens", "usd"]
Period = Literal["minute", "hour", "day", "month", "ever"]


@dataclass(frozen=True, slots=True)
class Retries:
    """How often one model is tried again. ``attempts`` counts the first; over all calls, retries are at most ``budget`` times the calls
    (https://sre.google/sre-book/handling-overload/, "per-client retry budget")."""

    attempts: int = 2
    budget: float = 0.1
    base: float = 0.25
    """Seconds, doubled each time and jittered over its whole length."""
    longest: float = 8.0
    """Seconds. A provider that asks to wait longer is left for the next one."""


@dataclass(frozen=True, slots=True)
class Breaker:
    """When a model is left alone: at least ``failures`` failures making up ``share`` of the calls within ``window`` seconds; after
    ``open`` seconds, one probe."""

    failures: int = 5
    share: float = 0.5
    window: float = 30.0
    open: float = 15.0


@dataclass(frozen=True, slots=True)
class Hedge:
    """A second model is asked when the first token is later than this quantile of the recent past. ``spend`` bounds what hedges may
    cost, as a share of all spending of the route."""

    quantile: float = 0.95
    spend: float = 0.05
    least: float = 0.05
    """Seconds before which nothing is hedged."""


@dataclass(frozen=True, slots=True)
class ProviderConfig:
    """An endpoint and how to be let in. ``credential`` is a reference such as ``env:OPENAI_API_KEY``, never a secret."""

    name: str
    kind: ProviderKind
    base_url: str
    credential: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    timeouts: ModelTimeouts = field(default_factory=ModelTimeouts)
    max_concurrent: int = 256
    """Calls under way at once; more wait in ``queue`` places, then are shed."""
    queue: int = 256
    breaker: Breaker = Breaker()
    clearance: str = ""
    """The most confidential content that it may be given; see :class:`~aver.core.labels.Label`. Empty says nothing."""
    region: str = ""
    """Where its models are served, as far as they do not say so themselves."""


@dataclass(frozen=True, slots=True)
class Model:
    """A provider's model. ``id`` is its name there, a pinned version as a rule; ``price`` its name in the price book."""

    name: str
    provider: str
    id: str
    price: str = ""
    context: int | None = None
    """Tokens of input and output together; ``None`` is unknown and taken as enough."""
    max_output: int | None = None
    capabilities: frozenset[Capability] | None = None
    """``None`` is unknown and taken as all."""
    region: str = ""
    """Where it is served: what a route's ``region`` is compared with."""
    rates: Rates | None = None
    """What it costs, where that is declared here; it goes before the price book."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One of a route's choices: a model, or another route."""

    target: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Cascade:
    """A cheap answer is kept when it passes ``checks``: ``nonempty``, ``complete`` (not cut at its length), ``json`` (parses, and fits
    the schema asked for), ``no_refusal``, ``confident`` (does not hedge), ``cites`` (each sentence carries a ``[n]``)."""

    checks: tuple[Check, ...] = ("nonempty", "complete", "no_refusal")


@dataclass(frozen=True, slots=True)
class Learned:
    """A router trained from outcomes. ``model`` is the file in the bundle; ``explore`` the share of calls answered at random over all
    arms, so that what was not chosen can be estimated."""

    model: str = ""
    explore: float = 0.02
    target: float = 0.97
    """The share of the best single model's success that is to be kept."""


@dataclass(frozen=True, slots=True)
class CachePolicy:
    """``exact`` and ``semantic`` are lifetimes in seconds; 0 is off. ``wrong`` bounds the semantic cache's wrong hits: it serves only
    while the upper end of their interval is below."""

    exact: float = 0.0
    semantic: float = 0.0
    wrong: float = 0.01
    shadow: float = 0.05
    """The share of would-be semantic hits that are answered afresh and compared."""
    shared: bool = False
    """Whether an answer is given to other users too. Only for a route whose requests hold nothing of who asks; without it a user gets
    their own answers alone. Documents in a request are checked either way."""
    prior: bool = False
    """Whether what the gate was measured on public question pairs is added to what was observed, so that a route whose ``wrong`` is above
    that measurement's upper end serves semantic hits from its first day. Without it every would-be hit is answered afresh until enough
    were compared on this very route."""
    coalesce: Coalesce = "never"
    """Whether equal requests of one person that are under way at the same time are answered by one call: those that leave nothing to
    chance (temperature 0, or a seed), or any."""


@dataclass(frozen=True, slots=True)
class Route:
    """A name that callers use as a model's, and who answers under it."""

    name: str
    arms: tuple[Arm, ...]
    strategy: Strategy = "priority"
    fallback: Mapping[ErrorClass, tuple[str, ...]] = field(default_factory=dict)
    """Models or routes tried after the arms for this class of failure, instead of the arms that are left."""
    retries: Retries = Retries()
    hedge: Hedge | None = None
    cascade: Cascade | None = None
    learned: Learned | None = None
    cache: CachePolicy = CachePolicy()
    sticky: tuple[Literal["tenant", "user"], ...] = ("tenant", "user")
    """What an experiment's arm is chosen by."""
    requires: frozenset[Capability] = frozenset()
    region: str = ""
    """Only models of this region answer."""
    compress: float = 0.0
    """The share of a long prompt's context that may be left out before it is sent; 0 sends all."""
    last_resort: bool = True
    """Whether the extractive model answers when nothing else can and the request carries passages."""


@dataclass(frozen=True, slots=True)
class Budget:
    """At most ``limit`` of ``unit`` in each ``period``, for each value of ``per``, or only where it is ``of``. ``limit`` counts requests,
    tokens, or nano-dollars (10⁻⁹ US dollars)."""

    name: str
    per: Scope
    unit: Unit
    limit: int
    period: Period
    of: str = ""


@dataclass(frozen=True)
class GatewayConfig:
    """Everything declared, by name. ``digest`` names this configuration in evidence."""

    providers: Mapping[str, ProviderConfig] = field(default_factory=dict)
    models: Mapping[str, Model] = field(default_factory=dict)
    routes: Mapping[str, Route] = field(default_factory=dict)
    budgets: tuple[Budget, ...] = ()
    unknown_price: Literal["refuse", "highest"] = "refuse"
    """A model without a price is not called, or is counted at the highest price known."""

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON of every field, hexadecimal."""
        from dataclasses import asdict

        from aver.core import canonical_json, sha256_hex

        return sha256_hex(canonical_json(_plain(asdict(self))))


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, frozenset):
        return sorted(map(str, value))
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value
