"""Office documents as packages: a ZIP archive of XML parts that relate to one another (ECMA-376 part 2)."""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
import zlib
from collections.abc import Mapping
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

from aver.core.errors import InvalidInput, TooLarge

__all__ = ["Package", "read_xml"]

_MOST_BYTES = 64 * 2**20
"""Of one part, unpacked. A thousand pages of text take about 10 MB."""
_MOST_ELEMENTS = 4_000_000
_DEEPEST = 250

_NAMESPACES = (
    (re.compile(r"/wordprocessingml/(?:2006/)?main$"), ""),
    (re.compile(r"/officeDocument/(?:2006/)?math$"), "m."),
    (re.compile(r"/markup-compatibility/2006$"), "mc."),
    (re.compile(r"/package/2006/relationships$"), ""),
)
"""Short prefixes. The transitional and the strict namespaces of the standard share theirs; what nobody reads has ``?``."""


class Package:
    """The parts of an office document. Raises :class:`InvalidInput` for a damaged archive or part."""

    def __init__(self, data: bytes) -> None:
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
            raise _damaged() from None
        self._names = {name.lower(): name for name in self._archive.namelist()}

    def related(self, kind: str, part: str = "") -> Element | None:
        """The part that ``part`` (the package itself when empty) relates to as ``kind``, parsed; ``None`` without one."""
        name = self.target(kind, part)
        return self.part(name) if name else None

    def target(self, kind: str, part: str = "") -> str:
        """The name of that part; empty without one."""
        folder, base = posixpath.split(part)
        relationships = self.part(posixpath.join(folder, "_rels", f"{base}.rels"))
        for relationship in relationships if relationships is not None else ():
            if relationship.get("Type", "").endswith(f"/{kind}") and relationship.get("TargetMode") != "External":
                return posixpath.normpath(posixpath.join("/", folder, relationship.get("Target", ""))).lstrip("/")
        return ""

    def part(self, name: str) -> Element | None:
        """The part called ``name``, parsed; ``None`` when there is none."""
        actual = self._names.get(name.lower())
        if actual is None:
            return None
        try:
            if self._archive.getinfo(actual).file_size > _MOST_BYTES:
                raise TooLarge(
                    f"The document's part {name} unpacks to more than {_MOST_BYTES // 2**20} MB", "Split it."
                )
            return read_xml(self._archive.read(actual))
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, ValueError, NotImplementedError):
            raise _damaged() from None


def read_xml(data: bytes) -> Element:
    """The root element; tags and attributes carry the short prefixes of this module.

    A document type is refused, because only one can define the entities with which a small file grows without end.
    """
    names: dict[str, str] = {}
    builder = TreeBuilder()
    depth = elements = 0

    def short(name: str) -> str:
        if name not in names:
            namespace, _, local = name.rpartition(" ")
            prefix = next(
                (prefix for known, prefix in _NAMESPACES if known.search(namespace)), "?" if namespace else ""
            )
            names[name] = prefix + local
        return names[name]

    def start(name: str, attributes: Mapping[str, str]) -> None:
        nonlocal depth, elements
        depth += 1
        elements += 1
        if depth > _DEEPEST or elements > _MOST_ELEMENTS:
            raise TooLarge("The document is nested too deeply or has too many parts", "Split it, or save it again.")
        builder.start(short(name), {short(key): value for key, value in attributes.items()})

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(short(name))

    def refuse(*_: object) -> None:
        raise InvalidInput("The document defines XML entities, which no office program does", "Do not trust this file.")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(data, True)
    except expat.ExpatError:
        raise _damaged() from None
    root: Element = builder.close()
    return root


def _damaged() -> InvalidInput:
    return InvalidInput("The document is damaged", "Open it in its program and save it again.")
