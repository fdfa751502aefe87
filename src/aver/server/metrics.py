"""What a monitoring system reads of one tenant: how its sources stand, what its calls to models came to, how the models do, how often
its agents ask people.

In the text exposition format of Prometheus, version 0.0.4
(https://prometheus.io/docs/instrumenting/exposition_formats/). There are names of sources, routes and models and counts in it: no title, no
path, no user, and nothing of another tenant. Counters begin at zero with the process, as Prometheus expects of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from math import inf
from typing import Literal, get_args

from aver import __version__
from aver.core.clock import Clock
from aver.evidence.telemetry import LABELS
from aver.evidence.telemetry.meter import Measured
from aver.evidence.telemetry.names import Attributes
from aver.gateway.calling.breaker import State
from aver.gateway.calling.counts import Counted, Kind
from aver.ops.health.checks import SIGNALS
from aver.server.application import Application, TenantServices
from aver.server.health import Health
from aver.server.switching import switches_of
from aver.store import Tenant

__all__ = ["CONTENT_TYPE", "Distribution", "Family", "Sample", "exposition", "tenant_metrics"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_ANSWERS = ("approved", "rejected", "expired", "withdrawn")

Labels = tuple[tuple[str, str], ...]
Sample = tuple[Labels, float]


@dataclass(frozen=True, slots=True)
class Distribution:
    """A histogram with its series: each under its labels, with how many fell under which of ``bounds`` and above them all, and their sum."""

    name: str
    about: str
    bounds: tuple[float, ...]
    series: tuple[tuple[Labels, tuple[int, ...], float], ...]
    kind: Literal["histogram"] = "histogram"


@dataclass(frozen=True, slots=True)
class Family:
    """A metric with its samples, each under labels of its own."""

    name: str
    kind: Literal["counter", "gauge"]
    about: str
    samples: tuple[Sample, ...]


def exposition(families: Iterable[Family | Distribution]) -> bytes:
    """The page that is scraped; a family without samples is left out."""
    lines: list[str] = []
    for each in families:
        if samples := list(_samples(each)):
            about = each.about.replace("\\", "\\\\").replace("\n", "\\n")
            lines += (f"# HELP {each.name} {about}", f"# TYPE {each.name} {each.kind}")
            lines += (f"{each.name}{suffix}{_braced(labels)} {value!r}" for suffix, labels, value in samples)
    return "".join(f"{line}\n" for line in lines).encode()


def _samples(each: Family | Distribution) -> Iterator[tuple[str, Labels, float]]:
    """What follows the name, the labels, the value. Of a distribution: how many were at most as large as each bound, their sum, their
    number."""
    if isinstance(each, Family):
        yield from (("", labels, value) for labels, value in each.samples)
        return
    for labels, counts, total in each.series:
        for bound, below in zip((*each.bounds, inf), accumulate(counts), strict=True):
            yield "_bucket", (*labels, ("le", "+Inf" if bound == inf else repr(float(bound)))), float(below)
        yield "_sum", labels, total
        yield "_count", labels, float(sum(counts))


def _braced(labels: Labels) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}" if labels else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def tenant_metrics(application: Application, services: TenantServices) -> list[Family | Distribution]:
    """All there is to tell of a tenant. Blocking."""
    tenant = services.store.tenant
    found: list[Family | Distribution] = [
        Family("aver_build_info", "gauge", "The version that runs.", (((("version", __version__),), 1.0),))
    ]
    if not application.alone:
        found += _of_knowledge(services, application.clock, tenant.name)
        found += _of_agents(services, len(switches_of(application, tenant.id)), tenant.name)
    calling = [each for each in application.servings.at_work() if "gateway" in vars(each)]
    if calling:  # else nobody called a model yet
        found += _of_calls(application.counts.of(tenant.id), tenant.name)
        found += _of_models([(each.digest, each.gateway.status()["models"]) for each in calling])
    found += _of_evidence(application.telemetry.measured(tenant.name))
    return [*found, *_of_health(application.health, tenant)]


def _of_health(health: Health, tenant: Tenant) -> Iterator[Family]:
    standing = {each: health.conditions.stands(each, tenant.id) for each in SIGNALS}
    samples = [((("tenant", tenant.name), ("signal", signal)), not bad) for signal, bad in standing.items()]
    yield _gauge("aver_health", "Whether what is looked at beside evidence is as it should be: 1 where it is.", samples)
    yield _gauge(
        "aver_clock_offset_seconds",
        "By how much the system's clock is off, while it is not believed.",
        [((), health.offset)],
    )
    yield _gauge("aver_disk_free_bytes", "Free on the disk of the data.", [((), health.free or None)])


def _of_evidence(measured: Measured) -> Iterator[Family | Distribution]:
    """What telemetry measured, by the names that Prometheus's users expect."""
    for instrument, points in measured:
        each = [(_labelled(point.attributes), point) for point in points]
        if instrument.kind == "counter":
            samples = tuple((labels, float(point.total)) for labels, point in each)
            yield Family(instrument.prometheus, "counter", instrument.about, samples)
        else:
            series = tuple((labels, point.counts, float(point.total)) for labels, point in each)
            yield Distribution(instrument.prometheus, instrument.about, instrument.bounds, series)


