"""Signing in to the console through an identity provider, over real HTTP: who gets in, who does not, and what lies come to."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from aver.core.settings import Settings
from aver.identity import Declaration
from aver.identity.provider import Asked, Provider, ProviderFailed
from aver.identity.tokens import UnknownKey
from aver.testing import FixedClock
from aver.testing.issuer import Issuer, SigningKey, encoded
from tests.servers import open_application, serving

_REFRESH = re.compile(r'http-equiv="refresh" content="0; url=([^"]+)"')


class Browser:
    """As much of a browser as signing in takes: cookies, redirects that are looked at, pages that go on by themselves."""

    def __init__(self, url, session):
        self.url, self.session = url, session

    async def get(self, address, **options):
        async with self.session.get(address, allow_redirects=False, **options) as response:
            return response, await response.text()

    def cookie(self, name):
        return next((c.value for c in self.session.cookie_jar if c.key == name), None)

    async def start(self, after="/"):
        """Go to the provider and back; the address that it leads back to."""
        response, page = await self.get(f"{self.url}/sign-in/start", params={"tenant": "northwind", "next": after})
        if not (onward := _REFRESH.search(page)):
            return response, page
        response, _ = await self.get(unescape(onward[1]))
        return response.headers["Location"]

    async def sign_in(self, after="/"):
        return await self.get(await self.start(after))

    async def me(self):
        response, _ = await self.get(f"{self.url}/v1/me")
        return response.status, (await response.json() if response.status == 200 else None)


class Place:
    def __init__(self, served, issuer):
        self.url, self.application, self.issuer = served.url, served.application, issuer
        self.tenant = self.application.tenant("northwind").store.tenant.id

    def declare(self, **more):
        words = {"create": "true", "claims": "{groups: groups, roles: roles}", **more}
        extra = "".join(f"  {name}: {value}\n" for name, value in words.items())
        text = f"""
sign_in:
  issuer: {self.issuer.url}
  client_id: aver
  client_secret: file:{self.secret}
  redirect: {self.url}/sign-in/callback
{extra}roles:
  Platform: [admin]
  Bosses: [owner]
