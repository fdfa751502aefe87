"""What the scorecard needs of steps, as sums by release and feature: of turns, of whoever asked, of tests, and of what a tenant has and says.

Names of series are ``KIND:RELEASE:FEATURE``; a release is told by the first 16 digits of its digest, ``-`` where there is none.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

from aver.evidence.clear import ClearStep
from aver.ops.sums import Sums, add

__all__ = ["COARSE", "Part", "estimate", "event_entries", "part_of", "short", "turn_entries"]

COARSE = ("card:", "people:", "tests:", "tenant:")
"""How the names begin of series that are kept by the hour and the day alone: nothing is alerted on by them."""
_KEPT = ("turns", "ended", "unsuccessful", "answers", "abstained", "claims", "unsupported", "unsafe", "denied")
_PRECISION = re.compile(r"precision\.(\d{1,4})")
_PERSONAL = "personal"
"""The check that finds personal data."""
_REGISTERS = 1024
"""Of the sketch that people are counted by; its standard error is 1.04 over the square root of it, 3.3 %."""
_RANKS = 64


class Part(NamedTuple):
    """What the name of a series says."""

    kind: str
    release: str
    feature: str


@lru_cache(8192)
def part_of(series: str) -> Part:
    kind, _, rest = series.partition(":")
    release, _, feature = rest.partition(":")
    return Part(kind, release, feature)


def short(release: str) -> str:
    """A release as the names of series have it."""
    return release[:16] or "-"


def turn_entries(steps: Sequence[ClearStep], feature: str, sums: Mapping[str, float]) -> list[tuple[str, Sums]]:
    """What a turn that has ended, or a call by itself, counts for. ``sums`` are what :func:`~aver.ops.measuring.turn_sums` made of it."""
    release = next((text for step in steps if (text := _text(step.facts.get("release")))), "")
    found: Sums = {name: sums[name] for name in _KEPT if sums.get(name)}
    found |= {name: value for name, value in sums.items() if name.startswith("latency_ms~")}
    done = max(sums.get("ended", 0) - sums.get("unsuccessful", 0), 0)
    if done:
        found["done"] = done
    if sums.get("claims"):
        add(found, {"claiming": 1, "grounded": float(not sums.get("unsupported"))})
    _costs(found, steps, done)
    _leaks(found, steps)
    name = f"{short(release)}:{feature}"
    entries = [(f"card:{name}", found)]
    if subject := next((step.subject for step in steps if step.subject), ""):
        entries.append((f"people:{name}", {_place(subject): 1}))
    return entries


def event_entries(step: ClearStep) -> list[tuple[str, Sums]]:
    """What a step that belongs to no turn counts for."""
    facts, feature = step.facts, _text(step.facts.get("feature"))
    match step.kind:
        case "evaluated":
            return [(f"tests:{short(_text(facts.get('release')))}:{feature}", _tested(facts))]
        case "surveyed":
            score = int(_number(facts.get("score")))
            return [(f"tenant:-:{feature}", {f"survey~{score}": 1})] if 1 <= score <= 5 else []
        case "ingested" | "deleted" | "source_removed":
            more = _number(facts.get("added")) - _number(facts.get("deleted"))
            return [("tenant:-:", {"documents": more})] if more else []
    return []


def estimate(places: Iterable[str]) -> float:
    """How many people the places of a sketch are of: HyperLogLog (Flajolet, Fusy, Gandouet and Meunier, 2007), with linear counting (Whang, Vander-Zanden and
    Taylor, 1990) below two and a half times its registers, where a few hundred people are told to a few percent."""
    highest: dict[int, int] = {}
    for place in places:
        register, rank = divmod(int(place), _RANKS)
        highest[register] = max(highest.get(register, 0), rank)
    if not highest:
        return 0.0
    empty = _REGISTERS - len(highest)
    inverse = empty + sum(2.0**-rank for rank in highest.values())
    raw = 0.7213 / (1 + 1.079 / _REGISTERS) * _REGISTERS**2 / inverse
    return _REGISTERS * math.log(_REGISTERS / empty) if raw <= 2.5 * _REGISTERS and empty else raw


def _place(subject: str) -> str:
    """The register of the sketch, and the rank in it: which people they are cannot be told from it."""
    digest = int.from_bytes(blake2b(subject.encode(), digest_size=8).digest())
    register, rest = digest % _REGISTERS, digest // _REGISTERS
    return str(register * _RANKS + 55 - rest.bit_length())


def _costs(sums: Sums, steps: Sequence[ClearStep], done: float) -> None:
    """Sums and sums of squares: what a mean needs for its interval."""
    calls = [step.facts for step in steps if step.kind == "called"]
    usd = sum(_number(facts.get("nano_usd")) for facts in calls) / 1e9
    tokens = sum(_number(facts.get("input_tokens")) + _number(facts.get("output_tokens")) for facts in calls)
    if usd:
        add(sums, {"usd": usd, "usd.2": usd * usd, "usd.done": usd * done})
    if tokens:
        add(sums, {"asked": 1, "tokens": tokens, "tokens.2": tokens * tokens, "asked.done": done})
        add(sums, {"tokens.done": tokens * done})


def _leaks(sums: Sums, steps: Sequence[ClearStep]) -> None:
    """Whether an answer was looked through for personal data, and whether any was found in it and shown all the same."""
    looked = leaked = False
    for step in steps:
        facts = step.facts
        checks = _list(facts.get("checks"))
        if step.kind != "checked" or facts.get("place") != "output" or _PERSONAL not in checks:
            continue
        at = checks.index(_PERSONAL)
        outcomes, modes = _list(facts.get("outcomes")), _list(facts.get("modes"))
        outcome = outcomes[at] if at < len(outcomes) else ""
        observed = at < len(modes) and modes[at] == "observe"
        looked = True
        # A check that only observes passes everything: what it found stands among the kinds, as nobody else's where it looks alone.
        leaked |= outcome == "flag" or (observed and len(checks) == 1 and bool(_list(facts.get("kinds"))))
    if looked:
        add(sums, {"looked": 1, "leaked": float(leaked)})


def _tested(facts: Mapping[str, Any]) -> Sums:
    cases = max(_number(facts.get("questions")) - _number(facts.get("unanswerable")), 0)
    sums: Sums = {"runs": 1, "cases": _number(facts.get("questions"))}
    for name, value in facts.items():
        if cases and (found := _PRECISION.fullmatch(name)):
            add(sums, {f"precision.{found[1]}": _number(value) * cases, f"precision.{found[1]}.n": cases})
    if attacks := _number(facts.get("injections")):
        add(sums, {"injections": attacks, "injected": round(_number(facts.get("injection_success")) * attacks)})
    return sums


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
