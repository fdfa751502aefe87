"""What can be done, who does it, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from aver.core.principal import Principal
from aver.policy.access import Permission

if TYPE_CHECKING:
    from aver.ops.mitigation.ports import Ports

__all__ = [
    "RULE",
    "Action",
    "Actor",
    "Argument",
    "Done",
    "Kind",
    "Mitigation",
    "Mitigator",
    "Prepared",
    "Status",
    "When",
]

RULE = "mitigation:"
"""What the rule of an alert begins with that says that something was done of itself, and is still in force."""
Status = Literal["begun", "in_force", "done", "failed", "refused", "held", "undone"]
"""``begun``: under way, or cut off in the middle. ``in_force``: it holds until it is undone. ``done``: it cannot be undone. ``refused``: it was not allowed.
``held``: it would have been done of itself, but for its limits."""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do, as a runbook and a bundle write it: ``shut_out_provider provider=acme``. A value may be ``{model}``, which is filled in from what
    the incident is about."""

    name: str
    given: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return " ".join([self.name, *(f"{name}={_quoted(value)}" for name, value in self.given.items())])


def _quoted(value: str) -> str:
    """As :func:`~aver.ops.mitigation.actions.read_action` reads it back."""
    if value and not set(value) & set(" \t'\"\\#"):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


@dataclass(frozen=True, slots=True)
class Argument:
    """``among`` is a kind of names that are declared (``provider``, ``model``, ``check`` ...), where it has to be one of those."""

    about: str
    required: bool = True
    among: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """What was done, in a sentence, and what takes it back again: a token for the action's own ``undo``, empty where nothing does."""

    said: str
    undo: str = ""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What an action would do, looked up and not done yet. ``warning`` says what it would make worse: nothing that has one is done of itself."""

    said: str
    take: Callable[[str, str], Done]
    """Do it, by whom and why. Takes effect in every process within two seconds, unless its kind says otherwise. Raises what keeps it from being done."""
    undoable: bool = True
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of action. ``prepare`` looks up what is meant and raises :class:`~aver.core.errors.NotFound`, :class:`~aver.core.errors.Conflict` or
    :class:`~aver.core.errors.InvalidInput` where it cannot be done; it changes nothing. ``undo`` takes a token, by whom and why, and says what it did."""

    name: str
    about: str
    permission: Permission
    """What whoever does it needs at that moment, by the access policy."""
    arguments: Mapping[str, Argument]
    prepare: Callable[[Ports, Mapping[str, str]], Prepared]
    undo: Callable[[Ports, str, str, str], str] | None = None
    by_itself: bool = True
    """Whether a bundle may have it done without a person."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does it. ``now`` looks at that moment who they are: it raises :class:`~aver.core.errors.AverError` once they are nobody any more."""

    name: str
    now: Callable[[], Principal]

    @classmethod
    def fixed(cls, principal: Principal) -> Actor:
        """Somebody whose permissions cannot change while they act: the installation itself."""
        return cls(principal.user, lambda: principal)


@dataclass(frozen=True, slots=True)
class Mitigation:
    """Something that was done, or tried. ``action`` is its text with everything filled in, ``rule`` the name of what made it happen of itself."""

    id: str
    incident: str
    action: str
    status: Status
    begun: datetime
    ended: datetime | None = None
    undone: datetime | None = None
    undo: str = field(default="", repr=False)
    rule: str = ""
    runbook: str = ""
    place: int = 0
    """Which step of the runbook it is."""
    said: str = ""
    """What came of it; read from evidence, as ``by`` is."""
    by: str = ""

    @property
    def undoable(self) -> bool:
        return self.status == "in_force" and bool(self.undo)

    def record(self) -> dict[str, Any]:
        """As JSON tells it."""
        return {
            "id": self.id,
            "incident": self.incident or None,
            "action": self.action,
            "status": self.status,
            "begun": self.begun,
            "ended": self.ended,
            "undone": self.undone,
            "undoable": self.undoable,
            "rule": self.rule or None,
            "runbook": self.runbook or None,
            "step": self.place or None,
            "by": self.by,
            "said": self.said,
        }


@dataclass(frozen=True, slots=True)
class When:
    """Which alerts something is done about of itself: those that match all that is given; ``rule`` and ``feature`` with ``*`` for anything."""

    rule: str = "*"
    feature: str = "*"
    severity: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Mitigator:
    """What a bundle has done of itself: the actions ``do``, at most ``at_most`` of them in a day, and none that was done less than ``cool_down`` seconds ago."""

    name: str
    when: When
    do: tuple[Action, ...]
    at_most: int = 3
    cool_down: float = 1800.0
