"""What the rest of Aver says to a model, and what it hears back, in terms that no provider owns."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "ChatDelta",
    "ChatRequest",
    "Completion",
    "Embedder",
    "Family",
    "File",
    "Finish",
    "Image",
    "Message",
    "Mode",
    "Opaque",
    "OutputFormat",
    "Part",
    "Passage",
    "Provider",
    "Reasoning",
    "Text",
    "Tool",
    "ToolCall",
    "ToolDelta",
    "ToolResult",
    "Usage",
]

Mode = Literal["extractive", "generated"]
Family = Literal["openai", "responses", "anthropic", "gemini", "bedrock", "cohere", "litellm", "builtin"]
"""A wire protocol. ``openai`` is chat completions, ``responses`` OpenAI's newer protocol."""
Role = Literal["system", "user", "assistant"]
Finish = Literal["stop", "length", "tool_calls", "content_filter"]
"""``stop`` covers stop sequences; ``tool_calls`` means that the model waits for results."""


@dataclass(frozen=True, slots=True)
class Text:
    text: str
    cache: bool = False
    """A caching hint: what is before and with this part is likely to be sent again."""


@dataclass(frozen=True, slots=True)
class Image:
    """An image, by ``url`` or by ``data`` in base64."""

    media_type: str = ""
    data: str = ""
    url: str = ""
    detail: str = ""
    cache: bool = False


@dataclass(frozen=True, slots=True)
class File:
    """A document or a sound, by ``url``, by ``data`` in base64, or by the ``id`` the provider gave it."""

    media_type: str = ""
    data: str = ""
    url: str = ""
    id: str = ""
    name: str = ""
    cache: bool = False


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A model asks for a tool. ``arguments`` is JSON as the model wrote it, which may be wrong. ``signature`` is opaque, for the same
    family alone."""

    id: str
    name: str
    arguments: str
    signature: str = ""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What the tool gave for the call with the id ``call``. Stands in a message of the user."""

    call: str
    content: tuple[Part, ...]
    error: bool = False
    name: str = ""
    cache: bool = False


@dataclass(frozen=True, slots=True)
class Reasoning:
    """What a model thought. ``signature`` and ``data`` are opaque and mean something to ``family`` alone; other families get the text
    or nothing."""

    text: str = ""
    signature: str = ""
    data: str = ""
    """Redacted or encrypted thought."""
    family: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class Opaque:
    """A part that only its own family understands, passed on there and refused elsewhere."""

    family: str
    value: Mapping[str, Any]


Part = Text | Image | File | ToolCall | ToolResult | Reasoning | Opaque


@dataclass(frozen=True, slots=True)
class Message:
    """``content`` as a plain text is short for one :class:`Text`."""

    role: Role
    content: str | tuple[Part, ...]

    @property
    def parts(self) -> tuple[Part, ...]:
        return (Text(self.content),) if isinstance(self.content, str) else self.content

    @property
    def text(self) -> str:
        """What of it is text, without thoughts, tools and images."""
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content if isinstance(part, Text))


