"""What every provider and every embedder must do, as checks that anyone can run on their own.

With pytest::

    @pytest.mark.parametrize("check", PROVIDER_CHECKS)
    async def test_my_provider(check):
        await check(MyProvider(...), request)

A check returns nothing, or raises ``AssertionError`` saying what is wrong. The provider must be able to answer the request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import replace
from typing import Any, get_args

import numpy as np

from aver.gateway.types import ChatDelta, ChatRequest, Embedder, Mode, Passage, Provider

__all__ = ["EMBEDDER_CHECKS", "PROVIDER_CHECKS", "EmbedderCheck", "ProviderCheck"]

ProviderCheck = Callable[[Provider, ChatRequest], Awaitable[None]]
EmbedderCheck = Callable[[Embedder], None]

_TEXTS = (
    "Paid leave is 20 days a year.",
    "paid leave",
    "",
    " \n\t",
    "日本語 🙂 e\u0301",
    "a\ud800b",
    "word " * 3000,
    "x" * 5000,
)


async def says_who_it_is(provider: Provider, request: ChatRequest) -> None:  # noqa: ARG001 - one signature for all checks
    family, _, model = provider.name.partition(":")
    _require(bool(family and model) and provider.name.isprintable(), f"name is not family:model: {provider.name!r}")
    _require(provider.mode in get_args(Mode), f"mode is none of {get_args(Mode)}: {provider.mode!r}")


async def ends_once_and_says_how(provider: Provider, request: ChatRequest) -> None:
    deltas = await _read(provider, request)
    _require(bool(deltas), "the reply has no deltas")
    _require(deltas[-1].finish is not None, "the last delta does not say how the reply finished")
    _require(all(delta.finish is None for delta in deltas[:-1]), "a delta before the last says that the reply finished")


async def writes_something(provider: Provider, request: ChatRequest) -> None:
    deltas = await _read(provider, request)
    _require(bool(_text(deltas).strip()), "the reply to a request that can be answered is empty")


async def accounts_for_it(provider: Provider, request: ChatRequest) -> None:
    last = (await _read(provider, request))[-1]
    _require(last.usage is not None, "the last delta carries no usage")
    if last.usage is not None:
        _require(min(last.usage.input_tokens, last.usage.output_tokens) >= 0, "tokens are negative")
        _require(last.usage.cost_usd is None or last.usage.cost_usd >= 0, "the cost is negative")


async def answers_many_at_once(provider: Provider, request: ChatRequest) -> None:
    alone = _text(await _read(provider, request))
    together = await asyncio.gather(*(_read(provider, request) for _ in range(8)))
    _require(all(deltas[-1].finish for deltas in together), "a reply among many has no finish")
    if not request.temperature and provider.mode == "extractive":
        _require(all(_text(deltas) == alone for deltas in together), "replies to one request differ under load")


async def can_be_left_early(provider: Provider, request: ChatRequest) -> None:
    stream: Any = provider.stream(request)
    _require(hasattr(stream, "aclose"), "the stream cannot be closed: it is no async generator")
    async with aclosing(stream):
        async for _ in stream:
            break
    _require((await _read(provider, request))[-1].finish is not None, "after a reply was left, the next has no finish")


async def takes_any_text(provider: Provider, request: ChatRequest) -> None:
    for text in _TEXTS:
        messages = (*request.messages[:-1], replace(request.messages[-1], content=text)) if request.messages else ()
        odd = replace(request, messages=messages, question=text, passages=(Passage(1, text, text), *request.passages))
        _require((await _read(provider, odd))[-1].finish is not None, f"no finish for the text {text[:20]!r}")


async def closes_twice(provider: Provider, request: ChatRequest) -> None:
    await _read(provider, request)
    await provider.close()
    await provider.close()


PROVIDER_CHECKS: tuple[ProviderCheck, ...] = (
    says_who_it_is,
    ends_once_and_says_how,
    writes_something,
    accounts_for_it,
    answers_many_at_once,
    can_be_left_early,
    takes_any_text,
    closes_twice,
)


def has_a_name(embedder: Embedder) -> None:
    _require(bool(embedder.name.strip()) and embedder.name.isprintable(), f"not a name: {embedder.name!r}")
    _require(embedder.dimension > 0, f"not a dimension: {embedder.dimension}")


def gives_unit_rows(embedder: Embedder) -> None:
    vectors = embedder.embed(_TEXTS)
    _require(vectors.shape == (len(_TEXTS), embedder.dimension), f"the shape is {vectors.shape}")
    _require(vectors.dtype == np.float32, f"the type is {vectors.dtype}")
    _require(bool(np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)), "a row's length is not 1")


def gives_no_rows_for_no_texts(embedder: Embedder) -> None:
    _require(embedder.embed([]).shape == (0, embedder.dimension), "no texts do not make an empty array")


def depends_on_the_text_alone(embedder: Embedder) -> None:
    """A vector that took something from its neighbours would carry one document's content into another's scores."""
    alone = np.concatenate([embedder.embed([text]) for text in _TEXTS])
    _require(bool(np.array_equal(alone, embedder.embed(_TEXTS))), "a vector differs in company")
    _require(bool(np.array_equal(alone[::-1], embedder.embed(_TEXTS[::-1]))), "a vector depends on the order")


def knows_near_from_far(embedder: Embedder) -> None:
    question, answer, other = embedder.embed(
        ["How many days of paid leave do I get?", "You get 20 days of paid leave.", "The printer is upstairs."]
    )
    _require(bool(question @ answer > question @ other), "an unrelated text is nearer than the answer")


def serves_threads(embedder: Embedder) -> None:
    with ThreadPoolExecutor(4) as pool:
        first, *others = pool.map(embedder.embed, [_TEXTS] * 4)
    _require(all(np.array_equal(first, other) for other in others), "threads get different vectors")


EMBEDDER_CHECKS: tuple[EmbedderCheck, ...] = (
    has_a_name,
    gives_unit_rows,
    gives_no_rows_for_no_texts,
    depends_on_the_text_alone,
    knows_near_from_far,
    serves_threads,
)


async def _read(provider: Provider, request: ChatRequest) -> list[ChatDelta]:
    return [delta async for delta in provider.stream(request)]


def _text(deltas: list[ChatDelta]) -> str:
    return "".join(delta.text for delta in deltas)


def _require(holds: bool, wrong: str) -> None:
    if not holds:
        raise AssertionError(wrong)
