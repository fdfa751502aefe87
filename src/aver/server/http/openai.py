"""``/v1/chat/completions`` and ``/v1/models``: the assistant for OpenAI's clients, unchanged.

The last user message is the question and the messages before it are its history. What OpenAI's shape has no place for is
in the extra field ``aver``. Text carries ``[n]`` markers; an unsupported sentence says so in words.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from aver.agents.types import Answer, Citation, Progressed, Sentence, SentenceReady, TurnEvent, render
from aver.core.errors import AverError, InvalidInput, NotFound
from aver.gateway.types import Message
from aver.server.http.auth import App, Caller, Services
from aver.server.http.fields import Text
from aver.server.http.problems import OpenAIError, openai_error
from aver.server.http.replies import reply
from aver.server.http.streams import begun, event_stream, while_connected
from aver.server.wire import to_json

__all__ = ["MODEL", "router"]

MODEL = "assistant"

router = APIRouter(tags=["OpenAI-compatible"])


class ContentPart(BaseModel):
    type: str
    text: Text | None = None


class ChatMessage(BaseModel):
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Text | list[ContentPart] | None = None

    def text(self) -> str:
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content if part.text)
        return self.content or ""


class StreamOptions(BaseModel):
    include_usage: bool | None = False


class ChatCompletion(BaseModel):
    """OpenAI's request. Sampling parameters are accepted and ignored: the feature's release decides them."""

    model_config = ConfigDict(extra="allow")

    model: Text = Field(examples=[MODEL])
    messages: list[ChatMessage] = Field(min_length=1)
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    n: int | None = Field(1, ge=1, le=1, description="One answer is given.")
    conversation: Text | None = Field(None, description="Continue this conversation in place of the earlier messages.")

    def history(self) -> tuple[Message, ...]:
        """What was said before the question. Instructions of system messages are not taken: the release has its own."""
        said = self.messages[: self._asked()]
        return tuple(Message(m.role, m.text()) for m in said if m.role in ("user", "assistant") and m.text())

    def question(self) -> str:
        return self.messages[self._asked()].text()

    def _asked(self) -> int:
        for position in reversed(range(len(self.messages))):
            if self.messages[position].role == "user":
                return position
        raise InvalidInput("The messages hold no question", "End them with a message whose role is user.")


class Attached(BaseModel):
    """What Aver adds to a completion."""

    turn: str
    conversation: str
    mode: Literal["extractive", "generated"]
    abstained: bool
    release: str
    sentences: list[Sentence]
    citations: list[Citation]


class CompletionMessage(BaseModel):
    role: Literal["assistant"]
    content: str


class CompletionChoice(BaseModel):
    index: int
    message: CompletionMessage
    finish_reason: Literal["stop"]
    logprobs: None


class CompletionUsage(BaseModel):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Completion(BaseModel):
    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[CompletionChoice]
    usage: CompletionUsage
    aver: Attached


class Model(BaseModel):
    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class Models(BaseModel):
    object: Literal["list"]
    data: list[Model]


def _errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    return {status: {"model": OpenAIError, "description": "An error, in OpenAI's shape"} for status in (*statuses, 500)}


@router.get("/v1/models", response_model=Models, responses=_errors(401))
async def models(_: Caller) -> Response:
    """The features you can use, as models."""
    return reply({"object": "list", "data": [_model()]})


@router.get("/v1/models/{model}", response_model=Model, responses=_errors(401, 404))
async def model(model: str, _: Caller) -> Response:
    """One of the features you can use."""
    _check_model(model)
    return reply(_model())


def _model() -> dict[str, Any]:
    return {"id": MODEL, "object": "model", "created": 0, "owned_by": "aver"}


def _check_model(model: str) -> None:
    if model != MODEL:
        raise NotFound("There is no such model, or it is not yours", f"Use the model {MODEL!r}; /v1/models lists all.")


@router.post(
    "/v1/chat/completions",
    response_model=Completion,
    responses={
        200: {"description": "A completion, or its chunks.", "content": {"text/event-stream": {}}},
        **_errors(400, 401, 404, 413, 422, 502),
    },
)
async def chat_completions(
    body: ChatCompletion, request: Request, application: App, principal: Caller, services: Services
) -> Response:
    """Ask through OpenAI's interface."""
    _check_model(body.model)
    history = () if body.conversation else body.history()
    created = int(application.clock.now().timestamp())
    if not body.stream:
        turn = services.assistant.ask(principal, body.question(), body.conversation, history=history)
        return reply(_completion(await while_connected(request, turn), created))
    events = await begun(services.assistant.run(principal, body.question(), body.conversation, history=history))
    usage = bool(body.stream_options and body.stream_options.include_usage)
    return event_stream(_chunks(events, created, usage=usage))


def _completion(answer: Answer, created: int) -> dict[str, Any]:
    return {
        **_head(answer.turn, "chat.completion", created),
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": answer.answer},
                "finish_reason": "stop",
                "logprobs": None,
            }
        ],
        "usage": _usage(answer),
        "aver": _attached(answer),
    }


async def _chunks(events: AsyncGenerator[TurnEvent], created: int, *, usage: bool) -> AsyncGenerator[bytes]:
    """The turn as OpenAI's chunks: a piece of text for each verified sentence; ``aver`` is in the last that has a choice."""
    head = _head("", "chat.completion.chunk", created)
    written = False
    async with aclosing(events):
        try:
            async for item in events:
                if isinstance(item, Progressed):
                    if not head["id"]:
                        head = _head(item.turn, "chat.completion.chunk", created)
                        yield _chunk(head, {"role": "assistant", "content": ""})
                elif isinstance(item, SentenceReady):
                    yield _chunk(head, {"content": (" " if written else "") + render([item.sentence])})
                    written = True
                else:
                    if not written:
                        yield _chunk(head, {"content": item.answer})
                    yield _chunk(head, {}, finish_reason="stop", aver=_attached(item))
                    if usage:
                        yield _data({**head, "choices": [], "usage": _usage(item)})
            yield b"data: [DONE]\n\n"
        except AverError as error:
            yield _data(openai_error(error))


def _head(turn: str, kind: str, created: int) -> dict[str, Any]:
    return {"id": turn, "object": kind, "created": created, "model": MODEL}


def _chunk(
    head: dict[str, Any], delta: dict[str, Any], finish_reason: str | None = None, aver: dict[str, Any] | None = None
) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}
    return _data({**head, "choices": [choice], **({"aver": aver} if aver else {})})


def _data(value: dict[str, Any]) -> bytes:
    return b"data: " + to_json(value) + b"\n\n"


def _usage(answer: Answer) -> dict[str, int]:
    read, written = answer.usage.input_tokens, answer.usage.output_tokens
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}


def _attached(answer: Answer) -> dict[str, Any]:
    return {
        "turn": answer.turn,
        "conversation": answer.conversation,
        "mode": answer.mode,
        "abstained": answer.abstained,
        "release": answer.release,
        "sentences": answer.sentences,
        "citations": answer.citations,
    }
