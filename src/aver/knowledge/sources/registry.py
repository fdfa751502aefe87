"""The kinds of sources there are: Aver's own, and those that installed packages add under the entry point ``aver.sources``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from aver.core.errors import MissingExtra, SettingsError
from aver.core.yaml import nearest
from aver.knowledge.sources.types import Kind

__all__ = ["kind_of", "kinds"]

ENTRY_POINTS = "aver.sources"
_BUILT_IN = ("azure", "confluence", "folder", "gcs", "git", "github", "jira", "s3", "slack", "sql", "web")


def kinds() -> Mapping[str, Callable[[], Kind[Any]]]:
    """What makes each kind, by its name. A package's kind does not replace one of Aver's own."""
    found: dict[str, Callable[[], Kind[Any]]] = {each.name: each.load for each in entry_points(group=ENTRY_POINTS)}
    return found | {name: _built_in(name) for name in _BUILT_IN}


def kind_of(name: str) -> Kind[Any]:
    """The kind called ``name``. Raises :class:`~aver.core.errors.SettingsError` where there is none, and
    :class:`~aver.core.errors.MissingExtra` where what it needs is not installed."""
    known = kinds()
    if name not in known:
        raise SettingsError(f"There is no kind of source {name[:60]!r}", nearest(name, known))
    try:
        return known[name]()
    except ModuleNotFoundError as error:
        raise MissingExtra(str(error.name), name) from error


def _built_in(name: str) -> Callable[[], Kind[Any]]:
    def load() -> Kind[Any]:
        kind: Kind[Any] = import_module(f"aver.knowledge.sources.{name}").KIND
        return kind

    return load
