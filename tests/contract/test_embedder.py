"""Every embedder keeps the contract, and the contract catches one that does not."""

import numpy as np
import pytest

from aver.gateway.adapters.minilm import MiniLM
from aver.testing import HashEmbedder, contracts
from aver.testing.contracts import EMBEDDER_CHECKS


@pytest.fixture(scope="module")
def minilm(tmp_path_factory):
    return MiniLM(tmp_path_factory.mktemp("models"))


@pytest.mark.parametrize("check", EMBEDDER_CHECKS)
def test_the_built_in_model_keeps_the_contract(minilm, check):
    check(minilm)


@pytest.mark.parametrize("check", EMBEDDER_CHECKS)
def test_the_hashing_fake_keeps_the_contract(check):
    check(HashEmbedder())


class Nameless(HashEmbedder):
    def __init__(self):
        super().__init__()
        self.name = " "


class Long(HashEmbedder):
    def embed(self, texts):
        return super().embed(texts) * 2


class Double(HashEmbedder):
    def embed(self, texts):
        return super().embed(texts).astype(np.float64)


class NoneForNone(HashEmbedder):
    def embed(self, texts):
        return super().embed(texts) if texts else np.empty(0, np.float32)


class Neighbourly(HashEmbedder):
    """Takes a little from the text before, as a batch with one scale for all does."""

    def embed(self, texts):
        vectors = super().embed(texts)
        mixed = vectors + 1e-3 * np.roll(vectors, 1, axis=0)
        return (mixed / np.linalg.norm(mixed, axis=1, keepdims=True)).astype(np.float32)


class Deaf(HashEmbedder):
    def embed(self, texts):
        return super().embed(["same"] * len(texts))


@pytest.mark.parametrize(
    ("wrong", "check"),
    [
        (Nameless, contracts.has_a_name),
        (Long, contracts.gives_unit_rows),
        (Double, contracts.gives_unit_rows),
        (NoneForNone, contracts.gives_no_rows_for_no_texts),
        (Neighbourly, contracts.depends_on_the_text_alone),
        (Deaf, contracts.knows_near_from_far),
    ],
)
def test_a_wrong_one_is_caught(wrong, check):
    with pytest.raises(AssertionError):
        check(wrong())
