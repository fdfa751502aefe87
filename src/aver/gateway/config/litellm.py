"""From LiteLLM's ``config.yaml`` to a bundle's ``aver.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from aver.core.settings import ModelTimeouts
from aver.core.yaml import parse_yaml
from aver.gateway.config.dump import dump_config
from aver.gateway.config.litellm_models import Defaults, Deployment, Read, period_of
from aver.gateway.config.litellm_routes import Fallbacks, Groups
from aver.gateway.config.litellm_source import Notes, Section
from aver.gateway.config.read import parse_config
from aver.gateway.config.shapes import keyed
from aver.gateway.config.types import Breaker, Budget, CachePolicy, GatewayConfig, Retries, Route

__all__ = ["convert_litellm"]

_CALLBACKS = "every call is recorded as evidence, which telemetry is derived from."
_ABOUT = {
    "master_key": "callers' keys are made with `aver keys create`.",
    "database_url": "Aver keeps keys and accounts in its own store: set AVER_DATABASE_URL for Postgres; keys are made anew "
    "with `aver keys create`.",
    "callbacks": _CALLBACKS,
    "success_callback": _CALLBACKS,
    "failure_callback": _CALLBACKS,
    "alerting": "objectives and incidents take its place.",
    "include": "convert the included files too, and join the results.",
    "environment_variables": "set them where Aver runs.",
    "guardrails": "write them under guardrails in the bundle.",
    "redis_host": "set AVER_REDIS_URL.",
    "redis_url": "set AVER_REDIS_URL.",
    "redis_password": "it belongs into AVER_REDIS_URL.",
    "redis_port": "it belongs into AVER_REDIS_URL.",
    "host": "set AVER_REDIS_URL.",
    "url": "set AVER_REDIS_URL.",
    "password": "it belongs into AVER_REDIS_URL.",
    "port": "it belongs into AVER_REDIS_URL.",
    "retry_policy": "Aver retries by class of failure: what may pass with time, and nothing else.",
}
_IGNORED = frozenset({"drop_params", "enable_pre_call_checks", "set_verbose", "json_logs", "telemetry", "debug_level"})
"""What Aver does anyway, or has no bearing on answers."""
_CACHE_WITHOUT_LIFETIME = 3600.0


def convert_litellm(text: str, environment: Mapping[str, str] | None = None) -> tuple[str, list[str]]:
    """The text of an ``aver.yaml`` that does what this LiteLLM configuration does, and notes, by line of the original, on what a
    person has to do or to know. Secrets are never copied. ``environment`` serves for addresses that are read from variables.

    Raises :class:`~aver.core.errors.SettingsError` for what is no YAML that Aver reads.
    """
    notes = Notes(environment or {})
    root = Section("", parse_yaml(text, "config.yaml"), notes)
    router, general = root.below("router_settings"), root.below("litellm_settings")
    fallbacks = Fallbacks()
    fallbacks.read(router)
    fallbacks.read(general)
    common = Route("", (), retries=_retries(router, general), cache=_cache(general))
    read = Read(_defaults(router, general))
    entries: list[Deployment] = []
    for item in root.items("model_list"):
        made = read.deployment(item, Section("model_list", item, notes))
        if made is not None:
            entries.append(made)
    groups = Groups(entries, _strategy(router), common, notes)
    groups.lay_out(fallbacks)
    _aliases(groups, router)
    budgets = (*groups.budgets, *_spending(general))
    for section in (router, general, root.below("general_settings"), root):
        section.tell(_ABOUT, _IGNORED)
    used = {model.provider for model in groups.models.values()}
    providers = {name: provider for name, provider in read.providers.items() if name in used}
    config = GatewayConfig(providers, groups.models, groups.routes, budgets)
    converted = dump_config(config)
    parse_config(converted, "aver.yaml")  # a converted file is a valid one, or there is none
    return converted, notes.lines()


def _strategy(router: Section) -> str:
    place = router.take("routing_strategy")
    name = place.text() if place is not None else "simple-shuffle"
    if place is not None and name not in ("simple-shuffle", "latency-based-routing", "cost-based-routing"):
        meaning = {
            "least-busy": "the strategy fastest takes its place: it counts calls under way and the time to the first token.",
            "usage-based-routing": "the strategy weighted takes its place; limits on use are budgets.",
            "usage-based-routing-v2": "the strategy weighted takes its place; limits on use are budgets.",
        }
        router.notes.add(
            place, f"routing_strategy {name}: {meaning.get(name, 'the strategy weighted takes its place.')}"
        )
    return name


def _retries(router: Section, general: Section) -> Retries:
    first, second = router.number("num_retries"), general.number("num_retries")
    retries = second if first is None else first
    return Retries() if retries is None else Retries(attempts=min(int(retries), 9) + 1)


def _defaults(router: Section, general: Section) -> Defaults:
    usual = ModelTimeouts()
    total, first = router.number("timeout"), router.number("stream_timeout")
    total = general.number("request_timeout") if total is None else total
    failures, pause = router.number("allowed_fails"), router.number("cooldown_time")
    failures = general.number("allowed_fails") if failures is None else failures
    breaker = Breaker()
    if failures is not None:  # LiteLLM's are those of a minute
        breaker = replace(breaker, failures=min(int(failures), 10**6) + 1, window=60.0)
    return Defaults(
        ModelTimeouts(total=total or usual.total, first_token=first or usual.first_token),
        replace(breaker, open=pause or breaker.open),
        router.whole("default_max_parallel_requests", 10**6) or Defaults().max_concurrent,
    )


def _cache(general: Section) -> CachePolicy:
    place = general.take("cache")
    params = general.below("cache_params")
    if place is None or place.plain() is not True:
        params.tell({}, frozenset(params.keys()))
        return CachePolicy()
    seconds = params.number("ttl")
    if not seconds:
        seconds = _CACHE_WITHOUT_LIFETIME
        general.notes.add(place, "no lifetime is written for the cache: an hour stands in for it.")
    semantic = (params.text("type") or "").endswith("-semantic")
    if semantic:
        general.notes.add(
            place, "the semantic cache serves only while its measured share of wrong hits stays below 1 %."
        )
    general.notes.add(
        place, "an answer is given to its own user again; shared: true in a route's cache gives it to all."
    )
    params.tell(_ABOUT, frozenset({"similarity_threshold", "mode", "namespace"}))
    return CachePolicy(exact=seconds, semantic=seconds if semantic else 0.0)


def _aliases(groups: Groups, router: Section) -> None:
    place = router.take("model_group_alias")
    for key, value in keyed(place) if place is not None else ():
        plain = value.plain()
        target = plain.get("model") if isinstance(plain, dict) else plain
        groups.alias(key.text(), str(target), key)


def _spending(general: Section) -> list[Budget]:
    place = general.place
    dollars, duration = general.number("max_budget"), general.text("budget_duration")
    period = period_of(duration)
    if not dollars or place is None:
        return []
    if period is None:
        general.notes.add(place, f"there are no budgets of {duration}: write one by the day or the month.")
        return []
    return [Budget("everything", "tenant", "usd", round(dollars * 10**9), period)]
