from dataclasses import replace

import pytest

from aver.core.errors import InvalidInput
from aver.core.settings import ModelTimeouts
from aver.gateway.config.types import (
    Arm,
    Breaker,
    Budget,
    CachePolicy,
    GatewayConfig,
    Hedge,
    Model,
    ProviderConfig,
    Retries,
    Route,
)
from aver.testing.replies import Asked, Received
from aver.testing.selftest import SAMPLE
from aver.testing.selftest.faults import FAULTS, Place
from aver.testing.selftest.scene import HEADER, Scene, Trial, Upstream
from aver.testing.selftest.stage import KEY, Stage

ROOT = "http://127.0.0.1:1"
KINDS = ("openai", "azure", "responses", "anthropic", "gemini", "vertex", "bedrock", "cohere", "litellm")
CONFIG = GatewayConfig(
    {
        kind: ProviderConfig(
            kind,
            kind,
            f"https://{kind}.example",
            credential=f"vault:{kind}",
            options={"auth": "entra", "profile": "mine", "region": "eu"},
            headers={"X-Team": "red"},
            max_concurrent=3,
            timeouts=ModelTimeouts(5, 120, 60, 600),
            breaker=Breaker(7, 0.5, 60, 30),
        )
        for kind in KINDS
    },
    {
        **{kind: Model(kind, kind, f"{kind}-1") for kind in KINDS},
        "far": Model("far", "openai", "far-1", region="us"),
        "vectors": Model("vectors", "openai", "v-1", capabilities=frozenset({"embeddings"})),
    },
    {
        "chat": Route(
            "chat",
            (Arm("openai"), Arm("anthropic"), Arm("cohere")),
            fallback={"content_filter": ("gemini",)},
            retries=Retries(3, 0.1, 0.6, 12),
            hedge=Hedge(0.9, 0.1, 6),
            cache=CachePolicy(exact=60),
            compress=0.5,
        ),
        "share": Route("share", (Arm("openai", 3), Arm("bedrock", 1)), "weighted"),
        "nested": Route("nested", (Arm("share"), Arm("cohere"))),
        "regional": Route("regional", (Arm("openai"), Arm("far")), region="us"),
        "search": Route("search", (Arm("vectors"),)),
    },
    (Budget("all", "tenant", "usd", 1, "day"),),
)
STAGE = Stage(CONFIG, ROOT, 60.0)


def test_every_provider_is_the_one_on_this_machine_with_a_key_of_its_own():
    copied = STAGE.config()
    assert {name: each.base_url for name, each in copied.providers.items()} == {
        kind: ROOT + ("/v1" if kind in ("openai", "responses", "litellm") else "") for kind in KINDS
    }
    for number, each in enumerate(copied.providers.values()):
        assert each.credential.startswith("env:")
        assert KEY not in each.credential
        assert each.headers == {"X-Team": "red", HEADER: str(number)}
        assert each.kind == ("openai" if each.name == "litellm" else each.name)
    assert "auth" not in copied.providers["azure"].options
    assert "profile" not in copied.providers["bedrock"].options
    assert copied.providers["vertex"].options == CONFIG.providers["vertex"].options
    assert "vault" not in repr(copied)
    assert ".example" not in repr(copied)


def test_times_pass_faster_and_nothing_else_changes():
    copied = STAGE.config()
    openai, route = copied.providers["openai"], copied.routes["chat"]
    assert openai.timeouts == ModelTimeouts(5.0, 2.0, 1.0, 10.0)
    assert openai.breaker == Breaker(7, 0.5, 1.0, 0.5)
    assert openai.max_concurrent == 3
    assert (route.retries, route.hedge) == (Retries(3, 0.1, 0.01, 0.2), Hedge(0.9, 0.1, 0.1))
    declared = CONFIG.routes["chat"]
    assert (
        replace(route, retries=declared.retries, hedge=declared.hedge, cache=declared.cache, compress=0.5) == declared
    )
    assert copied.models == CONFIG.models


def test_caches_budgets_and_compression_are_off():
    copied = STAGE.config()
    assert copied.budgets == ()
    assert copied.routes["chat"].cache == CachePolicy()
    assert copied.routes["chat"].compress == 0
    assert copied.unknown_price == "highest"


