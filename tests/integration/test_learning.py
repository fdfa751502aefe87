"""A route learns from its own calls: an experiment, feedback over HTTP, training from evidence, and each kind of question at its model."""

import json
import random
import shutil

import aiohttp
import pytest

from aver.core.settings import Settings
from aver.server.cli import main
from aver.testing.provider import FakeProvider
from aver.testing.replies import Reply, Tokens
from tests.servers import open_application, serving

TOPICS = {"poetry": ("sonnet", "rhyme", "stanza", "verse"), "algebra": ("prime", "matrix", "root", "ring")}
BEST_AT = {"poetry": "small", "algebra": "large"}
PEOPLE, EACH = 80, 4
"""So many that chance gives both models more than the fifty outcomes that learning asks for."""
BUNDLE = """
providers:
  upstream: {{kind: openai, base_url: "{url}"}}
models:
  small: {{provider: upstream, price: {{input: 0.1, output: 0.4}}}}
  large: {{provider: upstream, price: {{input: 2, output: 8}}}}
routes:
  chat: {{models: [large, small], {strategy}}}
"""
EXPERIMENT, LEARNED = "strategy: experiment", "strategy: learned, learned: {model: router.json, explore: 0}"


def answer(request):
    """Each model knows its own kind of question."""
    kind = "poetry" if "poetry" in request.prompt else "algebra"
    said = "The right answer." if request.model == BEST_AT[kind] else "A wrong answer."
    return Reply(said, tokens=Tokens(input=100, output=10))


def question(chance, kind):
    return f"A {kind} question: " + " ".join(chance.choices(TOPICS[kind], k=6))


async def ask(served, key, text):
    """The id of the call, and what was said."""
    body = {"model": "chat", "messages": [{"role": "user", "content": text}]}
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(f"{served.url}/v1/chat/completions", json=body) as got,
    ):
        assert got.status == 200
        return got.headers["x-request-id"], (await got.json())["choices"][0]["message"]["content"]


async def feedback(served, key, call, score):
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"} if key else {}) as session,
        session.post(f"{served.url}/v1/feedback", json={"call": call, "score": score}) as got,
    ):
        return got.status, got.content_type, await got.json()


class World:
    def __init__(self, folder, provider):
        self.folder, self.provider = folder, provider
        self.bundle = folder / "bundle"
        self.bundle.mkdir()
        self.chance = random.Random(7)

    def declare(self, strategy):
        (self.bundle / "aver.yaml").write_text(BUNDLE.format(url=self.provider.base_url, strategy=strategy))

    def open(self):
        return open_application(Settings(data=self.folder / "data", bundle=self.bundle))


@pytest.fixture
def world(tmp_path):
    with FakeProvider(answer) as provider:
        made = World(tmp_path, provider)
        made.declare(EXPERIMENT)
        yield made


@pytest.fixture
def aver(world, capsys, monkeypatch):
    monkeypatch.setenv("AVER_BUNDLE", str(world.bundle))

    def run(*words, code=0):
        data = str(world.folder / "data")
        assert main(["--data", data, "gateway", *words, "--json"], open_application=open_application) == code
        return json.loads(capsys.readouterr().out)

    return run


async def experiment(world, application, tenant, people=PEOPLE):
    """Everybody asks questions of both kinds and says how good the answers were."""
    application.store.create_tenant(tenant)
    with serving(application) as served:
        for person in range(people):
            key = application.create_key(tenant, f"person-{person}")[1]
            for number in range(EACH):
                kind = list(TOPICS)[number % 2]
                call, said = await ask(served, key, question(world.chance, kind))
                status, _, told = await feedback(served, key, call, 1 if said.startswith("The right") else 0)
                assert (status, told["call"]) == (200, call)


