"""What people write in Slack, as Markdown. See https://docs.slack.dev/messaging/formatting-message-text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from aver.knowledge.sources.rendering import code, code_span, escaped, link

__all__ = ["markdown", "plain"]

_BLOCK = re.compile(r"```(.*?)```", re.DOTALL)
_INLINE = re.compile(r"`([^`\n]+)`|<([^<>\n]{1,4000})>")
_MARKS = re.compile(r"(?<![\w\\])\\([*_~])(?=[^\s\\])([^\n]{0,1000}?[^\s\\])\\\1(?!\w)")
"""Bold, italic and struck text, once escaped."""


def markdown(text: str, name: Callable[[str], str]) -> str:
    """``text`` with people's names, as ``name`` gives them by id, its code and its links; everything else in it is words."""
    parts = []
    for number, part in enumerate(_BLOCK.split(text)):
        if number % 2:
            parts.append(code(_unescaped(part)))
        elif part.strip():
            parts.append(_paragraphs("".join(_pieces(part.strip("\n"), name))))
    return "\n\n".join(parts)


def plain(text: str, name: Callable[[str], str]) -> str:
    """The words of ``text`` in one line."""
    words = _INLINE.sub(lambda found: _unescaped(found[1]) if found[1] else _reference(found[2], name)[0], text)
    return " ".join(_unescaped(words).replace("```", " ").split())


def _pieces(text: str, name: Callable[[str], str]) -> Iterator[str]:
    end = 0
    for found in _INLINE.finditer(text):
        yield _words(text[end : found.start()])
        end = found.end()
        if found[1]:
            yield code_span(_unescaped(found[1]))
            continue
        label, url = _reference(found[2], name)
        yield link(label, url)
    yield _words(text[end:])


def _words(text: str) -> str:
    return _MARKS.sub(r"\2", escaped(_unescaped(text)))


def _reference(inside: str, name: Callable[[str], str]) -> tuple[str, str]:
    """The label and the address of what stands between angle brackets; no address for a person, a channel or a group."""
    what, _, label = inside.partition("|")
    label = _unescaped(label)
    match what[:1]:
        case "@":
            return f"@{name(what[1:])}", ""
        case "#":
            return f"#{label or 'channel'}", ""
        case "!" if what.startswith("!subteam^"):
            return label or "@group", ""
        case "!":
            return label or f"@{what[1:].partition('^')[0]}", ""
        case _:
            url = _unescaped(what)
            return label or url.removeprefix("mailto:"), url


def _paragraphs(text: str) -> str:
    """Lines stay lines."""
    paragraphs = re.split(r"\n[ \t]*\n+", text)
    return "\n\n".join(re.sub(r"[ \t]*\n", r"\\\n", paragraph.strip()) for paragraph in paragraphs if paragraph.strip())


def _unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
