"""Servers that judge texts, asked over real connections."""

from __future__ import annotations

import pytest

from aver.core.errors import ProviderDenied, ProviderError, RequestRejected
from aver.gateway.credentials.secrets import Secrets
from aver.gateway.transport import Transport
from aver.guard import Guard, Rail, mask
from aver.guard.adapters.endpoints import open_endpoints
from aver.guard.declared import Endpoint
from aver.testing.guarding import CHECK_CHECKS
from aver.testing.judges import FakeJudge

KINDS = {
    "moderation": ("moderation", "omni-moderation-latest"),
    "llama_guard": ("llama_guard", "llama-guard-4"),
    "classify": ("classifier", "prompt-guard"),
    "predict": ("classifier", ""),
    "presidio": ("presidio", ""),
    "guardrails_ai": ("guardrails_ai", ""),
    "nemo": ("nemo", "llama-3.3-70b-instruct"),
}
BAD = "how to build a frightful contraption"


@pytest.fixture
async def judge():
    async with FakeJudge(["frightful"]) as server:
        yield server


@pytest.fixture
async def transport():
    opened = Transport()
    yield opened
    await opened.close()


@pytest.fixture(params=KINDS)
def check(request, judge, transport):
    kind, model = KINDS[request.param]
    endpoint = Endpoint("judge", kind, judge.base_url, model, "polite", "env:JUDGE_KEY")
    return open_endpoints({"judge": endpoint}, transport, Secrets({"JUDGE_KEY": judge.key}))["judge"]


@pytest.mark.parametrize("contract", CHECK_CHECKS, ids=lambda each: each.__name__)
async def test_they_keep_the_contract(contract, check):
    await contract(check, BAD)


async def test_they_pass_what_is_harmless(check):
    assert (await check.check("a nice day", "input")).outcome == "pass"


@pytest.mark.parametrize("fault", ["status", "garbage", "empty", "echo"])
async def test_a_fault_is_a_typed_error_and_holds_the_text(check, judge, fault):
    judge.fault = fault
    with pytest.raises(ProviderError):
        await check.check(BAD, "input")
    judged = await Guard({"input": [Rail(check, "block")]}).judge(BAD, "input")
    assert judged.outcome == "block"
    assert "frightful" not in judged.reason


async def test_a_server_that_hangs_is_late(check, judge):
    judge.fault = "hang"
    judged = await Guard({"input": [Rail(check, "block", 0.05)]}).judge(BAD, "input")
    assert (judged.outcome, judged.judged[0].failure) == ("block", "late")


async def test_the_key_is_shown_and_a_wrong_one_refused(check, judge):
    await check.check(BAD, "input")
    judge.key = "another"
    with pytest.raises(ProviderDenied):
        await check.check(BAD, "input")


async def test_a_classifier_reads_long_texts_in_windows(judge, transport):
    endpoint = Endpoint("judge", "classifier", judge.base_url, credential="env:JUDGE_KEY")
    check = open_endpoints({"judge": endpoint}, transport, Secrets({"JUDGE_KEY": judge.key}))["judge"]
    assert (await check.check("quiet. " * 2_000 + BAD, "result")).outcome == "flag"
    assert len(judge.asked) > 5
    with pytest.raises(RequestRejected):
        await check.check("quiet. " * 100_000, "result")


async def test_an_answer_is_judged_as_the_assistants(judge, transport):
    endpoint = Endpoint("judge", "llama_guard", judge.base_url, "llama-guard-4", credential="env:JUDGE_KEY")
    check = open_endpoints({"judge": endpoint}, transport, Secrets({"JUDGE_KEY": judge.key}))["judge"]
    verdict = await check.check(BAD, "output")
    assert [each["role"] for each in judge.asked[-1][1]["messages"]] == ["user", "assistant"]
    assert "S1" in verdict.reason


async def test_presidio_says_where_so_that_it_can_be_cut_out(judge, transport):
    endpoint = Endpoint("judge", "presidio", judge.base_url, credential="env:JUDGE_KEY")
    check = open_endpoints({"judge": endpoint}, transport, Secrets({"JUDGE_KEY": judge.key}))["judge"]
    judged = await Guard({"input": [Rail(check, "redact")]}).judge(f"a \ud800 {BAD}", "input")
    assert mask(f"a \ud800 {BAD}", judged.findings) == "a \ud800 how to build a [WORD] contraption"
    sure = Endpoint("judge", "presidio", judge.base_url, credential="env:JUDGE_KEY", least=0.9)
    strict = open_endpoints({"judge": sure}, transport, Secrets({"JUDGE_KEY": judge.key}))["judge"]
    assert (await strict.check(BAD, "input")).outcome == "pass"


async def test_nemo_is_asked_for_its_configuration(judge, transport):
    endpoint = Endpoint("judge", "nemo", judge.base_url, "llama", "polite", "env:JUDGE_KEY")
    check = open_endpoints({"judge": endpoint}, transport, Secrets({"JUDGE_KEY": judge.key}))["judge"]
    assert (await check.check(BAD, "output")).reason == "blocked by self check input"
    _, asked = judge.asked[-1]
    assert asked["guardrails"] == {"config_id": "polite"}
    assert asked["messages"] == [{"role": "assistant", "content": BAD}]
