"""The built-in model keeps the contract, and the contract catches models that do not."""

import pytest

from aver.gateway import ChatDelta, ChatRequest, Message, Passage, Usage
from aver.gateway.adapters.extractive import Extractive
from aver.testing import HashEmbedder, contracts
from aver.testing.contracts import PROVIDER_CHECKS

REQUEST = ChatRequest(
    (Message("system", "Answer from the passages."), Message("user", "How many days of leave do I get?")),
    question="How many days of leave do I get?",
    passages=(
        Passage(1, "Leave", "You get 20 days of leave a year. Ask your lead."),
        Passage(2, "Print", "Printers are upstairs."),
    ),
)


@pytest.mark.parametrize("check", PROVIDER_CHECKS)
async def test_the_built_in_model_keeps_the_contract(check):
    await check(Extractive(HashEmbedder(256)), REQUEST)


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
