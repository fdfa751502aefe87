"""Office documents as packages: a ZIP archive of XML parts that relate to one another (ECMA-376 part 2)."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from aver.knowledge.adapters.archive import Archive
from aver.knowledge.adapters.elements import elements, read_xml

__all__ = ["Package", "Relation"]


@dataclass(frozen=True, slots=True)
class Relation:
    """Where one part points to. ``kind`` is the last word of its type; ``part`` is empty for what is outside the package."""

    kind: str
    part: str


class Package:
    """The parts of an office document. Raises :class:`~aver.core.errors.InvalidInput` for a damaged archive or part."""

    def __init__(self, data: bytes) -> None:
        self._archive = Archive(data)

    def related(self, kind: str, part: str = "") -> Element | None:
        """The part that ``part`` (the package itself when empty) relates to as ``kind``, parsed; ``None`` without one."""
        name = self.target(kind, part)
        return self.part(name) if name else None

    def target(self, kind: str, part: str = "") -> str:
        """The name of that part; empty without one."""
        return next(iter(self.targets(kind, part)), "")

    def targets(self, kind: str, part: str = "") -> list[str]:
        """The names of all parts that ``part`` relates to as ``kind``, in the file's order."""
        return [each.part for each in self.relations(part).values() if each.kind == kind and each.part]

    def relations(self, part: str = "") -> dict[str, Relation]:
        """Everything ``part`` points to, by the id it uses for it."""
        folder, base = posixpath.split(part)
        root = self.part(posixpath.join(folder, "_rels", f"{base}.rels"))
        found: dict[str, Relation] = {}
        for each in root if root is not None else ():
            inside = each.get("TargetMode") != "External"
            path = posixpath.normpath(posixpath.join("/", folder, each.get("Target", ""))).lstrip("/") if inside else ""
            found[each.get("Id", f"?{len(found)}")] = Relation(each.get("Type", "").rpartition("/")[2], path)
        return found

    def part(self, name: str) -> Element | None:
        """The part called ``name``, parsed; ``None`` when there is none."""
        data = self._archive.read(name)
        return None if data is None else read_xml(data)

    def each(self, name: str, tags: frozenset[str]) -> Iterator[Element]:
        """The elements of these ``tags`` in the part called ``name``, one at a time: for parts too large to hold."""
        return elements(self._archive.chunks(name), tags)
