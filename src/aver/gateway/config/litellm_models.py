"""LiteLLM's ``model_list`` as Aver's models and their budgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal
from typing import Any, cast, get_args

import yaml

from aver.core.yaml import YamlValue
from aver.gateway.config.litellm_providers import Providers, Served
from aver.gateway.config.litellm_source import Notes, Section, duration_seconds
from aver.gateway.config.litellm_vendors import unserved
from aver.gateway.config.litellm_wildcards import meant
from aver.gateway.config.litellm_words import DESCRIBES, INFO, PARAMS, SENT
from aver.gateway.config.types import Budget, Capability, Model, Period, Unit
from aver.gateway.config.words import NAME, TEXT
from aver.gateway.prices.types import Price, Rates

__all__ = ["Deployment", "Read", "limit_in_dollars"]

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
_COUNTED: dict[str, Unit] = {"rpm": "requests", "tpm": "tokens"}
_PERIODS: dict[int, Period] = {60: "minute", 3600: "hour", 86_400: "day", 30 * 86_400: "month"}


@dataclass(frozen=True, slots=True)
class Deployment:
    """One entry of the list. ``weights`` are by LiteLLM's names for them; ``wild`` says that a wildcard stands for it."""

    group: str
    place: YamlValue
    model: Model
    limits: tuple[Budget, ...]
    weights: dict[str, float]
    order: float | None
    tags: tuple[str, ...]
    wild: bool


class Read:
    """Reads entries. ``credentials`` are what LiteLLM's ``credential_list`` gives names to, ``prices`` those that are known."""

    def __init__(self, providers: Providers, credentials: dict[str, YamlValue], prices: Sequence[Price]) -> None:
        self._providers = providers
        self._credentials = credentials
        self._prices = prices

    def deployments(self, place: YamlValue, section: Section) -> list[Deployment]:
        """One entry; several for a wildcard; none, and told, when Aver cannot serve it."""
        notes = section.notes
        group = section.text("model_name")
        params = Section("litellm_params", section.take("litellm_params"), notes)
        info = Section("model_info", section.take("model_info"), notes)
        self._lend(params)
        asked = params.text("model")
        if not group or not asked:
            notes.do(place, "a deployment without model_name and litellm_params.model was left out.")
            return []
        mode = info.text("mode") or ""
        what = unserved(asked, mode) or ("" if mode in (*_SERVED, "") else f"the mode {mode}")
        if what:
            notes.do(
                place, f"{group}: {what} is not served yet, and it was left out: leave these calls where they are."
            )
            return []
        if mode == "completion":
            notes.know(place, f"{group}: it is asked by chat completions; there is no POST /v1/completions.")
        wild = "*" in group or "*" in asked
        names = [(group, asked)]
        if wild and not (names := self._meant(place, group, asked, params)):
            return []
        first = self._read(place, (group, asked, mode), params, info)
        if first is None:
            return []
        params.tell(PARAMS, SENT)
        info.tell(INFO, DESCRIBES)
        section.tell({})
        return [_called(replace(first, wild=wild), *each) for each in names]

    def _lend(self, params: Section) -> None:
        """What the credential that is named says."""
        place = params.scalar("litellm_credential_name")
        if place is not None:
            lent = self._credentials.get(place.text())
            if lent is None:
                params.notes.do(place, f"credential_list has no {place.text()!r}.")
            else:
                params.lend(Section("credential_values", lent, params.notes))

    def _meant(self, place: YamlValue, group: str, asked: str, params: Section) -> list[tuple[str, str]]:
        own = params.has("api_base") or params.has("base_url")
        found = [] if own else [*meant(group, asked, self._prices)]
        if found:
            names = ", ".join(name for name, _ in found[:3])
            text = f"{group} stands for the {len(found)} models whose prices are known, such as {names}; add others that are used."
            params.notes.know(place, text)
        else:
            params.notes.do(
                place, f"{group}: which models a wildcard stands for is not known here; name those that are used."
            )
        return found

    def _read(self, place: YamlValue, names: tuple[str, str, str], params: Section, info: Section) -> Deployment | None:
        group, asked, mode = names
        served = self._providers.serve(place, group, asked, mode, params)
        if not (NAME.fits(group) and TEXT.fits(served.there)):
            params.notes.do(place, "a deployment whose name Aver cannot write was left out.")
            return None
        book = info.text("base_model") or params.text("base_model") or ""
        rates = _rates(place, params, info) or _free(place, group, served, book, params.notes)
        context, longest = info.whole("max_input_tokens"), info.whole("max_output_tokens")
        model = Model(
            group,
            served.provider,
            served.there,
            served.there if rates or not book else book.removeprefix("azure/"),
            context,
            min(longest, context or longest) if longest else None,
            _capabilities(mode, info),
            params.text("region_name") or served.region,
            rates,
        )
        weights = {name: value for name in ("weight", "rpm", "tpm") if (value := params.number(name)) is not None}
        limits = _limits(weights, params)
        if limits and "*" in group:
            text = "a limit of a wildcard is one of no model: write {per: model, of: NAME, limit: 60 requests, period: minute}."
            params.notes.do(place, f"{group}: {text}")
            limits = ()
        return Deployment(group, place, model, limits, weights, params.number("order"), _tags(params), wild=False)


def _called(made: Deployment, group: str, asked: str) -> Deployment:
    """The same under a name that a wildcard stands for; unless it does, nothing changes."""
    if not made.wild:
        return made
    there = asked.partition("/")[2]
    return replace(made, group=group, model=replace(made.model, name=group, id=there, price=there))


def _tags(params: Section) -> tuple[str, ...]:
    return tuple(
        place.text() for place in params.items("tags") if isinstance(place.node, yaml.ScalarNode) and not place.is_null
    )


def _free(place: YamlValue, group: str, served: Served, book: str, notes: Notes) -> Rates | None:
    """LiteLLM counts a model on a server of one's own as free, and so it was declared by saying nothing."""
    if book or not served.vendor.own:
        return None
    notes.know(place, f"{group} is on a server of your own and counts as free, as with LiteLLM; price says so.")
    return Rates(0, 0)


def _rates(place: YamlValue, params: Section, info: Section) -> Rates | None:
    def rate(field: str) -> int | None:
        first, second = params.number(field), info.number(field)
        dollars = second if first is None else first
        if dollars is not None and dollars > 1:
            params.notes.do(place, f"{field} is over a dollar a token, and was left out.")
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
    limit = limit_in_dollars(params)
    return (*limits, Budget("", "model", "usd", *limit)) if limit else tuple(limits)


def limit_in_dollars(
    section: Section, most: str = "max_budget", each: str = "budget_duration"
) -> tuple[int, Period] | None:
    """Nano-dollars and their period, as two fields say; ``None``, and told, where there is no such period."""
    place = section.place_of(most)
    dollars, duration = section.number(most), section.text(each)
    if not dollars or place is None:
        return None
    period = _period(duration)
    if period is None:
        text = f"there are no budgets of {duration}: write one of the bundle's, by the minute, hour, day or month."
        section.notes.do(place, f"{section.name}.{most}: {text}")
        return None
    return round(min(dollars, 1e9) * 10**9), period


def _period(duration: str | None) -> Period | None:
    """The period of the same length; ``None`` when there is none. LiteLLM's 30 days end with the month, too."""
    if duration is None:
        return "ever"
    seconds: Any = duration_seconds(duration)
    return _PERIODS.get(seconds)
