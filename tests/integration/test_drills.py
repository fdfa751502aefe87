"""Drills end to end: real servers, real faults, and what is left of them in evidence."""

import asyncio
import json
import shutil
from contextlib import closing
from functools import partial

import aiohttp
import pytest

from aver.core.errors import Forbidden, InvalidInput
from aver.core.settings import Settings
from aver.ops.drills.history import past
from aver.ops.drills.scenarios import scenario
from aver.server.application import Application
from aver.server.drills import faults
from aver.server.drills.in_place import drill_in_place
from aver.server.drills.recording import record
from aver.server.drills.running import drilling
from aver.testing.provider import FakeProvider
from aver.testing.replies import Reply
from tests.postgres import postgres_server
from tests.servers import fill, open_application, serving

BUNDLE = "feature: {model: extractive}\nobjectives: {slos: {up: {indicator: availability, target: 0.99}}, incidents: [page]}\n"
ASKED = "How many days of unused leave carry over?"


@pytest.fixture(scope="module")
def installation(tmp_path_factory):
    """The data of an installation with one tenant."""
    folder = tmp_path_factory.mktemp("drilled")
    (folder / "bundle").mkdir()
    (folder / "bundle" / "aver.yaml").write_text(BUNDLE)
    application = open_application(Settings(data=folder / "data", bundle=folder / "bundle"))
    fill(application, folder, "acme")
    application.close()
    return folder


def settings(folder) -> Settings:
    return Settings(data=folder / "data", bundle=folder / "bundle")


def test_faults_of_a_copy_are_seen_and_contained_and_nothing_is_lost(installation):
    said: list[str] = []
    names = ["disk-full"]
    with drilling(settings(installation), said.append, warm=1.5, lasting=2.5) as ready:
        found = [ready.run(scenario(name)) for name in names]
    for each in found:
        assert (each.lost, each.leaked, each.wrong, each.false_alarms, each.notes) == (0, 0, 0, (), ())
        assert each.mttd_s is not None
        assert each.mttm_s is not None or "RLIMIT" in each.means  # there is no reserve to give up
        assert each.samples > 5
    rules = {each.name: each.alerts for each in found}
    assert {"health:disk", "health:records"} & set(rules["disk-full"])
    assert any("told after" in each for each in said)
    application = open_application(settings(installation))
    assert [each.name for each in application.store.tenants()] == ["acme"]
    for each in found:
        assert record(application, each, "ann") == 1
    assert [each.name for each in past(application.tenant("acme").ledger)] == names[::-1]
    application.close()


def test_a_postgres_that_goes_away_and_comes_back_is_seen_and_nothing_is_lost(tmp_path, monkeypatch):
    monkeypatch.setattr(faults, "_AWAY", 9)
    with postgres_server() as postgres, postgres.database() as url:
        original = Settings(data=tmp_path / "data", database_url=url)
        with closing(open_application(original)) as application:
            application.store.create_tenant("acme")
            with drilling(original, lambda _: None, warm=1, lasting=2) as ready:
                drill = ready.run(scenario("database-loss"))
            assert "let in for 9 seconds" in drill.means
            assert (drill.lost, drill.leaked, drill.wrong, drill.false_alarms, drill.notes) == (0, 0, 0, (), ())
            assert drill.mttd_s is not None
            assert drill.mttm_s is not None
            assert 0 < drill.shares["failed"] < 1
            assert [each.name for each in application.store.tenants()] == ["acme"]
            owner = application.create_key("acme", "ann", (), ["owner"])[1]
            with pytest.raises(InvalidInput, match="not Aver's to stop"):
                drill_in_place(partial(_opened, original), "", owner, scenario("database-loss"), ASKED, lambda _: None)


@pytest.fixture
def copy(installation, tmp_path):
    """The installation for one test."""
    shutil.copytree(installation, tmp_path / "copy")
    return tmp_path / "copy"


@pytest.mark.parametrize("name", ["database-loss", "index-corruption"])
def test_faults_in_place_are_taken_back(copy, name):
    application = open_application(settings(copy))
    owner = application.create_key("acme", "ann", (), ["owner"])[1]
    before = application.tenant("acme").ledger.head().seq
    with serving(application) as served:
        drill = drill_in_place(
            partial(_opened, settings(copy)),
            served.url,
            owner,
            scenario(name),
            ASKED,
            lambda _: None,
            warm=1.5,
            lasting=2.5,
        )
    assert (drill.lost, drill.place, drill.notes) == (0, "in place", ())
    assert drill.mttd_s is not None
    assert drill.mttm_s is not None
    application.close()
    with _opened(settings(copy)) as again:
        services = again.tenant("acme")
        assert services.ledger.verify().ok
        assert services.ledger.head().seq > before
        assert services.knowledge.index.verify().ok
    assert not list((copy / "data").rglob("*drilled*"))
    left = json.loads((copy / "data" / "drill.json").read_text())
    assert {each["kind"] for each in left["undo"]} == {"mitigations"}  # what comes late is looked for


