"""People, keys and SCIM over HTTP: who may change what, and that it holds within a second, also in another process."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from datetime import timedelta

import aiohttp
import pytest

from aver.core.settings import Settings
from tests.servers import fill, open_application, serving


class Api:
    """Requests with a key, as status and JSON."""

    def __init__(self, url, session):
        self.url, self.session = url, session

    async def __call__(self, key, method, path, body=None, **options):
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        request = self.session.request(method, self.url + path, json=body, headers=headers, **options)
        async with request as response:
            text = await response.text()
            return response.status, json.loads(text) if text else None


@pytest.fixture
def server(tmp_path):
    application = open_application(Settings(data=tmp_path / "data"))
    fill(application, tmp_path)
    tenant = application.tenant("northwind").store.tenant.id
    with application.directory.change(tenant, "test") as change:
        for user, roles in (("olga", ["owner"]), ("adam", ["admin"]), ("mia", ["member"])):
            change.grant(change.add(user), roles)
        change.add("robot", kind="service")
    with serving(application) as served:
        yield served
    application.close()


@pytest.fixture
async def api(server):
    async with aiohttp.ClientSession() as session:
        yield Api(server.url, session)


@pytest.fixture
def keys(server):
    return {user: server.application.create_key("northwind", user)[1] for user in ("olga", "adam", "mia")}


async def test_who_one_is_and_may(api, keys):
    status, me = await api(keys["mia"], "GET", "/v1/me")
    assert (status, me["user"], me["tenant"], me["roles"]) == (200, "mia", "northwind", ["member"])
    assert me["permissions"] == ["ask", "read", "act", "models"]


async def test_an_admin_adds_changes_and_removes_people(api, keys):
    status, ann = await api(
        keys["adam"], "POST", "/v1/people", {"user": "ann", "groups": ["board"], "roles": ["auditor"]}
    )
    assert (status, ann["groups"], ann["roles"]) == (201, ["board"], ["auditor"])
    status, ann = await api(keys["adam"], "PUT", f"/v1/people/{ann['id']}/roles", {"roles": ["operator"]})
    assert (status, ann["granted"]) == (200, ["operator"])
    assert (await api(keys["adam"], "POST", "/v1/people", {"user": "ANN"}))[0] == 409
    assert (await api(keys["adam"], "PUT", "/v1/people/ann/roles", {"roles": ["chief"]}))[0] == 422
    assert (await api(keys["adam"], "DELETE", "/v1/people/ann"))[0] == 200
    assert (await api(keys["adam"], "GET", "/v1/people/ann"))[0] == 404
    _, told = await api(keys["adam"], "GET", "/v1/people/changes?limit=1000")
    mine = [(each["facts"]["event"], each["by"]) for each in told["changes"] if each["about"] == "ann"]
    assert mine == [
        ("added", "adam"),
        ("claimed", "adam"),
        ("granted", "adam"),
        ("granted", "adam"),
        ("removed", "adam"),
    ]


async def test_only_an_owner_makes_and_unmakes_owners(api, keys):
    for method, path, body in (
        ("PUT", "/v1/people/adam/roles", {"roles": ["owner"]}),
        ("PUT", "/v1/people/olga/roles", {"roles": []}),
        ("PUT", "/v1/people/olga/active", {"active": False}),
        ("DELETE", "/v1/people/olga", None),
        ("POST", "/v1/people", {"user": "eve", "roles": ["owner"]}),
    ):
        assert (await api(keys["adam"], method, path, body))[0] == 403, path
    assert (await api(keys["olga"], "PUT", "/v1/people/olga/roles", {"roles": []}))[1]["type"].endswith("last-owner")
    assert (await api(keys["olga"], "PUT", "/v1/people/adam/roles", {"roles": ["owner"]}))[0] == 200
    assert (await api(keys["adam"], "DELETE", "/v1/people/olga"))[0] == 200
    assert (await api(keys["olga"], "GET", "/v1/me"))[0] == 401


async def test_a_key_is_made_for_oneself_or_a_service_account_alone(api, keys, server):
    for user, status in (("robot", 201), ("adam", 201), ("mia", 403), ("olga", 403), ("nobody", 404)):
        assert (await api(keys["adam"], "POST", "/v1/keys", {"user": user}))[0] == status
    tenant = server.application.tenant("northwind").store.tenant.id
    with server.application.directory.change(tenant, "test") as change:
        change.grant(change.get("robot"), ["owner"])
    assert (await api(keys["adam"], "POST", "/v1/keys", {"user": "robot"}))[0] == 403
    assert (await api(keys["olga"], "POST", "/v1/keys", {"user": "robot"}))[0] == 201


async def test_a_key_makes_no_key_that_may_more(api, server):
    narrow = server.application.api_keys.create("northwind", "adam", scopes=["administer", "read"])[1]
    _, made = await api(narrow, "POST", "/v1/keys", {"user": "robot"})
    assert made["scopes"] == ["administer", "read"]
    _, made = await api(narrow, "POST", "/v1/keys", {"user": "robot", "scopes": ["read"], "days": 1})
    assert made["scopes"] == ["read"]
    assert made["expires"] > made["created"]


async def test_a_key_is_rotated_and_revoked(api, keys):
    _, made = await api(keys["adam"], "POST", "/v1/keys", {"user": "robot", "days": 30})
    status, next_one = await api(keys["adam"], "POST", f"/v1/keys/{made['id']}/rotate", {"overlap_hours": 1})
    assert status == 201
    for secret in (made["secret"], next_one["secret"]):
        assert (await api(secret, "GET", "/v1/me"))[1]["user"] == "robot"
    assert (await api(keys["adam"], "DELETE", f"/v1/keys/{next_one['id']}"))[0] == 200
    assert (await api(next_one["secret"], "GET", "/v1/me"))[0] == 401
    _, listed = await api(keys["adam"], "GET", "/v1/keys")
    assert "secret" not in json.dumps(listed)


async def test_scoped_keys_do_one_thing(api, server):
    models = server.application.api_keys.create("northwind", "adam", scopes=["models"])[1]
    assert (await api(models, "GET", "/v1/models"))[0] == 200
    chat = {"model": "assistant", "messages": [{"role": "user", "content": "How many days of leave carry over?"}]}
    for method, path, body in (
        ("POST", "/v1/ask", {"question": "How many days of leave carry over?"}),
        ("POST", "/v1/chat/completions", chat),
        ("GET", "/metrics", None),
        ("GET", "/v1/people", None),
    ):
        status, problem = await api(models, method, path, body)
        assert status == 403, path
        assert "scope" in json.dumps(problem)


BESIDE = """
import sys, time
from pathlib import Path
from aver.core.settings import Settings
from tests.servers import open_application
application = open_application(Settings(data=Path(sys.argv[1])))
tenant = application.tenant("northwind").store.tenant.id
with application.directory.change(tenant, "beside") as change:
    person = change.get("adam")
    change.grant(person, ["member"]) if sys.argv[2] == "role" else change.save(__import__("dataclasses").replace(person, active=False))
