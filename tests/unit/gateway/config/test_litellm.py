import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from aver.core.clock import SystemClock
from aver.core.errors import SettingsError
from aver.core.settings import ModelTimeouts
from aver.gateway.config.litellm import convert_litellm
from aver.gateway.config.read import parse_config
from aver.gateway.config.types import Arm, Budget, CachePolicy
from aver.gateway.prices.book import PriceBook
from aver.gateway.prices.types import Rates

BOOK = PriceBook.load(SystemClock())
PATIENCE = "no timeout is written"


def told(notes):
    """But for what is told of every file without a timeout."""
    return [f"{note.line}: {note.kind}: {note.text}" for note in notes if not note.text.startswith(PATIENCE)]


def converted(text, prices=None, **environment):
    text, notes = convert_litellm(text, environment, prices)
    return parse_config(text, "aver.yaml"), told(notes)


SINGLE = """\
model_list:
  - model_name: gpt-4o-mini
    litellm_params:
      model: openai/gpt-4o-mini
      api_key: os.environ/OPENAI_API_KEY
"""


def test_one_deployment_is_a_model():
    text, notes = convert_litellm(SINGLE)
    assert text == (
        "providers:\n  openai: {kind: openai, credential: 'env:OPENAI_API_KEY'}\n"
        "models:\n  gpt-4o-mini: {provider: openai}\n"
    )
    assert told(notes) == []
    assert [note.line for note in notes if note.text.startswith(PATIENCE)] == [2]


def test_a_group_is_a_weighted_route():
    config, notes = converted("""\
model_list:
- model_name: gpt-4o
  litellm_params: {model: azure/eu-4o, api_base: https://eu.openai.azure.com/, api_key: os.environ/AZURE_EU,
                   api_version: "2024-10-21", weight: 3}
  model_info: {base_model: azure/gpt-4o}
- model_name: gpt-4o
  litellm_params: {model: azure/us-4o, api_base: https://us.openai.azure.com/, api_key: os.environ/AZURE_US, weight: 1}
  model_info: {base_model: gpt-4o, max_input_tokens: 128000, max_output_tokens: 16384}
- model_name: gpt-4o
  litellm_params: {model: gpt-4o}
""")
    assert config.routes["gpt-4o"].strategy == "weighted"
    assert config.routes["gpt-4o"].arms == (Arm("gpt-4o@azure", 3), Arm("gpt-4o@azure-2"))
    eu, us = (config.models[name] for name in ("gpt-4o@azure", "gpt-4o@azure-2"))
    assert (eu.id, eu.price, us.price, us.context, us.max_output) == ("eu-4o", "gpt-4o", "gpt-4o", 128_000, 16_384)
    assert config.providers["azure"].options == {"api_version": "2024-10-21"}
    assert config.providers["azure-2"].credential == "env:AZURE_US"
    assert notes == [
        "9: to know: gpt-4o: a deployment without weight is never drawn by LiteLLM either, and was left out."
    ]


def test_requests_per_minute_are_budgets_and_weights():
    config, _ = converted("""\
model_list:
- {model_name: m, litellm_params: {model: openai/a, rpm: 60, tpm: 100000}}
- {model_name: m, litellm_params: {model: openai/b, rpm: 20}}
""")
    assert config.routes["m"].arms == (Arm("m@openai", 60), Arm("m@openai-2", 20))
    assert config.budgets == (
        Budget("m@openai-requests-minute", "model", "requests", 60, "minute", "m@openai"),
        Budget("m@openai-tokens-minute", "model", "tokens", 100_000, "minute", "m@openai"),
        Budget("m@openai-2-requests-minute", "model", "requests", 20, "minute", "m@openai-2"),
    )


