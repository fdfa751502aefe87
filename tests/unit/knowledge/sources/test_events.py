"""An event makes its source due, once for many, and is not lost."""

from __future__ import annotations

import hmac

import pytest

from aver.core.errors import NotFound, Unavailable
from aver.knowledge.sources import Sources, parse_sources
from aver.knowledge.sources.webhooks import Event
from tests.knowledge import open_world

SECRETS = {"env:HOOK": "s3cret"}


@pytest.fixture
def world(tmp_path):
    return open_world(tmp_path / "data")


@pytest.fixture
def pages(tmp_path):
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "leave.md").write_text("# Leave\n\nThirty days of leave a year.")
    return folder


@pytest.fixture
def asked():
    """The references whose secrets were asked for."""
    return []


@pytest.fixture
def following(world, pages, asked):
    def secret(reference):
        asked.append(reference)
        if reference not in SECRETS:
            raise Unavailable("It cannot be had", "Set it.")
        return SECRETS[reference]

    following = Sources(world.store, world.ledger, world.knowledge, world.clock, secret, 2**20)
    following.declare(declared(pages, webhook_secret="env:HOOK"))
    return following


def declared(pages, **more):
    extra = "".join(f", {name}: '{value}'" for name, value in more.items())
    return parse_sources(f"sources: {{pages: {{kind: folder, path: '{pages}'{extra}}}}}", "s.yaml")


def event(world, body=b"{}", secret="s3cret"):
    now = int(world.clock.now().timestamp())
    proof = hmac.new(secret.encode(), f"{now}.".encode() + body, "sha256").hexdigest()
    return Event({"aver-signature": f"t={now},v1={proof}"}, body)


def test_an_event_makes_its_source_due(world, following):
    following.follow("pages")
    assert following.due() == []  # it has no schedule
    world.clock.advance(60)
    assert following.take("pages", event(world)) is None
    assert following.due() == following.due(asked=True) == ["pages"]
    assert following.has_waiting()
    following.follow("pages")
    assert following.due() == []
    assert not following.has_waiting()


def test_many_events_are_one_run_and_runs_are_apart(world, following):
    following.follow("pages")
    for _ in range(5):
        following.take("pages", event(world))
    assert following.due() == []
    world.clock.advance(10)
    assert following.due() == ["pages"]
    following.follow("pages")
    world.clock.advance(3600)
    assert following.due() == []


def test_an_event_while_a_run_is_under_way_asks_for_one_more(world, following):
    following.follow("pages")
    following.take("pages", event(world))
    world.clock.advance(60)
    following.follow("pages", progress=lambda *_: following.take("pages", event(world)))
    world.clock.advance(60)
    assert following.due() == ["pages"]
    following.follow("pages")
    assert not following.has_waiting()


def test_an_event_outlasts_a_run_that_fails_which_is_tried_again_later(world, following, pages):
    following.follow("pages")
    world.clock.advance(60)
    following.take("pages", event(world))
    pages.rename(pages.with_name("away"))
    with pytest.raises(NotFound):
        following.follow("pages")
    world.clock.advance(60)
    assert (following.due(), following.has_waiting()) == ([], True)
    world.clock.advance(240)
    assert following.due() == ["pages"]
    pages.with_name("away").rename(pages)
    following.follow("pages")
    assert not following.has_waiting()


def test_events_outlive_the_process(world, following):
    following.follow("pages")
    following.take("pages", event(world))
    world.clock.advance(60)
    again = Sources(world.store, world.ledger, world.knowledge, world.clock, lambda _: "", 2**20)
    assert again.due() == ["pages"]


def test_what_is_not_signed_is_answered_as_if_there_were_no_such_source(world, following, pages):
    refused = []
    following.declare(parse_sources(f"sources: {{other: {{kind: folder, path: '{pages}'}}}}", "s.yaml"))
    for name, sent in (
        ("pages", event(world, secret="another")),
        ("pages", Event({}, b"{}")),
        ("nowhere", event(world)),
        ("other", event(world)),
    ):
        with pytest.raises(NotFound) as caught:
            following.take(name, sent)
        refused.append(str(caught.value))
    assert len(set(refused)) == 1
    assert not following.has_waiting()


def test_a_source_of_another_declaration_takes_no_more_events(world, following, pages):
    following.declare(declared(pages))
    with pytest.raises(NotFound):
        following.take("pages", event(world))


def test_a_secret_is_asked_for_once_a_minute_whoever_knocks(world, following, asked):
    for _ in range(3):
        following.take("pages", event(world))
        with pytest.raises(NotFound):
            following.take("pages", event(world, secret="another"))
    assert asked == ["env:HOOK"]
    world.clock.advance(61)
    following.take("pages", event(world))
    assert asked == ["env:HOOK", "env:HOOK"]


def test_a_secret_that_cannot_be_had_or_is_empty_opens_nothing(world, following, pages):
    following.declare(declared(pages, webhook_secret="env:NONE"))
    with pytest.raises(NotFound) as caught:
        following.take("pages", event(world))
    assert isinstance(caught.value.__cause__, Unavailable)
    SECRETS["env:EMPTY"] = ""
    following.declare(declared(pages, webhook_secret="env:EMPTY"))
    with pytest.raises(NotFound):
        following.take("pages", event(world, secret=""))
