"""Kill switches between two processes: what one stops takes no effect in the other once a second has passed, and says why; lifted, it goes on."""

import asyncio
import json
import time

import aiohttp
import pytest

from aver.core.errors import Stopped
from aver.core.settings import Settings
from aver.gateway.adapters.extractive import Extractive
from aver.knowledge.sources import parse_sources
from aver.server.cli import main
from aver.testing.provider import FakeProvider
from aver.testing.replies import Reply
from tests.integration.test_agents import think
from tests.integration.test_agents_cli import BUNDLE, TOOL
from tests.integration.test_server_mcp import over_http
from tests.processes import PROCESSES
from tests.servers import fill, open_application, serving

WHY = "the books are being checked"
QUESTION = "How many days of unused leave carry over?"
PROMISE = 1.0
"""Seconds after which a switch holds everywhere."""


def serve(data, bundle, told):
    """Another process of the same installation, until ``told`` is closed."""
    application = open_application(Settings(data=data, bundle=bundle))
    with serving(application) as served:
        told.send(served.url)
        told.poll(None)
    application.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("switches")


@pytest.fixture(scope="module")
def bundle(folder):
    bundle = folder / "bundle"
    (bundle / "tools").mkdir(parents=True)
    (bundle / "tools" / "desk.py").write_text(TOOL)

    def says(received):
        return think(received) if received.body.get("tools") else Reply("Good day.")

    with FakeProvider(says) as model:
        (bundle / "aver.yaml").write_text("feature: {model: extractive}\n" + BUNDLE.format(url=model.base_url))
        yield bundle


@pytest.fixture(scope="module")
def here(folder, bundle):
    """This process's application: it throws the switches, and takes documents in."""
    application = open_application(Settings(data=folder / "data", bundle=bundle))
    fill(application, folder, "acme")
    application.store.create_tenant("other")
    yield application
    application.close()


@pytest.fixture(scope="module")
def there(folder, bundle, here):
    """The address of the other process."""
    mine, theirs = PROCESSES.Pipe()
    process = PROCESSES.Process(target=serve, args=(folder / "data", bundle, theirs))
    process.start()
    theirs.close()
    assert mine.poll(120), "the other process did not start"
    yield mine.recv()
    mine.close()
    process.join(60)
    assert process.exitcode == 0


@pytest.fixture
async def ask(here, there):
    """What the other process says to somebody of the tenant: the status, and everything it said."""
    key = here.create_key("acme", "ann", ("staff",))[1]
    async with aiohttp.ClientSession(there, headers={"Authorization": f"Bearer {key}"}) as session:

        async def asked(path, **body):
            async with session.post(path, json=body) as response:
                return response.status, await response.text()

        async def by_mcp():
            async with over_http(f"{there}/mcp", key) as client:
                result = await client.call_tool("search", {"query": QUESTION})
                return 503 if result.is_error else 200, result.content[0].text

        yield {
            "search": lambda: asked("/v1/search", query=QUESTION),
            "mcp": by_mcp,
            "assistant": lambda: asked("/v1/ask", question=QUESTION),
            "chat": lambda: asked(
                "/v1/chat/completions", model="thinker", messages=[{"role": "user", "content": "Hi"}]
            ),
            "agent": lambda: asked("/v1/agents/turns", agent="clerk", task="Add milk to the list"),
        }


async def refused(ask):
    """Which ways of asking are refused, each with the reason; the others answer."""
    replies = dict(zip(ask, await asyncio.gather(*(asking() for asking in ask.values())), strict=True))
    for name, (status, said) in replies.items():
        assert status == 200 or (status == 503 and WHY in said), (name, status, said)
    return {name for name, (status, _) in replies.items() if status == 503}


EVERYTHING = {"search", "mcp", "assistant", "chat", "agent"}


async def test_what_one_process_stops_the_other_does_no_more_and_says_why(here, ask):
    throw, tenant = here.store.throw_switch, here.store.tenant("acme").tenant.id
    other = here.store.tenant("other").tenant.id
    assert await refused(ask) == set()
    rounds = [
        ([("feature", "search", ""), ("feature", "clerk", tenant)], {"search", "mcp", "agent"}),
        ([("feature", "assistant", tenant)], {"assistant"}),
        ([("model", "thinker", tenant)], {"chat", "agent"}),
        ([("model", Extractive.name, "")], {"assistant"}),
        ([("tenant", "", tenant)], EVERYTHING),
        ([("installation", "", "")], EVERYTHING),
        ([("feature", "search", other)], set()),
    ]
    for thrown, stopped in rounds:
        switches = [throw(*each, reason=WHY) for each in thrown]
        await asyncio.sleep(PROMISE)
        assert await refused(ask) == stopped
        for each in switches:
            here.store.lift_switch(each.id)
    await asyncio.sleep(PROMISE)
    assert await refused(ask) == set()


async def test_a_stopped_tool_is_not_called_and_its_turn_goes_on(here, ask, bundle):
    notes = bundle / "tools" / "notes.txt"
    switch = here.store.throw_switch("tool", "add_item", reason=WHY)
    await asyncio.sleep(PROMISE)
    notes.unlink(missing_ok=True)
    status, turn = await ask["agent"]()
    assert status == 200
    told = json.loads(turn)
    assert (told["text"], told["actions"], notes.exists()) == ("Good day.", [], False)
    assert told["stopped"] == [f"The tool 'add_item' is stopped by an administrator: {WHY}."]
    here.store.lift_switch(switch.id)
    await asyncio.sleep(PROMISE)
    status, turn = await ask["agent"]()
    told = json.loads(turn)
    assert (told["actions"][0]["status"], told["stopped"]) == ("done", [])
    assert notes.read_text() == "milk\n"


@pytest.mark.parametrize("stopped", [("feature", "sources"), ("tenant", "--tenant", "other")])
def test_what_the_command_line_stops_no_source_takes_in(here, folder, capsys, stopped):
    pages = folder / f"pages-{stopped[0]}"
    pages.mkdir()
    services = here.tenant("other")
    for name in ("kept", "gone"):
        (pages / f"{name}.md").write_text(f"# {name.title()}\n\nIt is here.")
    source = f"pages-{stopped[0]}"
    services.sources.declare(parse_sources(f"sources: {{{source}: {{kind: folder, path: '{pages}'}}}}", "s"))
    services.sources.follow(source)

    def aver(*words, code=0):
        assert main(["--data", str(folder / "data"), *words], open_application=open_application) == code
        return "".join(capsys.readouterr())

    aver("switch", "off", *stopped, "--reason", WHY)
    (pages / "new.md").write_text("# New\n\nIt is here.")
    (pages / "gone.md").unlink()
    time.sleep(PROMISE)
    with pytest.raises(Stopped, match=WHY):
        services.sources.follow(source)
    assert WHY in aver("sources", "follow", source, "--tenant", "other", code=Stopped.exit_code)
    ann = services.principal("ann")
    here_now = {each.title for each in services.knowledge.documents(ann) if each.source == source}
    assert here_now == {"Kept"}
    (state,) = [each for each in services.sources.states() if each.name == source]
    assert WHY in state.problem
    search = ("search", "where is it", "--tenant", "other", "--user", "ann")
    if stopped[0] == "tenant":
        assert WHY in aver(*search, code=Stopped.exit_code)
    else:
        aver(*search)
    aver("switch", "on", *stopped)
    time.sleep(PROMISE)
    assert services.sources.follow(source).added == 1
    aver(*search)