FALLBACKS = """\
model_list:
- {model_name: gpt, litellm_params: {model: openai/gpt-4o}}
- {model_name: claude, litellm_params: {model: anthropic/claude-sonnet-4-5, api_key: os.environ/ANTHROPIC}}
- {model_name: claude, litellm_params: {model: bedrock/eu-west-1/anthropic.claude-sonnet-4-5}}
- {model_name: long, litellm_params: {model: gemini/gemini-2.5-pro}}
litellm_settings:
  num_retries: 3
  request_timeout: 120
  fallbacks: [{gpt: [claude, gone]}, {claude: [gpt]}]
  context_window_fallbacks: [{gpt: [long]}]
  content_policy_fallbacks: [{"*": [long]}]
router_settings:
  allowed_fails: 3
  cooldown_time: 30
  enable_pre_call_checks: true
"""


def test_fallbacks_are_tried_after_the_group_even_when_two_groups_fall_back_to_each_other():
    config, notes = converted(FALLBACKS)
    gpt, claude, long = (config.routes[name] for name in ("gpt", "claude", "long"))
    assert gpt.arms == (Arm("gpt@openai"), Arm("claude@pool"))
    assert gpt.fallback == {"context_window": ("long@gemini",), "content_filter": ("long@gemini",)}
    assert claude.arms == (Arm("claude@pool"), Arm("gpt@openai"))
    assert claude.fallback == {"content_filter": ("long@gemini",)}
    assert long.arms == (Arm("long@gemini"),)
    assert long.fallback == {}
    assert config.routes["claude@pool"].arms == (Arm("claude@anthropic"), Arm("claude@bedrock"))
    assert gpt.retries.attempts == claude.retries.attempts == 4
    assert config.providers["bedrock"].options == {"region": "eu-west-1"}
    openai = config.providers["openai"]
    assert (openai.timeouts.whole, openai.breaker.failures, openai.breaker.open) == (120, 4, 30)
    assert notes[0] == "9: to do: a fallback was left out: 'gone' is no group. Valid: claude, gpt, long."
    assert [note.partition(" to ")[0] for note in notes] == ["9:", "7:", "13:", "15:"]


@pytest.mark.parametrize(
    ("strategy", "ours", "said"),
    [
        ("simple-shuffle", "weighted", ""),
        ("latency-based-routing", "fastest", ""),
        ("cost-based-routing", "cheapest", ""),
        ("least-busy", "fastest", "5: to know: routing_strategy least-busy: the strategy fastest takes its place"),
        ("usage-based-routing-v2", "weighted", "limits on use are budgets."),
        ("provider-budget-routing", "weighted", "the strategy weighted takes its place."),
    ],
)
def test_strategies_have_counterparts(strategy, ours, said):
    config, notes = converted(f"""\
model_list:
- {{model_name: m, litellm_params: {{model: openai/a}}}}
- {{model_name: m, litellm_params: {{model: openai/b}}}}
router_settings:
  routing_strategy: {strategy}
""")
    assert config.routes["m"].strategy == ours
    assert said in "".join(notes)
    assert bool(said) == bool(notes)


def test_orders_are_tried_one_after_the_other():
    config, _ = converted("""\
model_list:
- {model_name: m, litellm_params: {model: openai/a, order: 2}}
- {model_name: m, litellm_params: {model: openai/b, order: 1}}
- {model_name: m, litellm_params: {model: openai/c, order: 1}}
""")
    assert config.routes["m"].strategy == "priority"
    assert config.routes["m"].arms == (Arm("m@order-1"), Arm("m@openai"))
    assert config.routes["m@order-1"].arms == (Arm("m@openai-2"), Arm("m@openai-3"))


def test_inline_prices_are_kept_to_the_nano_dollar():
    config, _ = converted("""\
model_list:
- model_name: own
  litellm_params:
    model: hosted_vllm/llama-3.3-70b
    api_base: http://10.0.0.5:8000/v1
    api_key: none
    input_cost_per_token: 1.5e-07
  model_info: {output_cost_per_token: 0.0000006, cache_read_input_token_cost: 7.5e-8, mode: chat}
""")
    model = config.models["own"]
    assert model.rates == Rates(150_000_000, 600_000_000, 75_000_000)
    assert config.providers["vllm"].base_url == "http://10.0.0.5:8000/v1"
    assert config.providers["vllm"].credential == ""


