"""What a drill in place has whoever serves do wrong, and what it left that is no file."""

import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

from aver.core.errors import ProviderError, ProviderTimeout, Unavailable
from aver.core.principal import Principal
from aver.core.settings import ModelTimeouts, Settings
from aver.gateway.transport import Transport
from aver.gateway.waits import Waits
from aver.gateway.wire.types import HttpRequest
from aver.knowledge.folder import FolderSource
from aver.knowledge.sources import parse_sources
from aver.ops.drills.scenarios import SCENARIOS
from aver.ops.mitigation.actions import read_action
from aver.ops.mitigation.types import Actor
from aver.server.application import Application
from aver.server.drills.placed import _PLACED
from aver.server.drills.restoring import restore
from aver.server.drills.staged import Staging, StagingTransport
from aver.server.drills.undoing import Staged, Undo, taking_back
from aver.testing import HashEmbedder

PROVIDER = "http://provider.example/v1"


@pytest.fixture
def application(tmp_path):
    opened = Application(Settings(data=tmp_path / "data"), embedder=HashEmbedder())
    opened.store.create_tenant("acme")
    yield opened
    opened.close()


def under_way(data, fault):
    """As if somebody drilled."""
    data.mkdir(exist_ok=True)
    return taking_back(data, [], lambda _: None, fault)


def seen(staging, fault):
    """Wait for the look at which it is."""
    while staging.current() != fault:
        time.sleep(0.05)


def test_every_scenario_is_done_in_place_or_says_why_not():
    assert {name for name, each in SCENARIOS.items() if each.in_place} == set(_PLACED)
    assert all(each.in_place or each.takes_copy.strip() for each in SCENARIOS.values())


def test_a_fault_is_seen_at_the_next_look(tmp_path):
    times = [0.0]
    staging, fault = Staging(tmp_path, lambda: times[0]), Staged("outage", PROVIDER)
    assert staging.current() is None
    with under_way(tmp_path, fault):
        assert staging.current() is None
        times[0] = 0.6
        assert staging.current() == fault
    assert staging.current() == fault
    times[0] = 1.2
    assert staging.current() is None


@pytest.fixture
def arrived(monkeypatch):
    """The addresses that requests went on to, which none leaves from here."""
    found = []

    async def post(_self, request, _waits, _connect):
        found.append(request.url)

    monkeypatch.setattr(Transport, "post", post)
    return found


async def ask(transport, address=PROVIDER, first=1.0):
    waits = Waits(ModelTimeouts(first_token=first), 60, silent=False)
    await transport.post(HttpRequest(f"{address}/chat", b"{}", {}), waits, 0.5)


async def test_the_provider_that_is_named_fails_and_no_other(tmp_path, arrived):
    transport = StagingTransport(Staging(tmp_path, iter(range(99)).__next__))
    with under_way(tmp_path, Staged("outage", PROVIDER)):
        with pytest.raises(ProviderError, match="as a drill in place has it"):
            await ask(transport)
        await ask(transport, "http://other.example/v1")
    await ask(transport)
    assert arrived == ["http://other.example/v1/chat", f"{PROVIDER}/chat"]


async def test_one_that_is_slow_is_late_and_given_up_as_any_that_is(tmp_path, arrived):
    transport = StagingTransport(Staging(tmp_path, iter(range(99)).__next__))
    with under_way(tmp_path, Staged("slow", PROVIDER, seconds=30)), pytest.raises(ProviderTimeout):
        await ask(transport, first=0.05)
    assert not arrived
    with under_way(tmp_path, Staged("slow", PROVIDER, seconds=0.01)):
        await ask(transport)
    assert arrived


def test_a_source_cannot_be_read_while_it_is_drilled(application, tmp_path):
    (tmp_path / "wiki").mkdir()
    (tmp_path / "wiki" / "page.md").write_text("# Page\n\nText.\n")
    services = application.tenant("acme")
    text = f"sources:\n  wiki: {{kind: folder, path: {tmp_path / 'wiki'}, every: 30s}}\n"
    services.sources.declare(parse_sources(text, "sources.yaml"))
    assert services.sources.follow("wiki").added == 1
    fault = Staged("source", "wiki", services.store.tenant.id)
    with under_way(application.settings.data, fault):
        seen(application.staging, fault)
        with pytest.raises(Unavailable, match="drill"):
            services.sources.follow("wiki")
        assert "drill" in services.sources.states()[0].problem
        application.staging.check_source("another-tenant", "wiki")
        application.staging.check_source(services.store.tenant.id, "other")
    seen(application.staging, None)
    assert services.sources.follow("wiki").complete
    assert not services.sources.states()[0].problem


def test_documents_of_a_drill_are_removed_also_where_they_never_came(application, tmp_path):
    services = application.tenant("acme")
    (tmp_path / "accounts.md").write_text("# Accounts\n\nOne.\n")
    services.knowledge.ingest(FolderSource(tmp_path, "drill-1"))
    reader = Principal(services.store.tenant.id, "ann")
    assert services.knowledge.documents(reader)
    for _ in range(2):
        restore(application, Undo("source", services.store.tenant.id, "drill-1"))
    assert not services.knowledge.documents(reader)
    assert not services.sources.states()


def test_what_was_done_of_itself_since_is_undone_and_nothing_else(application):
    services = application.tenant("acme")
    desk, actor = (
        services.operations.mitigations,
        Actor.fixed(Principal(services.store.tenant.id, "x", roles=frozenset({"admin"}))),
    )
    incident = services.operations.incidents.open("something", by="ann").id

    def take(tool, rule):
        return desk.take(read_action(f"disable_tool tool={tool}"), actor, reason="why", incident=incident, rule=rule).id

    before = take("early", "misled")
    since = datetime.now(UTC)
    by_hand, of_itself = take("by_hand", ""), take("late", "misled")
    restore(application, Undo("mitigations", services.store.tenant.id, since.isoformat()))
    assert {each.id: each.status for each in desk.mitigations()} == {
        before: "in_force",
        by_hand: "in_force",
        of_itself: "undone",
    }
    restore(application, Undo("mitigations", services.store.tenant.id, (since - timedelta(hours=1)).isoformat()))
    assert {each.id for each in desk.mitigations(standing=True)} == {by_hand}


_FILLS = """
import resource, signal, sys
from pathlib import Path
from aver.server.drills.damage import fill
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_003, 1_000_003))
fill(Path(sys.argv[1]))
"""


def test_what_fills_a_disk_takes_it_to_the_last_byte(tmp_path):
    """The most that a file may have stands for the disk, which only an administrator could make small."""
    subprocess.run([sys.executable, "-c", _FILLS, tmp_path / "filler"], check=True)
    assert (tmp_path / "filler").stat().st_size == 1_000_003
