"""Every route with every role: own tenant, another's, nobody's. The matrix is declared here, and read off the OpenAPI document."""

from __future__ import annotations

import itertools
import json
import re
import urllib.request

import aiohttp
import pytest

from aver.core import Principal
from aver.core.principal import ROLES
from aver.core.settings import Settings
from aver.policy.access import PERMISSIONS, allowed, permissions_of
from aver.server.http.permissions import NEEDS
from tests.servers import fill, open_application, serving

MEMBERS = {"owner", "admin", "builder", "reviewer", "operator", "member"}
OVERSEERS = {"owner", "admin", "builder", "reviewer", "operator", "auditor"}
TRIAGERS = {"owner", "admin", "builder", "reviewer", "operator"}
OPERATORS = {"owner", "admin", "operator"}
ADMINS = {"owner", "admin"}
AUDITORS = {"owner", "admin", "auditor"}
INSPECTORS = {"owner", "auditor", "reviewer"}
EVERYONE = set(ROLES)

DECLARED = {
    "GET /v1/me": EVERYONE,
    "POST /v1/ask": MEMBERS,
    "POST /v1/search": MEMBERS,
    "GET /v1/documents": MEMBERS,
    "GET /v1/documents/{document}": MEMBERS,
    "GET /v1/documents/{document}/versions/{version}/spots": MEMBERS,
    "GET /v1/documents/{document}/lineage": OVERSEERS,
    "GET /v1/sources": EVERYONE,
    "GET /v1/sources/{name}": EVERYONE,
    "GET /v1/conversations": MEMBERS,
    "GET /v1/conversations/{conversation}": MEMBERS,
    "GET /v1/turns": OVERSEERS,
    "GET /v1/turns/{turn}": EVERYONE,
    "POST /v1/turns/{turn}/inspect": INSPECTORS,
    "GET /v1/turns/{turn}/evidence": MEMBERS,
    "GET /v1/turns/{turn}/lineage": MEMBERS,
    "GET /v1/feedback": TRIAGERS,
    "POST /v1/feedback/{turn}/decisions": TRIAGERS,
    "DELETE /v1/feedback/{call}": MEMBERS,
    "GET /v1/agents": MEMBERS,
    "POST /v1/agents/turns": MEMBERS,
    "GET /v1/agents/turns": MEMBERS,
    "GET /v1/agents/turns/{turn}": MEMBERS,
    "GET /v1/agents/turns/{turn}/events": MEMBERS,
    "POST /v1/agents/turns/{turn}/cancel": MEMBERS,
    "GET /v1/approvals": MEMBERS,
    "GET /v1/approvals/{approval}": MEMBERS,
    "POST /v1/approvals/{approval}/approve": MEMBERS,
    "POST /v1/approvals/{approval}/refuse": MEMBERS,
    "GET /v1/switches": EVERYONE,
    "POST /v1/switches": OPERATORS,
    "DELETE /v1/switches/{switch}": OPERATORS,
    "GET /v1/objectives": OVERSEERS,
    "GET /v1/alerts": OVERSEERS,
    "GET /v1/silences": OVERSEERS,
    "POST /v1/silences": OPERATORS,
    "DELETE /v1/silences/{silence}": OPERATORS,
    "GET /v1/mitigations": OVERSEERS,
    "POST /v1/mitigations": OVERSEERS,
    "POST /v1/mitigations/dry-run": OVERSEERS,
    "POST /v1/mitigations/{mitigation}/undo": OVERSEERS,
    "GET /v1/runbooks": OVERSEERS,
    "GET /v1/incidents": OVERSEERS,
    "POST /v1/incidents": OVERSEERS,
    "GET /v1/incidents/{incident}": OVERSEERS,
    "POST /v1/incidents/{incident}/notes": OVERSEERS,
    "POST /v1/incidents/{incident}/mitigate": OPERATORS,
    "POST /v1/incidents/{incident}/resolve": OPERATORS,
    "GET /v1/incidents/{incident}/postmortem": OVERSEERS,
    "GET /v1/incidents/{incident}/runbooks/{runbook}": OVERSEERS,
    "POST /v1/incidents/{incident}/runbooks/{runbook}/steps/{number}": OVERSEERS,
    "POST /v1/incidents/{incident}/actions": OPERATORS,
    "PUT /v1/incidents/{incident}/actions/{action}": OPERATORS,
    "GET /v1/releases": OVERSEERS,
    "GET /v1/environments": OVERSEERS,
    "GET /v1/scorecard": OVERSEERS,
    "GET /v1/drills": OVERSEERS,
    "POST /v1/releases/{release}/sign-offs": MEMBERS,
    "POST /v1/environments/{name}/promote": OPERATORS,
    "POST /v1/environments/{name}/rollback": OPERATORS,
    "GET /v1/people": OVERSEERS,
    "POST /v1/people": ADMINS,
    "GET /v1/people/changes": AUDITORS,
    "GET /v1/people/{person}": OVERSEERS,
    "PUT /v1/people/{person}/roles": ADMINS,
    "PUT /v1/people/{person}/active": ADMINS,
    "DELETE /v1/people/{person}": ADMINS,
    "GET /v1/access": AUDITORS,
    "GET /v1/governance": OVERSEERS,
    "PUT /v1/governance": ADMINS,
    "GET /v1/holds": AUDITORS,
    "POST /v1/holds": ADMINS,
    "POST /v1/holds/{hold}/release": ADMINS,
    "POST /v1/retention": ADMINS,
    "POST /v1/erasures": ADMINS,
    "GET /v1/me/export": EVERYONE,
    "GET /v1/people/{person}/export": ADMINS,
    "GET /v1/acceptable-use": MEMBERS,
    "POST /v1/acceptable-use": MEMBERS,
    "GET /v1/acceptable-use/people": OVERSEERS,
    "GET /v1/sessions": ADMINS,
    "DELETE /v1/sessions/{session}": ADMINS,
    "GET /v1/keys": ADMINS,
    "POST /v1/keys": ADMINS,
    "POST /v1/keys/{key}/rotate": ADMINS,
    "DELETE /v1/keys/{key}": ADMINS,
    **{
        f"{method} /scim/v2/{path}": ADMINS
        for method, path in (
            *itertools.product(("GET", "POST"), ("Users", "Groups")),
            *itertools.product(("GET", "PUT", "PATCH", "DELETE"), ("Users/{user}", "Groups/{group}")),
            *itertools.product(("GET",), ("ServiceProviderConfig", "ResourceTypes", "Schemas")),
        )
    },
    **{
        f"POST /v1/{path}": MEMBERS
        for path in (
            "chat/completions",
            "responses",
            "messages",
            "messages/count_tokens",
            "embeddings",
            "rerank",
            "feedback",
        )
    },
    "GET /v1/models": MEMBERS,
    "GET /v1/models/{model}": MEMBERS,
    "GET /metrics": OVERSEERS,
    "GET /v1/controls": AUDITORS,
    "GET /v1/anchors": AUDITORS,
    "POST /v1/anchors": ADMINS,
    "GET /v1/packs": AUDITORS,
    "POST /v1/packs": AUDITORS,
    "GET /v1/packs/{pack}": AUDITORS,
    "GET /v1/inventory": OVERSEERS,
}
"""Who gets past the door of a route. Behind it, some want more: a role that is named, or an owner."""
OPEN = {"GET /healthz", "GET /readyz", "POST /events/{tenant}/{source}"}
"""What takes no key: health, and what proves itself by a signature of its own."""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("permissions")
    application = open_application(Settings(data=folder / "data"))
    fill(application, folder)
    application.store.create_tenant("kestrel")
    with serving(application) as served:
        yield served
    application.close()


