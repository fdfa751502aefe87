"""Where every value of a turn came from, kept outside the model."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aver.core import Principal
from aver.policy.matching import occurs, resembles
from aver.policy.requests import declared, leaves
from aver.policy.types import Action, Annotations, Effect, Origin, OriginKind

__all__ = ["Provenance", "asked_effects"]

_VERBS: Mapping[Effect, str] = {
    Effect.WRITE: "add adjust append book change create edit make mark move postpone put rename reschedule reserve save schedule set "
    "update upload write",
    Effect.SEND: "answer email forward inform invite mail message notify post reply send share tell",
    Effect.SPEND: "book buy order pay purchase refund reserve send spend transfer wire",
    Effect.DELETE: "cancel clear delete discard drop erase remove uninvite unsubscribe",
}
_WORDS = re.compile(r"[a-z]+")


@dataclass(frozen=True, slots=True)
class _Seen:
    origin: Origin
    text: str


def asked_effects(words: str) -> frozenset[Effect]:
    """The effects that somebody's own words ask for, by their verbs. English; what it does not know is not asked for, so that policy
    asks a person."""
    said = set(_WORDS.findall(words.lower()))
    return frozenset(effect for effect, verbs in _VERBS.items() if said.intersection(verbs.split())) | {Effect.READ}


class Provenance:
    """What one turn has seen: pure bookkeeping, no I/O, deterministic.

    What the user asks for is settled by :meth:`said` alone: nothing that a tool returns adds to it.
    """

    def __init__(self, principal: Principal) -> None:
        self._principal = principal
        self._said: list[str] = []
        self._seen: list[_Seen] = []
        self._written: list[Any] = []
        self._history: list[str] = []
        self._asked: frozenset[Effect] = frozenset()

    def said(self, words: str) -> None:
        """The user's own words, from the user's own hand; never a document or message that the user attached."""
        self._said.append(words)
        self._asked |= asked_effects(words)

    def returned(self, action: Action, result: Any, *, readers: frozenset[str] | None = None, step: str = "") -> None:
        """That ``action`` ran and returned ``result``, any JSON value, which ``readers`` may read (none: everyone)."""
        at = step or f"{action.tool}#{len(self._history)}"
        self._history.append(action.tool)
        if action.annotations.effects - {Effect.READ}:
            self._written += [value for _, value in leaves(action.arguments)]
        names = action.annotations.targets
        pointed = [value for path, value in leaves(action.arguments) if declared(path) in names]
        named = bool(pointed) and all(self._user(value) for value in pointed)
        for path, value in leaves(result):
            kind = _kind(action.annotations, declared(path), named)
            self._seen.append(_Seen(Origin(kind, at, readers), value if isinstance(value, str) else str(value)))

    def action(self, tool: str, annotations: Annotations, arguments: Mapping[str, Any]) -> Action:
        """The call a model asks for, with the origin of every leaf, as policy is asked about it."""
        origins = {path: self.origins(value) for path, value in leaves(arguments)}
        asked = annotations.effects <= self._asked
        return Action(self._principal, tool, annotations, arguments, origins, tuple(self._history), asked)

    def origins(self, value: Any) -> Sequence[Origin]:
        """All places where ``value`` was seen, or that it may have been taken from or holds a piece of."""
        found = [Origin("user")] if self._user(value) else []
        laundered = not found and any(_same(value, each) for each in self._written)
        for each in self._seen:
            vouches = each.origin.kind in {"trusted", "named"} and not laundered
            if vouches and occurs(value, each.text):
                found.append(each.origin)
            elif resembles(value, each.text) or (
                isinstance(value, str) and len(each.text) > 3 and resembles(each.text, value)
            ):
                found.append(Origin("untrusted", each.origin.step, each.origin.readers))
        return tuple(dict.fromkeys(found)) or (Origin("unknown"),)

    def _user(self, value: Any) -> bool:
        return any(occurs(value, each) for each in self._said)


def _kind(annotations: Annotations, path: str, named: bool) -> OriginKind:
    foreign = any(path == each or path.startswith(f"{each}.") for each in annotations.untrusted_fields)
    if annotations.output == "trusted" and not foreign:
        return "trusted"
    return "named" if named else "untrusted"


def _same(value: Any, other: Any) -> bool:
    return resembles(value, str(other)) or resembles(other, str(value))
