"""Signing in through oidc-provider, a certified OpenID Connect provider, over real HTTP.

``make test`` installs it into ``.oidc-provider``, apart from everything else.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
from html import unescape
from pathlib import Path
from urllib.parse import urljoin

import aiohttp
import pytest

from aver.core.settings import Settings
from aver.identity import Declaration
from tests.servers import open_application, serving

PROGRAM = Path(__file__).resolve().parents[1] / "oidc_provider.mjs"
SECRET = "a secret: of/its+own"
_REFRESH = re.compile(r'http-equiv="refresh" content="0; url=([^"]+)"')
_FORM = re.compile(r'<form[^>]* action="([^"]+)" method="post">(.*?)</form>', re.DOTALL)
_FIELD = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]+)"')


@pytest.fixture
def place(tmp_path):
    application = open_application(Settings(data=tmp_path / "data"))
    tenant = application.store.create_tenant("northwind").id
    secret = tmp_path / "secret"
    secret.write_text(SECRET, encoding="utf-8")
    with serving(application) as served:
        redirect = f"{served.url}/sign-in/callback"
        command = ["node", str(PROGRAM), redirect, SECRET]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as provider:
            try:
                assert provider.stdout is not None
                issuer = provider.stdout.readline().strip()
                assert issuer.startswith("http://127.0.0.1:"), "run requirements/oidc-provider first"
                declared = f"""
sign_in:
  issuer: {issuer}
  client_id: aver
  client_secret: file:{secret}
  redirect: {redirect}
  scopes: [openid, profile, groups]
  claims: {{groups: groups}}
  create: true
roles: {{Platform: [admin]}}
"""
                with application.directory.change(tenant, "test") as change:
                    change.declare(Declaration.parse(declared, "identity.yaml"))
                yield served, tenant
            finally:
                provider.terminate()
    application.close()


async def signed_in(session, url, user):
    """Walk through the provider's pages as a person would, and back; the last page."""
    async with session.get(f"{url}/sign-in/start", params={"next": "/knowledge"}) as response:
        address = unescape(_REFRESH.search(await response.text())[1])
    for _ in range(3):
        async with session.get(address) as response:
            page, address = await response.text(), str(response.url)
        if not (form := _FORM.search(page)):
            return response, page
        fields = dict(_FIELD.findall(form[2]))
        if fields.get("prompt") == "login":
            fields |= {"login": user, "password": "any"}
        async with session.post(urljoin(address, form[1]), data=fields, allow_redirects=False) as response:
            address = urljoin(address, response.headers["Location"])
    return response, page


async def test_a_person_signs_in_with_a_real_provider(place):
    served, tenant = place
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        response, page = await signed_in(session, served.url, "ann")
        assert response.status == 200, page
        assert _REFRESH.search(page)[1] == "/knowledge"
        async with session.get(f"{served.url}/v1/me") as me:
            said = await me.json()
        assert (said["user"], said["groups"], said["roles"]) == ("ann", ["Platform", "staff"], ["admin"])
        directory = served.application.directory
        with directory.change(tenant, "test") as change:
            change.declare(Declaration(directory.declaration(tenant).sign_in))
        async with session.get(f"{served.url}/v1/me") as me:
            assert (await me.json())["roles"] == []


async def test_somebody_whom_the_provider_does_not_know_stays_out(place):
    served, _ = place
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        _, page = await signed_in(session, served.url, "mallory")
        assert "You are signed in" not in page
        async with session.get(f"{served.url}/v1/me") as me:
            assert me.status == 401


PAGES = ("/", "/overview", "/turns", "/knowledge", "/evals", "/releases", "/incidents", "/admin")
DOORS = (
    ("GET", "/v1/me"),
    ("GET", "/v1/people"),
    ("GET", "/v1/models"),
    ("GET", "/metrics"),
    ("POST", "/v1/search"),
    ("POST", "/v1/chat/completions"),
    ("POST", "/mcp"),
)
"""What somebody meets with their session, and with their API key."""


async def met(session, urls, cookie, key):
    """By server and address, the status with which each page and each door is answered."""
    found = {}
    for url in urls:
        for page in PAGES:
            async with session.get(url + page, headers={"Cookie": cookie}, allow_redirects=False) as response:
                found[url, page] = response.status
        for method, path in DOORS:
            headers = {"Authorization": f"Bearer {key}"}
            async with session.request(
                method, url + path, headers=headers, json={} if method == "POST" else None
            ) as response:
                found[url, path] = response.status
    return found


async def test_what_is_changed_of_somebody_holds_within_a_second_everywhere_and_is_on_record(place):
    """Signed in through the provider; given a role by an owner; deactivated by a SCIM client: at two servers, at every page and door."""
    served, tenant = place
    application = served.application
    with application.directory.change(tenant, "test") as change:
        change.grant(change.add("olga"), ["owner"])
    owner, scim = (
        application.create_key("northwind", "olga")[1],
        application.api_keys.create("northwind", "scim", roles=["admin"], scopes=["provision"])[1],
    )
    beside = open_application(application.settings)
    jar = aiohttp.CookieJar(unsafe=True)
    with serving(beside) as other:
        urls = (served.url, other.url)
        async with aiohttp.ClientSession(cookie_jar=jar) as session:
            await signed_in(session, served.url, "ann")
            cookie = "; ".join(f"{each.key}={each.value}" for each in jar)
        key = application.create_key("northwind", "ann")[1]
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            before = await met(session, urls, cookie, key)
            assert {before[url, page] for url in urls for page in PAGES} == {200}
            assert not {401, 403} & {before[url, path] for url in urls for _, path in DOORS}

            async def asked(url, key, method, path, body):
                headers = {"Authorization": f"Bearer {key}"}
                async with session.request(method, url + path, headers=headers, json=body) as response:
                    assert response.status == 200, await response.text()
                    return await response.json()

            (ann,) = [
                each
                for each in (await asked(served.url, owner, "GET", "/v1/people", None))["people"]
                if each["user"] == "ann"
            ]
            with application.directory.change(tenant, "test") as change:
                change.declare(Declaration(application.directory.declaration(tenant).sign_in))
            await asked(other.url, owner, "PUT", f"/v1/people/{ann['id']}/roles", {"roles": ["auditor"]})
            await asyncio.sleep(1)
            for url in urls:
                assert (await asked(url, key, "GET", "/v1/me", None))["roles"] == ["auditor"]
            now = await met(session, urls, cookie, key)
            for url in urls:
                # An auditor oversees and asks nothing: led from the first page to another, and kept from searching and models.
                assert (now[url, "/"], now[url, "/turns"], now[url, "/v1/people"]) == (303, 200, 200)
                assert {now[url, path] for path in ("/v1/search", "/v1/models", "/v1/chat/completions")} == {403}

            off = {"Operations": [{"op": "replace", "path": "active", "value": False}]}
            await asked(other.url, scim, "PATCH", f"/scim/v2/Users/{ann['id']}", off)
            await asyncio.sleep(1)
            after = await met(session, urls, cookie, key)
            assert {after[url, page] for url in urls for page in PAGES} == {303}
            assert {after[url, path] for url in urls for _, path in DOORS} == {401}
    beside.close()
    ledger = application.tenant("northwind").ledger
    assert [step.body["user"] for step in ledger.of_kind("signed_in")] == ["ann"]
    said = [
        (step.facts["event"], step.body["by"])
        for step in ledger.of_kind("person_changed")
        if step.body["user"] == "ann"
    ]
    assert said[0] == ("added", "identity provider")
    assert said[-2:] == [("granted", "olga"), ("deactivated", "scim")]
    assert ledger.verify().ok
