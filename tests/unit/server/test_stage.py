"""A copy of an installation, and what it is served with."""

from aver.core.settings import Settings
from aver.server.drills.stage import Stage, copied
from aver.store import Store


def test_a_copy_reaches_nothing_that_the_installation_does(tmp_path, monkeypatch):
    data = tmp_path / "data"
    store = Store(data)
    tenant = store.create_tenant("acme").id
    kept = data / "tenants" / tenant / "sources" / "wiki" / "settings.yaml"
    kept.parent.mkdir(parents=True)
    for path in (data / "settings.yaml", data / "drill.json", data / "reserve", kept):
        path.write_text("telemetry: {endpoint: http://elsewhere.example}")
    copied(data, tmp_path / "copy")
    store.close()
    there = {path.name for path in (tmp_path / "copy").iterdir()}
    assert {"control.db", "tenants"} <= there
    assert there.isdisjoint({"settings.yaml", "drill.json", "drill.lock", "reserve"})
    assert (tmp_path / "copy" / kept.relative_to(data)).exists()

    for name in ("DATABASE_URL", "REDIS_URL", "TELEMETRY_ENDPOINT", "ANCHORS_FILE", "API_KEY", "CONFIG"):
        monkeypatch.setenv(f"AVER_{name}", "elsewhere")
    like = Settings(data=data, region="eu", index_engine="pgvector")
    stage = Stage(tmp_path, tmp_path / "copy", tmp_path, tmp_path, tenant, "", {"AVER_DRILL_HOOK": "here"}, like)
    variables = stage.variables
    assert {name for name in variables if name.startswith("AVER_")} == {
        "AVER_DATA",
        "AVER_BUNDLE",
        "AVER_INDEX_ENGINE",
        "AVER_REGION",
        "AVER_DRILL_HOOK",
    }
    assert variables["AVER_REGION"] == "eu"
    assert variables["PATH"]
    assert stage.settings().database_url is None