class _opened:  # noqa: N801 - a context
    def __init__(self, settings: Settings) -> None:
        self._application: Application = open_application(settings)

    def __enter__(self) -> Application:
        return self._application

    def __exit__(self, *_: object) -> None:
        self._application.close()


def test_in_place_takes_an_owner_and_a_scenario_that_can_be_taken_back(copy):
    with _opened(settings(copy)) as application:
        keys = {role: application.create_key("acme", role, (), [role])[1] for role in ("admin", "owner")}
    nobody = "http://127.0.0.1:9"
    with pytest.raises(Forbidden, match="owner"):
        drill_in_place(
            partial(_opened, settings(copy)), nobody, keys["admin"], scenario("database-loss"), ASKED, lambda _: None
        )
    with pytest.raises(InvalidInput, match="takes a copy"):
        drill_in_place(
            partial(_opened, settings(copy)), nobody, keys["owner"], scenario("token-spend"), ASKED, lambda _: None
        )
    with pytest.raises(InvalidInput, match="asks no provider"):
        drill_in_place(
            partial(_opened, settings(copy)), nobody, keys["owner"], scenario("provider-outage"), ASKED, lambda _: None
        )
    with pytest.raises(InvalidInput, match="No source is followed"):
        drill_in_place(
            partial(_opened, settings(copy)), nobody, keys["owner"], scenario("stale-source"), ASKED, lambda _: None
        )
    assert not (copy / "data" / "drill.json").exists()
    assert (next((copy / "data" / "tenants").iterdir()) / "tenant.db").exists()


ROUTES = """providers: {first: {kind: openai, base_url: "%s"}}
models: {main: {provider: first, price: {input: 1, output: 4}}}
routes: {chat: {models: [main]}}
feature: {model: chat}
objectives:
  slos: {up: {indicator: availability, target: 0.99}}
  incidents: [page, ticket]
  mitigations: {outage: {when: {rule: "health:provider"}, do: ["limit model=main to='9000 requests/minute'"]}}
"""


def test_a_provider_is_out_in_place_for_as_long_as_the_drill_lasts(copy):
    with FakeProvider(lambda _: Reply("Up to ten days of unused leave carry over to the next year. [1]")) as provider:
        (copy / "bundle" / "aver.yaml").write_text(ROUTES % provider.base_url)
        application = open_application(settings(copy))
        owner = application.create_key("acme", "ann", (), ["owner"])[1]
        with serving(application) as served:
            drill = drill_in_place(
                partial(_opened, settings(copy)),
                served.url,
                owner,
                scenario("provider-outage"),
                ASKED,
                lambda _: None,
                warm=1.5,
                lasting=2.5,
            )
        services = application.tenant("acme")
        assert (drill.lost, drill.leaked, drill.notes) == (0, 0, ())
        assert drill.mttd_s is not None
        assert drill.mttm_s == 0  # the last resort answers
        assert application.staging.current() is None
        assert drill.done == ('limit model=main to="9000 requests/minute"',)
        assert [each.status for each in services.operations.mitigations.mitigations()] == ["undone"]
        assert not application.store.switches()
        assert [each.principal.user for each in application.store.keys("acme")] == ["ann"]
        made = [step for step in services.ledger.of_kind("key_created") if step.body["by"].startswith("ann (drill")]
        assert len(made) == 1
        application.close()


async def test_what_was_drilled_is_told_over_http(copy):
    application = open_application(settings(copy))
    key = application.create_key("acme", "olga", (), ["operator"])[1]
    with serving(application) as served:
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as session:
            async with session.get(f"{served.url}/v1/drills") as response:
                found = json.loads(await response.text())
            async with session.get(f"{served.url}/readyz") as response:
                assert (await response.json())["concerns"] == []
            async with session.get(f"{served.url}/metrics") as response:
                told = await response.text()
    await asyncio.to_thread(application.close)
    assert set(found) == {"drills", "trends"}
    assert 'aver_health{tenant="acme",signal="disk"} 1.0' in told
