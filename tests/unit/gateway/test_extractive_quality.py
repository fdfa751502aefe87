"""How well the extractive model answers real questions over real paragraphs. The floors are well below what is measured; a change
that breaks the scoring falls through them."""

import json

import pytest

from aver.gateway.adapters import extractive
from aver.gateway.adapters.extractive_scoring import score
from aver.gateway.adapters.minilm import MiniLM
from aver.gateway.types import Passage
from tests.conftest import shared_data


@pytest.fixture(scope="module")
def minilm(tmp_path_factory):
    return MiniLM(tmp_path_factory.mktemp("models"))


def asked():
    """Every 24th question of XQuAD with its answer, its paragraph, and the four others of its article."""
    articles = json.loads((shared_data("xquad") / "xquad.en.json").read_text())["data"]
    questions = [
        (
            question["question"],
            question["answers"][0]["text"],
            number,
            [each["context"] for each in article["paragraphs"]],
        )
        for article in articles
        for number, paragraph in enumerate(article["paragraphs"])
        for question in paragraph["qas"]
    ]
    return questions[::24]


def written(question, texts, embedder):
    passages = tuple(Passage(number, "", text) for number, text in enumerate(texts, 1))
    scored = score(question, passages, embedder)
    return [each.text for each in extractive.choose(scored)] if scored.odds >= extractive._LEAST_ODDS else []


def test_most_questions_are_answered_and_most_of_those_without_an_answer_are_not(minilm):
    questions = asked()
    answered = sum(
        any(answer in text for text in written(question, texts, minilm)) for question, answer, _, texts in questions
    )
    held_back = sum(
        not written(question, texts[:number] + texts[number + 1 :], minilm) for question, _, number, texts in questions
    )
    assert answered / len(questions) >= 0.8
    assert held_back / len(questions) >= 0.65
