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

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from aver.core import EVERYONE, Principal
from aver.policy.choosing import Choices
from aver.policy.kinds import kinds_in
from aver.policy.matching import CODE, Text, resembles, says, shares, taken
from aver.policy.records import Told, records
from aver.policy.requests import leaves, under
from aver.policy.types import Action, Annotations, Asked, Effect, Origin, OriginKind
from aver.policy.words import Words, stems, subjects, terms

__all__ = ["Provenance"]

_NAMES = frozenset({"filename", "headline", "name", "subject", "title"})
"""Arguments that say what something new is called."""
_FROM_BEFORE: Mapping[OriginKind, OriginKind] = {"user": "mentioned", "chosen": "trusted", "named": "untrusted"}
"""What an origin of another turn is worth in this one: nothing that was said or picked then says what to do now."""


class Provenance:
    """What one turn has seen: pure bookkeeping, no I/O, deterministic.

    What the user asks for is settled by :meth:`said`. What a tool returns adds to it in one case alone: the user's words tell to act
    upon a text (*do what the e-mail from Ann says*), and what only such a text asks for is marked as ``ordered``.
    """

    def __init__(self, principal: Principal) -> None:
        self._principal = principal
        self._choices = Choices(Words(()))
        self._known: list[tuple[Origin, Text]] = []
        self._told: list[Told] = []
        self._written: list[Text] = []
        self._history: list[str] = []

    def said(self, words: str) -> None:
        """The user's own words, from the user's own hand; never a document or message that the user attached."""
        self._choices = Choices(Words((*self._words.texts, words)))
        for told in self._told:
            self._choices.told(told)

    def known(self, value: Any, origin: Origin) -> None:
        """A value whose origin was established before: what is remembered, or was said or answered in an earlier turn. Authority does not
        come along: what the user said then is ``mentioned`` now, what they chose is ``trusted``."""
        kept = replace(origin, kind=_FROM_BEFORE.get(origin.kind, origin.kind))
        self._known += [(kept, Text(each)) for _, each in leaves(value)]

    def returned(
        self,
        action: Action,
        value: Any,
        *,
        readers: frozenset[str] | None = None,
        step: str = "",
        failed: bool = False,
    ) -> None:
        """That ``action`` ran and returned ``value``, any JSON, which ``readers`` may read (none: everyone); or that it ``failed`` with a
        message, for which nobody vouches. Whoever may not read what the call was given to carry may not read what came of it."""
        at = step or f"{action.tool}#{len(self._history)}"
        self._history.append(action.tool)
        # Whatever the model was free to write may come back from a tool that is trusted.
        arguments = (Text(each) for _, each in leaves(action.arguments))
        self._written += [each for each in arguments if not self._vouched(each)]
        declared = replace(action.annotations, output="untrusted") if failed else action.annotations
        told = Told(at, action.tool, action.arguments, records(declared, value), _confined(readers, action))
        self._told.append(told)
        self._choices.told(told)

    def action(self, tool: str, annotations: Annotations, arguments: Mapping[str, Any]) -> Action:
        """The call a model asks for, with the origin of every leaf, as policy is asked about it."""
        origins: dict[str, Sequence[Origin]] = {}
        links: list[Sequence[Origin]] = []
        acts = bool(annotations.effects - {Effect.READ})
        for path, value in leaves(arguments):
            found = self.origins(value)
            if acts and under(path, annotations.targets) and not self._words.aims(Text(value)):
                found = tuple(_mentioned(each) for each in found)
            origins[path] = found
            if Effect.SEND in annotations.effects and isinstance(value, str) and under(path, annotations.content):
                links += [self.origins(each) for each in sorted(kinds_in(value, "url"))]
        about = self._about(tool, arguments)
        history = tuple(self._history)
        return Action(
            self._principal,
            tool,
            annotations,
            arguments,
            origins,
            history,
            self.asked(annotations),
            about,
            tuple(links),
        )

    def asked(self, annotations: Annotations) -> Asked:
        """Who asks for what a tool does. Telling others about a change is part of the change."""
        effects = annotations.effects - {Effect.READ}
        wanted = effects - {Effect.SEND} or effects
        if wanted <= self._words.asked:
            return "user"
        return "ordered" if wanted <= self._words.asked | self._choices.ordered.asked else "no"

    def origins(self, value: Any) -> Sequence[Origin]:
        """All places where ``value`` was seen, or that it may have been taken from or holds a piece of. One that nobody wrote just so is
        ``unknown`` too."""
        text = Text(value)
        found = [Origin("user")] if self._words.says(text) else []
        laundered = not found and any(_same(text, each) for each in self._written)
        if not laundered and (picked := self._choices.of(text)):
            kind, told = picked
            found.append(Origin(kind, told.step, told.readers))
        written = bool(found)
        for origin, seen in self._seen():
            same = says(text, seen)
            if same and origin.kind in ("mentioned", "trusted") and not laundered:
                found.append(origin)
            elif same or taken(text, seen) or (origin.readers is not None and shares(text, seen)):
                found.append(replace(origin, kind="untrusted"))
            written = written or same
        return tuple(dict.fromkeys(found if written else [*found, Origin("unknown")]))

    def _seen(self) -> Iterator[tuple[Origin, Text]]:
        """Every value that was seen, with what is vouched for it."""
        yield from self._known
        for told in self._told:
            vouched, foreign = (Origin(kind, told.step, told.readers) for kind in ("trusted", "untrusted"))
            for leaf in told.leaves:
                yield vouched if leaf.trusted else foreign, leaf.text

    @property
    def _words(self) -> Words:
        return self._choices.words

    def _about(self, tool: str, arguments: Mapping[str, Any]) -> bool:
        """Whether the user's words speak of what the tool is about, and of this one where the arguments give it a name."""
        spoken, kinds = self._words.stems, subjects(tool)
        if not kinds & spoken:
            return False
        names = [Text(value) for path, value in leaves(arguments) if path in _NAMES and isinstance(value, str)]
        return all(
            self._words.says(name) or ((stems(terms(name.raw)) - kinds) & spoken and not self._foreign(name))
            for name in names
        )

    def _foreign(self, text: Text) -> bool:
        """Whether it stands, just so, in what nobody vouches for."""
        return any(origin.kind == "untrusted" and says(text, seen) for origin, seen in self._seen())

    def _vouched(self, text: Text) -> bool:
        return self._words.says(text) or any(
            origin.kind in ("mentioned", "trusted") and says(text, seen) for origin, seen in self._seen()
        )


def _confined(readers: frozenset[str] | None, action: Action) -> frozenset[str] | None:
    """Those of ``readers`` who may read all content of a call too."""
    carried = (several for path, several in action.origins.items() if under(path, action.annotations.content))
    for origin in (origin for several in carried for origin in several):
        if origin.readers is not None and EVERYONE not in origin.readers:
            readers = origin.readers if readers is None or EVERYONE in readers else readers & origin.readers
    return readers


def _mentioned(origin: Origin) -> Origin:
    return replace(origin, kind="mentioned") if origin.kind == "user" else origin


def _same(value: Text, other: Text) -> bool:
    """Whether a value may be, or be a piece of, what the model wrote."""
    if value.raw.isdigit() and len(value.raw) < CODE:
        return value.raw == other.raw
    return resembles(value, other) or resembles(other, value)
