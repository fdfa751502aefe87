"""What a tool of an MCP server returned, as one value and one text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from aver.agents.tools.types import Result
from aver.core.errors import InvalidInput
from aver.core.labels import ANYTHING, Label, read_label

__all__ = ["LABEL", "result_of"]

LABEL = "aver/label"
"""Where a server says, in a result's ``_meta``, how confidential it is and where it may go: ``{"level": "restricted", "regions": ["eu"]}``."""
_NOWHERE = Label("restricted", frozenset())


def result_of(result: Mapping[str, Any], refused: Sequence[str]) -> Result:
    """``refused`` names what the server asked for meanwhile and was not given; a note at the end of the text says so.

    Its value is what is structured, where there is that, else all its texts. What cannot be shown is named. A call that the server will
    not finish without being given something has failed.
    """
    if result.get("resultType") == "input_required":
        wanted = result.get("inputRequests")
        asked = wanted.values() if isinstance(wanted, Mapping) else ()
        methods = sorted({str(each.get("method"))[:60] for each in asked if isinstance(each, Mapping)})
        said = f"The server does not finish without {', '.join(methods) or 'more'}, which Aver does not give."
        return Result(None, said, failed=True, label=_label(result))
    content = result.get("content")
    texts = [_text(each) for each in content if isinstance(each, Mapping)] if isinstance(content, list) else []
    structured, failed = result.get("structuredContent"), result.get("isError") is True
    told = "\n\n".join(texts)
    value = told if structured is None else structured
    text = told if failed or structured is None else ""
    if refused:
        shown = text or orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
        text = f"{shown}\n[The server asked for {', '.join(sorted(refused))} meanwhile, which Aver does not give.]"
    return Result(value, text, failed, label=_label(result))


def _label(result: Mapping[str, Any]) -> Label:
    """As its server says it; what says so in words that nobody knows goes nowhere."""
    meta = result.get("_meta")
    try:
        return read_label(meta.get(LABEL)) if isinstance(meta, Mapping) else ANYTHING
    except InvalidInput:
        return _NOWHERE


def _text(block: Mapping[str, Any]) -> str:
    """One part of the content; of what is no text, what it is."""
    kind = str(block.get("type"))[:40]
    if kind == "text":
        return str(block.get("text", ""))
    if kind == "resource_link":
        return f"[a link to {str(block.get('uri'))[:500]}, not followed]"
    inner = block.get("resource")
    if kind == "resource" and isinstance(inner, Mapping) and isinstance(inner.get("text"), str):
        return str(inner["text"])
    data = inner if isinstance(inner, Mapping) else block
    of = str(data.get("mimeType") or "no type")[:100]
    size = len(str(data.get("data") or data.get("blob") or ""))
    return f"[{kind}, {of}, {size:,} characters of base64, not shown]"
