"""``aver index``: what it prints, and how it ends."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import update

from aver.core.settings import Settings
from aver.knowledge.store import lexicon
from aver.server.application import Application
from aver.server.cli import main
from aver.testing import HashEmbedder

OLD, NEW = HashEmbedder(64), HashEmbedder(32)


@pytest.fixture
def run(tmp_path, capsys):
    """The command line on a tenant with two documents; its exit code and what it printed."""

    def opened(settings: Settings) -> Application:
        return Application(settings, embedder=OLD, other_embedders=(NEW,))

    def command(*words: str) -> tuple[int, str]:
        code = main(["--data", str(tmp_path / "data"), *words], open_application=opened)
        return code, capsys.readouterr().out

    (tmp_path / "pages").mkdir()
    for name in ("leave", "offices"):
        (tmp_path / "pages" / f"{name}.md").write_text(f"# {name.title()}\n\nAll there is to know about {name}.\n")
    command("tenant", "create", "acme")
    command("ingest", str(tmp_path / "pages"), "--tenant", "acme")
    return command


@pytest.fixture
def index(run):
    def of_acme(*words: str) -> tuple[int, dict]:
        code, out = run("index", *words, "--tenant", "acme", "--json")
        return code, json.loads(out)

    return of_acme


def test_status_says_what_there_is(run, index):
    code, status = index("status")
    assert (code, status["engine"], status["documents"], status["passages"]) == (0, "lancedb", 2, 2)
    assert status["bytes"] > 0
    assert "2 passages of 2 documents" in run("index", "status", "--tenant", "acme")[1]


def test_verify_ends_with_4_when_something_is_wrong_and_repair_mends_it(run, index, tmp_path):
    assert index("verify") == (0, {"ok": True, "documents": 2, "passages": 2})
    application = Application(Settings(data=tmp_path / "data"), embedder=OLD)
    with application.tenant("acme").store.begin() as tx:
        tx.execute(update(lexicon).values(passages=7))
    application.close()
    code, found = index("verify")
    assert (code, found["ok"], found["status"], found["statistics"]) == (4, False, 409, False)
    assert "word statistics" in found["problems"][0]
    assert run("index", "verify", "--tenant", "acme")[0] == 4
    assert index("repair") == (0, {"documents": 0, "statistics": True, "rebuilt": False})
    assert index("verify")[0] == 0


def test_snapshots_and_back(index, run, tmp_path):
    assert index("snapshot", "before")[1]["documents"] == 2
    assert index("snapshot", "before")[0] == 1
    (tmp_path / "pages" / "leave.md").write_text("# Leave\n\nNothing at all.\n")
    run("ingest", str(tmp_path / "pages"), "--tenant", "acme")
    code, done = index("rollback", "before")
    assert (code, done["restored"], done["removed"], done["rebuilt"]) == (0, 1, 0, False)
    assert [each["name"] for each in index("snapshots")[1]["snapshots"]] == ["before"]
    assert "before" in run("index", "snapshots", "--tenant", "acme")[1]
    assert index("rollback", "after")[0] == 3


def test_rebuild_and_migrate_make_another_generation(index, run):
    assert index("rebuild")[1]["documents"] == 2
    assert index("migrate", "--to", "hash:32")[1]["recipe"].startswith("hash:32 ")
    assert index("status")[1]["generation"] == 3
    assert index("migrate", "--to", "other")[0] == 3
    assert "made with hash:64" in run("index", "migrate", "--tenant", "acme")[1]
    assert index("verify")[0] == 0


def test_another_tenant_has_none(run):
    assert run("index", "status", "--tenant", "other", "--json")[0] == 3
