"""What stands beside evidence for the scorecard: releases as they met users, what features are made of, people, documents."""

from dataclasses import replace

import pytest

from aver.core.clock import rfc3339
from aver.core.settings import Settings
from aver.knowledge.access import AccessList
from aver.ops.scorecard.types import Wanted
from aver.releases import GateRecord
from aver.releases.rollout.state import to_json
from aver.server.application import Application
from aver.server.releasing import create_release
from aver.testing import HashEmbedder
from tests.knowledge import MemorySource
from tests.unit.server.releases import ENVIRONMENT, home

MODELS = "providers: {p: {kind: openai, base_url: 'http://127.0.0.1:9/v1'}}\nmodels: {m: {provider: p}}\n"
BUNDLE = f"""{MODELS}feature: {{model: m, prompt: prompts/plain.md}}
agents:
  desk: {{model: m, prompt: prompts/plain.md, tools: [read]}}
  clerk: {{model: m, instructions: Be brief., tools: [read, send]}}
  theirs: {{model: m, instructions: Be brief., tenants: [other]}}
evals:
  suites:
    one: {{cases: [evals/one.jsonl], target: assistant}}
    two: {{cases: [evals/one.jsonl], target: "agent:desk"}}
    three: {{cases: [evals/three.jsonl], target: "model:m"}}
"""


@pytest.fixture
def place(tmp_path):
    with home(tmp_path) as found:
        yield found


def frozen(place, name, text, **files):
    folder = place.directory / name
    for path, content in {"aver.yaml": text, **files}.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return create_release(place.application, folder, by="ann").digest


def passed(place, digest):
    place.registry.record_gate(GateRecord(digest, "pass", place.application.clock.now()))


def card(place, **wanted):
    return place.application.tenant("acme").scorecards.read(Wanted(**wanted))


def figure(place, name, **wanted):
    return next(each for each in card(place, **wanted).figures if each.kpi.name == name)


def test_what_features_share_is_read_off_the_bundle_in_force(tmp_path):
    for path, content in {"aver.yaml": BUNDLE, "prompts/plain.md": "Answer.", "evals/one.jsonl": ""}.items():
        file = tmp_path / "bundle" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    settings = Settings(data=tmp_path / "data", bundle=tmp_path / "bundle")
    application = Application(settings, embedder=HashEmbedder())
    application.store.create_tenant("acme")
    services = application.tenant("acme")
    services.knowledge.ingest(MemorySource({"a.md": "# A\n\nSomething to read."}, "wiki"), AccessList.everyone())
    kept = services.scorecards._kept()
    assert kept.features == {"assistant", "desk", "clerk"}
    assert {(each.kind, each.name): set(each.features) for each in kept.components} == {
        ("prompt", "prompts/plain.md"): {"assistant", "desk"},
        ("source", "wiki"): {"assistant"},
        ("tool", "read"): {"desk", "clerk"},
        ("tool", "send"): {"clerk"},
        ("dataset", "evals/one.jsonl"): {"assistant", "desk"},
    }
    values = {each.kpi.name: each.value for each in services.scorecards.read().figures}
    assert values["component reuse rate"] == 3 / 5
    assert values["knowledge assets"] == 1
    application.close()


def test_people_who_may_sign_in_are_counted(place):
    with place.application.directory.change(place.tenant.id, "test") as change:
        for name in ("ann", "bob"):
            change.add(name)
        change.save(replace(change.add("left"), active=False))
        change.add("robot", kind="service")
    assert place.application.tenant("acme").scorecards._kept().people == 2


def test_a_release_that_a_gate_passed_and_that_was_gone_back_from_escaped(place):
    first, second = (
        frozen(place, name, f"feature: {{model: extractive}}\nretrieval: {{passages: {name[1:]}}}\n")
        for name in ("n3", "n4")
    )
    assert figure(place, "regression escape rate").value is None
    for digest in (first, second):
        passed(place, digest)
        place.promote(digest)
    assert figure(place, "regression escape rate").value == 0
    place.registry.rollback(ENVIRONMENT, "ann", "answers got worse")
    found = figure(place, "regression escape rate")
    assert (found.value, found.found.n) == (0.5, 2)
    shipped = figure(place, "time to ship a new use case")
    assert shipped.found.note == "1 new feature"
    assert figure(place, "regression escape rate", feature="desk").value is None
    assert [digest for _, digest in card(place).marks] == [first, second]


def test_a_rollout_that_went_back_is_an_escape_and_one_under_way_is_not(place):
    first, second = (
        frozen(place, name, f"feature: {{model: extractive}}\nretrieval: {{passages: {name[1:]}}}\n")
        for name in ("n3", "n4")
    )
    place.promote(first)
    passed(place, second)
    rollout = place.roll_out(first, second)
    assert figure(place, "regression escape rate").value == 0
    place.save(to_json(replace(rollout, status="rolled_back", changed=place.application.clock.now())))
    assert figure(place, "regression escape rate").value == 1
    place.save(None)
    assert figure(place, "regression escape rate").value == 1


def test_the_registry_tells_when_without_reading_manifests(place):
    digest = frozen(place, "n3", "feature: {model: extractive}\n")
    release = place.registry.get(digest)
    assert {name: rfc3339(at) for name, at in place.registry.created().items()} == {digest: rfc3339(release.created)}
    place.registry.record_gate(GateRecord(digest, "fail", place.application.clock.now()))
    assert place.registry.passed() == {}
