"""Shadows: which turns have one, for how much money, and what they tell."""

from __future__ import annotations

import asyncio

import numpy as np

from aver.core.errors import ProviderTimeout
from aver.evidence.facts import clear_facts
from aver.releases.rollout.assignment import Who, assign
from aver.releases.rollout.shadow import Shadowed, Shadows, differences, shadow_of
from tests.unit.releases.rollout.conftest import PLAN, rollout_of

SHADOWED = PLAN + "shadow: {percent: 50, usd: 1, at_once: 2}\n"


def _assigned(rollout, arm):
    people = (assign(rollout, Who("t", f"user{number}")) for number in range(500))
    return next(each for each in people if each.arm == arm)


def test_so_many_percent_of_the_controls_turns_have_one():
    rollout = rollout_of(SHADOWED)
    control, candidate = _assigned(rollout, "control"), _assigned(rollout, "candidate")
    chosen = [shadow_of(rollout, control, f"turn_{number}") for number in range(2000)]
    assert 0.44 < sum(each is not None for each in chosen) / 2000 < 0.56
    assert {each.name for each in chosen if each} == {"candidate"}
    assert all(shadow_of(rollout, candidate, f"turn_{number}") is None for number in range(50))
    assert shadow_of(rollout_of(), control, "turn_1") is None


def _offer_all(shadows, rollout, ask, count=200):
    control = _assigned(rollout, "control")
    return sum(shadows.offer(rollout, control, f"turn_{number}", "user:ann", ask) for number in range(count))


async def test_the_budget_is_never_overrun_and_nothing_waits():
    rollout, drafts, paid = rollout_of(SHADOWED), [], []
    shadows = Shadows(drafts.append, lambda _: 0.0)

    async def ask(variant):
        await asyncio.sleep(0)
        paid.append(0.3)
        return Shadowed({"cost_usd": 0.3, "groundedness": 0.5}, "An answer.")

    for _ in range(10):
        began = _offer_all(shadows, rollout, ask)
        assert began <= 2
        await shadows.settle()
    assert sum(paid) <= 1
    assert len(drafts) == len(paid) == 3
    assert drafts[0].kind == "shadowed"
    assert drafts[0].subject == "user:ann"
    assert drafts[0].body == {"text": "An answer."}
    assert clear_facts(drafts[0].facts)


async def test_what_others_have_spent_counts_and_a_failure_is_a_reading():
    rollout, drafts = rollout_of(SHADOWED), []

    async def fails(variant):
        raise ProviderTimeout("The model did not answer", "Ask again.")

    assert _offer_all(Shadows(drafts.append, lambda _: 1.0), rollout, fails) == 0
    shadows = Shadows(drafts.append, lambda _: 0.0)
    assert _offer_all(shadows, rollout, fails, 10) >= 1
    await shadows.settle()
    assert drafts[0].facts["failed"] == 1.0


async def test_those_that_run_end_with_the_process():
    rollout, drafts = rollout_of(SHADOWED), []
    shadows = Shadows(drafts.append, lambda _: 0.0)

    async def hangs(variant):
        await asyncio.Event().wait()

    assert _offer_all(shadows, rollout, hangs) >= 1
    await shadows.close()
    assert drafts == []


def test_pairs_tell_a_difference_that_holds_what_is_true():
    random, pairs = np.random.default_rng(1), []
    for _ in range(200):
        question = random.uniform(0.2, 0.8)
        noise = 0.05 * random.standard_normal(2)
        pairs.append(
            ({"groundedness": question + 0.1 + noise[0], "cost_usd": 0.01}, {"groundedness": question + noise[1]})
        )
    (found,) = differences(pairs)
    assert (found.metric, found.n) == ("groundedness", 200)
    assert found.low < -0.1 < found.high < 0
    assert differences(pairs[:9]) == []
