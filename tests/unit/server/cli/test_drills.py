"""``aver drill``: what can be done where, and what is refused before anything is."""

import json

import pytest

from aver.server.cli import main
from tests.servers import open_application


@pytest.fixture
def run(tmp_path, capsys):
    """The command line on an installation without providers and sources; its exit code and what it printed."""

    def command(*words: str) -> tuple[int, str, str]:
        code = main(["--data", str(tmp_path / "data"), *words], open_application=open_application)
        return code, *capsys.readouterr()

    command("tenant", "create", "acme")
    return command


@pytest.fixture
def owner(run, monkeypatch):
    _, said, _ = run("keys", "create", "--tenant", "acme", "--user", "ann", "--role", "owner", "--json")
    monkeypatch.setenv("AVER_API_KEY", json.loads(said)["key"])


def test_what_can_be_drilled_says_where(run):
    code, said, _ = run("drill", "list", "--json")
    rows = {each["name"]: each for each in json.loads(said)["drills"]}
    assert code == 0
    assert len(rows) == 11
    assert {name for name, each in rows.items() if not each["in_place"]} == {"token-spend", "wrong-tool", "clock-skew"}
    assert all(bool(each["takes_copy"]) != each["in_place"] for each in rows.values())
    assert "no: what nobody spent" in run("drill", "list")[1]


def test_what_takes_a_copy_is_refused_before_anything_is_done(run, owner):
    code, _, said = run("drill", "run", "database-loss", "clock-skew", "--in-place", "--yes")
    assert code == 2
    assert "clock-skew takes a copy: a clock is the whole machine's" in said
    assert "IN PLACE" not in said


def test_in_place_has_to_be_meant(run, owner):
    code, _, said = run("drill", "run", "database-loss", "--in-place")
    assert code == 2
    assert "its users see it" in said
