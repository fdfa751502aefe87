"""Kill switches at the gateway, over real connections: who is not asked any more, who steps in, what is cut off, and what callers are told."""

import pytest

from aver.core.errors import Stopped
from aver.gateway import Gateway
from aver.testing.replies import Reply
from tests.gateways import Caller, config, text
from tests.integration.callers import TEXT, WELL, fakes


class Switchboard:
    """What is stopped: names of models and routes. ``after`` lets so many questions pass before that."""

    def __init__(self, *names: str, after: int = 0) -> None:
        self.names, self.after, self.asked = names, after, 0

    async def halt(self, call, model: str) -> None:
        self.asked += 1
        if model in self.names and self.asked > self.after:
            raise Stopped(f"The model {model!r} is stopped by an administrator: it invents laws", "Wait.")


def asking(board: Switchboard, *servers, **more) -> tuple[Gateway, Caller]:
    declared = config(*(server.base_url for server in servers), **more)
    gateway = Gateway(lambda: declared, halt=board.halt)
    return gateway, Caller(gateway)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_stopped_model_is_not_asked_and_the_next_of_its_route_answers(stream):
    with fakes([WELL], [WELL]) as servers:
        gateway, me = asking(Switchboard("m0"), *servers)
        told = await me.stream() if stream else (await me.complete()).text
        await gateway.close()
    assert told == TEXT
    assert servers[0].requests == []
    assert me.outcomes == [("m1", "fallback", "ok")]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("stopped", [["r"], ["m0", "m1"]])
async def test_a_route_of_which_nothing_goes_on_tells_why(stopped, stream):
    with fakes([WELL], [WELL]) as servers:
        gateway, me = asking(Switchboard(*stopped), *servers)
        with pytest.raises(Stopped, match="it invents laws"):
            await me.stream() if stream else await me.complete()
        await gateway.close()
    assert [server.requests for server in servers] == [[], []]
    assert me.record.error == "stopped"


async def test_a_stream_is_cut_off_and_what_was_written_is_on_record():
    words = "word " * 200
    with fakes([Reply(words, piece=5, pause=0.001)]) as servers:
        gateway, me = asking(Switchboard("m0", after=6), *servers)
        deltas: list = []
        with pytest.raises(Stopped):
            await me.told(me.call(stream=True), deltas)
        await gateway.close()
    assert 0 < len(text(deltas)) < len(words)
    assert (me.record.error, me.record.attempts[0].outcome) == ("stopped", "stopped")
    assert me.record.usage.output_tokens > 0


async def test_what_comes_after_it_was_stopped_is_paid_for_and_not_given():
    with fakes([WELL]) as servers:
        gateway, me = asking(Switchboard("m0", after=2), *servers)
        with pytest.raises(Stopped):
            await me.complete()
        await gateway.close()
    assert me.record.error == "stopped"
    assert me.record.usage.output_tokens == 14
