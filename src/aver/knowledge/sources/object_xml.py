"""The XML in which S3 and Azure list and refuse."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element

from aver.core.errors import AverError, Unavailable
from aver.knowledge.adapters.elements import read_xml
from aver.knowledge.sources.http import Reply

__all__ = ["refusal", "root_of", "size_of", "text_of"]

_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{1,79}")


def root_of(reply: Reply, name: str) -> Element:
    """The answer's root element, which is called ``name``; no tag in it bears a namespace. Raises
    :class:`~aver.core.errors.Unavailable` for anything else: an answer that is not understood is no list of what there is."""
    root = _read(reply)
    if root is None or root.tag != name:
        raise Unavailable("The store did not answer with a list of its objects", "Check its address and its kind.")
    return root


def text_of(element: Element, path: str) -> str:
    """What is written at ``path`` below ``element``; "" where nothing is."""
    return element.findtext(path) or ""


def size_of(element: Element, path: str) -> int:
    """A number of bytes."""
    written = text_of(element, path)
    if not (written.isascii() and written.isdigit()):
        raise Unavailable("The store lists an object without a size", "Check its address and its kind.")
    return int(written)


def refusal(reply: Reply, name: str = "Code") -> str:
    """The word that an error says under ``name``; "" where it says none. The rest of an error may repeat what was sent."""
    root = _read(reply) if b"<Error" in reply.body[:1000] else None
    word = "" if root is None else text_of(root, name)
    return word if _WORD.fullmatch(word) else ""


def _read(reply: Reply) -> Element | None:
    try:
        root = read_xml(reply.body)
    except AverError:
        return None
    for element in root.iter():
        element.tag = element.tag.lstrip("?")
    return root
