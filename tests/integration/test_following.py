"""A server follows the sources whose time has come, and goes on when one of them fails."""

from __future__ import annotations

import time

import pytest
from sqlalchemy import update

from aver.core.settings import Settings
from aver.knowledge.sources import parse_sources
from aver.knowledge.store import sources
from aver.server.application import Application
from aver.server.following import Follower
from aver.testing import HashEmbedder


@pytest.fixture
def application(tmp_path):
    application = Application(Settings(data=tmp_path / "data"), embedder=HashEmbedder())
    yield application
    application.close()


@pytest.fixture
def follower(application):
    follower = Follower(application, looks=0.02)
    yield follower
    follower.close()
    follower._thread.join()


def until(true, patience=60.0):
    end = time.monotonic() + patience
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def tenant(application, name, folder, every="1s"):
    application.store.create_tenant(name)
    services = application.tenant(name)
    services.sources.declare(
        parse_sources(f"sources: {{pages: {{kind: folder, path: '{folder}', every: {every}}}}}", "s")
    )
    return services


def titles(services):
    return [document.title for document in services.knowledge.documents(services.principal("ann"))]


def test_what_is_due_is_followed_for_every_tenant_again_and_again(application, follower, tmp_path):
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
        (folder / "a.md").write_text(f"# {folder.name.title()}\n\nIt is here.")
    one, two = tenant(application, "one", folders[0]), tenant(application, "two", folders[1])
    lost = tenant(application, "lost", tmp_path / "nowhere")
    follower.start()
    until(lambda: titles(one) == ["One"] and titles(two) == ["Two"])
    (folders[0] / "a.md").unlink()
    until(lambda: titles(one) == [])
    assert titles(two) == ["Two"]
    until(lambda: "nothing at" in lost.sources.states()[0].problem)


def test_an_event_does_not_wait_for_the_next_look(application, tmp_path):
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "a.md").write_text("# One\n\nIt is here.")
    services = tenant(application, "one", tmp_path / "pages", every="1d")
    follower = Follower(application, looks=3600)
    follower.start()
    with services.store.begin() as tx:
        tx.execute(update(sources).values(asked=1))
    follower.wake(services.store.tenant.id)
    until(lambda: titles(services) == ["One"])
    until(lambda: not services.sources.has_waiting())
    follower.close()


def test_whoever_else_is_at_it_is_left_alone(application, follower, tmp_path):
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "a.md").write_text("# One\n\nIt is here.")
    services = tenant(application, "one", tmp_path / "pages")
    with services.store.lock("source pages"):
        follower.start()
        time.sleep(0.3)
        (state,) = services.sources.states()
        assert (state.tried, state.problem) == (None, "")
    until(lambda: titles(services) == ["One"])
