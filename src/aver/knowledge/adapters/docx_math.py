"""Formulas of office documents (OMML, ECMA-376 part 1, 22.1), written on one line."""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree.ElementTree import Element

__all__ = ["formula"]


def formula(node: Element) -> str:
    """``node`` as people type it: ``(a+b)/2``, ``x^2``, ``√(n)``, ``∑_(n=1)^∞ n``."""
    part = {child.tag.removeprefix("m."): child for child in node}
    match node.tag.removeprefix("m."):
        case "t":
            written = node.text or ""
        case "f":
            written = f"{_grouped(part.get('num'))}/{_grouped(part.get('den'))}"
        case "sSup" | "sSub" | "sSubSup":
            written = _grouped(part.get("e")) + _limits(part)
        case "rad":
            written = f"{_written(part.get('deg'))}√({_written(part.get('e'))})"
        case "nary":
            written = f"{_property(node, 'm.naryPr/m.chr', '∫')}{_limits(part)} {_written(part.get('e'))}"
        case "d":
            inside = ", ".join(formula(child) for child in node.findall("m.e"))
            written = _property(node, "m.dPr/m.begChr", "(") + inside + _property(node, "m.dPr/m.endChr", ")")
        case "func":
            written = f"{_written(part.get('fName'))} {_grouped(part.get('e'))}"
        case _:
            written = "".join(formula(child) for child in node)
    return written


def _limits(part: Mapping[str, Element]) -> str:
    below, above = _grouped(part.get("sub")), _grouped(part.get("sup"))
    return (f"_{below}" if below else "") + (f"^{above}" if above else "")


def _written(node: Element | None) -> str:
    return formula(node).strip() if node is not None else ""


def _grouped(node: Element | None) -> str:
    """In brackets when it is more than one name, number or bracketed group."""
    text = _written(node)
    bracketed = text.startswith("(") and text.endswith(")") and text.count("(") == 1
    return text if len(text) <= 1 or text.isalnum() or bracketed else f"({text})"


def _property(node: Element, path: str, default: str) -> str:
    found = node.find(path)
    return found.get("m.val", default) if found is not None else default