def test_what_a_model_lacks_is_what_is_said_to_be_lacking():
    config, _ = converted("""\
model_list:
- {model_name: a, litellm_params: {model: openai/a}, model_info: {supports_vision: false, supports_reasoning: true}}
- {model_name: b, litellm_params: {model: openai/b}, model_info: {supports_vision: true}}
- {model_name: e, litellm_params: {model: openai/text-embedding-3-small}, model_info: {mode: embedding}}
- {model_name: r, litellm_params: {model: cohere/rerank-v3.5}, model_info: {mode: rerank}}
""")
    assert config.models["a"].capabilities == {"tools", "json", "reasoning", "files"}
    assert config.models["b"].capabilities is None
    assert config.models["e"].capabilities == {"embeddings"}
    assert config.models["r"].capabilities == {"rerank"}


@pytest.mark.parametrize(
    ("params", "kind", "there", "base_url", "credential"),
    [
        ("model: gpt-4o", "openai", "gpt-4o", "https://api.openai.com/v1", "env:OPENAI_API_KEY"),
        ("model: claude-opus-4-1", "anthropic", "claude-opus-4-1", "https://api.anthropic.com", "env:ANTHROPIC_API_KEY"),
        ("model: openai/responses/o3", "responses", "o3", "https://api.openai.com/v1", "env:OPENAI_API_KEY"),
        ("model: groq/llama-3.1-8b", "openai", "llama-3.1-8b", "https://api.groq.com/openai/v1", "env:GROQ_API_KEY"),
        ("model: mistral/mistral-large", "openai", "mistral-large", "https://api.mistral.ai/v1", "env:MISTRAL_API_KEY"),
        ("model: openrouter/meta/llama", "openai", "meta/llama", "https://openrouter.ai/api/v1", "env:OPENROUTER_API_KEY"),
        ("model: deepseek/deepseek-chat", "openai", "deepseek-chat", "https://api.deepseek.com/v1", "env:DEEPSEEK_API_KEY"),
        ("model: together_ai/q/q", "openai", "q/q", "https://api.together.xyz/v1", "env:TOGETHERAI_API_KEY"),
        ("model: ollama/llama3, api_base: http://gpu:11434", "openai", "llama3", "http://gpu:11434/v1", ""),
        ("model: ollama_chat/llama3", "openai", "llama3", "http://127.0.0.1:11434/v1", ""),
        ("model: cohere/command-a", "cohere", "command-a", "https://api.cohere.com", "env:COHERE_API_KEY"),
        ("model: bedrock/converse/us.amazon.nova-pro-v1:0, aws_region_name: us-west-2", "bedrock",
         "us.amazon.nova-pro-v1:0", "https://bedrock-runtime.us-west-2.amazonaws.com", ""),
        ("model: vertex_ai/gemini-2.5-flash, vertex_project: p, vertex_location: europe-west4, vertex_credentials: /k.json",
         "vertex", "gemini-2.5-flash", "https://europe-west4-aiplatform.googleapis.com", "file:/k.json"),
        ("model: vertex_ai/claude-sonnet-4, vertex_project: p", "litellm", "vertex_ai/claude-sonnet-4", "", ""),
        ("model: watsonx/ibm/granite", "litellm", "watsonx/ibm/granite", "", ""),
        ("model: llama3, custom_llm_provider: groq", "openai", "llama3", "https://api.groq.com/openai/v1", "env:GROQ_API_KEY"),
        ("model: acme/big, api_base: 'http://x:1/v1'", "openai", "acme/big", "http://x:1/v1", ""),
        ("model: openai/x, api_base: os.environ/PLACE", "openai", "x", "https://place.example.com", "env:OPENAI_API_KEY"),
    ],
)  # fmt: skip
def test_each_vendor_is_reached_in_its_own_protocol(params, kind, there, base_url, credential):
    config, _ = converted(
        f"model_list: [{{model_name: m, litellm_params: {{{params}}}}}]", PLACE="https://place.example.com"
    )
    model = config.models["m"]
    provider = config.providers[model.provider]
    assert (provider.kind, model.id, provider.base_url, provider.credential) == (kind, there, base_url, credential)


