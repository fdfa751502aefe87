"""Sources, parsing, chunking, the index, cited passages."""

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
