"""Confluence's storage format as plain HTML: what a reader of the page sees, and nothing that acts.

Tags are those of a short list, with no attributes but a table's spans and the addresses of links; all other elements give their content.
See https://confluence.atlassian.com/doc/confluence-storage-format-790796544.html.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from xml.etree.ElementTree import Element

from aver.core.errors import InvalidInput, TooLarge
from aver.knowledge.adapters.elements import read_xml

__all__ = ["html_page"]

_KEPT = frozenset(
    """p h1 h2 h3 h4 h5 h6 ul ol li dl dt dd table thead tbody tfoot tr th td caption blockquote pre code strong b em i u s del sub sup
    br hr a""".split()  # noqa: SIM905 - tags, read as words
)
_EMPTY = frozenset({"br", "hr"})
_SILENT = frozenset(
    """script style ac.parameter ac.placeholder ac.adf-attribute ac.adf-fallback ac.task-id ac.task-uuid ac.task-status
    ac.structured-macro-id""".split()  # noqa: SIM905
)
"""What is not shown, or is shown by the element around it."""
_ADDRESS = re.compile(r"(?:https?://|mailto:)[^\s\"'<>]{1,2000}", re.IGNORECASE)
_SPAN = re.compile(r"[1-9][0-9]{0,2}")
_ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]{0,40});")
_XML_ENTITIES = frozenset({"amp", "lt", "gt", "quot", "apos"})
_CODE = frozenset({"code", "noformat", "html", "markdown"})
_ROOT = '<page xmlns:ac="http://atlassian.com/content" xmlns:ri="http://atlassian.com/resource/identifier">'
_RESOURCES = ("ri.content-title", "ri.filename", "ri.value", "ri.space-key")


def html_page(title: str, storage: str) -> bytes:
    """A document called ``title``. Raises :class:`~aver.core.errors.InvalidInput` for what is not in the storage format, and
    :class:`~aver.core.errors.TooLarge` for what is nested too deeply."""
    try:
        root = read_xml(f"{_ROOT}{_as_xml(storage)}</page>".encode("utf-8", "replace"))
    except TooLarge:
        raise
    except InvalidInput:
        raise InvalidInput("The page is not in Confluence's storage format", "Open it, and save it again.") from None
    name = html.escape(title)
    body = "".join(_inside(root))
    return f"<!DOCTYPE html><html><head><title>{name}</title></head><body><h1>{name}</h1>{body}</body></html>".encode()


def _as_xml(storage: str) -> str:
    """With HTML's named characters as they are, since XML does not know them. What stands in CDATA stands for itself."""
    pieces, done = [], 0
    while (start := storage.find("<![CDATA[", done)) >= 0 and (end := storage.find("]]>", start)) >= 0:
        pieces += [_ENTITY.sub(_character, storage[done:start]), storage[start:end]]
        done = end
    return "".join([*pieces, _ENTITY.sub(_character, storage[done:])])


def _character(entity: re.Match[str]) -> str:
    return entity[0] if entity[1] in _XML_ENTITIES else html.escape(html.unescape(entity[0]))


def _inside(element: Element) -> Iterator[str]:
    """The content of an element; it is no deeper than the XML that was read."""
    yield html.escape(element.text or "")
    for child in element:
        yield from _shown(child)
        yield html.escape(child.tail or "")


def _shown(element: Element) -> Iterator[str]:
    tag = element.tag
    if tag in _SILENT:
        return
    special = _SPECIAL.get(tag)
    if special is not None:
        yield from special(element)
    elif tag in _EMPTY:
        yield f"<{tag}>"
    elif tag in _KEPT:
        yield f"<{tag}{''.join(_attributes(element))}>"
        yield from _inside(element)
        yield f"</{tag}>"
    else:
        yield from _inside(element)


def _attributes(element: Element) -> Iterator[str]:
    address = element.get("href", "") if element.tag == "a" else ""
    if _ADDRESS.fullmatch(address):
        yield f' href="{html.escape(address)}"'
    for name in ("colspan", "rowspan") if element.tag in ("td", "th") else ():
        if _SPAN.fullmatch(element.get(name, "")):
            yield f' {name}="{element.get(name)}"'


def _macro(macro: Element) -> Iterator[str]:
    """A macro: its title and its text, whatever it is. Code keeps its lines."""
    name = macro.get("ac.name", "")
    given = {each.get("ac.name", ""): each for each in macro.findall("ac.parameter")}
    title = given.get("title")
    words = "".join(title.itertext()).strip() if title is not None else ""
    if name in ("status", "jira"):
        label = given.get("key", title)
        yield html.escape("".join(label.itertext()) if label is not None else "")
        return
    if words:
        yield f"<p><strong>{html.escape(words)}</strong></p>"
    for body in macro:
        if body.tag == "ac.rich-text-body":
            yield from _block(body)
        elif body.tag == "ac.plain-text-body" and (name in _CODE or "".join(body.itertext()).strip()):
            yield f"<pre>{html.escape(''.join(body.itertext()))}</pre>"
        elif body.tag not in _SILENT:
            yield from _shown(body)


def _block(element: Element) -> Iterator[str]:
    yield "<div>"
    yield from _inside(element)
    yield "</div>"


def _link(link: Element) -> Iterator[str]:
    """A link within the site: its own words, else the name of what it leads to."""
    for body in (link.find("ac.link-body"), link.find("ac.plain-text-link-body")):
        if body is not None and "".join(body.itertext()).strip():
            yield from _inside(body)
            return
    names = (each.get(name) for each in link for name in _RESOURCES)
    yield html.escape(next(filter(None, names), link.get("ac.anchor") or ""))


def _image(image: Element) -> Iterator[str]:
    """The words about a picture."""
    caption = image.find("ac.caption")
    said = image.get("ac.alt") or image.get("ac.title") or ""
    if caption is not None:
        yield "<figure><figcaption>"
        yield from _inside(caption)
        yield "</figcaption></figure>"
    elif said:
        yield f"<figure><figcaption>{html.escape(said)}</figcaption></figure>"


def _tasks(tasks: Element) -> Iterator[str]:
    yield "<ul>"
    yield from _inside(tasks)
    yield "</ul>"


def _task(task: Element) -> Iterator[str]:
    done = (task.findtext("ac.task-status") or "").strip() == "complete"
    yield f"<li>[{'x' if done else ' '}] "
    yield from _inside(task)
    yield "</li>"


def _emoticon(emoticon: Element) -> Iterator[str]:
    yield html.escape(emoticon.get("ac.emoji-fallback") or "")


def _time(time: Element) -> Iterator[str]:
    yield html.escape(time.get("datetime") or "".join(time.itertext()))


_SPECIAL: dict[str, Callable[[Element], Iterator[str]]] = {
    "ac.structured-macro": _macro,
    "ac.macro": _macro,
    "ac.link": _link,
    "ac.image": _image,
    "ac.task-list": _tasks,
    "ac.task": _task,
    "ac.emoticon": _emoticon,
    "ac.layout-cell": _block,
    "ac.adf-content": _block,
    "time": _time,
}
