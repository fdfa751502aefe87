"""Answers given before, through the doors: nobody gets another's, unless the policy shares them, and never across tenants."""

import json
from itertools import count

import pytest

from aver.knowledge.access import AccessList
from aver.knowledge.folder import FolderSource
from aver.server.application import Application
from aver.testing.replies import Reply
from tests.integration.doors import DOORS, PATHS, body, house
from tests.servers import write_handbook

_MEANS = "credential: env:PROVIDER_KEY, breaker: {failures: 100000}"
BUNDLE = f"""
unknown_price: highest
providers:
  openai: {{kind: openai, base_url: ROOT/v1, {_MEANS}}}
models:
  model: {{provider: openai}}
routes:
  own: {{models: [model], cache: {{exact: 10m, semantic: 10m, shadow: 0}}}}
  shared: {{models: [model], cache: {{exact: 10m, semantic: 10m, shadow: 0, shared: true}}}}
  assistant: {{models: [model], cache: {{exact: 10m, semantic: 10m, shadow: 0, shared: true}}}}
"""
SAME = "How do I reset the password of my mail account?"
ALIKE = "How do I reset the password of my mail account"
PEOPLE = (("northwind", "ann"), ("northwind", "bo"), ("fabrikam", "ann"), ("fabrikam", "bo"))


@pytest.fixture
def home(tmp_path):
    with house(tmp_path, BUNDLE, "northwind", "fabrikam") as served:
        numbers = count()
        served.reply = lambda _: Reply(f"Answer number {next(numbers)} is the one.")
        yield served


@pytest.fixture(params=DOORS)
def door(request):
    return request.param


async def answers(home, door, route, *, stream):
    """What everybody is told who asks the same, each twice and once more in other words: by person."""
    told = {}
    for tenant, user in PEOPLE:
        async with home.asking(home.key(tenant, user)) as ask:
            for text in (SAME, SAME, ALIKE):
                answer = await ask(PATHS[door], body(door, route, text, stream=stream))
                assert answer.status == 200
                told.setdefault((tenant, user), set()).add(_number(answer.raw) if stream else _number_of(answer.raw))
    return told


def _number(raw):
    """The number in a streamed answer, whose letters come in pieces."""
    pieces = []
    for line in raw.splitlines():
        if line.startswith(b"data: {"):
            event = json.loads(line[6:])
            pieces += [choice["delta"].get("content") or "" for choice in event.get("choices", ())]
            delta = event.get("delta")
            pieces.append(delta if isinstance(delta, str) else (delta or {}).get("text", ""))
    return _number_of("".join(pieces).encode())


def _number_of(text):
    return int(text.split(b"number ")[1].split()[0])


@pytest.mark.parametrize("stream", [False, True])
async def test_nobody_is_given_an_answer_of_somebody_else(home, door, stream):
    told = await answers(home, door, "own", stream=stream)
    for person, numbers in told.items():
        for other, others in told.items():
            assert person == other or not numbers & others, told
    verdicts = [step.facts["cache"] for tenant in ("northwind", "fabrikam") for step in home.calls(tenant)]
    assert verdicts.count("exact") >= len(PEOPLE), verdicts  # it is at work


@pytest.mark.parametrize("stream", [False, True])
async def test_what_is_shared_is_shared_within_a_tenant_only(home, door, stream):
    told = await answers(home, door, "shared", stream=stream)
    by_tenant = {tenant: told[tenant, "ann"] | told[tenant, "bo"] for tenant, _ in PEOPLE}
    assert not by_tenant["northwind"] & by_tenant["fabrikam"]
    assert told["northwind", "ann"] & told["northwind", "bo"]


async def test_an_answer_from_documents_is_given_to_nobody_who_may_not_read_them(home, door, tmp_path):
    home.reply = lambda received: Reply("A senior editor earns between 59,000 and 68,000 a year. [1]")
    handbook, acl = write_handbook(tmp_path / "documents")
    application: Application = home.application
    application.tenant("northwind").knowledge.ingest(FolderSource(handbook, "handbook"), AccessList.load(acl))
    question = "What does a senior editor earn a year?"
    secret = b"59,000"
    board, plain = home.key("northwind", "bea", ("board",)), home.key("northwind", "ann")
    for key, reads in ((board, True), (board, True), (plain, False), (board, True), (plain, False)):
        async with home.asking(key) as ask:
            for stream in (False, True):
                answer = await ask(PATHS[door], body(door, "assistant", question, stream=stream))
                assert answer.status == 200
                assert (secret in answer.raw) == reads, answer
    assert "exact" in {step.facts["cache"] for step in home.calls()}
