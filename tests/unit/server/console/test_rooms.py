"""Rooms are for those who may enter them, periods for those that there are, and a page's figures hold data alone."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from starlette.requests import Request

from aver.core import Principal
from aver.core.errors import InvalidInput
from aver.server.console.rooms import ROOMS, address, period, rooms_of, twin, twin_address

NOW = datetime(2026, 2, 3, tzinfo=UTC)


@dataclass(frozen=True)
class View:
    """A view with what JSON has no form for."""

    names: frozenset[str]
    at: datetime
    who: object = None


def asked(query):
    return Request({"type": "http", "method": "GET", "path": "/turns", "query_string": query.encode(), "headers": []})


def test_an_auditor_has_no_room_to_ask_in():
    named = {
        role: [each.name for each in rooms_of(Principal("t", "u", roles=frozenset({role})))]
        for role in ("auditor", "owner")
    }
    assert "ask" not in named["auditor"]
    assert named["owner"] == [each.name for each in ROOMS]


def test_periods_are_named():
    assert period("24h").since(NOW) == NOW - timedelta(days=1)
    assert period("").name == "7d"
    assert period("30d").before(NOW) == (NOW - timedelta(days=60), NOW - timedelta(days=30))
    with pytest.raises(InvalidInput, match="no period 'for ever'"):
        period("for ever")


def test_an_address_leaves_out_what_is_empty():
    assert address("/turns", feature="a&b", release="", since=None, denied=True) == "/turns?feature=a%26b&denied=True"
    assert address("/turns") == "/turns"


def test_a_twin_is_given_where_it_is_asked_for():
    view = View(frozenset({"b", "a"}), NOW)
    assert twin(asked("feature=x"), view) is None
    found = twin(asked("feature=x&format=json"), view)
    assert orjson.loads(found.body) == {"names": ["a", "b"], "at": "2026-02-03T00:00:00Z", "who": None}
    assert twin_address(asked("feature=x")) == "/turns?feature=x&format=json"
    with pytest.raises(TypeError):
        twin(asked("format=json"), View(frozenset(), NOW, object()))
