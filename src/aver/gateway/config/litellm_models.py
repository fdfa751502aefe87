"""LiteLLM's ``model_list`` as Aver's providers, models and their budgets."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import ROUND_CEILING, Decimal
from typing import Any, cast, get_args

from aver.core.settings import ModelTimeouts
from aver.core.yaml import YamlValue
from aver.gateway.config.endpoints import base_url
from aver.gateway.config.litellm_source import ENVIRONMENT, Section, duration_seconds
from aver.gateway.config.litellm_vendors import Vendor, identify
from aver.gateway.config.types import Breaker, Budget, Capability, Model, Period, ProviderConfig, Unit
from aver.gateway.config.words import CREDENTIAL, NAME, TEXT, URL
from aver.gateway.prices.types import Rates

__all__ = ["Defaults", "Deployment", "Read", "period_of"]

_SERVED = {"chat", "completion", "responses", "embedding", "rerank"}
_ABILITIES: dict[str, Capability] = {
    "supports_function_calling": "tools",
    "supports_vision": "vision",
    "supports_response_schema": "json",
    "supports_reasoning": "reasoning",
    "supports_pdf_input": "files",
}
_RATES = {
    "cached": "cache_read_input_token_cost",
    "cache_write": "cache_creation_input_token_cost",
    "cache_write_long": "cache_creation_input_token_cost_above_1hr",
    "reasoning": "output_cost_per_reasoning_token",
}
_NO_KEYS = {"", "none", "null", "empty", "dummy", "fake", "fake-key", "anything", "not-needed", "na", "n/a", "x"}
_COUNTED: dict[str, Unit] = {"rpm": "requests", "tpm": "tokens"}
_PERIODS: dict[int, Period] = {60: "minute", 3600: "hour", 86_400: "day"}


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds for every deployment that says nothing itself."""

    timeouts: ModelTimeouts = field(default_factory=ModelTimeouts)
    breaker: Breaker = field(default_factory=Breaker)
    max_concurrent: int = 256


@dataclass(frozen=True, slots=True)
class Deployment:
    """One entry of the list. ``weights`` are by LiteLLM's names for them."""

    group: str
    place: YamlValue
    model: Model
    limits: tuple[Budget, ...]
    weights: dict[str, float]
    order: float | None


