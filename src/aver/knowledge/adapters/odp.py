"""OpenDocument presentations (ODP): slide by slide its title, its other text in order, then the speaker's notes."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from aver.knowledge.adapters.odf import OpenDocument, Writer, inline
from aver.knowledge.draft import Draft
from aver.knowledge.types import WHOLE

__all__ = ["read"]

_FURNITURE = frozenset({"header", "footer", "date-time", "page-number", "page"})


def read(data: bytes) -> Draft:
    document = OpenDocument(data)
    draft = Draft()
    styles = document.styles()
    writer = Writer(draft, styles)
    for number, slide in enumerate(document.body("presentation").findall("draw.page"), 1):
        draft.at(page=number, box=WHOLE, anchor=f"slide {number}")
        shapes = list(_shapes(slide))
        title = next((shape for shape in shapes if shape.get("presentation.class") == "title"), None)
        if title is not None:
            draft.heading(" ".join("".join(inline(line, styles)) for line in title.iter("text.p")), 1)
        for shape in shapes:
            if shape is not title and shape.get("presentation.class") not in _FURNITURE:
                draft.gap()
                writer.block(shape)
        notes = slide.find("presentation.notes")
        draft.at(page=number, box=WHOLE, anchor=f"slide {number}, notes")
        for shape in _shapes(notes) if notes is not None else ():
            if shape.get("presentation.class") == "notes":
                writer.block(shape)
    writer.notes()
    return draft


def _shapes(parent: Element) -> Iterator[Element]:
    """Frames and shapes, those in groups at the group's place; no prompt of an empty placeholder."""
    for node in parent:
        if node.tag in ("draw.g", "draw.a"):
            yield from _shapes(node)
        elif node.tag.startswith("draw.") and node.get("presentation.placeholder") != "true":
            yield node
