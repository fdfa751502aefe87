"""Where every value of a turn came from, kept outside the model.

The whole face is :class:`Provenance`, one for each turn, told everything in the order in which it happened::

    turn = Provenance(principal, label=ANYTHING)            # of all that is the tenant's
    turn.known(value, origin)                              # what was remembered, or said and answered in earlier turns
    turn.said(words)                                       # the user's own words; before the first action
    action = turn.action(tool, annotations, arguments)     # changes nothing; goes to policy, and into evidence by action_to
    turn.returned(action, value, readers=None, step="", label=ANYTHING)    # once it ran, with the very action; nothing for a call that did not

The state is a function of these calls alone, without clock, chance or I/O: whoever tells a new one the same again (the words, and each
call that ran with its result, from the turn's journal) gets the same answers. Of calls that a model asks for at once, each
:meth:`~Provenance.action` is made before any of them :meth:`~Provenance.returned`. ``history`` of an action holds the tools that returned
so far; a loop that counts otherwise sets its own with ``dataclasses.replace``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

from aver.core import EVERYONE, Principal
from aver.core.labels import ANYTHING, Label, combined
from aver.policy.choosing import Choices
from aver.policy.kinds import kinds_in
from aver.policy.matching import CODE, Text, resembles, says, shares, taken
from aver.policy.records import Told, records
from aver.policy.requests import authority, declared, leaves, under
from aver.policy.seen import Seen
from aver.policy.types import Action, Annotations, Asked, Effect, Origin, OriginKind
from aver.policy.words import Words, stems, subjects, terms

__all__ = ["Provenance"]

_NAMES = frozenset({"filename", "headline", "name", "subject", "title"})
"""Arguments that say what something new is called."""
_FROM_BEFORE: Mapping[OriginKind, OriginKind] = {
    "user": "mentioned",
    "chosen": "trusted",
    "referred": "untrusted",
    "named": "untrusted",
}
"""What an origin of another turn is worth in this one: nothing that was said or picked then says what to do now."""


class Provenance:
    """What one turn has seen: pure bookkeeping, no I/O, deterministic.

    What the user asks for is settled by :meth:`said`. What a tool returns adds to it in one case alone: the user's words tell to act
    upon a text (*do what the e-mail from Ann says*), and what only such a text asks for is marked as ``ordered``.
    """

    def __init__(self, principal: Principal, label: Label = ANYTHING) -> None:
        self._principal = principal
        self._own = label
        self._stated = self._read = ANYTHING
        self._choices = Choices(Words(()))
        self._seen: Seen[Origin] = Seen()
        self._told: list[Told] = []
        self._written: list[Text] = []
        self._history: list[str] = []

    def said(self, words: str, label: Label = ANYTHING) -> None:
        """The user's own words, from the user's own hand; never a document or message that the user attached. ``label`` is what they say of
        them themselves."""
        self._stated = combined((self._stated, label))
        self.read(label)
        self._choices = Choices(Words((*self._words.texts, words)))
        for told in self._told:
            self._choices.told(told)

    def known(self, value: Any, origin: Origin) -> None:
        """A value whose origin was established before: what is remembered, or was said or answered in an earlier turn. Authority does not
        come along: what the user said then is ``mentioned`` now, what they chose is ``trusted``."""
        kept = replace(origin, kind=_FROM_BEFORE.get(origin.kind, origin.kind))
        self.read(kept.label)
        for _, each in leaves(value):
            self._seen.add(kept, Text(each), pieces=kept.readers is not None)

    def returned(
        self,
        action: Action,
        value: Any,
        *,
        readers: frozenset[str] | None = None,
        step: str = "",
        failed: bool = False,
        label: Label = ANYTHING,
    ) -> None:
        """That ``action`` ran and returned ``value``, any JSON, which ``readers`` may read (none: everyone) and which has ``label``; or that it
        ``failed`` with a message, for which nobody vouches. Whoever may not read what the call was given to carry may not read what came of
        it, and what came of it is as confidential as what it was given."""
        at = step or f"{action.tool}#{len(self._history)}"
        self._history.append(action.tool)
        readers = _confined(readers, action)
        label = combined((label, _carried(action.origins)))
        self.read(label)
        # Whatever the model was free to write may come back from a tool that is trusted: from this one, and where it changed
        # something from any other.
        arguments = (Text(each) for _, each in leaves(action.arguments))
        free = [*self._written, *(each for each in arguments if not self._vouched(each))]
        if action.annotations.effects != {Effect.READ}:
            self._written = free
        annotations = replace(action.annotations, output="untrusted") if failed else action.annotations
        found = records(annotations, value)
        if free:
            found = [record.apart_from(lambda text: any(_same(text, each) for each in free)) for record in found]
        told = Told(at, action.tool, action.arguments, found, readers, label)
        vouched, foreign = (Origin(kind, at, readers, label) for kind in ("trusted", "untrusted"))
        for leaf in told.leaves:
            self._seen.add(vouched if leaf.trusted else foreign, leaf.text, pieces=readers is not None)
        self._told.append(told)
        self._choices.told(told)

    def read(self, label: Label) -> None:
        """That the model was told something with ``label`` that is no value: why a call came to nothing."""
        self._read = combined((self._read, label))

    def action(self, tool: str, annotations: Annotations, arguments: Mapping[str, Any]) -> Action:
        """The call a model asks for, with the origin of every leaf, as policy is asked about it."""
        origins: dict[str, Sequence[Origin]] = {}
        links: list[Sequence[Origin]] = []
        acts = bool(annotations.effects - {Effect.READ})
        for path, value in leaves(arguments):
            found = self.origins(value)
            if under(path, annotations.targets):
                found = self._aimed(value, found) if acts else self._looked_up(value, found)
            origins[path] = found
            if Effect.SEND in annotations.effects and isinstance(value, str) and under(path, annotations.content):
                links += [self.origins(each) for each in sorted(kinds_in(value, "url"))]
        if acts:
            self._refer(annotations, arguments, origins)
        about = self._about(tool, arguments)
        history = tuple(self._history)
        return Action(
            self._principal,
            tool,
            annotations,
            arguments,
            origins,
            history,
            self.asked(tool, annotations),
            about,
            tuple(links),
            combined((self._own, _carried(origins))),
        )

    def asked(self, tool: str, annotations: Annotations) -> Asked:
        """Who asks for what a tool does, by any verb for its effects or by its own. Telling others about a change is part of the change."""
        effects = annotations.effects - {Effect.READ}
        wanted = effects - {Effect.SEND} or effects
        if wanted <= self._words.asked or self._words.orders(tool):
            return "user"
        return "ordered" if wanted <= self._words.asked | self._choices.ordered.asked else "no"

    def origins(self, value: Any) -> Sequence[Origin]:
        """All places where ``value`` was seen, or that it may have been taken from or holds a piece of. One that nobody wrote just so is
        ``unknown`` too."""
        text = Text(value)
        found = [Origin("user", label=self._stated)] if self._words.says(text) else []
        if picked := self._choices.of(text):
            kind, told = picked
            found.append(Origin(kind, told.step, told.readers, told.label))
        written = bool(found)
        for origin, seen in self._seen.near(text):
            same = says(text, seen)
            if same and origin.kind in ("mentioned", "trusted"):
                found.append(origin)
            elif same or taken(text, seen) or (origin.readers is not None and shares(text, seen)):
                found.append(replace(origin, kind="untrusted"))
            written = written or same
        return tuple(dict.fromkeys(found if written else [*found, Origin("unknown", label=self._read)]))

    def _aimed(self, value: Any, found: Sequence[Origin]) -> Sequence[Origin]:
        """The origins of a value that an effect is aimed at: what the user says only as where to look is no such target."""
        return found if self._words.aims(Text(value)) else tuple(_mentioned(each) for each in found)

    def _looked_up(self, value: Any, found: Sequence[Origin]) -> Sequence[Origin]:
        """The origins of a value that says where to look."""
        if authority(found) not in ("untrusted", "unknown") or not (told := self._choices.looked_up(Text(value))):
            return found
        return (Origin("named", told.step, told.readers, told.label), *found)

    def _refer(
        self, annotations: Annotations, arguments: Mapping[str, Any], origins: dict[str, Sequence[Origin]]
    ) -> None:
        """A target that is ``named`` and bears the name that the user gave for another target of the call is ``referred`` to."""
        aimed = {path: value for path, value in leaves(arguments) if under(path, annotations.targets)}
        given = {path for path in aimed if authority(origins[path]) in ("user", "chosen", "referred")}
        for path, value in aimed.items():
            if authority(origins[path]) != "named":
                continue
            others = [
                terms(str(aimed[other])) for other in aimed if declared(other) != declared(path) and other in given
            ]
            if self._choices.bears(Text(value), frozenset(chain.from_iterable(others))):
                origins[path] = tuple(
                    replace(each, kind="referred") if each.kind == "named" else each for each in origins[path]
                )

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
        return any(origin.kind == "untrusted" and says(text, seen) for origin, seen in self._seen.near(text))

    def _vouched(self, text: Text) -> bool:
        return self._words.says(text) or any(
            origin.kind in ("mentioned", "trusted") and says(text, seen) for origin, seen in self._seen.near(text)
        )


def _confined(readers: frozenset[str] | None, action: Action) -> frozenset[str] | None:
    """Those of ``readers`` who may read all content of a call too."""
    carried = (several for path, several in action.origins.items() if under(path, action.annotations.content))
    for origin in (origin for several in carried for origin in several):
        if origin.readers is not None and EVERYONE not in origin.readers:
            readers = origin.readers if readers is None or EVERYONE in readers else readers & origin.readers
    return readers


def _carried(origins: Mapping[str, Sequence[Origin]]) -> Label:
    """Of all these values. What the user said is as they said it, whoever else says it too."""
    labels: list[Label] = []
    for several in origins.values():
        said = [each.label for each in several if each.kind in ("user", "mentioned")]
        labels += said or [each.label for each in several]
    return combined(labels)


def _mentioned(origin: Origin) -> Origin:
    return replace(origin, kind="mentioned") if origin.kind == "user" else origin


def _same(value: Text, other: Text) -> bool:
    """Whether a value may be, or be a piece of, what the model wrote."""
    if value.raw.isdigit() and len(value.raw) < CODE:
        return value.raw == other.raw
    return resembles(value, other) or resembles(other, value)
