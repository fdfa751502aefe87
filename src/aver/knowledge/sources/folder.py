"""A folder of this machine as a declared source."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aver.gateway.config.shapes import Field, Text
from aver.knowledge.folder import FolderSource
from aver.knowledge.sources.types import Kind, Reach

__all__ = ["KIND"]


@dataclass(frozen=True, slots=True)
class Options:
    path: str


def _open(name: str, options: Options, reach: Reach) -> FolderSource:
    return FolderSource(Path(options.path), name, reach.max_bytes)


KIND = Kind(
    "folder",
    "Files of a folder on the server's own disk.",
    {"path": Field(Text(), "The folder, as an absolute path.", required=True)},
    Options,
    _open,
)
