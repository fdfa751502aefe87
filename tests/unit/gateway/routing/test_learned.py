"""A router that learns: on made-up traffic whose truth is known, and on public outcomes where they are present."""

import asyncio
import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aver.core.errors import InvalidInput, NotFound, VerificationFailed
from aver.gateway.config.types import Arm, GatewayConfig, Learned, Model, Route
from aver.gateway.routing.estimation import choose, frontier, mixing, slack_for, value
from aver.gateway.routing.learned import Example, train
from aver.gateway.routing.learned_features import COUNTS, Features, counts, join, look, options, pack, unpack, width
from aver.gateway.routing.learned_file import load, save
from aver.gateway.routing.learned_fit import fit, fold, learn, probability
from aver.gateway.routing.learned_scorer import LearnedScorer
from aver.gateway.routing.router import ConfiguredRouter
from aver.gateway.routing.types import ModelState, Situation
from aver.testing import HashEmbedder

COST = {"small": 1.0, "large": 10.0}
TOPICS = {
    "poetry": ("sonnet", "rhyme", "stanza", "verse", "metre"),
    "algebra": ("prime", "matrix", "root", "factor", "ring"),
}


def prompts(random, count):
    for _ in range(count):
        topic = random.choice(list(TOPICS))
        yield topic, f"A {topic} question: " + " ".join(random.choice(TOPICS[topic], 6))


def traffic(count=600, seed=1, hard="algebra"):
    """The small model does well except on one topic."""
    random = np.random.default_rng(seed)
    for topic, text in prompts(random, count):
        small = random.random() < (0.15 if topic == hard else 0.9)
        yield Example(text, {"small": float(small), "large": float(random.random() < 0.9)}, COST)


def logged(examples, seed=2):
    """The same where only one model was asked, the large one three times of four."""
    random = np.random.default_rng(seed)
    chance = {"small": 0.25, "large": 0.75}
    for each in examples:
        asked = "small" if random.random() < 0.25 else "large"
        yield replace(each, success={asked: each.success[asked]}, propensity=chance)


@pytest.fixture(scope="module")
def embedder():
    return HashEmbedder()


@pytest.fixture(scope="module")
def model(embedder):
    return train(list(traffic()), embedder, 3)


def seen(*texts):
    return look(texts, HashEmbedder())


def worth(model, examples, target=0.97):
    outcomes = np.array([[each.success[name] for name in model.models] for each in examples])
    chosen = model.choose(model.predict(seen(*(each.text for each in examples))), target)
    return value(model.models, outcomes, np.array(model.costs), chosen, 0)


def test_the_small_model_gets_what_it_can_do(model):
    found = worth(model, list(traffic(800, seed=9)))
    assert model.verdict == "better"
    assert found.share.value > 0.95
    assert found.chosen["small"] > 0.4
    assert found.gain.low > 0.05


def test_scores_are_probabilities_that_come_true(model):
    found = model.scores(seen("A poetry question: rhyme verse sonnet metre stanza rhyme"))
    assert found["small"] == pytest.approx(0.9, abs=0.12)
    assert found["large"] == pytest.approx(0.9, abs=0.12)
    assert model.scores(seen("A algebra question: prime root ring factor matrix prime"))["small"] < 0.35


def test_outcomes_of_the_model_that_was_asked_are_enough(embedder, model):
    learned = train(list(logged(traffic(2000))), embedder, 3)
    assert learned.verdict == "better"
    found = worth(learned, list(traffic(800, seed=9)))
    assert found.chosen["small"] > 0.4
    assert found.gain.low > 0.1
    assert found.share.high > 0.95
    assert learned.estimate.share.low < found.share.high
    assert learned.estimate.share.high > found.share.low


def test_what_was_unlikely_to_be_known_counts_the_more_for_it():
    """Outcomes are known of half of the rows of one kind and of a tenth of the other; the rate that is found is that of all."""
    random = np.random.default_rng(6)
    kind = random.random(20000) < 0.5
    chance = np.where(kind, 0.5, 0.1)
    outcomes = np.where(random.random(20000) < chance, np.where(kind, 1.0, 0.0), np.nan)
    rows = np.full((20000, 1), 10.0)  # which kind it is cannot be told
    weighted = learn(rows, outcomes, fold(20000, 0), chance).unseen.mean()
    assert weighted == pytest.approx(0.5, abs=0.02)
    assert learn(rows, outcomes, fold(20000, 0), np.ones(20000)).unseen.mean() > 0.75


def test_models_that_are_good_at_different_things_each_get_theirs(embedder):
    """Either alone does half; that the cheap one keeps up with that is no reason to ask it always."""
    random = np.random.default_rng(3)
    examples = [
        Example(
            text,
            {
                "small": float(random.random() < (0.95 if topic == "poetry" else 0.05)),
                "large": float(random.random() < (0.95 if topic == "algebra" else 0.05)),
            },
            COST,
        )
        for topic, text in prompts(random, 600)
    ]
    learned = train(examples, embedder, 3)
    assert learned.verdict == "better"
    assert learned.estimate.success.low > 0.85
    assert 0.4 < learned.estimate.chosen["small"] < 0.6


