"""Approvals where people meet them, on the console, over HTTP and on the command line: those of a second person, those that nobody answers in
time, and those of a turn that was ended."""

import asyncio
import json
import re

import aiohttp
import pytest

from aver.core.errors import Conflict, Forbidden, NotFound
from aver.server.cli import main
from tests.clerk import clerk, noted
from tests.integration.test_agents import think
from tests.integration.test_agents_cli import BUNDLE
from tests.servers import open_application

MORE = """\
  hasty: {model: thinker, groups: [staff], approval_hours: 0.0001}
  careful: {model: thinker, groups: [staff], four_eyes: {effects: [write], role: approver}}
"""
ASKED = "Is milk on the list?"


def bundle(url):
    return "feature: {model: extractive}\n" + BUNDLE.format(url=url) + MORE


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with clerk(tmp_path_factory.mktemp("approvals"), think, bundle) as served:
        yield served


notes = pytest.fixture(noted)


class Face:
    """A way to see and answer approvals, of one person. ``answer`` says what came of it: ``done``, or the slug of an error."""

    def __init__(self, server, user, groups=("staff",), roles=()):
        self.server, self.user, self.groups, self.roles = server, user, groups, roles
        self.key = server.application.create_key("acme", user, groups, roles)[1]

    async def over_http(self, method, path, **body):
        headers = {"Authorization": f"Bearer {self.key}"}
        async with (
            aiohttp.ClientSession(self.server.url, headers=headers) as session,
            session.request(method, path, json=body or None) as response,
        ):
            return response.status, await response.json(content_type=None)


class Http(Face):
    async def waiting(self):
        return [each["id"] for each in (await self.over_http("GET", "/v1/approvals"))[1]["approvals"]]

    async def answer(self, approval, verb):
        status, said = await self.over_http("POST", f"/v1/approvals/{approval}/{verb}", reason="looked at")
        return "done" if status == 200 else said["title"].replace(" ", "-")


class Console(Face):
    async def _page(self, path, **form):
        own = {"Sec-Fetch-Site": "same-origin"}
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(self.server.url, headers=own, cookie_jar=jar) as session:
            await (await session.post("/sign-in", data={"key": self.key})).read()
            async with session.request("POST" if form else "GET", path, data=form or None) as response:
                return response.status, await response.text()

    async def waiting(self):
        shown = (await self._page("/approvals"))[1]
        found = re.findall(r'action="/approvals/([^"]+)"', shown)
        counted = re.search(r'class="waits">(\d+)', shown)
        assert int(counted[1] if counted else 0) == len(found)
        return found

    async def answer(self, approval, verb):
        status, page = await self._page(f"/approvals/{approval}", answer=verb)
        if status == 200:
            return "done"
        assert "Not done:" in page
        return {404: NotFound.slug, 403: Forbidden.slug, 409: Conflict.slug}[status]


class CommandLine(Face):
    def __init__(self, *given, capsys=None, **named):
        super().__init__(*given, **named)
        self._capsys = capsys

    async def _aver(self, *words):
        who = ["--tenant", "acme", "--user", self.user]
        who += [option for name in self.groups for option in ("--group", name)]
        who += [option for name in self.roles for option in ("--role", name)]
        settings = self.server.application.settings
        given = ["--data", str(settings.data), "approvals", *words, *who, "--json"]
        code = await asyncio.to_thread(main, given, open_application=open_application)
        return code, json.loads(self._capsys.readouterr().out)

    async def waiting(self):
        return [each["id"] for each in (await self._aver("list"))[1]["approvals"]]

    async def answer(self, approval, verb):
        code, said = await self._aver(verb, approval)
        return "done" if code == 0 else said["title"].replace(" ", "-")


@pytest.fixture(params=[Http, Console, CommandLine])
def face(request, server, capsys):
    """Somebody at one of the three."""

    def of(user, **named):
        more = {"capsys": capsys} if request.param is CommandLine else {}
        return request.param(server, user, **named, **more)

    return of


@pytest.fixture
def ann(server):
    """The asker, over HTTP."""
    return Http(server, "ann")


async def begun(ann, agent):
    status, turn = await ann.over_http("POST", "/v1/agents/turns", agent=agent, task=ASKED)
    assert status == 200, turn
    return turn


async def ended(ann, turn):
    """Its outcome, once there is one: turns go on by themselves."""
    async with asyncio.timeout(60):
        while True:
            found = (await ann.over_http("GET", f"/v1/agents/turns/{turn}"))[1]
            if found["status"] not in ("running", "waiting"):
                return found
            await asyncio.sleep(0.05)


async def test_a_second_person_sees_and_answers_it_and_its_asker_cannot(face, ann, server, notes):
    turn = await begun(ann, "careful")
    (approval,) = turn["approvals"]
    asker, other = face("ann"), face("kim", groups=(), roles=("approver",))
    stranger = face("eve", groups=("staff",))
    assert await asker.waiting() == []
    assert await asker.answer(approval, "approve") == Forbidden.slug
    assert await stranger.waiting() == []
    assert await stranger.answer(approval, "approve") == NotFound.slug
    assert await other.waiting() == [approval]
    assert notes() == []
    assert await other.answer(approval, "approve") == "done"
    assert (await ended(ann, turn["turn"]))["text"] == "Milk is on the list."
    assert notes() == ["milk"]
    assert await other.answer(approval, "approve") == Conflict.slug
    assert notes() == ["milk"]
    (step,) = [each for each in server.application.tenant("acme").ledger.turn(turn["turn"]) if each.kind == "approved"]
    assert step.body["by"] == "kim"


async def test_what_nobody_answers_in_time_is_not_done_and_cannot_be_approved_any_more(face, ann, notes):
    turn = await begun(ann, "hasty")
    (approval,) = turn["approvals"]
    outcome = await ended(ann, turn["turn"])
    assert {(each["status"], each["tool"]) for each in outcome["actions"]} == {("expired", "add_item")}
    assert await face("ann").waiting() == []
    assert await face("ann").answer(approval, "approve") == Conflict.slug
    assert notes() == []


async def test_what_a_turn_waited_for_that_was_ended_cannot_be_approved_any_more(face, ann, notes):
    turn = await begun(ann, "clerk")
    (approval,) = turn["approvals"]
    assert await face("ann").waiting() == [approval]
    await ann.over_http("POST", f"/v1/agents/turns/{turn['turn']}/cancel")
    assert (await ended(ann, turn["turn"]))["status"] == "cancelled"
    assert await face("ann").waiting() == []
    assert await face("ann").answer(approval, "approve") == Conflict.slug
    assert notes() == []
