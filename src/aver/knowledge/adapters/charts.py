"""Charts of office documents: the title, and the numbers that are drawn, as a table."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from aver.knowledge.draft import Draft

__all__ = ["write_chart"]

_MOST_POINTS = 5_000
"""Of one series; a chart with more shows a shape, not numbers."""


def write_chart(root: Element | None, draft: Draft) -> None:
    """Append the chart whose part has this ``root``: its title as a caption, its categories and series as a table."""
    chart = root.find("c.chart") if root is not None else None
    if chart is None:
        return
    draft.gap()
    draft.caption(_words(chart.find("c.title")))
    series = [_Series(node) for node in chart.iter("c.ser")]
    categories = next((each.categories for each in series if each.categories), {})
    points = sorted(categories.keys() | {point for each in series for point in each.values})[:_MOST_POINTS]
    if points and any(each.values for each in series):
        axis = _words(chart.find("c.plotArea/c.catAx/c.title"))
        draft.row([axis, *(each.name for each in series)], header=True)
        for point in points:
            draft.row([categories.get(point, str(point + 1)), *(each.values.get(point, "") for each in series)])
    draft.gap()


class _Series:
    """One row of numbers, as the file that drew it last kept them."""

    def __init__(self, node: Element) -> None:
        self.name = " ".join(value.text or "" for value in node.findall("c.tx//c.v"))
        self.categories = _points(node, ("c.cat", "c.xVal"))
        self.values = _points(node, ("c.val", "c.yVal"))


def _points(series: Element, names: tuple[str, ...]) -> dict[int, str]:
    found = next((part for name in names if (part := series.find(name)) is not None), None)
    points: dict[int, str] = {}
    for cache in found if found is not None else ():
        holder = next((each for each in cache if each.tag in ("c.strCache", "c.numCache")), cache)
        for point in holder.findall("c.pt"):
            index = point.get("idx", "")
            if index.isdigit() and len(index) < 8:
                points[int(index)] = _plain(point.findtext("c.v") or "")
    return points


def _plain(text: str) -> str:
    """A cached number without the noise of binary fractions; other text as it is."""
    try:
        return f"{float(text):.11g}" if "." in text else text
    except ValueError:
        return text


def _words(title: Element | None) -> str:
    """The text of a title, typed or taken from a cell."""
    if title is None:
        return ""
    typed = "".join(run.text or "" for run in title.iter("a.t"))
    return typed or " ".join(value.text or "" for value in title.iter("c.v"))
