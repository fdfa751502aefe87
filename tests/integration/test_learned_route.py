"""A route that learned which prompts its small model can do, from the bundle's file to the model that is asked."""

import random

import aiohttp
import pytest

from aver.core.settings import Settings
from aver.gateway.routing.learned import Example, train
from aver.gateway.routing.learned_file import save
from aver.server.application import Application
from aver.testing import HashEmbedder
from aver.testing.provider import FakeProvider
from aver.testing.replies import Reply
from tests.servers import serving

TOPICS = {"poetry": ("sonnet", "rhyme", "stanza", "verse"), "algebra": ("prime", "matrix", "root", "ring")}
BUNDLE = """
providers:
  upstream: {{kind: openai, base_url: "{url}"}}
models:
  small: {{provider: upstream, price: {{input: 0.1, output: 0.4}}}}
  large: {{provider: upstream, price: {{input: 2, output: 8}}}}
routes:
  smart: {{strategy: learned, models: [large, small], learned: {{model: router.json, explore: 0}}}}
"""


def _prompt(chance, topic):
    return f"A {topic} question: " + " ".join(chance.choices(TOPICS[topic], k=6))


@pytest.fixture
def asked(tmp_path):
    chance = random.Random(5)
    topics = [chance.choice(list(TOPICS)) for _ in range(600)]
    examples = [
        Example(
            _prompt(chance, topic),
            {"small": float(chance.random() < (0.1 if topic == "algebra" else 0.95)), "large": 1.0},
            {"small": 1.0, "large": 10.0},
        )
        for topic in topics
    ]
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    save(train(examples, HashEmbedder(), 3), bundle / "router.json")
    with FakeProvider([Reply("Done.")]) as provider:
        (bundle / "aver.yaml").write_text(BUNDLE.format(url=provider.base_url))
        application = Application(Settings(data=tmp_path / "data", bundle=bundle), embedder=HashEmbedder())
        application.store.create_tenant("northwind")
        key = application.create_key("northwind", "ann")[1]
        try:
            with serving(application) as served:
                yield chance, served, key, provider
        finally:
            application.close()


async def test_what_the_small_model_can_do_is_asked_of_it(asked):
    chance, served, key, provider = asked
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as session:
        for topic in ("poetry", "algebra") * 20:
            body = {"model": "smart", "messages": [{"role": "user", "content": _prompt(chance, topic)}]}
            async with session.post(f"{served.url}/v1/chat/completions", json=body) as answer:
                assert answer.status == 200
    chosen = [each.model for each in provider.requests]
    assert chosen[::2].count("small") > 15
    assert chosen[1::2].count("large") > 15
    services = served.application.tenant("northwind")
    services.outbox.settle()
    calls = list(services.ledger.of_kind("called"))
    assert len(calls) == 40
    assert all(call.body["inputs"]["scores"]["smart"].keys() == {"small", "large"} for call in calls)
