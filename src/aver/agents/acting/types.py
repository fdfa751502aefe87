"""What an acting turn is given, what it asks of others, and what it comes to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from aver.agents.acting.state import ActionStatus
from aver.agents.tools import Result, Tool
from aver.core import canonical_json, sha256_hex
from aver.core.principal import ADMIN
from aver.gateway import Call, Completion
from aver.guard.spotlight import Style
from aver.policy import Action, Annotations, Decision, Effect

__all__ = [
    "Acted",
    "Agent",
    "Compensation",
    "Decide",
    "FourEyes",
    "Idempotent",
    "Limits",
    "Model",
    "Outcome",
    "OutcomeStatus",
    "Performed",
    "TellsApart",
    "ToolStatus",
    "reads_only",
]


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds one turn. What is spent is read from its evidence, so that no crash and no waiting resets it; waiting for people is
    not counted."""

    steps: int = 20
    """Replies of the model. The last is asked for without tools."""
    seconds: float = 300.0
    """Of models and tools at work."""
    tokens: int = 200_000
    """Read and written. Looked at before each reply, so the last may go over it by one reply."""
    nano_usd: int = 1_000_000_000
    """10⁻⁹ US dollars, looked at in the same way; a budget of the gateway holds to the last token."""
    calls: int = 16
    """Calls of tools in one reply; those after are not looked at."""
    repeats: int = 3
    """Times that one tool is called with the same arguments. An effect that was brought about is not repeated at all."""
    argument_characters: int = 100_000
    """Of the arguments of one call."""
    result_characters: int = 50_000
    """Of a result that are kept and shown to the model."""
    tool_seconds: float = 60.0
    """That one call of a tool may take."""
    reply_tokens: int = 4_000


@dataclass(frozen=True, slots=True)
class FourEyes:
    """Whoever has ``role`` and is not the asker approves calls with one of ``effects``."""

    effects: frozenset[Effect] = frozenset()
    role: str = ADMIN


@dataclass(frozen=True, slots=True)
class Agent:
    """What decides how an acting feature behaves, beside its tools and its policy."""

    model: str
    """A model or route of the gateway."""
    name: str = "agent"
    instructions: str = ""
    limits: Limits = field(default_factory=Limits)
    four_eyes: FourEyes = field(default_factory=FourEyes)
    approval_hours: float = 72.0
    """How long an approval is waited for."""
    temperature: float | None = 0.0
    remembers: bool = False
    """Whether the model is offered the tool ``remember``."""
    spotlight: Style | None = "delimiting"
    """How the model is shown what anybody may have written; ``None`` for as it is."""

    def digest(self, tools: Sequence[Tool]) -> str:
        """SHA-256 of all this and of what is declared of the tools, hexadecimal."""
        declared = [
            [tool.name, tool.description, tool.parameters, tool.returns, _plain(asdict(tool.annotations))]
            for tool in tools
        ]
        return sha256_hex(canonical_json([_plain(asdict(self)), declared]))


def _plain(value: Any) -> Any:
    """``value`` with sets as sorted lists."""
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, frozenset | set):
        return sorted(value)
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


def reads_only(annotations: Annotations) -> bool:
    """Whether the tool changes nothing, so that a call of it can be repeated. One that declares no effect is taken to have some."""
    return annotations.effects == {Effect.READ}


class Model(Protocol):
    """Who writes the replies: a :class:`~aver.gateway.Gateway`."""

    async def complete(self, call: Call) -> Completion:
        """Raises an :class:`~aver.core.errors.AverError`; the call's record was handed over either way."""


Decide = Callable[[Action], Decision]
"""Policy. Pure; what it raises denies the call."""


@runtime_checkable
class Idempotent(Protocol):
    """A tool whose far side brings about one effect however often it is called with the same key. After a crash it is called again."""

    idempotent: bool


@runtime_checkable
class TellsApart(Protocol):
    """A tool whose far side knows which keys it has seen."""

    async def look_up(self, key: str) -> Result | None:
        """What the call with ``key`` returned. ``None`` says that it did not run and never will; whoever cannot promise that raises."""


ToolStatus = Literal["allowed", "intended", "done", "failed", "not_run", "undecided"]
"""``failed``: it ran, and reports an error; or, of one that only reads, anything else that kept it from returning. ``not_run``: it
certainly did not. ``undecided``: it may have run, and nobody can tell."""


@dataclass(frozen=True, slots=True)
class Performed:
    """One effect of a turn, as people are told of it."""

    action: str
    """Its place in the turn, as in ``3.1``: the first call of the third reply."""
    tool: str
    arguments: Mapping[str, Any]
    status: ToolStatus
    compensation: str = ""
    """What became of its compensation, where the turn was aborted: a status, or ``impossible``."""


@dataclass(frozen=True, slots=True)
class Compensation:
    """What takes an effect back: the tool, and its arguments, or why there can be none."""

    tool: str
    arguments: Mapping[str, Any]
    impossible: str = ""


@dataclass(frozen=True, slots=True)
class Acted:
    """One call that the model asked for, whatever became of it. ``arguments`` are empty where it was refused before policy was asked;
    ``reason`` says why it was refused, denied, asked about or rejected, ``approval`` what waits for a person."""

    action: str
    tool: str
    arguments: Mapping[str, Any]
    status: ActionStatus
    reason: str = ""
    approval: str = ""


OutcomeStatus = Literal["running", "waiting", "answered", "failed", "cancelled"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where a turn stands. ``text`` is the answer, or what became of it in words; ``output`` the structured answer, where one was asked
    for; ``error`` the slug of what ended it; ``approvals`` the ids of what it waits for; ``actions`` every call that was asked for, of which
    ``performed`` are the effects that it came to."""

    turn: str
    conversation: str
    status: OutcomeStatus
    text: str = ""
    output: Any = None
    error: str = ""
    approvals: tuple[str, ...] = ()
    performed: tuple[Performed, ...] = ()
    actions: tuple[Acted, ...] = ()
    stopped: tuple[str, ...] = ()
    """What is to be said of each tool that it had to do without, because a switch stops it."""

    @property
    def undecided(self) -> tuple[Performed, ...]:
        """Effects of which nobody can tell whether they happened."""
        return tuple(each for each in self.performed if "undecided" in (each.status, each.compensation))
