"""HTML: the content of a page in reading order, without its furniture."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser, LexborNode

from aver.core.errors import TooLarge
from aver.knowledge.decoding import declared_in_html, decode
from aver.knowledge.draft import Draft

__all__ = ["ELEMENTS", "read", "tree", "write"]

_SKIPPED = frozenset(
    """head script style noscript template svg math canvas iframe object embed audio video map select datalist textarea button
    dialog img picture input progress meter""".split()  # noqa: SIM905 - tags, read as words
)
_FURNITURE = (
    "nav, footer, aside, [role=navigation], [role=banner], [role=contentinfo], [role=search], [role=complementary], "
    "[hidden], [aria-hidden=true], body > header, header ul, header ol"
)
_LISTS = frozenset({"ul", "ol", "menu", "dir"})
_BLOCKS = _LISTS | frozenset(
    """address article aside blockquote body caption center dd details div dl dt fieldset figcaption figure footer form header
    hgroup hr html legend li main nav optgroup option p pre search section summary table tbody td tfoot th thead tr
    """.split()  # noqa: SIM905
)
_INLINE = frozenset(
    """a abbr acronym b bdi bdo big br cite code col colgroup data del dfn em font i ins kbd label link mark meta nobr output
    param q rb rp rt ruby s samp small source span strike strong sub sup time title track tt u var wbr
    """.split()  # noqa: SIM905
)
_CAPTIONS = frozenset({"caption", "figcaption"})
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
ELEMENTS = _SKIPPED | _BLOCKS | _INLINE | frozenset(_HEADINGS)
"""Every tag that is HTML; another in angle brackets is a placeholder somebody typed."""

_VOID_OR_IMPLIED = frozenset(
    """area base br col embed hr img input link meta param source track wbr p li dt dd option optgroup rb rp rt thead tbody tfoot
    tr td th body html head""".split()  # noqa: SIM905
)
"""Tags that hold nothing, or that end when the next one begins."""
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9-]*)")
_DEEPEST = 500
"""The HTML standard's own algorithm takes quadratic time in the depth of a page; pages that people write stay below 100."""

_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_REFERENCE = re.compile(r"\[?[\w*†‡]{1,4}\]?$")
_LONGEST_CELL = 300
"""Characters; a table with blocks in a longer cell lays out a page, it does not tabulate."""
_MAIN_SHARE = 0.25
_SPAN_LIMIT = 200


def read(data: bytes) -> Draft:
    page = tree(decode(data, declared_in_html(data)))
    for node in page.css(_FURNITURE):
        node.decompose()
    draft = Draft()
    if page.body is not None:
        write(_main(page, page.body), draft)
    name = page.css_first("h1") or page.css_first("title")
    draft.title = name.text(deep=True) if name is not None else ""
    return draft


def tree(html: str) -> LexborHTMLParser:
    """``html`` parsed; raises :class:`TooLarge` when it is nested too deeply."""
    depth = position = 0
    while found := _TAG.search(html, position):
        position = found.end()
        name = found[2].lower()
        if name in _VOID_OR_IMPLIED:
            continue
        depth = max(depth - 1, 0) if found[1] else depth + 1
        if depth > _DEEPEST:
            raise TooLarge(
                f"The page is nested more than {_DEEPEST} elements deep", "Close its elements, or remove it."
            )
        if name in ("script", "style") and not found[1]:
            position = max(html.find(f"</{found[2]}", position), position)
    return LexborHTMLParser(html)


def _main(page: LexborHTMLParser, body: LexborNode) -> LexborNode:
    """The one element that holds the page's own content, where the page names it and it holds a fair share of the text."""
    named = page.css("main, [role=main]") or page.css("article")
    if len(named) == 1 and len(named[0].text()) >= _MAIN_SHARE * len(body.text()):
        return named[0]
    return body


def write(root: LexborNode, draft: Draft, *, slugs: bool = False) -> None:
    """Append everything below ``root`` to ``draft``. What stands under an element's id is anchored there; with ``slugs``, a
    heading without an id has the one that most renderers of Markdown give it."""
    _Writer(draft, slugs=slugs).walk(root)


def _slug(heading: str) -> str:
    return re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", heading.lower()).strip())


