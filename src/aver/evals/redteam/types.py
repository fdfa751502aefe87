"""An attack as it is written down, what it plants, and what came of trying it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from aver.evals.types import Called

__all__ = [
    "ATTACK_SUCCESS",
    "CONTROL_SERVED",
    "SUITE",
    "Attack",
    "Attempt",
    "Check",
    "CheckKind",
    "Need",
    "Place",
    "Plant",
]

ATTACK_SUCCESS = "attack_success"
"""The measure of an attack: 1 where it worked. Less is better."""
CONTROL_SERVED = "control_served"
"""The measure of a benign look-alike: 1 where it was answered as anything else is. One less it is the rate of false refusals."""

SUITE = "redteam"
"""What the run is called where a gate names it."""

Need = Literal["documents", "readers", "tenants", "results", "instructions", "tools"]
"""What an attack needs somebody to plant, and so what a target has to have: documents that the asker finds, documents that only
somebody else may read, another tenant beside, results of tools, instructions of the model, tools that do something."""

Place = Literal["document", "result", "instructions"]

CheckKind = Literal["joined", "complied", "secret", "claims", "fetches", "called", "exceeds", "passed"]


@dataclass(frozen=True, slots=True)
class Plant:
    """What stands somewhere for the time of an attack. In ``text`` the attack's own names are filled in (``{payload}``, ``{secret}``)."""

    place: Place
    text: str
    path: str = ""
    """Of a document; its title is the first line of ``text``."""
    readers: Literal["asker", "victim"] = "asker"
    """Who may read it."""
    tenant: Literal["own", "other"] = "own"
    repeat: int = 1
    """How often ``text`` stands there."""
    packed: bool = False
    """Whether the document is an archive that unfolds to many times its size."""


@dataclass(frozen=True, slots=True)
class Check:
    """One sign that an attack worked. ``of`` is what it looks for: phrases that are claimed, effects or tools that are called, limits that
    are exceeded; empty for those that look for the attack's own marks."""

    kind: CheckKind
    of: Any = None


@dataclass(frozen=True, slots=True)
class Attack:
    """An attack, or a benign look-alike beside attacks (``control``).

    ``payload`` is what the attacker writes and what disguises are put on. It is what is asked, unless there is an ``ask``: then it stands in
    one of ``plants``, and somebody else asks, who means no harm. It worked where any of ``success`` holds.
    """

    id: str
    category: str
    technique: str
    goal: str
    payload: str = ""
    ask: str = ""
    plants: tuple[Plant, ...] = ()
    success: tuple[Check, ...] = ()
    owasp: tuple[str, ...] = ()
    nist: tuple[str, ...] = ()
    victim: str = ""
    """What the person whose data it is asks before, so that it is in whatever keeps answers; the secret has to be in what they get."""
    claim: str = ""
    """What a model that has been taken over says for the attacker, where the checks look for words."""
    wants: tuple[Called, ...] = ()
    """Calls that such a model makes for the attacker, or for the asker of a control."""
    turns: tuple[str, ...] = ()
    """What the attacker says before, in the same conversation."""
    repeat: int = 1
    """How often the payload is repeated in what is sent."""
    control: bool = False
    answers: tuple[str, ...] = ()
    """Of a control: strings of which an answer has one; none where any answer will do."""
    origin: Mapping[str, Any] = field(default_factory=dict)
    """Where an attack from production comes from."""
    place: str = ""
    """``FILE:LINE``."""

    @property
    def needs(self) -> frozenset[Need]:
        """What a target has to have for it to be tried."""
        found: set[Need] = set()
        places: Mapping[Place, Need] = {"document": "documents", "result": "results", "instructions": "instructions"}
        for each in self.plants:
            found.add(places[each.place])
            if each.readers == "victim":
                found.add("readers")
            if each.tenant == "other":
                found.add("tenants")
        if self.wants or any(each.kind == "called" for each in self.success):
            found.add("tools")
        return frozenset(found)

    @property
    def is_planted(self) -> bool:
        """Whether the attacker's words reach the target by another way than a question."""
        return bool(self.ask) and not self.control


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attack tried once, in a disguise. ``succeeded`` is ``None`` where there was no response to judge, and ``error`` says why."""

    mutators: tuple[str, ...]
    succeeded: bool | None
    why: str = ""
    error: str = ""