def test_a_secret_is_never_copied():
    text, notes = convert_litellm("""\
model_list:
- model_name: m
  litellm_params:
    model: azure/m
    api_base: https://ann:hunter2@x.openai.azure.com
    api_key: sk-very-secret
    aws_secret_access_key: wJalrXUtnFEMI
general_settings: {master_key: sk-master, database_url: "postgresql://a:b@c/d"}
litellm_settings: {cache: true, cache_params: {type: redis, host: h, password: pw-redis, ttl: 600}}
environment_variables: {OPENAI_API_KEY: sk-inline}
""")
    notes = told(notes)
    said = text + "".join(notes)
    for secret in ("hunter2", "sk-very-secret", "wJalrXUtnFEMI", "sk-master", "a:b@c", "pw-redis", "sk-inline"):
        assert secret not in said
    assert "6: to do: a key is written in clear, and was not taken over: put it into AZURE_API_KEY." in notes
    assert "5: to do: where azure is reached is not said: write it in place of https://azure.invalid." in notes
    assert "8: to do: general_settings.master_key: give each caller a key" in "".join(notes)
    assert "9: to know: litellm_settings.cache_params.host, password: answers are cached" in "".join(notes)


def test_caches_and_spending_are_kept():
    config, notes = converted(SINGLE + """\
litellm_settings:
  cache: true
  cache_params: {type: redis-semantic, ttl: 600, similarity_threshold: 0.8}
  max_budget: 100
  budget_duration: 30d
  drop_params: true
""")  # fmt: skip
    assert config.routes["gpt-4o-mini"].cache == CachePolicy(exact=600, semantic=600)
    assert config.budgets == (Budget("everything", "tenant", "usd", 100_000_000_000, "month"),)
    assert [note.partition(" to ")[0] for note in notes] == ["7:", "7:", "8:", "9:", "11:"]


@pytest.mark.parametrize(
    ("written", "period"), [("1d", "day"), ("24h", "day"), ("1mo", "month"), ("60s", "minute"), ("7d", None)]
)
def test_a_budget_that_has_no_period_here_is_told(written, period):
    config, notes = converted(
        f"model_list: [{{model_name: m, litellm_params: {{model: openai/m, max_budget: 5, budget_duration: {written}}}}}]"
    )
    assert [budget.period for budget in config.budgets] == ([period] if period else [])
    assert bool(notes) == (period is None)


def test_other_names_for_a_group_lead_to_it():
    config, _ = converted(
        FALLBACKS + "  model_group_alias: {gpt-4: gpt, old: {model: claude, hidden: true}, gone: nobody}\n"
    )
    assert config.routes["gpt-4"].arms == config.routes["gpt"].arms
    assert config.routes["gpt-4"].fallback == config.routes["gpt"].fallback
    assert config.routes["old"].arms == config.routes["claude"].arms
    assert "gone" not in config.routes


