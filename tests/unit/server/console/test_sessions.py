"""A session is a secret in a cookie: it ends by time, by disuse and by revocation, and no other site can use it."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from fastapi import Request
from hypothesis import given, settings
from hypothesis import strategies as st

from aver.core.errors import Unauthenticated
from aver.identity import Declaration, Sessions
from aver.server.console.sessions import COOKIE, same_origin, session_principal
from aver.store import Store, people
from aver.testing import FixedClock


class Place:
    """Two tenants, a key of the first, and sessions on a clock that stands still."""

    def __init__(self, folder):
        self.folder = folder
        self.clock = FixedClock()
        self.store = Store(folder, clock=self.clock)
        for name in ("northwind", "kestrel"):
            self.store.create_tenant(name)
        self.key, self.secret = self.store.create_key("northwind", "ann", ["editors"])
        self.sessions = Sessions(self.store, self.clock)

    def begin(self, before=""):
        return self.sessions.begin(key=self.secret, before=before)[0]

    def ago(self, **span):
        self.clock.advance(timedelta(**span).total_seconds())


@pytest.fixture
def place(tmp_path):
    opened = Place(tmp_path)
    yield opened
    opened.store.close()


@pytest.fixture(scope="module")
def standing(tmp_path_factory):
    opened = Place(tmp_path_factory.mktemp("sessions"))
    yield opened
    opened.store.close()


def test_a_session_stands_for_whom_its_key_stands_for(place):
    principal = place.sessions.principal(place.begin())
    assert principal == place.store.authenticate(place.secret).principal
    assert principal.groups == {"editors"}


def test_a_wrong_key_begins_nothing(place):
    with pytest.raises(Unauthenticated):
        place.sessions.begin(key="aver_wrong")


def test_neither_the_key_nor_the_cookie_is_kept(place):
    cookie = place.begin()
    assert place.secret not in cookie
    assert cookie != place.begin()
    stored = b"".join(path.read_bytes() for path in place.folder.rglob("*") if path.is_file())
    assert cookie.encode() not in stored


def test_a_session_that_is_used_ends_all_the_same(place):
    cookie = place.begin()
    for _ in range(23):
        place.ago(minutes=30)
        assert place.sessions.principal(cookie)
    place.ago(minutes=29)
    assert place.sessions.principal(cookie)
    place.ago(minutes=1)
    assert place.sessions.principal(cookie) is None


def test_a_session_that_is_not_used_ends_sooner(place):
    cookie = place.begin()
    place.ago(minutes=59)
    assert place.sessions.principal(cookie)
    place.ago(minutes=60)
    assert place.sessions.principal(cookie) is None
    place.ago(minutes=-60)
    assert place.sessions.principal(cookie), "what is asked in time goes on"


def test_a_tenant_says_how_long_its_sessions_last(place):
    declared = Declaration(idle=timedelta(minutes=2), absolute=timedelta(hours=1))
    with place.store.begin() as tx:
        people.declare(tx, place.key.tenant, declared.plain(), place.clock.now())
    cookie = place.begin()
    place.ago(minutes=1, seconds=59)
    assert place.sessions.principal(cookie)
    place.ago(minutes=2)
    assert place.sessions.principal(cookie) is None


def test_a_clock_that_steps_back_prolongs_nothing_for_ever(place):
    cookie = place.begin()
    place.ago(hours=-5)
    assert place.sessions.principal(cookie)
    place.ago(hours=17)
    assert place.sessions.principal(cookie) is None


def test_a_revoked_key_ends_its_sessions_at_once(place):
    cookie = place.begin()
    place.store.revoke_key("northwind", place.key.id)
    assert place.sessions.principal(cookie) is None


def test_signing_out_ends_a_session_for_every_process(place):
    cookie, other = place.begin(), place.begin()
    Sessions(Store(place.folder, clock=place.clock), place.clock).end(cookie)
    assert place.sessions.principal(cookie) is None
    assert place.sessions.principal(other)


def test_signing_in_ends_the_session_that_the_browser_had(place):
    """Whoever planted or learnt a cookie before the sign-in has nothing of it (session fixation)."""
    planted = place.begin()
    fresh = place.begin(before=planted)
    assert fresh != planted
    assert place.sessions.principal(planted) is None
    assert place.sessions.principal("chosen-by-somebody-else") is None
    assert place.sessions.principal(place.begin(before="chosen-by-somebody-else"))
    assert place.sessions.principal("chosen-by-somebody-else") is None


def test_a_sign_in_is_completed_once(place):
    place.sessions.spend("nonce", timedelta(minutes=10))
    with pytest.raises(Unauthenticated, match="completed before"):
        place.sessions.spend("nonce", timedelta(minutes=10))
    place.sessions.spend("another", timedelta(minutes=10))


@given(st.text(max_size=300))
@settings(max_examples=60, deadline=None)
def test_noise_opens_nothing(standing, noise):
    assert standing.sessions.principal(noise) is None


def request(place, method="GET", **headers):
    scope = {
        "type": "http",
        "method": method,
        "path": "/",
        "query_string": b"",
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
        "app": SimpleNamespace(state=SimpleNamespace(application=SimpleNamespace(sessions=place.sessions))),
    }
    return Request(scope)


@pytest.mark.parametrize(
    ("headers", "same"),
    [
        ({"sec_fetch_site": "same-origin"}, True),
        ({"sec_fetch_site": "same-site"}, False),
        ({"sec_fetch_site": "cross-site", "origin": "http://aver.example", "host": "aver.example"}, False),
        ({"sec_fetch_site": "none"}, False),
        ({"origin": "http://aver.example:8420", "host": "aver.example:8420"}, True),
        ({"origin": "http://aver.example:9999", "host": "aver.example:8420"}, False),
        ({"origin": "null", "host": "aver.example"}, False),
        ({"host": "aver.example"}, False),
    ],
)
def test_only_a_page_of_this_site_is_same_origin(place, headers, same):
    assert same_origin(request(place, "POST", **headers)) is same


async def test_another_site_cannot_use_the_session_to_change_anything(place):
    cookie = f"{COOKIE}={place.begin()}"
    assert await session_principal(request(place, "GET", cookie=cookie, sec_fetch_site="cross-site"))
    assert await session_principal(request(place, "POST", cookie=cookie, sec_fetch_site="same-origin"))
    assert await session_principal(request(place, "POST", cookie=cookie, sec_fetch_site="cross-site")) is None
    assert await session_principal(request(place, "POST", cookie=cookie)) is None
    assert await session_principal(request(place, "GET")) is None
