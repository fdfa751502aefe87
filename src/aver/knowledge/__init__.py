"""Sources, parsing, chunking, the index, cited passages."""

from aver.knowledge.access import AccessList
from aver.knowledge.folder import FolderSource
from aver.knowledge.service import Knowledge
from aver.knowledge.types import (
    Document,
    DocumentText,
    Hit,
    IngestReport,
    ItemFailure,
    Progress,
    Source,
    SourceItem,
)

__all__ = [
    "AccessList",
    "Document",
    "DocumentText",
    "FolderSource",
    "Hit",
    "IngestReport",
    "ItemFailure",
    "Knowledge",
    "Progress",
    "Source",
    "SourceItem",
]
