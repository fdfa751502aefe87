"""Presentations (PPTX): slide by slide its title, then its text, tables, charts and pictures' words in their reading order, then
the speaker's notes.

The reading order is the order of the shapes in the file, which is the one that PowerPoint's own reading pane and screen readers
follow. Dates, footers, slide numbers, comments and descriptions that a program made up are not read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from xml.etree.ElementTree import Element

from aver.core.errors import InvalidInput
from aver.knowledge.adapters.charts import write_chart
from aver.knowledge.adapters.drawing import alternative, lines, write_lines, write_table
from aver.knowledge.adapters.opc import Package, Relation
from aver.knowledge.draft import Draft
from aver.knowledge.types import WHOLE

__all__ = ["read"]

_FURNITURE = frozenset({"dt", "ftr", "sldNum", "hdr", "sldImg"})
_TITLES = frozenset({"title", "ctrTitle"})
_MOST_SLIDES = 5_000


def read(data: bytes) -> Draft:
    package = Package(data)
    name = package.target("officeDocument") or "ppt/presentation.xml"
    root = package.part(name)
    if root is None or root.tag != "p.presentation":
        raise InvalidInput("The file holds no presentation", "Save it again as PPTX.")
    relations = package.relations(name)
    draft = Draft()
    masters = _Masters(package)
    for number, entry in enumerate(root.findall("p.sldIdLst/p.sldId")[:_MOST_SLIDES], 1):
        relation = relations.get(entry.get("r.id", ""))
        slide = package.part(relation.part) if relation is not None and relation.part else None
        if relation is not None and slide is not None:
            draft.at(page=number, box=WHOLE, anchor=f"slide {number}")
            _Slide(package, relation.part, masters, draft).write(slide)
            draft.at(page=number, box=WHOLE, anchor=f"slide {number}, notes")
            _notes(package, relation.part, draft)
    return draft


def _notes(package: Package, slide: str, draft: Draft) -> None:
    notes = package.related("notesSlide", slide)
    for shape in notes.iter("p.sp") if notes is not None else ():
        body = shape.find("p.txBody")
        if body is not None and _role(shape) == "body":
            write_lines(lines(body), draft)


class _Masters:
    """Where the paragraphs of placeholders inherit from: layouts and their masters, each read once."""

    def __init__(self, package: Package) -> None:
        self._package = package
        self._parts: dict[str, Element | None] = {}

    def of(self, slide: str) -> tuple[Element | None, Element | None]:
        """The layout and the master of the slide in this part."""
        layout = self._package.target("slideLayout", slide)
        return self._part(layout), self._part(self._package.target("slideMaster", layout) if layout else "")

    def _part(self, name: str) -> Element | None:
        if name not in self._parts:
            self._parts[name] = self._package.part(name) if name else None
        return self._parts[name]


class _Slide:
    def __init__(self, package: Package, name: str, masters: _Masters, draft: Draft) -> None:
        self._package = package
        self._draft = draft
        self._relations: dict[str, Relation] = package.relations(name)
        self._layout, self._master = masters.of(name)

    def write(self, slide: Element) -> None:
        tree = slide.find("p.cSld/p.spTree")
        shapes = list(_shapes(tree)) if tree is not None else []
        titles = [shape for shape in shapes if _role(shape) in _TITLES and shape.find("p.txBody") is not None]
        for shape in titles[:1]:
            text = " ".join(line.text for line in lines(_body(shape)))
            self._draft.heading(text, 1)
        for shape in shapes:
            if shape not in titles[:1] and _role(shape) not in _FURNITURE:
                self._shape(shape)

    def _shape(self, shape: Element) -> None:
        self._draft.gap()
        if shape.tag == "p.graphicFrame":
            self._graphic(shape)
            return
        if (body := shape.find("p.txBody")) is not None:
            role = _role(shape)
            if role in (*_TITLES, "subTitle"):
                self._draft.paragraph("\n".join(line.text for line in lines(body)))
            else:
                write_lines(lines(body, self._inheriting(shape)), self._draft)
        if shape.tag == "p.pic":
            self._draft.caption(alternative(shape.find("p.nvPicPr/p.cNvPr")))

    def _graphic(self, frame: Element) -> None:
        data = frame.find("a.graphic/a.graphicData")
        for node in data if data is not None else ():
            if node.tag == "a.tbl":
                write_table(node, self._draft)
            elif node.tag == "c.chart":
                write_chart(self._related(node.get("r.id", "")), self._draft)
            elif node.tag == "dgm.relIds":
                self._diagram(self._related(node.get("r.dm", "")))
        self._draft.caption(alternative(frame.find("p.nvGraphicFramePr/p.cNvPr")))

    def _diagram(self, model: Element | None) -> None:
        """SmartArt: its texts, in the order of its points."""
        for point in model.findall("dgm.ptLst/dgm.pt") if model is not None else ():
            body = point.find("dgm.t")
            if body is not None and point.get("type", "node") in ("node", "asst"):
                self._draft.item(" ".join(line.text for line in lines(body)), marker="-")
        self._draft.gap()

    def _related(self, key: str) -> Element | None:
        relation = self._relations.get(key)
        return self._package.part(relation.part) if relation is not None and relation.part else None

    def _inheriting(self, shape: Element) -> Callable[[int], Element | None]:
        """What the placeholders it takes after say of its paragraphs, by depth."""
        place = shape.find("p.nvSpPr/p.nvPr/p.ph")
        if place is None:
            return lambda _: None
        kind, index = place.get("type", "obj"), place.get("idx", "0")
        bodies = [_placeholder(root, kind, index) for root in (self._layout, self._master)]

        def of(depth: int) -> Element | None:
            level = f"a.lvl{depth + 1}pPr"
            found = [body.find(f"a.lstStyle/{level}") for body in bodies if body is not None]
            if self._master is not None and kind in ("obj", "body"):
                found.append(self._master.find(f"p.txStyles/p.bodyStyle/{level}"))
            return _merged([each for each in found if each is not None])

        return of


def _merged(layers: list[Element]) -> Element | None:
    """The first of ``layers`` that says what stands before a paragraph."""
    for layer in layers:
        if any(node.tag in ("a.buNone", "a.buChar", "a.buBlip", "a.buAutoNum") for node in layer):
            return layer
    return None


def _placeholder(root: Element | None, kind: str, index: str) -> Element | None:
    """The text body of the placeholder of a layout or master that a slide's placeholder takes after."""
    same_kind = None
    for shape in root.iter("p.sp") if root is not None else ():
        place = shape.find("p.nvSpPr/p.nvPr/p.ph")
        if place is None:
            continue
        if place.get("idx", "0") == index and index != "0":
            return shape.find("p.txBody")
        if place.get("type", "obj") == kind or {place.get("type", "obj"), kind} == {"obj", "body"}:
            same_kind = shape if same_kind is None else same_kind
    return same_kind.find("p.txBody") if same_kind is not None else None


def _shapes(tree: Element) -> Iterator[Element]:
    """Shapes, frames and pictures, those in groups at the group's place; of alternatives the first that holds any."""
    for node in tree:
        if node.tag in ("p.sp", "p.graphicFrame", "p.pic", "p.cxnSp"):
            if not _is_hidden(node):
                yield node
        elif node.tag == "p.grpSp":
            yield from _shapes(node)
        elif node.tag == "mc.AlternateContent":
            yield from next((found for choice in node if (found := list(_shapes(choice)))), [])


def _is_hidden(shape: Element) -> bool:
    properties = shape.find("./*/p.cNvPr")
    return properties is not None and properties.get("hidden", "0") in ("1", "true")


def _role(shape: Element) -> str:
    """What a placeholder is for; empty for other shapes."""
    place = shape.find("./*/p.nvPr/p.ph")
    return place.get("type", "obj") if place is not None else ""


def _body(shape: Element) -> Element:
    body = shape.find("p.txBody")
    return body if body is not None else shape
