"""What the sections ``providers`` and ``models`` look like."""

from __future__ import annotations

from typing import Any, get_args

from aver.core.labels import LEVELS
from aver.core.settings import ModelTimeouts
from aver.gateway.config.endpoints import base_url
from aver.gateway.config.quantities import UsdPerMillion
from aver.gateway.config.shapes import Choice, Either, Field, MapOf, Number, Record, Whole
from aver.gateway.config.types import Breaker, Model, ProviderConfig, ProviderKind
from aver.gateway.config.words import CAPABILITIES, CREDENTIAL, NAME, POSITIVE, TEXT, URL, parts, record
from aver.gateway.prices.types import Rates

__all__ = ["MODEL", "PROVIDER"]

TIMEOUTS = record(
    ModelTimeouts,
    connect=Field(POSITIVE, "How long to wait for a connection."),
    first_token=Field(POSITIVE, "How long to wait from the request to the first token."),
    stall=Field(POSITIVE, "How long to wait between tokens."),
    total=Field(POSITIVE, "How long the whole reply may take."),
    whole=Field(POSITIVE, "How long a reply may take that comes in one piece, not as a stream; as total if left out."),
)
BREAKER = record(
    Breaker,
    failures=Field(Whole(1), "At least this many failures."),
    share=Field(Number(0, 1, above=True), "Which share of the calls within the window must fail."),
    window=Field(POSITIVE, "How far back failures count."),
    open=Field(POSITIVE, "How long the model is left alone before one probe."),
)


def _provider(name: str, kind: ProviderKind, **given: Any) -> ProviderConfig:
    given.setdefault("base_url", base_url(name, kind, given.get("options", {})))
    given["base_url"] = given["base_url"].rstrip("/")
    return ProviderConfig(name, kind, **given)


def _provider_parts(provider: ProviderConfig) -> dict[str, Any]:
    found = parts(provider)
    if provider.base_url == base_url(provider.name, provider.kind, provider.options):
        found.pop("base_url", None)
    return found


PROVIDER = Record(
    _provider,
    {
        "kind": Field(
            Choice("kind of provider", get_args(ProviderKind)),
            "What is spoken there; openai is every server with chat completions.",
            required=True,
        ),
        "base_url": Field(URL, "Where it is; well-known providers need none."),
        "credential": Field(
            CREDENTIAL, "Where the key is: env:NAME, file:PATH, vault:, aws:, gcp: or azure:. Never the key itself."
        ),
        "options": Field(MapOf(NAME, TEXT), "The provider's own: api_version, project, location, region."),
        "headers": Field(MapOf(NAME, TEXT), "Headers sent with every call; none that is a credential."),
        "timeouts": Field(TIMEOUTS, "How long to wait."),
        "max_concurrent": Field(Whole(1, 1_000_000), "Calls under way at once."),
        "queue": Field(Whole(0, 1_000_000), "How many more may wait."),
        "breaker": Field(BREAKER, "When a failing model is left alone."),
        "clearance": Field(
            Choice("level", LEVELS), "The most confidential content that it may be given; internal, if left out."
        ),
        "region": Field(TEXT, "Where its models are served, as far as they do not say so themselves."),
    },
    _provider_parts,
)
RATE = UsdPerMillion()
RATES = Record(
    Rates,
    {
        "input": Field(RATE, "US dollars per million tokens read.", required=True),
        "output": Field(RATE, "US dollars per million tokens written.", required=True),
        "cached": Field(RATE, "Per million tokens read from the provider's cache; as input if left out."),
        "cache_write": Field(RATE, "Per million tokens written to the provider's cache; as input if left out."),
        "cache_write_long": Field(RATE, "Per million tokens written to it for an hour; as input if left out."),
        "reasoning": Field(RATE, "Per million tokens of thought; as output if left out."),
        "image": Field(RATE, "Per million images."),
    },
    parts,
)


def _model(name: str, provider: str, price: str | Rates | None = None, **given: Any) -> Model:
    there = given.pop("id", name)
    rates = price if isinstance(price, Rates) else None
    return Model(name, provider, there, there if price is None or rates else str(price), rates=rates, **given)


def _model_parts(model: Model) -> dict[str, Any]:
    found = parts(model)
    found["price"] = found.pop("rates", None) or model.price
    by_default = {"id": model.name, "price": model.id}
    return {name: value for name, value in found.items() if value != by_default.get(name)}


MODEL = Record(
    _model,
    {
        "provider": Field(NAME, "Who serves it: a name under providers.", required=True),
        "id": Field(TEXT, "Its name there; its own name if left out."),
        "price": Field(
            Either(NAME, RATES, lambda price: isinstance(price, Rates)),
            "Its name in the price book, the id if left out; or what it costs.",
        ),
        "context": Field(Whole(1), "Tokens of input and output together; unknown is taken as enough."),
        "max_output": Field(Whole(1), "Tokens it writes at most."),
        "capabilities": Field(CAPABILITIES, "What it can do; left out is taken as everything."),
        "region": Field(NAME, "Where it is served: what a route's region is compared with."),
    },
    _model_parts,
)