def test_a_wrong_address_is_that_of_one_provider():
    copied = STAGE.config({"openai": "http://nowhere.invalid"})
    assert copied.providers["openai"].base_url == "http://nowhere.invalid/v1"
    assert copied.providers["anthropic"].base_url == ROOT


def test_routes_that_answer_with_text_are_tested_or_models_where_there_are_none():
    assert STAGE.targets() == ("chat", "share", "nested", "regional")
    assert STAGE.targets(("gemini", "chat")) == ("gemini", "chat")
    assert Stage(replace(CONFIG, routes={}), ROOT, 60.0).targets() == (*KINDS, "far")


def test_a_name_that_is_not_declared_is_answered_with_the_nearest():
    with pytest.raises(InvalidInput, match="Did you mean 'share'"):
        STAGE.targets(("shaer",))
    with pytest.raises(InvalidInput, match="answers with text"):
        STAGE.targets(("search",))
    with pytest.raises(InvalidInput, match="answers with text"):
        Stage(GatewayConfig(), ROOT, 60.0).targets()


def test_who_else_could_answer_is_the_fallbacks_or_the_routes_own_models():
    assert STAGE.answerers("chat", "outage") == ("openai", "anthropic", "cohere")
    assert STAGE.answerers("chat", "content_filter") == ("gemini",)
    assert STAGE.answerers("nested", "outage") == ("openai", "bedrock", "cohere")
    assert STAGE.answerers("regional", "outage") == ("far",)
    assert STAGE.answerers("gemini", "outage") == ("gemini",)


def test_who_is_asked_first_is_known_where_no_chance_is_in_it():
    assert STAGE.first_providers("chat") == ("openai",)
    assert STAGE.first_providers("nested") == ("openai", "bedrock", "cohere")
    assert [STAGE.by_chance(name) for name in ("chat", "share", "nested", "gemini")] == [False, True, True, False]
    assert [STAGE.settled(name) for name in ("chat", "share", "nested", "gemini")] == [True, False, False, True]


def test_a_slow_first_token_takes_the_same_part_of_its_timeout_as_declared():
    assert STAGE.delays(20.0)["openai"] == pytest.approx(2.0 * 20 / 120)


def test_openais_own_models_begin_a_message_anew_here_too():
    openai = ProviderConfig("openai", "openai", "https://api.openai.com/v1")
    copied = Stage(replace(CONFIG, providers={"openai": openai}, models={}, routes={}), ROOT, 60.0).config()
    assert copied.providers["openai"].options == {"prefill": "no"}


def test_what_is_tested_otherwise_is_said():
    assert [note.split()[0] for note in STAGE.notes()] == ["litellm"]
    assert Stage(SAMPLE, ROOT, 60.0).notes() == ()


def received(trial, provider, model) -> Received:
    request = Received("/", {HEADER: str(provider)})
    request.asked = Asked(model, prompt=trial.prompt)
    return request


def test_the_fault_befalls_who_is_asked_first_and_calls_are_told_apart():
    cut = next(fault for fault in FAULTS if fault.name == "stream-cut")
    upstream = Upstream(("one", "other"))
    trials = [Trial(Scene(cut)), Trial(Scene(cut))]
    for trial in trials:
        upstream.expect(trial)
    assert upstream(received(trials[0], 1, "second")).fault == "cut"
    assert upstream(received(trials[0], 0, "first")).text == trials[0].text
    assert upstream(received(trials[1], 0, "first")).fault == "cut"
    assert trials[0].scene.faulty == Place("other", "second")
    assert [ask.place for ask in trials[0].asks] == [("other", "second"), ("one", "first")]
    assert trials[0].text != trials[1].text
    upstream.forget(trials[0])
    assert upstream(received(trials[0], 0, "first")).status == 404


def test_a_healthy_model_goes_on_from_the_last_words_it_is_shown():
    cut = next(fault for fault in FAULTS if fault.name == "stream-cut")
    upstream, trial = Upstream(("one", "other")), Trial(Scene(cut))
    upstream.expect(trial)
    upstream(received(trial, 0, "first"))
    begun = trial.text[:80]
    again = received(trial, 1, "second")
    again.asked = Asked(
        "second", prompt=f"{trial.prompt}\n\n{begun}\n\nGo on from\n{begun[-20:]}\nwithout a word more."
    )
    assert upstream(again).text == trial.text[60:]
