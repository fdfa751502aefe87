"""Who gets which arm: uniform, sticky, monotone, the same everywhere, and honest about what may be compared."""

from __future__ import annotations

import math
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.releases.rollout.assignment import CONTROL, GROUPS, HOLDOUT, Who, assign, bucket, expected
from aver.releases.rollout.machine import begin
from tests.unit.releases.rollout.conftest import NOW, plan_of, rollout_of

WHO = st.builds(
    Who,
    st.sampled_from(["tenant_a", "tenant_b"]),
    st.text("abcxyz0189", min_size=1, max_size=8),
    st.frozensets(st.sampled_from(["pilots", "sales"])),
    st.text("abc", max_size=4),
    st.sampled_from(["acme", "globex"]),
)
TARGETED = """
stages:
  - {groups: [pilots], users: [acme/ann], percent: 100}
  - {percent: 10}
  - {tenants: [globex], percent: 60}
  - {percent: 50}
metrics: [{metric: failed, at_most: 0.1}]
holdout: {percent: 10, lasting: 1d}
"""


def test_places_are_uniform_and_independent_between_salts():
    units, cells = 20_000, 20
    for salt in ("rollout_1", "rollout_2"):
        counts = Counter(int(bucket(salt, f"user{number}") * cells) for number in range(units))
        chi_square = sum((counts[cell] - units / cells) ** 2 / (units / cells) for cell in range(cells))
        assert chi_square < 43.8  # 19 degrees of freedom, one in a thousand
    pairs = [(bucket("one", f"{number}"), bucket("two", f"{number}")) for number in range(units)]
    correlation = sum((a - 0.5) * (b - 0.5) for a, b in pairs) / units * 12
    assert abs(correlation) < 4 / math.sqrt(units)


def test_each_arm_gets_its_percent_and_each_group_its_part():
    rollout = begin(plan_of(), "production", "a", {"b": "b", "c": "c"}, NOW, by="ann", weights={"b": 3, "c": 1}, id="r")
    assigned = [assign(rollout, Who("t", f"user{number}")) for number in range(20_000)]
    parts = expected(rollout, 0)
    counts = Counter(each.arm for each in assigned)
    assert parts == {"b": pytest.approx(0.15), "c": pytest.approx(0.05)}
    for name, part in (*parts.items(), (CONTROL, 0.8)):
        assert abs(counts[name] / 20_000 - part) < 4 * math.sqrt(part * (1 - part) / 20_000)
    groups = Counter(each.group for each in assigned if each.arm == "b")
    assert len(groups) == GROUPS
    assert max(groups.values()) < 3 * min(groups.values())


@given(WHO)
def test_whoever_has_the_candidate_keeps_it_while_the_percent_grows(who):
    rollout, had = rollout_of(TARGETED, id="rollout_x"), False
    for stage in range(4):
        arm = assign(replace(rollout, stage=stage), who).arm
        assert not (had and arm != "candidate")
        had = arm == "candidate"


@given(WHO)
def test_the_held_out_are_the_same_in_every_rollout_and_never_get_the_candidate(who):
    one, other = (rollout_of(TARGETED, id=name) for name in ("rollout_x", "rollout_y"))
    held = [assign(replace(each, stage=stage), who).arm == HOLDOUT for each in (one, other) for stage in range(4)]
    assert len(set(held)) == 1


@given(WHO)
def test_what_is_compared_was_divided_by_chance_alone(who):
    rollout = rollout_of(TARGETED, id="rollout_x")
    pilot = "pilots" in who.groups or (who.user == "ann" and who.name == "acme")
    for stage, matches in ((0, pilot), (1, not pilot), (2, who.name == "globex" and not pilot), (3, None)):
        assigned = assign(replace(rollout, stage=stage), who)
        if matches is not None:
            assert assigned.compared == matches
        elif pilot or who.name == "globex":  # they had it more readily before
            assert not assigned.compared


def test_conversations_are_units_of_their_own_and_fall_back_to_the_user():
    rollout = rollout_of("unit: conversation\nstages: [{percent: 50}]\nmetrics: [{metric: failed, at_most: 0.1}]")
    arms = {assign(rollout, Who("t", "ann", conversation=f"c{number}")).arm for number in range(50)}
    assert arms == {CONTROL, "candidate"}
    assert len({assign(rollout, Who("t", "ann")).arm for _ in range(3)}) == 1
    tenants = rollout_of("unit: tenant\nstages: [{percent: 50}]\nmetrics: [{metric: failed, at_most: 0.1}]")
    assert len({assign(tenants, Who("t", f"user{number}")).arm for number in range(50)}) == 1


def test_another_process_says_the_same():
    rollout = rollout_of(id="rollout_fixed")
    here = "".join(assign(rollout, Who("t", f"user{number}")).arm[1] for number in range(64))
    code = (
        "from aver.releases.rollout.assignment import *; from tests.unit.releases.rollout.conftest import rollout_of;"
        "r = rollout_of(id='rollout_fixed');"
        "print(''.join(assign(r, Who('t', f'user{n}')).arm[1] for n in range(64)))"
    )
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert there.stdout.strip() == here
    assert set(here) == {"a", "o"}


def test_an_ended_rollout_decides_nothing_but_for_those_still_held_out():
    rollout = rollout_of(TARGETED)
    assert assign(replace(rollout, status="rolled_back"), Who("t", "ann"), NOW) is None
    promoted = replace(rollout, status="promoted")
    people = [Who("t", f"user{number}") for number in range(200)]
    soon = {assign(promoted, who, NOW + timedelta(hours=1)).digest[0] for who in people}
    assert soon == {"a", "b"}
    assert {assign(promoted, who, NOW + timedelta(days=2)) for who in people} == {None}


def test_units_of_a_stopped_variant_get_the_control_and_are_compared_no_more():
    rollout = rollout_of()
    people = [Who("t", f"user{number}") for number in range(200)]
    tried = [who for who in people if assign(rollout, who).arm == "candidate"]
    stopped = replace(rollout, variants=(replace(rollout.variants[0], stopped=True),))
    assert tried
    for who in tried:
        assert (assign(stopped, who).arm, assign(stopped, who).compared) == (CONTROL, False)


def test_the_facts_may_stand_in_clear():
    from aver.evidence.facts import clear_facts

    facts = assign(rollout_of(), Who("t", "ann")).facts()
    assert clear_facts(facts)
    assert "ann" not in str(facts)