def test_what_has_no_counterpart_is_told_with_its_line():
    _, notes = converted("""\
model_list:
- {model_name: "openai/*", litellm_params: {model: "openai/*"}}
- {model_name: draw, litellm_params: {model: openai/dall-e-3}, model_info: {mode: image_generation}}
- {litellm_params: {model: openai/x}}
- {model_name: ok, litellm_params: {model: openai/x, mock_response: hi, rpm: many}, extra: 1}
router_settings: {redis_host: localhost, tag_filtering: true}
litellm_settings:
  success_callback: ["langfuse"]
  set_verbose: true
guardrails: [{guardrail_name: g}]
""")
    assert notes == [
        "2: to do: openai/*: which models a wildcard stands for is not known here; name those that are used.",
        "3: to do: draw: the mode image_generation is not served yet, and it was left out: leave these calls where they are.",
        "4: to do: a deployment without model_name and litellm_params.model was left out.",
        "5: to do: an entry of model_list.extra: Aver knows no setting of LiteLLM's by this name; look whether it is one, and what it is to do.",
        "5: to do: litellm_params.mock_response: `python -m aver.testing.provider` is a server that answers as scripted.",
        "5: to do: litellm_params.rpm is no number, and was left out.",
        (
            "6: to do: router_settings.tag_filtering: Aver knows no setting of LiteLLM's by this name; look whether it is one, and what "
            "it is to do."
        ),
        (
            "10: to do: guardrails: calls to models are not checked or masked yet, only the assistant's turns (guardrails: in aver.yaml), "
            "so keep the checks where they are called from."
        ),
        "6: to know: router_settings.redis_host: needed only where several processes share busy budgets: set AVER_REDIS_URL.",
        (
            "8: to know: litellm_settings.success_callback: nobody else is told of calls; every call is recorded as evidence, and "
            "`aver evidence export` gives it out."
        ),
        "9: to know: litellm_settings.set_verbose: it concerns LiteLLM's log alone.",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "1: to do: there is no model_list"),
        ("model_list: []", "1: to do: model_list is empty"),
        ("model_list:", "1: to do: there is no model_list"),
        ("model_list: {a: b}", "1: to do: model_list is no list"),
        ("router_settings: 3", "1: to do: router_settings is no mapping"),
    ],
)
def test_a_file_without_models_is_an_empty_bundle_and_says_so(text, said):
    config, notes = converted(text)
    assert not config.models
    assert any(note.startswith(said) for note in notes), notes


@pytest.mark.parametrize("text", ["- a", "hello", "[model_list]"])
def test_what_is_no_configuration_is_refused(text):
    with pytest.raises(SettingsError, match=r"config\.yaml:1: no configuration of LiteLLM's"):
        convert_litellm(text)


def test_a_file_that_is_no_yaml_is_refused():
    with pytest.raises(SettingsError, match=r"config\.yaml:1: not valid YAML"):
        convert_litellm("model_list: [")


def test_a_timeout_is_the_longest_silence_of_one_attempt():
    config, _ = converted("""\
model_list:
- {model_name: a, litellm_params: {model: openai/a}}
- {model_name: b, litellm_params: {model: groq/b, timeout: 600}}
- {model_name: c, litellm_params: {model: xai/c, stream_timeout: 5}}
router_settings: {timeout: 20}
""")
    of = {name: provider.timeouts for name, provider in config.providers.items()}
    assert of["openai"] == ModelTimeouts(5, 20, 20, 300, 20), "a stream may last as long as ever"
    assert of["groq"] == ModelTimeouts(5, 600, 30, 1200, 600), "and whoever steps in may take as long"
    assert of["xai"] == ModelTimeouts(5, 5, 5, 300, 20)


def test_a_wildcard_stands_for_the_models_whose_prices_are_known():
    config, notes = converted(
        """\
model_list:
- {model_name: "openai/*", litellm_params: {model: "openai/*"}}
- {model_name: "claude-*", litellm_params: {model: "anthropic/claude-*", rpm: 5}}
- {model_name: openai/gpt-4o, litellm_params: {model: groq/gpt-4o}}
- {model_name: "mine/*", litellm_params: {model: "openai/*", api_base: "http://gpu:8000/v1"}}
- {model_name: "bedrock/*", litellm_params: {model: "bedrock/*"}}
litellm_settings: {fallbacks: [{gpt-4.1: [claude-sonnet-4-5]}]}
""",
        BOOK,
    )
    assert (config.models["openai/gpt-5"].id, config.models["openai/gpt-5"].provider) == ("gpt-5", "openai")
    assert config.models["claude-sonnet-4-5"].provider == "anthropic"
    assert config.models["openai/gpt-4o"].provider == "groq", "what is written goes before a wildcard"
    assert [arm.target for arm in config.routes["openai/gpt-4.1"].arms] == [
        "openai/gpt-4.1@openai",
        "claude-sonnet-4-5",
    ]
    assert not any(name.startswith(("mine/", "bedrock/")) for name in config.models)
    assert not config.budgets
    assert [note.partition(":")[0] for note in notes if ": to do: " in note] == ["3", "5", "6"]


