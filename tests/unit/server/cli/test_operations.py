"""Objectives, alerts and incidents from the command line, and looked at beside serving."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from aver.core import SystemClock
from aver.core.settings import Settings
from aver.server.application import Application
from aver.server.cli import main
from aver.server.watching import Watcher
from aver.testing import FixedClock, HashEmbedder
from tests.operations import turn

BUNDLE = """feature: {model: extractive}
objectives:
  slos:
    up: {indicator: availability, target: 0.99}
    quick: {indicator: latency, within: 3s, target: 0.9}
    fresh: {indicator: freshness, within: 1h, target: 0.9}
  routes:
    own: {to: webhook, url: env:AVER_TEST_NO_SUCH_HOOK}
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "aver.yaml").write_text(BUNDLE)
    monkeypatch.setenv("AVER_BUNDLE", str(tmp_path / "bundle"))
    assert main(["--data", str(tmp_path / "data"), "tenant", "create", "acme"]) == 0
    return tmp_path


@pytest.fixture
def aver(place, capsys):
    """Run a command that prints JSON; its document, after its exit code was checked."""
    capsys.readouterr()

    def run(*words, code=0, text=False):
        given = [*words] if text else [*words, "--json"]
        assert main(["--data", str(place / "data"), *given, "--tenant", "acme"], open_application=opened) == code
        out = capsys.readouterr()
        return out.out + out.err if text else json.loads(out.out)

    return run


def opened(settings):
    return Application(settings, embedder=HashEmbedder())


def written(place, *turns, ago=0.0):
    """Turns that were put on record some time ago."""
    clock = FixedClock(SystemClock().now() - timedelta(seconds=ago))
    application = Application(Settings(data=place / "data"), clock=clock)
    try:
        services = application.tenant("acme")
        with services.store.begin() as tx:
            services.ledger.append_all(tx, [draft for each in turns for draft in each])
    finally:
        application.close()


def test_an_outage_from_the_command_line(place, aver):
    for minute in range(20, 0, -1):
        written(place, *(turn(failed="provider-error") for _ in range(3)), ago=minute * 60)
    (up, quick, fresh) = aver("objectives")["objectives"]
    assert (up["name"], up["value"], up["events"]) == ("up", 0.0, 60)
    assert up["budget_left"] < 0
    assert quick["value"] is None
    assert "no data yet" in quick["reason"]
    assert fresh["value"] is None
    assert [each["burn"] for each in up["burn_rates"]] == [14.4, 6.0, 3.0, 1.0]
    looked = aver("alerts", "look")
    assert [each["rule"] for each in looked["fired"]] == ["burn:up"]
    assert aver("alerts", "look")["fired"] == []
    (alert,) = aver("alerts", "list")["alerts"]
    (incident,) = aver("incident", "list", "--open")["incidents"]
    assert alert["incident"] == incident["id"]
    shown = aver("incident", "show", incident["id"])
    assert shown["affected"]["count"] == 60
    assert {each["kind"] for each in shown["timeline"]} >= {"effect", "alert", "incident"}
    for words in (("objectives",), ("alerts", "list"), ("incident", "list"), ("incident", "show", incident["id"])):
        assert "up" in aver(*words, text=True)


def test_people_and_silences(aver):
    assert aver("incident", "list")["figures"]["reason"]
    found = aver("incident", "open", "Answers are in Latin", "--user", "ann", "--since", "2026-01-01T00:00:00Z")
    assert found["status"] == "open"
    for word, status in (("note", "open"), ("mitigate", "mitigated"), ("resolve", "resolved")):
        assert aver("incident", word, found["id"], "done", "--user", "ann")["status"] == status
    aver("incident", "resolve", found["id"], "again", code=1)
    aver("incident", "show", "incident_x", code=3)
    aver("incident", "open", "x", "--since", "noon", code=2)
    aver("incident", "open", "x", "--severity", "loud", code=2)
    silence = aver("alerts", "silence", "rule=burn:*", "--for", "2h", "--reason", "works", "--user", "ann")
    assert [each["id"] for each in aver("alerts", "silences")["silences"]] == [silence["id"]]
    aver("alerts", "unsilence", silence["id"])
    aver("alerts", "unsilence", silence["id"], code=3)
    aver("alerts", "silence", "rule=x", "--for", "soon", "--reason", "works", code=2)
    aver("alerts", "silence", "colour=red", "--for", "2h", "--reason", "works", code=2)


def test_a_route_that_cannot_be_told(aver):
    assert "AVER_TEST_NO_SUCH_HOOK" in json.dumps(aver("alerts", "test", "own", code=1))
    aver("alerts", "test", "nobody", code=2)


def test_nothing_is_promised(place, aver):
    (place / "bundle" / "aver.yaml").write_text("feature: {model: extractive}\n")
    assert aver("objectives") == {"objectives": []}
    assert "promises nothing" in aver("objectives", text=True)


async def test_the_server_looks_by_itself(place):
    for minute in range(20, 0, -1):
        written(place, *(turn(failed="provider-error") for _ in range(3)), ago=minute * 60)
    settings = replace(Settings(data=place / "data"), bundle=place / "bundle")
    application = Application(settings, embedder=HashEmbedder())
    watcher = Watcher(application, looks=0.02)
    watcher.start()
    try:
        desk = application.tenant("acme").operations.alerts
        async with asyncio.timeout(60):
            while not await asyncio.to_thread(desk.alerts):  # noqa: ASYNC110 - the server says nothing of its own
                await asyncio.sleep(0.02)
    finally:
        await watcher.close()
        await application.aclose()
        application.close()
