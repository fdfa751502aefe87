"""Spending, read back from evidence: every call is one step, and the ledger is a projection of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date
from typing import Any, Literal

from aver.evidence import Step

__all__ = ["By", "Posting", "Total", "is_balanced", "postings", "totals"]

By = Literal["provider", "model", "feature", "user", "route", "day"]


@dataclass(frozen=True, slots=True)
class Posting:
    """One request to one provider: the debit of ``feature``'s expenses, and the credit of the provider's account, in nano-dollars."""

    day: date
    call: str
    provider: str
    model: str
    debit: int
    credit: int
    feature: str = ""
    user: str = ""
    route: str = ""
    calls: int = 1
    """1 for the first posting of a call, 0 for its others."""
    input_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Total:
    """What postings with the same ``key`` come to."""

    key: tuple[str, ...]
    calls: int
    nano_usd: int
    input_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    output_tokens: int


def postings(steps: Iterable[Step]) -> list[Posting]:
    """Of every step of kind ``called``. A call of several attempts is split by the record in its body; where that was erased, all of
    it is posted to the provider that answered, as its facts say. Either way the call's whole cost is posted, and no more."""
    return [posting for step in steps if step.kind == "called" for posting in _of_call(step)]


def _of_call(step: Step) -> list[Posting]:
    facts = step.facts
    whole = Posting(
        day=step.at.astimezone(UTC).date(),
        call=_text(facts, "call") or step.turn,
        provider=_text(facts, "provider") or "unattributed",
        model=_text(facts, "model"),
        debit=_count(facts, "nano_usd"),
        credit=_count(facts, "nano_usd"),
        feature=_text(facts, "feature"),
        user=_text(step.body or {}, "user"),
        route=_text(facts, "route"),
        input_tokens=_count(facts, "input_tokens"),
        cached_tokens=_count(facts, "cached_tokens"),
        cache_write_tokens=_count(facts, "cache_write_tokens"),
        output_tokens=_count(facts, "output_tokens"),
    )
    attempts = (step.body or {}).get("attempts")
    charged = [each for each in attempts if isinstance(each, dict)] if isinstance(attempts, list) else []
    if len(charged) < 2 or sum(_count(each, "nano_usd") for each in charged) != whole.debit:
        return [whole]
    return [_of_attempt(whole, each, first=number == 0) for number, each in enumerate(charged)]


def _of_attempt(whole: Posting, attempt: Mapping[str, Any], *, first: bool) -> Posting:
    usage = attempt.get("usage")
    used: Mapping[str, Any] = usage if isinstance(usage, dict) else {}
    cost = _count(attempt, "nano_usd")
    return replace(
        whole,
        provider=_text(attempt, "provider") or "unattributed",
        model=_text(attempt, "model"),
        debit=cost,
        credit=cost,
        calls=int(first),
        input_tokens=_count(used, "input_tokens"),
        cached_tokens=_count(used, "cached_tokens"),
        cache_write_tokens=_count(used, "cache_write_tokens") + _count(used, "cache_write_long_tokens"),
        output_tokens=_count(used, "output_tokens"),
    )


def totals(found: Iterable[Posting], *by: By) -> list[Total]:
    """Sums for each combination of ``by``, in its order; one for everything when nothing is named."""
    sums: dict[tuple[str, ...], list[int]] = {}
    for posting in found:
        row = sums.setdefault(tuple(str(getattr(posting, name)) for name in by), [0] * 6)
        amounts = (posting.calls, posting.debit, posting.input_tokens, posting.cached_tokens)
        for place, amount in enumerate((*amounts, posting.cache_write_tokens, posting.output_tokens)):
            row[place] += amount
    return [Total(key, *row) for key, row in sorted(sums.items())]


def is_balanced(found: Iterable[Posting]) -> bool:
    """Debits equal credits."""
    return sum(posting.debit - posting.credit for posting in found) == 0


def _text(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    return value if isinstance(value, str) else ""


def _count(values: Mapping[str, Any], name: str) -> int:
    value = values.get(name)
    return value if isinstance(value, int) else 0
