"""The gateway's self-test over real connections: what it says of this gateway, and of gateways that do wrong."""

import asyncio
import json
from contextlib import suppress
from dataclasses import replace
from xml.etree import ElementTree

import aiohttp
import pytest

from aver.core.errors import ProviderError, ProviderTimeout
from aver.gateway.calls import Attempt, CallRecord
from aver.gateway.config.types import Arm, Breaker, GatewayConfig, Model, ProviderConfig, Retries, Route
from aver.gateway.types import ChatDelta, Usage
from aver.gateway.wire.registry import chat_dialect
from aver.gateway.wire.types import Endpoint
from aver.server.cli import main
from aver.testing.selftest import FAULTS, SAMPLE, selftest
from aver.testing.selftest.caller import ask
from aver.testing.selftest.opening import open_gateway
from aver.testing.selftest.stage import KEY

FAMILIES = ("openai", "azure", "responses", "anthropic", "gemini", "vertex", "bedrock", "cohere")
OPTIONS = {"region": "eu-west-1", "project": "mine", "location": "europe-west4", "api_version": "2024-10-21"}


def faults(*names):
    chosen = [fault for fault in FAULTS if fault.name in names]
    assert len(chosen) == len(names)
    return chosen


def results(scorecard):
    return {finding.name: (finding.result, finding.detail) for finding in scorecard.findings}


def wrongs(scorecard):
    return {name: detail for name, (result, detail) in results(scorecard).items() if result != "pass"}


async def test_this_gateway_survives_every_fault():
    scorecard = await selftest(SAMPLE)
    assert wrongs(scorecard) == {}
    assert scorecard.passed
    assert len(scorecard.findings) == len(FAULTS)
    assert scorecard.targets == ("assistant", "alone")


async def test_routes_of_every_family_and_strategy_survive():
    config = GatewayConfig(
        {
            kind: ProviderConfig(kind, kind, f"https://{kind}.example", credential="env:NOWHERE", options=OPTIONS)
            for kind in FAMILIES
        },
        {kind: Model(kind, kind, f"{kind}-1") for kind in FAMILIES},
        {
            "share": Route("share", tuple(Arm(kind) for kind in FAMILIES), "weighted"),
            "quick": Route("quick", (Arm("gemini"), Arm("share")), "fastest"),
            "cheap": Route("cheap", (Arm("cohere"), Arm("bedrock")), "cascade"),
        },
        unknown_price="highest",
    )
    chosen = faults("server-error-once", "connection-refused", "stream-cut", "web-page", "usage-zero", "key-refused")
    scorecard = await selftest(config, faults=chosen)
    assert wrongs(scorecard) == {}


async def test_a_model_alone_ends_in_errors_that_name_the_fault():
    scorecard = await selftest(SAMPLE, routes=["second"], faults=faults("key-refused", "context-overflow", "web-page"))
    assert results(scorecard) == {
        "web-page": ("pass", "provider-error, as nobody else could answer"),
        "context-overflow": ("pass", "context-overflow, as nobody else could answer"),
        "key-refused": ("pass", "provider-denied, as nobody else could answer"),
    }


async def test_retries_without_bounds_are_a_storm():
    provider = replace(SAMPLE.providers["one"], breaker=Breaker(failures=10**6))
    route = Route("stubborn", (Arm("first"),), retries=Retries(attempts=6, budget=10.0))
    config = replace(SAMPLE, providers={**SAMPLE.providers, "one": provider}, routes={"stubborn": route})
    result, detail = results(await selftest(config, faults=faults("outage")))["outage"]
    assert result == "partial"
    assert "a storm" in detail


async def test_retries_that_run_out_for_good_are_found_out():
    never = Route("never", (Arm("first"),), retries=Retries(attempts=2, budget=0.0))
    rare = faults("server-error-rare")
    assert wrongs(await selftest(replace(SAMPLE, routes={"never": never}), faults=rare)) == {}  # nobody asked for any
    allowed = replace(SAMPLE, routes={"never": replace(never, retries=Retries(attempts=2))})
    forgotten = replace(SAMPLE, routes={"never": never})
    found = results(
        await selftest(
            allowed, faults=rare, opened=lambda staged: open_gateway(replace(forgotten, providers=staged.providers))
        )
    )
    assert found["server-error-rare"][0] == "partial"