@dataclass(slots=True)
class Read:
    """Collects the providers of all deployments: those that agree in everything are one."""

    defaults: Defaults
    providers: dict[str, ProviderConfig] = field(default_factory=dict)

    def deployment(self, place: YamlValue, section: Section) -> Deployment | None:
        """One entry; ``None``, and told, when Aver cannot serve it."""
        notes = section.notes
        group = section.text("model_name")
        params = Section("litellm_params", section.take("litellm_params"), notes)
        info = Section("model_info", section.take("model_info"), notes)
        asked = params.text("model")
        if not group or not asked:
            notes.add(place, "a deployment without model_name and litellm_params.model was left out.")
            return None
        mode = info.text("mode") or "chat"
        if "*" in group or "*" in asked:
            notes.add(place, f"{group}: wildcards have no counterpart; name the models that are used.")
            return None
        if mode not in _SERVED:
            notes.add(place, f"{group}: the mode {mode} is not served, and was left out.")
            return None
        provider, there, region = self._provider(place, group, asked, mode, params)
        if not (NAME.fits(group) and TEXT.fits(there)):
            notes.add(place, "a deployment whose name Aver cannot write was left out.")
            return None
        book = info.text("base_model") or ""
        rates = _rates(place, params, info)
        known = there if rates or not book else book.removeprefix("azure/")
        context, longest = info.whole("max_input_tokens"), info.whole("max_output_tokens")
        model = Model(
            group,
            provider,
            there,
            known,
            context,
            min(longest, context or longest) if longest else None,
            _capabilities(mode, info),
            params.text("region_name") or region,
            rates,
        )
        weights = {name: value for name in ("weight", "rpm", "tpm") if (value := params.number(name)) is not None}
        made = Deployment(group, place, model, _limits(weights, params), weights, params.number("order"))
        params.tell(_ABOUT_PARAMS, frozenset({"drop_params"}))
        info.tell({}, frozenset({"id", "max_tokens"}))
        section.tell({})
        return made

    def _provider(self, place: YamlValue, group: str, asked: str, mode: str, params: Section) -> tuple[str, str, str]:
        """The provider's name, the model's name there, and the region it is served in."""
        address = params.take("api_base") or params.take("base_url")
        vendor, there, region = identify(
            asked, params.text("custom_llm_provider") or "", mode, own_address=address is not None
        )
        options = _options(vendor, region, place, params)
        url = _address(vendor, address, options, place, params)
        if vendor.kind == "litellm":
            params.notes.add(place, f"{group}: asked through the litellm package: pip install 'aver[litellm]'.")
        total, first = params.number("timeout"), params.number("stream_timeout")
        timeouts = self.defaults.timeouts
        timeouts = replace(timeouts, total=total or timeouts.total, first_token=first or timeouts.first_token)
        made = ProviderConfig(
            vendor.name,
            vendor.kind,
            url,
            _credential(vendor, params),
            options,
            _headers(params),
            timeouts,
            params.whole("max_parallel_requests", 10**6) or self.defaults.max_concurrent,
            breaker=self.defaults.breaker,
        )
        return self._named(made), there, options.get("region", "") or options.get("location", "")

    def _named(self, made: ProviderConfig) -> str:
        number = 1
        while True:
            name = made.name if number == 1 else f"{made.name}-{number}"
            named = replace(made, name=name)
            if self.providers.setdefault(name, named) == named:
                return name
            number += 1


_ABOUT_PARAMS = dict.fromkeys(
    ("aws_access_key_id", "aws_secret_access_key", "aws_session_token", "aws_session_name", "aws_role_name"),
    "AWS is asked as its own tools would: with the environment, a profile or the machine's role.",
)


def _address(
    vendor: Vendor, written: YamlValue | None, options: dict[str, str], place: YamlValue, params: Section
) -> str:
    own = vendor.kind == "openai" and vendor.name != "openai"  # a server of one's own, if no address is known
    usual = vendor.base_url or ("" if own else base_url(vendor.name, vendor.kind, options))
    if written is None and (usual or vendor.kind == "litellm"):
        return usual
    text = written.text() if written is not None else ""
    stand_in = f"https://{vendor.name}.invalid"
    if text.startswith(ENVIRONMENT):
        variable = text.removeprefix(ENVIRONMENT)
        text = params.notes.environment.get(variable, "")
        stand_in = f"https://{variable.lower().replace('_', '-')}.invalid"
        if not text:
            note = f"api_base is that of {variable}, which is not set here: write it in place of {stand_in}."
            params.notes.add(written or place, note)
            return stand_in
    text = text.rstrip("/")
    if not URL.fits(text):
        params.notes.add(
            written or place, f"where {vendor.name} is reached is not said: write it in place of {stand_in}."
        )
        return stand_in
    # LiteLLM speaks Ollama's own protocol, which stands beside the one of OpenAI.
    return f"{text}/v1" if vendor.name == "ollama" and text.count("/") == 2 else text


def _credential(vendor: Vendor, params: Section) -> str:
    """A reference, whatever was written: a secret never leaves the file it is in."""
    file = params.take("vertex_credentials") if vendor.kind == "vertex" else None
    value = params.take("api_key") or file
    if value is None:
        return f"env:{vendor.key}" if vendor.key else ""
    text = str(value.node.value)
    reference = f"env:{text.removeprefix(ENVIRONMENT)}" if text.startswith(ENVIRONMENT) else ""
    if file is not None and not reference and "{" not in text:
        reference = f"file:{text}"
    if CREDENTIAL.fits(reference):
        return reference
    if text.strip().lower() in _NO_KEYS:
        return ""
    variable = vendor.key or f"{vendor.name.upper().replace('-', '_')}_API_KEY"
    params.notes.add(value, f"a key is written in clear, and was not taken over: put it into {variable}.")
    return f"env:{variable}"


