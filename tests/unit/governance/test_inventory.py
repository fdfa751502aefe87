"""The inventory: what is declared of things, and what the bundle and the releases say of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from aver.core.errors import SettingsError
from aver.core.settings import Settings
from aver.server.bundle import read_whole
from aver.server.releasing import create_release, registry
from aver.server.stocktaking import stock_of
from tests.releases import cases, write_bundle
from tests.servers import open_application

BUNDLE = """feature: {model: writers, prompt: prompts/answer.md}
unknown_price: highest
providers: {p: {kind: openai, base_url: 'http://127.0.0.1:9/v1'}}
models:
  small: {provider: p}
routes:
  writers: {models: [small]}
evals: {suites: {handbook: {cases: [evals/handbook.jsonl], target: assistant, scorers: [answers]}}}
inventory:
  owner: platform
  features:
    assistant: {owner: people-team, risk: limited, purpose: answers from the handbook}
  models:
    small: {risk: minimal}
"""
FILES = {"prompts__answer_dot_md": "Answer.\n", "evals__handbook_dot_jsonl": cases("a")}


def test_it_says_whose_what_is_and_since_when(tmp_path):
    bundle = write_bundle(tmp_path / "bundle", BUNDLE, **FILES)
    application = open_application(Settings(data=tmp_path / "data", bundle=bundle))
    application.store.create_tenant("acme")
    before = stock_of(application, application.tenant("acme"))
    assert {each.since for each in before.items} == {None}
    release = create_release(application, bundle, by="ann")
    releases = registry(application)
    releases.promote("development", release.digest, "ann", "")
    found = stock_of(application, application.tenant("acme"))
    application.close()
    items = {(each.kind, each.name): each for each in found.items}
    assert items.keys() == {
        ("feature", "assistant"),
        ("model", "small"),
        ("prompt", "prompts/answer.md"),
        ("dataset", "evals/handbook.jsonl"),
    }
    assistant, small = items["feature", "assistant"], items["model", "small"]
    assert (assistant.owner, assistant.risk, assistant.release) == ("people-team", "limited", release.digest)
    assert (small.owner, small.risk, small.used_by) == ("platform", "minimal", ("assistant",))
    assert items["dataset", "evals/handbook.jsonl"].used_by == ("assistant",)
    assert {each.in_force for each in found.items} == {("development",)}
    assert (found.unowned, found.unclassified) == (0, 0)
    assert [each.digest for each in found.releases] == [release.digest]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("assistant: {owner: people-team", "asistant: {owner: people-team"),
        ("    small: {risk", "    smal: {risk"),
        ("risk: limited", "risk: enormous"),
        ("owner: platform", "owners: platform"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path, wrong, said):
    bundle = write_bundle(tmp_path / "bundle", BUNDLE.replace(wrong, said), **FILES)
    with pytest.raises(SettingsError, match=r"aver\.yaml:\d+"):
        read_whole(bundle)


def test_the_control_map_is_current():
    program = Path(__file__).parents[3] / "docs" / "generate.py"
    assert subprocess.run([sys.executable, program, "--check"], check=False).returncode == 0