def test_a_model_that_costs_nothing_is_the_cheapest(embedder):
    examples = [replace(each, cost={"small": 0.0, "large": 3.0}) for each in traffic()]
    learned = train(examples, embedder, 3)
    assert learned.verdict == "better"
    assert learned.models == ("small", "large")
    assert 0 < learned.estimate.cost < 1


def test_people_who_each_had_one_model_are_drawn_whole(embedder):
    """Prompts of one person are no independent draws: the interval is as wide as their number says."""
    examples = list(logged(traffic(2000)))
    people = [f"p{index % 40}" for index in range(len(examples))]
    values = np.repeat(np.random.default_rng(0).random((40, 1)) < 0.5, 2, axis=1).astype(float)
    values = np.array([values[index % 40] for index in range(len(examples))])
    costs, chosen = np.array([1.0, 2.0]), np.zeros(len(examples), int)
    alone = value(("small", "large"), values, costs, chosen, 0).success
    whole = value(("small", "large"), values, costs, chosen, 0, people).success
    assert whole.value == alone.value
    assert whole.high - whole.low > 4 * (alone.high - alone.low)
    few = [replace(each, person=f"p{index % 4}") for index, each in enumerate(examples)]
    learned = train(few, embedder, 3)
    assert learned.verdict == "inconclusive"
    assert "4 people" in learned.why


def test_where_prompts_tell_nothing_the_best_single_model_is_kept(embedder):
    random = np.random.default_rng(4)
    examples = [
        Example(text, {"small": float(random.random() < 0.6), "large": float(random.random() < 0.85)}, COST)
        for _, text in prompts(random, 600)
    ]
    learned = train(examples, embedder, 3)
    assert learned.verdict == "not better"
    assert set(learned.choose(learned.predict(seen(*(each.text for each in examples))), 0.97)) == {
        learned.models.index("large")
    }
    assert learned.graded({"small": 0.99, "large": 0.5}, 0.97) == {"small": 0.0, "large": 0.5}
    assert learned.why.endswith("large always")


def test_a_model_that_was_hardly_ever_asked_leaves_it_inconclusive(embedder):
    """The small model was asked about poems alone, so nothing is known of it elsewhere."""
    chance = {"poetry": {"small": 0.5, "large": 0.5}, "algebra": {"small": 0.0, "large": 1.0}}
    random = np.random.default_rng(8)
    examples = []
    for topic, text in prompts(random, 600):
        asked = "small" if random.random() < chance[topic]["small"] else "large"
        examples.append(Example(text, {asked: float(random.random() < 0.9)}, COST, chance[topic]))
    learned = train(examples, embedder, 3)
    assert learned.verdict == "inconclusive"
    assert "never tried" in learned.why
    assert learned.slack(0.5) is None


def test_training_twice_gives_the_same_router(embedder, model):
    again = train(list(traffic()), embedder, 3)
    assert np.array_equal(again.coefficients, model.coefficients)
    assert again.estimate == model.estimate


@pytest.mark.parametrize(
    ("examples", "cause"),
    [
        ([Example("a", {"small": 1.0}, COST)] * 60, "know of 1 models"),
        ([Example("a", {"small": 1.0, "large": 1.0}, COST)] * 10, "Only 10 outcomes"),
        ([Example("a", {"small": 1.0, "large": 1.0})] * 60, "cost of the model"),
        ([Example("a", {"small": 1.0, "large": 1.0}, {"small": 0.0, "large": 0.0})] * 60, "costs anything"),
        (
            [Example("a", {name: 1.0}, COST) for name in ("small", "large")] * 60,
            "no propensities",
        ),
        (
            [Example("a", {name: 1.0}, COST, {"small": 1.0}) for name in ("small", "large")] * 60,
            "never asked",
        ),
    ],
)
def test_what_cannot_be_learned_from_is_refused(embedder, examples, cause):
    with pytest.raises(InvalidInput, match=cause):
        train(examples, embedder, 0)


def test_a_file_gives_the_router_back(tmp_path, embedder, model):
    digest = save(model, tmp_path / "router.json")
    again = load(tmp_path / "router.json", embedder)
    found = seen("A poetry question: rhyme verse")
    assert again.scores(found) == pytest.approx(model.scores(found), abs=1e-5)
    assert (again.models, again.estimate, again.verdict) == (model.models, model.estimate, model.verdict)
    assert again.slack(0.97) == pytest.approx(model.slack(0.97), abs=1e-6)
    assert save(again, tmp_path / "second.json") == digest
    assert sorted(path.name for path in tmp_path.iterdir()) == ["router.json", "second.json"]


