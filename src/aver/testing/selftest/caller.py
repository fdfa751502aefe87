"""A caller of chat completions: asks through the gateway, and reads what comes back as a client would."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from aver.core.errors import AverError, ProviderError
from aver.core.principal import Principal
from aver.gateway.calls import Call, CallRecord
from aver.gateway.types import ChatDelta, Completion, Finish
from aver.gateway.wire.registry import chat_dialect, door

__all__ = ["AnyGateway", "AnyReply", "Outcome", "ask"]

_GRACE = 1.0
"""Seconds that a call may take to stop once it is cancelled."""


class AnyReply(Protocol):
    def __aiter__(self) -> AsyncIterator[Sequence[ChatDelta]]: ...

    async def aclose(self) -> None: ...


class AnyGateway(Protocol):
    """What is tested: as much of a :class:`~aver.gateway.service.Gateway` as a call needs."""

    def complete(self, call: Call) -> Awaitable[Completion]: ...

    def open(self, call: Call) -> Awaitable[AnyReply]: ...

    async def close(self) -> None: ...


@dataclass(slots=True)
class Outcome:
    """What a caller got. ``finish`` and ``text`` are as its client read them; ``error`` is what the gateway raised."""

    text: str = ""
    finish: Finish | None = None
    error: BaseException | None = None
    seconds: float = 0.0
    hung: bool = False
    records: list[CallRecord] = field(default_factory=list)


async def ask(gateway: AnyGateway, model: str, prompt: str, *, stream: bool, user: str, patience: float) -> Outcome:
    """One call, given up after ``patience`` seconds."""
    outcome = Outcome()
    body: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": prompt}]}
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    call = Call(
        principal=Principal("selftest", user),
        model=model,
        sink=lambda _, record: outcome.records.append(record),
        chat_of=lambda: door("openai").chat(body),
        stream=stream,
        family="openai",
        body=body,
        size=len(prompt.encode()),
    )
    began = time.monotonic()
    answer = _streamed(gateway, call, outcome) if stream else _whole(gateway, call, outcome)
    outcome.hung, outcome.error = await _within(answer, patience)
    outcome.seconds = time.monotonic() - began
    return outcome


async def _within(answer: Coroutine[Any, Any, None], patience: float) -> tuple[bool, BaseException | None]:
    """Whether it had not ended by then, and what it raised. Not even a call that will not be cancelled holds the test up."""
    task = asyncio.ensure_future(answer)
    try:
        await asyncio.wait({task}, timeout=patience)
        if task.done():
            return False, asyncio.CancelledError() if task.cancelled() else task.exception()
        return True, None
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=_GRACE)


async def _whole(gateway: AnyGateway, call: Call, outcome: Outcome) -> None:
    completion = await gateway.complete(call)
    outcome.text, outcome.finish = completion.text, completion.finish


async def _streamed(gateway: AnyGateway, call: Call, outcome: Outcome) -> None:
    writer = door("openai").writer(call.body or {}, reply_id="chatcmpl-selftest", model=call.model, created=0)
    written = b""
    try:
        reply = await gateway.open(call)
        try:
            async for deltas in reply:
                written += writer.write(deltas)
            written += writer.end()
        finally:
            await reply.aclose()
    except AverError as error:
        written += writer.fail(error)
        raise
    finally:
        _read(written, outcome)


def _read(written: bytes, outcome: Outcome) -> None:
    """What a client makes of the stream: text up to the error, if one is in it."""
    reader = chat_dialect("openai").reader(asked_usage=True)
    with suppress(ProviderError):
        # One event at a time, because an error takes what was read with it.
        for event in written.split(b"\n\n"):
            for delta in reader.feed(event + b"\n\n"):
                outcome.text += delta.text
                outcome.finish = delta.finish or outcome.finish
    if outcome.finish and not reader.done:
        outcome.finish = None
