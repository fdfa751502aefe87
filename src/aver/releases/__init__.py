"""Releases: a bundle under one digest, its registry, and how it meets traffic."""

from aver.releases.registry import Registry
from aver.releases.types import Environment, Event, FrozenFile, GateRecord, Manifest, Move, Provenance, Release, SignOff

__all__ = [
    "Environment",
    "Event",
    "FrozenFile",
    "GateRecord",
    "Manifest",
    "Move",
    "Provenance",
    "Registry",
    "Release",
    "SignOff",
]