@dataclass(frozen=True, slots=True)
class Tool:
    """A function the model may ask for; ``parameters`` is a JSON Schema. A tool of the provider's own is :class:`Opaque` instead."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    strict: bool | None = None
    cache: bool = False


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """JSON is wanted: any object, or what ``schema`` describes."""

    schema: Mapping[str, Any] | None = None
    name: str = "answer"
    strict: bool = True


@dataclass(frozen=True, slots=True)
class Passage:
    """A numbered source a model may cite as ``[number]``."""

    number: int
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One call for text. ``messages`` is what a language model reads; ``question`` and ``passages`` say the same in parts, for the
    extractive model, which reads no prose. ``None`` leaves a choice to the provider."""

    messages: tuple[Message, ...]
    question: str = ""
    passages: tuple[Passage, ...] = ()
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    tools: tuple[Tool | Opaque, ...] = ()
    tool_choice: str | None = None
    """``auto``, ``none``, ``required``, or ``tool:NAME``."""
    parallel_tools: bool | None = None
    output: OutputFormat | None = None
    effort: Literal["none", "minimal", "low", "medium", "high"] | None = None
    """How much a reasoning model should think."""
    thinking_tokens: int | None = None
    """The same as a number of tokens, where the provider counts it so."""
    user: str = ""
    """The caller's own name for its end user."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Fields that only the family the request came from understands, by name. Another family's dialect leaves them out, and says so
    in :attr:`~aver.gateway.wire.types.HttpRequest.dropped`."""
    family: str = ""
    """The family the request came from, which understands ``extra``; nothing for Aver's own."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call. ``input_tokens`` counts all that was read, cached or not; ``output_tokens`` all that was written, thoughts
    included; the others are parts of these two."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = 0.0
    """``None`` when the price is unknown: never zero by default for a paid model."""
    estimated: bool = False
    """Whether the tokens were worked out from the text because the provider did not say."""
    cached_tokens: int = 0
    """Of the input, read from the provider's cache."""
    cache_write_tokens: int = 0
    """Of the input, written to the provider's cache for its short time."""
    cache_write_long_tokens: int = 0
    """Of the input, written to the provider's cache for an hour."""
    reasoning_tokens: int = 0
    """Of the output, thoughts."""
    images: int = 0
    """Images read or made, where the provider prices them by the piece."""

    def __add__(self, other: Usage) -> Usage:
        """Of both calls together; the cost is known when both are."""
        known = self.cost_usd is not None and other.cost_usd is not None
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            (self.cost_usd or 0.0) + (other.cost_usd or 0.0) if known else None,
            self.estimated or other.estimated,
            self.cached_tokens + other.cached_tokens,
            self.cache_write_tokens + other.cache_write_tokens,
            self.cache_write_long_tokens + other.cache_write_long_tokens,
            self.reasoning_tokens + other.reasoning_tokens,
            self.images + other.images,
        )


@dataclass(slots=True)
class ToolDelta:
    """A piece of the ``index``-th tool call of a reply. ``id`` and ``name`` come with its first piece."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""
    signature: str = ""


@dataclass(slots=True)
class ChatDelta:
    """A piece of a reply. One carries ``finish``, and the usage comes with it or after it; a stream that ends without ``finish`` was
    truncated. Not frozen because it is made for every chunk of every stream; nobody changes one."""

    text: str = ""
    finish: Finish | None = None
    usage: Usage | None = None
    reasoning: Reasoning | None = None
    """A piece of thought; a signature or opaque data come with the last piece of the thought they belong to."""
    tool: ToolDelta | None = None
    id: str = ""
    """The provider's name for the reply, with its first delta."""
    model: str = ""
    """The model as the provider names it, with the first delta."""
    raw: bytes | None = None
    """What a door of the same family shows for this delta in place of writing it: the event as it arrived, its blank line included, or
    nothing (``b""``) where the caller did not ask for it or an earlier delta of the same event has it. ``None``: to be written."""


@dataclass(frozen=True, slots=True)
class Completion:
    """A whole reply."""

    parts: tuple[Part, ...]
    finish: Finish
    usage: Usage | None = None
    id: str = ""
    model: str = ""
    family: str = ""
    raw: bytes = b""
    """The body as it arrived, for a door of the same family."""

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.parts if isinstance(part, Text))


class Provider(Protocol):
    """A model that answers. Raises :class:`~aver.core.errors.ProviderError` and nothing else."""

    name: str
    """``family:model``, as recorded in evidence."""
    mode: Mode

    def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        """The reply as it is written; ends with a delta whose ``finish`` is set, or raises."""

    async def close(self) -> None: ...


class Embedder(Protocol):
    """Turns texts into unit vectors whose dot product is their cosine similarity. Thread-safe, blocking."""

    name: str
    """Identifies the vectors: an index made under one name is never searched under another."""
    dimension: int

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Shape ``(len(texts), dimension)``, rows of length 1."""
