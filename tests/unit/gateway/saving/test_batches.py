"""Small requests go out together and come back apart."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.core.errors import ProviderError, ProviderTimeout, RequestRejected
from aver.gateway.saving.batches import Batches
from aver.gateway.types import Usage
from aver.gateway.wire.types import Embeddings, EmbeddingsRequest


class Upstream:
    """Embeds a text as its length, and keeps what it was asked."""

    def __init__(self, error=None):
        self.asked = []
        self.error = error or (lambda _texts: None)

    async def send(self, request):
        self.asked.append(request.texts)
        await asyncio.sleep(0)
        if error := self.error(request.texts):
            raise error
        vectors = tuple((float(len(text)),) for text in request.texts)
        return Embeddings(vectors, Usage(len("".join(request.texts)), cost_usd=None), "m")


def asked(*texts, **fields):
    return EmbeddingsRequest(tuple(texts), **fields)


async def test_requests_that_come_together_are_one_call():
    batches, upstream = Batches(), Upstream()
    requests = [asked("a"), asked("bb", "ccc"), asked("dddd")]
    results = await asyncio.gather(*(batches.embed("m", each, 10, upstream.send) for each in requests))
    assert upstream.asked == [("a", "bb", "ccc", "dddd")]
    assert [each.vectors for each in results] == [((1.0,),), ((2.0,), (3.0,)), ((4.0,),)]
    assert [each.usage.input_tokens for each in results] == [1, 5, 4]


async def test_other_models_and_dimensions_are_other_calls():
    batches, upstream = Batches(), Upstream()
    await asyncio.gather(
        batches.embed("m", asked("a"), 10, upstream.send),
        batches.embed("n", asked("a"), 10, upstream.send),
        batches.embed("m", asked("a", dimensions=8), 10, upstream.send),
        batches.embed("m", asked("a", purpose="query"), 10, upstream.send),
    )
    assert len(upstream.asked) == 4


@given(sizes=st.lists(st.integers(1, 7), max_size=12), most=st.integers(1, 6))
def test_no_call_is_larger_than_the_most_and_each_gets_its_own(sizes, most):
    async def run():
        batches, upstream = Batches(0.0), Upstream()
        requests = [asked(*("x" * (10 * n + k) for k in range(size))) for n, size in enumerate(sizes)]
        results = await asyncio.gather(*(batches.embed("m", each, most, upstream.send) for each in requests))
        assert all(len(texts) <= most for texts in upstream.asked)
        for request, result in zip(requests, results, strict=True):
            assert result.vectors == tuple((float(len(text)),) for text in request.texts)

    asyncio.run(run())


async def test_a_bad_text_fails_its_own_caller_alone():
    refused = RequestRejected("A text is empty", "Leave it out.")
    batches, upstream = Batches(), Upstream(lambda texts: refused if "" in texts else None)
    requests = [asked("a"), asked(""), asked("bb")]
    results = await asyncio.gather(
        *(batches.embed("m", each, 10, upstream.send) for each in requests), return_exceptions=True
    )
    assert [getattr(each, "vectors", each) for each in results] == [((1.0,),), refused, ((2.0,),)]


async def test_an_outage_is_not_met_again_by_each():
    batches = Batches()
    upstream = Upstream(lambda _texts: ProviderTimeout("It took too long", "Try again."))
    results = await asyncio.gather(
        *(batches.embed("m", asked("a"), 10, upstream.send) for _ in range(3)), return_exceptions=True
    )
    assert [type(each) for each in results] == [ProviderTimeout] * 3
    assert len(upstream.asked) == 1


async def test_who_left_is_not_asked_for():
    batches, upstream = Batches(), Upstream()
    stays = asyncio.create_task(batches.embed("m", asked("a"), 10, upstream.send))
    leaves = asyncio.create_task(batches.embed("m", asked("bb"), 10, upstream.send))
    await asyncio.sleep(0)
    leaves.cancel()
    assert (await stays).vectors == ((1.0,),)
    assert upstream.asked == [("a",)]


async def test_when_all_have_left_the_call_is_stopped_and_not_before():
    batches, begun, stopped = Batches(0.0), asyncio.Event(), asyncio.Event()

    async def send(_request):
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    callers = [asyncio.create_task(batches.embed("m", asked(text), 10, send)) for text in "ab"]
    await begun.wait()
    for number, caller in enumerate(callers):
        assert not stopped.is_set(), number
        caller.cancel()
        await asyncio.gather(caller, return_exceptions=True)
        await asyncio.sleep(0)
    assert stopped.is_set()


async def test_too_few_vectors_are_an_error():
    async def send(_request):
        return Embeddings(())

    with pytest.raises(ProviderError, match="0 vectors for 1 texts"):
        await Batches().embed("m", asked("a"), 10, send)


async def test_what_is_no_error_of_ours_is_not_swallowed_by_the_batch():
    async def send(_request):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await Batches().embed("m", asked("a"), 10, send)
