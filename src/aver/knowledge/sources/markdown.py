"""Markdown that somebody else wrote, made part of a document: its paragraphs, lists, tables and code stay what they are, and nothing in it
reaches beyond itself.

It is read as CommonMark with tables and written anew from what was understood. Headings stand below those of the document; HTML, template
tags and everything else that a reader of Markdown might take for more than text is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from aver.knowledge.sources.rendering import code, code_span, escaped, link

__all__ = ["contained"]

_LONGEST_INLINE = 20_000
"""Characters of one paragraph whose marks are resolved: that takes quadratic time."""
_MARKDOWN = MarkdownIt("commonmark", {"maxNesting": 40}).enable(["table", "strikethrough"]).disable("inline")


def contained(text: str, below: int) -> str:
    """``text`` as Markdown, its headings under one of level ``below``, 1 to 5."""
    tokens = _MARKDOWN.parse(text.replace("\r\n", "\n").replace("\r", "\n"))
    for token in tokens:
        if token.type == "inline" and len(token.content) <= _LONGEST_INLINE:
            token.children = _INLINE.parseInline(token.content)[0].children
    return "\n\n".join(_blocks(SyntaxTreeNode(tokens).children, below))


_INLINE = MarkdownIt("commonmark").enable("strikethrough")


def _blocks(nodes: Iterable[SyntaxTreeNode], below: int) -> Iterator[str]:
    for node in nodes:
        if block := _block(node, below):
            yield block


def _block(node: SyntaxTreeNode, below: int) -> str:  # noqa: PLR0911 - one a kind
    match node.type:
        case "heading" if below:
            words = " ".join(_text(node).split())
            return f"{'#' * min(6, below + int(node.tag[1:]))} {words}" if words else ""
        case "fence" | "code_block":
            return code(node.content, node.info if node.type == "fence" else "")
        case "bullet_list" | "ordered_list":
            start = int(node.attrs.get("start", 1)) if node.type == "ordered_list" else None
            return "\n".join(_items(node.children, start))
        case "blockquote":
            return _indented("\n\n".join(_blocks(node.children, 0)), "> ", "> ")
        case "table":
            return "\n".join(_rows(node))
        case "html_block":
            return escaped(node.content.strip("\n"))
        case "hr":
            return ""
        case _:
            return _text(node)


def _items(items: Iterable[SyntaxTreeNode], start: int | None) -> Iterator[str]:
    for number, item in enumerate(items):
        mark = "- " if start is None else f"{(start + number) % 10**9}. "
        yield _indented("\n\n".join(_blocks(item.children, 0)), mark, " " * len(mark))


def _indented(text: str, first: str, others: str) -> str:
    """What stands within an item or a quotation: headings in it are words, for a document has none there."""
    lines = text.split("\n")
    return "\n".join(f"{others if number else first}{line}".rstrip() for number, line in enumerate(lines))


def _rows(table: SyntaxTreeNode) -> Iterator[str]:
    rows = [row for part in table.children for row in part.children]
    for number, row in enumerate(rows):
        cells = [" ".join(_text(cell).split()) for cell in row.children]
        yield f"| {' | '.join(cells)} |"
        if number == 0:
            yield f"| {' | '.join('---' for _ in cells)} |"


def _text(node: SyntaxTreeNode) -> str:
    """The words of a block. Emphasis is left out; code and links to the web stay."""
    return "".join(_words(node.children))


def _words(nodes: Iterable[SyntaxTreeNode]) -> Iterator[str]:
    plain: list[str] = []
    for kind, text in _pieces(nodes):
        if kind == "text":
            plain.append(text)
            continue
        yield escaped("".join(plain))
        plain.clear()
        yield text
    yield escaped("".join(plain))


def _pieces(nodes: Iterable[SyntaxTreeNode]) -> Iterator[tuple[str, str]]:
    for node in nodes:
        match node.type:
            case "inline" if not node.children:
                yield "text", node.content
            case "text" | "html_inline":
                yield "text", node.content
            case "softbreak" | "hardbreak":
                yield "text", "\n"
            case "code_inline":
                yield "code", code_span(node.content)
            case "image":
                yield "text", node.content
            case "link":
                label = "".join(text for _, text in _pieces(node.children))
                yield "link", link(label, str(node.attrs.get("href", "")))
            case _:
                yield from _pieces(node.children)