@dataclass(slots=True)
class _List:
    ordered: bool
    number: int
    marker: str = ""


class _Writer:
    def __init__(self, draft: Draft, *, flat: bool = False, slugs: bool = False) -> None:
        """``flat`` knows no headings and no tables, for text that becomes one line."""
        self._draft = draft
        self._flat = flat
        self._inline: list[str] = []
        self._lists: list[_List] = []
        self._captions = 0
        self._slugs: Counter[str] | None = Counter() if slugs else None

    def walk(self, root: LexborNode) -> None:
        """Write what is below ``root``, depth first with a stack of its own: pages nest deeper than Python calls do."""
        stack = _children(root)
        while stack:
            node, leaving = stack.pop()
            if leaving:
                self._leave(node)
            elif self._enter(node):
                stack.append((node, True))
                stack += _children(node)
        self._flush()

    def _enter(self, node: LexborNode) -> bool:
        """Write what ``node`` is by itself; whether its children are to be walked."""
        tag = node.tag or ""
        if tag == "-text":
            self._inline.append(re.sub(r"\s+", " ", node.text_content or ""))
            return False
        if tag.startswith(("-", "!")) or tag in _SKIPPED or _is_hidden(node):
            return False
        if tag == "br":
            self._inline.append("\n")
        elif tag in _HEADINGS and not self._flat:
            self._heading(node, _HEADINGS[tag])
        elif tag == "pre":
            self._flush()
            self._draft.code(_preformatted(node))
        elif tag == "table" and not self._flat:
            self._flush()
            return not self._table(node)
        elif tag == "sup":
            self._inline.append(_superscript(node))
        else:
            if tag in _BLOCKS or tag in _HEADINGS:
                self._flush()
                if anchor := node.attributes.get("id"):
                    self._draft.at(anchor=anchor)
            self._captions += tag in _CAPTIONS
            if tag in _LISTS:
                start = (node.attributes.get("start") or "1") if tag == "ol" else ""
                self._lists.append(_List(tag == "ol", int(start) if start.isdigit() else 1))
            elif tag == "li":
                self._number(node)
            return True
        return False

    def _leave(self, node: LexborNode) -> None:
        tag = node.tag or ""
        if tag in _BLOCKS or tag in _HEADINGS:
            self._flush()
        self._captions -= tag in _CAPTIONS
        if tag in _LISTS:
            self._lists.pop()
            if not self._lists:
                self._draft.gap()

    def _number(self, item: LexborNode) -> None:
        if not self._lists:
            self._lists.append(
                _List(ordered=False, number=1)
            )  # an item outside any list; closed by nothing, indents nothing
        current = self._lists[-1]
        value = item.attributes.get("value") or ""
        current.number = int(value) if value.isdigit() else current.number
        current.marker = f"{current.number}." if current.ordered else "-"
        current.number += 1

    def _flush(self) -> None:
        text = "".join(self._inline)
        self._inline.clear()
        if not text.strip():
            return
        for paragraph in re.split(r"\n\s*\n", text):
            if self._captions:
                self._draft.caption(paragraph)
            elif not self._lists:
                self._draft.paragraph(paragraph)
            elif paragraph.strip():
                current = self._lists[-1]
                self._draft.item(paragraph, depth=len(self._lists) - 1, marker=current.marker)
                current.marker = ""

    def _heading(self, node: LexborNode, level: int) -> None:
        text = _text(node)
        if self._lists:  # a heading inside an item is the item's first line
            self._inline.append(text)
            self._flush()
        else:
            self._flush()
            if anchor := self._anchor(node, text):
                self._draft.at(anchor=anchor)
            self._draft.heading(text, level)

    def _anchor(self, heading: LexborNode, text: str) -> str:
        """The id of a heading or of a target within it; failing both, the one that is made of its words."""
        named = heading.css_first("[id], a[name]")  # the heading itself is among what is looked at
        anchor = (named.attributes.get("id") or named.attributes.get("name") or "") if named is not None else ""
        if anchor or self._slugs is None:
            return anchor
        slug = _slug(text)
        self._slugs[slug] += 1
        return slug if self._slugs[slug] == 1 else f"{slug}-{self._slugs[slug] - 1}"

    def _table(self, table: LexborNode) -> bool:
        """Write a table of data row by row; False for a table that lays out a page, to be walked as blocks."""
        if len(table.css("table")) > 1:  # itself and others
            return False
        rows = [_row(row) for row in table.css("tr")]
        if max((len(cells) for cells in rows), default=0) < 2:
            return False
        blocks = table.css("td ul, td ol, td pre, td p + p, td h1, td h2, td h3, td h4")
        if any(len(_cell(node).text()) > _LONGEST_CELL for node in blocks):
            return False
        caption = table.css_first("caption")
        if anchor := table.attributes.get("id"):
            self._draft.at(anchor=anchor)
        if caption is not None:
            self._draft.caption(_text(caption))
        self._draft.gap()
        carried: dict[int, tuple[int, str]] = {}
        header = True
        columns = max(sum(_span(cell, "colspan") for cell in cells) for cells in rows)
        for cells in rows:
            header = header and all(cell.tag == "th" or _in_head(cell) for cell in cells)
            texts = _spanned(cells, carried)
            if all(_span(cell, "rowspan") > 1 for cell in cells) and len(texts) < columns:
                continue  # nothing but names of the rows that follow
            self._draft.row(_once(texts, cells), header)
        self._draft.gap()
        return True


