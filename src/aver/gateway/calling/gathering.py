"""A reply whole, and the same reply in pieces."""

from __future__ import annotations

from collections.abc import Iterable

from aver.core.errors import StreamTruncated
from aver.gateway.types import (
    ChatDelta,
    Completion,
    Finish,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolDelta,
    Usage,
)

__all__ = ["gather", "scatter"]


class _Tool:
    __slots__ = ("arguments", "id", "name", "signature")

    def __init__(self) -> None:
        self.id = self.name = self.signature = ""
        self.arguments: list[str] = []


def gather(deltas: Iterable[ChatDelta], *, family: str = "") -> Completion:
    """The whole of what was streamed. Raises :class:`~aver.core.errors.StreamTruncated` when it never finished."""
    parts: list[Part] = []
    texts: list[str] = []
    tools: dict[int, _Tool] = {}
    finish: Finish | None = None
    usage: Usage | None = None
    name = model = ""
    for delta in deltas:
        if delta.reasoning is not None:
            _close(texts, parts)
            _think(delta.reasoning, parts)
        if delta.text:
            texts.append(delta.text)
        if delta.tool is not None:
            _call(delta.tool, tools)
        name, model = name or delta.id, model or delta.model
        finish, usage = delta.finish or finish, delta.usage or usage
    _close(texts, parts)
    if finish is None:
        raise StreamTruncated("The answer broke off", "Ask again; what was written so far is not whole.")
    parts += [
        ToolCall(tool.id, tool.name, "".join(tool.arguments), tool.signature) for _, tool in sorted(tools.items())
    ]
    return Completion(tuple(parts), finish, usage, name, model, family)


def scatter(completion: Completion) -> list[ChatDelta]:
    """The whole as one batch of deltas, to be written by a door of any family."""
    deltas: list[ChatDelta] = []
    calls = 0
    for part in completion.parts:
        if isinstance(part, Text):
            deltas.append(ChatDelta(part.text))
        elif isinstance(part, Reasoning):
            deltas.append(ChatDelta(reasoning=part))
        elif isinstance(part, ToolCall):
            tool = ToolDelta(calls, part.id, part.name, part.arguments, part.signature)
            deltas.append(ChatDelta(tool=tool))
            calls += 1
    deltas.append(ChatDelta(finish=completion.finish, usage=completion.usage))
    deltas[0].id, deltas[0].model = completion.id, completion.model
    return deltas


def _close(texts: list[str], parts: list[Part]) -> None:
    if texts:
        parts.append(Text("".join(texts)))
        texts.clear()


def _think(piece: Reasoning, parts: list[Part]) -> None:
    """Pieces of one thought are one part; its signature or data end it."""
    last = parts[-1] if parts else None
    if isinstance(last, Reasoning) and not (last.signature or last.data):
        parts[-1] = Reasoning(
            last.text + piece.text, piece.signature, piece.data, piece.family or last.family, piece.id or last.id
        )
    else:
        parts.append(piece)


def _call(piece: ToolDelta, tools: dict[int, _Tool]) -> None:
    tool = tools.get(piece.index)
    if tool is None:
        tool = tools[piece.index] = _Tool()
    tool.id, tool.name = tool.id or piece.id, tool.name or piece.name
    tool.signature = piece.signature or tool.signature
    tool.arguments.append(piece.arguments)