def test_tags_choose_by_the_models_name():
    config, notes = converted("""\
model_list:
- {model_name: m, litellm_params: {model: openai/a, tags: [paid]}}
- {model_name: m, litellm_params: {model: openai/b, tags: [free, default]}}
- {model_name: n, litellm_params: {model: openai/a, tags: [paid]}}
router_settings: {enable_tag_filtering: true}
""")
    assert {name: [arm.target for arm in route.arms] for name, route in config.routes.items()} == {
        "m@paid": ["m@openai"],
        "m@free": ["m@openai-2"],
        "m": ["m@openai-2"],
        "n@paid": ["n"],
    }
    assert len([note for note in notes if "name the model" in note]) == 3


def test_what_is_shared_within_the_file_is_read():
    config, notes = converted("""\
_all: &all {api_key: os.environ/KEY, rpm: 5}
model_list:
- {model_name: a, litellm_params: &first {<<: *all, model: openai/a}}
- {model_name: b, litellm_params: {<<: [*first], model: openai/b, rpm: 7}}
""")
    assert [budget.limit for budget in config.budgets] == [5, 7]
    assert {provider.credential for provider in config.providers.values()} == {"env:KEY"}
    assert notes == ["1: to know: _all: Aver knows no section of LiteLLM's by this name, and read nothing in it."]


def test_a_named_credential_and_the_files_own_variables_are_used():
    config, notes = converted("""\
credential_list: [{credential_name: eu, credential_values: {api_base: os.environ/EU, api_key: os.environ/EU_KEY}}]
environment_variables: {EU: "https://eu.openai.azure.com", SECRET: sk-inline}
model_list: [{model_name: m, litellm_params: {model: azure/m, litellm_credential_name: eu}}]
""")
    azure = config.providers["azure"]
    assert (azure.base_url, azure.credential) == ("https://eu.openai.azure.com", "env:EU_KEY")
    assert [note.partition(" set ")[0] for note in notes] == ["2: to do: environment_variables:"]


def test_a_server_of_ones_own_is_free_and_others_want_a_price():
    config, notes = converted(
        "model_list:\n- {model_name: a, litellm_params: {model: ollama/a}}\n- {model_name: b, litellm_params: {model: groq/b}}\n",
        BOOK,
    )
    assert config.models["a"].rates == Rates(0, 0)
    assert config.models["b"].rates is None
    assert notes == [
        (
            "3: to do: nobody knows a price of b: it is not called before you write its price, such as price: {input: 0, output: 0} "
            "for a server of your own."
        ),
        "2: to know: a is on a server of your own and counts as free, as with LiteLLM; price says so.",
    ]


def test_a_misspelt_vendor_is_asked_about():
    _, notes = converted("model_list: [{model_name: m, litellm_params: {model: opneai/gpt-4o}}]")
    assert "Did you mean openai/...?" in notes[0]
    _, notes = converted("model_list: [{model_name: m, litellm_params: {model: azure_ai/x}}]")
    assert "Did you mean" not in notes[0]


def test_headers_that_may_be_secrets_stay_where_they_are():
    config, notes = converted(
        "model_list: [{model_name: m, litellm_params: {model: openai/m, extra_headers: {X-Team: eu, X-Api-Token: abc, "
        "X-Other: os.environ/X}}}]"
    )
    assert config.providers["openai"].headers == {"X-Team": "eu"}
    assert len(notes) == 2
    assert "abc" not in "".join(notes)


def test_limits_for_all_keys_and_users_are_budgets():
    config, notes = converted(SINGLE + """\
litellm_settings:
  max_budget: 100
  budget_duration: 7d
  max_internal_user_budget: 10
  default_internal_user_params: {max_budget: 20, budget_duration: 1d}
  default_key_generate_params: {max_budget: 5, budget_duration: 30d, rpm_limit: 60, tpm_limit: 1000, duration: 30d}
""")  # fmt: skip
    assert config.budgets == (
        Budget("user-usd-ever", "user", "usd", 10 * 10**9, "ever"),
        Budget("key-usd-month", "key", "usd", 5 * 10**9, "month"),
        Budget("key-requests-minute", "key", "requests", 60, "minute"),
        Budget("key-tokens-minute", "key", "tokens", 1000, "minute"),
    )
    assert "7: to do: litellm_settings.max_budget: there are no budgets of 7d" in notes[0]