def _children(node: LexborNode) -> list[tuple[LexborNode, bool]]:
    """What a stack needs to visit them in order."""
    return [(child, False) for child in node.iter(include_text=True)][::-1]


def _row(row: LexborNode) -> list[LexborNode]:
    return [cell for cell in row.iter() if cell.tag in ("td", "th")]


def _spanned(cells: list[LexborNode], carried: dict[int, tuple[int, str]]) -> list[str]:
    """The texts of a row, one a column: a cell that spans several stands in each, and so do those that span down from rows above
    (``carried``: column -> rows left, text)."""
    texts: list[str] = []
    remaining = iter(cells)
    while True:
        column = len(texts)
        if column in carried:
            left, text = carried.pop(column)
            if left > 1:
                carried[column] = (left - 1, text)
        else:
            cell = next(remaining, None)
            if cell is None:
                return texts
            text = _text(cell)
            down, across = _span(cell, "rowspan"), _span(cell, "colspan")
            for more in range(across):
                if down > 1:
                    carried[column + more] = (down - 1, text)
            texts += [text] * (across - 1)
        texts.append(text)


def _span(cell: LexborNode, direction: str) -> int:
    span = cell.attributes.get(direction) or ""
    return int(span) if span.isdigit() and 1 <= int(span) <= _SPAN_LIMIT else 1


def _once(texts: list[str], cells: list[LexborNode]) -> list[str]:
    """A title across the whole table is written once."""
    return texts[:1] if len(cells) == 1 and len(set(texts)) == 1 else texts


def _in_head(cell: LexborNode) -> bool:
    row = cell.parent
    return row is not None and row.parent is not None and row.parent.tag == "thead"


def _cell(node: LexborNode) -> LexborNode:
    while node.tag not in ("td", "th") and node.parent is not None:
        node = node.parent
    return node


def _text(node: LexborNode) -> str:
    """The words below ``node`` on one line, as a draft of their own would write them."""
    inner = Draft()
    _Writer(inner, flat=True).walk(node)
    return " ".join(inner.finish("").text.split())


def _preformatted(node: LexborNode) -> str:
    pieces: list[str] = []
    for part in node.traverse(include_text=True):
        if part.tag == "-text":
            pieces.append(part.text_content or "")
        elif part.tag == "br":
            pieces.append("\n")
    return "".join(pieces)


def _superscript(node: LexborNode) -> str:
    """An exponent as ``^2``; nothing for a reference mark, which points to a note; else the letters, as in 1st."""
    text = node.text().strip()
    if node.css_first("a") is not None and _REFERENCE.match(text):
        return ""
    return f"^{text}" if re.match("[-+\N{MINUS SIGN}]?[0-9]", text) else text


def _is_hidden(node: LexborNode) -> bool:
    style = node.attributes.get("style") if node.is_element_node else None
    return bool(style and _HIDDEN.search(style))
