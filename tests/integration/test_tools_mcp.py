"""MCP servers over streamable HTTP, and the official library's own servers over both transports."""

import asyncio
import sys

import pytest

from aver.agents.tools import open_tools, parse_tools
from aver.agents.tools.mcp import Http
from aver.agents.tools.web import Web
from aver.core.errors import Unavailable, Undecided
from aver.gateway.credentials import Secrets
from aver.testing.fakes.sources.serving import Answer
from aver.testing.fakes.tools import Desk, FakeDesk
from tests.servers import serving_app

SECRET = "desk-t0ken-123"
TOOLS = """
tools:
  mcp:
    desk:
      url: {url}
      credential: env:TOKEN
      limits: {{largest: 10000, seconds: 20s}}
      tools:
        list_tickets: {{effects: [read], output: trusted}}
        close_ticket: {{effects: [write], targets: [ticket]}}
        misbehave: {{effects: [write]}}
"""


async def opened(folder, url):
    box = await open_tools(parse_tools(TOOLS.format(url=url), "aver.yaml"), folder, Secrets({"TOKEN": SECRET}))
    if "desk" not in {each.origin for each in box.unusable if not each.name}:
        await box.approve("desk")
    return box


@pytest.fixture(params=["json", "streams", "stateless", "modern"])
def desk(request):
    desk = Desk(modern=request.param == "modern")
    with FakeDesk(desk, streams=request.param == "streams", sessions=request.param != "stateless") as served:
        served.proofs = {f"Bearer {SECRET}"}
        yield served


async def misbehave(box, how):
    return await box.tools["misbehave"].call({"how": how}, "k")


async def test_tools_of_a_server_are_tools(desk, tmp_path):
    box = await opened(tmp_path, desk.url)
    assert sorted(box.tools) == ["close_ticket", "list_tickets", "misbehave"]
    result = await box.tools["close_ticket"].call({"ticket": 2}, "key-1")
    assert result.value == {"ticket": 2, "state": "closed"}
    assert desk.desk.keys == ["key-1"]
    assert (await misbehave(box, "chatter")).value == "done"
    sampled = await misbehave(box, "ask for a sample")
    assert "sampling/createMessage" in sampled.text
    await box.close()
    assert desk.asked[-1].method == ("DELETE" if desk.sessions else "POST")


async def test_a_session_that_ended_is_begun_anew(tmp_path):
    with FakeDesk() as desk:
        box = await opened(tmp_path, desk.url)
        desk.forget()
        with pytest.raises(Unavailable, match="session"):
            await box.tools["close_ticket"].call({"ticket": 1}, "")
        assert desk.desk.closed == []
        assert (await box.tools["close_ticket"].call({"ticket": 1}, "")).value["state"] == "closed"
        await box.close()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer({"message": "slow"}, 429, {"Retry-After": "3"}), Unavailable),
        (Answer("no", 401), Unavailable),
        (Answer("no", 400), Unavailable),
        (Answer("", 307, {"Location": "http://evil.example/"}), Unavailable),
        (Answer("boom", 500), Undecided),
        (Answer("", 502), Undecided),
        (Answer("", 202), Undecided),
        (Answer({"jsonrpc": "2.0", "id": 99, "result": {}}), Undecided),
        (Answer(b"{", headers={"Content-Type": "application/json"}), Undecided),
        (Answer(b"data: {}\n\n", headers={"Content-Type": "text/event-stream"}), Undecided),
        (Answer(b": nothing\n\n", headers={"Content-Type": "text/event-stream"}), Undecided),
        (Answer(b"x" * 200_000, headers={"Content-Type": "application/json"}), Undecided),
        (Answer(b"data: " + b"x" * 200_000, headers={"Content-Type": "text/event-stream"}), Undecided),
        (Answer({"a": "b" * 1000}, cut=True), Undecided),
    ],
)
async def test_what_an_answer_says_of_whether_it_ran(tmp_path, answer, error):
    with FakeDesk() as desk:
        box = await opened(tmp_path, desk.url)
        before = len(desk.asked)
        desk.meddle = lambda asked: answer if asked.method == "POST" else None
        with pytest.raises((Unavailable, Undecided)) as raised:
            await box.tools["close_ticket"].call({"ticket": 1}, "")
        assert raised.type is error
        assert len(desk.asked) == before + 1
        assert SECRET not in str(raised.value)
        await box.close()


