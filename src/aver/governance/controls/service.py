"""Controls held against a tenant's evidence of a period."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from aver.core import rfc3339
from aver.core.errors import InvalidInput
from aver.evidence.clear import clear_steps, place_of
from aver.governance.controls.reading import Framework, plain_frameworks
from aver.governance.proof.asking import Step
from aver.governance.proof.judging import Judging
from aver.store import TenantStore

__all__ = ["check"]

_BATCH = 5000


def check(store: TenantStore, found: Sequence[Framework], since: datetime, until: datetime) -> list[dict[str, Any]]:
    """The result of each control over the steps from ``since`` on and before ``until``, as a pack of that period has it: ``framework``, ``control``,
    ``title``, ``outcome``, ``at``, and for each of its queries ``outcome``, ``said``, ``numbers`` and ``samples``. Blocking; one pass, in flat memory.

    Nothing vouches for the steps beyond what verifying the chain found last. Raises :class:`~aver.core.errors.InvalidInput` for a period that ends before it begins.
    """
    if since >= until:
        raise InvalidInput("The period ends before it begins", "Give --since before --until.")
    judging = Judging(plain_frameworks(found), rfc3339(until))
    after, last = place_of(store, since), place_of(store, until)
    while after < last:
        steps = clear_steps(store, after, min(_BATCH, last - after))
        if not steps:
            break
        for each in steps:
            judging.take(Step(each.seq, each.turn, each.kind, each.at, each.facts))
        after = steps[-1].seq
    return judging.results()
