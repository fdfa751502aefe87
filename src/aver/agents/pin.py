"""Which release a turn is pinned to when it is admitted, and stays with to its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["UNPINNED", "Pin"]


@dataclass(frozen=True, slots=True)
class Pin:
    """The release that answers, and how it came to be this one. All empty where a bundle is served as its directory is."""

    release: str = ""
    """The digest of a frozen release."""
    environment: str = ""
    assigned: Mapping[str, Any] = field(default_factory=dict)
    """Facts of the rollout under way, if any: its id, the arm, and how far the turn may be compared with those of other arms."""
    instead_of: str = ""
    """The digest of the release that was to answer, where it cannot be opened."""
    shadow_of: str = ""
    """The turn whose question is answered once more, unseen, to compare."""
    flags: Mapping[str, Any] = field(default_factory=dict)
    """Facts of the flags that decide for the turn, if the release declares any."""

    def facts(self, part: str) -> Mapping[str, Any]:
        """For the step ``admitted``. ``part`` is the digest of what the release says of the feature, which stands for the release where it is
        not frozen."""
        if not self.release:
            return {"release": part, **self.flags}
        known = ("environment", "instead_of", "shadow_of")
        said = {name: value for name in known if (value := getattr(self, name))}
        return {"release": self.release, "part": part, **said, **self.assigned, **self.flags}

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Pin:
        """The release that the facts of a step ``admitted`` name, for a turn that goes on."""
        return cls(facts["release"], facts.get("environment", "")) if "part" in facts else UNPINNED


UNPINNED = Pin()
"""A bundle is served as its directory is."""
