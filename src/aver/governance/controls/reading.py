"""Frameworks as they are published with Aver: read once, checked against the queries that there are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

from aver.core.errors import NotFound, SettingsError
from aver.core.yaml import YamlValue, parse_yaml
from aver.governance.proof.judging import QUERIES

__all__ = ["Ask", "Control", "Framework", "find", "frameworks", "plain_frameworks"]

_NAMES = ("owasp-llm", "nist-ai-rmf", "nist-ai-600-1", "iso-42001", "eu-ai-act", "soc2")


@dataclass(frozen=True, slots=True)
class Ask:
    """A query with its parameters."""

    query: str
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def said(self) -> str:
        return QUERIES[self.query].said

    @property
    def cannot(self) -> str:
        return QUERIES[self.query].cannot


@dataclass(frozen=True, slots=True)
class Control:
    """``id`` is the framework's own, ``title`` in words of Aver's; ``cannot`` is what none of its queries can show."""

    framework: str
    id: str
    title: str
    queries: tuple[Ask, ...]
    cannot: str = ""


@dataclass(frozen=True, slots=True)
class Framework:
    """``note`` says what of the published list is here, and what is not."""

    name: str
    title: str
    edition: str
    source: str
    note: str
    controls: tuple[Control, ...]


@cache
def frameworks() -> Mapping[str, Framework]:
    """All there are, by name."""
    return {name: _read(name) for name in _NAMES}


def find(names: Iterable[str] = ()) -> Sequence[Framework]:
    """Those of ``names`` in the order of publication; all, where none is named. Raises :class:`~aver.core.errors.NotFound`."""
    known, wanted = frameworks(), set(names)
    if unknown := sorted(wanted - known.keys()):
        raise NotFound(f"There is no framework {unknown[0][:40]!r}", f"There is: {', '.join(known)}.")
    return [each for name, each in known.items() if not wanted or name in wanted]


def plain_frameworks(found: Iterable[Framework]) -> list[dict[str, Any]]:
    """As packs hold them, and as :class:`~aver.governance.proof.judging.Judging` takes them."""
    return [
        {
            "framework": each.name,
            "title": each.title,
            "edition": each.edition,
            "source": each.source,
            "note": each.note,
            "controls": [
                {
                    "id": control.id,
                    "title": control.title,
                    "cannot": control.cannot,
                    "queries": [{"query": ask.query, "params": dict(ask.params)} for ask in control.queries],
                }
                for control in each.controls
            ],
        }
        for each in found
    ]


def _read(name: str) -> Framework:
    file = f"{name}.yaml"
    text = resources.files(__package__).joinpath("frameworks", file).read_text("utf-8")
    fields = parse_yaml(text, file).fields({"title", "edition", "source", "note", "controls"})
    controls = tuple(_control(name, identifier, value) for identifier, value in _pairs(fields["controls"]))
    said = {word: fields[word].text() for word in ("title", "edition", "source", "note")}
    return Framework(name, **said, controls=controls)


def _control(framework: str, identifier: str, value: YamlValue) -> Control:
    fields = value.fields({"title", "queries", "cannot"})
    asks = tuple(_ask(each, f"{framework} {identifier}") for each in fields["queries"].plain())
    cannot = fields["cannot"].text() if "cannot" in fields else ""
    return Control(framework, identifier, fields["title"].text(), asks, cannot)


def _ask(value: Any, where: str) -> Ask:
    name, params = (value, {}) if isinstance(value, str) else next(iter(value.items()))
    query = QUERIES.get(name)
    if query is None or not params.keys() <= query.defaults.keys():
        raise SettingsError(f"{where} asks {value!r}, which no query answers", f"There is: {', '.join(QUERIES)}.")
    return Ask(name, params)


def _pairs(value: YamlValue) -> list[tuple[str, YamlValue]]:
    from aver.gateway.config.shapes import keyed

    return [(name.text(), each) for name, each in keyed(value)]