async def test_an_experiment_teaches_the_route_which_model_knows_what(world, aver):
    application = world.open()
    await experiment(world, application, "acme")
    application.close()
    router = str(world.bundle / "router.json")

    found = aver("train", "-t", "acme", "--route", "chat", "--out", router)
    assert found["verdict"] == "better"
    assert (found["calls"], found["examples"], found["left_out"]) == (PEOPLE * EACH, PEOPLE * EACH, {})
    assert found["estimate"]["success"]["low"] > 0.8
    assert all(0.3 < single < 0.7 for single in found["estimate"]["single"].values())
    assert found["costs"] == pytest.approx([14e-6, 280e-6])

    world.declare(LEARNED)
    application = world.open()
    world.provider.requests.clear()
    with serving(application) as served:
        key = application.create_key("acme", "someone-new")[1]
        right = [(await ask(served, key, question(world.chance, kind)))[1] for kind in TOPICS for _ in range(20)]
    assert right.count("The right answer.") >= 38
    application.close()


async def test_an_erased_person_is_no_example_and_other_tenants_are_not_read(world, aver):
    application = world.open()
    await experiment(world, application, "acme", people=60)
    await experiment(world, application, "globex", people=1)
    other = application.tenant("globex").store.directory
    application.erase("acme", "person-3")
    application.close()
    shutil.rmtree(other)  # neither its evidence nor its keys can have been read after this

    words = ("train", "-t", "acme", "--route", "chat", "--out", str(world.bundle / "router.json"))
    found = aver(*words)
    assert found["left_out"] == {"erased": EACH}
    assert found["examples"] == 59 * EACH
    assert aver(*words, "--since", "2999-01-01", code=2)["detail"].startswith("Nothing can be learned from 0 calls")


async def test_feedback_is_for_calls_of_ones_own(world, aver):
    application = world.open()
    for tenant in ("acme", "globex"):
        application.store.create_tenant(tenant)
    ann, bob = (application.create_key("acme", user)[1] for user in ("ann", "bob"))
    ann_elsewhere = application.create_key("globex", "ann")[1]
    with serving(application) as served:
        call, _ = await ask(served, ann, "A poetry question")
        assert await feedback(served, ann, call, 0.25) == (200, "application/json", {"call": call, "score": 0.25})
        for key in (bob, ann_elsewhere):
            status, kind, problem = await feedback(served, key, call, 1)
            assert (status, kind, problem["title"]) == (404, "application/problem+json", "not found")
        assert (await feedback(served, None, call, 1))[0] == 401
        for score in (1.5, -0.1, "1", True, None):
            assert (await feedback(served, ann, call, score))[0] == 422
        assert (await feedback(served, ann, "call_none", 1))[0] == 404
    services = application.tenant("acme")
    (step,) = services.ledger.of_kind("judged")
    assert (step.turn, step.facts, step.body) == (call, {"score": 0.25}, {"score": 0.25})
    assert services.ledger.verify().ok
    application.erase("acme", "ann")
    (step,) = services.ledger.of_kind("judged")
    assert step.erased
    application.close()

    assert aver("feedback", "-t", "acme", call, "--score", "1", code=3)["title"] == "not found"


async def test_feedback_comes_from_a_file_too(world, aver, tmp_path):
    application = world.open()
    application.store.create_tenant("acme")
    key = application.create_key("acme", "ann")[1]
    with serving(application) as served:
        calls = [(await ask(served, key, question(world.chance, "poetry")))[0] for _ in range(3)]
    application.close()
    file = tmp_path / "scores.jsonl"
    scores = {calls[0]: 0.0, calls[1]: 1, "call_unknown": 1}
    file.write_text("\n".join(json.dumps({"call": call, "score": score}) for call, score in scores.items()))
    assert aver("feedback", "-t", "acme", "--file", str(file)) == {"recorded": 2, "unknown": ["call_unknown"]}
    assert aver("feedback", "-t", "acme", calls[0], "--score", "0.5") == {"recorded": 1, "unknown": []}
    application = world.open()
    found = [(step.turn, step.body["score"]) for step in application.tenant("acme").ledger.of_kind("judged")]
    assert found == [(calls[0], 0.0), (calls[1], 1.0), (calls[0], 0.5)]
    application.close()
    for line in ('{"call": "a"}', '{"call": "a", "score": 2}', "{", '{"call": 1, "score": 1}'):
        file.write_text(line)
        assert "scores.jsonl:1" in aver("feedback", "-t", "acme", "--file", str(file), code=2)["detail"]
    aver("feedback", "-t", "acme", code=2)
    aver("feedback", "-t", "acme", "--score", "1", code=2)
