"""Every measurement that is made of evidence: what it is called, what it counts, and what by.

Names and buckets of ``gen_ai.*`` are the conventions' (https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/). Prometheus is
told the same under the names that OpenTelemetry's rules make of them
(https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/), with the short labels of :data:`LABELS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["INSTRUMENTS", "LABELS", "Instrument"]

_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_TOKENS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)
_UNITS = {
    "s": "seconds",
    "{token}": "",
    "USD": "usd",
    "{sentence}": "",
    "{check}": "",
    "{decision}": "",
    "{step}": "",
    "{item}": "",
}

LABELS: Mapping[str, str] = {
    "aver.tenant.name": "tenant",
    "aver.feature.name": "feature",
    "aver.release.digest": "release",
    "aver.rollout.arm": "arm",
    "aver.turn.outcome": "outcome",
    "aver.answer.verdict": "verdict",
    "aver.check.name": "check",
    "aver.check.place": "place",
    "aver.check.outcome": "outcome",
    "aver.decision.outcome": "outcome",
    "aver.tool.outcome": "outcome",
    "aver.step.kind": "kind",
    "aver.telemetry.signal": "signal",
    "gen_ai.operation.name": "operation",
    "gen_ai.provider.name": "provider",
    "gen_ai.request.model": "model",
    "gen_ai.token.type": "type",
    "gen_ai.tool.name": "tool",
    "error.type": "error",
}
"""What attributes of measurements are called on the page that Prometheus reads."""


@dataclass(frozen=True, slots=True)
class Instrument:
    """A counter, or a histogram with the upper bounds of its buckets. ``attributes`` are all that its series may differ in, beside the
    tenant's name, which each has."""

    name: str
    kind: Literal["counter", "histogram"]
    unit: str
    about: str
    attributes: tuple[str, ...]
    bounds: tuple[float, ...] = ()

    @property
    def prometheus(self) -> str:
        """Its name for Prometheus: with the unit, and ``_total`` for a counter."""
        stem, unit = self.name.replace(".", "_"), _UNITS[self.unit]
        unit = f"_{unit}" if unit and not stem.endswith(f"_{unit}") else ""
        return f"{stem}{unit}{'_total' if self.kind == 'counter' else ''}"


_RELEASED = ("aver.feature.name", "aver.release.digest", "aver.rollout.arm")
_MODEL = ("gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model")

INSTRUMENTS: Mapping[str, Instrument] = {
    each.name: each
    for each in (
        Instrument(
            "aver.turn.duration", "histogram", "s", "How long turns took.", (*_RELEASED, "aver.turn.outcome"), _SECONDS
        ),
        Instrument(
            "aver.answer.sentences",
            "counter",
            "{sentence}",
            "Sentences of answers, by whether the sources support them.",
            (*_RELEASED, "aver.answer.verdict"),
        ),
        Instrument("aver.retrieval.duration", "histogram", "s", "How long finding passages took.", _RELEASED, _SECONDS),
        Instrument(
            "aver.checks",
            "counter",
            "{check}",
            "Checks that ran, by what they made of a text.",
            ("aver.check.name", "aver.check.place", "aver.check.outcome"),
        ),
        Instrument(
            "aver.decisions",
            "counter",
            "{decision}",
            "Calls of tools that policy decided.",
            ("gen_ai.tool.name", "aver.decision.outcome"),
        ),
        Instrument(
            "aver.tool.duration",
            "histogram",
            "s",
            "How long calls of tools took.",
            ("gen_ai.tool.name", "aver.tool.outcome"),
            _SECONDS,
        ),
        Instrument("aver.cost", "counter", "USD", "What calls of models cost.", (*_RELEASED, *_MODEL)),
        Instrument(
            "aver.evidence.steps", "counter", "{step}", "Steps that were chained, by kind.", ("aver.step.kind",)
        ),
        Instrument(
            "aver.telemetry.dropped",
            "counter",
            "{item}",
            "What was not sent, because the queue was full or the receiver took none.",
            ("aver.telemetry.signal",),
        ),
        Instrument(
            "gen_ai.client.operation.duration",
            "histogram",
            "s",
            "How long calls of models took.",
            (*_MODEL, "error.type"),
            _SECONDS,
        ),
        Instrument(
            "gen_ai.client.operation.time_to_first_chunk",
            "histogram",
            "s",
            "How long the first word of a streamed reply took.",
            _MODEL,
            _SECONDS,
        ),
        Instrument(
            "gen_ai.client.token.usage",
            "histogram",
            "{token}",
            "Tokens that calls of models read and wrote.",
            (*_MODEL, "gen_ai.token.type"),
            _TOKENS,
        ),
    )
}
