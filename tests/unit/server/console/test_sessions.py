"""A session is the key it was begun with: sealed, ended by time or revocation, and no one else's."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import timedelta
from types import SimpleNamespace

import pytest
from fastapi import Request
from hypothesis import given, settings
from hypothesis import strategies as st

from aver.core.errors import Unauthenticated
from aver.server.console.sessions import COOKIE, LIFETIME, Sessions, same_origin, session_principal
from aver.store import Store
from aver.testing import FixedClock


class Place:
    """Two tenants, a key of the first, and sessions on a clock that stands still."""

    def __init__(self, folder):
        self.clock = FixedClock()
        self.store = Store(folder, clock=self.clock)
        for name in ("northwind", "kestrel"):
            self.store.create_tenant(name)
        self.key, self.secret = self.store.create_key("northwind", "ann", ["editors"])
        self.sessions = Sessions(self.store, self.clock)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    opened = Place(tmp_path_factory.mktemp("sessions"))
    yield opened
    opened.store.close()


def test_a_session_stands_for_whom_its_key_stands_for(place):
    principal = place.sessions.principal(place.sessions.begin(place.secret))
    assert principal == place.store.authenticate(place.secret).principal
    assert principal.groups == {"editors"}


def test_a_wrong_key_begins_nothing(place):
    with pytest.raises(Unauthenticated):
        place.sessions.begin("aver_wrong")


def test_the_key_is_nowhere_in_the_cookie(place):
    cookie = place.sessions.begin(place.secret)
    assert place.secret not in cookie
    assert place.secret.encode() not in urlsafe_b64decode(cookie.partition(".")[2])
    assert cookie != place.sessions.begin(place.secret)


def test_a_session_ends(tmp_path):
    place = Place(tmp_path)
    cookie = place.sessions.begin(place.secret)
    place.clock.advance((LIFETIME - timedelta(seconds=1)).total_seconds())
    assert place.sessions.principal(cookie)
    place.clock.advance(1)
    assert place.sessions.principal(cookie) is None
    place.store.close()


def test_a_revoked_key_ends_its_sessions_at_once(tmp_path):
    place = Place(tmp_path)
    cookie = place.sessions.begin(place.secret)
    place.store.revoke_key("northwind", place.key.id)
    assert place.sessions.principal(cookie) is None
    place.store.close()


def test_a_cookie_moved_to_another_tenant_opens_nothing(place):
    _, _, sealed = place.sessions.begin(place.secret).partition(".")
    for tenant in (*(each.id for each in place.store.tenants()[1:]), "kestrel", "northwind", ""):
        assert place.sessions.principal(f"{tenant}.{sealed}") is None


@given(position=st.integers(0), flip=st.integers(1, 255))
@settings(max_examples=60, deadline=None)
def test_a_changed_cookie_opens_nothing(place, position, flip):
    tenant, _, encoded = place.sessions.begin(place.secret).partition(".")
    sealed = bytearray(urlsafe_b64decode(encoded))
    sealed[position % len(sealed)] ^= flip
    assert place.sessions.principal(f"{tenant}.{urlsafe_b64encode(sealed).decode()}") is None


@given(st.text(max_size=80))
@settings(max_examples=60, deadline=None)
def test_noise_opens_nothing(place, noise):
    assert place.sessions.principal(noise) is None
    assert place.sessions.principal(f"{place.key.tenant}.{noise}") is None


def request(place, method="GET", **headers):
    scope = {
        "type": "http",
        "method": method,
        "path": "/",
        "query_string": b"",
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
        "app": SimpleNamespace(state=SimpleNamespace(application=SimpleNamespace(store=place.store))),
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


async def test_another_site_cannot_use_the_session_to_change_anything(tmp_path):
    place = Place(tmp_path)
    # The request's own sessions run on the system's clock.
    cookie = f"{COOKIE}={Sessions(place.store).begin(place.secret)}"
    assert await session_principal(request(place, "GET", cookie=cookie, sec_fetch_site="cross-site"))
    assert await session_principal(request(place, "POST", cookie=cookie, sec_fetch_site="same-origin"))
    assert await session_principal(request(place, "POST", cookie=cookie, sec_fetch_site="cross-site")) is None
    assert await session_principal(request(place, "POST", cookie=cookie)) is None
    assert await session_principal(request(place, "GET")) is None
    place.store.close()
