"""Names are those that are published, at the version that is pinned, and renamed at the edge alone."""

import re

import pytest
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes
from opentelemetry.semconv._incubating.metrics import gen_ai_metrics

from aver.core.settings import TelemetrySettings
from aver.evidence.telemetry.instruments import INSTRUMENTS, LABELS
from aver.evidence.telemetry.names import CONVENTIONS, FACTS, PROVIDERS, RENAMES, SCHEMA_URL, translator

PUBLISHED = {value for name, value in vars(gen_ai_attributes).items() if name.startswith("GEN_AI_")}
ATTRIBUTE = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
ADDED = {"gen_ai.response.finish_reasons", "gen_ai.response.time_to_first_chunk", "gen_ai.agent.name"}
CALL = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "azure.ai.openai",
    "gen_ai.request.model": "fast",
    "gen_ai.usage.input_tokens": 3,
    "aver.cost.usd": 0.5,
    "aver.step.kind": "called",
}


def test_every_name_of_the_conventions_is_published():
    ours = {name for name in {*FACTS.values(), *LABELS, *ADDED} if name.startswith("gen_ai.")}
    assert ours <= PUBLISHED
    metrics = {value for name, value in vars(gen_ai_metrics).items() if name.startswith("GEN_AI_")}
    assert {name for name in INSTRUMENTS if name.startswith("gen_ai.")} <= metrics
    assert set(PROVIDERS.values()) <= {each.value for each in gen_ai_attributes.GenAiProviderNameValues}


def test_names_are_well_formed_and_each_means_one_thing():
    assert all(ATTRIBUTE.fullmatch(name) for name in FACTS.values())
    assert len(set(FACTS.values())) == len(FACTS)
    assert {name for name in FACTS.values() if not name.startswith(("aver.", "gen_ai."))} == {"error.type"}
    namespaces = {name.rpartition(".")[0] for name in FACTS.values()}
    assert not namespaces & set(FACTS.values()), "a name is a namespace of others"


def test_the_version_is_one():
    assert SCHEMA_URL.endswith("/" + CONVENTIONS[0])
    assert TelemetrySettings().conventions == CONVENTIONS[0]
    assert RENAMES.keys() == set(CONVENTIONS)
    assert translator("1.41.1")(CALL) == CALL


@pytest.mark.parametrize("conventions", CONVENTIONS)
def test_a_rename_loses_nothing(conventions):
    renames = RENAMES[conventions]
    known = {*FACTS.values(), *ADDED, "aver.cost.usd"}
    assert renames.keys() <= known
    after = [renames.get(name, name) for name in known]
    assert len(set(after)) == len(known)


def test_receivers_of_before_are_told_a_system():
    told = translator("1.36.0")(CALL)
    assert told["gen_ai.system"] == "az.ai.openai"
    assert "gen_ai.provider.name" not in told
    former = {each.value for each in gen_ai_attributes.GenAiSystemValues}
    assert told["gen_ai.system"] in former
    assert {name for name in told if name.startswith("gen_ai.")} <= PUBLISHED


@pytest.mark.parametrize(
    ("attributes", "kind"),
    [
        (CALL, "LLM"),
        ({"gen_ai.operation.name": "invoke_agent"}, "AGENT"),
        ({"gen_ai.operation.name": "execute_tool", "aver.step.kind": "executed"}, "TOOL"),
        ({"gen_ai.operation.name": "retrieval", "aver.step.kind": "retrieved"}, "RETRIEVER"),
        ({"aver.step.kind": "checked"}, "GUARDRAIL"),
        ({"aver.step.kind": "verified"}, "EVALUATOR"),
    ],
)
def test_openinference_is_told_a_kind(attributes, kind):
    told = translator("openinference")(attributes)
    assert told["openinference.span.kind"] == kind
    assert "gen_ai.request.model" not in told
    assert "openinference.span.kind" not in translator("openinference")({"aver.tenant.name": "t"}), (
        "a measurement has none"
    )


def test_labels_of_one_instrument_differ():
    for each in INSTRUMENTS.values():
        labels = [LABELS[name] for name in ("aver.tenant.name", *each.attributes)]
        assert len(set(labels)) == len(labels), each.name
        assert re.fullmatch(r"[a-z_]+", each.prometheus)
    assert INSTRUMENTS["aver.cost"].prometheus == "aver_cost_usd_total"
    assert INSTRUMENTS["gen_ai.client.operation.duration"].prometheus == "gen_ai_client_operation_duration_seconds"
    assert INSTRUMENTS["gen_ai.client.token.usage"].prometheus == "gen_ai_client_token_usage"