def _labelled(attributes: Attributes) -> Labels:
    return tuple((LABELS.get(name, name.replace(".", "_")), str(value)) for name, value in attributes.items())


def _of_knowledge(services: TenantServices, clock: Clock, tenant: str) -> Iterator[Family]:
    from aver.knowledge.inspection import passages

    sources, now = services.sources, clock.now()
    states, running = sources.states(), sources.running
    each = [((("tenant", tenant), ("source", state.name)), state) for state in states]
    declared = [(labels, state) for labels, state in each if state.kind]

    def seconds(moment: datetime | None) -> float | None:
        return None if moment is None else moment.timestamp()

    yield _gauge(
        "aver_source_lag_seconds",
        "For how long a change in the source may have gone unseen.",
        ((labels, state.lag(now)) for labels, state in declared),
    )
    yield _gauge(
        "aver_source_last_success_timestamp_seconds",
        "When the last run that saw everything began.",
        ((labels, seconds(state.fresh)) for labels, state in declared),
    )
    yield _gauge(
        "aver_source_last_run_timestamp_seconds",
        "When the last run ended, whatever came of it.",
        ((labels, seconds(state.tried)) for labels, state in declared),
    )
    yield _gauge(
        "aver_source_interval_seconds",
        "How often the source is followed.",
        ((labels, state.every or None) for labels, state in declared),
    )
    yield _gauge(
        "aver_source_last_run_failed",
        "Whether the last run failed as a whole.",
        ((labels, bool(state.problem)) for labels, state in declared),
    )
    yield _gauge(
        "aver_source_failed_items",
        "What could not be taken in by the last run that did not fail, 200 at most.",
        ((labels, len(state.failures)) for labels, state in each),
    )
    yield _gauge(
        "aver_source_running",
        "Whether this process is following the source.",
        ((labels, state.name in running) for labels, state in declared),
    )
    yield _gauge(
        "aver_source_documents", "Documents of the source.", ((labels, state.documents) for labels, state in each)
    )
    with services.store.read() as tx:
        yield _gauge("aver_passages", "Passages that can be found.", [((("tenant", tenant),), passages(tx))])


def _of_agents(services: TenantServices, stopped: int, tenant: str) -> Iterator[Family]:
    """From what is on record, so that nothing begins at zero with the process."""
    asking, mine = services.approvals.asking(), (("tenant", tenant),)
    answers: dict[Labels, float] = {(*mine, ("outcome", name)): float(getattr(asking, name)) for name in _ANSWERS}
    yield _counter("aver_agent_actions_total", "Calls of tools that policy decided.", {mine: float(asking.actions)})
    yield _counter("aver_approvals_total", "Calls of tools that people were asked about, by what came of it.", answers)
    yield _gauge("aver_approvals_pending", "Calls of tools that wait for a person.", [(mine, asking.pending)])
    yield _gauge("aver_switches", "What is stopped, for this tenant or for all.", [(mine, stopped)])


def _of_calls(counts: Mapping[Kind, Counted], tenant: str) -> Iterator[Family]:
    calls, took, tokens, cost, cache = (defaultdict[Labels, float](float) for _ in range(5))
    for kind, counted in counts.items():
        asked: Labels = (
            ("tenant", tenant), ("route", kind.route), ("provider", kind.provider), ("model", kind.model),
        )  # fmt: skip
        calls[*asked, ("outcome", kind.outcome)] += counted.calls
        took[asked] += counted.seconds
        for sort in ("input", "cached", "output"):
            tokens[*asked, ("kind", sort)] += getattr(counted, f"{sort}_tokens")
        cost[asked] += counted.nano_usd / 1e9
        cache[("tenant", tenant), ("route", kind.route), ("verdict", kind.cache)] += counted.calls
    yield _counter("aver_gateway_calls_total", "Calls that ended, by what came of them.", calls)
    yield _counter("aver_gateway_call_seconds_total", "How long they took.", took)
    yield _counter("aver_gateway_tokens_total", "Tokens read and written; cached ones are input ones too.", tokens)
    yield _counter("aver_gateway_cost_usd_total", "What they cost, in US dollars.", cost)
    yield _counter("aver_gateway_cache_total", "What the cache had for them.", cache)


def _of_models(opened: Sequence[tuple[str, Mapping[str, Mapping[str, object]]]]) -> Iterator[Family]:
    """By the digests of the releases that are at work, empty for a bundle that is followed: each has breakers of its own."""
    samples: list[tuple[Labels, float]] = []
    for release, models in opened:
        known = (("release", release[:12]),) if release else ()
        for name, status in models.items():
            labels = (*known, ("provider", str(status["provider"])), ("model", name))
            samples += (((*labels, ("state", state)), float(status["breaker"] == state)) for state in get_args(State))
    yield _gauge("aver_gateway_breaker_state", "Whether a model that failed is left alone: 1 for the state.", samples)


def _gauge(name: str, about: str, samples: Iterable[tuple[Labels, float | None]]) -> Family:
    known = tuple((labels, float(value)) for labels, value in samples if value is not None)
    return Family(name, "gauge", about, known)


def _counter(name: str, about: str, counted: Mapping[Labels, float]) -> Family:
    return Family(name, "counter", about, tuple(sorted(counted.items())))