def _options(vendor: Vendor, region: str, place: YamlValue, params: Section) -> dict[str, str]:
    found = {}
    wanted = {"api_version": "api_version"}
    if vendor.kind == "vertex":
        wanted |= {"vertex_project": "project", "vertex_location": "location"}
    if vendor.kind == "bedrock":
        wanted |= {"aws_region_name": "region", "aws_profile_name": "profile"}
    if vendor.kind == "litellm":
        wanted |= {name: name for name in ("vertex_project", "vertex_location", "aws_region_name")}
    for theirs, ours in wanted.items():
        text = params.text(theirs)
        if text and TEXT.fits(text):
            found[ours] = text
    if vendor.kind == "bedrock" and "region" not in found:
        found["region"] = region or "us-east-1"
        if not region:
            params.notes.add(place, "no region is written for Bedrock: us-east-1 stands in for it.")
    if vendor.kind == "vertex" and "project" not in found:
        found["project"] = "your-project"
        params.notes.add(place, "no project is written for Vertex AI: put yours in place of your-project.")
    return found


def _headers(params: Section) -> dict[str, str]:
    organization = params.text("organization")
    return {"OpenAI-Organization": organization} if organization else {}


def _rates(place: YamlValue, params: Section, info: Section) -> Rates | None:
    def rate(field: str) -> int | None:
        first, second = params.number(field), info.number(field)
        dollars = second if first is None else first
        if dollars is not None and dollars > 1:
            params.notes.add(place, f"{field} is over a dollar a token, and was left out.")
            return None
        # Dollars a token, of which nano-dollars a million tokens are 10^15.
        return None if dollars is None else int((Decimal(repr(dollars)) * 10**15).to_integral_value(ROUND_CEILING))

    into, out = rate("input_cost_per_token"), rate("output_cost_per_token")
    others = {ours: rate(theirs) for ours, theirs in _RATES.items()}
    if into is None and out is None:
        return None
    # LiteLLM counts what is not written as free, and so it was declared.
    return Rates(into or 0, out or 0, **others)


def _capabilities(mode: str, info: Section) -> frozenset[Capability] | None:
    """Unknown unless something is said to be lacking."""
    lacks = {ours for theirs, ours in _ABILITIES.items() if info.boolean(theirs) is False}
    if mode in ("embedding", "rerank"):
        return frozenset({"embeddings" if mode == "embedding" else "rerank"})
    everything = set(get_args(Capability)) - {"embeddings", "rerank"}
    return cast(frozenset[Capability], frozenset(everything - lacks)) if lacks else None


def _limits(weights: dict[str, float], params: Section) -> tuple[Budget, ...]:
    """Without names and models, which are not known yet."""
    limits: list[Budget] = []
    for name, unit in _COUNTED.items():
        if weights.get(name, 0) >= 1:
            limits.append(Budget("", "model", unit, int(weights[name]), "minute"))
    place = params.place
    dollars, duration = params.number("max_budget"), params.text("budget_duration")
    period = period_of(duration)
    if dollars and place is not None:
        if period is None:
            params.notes.add(place, f"there are no budgets of {duration}: write one by the day or the month.")
        else:
            limits.append(Budget("", "model", "usd", round(dollars * 10**9), period))
    return tuple(limits)


def period_of(duration: str | None) -> Period | None:
    """The period of the same length; ``None`` when there is none."""
    if duration is None:
        return "ever"
    seconds: Any = duration_seconds(duration)
    return "month" if seconds and 28 <= seconds / 86_400 <= 31 else _PERIODS.get(seconds)
