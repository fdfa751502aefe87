"""A mistake in a bundle's files while Aver is served: what they said before stays in force, and the log, the console and ``aver check`` say so."""

import asyncio
import json
import logging
import time

import aiohttp
import pytest

from aver.core.errors import SettingsError
from aver.core.settings import Settings
from aver.server.cli import main
from aver.testing.provider import FakeProvider
from tests.integration.test_agents import think
from tests.integration.test_agents_cli import BUNDLE, TOOL
from tests.servers import open_application, serving

FORBIDDEN = '@id("no-milk")\n@reason("We have milk.")\nforbid (principal, action == Action::"call", resource == Tool::"add_item");\n'
WRONG = FORBIDDEN + "forbid (principal, action,, resource);\n"


@pytest.fixture
def bundle(tmp_path):
    bundle = tmp_path / "bundle"
    for folder in ("tools", "policies"):
        (bundle / folder).mkdir(parents=True)
    (bundle / "tools" / "desk.py").write_text(TOOL)
    with FakeProvider(think) as model:
        (bundle / "aver.yaml").write_text("feature: {model: extractive}\n" + BUNDLE.format(url=model.base_url))
        yield bundle


@pytest.fixture
def server(tmp_path, bundle):
    application = open_application(Settings(data=tmp_path / "data", bundle=bundle))
    application.store.create_tenant("acme")
    with serving(application) as served:
        yield served
    application.close()


async def page(server, roles):
    """The first page, as somebody with these roles sees it."""
    key = server.application.create_key("acme", "kay", ("staff",), roles)[1]
    own, jar = {"Sec-Fetch-Site": "same-origin"}, aiohttp.CookieJar(unsafe=True)
    async with (
        aiohttp.ClientSession(server.url, headers=own, cookie_jar=jar) as session,
        session.post("/sign-in", data={"key": key}) as response,
    ):
        return await response.text()


async def became(server):
    """What becomes of the call that a task comes to."""
    headers = {"Authorization": f"Bearer {server.application.create_key('acme', 'ann', ('staff',))[1]}"}
    body = {"agent": "clerk", "task": "Add milk to the list"}
    async with (
        aiohttp.ClientSession(server.url, headers=headers) as session,
        session.post("/v1/agents/turns", json=body) as response,
    ):
        return [each["status"] for each in (await response.json())["actions"]]


def until(true):
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


async def checked(bundle, capsys, code):
    capsys.readouterr()
    assert await asyncio.to_thread(main, ["check", str(bundle), "--json"]) == code
    return json.loads(capsys.readouterr().out)


async def test_a_policy_with_a_mistake_never_comes_into_force_and_everyone_who_can_mend_it_is_told(
    server, bundle, caplog, capsys
):
    caplog.set_level(logging.ERROR, "aver")
    rules = bundle / "policies" / "rules.cedar"
    assert await became(server) == ["done"]
    rules.write_text(FORBIDDEN)
    assert await became(server) == ["denied"]
    assert "no-milk" not in (await page(server, ["admin"]))
    rules.write_text(WRONG)
    assert await became(server) == ["denied"]
    (told,) = [each for each in caplog.records if each.name == "aver.agents"]
    assert "stay in force" in told.message
    assert "rules.cedar:4" in told.cause
    shown = await page(server, ["admin"])
    assert "The bundle has a mistake, so what it said before stays in force" in shown
    assert "rules.cedar:4" in shown
    assert "rules.cedar" not in await page(server, [])
    assert "rules.cedar:4" in (await checked(bundle, capsys, SettingsError.exit_code))["detail"]
    rules.unlink()
    assert await became(server) == ["done"]
    assert "has a mistake" not in await page(server, ["admin"])
    assert not [each for each in (await checked(bundle, capsys, 0))["findings"] if each["level"] == "error"]


async def test_a_bundle_with_a_mistake_leaves_the_old_one_in_force_and_says_so(server, bundle, caplog, capsys):
    caplog.set_level(logging.ERROR, "aver")
    file = bundle / "aver.yaml"
    right = file.read_text()
    file.write_text(right.replace("groups: [staff]", "grups: [staff]"))
    until(lambda: server.application.mistakes() and any(each.name == "aver.bundle" for each in caplog.records))
    (told,) = [each for each in caplog.records if each.name == "aver.bundle"]
    assert "stays in force" in told.message
    assert "grups" in told.cause
    assert "aver.yaml:" in await page(server, ["admin"])
    assert await became(server) == ["done"]
    assert "aver.yaml:" in (await checked(bundle, capsys, SettingsError.exit_code))["detail"]
    file.write_text(right)
    until(lambda: server.application.bundle() and not server.application.mistakes())
    assert "has a mistake" not in await page(server, ["admin"])


def test_policies_that_are_wrong_from_the_beginning_keep_it_from_being_served(tmp_path, bundle, capsys):
    (bundle / "policies" / "rules.cedar").write_text(WRONG)
    serve = ["--data", str(tmp_path / "data"), "serve", "--port", "0", "--bundle", str(bundle)]
    assert main(serve, open_application=open_application) == SettingsError.exit_code
    assert "rules.cedar:4" in capsys.readouterr().err
