"""``aver knowledge``: a labelled set drafted."""

from __future__ import annotations

import json

import pytest

from aver.server.cli import main
from tests.servers import open_application, write_handbook


@pytest.fixture
def run(tmp_path, capsys):
    """The command line on a small handbook; its exit code and what it printed."""

    def command(*words: str) -> tuple[int, str, str]:
        code = main(["--data", str(tmp_path / "data"), *words], open_application=open_application)
        return code, *capsys.readouterr()

    handbook, acl = write_handbook(tmp_path)
    command("tenant", "create", "northwind")
    command("ingest", str(handbook), "--tenant", "northwind", "--acl", str(acl))
    return command


def test_drafts_are_written_once_and_can_be_asked(run, tmp_path):
    file = str(tmp_path / "drafts.jsonl")
    words = ("knowledge", "draft-set", "--tenant", "northwind", "--group", "board", "--count", "6", "--out", file)
    code, out, _ = run(*words, "--json")
    drafted = json.loads(out)
    assert code == 0
    assert drafted["read"] == 2
    assert drafted["questions"] == sum(drafted["kinds"].values()) > 0
    code, out, err = run(*words)
    assert code == 1
    assert "exists" in err
    found = json.loads(run("eval", "run", file, "-t", "northwind", "--target", "search", "--json")[1])
    assert found["cases"] == found["drafts"] == drafted["questions"]