print(time.time(), flush=True)
application.close()
"""


@pytest.mark.parametrize(("what", "expected"), [("role", 403), ("active", 401)])
async def test_a_change_by_another_process_holds_within_a_second_at_every_door(api, keys, server, what, expected):
    command = [sys.executable, "-c", BESIDE, str(server.application.settings.data), what]
    changing = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
    told = asyncio.create_task(changing.stdout.readline())
    seen = []
    while not told.done() or time.time() < float(told.result()) + 1.2:
        for path in ("/v1/people", "/metrics"):
            sent = time.time()
            headers = {"Authorization": f"Bearer {keys['adam']}"}
            async with api.session.get(server.url + path, headers=headers) as response:
                seen.append((sent, path, response.status))
        await asyncio.sleep(0.02)
    assert await changing.wait() == 0
    changed = float(told.result())
    assert {status for _, _, status in seen[:2]} == {200}
    after = {(path, status) for sent, path, status in seen if sent >= changed + 1}
    assert after == {("/v1/people", expected), ("/metrics", expected)}


async def test_scim_as_a_client_uses_it(api, keys, server):
    token = server.application.api_keys.create("northwind", "scim", roles=["admin"], scopes=["provision"])[1]
    assert (await api(token, "GET", "/v1/people"))[0] == 403
    assert (await api(keys["mia"], "GET", "/scim/v2/Users"))[0] == 403
    status, configuration = await api(token, "GET", "/scim/v2/ServiceProviderConfig")
    assert (status, configuration["patch"]["supported"]) == (200, True)
    assert [each["id"] for each in (await api(token, "GET", "/scim/v2/ResourceTypes"))[1]["Resources"]] == [
        "User",
        "Group",
    ]
    assert (await api(token, "GET", "/scim/v2/Schemas"))[1]["totalResults"] == 2

    new = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ann@example.com", "active": True}
    async with api.session.post(
        f"{server.url}/scim/v2/Users", json=new, headers={"Authorization": f"Bearer {token}"}
    ) as response:
        assert (response.status, response.content_type) == (201, "application/scim+json")
        ann = await response.json()
        assert response.headers["Location"] == ann["meta"]["location"] == f"{server.url}/scim/v2/Users/{ann['id']}"
        assert response.headers["ETag"] == ann["meta"]["version"]
    status, problem = await api(token, "POST", "/scim/v2/Users", new)
    assert (status, problem["scimType"], problem["status"]) == (409, "uniqueness", "409")
    _, found = await api(token, "GET", '/scim/v2/Users?filter=userName eq "ANN@example.com"&attributes=userName')
    assert [each["id"] for each in found["Resources"]] == [ann["id"]]
    status, problem = await api(token, "GET", "/scim/v2/Users?filter=userName is ann")
    assert (status, problem["scimType"]) == (400, "invalidFilter")
    status, group = await api(
        token, "POST", "/scim/v2/Groups", {"displayName": "board", "members": [{"value": ann["id"]}]}
    )
    assert status == 201
    anns = server.application.create_key("northwind", "ann@example.com")[1]
    assert (await api(anns, "GET", "/v1/me"))[1]["groups"] == ["board"]
    assert (await api(anns, "POST", "/v1/search", {"query": "senior editor salary"}))[1]["passages"]
    out = {"Operations": [{"op": "remove", "path": f'members[value eq "{ann["id"]}"]'}]}
    assert (await api(token, "PATCH", f"/scim/v2/Groups/{group['id']}", out))[0] == 200
    assert (await api(anns, "GET", "/v1/me"))[1]["groups"] == []
    off = {"Operations": [{"op": "Replace", "value": {"active": "False"}}]}
    status, ann = await api(token, "PATCH", f"/scim/v2/Users/{ann['id']}", off)
    assert (status, ann["active"]) == (200, False)
    assert (await api(anns, "GET", "/v1/me"))[0] == 401
    assert (await api(anns, "GET", "/v1/models"))[0] == 401
    assert (await api(token, "DELETE", f"/scim/v2/Users/{ann['id']}"))[0] == 204
    assert (await api(token, "GET", f"/scim/v2/Users/{ann['id']}"))[0] == 404


async def test_scim_does_not_deactivate_the_last_owner(api, server):
    token = server.application.api_keys.create("northwind", "scim", roles=["admin"], scopes=["provision"])[1]
    (olga,) = (await api(token, "GET", '/scim/v2/Users?filter=userName eq "olga"'))[1]["Resources"]
    off = {"Operations": [{"op": "replace", "path": "active", "value": False}]}
    for method, body in (("PATCH", off), ("PUT", {"userName": "olga", "active": False}), ("DELETE", None)):
        status, problem = await api(token, method, f"/scim/v2/Users/{olga['id']}", body)
        assert (status, problem["scimType"]) == (409, "mutability")
        assert "last owner" in problem["detail"]
    assert (await api(token, "GET", f"/scim/v2/Users/{olga['id']}"))[1]["active"] is True


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"null", b"[" * 50_000, b'{"userName": {"a": 1}}'])
async def test_scim_answers_bad_bodies_in_its_own_words(api, server, body):
    token = server.application.api_keys.create("northwind", "scim", roles=["admin"])[1]
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/scim+json"}
    for method, path in (("POST", "Users"), ("POST", "Groups")):
        async with api.session.request(method, f"{server.url}/scim/v2/{path}", data=body, headers=headers) as response:
            problem = await response.json(content_type="application/scim+json")
            assert (response.status, problem["status"]) == (400, "400")
    async with api.session.get(f"{server.url}/scim/v2/Users?count=x", headers=headers) as response:
        assert response.status == 400


async def test_broken_glass_is_shown_and_logged_and_ends(api, server, caplog):
    key, secret = server.application.api_keys.break_glass(
        "northwind", "nobody can <b>sign in</b>", timedelta(minutes=5), "root"
    )
    assert "own" in (await api(secret, "GET", "/v1/me"))[1]["permissions"]
    assert [r.levelname for r in caplog.records if r.name == "aver.identity"] == ["CRITICAL", "WARNING"]
    form = {"data": {"key": secret}, "headers": {"Sec-Fetch-Site": "same-origin"}}
    async with api.session.post(f"{server.url}/sign-in", **form, allow_redirects=False) as response:
        cookie = response.cookies["aver_session"].value
    async with api.session.get(f"{server.url}/knowledge", headers={"Cookie": f"aver_session={cookie}"}) as response:
        page = await response.text()
    assert key.id in page
    assert "nobody can &lt;b&gt;sign in" in page
    server.application.revoke_key("northwind", key.id, "root")
    assert (await api(secret, "GET", "/v1/me"))[0] == 401
    assert server.application.sessions.principal(cookie) is None
