"""XML of documents from strangers: no entities, no endless nesting, short names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from aver.core.errors import InvalidInput, TooLarge
from aver.knowledge.adapters.archive import damaged

__all__ = ["elements", "read_xml"]

_MOST_ELEMENTS = 4_000_000
_DEEPEST = 250

_NAMESPACES = (
    (re.compile(r"/wordprocessingml/(?:2006/)?main$"), ""),
    (re.compile(r"/officeDocument/(?:2006/)?math$"), "m."),
    (re.compile(r"/markup-compatibility/2006$"), "mc."),
    (re.compile(r"/package/2006/relationships$"), ""),
    (re.compile(r"/officeDocument/(?:2006/)?relationships$"), "r."),
    (re.compile(r"/presentationml/(?:2006/)?main$"), "p."),
    (re.compile(r"/spreadsheetml/(?:2006/)?main$"), "x."),
    (re.compile(r"/drawingml/(?:2006/)?main$"), "a."),
    (re.compile(r"/drawingml/(?:2006/)?chart$"), "c."),
    (re.compile(r"/drawingml/(?:2006/)?diagram$"), "dgm."),
    (re.compile(r"/drawingml/(?:2006/)?spreadsheetDrawing$"), "xdr."),
    (re.compile(r"/spreadsheetml/2018/threadedcomments$"), "tc."),
    (re.compile(r"^http://atlassian\.com/content$"), "ac."),
    (re.compile(r"^http://atlassian\.com/resource/identifier$"), "ri."),
)
"""Short prefixes. The transitional and the strict namespaces of the standard share theirs; what nobody reads has ``?``."""
_OPEN_DOCUMENT = re.compile(r"^urn:oasis:names:tc:opendocument:xmlns:([a-z-]+):1\.0$")
_OPEN_DOCUMENT_SHORT = {"drawing": "draw", "svg-compatible": "svg"}
"""OpenDocument's own are called as everybody calls them: ``text.p``, ``table.table``, ``draw.frame``."""


def read_xml(data: bytes) -> Element:
    """The root element; tags and attributes carry the short prefixes of this module.

    A document type is refused, because only one can define the entities with which a small file grows without end.
    """
    for root in elements([data], None):
        return root
    raise damaged()


def elements(chunks: Iterable[bytes], tags: frozenset[str] | None) -> Iterator[Element]:
    """Each element of these ``tags`` as soon as it is complete, without keeping what was read before; the root alone when
    ``tags`` is ``None``. An element inside one that is given out is not given out again."""
    reader = _Reader(tags)
    parser = reader.parser
    try:
        for chunk in chunks:
            parser.Parse(chunk, False)
            yield from reader.take()
        parser.Parse(b"", True)
    except (expat.ExpatError, ValueError):  # ValueError: an encoding that expat cannot map
        raise damaged() from None
    except LookupError:
        raise damaged() from None
    yield from reader.take()


class _Reader:
    def __init__(self, tags: frozenset[str] | None) -> None:
        self._tags = tags
        self._names: dict[str, str] = {}
        self._builder: TreeBuilder | None = None
        self._from = 0
        self._depth = 0
        self._count = 0
        self._ready: list[Element] = []
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = _refuse

    def take(self) -> list[Element]:
        ready, self._ready = self._ready, []
        return ready

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._depth += 1
        self._count += 1
        if self._depth > _DEEPEST or self._count > _MOST_ELEMENTS:
            raise TooLarge("The document is nested too deeply or has too many parts", "Split it, or save it again.")
        tag = self._short(name)
        if self._builder is None and (self._tags is None or tag in self._tags):
            self._builder, self._from = TreeBuilder(), self._depth
        if self._builder is not None:
            self._builder.start(tag, {self._short(key): value for key, value in attributes.items()})

    def _end(self, name: str) -> None:
        if self._builder is not None:
            self._builder.end(self._short(name))
            if self._depth == self._from:
                self._ready.append(self._builder.close())
                self._builder = None
        self._depth -= 1

    def _text(self, text: str) -> None:
        if self._builder is not None:
            self._builder.data(text)

    def _short(self, name: str) -> str:
        if name not in self._names:
            namespace, _, local = name.rpartition(" ")
            self._names[name] = _prefix(namespace) + local
        return self._names[name]


def _prefix(namespace: str) -> str:
    if found := _OPEN_DOCUMENT.search(namespace):
        return f"{_OPEN_DOCUMENT_SHORT.get(found[1], found[1])}."
    return next((prefix for known, prefix in _NAMESPACES if known.search(namespace)), "?" if namespace else "")


def _refuse(*_: object) -> None:
    raise InvalidInput("The document defines XML entities, which no office program does", "Do not trust this file.")
