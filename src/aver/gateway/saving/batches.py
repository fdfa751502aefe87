"""Small requests for embeddings, put together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from aver.core.errors import AverError, ProviderError, ProviderRefused, ProviderThrottled
from aver.gateway.types import Usage
from aver.gateway.wire.types import Embeddings, EmbeddingsRequest

__all__ = ["Batches"]

Send = Callable[[EmbeddingsRequest], Awaitable[Embeddings]]
_Same = tuple[str, int | None, str, str]


@dataclass(slots=True)
class _Waiting:
    texts: tuple[str, ...]
    answer: asyncio.Future[Embeddings]


@dataclass(slots=True)
class _Batch:
    request: EmbeddingsRequest
    send: Send
    waiting: list[_Waiting] = field(default_factory=list)
    texts: int = 0
    timer: asyncio.TimerHandle | None = None
    sending: asyncio.Task[None] | None = None


class Batches:
    """Joins requests to one model that come within ``wait`` seconds into one upstream call of at most ``most`` texts.

    Each caller gets its own vectors and its share of the usage by length of text. When a batch is refused for what is in it, its
    requests are sent one by one, so that one bad text fails its own caller alone. Belongs to one event loop.
    """

    def __init__(self, wait: float = 0.003) -> None:
        self._wait = wait
        self._open: dict[_Same, _Batch] = {}
        self._sending: set[asyncio.Task[None]] = set()

    async def embed(self, model: str, request: EmbeddingsRequest, most: int, send: Send) -> Embeddings:
        """The vectors of ``request.texts`` in order, by ``send``, which asks ``model`` and takes at most ``most`` texts at once.

        Raises what ``send`` raises, and :class:`~aver.core.errors.ProviderError` when it answers with too few vectors.
        """
        if len(request.texts) >= most:
            return await _in_parts(request, most, send)
        same = (model, request.dimensions, request.purpose, repr(sorted(request.extra.items())))
        batch = self._open.get(same)
        if batch is not None and batch.texts + len(request.texts) > most:
            self._close(same, batch)
            batch = None
        loop = asyncio.get_running_loop()
        if batch is None:
            batch = self._open[same] = _Batch(request, send)
            batch.timer = loop.call_later(self._wait, self._close, same, batch)
        mine = _Waiting(request.texts, loop.create_future())
        batch.waiting.append(mine)
        batch.texts += len(request.texts)
        if batch.texts == most:
            self._close(same, batch)
        try:
            return await mine.answer
        finally:
            if batch.sending is not None and all(each.answer.done() for each in batch.waiting):
                batch.sending.cancel()  # nobody is left who wants it; of one that has ended nothing is left to stop

    def _close(self, same: _Same, batch: _Batch) -> None:
        if self._open.get(same) is batch:
            del self._open[same]
        if batch.timer is not None:
            batch.timer.cancel()
            batch.timer = None
            task = batch.sending = asyncio.get_running_loop().create_task(_send(batch))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)


async def _send(batch: _Batch) -> None:
    waiting = [each for each in batch.waiting if not each.answer.done()]  # who left is not asked for
    if not waiting:
        return
    try:
        texts = tuple(text for each in waiting for text in each.texts)
        whole = _whole(await batch.send(replace(batch.request, texts=texts)), len(texts))
    except AverError as error:
        await _one_by_one(batch, waiting, error)
    except BaseException as error:
        for each in waiting:
            if not each.answer.done():
                each.answer.set_exception(error)
        raise
    else:
        start = 0
        for each in waiting:
            end = start + len(each.texts)
            if not each.answer.done():
                share = len("".join(each.texts)) / (len("".join(texts)) or 1)
                each.answer.set_result(Embeddings(whole.vectors[start:end], _share(whole.usage, share), whole.model))
            start = end


async def _one_by_one(batch: _Batch, waiting: Sequence[_Waiting], error: AverError) -> None:
    # Trouble that is not about the texts would only be met again by each.
    about_texts = isinstance(error, ProviderRefused) and not isinstance(error, ProviderThrottled)
    for each in waiting:
        if each.answer.done():
            continue
        try:
            if not about_texts or len(waiting) == 1:
                raise error
            alone = await batch.send(replace(batch.request, texts=each.texts))
            result = _whole(alone, len(each.texts))
        except AverError as own:
            if not each.answer.done():
                each.answer.set_exception(own)
        else:
            if not each.answer.done():
                each.answer.set_result(result)


async def _in_parts(request: EmbeddingsRequest, most: int, send: Send) -> Embeddings:
    vectors: list[tuple[float, ...]] = []
    usages: list[Usage | None] = []
    model = ""
    for start in range(0, len(request.texts), most):
        texts = request.texts[start : start + most]
        part = _whole(await send(replace(request, texts=texts)), len(texts))
        vectors += part.vectors
        usages.append(part.usage)
        model = part.model
    return Embeddings(tuple(vectors), _sum(usages), model)


def _whole(embeddings: Embeddings, texts: int) -> Embeddings:
    if len(embeddings.vectors) != texts:
        raise ProviderError(
            f"The provider gave {len(embeddings.vectors)} vectors for {texts} texts",
            "Try again; if it persists, choose another model.",
        )
    return embeddings


def _share(usage: Usage | None, share: float) -> Usage | None:
    if usage is None:
        return None
    cost = None if usage.cost_usd is None else usage.cost_usd * share
    return Usage(max(1, round(usage.input_tokens * share)), cost_usd=cost, estimated=True)


def _sum(usages: Sequence[Usage | None]) -> Usage | None:
    known = [usage for usage in usages if usage is not None]
    if len(known) < len(usages):
        return None
    costs = [usage.cost_usd for usage in known]
    cost = None if None in costs else sum(cost for cost in costs if cost is not None)
    return Usage(sum(usage.input_tokens for usage in known), cost_usd=cost)
