"""The section ``release`` of a bundle, said once: what reads it, writes it and makes its schema::

release:
  leave_out: ["notes/*", "*.tmp"]
  environments:
    staging: {}
    production: {after: staging, gate: true, sign_offs: [security, product], override: [release-manager]}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aver.core import ADMIN
from aver.core.errors import InvalidInput
from aver.core.yaml import YamlValue, nearest
from aver.gateway.config.shapes import Boolean, Field, ListOf, MapOf, Record, Text, keyed
from aver.gateway.config.words import NAME, TEXT, parts

__all__ = ["ENVIRONMENT", "RELEASE", "ReleaseConfig", "Stage", "read_release"]

ENVIRONMENT = Text(
    r"^[a-z][a-z0-9_-]{0,31}$", "a name of small letters, digits, dashes and underscores", "Write one such as staging."
)


@dataclass(frozen=True, slots=True)
class Stage:
    """An environment, and what a release needs before it may be promoted to it. ``after`` is the environment it has to have been in;
    ``sign_offs`` are the roles in which somebody has to say yes; ``override`` those that may promote without what is lacking, saying why."""

    name: str
    after: str = ""
    gate: bool = False
    sign_offs: tuple[str, ...] = ()
    override: tuple[str, ...] = (ADMIN,)


STAGES: Mapping[str, Stage] = {
    "development": Stage("development"),
    "staging": Stage("staging", after="development", gate=True),
    "production": Stage("production", after="staging", gate=True),
}
"""The environments of a bundle that declares none."""


@dataclass(frozen=True, slots=True)
class ReleaseConfig:
    """What is declared. ``leave_out`` are patterns of paths that are no part of a release."""

    environments: Mapping[str, Stage] = field(default_factory=lambda: STAGES)
    leave_out: tuple[str, ...] = ()

    @classmethod
    def of(cls, declared: Mapping[str, Any]) -> ReleaseConfig:
        """What the manifest of a release holds of it, by section."""
        section = declared.get("release", {})
        if "environments" not in section:
            return cls(leave_out=tuple(section.get("leave_out", ())))
        stages = {
            name: _stage(name, **{word: tuple(each) if isinstance(each, list) else each for word, each in said.items()})
            for name, said in section["environments"].items()
        }
        return cls(stages, tuple(section.get("leave_out", ())))

    def stage(self, name: str) -> Stage:
        """An environment by its name; :class:`~aver.core.errors.InvalidInput` for one that is not declared."""
        if name not in self.environments:
            raise InvalidInput(f"The release knows no environment {name[:60]!r}", nearest(name, self.environments))
        return self.environments[name]

    @property
    def signing(self) -> frozenset[str]:
        """The roles in which releases are signed off."""
        return frozenset(role for stage in self.environments.values() for role in stage.sign_offs)

    @property
    def roles(self) -> frozenset[str]:
        """Those that somebody has to have for a sign-off or an override."""
        return self.signing | {role for stage in self.environments.values() for role in stage.override}


def _stage(name: str, **given: Any) -> Stage:
    return Stage(name, **given)


def _pattern(patterns: Iterable[str]) -> tuple[str, ...]:
    return tuple(patterns)


_STAGE = Record(
    _stage,
    {
        "after": Field(ENVIRONMENT, "The environment that a release has to have been in before."),
        "gate": Field(Boolean(), "Whether a gate has to have passed for the release."),
        "sign_offs": Field(
            ListOf(NAME), "Roles in which somebody signs the release off; who created it is not enough alone."
        ),
        "override": Field(
            ListOf(NAME), "Roles that may promote without what is lacking, with a reason; admin, if left out."
        ),
    },
    parts,
)
RELEASE = Record(
    ReleaseConfig,
    {
        "environments": Field(
            MapOf(ENVIRONMENT, _STAGE),
            "Where releases meet users, in order; development, staging and production, if left out.",
        ),
        "leave_out": Field(
            ListOf(TEXT, _pattern), "Paths in the bundle that are no part of a release, such as notes/*."
        ),
    },
    lambda config: {name: value for name, value in parts(config).items() if value != STAGES},
)


def read_release(section: YamlValue) -> ReleaseConfig:
    """The section, checked. Raises :class:`~aver.core.errors.SettingsError` with the line of what is misspelt, unknown or circular."""
    if section.is_null:
        return ReleaseConfig()
    config = RELEASE.read(section)
    for _, stages in (each for each in keyed(section) if each[0].text() == "environments"):
        seen: list[str] = []
        for name, stage in keyed(stages):
            after = config.environments[name.text()].after
            if after and after not in seen:
                place = next(value for key, value in keyed(stage) if key.text() == "after")
                raise place.error(f"no environment before this one is called {after!r}", "Name one that stands above.")
            seen.append(name.text())
    return config