def test_values_of_the_wrong_type_are_told_and_passed_over():
    config, notes = converted("""\
model_list:
- 5
- {model_name: [a], litellm_params: 3}
- {model_name: ok, litellm_params: {model: openai/gpt-4o, timeout: soon, api_base: {a: b}, rpm: [1], tags: x, headers: 5}}
router_settings: [1]
litellm_settings: {fallbacks: {a: [b]}, cache: maybe, cache_params: 7, max_budget: lots, num_retries: -1}
""")
    assert [*config.models] == ["ok"]
    assert {note.partition(":")[0] for note in notes} == {"2", "3", "4", "5", "6"}
    assert sum(note.startswith("4:") for note in notes) == 5
    assert sum(note.startswith("6:") for note in notes) == 5


def test_a_file_of_any_length_is_answered():
    many = "model_list:\n" + "".join(
        f"- {{model_name: m{n % 50}, litellm_params: {{model: openai/a, api_key: os.environ/K{n}, rpm: 5}}}}\n"
        for n in range(2000)
    )
    config, _ = converted(many)
    assert (len(config.models), len(config.providers), len(config.budgets)) == (2000, 2000, 2000)
    with pytest.raises(SettingsError, match=r"config\.yaml:1: the file has 5,\d+,\d+ characters"):
        convert_litellm(many * 32)


words = st.sampled_from(["gpt", "claude", "own model", "openai/x", "a", "*", "café"])
models = st.sampled_from(
    ["openai/a", "azure/b", "bedrock/c", "vertex_ai/gemini-x", "nobody/d", "ollama/e", "plain", "groq/"]
)
scalars = st.none() | st.booleans() | st.integers(0, 10**6) | st.floats(0, 1e5) | words | st.just("os.environ/X")
fields = st.sampled_from(
    ["api_base", "api_key", "api_version", "rpm", "tpm", "weight", "order", "timeout", "stream_timeout", "max_budget",
     "budget_duration", "input_cost_per_token", "output_cost_per_token", "max_parallel_requests", "organization",
     "region_name", "vertex_project", "custom_llm_provider"]
)  # fmt: skip
deployments = st.builds(
    lambda name, model, params, info: {
        "model_name": name,
        "litellm_params": {"model": model, **params},
        "model_info": info,
    },
    words,
    models,
    st.dictionaries(fields, scalars, max_size=4),
    st.dictionaries(
        st.sampled_from(["mode", "max_input_tokens", "max_output_tokens", "supports_vision"]), scalars, max_size=2
    ),
)
lists = st.lists(st.dictionaries(words, st.lists(words, max_size=2), max_size=1), max_size=3)
sections = st.dictionaries(
    st.sampled_from(["fallbacks", "context_window_fallbacks", "content_policy_fallbacks"]), lists
).flatmap(
    lambda found: st.dictionaries(
        st.sampled_from(
            [
                "num_retries",
                "cache",
                "timeout",
                "allowed_fails",
                "max_budget",
                "routing_strategy",
                "enable_tag_filtering",
            ]
        ),
        scalars,
    ).map(lambda more: {**found, **more})
)


@given(st.lists(deployments, max_size=5), sections, sections)
def test_whatever_is_converted_is_a_valid_bundle(entries, router, general):
    text = yaml.safe_dump(
        {"model_list": entries, "router_settings": router, "litellm_settings": general}, allow_unicode=True
    )
    config, notes = converted(text)
    assert {arm.target for route in config.routes.values() for arm in route.arms} <= {*config.models, *config.routes}
    assert all(re.match(r"\d+: to (do|know): \S", note) and note.endswith((".", "?")) for note in notes)
