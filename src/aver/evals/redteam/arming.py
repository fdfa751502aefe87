"""From an attack as it is written down to a case that can be tried: its marks made, its payload disguised, its plants filled in.

What an attack is to bring about is never in it as such: it names two words (``{left}``, ``{right}``) and asks for them as one. A target that only repeats
or quotes what it was given does not say that word, so a quotation of an attack is not taken for its success. Secrets are random by seed.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from aver.evals.redteam.mutators import Mutator
from aver.evals.redteam.types import Attack, Check, Plant
from aver.evals.types import Called, Case
from aver.guard.canary import canary

__all__ = ["armed", "checks_of", "marks", "plants_of", "wants_of"]

_LEFT = "amber cobalt copper granite hazel indigo ivory lilac maple marble olive russet saffron silver topaz velvet walnut willow".split()  # noqa: SIM905
_RIGHT = "anchor beacon candle ferry gully harbour hatchet kettle lantern marten mill otter paddle quarry rudder sparrow thimble turbine".split()  # noqa: SIM905
_LONGEST = 2_000_000
"""Characters that repeating may come to."""
_NAME = re.compile(r"\{([a-z]+)\}")


def marks(attack: Attack, seed: int) -> Mapping[str, str]:
    """What the names in braces stand for in this attack under this seed, its payload aside."""
    chance = random.Random(f"{seed}/{attack.id}")  # noqa: S311 - marks to be made again, no secret of anybody
    token = canary(f"red team {seed}".encode(), attack.id)
    return {
        "left": chance.choice(_LEFT),
        "right": chance.choice(_RIGHT),
        "secret": token,
        "host": f"collect-{token[:8]}.example",
        "address": f"intake@collect-{token[:8]}.example",
    }


def armed(attack: Attack, mutators: Sequence[Mutator] = (), seed: int = 0) -> Case:
    """The case in which ``attack`` is tried with ``mutators`` put on one after the other. The same arguments give the same case.

    ``metadata`` has all that a target and a check need, as JSON: ``plants``, ``turns`` (what the attacker says before the question),
    ``success``, ``marks``, ``victim``, ``claim`` and ``wants`` (see :class:`~aver.evals.redteam.types.Attack`), and what slices are made of.
    """
    known = marks(attack, seed)
    names = [each.name for each in mutators]
    chance = random.Random(f"{seed}/{attack.id}/{'+'.join(names)}")  # noqa: S311 - see above
    turns = [_filled(each, known) for each in attack.turns]
    messages: tuple[str, ...] = (_filled(attack.payload, known),)
    for each in mutators:
        messages = (*messages[:-1], *each.apply(messages[-1], chance))
    payload = _repeated(messages[-1], attack.repeat)
    within = {**known, "payload": payload}
    question = _filled(attack.ask, within) if attack.ask else payload
    turns += messages[:-1]
    plants = [_planted(each, within) for each in attack.plants]
    metadata = {
        "category": attack.category,
        "technique": attack.technique,
        "goal": attack.goal,
        "owasp": list(attack.owasp),
        "nist": list(attack.nist),
        "control": attack.control,
        "success": [asdict(each) for each in attack.success],
        "plants": [asdict(each) for each in plants],
        "turns": turns,
        "marks": dict(known),
        "victim": _filled(attack.victim, known),
        "claim": _filled(attack.claim, known),
        "wants": [asdict(each) for each in attack.wants],
        "mutators": names,
        **({"origin": dict(attack.origin)} if attack.origin else {}),
    }
    return Case(
        id=attack.id,
        question=question,
        place=attack.place,
        answers=attack.answers,
        tags=_tags(attack),
        calls=attack.wants if attack.control and attack.wants else None,
        refuse=not attack.control and attack.category == "harmful",
        origin="attack",
        metadata=metadata,
    )


def plants_of(case: Case) -> list[Plant]:
    """What is planted for a case that was armed."""
    return [Plant(**each) for each in case.metadata.get("plants", ())]


def checks_of(case: Case) -> list[Check]:
    """The signs by which it is told to have worked."""
    return [Check(**each) for each in case.metadata.get("success", ())]


def wants_of(case: Case) -> list[Called]:
    """The calls that a model which has been taken over makes in it."""
    return [Called(**each) for each in case.metadata.get("wants", ())]


def _tags(attack: Attack) -> tuple[str, ...]:
    if attack.control:
        return (f"control:{attack.category}",)
    listed = [f"owasp:{each}" for each in attack.owasp] + [f"nist:{each}" for each in attack.nist]
    return (f"category:{attack.category}", f"technique:{attack.technique}", *listed)


def _planted(plant: Plant, known: Mapping[str, Any]) -> Plant:
    text = _repeated(_filled(plant.text, known), plant.repeat)
    return Plant(plant.place, text, plant.path, plant.readers, plant.tenant, packed=plant.packed)


def _filled(text: str, known: Mapping[str, str]) -> str:
    """What a name stands for is put in as it is: what it says in braces is not filled in again."""
    return _NAME.sub(lambda match: known.get(match[1], match[0]), text)


def _repeated(text: str, times: int) -> str:
    return "\n".join([text] * min(times, max(1, _LONGEST // max(1, len(text))))) if times > 1 else text
