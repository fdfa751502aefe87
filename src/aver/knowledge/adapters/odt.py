"""OpenDocument texts (ODT)."""

from __future__ import annotations

from aver.knowledge.adapters.odf import OpenDocument, Writer
from aver.knowledge.draft import Draft

__all__ = ["read"]


def read(data: bytes) -> Draft:
    document = OpenDocument(data)
    draft = Draft()
    writer = Writer(draft, document.styles(), places=True)
    writer.blocks(document.body("text"))
    writer.notes()
    return draft
