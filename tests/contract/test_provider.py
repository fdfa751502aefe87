"""Both providers keep the contract, and the contract catches providers that do not."""

import pytest
import pytest_asyncio

from aver.gateway import ChatDelta, ChatRequest, Message, Passage, Usage
from aver.gateway.adapters.extractive import Extractive
from aver.gateway.adapters.openai_compatible import OpenAICompatible
from aver.testing import HashEmbedder, contracts
from aver.testing.contracts import PROVIDER_CHECKS
from aver.testing.provider import FakeProvider
from aver.testing.replies import Reply

REQUEST = ChatRequest(
    (Message("system", "Answer from the passages."), Message("user", "How many days of leave do I get?")),
    question="How many days of leave do I get?",
    passages=(
        Passage(1, "Leave", "You get 20 days of leave a year. Ask your lead."),
        Passage(2, "Print", "Printers are upstairs."),
    ),
)


@pytest_asyncio.fixture(params=["openai-compatible", "extractive"])
async def provider(request):
    if request.param == "extractive":
        yield Extractive(HashEmbedder(256))
    else:
        with FakeProvider([Reply("You get 20 days. [1]", piece=3)]) as server:
            made = OpenAICompatible(server.base_url, "key", "fake")
            yield made
            await made.close()


@pytest.mark.parametrize("check", PROVIDER_CHECKS)
async def test_a_provider_keeps_the_contract(provider, check):
    await check(provider, REQUEST)


class Right:
    """A provider that keeps the contract, for others to break."""

    name = "made:up"
    mode = "extractive"
    closed = False
    deltas = (ChatDelta("Twenty "), ChatDelta("days."), ChatDelta(finish="stop", usage=Usage(3, 2)))

    async def stream(self, request):
        for delta in self.deltas:
            yield delta

    async def close(self):
        self.closed = True


class Nameless(Right):
    name = "unnamed"


class Endless(Right):
    deltas = Right.deltas[:-1]


class EndsTwice(Right):
    deltas = (*Right.deltas, Right.deltas[-1])


class Mute(Right):
    deltas = Right.deltas[-1:]


class Unaccounted(Right):
    deltas = (ChatDelta("Twenty days."), ChatDelta(finish="stop"))


class Mixed(Right):
    calls = 0

    async def stream(self, request):
        self.calls += 1
        yield ChatDelta(f"Answer {self.calls}.")
        yield ChatDelta(finish="stop", usage=Usage())


class Spent(Right):
    used = False

    async def stream(self, request):
        if not self.used:
            self.used = True
            yield ChatDelta("Twenty days.")
        yield ChatDelta(finish=None if self.used else "stop", usage=Usage())


class Choosy(Right):
    async def stream(self, request):
        request.question.encode()
        for delta in self.deltas:
            yield delta


class ClosesOnce(Right):
    async def close(self):
        assert not self.closed, "closed twice"
        self.closed = True


@pytest.mark.parametrize("check", PROVIDER_CHECKS)
async def test_the_right_one_passes(check):
    await check(Right(), REQUEST)


@pytest.mark.parametrize(
    ("wrong", "check"),
    [
        (Nameless, contracts.says_who_it_is),
        (Endless, contracts.ends_once_and_says_how),
        (EndsTwice, contracts.ends_once_and_says_how),
        (Mute, contracts.writes_something),
        (Unaccounted, contracts.accounts_for_it),
        (Mixed, contracts.answers_many_at_once),
        (Spent, contracts.can_be_left_early),
        (Choosy, contracts.takes_any_text),
        (ClosesOnce, contracts.closes_twice),
    ],
)
async def test_a_wrong_one_is_caught(wrong, check):
    with pytest.raises((AssertionError, UnicodeEncodeError)):
        await check(wrong(), REQUEST)