@pytest.fixture(scope="module")
def operations(server):
    with urllib.request.urlopen(f"{server.url}/openapi.json") as response:
        document = json.load(response)
    return {
        f"{method.upper()} {re.sub(':path', '', path)}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def test_every_route_is_declared_and_says_what_it_takes(operations):
    assert operations.keys() == DECLARED.keys() | OPEN
    for name, operation in operations.items():
        needs = operation.get(NEEDS, [])
        assert ("403" in operation["responses"]) >= bool(needs), name
        allowing = {role for role in ROLES if not needs or set(needs) & set(permissions_of(role))}
        assert allowing == DECLARED.get(name, EVERYONE), name


async def test_every_role_meets_at_every_route_what_is_declared(server, operations):
    """Nothing that a request could do is done: what passes the door finds an object that there is not, or a body that is none."""
    keys = {role: server.application.create_key("northwind", f"a-{role}", roles=[role])[1] for role in ROLES}
    keys |= {"approver": server.application.store.create_key("northwind", "c", roles=["approver"])[1], "": ""}
    found = {}
    async with aiohttp.ClientSession() as session:
        for name in DECLARED:
            method, path = name.split()
            for role, key in keys.items():
                headers = {"Authorization": f"Bearer {key}"} if key else {}
                options = {"json": {"model": "none", "unknown": 1}} if method in ("POST", "PUT", "PATCH") else {}
                address = server.url + re.sub(r"\{version\}", "1", re.sub(r"\{(?!version)\w+\}", "none", path))
                async with session.request(method, address, headers=headers, **options) as response:
                    found[name, role] = response.status
    wrong = {}
    for (name, role), status in found.items():
        if not role:
            expected = status == 401
        else:
            declared = (DECLARED[name] >= {"member"}) if role == "approver" else role in DECLARED[name]
            # The door of sign-offs is open to members; behind it, the role that is named counts.
            expected = status not in (401, 403, 500) if declared else status == 403
        if not expected:
            wrong[name, role] = status
    assert wrong == {}


async def test_another_tenants_people_and_keys_are_not_there(server):
    application = server.application
    key, _ = application.create_key("kestrel", "kim")
    kestrel = application.tenant("kestrel").store.tenant.id
    with application.directory.change(kestrel, "test") as change:
        kim = change.grant(change.add("kim"), ["owner"])
        group = change.add_group("kestrels")
    _, owner = application.create_key("northwind", "the-owner", roles=["owner"])
    _, foreign = application.create_key("kestrel", "foreign", roles=["owner"])
    operations = {"op": "replace", "path": "active", "value": False}
    attempts = [
        ("GET", f"/v1/people/{kim.id}", None),
        ("PUT", f"/v1/people/{kim.id}/roles", {"roles": []}),
        ("PUT", f"/v1/people/{kim.id}/active", {"active": False}),
        ("DELETE", f"/v1/people/{kim.id}", None),
        ("POST", f"/v1/keys/{key.id}/rotate", {}),
        ("DELETE", f"/v1/keys/{key.id}", None),
        ("GET", f"/scim/v2/Users/{kim.id}", None),
        ("PATCH", f"/scim/v2/Users/{kim.id}", {"Operations": [operations]}),
        ("PUT", f"/scim/v2/Users/{kim.id}", {"userName": "kim", "active": False}),
        ("DELETE", f"/scim/v2/Users/{kim.id}", None),
        ("GET", f"/scim/v2/Groups/{group.id}", None),
        ("DELETE", f"/scim/v2/Groups/{group.id}", None),
    ]
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {owner}"}) as session:
        for method, path, body in attempts:
            async with session.request(method, server.url + path, json=body) as response:
                theirs = response.status, await response.text()
            nobody = path.replace(kim.id, "person_none").replace(key.id, "key_none").replace(group.id, "group_none")
            async with session.request(method, server.url + nobody, json=body) as response:
                assert theirs == (404, await response.text()), (method, path)
        for path in ("/v1/people", "/v1/keys", "/scim/v2/Users", "/scim/v2/Groups", "/v1/people/changes"):
            async with session.get(server.url + path) as response:
                assert "kim" not in await response.text()
    assert application.directory.person(kestrel, "kim") == kim
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {foreign}"}) as session:
        async with session.get(server.url + "/v1/people") as response:
            assert [each["user"] for each in (await response.json())["people"]] == ["kim"]
        async with session.get(server.url + "/v1/models", headers={"X-Aver-Tenant": "northwind"}) as response:
            assert response.status == 404


@pytest.mark.parametrize("scope", PERMISSIONS)
def test_a_scope_narrows_an_owner_to_itself(scope):
    owner = Principal("tenant_1", "ann", roles=frozenset({"owner"}), scopes=frozenset({scope}))
    assert [each for each in PERMISSIONS if allowed(owner, each)] == [scope]
    member = Principal("tenant_1", "ann", scopes=frozenset({scope}))
    assert [each for each in PERMISSIONS if allowed(member, each)] == [scope] * (scope in permissions_of("member"))
    assert not any(allowed(owner, each, "tenant_2") for each in PERMISSIONS)
