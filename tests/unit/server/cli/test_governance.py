"""``aver controls``, ``aver pack``, ``aver evidence anchor`` and the others, with their exit codes."""

from __future__ import annotations

import json

import pytest

from aver.core.errors import InvalidInput
from aver.core.settings import AnchorSettings, Settings
from aver.server.governing import period_of
from tests.governance import CHECKED
from tests.operations import turn
from tests.servers import open_application


@pytest.fixture
def desk(tmp_path, monkeypatch, capsys):
    """Runs a command in a folder with a tenant that has turns; its exit code, its output as JSON where that was asked for, and its errors."""
    from aver.server.cli.main import main

    monkeypatch.chdir(tmp_path)
    states = tmp_path / "states.jsonl"

    def settings(given):
        return open_application(Settings(data=tmp_path / "data", anchors=AnchorSettings(file=states)))

    application = settings(None)
    application.store.create_tenant("acme")
    services = application.tenant("acme")
    with services.store.begin() as tx:
        for _ in range(3):
            services.ledger.append_all(tx, turn(checked=CHECKED, more={"guardrails": "g"}))
    application.close()

    def run(*words):
        code = main(words, open_application=settings)
        out, error = capsys.readouterr()
        return code, json.loads(out) if "--json" in words else out, error

    return run


def test_controls(desk):
    code, out, _ = desk("controls", "list", "--controls", "soc2", "--json")
    assert (code, [each["framework"] for each in out["frameworks"]]) == (0, ["soc2"])
    assert desk("controls", "show", "owasp-llm", "llm01")[0] == 0
    assert desk("controls", "show", "owasp-llm", "LLM99")[0] == 3
    assert desk("controls", "list", "--controls", "none")[0] == 3
    code, out, _ = desk("controls", "check", "--tenant", "acme", "--since", "1h", "--json")
    met = {(each["framework"], each["control"]) for each in out["results"] if each["outcome"] == "met"}
    assert ("owasp-llm", "LLM07") in met
    assert "met" in desk("controls", "check", "--tenant", "acme")[1]
    assert desk("controls", "check", "--tenant", "acme", "--since", "soon")[0] == 2


def test_anchors_and_packs(desk, tmp_path):
    assert desk("evidence", "anchor", "--tenant", "acme", "--in", "witness")[0] == 2
    code, out, _ = desk("evidence", "anchor", "--tenant", "acme", "--json")
    assert (code, out["anchors"][0]["problem"]) == (0, "")
    code, out, _ = desk("evidence", "anchors", "--tenant", "acme", "--check", "--json")
    assert (code, out["findings"][0]["bad"]) == (0, [])
    code, proof, _ = desk("evidence", "prove", "4", "--tenant", "acme", "--json")
    assert (code, proof["from"]) == (0, 4)
    assert desk("evidence", "prove", "4000", "--tenant", "acme")[0] == 2
    code, made, _ = desk("pack", "make", "--tenant", "acme", "--since", "1h", "--out", "p.zip", "--json")
    assert code == 0
    assert desk("pack", "make", "--tenant", "acme", "--out", "p.zip")[0] == 2
    assert desk("pack", "verify", "p.zip", "--key", made["fingerprint"])[0] == 0
    assert desk("pack", "verify", "p.zip", "--key", "0" * 64)[0] == 4
    assert desk("pack", "verify", "none.zip")[0] == 3
    assert desk("pack", "verifier")[0] == 0
    assert desk("pack", "verifier")[0] == 2
    assert (tmp_path / "aver-verify.py").read_text().startswith("#!")
    (tmp_path / "states.jsonl").write_text("")
    code, _, error = desk("evidence", "anchors", "--tenant", "acme", "--check")
    assert code == 4
    assert "not at its place any more" in error


def test_the_inventory(desk):
    code, out, _ = desk("inventory", "--tenant", "acme", "--json")
    assert (code, out["releases"]) == (0, [])
    assert "extractive" in desk("inventory", "--tenant", "acme")[1]


def test_periods():
    from datetime import UTC, datetime

    now = datetime(2026, 6, 1, tzinfo=UTC)
    assert (now - period_of("", "", now)[0]).days == 90
    assert (now - period_of("7d", "", now)[0]).days == 7
    for since, until in (
        ("", "0001-01-02"),
        ("", "0001-01-01T00:00:00+23:59"),
        ("9999999999d", ""),
        ("x", ""),
        ("", "7d"),
    ):
        with pytest.raises(InvalidInput):
            period_of(since, until, now)
    assert period_of("2026-05-01", "2026-05-02T00:00:00Z", now)[1].day == 2
