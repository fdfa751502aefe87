"""What a provider bills beside what the ledger says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from aver.gateway.prices.invoice import InvoiceLine
from aver.gateway.prices.ledger import Posting

__all__ = ["Difference", "Reconciliation", "reconcile"]

Verdict = Literal["agrees", "drifts", "only_billed", "only_recorded"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One model in one period. Amounts in nano-dollars; ``billed`` is ``None`` where the export has tokens alone."""

    period: str
    model: str
    billed: int | None
    recorded: int
    billed_tokens: int
    recorded_tokens: int
    verdict: Verdict
    lines: tuple[int, ...]
    """Of the file."""

    @property
    def drift(self) -> int:
        """What is billed beyond what is recorded; in tokens where no amount is billed."""
        return self.billed_tokens - self.recorded_tokens if self.billed is None else self.billed - self.recorded

    @property
    def drift_share(self) -> Decimal | None:
        """The same as a share of what is recorded: 0.01 is one percent; ``None`` where nothing is."""
        whole = self.recorded_tokens if self.billed is None else self.recorded
        return Decimal(self.drift) / whole if whole else None


@dataclass(frozen=True, slots=True)
class Reconciliation:
    differences: tuple[Difference, ...]

    @property
    def agrees(self) -> bool:
        return all(each.verdict == "agrees" for each in self.differences)

    @property
    def drift(self) -> int:
        """Nano-dollars billed beyond what is recorded, over all that is billed in amounts."""
        return sum(each.drift for each in self.differences if each.billed is not None)


def reconcile(
    billed: Iterable[InvoiceLine],
    recorded: Iterable[Posting],
    *,
    by: Literal["day", "month"] = "month",
    tolerance: Decimal = Decimal("0.01"),
    least: int = 10_000_000,
    name: Callable[[str], str] = str,
) -> Reconciliation:
    """By model and period. They agree when they differ by at most ``tolerance`` of what is recorded, or by ``least`` nano-dollars (a
    cent). ``name`` makes one name of all names of a model, as :meth:`~aver.gateway.prices.book.PriceBook.canonical` does.

    Tokens are compared where nothing is billed in amounts, as in an export of usage.
    """
    length = 10 if by == "day" else 7
    bills: dict[tuple[str, str], list[InvoiceLine]] = {}
    for line in billed:
        bills.setdefault((line.day.isoformat()[:length], name(line.model)), []).append(line)
    books: dict[tuple[str, str], list[Posting]] = {}
    for posting in recorded:
        books.setdefault((posting.day.isoformat()[:length], name(posting.model)), []).append(posting)
    return Reconciliation(
        tuple(
            _difference(key, bills.get(key, []), books.get(key, []), tolerance, least)
            for key in sorted(bills.keys() | books.keys())
        )
    )


def _difference(
    key: tuple[str, str], lines: list[InvoiceLine], found: list[Posting], tolerance: Decimal, least: int
) -> Difference:
    amounts = [line.nano_usd for line in lines if line.nano_usd is not None]
    billed = sum(amounts) if amounts or not lines else None
    billed_tokens, recorded = sum(line.tokens for line in lines), sum(posting.credit for posting in found)
    recorded_tokens = sum(posting.input_tokens + posting.output_tokens for posting in found)
    one, other = (billed_tokens, recorded_tokens) if billed is None else (billed, recorded)
    allowed = max(abs(other) * tolerance, Decimal(0 if billed is None else least))
    verdict: Verdict = "agrees" if abs(one - other) <= allowed else "drifts"
    if verdict == "drifts" and not (lines and found):
        verdict = "only_billed" if lines else "only_recorded"
    numbers = tuple(line.line for line in lines)
    return Difference(*key, billed, recorded, billed_tokens, recorded_tokens, verdict, numbers)
