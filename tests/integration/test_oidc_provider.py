"""Signing in through oidc-provider, a certified OpenID Connect provider, over real HTTP.

``make test`` installs it into ``.oidc-provider``, apart from everything else.
"""

from __future__ import annotations

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
