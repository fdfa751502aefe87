"""What the doors leave behind: one step for each call, no word of anybody in clear, and a bundle that changes while it is served."""

import asyncio

import pytest

from aver.testing.replies import Reply
from tests.integration.doors import DOORS, PATHS, PROVIDER_KEY, body, house

_MEANS = "credential: env:PROVIDER_KEY, breaker: {failures: 100000}"
BUNDLE = f"""
unknown_price: highest
providers:
  openai: {{kind: openai, base_url: ROOT/v1, {_MEANS}}}
  responses: {{kind: responses, base_url: ROOT/v1, {_MEANS}}}
  anthropic: {{kind: anthropic, base_url: ROOT, {_MEANS}}}
  gemini: {{kind: gemini, base_url: ROOT, {_MEANS}}}
  cohere: {{kind: cohere, base_url: ROOT, {_MEANS}}}
models:
  openai: {{provider: openai}}
  responses: {{provider: responses}}
  anthropic: {{provider: anthropic}}
  gemini: {{provider: gemini}}
  cohere: {{provider: cohere, capabilities: [rerank]}}
  vectors: {{provider: openai, capabilities: [embeddings]}}
routes:
  kept: {{models: [gemini], cache: {{exact: 10m, semantic: 10m}}}}
"""
SAID, WRITTEN, FAILED = "quxosprey", "quxheron", "quxgannet"
"""What callers say, what providers write, and what they say when they fail."""
ENDS = (b"[DONE]", b"message_stop", b"response.completed")


@pytest.fixture
def home(tmp_path):
    with house(tmp_path, BUNDLE) as served:
        yield served


async def recorded(home, before):
    """The steps since, as soon as there are any; no second one comes later."""
    async with asyncio.timeout(60):
        while len(steps := [*home.application.tenant("northwind").ledger.of_kind("called")]) == before:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return steps[before:]


def asked_of_all(stream):
    for door in DOORS:
        who = {"metadata": {"user_id": SAID}} if door == "anthropic" else {"user": SAID}
        for model in (door, "gemini", "kept", "kept", "nobody"):
            yield PATHS[door], body(door, model, f"How long does the {SAID} sleep?", stream=stream, **who)


OTHERS = (
    ("/v1/embeddings", {"model": "vectors", "input": SAID}),
    ("/v1/embeddings", {"model": "vectors", "input": [SAID, "two"]}),
    ("/v1/embeddings", {"model": SAID, "input": "x"}),
    ("/v1/rerank", {"model": "cohere", "query": SAID, "documents": [SAID, "two"]}),
)


async def test_every_call_leaves_one_step_and_no_word_of_it_in_clear(home):
    well = Reply(f"The {WRITTEN} sleeps for two hours.")
    wrong = Reply(f"{FAILED} {PROVIDER_KEY}", status=400)
    cut = Reply(f"The {WRITTEN} sleeps.", fault="cut", after=9)
    calls = [(well, *each) for stream in (False, True) for each in asked_of_all(stream)]
    calls += [(reply, *each) for reply in (well, wrong) for each in OTHERS]
    calls += [(reply, PATHS[door], body(door, door, SAID, stream=True)) for reply in (wrong, cut) for door in DOORS]
    key = home.key()
    async with home.asking(key) as ask:
        for count, (reply, path, sent) in enumerate(calls):
            home.reply = reply
            answer = await ask(path, sent, x_aver_feature="birds")
            (step,) = await recorded(home, count)
            known = sent["model"] not in ("nobody", SAID)
            assert step.facts["asked"] == (sent["model"] if known else None)
            assert step.facts["feature"] == "birds"
            whole = any(end in answer.raw for end in ENDS) if sent.get("stream") else answer.status == 200
            assert whole == (step.facts["error"] is None), (sent, answer, step.facts)
            assert whole == (known and reply is well), (sent, answer)
    assert len(home.calls()) == len(calls)
    kept = b"".join(path.read_bytes() for path in home.application.settings.data.rglob("*") if path.is_file())
    assert b"northwind" in kept
    for word in (SAID, WRITTEN, FAILED, PROVIDER_KEY, key, key.removeprefix("aver_"), "How long does"):
        assert word.encode() not in kept, word


async def test_what_is_no_call_leaves_no_step(home):
    async with home.asking() as ask:
        for path in (*PATHS.values(), "/v1/messages/count_tokens"):
            await ask(path, {"model": "gemini"} if path.endswith("tokens") else {"model": 1})
            await ask(path, data=b"{")
            await ask(path, body("openai", "gemini"), x_aver_tenant="fabrikam")
            await ask(path, body("openai", "gemini"), x_api_key="aver_wrong")
        await ask("/v1/models", method="GET")
    assert home.calls() == []


async def test_a_changed_bundle_is_in_force_without_a_restart_and_a_wrong_one_is_not(home):
    file = home.bundle / "aver.yaml"
    at_first = file.read_text()
    home.reply = lambda received: Reply(f"By {received.family}.")
    async with home.asking() as ask:

        async def answered_by(door):
            return (await ask(PATHS[door], body(door, "kept"), Cache_Control="no-store")).raw

        async def becomes(wanted):
            async with asyncio.timeout(60):
                while wanted not in await answered_by("openai"):  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
            for door in DOORS:
                assert wanted in await answered_by(door)

        assert b"By gemini." in await answered_by("openai")
        file.write_text(at_first.replace("kept: {models: [gemini]", "kept: {models: [anthropic]"))
        await becomes(b"By anthropic.")
        for wrong in ("routes: [", at_first.replace("provider: gemini", "provider: gemeni"), ""):
            file.write_text(wrong)
            for _ in range(12):
                assert b"By anthropic." in await answered_by("openai")
                await asyncio.sleep(0.1)
        file.write_text(at_first)
        await becomes(b"By gemini.")
