"""Where every value of a turn came from, kept outside the model.

The whole face is :class:`Provenance`, one for each turn, told everything in the order in which it happened::

    turn = Provenance(principal)
    turn.known(value, origin)                              # what was remembered, or said and answered in earlier turns
    turn.said(words)                                       # the user's own words; before the first action
    action = turn.action(tool, annotations, arguments)     # changes nothing; goes to policy, and into evidence by action_to
    turn.returned(action, value, readers=None, step="")    # once it ran, with the very action; nothing for a call that did not

The state is a function of these calls alone, without clock, chance or I/O: whoever tells a new one the same again (the words, and each
call that ran with its result, from the turn's journal) gets the same answers. Of calls that a model asks for at once, each
:meth:`~Provenance.action` is made before any of them :meth:`~Provenance.returned`. ``history`` of an action holds the tools that returned
so far; a loop that counts otherwise sets its own with ``dataclasses.replace``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aver.core import Principal
from aver.policy.choosing import Choices, Told
from aver.policy.kinds import kinds_in
from aver.policy.matching import occurs, resembles
from aver.policy.records import records
from aver.policy.requests import leaves, under
from aver.policy.types import Action, Annotations, Asked, Effect, Origin
from aver.policy.words import Words, stems, subjects, terms

__all__ = ["Provenance"]

_NAMES = frozenset({"filename", "headline", "name", "subject", "title"})
"""Arguments that say what something new is called."""
_LEAST = 4
"""Characters of a foreign text that say something when they turn up within an argument."""


@dataclass(frozen=True, slots=True)
class _Seen:
    origin: Origin
    text: str


class Provenance:
    """What one turn has seen: pure bookkeeping, no I/O, deterministic.

    What the user asks for is settled by :meth:`said`. What a tool returns adds to it in one case alone: the user's words tell to act
    upon a text (*do what the e-mail from Ann says*), and what only such a text asks for is marked as ``ordered``.
    """

    def __init__(self, principal: Principal) -> None:
        self._principal = principal
        self._words = Words(())
        self._seen: list[_Seen] = []
        self._told: list[Told] = []
        self._written: list[Any] = []
        self._history: list[str] = []
        self._choices = Choices(self._words, ())

    def said(self, words: str) -> None:
        """The user's own words, from the user's own hand; never a document or message that the user attached."""
        self._words = Words((*self._words.texts, words))
        self._choose()

    def known(self, value: Any, origin: Origin) -> None:
        """A value whose origin was established before: what is remembered, or was answered in an earlier turn."""
        for _, each in leaves(value):
            self._seen.append(_Seen(origin, each if isinstance(each, str) else str(each)))

    def returned(self, action: Action, result: Any, *, readers: frozenset[str] | None = None, step: str = "") -> None:
        """That ``action`` ran and returned ``result``, any JSON value, which ``readers`` may read (none: everyone)."""
        at = step or f"{action.tool}#{len(self._history)}"
        self._history.append(action.tool)
        # Whatever the model was free to write may come back from a tool that is trusted.
        self._written += [value for _, value in leaves(action.arguments) if not self._vouched(value)]
        told = Told(at, action.tool, action.arguments, records(action.annotations, result))
        self._told.append(told)
        for record in told.records:
            for leaf in record.leaves:
                kind = "trusted" if leaf.trusted else "untrusted"
                text = leaf.value if isinstance(leaf.value, str) else str(leaf.value)
                self._seen.append(_Seen(Origin(kind, at, readers), text))
        self._choose()

    def action(self, tool: str, annotations: Annotations, arguments: Mapping[str, Any]) -> Action:
        """The call a model asks for, with the origin of every leaf, as policy is asked about it."""
        origins: dict[str, Sequence[Origin]] = {}
        links: list[Sequence[Origin]] = []
        acts = bool(annotations.effects - {Effect.READ})
        for path, value in leaves(arguments):
            found = self.origins(value)
            if acts and under(path, annotations.targets) and not self._words.aims(value):
                found = tuple(_mentioned(each) for each in found)
            origins[path] = found
            if Effect.SEND in annotations.effects and isinstance(value, str) and under(path, annotations.content):
                links += [self.origins(each) for each in kinds_in(value, "url")]
        about = self._about(tool, arguments)
        asked = self.asked(annotations)
        history = tuple(self._history)
        return Action(self._principal, tool, annotations, arguments, origins, history, asked, about, tuple(links))

    def asked(self, annotations: Annotations) -> Asked:
        """Who asks for what a tool does. Telling others about a change is part of the change."""
        effects = annotations.effects - {Effect.READ}
        wanted = effects - {Effect.SEND} or effects
        if wanted <= self._words.asked:
            return "user"
        return "ordered" if wanted <= self._words.asked | self._ordered.asked else "no"

    def origins(self, value: Any) -> Sequence[Origin]:
        """All places where ``value`` was seen, or that it may have been taken from or holds a piece of."""
        found = [Origin("user")] if self._words.says(value) else []
        laundered = not found and any(_same(value, each) for each in self._written)
        picked = None if laundered else self._choices.of(value)
        if picked is not None:
            found.append(Origin(*picked))
        for each in self._seen:
            if each.origin.kind == "user" and occurs(value, each.text):
                found.append(each.origin)
            elif each.origin.kind == "trusted" and not laundered and occurs(value, each.text):
                found.append(each.origin)
            elif each.origin.kind != "user" and (_taken(value, each.text)):
                found.append(Origin("untrusted", each.origin.step, each.origin.readers))
        return tuple(dict.fromkeys(found)) or (Origin("unknown"),)

    def _about(self, tool: str, arguments: Mapping[str, Any]) -> bool:
        """Whether the user's words speak of what the tool is about, and of this one where the arguments give it a name."""
        spoken, kinds = self._words.stems, subjects(tool)
        if not kinds & spoken:
            return False
        names = [value for path, value in leaves(arguments) if path in _NAMES and isinstance(value, str)]
        return all(self._words.says(name) or (stems(terms(name)) - kinds) & spoken for name in names)

    def _vouched(self, value: Any) -> bool:
        return self._words.says(value) or any(
            each.origin.kind in ("user", "trusted") and occurs(value, each.text) for each in self._seen
        )

    def _choose(self) -> None:
        self._ordered = Choices(self._words, self._told).ordered() if self._words.delegates else Words(())
        self._choices = Choices(self._words, self._told, self._ordered if self._ordered.texts else None)


def _mentioned(origin: Origin) -> Origin:
    return Origin("mentioned", origin.step, origin.readers) if origin.kind == "user" and not origin.step else origin


def _taken(value: Any, text: str) -> bool:
    """Whether ``value`` may have been taken from ``text``, or holds it."""
    return resembles(value, text) or (isinstance(value, str) and len(text) >= _LEAST and resembles(text, value))


def _same(value: Any, other: Any) -> bool:
    """Whether a value may be, or be a piece of, what the model wrote."""
    if str(value).isdigit() and len(str(value)) < 6:
        return str(value) == str(other)
    return resembles(value, str(other)) or resembles(other, str(value))
