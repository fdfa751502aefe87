"""Markdown (CommonMark with tables), with the front matter, template tags and HTML islands that handbooks carry."""

from __future__ import annotations

import re
from typing import Any

import yaml
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from aver.knowledge.adapters.html import ELEMENTS, tree, write
from aver.knowledge.decoding import decode
from aver.knowledge.draft import Draft

__all__ = ["read"]

_FRONT_MATTER = re.compile(r"---[ \t]*\r?\n(.{0,65536}?)^(?:---|\.\.\.)[ \t]*$", re.DOTALL | re.MULTILINE)
_CLOSED = "closed"
_CLOSING = re.compile(r"</([A-Za-z][\w:.-]*)\s*>")
_TAG = re.compile(r"<(/?)([A-Za-z][\w:.-]*)")

_CODE = re.compile(
    r"^[ \t]*(?P<fence>```+|~~~+)[^\n]*\n.*?(?:^[ \t]*(?P=fence)[`~]*[ \t]*$|\Z)|`[^`\n]+`", re.DOTALL | re.MULTILINE
)
_RAW = re.compile(r"\{%-?\s*(?:end)?raw\s*-?%\}")
_COMMENT = re.compile(r"\{%-?\s*(end)?comment\s*-?%\}")
_LIQUID = re.compile(
    r"""\{\{\s*"(?P<literal>[^"\n]{0,200})"\s*\}\}|\{%-?\s*(?P<name>\w+)\s*(?:"(?P<argument>[^"]*)")?[^{}]{0,2000}?-?%\}|\{\{[^{}]{0,500}\}\}""",
    re.DOTALL,
)
_ATTRIBUTES = re.compile(r"\{:?(?:\s*(?:\.[\w-]+|#[^\s{}]+))+\s*\}")
_FOOTNOTE = re.compile(r"^\[\^[^\]\s]{1,60}\]:[ \t]*|\[\^[^\]\s]{1,60}\]", re.MULTILINE)
"""The mark before a note, and the mark that refers to it."""
_LATE_SPACE = re.compile(r"\*\*([^\s*][^*\n]{0,200}?)[ \t]+\*\*(?=\w)")
"""``**Note: **text``, which people write and CommonMark does not take for emphasis."""
_LONGEST_INLINE = 20_000
"""Characters of one paragraph."""
_PLACES = frozenset({"page", "link", "url", "download", "post_url", "asset_path"})
_BOXES = frozenset({"alert", "callout", "note", "tip", "warning", "tab", "details"})


def read(data: bytes) -> Draft:
    text = decode(data)
    draft = Draft()
    front = _FRONT_MATTER.match(text)
    if front:
        draft.title = _title(front[1])
        text = text[front.end() :]
    text = _without_templates(text)
    closed = {name.lower() for name in _CLOSING.findall(text)}
    page = tree(_MARKDOWN.render(text, {_CLOSED: closed}))
    if page.body is not None:
        write(page.body, draft, slugs=True)
    return draft


def _title(front_matter: str) -> str:
    """The title that front matter gives; a page whose front matter is no valid YAML is read all the same."""
    try:
        fields = yaml.load(front_matter, yaml.BaseLoader)  # noqa: S506 - it makes text of every value, and nothing else
    except (yaml.YAMLError, ValueError, RecursionError):
        return ""
    title = fields.get("title") if isinstance(fields, dict) else None
    return title if isinstance(title, str) else ""


def _without_templates(text: str) -> str:
    """Liquid and kramdown marks replaced by what they put on the page; code keeps them."""
    text = _without_comments(text)
    pieces: list[str] = []
    end = 0
    for code in _CODE.finditer(text):
        pieces += [_plain(text[end : code.start()]), _RAW.sub("", code[0])]
        end = code.end()
    return "".join([*pieces, _plain(text[end:])])


def _without_comments(text: str) -> str:
    kept: list[str] = []
    end, opened = 0, -1
    for tag in _COMMENT.finditer(text):
        if tag[1] and opened >= 0:
            kept.append(text[end:opened])
            end, opened = tag.end(), -1
        elif not tag[1] and opened < 0:
            opened = tag.start()
    return "".join([*kept, text[end:]])


def _plain(text: str) -> str:
    text = _FOOTNOTE.sub("", _ATTRIBUTES.sub("", _LIQUID.sub(_liquid, text)))
    return _LATE_SPACE.sub(r"**\1** ", text)


def _liquid(tag: re.Match[str]) -> str:
    name, argument = tag["name"], tag["argument"]
    if tag["literal"]:
        return tag["literal"]
    if not argument:
        return ""
    if name in _PLACES:
        return re.sub(r"\s", "%20", argument)
    if name == "slack_channel":
        return f"#{argument}"
    return f"{argument}\n\n" if name in _BOXES else ""


def _html(_renderer: RendererHTML, tokens: list[Token], index: int, _options: Any, env: Any) -> str:
    """HTML passes. ``<your-name>`` is no element and nothing closes it: its angle brackets are text."""

    def tag(found: re.Match[str]) -> str:
        name = found[2].lower()
        return found[0] if name in ELEMENTS or name in env[_CLOSED] else f"&lt;{found[1]}{found[2]}"

    return _TAG.sub(tag, tokens[index].content)


def _spare(state: StateCore) -> None:
    """Leave the marks of huge paragraphs as they are: resolving them takes quadratic time."""
    for token in state.tokens:
        if token.type == "inline" and len(token.content) > _LONGEST_INLINE:
            token.children = [Token("text", "", 0, content=token.content)]
            token.content = ""


_MARKDOWN = MarkdownIt("commonmark", {"maxNesting": 100}).enable(["table", "strikethrough"])
_MARKDOWN.core.ruler.before("inline", "spare", _spare)
_MARKDOWN.add_render_rule("html_inline", _html)
_MARKDOWN.add_render_rule("html_block", _html)
