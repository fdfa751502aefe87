"""The checks that come with Aver, by the names a bundle declares them under. Each is imported when it is first made."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from importlib import import_module
from typing import cast

from aver.guard.declared import Maker
from aver.guard.types import Check, Detector

__all__ = ["BUILT_IN"]


def _make(module: str, name: str) -> Detector | Check:
    return cast("Detector | Check", getattr(import_module(module), name)())


BUILT_IN: Mapping[str, Maker] = {
    "personal": partial(_make, "aver.guard.personal", "PersonalData"),
    "secrets": partial(_make, "aver.guard.secrets", "Secrets"),
}
