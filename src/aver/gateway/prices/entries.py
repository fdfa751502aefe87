"""What a call cost, as double entry: every amount is taken from one account and given to another, so that all of them sum to zero."""

from __future__ import annotations

from typing import NamedTuple

from aver.gateway.calls import CallRecord

__all__ = ["Entry", "balance", "entries"]


class Entry(NamedTuple):
    """Nano-dollars on an account: a debit is above zero, a credit below. ``expense:FEATURE`` is who caused the cost, ``payable:PROVIDER``
    to whom it is owed."""

    account: str
    nano_usd: int
    model: str


def entries(record: CallRecord, feature: str = "") -> tuple[Entry, ...]:
    """Two entries for each request to a provider that cost something, the lost and the cut-off ones included.

    What the record charges beyond its attempts, if anything, is owed to ``payable:unattributed``, so that nothing is lost.
    """
    expense = f"expense:{feature or 'direct'}"
    found: list[Entry] = []
    for attempt in record.attempts:
        if attempt.nano_usd:
            found.append(Entry(expense, attempt.nano_usd, attempt.model))
            found.append(Entry(f"payable:{attempt.provider or 'unattributed'}", -attempt.nano_usd, attempt.model))
    rest = record.nano_usd - sum(attempt.nano_usd for attempt in record.attempts)
    if rest:
        found += [Entry(expense, rest, ""), Entry("payable:unattributed", -rest, "")]
    return tuple(found)


def balance(found: tuple[Entry, ...]) -> int:
    """The sum of all entries: zero, or somebody has changed them."""
    return sum(entry.nano_usd for entry in found)
