"""Calls over real HTTP, and what the command line then says of them."""

import json

import httpx
import openai
import pytest

from aver.core.settings import Settings
from aver.server.cli import main
from aver.testing.provider import FakeProvider
from aver.testing.replies import Reply, Tokens
from tests.servers import open_application, serving

REPLY = Reply("Twenty days.", tokens=Tokens(input=1000, output=100))
BUNDLE = """
providers:
  house: {{kind: openai, base_url: "{url}"}}
  down: {{kind: openai, base_url: "http://127.0.0.1:1/v1", timeouts: {{connect: 1s}}}}
models:
  small: {{provider: house, price: {{input: 1, output: 2}}}}
  large: {{provider: house, price: {{input: 10, output: 20}}}}
  broken: {{provider: down, price: {{input: 1, output: 1}}}}
routes:
  chat: {{models: [small, large], cache: {{exact: 10m}}}}
  shaky: {{models: [broken, large], retries: {{attempts: 1}}}}
  split: {{models: [{{model: small, weight: 3}}, large], strategy: weighted}}
budgets:
  - {{per: tenant, limit: 5 usd, period: month}}
  - {{per: feature, limit: 1 usd, period: month}}
"""


@pytest.fixture
def provider():
    with FakeProvider([REPLY]) as server:
        yield server


@pytest.fixture
def bundle(tmp_path, provider):
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "aver.yaml").write_text(BUNDLE.format(url=provider.base_url))
    return folder


@pytest.fixture
def served(tmp_path, bundle):
    application = open_application(Settings(data=tmp_path / "data", bundle=bundle))
    application.store.create_tenant("acme")
    with serving(application) as server:
        yield server
    application.close()


@pytest.fixture
def key(served):
    return served.application.create_key("acme", "ann")[1]


@pytest.fixture
def client(served, key):
    with openai.OpenAI(base_url=f"{served.url}/v1", api_key=key, max_retries=0) as made:
        yield made


@pytest.fixture
def aver(tmp_path, bundle, capsys, monkeypatch):
    """Run a command of the gateway beside the running server; its document."""
    monkeypatch.setenv("AVER_BUNDLE", str(bundle))

    def run(*words, code=0):
        assert main(["--data", str(tmp_path / "data"), "gateway", *words, "--json"]) == code
        return json.loads(capsys.readouterr().out)

    return run


def ask(client, model, question="How many days of leave?", **more):
    reply = client.chat.completions.create(model=model, messages=[{"role": "user", "content": question}], **more)
    return reply.choices[0].message.content


def test_every_call_is_charged_to_its_feature_and_its_user(client, aver):
    assert ask(client, "small") == "Twenty days."
    assert ask(client, "large", extra_headers={"X-Aver-Feature": "summaries"}) == "Twenty days."
    found = aver("spend", "-t", "acme", "--by", "feature", "--by", "model", "--by", "user")
    small, large = 1000 * 1_000 + 100 * 2_000, 1000 * 10_000 + 100 * 20_000
    assert {(row["feature"], row["model"]): row["nano_usd"] for row in found["totals"]} == {
        ("", "small"): small,
        ("summaries", "large"): large,
    }
    assert {row["user"] for row in found["totals"]} == {"ann"}
    assert found["debits"] == found["credits"] == small + large


def test_a_call_that_another_model_rescued_is_charged_to_who_answered(client, aver):
    assert ask(client, "shaky") == "Twenty days."
    found = aver("spend", "-t", "acme", "--by", "provider")["totals"]
    assert {row["provider"]: row["nano_usd"] for row in found if row["nano_usd"]} == {"house": 12_000_000}


def test_budgets_hold_what_was_used(client, served, aver):
    ask(client, "small", extra_headers={"X-Aver-Feature": "summaries"})
    used = {row["budget"]: row["used"] + row["reserved"] for row in aver("budgets", "-t", "acme")["budgets"]}
    assert set(used) == {"tenant-usd-month", "feature-usd-month"}
    assert all(1_200_000 <= amount <= 10**9 for amount in used.values())
    assert served.application.declared().budgets


def test_an_answer_given_again_is_a_hit_and_costs_nothing(client, aver, provider):
    for _ in range(3):
        assert ask(client, "chat") == "Twenty days."
    assert len(provider.requests) == 1
    ask(client, "chat", "And of sick leave?")  # counts are written with the next answer that is kept
    (found,) = aver("cache", "-t", "acme")["caches"]
    assert (found["route"], found["exact"], found["misses"]) == ("chat", 2, 2)
    assert aver("spend", "-t", "acme")["debits"] == 2 * 1_200_000


def test_decisions_come_out_again_and_another_bundle_is_compared(client, aver, tmp_path, bundle):
    for number in range(40):
        ask(client, "split", f"Question {number}?")
    found = aver("replay", "-t", "acme")
    assert (found["calls"], found["reproduced"], found["mismatches"]) == (40, 40, [])
    other = tmp_path / "other"
    other.mkdir()
    (other / "aver.yaml").write_text((bundle / "aver.yaml").read_text().replace("weight: 3", "weight: 1000000"))
    there = aver("replay", "-t", "acme", "--bundle", str(other))["other"]
    large = sum(row["calls"] for row in aver("spend", "-t", "acme")["totals"] if row["model"] == "large")
    assert there["moved"] == large
    assert there["cost_after"] == 40 * 1_200_000
    assert there["success_before"] == 1.0


def test_a_label_and_a_tenant_that_do_not_fit_are_refused(served, key):
    def post(**headers):
        body = {"model": "small", "messages": [{"role": "user", "content": "?"}]}
        authorization = {"Authorization": f"Bearer {key}"}
        return httpx.post(f"{served.url}/v1/chat/completions", json=body, headers={**authorization, **headers})

    answered = post(**{"X-Aver-Tenant": "acme", "X-Aver-Feature": "a.b-c_1"})
    assert answered.status_code == 200
    assert answered.headers["x-request-id"].startswith("call_")
    assert post(**{"X-Aver-Tenant": "other"}).status_code == 404
    assert post(**{"X-Aver-Feature": "No Label"}).status_code == 422
