"""Drills end to end: real servers, real faults, and what is left of them in evidence."""

import asyncio
import json
import os
import shutil

import aiohttp
import pytest

from aver.core.errors import Forbidden, InvalidInput
from aver.core.settings import Settings
from aver.ops.drills.history import past
from aver.ops.drills.scenarios import scenario
from aver.server.application import Application
from aver.server.drills.in_place import drill_in_place
from aver.server.drills.recording import record
from aver.server.drills.running import drilling
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
    names = ["database-loss", "disk-full"]
    with drilling(settings(installation), said.append, warm=1.5, lasting=2.5) as ready:
        found = [ready.run(scenario(name)) for name in names]
    for each in found:
        assert (each.lost, each.leaked, each.wrong, each.false_alarms, each.notes) == (0, 0, 0, (), ())
        assert each.mttd_s is not None
        assert each.mttm_s is not None or "RLIMIT" in each.means  # there is no reserve to give up
        assert each.samples > 5
    rules = {each.name: each.alerts for each in found}
    assert {"health:store", "health:records"} & set(rules["database-loss"])
    assert {"health:disk", "health:records"} & set(rules["disk-full"])
    assert any("told after" in each for each in said)
    application = open_application(settings(installation))
    assert [each.name for each in application.store.tenants()] == ["acme"]
    for each in found:
        assert record(application, each, "ann") == 1
    assert [each.name for each in past(application.tenant("acme").ledger)] == names[::-1]
    application.close()


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

        def opened():
            return _opened(copy)

        drill = drill_in_place(opened, served.url, owner, scenario(name), ASKED, lambda _: None, warm=1.5, lasting=2.5)
    assert (drill.lost, drill.place, drill.notes) == (0, "in place", ())
    assert drill.mttd_s is not None
    assert drill.mttm_s is not None
    application.close()
    with _opened(copy) as again:
        services = again.tenant("acme")
        assert services.ledger.verify().ok
        assert services.ledger.head().seq > before
        assert services.knowledge.index.verify().ok
    assert not list((copy / "data").rglob("*drilled*"))
    assert not (copy / "data" / "drill.json").exists()


class _opened:  # noqa: N801 - a context
    def __init__(self, folder) -> None:
        self._application: Application = open_application(settings(folder))

    def __enter__(self) -> Application:
        return self._application

    def __exit__(self, *_: object) -> None:
        self._application.close()


def test_in_place_takes_an_owner_and_a_scenario_that_can_be_taken_back(copy):
    with _opened(copy) as application:
        keys = {role: application.create_key("acme", role, (), [role])[1] for role in ("admin", "owner")}
    nobody = "http://127.0.0.1:9"
    with pytest.raises(Forbidden, match="owner"):
        drill_in_place(lambda: _opened(copy), nobody, keys["admin"], scenario("database-loss"), ASKED, lambda _: None)
    with pytest.raises(InvalidInput, match="takes a copy"):
        drill_in_place(lambda: _opened(copy), nobody, keys["owner"], scenario("slow-provider"), ASKED, lambda _: None)
    assert os.path.exists(next((copy / "data" / "tenants").iterdir()) / "tenant.db")  # noqa: PTH110


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