"""
        with self.application.directory.change(self.tenant, "test") as change:
            change.declare(Declaration.parse(text, "identity.yaml"))

    def person(self, user):
        return self.application.directory.find(self.tenant, user)

    def steps(self, kind):
        return list(self.application.tenant("northwind").ledger.of_kind(kind))

    secret: Path


@pytest.fixture
def place(tmp_path):
    application = open_application(Settings(data=tmp_path / "data"))
    for name in ("northwind", "kestrel"):
        application.store.create_tenant(name)
    with Issuer("a secret/with: odd+chars") as issuer, serving(application) as served:
        found = Place(served, issuer)
        found.secret = tmp_path / "secret"
        found.secret.write_text(issuer.client_secret, encoding="utf-8")
        found.declare()
        issuer.user = "ann"
        yield found
    application.close()


@pytest.fixture
async def browser(place):
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar, headers={"Sec-Fetch-Site": "same-origin"}) as session:
        yield Browser(place.url, session)


async def test_somebody_signs_in_with_groups_and_roles(place, browser):
    place.issuer.people["ann"] = {"groups": ["Platform", "staff"], "email": "ann@example.com"}
    response, page = await browser.sign_in("/knowledge?sort=name")
    assert response.status == 200
    assert unescape(_REFRESH.search(page)[1]) == "/knowledge?sort=name"
    cookie = next(each for each in response.headers.getall("Set-Cookie") if each.startswith("aver_session="))
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    status, me = await browser.me()
    assert (status, me["user"], me["tenant"], me["groups"]) == (200, "ann", "northwind", ["Platform", "staff"])
    assert me["roles"] == ["admin"]
    assert (await browser.get(f"{place.url}/knowledge"))[0].status == 200
    ann = place.person("ann")
    assert (ann.issuer, ann.subject, ann.profile.email) == (place.issuer.url, "subject-ann", "ann@example.com")
    assert [step.facts["with"] for step in place.steps("signed_in")] == ["provider"]


async def test_pkce_and_the_rest_of_the_request_are_as_they_have_to_be(place, browser):
    await browser.start()
    asked = next(each for each in place.issuer.asked if each.path == "/authorize").query
    assert asked["response_type"] == "code"
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["code_challenge"]) == 43
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3


async def test_claims_that_are_kept_out_of_the_token_are_asked_for(place, browser):
    place.issuer.people["ann"] = {"groups": ["Platform"]}
    place.issuer.in_user_info = {"groups", "preferred_username"}
    await browser.sign_in()
    assert (await browser.me())[1]["roles"] == ["admin"]


async def test_a_group_that_is_not_claimed_any_more_is_lost_the_claim_and_all(place, browser):
    place.issuer.people["ann"] = {"groups": ["Bosses"], "roles": "Platform"}
    await browser.sign_in()
    assert (await browser.me())[1]["roles"] == ["admin", "owner"]
    place.issuer.people["ann"] = {"_claim_names": {"groups": "src1"}}  # as Entra ID does for very many groups
    await browser.sign_in()
    assert (await browser.me())[1]["roles"] == []
    assert place.person("ann").groups == frozenset()
    events = [step.facts for step in place.steps("person_changed") if step.facts["event"] == "claimed"]
    assert (events[-1]["before"], events[-1]["roles"]) == (["admin", "owner"], [])


async def test_a_claim_of_another_shape_lets_nobody_in(place, browser):
    for groups in ({"a": 1}, [1], [["a"]], ["a" * 300], ["a\u0007"], ["x"] * 2000):
        place.issuer.people["ann"] = {"groups": groups}
        assert (await browser.sign_in())[0].status in (401, 422)
    assert await browser.me() == (401, None)
    assert place.person("ann") is None


LIES = {
    "another audience": lambda c: {**c, "aud": "another"},
    "another issuer": lambda c: {**c, "iss": "https://evil.example"},
    "expired": lambda c: {**c, "exp": int(time.time()) - 120},
    "another sign-in's": lambda c: {**c, "nonce": "of-another"},
    "nobody's": lambda c: {**c, "sub": ""},
    "of the future": lambda c: {**c, "iat": int(time.time()) + 600},
}


@pytest.mark.parametrize("lie", LIES)
async def test_a_token_that_does_not_hold_lets_nobody_in(place, browser, lie):
    place.issuer.tell = LIES[lie]
    response, page = await browser.sign_in()
    assert response.status == 401
    assert "The token" in page
    assert browser.cookie("aver_session") is None
    assert place.person("ann") is None


async def test_forged_and_unsigned_tokens_let_nobody_in(place, browser):
    mine = SigningKey()
    nothing = encoded(b'{"alg":"none"}')
    forged = (
        lambda claims: mine.token(claims, kid=place.issuer.keys[0].id),
        mine.token,
        lambda claims: ".".join((nothing, mine.token(claims).split(".")[1], "")),
    )
    for sign in forged:
        place.issuer.sign = sign
        assert (await browser.sign_in())[0].status == 401
    assert await browser.me() == (401, None)


async def test_an_answer_is_good_once_and_in_its_own_browser(place, browser):
    back = await browser.start()
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        other = Browser(place.url, session)
        assert (await other.get(back))[0].status == 401  # login CSRF: the answer of one browser in another
        await other.start()
        assert (await other.get(back))[0].status == 401
    note = browser.cookie("aver_sign_in")
    assert (await browser.get(back))[0].status == 200
    assert (await browser.get(back))[0].status == 401
    replayed = {"Cookie": f"aver_sign_in={note}"}
    async with aiohttp.ClientSession(headers=replayed) as session:
        assert (await Browser(place.url, session).get(back))[0].status == 401


async def test_a_nonce_is_spent_even_where_the_provider_gives_the_code_twice(place, browser):
    back = await browser.start()
    note = browser.cookie("aver_sign_in")
    code = parse_qs(urlsplit(back).query)["code"][0]
    kept = place.issuer._codes[code]
    assert (await browser.get(back))[0].status == 200
    place.issuer._codes[code] = kept
    async with aiohttp.ClientSession(headers={"Cookie": f"aver_sign_in={note}"}) as session:
        response, page = await Browser(place.url, session).get(back)
    assert response.status == 401
    assert "completed before" in page


@pytest.mark.parametrize("replaced", ["&iss=https%3A%2F%2Fevil.example", ""])
async def test_an_answer_of_another_issuer_is_refused(place, browser, replaced):
    back = await browser.start()
    response, page = await browser.get(re.sub(r"&iss=[^&]*", replaced, back))
    assert response.status == 401
    assert "another issuer" in page


async def test_a_code_is_worth_nothing_without_its_verifier(place, browser):
    stolen = parse_qs(urlsplit(await browser.start()).query)["code"][0]
    back = await browser.start()
    code = parse_qs(urlsplit(back).query)["code"][0]
    response, page = await browser.get(back.replace(code, stolen))
    assert response.status == 401
    assert "used before" in page


async def test_somebody_whom_the_provider_refuses_is_told(place, browser):
    place.issuer.user = ""
    response, page = await browser.sign_in()
    assert response.status == 401
    assert "access_denied" in page
    _, page = await browser.get(f"{place.url}/sign-in/callback", params={"error": "<script>alert(1)</script>"})
    assert "<script>alert" not in page


@pytest.mark.parametrize(
    "after",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "evil",
        "",
    ],
)
async def test_nobody_is_led_elsewhere(place, browser, after):
    _, page = await browser.sign_in(after)
    assert _REFRESH.search(page)[1] == "/"


async def test_keys_are_rotated_and_withdrawn(place, browser):
    await browser.sign_in()
    provider = place.application.signing_in.provider(place.tenant)
    provider._known = replace(provider._known, at=provider._known.at - 30)
    place.issuer.rotate("RS256")
    assert (await browser.sign_in())[0].status == 200


def test_invented_keys_do_not_make_aver_ask_on_and_on(place):
    clock = FixedClock(datetime.now(UTC))
    provider = Provider(place.application.directory.declaration(place.tenant).sign_in, lambda _: "", clock)
    invented = SigningKey()
    provider.address(Asked.new())
    before = place.issuer.count("/keys")
    for expected in (0, 0, 1, 1, 1):
        if expected and place.issuer.count("/keys") == before:
            clock.advance(6)
        with pytest.raises(UnknownKey):
            provider._believed(invented.token({}), "")
        assert place.issuer.count("/keys") == before + expected
    clock.advance(301)
    place.issuer.rotate()
    provider.address(Asked.new())
    assert place.issuer.count("/keys") == before + 2, "what is old is not believed without asking"


def test_a_provider_that_is_away_is_not_asked_by_everybody(place):
    clock = FixedClock(datetime.now(UTC))
    provider = Provider(place.application.directory.declaration(place.tenant).sign_in, lambda _: "", clock)
    with place.issuer.away():
        for _ in range(3):
            with pytest.raises(ProviderFailed, match="does not describe itself"):
                provider.address(Asked.new())
        assert place.issuer.count("/.well-known") == 1
    clock.advance(5)
    assert provider.address(Asked.new()).startswith(place.issuer.url)


def test_a_provider_that_hangs_does_not_hold_every_thread(place, monkeypatch):
    monkeypatch.setattr("aver.identity.provider._PATIENCE", 0.01)
    provider = place.application.signing_in.provider(place.tenant)
    with provider._lock, pytest.raises(ProviderFailed, match="slow to answer"):
        provider.address(Asked.new())
    assert provider.address(Asked.new())
    with provider._room, provider._room, pytest.raises(ProviderFailed, match="slow to answer"):
        provider.check()
    assert provider.check()["keys"] == 1


async def test_a_provider_that_fails_is_no_way_in(place, browser):
    await browser.sign_in()
    with place.issuer.away():
        back = await _back(browser, place)
        response, page = await browser.get(back)
    assert response.status == 502
    assert "identity provider" in page


async def _back(browser, place):
    """An answer with a code, made while the provider does not answer."""
    _, page = await browser.get(f"{place.url}/sign-in/start", params={"tenant": "northwind"})
    state = parse_qs(urlsplit(unescape(_REFRESH.search(page)[1])).query)["state"][0]
    return f"{place.url}/sign-in/callback?code=x&state={state}&iss={place.issuer.url}"


async def test_who_is_not_known_gets_in_where_that_is_said(place, browser):
    place.declare(create="false")
    response, page = await browser.sign_in()
    assert response.status == 403
    assert "nobody of this organisation" in page
    with place.application.directory.change(place.tenant, "test") as change:
        change.add("Ann")
    assert (await browser.sign_in())[0].status == 200
    assert place.person("ann").subject == "subject-ann"


async def test_a_name_that_was_given_to_another_account_is_not_theirs(place, browser):
    await browser.sign_in()
    place.issuer.people["mallory"] = {"preferred_username": "ann"}
    place.issuer.user = "mallory"
    response, page = await browser.sign_in()
    assert response.status == 403
    assert "bound to another account" in page


async def test_deactivation_ends_a_session_within_a_second_and_lets_nobody_back_in(place, browser):
    await browser.sign_in()
    token = place.application.create_key("northwind", "scim", roles=["admin"])[1]
    ann = place.person("ann")
    assert (await browser.me())[0] == 200
    body = {"Operations": [{"op": "replace", "path": "active", "value": False}]}
    address, proof = f"{place.url}/scim/v2/Users/{ann.id}", {"Authorization": f"Bearer {token}"}
    async with browser.session.patch(address, json=body, headers=proof) as response:
        assert response.status == 200
    assert await browser.me() == (401, None)
    assert (await browser.sign_in())[0].status == 403


async def test_an_address_in_an_e_mail_claim_has_to_be_verified(place, browser):
    place.declare(claims="{user: email}")
    place.issuer.people["ann"] = {"email": "ann@example.com", "email_verified": False}
    assert (await browser.sign_in())[0].status == 401
    place.issuer.people["ann"] = {"email": "ann@example.com", "email_verified": True}
    assert (await browser.sign_in())[0].status == 200


async def test_a_new_sign_in_ends_the_session_before_and_signing_out_the_new_one(place, browser):
    await browser.sign_in()
    first = browser.cookie("aver_session")
    await browser.sign_in()
    second = browser.cookie("aver_session")
    assert place.application.sessions.principal(first) is None
    assert place.application.sessions.principal(second)
    async with browser.session.post(f"{place.url}/sign-out", allow_redirects=False) as response:
        assert response.status == 303
    assert place.application.sessions.principal(second) is None


async def test_the_page_to_sign_in_offers_the_provider(place, browser):
    _, page = await browser.get(f"{place.url}/sign-in", params={"next": "/knowledge?a=b&c"})
    assert 'href="/sign-in/start?next=%2Fknowledge%3Fa%3Db%26c"' in page
    response, page = await browser.get(f"{place.url}/sign-in/start", params={"tenant": "kestrel"})
    unknown = await browser.get(f"{place.url}/sign-in/start", params={"tenant": "nobody"})
    assert (response.status, page) == (404, unknown[1])
