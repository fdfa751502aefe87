"""Decisions on record, made again."""

import json

import pytest

from aver.core.settings import Settings
from aver.gateway.config.read import read_bundle
from aver.server.application import Application
from aver.server.cli import main
from tests.unit.server.cli.gateway_calls import call_of, decide, record

BUNDLE = """
providers: {main: {kind: openai, base_url: "http://127.0.0.1:1/v1"}}
models:
  small: {provider: main, price: {input: 1, output: 1}}
  large: {provider: main, price: {input: 10, output: 10}}
routes:
  chat: {models: [{model: small, weight: 3}, large], strategy: weighted}
"""
DRAWS = [(number + 0.5) / 200 for number in range(200)]


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "aver.yaml").write_text(BUNDLE)
    return tmp_path / "data"


@pytest.fixture
def application(data):
    opened = Application(Settings(data=data))
    opened.store.create_tenant("acme")
    yield opened
    opened.close()


@pytest.fixture
def replay(data, capsys):
    def run(*words, code=0):
        assert main(["--data", str(data), "gateway", "replay", "-t", "acme", *words]) == code
        out = capsys.readouterr().out
        return json.loads(out) if "--json" in words else out

    return run


@pytest.fixture
def recorded(application, tmp_path):
    """200 calls; the small model fails each time, and costs a tenth."""
    config = read_bundle(tmp_path)
    for draw in DRAWS:
        decide(application, "acme", config, draw, fails="small")
    return config


def other(folder, text):
    (folder / "other").mkdir()
    (folder / "other" / "aver.yaml").write_text(text)
    return "other"


def test_every_decision_comes_out_again(replay, recorded):
    found = replay("--json")
    assert (found["calls"], found["reproduced"], found["mismatches"]) == (200, 200, [])
    assert found["configuration"] == recorded.digest
    assert "other" not in found
    assert "200 of 200 decisions come out again as they were recorded." in replay()


def test_a_decision_that_was_changed_afterwards_is_named(replay, recorded, application):
    services = application.tenant("acme")
    changed = decide(application, "acme", recorded, 0.1)
    changed.id, changed.candidates = "call_changed", changed.candidates[::-1]
    services.record_call(call_of(services), changed)
    found = replay("--json")
    assert (found["calls"], found["reproduced"]) == (202, 201)
    assert found["mismatches"] == [{"call": "call_changed", "why": "place 1 was large and is small"}]
    assert "call_changed: place 1 was large and is small" in replay()


def test_another_bundle_is_compared_in_cost_and_success(replay, recorded, tmp_path):
    where = other(tmp_path, BUNDLE.replace("weight: 3", "weight: 1"))
    found = replay("--bundle", where, "--json")
    assert found["reproduced"] == 200
    there = found["other"]
    assert there["moved"] == 50  # of draws from 0 to 1: those between a half and three quarters
    assert there["cost_before"] == 100 * (150 * 10**9 + 50 * 10**10) // 10**6
    assert there["cost_after"] == 100 * (100 * 10**9 + 100 * 10**10) // 10**6
    assert there["success_before"] == 0.25
    assert there["success_after"]["inconclusive"] == ""
    assert there["success_after"]["low"] < 0.5 < there["success_after"]["high"]
    printed = replay("--bundle", where)
    assert "50 calls would have asked another model first." in printed
    assert "25.0%" in printed


def test_what_was_never_tried_is_inconclusive(replay, recorded, tmp_path):
    text = BUNDLE.replace("[{model: small, weight: 3}, large]", "[new]").replace(
        "routes:", "  new: {provider: main, price: {input: 2, output: 2}}\nroutes:"
    )
    where = other(tmp_path, text)
    assert replay("--bundle", where, "--json")["other"]["success_after"]["inconclusive"]
    assert "inconclusive: 100.0% of what the other policy would do was never tried" in replay("--bundle", where)


def test_calls_of_an_earlier_bundle_need_it(replay, recorded, tmp_path):
    where = other(tmp_path, BUNDLE)
    (tmp_path / "aver.yaml").write_text(BUNDLE.replace("weight: 3", "weight: 2"))
    found = replay("--json")
    assert found["reproduced"] == 0
    assert len(found["mismatches"]) == 20
    assert "was not given" in found["mismatches"][0]["why"]
    assert replay("--then", where, "--json")["reproduced"] == 200


def test_calls_of_somebody_erased_are_not_replayed(replay, recorded, application):
    application.erase("acme", "ann")
    assert replay("--json")["calls"] == 0
    assert "No call is on record." in replay()


def test_calls_that_asked_no_model_are_counted_apart(replay, application):
    record(application, "acme")
    assert "1 asked no model" in replay()
    assert replay("--json")["cached"] == 1


def test_without_a_bundle_there_is_nothing_to_decide_by(replay, recorded, tmp_path):
    (tmp_path / "aver.yaml").unlink()
    assert "aver.yaml cannot be read" in replay("--json", code=2)["detail"]