class Careless:
    """A gateway as it is written in an afternoon: it asks the first model of a route once, and takes what comes."""

    trusts_anyone = False
    begins_again = False

    def __init__(self, config):
        self._config = config

    async def complete(self, call):
        async with aiohttp.ClientSession() as session, self.post(session, call) as response:
            completion = self.dialect(call).completion(await response.read())
        self.tell(call, completion.usage)
        return completion

    async def open(self, call):
        return _CarelessReply(self, call)

    async def close(self):
        pass

    def dialect(self, call, place=0):
        return chat_dialect(self._config.providers[self._model(call, place).provider].kind)

    def post(self, session, call, place=0):
        model = self._model(call, place)
        provider = self._config.providers[model.provider]
        endpoint = Endpoint(provider.base_url, model.id, provider.options)
        request = self.dialect(call, place).request(call.chat, endpoint, stream=call.stream)
        shown = {"Authorization": f"Bearer {KEY}", "anthropic-version": "2023-06-01"}
        headers = {**request.headers, **provider.headers, **shown}
        return session.post(request.url, data=request.body, headers=headers, ssl=not self.trusts_anyone)

    def tell(self, call, usage, places=1):
        record = CallRecord("call_1", "chat", call.model)
        for place in range(places):
            model = self._model(call, place)
            record.attempts.append(Attempt(model.name, model.provider, 0.0))
        record.usage = usage or Usage(1, 1)
        call.sink(call, record)

    def _model(self, call, place):
        return self._config.models[self._config.routes[call.model].arms[place].target]


class _CarelessReply:
    def __init__(self, gateway, call):
        self._gateway, self._call = gateway, call

    async def __aiter__(self):
        finished, places, usage = False, 1, None
        for place in range(2 if self._gateway.begins_again else 1):
            places = place + 1
            with suppress(aiohttp.ClientPayloadError, ProviderError):
                async for deltas in self._deltas(place):
                    finished = finished or any(delta.finish for delta in deltas)
                    usage = next((delta.usage for delta in deltas if delta.usage), usage)
                    yield deltas
            if finished:
                break
        if not finished:
            yield [ChatDelta(finish="stop")]
        self._gateway.tell(self._call, usage, places)

    async def _deltas(self, place):
        gateway, call = self._gateway, self._call
        reader = gateway.dialect(call, place).reader(asked_usage=True)
        async with aiohttp.ClientSession() as session, gateway.post(session, call, place) as response:
            async for chunk in response.content.iter_any():
                yield reader.feed(chunk)

    async def aclose(self):
        pass


class BeginsAgain(Careless):
    begins_again = True


class TrustsAnyone(Careless):
    trusts_anyone = True


class Around:
    """This gateway, spoilt in one place."""

    def __init__(self, config):
        self._inner = open_gateway(config)

    async def complete(self, call):
        return await self._inner.complete(call)

    async def open(self, call):
        return await self._inner.open(call)

    async def close(self):
        await self._inner.close()


class LosesRecords(Around):
    async def complete(self, call):
        call.sink = lambda *_: None
        return await super().complete(call)


class TellsTwice(Around):
    async def complete(self, call):
        sink = call.sink

        def twice(*told):
            sink(*told)
            sink(*told)

        call.sink = twice
        return await super().complete(call)


class Untyped(Around):
    async def complete(self, call):
        try:
            return await super().complete(call)
        except ProviderError as error:
            raise RuntimeError("something went wrong") from error


class AsksTwice(Around):
    """An attempt more than its record tells of."""

    async def complete(self, call):
        sink, call.sink = call.sink, lambda *_: None
        with suppress(ProviderError):
            await super().complete(call)
        call.sink = sink
        return await super().complete(call)


