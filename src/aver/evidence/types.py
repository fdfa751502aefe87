"""Steps, the sealed record of a turn, and what verifying them found."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

from aver.store.types import Tenant

__all__ = ["OF_TURNS", "Draft", "Head", "Seen", "Step", "StepKind", "Verification", "Watch"]

StepKind = Literal[
    "admitted",  # who asked, in which conversation, under which release
    "retrieved",  # which passages were found for which query
    "generated",  # what the model was asked and what it wrote
    "called",  # one call through the gateway: who was asked, why, and what it cost
    "verified",  # each sentence, its citations, supported or not
    "responded",  # the answer as given, or the abstention
    "checked",  # what guardrails made of a text that is no call: the user's words, a result, the answer
    "refused",  # calls of tools that the loop did not take to policy, and why
    "decided",  # what policy says of one call of a tool, with its arguments and where they came from
    "asked",  # a person is asked to approve a call
    "approved",  # they do, once or for the conversation
    "rejected",  # they do not, once or ever
    "expired",  # nobody said anything in time
    "intended",  # an effect is about to be brought about, under its idempotency key
    "executed",  # what became of a call of a tool: done, failed, not run, or undecided
    "resumed",  # another process goes on with the turn, or the same one after waiting
    "aborted",  # the turn will not be brought to its end; what can be taken back is, then it is failed
    "remembered",  # a value kept for a user, with its origin
    "forgotten",  # such a value let go
    "switched",  # something was stopped for this tenant, or let go on
    "inspected",  # somebody looked at what another's turn says: who, which, and why if they said
    "judged",  # feedback on a call or a turn, given after it
    "reported",  # a support ticket names the turn
    "triaged",  # somebody decided what becomes of the turn
    "surveyed",  # somebody said how useful it all is to them
    "case_promoted",  # a turn became a case of a labelled set, without what is personal
    "case_labelled",  # somebody said what is right for such a case
    "failed",  # the turn ended with an error; a signed checkpoint covers it
    "sealed",  # closes the turn; a signed checkpoint covers it
    "ingested",  # documents added, changed, deleted or re-permitted, with their ids
    "deleted",  # documents removed by hand
    "source_declared",  # where documents come from, and who may read them
    "source_removed",  # a source forgotten, with its documents
    "evaluated",  # a labelled set asked and measured: its digest, the release's, the figures
    "release_created",  # a bundle was frozen under one digest
    "release_signed_off",  # somebody in a role says that a release may be promoted
    "release_sign_off_withdrawn",  # that counts no more
    "release_promoted",  # an environment was pointed to a release
    "release_rolled_back",  # an environment was pointed back to an earlier one
    "staged",  # a rollout or an experiment began, moved on, was held or ended: why, and on which figures
    "shadowed",  # what a release that is tried would have answered to a turn, seen by nobody
    "gated",  # what a gate made of runs: pass, fail or inconclusive, of which release, by which conditions
    "alerted",  # something departed from what is promised or usual, came back, was told to somebody, or was silenced
    "incident",  # an incident was opened, noted upon, mitigated or resolved
    "mitigated",  # something was done about an incident, of itself or by a person; or it was undone, refused, held back or failed
    "corrected",  # something was taken on so that an incident does not come again, or it is done, or dropped
    "drilled",  # a game day: what was broken on purpose, how soon it was seen and contained, and whether anything was lost
    "indexed",  # the index repaired, rebuilt, migrated, named or rolled back
    "key_created",
    "key_revoked",  # it opens nothing any more, or will not from a moment on
    "glass_broken",  # somebody at the machine took an owner's access for a while, and said why
    "signed_in",  # somebody began a session of the console
    "session_ended",  # somebody else ended it
    "person_changed",  # somebody or a service account is new, different, without access, or gone
    "group_changed",  # as the identity provider's client provisions it
    "identity_declared",  # who vouches for people, and what their groups and roles mean here
    "erased",  # a subject's data key was destroyed
    "anchored",  # a state of the chain was told to a place outside, or could not be
    "packed",  # evidence of a period was put together for an auditor
    "disposed",  # content whose time was up was let go: of which class, and of which steps
    "held",  # a legal hold was placed or released, or a document preserved under it
    "governed",  # what a tenant declares of retention, labels and acceptable use
    "acknowledged",  # somebody agreed to a version of the tenant's rules of use
    "accessed",  # somebody read a document, an export or evidence outside of a turn
]

OF_TURNS: tuple[StepKind, ...] = (
    "admitted",
    "retrieved",
    "generated",
    "called",
    "verified",
    "responded",
    "checked",
    "refused",
    "decided",
    "asked",
    "approved",
    "rejected",
    "expired",
    "intended",
    "executed",
    "resumed",
    "aborted",
    "failed",
    "sealed",
)
"""The kinds that a turn is made of, or a call that is part of none."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A step to append: what happened, before it has a place in the chain.

    ``facts`` stay in clear for ever, so they hold numbers, booleans and short ids only. ``body`` is any JSON object and is
    encrypted under the data key of ``subject`` (``user:NAME``), or under the tenant's own when ``subject`` is ``None``; it may be
    given as the bytes of that JSON.
    """

    turn: str
    kind: StepKind
    subject: str | None
    facts: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] | bytes | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened, as stored and chained.

    ``facts`` is in clear and must hold nothing personal or confidential: counts, durations, ids, modes. ``body`` is
    the content, encrypted under the subject's data key; ``None`` when there was none or the subject was erased.
    """

    seq: int
    turn: str
    kind: StepKind
    at: datetime
    facts: dict[str, Any]
    body: dict[str, Any] | None
    erased: bool
    hash: str


class Head(NamedTuple):
    """The last step of a chain: its sequence number, from 1, and its hash. An empty chain stands at 0."""

    seq: int
    hash: str


class Seen(NamedTuple):
    """What stands of a step in clear, as stored: ``at`` is RFC 3339 and ``facts`` the JSON of an object."""

    seq: int
    turn: str
    kind: str
    at: str
    facts: str


Watch = Callable[[Tenant, Sequence[Seen]], None]
"""Told of the steps of one tenant that were chained, in order and after they have committed. The tenant's other writers wait meanwhile: it
takes microseconds, and raises nothing."""


@dataclass(frozen=True, slots=True)
class Verification:
    """What verifying a chain found. ``first_bad`` is the sequence number of the first record that fails.

    ``first_bad`` is ``None`` when all is well, and when what fails is no step: the header or the footer of an export, or a
    key that belongs to no step; ``reason`` names it. ``steps``, ``checkpoints`` and ``head`` are those before it.
    """

    ok: bool
    steps: int
    checkpoints: int
    head: str
    key_fingerprint: str
    first_bad: int | None = None
    reason: str = ""
    unreadable: int = 0
    """Steps whose content was erased or let go; their place in the chain still verifies."""
    notes: tuple[str, ...] = field(default_factory=tuple)
