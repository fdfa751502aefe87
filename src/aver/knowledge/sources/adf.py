"""Atlassian Document Format, in which Jira keeps what people write, as Markdown.

What is not known is taken for a container: its text is never lost. See
https://developer.atlassian.com/cloud/jira/platform/apis/document/structure/.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from aver.knowledge.sources.rendering import escaped

__all__ = ["markdown"]

_DEEPEST = 60
"""Levels that keep their structure; what is deeper is text."""
_SAYING = {
    "mention": ("text",),
    "emoji": ("text", "shortName"),
    "status": ("text",),
    "inlineCard": ("url",),
    "inlineExtension": ("text",),
    "mediaInline": ("alt",),
    "placeholder": (),
}
"""Nodes within a line, and the attributes with what they say."""
_INLINE = frozenset({"text", "hardBreak", "date", *_SAYING})
_LANGUAGE = re.compile(r"[A-Za-z0-9+#-]{1,30}")
_LOWEST_HEADING = 6


def markdown(document: Any, *, below: int = 0) -> str:
    """The blocks of a document, headings ``below`` as many levels as those of the page around it. Plain text is a paragraph."""
    if not isinstance(document, dict):
        return escaped(document).strip() if isinstance(document, str) else ""
    return "\n\n".join(_blocks(document, below, 0))


def _blocks(node: dict[str, Any], below: int, depth: int) -> Iterator[str]:
    """What is inside ``node``, block by block; words that stand between blocks are a paragraph."""
    loose: list[dict[str, Any]] = []
    for child in _children(node):
        if child.get("type") in _INLINE or depth > _DEEPEST:
            loose.append(child)
            continue
        yield from _paragraph(loose)
        loose = []
        yield from (block for block in _block(child, below, depth + 1) if block.strip())
    yield from _paragraph(loose)


def _block(node: dict[str, Any], below: int, depth: int) -> Iterator[str]:
    kind = str(node.get("type"))
    if kind in _BLOCKS:
        yield from _BLOCKS[kind](node, below, depth)
        return
    yield _line(next(filter(None, (_attribute(node, name) for name in ("title", "text", "alt", "url"))), ""))
    yield from _blocks(node, below, depth)


def _heading(node: dict[str, Any], below: int, _: int) -> Iterator[str]:
    level = _attribute(node, "level")
    marks = "#" * min(_LOWEST_HEADING, below + (int(level) if level.isdigit() else 1))
    if words := _line(_words(node)):
        yield f"{marks} {words}"


def _quote(node: dict[str, Any], below: int, depth: int) -> Iterator[str]:
    inner = "\n\n".join(_blocks(node, below, depth))
    yield "\n".join(f"> {line}".rstrip() for line in inner.split("\n"))


def _paragraph(nodes: list[dict[str, Any]]) -> Iterator[str]:
    text = escaped("".join(_inline(node) for node in nodes)).strip()
    if text:
        yield text


def _bullets(node: dict[str, Any], below: int, depth: int) -> Iterator[str]:
    yield "\n".join(_item("- ", item, below, depth) for item in _children(node))


def _numbers(node: dict[str, Any], below: int, depth: int) -> Iterator[str]:
    order = _attribute(node, "order")
    first = int(order) if re.fullmatch("[0-9]{1,8}", order) else 1
    yield "\n".join(_item(f"{first + at}. ", item, below, depth) for at, item in enumerate(_children(node)))


def _item(sign: str, item: dict[str, Any], below: int, depth: int) -> str:
    return sign + "\n\n".join(_blocks(item, below, depth)).replace("\n", "\n" + " " * len(sign))


def _tasks(node: dict[str, Any], below: int, depth: int) -> Iterator[str]:
    yield "\n".join(_task(item, below, depth) for item in _children(node))


def _task(item: dict[str, Any], below: int, depth: int) -> str:
    """A task, or a list of those below the one before."""
    if item.get("type") == "taskList" and depth <= _DEEPEST:
        return "\n".join("  " + each.replace("\n", "\n  ") for each in _tasks(item, below, depth + 1))
    done = "x" if _attribute(item, "state") == "DONE" else " "
    return f"- [{done}] {_line(_words(item))}"


def _table(node: dict[str, Any], _below: int, _depth: int) -> Iterator[str]:
    rows = [[_line(_words(cell)) for cell in _children(row)] for row in _children(node)]
    width = max((len(row) for row in rows), default=0)
    lines = ["| " + " | ".join(row + [""] * (width - len(row))) + " |" for row in rows]
    if width:
        yield "\n".join([lines[0], "|" + " --- |" * width, *lines[1:]])


def _code(node: dict[str, Any], _below: int, _depth: int) -> Iterator[str]:
    text, language = _words(node), _attribute(node, "language")
    ticks = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, ticks + 1)
    yield f"{fence}{language if _LANGUAGE.fullmatch(language) else ''}\n{text}\n{fence}"


_BLOCKS: dict[str, Callable[[dict[str, Any], int, int], Iterator[str]]] = {
    "paragraph": lambda node, _, __: _paragraph(_children(node)),
    "heading": _heading,
    "blockquote": _quote,
    "panel": _quote,
    "bulletList": _bullets,
    "decisionList": _bullets,
    "orderedList": _numbers,
    "taskList": _tasks,
    "table": _table,
    "codeBlock": _code,
    "rule": lambda *_: iter(("---",)),
}


def _words(node: dict[str, Any]) -> str:
    """All text below ``node``, however deep, blocks apart by a space. With a stack of its own: documents nest as their authors like."""
    pieces: list[str] = []
    stack = _children(node)[::-1]
    while stack:
        child = stack.pop()
        if child.get("type") in _INLINE:
            pieces.append(_inline(child))
        elif inner := _children(child):
            pieces.append(" ")
            stack += inner[::-1]
        else:
            pieces.append(f" {_attribute(child, 'alt') or _attribute(child, 'url') or _attribute(child, 'text')}")
    return "".join(pieces)


def _inline(node: dict[str, Any]) -> str:
    """The text of a node within a line."""
    kind = node.get("type")
    if kind == "text":
        return _text(node)
    if kind == "hardBreak":
        return "\n"
    if kind == "date":
        return _date(_attribute(node, "timestamp"))
    if kind in _SAYING:
        return next(filter(None, (_attribute(node, name) for name in _SAYING[kind])), "")
    return _words(node)


def _text(node: dict[str, Any]) -> str:
    """Words; those of a link with where it leads, unless they say so."""
    text = node.get("text")
    words = text if isinstance(text, str) else ""
    address = next((_attribute(mark, "href") for mark in _listed(node, "marks") if mark.get("type") == "link"), "")
    return f"{words} ({address})" if address and address != words else words


def _date(milliseconds: str) -> str:
    try:
        return datetime.fromtimestamp(int(milliseconds) / 1000, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        return ""


def _children(node: dict[str, Any]) -> list[dict[str, Any]]:
    return _listed(node, "content")


def _listed(node: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = node.get(name)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _attribute(node: dict[str, Any], name: str) -> str:
    given = node.get("attrs")
    value = given.get(name) if isinstance(given, dict) else None
    return str(value) if isinstance(value, str | int) else ""


def _line(text: str) -> str:
    return escaped(" ".join(text.split()))
