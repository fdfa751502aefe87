"""The part of a bundle's section ``evals`` that names the critical flows of its feature, and how many cases each must have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aver.gateway.config.read import open_bundle
from aver.gateway.config.shapes import Field, MapOf, Whole, keyed
from aver.gateway.config.words import NAME, NAMES, record

__all__ = ["FLOWS", "Flow", "Flows", "read_flows"]


@dataclass(frozen=True, slots=True)
class Flow:
    """What the feature must do well. ``at_least`` are the confirmed cases of it that a person wrote or production gave; ``suites`` are those that may
    hold them, all where none is named."""

    name: str = ""
    at_least: int = 1
    suites: tuple[str, ...] = ()


FLOWS = MapOf(
    NAME,
    record(
        Flow,
        at_least=Field(Whole(1), "How many confirmed cases that are not synthetic it must have."),
        suites=Field(NAMES, "The suites that may hold them; all where none is named."),
    ),
)
"""``flows: {leave: {at_least: 20, suites: [handbook]}}``."""


@dataclass(frozen=True, slots=True)
class Flows:
    """The declared flows, and by suite the files of its cases."""

    flows: Mapping[str, Flow]
    suites: Mapping[str, tuple[Path, ...]]


def read_flows(directory: Path) -> Flows:
    """What a bundle declares of flows, and of the files of its suites. Raises :class:`~aver.core.errors.SettingsError` with file and line."""
    root, folder = open_bundle(directory)
    sections = {} if root.is_null else {name.text(): value for name, value in keyed(root)}
    evals = sections.get("evals")
    said = {} if evals is None or evals.is_null else {name.text(): value for name, value in keyed(evals)}
    flows: dict[str, Flow] = FLOWS.read(said["flows"]) if "flows" in said and not said["flows"].is_null else {}
    suites: dict[str, tuple[Path, ...]] = {}
    for name, suite in keyed(said["suites"]) if "suites" in said and not said["suites"].is_null else ():
        cases = next((value for key, value in keyed(suite) if key.text() == "cases"), None)
        suites[name.text()] = () if cases is None else tuple(folder / each.text() for each in cases.items())
    for name, value in keyed(said["flows"]) if flows else ():
        for wanted in flows[name.text()].suites:
            if wanted not in suites:
                raise value.error(f"there is no suite {wanted!r}", "Name one of evals.suites.")
    return Flows(flows, suites)