async def test_a_server_that_is_away_did_not_do_it(tmp_path):
    with FakeDesk() as desk:
        box = await opened(tmp_path, desk.url)
    with pytest.raises(Unavailable, match="cannot be reached"):
        await box.tools["close_ticket"].call({"ticket": 1}, "")
    await box.refresh()
    assert "close_ticket" in box.tools  # what it offered stays; its calls say that it is away
    assert "cannot be reached" in box.unusable[0].cause
    await box.close()


async def test_whoever_does_not_let_aver_in_offers_nothing(tmp_path):
    with FakeDesk() as desk:
        desk.proofs = {"Bearer other"}
        box = await opened(tmp_path, desk.url)
        assert box.tools == {}
        assert "does not let Aver in" in box.unusable[0].cause
        await box.close()


async def test_a_farewell_that_is_cut_short_leaves_no_connection_open():
    asked = asyncio.Event()

    async def silent(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with server:
        web = Web("The server", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        channel = Http(web, "Authorization", lambda _: None)
        channel._session = "session"
        closing = asyncio.ensure_future(channel.close())
        await asked.wait()
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        assert web._session is None


OFFICIAL = '''
from mcp.server.mcpserver import Context, MCPServer
from mcp_types import SamplingMessage, TextContent

server = MCPServer("official")

@server.tool()
def close_ticket(ticket: int) -> dict[str, int]:
    """Closes a ticket."""
    return {"closed": ticket}

@server.tool()
def broken() -> str:
    """Breaks."""
    raise ValueError("it broke")

@server.tool()
async def ask(context: Context) -> str:
    """Asks for a sample."""
    try:
        await context.session.create_message(messages=[SamplingMessage(role="user", content=TextContent(text="hi"))], max_tokens=5)
    except Exception as error:
        return f"refused: {error}"
    return "given"

if __name__ == "__main__":
    server.run("stdio")
'''
DECLARED = "tools: {close_ticket: {effects: [write]}, broken: {effects: [read]}, ask: {effects: [read]}}"


async def try_out(box):
    assert sorted(box.tools) == ["ask", "broken", "close_ticket"]
    result = await box.tools["close_ticket"].call({"ticket": 7}, "k")
    assert (result.value, result.failed) == ({"closed": 7}, False)
    broken = await box.tools["broken"].call({}, "k")
    assert broken.failed
    assert "broken" in broken.text


async def test_an_official_server_over_its_pipes(tmp_path):
    (tmp_path / "server.py").write_text(OFFICIAL)
    text = f"tools: {{mcp: {{it: {{command: [{sys.executable}, server.py], {DECLARED}}}}}}}"
    box = await open_tools(parse_tools(text, "aver.yaml"), tmp_path, Secrets({}))
    await box.approve("it")
    await try_out(box)
    asked = await box.tools["ask"].call({}, "k")
    assert "refused" in asked.text
    assert "The server asked for sampling/createMessage meanwhile" in asked.text
    await box.close()


@pytest.mark.parametrize("json_response", [False, True])
async def test_an_official_server_over_http(tmp_path, json_response):
    namespace = {"__name__": "official"}
    exec(compile(OFFICIAL, "official", "exec"), namespace)
    application = namespace["server"].streamable_http_app(json_response=json_response)
    with serving_app(application) as url:
        text = f"tools: {{mcp: {{it: {{url: '{url}/mcp', {DECLARED}}}}}}}"
        box = await open_tools(parse_tools(text, "aver.yaml"), tmp_path, Secrets({}))
        await box.approve("it")
        await try_out(box)
        await box.close()
