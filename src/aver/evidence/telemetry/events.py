"""A step that belongs to no turn as an event: what somebody did to the installation, or what it did by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aver.evidence.telemetry.names import Attributes
from aver.evidence.telemetry.traces import attributes_of, moment
from aver.evidence.telemetry.types import Event, Severity
from aver.evidence.types import Seen
from aver.store.types import Tenant

__all__ = ["event_of"]

_WARNINGS = {"release_rolled_back", "switched", "source_removed", "erased"}


def event_of(tenant: Tenant, seen: Seen, facts: Mapping[str, Any]) -> Event:
    """Its name is the step's kind within Aver's namespace. Of its facts go numbers and truths, and whatever has a name outside."""
    numbers: Attributes = {
        f"aver.{seen.kind}.{name}": value for name, value in facts.items() if isinstance(value, bool | int | float)
    }
    named = {name: value for name, value in attributes_of(seen.kind, facts).items() if isinstance(value, str | list)}
    attributes: Attributes = {
        "aver.tenant.id": tenant.id,
        "aver.tenant.name": tenant.name,
        "aver.step.kind": seen.kind,
        "aver.step.seq": seen.seq,
        "aver.subject.id": seen.turn,
        **numbers,
        **named,
    }
    severity: Severity = "warn" if seen.kind in _WARNINGS else "info"
    said = seen.kind.replace("_", " ")
    return Event(f"aver.{seen.kind}", moment(seen.at), severity, said, attributes, tenant.name)
