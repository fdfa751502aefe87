"""Sources, parsing, chunking, the index, cited passages."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aver.knowledge.access import AccessList
    from aver.knowledge.folder import FolderSource
    from aver.knowledge.service import Knowledge
    from aver.knowledge.types import (
        CursorExpired,
        Document,
        DocumentText,
        Hit,
        IngestReport,
        ItemFailure,
        Page,
        Progress,
        Source,
        SourceItem,
    )

__all__ = [
    "AccessList",
    "CursorExpired",
    "Document",
    "DocumentText",
    "FolderSource",
    "Hit",
    "IngestReport",
    "ItemFailure",
    "Knowledge",
    "Page",
    "Progress",
    "Source",
    "SourceItem",
]

_MODULES = {"AccessList": "access", "FolderSource": "folder", "Knowledge": "service"}


def __getattr__(name: str) -> Any:
    """Import what is asked for: a parser process needs neither the database nor the index."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES.get(name, 'types')}"), name)
