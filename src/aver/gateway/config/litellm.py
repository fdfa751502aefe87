"""From LiteLLM's ``config.yaml`` to a bundle's ``aver.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import yaml

from aver.core.yaml import YamlValue, parse_yaml
from aver.gateway.config.dump import dump_config
from aver.gateway.config.litellm_fallbacks import Fallbacks
from aver.gateway.config.litellm_limits import spending
from aver.gateway.config.litellm_models import Deployment, Read
from aver.gateway.config.litellm_providers import Defaults, Providers
from aver.gateway.config.litellm_routes import Groups
from aver.gateway.config.litellm_source import ENVIRONMENT, Note, Notes, Section
from aver.gateway.config.litellm_words import CACHE, GENERAL, ROUTER, SECTIONS, Fate
from aver.gateway.config.read import parse_config, refuse_length
from aver.gateway.config.shapes import keyed
from aver.gateway.config.types import Breaker, CachePolicy, GatewayConfig, Retries, Route
from aver.gateway.prices.book import PriceBook, price_of

__all__ = ["convert_litellm"]

_STRATEGIES = {
    "simple-shuffle": "",
    "latency-based-routing": "",
    "cost-based-routing": "",
    "least-busy": "the strategy fastest takes its place: it counts calls under way and the time to the first token.",
    "usage-based-routing": "the strategy weighted takes its place; limits on use are budgets.",
    "usage-based-routing-v2": "the strategy weighted takes its place; limits on use are budgets.",
}
_STRANGE = Fate("to know", "Aver knows no section of LiteLLM's by this name, and read nothing in it.")
_CACHE_WITHOUT_LIFETIME = 3600.0
_MOST_RETRIES = 9
_NEVER = 10**9


def convert_litellm(
    text: str, environment: Mapping[str, str] | None = None, prices: PriceBook | None = None, name: str = "config.yaml"
) -> tuple[str, list[Note]]:
    """The text of an ``aver.yaml`` that does what this LiteLLM configuration does, and notes, by line of the original, on what a
    person has to do or to know. Secrets are never copied.

    ``environment`` serves for what is read from variables; ``prices`` says what wildcards stand for, and which models have no price.
    Raises :class:`~aver.core.errors.SettingsError` with ``NAME:LINE`` for what is no YAML, or no mapping.
    """
    refuse_length(text, name)
    document = parse_yaml(text, name, shares=True)
    if not document.is_null and not isinstance(document.node, yaml.MappingNode):
        raise document.error(
            "no configuration of LiteLLM's, which is a mapping", "Give its config.yaml, with a model_list."
        )
    notes = Notes(environment or {})
    root = Section("", document, notes)
    notes.environment = {**_variables(root.place_of("environment_variables")), **notes.environment}
    router, general, server = (root.below(f"{each}_settings") for each in ("router", "litellm", "general"))
    fallbacks = Fallbacks()
    fallbacks.read(router)
    fallbacks.read(general)
    aliases = _aliases(router, general)
    providers = Providers(_defaults(router, general))
    groups = Groups(
        _deployments(root, document, providers, prices),
        _strategy(router),
        Route("", (), retries=_retries(router, general), cache=_cache(general)),
        notes,
        {each: target for each, (target, _) in aliases.items()},
        tagged=router.boolean("enable_tag_filtering") is True,
    )
    groups.lay_out(fallbacks)
    for each, (target, place) in aliases.items():
        groups.alias(each, target, place)
    budgets = (*groups.budgets, *spending(general, server))
    for section, fates in ((router, ROUTER), (general, GENERAL), (server, GENERAL)):
        section.tell(fates)
    root.tell(SECTIONS, _STRANGE)
    used = {model.provider for model in groups.models.values()}
    kept = {each: provider for each, provider in providers.found.items() if each in used}
    config = GatewayConfig(kept, groups.models, groups.routes, budgets)
    converted = dump_config(config)
    parse_config(converted, "aver.yaml")  # a converted file is a valid one, or there is none
    if prices is not None:
        _tell_unpriced(groups, prices, notes)
    return converted, notes.all()


def _variables(place: YamlValue | None) -> dict[str, str]:
    """What LiteLLM puts into the environment itself."""
    if place is None or not isinstance(place.node, yaml.MappingNode):
        return {}
    pairs = [(key.text(), value) for key, value in keyed(place) if isinstance(value.node, yaml.ScalarNode)]
    return {name: value.text() for name, value in pairs if not value.is_null and ENVIRONMENT not in value.text()}


def _deployments(
    root: Section, document: YamlValue, providers: Providers, prices: PriceBook | None
) -> list[Deployment]:
    notes = root.notes
    known = [price for name in prices.models() if (price := prices.price(name))] if prices is not None else []
    read = Read(providers, _credentials(root), known)
    place, found = root.place_of("model_list"), list[Deployment]()
    for item in root.items("model_list"):
        found += read.deployments(item, Section("an entry of model_list", item, notes))
    if place is None or place.is_null:
        text = "there is no model_list: models that LiteLLM keeps in its database are declared under models here."
        notes.do(document, text)
    elif not found and isinstance(place.node, yaml.SequenceNode):
        text = "is empty" if not place.items() else "has no model that could be converted"
        notes.do(place, f"model_list {text}: declare the models that are used.")
    elif found and providers.impatient:
        notes.know(
            place,
            "no timeout is written, and LiteLLM waits for over an hour: Aver waits 60 s for the first token, 30 s between two, and "
            "5 minutes in all; write timeouts on a provider whose models think for longer.",
        )
    return found


def _credentials(root: Section) -> dict[str, YamlValue]:
    """What ``credential_list`` gives names to."""
    found = {}
    for item in root.items("credential_list"):
        section = Section("credential_list", item, root.notes)
        name, values = section.text("credential_name"), section.mapping("credential_values")
        section.take("credential_info")
        if name and values is not None:
            found[name] = values
    return found


def _strategy(router: Section) -> str:
    place = router.place_of("routing_strategy")
    name = router.text("routing_strategy") or "simple-shuffle"
    told = _STRATEGIES.get(name, "Aver does not know it; the strategy weighted takes its place.")
    if place is not None and told:
        router.notes.know(place, f"routing_strategy {name}: {told}")
    return name


def _retries(router: Section, general: Section) -> Retries:
    place = router.place_of("num_retries") or general.place_of("num_retries")
    first, second, pause = router.number("num_retries"), general.number("num_retries"), router.number("retry_after")
    retries = second if first is None else first
    usual = Retries()
    found = usual if retries is None else replace(usual, attempts=min(int(retries), _MOST_RETRIES) + 1)
    if retries and place is not None:
        text = "a model is tried again while retries are at most a tenth of all calls, so that an outage is no storm; see retries."
        router.notes.know(place, f"num_retries: {text}")
    return replace(found, base=min(pause, found.longest)) if pause else found


def _defaults(router: Section, general: Section) -> Defaults:
    total, stream = router.number("timeout"), router.number("stream_timeout")
    second = general.number("request_timeout")
    place = router.place_of("allowed_fails") or general.place_of("allowed_fails")
    failures, pause = router.number("allowed_fails"), router.number("cooldown_time")
    failures = general.number("allowed_fails") if failures is None else failures
    usual = Defaults()
    breaker = Breaker()
    if failures is not None and place is not None:  # LiteLLM's are those of a minute
        breaker = replace(breaker, failures=min(int(failures), 10**6) + 1, window=60.0)
        text = "a model is left alone when that many calls fail, and half of all within the minute; see breaker."
        router.notes.know(place, f"allowed_fails: {text}")
    if router.boolean("disable_cooldowns"):
        breaker = replace(breaker, failures=_NEVER)
    return Defaults(
        second if total is None else total,
        stream,
        replace(breaker, open=pause or breaker.open),
        router.whole("default_max_parallel_requests", 10**6) or usual.max_concurrent,
    )


def _cache(general: Section) -> CachePolicy:
    place = general.place_of("cache")
    on, params = general.boolean("cache"), general.below("cache_params")
    if place is None or not on:
        if params.place is not None:
            general.notes.know(params.place, "cache_params have no effect where cache is not true; nothing is cached.")
        return CachePolicy()
    seconds = params.number("ttl")
    if not seconds:
        seconds = _CACHE_WITHOUT_LIFETIME
        general.notes.know(place, "no lifetime is written for the cache: an hour stands in for it.")
    semantic = (params.text("type") or "").endswith("-semantic")
    if semantic:
        general.notes.know(
            place, "the semantic cache serves only while its measured share of wrong hits stays below 1 %."
        )
    general.notes.know(
        place, "an answer is given to its own user again; shared: true in a route's cache gives it to all of a tenant."
    )
    params.tell(CACHE)
    return CachePolicy(exact=seconds, semantic=seconds if semantic else 0.0)


def _aliases(*sections: Section) -> dict[str, tuple[str, YamlValue]]:
    """By name, the group that is meant, and where that is written."""
    found: dict[str, tuple[str, YamlValue]] = {}
    for section in sections:
        place = section.mapping("model_group_alias")
        for key, value in keyed(place) if place is not None else ():
            target = value
            if isinstance(value.node, yaml.MappingNode):
                item = Section("model_group_alias", value, section.notes)
                target = item.take("model") or value
                if item.boolean("hidden"):
                    section.notes.know(
                        key, f"the alias {key.text()} is listed by GET /v1/models like every other name."
                    )
            if isinstance(target.node, yaml.ScalarNode) and not target.is_null:
                found.setdefault(key.text(), (target.text(), key))
            else:
                section.notes.do(key, f"the alias {key.text()} names no group, and was left out.")
    return found


def _tell_unpriced(groups: Groups, prices: PriceBook, notes: Notes) -> None:
    """LiteLLM takes a model without a price for free."""
    step = "it is not called before you write its price, such as price: {input: 0, output: 0} for a server of your own."
    for name, model in groups.models.items():
        if price_of(model, prices) is None:
            notes.do(groups.places[name], f"nobody knows a price of {name}: {step}")
