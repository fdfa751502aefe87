"""What a tenant declares of what it keeps, what that is, and what people agree to before they ask::

    retention:
      conversations: 400d
      feedback: 730d
      memory: forever
      accesses: 730d
      versions: 90d
      originals: 30d
      documents: forever
    region: eu                       # where its data have to be kept
    label: {level: internal}         # of everything of this tenant
    classification:                  # of documents; the last rule that matches decides
      - {match: "hr/**", source: handbook, level: restricted, regions: [eu]}
    acceptable_use:
      text: |
        Ask nothing about people that you would not ask in the open.

What is not named is kept for ever, is labelled by nothing, and asks for no agreement.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any, Literal, cast, get_args

from aver.core import sha256_hex
from aver.core.labels import ANYTHING, LEVELS, REGION, Label, Level, combined, read_label
from aver.core.yaml import YamlValue, nearest, parse_yaml

__all__ = ["CLASSES", "DataClass", "Declaration", "Rule", "Terms"]

DataClass = Literal["conversations", "feedback", "memory", "accesses", "versions", "originals", "documents"]
CLASSES: Mapping[DataClass, str] = {
    "conversations": "what was asked, found, decided, done and answered in turns, and calls of models",
    "feedback": "what people said of answers, in the console, in tickets and in surveys",
    "memory": "what is remembered of people between turns",
    "accesses": "whose name stands in the access log",
    "versions": "texts of document versions that newer ones took the place of",
    "originals": "the files that documents with pages came from",
    "documents": "documents that have not changed for so long",
}
"""What is kept for how long, by class. Facts of evidence are kept for ever: they hold nothing that tells of a person."""
_DAYS = re.compile(r"([1-9][0-9]{0,4})d")
_MOST_DAYS = 36_525
_LONGEST_TEXT = 20_000


@dataclass(frozen=True, slots=True)
class Rule:
    """Which documents have a label: those of ``source``, or of any, whose path ``match`` matches."""

    match: str
    label: Label
    source: str = ""


@dataclass(frozen=True, slots=True)
class Terms:
    """What people agree to before they ask."""

    text: str

    @property
    def digest(self) -> str:
        """Which version it is: SHA-256 of the text, hexadecimal."""
        return sha256_hex(self.text.encode())


@dataclass(frozen=True)
class Declaration:
    """One tenant's."""

    retention: Mapping[DataClass, timedelta] = field(default_factory=dict)
    region: str = ""
    label: Label = ANYTHING
    classification: tuple[Rule, ...] = ()
    terms: Terms | None = None

    @classmethod
    def parse(cls, text: str, name: str) -> Declaration:
        """From a file's text, called ``name`` in errors. Raises :class:`~aver.core.errors.SettingsError` with the line."""
        fields = parse_yaml(text, name).fields(("retention", "region", "label", "classification", "acceptable_use"))
        return cls(
            _retention(fields["retention"]) if "retention" in fields else {},
            _region(fields["region"]) if "region" in fields else "",
            _label(fields["label"].fields(("level", "regions"))) if "label" in fields else ANYTHING,
            tuple(map(_rule, fields["classification"].items())) if "classification" in fields else (),
            _terms(fields["acceptable_use"]) if "acceptable_use" in fields else None,
        )

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Declaration:
        """As :meth:`plain` wrote it; of nothing, the one of a tenant that declares nothing."""
        if not stored:
            return cls()
        kept = {each: timedelta(days=days) for each, days in stored["retention"].items()}
        rules = tuple(Rule(each["match"], read_label(each), each["source"]) for each in stored["classification"])
        terms = Terms(stored["acceptable_use"]["text"]) if stored["acceptable_use"] else None
        return cls(kept, stored["region"], read_label(stored["label"]), rules, terms)

    def plain(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "retention": {each: kept.days for each, kept in self.retention.items()},
            "region": self.region,
            "label": self.label.plain(),
            "classification": [
                {"match": each.match, "source": each.source, **each.label.plain()} for each in self.classification
            ],
            "acceptable_use": {"text": self.terms.text, "digest": self.terms.digest} if self.terms else None,
        }

    @property
    def labels(self) -> bool:
        """Whether anything that may be given to a provider has a label."""
        return self.label != ANYTHING or bool(self.classification)

    def label_of(self, places: Iterable[tuple[str, str]]) -> Label:
        """Of what is made of documents, each given as its source and its path in there: the tenant's own with theirs."""
        return combined((self.label, *(self._of(source, path) for source, path in places)))

    def _of(self, source: str, path: str) -> Label:
        for rule, pattern in self._patterns:
            if rule.source in ("", source) and pattern.fullmatch(path):
                return rule.label
        return ANYTHING

    @cached_property
    def _patterns(self) -> list[tuple[Rule, re.Pattern[str]]]:
        """The last rule first."""
        from aver.knowledge.access import matching

        return [(rule, matching([rule.match])) for rule in reversed(self.classification)]


def _retention(value: YamlValue) -> dict[DataClass, timedelta]:
    found: dict[DataClass, timedelta] = {}
    for name, each in value.fields((*CLASSES, "facts")).items():
        text = each.text()
        days = _DAYS.fullmatch(text)
        if text == "forever":
            continue
        if name == "facts":
            raise each.error(
                "facts of evidence are kept for ever", "Write forever, or leave the line out: they hold no content."
            )
        if days is None or int(days[1]) > _MOST_DAYS:
            raise each.error(f"{text[:40]!r} is no time to keep something", "Write days, such as 400d, or forever.")
        found[cast(DataClass, name)] = timedelta(days=int(days[1]))
    return found


def _region(value: YamlValue) -> str:
    region = value.text()
    if not REGION.fullmatch(region):
        raise value.error(f"{region[:40]!r} names no region", "Write a name of lower-case letters and digits: eu-west.")
    return region


def _label(fields: Mapping[str, YamlValue]) -> Label:
    level: Level = "public"
    if "level" in fields:
        written = fields["level"].text()
        if written not in get_args(Level):
            raise fields["level"].error(f"{written[:40]!r} is no level", nearest(written, LEVELS))
        level = cast(Level, written)
    regions = frozenset(map(_region, fields["regions"].items())) if "regions" in fields else None
    return Label(level, regions)


def _rule(value: YamlValue) -> Rule:
    from aver.knowledge.access import read_glob

    fields = value.fields(("match", "source", "level", "regions"), required=("match",))
    if not {"level", "regions"} & fields.keys():
        raise value.error("the rule says nothing of what it matches", "Add a level, or regions.")
    return Rule(read_glob(fields["match"]), _label(fields), fields["source"].text() if "source" in fields else "")


def _terms(value: YamlValue) -> Terms:
    text = value.fields(("text",), required=("text",))["text"]
    written = text.text().strip()
    if not written or len(written) > _LONGEST_TEXT:
        raise text.error(f"the rules of use have {len(written)} characters", f"Write 1 to {_LONGEST_TEXT:,}.")
    return Terms(written)
