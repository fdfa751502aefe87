"""Aver as an MCP server, asked by the official client over both transports."""

import json
import os
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import httpx2
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from aver.agents.tools import Result
from aver.core.settings import Settings
from aver.governance.declaration import Declaration
from aver.server.mcp import Feature, McpApp
from tests.servers import fill, open_application, serving_mcp

QUESTION = "How many days of unused leave carry over?"
PROGRAM = """
import asyncio, sys
from pathlib import Path

from aver.core.settings import Settings
from aver.server.mcp import serve_stdio
from tests.servers import open_application

application = open_application(Settings(data=Path(sys.argv[1])))
asyncio.run(serve_stdio(application, sys.argv[2]))
application.close()
"""


@pytest.fixture
def application(tmp_path):
    application = open_application(Settings(data=tmp_path / "data"))
    fill(application, tmp_path)
    yield application
    application.close()


async def whoami(principal, arguments):
    return Result({"user": principal.user, "groups": sorted(principal.groups)}, "")


async def broken(principal, arguments):
    raise RuntimeError("a secret of the inside")


NOTHING = {"type": "object", "properties": {}, "additionalProperties": False}
FEATURES = [Feature("whoami", "Says who calls.", NOTHING, whoami), Feature("broken", "Breaks.", NOTHING, broken)]


@pytest.fixture
def address(application):
    """Of the knowledge and of two features more."""
    from aver.server.mcp import knowledge_features

    app = McpApp(application, [*knowledge_features(application), *FEATURES])

    with serving_mcp(app) as url:
        yield f"{url}/mcp"


@asynccontextmanager
async def over_http(address, key, mode="auto"):
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http,
        Client(streamable_http_client(address, http_client=http), mode=mode) as client,
    ):
        yield client


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_whoever_has_a_key_asks_as_its_principal(application, address, mode):
    ann = application.create_key("northwind", "ann")[1]
    bo = application.create_key("northwind", "bo", ["board"])[1]
    async with over_http(address, ann, mode) as client:
        listed = await client.list_tools()
        assert [each.name for each in listed.tools] == ["search", "ask", "whoami", "broken"]
        answer = await client.call_tool("ask", {"question": QUESTION})
        assert not answer.is_error
        assert not answer.structured_content["abstained"]
        assert "ten days" in answer.content[0].text
        (citation, *_) = answer.structured_content["citations"]
        assert citation["title"] == "Leave policy"
        found = await client.call_tool("search", {"query": "salary of a senior editor"})
        assert not any("59,000" in each["text"] for each in found.structured_content["passages"])
        assert (await client.call_tool("whoami", {})).structured_content == {"user": "ann", "groups": []}
    async with over_http(address, bo, mode) as client:
        found = await client.call_tool("search", {"query": "salary of a senior editor", "limit": 3})
        assert any("59,000" in each["text"] for each in found.structured_content["passages"])
        assert (await client.call_tool("whoami", {})).structured_content == {"user": "bo", "groups": ["board"]}


async def test_a_result_says_the_label_of_the_documents_it_was_made_of(application, address):
    ann = application.create_key("northwind", "ann")[1]
    services = application.tenant("northwind")
    asked = {"search": {"query": "unused leave"}, "ask": {"question": QUESTION}}
    label = {"level": "restricted", "regions": ["eu"]}
    async with over_http(address, ann) as client:

        async def said():
            results = [await client.call_tool(tool, arguments) for tool, arguments in asked.items()]
            return [(each.meta or {}).get("aver/label") for each in results]

        assert await said() == [None, None]
        declared = Declaration.parse("classification: [{match: leave.md, level: restricted, regions: [eu]}]", "a.yaml")
        services.governance.declare(declared, "adam")
        services.declared.forget()
        assert await said() == [label, label]


async def test_what_does_not_fit_or_fails_is_said_without_the_inside(application, address, caplog):
    key = application.create_key("northwind", "ann")[1]
    async with over_http(address, key) as client:
        wrong = await client.call_tool("search", {"query": "", "limit": 1000, "more": 1})
        assert wrong.is_error
        assert "do not fit" in wrong.content[0].text
        failed = await client.call_tool("broken", {})
        assert failed.is_error
        assert "secret" not in failed.content[0].text
        gone = await client.call_tool("ask", {"question": QUESTION, "conversation": "none"})
        assert gone.is_error
        with pytest.raises(Exception, match="no tool 'nothing'"):
            await client.call_tool("nothing", {})
    assert "a secret of the inside" in caplog.text


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer aver_wrong"}, {"Authorization": "Basic YTpi"}])
async def test_nobody_gets_in_without_a_key(address, headers):
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    async with aiohttp.ClientSession() as session, session.post(address, json=body, headers=headers) as response:
        assert response.status == 401
        assert response.headers["WWW-Authenticate"] == "Bearer"


async def test_a_key_that_was_revoked_is_let_in_no_more(application, address):
    record, key = application.create_key("northwind", "ann")
    async with over_http(address, key) as client:
        assert not (await client.call_tool("whoami", {})).is_error
        application.revoke_key("northwind", record.id)
        with pytest.raises(Exception):  # noqa: B017, PT011 - whatever the library makes of status 401
            await client.call_tool("whoami", {})


async def test_over_its_pipes(application, tmp_path):
    key = application.create_key("northwind", "ann")[1]
    (tmp_path / "program.py").write_text(PROGRAM)
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": f"{root / 'src'}{os.pathsep}{root}"}
    command = StdioServerParameters(
        command=sys.executable, args=[str(tmp_path / "program.py"), str(tmp_path / "data"), key], env=environment
    )
    async with Client(command) as client:
        answer = await client.call_tool("ask", {"question": QUESTION})
        assert "ten days" in answer.content[0].text
        assert json.loads(json.dumps(answer.structured_content))["citations"]
