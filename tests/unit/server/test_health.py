"""What a server does at once about what it finds around it."""

import shutil
from collections import namedtuple

import pytest

from aver.core.errors import StorageFull
from aver.core.settings import Settings
from aver.server.application import Application
from aver.testing import FixedClock, HashEmbedder

MB = 2**20
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def application(tmp_path):
    opened = Application(Settings(data=tmp_path / "data", reserve_mb=1), embedder=HashEmbedder(), clock=FixedClock())
    opened.store.create_tenant("acme")
    yield opened
    opened.close()


def test_a_reserve_is_given_up_when_the_disk_is_short_and_made_again(application, monkeypatch):
    health, reserve = application.health, application.settings.data / "reserve"
    free = [900]
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1000 * MB, 0, free[0] * MB))
    health.keep_reserve()
    assert reserve.stat().st_size == MB
    free[0] = 3
    health.look()
    assert not reserve.exists()
    assert health.conditions.signals() == ("disk",)
    tenant = application.store.tenants()[0].id
    with pytest.raises(StorageFull, match="taken in"):
        health.require_room(tenant)
    health.look()
    assert not reserve.exists()  # it is not made of what it was given up for
    free[0] = 900
    for _ in range(2):
        health.look()
    assert reserve.exists()
    assert health.conditions.signals() == ()
    health.require_room(tenant)


def test_a_database_that_is_gone_is_put_back_and_told(application):
    tenant = application.tenant("acme").store
    application.health.look()
    (tenant.directory / "tenant.db").unlink()
    application.health.look()
    assert tenant.problem() == ""
    assert application.health.conditions.signals() == ()
    assert [each.rule for each in application.health.conditions.of(tenant.tenant.id)] == ["health:store"]


def test_a_record_from_the_future_is_told(application):
    from aver.evidence import Draft

    services = application.tenant("acme")
    with services.store.begin() as tx:
        services.ledger.append_all(tx, [Draft("turn_1", "sealed", None, {})])
    application.clock.advance(-3600)
    application.health.look()
    assert application.health.conditions.signals() == ("clock",)