def test_a_file_that_was_changed_is_refused(tmp_path, embedder, model):
    path = tmp_path / "router.json"
    save(model, path)
    content = json.loads(path.read_text())
    content["verdict"] = "not better"
    path.write_text(json.dumps(content))
    with pytest.raises(VerificationFailed, match="not as it was written"):
        load(path, embedder)
    for damaged in ("{", "[]", "7", "{}", '"a"'):
        path.write_text(damaged)
        with pytest.raises(VerificationFailed):
            load(path, embedder)
    with pytest.raises(NotFound):
        load(tmp_path / "nothing.json", embedder)


def test_vectors_of_another_embedder_are_refused(tmp_path, embedder, model):
    save(model, tmp_path / "router.json")
    with pytest.raises(InvalidInput, match="hash:32"):
        load(tmp_path / "router.json", HashEmbedder(32))


def situation(text, draw=0.5):
    states = {"small": ModelState(nano_usd=10), "large": ModelState(nano_usd=100)}
    return Situation("t", "u", draw, 100, 100, frozenset(), states, lambda: text)


ROUTE = Route("auto", (Arm("large"), Arm("small")), "learned", learned=Learned("router.json", explore=0.1))


def router(scorer):
    models = {name: Model(name, "p", name) for name in COST}
    return ConfiguredRouter(GatewayConfig(models=models, routes={"auto": ROUTE}), scorer)


def test_a_route_follows_the_learned_choice(model):
    learned = router(LearnedScorer({"auto": model}, HashEmbedder))
    for text in (each.text for each in traffic(60, seed=11)):
        wanted = model.models[model.choose(model.predict(seen(text)), 0.97)[0]]
        assert learned.plan("auto", situation(text)).models[0] == wanted


def test_a_route_that_learned_nothing_takes_its_first_model():
    assert router(LearnedScorer({}, HashEmbedder)).plan("auto", situation("a")).models[0] == "large"


def test_a_prompt_is_embedded_once_and_off_the_event_loop(model):
    calls = []

    class Counting:
        name, dimension = "c", 1

        def embed(self, texts):
            try:
                asyncio.get_running_loop()
            except RuntimeError:
                calls.append(len(texts))
            else:
                calls.append("on the loop")
            return HashEmbedder().embed(texts)

    scorer = LearnedScorer({"auto": model}, Counting)

    async def twice():
        await scorer.prepare("A poetry question")
        kept = await scorer.prepare("A poetry question")
        return kept, scorer(ROUTE, "A poetry question")

    kept, scores = asyncio.run(twice())
    assert set(scores) == {"small", "large"}
    assert calls == [1]
    assert kept == {"embedder": "c", "seen": pack(seen("A poetry question"))}


@given(
    st.dictionaries(st.sampled_from("abcd"), st.floats(0, 1), min_size=2),
    st.floats(0.5, 1),
    st.floats(0, 1),
)
def test_grading_turns_the_slack_into_the_share_a_route_asks_for(model, scores, target, slack):
    bent = replace(model, curve=np.array([[slack, 1.0, 0.5]]))
    graded = bent.graded(scores, target)
    most = max(scores.values())
    assert max(graded.values()) == pytest.approx(most)
    for name, score in scores.items():
        if abs(most - score - slack) > 1e-4 and most > 1e-3:
            assert (graded[name] >= target * most) == (most - score <= slack)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=30), st.floats(0, 1))
def test_the_cheapest_model_within_the_slack_is_chosen(rows, slack):
    predicted, costs = np.array(rows), np.array([3.0, 1.0, 2.0])
    for row, taken in zip(predicted, choose(predicted, costs, slack), strict=True):
        good = [index for index in range(3) if row[index] >= row.max() - slack]
        assert taken in good
        assert costs[taken] == min(costs[good])


def test_more_slack_never_costs_more():
    random = np.random.default_rng(0)
    curve = frontier(random.random((200, 3)), random.random((200, 3)), np.array([1.0, 2.0, 5.0]))
    assert all(earlier[2] >= later[2] - 1e-12 for earlier, later in pairwise(curve))
    assert curve[0, 0] == 0.0
    assert slack_for(curve, 99.0) is None


def test_mixing_is_the_straight_line_between_models():
    success, costs = np.array([[0.6, 0.9, 0.5]]), np.array([1.0, 3.0, 2.0])
    assert mixing(success, costs, np.array([2.0])) == pytest.approx([0.75])
    assert mixing(success, costs, np.array([3.0])) == pytest.approx([0.9])
    assert mixing(success, costs, np.array([9.0])) == pytest.approx([0.9])


