"""What is declared of a tool, so that policy can decide about it without knowing what it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from aver.core import Principal
from aver.core.labels import ANYTHING, Label

__all__ = [
    "Action",
    "Annotations",
    "Asked",
    "Decision",
    "Effect",
    "Origin",
    "OriginKind",
    "Outcome",
    "Reversal",
    "Trust",
]


class Effect(StrEnum):
    """What running a tool does to the world."""

    READ = "read"
    """It tells, and changes nothing."""
    WRITE = "write"
    """It changes something that stays with those who have it."""
    SEND = "send"
    """It carries its content to somebody else."""
    SPEND = "spend"
    """It moves money, or commits to."""
    DELETE = "delete"
    """It takes something away."""


Reversal = Literal["compensable", "irreversible"]
"""Whether an effect can be taken back: by the tool named as its compensation, or not at all."""

Trust = Literal["trusted", "untrusted"]
"""Whether what a tool tells may be believed as coming from the tenant itself. What anybody outside could have written is untrusted."""


@dataclass(frozen=True, slots=True)
class Annotations:
    """What a bundle declares of one tool.

    ``targets`` are the arguments that say at whom or what the effect is aimed (a recipient, an account, an address, a path),
    ``content`` those that are carried along; an argument in neither is a parameter. Each is named by its path in the arguments
    (``to``, ``event.participants``). ``output`` is the trust in what the tool returns as a whole; ``untrusted_fields`` are the paths
    in it that anybody may have written although the whole is trusted. ``idempotent``, which decides nothing here, says whether a call
    made again with the same arguments and key brings about no more than the first did; ``None`` leaves that to where the tool comes from.
    ``label`` says how confidential what it returns is and where that may go, ``clearance`` the most confidential content that the tool may
    be given and ``region`` where it takes it; a tool without both does not say.
    """

    effects: frozenset[Effect]
    reversal: Reversal | None = None
    compensation: str | None = None
    targets: Sequence[str] = ()
    content: Sequence[str] = ()
    output: Trust = "untrusted"
    untrusted_fields: Sequence[str] = ()
    idempotent: bool | None = None
    label: Label = ANYTHING
    clearance: str = ""
    region: str = ""


OriginKind = Literal["user", "chosen", "referred", "named", "mentioned", "trusted", "unknown", "untrusted"]
"""From the one with most authority to the one with least."""

Asked = Literal["user", "ordered", "no"]
"""Who asks for an effect: the user's own words, a text that they told to act upon, or neither."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value was seen before the model used it: ``user`` (the user's own words), ``trusted`` or ``untrusted`` (a tool's
    result, or what was retrieved), ``chosen`` (trusted, and the user's words pick it out), ``referred`` (untrusted, but the user's words
    say whose it is or who tells the details), ``named`` (untrusted, but the only value of its kind where the user's words point),
    ``mentioned`` (a target that the user's words name, but only as where to look), ``unknown`` (nowhere: the model made it). ``step`` names
    the call or passage, ``readers`` the reader tokens of those who may read what it was taken from; none means everyone. ``label`` is that of
    what it was taken from; of what is ``unknown``, that of all that the model had read."""

    kind: OriginKind
    step: str = ""
    readers: frozenset[str] | None = None
    label: Label = ANYTHING


@dataclass(frozen=True, slots=True)
class Action:
    """One call of a tool that a model asks for, as policy sees it. ``origins`` names every argument's leaves by path
    (``event.title``, ``to[0]``); ``asked`` says who asks for its effects, ``about`` that the user's own words name what the tool is about, ``links``
    where each address of the web in the content was seen, ``history`` names the tools called in this turn so far, oldest first, ``label`` is
    that of all that the arguments carry."""

    principal: Principal
    tool: str
    annotations: Annotations
    arguments: Mapping[str, Any]
    origins: Mapping[str, Sequence[Origin]] = field(default_factory=dict)
    history: Sequence[str] = ()
    asked: Asked = "no"
    about: bool = False
    links: Sequence[Sequence[Origin]] = ()
    label: Label = ANYTHING


Outcome = Literal["allow", "deny", "ask"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What policy says of an action. ``policies`` are the names of the rules that decided it, ``reason`` one sentence for people."""

    outcome: Outcome
    reason: str
    policies: Sequence[str] = ()
