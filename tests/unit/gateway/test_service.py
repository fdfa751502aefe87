from collections.abc import AsyncIterator

import pytest

from aver.core.errors import ProviderTimeout, StreamTruncated
from aver.gateway import ChatDelta, ChatRequest, Gateway, Message, Usage

REQUEST = ChatRequest((Message("user", "Why?"),))
DONE = ChatDelta(finish="stop", usage=Usage(1, 1))
TIMEOUT = ProviderTimeout("It did not answer", "Try again.")


class Written:
    """A provider that gives what it was made with, and raises what it finds there."""

    mode = "generated"

    def __init__(self, *deltas, name="written:a"):
        self.name = name
        self.deltas = deltas
        self.closed = self.left = False

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta]:
        try:
            for delta in self.deltas:
                if isinstance(delta, Exception):
                    raise delta
                yield delta
        finally:
            self.left = True

    async def close(self):
        self.closed = True


async def texts(reply):
    return [delta.text async for delta in reply]


async def test_the_primary_answers():
    reply = await Gateway(Written(ChatDelta("a"), ChatDelta("b"), DONE), Written(DONE, name="written:z")).open(REQUEST)
    assert (reply.provider, reply.mode, reply.fallback_from) == ("written:a", "generated", None)
    assert await texts(reply) == ["a", "b", ""]


@pytest.mark.parametrize("failure", [[TIMEOUT], []], ids=["raises", "ends with nothing"])
async def test_the_last_resort_answers_when_the_primary_never_began(failure):
    reply = await Gateway(Written(*failure), Written(ChatDelta("z"), DONE, name="written:z")).open(REQUEST)
    assert reply.provider == "written:z"
    assert reply.fallback_from == ("provider-timeout written:a" if failure else "stream-truncated written:a")
    assert await texts(reply) == ["z", ""]


async def test_nobody_takes_over_in_the_middle():
    reply = await Gateway(Written(ChatDelta("a"), TIMEOUT), Written(DONE)).open(REQUEST)
    with pytest.raises(ProviderTimeout):
        await texts(reply)


async def test_a_reply_without_finish_is_truncated():
    reply = await Gateway(Written(ChatDelta("a")), Written(DONE)).open(REQUEST)
    with pytest.raises(StreamTruncated):
        await texts(reply)


async def test_both_failing_is_an_error():
    with pytest.raises(ProviderTimeout):
        await Gateway(Written(TIMEOUT), Written(TIMEOUT)).open(REQUEST)
    same = Written(TIMEOUT)
    with pytest.raises(ProviderTimeout):
        await Gateway(same, same).open(REQUEST)


async def test_leaving_early_stops_the_provider():
    provider = Written(ChatDelta("a"), ChatDelta("b"), DONE)
    reply = await Gateway(provider, Written(DONE)).open(REQUEST)
    assert not provider.left
    await reply.aclose()
    assert provider.left


async def test_a_fault_of_the_program_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        await Gateway(Written(ZeroDivisionError()), Written(DONE)).open(REQUEST)


async def test_closing_closes_both():
    first, last = Written(), Written()
    await Gateway(first, last).close()
    assert first.closed
    assert last.closed
