"""What is watched without anybody having said what is right: the names of signals, and what each is read from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from aver.ops.types import Severity

__all__ = ["SIGNALS", "Signal", "SignalKind"]

SignalKind = Literal["share", "level", "rate", "new"]
"""``share``: of ``of`` events, how many are ``bad``. ``level``: the mean of logarithms. ``rate``: how much of ``bad`` there is a time. ``new``: a name that was never seen."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One is watched in each series of ``series``, those of the kinds of names that stand there."""

    kind: SignalKind
    series: tuple[str, ...]
    severity: Severity
    said: str
    """What is more than usual."""
    bad: str = ""
    of: str = ""


SIGNALS: dict[str, Signal] = {
    "failures": Signal("share", ("feature",), "page", "turns fail", "failed", "ended"),
    "model_failures": Signal("share", ("model",), "ticket", "calls fail", "failed", "ended"),
    "tool_failures": Signal("share", ("tool",), "ticket", "calls of the tool fail", "tools_failed", "tools"),
    "refusals": Signal("share", ("feature",), "ticket", "turns are not answered", "abstained", "answers"),
    "unsupported": Signal("share", ("feature",), "ticket", "sentences have no support", "unsupported", "claims"),
    "retrieval": Signal("share", ("feature",), "ticket", "searches find nothing", "empty", "searches"),
    "guardrails": Signal("share", ("feature",), "ticket", "turns are caught by a check", "hits", "turns"),
    "denials": Signal("share", ("feature",), "ticket", "calls of tools are denied", "denied", "decisions"),
    "latency": Signal("level", ("feature",), "ticket", "turns are slow", "latency"),
    "tokens": Signal("level", ("feature",), "ticket", "turns take many tokens", "tokens"),
    "cost": Signal("level", ("feature",), "ticket", "turns are dear", "cost"),
    "spending": Signal("rate", ("model", "key", "spender"), "ticket", "money is spent fast", "spent"),
    "new_model": Signal("new", ("model",), "notice", "a model is called that never was before"),
    "new_key": Signal("new", ("key",), "notice", "an API key calls models that never did before"),
}