def test_the_regression_finds_where_the_likelihood_is_flat():
    """Its gradient, worked out here, is nothing."""
    random = np.random.default_rng(1)
    rows = random.normal(size=(300, 12))
    outcomes = (random.random(300) < probability(rows @ random.normal(size=12))).astype(float)
    for penalty, found in zip((0.5, 4.0), fit(rows, outcomes, (0.5, 4.0)), strict=True):
        gradient = rows.T @ (1 / (1 + np.exp(-rows @ found)) - outcomes) + penalty * found
        assert np.abs(gradient).max() < 1e-3


def test_predictions_for_what_was_left_out_do_not_know_its_outcome():
    random = np.random.default_rng(2)
    rows = np.column_stack((random.normal(size=(400, 60)), np.full(400, 10.0)))
    outcomes = random.integers(0, 2, 400).astype(float)
    unseen = learn(rows, outcomes, fold(400, 0), np.ones(400)).unseen
    assert abs(unseen[outcomes == 1].mean() - unseen[outcomes == 0].mean()) < 0.05


def test_outcomes_of_one_kind_only_are_learned_too():
    rows = np.column_stack((np.random.default_rng(3).normal(size=(100, 4)), np.full(100, 10.0)))
    assert learn(rows, np.ones(100), fold(100, 0), np.ones(100)).unseen.min() > 0.9


@pytest.mark.parametrize(
    ("text", "begin"),
    [
        ("Which?\nA. one\nB. two\nAnswer:", "A. one"),
        ("Which?\n(a) one\n(b) two", "(a) one"),
        ("Which?\n1) one\n2) two", "1) one"),
        ("First?\nA. x\nB. y\nAnswer: A\n\nSecond?\nA. v\nB. w", "A. v"),
        ("A. J. Ayer wrote it.", ""),
        ("Nothing to choose from", ""),
        ("", ""),
    ],
)
def test_the_last_list_of_options_is_found(text, begin):
    found = options(text)
    assert (text[found:].startswith(begin) and begin) if found >= 0 else not begin


@given(st.text(max_size=400))
def test_any_text_has_features(text):
    assert len(counts(text)) == COUNTS
    rows = Features.of(seen(text, "b")).rows(seen(text, "A. one\nB. two"))
    assert rows.shape == (2, width(HashEmbedder().dimension))
    assert np.isfinite(rows).all()


def test_a_prompt_without_options_shares_no_counts_with_one_that_has_them():
    found = seen("a b c", "Which?\nA. one\nB. two")
    tail = Features.of(found).rows(found)[:, 2 * HashEmbedder().dimension : -1]
    assert not (tail[0] * tail[1]).any()


@given(st.lists(st.text(max_size=200) | st.just("Which?\nA. one\nB. two"), min_size=1, max_size=4))
def test_what_is_kept_of_a_prompt_is_what_was_seen_of_it(texts):
    found = seen(*texts)
    for row, text in enumerate(texts):
        packed = pack(seen(text))
        kept = unpack(packed, HashEmbedder().dimension)
        assert bool(kept.listed[0]) == bool(found.listed[row])
        assert np.array_equal(kept.counts[0], found.counts[row])
        for mine, theirs in ((kept.ends[0], found.ends[row]), (kept.options[0], found.options[row])):
            assert np.abs(mine - theirs).max() <= np.abs(theirs).max() / 254 + 1e-7
    assert np.array_equal(join([seen(text) for text in texts]).counts, found.counts)


@pytest.mark.parametrize("kept", ["", "AAAA", "not base64!", "A" * 4000])
def test_what_no_router_wrote_is_refused(kept):
    with pytest.raises(InvalidInput):
        unpack(kept, HashEmbedder().dimension)


PUBLIC = Path(__file__).resolve().parents[5] / "shared" / "data" / "routing" / "routellm_2model.jsonl"


@pytest.mark.skipif(not PUBLIC.exists(), reason="The public outcomes are not beside the checkout, in ../shared/data.")
def test_public_outcomes_are_better_chosen_than_drawn(tmp_path):
    """A tenth of MMLU, with the embedder of the tests: less than a router trained on all of it with the built-in one knows."""
    rows = [json.loads(line) for line in PUBLIC.read_text(encoding="utf-8").splitlines()]
    rows = [row for row in rows if row["task"].startswith("mmlu_moral") or row["task"].startswith("mmlu_high_school_g")]
    examples = [
        Example(
            row["prompt"],
            {name.partition(":")[0]: float(right) for name, right in row["score"].items()},
            {"weak": 1.0, "strong": 20.0},
        )
        for row in rows
    ]
    order = np.random.default_rng(0).permutation(len(examples))
    seen = [examples[index] for index in order[: len(order) // 2]]
    held = [examples[index] for index in order[len(order) // 2 :]]
    learned = train(seen, HashEmbedder(), 0)
    found = worth(learned, held)
    assert learned.verdict == "better"
    assert found.gain.low > 0
