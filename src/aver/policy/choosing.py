"""Which of the values that tools told of the user's own words pick out.

A user rarely spells out what an action is aimed at: *refund the 10.00 I just got*, *invite Mark*, *delete the largest file*. Each of these
picks one thing out of what was read, and a value of that thing then has the user's authority. Words that fit several things pick
none, for an attacker needs only to add one that fits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from aver.policy.english import SPOKEN_OF
from aver.policy.kinds import Kind, canonical, kinds_in
from aver.policy.matching import CODE, Text, resembles, says
from aver.policy.reading import Reading, holds
from aver.policy.records import Leaf, Record, Told
from aver.policy.requests import leaves
from aver.policy.words import Words, stems, terms

__all__ = ["Choices"]


class Choices:
    """What ``words`` pick out of what was :meth:`told`.

    ``ordered`` are the texts that the user told to act upon, if any: they may pick things that a tool vouches for, and never say a value
    of their own.
    """

    def __init__(self, words: Words) -> None:
        self.words = words
        self.ordered = Words(())
        self._readings: list[Reading] = []
        self._ordered: list[Reading] = []
        self._details: list[tuple[Text, Told]] = []

    def told(self, told: Told) -> None:
        """A tool returned something."""
        asked = (Text(value) for _, value in leaves(told.arguments) if isinstance(value, str))
        chosen = any((found := self.of(value)) and found[0] in ("chosen", "referred") for value in asked)
        reading = Reading(told, self.words, chosen=chosen)
        self._readings.append(reading)
        if self.words.details and reading.points:
            texts = (
                leaf for record in reading.authored for leaf in record.leaves if not leaf.trusted and not leaf.echo
            )
            self._details += [(leaf.text, told) for leaf in texts]
        if self.words.delegates:
            pointed = (reading.told for reading in self._readings if reading.points)
            self.ordered = Words(leaf.text.raw for each in pointed for leaf in each.leaves if not leaf.trusted)
            self._ordered = [Reading(reading.told, self.ordered) for reading in self._readings if self.ordered.texts]

    def of(self, value: Text) -> tuple[Literal["chosen", "referred", "named"], Told] | None:
        """What ``value`` is by the words, and who told of it; ``None`` where they do not pick it out."""
        if not value.strict:
            return None
        for readings in (self._readings, self._ordered):
            for reading in readings:
                if self._vouched(reading, readings, value):
                    return "chosen", reading.told
        for text, told in self._details:
            if says(value, text):
                return "referred", told
        for reading in self._readings:
            if self._alone(reading, value):
                return "named", reading.told
        return None

    def bears(self, value: Text, names: frozenset[str]) -> bool:
        """Whether a value that is ``named`` bears one of ``names``, and the words say that the place in which it stands is theirs."""
        own = names.intersection(each for each in terms(value.raw.partition("@")[0]) if len(each) > 2)
        return bool(own) and any(reading.belongs(own) for reading in self._readings if self._alone(reading, value))

    def looked_up(self, value: Text) -> Told | None:
        """Who told of ``value``, an address of the web, where the words point at a place of the tenant's own, and it stands there in a text
        that somebody vouched for has written and that is about what the words speak of. A hint at where to look, and no more."""
        if value.kind != "url":
            return None
        address = canonical(value.raw, "url")
        for reading in self._readings:
            for record in reading.looked_at if reading.points else ():
                linked = any(not leaf.echo and address in leaf.text.urls for leaf in record.leaves)
                signed = any(leaf.trusted for leaf in record.leaves)
                if linked and signed and (SPOKEN_OF["url"] & self.words.stems or reading.about(record)):
                    return reading.told
        return None

    def _vouched(self, reading: Reading, readings: Sequence[Reading], value: Text) -> bool:
        """Whether the tool vouches for the value, and the words pick out what it belongs to."""
        holding = [(record, leaf) for record, leaf in reading.told.near(value) if leaf.trusted and holds(leaf, value)]
        if not holding:
            return False
        for scope in (reading.apart, reading.extreme):
            if any(record is each for each in scope for record, _ in holding):
                return _agree(scope, holding, value)
        if not reading.points:
            return False
        hinted = reading.hinted(value.kind) if value.kind != "id" else frozenset()
        if hinted or reading.apart or reading.extreme:
            return hinted == {canonical(value.raw, value.kind)}
        of_field = any(leaf.field and stems(terms(leaf.field)) & reading.words.stems for _, leaf in holding)
        if of_field or reading.words.everybody:
            return True
        return not _addressed(reading, readings, value.kind) and not self._spoken_of_elsewhere(value)

    def _alone(self, reading: Reading, value: Text) -> bool:
        """Whether the user points at a text that holds this one value of its kind, and whoever vouches for the text knows none."""
        kind = value.kind
        if not SPOKEN_OF.get(kind, frozenset()) & self.words.stems or _addressed(reading, self._readings, kind):
            return False
        scope = reading.apart or reading.extreme or (reading.told.records if reading.points else ())
        within = [leaf for record in scope for leaf in record.leaves]
        if any(leaf.trusted and leaf.text.kind == kind for leaf in within):
            return False
        if any(leaf.echo and resembles(value, leaf.text) for leaf in within):
            return False
        found = {each for leaf in within if not leaf.trusted for each in leaf.text.values(kind)}
        return found == {canonical(value.raw, kind)}

    def _spoken_of_elsewhere(self, value: Text) -> bool:
        """Whether foreign prose speaks of the value: the sign of an attempt to have it picked."""
        if value.raw.isdigit() and len(value.raw) < CODE:
            return False
        return any(
            not leaf.trusted and resembles(value, leaf.text)
            for reading in self._readings
            for _, leaf in reading.told.near(value)
        )


def _addressed(reading: Reading, readings: Sequence[Reading], kind: Kind) -> bool:
    """Whether the words already say a value of this kind themselves."""
    words = reading.words
    if kind not in ("id", "other"):
        return any(kinds_in(text, kind) for text in words.texts)
    if kind == "other" and (others := words.addressees - reading.asked):
        # *Add Ann to that channel* names whom, and refers to the channel; Ann is no channel.
        told_of = {leaf.text.strict for leaf in reading.told.leaves if leaf.trusted}
        return not (stems(terms(reading.told.tool)) & words.referring) or not others.isdisjoint(told_of)
    return any(
        leaf.text.kind == kind and leaf.text.strict not in reading.asked for each in readings for leaf in each.aimed_at
    )


def _agree(scope: Sequence[Record], holding: Sequence[tuple[Record, Leaf]], value: Text) -> bool:
    """Whether all the things told apart agree on the value, or only one of them was."""
    fields = {leaf.field for record, leaf in holding if any(record is each for each in scope)}
    return any(
        all(any(leaf.field == field and holds(leaf, value) for leaf in record.leaves) for record in scope)
        for field in fields
    )