@pytest.mark.parametrize(
    ("gateway", "fault", "result", "says"),
    [
        (Careless, "stream-cut", "fail", "presented as a success"),
        (Careless, "stream-unfinished", "fail", "presented as a success"),
        (Careless, "empty-reply", "fail", "no text, presented as a success"),
        (Careless, "connection-refused", "fail", "an error without a type, ClientConnectorError"),
        (Careless, "usage-absurd", "partial", "absurd usage"),
        (Careless, "usage-zero", "partial", "no tokens for a reply"),
        (BeginsAgain, "stream-cut", "fail", "repeated or added"),
        (TrustsAnyone, "certificate-untrusted", "fail", "certificate nobody vouches for"),
        (LosesRecords, "slow-drip", "partial", "no record"),
        (TellsTwice, "slow-drip", "partial", "2 records"),
        (AsksTwice, "server-error-once", "partial", "the record tells of"),
    ],
)
async def test_a_gateway_that_does_wrong_is_found_out(gateway, fault, result, says):
    found = results(await selftest(SAMPLE, routes=["assistant"], faults=faults(fault), opened=gateway))[fault]
    assert found[0] == result
    assert says in found[1]
    assert "assistant" in found[1]


@pytest.mark.parametrize(("late", "result"), [(1, "pass"), (10**6, "partial")])
async def test_what_may_be_owed_to_a_busy_machine_is_tried_again(late, result):
    opened = []

    class TooLate(Around):
        """Runs out of time while it is one of the first ``late``."""

        def __init__(self, config):
            super().__init__(config)
            opened.append(config.providers["one"].timeouts.total)
            self._late = len(opened) <= late

        async def complete(self, call):
            self._look()
            return await super().complete(call)

        async def open(self, call):
            self._look()
            return await super().open(call)

        def _look(self):
            if self._late:
                raise ProviderTimeout("No reply in time", "Try again.")

    found = results(await selftest(SAMPLE, routes=["assistant"], faults=faults("slow-drip"), opened=TooLate))[
        "slow-drip"
    ]
    assert found[0] == result, found
    assert "tried again by itself" in found[1]
    first, again = opened[0], opened[-1]
    assert again > first, "tried again with no more time than before"


async def test_an_error_of_no_type_is_found_out():
    scorecard = await selftest(SAMPLE, routes=["first"], faults=faults("web-page"), opened=Untyped)
    assert wrongs(scorecard) == {"web-page": "first, whole: an error without a type, RuntimeError"}


async def test_a_call_that_never_ends_is_given_up():
    class Hangs:
        async def complete(self, call):
            while True:
                with suppress(asyncio.CancelledError):
                    await asyncio.sleep(3600)
                if self.stopped:
                    return

        stopped = False

    gateway = Hangs()
    outcome = await ask(gateway, "assistant", "Say it.", stream=False, user="caller", patience=0.05)
    gateway.stopped = True
    assert outcome.hung
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()


BUNDLE = """
providers:
  mine: {kind: openai, base_url: "https://models.example/v1", credential: env:MINE}
models:
  small: {provider: mine, id: small-1}
routes:
  chat: {models: [small]}
"""


def test_the_command_tests_a_bundle_and_prints_what_a_program_reads(tmp_path, capsys):
    (tmp_path / "aver.yaml").write_text(BUNDLE)
    junit = tmp_path / "junit.xml"
    code = main(["gateway", "selftest", "--bundle", str(tmp_path), "--speed", "600", "--json", "--junit", str(junit)])
    document = json.loads(capsys.readouterr().out)
    assert [each["name"] for each in document["faults"]] == [fault.name for fault in FAULTS]
    assert document["routes"] == ["chat"]
    assert document["bundle"] == str(tmp_path / "aver.yaml")
    assert code == (0 if document["totals"]["pass"] == len(FAULTS) else 1) == 0
    cases = ElementTree.parse(junit).findall(".//testcase")
    assert [case.get("name") for case in cases] == [fault.name for fault in FAULTS]


def test_without_a_bundle_the_command_tests_a_sample_and_prints_a_table_for_people(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AVER_BUNDLE", raising=False)
    assert main(["gateway", "selftest", "--route", "assistant"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("The built-in sample")
    for fault in FAULTS:
        assert fault.name in out
    assert f"{len(FAULTS)} pass, 0 partial, 0 fail" in out


def test_a_route_that_is_not_declared_is_a_mistake(tmp_path, capsys):
    (tmp_path / "aver.yaml").write_text(BUNDLE)
    assert main(["gateway", "selftest", "--bundle", str(tmp_path), "--route", "chta"]) == 2
    assert "Did you mean 'chat'?" in capsys.readouterr().err
